"""The reader's map: niche, mTOR, HSPC and the experiments as a drawing, whose boxes lead to the chapters.

It is drawn twice, for a wide and for a narrow screen; the style sheet shows one of them. Text is text in the page's own
font, and colours are those of the ledger, so that both follow the theme.
"""

import textwrap
from collections import Counter
from dataclasses import dataclass, field
from html import escape

from endomtor.claims import verdicts
from endomtor.views import boxes, headings

NOT_BUILT = "not built yet"

_LINE = 17
"""From one line of text to the next, in units of the drawing, which are CSS pixels where it is shown at full size."""
_PADDING = 9
_STRIP = 12
"""Width of the strip at the left of a box, whose pattern says how the verdict turned out."""
_QUIET = "endomtor-map-asks"
_WIDE, _NARROW = 720, 350
_CHARACTER, _BOLD = 8, 9
"""Width of a character, that of a wide font: lines are broken by count, since the page's font is the reader's."""

# How a verdict turned out: in the direction of the claim as it should, against it, or open.
_STRIPS = {
    verdicts.SUPPORTED: "sound",
    verdicts.RECOVERED: "sound",
    verdicts.RIGHTLY_SILENT: "sound",
    verdicts.CONTRADICTED: "against",
    verdicts.MISSED: "against",
    verdicts.FALSE_ALARM: "against",
    verdicts.INCONCLUSIVE: "open",
    verdicts.NOT_TESTABLE: "open",
}

_KINDS = {
    "simulated": "SIMULATED, numbers assumed",
    "measured": "MEASURED",
    "public": "PUBLIC",
    "example": "EXAMPLE, invented numbers",
}

_TITLES = {
    "01_mtor_decline": "01 mTOR in aged endothelium",
    "02_rapamycin": "02 Rapamycin",
    "03_ecko_phenotypes": "03 Aged attributes in ECKO mice",
    "04_transcriptome_resemblance": "04 Transcriptome",
    "05_serial_transplants": "05 Serial transplants",
    "06_synthesis": "06 Synthesis",
    "07_calibration": "07 Calibration",
}

_LOOKS_AT = {
    "01_mtor_decline": "Is mTOR lower in the endothelium of old mice?",
    "02_rapamycin": "A drug blocks mTOR in every cell.",
    "03_ecko_phenotypes": "mTOR deleted in young endothelium: do HSPCs look old?",
    "04_transcriptome_resemblance": "Do their genes look old?",
    "05_serial_transplants": "Do cells keep the mark in later hosts?",
    "06_synthesis": "Do 01 to 05 tell one story?",
    "07_calibration": "How often would these analyses be wrong?",
}


@dataclass(frozen=True)
class _Box:
    """A chapter on the map: file name, heading, what it asks, lines with the kind of data and verdict of each."""

    chapter: str
    style: str
    strip: str
    lines: list[str] = field(default_factory=list)


def html(ledger: dict | None) -> str:
    """Return the map as HTML for the first page.

    Parameters
    ----------
    ledger : dict or None
        None where the book was not built: the boxes then say so.
    """
    drawn = {chapter: _box(chapter, ledger) for chapter in _TITLES}
    told = _description(drawn)
    both = "".join(
        f'<svg class="endomtor-map-{name}" viewBox="0 0 {width} {height}" role="group" '
        f'aria-labelledby="endomtor-map-{name}-title" aria-describedby="endomtor-map-{name}-desc">'
        f'<title id="endomtor-map-{name}-title">Reader’s map: what each chapter looks at, and what came out</title>'
        f'<desc id="endomtor-map-{name}-desc">{escape(told)}</desc>{_patterns(name)}{parts}</svg>'
        for name, (width, height, parts) in (("wide", _wide(drawn)), ("narrow", _narrow(drawn)))
    )
    return f'<div class="endomtor-map">{both}</div>'


def _box(chapter: str, ledger: dict | None) -> _Box:
    if ledger is None:
        return _Box(chapter, "unbuilt", "open", [NOT_BUILT])
    dataset = ledger["dataset"]
    style = boxes.dataset_kind(dataset)
    if chapter == "07_calibration":
        return _Box(chapter, "simulated", "none", [headings.rates() or "no rates here"])
    claims = [claim for claim in ledger["claims"] if claim["chapter"] == chapter]
    if not claims:
        counted = Counter(_said(claim["prediction"]["verdict"], dataset) for claim in ledger["claims"])
        return _Box(chapter, style, "none", [_KINDS[style], *(f"{count} × {said}" for said, count in counted.items())])
    lines = [_KINDS[style], *(f"{claim['id']} {_said(claim['prediction']['verdict'], dataset)}" for claim in claims)]
    for claim in claims:
        if claim["premise"]["primary"]:
            word = claim["premise"]["verdict"]
            lines.append(f"PUBLIC: premise {boxes.MARKS[word]} {boxes.word('public', word)}")
    return _Box(chapter, style, _STRIPS[claims[0]["prediction"]["verdict"]], lines)


def _said(verdict: str, dataset: dict) -> str:
    word = boxes.word(dataset["provenance"], verdict, example=dataset["example"])
    return f"{boxes.MARKS[verdict]} {word.partition(':')[0]}"


def _description(drawn: dict[str, _Box]) -> str:
    """The map in words."""
    parts = [
        "Endothelial cells of the marrow niche, in which mTOR works, send signals to blood stem and progenitor cells "
        "(HSPCs), which make blood and can be transplanted into later hosts."
    ]
    for chapter, box in drawn.items():
        parts.append(f"{_TITLES[chapter]}. {_LOOKS_AT[chapter]} {'; '.join(box.lines)}.")
    return " ".join(parts)


def _patterns(name: str) -> str:
    """The fills of the strips: full, hatched, dotted. Each drawing has its own, since a hidden one gives none."""
    return (
        f'<defs><pattern id="endomtor-{name}-against" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path d="M0 0H6V3H0Z"/></pattern>'
        f'<pattern id="endomtor-{name}-open" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<circle cx="3" cy="3" r="1.6"/></pattern>'
        f'<marker id="endomtor-{name}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8Z"/></marker></defs>'
    )


def _wrapped(box: _Box, width: int) -> list[tuple[str, str]]:
    """The lines of a box with their classes, none longer than it is wide."""
    room = width - _STRIP - 2 * _PADDING
    fit = room // _CHARACTER
    rows = [(line, "endomtor-map-name") for line in textwrap.wrap(_TITLES[box.chapter], room // _BOLD)]
    rows += [(line, _QUIET) for line in textwrap.wrap(_LOOKS_AT[box.chapter], fit)]
    return rows + [(line, "endomtor-map-says") for one in box.lines for line in textwrap.wrap(one, fit)]


def _height(box: _Box, width: int) -> int:
    return _LINE * len(_wrapped(box, width)) + 2 * _PADDING


def _draw(box: _Box, x: int, y: int, width: int, height: int, name: str) -> str:
    """A chapter's box, which is a link."""
    rows = "".join(
        _text(line, x + _STRIP + _PADDING, y + _PADDING + _LINE * place, kind)
        for place, (line, kind) in enumerate(_wrapped(box, width))
    )
    strip = "" if box.strip == "none" else _strip(box.strip, x, y, height, name)
    return (
        f'<a class="endomtor-map-box endomtor-{box.style}" href="../notebooks/{box.chapter}.html">'
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}"/>{strip}{rows}</a>'
    )


def _part(x: int, y: int, width: int, lines: list[str], kind: str = "") -> str:
    """A part of the mouse, drawn round."""
    height = _LINE * len(lines) + 2 * _PADDING
    rows = "".join(
        _text(line, x + width // 2, y + _PADDING + _LINE * place, "endomtor-map-middle")
        for place, line in enumerate(lines)
    )
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="18"/>'
    return f'<g class="endomtor-map-part {kind}">{shape}{rows}</g>'


def _text(line: str, x: int, y: int, kind: str) -> str:
    """A line of text whose top is at `y`."""
    return f'<text class="{kind}" x="{x}" y="{y + 13}">{escape(line)}</text>'


def _arrow(path: str, name: str) -> str:
    return f'<path class="endomtor-map-arrow" d="{path}" marker-end="url(#endomtor-{name}-tip)"/>'


def _looks(path: str) -> str:
    """From a chapter to what it looks at."""
    return f'<path class="endomtor-map-looks" d="{path}"/>'


_ENDOTHELIUM = ["Endothelium of", "the marrow niche:", "mTOR works here"]
_HSPC = ["HSPC: stem and", "progenitor cells"]
_BLOOD = ["Blood, and", "later hosts"]


def _wide(drawn: dict[str, _Box]) -> tuple[int, int, str]:
    """Chapters above and below the parts of the mouse that they look at: width, height, drawing."""
    name, column, gap = "wide", 226, 17
    left, middle, right = (2 + place * (column + gap) for place in range(3))
    boxes_ = list(drawn.values())
    rows = [boxes_[:2], boxes_[2:5], boxes_[5:]]
    tall = [max(_height(box, column) for box in row) for row in rows]
    parts_top = 2 + tall[0] + 34
    below = parts_top + 112 + 34
    last = below + tall[1] + 22
    frame = f'<rect class="endomtor-map-mouse" x="2" y="{parts_top - 10}" width="{_WIDE - 4}" height="112" rx="14"/>'
    mid = parts_top + 44
    drawing = [
        frame,
        _text("Frame: the whole mouse.", right, parts_top - 31, _QUIET),
        _looks(f"M{left + 113} {2 + tall[0]}V{parts_top + 8}"),
        _looks(f"M{middle + 113} {2 + tall[0]}V{parts_top - 10}"),
        _looks(f"M{left + 113} {below}V{below - 12}H{middle + 90}V{parts_top + 70}"),
        _looks(f"M{middle + 130} {below}V{parts_top + 70}"),
        _looks(f"M{right + 113} {below}V{parts_top + 70}"),
        _part(left + 12, parts_top + 8, column - 24, _ENDOTHELIUM, "endomtor-map-endothelium"),
        _part(middle + 22, parts_top + 17, column - 44, _HSPC),
        _part(right + 30, parts_top + 17, column - 60, _BLOOD),
        _arrow(f"M{left + column - 12} {mid}H{middle + 20}", name),
        _arrow(f"M{middle + column - 22} {mid}H{right + 28}", name),
        *(_draw(box, x, 2, column, tall[0], name) for box, x in zip(rows[0], (left, middle), strict=True)),
        *(_draw(box, x, below, column, tall[1], name) for box, x in zip(rows[1], (left, middle, right), strict=True)),
        *(_draw(box, x, last, column, tall[2], name) for box, x in zip(rows[2], (left, middle), strict=True)),
        *_legend(drawn, right, last, name),
        *_legend_of_signals(right, 12),
    ]
    return _WIDE, last + max(tall[2], 4 * _LINE + 6) + 4, "".join(drawing)


def _narrow(drawn: dict[str, _Box]) -> tuple[int, int, str]:
    """Everything below each other, for a phone: width, height, drawing."""
    name, x, y, width = "narrow", 2, 4, _NARROW - 4
    drawing = []
    plan = [
        (_ENDOTHELIUM, ["01_mtor_decline", "02_rapamycin"]),
        (_HSPC, ["03_ecko_phenotypes", "04_transcriptome_resemblance"]),
        (_BLOOD, ["05_serial_transplants"]),
        (None, ["06_synthesis", "07_calibration"]),
    ]
    for place, (lines, chapters) in enumerate(plan):
        if lines:
            kind = "endomtor-map-endothelium" if place == 0 else ""
            drawing.append(_part(70, y, _NARROW - 140, lines, kind))
            y += _LINE * len(lines) + 2 * _PADDING + 8
        for chapter in chapters:
            height = _height(drawn[chapter], width)
            drawing.append(_draw(drawn[chapter], x, y, width, height, name))
            y += height + 8
        if place < 2:
            drawing.append(_arrow(f"M{_NARROW // 2} {y}V{y + 24}", name))
            y += 28
    drawing += _legend(drawn, x, y, name)
    return _NARROW, y + 4 * _LINE + 6, "".join(drawing)


def _legend(drawn: dict[str, _Box], x: int, y: int, name: str) -> list[str]:
    """What the strips mean: under simulated data they are about the analysis, never about the claim."""
    wanted = "world demands" if drawn["01_mtor_decline"].style == "simulated" else "claim says"
    meanings = (("sound", f"as the {wanted}"), ("against", f"not as the {wanted}"), ("open", "open, or not tested"))
    parts = [_text("Strip at the left of a box:", x, y, _QUIET)]
    for place, (strip, words) in enumerate(meanings, start=1):
        top = y + _LINE * place
        parts.append(_strip(strip, x, top + 2, 13, name))
        parts.append(_text(words, x + _STRIP + 8, top, _QUIET))
    return parts


def _strip(strip: str, x: int, y: int, height: int, name: str) -> str:
    fill = "" if strip == "sound" else f' style="fill:url(#endomtor-{name}-{strip})"'
    shape = f'x="{x}" y="{y}" width="{_STRIP}" height="{height}"'
    return f'<rect class="endomtor-map-strip endomtor-map-{strip}" {shape}{fill}/>'


def _legend_of_signals(x: int, y: int) -> list[str]:
    """What the arrows mean, in the room beside the first boxes."""
    lines = ("Arrows: the niche sends signals", "to HSPCs, and these make blood.", "A box is a chapter: follow it.")
    return [_text(line, x, y + _LINE * place, _QUIET) for place, line in enumerate(lines)]
