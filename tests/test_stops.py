"""A build or a sweep that is stopped from outside leaves nothing at work, nothing in the way, and nothing behind.

Signals go to the whole group of processes, as a terminal, `timeout` or a cancelled job sends them: processes that lead
groups of their own are not reached by them and have to notice.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import reproduce

from conftest import ROOT, at_work, until
from endomtor.building.performance import Row
from test_building import small_book

SIGNALS = ("TERM", "KILL", "HUP")
MOMENTS = 8
SOON = 3
"""Seconds in which all that was started has ended."""
AGAIN = 180
"""Seconds in which the next run must have ended: one that waits for ever would do so here."""
MARK = "ENDOMTOR_TRIAL"
BUILD = "from endomtor.cli import main; main()"
# A build without its pages: they take longer than the rest of a small book.
TO_LEDGER = (
    "import sys; from pathlib import Path; from rich.console import Console; from endomtor import children;"
    "from endomtor.building.workflow import Settings, build\n"
    "with children.stopped_in_order():\n"
    "    build(Settings(str(Path.cwd()), str(Path.cwd() / '_build')), jobs=2, console=Console(), site=False)"
)
GRID = """\
title = "Small"
worlds = ["paper"]
parts = ["tables"]
seeds = { first = 5000, count = 8 }
cohorts_per_job = 2

[parameters]
n = [3, 4]
"""


class Trial:
    """A command that is stopped and run again, in a place of its own."""

    def __init__(self, place: Path, code: str, *words: str, folder: Path, contents: Callable[[], dict]):
        self.command, self.folder, self.contents = [sys.executable, "-c", code, *words], folder, contents
        self.temporary = place / "t"
        self.temporary.mkdir()
        self.mark = f"{MARK}={place}"
        surroundings = {"SOURCE_DATE_EPOCH": reproduce.EPOCH, "TMPDIR": str(self.temporary), MARK: str(place)}
        self.environment = os.environ | surroundings | {"ENDOMTOR_BUILD": str(folder / "_build")}

    def start(self) -> subprocess.Popen:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(self.command, cwd=self.folder, env=self.environment, start_new_session=True, **quiet)

    def whole(self) -> float:
        """Run it to its end and return how long that took."""
        begun = time.monotonic()
        assert self.start().wait(AGAIN) == 0
        return time.monotonic() - begun

    def stop(self, name: str, after: float) -> None:
        """Run it, stop it with a signal to its group, and see that nothing is at work soon."""
        process = self.start()
        time.sleep(after)
        os.killpg(process.pid, getattr(signal, f"SIG{name}"))
        process.wait(SOON)
        assert until(lambda: not at_work(self.mark), seconds=SOON), at_work(self.mark)

    def again(self, expected: dict) -> None:
        """Run it once more, to the end: it gives what it gives at once, and nothing lies about."""
        self.whole()
        assert list(reproduce.differences(expected, self.contents())) == []
        assert not list(self.temporary.iterdir())
        # The one of multiprocessing that sweeps up behind it ends a moment later.
        assert until(lambda: not at_work(self.mark), seconds=SOON)


def build_of(place: Path, code: str, *words: str) -> Trial:
    folder = small_book(place / "book")
    return Trial(place, code, *words, folder=folder, contents=lambda: reproduce.contents(folder / "_build"))


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> tuple[Trial, dict]:
    trial = build_of(tmp_path_factory.mktemp("quick"), TO_LEDGER)
    trial.whole()
    return trial, trial.contents()


@pytest.mark.parametrize("name", ["TERM", "KILL"])
@pytest.mark.parametrize("after", [1.2, 3.0])
def test_the_next_build_does_not_wait_for_one_that_was_stopped(quick, name, after):
    trial, expected = quick
    shutil.rmtree(trial.folder / "_build")
    trial.stop(name, after)
    trial.again(expected)


@pytest.mark.slow
def test_a_build_stopped_at_any_moment_goes_on_to_the_same_result(tmp_path, keep):
    chance = random.Random(20)
    trial = build_of(tmp_path, BUILD, "build", "--offline")
    seconds, expected = trial.whole(), trial.contents()
    built = trial.folder / "_build"
    reached = set()
    for name in SIGNALS:
        for moment in range(MOMENTS):
            # Every second one is a build of which only chapters or pages must be made again.
            shutil.rmtree(built if moment % 2 else built / chance.choice(("executed", "site")))
            trial.stop(name, (moment + chance.random()) / MOMENTS * seconds)
            reached |= {one.name for one in built.glob("*") if one.is_dir()}
            trial.again(expected)
    # The moments lay in all phases.
    assert {"data", "executed", "site"} <= reached
    stops = len(SIGNALS) * MOMENTS
    note = (
        f"The process group of a small book's build was stopped at {stops} moments of its {seconds:.0f} s, by "
        f"{', '.join(f'SIG{name}' for name in SIGNALS)}: while it drew data, executed, or drew pages. After {SOON} s "
        f"nothing was at work; after the next build all {len(expected)} files had the bytes of a clean one."
    )
    keep("kills", "Builds that were killed", [Row("builds that ended otherwise", 0, "", 0, note=note)])


@pytest.mark.slow
@pytest.mark.parametrize("moments", [pytest.param(MOMENTS, id="on one machine"), pytest.param(3, id="by a profile")])
def test_a_sweep_stopped_at_any_moment_goes_on_to_the_same_result(tmp_path, moments):
    grid, out, store = tmp_path / "grid.toml", tmp_path / "out.parquet", tmp_path / "build"
    grid.write_text(GRID)
    words = ["sweep", str(grid), "--out", str(out), "--jobs", "2"]
    if moments < MOMENTS:
        (tmp_path / "profile").mkdir()
        (tmp_path / "profile" / "config.yaml").write_text("cores: 2\n")
        words += ["--profile", str(tmp_path / "profile")]
    trial = Trial(tmp_path, BUILD, *words, folder=ROOT, contents=lambda: {"out": out.read_bytes()})
    trial.environment["ENDOMTOR_BUILD"] = str(store)
    seconds, expected = trial.whole(), trial.contents()
    for moment in range(moments):
        shutil.rmtree(store)
        out.unlink()
        trial.stop(SIGNALS[moment % len(SIGNALS)], (moment + 0.5) / moments * seconds)
        trial.again(expected)
        # Snakemake's own folder stays for the next run, as it does where nothing was stopped.
        assert {one.name for one in (store / "sweeps").glob(".*")} <= {".snakemake"}
