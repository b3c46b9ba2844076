"""Drawing the pages with Jupyter Book (Sphinx), without one warning."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from endomtor import files
from endomtor.building.forks import forked
from endomtor.errors import BuildError

FIRST_PAGE = "book/index.html"
_REDIRECT = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Endothelial mTOR and the aging of blood</title>
<meta http-equiv="refresh" content="0; url={FIRST_PAGE}">
<link rel="canonical" href="{FIRST_PAGE}">
</head>
<body><p><a href="{FIRST_PAGE}">To the first page of the book</a></p></body>
</html>
"""
_SHOWN_FAULTS = 10


def render(root: Path, build: Path) -> None:
    """Draw the site beside `build/html` and put it there.

    Sphinx keeps its state and its last output in `build/site`, so that a changed page does not cost a whole book.

    Raises
    ------
    BuildError
        Sphinx failed or warned; `build/html` is as it was.
    """
    work = build / "site"
    sound = work / "sound"
    if not sound.is_file():
        # Sphinx would trust what a killed run has left, and would not repeat the warnings of pages that it has read.
        shutil.rmtree(work, ignore_errors=True)
    sound.unlink(missing_ok=True)
    for style in (work / "_build" / "html" / "_static").glob("mystnb.*.css"):
        # Written last: pages that find the one of an earlier run name it with a checksum, those of a first run do not.
        style.unlink()
    options = ["--path-output", str(work), "-W", "-n", "--keep-going", "-q"]
    command = forked("jupyter_book.cli.main:main", "build", str(root), *options)
    surroundings = {**os.environ, "ENDOMTOR_BUILD": str(build), "NO_COLOR": "1"}
    heard = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    ran = subprocess.run(command, cwd=root, env=surroundings, **heard)
    print(ran.stdout, flush=True)
    if ran.returncode:
        raise BuildError(f"the site has faults:\n{_faults(ran.stdout)}")
    sound.parent.mkdir(parents=True, exist_ok=True)
    sound.touch()
    with files.replacing(build / "html") as beside:
        # Sphinx's note to itself differs from folder to folder.
        leave_out = shutil.ignore_patterns(".buildinfo")
        shutil.copytree(work / "_build" / "html", beside, dirs_exist_ok=True, ignore=leave_out)
        files.write_text(beside / "index.html", _REDIRECT)
    # Tells Snakemake that the site is drawn.
    files.write_text(work / "drawn.txt", f"{build / 'html'}\n")


def _faults(output: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    faults = [line for line in lines if re.search(r"\b(WARNING|ERROR|CRITICAL)\b", line)]
    more = len(faults) - _SHOWN_FAULTS
    shown = faults[:_SHOWN_FAULTS] or lines[-_SHOWN_FAULTS:]
    return "\n".join(shown + ([f"and {more} more"] if more > 0 else []))
