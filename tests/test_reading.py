"""What readers do with the built site, in a real browser: by mouse, by keyboard, on a phone, without a network."""

import io
import json
import re
from pathlib import Path
from urllib.request import urlopen

import browser as headless
import numpy as np
import pdf
import pytest
import quality
import screenshot
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from conftest import ROOT, node_modules, some_quick, unlike, until
from endomtor import public
from endomtor.views import boxes
from test_site import PAGES, SOME_QUICK

LIGHT = ["book/index", "book/references", "notebooks/06_synthesis"]
"""Pages that stand for the others in the quick tests: the ledger, the bibliography, a chapter."""

ALL = [*PAGES, "search"]
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def address(built_book: Path, serve) -> str:
    return serve(built_book / "html")


@pytest.fixture
def open_page(browser, address):
    def go(page: str, width: int = 1280, scheme: str = "light", **more):
        headless.screen(browser, width, 900, scheme, **more)
        browser.get(f"{address}/{page}.html")
        return browser

    return go


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    """axe-core as a script: from `node_modules` where it is, else fetched by npm."""
    if (quality.NODE_MODULES / "axe-core").is_dir():
        return quality.axe_source(quality.NODE_MODULES)
    return quality.axe_source(node_modules(tmp_path_factory.mktemp("axe"), "axe-core"))


# --- For everyone -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", some_quick(ALL, LIGHT[:2]))
def test_axe_finds_nothing_with_any_of_its_rules(open_page, axe, page):
    for width in quality.WIDTHS:
        for scheme in quality.SCHEMES:
            chrome = open_page(page, width, scheme)
            headless.settled(chrome)
            assert quality.violations(chrome, axe) == [], (width, scheme)


def test_axe_would_find_something(open_page, axe):
    chrome = open_page("book/glossary")
    chrome.execute_script("document.querySelector('article').append(new Image())")
    assert any(found.startswith("image-alt") for found in quality.violations(chrome, axe))


@pytest.mark.parametrize("page", [*SOME_QUICK, "search"])
def test_nothing_foreign_is_asked_for_and_nothing_fails(browser, address, page):
    headless.screen(browser, 1280, 900)
    seen = quality.visit(browser, address, f"{page}.html")
    assert seen.errors == []
    assert seen.foreign == []
    assert 10 < seen.kilobytes < quality.FIRST_LOAD


def test_the_policy_stops_what_is_foreign(open_page):
    chrome = open_page("book/glossary")
    chrome.get_log("browser")
    chrome.execute_script(
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/a.png', alt: 'a'}))"
    )
    log = until(lambda: [entry["message"] for entry in chrome.get_log("browser")])
    assert any("Content Security Policy" in message for message in log)


# A mark of focus may be an outline, a shadow, or, for a link that fills its place, another border.
FOCUS = """
const one = document.activeElement, style = getComputedStyle(one);
const seen = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
one.dataset.reached = 'yes';
return [one.tagName + ' ' + (one.className || one.id), seen, one === document.body];
"""
UNREACHED = """
return [...document.querySelectorAll('a[href], button, input, select, summary')]
  .filter(one => one.checkVisibility({visibilityProperty: true}) && one.tabIndex >= 0 && !one.dataset.reached)
  .map(one => one.outerHTML.slice(0, 120));
"""


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.slow), 390])
def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(open_page, width):
    chrome = open_page("book/index", width)
    unseen = []
    for _ in range(400):
        chrome.switch_to.active_element.send_keys(Keys.TAB)
        name, seen, over = chrome.execute_script(FOCUS)
        if over:
            break
        if not seen:
            unseen.append(name)
    assert over
    assert unseen == []
    assert chrome.execute_script(UNREACHED) == []


@pytest.mark.parametrize("page", LIGHT)
def test_who_wants_no_motion_gets_none(open_page, page):
    chrome = open_page(page, still=True)
    moving = """
      const seconds = text => Math.max(...text.split(',').map(parseFloat));
      return [...document.querySelectorAll('*')].filter(one => {
        const style = getComputedStyle(one);
        return seconds(style.transitionDuration) > 0.01 || seconds(style.animationDuration) > 0.01
          || style.scrollBehavior === 'smooth';
      }).map(one => one.tagName + '.' + one.className);
    """
    assert chrome.execute_script(moving) == []


def test_the_menu_of_a_phone_opens_leads_on_and_closes(open_page):
    chrome = open_page("book/index", 390)
    menu = chrome.find_element(By.ID, "pst-primary-sidebar-modal")
    assert not menu.is_displayed()
    toggle = chrome.find_element(By.CSS_SELECTOR, ".primary-toggle")
    toggle.click()
    assert until(menu.is_displayed)
    menu.send_keys(Keys.ESCAPE)
    assert until(lambda: not menu.is_displayed())
    toggle.click()
    link = menu.find_element(By.PARTIAL_LINK_TEXT, "Synthesis")
    assert until(link.is_displayed)
    link.click()
    assert until(lambda: chrome.current_url.endswith("06_synthesis.html"))


@pytest.mark.slow
def test_the_theme_switch_holds_and_a_figure_belongs_to_its_page(open_page):
    chrome = open_page("notebooks/06_synthesis")
    # So high that the bar over the page does not cover the figure.
    headless.screen(chrome, 1280, 3000)
    pictures = {}
    for _ in range(3):
        chrome.find_element(By.CSS_SELECTOR, ".theme-switch-button").click()
        theme = chrome.execute_script("return document.documentElement.dataset.theme")
        chrome.refresh()
        assert chrome.execute_script("return document.documentElement.dataset.theme") == theme
        headless.settled(chrome)
        figure = chrome.find_element(By.CSS_SELECTOR, "article .cell_output img")
        chrome.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", figure)
        pictures[theme] = figure.screenshot_as_png
    chrome.execute_script("localStorage.clear()")
    light, dark = (Image.open(io.BytesIO(pictures[theme])).convert("L") for theme in ("light", "dark"))
    for picture, paper in ((light, 1), (dark, 0)):
        inside = np.asarray(picture.crop((12, 12, picture.width - 12, picture.height - 12))).astype(int)
        # Most of a figure is its ground: that of the page, with ink that stands out from it.
        assert (np.median(inside) > 128) == paper
        assert np.ptp(inside) > 180


# --- The ledger -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.slow)])
def test_the_ledger_shows_each_claim_without_a_choice(open_page, built_book, width):
    chrome = open_page("book/index", width)
    ledger = json.loads((built_book / "ledger.json").read_text(encoding="utf-8"))
    rows = chrome.find_elements(By.CSS_SELECTOR, ".endomtor-ledger tbody tr")
    assert [row.find_element(By.TAG_NAME, "th").text for row in rows if row.is_displayed()] == [
        claim["id"] for claim in ledger["claims"]
    ]
    assert chrome.find_elements(By.CSS_SELECTOR, "article select") == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_screen_says_what_is_real_what_is_simulated_and_what_is_unknown(open_page, width, height):
    chrome = open_page("book/index", width)
    headless.screen(chrome, width, height)
    places = chrome.execute_script(
        "return [...document.querySelectorAll('.endomtor-ask, .endomtor-calm, .endomtor-panel')]"
        ".map(one => [one.getBoundingClientRect().bottom, one.innerText])"
    )
    assert len(places) == 5
    assert all(bottom <= height for bottom, _ in places)
    asked, *_ = (text for _, text in places)
    assert asked.endswith("?")
    for words, (_, text) in zip(("Real mice PUBLIC", "Simulated mice SIMULATED", "Unknown"), places[2:], strict=True):
        assert " ".join(text.split()).startswith(words)


def test_a_verdict_leads_to_its_evidence_and_to_the_cell_that_computed_it(open_page):
    chrome = open_page("book/index")
    chrome.find_element(By.CSS_SELECTOR, ".endomtor-ledger details summary").click()
    link = chrome.find_element(By.CSS_SELECTOR, ".endomtor-ledger details li a")
    record = link.get_attribute("href").split("#")[1]
    link.click()
    row = chrome.find_element(By.CSS_SELECTOR, "tr:target")
    assert row.get_attribute("id") == record
    row.find_element(By.LINK_TEXT, "this cell").click()
    place = chrome.find_element(By.CSS_SELECTOR, ":target")
    assert place.get_attribute("id") == record
    cell = place.find_element(By.XPATH, "./parent::div/following-sibling::div[contains(@class, 'cell')][1]")
    assert cell.find_elements(By.CSS_SELECTOR, ".cell_input")
    assert -1 < cell.rect["y"] - chrome.execute_script("return scrollY") < 450


# --- Search and links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sought", ["gene", "chimerism"])
@pytest.mark.slow
def test_search_finds_a_gene_and_a_term(open_page, sought):
    words = public.hsc_aging.signature()[0].index[0] if sought == "gene" else sought
    chrome = open_page("book/index")
    chrome.find_element(By.CSS_SELECTOR, ".search-button-field").click()
    field = chrome.find_element(By.CSS_SELECTOR, "#pst-search-dialog input")
    field.send_keys(words, Keys.ENTER)
    found = until(lambda: chrome.find_elements(By.CSS_SELECTOR, "#search-results li a"))
    assert found, words
    found[0].click()
    assert words.lower() in chrome.find_element(By.TAG_NAME, "main").get_attribute("textContent").lower()


@pytest.mark.parametrize("page", SOME_QUICK)
def test_links_to_the_repository_name_files_that_are_there(open_page, page):
    chrome = open_page(page)
    links = chrome.execute_script("return [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))")
    files = [
        match[1]
        for link in links
        for match in [re.search(r"(?:/(?:edit|blob|tree)/[\w.-]+/|lab(?:/|%2F)tree(?:/|%2F))([^?#]+)$", link)]
        if match and "endomtor" in link
    ]
    assert files
    assert [name for name in files if not (ROOT / name.replace("%2F", "/")).exists()] == []


def test_a_script_in_a_name_stays_text(browser, built_book, serve, tmp_path):
    ledger = json.loads((built_book / "ledger.json").read_text(encoding="utf-8"))
    ledger["dataset"] |= {"provenance": "measured", "title": SCRIPT}
    for record in ledger["evidence"]:
        record["prediction"] = record["unit"] = SCRIPT
    for claim in ledger["claims"]:
        claim["title"] = claim["text"] = claim["caution"] = SCRIPT
        claim["prediction"]["verdict"] = "inconclusive"
    html = f"<!doctype html><meta charset='utf-8'><title>A ledger</title>{boxes.ledger_html(ledger)}"
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    browser.get(f"{serve(tmp_path)}/index.html")
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert browser.find_element(By.TAG_NAME, "body").text.count(SCRIPT) > len(ledger["claims"])


# --- Paper and pictures -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_book_is_printed_whole(built_book):
    made = pdf.printed(built_book / "html", "<p>endomtor contributors</p>")
    assert made.startswith(b"%PDF")
    assert made.rstrip().endswith(b"%%EOF")
    # Chromium writes the tree of pages uncompressed.
    counts = [int(count) for count in re.findall(rb"/Type /Pages\s*/Count (\d+)", made)]
    assert max(counts) > 5 * len(PAGES) / 2
    assert made.count(b"/Subtype /Image") > 20


PICTURE_TOLERANCE = 1.5
"""Root mean square, of 255: letters smoothed in another way make 0.4, another word in one verdict makes 5."""


@pytest.mark.slow
@pytest.mark.parametrize("name", screenshot.PICTURES)
def test_the_pictures_of_the_readme_show_the_book_as_it_is(built_book, serve, tmp_path, name):
    drawn = screenshot.picture(serve(built_book / "html"), *screenshot.PICTURES[name])
    command = "make book && .venv/bin/python scripts/screenshot.py"
    assert not (found := unlike(screenshot.FOLDER / name, drawn, PICTURE_TOLERANCE, tmp_path, command)), found


@pytest.mark.slow
@pytest.mark.parametrize("name", screenshot.PICTURES)
def test_a_picture_of_the_readme_with_another_verdict_is_refused(built_book, serve, tmp_path, name):
    page, height = screenshot.PICTURES[name]
    html = (built_book / "html" / page).read_text(encoding="utf-8")
    address = serve(tmp_path)
    (tmp_path / page).parent.mkdir()
    for folder in ("_static", "_images"):
        (tmp_path / folder).symlink_to(built_book / "html" / folder)
    drawn = []
    for verdict in ("works", "errs"):
        changed = html.replace("analysis works", f"analysis {verdict}")
        (tmp_path / page).write_text(changed, encoding="utf-8")
        drawn.append(screenshot.picture(address, page, height))
    kept = tmp_path / name
    kept.write_bytes(drawn[0])
    (tmp_path / "new").mkdir()
    assert not unlike(kept, drawn[0], PICTURE_TOLERANCE, tmp_path / "new", "")
    assert f"differs from {kept} by " in unlike(kept, drawn[1], PICTURE_TOLERANCE, tmp_path / "new", "")


@pytest.mark.parametrize(
    ("address", "path"),
    [("https://example.org/endomtor/", "endomtor"), ("https://example.org/", ""), ("https://example.org/a/b/", "a/b")],
)
def test_a_site_is_measured_under_the_path_of_its_own_address(tmp_path, address, path):
    (tmp_path / "book").mkdir()
    for page in ("book/index.html", "404.html"):
        (tmp_path / page).write_text("a page")
    assert quality.base_path(tmp_path) == ""
    (tmp_path / "sitemap.xml").write_text(f"<urlset><url><loc>{address}book/index.html</loc></url></urlset>")
    assert quality.base_path(tmp_path) == path
    with quality.in_its_place(tmp_path) as place:
        assert place.endswith(f"/{path or 'site'}")
        assert urlopen(f"{place}/404.html").read() == b"a page"
