"""What the site draws around the pages: the block at a chapter's end, status, cards, site map, 404, notes, search."""

import functools
import http.server
import io
import json
import re
import subprocess
import threading
import time
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import browser as headless
import icons
import nbformat
import numpy as np
import pybtex.database
import pytest
import typer
import yaml
from PIL import Image
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from conftest import ROOT
from endomtor import cli
from endomtor.building import executed, furniture, sharing, status_page
from endomtor.building.workflow import Settings

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
SITE = CONFIG["html"]["baseurl"]
REPOSITORY = CONFIG["repository"]["url"]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
ABOUT = {"title": "A {book}", "authors": [{"name": "A, B and C"}, {"given-names": "Jane", "family-names": "Doe"}]}


class Head(HTMLParser):
    """Meta tags and links of a page's head, and all links of the page."""

    def __init__(self, text: str):
        super().__init__()
        self.meta: dict[str, str] = {}
        self.rel: dict[str, list[str]] = {}
        self.hrefs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "meta" and (name := attributes.get("name") or attributes.get("property")):
            self.meta[name] = attributes["content"]
        if tag == "link":
            self.rel.setdefault(attributes["rel"], []).append(attributes["href"])
        if tag == "a" and "href" in attributes:
            self.hrefs.append(attributes["href"])


@pytest.fixture(scope="module")
def html(built_book: Path) -> Path:
    return built_book / "html"


@pytest.fixture(scope="module")
def address(html: Path, serve) -> str:
    return serve(html)


def text_of(html: Path, page: str) -> str:
    return (html / page).read_text(encoding="utf-8")


def pages_of(html: Path) -> list[str]:
    """The pages that the book is made of, not those that Sphinx adds."""
    return sorted(
        path.relative_to(html).as_posix() for name in ("book", "notebooks") for path in html.glob(f"{name}/*.html")
    )


def about_of(html: Path, chapter: str) -> str:
    return (
        text_of(html, f"notebooks/{chapter}.html")
        .partition('<section class="endomtor-about"')[2]
        .partition("</section>")[0]
    )


def copied(block: str) -> list[str]:
    """What the buttons of a block copy."""
    return [unescape(re.sub(r"<[^>]*>", "", one)) for one in re.findall(r"<pre>(.*?)</pre>", block, re.DOTALL)]


class TestMap:
    def test_the_site_map_lists_every_page_and_nothing_else(self, html):
        space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
        listed = [place.text for place in ElementTree.parse(html / "sitemap.xml").findall("s:url/s:loc", space)]
        assert all(place.startswith(SITE) for place in listed)
        assert [place.removeprefix(SITE) for place in listed] == pages_of(html)

    def test_robots_are_shown_the_map(self, html):
        assert f"Sitemap: {SITE}sitemap.xml" in text_of(html, "robots.txt").splitlines()

    def test_each_page_says_to_others_what_it_is(self, html):
        said = {}
        for page in pages_of(html):
            head = Head(text_of(html, page))
            assert head.rel["canonical"] == [f"{SITE}{page}"]
            assert head.meta["og:url"] == f"{SITE}{page}"
            assert head.meta["og:title"] == head.meta["twitter:title"]
            assert head.meta["og:site_name"] == CONFIG["title"]
            assert head.meta["description"] == head.meta["og:description"] == head.meta["twitter:description"]
            assert 20 < len(head.meta["description"]) < 250, page
            assert "robots" not in head.meta
            assert (html / head.meta["og:image"].removeprefix(SITE)).is_file()
            said[page] = head.meta["description"]
        assert len(set(said.values())) == len(said)

    def test_a_chapter_is_described_by_its_question_and_its_data(self, html):
        for chapter in CHAPTERS:
            said = Head(text_of(html, f"notebooks/{chapter}.html")).meta["description"]
            question = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", as_version=4).cells[0].source
            plain = re.sub(
                r"\{\w+\}`([^`<]*?)\s*(?:<[^`]*)?`", r"\1", re.search(r"\*\*(.*?)\*\*", question, re.DOTALL)[1]
            )
            assert said == f"{' '.join(plain.split())} Answered on simulated data."

    def test_the_card_has_the_size_that_it_claims(self, html):
        head = Head(text_of(html, "book/index.html"))
        with Image.open(html / "card.png") as picture:
            assert picture.format == "PNG"
            assert picture.size == sharing.CARD_SIZE
            assert picture.size == (int(head.meta["og:image:width"]), int(head.meta["og:image:height"]))
            colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
        # Title and note are there: ink on paper, and the colour of the mark for simulated data.
        for colour in ((34, 34, 34), (0xFF, 0xF3, 0xD6)):
            assert (colours == colour).all(axis=1).sum() > 5_000
        assert "SIMULATED" in head.meta["og:image:alt"]

    def test_pages_about_the_making_are_reached_from_the_colophon_at_their_old_addresses(self, html):
        text = text_of(html, "book/colophon.html")
        sidebar = text.partition('class="bd-links')[2].partition("</nav>")[0]
        article = text.partition("<article")[2].partition("</article>")[0]
        assert 'href="glossary.html"' in sidebar
        for page in ("changes", "performance", "status"):
            assert f'href="{page}.html' not in sidebar
            assert f'href="{page}.html' in article

    def test_the_pages_of_sphinx_are_not_to_be_found(self, html):
        modules = [path.relative_to(html).as_posix() for path in html.glob("_modules/**/*.html")]
        assert "_modules/endomtor/stats/groups.html" in modules
        assert "_modules" not in text_of(html, "searchindex.js")
        for page in ("404.html", "search.html", *modules):
            assert Head(text_of(html, page)).meta["robots"] == "noindex"


class TestIcons:
    def test_every_page_names_icons_that_exist(self, html):
        for page in (*pages_of(html), "search.html"):
            head = Head(text_of(html, page))
            for one in (*head.rel["icon"], *head.rel["apple-touch-icon"]):
                assert (html / page).parent.joinpath(one).resolve().is_file(), (page, one)
        with Image.open(html / "favicon.ico") as picture:
            assert {(16, 16), (32, 32)} <= picture.info["sizes"]
        with Image.open(html / "apple-touch-icon.png") as picture:
            assert (picture.size, picture.mode) == ((180, 180), "RGB")

    def test_they_are_drawn_from_the_logo(self, browser):
        logo = icons.drawn((ROOT / "book" / "_static" / "logo.svg").read_bytes())
        now = np.asarray(Image.open(io.BytesIO(icons.png(logo)))).astype(float)
        kept = np.asarray(Image.open(ROOT / "book" / "_extra" / "apple-touch-icon.png")).astype(float)
        assert np.abs(now - kept).mean() < 1, "run scripts/icons.py"


class TestAbout:
    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_the_command_runs_this_chapter_as_it_was_run(self, html, built_book, chapter):
        line = copied(about_of(html, chapter))[0].split()
        assert line[:2] == ["endomtor", "run"]
        run = typer.main.get_command(cli.app).commands["run"]
        given_ = run.make_context("run", line[2:]).params
        dataset = json.loads((built_book / "ledger.json").read_text(encoding="utf-8"))["dataset"]
        assert (given_["world"], given_["seed"], given_["data"]) == (dataset["world"], dataset["seed"], None)
        assert Settings(root=str(ROOT), build="").chapter(given_["chapter"]) == chapter

    def test_a_laboratorys_folder_is_not_named(self):
        dataset = {"provenance": "measured", "example": False, "title": "/home/someone/mice"}
        assert furniture.command("03_ecko_phenotypes", dataset) == "endomtor run 03 --data DIR"

    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_links_lead_to_files_of_the_repository(self, html, chapter):
        hrefs = Head(text_of(html, f"notebooks/{chapter}.html")).hrefs
        hosts = {"Binder": "https://mybinder.org/", "Colab": "https://colab.research.google.com/"}
        found = {name: [one for one in hrefs if one.startswith(host)] for name, host in hosts.items()}
        # Above the page and at its end, and the same.
        assert {name: (len(links), len(set(links))) for name, links in found.items()} == {
            "Binder": (2, 1),
            "Colab": (2, 1),
        }
        binder, colab = urlsplit(found["Binder"][0]), urlsplit(found["Colab"][0])
        *_, owner, name, commit = binder.path.split("/")
        assert f"https://github.com/{owner}/{name}" == REPOSITORY
        assert parse_qs(binder.query)["urlpath"] == [f"lab/tree/notebooks/{chapter}.ipynb"]
        assert colab.path == f"/github/{owner}/{name}/blob/{furniture.LAUNCH_BRANCH}/notebooks/{chapter}.ipynb"
        assert (ROOT / "notebooks" / f"{chapter}.ipynb").is_file()
        if (ROOT / ".git").exists():
            kept = ["git", "cat-file", "-e", f"{commit}:notebooks/{chapter}.ipynb"]
            assert subprocess.run(kept, cwd=ROOT, capture_output=True).returncode == 0
        assert "Neither could be tried" in about_of(html, chapter)

    def test_edit_links_lead_to_files_of_the_repository(self, html):
        for page in pages_of(html):
            [edit] = [one for one in Head(text_of(html, page)).hrefs if one.startswith(f"{REPOSITORY}/edit/")]
            branch, _, path = edit.removeprefix(f"{REPOSITORY}/edit/").partition("/")
            assert branch == CONFIG["repository"]["branch"]
            assert (ROOT / unquote(path)).is_file(), edit

    def test_a_report_names_page_and_commit(self, html):
        for page in pages_of(html):
            reports = {one for one in Head(text_of(html, page)).hrefs if one.startswith(f"{REPOSITORY}/issues/new")}
            [query] = [parse_qs(urlsplit(one).query) for one in reports]
            name = page.removesuffix(".html")
            assert name in query["title"][0]
            assert f"Page: {name}\n" in query["body"][0]
            assert re.search(r"^Commit: [0-9a-f]{12}", query["body"][0], re.MULTILINE)

    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_the_citation_without_a_script(self, html, chapter):
        _, text, bibtex = copied(about_of(html, chapter))
        [(key, entry)] = pybtex.database.parse_string(bibtex, "bibtex").entries.items()
        assert key == f"endomtor-{chapter}"
        address = f"{SITE}notebooks/{chapter}.html"
        assert entry.fields["url"] == address
        assert entry.fields["year"] == "n.d."
        title = entry.fields["title"].strip("{}")
        assert f"{title}. In: {yaml.safe_load((ROOT / 'CITATION.cff').read_text())['title']}" in text
        for words in (text, entry.fields["note"]):
            assert re.search(
                r"Version \d+\.\d+\.\d+, commit [0-9a-f]{12}( with later changes)?, on simulated data", words
            )
        assert text.endswith(address)

    def test_names_of_people_and_of_groups(self):
        text = furniture.citation_bibtex(ABOUT, "key", "50 % of {A} & B_c", "Version 1", "https://a.b/c_d%20e")
        entry = pybtex.database.parse_string(text, "bibtex").entries["key"]
        assert [str(person) for person in entry.persons["author"]] == ["{A, B and C}", "Doe, Jane"]
        assert entry.fields["url"] == "https://a.b/c_d%20e"
        assert entry.fields["title"] == r"{50 \% of {A} \& B\_c}"
        words = furniture.citation_text(ABOUT, "T", "Version 1", "")
        assert words == "A, B and C, Doe, Jane. T. In: A {book}. Version 1, {date}."

    def test_a_host_that_is_not_github_has_no_launch_links(self):
        assert furniture.launch_links("https://git.example.org/a/b", "main", "notebooks/01_one") == {}


class TestTimes:
    def test_they_come_from_the_execution_and_the_date_from_the_build(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
        folder = tmp_path / "executed" / "notebooks"
        folder.mkdir(parents=True)
        for name in ("01_one", "02_two"):
            nbformat.write(nbformat.v4.new_notebook(), folder / f"{name}.ipynb")
        executed.run_time_file(folder / "01_one.ipynb").parent.mkdir()
        executed.run_time_file(folder / "01_one.ipynb").write_text('{"seconds": 12.3}')
        assert status_page.times(tmp_path) == {"date": "1970-01-02", "year": "1970", "seconds": {"01_one": 12.3}}

    def test_no_page_holds_a_time(self, html):
        for page in pages_of(html):
            text = text_of(html, page)
            assert not re.search(r'data-endomtor-\w+="[^"]*">(?!n\.d\.|not recorded)', text), page
        for chapter in CHAPTERS:
            assert not re.search(r"20\d\d-\d\d-\d\d|\d+ s\b", about_of(html, chapter))

    def test_a_script_puts_them_in_also_from_the_disk(self, browser, html):
        headless.screen(browser, 1280, 900)
        kept = json.loads(text_of(html, status_page.TIMES).partition("= ")[2].rstrip(";\n"))
        assert set(kept["seconds"]) == set(CHAPTERS)
        browser.get((html / "book" / "status.html").as_uri())
        shown = {
            place.get_attribute("data-endomtor-seconds"): place.text
            for place in browser.find_elements(By.CSS_SELECTOR, "[data-endomtor-seconds]")
        }
        assert set(shown) == {*CHAPTERS, ""}
        assert all(re.fullmatch(r"(\d+ min )?\d+ s", words) for words in shown.values()), shown
        assert browser.find_element(By.CSS_SELECTOR, "[data-endomtor-build=date]").text == kept["date"]

        browser.get((html / "notebooks" / "01_mtor_decline.html").as_uri())
        bibtex = browser.execute_script("return document.querySelector('.endomtor-about details pre').textContent")
        entry = pybtex.database.parse_string(bibtex, "bibtex").entries["endomtor-01_mtor_decline"]
        assert entry.fields["year"] == kept["year"]
        assert kept["date"] in entry.fields["note"]

    def test_the_status_page_knows_each_chapter(self, html, built_book):
        rows = re.findall(r"<tr.*?</tr>", text_of(html, "book/status.html"), re.DOTALL)
        evidence = json.loads((built_book / "ledger.json").read_text(encoding="utf-8"))["evidence"]
        for chapter in CHAPTERS:
            [row] = [row for row in rows if f"/{chapter}.html" in row]
            records = sum(record["notebook"] == chapter for record in evidence)
            assert re.search(rf"executed.*<p>\d+</p>.*<p>{records}</p>", row, re.DOTALL)
        packages = next(row for row in rows if "<p>packages</p>" in row)
        for name in ("jupyter-book", "papermill", "pandas", "snakemake"):
            assert re.search(rf"\b{name} \d+\.", packages), name


class TestNotFound:
    @contextmanager
    def pages_host(self, html: Path, tmp_path: Path):
        """Serve the site as its host does: below the path of its address, with 404.html for what is missing."""
        below = urlsplit(SITE).path.strip("/")
        (tmp_path / below).symlink_to(html)

        class Host(http.server.SimpleHTTPRequestHandler):
            def send_error(self, code, message=None, explain=None):
                content = (html / "404.html").read_bytes()
                self.send_response(code)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Host, directory=tmp_path)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/{below}"
            server.shutdown()

    @pytest.mark.parametrize("missing", ["nothing.html", "book/a/b/nothing"])
    def test_it_works_at_any_depth(self, browser, html, tmp_path, missing):
        headless.screen(browser, 1280, 900)
        with self.pages_host(html, tmp_path) as host:
            browser.get_log("browser")
            browser.get(f"{host}/{missing}")
            assert browser.find_element(By.CSS_SELECTOR, "article h1").text.startswith("Page not found")
            # The page itself is missing, and nothing else.
            severe = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
            assert len(severe) == 1
            assert severe[0].startswith(f"{host}/{missing} ")
            widths = "return [...document.querySelectorAll('img')].filter(e => e.offsetParent).map(e => e.naturalWidth)"
            assert browser.execute_script(widths)
            assert all(browser.execute_script(widths))
            # The sidebar lies beside the text only where the theme's styles are.
            sides = [browser.find_element(By.CSS_SELECTOR, one).rect for one in ("#pst-primary-sidebar", "article")]
            assert sides[0]["x"] + sides[0]["width"] <= sides[1]["x"]
            box = browser.find_element(By.CSS_SELECTOR, "article input[type=search]")
            box.send_keys("chimerism", Keys.ENTER)
            WebDriverWait(browser, 10).until(lambda page: page.current_url == f"{host}/search.html?q=chimerism")
            browser.get(f"{host}/{missing}")
            browser.find_element(By.LINK_TEXT, "To the first page of the book").click()
            assert browser.current_url == f"{host}/book/index.html"

    def test_a_copy_served_from_the_root_has_its_style_too(self, browser, html, tmp_path):
        """It asked below the path of the site's address, where `make serve` has nothing."""
        headless.screen(browser, 1280, 900)
        with self.pages_host(html, tmp_path) as host:
            root = host.removesuffix(f"/{urlsplit(SITE).path.strip('/')}")
            for one in html.iterdir():
                (tmp_path / one.name).symlink_to(one)
            browser.get(f"{root}/nothing/at/all")
            styled = "return [...document.styleSheets].every(one => one.href === null || one.cssRules.length)"
            WebDriverWait(browser, 10).until(lambda page: page.execute_script(styled))
            sides = [browser.find_element(By.CSS_SELECTOR, one).rect for one in ("#pst-primary-sidebar", "article")]
            assert sides[0]["x"] + sides[0]["width"] <= sides[1]["x"]
            browser.find_element(By.LINK_TEXT, "To the first page of the book").click()
            assert browser.current_url == f"{root}/book/index.html"
            browser.get_log("browser")


NOTE = "return (n => n && !n.hidden ? n.textContent : null)(document.querySelector('#endomtor-note'))"


class TestNotes:
    """Definitions of terms and cited works, for mouse, keyboard and finger."""

    def test_every_link_to_a_term_has_its_definition(self, html):
        glossary = text_of(html, "book/glossary.html")
        terms = set(re.findall(r'id="(term-[^"]+)"', glossary))
        seen = 0
        for page in pages_of(html):
            for href, rest in re.findall(
                r'<a class="reference internal" href="([^"]*#term-[^"]+)"([^>]*)>', text_of(html, page)
            ):
                assert href.partition("#")[2] in terms
                title = unescape(re.search(r'title="([^"]*)"', rest)[1])
                assert re.match(r"[^:]+: \S.{15,}\.$", title), (page, href, title)
                assert "\\" not in title
                assert "; see " not in title
                seen += 1
        assert seen > 50

    @pytest.fixture
    def chapter(self, browser, address):
        headless.screen(browser, 1280, 900)
        browser.get(f"{address}/notebooks/03_ecko_phenotypes.html")
        assert browser.execute_script(NOTE) is None
        return browser

    def note(self, chrome) -> str:
        WebDriverWait(chrome, 5).until(lambda page: page.execute_script(NOTE))
        return chrome.execute_script(NOTE)

    def test_by_keyboard(self, chapter):
        # From the title on, past the link to the title itself, which is there for who hovers over it.
        chapter.execute_script("const h = document.querySelector('article h1'); h.tabIndex = -1; h.focus()")
        for _ in range(2):
            ActionChains(chapter).send_keys(Keys.TAB).perform()
            if chapter.execute_script("return document.activeElement.matches('[data-endomtor-note]')"):
                break
        assert self.note(chapter).startswith("ECKO: Endothelial-cell knock-out.")
        focused = "const a = document.activeElement; return [a.innerText, a.getAttribute('aria-describedby'), a.title]"
        assert chapter.execute_script(focused) == ["ECKO", "endomtor-note", ""]
        role = chapter.find_element(By.ID, "endomtor-note").get_attribute("role")
        assert role == "tooltip"
        ActionChains(chapter).send_keys(Keys.ESCAPE).perform()
        assert chapter.execute_script(NOTE) is None
        assert chapter.execute_script(focused) == ["ECKO", None, ""]
        ActionChains(chapter).send_keys(Keys.TAB).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        assert self.note(chapter).startswith("ECKO")

    def test_by_mouse_and_it_can_be_pointed_at(self, chapter):
        cited = chapter.find_element(By.CSS_SELECTOR, "article .bibtex-citation a")
        chapter.execute_script("arguments[0].scrollIntoView({block: 'center'})", cited)
        ActionChains(chapter).move_to_element(cited).perform()
        assert re.search(r"\b(19|20)\d\d\b", self.note(chapter))
        ActionChains(chapter).move_to_element(chapter.find_element(By.ID, "endomtor-note")).perform()
        time.sleep(0.4)
        assert chapter.execute_script(NOTE)
        ActionChains(chapter).move_to_element(chapter.find_element(By.CSS_SELECTOR, "#pst-primary-sidebar")).perform()
        WebDriverWait(chapter, 5).until(lambda page: page.execute_script(NOTE) is None)

    def test_by_finger_first_the_note_then_the_link(self, browser, address):
        headless.screen(browser, 390, 844)
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        try:
            browser.get(f"{address}/notebooks/03_ecko_phenotypes.html")
            link = browser.find_element(By.CSS_SELECTOR, "article a[data-endomtor-note]")
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)

            def tap():
                # A link that breaks over two lines has no middle of its own.
                at = browser.execute_script(
                    "const r = arguments[0].getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2]", link
                )
                point = {"x": at[0], "y": at[1]}
                browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
                browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

            tap()
            assert self.note(browser).startswith("ECKO")
            assert browser.current_url.endswith("03_ecko_phenotypes.html")
            box = browser.find_element(By.ID, "endomtor-note").rect
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            tap()
            WebDriverWait(browser, 10).until(lambda page: page.current_url.endswith("glossary.html#term-ECKO"))
        finally:
            browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


class TestCode:
    """The code of a chapter is folded; one switch opens all of it on every page."""

    OPEN = "return [...document.querySelectorAll('div.cell details.hide')].map(fold => fold.open)"

    @pytest.fixture
    def chapter(self, browser, address):
        headless.screen(browser, 1280, 900)
        browser.get(f"{address}/notebooks/01_mtor_decline.html")
        browser.execute_script("localStorage.removeItem('endomtor-all-code')")
        browser.refresh()
        yield browser
        browser.execute_script("localStorage.removeItem('endomtor-all-code')")

    def test_no_page_shows_a_cell_that_only_the_build_needs(self, html):
        for chapter in CHAPTERS:
            text = text_of(html, f"notebooks/{chapter}.html")
            assert text.count('<details class="admonition hide') > 3
            assert "data_dir = " not in re.sub(r"<[^>]*>", "", text)

    def test_the_switch_by_keyboard_is_remembered_on_other_pages(self, chapter):
        assert not any(chapter.execute_script(self.OPEN))
        switch = chapter.find_element(By.CSS_SELECTOR, ".endomtor-all-code")
        assert (switch.text, switch.get_attribute("aria-pressed")) == ("Show all code", "false")
        switch.send_keys(Keys.ENTER)
        assert switch.get_attribute("aria-pressed") == "true"
        assert all(chapter.execute_script(self.OPEN))
        chapter.get(chapter.current_url.replace("01_mtor_decline", "02_rapamycin"))
        assert all(chapter.execute_script(self.OPEN))
        switch = chapter.find_element(By.CSS_SELECTOR, ".endomtor-all-code")
        switch.send_keys(Keys.SPACE)
        assert switch.get_attribute("aria-pressed") == "false"
        chapter.refresh()
        assert not any(chapter.execute_script(self.OPEN))

    def test_a_fold_opens_by_itself_and_says_what_it_does(self, chapter):
        summary = chapter.find_element(By.CSS_SELECTOR, "div.cell details.hide > summary")
        assert summary.text == "Show code"
        assert summary.get_attribute("aria-label") is None
        summary.send_keys(Keys.ENTER)
        assert summary.text == "Hide code"
        assert sum(chapter.execute_script(self.OPEN)) == 1

    def test_a_figure_leads_to_its_code(self, chapter):
        link = chapter.find_element(By.CSS_SELECTOR, ".endomtor-figure-data a[href^='#cell-of-']")
        chapter.execute_script("arguments[0].closest('details').open = true; arguments[0].click()", link)
        WebDriverWait(chapter, 5).until(lambda page: sum(page.execute_script(self.OPEN)) == 1)
        top = "return document.querySelector('div.cell details.hide[open]').getBoundingClientRect().top"
        assert 0 <= chapter.execute_script(top) < 400

    def test_a_page_without_code_has_no_switch(self, html):
        assert "endomtor-all-code" not in text_of(html, "book/methods.html")
        assert 'aria-pressed="false"' in text_of(html, "notebooks/06_synthesis.html")


class TestRealMiceOnly:
    """One switch hides what is simulated; it is remembered on every page."""

    SEEN = (
        "const seen = (what) => [...document.querySelectorAll(what)].filter((one) => one.checkVisibility()).length;"
        "return [seen('.endomtor-box-simulated, .endomtor-cell-simulated > *'), seen('.endomtor-box-public'),"
        " seen('figcaption'), document.body.innerText.includes('In these simulated mice')]"
    )

    def test_what_is_simulated_goes_and_real_mice_stay(self, browser, address):
        headless.screen(browser, 1280, 900)
        browser.get(f"{address}/notebooks/03_ecko_phenotypes.html")
        browser.execute_script("localStorage.removeItem('endomtor-real-only')")
        browser.refresh()
        simulated, public, figures, told = browser.execute_script(self.SEEN)
        assert simulated > 0
        assert told
        switch = browser.find_element(By.CSS_SELECTOR, ".endomtor-real-only")
        assert (switch.text, switch.get_attribute("aria-pressed")) == ("Real mice only", "false")
        switch.send_keys(Keys.ENTER)
        try:
            left = browser.execute_script(self.SEEN)
            assert left[:2] == [0, public]
            assert 3 <= left[2] < figures
            assert not left[3]
            captions = [one.text for one in browser.find_elements(By.TAG_NAME, "figcaption") if one.is_displayed()]
            assert all("public" in caption.lower() for caption in captions), captions
            browser.get(f"{address}/book/index.html")
            assert browser.execute_script(self.SEEN)[0] == 0
        finally:
            browser.find_element(By.CSS_SELECTOR, ".endomtor-real-only").send_keys(Keys.ENTER)
        assert browser.execute_script(self.SEEN)[0] > 0


class TestWays:
    def test_next_leads_through_the_whole_book_and_previous_back(self, html):
        page, walked = "book/index.html", []
        while page:
            assert page not in walked
            rel = Head(text_of(html, page)).rel
            steps = {
                side: (html / page).parent.joinpath(one).resolve().relative_to(html.resolve()).as_posix()
                for side in ("prev", "next")
                for one in rel.get(side, [])
            }
            assert steps.get("prev") == (walked[-1] if walked else None)
            area = text_of(html, page).partition('class="prev-next-area"')[2].partition("</footer>")[0]
            assert Head(area).hrefs == [one for side in ("prev", "next") for one in rel.get(side, [])]
            walked.append(page)
            page = steps.get("next")
        assert sorted(walked) == pages_of(html)

    @pytest.mark.parametrize(
        ("words", "page"),
        [("Selp", "book/data.html"), ("chimerism", "05_serial_transplants"), ("rank-rank", "04_transcriptome")],
    )
    def test_the_search_finds_genes_and_terms(self, browser, address, words, page):
        headless.screen(browser, 1280, 900)
        browser.get(f"{address}/book/index.html")
        ActionChains(browser).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
        field = browser.find_element(By.CSS_SELECTOR, "#pst-search-dialog input[type=search]")
        WebDriverWait(browser, 10).until(lambda _: field.is_displayed())
        field.send_keys(words, Keys.ENTER)
        found = "return [...document.querySelectorAll('#search-results li a')].map(a => a.href)"
        # Results come one by one.
        WebDriverWait(browser, 10).until(lambda chrome: any(page in link for link in chrome.execute_script(found)))
