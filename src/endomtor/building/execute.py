"""Executing one notebook with papermill."""

import json
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets import default

from endomtor import environment, files
from endomtor.building import forks
from endomtor.building.executed import KEY, forget_circumstances, own_cells, run_time_file
from endomtor.errors import BuildError, NotTestable


class _OwnSpec(KernelSpecManager):
    """Knows the kernel `python3` of the running interpreter only, whatever a user has installed under that name."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return it, with the way in which it starts."""
        spec = super().get_kernel_spec(kernel_name)
        spec.metadata["kernel_provisioner"] = {"provisioner_name": "endomtor"}
        return spec


class OwnKernel(AsyncKernelManager):
    """Starts the kernel `python3` with the running interpreter, forked where the build offers it."""

    @default("kernel_spec_manager")
    def _own_spec(self) -> KernelSpecManager:
        # Without folders to search, jupyter_client falls back to ipykernel's own spec, which names sys.executable.
        return _OwnSpec(kernel_dirs=[], parent=self)

    @default("transport_encryption")
    def _encrypted(self) -> str:
        # Other users of a shared machine could read the messages, and ipykernel warns of it.
        return "auto"


NEEDS = "needs:"
"""A cell's tag `needs:NAME` says what it cannot do without, a table of the contract or a result of an earlier cell."""


class _LeavesOut(PapermillNotebookClient):
    """Runs a notebook and leaves out what the data at hand do not allow.

    Where a cell raises `NotTestable`, its sentence stands in the cell's place, and later cells with the last of its
    tags `needs:NAME` are left out without a word.
    """

    def start_new_kernel_client(self, **options):
        """Start the client, once more with another kernel where the first does not answer.

        A port of a kernel is chosen before the kernel takes it; between, another program may have taken it.
        """
        try:
            return super().start_new_kernel_client(**options)
        except RuntimeError:
            self.km = self.create_kernel_manager()
            self.start_new_kernel()
            return super().start_new_kernel_client(**options)

    def execute_cell(self, cell: nbformat.NotebookNode, cell_index: int, **options) -> nbformat.NotebookNode:
        """Run a cell, or leave it out."""
        needs = [tag for tag in cell.metadata.get("tags", []) if tag.startswith(NEEDS)]
        absent = self.__dict__.setdefault("absent", set())
        if absent & set(needs):
            return _left_out(cell, "")
        try:
            return super().execute_cell(cell, cell_index, **options)
        except CellExecutionError as error:
            if error.ename != NotTestable.__name__:
                raise
            absent.update(needs[-1:])
            return _left_out(cell, error.evalue)


def _left_out(cell: nbformat.NotebookNode, sentence: str) -> nbformat.NotebookNode:
    """Put a sentence in the place of a cell, or nothing."""
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), "remove-input" if sentence else "remove-cell"]
    if cell.cell_type == "code":
        html = f'<p class="endomtor-missing">{escape(sentence)}</p>'
        shown = nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": sentence})
        cell.outputs = [shown] if sentence else []
    return cell


class _SavedOnce(NBClientEngine):
    """Papermill's engine, which writes the notebook before and after each cell: here when it has run or failed.

    With its figures a chapter has megabytes, and to write them fifty times took a tenth of its time.
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, start_timeout, kernel_manager_class, **_):
        """Execute the cells without a place to save to; papermill saves when this returns or raises."""
        place, nb_man.output_path = nb_man.output_path, None
        try:
            kernel = {"kernel_name": kernel_name, "kernel_manager_class": kernel_manager_class}
            _LeavesOut(nb_man, startup_timeout=start_timeout, timeout=None, **kernel).execute()
        finally:
            nb_man.output_path = place


papermill_engines.register("endomtor", _SavedOnce)


def execute(
    notebook: Path,
    *,
    parameters: Mapping[str, object],
    build: Path,
    executed: Path,
    evidence: Path,
    failed: Path,
    state: str = "",
    calibrated_only: bool = False,
) -> None:
    """Execute a notebook and keep what was executed and its evidence, both only if every cell ran.

    Parameters
    ----------
    notebook : Path
        The committed notebook; its folder is the working directory of the kernel.
    parameters : mapping
        Put into the cell after the one tagged `parameters`.
    build : Path
        The build folder that the notebook's code sees.
    executed, evidence : Path
        Where the executed notebook and its evidence records go; an empty list when it wrote none.
    failed : Path
        Where the partial notebook goes when a cell raises.
    state : str
        What the executed notebook says that it was made from; its page compares (`Settings.state_of`).
    calibrated_only : bool
        Whether a record that is not the calibrated analysis fails the notebook (`Chapter.record`).

    Raises
    ------
    BuildError
        A cell raised or the kernel died: names notebook, cell (as counted in the committed notebook, from 1) and error.
    """
    executed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=executed.parent, prefix=f".{notebook.stem}.") as scratch:
        partial = Path(scratch) / notebook.name
        records = Path(scratch) / f"{notebook.stem}.json"
        surroundings = {
            **forks.SURROUNDINGS,
            "ENDOMTOR_EVIDENCE": scratch,
            "ENDOMTOR_BUILD": str(build),
            # A start-up file or an extension of the user's IPython must not change a result.
            "IPYTHONDIR": str(Path(scratch) / "ipython"),
            # Of `endomtor.chapter`, which is not imported here: it takes what notebooks need.
            "ENDOMTOR_CALIBRATED_ONLY": "1" if calibrated_only else "",
        }
        try:
            # papermill has no other way to hand variables on to the kernel.
            with environment.variables(surroundings):
                how = {"engine_name": "endomtor", "kernel_name": "python3", "kernel_manager_class": OwnKernel}
                how |= {"cwd": notebook.parent, "start_timeout": 120, "progress_bar": False}
                papermill.execute_notebook(notebook, partial, parameters=dict(parameters), **how)
        except Exception as error:
            failed.unlink(missing_ok=True)
            if partial.is_file():
                files.write_bytes(failed, partial.read_bytes())
            raise BuildError(_what_failed(notebook, failed, error)) from error
        # The notebook comes last: where it is new, its evidence is. It keeps what the evidence was, so that a record
        # that is edited or dropped later is noticed.
        found = records.read_bytes() if records.is_file() else b"[]\n"
        ran = nbformat.read(partial, as_version=4)
        seconds = ran.metadata.papermill.duration
        forget_circumstances(ran)
        ran.metadata[KEY] = {"evidence": sha256(found).hexdigest(), "state": state}
        files.write_bytes(evidence, found)
        files.write_text(run_time_file(executed), json.dumps({"seconds": round(seconds, 1)}) + "\n")
        files.write_bytes(executed, nbformat.writes(ran).encode())
        failed.unlink(missing_ok=True)


def parameters_of(notebook: Path) -> list[str]:
    """Return the names in the notebook's parameters cell."""
    return list(papermill.inspect_notebook(notebook))


def _what_failed(notebook: Path, failed: Path, error: Exception) -> str:
    name = f"{notebook.parent.name}/{notebook.name}"
    last = _last_line(error)
    if not failed.is_file():
        return f"{name}: {last}"
    cells = nbformat.read(failed, as_version=4).cells
    own = own_cells(cells)
    reached = [number for number, cell in enumerate(own, start=1) if _status(cell) in ("completed", "failed")]
    if not reached:
        return f"{name}: {last}; the partial notebook is {failed}"
    # papermill stops at the cell that raised or in which the kernel died, and calls the latter completed.
    number = reached[-1]
    first = next((line.strip() for line in own[number - 1].source.splitlines() if line.strip()), "")
    return f"{name}, cell {number} (`{first}`): {last}; the partial notebook is {failed}"


def _status(cell: nbformat.NotebookNode) -> str:
    return cell.metadata.get("papermill", {}).get("status", "")


def _last_line(error: Exception) -> str:
    if isinstance(error, papermill.PapermillExecutionError):
        lines = error.evalue.strip().splitlines()
        return f"{error.ename}: {lines[-1].strip()}" if lines else error.ename
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1].strip()}" if lines else type(error).__name__
