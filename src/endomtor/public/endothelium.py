"""Aged and young endothelium of brain, heart and kidney: is the mTORC1 hallmark lower? (Context: none is marrow.)"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.public.originals import MTORC1, endothelial_counts, ensembl_symbols, mtor_hallmarks

# A gene counts as expressed in a tissue with this many counts in at least three mice, the size of a group.
MIN_COUNTS = 10


def log_cpm(counts: pd.DataFrame) -> pd.DataFrame:
    """Return log2(counts per million + 1) of the expressed genes, genes x mice."""
    kept = counts[(counts >= MIN_COUNTS).sum(axis=1) >= 3]
    return np.log2(kept / counts.sum() * 1e6 + 1)


def _expression(paths_by_tissue: dict[str, Path], symbols_path: Path) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    symbols = ensembl_symbols(symbols_path)
    hallmark = symbols[symbols.isin(mtor_hallmarks()[MTORC1])]
    return {tissue: log_cpm(endothelial_counts(path)) for tissue, path in paths_by_tissue.items()}, hallmark


def score_table(paths_by_tissue: dict[str, Path], symbols_path: Path) -> pd.DataFrame:
    """Score the mTORC1 hallmark in each mouse and tissue.

    Parameters
    ----------
    paths_by_tissue : dict[str, Path]
        The counts of each tissue.
    symbols_path : Path
        Ensembl ids and symbols.

    Returns
    -------
    DataFrame
        One row a tissue and mouse: tissue, mouse, group (young, aged), genes (hallmark genes expressed), and four
        scores: `relative` (their mean log2 CPM minus that of all other expressed genes), `mean_log2cpm`, `mean_z` (mean
        of their z values over the mice), `ulm_t` (t value of log2 CPM on membership, over genes). `relative` is the one
        that is tested: it cancels shifts that all genes share (composition, depth), and its difference between ages is
        the very number that the gene-level test looks at.
    """
    expression, hallmark = _expression(paths_by_tissue, symbols_path)
    rows = []
    for tissue, values in expression.items():
        inside = values.index.isin(hallmark.index)
        z = values.sub(values.mean(axis=1), axis=0).div(values.std(axis=1), axis=0)[inside].mean()
        for mouse in values.columns:
            mine = values[mouse].to_numpy()
            # The pooled two-sample t is the t value of the slope on a 0/1 variable.
            ulm = stats.ttest_ind(mine[inside], mine[~inside]).statistic
            rows.append(
                {
                    "tissue": tissue,
                    "mouse": mouse,
                    "group": "aged" if mouse.startswith("O") else "young",
                    "genes": int(inside.sum()),
                    "relative": mine[inside].mean() - mine[~inside].mean(),
                    "mean_log2cpm": mine[inside].mean(),
                    "mean_z": z[mouse],
                    "ulm_t": ulm,
                }
            )
    return pd.DataFrame(rows)


def gene_table(paths_by_tissue: dict[str, Path], symbols_path: Path) -> pd.DataFrame:
    """Return the log2 fold change, old against young, of every expressed gene.

    Returns
    -------
    DataFrame
        tissue, ensembl_id, mtorc1 (0 or 1), lfc (difference of mean log2 CPM).
    """
    expression, hallmark = _expression(paths_by_tissue, symbols_path)
    frames = []
    for tissue, values in expression.items():
        old = values.columns.str.startswith("O")
        lfc = values.loc[:, old].mean(axis=1) - values.loc[:, ~old].mean(axis=1)
        inside = values.index.isin(hallmark.index).astype(int)
        columns = {"tissue": tissue, "ensembl_id": values.index, "mtorc1": inside, "lfc": lfc.to_numpy()}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
