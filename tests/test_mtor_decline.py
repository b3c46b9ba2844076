"""Chapter 01's analysis: background, unit, batch, and what it finds in worlds whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from IPython.utils.capture import capture_output

from endomtor import contract, worlds
from endomtor.analyses import mtor_decline
from endomtor.chapter import Chapter


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return contract.load(worlds.simulate("paper", seed=1, out=tmp_path_factory.mktemp("worlds") / "paper-1"))


def signaling(folder, rows: pd.DataFrame) -> Chapter:
    folder.mkdir(exist_ok=True)
    (folder / "dataset.toml").write_text('title = "T"\nprovenance = "measured"\nsource = "a test"\n', encoding="utf-8")
    rows.to_csv(folder / "bmec_signaling.csv", index=False)
    return Chapter("01_mtor_decline", contract.load(folder))


def animals(n=4, **columns) -> pd.DataFrame:
    frame = pd.DataFrame({"animal": [f"m{i}" for i in range(2 * n)], "group": ["young"] * n + ["aged"] * n})
    frame["sex"], frame["batch"], frame["marker"] = "F", "", "pS6_S235_236"
    frame["mfi"] = [1000.0 + 40 * i for i in range(n)] + [500.0 + 30 * i for i in range(n)]
    return frame.assign(**columns)


class TestBackground:
    def test_each_animals_own_is_subtracted(self, tmp_path):
        table = mtor_decline.markers(signaling(tmp_path, animals(fmo_mfi=[90.0 + i for i in range(8)])))
        assert set(table["background"]) == {"own"}
        np.testing.assert_allclose(table["value"], table["net"])

    def test_one_tube_for_a_group_is_not_subtracted(self, tmp_path):
        table = mtor_decline.markers(signaling(tmp_path, animals(fmo_mfi=[90.0] * 4 + [120.0] * 4)))
        assert set(table["background"]) == {"shared"}
        np.testing.assert_allclose(table["value"], table["raw"])
        assert table["net"].notna().all()

    def test_without_background_the_raw_logarithm_serves(self, tmp_path):
        table = mtor_decline.markers(signaling(tmp_path, animals()))
        np.testing.assert_allclose(np.sort(2 ** table["value"]), np.sort(animals()["mfi"]))

    def test_a_background_of_some_animals_only_is_shown_and_not_subtracted(self, tmp_path, shell):
        chapter = signaling(tmp_path, animals(fmo_mfi=[None, None, *(90.0 + i for i in range(6))]))
        table = mtor_decline.markers(chapter)
        np.testing.assert_allclose(table["value"], table["raw"])
        with capture_output() as captured:
            mtor_decline.show_backgrounds(chapter, table)
        assert "missing for some animals" in str([output.data for output in captured.outputs])

    def test_a_signal_below_its_background_keeps_every_animal(self, tmp_path):
        table = mtor_decline.markers(signaling(tmp_path, animals(fmo_mfi=[90.0 + i for i in range(7)] + [9000.0])))
        assert table["value"].notna().all()
        np.testing.assert_allclose(table["value"], table["raw"])


class TestMarkers:
    def test_the_difference_is_a_log_ratio_of_animals(self, tmp_path):
        chapter = signaling(tmp_path, animals())
        answer = mtor_decline.compare_markers(chapter, mtor_decline.markers(chapter))["pS6_S235_236"]
        logs = np.log2(animals()["mfi"])
        assert answer.estimate == pytest.approx(logs[4:].mean() - logs[:4].mean())
        assert (answer.unit, answer.n) == ("animal", {"aged": 4, "young": 4})
        assert chapter.records[0].verdict == "supported"

    def test_batch_that_is_the_group_withholds_the_verdict(self, tmp_path):
        chapter = signaling(tmp_path, animals(batch=["monday"] * 4 + ["friday"] * 4))
        mtor_decline.compare_markers(chapter, mtor_decline.markers(chapter))
        assert chapter.records[0].verdict == "not testable here"
        assert chapter.records[0].reason == "withheld"

    def test_without_the_table_nothing_is_claimed(self, tmp_path, paper):
        chapter = signaling(tmp_path, animals())
        assert mtor_decline.cells(chapter) is None
        assert mtor_decline.hallmark_scores(chapter, None) is None
        assert mtor_decline.compare_scores(chapter, None) is None
        assert chapter.records == []


class TestCells:
    def test_cells_are_summed_per_animal(self, paper):
        chapter = Chapter("01_mtor_decline", paper)
        adata = paper.get("bmec_cells").copy()
        adata.layers["counts"] = adata.X.copy()
        scores = mtor_decline.hallmark_scores(chapter, adata)
        assert sorted(scores["animal"]) == sorted(set(adata.obs["animal"].astype(str)))
        answer = mtor_decline.compare_scores(chapter, scores)
        assert sum(answer.n.values()) == adata.obs["animal"].nunique() < adata.n_obs

    @pytest.mark.slow
    def test_cells_taken_for_animals_are_compared_with_the_same_cells_averaged(self, paper):
        adata = mtor_decline.cells(Chapter("01_mtor_decline", paper))
        right, wrong = mtor_decline.cells_as_n(mtor_decline.drawn(adata))
        assert (right.unit, sum(right.n.values())) == ("animal", adata.obs["animal"].nunique())
        assert (wrong.unit, sum(wrong.n.values())) == ("cell", adata.n_obs)
        # The same scale: the two estimates differ only by how many cells an animal has.
        assert right.estimate == pytest.approx(wrong.estimate, abs=0.02)
        assert right.ci_high - right.ci_low > wrong.ci_high - wrong.ci_low


class TestWorlds:
    @pytest.mark.parametrize(
        ("world", "word"), [("paper", "recovered"), ("bystander", "recovered"), ("null", "rightly silent")]
    )
    def test_claim_of_the_markers(self, tmp_path, world, word):
        dataset = contract.load(worlds.simulate(world, seed=2, out=tmp_path / world))
        chapter = Chapter("01_mtor_decline", dataset)
        mtor_decline.compare_markers(chapter, mtor_decline.markers(chapter))
        claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C1")
        assert claim["prediction"]["verdict"] == word


def test_other_endothelium_is_context_only(paper):
    chapter = Chapter("01_mtor_decline", paper)
    mtor_decline.other_endothelium(chapter)
    assert {record.kind for record in chapter.records} == {"context"}
    assert {record.verdict for record in chapter.records} == {"inconclusive"}
    claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C1")
    assert claim["premise"] == {**claim["premise"], "verdict": "not testable here", "evidence": []}
