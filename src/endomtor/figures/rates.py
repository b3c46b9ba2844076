"""Rates of error over many simulated cohorts: each rule a dot, with its nominal level and Monte Carlo limits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from endomtor.figures import style
from endomtor.figures.drawing import Drawn

_ROW_INCHES = 0.3
_PAIR_INCHES = 0.56
_DOT = 3.8
"""Points across a dot."""
_TALL = 0.84
"""How much of its row a heap of dots may take; in a taller one they overlap like scales."""
_BINS = 62
"""Dots fit side by side into the axes about this often."""
_FIRST = 4
"""So many dots from its low end a heap still stands at the end of the axis, where its number has room."""
_MOST = 11
"""Dots in a heap; in a taller one the most frequent kind is drawn once, with its number."""
_LOOKS = {
    "no level": {"color": style.COLOURS["vehicle"], "filled": True, "shape": "v"},
    "conservative": {"color": style.COLOURS["control"], "filled": False, "shape": "o"},
    "holds": {"color": style.COLOURS["young"], "filled": True, "shape": "o"},
    "beyond its limit": {"color": style.COLOURS["aged"], "filled": True, "shape": "X"},
}
"""By the words of `endomtor.calibration.rates`, drawn in this order: fill and shape say it as well as colour."""
_WORDS = {
    "holds": "within its limits",
    "conservative": "more careful than its level",
    "beyond its limit": "beyond its limit",
    "no level": "no nominal level",
}


def error_rates(frame: pd.DataFrame, *, rows: Sequence[str], xlabel: str) -> Drawn:
    """Draw one measure of error: scenarios from top to bottom, each rule a dot at its rate.

    A dashed line stands at each nominal level; what lies between it and the nearest Monte Carlo limit of the row is
    shaded, so a dot on the shade keeps its level whatever its number of cohorts, and the mark of one outside tells.
    Beside each row stands how many of its rates lie beyond their limit. Dots of one rate are heaped; where they are too
    many at the low end, one stands for those of its kind, with their number, and elsewhere they overlap like scales.
    Those beyond the axis are arrows at its end.

    Parameters
    ----------
    frame : DataFrame
        Columns scenario, rate (0 to 1), nominal, limit, judgement (as `endomtor.calibration` gives them), and claim:
        whether the rule is that of a claim, which is drawn as a diamond.
    rows : sequence of str
        Scenarios in the order of the rows; those without a dot are left out.
    xlabel : str
        The axis is in per cent.

    Raises
    ------
    ValueError
        A scenario of the frame is not in `rows`.
    """
    unknown = sorted(set(frame["scenario"]) - set(rows))
    if unknown:
        raise ValueError(f"The frame holds the scenario {unknown[0]!r}, expected one of {', '.join(rows)}.")
    order = [name for name in rows if (frame["scenario"] == name).any()]
    with style.house():
        figure = style.page(_ROW_INCHES * (len(order) + 1) + 1.3)
        ax = figure.add_subplot()
        dots, low, high = _placed(frame, order)
        for nominal in frame["nominal"].dropna().unique():
            ax.axvline(100 * nominal, **style.DASHED, zorder=1)
        for at, name in enumerate(order):
            own = frame[frame["scenario"] == name]
            _shade(ax, at, own)
            ax.annotate(
                _beyond(own), (1.02, at), xycoords=("axes fraction", "data"), va="center", fontsize=9.5,
                fontweight="bold" if (own["judgement"] == "beyond its limit").any() else "normal",
            )  # fmt: skip
        _draw(ax, dots)
        ax.annotate("beyond", (1.02, -0.95), xycoords=("axes fraction", "data"), va="center", fontsize=9.5)
        ax.set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.4, -0.6), xlim=(low, high))
        ax.set(xlabel=xlabel)
        ax.tick_params(axis="y", length=0)
        ax.set_axisbelow(True)
        ax.grid(axis="y", color=style.RULE, linewidth=0.4)
        seen = [
            one for one in ("holds", "conservative", "beyond its limit", "no level") if one in set(frame["judgement"])
        ]
        handles = [Line2D([], [], label=_WORDS[one], markersize=6, **_mark(_LOOKS[one], claim=False)) for one in seen]
        if frame["claim"].any():
            look = {"color": style.INK, "filled": False, "shape": "D"}
            handles.append(Line2D([], [], label="diamond: rule of a claim", markersize=5.5, **_mark(look, claim=True)))
        figure.legend(handles=handles, loc="outside upper left", ncols=2, handletextpad=0.3, columnspacing=1.2)
    names = {"id": "rule", "measure": "measure", "rate": "rate, share of cohorts"}
    names |= {"nominal": "nominal level, share of cohorts", "limit": "limit, share of cohorts", "of": "cohorts"}
    table = frame.assign(
        within=frame["judgement"] != "beyond its limit", place=frame["scenario"].map(list(rows).index)
    ).sort_values(["within", "place"], kind="stable")
    return Drawn(figure, table[["scenario", *names, "judgement"]].rename(columns=names))


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis: all nominal levels, their limits and the rates that have one."""
    bound = frame.dropna(subset=["nominal"])
    values = 100 * (bound if len(bound) else frame)[["rate", "nominal", "limit"]].to_numpy(float).ravel()
    low, high = np.nanmin(values), np.nanmax(values)
    edge = 0.04 * max(high - low, 1.0)
    return low - edge, high + edge


def _shade(ax: Axes, at: int, own: pd.DataFrame) -> None:
    for nominal, rows in own.dropna(subset=["nominal"]).groupby("nominal"):
        limit = rows["limit"].iloc[(rows["limit"] - nominal).abs().argmin()]
        start, end = sorted((100 * nominal, 100 * limit))
        ax.add_patch(Rectangle((start, at - 0.5), end - start, 1, color=style.RULE, alpha=0.4, linewidth=0, zorder=0))


def _placed(frame: pd.DataFrame, order: Sequence[str]) -> tuple[pd.DataFrame, float, float]:
    """Return the dots with their places, and the ends of the axis, with room for the numbers left of the first."""
    first, high = _limits(frame)
    dots, low = _heaped(frame, order, first, first, high), first
    if ((dots["count"] > 1) & (dots["shape"] == "")).any():
        low -= 0.09 * (high - low)
        dots = _heaped(frame, order, first, low, high)
    return dots, low, high


def _heaped(frame: pd.DataFrame, order: Sequence[str], first: float, low: float, high: float) -> pd.DataFrame:
    """Return the dots with x and y: those of a row within one dot's width of each other stand on top of each other.

    `first` is where dots begin, `low` where the axis does.
    """
    dots = frame.assign(
        x=(100 * frame["rate"]).clip(low, high),
        row=frame["scenario"].map(list(order).index),
        turn=frame["judgement"].map(list(_LOOKS).index),
        shape=np.select([100 * frame["rate"] < low, 100 * frame["rate"] > high], ["<", ">"], ""),
    )
    dots["place"] = np.floor((dots["x"] - low) / (high - low) * _BINS)
    heap, kind = ["row", "place"], ["row", "place", "turn", "claim", "shape"]
    dots["count"] = dots.groupby(kind)["x"].transform("size")
    # Two numbers side by side would run into one another: a row has one, at the heap of its low end.
    near = dots["x"] <= first + (_FIRST + 1) / _BINS * (high - first)
    tall = (dots.groupby(heap)["x"].transform("size") > _MOST) & (near | (dots["shape"] != ""))
    most = dots["count"] == dots["count"].where(tall).groupby([dots["row"], dots["shape"]]).transform("max")
    again = tall & most & dots.duplicated(kind)
    dots["count"] = dots["count"].where(tall & most, 1)
    dots = dots[~again].sort_values([*heap, "turn", "claim", "rate"], kind="stable")
    heaps = dots.groupby(heap)["x"]
    size, at = heaps.transform("size"), heaps.cumcount()
    apart = np.minimum(_DOT / 72 / _ROW_INCHES, _TALL / (size - 1).clip(lower=1))
    return dots.assign(y=dots["row"] + apart * (at - (size - 1) / 2))


def _draw(ax: Axes, dots: pd.DataFrame) -> None:
    for (turn, claim, arrow), own in dots.groupby(["turn", "claim", "shape"]):
        judgement = list(_LOOKS)[turn]
        look = _LOOKS[judgement] | ({"shape": arrow} if arrow else {})
        size = 8.0 if judgement == "beyond its limit" else _DOT + (0.8 if claim else 0)
        mark = _mark(look, claim=claim)
        ax.scatter(
            own["x"], own["y"], s=size**2, marker=mark["marker"], facecolor=mark["markerfacecolor"],
            edgecolor=mark["markeredgecolor"], linewidth=mark["markeredgewidth"], zorder=3 + turn, clip_on=False,
        )  # fmt: skip
    halo = [withStroke(linewidth=2, foreground=style.PAGE)]
    for row in dots[dots["count"] > 1].to_dict("records"):
        # At the end of the axis, where no dot is; of arrows above them.
        at, shift = ((0, row["y"]), (2, 0)) if not row["shape"] else ((row["x"], row["y"]), (0, 3))
        ax.annotate(
            f"×{row['count']}", at, shift, xycoords="data" if row["shape"] else ("axes fraction", "data"),
            textcoords="offset points", ha="center" if row["shape"] else "left",
            va="bottom" if row["shape"] else "center_baseline", fontsize=9.5, zorder=8, annotation_clip=False,
            path_effects=halo,
        )  # fmt: skip


def _mark(look: dict, *, claim: bool) -> dict:
    edge, face, width = (style.PAGE, look["color"], 0.5) if look["filled"] else (look["color"], style.PAGE, 0.9)
    return {
        "linestyle": "",
        "marker": "D" if claim and look["shape"] == "o" else look["shape"],
        "markerfacecolor": face,
        "markeredgecolor": edge,
        "markeredgewidth": width,
    }


def _beyond(own: pd.DataFrame) -> str:
    levels = int(own["nominal"].notna().sum())
    return f"{int((own['judgement'] == 'beyond its limit').sum())} of {levels}" if levels else "–"


def pairs(frame: pd.DataFrame, *, xlabel: str, line: float, words: tuple[str, str]) -> Drawn:
    """Draw two rates a row, one below the other: how often a wrong analysis sees what is not there, and its right twin.

    Parameters
    ----------
    frame : DataFrame
        Columns label, wrong, right (rates, 0 to 1), and wrong_low, wrong_high, right_low, right_high. Rows from top to
        bottom.
    xlabel : str
        The axis is in per cent and reaches from 0 to 100.
    line : float
        The nominal level.
    words : tuple of str
        What the first and the second mark are.
    """
    looks = (
        {"color": style.COLOURS["aged"], "marker": "X", "markersize": 9, "markeredgewidth": 0},
        {"color": style.COLOURS["young"], "marker": "o", "markersize": 7, "markeredgewidth": 0},
    )
    with style.house():
        figure = style.page(_PAIR_INCHES * len(frame) + 1.3)
        ax = figure.add_subplot()
        ax.axvline(100 * line, **style.DASHED, zorder=1)
        text = style.BESIDE | {"va": "center", "bbox": style.BESIDE["bbox"] | {"pad": 0.5}}
        for at, row in enumerate(frame.to_dict("records")):
            for place, key, look in zip((at - 0.04, at + 0.22), ("wrong", "right"), looks, strict=True):
                ends = [100 * row[f"{key}_low"], 100 * row[f"{key}_high"]]
                ax.plot(ends, [place, place], color=look["color"], linewidth=2, solid_capstyle="butt")
                ax.plot(100 * row[key], place, linestyle="", zorder=4, clip_on=False, **look)
            ax.annotate(row["label"], (0, at - 0.33), **text)
            ax.annotate(_against(row), (1, at - 0.33), ha="right", **text)
            if at:
                ax.axhline(at - 0.58, color=style.RULE, linewidth=0.4)
        ax.set(xlim=(0, 100), ylim=(len(frame) - 0.55, -0.6), yticks=[], xlabel=xlabel)
        ax.spines["left"].set_visible(False)
        handles = [Line2D([], [], linestyle="", label=word, **look) for word, look in zip(words, looks, strict=True)]
        handles.append(Line2D([], [], label=f"nominal: {100 * line:g} %", **style.DASHED, zorder=1))
        figure.legend(handles=handles, loc="outside upper left", ncols=3, handletextpad=0.4, columnspacing=1.2)
    table = {"label": frame["label"]}
    for key, word in zip(("wrong", "right"), words, strict=True):
        table[f"{word}, share of cohorts"] = frame[key]
        table |= {f"{word}, 95 % {end}": frame[f"{key}_{side}"] for end, side in (("from", "low"), ("to", "high"))}
    return Drawn(figure, pd.DataFrame(table))


def _against(row: dict) -> str:
    right = "no p" if np.isnan(row["right"]) else f"{100 * row['right']:.1f} %"
    return f"{100 * row['wrong']:.0f} % against {right}"
