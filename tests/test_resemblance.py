"""Phi and its confidence sets: the inverted test itself, its coverage, and what it must not claim."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from endomtor.errors import EndomtorError, UnitError
from endomtor.stats import linear, power_of_phi, resemblance
from endomtor.stats.expression import columns_of, log_counts
from endomtor.stats.resemblance import (
    NoAgingReference,
    hypergeometric_logsf,
    phi,
    project,
    rrho,
    transcriptome_phi_genes,
)

REFERENCE = Path(__file__).parent / "reference"
COLUMNS = {"value": "y", "group": "group", "unit": "animal"}


def cohort(rng, *, aging=1.0, truth=0.5, n=(5, 6, 7, 5), sd=(0.3, 0.5, 0.3, 0.4), shared=False):
    """One row an animal; n and sd in the order young, aged, control, ecko."""
    means = {"young": 2.0, "aged": 2.0 + aging, "control": 2.5, "ecko": (2.0 if shared else 2.5) + truth * aging}
    rows = [
        (group, f"{group}{i}", means[group] + spread * rng.normal())
        for group, size, spread in zip(means, n, sd, strict=True)
        for i in range(size)
        if not (shared and group == "control")
    ]
    return pd.DataFrame(rows, columns=["group", "animal", "y"])


def test_of(frame, at):
    """|T(at)| and its critical value at 95 %, written from the design's formula and from nothing in the package."""
    m, v, n = (frame.groupby("group")["y"].agg(how) for how in ("mean", "var", "size"))
    s = v / n
    if "control" in m:
        w = (m["ecko"] - m["control"]) - at * (m["aged"] - m["young"])
        parts = [
            (s["ecko"], "ecko"),
            (s["control"], "control"),
            (at**2 * s["aged"], "aged"),
            (at**2 * s["young"], "young"),
        ]
    else:
        w = (m["ecko"] - m["young"]) - at * (m["aged"] - m["young"])
        parts = [(s["ecko"], "ecko"), ((1 - at) ** 2 * s["young"], "young"), (at**2 * s["aged"], "aged")]
    total = sum(part for part, _ in parts)
    df = total**2 / sum(part**2 / (n[name] - 1) for part, name in parts)
    return abs(w) / np.sqrt(total), stats.t.ppf(0.975, df)


def covers(estimate, at):
    if estimate.interval_kind == "two_piece":
        return at <= estimate.ci_low or at >= estimate.ci_high
    return estimate.ci_low <= at <= estimate.ci_high


@given(
    seed=st.integers(0, 2**32 - 1),
    aging=st.sampled_from([0.0, 0.2, 0.5, 1.0, 3.0]),
    truth=st.sampled_from([-1.0, 0.0, 0.5, 1.0]),
    shared=st.booleans(),
    n=st.tuples(*[st.integers(2, 8)] * 4),
)
@settings(max_examples=30, deadline=None)
def test_the_set_is_exactly_what_the_test_does_not_reject(seed, aging, truth, shared, n):
    rng = np.random.default_rng(seed)
    frame = cohort(rng, aging=aging, truth=truth, shared=shared, n=n)
    found = phi(frame, direction="greater", **COLUMNS)
    assert covers(found, found.estimate)
    mean = frame.groupby("group")["y"].mean()
    difference = mean["ecko"] - mean["young" if shared else "control"]
    assert found.estimate == pytest.approx(difference / (mean["aged"] - mean["young"]))
    assert found.n == frame.groupby("group").size().to_dict()
    if any("gaps" in note for note in found.warnings):
        return  # the larger set is reported then, and says so
    for at in [*rng.normal(0, 2, 20), *(rng.choice([-1, 1], 10) * 10 ** rng.uniform(0, 6, 10))]:
        t, critical = test_of(frame, at)
        if abs(t - critical) > 1e-6 * critical:
            assert covers(found, at) == (t < critical), (at, found)


test_of.__test__ = False


def test_the_set_is_bounded_exactly_where_aging_is_significant():
    rng = np.random.default_rng(11)
    seen = set()
    for _ in range(150):
        frame = cohort(rng, aging=0.5)
        found = phi(frame, direction="either", **COLUMNS)
        young, aged = (frame.loc[frame["group"] == g, "y"] for g in ("young", "aged"))
        p = stats.ttest_ind(aged, young, equal_var=False).pvalue
        assert found.aging_p == pytest.approx(p, rel=1e-9)
        assert (found.interval_kind == "bounded") == (p < 0.05)
        assert found.p >= found.aging_p * (1 - 1e-9)
        # Two-sided already, so it is not doubled: p is that of the declared direction that the animals took.
        declared = phi(frame, direction="greater" if aged.mean() > young.mean() else "less", **COLUMNS)
        assert found.p == pytest.approx(declared.p, rel=1e-9)
        assert (found.inner != (-np.inf, np.inf)) == (p < 0.10)
        seen.add(found.interval_kind)
    assert {"bounded", "whole_line"} <= seen


def test_a_limit_at_infinity_is_named_and_not_clipped():
    t = stats.t.ppf(0.975, 12)
    for sign in (1.0, -1.0):
        # N is far from 0 and D lies on its critical value: the set reaches infinity on one side only.
        spread = (1 / 12, 0.0, 2 / 12, 0.0, 1 / 12)
        ratio = resemblance.Ratio(sign * 6.0, t, variance=(1.0, 0.0, 1.0), expected=(1.0, 0.0, 1.0), spread=spread)
        found = resemblance._invert(ratio, 0.95)
        limit = sign * (36 - t**2) / (2 * 6 * t)
        assert found.kind == ("upper_unbounded" if sign > 0 else "lower_unbounded")
        assert (found.low if sign > 0 else found.high) == pytest.approx(limit, rel=1e-6)
        assert sign * 1e300 in found
        assert -sign not in found


@pytest.mark.parametrize(
    ("options", "unbounded"),
    [
        ({"aging": 0.4, "shared": True, "n": (4, 4, 4, 4)}, True),
        pytest.param({"aging": 1.5}, False, marks=pytest.mark.slow),
        pytest.param({"aging": 0.25}, True, marks=pytest.mark.slow),
        ({"aging": 1.0, "truth": 0.0, "n": (3, 8, 3, 5), "sd": (0.2, 0.8, 0.2, 0.5)}, True),
    ],
)
def test_coverage_is_as_promised_also_where_aging_is_weak(options, unbounded):
    rng = np.random.default_rng(2026)
    truth, cohorts = options.get("truth", 0.5), 500
    found = [phi(cohort(rng, **options), direction="greater", **COLUMNS) for _ in range(cohorts)]
    hits = sum(covers(estimate, truth) for estimate in found)
    low, high = stats.binom.ppf([0.0005, 0.9995], cohorts, 0.95)
    assert low <= hits <= high
    share = np.mean([estimate.interval_kind != "bounded" for estimate in found])
    assert share > 0.1 if unbounded else share < 0.1


def test_the_verdict_p_is_rarely_small_where_phi_is_at_most_the_smallest_of_interest():
    rng = np.random.default_rng(7)
    for aging, truth in ((1.5, 0.25), (0.0, 0.0)):
        p = np.array([phi(cohort(rng, aging=aging, truth=truth), direction="greater", **COLUMNS).p for _ in range(400)])
        assert (p <= 0.05).sum() <= stats.binom.ppf(0.9995, 400, 0.025)


def test_zero_outside_the_set_is_not_support():
    rng = np.random.default_rng(5)
    frame = cohort(rng, aging=0.0, sd=(0.3,) * 4)
    frame.loc[frame["group"] == "ecko", "y"] += 5
    found = phi(frame, direction="greater", **COLUMNS)
    assert found.interval_kind == "two_piece"
    assert not covers(found, 0.0)
    assert found.aging_p > 0.025
    assert found.p > 0.05


def test_a_wrong_direction_of_aging_is_never_support():
    frame = cohort(np.random.default_rng(8), aging=2.0, truth=1.0)
    assert phi(frame, direction="greater", **COLUMNS).p < 0.05
    against = phi(frame, direction="less", **COLUMNS)
    assert against.aging_p > 0.975
    assert against.p == 1.0
    assert against.ci_low == phi(frame, direction="greater", **COLUMNS).ci_low


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100), shared=st.booleans())
@settings(max_examples=25, deadline=None)
def test_row_order_names_and_units_of_measurement_do_not_matter(seed, scale, shift, shared):
    rng = np.random.default_rng(seed)
    frame = cohort(rng, shared=shared)
    base = phi(frame, direction="greater", **COLUMNS)
    shuffled = frame.sample(frac=1, random_state=int(rng.integers(1 << 31)))
    renamed = shuffled.assign(animal=[f"m{i}" for i in range(len(frame))])
    rescaled = renamed.assign(y=renamed["y"] * scale + shift)
    mirrored = rescaled.assign(y=-rescaled["y"])
    for other, direction in ((shuffled, "greater"), (renamed, "greater"), (rescaled, "greater"), (mirrored, "less")):
        found = phi(other, direction=direction, **COLUMNS)
        assert found.interval_kind == base.interval_kind
        got = [found.estimate, found.ci_low, found.ci_high, found.p, found.aging_p]
        assert got == pytest.approx(
            [base.estimate, base.ci_low, base.ci_high, base.p, base.aging_p], rel=1e-5, abs=1e-7
        )


def test_young_stands_in_for_control_and_its_covariance_is_used():
    rng = np.random.default_rng(4)
    frame = cohort(rng, aging=2.0, truth=1.0, shared=True)
    found = phi(frame, direction="greater", smallest=1.0, **COLUMNS)
    assert found.warnings == (resemblance.SHARED,)
    assert "control" not in found.n
    # At phi = 1 young cancels, so that the test is ecko against aged.
    aged, ecko = (frame.loc[frame["group"] == g, "y"] for g in ("aged", "ecko"))
    one_sided = stats.ttest_ind(ecko, aged, equal_var=False, alternative="greater").pvalue
    assert found.p == pytest.approx(min(1, 2 * max(found.aging_p, one_sided)), rel=1e-9)


def test_with_blocks_the_limits_are_where_the_contrast_is_just_significant():
    rng = np.random.default_rng(9)
    frame = cohort(rng, aging=2.0)
    frame["batch"] = [f"b{i % 3}" for i in range(len(frame))]
    frame["sex"] = [f"s{i // 3 % 2}" for i in range(len(frame))]
    frame["y"] += frame["batch"].map({"b0": 0.0, "b1": 3.0, "b2": -2.0})
    found = phi(frame, direction="greater", block=["batch", "sex"], **COLUMNS)
    names = ["young", "aged", "control", "ecko"]
    blocks = tuple(linear.codes(frame[name]) for name in ("batch", "sex"))
    for limit in (found.ci_low, found.ci_high):
        model = linear.layout(tuple(map(names.index, frame["group"])), blocks, ((limit, -limit, -1.0, 1.0),))
        variances = model.variances(frame["y"].to_numpy())
        (variance,), (expected,), spread = model.moments(model.products[0, 0][None], variances)
        t = model.weights[0] @ frame["y"] / np.sqrt(variance)
        assert 2 * stats.t.sf(abs(t), expected**2 / spread[0, 0]) == pytest.approx(0.05, rel=1e-7)
    ols = smf.ols("y ~ 0 + group + C(batch) + C(sex)", frame).fit().params
    aging = ols["group[aged]"] - ols["group[young]"]
    assert found.estimate == pytest.approx((ols["group[ecko]"] - ols["group[control]"]) / aging)
    constant = phi(frame.assign(batch="x"), direction="greater", block="batch", **COLUMNS)
    assert constant == phi(frame, direction="greater", **COLUMNS)


def test_a_confounded_block_withholds_the_answer():
    frame = cohort(np.random.default_rng(1))
    frame["batch"] = frame["group"].isin(["aged"]).map({True: "b1", False: "b2"})
    found = phi(frame, direction="greater", block="batch", **COLUMNS)
    assert "batch is confounded with group: aged - young" in found.withheld
    assert np.isnan(found.p)
    assert found.interval_kind == "whole_line"


def test_what_cannot_be_tested_is_withheld_with_a_sentence():
    frame = cohort(np.random.default_rng(1))
    lone = frame[(frame["group"] != "ecko") | (frame["animal"] == "ecko0")]
    assert phi(lone, direction="greater", **COLUMNS).withheld == "Group ecko has one animal: its spread is unknown."
    same = phi(frame.assign(y=0.1), direction="greater", **COLUMNS)
    assert same.withheld.startswith("All groups have the same value")
    assert np.isnan(same.estimate)
    flat = phi(
        frame.assign(y=frame["group"].map({"young": 1, "aged": 3, "control": 1, "ecko": 2})),
        direction="greater",
        **COLUMNS,
    )
    assert flat.withheld.startswith("No group has any spread")
    assert flat.estimate == 0.5
    level = frame["group"].isin(["young", "aged"])
    no_denominator = phi(frame.assign(y=frame["y"].mask(level, 0.3)), direction="greater", **COLUMNS)
    assert "phi has no denominator" in no_denominator.withheld


def test_a_group_without_spread_leaves_the_others_to_be_tested():
    frame = cohort(np.random.default_rng(1))
    for constant in (["young"], ["young", "aged"], ["ecko", "control"]):
        values = frame["group"].map({"young": 2.0, "aged": 3.0, "control": 2.5, "ecko": 3.0})
        some = frame.assign(y=frame["y"].where(~frame["group"].isin(constant), values))
        found = phi(some, direction="greater", **COLUMNS)
        assert not found.withheld
        assert found.interval_kind == "bounded"
        for limit in (found.ci_low, found.ci_high):
            t, critical = test_of(some, limit)
            assert t == pytest.approx(critical, rel=1e-6)


def test_missing_values_are_left_out_and_counted():
    frame = cohort(np.random.default_rng(1))
    frame.loc[0, "y"] = np.nan
    found = phi(frame, direction="greater", **COLUMNS)
    assert found.n["young"] == 4
    assert found.warnings == ("1 row without y left out",)
    assert found.estimate == phi(frame.iloc[1:], direction="greater", **COLUMNS).estimate


def test_wrong_input_is_refused_with_a_sentence():
    frame = cohort(np.random.default_rng(1))
    with pytest.raises(UnitError, match="'animal' repeats"):
        phi(pd.concat([frame, frame.iloc[:1]]), direction="greater", **COLUMNS)
    for missing in ("young", "aged"):
        with pytest.raises(NoAgingReference, match=f"no {missing}"):
            phi(frame[frame["group"] != missing], direction="greater", **COLUMNS)
    with pytest.raises(EndomtorError, match="no ecko"):
        phi(frame[frame["group"] != "ecko"], direction="greater", **COLUMNS)
    with pytest.raises(EndomtorError, match="infinite"):
        phi(frame.assign(y=np.inf), direction="greater", **COLUMNS)
    for options in ({"direction": "up"}, {"direction": "less", "level": 95}, {"direction": "less", "smallest": np.nan}):
        with pytest.raises(EndomtorError, match="expected"):
            phi(frame, **options, **COLUMNS)
    with pytest.raises(ValueError, match="^the column 'y' is not in the table"):
        phi(frame.drop(columns="y"), direction="greater", **COLUMNS)
    with pytest.raises(ValueError, match="the column 'batches' is not in the table"):
        phi(frame, direction="greater", block="batches", **COLUMNS)
    with pytest.raises(ValueError, match=r"the column 'y' holds text \('n.d.'\) in row 0, expected numbers"):
        phi(frame.assign(y="n.d."), direction="greater", **COLUMNS)
    with pytest.raises(UnitError, match="'animal' is blank in 1 of"):
        phi(frame.assign(animal=[None, *frame["animal"][1:]]), direction="greater", **COLUMNS)


@pytest.mark.parametrize("size", [2.0**660, 2.0**-660])
def test_phi_does_not_depend_on_the_size_of_the_values(size):
    frame = cohort(np.random.default_rng(1))
    assert phi(frame.assign(y=size * frame["y"]), direction="greater", **COLUMNS) == phi(
        frame, direction="greater", **COLUMNS
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.convert_dtypes(),
        lambda f: f.set_index(pd.Index([0] * len(f))),
        lambda f: f.astype({"group": pd.CategoricalDtype(["other", "young", "aged", "control", "ecko"])}),
        lambda f: pd.concat([f, f.assign(animal=None, group=None)]),
    ],
)
def test_phi_does_not_depend_on_types_labels_or_rows_without_a_group(change):
    frame = cohort(np.random.default_rng(1))
    assert phi(change(frame), direction="greater", **COLUMNS) == phi(frame, direction="greater", **COLUMNS)


def transcriptome(rng, *, truth=0.5, aging=0.5, n=5, shared=False, genes=600, nuisance=0.15, scatter=0.3):
    """Counts, sheet and true aging log2 fold changes; a programme of correlated genes lies partly along aging."""
    names = [f"g{i}" for i in range(genes)]
    base = rng.normal(5, 1.2, genes)
    some = rng.random((3, genes)) < 0.3
    beta = np.log(2) * aging * rng.normal(size=genes) * some[0]
    loading = rng.normal(size=genes) * some[1] + (beta / beta.std() / 2 if aging else 0)
    off = np.log(2) * aging * scatter * rng.normal(size=genes) * some[2]
    shift = {"young": 0, "aged": beta, "control": 0, "ecko": truth * beta + off}
    counts, rows = {}, []
    for group in ("young", "aged", "ecko") if shared else shift:
        for i in range(n):
            log_mean = base + shift[group] + nuisance * rng.normal() * loading + 0.3 * rng.normal()
            counts[f"{group}{i}"] = rng.poisson(np.exp(log_mean) * rng.gamma(20, 0.05, genes))
            rows.append((f"{group}{i}", f"mouse-{group}{i}", group, f"b{i % 2}"))
    samples = pd.DataFrame(rows, columns=["sample", "animal", "group", "batch"])
    return pd.DataFrame(counts, index=names), samples, pd.Series(beta / np.log(2), index=names)


def test_project_is_the_slope_on_the_weights_and_blind_to_a_shift_of_a_sample():
    rng = np.random.default_rng(0)
    weights = pd.Series(rng.normal(size=50), index=[f"g{i}" for i in range(50)])
    base = rng.normal(8, 2, 50)
    truth = np.array([0.0, 0.3, 1.0, -0.5])
    expression = pd.DataFrame(base[:, None] + np.outer(weights, truth) + [0, 2, -1, 5], index=weights.index)
    scores = project(expression, pd.concat([weights, pd.Series({"not measured": 3.0, "unknown": np.nan})]))
    assert (scores - scores[0]).to_numpy() == pytest.approx(truth - truth[0])
    with pytest.raises(EndomtorError, match="0 of 1 weighted genes"):
        project(expression, pd.Series({"elsewhere": 1.0}))
    with pytest.raises(EndomtorError, match="occurs twice"):
        project(pd.concat([expression, expression]), weights)
    with pytest.raises(EndomtorError, match="Gene 'g0', sample 0: the expression is nan"):
        project(expression.mask(expression == expression.iloc[0, 0]), weights)
    with pytest.raises(EndomtorError, match="weight of gene 'g1' is infinite"):
        project(expression, weights.mask(weights.index == "g1", np.inf))
    with pytest.raises(ValueError, match=r"holds text \('n.d.'\) in row g1"):
        project(expression, weights.astype(object).mask(weights.index == "g1", "n.d."))


def phi_of_scores(counts, samples, weights, **options):
    """Phi of the animals' scores, as chapter 04 takes it."""
    logs = log_counts(columns_of(counts, samples["sample"], "counts"), min_mean=10)
    frame = samples.assign(score=project(logs, weights).to_numpy())
    return phi(frame, value="score", group="group", unit="animal", direction="greater", **options)


@pytest.mark.parametrize("shared", [False, True])
def test_scores_on_an_independent_axis_recover_phi_with_their_coverage(shared):
    rng = np.random.default_rng(21)
    found = []
    for _ in range(120):
        counts, samples, beta = transcriptome(rng, shared=shared, genes=300)
        published = beta + 0.2 * rng.normal(size=beta.size)
        found.append(phi_of_scores(counts, samples, published, block="batch" if len(found) % 2 else None))
    assert np.median([e.estimate for e in found]) == pytest.approx(0.5, abs=0.06)
    assert stats.binom.ppf(0.0005, 120, 0.95) <= sum(covers(e, 0.5) for e in found)


def test_phi_over_genes_takes_off_what_a_shared_control_puts_in():
    rng = np.random.default_rng(33)
    correlations, estimates, covered = [], [], 0
    for _ in range(60):
        counts, samples, _ = transcriptome(rng, truth=0.0, scatter=0.0, shared=True)
        found = transcriptome_phi_genes(counts, samples)
        estimates.append(found.estimate)
        covered += covers(found, 0.0)
        logs = np.log2(counts + 0.5).T.groupby(samples.set_index("sample")["group"]).mean()
        correlations.append(
            np.corrcoef(logs.loc["aged"] - logs.loc["young"], logs.loc["ecko"] - logs.loc["young"])[0, 1]
        )
        assert resemblance.SHARED in found.warnings
    assert np.mean(correlations) > 0.15  # the trap
    assert abs(np.mean(estimates)) < 3.3 * np.std(estimates) / np.sqrt(len(estimates))
    assert covered >= stats.binom.ppf(0.0005, 60, 0.95)


def test_phi_over_genes_is_not_biased_by_scatter_and_keeps_its_coverage():
    rng = np.random.default_rng(34)
    found = [transcriptome_phi_genes(*transcriptome(rng, truth=0.5)[:2]) for _ in range(60)]
    assert np.median([e.estimate for e in found]) == pytest.approx(0.5, abs=0.06)
    assert sum(covers(e, 0.5) for e in found) >= stats.binom.ppf(0.0005, 60, 0.95)
    assert all(e.unit == "animal" and e.n == dict.fromkeys(("young", "aged", "control", "ecko"), 5) for e in found)


@pytest.mark.parametrize("shared", [False, True])
def test_the_moment_estimator_and_its_jackknife_are_the_formulas_of_the_design(shared):
    counts, samples, _ = transcriptome(np.random.default_rng(2), shared=shared, genes=120, nuisance=0.05, n=4)
    found = transcriptome_phi_genes(counts, samples, min_mean=20)
    sizes = resemblance.log_counts(counts, min_mean=20)
    group = samples.set_index("sample")["group"]

    def by_hand(expression):
        by = {g: expression[[c for c in expression if group[c] == g]] for g in set(group)}
        mean = {g: x.mean(axis=1) for g, x in by.items()}
        noise = {g: x.var(axis=1) / x.shape[1] for g, x in by.items()}
        reference = "young" if shared else "control"
        x, y = mean["aged"] - mean["young"], mean["ecko"] - mean[reference]
        covariance = noise["young"] if shared else 0.0
        return ((x * y - covariance).sum()) / ((x**2 - noise["aged"] - noise["young"]).sum())

    assert found.estimate == pytest.approx(by_hand(sizes), rel=1e-9)
    left_out = pd.Series({name: by_hand(sizes.drop(columns=name)) for name in sizes})
    parts = left_out.groupby(group).agg(lambda v: (v.size - 1) * v.var(ddof=0))
    df = parts.sum() ** 2 / (parts**2 / 3).sum()
    half = stats.t.ppf(0.975, df) * np.sqrt(parts.sum())
    assert (found.ci_low, found.ci_high) == pytest.approx((found.estimate - half, found.estimate + half), rel=1e-8)
    assert found.df == pytest.approx(df)


def test_phi_over_genes_says_when_it_has_no_answer():
    rng = np.random.default_rng(6)
    counts, samples, _ = transcriptome(rng, n=2)
    assert "fewer than three animals" in transcriptome_phi_genes(counts, samples).withheld
    kinds = {transcriptome_phi_genes(*transcriptome(rng, aging=0.0)[:2]).interval_kind for _ in range(8)}
    assert "whole_line" in kinds
    counts, samples, _ = transcriptome(rng)
    confounded = samples.assign(batch=samples["group"])
    assert "confounded" in transcriptome_phi_genes(counts, confounded, block="batch").withheld
    with pytest.raises(UnitError, match="repeats"):
        transcriptome_phi_genes(counts, samples.assign(animal="one mouse"))
    with pytest.raises(NoAgingReference):
        transcriptome_phi_genes(counts, samples[samples["group"] != "aged"])
    with pytest.raises(EndomtorError, match="'young0' of the sample sheet has no column"):
        transcriptome_phi_genes(counts.drop(columns="young0"), samples)
    with pytest.raises(EndomtorError, match="'young0' has several columns in the counts"):
        transcriptome_phi_genes(pd.concat([counts, counts[["young0"]]], axis=1), samples)
    with pytest.raises(ValueError, match="the column 'sample' is not in the table"):
        transcriptome_phi_genes(counts, samples.drop(columns="sample"))
    with pytest.raises(NoAgingReference):
        transcriptome_phi_genes(counts, samples.iloc[:0])


@pytest.fixture(scope="module")
def ranked():
    return pd.read_csv(REFERENCE / "data" / "h_rrho.csv", index_col="gene")


def test_rrho_agrees_with_r(ranked):
    expected = pd.read_csv(REFERENCE / "answers" / "h_rrho.csv")
    found = rrho(ranked["stat1"], ranked["stat2"].sample(frac=1, random_state=1), step=50)
    i, j = expected["i"].to_numpy() // 50 - 1, expected["j"].to_numpy() // 50 - 1
    assert len(expected) == found.count.size
    assert (found.count[i, j] == expected["count"]).all()
    for column, matrix in (
        ("expected", found.expected),
        ("nlog_up", found.log_up),
        ("nlog_down", found.log_down),
        ("signed_nlog", found.signed),
    ):
        assert np.abs(matrix[i, j] - expected[column]).max() < 1e-8


def test_hypergeometric_tails_agree_with_r_and_scipy():
    extreme = pd.read_csv(REFERENCE / "answers" / "h_phyper_extreme.csv")
    found = hypergeometric_logsf(extreme["k"], extreme["n"], extreme["a"], extreme["b"])
    assert found == pytest.approx(extreme["logp"].to_numpy(), rel=1e-10)
    n, a, b = 40, np.arange(0, 41, 5)[:, None, None], np.arange(0, 41, 8)[None, :, None]
    k = np.arange(-1, 43)[None, None, :]
    with np.errstate(divide="ignore"):
        expected = stats.hypergeom.sf(k - 1, n, a, b)
    assert np.exp(hypergeometric_logsf(k, n, a, b)) == pytest.approx(expected, abs=1e-12)


def test_corrected_quadrants_show_concordance_and_discordance(ranked):
    x = ranked["stat1"]
    noise = pd.Series(np.random.default_rng(0).normal(size=len(x)), index=x.index)
    alike, opposite = rrho(x, x + noise, step=100), rrho(x, -x + noise, step=100)
    up_x, up_y = (alike.ranks <= s for s in alike.split)
    concordant = up_x[:, None] == up_y[None, :]
    assert alike.corrected[concordant].max() > 50
    assert alike.corrected[~concordant].max() < 5
    up_x, up_y = (opposite.ranks <= s for s in opposite.split)
    discordant = up_x[:, None] != up_y[None, :]
    assert opposite.corrected[discordant].max() > 50
    assert opposite.corrected[~discordant].max() < 5
    with pytest.raises(EndomtorError, match="occurs twice"):
        rrho(pd.concat([x, x]), x)
    with pytest.raises(EndomtorError, match="step"):
        rrho(x, x, step=len(x) + 1)


@pytest.mark.parametrize("aging", [1.2, 4.0])
def test_power_is_the_share_of_studies_that_phi_supports(aging):
    groups = np.repeat(["young", "aged", "control", "ecko"], 5)
    rng, supported = np.random.default_rng(3), []
    for _ in range(60):
        value = rng.normal(size=20) + aging * np.select([groups == "aged", groups == "ecko"], [1, 0.75], 0)
        mice = pd.DataFrame({"animal": np.arange(20).astype(str), "group": groups, "value": value})
        supported.append(phi(mice, value="value", group="group", unit="animal", direction="greater").p < 0.05)
    assert power_of_phi(5, aging, 0.75, cohorts=60, seed=3) == pytest.approx(np.mean(supported))


def test_power_of_phi_at_the_smallest_of_interest_is_the_false_support():
    assert power_of_phi(6, 6.0, 0.25, cohorts=2000) < 0.035
    with pytest.raises(EndomtorError, match="expected at least 2 in each group"):
        power_of_phi(1, 2.0, 0.75)
