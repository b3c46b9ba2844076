"""Group comparisons against R, and what must hold for any data."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from endomtor.errors import UnitError
from endomtor.stats import groups, units

REFERENCE = Path(__file__).parent / "reference"
TWO = {"value": "y", "group": "arm", "a": "a", "b": "b", "unit": "animal"}
SETS = ["normal", "ties", "noties", "separated", "nearconst"]
EXACT = [groups.mann_whitney_exact, groups.permutation_test_means]


def numbered(frame):
    return frame.assign(animal=[f"m{i}" for i in range(len(frame))])


def table(a, b, **columns):
    return numbered(pd.DataFrame({"arm": ["a"] * len(a) + ["b"] * len(b), "y": [*a, *b]} | columns))


def two_sample(name):
    data = pd.read_csv(REFERENCE / "data/e_twosample.csv")
    answers = pd.read_csv(REFERENCE / "answers/e_twosample.csv")
    return numbered(data[data["set"] == name]), answers[answers["set"] == name].set_index("key")["value"]


@pytest.mark.parametrize("name", SETS)
def test_welch_equals_t_test(name):
    data, r = two_sample(name)
    got = groups.difference(data, **TWO)
    assert [got.df, got.p, got.ci_low, got.ci_high] == pytest.approx(
        [r["welch_df"], r["welch_p"], r["welch_lo"], r["welch_hi"]], rel=1e-10
    )
    assert got.unit == "animal"
    assert got.n == data["arm"].value_counts().reindex(["a", "b"]).to_dict()


@pytest.mark.parametrize("name", SETS)
def test_mann_whitney_equals_coin(name):
    data, r = two_sample(name)
    got = groups.mann_whitney_exact(data, **TWO)
    assert got.statistic == r["mw_U_a"]
    assert got.p == pytest.approx(r["mw_exact_ties_coin"], abs=1e-10)
    assert got.p == pytest.approx(r["mw_exact_ties_exactRankTests"], abs=1e-10)


@pytest.mark.parametrize("name", SETS)
def test_hedges_g_equals_effectsize(name):
    data, r = two_sample(name)
    got = groups.hedges_g(data, **TWO)
    assert got.estimate == pytest.approx(r["hedges_g_pooledTRUE"], rel=1e-10)
    assert [got.ci_low, got.ci_high] == pytest.approx([r["hedges_lo_pooledTRUE"], r["hedges_hi_pooledTRUE"]], rel=1e-5)


def enumerate_p(scores, in_a):
    """All allocations, one by one: share with a sum at least as far from its mean."""
    size, expected = int(in_a.sum()), in_a.sum() * scores.mean()
    far = [abs(sum(chosen) - expected) for chosen in itertools.combinations(scores, size)]
    return np.mean(np.array(far) >= abs(scores[in_a].sum() - expected) - 1e-9)


small_groups = st.tuples(*[st.lists(st.integers(-3, 6), min_size=1, max_size=5)] * 2)


@given(small_groups)
def test_exact_tests_equal_brute_force(samples):
    data = table(*samples)
    in_a = (data["arm"] == "a").to_numpy()
    y = data["y"].to_numpy(float)
    assert groups.mann_whitney_exact(data, **TWO).p == pytest.approx(enumerate_p(stats.rankdata(y), in_a))
    assert groups.permutation_test_means(data, **TWO).p == pytest.approx(enumerate_p(y, in_a))


@given(small_groups, st.lists(st.integers(-2, 2), min_size=10, max_size=10), st.sampled_from([0, 10, 1e6]))
def test_exact_tests_take_rounding_for_no_difference(samples, steps, offset):
    """Tenths, each moved by up to two of its last bits, have the p of the whole numbers that they are tenths of.

    Zero has none: beside zeros alone any number is another one.
    """
    exact = table(*samples)
    tenths = (exact["y"] + 10 * offset).to_numpy(float) / 10
    moved = tenths + steps[: len(tenths)] * np.spacing(tenths) * (tenths != 0)
    for test in EXACT:
        assert test(exact.assign(y=moved), **TWO).p == pytest.approx(test(exact, **TWO).p)


@pytest.mark.parametrize("test", EXACT)
def test_a_tenth_and_two_tenths_are_three_tenths(test):
    """The last bit is no biology: taken for a difference, it gives three against three their smallest p, 0.1."""
    assert test(table([0.1 + 0.2] * 3, [0.3] * 3), **TWO).p == 1
    means = [np.mean([0.1, 0.2, 0.3]), np.mean([0.3, 0.2, 0.1])]
    assert means[0] != means[1]
    assert test(table([means[0]] * 3, [means[1]] * 3), **TWO).p == 1


def test_exact_tests_refuse_what_they_cannot_count():
    data = table(range(30), range(30))
    with pytest.raises(ValueError, match="60 units are too many"):
        groups.permutation_test_means(data, **TWO)
    with pytest.raises(ValueError, match="600 units are too many"):
        groups.mann_whitney_exact(table(range(300), range(300)), **TWO)


@pytest.mark.parametrize("test", EXACT)
def test_exact_p_never_passes_the_smallest_one(test):
    got = test(table([1, 2, 3], [14, 15, 16]), **TWO)
    assert got.p == got.smallest_p == pytest.approx(0.1)


@pytest.mark.parametrize("test", EXACT)
@pytest.mark.parametrize("samples", [([5, 5, 5], [5, 5]), ([], [1, 2]), ([1], [2])])
def test_exact_tests_without_information_answer_one(test, samples):
    assert test(table(*samples), **TWO).p == 1


def test_block_gives_the_estimate_of_least_squares_by_statsmodels():
    from statsmodels.formula.api import ols

    rng = np.random.default_rng(5)
    data = table(rng.normal(1, 1, 7), rng.normal(0, 1, 6), batch=list("1122334112234"), sex=list("FMFMFMFMFMFMF"))
    fit = ols("y ~ C(arm, Treatment('b')) + batch + sex", data).fit()
    got = groups.difference(data, **TWO, block=["batch", "sex"])
    assert got.estimate == pytest.approx(fit.params["C(arm, Treatment('b'))[T.a]"])
    assert got.method == "additive linear model, group + batch + sex, a variance for each group"


def test_a_paired_block_is_the_paired_t_test():
    rng = np.random.default_rng(7)
    a, b = rng.normal(1, 3, 6), rng.normal(0, 1, 6)
    got = groups.difference(table(a, b, batch=list("123456" * 2)), **TWO, block="batch")
    r = stats.ttest_rel(a, b)
    interval = r.confidence_interval()
    assert [got.p, got.df, got.ci_low, got.ci_high] == pytest.approx([r.pvalue, 5, interval.low, interval.high])


@pytest.mark.parametrize("batch", ["111111", "      ", "123456", [None] * 6])
def test_a_block_that_says_nothing_leaves_the_model(batch):
    data = table([1, 2, 4], [3, 5, 9], batch=list(batch))
    assert groups.difference(data, **TWO, block="batch") == groups.difference(data, **TWO)


@pytest.mark.parametrize("batch", ["111222", "112334"])
def test_complete_confounding_is_withheld_with_the_reason(batch):
    data = table([1, 2, 4], [3, 5, 9], batch=list(batch))
    for kwargs in ({"block": "batch"}, {"check": ["batch"]}):
        got = groups.difference(data, **TWO, **kwargs)
        assert "a and b" in got.withheld
        assert "'batch'" in got.withheld
        assert got.estimate == pytest.approx(7 / 3 - 17 / 3)
        assert (got.ci_low, got.ci_high, got.interval_kind) == (-math.inf, math.inf, "whole_line")
        assert math.isnan(got.p)


def test_other_groups_do_not_hide_confounding():
    # The third group links both batches, but the contrast of a and b does not use it.
    data = numbered(pd.DataFrame({"arm": list("aabbcc"), "y": [1, 2, 3, 5, 1, 9], "batch": list("112212")}))
    assert groups.difference(data, **TWO, block="batch").withheld


def test_no_degree_of_freedom_is_withheld():
    data = table([1, 2], [3, 5], batch=list("1213"))
    assert groups.difference(data, **TWO, block="batch").withheld.endswith("once batch is in the model.")
    data = data.assign(donor=list("1213"))
    assert groups.difference(data, **TWO, block=["donor", "batch"]).withheld == (
        "No degree of freedom is left for the error once donor and batch are in the model."
    )


@pytest.mark.parametrize("samples", [([0.1 + 0.2] * 3, [0.3] * 4), ([2, 2, 2], [3, 3, 3])])
def test_values_that_do_not_vary_are_withheld(samples):
    for got in (groups.difference(table(*samples), **TWO), groups.hedges_g(table(*samples), **TWO)):
        assert "do not vary" in got.withheld


@pytest.mark.parametrize("samples", [([1], [2, 3]), ([], [1, 2]), ([], []), ([np.nan, 1], [2, 3])])
def test_too_few_units_are_withheld(samples):
    for got in (groups.difference(table(*samples), **TWO), groups.hedges_g(table(*samples), **TWO)):
        assert "at least 2" in got.withheld
        assert got.n["a"] < 2


def test_one_group_without_spread_is_enough_for_welch():
    got = groups.difference(table([5, 5, 5], [1, 2, 4]), **TWO)
    assert got.df == pytest.approx(2)
    assert 0 < got.p < 1


def test_infinite_values_are_refused():
    with pytest.raises(ValueError, match="infinite"):
        groups.difference(table([1, -math.inf], [1, 2]), **TWO)


def test_three_against_three_warns_that_p_rests_on_normality():
    assert "0.1" in groups.difference(table([1, 2, 4], [3, 5, 9]), **TWO).warnings[0]
    assert groups.difference(table(range(5), range(5)), **TWO).warnings == ()


@pytest.mark.parametrize("separation", [50, 1e3, 1e7])
def test_hedges_interval_survives_huge_effects(separation):
    got = groups.hedges_g(table([0, 1, 2, 3], separation + np.arange(4)), **TWO)
    assert got.ci_low < got.inner[0] < got.estimate < got.inner[1] < got.ci_high < 0


def rapamycin(n=(4, 5, 3, 6), effects=(0.0, -1.0, 2.0, -1.0), seed=1):
    rng = np.random.default_rng(seed)
    cells = [("young", "vehicle"), ("young", "rapamycin"), ("aged", "vehicle"), ("aged", "rapamycin")]
    rows = [
        {"age_group": age, "treatment": drug, "y": effect + rng.normal(), "batch": str(i % 2)}
        for (age, drug), size, effect in zip(cells, n, effects, strict=True)
        for i in range(size)
    ]
    return numbered(pd.DataFrame(rows))


def test_treatment_within_age_without_batch_is_welch_and_consistent():
    data = rapamycin()
    got = groups.treatment_within_age(data, value="y")
    for age in ("young", "aged"):
        alone = groups.difference(
            data[data["age_group"] == age], value="y", group="treatment", a="rapamycin", b="vehicle", unit="animal"
        )
        numbers = [(one.estimate, one.ci_low, one.ci_high, *one.inner, one.p, one.df) for one in (got[age], alone)]
        assert numbers[0] == pytest.approx(numbers[1])
    assert got["interaction"].estimate == pytest.approx(got["aged"].estimate - got["young"].estimate)
    assert got["averaged"].estimate == pytest.approx((got["aged"].estimate + got["young"].estimate) / 2)
    assert got["averaged"].n == {
        "young rapamycin": 5, "young vehicle": 4, "aged rapamycin": 6, "aged vehicle": 3,
    }  # fmt: skip


def test_a_missing_cell_withholds_only_what_needs_it():
    data = rapamycin()
    got = groups.treatment_within_age(data[data["age_group"] == "young"], value="y")
    assert not got["young"].withheld
    assert all(got[name].withheld for name in ("aged", "interaction", "averaged"))


def test_batch_aligned_with_age_keeps_the_treatment_contrasts():
    data = rapamycin()
    data["batch"] = data["age_group"]
    got = groups.treatment_within_age(data, value="y", batch="batch")
    assert not any(estimate.withheld for estimate in got.values())
    data["batch"] = data["treatment"]
    got = groups.treatment_within_age(data, value="y", batch="batch")
    assert got["averaged"].withheld
    assert not got["interaction"].withheld


values = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
samples = st.tuples(*[st.lists(values, min_size=2, max_size=7)] * 2)


@given(samples, st.data())
@settings(deadline=None, max_examples=50)
def test_swap_flips_sign_scale_and_order_change_nothing(both, draw):
    batch = draw.draw(st.lists(st.sampled_from(["1", "2"]), min_size=14, max_size=14))
    data = table(*both)
    data["batch"] = batch[: len(data)]
    assume(all(np.std(sample) > 0.01 for sample in both))
    swapped = TWO | {"a": "b", "b": "a"}
    mixed = data.sample(frac=1, random_state=1)
    for method in (groups.difference, groups.hedges_g, lambda f, **k: groups.difference(f, **k, block="batch")):
        got = method(data, **TWO)
        other = method(data, **swapped)
        if got.withheld:
            assert other.withheld
            continue
        close = {"rel": 1e-6, "abs": 1e-6}
        assert [other.estimate, other.ci_low, other.ci_high, other.p] == pytest.approx(
            [-got.estimate, -got.ci_high, -got.ci_low, got.p], **close
        )
        assert method(data.assign(y=1024 * data["y"]), **TWO).p == pytest.approx(got.p, **close)
        again = method(mixed, **TWO)
        assert [again.estimate, again.ci_low, again.p] == pytest.approx([got.estimate, got.ci_low, got.p], **close)
    for test in EXACT:
        p = test(data, **TWO).p
        assert test(data, **swapped).p == pytest.approx(p)
        assert test(data.assign(y=1024 * data["y"]), **TWO).p == pytest.approx(p)
        assert test(mixed, **TWO).p == pytest.approx(p)
        assert p <= 1
        assert p >= units.smallest_attainable_p(*map(len, both)) / 2 - 1e-12


def test_values_that_follow_from_group_and_batch_are_withheld_either_way_round():
    data = table([568.0, -568.0], [460.0, -676.0]).assign(batch=["2", "1", "2", "1"])
    for a, b in (("a", "b"), ("b", "a")):
        assert groups.difference(data, **(TWO | {"a": a, "b": b}), block="batch").withheld


def test_duplicated_rows_raise_everywhere():
    doubled = pd.concat([table([1, 2, 4], [3, 5, 9])] * 2)
    for method in (groups.difference, groups.hedges_g, *EXACT):
        with pytest.raises(UnitError, match="'animal' repeats"):
            method(doubled, **TWO)
    with pytest.raises(UnitError):
        groups.treatment_within_age(pd.concat([rapamycin()] * 2), value="y")


def test_a_group_is_not_compared_with_itself():
    data = table([1, 2, 4], [3, 5, 9])
    for function in (groups.difference, groups.hedges_g, groups.mann_whitney_exact, groups.permutation_test_means):
        with pytest.raises(ValueError, match="'a' is compared with itself"):
            function(data, value="y", group="arm", a="a", b="a", unit="animal")


def test_groups_may_be_numbers_and_a_level_is_a_share():
    data = table([1, 2, 4], [3, 5, 9]).assign(arm=lambda rows: rows["arm"].map({"a": 1, "b": 0}))
    about = {"value": "y", "group": "arm", "a": 1, "b": 0, "unit": "animal"}
    for function in (groups.difference, groups.hedges_g, groups.mann_whitney_exact, groups.permutation_test_means):
        assert function(data, **about).n == {"1": 3, "0": 3}
    for function in (groups.difference, groups.hedges_g):
        with pytest.raises(ValueError, match="level is 95, expected a number between 0 and 1"):
            function(data, level=95, **about)


TESTS = {
    "difference": lambda f: groups.difference(f, **TWO, block="batch"),
    "hedges_g": lambda f: groups.hedges_g(f, **TWO),
    "mann_whitney_exact": lambda f: groups.mann_whitney_exact(f, **TWO),
    "permutation_test_means": lambda f: groups.permutation_test_means(f, **TWO),
    "treatment_within_age": lambda f: groups.treatment_within_age(
        f, value="y", treatment="batch", age_group="arm", ages=("a", "b"), treated="1", untreated="0"
    ),
}


def two_batches():
    return table([1.0, 2.5, 2.0, 3.5, 1.2], [2.0, 4.5, 4.0, 5.5, 3.1], batch=list("0101001010"))


@pytest.mark.parametrize("name", TESTS)
def test_missing_columns_and_text_are_refused_in_a_sentence(name):
    for column in ("y", "arm"):
        with pytest.raises(ValueError, match=f"^the column '{column}' is not in the table"):
            TESTS[name](two_batches().drop(columns=column))
    with pytest.raises(ValueError, match=r"^the column 'y' holds text \('n.d.'\) in row 1, expected numbers$"):
        TESTS[name](two_batches().assign(y=[1, "n.d.", *range(8)]))
    with pytest.raises(UnitError, match="'animal' is blank in 1 of 10 rows"):
        TESTS[name](two_batches().replace({"animal": {"m3": np.nan}}))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.convert_dtypes(),
        lambda f: f.set_index(pd.Index([0] * len(f))),
        lambda f: f.assign(arm=pd.Categorical(f["arm"], ["c", "b", "a"]).reorder_categories(["a", "b", "c"])),
        lambda f: pd.concat([f, f.assign(animal=f["animal"] + "'", arm=None)]),
        lambda f: pd.concat([f, f.assign(animal=f["animal"] + "'", y=np.nan)]),
    ],
)
@pytest.mark.parametrize("name", TESTS)
def test_answers_do_not_depend_on_types_labels_or_rows_without_group_or_value(name, change):
    assert repr(TESTS[name](change(two_batches()))) == repr(TESTS[name](two_batches()))


@pytest.mark.parametrize("size", [2.0**660, 2.0**-660])
def test_values_of_any_size_are_compared(size):
    one, other = (groups.difference(two_batches().assign(y=lambda f, s=s: f["y"] * s), **TWO) for s in (1.0, size))
    assert (other.p, other.df) == (one.p, one.df)
    assert [other.estimate, other.ci_low, *other.inner] == [size * x for x in (one.estimate, one.ci_low, *one.inner)]
    g = [groups.hedges_g(two_batches().assign(y=lambda f, s=s: f["y"] * s), **TWO).estimate for s in (1.0, size)]
    assert g[0] == g[1]


@pytest.mark.parametrize(("females", "before"), [(5, 0.04), (6, 0.06)])
def test_sexes_that_are_unlike_between_groups_do_not_make_a_difference(females, before):
    """Platelets and white cells of males lie 0.7 SD above those of females; n = 8, of the others 2 are female."""
    rng, group = np.random.default_rng(1), np.repeat(["ecko", "control"], 8)
    sex = np.array(["F"] * females + ["M"] * (8 - females) + ["F"] * 2 + ["M"] * 6)
    lower = {None: 0, ("sex",): 0}
    for _ in range(500):
        mice = pd.DataFrame({"animal": range(16), "group": group, "sex": sex})
        mice["value"] = rng.normal(size=16) + 0.7 * (sex == "M")
        for block in lower:
            found = groups.difference(
                mice, value="value", group="group", a="ecko", b="control", unit="animal", block=block
            )
            lower[block] += found.ci_high < 0
    assert lower[None] / 500 > before
    assert lower["sex",] / 500 < 0.04


@pytest.mark.parametrize("lone", ["", "M"])
def test_an_animal_alone_in_its_level_is_told(lone):
    mice = pd.DataFrame(
        {
            "animal": list("abcdefgh"),
            "group": ["young"] * 4 + ["aged"] * 4,
            "sex": [*"FFF", lone, *"FFFF"],
            "value": [1.0, 1.2, 1.1, 9.0, 2.0, 2.2, 2.1, 1.9],
        }
    )
    found = groups.difference(mice, value="value", group="group", unit="animal", a="aged", b="young", block="sex")
    assert any("1 animal is alone in a level of sex" in one for one in found.warnings)
    shared = groups.difference(
        mice.assign(sex=[*"FFMM"] * 2), value="value", group="group", unit="animal", a="aged", b="young", block="sex"
    )
    assert not any("alone" in one for one in shared.warnings)


@pytest.mark.parametrize(("sizes", "told"), [((3, 8), True), ((3, 4), False), ((4, 8), False)])
def test_few_against_many_are_told(sizes, told):
    rng = np.random.default_rng(1)
    found = groups.difference(table(*(list(rng.normal(size=n)) for n in sizes)), **TWO)
    assert any("chance announces an effect more often than promised" in one for one in found.warnings) == told
