"""Measure what one cohort of a sweep costs when there are few and when there are many: `make cohorts`.

`.venv/bin/python scripts/cohorts.py [--most N] [--keep [DIR]]`. Seconds are of processor time, of `endomtor sweep` and
of all its processes, divided by the cohorts: with what starts and joins, but whatever else the machine does.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from endomtor.building import performance
from endomtor.building.performance import Row

FEWEST = 100
GRID = """\
title = "Cost of a cohort"
worlds = ["paper"]
parts = ["tables"]
seeds = {{ first = 5000000, count = {cohorts} }}
cohorts_per_job = 25
[parameters]
phenocopy = [0.5]
"""


def cost(cohorts: int) -> float:
    """Return the processor seconds of a cohort in a sweep over so many."""
    with tempfile.TemporaryDirectory() as scratch:
        grid = Path(scratch) / "grid.toml"
        grid.write_text(GRID.format(cohorts=cohorts), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("endomtor")), "sweep", str(grid), "--jobs", str(os.cpu_count())]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        surroundings = os.environ | {"ENDOMTOR_BUILD": scratch, "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run(
            [*command, "--out", str(Path(scratch) / "out.parquet")], check=True, stdout=sys.stderr, env=surroundings
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / cohorts


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=10_000, metavar="N", help="cohorts of the largest sweep")
    performance.keep_option(parser)
    chosen = parser.parse_args()
    sizes = sorted({FEWEST, *(size for size in (1000,) if size < chosen.most), chosen.most})
    costs = {}
    for size in sizes:
        Console(stderr=True).print(f"a sweep over {size:,} cohorts")
        costs[size] = cost(size)
    rows = [Row(f"a cohort of {size:,}", one, "s CPU", note="Every test of the tables.") for size, one in costs.items()]
    ratio = costs[chosen.most] / costs[FEWEST]
    note = "Of the larger to the smaller sweep; below 1 where the start weighs less."
    rows.append(Row(f"a cohort of {chosen.most:,}, against one of {FEWEST}", ratio, "times", 1.1, note=note))
    performance.report("cohorts", "Sweeps of growing size", rows, chosen.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
