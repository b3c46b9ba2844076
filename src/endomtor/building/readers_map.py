"""The graphical abstract: niche, HSPC and blood as a drawing, and below each the claims on it, each with its state.

It is drawn twice, for a wide and for a narrow screen; the style sheet shows one of them. Text is text in the page's own
font, and colours are those of the ledger, so that both follow the theme.
"""

import textwrap
from dataclasses import dataclass
from html import escape

from endomtor.analyses import CHAPTERS
from endomtor.claims import catalogue, verdicts
from endomtor.views import boxes

NOT_BUILT = "not built yet"

_LINE = 17
"""From one line of text to the next, in units of the drawing, which are CSS pixels where it is shown at full size."""
_PADDING, _GAP = 8, 10
_PICTURE = 70
"""Height of the picture of a part of the mouse."""
_WIDE, _NARROW, _COLUMN, _BETWEEN = 960, 350, 294, 36
_CHARACTER, _BOLD = 8, 9
"""Width of a character, that of a wide font: lines are broken by count, since the page's font is the reader's."""

_PARTS = {
    "endothelium": ("The niche", "vessels of the marrow (BMEC), where mTOR works"),
    "HSPC": ("Stem cells", "HSPC: blood stem and progenitor cells"),
    "blood": ("Blood", "what they make, also in a later host"),
}
"""What a chapter looks at, with its name and what it is."""

_STATES = {
    "simulated": "simulated:",
    "measured": "these mice:",
    "example": "invented mice:",
    "public": "real mice, premise:",
}


@dataclass(frozen=True)
class _Claim:
    """A claim on the drawing: id, title, chapter, and its states, each with the kind of data and words."""

    id: str
    title: str
    chapter: str
    states: tuple[tuple[str, str], ...]


def html(ledger: dict | None) -> str:
    """Return the drawing as HTML for the first page; without a ledger its claims say that the book was not built."""
    drawn = [_Claim(one["id"], one["title"], one["chapter"], _states(one, ledger)) for one in _claims(ledger)]
    told = _description(drawn)
    both = "".join(
        f'<svg class="endomtor-map-{name}" viewBox="0 0 {width} {height}" role="group" '
        f'aria-labelledby="endomtor-map-{name}-title" aria-describedby="endomtor-map-{name}-desc">'
        f'<title id="endomtor-map-{name}-title">Graphical abstract: the claims, and what stands behind each</title>'
        f'<desc id="endomtor-map-{name}-desc">{escape(told)}</desc>{_tip(name)}{parts}</svg>'
        for name, (width, height, parts) in (("wide", _wide(drawn)), ("narrow", _narrow(drawn)))
    )
    return f'<div class="endomtor-map">{both}</div>'


def _claims(ledger: dict | None) -> list[dict]:
    if ledger:
        return ledger["claims"]
    return [{"id": one.id, "title": one.title, "chapter": one.chapter} for one in catalogue.load().claims]


def _states(claim: dict, ledger: dict | None) -> tuple[tuple[str, str], ...]:
    """What public data say of the premise, then what this copy's mice say; one grey line where both are silent."""
    if ledger is None:
        return (("unknown", NOT_BUILT),)
    dataset = ledger["dataset"]
    own, found = boxes.dataset_kind(dataset), []
    for side, kind in (("premise", "public"), ("prediction", own)):
        verdict = claim[side]["verdict"]
        if claim[side]["primary"] or verdict != verdicts.NOT_TESTABLE:
            data = "public" if side == "premise" else dataset["provenance"]
            # Of simulated mice the drawing says only how the analysis did.
            said = boxes.phrase(data, verdict).partition(":")[0] if data == "simulated" else verdict
            found.append((kind, f"{boxes.MARKS[verdict]} {_STATES[kind]} {said}{boxes.marked(claim[side])}"))
    return tuple(found) or (("unknown", f"{boxes.MARKS[verdicts.NOT_TESTABLE]} {verdicts.NOT_TESTABLE}"),)


def _description(drawn: list[_Claim]) -> str:
    """The drawing in words."""
    parts = ["The marrow niche sends signals to blood stem and progenitor cells (HSPCs), which make blood."]
    for part, (name, what) in _PARTS.items():
        parts.append(f"{name}, {what}: {_told(_looking(drawn, part))}")
    return " ".join([*parts, f"The whole: {_told(_looking(drawn, ''))}"])


def _told(claims: list[_Claim]) -> str:
    states = (f"{one.id} {one.title} ({'; '.join(words for _, words in one.states)})" for one in claims)
    return f"{'; '.join(states) or 'no claim'}."


def _looking(drawn: list[_Claim], part: str) -> list[_Claim]:
    """Return the claims whose chapter looks at this part of the mouse."""
    return [one for one in drawn if CHAPTERS[one.chapter].looks_at == part]


def _tip(name: str) -> str:
    """The tip of arrows. Each drawing has its own, since a hidden one gives none."""
    return (
        f'<defs><marker id="endomtor-{name}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8Z"/></marker></defs>'
    )


def _wide(drawn: list[_Claim]) -> tuple[int, int, str]:
    """The parts of the mouse beside each other, their claims below: width, height, drawing."""
    drawing, ends = [], []
    columns = [2 + place * (_COLUMN + _BETWEEN) for place in range(len(_PARTS))]
    for x, part in zip(columns, _PARTS, strict=True):
        drawing.append(_part(part, x, 4))
        ends.append(_stack(_looking(drawn, part), x, _PICTURE + 20, _COLUMN, drawing))
    for x, words in zip(columns[1:], ("signals", "make"), strict=True):
        drawing.append(_arrow(f"M{x - _BETWEEN - 6} 38H{x - 2}", "wide"))
        drawing.append(_text(words, x - _BETWEEN // 2, 12, "endomtor-map-middle"))
    end = _stack(_looking(drawn, ""), columns[0], max(ends), _WIDE - 4, drawing)
    return _WIDE, end, "".join(drawing)


def _narrow(drawn: list[_Claim]) -> tuple[int, int, str]:
    """Everything below each other, for a phone: width, height, drawing."""
    drawing, y = [], 4
    for place, part in enumerate(_PARTS):
        if place:
            drawing.append(_arrow(f"M{_NARROW // 2} {y}V{y + 22}", "narrow"))
            y += 26
        drawing.append(_part(part, 2, y))
        y = _stack(_looking(drawn, part), 2, y + _PICTURE + 12, _NARROW - 4, drawing)
    y = _stack(_looking(drawn, ""), 2, y, _NARROW - 4, drawing)
    return _NARROW, y, "".join(drawing)


def _stack(claims: list[_Claim], x: int, y: int, width: int, drawing: list[str]) -> int:
    """Draw claims below each other from `y` on; return where the next one would begin."""
    for one in claims:
        height = _height(one, width)
        drawing.append(_draw(one, x, y, width, height))
        y += height + _GAP
    return y


def _wrapped(claim: _Claim, width: int) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The lines of a claim's title, and those of each of its states, none longer than the box is wide."""
    room = width - 2 * _PADDING
    title = textwrap.wrap(f"{claim.id} {claim.title}", room // _BOLD)
    return title, [(kind, textwrap.wrap(words, (room - 10) // _CHARACTER)) for kind, words in claim.states]


def _height(claim: _Claim, width: int) -> int:
    title, states = _wrapped(claim, width)
    return _LINE * len(title) + sum(_LINE * len(lines) + 8 for _, lines in states) + 2 * _PADDING


def _draw(claim: _Claim, x: int, y: int, width: int, height: int) -> str:
    """A claim's box, which is a link to its chapter."""
    title, states = _wrapped(claim, width)
    top = y + _PADDING - 2
    rows = [_text(line, x + _PADDING, top + _LINE * place, "endomtor-map-name") for place, line in enumerate(title)]
    top += _LINE * len(title) + 6
    for kind, lines in states:
        tall = _LINE * len(lines) + 4
        rows.append(
            f'<g class="endomtor-map-state endomtor-{kind}"><rect x="{x + _PADDING}" y="{top}" '
            f'width="{width - 2 * _PADDING}" height="{tall}" rx="3"/>'
            + "".join(_text(line, x + _PADDING + 5, top + 1 + _LINE * place) for place, line in enumerate(lines))
            + "</g>"
        )
        top += tall + 4
    return (
        f'<a class="endomtor-map-box" href="../notebooks/{claim.chapter}.html">'
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>{"".join(rows)}</a>'
    )


def _part(part: str, x: int, y: int) -> str:
    """A part of the mouse: its picture, name, and what it is."""
    name, what = _PARTS[part]
    lines = textwrap.wrap(what, 24)
    rows = "".join(
        _text(line, x + 92, y + 20 + _LINE * place, "endomtor-map-quiet") for place, line in enumerate(lines)
    )
    return (
        f'<g class="endomtor-map-part"><g transform="translate({x + 4} {y})">{_PICTURES[part]}</g>'
        f"{_text(name, x + 92, y, 'endomtor-map-name')}{rows}</g>"
    )


def _text(line: str, x: int, y: int, kind: str = "") -> str:
    """A line of text whose top is at `y`."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{y + 13}">{escape(line)}</text>'


def _arrow(path: str, name: str) -> str:
    return f'<path class="endomtor-map-arrow" d="{path}" marker-end="url(#endomtor-{name}-tip)"/>'


def _cell(x: int, y: int, r: int, kind: str) -> str:
    return f'<circle class="endomtor-map-{kind}" cx="{x}" cy="{y}" r="{r}"/>'


_WALL = ((18, 13), (62, 13), (18, 57), (62, 57))

# In boxes of 80 by 70.
_PICTURES = {
    # A vessel with cells in its walls, seen along its side.
    "endothelium": '<path class="endomtor-map-lumen" d="M0 18Q40 2 80 18V52Q40 68 0 52Z"/>'
    '<path class="endomtor-map-wall" d="M0 18Q40 2 80 18M0 52Q40 68 80 52"/>'
    + "".join(f'<ellipse class="endomtor-map-nucleus" cx="{x}" cy="{y}" rx="7" ry="3"/>' for x, y in _WALL)
    + "".join(_cell(x, y, 4, "red") for x, y in ((18, 34), (40, 38), (62, 32))),
    "HSPC": _cell(40, 35, 30, "cell") + _cell(44, 33, 19, "nucleus"),
    "blood": _cell(18, 24, 13, "red")
    + _cell(18, 24, 5, "lumen")
    + _cell(56, 20, 15, "cell")
    + _cell(56, 20, 9, "nucleus")
    + _cell(36, 50, 13, "red")
    + _cell(36, 50, 5, "lumen")
    + "".join(_cell(x, y, 3, "cell") for x, y in ((62, 50), (70, 44), (68, 58))),
}
