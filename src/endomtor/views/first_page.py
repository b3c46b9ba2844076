"""The first screen of the book: what real mice show, what simulated mice say of the analyses, what is unknown."""

from collections.abc import Sequence
from html import escape

from endomtor.claims import literature, verdicts
from endomtor.reporting import percent
from endomtor.views import boxes, headings, pages
from endomtor.views.conclusions import conclusions

_AGAINST = "against-the-paper.html"
_TITLE = "C6"
"""The claim that is the paper's title."""

_LIFESPANS = "C2.context.lifespan."

_HALF, _TALL = 42, 14
"""Half the width and the height of a row of the forest plot, in CSS pixels."""


def panels_html(ledger: dict) -> str:
    """Return three panels: real mice with a forest plot, simulated mice (or a laboratory's own), what is unknown."""
    panels = f"{_real(ledger)}{_own(ledger)}{_unknown(ledger)}"
    # A number and its sign stay on one line.
    return f'<div class="endomtor-panels">{panels}</div>'.replace(" %", "\u00a0%")


def _panel(kind: str, title: str, body: str, mark: str = "") -> str:
    shown = f' <span class="endomtor-mark-{kind}">{mark}</span>' if mark else ""
    return (
        f'<section class="endomtor-panel endomtor-box-{kind}" aria-label="{title}">'
        f'<p class="endomtor-panel-title"><strong>{title}</strong>{shown}</p>{body}</section>'
    )


def _real(ledger: dict) -> str:
    """The premises that public data test: which claims they belong to, and each estimate on a line of its own scale."""
    evidence = {one["id"]: one for one in ledger["evidence"]}
    tested = [claim for claim in ledger["claims"] if claim["premise"]["primary"]]
    rows = [_row(evidence[one]) for claim in tested for one in claim["premise"]["primary"]]
    if not rows:
        return _panel("public", "Real mice", "<p>No public data in this copy.</p>", "PUBLIC")
    by: dict[str, list[str]] = {}
    for claim in tested:
        by.setdefault(claim["premise"]["verdict"], []).append(claim["id"] + boxes.marked(claim["premise"]))
    words = {
        verdicts.SUPPORTED: "bear out",
        verdicts.CONTRADICTED: "contradict",
        verdicts.INCONCLUSIVE: "leave open",
        verdicts.NOT_TESTABLE: "could not test",
    }
    told = ", ".join(f"{words[word]} what {boxes.listed(ids)} take for granted" for word, ids in by.items())
    return _panel(
        "public",
        "Real mice",
        f"<p>{escape(f'Published mice {told}.')} None of them lacks endothelial mTOR.{escape(_lifespans(ledger))}</p>"
        f'<ul class="endomtor-forest">{"".join(rows)}</ul>'
        '<p class="endomtor-reason">Old against young, 95 % interval. Each line has its own scale; its middle is no '
        "difference.</p>",
        "PUBLIC",
    )


def _lifespans(ledger: dict) -> str:
    """The finding that stands beside claim C2: in how many comparisons mice under rapamycin lived longer."""
    found = [one for one in ledger["evidence"] if one["id"].startswith(_LIFESPANS)]
    longer = sum(one["reason"] == verdicts.EFFECT for one in found)
    return (
        f" Rapamycin, which C2 calls harmful, prolonged life in {longer} of {len(found)} comparisons." if found else ""
    )


def _row(record: dict) -> str:
    ends = [record["ci_low"], record["ci_high"]]
    reach = max(abs(one) for one in (record["estimate"], *ends) if one is not None) or 1.0
    low, high, value = (_HALF * (1 + 0.9 * one / reach) for one in (*_closed(ends, reach), record["estimate"]))
    drawn = (
        f'<svg viewBox="0 0 {2 * _HALF} {_TALL}" width="{2 * _HALF}" height="{_TALL}" aria-hidden="true">'
        f'<path class="endomtor-forest-none" d="M{_HALF} 0V{_TALL}"/>'
        f'<path class="endomtor-forest-set" d="M{low:.1f} {_TALL // 2}H{high:.1f}"/>'
        f'<circle class="endomtor-forest-value" cx="{value:.1f}" cy="{_TALL // 2}" r="4"/></svg>'
    )
    measured = pages.measure([record])
    what = f"{boxes.value(record)} ({boxes.limits(record)})" + (f" {measured}" if measured != "estimate" else "")
    return (
        f"<li><span>{escape(headings.subject(record))} <small>({escape(_n(record))})</small></span>"
        f"{drawn}<span>{escape(what)}</span></li>"
    )


def _n(record: dict) -> str:
    groups = list(record["n"].items())
    said = f"{groups[0][1]} {groups[0][0]}" if len(groups) == 1 else boxes.counts(record)
    tried = record["fragility"]
    return said + (f"; holds in {tried['holds']} of {tried['of']} variants" if tried else "")


def _closed(ends: Sequence[float | None], reach: float) -> tuple[float, float]:
    """Limits of which one that is not there lies at the edge of the drawing."""
    low, high = ends
    return (-reach / 0.9 if low is None else low), (reach / 0.9 if high is None else high)


def _own(ledger: dict) -> str:
    """What the mice of this copy say: of simulated ones, how often the analyses are right."""
    dataset = ledger["dataset"]
    kind = boxes.dataset_kind(dataset)
    if kind != "simulated":
        told = next(iter(conclusions(ledger).values()))
        title = "Invented mice" if kind == "example" else "These mice"
        return _panel(kind, title, f"<p>{escape(told)}</p>", kind.upper())
    said = [found(), false_alarms(), fooled()]
    items = "".join(f"<li>{escape(one)}</li>" for one in said if one)
    return _panel(
        kind, "Simulated mice", f"<p>They test the analyses, never the claims.</p><ul>{items}</ul>", "SIMULATED"
    )


def found() -> str:
    """Return how often the analyses find what is planted in the world of the abstract's story; empty without counts."""
    rows = [row for row in headings.rates_of_claims(headings.POWER) if row["scenario"] == "paper"]
    if not rows:
        return ""
    low, high = (end(rows, key=lambda row: float(row["rate"])) for end in (min, max))
    return (
        f"The analyses find a planted effect in {percent(float(low['rate']))} ({low['id']}) to "
        f"{percent(float(high['rate']))} ({high['id']}) of studies."
    )


def false_alarms() -> str:
    """Return how often the analyses cry wolf in the worst design that promises a level; empty without counts."""
    worst = headings.worst_rate()
    if not worst:
        return ""
    return f"They cry wolf in at most {worst['rate']} (upper limit {worst['high']}; promised {worst['nominal']})."


def fooled() -> str:
    """Return where they cry wolf more often, since no level is promised there; empty where they do not."""
    rows = [row for row in headings.rates_of_claims(headings.FALSE) if row["scenario"] == "inflamed"]
    said = [f"{row['id']} in {percent(float(row['rate']))}" for row in rows if float(row["rate"]) > 0]
    return f"Illness that looks like age fools {boxes.listed(said)}." if said else ""


def _unknown(ledger: dict) -> str:
    """The claims that no mouse at hand tests, what would settle the last of them, and where the others stand."""
    own = ledger["dataset"]["provenance"] == "measured" and not ledger["dataset"]["example"]
    open_ = [
        claim["id"]
        for claim in ledger["claims"]
        if not claim["premise"]["primary"] and not (own and claim["prediction"]["primary"])
    ]
    settles = literature.load().settles[_TITLE]
    named = f"No real mouse at hand tests {boxes.listed(open_)}. " if open_ else ""
    return _panel(
        "unknown",
        "Unknown",
        f"<p>{escape(named)}Whether endothelial mTOR keeps blood young: nobody has measured it.</p>"
        f"<p><strong>This would settle it:</strong> {escape(settles)} "
        f'<a href="{_AGAINST}#deciding-experiments">An experiment for each claim</a></p>',
    )
