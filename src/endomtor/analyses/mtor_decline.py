"""Chapter 01: is mTOR signalling lower in aged marrow endothelium?

Phospho-flow per animal and marker; single cells summed per animal.
"""

from collections.abc import Container, Mapping
from functools import partial

import numpy as np
import pandas as pd

from endomtor import public
from endomtor.analyses import alternatives
from endomtor.analyses.answer import Answer
from endomtor.cells import passing
from endomtor.contract.rules import shared_backgrounds
from endomtor.public import aging_cohorts, hsc_animals, originals
from endomtor.stats import Estimate, difference, expression

COMPARED = {"value": "value", "group": "group", "a": "aged", "b": "young", "unit": "animal", "block": ("batch", "sex")}

HALLMARK_MINIMUM = 10
"""Genes of the hallmark that must have been measured for a score (an assumption; gene-set tools use 5 to 15)."""


def answers(tables: Mapping[str, object], wanted: Container[str] | None = None) -> dict[str, Answer]:
    """Return aged - young of each marker (`C1.signaling.MARKER`) and of the hallmark score of cells (`C1.cells.…`).

    Parameters
    ----------
    tables : mapping of str to DataFrame or AnnData
        `bmec_signaling`, `bmec_cells`; each may be absent.
    wanted : container of str, optional
        Ids to answer.
    """
    found = {}
    if "bmec_signaling" in tables:
        for marker, rows in log2_signals(tables["bmec_signaling"]).groupby("marker"):
            name = f"C1.signaling.{marker}"
            if wanted is None or name in wanted:
                found[name] = _answer(rows, partial(alternatives.of_difference, rows, **COMPARED))
    name = "C1.cells.mTORC1_hallmark"
    if "bmec_cells" in tables and (wanted is None or name in wanted):
        scores = hallmark_scores(tables["bmec_cells"])
        if scores is not None:
            found[name] = _answer(scores, dict)
    return found


def from_public() -> dict[str, Estimate]:
    """Return aged - young of the hallmark score in the endothelium of each organ (`C1.context.ORGAN`).

    Beside it `C1.context.tissue.TISSUE.PROTEIN`, 26 - 3 months, and `C1.context.HSC.mTORC1_LABORATORY`, old - young.
    """
    organs, _ = public.table("endothelium_scores")
    compared = {"value": "relative", "group": "group", "a": "aged", "b": "young", "unit": "mouse"}
    found = {f"C1.context.{tissue}": difference(rows, **compared) for tissue, rows in organs.groupby("tissue")}
    blots, _ = public.table("aging_blots")
    for tissue, protein in blots[["tissue", "protein"]].drop_duplicates().itertuples(index=False):
        found[f"C1.context.tissue.{tissue}.{protein}"] = aging_cohorts.blot_difference(blots, tissue, protein)
    hallmarks, _ = public.table("hallmark_scores")
    for laboratory in (hsc_animals.GSE162607, hsc_animals.LT_HSC):
        rows = hallmarks[(hallmarks["cells"] == f"HSC, {laboratory}") & (hallmarks["hallmark"] == "mTORC1")]
        found[f"C1.context.HSC.mTORC1_{laboratory}"] = hsc_animals.aged_minus_young(rows)
    return found


def _answer(rows: pd.DataFrame, others) -> Answer:
    estimate = difference(rows, **COMPARED)
    return Answer(estimate, {("aged", "young"): estimate}, others)


def log2_signals(table: pd.DataFrame) -> pd.DataFrame:
    """Return `bmec_signaling` with `value`, the primary log2 signal of an animal and marker.

    log2(MFI - background) where every animal of the marker has a background of its own below its signal, else log2 MFI.

    Notes
    -----
    One background tube for a whole group and day belongs to no animal: subtracting it moves all of them together and
    lends the group difference a precision that it does not have.
    """
    background = table["fmo_mfi"] if "fmo_mfi" in table else pd.Series(np.nan, index=table.index)
    raw, net = np.log2(table["mfi"]), np.log2((table["mfi"] - background).where(table["mfi"] > background))
    kept = shared_backgrounds(table) | set(table.loc[net.isna(), "marker"])
    rows = table.assign(value=raw.where(table["marker"].isin(kept), net))
    return rows.sort_values(["marker", "group", "animal"], ignore_index=True)


def hallmark_scores(cells) -> pd.DataFrame | None:
    """Sum the cells of each animal and score the mTORC1 hallmark: mean log2 expression of the set minus the rest.

    Parameters
    ----------
    cells : anndata.AnnData or endomtor.cells.StoredCells

    Returns
    -------
    DataFrame
        One row an animal with its `value` (pseudobulk: Squair et al. 2021, doi 10.1038/s41467-021-25960-2). None when
        too few genes of the set were measured.
    """
    counts, animals = expression.pseudobulk(passing(cells), animal="animal")
    hallmark = originals.mtor_hallmarks()[originals.MTORC1]
    if counts.index.isin(hallmark).sum() < HALLMARK_MINIMUM:
        return None
    score = expression.set_score(expression.log_counts(counts), hallmark, statistic="difference")
    return animals.assign(value=score.reindex(animals["animal"]).to_numpy())
