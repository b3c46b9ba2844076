"""Figures in which every animal is a point, a line or a bar of its own."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from statannotations.Annotator import Annotator

from endomtor.estimate import Estimate
from endomtor.figures import interactive, intervals, scales, style
from endomtor.figures.drawing import Drawn, differences, on_scale, table_of, units
from endomtor.reporting import p_text
from endomtor.stats.units import one_row_per_unit

Contrast = tuple[str, str]
"""(group, reference): the estimate is group minus reference."""
_MOST_INCHES = 9.0
"""Height of many endpoints below one another, from which on their rows stand closer."""


def estimation(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    animal: str,
    order: Sequence[str],
    estimates: Mapping[Contrast, Estimate | None],
    ylabel: str,
    scale: str = "linear",
    pvalues: Mapping[Contrast, float] = MappingProxyType({}),
) -> Drawn:
    """Draw every animal at the left and each contrast with its interval at the right, on aligned axes.

    Parameters
    ----------
    frame : DataFrame
        One row per animal; `value` on the scale on which it was analysed. Rows without a value are not drawn.
    value, group, animal : str
        Columns.
    order : sequence of str
        Groups from left to right; one without animals keeps its place and says so.
    estimates : mapping of (group, reference) to Estimate or None
        One panel each, its zero level with the mean of the reference. None: not testable here.
    ylabel : str
        With the unit, in the units that `scale` prints.
    scale : {"linear", "log2", "ln", "logit"}
        The analysis scale of `value`; ticks are in the original units and differences are ratios.
    pvalues : mapping of (group, reference) to float, optional
        **Adjusted** p, drawn as given above the pair.

    Raises
    ------
    UnitError
        An animal has several rows.

    Notes
    -----
    Ho et al. 2019 (doi 10.1038/s41592-019-0470-3); every animal shown: Weissgerber et al. 2015
    (doi 10.1371/journal.pbio.1002128).
    """
    frame = _measured(frame, value, animal)
    with style.house():
        figure = style.page(3.5)
        _estimation(figure, frame, value, group, order, estimates, ylabel, scale, pvalues)
    rows = [*differences(estimates, ylabel, scale), *units(frame, value, group, animal, order, ylabel, scale)]
    return Drawn(figure, table_of(rows, animal, scale))


def _estimation(figure: Figure | SubFigure, frame, value, group, order, estimates, ylabel, scale, pvalues) -> None:
    """Draw into a figure or a part of one, as `estimation` is asked to."""
    reading = scales.find(scale)
    head = textwrap.fill(ylabel, 27 if estimates else 60, break_on_hyphens=False)
    grid = figure.add_gridspec(
        2,
        1 + len(estimates),
        # Groups need room for their n and p.
        width_ratios=[max(2, len(order)), *[0.6] * len(estimates)],
        height_ratios=[0.2 * (head.count("\n") + 1), 3],
    )
    _head(figure.add_subplot(grid[0, :]), head)
    left, *right = (figure.add_subplot(grid[1, column]) for column in range(1 + len(estimates)))
    _strip(left, frame, value, group, order)
    means = frame.groupby(group)[value].mean()
    _make_room(left, estimates, means)
    _adjusted_p(left, frame, value, group, order, pvalues)
    limits = left.get_ylim()
    scales.read_values(left.yaxis, reading)
    for panel, (contrast, estimate) in zip(right, estimates.items(), strict=True):
        _difference(panel, contrast, estimate, limits, means, reading)
    if right:
        figure.axes[0].text(1, 0, f"{reading.difference}, 95 % interval", ha="right", in_layout=False)


def _head(axes: Axes, text: str, weight: str = "normal") -> None:
    """Write a heading at the figure's left margin, in a row of its own above the panels.

    Level words in place of a turned y label read well on a phone and leave the width to the animals.
    """
    axes.set_axis_off()
    # In inches from the figure's edge: the panels move with the names beside them.
    across = axes.get_figure(root=True).dpi_scale_trans
    heading = axes.annotate(text, (style.MARGIN, 0), xycoords=(across, axes.transAxes), va="bottom", weight=weight)
    heading.set_in_layout(False)


def _difference(
    axes: Axes,
    contrast: Contrast,
    estimate: Estimate | None,
    limits: tuple[float, float],
    means: pd.Series,
    reading: scales.Scale,
) -> None:
    """Draw one contrast; its axis is the left one, moved so that zero lies at the reference's mean."""
    level = means.get(contrast[1], np.mean(limits))
    shifted = (limits[0] - level, limits[1] - level)
    axes.set_ylim(shifted)
    axes.set_xlim(-1, 1)
    axes.axhline(0, **style.DASHED)
    # Below the interval and its tick labels together: the panel alone is narrower than its name.
    sign = "−" if reading.difference == "difference" else "/"
    axes.set_xticks([0.8], [f"{style.named(contrast[0])}\n{sign} {style.named(contrast[1])}"])
    axes.tick_params(axis="x", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.spines["right"].set_visible(True)
    axes.yaxis.tick_right()
    scales.read_differences(axes.yaxis, reading)
    if estimate is None or estimate.withheld:
        axes.text(0.7, np.mean(shifted), "not\ntestable\nhere", ha="right", va="center", color=style.QUIET)
    else:
        _interval(axes, 0, contrast[0], estimate, shifted, vertical=True)


def _interval(
    axes: Axes, at: float, group: str, estimate: Estimate, limits: tuple[float, float], *, vertical: bool
) -> None:
    numbers = (estimate.estimate, estimate.ci_low, estimate.ci_high, estimate.interval_kind)
    look = {"colour": style.colour(group), "marker": style.marker(group)}
    intervals.draw(axes, at, *numbers, limits=limits, vertical=vertical, **look)


def _make_room(axes: Axes, estimates: Mapping[Contrast, Estimate | None], means: pd.Series) -> None:
    """Widen the left axis so that every bounded interval fits beside it."""
    low, high = axes.get_ylim()
    ends = [
        means.get(reference, np.nan) + end
        for (_, reference), estimate in estimates.items()
        if estimate is not None
        for end in (estimate.ci_low, estimate.ci_high)
    ]
    # An interval many times wider than the animals' range would flatten them: it ends in an arrow instead.
    ends = [end for end in ends if np.isfinite(end) and low - 2 * (high - low) < end < high + 2 * (high - low)]
    low, high = min([low, *ends]), max([high, *ends])
    pad = 0.05 * (high - low)
    axes.set_ylim(low - pad, high + pad)


@contextmanager
def _undrawn(figure: Figure) -> Iterator[None]:
    """Let seaborn not draw the whole figure for each swarm: its points find their places when the figure is drawn."""

    def draw() -> None:
        # Seaborn would draw a figure that is stale once more, by itself.
        figure.stale = False

    figure.canvas.draw = draw
    try:
        yield
    finally:
        del figure.canvas.draw


def _strip(
    axes: Axes, frame: pd.DataFrame, value: str, group: str, order: Sequence[str], *, vertical: bool = True
) -> None:
    """Draw every animal of each group as a point with the group's mean as a bar, and n beside the group's name."""
    counts = frame[group].value_counts()
    for place, name in enumerate(order):
        members = frame[frame[group] == name]
        if members.empty:
            continue
        # A swarm, because the jitter of a strip plot is drawn from numpy's global random state.
        with _undrawn(axes.get_figure(root=True)):
            place_of = {"x": group, "y": value, "orient": "x"} if vertical else {"x": value, "y": group, "orient": "y"}
            look = {"color": style.colour(name), "marker": style.marker(name), "size": 6.5 if vertical else 5.5}
            look |= {"edgecolor": style.PAGE, "linewidth": 0.6, "zorder": 3, "warn_thresh": 1}
            sns.swarmplot(data=members, order=list(order), ax=axes, **place_of, **look)
        ends, level = [place - 0.34, place + 0.34], [members[value].mean()] * 2
        axes.plot(*((ends, level) if vertical else (level, ends)), color=style.INK, linewidth=1.6, zorder=2)
    labels = [f"{style.named(name)}{_GAP[vertical]}n = {counts.get(name, 0)}" for name in order]
    if vertical:
        axes.set(xlim=(-0.62, len(order) - 0.38), xlabel="", ylabel="")
        axes.set_xticks(range(len(order)), labels, fontsize=9)
    else:
        axes.set(ylim=(len(order) - 0.5, -0.5), ylabel="", xlabel="")
        axes.set_yticks(range(len(order)), labels)


_GAP = {True: "\n", False: ", "}


def _adjusted_p(axes: Axes, frame: pd.DataFrame, value: str, group: str, order, pvalues: Mapping) -> None:
    """Draw adjusted p above their pairs.

    They are written as everywhere in the book. statannotations' own correction is not used: with it 0.7.2 draws the raw
    p.
    """
    present = [name for name in order if (frame[group] == name).any()]
    pairs = [pair for pair in pvalues if set(pair) <= set(present)]
    if not pairs:
        return
    axes.figure.draw_without_rendering()
    annotator = Annotator(axes, pairs, plot="swarmplot", data=frame, x=group, y=value, order=present)
    annotator.configure(test=None, line_width=1, color=style.INK, fontsize=9, verbose=0)
    # Stars would hide the number, and its own texts write p ≤ 0.0001.
    annotator.set_custom_annotations([f"{p_text(pvalues[pair])} (adj.)" for pair in pairs])
    annotator.annotate()


def _measured(frame: pd.DataFrame, value: str, animal: str) -> pd.DataFrame:
    frame = frame.dropna(subset=[value])
    one_row_per_unit(frame, animal, design="figure")
    return frame


def estimation_grid(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    animal: str,
    endpoint: str,
    order: Sequence[str],
    estimates: Mapping[str, Mapping[Contrast, Estimate | None]],
    titles: Mapping[str, str],
    scale: str = "linear",
) -> Drawn:
    """Draw many endpoints below one another: every animal at the left, the contrasts on one common axis at the right.

    Parameters
    ----------
    frame : DataFrame
        One row per animal and endpoint; `value` on the analysis scale.
    endpoint : str
        Column that names the endpoint (marker, population, analyte).
    order : sequence of str
        Groups from top to bottom; those without animals in an endpoint are left out of its panel.
    estimates : mapping of endpoint to mapping of (group, reference) to Estimate or None
        Endpoints are drawn in this order; a contrast stands in the row of its group.
    titles : mapping of endpoint to str
        What is printed above each, with its unit.
    scale : {"linear", "log2", "ln", "logit"}
        One for all, so that the contrasts can be compared.

    Raises
    ------
    UnitError
        An animal has several rows in one endpoint.
    """
    reading = scales.find(scale)
    parts = {name: _measured(frame[frame[endpoint] == name], value, animal) for name in estimates}
    shown = {name: [g for g in order if (parts[name][group] == g).any()] for name in estimates}
    tested = [e for contrasts in estimates.values() for e in contrasts.values() if e is not None and not e.withheld]
    # They hold zero, every estimate and every interval that is not very much wider than the others.
    limits = intervals.limits_of(
        [e.estimate for e in tested], [end for e in tested for end in (e.ci_low, e.ci_high)], [0.0]
    )
    with style.house():
        # Many endpoints stand closer, so that a figure fits on a screen or two.
        row = np.clip(_MOST_INCHES / sum(len(groups) + 2 for groups in shown.values()), 0.19, 0.3)
        heights = [row * max(len(groups), 2) for groups in shown.values()]
        heads = [textwrap.fill(titles[name], 54, break_on_hyphens=False) for name in estimates]
        rises = [0.2 * (head.count("\n") + 1) for head in heads]
        figure = style.page(sum(heights) + sum(rises) + 0.34 * len(heights) + 0.3)
        # A title stands in a row of its own above both panels: names of endpoints with their units are long.
        grid = figure.add_gridspec(
            2 * len(heights),
            2,
            height_ratios=[height for pair in zip(rises, heights, strict=True) for height in pair],
            width_ratios=[1.2, 1],
        )
        for row, (name, contrasts) in enumerate(estimates.items()):
            _head(figure.add_subplot(grid[2 * row, :]), heads[row], weight="bold")
            left, right = figure.add_subplot(grid[2 * row + 1, 0]), figure.add_subplot(grid[2 * row + 1, 1])
            _strip(left, parts[name], value, group, shown[name], vertical=False)
            left.margins(x=0.08)
            scales.read_values(left.xaxis, reading, most=5)
            right.set(xlim=limits, ylim=left.get_ylim(), yticks=[])
            right.spines["left"].set_visible(False)
            right.axvline(0, **style.DASHED)
            scales.read_differences(right.xaxis, reading, most=5)
            for contrast, estimate in contrasts.items():
                at = shown[name].index(contrast[0]) if contrast[0] in shown[name] else 0.0
                if estimate is None or estimate.withheld:
                    look = {"ha": "center", "va": "center", "color": style.QUIET, "fontsize": 9, "zorder": 5}
                    look["bbox"] = style.BESIDE["bbox"]
                    right.text(np.mean(limits), at, "not testable here", **look)
                else:
                    _interval(right, at, contrast[0], estimate, limits, vertical=False)
        right.set_xlabel(f"{reading.difference}, 95 % interval")
    marks = [row for name, own in estimates.items() for row in differences(own, titles[name], scale)]
    for name, part in parts.items():
        marks += units(part, value, group, animal, order, titles[name], scale)
    return Drawn(figure, table_of(marks, animal, scale))


def superplot(
    cells: pd.DataFrame,
    *,
    value: str,
    animal: str,
    group: str,
    order: Sequence[str],
    ylabel: str,
    pvalues: Mapping[Contrast, float] = MappingProxyType({}),
) -> Drawn:
    """Draw cells small and animals large: each animal's cells in a column of their own below its mean.

    Parameters
    ----------
    cells : DataFrame
        One row per cell. Where `value` is 0 or 1 an animal's mean is its fraction.
    pvalues : mapping of (group, reference) to float, optional
        **Adjusted** p of a test on animals.

    Notes
    -----
    Lord et al. 2020 (doi 10.1083/jcb.202001064). The jitter of cells is a fixed sequence.
    """
    cells = cells.dropna(subset=[value])
    means = cells.groupby([group, animal], sort=True, observed=True)[value].mean().reset_index()
    one_row_per_unit(means, animal, design="figure")
    binary = set(cells[value].unique()) <= {0, 1}
    with style.house():
        figure = style.page(3.7)
        axes = figure.add_subplot()
        for place, name in enumerate(order):
            # By their names: sorted by value they would show a trend that is not there.
            members = means[means[group] == name]
            columns = place + _spread(len(members), 0.8)
            for column, (unit, mean) in zip(columns, members[[animal, value]].itertuples(index=False), strict=True):
                own = cells.loc[cells[animal] == unit, value].to_numpy(dtype=float)
                across, up = _scatter(len(own))
                width = min(0.05, 0.3 / max(len(members), 1))
                small = {"linestyle": "", "marker": ".", "markersize": 3.2, "markeredgewidth": 0, "alpha": 0.55}
                small |= {"color": style.colour(name), "rasterized": True, "zorder": 2, "gid": "endomtor-cells"}
                axes.plot(column + width * across, own + 0.05 * up * binary, **small)
                large = {"marker": style.marker(name), "markersize": 8.5 if len(members) <= 6 else 6.5, "zorder": 4}
                large |= {"color": style.colour(name), "markeredgecolor": style.INK, "markeredgewidth": 0.9}
                axes.plot(column, mean, gid="endomtor-animal", **large)
            if len(members):
                axes.plot([place - 0.42, place + 0.42], [members[value].mean()] * 2, color=style.INK, lw=1.6, zorder=3)
        counts = means[group].value_counts()
        totals = cells[group].value_counts()
        axes.set_xticks(
            range(len(order)), [f"{style.named(g)}\nn = {counts.get(g, 0)}\n{totals.get(g, 0):,} cells" for g in order]
        )
        axes.set(xlim=(-0.5, len(order) - 0.5), ylabel=ylabel)
        _adjusted_p(axes, cells, value, group, order, pvalues)
    cells = cells[cells[group].isin(order)].sort_values(
        [group, animal], key=lambda column: column.map(order.index) if column.name == group else column, kind="stable"
    )
    tested = [{"group": one, "against": other, "adjusted p": p} for (one, other), p in pvalues.items()]
    marks = [
        pd.DataFrame(tested).assign(mark="comparison"),
        cells.groupby([group, animal], sort=False, observed=True)[value].mean().reset_index().assign(mark=animal),
        cells[[group, animal, value]].assign(mark="cell"),
    ]
    table = pd.concat([one for one in marks if len(one)]).rename(columns={group: "group", value: "value"})
    columns = ["mark", "quantity", animal, "group", "against", "value", "adjusted p"]
    return Drawn(figure, table.assign(quantity=ylabel).reindex(columns=columns).reset_index(drop=True))


def _spread(count: int, width: float) -> np.ndarray:
    """Return `count` places, evenly spread over `width` about zero."""
    return width * ((np.arange(count) + 0.5) / max(count, 1) - 0.5)


def _scatter(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return fixed, evenly scattered offsets in -1 to 1, in place of random jitter (the R2 sequence of Roberts)."""
    steps = np.arange(1, count + 1)
    return 2 * (steps * 0.7548776662 % 1) - 1, 2 * (steps * 0.5698402910 % 1) - 1


def courses(
    frame: pd.DataFrame,
    *,
    time: str,
    value: str,
    animal: str,
    group: str,
    order: Sequence[str],
    xlabel: str,
    ylabel: str,
    unit: str,
    facet: str,
    titles: Mapping[str, str],
    scale: str = "linear",
) -> Drawn:
    """Draw each animal as a thin line over time and each group's mean as a bold one.

    Parameters
    ----------
    frame : DataFrame
        One row per animal, time (and facet); `value` on the analysis scale, on which the mean is taken.
    unit : str
        Column of the experimental unit, of which the animals are subsamples (recipients of an exposed animal): the
        legend counts units, and the group's mean is that of the units' means.
    facet : str
        Column whose levels get a panel each, two in a row; three stand beside one another.
    titles : mapping
        Facet to its title, in the order to be drawn.

    Raises
    ------
    UnitError
        An animal has several rows at one time.
    """
    frame = frame.dropna(subset=[value])
    for _, rows in frame.groupby([facet, time], observed=True):
        one_row_per_unit(rows, animal, design="figure")
    levels = list(titles)
    reading = scales.find(scale)
    with style.house():
        # Three in a row, or a quarter of the figure would be empty.
        columns = min(3 if len(levels) == 3 else 2, len(levels))
        rows = -(-len(levels) // columns)
        figure = style.page(0.5 + (3.1 if columns == 1 else 2.15) * rows)
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, level in zip(panels, levels, strict=False):
            part = frame[frame[facet] == level]
            for name in order:
                _course(axes, part[part[group] == name], time, value, animal, unit, name)
            axes.set_title(titles[level])
        for place, axes in enumerate(panels[: len(levels)]):
            scales.read_values(axes.yaxis, reading)
            axes.set_ylabel(ylabel if place % columns == 0 else "")
        for axes in panels[len(levels) :]:
            axes.set_axis_off()
        for axes in panels[max(0, len(levels) - columns) : len(levels)]:
            axes.tick_params(labelbottom=True)
            # Of three beside one another the middle one has room for the words.
            axes.set_xlabel(xlabel if columns < 3 or axes is panels[len(levels) - 2] else "")
        counts = frame.groupby(group, observed=True)[unit].nunique()
        present = [name for name in order if name in counts.index]
        style.legend(figure, present, counts.to_dict(), line=True)
    # The mean of each group, then each animal, at each time of each panel.
    frame = frame[frame[group].isin(order) & frame[facet].isin(levels)]
    keys = [facet, group, time]
    means = frame.groupby([*keys, unit], observed=True)[value].mean().groupby(keys).mean().reset_index()
    table = pd.concat([means.assign(mark="mean"), frame[[*keys, animal, unit, value]].assign(mark=animal)])
    table = table.assign(
        quantity=table[facet].map({level: f"{ylabel}, {title}" for level, title in titles.items()}),
        read=reading.shown(table[value].astype(float)),
        place=table[facet].map(levels.index),
        turn=table[group].map(list(order).index),
        last=table["mark"] != "mean",
    ).sort_values(["last", "place", "turn", animal, unit, time], kind="stable", ignore_index=True)
    table = table.rename(columns={group: "group", time: xlabel, value: "value"})
    table = on_scale(table[["mark", "quantity", animal, unit, "group", xlabel, "value", "read"]], scale)
    spec = interactive.courses(table, animal, order, xlabel, ylabel, unit, scale)
    return Drawn(figure, table, spec.to_dict())


def _course(axes: Axes, rows: pd.DataFrame, time: str, value: str, animal: str, unit: str, name: str) -> None:
    # A marker too, so that an animal seen once is seen.
    look = {"color": style.colour(name), "marker": style.marker(name)}
    for _, own in rows.sort_values(time).groupby(animal, sort=True, observed=True):
        axes.plot(own[time], own[value], linewidth=0.8, alpha=0.55, markersize=2.5, gid="endomtor-animal", **look)
    if len(rows):
        mean = rows.groupby([time, unit], observed=True)[value].mean().groupby(time).mean()
        axes.plot(mean.index, mean, linewidth=2.6, markersize=7, markeredgecolor=style.PAGE, zorder=4, **look)


# Parts of a composition have no group's colour: greys from dark to light, told apart by hatching as well.
_PARTS = [("#3D434B", None), ("#8A929C", "///"), ("#C3C8CE", None), ("#E6E8EB", "..."), ("#FFFFFF", None)]


def composition(
    frame: pd.DataFrame,
    *,
    parts: Mapping[str, str],
    animal: str,
    group: str,
    order: Sequence[str],
    balance: str,
    balance_label: str,
    estimates: Mapping[Contrast, Estimate | None],
) -> Drawn:
    """Draw each animal's composition as a stacked bar and, below, its log-ratio balance as an estimation plot.

    Parameters
    ----------
    frame : DataFrame
        One row per animal.
    parts : mapping of column to str
        At most five columns in per cent, from the bottom up, with their printed names.
    balance : str
        Column with the balance (`endomtor.stats`), on which the inference is made.
    estimates : mapping of (group, reference) to Estimate or None
        Contrasts of the balance.

    Raises
    ------
    UnitError
        An animal has several rows.
    """
    frame = _measured(frame, balance, animal)
    with style.house():
        figure = style.page(5.9)
        # Two figures in one, so that the tick labels of the contrasts do not narrow the bars.
        upper, lower = figure.subfigures(2, 1, height_ratios=[1, 1.35])
        _bars(upper.add_subplot(), frame, parts, animal, group, order)
        handles, labels = upper.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(parts), handlelength=1.4, columnspacing=1.2)
        _estimation(lower, frame, balance, group, order, estimates, balance_label, "linear", {})
    contrasts = differences(estimates, balance_label, "linear")
    rows = contrasts + units(frame, balance, group, animal, order, balance_label, "linear")
    shares = frame.set_index(animal)[list(parts)].rename(columns={key: f"{name}, %" for key, name in parts.items()})
    return Drawn(figure, table_of(rows, animal, "linear").join(shares, on=animal))


def _bars(
    axes: Axes, frame: pd.DataFrame, parts: Mapping[str, str], animal: str, group: str, order: Sequence[str]
) -> None:
    start, centres, names = 0.0, [], []
    places = []
    for name in order:
        # By their names, as in every figure: sorted by value they would show a trend that is not there.
        members = frame[frame[group] == name].sort_values(animal)
        if members.empty:
            continue
        own = start + np.arange(len(members))
        places.append((own, members))
        centres.append(own.mean())
        names.append(f"{style.named(name)}\nn = {len(members)}")
        axes.plot([own[0] - 0.4, own[-1] + 0.4], [-3, -3], color=style.colour(name), lw=4, solid_capstyle="butt")
        start += len(members) + 1
    for (column, printed), (shade, hatch) in zip(parts.items(), _PARTS, strict=False):
        for index, (own, members) in enumerate(places):
            below = members[list(parts)].cumsum(axis=1)[column] - members[column]
            look = {"color": shade, "hatch": hatch, "edgecolor": style.INK, "linewidth": 0.5}
            label = printed if index == 0 else None
            axes.bar(own, members[column], bottom=below, width=0.86, label=label, **look)
    axes.set_xticks(centres, names)
    axes.tick_params(axis="x", length=0)
    axes.spines["bottom"].set_visible(False)
    axes.set(ylim=(-5, 102), ylabel="% of cells", xlim=(-0.8, start - 1.2))


def limiting_dilution(
    frame: pd.DataFrame,
    *,
    group: str,
    donor: str,
    order: Sequence[str],
    frequencies: Mapping[str, tuple[float, float, float]],
    xlabel: str,
) -> Drawn:
    """Draw the fraction of negative recipients, on a log axis, against the dose, with each group's single-hit line.

    Parameters
    ----------
    frame : DataFrame
        Columns `dose` (cells), `tested`, `positive` and those named by `group` and `donor`; one row per donor and dose.
    frequencies : mapping of group to (estimate, low, high)
        Frequency of repopulating cells, per cell; a limit of 0 or infinity is drawn to the edge.

    Notes
    -----
    Under the single-hit model log(fraction negative) = -frequency * dose, a straight line through (0, 1)
    (Hu & Smyth 2009, J Immunol Methods 347:70).
    A donor without negatives at a dose has no logarithm: it is drawn hollow at half a recipient.
    """
    present = [name for name in order if (frame[group] == name).any()]
    negative = (frame["tested"] - frame["positive"]) / frame["tested"]
    drawn = negative.where(negative > 0, 0.5 / frame["tested"])
    top = float(frame["dose"].max()) * 1.06
    floor = float(drawn.min()) * 0.75
    shifts = dict(zip(present, _spread(len(present), 0.03 * top), strict=True))
    with style.house():
        figure = style.page(3.8)
        axes = figure.add_subplot()
        doses = np.linspace(0, top, 60)
        for name in present:
            rate, low, high = frequencies[name]
            colour = style.colour(name)
            lower = np.exp(-doses * high) if np.isfinite(high) else np.full_like(doses, floor / 10)
            axes.fill_between(doses, np.exp(-doses * low), lower, color=colour, alpha=0.12, linewidth=0)
            if np.isfinite(rate):
                axes.plot(doses, np.exp(-doses * rate), color=colour, linewidth=2)
            own = frame[group] == name
            for hollow in (False, True):
                rows = own & ((negative == 0) if hollow else (negative > 0))
                inside, edge, width = (style.PAGE, colour, 1.2) if hollow else (colour, style.PAGE, 0.6)
                look = {"facecolor": inside, "edgecolor": edge, "linewidth": width, "marker": style.marker(name)}
                axes.scatter(frame.loc[rows, "dose"] + shifts[name], drawn[rows], s=44, zorder=3, **look)
        axes.set_yscale("log")
        axes.set(xlim=(0, top), ylim=(floor, 1.12), xlabel=xlabel, ylabel="recipients without a graft (%)")
        ticks = [t for t in (1, 2, 5, 10, 20, 37, 50, 100) if floor <= t / 100]
        axes.set_yticks([t / 100 for t in ticks], [str(t) for t in ticks])
        axes.minorticks_off()
        axes.axhline(np.exp(-1), **style.DOTTED)
        axes.xaxis.set_major_formatter(lambda dose, _: f"{dose:,.0f}")
        if (negative == 0).any():
            open_ = {"color": style.QUIET, "markerfacecolor": style.PAGE, "marker": "o", "linestyle": ""}
            axes.legend([Line2D([], [], **open_)], ["open: each recipient has a graft"], loc="upper right", fontsize=9)
        style.legend(figure, present, frame.groupby(group)[donor].nunique().to_dict(), line=True)
    columns = ["frequency per cell", "95 % from", "95 % to"]
    lines = pd.DataFrame([frequencies[name] for name in present], columns=columns)
    lines.insert(0, "group", present)
    points = frame[[donor, group, "dose", "tested", "positive"]].rename(columns={group: "group"})
    points["recipients without a graft, %"] = 100 * (points["tested"] - points["positive"]) / points["tested"]
    table = pd.concat([lines.assign(mark="single-hit line"), points.assign(mark=donor)], ignore_index=True)
    counts = {"tested": "Int64", "positive": "Int64"}
    names = ["mark", donor, "group", "dose", *counts, "recipients without a graft, %", *columns]
    return Drawn(figure, table[names].astype(counts).rename(columns={"dose": xlabel}))
