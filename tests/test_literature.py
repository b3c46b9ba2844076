"""What others found: the file, and what the pages make of it."""

import re

import pytest

from conftest import ROOT
from endomtor.claims import catalogue, literature
from endomtor.errors import ClaimsError
from endomtor.views import literature as shown

FILE = ROOT / "data" / "literature.toml"


def test_every_row_says_where_when_and_how_it_was_read():
    found = literature.load()
    assert len(found.findings) > 25
    for one in found.findings:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", one.looked_up)
        assert one.source.startswith("https://")
        assert one.finding.endswith(".")
    assert {one.claim for one in found.findings} >= {"C1", "C1b", "C2", "C3", "C4", "C5"}
    # Both sides are told where both are known.
    assert {one.stance for one in found.of("C2")} == set(literature.STANCES)
    assert set(found.settles) == {claim.id for claim in catalogue.load().claims}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('stance = "for"', 'stance = "pro"', "finding 1: stance is 'pro', expected one of for, against"),
        ('claim = "C1"', 'claim = "C9"', "finding 1: claim is 'C9', expected one of C1"),
        ('place = "abstract"\n', "", r"finding 1: \['place'\], expected exactly"),
        ('looked_up = "2026-11-30"', 'looked_up = ""', "finding 1: looked_up is empty"),
        ("schema_version = 1", "schema_version = ", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, old, new, message):
    path = tmp_path / "literature.toml"
    path.write_text(FILE.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ClaimsError, match=message):
        literature.load(path)


def test_the_picture_and_the_table_hold_every_finding():
    for claim in ("C1", "C2", "C5"):
        picture, table = shown.picture_html(claim), shown.table_html(claim)
        for one in literature.load().of(claim):
            assert f"{shown.ARROWS[one.direction]} {one.study}: {shown.WORDS[one.stance]}" in picture
            assert one.source in table
            assert one.query.replace('"', "&quot;") in table or one.query in table


def test_the_paragraph_of_a_chapter_names_both_sides():
    text = re.sub(r"<[^>]*>", "", shown.known_html(["C2"]))
    assert text.startswith("Known from others on C2: for: ")
    assert "against: Neff 2013" in text
    assert shown.known_html(["C9"]) == ""
