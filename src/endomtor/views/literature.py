"""What others found, on the pages: a picture of directions, a table, and one paragraph at the head of a chapter."""

from collections.abc import Sequence
from html import escape

from endomtor.claims import literature
from endomtor.claims.literature import Finding
from endomtor.markup import table
from endomtor.views.boxes import listed

ARROWS = {"up": "↑", "down": "↓", "none": "=", "mixed": "↕"}
SHAPES = {"age": "▲", "drug": "●", "genetics": "■", "transplant": "◆", "patients": "★", "method": "✱"}
WORDS = {"for": "for", "against": "against", "mixed": "for and against", "bounds": "bounds it"}
KINDS = {
    "age": "old against young",
    "drug": "a drug",
    "genetics": "a gene",
    "transplant": "a transplant",
    "patients": "patients",
    "method": "a method",
}
PAGE = "book/against-the-paper.html"


def picture_html(claim: str) -> str:
    """Return a claim's findings by cell and age: a shape for the kind of evidence, an arrow, the stance in words.

    A table, so that it is read without sight as well.
    """
    found = literature.load().of(claim)
    if not found:
        return ""
    ages = list(dict.fromkeys(one.age for one in found))
    rows = []
    for cells in dict.fromkeys(one.cells for one in found):
        own = [[one for one in found if (one.cells, one.age) == (cells, age)] for age in ages]
        entries = "".join(f"<td>{'<br>'.join(map(_mark, those)) or '·'}</td>" for those in own)
        rows.append(f'<tr><th scope="row">{escape(cells)}</th>{entries}</tr>')
    legend = "; ".join(f"{SHAPES[kind]} {word}" for kind, word in KINDS.items() if kind in {one.kind for one in found})
    arrows = "↑ ↓ = ↕: the read-out goes up, down, stays, or differs between read-outs"
    return (
        table(["", *map(escape, ages)], rows, "endomtor-literature-picture")
        + f'<p class="endomtor-reason">{legend}. {arrows}.</p>'
    )


def _mark(one: Finding) -> str:
    return (
        f'<span class="endomtor-stance-{one.stance}"><span aria-label="{KINDS[one.kind]}">{SHAPES[one.kind]}</span>'
        f" {ARROWS[one.direction]} {escape(one.study)}: {WORDS[one.stance]}</span>"
    )


def table_html(claim: str) -> str:
    """Return a claim's findings, one row each: what, in which system, where it was read, and when it was looked up."""
    found = literature.load().of(claim)
    if not found:
        return "<p>We found nothing that anybody published on it.</p>"
    rows = [
        f'<tr><th scope="row"><a href="{escape(one.source)}">{escape(one.study)}</a> '
        f"<small>{escape(WORDS[one.stance])}</small></th><td>{escape(one.finding)}</td>"
        f"<td>{escape('; '.join(part for part in (one.system, one.readout, one.numbers) if part))}</td>"
        f"<td>{escape(one.place)}; {escape(one.looked_up)}, “{escape(one.query)}”</td></tr>"
        for one in found
    ]
    heads = ("Study", "Finding", "System, read-out, numbers", "Read in; looked up, with")
    return table(heads, rows, "endomtor-ledger endomtor-literature")


def settles_html(claim: str) -> str:
    """Return what measurement would change the verdict on a claim."""
    return f"<p><strong>What would change this verdict:</strong> {escape(literature.load().settles[claim])}</p>"


def known_html(claims: Sequence[str]) -> str:
    """Return the paragraph at the head of a chapter: who speaks for its claims, who against; empty for nobody."""
    found, parts = literature.load().of(*claims), []
    for stance in literature.STANCES:
        names = list(dict.fromkeys(one.study for one in found if one.stance == stance))
        if names:
            parts.append(f"<strong>{WORDS[stance]}</strong>: {escape(listed(names))}")
    if not parts:
        return ""
    link = f'<a href="../{PAGE}#against-{claims[0].lower()}">what others found</a>'
    return (
        f'<p class="endomtor-known">Known from others on {listed(claims)}: {"; ".join(parts)}. '
        f"Each with its finding, system and place: {link}.</p>"
    )
