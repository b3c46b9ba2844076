"""Chapter 01's analysis: background, unit, batch, and what it finds in worlds whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from endomtor import contract, public, worlds
from endomtor.analyses import mtor_decline
from endomtor.analyses.judge import Judge
from endomtor.contract.dataset import from_tables

ABOUT = {"title": "T", "provenance": "measured", "source": "a test"}


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return contract.load(worlds.simulate("paper", seed=1, out=tmp_path_factory.mktemp("worlds") / "paper-1"))


def animals(n=4, **columns) -> pd.DataFrame:
    frame = pd.DataFrame({"animal": [f"m{i}" for i in range(2 * n)], "group": ["young"] * n + ["aged"] * n})
    frame["sex"], frame["batch"], frame["marker"] = "F", "", "pS6_S235_236"
    frame["mfi"] = [1000.0 + 40 * i for i in range(n)] + [500.0 + 30 * i for i in range(n)]
    return frame.assign(**columns)


def judged(**columns):
    """The one record of these animals."""
    (record,) = Judge(from_tables(ABOUT, {"bmec_signaling": animals(**columns)})).records()
    return record


class TestBackground:
    @pytest.mark.parametrize(
        ("background", "subtracted"),
        [
            ([90.0 + i for i in range(8)], True),
            # One tube for a group belongs to no animal.
            ([90.0] * 4 + [120.0] * 4, False),
            ([np.nan] * 8, False),
            # Some animals only, or a signal below its background: no animal is lost.
            ([np.nan, np.nan, *(90.0 + i for i in range(6))], False),
            ([90.0 + i for i in range(7)] + [9000.0], False),
        ],
    )
    def test_an_own_one_of_every_animal_is_subtracted_and_no_other(self, background, subtracted):
        table = animals(fmo_mfi=background)
        rows = mtor_decline.log2_signals(table).set_index("animal")["value"]
        expected = np.log2(table["mfi"] - np.array(background) if subtracted else table["mfi"])
        np.testing.assert_allclose(rows[table["animal"]], expected)


class TestMarkers:
    def test_the_difference_is_a_log_ratio_of_animals(self):
        record, logs = judged(), np.log2(animals()["mfi"])
        assert record.estimate == pytest.approx(logs[4:].mean() - logs[:4].mean())
        assert (record.unit, record.n, record.verdict) == ("animal", {"aged": 4, "young": 4}, "supported")

    def test_batch_that_is_the_group_withholds_the_verdict(self):
        record = judged(batch=["monday"] * 4 + ["friday"] * 4)
        assert (record.verdict, record.reason) == ("not testable here", "withheld")

    def test_without_tables_nothing_is_claimed(self):
        assert mtor_decline.answers({}) == {}

    def test_only_what_is_wanted_is_answered(self):
        rows = pd.concat([animals(), animals(marker="pAKT_S473")])
        wanted = {"C1.signaling.pAKT_S473"}
        assert set(mtor_decline.answers({"bmec_signaling": rows}, wanted)) == wanted


class TestCells:
    def test_cells_are_summed_per_animal(self, paper):
        cells = paper.get("bmec_cells")
        scores = mtor_decline.hallmark_scores(cells)
        assert sorted(scores["animal"]) == sorted(set(cells.obs["animal"].astype(str)))
        answer = mtor_decline.answers({"bmec_cells": cells})["C1.cells.mTORC1_hallmark"].estimate
        assert sum(answer.n.values()) == cells.obs["animal"].nunique() < cells.n_obs

    def test_too_few_genes_of_the_set_give_no_score(self, paper):
        cells = paper.get("bmec_cells")
        assert mtor_decline.hallmark_scores(cells[:, :40].copy()) is None


class TestWorlds:
    @pytest.mark.parametrize(
        ("world", "word"), [("paper", "recovered"), ("bystander", "recovered"), ("null", "rightly silent")]
    )
    def test_claim_of_the_markers(self, world, word):
        judge = Judge(worlds.dataset(world, 2, ("bmec_signaling",)))
        claim = next(entry for entry in judge.ledger(judge.records())["claims"] if entry["id"] == "C1")
        assert claim["prediction"]["verdict"] == word


def test_other_endothelium_is_context_only(paper):
    _, provenance = public.table("endothelium_scores")
    judge = Judge(paper)
    found = mtor_decline.from_public()
    records = [judge.record(name, one, provenance=provenance) for name, one in found.items()]
    assert {record.kind for record in records} == {"context"}
    organs = {record.verdict for record in records if record.id.count(".") == 2}
    assert organs == {"inconclusive"}
    claim = next(entry for entry in judge.ledger(records)["claims"] if entry["id"] == "C1")
    assert claim["premise"] == {**claim["premise"], "verdict": "not testable here", "evidence": []}
