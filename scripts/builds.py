"""Measure what a build costs, beside Jupyter Book that executes the same notebooks itself: a part of `make bench`.

`.venv/bin/python scripts/builds.py [--rounds N] [--keep [DIR]]`. Times are of the clock on the wall and of whole
processes, in a copy of the book, medians of the rounds; ours and the alternative run in turns, so that a busy machine
slows both.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import yaml
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from endomtor.building import performance
from endomtor.building.performance import Row, amount

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
TURNS = 5
"""How often what takes seconds is repeated in each round."""
_MADE_AGAIN = (
    "The evidence is the same after it, so chapter 06 and pages that show the ledger stay; to see that, Snakemake is "
    "asked twice, the second time in a fork."
)
_LEFT = "Snakemake is not asked; what is left is the start of Sphinx and its extensions, its state, and citations."


def run(*command: str, cwd: Path, **environment: str) -> float:
    """Return the seconds that a command takes; it must succeed."""
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
    return time.perf_counter() - start


def copied(root: Path, book: Path, execute: str) -> Path:
    """Copy a book; `execute` is what Jupyter Book is told to do with the notebooks."""
    left_out = shutil.ignore_patterns("_build", ".venv", "node_modules", ".git", "__pycache__", ".*_cache")
    shutil.copytree(root, book, ignore=left_out)
    config = yaml.safe_load((book / "_config.yml").read_text(encoding="utf-8"))
    config["execute"] = {"execute_notebooks": execute, "timeout": 600}
    (book / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return book


def ours(book: Path) -> float:
    """Build as a user does."""
    return run(str(BIN / "endomtor"), "build", "--offline", cwd=book)


def theirs(book: Path) -> float:
    """Let Jupyter Book execute and draw; it knows no ledger, so its pages show less."""
    (book / "_build").mkdir(exist_ok=True)
    return run(str(BIN / "jupyter-book"), "build", ".", "-q", cwd=book, ENDOMTOR_BUILD=str(book / "_build" / "none"))


def cold(book: Path, build: Callable[[Path], float]) -> float:
    """Build from nothing but what is installed."""
    shutil.rmtree(book / "_build", ignore_errors=True)
    return build(book)


def edited_chapter(book: Path, notebook: Path) -> float:
    """Build after a comment was added to the last code cell of a chapter."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cell = next(cell for cell in reversed(content["cells"]) if cell["cell_type"] == "code")
    cell["source"] = ["# A change.\n", *cell["source"]]
    notebook.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return ours(book)


def edited_prose(book: Path) -> float:
    """Build after a sentence was added to the first page."""
    page = book / "book" / "index.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nOne more sentence.\n", encoding="utf-8")
    return ours(book)


def measured(rounds: int, say: Callable[[str], None], *, root: Path = ROOT, turns: int = TURNS) -> list[Row]:
    """Return the rows of the table of the book in `root`; `say` is told what is measured next."""
    found: dict[str, list[float]] = {}

    def time_of(name: str, call: Callable[..., float], *arguments) -> None:
        say(name)
        found.setdefault(name, []).append(call(*arguments))

    with tempfile.TemporaryDirectory() as scratch:
        mine = copied(root, Path(scratch) / "ours", "off")
        forced = copied(root, Path(scratch) / "forced", "force")
        cached = copied(root, Path(scratch) / "cached", "cache")
        chapters = sorted((mine / "notebooks").glob("0[1-5]_*.ipynb"))
        say("filling Jupyter Book's cache")
        theirs(cached)
        for _ in range(rounds):
            time_of("cold", cold, mine, ours)
            time_of("cold, Jupyter Book", cold, forced, theirs)
            for chapter in chapters:
                time_of(f"edited {chapter.stem}", edited_chapter, mine, chapter)
            for _ in range(turns):
                time_of("nothing", ours, mine)
                time_of("nothing, Jupyter Book", theirs, cached)
                time_of("prose", edited_prose, mine)
                time_of("help", lambda: run(str(BIN / "endomtor"), "--help", cwd=mine))
    middle = {name: median(times) for name, times in found.items()}
    edited = {name: value for name, value in middle.items() if name.startswith("edited ")}
    one_by_one = ", ".join(f"{name.split()[1][:2]} {amount(value, 's')}" for name, value in edited.items())
    return [
        Row("cold build, all chapters, installed", middle["cold"], "s", 90.0, amount(middle["cold, Jupyter Book"], "s"),
            "Alternative: `jupyter-book build` that executes the same notebooks, without ledger and evidence. Tried: "
            "kernels and jobs forked from one process, all genes fitted at once, pages read by two processes."),
        Row("cold build, against Jupyter Book", middle["cold"] / middle["cold, Jupyter Book"], "times", 0.5,
            note="Ratio of the row above."),
        Row("nothing changed", middle["nothing"], "s", 1.0, amount(middle["nothing, Jupyter Book"], "s"),
            "Alternative: `jupyter-book build` again, all notebooks in its cache. Ratio "
            f"{middle['nothing'] / middle['nothing, Jupyter Book']:.2g}."),
        Row("one chapter edited, against a cold build", median(edited.values()) / middle["cold"], "times", 0.4,
            note=f"Median over chapters 01 to 05: {one_by_one}. A comment in the last code cell. {_MADE_AGAIN}"),
        Row("only prose of one page edited", middle["prose"], "s", 4.0, note=f"A sentence more on one page. {_LEFT}"),
        Row("start of `endomtor --help`", middle["help"], "s", 0.3, note="A test: it imports neither pandas nor "
            "scanpy."),
    ]  # fmt: skip


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of cold builds; 5, 7 minutes each")
    performance.keep_option(parser)
    chosen = parser.parse_args()
    columns = TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("", total=None)
        rows = measured(chosen.rounds, lambda name: bars.update(task, description=name))
    rounds = "one round" if chosen.rounds == 1 else f"medians of {chosen.rounds} rounds"
    performance.report("builds", f"Builds of the book, {rounds}", rows, chosen.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
