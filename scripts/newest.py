"""Build the book on the newest packages that pyproject.toml allows, and compare its values with those on the lock.

`make newest` runs it after `make book`. What it finds is `report.md` in the folder it is given, for an issue; it exits
with 1 where the book does not build or a value moved.
"""

import re
import subprocess
import sys
from pathlib import Path

from endomtor import paths
from endomtor.errors import EndomtorError
from endomtor.files import write_text
from endomtor.views import changes

SHOWN_LINES = 40


def moved_versions(lock: str, installed: str) -> list[str]:
    """Return a line for each package whose version is not that of the lock; both texts hold lines `name==version`."""
    before, after = (
        {
            name.lower().replace("_", "-"): found
            for name, found in re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.M)
        }
        for text in (lock, installed)
    )
    return [
        f"{name} {before[name]} -> {after[name]}"
        for name in sorted(before.keys() & after)
        if before[name] != after[name]
    ]


def report(heading: str, detail: str, versions: list[str]) -> str:
    """Return the text of the issue."""
    packages = "\n".join(versions) or "No package is newer than the lock's."
    return f"{heading}\n\n{detail}\n\n### Packages that differ from the lock\n\n```text\n{packages}\n```\n"


def main(arguments: list[str] | None = None) -> int:
    """Set up the environment, build, compare; return the exit code."""
    [out] = map(Path, sys.argv[1:] if arguments is None else arguments)
    root, python = paths.root(), out / "venv" / "bin" / "python"
    log = out / "build.log"
    out.mkdir(parents=True, exist_ok=True)
    steps = (
        [sys.executable, "-m", "venv", "--clear", out / "venv"],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", root],
        [python, "-m", "pip", "freeze", "--exclude-editable"],
        [out / "venv" / "bin" / "endomtor", "build", "--out", out / "book"],
    )
    failed = None
    with open(log, "w", encoding="utf-8") as stream:
        for step in steps:
            if subprocess.run(step, cwd=root, stdout=stream, stderr=subprocess.STDOUT).returncode:
                failed = " ".join(map(str, step))
                break
    said = log.read_text(encoding="utf-8")
    versions = moved_versions((root / "requirements.lock").read_text(encoding="utf-8"), said)
    if failed:
        tail = "\n".join(said.splitlines()[-SHOWN_LINES:])
        text = report(
            "The book does not build on the newest packages.", f"`{failed}`\n\n```text\n{tail}\n```", versions
        )
    else:
        try:
            found = changes.compare(changes.read(paths.build_dir()), changes.read(out / "book"))
        except EndomtorError as error:
            print(f"newest: {error}", file=sys.stderr)
            return 1
        text = report("The book was built on the newest packages.", changes.markdown(found), versions)
    write_text(out / "report.md", text)
    print(text)
    return int(bool(failed) or not found.same)


if __name__ == "__main__":
    sys.exit(main())
