"""The page "Try a world": its script against `endomtor.stats`, and the page in a browser."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape

import browser as headless
import numpy as np
import pandas as pd
import pytest
from quality import axe_source, excess, violations
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from conftest import ROOT, node_modules, skip_or_fail, until
from endomtor import stats
from endomtor.building.accessibility import POLICY
from endomtor.claims import catalogue, verdicts

SCRIPT = ROOT / "book" / "_static" / "try-a-world.js"
GROUPS = ("young", "aged", "control", "ecko")
# Infinity and NaN are no JSON.
DRIVER = """
require(process.argv[1]);
const {difference, phi, judge, inWorld} = globalThis.endomtorWorld;
const plain = (key, value) => typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
const told = JSON.parse(require("fs").readFileSync(0, "utf8")).map(({groups, direction, smallest}) => {
  const [d, f] = [difference(groups, "aged", "young"), phi(groups, direction)];
  const words = [judge(d, "difference", direction, smallest), judge(f, "phi", direction)];
  return {d, f, words, worlds: [true, false].map(truth => inWorld(words[1][0], truth))};
});
console.log(JSON.stringify(told, plain));
"""


def in_node(code: str, given: object) -> object:
    """Run a program in Node with the page's script as its argument and JSON as its input."""
    try:
        ran = subprocess.run(["node", "-e", code, str(SCRIPT)], input=json.dumps(given), capture_output=True, text=True)
    except FileNotFoundError:
        skip_or_fail("node is not installed")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def settings() -> list[dict]:
    """Two hundred cohorts of every kind: few and many animals, no aging, other units, groups without spread."""
    rng = np.random.default_rng(21)
    found = []
    for number in range(200):
        aging, share = rng.choice([0, 0.5, 1, 2, 4]), rng.uniform(-0.7, 1.5)
        unit, origin = 10.0 ** rng.integers(-6, 7), rng.choice([0, 5])
        groups = {}
        for name, mean in zip(GROUPS, (0, aging, 0, share * aging), strict=True):
            n = int(rng.integers(1 if number % 20 == 0 else 2, 15))
            spread = 0.0 if number % 10 == 1 and rng.random() < 0.6 else rng.uniform(0.2, 3)
            groups[name] = (unit * (origin + mean + spread * rng.standard_normal(n))).tolist()
        direction = str(rng.choice(["greater", "less", "either"]))
        found.append({"groups": groups, "direction": direction, "smallest": float(unit * rng.choice([0, 0.5, 3]))})
    return found


def in_python(given: dict) -> tuple:
    rows = [(name, value) for name, values in given["groups"].items() for value in values]
    frame = pd.DataFrame(rows, columns=["group", "value"]).assign(animal=lambda table: table.index.astype(str))
    about = {"value": "value", "group": "group", "unit": "animal"}
    apart = stats.difference(frame, a="aged", b="young", **about)
    return apart, stats.phi(frame, direction=given["direction"], **about)


def rule(kind: str, direction: str, smallest: float) -> catalogue.Rule:
    known = catalogue.load().rule("C3.marrow.HSC")
    return replace(known, rule=kind, direction=direction, smallest=smallest)


def test_two_hundred_settings_give_the_answers_of_the_package():
    given = settings()
    kinds, words = set(), set()
    for one, told in zip(given, in_node(DRIVER, given), strict=True):
        for answer, expected in zip((told["d"], told["f"]), in_python(one), strict=True):
            found = [float(value) for value in (answer["estimate"], answer["low"], answer["high"], *answer["inner"])]
            wanted = [expected.estimate, expected.ci_low, expected.ci_high, *expected.inner]
            # A difference of equal means is rounding here and 0 there.
            rounding = 1e-15 * (1 if answer is told["f"] else max(abs(v) for g in GROUPS for v in one["groups"][g]))
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=rounding)
            np.testing.assert_allclose(float(answer["p"]), expected.p, rtol=1e-9, atol=0)
            assert (answer["kind"], bool(answer["withheld"])) == (expected.interval_kind, bool(expected.withheld))
            kinds.add(answer["kind"])
        apart, ratio = in_python(one)
        judged = [
            verdicts.judge(apart, rule("difference", one["direction"], one["smallest"])),
            verdicts.judge(ratio, rule("phi", one["direction"], 0.25)),
        ]
        assert told["words"] == [[verdict.word, verdict.reason] for verdict in judged]
        assert told["worlds"] == [verdicts.in_world(judged[1], truth).word for truth in (True, False)]
        words |= {(verdict.word, verdict.reason) for verdict in judged}
    # The settings reach each form of a set and each reason.
    assert kinds >= {"bounded", "two_piece", "whole_line"}
    assert {reason for _, reason in words} == set(verdicts.REASONS)


SHIFTED = """
const done = arguments[0];
new PerformanceObserver(list => done(list.getEntries().filter(one => !one.hadRecentInput)
  .reduce((sum, one) => sum + one.value, 0))).observe({type: 'layout-shift', buffered: true});
setTimeout(() => done(0), 500);
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """What the page has of its own, with the book's script, style and policy."""
    site = tmp_path_factory.mktemp("site")
    (site / "_static").mkdir()
    for name in ("try-a-world.js", "endomtor.css"):
        shutil.copy(ROOT / "book" / "_static" / name, site / "_static")
    page = (ROOT / "book" / "try-a-world.md").read_text(encoding="utf-8")
    parts = re.findall(r"^```\{raw\} html\n(.*?)^```", page, flags=re.M | re.S)
    (site / "book").mkdir()
    (site / "book" / "page.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="../_static/endomtor.css">'
        '<script defer src="../_static/try-a-world.js"></script></head><body class="bd-content"><main><h1>Page</h1>'
        f"{''.join(parts)}</main></body></html>",
        encoding="utf-8",
    )
    return site


@pytest.fixture
def chrome(browser, site, serve):
    """The page at the width of a laptop; a script error or a failed request fails the test."""
    headless.screen(browser, 1280, 900)
    browser.get_log("browser")
    browser.get(f"{serve(site)}/book/page.html")
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def at(chrome, name: str):
    return chrome.find_element("id", f"world-{name}")


def counted(chrome) -> str:
    """The sentence on 100 cohorts, when it is there."""
    return until(lambda: at(chrome, "share").text, 20)


def computed(chrome, text: str, **chosen: str) -> str:
    """Type numbers as they stand, choose, compute, and return what is said."""
    chrome.execute_script("arguments[0].value = arguments[1]", at(chrome, "points"), text)
    for name, value in chosen.items():
        Select(at(chrome, name)).select_by_value(value)
    at(chrome, "compute").click()
    return at(chrome, "own-verdict").text


def table(groups: dict) -> str:
    return "\n".join(["group,value", *(f"{name},{value!r}" for name, values in groups.items() for value in values)])


def test_a_cohort_is_drawn_with_every_animal_and_changes_with_the_keyboard(chrome):
    figure = at(chrome, "drawn")
    assert figure.find_element("class name", "endomtor-mark-simulated").text == "SIMULATED"
    assert len(figure.find_elements("css selector", "[class^=endomtor-world-][transform]")) == 4 * 8
    first = figure.find_element("tag name", "svg").get_attribute("aria-label")
    assert first.startswith("SIMULATED. ")
    assert "95 % interval" in first
    at(chrome, "n").send_keys(Keys.ARROW_RIGHT)
    assert at(chrome, "n-said").text == "9"
    assert len(figure.find_elements("css selector", "[class^=endomtor-world-][transform]")) == 4 * 9
    at(chrome, "another").send_keys(Keys.ENTER)
    assert at(chrome, "seed").text == "Cohort 2"
    assert figure.find_element("tag name", "svg").get_attribute("aria-label") != first


def test_the_share_of_cohorts_is_counted_and_is_a_false_alarm_without_an_effect(chrome):
    told = re.fullmatch(
        r"Of cohorts 1 to 100 of this world, (\d+) find the effect; .* (\d+) cry wolf\.", counted(chrome)
    )
    # Eight animals, three standard deviations: most are found, and of false alarms no more than chance allows.
    assert int(told[1]) > 60
    assert int(told[2]) <= 6
    assert at(chrome, "verdict").text.startswith(("Analysis works", "Missed"))
    at(chrome, "phi").send_keys(*[Keys.ARROW_LEFT] * 15)
    assert at(chrome, "phi-said").text == "0"
    until(lambda: "not there" in at(chrome, "share").text, 20)
    told = re.search(r"(\d+) announce an effect that is not there; .* (\d+) cry wolf", at(chrome, "share").text)
    assert told[1] == told[2]
    assert at(chrome, "verdict").text.startswith(("Rightly silent", "False alarm"))


def test_own_points_are_marked_as_the_reader_s_and_judged_by_the_rule(chrome):
    groups = {
        "young": [1, 1.2, 0.8, 1.1],
        "aged": [4, 4.2, 3.9, 4.1],
        "control": [1, 0.9, 1.2, 1],
        "ECKO": [3, 3.2, 2.9, 3],
    }
    assert computed(chrome, table(groups)).startswith("Supported by these numbers")
    figure = at(chrome, "own")
    assert "SIMULATED" not in figure.get_attribute("outerHTML")
    assert figure.find_element("class name", "endomtor-mark-measured").text == "YOUR NUMBERS"
    assert "φ: 0.66" in figure.text
    # Hidden with all that is simulated, and back.
    for real in (True, False):
        chrome.execute_script("document.documentElement.classList.toggle('endomtor-real', arguments[0])", real)
        assert [at(chrome, name).is_displayed() for name in ("phi", "drawn", "own")] == [not real, not real, True]
    # Two groups of any name, from a spreadsheet, the second against the first.
    pasted = "group\tvalue\n" + "\n".join(f"{name}\t{2**v}" for name in ("before", "after") for v in groups["young"])
    assert computed(chrome, pasted, scale="log2").startswith("Inconclusive")
    assert "after − before: 0 " in figure.text
    # Nothing is called large enough before its reader has said what is.
    apart = table({"vehicle": groups["young"], "drug": groups["aged"]})
    assert "which size would matter was not said" in computed(chrome, apart, scale="as typed")
    at(chrome, "smallest").send_keys(Keys.CONTROL, "a", Keys.NULL, "2")
    assert "large enough to matter" in computed(chrome, apart)
    at(chrome, "smallest").send_keys("0")
    assert computed(chrome, apart).startswith("Contradicted")


FAULTS = {
    "": "Row 1 is “”, expected the headings group and value (and animal, if you have it).",
    "young,3": "Row 1 is “young,3”, expected the headings group and value (and animal, if you have it).",
    "group,value\nyoung,3,1": "Row 2 has 3 cells, expected 2 as in the heading (decimals with a point).",
    "group,value\nyoung,about 3": "Row 2, column value: “about 3” is no finite number, expected one such as 3.2.",
    "group,value\nyoung,1e999": "Row 2, column value: “1e999” is no finite number, expected one such as 3.2.",
    "group,value\n,3": "Row 2, column group is empty, expected the name of a group.",
    "group;value;animal\nyoung;3;m1\n\naged;4;m1": "Row 4, column animal: “m1” is in row 2 already, "
    "expected one row an animal (take its mean first).",
    "group,value\nyoung,3\n__proto__,4\naged,1": "The column group has 3 groups with values (young, __proto__, aged), "
    "expected two, or the four young, aged, control and ecko.",
}


def test_each_fault_of_own_points_is_one_sentence_with_row_value_and_what_was_expected(chrome):
    for text, said in FAULTS.items():
        assert computed(chrome, text) == said
        assert not at(chrome, "own").is_displayed()
    wrong = computed(chrome, "group,value\nyoung,-3\naged,4", scale="log2")
    assert wrong == "Group young has the value -3, expected numbers above 0 where logarithms are taken."
    # One animal is no fault of the table: the answer says why there is none.
    assert "Too few animals" in computed(chrome, "group,value\nyoung,3\naged,4", scale="as typed")


def test_a_chosen_file_is_read_here_and_no_request_leaves(chrome, tmp_path):
    count = "return performance.getEntriesByType('resource').length"
    before = chrome.execute_script(count)
    # Whatever asks for something is told here as well, also where the policy would stop it.
    chrome.execute_script("""
      window.asked = [];
      for (const [place, name] of [[window, 'fetch'], [XMLHttpRequest.prototype, 'open'], [navigator, 'sendBeacon'],
                                   [window, 'WebSocket'], [window, 'EventSource'], [Storage.prototype, 'setItem']]) {
        place[name] = () => { window.asked.push(name); };
      }
    """)
    file = tmp_path / "mice.csv"
    file.write_bytes(
        "\ufeffgroup,value,animal\r\nyoung,1,a\r\nyoung,2,b\r\naged,4,c\r\naged,,d\r\naged,5,e\r\n".encode()
    )
    at(chrome, "file").send_keys(str(file))
    assert "Rows without a value, left out: 1." in until(lambda: at(chrome, "own-verdict").text)
    assert "n = 2" in at(chrome, "own").text
    counted(chrome)
    assert chrome.execute_script("return window.asked") == []
    assert chrome.execute_script(count) == before


def test_it_works_from_a_folder_and_says_without_javascript_where_to_look(chrome, site):
    page = (site / "book" / "page.html").as_uri()
    chrome.get(page)
    assert counted(chrome)
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chrome.get(page)
        text = chrome.find_element("tag name", "main").text
        assert (
            text == "Page\nThis page needs JavaScript: without it, the page on power has the same question as a table."
        )
    finally:
        chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_everyone_can_use_it_on_a_phone_and_in_the_dark(chrome, tmp_path_factory):
    axe = axe_source(node_modules(tmp_path_factory.mktemp("axe"), "axe-core"))
    groups = {name: [1 + place, 2 + place, 4 + place] for place, name in enumerate(GROUPS)}
    for width in (1280, 390, 320):
        for scheme in ("light", "dark"):
            headless.screen(chrome, width, 900, scheme)
            chrome.refresh()
            chrome.execute_script("document.documentElement.dataset.theme = arguments[0]", scheme)
            computed(chrome, table(groups))
            assert violations(chrome, axe) == []
            # What the script fills in pushes nothing down (CLS; 0.1 is what Lighthouse calls good).
            assert chrome.execute_async_script(SHIFTED) < 0.1
            assert excess(chrome) <= 0
