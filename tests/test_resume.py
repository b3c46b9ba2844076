"""A build that was cut off, or done in steps, gives what a clean one gives."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import reproduce

from endomtor.building import forks
from endomtor.building.performance import Row
from endomtor.errors import BuildError
from test_building import build, edit, small_book

MOMENTS = 20


@pytest.fixture(scope="module", autouse=True)
def surroundings():
    """One date for all builds, and kernels that start quickly where notebooks import nothing heavy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", reproduce.EPOCH)
        patch.setenv(forks.PLAIN, "1")
        yield


@pytest.fixture(scope="module")
def clean(surroundings, tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    """A small book, built at once, and what came out."""
    root = small_book(tmp_path_factory.mktemp("clean") / "book")
    build(root)
    return root, reproduce.contents(root / "_build")


def same(root: Path, expected: dict[str, bytes]) -> None:
    assert list(reproduce.differences(expected, reproduce.contents(root / "_build"))) == []


@pytest.mark.slow
def test_a_build_compares_site_ledger_evidence_and_twins(clean):
    names = clean[1].keys()
    assert {"html/book/index.html", "html/searchindex.js", "ledger.json", "evidence/01_one.json"} <= names
    assert "executed/notebooks/02_two.ipynb" in names
    assert b"start_time" not in clean[1]["executed/notebooks/02_two.ipynb"]


@pytest.mark.slow
@pytest.mark.parametrize("change", ["html/book/index.html", "executed/notebooks/01_one.ipynb", "ledger.csv"])
def test_a_difference_is_named(clean, change):
    other = clean[1] | {change: clean[1][change] + b" "}
    assert list(reproduce.differences(clean[1], other)) == [f"{change} differs in length"]
    other.pop(change)
    assert list(reproduce.differences(clean[1], other)) == [f"{change} is only in the first build"]


@pytest.mark.slow
def test_pages_changed_and_changed_back_are_the_same_as_in_a_clean_build(clean):
    root, expected = clean
    index = root / "book" / "index.md"
    text = index.read_text()
    index.write_text(f"{text}\nAnother zebra.\n")
    edit(root, "02_two", "twin of two", "second edition")
    build(root)
    assert "zebra" in (root / "_build" / "html" / "searchindex.js").read_text()
    index.write_text(text)
    edit(root, "02_two", "second edition", "twin of two")
    build(root)
    same(root, expected)


@pytest.mark.slow
def test_two_clean_builds_are_the_same(clean):
    root, expected = clean
    shutil.rmtree(root / "_build")
    build(root)
    same(root, expected)


@pytest.mark.slow
def test_a_build_killed_at_any_moment_goes_on_to_the_same_result(clean, keep):
    """Kills all processes of a build, at 20 moments of its course."""
    chance = random.Random(20)
    root, expected = clean
    command = [sys.executable, "-c", "from endomtor.cli import main; main()", "build", "--offline"]

    def start() -> subprocess.Popen:
        return subprocess.Popen(
            command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    shutil.rmtree(root / "_build")
    begun = time.monotonic()
    assert start().wait() == 0
    whole = time.monotonic() - begun
    same(root, expected)
    reached = set()
    for moment in range(MOMENTS):
        if moment % 2 == 0:
            shutil.rmtree(root / "_build")
        else:
            # A build of which only chapters or pages must be made again.
            shutil.rmtree(root / "_build" / chance.choice(("executed", "site")))
        process = start()
        time.sleep(chance.uniform(0.02, 0.98) * whole)
        for pid in _descendants(process.pid):
            _kill(pid)
        process.wait()
        reached |= {
            name for name in ("data", "executed", "evidence", "site", "html") if (root / "_build" / name).exists()
        }
        build(root)
        same(root, expected)
    # The moments lay in all phases.
    assert {"data", "executed", "site"} <= reached
    note = (
        f"All processes of a small book's build were killed at {MOMENTS} moments of its {whole:.0f} s: while it drew "
        f"data, executed, or drew pages. After the next build all {len(expected)} files had the bytes of a clean one."
    )
    keep("kills", "Builds that were killed", [Row("builds that ended otherwise", 0, "", 0, note=note)])


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo.extend(children.get(found[-1], []))
    return found


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_with_keep_going_the_other_chapters_run(tmp_path):
    root = small_book(tmp_path / "book")
    edit(root, "02_two", 'print("twin of two")', "raise ValueError('no')")
    with pytest.raises(BuildError, match="02_two"):
        build(root, keep_going=True)
    assert (root / "_build" / "executed" / "notebooks" / "01_one.ipynb").is_file()
    assert not (root / "_build" / "html").exists()
