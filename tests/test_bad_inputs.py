"""Sixty bad inputs and more: each ends in one sentence and the right exit status, and nothing is written.

A table of what was given and of the words that must be said; below it what a table cannot hold: a full disk, a
read-only place, formulas, markup in a browser, and fuzz for every reader.
"""

import csv
import gzip
import importlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ROOT, recorded
from endomtor import cli, contract, files, ledger
from endomtor.analyses.judge import Judge
from endomtor.building import exports
from endomtor.claims import catalogue, evidence
from endomtor.contract import excel, reading
from endomtor.errors import BuildError, EndomtorError
from endomtor.provenance import Provenance
from endomtor.public import geo, ncbi, originals, registry
from endomtor.views import pages
from test_contract import ABOUT, cells, valid_tables, write

SOUND = valid_tables()
BLOOD = SOUND["ecko_blood"]


@dataclass(frozen=True)
class Desk:
    """A book of its own with the last good build, a sound data directory, and room beside them.

    Attributes
    ----------
    book : Path
        Where the shell stands; its `data` hold links to those of the repository.
    mice : Path
        One sound table.
    """

    book: Path
    mice: Path

    def spoil(self, name: str, content: bytes | str) -> None:
        """Put other content in the place of a file of the book's data, which may be a link to the repository's."""
        path = self.book / "data" / name
        path.unlink()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def give(self, name: str, content: bytes | str) -> list[str]:
        """Put a file beside the sound table and return what the user types."""
        (self.mice / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return ["check", str(self.mice)]


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    book = tmp_path / "book"
    (book / "data").mkdir(parents=True)
    (book / "_toc.yml").touch()
    for path in (ROOT / "data").iterdir():
        if path.name == "worlds":
            shutil.copytree(path, book / "data" / "worlds")
        else:
            (book / "data" / path.name).symlink_to(path)
    for name in ("notebooks", "workflow"):
        (book / name).symlink_to(ROOT / name)
    for variable in ("ENDOMTOR_BUILD", "ENDOMTOR_MIRROR", "ENDOMTOR_DEBUG", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("ENDOMTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(book)
    files.write_text(book / "_build" / "html" / "index.html", "the last good site")
    whose = Provenance("measured", "Ours", "a test", "0" * 64)
    files.write_text(book / "_build" / "ledger.json", json.dumps(ledger.build([], whose, catalogue.load())))
    return Desk(book, write(tmp_path / "my mäuse", {"ecko_marrow": SOUND["ecko_marrow"]}))


def content(folder: Path) -> dict[str, bytes | str]:
    """Return all that is in a folder: the bytes of files, where links lead to, folders."""
    found: dict[str, bytes | str] = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place) / name
            if path.is_symlink():
                found[str(path)] = os.readlink(path)
            else:
                found[str(path)] = path.read_bytes() if path.is_file() else "a folder"
    return found


# --- what is given ----------------------------------------------------------------------------------------------------


def table(name: str, *rows: dict, **changes) -> str:
    """Return a sound table with other values in its last row, and with these rows after it."""
    frame = SOUND[name].astype(object)
    for column, value in changes.items():
        frame.loc[len(frame) - 1, column] = value
    more = [{**SOUND[name].iloc[0], **row} for row in rows]
    return pd.concat([frame, pd.DataFrame(more, dtype=object)]).to_csv(index=False)


def packed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def h5ad(spoil: Callable) -> Callable[[Desk], list[str]]:
    """Return a row's maker that puts single cells beside the table, spoilt."""

    def make(desk: Desk) -> list[str]:
        data = cells(n_cells=1)
        write(desk.mice, {}, h5ad=spoil(data) or data)
        return ["check", str(desk.mice)]

    return make


def _normalised(data):
    data.X = data.X / 7


def _cut(desk: Desk) -> list[str]:
    write(desk.mice, {}, h5ad=cells(n_cells=1))
    whole = (desk.mice / "bmec_cells.h5ad").read_bytes()
    return desk.give("bmec_cells.h5ad", whole[: len(whole) // 2])


def workbook(*areas: str) -> bytes:
    """Return a workbook of blood with something in these cells as well, or in a second sheet."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(BLOOD.to_csv(index=False))):
        book.active.append(row)
    for area in areas:
        sheet, _, place = area.rpartition("!")
        (book.create_sheet(sheet) if sheet else book.active)[place] = "x"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


class Payload:
    """Unpickled, it leaves a file where it is."""

    def __reduce__(self):
        return (Path.touch, (Path("unpickled"),))


def link(name: str, target: str) -> Callable[[Desk], list[str]]:
    def make(desk: Desk) -> list[str]:
        (desk.mice / name).symlink_to(target)
        return ["check", str(desk.mice)]

    return make


def folder(name: str) -> Callable[[Desk], list[str]]:
    def make(desk: Desk) -> list[str]:
        (desk.mice / name).unlink(missing_ok=True)
        (desk.mice / name).mkdir()
        return ["check", str(desk.mice)]

    return make


def counts(**changes) -> bytes:
    frame = SOUND["hspc_counts"].astype(object)
    for column, values in changes.items():
        frame[column] = values
    return packed(frame.to_csv(index=False))


GENE_COUNTS = SOUND["hspc_counts"]["s_aged0"]

# File, its content (or what makes it), words of the problem.
TABLES = [
    ("ecko_blood.csv", b"", "an empty file"),
    ("survival.csv", table("survival").partition("\n")[0], "a header row only"),
    ("hspc_counts.csv.gz", counts()[:-20], "a file that is cut off"),
    ("hspc_counts.csv.gz", SOUND["hspc_counts"].to_csv(index=False), "expected a gzip file"),
    ("survival.csv", table("survival", group="a\0ged"), "without NUL bytes"),
    ("ecko_cells.csv", table("ecko_cells").encode("utf-16"), "text in UTF-16"),
    ("rapamycin_marrow.csv", table("rapamycin_marrow", unit="µg").encode("latin-1"), "byte 0xb5"),
    ("rapamycin_blood.csv", table("rapamycin_blood", unit="x" * 10**7), "field larger than field limit"),
    ("ecko_blood.csv", BLOOD.to_csv(index=False).replace("sex", "group", 1), "each column once"),
    ("ecko_blood.csv", BLOOD.drop(columns="sex").to_csv(index=False), 'column "sex": expected a column'),
    ("ecko_blood.csv", BLOOD.to_csv(index=False) + 'm9,"young', "closed quotes"),
    ("bmec_signaling.csv", table("bmec_signaling", mfi="1e400"), 'found "1e400", expected a number above 0'),
    ("ecko_limiting_dilution.csv", table("ecko_limiting_dilution", positive=11), "at most the 10 that were tested"),
    ("ecko_blood.csv", table("ecko_blood", animal="sim-1"), "sim-"),
    ("ecko_blood.csv", table("ecko_blood", animal="m\n1"), "text on one line"),
    ("ecko_marrow.csv", table("ecko_marrow", unit="\x1b[2J"), "without control characters"),
    ("ecko_marrow.csv.gz", packed(table("ecko_marrow")), "a table in one format only"),
    ("ecko_blood.csv", pickle.dumps(Payload()), "expected"),
    ("bmec_cells.h5ad", _cut, "a whole AnnData file"),
    ("bmec_cells.h5ad", h5ad(_normalised), "raw counts in X, integers of at least 0"),
    ("ecko_blood.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "without a password"),
    ("ecko_blood.xlsx", workbook("XFD1048576"), "rows and columns of the table only"),
    ("ecko_blood.csv", link("ecko_blood.csv", "nowhere.csv"), "a file that can be read"),
    # Root may read every file; nobody can read a folder as one.
    ("ecko_blood.csv", folder("ecko_blood.csv"), "a file that can be read"),
    ("dataset.toml", b"", "expected this key"),
    ("dataset.toml", "x = " + "[" * 10**4, "valid TOML"),
]

PAPER = (ROOT / "data" / "worlds" / "paper.toml").read_text(encoding="utf-8")
COMMON = (ROOT / "data" / "worlds" / "common" / "endpoints.toml").read_text(encoding="utf-8")
CLAIMS = (ROOT / "data" / "claims.toml").read_text(encoding="utf-8")
REGISTRY = (ROOT / "data" / "registry.toml").read_text(encoding="utf-8")
DEEP = "x = " + "[" * 10**4
SIMULATE = ("simulate", "--world", "paper", "--seed", "1", "--out", "new")
LIST = ("fetch", "--list")


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


# A file of the book's data, its content, what the user types, words of the sentence.
BOOK = [
    ("worlds/paper.toml", b"\xff\xfe\0", SIMULATE, "cannot be read as TOML"),
    ("worlds/paper.toml", changed(PAPER, "phenocopy = ", "phenocpy = "), SIMULATE, "did you mean 'phenocopy'?"),
    ("worlds/paper.toml", changed(PAPER, "phenocopy = ", "phenocopy = 1" + "0" * 400 + " # "), SIMULATE, "larger than"),
    ("worlds/common/endpoints.toml", changed(COMMON, "correlation = ", "correlation = 1"), SIMULATE, "a share from"),
    ("worlds/common/endpoints.toml", changed(COMMON, "\nassumption = true", ""), SIMULATE, "without an origin"),
    ("claims.toml", b"", ("claims",), "claims.toml: key 'claims' is missing"),
    ("claims.toml", "version = 1\ndate = 2020-01-01\nclaims = [1]\n", ("claims",), "claims is [1], expected tables"),
    ("claims.toml", CLAIMS.replace("smallest = ", "smallest = -"), ("claims",), "expected a number above 0"),
    ("registry.toml", REGISTRY + "[[colours]]\n", LIST, "unknown key 'colours'"),
    ("vocabulary.toml", "populations = 1\n", ("check", "{mice}"), "expected a section [populations]"),
]

LONG = "a" * 300
# What the user types, exit status, words of the sentence, environment variables.
TYPED = [
    (("brew",), 2, "brew", {}),
    (("build", "--seed", "1e400"), 2, "--seed", {}),
    (("build", "--data", "{mice}", "--world", "paper"), 2, "exclude each other", {}),
    (("run", "01", "-p", "seed"), 2, "a name and a value", {}),
    (("check", "no/such/folder"), 1, "found nothing", {}),
    (("build", "--data", "no/such/folder"), 1, "is not a folder", {}),
    (("check", LONG), 1, "File name too long", {}),
    (("build", "--world", "../worlds/paper"), 1, "did you mean 'paper'?", {}),
    (("simulate", "--world", "papr", "--seed", "1", "--out", "new"), 1, "did you mean 'paper'?", {}),
    (("simulate", "--world", "paper", "--seed", "1", "--out", "{mice}"), 1, "other files than simulated", {}),
    (("init", "{mice}"), 1, "nothing is overwritten", {}),
    (("init", "new", "09"), 1, "There is no chapter '09'", {}),
    (("init", "_toc.yml/new"), 1, "expected a place that can be written", {}),
    (("run", "33"), 1, "there is no chapter '33'", {}),
    (("run", "01", "--world", "bystandr"), 1, "did you mean 'bystander'?", {}),
    (("run", "01", "-p", "colour", "red"), 1, "no parameter 'colour'", {}),
    (("build", "--out", ".", "--offline"), 1, "holds the book itself", {}),
    (("build", "--data", "{mice}", "--out", "{mice}", "--offline"), 1, "lie inside the build folder", {}),
    (("build", "--data", "_build/mice", "--offline"), 1, "lie inside the build folder", {}),
    (("calibrate", "--scenario", "nul"), 1, "There is no scenario 'nul'", {}),
    (("fetch", "ec-hart"), 1, "did you mean 'ec-heart'?", {}),
    (("fetch", "--geo", "GSE1; rm -rf"), 1, "is not the accession", {}),
    (("changes", "none.json", "none.json"), 1, "is not there", {}),
    (("claims",), 1, "run `endomtor build` first", {"ENDOMTOR_BUILD": "nowhere"}),
    (("build", "--offline", "--out", "new"), 1, "seconds since 1970", {"SOURCE_DATE_EPOCH": "9" * 30}),
    (("fetch", "ec-heart"), 1, "Not a directory", {"ENDOMTOR_CACHE": "_toc.yml"}),
    (("fetch", "ec-heart"), 1, "No such file", {"ENDOMTOR_MIRROR": "no/such/mirror"}),
    (("fetch", "ec-heart"), 1, "expected a folder or an http address", {"ENDOMTOR_MIRROR": "file:///etc"}),
]


# --- what must happen -------------------------------------------------------------------------------------------------


def refused(typed: list[str], words: str, capsys, *, status: int = 1, beside: Path) -> str:
    """Run the command in this process; it must say these words in one sentence and write nothing. Return stdout."""
    before = content(beside)
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in typed])
    shown = capsys.readouterr()
    assert ended.value.code == status, shown.err
    assert "Traceback" not in shown.err + shown.out
    if status == 2:
        assert "Usage:" in shown.err
        assert words in shown.err
    else:
        sentences = [line for line in shown.err.splitlines() if line.startswith("endomtor: ")]
        assert len(sentences) == 1, shown.err
        assert shown.err.endswith(f"{sentences[0]}\n")
        assert words in (shown.out if typed[0] == "check" and "listed on stdout" in sentences[0] else sentences[0])
    # A lock in the folder of downloads is no half-written file.
    after = {name: one for name, one in content(beside).items() if not name.startswith(str(beside / "cache"))}
    assert after == before
    return shown.out


def ids(rows: list) -> list[str]:
    names = (" ".join(row[0]) if isinstance(row[0], tuple) else row[0] for row in rows)
    return [f"{number:02d} {name[:40]}" for number, name in enumerate(names)]


@pytest.mark.parametrize(("name", "given", "words"), TABLES, ids=ids(TABLES))
def test_a_bad_table(desk, capsys, tmp_path, name, given, words):
    typed = given(desk) if callable(given) else desk.give(name, given)
    out = refused(typed, words, capsys, beside=tmp_path)
    faults = [line for line in out.splitlines() if line.startswith("error: ")]
    stem = name.partition(".")[0]
    assert any(line.startswith(f"error: {stem}.") and words in line for line in faults), out
    # One problem is one line, whatever the cell holds.
    assert all(line.startswith(("error: ", "warning: ")) or not line for line in out.splitlines()[:-1])
    assert max(map(len, out.splitlines())) < 600
    assert "\x1b" not in out


@pytest.mark.parametrize(("name", "given", "typed", "words"), BOOK, ids=ids(BOOK))
def test_bad_data_of_the_book(desk, capsys, tmp_path, name, given, typed, words):
    desk.spoil(name, given)
    refused([word.replace("{mice}", str(desk.mice)) for word in typed], words, capsys, beside=tmp_path)


@pytest.mark.parametrize(("typed", "status", "words", "variables"), TYPED, ids=ids(TYPED))
def test_bad_arguments_and_variables(desk, capsys, tmp_path, monkeypatch, typed, status, words, variables):
    (desk.book / "loop").symlink_to("loop")
    shutil.copytree(desk.mice, desk.book / "_build" / "mice")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    refused([word.replace("{mice}", str(desk.mice)) for word in typed], words, capsys, status=status, beside=tmp_path)


def test_how_many():
    assert len(TABLES) + len(BOOK) + len(TYPED) >= 60


def test_the_good_ones_beside_them(desk, capsys):
    """What the bad ones are changed from is sound: a BOM, CRLF, blanks in a path, links of an editor, odd names."""
    blood = b"\xef\xbb\xbf" + BLOOD.to_csv(index=False).replace("\n", "\r\n").encode()
    (desk.mice / ".#ecko_blood.csv").symlink_to("me@host.1234")
    for typed in (desk.give("ecko_blood.csv", blood), ["claims"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(typed)
        assert ended.value.code == 0
        assert "Traceback" not in capsys.readouterr().err


def test_pickled_objects_are_not_unpickled(desk):
    for name in ("ecko_blood.csv", "ecko_blood.csv.gz", "ecko_blood.xlsx", "bmec_cells.h5ad", "dataset.toml"):
        for data in (pickle.dumps(Payload()), gzip.compress(pickle.dumps(Payload()))):
            desk.give(name, data)
            contract.check(desk.mice)
    assert not (desk.book / "unpickled").exists()
    pickle.loads(pickle.dumps(Payload()))
    assert (desk.book / "unpickled").exists()


def test_a_gzip_bomb_is_not_unpacked(desk, monkeypatch):
    # A limit of a megabyte: the real one takes a second, and its memory.
    monkeypatch.setattr(reading, "LARGEST_UNPACKED", 2**20)
    desk.give("ecko_blood.csv.gz", gzip.compress(b"a" * (2**20 + 1)))
    assert "at most 1 MB unpacked" in "\n".join(map(str, contract.check(desk.mice)))


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("ledger.json", "[" * 10**5, "ledger.json is not JSON"),
        ("evidence/01.json", "[1]", "01.json: is not a list of evidence records"),
        ("evidence/01.json", {"p": "small"}, "does not follow from the evidence"),
        ("evidence/01.json", {"id": ["C1"]}, "does not follow from the evidence"),
    ],
)
def test_a_ledger_or_evidence_that_somebody_edited(desk, capsys, tmp_path, name, given, words):
    text = given if isinstance(given, str) else json.dumps([record_of(**given)])
    files.write_text(desk.book / "_build" / name, text)
    refused(["claims"], words, capsys, beside=tmp_path)


def test_the_data_of_a_build_may_hold_links_that_lead_nowhere(desk):
    from endomtor.building.workflow import Settings

    settings = Settings(root=str(desk.book), build=str(desk.book / "_build"), data=str(desk.mice))
    before = settings.data_hash()
    (desk.mice / ".#ecko_blood.csv").symlink_to("me@host.1234")
    (desk.mice / "loop").symlink_to("loop")
    assert settings.data_hash() == before
    (desk.mice / "ecko_marrow.csv").write_text("changed")
    assert settings.data_hash() != before


# --- disks and names --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_name_that_is_no_unicode_and_a_terminal_that_is_none(desk):
    with open(os.fsencode(desk.mice) + b"/ecko_bl\xffod.csv", "wb") as stream:
        stream.write(BLOOD.to_csv(index=False).encode())
    command = [str(Path(sys.executable).with_name("endomtor")), "check", str(desk.mice)]
    ran = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr.count(b"\n")) == (1, 1)
    assert b"breaks the data contract" in ran.stderr
    assert rb"ecko_bl\udcffod.csv" in ran.stdout


@pytest.fixture
def mounted(tmp_path):
    """A function that mounts a file system in memory of one page, read-only or not, where that is allowed."""
    places = []

    def mount(name: str, options: str) -> Path | None:
        place = tmp_path / name
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def little_room() -> Iterator[None]:
    """Let no file grow beyond 2 kB: what can be done where nothing can be mounted."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("typed", [("init",), pytest.param(SIMULATE[:5] + ("--out",), marks=pytest.mark.slow)])
def test_a_full_disk(desk, mounted, capsys, typed):
    disk = mounted("small disk", "size=4k")
    place, words = (disk, "No space left") if disk else (desk.book, "File too large")
    with nullcontext() if disk else little_room():
        refused([*typed, place / "new"], words, capsys, beside=place)


@pytest.mark.parametrize("typed", [("init",), ("build", "--offline", "--out")])
def test_a_place_that_may_only_be_read(desk, mounted, capsys, typed):
    place = mounted("read only", "ro")
    if place is None:
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere, and nothing can be mounted here")
        place = desk.book / "read only"
        place.mkdir(mode=0o555)
    refused([*typed, place / "new"], f"{place / 'new'}: expected a place that can be", capsys, beside=place)


@pytest.mark.slow
def test_bad_data_leave_the_last_good_build(tmp_path):
    from test_building import build, small_book

    root = small_book(tmp_path / "kleines Büch")
    mice = write(tmp_path / "mäuse", {"ecko_marrow": SOUND["ecko_marrow"]}, about=ABOUT.replace("Test", f"|{MARKUP}"))
    build(root, data=str(mice))
    pages_of = {path: path.read_text(encoding="utf-8") for path in (root / "_build" / "html").rglob("*.html")}
    assert not [path for path, page in pages_of.items() if MARKUP in page]
    assert pages_of[root / "_build" / "html" / "book" / "index.html"].count(f"|{escape(MARKUP)}") >= 2
    good = content(root / "_build" / "html")
    for name, bad, words in TABLES[:3]:
        (mice / name).write_bytes(bad if isinstance(bad, bytes) else bad.encode())
        with pytest.raises(BuildError) as caught:
            build(root, data=str(mice))
        assert words in str(caught.value)
        (mice / name).unlink()
        assert content(root / "_build" / "html") == good


# --- formulas and markup ----------------------------------------------------------------------------------------------

FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"]
MARKUP = "<script>alert(1)</script>"


def test_text_that_would_run_is_quoted_and_numbers_stay_numbers():
    frame = pd.DataFrame({"=a": FORMULAS, "n": [-1.5, -2.0, 3.0, 4.0, 5.0, float("nan")], "k": range(-3, 3)})
    found = list(csv.reader(io.StringIO(files.table_text(frame), newline="")))
    assert found[0] == ["'=a", "n", "k"]
    assert [row[0] for row in found[1:]] == [f"'{one}".replace("\r", "\n") for one in FORMULAS]
    assert [row[1:] for row in found[1:3]] == [["-1.5", "-3"], ["-2.0", "-2"]]
    assert files.inert("plain = text") == "plain = text"
    assert files.inert(None) is None


def record_of(**changes) -> dict:
    """Return a record of a marker, as a chapter writes it."""
    from endomtor.stats import Estimate

    rule = catalogue.load().rule("C1.signaling.pS6_S235_236")
    limits = {"inner": (-0.8, -0.2), "p": 0.01}
    found = Estimate(-0.5, -0.9, -0.1, n={"aged": 4, "young": 4}, unit="animal", method="linear model", **limits)
    whose = Provenance("measured", changes.pop("title", "Ours"), "a test", "0" * 64)
    made = evidence.make(rule, found, provenance=whose, truth=None, notebook="01_mtor_decline", family=None)
    return {**asdict(made), "cell": 3, **changes}


def test_the_tables_of_the_ledger_hold_no_formula():
    whose = Provenance("measured", "=HYPERLINK(0)", "@x", "0" * 64)
    record = record_of(title="=HYPERLINK(0)", prediction="+1", unit="-x")
    whole = {**ledger.build([], whose, catalogue.load()), "evidence": [record]}
    for text in (exports.evidence_csv(whole), exports.claims_csv(whole)):
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                assert not cell.startswith(("=", "+", "@"))
                assert not cell.startswith("-") or float(cell) < 0
    assert "-0.5" in exports.evidence_csv(whole).split(",")
    assert "'=HYPERLINK(0)" in exports.evidence_csv(whole)


def page_of_wild_data(folder: Path) -> str:
    """Return the HTML that chapter 01 and the site make of mice and a data set with a script for a name."""
    from IPython.utils.capture import capture_output

    from endomtor import figures

    wild = SOUND["bmec_signaling"].assign(batch=MARKUP, marker="pS6_S240_244")
    wild["animal"] = [f"{name}{MARKUP}" for name in wild["animal"]]
    excluded = pd.DataFrame({"table": ["bmec_signaling"], "animal": [wild["animal"][0]], "reason": [MARKUP]})
    about = ABOUT.replace("Test", MARKUP).replace("made for a test", MARKUP)
    write(folder, {"bmec_signaling": wild, "exclusions": excluded}, about=about)
    chapter = recorded("01_mtor_decline", contract.load(folder))
    with capture_output() as captured:
        chapter.data_box()
        chapter.show_table(chapter.table("bmec_signaling").head(), caption=MARKUP)
        chapter.results("C1.signaling", caption=MARKUP)
        chapter.verdict("C1")
        figures.table(pd.DataFrame({MARKUP: [MARKUP]}), caption=MARKUP, provenance=chapter.provenance)
    whole = Judge(chapter.dataset).ledger(chapter.records.values())
    claim = next(one for one in whole["claims"] if one["id"] == "C1")
    shown = [output.data["text/html"] for output in captured.outputs if "text/html" in output.data]
    shown += [pages.evidence_html(claim, whole), pages.summary_html("01_mtor_decline", whole)]
    return "\n".join(f"<section>{one}</section>" for one in shown)


def test_text_from_data_is_text_in_a_browser(browser, serve, shell, tmp_path):
    body = page_of_wild_data(tmp_path / "wild")
    assert body.count(escape(MARKUP)) > 20
    site = tmp_path / "site"
    files.write_text(site / "index.html", f"<!doctype html><meta charset='utf-8'><title>wild</title>{body}")
    browser.get(f"{serve(site)}/index.html")
    assert browser.execute_script("return document.querySelectorAll('script').length") == 0
    sections = browser.execute_script("return Array.from(document.querySelectorAll('section'), one => one.innerText)")
    assert len(sections) >= 7
    assert sum(MARKUP in text for text in sections) >= 6
    # An alert would be open by now, and the browser would have told it.
    assert browser.title == "wild"


# --- fuzz -------------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [b"", b"\0", b'"', b"\n", b"\t", b",", b"=", b"1e400", b"nan", b"-1", b"9" * 400, b"\xff", b"[", b"]", b"{}", b"'"]
)


@st.composite
def spoilt(draw, sound: bytes):
    """Draw bytes: any, nested without end, or a sound file with pieces in other places, cut off or packed."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.one_of(st.binary(max_size=60), st.sampled_from([b"[" * 10**4, DEEP.encode(), b"\x1f\x8b\x08"])))
    data = sound
    for _ in range(draw(st.integers(1, 4))):
        at, gone = draw(st.integers(0, len(data))), draw(st.integers(0, 20))
        data = data[:at] + draw(PIECES) + data[at + gone :]
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) == 0 else data


GENES = b"".join(b"ENSMUSG%011d.1\tG%d\t%d\t%d\n" % (k, k, k, 2 * k) for k in range(120))
MATRIX = b"gene_id\tsymbol\ts1\ts2\n" + GENES
SOFT = (
    b"^SERIES = GSE1\n!Series_title = x\n^SAMPLE = GSM1\n!Sample_title = a\n"
    b"!Sample_characteristics_ch1 = age: 9 weeks\n!Sample_supplementary_file = ftp://[x/y.gz\n"
)
XML = b'<?xml version="1.0" encoding="UTF-8"?><eSummaryResult><DocSum><Id>1</Id></DocSum></eSummaryResult>'
vocabulary = importlib.import_module("endomtor.contract.vocabulary")


def _two_samples(path: Path) -> None:
    other = path.with_name("GSM2.txt")
    other.write_bytes(b"gene\tcount\n" + b"".join(b"G%d\t%d\n" % (k, k) for k in range(120)))
    geo.join_samples([path.rename(path.with_name("GSM1.txt")), other])


def _sheet(path: Path) -> None:
    other = path.with_name("counts.tsv")
    other.write_text("gene\ta\tb\ng1\t1\t2\n")
    originals.hsc_counts(other, path)


READERS: dict[str, tuple[Callable[[Path], object], bytes]] = {
    "registry.toml": (registry.load, REGISTRY[:3000].encode()),
    "vocabulary.toml": (vocabulary._load.__wrapped__, (ROOT / "data" / "vocabulary.toml").read_bytes()),
    "hallmarks.gmt": (originals.gene_sets, b"A\tlink\tG1\tG2\nB\tlink\tG3\n"),
    "symbols.csv": (originals.ensembl_symbols, b"ensembl_id,symbol\nE1,A\nE2,B\n"),
    "signature.csv": (
        originals.aging_signature,
        f"Genes,{','.join(originals.STUDIES)},Avg\nA{',1.5' * 13}\nB{',-2' * 13}\n".encode(),
    ),
    "heart.csv": (originals.endothelial_counts, b"gene,O1_a,O1_b,Y2\nE1,1,2,3\nE2,4,5,6\n__no,1,1,1\n"),
    "heart.csv.gz": (originals.endothelial_counts, gzip.compress(b"gene,O1,Y2\nE1,1,2\n", mtime=0)),
    "cells.csv": (originals.single_hsc_counts, b"\tA_4m\t B_18m\ng1\t1\t2\ng2\t3\t4\n"),
    "blood.csv": (originals.blood_effects, b"Trait,Effect,SE,TraitSD,PValue_PBS\na,1,2,3,4\n"),
    "samples.csv": (_sheet, b"ids,covariate\na,Young_HSC\nb,Aged_HSC\n"),
    "matrix.txt": (geo.read_matrix, MATRIX),
    "matrix.txt.gz": (geo.read_matrix, gzip.compress(MATRIX, mtime=0)),
    "one.txt": (_two_samples, b"gene\tcount\n" + b"".join(b"G%d\t%d\n" % (k, k) for k in range(120))),
    "family.soft": (lambda path: geo.sheet(["a"], geo.match(["a"], geo.read_soft(path, "GSE1").samples)), SOFT),
    "family.soft.gz": (lambda path: geo.read_soft(path, "GSE1"), gzip.compress(SOFT, mtime=0)),
    "answer.xml": (lambda path: ncbi._parsed("esummary", path.read_bytes()), XML),
    "CITATION.cff": (lambda path: exports.citation(path.parent), b"references:\n- doi: 10.1/x\ntitle: a\n"),
    "book.xlsx": (lambda path: excel.read(path.name, path.read_bytes(), contract.TABLES["ecko_blood"]), workbook()),
}


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_reader_raises_nothing_but_the_projects_own(tmp_path, name, data):
    read, sound = READERS[name]
    path = tmp_path / name
    path.write_bytes(data.draw(spoilt(sound)))
    with suppress(EndomtorError):
        read(path)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_reads_what_the_fuzz_begins_with(tmp_path, name):
    read, sound = READERS[name]
    (tmp_path / name).write_bytes(sound)
    if name == "registry.toml":
        sound = REGISTRY.encode()
        (tmp_path / name).write_bytes(sound)
    read(tmp_path / name)
