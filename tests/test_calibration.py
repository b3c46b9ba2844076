"""Calibration: the plan, the counting, the Monte Carlo limits, and the cohorts themselves."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from endomtor import calibration
from endomtor.calibration import cohorts, rates, run
from endomtor.calibration.plan import read
from endomtor.claims import catalogue, cautions, verdicts
from endomtor.errors import WorldError

PLAN = calibration.load()


# --- the plan ---


def test_the_plan_covers_all_worlds_and_the_strained_designs():
    from endomtor import worlds

    names = {one.name for one in PLAN.scenarios}
    assert set(worlds.names()) <= names
    assert {"smallest", "edge", "three", "unequal", "spread", "tails", "alike", "shared"} <= names
    assert (PLAN.joint, PLAN.false_support, PLAN.coverage) == (0.99, 0.025, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in PLAN.scenarios])
def test_each_scenario_can_be_drawn(name):
    scenario = PLAN.scenario(name)
    answers, _ = cohorts.cohort(scenario, PLAN.seed, "tables")
    assert {"C1", "C2", "C3", "C5"} <= {row["id"] for row in answers}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("joint = 0.99\n", ""), "key 'joint' is missing"),
        (lambda text: text.replace("joint =", "join ="), "unknown key 'join'"),
        (lambda text: text.replace('name = "toxic"', 'name = "null"'), "scenario 'null' occurs twice"),
        (lambda text: text.replace('parts = ["tables", ', 'parts = ["table", '), "has the part 'table'"),
        (lambda text: text + "[[", "cannot be read as TOML"),
    ],
)
def test_a_broken_plan_is_refused(tmp_path, change, message):
    from endomtor import paths

    path = tmp_path / "calibration.toml"
    path.write_text(change((paths.data() / "calibration.toml").read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(WorldError, match=message):
        read(path)


def test_an_unknown_scenario_is_named():
    with pytest.raises(WorldError, match="no scenario 'nul'"):
        calibration.calibrate(1, scenarios=["nul"])


# --- what is true ---


@pytest.mark.parametrize(
    ("scenario", "prediction", "truth"),
    [
        ("null", "C1.signaling.pS6_S235_236", rates.NULL),
        ("null", "C3.marrow.HSC", rates.NULL),
        ("edge", "C3.marrow.HSC", rates.NULL),
        ("edge", "C3.limiting_dilution.HSC", rates.NULL),
        ("alike", "C3.limiting_dilution.WBM", rates.NULL),
        ("smallest", "C3.cells.gH2AX_foci", rates.TRUE),
        ("smallest", "C1.signaling.pAKT_S473", rates.TRUE),
        ("smallest", "C2.blood.platelets", rates.TRUE),
        ("opposite", "C2.blood.platelets", rates.NULL),
        ("confounded", "C3.marrow.HSC", rates.UNDEFINED),
    ],
)
def test_truth_of_a_prediction(scenario, prediction, truth):
    assert rates.truth_of(PLAN.scenario(scenario).drawn_from(), catalogue.load().rule(prediction))[1] == truth


def test_at_the_edge_phi_is_just_at_the_smallest():
    world = PLAN.scenario("edge").drawn_from()
    for claim in catalogue.load().claims:
        for rule in claim.evidence:
            if rule.rule == "phi" and rule.kind == "prediction" and not rule.id.endswith("*"):
                value = world.value(rule.id)
                # The scale of analysis of cells and dilutions bends it a little.
                assert 0.244 < value <= 0.25, rule.id


# --- counting ---


def answers(words, **numbers):
    columns = {"seed": range(len(words)), "id": "C3.marrow.HSC", "estimate": 0.3, "low": 0.0, "high": 1.0}
    return pd.DataFrame({**columns, "kind": "bounded", "word": words, "reason": "", **numbers})


def test_false_support_and_coverage_are_counted_over_testable_cohorts():
    words = [verdicts.SUPPORTED, verdicts.INCONCLUSIVE, verdicts.CONTRADICTED, verdicts.NOT_TESTABLE]
    table = rates.tabulate(answers(words, low=[0.3, 0.1, -1.0, 0.0]), PLAN, PLAN.scenario("edge"), "tables")
    counted = table.set_index("measure")[["count", "of"]].to_numpy().tolist()
    assert dict(zip(table["measure"], counted, strict=True)) == {
        rates.FALSE_SUPPORT: [1, 3],
        rates.COVERAGE: [2, 3],
    }


def test_support_of_a_true_prediction_is_power_and_its_contradiction_an_error():
    words = [verdicts.SUPPORTED, verdicts.CONTRADICTED]
    table = rates.tabulate(answers(words), PLAN, PLAN.scenario("paper"), "tables").set_index("measure")
    assert table["count"].to_dict() == {rates.POWER: 1, rates.FALSE_CONTRADICTION: 1, rates.COVERAGE: 2}


@pytest.mark.parametrize(
    ("kind", "low", "high", "covered"),
    [
        ("bounded", 0.2, 0.3, True),
        ("bounded", 0.26, 0.3, False),
        ("upper_unbounded", 0.2, np.nan, True),
        ("lower_unbounded", np.nan, 0.2, False),
        ("whole_line", np.nan, np.nan, True),
        ("two_piece", 0.3, 0.4, True),
        ("two_piece", 0.2, 0.4, False),
    ],
)
def test_coverage_of_each_form_of_set(kind, low, high, covered):
    rows = pd.DataFrame({"kind": [kind], "low": [low], "high": [high]})
    assert rates._covered(rows, 0.25).tolist() == [covered]


def test_a_claim_is_false_when_too_few_effects_exist():
    words = [verdicts.SUPPORTED] * 2 + [verdicts.INCONCLUSIVE] * 8
    rows = pd.DataFrame({"seed": range(10), "id": "C2", "word": words, "reason": ""})
    edge = rates.tabulate(rows, PLAN, PLAN.scenario("edge"), "tables")
    assert edge[["id", "measure", "rate", "nominal"]].to_numpy().tolist() == [["C2", rates.FALSE_SUPPORT, 0.2, 0.025]]
    paper = rates.tabulate(rows, PLAN, PLAN.scenario("paper"), "tables")
    assert paper["measure"].tolist() == [rates.POWER, rates.FALSE_CONTRADICTION]


def test_a_small_effect_must_not_be_said_to_go_the_other_way(monkeypatch):
    """Between nothing and the smallest of interest: "too small to matter" is right, "opposite" is wrong."""
    monkeypatch.setattr(rates, "truth_of", lambda world, rule: (0.1, rates.BETWEEN))
    rows = answers([verdicts.CONTRADICTED] * 3 + [verdicts.SUPPORTED])
    rows["reason"] = [verdicts.OPPOSITE, verdicts.EQUIVALENT, verdicts.EQUIVALENT, verdicts.EFFECT]
    table = rates.tabulate(rows, PLAN, PLAN.scenario("edge"), "tables").set_index("measure")
    assert table["count"].to_dict() == {rates.FALSE_CONTRADICTION: 1, rates.COVERAGE: 4}
    assert table.loc[rates.FALSE_CONTRADICTION, "nominal"] == PLAN.false_support


def test_the_grid_counts_claims_in_the_words_of_the_world():
    words = [verdicts.RECOVERED] * 3 + [verdicts.MISSED]
    rows = pd.DataFrame({"seed": range(4), "id": "C2", "word": "x", "reason": "", "world_word": words})
    other = answers([verdicts.SUPPORTED]).assign(world_word=None)
    table = rates.grid(pd.concat([rows, other]), PLAN.scenario("paper"))
    assert table.to_numpy().tolist() == [["paper", "C2", "missed", 1], ["paper", "C2", "recovered", 3]]


def table_of(count, of, nominal, measure=rates.FALSE_SUPPORT):
    count = np.atleast_1d(count)
    frame = pd.DataFrame(
        {"count": count, "of": of, "drawn": of, "nominal": nominal, "measure": measure, "scenario": "edge"}
    )
    return rates._with_rates(frame.assign(part="tables", id="x", planted=0.0))


@pytest.mark.slow
def test_no_row_lies_beyond_its_limit_with_the_joint_probability():
    rng = np.random.default_rng(1)
    beyond = 0
    for _ in range(2000):
        table = table_of(rng.binomial(1000, 0.025, 40), 1000, 0.025)
        beyond += (rates.judged(table, PLAN)["judgement"] == rates.BEYOND).any()
    # One side of a two-sided 1 %: at most 0.5 % of runs; 24 is the 99.9 % limit of 2000 such runs.
    assert beyond <= 24


def test_limits_lie_on_the_bad_side_of_each_measure():
    words = [
        rates.judged(table_of(count, 1000, nominal, measure), PLAN)["judgement"].item()
        for count, nominal, measure in (
            (25, 0.025, rates.FALSE_SUPPORT),
            (60, 0.025, rates.FALSE_SUPPORT),
            (0, 0.025, rates.FALSE_SUPPORT),
            (950, 0.95, rates.COVERAGE),
            (900, 0.95, rates.COVERAGE),
            (999, 0.95, rates.COVERAGE),
            (900, np.nan, rates.POWER),
        )
    ]
    holds, beyond, careful = rates.HOLDS, rates.BEYOND, rates.CONSERVATIVE
    assert words == [holds, beyond, careful, holds, beyond, careful, rates.NO_LEVEL]


def test_limits_of_a_rate_are_clopper_and_pearsons():
    row = table_of(7, 60, 0.05).iloc[0]
    interval = stats.binomtest(7, 60).proportion_ci(0.95, method="exact")
    assert [row["low"], row["high"]] == pytest.approx([interval.low, interval.high])
    assert table_of(0, 60, 0.05)["low"].item() == 0
    assert table_of(60, 60, 0.05)["high"].item() == 1


def test_illness_without_caution_is_counted_over_cohorts_with_both_parts():
    claim = answers([verdicts.SUPPORTED, verdicts.SUPPORTED, verdicts.INCONCLUSIVE, verdicts.SUPPORTED], id="C3")
    score = answers([verdicts.SUPPORTED, verdicts.INCONCLUSIVE, verdicts.INCONCLUSIVE], low=[0.1, -0.1, -0.1])
    both = pd.concat([claim, score.assign(id=cautions.INFLAMMATION)])
    table = rates.uncautioned(both, PLAN.scenario("inflamed"))
    assert table[["id", "measure", "count", "of"]].to_numpy().tolist() == [["C3", rates.UNCAUTIONED, 1, 3]]
    assert rates.uncautioned(both, PLAN.scenario("bystander")).empty


# --- cohorts ---


def test_a_biased_scenario_has_no_level():
    table = table_of(500, 1000, 0.025).assign(scenario="survivor")
    assert rates.judged(table, PLAN)["judgement"].tolist() == [rates.NO_LEVEL]


@pytest.mark.slow
def test_the_command_writes_every_rate(tmp_path):
    out = tmp_path / "rates.csv"
    command = [str(Path(sys.executable).with_name("endomtor")), "calibrate", "--cohorts", "2", "--jobs", "1"]
    command += ["--scenario", "null", "--part", "tables", "--out", str(out)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    table = pd.read_csv(out, keep_default_na=False, na_values=[""])
    assert tuple(table.columns) == rates.COLUMNS
    assert set(table["scenario"]) == {"null"}
    assert "rates lie beyond their limit" in ran.stdout


@pytest.mark.parametrize("part", ["tables", "expression"])
def test_a_cohort_says_what_the_chapters_say(built_book, part):
    """The same world and seed through the notebooks and through calibration: one evidence."""
    from endomtor import worlds
    from endomtor.analyses.judge import Judge

    evidence = {}
    for path in sorted((built_book / "evidence").glob("*.json")):
        evidence |= {one["id"]: one for one in json.loads(path.read_text(encoding="utf-8"))}
    world = worlds.load("paper")
    names = cohorts.tables_of(part) + (("exclusions",) if part == "tables" else ())
    records = Judge(worlds.dataset(world, 1, tables=worlds.simulate_tables(world, 1, names))).records()
    assert records
    for record in records:
        written = evidence[record.id]
        assert record.verdict == written["verdict"], record.id
        assert record.n == written["n"], record.id
        # The book reads its tables from files with six digits.
        numbers = [(getattr(record, key), written[key]) for key in ("estimate", "ci_low", "ci_high")]
        for ours, theirs in numbers:
            assert (ours is None) == (theirs is None), record.id
            assert ours is None or ours == pytest.approx(theirs, rel=1e-3, abs=1e-3), record.id


@pytest.mark.slow
def test_a_run_is_the_same_whatever_the_number_of_processes():
    one, two = (calibration.calibrate(5, scenarios=["edge"], parts=["tables"], jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(one.bias, two.bias)
    assert one.about["cohorts"] == {"tables": 5}


# --- the frozen rates ---


def test_a_smaller_run_agrees_with_the_frozen_rates():
    small = calibration.calibrate(12, scenarios=["edge"], parts=["tables"], jobs=1)
    odd = calibration.disagreements(small, calibration.frozen())
    assert odd.empty, odd.to_string()


def test_no_level_of_the_frozen_run_is_missed():
    frozen = calibration.frozen()
    beyond = frozen.table[(frozen.table["judgement"] == rates.BEYOND) & (frozen.table["part"] != "courses")]
    assert beyond.empty, beyond.to_string()


def test_mixed_models_miss_theirs_only_where_aged_units_vary_more():
    """They pool the variance between units over groups; they are secondary, and the page says so."""
    table = calibration.frozen().table
    courses = table[(table["part"] == "courses") & (table["judgement"] == rates.BEYOND)]
    assert set(courses["scenario"]) <= {"spread"}


def test_the_wrong_analyses_visibly_miss_theirs():
    table = calibration.frozen().table.set_index(["id", "measure"])["rate"]
    wrong = table.xs("wrong", level="measure")
    assert len(wrong) >= 6
    assert (wrong > 0.09).all(), wrong.to_string()
    assert (table.xs("right", level="measure") < 0.065).all()


def test_other_rates_are_told_from_the_frozen_ones():
    frozen = calibration.frozen()
    assert calibration.disagreements(frozen, frozen).empty
    moved = frozen.table.copy()
    row = moved["measure"].eq(rates.COVERAGE).idxmax()
    moved.loc[row, "count"] = int(0.8 * moved.loc[row, "of"])
    odd = calibration.disagreements(replace(frozen, table=moved), frozen)
    assert odd["id"].tolist() == [moved.loc[row, "id"]]
    extra = pd.concat([frozen.table, frozen.table.tail(1).assign(id="C9.x")])
    odd = calibration.disagreements(replace(frozen, table=extra), frozen)
    assert odd["id"].tolist() == ["C9.x"]


def test_freezing_and_reading_give_the_same_rates(tmp_path, monkeypatch):
    from endomtor import paths

    frozen = calibration.frozen()
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    calibration.freeze(frozen)
    again = calibration.frozen()
    pd.testing.assert_frame_equal(again.table, frozen.table)
    pd.testing.assert_frame_equal(again.bias, frozen.bias)
    pd.testing.assert_frame_equal(again.grid, frozen.grid)
    pd.testing.assert_frame_equal(again.slice, frozen.slice)
    assert again.about == frozen.about


def test_a_slice_of_other_code_is_told_from_the_frozen_one():
    kept = calibration.frozen().slice
    assert calibration.moved(kept, kept).empty
    assert calibration.moved(kept[kept["seed"] == PLAN.seed], kept).empty
    for column, value in (("estimate", 1.0), ("word", "no such word")):
        other = kept.copy()
        other.loc[3, column] = value
        assert calibration.moved(other, kept)["id"].tolist() == [kept.loc[3, "id"]]
    assert calibration.moved(kept.drop(index=3), kept)["id"].tolist() == [kept.loc[3, "id"]]


def test_the_slice_is_that_of_the_code():
    """What chapter 07 says of the frozen rates: they are older than the code where this fails."""
    frozen = calibration.frozen()
    again = calibration.calibrate(2, scenarios=[run.SLICE_SCENARIO], parts=["tables"])
    assert calibration.moved(again.slice, frozen.slice).empty
    assert set(frozen.slice["seed"]) == set(range(PLAN.seed, PLAN.seed + run.SLICE_COHORTS))


@pytest.mark.slow
def test_in_a_thousand_null_cohorts_no_level_is_missed():
    found = calibration.calibrate(1000, scenarios=["null", "edge"], parts=["tables"], jobs=2)
    beyond = found.table[found.table["judgement"] == rates.BEYOND]
    assert beyond.empty, beyond.to_string()
