"""Gene-wise means and dispersions of real mouse counts, from which the worlds draw."""

from pathlib import Path

import numpy as np
import pandas as pd

from endomtor.public.hsc_aging import joint_fit
from endomtor.public.originals import (
    MTORC1,
    PI3K_AKT_MTOR,
    aging_signature,
    endothelial_counts,
    ensembl_symbols,
    mtor_hallmarks,
)

Y_GENES = ("Ddx3y", "Eif2s3y", "Kdm5d", "Uty")
N_HSPC_GENES = 3_000
_DRAW_SEED = 162607
# Below this many normalised counts a drawn gene says nothing; a gene of a set needs only to be seen.
_MIN_DRAWN, _MIN_NAMED = 5.0, 1.0
# Added to both means before their ratio is taken, so that genes with few counts get small fold changes.
_PRIOR_COUNT = 10.0
# Larger dispersions come from groups in which a gene is all but absent; no gene of a simulated HSC sample has them.
_MAX_DISPERSION = 2.0


def _hsc_mean(hsc: pd.DataFrame) -> pd.Series:
    frame = hsc.set_index("gene")
    return (frame["mean_young_HSC"] + frame["mean_aged_HSC"]) / 2


def _depth_ratio(hsc: pd.DataFrame, endothelium: pd.Series) -> float:
    """Return how many HSC counts stand for one endothelial count: the median over genes that both tables have."""
    pair = pd.concat([_hsc_mean(hsc), endothelium], axis=1, join="inner")
    pair = pair[(pair > _MIN_DRAWN).all(axis=1)]
    return float((pair.iloc[:, 0] / pair.iloc[:, 1]).median())


def endothelium(paths_by_tissue: dict[str, Path], symbols_path: Path, hsc: pd.DataFrame) -> pd.DataFrame:
    """Return mean and dispersion of about 1,500 genes in endothelial cells.

    One joint PyDESeq2 fit of tissue by age (six groups, eighteen samples), the dispersion shared. All mice are male,
    so the mean of Xist is that of the (female) HSCs of GSE162607, brought to this depth: an assumption.

    Parameters
    ----------
    hsc : DataFrame
        From `hsc_aging.lfc_table`.

    Returns
    -------
    DataFrame
        gene (symbol), mean (normalised counts over the eighteen samples), dispersion (NB alpha), mtorc1 (0 or 1).
    """
    symbols = ensembl_symbols(symbols_path)
    tables = [endothelial_counts(path).add_prefix(f"{tissue}_") for tissue, path in paths_by_tissue.items()]
    counts = pd.concat(tables, axis=1, join="inner")
    counts = counts.loc[counts.index.isin(symbols.index)]
    counts = counts[counts.sum(axis=1) > 0]
    fit = joint_fit(counts, counts.columns.to_series().str.extract(r"^(\w+_[OY])")[0])
    table = pd.DataFrame(
        {
            "gene": symbols[counts.index].to_numpy(),
            "mean": (counts / fit.obs["size_factors"].to_numpy(dtype=float)).mean(axis=1).to_numpy(),
            "dispersion": np.minimum(fit.var["dispersions"].to_numpy(dtype=float), _MAX_DISPERSION),
        }
    )
    xist = hsc.set_index("gene").loc["Xist"]
    ratio = _depth_ratio(hsc, table.set_index("gene")["mean"])
    table = table[table["gene"] != "Xist"]
    table.loc[len(counts)] = ["Xist", _hsc_mean(hsc)["Xist"] / ratio, xist["dispersion"]]
    table["mtorc1"] = table["gene"].isin(mtor_hallmarks()[MTORC1]).astype(int)
    return table.sort_values("gene", ignore_index=True)


def hspc(signature_path: Path, hsc: pd.DataFrame, endothelium_table: pd.DataFrame) -> pd.DataFrame:
    """Return mean, dispersion and aging effect of 3,000 genes in HSCs.

    Every gene of the aging signature and of the two mTOR sets that HSCs express, the sex genes, and a seeded draw
    over the other expressed genes. All mice are female, so means and dispersions of the Y genes are those of the
    (male) endothelial cells, brought to this depth, and their aging effect is 0: an assumption.

    Parameters
    ----------
    hsc : DataFrame
        From `hsc_aging.lfc_table`.
    endothelium_table : DataFrame
        From `endothelium`.

    Returns
    -------
    DataFrame
        gene, mean (normalised counts over the four HSC samples), dispersion (NB alpha, shared over sixteen groups),
        aging_lfc (log2 old against young, ten counts added to both means).
    """
    frame = hsc.set_index("gene")
    table = pd.DataFrame(
        {
            "mean": _hsc_mean(hsc),
            "dispersion": frame["dispersion"].clip(upper=_MAX_DISPERSION),
            "aging_lfc": np.log2((frame["mean_aged_HSC"] + _PRIOR_COUNT) / (frame["mean_young_HSC"] + _PRIOR_COUNT)),
        }
    )
    sets = mtor_hallmarks()
    named = {*aging_signature(signature_path).index, *sets[MTORC1], *sets[PI3K_AKT_MTOR], "Xist"}
    chosen = sorted(table.index[table.index.isin(named) & (table["mean"] >= _MIN_NAMED)])
    expressed = table.index[(table["mean"] >= _MIN_DRAWN) & (frame["dispersion"] <= _MAX_DISPERSION)]
    # The counts carry symbols that a spreadsheet turned into dates (Sept1 into 1-Sep): no gene can be told from them.
    dates = expressed[expressed.str.fullmatch(r"\d+-[A-Z][a-z]{2}")]
    pool = sorted(set(expressed) - set(chosen) - set(Y_GENES) - set(dates))
    draw = np.random.default_rng(_DRAW_SEED).choice(pool, N_HSPC_GENES - len(chosen) - len(Y_GENES), replace=False)
    result = table.loc[[*chosen, *draw]]

    cells = endothelium_table.set_index("gene")
    ratio = _depth_ratio(hsc, cells["mean"])
    for gene in Y_GENES:
        result.loc[gene] = [cells.at[gene, "mean"] * ratio, cells.at[gene, "dispersion"], 0.0]
    return result.rename_axis(index="gene").sort_index().reset_index()
