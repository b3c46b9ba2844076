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


def test_clr_and_ilr_equal_base_r():
    r = pd.read_csv(REFERENCE / "answers/f_clr_ilr.csv")
    parts = lineages()[PARTS]
    np.testing.assert_allclose(composition.clr(parts), r[PARTS], atol=1e-10)
    got = composition.ilr(parts, composition.sequential_basis(PARTS))
    np.testing.assert_allclose(got, r[["ilr1", "ilr2"]], atol=1e-10)


def test_the_primary_balance_is_written_out():
    data = lineages()
    got = composition.lineage_balance(data, myeloid="myeloid", b="B", t="T")
    np.testing.assert_allclose(got, np.sqrt(2 / 3) * np.log(data["myeloid"] / np.sqrt(data["B"] * data["T"])))
    assert got.name == "myeloid_balance"


@pytest.mark.parametrize("basis", [composition.LINEAGE_BASIS, composition.sequential_basis(PARTS)])
def test_manova_equals_r_in_any_basis(basis):
    r = pd.read_csv(REFERENCE / "answers/f_manova_ilr.csv")
    data = lineages().join(composition.ilr(lineages()[PARTS], basis))
    got = composition.manova(data, values=list(basis), group="group", unit="mouse")
    pd.testing.assert_frame_equal(got, r, check_dtype=False, rtol=1e-8)


def test_manova_of_two_groups_is_hotellings_test():
    data = lineages().join(composition.ilr(lineages()[PARTS]))
    got = composition.manova(
        data[data["group"] != "aged"], values=["myeloid_lymphoid", "b_t"], group="group", unit="mouse"
    )
    # With two groups all four statistics give one exact F.
    assert got["F"].tolist() == pytest.approx([got["F"][0]] * 4)
    assert got["p"].tolist() == pytest.approx([got["p"][0]] * 4)


def test_manova_refuses_subsamples_and_too_few_units():
    data = lineages().join(composition.ilr(lineages()[PARTS]))
    common = {"values": ["myeloid_lymphoid", "b_t"], "group": "group", "unit": "mouse"}
    with pytest.raises(UnitError):
        composition.manova(pd.concat([data, data]), **common)
    with pytest.raises(ValueError, match="4 units in 3 groups are too few"):
        composition.manova(data.iloc[[0, 1, 8, 16]], **common)


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
        composition.closure(parts)
    with pytest.raises(ValueError, match="delta is 40"):
        composition.replace_zeros(parts.abs(), delta=40)
    with pytest.raises(ValueError, match="3 signs"):
        composition.ilr(parts.abs(), {"x": (1, -1)})
    with pytest.raises(ValueError, match="numerator"):
        composition.ilr(parts.abs(), {"x": (1, 1, 0)})
    with pytest.raises(ValueError, match="not orthogonal"):
        composition.ilr(parts.abs(), {"x": (1, -1, 0), "y": (0, 1, -1)})


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
def test_log_ratios_ignore_the_total_and_keep_distances(values, factor):
    parts = pd.DataFrame(values, columns=PARTS)
    balances = composition.ilr(parts)
    np.testing.assert_allclose(balances, composition.ilr(parts * factor), atol=1e-9)
    # An isometry: ILR coordinates and centred log-ratios have the same length.
    np.testing.assert_allclose((balances**2).sum(axis=1), (composition.clr(parts) ** 2).sum(axis=1), atol=1e-9)


def test_manova_of_dependent_coordinates_is_refused():
    rng = np.random.default_rng(0)
    data = pd.DataFrame(np.exp(rng.normal(size=(14, 4))), columns=list("abcd"))
    data[list("abcd")] = np.log(data) - np.log(data).mean(axis=1).to_numpy()[:, None]
    data["group"], data["animal"] = list("xy" * 7), range(14)
    with pytest.raises(ValueError, match="4 coordinates have rank 3"):
        composition.manova(data, values=list("abcd"), group="group", unit="animal")


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    from endomtor.stats import holm

    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 40):
        p = rng.random(size) ** 3
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: composition.closure(f[["a", "group"]]), r"'group' holds text \('x'\) in row 0"),
        (lambda f: composition.closure(f[[]]), "has no parts"),
        (lambda f: composition.clr(f[["a", "b"]] / 0), "a part of the composition is infinite"),
        (lambda f: composition.lineage_balance(f, myeloid="c", b="a", t="b"), "the column 'c' is not in the table"),
        (lambda f: composition.ilr(f[["a", "b"]], {"one": (1, -1), "two": (1,)}), "each balance needs 2 signs"),
        (lambda f: composition.manova(f, values=["a", "z"], group="group", unit="animal"), "'z' is not in the table"),
        (lambda f: composition.manova(f, values=[], group="group", unit="animal"), "no coordinate"),
        (
            lambda f: composition.manova(f.assign(a=np.inf), values=["a"], group="group", unit="animal"),
            "a coordinate is infinite",
        ),
        (
            lambda f: composition.manova(f.assign(group="x"), values=["a"], group="group", unit="animal"),
            "'group' has 1 groups with values, expected two or more",
        ),
        (
            lambda f: composition.part_contrasts(f, parts=["a", "z"], group="group", a="x", b="y", unit="animal"),
            "'z' is not in the table",
        ),
    ],
)
def test_bad_columns_are_refused_in_a_sentence(call, message):
    frame = pd.DataFrame({"animal": range(6), "group": list("xxxyyy"), "a": range(1, 7), "b": [3, 1, 4, 1, 5, 9]})
    with pytest.raises(ValueError, match=message):
        call(frame)


def test_units_without_a_group_are_left_out_of_the_manova():
    frame = pd.DataFrame({"animal": range(8), "group": list("xxxxyyyy"), "a": [1, 2, 4, 3, 5, 7, 6, 9.0]})
    frame["b"] = frame["a"] ** 2 % 7
    how = {"values": ["a", "b"], "group": "group", "unit": "animal"}
    more = pd.concat([frame, frame.assign(animal=frame["animal"] + 8, group=[None, "", " ", np.nan] * 2)])
    pd.testing.assert_frame_equal(composition.manova(more, **how), composition.manova(frame, **how))
