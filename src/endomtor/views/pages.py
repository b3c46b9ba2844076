"""The ledger on the pages: the summary under a chapter's title, the table of all evidence, links to cells and methods.

Everything is drawn from `ledger.json` when the site is drawn; see `boxes` for the words.
"""

import re
from html import escape

from endomtor import reporting
from endomtor.claims import verdicts
from endomtor.claims.catalogue import Claim
from endomtor.errors import ClaimsError
from endomtor.markup import anchor, table
from endomtor.provenance import Provenance
from endomtor.views import boxes, headings
from endomtor.views.conclusions import conclusions

VERDICT_ANCHOR = "the-verdict"
"""The section of a chapter that holds its verdict box."""

SYNTHESIS, CALIBRATION = "06_synthesis", "07_calibration"
"""Chapters that judge no claim of their own."""

_RIGHT = "right twins of wrong analyses"

COLUMNS = ("Evidence", "Estimate", "Verdict", "Data and code")
_EVIDENCE = "endomtor-ledger endomtor-evidence"

# The section of the methods page that explains a method, by words of its name; the first that fits.
METHODS = (
    ("phi over", "methods-transcriptome-phi"),
    ("phi by Fieller", "methods-phi"),
    ("mean over studies", "methods-transcriptome-phi"),
    ("linear model", "methods-groups"),
    ("Welch t test", "methods-groups"),
    ("published mixed-model effect", "methods-estimate"),
    ("random effects over cohorts", "methods-meta"),
    ("Cox regression", "methods-meta"),
)


def method_link(record: dict) -> str:
    """Return the section of the methods page that explains a record's method, relative to the site's root.

    Raises
    ------
    ClaimsError
        No section is known for the method.
    """
    for words, section in METHODS:
        if words in record["method"]:
            return f"book/methods.html#{section}"
    raise ClaimsError(
        f"evidence {record['id']} has the method {record['method']!r}, which no section of Methods covers"
    )


def cell_link(record: dict) -> str:
    """Return the place of the cell that computed a record, relative to the site's root."""
    return f"notebooks/{record['notebook']}.html#{anchor(record['id'])}"


def anchors(records: list[dict]) -> str:
    """Return HTML that marks, before a cell, the records that it computed."""
    marks = "".join(f'<span id="{anchor(record["id"])}"></span>' for record in records)
    return f'<div class="endomtor-anchors">{marks}</div>'


def groups_of(records: list[dict]) -> list[str]:
    """Return the groups that several records count, by the order in which they come."""
    return list(dict.fromkeys(group for record in records for group in _n(record)))


def _n(record: dict) -> dict[str, int]:
    """The units per group; in `….young` the group "young vehicle" is "vehicle"."""
    age = record["id"].rpartition(".")[2]
    return {group.removeprefix(f"{age} "): count for group, count in record["n"].items()}


def n_in_order(record: dict, groups: list[str]) -> str:
    """Return the units per group as `8/8/7`, in the order of `groups`; a dash for one that the record has not."""
    return "/".join(str(_n(record).get(group, "–")) for group in groups)


def name(record: dict) -> str:
    """Return the name of a record within its claim, in words: `C3.marrow.HSC` is "marrow, HSC"."""
    return reporting.endpoint_text(record["id"].partition(".")[2]).replace(".", ", ")


def estimate(record: dict) -> str:
    """Return the estimate of a record, without interval, unit and n; "none" where it has none that can be read."""
    unread = record["estimate"] is None or boxes.is_unreadable(record)
    return "none" if unread else boxes.value(record)


def limits(record: dict) -> str:
    """Return the interval of a record, or that there is nothing to read."""
    return "no aging effect seen" if boxes.is_unreadable(record) else boxes.limits(record)


def dataset_label(dataset: dict) -> str:
    """Return the kind of a ledger's data set and its name, as figures write it."""
    plain = {key: dataset[key] for key in ("title", "world", "seed", "example")}
    return Provenance(kind=dataset["provenance"], source="", sha256="", **plain).label


def measure(records: list[dict]) -> str:
    """Return what several records estimate, in short: "phi", "aged / young"; "estimate" where they differ."""
    found = {re.split(r" of | in |, ", reporting.estimand_text(record["estimand"]))[0] for record in records}
    return found.pop() if len(found) == 1 else "estimate"


def summary_html(chapter: str, ledger: dict) -> str:
    """Return what stands below the title and the question of a chapter: in one minute, answer, how sure, on what data.

    Empty for a chapter that no claim belongs to, but for the synthesis, which gathers all claims, and the calibration,
    whose rates are frozen beside the ledger.
    """
    claims = [claim for claim in ledger["claims"] if claim["chapter"] == chapter]
    premises = ""
    if chapter == SYNTHESIS:
        parts = [_all_claims(ledger)]
    elif claims:
        parts = [_claim_summary(claim, ledger) for claim in claims]
        premises = "".join(_premise_summary(claim, ledger) for claim in claims)
    elif chapter == CALIBRATION:
        return _of_rates()
    else:
        return ""
    dataset = ledger["dataset"]
    return premises + _in_one_minute(boxes.dataset_kind(dataset), dataset_label(dataset), parts)


def _in_one_minute(kind: str, label: str, parts: list[str]) -> str:
    return (
        f'<aside class="endomtor-summary endomtor-box-{kind}" aria-label="In one minute">'
        f'<p><strong class="endomtor-summary-title">In one minute</strong> '
        f'<span class="endomtor-mark-{kind}">{escape(label)}</span></p>{"".join(parts)}</aside>'
    )


def _claim_summary(claim: dict, ledger: dict) -> str:
    dataset = ledger["dataset"]
    label = f'<a href="#{VERDICT_ANCHOR}">{claim["id"]}</a>'
    return _side_summary(claim, "prediction", dataset["provenance"], label, ledger, example=dataset["example"])


def _premise_summary(claim: dict, ledger: dict) -> str:
    if not claim["premise"]["primary"]:
        return ""
    return (
        '<aside class="endomtor-summary endomtor-box-public" aria-label="Premise, on real mice">'
        '<p><strong class="endomtor-summary-title">Real mice first: the premise</strong> '
        f'<span class="endomtor-mark-public">PUBLIC</span></p>'
        f"{_side_summary(claim, 'premise', 'public', claim['id'], ledger)}</aside>"
    )


def _side_summary(claim: dict, side: str, whose: str, label: str, ledger: dict, *, example: bool = False) -> str:
    found, evidence = claim[side], {record["id"]: record for record in ledger["evidence"]}
    badge = boxes.badge(whose, found["verdict"], "", example=example, changed=found.get("changed", False))
    records = [evidence[one] for one in found["primary"]]
    return (
        f'<p class="endomtor-summary-verdict"><strong>{label}</strong> {badge}</p>'
        f'<p class="endomtor-summary-answer">{escape(_answer(claim, side, records, ledger["dataset"]))}</p>'
        f"{_primaries(records, found['verdict'])}{boxes.of_age(claim, evidence) if side == 'prediction' else ''}"
    )


def _answer(claim: dict, side: str, records: list[dict], dataset: dict) -> str:
    """The answer in a sentence: what the primaries say, how many of them hold, how many must."""
    if not records:
        return claim["caution"] if side == "prediction" and claim["caution"] else f"{_because(claim[side])}."
    told = headings.sentence([record["id"] for record in records], {"claims": [claim], "evidence": records})
    return f"{told}: {_count(claim[side], records)}. {boxes.parts_text(claim[side], dataset)}".rstrip()


def _count(found: dict, records: list[dict]) -> str:
    """How many of the primaries hold and how many are needed; apart where the claim asks so."""
    counted = []
    for part in found.get("parts", {"": None}):
        own = [record for record in records if record["id"].endswith(part)]
        held = sum(record["reason"] == verdicts.EFFECT for record in own)
        counted.append(f"{held} of {len(own)} hold" + f" in {part} mice" * bool(part))
    where = f" in {boxes.listed(list(found['parts']), 'or in')} mice" if found.get("parts") else ""
    return f"{', '.join(counted)}; {found['needed']} needed{where}"


def _because(found: dict) -> str:
    reason = boxes.REASONS.get(found["reason"], found["reason"])
    return reason[0].upper() + reason[1:]


def _mark(record: dict) -> str:
    """The verdict on one record, as its mark, with the word for those who do not see it."""
    said = escape(boxes.record_word(record))
    return (
        f'<span title="{said}"><span aria-hidden="true">{boxes.MARKS[record["verdict"]]}</span>'
        f'<span class="endomtor-hidden">{said}</span></span>'
    )


def _primaries(records: list[dict], verdict: str) -> str:
    """The numbers behind an answer as a table, and the sentence that says how sure it is; marks unlike its are told."""
    if not records:
        return ""
    groups = groups_of(records)
    counted = any(record["fragility"] for record in records)
    rows = [
        f'<tr><th scope="row">{_mark(record)} <a href="#{anchor(record["id"])}">{escape(name(record))}</a></th>'
        f"<td>{estimate(record)} ({limits(record)})</td><td>{escape(n_in_order(record, groups))}</td>"
        + (f"<td>{_steady(record)}</td>" if counted else "")
        + "</tr>"
        for record in records
    ]
    measured = f"{escape(measure(records))} ({100 * records[0]['level']:.0f} % interval)"
    heads = ["primary", measured, "n", *(["holds in"] if counted else [])]
    return (
        f'{table(heads, rows)}<p class="endomtor-summary-n">{escape(_legend(records, verdict))}'
        f"{escape(_how_sure(records, groups, counted))}</p>"
    )


def _legend(records: list[dict], verdict: str) -> str:
    """What the marks of some records mean, but for that of their claim, which stands above in words."""
    words = {boxes.MARKS[one["verdict"]]: boxes.record_word(one) for one in records if one["verdict"] != verdict}
    return "".join(f"{mark} {said}. " for mark, said in words.items())


def _steady(record: dict) -> str:
    tried = record["fragility"]
    return f"{tried['holds']} of {tried['of']}" if tried else "not tried"


def _how_sure(records: list[dict], groups: list[str], counted: bool) -> str:
    """What n counts, of whose data, and in how many variants of the analysis the verdicts hold."""
    # Not with the module: what reads a ledger draws nothing, and need not wait for the libraries of figures.
    from endomtor.figures import style

    origin = records[0]["provenance"]
    whose = {"simulated": "Simulated", "public": "Public", "measured": "Measured"}[origin["kind"]]
    whose = "Invented example" if origin["example"] else whose
    units: dict[str, list[str]] = {}
    for record in records:
        units.setdefault(record["unit"], []).append(name(record))
    first, *others = units
    unit = ", ".join([first, *(f"{other} ({'; '.join(units[other])})" for other in others)])
    variants = "; holds in: variants with one unit left out or one choice changed" if counted else ""
    return f"{whose} data, unit: {unit}; n: {'/'.join(map(style.named, groups))}{variants}."


def _all_claims(ledger: dict) -> str:
    """The claims of the book with their verdicts: what the synthesis draws together."""
    dataset = ledger["dataset"]
    kind, example = dataset["provenance"], dataset["example"]
    rows = [
        f'<tr><th scope="row"><a href="{claim["chapter"]}.html">{claim["id"]}</a> {escape(claim["title"])}</th>'
        f"<td>{boxes.MARKS[claim['prediction']['verdict']]} "
        f"{escape(boxes.word(kind, claim['prediction']['verdict'], example=example))}</td>"
        f"<td>{_held(claim, ledger)}</td></tr>"
        for claim in ledger["claims"]
    ]
    heads = ("claim", boxes.heading(kind, example=example), "primaries that hold")
    own, public = conclusions(ledger).values()
    return (
        f'<p class="endomtor-summary-answer">{escape(own)}</p>{table(heads, rows)}'
        f'<p class="endomtor-summary-n">{escape(public)}</p>'
    )


def _held(claim: dict, ledger: dict) -> str:
    primary = set(claim["prediction"]["primary"])
    held = [one for one in ledger["evidence"] if one["id"] in primary and one["reason"] == verdicts.EFFECT]
    return f"{len(held)} of {len(primary)}, {claim['prediction']['needed']} must hold" if primary else "none tested"


def _of_rates() -> str:
    """What the frozen calibration found, by kind of error; empty where its table is not here."""
    from endomtor import calibration
    from endomtor.calibration import rates

    told = headings.rates()
    if not told:
        return ""
    found = calibration.frozen()
    levels = found.table[found.table["nominal"].notna()]
    rows = []
    for measured, own in levels.groupby("measure", sort=False):
        worst = own.loc[(own["rate"] - own["nominal"]).mul(-1 if measured == rates.COVERAGE else 1).idxmax()]
        beyond = int((own["judgement"] == rates.BEYOND).sum())
        rate, low, high, nominal = (reporting.percent(worst[one]) for one in ("rate", "low", "high", "nominal"))
        rows.append(
            f'<tr><th scope="row">{measured if measured in rates.MEASURES else _RIGHT}</th>'
            f"<td>{beyond} of {len(own):,}</td>"
            f"<td>{rate} ({low} to {high})</td><td>{nominal}</td></tr>"
        )
    fewest, most = levels["of"].min(), levels["of"].max()
    return _in_one_minute(
        "simulated",
        found.provenance.label,
        [
            f'<p class="endomtor-summary-answer">{told}. A nominal level says how seldom an analysis may be wrong.</p>'
            + table(("of simulated studies", "beyond", "worst rate (95 % interval)", "nominal"), rows),
            f'<p class="endomtor-summary-n">Simulated data, unit: cohort, one simulated study; n: {fewest:,} to '
            f"{most:,} cohorts for each rate. These rates say how analyses behave and nothing about mice.</p>",
        ],
    )


def claim_markdown(claim: Claim) -> str:
    """Return what was fixed about a claim before any data were read: source, rule, what would contradict it, rivals."""
    primary = max(sum(not rule.where_given for rule in part) for part in claim.parts.values())
    rule = (
        f"{claim.needed} of {primary} primary predictions must hold"
        + (f" in {boxes.listed(claim.apart, 'or in')} mice, each asked by itself" if claim.apart else "")
        + " ({ref}`claim-rule`); otherwise inconclusive"
        + ("; only those that were measured count" if claim.interchangeable else "")
        + "".join(f"; `{one.id}` is one more where it could be tested" for one in claim.primaries if one.where_given)
        if primary
        else "none: it has no predictions here"
    )
    rivals = " ".join(f"({number}) {one}" for number, one in enumerate(claim.rivals, start=1))
    return (
        f"{claim.text}\n\n- *In the abstract:* {claim.abstract}.\n- *Rule:* {rule}.\n"
        f"- *Would contradict it:* {claim.contradiction}\n- *Rival explanations:* {rivals}\n"
    )


def evidence_html(claim: dict, ledger: dict) -> str:
    """Return all evidence of a claim as HTML tables, with links to cell, data and method.

    The primaries are in sight; descriptive and context rows, which enter no verdict, are folded away below them.
    """
    primary = {*claim["prediction"]["primary"], *claim["premise"]["primary"]}
    records = [record for record in ledger["evidence"] if record["claim"] == claim["id"]]
    if not records:
        return '<p class="endomtor-missing">No evidence: no data of the needed kind are at hand.</p>'
    first = [record for record in records if record["id"] in primary]
    parts = [table(COLUMNS, [_row(one, f"primary {one['kind']}") for one in first], _EVIDENCE)]
    for kind, title in (
        ("prediction", "descriptive predictions"),
        ("premise", "descriptive premises"),
        ("context", "context"),
    ):
        rest = [record for record in records if record["kind"] == kind and record["id"] not in primary]
        if rest:
            rows = table(COLUMNS, [_row(one, title.removesuffix("s")) for one in rest], _EVIDENCE)
            parts.append(f"<details><summary>{len(rest)} rows: {title}</summary>{rows}</details>")
    return "".join(parts)


def _row(record: dict, role: str) -> str:
    origin = record["provenance"]
    whose = boxes.record_kind(record)
    level = f"{100 * record['level']:.0f} %"
    interval = limits(record) if boxes.is_unreadable(record) else f"{level} interval {limits(record)}"
    p = "" if record["p"] is None else f"<br>{escape(reporting.p_text(record['p']))}"
    if record["p_adjusted"] is not None:
        p += escape(f" ({reporting.p_text(record['p_adjusted'])} after Holm)")
    if record["kind"] == "context":
        verdict = '<span class="endomtor-reason">context: enters no verdict</span>'
    else:
        changed = record.get("changed", False)
        verdict = boxes.badge(
            origin["kind"], record["verdict"], record["reason"], example=origin["example"], changed=changed
        )
    if record["fragility"]:
        verdict += f'<span class="endomtor-reason">{boxes.robustness(record)}</span>'
    cells = (
        f"{escape(reporting.estimand_text(record['estimand']))}: <strong>{estimate(record)}</strong><br>"
        f"{interval}{p}<br>"
        f"unit: {escape(record['unit'])}; n: {escape(boxes.counts(record))}",
        verdict,
        f'<span class="endomtor-mark-{whose}">{escape(whose)}</span> {escape(origin["title"])}<br>'
        f'sha256 <code title="{origin["sha256"]}">{origin["sha256"][:12]}</code><br>'
        f'computed by <a href="../{cell_link(record)}">this cell</a>, <a href="../{method_link(record)}">method</a>',
    )
    body = "".join(f'<td data-label="{title}">{cell}</td>' for title, cell in zip(COLUMNS[1:], cells, strict=True))
    shown = escape(record["id"]).replace(".", ".<wbr>").replace("_", "_<wbr>")
    return (
        f'<tr id="{anchor(record["id"])}"><th scope="row">{shown}'
        f'<span class="endomtor-reason">{escape(record["prediction"])} ({role})</span></th>{body}</tr>'
    )
