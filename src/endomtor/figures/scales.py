"""Axes that compute on the analysis scale (log2, ln, logit) and read in the units of the measurement."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator
from scipy.special import expit, logit


@dataclass(frozen=True)
class Scale:
    """How a value on the analysis scale is read.

    Attributes
    ----------
    shown, analysed : callable
        From the analysis scale to the units that are printed, and back.
    difference_shown, difference_analysed : callable
        The same for a difference on the analysis scale.
    difference : str
        What a difference is called: "difference", "ratio" or "odds ratio".
    bounds : tuple[float, float]
        Open limits of the printed values.
    """

    shown: Callable
    analysed: Callable
    difference_shown: Callable
    difference_analysed: Callable
    difference: str
    bounds: tuple[float, float]


def _same(value):
    return value


SCALES = {
    "linear": Scale(_same, _same, _same, _same, "difference", (-np.inf, np.inf)),
    "log2": Scale(np.exp2, np.log2, np.exp2, np.log2, "ratio", (0, np.inf)),
    "ln": Scale(np.exp, np.log, np.exp, np.log, "ratio", (0, np.inf)),
    "logit": Scale(
        lambda x: 100 * expit(x), lambda percent: logit(percent / 100), np.exp, np.log, "odds ratio", (0, 100)
    ),
}


def find(name: str) -> Scale:
    """Return a scale by name. Raises `ValueError` for an unknown one."""
    if name not in SCALES:
        raise ValueError(f"scale is {name!r}, expected one of {', '.join(SCALES)}")
    return SCALES[name]


def read_values(axis: Axis, scale: Scale, most: int = 7) -> None:
    """Tick an axis of values in printed units, within its present limits, at most `most` times."""
    if scale.shown is not _same:
        _tick(axis, scale.shown, scale.analysed, scale.bounds, most)


def read_differences(axis: Axis, scale: Scale, most: int = 7) -> None:
    """Tick an axis of differences as ratios where the analysis scale is a logarithm."""
    if scale.difference_shown is not _same:
        _tick(axis, scale.difference_shown, scale.difference_analysed, (0, np.inf), most)


def _tick(axis: Axis, shown: Callable, analysed: Callable, bounds: tuple[float, float], most: int) -> None:
    low, high = sorted(axis.get_view_interval())
    ends = shown(np.array([low, high]))
    ticks = _nice(*ends, bounds, most)
    if axis.axis_name == "x":
        ticks = _apart(ticks, analysed, _NUMBER_WIDTH * (high - low))
    axis.set_major_locator(FixedLocator(analysed(ticks)))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _number(float(f"{shown(value):.6g}"))))


# Share of a horizontal axis that the longest of our numbers takes.
_NUMBER_WIDTH = 0.24


def _apart(ticks: np.ndarray, analysed: Callable, gap: float) -> np.ndarray:
    """Drop ticks whose numbers would run into one another; the ratio 1 stays."""
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda tick: (tick != 1, tick)):
        if all(abs(analysed(tick) - analysed(other)) >= gap for other in kept):
            kept.append(tick)
    return np.sort(np.array(kept))


def _number(value: float) -> str:
    """Return a tick's number; from ten thousand on in thousands (k) or millions (M)."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (letter == "M" and abs(value) >= size):
            return f"{value / size:,.10g}{letter}"
    return f"{value:,.10g}"


_PER_CENT = (
    (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9),
    (0.1, 0.5, 2, 10, 50, 90, 98, 99.5, 99.9),
    (0.1, 1, 10, 50, 90, 99, 99.9),
)
"""Ticks of a logit axis, from fine to coarse."""


def _nice(low: float, high: float, bounds: tuple[float, float], most: int) -> np.ndarray:
    """Return round numbers within the limits, the largest set of at most `most` from coarse to fine.

    Steps of 1, 2 or 5 only, so that the ratio 1 is among them whenever it is in range. Per cent that reach below 10 or
    above 90 are ticked towards both ends, where a logit axis has its room.
    """
    if bounds == (0, 100) and (low < 10 or high > 90):
        for ticks in _PER_CENT:
            inside = [tick for tick in ticks if low <= tick <= high]
            if 3 <= len(inside) <= most:
                return np.array(inside)
    wide = bounds == (0, np.inf) and high / max(low, np.finfo(float).tiny) > 6
    best = np.array([])
    for fineness in range(1, 10):
        if wide:
            locator = LogLocator(subs=[(1,), (1, 3), (1, 2, 5)][min(fineness, 3) - 1], numticks=50)
        else:
            locator = MaxNLocator(fineness, steps=[1, 2, 5, 10])
        ticks = np.asarray(locator.tick_values(low, high))
        ticks = ticks[(ticks >= low) & (ticks <= high) & (ticks > bounds[0]) & (ticks < bounds[1])]
        if len(best) < len(ticks) <= most:
            best = ticks
    return best
