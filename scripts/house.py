"""Print the sizes that this project keeps to, each with its limit: lines, cells, layers, files per addition.

`make house`; exit status 1 where a limit is passed. How long builds take is measured by `make bench`.
"""

import re
import sys
from pathlib import Path

import jupytext
from importlinter.cli import lint_imports
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
LISTS = {
    "A chapter": 4,
    "A claim": 4,
    "A prediction": 5,
    "A world": 4,
    "A table of the contract": 14,
    "A public data set": 5,
    "A plot kind": 4,
    "A marker": 1,
}
"""What can be added, and how many files it may ask for."""


def lines(folder: str) -> int:
    """Return the lines of the Python files in a folder of the repository."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).rglob("*.py"))


def cells() -> dict[str, list[int]]:
    """Return the lines of code of each cell, by chapter; blank ones do not count."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        code = [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]
        found[path.stem] = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code]
    return found


def files_of(title: str) -> list[str]:
    """Return the files that CONTRIBUTING.md names for an addition."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##)", text, flags=re.M | re.S)
    return re.findall(r"^\d+\. `([^`]+)`", section[1], flags=re.M) if section else []


def measured() -> list[tuple[str, int, int]]:
    """Return what is measured, the number found and the largest that is allowed."""
    chapters = cells()
    every = sorted(length for found in chapters.values() for length in found)
    rows = [
        ("lines of the package", lines("src/endomtor"), 26_000),
        ("lines of the tests", lines("tests"), 17_000),
        ("longest cell of a notebook, lines", every[-1], 30),
        ("lines that 90 % of the cells do not pass", every[int(0.9 * len(every))], 15),
        *((f"lines of code, {name}", sum(found), 150) for name, found in chapters.items()),
        *(
            (f"files to touch for {title[:1].lower()}{title[1:]}", len(files_of(title)), most)
            for title, most in LISTS.items()
        ),
    ]
    return rows


def main() -> int:
    """Print the table; return the exit status."""
    table = Table("what", "found", "at most", "")
    rows = measured()
    for what, found, most in rows:
        table.add_row(what, f"{found:,}", f"{most:,}", "" if found <= most else "above")
    Console().print(table)
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    return int(bool(broken) or any(found > most for _, found, most in rows))


if __name__ == "__main__":
    sys.exit(main())
