"""Cells that stay in their file: the same answers as in memory, whatever the chunks."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from endomtor import cells as single_cells
from endomtor import contract
from endomtor.cells import StoredCells
from endomtor.stats import expression
from test_contract import cells, write

KINDS = {"csr": sparse.csr_matrix, "dense": np.asarray}


@pytest.fixture
def stored(monkeypatch):
    """Every file is too large for memory, and read in chunks of few cells."""
    monkeypatch.setattr(single_cells, "LARGEST_IN_MEMORY", 0)
    monkeypatch.setattr(single_cells, "CHUNK", 40)


def few_counts(n_cells: int = 6) -> anndata.AnnData:
    """Cells with few counts; the genes of sex stay as they are."""
    data = cells(n_cells)
    rng = np.random.default_rng(1)
    matrix = data.X.toarray()
    matrix[:, 5:] = rng.poisson(1.0, matrix[:, 5:].shape)
    data.X = sparse.csr_matrix(matrix)
    return data


@pytest.mark.parametrize("kind", KINDS)
def test_stored_cells_are_checked_and_summed_as_in_memory(tmp_path, kind, request):
    data = few_counts()
    data.X = KINDS[kind](data.X.toarray())
    exclusions = pd.DataFrame({"table": ["bmec_cells"], "animal": ["aged2"], "reason": ["clotted"]})
    folder = write(tmp_path / "d", {"exclusions": exclusions}, h5ad=data)
    inside, said = contract.examine(folder)
    request.getfixturevalue("stored")
    outside, said_of_stored = contract.examine(folder)
    assert said_of_stored == said
    one, other = inside.get("bmec_cells"), outside.get("bmec_cells")
    assert isinstance(one, anndata.AnnData)
    assert isinstance(other, StoredCells)
    assert one.shape == other.shape == (data.n_obs - 6, data.n_vars)
    assert "aged2" not in set(other.obs["animal"])
    for mine, theirs in zip(expression.pseudobulk(other), expression.pseudobulk(one), strict=True):
        pd.testing.assert_frame_equal(mine, theirs)
    assert other.to_memory().obs.equals(one.obs)
    np.testing.assert_array_equal(other.to_memory().X.toarray(), np.asarray(sparse.csr_matrix(one.X).todense()))
    assert outside.describe(["bmec_cells"]) == inside.describe(["bmec_cells"])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cells_and_genes_in_any_chunks(tmp_path, monkeypatch, data):
    path = tmp_path / "bmec_cells.h5ad"
    whole = few_counts()
    if not path.exists():
        whole.write_h5ad(path)
    chunk = data.draw(st.integers(1, 2000))
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=whole.n_obs, max_size=whole.n_obs)))
    genes = np.array(data.draw(st.lists(st.booleans(), min_size=whole.n_vars, max_size=whole.n_vars)))
    again = data.draw(st.lists(st.integers(0, max(keep.sum() - 1, 0)), unique=True)) if keep.any() else []
    with monkeypatch.context() as patch:
        patch.setattr(single_cells, "CHUNK", chunk)
        found = single_cells.stored(path)[keep, genes][np.sort(np.array(again, int))]
        expected = whole[keep][np.sort(np.array(again, int))][:, genes]
        seen = np.zeros(found.shape)
        for rows, matrix in single_cells.chunks(found):
            seen[rows] = matrix.toarray()
    np.testing.assert_array_equal(seen, expected.X.toarray())
    assert found.obs_names.equals(expected.obs_names)
    assert found.var_names.equals(expected.var_names)


def test_faults_of_stored_cells_are_found(tmp_path, stored):
    data = few_counts()
    data.obs.loc[data.obs["animal"] == "aged1", "sex"] = "F"
    (fault,) = [one for one in contract.check(write(tmp_path / "sex", {}, h5ad=data)) if one.severity == "error"]
    assert (fault.column, fault.value) == ("sex", "F")
    data = few_counts()
    matrix = data.X.toarray()
    matrix[[7, 80], 6] = [0.5, -1]
    data.X = sparse.csr_matrix(matrix)
    (fault,) = [one for one in contract.check(write(tmp_path / "x", {}, h5ad=data)) if one.severity == "error"]
    assert str(fault).endswith('column "X": found 0.5, expected raw counts in X, integers of at least 0 (2 are not).')


def test_stored_cells_of_other_shape_than_their_names(tmp_path, stored):
    folder = write(tmp_path / "d", {}, h5ad=few_counts())
    with h5py.File(folder / "bmec_cells.h5ad", "a") as file:
        file["X"].attrs["shape"] = np.array([95, file["X"].attrs["shape"][1]])
        del file["X/indptr"]
        file["X/indptr"] = np.zeros(96, int)
    (fault,) = [one for one in contract.check(folder) if one.severity == "error"]
    assert "a whole AnnData file (ValueError: X has 95" in str(fault)


def test_a_matrix_stored_gene_by_gene_is_read_whole(tmp_path, stored):
    data = few_counts()
    data.X = data.X.tocsc()
    table = contract.load(write(tmp_path / "d", {}, h5ad=data)).get("bmec_cells")
    assert isinstance(table, anndata.AnnData)
    pd.testing.assert_frame_equal(*(expression.pseudobulk(one)[0] for one in (table, few_counts())))


def test_only_x_of_stored_cells_can_be_read(tmp_path, stored):
    table = contract.load(write(tmp_path / "d", {}, h5ad=few_counts())).get("bmec_cells")
    with pytest.raises(KeyError, match="only X can be read"):
        expression.pseudobulk(table, layer="counts")


def test_older_symbols_of_stored_cells_are_read_as_todays(tmp_path, stored):
    data = few_counts()
    data.var_names = [*data.var_names[:-1], "Eprs"]
    table = contract.load(write(tmp_path / "d", {}, h5ad=data)).get("bmec_cells")
    assert "Eprs1" in table.var_names


def test_a_sample_of_many_cells_is_seeded():
    data = few_counts(n_cells=20)
    one, other = single_cells.sample(data, 50), single_cells.sample(data, 50)
    assert one.n_obs == 50 < data.n_obs
    assert list(one.obs_names) == list(other.obs_names)
    assert single_cells.sample(data, data.n_obs).n_obs == data.n_obs


def test_quality_control_is_scanpys(monkeypatch):
    import scanpy as sc

    data = few_counts(n_cells=20)
    monkeypatch.setattr(single_cells, "CHUNK", 200)
    found = single_cells.passing(data, min_genes=4, min_cells=60)
    expected = data.copy()
    sc.pp.filter_cells(expected, min_genes=4)
    sc.pp.filter_genes(expected, min_cells=60)
    assert 0 < expected.n_obs < data.n_obs
    assert 0 < expected.n_vars < data.n_vars
    assert list(found.obs_names) == list(expected.obs_names)
    assert list(found.var_names) == list(expected.var_names)
