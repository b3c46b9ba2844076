"""Interactive parts of figures in a real browser: nothing loaded before they are opened, nothing foreign, no `eval`,
the figure's own numbers.

Genes and fold changes are the public table of `data/derived/`; the transplanted mice are invented.
"""

import re
import shutil
from dataclasses import replace
from html import escape
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import browser as headless
import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.utils.capture import RichOutput, capture_output
from scipy import stats
from scipy.special import expit, logit
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_TOUCH
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.support.ui import WebDriverWait

from conftest import ROOT
from endomtor import figures
from endomtor.building import figure_data
from endomtor.building import interactive as building
from endomtor.estimate import Estimate
from endomtor.figures import interactive, interactive_plot
from endomtor.provenance import Provenance

pytestmark = pytest.mark.usefixtures("shell")
PUBLIC = Provenance("public", "GSE162607", "GEO", "0", frozen=True)
INVENTED = Provenance("measured", "Format", "doi", "0", example=True)
CHAPTER = "04_transcriptome_resemblance"
HOSTILE = "<img src=x onerror=alert(1)>"
RECIPIENTS = (HOSTILE, "007", "NA", "r4")
FIGURES = ("fig-volcano", "fig-scatter", "fig-map", "fig-courses")
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; object-src 'none'"
)


def genes() -> pd.DataFrame:
    """Public fold changes of two populations in 700 genes, with Wald's p of the first adjusted (Benjamini-Hochberg)."""
    table = pd.read_csv(ROOT / "data" / "derived" / "hsc_aging_lfc.csv.gz").dropna(subset=["lfc_HSC", "lfc_MPP1"])
    p = 2 * stats.norm.sf((table["lfc_HSC"] / table["se_HSC"]).abs())
    table = table.assign(p_adjusted=stats.false_discovery_control(p))
    named = table["gene"].str.match("Selp$|Hox")
    table = pd.concat([table[named], table[~named].sample(700 - named.sum(), random_state=1)])
    return table.set_index("gene").rename(columns={"lfc_HSC": "log2fc"})[["log2fc", "lfc_MPP1", "p_adjusted"]]


def mice() -> pd.DataFrame:
    """Four recipients of two exposed animals in two passages; the last one was seen once."""
    rng = np.random.default_rng(1)
    rows = [
        (name, f"exposed {place // 2}", ("control", "ecko")[place % 2], passage, week, logit(rng.uniform(0.2, 0.8)))
        for passage in (1, 2)
        for place, name in enumerate(RECIPIENTS)
        for week in ((4, 8, 16) if name != "r4" else (4,))
    ]
    return pd.DataFrame(rows, columns=["recipient", "exposed animal", "niche", "passage", "week", "chimerism"])


def slope() -> Estimate:
    return Estimate(0.4, 0.3, 0.5, (0.3, 0.5), 0.03, {"aged": 2, "young": 2}, "animal", "test")


def described(name: str) -> RichOutput:
    """What `figures.show` publishes of a figure with these data."""
    frame, provenance = genes(), PUBLIC
    if name == "fig-volcano":
        about = {"contrast": ("aged", "young"), "n": {"aged": 2, "young": 2}}
        drawn = figures.volcano(frame, **about)
    elif name == "fig-scatter":
        about = {"x": "log2fc", "y": "lfc_MPP1", "xlabel": "HSC", "ylabel": "MPP1", "slope": slope()}
        drawn = figures.lfc_scatter(frame, **about)
    elif name == "fig-map":
        about = {"xlabel": "HSC", "ylabel": "MPP1", "genes": 12000, "value_label": "−ln p"}
        drawn = figures.rrho_map(np.add.outer(np.arange(12.0), np.arange(12.0)), **about)
    else:
        about = {
            "time": "week",
            "value": "chimerism",
            "animal": "recipient",
            "unit": "exposed animal",
            "group": "niche",
            "order": ("control", "ecko"),
            "xlabel": "week after the transplant",
            "ylabel": "donor chimerism (%)",
            "facet": "passage",
            "titles": {1: "passage 1", 2: "passage 2"},
            "scale": "logit",
        }
        drawn, provenance = figures.courses(mice(), **about), INVENTED
    with capture_output() as captured:
        figures.show(
            drawn.figure,
            caption="Unit: animal.",
            alt=f"Alt of {name}: 5 > 3 & “so”.",
            provenance=provenance,
            data=drawn.table,
            interactive=drawn.interactive,
            name=name,
        )
    return captured.outputs[0]


def notebook(path: Path, names=FIGURES) -> dict[str, dict]:
    """Write an executed notebook with these figures; return what is kept of each, by its name, as read back."""
    outputs = (nbformat.v4.new_output("display_data", metadata=described(name).metadata) for name in names)
    cells = [nbformat.v4.new_code_cell("", outputs=[output]) for output in outputs]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return figure_data.of_notebook(nbformat.read(path, as_version=4).cells, path.stem)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A site of one page, with the book's own script and style and the policy that it is to have."""
    site = tmp_path_factory.mktemp("site")
    executed = tmp_path_factory.mktemp("executed") / f"{CHAPTER}.ipynb"
    kept = notebook(executed)
    made = executed.with_suffix("")
    building.write(executed, made)
    building.lay([made], site)
    (site / "_static").mkdir()
    for name in ("interactive.js", "endomtor.css"):
        shutil.copy(ROOT / "book" / "_static" / name, site / "_static")
    parts = "".join(
        f'<img alt="the static figure" src="data:,">{building.fold_html(shown, CHAPTER)}' for shown in kept.values()
    )
    (site / "notebooks").mkdir()
    (site / "notebooks" / "page.html").write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="../_static/endomtor.css">'
        f'<script defer src="../_static/interactive.js"></script></head><body>{parts}</body></html>',
        encoding="utf-8",
    )
    return site


@pytest.fixture(scope="module")
def address(site, serve) -> str:
    return f"{serve(site)}/notebooks/page.html"


@pytest.fixture
def chrome(browser):
    headless.screen(browser, 1280, 900)
    browser.get_log("browser")
    yield browser
    # A script error, a refused `eval` and a failed request are all told here.
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def part(chrome, name: str):
    return chrome.find_element("css selector", f"details[data-part$='{name}']")


def said(chrome, name: str) -> str:
    return part(chrome, name).find_element("css selector", "[role=status]").text


def opened(chrome, name: str):
    """Open a part and wait until it is drawn."""
    found = part(chrome, name)
    found.find_element("tag name", "summary").click()
    drawn = "return arguments[0].querySelector('.endomtor-interactive-plot').childElementCount > 0"
    WebDriverWait(chrome, 20).until(lambda _: chrome.execute_script(drawn, found) and said(chrome, name) == "")
    return found


def find(chrome, name: str, what: str) -> str:
    field = part(chrome, name).find_element("tag name", "input")
    field.clear()
    field.send_keys(what, Keys.ENTER)
    return said(chrome, name)


def marked(chrome) -> list[dict]:
    """What is marked in each panel of the part that was opened last."""
    return chrome.execute_script("""
      const plain = value => typeof value === 'number' ? value : [...value].map(plain);
      return [...Bokeh.documents.at(-1).roots()[0].references()].filter(model => model.name === 'marked')
        .map(({data}) => Object.fromEntries(Object.entries(data).map(([key, values]) => [key, plain(values)])));
    """)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def requests(chrome) -> list[str]:
    return chrome.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")


def test_nothing_is_loaded_before_a_part_is_opened_and_then_only_from_the_site(chrome, address):
    chrome.get(address)
    assert all(not one.get_attribute("open") for one in chrome.find_elements("tag name", "details"))
    at_first = {Path(urlsplit(url).path).name for url in requests(chrome) if not url.startswith("data:")}
    assert at_first == {"interactive.js", "endomtor.css"}
    for name in FIGURES:
        opened(chrome, name)
    late = [url for url in requests(chrome) if "/interactive/" in url]
    assert {urlsplit(url).netloc for url in requests(chrome) if not url.startswith("data:")} == {
        urlsplit(address).netloc
    }
    # The library once, and a script for each part.
    assert len(late) == len(set(late)) == 1 + len(FIGURES)


@pytest.mark.slow
def test_it_also_works_from_a_folder(chrome, site):
    chrome.get((site / "notebooks" / "page.html").as_uri())
    opened(chrome, "fig-scatter")
    assert find(chrome, "fig-scatter", "Selp").startswith("Selp: ")


def test_without_javascript_the_figure_is_there_and_the_part_says_what_it_needs(chrome, address):
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chrome.get(address)
        assert len(chrome.find_elements("tag name", "img")) == len(FIGURES)
        found = part(chrome, "fig-volcano")
        found.find_element("tag name", "summary").click()
        assert found.text.splitlines()[1:] == ["This part needs JavaScript. The figure above and its data do not."]
    finally:
        chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.slow
def test_a_part_that_cannot_be_loaded_says_so_and_tries_again(browser, site, serve, tmp_path):
    broken = tmp_path / "site"
    shutil.copytree(site, broken)
    script = next((broken / building.FOLDER).glob("*fig-map.js"))
    kept = script.rename(tmp_path / "kept.js")
    browser.get(f"{serve(broken)}/notebooks/page.html")
    found = part(browser, "fig-map")
    found.find_element("tag name", "summary").click()
    WebDriverWait(browser, 20).until(lambda _: "could not be shown" in said(browser, "fig-map"))
    assert script.name in said(browser, "fig-map")
    # The failed request is in the log, as it should be.
    browser.get_log("browser")
    kept.rename(script)
    found.find_element("tag name", "summary").click()
    opened(browser, "fig-map")


def test_the_page_does_not_become_wider_than_a_phone(chrome, address):
    headless.screen(chrome, 320, 900)
    chrome.get(address)
    for name in FIGURES:
        opened(chrome, name)
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= 320


@pytest.mark.slow
def test_each_part_has_the_mark_and_a_text_alternative(chrome, address):
    chrome.get(address)
    for name in FIGURES:
        found = opened(chrome, name)
        kind, provenance = ("example", INVENTED) if name == "fig-courses" else ("public", PUBLIC)
        assert found.find_element("css selector", f".endomtor-mark-{kind}").text == provenance.label
        plot = found.find_element("css selector", "[role=img]")
        assert plot.get_attribute("aria-label") == f"{provenance.label}. Alt of {name}: 5 > 3 & “so”."
        # What is inside of a picture must not take the keyboard's focus (axe: nested-interactive).
        focusable = """
          const inside = root => [...root.querySelectorAll('*')].flatMap(
            one => [...(one.tabIndex >= 0 ? [one.className] : []), ...(one.shadowRoot ? inside(one.shadowRoot) : [])]);
          return inside(arguments[0]);
        """
        assert chrome.execute_script(focusable, plot) == []


def test_a_gene_search_says_the_numbers_of_the_data_and_marks_the_gene(chrome, address):
    chrome.get(address)
    opened(chrome, "fig-scatter")
    table = genes()
    for gene in ["Selp", *table.sample(8, random_state=1).index]:
        row = table.loc[gene, ["log2fc", "lfc_MPP1"]]
        # Readers type as they like.
        text = find(chrome, "fig-scatter", gene.upper())
        [(hsc, mpp1)] = re.findall(rf"^{re.escape(gene)}: HSC: (\S+); MPP1: (\S+)\.$", text)
        assert [number(hsc), number(mpp1)] == [float(f"{value:.4g}") for value in row]
        assert marked(chrome) == [{"x": [row["log2fc"]], "y": [row["lfc_MPP1"]]}]


@pytest.mark.slow
def test_the_volcano_marks_a_gene_at_its_height(chrome, address):
    chrome.get(address)
    opened(chrome, "fig-volcano")
    table = genes()
    for gene in ("Hoxb5", "Hoxa9"):
        find(chrome, "fig-volcano", gene)
        [place] = marked(chrome)
        assert place["x"] == [table.at[gene, "log2fc"]]
        assert place["y"] == pytest.approx([-np.log10(table.at[gene, "p_adjusted"])])
    # A p that is zero in the computer's numbers has no logarithm: it is drawn at the smallest other one.
    assert table.at["Selp", "p_adjusted"] == 0
    find(chrome, "fig-volcano", "Selp")
    p = table["p_adjusted"]
    assert marked(chrome)[0]["y"] == pytest.approx([-np.log10(p[p > 0].min())])


@pytest.mark.slow
def test_an_unknown_gene_is_told_with_the_nearest_and_unmarks(chrome, address):
    chrome.get(address)
    opened(chrome, "fig-volcano")
    find(chrome, "fig-volcano", "Selp")
    assert find(chrome, "fig-volcano", "Selpp") == "No gene “Selpp” is in this figure. The nearest name is Selp."
    assert marked(chrome) == [{"x": [], "y": []}]
    assert find(chrome, "fig-volcano", "") == "Type the name of a gene."


def test_names_are_offered_while_typing(chrome, address):
    chrome.get(address)
    found = opened(chrome, "fig-volcano")
    found.find_element("tag name", "input").send_keys("hox")
    offered = chrome.execute_script("return [...arguments[0].querySelectorAll('option')].map(o => o.value)", found)
    known = sorted(name for name in genes().index if name.lower().startswith("hox"))
    assert len(known) > 5
    assert offered == known


@pytest.mark.slow
def test_recipients_are_found_by_their_names_and_hostile_ones_are_inert(chrome, address):
    chrome.get(address)
    opened(chrome, "fig-courses")
    table = mice().assign(percent=lambda frame: 100 * expit(frame["chimerism"]))
    for place, name in enumerate(RECIPIENTS):
        about = f"group: {('control', 'ECKO')[place % 2]}; exposed animal: exposed {place // 2}"
        values = [
            ", ".join(f"{row.percent:.4g} at {row.week}" for row in rows.itertuples())
            for _, rows in table[table["recipient"] == name].groupby("passage")
        ]
        told = [f"{about}; donor chimerism (%) by week after the transplant: {one}" for one in values]
        assert find(chrome, "fig-courses", name) == f"{name}: {'. '.join(told)}."
        # In each passage one line.
        assert [len(panel["xs"]) for panel in marked(chrome)] == [1, 1]
    assert not chrome.find_elements("css selector", "img[src=x]")


def test_the_keyboard_alone_is_enough(chrome, address):
    chrome.get(address)
    keys = ActionChains(chrome)
    keys.send_keys(Keys.TAB, Keys.ENTER).perform()
    WebDriverWait(chrome, 20).until(
        lambda _: "fig-volcano" in str(requests(chrome)) and said(chrome, "fig-volcano") == ""
    )
    ActionChains(chrome).send_keys(Keys.TAB, "selp", Keys.ENTER).perform()
    assert said(chrome, "fig-volcano").startswith("Selp: ")
    # From the field: its button, the three of the zoom, and then the next part, with no stop at the canvas.
    stops = []
    for _ in range(5):
        ActionChains(chrome).send_keys(Keys.TAB).perform()
        stops.append(chrome.switch_to.active_element.text.split(":")[0])
    assert stops == ["Find", "Zoom in", "Zoom out", "Whole figure", "Look closer"]


def view(chrome, field: str):
    return chrome.execute_script(
        "const panel = [...Bokeh.documents.at(-1).roots()[0].references()].find(m => m.type === 'Figure');"
        f"return {field};"
    )


def lone_point(chrome, address) -> tuple[pd.Series, list[float]]:
    """Open the scatter and return the gene of a point without neighbours, and where on the screen it is."""
    chrome.get(address)
    found = opened(chrome, "fig-scatter")
    # The gene farthest to the right has no neighbours there.
    row = genes().pipe(lambda table: table.loc[table["log2fc"].idxmax()])
    plot = found.find_element("css selector", ".endomtor-interactive-plot")
    chrome.execute_script("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", plot)
    at = view(
        chrome,
        "(({frame, canvas_view}, box = canvas_view.el.getBoundingClientRect()) =>"
        f" [box.x + frame.x_scale.compute({row.log2fc}), box.y + frame.y_scale.compute({row.lfc_MPP1})])"
        "(Bokeh.index.find_one(panel))",
    )
    return row, at


@pytest.mark.slow
def test_hovering_over_a_point_names_the_gene(chrome, address):
    row, at = lone_point(chrome, address)
    action = ActionBuilder(chrome)
    action.pointer_action.move_to_location(*map(round, at))
    action.perform()
    # Bokeh draws within shadow roots, which `text` does not see.
    tip = """
      const inside = root => [...root.querySelectorAll('*')].flatMap(one =>
        [...(one.matches('b, div') ? [one.innerText] : []), ...(one.shadowRoot ? inside(one.shadowRoot) : [])]);
      return inside(document).join(' ');
    """
    WebDriverWait(chrome, 10).until(lambda _: row.name in chrome.execute_script(tip))
    assert f"HSC: {row.log2fc:.4g}" in chrome.execute_script(tip)


def test_a_tap_on_a_point_says_its_numbers_and_marks_it(chrome, address):
    """A finger cannot hover: a tap showed nothing."""
    row, at = lone_point(chrome, address)
    for _ in range(2):
        touch = ActionBuilder(chrome, mouse=PointerInput(POINTER_TOUCH, "finger"))
        touch.pointer_action.move_to_location(*map(round, at)).pointer_down().pointer_up()
        touch.perform()
        WebDriverWait(chrome, 10).until(lambda _: said(chrome, "fig-scatter").startswith(f"{row.name}: "))
    assert f"HSC: {row.log2fc:.4g}".replace("-", "−") in said(chrome, "fig-scatter")
    assert marked(chrome)[0]["x"] == [pytest.approx(row.log2fc)]


@pytest.mark.slow
def test_buttons_zoom_towards_the_marked_gene_and_back(chrome, address):
    chrome.get(address)
    found = opened(chrome, "fig-scatter")
    limits = "[panel.x_range.start, panel.x_range.end]"
    whole = view(chrome, limits)
    find(chrome, "fig-scatter", "Selp")
    found.find_element("css selector", "[data-zoom=in]").click()
    low, high = view(chrome, limits)
    assert high - low == pytest.approx((whole[1] - whole[0]) / 2)
    assert (low + high) / 2 == pytest.approx(genes().at["Selp", "log2fc"])
    found.find_element("css selector", "[data-zoom=out]").click()
    assert view(chrome, limits) == whole
    found.find_element("css selector", "[data-zoom=in]").click()
    found.find_element("css selector", "[data-zoom=whole]").click()
    assert view(chrome, limits) == whole


@pytest.mark.slow
def test_the_book_answers_with_the_numbers_of_its_csv(chrome, built_book, serve):
    html = built_book / "html"
    row = pd.read_csv(html / figure_data.FOLDER / figure_data.file_name(CHAPTER, "fig-volcano")).iloc[0]
    chrome.get(f"{serve(html)}/notebooks/{CHAPTER}.html")
    assert not [url for url in requests(chrome) if "/interactive/" in url]
    opened(chrome, "fig-volcano")
    text = find(chrome, "fig-volcano", row["gene"])
    [(change, p)] = re.findall(r"ECKO − control: (\S+); adjusted p: (\S+)\.$", text)
    assert [number(change), number(p)] == [float(f"{value:.4g}") for value in row.iloc[1:3]]
    assert text.startswith(f"{row['gene']}: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "names"),
    [
        (CHAPTER, ["signature", "volcano", "overlap"]),
        ("05_serial_transplants", ["courses-chimerism", "courses-myeloid-balance"]),
    ],
)
def test_every_part_of_the_book_opens(chrome, built_book, serve, page, names):
    chrome.get(f"{serve(built_book / 'html')}/notebooks/{page}.html")
    found = chrome.find_elements("css selector", "details.endomtor-interactive")
    assert [one.get_attribute("data-part") for one in found] == [f"{page}-fig-{name}" for name in names]
    for name in names:
        assert opened(chrome, f"fig-{name}").find_element("css selector", "[role=img]").size["height"] > 200


def test_a_fold_out_is_closed_and_in_one_block_of_html():
    shown = {"name": "fig-x", "alt": f"First.\n\n{HOSTILE}", "origin": {"kind": "measured", "label": f"A\n\n{HOSTILE}"}}
    about = interactive.Interactive(kind="points", x="x", y="y", xlabel="x", ylabel="y", said={}, label="gene")
    html = building.fold_html(shown | {"interactive": about.to_dict()}, CHAPTER)
    # A blank line would end the block for Markdown.
    assert "\n\n" not in html
    assert "<img" not in html
    assert html.startswith('<details class="endomtor-interactive" data-part="04_transcriptome_resemblance-fig-x" ')


def test_what_is_no_longer_drawn_leaves_the_site(tmp_path):
    executed, made, site = tmp_path / f"{CHAPTER}.ipynb", tmp_path / "made", tmp_path / "site"
    (site / building.FOLDER).mkdir(parents=True)

    def laid(*names: str) -> list[str]:
        notebook(executed, names)
        written = building.write(executed, made)
        building.lay([made, tmp_path / "a chapter without any"], site)
        there = sorted(path.name for path in (site / building.FOLDER).glob("*"))
        library = [f"bokeh-{version('bokeh')}.min.js"] if names else []
        assert there == sorted([*(path.name for path in written), *library])
        return [path.name for path in written]

    assert laid("fig-map", "fig-courses") == [f"{CHAPTER}-fig-map.js", f"{CHAPTER}-fig-courses.js"]
    assert laid("fig-map") == [f"{CHAPTER}-fig-map.js"]
    assert laid() == []
    assert not (site / building.FOLDER).exists()


@settings(deadline=None, max_examples=6)
@given(st.lists(st.sampled_from(["a", "b", "c", "NA", "1"]), min_size=1, unique=True), st.data())
def test_every_animal_is_one_line_with_all_its_times(names, data):
    weeks = {name: sorted(data.draw(st.sets(st.sampled_from([2, 4, 8]), min_size=1))) for name in names}
    rows = [(name, "ecko", 1, week, 0.0) for name in names for week in weeks[name]]
    frame = pd.DataFrame(rows, columns=["animal", "group", "passage", "time", "value"])
    frame["exposed"] = frame["animal"]
    about = {name: name for name in ("time", "value", "animal", "group")}
    about |= {"facet": "passage", "order": ("control", "ecko"), "unit": "exposed"}
    about |= {"titles": {1: "passage 1"}, "xlabel": "week", "ylabel": "value"}
    drawn = figures.courses(frame, **about)
    sources = interactive_plot.plot(drawn.interactive, drawn.table).references()
    drawn_rows = [one.data for one in sources if one.name == "rows"]
    lines = {label: xs for one in drawn_rows for label, xs in zip(one["label"], one["xs"], strict=True)}
    assert {name: sorted(set(xs)) for name, xs in lines.items()} == weeks
    # Two points at least, or a line would not be there for the mouse.
    assert all(len(xs) >= 2 for xs in lines.values())


def test_a_slope_without_limits_is_a_line_without_a_band():
    about = {"x": "log2fc", "y": "lfc_MPP1", "xlabel": "HSC", "ylabel": "MPP1"}
    open_ended = replace(slope(), interval_kind="unbounded")
    _, line = figures.lfc_scatter(genes(), slope=open_ended, **about).interactive["lines"]
    assert (line["words"], line["low"], line["high"]) == ("slope 0.40, 95 %: not bounded", None, None)
    unknown = replace(slope(), estimate=np.nan)
    assert len(figures.lfc_scatter(genes(), slope=unknown, **about).interactive["lines"]) == 1
