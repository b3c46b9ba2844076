"""What the search of the site finds beyond Sphinx's own: names in the data of figures, and `p-S6` as `pS6`."""

import csv
import io
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

from endomtor.building import figure_data
from endomtor.building.workflow import build_folder

_HYPHEN = r"[-‐‑]"
_JOINED = re.compile(rf"\w+(?:{_HYPHEN}\w+)+")
# A hyphen is a matter of taste after a single letter, and before a capital or a digit: p-S6, 4E-BP1, c-Kit, IL-6.
_SPELLED = re.compile(rf"(?<=\b[^\W\d_]){_HYPHEN}(?=\w)|(?<=[^\W\d_]){_HYPHEN}(?=[A-Z\d])")

# What is typed is joined in the same way. It takes the place of the splitter that Sphinx's script has.
_SPLITTER = """
function splitQuery(query) {
  return query
    .replace(/(?<=(?:^|[^\\p{Letter}\\p{Number}_])\\p{Letter})[-‐‑](?=[\\p{Letter}\\p{Number}_])/gu, "")
    .replace(/(?<=\\p{Letter})[-‐‑](?=[\\p{Uppercase_Letter}\\p{Number}])/gu, "")
    .split(/[^\\p{Letter}\\p{Number}_\\p{Emoji_Presentation}]+/gu)
    .filter(term => term)
}
"""


def split(language: SearchEnglish, text: str) -> list[str]:
    """Return the words of a text; one with a hyphen counts as its parts and as it is spelled without."""
    words = language._word_re.findall(text)
    joined = [_SPELLED.sub("", word) for word in _JOINED.findall(text)]
    return words + [part for word in joined for part in language._word_re.findall(word)]


def connect(app: Sphinx) -> None:
    """Let the index be written so, and pages be found by what their figures draw."""
    SearchEnglish.split, SearchEnglish.js_splitter_code = split, _SPLITTER
    app.connect("html-collect-pages", _index_figures)


def _index_figures(app: Sphinx) -> list:
    """Add the names that figures can be searched for, such as genes: a page shows the first rows of its data only."""
    index = app.builder.indexer
    for page in sorted(app.env.found_docs):
        executed = build_folder(Path(app.srcdir)) / "executed" / f"{page}.ipynb"
        if not executed.is_file():
            continue
        for shown in figure_data.of_notebook(figure_data.cells_of(executed), Path(page).name).values():
            for name in names_of(shown):
                for word in index.lang.split(name):
                    index._mapping.setdefault(index.lang.stem(word).lower(), set()).add(page)
    return []


def names_of(shown: dict) -> set[str]:
    """Return the names by which a figure's interactive part is searched; none where it has no such part."""
    label = shown.get("interactive", {}).get("label")
    return {row[label] for row in csv.DictReader(io.StringIO(shown["data"])) if row[label]} if label else set()
