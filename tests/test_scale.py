"""`make scale`: the script runs, in each process, prints and keeps each row."""

import json
import os
import subprocess
import sys

import pytest

from conftest import ROOT
from endomtor.building.performance import Row

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
def test_each_row_is_measured_printed_and_kept(tmp_path):
    scratch, kept = tmp_path / "scratch", tmp_path / "kept"
    scratch.mkdir()
    # What is written goes where TMPDIR says, and is deleted.
    surroundings = os.environ | {"TMPDIR": str(scratch)}
    command = [sys.executable, str(ROOT / "scripts" / "scale.py"), "--quick", "--keep", str(kept)]
    ran = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert not list(scratch.iterdir())
    rows = [Row(**row) for row in json.loads((kept / "scale.json").read_text(encoding="utf-8"))["rows"]]
    assert [row.what for row in rows] == list(ROWS)
    for number, row in enumerate(rows, 1):
        assert f"{number}. {row.what[:25]}" in ran.stdout
        assert row.value > 0
        assert row.note
        assert (row.unit == "GiB") == row.what.endswith("memory")
        assert row.unit != "GiB" or row.reached
    assert "Quick: " in ran.stdout
