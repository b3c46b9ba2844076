"""The page of run times and environment, and what of it changes with each build.

Times change with each build, so none stands in a page: all are in one file, `build-times.js`, and a script of the site
writes them into the pages (as a script and not as JSON, so that it also works from the disk).
"""

import json
import platform
from importlib.metadata import requires, version
from pathlib import Path

import nbformat
from packaging.requirements import Requirement

from endomtor.building import executed
from endomtor.building.workflow import build_date, revision

TIMES = "build-times.js"
_NOT_RECORDED = "not recorded"


def times(build: Path) -> dict:
    """Return what changes with each build: its date, and how long each chapter took.

    Returns
    -------
    dict
        `date` (UTC), `year`, and `seconds`: a chapter's name to its run time, which its execution left beside the
        executed notebook; a chapter of which it is not known is left out.
    """
    seconds = {}
    for path in sorted((build / "executed" / "notebooks").glob("*.ipynb")):
        told = executed.run_time_file(path)
        if told.is_file():
            seconds[path.stem] = json.loads(told.read_text(encoding="utf-8"))["seconds"]
    date = build_date()
    return {"date": date.strftime("%Y-%m-%d"), "year": str(date.year), "seconds": seconds}


def text(root: Path, build: Path, chapters: list[str], ledger: dict | None) -> str:
    """Return the tables of the page of run times and environment; its chapters are the pages that are notebooks."""
    from endomtor.markup import plain_in_markdown
    from endomtor.views import boxes

    lines = ["| chapter | state | code cells | pieces of evidence | run time |", "| --- | --- | --- | --- | --- |"]
    pythons = set()
    for page in chapters:
        chapter = page.rpartition("/")[2]
        path = build / "executed" / f"{page}.ipynb"
        cells, state = "", "not executed"
        if path.is_file():
            notebook = nbformat.read(path, as_version=4)
            pythons.add(notebook.metadata.get("language_info", {}).get("version"))
            cells = str(sum(cell.cell_type == "code" for cell in executed.own_cells(notebook.cells)))
            state = "executed"
        records = sum(record["notebook"] == chapter for record in ledger["evidence"]) if ledger else 0
        lines.append(f"| {{doc}}`/{page}` | {state} | {cells} | {records} | {run_time(chapter)} |")
    lines.append(f"| all chapters together | | | | {run_time('')} |")
    rows = {
        "date": span("date"),
        "commit": f"`{revision(root) or 'not under version control'}`",
        # A title is the user's text, and must not end up as HTML or as a cell of its own.
        "data": plain_in_markdown(boxes.dataset_sentence(ledger["dataset"])) if ledger else "none: not built yet",
        "endomtor": version("endomtor"),
        "Python": ", ".join(sorted(pythons - {None})) or platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in _dependencies()),
    }
    lines += [
        "",
        "| of this build | value |",
        "| --- | --- |",
        *(f"| {key} | {value} |" for key, value in rows.items()),
    ]
    return "\n".join(lines)


def span(key: str, without: str = _NOT_RECORDED) -> str:
    return f'<span data-endomtor-build="{key}">{without}</span>'


def run_time(chapter: str) -> str:
    """Return the place of a chapter's run time, of all together where it is empty."""
    return f'<span data-endomtor-seconds="{chapter}">{_NOT_RECORDED}</span>'


def _dependencies() -> list[str]:
    """Return the packages that this one asks for itself, without those of its extras."""
    asked = [Requirement(line) for line in requires("endomtor") or ()]
    return sorted(one.name for one in asked if one.marker is None or one.marker.evaluate({"extra": ""}))
