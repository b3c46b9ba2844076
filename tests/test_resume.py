"""A build that was cut off, or done in steps, gives what a clean one gives."""

import shutil
from pathlib import Path

import pytest
import reproduce

from endomtor.building import forks
from endomtor.errors import BuildError
from test_building import build, edit, small_book


@pytest.fixture(scope="module", autouse=True)
def surroundings():
    """One date for all builds, and kernels that start quickly where notebooks import nothing heavy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", reproduce.EPOCH)
        patch.setenv(forks.PLAIN, "1")
        yield


@pytest.fixture(scope="module")
def clean(surroundings, tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    """A small book, built at once, and what came out."""
    root = small_book(tmp_path_factory.mktemp("clean") / "book")
    build(root)
    return root, reproduce.contents(root / "_build")


def same(root: Path, expected: dict[str, bytes]) -> None:
    assert list(reproduce.differences(expected, reproduce.contents(root / "_build"))) == []


@pytest.mark.slow
def test_a_build_compares_site_ledger_evidence_and_twins(clean):
    names = clean[1].keys()
    assert {"html/book/index.html", "html/searchindex.js", "ledger.json", "evidence/01_one.json"} <= names
    assert "executed/notebooks/02_two.ipynb" in names
    assert b"start_time" not in clean[1]["executed/notebooks/02_two.ipynb"]


@pytest.mark.slow
@pytest.mark.parametrize("change", ["html/book/index.html", "executed/notebooks/01_one.ipynb", "ledger.csv"])
def test_a_difference_is_named(clean, change):
    other = clean[1] | {change: clean[1][change] + b" "}
    assert list(reproduce.differences(clean[1], other)) == [f"{change} differs in length"]
    other.pop(change)
    assert list(reproduce.differences(clean[1], other)) == [f"{change} is only in the first build"]


@pytest.mark.slow
def test_pages_changed_and_changed_back_are_the_same_as_in_a_clean_build(clean):
    root, expected = clean
    index = root / "book" / "index.md"
    text = index.read_text()
    index.write_text(f"{text}\nAnother zebra.\n")
    edit(root, "02_two", "twin of two", "second edition")
    build(root)
    assert "zebra" in (root / "_build" / "html" / "searchindex.js").read_text()
    index.write_text(text)
    edit(root, "02_two", "second edition", "twin of two")
    build(root)
    same(root, expected)


@pytest.mark.slow
def test_two_clean_builds_are_the_same(clean):
    root, expected = clean
    shutil.rmtree(root / "_build")
    build(root)
    same(root, expected)


@pytest.mark.slow
def test_with_keep_going_the_other_chapters_run(tmp_path):
    root = small_book(tmp_path / "book")
    edit(root, "02_two", 'print("twin of two")', "raise ValueError('no')")
    with pytest.raises(BuildError, match="02_two"):
        build(root, keep_going=True)
    assert (root / "_build" / "executed" / "notebooks" / "01_one.ipynb").is_file()
    assert not (root / "_build" / "html").exists()
