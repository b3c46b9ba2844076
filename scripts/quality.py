"""Measure every page of the built site as a reader meets it: axe, console, foreign requests, weight, Lighthouse.

Run by `make quality` after `make book`; `--quick` leaves Lighthouse out. Prints one table and exits with 1 where a page
misses a number that the book promises. axe-core and Lighthouse come from `node_modules`, as `package.json` names them.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from browser import FLAGS, browsing, lacking, programs, screen, serving, settled
from rich.console import Console
from rich.table import Table
from selenium.webdriver import Chrome

from endomtor import paths

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
NARROWEST = 320
"""CSS pixels; WCAG 1.4.10 asks that nothing is wider."""

FIRST_LOAD = 1500
"""Kilobytes that a page may take at first, compressed."""

LEAST = {"performance": 90, "accessibility": 100, "best-practices": 95, "seo": 95}
"""Lighthouse's scores, each the median of `ROUNDS`, in its mobile setting."""

ROUNDS = 5
NODE_MODULES = Path(__file__).resolve().parents[1] / "node_modules"

# By itself axe leaves out the size of targets, which WCAG 2.2 AA asks for.
_AXE = """
const done = arguments[arguments.length - 1];
const asked = {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}};
axe.run(asked).then(found => done(found.violations.flatMap(rule => rule.nodes.map(
  node => `${rule.id}: ${node.html.slice(0, 160)} (${node.failureSummary})`))));
"""
# Chrome lists requests that failed too, except those that the page's own policy stopped: these are in the console.
_REQUESTS = """
return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .map(request => [request.name, request.transferSize]);
"""


@dataclass(frozen=True)
class Visit:
    """What one visit of a page showed."""

    errors: list[str]
    foreign: list[str]
    kilobytes: float


def pages(site: Path) -> list[str]:
    """Return the addresses of the site's pages, without the one at its root, which only sends on."""
    found = (path.relative_to(site) for path in site.rglob("*.html"))
    return sorted(str(path) for path in found if path.parts[0] != "_static" and str(path) != "index.html")


def axe_source(folder: Path = NODE_MODULES) -> str:
    """Return axe-core as a script."""
    return (folder / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(chrome: Chrome, axe: str) -> list[str]:
    """Return what axe-core with all its rules finds wrong on the page at hand."""
    # Half a minute, Selenium's own limit, is too short for the longest page on a busy machine.
    chrome.set_script_timeout(300)
    chrome.execute_script(axe)
    return chrome.execute_async_script(_AXE)


def visit(chrome: Chrome, address: str, page: str) -> Visit:
    """Open a page with an empty cache; return errors in the console, requests to others, and kilobytes received."""
    chrome.get_log("browser")
    chrome.execute_cdp_cmd("Network.clearBrowserCache", {})
    chrome.get(f"{address}/{page}")
    requests = chrome.execute_script(_REQUESTS)
    errors = [entry["message"] for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
    foreign = [name for name, _ in requests if not name.startswith((f"{address}/", "data:"))]
    return Visit(errors, foreign, sum(size for _, size in requests) / 1000)


def excess(chrome: Chrome) -> int:
    """Return by how many CSS pixels the page at hand is wider than the screen."""
    return chrome.execute_script("return document.documentElement.scrollWidth - innerWidth")


def heaviest(site: Path) -> str:
    """Return the chapter with the largest page."""
    return max((site / "notebooks").glob("*.html"), key=lambda path: path.stat().st_size).relative_to(site).as_posix()


def lighthouse(address: str) -> dict[str, float]:
    """Return Lighthouse's scores of 100, each the median of `ROUNDS`."""
    flags = shlex.join([*FLAGS, f"--user-data-dir={tempfile.gettempdir()}/endomtor-lighthouse-{os.getpid()}"])
    command = [NODE_MODULES / ".bin" / "lighthouse", address, "--quiet", "--output=json", f"--chrome-flags={flags}"]
    command += [f"--only-categories={','.join(LEAST)}"]
    rounds = []
    for _ in range(ROUNDS):
        ran = subprocess.run(
            command, env={**os.environ, "CHROME_PATH": programs()[0]}, capture_output=True, text=True, timeout=300
        )
        if ran.returncode:
            raise RuntimeError(f"Lighthouse failed on {address}: {ran.stderr.strip()[-500:]}")
        rounds.append(json.loads(ran.stdout)["categories"])
    return {name: median(100 * one[name]["score"] for one in rounds) for name in LEAST}


@contextmanager
def in_its_place(site: Path) -> Iterator[str]:
    """Serve a site under the path that its own address has: the page for wrong addresses links from the root."""
    with tempfile.TemporaryDirectory() as root:
        place = Path(root) / base_path(site)
        if place == Path(root):
            place = place / "site"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(site.resolve(), target_is_directory=True)
        with serving(Path(root)) as address:
            yield f"{address}/{place.relative_to(root).as_posix()}"


def base_path(site: Path) -> str:
    """Return the path of a site's address, without slashes around it; from its site map, where it has one."""
    listed = site / "sitemap.xml"
    first = re.search("<loc>(.*?)</loc>", listed.read_text(encoding="utf-8")) if listed.is_file() else None
    path = urlsplit(first[1]).path if first else ""
    page = next((page for page in pages(site) if path.endswith(f"/{page}")), "")
    return path.removesuffix(page).strip("/")


def rows(site: Path, scored: set[str], faults: list[str]) -> Iterator[list[str]]:
    """Yield the cells of each page, and add what misses its number to `faults`."""
    axe = axe_source()
    with tempfile.TemporaryDirectory() as profile, browsing(Path(profile)) as chrome, in_its_place(site) as address:
        for page in pages(site):
            screen(chrome, WIDTHS[0], 900)
            seen = visit(chrome, address, page)
            cells = [page]
            for width in WIDTHS:
                for scheme in SCHEMES:
                    screen(chrome, width, 900, scheme)
                    chrome.get(f"{address}/{page}")
                    settled(chrome)
                    found = violations(chrome, axe)
                    faults += [f"{page}, {width} px, {scheme}: {one}" for one in found]
                    cells.append(str(len(found)))
            screen(chrome, NARROWEST, 900)
            chrome.get(f"{address}/{page}")
            settled(chrome)
            wider = excess(chrome)
            faults += [f"{page}: {one}" for one in (*seen.errors, *seen.foreign)]
            faults += [f"{page} is {wider} px wider than a screen of {NARROWEST}"] * (wider > 0)
            faults += [f"{page} takes {seen.kilobytes:.0f} kB at first"] * (seen.kilobytes > FIRST_LOAD)
            cells += [str(wider), str(len(seen.errors)), str(len(seen.foreign)), f"{seen.kilobytes:.0f}"]
            scores = lighthouse(f"{address}/{page}") if page in scored else {}
            faults += [
                f"{page}: Lighthouse gives {name} {score:.0f}" for name, score in scores.items() if score < LEAST[name]
            ]
            yield [*cells, *(f"{scores[name]:.0f}" if scores else "" for name in LEAST)]


def main() -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without Lighthouse")
    parser.add_argument("--site", type=Path, default=paths.build_dir() / "html", help="the folder of the built site")
    options = parser.parse_args()
    if fault := lacking(options.site):
        print(fault, file=sys.stderr)
        return 1
    scored = {"book/index.html", "book/try-a-world.html", "notebooks/06_synthesis.html", heaviest(options.site)}
    table = Table(title="Each page, as a reader meets it", caption=f"Lighthouse: mobile, median of {ROUNDS}")
    table.add_column("page", overflow="fold")
    for heading in (
        *(f"axe {width} {scheme}" for width in WIDTHS for scheme in SCHEMES),
        f"px over {NARROWEST}",
        "console errors",
        "foreign requests",
        "first load kB",
        *(f"Lighthouse {name}" for name in LEAST),
    ):
        table.add_column(heading, justify="right")
    faults: list[str] = []
    for cells in rows(options.site, set() if options.quick else scored, faults):
        table.add_row(*cells)
    Console(width=160).print(table)
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
