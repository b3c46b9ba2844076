"""Draw `book/_static/readme-index.png`, the picture of the first page in the README, from the built site.

Run after `make book`: `.venv/bin/python scripts/screenshot.py`.
"""

import sys
import tempfile
from pathlib import Path

from browser import browsing, programs, screen, serving
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from endomtor import paths
from endomtor.files import write_bytes

WIDTH, HEIGHT = 1280, 900


def picture(address: str) -> bytes:
    """Return a PNG of the first screen of the page at `address`, taken once its fonts and images are there."""
    with tempfile.TemporaryDirectory() as profile, browsing(Path(profile)) as chrome:
        screen(chrome, WIDTH, HEIGHT)
        chrome.get(address)
        chrome.execute_async_script("document.fonts.ready.then(arguments[arguments.length - 1])")
        WebDriverWait(chrome, 10).until(
            lambda page: all(image.get_property("complete") for image in page.find_elements(By.TAG_NAME, "img"))
        )
        return chrome.get_screenshot_as_png()


def main() -> int:
    """Write the picture; return the exit code."""
    site = paths.build_dir() / "html"
    if not (site / "book" / "index.html").is_file():
        print(f"{site} holds no built book: run `make book` first.", file=sys.stderr)
        return 1
    if None in programs():
        print("No browser found: install Debian's chromium and chromium-driver.", file=sys.stderr)
        return 1
    target = paths.root() / "book" / "_static" / "readme-index.png"
    with serving(site) as address:
        write_bytes(target, picture(f"{address}/book/index.html"))
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
