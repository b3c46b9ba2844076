"""The jobs that Snakemake starts, each a process of its own; its arguments are SETTINGS JOB [CHAPTER]."""

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from endomtor import files
from endomtor.building.workflow import INTERACTIVE, LEDGER_OF_PAGES, NEWS, Settings
from endomtor.errors import BuildError, EndomtorError


def simulate(settings: Settings) -> None:
    """Write the data directory of the world."""
    from endomtor import worlds

    # Snakemake has taken dataset.toml away, and worlds refuses a folder that it does not know for its own.
    shutil.rmtree(settings.dataset, ignore_errors=True)
    worlds.simulate(settings.world, seed=settings.seed, out=settings.dataset)


def check(settings: Settings) -> None:
    """Hold the user's data directory against the contract."""
    from endomtor import contract

    # The sum tells Snakemake whether the data really changed: only then the chapters run again.
    dataset = contract.load(settings.dataset)
    files.write_text(Path(settings.build) / settings.dataset_is_there, f"{dataset.provenance.sha256}\n")


def execute(settings: Settings, chapter: str) -> None:
    """Execute a chapter."""
    from endomtor.building.execute import execute as run

    build = Path(settings.build)
    run(
        settings.notebook(chapter),
        parameters=settings.parameters,
        state=settings.state_of(chapter),
        build=build,
        executed=build / "executed" / "notebooks" / f"{chapter}.ipynb",
        evidence=build / "evidence" / f"{chapter}.json",
        failed=build / "failed" / f"{chapter}.ipynb",
        calibrated_only=not settings.changed_analysis,
    )


def interactive(settings: Settings, chapter: str) -> None:
    """Write what the interactive parts of an executed chapter show."""
    from endomtor.building.interactive import write

    build = Path(settings.build)
    write(build / "executed" / "notebooks" / f"{chapter}.ipynb", build / INTERACTIVE / chapter)


def ledger(settings: Settings) -> None:
    """Gather the evidence of all chapters, and write it in the forms that other programs read."""
    from endomtor import ledger as claims_ledger
    from endomtor.building import exports
    from endomtor.building.executed import evidence_fault

    build = Path(settings.build)
    for chapter in settings.chapters():
        notebook, found = build / "executed" / "notebooks" / f"{chapter}.ipynb", build / "evidence" / f"{chapter}.json"
        if fault := evidence_fault(notebook, found):
            # Gone, the evidence is made again by the next build.
            found.unlink()
            raise BuildError(f"{fault}; it is removed, build again")
    ledger = claims_ledger.write(build, settings.dataset)
    exports.write(Path(settings.root), build, ledger)
    kept, text = build / LEDGER_OF_PAGES, (build / "ledger.json").read_text(encoding="utf-8")
    if not kept.is_file() or kept.read_text(encoding="utf-8") != text:
        files.write_text(kept, text)


def site(settings: Settings) -> None:
    """Draw the pages."""
    from endomtor.building.site import render

    render(Path(settings.root), Path(settings.build))


# The name of each job for the user; a chapter's is the chapter. One without a name is heard of only when it fails.
JOBS: dict[str, tuple[str | None, Callable]] = {
    "simulate": ("data", simulate),
    "check": ("data", check),
    "execute": ("", execute),
    "interactive": (None, interactive),
    "ledger": ("ledger", ledger),
    "site": ("site", site),
}


_LONGEST_MESSAGE = 3000
"""Bytes of a message; the rest of the line and JSON's escapes need room as well."""


def main() -> int:
    """Run the job of the command line, tell its news on stdout, return the exit status."""
    settings_file, job, *chapter = sys.argv[1:]
    settings = Settings(**json.loads(Path(settings_file).read_text(encoding="utf-8")))
    # The package looks for the book from the working directory upwards; the build folder may lie elsewhere.
    os.chdir(settings.root)
    os.environ["ENDOMTOR_BUILD"] = settings.build
    shown, work = JOBS[job]
    name = chapter[0] if chapter else shown
    start = time.monotonic()
    if shown is not None:
        _report(job=name, state="running")
    try:
        work(settings, *chapter)
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        message = str(error) if isinstance(error, EndomtorError) else f"{name}: {type(error).__name__}: {error}"
        _report(job=name, state="failed", seconds=time.monotonic() - start, message=message)
        return 1
    if shown is not None:
        _report(job=name, state="done", seconds=time.monotonic() - start)
    return 0


def _report(**news) -> None:
    # In one write, and short enough for a pipe to take it whole (POSIX: 4096 bytes): Snakemake and the other jobs write
    # to the same pipe, and a line with theirs in its middle could not be read.
    if "message" in news:
        news["message"] = news["message"].encode()[:_LONGEST_MESSAGE].decode(errors="ignore")
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), f"\n{NEWS}{json.dumps(news, ensure_ascii=False)}\n".encode())
