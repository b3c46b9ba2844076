"""Aged and young endothelium of brain, heart and kidney: is the mTORC1 hallmark lower? (Context: none is marrow.)"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.public.originals import MTORC1, endothelial_counts, ensembl_symbols, mtor_hallmarks
from endomtor.stats import Estimate, holm
from endomtor.stats.groups import difference

TISSUES = ("brain", "heart", "kidney")
# A gene counts as expressed in a tissue with this many counts in at least three mice, the size of a group.
MIN_COUNTS = 10
SCORES = {
    "relative": "mean log2 CPM of the hallmark genes minus that of all other expressed genes",
    "mean_log2cpm": "mean log2 CPM of the hallmark genes",
    "mean_z": "mean over the hallmark genes of the gene's z value over the mice",
    "ulm_t": "t value of a regression of log2 CPM on membership in the hallmark, over genes (ULM)",
}


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
        One row a tissue and mouse: tissue, mouse, group (young, aged), genes (hallmark genes expressed), and the four
        `SCORES`. `relative` is the one that is tested: it cancels shifts that all genes share (composition, depth), and
        its difference between ages is the very number that the gene-level test looks at.
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
        frames.append(
            pd.DataFrame(
                {
                    "tissue": tissue,
                    "ensembl_id": values.index,
                    "mtorc1": values.index.isin(hallmark.index).astype(int),
                    "lfc": lfc.to_numpy(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def contrast(scores: pd.DataFrame, tissue: str, score: str = "relative") -> Estimate:
    """Return aged minus young in one tissue, the mouse as unit (Welch).

    `UnitError` if a mouse comes twice.

    Parameters
    ----------
    scores : DataFrame
        From `score_table`.
    score : str
        One of `SCORES`.
    """
    answer = difference(
        scores[scores["tissue"] == tissue], value=score, group="group", a="aged", b="young", unit="mouse"
    )
    return replace(answer, method=f"{answer.method}, of the {SCORES[score]}")


def wrong_gene_level_p(genes: pd.DataFrame, tissue: str) -> float:
    """Return the p value that counts genes as if they were mice. WRONG, shown to be recognised.

    Welch's test of the hallmark genes' fold changes against all other genes'. Genes of a pathway rise and fall
    together in a mouse, so two hundred genes in six mice are not two hundred observations.
    """
    frame = genes[genes["tissue"] == tissue]
    inside = frame["mtorc1"] == 1
    return float(stats.ttest_ind(frame.loc[inside, "lfc"], frame.loc[~inside, "lfc"], equal_var=False).pvalue)


def score_choices(scores: pd.DataFrame) -> pd.DataFrame:
    """Return aged minus young for each tissue under each score: how far the answer depends on the choice.

    Returns
    -------
    DataFrame
        Columns: tissue, score, difference, ci_low, ci_high, p, p_holm (Holm over the tissues of one score).
    """
    rows = []
    for score in SCORES:
        estimates = [contrast(scores, tissue, score) for tissue in TISSUES]
        rows.extend(
            (tissue, score, one.estimate, one.ci_low, one.ci_high, one.p, float(adjusted))
            for tissue, one, adjusted in zip(TISSUES, estimates, holm([one.p for one in estimates]), strict=True)
        )
    return pd.DataFrame(rows, columns=["tissue", "score", "difference", "ci_low", "ci_high", "p", "p_holm"])
