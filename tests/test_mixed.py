"""Mixed models against R, against dense matrices, and what must hold for any data."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from endomtor.errors import EndomtorError, UnitError
from endomtor.stats import mixed

REFERENCE = Path(__file__).parent / "reference"
MODEL = {"value": "chimerism", "unit": "donor", "subunit": "recipient"}
LEVELS = {"group": ["young", "aged", "rescued"]}


def chimerism(name="c_chimerism"):
    return pd.read_csv(REFERENCE / f"data/{name}.csv")


def answer(name):
    return pd.read_csv(REFERENCE / f"answers/{name}.csv")


@pytest.fixture(scope="module")
def by_week():
    return mixed.fit(chimerism(), fixed=["group", "week"], categorical=["week"], levels=LEVELS, **MODEL)


@pytest.fixture(scope="module")
def linear():
    return mixed.fit(chimerism(), fixed=["group", "week"], levels=LEVELS, **MODEL)


@pytest.fixture(scope="module")
def singular():
    return mixed.fit(
        chimerism("c_chimerism_singular"), fixed=["group", "week"], levels={"group": ["ctrl", "trt"]}, **MODEL,
        interaction=False,
    )  # fmt: skip


def cohort(seed=0, *, units=4, subunits=3, weeks=(4, 8, 12), sd=(1.0, 1.0, 1.0), effect=0.0, drop=0):
    """Two groups of units with subunits seen at each week; each unit number is one block that both groups share."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, i in itertools.product(("aged", "young"), range(units)):
        of_unit = sd[0] * rng.normal() + effect * (group == "aged")
        for j in range(subunits):
            of_subunit = of_unit + sd[1] * rng.normal()
            rows += [
                (group, f"{group}{i}", f"{group}{i}{j}", f"b{i}", week, of_subunit + 0.1 * week + sd[2] * rng.normal())
                for week in weeks
            ]
    frame = pd.DataFrame(rows, columns=["group", "donor", "recipient", "block", "week", "chimerism"])
    return frame.drop(index=rng.choice(len(frame), drop, replace=False))


@pytest.mark.parametrize("name", ["c_cat", "c_lin"])
def test_variances_and_likelihood_equal_lme4(name, by_week, linear):
    model = by_week if name == "c_cat" else linear
    r = answer(f"{name}_varcomp").set_index("term")["var"]
    assert model.variances == pytest.approx(
        {"recipient": r["recipient:donor"], "donor": r["donor"], "residual": r["Residual"]}, rel=1e-5
    )
    assert model.log_likelihood == pytest.approx(answer(f"{name}_loglik")["value"][0], abs=1e-6)
    assert model.n == {"rows": 136, "donor": 12, "recipient": 35}
    assert not model.singular
    assert not model.warnings


def r_term(term):
    """Turn group[aged]:week[8] into R's groupaged:wf8."""
    return term.replace("week[", "wf[").replace("[", "").replace("]", "")


@pytest.mark.parametrize("name", ["c_cat", "c_lin", "c_singular"])
def test_fixed_effects_equal_pbkrtest(name, by_week, linear, singular):
    model = {"c_cat": by_week, "c_lin": linear, "c_singular": singular}[name]
    r = answer(f"{name}_fixef_Ken").set_index("term")
    got = model.fixed_effects()
    got = got.set_index(got["term"].map(r_term)).loc[r.index]
    assert len(got) == len(r) == len(model.fixed_effects())
    np.testing.assert_allclose(got["estimate"], r["est"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(got[["SE", "df"]], r[["se", "df"]], rtol=1e-5)
    np.testing.assert_allclose(got["p"], r["p"], rtol=1e-5)


@pytest.mark.parametrize("name", ["c_cat", "c_lin"])
def test_type_three_equals_pbkrtest(name, by_week, linear):
    r = answer(f"{name}_anova3_Ken")
    got = (by_week if name == "c_cat" else linear).anova()
    assert got["term"].tolist() == r["term"].str.replace("wf", "week").tolist()
    assert got["numdf"].tolist() == r["numdf"].tolist()
    columns = ["SS", "MS", "F", "dendf", "p"]
    np.testing.assert_allclose(got[columns], r[columns], rtol=1e-5)


@pytest.mark.parametrize("adjust", ["holm", None])
def test_contrasts_equal_emmeans(adjust, by_week):
    r = answer(f"c_cat_pairs_bygroup_ken_{adjust or 'none'}").set_index(["contrast", "wf"])
    got = by_week.contrasts("group", by="week", adjust=adjust)
    assert ("p_holm" in got) == (adjust == "holm")
    got = got.set_index(["contrast", "week"]).loc[r.index]
    np.testing.assert_allclose(got["estimate"], r["estimate"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(got[["SE", "df", "t"]], r[["SE", "df", "t.ratio"]], rtol=1e-5)
    np.testing.assert_allclose(got["p_holm" if adjust else "p"], r["p.value"], rtol=1e-5)


def test_slope_differences_equal_emmeans(linear):
    r = answer("c_lin_trend_pairs_ken_holm").set_index("contrast")
    got = linear.slope_contrasts("week", between="group").set_index("contrast").loc[r.index]
    np.testing.assert_allclose(got["estimate"], r["estimate"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(got[["SE", "df", "t"]], r[["SE", "df", "t.ratio"]], rtol=1e-5)
    np.testing.assert_allclose(got["p_holm"], r["p.value"], rtol=1e-5)


def test_zero_donor_variance_leaves_kenward_roger_the_donors(singular):
    assert singular.singular
    assert singular.warnings == ("The variance of 'donor' was estimated as zero.",)
    assert singular.fixed_effects().set_index("term").loc["group[trt]", "df"] == pytest.approx(4)


@pytest.mark.parametrize(("groups", "units"), [(3, 2), (2, 2), (3, 3)])
def test_small_balanced_designs_give_the_analysis_of_variance_of_unit_means(groups, units):
    """Also at 3 and at 4 degrees of freedom, where Kenward and Roger's moments divide by zero."""
    rng = np.random.default_rng(0)
    rows = [
        (f"g{g}", f"g{g}{u}", week, rng.normal() + 2.0 * u + g)
        for g in range(groups) for u in range(units) for week in (4, 8, 12)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["group", "donor", "week", "chimerism"])
    model = mixed.fit(frame, value="chimerism", fixed=["group", "week"], categorical=["week"], unit="donor")
    assert not model.singular
    means = [own.groupby("donor")["chimerism"].mean() for _, own in frame.groupby("group")]
    expected = stats.f_oneway(*means)
    got = model.anova().set_index("term")
    freedom = groups * (units - 1)
    assert got.loc["group", ["F", "dendf", "p"]].tolist() == pytest.approx(
        [expected.statistic, freedom, expected.pvalue]
    )
    assert got.loc["week", "dendf"] == pytest.approx(2 * freedom)
    assert got["p"].notna().all()


def test_a_truth_value_is_a_category():
    frame = cohort(2).assign(treated=lambda rows: rows["group"] == "aged")
    one = mixed.fit(frame, fixed=["treated", "week"], **MODEL).contrasts("treated")
    other = mixed.fit(frame, fixed=["group", "week"], **MODEL).contrasts("group")
    assert one["estimate"].item() == pytest.approx(-other["estimate"].item())


def test_balanced_crossed_block_gives_the_paired_test():
    frame = cohort(4, units=6, sd=(1.5, 0.5, 0.5), effect=1.0)
    frame["chimerism"] += frame["block"].map({f"b{i}": 4.0 * i for i in range(6)})
    model = mixed.fit(frame, fixed=["group", "week"], block="block", categorical=["week"], **MODEL)
    assert min(model.variances.values()) > 0
    means = frame.groupby(["group", "block"])["chimerism"].mean()
    expected = stats.ttest_rel(means["aged"], means["young"])
    got = model.contrasts("group").iloc[0]
    assert [got["t"], got["df"], got["p"]] == pytest.approx([expected.statistic, 5, expected.pvalue], rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_no_other_variances_are_likelier(seed):
    frame = cohort(seed, sd=[(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.0, 0.0, 1.0)][seed % 3], drop=6)
    model = mixed.fit(frame, fixed=["group", "week"], block="block", **MODEL)
    state, rng = model._state, np.random.default_rng(seed)
    for size in (1e-3, 0.1, 1.0, 10.0):
        for _ in range(10):
            other = np.maximum(state.variances + size * rng.normal(size=len(state.variances)), 0)
            other[-1] = max(other[-1], 1e-3)
            assert mixed._state(state.moments, other).log_likelihood <= state.log_likelihood + 1e-9


def test_contrasts_agree_with_the_coefficients(linear):
    effects = linear.fixed_effects().set_index("term")["estimate"]
    slopes = linear.slope_contrasts("week", between="group").set_index("contrast")["estimate"]
    assert slopes["young - rescued"] == pytest.approx(-effects["group[rescued]:week"])
    at_zero, default, at_mean = (
        linear.contrasts("group", **at).set_index("contrast")["estimate"]
        for at in ({"at": {"week": 0}}, {}, {"at": {"week": chimerism()["week"].mean()}})
    )
    assert at_zero["young - aged"] == pytest.approx(-effects["group[aged]"])
    assert default.to_dict() == pytest.approx(at_mean.to_dict())


seeds = st.integers(0, 10_000)
few = settings(max_examples=15, deadline=None)


def everything(frame):
    model = mixed.fit(frame, fixed=["group", "week"], block="block", **MODEL)
    return model.fixed_effects().drop(columns="term"), model.anova().drop(columns="term")


@few
@given(seeds, st.floats(0.001, 1000), st.floats(-50, 50))
def test_order_scale_and_origin_leave_df_and_p(seed, factor, shift):
    frame = cohort(seed, drop=seed % 9)
    moved = frame.assign(chimerism=factor * frame["chimerism"] + shift).sample(frac=1, random_state=seed)
    (one, one_anova), (other, other_anova) = everything(frame), everything(moved)
    np.testing.assert_allclose(
        one[["estimate", "SE"]][1:] * factor, other[["estimate", "SE"]][1:], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(one[["df", "p"]][1:], other[["df", "p"]][1:], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(one_anova[["F", "dendf", "p"]], other_anova[["F", "dendf", "p"]], rtol=1e-4, atol=1e-6)


@few
@given(seeds)
def test_swapping_labels_flips_the_sign_only(seed):
    frame = cohort(seed, drop=seed % 9)
    one, other = (
        mixed.fit(frame, fixed=["group", "week"], levels={"group": order}, **MODEL).contrasts("group").iloc[0]
        for order in (["young", "aged"], ["aged", "young"])
    )
    assert one["estimate"] == pytest.approx(-other["estimate"], abs=1e-6)
    assert [one["SE"], one["df"], one["p"]] == pytest.approx([other["SE"], other["df"], other["p"]], rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    seeds,
    st.integers(2, 4),
    st.integers(1, 3),
    st.tuples(*[st.sampled_from([0.0, 1e-3, 1.0, 30.0])] * 2, st.sampled_from([1e-3, 1.0])),
    st.integers(0, 9),
    st.sampled_from([0.0, 1e4]),
    st.booleans(),
)
def test_any_cohort_is_answered_or_refused_in_a_sentence(seed, units, subunits, sd, drop, shift, block):
    """Also where variances are zero, or differ by orders, with few units, one recipient each and missing visits."""
    frame = cohort(seed, units=units, subunits=subunits, sd=sd, drop=min(drop, 3 * units * subunits))
    frame["chimerism"] += shift
    try:
        model = mixed.fit(frame, fixed=["group", "week"], block="block" if block else None, **MODEL)
    except EndomtorError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        known = ("does not vary", "has one row", "too few", "cannot be told apart", "nothing to judge", "has one level")
        assert any(reason in refused for reason in known), refused
        return
    assert min(model.variances.values()) >= 0
    tests = model.fixed_effects()
    assert (tests["SE"] > 0).all()
    for found in (tests["df"], model.anova()["dendf"]):
        assert ((found > 0) & np.isfinite(found) | found.isna()).all()
    # With one hypothesis Kenward and Roger always give df.
    assert model.contrasts("group")["df"].notna().all()


def test_a_covariate_interacts_with_nothing():
    frame = cohort(5, sd=(1.0, 0.5, 0.5))
    frame["before"] = frame["donor"].map({name: i % 5 for i, name in enumerate(frame["donor"].unique())})
    model = mixed.fit(frame, fixed=["group", "week"], covariates=["before"], **MODEL)
    terms = ["group", "week", "group:week", "before"]
    assert model.anova()["term"].tolist() == terms
    as_main_effects = mixed.fit(frame, fixed=["group", "week", "before"], interaction=False, **MODEL)
    without = mixed.fit(frame, fixed=["group", "week"], covariates=["before"], interaction=False, **MODEL)
    assert without.log_likelihood == pytest.approx(as_main_effects.log_likelihood, abs=1e-9)
    pd.testing.assert_frame_equal(without.fixed_effects(), as_main_effects.fixed_effects(), rtol=1e-6)
    with pytest.raises(ValueError, match="the covariate 'block' is .*, expected numbers"):
        mixed.fit(frame, fixed=["group", "week"], covariates=["block"], **MODEL)


def test_several_blocks_are_several_variances():
    frame = cohort(6, units=6)
    frame["batch"] = frame["block"].isin(["b0", "b1", "b2"]).map({True: "one", False: "two"})
    model = mixed.fit(frame, fixed=["group", "week"], block=["block", "batch"], **MODEL)
    assert list(model.variances) == ["donor", "recipient", "block", "batch", "residual"]
    assert model.n == {"rows": 108, "donor": 12, "recipient": 36, "block": 6, "batch": 2}


def test_kenward_roger_does_not_take_recipients_for_n():
    """Without any donor variance in truth many fits are singular; the donors still bound the df of the group."""
    for seed in range(10):
        model = mixed.fit(cohort(seed, sd=(0, 1, 1)), fixed=["group", "week"], **MODEL)
        assert model.contrasts("group")["df"].item() == pytest.approx(6, rel=1e-6)


def test_one_recipient_per_donor_leaves_the_model_with_a_warning():
    model = mixed.fit(cohort(2, subunits=1, units=6), fixed=["group", "week"], **MODEL)
    assert list(model.variances) == ["donor", "residual"]
    assert model.warnings[0] == "The variance of 'recipient' cannot be told from the others and left the model."
    once = mixed.fit(cohort(2, weeks=(4,)), fixed=["group"], **MODEL)
    assert list(once.variances) == ["donor", "residual"]


def test_constant_block_leaves_the_model():
    frame = cohort(2)
    model = mixed.fit(frame.assign(block="one"), fixed=["group", "week"], block="block", **MODEL)
    assert model.variances == mixed.fit(frame, fixed=["group", "week"], **MODEL).variances


def test_an_empty_combination_of_levels_is_refused():
    frame = cohort(0)
    frame = frame[(frame["group"] == "aged") | (frame["week"] < 12)]
    with pytest.raises(EndomtorError, match="cannot be told apart"):
        mixed.fit(frame, fixed=["group", "week"], categorical=["week"], **MODEL)
    mixed.fit(frame, fixed=["group", "week"], categorical=["week"], interaction=False, **MODEL)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda f: f.assign(recipient=f["recipient"].str[-1]), {}, UnitError, "recipient '0' has 8 values of 'donor'"),
        (lambda f: f.assign(donor=""), {}, UnitError, "'donor' is blank in 72 of 72 rows"),
        (lambda f: f.assign(donor=f["group"]), {}, UnitError, "nothing to judge 'donor' by"),
        (lambda f: f.drop_duplicates("donor"), {}, UnitError, "Each 'donor' has one row"),
        (lambda f: f[f["group"] == "aged"], {}, EndomtorError, "'group' has one level"),
        (lambda f: f.assign(group=f["group"].where(f["week"] > 4)), {}, EndomtorError, "'group' is blank in 24 of 72"),
        (lambda f: f.assign(week=f["group"].map({"aged": 8, "young": 4})), {}, EndomtorError, "cannot be told apart"),
        (lambda f: f.assign(chimerism=0.1 * f["week"]), {}, EndomtorError, "does not vary within 'recipient'"),
        (lambda f: f.assign(chimerism=np.inf), {}, EndomtorError, "infinite"),
        (lambda f: f.drop(columns="week"), {}, ValueError, "'week' is not in the table"),
        (lambda f: pd.concat([f, f[:1]]), {}, UnitError, "A row is doubled \\(recipient aged00, week 4\\)"),
        (lambda f: f, {"levels": {"group": ["aged", "control"]}}, EndomtorError, "holds 'young', expected one of"),
        (lambda f: f, {"fixed": []}, ValueError, "fixed names no column"),
        (lambda f: f.assign(week=f["week"].map({4: "a"}).fillna(f["week"])), {}, EndomtorError, "'week' mixes"),
        (lambda f: f.assign(x=[np.inf, 1] * 36), {"covariates": ["x"]}, EndomtorError, "'x' holds infinite values"),
        (lambda f: f.assign(chimerism="n.d."), {}, ValueError, r"'chimerism' holds text \('n.d.'\) in row"),
        (lambda f: f.rename(columns={"donor": "donors"}), {}, UnitError, "'donor' that names .* 'donors'"),
    ],
)
def test_what_cannot_be_modelled_is_refused_in_a_sentence(change, options, error, message):
    with pytest.raises(error, match=message):
        mixed.fit(change(cohort(0)), **{"fixed": ["group", "week"], **MODEL, **options})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.contrasts("group", adjust="tukey"), "adjust is 'tukey'"),
        (lambda m: m.contrasts("week"), "'week' is not a category of the model but a number, expected one of group"),
        (lambda m: m.slope_contrasts("group", between="group"), "'group' is not a number of the model but a category"),
        (lambda m: m.contrasts("group", at={"day": 1}), "'day' is not a number of the model but not in the model"),
        (lambda m: m.contrasts("group", at={"week": "x"}), "at gives 'x' for 'week', expected a finite number"),
        (lambda m: m.contrasts("group", by="group"), "compared within 'group'"),
        (lambda m: m.contrasts("group", level=95), "level is 95"),
    ],
)
def test_marginal_means_refuse_what_the_model_has_not(linear, call, message):
    with pytest.raises(ValueError, match=message):
        call(linear)
