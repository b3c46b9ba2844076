"""Showing a figure or a table on a page: with its provenance mark, its caption and its alt text."""

import base64
import io
import math
import re
import textwrap
from collections.abc import Callable, Mapping
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import publish_display_data
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype, is_numeric_dtype
from PIL import Image

from endomtor import files
from endomtor.figures import style
from endomtor.markup import plain_in_markdown
from endomtor.provenance import Provenance
from endomtor.reporting import endpoint_text

# Pattern and words say where the numbers come from, so that a reader who sees no colour, and one glance, can tell.
_BANDS = {
    "simulated": {"facecolor": "#FFF3D6", "edgecolor": "#E3B34C", "hatch": "////"},
    "example": {"facecolor": "#F1E6F4", "edgecolor": "#BB93C6", "hatch": ".."},
    "public": {"facecolor": "#E4EDF6", "edgecolor": "#E4EDF6", "hatch": None},
    "measured": {"facecolor": "#1F3B2D", "edgecolor": "#1F3B2D", "hatch": None},
}
_SHORT = (32, 16, 0)
"""Characters of a table's cell that are not broken over lines: of the first number with which it fits on a page."""
_PAGE, _PHONE, _PADDING = 74, 44, 3
"""Characters in a row of a table that fit beside the contents at 1280 px, and on a phone; the white of a cell."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LINE_INCHES = 0.19
_MARGIN = 0.09
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
ORIGIN = ("provenance", "world", "seed")
"""Columns that end each figure's CSV, so that a copied table cannot be mistaken; the last two for simulated data."""


def printed(text: str) -> str:
    """Return a text with its units as they are printed: `10^3/uL` as 10³/µL, `mm2` as mm²."""
    text = re.sub(r"(?<=\d)\^(-?\d+)", lambda power: power[1].translate(_RAISED), text)
    text = re.sub(r"\b([cmu]m)([23])\b", lambda area: area[1] + area[2].translate(_RAISED), text)
    return re.sub(r"(?<![\w.])u(?=[gLlmM]\b|m[²³])", "µ", text)


def kind_of(provenance: Provenance) -> str:
    """Return "simulated", "public", "measured", or "example" for data invented to show the format."""
    return "example" if provenance.example and provenance.kind != "simulated" else provenance.kind


def words(provenance: Provenance) -> str:
    """Return the sentence that ends a figure's caption (plain text)."""
    if provenance.kind == "simulated":
        return f"Simulated data: world “{provenance.world}”, seed {provenance.seed}."
    if provenance.example:
        return f"Example data, invented to show the format: {provenance.title}."
    frozen = ", read from a table frozen in this repository" if provenance.frozen else ""
    return f"{provenance.kind.capitalize()} data: {provenance.title}{frozen}."


def show(
    fig: Figure,
    *,
    caption: str,
    alt: str,
    provenance: Provenance,
    data: pd.DataFrame,
    name: str,
    interactive: Mapping | None = None,
) -> None:
    """Publish a figure as one output with its provenance mark, caption, alt text and data, and close it.

    Parameters
    ----------
    fig : Figure
        Drawn inside `house()`, as every function of this package does.
    caption : str
        Markdown; states the unit and n. The provenance sentence is added to it.
    alt : str
        Plain text that says what is seen, with the numbers. The provenance mark is put before it, since who does not
        see the figure does not see the band either; names of the contract are written as they are printed.
    provenance : Provenance
        Where the numbers come from.
    data : DataFrame
        What the figure draws, one row per mark, units in the names of columns (`figures.drawn`); the index is left out.
    name : str
        What refers to the figure and names its CSV: letters, digits, `-` and `_`, at most 40, one to a chapter.
    interactive : mapping, optional
        What `building.interactive` draws from, as JSON can hold it.

    Raises
    ------
    ValueError
        The caption or the alt text is empty, the name is no name, the data are no table or have a column of `ORIGIN`,
        or the figure was not drawn inside `house()`.

    Notes
    -----
    The output's metadata hold `endomtor: {caption, alt, name, data, numbers, origin}` for the site (the CSV, the names
    of its columns of numbers, kind and words of the provenance mark), with `interactive` where it is given, and, for
    `image/png`, the width in CSS pixels.
    """
    for what, text in (("caption", caption), ("alt text", alt)):
        if not text.strip():
            raise ValueError(f"A figure needs {'a' if what == 'caption' else 'an'} {what}, got an empty one.")
    if not _NAME.fullmatch(name):
        raise ValueError(f"A figure's name is {name!r}, expected at most 40 letters, digits, - and _, a letter first.")
    table = with_origin(data, provenance)
    for text in fig.findobj(Text):
        text.set_text(printed(text.get_text()))
    mark(fig, provenance)
    png = _png(fig)
    plt.close(fig)
    # A title or a source is a user's text: it must not become markup when the site reads the caption as Markdown.
    whole = f"{printed(caption.strip())} {plain_in_markdown(words(provenance))}".replace("<", "&lt;")
    said = f"{provenance.label}. {printed(endpoint_text(alt.strip()))}"
    shown = {
        "caption": whole,
        "alt": said,
        "name": name,
        "data": files.table_text(table),
        "numbers": [files.inert(str(column)) for column in table if _is_number(table[column])],
        "origin": {"kind": kind_of(provenance), "label": provenance.label},
    }
    if interactive is not None:
        shown["interactive"] = dict(interactive)
    publish_display_data(
        {"image/png": base64.b64encode(png).decode("ascii"), "text/plain": said},
        metadata={"endomtor": shown, "image/png": {"width": style.SHOWN_PX}},
    )


def with_origin(data: pd.DataFrame, provenance: Provenance) -> pd.DataFrame:
    """Return a figure's table with the columns `ORIGIN` at its end.

    Raises
    ------
    ValueError
        The data are no table, or have such a column.
    """
    if not isinstance(data, pd.DataFrame) or not len(data.columns):
        raise ValueError(f"A figure needs a table of what it draws, got {data!r:.60}.")
    if taken := [column for column in ORIGIN if column in data]:
        raise ValueError(f"The figure's data have a column {taken[0]!r}, expected none of {', '.join(ORIGIN)}.")
    origin = {"provenance": kind_of(provenance)}
    if provenance.kind == "simulated":
        origin |= {"world": provenance.world, "seed": provenance.seed}
    return data.assign(**origin)


class _SteadyLayout(ConstrainedLayoutEngine):
    """Constrained layout with rounded places.

    Its solver goes through what it solves by address in memory, so that the last digits differ from process to process.
    That is enough for a point of a swarm, whose places left and right are as good, to change sides.
    """

    def execute(self, fig: Figure):
        """Lay the figure out, then round."""
        done = super().execute(fig)
        for axes in fig.axes:
            if axes.get_in_layout():
                axes.set_position(Bbox(np.round(axes.get_position(original=True).get_points(), 6)))
                # `set_position` takes them out.
                axes.set_in_layout(True)
        return done


def mark(fig: Figure, provenance: Provenance) -> None:
    """Draw the page and, at its top, the provenance band; the figure grows by the band's height.

    Raises
    ------
    ValueError
        The figure was not drawn inside `house()` (it has no constrained layout to make room in).
    """
    layout = fig.get_layout_engine()
    if not isinstance(layout, ConstrainedLayoutEngine):
        raise ValueError("The figure was not drawn inside endomtor.figures.house(): it has no constrained layout.")
    # A figure that pyplot has let go of has no canvas that could measure.
    canvas = FigureCanvasAgg(fig)
    lines = textwrap.wrap(provenance.label, width=60, max_lines=3, placeholder=" …")
    width, height = fig.get_size_inches()
    band = _LINE_INCHES * len(lines) + 0.12
    total = height + band + 2 * _MARGIN
    fig.set_size_inches(width, total)
    edge = _MARGIN + 0.03
    inside = (edge / width, edge / total, 1 - 2 * edge / width, (height - 0.06) / total)
    # A legend outside of the axes would be placed by the whole figure, over the band.
    room = 0.0
    for legend in fig.legends:
        room += (legend.get_window_extent(canvas.get_renderer()).height / fig.dpi + 0.05) / total
        legend.set_bbox_to_anchor(inside, fig.transFigure)
    fig.set_layout_engine(_SteadyLayout(**layout.get() | {"rect": (*inside[:3], inside[3] - room)}))
    with style.house():
        fig.patches.append(_box(fig, 0, 0, width, total, facecolor=style.PAGE, edgecolor=style.RULE, zorder=-10))
        look = _BANDS[kind_of(provenance)]
        low = total - _MARGIN - band
        fig.patches.append(_box(fig, _MARGIN, low, width - 2 * _MARGIN, band, zorder=-9, **look))
        dark = kind_of(provenance) == "measured"
        words = {"va": "center", "fontsize": 9, "fontweight": "bold", "linespacing": 1.2, "gid": "endomtor-mark"}
        words["color"] = "white" if dark else style.INK
        # The hatching stops behind the words.
        words["bbox"] = None if dark else {"facecolor": look["facecolor"], "edgecolor": "none", "pad": 2}
        fig.text(2 * _MARGIN / width, (low + band / 2) / total, "\n".join(lines), **words)


def _box(fig: Figure, left: float, bottom: float, width: float, height: float, **look) -> FancyBboxPatch:
    """Return a rounded box, in inches from the figure's lower left corner."""
    inset, radius = 0.01, 0.06
    look |= {"boxstyle": f"round,pad=0,rounding_size={radius}", "linewidth": 0.8}
    size = (width - 2 * inset, height - 2 * inset)
    return FancyBboxPatch((left + inset, bottom + inset), *size, transform=fig.dpi_scale_trans, figure=fig, **look)


def _png(fig: Figure) -> bytes:
    """Return PNG bytes that depend on nothing but the figure.

    256 colours make a page a third as heavy. Figures with a colour scale keep all theirs: a ramp cut into steps
    would show edges that the data do not have.
    """
    artists = [artist for axes in fig.axes for artist in (*axes.images, *axes.collections)]
    whole = any(artist.get_array() is not None for artist in artists)
    with style.house():
        fig.set_dpi(style.DPI)
        canvas = FigureCanvasAgg(fig)
        # Once: `savefig` draws a figure twice, the first time to lay it out.
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba()))
    if not whole:
        picture = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    picture.save(packed, "PNG", compress_level=6)
    return packed.getvalue()


def table(
    frame: pd.DataFrame,
    *,
    caption: str,
    provenance: Provenance | None = None,
    formats: Mapping[str, str | Callable] | None = None,
    name: str | None = None,
) -> None:
    """Publish a table as HTML, whose rows become cards on a narrow screen where they do not fit, and as plain text.

    Parameters
    ----------
    frame : DataFrame
        One row per line, which its first column names; the index is not shown.
    caption : str
        Plain text; states the unit and n where there are any.
    provenance : Provenance, optional
        Puts a mark before the caption. Leave out for tables that hold no data (definitions).
    formats : mapping, optional
        Column to a format specification (".2f") or a function of a value. By default floats have three significant
        digits, integers are grouped in thousands, missing values are a dash.

    Raises
    ------
    ValueError
        The caption is empty, or a format names a column that is not there.
    """
    if not caption.strip():
        raise ValueError("A table needs a caption, got an empty one.")
    formats = dict(formats or {})
    for column in formats:
        if column not in frame.columns:
            raise ValueError(
                f"There is no column {column!r} in the table, expected one of {', '.join(map(str, frame.columns))}."
            )
    cells = pd.DataFrame({column: in_words(frame[column], formats.get(column)) for column in frame.columns})
    numeric = {column for column in frame.columns if _is_number(frame[column])}
    caption_text = label = printed(caption.strip())
    caption_html = escape(label)
    if provenance is not None:
        kind = kind_of(provenance)
        mark_html = f'<span class="endomtor-mark endomtor-mark-{kind}">{escape(provenance.label)}</span>'
        caption_html = f"{mark_html} {caption_html}"
        caption_text = f"{provenance.label}\n{caption_text}"
    publish_display_data(
        {
            # The caption stands outside, so that it wraps to the screen and not to the table.
            "text/html": '<figure class="endomtor-table-figure">'
            f"<figcaption>{caption_html}</figcaption>{scrolling(cells, numeric, escape(label))}</figure>",
            "text/plain": f"{caption_text}\n{cells.to_string(index=False)}",
        },
        metadata={"endomtor": {"table": True, "name": name}},
    )


def scrolling(cells: pd.DataFrame, numeric: set[str], label: str) -> str:
    """Return a table of texts as HTML that scrolls inside itself; where a phone has no room, each row is a card there.

    Parameters
    ----------
    cells : DataFrame
        Texts, escaped here; the first column names the row.
    numeric : set of str
        Columns that are aligned as numbers.
    label : str
        The region's name, escaped already.
    """

    cells = cells.map(printed).rename(columns=lambda name: printed(str(name)))
    numeric = {printed(str(name)) for name in numeric}
    longest = {name: max((len(text) for text in column), default=0) for name, column in cells.items()}
    words = {name: max(map(len, " ".join([name, *column]).split()), default=0) for name, column in cells.items()}

    def wide(short: int) -> int:
        """Return the characters of a row in which no cell is broken that is as short."""
        whole = {name for name, length in longest.items() if length <= short or name in numeric}
        return sum(_PADDING + max(longest[name] if name in whole else 0, words[name]) for name in longest)

    # Short words and intervals stay on one line, so that rows remain rows.
    most = next((short for short in _SHORT if wide(short) <= _PAGE), _SHORT[-1])
    short = {name for name, length in longest.items() if length <= most}
    cards = wide(_SHORT[0]) > _PHONE

    def attributes(column: str) -> str:
        if column in numeric:
            return ' class="endomtor-number"'
        return ' class="endomtor-short"' if column in short else ""

    def cell(column: str, text: str) -> str:
        if column == cells.columns[0]:
            return f'<th scope="row"{attributes(column)}>{escape(text)}</th>'
        named = f' data-label="{escape(column)}"' if cards else ""
        return f"<td{attributes(column)}{named}>{escape(text)}</td>"

    # The search takes tags away and would read cells that touch as one word.
    head = " ".join(f'<th scope="col"{attributes(column)}>{escape(column)}</th>' for column in cells.columns)
    rows = "".join(
        "<tr>" + " ".join(cell(column, text) for column, text in zip(cells.columns, row, strict=True)) + "</tr>"
        for row in cells.itertuples(index=False)
    )
    # A region that scrolls must be reachable by keyboard and have a name (WCAG 2.1.1).
    look = ' class="endomtor-cards"' if cards else ""
    return (
        f'<div class="endomtor-table" role="region" tabindex="0" aria-label="{label}"><table{look}>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _is_number(column: pd.Series) -> bool:
    return is_numeric_dtype(column) and not is_bool_dtype(column)


def in_words(column: pd.Series, how: str | Callable | None = None) -> list[str]:
    """Return a column as it is printed; `how` as in `table`."""
    if how is None:
        how = _significant if is_float_dtype(column) else "," if is_integer_dtype(column) else str
    as_text = how if callable(how) else lambda value: format(value, how)
    return [
        "–" if pd.isna(value) else as_text(value).replace("-", "−") if _is_number(column) else as_text(value)
        for value in column
    ]


def _significant(value: float) -> str:
    """Return three significant digits, without an exponent where the number is of an everyday size."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.2e}"
    return f"{float(f'{value:.3g}'):,g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.1e}"
