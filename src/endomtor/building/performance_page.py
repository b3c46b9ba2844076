"""The page "Performance": what the measuring scripts have kept, each with its day, commit and machine."""

import re
from collections.abc import Iterator
from html import escape

from endomtor.building import performance
from endomtor.building.performance import WORDS, Measured, Row, amount
from endomtor.markup import plain_in_markdown as plain
from endomtor.markup import table

NOTHING_KEPT = "Nothing is kept yet: `make bench ARGS=--keep` measures and keeps."


def text() -> str:
    """Return all that is kept as Markdown with HTML, a section for each script.

    Raises
    ------
    ValueError
        A kept file cannot be read.
    """
    return "\n\n".join(map(_section, performance.read()))


def alone(name: str) -> str:
    """Return what is kept under one name, for another page, without a heading."""
    return "\n\n".join(map(_table, performance.read(name))) or NOTHING_KEPT


def targets() -> str:
    """Return how many targets are met, and which are not."""
    found = performance.read()
    return "\n\n".join(_missed(found)) if found else NOTHING_KEPT


def _missed(found: list[Measured]) -> Iterator[str]:
    rows = [row for measured in found for row in measured.rows if row.limit is not None]
    missed = [row for row in rows if not row.reached]
    yield f"Of {len(rows)} targets {len(rows) - len(missed)} are met." + (" These are not:" if missed else "")
    if missed:
        yield "\n".join(
            f"- {plain(row.what)}: {amount(row.value, row.unit)}, at most {amount(row.limit, row.unit)} was aimed at."
            for row in missed
        )


def _section(measured: Measured) -> str:
    return f"## {plain(measured.title)}\n\n{_table(measured)}"


def _table(measured: Measured) -> str:
    # Below it: in a column, sentences would be as narrow as a number and rows as high as a screen.
    notes = list(dict.fromkeys(row.note for row in measured.rows if row.note))
    columns = ["what", "measured", "at most", "met"]
    if any(row.beside for row in measured.rows):
        columns.append("the alternative")
    rows = [_row(row, notes, len(columns)) for row in measured.rows]
    commit = f", commit `{measured.commit}`" if measured.commit else ""
    below = f"\n<ol>{''.join(f'<li>{_with_code(note)}</li>' for note in notes)}</ol>" if notes else ""
    return (
        f"Measured on {measured.date}{commit}.\n{plain(measured.machine)}.\n\n"
        f'<div class="endomtor-table" tabindex="0" role="region" aria-label="{escape(measured.title)}">'
        f"{table(columns, rows)}</div>{below}"
    )


def _row(row: Row, notes: list[str], columns: int) -> str:
    mark = f"&nbsp;<sup>{notes.index(row.note) + 1}</sup>" if row.note else ""
    limit = "" if row.limit is None else amount(row.limit, row.unit)
    cells = [
        f'<th scope="row">{_with_code(row.what)}{mark}</th>',
        f'<td class="endomtor-number">{amount(row.value, row.unit)}</td>',
        f'<td class="endomtor-number">{limit}</td>',
        f"<td>{WORDS[row.reached]}</td>",
        f"<td>{escape(row.beside)}</td>",
    ]
    return f"<tr>{''.join(cells[:columns])}</tr>"


def _with_code(words: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))
