"""The grid of claims and worlds: what is wanted, what is counted, what the page says of it."""

import re

import pandas as pd
import pytest
from scipy import stats

from endomtor import calibration, ledger, worlds
from endomtor.calibration import cohorts, rates
from endomtor.calibration.run import Calibration
from endomtor.claims import verdicts
from endomtor.views import grid

PLAN = calibration.load()
FROZEN = calibration.frozen()
DESIGNED = {
    "paper": "++++++",
    "bystander": "+-----",
    "intrinsic": "++----",
    "null": "------",
    "toxic": "++----",
    "inflamed": "++----",
    "opposite": "+-----",
    "confounded": "??????",
    "survivor": "++----",
}
FEIGNED = {rates.FALSE_SUPPORT: 0.29, rates.UNCAUTIONED: 0.02}


def test_the_worlds_want_what_the_design_says():
    wanted = {
        name: "".join(
            {True: "+", False: "-", None: "?"}[ledger.holds(claim, worlds.load(name).truth)] for claim in grid.claims()
        )
        for name in worlds.names()
    }
    assert wanted | DESIGNED == wanted


def test_the_frozen_grid_holds_every_world_and_claim():
    table = grid.counts(FROZEN)
    planned = {one.name for one in PLAN.scenarios} & set(worlds.names())
    counted = set(table["world"])
    # One that was added since the last `make frozen` has no counts yet.
    assert set(DESIGNED) <= counted <= planned
    assert len(table) == len(counted) * len(grid.claims())
    drawn = table[list(verdicts.WORLD_WORDS)].sum(axis=1)
    parts = ["expression" if one == "C4" else "tables" for one in table["claim"]]
    planned = [PLAN.count(PLAN.scenario(name), part) for name, part in zip(table["world"], parts, strict=True)]
    assert drawn.tolist() == planned


def test_a_false_claim_is_announced_no_more_often_than_its_level():
    table = grid.counts(FROZEN)
    # In `inflamed` phenocopy logic must fail; the page says how often.
    false = table[(table["wanted"] == verdicts.RIGHTLY_SILENT) & (table["world"] != "inflamed")]
    of = false[[verdicts.FALSE_ALARM, verdicts.RIGHTLY_SILENT]].sum(axis=1)
    p = stats.binom.sf(false[verdicts.FALSE_ALARM] - 1, of, PLAN.false_support)
    assert (p > (1 - PLAN.joint) / len(false)).all(), false.to_string()


def test_where_nobody_could_tell_every_verdict_is_withheld():
    table = grid.counts(FROZEN).set_index("world").loc["confounded"]
    assert (table[[word for word in verdicts.WORLD_WORDS if word != verdicts.NOT_TESTABLE]] == 0).all(axis=None)


def calibrated(words=(("paper", "C1", verdicts.MISSED, 7),), rows=()):
    columns = ["scenario", "id", "measure", "rate", "nominal", "judgement"]
    counted = pd.DataFrame(words, columns=["scenario", "claim", "word", "count"])
    return Calibration(pd.DataFrame(rows, columns=columns), pd.DataFrame(), counted, pd.DataFrame(), FROZEN.about)


def test_a_cell_names_the_wanted_verdict_first_though_it_never_fell():
    found = calibrated([("paper", "C1", verdicts.MISSED, 7), ("null", "C1", verdicts.RIGHTLY_SILENT, 7)])
    cells = re.findall(r"<td>(.*?)</td>", grid.table_html(found))
    plain = [re.sub(r"<[^>]*>", "", cell) for cell in cells if cell]
    assert sorted(plain) == [
        "◆ 0 found the planted effect◇ 7 missed the planted effect",
        "○ 7 silent where nothing was planted",
    ]
    assert "SIMULATED" in grid.table_html(found)


def test_false_alarms_beyond_chance_are_named():
    row = ("bystander", "C3", rates.FALSE_SUPPORT, 0.2, 0.025)
    kept = grid.sentences(calibrated(rows=[(*row[:3], 0.01, 0.025, rates.HOLDS)]))
    broken = grid.sentences(calibrated(rows=[(*row, rates.BEYOND)]))
    assert any("No world lies beyond what chance allows" in one for one in kept)
    assert any("**Beyond what chance allows: C3 in `bystander` (20 %).**" in one for one in broken)


def test_the_world_of_illness_is_counted_without_and_with_the_score():
    rows = [("inflamed", "C3", measure, rate, None, rates.NO_LEVEL) for measure, rate in FEIGNED.items()]
    found = calibrated([("inflamed", "C3", verdicts.FALSE_ALARM, 29)], rows)
    found.table[["count", "of"]] = [[29, 100], [2, 100]]
    drawn = grid.table_html(found)
    assert "no inflammation seen</span></th><td></td><td></td><td>2 of 100</td>" in drawn
    said = grid.sentences(found)[1]
    assert "(`inflamed`), C3 was announced in 29 % of cohorts, and in 2 % without the caution" in said


@pytest.mark.slow
@pytest.mark.parametrize("part", ["tables", "expression"])
@pytest.mark.parametrize("name", worlds.names())
def test_the_seeds_of_the_book_agree_with_the_frozen_grid(name, part):
    """Twenty seeds from 1 on, none of which the frozen run has drawn."""
    scenario, words = PLAN.scenario(name), {}
    for seed in range(1, 21):
        answers, _ = cohorts.cohort(scenario, seed, part)
        for row in answers:
            if "world_word" in row:
                words.setdefault(row["id"], []).append(row["world_word"])
    assert words
    frozen = grid.counts(FROZEN).set_index(["world", "claim"])
    for claim, own in words.items():
        row = frozen.loc[(name, claim)]
        of = int(row[list(verdicts.WORLD_WORDS)].sum())
        right, now = int(row[row["wanted"]]), own.count(row["wanted"])
        assert stats.fisher_exact([[now, len(own) - now], [right, of - right]])[1] > 1e-4, (claim, own)
