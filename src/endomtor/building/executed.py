"""Executed notebooks: do they belong to their evidence, and to the notebook that is committed?"""

from collections.abc import Sequence
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path

import nbformat

KEY = "endomtor"
"""Where an executed notebook's metadata keep the sha256 of its evidence."""

_PARAMETERS = "injected-parameters"
_ADDED = {_PARAMETERS, "papermill-error-cell-tag"}


def own_cells(cells: Sequence[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return the cells but those that papermill has added."""
    return [cell for cell in cells if not _ADDED & set(cell.metadata.get("tags", []))]


def forget_circumstances(executed: nbformat.NotebookNode) -> None:
    """Take out of an executed notebook when and where it ran, so that two builds give the same bytes."""
    executed.metadata.pop("papermill", None)
    for cell in executed.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if _PARAMETERS in cell.metadata.get("tags", []):
            cell.id = "parameters-of-this-build"


def run_time_file(executed: Path) -> Path:
    """Return the file that says how many seconds an executed notebook took, `{"seconds": 12.3}`."""
    return executed.parent.with_name("run-times") / f"{executed.stem}.json"


def evidence_fault(executed: Path, evidence: Path) -> str:
    """Return why evidence is not what its executed notebook left, empty where it is."""
    if not executed.is_file():
        return f"{evidence} has no executed notebook {executed}, so nothing stands behind it"
    left = nbformat.read(executed, as_version=4).metadata.get(KEY, {}).get("evidence")
    if left != sha256(evidence.read_bytes()).hexdigest():
        return (
            f"{evidence} is not what {executed.name} left when it was executed: a record was edited, added or dropped"
        )
    return ""


def stale_cell(executed: nbformat.NotebookNode, committed: nbformat.NotebookNode) -> int | None:
    """Return the number (from 1) of the first cell in which an executed notebook is not the committed one, or None."""
    own = [cell.source for cell in own_cells(executed.cells)]
    wanted = [cell.source for cell in committed.cells]
    for number, (one, other) in enumerate(zip_longest(own, wanted), start=1):
        if one != other:
            return number
    return None
