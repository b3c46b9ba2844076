"""Draw `book/_extra/favicon.ico` and `apple-touch-icon.png` from `book/_static/logo.svg`.

For browsers that take no SVG as icon. Run after a change of the logo: `.venv/bin/python scripts/icons.py`.
"""

import io
import sys
import tempfile
from base64 import b64decode, b64encode
from pathlib import Path

from browser import browsing, programs, screen
from PIL import Image

from endomtor import paths
from endomtor.files import write_bytes

LARGE = 512
TOUCH = 180
PAPER = "#fbf3ea"  # the colour within the logo, and of `sharing.card`
FAVICON = [(16, 16), (32, 32), (48, 48)]


def drawn(svg: bytes) -> Image.Image:
    """Return an SVG picture as pixels, `LARGE` wide and high, on nothing."""
    with tempfile.TemporaryDirectory() as profile, browsing(Path(profile)) as chrome:
        screen(chrome, LARGE, LARGE)
        chrome.execute_cdp_cmd(
            "Emulation.setDefaultBackgroundColorOverride", {"color": {"r": 0, "g": 0, "b": 0, "a": 0}}
        )
        source = f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
        page = f'<body style="margin:0"><img src="{source}" style="display:block;width:100vw;height:100vh">'
        chrome.get(f"data:text/html;base64,{b64encode(page.encode()).decode()}")
        shot = chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return Image.open(io.BytesIO(b64decode(shot["data"]))).convert("RGBA")


def png(image: Image.Image) -> bytes:
    """Return the picture for a phone's home screen: opaque, since what is not there would be black."""
    opaque = Image.new("RGB", image.size, PAPER)
    opaque.paste(image, mask=image)
    stream = io.BytesIO()
    opaque.resize((TOUCH, TOUCH), Image.Resampling.LANCZOS).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def ico(image: Image.Image) -> bytes:
    """Return the picture in the sizes of a browser's tabs and bookmarks."""
    stream = io.BytesIO()
    image.save(stream, "ICO", sizes=FAVICON)
    return stream.getvalue()


def main() -> int:
    """Write both files; return the exit code."""
    if None in programs():
        print("No browser found: install Debian's chromium and chromium-driver.", file=sys.stderr)
        return 1
    book = paths.root() / "book"
    image = drawn((book / "_static" / "logo.svg").read_bytes())
    for name, content in (("favicon.ico", ico(image)), ("apple-touch-icon.png", png(image))):
        write_bytes(book / "_extra" / name, content)
        print(f"wrote {book / '_extra' / name}, {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
