"""A build gives the same whatever surrounds it: variables, rights, temporary folders, another build beside it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import reproduce

from conftest import ROOT, until
from endomtor import worlds
from test_building import edit
from test_stops import AGAIN, BUILD, TO_LEDGER, Trial, build_of


@pytest.fixture(scope="module")
def trial(tmp_path_factory) -> tuple[Trial, dict]:
    trial = build_of(tmp_path_factory.mktemp("usual"), TO_LEDGER)
    trial.whole()
    return trial, trial.contents()


def far(place: Path) -> dict[str, str]:
    """A temporary folder whose path is longer than the name of a socket may be."""
    folder = place / ("far" * 40)
    folder.mkdir()
    return {"TMPDIR": str(folder)}


def shadowed(place: Path) -> dict[str, str]:
    """A module of the user's with the name of a notebook's, where Python looks first."""
    (place / "notebook.py").write_text("raise SystemExit('not this one')\n")
    return {"PYTHONPATH": str(place)}


def profiled(place: Path) -> dict[str, str]:
    """A home whose start-up files of IPython and matplotlib would change what is drawn."""
    start = place / ".ipython" / "profile_default" / "startup"
    start.mkdir(parents=True)
    (start / "00.py").write_text("raise SystemExit('not in this kernel')\n")
    settings = place / ".config" / "matplotlib"
    settings.mkdir(parents=True)
    (settings / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\n")
    return {"HOME": str(place), "XDG_CONFIG_HOME": str(place / ".config")}


SURROUNDINGS = {
    "no home": lambda place: {"HOME": None, "XDG_CONFIG_HOME": None, "XDG_CACHE_HOME": None},
    "a home that cannot be written": lambda place: {"HOME": "/proc/self"},
    "a home with settings": profiled,
    "a far temporary folder": far,
    "a temporary folder that is not there": lambda place: {"TMPDIR": str(place / "nowhere")},
    "a module of the same name": shadowed,
    "another language and time": lambda place: {"LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
    "no terminal": lambda place: {"TERM": "dumb", "COLUMNS": "1"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a_build_is_the_same_in_other_surroundings(trial, tmp_path, name, monkeypatch):
    usual, expected = trial
    shutil.rmtree(usual.folder / "_build")
    changes = SURROUNDINGS[name](tmp_path)
    for key, value in changes.items():
        monkeypatch.setitem(usual.environment, key, value or "")
        if value is None:
            del usual.environment[key]
    usual.whole()
    assert list(reproduce.differences(expected, usual.contents())) == []


@pytest.mark.slow
def test_two_builds_at_once_of_different_worlds_each_leave_a_whole_book(tmp_path):
    """The second waits, and does not mix what it makes with what is there of the first."""
    trial = build_of(tmp_path, BUILD, "build", "--offline", "--world", "bystander")
    trial.whole()
    expected, second = trial.contents(), list(trial.command)
    shutil.rmtree(trial.folder / "_build")
    trial.command[-1] = "paper"
    first = trial.start()
    time.sleep(1.5)
    second = subprocess.Popen(second, cwd=trial.folder, env=trial.environment, stderr=subprocess.PIPE)
    assert first.wait(AGAIN) == 0
    _, said = second.communicate(timeout=AGAIN)
    assert second.returncode == 0
    assert b"Another build is at work" in said
    assert list(reproduce.differences(expected, trial.contents())) == []


def beside(trial: Trial, made: str, change: Callable[[], object]) -> tuple[int, str]:
    """Build, change something once a file of the build is there, and return how the build ended and what it said."""
    process = subprocess.Popen(
        trial.command, cwd=trial.folder, env=trial.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert until((trial.folder / "_build" / made).exists, seconds=AGAIN)
    change()
    said, _ = process.communicate(timeout=AGAIN)
    return process.returncode, " ".join(said.decode().split())


def goes_on_to_the_same(trial: Trial) -> None:
    """Build once more, and see that it is what a clean build gives."""
    trial.whole()
    resumed = trial.contents()
    shutil.rmtree(trial.folder / "_build")
    trial.whole()
    assert list(reproduce.differences(trial.contents(), resumed)) == []


@pytest.mark.slow
def test_data_that_change_while_they_are_read_are_no_finished_book(tmp_path):
    mice = worlds.simulate("paper", seed=3, out=tmp_path / "mice")
    trial = build_of(tmp_path, BUILD, "build", "--offline", "--data", str(mice))

    def change() -> None:
        table = pd.read_csv(mice / "bmec_signaling.csv")
        table.assign(mfi=table["mfi"] * 1.1).to_csv(mice / "bmec_signaling.csv", index=False)

    status, said = beside(trial, "data/checked.txt", change)
    assert status == 1
    assert "files changed while the book was built from them" in said
    goes_on_to_the_same(trial)


@pytest.mark.slow
def test_a_notebook_that_is_saved_while_the_book_is_built_is_in_the_next_one(tmp_path):
    trial = build_of(tmp_path, BUILD, "build", "--offline")
    old, new = "# Chapter 01_one", "# Saved meanwhile"
    _, said = beside(trial, "ledger.json", lambda: edit(trial.folder, "01_one", old, new))
    assert "build again" in said
    trial.whole()
    assert new in (trial.folder / "_build" / "executed" / "notebooks" / "01_one.ipynb").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_clock_that_goes_back_hinders_no_build(tmp_path):
    trial = build_of(tmp_path, BUILD, "build", "--offline")
    trial.whole()
    tomorrow = time.time() + 86400
    for path in trial.folder.rglob("*"):
        os.utime(path, (tomorrow, tomorrow), follow_symlinks=False)
    edit(trial.folder, "01_one", "# Chapter 01_one", "# After the clock went back")
    goes_on_to_the_same(trial)


@pytest.mark.slow
def test_what_is_private_stays_so(tmp_path):
    """Where the user's files are readable by nobody else, those of a build are not either."""
    trial = build_of(tmp_path, "import os; os.umask(0o077); " + TO_LEDGER)
    trial.whole()
    built = trial.folder / "_build"
    files = [path for path in built.rglob("*") if path.is_file() and ".snakemake" not in path.parts]
    assert len(files) > 20
    assert [str(path) for path in files if path.stat().st_mode & 0o077] == []


def test_make_minds_no_packages_of_another_python(tmp_path):
    """Clusters put other installations into PYTHONPATH."""
    (tmp_path / "rich.py").write_text("raise SystemExit('not this one')\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        ["make", "book", "ARGS=--help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--data" in done.stdout
