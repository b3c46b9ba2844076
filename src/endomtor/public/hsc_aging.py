"""GSE162607: how eight marrow populations change with age, and whether the published HSC aging signature is seen.

Two mice a group allow no dispersion of their own, so one joint fit holds all sixteen groups (population by age) and
shares one dispersion a gene among them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.provenance import Provenance
from endomtor.public.download import original
from endomtor.public.originals import POPULATIONS, STUDIES, aging_signature, hsc_counts
from endomtor.stats import Estimate

if TYPE_CHECKING:
    from pydeseq2.dds import DeseqDataSet

# Of GSE162607, behind the fold changes of each population: one contrast, which all studies share.
POOLS = {"young pools": 2, "aged pools": 2}
# Populations without long-term HSCs in which the signature should not be seen.
CONTROLS = ("MPP3", "MPP4", "GMP", "MEP", "CLP")
# A gene is fitted if it has this many counts in at least two samples, the size of a group.
MIN_COUNTS = 10
# R's DESeq2 keeps fitted means from falling below this; PyDESeq2 does not. Without it a gene that is absent from one
# group gets any fold change at all.
MIN_MEAN = 0.5
# How far true log2 fold changes scatter about the line (an assumption): it caps the weight of the best-measured genes.
SCATTER = 0.5


def joint_fit(counts: pd.DataFrame, groups: pd.Series) -> "DeseqDataSet":
    """Fit one model with a mean a group and one dispersion a gene (`stats.negative_binomial.fit_genes`).

    Parameters
    ----------
    counts : DataFrame
        Genes x samples.
    groups : Series
        Group of each sample, in the order of the counts' columns.
    """
    from endomtor.stats.negative_binomial import fit_genes

    return fit_genes(counts, pd.get_dummies(groups, dtype=float).set_axis(counts.columns))


def lfc_table(counts_path: Path, samples_path: Path) -> pd.DataFrame:
    """Fit all sixteen groups jointly (`joint_fit`) and contrast old with young in each population (`contrasts`).

    Returns
    -------
    DataFrame
        One row a gene, sorted. Columns: gene, dispersion (NB alpha), mean_young_HSC and mean_aged_HSC (normalised
        counts), then lfc_POP and se_POP (log2) of each population.
    """
    counts, sheet = hsc_counts(counts_path, samples_path)
    counts = counts[(counts >= MIN_COUNTS).sum(axis=1) >= 2]
    return contrasts(joint_fit(counts, sheet["group"]))


def contrasts(fit: "DeseqDataSet") -> pd.DataFrame:
    """Return what `lfc_table` returns, of a joint fit of the groups young_POP and aged_POP.

    The standard error is the Wald one of a one-way layout: the variance of a group's log mean is `1 / sum(mu / (1 +
    alpha mu))` over its samples, with DESeq2's floor of 0.5 on mu.
    """
    design = fit.obsm["design_matrix"]
    groups = design.columns.to_numpy()[design.to_numpy().argmax(axis=1)]
    size = fit.obs["size_factors"].to_numpy(dtype=float)
    alpha = fit.var["dispersions"].to_numpy(dtype=float)
    log_mean, variance = {}, {}
    for group in np.unique(groups):
        mean = np.maximum(np.exp(fit.varm["LFC"][group].to_numpy(dtype=float)), MIN_MEAN)
        expected = np.maximum(np.outer(mean, size[groups == group]), MIN_MEAN)
        log_mean[group] = np.log(mean)
        variance[group] = 1 / (expected / (1 + alpha[:, None] * expected)).sum(axis=1)
    columns = {
        "gene": fit.var_names,
        "dispersion": alpha,
        "mean_young_HSC": np.exp(log_mean["young_HSC"]),
        "mean_aged_HSC": np.exp(log_mean["aged_HSC"]),
    }
    for population in POPULATIONS:
        young, aged = f"young_{population}", f"aged_{population}"
        columns[f"lfc_{population}"] = (log_mean[aged] - log_mean[young]) / np.log(2)
        columns[f"se_{population}"] = np.sqrt(variance[aged] + variance[young]) / np.log(2)
    return pd.DataFrame(columns).sort_values("gene", ignore_index=True)


def signature() -> tuple[pd.DataFrame, Provenance]:
    """Return the bundled aging signature (see `originals.aging_signature`) and its provenance."""
    path, provenance = original("svendsen-signature", "HSC aging signature of twelve studies")
    return aging_signature(path), provenance


def signature_slopes(
    table: pd.DataFrame, signature: pd.DataFrame, *, weighted: bool = True, intercept: bool = False
) -> pd.DataFrame:
    """Return, for each study of the signature and each population, the slope of our fold changes on the study's.

    The slope runs over the genes that the study calls significant, and through the origin: no change there predicts
    no change here, and both axes are centred by normalisation. (With an intercept the slope asks only whether the
    larger of the published changes are the larger ones here; a signature of which four genes in five go up then loses
    its main signal, and twelve genes, as in one study, do not fix two parameters.) Genes weigh `1 / (se^2 +
    SCATTER^2)`, so that a gene that a population hardly expresses neither carries nor hides the result.

    Parameters
    ----------
    table : DataFrame
        From `lfc_table`.
    signature : DataFrame
        From `originals.aging_signature`.
    weighted, intercept : bool
        The other choices, for `slope_choices`.

    Returns
    -------
    DataFrame
        Index: study (12). Columns: the eight populations, then `genes` (how many entered).
    """
    ours = table.set_index("gene")
    rows = {}
    for study in STUDIES:
        published = signature[study].dropna()
        published = published[published.index.isin(ours.index)]
        x = published.to_numpy()
        chosen = ours.loc[published.index]
        row = {}
        for population in POPULATIONS:
            y = chosen[f"lfc_{population}"].to_numpy()
            weights = 1 / (chosen[f"se_{population}"].to_numpy() ** 2 + SCATTER**2) if weighted else np.ones(len(x))
            x0, y0 = (np.average(x, weights=weights), np.average(y, weights=weights)) if intercept else (0.0, 0.0)
            row[population] = float(weights @ ((x - x0) * (y - y0)) / (weights @ (x - x0) ** 2))
        rows[study] = row | {"genes": len(x)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="study")


def specificity(slopes: pd.DataFrame) -> Estimate:
    """Return, over studies, the slope in HSCs minus the mean slope in the five negative controls (`CONTROLS`)."""
    difference = slopes["HSC"] - slopes[list(CONTROLS)].mean(axis=1)
    return _over_studies(
        difference, "mean over studies of HSC slope minus mean slope in MPP3, MPP4, GMP, MEP, CLP, t interval"
    )


def population_slopes(slopes: pd.DataFrame) -> dict[str, Estimate]:
    """Return, for each population, the mean slope over the published studies.

    A t interval over twelve slopes, conditional on the mice at hand. The studies share one contrast and genes, for the
    signature was chosen by agreement among them: the interval says how much the answer depends on which study is
    believed, and nothing of how another laboratory's mice would differ. `hsc_animals.floor_table` has contrasts without
    a difference, of which more than one in twenty gives a p below 0.05.
    """
    return {
        population: _over_studies(
            slopes[population],
            f"mean over studies of the slope of {population} log2FC on the published log2FC, t interval",
        )
        for population in POPULATIONS
    }


def slope_choices(table: pd.DataFrame, signature: pd.DataFrame) -> pd.DataFrame:
    """Return the slope in HSCs, and how far it is above the controls, under each way to draw the line.

    Returns
    -------
    DataFrame
        Columns: choice, HSC, HSC_low, HSC_high, specificity, specificity_low, specificity_high.
    """
    rows = []
    for weighted in (True, False):
        for intercept in (False, True):
            slopes = signature_slopes(table, signature, weighted=weighted, intercept=intercept)
            line = "with an intercept" if intercept else "through the origin"
            choice = f"{'weighted' if weighted else 'unweighted'}, {line}"
            estimates = (population_slopes(slopes)["HSC"], specificity(slopes))
            rows.append((choice, *(value for e in estimates for value in (e.estimate, e.ci_low, e.ci_high))))
    names = ["HSC", "HSC_low", "HSC_high", "specificity", "specificity_low", "specificity_high"]
    return pd.DataFrame(rows, columns=["choice", *names])


def _over_studies(values: pd.Series, method: str) -> Estimate:
    test = stats.ttest_1samp(values, 0)
    limits = test.confidence_interval(0.95)
    inner = test.confidence_interval(0.90)
    return Estimate(
        estimate=float(values.mean()),
        ci_low=float(limits.low),
        ci_high=float(limits.high),
        inner=(float(inner.low), float(inner.high)),
        p=float(test.pvalue),
        n={"studies": len(values), **POOLS},
        unit="study",
        method=method,
        df=float(test.df),
        warnings=("conditional on two young and two old pools; the studies share the signature's genes",),
    )
