"""What CONTRIBUTING.md tells a newcomer: its lists are short and complete, each is followed to the letter in a copy."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import house
import pytest

from conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ADDED = dict(re.findall(r"^### (A [^\n]+)\n(.*?)(?=^##)", TEXT, flags=re.M | re.S))


def test_all_that_can_be_added_is_told():
    assert set(ADDED) == set(house.LISTS)


@pytest.mark.parametrize("title", ADDED)
def test_the_list_is_no_longer_than_promised_and_its_example_touches_no_other_file(title):
    items = house.files_of(title)
    assert 1 <= len(items) <= house.LISTS[title]
    named = [re.sub(r"\b(NN_)?(NAME|CHAPTER|MODULE)\b", "*", one) for one in items]
    for _, path, _, _ in steps(title):
        assert any(Path(path).match(one) for one in named), f"{path} is not in the list"


# --- following them ---------------------------------------------------------------------------------------------------


def steps(title: str) -> list[tuple[str, str, str, str]]:
    """Return the blocks of an example: the whole, file, place ("new", "at its end", "below: …", "above: …"), text."""
    found = re.findall(r"^```\w+\n# ((\S+), ([^\n]+))\n(.*?)^```$", ADDED[title], flags=re.M | re.S)
    return [(whole, path, place, text) for whole, path, place, text in found]


def follow(title: str, book: Path) -> None:
    """Do what an example says."""
    for whole, path, place, text in steps(title):
        file = book / path
        old = "" if place == "new" else file.read_text(encoding="utf-8")
        if place in ("new", "at its end"):
            assert file.exists() == (place != "new"), whole
            file.write_text(old + text, encoding="utf-8")
            continue
        side, _, line = place.partition(": ")
        assert side in ("below", "above"), whole
        assert old.count(f"{line}\n") == 1, f"{path} does not hold the line once: {line!r}"
        file.write_text(old.replace(f"{line}\n", f"{line}\n{text}" if side == "below" else f"{text}{line}\n"))


@pytest.fixture
def book(tmp_path) -> Path:
    """The tracked files in another place."""
    copy = tmp_path / "book"
    left_out = (".venv", ".git", "_build", "node_modules", "__pycache__", ".*cache", ".hypothesis", ".snakemake")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*left_out))
    return copy


def run(book: Path, *command: str, fails: bool = False) -> str:
    """Run a command of the copy and return what it says."""
    surroundings = {**os.environ, "PYTHONPATH": str(book / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    surroundings.pop("ENDOMTOR_BUILD", None)
    done = subprocess.run([sys.executable, *command], cwd=book, env=surroundings, capture_output=True, text=True)
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def quick_tests(book: Path, *arguments: str, fails: bool = False) -> str:
    """Run quick tests of the copy."""
    quick = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow")
    return run(book, *quick, *arguments, fails=fails)


def with_rules_told(book: Path) -> None:
    """Raise the version of the rules, and write the line that the test asks for into the changelog."""
    claims = book / "data" / "claims.toml"
    text = claims.read_text(encoding="utf-8")
    claims.write_text(re.sub(r"^version = (\d+)", lambda old: f"version = {int(old[1]) + 1}", text, flags=re.M))
    rules = "tests/test_claims.py::TestCatalogue::test_rules_do_not_change_without_a_line_in_the_changelog"
    line = re.findall(r"CHANGELOG\.md lacks: (Rules of[^\n]+digest \w+)", quick_tests(book, rules, fails=True))[0]
    with (book / "CHANGELOG.md").open("a", encoding="utf-8") as changelog:
        changelog.write(f"\n- {line}\n")


def paired(book: Path, name: str) -> None:
    """What `make pairs` does."""
    path = str(book / "notebooks" / name)
    if not Path(f"{path}.ipynb").exists():
        text = Path(f"{path}.py").read_text(encoding="utf-8")
        head = (book / "notebooks" / "01_mtor_decline.py").read_text(encoding="utf-8").partition("# %%")[0]
        Path(f"{path}.py").write_text(head + text, encoding="utf-8")
        run(book, "-m", "jupytext", "--quiet", "--to", "ipynb", f"{path}.py")
    run(book, "-m", "jupytext", "--quiet", "--sync", f"{path}.py")


@pytest.mark.slow
def test_a_prediction(book):
    follow("A prediction", book)
    with_rules_told(book)
    quick_tests(book, "tests/test_claims.py", "-k", "Catalogue or statement or rules")
    said = run(
        book, "-c", "from endomtor import worlds; print(worlds.load('paper').truth('C5.transplant.chimerism.p1'))"
    )
    assert said.strip() in ("True", "False")


@pytest.mark.slow
def test_a_marker(book):
    follow("A marker", book)
    quick_tests(book, "tests/test_contract.py", "-k", "vocabulary or marker or unknown")
    said = run(book, "-c", "from endomtor import contract; print(contract.vocabulary().markers['pULK1_S757'])")
    assert said.strip() == "mTORC1"


@pytest.mark.slow
def test_a_world(book):
    follow("A world", book)
    quick_tests(
        book, "tests/test_worlds.py", "tests/test_world_grid.py", "tests/test_calibration.py", "-k", "world or plan"
    )
    said = run(book, "-c", "from endomtor import worlds; print(worlds.load('halved').truth('C3.marrow.HSC'))")
    assert said.strip() == "True"


@pytest.mark.slow
def test_a_claim(book):
    follow("A claim", book)
    paired(book, "03_ecko_phenotypes")
    with_rules_told(book)
    quick_tests(
        book, "tests/test_claims.py", "tests/test_headings.py", "tests/test_chapters.py", "-k", "not moves_record"
    )
    run(book, "-c", "from endomtor.cli import main; main(['run', '03'])")
    found = (book / "_build").rglob("evidence/03_ecko_phenotypes.json")
    records = {one["id"]: one for path in found for one in json.loads(path.read_text(encoding="utf-8"))}
    assert (records["C7.marrow.CFU"]["claim"], records["C7.marrow.CFU"]["changed"]) == ("C7", False)


@pytest.mark.slow
def test_a_table_of_the_contract(book, tmp_path):
    follow("A table of the contract", book)
    quick_tests(book, "tests/test_contract.py", "-k", "page or document or table")
    run(book, "-c", f"from endomtor.cli import main; main(['init', {str(tmp_path / 'mice')!r}, '03'])")
    assert (tmp_path / "mice" / "ecko_spleen.csv").is_file()


@pytest.mark.slow
def test_a_public_data_set(book):
    follow("A public data set", book)
    said = run(book, "-c", "from endomtor.cli import main; main(['fetch', '--list'])")
    assert "a-signature" in said


@pytest.mark.slow
def test_a_plot_kind(book):
    follow("A plot kind", book)
    # The copy keeps its own picture, which somebody looks at; here the plot is compared with itself.
    quick_tests(book, "tests/test_baselines.py", "--redraw-baselines", "-k", "looks_as_its_baseline and dots")
    quick_tests(book, "tests/test_baselines.py")


@pytest.mark.slow
def test_a_chapter(book):
    follow("A chapter", book)
    paired(book, "08_cellularity")
    quick_tests(book, "tests/test_chapters.py", "tests/test_readers_map.py", "-k", "not moves_record and not browser")
    quick_tests(book, "tests/test_repository.py", "-k", "pair or outputs or begins")
    run(book, "-c", "from endomtor.cli import main; main(['run', '08'])")


# --- what else it names -----------------------------------------------------------------------------------------------


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
