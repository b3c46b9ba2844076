"""The ledger's schema, its doors (terminal, pages), and what `--strict` demands, on ledgers made from real tables."""

import copy
import json
import re
from functools import cache
from html import escape, unescape
from pathlib import Path

import jsonschema
import pytest

from conftest import some_quick
from endomtor import analyses, contract, estimate, ledger, paths, public, worlds
from endomtor.analyses.judge import Judge
from endomtor.building import exports, readers_map
from endomtor.claims import catalogue, evidence, premises, verdicts
from endomtor.errors import BuildError, ClaimsError
from endomtor.views import boxes, conclusions, headings, pages, terminal

SCHEMA = json.loads(ledger.SCHEMA.read_text(encoding="utf-8"))
WORLDS = ("paper", "bystander", "null", "opposite", "confounded", "survivor")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A function that runs the tabular chapters on a kind of data and returns the folder with the ledger."""
    top = tmp_path_factory.mktemp("ledgers")

    @cache
    def write(kind: str) -> Path:
        folder, build = top / kind / "data", top / kind / "build"
        _write_data(kind, folder)
        judge = Judge(contract.load(folder))
        records = judge.records() + premises_of(judge)
        for name in {record.notebook for record in records}:
            own = [record for record in records if record.notebook == name]
            evidence.write(build / "evidence" / f"{name}.json", evidence.adjusted(own))
        ledger.write(build, folder)
        return build

    return write


def premises_of(judge: Judge) -> list[evidence.Record]:
    """The premises of the claims, as chapters 03 and 04 record them."""
    _, provenance = public.table("hsc_aging_lfc")
    return [
        judge.record(name, one, provenance=provenance)
        for chapter in analyses.CHAPTERS.values()
        for name, one in chapter.from_public().items()
        if ".premise." in name
    ]


def _write_data(kind: str, folder: Path) -> None:
    """Write a world's tables; for `measured` and `example` with other ids, as if they were a laboratory's."""
    simulated = kind in WORLDS
    world = kind if simulated else "paper"
    folder.mkdir(parents=True)
    about = f'title = "Ours"\nprovenance = "measured"\nsource = "a test"\nexample = {str(kind == "example").lower()}\n'
    if simulated:
        about = f'title = "T"\nprovenance = "simulated"\nsource = "a test"\nworld = "{world}"\nseed = 1\n'
    (folder / "dataset.toml").write_text(about, encoding="utf-8")
    for name, table in worlds.simulate_tables(world, 1).items():
        text = table.to_csv(index=False)
        (folder / f"{name}.csv").write_text(text if simulated else text.replace("sim-", "m-"), encoding="utf-8")


@pytest.fixture(scope="module")
def paper(written) -> dict:
    return ledger.read(written("paper"))


class TestSchema:
    def test_it_is_a_strict_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"

        def objects(part):
            if isinstance(part, dict):
                if part.get("type") == "object":
                    yield part
                for value in part.values():
                    yield from objects(value)
            elif isinstance(part, list):
                for value in part:
                    yield from objects(value)

        found = list(objects(SCHEMA))
        assert len(found) > 6
        assert all(part["additionalProperties"] is False or "properties" not in part for part in found)

    def test_its_words_are_those_of_the_code(self):
        record, verdict, reason = (
            SCHEMA["$defs"]["record"]["properties"],
            *map(SCHEMA["$defs"].get, ("verdict", "reason")),
        )
        every = {*verdicts.DATA_WORDS, *verdicts.WORLD_WORDS}
        assert set(record["verdict"]["enum"]) == set(verdict["enum"]) == every
        assert set(record["reason"]["enum"]) == set(verdicts.REASONS)
        assert set(reason["enum"]) == {*verdicts.REASONS, "no data"}
        assert set(record["interval_kind"]["enum"]) == set(estimate.INTERVAL_KINDS)
        assert set(record["kind"]["enum"]) == set(catalogue.KINDS)
        assert set(record) == set(evidence.Record.__dataclass_fields__)

    @pytest.mark.parametrize("kind", some_quick([*WORLDS, "measured", "example"], ("paper", "measured", "example")))
    def test_real_ledgers_keep_it(self, written, kind):
        text = (written(kind) / "ledger.json").read_text(encoding="utf-8")
        built = json.loads(text)
        jsonschema.Draft202012Validator(SCHEMA).validate(built)
        assert len(built["evidence"]) > 50
        assert (built["dataset"]["provenance"], built["dataset"]["example"]) == (
            "simulated" if kind in WORLDS else "measured",
            kind == "example",
        )

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            (lambda one: one["evidence"][0].update(verdict="supported"), "verdict"),
            (lambda one: one["evidence"][0].update(verdict="probably"), "verdict"),
            (lambda one: one["evidence"][0].update(p=1.5), "p"),
            (lambda one: one["evidence"][0].update(extra=1), "extra"),
            (lambda one: one["evidence"][0].pop("unit"), "unit"),
            (lambda one: one["evidence"][0].update(interval_kind="whole_line"), "ci_"),
            (lambda one: one["evidence"][0].update(fragility={"holds": 3}), "fragility"),
            (lambda one: one["evidence"][0]["provenance"].update(sha256="abc"), "sha256"),
            (lambda one: one["evidence"][0]["provenance"].update(world=None), "world"),
            (lambda one: one["evidence"][0].update(n={"aged": 2.5}), "n"),
            (lambda one: one["evidence"][0].update(kind="premise"), "kind"),
            (lambda one: one["claims"][0]["prediction"].update(verdict="supported"), "prediction"),
            (lambda one: one["claims"][0]["premise"].update(verdict="recovered"), "premise"),
            (lambda one: one.update(schema_version=2), "schema_version"),
        ],
    )
    def test_what_breaks_it_is_found_and_refused(self, paper, tmp_path, change, where):
        broken = copy.deepcopy(paper)
        change(broken)
        assert where in ledger.schema_fault(broken)
        (tmp_path / "ledger.json").write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(BuildError, match="does not keep its schema"):
            ledger.read(tmp_path)

    def test_a_ledger_that_breaks_it_is_not_written(self, written, tmp_path):
        build = written("paper")
        rows = json.loads((build / "evidence" / "01_mtor_decline.json").read_text(encoding="utf-8"))
        rows[0]["unit"] = ""
        (tmp_path / "evidence").mkdir()
        (tmp_path / "evidence" / "01_mtor_decline.json").write_text(json.dumps(rows), encoding="utf-8")
        with pytest.raises(ClaimsError, match=r"evidence\[0\]\.unit"):
            ledger.write(tmp_path, build.parent / "data")
        assert not (tmp_path / "ledger.json").exists()


def test_a_readers_own_analysis_is_marked_wherever_a_verdict_is_read(paper):
    own = copy.deepcopy(paper)
    claim = next(one for one in own["claims"] if one["id"] == "C1")
    claim["prediction"]["changed"] = True
    for record in own["evidence"]:
        record["changed"] = record["id"] in claim["prediction"]["evidence"]
    doors = {
        "table of claims": boxes.ledger_html,
        "summary of the chapter": lambda one: pages.summary_html(claim["chapter"], one),
        "map": readers_map.html,
        "conclusion": lambda one: str(conclusions.conclusions(one)),
        "heading": lambda one: headings.sentence(["C1"], one),
        "heading over all": lambda one: headings.sentence([headings.CLAIMS], one),
        "claims.csv": exports.claims_csv,
    }
    for name, door in doors.items():
        assert boxes.CHANGED in re.sub(r"</text><text[^>]*>", " ", door(own)).lower(), name
        assert boxes.CHANGED not in door(paper).lower(), name


class TestStrict:
    def test_each_premise_must_have_the_frozen_verdict(self, paper):
        assert premises.faults(paper) == []
        changed = copy.deepcopy(paper)
        record = next(one for one in changed["evidence"] if one["id"] == "C4.premise.LT_HSC")
        record.update(verdict="inconclusive", reason="too imprecise")
        [fault] = premises.faults(changed)
        assert fault == (
            "C4.premise.LT_HSC: 'inconclusive' (too imprecise), but the frozen public result is 'supported' (effect)"
        )
        assert fault in ledger.strict_faults(changed)

    def test_a_dropped_premise_is_missed(self, paper):
        changed = {**paper, "evidence": [one for one in paper["evidence"] if one["id"] != "C3.premise.T_cells"]}
        assert premises.faults(changed) == [
            "C3.premise.T_cells: absent, but the frozen public result is 'supported' (effect)"
        ]

    def test_measured_data_are_held_against_the_public_result_too(self, written):
        built = ledger.read(written("measured"))
        assert ledger.strict_faults(built) == []
        premises_there = [one for one in built["evidence"] if one["kind"] == "premise"]
        built["evidence"] = [one for one in built["evidence"] if one["kind"] != "premise"]
        assert len(ledger.strict_faults(built)) == len(premises_there) == 9

    @pytest.mark.parametrize("world", some_quick(WORLDS, ("paper", "bystander")))
    def test_a_world_demands_its_own_words(self, written, world):
        built = ledger.read(written(world))
        built["claims"] = [claim for claim in built["claims"] if claim["id"] != "C4"]
        demanded = {
            "paper": "recovered",
            "bystander": "rightly silent",
            "null": "rightly silent",
            "opposite": "rightly silent",
            "confounded": "not testable here",
            "survivor": "rightly silent",
        }[world]
        assert {claim["prediction"]["verdict"] for claim in built["claims"] if claim["id"] in ("C3", "C5")} == {
            demanded
        }
        assert ledger.strict_faults(built) == []
        for claim in built["claims"]:
            claim["prediction"]["verdict"] = verdicts.MISSED
        assert len(ledger.strict_faults(built)) == len(built["claims"])

    def test_the_frozen_premises_come_from_the_frozen_tables(self, paper, tmp_path, monkeypatch):
        committed = (paths.data() / "derived" / premises.FILE).read_bytes()
        monkeypatch.setattr(paths, "data", lambda: tmp_path)
        again = premises.freeze(paper)
        # Where the originals are at hand the tables have the sha256 of their inputs; the words are the same.
        first, second = (json.loads(text)["premises"] for text in (committed, again.read_bytes()))
        assert {one: (first[one]["verdict"], first[one]["reason"]) for one in first} == {
            one: (second[one]["verdict"], second[one]["reason"]) for one in second
        }

    def test_without_the_file_it_says_so(self, paper, tmp_path, monkeypatch):
        monkeypatch.setattr(paths, "data", lambda: tmp_path)
        with pytest.raises(ClaimsError, match=r"premises\.json: is not a list of frozen premises"):
            premises.faults(paper)
        with pytest.raises(ClaimsError, match="no premise"):
            premises.freeze({**paper, "evidence": []})


class TestTerminal:
    @pytest.mark.parametrize("kind", some_quick([*WORLDS, "measured", "example"], ("paper", "example")))
    def test_80_columns_show_every_primary_with_whole_words(self, written, kind, monkeypatch, capsys):
        monkeypatch.setenv("COLUMNS", "80")
        built = ledger.read(written(kind))
        for record in built["evidence"]:
            record["fragility"] = {"holds": 37, "of": 40}
        terminal.show(built)
        shown = capsys.readouterr().out
        assert max(len(line) for line in shown.splitlines()) <= 80
        words = set(re.split(r"\s+", shown))
        dataset = built["dataset"]
        for claim in built["claims"]:
            phrase = boxes.phrase(dataset["provenance"], claim["prediction"]["verdict"], example=dataset["example"])
            assert f"prediction: {boxes.MARKS[claim['prediction']['verdict']]} {phrase}" in " ".join(shown.split())
            assert set(claim["title"].split()) <= words
        primary = {
            one for claim in built["claims"] for side in ("prediction", "premise") for one in claim[side]["primary"]
        }
        for record in (one for one in built["evidence"] if one["id"] in primary):
            asked = {*pages.name(record).split(), *pages.estimate(record).split(), *pages.limits(record).split()}
            asked |= {"/".join(map(str, record["n"].values())), *record["unit"].split(), "37/40"}
            asked |= set(
                boxes.word(record["provenance"]["kind"], record["verdict"], example=dataset["example"]).split()
            )
            missing = {word for word in asked if word not in words and f"{word};" not in words}
            assert not missing, (record["id"], missing)


class TestPages:
    def test_every_method_of_every_ledger_has_its_section(self, written):
        text = (paths.root() / "book" / "methods.md").read_text(encoding="utf-8")
        for kind in (*WORLDS, "measured"):
            for record in ledger.read(written(kind))["evidence"]:
                assert f"({pages.method_link(record).partition('#')[2]})=" in text, record["id"]

    def test_a_method_without_a_section_is_named(self):
        with pytest.raises(ClaimsError, match="tea leaves"):
            pages.method_link({"id": "C9.x", "method": "tea leaves"})

    def test_n_keeps_the_order_of_the_groups(self):
        records = [{"id": "C2.x.young", "n": {"young a": 3, "young b": 2}}, {"id": "C2.x", "n": {"c": 1, "a": 5}}]
        groups = pages.groups_of(records)
        assert groups == ["a", "b", "c"]
        assert [pages.n_in_order(record, groups) for record in records] == ["3/2/–", "5/–/1"]

    def test_the_summary_of_simulated_data_says_so_and_never_support(self, paper):
        for claim in paper["claims"]:
            if claim["chapter"] == pages.SYNTHESIS:
                continue
            text = re.sub(r"<[^>]*>", " ", pages.summary_html(claim["chapter"], paper))
            assert "SIMULATED" in text
            assert "numbers assumed" in text
            own = text.partition("In one minute")[2]
            assert not re.search(r"support|confirm|contradict|prove", own, re.IGNORECASE)

    def test_what_is_estimated_has_a_short_name(self, paper):
        by_claim = {
            claim["id"]: [one for one in paper["evidence"] if one["id"] in claim["prediction"]["primary"]]
            for claim in paper["claims"]
        }
        named = {one: pages.measure(records) for one, records in by_claim.items() if records}
        assert named == {
            "C1": "aged / young",
            "C2": "rapamycin / vehicle",
            "C3": "phi",
            "C5": "phi",
            "C5b": "phi",
        }
        assert pages.measure([*by_claim["C1"], *by_claim["C3"]]) == "estimate"

    def test_only_chapters_of_the_book_have_a_summary(self, paper):
        assert pages.summary_html("08_other", paper) == ""

    @pytest.mark.parametrize("kind", [*WORLDS, "measured", "example"])
    def test_one_minute_holds_answer_certainty_and_data(self, written, kind):
        built = ledger.read(written(kind))
        for record in built["evidence"]:
            record["fragility"] = {"holds": 37, "of": 40}
        records = {record["id"]: record for record in built["evidence"]}
        style = boxes.dataset_kind(built["dataset"])
        for claim in built["claims"]:
            if claim["chapter"] == pages.SYNTHESIS:
                continue
            html = pages.summary_html(claim["chapter"], built)
            text = " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())
            assert f"In one minute {pages.dataset_label(built['dataset'])} C" in text
            primary = [records[one] for one in claim["prediction"]["primary"]]
            if not primary:
                continue
            needed = claim["prediction"]["needed"]
            for part in claim["prediction"].get("parts", [""]):
                own = [record["reason"] == verdicts.EFFECT for record in primary if record["id"].endswith(part)]
                assert f"{sum(own)} of {len(own)} hold{f' in {part} mice' if part else ''}" in text
            assert f"; {needed} needed" in text
            whose = {"simulated": "these simulated", "measured": "these measured", "example": "these invented example"}
            assert f" In {whose[style]} mice " in text
            assert re.search(r"(Simulated|Measured|Invented example) data, unit: \w", text)
            for record in primary:
                numbers = f"{pages.estimate(record)} ({pages.limits(record)})"
                n = "/".join(str(count) for count in record["n"].values())
                assert f"{pages.name(record)} {numbers} {n} 37 of 40" in text

    def test_a_mark_unlike_that_of_its_claim_is_told(self, paper):
        [claim] = [one for one in paper["claims"] if one["id"] == "C3"]
        records = [one for one in paper["evidence"] if one["id"] in claim["prediction"]["primary"]]
        assert {one["verdict"] for one in records} == {"recovered", "missed"}
        assert "◇ missed the planted effect. Simulated data" in pages.summary_html("03_ecko_phenotypes", paper)
        assert "◆ found the planted effect. " not in pages.summary_html("03_ecko_phenotypes", paper)

    def test_the_synthesis_shows_every_claim(self, written):
        for kind in ("paper", "null", "measured", "example"):
            built = ledger.read(written(kind))
            text = re.sub(r"<[^>]*>", " ", pages.summary_html("06_synthesis", built))
            for claim in built["claims"]:
                word = claim["prediction"]["verdict"]
                said = boxes.word(built["dataset"]["provenance"], word, example=built["dataset"]["example"])
                assert re.search(rf"{claim['id']} +{re.escape(escape(claim['title']))} +\S {re.escape(said)}", text)

    def test_the_calibration_tells_the_frozen_rates(self, paper):
        text = re.sub(r"<[^>]*>", " ", pages.summary_html("07_calibration", paper))
        assert "a false claim is announced in at most" in text
        assert "upper 95 % limit" in text
        for measure in ("false support", "false contradiction", "coverage"):
            assert re.search(rf"{measure} +\d+ of [\d,]+ +[\d.]+ % \([\d.]+ % to [\d.]+ %\) +[\d.]+ %", text)
        assert "nothing about mice" in text

    def test_text_of_the_user_is_escaped(self, written):
        hostile = json.loads(
            (written("measured") / "ledger.json")
            .read_text(encoding="utf-8")
            .replace("Ours", "<script>alert(1)</script>")
        )
        for html in (
            pages.summary_html("03_ecko_phenotypes", hostile),
            *(pages.evidence_html(claim, hostile) for claim in hostile["claims"]),
        ):
            assert "<script>" not in html
