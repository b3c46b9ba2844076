"""A build gives the same whatever surrounds it: variables, rights, temporary folders, another build beside it."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
import reproduce

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
