"""Draw the pictures in the README from the built site: its first page and one chapter.

Run after `make book`: `.venv/bin/python scripts/screenshot.py`. A test draws them again and compares.
"""

import sys
import tempfile
from pathlib import Path

from browser import browsing, lacking, screen, serving, settled

from endomtor import paths
from endomtor.files import write_bytes

WIDTH, HEIGHT = 1280, 900
FOLDER = paths.root() / "book" / "_static"
PICTURES = {"readme-index.png": "book/index.html", "readme-chapter.png": "notebooks/05_serial_transplants.html"}
TOLERANCE = 4.0
"""Mean difference, of 255, that two drawings of a page may have when both are reduced to a few fields."""


def picture(address: str, page: str) -> bytes:
    """Return a PNG of the first screen of a page, taken once its fonts and images are there."""
    with tempfile.TemporaryDirectory() as profile, browsing(Path(profile)) as chrome:
        screen(chrome, WIDTH, HEIGHT)
        chrome.get(f"{address}/{page}")
        settled(chrome)
        return chrome.get_screenshot_as_png()


def main() -> int:
    """Write the pictures; return the exit code."""
    site = paths.build_dir() / "html"
    if fault := lacking(site):
        print(fault, file=sys.stderr)
        return 1
    with serving(site) as address:
        for name, page in PICTURES.items():
            write_bytes(FOLDER / name, picture(address, page))
            print(f"wrote {FOLDER / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
