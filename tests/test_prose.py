"""The words of the book: no hype, no filler, no sentence to be read twice; terms are explained at their first use."""

import json
import re
from pathlib import Path

import pytest

from conftest import ROOT

PAGES = [*sorted((ROOT / "book").glob("*.md")), *sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")), ROOT / "README.md"]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]

# Hype, filler, and words that claim more than an interval can.
BANNED = (
    *("groundbreaking", "ground-breaking", "cutting-edge", "state-of-the-art", "state of the art", "novel"),
    *("game-changing", "game changer", "revolutionary", "unprecedented", "paradigm shift", "seamless", "seamlessly"),
    *("powerful tool", "powerful framework", "comprehensive suite", "rich set of", "best-in-class", "world-class"),
    *("blazing", "effortless", "effortlessly", "supercharge", "unlock", "unleash", "delve", "delves", "showcase"),
    *("tapestry", "testament to", "elevate", "holistic", "synergy", "synergistic", "empower", "empowers"),
    *("leverage", "leverages", "leveraging", "utilize", "utilizes", "utilise", "utilises", "utilization"),
    *("it is important to note", "it should be noted", "it is worth noting", "needless to say", "note that"),
    *("in order to", "due to the fact that", "in terms of", "a wide range of", "a variety of", "plethora", "myriad"),
    *("at the end of the day", "when it comes to", "first and foremost", "as a matter of fact", "in today's"),
    *("robustly demonstrates", "clearly shows", "clearly demonstrates", "clearly demonstrate", "undoubtedly"),
    *("proves", "proven", "definitively", "conclusively", "strikingly", "remarkably", "dramatically", "interestingly"),
    *("very unique", "truly unique", "quite unique", "highly significant", "extremely significant"),
    *("trend towards significance", "marginally significant", "approached significance", "no effect was found"),
    *("simply put", "basically", "obviously", "of course", "trivially", "paves the way", "sheds light", "crucial role"),
)
LONGEST = 45
"""Words of a sentence."""

_BANNED = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, BANNED))})(?![\w-])", re.IGNORECASE)
_ROLE = re.compile(r"\{[\w:-]+\}`([^`<]*)(?:<[^>`]*>)?`")

# The words that a hematologist may not know as this book uses them, or that carry the book; see the glossary.
TERMS = {
    "HSC": r"HSCs?",
    "HSPC": r"HSPCs?",
    "LSK": r"LSK",
    "MPP": r"MPPs?[1-4]?",
    "ECKO": r"ECKO",
    "BMEC": r"BMECs?",
    "chimerism": r"[Cc]himerism",
    "FMO": r"FMO",
    "phi": r"[Pp]hi",
}


def markdown(path: Path) -> str:
    """The Markdown of a page, or of a notebook's cells."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def prose(text: str) -> str:
    """Markdown without code, formulas, comments, labels and directives; a role leaves the words that it shows."""
    text = re.sub(r"^(`{3,})(?!\{(?:admonition|glossary)\}).*?^\1[^\n]*$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(?:`{3,}|:{3,}|\(|:\w+:|<).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)
    text = re.sub(r" ?\{cite:?p?\}`[^`]*`", "", text)
    text = _ROLE.sub(lambda role: role[1].strip(), text)
    text = re.sub(r"`[^`]*`|\$[^$\n]*\$", "x", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"<[^>]*>", "", text)


def sentences(text: str) -> list[str]:
    """The sentences of a text: each line, item and cell of a table is read by itself."""
    found = []
    for line in prose(text).splitlines():
        for cell in line.split("|") if line.startswith("|") else [line]:
            found += re.split(r"(?<=[.?!])(?<!e\.g\.)\**\s+(?=[\w*“\"(])", cell.strip().lstrip("#-* 0123456789."))
    return [one for one in found if one]


class TestTheRules:
    """The checks find what they are there for, and leave plain prose alone."""

    @pytest.mark.parametrize(
        "text",
        ["A Novel niche.", "This clearly shows it.", "It *leverages* mice.", "In order to see.", "It is proven."],
    )
    def test_banned_phrases_are_found(self, text):
        assert _BANNED.search(prose(text))

    @pytest.mark.parametrize(
        "text", ["novelty", "It would not prove one cause.", "`novel = 1`", "```\nin order to\n```", "a course of days"]
    )
    def test_other_words_are_not(self, text):
        assert not _BANNED.search(prose(text))

    def test_a_sentence_ends_where_a_reader_ends_it(self):
        text = "One, e.g. this. Two?\n- Three {term}`HSCs <HSC>` (see {ref}`here`).\n| a cell. B | c |\n"
        assert sentences(text) == ["One, e.g. this.", "Two?", "Three HSCs (see here).", "a cell.", "B", "c"]

    def test_every_page_is_read(self):
        assert len(PAGES) > 18
        assert all(len(sentences(markdown(path))) > 2 for path in PAGES if path.stem not in ("evidence", "references"))


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
class TestPages:
    def test_no_banned_phrase(self, path):
        found = [one for one in sentences(markdown(path)) if _BANNED.search(one)]
        assert not found

    def test_no_sentence_is_too_long(self, path):
        found = [one for one in sentences(markdown(path)) if len(one.split()) > LONGEST]
        assert not found

    def test_no_chain_of_dashes(self, path):
        found = [one for one in sentences(markdown(path)) if len(re.findall(r"\w ?[—–] ?(?=[a-zA-Z])|\w -- ", one)) > 1]
        assert not found


def first_uses(text: str) -> dict[str, str]:
    """Each term that a text uses, with the line of its first use; headings and code do not count."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = {}
    for term, pattern in TERMS.items():
        for line in lines:
            plain = re.sub(r"(\{[\w:-]+\})?`[^`]*`", lambda role: role[0] if role[1] == "{term}" else " ", line)
            if re.search(rf"\b{pattern}\b", re.sub(r"<[^>`]*>", "", plain)):
                found[term] = plain
                break
    return found


def is_linked(term: str, line: str) -> bool:
    """Whether the first use of a term in a line is a link to the glossary."""
    use = re.search(rf"(\{{term\}}`)?\b{TERMS[term]}\b", line)
    return bool(use and use[1])


class TestTerms:
    def test_the_glossary_defines_them(self):
        lines = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8").splitlines()
        assert set(TERMS) <= set(lines)

    @pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
    def test_the_first_use_in_a_chapter_is_a_link(self, path):
        found = first_uses(markdown(path))
        assert found
        assert {term: line for term, line in found.items() if not is_linked(term, line)} == {}

    def test_a_bare_first_use_is_noticed(self):
        assert not is_linked("HSC", first_uses("## HSC\nAn HSC, and an {term}`HSC`.")["HSC"])
        assert is_linked("HSC", first_uses("Old {term}`HSCs <HSC>` and HSCs.")["HSC"])
        assert "phi" not in first_uses("`phi` is code")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
class TestFurniture:
    ORDER = ("The question", "What could be wrong", "Key takeaways", "Further reading")

    def test_sections_come_in_their_order(self, path):
        titles = re.findall(r"^## (.+)$", markdown(path), re.MULTILINE)
        places = [titles.index(title) for title in self.ORDER]
        assert places == sorted(places)
        assert titles[-1] == self.ORDER[-1]
        assert "**What the " in markdown(path)

    def test_further_reading_cites_two_to_four_works_of_the_list(self, path):
        works = re.findall(r"\{cite:t\}`([^`]+)`", markdown(path).partition("## Further reading")[2])
        listed = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
        assert 2 <= len(set(works)) <= 4
        assert all(re.search(rf"^@\w+\{{{work},", listed, re.MULTILINE) for work in works)
