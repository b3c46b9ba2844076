"""Write the notebooks of the branch `launch`, which the link to Colab opens; the workflow `deploy` pushes it.

Colab starts from an empty machine, so the copy of each notebook begins with a cell that gets this book at the commit of
the site and installs it. `make launch REPOSITORY=https://github.com/OWNER/NAME` calls this with a plain Python: nothing
has to be installed for it.
"""

import argparse
import json
import re
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
CLONE = "endomtor"
"""The folder that the first cell makes."""

_COLAB = "https://colab.research.google.com/github"
_CELL = """\
# For Colab: gets the book at the commit of the site, and installs it.
# It could not be tried where the book was developed.
![ -d {clone} ] || git clone --quiet {repository} {clone}
!git -C {clone} checkout --quiet {commit}
%pip install --quiet ./{clone}
%cd {clone}/notebooks
# Where pip asks for it, restart the session and run `%cd {clone}/notebooks`.
"""


def install_cell(repository: str, commit: str) -> dict:
    """Return the cell that gets the book at `commit` and installs it."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "endomtor-launch",
        "metadata": {},
        "outputs": [],
        "source": _CELL.format(clone=CLONE, repository=repository.rstrip("/"), commit=commit),
    }


def write(folder: Path, repository: str, commit: str) -> list[Path]:
    """Write the notebooks and a README into `folder`, return the paths of the notebooks.

    Raises
    ------
    ValueError
        `repository` is no address of GitHub or `commit` no whole commit: both become part of commands.
    """
    named = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)/?", repository)
    if not named:
        raise ValueError(f"the repository is {repository!r}, expected https://github.com/OWNER/NAME")
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise ValueError(f"the commit is {commit!r}, expected 40 hexadecimal digits")
    written = []
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"].insert(0, install_cell(repository, commit))
        written.append(folder / "notebooks" / path.name)
        written[-1].write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    links = "".join(f"- [{path.stem}]({_COLAB}/{named[1]}/blob/launch/notebooks/{path.name})\n" for path in written)
    about = (
        f"# Notebooks for Colab\n\nWritten from commit {commit} by the workflow that deploys the site.\n"
        f"Each deployment writes this branch anew: do not edit.\n\n{links}"
    )
    (folder / "README.md").write_text(about, encoding="utf-8")
    return written


def main(arguments: list[str]) -> int:
    """Write the branch's files; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--repository", required=True, metavar="ADDRESS")
    parser.add_argument("--commit", required=True)
    asked = parser.parse_args(arguments)
    try:
        written = write(asked.folder, asked.repository, asked.commit)
    except ValueError as fault:
        print(fault, file=sys.stderr)
        return 1
    print(f"wrote {len(written)} notebooks into {asked.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
