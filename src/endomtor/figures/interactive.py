"""What the interactive part of a figure draws: names of columns in the figure's own data, and words.

Each function takes the table of a plot (`figures.drawing.Drawn`) and what its axes say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from endomtor.estimate import Estimate
from endomtor.figures import style

KINDS = ("points", "map", "courses")


@dataclass(frozen=True)
class Line:
    """A line through the origin.

    Attributes
    ----------
    slope : float
    words : str
        For the legend.
    low, high : float, optional
        Limits of the slope; the band between them is shaded.
    colour : str
    dashed : bool
    """

    slope: float
    words: str
    low: float | None = None
    high: float | None = None
    colour: str = style.QUIET
    dashed: bool = False


@dataclass(frozen=True)
class Interactive:
    """How the interactive part below a figure draws the data that the figure publishes.

    Attributes
    ----------
    kind : {"points", "map", "courses"}
        A point a row; a coloured cell a row; a row each time of an animal, of a group's mean where `label` is empty.
    x, y : str
        Columns of the data. Of a map: the cell's upper edges.
    xlabel, ylabel : str
        Titles of the axes, with units.
    said : mapping of column to words
        What a hovered or found row says, in this order. Of courses: what is constant for an animal.
    title : str
        Above the legend. A facet is its panel's title.
    label : str, optional
        Column that is searched: a gene, a recipient. Without it there is no search; points without one are not drawn.
    group : str, optional
        Column whose values choose colour and marker, as in the whole book.
    groups : mapping of group to words
        For the legend, in the order of drawing. Rows of other groups are drawn first, small and grey.
    facet : str, optional
        Of courses: column whose values get a panel each.
    scale, printed : str
        Of courses: the scale of y (`figures.scales`), and the column of its values in printed units.
    minus_log10 : bool
        True where y is a p, drawn as -log10.
    equal : bool
        True where both axes have one unit.
    value, value_label : str
        Of a map: column of the colour, and the title of its bar.
    lines : tuple of Line

    Raises
    ------
    ValueError
        The kind is unknown.
    """

    kind: str
    x: str
    y: str
    xlabel: str
    ylabel: str
    said: Mapping[str, str]
    title: str = ""
    label: str | None = None
    group: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    facet: str | None = None
    scale: str = "linear"
    printed: str | None = None
    minus_log10: bool = False
    equal: bool = False
    value: str | None = None
    value_label: str = ""
    lines: tuple[Line, ...] = ()

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}, expected one of {', '.join(KINDS)}")

    def to_dict(self) -> dict:
        """Return the fields as JSON can hold them.

        Mappings become lists of pairs, because a notebook's metadata are sorted when they are written.
        """
        pairs = {name: [list(pair) for pair in getattr(self, name).items()] for name in ("said", "groups")}
        return {**asdict(self), **pairs}


def volcano(table: pd.DataFrame, contrast: tuple[str, str], n: Mapping[str, int], alpha: float) -> Interactive:
    """Describe `figures.volcano`."""
    gene, change, p, higher = table.columns
    counts = table[higher].value_counts()
    groups = {name: f"{counts.get(name, 0):,} higher in {style.named(name)} (n = {n[name]})" for name in contrast}
    axes = {"x": change, "y": p, "xlabel": change.replace("log2", "log₂"), "ylabel": "−log₁₀ adjusted p"}
    title, said = f"of {len(table):,} genes, adjusted p ≤ {alpha:g}:", {change: axes["xlabel"], p: p}
    look = {"label": gene, "group": higher, "groups": groups, "minus_log10": True}
    return Interactive("points", **axes, title=title, said=said, **look)


def lfc_scatter(table: pd.DataFrame, xlabel: str, ylabel: str, slope: Estimate) -> Interactive:
    """Describe `figures.lfc_scatter`."""
    lines = [Line(1.0, "slope 1 (equal)", dashed=True)]
    if np.isfinite(slope.estimate):
        band = (slope.ci_low, slope.ci_high) if slope.interval_kind == "bounded" else (None, None)
        limits = f"{band[0]:.2f} to {band[1]:.2f}" if None not in band else "not bounded"
        words = f"slope {slope.estimate:.2f}, 95 %: {limits}".replace("-", "−")
        lines.append(Line(slope.estimate, words, *band, style.COLOURS["ecko"] if "ecko" in slope.n else style.INK))
    said = {xlabel: xlabel, ylabel: ylabel}
    return Interactive("points", xlabel, ylabel, xlabel, ylabel, said, label="gene", equal=True, lines=tuple(lines))


def rrho_map(table: pd.DataFrame, xlabel: str, ylabel: str) -> Interactive:
    """Describe `figures.rrho_map`."""
    x, y, value = table.columns
    titles, said = (f"{one}\n← up   rank   down →" for one in (xlabel, ylabel)), {name: name for name in (x, y, value)}
    return Interactive("map", x, y, *titles, said, value=value, value_label=value)


def courses(
    table: pd.DataFrame, animal: str, order: Sequence[str], xlabel: str, ylabel: str, unit: str, scale: str
) -> Interactive:
    """Describe `figures.courses`."""
    counts = table.dropna(subset=[animal]).groupby("group")[unit].nunique()
    # The value on the scale of analysis and, where the axis prints another one, that.
    values = [name for name in table.columns if name.startswith("value")]
    groups = {name: f"{style.named(name)}, n = {counts[name]}" for name in order if name in counts.index}
    said = {"group": "group", unit: unit.replace("_", " ")}
    look = {"label": animal, "group": "group", "groups": groups, "facet": "quantity", "scale": scale}
    return Interactive("courses", xlabel, values[0], xlabel, ylabel, said, printed=values[-1], **look)
