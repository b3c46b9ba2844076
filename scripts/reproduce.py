"""Build the book twice and compare what came out byte by byte: `make reproduce`."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from endomtor import performance
from endomtor.performance import Row

ROOT = Path(__file__).resolve().parents[1]
# Any date does, if it is the same for both.
EPOCH = "1735689600"
CLOSE = 1e-8
"""By how much values of two environments may differ, relative to the larger."""
TIMES = "build-times.js"
"""The one file of the site that says how long each page took."""


def contents(build: Path) -> dict[str, bytes]:
    """Return what is compared of a build: evidence, executed notebooks, site, ledger and its exports."""
    inside = [path for folder in ("evidence", "html") for path in (build / folder).rglob("*") if path.is_file()]
    found = [*inside, *(build / "executed").rglob("*.ipynb"), *build.glob("*.csv"), *build.glob("*.json")]
    left_out = {build / "settings.json", build / "html" / TIMES}
    return {path.relative_to(build).as_posix(): path.read_bytes() for path in sorted(found) if path not in left_out}


def differences(first: dict[str, bytes], second: dict[str, bytes]) -> Iterator[str]:
    """Yield a sentence for each file that is not the same in both."""
    for name in sorted(first.keys() | second.keys()):
        if name not in second or name not in first:
            yield f"{name} is only in the {'first' if name in first else 'second'} build"
        elif first[name] != second[name]:
            place = next((at for at, (a, b) in enumerate(zip(first[name], second[name], strict=False)) if a != b), None)
            where = "in length" if place is None else f"from byte {place}"
            yield f"{name} differs {where}"


def build(folder: Path, *options: str, python: Path = Path(sys.executable)) -> dict[str, bytes]:
    """Build the book in a folder, as a user does, and return what is compared of it."""
    command = [str(python.with_name("endomtor")), "build", "--offline", "--out", str(folder), *options]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH})
    return contents(folder)


def apart(first: object, second: object) -> float:
    """Return by how much the numbers of two JSON values differ at most, against the larger; infinity for the rest."""
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in (first, second)):
        return abs(first - second) / max(abs(first), abs(second), 1e-300)
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return max((apart(first[key], second[key]) for key in first), default=0.0)
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return max(map(apart, first, second), default=0.0)
    return 0.0 if first == second and type(first) is type(second) else float("inf")


def values(built: dict[str, bytes]) -> dict[str, object]:
    """Return evidence and ledger of what was built, by file."""
    return {
        name: json.loads(content)
        for name, content in built.items()
        if name == "ledger.json" or name.startswith("evidence/")
    }


def main() -> int:
    """Build twice, print what differs; return 1 where anything does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python",
        type=Path,
        metavar="FILE",
        help="of another environment: it makes the second build, values are compared",
    )
    performance.keep_option(parser)
    chosen, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        # At one place, since the executed notebooks name the folder of their data.
        place = Path(scratch) / "book"
        first = build(place, *options)
        shutil.rmtree(place)
        second = build(place, *options, python=chosen.python or Path(sys.executable))
    if chosen.python:
        return compared(values(first), values(second), chosen)
    found = list(differences(first, second))
    print("\n".join(found) or f"All {len(first)} files are the same in both builds.")
    if chosen.keep:
        note = f"Of {len(first)}: evidence, ledger and exports, executed notebooks, all of the site but `{TIMES}`."
        rows = [Row("files that differ", len(found), "", 0, note=note)]
        performance.keep("reproduce", "Two builds", rows, chosen.keep)
    return 1 if found else 0


def compared(first: dict[str, object], second: dict[str, object], chosen: argparse.Namespace) -> int:
    """Print how far the values of another environment's build are; return 1 where it is more than `CLOSE`."""
    command = [str(chosen.python), "-c", "import platform; print(platform.python_version())"]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    same = sum(first[name] == second.get(name) for name in first)
    most = apart(first, second)
    note = (
        f"Evidence and ledger of builds with Python {platform.python_version()} and {other}; {same} of {len(first)} "
        "files are the same."
    )
    rows = [Row("largest relative difference of a value", most, "", CLOSE, note=note)]
    performance.show(rows)
    if chosen.keep:
        performance.keep(f"python-{other.rpartition('.')[0]}", f"Python {other}", rows, chosen.keep)
    return 0 if rows[0].reached else 1


if __name__ == "__main__":
    sys.exit(main())
