"""Verdicts as a reader sees them: the ledger table of the first page, the boxes of the chapters.

A simulated result is never worded as support: `PHRASES` is the only place where a verdict becomes a sentence.
"""

from collections.abc import Sequence
from html import escape

from endomtor.claims import verdicts
from endomtor.markup import anchor, table
from endomtor.reporting import change_base, shown

PHRASES = {
    ("simulated", verdicts.RECOVERED): "analysis works: found the planted effect",
    ("simulated", verdicts.MISSED): "analysis too weak here: missed the planted effect",
    ("simulated", verdicts.FALSE_ALARM): "analysis misled: announced an effect that was not planted",
    ("simulated", verdicts.RIGHTLY_SILENT): "analysis works: silent where nothing was planted",
    ("simulated", verdicts.NOT_TESTABLE): "not testable here",
    ("public", verdicts.SUPPORTED): "supported by public data",
    ("public", verdicts.CONTRADICTED): "contradicted by public data",
    ("public", verdicts.INCONCLUSIVE): "inconclusive on public data",
    ("public", verdicts.NOT_TESTABLE): "not testable here",
    ("measured", verdicts.SUPPORTED): "supported by these measured data",
    ("measured", verdicts.CONTRADICTED): "contradicted by these measured data",
    ("measured", verdicts.INCONCLUSIVE): "inconclusive on these measured data",
    ("measured", verdicts.NOT_TESTABLE): "not testable here",
    ("example", verdicts.SUPPORTED): "“supported” in example data, invented to show the format",
    ("example", verdicts.CONTRADICTED): "“contradicted” in example data, invented to show the format",
    ("example", verdicts.INCONCLUSIVE): "“inconclusive” in example data, invented to show the format",
    ("example", verdicts.NOT_TESTABLE): "not testable here (example data, invented to show the format)",
}

REASONS = {
    verdicts.EFFECT: "the effect is there and large enough to matter",
    verdicts.OPPOSITE: "the effect goes the other way",
    verdicts.EQUIVALENT: "any effect is smaller than the smallest of interest",
    verdicts.IMPRECISE: "the interval is too wide to tell",
    verdicts.NO_AGING: "no aging effect is seen, so nothing can be said to resemble it",
    verdicts.WITHHELD: "the design does not allow a verdict",
    "no data": "no data of the needed kind are at hand",
}

# Under simulated data a reason is about the analysis: nothing was seen in mice. That an effect was announced is said by
# the verdict.
SIMULATED_REASONS = REASONS | {
    verdicts.EFFECT: "",
    verdicts.OPPOSITE: "the analysis announces an effect in the other direction",
}

# The verdict's column in a table of results; the words of a cell stand under one of these.
HEADINGS = {
    "simulated": "the analysis, on simulated data",
    "public": "verdict on public data",
    "measured": "verdict on measured data",
    "example": "verdict on invented example data",
}

CHANGED = "not the calibrated analysis"
"""What a verdict is marked with that rests on a reader's own analysis: no error rate is known for it."""

EVIDENCE_PAGE = "evidence.html"
"""Beside the first page; each row of its tables has the id of its record."""

# Shape and word carry the meaning; colour only repeats it.
MARKS = {
    verdicts.SUPPORTED: "✔",
    verdicts.CONTRADICTED: "✖",
    verdicts.INCONCLUSIVE: "?",
    verdicts.RECOVERED: "◆",
    verdicts.MISSED: "◇",
    verdicts.FALSE_ALARM: "▲",
    verdicts.RIGHTLY_SILENT: "○",
    verdicts.NOT_TESTABLE: "–",
}


def phrase(kind: str, verdict: str, *, example: bool = False) -> str:
    """Return the words for a verdict on data of a kind (measured, public, simulated)."""
    return PHRASES["example" if example and kind == "measured" else kind, verdict]


def heading(kind: str, *, example: bool = False) -> str:
    """Return the heading of a column of verdicts on data of a kind."""
    return HEADINGS["example" if example and kind == "measured" else kind]


def word(kind: str, verdict: str, *, example: bool = False) -> str:
    """Return a verdict as a cell under `heading`, which says the rest; what was planted is always called so."""
    if kind == "simulated":
        return phrase(kind, verdict).rpartition(": ")[2]
    return f"“{verdict}”" if example and verdict != verdicts.NOT_TESTABLE else verdict


def marked(entry: dict) -> str:
    """Return what follows the verdict of a record, or of one side of a claim, that is a reader's own analysis."""
    return f" ({CHANGED})" if entry.get("changed") else ""


def record_word(record: dict) -> str:
    """Return the verdict of a record as `word` has it, by its own provenance."""
    origin = record["provenance"]
    return word(origin["kind"], record["verdict"], example=origin["example"]) + marked(record)


def must(entry: dict) -> str:
    """Return how many primaries of one side of a claim must hold, and where: "2 must hold in young or in aged mice"."""
    parts = entry.get("parts", ())
    return f"{entry['needed']} must hold" + (f" in {listed(list(parts), 'or in')} mice" if parts else "")


def parts_text(entry: dict, dataset: dict) -> str:
    """Return the verdict on each part of a claim that is asked apart, as a sentence; empty where there are none."""
    kind, example = dataset["provenance"], dataset["example"]
    told = [
        f"in {name} mice: {word(kind, one['verdict'], example=example)}" for name, one in entry.get("parts", {}).items()
    ]
    return f"{'; '.join(told).capitalize()}." if told else ""


def side_phrase(claim: dict, side: str, dataset: dict) -> str:
    """Return the words for the verdict on one side of a claim's entry: a premise is judged on public data."""
    if side == "premise":
        return phrase("public", claim[side]["verdict"]) + marked(claim[side])
    return phrase(dataset["provenance"], claim[side]["verdict"], example=dataset["example"]) + marked(claim[side])


def dataset_kind(dataset: dict) -> str:
    """Return the style of a data set's verdicts: its provenance, or `example`."""
    return "example" if dataset["example"] else dataset["provenance"]


def record_kind(record: dict) -> str:
    """Return the style of a record's verdict, by its own provenance: the kind of data, or `example`."""
    return "example" if record["provenance"]["example"] else record["provenance"]["kind"]


def listed(names: Sequence[str], word: str = "and") -> str:
    """Return names as a list in a sentence."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def badge(kind: str, verdict: str, reason: str, *, example: bool = False, changed: bool = False) -> str:
    """Return a verdict as an HTML badge with its mark, its words, the reason, and whether it is a reader's own."""
    style = "example" if example and kind == "measured" else kind
    words = escape(phrase(kind, verdict, example=example))
    reasons = SIMULATED_REASONS if kind == "simulated" else REASONS
    why = f'<span class="endomtor-reason">{escape(reasons[reason])}</span>' if reasons.get(reason) else ""
    why += f'<span class="endomtor-reason">{CHANGED}</span>' * changed
    slug = verdict.replace(" ", "-")
    return (
        f'<span class="endomtor-badge endomtor-{style} endomtor-{slug}">'
        f'<span class="endomtor-mark" aria-hidden="true">{MARKS[verdict]}</span> {words}</span>{why}'
    )


def dataset_sentence(dataset: dict) -> str:
    """Return one sentence that says whose data a ledger is about."""
    kind = dataset["provenance"]
    if kind == "simulated":
        return (
            f"The mice in this copy are simulated (world “{dataset['world']}”, seed {dataset['seed']}), except where "
            "it says PUBLIC. Their numbers are assumed: they show whether an analysis works, not whether a claim is "
            "true."
        )
    if dataset["example"]:
        return f"Predictions were run on “{dataset['title']}”: example data, invented to show the format."
    return f"Predictions were tested on the {kind} data set “{dataset['title']}”."


def ledger_html(ledger: dict) -> str:
    """Return the ledger as an HTML table: claim, premise on public data, prediction on this build's data set."""
    dataset = ledger["dataset"]
    kind, example = dataset["provenance"], dataset["example"]
    evidence = {record["id"]: record for record in ledger["evidence"]}
    column = f"{'Analysis' if kind == 'simulated' else 'Prediction'}, on {dataset_kind(dataset)} data"
    rows = []
    for claim in ledger["claims"]:
        premise, prediction = claim["premise"], claim["prediction"]
        caution = f'<p class="endomtor-caution">{escape(claim["caution"])}</p>' if claim["caution"] else ""
        rows.append(
            f'<tr><th scope="row"><a href="../notebooks/{claim["chapter"]}.html">{claim["id"]}</a></th>'
            f'<td class="endomtor-claim" data-label="Claim"><strong>{escape(claim["title"])}</strong>'
            f"<p>{escape(claim['text'])}</p>{caution}</td>"
            f'<td data-label="Premise, on public data">{badge("public", premise["verdict"], premise["reason"])}'
            f"{_numbers(premise, evidence, EVIDENCE_PAGE)}</td>"
            f'<td class="endomtor-cell-{dataset_kind(dataset)}" data-label="{column}">'
            f"{badge(kind, prediction['verdict'], prediction['reason'], example=example)}"
            f"{_apart(prediction, dataset)}{of_age(claim, evidence)}"
            f"{_numbers(prediction, evidence, EVIDENCE_PAGE)}</td></tr>"
        )
    return f'<p class="endomtor-dataset">{escape(dataset_sentence(dataset))}</p>' + table(
        ("Id", "Claim, in our words", "Premise, on public data", column), rows, "endomtor-ledger"
    )


def of_age(claim: dict, evidence: dict[str, dict]) -> str:
    """Return as HTML what data without ECKO mice say of age, which a claim takes for granted; empty for others."""
    own = [one for one in evidence.values() if one["claim"] == claim["id"] and one["id"].endswith(".aging")]
    items = "".join(f"<li>{_line(one)}</li>" for one in own)
    return f"<p>These data hold no ECKO mice. Of age they say:</p><ul>{items}</ul>" if own else ""


def _apart(entry: dict, dataset: dict) -> str:
    told = parts_text(entry, dataset)
    return f"<p>{escape(told)}</p>" if told else ""


def _numbers(entry: dict, evidence: dict[str, dict], page: str = "") -> str:
    """The primary evidence behind a verdict, folded away: estimates, units, links to the rows of `page`."""
    if not entry["primary"]:
        return ""
    more = {
        one: f' <a href="{page}#{anchor(one)}">Data, cell and method</a>' if page else "" for one in entry["primary"]
    }
    items = "".join(f"<li>{_line(evidence[one])}{more[one]}</li>" for one in entry["primary"])
    mark = f'<p class="endomtor-caution">{CHANGED.capitalize()}.</p>' if entry.get("changed") else ""
    return f"{mark}<details><summary>{entry['k']} tested, {must(entry)}</summary><ul>{items}</ul></details>"


def _line(record: dict) -> str:
    steady = f" The {robustness(record)}." if record["fragility"] else ""
    return (
        f'<strong><span aria-hidden="true">{MARKS[record["verdict"]]}</span> {escape(record_word(record))}</strong>: '
        f"{escape(record['prediction'])} {escape(interval(record))}{steady}"
    )


def interval(record: dict) -> str:
    """Return estimate, interval, unit and n of a record as text."""
    if record["estimate"] is None:
        return f"No estimate ({REASONS.get(record['reason'], record['reason'])})."
    if is_unreadable(record):
        return f"No phi can be read, since no aging effect is seen (unit: {record['unit']}; n: {counts(record)})."
    level = f"{100 * record['level']:.0f} %"
    about = f"{level} interval {limits(record)}; unit: {record['unit']}; n: {counts(record)}"
    return f"{value(record)} ({about})."


def is_unreadable(record: dict) -> bool:
    """Return whether a phi has an estimate that means nothing: what it divides by, the effect of age, is not seen."""
    return record["reason"] == verdicts.NO_AGING


def counts(record: dict) -> str:
    """Return the units per group of a record as text."""
    return ", ".join(f"{group} {count}" for group, count in record["n"].items())


def robustness(record: dict) -> str:
    """Return in how many variants of the analysis the verdict of a record is the same, as text."""
    tried = record["fragility"]
    return f"verdict is the same in {tried['holds']} of {tried['of']} variants"


def value(record: dict) -> str:
    """Return the estimate of a record as text; a ratio as a change in per cent."""
    return _shown(record)[0]


def limits(record: dict) -> str:
    """Return the confidence set of a record as text, whatever its form."""
    if record["estimate"] is None:
        return "none"
    _, low, high = _shown(record)
    if record["interval_kind"] == "two_piece":
        return f"below {low} or above {high}"
    if record["interval_kind"] == "whole_line":
        return "every number"
    return f"{low} to {high}"


def _shown(record: dict) -> tuple[str, str, str]:
    return shown(record["estimate"], record["ci_low"], record["ci_high"], change_base(record["estimand"]))


def verdict_html(claim: dict, ledger_part: dict) -> str:
    """Return the verdict box of a chapter, from a claim of a ledger and `{dataset, evidence}` of the same."""
    dataset = ledger_part["dataset"]
    kind, example = dataset["provenance"], dataset["example"]
    evidence = {record["id"]: record for record in ledger_part["evidence"]}
    prediction, premise = claim["prediction"], claim["premise"]
    caution = f'<p class="endomtor-caution">{escape(claim["caution"])}</p>' if claim["caution"] else ""
    return (
        f'<aside class="endomtor-verdict endomtor-box-{dataset_kind(dataset)}" aria-label="Verdict on {claim["id"]}">'
        f'<p class="endomtor-verdict-title"><strong>{claim["id"]}</strong> {escape(claim["title"])}</p>'
        f"<p>Prediction: {badge(kind, prediction['verdict'], prediction['reason'], example=example)}</p>"
        f"{_apart(prediction, dataset)}{of_age(claim, evidence)}{_numbers(prediction, evidence)}"
        f"<p>Premise: {badge('public', premise['verdict'], premise['reason'])}</p>{_numbers(premise, evidence)}"
        f"{caution}</aside>"
    )


def verdict_text(claim: dict, dataset: dict) -> str:
    """Return the verdict as plain text, for a terminal and for a notebook that is read without HTML."""
    prediction, premise = (side_phrase(claim, side, dataset) for side in ("prediction", "premise"))
    return f"{claim['id']} {claim['title']}. Prediction: {prediction}. Premise: {premise}."
