"""The built book: what a build leaves, what stands on its pages, and what it says in two worlds."""

import json
import re
from dataclasses import asdict
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from conftest import ROOT, build_book, build_to_ledger
from endomtor import ledger, worlds
from endomtor.claims import catalogue, evidence, verdicts
from endomtor.provenance import Provenance
from endomtor.views import boxes, terminal
from endomtor.views import pages as pages_of_claims

CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
FIELDS = {
    *("id", "prediction", "claim", "kind", "estimand", "estimate", "ci_low", "ci_high", "interval_kind", "level", "p"),
    *("p_adjusted", "family", "n", "unit", "method", "verdict", "reason", "provenance", "notebook", "fragility"),
    *("cell", "changed"),
}
SITE_PATH = urlsplit(yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]).path
SUPPORT = re.compile(r"support|confirm|evidence for|prove|contradict", re.IGNORECASE)


class Page(HTMLParser):
    """Links, ids, images and visible text of one page."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.images: list[dict] = []
        self.text = ""
        self._hidden = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self._hidden += tag in ("script", "style")
        if attributes.get("id"):
            self.ids.add(attributes["id"])
        if tag == "img":
            self.images.append(attributes)
        for key in ("href", "src"):
            if attributes.get(key):
                self.links.append(attributes[key])

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._hidden:
            self.text += data


@pytest.fixture(scope="module")
def pages(built_book) -> dict[Path, Page]:
    html = built_book / "html"
    return {path.relative_to(html): Page(path) for path in sorted(html.rglob("*.html")) if "_static" not in path.parts}


@pytest.fixture(scope="module")
def built_ledger(built_book) -> dict:
    return ledger.read(built_book)


class TestWhatABuildLeaves:
    def test_every_chapter_was_executed(self, built_book):
        executed = built_book / "executed" / "notebooks"
        assert sorted(path.stem for path in executed.glob("*.ipynb")) == CHAPTERS
        for path in executed.glob("*.ipynb"):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            code = [cell for cell in cells if cell["cell_type"] == "code"]
            # The book's own world leaves nothing out: in JupyterLab every cell runs.
            assert all(cell["execution_count"] for cell in code), path.name
            assert any(cell["outputs"] for cell in code), path.name

    def test_evidence_records_have_the_fields_of_the_design(self, built_book):
        for chapter in CHAPTERS:
            text = (built_book / "evidence" / f"{chapter}.json").read_text(encoding="utf-8")
            assert "NaN" not in text
            assert "Infinity" not in text
            for record in json.loads(text):
                assert set(record) == FIELDS
                assert record["verdict"] in {*verdicts.DATA_WORDS, *verdicts.WORLD_WORDS}
                assert record["reason"] in verdicts.REASONS
                assert record["notebook"] == chapter

    def test_each_record_names_the_cell_that_computed_it(self, built_book, built_ledger):
        for chapter in CHAPTERS:
            path = built_book / "executed" / "notebooks" / f"{chapter}.ipynb"
            executed = json.loads(path.read_text(encoding="utf-8"))
            counts = {cell.get("execution_count"): "".join(cell["source"]) for cell in executed["cells"]}
            for record in built_ledger["evidence"]:
                if record["notebook"] == chapter:
                    assert "chapter.record(" in counts[record["cell"]] or "(" in counts[record["cell"]], record["id"]

    def test_the_ledger_is_the_evidence_of_the_chapters(self, built_book, built_ledger):
        records = [
            record for chapter in CHAPTERS for record in evidence.read(built_book / "evidence" / f"{chapter}.json")
        ]
        assert built_ledger["evidence"] == [asdict(record) for record in records]
        own = next(record.provenance for record in records if record.kind == "prediction")
        again = ledger.build(records, Provenance(**own), catalogue.load(), worlds.load("paper").truth)
        assert again["claims"] == built_ledger["claims"]

    def test_the_root_leads_to_the_first_page(self, built_book):
        assert "url=book/index.html" in (built_book / "html" / "index.html").read_text(encoding="utf-8")


class TestPages:
    def test_no_internal_link_is_broken(self, built_book, pages):
        html = built_book / "html"
        broken = []
        for path, page in pages.items():
            for link in page.links:
                parts = urlsplit(link)
                if parts.scheme or parts.netloc:
                    continue
                # The page for what is missing is shown at any depth, so its links begin with the path of the site.
                start = html if parts.path.startswith(SITE_PATH) else html / path.parent
                place = unquote(parts.path.removeprefix(SITE_PATH))
                target = (start / place).resolve() if parts.path else html / path
                if not target.exists():
                    broken.append(f"{path}: {link}")
                elif parts.fragment and target.suffix == ".html":
                    other = pages.get(target.relative_to(html.resolve()) if parts.path else path)
                    if other and unquote(parts.fragment) not in other.ids:
                        broken.append(f"{path}: {link}")
        assert not broken

    def test_each_chapter_shows_the_verdict_of_the_ledger(self, pages, built_ledger):
        for claim in built_ledger["claims"]:
            text = " ".join(pages[Path("notebooks", f"{claim['chapter']}.html")].text.split())
            words = boxes.phrase("simulated", claim["prediction"]["verdict"])
            assert f"Prediction: {boxes.MARKS[claim['prediction']['verdict']]} {words}" in text, claim["id"]

    def test_the_first_page_shows_every_claim_of_the_ledger(self, pages, built_ledger):
        text = " ".join(pages[Path("book/index.html")].text.split())
        for claim in built_ledger["claims"]:
            assert claim["title"] in text
            assert boxes.phrase("simulated", claim["prediction"]["verdict"]) in text
            assert boxes.phrase("public", claim["premise"]["verdict"]) in text

    def test_the_first_page_says_whose_numbers_these_are_not(self, pages):
        text = " ".join(pages[Path("book/index.html")].text.split())
        before, _, _ = text.partition("Real mice PUBLIC")
        assert "We know the paper’s abstract only, and its authors neither made nor endorsed this book." in before

    def test_no_simulated_cell_of_the_first_page_reads_as_support(self, built_book):
        html = (built_book / "html" / "book" / "index.html").read_text(encoding="utf-8")
        cells = re.findall(r'<td class="endomtor-cell-simulated".*?</td>', html, re.DOTALL)
        assert len(cells) == len(catalogue.load().claims)
        for cell in cells:
            assert not SUPPORT.search(re.sub(r"<[^>]*>", "", cell)), cell

    def test_every_figure_says_where_its_numbers_come_from(self, pages):
        for chapter in CHAPTERS:
            page = pages[Path("notebooks", f"{chapter}.html")]
            figures = [image for image in page.images if "_images/" in image["src"]]
            captions = len(re.findall(r"Simulated data: world|Public data:", page.text))
            assert figures, chapter
            assert captions >= len(figures), chapter
            for image in figures:
                assert len(image.get("alt", "")) > 40, (chapter, image)
                # Who does not see a figure does not see its band either; names of columns are no words.
                assert image["alt"].startswith(("SIMULATED · ", "PUBLIC · ")), (chapter, image)
                assert not re.search(r"\w_\w", image["alt"]), (chapter, image)

    def test_every_chapter_names_its_data(self, pages):
        for chapter in CHAPTERS:
            text = pages[Path("notebooks", f"{chapter}.html")].text
            # Chapter 07 counts over the scenarios of its plan, not on the cohort of this build.
            drawn = r"“\d+ scenarios”, seed \d+" if chapter == "07_calibration" else "“paper”, seed 1"
            assert re.search(f"Data used on this page: SIMULATED · world {drawn}", text), chapter

    def test_every_page_has_one_title_and_the_books_copyright(self, built_book, pages):
        for path in pages:
            html = (built_book / "html" / path).read_text(encoding="utf-8")
            assert html.count("<title>") == 1, path
            if path.parent.name in ("book", "notebooks"):
                assert re.search(r"By\s+endomtor contributors", html), path


def shown(html: str) -> str:
    """The text of a piece of HTML, with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def part(html: str, start: str, end: str) -> str:
    """What stands between two marks, the first of each."""
    assert start in html, start
    return html.partition(start)[2].partition(end)[0]


class TestDoorsAgree:
    """Ledger, first page, summaries, boxes, evidence page and terminal say one thing."""

    def page(self, built_book, name: str) -> str:
        return (built_book / "html" / f"{name}.html").read_text(encoding="utf-8")

    def both_sides(self, claim: dict) -> list[str]:
        sides = (("simulated", claim["prediction"]), ("public", claim["premise"]))
        return [f"{boxes.MARKS[side['verdict']]} {boxes.phrase(kind, side['verdict'])}" for kind, side in sides]

    def test_the_first_page(self, built_book, built_ledger):
        html = self.page(built_book, "book/index")
        records = {record["id"]: record for record in built_ledger["evidence"]}
        for claim in built_ledger["claims"]:
            row = part(html, f'{claim["chapter"]}.html">{claim["id"]}</a></th>', "</tr>")
            prediction, premise = self.both_sides(claim)
            cells = row.split("<td")
            assert shown(cells[-2].partition(">")[2]).startswith(premise)
            assert shown(cells[-1].partition(">")[2]).startswith(prediction)
            for one in (*claim["prediction"]["primary"], *claim["premise"]["primary"]):
                assert boxes.interval(records[one]) in shown(row)
                assert f'href="evidence.html#{one}"' in row

    def test_the_summary_and_the_box_of_each_chapter(self, built_book, built_ledger):
        records = {record["id"]: record for record in built_ledger["evidence"]}
        for claim in built_ledger["claims"]:
            html = self.page(built_book, f"notebooks/{claim['chapter']}")
            prediction, premise = self.both_sides(claim)
            # The synthesis gathers all claims in its summary.
            if claim["chapter"] != pages_of_claims.SYNTHESIS:
                summary = part(html, '<aside class="endomtor-summary', '<p class="endomtor-known')
                assert f"{claim['id']} {prediction}" in shown(summary)
            box = shown(part(html, f'aria-label="Verdict on {claim["id"]}">', "</aside>"))
            assert f"Prediction: {prediction}" in box
            assert f"Premise: {premise}" in box
            for one in (*claim["prediction"]["primary"], *claim["premise"]["primary"]):
                record = records[one]
                numbers = f"{pages_of_claims.estimate(record)} ({pages_of_claims.limits(record)})"
                n = "/".join(str(count) for count in record["n"].values())
                assert f"{pages_of_claims.name(record)} {numbers} {n}" in shown(summary), one
                assert boxes.interval(record) in box

    def test_the_evidence_page_has_every_record(self, built_book, built_ledger):
        html = self.page(built_book, "book/evidence")
        for record in built_ledger["evidence"]:
            row = part(html, f'<tr id="{record["id"]}">', "</tr>")
            text, origin = shown(row), record["provenance"]
            assert pages_of_claims.estimate(record) in text
            assert pages_of_claims.limits(record) in text
            assert f"unit: {record['unit']}; n: {boxes.counts(record)}" in text
            assert f'title="{origin["sha256"]}"' in row
            assert f'href="../notebooks/{record["notebook"]}.html#{record["id"]}"' in row
            assert 'href="../book/methods.html#' in row
            if record["kind"] == "context":
                assert "enters no verdict" in text
            else:
                assert boxes.phrase(origin["kind"], record["verdict"]) in text
            if record["fragility"]:
                assert boxes.robustness(record) in text

    def test_the_anchor_of_a_record_stands_before_its_cell(self, built_book, built_ledger):
        for record in built_ledger["evidence"]:
            html = self.page(built_book, f"notebooks/{record['notebook']}")
            after = part(html, f'<span id="{record["id"]}"></span>', "cell_input")
            assert shown(after).count("[") == 0, record["id"]

    def test_the_terminal(self, built_ledger, monkeypatch, capsys):
        monkeypatch.setenv("COLUMNS", "80")
        terminal.show(built_ledger)
        text = " ".join(capsys.readouterr().out.split())
        for claim in built_ledger["claims"]:
            prediction, premise = self.both_sides(claim)
            own = part(f"{text} C", f"{claim['id']} {claim['title']}", " C" if claim["id"] == "C5" else " premise: ")
            assert f"prediction: {prediction}" in own
            assert f"premise: {premise}" in text.partition(claim["title"])[2]

    def test_what_world_and_public_data_demand_is_what_came_out(self, built_ledger):
        assert ledger.strict_faults(built_ledger) == []


class TestWorlds:
    def verdicts_of(self, build: Path) -> dict[str, str]:
        return {claim["id"]: claim["prediction"]["verdict"] for claim in ledger.read(build)["claims"]}

    def test_paper_is_recovered(self, built_book):
        found = self.verdicts_of(built_book)
        untestable = dict.fromkeys(("C1b", "C6"), "not testable here")
        assert found == {**dict.fromkeys(("C1", "C2", "C3", "C4", "C5", "C5b"), "recovered"), **untestable}

    @pytest.mark.slow
    def test_bystander_is_silent_but_for_the_first_claim(self, bystander_book):
        found = self.verdicts_of(bystander_book)
        assert found["C1"] == "recovered"
        assert {found[one] for one in ("C2", "C3", "C4", "C5", "C5b")} == {"rightly silent"}
        assert not ledger.strict_faults(ledger.read(bystander_book))

    @pytest.mark.slow
    def test_the_premise_is_the_same_in_every_world(self, built_book, bystander_book):
        first, second = (
            {
                record["id"]: record["estimate"]
                for record in ledger.read(build)["evidence"]
                if record["kind"] != "prediction"
            }
            for build in (built_book, bystander_book)
        )
        assert first == second
        assert "C4.premise.LT_HSC" in first

    @pytest.mark.slow
    def test_bystander_over_five_seeds(self, tmp_path, bystander_book):
        silent = dict.fromkeys(("C1", "C2", "C3", "C4", "C5"), 0)
        others = (build_to_ledger(tmp_path / str(seed), "bystander", seed) for seed in range(2, 6))
        for found in map(self.verdicts_of, (bystander_book, *others)):
            silent["C1"] += found["C1"] == "recovered"
            for one in ("C2", "C3", "C4", "C5"):
                silent[one] += found[one] == "rightly silent"
        assert min(silent.values()) >= 4, silent

    @pytest.mark.slow
    @pytest.mark.parametrize("world", ["intrinsic", "null", "toxic", "opposite", "confounded", "survivor"])
    def test_other_worlds_say_what_the_design_demands(self, tmp_path, world):
        found = ledger.read(build_to_ledger(tmp_path / "book", world))
        assert not ledger.strict_faults(found)
        if world == "confounded":
            assert {claim["prediction"]["verdict"] for claim in found["claims"]} == {"not testable here"}


@pytest.mark.slow
def test_originals_give_the_frozen_premises(tmp_path, mirror, built_book, monkeypatch):
    """The build on downloaded originals has the numbers of the build on frozen tables."""
    monkeypatch.setenv("ENDOMTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ENDOMTOR_MIRROR", str(mirror))
    original = ledger.read(build_book(tmp_path / "book", offline=False))
    frozen = {record["id"]: record for record in ledger.read(built_book)["evidence"] if record["kind"] != "prediction"}
    for record in original["evidence"]:
        if record["kind"] != "prediction":
            assert record["estimate"] == pytest.approx(frozen[record["id"]]["estimate"], abs=1e-4), record["id"]
            assert record["verdict"] == frozen[record["id"]]["verdict"]
