"""Chapter 07: what its cells compute, what its words say of rates that keep or miss their level, older rates."""

from dataclasses import replace
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Markdown
from IPython.utils.capture import capture_output
from traitlets.config import Config

from endomtor import calibration, contract, worlds
from endomtor.calibration import rates, report
from endomtor.chapter import Chapter
from endomtor.own_data import design

NAME = "07_calibration"
NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / f"{NAME}.py"
PLAN, FROZEN = calibration.load(), calibration.frozen()
PS6, MARROW, LSK = "C1.signaling.pS6_S240_244", "C3.marrow.HSC", "C3.marrow.LSK"


@pytest.fixture(scope="module")
def shell():
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Chapter:
    folder = tmp_path_factory.mktemp("lab")
    about = 'title = "My mice"\nprovenance = "measured"\nsource = "a test"\n'
    (folder / "dataset.toml").write_text(about, encoding="utf-8")
    table = worlds.simulate_tables("paper", 1, ["bmec_signaling"])["bmec_signaling"]
    table.replace(r"^sim-", "", regex=True).to_csv(folder / "bmec_signaling.csv", index=False)
    return Chapter(NAME, contract.load(folder))


def cells(*, among=lambda tags: True) -> list[str]:
    found = jupytext.read(NOTEBOOK).cells
    return [one.source for one in found if one.cell_type == "code" and among(one.metadata.get("tags", []))]


def run(shell: InteractiveShell, sources: list[str]) -> list:
    """Run cells one after another and return what they show; their last expressions come last."""
    last = []
    with capture_output() as captured:
        for source in sources:
            ran = shell.run_cell(source)
            ran.raise_error()
            last += [ran.result] if isinstance(ran.result, Markdown) else []
    return [*captured.outputs, *last]


@pytest.fixture(scope="module")
def page(shell, measured):
    """All cells but those that open the chapter and write its evidence, on a laboratory's data; what they show."""
    shell.user_ns["chapter"] = measured
    sources = [one for one in cells() if "open_chapter(" not in one and "chapter.write()" not in one]
    assert any("import numpy" in one for one in sources)
    return run(shell, sources), dict(shell.user_ns)


def text_of(output) -> str:
    return output.data if isinstance(output, Markdown) else output.data.get("text/plain", "")


# --- what the page computes ---


def test_the_page_judges_as_the_calibration_does(page):
    table = page[1]["rates"]
    for column in ("rate", "low", "high", "limit"):
        np.testing.assert_allclose(table[column], FROZEN.table[column], rtol=1e-5, atol=1e-9)
    assert table["judgement"].tolist() == FROZEN.table["judgement"].tolist()


def test_each_figure_is_marked_and_counts_cohorts(page):
    shown = {
        one.metadata["endomtor"]["name"]: one
        for one in page[0]
        if not isinstance(one, Markdown) and "image/png" in one.data
    }
    ends = ("false-support", "false-contradiction", "coverage", "courses", "mistakes")
    curves = shown.pop("fig-power-sd").metadata["endomtor"]["caption"]
    assert "Unit: study" in curves
    assert "four normal groups" in curves
    assert set(shown) == {f"fig-{one}" for one in ends}
    for one in shown.values():
        caption = one.metadata["endomtor"]["caption"]
        assert "Unit: cohort; n = " in caption
        assert "17 scenarios”, seed 1000000" in caption
        assert len(caption.partition("Simulated data")[0].split()) <= 60


def test_the_answers_of_its_cohort_are_those_of_the_frozen_slice(page):
    own = page[1]["one"]
    kept = FROZEN.slice[FROZEN.slice["seed"] == PLAN.seed].set_index("id")
    np.testing.assert_allclose(own["estimate"].astype(float), kept.loc[own.index, "estimate"], rtol=1e-7)


def test_frozen_rates_of_this_code_are_said_to_stand(page):
    (said,) = [text_of(one) for one in page[0] if "differ** from the frozen ones" in text_of(one)]
    assert f"Of the {len(FROZEN.slice)} answers in 4 cohorts **0 differ**" in said
    assert said.endswith("the rates stand.")


def test_frozen_rates_of_other_code_are_said_to_be_older(shell, page):
    kept = FROZEN.slice.copy()
    kept.loc[kept["id"] == PS6, "estimate"] += 1e-4
    (cell,) = [one for one in cells() if "calibration.moved" in one]
    shell.user_ns["found"] = replace(FROZEN, slice=kept[kept["seed"] == PLAN.seed])
    (said,) = map(text_of, run(shell, [cell]))
    assert "**1 differ** from the frozen ones" in said
    assert "**older than the analyses** and must be counted again" in said


def test_the_design_of_measured_data_has_a_table_with_its_few_cohorts(page):
    words = [text_of(one) for one in page[0]]
    (table,) = [one for one in words if "in the design of these data" in one]
    assert table.startswith("SIMULATED · world “scenarios edge and paper")
    assert "drawn with the numbers of units of “My mice”" in table
    assert PS6 in table
    assert "C3" not in table
    assert any(one.startswith(f"**{design.COHORTS} cohorts are few:**") for one in words)


# --- its words, on invented rates ---


def judged(*rows, of=2000):
    """Rates from (scenario, id, measure, count, nominal), judged as a run does."""
    frame = pd.DataFrame(rows, columns=["scenario", "id", "measure", "count", "nominal"])
    frame = frame.assign(part="tables", planted=0.25, of=of, drawn=of)
    frame.loc[frame["id"].str.endswith("over days"), "part"] = "courses"
    return report.described(rates.judged(rates._with_rates(frame), PLAN))


def test_facts_name_what_lies_beyond_the_extreme_and_the_flawless():
    said = report.facts(
        judged(
            ("edge", PS6, rates.FALSE_SUPPORT, 44, 0.025),
            ("edge", "C1", rates.FALSE_SUPPORT, 0, 0.025),
            ("unequal", PS6, rates.FALSE_SUPPORT, 120, 0.025),
            ("survivor", MARROW, rates.FALSE_SUPPORT, 800, 0.025),
        )
    )
    assert said == (
        f"Beyond: 1 of 3 (6 % for {PS6} in “unequal”). The highest is 6 % for {PS6} in “unequal”. "
        "At 0 %: 1 of 4 marks. No level in “survivor”: 40 %."
    )


def test_of_coverage_the_lowest_is_named():
    own = judged(("edge", PS6, rates.COVERAGE, 1903, 0.95), ("three", PS6, rates.COVERAGE, 1990, 0.95))
    assert report.facts(own) == f"Beyond: 0 of 2. The lowest is 95.2 % for {PS6} in “edge”."
    assert report.n_text(own) == "Unit: cohort; n = 2,000 with a verdict"


def test_rules_are_told_apart_by_kind_and_direction():
    own = judged(
        ("null", PS6, rates.POWER, 1, np.nan),
        ("null", MARROW, rates.POWER, 1, np.nan),
        ("null", LSK, rates.POWER, 1, np.nan),
        ("null", "C1", rates.POWER, 1, np.nan),
        ("null", "C2.blood.WBC over days", rates.COVERAGE, 1, 0.95),
        ("null", "cells as n: polarity", "wrong", 1, np.nan),
        ("null", "cells as n: polarity", "right", 1, 0.05),
    )
    kinds = ["difference", "phi", "phi", "claim", "mixed model", "wrong analysis", "right twin"]
    assert own["kind"].tolist() == kinds
    assert own["claim"].sum() == 1
    assert own.loc[own["either"], "id"].tolist() == [LSK]


def test_the_box_says_where_the_rates_come_from(measured):
    said = " ".join(report.sources(FROZEN, measured.provenance))
    for words in (
        "Frozen table: data/derived/calibration.csv",
        f"version {PLAN.version} of {PLAN.date.isoformat()}",
        "from 1,000,000 on",
        "10,400 (all tables but gene expression)",
        "Design: the book's own, not that of any laboratory.",
        "only the numbers of units are used",
    ):
        assert words in said
    assert "The plan has changed" not in said
    older = replace(FROZEN, about=FROZEN.about | {"plan": 0})
    assert f"at version {PLAN.version} now" in " ".join(report.sources(older, measured.provenance))
