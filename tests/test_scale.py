"""`make scale`: the script runs, in each process, and prints each row."""

import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

SCRIPT = [sys.executable, str(ROOT / "scripts" / "scale.py"), "--quick"]
ROWS = (
    *(
        f"{cells} cells x 3,000 genes: {what}"
        for cells in ("500", "5,000")
        for what in ("checked", "pseudobulked", "drawn", "memory")
    ),
    "time for 5,000 cells against 10 times that for 500",
    "16 transcriptomes x 4,000 genes: chapter 04",
    "16 transcriptomes x 4,000 genes: chapter 04, memory",
)


@pytest.mark.slow
def test_each_row_is_measured_and_printed(tmp_path):
    # What is written goes where TMPDIR says, and is deleted.
    surroundings = os.environ | {"TMPDIR": str(tmp_path)}
    ran = subprocess.run(SCRIPT, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    for number, what in enumerate(ROWS, 1):
        value, unit = re.search(rf"{number}\. {re.escape(what)} +│ +(\S+) (s|GiB|times) ", ran.stdout).groups()
        assert float(value) > 0
        assert (unit == "GiB") == what.endswith("memory")
    assert "Quick: " in ran.stdout
    assert not list(tmp_path.iterdir())


def test_what_is_not_worth_keeping_is_not_kept():
    ran = subprocess.run([*SCRIPT, "--keep"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 2
    assert "not worth keeping" in ran.stderr
