"""The aging signature in single animals of several laboratories, and what would look like it without being it.

GSE162607 (eight populations, two sorts of pooled mice a group), LT-HSCs of another laboratory (three mice a group, age
confounded with the sequencing lane), and HSCs without neogenin-1 (ENA ERR3292021-29; old mice female, young male: only
mutant against wild type within an age is clean).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from endomtor.public import hsc_aging
from endomtor.public.endothelium import log_cpm
from endomtor.public.originals import (
    INFLAMMATION,
    INTERFERON,
    MTORC1,
    POPULATIONS,
    aging_signature,
    endothelial_counts,
    hsc_counts,
    inflammation_hallmarks,
    lt_hsc_rpkm,
    mtor_hallmarks,
    star_counts,
)
from endomtor.stats import Estimate, difference, expression, resemblance

GSE162607, LT_HSC = "GSE162607", "LT_HSC"
"""Laboratories, as ids name them."""

LANES = "age goes with the sequencing lane"
"""What must be said beside a number of `LT_HSC`."""

POOLED = "the samples are duplicate sorts of pooled mice: their spread is not that of mice"
"""What must be said beside a number of `GSE162607`: legend of figure 1a of doi 10.1038/s41467-022-30440-2."""

MIN_MEAN = 10.0
"""Mean normalised count from which a gene is used (an assumption); for RPKM it is 1."""

LSK = ("HSC", "MPP1", "MPP2", "MPP3", "MPP4")
PROPORTIONS = {"young": (5, 5, 10, 25, 55), "aged": (15, 10, 15, 25, 35)}
"""Per cent of `LSK` in young and aged mice: assumptions of this book, of the size that flow cytometry finds."""

NEO1 = {
    **{21: ("aged", "wild type"), 22: ("aged", "wild type"), 23: ("young", "wild type"), 24: ("young", "wild type")},
    **{25: ("aged", "Neo1gt"), 26: ("aged", "Neo1gt"), 27: ("aged", "Neo1gt")},
    **{28: ("young", "Neo1gt"), 29: ("young", "Neo1gt")},
}
"""Age and genotype by the last two digits of the run ERR32920xx."""


def _logs_of_rpkm(path: Path) -> pd.DataFrame:
    rpkm, _ = lt_hsc_rpkm(path)
    return np.log2(rpkm[rpkm.mean(axis=1) > 1] + 1)


def _age_of(mice: pd.Index) -> list[str]:
    return ["aged" if mouse.startswith(("O", "Aged")) else "young" for mouse in mice]


def score_table(counts: Path, samples: Path, rpkm: Path, signature: Path) -> pd.DataFrame:
    """Score each animal on the aging signature, by its projection as chapter 04 scores a laboratory's mice.

    Returns
    -------
    DataFrame
        One row an animal and population: laboratory, population, mouse, group (young, aged), score (1 more is as far
        apart as old and young were in the published studies, on average).
    """
    average = aging_signature(signature)["average"]
    matrix, sheet = hsc_counts(counts, samples)
    logs = {
        (GSE162607, name): expression.log_counts(matrix[own.index], min_mean=MIN_MEAN)
        for name, own in sheet.groupby("population")
    }
    logs |= {(LT_HSC, "HSC"): _logs_of_rpkm(rpkm)}
    rows = []
    for laboratory, population in [(GSE162607, name) for name in POPULATIONS] + [(LT_HSC, "HSC")]:
        scores = resemblance.project(logs[laboratory, population], average)
        about = {"laboratory": laboratory, "population": population, "mouse": scores.index}
        rows.append(pd.DataFrame({**about, "group": _age_of(scores.index), "score": scores.to_numpy()}))
    return pd.concat(rows, ignore_index=True)


def floor_table(counts: Path, samples: Path, signature: Path) -> pd.DataFrame:
    """Return the slope on the signature of contrasts without a difference, beside the real one.

    In a fake contrast one young and one aged mouse of a population stand against the other two, so age cancels and
    what is left is noise. Two of them can be made in each population.

    Returns
    -------
    DataFrame
        One row a contrast, population and study: contrast (real, "fake 1", "fake 2"), population, study, slope.
    """
    matrix, sheet = hsc_counts(counts, samples)
    matrix = matrix[(matrix >= hsc_aging.MIN_COUNTS).sum(axis=1) >= 2]
    published, place = aging_signature(signature), sheet.groupby("group").cumcount()
    aged = {"real": sheet["age"] == "aged"}
    aged |= {f"fake {1 + swap}": (place == 0) ^ ((sheet["age"] == "aged") & (swap == 1)) for swap in (0, 1)}
    parts = []
    for contrast, second in aged.items():
        groups = second.map({True: "aged_", False: "young_"}) + sheet["population"]
        slopes = hsc_aging.signature_slopes(hsc_aging.contrasts(hsc_aging.joint_fit(matrix, groups)), published)
        long = slopes[list(POPULATIONS)].melt(ignore_index=False, var_name="population", value_name="slope")
        parts.append(long.reset_index().assign(contrast=contrast))
    return pd.concat(parts, ignore_index=True)[["contrast", "population", "study", "slope"]]


def mixture_table(counts: Path, samples: Path, signature: Path, changes: pd.DataFrame) -> pd.DataFrame:
    """Return the slope on the signature of a mixture of LSK cells in which composition, cells or both age.

    Parameters
    ----------
    changes : DataFrame
        From `hsc_aging.lfc_table`; its errors in HSCs weigh the genes.

    Returns
    -------
    DataFrame
        What ages ("composition", "cells", "both"), slope (mean over studies).
    """
    matrix, sheet = hsc_counts(counts, samples)
    matrix = matrix.loc[matrix.index.isin(changes["gene"])]
    mean = (matrix / expression.size_factors(matrix)).T.groupby(sheet["group"]).mean().T
    published = aging_signature(signature)
    known = changes.set_index("gene")

    def mixed(cells: str, composition: str) -> pd.Series:
        parts = zip(PROPORTIONS[composition], LSK, strict=True)
        return sum(share / 100 * mean[f"{cells}_{name}"] for share, name in parts)

    young, rows = mixed("young", "young"), []
    for ages, second in {
        "composition": ("young", "aged"),
        "cells": ("aged", "young"),
        "both": ("aged", "aged"),
    }.items():
        change = np.log2((mixed(*second) + 0.5) / (young + 0.5)).reindex(known.index)
        table = known.assign(**{f"lfc_{name}": change for name in POPULATIONS}).reset_index()
        rows.append((ages, hsc_aging.signature_slopes(table, published)["HSC"].mean()))
    return pd.DataFrame(rows, columns=["ages", "slope"])


def neo1_table(rpkm: Path, signature: Path, *runs: Path) -> pd.DataFrame:
    """Score HSCs with and without neogenin-1 on the aging signature.

    Returns
    -------
    DataFrame
        One row a mouse: mouse (ENA run), group (young, aged), genotype (wild type, Neo1gt), score, then r: over the
        genes of the signature, the correlation of mutant - wild type within that age (log2(CPM + 1)) with the average.
    """
    _, symbols = lt_hsc_rpkm(rpkm)
    average = aging_signature(signature)["average"]
    counts = pd.DataFrame({f"ERR32920{run}": star_counts(path) for run, path in zip(NEO1, runs, strict=True)})
    counts = counts[counts.index.isin(symbols.index)]
    counts = counts.groupby(symbols[counts.index].to_numpy()).sum()
    counts = counts[counts.mean(axis=1) > MIN_MEAN]
    scores = resemblance.project(expression.log_counts(counts), average)
    table = pd.DataFrame(NEO1.values(), columns=["group", "genotype"]).assign(mouse=counts.columns)
    table["score"] = table["mouse"].map(scores)
    logs = np.log2(counts / counts.sum() * 1e6 + 1)
    for _, own in table.groupby("group"):
        means = {genotype: logs[mice["mouse"]].mean(axis=1) for genotype, mice in own.groupby("genotype")}
        table.loc[own.index, "r"] = (means["Neo1gt"] - means["wild type"]).reindex(average.index).corr(average)
    return table[["mouse", "group", "genotype", "score", "r"]]


def hallmark_table(counts: Path, samples: Path, rpkm: Path, brain: Path, heart: Path, kidney: Path) -> pd.DataFrame:
    """Score hallmark sets in old and young HSCs and endothelium: mTORC1, and inflammation, every phenocopy's rival.

    Returns
    -------
    DataFrame
        One row a mouse, cells and set: cells, mouse, group (young, aged), hallmark, genes (of the set, expressed),
        score (mean log2 expression of the set minus that of all other expressed genes).
    """
    matrix, sheet = hsc_counts(counts, samples)
    _, symbols = lt_hsc_rpkm(rpkm)
    cells = {f"HSC, {GSE162607}": log_cpm(matrix[sheet.index[sheet["population"] == "HSC"]])}
    cells[f"HSC, {LT_HSC}"] = _logs_of_rpkm(rpkm)
    for tissue, path in {"brain": brain, "heart": heart, "kidney": kidney}.items():
        found = endothelial_counts(path)
        found = found[found.index.isin(symbols.index)]
        cells[f"endothelium, {tissue}"] = log_cpm(found.groupby(symbols[found.index].to_numpy()).sum())
    sets = {"mTORC1": mtor_hallmarks()[MTORC1], "interferon": inflammation_hallmarks()[INTERFERON]}
    sets["inflammation"] = inflammation_hallmarks()[INFLAMMATION]
    rows = []
    for name, logs in cells.items():
        for hallmark, genes in sets.items():
            inside = logs.index.isin(genes)
            about = {"cells": name, "mouse": logs.columns, "group": _age_of(logs.columns), "hallmark": hallmark}
            score = logs[inside].mean() - logs[~inside].mean()
            rows.append(pd.DataFrame({**about, "genes": int(inside.sum()), "score": score.to_numpy()}))
    return pd.concat(rows, ignore_index=True)


def aged_minus_young(rows: pd.DataFrame) -> Estimate:
    """Return old - young of `score` (Welch) over the samples of one laboratory, from `score_table` or `hallmark_table`.

    A sample is a mouse, but in GSE162607 a sort of pooled mice.
    """
    name = rows.get("laboratory", rows.get("cells")).iloc[0]
    found = difference(rows, value="score", group="group", a="aged", b="young", unit="mouse")
    if GSE162607 in name:
        return replace(found, unit="pool", warnings=(*found.warnings, POOLED))
    return replace(found, warnings=(*found.warnings, LANES)) if LT_HSC in name else found


def neo1_difference(table: pd.DataFrame, age: str) -> Estimate:
    """Return Neo1gt - wild type of the score at one age, of a table from `neo1_table`."""
    rows = table[table["group"] == age]
    return difference(rows, value="score", group="genotype", a="Neo1gt", b="wild type", unit="mouse")
