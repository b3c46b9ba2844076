"""Claims, verdicts and the ledger: the rules of the book, tried on estimates whose answer is known."""

import hashlib
import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endomtor import contract, ledger
from endomtor.claims import catalogue, cautions, evidence, verdicts
from endomtor.errors import ClaimsError
from endomtor.provenance import Provenance
from endomtor.stats import Estimate
from endomtor.views import boxes, pages

MEASURED = Provenance("measured", "Spring cohort", "a laboratory", "0" * 64)
SIMULATED = Provenance("simulated", "World paper", "assumed", "0" * 64, world="paper", seed=1)
PUBLIC = Provenance("public", "GSE162607", "GEO", "0" * 64)
CLAIMS = catalogue.load()


def estimate(value, low, high, *, inner=None, p=0.01, **more):
    inner = inner if inner is not None else (low, high)
    return Estimate(value, low, high, inner, p, {"aged": 5, "young": 5}, "animal", "Welch t", **more)


def difference(direction="less", smallest=0.3):
    return replace(CLAIMS.rule("C1.signaling.pS6_S235_236"), direction=direction, smallest=smallest)


PHI = CLAIMS.rule("C3.marrow.HSC")


class TestFromIntervalToWord:
    @pytest.mark.parametrize(
        ("given_estimate", "word", "reason"),
        [
            (estimate(-0.6, -0.9, -0.3), "supported", "effect"),
            (estimate(-0.2, -0.39, -0.01, inner=(-0.35, -0.05)), "inconclusive", "too imprecise"),
            (estimate(-0.2, -0.29, -0.11, inner=(-0.28, -0.12)), "contradicted", "equivalent"),
            (estimate(0.6, 0.3, 0.9), "contradicted", "opposite"),
            (estimate(-0.1, -1.0, 0.8), "inconclusive", "too imprecise"),
            (estimate(-0.6, -0.9, -0.3, withheld="sex is confounded with group"), "not testable here", "withheld"),
        ],
    )
    def test_difference(self, given_estimate, word, reason):
        assert verdicts.judge(given_estimate, difference()) == verdicts.Verdict(word, reason)

    @pytest.mark.parametrize(
        ("given_estimate", "word", "reason"),
        [
            (estimate(0.7, 0.4, 1.0, aging_p=0.001), "supported", "effect"),
            # 0 outside the set is not evidence of resemblance: the lower limit must pass the smallest phi.
            (estimate(0.3, 0.1, 0.5, aging_p=0.001), "inconclusive", "too imprecise"),
            (estimate(-0.4, -0.7, -0.1, aging_p=0.001), "contradicted", "opposite"),
            (estimate(0.0, -0.2, 0.2, aging_p=0.001), "contradicted", "equivalent"),
            (estimate(0.7, 0.4, 1.0, aging_p=0.03), "inconclusive", "no aging effect"),
            (
                estimate(0.7, 0.4, math.inf, aging_p=0.001, interval_kind="upper_unbounded"),
                "inconclusive",
                "no aging effect",
            ),
            (estimate(0.7, -0.5, 0.4, aging_p=0.4, interval_kind="two_piece"), "inconclusive", "no aging effect"),
        ],
    )
    def test_phi(self, given_estimate, word, reason):
        assert verdicts.judge(given_estimate, PHI) == verdicts.Verdict(word, reason)

    @pytest.mark.parametrize(
        ("aging_p", "direction", "word"),
        [
            (0.03, "either", "supported"),
            (0.06, "either", "inconclusive"),
            (0.03, "greater", "inconclusive"),
            (0.03, "less", "inconclusive"),
        ],
    )
    def test_aging_is_tested_two_sidedly_where_no_direction_was_declared(self, aging_p, direction, word):
        rule = replace(PHI, direction=direction)
        assert verdicts.judge(estimate(0.7, 0.4, 1.0, aging_p=aging_p), rule).word == word

    @given(st.floats(-3, 3), st.floats(0.01, 3), st.floats(0.01, 2))
    def test_mirroring_the_data_and_the_direction_changes_nothing(self, value, half, smallest):
        narrow = 0.8 * half
        here = estimate(value, value - half, value + half, inner=(value - narrow, value + narrow))
        there = estimate(-value, -value - half, -value + half, inner=(-value - narrow, -value + narrow))
        assert verdicts.judge(here, difference("less", smallest)) == verdicts.judge(
            there, difference("greater", smallest)
        )

    @given(st.floats(-3, 3), st.floats(0.01, 3))
    def test_without_a_direction_nothing_is_opposite(self, value, half):
        here = estimate(value, value - half, value + half)
        assert verdicts.judge(here, difference("either")).reason != "opposite"


class TestWorlds:
    @pytest.mark.parametrize(
        ("word", "reason", "truth", "expected"),
        [
            ("supported", "effect", True, "recovered"),
            ("inconclusive", "too imprecise", True, "missed"),
            ("contradicted", "opposite", True, "missed"),
            ("supported", "effect", False, "false alarm"),
            ("contradicted", "equivalent", False, "rightly silent"),
            ("inconclusive", "too imprecise", False, "rightly silent"),
            ("supported", "effect", None, "not testable here"),
            ("not testable here", "withheld", True, "not testable here"),
        ],
    )
    def test_words_of_a_world(self, word, reason, truth, expected):
        assert verdicts.in_world(verdicts.Verdict(word, reason), truth).word == expected

    @pytest.mark.parametrize("truth", [True, False])
    @pytest.mark.parametrize(
        ("word", "reason"),
        [("supported", "effect"), ("contradicted", "opposite"), ("contradicted", "equivalent")]
        + [("inconclusive", "too imprecise"), ("inconclusive", "no aging effect")],
    )
    def test_the_word_on_the_data_can_be_read_back(self, word, reason, truth):
        seen = verdicts.in_world(verdicts.Verdict(word, reason), truth)
        assert verdicts.data_word(seen.word, seen.reason) == word


class TestPartialConjunction:
    def test_known_values(self):
        assert verdicts.partial_conjunction([0.01, 0.02, 0.03], 1) == pytest.approx(0.03)
        assert verdicts.partial_conjunction([0.03, 0.01, 0.02], 2) == pytest.approx(0.04)
        assert verdicts.partial_conjunction([0.01, 0.02, 0.03], 3) == pytest.approx(0.04)

    def test_holds_its_level_when_one_effect_too_few_exists(self):
        import numpy as np

        rng = np.random.default_rng(20)
        # Needed 2 of 4 while one is real: false claims must stay at or below 2.5 %, also when the rest are one and
        # the same.
        for shared in (False, True):
            null = np.repeat(rng.random((20_000, 1)), 3, axis=1) if shared else rng.random((20_000, 3))
            p = np.column_stack([np.zeros(20_000), null])
            rate = np.mean([verdicts.partial_conjunction(row, 2) <= 0.025 for row in p])
            assert rate <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 20_000)

    def test_refuses_more_than_there_are(self):
        with pytest.raises(ValueError, match="expected 1 to 2"):
            verdicts.partial_conjunction([0.1, 0.2], 3)


class TestCombine:
    def test_supported_needs_both_p_and_the_count(self):
        strong, weak = ("supported", "effect", 0.0001), ("inconclusive", "too imprecise", 0.4)
        assert verdicts.combine([strong, strong, weak], 2, 3).word == "supported"
        # Where all must hold, the largest p counts once, as it is.
        nearly = (verdicts.SUPPORTED, verdicts.EFFECT, 0.02)
        assert verdicts.combine([nearly, nearly], 2, 2).p == pytest.approx(0.02)
        assert verdicts.combine([nearly, nearly], 2, 3).p == pytest.approx(0.04)
        assert verdicts.combine([strong, weak, weak], 2, 3).word == "inconclusive"

    def test_an_opposite_effect_forbids_support(self):
        strong, opposite = ("supported", "effect", 0.0001), ("contradicted", "opposite", 0.999)
        assert verdicts.combine([strong, strong, opposite], 2, 3).word == "inconclusive"
        assert verdicts.combine([strong, opposite, opposite], 2, 3).word == "contradicted"

    def test_what_cannot_be_tested_leaves_k(self):
        strong, withheld = ("supported", "effect", 0.0001), ("not testable here", "withheld", 1.0)
        combined = verdicts.combine([strong, strong, withheld], 2, 3)
        assert (combined.word, combined.k) == ("supported", 2)
        assert verdicts.combine([strong, withheld, withheld], 2, 3).word == "not testable here"

    def test_what_was_not_tested_never_contradicts(self):
        strong, none = ("supported", "effect", 0.0001), ("contradicted", "equivalent", 0.9)
        assert verdicts.combine([strong, strong, none], 3, 5).word == "inconclusive"
        assert verdicts.combine([strong, none], 2, 4).word == "inconclusive"
        assert verdicts.combine([none, none, none], 3, 5).word == "contradicted"

    @pytest.mark.parametrize(
        ("claim_id", "evidence_id", "word"),
        [
            # One mTORC1 marker stands for the others; phi of the cells does not stand for the marrow.
            ("C1", "C1.signaling.pS6_S240_244", "contradicted"),
            ("C2", "C2.marrow.HSC.young", "not testable here"),
        ],
    )
    def test_one_primary_alone(self, claim_id, evidence_id, word):
        claim = CLAIMS.claim(claim_id)
        one = record(evidence_id, estimate(0.6, 0.3, 0.9, p=0.001), MEASURED, truth=None)
        assert ledger.side(claim, [one], "prediction")["verdict"] == word


class TestApart:
    """A claim that is asked in young and in aged mice each by itself."""

    def part(self, word, p, reason="too imprecise", k=4):
        return verdicts.Combined(word, reason, p, k)

    def test_one_part_is_enough_and_pays_for_the_other(self):
        silent = self.part("inconclusive", 0.5)
        assert verdicts.either([silent, self.part("supported", 0.012, "effect")]).word == "supported"
        # 0.02 would do alone, of two it does not.
        alone = self.part("supported", 0.02, "effect")
        assert verdicts.either([silent, alone]).word == "inconclusive"
        assert verdicts.either([self.part("not testable here", None, "withheld", 1), alone]).word == "supported"

    def test_contradicted_needs_every_part(self):
        against = self.part("contradicted", 0.9, "opposite")
        assert verdicts.either([against, against]).word == "contradicted"
        assert verdicts.either([against, self.part("inconclusive", 0.3)]).word == "inconclusive"
        assert verdicts.either([against, self.part("not testable here", None, "withheld", 0)]).word == "inconclusive"

    def crossover(self, ages=("young", "aged")):
        """Harm in young mice, help in aged ones: in the mean of both nothing is left."""
        harm, help_ = estimate(-0.8, -1.1, -0.5, p=1e-5), estimate(0.8, 0.5, 1.1, p=1e-5)
        found = {"young": harm, "aged": help_}
        return [
            record(one.id, found[age], MEASURED, truth=None) for age in ages for one in CLAIMS.claim("C2").parts[age]
        ]

    def test_harm_in_one_age_and_help_in_the_other_are_both_told(self):
        side = ledger.side(CLAIMS.claim("C2"), self.crossover(), "prediction")
        assert side["verdict"] == "supported"
        assert {age: one["verdict"] for age, one in side["parts"].items()} == {
            "young": "supported",
            "aged": "contradicted",
        }
        said = boxes.parts_text(side, {"provenance": "measured", "example": False})
        assert said == "In young mice: supported; in aged mice: contradicted."

    def test_one_age_alone_can_support_but_not_contradict(self):
        claim = CLAIMS.claim("C2")
        assert ledger.side(claim, self.crossover(["young"]), "prediction")["verdict"] == "supported"
        assert ledger.side(claim, self.crossover(["aged"]), "prediction")["verdict"] == "inconclusive"

    def test_truth_is_that_of_either_age(self):
        truths = {one.id: one.id.endswith(".young") for one in CLAIMS.claim("C2").primaries}
        assert ledger.holds(CLAIMS.claim("C2"), truths.get) is True
        assert ledger.holds(CLAIMS.claim("C2"), dict.fromkeys(truths, False).get) is False


class TestWhereGiven:
    """Competitive transplants are a primary of C3 that few laboratories have."""

    claim = CLAIMS.claim("C3")
    extra = "C3.competitive.chimerism"
    answers = {
        "supported": estimate(0.8, 0.5, 1.1, p=0.001, aging_p=0.001),
        "equivalent": estimate(0.0, -0.2, 0.2, p=0.9, aging_p=0.001),
        "opposite": estimate(-0.5, -0.9, -0.1, p=1.0, aging_p=0.001),
        "imprecise": estimate(0.3, -0.2, 0.8, p=0.4, aging_p=0.001),
        "withheld": estimate(0.8, 0.5, 1.1, withheld="sex is confounded with group"),
        "absent": None,
    }

    def side(self, said, claim=claim):
        """What C3 is given these answers to its primaries, in the order of claims.toml."""
        ids = [rule.id for rule in self.claim.primaries]
        given = {one: self.answers[word] for one, word in zip(ids, said, strict=True)}
        records = [record(one, it, MEASURED, truth=None) for one, it in given.items() if it is not None]
        return ledger.side(claim, records, "prediction")

    def test_it_is_the_last_of_five(self):
        assert [rule.where_given for rule in self.claim.primaries] == [False] * 4 + [True]

    def test_without_it_the_claim_is_judged_as_if_it_did_not_list_it(self):
        before = replace(self.claim, evidence=tuple(rule for rule in self.claim.evidence if rule.id != self.extra))
        judged = {}
        for said in itertools.combinations_with_replacement(self.answers, 4):
            found = self.side((*said, "absent"))
            assert found == self.side((*said, "absent"), before)
            judged[said] = found["verdict"]
            # Given but confounded, it tells nothing either.
            withheld = self.side((*said, "withheld"))
            assert (withheld["verdict"], withheld["p"], withheld["k"]) == (found["verdict"], found["p"], found["k"])
        assert set(judged.values()) == set(verdicts.DATA_WORDS)

    def test_where_it_was_tested_it_is_one_of_five(self):
        two, none = ["supported"] * 2 + ["imprecise"] * 2, ["equivalent"] * 2 + ["imprecise"] * 2
        assert self.side([*two, "absent"])["verdict"] == "inconclusive"
        assert self.side([*two, "supported"])["verdict"] == "supported"
        assert self.side([*none, "absent"])["verdict"] == "contradicted"
        assert self.side([*none, "supported"])["verdict"] == "inconclusive"
        assert self.side([*none, "equivalent"])["verdict"] == "contradicted"
        assert self.side([*none, "equivalent"])["k"] == 5

    def test_the_page_says_so(self):
        rule = "3 of 4 primary predictions must hold"
        assert rule in pages.claim_markdown(self.claim)
        assert f"`{self.extra}` is one more where it could be tested" in pages.claim_markdown(self.claim)


class TestCatalogue:
    def test_a_family_speaks_for_its_endpoints(self):
        rule = CLAIMS.rule("C3.marrow.femur_cellularity")
        assert rule.role == "descriptive"
        assert "femur cellularity" in rule.statement
        assert CLAIMS.rule("C5.transplant.chimerism.p1").role == "descriptive"
        assert CLAIMS.rule("C5.transplant.chimerism").role == "primary"

    def test_unknown_evidence_is_refused(self):
        with pytest.raises(ClaimsError, match="no rule for evidence 'C4.transcriptome.other'"):
            CLAIMS.rule("C4.transcriptome.other")

    def test_rules_do_not_change_without_a_line_in_the_changelog(self):
        """The line names version, date and a digest of all that decides a verdict."""
        decides = ("id", "kind", "role", "rule", "direction", "smallest", "unit", "estimand", "where_given")
        rules = [[getattr(rule, key) for key in decides] for claim in CLAIMS.claims for rule in claim.evidence]
        needed = [[claim.id, claim.needed, claim.interchangeable, claim.apart] for claim in CLAIMS.claims]
        digest = hashlib.sha256(json.dumps([needed, rules]).encode()).hexdigest()[:12]
        line = f"Rules of `data/claims.toml`: version {CLAIMS.version} of {CLAIMS.date.isoformat()}, digest {digest}"
        assert line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), f"CHANGELOG.md lacks: {line}"

    def test_each_claim_says_where_it_stands_and_what_would_contradict_it(self):
        for claim in CLAIMS.claims:
            assert claim.abstract
            assert claim.contradiction.endswith(".")
            assert claim.rivals

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (f"version = {CLAIMS.version}", "version = ", "cannot be read as TOML"),
            ('direction = "less"', 'direction = "down"', "direction is 'down', expected one of greater, less, either"),
            ("smallest = 0.32", "smallest = -1", "smallest is -1, expected a number above 0"),
            ("needed = 3", "needed = 9", "needed is 9, expected 1 to 4"),
            ('apart = ["young", "aged"]', 'apart = ["young"]', "a primary prediction ends with none of young"),
            ('role = "primary"\n', "", "key 'role' is missing"),
            ("where_given = true", 'where_given = "yes"', "where_given is 'yes', expected true or false"),
            ('id = "C2"', 'id = "C1"', "does not begin with its claim"),
            ('caution = ""', 'caution = ""\ncuation = ""', "unknown key 'cuation'"),
            ('id = "C1.signaling.pS6_S240_244"', 'id = "C1.signaling.pS6_S235_236"', "occurs twice"),
        ],
    )
    def test_a_broken_file_is_named(self, tmp_path, old, new, message):
        from endomtor import paths

        text = (paths.data() / "claims.toml").read_text(encoding="utf-8")
        assert old in text
        broken = tmp_path / "claims.toml"
        broken.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(ClaimsError, match=re.escape(message)):
            catalogue.read(broken)


def record(evidence_id, given_estimate, provenance=SIMULATED, truth=True, family=None):
    rule = CLAIMS.rule(evidence_id)
    return evidence.make(rule, given_estimate, provenance=provenance, truth=truth, notebook="x", family=family)


class TestEvidence:
    def test_infinite_limits_become_null(self, tmp_path):
        unbounded = estimate(0.7, 0.1, math.inf, interval_kind="upper_unbounded", aging_p=0.2)
        path = tmp_path / "03.json"
        evidence.write(path, [record("C3.marrow.HSC", unbounded)])
        row = json.loads(path.read_text())[0]
        assert row["ci_high"] is None
        assert evidence.read(path)[0].interval_kind == "upper_unbounded"

    def test_simulated_data_cannot_test_a_premise(self):
        with pytest.raises(ClaimsError, match="is a premise, which simulated data cannot test"):
            record("C4.premise.LT_HSC", estimate(0.6, 0.5, 0.7))

    @pytest.mark.parametrize("provenance", [SIMULATED, MEASURED])
    def test_a_context_row_needs_public_data(self, provenance):
        with pytest.raises(ClaimsError, match="is a context"):
            record("C1.context.heart", estimate(0.6, 0.5, 0.7), provenance=provenance)

    def test_families_are_adjusted_by_holm(self):
        rows = [record("C3.marrow.LSK", estimate(1, 0, 2, p=p, aging_p=0.5), family="marrow") for p in (0.01, 0.04)]
        rows.append(record("C3.blood.WBC", estimate(1, 0, 2, p=0.03, aging_p=0.5)))
        assert [row.p_adjusted for row in evidence.adjusted(rows)] == [pytest.approx(0.02), pytest.approx(0.04), None]

    def test_a_doubled_id_is_refused(self, tmp_path):
        twice = [record("C3.marrow.HSC", estimate(1, 0.5, 2, aging_p=0.001))] * 2
        with pytest.raises(ClaimsError, match="recorded twice"):
            evidence.write(tmp_path / "x.json", twice)
        assert not (tmp_path / "x.json").exists()


class TestLedger:
    def records(self, provenance, truth):
        strong = estimate(0.8, 0.6, 1.0, p=1e-6, aging_p=1e-6)
        ids = ["C3.marrow.HSC", "C3.cells.polarity", "C3.cells.gH2AX_foci", "C3.blood.myeloid_balance"]
        return [record(one, strong, provenance, truth) for one in ids]

    def test_a_true_claim_of_a_world_is_recovered(self):
        whole = ledger.build(self.records(SIMULATED, True), SIMULATED, CLAIMS, truth=lambda one: True)
        claim = next(entry for entry in whole["claims"] if entry["id"] == "C3")
        assert claim["prediction"]["verdict"] == "recovered"
        assert claim["prediction"]["k"] == 4
        assert not [fault for fault in ledger.strict_faults(whole) if fault.startswith("C3:")]

    def test_a_false_claim_that_is_announced_is_a_false_alarm(self):
        whole = ledger.build(self.records(SIMULATED, False), SIMULATED, CLAIMS, truth=lambda one: False)
        assert [fault for fault in ledger.strict_faults(whole) if fault.startswith("C3: false alarm")]

    def test_a_world_that_withholds_says_so(self):
        whole = ledger.build(self.records(SIMULATED, None), SIMULATED, CLAIMS, truth=lambda one: None)
        assert {entry["prediction"]["verdict"] for entry in whole["claims"]} == {"not testable here"}

    def test_measured_data_speak_of_support(self):
        whole = ledger.build(self.records(MEASURED, None), MEASURED, CLAIMS)
        words = {entry["id"]: entry["prediction"]["verdict"] for entry in whole["claims"]}
        assert words["C3"] == "supported"
        assert words["C1b"] == words["C5"] == "not testable here"
        said = {entry["id"]: entry["caution"] for entry in whole["claims"]}
        assert said["C3"] == cautions.NOT_MEASURED
        assert not any("Inflammation" in said[one] for one in ("C1", "C2", "C5"))

    @pytest.mark.parametrize(("low", "high", "caution"), [(0.1, 0.5, cautions.RAISED), (-0.1, 0.5, "")])
    def test_inflammation_beyond_age_is_said_beside_the_verdict_and_leaves_its_word(self, low, high, caution):
        score = record(cautions.INFLAMMATION, estimate(0.3, low, high), MEASURED)
        records = self.records(MEASURED, None)
        before, after = (ledger.build(some, MEASURED, CLAIMS)["claims"] for some in (records, [*records, score]))
        assert [one["prediction"]["verdict"] for one in before] == [one["prediction"]["verdict"] for one in after]
        assert next(entry for entry in after if entry["id"] == "C3")["caution"] == caution

    def test_a_public_data_set_in_the_contract_is_judged_as_public(self):
        whole = ledger.build(self.records(PUBLIC, None), PUBLIC, CLAIMS)
        assert next(entry for entry in whole["claims"] if entry["id"] == "C3")["prediction"]["verdict"] == "supported"
        html = boxes.ledger_html(whole)
        assert "Prediction, on public data" in html
        assert "measured" not in html

    def test_premises_need_all_of_theirs(self):
        strong = estimate(0.8, 0.6, 1.0, p=1e-6)
        rows = [record("C3.premise.granulocytes", strong, PUBLIC)]
        alone = ledger.build(rows, MEASURED, CLAIMS)["claims"][3]["premise"]
        rows.append(record("C3.premise.T_cells", estimate(-0.8, -1.0, -0.6, p=1e-6), PUBLIC))
        both = ledger.build(rows, MEASURED, CLAIMS)["claims"][3]["premise"]
        assert (alone["verdict"], alone["reason"]) == ("not testable here", "no data")
        assert both["verdict"] == "supported"


class TestWords:
    """A simulated result can never read as support."""

    forbidden = re.compile(r"support|confirm|evidence for|proves|contradict|reproduc|shows that", re.IGNORECASE)

    @pytest.mark.parametrize("word", verdicts.WORLD_WORDS)
    def test_no_simulated_outcome_reads_as_support(self, word):
        for reason in (*verdicts.REASONS, "no data"):
            html = boxes.badge("simulated", word, reason)
            assert not self.forbidden.search(re.sub(r"<[^>]*>", "", html)), html
            assert "endomtor-simulated" in html

    @pytest.mark.parametrize(
        "word", [verdicts.RECOVERED, verdicts.MISSED, verdicts.FALSE_ALARM, verdicts.RIGHTLY_SILENT]
    )
    def test_simulated_outcomes_speak_of_the_analysis_and_of_what_was_planted(self, word):
        assert re.match(r"analysis [\w ]+: .*planted", boxes.phrase("simulated", word))
        assert "planted" in boxes.word("simulated", word)

    def test_no_two_simulated_outcomes_share_their_words(self):
        assert len({boxes.word("simulated", word) for word in verdicts.WORLD_WORDS}) == len(verdicts.WORLD_WORDS)

    def test_that_an_effect_was_announced_is_said_once(self):
        assert "endomtor-reason" not in boxes.badge("simulated", verdicts.RECOVERED, verdicts.EFFECT)
        assert "large enough to matter" in boxes.badge("measured", verdicts.SUPPORTED, verdicts.EFFECT)

    def test_no_kind_borrows_the_words_of_another(self):
        for kind, word in itertools.product(("public", "measured"), verdicts.WORLD_WORDS[:4]):
            assert (kind, word) not in boxes.PHRASES
        for word in verdicts.DATA_WORDS[:3]:
            assert ("simulated", word) not in boxes.PHRASES
            assert "invented to show the format" in boxes.phrase("measured", word, example=True)

    def test_small_numbers_keep_two_digits_and_zero_has_no_sign(self):
        row = {"interval_kind": "bounded", "estimate": 0.011, "ci_low": -0.0003, "ci_high": 0.0207}
        row["estimand"] = "phi of log2 HSC"
        assert boxes.limits(row) == "−0.0003 to 0.021"
        assert boxes.limits({**row, "ci_low": -1e-9}) == "0.000 to 0.021"

    def test_a_ratio_is_told_in_per_cent_and_phi_is_not(self):
        row = {"interval_kind": "bounded", "estimate": -0.497, "ci_low": -0.789, "ci_high": -0.205}
        row["estimand"] = "log2(aged / young) of the MFI"
        assert f"{boxes.value(row)} ({boxes.limits(row)})" == "−29 % (−42 to −13)"
        row["estimand"] = "phi of log2 HSC"
        assert f"{boxes.value(row)} ({boxes.limits(row)})" == "−0.50 (−0.79 to −0.20)"

    def test_text_from_data_is_escaped(self):
        hostile = replace(MEASURED, title="<script>alert(1)</script>")
        html = boxes.ledger_html(ledger.build([], hostile, CLAIMS))
        assert "<script>" not in html
        assert "&lt;script&gt;" in html

    @pytest.mark.parametrize(
        ("kind", "low", "high", "text"),
        [
            ("bounded", 0.1, 0.9, "interval 0.10 to 0.90"),
            ("upper_unbounded", 0.1, None, "interval 0.10 to unbounded"),
            ("two_piece", 0.1, 0.9, "below 0.10 or above 0.90"),
            ("whole_line", None, None, "interval every number"),
        ],
    )
    def test_every_kind_of_interval_is_told(self, kind, low, high, text):
        row = {"estimate": 0.5, "ci_low": low, "ci_high": high, "interval_kind": kind, "level": 0.95}
        row |= {"unit": "animal", "n": {"aged": 3}, "reason": "effect", "estimand": "phi of log2 HSC"}
        assert text in boxes.interval(row)
        assert boxes.interval({**row, "reason": "no aging effect"}).startswith("No phi can be read")


def test_the_vocabulary_and_the_rules_declare_the_same_directions():
    named = {"up": "greater", "down": "less", "undeclared": "either"}
    for cell_type, moves in contract.vocabulary().cell_types.items():
        assert CLAIMS.rule(f"C3.limiting_dilution.{cell_type}").direction == named[moves]


@pytest.mark.parametrize("endpoint", ["HSC", "CFU", "platelets", "hemoglobin", "RBC"])
def test_one_age_is_judged_by_the_smallest_effect_of_its_endpoint(endpoint):
    name = f"C2.{'marrow' if endpoint in ('HSC', 'CFU') else 'blood'}.{endpoint}"
    whole = CLAIMS.rule(name)
    assert whole.smallest == CLAIMS.rule(f"{name}.young").smallest
    assert whole.role == "descriptive"
    assert CLAIMS.rule(f"{name}.aged").role == ("descriptive" if endpoint == "RBC" else "primary")


ROOT = Path(__file__).resolve().parents[1]
SMALLEST_PHI = {rule.smallest for claim in catalogue.load().claims for rule in claim.evidence if rule.rule == "phi"}


@pytest.mark.parametrize(
    "page",
    [
        "notebooks/03_ecko_phenotypes.py",
        "notebooks/04_transcriptome_resemblance.py",
        "notebooks/05_serial_transplants.py",
        "book/how-to-read.md",
    ],
)
def test_the_smallest_phi_in_the_text_is_that_of_the_rules(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    numbers = re.findall(r"(?:(?:lies|limit) above |±|between −|phi at most )(0\.\d+)", text)
    assert (
        {float(number) for number in numbers}
        == SMALLEST_PHI
        == {catalogue.load().rule("C4.transcriptome.phi").smallest}
    )


def test_the_smallest_effects_on_other_scales_in_the_text_are_those_of_the_rules():
    smallest = catalogue.load().rule("C1.signaling.pS6_S235_236").smallest
    text = (ROOT / "notebooks/01_mtor_decline.py").read_text(encoding="utf-8")
    lower, higher = (round(100 * (2 ** (sign * smallest) - 1)) for sign in (-1, 1))
    assert f"lower in old mice by at least {-lower} %" in text
    assert f"between −{-lower} % and +{higher} %" in text
    assert f"{smallest:g} on the log2 scale" in (ROOT / "book/how-to-read.md").read_text(encoding="utf-8")
