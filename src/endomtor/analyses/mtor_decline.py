"""Chapter 01: is mTOR signalling lower in aged marrow endothelium?

Phospho-flow per animal and marker; single cells summed per animal; other tissues' endothelium as context.
"""

from functools import partial

import numpy as np
import pandas as pd

from endomtor import contract, figures, public, reporting
from endomtor.analyses import alternatives
from endomtor.cells import StoredCells, chunks
from endomtor.chapter import Chapter, needs
from endomtor.contract.rules import shared_backgrounds
from endomtor.public import endothelium, originals
from endomtor.stats import Estimate, expression, groups, nested

FAMILY = "C1.signaling"
CELL_MINIMUM = {"genes": 200, "cells": 3}
"""Quality control of single cells: genes seen in a cell, cells that show a gene (the scanpy tutorials' values)."""

DRAWN = 4000
"""Cells that are embedded at most: enough for a picture, and the time of a t-SNE grows with them (an assumption)."""

SCORED = 1000
"""Cells whose scores are computed at once."""

BACKGROUNDS = {"own": "each animal's own", "shared": "one tube per group and day", "none": "missing for some animals"}
"""Words for the background of a marker of which at least one animal has one."""

HALLMARK_MINIMUM = 10
"""Genes of the hallmark that must have been measured for a score (an assumption; gene-set tools use 5 to 15)."""


@needs("bmec_signaling")
def markers(chapter: Chapter) -> pd.DataFrame:
    """Return one row per animal and marker on the log2 scale.

    Returns
    -------
    DataFrame
        animal, group, sex, batch, marker, complex (mTORC1, mTORC2, other); `raw` = log2 MFI; `net` = log2(MFI -
        background), missing where there is no background or it is not below the signal; `background` = own, shared or
        none; `value` = the primary scale: `net` where every animal has a background of its own below its signal, else
        `raw`.

    Notes
    -----
    One background tube for a whole group and day belongs to no animal: subtracting it moves all of them together and
    lends the group difference a precision that it does not have. Then log2(MFI) is primary and both are shown.
    """
    table = chapter.dataset.get("bmec_signaling")
    known = contract.vocabulary().markers
    marker, mfi = table["marker"], table["mfi"]
    background = table["fmo_mfi"] if "fmo_mfi" in table else pd.Series(np.nan, index=table.index)
    raw, net = np.log2(mfi), np.log2((mfi - background).where(mfi > background))
    kind = _backgrounds(table, background)
    subtracted = (kind == "own") & ~marker.isin(marker[net.isna()])
    rows = table[["animal", "group", "sex", "batch", "marker"]].assign(
        complex=[known.get(name, "other") for name in marker],
        raw=raw,
        net=net,
        background=kind,
        value=net.where(subtracted, raw),
    )
    return rows.sort_values(["marker", "group", "animal"], ignore_index=True)


def _backgrounds(table: pd.DataFrame, background: pd.Series) -> pd.Series:
    """Tell for each row whether its marker's background is each animal's own, one tube per group and day, or absent."""
    absent, shared = set(table.loc[background.isna(), "marker"]), shared_backgrounds(table)
    kinds = ["none" if one in absent else "shared" if one in shared else "own" for one in table["marker"]]
    return pd.Series(kinds, index=table.index, dtype=object)


def compare_markers(chapter: Chapter, table: pd.DataFrame | None) -> dict[str, Estimate]:
    """Estimate aged - young for each marker, with the batch in the model, and record the evidence.

    Returns
    -------
    dict[str, Estimate]
        Marker to the difference of log2 values; empty without a table.
    """
    if table is None:
        return {}
    about = {"value": "value", "group": "group", "a": "aged", "b": "young", "unit": "animal", "block": "batch"}
    answers = {}
    for marker, rows in table.groupby("marker"):
        answers[marker] = groups.difference(rows, check=("sex",), **about)
        chapter.record(
            f"C1.signaling.{marker}",
            answers[marker],
            family=FAMILY,
            table="bmec_signaling",
            others=partial(alternatives.of_difference, rows, **about),
        )
    return answers


def evidence(chapter: Chapter) -> None:
    """Run the recorded analyses of the markers, without figures.

    The score of single cells is descriptive and takes long to prepare; other organs are context. Neither is run here.
    """
    compare_markers(chapter, markers(chapter))


def show_values(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Show the first rows of the table that is tested."""
    if table is None:
        return
    columns = {"animal": "animal", "group": "group", "batch": "batch", "marker": "marker", "value": "log2 (primary)"}
    figures.table(
        _readable(table)[list(columns)].rename(columns=columns).head(10),
        caption=f"The first 10 of {len(table)} values; one row per animal and marker. Unit: animal.",
        provenance=chapter.provenance,
    )


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(marker=table["marker"].map(reporting.endpoint_text))


def show_markers(chapter: Chapter, table: pd.DataFrame | None, answers: dict[str, Estimate]) -> None:
    """Draw every animal and the difference for each marker, mTORC1 read-outs first."""
    if not answers:
        return
    order = {"mTORC1": 0, "mTORC2": 1, "other": 2}
    first = table.drop_duplicates("marker").sort_values("complex", key=lambda column: column.map(order), kind="stable")
    titles = {row.marker: f"{reporting.endpoint_text(row.marker)} ({row.complex}), MFI" for row in first.itertuples()}
    about = {
        "value": "value",
        "group": "group",
        "animal": "animal",
        "endpoint": "marker",
        "order": ("young", "aged"),
        "estimates": {marker: {("aged", "young"): answers[marker]} for marker in titles},
        "titles": titles,
        "scale": "log2",
    }
    figures.show(
        figures.estimation_grid(table, **about),
        caption="Phospho-flow of BMECs: every animal a point; aged / young with its 95 % interval. "
        f"Unit: animal; {reporting.n_text(answers.values())}.",
        alt=reporting.alt_text("Aged against young BMECs, log2 MFI", {name: answers[name] for name in titles}),
        provenance=chapter.provenance,
        data=figures.drawn.estimation_grid(table, **about),
        name="fig-markers",
    )


def show_backgrounds(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Show aged - young with and without background subtraction, for markers that have a background."""
    if table is None or table["net"].isna().all():
        return
    rows = []
    for marker, own in table.dropna(subset=["net"]).groupby("marker"):
        about = {"group": "group", "a": "aged", "b": "young", "unit": "animal", "block": "batch"}
        raw, net = (groups.difference(own, value=column, **about) for column in ("raw", "net"))
        rows.append(
            {
                "marker": reporting.endpoint_text(marker),
                "as read": f"{reporting.number(raw.estimate)} ({reporting.limits_text(raw)})",
                "background subtracted": f"{reporting.number(net.estimate)} ({reporting.limits_text(net)})",
                "background": BACKGROUNDS[own["background"].iat[0]],
                "primary": "subtracted" if own["value"].equals(own["net"]) else "as read",
            }
        )
    frame = pd.DataFrame(rows)
    caption = "Aged − young, log2 (95 % interval), with and without subtraction of the background."
    for column in ("background", "primary"):
        if frame[column].nunique() == 1:
            caption += f" {column.capitalize()}: {frame.pop(column).iat[0]}."
    figures.table(frame, caption=f"{caption} Unit: animal.", provenance=chapter.provenance)


@needs("bmec_cells")
def cells(chapter: Chapter):
    """Return the cells and genes that pass quality control, with their raw counts, in memory or stored as they are.

    Returns
    -------
    anndata.AnnData or endomtor.cells.StoredCells
    """
    return passing(chapter.dataset.get("bmec_cells"))


def passing(adata):
    """Return the cells that show enough genes, then the genes that enough of these cells show (`CELL_MINIMUM`)."""
    enough, seen = np.zeros(adata.n_obs, bool), np.zeros(adata.n_vars, int)
    for rows, matrix in chunks(adata):
        present = matrix > 0
        enough[rows] = present.getnnz(axis=1) >= CELL_MINIMUM["genes"]
        seen += present[enough[rows]].getnnz(axis=0)
    return adata[enough, seen >= CELL_MINIMUM["cells"]].copy()


def drawn(adata):
    """Return the cells that are drawn: all, or a seeded sample of `DRAWN`; normalised, natural log (scanpy).

    Returns
    -------
    anndata.AnnData or None
        None without cells.
    """
    import scanpy as sc

    if adata is None:
        return None
    if adata.n_obs > DRAWN:
        adata = adata[np.sort(np.random.default_rng(0).choice(adata.n_obs, DRAWN, replace=False))]
    adata = adata.to_memory() if isinstance(adata, StoredCells) else adata.copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    return adata


def embedding(adata) -> np.ndarray:
    """Return the places of normalised cells in a t-SNE (scanpy), cells x 2.

    A t-SNE rather than a UMAP: both are pictures, and this one needs no compilation at each start.
    """
    import scanpy as sc

    sc.pp.pca(adata, n_comps=20, random_state=0)
    sc.tl.tsne(adata, n_pcs=20, random_state=0)
    return adata.obsm["X_tsne"]


def hallmark_scores(chapter: Chapter, adata) -> pd.DataFrame | None:
    """Sum the cells of each animal and score the mTORC1 hallmark: mean log2 expression of the set minus the rest.

    Returns
    -------
    DataFrame
        animal, group, sex, batch, value; one row per animal (pseudobulk: Squair et al. 2021, doi
        10.1038/s41467-021-25960-2). None when too few genes of the set were measured.
    """
    if adata is None:
        return None
    found = len(set(originals.mtor_hallmarks()[originals.MTORC1]) & set(adata.var_names))
    if found < HALLMARK_MINIMUM:
        reporting.say(f"Only {found} mTORC1 hallmark genes were measured: the score is not testable here.")
        return None
    counts, animals = expression.pseudobulk(adata, animal="animal")
    score = _hallmark(expression.log_counts(counts))
    return animals.assign(value=score.reindex(animals["animal"]).to_numpy())


def _hallmark(log_expression: pd.DataFrame) -> pd.Series:
    return expression.set_score(log_expression, originals.mtor_hallmarks()[originals.MTORC1], statistic="difference")


def compare_scores(chapter: Chapter, scores: pd.DataFrame | None) -> Estimate | None:
    """Estimate aged - young of the animals' scores and record the evidence."""
    if scores is None:
        return None
    answer = groups.difference(
        scores, value="value", group="group", a="aged", b="young", unit="animal", block="batch", check=("sex",)
    )
    chapter.record("C1.cells.mTORC1_hallmark", answer, table="bmec_cells")
    return answer


def show_cells(chapter: Chapter, adata, shown) -> None:
    """Draw cells in their embedding, a panel per group; `shown` are those of `adata` that are `drawn`."""
    if shown is None:
        return
    frame = shown.obs[["group", "animal"]].astype(str)
    frame[["t-SNE 1", "t-SNE 2"]] = embedding(shown)
    several = "BMECs" if len(frame) == adata.n_obs else f"Random {len(frame):,} of the {adata.n_obs:,} BMECs"
    counts = ", ".join(f"{n} {group}" for group, n in frame["group"].value_counts().sort_index().items())
    animals = ", ".join(f"{group} {n}" for group, n in frame.groupby("group")["animal"].nunique().items())
    about = {"x": "t-SNE 1", "y": "t-SNE 2", "by": "group", "animal": "animal"}
    figures.show(
        figures.embedding(frame, **about),
        caption=f"{several} that passed quality control ({counts} cells), each group over all cells in grey. "
        f"For the eye only: the unit of any test is the animal; n: {animals}.",
        alt=f"t-SNE of {len(frame)} single BMECs ({counts}); young and aged cells drawn in separate panels.",
        provenance=chapter.provenance,
        data=figures.drawn.embedding(frame, **about),
        name="fig-cells",
    )


def show_scores(chapter: Chapter, scores: pd.DataFrame | None, answer: Estimate | None) -> None:
    """Draw the animals' hallmark scores with their difference."""
    if answer is None:
        return
    about = {
        "value": "value",
        "group": "group",
        "animal": "animal",
        "order": ("young", "aged"),
        "estimates": {("aged", "young"): answer},
        "ylabel": "mTORC1 hallmark score, log2",
    }
    figures.show(
        figures.estimation(scores, **about),
        caption="mTORC1 hallmark of pseudobulked BMECs, every animal a point. "
        f"Aged − young: {reporting.result_text(answer)}.",
        alt=reporting.alt_text("mTORC1 hallmark score per animal", {"aged - young": answer}),
        provenance=chapter.provenance,
        data=figures.drawn.estimation(scores, **about),
        name="fig-hallmark",
    )


def show_cells_as_n(adata, shown, answer: Estimate | None) -> None:
    """Show what the tempting, wrong analysis would have said: every one of the cells `shown` taken for an animal."""
    if answer is None:
        return
    right, wrong = cells_as_n(shown)
    if right.withheld or wrong.withheld:
        return
    ratio = (right.ci_high - right.ci_low) / (wrong.ci_high - wrong.ci_low)
    those = "single cells" if adata.n_obs <= DRAWN else "the cells drawn above"
    reporting.say(
        f"**Wrong: cells as n.** Score of {those}, aged − young: {reporting.result_text(wrong)}. "
        f"The same scores, averaged per animal first: {reporting.result_text(right)}. "
        f"The interval over animals is {ratio:.1f} times as wide."
    )


def cells_as_n(adata) -> tuple[Estimate, Estimate]:
    """Return aged - young of the cells' scores over animals, and over cells taken for animals (wrong).

    Both are Welch tests of the score of normalised cells, as `drawn` returns them, not of the pseudobulk that gives the
    verdict: only the unit differs.
    """
    cells = cell_scores(adata)
    animals = nested.one_value_per_unit(cells, value="value", unit="animal", carry=["group"])
    about = {"value": "value", "group": "group", "a": "aged", "b": "young"}
    return groups.difference(animals, unit="animal", **about), groups.difference(cells, unit="cell", **about)


def cell_scores(adata) -> pd.DataFrame:
    """Return the hallmark score of every normalised cell: cell, animal, group, value. Cells are not units."""
    matrix = adata.X.tocsr() if hasattr(adata.X, "tocsr") else adata.X
    parts = []
    for start in range(0, adata.n_obs, SCORED):
        part = matrix[start : start + SCORED].T
        values = part.toarray() if hasattr(part, "toarray") else part
        names = adata.obs_names[start : start + SCORED]
        parts.append(_hallmark(pd.DataFrame(values, index=adata.var_names, columns=names)))
    score = pd.concat(parts)
    return pd.DataFrame(
        {
            "cell": score.index,
            "animal": adata.obs["animal"].astype(str).to_numpy(),
            "group": adata.obs["group"].astype(str).to_numpy(),
            "value": score.to_numpy(),
        }
    )


def other_endothelium(chapter: Chapter) -> dict[str, Estimate]:
    """Estimate aged - young of the mTORC1 hallmark in brain, heart and kidney endothelium and record it as context."""
    scores, provenance = public.table("endothelium_scores")
    answers = {tissue: endothelium.contrast(scores, tissue) for tissue in endothelium.TISSUES}
    for tissue, answer in answers.items():
        chapter.record(f"C1.context.{tissue}", answer, family="C1.context", provenance=provenance)
    return answers


def show_other_endothelium(answers: dict[str, Estimate]) -> None:
    """Draw every mouse of the three organs with the differences."""
    scores, provenance = public.table("endothelium_scores")
    about = {
        "value": "relative",
        "group": "group",
        "animal": "mouse",
        "endpoint": "tissue",
        "order": ("young", "aged"),
        "estimates": {tissue: {("aged", "young"): answer} for tissue, answer in answers.items()},
        "titles": {tissue: f"{tissue}, mTORC1 hallmark score, log2" for tissue in answers},
    }
    figures.show(
        figures.estimation_grid(scores, **about),
        caption="Sorted endothelium of three organs, every mouse a point. "
        f"Unit: mouse; {reporting.n_text(answers.values())}.",
        alt=reporting.alt_text("mTORC1 hallmark, aged - young", answers),
        provenance=provenance,
        data=figures.drawn.estimation_grid(scores, **about),
        name="fig-endothelium",
    )


def show_wrong_gene_level(answers: dict[str, Estimate]) -> None:
    """Show the p over mice beside the p that takes genes for independent witnesses."""
    genes, provenance = public.table("endothelium_genes")
    rows = [
        {
            "organ": tissue,
            "aged − young": answer.estimate,
            "p over mice (3 v 3)": answer.p,
            "p over genes (wrong)": endothelium.wrong_gene_level_p(genes, tissue),
        }
        for tissue, answer in answers.items()
    ]
    figures.table(
        pd.DataFrame(rows),
        caption="The same difference, tested over mice and, wrongly, over genes.",
        provenance=provenance,
    )
