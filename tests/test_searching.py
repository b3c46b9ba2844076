"""The search finds names in the data of figures, and a protein however its name is hyphenated."""

import json
import shutil
import subprocess

import pytest
from sphinx.search.en import SearchEnglish

from endomtor.building import searching
from endomtor.figures import publish

NODE = shutil.which("node")


def terms(query):
    """Return what the site's own script makes of a query."""
    script = f"{searching._SPLITTER}\nprocess.stdout.write(JSON.stringify(splitQuery({json.dumps(query)})));"
    return json.loads(subprocess.run([NODE, "-e", script], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(NODE is None, reason="Node is not here")
@pytest.mark.parametrize("typed", ["pS6", "p-S6", "p‑S6", "p-s6"])
@pytest.mark.parametrize("written", ["pS6 falls", "the signal of p-S6 falls", "p‑S6/S6"])
def test_a_protein_is_found_however_it_is_hyphenated(typed, written):
    """`p-S6` found pages with a p and an S6, and none with pS6."""
    index = {word.lower() for word in searching.split(SearchEnglish({}), written)}
    assert {term.lower() for term in terms(typed)} <= index


@pytest.mark.skipif(NODE is None, reason="Node is not here")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("p-4E-BP1", ["p4EBP1"]),
        ("IL-6 c-Kit", ["IL6", "cKit"]),
        ("long-term mTOR", ["long", "term", "mTOR"]),
        ("10-14 weeks", ["10", "14", "weeks"]),
        ("Hérault, µL", ["Hérault", "µL"]),
    ],
)
def test_other_hyphens_part_words_as_before(typed, found):
    assert terms(typed) == found
    assert set(found) <= set(searching.split(SearchEnglish({}), typed))


def test_a_word_with_a_hyphen_is_still_found_by_its_parts():
    assert {"p", "S6", "pS6"} <= set(searching.split(SearchEnglish({}), "p-S6"))


def test_each_name_of_a_figure_that_can_be_searched_is_found():
    """Gene 2,000 of a volcano stands in its CSV, and in no row that the page shows."""
    data = "gene,change\nVwf,1.5\nSelp,2\n,0\n"
    assert searching.names_of({"data": data, "interactive": {"label": "gene"}}) == {"Vwf", "Selp"}
    assert searching.names_of({"data": data, "interactive": {"label": None}}) == set()
    assert searching.names_of({"data": data}) == set()


def test_cells_of_a_table_are_words_of_their_own():
    """The search takes tags away: cells that touch were one word, `Vwf0.3`."""
    import pandas as pd

    html = publish.scrolling(pd.DataFrame({"gene": ["Vwf"], "change": ["0.3"]}), {"change"}, "genes")
    assert "Vwf</th> <td" in html
    assert "gene</th> <th" in html


@pytest.mark.slow
def test_a_gene_is_found_on_the_chapter_that_draws_it(built_book):
    text = (built_book / "html" / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    stem = SearchEnglish({}).stem
    for gene in ("vwf", "selp"):
        pages = index["terms"][stem(gene)]
        names = [index["docnames"][page] for page in ([pages] if isinstance(pages, int) else pages)]
        assert "notebooks/04_transcriptome_resemblance" in names
