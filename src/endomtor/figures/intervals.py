"""An estimate and its confidence set on an axis, whatever form the set has."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from endomtor.figures import style

LIMIT, ENDLESS, BEYOND = "-", "-|>,head_length=0.5,head_width=0.25", "->,head_length=0.35,head_width=0.45"
"""Ends of an interval: a limit; no limit; a limit beyond the axis, wide, or it would look filled at this size."""

_STUB = 0.01
"""Share of the axis behind the arrowhead of a piece that lies beyond it."""
_MARKER, _END = 6, 9
"""Points across the marker of an estimate, and along the tick at a limit, which is seen where the marker covers it."""


def draw(
    axes: Axes,
    at: float,
    estimate: float,
    low: float,
    high: float,
    kind: str,
    *,
    limits: tuple[float, float],
    colour: str,
    marker: str = "o",
    vertical: bool = False,
) -> None:
    """Draw one estimate with its interval.

    A limit has a tick, longer than the marker is high. What goes on without end has a filled arrowhead at the edge,
    a limit that lies beyond `limits` an open one. A two-piece set (x <= low or x >= high) is two arrows that leave
    the gap between them open; of a piece that lies beyond `limits` the arrowhead alone is seen. The whole line is
    an arrow at both ends.

    Parameters
    ----------
    at : float
        Position on the other axis.
    kind : str
        One of `endomtor.stats.INTERVAL_KINDS`.
    limits : tuple[float, float]
        The visible range of the estimate's axis.
    """
    if kind == "two_piece":
        pieces = [(-np.inf, low), (high, np.inf)]
    else:
        start = -np.inf if kind in ("lower_unbounded", "whole_line") else low
        end = np.inf if kind in ("upper_unbounded", "whole_line") else high
        pieces = [(start, end)]
    for start, end in pieces:
        _segment(axes, at, start, end, limits, colour, vertical)
    edge_low, edge_high = limits
    if np.isfinite(estimate) and edge_low <= estimate <= edge_high:
        where = (at, estimate) if vertical else (estimate, at)
        look = {"markersize": _MARKER, "markeredgecolor": style.PAGE, "markeredgewidth": 0.7}
        axes.plot(*where, marker=marker, color=colour, **look, zorder=4)


def _segment(
    axes: Axes, at: float, start: float, end: float, limits: tuple[float, float], colour: str, vertical: bool
) -> None:
    low, high = limits
    stub = _STUB * (high - low)
    if end < low:
        seen, heads = (low, low + stub), (_head(start, True), LIMIT)
    elif start > high:
        seen, heads = (high - stub, high), (LIMIT, _head(end, True))
    else:
        seen, heads = (max(start, low), min(end, high)), (_head(start, start < low), _head(end, end > high))
    middle = sum(seen) / 2
    for tip, head in zip(seen, heads, strict=True):
        ends = ((at, tip), (at, middle)) if vertical else ((tip, at), (middle, at))
        look = {"arrowstyle": head, "color": colour, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 13}
        axes.annotate("", *ends, annotation_clip=False, zorder=3, arrowprops=look)
        if head == LIMIT and low <= tip <= high and tip in (start, end):
            tick = {"marker": "_" if vertical else "|", "markersize": _END, "markeredgewidth": 1.4}
            axes.plot(*ends[0], **tick, color=colour, zorder=3)


def _head(limit: float, beyond: bool) -> str:
    if not beyond:
        return LIMIT
    return ENDLESS if np.isinf(limit) else BEYOND


def limits_of(estimates: Sequence[float], ends: Sequence[float], marks: Sequence[float]) -> tuple[float, float]:
    """Return limits for an axis of estimates.

    They hold every finite estimate and reference mark, and every interval limit that stretches the axis by at most
    twice what those need on either side; wider intervals end in an arrow.
    """
    core = [value for value in (*estimates, *marks) if np.isfinite(value)]
    finite = [end for end in ends if np.isfinite(end)]
    low, high = min(core), max(core)
    span = max(high - low, float(np.median(np.abs(np.subtract(finite, np.mean(core))))) if finite else 0.0) or 1.0
    inside = [end for end in finite if low - 2 * span <= end <= high + 2 * span]
    low, high = min([low, *inside]), max([high, *inside])
    pad = 0.06 * (high - low or 1.0)
    return low - pad, high + pad
