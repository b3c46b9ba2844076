"""The estimates of many variants of one analysis as strips of dots on the axis of the effect."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from endomtor.figures import intervals, style

LANES = {"full": "all data", "unit": "one left out", "other": "other choices"}
"""The strips of one prediction, from top to bottom."""

HOLDS = {"marker": "o", "color": style.QUIET, "s": 17, "zorder": 3}
CHANGES = {"marker": "X", "color": style.INK, "s": 42, "zorder": 4}
"""A variant that leaves the verdict as it is, and one that changes it; colours of groups would say something else."""

_LINE_INCHES = 0.2
_HEIGHTS = {"full": 1.0, "unit": 2.1, "other": 1.6}
_HEAD = 1.5
_BINS = 70
"""Dots are stacked where they would cover one another; so many stand side by side."""


def fragility(frame: pd.DataFrame, *, xlabel: str, references: Mapping[float, str]) -> Figure:
    """Draw for each prediction its estimate from all data and, below, one dot per variant.

    Parameters
    ----------
    frame : DataFrame
        Columns `label` (the prediction; from top to bottom), `note` (printed at its right), `smallest` (its smallest
        effect of interest, signed), `kind` ("full", once per label; "unit"; all others count as other choices),
        `estimate`, `holds`; `low`, `high` and `interval_kind` in rows of kind "full". Variants without an estimate are
        not drawn.
    references : mapping of float to str
        Vertical lines and their words.
    """
    frame = frame.assign(lane=frame["kind"].where(frame["kind"].isin(["full", "unit"]), "other"))
    full, rest = frame[frame["lane"] == "full"], frame[frame["lane"] != "full"].dropna(subset=["estimate"])
    limits = intervals.limits_of(
        [*full["estimate"], *full["smallest"]],
        [*full["low"].astype(float), *full["high"].astype(float)],
        list(references),
    )
    tall = _HEAD + sum(_HEIGHTS.values())
    bottom = tall * len(full) + 0.2
    with style.house():
        figure = style.page(1.2 + _LINE_INCHES * bottom)
        axes = figure.add_subplot()
        axes.set(xlim=limits, ylim=(bottom, 0), xlabel=xlabel)
        axes.spines["left"].set_visible(False)
        for at, words in references.items():
            axes.axvline(at, color=style.QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            look = {"ha": "center", "fontsize": 9, "color": style.QUIET, "textcoords": "offset points"}
            axes.annotate(words, (at, 1), (0, 3), xycoords=("data", "axes fraction"), **look)
        ticks = {}
        for place, row in enumerate(full.to_dict("records")):
            top = place * tall
            _head(axes, top, row)
            at = top + _HEAD
            axes.plot([row["smallest"]] * 2, [at - 0.1, top + tall - 0.1], **_THIN, linestyle=(0, (1, 2)))
            axes.plot([row["estimate"]] * 2, [at + 0.5, top + tall - 0.1], **_THIN)
            own = rest[rest["label"] == row["label"]]
            for lane, height in _HEIGHTS.items():
                ticks[at + height / 2] = LANES[lane]
                if lane == "full":
                    numbers = (row["estimate"], *(np.nan if v is None else v for v in (row["low"], row["high"])))
                    look = {"limits": limits, "colour": _ALL["color"], "marker": _ALL["marker"]}
                    intervals.draw(axes, at + height / 2, *numbers, row["interval_kind"], **look)
                else:
                    _strip(axes, own[own["lane"] == lane], at + height / 2, 0.8 * height, limits)
                at += height
        axes.set_yticks(list(ticks), list(ticks.values()), fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        _legend(figure)
    return figure


_ALL = {"marker": "D", "color": style.INK}
_THIN = {"color": style.QUIET, "linewidth": 1, "zorder": 1}


def _head(axes: Axes, top: float, row: Mapping) -> None:
    words = {"xycoords": ("axes fraction", "data"), "fontsize": 9.5, "va": "top", "zorder": 5}
    words["bbox"] = {"facecolor": style.PAGE, "edgecolor": "none", "pad": 1}
    axes.annotate(row["label"], (0, top + 0.3), weight="bold", **words)
    axes.annotate(row["note"], (1, top + 0.3), ha="right", **words)


def _strip(axes: Axes, own: pd.DataFrame, middle: float, height: float, limits: tuple[float, float]) -> None:
    """Stack the dots about the middle of their lane; one beyond the axis is a triangle at its edge."""
    low, high = limits
    edge = 0.012 * (high - low)
    inside = own["estimate"].clip(low + edge, high - edge)
    bins = np.rint((inside - low) / (high - low) * _BINS)
    level = own.groupby(bins).cumcount()
    step = min(0.42, height / (level.max() + 1)) if len(own) else 0.0
    size = own.groupby(bins)["estimate"].transform("size")
    at = middle + step * (level - (size - 1) / 2)
    beyond = {"<": own["estimate"] < low, ">": own["estimate"] > high}
    for look, chosen in ((HOLDS, own["holds"]), (CHANGES, ~own["holds"])):
        shown = chosen & ~beyond["<"] & ~beyond[">"]
        axes.scatter(inside[shown], at[shown], linewidth=0.5, edgecolor=style.PAGE, **look)
        for marker, far in beyond.items():
            filled = look["color"] if look is HOLDS else "none"
            paint = {"marker": marker, "facecolor": filled, "edgecolor": look["color"], "s": 26, "zorder": 3}
            axes.scatter(inside[chosen & far], at[chosen & far], **paint)


def _legend(figure: Figure) -> None:
    looks = {"verdict holds": (HOLDS, 5.5), "verdict changes": (CHANGES, 8), "all data": (_ALL, 7)}
    handles = [
        Line2D([], [], linestyle="", marker=look["marker"], color=look["color"], markersize=size, markeredgewidth=0)
        for look, size in looks.values()
    ]
    figure.legend(handles, list(looks), loc="outside upper left", ncols=3, columnspacing=1.2, handletextpad=0.3)
