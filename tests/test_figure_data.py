"""The data below each figure: the built book's fold-outs and CSV files, and what hostile names can do to them.

Frames that are not of the built book are invented test data.
"""

import csv
import html
import io
import json
import math
import re
import shutil
import time
from pathlib import Path

import browser as headless
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.utils.capture import capture_output
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from conftest import ROOT, until
from endomtor import figures, files
from endomtor.building import code_cells, figure_data, sphinx_extension
from endomtor.building.site import render
from endomtor.claims import catalogue
from endomtor.errors import BuildError
from endomtor.provenance import Provenance

CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
SIMULATED = Provenance("simulated", "World", "worlds/paper.toml", "0", world="paper", seed=7)
PUBLIC = Provenance("public", "GSE162607", "GEO", "0", frozen=True)
HOSTILE = "<script>alert(1)</script>"


def output_of(data, provenance=SIMULATED, **more):
    """Publish a figure with these data and return its output."""
    with figures.house():
        figure = plt.figure()
    about = {"caption": "Unit: animal.", "alt": "Nothing.", "name": "fig-one"} | more
    with capture_output() as captured:
        figures.show(figure, provenance=provenance, data=data, **about)
    return captured.outputs[0]


def cell_of(*outputs) -> nbformat.NotebookNode:
    drawn = [nbformat.v4.new_output("display_data", one.data, metadata=one.metadata) for one in outputs]
    return nbformat.v4.new_code_cell("draw()", execution_count=3, outputs=drawn)


def rows_of(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def shown(built_book) -> dict[str, dict[str, dict]]:
    """Chapter to the name of a figure to what `figures.show` left for it."""
    executed = {name: nbformat.read(built_book / "executed" / "notebooks" / f"{name}.ipynb", 4) for name in CHAPTERS}
    for chapter, notebook in executed.items():
        pictures = [
            output
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        ]
        assert len(pictures) == len(figure_data.of_notebook(notebook.cells, chapter)), (
            f"{chapter}: a figure without data"
        )
    return {chapter: figure_data.of_notebook(notebook.cells, chapter) for chapter, notebook in executed.items()}


def test_every_figure_of_the_book_has_its_csv_and_no_other_file_is_there(built_book, shown):
    wanted = {f"{chapter}-{name}.csv": one["data"] for chapter, own in shown.items() for name, one in own.items()}
    assert len(wanted) > 30
    found = {path.name: path.read_bytes().decode() for path in (built_book / "html" / "figures").iterdir()}
    assert found == wanted


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_figure_of_a_page_has_a_fold_out_with_links_that_lead_somewhere(built_book, shown, chapter):
    page = built_book / "html" / "notebooks" / f"{chapter}.html"
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    folds = soup.select("details.endomtor-figure-data")
    order = {id(tag): place for place, tag in enumerate(soup.find_all(True))}
    assert len(folds) == len(shown[chapter])
    for fold, one in zip(folds, shown[chapter].values(), strict=True):
        rows = rows_of(one["data"])
        count = f"{len(rows):,} row{'s' * (len(rows) != 1)}"
        assert fold.summary.text == f"Data of this figure ({count})"
        assert not fold.has_attr("open")
        assert len(fold.select("tbody tr")) == min(len(rows), figure_data.MOST_ROWS)
        assert (f"The first {figure_data.MOST_ROWS} of" in fold.text) == (len(rows) > figure_data.MOST_ROWS)
        download, cell, code = fold.select("p a")
        assert download.has_attr("download")
        assert (page.parent / download["href"]).resolve().read_bytes() == one["data"].encode()
        assert cell.text == "the cell that drew it"
        anchor, picture = soup.find(id=cell["href"].removeprefix("#")), fold.find_previous("img")
        source = anchor.find_next(class_="cell_input")
        assert order[id(anchor)] < order[id(source)] < order[id(picture)] < order[id(fold)]
        assert picture["alt"] == one["alt"]
        # No other cell lies between: the fold-out is that of the figure above it.
        drawing = [one for one in picture.find_all_previous(class_="cell_input") if code_cells.NEXT not in one.text]
        assert drawing[0] is source
        assert code.text == "Code"
        place, line = re.fullmatch(r".*/blob/[0-9a-f]{12}/(notebooks/\w+\.py)#L(\d+)", code["href"]).groups()
        written = (ROOT / place).read_text(encoding="utf-8").splitlines()[int(line) - 1 :]
        drew = source.text.strip().splitlines()
        assert written[: len(drew)] == drew
        region = fold.select_one(".endomtor-table")
        assert region["tabindex"] == "0"
        assert region["aria-label"].startswith("Values of the figure ")
    labels = [fold.select_one(".endomtor-table")["aria-label"] for fold in folds]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("chapter", CHAPTERS[3:])
def test_a_caption_has_at_most_sixty_words(shown, chapter):
    # That of the variants is the package's.
    own = {name: one["caption"].partition("Simulated data")[0].split() for name, one in shown[chapter].items()}
    assert not [name for name, words in own.items() if len(words) > 60 and name != "fig-robustness"]


def test_every_csv_says_where_its_numbers_come_from(shown):
    for chapter, own in shown.items():
        for name, one in own.items():
            kind, rows = one["origin"]["kind"], rows_of(one["data"])
            assert rows, f"{chapter}, {name}: no rows"
            assert {row["provenance"] for row in rows} == {kind}
            ends = ["provenance", "world", "seed"] if kind == "simulated" else ["provenance"]
            assert list(rows[0])[-len(ends) :] == ends
            assert ("SIMULATED" in one["origin"]["label"]) == (kind == "simulated")
            if kind == "simulated" and chapter != "07_calibration":
                assert {(row["world"], row["seed"]) for row in rows} == {("paper", "1")}


@pytest.fixture(scope="module")
def evidence(built_book) -> dict[str, dict]:
    return {one["id"]: one for one in json.loads((built_book / "ledger.json").read_text())["evidence"]}


def test_the_difference_in_the_first_figure_is_that_of_the_evidence(shown, evidence):
    rows = rows_of(shown["01_mtor_decline"]["fig-markers"]["data"])
    found = {row["quantity"]: row for row in rows if row["mark"] == "difference"}
    records = [one for name, one in evidence.items() if name.startswith("C1.signaling.")]
    assert len(found) == len(records)
    by_number = {float(row["value, log2"]): row for row in found.values()}
    for record in records:
        # To the last digit: the CSV holds the numbers as they are.
        row = by_number[record["estimate"]]
        assert float(row["95 % from, log2"]) == record["ci_low"]
        assert float(row["95 % to, log2"]) == record["ci_high"]
        assert float(row["value on the axis"]) == pytest.approx(2 ** record["estimate"], rel=1e-12)
        own = [one for one in rows if one["quantity"] == row["quantity"] and one["mark"] == "animal"]
        means = {
            group: np.mean([float(one["value, log2"]) for one in own if one["group"] == group])
            for group in ("aged", "young")
        }
        assert {group: sum(one["group"] == group for one in own) for group in means} == record["n"]
        # Batches are balanced in the simulated mice, so the model's difference is that of the means.
        assert means["aged"] - means["young"] == pytest.approx(record["estimate"], abs=1e-9)


@pytest.mark.parametrize(
    ("chapter", "name", "prefix"),
    [
        ("03_ecko_phenotypes", "fig-phi", "C3."),
        ("04_transcriptome_resemblance", "fig-phi", "C4.transcriptome."),
        ("05_serial_transplants", "fig-phi", "C5.transplant."),
    ],
)
def test_the_phis_of_a_forest_are_those_of_the_evidence(shown, evidence, chapter, name, prefix):
    rows = rows_of(shown[chapter][name]["data"])
    # The inflammation score is a difference, and has a figure of its own.
    records = [
        one
        for name, one in evidence.items()
        if name.startswith(prefix) and one["kind"] == "prediction" and catalogue.load().rule(name).rule == "phi"
    ]
    sets = {(_number(row["95 % from"]), _number(row["95 % to"])): row for row in rows}
    if chapter == "03_ecko_phenotypes":
        # The endpoints of the claim; chapter 06 has all of them.
        records = [one for one in records if catalogue.load().rule(one["id"]).role == "primary"]
    primary = [one for one in records if one["ci_low"] is not None and one["estimate"] is not None]
    assert primary
    for record in primary:
        row = sets[record["ci_low"], math.inf if record["ci_high"] is None else record["ci_high"]]
        assert row["interval"] == record["interval_kind"]
        assert row["value"] == "" or float(row["value"]) == record["estimate"]


def _number(text: str) -> float:
    return float(text or "nan")


def test_no_page_carries_a_table_twice(built_book, shown):
    """The CSV stays in its file: in the page's own notebook it would be sent to every reader."""
    for chapter, own in shown.items():
        page = (built_book / "html" / "notebooks" / f"{chapter}.html").read_text(encoding="utf-8")
        for one in own.values():
            assert one["data"].splitlines()[-1] not in html.unescape(page)


def test_the_fold_out_works_by_keyboard_and_the_download_is_the_file(browser, built_book, serve, tmp_path):
    headless.screen(browser, 390, 900)
    browser.get(f"{serve(built_book / 'html')}/notebooks/01_mtor_decline.html")
    fold = browser.find_element(By.CSS_SELECTOR, "details.endomtor-figure-data")
    link, *_ = fold.find_elements(By.CSS_SELECTOR, "p a")
    region = fold.find_element(By.CSS_SELECTOR, ".endomtor-table")
    assert not region.is_displayed()
    browser.execute_script("arguments[0].focus()", fold.find_element(By.TAG_NAME, "summary"))
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert fold.get_attribute("open")
    assert region.is_displayed()
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    reached = []
    for _ in range(4):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(browser.switch_to.active_element)
    assert reached[0] == link
    assert reached[3] == region
    # On a phone its rows are cards: there is nothing to the right of them.
    deadline = time.monotonic() + 5
    # A key that comes while the page still glides may be swallowed.
    while not browser.execute_script("return arguments[0].scrollTop", region) and time.monotonic() < deadline:
        reached[3].send_keys(Keys.ARROW_DOWN)
        time.sleep(0.1)
    assert browser.execute_script("return arguments[0].scrollTop", region) > 0
    assert browser.execute_script("return arguments[0].scrollWidth - arguments[0].clientWidth", region) <= 1
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.execute_script("arguments[0].focus()", link)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    name = link.get_attribute("href").rpartition("/")[2]
    until((tmp_path / name).is_file, seconds=10)
    assert (tmp_path / name).read_bytes() == (built_book / "html" / "figures" / name).read_bytes()
    browser.execute_script("arguments[0].focus()", fold.find_element(By.TAG_NAME, "summary"))
    browser.switch_to.active_element.send_keys(Keys.SPACE)
    assert not region.is_displayed()


def test_a_figure_without_data_or_with_a_wrong_name_is_refused(shell):
    with figures.house():
        figure = plt.figure()
    about = {"caption": "c", "alt": "a", "provenance": SIMULATED}
    with pytest.raises(TypeError, match="data"):
        figures.show(figure, name="fig-one", **about)
    with pytest.raises(TypeError, match="name"):
        figures.show(figure, data=pd.DataFrame({"a": [1]}), **about)
    for wrong in (None, [1, 2], pd.DataFrame(), pd.Series([1])):
        with pytest.raises(ValueError, match="table of what it draws"):
            output_of(wrong)
    for name in ("", "fig one", "../fig", "fig.one", "f" * 41):
        with pytest.raises(ValueError, match="figure's name"):
            output_of(pd.DataFrame({"a": [1]}), name=name)
    for column in ("provenance", "world", "seed"):
        with pytest.raises(ValueError, match=f"column '{column}'"):
            output_of(pd.DataFrame({column: [1]}))


def test_numbers_come_back_as_they_were_and_the_origin_ends_each_row(shell):
    values = [0.1 + 0.2, 1e-300, -1 / 3, math.inf, math.nan]
    text = output_of(pd.DataFrame({"animal": list("abcde"), "value, log2": values})).metadata["endomtor"]["data"]
    rows = rows_of(text)
    assert [_number(row["value, log2"]) for row in rows[:4]] == values[:4]
    assert rows[4]["value, log2"] == ""
    assert list(rows[0]) == ["animal", "value, log2", "provenance", "world", "seed"]
    assert {(row["provenance"], row["world"], row["seed"]) for row in rows} == {("simulated", "paper", "7")}
    public = rows_of(output_of(pd.DataFrame({"a": [1]}), PUBLIC).metadata["endomtor"]["data"])
    assert public == [{"a": "1", "provenance": "public"}]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", "\r"])
def test_no_text_of_the_csv_runs_as_a_formula(shell, start):
    frame = pd.DataFrame({f"{start}cmd": [f"{start}1+1"], "animal": [f"{start}HYPERLINK(1)"], "value": [-1.5]})
    shown = output_of(frame).metadata["endomtor"]
    header, first = csv.reader(io.StringIO(shown["data"]))
    assert [text[0] for text in (header[0], first[0], first[1])] == ["'"] * 3
    assert first[2] == "-1.5"
    assert shown["numbers"] == ["value", "seed"]


def shown_of(frame: pd.DataFrame, numbers=(), name="fig-one") -> dict:
    origin = {"kind": "simulated", "label": SIMULATED.label}
    return {"name": name, "data": files.table_text(frame), "numbers": list(numbers), "origin": origin}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2, unique=True))
def test_no_text_of_the_data_becomes_markup_or_ends_the_block(texts):
    shown = shown_of(pd.DataFrame({"animal": texts, "value": [1.0, 2.0]}), ["value"])
    fold = figure_data.fold_html(shown, "01_one")
    # Markdown ends a block of HTML at an empty line.
    assert "\n" not in fold
    assert fold.startswith("<details ")
    read = BeautifulSoup(fold, "html.parser")
    assert {tag.name for tag in read.find_all(True)} == {
        *("details", "summary", "p", "span", "a", "div", "table", "thead", "tbody", "tr", "th", "td")
    }
    one, other = (row["animal"] for row in rows_of(shown["data"]))
    wanted = ["animal", "value", one, "1", other, "2"]
    assert [cell.text.split() for cell in read.select("th, td")] == [text.split() for text in wanted]


def test_names_that_look_like_numbers_stay_and_what_is_the_same_in_all_rows_is_said_once():
    frame = pd.DataFrame(
        {
            "mark": ["animal", "animal"],
            "quantity": ["MFI", "MFI"],
            "animal": ["007", "NA"],
            "against": ["", ""],
            "value": [1234.5678, np.nan],
        }
    )
    fold = BeautifulSoup(figure_data.fold_html(shown_of(frame, ["value"]), "01_one"), "html.parser")
    assert [cell.text for cell in fold.select("thead th")] == ["mark", "animal", "value"]
    rows = [[cell.text for cell in row.select("th, td")] for row in fold.select("tbody tr")]
    assert rows == [["animal", "007", "1,235"], ["animal", "NA", ""]]
    mark, notes, _ = fold.select("p")
    assert mark.span.text == SIMULATED.label
    assert notes.text == "Quantity: MFI."


def test_a_long_table_without_its_csv_promises_none():
    alone = figure_data.fold_html(shown_of(pd.DataFrame({"p": range(1500)}), ["p"]), "01_one", links=False)
    assert "<a " not in alone
    assert "CSV" not in alone


def test_a_name_that_comes_twice_is_said_before_one_csv_overwrites_the_other(shell):
    cells = [cell_of(output_of(pd.DataFrame({"a": [1]}))) for _ in range(2)]
    with pytest.raises(BuildError, match="01_one has two figures called 'fig-one'"):
        figure_data.of_notebook(cells, "01_one")
    executed = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One"), *cells]))
    with pytest.raises(BuildError, match="two figures"):
        sphinx_extension.page_of(executed, "01_one", {"evidence": [], "claims": []})


def test_the_data_leave_the_notebook_of_the_page(shell):
    cells = [nbformat.v4.new_markdown_cell("# One"), cell_of(output_of(pd.DataFrame({"a": [HOSTILE]})))]
    executed = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    page = nbformat.reads(sphinx_extension.page_of(executed, "01_one", {"evidence": [], "claims": []}), as_version=4)
    nbformat.validate(page)
    _, before, cell, fold = page.cells
    assert before.source == '<div class="endomtor-anchors"><span id="cell-of-fig-one"></span></div>'
    assert "data" not in cell.outputs[0].metadata["endomtor"]
    assert "&lt;script&gt;" in fold.source
    assert "<script" not in nbformat.writes(page).replace("\\u003c", "<")


def test_files_follow_the_figures(tmp_path, shell):
    folder, executed = tmp_path / "figures", tmp_path / "01_one.ipynb"

    def write(*names):
        cells = [cell_of(*(output_of(pd.DataFrame({"a": [name]}), name=name) for name in names))]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), executed)
        figure_data.write([executed], folder)
        return {path.name: path.read_text() for path in folder.iterdir()}

    first = write("fig-one", "fig-two")
    assert set(first) == {"01_one-fig-one.csv", "01_one-fig-two.csv"}
    assert first["01_one-fig-two.csv"].splitlines()[1] == "fig-two,simulated,paper,7"
    assert set(write("fig-two", "fig-three")) == {"01_one-fig-two.csv", "01_one-fig-three.csv"}
    figure_data.write([], folder)
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_sphinx_lays_the_csv_beside_the_page_again_and_again(tmp_path, built_book, shell):
    root, build = tmp_path / "book", tmp_path / "build"
    shutil.copytree(ROOT / "tests" / "fixtures" / "book", root)
    shutil.copytree(ROOT / "data", root / "data")
    build.mkdir()
    for name in ("ledger.json", "ledger.csv", "claims.csv"):
        shutil.copyfile(built_book / name, build / name)
    committed = nbformat.read(root / "notebooks" / "01_one.ipynb", as_version=4)
    committed.cells.append(nbformat.v4.new_code_cell("draw()"))
    nbformat.write(committed, root / "notebooks" / "01_one.ipynb")
    (build / "executed" / "notebooks").mkdir(parents=True)

    def execute(value):
        output = output_of(pd.DataFrame({"animal": [HOSTILE, "{{ x }}\n\n:::{note}"], "value": [value, 2.0]}))
        executed = nbformat.from_dict(committed)
        executed.cells[-1] = cell_of(output)
        nbformat.write(executed, build / "executed" / "notebooks" / "01_one.ipynb")
        return output.metadata["endomtor"]["data"].encode()

    csv_file = build / "html" / "figures" / "01_one-fig-one.csv"
    first = execute(1.0)
    render(root, build)
    assert csv_file.read_bytes() == first
    page = (build / "html" / "notebooks" / "01_one.html").read_text(encoding="utf-8")
    fold = BeautifulSoup(page, "html.parser").select_one("details.endomtor-figure-data")
    cells = [cell.text for cell in fold.select("tbody th")]
    assert cells == [HOSTILE, "{{ x }} :::{note}"]
    # No page is new, and the file is gone.
    (build / "site" / "_build" / "html" / "figures" / "01_one-fig-one.csv").unlink()
    render(root, build)
    assert csv_file.read_bytes() == first
    second = execute(3.0)
    render(root, build)
    assert csv_file.read_bytes() == second != first
    assert Path(csv_file).stat().st_mode & 0o444 == 0o444
