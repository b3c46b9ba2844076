"""The nine worlds: strict files, deterministic draws, planted moments, nesting, and the truth that follows."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logit

from conftest import some_quick
from endomtor import contract, paths, public, worlds
from endomtor.analyses import ecko_phenotypes, mtor_decline, rapamycin, transcriptome
from endomtor.analyses.judge import Judge
from endomtor.claims import catalogue
from endomtor.claims.cautions import INFLAMMATION
from endomtor.contract import TABLES
from endomtor.errors import WorldError
from endomtor.public import aging_cohorts
from endomtor.public import blood as do_blood
from endomtor.views import boxes, pages
from endomtor.worlds import expression, tabular
from endomtor.worlds.simulation import EXPRESSION

NINE = ("bystander", "confounded", "inflamed", "intrinsic", "null", "opposite", "paper", "survivor", "toxic")
SOME_QUICK = some_quick(NINE, ("null", "paper"))
FOLDER = paths.data() / "worlds"


@pytest.fixture(scope="module")
def paper():
    return worlds.load("paper")


@pytest.fixture(scope="module")
def cohorts(paper):
    """Many cohorts of `paper`, table by table, with their seed."""
    drawn = [worlds.tables(paper, seed) for seed in range(150)]
    return {name: pd.concat([one[name].assign(seed=i) for i, one in enumerate(drawn)]) for name in worlds.TABULAR}


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """A book of its own, whose world files a test may spoil."""
    (tmp_path / "_toc.yml").write_text("")
    shutil.copytree(FOLDER, tmp_path / "data" / "worlds")
    shutil.copy(paths.data() / "claims.toml", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "worlds"


def test_the_nine_worlds_of_the_design_are_there():
    assert set(NINE) <= set(worlds.names())
    assert [worlds.load(name).name for name in NINE] == list(NINE)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.toml")), ids=lambda path: path.stem)
def test_every_number_has_a_source_or_is_an_assumption(path):
    found = []

    def walk(table):
        for value in table.values():
            if isinstance(value, dict):
                walk(value)
            elif isinstance(value, list) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
                found.append(value)
                assert table.get("assumption") is True or table.get("source", "").strip(), table

    walk(tomllib.loads(path.read_text(encoding="utf-8")))
    assert found


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("paper.toml", "rapamycin = 1.0\n", "", "key 'rapamycin' is missing"),
        ("paper.toml", "rapamycin = 1.0", 'rapamycin = "full"', "rapamycin: is 'full', expected a number"),
        ("paper.toml", "rapamycin = 1.0", "rapamycin = true", "rapamycin: is True, expected a number"),
        ("paper.toml", "rapamycin = 1.0", "rapamycin = nan", "rapamycin is nan, expected a finite number"),
        ("paper.toml", "bmec_mtor = 0.6", "bmec_mtor = 0.0", "bmec_mtor is 0, expected a ratio above 0"),
        ("paper.toml", "assumption = true", "assumption = false", "assumption is False, expected true"),
        ("paper.toml", "assumption = true", 'source = " "', "source is ' ', expected a sentence"),
        ("paper.toml", 'name = "paper"', 'name = "papier"', "name is 'papier', expected 'paper'"),
        ("toxic.toml", '"marrow.HSC"', '"marow.HSC"', "unknown endpoint 'marow.HSC' \\(did you mean 'marrow.HSC'"),
        (
            "toxic.toml",
            "[endpoints.marrow.HSC]",
            "[endpoints.marrow.HSCs]",
            "unknown table 'HSCs' \\(did you mean 'HSC'",
        ),
        ("null.toml", "BMEC = 0.01", "BMECs = 0.01", "unknown key 'BMECs' \\(did you mean 'BMEC'\\?\\)"),
        ("null.toml", "BMEC = 0.01", "BMEC = 1.5", "BMEC is 1.5, expected a share from 0 to 1"),
        ("confounded.toml", 'ecko = "sex"', 'ecko = "litter"', "confounding.ecko is 'litter', expected batch or sex"),
        ("common/endpoints.toml", "sd = 0.3\n", "sd = -0.3\n", "sd is -0.3, expected at least 0"),
        ("common/endpoints.toml", "blood_animals = 8", "blood_animals = 8.5", "is 8.5, expected an integer"),
        ("common/endpoints.toml", "blood_animals = 8", "blood_animals = 0", "is 0, expected at least 1"),
        ("common/endpoints.toml", "transplant_passages = 3", "transplant_passages = 4", "one for each of 4 passages"),
        ("common/endpoints.toml", "[4, 8, 12, 16]", "[4, 8.5]", "expected a list of integers"),
        ("common/endpoints.toml", "doses = [3, 10, 30, 90]", "doses = [0, 10]", "doses is 0, expected a number above"),
    ],
)
def test_a_faulty_file_is_refused_in_one_sentence(own_folder, file, old, new, message):
    text = (own_folder / file).read_text()
    assert old in text
    (own_folder / file).write_text(text.replace(old, new, 1))
    world = file.removesuffix(".toml") if "/" not in file else "paper"
    with pytest.raises(WorldError, match=message) as caught:
        worlds.load(world)
    assert "\n" not in str(caught.value).split("(at line")[0]


def test_changes_are_laid_over_a_world(paper):
    changes = {
        "phenocopy": 0.25,
        "toxicity": {"marrow.HSC": 1.0},
        "phenocopy_by_endpoint": {"cells.polarity": 0.0},
        "endpoints": {"design": {"signaling_animals": 3}, "spread": {"tails": 3.0}, "marrow": {"MEP": {"aging": 1.0}}},
    }
    world = worlds.load("paper", changes)
    assert (world.name, world.phenocopy, world.bmec_mtor) == ("paper", 0.25, paper.bmec_mtor)
    assert world.value("C3.marrow.LSK") == 0.25
    assert world.value("C3.marrow.HSC") == pytest.approx(0.25 + 0.5 / 2.32)
    assert world.value("C3.cells.polarity") == 0
    assert world.aging_effect("marrow.MEP") == 1
    assert world.endpoints.spread.tails == 3
    drawn = worlds.simulate_tables(world, 1, ["bmec_signaling"])["bmec_signaling"]
    assert drawn.groupby("group")["animal"].nunique().to_dict() == {"aged": 3, "young": 3}
    assert worlds.load("paper") is paper
    assert "changed in code" in worlds.dataset(world, 1, ["ecko_blood"]).provenance.source


def test_changes_are_laid_over_the_own_numbers_of_a_world():
    toxic = worlds.load("toxic", {"toxicity": {"marrow.HSC": 0.0}, "endpoints": {"marrow": {"HSC": {"sd": 0.1}}}})
    assert toxic.toxicity["marrow.LSK"] == 2
    assert toxic.ecko_effect("marrow.HSC") == toxic.aging_effect("marrow.HSC") == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "mine"}, "name is 'mine', expected 'paper'"),
        ({"endpoints": {"designs": {}}}, "unknown table 'designs' \\(did you mean 'design'\\?\\)"),
        ({"endpoints": {"spread": {"tail": 3}}}, "unknown key 'tail' \\(did you mean 'tails'\\?\\)"),
        ({"endpoints": {"spread": {"tails": 2}}}, "tails is 2, expected 0 or degrees of freedom above 2"),
        ({"endpoints": {"spread": {"aged_sd": 0}}}, "aged_sd is 0, expected a number above 0"),
        ({"endpoints": {"spread": {"batch": -1}}}, "batch is -1, expected at least 0"),
        ({"endpoints": {"design": {"cells_animals": 6.5}}}, "is 6.5, expected an integer"),
        ({"endpoints": 3}, "endpoints is 3, expected a table of tables"),
        ([("phenocopy", 0.2)], "expected a mapping in the shape of a world file"),
    ],
)
def test_faulty_changes_are_refused_in_one_sentence(changes, message):
    with pytest.raises(WorldError, match=message) as caught:
        worlds.load("paper", changes)
    assert "paper.toml with changes" in str(caught.value)
    assert "\n" not in str(caught.value)


def spread(paper, **changes):
    return dataclasses.replace(paper.endpoints.spread, **changes)


@given(st.floats(-6, 6), st.floats(2.1, 60))
def test_tails_are_those_of_a_t_of_variance_one(normal, df):
    one = spread(worlds.load("paper"), tails=df)
    expected = stats.t.isf(stats.norm.sf(abs(normal)), df) / np.sqrt(df / (df - 2)) * np.sign(normal)
    assert one.between(np.array([normal]))[0] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "read", "within"),
    [
        ("bmec_signaling", "mfi", ["marker"]),
        ("ecko_blood", "platelets", ["group"]),
        ("ecko_marrow", "value", ["population"]),
        ("rapamycin_marrow", "value", ["population", "treatment"]),
        ("rapamycin_blood", "value", ["analyte", "treatment", "day"]),
    ],
)
def test_aged_animals_alone_spread_more(paper, name, read, within):
    wide = worlds.load("paper", {"endpoints": {"spread": {"aged_sd": 3.0}}})
    a, b = (worlds.simulate_tables(world, 3, [name])[name] for world in (paper, wide))
    aged = (a["age_group" if "age_group" in a else "group"] == "aged").to_numpy()
    assert a[~aged].equals(b[~aged])
    before, after = (t[aged].assign(y=np.log2(t[read])).groupby(within)["y"].var().mean() for t in (a, b))
    assert after > 2.5 * before


def test_the_widest_tails_still_give_lineages_in_per_cent():
    wild = worlds.load(
        "paper", {"endpoints": {"spread": {"tails": 2.1, "aged_sd": 30.0}, "design": {"blood_animals": 200}}}
    )
    blood = worlds.simulate_tables(wild, 1, ["ecko_blood"])["ecko_blood"]
    parts = blood[["myeloid_pct", "b_pct", "t_pct", "nk_pct", "other_pct"]]
    assert (parts >= 0).all(axis=None)
    np.testing.assert_allclose(parts.sum(axis=1), 100, atol=0.02)
    assert parts["nk_pct"].max() > 60
    grafts = worlds.simulate_tables(wild, 1, ["serial_transplants"])["serial_transplants"]
    assert not (grafts[["myeloid_pct", "b_pct", "t_pct"]] < 0).any(axis=None)


def test_blood_of_the_worlds_is_that_of_single_mice(paper):
    """Spread, effect of aging and its spread come from the frozen tables of Xie et al., rounded."""
    mice = pd.concat([public.frozen_table("aging_blood"), public.frozen_table("aging_balances")])
    found = aging_cohorts.spread(mice)
    named = {"white_cells": "WBC", "platelets": "platelets", "red_cells": "RBC", "hemoglobin": "hemoglobin"}
    for trait, name in {**named, "myeloid_balance": "myeloid_balance", "lymphoid_balance": "lymphoid_balance"}.items():
        one, row = paper.endpoints.blood[name], found.loc[trait]
        assert (one.sd, one.aging) == pytest.approx((row["sd_young"], row["aging"]), abs=0.006), name
        assert one.aged_sd == pytest.approx(row["sd_aged"] / row["sd_young"], abs=0.02), name
        # One to three SD: an endpoint of blood is no sure thing in eight mice.
        assert abs(one.aging / one.sd) < 3, name
    young = mice[(mice["trait"] == "myeloid_balance") & (mice["arm"] == "untreated") & (mice["group"] == "young")]
    expected = young.groupby("cohort")["relative"].mean().mean()
    assert paper.endpoints.blood["myeloid_balance"].baseline == pytest.approx(expected, abs=0.006)


def test_sexes_differ_as_published(paper):
    one = worlds.load("paper", {"endpoints": {"spread": {"sex": 0.0}, "design": {"blood_animals": 400}}})
    blood = worlds.simulate_tables(one, 1, ["ecko_blood"])["ecko_blood"].query("group == 'young'")
    means = np.log2(blood[["WBC", "platelets", "hemoglobin"]]).groupby(blood["sex"]).mean()
    for name, value in (means.loc["M"] - means.loc["F"]).items():
        error = 2 * paper.endpoints.blood[name].sd / np.sqrt(400)
        assert value == pytest.approx(paper.endpoints.blood[name].sex, abs=4 * error)
    frozen = do_blood.effects("sex")[0].set_index("trait")["effect_sd"]
    for trait, name in (("plt", "platelets"), ("hgb", "hemoglobin"), ("rbc", "RBC"), ("n.neut", "neutrophils")):
        endpoint = paper.endpoints.blood[name]
        assert endpoint.sex / endpoint.sd == pytest.approx(frozen[trait], abs=0.03), name


def test_aged_donors_and_exposed_animals_spread_more(paper):
    wide = worlds.load("paper", {"endpoints": {"spread": {"aged_sd": 3.0}, "limiting_dilution": {"WBM": {"sd": 1.0}}}})
    donors = pd.concat(
        [worlds.simulate_tables(wide, s, ["ecko_limiting_dilution"])["ecko_limiting_dilution"] for s in range(40)]
    ).query("cell_type == 'WBM'")
    ends = donors.assign(end=donors["positive"].isin([0, 7]) & (donors["tested"] == 7)).groupby("group")["end"].mean()
    assert ends["aged"] > ends[["young", "control"]].max() + 0.1
    a, b = (worlds.simulate_tables(world, 3, ["serial_transplants"])["serial_transplants"] for world in (paper, wide))
    shared = a.merge(b, on=["recipient", "week"], suffixes=("", "_wide")).query("status == 'alive'")
    same = shared["donor_chimerism_pct"] == shared["donor_chimerism_pct_wide"]
    assert (same == (shared["niche"] != "aged")).all()


def primaries(claim: str) -> list[str]:
    found = catalogue.load().claim(claim).evidence
    return [rule.id for rule in found if rule.role == "primary" and rule.kind == "prediction"]


@pytest.mark.parametrize(
    ("world", "true"),
    [
        ("paper", {"C1", "C2", "C3", "C4", "C5"}),
        ("bystander", {"C1"}),
        ("intrinsic", {"C1", "C2"}),
        ("null", set()),
        ("toxic", {"C1", "C2"}),
        ("inflamed", {"C1", "C2"}),
        ("opposite", {"C1"}),
        ("survivor", {"C1", "C2"}),
    ],
)
def test_truth_of_each_claim_is_that_of_the_design(world, true):
    loaded = worlds.load(world)
    for claim in ("C1", "C2", "C3", "C4", "C5"):
        assert {loaded.truth(one) for one in primaries(claim)} == {claim in true}, claim


def test_illness_on_the_aging_axis_moves_what_is_estimated_and_makes_nothing_true(paper):
    """Phenocopy logic sees phi above the smallest; the claim that the mice have aged is false all the same."""
    ill = worlds.load("inflamed")
    for one in ("C3.marrow.HSC", "C3.cells.gH2AX_foci", "C3.blood.myeloid_balance"):
        assert ill.value(one) > 0.25
        assert ill.truth(one) is False
    assert ill.value("C4.transcriptome.phi") == 0
    assert ill.truth(INFLAMMATION) is True
    assert paper.truth(INFLAMMATION) is worlds.load("toxic").truth(INFLAMMATION) is False


def test_a_confounded_world_withholds_every_truth():
    world = worlds.load("confounded")
    assert {world.truth(one) for claim in ("C1", "C2", "C3", "C4", "C5") for one in primaries(claim)} == {None}


def test_truth_follows_the_parameters(paper):
    assert paper.truth("C1.signaling.pAKT_S473") is True
    assert dataclasses.replace(paper, bmec_mtor=0.9).truth("C1.signaling.pS6_S235_236") is False
    assert dataclasses.replace(paper, phenocopy=0.25).truth("C4.transcriptome.phi") is False
    assert dataclasses.replace(paper, phenocopy=0.26).truth("C4.transcriptome.phi_genes") is True
    assert dataclasses.replace(paper, niche_aging=False).truth("C5.transplant.chimerism.p2") is False
    # MEPs do not age, so nothing there can resemble the aged.
    assert paper.truth("C3.marrow.MEP") is False
    assert paper.truth("C2.blood.WBC") is True


@pytest.mark.parametrize(
    "unknown",
    ["C9.x", "C3", "C3.marrow.HSCs", "C1.signaling.pFOO", "C4.premise.LT_HSC", "C5.transplant.chimerism.p4", ""],
)
def test_truth_of_an_unknown_prediction_is_refused(paper, unknown):
    with pytest.raises(WorldError, match="World paper"):
        paper.truth(unknown)


def test_values_follow_from_the_numbers_of_the_world(paper):
    assert paper.value("C1.signaling.pS6_S235_236") == pytest.approx(np.log2(0.6))
    assert paper.value("C2.marrow.HSC") == pytest.approx(-0.95 * (1 + 1.15) / 2)
    assert paper.value("C2.marrow.HSC.aged") == pytest.approx(-0.95 * 1.15)
    reached = np.mean([1 - np.exp(-day / 7) for day in (7, 14, 21, 28)])
    assert paper.value("C2.blood.platelets.young") == pytest.approx(-0.6 * reached)
    assert paper.value("C3.blood.myeloid_balance") == paper.value("C5.transplant.chimerism.p1") == 0.75
    late = worlds.load("paper", {"endpoints": {"transplant": {"chimerism": {"by_passage": [0.0, 0.5, 1.0]}}}})
    assert late.value("C5.transplant.chimerism.p1") is None
    assert late.value("C5.transplant.chimerism") == 0.75
    before = worlds.load("paper", {"endpoints": {"design": {"rapamycin_days": [-7, 0]}}})
    assert before.value("C2.blood.platelets") is before.truth("C2.blood.platelets") is None


def test_a_phi_of_what_does_not_age_has_no_value():
    for name, prediction in (
        ("null", "C3.marrow.LSK"),
        ("toxic", "C3.marrow.HSC"),
        ("intrinsic", "C5.transplant.chimerism"),
    ):
        world = worlds.load(name)
        assert world.value(prediction) is None
        assert world.null(prediction) is True


def test_null_says_where_nothing_can_be_found(paper):
    for claim in ("C1", "C2", "C3", "C4", "C5"):
        for prediction in primaries(claim):
            assert worlds.load("null").null(prediction) is True
            assert paper.null(prediction) is False
            assert worlds.load("bystander").null(prediction) is (claim != "C1")
            assert worlds.load("opposite").null(prediction) is (claim not in ("C1", "C2"))
            assert worlds.load("confounded").value(prediction) is None
            assert worlds.load("confounded").null(prediction) is False


def test_truth_is_value_against_the_smallest_effect_of_interest(paper):
    for harm, holds in ((0.40, False), (0.44, True)):
        world = worlds.load("paper", {"rapamycin": harm})
        assert (world.value("C2.blood.platelets") <= -0.23) is holds
        assert world.truth("C2.blood.platelets") is holds
    for phenocopy, holds in ((0.25, False), (0.2501, True)):
        world = worlds.load("paper", {"phenocopy": phenocopy})
        assert {world.truth(f"C3.marrow.{name}") for name in ("HSC", "LSK", "CLP", "MPP4")} == {holds}


@pytest.fixture(scope="module")
def analysed(paper):
    """The contrasts that the analyses see, mean and standard error over cohorts of a world far from normal."""
    changes = {"spread": {"tails": 4.0, "aged_sd": 1.5}, "cells": {"gH2AX_foci": {"baseline": -0.5}}}
    world = worlds.load("paper", {"endpoints": changes})
    contrasts = {}

    def add(prediction, means, *pairs):
        contrasts.setdefault(prediction, []).append([means[a] - means[b] for a, b in pairs])

    names = ("bmec_signaling", "rapamycin_blood", "ecko_cells", "ecko_limiting_dilution", "competitive_transplants")
    for seed in range(24):
        drawn = worlds.dataset(world, seed, names)
        changes = rapamycin.change_from_baseline(rapamycin._logs(drawn.tables["rapamycin_blood"]))
        for analyte, rows in changes.groupby("analyte"):
            means = rows.groupby(["age_group", "treatment"])["value"].mean()
            for age in ("young", "aged"):
                add(f"C2.blood.{analyte}.{age}", means[age], ("rapamycin", "vehicle"))
            both = means.groupby("treatment").mean()
            add(f"C2.blood.{analyte}", both, ("rapamycin", "vehicle"))
        for marker, rows in mtor_decline.log2_signals(drawn.tables["bmec_signaling"]).groupby("marker"):
            add(f"C1.signaling.{marker}", rows.groupby("group")["value"].mean(), ("aged", "young"))
        for values in (
            ecko_phenotypes.per_animal(drawn.tables["ecko_cells"]),
            ecko_phenotypes.donors(drawn.tables["ecko_limiting_dilution"]),
            ecko_phenotypes.grafts(drawn.tables["competitive_transplants"]),
        ):
            for prediction, rows in values.groupby("id"):
                add(prediction, rows.groupby("group")["value"].mean(), ("ecko", "control"), ("aged", "young"))
    return world, {prediction: np.array(rows) for prediction, rows in contrasts.items()}


def test_values_are_what_the_analyses_estimate(analysed):
    world, contrasts = analysed
    assert {"C2.blood.WBC", "C3.cells.gH2AX_foci", "C3.limiting_dilution.HSC"} < set(contrasts)
    assert {"C3.competitive.chimerism", "C3.competitive.myeloid_balance"} < set(contrasts)
    for prediction, rows in contrasts.items():
        value = world.value(prediction)
        # Of a phi: numerator - value x denominator has mean 0.
        off = rows[:, 0] - value * (rows[:, 1] if rows.shape[1] == 2 else 1)
        error = off.std(ddof=1) / np.sqrt(len(off))
        assert abs(off.mean()) < 4 * error, (prediction, value)


@pytest.mark.parametrize("name", ["paper", "null"])
def test_without_ecko_age_alone_is_judged(name):
    """Young and aged mice, the commonest data: does age do what the claims take for granted?"""
    world = worlds.load(name)
    drawn = worlds.without(worlds.simulate_tables(world, 5, worlds.TABULAR + EXPRESSION), "control", "ecko")
    judge = Judge(worlds.dataset(world, 5, tables=drawn))
    found = {one.id: one for one in judge.records() if one.claim in ("C3", "C4")}
    assert set(found) == {*ecko_phenotypes.AGING, transcriptome.AGING}
    assert {one.verdict for one in found.values()} <= (
        {"recovered", "missed"} if name == "paper" else {"rightly silent"}
    )
    for one in found.values():
        assert one.n.keys() == {"aged", "young"}
        planted = world.value(one.id)
        slack = 0.05 + 0.3 * abs(planted)
        assert one.ci_low - slack < planted < one.ci_high + slack, one.id
    told = judge.ledger(found.values())
    claim = next(claim for claim in told["claims"] if claim["id"] == "C3")
    assert claim["prediction"]["verdict"] == "not testable here"
    for html in (boxes.ledger_html(told), boxes.verdict_html(claim, told), pages.summary_html(claim["chapter"], told)):
        assert "These data hold no ECKO mice. Of age they say:" in html
        assert "In these mice age moves the balance of the blood" in html


def test_a_scale_of_analysis_can_bend_phi(paper):
    """With few foci, ln(mean + 1/2) is flat near the young end: phi on it is below the one that was drawn."""
    few = worlds.load("paper", {"endpoints": {"cells": {"gH2AX_foci": {"baseline": -1.5}}}})
    assert few.value("C3.cells.gH2AX_foci") < paper.value("C3.cells.gH2AX_foci") - 0.03 < 0.72


def units_of(tables, name, group):
    rows = tables[name]
    return set(rows.loc[rows[TABLES[name].group] == group, TABLES[name].unit])


def test_thin_keeps_whole_units(paper):
    tables = worlds.simulate_tables(paper, 1, worlds.TABULAR + EXPRESSION)
    before = {name: table.copy() for name, table in tables.items()}
    thinned = worlds.thin(tables, {"aged": 0.5, "ecko": 0.3}, seed=4)
    assert all(tables[name].equals(before[name]) for name in worlds.TABULAR)
    assert list(thinned) == list(tables)
    for name, n in (("ecko_blood", 8), ("ecko_marrow", 8), ("ecko_cells", 6), ("serial_transplants", 10)):
        for group, share in (("aged", 0.5), ("ecko", 0.3), ("young", 1.0)):
            kept = units_of(thinned, name, group)
            assert len(kept) == max(2, np.ceil(share * n)), (name, group)
            whole = tables[name][tables[name][TABLES[name].unit].isin(kept)]
            rows = thinned[name][thinned[name][TABLES[name].unit].isin(kept)]
            pd.testing.assert_frame_equal(rows.reset_index(drop=True), whole.reset_index(drop=True))
    assert len(units_of(thinned, "ecko_limiting_dilution", "ecko")) == 2
    assert units_of(thinned, "ecko_blood", "aged") == units_of(thinned, "ecko_marrow", "aged")
    assert set(thinned["hspc_counts"].columns[1:]) == set(thinned["hspc_samples"]["sample"])
    assert thinned["bmec_cells"].obs.groupby("group", observed=True)["animal"].nunique().to_dict() == {
        "aged": 3,
        "young": 6,
    }
    arms = thinned["rapamycin_marrow"].groupby(["age_group", "treatment"])["animal"].nunique()
    assert arms.unstack().loc["aged"].eq(4).all()
    assert arms.unstack().loc["young"].eq(8).all()
    recipients = thinned["survival"].query("experiment == 'transplant'")["animal"]
    assert set(recipients) == set(thinned["serial_transplants"]["recipient"])
    challenged = thinned["survival"].query("experiment == 'ecko'").groupby("group").size()
    assert challenged.to_dict() == {"aged": 5, "control": 10, "ecko": 3, "young": 10}


def test_thin_depends_on_the_seed_alone(paper):
    tables = worlds.tables(paper, 1)
    kept = [frozenset(units_of(worlds.thin(tables, {"aged": 0.5}, seed), "ecko_blood", "aged")) for seed in range(12)]
    assert len(set(kept)) > 6
    alone = worlds.thin({"ecko_blood": tables["ecko_blood"]}, {"aged": 0.5}, 3)
    assert units_of(alone, "ecko_blood", "aged") == kept[3]


def test_two_names_of_one_arm_multiply(paper):
    tables = worlds.simulate_tables(paper, 1, ["rapamycin_blood"])
    arms = worlds.thin(tables, {"aged": 0.5, "rapamycin": 0.75}, 1)["rapamycin_blood"]
    counts = arms.groupby(["age_group", "treatment"])["animal"].nunique().unstack()[["rapamycin", "vehicle"]]
    assert counts.loc[["aged", "young"]].to_numpy().tolist() == [[3, 4], [6, 8]]


def test_without_drops_groups(paper):
    shared = worlds.without(worlds.tables(paper, 1), "control")
    assert set(shared["ecko_blood"]["group"]) == {"young", "aged", "ecko"}
    assert set(shared["serial_transplants"]["niche"]) == {"young", "aged", "ecko"}
    assert "rapamycin_blood" in shared
    dataset = worlds.dataset(paper, 1, tables=shared)
    assert any("young mice stand in" in str(problem) for problem in dataset.warnings)
    assert "rapamycin_blood" not in worlds.without(worlds.tables(paper, 1), "vehicle", "rapamycin")


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ({"age": 0.5}, "no group 'age' \\(did you mean 'aged'\\?\\)"),
        ({"aged": 0.0}, "share of 'aged' is 0.0, expected a number above 0 and at most 1"),
        ({"aged": float("nan")}, "share of 'aged' is nan"),
    ],
)
def test_a_faulty_share_is_refused(share, message):
    with pytest.raises(WorldError, match=message):
        worlds.thin({}, share, 1)
    if "age" in share:
        with pytest.raises(WorldError, match=message):
            worlds.without({}, *share)


@pytest.mark.parametrize("name", some_quick(("paper", "survivor", "confounded"), ("paper", "confounded")))
def test_a_data_set_in_memory_is_that_of_its_files(name, tmp_path):
    read = contract.load(worlds.simulate(name, seed=5, out=tmp_path / name))
    drawn = worlds.dataset(name, 5, worlds.TABULAR + EXPRESSION)
    assert list(drawn.tables) == list(read.tables)
    for table, expected in read.tables.items():
        found = drawn.tables[table]
        if table == "bmec_cells":
            assert (found.X != expected.X).nnz == 0
            found, expected = found.obs, expected.obs
        pd.testing.assert_frame_equal(found, expected, rtol=1e-5, atol=1e-9)
    pd.testing.assert_frame_equal(drawn.excluded, read.excluded)
    pd.testing.assert_frame_equal(drawn.missing, read.missing)
    assert (drawn.missing["rows"] > 0).any()
    assert drawn.warnings == read.warnings
    assert drawn.confounding == read.confounding
    assert bool(drawn.confounding) == (name == "confounded")
    assert (drawn.design, drawn.licence) == (read.design, read.licence)
    assert dataclasses.replace(drawn.provenance, sha256=read.provenance.sha256) == read.provenance


def test_a_data_set_leaves_the_tables_that_it_is_made_of(paper):
    tables = worlds.tables(paper, 2)
    before = {name: table.copy() for name, table in tables.items()}
    worlds.dataset(paper, 2, tables=tables)
    assert all(tables[name].equals(before[name]) for name in tables)


def digests(folder) -> dict[str, str]:
    """sha256 of each file; for the h5ad of its content."""
    import anndata

    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".h5ad":
            data = anndata.read_h5ad(path)
            content = data.X.toarray().tobytes() + data.obs.to_csv().encode() + data.var.to_csv().encode()
            content += json.dumps(dict(data.uns)).encode()
        else:
            content = path.read_bytes()
        found[path.name] = hashlib.sha256(content).hexdigest()
    return found


def test_the_same_seed_gives_the_same_files_in_another_process(tmp_path):
    first = worlds.simulate("paper", seed=3, out=tmp_path / "first")
    code = "import sys; from endomtor import worlds; worlds.simulate('paper', 3, sys.argv[1])"
    environment = {**os.environ, "PYTHONHASHSEED": "99"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "second"], check=True, env=environment, cwd=paths.root())
    assert digests(first) == digests(tmp_path / "second")
    other = digests(worlds.simulate("paper", seed=4, out=tmp_path / "other"))
    # The sample sheet is a design: chance has no part in it. Another seed may exclude the same animal.
    by_design = {"hspc_samples.csv", "exclusions.csv"}
    assert {name for name, digest in digests(first).items() if other[name] == digest} <= by_design


@pytest.mark.parametrize("name", SOME_QUICK)
def test_each_world_follows_the_data_contract(name, tmp_path):
    out = worlds.simulate(name, seed=2, out=tmp_path / name)
    assert [str(problem) for problem in contract.check(out) if problem.severity == "error"] == []
    dataset = contract.load(out)
    assert (dataset.provenance.kind, dataset.provenance.world, dataset.provenance.seed) == ("simulated", name, 2)
    assert set(dataset.tables) | {"exclusions"} == set(worlds.TABULAR) | set(EXPRESSION)
    assert len(dataset.excluded) == 1


def test_confounding_is_complete_in_the_confounded_world_only(tmp_path):
    aligned = worlds.simulate("confounded", seed=1, out=tmp_path / "confounded")
    found = {(p.file, p.column) for p in contract.check(aligned) if "complete confounding" in str(p)}
    assert {("ecko_marrow.csv", "batch"), ("ecko_marrow.csv", "sex"), ("serial_transplants.csv", "batch")} <= found
    assert ("rapamycin_blood.csv", "batch") in found
    balanced = worlds.simulate("paper", seed=1, out=tmp_path / "paper")
    assert not [p for p in contract.check(balanced) if "confounding" in str(p)]


def test_every_id_says_that_it_is_simulated(paper):
    drawn = worlds.simulate_tables(paper, 1, worlds.TABULAR + EXPRESSION)
    for name, table in drawn.items():
        frame = table.obs if name == "bmec_cells" else table
        for column in ("animal", "donor", "recipient", "exposed_animal", "sample", "cell"):
            if column in frame:
                # Only recipients have an exposed animal.
                assert frame.loc[frame[column] != "", column].str.startswith("sim-").all(), (name, column)
    assert all(sample.startswith("sim-") for sample in drawn["hspc_counts"].columns[1:])
    assert drawn["bmec_cells"].uns["endomtor_provenance"] == "simulated"


def test_a_folder_with_other_files_is_not_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.csv").write_text("x")
    with pytest.raises(WorldError, match="holds other files than simulated data"):
        worlds.simulate("paper", seed=1, out=tmp_path / "mine")
    assert (tmp_path / "mine" / "precious.csv").read_text() == "x"


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(WorldError, match="expected an integer of at least 0"):
        worlds.tables("paper", seed)


def test_tables_have_streams_of_their_own(paper):
    marrow = {**paper.endpoints.marrow, "HSC": dataclasses.replace(paper.endpoints.marrow["HSC"], sd=2.0)}
    other = dataclasses.replace(paper, endpoints=dataclasses.replace(paper.endpoints, marrow=marrow))
    before, after = worlds.tables(paper, 5), worlds.tables(other, 5)
    changed = [name for name in before if not before[name].equals(after[name])]
    assert changed == ["rapamycin_marrow", "ecko_marrow"]
    alone = worlds.simulate_tables(paper, 5, ["serial_transplants"])["serial_transplants"]
    pd.testing.assert_frame_equal(alone, before["serial_transplants"])


def contrast(frame, value, group, a, b):
    """Mean over cohorts of a - b, with its Monte Carlo standard error."""
    means = frame.groupby(["seed", group])[value].mean().unstack()
    difference = means[a] - means[b]
    return difference.mean(), difference.std() / np.sqrt(len(difference))


def assert_planted(frame, value, group, a, b, planted):
    mean, error = contrast(frame, value, group, a, b)
    assert abs(mean - planted) < 4 * error, (mean, planted, error)
    # A tolerance that would let a missing effect pass is no test.
    assert abs(planted) > 8 * error or planted == 0


def test_marrow_and_marker_effects_are_those_planted(paper, cohorts):
    hsc = cohorts["ecko_marrow"].query("population == 'HSC'").assign(y=lambda f: np.log2(f["value"]))
    aging = paper.endpoints.marrow["HSC"].aging
    assert_planted(hsc, "y", "group", "aged", "young", aging)
    assert_planted(hsc, "y", "group", "ecko", "control", 0.75 * aging)
    assert_planted(hsc, "y", "group", "control", "young", 0)
    marker = cohorts["bmec_signaling"].query("marker == 'pS6_S235_236'")
    marker = marker.assign(y=np.log2(marker["mfi"] - marker["fmo_mfi"]))
    assert_planted(marker, "y", "group", "aged", "young", np.log2(0.6))


def test_spread_between_animals_is_that_planted(paper, cohorts):
    hsc = cohorts["ecko_marrow"].query("population == 'HSC'").assign(y=lambda f: np.log2(f["value"]))
    within = hsc.groupby(["seed", "group", "batch", "sex"])["y"].var()
    planted = paper.endpoints.marrow["HSC"].sd ** 2
    assert within.mean() == pytest.approx(planted, abs=4 * within.std() / np.sqrt(len(within)))


def test_batches_and_sexes_differ_and_are_balanced(cohorts):
    animals = cohorts["ecko_marrow"].query("seed == 0").drop_duplicates("animal")
    for factor in ("batch", "sex"):
        assert pd.crosstab(animals["group"], animals[factor]).nunique().eq(1).all()
    means = cohorts["ecko_marrow"].query("population == 'HSC'").assign(y=lambda f: np.log2(f["value"]))
    batch = means.groupby(["seed", "batch"])["y"].mean().unstack()
    # Without batch effects this would be the variance of a difference of two means of 16 animals of sd 0.5.
    assert (batch["batch-1"] - batch["batch-2"]).var() > 2 * (2 * 0.25 / 16)


def test_white_cells_of_the_rapamycin_experiment_hold_their_parts(cohorts):
    wide = cohorts["rapamycin_blood"].pivot_table(index=["seed", "animal", "day"], columns="analyte", values="value")
    assert (wide["WBC"] > wide["neutrophils"] + wide["lymphocytes"]).all()


def test_lineages_add_to_one_hundred(cohorts):
    blood = cohorts["ecko_blood"][["myeloid_pct", "b_pct", "t_pct", "nk_pct", "other_pct"]]
    assert (blood > 0).all().all()
    np.testing.assert_allclose(blood.sum(axis=1), 100, atol=1e-6)
    donor = cohorts["serial_transplants"].query("status == 'alive'")[["myeloid_pct", "b_pct", "t_pct"]]
    assert (donor > 0).all().all()
    np.testing.assert_allclose(donor.sum(axis=1), 100, atol=1e-6)


def test_limiting_dilution_is_single_hit(paper, cohorts):
    one = paper.endpoints.limiting_dilution["WBM"]
    young = cohorts["ecko_limiting_dilution"].query("group == 'young' and cell_type == 'WBM'")
    # 1 - P(positive) over donors is the mean of exp(-frequency x dose).
    frequency = np.exp(np.random.default_rng(1).normal(one.baseline, one.sd, 200_000))
    for dose, rows in young.groupby("dose"):
        fraction = rows["positive"] / rows["tested"]
        expected = 1 - np.exp(-frequency * dose).mean()
        assert abs(fraction.mean() - expected) < 4 * fraction.std() / np.sqrt(len(rows)), dose
    tested = young.query("seed == 0").groupby("dose")["tested"].sum()
    assert tested.eq(20).all()


def test_donors_differ_more_than_a_binomial(cohorts):
    rows = cohorts["ecko_limiting_dilution"].query(
        "group == 'young' and cell_type == 'WBM' and dose == 40000 and tested == 7"
    )
    p = rows["positive"].sum() / rows["tested"].sum()
    assert rows["positive"].var() > 1.2 * 7 * p * (1 - p)


def test_cells_come_from_animals_and_foci_are_negative_binomial(paper, cohorts):
    cells = cohorts["ecko_cells"].query("group == 'young'")
    polarity = cells.query("assay == 'polarity'").groupby(["seed", "animal"])["value"].mean()
    p = polarity.mean()
    assert polarity.var() > 1.5 * p * (1 - p) / 40
    foci = cells.query("assay == 'gH2AX_foci'").groupby(["seed", "animal"])["value"].agg(["mean", "var"])
    # Moments over animals: E(var) = E(mean) + dispersion x E(mu^2), and E(mean^2) = E(mu^2) + E(var) / 40.
    squared = (foci["mean"] ** 2).mean() - foci["var"].mean() / 40
    dispersion = (foci["var"].mean() - foci["mean"].mean()) / squared
    assert dispersion == pytest.approx(paper.endpoints.cells_within.foci_dispersion, abs=0.08)


def test_descent_in_serial_transplants(cohorts):
    one = cohorts["serial_transplants"].query("seed == 0")
    first = one[one["passage"] == 1]
    assert (first["recipient"] == first["exposed_animal"]).all()
    assert set(one["exposed_animal"]) == set(first["recipient"])
    assert (one.groupby("recipient")["exposed_animal"].nunique() == 1).all()
    assert (one.groupby("exposed_animal")["niche"].nunique() == 1).all()
    assert (first.groupby("donor")["niche"].nunique() == 4).all()
    later = one[one["passage"] > 1].drop_duplicates("recipient").groupby(["exposed_animal", "passage"]).size()
    assert set(later) == {1, 2}


def test_recipients_of_one_donor_are_alike(paper, cohorts):
    one, design = paper.endpoints.competitive["chimerism"], paper.endpoints.design
    last = cohorts["competitive_transplants"].query("week == 16 and donor_group == 'young'")
    hosts = last.groupby(["seed", "donor"]).size()
    assert set(hosts) == set(design.competitive_recipients)
    assert (hosts.groupby("seed").size() == design.competitive_donors).all()
    logits = logit(last["donor_chimerism_pct"] / 100)
    within = logits.groupby([last["seed"], last["donor"]]).var().mean()
    assert within == pytest.approx(one.recipient_sd**2 + one.week_sd**2, rel=0.15)
    assert logits.mean() == pytest.approx(one.baseline, abs=0.1)


def test_recipients_of_one_exposed_animal_are_alike(paper, cohorts):
    graft = paper.endpoints.transplant["chimerism"]
    last = cohorts["serial_transplants"].query("week == 16 and status == 'alive' and niche == 'young' and passage == 3")
    last = last.assign(y=logit(last["donor_chimerism_pct"] / 100))
    within = last.groupby(["seed", "exposed_animal"])["y"].var().dropna()
    assert within.mean() == pytest.approx(
        graft.recipient_sd**2 + graft.week_sd**2, abs=4 * within.std() / np.sqrt(len(within))
    )
    means = last.groupby(["seed", "donor", "batch", "exposed_animal"])["y"].mean()
    # Passages of one exposed animal are correlated through it.
    second = cohorts["serial_transplants"].query(
        "week == 16 and status == 'alive' and niche == 'young' and passage == 2"
    )
    second = second.assign(y=logit(second["donor_chimerism_pct"] / 100))
    pair = pd.concat(
        [means.rename("a"), second.groupby(["seed", "donor", "batch", "exposed_animal"])["y"].mean().rename("b")],
        axis=1,
    )
    pair = pair.dropna()
    pair = pair - pair.groupby("seed").transform("mean")
    assert pair.corr().loc["a", "b"] > 0.5


def test_the_mark_of_the_niche_lasts(paper, cohorts):
    last = cohorts["serial_transplants"].query("week == 16 and status == 'alive' and passage == 3")
    last = last.assign(y=logit(last["donor_chimerism_pct"] / 100))
    aging = paper.endpoints.transplant["chimerism"].aging
    assert_planted(last, "y", "niche", "aged", "young", aging)
    assert_planted(last, "y", "niche", "ecko", "control", 0.75 * aging)


def test_nothing_is_read_after_death():
    for seed in range(5):
        one = tabular.serial_transplants(worlds.load("survivor"), seed)
        dead = one["status"] == "died"
        assert dead.any()
        assert one.loc[dead, ["donor_chimerism_pct", "myeloid_pct", "b_pct", "t_pct"]].isna().all().all()
        assert one.loc[~dead, "donor_chimerism_pct"].notna().all()
        ends = one.groupby("recipient").agg(last=("week", "max"), died=("status", lambda s: (s == "died").sum()))
        assert (ends["died"] <= 1).all()
        when = one[dead].set_index("recipient")["week"].sort_index()
        assert when.equals(ends.loc[ends["died"] == 1, "last"])
        # Descent and death agree: no cells come from an exposed animal that died.
        lost = one[dead & (one["passage"] == 1)]["exposed_animal"]
        assert not one[one["passage"] > 1]["exposed_animal"].isin(lost).any()
        deaths = tabular.survival(worlds.load("survivor"), seed).query("experiment == 'transplant' and event == 'died'")
        assert set(deaths["animal"]) == set(one[dead]["recipient"])


def test_a_hazard_ratio_of_rapamycin_shortens_lives_and_moves_nothing_else():
    harmful = {"endpoints": {"challenge": {"survival": {"rapamycin_hazard_ratio": 4.0}}}}
    plain, harm = (tabular.survival(worlds.load("paper", changes), 1) for changes in (None, harmful))
    treated = plain["group"] == "rapamycin"
    pd.testing.assert_frame_equal(plain[~treated], harm[~treated])
    assert (harm.loc[treated, "day"] <= plain.loc[treated, "day"]).all()
    assert harm.loc[treated, "day"].mean() < 0.8 * plain.loc[treated, "day"].mean()
    # Weibull: a hazard four times as high shortens each life by the same factor, up to whole days and the last one.
    dead = treated & (plain["event"] == "died")
    assert harm.loc[dead, "day"].sub(plain.loc[dead, "day"] * 4 ** (-1 / 3)).abs().max() <= 1


def test_vessels_are_alike_in_control_and_ecko_mice():
    frame = pd.concat([tabular.ecko_verification(worlds.load("paper"), seed).assign(seed=seed) for seed in range(40)])
    density = frame.query("measure == 'vessel_density'").assign(y=lambda rows: np.log2(rows["value"]))
    assert set(density["cell_type"]) == {"BMEC"}
    assert_planted(density, "y", "group", "ecko", "control", 0)


def test_survivors_hide_part_of_the_aging_of_the_niche():
    world, found = worlds.load("survivor"), []
    for seed in range(40):
        one = tabular.serial_transplants(world, seed).query("passage == 3 and week == 16 and status == 'alive'")
        found.append(one.assign(seed=seed, y=logit(one["donor_chimerism_pct"] / 100)))
    mean, error = contrast(pd.concat(found), "y", "niche", "aged", "young")
    assert mean - 4 * error > world.endpoints.transplant["chimerism"].aging


def test_in_the_null_world_only_chance_differs():
    world = worlds.load("null")
    frame = pd.concat([tabular.ecko_marrow(world, seed).assign(seed=seed) for seed in range(60)])
    hsc = frame.query("population == 'HSC'").assign(y=lambda f: np.log2(f["value"]))
    for pair in (("aged", "young"), ("ecko", "control")):
        assert_planted(hsc, "y", "group", *pair, 0)
    blood = tabular.ecko_verification(world, 1).query("measure == 'recombined_allele_pct'")
    assert blood["value"].max() < 5


@pytest.fixture(scope="module")
def log_fold_changes(paper):
    """Mean over cohorts of log2 fold changes of well expressed genes, aging and ECKO, and the programme behind them."""
    genes = expression.programme(paper)
    expressed = np.argsort(-genes.mean)[:1000]
    order = np.argsort(genes.genes.astype(str), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    found = []
    for seed in range(20):
        counts, samples = expression.hspc(paper, seed)
        values = counts.drop(columns="gene").to_numpy(float)
        values = np.log2(values / values.sum(axis=0) * 1e6 + 0.5)[rank[expressed]]
        means = {g: values[:, (samples["group"] == g).to_numpy()].mean(axis=1) for g in tabular.GROUPS}
        found.append((means["aged"] - means["young"], means["ecko"] - means["control"]))
    return np.mean(found, axis=0), genes, expressed


def test_the_transcriptome_ages_as_planted_and_ecko_follows(log_fold_changes):
    (aging, ecko), genes, expressed = log_fold_changes
    planted = genes.aging[expressed]
    centred = planted - planted.mean()
    assert centred @ aging / (centred @ centred) == pytest.approx(1.0, abs=0.1)
    assert centred @ ecko / (centred @ centred) == pytest.approx(0.75, abs=0.1)


def test_programmes_are_off_the_aging_axis(paper):
    genes = expression.programme(paper)
    for programme in (genes.nuisance, genes.toxic):
        assert abs(programme @ genes.aging) < 1e-9 * np.linalg.norm(programme) * np.linalg.norm(genes.aging)
        assert 0.1 < (programme != 0).mean() < 0.35


def test_animals_of_one_group_vary_together_over_genes(paper):
    """The nuisance programme: without it, scores on two halves of its genes are uncorrelated between animals."""
    quiet = dataclasses.replace(paper.endpoints.transcriptome, nuisance_loading=0.0, nuisance_along=0.0, batch_sd=0.0)
    quiet = dataclasses.replace(paper, endpoints=dataclasses.replace(paper.endpoints, transcriptome=quiet))
    nuisance = expression.programme(paper).nuisance
    names = expression.programme(paper).genes[nuisance != 0]
    weights = pd.Series(nuisance[nuisance != 0], index=names)

    def half_correlation(world):
        rows = []
        for seed in range(6):
            counts, samples = expression.hspc(world, seed)
            logs = np.log2(counts.set_index("gene") + 0.5).loc[names]
            halves = [(logs[i::2].T @ weights[i::2]).to_numpy() for i in (0, 1)]
            rows.append(pd.DataFrame(halves).T.groupby(samples["group"].to_numpy()).transform(lambda x: x - x.mean()))
        return pd.concat(rows).corr().iloc[0, 1]

    assert half_correlation(paper) > 0.8
    assert half_correlation(quiet) < 0.5


def test_counts_are_negative_binomial():
    rng = np.random.default_rng(2)
    draws = expression.negative_binomial(rng, np.full((4, 200_000), 50.0), np.array([[0.02], [0.1], [0.5], [2.0]]))
    np.testing.assert_allclose(draws.mean(axis=1), 50, rtol=0.02)
    np.testing.assert_allclose((draws.var(axis=1) - 50) / 2500, [0.02, 0.1, 0.5, 2.0], rtol=0.05)


def test_the_hallmark_falls_in_old_cells_as_planted(paper):
    table = expression._read_baseline("ec_gene_baseline.csv").set_index("gene")["mtorc1"]
    found = []
    for seed in range(4):
        data = expression.bmec_cells(paper, seed)
        aged = (data.obs["group"] == "aged").to_numpy()
        old, young = (np.asarray(data.X[rows].sum(axis=0)).ravel() / data.X[rows].sum() for rows in (aged, ~aged))
        member = table.loc[data.var_names].to_numpy() == 1
        well = young * data.X.sum() / 2 > 200
        change = np.log2(old[well] / young[well])
        found.append(change[member[well]].mean() - change[~member[well]].mean())
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    planted = paper.endpoints.bmec_cells.hallmark_responds * np.log2(0.6)
    assert abs(np.mean(found) - planted) < max(4 * error, 0.06)
