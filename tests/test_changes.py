"""What moved between two ledgers, for a terminal, a pull request, a page; and the ledger of the last release."""

import copy
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from endomtor import cli, ledger, paths
from endomtor.building import changes_page
from endomtor.errors import ClaimsError
from endomtor.views import changes

WIDTH = 0.5


def record(name: str, kind: str = "prediction", **other) -> dict:
    """A record that keeps the schema, with an interval of `WIDTH`."""
    simulated = kind == "prediction"
    origin = {"kind": "simulated", "title": "T", "source": "", "sha256": "0" * 64, "world": "paper", "seed": 1}
    if not simulated:
        origin |= {"kind": "public", "world": None, "seed": None}
    return {
        "id": name,
        "prediction": "It falls.",
        "claim": name.split(".")[0],
        "kind": kind,
        "estimand": "log2(aged / young)",
        "estimate": -0.4,
        "ci_low": -0.7,
        "ci_high": -0.7 + WIDTH,
        "interval_kind": "bounded",
        "level": 0.95,
        "p": 0.003,
        "p_adjusted": 0.009,
        "family": "F",
        "n": {"aged": 8, "young": 8},
        "unit": "animal",
        "method": "linear model",
        "verdict": "recovered" if simulated else "supported",
        "reason": "effect",
        "provenance": {**origin, "example": False},
        "notebook": "01_mtor_decline",
        "fragility": {"holds": 20, "of": 21},
        "cell": 6,
        **other,
    }


def made(*records: dict, **dataset) -> dict:
    """A ledger of one claim that keeps the schema."""
    side = {"reason": "effect", "needed": 1, "p": 0.01, "k": 1}
    sides = {
        kind: {
            **side,
            "verdict": word,
            "evidence": [one["id"] for one in records if one["kind"] == kind],
            "primary": [one["id"] for one in records if one["kind"] == kind],
        }
        for kind, word in (("premise", "supported"), ("prediction", "recovered"))
    }
    claim = {"id": "C1", "title": "T", "text": "T", "caution": "", "chapter": "01_mtor_decline", **sides}
    about = {"title": "Simulated world paper", "provenance": "simulated", "world": "paper", "seed": 1, "example": False}
    found = {
        "schema_version": ledger.SCHEMA_VERSION,
        "rules": {"version": 1, "date": "2026-01-01"},
        "dataset": about | dataset,
        "claims": [claim],
        "evidence": list(records),
    }
    assert ledger.schema_fault(found) == ""
    return found


def both(**moved) -> changes.Changes:
    """The changes of one record of which these keys differ."""
    return changes.compare(made(record("C1.a.b")), made(record("C1.a.b", **moved)))


BASE = made(record("C1.a.b"))
WIDTH_READ = BASE["evidence"][0]["ci_high"] - BASE["evidence"][0]["ci_low"]

OTHER = {"title": "Our mice", "provenance": "measured", "world": None, "seed": None}


def ours(*records: dict) -> dict:
    """A ledger on a laboratory's mice."""
    found = made(*records)
    found["dataset"] |= OTHER
    found["claims"][0]["prediction"]["verdict"] = "supported"
    assert ledger.schema_fault(found) == ""
    return found


class TestCompare:
    def test_a_ledger_is_the_same_as_itself(self):
        found = changes.compare(made(record("C1.a.b")), made(record("C1.a.b")))
        assert found.same
        assert found.compared == 1
        assert both(cell=9, method="another name", estimand="the same, said better").same
        assert changes.sentence(found) == "Nothing moved (1 record compared, at a relative tolerance of 1e-08)."

    def test_a_value_says_by_how_much(self):
        [moved] = both(estimate=-0.3).found
        assert (moved.what, moved.id, moved.field, moved.old, moved.new) == ("value", "C1.a.b", "estimate", -0.4, -0.3)
        assert moved.moved == pytest.approx(0.1)
        assert moved.of_width == pytest.approx(0.1 / WIDTH)

    @pytest.mark.parametrize(
        ("moved", "field", "old", "new"),
        [
            ({"n": {"aged": 7, "young": 8}}, "n aged", 8, 7),
            ({"n": {"aged": 8}}, "n young", 8, None),
            ({"p_adjusted": None}, "p_adjusted", 0.009, None),
            ({"fragility": {"holds": 19, "of": 21}}, "variants that agree", "20 of 21", "19 of 21"),
        ],
    )
    def test_every_kind_of_value_counts(self, moved, field, old, new):
        [one] = both(**moved).found
        assert (one.what, one.field, one.old, one.new, one.of_width) == ("value", field, old, new, None)

    def test_an_interval_without_end_has_no_width(self):
        whole = {"interval_kind": "whole_line", "ci_low": None, "ci_high": None}
        found = changes.compare(made(record("C1.a.b", **whole)), made(record("C1.a.b", **whole, estimate=3.0)))
        [one] = found.found
        assert (one.moved, one.of_width) == (pytest.approx(3.4), None)
        assert {one.field for one in both(**whole).of("value")} == {"ci_low", "ci_high", "interval_kind"}

    def test_a_verdict_comes_before_values(self):
        found = both(estimate=0.1, verdict="missed", reason="too imprecise")
        assert [(one.what, one.field) for one in found.found] == [
            ("verdict", "verdict"),
            ("verdict", "reason"),
            ("value", "estimate"),
        ]

    def test_the_verdict_on_a_claim_is_one_too(self):
        old = made(record("C1.a.b"))
        new = copy.deepcopy(old)
        new["claims"][0]["prediction"] |= {"verdict": "missed", "p": 0.2}
        found = changes.compare(old, new)
        assert [(one.what, one.id, one.field) for one in found.found] == [
            ("verdict", "C1", "prediction, verdict"),
            ("value", "C1", "prediction, p"),
        ]

    def test_records_and_claims_come_and_go(self):
        old, new = made(record("C1.a.b"), record("C1.a.c")), made(record("C1.a.b"), record("C1.a.d"))
        new["claims"].append({**new["claims"][0], "id": "C2"})
        found = changes.compare(old, new)
        assert [(one.what, one.id) for one in found.found] == [
            ("added", "C2"),
            ("added", "C1.a.d"),
            ("dropped", "C1.a.c"),
        ]
        assert found.compared == 1

    def test_new_rules_are_told(self):
        new = made(record("C1.a.b"))
        new["rules"]["version"] = 2
        [one] = changes.compare(made(record("C1.a.b")), new).found
        assert (one.what, one.id) == ("data", "rules")

    def test_ledgers_on_different_data_share_only_public_records(self):
        old = made(record("C1.a.b"), record("C1.premise.x", "premise"))
        new = ours(record("C1.a.b", estimate=5.0, p=0.9), record("C1.premise.x", "premise"))
        found = changes.compare(old, new)
        assert [(one.what, one.id) for one in found.found] == [("data", "dataset")]
        assert found.compared == 1
        assert "only what was computed from public data is compared" in found.notes[0]
        new["evidence"][1]["estimate"] = -0.5
        assert [(one.id, one.data) for one in changes.compare(old, new).of("value")] == [("C1.premise.x", "public")]

    @pytest.mark.parametrize("rtol", [-1e-9, float("nan"), float("inf")])
    def test_a_tolerance_that_is_none_is_refused(self, rtol):
        with pytest.raises(ClaimsError, match="rtol is"):
            changes.compare(made(record("C1.a.b")), made(record("C1.a.b")), rtol=rtol)

    @settings(max_examples=50, deadline=None)
    @given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-12, 1e-2))
    def test_the_order_and_a_larger_tolerance(self, old, new, rtol):
        """What moved there moved back by as much; what is the same stays the same at a larger tolerance."""
        one, other = copy.deepcopy(BASE), copy.deepcopy(BASE)
        one["evidence"][0]["estimate"], other["evidence"][0]["estimate"] = old, new
        there, back = changes.compare(one, other, rtol=rtol), changes.compare(other, one, rtol=rtol)
        assert there.same == back.same == (abs(new - old) <= rtol * max(abs(old), abs(new), WIDTH_READ))
        if there.found:
            assert there.found[0].moved == -back.found[0].moved
        else:
            assert changes.compare(one, other, rtol=2 * rtol).same
        assert not changes.compare(one, other, rtol=0.0).found or old != new


class TestShown:
    def test_text_names_old_new_and_share(self):
        said = changes.text(both(estimate=-0.3))
        assert (
            "  C1.a.b estimate [simulated]: -0.4 -> -0.3 (+0.1, +20\N{NO-BREAK SPACE}% of the interval)"
            in said.splitlines()
        )
        assert "Values moved in 1 claim or record" in said

    @pytest.mark.parametrize("bad", ["x|y", "`@someone`", "<img/src=x>", "[a](http://b)", "x\\|y", "a`|`b"])
    def test_markdown_of_a_hostile_ledger_is_code(self, bad):
        """A pull request's ledger is posted by a job that may write: it must stay data."""
        old, new = made(record("C1.a.b")), made(record("C1.a.b"), record(f"C1.{bad}"))
        new["evidence"][0]["unit"] = f"{bad} {bad}"
        new["dataset"]["title"] = bad
        drawn = MarkdownIt("commonmark").enable("table").render(changes.markdown(changes.compare(old, new)))
        outside = re.sub(r"<code>.*?</code>", "", drawn)
        assert not re.search(r"someone|<img|http|#12|&lt;img", outside)
        assert set(re.findall(r"<(\w+)", outside)) <= {"p", "h3", "table", "thead", "tbody", "tr", "th", "td"}
        for row in re.findall(r"<tr>.*?</tr>", drawn, flags=re.S):
            assert len(re.findall(r"<t[hd]", row)) == 7

    def test_markdown_fits_a_comment(self):
        long = [record(f"C1.{'x' * 500}{i}") for i in range(200)]
        said = changes.markdown(changes.compare(made(record("C1.a.b")), made(record("C1.a.b"), *long)))
        assert len(said) < 65_536
        assert "100 more are not shown" in said

    def test_html_escapes_and_links(self):
        old, new = made(record("C1.a.b")), made(record("C1.a.b", unit="<script>"), record("C1.a.c"))
        drawn = changes.html(changes.compare(old, new))
        assert "<script>" not in drawn
        assert 'href="evidence.html#C1.a.b"' in drawn
        # A record that is gone has no row to link to.
        assert "href" not in changes.html(changes.compare(new, old)).partition("Records that are gone")[2]


class TestFiles:
    @pytest.fixture
    def written(self, tmp_path):
        def write(name: str, content: dict):
            path = tmp_path / name / "ledger.json"
            path.parent.mkdir()
            path.write_text(json.dumps(content), encoding="utf-8")
            return path

        return write

    def run(self, *arguments, capsys) -> tuple[int, str, str]:
        try:
            cli.main(["changes", *map(str, arguments)])
            status = 0
        except SystemExit as ended:
            status = ended.code or 0
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    def test_the_command_exits_0_when_nothing_moved(self, written, capsys):
        one, other = written("a", made(record("C1.a.b"))), written("b", made(record("C1.a.b", estimate=-0.4 - 1e-12)))
        status, out, err = self.run(one, other.parent, capsys=capsys)
        assert (status, err) == (0, "")
        assert out.startswith("Nothing moved")
        assert self.run(one, other, "--rtol", "0", capsys=capsys)[0] == 1

    @pytest.mark.parametrize("form", [(), ("--json",), ("--markdown",)])
    def test_the_command_exits_1_when_something_moved(self, written, capsys, form):
        one, other = written("a", made(record("C1.a.b"))), written("b", made(record("C1.a.b", estimate=-0.3)))
        status, out, err = self.run(one, other, *form, capsys=capsys)
        assert status == 1
        assert "estimate" in out
        assert err == f"endomtor: {one} and {other} differ: 1 change, listed on stdout\n"

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("[]", "is no ledger"),
            ("{}", "does not keep the schema"),
            ("[" * 100_000, "is not JSON"),
        ],
    )
    def test_what_is_no_ledger_is_refused(self, tmp_path, content, words):
        path = tmp_path / "ledger.json"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ClaimsError, match=words):
            changes.read(path)


class TestRelease:
    @pytest.fixture
    def data(self, tmp_path, monkeypatch):
        (tmp_path / "derived").mkdir()
        monkeypatch.setattr(paths, "data", lambda: tmp_path)
        return tmp_path

    def test_before_the_first_release_the_page_says_so(self, data):
        assert changes.released() is None
        assert changes_page.NO_RELEASE in changes_page.text(made(record("C1.a.b")))

    def test_the_page_compares_with_the_frozen_ledger(self, data):
        path = changes.freeze(made(record("C1.a.b")), "1.2.3")
        assert path == data / "derived" / changes.FILE
        assert changes.released()["release"] == "1.2.3"
        assert "Nothing moved" in changes_page.text(made(record("C1.a.b")))
        said = changes_page.text(made(record("C1.a.b", estimate=-0.3)))
        assert "The last release is 1.2.3 of 20" in said
        assert "+20\N{NO-BREAK SPACE}%" in said

    def test_a_book_on_own_data_says_what_is_compared(self, data):
        changes.freeze(made(record("C1.a.b"), record("C1.premise.x", "premise")), "1.2.3")
        said = changes_page.text(ours(record("C1.a.b", estimate=5.0), record("C1.premise.x", "premise", p=0.5)))
        assert "its ledger is of simulated mice" in said
        assert "only the premises on public data can be compared" in said
        assert "C1.<wbr>premise.<wbr>x" in said
        assert "C1.<wbr>a.<wbr>b" not in said

    def test_another_world_is_no_release(self, data):
        with pytest.raises(ClaimsError, match="expected the simulated world “paper”, seed 1"):
            changes.freeze(made(record("C1.a.b"), world="null"), "1.2.3")

    @pytest.mark.parametrize("content", ["", "{}", '{"release": "1", "date": "d", "ledger": {}}'])
    def test_a_release_that_cannot_be_read_is_refused(self, data, content):
        (data / "derived" / changes.FILE).write_text(content, encoding="utf-8")
        with pytest.raises(ClaimsError):
            changes.released()


def test_the_book_has_the_page(built_book):
    page = (built_book / "html" / "book" / "changes.html").read_text(encoding="utf-8")
    assert ("There was no release yet" in page) == (changes.released() is None)
    assert ("The last release is" in page) == (changes.released() is not None)
