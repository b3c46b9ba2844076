"""Plots for the interactive parts of figures, by Bokeh.

Canvas only and no code in strings (`CustomJS`, WebGL), because the site's Content-Security-Policy forbids `eval`.
A panel's sources are called `rows` and `marked`; into the latter the page's script copies what a search found.
"""

from collections.abc import Sequence
from html import escape

import matplotlib as mpl
import numpy as np
import pandas as pd
from bokeh.layouts import column
from bokeh.models import (
    BoxZoomTool,
    CDSView,
    ColorBar,
    ColumnDataSource,
    FixedTicker,
    GroupFilter,
    HoverTool,
    LayoutDOM,
    LinearColorMapper,
    NumeralTickFormatter,
    Range1d,
    Span,
    TapTool,
)
from bokeh.plotting import figure
from bokeh.themes import Theme
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype

from endomtor.figures import scales, style

DIGITS = 4
"""Significant digits of what is hovered and said."""

_MARKERS = {"o": "circle", "s": "square", "^": "triangle", "D": "diamond", "v": "inverted_triangle", "p": "hex"}
_WEAK = "#A9AFB7"
_MARGIN = 0.06
_TIP = f"max-width: min(15em, 40vw); white-space: normal; font: 13px/1.4 system-ui, sans-serif; color: {style.INK}"


def plot(spec: dict, frame: pd.DataFrame) -> LayoutDOM:
    """Return the plot of a figure's data.

    Parameters
    ----------
    spec : dict
        Of `figures.interactive.Interactive.to_dict`.
    frame : DataFrame
        The data that the figure publishes.

    Raises
    ------
    ValueError
        A column that `spec` names is not in `frame`.
    """
    named = [spec[key] for key in ("x", "y", "label", "group", "facet", "printed", "value")]
    for name in filter(None, [*named, *dict(spec["said"])]):
        if name not in frame.columns:
            raise ValueError(
                f"There is no column {name!r} in the figure's data, expected one of {', '.join(frame.columns)}."
            )
    return {"points": _points, "map": _map, "courses": _courses}[spec["kind"]](spec, frame)


def said(spec: dict) -> list[tuple[str, str]]:
    """Return what is said of a row, as (column of the source, words)."""
    numbered = [(f"said{place}", words) for place, (_, words) in enumerate(spec["said"])]
    course = ("course", f"{spec['ylabel']} by {spec['xlabel']}")
    return [*numbered, course] if spec["kind"] == "courses" else numbered


def theme() -> Theme:
    """Return the house style for Bokeh."""
    font = {"text_font": "system-ui, sans-serif", "text_color": style.INK, "text_font_style": "normal"}

    def text(part: str, size: int) -> dict:
        return {f"{part}_{key}": value for key, value in {**font, "text_font_size": f"{size}px"}.items()}

    page = {"background_fill_color": style.PAGE, "border_fill_color": style.PAGE, "outline_line_color": None}
    axis = dict.fromkeys(("axis_line_color", "major_tick_line_color"), style.QUIET)
    bare = {"background_fill_color": None, "border_line_color": None, "padding": 0, "margin": 4}
    return Theme(
        json={
            "attrs": {
                "Plot": {**page, "toolbar_location": None},
                "Axis": {**axis, "minor_tick_line_color": None, **text("axis_label", 14), **text("major_label", 13)},
                "Grid": {"grid_line_color": None},
                "Title": {key: value for key, value in font.items() if key != "text_font_style"},
                "Legend": {**bare, **text("label", 14)},
                "ColorBar": {"background_fill_color": None, **text("title", 14), **text("major_label", 13)},
            }
        }
    )


def _panel(spec: dict, frame: pd.DataFrame, x: Range1d, y: Range1d, tools: Sequence = (), **more) -> figure:
    """Return an empty plot. No tool listens to wheel or drag of a finger, which would stop a page's scrolling."""
    return figure(
        x_axis_label=spec["xlabel"],
        y_axis_label=spec["ylabel"],
        x_range=x,
        y_range=y,
        width=style.SHOWN_PX,
        max_width=style.SHOWN_PX,
        tools=[_hover(spec, frame), TapTool(), *tools],
        active_drag=None,
        **more,
    )


def _hover(spec: dict, frame: pd.DataFrame) -> HoverTool:
    numbers = {f"said{place}" for place, (name, _) in enumerate(spec["said"]) if is_numeric_dtype(frame[name])}
    lines = ["<b>@label</b>"] if spec["label"] else []
    lines += [f"{escape(words)}: @{name}{f'{{%.{DIGITS}g}}' if name in numbers else ''}" for name, words in said(spec)]
    return HoverTool(
        # Own HTML, since Bokeh's does not wrap, and a phone is narrow. It escapes the values itself.
        tooltips=f'<div style="{_TIP}">{"<br>".join(lines)}</div>',
        formatters={f"@{name}": "printf" for name in sorted(numbers)},
        renderers=[],
        limit=1 if spec["kind"] == "courses" else 3,
        line_policy="nearest",
    )


def _told(spec: dict, rows: pd.DataFrame) -> dict[str, list]:
    """Return label and what is said, as lists: compressed, numbers as text weigh less than as binary doubles."""
    told = {
        f"said{place}": (rows[name].map(style.named) if name == spec["group"] else rows[name]).tolist()
        for place, (name, _) in enumerate(spec["said"])
    }
    return {**told, "label": rows[spec["label"]].tolist()} if spec["label"] else told


def _legend_above(panel: figure) -> None:
    """Put the legend above the axes, where it covers no point."""
    panel.legend.location = "left"
    panel.add_layout(panel.legend[0], "above")


def _range(values: pd.Series) -> Range1d:
    low, high = float(values.min()), float(values.max())
    room = _MARGIN * (high - low or 1.0)
    return Range1d(low - room, high + room)


def _points(spec: dict, frame: pd.DataFrame) -> figure:
    frame = frame.dropna(subset=[spec["x"], spec["y"], spec["label"]])
    x, y = frame[spec["x"]], frame[spec["y"]]
    if spec["minus_log10"]:
        # A p that underflows to 0 is drawn at the smallest positive one, as in the static figure.
        y = -np.log10(y.clip(lower=y[y > 0].min()))
    reach = 1.05 * float(max(x.abs().max(), y.abs().max()))
    if spec["equal"]:
        ranges = Range1d(-reach, reach), Range1d(-reach, reach)
        size = {"sizing_mode": "scale_width", "height": 620}
    else:
        ranges = _range(x), _range(y)
        size = {"sizing_mode": "stretch_width", "height": 420}
    # Drawing a rectangle is for a mouse: the page's script wakes this tool where there is one.
    panel = _panel(spec, frame, *ranges, tools=[BoxZoomTool()], title=spec["title"] or None, **size)
    for dimension in ("width", "height"):
        panel.add_layout(Span(location=0, dimension=dimension, line_color=style.RULE, level="underlay"))
    source = {"x": x.tolist(), "y": y.tolist(), **_told(spec, frame)}
    if spec["group"]:
        group = frame[spec["group"]]
        source["group"] = group.where(group.isin(dict(spec["groups"])), "").tolist()
    rows = ColumnDataSource(source, name="rows")
    dots = {"x": "x", "y": "y", "source": rows, "line_color": None}
    if spec["group"]:
        drawn = [panel.scatter(**dots, view=_only(""), size=4, fill_color=_WEAK)]
        for group, words in spec["groups"]:
            look = {"marker": _MARKERS[style.marker(group)], "fill_color": style.colour(group), "fill_alpha": 0.8}
            drawn.append(panel.scatter(**dots, view=_only(group), size=7, legend_label=words, **look))
    else:
        drawn = [panel.scatter(**dots, size=5, fill_color=style.QUIET, fill_alpha=0.35)]
    panel.hover[0].renderers = drawn
    for line in spec["lines"]:
        _line(panel, line, reach)
    if panel.legend:
        _legend_above(panel)
    marked = ColumnDataSource({"x": [], "y": []}, name="marked")
    panel.scatter("x", "y", source=marked, size=20, fill_color=None, line_color=style.INK, line_width=3)
    return panel


def _only(group: str) -> CDSView:
    return CDSView(filter=GroupFilter(column_name="group", group=group))


def _line(panel: figure, line: dict, reach: float) -> None:
    ends = np.array([-reach, 0, reach])
    look = {"line_color": line["colour"], "line_width": 2, "line_dash": "dashed" if line["dashed"] else "solid"}
    if line["low"] is not None and line["high"] is not None:
        edges = {"y1": list(ends * line["low"]), "y2": list(ends * line["high"])}
        panel.varea(list(ends), **edges, fill_color=line["colour"], fill_alpha=0.2)
    panel.line(list(ends), list(ends * line["slope"]), legend_label=line["words"], **look)


def _map(spec: dict, frame: pd.DataFrame) -> figure:
    frame = frame.dropna(subset=[spec["value"]])
    sides = {}
    for side, (near, far) in {"x": ("left", "right"), "y": ("bottom", "top")}.items():
        edges = frame[spec[side]]
        step = float(np.diff(np.sort(edges.unique())).min(initial=edges.max()))
        sides |= {near: (edges - step).tolist(), far: edges.tolist()}
    x, y = (Range1d(0, float(frame[spec[side]].max())) for side in ("x", "y"))
    panel = _panel(spec, frame, x, y, height=680, sizing_mode="scale_width")
    values = frame[spec["value"]]
    reach, low = float(values.abs().max()) or 1.0, float(values.min())
    # The static figure's colours: white is zero, and where nothing is below zero only the upper half is used.
    start = 0.0 if low < 0 else 0.5
    palette = [to_hex(colour) for colour in mpl.colormaps["PuOr_r"](np.linspace(start, 1, 256))]
    mapper = LinearColorMapper(palette=palette, low=-reach if low < 0 else 0, high=reach)
    rows = ColumnDataSource({**sides, "value": values.tolist(), **_told(spec, frame)}, name="rows")
    colour = {"field": "value", "transform": mapper}
    cells = panel.quad("left", "right", "top", "bottom", source=rows, fill_color=colour, line_color=colour)
    panel.hover[0].renderers = [cells]
    for axis in panel.axis:
        axis.formatter = NumeralTickFormatter(format="0,0")
        axis.ticker.desired_num_ticks = 4
    panel.add_layout(ColorBar(color_mapper=mapper, title=spec["value_label"].replace(" (", "\n("), height=14), "below")
    return panel


def _courses(spec: dict, frame: pd.DataFrame) -> LayoutDOM:
    frame = frame.dropna(subset=[spec["x"], spec["y"]]).sort_values(spec["x"], kind="stable")
    reading = scales.find(spec["scale"])
    x, y = _range(frame[spec["x"]]), _range(frame[spec["y"]])
    panels = []
    # In the order of the data, which is the static figure's; the rows are sorted by time now.
    for level, part in sorted(frame.groupby(spec["facet"]), key=lambda one: one[1].index.min()):
        # The first has the legend.
        height = 250 if panels else 310
        panel = _panel(spec, frame, x, y, title=level, height=height, sizing_mode="stretch_width")
        if spec["scale"] != "linear":
            ticks = _ticks(reading, y)
            panel.yaxis.ticker = FixedTicker(ticks=list(ticks))
            panel.yaxis.major_label_overrides = ticks
        for group, words in spec["groups"]:
            own = part[part[spec["group"]] == group]
            if len(own):
                _group(spec, panel, own, group, {} if panels else {"legend_label": words})
        if panel.legend:
            _legend_above(panel)
        marked = ColumnDataSource({"xs": [], "ys": []}, name="marked")
        panel.multi_line("xs", "ys", source=marked, line_color=style.INK, line_width=4)
        panels.append(panel)
    return column(panels, sizing_mode="stretch_width", max_width=style.SHOWN_PX)


def _group(spec: dict, panel: figure, own: pd.DataFrame, group: str, legend: dict) -> None:
    """Draw the animals of one group thin and their mean bold."""
    look = {"color": style.colour(group)}
    marker = {**look, "marker": _MARKERS[style.marker(group)]}
    mean, seen = own[own[spec["label"]].isna()], own.dropna(subset=[spec["label"]])
    animals = [rows for _, rows in seen.groupby(spec["label"], sort=True)]
    # An animal seen once is a line of no length: it can be hovered like the others.
    twice = [pd.concat([rows, rows]) if len(rows) == 1 else rows for rows in animals]
    source = {
        "xs": [rows[spec["x"]].tolist() for rows in twice],
        "ys": [rows[spec["y"]].tolist() for rows in twice],
        "course": [_course(spec, rows) for rows in animals],
        **_told(spec, pd.concat([rows.head(1) for rows in animals])),
    }
    thin = panel.multi_line(
        "xs", "ys", source=ColumnDataSource(source, name="rows"), line_width=1.2, line_alpha=0.6, **look
    )
    thin.hover_glyph = thin.glyph.clone(line_width=4, line_alpha=1.0)
    panel.hover[0].renderers = [*panel.hover[0].renderers, thin]
    panel.scatter(seen[spec["x"]].tolist(), seen[spec["y"]].tolist(), size=4, alpha=0.6, **marker)
    bold = {"x": mean[spec["x"]].tolist(), "y": mean[spec["y"]].tolist(), **legend}
    panel.line(**bold, line_width=3, **look)
    panel.scatter(**bold, size=9, line_color=style.PAGE, fill_color=look["color"], marker=marker["marker"])


def _course(spec: dict, rows: pd.DataFrame) -> str:
    """Return an animal's values in words, with the digits of all that is said."""
    values = zip(rows[spec["x"]], rows[spec["printed"]], strict=True)
    return ", ".join(f"{value:.{DIGITS}g} at {time:g}".replace("-", "−") for time, value in values)


def _ticks(reading: scales.Scale, y: Range1d) -> dict[float, str]:
    """Return the static figure's ticks: place on the analysis scale, text in printed units."""
    axis = Figure().add_subplot().yaxis
    axis.axes.set_ylim(y.start, y.end)
    scales.read_values(axis, reading)
    places = [float(place) for place in axis.get_ticklocs() if y.start <= place <= y.end]
    return dict(zip(places, axis.get_major_formatter().format_ticks(places), strict=True))
