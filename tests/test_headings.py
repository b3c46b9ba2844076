"""Headings that tell results: from records of every kind of data to a sentence, and into the page of a chapter."""

import json
import re

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from endomtor import calibration, paths
from endomtor.building import sphinx_extension
from endomtor.calibration import rates, run
from endomtor.claims import catalogue, verdicts
from endomtor.errors import ClaimsError
from endomtor.reporting import percent
from endomtor.views import headings

CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
PRIMARY = [rule.id for claim in catalogue.load().claims for rule in claim.evidence if rule.role == "primary"]


def record(evidence_id: str, reason: str, estimate: float | None = -1.0, **changes) -> dict:
    """A record as the ledger has it, with what a heading reads."""
    rule = catalogue.load().rule(evidence_id)
    word = {verdicts.EFFECT: "supported", verdicts.OPPOSITE: "contradicted", verdicts.EQUIVALENT: "contradicted"}
    return {
        "id": evidence_id,
        "claim": rule.claim,
        "kind": rule.kind,
        "estimate": estimate,
        "ci_low": None if estimate is None else estimate - 0.5,
        "ci_high": None if estimate is None else estimate + 0.5,
        "interval_kind": "bounded",
        "reason": reason,
        "verdict": word.get(reason, "inconclusive"),
        "provenance": {"kind": "public" if rule.kind != "prediction" else "measured", "example": False},
        **changes,
    }


def ledger_of(*records: dict) -> dict:
    claims = [
        {
            "id": claim.id,
            "prediction": {"primary": [one.id for one in claim.primaries], "verdict": "supported"},
            "premise": {"primary": [one.id for one in claim.evidence if one.kind == "premise"]},
        }
        for claim in catalogue.load().claims
    ]
    return {"claims": claims, "evidence": list(records), "dataset": {"provenance": "measured", "example": False}}


PS6, OTHER = "C1.signaling.pS6_S240_244", "C1.signaling.p4EBP1_T37_46"


class TestSentence:
    @pytest.mark.parametrize(
        ("records", "wanted", "said"),
        [
            ([record(PS6, "effect")], "C1.signaling", "pS6 S240/244 is lower in aged mice"),
            ([record(PS6, "opposite", 1.0)], "C1.signaling", "pS6 S240/244 is higher in aged mice"),
            ([record(PS6, "effect"), record(OTHER, "effect")], "C1", "pS6 S240/244 and p4EBP1 T37/46 are lower in "),
            (
                [record(PS6, "effect"), record(OTHER, "too imprecise", 0.1)],
                "C1.signaling",
                "pS6 S240/244 is lower in aged mice; there is no clear difference in p4EBP1 T37/46",
            ),
            (
                [record(PS6, "too imprecise", -0.1), record(OTHER, "too imprecise", 0.1)],
                "C1.signaling",
                "there is no clear difference in pS6 S240/244 or p4EBP1 T37/46",
            ),
            ([record(PS6, "too imprecise", -0.6)], "C1.signaling", "is lower in aged mice, perhaps by too little to "),
            ([record(PS6, "equivalent", 0.0)], "C1.signaling", "any difference in pS6 S240/244 is too small to matter"),
            ([record(PS6, "withheld", None)], "C1.signaling", "the design allows no answer on pS6 S240/244"),
            ([record("C2.marrow.HSC", "effect")], "C2.marrow", "the number of HSCs is lower under rapamycin"),
            ([record("C3.cells.polarity", "effect", 0.7)], "C3.cells", "the polarity of HSCs moves towards the aged "),
            (
                [record("C3.cells.polarity", "opposite", -0.7)],
                "C3.cells",
                "moves away from the aged state in ECKO mice",
            ),
            ([record("C3.marrow.HSC", "too imprecise", 0.2)], "C3.marrow", "there is no clear move of the number of "),
            (
                [record("C3.marrow.HSC", "no aging effect", 2.0)],
                "C3.marrow",
                "no aging effect is seen in the number of HSCs, so nothing can resemble it",
            ),
            (
                [record("C5.transplant.chimerism", "no aging effect", 2.0)],
                "C5",
                "no mark of the aged niche is seen in donor chimerism, so nothing can resemble it",
            ),
        ],
    )
    def test_each_outcome_has_its_words(self, records, wanted, said):
        found = headings.sentence([wanted], ledger_of(*records))
        assert found.startswith("In these measured mice ")
        assert said in found

    def test_more_than_three_of_one_outcome_are_counted_within_their_family(self):
        rules = [one for one in PRIMARY if one.startswith("C3.")]
        records = [record(one, "effect", 0.7) for one in rules[:4]] + [record(rules[4], "no aging effect", 2.0)]
        found = headings.sentence(["C3"], ledger_of(*records))
        assert "4 of 5 endpoints move towards the aged state in ECKO mice; no aging effect is seen in the " in found

    def test_a_descriptive_row_is_told_only_where_there_is_no_primary(self):
        primary, other = record("C2.marrow.HSC.young", "effect"), record("C2.marrow.HSC", "too imprecise", 0.1)
        assert "no clear" not in headings.sentence(["C2.marrow"], ledger_of(primary, other))
        assert "no clear" in headings.sentence(["C2.marrow"], ledger_of(other))

    def test_a_beginning_ends_at_a_point(self):
        genes = record("C4.transcriptome.phi_genes", "effect", 0.9)
        assert headings.sentence(["C4.transcriptome.phi"], ledger_of(genes)) == ""
        assert "whole transcriptome" in headings.sentence(["C4.transcriptome.phi_genes"], ledger_of(genes))

    @pytest.mark.parametrize(
        ("provenance", "begins"),
        [
            ({"kind": "simulated", "example": False}, "In these simulated mice pS6"),
            ({"kind": "measured", "example": False}, "In these measured mice pS6"),
            ({"kind": "measured", "example": True}, "In these invented example mice pS6"),
        ],
    )
    def test_whose_data_comes_first(self, provenance, begins):
        found = headings.sentence(["C1"], ledger_of(record(PS6, "effect", provenance=provenance)))
        assert found.startswith(begins)

    def test_premises_are_public(self):
        records = [record("C3.premise.granulocytes", "effect", 1.0), record("C3.premise.T_cells", "effect", -1.0)]
        assert headings.sentence(["C3.premise"], ledger_of(*records)) == (
            "In public data the share of granulocytes and the share of T cells move with age as claim C3 counts it"
        )

    @pytest.mark.parametrize(
        ("verdict", "aside"),
        [("false alarm", "(a false alarm: not planted)"), ("missed", "(planted, but missed)"), ("recovered", "mice")],
    )
    def test_in_a_simulated_world_it_says_when_the_analysis_is_wrong(self, verdict, aside):
        reason = "too imprecise" if verdict == "missed" else "effect"
        one = record(PS6, reason, verdict=verdict, provenance={"kind": "simulated", "example": False})
        assert headings.sentence(["C1"], ledger_of(one)).endswith(aside)

    @given(
        evidence_id=st.sampled_from(PRIMARY),
        reason=st.sampled_from(verdicts.REASONS),
        estimate=st.floats(-5, 5),
        kind=st.sampled_from(["measured", "simulated"]),
    )
    def test_no_heading_claims_more_than_an_interval_can(self, evidence_id, reason, estimate, kind):
        one = record(evidence_id, reason, estimate)
        one["provenance"] = {**one["provenance"], "kind": kind if one["kind"] == "prediction" else "public"}
        found = headings.sentence([evidence_id], ledger_of(one))
        assert re.match(r"In (these (simulated|measured) mice|public data) \w", found)
        assert not re.search(r"no effect|no difference|unchanged|prove|confirm|significant|None|\{|nan", found)
        assert ("simulated" in found) == (one["provenance"]["kind"] == "simulated")
        assert ("too small" in found) == (reason == verdicts.EQUIVALENT)

    def test_claims_together(self):
        found = headings.sentence(["claims"], ledger_of())
        *first, last = [claim.id for claim in catalogue.load().claims]
        assert found.startswith(f"On measured data {', '.join(first)} and {last} end as “supported”")

    def test_the_rates_are_those_that_the_calibration_counts(self):
        table = calibration.frozen().table
        claims = table[~table["id"].str.contains(".", regex=False) & table["nominal"].notna()]
        claims = claims[claims["measure"] == rates.FALSE_SUPPORT]
        worst = claims.loc[claims["rate"].idxmax()]
        assert f"in at most {percent(worst['rate'])} ({worst['id']} in the worst design, " in headings.rates()
        assert f"upper 95 % limit {percent(worst['high'])}, nominal 2.5 %)" in headings.rates()

    def test_the_worst_design_is_told_and_without_a_table_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(paths, "data", lambda: tmp_path)
        assert headings.rates() == ""
        (tmp_path / "derived").mkdir()
        heads = "scenario,id,measure,rate,high,nominal"
        rows = ["a,C3,false support,0.01,0.02,0.025", "b,C3,false support,0.03,0.05,0.025", "c,C3,false support,0.4,1,"]
        rows = "\n".join([heads, *rows, "a,C3.x,false support,0.2,0.3,0.025", "a,C3,power,0.9,1,"])
        (tmp_path / "derived" / run.FILE).write_text(rows, encoding="utf-8")
        assert headings.rates() == (
            "In simulated studies a false claim is announced in at most 3 % (C3 in the worst design, “b”; "
            "upper 95 % limit 5 %, nominal 2.5 %)"
        )


class TestTell:
    ledger = ledger_of(record(PS6, "effect"))

    def test_the_heading_stays_short_and_the_result_leads_its_section(self):
        told = headings.label("## One *value*\n\nText.\n\n### More", ["result:C1.signaling"], self.ledger)
        assert told == (
            "## One *value*\n\n**In these measured mice pS6 S240/244 is lower in aged mice.**\n\nText.\n\n### More"
        )

    def test_without_a_tag_or_a_result_the_topic_stays(self):
        for tags in ([], ["parameters"], ["result:C2.blood"]):
            assert headings.label("## Flow", tags, self.ledger) == "## Flow"

    def test_a_cell_without_a_heading_is_refused(self):
        with pytest.raises(ClaimsError, match=r"result:C1\.signaling has no heading"):
            headings.label("Text.", ["result:C1.signaling"], self.ledger)

    def test_a_name_of_the_user_does_not_become_markup(self):
        one = record("C1.signaling.a_<b>_*c*", "effect")
        told = headings.label("## Flow", ["result:C1.signaling"], {**self.ledger, "evidence": [one]})
        assert "a \\<b\\> \\*c\\*" in told


class TestNotebooks:
    @pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
    def test_the_tags_ask_for_evidence_that_the_rules_know(self, path):
        rules = [rule.id.removesuffix("*") for claim in catalogue.load().claims for rule in claim.evidence]
        wanted = [
            tag.removeprefix(headings.TAG)
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            for tag in cell["metadata"].get("tags", [])
            if tag.startswith(headings.TAG)
        ]
        assert wanted
        known = (headings.CLAIMS, headings.RATES)
        for one in wanted:
            assert one in known or any(rule.startswith(one) or one.startswith(rule) for rule in rules), one

    def test_a_page_tells_the_result_and_an_unbuilt_one_the_topic(self):
        committed = (ROOT / "notebooks" / "01_mtor_decline.ipynb").read_text(encoding="utf-8")
        ledger = {**ledger_of(record(PS6, "effect", notebook="01_mtor_decline", cell=None)), "claims": []}
        page = nbformat.reads(sphinx_extension.page_of(committed, "01_mtor_decline", ledger), as_version=4)
        text = "\n".join(cell.source for cell in page.cells)
        result = "**In these measured mice pS6 S240/244 is lower in aged mice.**"
        assert f"## Phospho-flow\n\n{result}\n" in text
        assert "## The verdict" in text
        assert "## Single cells\n" in text
        assert "## Phospho-flow" in sphinx_extension.with_note(committed, sphinx_extension.NOT_BUILT)
