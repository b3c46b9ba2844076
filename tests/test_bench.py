"""`make bench`: the script runs, both sides of each row agree, and each row is printed."""

import json
import re
import subprocess
import sys

import pytest
from bench import Disagreement, agree

from conftest import ROOT

ROWS = (
    "1,000 cohorts: every test of the tables",
    "1,000 cohorts: mixed models over time",
    "1,000 cohorts: both together",
    "50 transcriptomes of 200 genes, phi",
    "mixed model, Kenward-Roger",
    "rank-rank map of 1,500 genes",
    "phi with its Fieller set",
    "phi, against a grid in one array",
    "exact Mann-Whitney, ties, 15 v 15",
    "limiting dilution (ELDA)",
)


@pytest.mark.slow
def test_each_row_is_measured_printed_and_kept(tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), "--quick", "--keep", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    for number in range(1, len(ROWS) + 1):
        assert f"\n{number}. " in ran.stdout
    assert "Quick: " in ran.stdout
    content = json.loads((tmp_path / "analyses.json").read_text(encoding="utf-8"))
    assert f"Python {sys.version.split()[0]}" in content["machine"]
    assert [row["what"] for row in content["rows"]] == list(ROWS)
    for row in content["rows"]:
        assert row["value"] > 0
        assert re.fullmatch(r"[\d.,]+ (s|ms|µs) CPU; ratio [\de.+-]+", row["beside"])
    assert [row["limit"] for row in content["rows"] if row["limit"]] == [60, 180, 1]


@pytest.mark.parametrize("other", [[1.0, 2.2], [1.0, float("nan")]])
def test_sides_that_disagree_are_not_timed(other):
    agree("a row", [1.0, 2.0], [1.0, 2.05], 0.1)
    with pytest.raises(Disagreement, match="a row: the answers differ"):
        agree("a row", [1.0, 2.0], other, 0.1)
