"""What measuring scripts keep is read back and shown, with the targets that were missed first."""

import re
import sys

import builds
import pytest

from endomtor.building import forks, performance, performance_page
from endomtor.building.performance import Row, amount
from test_building import content, small_book

ROWS = [
    Row("cold build", 81.25, "s", 90.0, "190 s", "Medians of 5 rounds."),
    Row("memory of <cells>", 3.5, "GiB", 3.0, note="Read in *chunks*."),
    Row("files that differ", 0, "", 0),
    Row("a phi", 0.00025, "s CPU", note="medians of 5 rounds, by `bench`"),
    Row("a joint phi", 0.00025, "s CPU", note="medians of 5 rounds, by `bench`"),
]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder in which the rows above are kept."""
    monkeypatch.setattr(performance, "folder", lambda: tmp_path)
    performance.keep("some", "Some & others", ROWS)
    return tmp_path


def test_what_is_kept_is_read_back_with_day_commit_and_machine(kept):
    [found] = performance.read()
    assert (found.title, found.rows) == ("Some & others", tuple(ROWS))
    assert len(found.date) == 10
    assert f"Python {sys.version.split()[0]}" in found.machine
    assert [row.reached for row in found.rows] == [True, False, True, None, None]


def test_the_page_shows_what_was_missed_and_all_that_was_measured(kept):
    text = performance_page.text()
    first, missed = performance_page.targets().split("\n\n")
    heading, *_ = text.split("\n\n")
    assert first == "Of 3 targets 2 are met. These are not:"
    assert missed == r"- memory of \<cells\>: 3.5 GiB, at most 3 GiB was aimed at."
    assert heading == "## Some & others"
    assert "memory of &lt;cells&gt;" in text
    assert '<td class="endomtor-number">81.2 s</td><td class="endomtor-number">90 s</td><td>yes</td>' in text
    assert re.findall(r"([\w ]+)&nbsp;<sup>(\d)</sup>", text) == [
        ("cold build", "1"),
        ("a phi", "3"),
        ("a joint phi", "3"),
    ]
    assert "<sup>2</sup>" in text
    assert "<li>Read in *chunks*.</li><li>medians of 5 rounds, by <code>bench</code></li></ol>" in text


def test_where_nothing_is_kept_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(performance, "folder", lambda: tmp_path / "none")
    assert performance_page.alone("scale") == performance_page.targets() == performance_page.NOTHING_KEPT


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"title": "a", "rows": [{"what": "b"}]}'])
def test_a_file_of_another_kind_is_named(kept, content):
    (kept / "other.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.json: expected what"):
        performance.read()


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (81.25, "s", "81.2 s"),
        (0.0213, "s", "21.3 ms"),
        (0.00025, "s CPU", "250 µs CPU"),
        (2.75, "GiB", "2.75 GiB"),
        (0, "", "0"),
    ],
)
def test_amounts_have_three_digits_and_a_readable_unit(value, unit, words):
    assert amount(value, unit) == words


def test_each_committed_measurement_says_how_it_was_made():
    for measured in performance.read():
        assert measured.commit, measured.title
        assert all(row.note for row in measured.rows), measured.title


@pytest.mark.slow
def test_builds_are_measured_in_a_copy_of_the_book(tmp_path, monkeypatch):
    monkeypatch.setenv(forks.PLAIN, "1")
    root, told = small_book(tmp_path / "book"), []
    before = content(root)
    rows = {row.what: row for row in builds.measured(1, told.append, root=root, turns=1)}
    assert content(root) == before
    assert "cold, Jupyter Book" in told
    assert rows["start of `endomtor --help`"].value < rows["nothing changed"].value
    assert rows["nothing changed"].value < rows["only prose of one page edited"].value
    assert rows["only prose of one page edited"].value < rows["cold build, all chapters, installed"].value
    assert "01 " in rows["one chapter edited, against a cold build"].note
