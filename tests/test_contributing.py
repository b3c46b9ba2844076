"""What CONTRIBUTING.md tells a newcomer: its lists name few files that exist, and its examples work as they stand."""

import re
import shutil
import tomllib
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import ROOT
from endomtor import paths, worlds
from endomtor.claims import catalogue
from endomtor.public import registry

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ADDED = dict(re.findall(r"^### (A [^\n]+)\n(.*?)(?=^##)", TEXT, flags=re.M | re.S))
PLACEHOLDERS = {
    "data/worlds/NAME.toml": "data/worlds/paper.toml",
    "analyses/CHAPTER.py": "analyses/rapamycin.py",
    "analyses/NAME.py": "analyses/rapamycin.py",
    "figures/MODULE.py": "figures/forest.py",
    "tests/test_NAME.py": "tests/test_rapamycin.py",
    "notebooks/NN_NAME.py": "notebooks/02_rapamycin.py",
}


def example(title: str) -> str:
    """The TOML of a section, which is its worked example."""
    [block] = re.findall(r"^```toml\n(.*?)^```$", ADDED[title], flags=re.M | re.S)
    return block


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of its own, to whose tables a test may add."""
    shutil.copytree(ROOT / "data", tmp_path / "data", ignore=shutil.ignore_patterns("public", "derived"))
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert paths.root() == tmp_path
    return tmp_path


def test_all_that_can_be_added_is_told():
    assert set(ADDED) == {
        "A world",
        "A claim or a prediction",
        "A public data set",
        "A plot kind",
        "A chapter",
    }


@pytest.mark.parametrize("title", ADDED)
def test_at_most_four_files_and_they_exist(title):
    items = re.findall(r"^\d+\. `([^`]+)`", ADDED[title], flags=re.M)
    assert 1 < len(items) <= 4
    for path in items:
        for name, real in PLACEHOLDERS.items():
            path = path.replace(name, real)
        assert (ROOT / path).exists(), path
    assert "For example" in ADDED[title]


def test_the_world_of_the_example_is_one(book):
    block = example("A world")
    name = tomllib.loads(block)["name"]
    (book / "data" / "worlds" / f"{name}.toml").write_text(block, encoding="utf-8")
    assert worlds.load(name).truth("C3.marrow.HSC") is True
    assert f"`data/worlds/{name}.toml`" in ADDED["A world"]


def test_the_prediction_of_the_example_is_one(book):
    path = book / "data" / "claims.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + example("A claim or a prediction"), encoding="utf-8")
    [rule] = tomllib.loads(example("A claim or a prediction"))["claims"]["evidence"]
    found = catalogue.load().rule(rule["id"])
    assert (found.claim, found.statement) == ("C5", rule["statement"])
    assert isinstance(worlds.load("paper").truth(rule["id"]), bool)


def test_the_public_file_of_the_example_is_one(book):
    path = book / "data" / "registry.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + example("A public data set"), encoding="utf-8")
    [name] = tomllib.loads(example("A public data set"))["files"]
    entry = registry.load(path)[name]
    assert all(f"{{{key}," in (ROOT / "book" / "references.bib").read_text(encoding="utf-8") for key in entry.citations)


def test_the_picture_names_every_part_of_the_package():
    [picture] = re.findall(r"!\[[^]]{40,}\]\((book/_static/[^)]+\.svg)\)", TEXT)
    drawn = " ".join(ElementTree.parse(ROOT / picture).getroot().itertext())
    parts = {path.parent.name for path in (ROOT / "src" / "endomtor").glob("*/__init__.py")}
    assert not {part for part in parts if not re.search(rf"\b{part}\b", drawn)}


def test_the_table_of_places_names_every_part_of_the_package():
    parts = {path.parent.name for path in (ROOT / "src" / "endomtor").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `src/endomtor/(\w+)/` \|", TEXT, flags=re.M)) == parts


def test_the_workflows_and_targets_that_it_names_are_there():
    table = re.findall(r"^\| `(\w+)` \| (?:push|pull|after|every|a tag)", TEXT, flags=re.M)
    assert sorted(table) == sorted(path.stem for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    assert set(re.findall(r"`make ([a-z-]+)", TEXT)) <= targets
