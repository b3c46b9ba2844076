"""The unit of analysis: subsamples are refused with one sentence, confounding is seen."""

import numpy as np
import pandas as pd
import pytest

from endomtor.errors import UnitError
from endomtor.stats import units


def frame(animals, **columns):
    return pd.DataFrame({"animal": list(animals)} | {name: list(values) for name, values in columns.items()})


def test_one_row_per_unit_passes_in_silence():
    units.one_row_per_unit(frame("abc"), "animal")
    units.one_row_per_unit(frame(""), "animal")


def test_repeated_units_are_named_counted_and_answered():
    with pytest.raises(UnitError) as caught:
        units.one_row_per_unit(frame("aabbb"), "animal", design="Welch t test")
    sentence = str(caught.value)
    assert "'animal' repeats" in sentence
    assert "2 to 3 rows" in sentence
    assert "n would be 5 where 2 is right for the Welch t test" in sentence
    assert "one_value_per_unit" in sentence
    assert sentence.count(". ") == 0


@pytest.mark.parametrize("blank", [None, "", "  ", float("nan")])
def test_blank_units_are_refused(blank):
    with pytest.raises(UnitError, match="blank in 1 of 3 rows"):
        units.one_row_per_unit(frame(["a", blank, "b"]), "animal")


def test_a_missing_unit_column_is_refused():
    with pytest.raises(UnitError, match="'mouse'.*not in the table"):
        units.one_row_per_unit(frame("ab"), "mouse")


def test_n_counts_units_not_rows():
    cells = frame("aabbc", group=["x", "x", "x", "x", "y"])
    assert units.n_per_group(cells, "group", "animal") == {"x": 2, "y": 1}
    assert units.n_per_group(cells, "group", "animal", ["y", "z"]) == {"y": 1, "z": 0}


@pytest.mark.parametrize(("a", "b", "p"), [(3, 3, 0.1), (4, 4, 1 / 35), (5, 5, 1 / 126), (1, 1, 1.0), (0, 4, 1.0)])
def test_smallest_attainable_p(a, b, p):
    assert units.smallest_attainable_p(a, b) == pytest.approx(p)


def test_a_missing_or_doubled_column_is_refused_with_the_nearest_name():
    table = frame("ab", log2_mfi=[1, 2])
    units.columns(table, "log2_mfi", unit="animal")
    with pytest.raises(ValueError, match="^the column 'log2mfi' is not in the table, did you mean 'log2_mfi'\\?$"):
        units.columns(table, "log2mfi")
    with pytest.raises(ValueError, match="'x' is not in the table, which has animal, log2_mfi$"):
        units.columns(table, "x")
    with pytest.raises(UnitError, match="'animals' that names the experimental unit .* did you mean 'animal'"):
        units.columns(table, "log2_mfi", unit="animals")
    with pytest.raises(ValueError, match="'animal' is 2 times in the table"):
        units.columns(pd.concat([table, table[["animal"]]], axis=1), "animal")


@pytest.mark.parametrize("dtype", [object, "float64", "Float64", "category"])
def test_numbers_of_any_type_are_floats_and_missing_is_nan(dtype):
    np.testing.assert_array_equal(units.numbers(pd.Series([1.5, None, 3], dtype=dtype)), [1.5, np.nan, 3])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "n.d."], r"the column 'y' holds text \('n.d.'\) in row b, expected numbers"),
        ([1, ""], r"the column 'y' holds text \(''\) in row b"),
        ([1, pd.Timestamp("2026-01-02")], r"holds Timestamp \(2026-01-02"),
        (pd.to_datetime(["2026-01-02", "2026-01-03"]), "holds datetime64"),
    ],
)
def test_what_is_no_number_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        units.numbers(pd.Series(values, index=["a", "b"], name="y"))


@pytest.mark.parametrize("blank", [None, "", " ", pd.NA])
def test_rows_without_a_group_count_nowhere(blank):
    table = frame("abcde", group=["x", "x", "y", "y", blank])
    assert units.n_per_group(table, "group", "animal") == {"x": 2, "y": 2}
