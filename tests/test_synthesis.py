"""Chapter 06: evidence of a build gathered, one phi for the assays, words that claim no more."""

import re
import time
from dataclasses import replace

import pytest

from endomtor import worlds
from endomtor.analyses import synthesis
from endomtor.analyses.judge import Judge
from endomtor.claims import catalogue, evidence, verdicts
from endomtor.contract.dataset import from_tables
from endomtor.errors import BuildError
from endomtor.stats import joint_phi
from endomtor.views.conclusions import conclusions
from endomtor.worlds.simulation import EXPRESSION, TABULAR

TABLES = (*TABULAR, *EXPRESSION[:2])
MEASURED = {"title": "My mice", "provenance": "measured", "source": "a test"}
SUPPORT = re.compile(r"\bsupport(s|ed)?\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def cohort():
    """One cohort of each world, drawn and judged once: its data set and its records."""
    known = {}

    def drawn(world: str, seed: int = 1, *, about: dict | None = None, without: tuple[str, ...] = ()):
        key = (world, seed, str(about), without)
        if key not in known:
            groups = [one for one in without if one in ("control", "young", "aged", "ecko")]
            tables = worlds.simulate_tables(world, seed, TABLES)
            tables = {name: table for name, table in tables.items() if name not in without}
            tables = worlds.without(tables, *groups) if groups else tables
            if about:
                dataset = from_tables(about, {name: renamed(table) for name, table in tables.items()})
            else:
                dataset = worlds.dataset(world, seed, tables=tables)
            known[key] = dataset, Judge(dataset).records()
        return known[key]

    return drawn


def renamed(table):
    """As a laboratory would name its animals: ids that begin with sim- are refused for measured data."""
    table = table.rename(columns=lambda name: str(name).removeprefix("sim-"))
    return table.replace(r"^sim-", "", regex=True)


def joint_of(dataset, bootstrap: int = 199):
    tables, left_out = synthesis.unit_values(dataset)
    direction = {name: rule.direction for name, rule in synthesis.primary_phis().items()}
    return joint_phi(tables, direction=direction, bootstrap=bootstrap, seed=1), left_out


def said(dataset, records) -> dict[str, str]:
    return conclusions(Judge(dataset).ledger(records))


class TestEvidence:
    @pytest.fixture
    def build(self, cohort, tmp_path, monkeypatch):
        """Evidence files of a build: the data set, and what writes the records of some chapters."""
        dataset, records = cohort("paper")
        monkeypatch.setenv("ENDOMTOR_BUILD", str(tmp_path))

        def write(records=records, chapters=("01", "02", "03", "04", "05")):
            for name in (claim.chapter for claim in catalogue.load().claims):
                if name[:2] in chapters:
                    own = [one for one in records if one.notebook == name]
                    evidence.write(tmp_path / "evidence" / f"{name}.json", own)

        return dataset, records, write

    def test_it_is_read_whole(self, build):
        dataset, records, write = build
        write()
        assert {one.id for one in evidence.of_build(dataset.provenance)} == {one.id for one in records}

    def test_what_is_missing_is_named_in_one_sentence(self, build):
        dataset, _, write = build
        write(chapters=("01", "03", "04"))
        expected = r"^the evidence of 02_rapamycin and 05_serial_transplants is not in .*: run "
        with pytest.raises(BuildError, match=expected) as e:
            evidence.of_build(dataset.provenance)
        assert str(e.value).count(". ") == 0

    @pytest.mark.parametrize("changed", [{"world": "bystander"}, {"seed": 2}, {"sha256": "0" * 64}])
    def test_that_of_other_data_is_refused(self, build, changed):
        dataset, records, write = build
        write([replace(one, provenance=one.provenance | changed) if one.claim == "C3" else one for one in records])
        with pytest.raises(BuildError, match=r"^the evidence C3.* as it is now: run `endomtor build`"):
            evidence.of_build(dataset.provenance)


class TestOnePhi:
    def test_it_takes_the_primary_endpoints_in_seconds(self, cohort):
        dataset, _ = cohort("paper")
        start = time.perf_counter()
        joint, left_out = joint_of(dataset, bootstrap=2000)
        assert time.perf_counter() - start < 20
        assert set(joint.endpoints) | set(joint.left_out) | set(left_out) == set(synthesis.primary_phis())
        assert 0.5 < joint.phi < 1
        assert joint.ci_low < 0.75 < joint.ci_high

    def test_the_values_are_those_that_the_chapters_tested(self, cohort):
        dataset, records = cohort("paper")
        tables, _ = synthesis.unit_values(dataset)
        estimates = {record.id: record for record in records}
        for name, table in tables.items():
            for one, rows in table.frame.groupby("id"):
                counted = rows.groupby("group")[table.unit].nunique().to_dict()
                assert counted == estimates[one].n, (name, one)
                if table.block is None:
                    mean = rows.groupby("group")["value"].mean()
                    phi = (mean["ecko"] - mean["control"]) / (mean["aged"] - mean["young"])
                    assert phi == pytest.approx(estimates[one].estimate)

    def test_assays_that_differ_are_found_to_differ(self):
        changes = {"phenocopy_by_endpoint": {"marrow.HSC": 0.0, "transplant.chimerism": 0.0}, "phenocopy": 1.0}
        joint, _ = joint_of(worlds.dataset(worlds.load("paper", changes), 3, TABLES), bootstrap=499)
        assert joint.p < 0.05
        furthest = max(joint.residuals, key=lambda one: abs(joint.residuals[one]))
        assert furthest in ("C3.marrow.HSC", "C5.transplant.chimerism")

    def test_without_aging_the_question_cannot_be_asked(self, cohort):
        joint, _ = joint_of(cohort("null", 2)[0])
        assert joint.withheld
        assert any("No aging effect seen" in why for why in joint.left_out.values())

    def test_a_confounded_table_is_left_out_with_the_reason(self, cohort):
        _, left_out = synthesis.unit_values(cohort("confounded")[0])
        assert re.search(r"(batch|sex).*\.$", left_out["C3.marrow.HSC"])

    def test_a_shared_control_enters_as_such(self, cohort):
        joint, _ = joint_of(cohort("paper", 1, without=("control",))[0])
        assert any("young stands in for control" in one for one in joint.warnings)
        assert all("control" not in n for n in joint.n.values())

    def test_tables_that_are_missing_are_named(self, cohort):
        missing = ("ecko_marrow", "hspc_counts", "hspc_samples", "serial_transplants")
        dataset, _ = cohort("paper", 1, about=MEASURED, without=missing)
        joint, left_out = joint_of(dataset)
        assert left_out["C3.marrow.HSC"] == "These data hold no values of it (ecko_marrow)."
        assert {one.split(".")[1] for one in joint.endpoints} <= {"blood", "cells", "limiting_dilution", "competitive"}

    def test_nothing_to_synthesise(self, cohort):
        everything = tuple(name for name in TABLES if name != "bmec_signaling")
        tables, left_out = synthesis.unit_values(cohort("paper", 1, about=MEASURED, without=everything)[0])
        assert tables == {}
        assert set(left_out) == set(synthesis.primary_phis())


class TestTheLedgerInWords:
    def test_the_sentence_has_the_verdicts_of_the_ledger(self, cohort):
        assert said(*cohort("bystander"))["Simulated data"] == (
            "In this simulated world (“bystander”, seed 1) the analysis finds the planted effects of C1, is silent, as "
            "it should be, on C2, C3, C4, C5 and C5b and gives no verdict on C1b and C6: this says nothing about mice."
        )

    def test_a_premise_that_holds_is_not_the_claim(self, cohort):
        dataset, records = cohort("bystander")
        whole = Judge(dataset).ledger(records)
        for claim in whole["claims"]:
            claim["premise"]["verdict"] = verdicts.SUPPORTED if claim["id"] == "C4" else verdicts.NOT_TESTABLE
        assert conclusions(whole)["Premises, on public data"] == (
            "Others' published data support the premise of C4. No public data at hand test a premise of C1, C1b, C2, "
            "C3, C5, C5b and C6. A premise that holds is not the claim: no public data hold a knock-out."
        )

    @pytest.mark.parametrize("verdict", verdicts.WORLD_WORDS)
    def test_no_word_of_a_simulated_world_reads_as_support(self, cohort, verdict):
        dataset, records = cohort("paper")
        whole = Judge(dataset).ledger(records)
        for claim in whole["claims"]:
            claim["prediction"]["verdict"] = verdict
        text = conclusions(whole)["Simulated data"]
        assert not SUPPORT.search(text)
        assert "C1, C1b, C2, C3, C4, C5, C5b and C6" in text
        assert text.endswith("this says nothing about mice.")

    def test_measured_data(self, cohort):
        missing = ("ecko_marrow", "hspc_counts", "hspc_samples", "serial_transplants")
        text = said(*cohort("paper", 1, about=MEASURED, without=missing))["Measured data"]
        assert text.startswith("The measured data “My mice” support what follows from C1")
        assert "cannot test C1b, C4, C5, C5b and C6" in text

    def test_example_data_never_read_as_evidence(self, cohort):
        about = MEASURED | {"example": True}
        text = said(*cohort("paper", 1, about=about, without=("ecko_marrow",)))["Example data"]
        assert "were invented to show the format" in text
        assert "“supported” for C1" in text
        assert text.endswith("this says nothing about mice.")
