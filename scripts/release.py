"""Write the archive of a release, ready for Zenodo: source, lock, executed notebooks, ledger, RO-Crate, sums.

`make release-archive TAG=v1.2.3` runs it. Without a tag it is a rehearsal: what is not ready is told, and the archive
is written all the same.
"""

import argparse
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path

import nbformat
import yaml

from endomtor import files, ledger, paths
from endomtor.building import executed, workflow
from endomtor.errors import BuildError, EndomtorError
from endomtor.views import changes


def version(root: Path) -> str:
    """Return the version that pyproject.toml names."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def faults(root: Path, tag: str | None) -> list[str]:
    """Return a sentence for each thing that is not ready for a release.

    Parameters
    ----------
    tag : str or None
        Name of the tag; None in a rehearsal.
    """
    own = version(root)
    said = []
    if tag is not None and tag != f"v{own}":
        said.append(f"the tag is {tag!r}, expected 'v{own}', the version in pyproject.toml")
    cited = str(yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8")).get("version"))
    if cited != own:
        said.append(f"CITATION.cff has version {cited!r}, expected {own!r}")
    heading = re.search(
        rf"^## \[{re.escape(own)}\] - (.*)$", (root / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M
    )
    dated = heading[1].strip() if heading else "nothing"
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", dated):
        said.append(f"CHANGELOG.md has {dated!r} for the date of {own}, expected a heading `## [{own}] - YYYY-MM-DD`")
    if _git(root, "status", "--porcelain"):
        said.append("the working tree holds changes that are in no commit, expected none")
    return said


def archive(root: Path, build: Path, out: Path) -> Path:
    """Write `out/endomtor-VERSION.zip` and return it; the same commit and build give the same bytes.

    `source/` is the commit at hand, with lock, data and their registered sums; `results/` is what the build's RO-Crate
    describes; `SHA256SUMS` covers both (`sha256sum --check SHA256SUMS`).

    Raises
    ------
    BuildError
        The build has no sound ledger, is not on the world that a release shows, or was made from other notebooks.
    """
    built = ledger.read(build)
    dataset = built["dataset"]
    if (dataset["world"], dataset["seed"]) != changes.RELEASED:
        raise BuildError(f"the build in {build} is on {dataset['title']!r}, expected world 'paper', seed 1")
    contents = {f"source/{name}": found for name, found in _source(root).items()}
    names = [path for pattern in ("executed/notebooks/*.ipynb", "evidence/*.json") for path in build.glob(pattern)]
    for path in [*(build / name for name in workflow.LEDGER), *names]:
        if not path.is_file():
            raise BuildError(f"{path} is not there: run `make book` first")
        contents[f"results/{path.relative_to(build).as_posix()}"] = (path.read_bytes(), 0o644)
    for path in build.glob("executed/notebooks/*.ipynb"):
        committed = contents.get(f"source/notebooks/{path.name}")
        if committed is None:
            raise BuildError(f"{path} is of no committed notebook: run `make book` first")
        pair = (nbformat.read(path, as_version=4), nbformat.reads(committed[0].decode(), as_version=4))
        if cell := executed.stale_cell(*pair):
            raise BuildError(f"{path} was executed from another text than is committed (cell {cell} differs)")
    sums = "".join(f"{hashlib.sha256(found).hexdigest()}  {name}\n" for name, (found, _) in sorted(contents.items()))
    contents["SHA256SUMS"] = (sums.encode(), 0o644)
    return _zip(out, f"endomtor-{version(root)}", contents, int(_git(root, "log", "-1", "--format=%ct")))


def _source(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return bytes and mode of every file of the commit at hand."""
    packed = subprocess.run(
        ["git", "archive", "--format=tar", "HEAD"], cwd=root, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {one.name: (tar.extractfile(one).read(), one.mode & 0o755) for one in tar if one.isfile()}


def _zip(out: Path, name: str, contents: dict[str, tuple[bytes, int]], made: int) -> Path:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for inside, (found, mode) in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{name}/{inside}", time.gmtime(made)[:6])
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, found)
    files.write_bytes(out / f"{name}.zip", stream.getvalue())
    return out / f"{name}.zip"


def _git(root: Path, *command: str) -> str:
    return subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def main(arguments: list[str] | None = None) -> int:
    """Check, write the archive, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tag", help="the tag of the release, which must fit the version")
    parser.add_argument("--out", type=Path, default=paths.build_dir() / "release", help="[default: _build/release]")
    given = parser.parse_args(arguments)
    found = faults(paths.root(), given.tag)
    for sentence in found:
        print(f"release: {sentence}", file=sys.stderr)
    if found and given.tag is not None:
        return 1
    try:
        print(archive(paths.root(), paths.build_dir(), given.out))
    except EndomtorError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
