"""One HTML file about a laboratory's data, to be mailed: ledger, summaries, figures with data and warnings of a build.

Drawn from what a build leaves: `ledger.json`, executed notebooks, `dataset.toml`. Nothing in the file asks for another
file or for a script.
"""

import re
import sys
from collections.abc import Iterator
from html import escape
from importlib.metadata import version
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt

from endomtor import contract, ledger
from endomtor.building import figure_data
from endomtor.building.workflow import Settings, build_date, revision, shown_versions
from endomtor.contract import Dataset
from endomtor.views import boxes, pages
from endomtor.views.conclusions import conclusions

STYLE = "book/_static/endomtor.css"
_ROBUSTNESS = "fig-robustness"
"""The figure in which a chapter shows each primary prediction with its interval."""
_BOXES = ('<aside class="endomtor-data', '<p class="endomtor-missing')
"""Outputs that say which data a chapter used, and which it lacked."""

# What the theme gives the site; colours for the screen at hand.
_PAGE = """
:root { --pst-color-border: #c9ccd1; --pst-color-primary: #37658f; --pst-color-text-base: #1b1d20; }
body {
  max-width: 60rem; margin: 0 auto; padding: 1rem;
  font: 16px/1.5 system-ui, sans-serif; color: #1b1d20; background: #fff;
}
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.2em; border-bottom: 1px solid var(--pst-color-border); }
figure { margin: 1.4em 0; }
img { max-width: 100%; height: auto; }
figcaption { font-size: 0.95em; }
li, td, code { overflow-wrap: anywhere; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html(settings: Settings) -> str:
    """Return the report on the data of a finished build.

    Raises
    ------
    BuildError
        The build has no ledger, or one that does not follow from its evidence.
    ContractError
        The data break the contract.
    """
    root, build = Path(settings.root), Path(settings.build)
    dataset, found = contract.load(settings.dataset), ledger.read(build)
    own = dataset.provenance
    kind = boxes.dataset_kind(found["dataset"])
    title = escape(own.title)
    parts = [
        f"<h1>{title}</h1>",
        f'<p><span class="endomtor-mark-{kind}">{escape(own.label)}</span></p>',
        _about(dataset),
        *(f"<p><strong>{escape(head)}.</strong> {escape(text)}</p>" for head, text in conclusions(found).items()),
        "<h2>The ledger</h2>",
        boxes.ledger_html(found),
        *_chapters(settings, found),
        "<h2>Warnings of <code>endomtor check</code></h2>",
        _list([str(one) for one in dataset.warnings]) or "<p>None.</p>",
        "<h2>All evidence</h2>",
        *(
            f"<h3>{claim['id']} {escape(claim['title'])}</h3>{pages.evidence_html(claim, found)}"
            for claim in found["claims"]
        ),
        "<h2>How this was made</h2>",
        _list(_made(root, dataset, found)),
    ]
    style = (root / STYLE).read_text(encoding="utf-8")
    whole = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>{style}{_PAGE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )
    return _closed(whole)


def _about(dataset: Dataset) -> str:
    design = "; ".join(f"{key}: {value}" for key, value in dataset.design_rows())
    return _list([f"Source: {dataset.provenance.source}", f"Design: {design}."])


def _list(sentences: list[str]) -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _chapters(settings: Settings, found: dict) -> Iterator[str]:
    """Yield each chapter that has a claim, and the synthesis: its summary, its data and its primary figures."""
    of_claims = {claim["chapter"] for claim in found["claims"]}
    primary = {one for claim in found["claims"] for side in ("prediction", "premise") for one in claim[side]["primary"]}
    for chapter in settings.chapters():
        if chapter not in of_claims and not settings.read_by(chapter):
            continue
        notebook = nbformat.read(Path(settings.build) / "executed" / "notebooks" / f"{chapter}.ipynb", as_version=4)
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        yield f'<h2 id="{chapter}">{chapter[:2]} {escape(title)}</h2>{pages.summary_html(chapter, found)}'
        computed = {
            record["cell"] for record in found["evidence"] if record["notebook"] == chapter and record["id"] in primary
        }
        # A primary result is drawn by the first cell with a figure, from that on which records it.
        recorded = False
        for cell in notebook.cells:
            recorded |= cell.get("execution_count") in computed
            primary_figures, drawn = recorded, False
            for output in cell.get("outputs", []):
                shown = output.get("metadata", {}).get("endomtor", {})
                box = output.get("data", {}).get("text/html", "")
                drawn |= "alt" in shown
                if box.startswith(_BOXES):
                    yield box
                elif "alt" in shown and (chapter not in of_claims or shown["name"] == _ROBUSTNESS or primary_figures):
                    yield _figure(output.data["image/png"], output.metadata["image/png"]["width"], shown)
                    yield figure_data.fold_html(shown, chapter, links=False)
            recorded &= not drawn


def _figure(png: str, width: int, shown: dict) -> str:
    # HTML in a caption would be a user's text.
    caption = MarkdownIt("commonmark", {"html": False}).renderInline(shown["caption"])
    source = f"data:image/png;base64,{''.join(png.split())}"
    image = f'<img src="{source}" width="{width}" alt="{escape(shown["alt"])}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _made(root: Path, dataset: Dataset, found: dict) -> list[str]:
    packages = shown_versions()
    return [
        f"Date: {build_date():%Y-%m-%d}.",
        f"Data: sha256 {dataset.provenance.sha256}.",
        f"Rules: version {found['rules']['version']} of {found['rules']['date']}, fixed before data are read.",
        f"endomtor {version('endomtor')}, {revision(root) or 'not under version control'}; "
        f"Python {sys.version.split()[0]}; {packages}.",
        "Not made or endorsed by the authors of the paper whose claims are tested.",
    ]


def _closed(whole: str) -> str:
    """Return a page whose links lead to places in itself; a link to a page of the site becomes plain text.

    Every link is of this project's making: a user's `<` and `"` are escaped by now.
    """
    places = set(re.findall(r' id="([^"]+)"', whole))

    def inward(link: re.Match) -> str:
        file, _, place = link[1].partition("#")
        place = place if place in places else Path(file).stem
        return f'<a href="#{place}">{link[2]}</a>' if place in places else link[2]

    return re.sub(r'<a href="([^"]*)">(.*?)</a>', inward, whole, flags=re.DOTALL)
