"""GSE87631: single HSCs of 4 and 18 months. Descriptive only: no animal ids, and cells are not replicates."""

from pathlib import Path

import numpy as np
import pandas as pd

from endomtor.public.originals import STUDIES, aging_signature, single_hsc_counts

# The study that is probably these very cells: the signature is made without it.
OWN_STUDY = "Kirschner"
# The signature's own rule: significant in at least this many studies.
MIN_STUDIES = 4
# Cells with fewer genes, or with more of their counts from spike-ins, are set aside.
MIN_GENES = 1_500
MAX_ERCC_PCT = 50.0


def signature_without(signature: pd.DataFrame) -> pd.Series:
    """Make the signature anew without these cells' own study (`OWN_STUDY`).

    A gene stays if at least `MIN_STUDIES` of the other studies call it significant.

    Returns
    -------
    Series
        Mean log2 fold change over the other studies, indexed by gene.
    """
    others = signature[[other for other in STUDIES if other != OWN_STUDY]]
    return others[others.notna().sum(axis=1) >= MIN_STUDIES].mean(axis=1)


def cell_table(counts_path: Path, signature_path: Path) -> pd.DataFrame:
    """Check, normalise, score and embed the cells with scanpy.

    Spike-ins are left out before each cell is scaled to 10,000 counts and log-transformed. The score is scanpy's
    `score_genes` of the up genes minus that of the down genes of the signature made without these cells' study. The
    embedding is the first two principal components of the 2,000 most variable genes, for the eye.

    Returns
    -------
    DataFrame
        One row a cell: cell, months (4, 18), counts (without spike-ins), genes (detected), ercc_pct, kept (1, or 0
        where quality was too low; such cells have no score), score, pc1, pc2.
    """
    import anndata
    import scanpy as sc

    counts, months = single_hsc_counts(counts_path)
    signature = signature_without(aging_signature(signature_path))
    spikes = counts.index.str.startswith("ERCC-")
    genes = counts[~spikes]
    quality = pd.DataFrame(
        {
            "cell": counts.columns,
            "months": months.to_numpy(),
            "counts": genes.sum().to_numpy(),
            "genes": (genes > 0).sum().to_numpy(),
            "ercc_pct": (100 * counts[spikes].sum() / counts.sum()).to_numpy(),
        }
    )
    quality["kept"] = ((quality["genes"] >= MIN_GENES) & (quality["ercc_pct"] <= MAX_ERCC_PCT)).astype(int)
    kept = quality["kept"] == 1

    cells = anndata.AnnData(genes.loc[:, kept.to_numpy()].T.astype(np.float64))
    sc.pp.filter_genes(cells, min_cells=3)
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    sides = {
        "up": [gene for gene in signature.index[signature > 0] if gene in cells.var_names],
        "down": [gene for gene in signature.index[signature < 0] if gene in cells.var_names],
    }
    for side, members in sides.items():
        sc.tl.score_genes(cells, members, score_name=side, random_state=0)
    score = (cells.obs["up"] - cells.obs["down"]).to_numpy()
    sc.pp.highly_variable_genes(cells, n_top_genes=2000)
    sc.pp.pca(cells, n_comps=10, svd_solver="arpack", random_state=0)
    components = cells.obsm["X_pca"][:, :2]
    # The sign of a component is arbitrary: turn each so that it rises with the score.
    signs = np.sign([np.corrcoef(components[:, k], score)[0, 1] for k in range(2)])
    for name, values in (("score", score), ("pc1", components[:, 0] * signs[0]), ("pc2", components[:, 1] * signs[1])):
        quality.loc[kept, name] = values
    return quality
