"""The built site in a real browser: every page at two widths, light and dark."""

import time
from pathlib import Path

import browser as headless
import pytest
from selenium.webdriver import Keys
from selenium.webdriver.support.ui import WebDriverWait

from conftest import ROOT, some_quick

PAGES = sorted(
    [f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")]
    + [f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")]
)
QUICK = ("book/index", "book/methods", "notebooks/03_ecko_phenotypes", "notebooks/06_synthesis")
"""The pages that the quick tests look at; the slow ones look at all."""
SOME_QUICK = some_quick(PAGES, QUICK)
WIDTHS = (1280, 390, 320)
SCHEMES = ("light", "dark")

# Left of the page, or beyond its right edge, and not inside something that scrolls by itself.
TOO_WIDE = """
const scrolls = element => {
  for (let up = element.parentElement; up; up = up.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(up).overflowX) && up !== document.documentElement
        && up !== document.body && up.tagName !== 'MAIN') return true;
  return false;
};
return [...document.querySelectorAll('article *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && e.getBoundingClientRect().width > 0 && !scrolls(e))
  .map(e => e.tagName + '.' + e.className).slice(0, 5);
"""

# WCAG 2 contrast of text against the first opaque background behind it.
FAINT = """
const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const luminance = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
const behind = element => {
  for (let up = element; up; up = up.parentElement) {
    const colour = parse(getComputedStyle(up).backgroundColor);
    if (colour.length === 3 || colour[3] > 0.99) return colour;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll('article [class*="endomtor-"], article figcaption, article figcaption p')]
  .filter(e => e.innerText && e.innerText.trim())
  .map(e => {
    const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className || e.tagName];
  })
  .filter(([ratio]) => ratio < 4.5).slice(0, 5);
"""


@pytest.fixture(scope="module")
def address(built_book: Path, serve) -> str:
    return serve(built_book / "html")


@pytest.fixture
def open_page(browser, address):
    def go(page: str, width: int = 1280, scheme: str = "light"):
        headless.screen(browser, width, 900, scheme)
        browser.get(f"{address}/{page}.html")
        return browser

    return go


@pytest.mark.parametrize("page", SOME_QUICK)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(open_page, page, width):
    chrome = open_page(page, width)
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    assert chrome.execute_script(TOO_WIDE) == []


@pytest.mark.parametrize("page", SOME_QUICK)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_boxes_badges_and_captions_can_be_read(open_page, page, scheme):
    chrome = open_page(page, scheme=scheme)
    assert chrome.execute_script("return document.documentElement.dataset.theme") == scheme
    assert chrome.execute_script(FAINT) == []


@pytest.mark.parametrize("page", [page for page in SOME_QUICK if page.values[0].startswith("notebooks")])
def test_every_figure_is_drawn_on_a_light_page_of_its_own(open_page, page):
    chrome = open_page(page, scheme="dark")
    images = chrome.execute_async_script(
        """
        Promise.all([...document.querySelectorAll('article .cell_output img')].map(async image => {
          image.loading = 'eager';
          await image.decode();
          const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
          const context = canvas.getContext('2d');
          context.drawImage(image, image.naturalWidth / 2, image.naturalHeight - 6, 1, 1, 0, 0, 1, 1);
          return [image.naturalWidth, image.alt.length, ...context.getImageData(0, 0, 1, 1).data];
        })).then(arguments[arguments.length - 1]);
        """
    )
    assert images
    for width, alt, red, green, blue, opacity in images:
        assert width > 600
        assert alt > 40
        assert opacity > 250
        assert min(red, green, blue) > 230


# What a reader should see at first: real mice, then the verdict on the first claim of the chapter with its numbers.
FOLD = """
const summary = document.querySelector('.endomtor-summary[aria-label="In one minute"]');
const lead = document.querySelector('.endomtor-lead');
const bottom = element => element.getBoundingClientRect().bottom;
const first = summary.querySelector('.endomtor-summary-n');
const question = document.querySelector('article section > p strong');
return {
  question: bottom(question), real: bottom(lead), data: bottom(summary.querySelector('[class*="endomtor-mark-"]')),
  verdict: bottom(summary.querySelector('.endomtor-badge')),
  interval: bottom(summary.querySelector('tbody tr:last-child')), n: bottom(first),
  text: summary.innerText, asked: question.innerText, told: lead.innerText,
};
"""


@pytest.mark.parametrize("page", [page for page in PAGES if page[10:12] in ("01", "02", "03", "04", "05")])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_screen_of_a_chapter_answers(browser, address, page, width, height):
    headless.screen(browser, width, height)
    browser.get(f"{address}/{page}.html")
    seen = browser.execute_script(FOLD)
    places = [seen[key] for key in ("question", "real", "data", "verdict", "interval", "n")]
    assert places == sorted(places)
    assert places[0] > 0
    # On a phone the verdict follows what is known of real mice, a thumb's length below.
    assert seen["real"] <= height
    assert seen["verdict"] <= (height if width > 1000 else 1.5 * height)
    assert seen["told"].startswith("Real mice. ")
    assert "PUBLIC" in seen["told"]
    assert seen["asked"].endswith("?")
    for words in ("SIMULATED", "numbers assumed", "analysis", "95 % interval", "unit:"):
        assert words in seen["text"]


class TestFurniture:
    def test_title_search_and_copyright(self, open_page):
        chrome = open_page("book/index")
        assert chrome.title.startswith("Endothelial mTOR")
        visible = "return [...document.querySelectorAll('.search-button-field, .search-button__button')]"
        shown = chrome.execute_script(f"{visible}.filter(e => e.offsetParent !== null).length")
        assert shown == 1
        footer = " ".join(element.text for element in chrome.find_elements("css selector", "footer"))
        assert "endomtor contributors" in footer
        assert "2026" in footer
        assert "The Jupyter Book Community" not in chrome.page_source

    def test_search_finds_a_term(self, open_page):
        chrome = open_page("search")
        chrome.get(f"{chrome.current_url}?q=chimerism")
        for _ in range(50):
            found = chrome.find_elements("css selector", "#search-results li a")
            if found:
                break
            time.sleep(0.1)
        assert any("serial_transplants" in link.get_attribute("href") for link in found)

    @pytest.mark.parametrize("query", ["pS6", "p-S6"])
    def test_search_finds_a_protein_however_it_is_hyphenated(self, open_page, query):
        chrome = open_page("search")
        chrome.get(f"{chrome.current_url}?q={query}")
        found = WebDriverWait(chrome, 10).until(lambda page: page.find_elements("css selector", "#search-results li a"))
        assert any("01_mtor_decline" in link.get_attribute("href") for link in found)

    def test_the_glass_stands_before_what_is_typed(self, open_page):
        chrome = open_page("search")
        field = "return [...document.querySelectorAll('.bd-search-container form.bd-search > *')].slice(0, 2)"
        glass, typed = chrome.execute_script(f"{field}.map(e => e.getBoundingClientRect())")
        assert glass["right"] <= typed["left"] + 1

    def test_a_figure_is_enlarged_by_a_click_and_by_a_key(self, open_page):
        chrome = open_page("notebooks/01_mtor_decline")
        link = chrome.find_element("css selector", "div.cell_output a.image-reference")
        shown = "return (d => d.open ? d.querySelector('img').getAttribute('src') : null)"
        shown += "(document.querySelector('.endomtor-large'))"
        for act in (lambda: chrome.execute_script("arguments[0].click()", link), lambda: link.send_keys(Keys.ENTER)):
            act()
            assert chrome.execute_script(shown) == link.get_attribute("href")
            alt = chrome.execute_script("return document.querySelector('.endomtor-large img').alt")
            assert alt.startswith("PUBLIC · ")
            chrome.find_element("css selector", ".endomtor-large button").click()
            assert chrome.execute_script(shown) is None
        assert chrome.current_url.endswith("/notebooks/01_mtor_decline.html")

    def test_a_printed_page_has_its_title(self, open_page):
        chrome = open_page("notebooks/01_mtor_decline")
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            title = chrome.find_element("css selector", "article h1")
            assert title.is_displayed()
            assert chrome.find_element("css selector", "div.cell_output img").is_displayed()
            # A figure that is folded on the screen is on paper, its code is not.
            folded = chrome.find_element("css selector", "div.cell.tag_folded:has(img)")
            assert folded.find_element("css selector", "img").rect["height"] > 100
            assert not folded.find_element("css selector", ".cell_input").is_displayed()
        finally:
            chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})

    def test_no_table_is_cut_at_a_laptops_width_or_on_a_phone(self, open_page):
        """Eight of them ran on beside white; on a phone what is wider is a card for each row."""
        cut = """return [...document.querySelectorAll('figure .endomtor-table')]
          .filter(one => one.offsetParent && one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"""
        for width in (1280, 390):
            for page in ("03_ecko_phenotypes", "05_serial_transplants"):
                assert open_page(f"notebooks/{page}", width).execute_script(cut) == []

    def test_a_chapter_stays_light(self, open_page):
        """Chapter 03 had 17,900 elements, most of them names in code and rows of folded data."""
        chrome = open_page("notebooks/03_ecko_phenotypes")
        assert chrome.execute_script("return document.querySelectorAll('*').length") < 10_500

    def test_figures_belong_to_a_dark_page(self, open_page):
        chrome = open_page("notebooks/01_mtor_decline", scheme="dark")
        look = "const s = getComputedStyle(document.querySelector('div.cell_output img'));"
        assert chrome.execute_script(f"{look} return [s.filter, s.mixBlendMode]") == [
            "invert(1) hue-rotate(180deg)",
            "screen",
        ]

    def test_a_claim_opens_its_evidence_and_leads_to_its_chapter(self, open_page):
        chrome = open_page("book/index")
        fold = chrome.find_element("css selector", ".endomtor-ledger details")
        fold.find_element("tag name", "summary").click()
        assert "interval" in fold.text
        chrome.find_element("css selector", ".endomtor-ledger tbody th a").click()
        assert chrome.current_url.endswith("notebooks/01_mtor_decline.html")

    def test_the_root_redirects(self, browser, address):
        browser.get(f"{address}/")
        for _ in range(50):
            if browser.current_url.endswith("book/index.html"):
                break
            time.sleep(0.1)
        assert browser.current_url.endswith("book/index.html")
