"""The graphical abstract: its words from the ledger, its links, and how it looks in a browser."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import browser as headless
import pytest

from conftest import ROOT
from endomtor import ledger
from endomtor.building import readers_map
from endomtor.claims import catalogue, verdicts
from endomtor.provenance import Provenance

SVG = "{http://www.w3.org/2000/svg}"
CLAIMS = catalogue.load().claims
TITLE = "Ours"


def empty_ledger(kind: str = "measured", *, example: bool = False) -> dict:
    """The ledger of a data set in which nothing was recorded."""
    world = {"world": "paper", "seed": 1} if kind == "simulated" else {}
    own = Provenance(kind=kind, title=TITLE, source="a test", sha256="0" * 64, example=example, **world)
    return ledger.build([], own, catalogue.load(), lambda _: True)


def drawings(html: str) -> list[ET.Element]:
    """Both drawings, read as XML."""
    return list(ET.fromstring(html.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')))


def texts(element: ET.Element) -> list[str]:
    return [text.text for text in element.iter(f"{SVG}text")]


class TestDrawing:
    @pytest.mark.parametrize("made", [None, empty_ledger(), empty_ledger("simulated"), empty_ledger(example=True)])
    def test_each_drawing_has_title_description_and_a_link_for_each_claim(self, made):
        found = drawings(readers_map.html(made))
        assert len(found) == 2
        for svg in found:
            title, told = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
            assert svg.get("aria-labelledby") == title.get("id")
            assert svg.get("aria-describedby") == told.get("id")
            assert "mTOR" in told.text
            links = [one.get("href") for one in svg.iter(f"{SVG}a")]
            assert links == [f"../notebooks/{claim.chapter}.html" for claim in CLAIMS]
            assert all(f"{claim.id} {claim.title}" in told.text for claim in CLAIMS)

    def test_ids_are_unique(self):
        ids = [element.get("id") for svg in drawings(readers_map.html(None)) for element in svg.iter()]
        ids = [one for one in ids if one]
        assert len(ids) == len(set(ids)) == 6

    def test_no_line_leaves_its_box_and_no_box_the_drawing(self):
        for kind in ("simulated", "measured"):
            for svg in drawings(readers_map.html(empty_ledger(kind))):
                width, height = map(int, svg.get("viewBox").split()[2:])
                for link in svg.iter(f"{SVG}a"):
                    frame = link.find(f"{SVG}rect")
                    x, y, wide, tall = (int(frame.get(key)) for key in ("x", "y", "width", "height"))
                    assert x >= 0
                    assert x + wide <= width
                    assert y + tall <= height
                    for text in link.iter(f"{SVG}text"):
                        assert y < int(text.get("y")) < y + tall
                        assert int(text.get("x")) + len(text.text) * 8 <= x + wide

    @pytest.mark.parametrize(
        ("kind", "example", "words"),
        [
            ("simulated", False, "◆ simulated: analysis works"),
            ("measured", False, "✔ these mice: supported"),
            ("measured", True, "✔ invented mice: supported"),
        ],
    )
    def test_each_claim_says_kind_and_state_in_words(self, kind, example, words):
        made = empty_ledger(kind, example=example)
        for claim in made["claims"]:
            claim["prediction"]["verdict"] = "recovered" if kind == "simulated" else "supported"
        style = "example" if example else kind
        for svg in drawings(readers_map.html(made)):
            for link in svg.iter(f"{SVG}a"):
                assert " ".join(texts(link)).endswith(words)
                assert [state.get("class") for state in link.iter(f"{SVG}g")] == [
                    f"endomtor-map-state endomtor-{style}"
                ]

    def test_a_premise_on_real_mice_stands_above_what_is_simulated(self):
        made = empty_ledger("simulated")
        [claim] = (one for one in made["claims"] if one["id"] == "C4")
        claim["premise"].update(primary=["C4.premise.LT_HSC"], verdict="supported")
        claim["prediction"]["verdict"] = "missed"
        for svg in drawings(readers_map.html(made)):
            [link] = (one for one in svg.iter(f"{SVG}a") if texts(one)[0].startswith("C4"))
            kinds = [state.get("class").rpartition("-")[2] for state in link.iter(f"{SVG}g")]
            assert kinds == ["public", "simulated"]
            said = " ".join(texts(link))
            assert said.endswith("✔ real mice, premise: supported ◇ simulated: analysis too weak here")

    def test_what_nothing_tests_is_grey(self):
        for svg in drawings(readers_map.html(empty_ledger("simulated"))):
            states = [state.get("class") for link in svg.iter(f"{SVG}a") for state in link.iter(f"{SVG}g")]
            assert states == ["endomtor-map-state endomtor-unknown"] * len(CLAIMS)

    @pytest.mark.parametrize("word", verdicts.WORLD_WORDS)
    def test_no_simulated_state_reads_as_support(self, word):
        made = empty_ledger("simulated")
        for claim in made["claims"]:
            claim["prediction"]["verdict"] = word
        said = " ".join(texts(drawings(readers_map.html(made))[0]))
        assert not re.search(r"supported|confirm|contradict|prove", said)

    def test_text_of_the_user_is_not_in_it(self):
        assert TITLE not in readers_map.html(empty_ledger())


@pytest.fixture(scope="module")
def address(tmp_path_factory, serve) -> str:
    """The map on a page of its own, with the book's style sheet and what the theme defines for it."""
    folder = tmp_path_factory.mktemp("map")
    theme = (
        "html{--pst-color-background:#fff;--pst-color-text-base:#222832;--pst-color-surface:#f3f4f5;--pst-color-primary:#0a7d91;"
        "--pst-color-danger:#d72d47}html[data-theme=dark]{--pst-color-background:#14181e;--pst-color-text-base:#ced6dd;--pst-color-surface:#29313d;"
        "--pst-color-primary:#3fb1c5;--pst-color-danger:#e78894;background:#14181e}"
        # The widest font that a page is likely to get.
        "body{font-family:DejaVu Sans,Verdana,sans-serif}"
    )
    css = (ROOT / "book" / "_static" / "endomtor.css").read_text(encoding="utf-8")
    made = empty_ledger("simulated")
    made["claims"][0]["prediction"]["verdict"] = "recovered"
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>map</title>'
        f'<meta name="viewport" content="width=device-width"><style>{theme}{css}</style></head>'
        f"<body>{readers_map.html(made)}</body></html>",
        encoding="utf-8",
    )
    return serve(Path(folder))


@pytest.mark.parametrize(("width", "shown"), [(1280, "wide"), (390, "narrow")])
class TestBrowser:
    def open(self, browser, address, width):
        headless.screen(browser, width, 900)
        browser.get(f"{address}/index.html")
        return browser

    def test_one_drawing_is_shown_and_fits(self, browser, address, width, shown):
        chrome = self.open(browser, address, width)
        seen = chrome.execute_script(
            "return [...document.querySelectorAll('.endomtor-map svg')]"
            ".filter(e => e.getBoundingClientRect().width > 0).map(e => e.getAttribute('class'))"
        )
        assert seen == [f"endomtor-map-{shown}"]
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= width

    def test_text_stays_in_its_box_and_is_large_enough(self, browser, address, width, shown):
        chrome = self.open(browser, address, width)
        outside = chrome.execute_script(
            f"""
            return [...document.querySelectorAll('.endomtor-map-{shown} :is(a, .endomtor-map-state)')]
              .flatMap(part => {{
              const box = part.querySelector('rect').getBoundingClientRect();
              return [...part.querySelectorAll('text')].filter(text => {{
                const own = text.getBoundingClientRect();
                return own.left < box.left || own.right > box.right || own.bottom > box.bottom || own.height < 12;
              }}).map(text => text.textContent);
            }});
            """
        )
        assert outside == []

    def test_boxes_do_not_cover_each_other(self, browser, address, width, shown):
        chrome = self.open(browser, address, width)
        found = chrome.execute_script(
            f"return [...document.querySelectorAll('.endomtor-map-{shown} a > rect:first-child')]"
            ".map(e => e.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
        )
        assert len(found) == len(CLAIMS)
        for one, other in combinations(found, 2):
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]

    def test_the_keyboard_reaches_every_box_and_shows_where_it_is(self, browser, address, width, shown):
        chrome = self.open(browser, address, width)
        reached = []
        for _ in CLAIMS:
            headless.webdriver.ActionChains(chrome).send_keys("\ue004").perform()
            reached.append(
                chrome.execute_script(
                    "const own = document.activeElement, frame = getComputedStyle(own.querySelector('rect'));"
                    "return [own.getAttribute('href'), frame.strokeWidth, frame.strokeDasharray]"
                )
            )
        # By part of the mouse, from above to below.
        assert [one[0] for one in reached] == [f"../notebooks/{claim.chapter}.html" for claim in CLAIMS]
        assert all(one[1:] == ["5px", "none"] for one in reached)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_has_contrast(self, browser, address, width, shown, scheme):
        chrome = self.open(browser, address, width)
        chrome.execute_script(f"document.documentElement.dataset.theme = '{scheme}'")
        ratios = chrome.execute_script(
            f"""
            const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
            const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
            const page = '{scheme}' === 'dark' ? [20, 24, 30] : [255, 255, 255];
            return [...document.querySelectorAll('.endomtor-map-{shown} text')].map(text => {{
              const own = text.closest('.endomtor-map-state, a');
              const back = own ? parse(getComputedStyle(own.querySelector('rect')).fill) : page;
              const [a, b] = [light(parse(getComputedStyle(text).fill)), light(back)];
              return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            }});
            """
        )
        assert len(ratios) > 30
        assert min(ratios) >= 4.5
