"""Check the words of the book: one sentence on a line, no hype, terms linked at their first use, no registry hosts.

    .venv/bin/python scripts/prose.py [FILE ...]

Without files it reads every tracked one. It prints a line for each fault and exits with 1 if there is any.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Hype, filler, and words that claim more than an interval can.
BANNED = """groundbreaking|ground-breaking|cutting-edge|state-of-the-art|state of the art|novel|game-changing
game changer|revolutionary|unprecedented|paradigm shift|seamless|seamlessly|powerful tool|powerful framework
comprehensive suite|rich set of|best-in-class|world-class|blazing|effortless|effortlessly|supercharge|unlock|unleash
delve|delves|showcase|tapestry|testament to|elevate|holistic|synergy|synergistic|empower|empowers|leverage|leverages
leveraging|utilize|utilizes|utilise|utilises|utilization|it is important to note|it should be noted
it is worth noting|needless to say|note that|in order to|due to the fact that|in terms of|a wide range of|a variety of
plethora|myriad|at the end of the day|when it comes to|first and foremost|as a matter of fact|in today's
robustly demonstrates|clearly shows|clearly demonstrates|clearly demonstrate|undoubtedly|proves|proven|definitively
conclusively|strikingly|remarkably|dramatically|interestingly|very unique|truly unique|quite unique
highly significant|extremely significant|trend towards significance|marginally significant|approached significance
no effect was found|simply put|basically|obviously|of course|trivially|paves the way|sheds light|crucial role"""
_BANNED = re.compile(rf"(?<![\w-])(?:{BANNED.replace(chr(10), '|')})(?![\w-])", re.IGNORECASE)

# The words that a hematologist may not know as this book uses them, or that carry the book; see the glossary.
TERMS = {
    **{name: name for name in ("LSK", "ECKO", "FMO")},
    **{name: f"{name}s?" for name in ("HSC", "HSPC", "BMEC")},
    "MPP": r"MPPs?[1-4]?",
    "chimerism": r"[Cc]himerism",
    "phi": r"[Pp]hi",
}

# Joined here, so that this file does not name them either.
HOSTS = [
    ".".join(parts.split())
    for parts in (
        "pypi org",
        "pythonhosted org",
        "npmjs org",
        "npmjs com",
        "yarnpkg com",
        "anaconda org",
        "anaconda com",
        "conda-forge org",
        "deb debian org",
        "security debian org",
        "archive ubuntu com",
    )
]

_LIST_MARK = re.compile(r"^\s*([-*]|\d+\.)\s+(\*\*[^*]+\*\*\s*)?")
_SENTENCE_END = re.compile(r"[.!?][\"”’)*_`]*\s+[\"“(*_`]*[A-Z]")
_ABBREVIATION = re.compile(r"\b(et al|e\.g|i\.e|cf|vs|No|Fig|approx|[A-Z])\.")


def bare(markdown: str) -> str:
    """Return Markdown without front matter, code, formulas and comments; what stood within a line becomes x."""
    text = re.sub(r"\A---\n.*?\n---\n", "", markdown, flags=re.S)
    text = re.sub(r"^(`{3,}|\$\$).*?^\1$", "", text, flags=re.M | re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    return re.sub(r"`[^`]*`|\$[^$\n]*\$", "x", text)


def misplaced(markdown: str) -> Iterator[str]:
    """Yield lines that hold two sentences, and lines that break one; tables, headings and directives do not count."""
    blocks: list[list[str]] = [[]]
    for line in bare(markdown).splitlines():
        if not line.strip() or re.match(r"\s*([|#:!]|\(\S+\)=)", line):
            blocks.append([])
            continue
        if _LIST_MARK.match(line):
            blocks.append([])
        blocks[-1].append(_ABBREVIATION.sub("x", _LIST_MARK.sub("", line)).strip())
    for block in blocks:
        yield from (line for line in block if _SENTENCE_END.search(line))
        yield from (line for line, _ in pairwise(block) if not re.search(r"[.!?:;,][\"”’)*_]*$", line))


def unlinked(markdown: str) -> Iterator[str]:
    """Yield the terms whose first use is no link to the glossary; headings and code do not count."""
    lines = [line for line in markdown.splitlines() if not line.startswith("#")]
    for term, pattern in TERMS.items():
        for line in lines:
            plain = re.sub(r"(\{[\w:-]+\})?`[^`]*`", lambda role: role[0] if role[1] == "{term}" else " ", line)
            if use := re.search(rf"(\{{term\}}`)?\b{pattern}\b", re.sub(r"<[^>`]*>", "", plain)):
                if not use[1]:
                    yield term
                break


def markdown_of(path: str, text: str) -> str:
    """Return the Markdown of a page, or of a notebook's cells; of other files nothing."""
    if path.endswith(".ipynb"):
        cells = json.loads(text)["cells"]
        return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return text if path.endswith(".md") else ""


def faults(path: str, text: str) -> Iterator[str]:
    """Yield what is wrong with one file of the repository, a sentence each."""
    yield from (f"{path}: names the registry {host}" for host in HOSTS if host in text.lower())
    markdown = markdown_of(path, text)
    yield from (f"{path}: expected one sentence on a line: {line}" for line in misplaced(markdown))
    yield from (f"{path}: expected plainer words than {one[0]!r}" for one in _BANNED.finditer(bare(markdown)))
    if path.startswith("notebooks/"):
        yield from (f"{path}: expected the first {term} to be a link to the glossary" for term in unlinked(markdown))


def tracked() -> list[str]:
    """Return every file that is or will be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in sorted(listing.split("\0")) if name and (ROOT / name).is_file()]


def main(names: list[str]) -> int:
    """Print the faults of these files and return the exit status."""
    found = []
    for name in names or tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content[:8192]:
            found += faults(name, content.decode("utf-8"))
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
