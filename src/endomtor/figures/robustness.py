"""The estimates of many variants of one analysis as strips of dots on the axis of the effect."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from endomtor.figures import intervals, style
from endomtor.figures.drawing import Drawn

HOLDS = {"marker": "o", "color": style.QUIET, "s": 17, "zorder": 3}
CHANGES = {"marker": "X", "color": style.INK, "s": 42, "zorder": 4}
"""A variant that leaves the verdict as it is, and one that changes it; colours of groups would say something else."""

_LINE_INCHES = 0.2
_HEAD = 2.4
_HEIGHTS = {"full": 1.0, "unit": 2.1}
_CHOICE, _MORE_LINES = 0.8, 0.6
"""Height of the row of one choice, and of each further line of its name."""
_NAME_CHARACTERS = 20
_BINS = 70
"""Dots are stacked where they would cover one another; so many stand side by side."""


def robustness(frame: pd.DataFrame, *, xlabel: str, references: Mapping[float, str]) -> Drawn:
    """Draw for each prediction its estimate from all data and, below, one mark for each variant.

    Units that are left out share a strip; each other choice has a row, since many leave the estimate as it is.

    Parameters
    ----------
    frame : DataFrame
        Columns `label` (the prediction; from top to bottom), `note` (printed below it; in its row "full"), `kind`
        ("full", once per label; "unit"; all others are other choices), `choice` (the name of its row), `smallest` (the
        smallest effect of interest there, signed), `estimate`, `unread` (words in place of an estimate that is missing,
        else empty), `holds`; `low`, `high` and `interval_kind` in rows of kind "full".
    references : mapping of float to str
        Vertical lines and their words.
    """
    full = frame[frame["kind"] == "full"]
    ends = full.loc[full["unread"] == "", ["low", "high"]].astype(float).to_numpy().ravel()
    limits = intervals.limits_of([*full["estimate"], *frame["smallest"]], ends, list(references))
    lanes = [(label, _lanes(own)) for label, own in frame.groupby("label", sort=False)]
    bottom = sum(_HEAD + sum(height for _, height, _ in own) for _, own in lanes) + 0.2
    with style.house():
        figure = style.page(1.2 + _LINE_INCHES * bottom)
        axes = figure.add_subplot()
        axes.set(xlim=limits, ylim=(bottom, 0), xlabel=xlabel)
        axes.spines["left"].set_visible(False)
        style.references(axes, references, _spans(lanes))
        ticks, top = {}, 0.0
        for label, rows in lanes:
            estimate = _head(axes, top, label, rows[0][2].iloc[0])
            top += _HEAD
            axes.plot([estimate] * 2, [top + 0.5, top + sum(height for _, height, _ in rows) - 0.1], **_THIN)
            for name, height, own in rows:
                ticks[top + height / 2] = name
                axes.plot([own["smallest"].iat[0]] * 2, [top, top + height], **style.DOTTED, zorder=1)
                _unread(axes, own[own["unread"] != ""], top + height / 2)
                read = own[own["unread"] == ""]
                if own["kind"].iat[0] != "full":
                    _strip(axes, read, top + height / 2, 0.8 * height, limits)
                elif len(read):
                    look = {"limits": limits, "colour": _ALL["color"], "marker": _ALL["marker"]}
                    kind = read["interval_kind"].iat[0]
                    numbers = read[["estimate", "low", "high"]].astype(float).iloc[0]
                    intervals.draw(axes, top + height / 2, *numbers, kind, **look)
                top += height
        axes.set_yticks(list(ticks), list(ticks.values()), fontsize=8)
        axes.tick_params(axis="y", length=0)
        _legend(figure)
    kinds = {"full": "all data", "unit": "one left out"}
    table = pd.DataFrame(
        {
            "prediction": frame["label"],
            "variant": frame["choice"],
            "kind": [kinds.get(one, "another choice") for one in frame["kind"]],
            "quantity": xlabel,
            "value": frame["estimate"].astype(float),
            "95 % from": frame["low"].astype(float),
            "95 % to": frame["high"].astype(float),
            "interval": frame["interval_kind"],
            "smallest effect of interest": frame["smallest"],
            "verdict holds": np.where(frame["holds"].astype(bool), "yes", "no"),
            "in place of an estimate": frame["unread"],
        }
    )
    return Drawn(figure, table)


def _lanes(own: pd.DataFrame) -> list[tuple[str, float, pd.DataFrame]]:
    """Return the rows of one prediction from top to bottom: name, height in lines, variants."""
    lanes = [
        (name, _HEIGHTS[kind], own[own["kind"] == kind])
        for kind, name in (("full", "all data"), ("unit", "one left out"))
        if (own["kind"] == kind).any()
    ]
    for choice, one in own[~own["kind"].isin(_HEIGHTS)].groupby("choice", sort=False):
        name = textwrap.fill(choice, _NAME_CHARACTERS)
        lanes.append((name, _CHOICE + _MORE_LINES * name.count("\n"), one))
    return lanes


def _spans(lanes: list) -> list[tuple[float, float]]:
    """Return top and bottom of the strips of each prediction, without the words above them."""
    heights = [sum(height for _, height, _ in own) for _, own in lanes]
    bottoms = np.cumsum([_HEAD + height for height in heights])
    return [(bottom - height, bottom) for bottom, height in zip(bottoms, heights, strict=True)]


_ALL = {"marker": "D", "color": style.INK}
_THIN = {"color": style.QUIET, "linewidth": 1, "zorder": 1}


def _head(axes: Axes, top: float, label: str, row: Mapping) -> float:
    """Print a prediction with its note, and return its estimate."""
    axes.annotate(label, (0, top + 0.3), weight="bold", va="top", **style.BESIDE)
    axes.annotate(row["note"], (0, top + 1.25), va="top", **style.BESIDE)
    return row["estimate"]


def _unread(axes: Axes, own: pd.DataFrame, middle: float) -> None:
    """Say at the right which estimates are missing, beside the mark of what that does to the verdict."""
    for place, ((words, holds), some) in enumerate(own.groupby(["unread", "holds"])):
        full = some["kind"].iat[0] == "full"
        at = middle + 0.75 * (place - (own.groupby(["unread", "holds"]).ngroups - 1) / 2)
        look = style.BESIDE | {"ha": "right", "va": "center", "fontsize": 8.5}
        count = f"{len(some)}: " if some["kind"].iat[0] == "unit" else ""
        axes.annotate(f"{count}{words}", (1.0 if full else 0.95, at), color=style.INK, **look)
        if not full:
            axes.scatter(0.98, at, transform=axes.get_yaxis_transform(), **(HOLDS if holds else CHANGES))


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
