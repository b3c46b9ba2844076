"""Print the built book as one PDF, `_build/endomtor.pdf`: title page, contents with links, every page, page numbers.

Run by `make pdf` after `make book`. The browser joins the texts of all pages into one document, in which links between
pages lead to places in it, and prints that with the print style of `book/_static/endomtor.css`.
"""

import argparse
import base64
import sys
import tempfile
from html import escape
from pathlib import Path

from browser import browsing, lacking, screen, serving, settled

from endomtor import paths
from endomtor.building.workflow import build_date, revision
from endomtor.files import write_bytes

# Pages of the book lie one folder deep, so that addresses of pictures hold in the joined document.
JOIN = """
const [colophon, done] = arguments;
const link = a => new URL(a.getAttribute('href'), location.href);
const name = address => address.pathname.replace(/\\.html$/, '').replace(/.*\\//, '');
(async () => {
  const entries = [...document.querySelectorAll('.bd-docs-nav a.reference.internal')];
  const addresses = entries.map(a => link(a));
  const titles = entries.map(a => a.textContent.trim());
  const known = new Set(addresses.map(name));
  const place = (page, id) => id ? `${page}--${id}` : page;
  const contents = document.createElement('ol');
  const parts = [];
  for (const [i, address] of addresses.entries()) {
    const html = await (await fetch(address.href.split('#')[0])).text();
    const article = new DOMParser().parseFromString(html, 'text/html').querySelector('article');
    const page = name(address);
    article.id = page;
    for (const one of article.querySelectorAll('[id]')) if (!one.closest('svg')) one.id = place(page, one.id);
    for (const a of article.querySelectorAll('a[href]')) {
      const to = new URL(a.getAttribute('href'), address);
      if (to.origin === location.origin && known.has(name(to)))
        a.setAttribute('href', `#${place(name(to), to.hash.slice(1))}`);
      else if (to.origin === location.origin) a.replaceWith(...a.childNodes);
    }
    article.querySelectorAll('script, .headerlink').forEach(one => one.remove());
    article.querySelectorAll('details').forEach(fold => fold.open = true);
    const entry = document.createElement('li');
    entry.innerHTML = '<a></a>';
    Object.assign(entry.firstChild, {href: `#${page}`, textContent: titles[i]});
    contents.append(entry);
    parts.push(article);
  }
  const front = document.createElement('section');
  front.className = 'endomtor-front';
  front.innerHTML = `<h1>${titles[0]}</h1>${colophon}<h2>Contents</h2>`;
  front.append(contents);
  document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'light';
  document.body.className = 'endomtor-paper bd-content';
  document.body.replaceChildren(front, ...parts);
  document.title = titles[0];
  done(parts.length);
})().catch(fault => done(String(fault)));
"""
FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; color: #5a5f66; text-align: center">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)


def printed(site: Path, colophon: str) -> bytes:
    """Return the book as a PDF.

    Raises
    ------
    RuntimeError
        A page of the book could not be read.
    """
    with tempfile.TemporaryDirectory() as profile, browsing(Path(profile)) as chrome, serving(site) as address:
        chrome.set_script_timeout(300)
        chrome.command_executor.client_config.timeout = 600
        screen(chrome, 1280, 900)
        chrome.get(f"{address}/book/index.html")
        joined = chrome.execute_async_script(JOIN, colophon)
        if not isinstance(joined, int):
            raise RuntimeError(f"The pages could not be joined: {joined}.")
        settled(chrome)
        options = {
            "printBackground": True,
            "preferCSSPageSize": True,
            "displayHeaderFooter": True,
            "headerTemplate": "<span></span>",
            "footerTemplate": FOOTER,
            "generateTaggedPDF": True,
            "generateDocumentOutline": True,
        }
        return base64.b64decode(chrome.execute_cdp_cmd("Page.printToPDF", options)["data"])


def main() -> int:
    """Write the PDF; return the exit code."""
    build = paths.build_dir()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, default=build / "html", help="the folder of the built site")
    parser.add_argument("--out", type=Path, default=build / "endomtor.pdf", help="the file to write")
    options = parser.parse_args()
    if fault := lacking(options.site):
        print(fault, file=sys.stderr)
        return 1
    commit = revision(paths.root())
    colophon = (
        "<p>endomtor contributors</p>"
        f"<p>{build_date():%Y-%m-%d}{f', commit {escape(commit[:12])}' if commit else ''}</p>"
        "<p>Not made or endorsed by the authors of the paper. Text CC-BY-4.0, code MIT.</p>"
    )
    write_bytes(options.out, printed(options.site, colophon))
    print(f"wrote {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
