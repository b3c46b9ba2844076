"""Single cells that are too many for memory: they stay in their file and are read in chunks.

Functions that sum over cells take either kind, an AnnData in memory or `StoredCells`, through `chunks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

if TYPE_CHECKING:
    import anndata
    import h5py

LARGEST_IN_MEMORY = 20_000_000
"""Values of a matrix above which it stays in its file: some 40,000 cells with 500 genes seen in each."""

CHUNK = 10_000_000
"""Values that are read at once, about 100 MB with their places."""


@dataclass
class StoredCells:
    """Cells whose counts stay in an h5ad file, with as much of an AnnData as summing over them asks for.

    An AnnData in backed mode will not do: it cannot be cut down twice, and reads the layers whole.

    Attributes
    ----------
    path : Path
    obs : DataFrame
        One row a cell.
    var_names : Index
    uns : dict
    rows, columns : ndarray of int
        Places in the file of the cells (ascending) and of the genes.
    """

    path: Path
    obs: pd.DataFrame
    var_names: pd.Index
    uns: dict
    rows: np.ndarray = field(repr=False)
    columns: np.ndarray = field(repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return len(self.rows), len(self.columns)

    @property
    def n_obs(self) -> int:
        """How many cells there are."""
        return len(self.rows)

    @property
    def n_vars(self) -> int:
        """How many genes there are."""
        return len(self.columns)

    @property
    def obs_names(self) -> pd.Index:
        """The names of the cells."""
        return self.obs.index

    def copy(self) -> StoredCells:
        """Return the same cells with an `obs` of their own."""
        other = copy(self)
        other.obs = self.obs.copy()
        return other

    def __getitem__(self, chosen) -> StoredCells:
        """Return some cells, or some cells and genes: masks, or ascending places."""
        cells, genes = chosen if isinstance(chosen, tuple) else (chosen, slice(None))
        names = self.var_names[genes]
        return StoredCells(self.path, self.obs.iloc[cells], names, self.uns, self.rows[cells], self.columns[genes])

    def to_memory(self) -> anndata.AnnData:
        """Return the cells as an AnnData in memory: only for a few of them."""
        import anndata

        counts = sparse.vstack([matrix for _, matrix in chunks(self)], format="csr")
        return anndata.AnnData(counts, self.obs.copy(), pd.DataFrame(index=self.var_names), uns=dict(self.uns))


def stays_in_file(file: h5py.File) -> bool:
    """Is the matrix of an h5ad file too large for memory, and stored cell by cell, so that chunks can be read?

    A large matrix that is stored gene by gene (CSC) is read whole.
    """
    import h5py

    matrix = file.get("X")
    if matrix is None:
        return False
    values = matrix if isinstance(matrix, h5py.Dataset) else matrix["data"]
    if (values.size or 0) <= LARGEST_IN_MEMORY or values.dtype.kind not in "biuf":
        return False
    return values is matrix or _opened(matrix).format == "csr"


def stored(path: Path) -> StoredCells:
    """Return all cells of an h5ad file without reading their counts; layers, embeddings and `raw` are left alone.

    Raises
    ------
    Exception
        Of h5py or anndata, of many types, where the file is damaged.
    """
    import h5py
    from anndata.io import read_elem

    with h5py.File(path) as file:
        obs, var = read_elem(file["obs"]), read_elem(file["var"])
        uns = read_elem(file["uns"]) if "uns" in file else {}
        shape = _opened(file["X"]).shape
    if shape != (len(obs), len(var)):
        raise ValueError(f"X has {shape[0]} x {shape[1]} values, obs and var name {len(obs)} x {len(var)}")
    return StoredCells(path, obs, var.index, uns, *map(np.arange, shape))


def _opened(matrix):
    """Return a matrix of an open file as something that has a shape and gives slices of rows."""
    import h5py
    from anndata.io import sparse_dataset

    return matrix if isinstance(matrix, h5py.Dataset) else sparse_dataset(matrix)


def chunks(cells: anndata.AnnData | StoredCells, layer: str | None = None) -> Iterator[tuple[slice, sparse.csr_matrix]]:
    """Yield the matrix of cells in chunks: the places of the cells among all, and their rows (cells x genes).

    The rows may share memory with the cells: they are not to be changed.

    Parameters
    ----------
    cells : AnnData or StoredCells
    layer : str, optional
        Of an AnnData; `X` when left out.

    Raises
    ------
    KeyError
        There is no such layer.
    """
    if not isinstance(cells, StoredCells):
        matrix = cells.X if layer is None else cells.layers[layer]
        step = _step(cells.shape, matrix.nnz if sparse.issparse(matrix) else matrix.size)
        matrix = matrix.tocsr() if sparse.issparse(matrix) else matrix
        for start in range(0, cells.n_obs, step):
            place = slice(start, min(start + step, cells.n_obs))
            yield place, sparse.csr_matrix(matrix[place])
        return
    import h5py

    if layer is not None:
        raise KeyError(f"{layer}: of cells that stay in their file only X can be read")
    # Opened for each pass: a file that stays open could not be replaced on every system.
    with h5py.File(cells.path) as file:
        group = file["X"]
        matrix = _opened(group)
        step = _step(matrix.shape, group.size if isinstance(group, h5py.Dataset) else group["data"].size)
        whole = np.array_equal(cells.columns, np.arange(matrix.shape[1]))
        last = 0
        for start in range(0, matrix.shape[0], step):
            first, last = last, int(np.searchsorted(cells.rows, start + step))
            if first == last:
                continue
            found = sparse.csr_matrix(matrix[start : min(start + step, matrix.shape[0])])
            if last - first < found.shape[0]:
                found = found[cells.rows[first:last] - start]
            yield slice(first, last), found if whole else found[:, cells.columns]


def passing(cells: anndata.AnnData | StoredCells, *, min_genes: int = 200, min_cells: int = 3):
    """Return the cells that show enough genes, then the genes that enough of these cells show, read in chunks.

    What `scanpy.pp.filter_cells` and `filter_genes` keep, also for cells that stay in their file.

    Parameters
    ----------
    cells : AnnData or StoredCells
    min_genes, min_cells : int
        The values of the scanpy tutorials.
    """
    enough, seen = np.zeros(cells.n_obs, bool), np.zeros(cells.n_vars, int)
    for rows, matrix in chunks(cells):
        present = matrix > 0
        enough[rows] = present.getnnz(axis=1) >= min_genes
        seen += present[enough[rows]].getnnz(axis=0)
    return cells[enough, seen >= min_cells].copy()


def sample(cells: anndata.AnnData | StoredCells, most: int) -> anndata.AnnData:
    """Return the cells in memory, a seeded sample of `most` where they are more: for a picture."""
    if cells.n_obs > most:
        cells = cells[np.sort(np.random.default_rng(0).choice(cells.n_obs, most, replace=False))]
    return cells.to_memory() if isinstance(cells, StoredCells) else cells.copy()


def not_counts(values: np.ndarray) -> np.ndarray:
    """Return which of some numbers are no raw counts, whole and at least 0."""
    return ~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))


def _step(shape: tuple[int, ...], values: int) -> int:
    """Return how many cells of a matrix with so many values are read at once."""
    return max(1, int(CHUNK * shape[0] / max(values, 1)))
