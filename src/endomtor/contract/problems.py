"""What is wrong with a data directory: one sentence for people, the same fields for programs."""

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

# A pasted page in one cell must not fill the terminal.
LONGEST_VALUE = 80
SHOWN = 3


@dataclass(frozen=True)
class Problem:
    """One fault (severity "error") or remark (severity "warning").

    Attributes
    ----------
    file : str
        Name inside the data directory.
    row : int or None
        As a spreadsheet counts: the header is row 1. None where the whole file or column is meant.
    value : str or None
        What was found; "" for an empty cell, None where there is nothing to show.
    expected : str
        Completes the sentence "expected ...".
    suggestion : str or None
        The nearest allowed value or name, where one is near.
    """

    severity: str
    file: str
    row: int | None
    column: str | None
    value: str | None
    expected: str
    suggestion: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {quoted(self.column)}"
        if self.value is None:
            found = ""
        elif self.value == "":
            found = "found an empty cell, "
        else:
            # A cell's text is quoted; a finding about a whole file reads as part of the sentence.
            found = f"found {quoted(self.value) if self.row is not None else ' '.join(self.value.split())}, "
        hint = f"; did you mean {quoted(self.suggestion)}?" if self.suggestion else "."
        return f"{place}: {found}expected {self.expected}{hint}"

    def as_dict(self) -> dict:
        """Return the fields that `endomtor check --json` prints."""
        return asdict(self)


def error(file: str, expected: str, *, row=None, column=None, value=None, suggestion=None) -> Problem:
    """Return a fault that makes the directory unusable."""
    return Problem("error", file, _whole(row), column, value, expected, suggestion)


def warning(file: str, expected: str, *, row=None, column=None, value=None, suggestion=None) -> Problem:
    """Return a remark that is shown on the page."""
    return Problem("warning", file, _whole(row), column, value, expected, suggestion)


def lines(problems: Iterable[Problem]) -> list[str]:
    """Return a line a problem; of more than three of one kind in a file the first three, and how many there are.

    Of one kind are problems that expect the same.
    """
    kinds: dict[tuple, list[Problem]] = {}
    for one in problems:
        kinds.setdefault((one.file, one.severity, one.expected), []).append(one)
    found = []
    for own in kinds.values():
        found += [f"{one.severity}: {one}" for one in own[:SHOWN]]
        if left := own[SHOWN:]:
            columns = list(dict.fromkeys(quoted(one.column) for one in left if one.column))
            where = f"column {listed(columns[:SHOWN], 'and')}" if columns else "this file"
            where += f" and {len(columns) - SHOWN} more columns" if len(columns) > SHOWN else ""
            found.append(f"{own[0].severity}: {own[0].file}: {len(left):,} more of the same, in {where}.")
    return found


def quoted(text: str) -> str:
    """Return `text` in double quotes on one line, cut when it is long."""
    if len(text) > LONGEST_VALUE:
        text = text[: LONGEST_VALUE - 1] + "…"
    return json.dumps(text, ensure_ascii=False)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the member of `known` most like `name` (letter case and - or blank for _ do not count), or None."""
    by_plain = {}
    for one in known:
        by_plain.setdefault(_plain(one), one)
    plain = _plain(name[:200])
    found = difflib.get_close_matches(plain, by_plain, n=1, cutoff=0.6)
    # "nk" for "nk_pct" is too short for difflib.
    found = found or [one for one in by_plain if plain and one.startswith(f"{plain}_")]
    return by_plain[found[0]] if found else None


def listed(words: Iterable[str], last: str = "or") -> str:
    """Return "a, b or c"."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def counted(number: int, noun: str) -> str:
    """Return "1 row", "2 rows"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _plain(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")


def _whole(row) -> int | None:
    # Rows come from pandas indexes; JSON knows no numpy integers.
    return None if row is None else int(row)
