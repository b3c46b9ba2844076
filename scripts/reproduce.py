"""Build the book twice and compare what came out byte by byte: `make reproduce`."""

import os
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


def build(folder: Path, *options: str) -> dict[str, bytes]:
    """Build the book in a folder, as a user does, and return what is compared of it."""
    command = [str(Path(sys.executable).with_name("endomtor")), "build", "--offline", "--out", str(folder), *options]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH})
    return contents(folder)


def main(options: list[str]) -> int:
    """Build twice, print what differs, return 1 where anything does; `--keep` keeps the result for its page."""
    keep = "--keep" in options
    options = [option for option in options if option != "--keep"]
    with tempfile.TemporaryDirectory() as scratch:
        # At one place, since the executed notebooks name the folder of their data.
        place = Path(scratch) / "book"
        first = build(place, *options)
        shutil.rmtree(place)
        second = build(place, *options)
    found = list(differences(first, second))
    print("\n".join(found) or f"All {len(first)} files are the same in both builds.")
    if keep:
        note = f"Of {len(first)}: evidence, ledger and exports, executed notebooks, all of the site but `{TIMES}`."
        performance.keep("reproduce", "Two builds", [Row("files that differ", len(found), "", 0, note=note)])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
