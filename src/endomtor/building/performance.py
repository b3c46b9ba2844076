"""What was measured of the speed, memory and sameness of the book: one committed file per measuring script.

`make bench`, `make scale` and `make reproduce` write them with `ARGS=--keep`, `make kills` always; the page
"Performance" (`book/performance.md`) shows them.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path

from endomtor import files, paths

WORDS = {None: "", True: "yes", False: "no"}
"""Whether a target was met, as it is printed."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    what : str
        What was measured, as the first column of the page.
    value : float
        The result in `unit`.
    unit : str
        "s" of clock time, "s CPU" of processor time, "GiB", "times" (a ratio), or what is counted ("files").
    limit : float or None
        The most that `value` may be, in `unit`; None where no target was set.
    beside : str
        What the obvious alternative took, in words with its unit; empty where there is none.
    note : str
        How it was measured, and what was tried where the target was missed.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None
    beside: str = ""
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the target was met; None where none was set."""
        return None if self.limit is None else self.value <= self.limit


@dataclass(frozen=True)
class Measured:
    """What one script measured: the day, the commit and the machine, and its rows."""

    title: str
    date: str
    commit: str
    machine: str
    rows: tuple[Row, ...]


def folder() -> Path:
    """Return where the committed files lie."""
    return paths.root() / "book" / "performance"


def machine() -> str:
    """Return one line on the machine and the packages that decide how fast it is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory"
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "pandas", "scanpy", "pydeseq2"))
    return f"{_processor()}, {cores} cores{memory}, {platform.system()}, Python {platform.python_version()}, {packages}"


def _processor() -> str:
    """Return the processor's name where the system tells it (Linux), else its kind."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def keep_option(parser: argparse.ArgumentParser) -> None:
    """Give a measuring script the option `--keep [DIR]`, which says where `keep` writes."""
    parser.add_argument(
        "--keep", nargs="?", const=folder(), type=Path, metavar="DIR", help="keep the numbers for their page"
    )


def keep(name: str, title: str, rows: Sequence[Row], into: Path | None = None) -> Path:
    """Write what a script measured to `book/performance/NAME.json` and return that file.

    Parameters
    ----------
    name : str
        Name of the file without its ending; a later run replaces it.
    title : str
        Heading of the table on the page.
    rows : sequence of Row
        At least one.
    into : Path, optional
        Another folder than `book/performance`.
    """
    from endomtor.building.workflow import revision

    made = time.strftime("%Y-%m-%d", time.gmtime())
    measured = Measured(title, made, revision(paths.root()) or "", machine(), tuple(rows))
    path = (into or folder()) / f"{name}.json"
    files.write_text(path, json.dumps(asdict(measured), indent=1, ensure_ascii=False) + "\n")
    return path


def read(name: str = "*") -> list[Measured]:
    """Return all that is kept, in the order of the files' names, or what is kept under one name.

    Raises
    ------
    ValueError
        A file does not hold what `keep` writes.
    """
    found = []
    for path in sorted(folder().glob(f"{name}.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            rows = tuple(Row(**row) for row in content["rows"])
            found.append(Measured(*(content[field.name] for field in fields(Measured)[:-1]), rows))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path.name}: expected what `performance.keep` writes; {error!r}") from error
    return found


def report(name: str, title: str, rows: Sequence[Row], into: Path | None) -> None:
    """Print what a script measured, and keep it where its option `--keep` names a folder; see `show` and `keep`."""
    show(rows)
    if into:
        keep(name, title, rows, into)


def show(rows: Iterable[Row]) -> None:
    """Print rows as a table, and below it how each was measured."""
    from rich.console import Console
    from rich.table import Table

    rows = list(rows)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    table = Table()
    table.add_column("what")
    for name in ("measured", "at most", "met?", "the alternative"):
        table.add_column(name, justify="right")
    for number, row in enumerate(rows, 1):
        limit = "" if row.limit is None else amount(row.limit, row.unit)
        table.add_row(f"{number}. {row.what}", amount(row.value, row.unit), limit, WORDS[row.reached], row.beside)
    console.print(table)
    for number, row in enumerate(rows, 1):
        console.print(f"{number}. {row.note}")
    console.print(machine())


def amount(value: float, unit: str) -> str:
    """Return a number with its unit, in three digits; short times in ms or µs."""
    if unit.startswith("s") and 0 < value < 1:
        value, unit = (value * 1e3, unit.replace("s", "ms", 1)) if value >= 1e-3 else (value * 1e6, "µs" + unit[1:])
    number = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}".strip()
