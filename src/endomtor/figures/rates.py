"""Rates of error over many simulated cohorts: each rule a dot, with the promise and its band."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from endomtor.figures import style

_ROW_INCHES = 0.21
_LOOKS = {
    "holds": {"color": style.COLOURS["young"], "marker": "o", "s": 13, "alpha": 0.55},
    "conservative": {"color": style.COLOURS["control"], "marker": "o", "s": 13, "alpha": 0.55},
    "beyond its band": {"color": style.COLOURS["aged"], "marker": "X", "s": 44, "alpha": 1.0},
    "no promise": {"color": style.COLOURS["vehicle"], "marker": "v", "s": 16, "alpha": 0.7},
}
"""By the words of `endomtor.calibration.rates`: shape as well as colour tells what lies beyond its band."""
_WORDS = {
    "holds": "keeps its promise",
    "conservative": "more careful than promised",
    "beyond its band": "beyond its band",
    "no promise": "nothing promised",
}


def bands(panels: Mapping[str, pd.DataFrame], *, titles: Mapping[str, str], scenarios: Mapping[str, str]) -> Figure:
    """Draw a panel per measure: scenarios from top to bottom, a dot per rule at its rate.

    Parameters
    ----------
    panels : mapping of str to DataFrame
        Measure to rows with columns scenario, rate, promised, limit, judgement (as `endomtor.calibration` gives them).
        A dashed line stands at the promise; what lies between it and the farthest limit is shaded.
    titles : mapping of str to str
        Measure to the title of its panel.
    scenarios : mapping of str to str
        Scenario to its words, in the order of the rows.
    """
    heights = [1 + frame["scenario"].nunique() for frame in panels.values()]
    with style.house():
        figure = style.page(_ROW_INCHES * sum(heights) + 0.75 * len(panels) + 0.4)
        axes = figure.subplots(len(panels), 1, gridspec_kw={"height_ratios": heights}, squeeze=False)[:, 0]
        seen: dict[str, None] = {}
        for ax, (measure, frame) in zip(axes, panels.items(), strict=True):
            order = [name for name in scenarios if (frame["scenario"] == name).any()]
            _band(ax, frame)
            for at, name in enumerate(order):
                rows = frame[frame["scenario"] == name]
                for judgement, look in _LOOKS.items():
                    rate = rows.loc[rows["judgement"] == judgement, "rate"].sort_values()
                    if len(rate):
                        seen[judgement] = None
                        # Dots of one row are spread a little, by their order and not by chance.
                        ax.scatter(100 * rate, at + 0.3 * _spread(len(rate)), linewidth=0, zorder=3, **look)
            ax.set(yticks=range(len(order)), yticklabels=[scenarios[name] for name in order], ylim=(len(order), -0.9))
            ax.set(title=titles[measure], xlabel="% of cohorts")
            ax.tick_params(axis="y", length=0, labelsize=9)
            ax.grid(axis="y", color=style.RULE, linewidth=0.4)
        handles = [
            Line2D([], [], linestyle="", color=_LOOKS[one]["color"], marker=_LOOKS[one]["marker"], label=_WORDS[one])
            for one in _LOOKS
            if one in seen
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, handletextpad=0.3, columnspacing=1.2)
    return figure


def _spread(count: int) -> np.ndarray:
    return (np.arange(count) * 0.618034 % 1 - 0.5) * (count > 1)


def _band(ax, frame: pd.DataFrame) -> None:
    promised = frame.dropna(subset=["promised"])
    for value, rows in promised.groupby("promised"):
        ax.axvline(100 * value, color=style.QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        limits = rows["limit"]
        far = limits.min() if (limits < value).all() else limits.max()
        ax.axvspan(100 * min(value, far), 100 * max(value, far), color=style.RULE, alpha=0.35, linewidth=0, zorder=0)


def pairs(frame: pd.DataFrame, *, xlabel: str, line: float, words: tuple[str, str]) -> Figure:
    """Draw two rates a row, joined: how often a wrong analysis sees what is not there, and its right twin.

    Parameters
    ----------
    frame : DataFrame
        Columns label, wrong, right (rates), and wrong_low, wrong_high, right_low, right_high.
    line : float
        The rate that was promised.
    words : tuple of str
        What the first and the second mark are.
    """
    looks = (
        {"color": style.COLOURS["aged"], "marker": "X", "markersize": 9},
        {"color": style.COLOURS["young"], "marker": "o", "markersize": 7},
    )
    with style.house():
        figure = style.page(0.46 * len(frame) + 1.0)
        ax = figure.add_subplot()
        ax.axvline(100 * line, color=style.QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        for at, row in enumerate(frame.to_dict("records")):
            for key, look in zip(("wrong", "right"), looks, strict=True):
                ax.plot([100 * row[f"{key}_low"], 100 * row[f"{key}_high"]], [at, at], color=look["color"], linewidth=2)
                ax.plot(100 * row[key], at, linestyle="", zorder=3, **look)
            ax.annotate(
                row["label"], (0, at - 0.26), xycoords=("axes fraction", "data"), fontsize=9.5, va="bottom", zorder=4,
                bbox={"facecolor": style.PAGE, "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip
        ax.set(xlim=(0, 100), ylim=(len(frame) - 0.5, -0.9), yticks=[], xlabel=xlabel)
        ax.spines["left"].set_visible(False)
        handles = [Line2D([], [], linestyle="", label=word, **look) for word, look in zip(words, looks, strict=True)]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, handletextpad=0.3)
    return figure
