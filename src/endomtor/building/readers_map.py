"""The reader's map: niche, mTOR, HSPC and the experiments as a drawing, whose boxes lead to the chapters.

It is drawn twice, for a wide and for a narrow screen; the style sheet shows one of them. Text is text in the page's own
font, and colours are those of the ledger, so that both follow the theme.
"""

import textwrap
from collections import Counter
from dataclasses import dataclass, field
from html import escape

from endomtor.analyses import CHAPTERS
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


@dataclass(frozen=True)
class _Box:
    """A chapter on the map: file name, heading, what it asks, lines with the kind of data and verdict of each."""

    chapter: str
    style: str
    strip: str
    lines: list[str] = field(default_factory=list)


def html(ledger: dict | None) -> str:
    """Return the map as HTML for the first page; without a ledger its boxes say that the book was not built."""
    drawn = {chapter: _box(chapter, ledger) for chapter in CHAPTERS}
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
        counted = Counter(_said(claim["prediction"], dataset) for claim in ledger["claims"])
        return _Box(chapter, style, "none", [_KINDS[style], *(f"{count} × {said}" for said, count in counted.items())])
    lines = [_KINDS[style], *(f"{claim['id']} {_said(claim['prediction'], dataset)}" for claim in claims)]
    for claim in claims:
        if claim["premise"]["primary"]:
            word = claim["premise"]["verdict"]
            lines.append(
                f"PUBLIC: premise {boxes.MARKS[word]} {boxes.word('public', word)}{boxes.marked(claim['premise'])}"
            )
    return _Box(chapter, style, _STRIPS[claims[0]["prediction"]["verdict"]], lines)


def _title(chapter: str) -> str:
    return f"{chapter.partition('_')[0]} {CHAPTERS[chapter].short}"


def _said(prediction: dict, dataset: dict) -> str:
    verdict = prediction["verdict"]
    word = boxes.word(dataset["provenance"], verdict, example=dataset["example"])
    return f"{boxes.MARKS[verdict]} {word.partition(':')[0]}{boxes.marked(prediction)}"


def _description(drawn: dict[str, _Box]) -> str:
    """The map in words."""
    parts = [
        "Endothelial cells of the marrow niche, in which mTOR works, send signals to blood stem and progenitor cells "
        "(HSPCs), which make blood and can be transplanted into later hosts."
    ]
    for chapter, box in drawn.items():
        parts.append(f"{_title(chapter)}. {CHAPTERS[chapter].asks} {'; '.join(box.lines)}.")
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
    rows = [(line, "endomtor-map-name") for line in textwrap.wrap(_title(box.chapter), room // _BOLD)]
    rows += [(line, _QUIET) for line in textwrap.wrap(CHAPTERS[box.chapter].asks, fit)]
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


def _looking(drawn: dict[str, _Box], *parts: str) -> list[_Box]:
    """Return the chapters that look at one of these parts of the mouse."""
    return [box for chapter, box in drawn.items() if CHAPTERS[chapter].looks_at in parts]


def _rows(found: list[_Box], columns: int) -> list[list[_Box]]:
    return [found[start : start + columns] for start in range(0, len(found), columns)]


def _wide(drawn: dict[str, _Box]) -> tuple[int, int, str]:
    """Chapters above and below the parts of the mouse that they look at: width, height, drawing."""
    name, column, gap = "wide", 226, 17
    left, middle, right = columns = [2 + place * (column + gap) for place in range(3)]
    # The column at the right holds what arrows and strips mean.
    above, below, last = (
        _rows(_looking(drawn, "endothelium"), 2),
        _rows(_looking(drawn, "HSPC", "blood"), 3),
        _rows(_looking(drawn, ""), 2),
    )
    drawing, y = [], 2
    for row in above:
        y = _draw_row(row, columns, y, name, drawing)
    parts_top = y + 12
    drawing.append(
        f'<rect class="endomtor-map-mouse" x="2" y="{parts_top - 10}" width="{_WIDE - 4}" height="112" rx="14"/>'
    )
    mid, first = parts_top + 44, parts_top + 112 + 34
    drawing += [
        _text("Frame: the whole mouse.", right, parts_top - 31, _QUIET),
        _looks(f"M{left + 113} {y - 22}V{parts_top + 8}"),
        _looks(f"M{middle + 113} {y - 22}V{parts_top - 10}"),
        _looks(f"M{left + 113} {first}V{first - 12}H{middle + 90}V{parts_top + 70}"),
        _looks(f"M{middle + 130} {first}V{parts_top + 70}"),
        _looks(f"M{right + 113} {first}V{parts_top + 70}"),
        _part(left + 12, parts_top + 8, column - 24, _ENDOTHELIUM, "endomtor-map-endothelium"),
        _part(middle + 22, parts_top + 17, column - 44, _HSPC),
        _part(right + 30, parts_top + 17, column - 60, _BLOOD),
        _arrow(f"M{left + column - 12} {mid}H{middle + 20}", name),
        _arrow(f"M{middle + column - 22} {mid}H{right + 28}", name),
    ]
    y = first
    for row in below:
        y = _draw_row(row, columns, y, name, drawing)
    legend = y
    for row in last:
        y = _draw_row(row, columns, y, name, drawing)
    drawing += [*_legend(drawn, right, legend, name), *_legend_of_signals(right, 12)]
    return _WIDE, max(y - 22, legend + 4 * _LINE + 6) + 4, "".join(drawing)


def _draw_row(row: list[_Box], columns: list[int], y: int, name: str, drawing: list[str]) -> int:
    """Draw chapters beside each other from `y` on; return where the next row begins."""
    height = max(_height(box, 226) for box in row)
    drawing += [_draw(box, x, y, 226, height, name) for box, x in zip(row, columns, strict=False)]
    return y + height + 22


def _narrow(drawn: dict[str, _Box]) -> tuple[int, int, str]:
    """Everything below each other, for a phone: width, height, drawing."""
    name, x, y, width = "narrow", 2, 4, _NARROW - 4
    drawing = []
    plan = [(_ENDOTHELIUM, "endothelium"), (_HSPC, "HSPC"), (_BLOOD, "blood"), (None, "")]
    for place, (lines, part) in enumerate(plan):
        if lines:
            kind = "endomtor-map-endothelium" if place == 0 else ""
            drawing.append(_part(70, y, _NARROW - 140, lines, kind))
            y += _LINE * len(lines) + 2 * _PADDING + 8
        for box in _looking(drawn, part):
            height = _height(box, width)
            drawing.append(_draw(box, x, y, width, height, name))
            y += height + 8
        if place < 2:
            drawing.append(_arrow(f"M{_NARROW // 2} {y}V{y + 24}", name))
            y += 28
    drawing += _legend(drawn, x, y, name)
    return _NARROW, y + 4 * _LINE + 6, "".join(drawing)


def _legend(drawn: dict[str, _Box], x: int, y: int, name: str) -> list[str]:
    """What the strips mean: under simulated data they are about the analysis, never about the claim."""
    wanted = "world demands" if next(iter(drawn.values())).style == "simulated" else "claim says"
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
