"""Counts of genes: normalisation, the filter of DESeq2, pseudobulk, and gene sets."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.cells import chunks, not_counts
from endomtor.errors import EndomtorError, UnitError
from endomtor.stats.units import is_blank, numbers


def size_factors(counts: pd.DataFrame) -> pd.Series:
    """Median-of-ratios size factors (DESeq2), over the genes with a count in every sample.

    Raises `EndomtorError`: no gene has a count in every sample.

    Parameters
    ----------
    counts : DataFrame, genes x samples
        Raw counts.

    Returns
    -------
    Series
        Sample -> factor.

    References
    ----------
    Anders S, Huber W (2010) Genome Biol 11:R106.

    Examples
    --------
    >>> counts = pd.DataFrame({"s1": [10, 200, 0], "s2": [20, 400, 5]}, index=["Sell", "Actb", "Vwf"])
    >>> size_factors(counts).round(3)
    s1    0.707
    s2    1.414
    Name: size_factor, dtype: float64
    """
    matrix = counts.to_numpy(float)
    everywhere = (matrix > 0).all(axis=1)
    if not everywhere.any():
        raise EndomtorError(
            "No gene has a count in every sample; size factors need at least one, so check for an empty sample."
        )
    logs = np.log(matrix[everywhere])
    ratios = logs - logs.mean(axis=1, keepdims=True)
    return pd.Series(np.exp(np.median(ratios, axis=0)), index=counts.columns, name="size_factor")


def log_counts(counts: pd.DataFrame, *, min_mean: float = 0.0) -> pd.DataFrame:
    """log2(count / size factor + 0.5), genes x samples: the scale on which samples are scored.

    0.5 is voom's offset (Law CW et al. 2014, Genome Biol 15:R29): it shrinks fold changes of genes with few counts.

    Raises `EndomtorError` as `size_factors`, or fewer than two genes are expressed.

    Parameters
    ----------
    counts : DataFrame, genes x samples
        Raw counts.
    min_mean : float
        Genes with a smaller mean normalised count are left out. The choice uses mean expression only, never a contrast.

    Examples
    --------
    >>> counts = pd.DataFrame({"s1": [10, 200, 0], "s2": [20, 400, 5]}, index=["Sell", "Actb", "Vwf"])
    >>> log_counts(counts, min_mean=1).round(2)
            s1    s2
    Sell  3.87  3.87
    Actb  8.15  8.15
    Vwf  -1.00  2.01
    """
    normalised = counts / size_factors(counts)
    normalised = normalised[normalised.mean(axis=1) >= min_mean]
    if len(normalised) < 2:
        raise EndomtorError(
            f"{len(normalised)} of {len(counts)} genes have a mean normalised count of at least {min_mean:g}; "
            "expected two or more."
        )
    return np.log2(normalised + 0.5)


def columns_of(table: pd.DataFrame, samples: pd.Series, called: str) -> pd.DataFrame:
    """Return the samples' columns of a table (genes x samples), in their order and by their names in it.

    Names are compared as text.

    Raises `EndomtorError`: a sample has no column or several; `called` names the table.
    """
    wanted, present = samples.astype(str).to_numpy(), table.columns.astype(str)
    absent = sorted(set(wanted) - set(present))
    if absent:
        raise EndomtorError(f"Sample {absent[0]!r} of the sample sheet has no column in the {called}.")
    repeated = sorted(set(present[present.duplicated()]) & set(wanted))
    if repeated:
        raise EndomtorError(f"Sample {repeated[0]!r} has several columns in the {called}; expected one.")
    return table.iloc[:, [present.get_loc(one) for one in wanted]]


def finite_expression(table: pd.DataFrame) -> np.ndarray:
    """Return a table of expression, genes x samples, as floats.

    Raises
    ------
    EndomtorError
        A value is missing or infinite (the sentence names gene and sample).
    ValueError
        A value is text.
    """
    values = np.column_stack([numbers(table.iloc[:, place]) for place in range(table.shape[1])])
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise EndomtorError(
            f"Gene {table.index[row]!r}, sample {table.columns[column]!r}: the expression is {values[row, column]}; "
            "expected finite numbers."
        )
    return values


def _bh(p: pd.Series) -> pd.Series:
    """Benjamini-Hochberg over the p that are known."""
    adjusted = pd.Series(np.nan, index=p.index)
    known = p.notna()
    if known.any():
        adjusted[known] = stats.false_discovery_control(p[known].to_numpy())
    return adjusted


def independent_filter(base_mean: pd.Series, p: pd.Series, *, alpha: float = 0.1) -> pd.Series:
    """Adjusted p after DESeq2's independent filtering on mean count.

    Of 50 thresholds on the quantiles of `base_mean` the first is taken at which the number of genes with adjusted p
    < alpha comes within one root mean square residual of the maximum of a robust lowess curve; genes below it get
    NaN. R's lowess makes three robustness steps (statsmodels' does too); pydeseq2's differs.

    Parameters
    ----------
    base_mean, p : Series, gene -> value
        Same index; p may be NaN.

    References
    ----------
    Love MI, Huber W, Anders S (2014) Genome Biol 15:550; `DESeq2:::pvalueAdjustment`.

    Examples
    --------
    >>> from scipy.stats import false_discovery_control
    >>> mean = pd.Series(np.arange(1.0, 101))
    >>> p = pd.Series(np.where(mean > 60, (mean - 60) / 500, mean / 61))

    Of these hundred genes 40 differ, all with many counts. Found without and with the filter:

    >>> int((false_discovery_control(p) < 0.1).sum())
    0
    >>> int((independent_filter(mean, p) < 0.1).sum())
    40
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    lower = float((base_mean == 0).mean())
    theta = np.linspace(lower, 0.95 if lower < 0.95 else 1.0, 50)
    adjusted = [_bh(p.where(base_mean >= cutoff)) for cutoff in np.quantile(base_mean, theta)]
    rejections = np.array([int((column < alpha).sum()) for column in adjusted])
    if rejections.max() <= 10:
        return adjusted[0]
    curve = lowess(rejections, theta, frac=0.2, it=3, return_sorted=False)
    some = rejections > 0
    threshold = curve.max() - np.sqrt(np.mean((rejections[some] - curve[some]) ** 2))
    return adjusted[int(np.argmax(rejections > threshold))]


def pseudobulk(adata, *, animal: str = "animal", layer: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raw counts of an animal's cells, summed: the animal is the unit, its cells are subsamples.

    Parameters
    ----------
    adata : anndata.AnnData or endomtor.cells.StoredCells, cells x genes
        Raw counts in `X`, or in `layer`; read in chunks.
    animal : str
        Column of `adata.obs` with the animal's id.

    Returns
    -------
    counts : DataFrame, genes x animals
        Whole numbers, animals in sorted order.
    samples : DataFrame
        One row an animal: the animal's id, every column of `obs` that is constant within each animal, and `n_cells`.

    Raises
    ------
    UnitError
        The column is missing or blank for a cell.
    EndomtorError
        A value is not a raw count.

    References
    ----------
    Squair JW et al. (2021) Nat Commun 12:5692.

    Examples
    --------
    >>> import anndata
    >>> obs = pd.DataFrame(index=["c1", "c2", "c3"])
    >>> obs["animal"] = ["m1", "m1", "m2"]
    >>> obs["group"] = ["aged", "aged", "young"]
    >>> genes = pd.DataFrame(index=["Sell", "Vwf"])
    >>> counts = np.array([[1, 0], [2, 3], [0, 4]])
    >>> sums, samples = pseudobulk(anndata.AnnData(counts, obs, genes))
    >>> sums
          m1  m2
    Sell   3   0
    Vwf    3   4
    >>> samples
      animal  group  n_cells
    0     m1   aged        2
    1     m2  young        1
    """
    from scipy import sparse

    if animal not in adata.obs:
        raise UnitError(
            f"obs has no column {animal!r}; expected the animal of each cell, for cells are not replicates."
        )
    blank = is_blank(adata.obs[animal])
    if blank.any():
        raise UnitError(
            f"{int(blank.sum())} of {len(blank)} cells have a blank {animal}; expected the animal of each cell."
        )
    ids = adata.obs[animal].astype(str).to_numpy()
    names, codes = np.unique(ids, return_inverse=True)
    sums = np.zeros((names.size, adata.n_vars))
    for rows, matrix in chunks(adata, layer):
        bad = not_counts(matrix.data)
        if bad.any():
            raise EndomtorError(
                f"{matrix.data[bad][0]!r} in {'X' if layer is None else layer} is not a raw count; "
                "expected whole numbers of at least 0, neither normalised nor logged."
            )
        n = matrix.shape[0]
        indicator = sparse.csr_matrix((np.ones(n), (codes[rows], np.arange(n))), shape=(names.size, n))
        sums += indicator @ matrix
    counts = pd.DataFrame(np.rint(sums.T).astype(np.int64), index=adata.var_names.astype(str), columns=names)
    obs = adata.obs.drop(columns=animal).astype(object)
    grouped = obs.groupby(ids, sort=True)
    constant = [c for c in obs.columns if (grouped[c].nunique(dropna=False) == 1).all()]
    samples = grouped[constant].first().reindex(names) if constant else pd.DataFrame(index=names)
    samples.insert(0, animal, names)
    samples["n_cells"] = np.bincount(codes)
    return counts, samples.reset_index(drop=True)


def set_score(log_expression: pd.DataFrame, genes: Iterable[str], *, statistic: str = "t") -> pd.Series:
    """Score of a gene set in each sample: its genes against all others (univariate linear model, as decoupler's ULM).

    Raises `EndomtorError`: fewer than two genes of the set, or of the rest, are in the table, or an expression is
    missing or infinite.

    Parameters
    ----------
    log_expression : DataFrame, genes x samples
        Log scale.
    genes : iterable of str
        The set; genes that are not in the table are ignored.
    statistic : {"t", "difference"}
        "t": the t statistic of the slope of expression on membership (0 or 1), as decoupler. "difference": the slope
        itself, mean of the set minus mean of the other genes, in log units.

    Returns
    -------
    Series
        Sample -> score.

    References
    ----------
    Badia-i-Mompel P et al. (2022) Bioinform Adv 2:vbac016 (decoupleR).

    Examples
    --------
    >>> logs = pd.DataFrame({"young": [5, 6, 4, 7, 5], "aged": [3, 4.5, 4, 7.5, 5]}, index=list("ABCDE"))
    >>> set_score(logs, ["A", "B"]).round(2)
    young    0.14
    aged    -1.20
    Name: score, dtype: float64
    >>> set_score(logs, ["A", "B"], statistic="difference").round(2)
    young    0.17
    aged    -1.75
    Name: score, dtype: float64
    """
    if statistic not in ("t", "difference"):
        raise EndomtorError(f"statistic is {statistic!r}; expected 't' or 'difference'.")
    inside = _members(log_expression.index, genes)
    x = finite_expression(log_expression)
    m, total = int(inside.sum()), inside.size
    slope = x[inside].mean(axis=0) - x[~inside].mean(axis=0)
    if statistic == "t":
        within = (x[inside].var(axis=0) * m + x[~inside].var(axis=0) * (total - m)) / (total - 2)
        slope = slope / np.sqrt(within * (1 / m + 1 / (total - m)))
    return pd.Series(slope, index=log_expression.columns, name="score")


def _members(index: pd.Index, genes: Iterable[str]) -> np.ndarray:
    if not index.is_unique:
        raise EndomtorError(f"Gene {index[index.duplicated()][0]!r} occurs twice; expected one row a gene.")
    inside = index.isin(list(genes))
    if min(inside.sum(), (~inside).sum()) < 2:
        raise EndomtorError(
            f"{inside.sum()} of {inside.size} genes are in the set; expected at least two in it and two outside."
        )
    return inside
