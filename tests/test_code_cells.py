"""Code on the pages: folded, open or left out, and the line of the repository that a link names."""

import jupytext
import nbformat
import pytest

from conftest import ROOT
from endomtor.building import code_cells

CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize(
    ("tags", "after"),
    [
        ([], ["hide-input"]),
        (["long"], ["long", "hide-input"]),
        (["parameters"], ["parameters", "remove-cell"]),
        (["plumbing"], ["plumbing", "remove-cell"]),
        (["show-code"], ["show-code"]),
        (["folded"], ["folded", "hide-cell"]),
    ],
)
def test_a_tag_says_what_becomes_of_the_code(tags, after):
    text = nbformat.v4.new_markdown_cell("# One", metadata={"tags": ["parameters"]})
    code = nbformat.v4.new_code_cell("1", metadata={"tags": tags} if tags else {})
    code_cells.fold([text, code])
    assert code.metadata["tags"] == after
    assert text.metadata["tags"] == ["parameters"]
    assert ("mystnb" in code.metadata) == ("folded" in tags)


@pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)
def test_the_line_of_every_cell_of_the_book_is_found(notebook):
    script = notebook.with_suffix(".py").read_text(encoding="utf-8")
    lines, written = code_cells.lines(script), script.splitlines()
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code":
            line = lines[cell.source.strip()]
            assert written[line - 1 :][: len(cell.source.splitlines())] == cell.source.splitlines()


def test_of_cells_that_are_the_same_the_first_counts_and_blank_lines_do_not():
    sources = ["x = 1", "y = 2\n\n\nz = 3", "x = 1"]
    script = jupytext.writes(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources]), fmt="py:percent"
    )
    written = script.splitlines()
    assert code_cells.lines(script) == {
        "x = 1": written.index("x = 1") + 1,
        sources[1]: written.index("y = 2") + 1,
    }
    assert code_cells.lines("# %%\n\n\nx\n") == {"x": 4}


def test_a_page_links_to_a_commit_and_to_nothing_without_a_repository():
    body = f'<p>one · <a href="{code_cells.address("notebooks/01_one", 7)}">Code</a></p>'
    linked = code_cells.linked(body, "https://github.com/a/b/", "0123456789ab")
    assert linked == '<p>one · <a href="https://github.com/a/b/blob/0123456789ab/notebooks/01_one.py#L7">Code</a></p>'
    assert code_cells.linked(body, "", "main") == "<p>one</p>"


def test_of_a_folded_cell_each_figure_is_folded():
    png = {"image/png": "", "text/plain": "A."}
    drawn = [nbformat.v4.new_output("display_data", png, metadata={"endomtor": {"alt": "A."}}) for _ in range(2)]
    cell = nbformat.v4.new_code_cell("draw()", outputs=drawn, metadata={"tags": ["folded"]})
    code_cells.fold([cell])
    first, second = code_cells.one_figure_each(cell)
    assert first.metadata["tags"] == ["folded", "hide-cell"]
    assert second.metadata["tags"] == ["hide-cell"]
    assert second.metadata["mystnb"] == {"code_prompt_show": "Figure and code", "code_prompt_hide": "Figure and code"}
    assert second.metadata["mystnb"] is not first.metadata["mystnb"]
