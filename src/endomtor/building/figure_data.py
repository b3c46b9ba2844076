"""The "data" fold-out below each figure: its values, a CSV of them, a link to the cell that drew the figure.

`figures.show` leaves the CSV in the metadata of its output. From there it goes into the page, cut where it is long, and
whole into a file beside the pages when Sphinx has finished.
"""

import io
import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from endomtor import files
from endomtor.errors import BuildError

FOLDER = "figures"
"""Where the site keeps the CSV files, from its root."""

MOST_ROWS, MOST_ROWS_ALONE = 15, 200
"""Rows of a table that enter a page, beside the CSV that has all, or a file by itself, which has no CSV."""


def of_cell(cell: Mapping) -> list[dict]:
    """Return what `figures.show` has left in a cell's outputs, for each figure with its data."""
    kept = [output.get("metadata", {}).get("endomtor", {}) for output in cell.get("outputs", [])]
    return [shown for shown in kept if "data" in shown]


def cells_of(executed: Path) -> list[dict]:
    """Return the cells of an executed notebook, not checked: they hold pictures, and a check takes long."""
    return json.loads(executed.read_text(encoding="utf-8"))["cells"]


def of_notebook(cells: Iterable[Mapping], chapter: str) -> dict[str, dict]:
    """Return by its name what `figures.show` has left for each figure of a notebook.

    Raises
    ------
    BuildError
        Two figures have one name.
    """
    found = {}
    for shown in (one for cell in cells for one in of_cell(cell)):
        if shown["name"] in found:
            raise BuildError(
                f"{chapter} has two figures called {shown['name']!r}, expected one: the CSV is called after it"
            )
        found[shown["name"]] = shown
    return found


def file_name(chapter: str, name: str) -> str:
    """Return what a figure's CSV is called in `FOLDER`."""
    return f"{chapter}-{name}.csv"


def anchors(names: Iterable[str]) -> str:
    """Return HTML that marks, before a cell, the figures that it draws."""
    marks = "".join(f'<span id="{_anchor(name)}"></span>' for name in names)
    return f'<div class="endomtor-anchors">{marks}</div>'


def _anchor(name: str) -> str:
    return f"cell-of-{name}"


def fold_html(shown: Mapping, chapter: str, *, links: bool = True, code: str = "") -> str:
    """Return the fold-out of one figure: its first rows, numbers rounded, what is empty left out.

    A column of text that is the same in all rows is said once above the table.

    Parameters
    ----------
    shown : mapping
        As `of_notebook` returns it.
    links : bool
        With links to the CSV and to the cell, from a page in a folder of the site; without for a file by itself.
    code : str
        Address of the code in the repository, if there is to be a link to it as well.
    """
    # Not with the module: the CSV files alone are written without them.
    import pandas as pd

    from endomtor.figures import publish

    def in_words(column: pd.Series) -> pd.Series:
        """Return numbers as texts for reading; what is missing is left empty, as in the CSV."""
        known = column[column != ""]
        texts = pd.Series(publish.in_words(pd.to_numeric(known)), index=known.index, dtype=str)
        return texts.reindex(column.index, fill_value="")

    name, frame = shown["name"], pd.read_csv(io.StringIO(shown["data"]), dtype=str, keep_default_na=False)
    numbers, own = set(shown["numbers"]), [column for column in frame if column not in publish.ORIGIN]
    about = {
        column: frame[column].iat[0]
        for column in own[1:]
        if column not in numbers and len(frame) > 1 and frame[column].nunique() == 1
    }
    columns = [column for column in own if column not in about and (frame[column] != "").any()]
    head = frame[columns].head(MOST_ROWS if links else MOST_ROWS_ALONE)
    count = f"{len(frame):,} row{'s' * (len(frame) != 1)}"
    notes = [f"{column[:1].upper()}{column[1:]}: {text}." for column, text in about.items() if text]
    if len(head) < len(frame):
        notes.append(f"The first {len(head)} of {count}{'; the CSV has all' * links}.")
    origin = shown["origin"]
    mark = f'<span class="endomtor-mark endomtor-mark-{origin["kind"]}">{escape(origin["label"])}</span>'
    parts = [f"<p>{mark}</p>"]
    if notes:
        parts.append(f"<p>{escape(' '.join(notes))}</p>")
    if links:
        file = file_name(chapter, name)
        source = f' · <a href="{escape(code)}">Code</a>' if code else ""
        parts.append(
            f'<p><a href="../{FOLDER}/{file}" download>Download {file}</a> · '
            f'<a href="#{_anchor(name)}">the cell that drew it</a>{source}</p>'
        )
    if len(head):
        cells = head.apply(lambda column: in_words(column) if column.name in numbers else column)
        label = f"Values of the figure {name.removeprefix('fig-')}, chapter {escape(chapter)}"
        parts.append(publish.scrolling(cells, numbers, label))
    whole = f'<details class="endomtor-figure-data"><summary>Data of this figure ({count})</summary>{"".join(parts)}'
    # An empty line would end the block of HTML in Markdown; a line end in a user's text says no more than a space.
    return f"{' '.join(whole.split())}</details>"


def write(executed: Iterable[Path], folder: Path) -> None:
    """Write the CSV of every figure of executed notebooks into a folder, and remove those of figures that are gone."""
    wanted = {}
    for path in executed:
        found = of_notebook(cells_of(path), path.stem)
        wanted |= {file_name(path.stem, name): one["data"] for name, one in found.items()}
    for path in set(Path(folder).glob("*.csv")) - {Path(folder) / name for name in wanted}:
        path.unlink()
    for name, text in wanted.items():
        files.write_text(Path(folder) / name, text)
