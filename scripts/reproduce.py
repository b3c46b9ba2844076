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

from endomtor.building import performance
from endomtor.building.performance import Row
from endomtor.views import changes

ROOT = Path(__file__).resolve().parents[1]
# Any date does, if it is the same for both.
EPOCH = "1735689600"
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
        return compared(*(json.loads(built["ledger.json"]) for built in (first, second)), chosen)
    found = list(differences(first, second))
    print("\n".join(found) or f"All {len(first)} files are the same in both builds.")
    if chosen.keep:
        note = f"Of {len(first)}: evidence, ledger and exports, executed notebooks, all of the site but `{TIMES}`."
        rows = [Row("files that differ", len(found), "", 0, note=note)]
        performance.keep("reproduce", "Two builds", rows, chosen.keep)
    return 1 if found else 0


def compared(first: dict, second: dict, chosen: argparse.Namespace) -> int:
    """Print which values of the ledger moved in another environment's build; return 1 where any did."""
    command = [str(chosen.python), "-c", "import platform; print(platform.python_version())"]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    found = changes.compare(first, second)
    print(changes.text(found))
    note = f"Ledgers of builds with Python {platform.python_version()} and {other}. {changes.sentence(found)}"
    rows = [Row("values that moved", len(found.found), "", 0, note=note)]
    performance.report(f"python-{other.rpartition('.')[0]}", f"Python {other}", rows, chosen.keep)
    return 0 if found.same else 1


if __name__ == "__main__":
    sys.exit(main())
