"""The house style: colours, markers, sizes and the page on which every figure is drawn."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from endomtor.reporting import named

# One colour and one marker per group in the whole book. Each has 3:1 contrast on the page (WCAG 1.4.11) and
# any two stay apart for normal, deuteranope, protanope and tritanope sight (tests/test_figures.py computes both).
COLOURS = {
    "young": "#3388DD",
    "aged": "#E06500",
    "control": "#666666",
    "ecko": "#6A1B7A",
    "vehicle": "#9A8060",
    "rapamycin": "#003D33",
}
MARKERS = {"young": "o", "aged": "s", "control": "^", "ecko": "D", "vehicle": "v", "rapamycin": "p"}

PAGE = "#FCFCFA"
INK = "#1C1F24"
QUIET = "#5A616B"
RULE = "#C9CDD3"

DASHED = {"color": QUIET, "linewidth": 1, "linestyle": (0, (4, 3))}
DOTTED = {"color": QUIET, "linewidth": 1, "linestyle": (0, (1, 2))}
"""Lines of reference: a value to compare with; one of several others."""
BESIDE = {"xycoords": ("axes fraction", "data"), "fontsize": 9.5, "zorder": 5}
BESIDE["bbox"] = {"facecolor": PAGE, "edgecolor": "none", "pad": 1}
"""Words within the axes at the height of what they are about, which lines do not cross."""

# A figure is 5 inches wide and shown at most 600 CSS pixels wide: text of 10 points is then about 16 px on a laptop
# and, in the 350 px that a phone of 390 px leaves, still 10 px. Height is free: many panels are stacked, not squeezed.
WIDTH = 5.0
SHOWN_PX = 600
MARGIN = 0.17
"""Inches from the figure's edge to where its words begin."""
DPI = 220

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "hatch.linewidth": 0.8,
    # The page itself is a rounded patch (publish.py): outside its corners a dark site shows through.
    "figure.facecolor": "none",
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "endomtor",
    # Labels come from users' spreadsheets: a population called "$x$" is text, not a formula.
    "text.parse_math": False,
}


@contextmanager
def house() -> Iterator[None]:
    """Draw inside this context to get the house style; matplotlib's settings are as before afterwards.

    Figures that were drawn inside are taken from pyplot at the end, or a notebook would show each of them twice: by
    itself, and with its caption (`Chapter.show`).
    """
    before = set(plt.get_fignums())
    with mpl.rc_context(_RC):
        yield
    for number in set(plt.get_fignums()) - before:
        plt.close(number)


def page(height: float) -> Figure:
    """Return an empty figure of the house's width and `height` inches. Call it inside `house()`."""
    # Through pyplot, because statannotations asks pyplot for the figure that it measures text on.
    return plt.figure(figsize=(WIDTH, height))


def references(axes: Axes, words: Mapping[float, str], lanes: Sequence[tuple[float, float]]) -> None:
    """Draw vertical reference lines, each with its words above the axes.

    They are drawn in the lanes (top, bottom) of what is compared with them only: through the words between the lanes
    they would strike.
    """
    for at, label in words.items():
        upright(axes, at, lanes, DASHED)
        look = {"ha": "center", "fontsize": 9, "color": QUIET, "textcoords": "offset points"}
        axes.annotate(label, (at, 1), (0, 3), xycoords=("data", "axes fraction"), **look)


def upright(axes: Axes, at: float, lanes: Sequence[tuple[float, float]], look: Mapping) -> None:
    """Draw a vertical line at `at` within each lane (top, bottom)."""
    for lane in lanes:
        axes.plot([at, at], lane, **look, zorder=1)


def colour(group: str) -> str:
    """Return the colour of a group; what is no group of the book (a study, a population) is drawn in ink.

    An arm of a two-way design ("aged rapamycin") has the colour of what was given.
    """
    return COLOURS.get(group) or COLOURS.get(group.rpartition(" ")[2], INK)


def marker(group: str) -> str:
    """Return the marker of a group."""
    return MARKERS.get(group) or MARKERS.get(group.rpartition(" ")[2], "o")


def legend(figure: Figure, groups: Sequence[str], counts: dict[str, int], *, line: bool = False) -> None:
    """Put a legend with each group's n above the axes, outside of them, so that it never covers a point."""
    handles = [
        Line2D([], [], color=colour(group), marker=marker(group), linestyle="-" if line else "", markersize=7)
        for group in groups
    ]
    labels = [f"{named(group)}, n = {counts[group]}" for group in groups]
    longest = max(len(label) for label in labels)
    columns = max(1, min(len(labels), 56 // (longest + 5)))
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.2, handletextpad=0.5)


def legend_above(figure: Figure, axes: Axes) -> None:
    """Move the legend of one panel above all of them, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    axes.get_legend().remove()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), handletextpad=0.3, columnspacing=1.2)
