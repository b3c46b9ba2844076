"""`endomtor report`: one file to be mailed, and the book of example data that it is drawn from."""

import html
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from IPython.utils.capture import capture_output

from conftest import build_book, built_once, recorded
from endomtor import cli, contract, figures, ledger, own_data, worlds
from endomtor.analyses import mtor_decline
from endomtor.building import figure_data, report
from endomtor.building.workflow import Settings
from endomtor.chapter import Chapter

ROOT = Path(__file__).resolve().parents[1]
NAME = "01_mtor_decline"
TITLE = 'Mice of <script>document.title = "broken"</script> & co'
MOUSE = "<script>x</script>"
BLOCK = re.compile(
    r'<(?:aside|table) [^>]*class="[^"]*endomtor-(?:verdict|summary|ledger)\b.*?</(?:aside|table)>', re.DOTALL
)
WORDS = re.compile(r"simulated|planted|recovered|false alarm|rightly silent", re.IGNORECASE)


def executed(chapter: Chapter, build: Path) -> None:
    """Leave what a chapter leaves in a build: its evidence, and a notebook with the outputs of its functions."""
    cells = [nbformat.v4.new_markdown_cell("# mTOR in aged marrow endothelium")]

    def run(number: int, section, *args):
        with capture_output() as captured:
            answer = section(*args)
        outputs = [nbformat.v4.new_output("display_data", one.data, metadata=one.metadata) for one in captured.outputs]
        cells.append(nbformat.v4.new_code_cell(section.__name__, execution_count=number, outputs=outputs))
        return answer

    def show_markers():
        signal = mtor_decline.log2_signals(chapter.dataset.get("bmec_signaling"))
        drawn = figures.estimation_grid(
            signal,
            value="value",
            group="group",
            animal="animal",
            endpoint="marker",
            order=("young", "aged"),
            estimates=dict.fromkeys(signal["marker"].unique(), {}),
            titles={marker: f"{marker}, MFI" for marker in signal["marker"].unique()},
        )
        chapter.show(
            drawn,
            caption="Phospho-flow of BMECs. Unit: animal; n: aged 8, young 8.",
            alt="Every animal.",
            name="fig-markers",
        )

    run(1, chapter.data_box)
    run(2, show_markers)
    run(3, chapter.dataset.get("bmec_signaling").head)
    (build / "evidence").mkdir(parents=True)
    records = [{**vars(record), "cell": 2} for record in chapter.records.values()]
    (build / "evidence" / f"{NAME}.json").write_text(json.dumps(records))
    (build / "executed" / "notebooks").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), build / "executed" / "notebooks" / f"{NAME}.ipynb")


@pytest.fixture(scope="module")
def settings(tmp_path_factory, shell) -> Settings:
    """A finished build of one chapter, on measured data whose title and one mouse are markup."""
    folder = tmp_path_factory.mktemp("report")
    data, root = folder / "data", folder / "root"
    data.mkdir()
    (data / "dataset.toml").write_text(f'title = \'{TITLE}\'\nprovenance = "measured"\nsource = "a test"\n')
    table = worlds.simulate_tables("paper", 1, ["bmec_signaling"])["bmec_signaling"]
    table = table.replace({"sim-bmec-young-01": MOUSE}).replace(r"^sim-", "", regex=True)
    # A warning that names the mouse.
    table.loc[(table["animal"] == MOUSE) & (table["marker"] == "pS6_S235_236"), "mfi"] = 1.0
    table.to_csv(data / "bmec_signaling.csv", index=False)
    (root / "notebooks").mkdir(parents=True)
    shutil.copyfile(ROOT / "notebooks" / f"{NAME}.ipynb", root / "notebooks" / f"{NAME}.ipynb")
    (root / report.STYLE).parent.mkdir(parents=True)
    shutil.copyfile(ROOT / report.STYLE, root / report.STYLE)
    settings = Settings(root=str(root), build=str(folder / "build"), data=str(data))
    executed(recorded(NAME, contract.load(data)), Path(settings.build))
    ledger.write(Path(settings.build), data)
    return settings


@pytest.fixture(scope="module")
def page(settings) -> str:
    return report.html(settings)


def text_of(page: str) -> str:
    """Return the words of a page, without styles and tags."""
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def test_the_report_asks_for_nothing(page):
    assert set(re.findall(r' src="([^:"]*:)', page)) == {"data:"}
    assert not re.search(r"<script|<link|<iframe|<object|@import|url\(|javascript:| on\w+=", page)
    assert "default-src 'none'" in page
    places = set(re.findall(r' id="([^"]+)"', page))
    links = re.findall(r'href="([^"]*)"', page)
    assert links
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= places


def test_the_report_says_whose_data_and_what_follows(page, settings):
    words = " ".join(text_of(page).split())
    found = ledger.read(Path(settings.build))
    c1 = next(claim for claim in found["claims"] if claim["id"] == "C1")
    assert f"MEASURED · {TITLE}" in words
    assert f"{c1['prediction']['verdict']} by these measured data" in words or "on these measured data" in words
    assert f"Predictions were tested on the measured data set “{TITLE}”." in words
    assert contract.provenance_of(settings.dataset).sha256 in words
    for part in ("Rules: version", "endomtor ", "scanpy ", "Unit: animal; n: aged 8, young 8", "Source: a test"):
        assert part in words
    assert not WORDS.search(words)
    for warning in contract.load(settings.dataset).warnings:
        assert " ".join(str(warning).split()) in words


def test_only_the_figures_of_primary_predictions_are_in_it(page):
    assert page.count("<img ") == 1
    assert "Phospho-flow of BMECs" in page


def test_markup_in_the_data_is_text(page):
    assert TITLE in text_of(page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_browser_shows_markup_as_text(page, tmp_path, browser):
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    browser.get((tmp_path / "report.html").as_uri())
    assert browser.title == TITLE
    assert browser.execute_script("return document.scripts.length") == 0
    assert browser.execute_script("return document.images[0].naturalWidth") > 400
    browser.set_window_size(390, 800)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= browser.execute_script(
        "return document.documentElement.clientWidth"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--data", "no/such/folder"), "no/such/folder"),
        (("--data", "{data}", "--out", "{data}"), "expected the name of a file"),
        (("--data", "{data}", "--build", "{data}/.."), "inside the build folder"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(settings, options, words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", *(option.format(data=settings.data) for option in options)])
    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert words in shown
    assert shown.count("\n") == 1


# --- the whole book of the example ---


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    return own_data.init(tmp_path_factory.mktemp("mice") / "example", example=True)[0].parent


@pytest.fixture(scope="module")
def example_book(tmp_path_factory, example) -> Path:
    return built_once(tmp_path_factory, "example", lambda out: build_book(out, "--data", str(example)))


def article(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("<article")[1].split("</article>")[0]


@pytest.mark.slow
def test_the_example_makes_a_book_of_measured_verdicts(example_book):
    found = json.loads((example_book / "ledger.json").read_text())
    assert (found["dataset"]["provenance"], found["dataset"]["example"]) == ("measured", True)
    predictions = [one for one in found["evidence"] if one["kind"] == "prediction"]
    assert predictions
    assert {one["provenance"]["kind"] for one in predictions} == {"measured"}
    verdicts = {claim["id"]: claim["prediction"]["verdict"] for claim in found["claims"]}
    # Two claims have no prediction, and the transplants of the example end with the second passage.
    assert {verdicts.pop(one) for one in ("C1b", "C5b", "C6")} == {"not testable here"}
    assert set(verdicts.values()) <= {"supported", "contradicted", "inconclusive"}


@pytest.mark.slow
def test_no_simulated_word_stands_beside_a_claim_of_the_example(example_book):
    pages = [example_book / "html" / "book" / f"{name}.html" for name in ("index", "evidence")]
    pages += sorted((example_book / "html" / "notebooks").glob("0[1-6]_*.html"))
    assert len(pages) == 8
    for path in pages:
        whole = article(path)
        blocks = BLOCK.findall(whole)
        assert blocks or path.stem == "06_synthesis", path.name
        for block in blocks:
            assert not WORDS.search(text_of(block)), path.name
        if path.parent.name == "notebooks":
            assert "SIMULATED" not in whole, path.name
            assert "EXAMPLE · Example data · invented to show the format" in text_of(whole), path.name
        for badge in re.findall(r'<span class="endomtor-badge endomtor-(\w+)', whole):
            assert badge in ("example", "public")
    first = " ".join(text_of(article(pages[0])).split())
    assert "Predictions were run on “Example data”: example data, invented to show the format." in first
    synthesis = " ".join(text_of(article(pages[-1])).split())
    assert "The data “Example data” were invented to show the format" in synthesis
    against = " ".join(text_of(article(example_book / "html" / "book" / "against-the-paper.html")).split())
    assert "left out here for the fall in BMECs" in against


@pytest.mark.slow
def test_calibration_counts_in_the_design_of_the_example(example_book):
    words = " ".join(text_of(article(example_book / "html" / "notebooks" / "07_calibration.html")).split())
    assert "Design: the book's own, not that of any laboratory." in words
    assert "drawn with the numbers of units of “Example data”" in words
    assert "cohorts are few" in words


@pytest.mark.slow
def test_the_site_holds_no_table_of_the_laboratory(example_book, example):
    names = {path.name for path in example.iterdir()} - {"README.md"}
    for folder in (example_book / "html", ROOT / "data", ROOT / "book", ROOT / "notebooks"):
        assert names.isdisjoint(path.name for path in folder.rglob("*")), folder
    # Below each figure are the values that it shows; whole tables are nowhere.
    outside = {path.name for path in (example_book / "html").rglob("*.csv") if path.parent.name != figure_data.FOLDER}
    assert outside == {"ledger.csv", "claims.csv"}


@pytest.mark.slow
def test_the_report_of_the_example_uses_its_build(example_book, example, tmp_path, capsys):
    file = tmp_path / "report.html"
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", "--data", str(example), "--build", str(example_book), "--out", str(file), "--offline"])
    shown = capsys.readouterr()
    assert ended.value.code == 0
    assert shown.err.count("unchanged") == 7
    page = file.read_text(encoding="utf-8")
    for name in ("01_mtor_decline", "05_serial_transplants", "06_synthesis"):
        assert page.count(f'<h2 id="{name}"') == 1
    assert page.count("<img ") > 8
    assert not WORDS.search(text_of(page))
