"""Counts and gene sets against DESeq2 and decoupleR."""

import doctest
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from pydeseq2.default_inference import DefaultInference
from pydeseq2.ds import DeseqStats
from pydeseq2.utils import nb_nll
from scipy import sparse

from endomtor.errors import EndomtorError, UnitError
from endomtor.stats import expression, negative_binomial
from endomtor.stats.negative_binomial import AllGenes, GeneFit, fit_genes

REFERENCE = Path(__file__).parent / "reference"
CONTRASTS = {"aging": ("group", "aged", "young"), "ecko": ("group", "ecko", "control")}


def answer(name, index):
    return pd.read_csv(REFERENCE / "answers" / f"{name}.csv").set_index(index)


@pytest.fixture(scope="module")
def counts():
    return pd.read_csv(REFERENCE / "data" / "a_counts.csv", index_col="gene")


@pytest.fixture(scope="module")
def samples():
    sheet = pd.read_csv(REFERENCE / "data" / "a_coldata.csv")
    return sheet.assign(animal="mouse-" + sheet["sample"])


def fitted_genes(counts, mice, design):
    fit = GeneFit(counts=counts[mice.index].T, metadata=mice, design=design, inference=AllGenes(), quiet=True)
    fit.deseq2()
    return fit


def deseq(counts, samples, contrasts=CONTRASTS, design="~0 + group", **options):
    """The steps of chapter 04."""
    about = {"inference": AllGenes(), "quiet": True}
    mice = samples.set_index("sample")[["group", *(["batch"] if "batch" in design else [])]]
    fit = fitted_genes(counts, mice, design)
    tables = {}
    for name, contrast in contrasts.items():
        test = DeseqStats(fit, contrast=list(contrast), alpha=0.1, independent_filter=False, **about, **options)
        test.summary()
        table = tables[name] = test.results_df
        silent = (counts[mice.index[mice["group"].isin(contrast[1:])]] == 0).all(axis=1) & table["pvalue"].notna()
        table.loc[silent, ["log2FoldChange", "stat", "pvalue"]] = 0.0, 0.0, 1.0
        if options.get("cooks_filter", True):
            table["padj"] = expression.independent_filter(table["baseMean"], table["pvalue"], alpha=0.1)
    return tables


@pytest.fixture(scope="module")
def results(counts, samples):
    """Filtered and unfiltered answers."""
    return {"default": deseq(counts, samples), "nofilter": deseq(counts, samples, cooks_filter=False)}


@pytest.fixture
def few(counts):
    """300 genes, with a few that are zero in places."""
    return counts.iloc[:300]


# Normalisation


def test_size_factors_agree_with_r(counts):
    expected = answer("a_deseq2_sizefactors", "sample")["sizefactor"]
    found = expression.size_factors(counts)
    assert found.to_numpy() == pytest.approx(expected[found.index].to_numpy(), rel=1e-12)
    with pytest.raises(EndomtorError, match="No gene has a count in every sample"):
        expression.size_factors(counts.assign(empty=0))


def test_log_counts_keeps_genes_by_mean_expression_only(counts):
    logs = expression.log_counts(counts, min_mean=10)
    normalised = counts / expression.size_factors(counts)
    assert list(logs.index) == list(counts.index[normalised.mean(axis=1) >= 10])
    assert (2**logs - 0.5).to_numpy() == pytest.approx(normalised.loc[logs.index].to_numpy(), abs=1e-6)
    with pytest.raises(EndomtorError, match="0 of 4000 genes"):
        expression.log_counts(counts, min_mean=1e9)


# DESeq2


@pytest.mark.parametrize("kind", ["nofilter", "default"])
@pytest.mark.parametrize("name", ["aging", "ecko"])
def test_deseq_agrees_with_deseq2(results, kind, name):
    expected = answer(f"a_deseq2_{name}_{kind}", "gene")
    found = results[kind][name]
    assert list(found.index) == list(expected.index)
    assert found["baseMean"].to_numpy() == pytest.approx(expected["baseMean"].to_numpy(), rel=1e-12)
    high = expected["baseMean"] > 10
    assert (found["log2FoldChange"] - expected["log2FoldChange"])[high].abs().max() < 0.002
    for column in ("log2FoldChange", "lfcSE", "stat", "pvalue"):
        assert (found[column].isna() == expected[column].isna()).all()
    ratio = np.log10(found["pvalue"] / expected["pvalue"]).abs()
    assert ratio.quantile(0.99) < 0.1
    assert found["stat"].corr(expected["stat"], method="spearman") > 0.9999
    called = expected["padj"] < 0.05
    tolerance = 2 if kind == "nofilter" else 0.07 * called.sum()
    assert ((found["padj"] < 0.05) != called).sum() <= tolerance


def test_both_groups_zero_is_fold_change_0_and_p_1_as_in_r(results):
    expected = answer("a_deseq2_ecko_nofilter", "gene")
    zero = (expected["log2FoldChange"] == 0) & (expected["pvalue"] == 1)
    assert zero.sum() > 10
    found = results["nofilter"]["ecko"][zero]
    assert (found[["log2FoldChange", "stat"]] == 0).all(axis=None)
    assert (found["pvalue"] == 1).all()


@pytest.fixture(scope="module")
def batches():
    """Three groups over three batches with count outliers: counts and samples."""
    counts = pd.read_csv(REFERENCE / "data" / "i_batch_counts.csv", index_col="gene")
    return counts, pd.read_csv(REFERENCE / "data" / "i_batch_coldata.csv")


@pytest.mark.parametrize("kind", ["nofilter", "default"])
def test_a_design_with_batches_agrees_with_deseq2(batches, kind):
    """With pydeseq2 g0404 has a log2 fold change of -13 and an adjusted p of 5e-5."""
    expected = answer(f"i_batch_{kind}", "gene")
    [found] = deseq(*batches, {"b": ("group", "B", "A")}, "~batch + group", cooks_filter=kind == "default").values()
    trap = found.loc["g0404"] - expected.loc["g0404"]
    assert np.abs(trap[["log2FoldChange", "lfcSE", "stat", "pvalue"]]).max() < 1e-3
    assert (found["pvalue"].isna() == expected["pvalue"].isna()).all()
    ratio = np.log10(found["pvalue"] / expected["pvalue"]).abs()
    assert ratio.quantile(0.99) < 0.1
    assert ratio.max() < 1
    assert (found["padj"] < 0.05).tolist() == (expected["padj"] < 0.05).tolist()


# Samples of j_cook by their group, and of a_counts: A holds young and control, B aged and ecko.
COOKS = {
    "four": ("j_cook", {"A": 3, "B": 3, "C": 3, "D": 3}),
    "four_one": ("j_cook", {"A": 3, "B": 3, "C": 3, "D": 1}),
    "two": ("j_cook", {"A": 3, "B": 3}),
    "six_six": ("a", {"A": 6, "B": 6}),
    "six_one": ("a", {"A": 6, "B": 1}),
    "five_two": ("a", {"A": 5, "B": 2}),
    "one_six": ("a", {"A": 1, "B": 6}),
}


@pytest.mark.parametrize("design", COOKS)
def test_cooks_filter_takes_out_the_genes_that_r_takes_out(design):
    """Of the 22 genes of the set j_cook pydeseq2 takes out one."""
    name, sizes = COOKS[design]
    counts = pd.read_csv(REFERENCE / "data" / f"{name}_counts.csv", index_col="gene")
    sheet = pd.read_csv(REFERENCE / "data" / f"{name}_coldata.csv", index_col="sample")[["group"]]
    sheet = sheet.replace({"group": {"young": "A", "control": "A", "aged": "B", "ecko": "B"}})
    mice = pd.concat([sheet[sheet["group"] == group].iloc[:size] for group, size in sizes.items()])
    found = fitted_genes(counts, mice, "~group").cooks_outlier()
    expected = answer("cooks_filtered", "design")["gene"]
    assert list(counts.index[found]) == list(expected[expected.index == design])


def test_a_gene_is_spared_in_a_comparison_of_two_groups_only(counts):
    """As in R, a design that is given as a matrix spares none."""
    columns = counts.columns[[0, 1, 2, 6, 7, 8, 3]]
    mice = pd.DataFrame({"group": ["A"] * 6 + ["B"]}, index=columns)
    matrix = pd.DataFrame({"one": 1.0, "b": [0.0] * 6 + [1.0]}, index=columns)
    assert fitted_genes(counts, mice, "~group").cooks_outlier().sum() == 0
    assert fit_genes(counts[columns], matrix).cooks_outlier().sum() == 4


def test_what_went_wrong_in_a_fit_is_said_and_its_genes_are_marked(few, samples):
    fit = fitted_genes(few, samples.set_index("sample")[["group"]], "~group")
    assert (fit.caveats(), fit.marked()) == ((), {})
    gene, other = fit.var_names[[3, 5]]
    fit.var.loc[gene, "_LFC_converged"] = False
    fit.var.loc[other, "_MAP_converged"] = False
    assert fit.marked() == {gene: f"{gene}*", other: f"{other}*"}
    assert fit.caveats() == ("The fit of 2 of 300 genes did not converge; they bear an asterisk.",)


def test_the_example_of_gene_fit_gives_what_it_shows():
    assert doctest.testmod(negative_binomial).failed == 0


def test_a_trend_that_is_not_found_is_warned_of():
    mice = [f"m{i}" for i in range(6)]
    counts = pd.DataFrame(np.random.default_rng(1).poisson(90, (40, 6)), columns=mice)
    with pytest.warns(UserWarning, match="one mean stands in for it, where R fits a local curve"):
        fit_genes(counts, pd.DataFrame({"a": [1.0, 0] * 3, "b": [0, 1.0] * 3}, index=mice))


@pytest.fixture(scope="module")
def fitted():
    """Counts, size factors, design, dispersions and means: three groups, two batches, one column a gene."""
    rng = np.random.default_rng(3)
    design = np.zeros((18, 4))
    design[np.arange(18), np.arange(18) % 3] = 1
    design[::2, 3] = 1
    size, dispersion = rng.lognormal(0, 0.3, 18), rng.lognormal(-2.5, 1, 120)
    mean = rng.lognormal(4, 1.5, 120) * size[:, None]
    counts = rng.negative_binomial(1 / dispersion, 1 / (1 + dispersion * mean))
    # One gene is found in one group only: its coefficients run away from the least squares.
    counts[:, 0] = np.where(design[:, 0] == 1, 5000, 0)
    means = AllGenes().lin_reg_mu(counts, size, design, 0.5)
    return counts, size, design, dispersion, means


def test_all_genes_at_once_have_pydeseq2s_coefficients(fitted, monkeypatch):
    counts, size, design, dispersion, _ = fitted
    theirs = DefaultInference(n_cpus=1).irls(counts, size, design, dispersion, 0.5, 1e-8)
    found = AllGenes().irls(counts, size, design, dispersion, 0.5, 1e-8)
    monkeypatch.setattr(negative_binomial, "_VALUES", 100)
    in_parts = AllGenes().irls(counts, size, design, dispersion, 0.5, 1e-8)
    for ours, parts, wanted in zip(found, in_parts, theirs, strict=True):
        assert np.asarray(ours, float) == pytest.approx(np.asarray(wanted, float), rel=1e-8, abs=1e-10)
        assert np.asarray(parts, float) == pytest.approx(np.asarray(ours, float), rel=1e-8, abs=1e-10)


def test_a_gene_that_runs_away_is_fitted_without_the_floor():
    """pydeseq2's optimiser stops at a negative log likelihood of 67.5 in this gene of the set i_batch, R at 46.4."""
    counts = pd.read_csv(REFERENCE / "data" / "i_batch_counts.csv", index_col="gene").loc[["g0404"]].T.to_numpy()
    sheet = pd.read_csv(REFERENCE / "data" / "i_batch_coldata.csv", index_col="sample")
    design = pd.get_dummies(sheet, drop_first=True, dtype=float).to_numpy()
    design = np.column_stack([np.ones(len(design)), design])
    size, dispersion = np.ones(len(design)), np.array([5.2])

    def loss(beta):
        mu = size * np.exp(design @ beta)
        return nb_nll(counts[:, 0], mu, dispersion[0])

    theirs = DefaultInference(n_cpus=1).irls(counts, size, design, dispersion, 0.5, 1e-8)
    beta, mu, leverage, converged = AllGenes().irls(counts, size, design, dispersion, 0.5, 1e-8)
    assert converged.all()
    assert loss(beta[0]) < loss(theirs[0][0]) - 5
    # The gradient without the floor is zero: this is the maximum.
    assert np.abs(design.T @ ((mu[:, 0] - counts[:, 0]) / (1 + 5.2 * mu[:, 0]))).max() < 1e-3
    assert ((leverage > 0) & (leverage < 1)).all()


@pytest.mark.parametrize("prior", [{}, {"prior_disp_var": 0.5, "prior_reg": True}, {"cr_reg": False}])
def test_each_dispersion_is_at_least_as_likely_as_pydeseq2s(fitted, prior):
    counts, _, design, dispersion, means = fitted
    limits = 1e-8, 18.0
    ours, converged = AllGenes().alpha_mle(counts, design, means, dispersion, *limits, **prior)
    theirs, theirs_converged = DefaultInference(n_cpus=1).alpha_mle(counts, design, means, dispersion, *limits, **prior)
    assert converged.all()
    assert ours.min() >= limits[0] * (1 - 1e-9)
    assert ours.max() <= limits[1] * (1 + 1e-9)

    def against(alpha: np.ndarray) -> np.ndarray:
        found = np.array([nb_nll(counts[:, g], means[:, g], alpha[g]) for g in range(len(alpha))])
        if prior.get("cr_reg", True):
            for g in range(len(alpha)):
                weights = means[:, g] / (1 + means[:, g] * alpha[g])
                found[g] += 0.5 * np.linalg.slogdet((design.T * weights) @ design)[1]
        if prior.get("prior_reg"):
            found += (np.log(alpha) - np.log(dispersion)) ** 2 / (2 * prior["prior_disp_var"])
        return found

    assert (against(ours) <= against(theirs) + 1e-6).all()
    # The same optimum, wherever theirs is one that they found and that is not flat.
    sharp = theirs_converged & (theirs > 1e-3)
    assert sharp.sum() > 80
    assert ours[sharp] == pytest.approx(theirs[sharp], rel=1e-3)


def test_a_dispersion_that_cannot_be_found_is_said_to_be_none(fitted):
    counts, _, design, dispersion, means = fitted
    unknown = means.copy()
    unknown[0, 5] = np.nan
    found, converged = AllGenes().alpha_mle(counts, design, unknown, dispersion, 1e-8, 18.0)
    assert np.flatnonzero(~converged).tolist() == [5]
    assert found[5] == pytest.approx(dispersion[5])


def test_a_gene_without_more_than_poisson_noise_stays_where_its_likelihood_is_flat():
    means = np.full((6, 1), 4.0)
    counts = np.array([[4], [4], [5], [3], [4], [4]])
    [found], _ = AllGenes().alpha_mle(counts, np.ones((6, 1)), means, [1e-8], 1e-8, 10.0)
    assert found == pytest.approx(1e-8)


@pytest.mark.parametrize("name", ["aging", "ecko"])
def test_independent_filter_is_rs_given_rs_p(name):
    expected = answer(f"a_deseq2_{name}_default", "gene")
    found = expression.independent_filter(expected["baseMean"], expected["pvalue"])
    assert (found.isna() == expected["padj"].isna()).all()
    known = found.notna()
    assert found[known].to_numpy() == pytest.approx(expected["padj"][known].to_numpy(), rel=1e-10)


def test_an_outlier_among_many_replicates_is_replaced_and_refitted(few, samples):
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(16)]
    mean = few.mean(axis=1).to_numpy()[:, None]
    wide = pd.DataFrame(rng.poisson(mean * rng.gamma(10, 0.1, (300, 16))), index=few.index, columns=names)
    wide.iloc[5] = rng.poisson(100, 16)
    wide.iloc[5, 2] = 100_000
    sheet = pd.DataFrame({"sample": names, "animal": names, "group": ["young"] * 8 + ["aged"] * 8})
    found = deseq(wide, sheet, {"aging": CONTRASTS["aging"]})["aging"]
    assert abs(found["log2FoldChange"].iloc[5]) < 0.3
    assert found["pvalue"].iloc[5] > 0.01


# Pseudobulk


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_pseudobulk_sums_the_cells_of_an_animal(kind):
    rng = np.random.default_rng(3)
    matrix = rng.poisson(1.5, (40, 6))
    obs = pd.DataFrame(
        {
            "animal": pd.Categorical([f"m{i % 4}" for i in range(40)]),
            "group": [("young", "aged")[i % 2] for i in range(40)],
            "subtype": [f"s{i % 3}" for i in range(40)],
        },
        index=[f"c{i}" for i in range(40)],
    )
    var = pd.DataFrame(index=[f"g{i}" for i in range(6)])
    cells = anndata.AnnData(kind(matrix.astype(np.float32)), obs=obs, var=var)
    cells.layers["counts"] = cells.X
    found, sheet = expression.pseudobulk(cells)
    for animal in ("m0", "m1", "m2", "m3"):
        assert (found[animal] == matrix[(obs["animal"] == animal).to_numpy()].sum(axis=0)).all()
    assert found.dtypes.eq(np.int64).all()
    assert sheet.to_dict("list") == {
        "animal": ["m0", "m1", "m2", "m3"],
        "group": ["young", "aged", "young", "aged"],
        "n_cells": [10] * 4,
    }
    pd.testing.assert_frame_equal(expression.pseudobulk(cells, layer="counts")[0], found)
    cells.X = kind(np.log1p(matrix))
    with pytest.raises(EndomtorError, match="in X is not a raw count"):
        expression.pseudobulk(cells)
    with pytest.raises(UnitError, match="obs has no column 'mouse'"):
        expression.pseudobulk(cells, animal="mouse")
    cells.obs["animal"] = [""] + ["m1"] * 39
    with pytest.raises(UnitError, match="1 of 40 cells have a blank animal"):
        expression.pseudobulk(cells)


# Gene sets


@pytest.fixture(scope="module")
def gene_sets():
    return pd.read_csv(REFERENCE / "data" / "g_sets.csv").groupby("set")["gene"].apply(list).to_dict()


@pytest.fixture(scope="module")
def expressed():
    return pd.read_csv(REFERENCE / "data" / "g_expr.csv", index_col="gene")


def test_set_scores_agree_with_decoupler(expressed, gene_sets):
    expected = answer("g_decoupler_ulm", ["source", "condition"])["score"]
    for name, genes in gene_sets.items():
        found = expression.set_score(expressed, [*genes, "not measured"])
        assert found.to_numpy() == pytest.approx(expected[name][found.index].to_numpy(), abs=1e-10)
        inside = expressed.index.isin(genes)
        difference = expression.set_score(expressed, genes, statistic="difference")
        assert difference.to_numpy() == pytest.approx((expressed[inside].mean() - expressed[~inside].mean()).to_numpy())
    with pytest.raises(EndomtorError, match="1 of 2000 genes are in the set"):
        expression.set_score(expressed, expressed.index[:1])
    with pytest.raises(EndomtorError, match="expected 't' or 'difference'"):
        expression.set_score(expressed, expressed.index[:5], statistic="z")
