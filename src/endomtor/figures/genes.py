"""Figures of genes: thousands of points, none of them an animal."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from endomtor.estimate import Estimate
from endomtor.figures import interactive, style
from endomtor.figures.drawing import Drawn


def volcano(
    frame: pd.DataFrame,
    *,
    contrast: tuple[str, str],
    n: Mapping[str, int],
    label: Sequence[str] = (),
    alpha: float = 0.05,
) -> Drawn:
    """Draw adjusted p against log2 fold change.

    Parameters
    ----------
    frame : DataFrame
        Index gene; columns `log2fc`, `p_adjusted`. Genes without an adjusted p are not drawn.
    contrast : tuple[str, str]
        (group, reference). Genes higher in the group have its colour, lower ones the reference's.
    n : mapping of group to int
        Animals behind the contrast, printed.
    label : sequence of str
        Genes to name.
    alpha : float
        Level of the adjusted p from which genes are coloured.
    """
    frame = frame.dropna(subset=["log2fc", "p_adjusted"]).sort_values("p_adjusted", kind="stable")
    # A p that underflows to 0 is drawn at the smallest positive one.
    positive = frame.loc[frame["p_adjusted"] > 0, "p_adjusted"]
    x, y = frame["log2fc"], -np.log10(frame["p_adjusted"].clip(lower=positive.min() if len(positive) else 1e-300))
    called = frame["p_adjusted"] <= alpha
    classes = {contrast[0]: called & (x > 0), contrast[1]: called & (x < 0)}
    with style.house():
        figure = style.page(4.3)
        axes = figure.add_subplot()
        axes.scatter(x[~called], y[~called], s=5, color="#A9AFB7", linewidth=0, rasterized=True)
        for name, members in classes.items():
            look = {"color": style.colour(name), "marker": style.marker(name), "linewidth": 0, "alpha": 0.8}
            words = f"{members.sum():,} higher in {style.named(name)} (n = {n[name]})"
            axes.scatter(x[members], y[members], s=14, rasterized=True, label=words, **look)
        axes.axvline(0, color=style.QUIET, linewidth=0.8, zorder=0)
        change = f"log2 fold change, {style.named(contrast[0])} − {style.named(contrast[1])}"
        axes.set(xlabel=change.replace("log2", "log₂"), ylabel="−log₁₀ adjusted p")
        axes.margins(0.06)
        kwargs = {"title": f"of {len(frame):,} genes, adjusted p ≤ {alpha:g}:", "title_fontsize": 9.5}
        figure.legend(loc="outside upper left", ncols=1, handletextpad=0.3, alignment="left", **kwargs)
        _name_points(axes, x, y, label)
    numbers = {change: x.to_numpy(), "adjusted p": frame["p_adjusted"].to_numpy()}
    higher = np.select([classes[name] for name in contrast], contrast, "")
    table = pd.DataFrame({"gene": frame.index, **numbers, "higher in": higher})
    return Drawn(figure, table, interactive.volcano(table, contrast, n, alpha).to_dict())


def _name_points(axes: Axes, x: pd.Series, y: pd.Series, label: Sequence[str]) -> None:
    """Name points beside themselves, moved apart vertically so that names do not overlap, each with a line."""
    known = [gene for gene in label if gene in x.index]
    if not known:
        return
    axes.figure.draw_without_rendering()
    to_axes = axes.transData + axes.transAxes.inverted()
    places = pd.DataFrame(to_axes.transform(np.column_stack([x[known], y[known]])), index=known, columns=["x", "y"])
    line = 12 / (axes.get_window_extent().height * 72 / axes.figure.dpi)
    for right, side in places.groupby(places["x"] >= 0.5):
        wanted = side["y"].sort_values()
        heights = wanted.to_numpy(copy=True)
        for i in range(1, len(heights)):
            heights[i] = max(heights[i], heights[i - 1] + line)
        heights -= max(0, heights[-1] - 0.98)
        for gene, height in zip(wanted.index, heights, strict=True):
            # Names stand on the outer side of their points, and never beyond the axes.
            at = min(side.loc[gene, "x"] + 0.06, 0.84) if right else max(side.loc[gene, "x"] - 0.06, 0.16)
            look = {"fontsize": 9, "fontstyle": "italic", "ha": "left" if right else "right", "va": "center"}
            look["bbox"] = {"facecolor": style.PAGE, "edgecolor": "none", "pad": 0.5}
            look["arrowprops"] = {"arrowstyle": "-", "color": style.QUIET, "linewidth": 0.6, "shrinkB": 1}
            axes.annotate(gene, (x[gene], y[gene]), (at, height), textcoords="axes fraction", zorder=6, **look)


def lfc_scatter(
    frame: pd.DataFrame, *, x: str, y: str, xlabel: str, ylabel: str, slope: Estimate, label: Sequence[str] = ()
) -> Drawn:
    """Draw two log2 fold changes of each gene with a line through the origin and the band of its slope.

    Parameters
    ----------
    frame : DataFrame
        Index gene; columns `x` and `y`.
    slope : Estimate
        The errors-in-variables slope with an interval over animals (or studies). A set that is not bounded has no band.
    label : sequence of str
        Genes to name.
    """
    frame = frame.dropna(subset=[x, y])
    reach = float(np.abs(frame[[x, y]].to_numpy()).max()) * 1.05
    with style.house():
        figure = style.page(4.9)
        axes = figure.add_subplot()
        axes.axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
        axes.axvline(0, color=style.RULE, linewidth=0.8, zorder=0)
        axes.scatter(frame[x], frame[y], s=7, color=style.QUIET, alpha=0.35, linewidth=0, rasterized=True)
        ends = np.array([-reach, 0, reach])
        axes.plot(ends, ends, color=style.QUIET, linestyle=(0, (4, 3)), linewidth=1.2, label="slope 1 (equal)")
        # A slope over studies is of no group.
        colour = style.COLOURS["ecko"] if "ecko" in slope.n else style.INK
        if slope.interval_kind == "bounded":
            axes.fill_between(ends, ends * slope.ci_low, ends * slope.ci_high, color=colour, alpha=0.2, lw=0)
            band = f"95 % interval {slope.ci_low:.2f} to {slope.ci_high:.2f}"
        else:
            band = "95 % interval not bounded"
        middle = f"slope {slope.estimate:.2f}" if np.isfinite(slope.estimate) else "slope not estimated"
        words = f"{middle}, {band}".replace("-", "−")
        axes.plot(ends, ends * slope.estimate, color=colour, linewidth=2.2, label=words)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel=xlabel, ylabel=ylabel, aspect="equal")
        counts = ", ".join(f"{style.named(name)} {count}" for name, count in slope.n.items())
        figure.legend(
            loc="outside upper left", title=f"{len(frame):,} genes; n: {counts}", title_fontsize=9.5, alignment="left"
        )
        _name_points(axes, frame[x], frame[y], label)
    genes = frame.sort_values(x, key=lambda column: -column.abs(), kind="stable")
    line = {"mark": "line", "slope": slope.estimate, "95 % from": slope.ci_low, "95 % to": slope.ci_high}
    line |= {"interval": slope.interval_kind}
    numbers = {xlabel: genes[x].to_numpy(), ylabel: genes[y].to_numpy()}
    points = pd.DataFrame({"mark": "gene", "gene": genes.index, **numbers})
    table = pd.concat([pd.DataFrame([line]), points], ignore_index=True)
    table = table[["mark", "gene", xlabel, ylabel, *list(line)[1:]]]
    return Drawn(figure, table, interactive.lfc_scatter(table, xlabel, ylabel, slope).to_dict())


def rrho_map(
    matrix: np.ndarray,
    *,
    xlabel: str,
    ylabel: str,
    genes: int,
    value_label: str = "signed −ln p (a picture, not a test)",
) -> Drawn:
    """Draw the rank-rank overlap of two gene lists, each ordered from most up to most down.

    Parameters
    ----------
    matrix : ndarray, shape (rows, columns)
        -ln p of the overlap, positive where it is larger than expected, negative (if signed) where smaller; row 0 is
        the top of the y axis's list.
    genes : int
        Length of the lists.
    """
    reach = float(np.nanmax(np.abs(matrix))) or 1.0
    with style.house():
        figure = style.page(4.9)
        axes = figure.add_subplot()
        look = {"cmap": "PuOr_r", "norm": TwoSlopeNorm(0, -reach, reach), "interpolation": "nearest"}
        image = axes.imshow(matrix, origin="lower", extent=(0, genes, 0, genes), aspect="equal", **look)
        axes.set(xlabel=f"{xlabel}\n← up   rank   down →", ylabel=f"{ylabel}\n← up   rank   down →")
        axes.locator_params(nbins=4)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda rank, _: f"{rank:,.0f}")
        for place, text, align in (((0.03, 0.03), "up in both", "left"), ((0.97, 0.97), "down in both", "right")):
            look = {"ha": align, "va": "bottom" if align == "left" else "top", "fontsize": 9}
            look["bbox"] = {"facecolor": style.PAGE, "edgecolor": "none", "alpha": 0.85, "pad": 2}
            axes.text(*place, text, transform=axes.transAxes, **look)
        bar = figure.colorbar(image, ax=axes, label=value_label, location="bottom", shrink=0.9, aspect=32)
        if np.nanmin(matrix) >= 0:
            bar.ax.set_xlim(0, reach)
    rows, columns = matrix.shape
    # The two ranks of a square are those at its upper right corner.
    across, up = (genes * (np.arange(count) + 1) / count for count in (columns, rows))
    ranks = {f"{xlabel}, up to rank": np.tile(across, rows), f"{ylabel}, up to rank": np.repeat(up, columns)}
    table = pd.DataFrame(ranks | {value_label: matrix.ravel()})
    return Drawn(figure, table, interactive.rrho_map(table, xlabel, ylabel).to_dict())
