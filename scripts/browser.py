"""A headless browser and a file server on loopback, for pictures, the PDF, the table of quality and the tests.

Both come from what is installed: Debian's chromium and chromium-driver. Nothing is downloaded.
"""

import functools
import gzip
import http.server
import io
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    # The book must be whole without any other host: a request to one fails and shows in the console.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
COMPRESSED = {".html", ".css", ".js", ".json", ".svg", ".csv", ".xml"}
"""What a host for static pages sends gzipped; pictures and fonts are compressed already."""


def programs() -> tuple[str | None, str | None]:
    """Return the paths of the browser and of its driver, None for one that is missing."""
    return shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")


def lacking(site: Path) -> str:
    """Return what is missing to look at a built site, as a sentence; empty where nothing is."""
    if not (site / "book" / "index.html").is_file():
        return f"{site} holds no built book: run `make book` first."
    return "No browser found: install Debian's chromium and chromium-driver." if None in programs() else ""


@contextmanager
def browsing(profile: Path) -> Iterator[webdriver.Chrome]:
    """Yield a headless browser with an own, empty profile folder; it is closed at the end of the block."""
    browser, driver = programs()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # A named driver keeps Selenium from looking for one to download.
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def screen(chrome: webdriver.Chrome, width: int, height: int, scheme: str = "light", *, still: bool = False) -> None:
    """Give the page a size in CSS pixels and a colour scheme, "light" or "dark"; `still` asks for reduced motion.

    The screen is emulated because the size of a window counts its frame and has a lower limit.
    """
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    features += [{"name": "prefers-reduced-motion", "value": "reduce" if still else ""}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def settled(chrome: webdriver.Chrome) -> None:
    """Wait until the fonts and every image of the page are there, also those that load when scrolled to."""
    chrome.execute_script("document.querySelectorAll('img[loading]').forEach(image => image.loading = 'eager')")
    chrome.execute_async_script("document.fonts.ready.then(arguments[arguments.length - 1])")
    WebDriverWait(chrome, 20).until(
        lambda page: all(image.get_property("complete") for image in page.find_elements(By.TAG_NAME, "img"))
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A handler that sends text gzipped, as hosts of static pages do, and logs nothing."""

    def send_head(self):
        """Answer as the parent does, with a gzipped body where the browser takes one."""
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file() or "gzip" not in self.headers.get("Accept-Encoding", ""):
            return super().send_head()
        body = gzip.compress(path.read_bytes(), compresslevel=6, mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback and yield its address, without a slash at the end."""
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
