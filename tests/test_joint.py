"""The joint test of one phi: calibration, power, invariances, and what it refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from endomtor import worlds
from endomtor.errors import EndomtorError, UnitError
from endomtor.stats import phi
from endomtor.stats.joint import JointTable, joint_phi

SD = {"young": 1.0, "aged": 1.5, "control": 1.0, "ecko": 1.2}


def cohort(rng, truth, *, sizes=(8, 3, 2), n=8, aging=3.0, correlation=0.3, shared=False, missing=0.0):
    """Tables of `sizes` endpoints, n units a group, and declared directions; `truth` is phi of all or of each."""
    truth = np.broadcast_to(truth, sum(sizes))
    groups = [group for group in SD if not (shared and group == "control")]
    tables, start = {}, 0
    for place, k in enumerate(sizes):
        means = {"aged": np.full(k, aging), "ecko": aging * truth[start : start + k]}
        parts = []
        for group in groups:
            noise = np.sqrt(correlation) * rng.normal(size=(n, 1)) + np.sqrt(1 - correlation) * rng.normal(size=(n, k))
            value = means.get(group, np.zeros(k)) + SD[group] * noise
            value[rng.random(value.shape) < missing] = np.nan
            units = [f"{place}{group}{i}" for i in range(n)]
            ids = [f"e{start + j:02d}" for j in range(k)]
            parts.append(
                pd.DataFrame(
                    {"animal": np.repeat(units, k), "group": group, "id": np.tile(ids, n), "value": value.ravel()}
                )
            )
        tables[f"table{place}"] = JointTable(pd.concat(parts, ignore_index=True), "animal")
        start += k
    return tables, {f"e{j:02d}": "greater" for j in range(start)}


def changed(tables, how):
    return {name: replace(table, frame=how(table.frame)) for name, table in tables.items()}


@pytest.fixture(scope="module")
def example():
    return cohort(np.random.default_rng(5), 0.5, sizes=(4, 2), missing=0.03)


@pytest.mark.slow
def test_one_phi_is_rejected_as_often_as_declared_and_covered_by_its_interval():
    rejected, covered, runs = 0, 0, 200
    for run in range(runs):
        truth = (0.0, 0.5, 0.75)[run % 3]
        tables, direction = cohort(np.random.default_rng([11, run]), truth)
        found = joint_phi(tables, direction=direction, bootstrap=99, seed=run)
        rejected += found.p <= 0.05
        covered += found.ci_low <= truth <= found.ci_high
    low, high = stats.binom.ppf([0.005, 0.995], runs, 0.05)
    assert low <= rejected <= high
    assert low <= runs - covered <= high


@pytest.mark.parametrize("shared", [False, True])
def test_two_phis_are_told_apart(shared):
    truth = np.where(np.arange(13) < 6, 0.2, 1.0)
    p = []
    for run in range(8):
        tables, direction = cohort(np.random.default_rng([12, run]), truth, shared=shared)
        p.append(joint_phi(tables, direction=direction, bootstrap=199, seed=run).p)
    assert np.mean(np.array(p) <= 0.05) >= 0.75


@pytest.mark.slow
def test_a_shared_control_enters_the_covariance():
    p = []
    for run in range(60):
        # At phi = 1 the young cancel; taken for two independent groups they would hide every difference.
        tables, direction = cohort(np.random.default_rng([13, run]), 1.0, sizes=(3, 2), shared=True)
        found = joint_phi(tables, direction=direction, bootstrap=99, seed=run)
        p.append(found.p)
    assert any("young stands in for control in table0 and table1" in text for text in found.warnings)
    assert found.n["table0"] == {"young": 8, "aged": 8, "ecko": 8}
    p = np.array(p)
    low, high = stats.binom.ppf([0.005, 0.995], len(p), 0.05)
    assert low <= (p <= 0.05).sum() <= high
    assert 0.35 < np.median(p) < 0.75


def test_the_statistic_is_the_distance_of_the_design_where_correlations_play_no_part():
    """Two endpoints of two tables: V is diagonal, so the formula can be written from group means alone."""
    tables, direction = cohort(np.random.default_rng(3), [0.3, 0.9], sizes=(1, 1))
    found = joint_phi(tables, direction=direction, bootstrap=99)

    summaries = []
    for table in tables.values():
        by = table.frame.groupby("group")["value"]
        summaries.append((by.mean().to_dict(), (by.var() / by.size()).to_dict()))

    def terms(at):
        for m, v in summaries:
            w = (m["ecko"] - m["control"]) - at * (m["aged"] - m["young"])
            yield w / np.sqrt(v["ecko"] + v["control"] + at**2 * (v["aged"] + v["young"]))

    grid = np.linspace(found.phi - 0.5, found.phi + 0.5, 2001)
    distances = [sum(term**2 for term in terms(at)) for at in grid]
    assert found.statistic == pytest.approx(min(distances), abs=1e-5)
    assert grid[np.argmin(distances)] == pytest.approx(found.phi, abs=1e-3)
    assert list(found.residuals.values()) == pytest.approx(list(terms(found.phi)), rel=1e-6)
    assert found.df == 1


def test_one_endpoint_gives_a_fieller_set_and_no_p():
    tables, direction = cohort(np.random.default_rng(7), 0.5, sizes=(1,))
    found = joint_phi(tables, direction=direction, bootstrap=4000)
    alone = phi(tables["table0"].frame, value="value", group="group", unit="animal", direction="greater")
    assert found.withheld.startswith("Only one endpoint")
    assert np.isnan(found.p)
    assert found.phi == pytest.approx(alone.estimate, rel=1e-6)
    assert found.ci_low < alone.estimate < found.ci_high
    assert (found.ci_low, found.ci_high) == pytest.approx((alone.ci_low, alone.ci_high), abs=0.03)


@given(
    factor=st.floats(1e-6, 1e6), shift=st.floats(-10, 10), endpoint=st.integers(0, 5), seed=st.integers(0, 2**32 - 1)
)
@settings(max_examples=8, deadline=None)
def test_scale_origin_and_order_do_not_matter(example, factor, shift, endpoint, seed):
    tables, direction = example

    def how(frame):
        own = frame["id"] == f"e{endpoint:02d}"
        frame = frame.assign(value=frame["value"].mask(own, factor * (frame["value"] + shift)))
        return frame.sample(frac=1, random_state=seed)

    before = joint_phi(tables, direction=direction, bootstrap=99)
    after = joint_phi(dict(reversed(changed(tables, how).items())), direction=direction, bootstrap=99)
    assert (after.phi, after.statistic) == pytest.approx((before.phi, before.statistic), rel=1e-5)
    # A replicate may lie as far from one phi as the data do, to rounding.
    assert after.p == pytest.approx(before.p, abs=0.011)
    assert (after.ci_low, after.ci_high) == pytest.approx((before.ci_low, before.ci_high), rel=1e-4)
    assert after.endpoints == before.endpoints


def test_names_and_a_change_of_sign_do_not_matter(example):
    tables, direction = example
    before = joint_phi(tables, direction=direction)

    def how(frame):
        sign = np.where(frame["id"] == "e01", -1.0, 1.0)
        return frame.assign(
            animal="x" + frame["animal"].str[::-1], id=frame["id"].str[::-1], value=sign * frame["value"]
        )

    new = {name[::-1]: "less" if name == "e01" else way for name, way in direction.items()}
    after = joint_phi(changed(tables, how), direction=new)
    assert (after.phi, after.statistic) == pytest.approx((before.phi, before.statistic), rel=1e-6)
    assert after.p == pytest.approx(before.p, abs=0.06)


def test_the_seed_decides(example):
    tables, direction = example
    first, again, other = (joint_phi(tables, direction=direction, bootstrap=499, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.p != other.p
    assert first.statistic == other.statistic


def test_endpoints_are_left_out_with_a_reason():
    tables, direction = cohort(np.random.default_rng(21), 0.5, sizes=(5, 3))
    frame = tables["table0"].frame
    value = frame["value"].mask((frame["id"] == "e01") & (frame["group"] == "aged"), frame["value"] - 3)
    frame = frame.assign(value=value)
    frame = frame[~((frame["id"] == "e02") & (frame["group"] == "aged"))]
    frame = frame[~((frame["id"] == "e03") & (frame["group"] == "ecko"))]
    tables["table0"] = replace(tables["table0"], frame=frame)
    direction["e05"] = "less"
    flat = tables["table1"].frame
    still = (flat["id"] == "e07") & flat["group"].isin(["control", "ecko"])
    tables["table1"] = replace(tables["table1"], frame=flat.assign(value=flat["value"].mask(still, 1.5)))
    found = joint_phi(tables, direction=direction, bootstrap=99)
    assert found.endpoints == ("e00", "e04", "e06")
    assert list(found.left_out) == ["e01", "e02", "e03", "e05", "e07"]
    assert "No aging effect seen" in found.left_out["e01"]
    assert "no aged" in found.left_out["e02"]
    assert "no ecko" in found.left_out["e03"]
    assert "declared less" in found.left_out["e05"]
    assert "no spread" in found.left_out["e07"]
    assert found.withheld == ""

    nothing = joint_phi(tables, direction=dict.fromkeys(direction, "less"), bootstrap=99)
    assert nothing.withheld.startswith("No endpoint")
    assert np.isnan(nothing.phi)
    assert nothing.n == {}


def test_tables_with_common_units_are_one_experiment():
    """Nearly copied endpoints say one thing twice; taken for independent they would say it with twice the weight."""
    tables, direction = cohort(np.random.default_rng(31), [0.2, 0.9], sizes=(2,))
    frame = tables["table0"].frame
    noise = np.random.default_rng(32).normal(0, 0.2, len(frame))
    copied = frame.assign(id="copy of " + frame["id"], value=frame["value"] + noise)
    elsewhere = copied.assign(animal="other " + copied["animal"])
    direction |= {"copy of e00": "greater", "copy of e01": "greater"}
    same = joint_phi({**tables, "again": JointTable(copied, "animal")}, direction=direction, bootstrap=199)
    apart = joint_phi({**tables, "again": JointTable(elsewhere, "animal")}, direction=direction, bootstrap=199)
    assert same.warnings[0] == "again and table0 have units in common and are taken as one experiment"
    assert not any("in common" in text for text in apart.warnings)
    once = joint_phi(tables, direction=direction, bootstrap=199)
    assert apart.statistic > 1.8 * once.statistic
    assert same.statistic < 1.4 * once.statistic


def test_a_block_is_taken_off():
    rng = np.random.default_rng(41)
    tables, direction = cohort(rng, 0.5, sizes=(4,))
    frame = tables["table0"].frame
    batch = frame["animal"].str[-1].astype(int) % 2
    shifted = frame.assign(value=frame["value"] + 20 * batch, batch=batch.map({0: "a", 1: "b"}))
    table = JointTable(shifted, "animal", block="batch")
    found = joint_phi({"t": table}, direction=direction, bootstrap=199)
    plain = joint_phi(
        {"t": replace(table, frame=shifted.assign(value=frame["value"]))}, direction=direction, bootstrap=199
    )
    assert len(found.endpoints) == 4
    assert (found.phi, found.statistic, found.p) == pytest.approx((plain.phi, plain.statistic, plain.p), rel=1e-5)
    blind = joint_phi({"t": replace(table, block=None)}, direction=direction, bootstrap=99)
    assert blind.endpoints == ()


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 5), missing=st.floats(0, 0.3))
@settings(max_examples=12, deadline=None)
def test_gaps_and_more_endpoints_than_units_leave_a_finite_answer(seed, n, missing):
    tables, direction = cohort(np.random.default_rng(seed), 0.5, sizes=(9, 2), n=n, aging=12, missing=missing)
    found = joint_phi(tables, direction=direction, bootstrap=99)
    assert set(found.endpoints) | set(found.left_out) == set(direction)
    if not found.withheld:
        assert 0 < found.p <= 1
        assert found.statistic >= 0
        assert np.isfinite(list(found.residuals.values())).all()
        assert found.ci_low <= found.phi <= found.ci_high


@pytest.mark.parametrize(("world", "one_phi"), [("paper", True), ("toxic", False)])
def test_worlds_answer_as_they_were_made(world, one_phi):
    """In the toxic world the knock-out lowers platelets, which age raises, and leaves other aging alone."""
    drawn = worlds.simulate_tables(world, 1, ["ecko_blood", "ecko_marrow"])
    counts = drawn["ecko_blood"]
    counts = counts.assign(id="platelets", value=np.log2(counts["platelets"])).dropna(subset=["value"])
    marrow = drawn["ecko_marrow"]
    marrow = marrow[marrow["unit"] == marrow.groupby("population")["unit"].transform("min")]
    marrow = marrow.assign(id=marrow["population"], value=np.log2(marrow["value"]))
    tables = {"blood": JointTable(counts, "animal", "batch"), "marrow": JointTable(marrow, "animal", "batch")}
    direction = dict.fromkeys(["platelets", *marrow["id"]], "either")
    found = joint_phi(tables, direction=direction, bootstrap=999)
    assert (found.p > 0.05) == one_phi
    assert any("do not share one phi" in text for text in found.warnings) != one_phi
    if not one_phi:
        assert max(found.residuals, key=lambda name: abs(found.residuals[name])) == "platelets"


def test_wrong_input_is_one_sentence(example):
    tables, direction = example
    doubled = changed(tables, lambda frame: pd.concat([frame, frame[frame["id"] == frame["id"].iat[0]]]))
    with pytest.raises(UnitError, match="'animal' repeats"):
        joint_phi(doubled, direction=direction)
    frame = tables["table0"].frame
    moved = frame.assign(group=frame["group"].mask((frame["animal"] == "0young0") & (frame["id"] == "e01"), "aged"))
    with pytest.raises(UnitError, match="'0young0' of table0 is in 2 groups"):
        joint_phi({"table0": replace(tables["table0"], frame=moved)}, direction=direction)
    with pytest.raises(EndomtorError, match="'e03' of table0 has no declared direction"):
        joint_phi(tables, direction={name: way for name, way in direction.items() if name != "e03"})
    with pytest.raises(EndomtorError, match="'e00' is in again and in table0"):
        joint_phi({**tables, "again": tables["table0"]}, direction=direction)
    with pytest.raises(EndomtorError, match="expected at least 99"):
        joint_phi(tables, direction=direction, bootstrap=10)
    with pytest.raises(EndomtorError, match="level is 95"):
        joint_phi(tables, direction=direction, level=95)
    with pytest.raises(ValueError, match="the column 'value' is not in the table, did you mean 'values'"):
        joint_phi(changed(tables, lambda frame: frame.rename(columns={"value": "values"})), direction=direction)
    with pytest.raises(UnitError, match="'animal' that names the experimental unit"):
        joint_phi(changed(tables, lambda frame: frame.drop(columns="animal")), direction=direction)
    with pytest.raises(ValueError, match=r"holds text \('n.d.'\)"):
        joint_phi(changed(tables, lambda frame: frame.assign(value="n.d.")), direction=direction)


def test_unused_categories_are_no_endpoints_and_size_does_not_matter(example):
    tables, direction = example
    expected = joint_phi(tables, direction=direction, bootstrap=99)
    wide = changed(tables, lambda frame: frame.assign(id=pd.Categorical(frame["id"], [*sorted(direction), "unused"])))
    assert joint_phi(wide, direction=direction, bootstrap=99) == expected
    huge = changed(tables, lambda frame: frame.assign(value=frame["value"] * 2.0**660))
    assert joint_phi(huge, direction=direction, bootstrap=99) == expected
