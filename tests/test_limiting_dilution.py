"""Limiting dilution against statmod, its published examples, and donors in which none or all are positive."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endomtor.errors import UnitError
from endomtor.stats import groups
from endomtor.stats import limiting_dilution as ld

REFERENCE = Path(__file__).parent / "reference"
SETS = ["typical", "zero_group", "multi_hit", "small_two"]
LDA = pd.read_csv(REFERENCE / "data/b_lda.csv").rename(columns={"response": "positive"})


def answers(name):
    return pd.read_csv(REFERENCE / f"answers/{name}.csv")


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_frequencies_and_intervals_equal_statmod(name, observed):
    r = answers("b_elda_ci")
    r = r[(r["set"] == name) & (r["observed"] == observed)].set_index("group")
    # R itself gives no answer for a group of positives with counted doses.
    r = r[r["inv_freq_est"].notna()]
    got = ld.elda(LDA[LDA["set"] == name], observed=observed).set_index("group").loc[r.index]
    for ours, theirs in (("lower", "inv_freq_lower"), ("frequency", "inv_freq_est"), ("upper", "inv_freq_upper")):
        np.testing.assert_allclose(got[ours], 1 / r[theirs], rtol=1e-5, atol=1e-300)


@pytest.mark.parametrize("name", SETS)
def test_differences_equal_statmod(name):
    got = ld.elda_difference(LDA[LDA["set"] == name])
    r = answers("b_elda_pairwise")
    both = got.merge(r[r["set"] == name], left_on=["a", "b"], right_on=["g1", "g2"], suffixes=("", "_r"))
    assert len(both) == len(got) - 1
    np.testing.assert_allclose(both[["chisq", "p"]], both[["chisq_r", "p_r"]], rtol=1e-8)
    tests = answers("b_elda_tests").set_index(["set", "key"])["value"]
    assert got.loc[0, ["chisq", "p", "df"]].tolist() == pytest.approx(
        tests[name][["group_chisq", "group_p", "group_df"]].tolist(), rel=1e-8
    )


@pytest.mark.parametrize("name", sorted(set(answers("b_elda_tests")["set"])))
def test_single_hit_tests_equal_statmod(name):
    r = answers("b_elda_tests").set_index(["set", "key"])["value"][name]
    one_set, _, one_group = name.partition(":")
    data = LDA[LDA["set"] == one_set]
    got = ld.single_hit_tests(data[data["group"] == one_group] if one_group else data).set_index("test")
    tolerance = {"nan_ok": True, "rel": 0}
    assert got.loc["wald", ["estimate", "SE", "z"]].tolist() == pytest.approx(
        r[["slope", "slope_se", "wald_z"]].tolist(), abs=2e-4, **tolerance
    )
    assert got["z"]["lr"] == pytest.approx(r["lr_z"], abs=1e-6, **tolerance)
    for score in ("score_logdose", "score_dose"):
        assert got["z"][score] == pytest.approx(r[f"{score}_z"], abs=1e-5, **tolerance)
    for test in got.index:
        assert got["p"][test] == pytest.approx(r[f"{test}_p"], abs=2e-5)


def test_large_integer_doses_do_not_overflow():
    data = pd.DataFrame({"group": "x", "dose": [10**6, 10**7, 2 * 10**9], "tested": 10**4, "positive": [10, 95, 9000]})
    assert ld.elda(data).equals(ld.elda(data.astype({"dose": float})))


def test_a_frequency_is_at_most_one():
    data = pd.DataFrame({"group": "x", "dose": [1, 2], "tested": 10, "positive": [8, 9]})
    assert ld.elda(data)[["frequency", "upper"]].to_numpy().max() == 1


def test_a_dose_that_separates_gives_an_infinite_slope():
    data = pd.DataFrame({"group": "x", "dose": [100, 1000, 10000], "tested": 80, "positive": [0, 40, 80]})
    wald, lr = ld.single_hit_tests(data).set_index("test").loc[["wald", "lr"]].itertuples()
    assert wald.estimate == np.inf
    assert np.isnan(wald.z)
    assert wald.p == 1
    assert lr.z > 2
    single = ld.single_hit_tests(data.iloc[[1]])
    assert single["z"].isna().all()
    assert (single["p"] == 1).all()


def test_broken_counts_are_refused():
    good = pd.DataFrame({"group": "x", "dose": [1.0], "tested": [3], "positive": [1]})
    with pytest.raises(ValueError, match="doses above 0"):
        ld.elda(good.assign(dose=0))
    with pytest.raises(ValueError, match="between 0 and"):
        ld.elda(good.assign(positive=4))


def donors(positive, dose=(1000, 5000, 25000), tested=6):
    rows = [
        (f"d{i}", "x", d, tested, k) for i, counts in enumerate(positive) for d, k in zip(dose, counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=["donor", "group", "dose", "tested", "positive"])


def test_every_donor_is_finite_and_ordered_by_its_positives():
    got = ld.donor_log_frequency(donors([(0, 0, 0), (0, 0, 1), (0, 3, 6), (5, 6, 6), (6, 6, 6)]))
    assert np.isfinite(got[["log_frequency", "SE"]]).all(axis=None)
    assert got["log_frequency"].is_monotonic_increasing
    assert got["extreme"].tolist() == ["none", "", "", "", "all"]
    assert got[["tested", "positive"]].to_numpy().tolist() == [[18, 0], [18, 1], [18, 9], [18, 17], [18, 18]]


def test_bias_reduction_equals_the_general_formula():
    """Kosmidis and Firth's adjusted score, built from numerical derivatives of the link, is 0 at the estimate."""
    data = donors([(1, 3, 6)])
    theta = ld.donor_log_frequency(data)["log_frequency"][0]
    d, n, r = (data[c].to_numpy(float) for c in ("dose", "tested", "positive"))
    step = 1e-4

    def mean(eta):
        return -np.expm1(-np.exp(eta))

    eta = theta + np.log(d)
    first = (mean(eta + step) - mean(eta - step)) / (2 * step)
    second = (mean(eta + step) - 2 * mean(eta) + mean(eta - step)) / step**2
    variance = mean(eta) * (1 - mean(eta))
    weight = n * first**2 / variance
    adjusted = (first * (r - n * mean(eta)) / variance).sum() + (weight / weight.sum() * second / first).sum() / 2
    assert adjusted == pytest.approx(0, abs=1e-5)


counts = st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=4, max_size=4)


@given(counts, st.floats(0.001, 1000))
@settings(deadline=None, max_examples=25)
def test_doses_in_another_unit_only_shift_the_log_frequency(positive, factor):
    data = donors(positive)
    data["group"] = data["donor"].map({"d0": "a", "d1": "a", "d2": "b", "d3": "b"})
    got = ld.donor_log_frequency(data)
    moved = ld.donor_log_frequency(data.assign(dose=data["dose"] * factor))
    np.testing.assert_allclose(moved["log_frequency"] + np.log(factor), got["log_frequency"], atol=1e-8)
    pd.testing.assert_frame_equal(ld.donor_log_frequency(data.sample(frac=1, random_state=1)), got)
    two = {"value": "log_frequency", "group": "group", "a": "a", "b": "b", "unit": "donor"}
    one, other = groups.difference(got, **two), groups.difference(moved, **two)
    assert other.p == pytest.approx(one.p, rel=1e-4, nan_ok=True)


def test_one_cell_type_and_week_at_a_time():
    data = donors([(0, 1, 2), (1, 2, 3)])
    with pytest.raises(UnitError, match="dose 1000 occurs more than once for donor 'd0'"):
        ld.donor_log_frequency(pd.concat([data, data]))
    with pytest.raises(UnitError, match="'group' has several values within donor 'd0'"):
        ld.donor_log_frequency(data.assign(group=list("xyxyyy")))


def test_donors_of_several_groups_count_as_n():
    data = donors([(0, 2, 4), (1, 2, 6), (0, 0, 3), (2, 5, 6), (3, 5, 6), (2, 6, 6)])
    data["group"] = np.where(data["donor"] < "d3", "aged", "young")
    got = groups.difference(
        ld.donor_log_frequency(data), value="log_frequency", group="group", a="young", b="aged", unit="donor"
    )
    assert got.n == {"young": 3, "aged": 3}
    assert got.estimate > 0


POOLED = [ld.elda, ld.elda_difference, ld.single_hit_tests]


def recipients():
    return pd.DataFrame(
        {
            "group": ["x"] * 3 + ["y"] * 3,
            "donor": ["d1"] * 3 + ["d2"] * 3,
            "dose": [10, 30, 90] * 2,
            "tested": 6,
            "positive": [1, 3, 5, 2, 4, 6],
        }
    )


@pytest.mark.parametrize("function", [*POOLED, ld.donor_log_frequency])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="dose"), "the column 'dose' is not in the table"),
        (lambda f: f.drop(columns="group"), "the column 'group' is not in the table"),
        (lambda f: f.assign(positive=[1, np.nan, 5, 2, 4, 6]), "'positive' is missing or infinite in 1 of 6 rows"),
        (lambda f: f.assign(tested=[6, 6, None, None, 6, 6]), "'tested' is missing or infinite in 2 of 6 rows"),
        (lambda f: f.assign(dose=[10, np.inf, 90] * 2), "'dose' is missing or infinite in 2 of 6 rows"),
        (lambda f: f.assign(tested=["six"] * 6), r"'tested' holds text \('six'\) in row 0"),
        (lambda f: f.assign(tested=[0] * 3 + [6] * 3, positive=[0] * 3 + [1] * 3), "no recipient of .* was tested"),
    ],
)
def test_what_is_no_count_is_refused_in_a_sentence(function, change, message):
    with pytest.raises(ValueError, match=message):
        function(change(recipients()))


@pytest.mark.parametrize("change", [lambda f: f.convert_dtypes(), lambda f: f.astype({"group": "category"})])
@pytest.mark.parametrize("function", POOLED)
def test_answers_do_not_depend_on_types_or_rows_without_a_group(function, change):
    expected = function(recipients())
    pd.testing.assert_frame_equal(function(change(recipients())), expected)
    more = pd.concat([recipients(), recipients().assign(group=None)])
    pd.testing.assert_frame_equal(function(more), expected)


def test_a_donor_without_an_id_is_refused():
    with pytest.raises(UnitError, match="'donor' is blank in 1 of 6 rows"):
        ld.donor_log_frequency(recipients().assign(donor=["d1"] * 3 + ["d2", "d2", None]))
    with pytest.raises(UnitError, match="'donors' that names .* did you mean 'donor'"):
        ld.donor_log_frequency(recipients(), donor="donors")


def test_single_hit_tests_say_why_there_is_no_answer():
    answered = ld.single_hit_tests(recipients())
    assert (answered["withheld"] == "").all()
    silent = ld.single_hit_tests(recipients().assign(positive=0))
    assert silent["z"].isna().all()
    assert silent["withheld"].str.contains("No group has positive and negative recipients").all()
    steep = ld.single_hit_tests(recipients().assign(positive=[0, 0, 6] * 2)).set_index("test")["withheld"]
    assert "rises for ever" in steep["wald"]
    assert steep["lr"] == ""
