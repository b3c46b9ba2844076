"""The page "Performance": what the measuring scripts have kept, each with its day, commit and machine."""

import re
from collections.abc import Iterator
from html import escape

from endomtor import performance
from endomtor.markup import plain_in_markdown as plain
from endomtor.performance import WORDS, Measured, Row, amount

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
    rows = "".join(_row(row) for row in measured.rows)
    commit = f", commit `{measured.commit}`" if measured.commit else ""
    return (
        f"Measured on {measured.date}{commit}.\n{plain(measured.machine)}.\n\n"
        f'<div class="endomtor-table" tabindex="0" role="region" aria-label="{escape(measured.title)}"><table>'
        '<thead><tr><th scope="col">what</th><th scope="col">measured</th><th scope="col">at most</th>'
        '<th scope="col">met</th><th scope="col">the alternative</th><th scope="col">how</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(row: Row) -> str:
    limit = "" if row.limit is None else amount(row.limit, row.unit)
    cells = (escape(row.beside), re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(row.note)))
    return (
        f'<tr><th scope="row">{escape(row.what)}</th><td class="endomtor-number">{amount(row.value, row.unit)}</td>'
        f'<td class="endomtor-number">{limit}</td><td>{WORDS[row.reached]}</td>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    )
