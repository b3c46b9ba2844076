"""Chapter 06: evidence of a build gathered, one axis for phi, one phi for the assays, words that claim no more."""

import re
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from conftest import some_quick
from endomtor import paths, worlds
from endomtor.analyses import ecko_phenotypes, mtor_decline, rapamycin, synthesis, transcriptome, transplants
from endomtor.chapter import Chapter
from endomtor.claims import catalogue, evidence, ledger, verdicts
from endomtor.contract.dataset import from_tables
from endomtor.errors import BuildError
from endomtor.worlds.simulation import EXPRESSION, TABULAR

TABLES = (*TABULAR, *EXPRESSION[:2])
MEASURED = {"title": "My mice", "provenance": "measured", "source": "a test"}
SUPPORT = re.compile(r"\bsupport(s|ed)?\b", re.IGNORECASE)


@pytest.fixture(scope="module", autouse=True)
def _shell():
    # Something must receive what is published; no history file is written for it.
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def analysed(dataset) -> list:
    """The records of chapters 01 to 05, by the functions that their notebooks call."""
    one, two, three, four, five = (Chapter(claim, dataset) for claim in chapter_names())
    with capture_output():
        mtor_decline.compare_markers(one, mtor_decline.markers(one))
        rapamycin.compare_blood(two, rapamycin.change_from_baseline(rapamycin.blood(two)))
        rapamycin.compare_marrow(two, rapamycin.marrow(two))
        ecko_phenotypes.compare(three, ecko_phenotypes.blood(three), "ecko_blood")
        ecko_phenotypes.compare(three, ecko_phenotypes.marrow(three), "ecko_marrow")
        cells = ecko_phenotypes.per_animal(ecko_phenotypes.cells(three))
        ecko_phenotypes.compare(three, cells, "ecko_cells")
        donors = ecko_phenotypes.donors(ecko_phenotypes.dilution(three))
        ecko_phenotypes.compare(three, donors, "ecko_limiting_dilution")
        ecko_phenotypes.do_mice(three)
        data = transcriptome.transcriptomes(four)
        transcriptome.phi(four, data, transcriptome.scores(data))
        transcriptome.populations(four)
        transplants.compare(five, transplants.recipients(five))
    return [one, two, three, four, five]


def chapter_names() -> list[str]:
    return sorted({claim.chapter for claim in catalogue.load().claims})


def write_evidence(build, chapters) -> None:
    for chapter in chapters:
        evidence.write(build / "evidence" / f"{chapter.name}.json", evidence.adjusted(chapter.records))


@pytest.fixture(scope="module")
def cohort():
    """One cohort of each world, drawn and analysed once: its chapter 06, records, and chapters 01 to 05."""
    known = {}

    def drawn(world: str, seed: int = 1, *, about: dict | None = None, without: tuple[str, ...] = ()):
        key = (world, seed, about is None, without)
        if key not in known:
            tables = worlds.simulate_tables(world, seed, TABLES)
            groups = [one for one in without if one in ("control", "young", "aged", "ecko")]
            tables = (
                worlds.without({k: v for k, v in tables.items() if k not in without}, *groups) if without else tables
            )
            if about:
                dataset = from_tables(about, {name: renamed(table) for name, table in tables.items()})
            else:
                dataset = worlds.dataset(world, seed, tables=tables)
            chapters = analysed(dataset)
            records = [record for chapter in chapters for record in chapter.records]
            known[key] = Chapter("06_synthesis", dataset), records, chapters
        return known[key]

    return drawn


def renamed(table: pd.DataFrame) -> pd.DataFrame:
    """As a laboratory would name its animals: ids that begin with sim- are refused for measured data."""
    table = table.rename(columns=lambda name: str(name).removeprefix("sim-"))
    return table.replace(r"^sim-", "", regex=True)


def said(section, *args) -> str:
    """All that a section shows, as text; of a figure its caption and alt text."""
    with capture_output() as captured:
        section(*args)
    parts = []
    for output in captured.outputs:
        own = output.metadata.get("endomtor", {})
        parts += [own.get("caption", ""), own.get("alt", "")] if "image/png" in output.data else []
        parts.append(output.data.get("text/markdown") or output.data["text/plain"])
    return "\n".join(parts)


# --- evidence ---


def test_the_evidence_of_the_build_is_read_whole(cohort, tmp_path, monkeypatch):
    chapter, records, chapters = cohort("paper")
    monkeypatch.setenv("ENDOMTOR_BUILD", str(tmp_path))
    write_evidence(tmp_path, chapters)
    found = synthesis.gather(chapter)
    assert [one.id for one in found] == [one.id for one in records]
    text = said(synthesis.show_evidence, found)
    assert f" 05 {len(chapters[4].records)} 0 0 0" in " ".join(text.split())


def test_missing_evidence_is_named_in_one_sentence(cohort, tmp_path, monkeypatch):
    chapter, _, chapters = cohort("paper")
    monkeypatch.setenv("ENDOMTOR_BUILD", str(tmp_path))
    write_evidence(tmp_path, [one for one in chapters if one.name[:2] in ("01", "03", "04")])
    with pytest.raises(
        BuildError, match=r"^the evidence of 02_rapamycin and 05_serial_transplants is not in .*: run "
    ) as e:
        synthesis.gather(chapter)
    assert str(e.value).count(". ") == 0


@pytest.mark.parametrize("changed", [{"world": "bystander"}, {"seed": 2}, {"sha256": "0" * 64}])
def test_evidence_of_other_data_is_refused(cohort, tmp_path, monkeypatch, changed):
    chapter, _, chapters = cohort("paper")
    monkeypatch.setenv("ENDOMTOR_BUILD", str(tmp_path))
    write_evidence(tmp_path, chapters)
    stale = [replace(one, provenance=one.provenance | changed) for one in chapters[2].records]
    evidence.write(tmp_path / "evidence" / f"{chapters[2].name}.json", stale)
    with pytest.raises(BuildError, match=r"^the evidence C3.* as it is now: run `endomtor build`"):
        synthesis.gather(chapter)


# --- one axis ---


def test_every_phi_has_its_row_by_assay_with_primaries_first(cohort):
    _, records, _ = cohort("paper")
    rows = synthesis.phi_rows(records)
    rule = catalogue.load().rule
    assert set(rows["id"]) == {one.id for one in records if one.kind == "prediction" and rule(one.id).rule == "phi"}
    places = [list(synthesis.ASSAYS).index(one) for one in rows["assay"]]
    assert places == sorted(places)
    for _, own in rows.groupby("assay"):
        assert own["primary"].is_monotonic_decreasing
    assert rows["id"].isin(synthesis.primary_phis()).sum() == rows["primary"].sum() == 8
    row = rows.set_index("id").loc["C5.transplant.chimerism.p1"]
    assert (row["label"], row["n"]) == ("serial transplants: chimerism, passage 1", "n 10")


def test_unbounded_and_two_piece_sets_reach_the_figure_as_such(cohort):
    _, records, _ = cohort("null")
    rows = synthesis.phi_rows(records)
    kinds = set(rows["interval_kind"])
    assert {"two_piece", "whole_line"} & kinds
    open_rows = rows[rows["interval_kind"] == "whole_line"]
    assert np.isinf(open_rows[["low", "high"]].to_numpy(float)).all()
    assert rows.loc[rows["note"].notna(), "estimate"].isna().all()


def test_the_forest_says_units_and_n_from_the_records(cohort):
    chapter, records, _ = cohort("paper")
    text = said(synthesis.show_forest, chapter, records)
    assert "Unit: animal in blood, marrow, single HSCs and transcriptome; donor in limiting dilution" in text
    assert "exposed animal in serial transplants" in text
    assert "Simulated data, world “paper”, seed 1" in text
    one = next(record for record in records if record.id == "C3.marrow.HSC")
    assert f"marrow: HSC (primary) {one.estimate:.2f}, {one.ci_low:.2f} to {one.ci_high:.2f}" in text


def test_the_public_analogue_is_concordance_and_never_phi(cohort):
    _, records, _ = cohort("paper")
    text = said(synthesis.show_analogue, records)
    assert "concordance" in text
    assert "It is not phi" in text
    assert "Public data: GSE162607" in text
    premise = next(record for record in records if record.id == "C4.premise.HSC")
    assert f"old HSCs (premise) {premise.estimate:.2f}" in text


def test_do_mice_are_told_with_their_intervals(cohort):
    _, records, _ = cohort("paper")
    text = said(synthesis.say_do_mice, records)
    own = [one for one in records if one.id.startswith("C3.context.")]
    assert text.count(" to ") == len(own)
    for one in own:
        assert f"({one.estimate:.3f}, ".replace("-", "−") in text
    assert not re.search(r"0\.000\b", text)


def test_what_chapter_03_calls_unsettled_is_so_here(cohort):
    _, records, _ = cohort("paper")
    text = said(synthesis.say_do_mice, records)
    settled, unsettled = text.split("Unsettled")
    for name in ("white blood cells", "lymphocytes", "neutrophil-to-lymphocyte ratio"):
        assert f"{name} (" in unsettled
        assert f"{name} (" not in settled
    # The same three in the words of chapter 03.
    words = (paths.root() / "notebooks" / "03_ecko_phenotypes.py").read_text(encoding="utf-8")
    assert "For white blood cells, lymphocytes and their ratio to neutrophils the two disagree" in words
    assert re.search(r"neutrophils \([^)]+\) and platelets \([^)]+\) rise", settled)
    assert re.search(r"red blood cells \([^)]+\) and hemoglobin \([^)]+\) fall", settled)


# --- one phi ---


def test_the_joint_test_takes_the_primary_endpoints_in_seconds(cohort):
    chapter, _, _ = cohort("paper")
    start = time.perf_counter()
    found = synthesis.agreement(chapter)
    assert time.perf_counter() - start < 10
    assert set(found.answer.endpoints) | set(found.left_out) == set(synthesis.primary_phis())
    assert 0.5 < found.answer.phi < 1
    assert found.answer.ci_low < 0.75 < found.answer.ci_high


def test_the_values_are_those_that_the_chapters_tested(cohort):
    chapter, records, _ = cohort("paper")
    tables, _ = synthesis.unit_values(chapter)
    estimates = {record.id: record for record in records}
    for name, table in tables.items():
        for one, rows in table.frame.groupby("id"):
            counted = rows.groupby("group")[table.unit].nunique().to_dict()
            assert counted == estimates[one].n, (name, one)
            if table.block is None:
                mean = rows.groupby("group")["value"].mean()
                phi = (mean["ecko"] - mean["control"]) / (mean["aged"] - mean["young"])
                assert phi == pytest.approx(estimates[one].estimate)


def test_assays_that_differ_are_found_to_differ(cohort):
    changes = {"phenocopy_by_endpoint": {"marrow.HSC": 0.0, "transplant.chimerism": 0.0}, "phenocopy": 1.0}
    world = worlds.load("paper", changes)
    dataset = worlds.dataset(world, 3, TABLES)
    found = synthesis.agreement(Chapter("06_synthesis", dataset), bootstrap=499)
    assert found.answer.p < 0.05
    text = synthesis.joint_text(found)
    assert text.startswith("**They do not agree**")
    assert re.search(
        r"Furthest from the rest lies (marrow: HSC|serial transplants: chimerism), on the young side", text
    )


def test_an_endpoint_without_a_declared_direction_has_no_side(cohort, tmp_path, monkeypatch):
    name = "C3.marrow.HSC"
    chapter, _, _ = cohort("paper")
    declared = synthesis.agreement(chapter, bootstrap=199).answer
    for path in paths.data().iterdir():
        (tmp_path / path.name).symlink_to(path)
    rules = (paths.data() / "claims.toml").read_text(encoding="utf-8")
    head, tail = rules.split(f'id = "{name}"\n')
    tail = re.sub(r'^direction = ".*"$', 'direction = "either"', tail, count=1, flags=re.MULTILINE)
    (tmp_path / "claims.toml").unlink()
    (tmp_path / "claims.toml").write_text(f'{head}id = "{name}"\n{tail}', encoding="utf-8")
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    assert synthesis.primary_phis()[name].direction == "either"
    found = synthesis.agreement(chapter, bootstrap=199)
    text = said(synthesis.show_joint, chapter, found)
    assert "without a sign where no direction of aging is declared" in " ".join(text.split())
    distance = abs(declared.residuals[name])
    assert re.search(rf"marrow: HSC +{distance:.2f}$", text, re.MULTILINE)
    far = replace(found.answer, p=0.001, residuals=dict.fromkeys(found.answer.residuals, 0.1) | {name: 5.0})
    assert synthesis.joint_text(replace(found, answer=far)).endswith("Furthest from the rest lies marrow: HSC.")


def test_agreement_is_never_claimed(cohort):
    chapter, _, _ = cohort("paper")
    text = synthesis.joint_text(synthesis.agreement(chapter, bootstrap=199))
    assert text.startswith("**A common phi of 0.")
    assert "does not show that they agree" in text


def test_without_aging_the_question_cannot_be_asked(cohort):
    chapter, _, _ = cohort("null", 2)
    found = synthesis.agreement(chapter, bootstrap=199)
    assert synthesis.joint_text(found).startswith("**Whether the assays share one phi cannot be asked:**")
    assert "No aging effect seen" in said(synthesis.show_left_out, found)


def test_a_confounded_table_is_left_out_with_the_reason(cohort):
    chapter, _, _ = cohort("confounded")
    found = synthesis.agreement(chapter, bootstrap=199)
    assert found.left_out["C3.marrow.HSC"].endswith(".")
    assert re.search("batch|sex", found.left_out["C3.marrow.HSC"])


def test_a_shared_control_enters_as_such(cohort):
    chapter, records, _ = cohort("paper", 1, without=("control",))
    found = synthesis.agreement(chapter, bootstrap=199)
    assert any("young stands in for control" in one for one in found.answer.warnings)
    assert all("control" not in n for n in found.answer.n.values())
    assert "in the order young, aged, ECKO" in said(synthesis.show_forest, chapter, records)


@pytest.mark.parametrize("world", some_quick(worlds.names(), ("null", "paper")))
def test_the_page_stands_in_every_world(cohort, world):
    chapter, records, _ = cohort(world)
    whole = synthesis.whole_ledger(chapter, records)
    found = synthesis.agreement(chapter, bootstrap=199)
    text = "\n".join(
        (
            said(synthesis.show_forest, chapter, records),
            said(synthesis.say_joint, found),
            said(synthesis.show_joint, chapter, found),
            said(synthesis.show_left_out, found),
            synthesis.conclusions(whole)["Simulated data"],
        )
    )
    assert not SUPPORT.search(text)
    assert "this says nothing about mice" in text


# --- measured, missing, nothing ---


def test_measured_data_with_tables_missing(cohort):
    missing = ("ecko_marrow", "hspc_counts", "hspc_samples", "serial_transplants")
    chapter, records, _ = cohort("paper", 1, about=MEASURED, without=missing)
    found = synthesis.agreement(chapter, bootstrap=199)
    assert found.left_out["C3.marrow.HSC"] == "These data hold no values of it (ecko_marrow)."
    assert {one.split(".")[1] for one in found.answer.endpoints} <= {"blood", "cells", "limiting_dilution"}
    text = synthesis.conclusions(synthesis.whole_ledger(chapter, records))["Measured data"]
    assert text.startswith("The measured data “My mice” support what follows from C1")
    assert "cannot test C1b, C4 and C5" in text


def test_example_data_never_read_as_evidence(cohort):
    chapter, records, _ = cohort("paper", 1, about=MEASURED | {"example": True}, without=("ecko_marrow",))
    text = synthesis.conclusions(synthesis.whole_ledger(chapter, records))["Example data"]
    assert "were invented to show the format" in text
    assert "“supported” for C1" in text
    assert text.endswith("this says nothing about mice.")


def test_nothing_to_synthesise(cohort):
    everything = tuple(name for name in TABLES if name not in ("bmec_signaling",))
    chapter, records, _ = cohort("paper", 1, about=MEASURED, without=everything)
    assert "No endpoint of these data has a phi" in said(synthesis.show_forest, chapter, records)
    found = synthesis.agreement(chapter)
    assert found.answer is None
    assert "cannot be asked" in said(synthesis.say_joint, found)
    assert said(synthesis.show_joint, chapter, found) == ""
    assert set(found.left_out) == set(synthesis.primary_phis())
    assert said(synthesis.show_analogue, []) == "The evidence holds no public analogue of the transcriptome."
    assert said(synthesis.say_do_mice, []) == ""


# --- the ledger in words ---


def test_the_sentence_has_the_verdicts_of_the_ledger(cohort):
    chapter, records, _ = cohort("bystander")
    whole = synthesis.whole_ledger(chapter, records)
    text = synthesis.conclusions(whole)
    by = {claim["id"]: claim["prediction"]["verdict"] for claim in whole["claims"]}
    assert by["C1"] == verdicts.RECOVERED
    assert text["Simulated data"] == (
        "In this simulated world (“bystander”, seed 1, numbers assumed) the analysis recovers the planted effects of "
        "C1, is rightly silent on C2, C3, C4 and C5 and gives no verdict on C1b: this says nothing about mice."
    )
    assert text["Premises, on public data"] == (
        "Others' published data support the premise of C4. No public data at hand test a premise of C1, C1b, C2, C3 "
        "and C5. A premise that holds is not the claim: no public data hold a knock-out."
    )


@pytest.mark.parametrize("verdict", verdicts.WORLD_WORDS)
def test_no_word_of_a_simulated_world_reads_as_support(cohort, verdict):
    chapter, records, _ = cohort("paper")
    whole = synthesis.whole_ledger(chapter, records)
    changed = [claim | {"prediction": claim["prediction"] | {"verdict": verdict}} for claim in whole["claims"]]
    text = synthesis.conclusions(whole | {"claims": changed})["Simulated data"]
    assert not SUPPORT.search(text)
    assert "C1, C1b, C2, C3, C4 and C5" in text


def test_the_ledger_here_is_the_ledger_of_the_build(cohort):
    chapter, records, _ = cohort("paper")
    whole = synthesis.whole_ledger(chapter, records)
    truth = worlds.load("paper").truth
    assert whole == ledger.build(records, chapter.provenance, catalogue.load(), truth)
    assert whole["evidence"] == [asdict(one) for one in records]


def test_the_chapters_read_are_those_that_serve_a_claim():
    numbered = sorted(path.stem for path in (paths.root() / "notebooks").glob("0[1-5]_*.ipynb"))
    assert chapter_names() == numbered
