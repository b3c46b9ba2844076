"""Chapter 07: what it says of kept and broken promises, of a missing or stale table. All rates here are invented."""

import re
from dataclasses import replace
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from endomtor import calibration as counting
from endomtor import contract, paths, worlds
from endomtor.calibration import Calibration, rates
from endomtor.calibration import report as calibration
from endomtor.chapter import Chapter
from endomtor.claims import evidence

NAME = "07_calibration"
NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / f"{NAME}.py"
PLAN = counting.load()
PS6, MARROW, LSK = "C1.signaling.pS6_S235_236", "C3.marrow.HSC", "C3.marrow.LSK"


@pytest.fixture(scope="module", autouse=True)
def _shell():
    # Something must receive what is published; no history file is written for it.
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def table_of(*rows, of=2000):
    """Rates from (scenario, id, measure, count, promised), judged as a run does."""
    frame = pd.DataFrame(rows, columns=["scenario", "id", "measure", "count", "promised"])
    frame = frame.assign(part="tables", planted=0.25, of=of, drawn=of)
    frame.loc[~frame["id"].str.contains(".", regex=False), "planted"] = np.nan
    frame.loc[frame["id"].str.startswith("C4."), "part"] = "expression"
    frame.loc[frame["id"].str.endswith("over days"), "part"] = "courses"
    return frame


def calibrated(*rows, of=2000, **about):
    table = rates.judged(rates._with_rates(table_of(*rows, of=of)), PLAN)
    bias = table.dropna(subset="planted").drop_duplicates(["scenario", "id"])[["scenario", "id", "planted"]]
    bias = bias.assign(median=0.2, bias=0.2 - bias["planted"])
    cohorts = {"tables": of, "courses": of, "expression": of}
    told = {"plan": PLAN.version, "date": PLAN.date.isoformat(), "seed": PLAN.seed, "cohorts": cohorts}
    told |= {"frozen": "2026-11-25", "joint": PLAN.joint, "code": counting.code_print()}
    return Calibration(table, bias, pd.DataFrame(), told | about)


KEPT = (
    ("edge", PS6, rates.FALSE_SUPPORT, 44, 0.025),
    ("edge", LSK, rates.FALSE_SUPPORT, 96, 0.05),
    ("edge", "C1", rates.FALSE_SUPPORT, 0, 0.025),
    ("edge", PS6, rates.COVERAGE, 1903, 0.95),
    ("three", PS6, rates.COVERAGE, 1990, 0.95),
    ("survivor", MARROW, rates.COVERAGE, 800, np.nan),
    ("edge", "C2.blood.WBC over days", rates.COVERAGE, 1894, 0.95),
    ("paper", PS6, rates.FALSE_CONTRADICTION, 10, 0.05),
    ("paper", PS6, rates.POWER, 1720, np.nan),
    ("paper", "C1", rates.POWER, 1850, np.nan),
    ("smallest", PS6, rates.POWER, 820, np.nan),
    ("paper", "C4.transcriptome.phi", rates.POWER, 1500, np.nan),
    ("paper", "C4.transcriptome.phi", rates.COVERAGE, 1902, 0.95),
    ("null", "cells as n: polarity", "wrong", 900, np.nan),
    ("null", "cells as n: polarity", "right", 88, 0.05),
    ("trade", "raw per cent: myeloid", "wrong", 1300, np.nan),
    ("trade", "raw per cent: myeloid", "right", 92, 0.05),
)
BROKEN = ("unequal", PS6, rates.FALSE_SUPPORT, 120, 0.025)


@pytest.fixture(scope="module")
def kept():
    return calibrated(*KEPT)


@pytest.fixture(scope="module")
def broken():
    return calibrated(*KEPT, BROKEN)


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    about = 'title = "My mice"\nprovenance = "measured"\nsource = "a test"\n'
    (folder / "dataset.toml").write_text(about, encoding="utf-8")
    table = worlds.simulate_tables("paper", 1, ["bmec_signaling"])["bmec_signaling"]
    table.replace(r"^sim-", "", regex=True).to_csv(folder / "bmec_signaling.csv", index=False)
    return Chapter(NAME, contract.load(folder))


def published(section, *args, **kwargs):
    with capture_output() as captured:
        section(*args, **kwargs)
    return captured.outputs


def said(section, *args, **kwargs) -> str:
    """All that a section shows, as text; of a figure its caption."""
    parts = []
    for output in published(section, *args, **kwargs):
        caption = output.metadata.get("endomtor", {}).get("caption", "") if "image/png" in output.data else ""
        parts.append(caption or output.data.get("text/markdown") or output.data["text/plain"])
    return "\n".join(parts)


def figure_of(section, *args, **kwargs) -> dict:
    (output,) = published(section, *args, **kwargs)
    assert "image/png" in output.data
    return output.metadata["endomtor"]


# --- promises kept, broken, careful ---


def test_kept_promises_are_said_to_be_kept(kept):
    promises = int(kept.table["promised"].notna().sum())
    assert said(calibration.show_beyond, kept) == f"None of the {promises} promises is broken."


def test_a_broken_promise_is_named_with_its_design_and_its_verdict_withdrawn(broken):
    text = said(calibration.show_beyond, broken)
    promises = int(broken.table["promised"].notna().sum())
    assert f"**1 of the {promises} promises is broken.**" in text
    assert "not to be trusted in such designs: “unequal” (edge, half of the aged units" in text
    row = next(line for line in text.splitlines() if PS6 in line).split()
    limit = broken.table.set_index("scenario").loc["unequal", "limit"]
    assert row == [PS6, "unequal", *rates.FALSE_SUPPORT.split(), "6.0", "2.5", f"{100 * limit:.1f}", "2,000"]


# --- figures and tables carry the numbers ---


def test_the_figure_of_false_support_says_what_it_shows(broken):
    shown = figure_of(calibration.show_rates, broken, rates.FALSE_SUPPORT)
    for text in (shown["caption"], shown["alt"]):
        assert f"Beyond their band: 1 of 3 (6 % for {PS6} in “unequal”)" in text
        assert f"The highest rate with a promise is 6 % for {PS6} in “unequal”" in text
        assert "At 0 %: 1 of 3 marks" in text
    assert "promised (2.5 %)" in shown["caption"]
    assert "n = 2,000 cohorts" in shown["caption"]
    assert "16 scenarios" not in shown["caption"]
    assert f"{broken.table['scenario'].nunique()} scenarios”, seed 1000000" in shown["caption"]


def test_the_figure_of_coverage_leaves_mixed_models_to_their_own(kept):
    caption = figure_of(calibration.show_rates, kept, rates.COVERAGE)["caption"]
    assert "Beyond their band: 0 of 3." in caption
    assert "The lowest rate with a promise is 95.1 % for C4.transcriptome.phi in “paper”" in caption
    assert "Nothing is promised in “survivor”, where rates are 40 %." in caption
    assert "lowest rate with a promise is 94.7 % for C2.blood.WBC over days" in said(calibration.show_courses, kept)


def test_the_summary_gives_the_worst_of_each_scenario(broken):
    lines = said(calibration.show_summary, broken).splitlines()
    row = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert row["edge"] == ["5", "0", "1", "2.2", "4.8", "–", "94.7", "0.0"]
    assert row["unequal"] == ["1", "1", "0", "6.0", "–", "–", "–", "0.0"]
    assert row["survivor"] == ["0", "0", "0", "–", "–", "–", "40.0", "0.0"]
    assert "“survivor” promises nothing." in lines[1]
    assert "“confounded” (groups aligned with batch or sex) has no rate" in lines[1]


def test_power_stands_with_interval_and_bias(kept):
    text = said(calibration.show_power, kept, "paper")
    assert "Least often: C4.transcriptome.phi, 75 %; most often: C1, 92.5 %." in text
    line = next(line for line in text.splitlines() if line.strip().startswith(PS6)).split()
    found = kept.table[kept.table["id"].eq(PS6) & kept.table["scenario"].eq("paper")].set_index("measure")
    low, high = found.loc[rates.POWER, ["low", "high"]]
    assert line == [PS6, "86.0", f"{100 * low:.1f}", "to", f"{100 * high:.1f}", "0.250", "0.200", "−0.050"]
    assert next(line for line in text.splitlines() if line.strip().startswith("C1 ")).split()[-3:] == ["–"] * 3
    assert PS6 in said(calibration.show_power, kept, "smallest")


# --- where the rates come from ---


def test_the_box_says_frozen_with_seed_code_and_date_and_that_the_readers_data_play_no_part(kept, chapter):
    text = said(calibration.show_box, kept, chapter)
    assert text.startswith("SIMULATED")
    for words in (
        "Frozen table: data/derived/calibration.csv",
        f"version {PLAN.version} of {PLAN.date.isoformat()}",
        "from 1,000,000 on",
        f"Code: {kept.about['code'][:12]}",
        "2,000 (mixed models; 2,000 in each scenario)",
        "That is the code of this page.",
        "Design: the book's own, not that of any laboratory.",
        "Of the data set of this build (MEASURED · My mice) only the numbers of units are used",
    ):
        assert words in text
    assert "The plan has changed" not in text


def test_another_code_or_plan_is_said(chapter):
    text = said(calibration.show_box, calibrated(*KEPT, code="0" * 64, plan=0), chapter)
    assert "The code has changed since" in text
    assert f"The plan has changed since: it is at version {PLAN.version} now." in text


def test_without_a_frozen_table_the_page_says_so_once_and_goes_on(tmp_path, monkeypatch, chapter):
    for name in ("claims.toml", "calibration.toml"):
        (tmp_path / name).write_bytes((paths.data() / name).read_bytes())
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    monkeypatch.setenv("ENDOMTOR_EVIDENCE", str(tmp_path))
    cells = [cell.source for cell in jupytext.read(NOTEBOOK).cells if cell.cell_type == "code"]
    scope = {"chapter": chapter, "calibration": calibration}
    with capture_output() as captured:
        # Not the parameters and the imports, which would open the simulated world.
        for source in cells[2:]:
            exec(source, scope)
    texts = [output.data.get("text/markdown", "") for output in captured.outputs]
    assert len([text for text in texts if "The frozen rates are not here" in text]) == 1
    assert not any("image/png" in output.data for output in captured.outputs)
    assert evidence.read(tmp_path / f"{NAME}.json") == []


# --- the slice ---


def test_the_slice_agrees_with_itself_and_not_with_other_rates(kept):
    small = calibration.slice_again(kept, cohorts=2)
    assert small.about["cohorts"] == {"tables": 2}
    assert set(small.table["scenario"]) == {calibration.SLICE_SCENARIO}
    text = said(calibration.say_slice, small, small)
    assert f"the first 2 cohorts of the scenario “{calibration.SLICE_SCENARIO}”; none of the {len(small.table)}" in text
    other = replace(small, table=small.table[small.table["id"] != "C1"])
    assert "**1 of the" in said(calibration.say_slice, other, small)
    assert "must be counted again" in said(calibration.say_slice, other, small)


# --- in the design of the data ---


def test_the_design_of_measured_data_has_a_table_with_its_few_cohorts(chapter):
    text = said(calibration.show_own_design, chapter, count=3)
    assert text.startswith("SIMULATED · world “scenarios edge and paper, in the design of these data”")
    assert "3 cohorts a scenario, drawn with the numbers of units of “My mice”" in text
    row = next(line for line in text.splitlines() if PS6 in line)
    assert re.search(r" [0-3] of 3 \(\d+ to \d+ %\) +[0-3] of 3 \(\d+ to \d+ %\)", row)
    assert "**3 cohorts are few:**" in text
    assert "C3" not in text


def test_simulated_data_have_no_design_of_their_own():
    own = Chapter(NAME, worlds.dataset("paper", 1, ["bmec_signaling"]))
    text = said(calibration.show_own_design, own)
    assert text.startswith("The data set of this build is simulated")
    assert "cohorts a scenario" not in text
