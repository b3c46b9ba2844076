"""Log-ratios of lineages against base R, and what must hold for any composition."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endomtor.errors import UnitError
from endomtor.stats import composition, groups

REFERENCE = Path(__file__).parent / "reference"
PARTS = ["myeloid", "B", "T"]


def lineages():
    return pd.read_csv(REFERENCE / "data/f_lineage.csv")


def test_log_ratios_equal_base_r():
    r = pd.read_csv(REFERENCE / "answers/f_clr_ilr.csv")
    np.testing.assert_allclose(composition.clr(lineages()[PARTS]), r[PARTS], atol=1e-10)
    # R's second coordinate is the balance of myeloid and B cells against T cells.
    got = composition.lineage_balance(lineages(), myeloid="T", b="myeloid", t="B")
    np.testing.assert_allclose(got, -r["ilr2"], atol=1e-10)
    assert got.name == "myeloid_balance"


def test_zeros_are_replaced_and_ratios_kept():
    got = composition.replace_zeros(pd.DataFrame({"m": [0.0, 0.0], "b": [60.0, 100.0], "t": [40.0, 0.0]}), delta=0.5)
    np.testing.assert_allclose(got.iloc[0], [0.005, 0.995 * 0.6, 0.995 * 0.4])
    np.testing.assert_allclose(got.iloc[1], [0.005, 0.99, 0.005])
    np.testing.assert_allclose(got.sum(axis=1), 1)


def test_missing_and_empty_rows_stay_missing():
    parts = pd.DataFrame({"myeloid_pct": [np.nan, 0, 10], "b_pct": [1, 0, 60.0], "t_pct": [1, 0, 30.0]})
    assert composition.lineage_balance(parts).isna().tolist() == [True, True, False]


def test_wrong_input_is_refused():
    parts = pd.DataFrame({"m": [-1.0], "b": [1.0], "t": [1.0]})
    with pytest.raises(ValueError, match="-1.0, expected 0 or more"):
        composition.replace_zeros(parts)
    with pytest.raises(ValueError, match="delta is 40"):
        composition.replace_zeros(parts.abs(), delta=40)


def test_part_contrasts_are_differences_of_clr_with_holm():
    data = lineages()
    got = composition.part_contrasts(data, parts=PARTS, group="group", a="ecko", b="young", unit="mouse")
    logs = data.assign(**composition.clr(data[PARTS]))
    one = groups.difference(logs, value="B", group="group", a="ecko", b="young", unit="mouse")
    row = got.set_index("part").loc["B"]
    assert [row["estimate"], row["ci_low"], row["p"]] == pytest.approx([one.estimate, one.ci_low, one.p])
    assert got["estimate"].sum() == pytest.approx(0, abs=1e-12)
    assert got["p_holm"].min() == pytest.approx(3 * got["p"].min())
    with pytest.raises(UnitError):
        composition.part_contrasts(pd.concat([data] * 2), parts=PARTS, group="group", a="ecko", b="young", unit="mouse")


rows = st.lists(st.tuples(*[st.floats(0.1, 100)] * 3), min_size=1, max_size=6)


@given(rows, st.floats(0.01, 100))
@settings(deadline=None)
def test_log_ratios_ignore_the_total(values, factor):
    parts = pd.DataFrame(values, columns=PARTS)
    names = {"myeloid": "myeloid", "b": "B", "t": "T"}
    balance = composition.lineage_balance(parts, **names)
    np.testing.assert_allclose(balance, composition.lineage_balance(parts * factor, **names), atol=1e-9)
    np.testing.assert_allclose(composition.clr(parts)["myeloid"], np.sqrt(2 / 3) * balance, atol=1e-9)


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    from endomtor.stats import holm

    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 40):
        p = rng.random(size) ** 3
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    # A p that is NaN stays so, and its test counts.
    np.testing.assert_allclose(holm([0.01, np.nan, 0.03]), [0.03, np.nan, 0.06])
    assert holm([]).size == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: composition.replace_zeros(f[["a", "group"]]), r"'group' holds text \('x'\) in row 0"),
        (lambda f: composition.replace_zeros(f[[]]), "has no parts"),
        (lambda f: composition.clr(f[["a", "b"]] / 0), "a part of the composition is infinite"),
        (lambda f: composition.lineage_balance(f, myeloid="c", b="a", t="b"), "the column 'c' is not in the table"),
    ],
)
def test_bad_columns_are_refused_in_a_sentence(call, message):
    frame = pd.DataFrame({"animal": range(6), "group": list("xxxyyy"), "a": range(1, 7), "b": [3, 1, 4, 1, 5, 9]})
    with pytest.raises(ValueError, match=message):
        call(frame)
