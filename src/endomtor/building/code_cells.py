"""Code on the pages: folded, open or left out by the tags of its cell, and the line of the repository where it stands.

The text of a page holds `SOURCE` in the place of the repository's address: a page is read once and drawn again for each
commit, as all that is drawn around it.
"""

import re
from collections.abc import Iterable
from itertools import groupby

import nbformat

LEFT_OUT = {"parameters", "plumbing"}
"""Tags of cells that no page shows: what the build puts in, and what opens and closes a chapter."""
OPEN = "show-code"
"""Tag of a cell whose code stands open on its page; that of all others is folded."""
FOLDED = "folded"
"""Tag of a cell that stands behind one line with all that it shows: numbers that a figure above it has drawn."""
SOURCE = "endomtor-source:"
"""Stands for the address of the book's files at the commit of the build."""

NEXT = "# the next figure of the cell above"
"""Source of a cell that only shows: myst-nb leaves out cells without any, with what they show."""

_LINK = re.compile(rf' · <a href="{SOURCE}[^"]*">[^<]*</a>')


def fold(cells: Iterable[nbformat.NotebookNode]) -> None:
    """Give each code cell the tag by which myst-nb folds its code or leaves the cell out."""
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or OPEN in tags:
            continue
        if FOLDED in tags:
            cell.metadata["tags"] = [*tags, "hide-cell"]
            what = "Figure" if any("image/png" in one.get("data", {}) for one in cell.outputs) else "Numbers"
            cell.metadata["mystnb"] = dict.fromkeys(("code_prompt_show", "code_prompt_hide"), f"{what} and code")
        else:
            cell.metadata["tags"] = [*tags, "remove-cell" if LEFT_OUT & set(tags) else "hide-input"]


def one_figure_each(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return a cell as cells in which a figure stands alone: myst-nb gives one caption to all outputs of a cell.

    The first keeps the code, the others hold what else was shown.
    """
    runs = [list(run) for _, run in groupby(enumerate(cell.get("outputs", [])), _place_of_figure)]
    if len(runs) < 2:
        return [cell]
    first, *rest = [[output for _, output in run] for run in runs]
    cell.outputs = first
    tags = ["hide-cell"] if "hide-cell" in cell.metadata.get("tags", []) else ["remove-input"]
    return [
        cell,
        *(
            nbformat.v4.new_code_cell(
                NEXT,
                outputs=outputs,
                metadata={"tags": tags, "mystnb": dict(cell.metadata.get("mystnb", {}))},
                id=f"{cell.id}-{number}",
            )
            for number, outputs in enumerate(rest, start=1)
        ),
    ]


def _place_of_figure(numbered: tuple[int, dict]) -> int | None:
    place, output = numbered
    return place if "alt" in output.get("metadata", {}).get("endomtor", {}) else None


def lines(script: str) -> dict[str, int]:
    """Return for the source of each cell of a script in percent format the line (from 1) on which it begins.

    Of cells with one source the first counts.
    """
    found: dict[str, int] = {}
    written = script.splitlines()
    starts = [number for number, line in enumerate(written) if line.startswith("# %%")]
    for start, end in zip(starts, [*starts[1:], len(written)], strict=True):
        text = "\n".join(written[start + 1 : end])
        blank = len(text) - len(text.lstrip("\n"))
        found.setdefault(text.strip(), start + 2 + blank)
    return found


def address(page: str, line: int) -> str:
    """Return the address of a line of a notebook's script, for the text of a page."""
    return f"{SOURCE}{page}.py#L{line}"


def linked(body: str, repository: str, commit: str) -> str:
    """Return a page's HTML with links to a commit of the repository; without them where there is no repository."""
    if not repository:
        return _LINK.sub("", body)
    return body.replace(f'"{SOURCE}', f'"{repository.rstrip("/")}/blob/{commit}/')
