"""Draw the pictures in the README from the built site: its first page and one chapter.

Run after `make book`: `.venv/bin/python scripts/screenshot.py`. A test draws them again and compares.
"""

import base64
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
from browser import browsing, lacking, screen, serving, settled

from endomtor import paths
from endomtor.files import write_bytes

WIDTH = 1280
FOLDER = paths.root() / "book" / "_static"
PICTURES = {
    # So high that the whole graphical abstract is seen.
    "readme-index.png": ("book/index.html", 1060),
    "readme-chapter.png": ("notebooks/05_serial_transplants.html", 900),
}
"""Page and height in CSS pixels. No date and no commit stands so high on a page."""

# The site takes the letters of the reader's system. Pictures take those that matplotlib brings, so that a line breaks
# at the same word on every machine that draws them.
_LETTERS = {"base": "DejaVu Sans", "heading": "DejaVu Sans", "monospace": "DejaVu Sans Mono"}
_FACES = [
    ("DejaVu Sans", "DejaVuSans", {}),
    ("DejaVu Sans", "DejaVuSans-Bold", {"weight": "bold"}),
    ("DejaVu Sans", "DejaVuSans-Oblique", {"style": "italic"}),
    ("DejaVu Sans Mono", "DejaVuSansMono", {}),
]
_SET = """
const [letters, faces, done] = arguments;
for (const [use, family] of Object.entries(letters))
    document.documentElement.style.setProperty(`--pst-font-family-${use}`, family);
const loaded = faces.map(([family, data, look]) =>
    new FontFace(family, `url(data:font/ttf;base64,${data})`, look).load());
Promise.all(loaded).then(faces => faces.forEach(face => document.fonts.add(face)))
    .then(() => done(""), fault => done(`${fault}`));
"""


def picture(address: str, page: str, height: int) -> bytes:
    """Return a PNG of the first screen of a page, taken once its fonts and images are there.

    Raises
    ------
    RuntimeError
        The browser does not take matplotlib's letters.
    """
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    faces = [
        (family, base64.b64encode((folder / f"{name}.ttf").read_bytes()).decode(), look)
        for family, name, look in _FACES
    ]
    with tempfile.TemporaryDirectory() as profile, browsing(Path(profile)) as chrome:
        screen(chrome, WIDTH, height)
        chrome.get(f"{address}/{page}")
        if fault := chrome.execute_async_script(_SET, _LETTERS, faces):
            raise RuntimeError(f"The browser does not take the letters in {folder}: {fault}")
        settled(chrome)
        return chrome.get_screenshot_as_png()


def main() -> int:
    """Write the pictures; return the exit code."""
    site = paths.build_dir() / "html"
    if fault := lacking(site):
        print(fault, file=sys.stderr)
        return 1
    with serving(site) as address:
        for name, (page, height) in PICTURES.items():
            write_bytes(FOLDER / name, picture(address, page, height))
            print(f"wrote {FOLDER / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
