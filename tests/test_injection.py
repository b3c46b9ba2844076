"""Text of a data set stays text: no field of any table, and none of `dataset.toml`, becomes an element of a page."""

import json
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import browser as headless
import pandas as pd
import pytest
from rich.console import Console

from conftest import ROOT
from endomtor import contract, public, worlds
from endomtor.building import report, workflow
from endomtor.contract.dataset import DESIGN_KEYS

HOST = "evil.invalid"
PAYLOADS = (
    '"><img src=x onerror="document.title=\'taken\'">',
    "<script>document.title='taken'</script>",
    '"><svg/onload=document.title=1>',
    f'<iframe src="https://{HOST}/"></iframe>',
    f"[press](https://{HOST}/a)",
    "[press](javascript:document.title=1)",
    f"![picture](https://{HOST}/p.png)",
    f"https://{HOST}/b",
    f"www.{HOST} and a@{HOST}",
    "{raw}`html <b onclick=1>`",
    "' onmouseover='document.title=1",
    "</script></style></textarea><b onclick=1>",
    '\\"><details open ontoggle=document.title=1>',
    "*bold* $x^2$ `code` &lt;b&gt; {{ name }}",
)
FREE = ("text", "id")
ODD = {"CLP": "CLP(a/b),x", "pMTOR_S2448": "pMTOR−x"}
"""Of which ids of results are made: the contract lets no more through."""


def hostile(value: str) -> str:
    """The same text with a payload, always the same one."""
    return f"{value} {PAYLOADS[zlib.crc32(value.encode()) % len(PAYLOADS)]}" if value else value


def very_hostile(value: str) -> str:
    """The same text with every payload."""
    return " ".join([value, *PAYLOADS]) if value else value


def write(folder: Path, of_ids=str, of_texts=str) -> Path:
    """Write a measured data set of every table, with a change to each text that is free."""
    folder.mkdir(parents=True)
    keys = {"title": "Ours", "source": "a test", "licence": "CC-BY-4.0"}
    design = {key.name: json.loads(key.example) for key in DESIGN_KEYS if key.kind == "text"}
    toml = ['provenance = "measured"', *(f"{key} = {json.dumps(of_texts(text))}" for key, text in keys.items())]
    toml += ["[design]", *(f"{key} = {json.dumps(of_texts(text))}" for key, text in design.items())]
    (folder / "dataset.toml").write_text("\n".join(toml) + "\n", encoding="utf-8")
    for name, table in worlds.simulate_tables("paper", 1, worlds.DRAWN).items():
        if name == "bmec_cells":
            table.obs = changed(table.obs, name, of_ids, of_texts)
            table.obs_names = [of_ids(cell.removeprefix("sim-")) for cell in table.obs_names]
            del table.uns["endomtor_provenance"]
            table.write_h5ad(folder / "bmec_cells.h5ad")
            continue
        if name == "hspc_counts":
            table = table.rename(columns={one: of_ids(one.removeprefix("sim-")) for one in table.columns[1:]})
        changed(table, name, of_ids, of_texts).to_csv(folder / contract.TABLES[name].file, index=False)
    return folder


def changed(table: pd.DataFrame, name: str, of_ids, of_texts) -> pd.DataFrame:
    known = {column.name: column for column in contract.TABLES[name].columns}
    for one in table.columns.intersection(list(known)):
        column = known[one]
        if column.kind not in FREE or one == "gene":
            continue
        texts = table[one].astype(str).str.removeprefix("sim-")
        table[one] = texts.replace(ODD) if column.vocabulary else texts.map(of_ids if column.kind == "id" else of_texts)
    return table


class Seen(HTMLParser):
    """What of a page could do something: elements, handlers, addresses of other hosts and schemes."""

    def __init__(self, text: str):
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.add(f"<{tag}>")
        for key, value in attrs:
            if key.startswith("on"):
                self.found.add(f"{tag} {key}={value}")
            if key in ("href", "src", "action", "data", "srcdoc", "formaction", "xlink:href"):
                address = urlsplit(value or "")
                self.found.add(f"{tag} {key} {address.scheme} {address.netloc}")


def active(pages: dict[str, str]) -> dict[str, set[str]]:
    return {name: Seen(text).found for name, text in pages.items()}


def built(folder: Path, data: Path) -> dict[str, str]:
    """Build the book on a data set and write its report; return all pages."""
    settings = workflow.Settings(
        root=str(ROOT), build=str(folder), data=str(data), missing=public.prepare(offline=True)
    )
    workflow.build(settings, jobs=2, console=Console(quiet=True))
    pages = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.glob("html/*/*.html")}
    return pages | {"report": report.html(settings)}


@pytest.mark.slow
def test_no_text_of_the_data_becomes_more_than_text(tmp_path, browser, serve):
    plain = active(built(tmp_path / "a", write(tmp_path / "plain")))
    pages = built(tmp_path / "b", write(tmp_path / "hostile", hostile, very_hostile))
    assert sum(HOST in text for text in pages.values()) > 5
    new = {name: sorted(found - plain[name]) for name, found in active(pages).items() if found - plain[name]}
    assert not new
    address = serve(tmp_path / "b" / "html")
    for path in (tmp_path / "b" / "html").glob("*/*.html"):
        browser.get(f"{address}/{path.parent.name}/{path.name}")
        headless.settled(browser)
        assert browser.title not in ("taken", "1"), path
        # An alternative text may tell the address of a payload: only what is followed or loaded counts.
        places = "e => e.getAttribute('href') || e.getAttribute('src')"
        links = browser.execute_script(f"return [...document.querySelectorAll('[href],[src]')].map({places})")
        assert not [link for link in links if HOST in link], path
