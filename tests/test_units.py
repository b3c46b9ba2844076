"""The unit of analysis: subsamples are refused with one sentence, confounding is seen."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12))
def test_refused_exactly_when_something_repeats(animals):
    if len(set(animals)) == len(animals):
        units.one_row_per_unit(frame(animals), "animal")
    else:
        with pytest.raises(UnitError, match="repeats"):
            units.one_row_per_unit(frame(animals), "animal")


def test_n_counts_units_not_rows():
    cells = frame("aabbc", group=["x", "x", "x", "x", "y"])
    assert units.n_per_group(cells, "group", "animal") == {"x": 2, "y": 1}
    assert units.n_per_group(cells, "group", "animal", ["y", "z"]) == {"y": 1, "z": 0}


@pytest.mark.parametrize(("a", "b", "p"), [(3, 3, 0.1), (4, 4, 1 / 35), (5, 5, 1 / 126), (1, 1, 1.0), (0, 4, 1.0)])
def test_smallest_attainable_p(a, b, p):
    assert units.smallest_attainable_p(a, b) == pytest.approx(p)


@pytest.mark.parametrize(
    ("batch", "answer"),
    [
        ("1122", True),
        ("1112", False),
        ("1212", False),
        ("1111", False),
        ("    ", False),
        ("1234", False),
        ("11  ", True),
        ("1123", True),
    ],
)
def test_confounding_of_two_groups(batch, answer):
    # Groups x, x, y, y.
    assert units.confounded(frame("abcd", group="xxyy", batch=batch), "group", "batch") is answer


def test_three_groups_are_linked_by_a_chain():
    table = frame("abcdef", group="xxyyzz", batch="122334")
    assert not units.confounded(table, "group", "batch")
    assert units.confounded(table.assign(batch=list("122344")), "group", "batch")
