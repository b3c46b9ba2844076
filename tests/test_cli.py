"""The command line as a user meets it: exit codes, one clear message, quick help."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from endomtor import cli

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("build", "run", "init", "check", "report", "simulate", "calibrate", "sweep", "fetch", "claims", "changes")
SCREEN = (80, 24)


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run `endomtor` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from endomtor.cli import main; main()", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def message(*arguments: str, capsys, status: int) -> str:
    """Run `endomtor` in this process and return its stderr."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    shown = capsys.readouterr()
    assert ended.value.code == status
    assert "Traceback" not in shown.err
    return shown.err


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom endomtor.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'scanpy', 'numpy', 'matplotlib', 'papermill', 'snakemake', 'sphinx'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
    for command in COMMANDS:
        assert f"\n  {command} " in shown


def test_help_starts_quickly():
    def seconds() -> float:
        before = time.perf_counter()
        run("--help")
        return time.perf_counter() - before

    # The best of five, since other work on the machine only ever adds; it takes 0.1 s on a quiet one.
    assert min(seconds() for _ in range(5)) < 0.6


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen_and_has_one_example(command, capsys, monkeypatch):
    columns, lines = SCREEN
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        cli.main([*filter(None, [command]), "--help"])
    shown = capsys.readouterr().out
    assert shown.count(f"Example: `endomtor {command}") == 1
    assert shown.count("Example") == 1
    assert len(shown.splitlines()) <= lines
    assert max(map(len, shown.splitlines())) <= columns


def test_the_help_lists_every_command():
    assert {command.callback.__name__ for command in cli.app.registered_commands} == set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("endomtor re", ["report"]),
        ("endomtor build --world by", ["bystander"]),
        ("endomtor run 03", ["03_ecko_phenotypes"]),
    ],
)
def test_a_shell_completes(words, offered):
    shown = run(_ENDOMTOR_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1))
    assert shown.stdout.split() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_shown(shell):
    # The option asks which shell is above it; this names it.
    shown = run(_ENDOMTOR_COMPLETE=f"source_{shell}")
    assert "_ENDOMTOR_COMPLETE=complete_" in shown.stdout
    assert "endomtor" in shown.stdout
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=shown.stdout, text=True, timeout=60).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("build", "--seed", "one"),
        ("build", "--colour", "red"),
        ("build", "--data", ".", "--world", "paper"),
        ("run", "01", "--data", ".", "--world", "paper"),
        ("run", "01", "-p"),
        ("report",),
        ("fetch", "--all", "--list"),
        ("changes", "a.json", "b.json", "--json", "--markdown"),
    ],
)
def test_wrong_usage_exits_2(arguments, capsys):
    assert message(*arguments, capsys=capsys, status=2)


def test_debug_shows_the_traceback():
    shown = run("check", "no/such/folder", "--debug")
    assert shown.returncode == 1
    assert "Traceback" in shown.stderr
    assert "no/such/folder" in shown.stderr


def test_repeated_parameters_take_a_name_and_a_value():
    assert cli._joined(["run", "03", "-p", "effect", "-0.5", "-p", "seed", "2"]) == [
        *("run", "03", "-p", "effect=-0.5", "-p", "seed=2")
    ]
    values = [cli._parameter(text) for text in ("a=1", "b=-0.5", "c=true", "d=x=y", "e=")]
    assert values == [("a", 1), ("b", -0.5), ("c", True), ("d", "x=y"), ("e", "")]
