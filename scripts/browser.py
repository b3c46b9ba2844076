"""A headless browser and a file server on loopback, for the picture in the README and for the tests of the site.

Both come from what is installed: Debian's chromium and chromium-driver. Nothing is downloaded.
"""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

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
)


def programs() -> tuple[str | None, str | None]:
    """Return the paths of the browser and of its driver, None for one that is missing."""
    return shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")


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


def screen(chrome: webdriver.Chrome, width: int, height: int, scheme: str = "light") -> None:
    """Give the page a size in CSS pixels and a colour scheme, "light" or "dark".

    The screen is emulated because the size of a window counts its frame and has a lower limit.
    """
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A handler that does not write each request on the error stream."""

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
