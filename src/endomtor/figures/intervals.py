"""An estimate and its confidence set on an axis, whatever form the set has."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from endomtor.figures import style


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

    A limit that is infinite, or beyond `limits`, ends in an arrow at the edge. A two-piece set (x <= low or x >= high)
    is two arrows that leave the gap between them open; the whole line is an arrow at both ends.

    Parameters
    ----------
    at : float
        Position on the other axis.
    kind : str
        One of `endomtor.stats.INTERVAL_KINDS`.
    limits : tuple[float, float]
        The visible range of the estimate's axis.
    """
    edge_low, edge_high = limits
    if kind == "two_piece":
        _segment(axes, at, edge_low, min(low, edge_high), (True, False), colour, vertical)
        _segment(axes, at, max(high, edge_low), edge_high, (False, True), colour, vertical)
    else:
        start = -np.inf if kind in ("lower_unbounded", "whole_line") else low
        end = np.inf if kind in ("upper_unbounded", "whole_line") else high
        arrows = (start < edge_low, end > edge_high)
        _segment(axes, at, max(start, edge_low), min(end, edge_high), arrows, colour, vertical)
    if np.isfinite(estimate) and edge_low <= estimate <= edge_high:
        where = (at, estimate) if vertical else (estimate, at)
        axes.plot(*where, marker=marker, color=colour, markersize=8, markeredgecolor=style.PAGE, zorder=4)


def _segment(
    axes: Axes, at: float, start: float, end: float, arrows: tuple[bool, bool], colour: str, vertical: bool
) -> None:
    if start > end:
        return
    ends = [(at, start), (at, end)] if vertical else [(start, at), (end, at)]
    heads = {(False, False): "-", (True, False): "<|-", (False, True): "-|>", (True, True): "<|-|>"}
    axes.annotate(
        "",
        xy=ends[1],
        xytext=ends[0],
        annotation_clip=False,
        zorder=3,
        arrowprops={
            "arrowstyle": heads[arrows],
            "color": colour,
            "linewidth": 2.2,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 13,
        },
    )


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
