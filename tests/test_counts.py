"""Counts in sentences come from what they count."""

import re

from conftest import ROOT
from endomtor import calibration, worlds
from endomtor.building import counts
from endomtor.claims import catalogue


def test_they_are_those_of_the_files_and_of_the_plan():
    found = counts.in_words()
    assert found["worlds"] == counts.WORDS[len(worlds.names())]
    assert found["claims"] == counts.WORDS[sum(bool(claim.primaries) for claim in catalogue.load().claims)]
    assert calibration.load().false_support == counts.LEVEL


def test_no_page_types_what_is_counted():
    typed = re.compile(rf"\b({'|'.join(counts.WORDS)}) (made-up )?(claims|worlds|chapters|verdict words)\b", re.I)
    for path in [*(ROOT / "book").glob("*.md"), ROOT / "README.md"]:
        assert not typed.search(path.read_text(encoding="utf-8")), path.name
