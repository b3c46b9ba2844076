"""Sample sizes: the n at which a rate reaches its power, the frozen counts, the words that sentences take from them."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from scipy import stats
from traitlets.config import Config

from endomtor import paths, worlds
from endomtor.analyses import sample_size
from endomtor.analyses.sample_size import SampleSizes
from endomtor.claims import catalogue
from endomtor.errors import BuildError

PAGE = paths.root() / "book" / "against-the-paper.md"


@pytest.fixture(scope="module", autouse=True)
def _shell():
    # Something must receive what is published; no history file is written for it.
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


@pytest.fixture(scope="module")
def frozen():
    return sample_size.frozen()


def counts(*supported, grid=(3, 4, 6, 8), cohorts=100, name="C5.transplant.chimerism"):
    rows = [(name, n, hits, cohorts) for n, hits in zip(grid, supported, strict=True)]
    return pd.DataFrame(rows, columns=["id", "n", "supported", "cohorts"])


# --- from counts to n ---


def test_the_first_n_that_reaches_the_power_is_taken():
    row = sample_size.needed(counts(20, 70, 84, 99)).loc["C5.transplant.chimerism"]
    assert (row["n"], row["low"], row["high"], row["power"]) == (6, 6, 8, 0.84)


def test_a_dip_by_chance_does_not_move_the_answer_past_it():
    # 0.81 at 4 and 0.77 at 6 are one rate, 0.79, to a monotone fit.
    row = sample_size.needed(counts(20, 81, 77, 99)).loc["C5.transplant.chimerism"]
    assert (row["n"], row["low"], row["high"]) == (8, 4, 8)


def test_a_grid_that_is_too_small_or_too_large_says_so():
    short, long = counts(1, 2, 5, 30), counts(99, 100, 100, 100)
    found = SampleSizes(short, {})
    assert sample_size.text("C5.transplant.chimerism", found).startswith("more than 8 exposed animals in each group")
    assert sample_size.text("C5.transplant.chimerism", found).endswith("(95 % limits: above 8)")
    found = SampleSizes(long, {})
    assert sample_size.text("C5.transplant.chimerism", found).startswith("at most 3 exposed animals in each group")


@given(st.lists(st.integers(0, 40), min_size=4, max_size=4), st.floats(0.05, 0.95))
def test_the_limits_hold_the_answer_and_follow_the_power(supported, power):
    table = counts(*supported, cohorts=40)
    row = sample_size.needed(table, power).iloc[0].fillna(np.inf)
    assert row["low"] <= row["high"]
    stricter = sample_size.needed(table, min(0.99, power + 0.04)).iloc[0].fillna(np.inf)
    assert (stricter[["n", "low", "high"]] >= row[["n", "low", "high"]]).all()
    rate = table.set_index("n")["supported"] / 40
    if np.isfinite(row["n"]):
        assert rate.max() >= power


def test_an_id_that_was_not_counted_is_named():
    with pytest.raises(BuildError, match=r"No sample size was counted for 'C9', expected one of C5\.transplant"):
        sample_size.text("C9", SampleSizes(counts(1, 2, 3, 4), {}))


# --- the cohorts ---


@pytest.mark.parametrize("n", [3, 10])
def test_every_table_has_n_units_a_group(n):
    world = sample_size.world_of(n)
    tables = worlds.simulate_tables(world, 1, sample_size._TABLES)
    units = {"ecko_limiting_dilution": "donor", "serial_transplants": "exposed_animal"}
    groups = {"serial_transplants": "niche", "rapamycin_blood": "treatment", "rapamycin_marrow": "treatment"}
    for name, table in tables.items():
        if name == "hspc_counts":
            continue
        by = [groups.get(name, "group"), *(["age_group"] if name.startswith("rapamycin") else [])]
        found = table.groupby(by)[units.get(name, "animal")].nunique()
        assert set(found) == {n}, name
    dilution = tables["ecko_limiting_dilution"]
    assert set(dilution["tested"] + dilution.get("died_before_readout", 0)) <= {sample_size.RECIPIENTS}


def test_only_n_differs_from_the_world():
    ours, world = sample_size.world_of(8), worlds.load(sample_size.WORLD)
    for one in sample_size.ids():
        if "." in one and not one.startswith("C3.limiting_dilution"):
            assert ours.value(one) == pytest.approx(world.value(one)), one


# --- the frozen counts ---


def test_what_is_frozen_is_complete(frozen):
    table = frozen.table
    assert set(table["id"]) == set(sample_size.ids())
    assert set(table["n"]) == set(sample_size.GRID)
    assert (table.groupby("id")["n"].nunique() == len(sample_size.GRID)).all()
    assert (table["cohorts"] == frozen.about["cohorts"]).all()
    assert table["supported"].between(0, table["cohorts"]).all()
    assert re.fullmatch(r"[0-9a-f]{64}", frozen.about["code"])


def test_a_slice_counted_again_agrees_with_what_is_frozen(frozen):
    again = sample_size.count(6, grid=(5,), seed=frozen.about["seed"])
    both = again.table.merge(frozen.table, on=["id", "n"], suffixes=("", "_frozen"))
    assert len(both) == len(again.table)
    for one in both.itertuples():
        counted = [[one.supported, one.cohorts - one.supported]]
        counted.append([one.supported_frozen, one.cohorts_frozen - one.supported_frozen])
        # 0.999 jointly over the rows (Bonferroni).
        assert stats.fisher_exact(counted).pvalue > 0.001 / len(both), one.id


def test_counts_are_written_and_read_back(frozen, tmp_path, monkeypatch):
    (tmp_path / "derived").mkdir()
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    with pytest.raises(BuildError, match="run `make frozen`"):
        sample_size.frozen()
    with capture_output() as shown:
        sample_size.show_table()
    assert "sample sizes are not here" in shown.outputs[0].data["text/markdown"]
    sample_size.freeze(frozen)
    again = sample_size.frozen()
    pd.testing.assert_frame_equal(again.table, frozen.table)
    assert again.about == frozen.about


# --- words ---


def test_the_page_types_no_sample_size():
    text = PAGE.read_text(encoding="utf-8")
    sizes = [line for line in text.splitlines() if line.startswith("*Size:*")]
    assert len(sizes) == text.count("\n### ")
    for line in sizes:
        named = re.findall(r"\{endomtor-sample-size\}`([^`]+)`", line)
        assert named, line
        assert set(named) <= set(sample_size.ids())
        assert not re.search(r"\d", re.sub(r"\{endomtor-sample-size\}`[^`]+`", "", line)), line


def test_a_sentence_has_the_n_of_the_frozen_counts_with_its_unit(frozen):
    rows = sample_size.needed(frozen.table)
    for one in sample_size.ids():
        text = sample_size.text(one)
        unit = f"{catalogue.load().rule(one).unit}s" if "." in one else "units"
        n = rows.at[one, "n"]
        words = f"more than {max(sample_size.GRID)}" if np.isnan(n) else f"{n:.0f}"
        assert f"{words} {unit} in each group (95 % limits: " in text


def test_the_table_shows_every_prediction_and_says_that_effects_are_invented():
    with capture_output() as shown:
        sample_size.show_table()
    text = shown.outputs[0].data["text/plain"]
    assert "whose effects are invented" in " ".join(text.split())
    assert text.count("C5") >= 3
    assert "SIMULATED" in text or "Simulated data, world “paper”" in text


def test_beside_measured_data_no_simulated_number_is_shown():
    with capture_output() as shown:
        sample_size.show_table("measured")
    (output,) = shown.outputs
    assert "left out here" in output.data["text/markdown"]
    assert not re.search(r"\b\d+ (animals|donors|units)", output.data["text/markdown"])
