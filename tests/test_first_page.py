"""The first screen: what real mice show, how often the analyses are right, what is unknown, from the ledger."""

import re
from html import unescape

import pytest

from endomtor import ledger, paths
from endomtor.claims import catalogue
from endomtor.provenance import Provenance
from endomtor.views import boxes, first_page, headings

PUBLIC = {"kind": "public", "title": "", "source": "", "sha256": "", "world": None, "seed": None, "example": False}


def record(evidence_id: str, estimate: float, low: float | None, high: float | None, **changes) -> dict:
    rule = catalogue.load().rule(evidence_id)
    about = {"estimand": rule.estimand, "claim": rule.claim, "n": {"cohorts": 4}, "reason": "effect", "fragility": None}
    numbers = {"estimate": estimate, "ci_low": low, "ci_high": high, "interval_kind": "bounded"}
    return {"id": evidence_id, "kind": rule.kind, "provenance": PUBLIC, **about, **numbers, **changes}


def built(kind: str = "simulated", *records: dict, example: bool = False) -> dict:
    """A ledger in which nothing was recorded but some public evidence for the premise of C3."""
    world = {"world": "paper", "seed": 1} if kind == "simulated" else {}
    own = Provenance(kind=kind, title="Ours", source="a test", sha256="0" * 64, example=example, **world)
    made = ledger.build([], own, catalogue.load(), lambda _: True)
    if records:
        [claim] = (one for one in made["claims"] if one["id"] == "C3")
        claim["premise"].update(primary=["C3.premise.granulocytes"], verdict="supported", k=1)
    return made | {"evidence": list(records)}


GRANULOCYTES = record("C3.premise.granulocytes", 0.6737, 0.1334, 1.2140)


def panels(made: dict) -> list[str]:
    html = first_page.panels_html(made)
    found = re.findall(r"<section.*?</section>", html, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]*>", " ", one)).split()) for one in found]


def test_real_mice_come_first_with_estimate_interval_and_n():
    real, simulated, unknown = panels(built("simulated", GRANULOCYTES))
    assert real.startswith("Real mice PUBLIC Published mice bear out what C3 take for granted.")
    assert "share of granulocytes (4 cohorts) +96 % (+14 to +237) odds" in real
    assert simulated.startswith("Simulated mice SIMULATED They test the analyses, never the claims.")
    assert unknown.startswith("Unknown No real mouse at hand tests C1, C1b, C2, C4, C5, C5b and C6.")
    assert "This would settle it: Old mice whose endothelial mTOR is held up" in unknown


def test_a_verdict_that_hangs_on_one_cohort_is_not_hidden():
    fragile = GRANULOCYTES | {"fragility": {"holds": 1, "of": 5}}
    assert "(4 cohorts; holds in 1 of 5 variants)" in panels(built("simulated", fragile))[0]


@pytest.mark.parametrize(("verdict", "word"), [("contradicted", "contradict"), ("inconclusive", "leave open")])
def test_a_premise_that_does_not_hold_is_told(verdict, word):
    made = built("simulated", GRANULOCYTES)
    next(one for one in made["claims"] if one["id"] == "C3")["premise"]["verdict"] = verdict
    assert f"Published mice {word} what C3" in panels(made)[0]


def test_lifespans_under_the_drug_are_counted():
    name = "C2.context.lifespan.14_ppm_from_9_months_C2006."
    trials = [record(f"{name}female", -1.0, -1.5, -0.5), record(f"{name}male", 0.1, -0.5, 0.6, reason="too imprecise")]
    assert "prolonged life in 1 of 2 comparisons" in panels(built("simulated", GRANULOCYTES, *trials))[0]


def test_simulated_mice_tell_what_was_counted_with_its_upper_limit():
    _, simulated, _ = panels(built())
    worst = headings.worst_rate()
    assert f"They cry wolf in at most {worst['rate']} (upper limit {worst['high']}; promised 2.5 %)." in simulated
    assert worst["rate"] in headings.rates()
    found = [float(row["rate"]) for row in headings.rates_of_claims("power") if row["scenario"] == "paper"]
    assert f"find a planted effect in {100 * min(found):.0f} % (C3) to {100 * max(found):.0f} %" in simulated
    assert re.search(r"Illness that looks like age fools C3 in [\d.]+ %\.", simulated)


def test_without_counts_nothing_is_said_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    assert first_page.found() == first_page.false_alarms() == first_page.fooled() == ""


@pytest.mark.parametrize(("example", "title"), [(False, "These mice MEASURED"), (True, "Invented mice EXAMPLE")])
def test_a_laboratorys_own_mice_take_the_place_of_simulated_ones(example, title):
    made = built("measured", example=example)
    real, own, _ = panels(made)
    assert own.startswith(title)
    assert "No public data in this copy." in real
    assert boxes.dataset_kind(made["dataset"]).upper() in own


def test_a_limit_that_is_not_there_reaches_the_edge():
    html = first_page.panels_html(built("simulated", record("C3.premise.granulocytes", 0.5, None, 1.0)))
    assert 'd="M0.0 7H' in html


def test_text_of_the_user_stays_text():
    made = built("measured")
    made["dataset"]["title"] = "<script>alert(1)</script>"
    assert "<script>" not in first_page.panels_html(made)
