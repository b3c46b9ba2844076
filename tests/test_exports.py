"""Exports of a build: the ledger as CSV, RO-Crate, CODECHECK, schema.org."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from endomtor import ledger
from endomtor.building import exports, workflow
from endomtor.errors import BuildError
from endomtor.files import sha256_of
from endomtor.views import boxes


@pytest.fixture(scope="module")
def built_ledger(built_book) -> dict:
    return ledger.read(built_book)


@pytest.fixture(scope="module")
def crate(built_book) -> dict:
    return json.loads((built_book / "ro-crate-metadata.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def entities(crate) -> dict[str, dict]:
    return {entity["@id"]: entity for entity in crate["@graph"]}


@pytest.fixture(scope="module")
def config(built_book) -> dict:
    return yaml.safe_load((built_book / "codecheck.yml").read_text(encoding="utf-8"))


def words(claim: dict, side: str) -> str:
    return boxes.phrase("public" if side == "premise" else "simulated", claim[side]["verdict"])


class TestTables:
    def test_every_record_is_a_row_with_its_numbers(self, built_book, built_ledger):
        rows = list(csv.DictReader(io.StringIO((built_book / "ledger.csv").read_text(encoding="utf-8"))))
        assert len(rows) == len(built_ledger["evidence"]) > 100
        for row, record in zip(rows, built_ledger["evidence"], strict=True):
            assert row["id"] == record["id"]
            for number in ("estimate", "ci_low", "ci_high", "p", "p_adjusted"):
                assert (float(row[number]) if row[number] else None) == record[number]
            assert row["verdict"] == record["verdict"]
            assert row["provenance_sha256"] == record["provenance"]["sha256"]
            n = dict(part.rsplit(" ", 1) for part in row["n"].split(", "))
            assert {group: int(count) for group, count in n.items()} == record["n"]

    def test_every_claim_has_a_row_for_each_side(self, built_book, built_ledger):
        rows = list(csv.DictReader(io.StringIO((built_book / "claims.csv").read_text(encoding="utf-8"))))
        assert [(row["id"], row["side"], row["verdict"], row["verdict_in_words"]) for row in rows] == [
            (claim["id"], side, claim[side]["verdict"], words(claim, side))
            for claim in built_ledger["claims"]
            for side in ("prediction", "premise")
        ]

    def test_the_site_offers_what_the_build_wrote(self, built_book):
        page = (built_book / "html" / "book" / "index.html").read_text(encoding="utf-8")
        for name in exports.DOWNLOADS:
            assert (built_book / "html" / name).read_bytes() == (built_book / name).read_bytes()
            assert f'href="../{name}"' in page


class TestCrate:
    """The rules of RO-Crate 1.1 that a validator would look at, without its network."""

    def test_it_is_flattened_json_ld_of_version_1_1(self, crate, entities):
        assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
        assert set(crate) == {"@context", "@graph"}
        assert len(entities) == len(crate["@graph"])
        for entity in crate["@graph"]:
            assert entity["@type"]
            for value in entity.values():
                for one in value if isinstance(value, list) else [value]:
                    # Nested entities would not be flattened; a reference is an @id and nothing else.
                    assert not isinstance(one, dict) or set(one) == {"@id"}

    def test_descriptor_and_root_are_complete(self, entities):
        descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
        assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
        assert descriptor["about"] == {"@id": "./"}
        assert root["@type"] == "Dataset"
        for key in ("name", "description", "license"):
            assert root[key]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", root["datePublished"])

    def test_every_reference_leads_to_an_entity(self, crate, entities):
        for entity in crate["@graph"]:
            for key, value in entity.items():
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, dict) and key != "conformsTo":
                        assert one["@id"] in entities, (entity["@id"], key)

    def test_every_file_is_there_with_its_bytes_and_is_a_part(self, built_book, entities):
        parts = {part["@id"] for part in entities["./"]["hasPart"]}
        named = {one: entity for one, entity in entities.items() if entity["@type"] == "File"}
        assert set(named) == parts
        assert {"ledger.json", "ledger.csv", "claims.csv", "codecheck.yml"} < parts
        notebooks = {f"executed/notebooks/{path.name}" for path in (built_book / "executed" / "notebooks").iterdir()}
        assert notebooks < parts
        for one, entity in named.items():
            path = built_book / one
            assert int(entity["contentSize"]) == path.stat().st_size
            assert entity["sha256"] == sha256_of(path)

    def test_a_laboratorys_tables_are_named_and_not_included(self, built_ledger, entities):
        for record in built_ledger["evidence"]:
            sha256 = record["provenance"]["sha256"]
            assert entities[f"#data-{sha256[:16]}"]["sha256"] == sha256
        assert not [one for one in entities if one.startswith("data/")]

    def test_paper_and_licences_are_those_of_the_citation_file(self, entities):
        about = exports.citation(ROOT)
        paper = entities[f"https://doi.org/{about['references'][0]['doi']}"]
        assert paper["name"] == about["references"][0]["title"]
        licences = [one["@id"].rpartition("/")[2] for one in entities["./"]["license"]]
        assert licences == about["license"]


class TestCodecheck:
    def test_the_paper_is_that_of_the_citation_file_and_nobody_checked(self, config):
        paper = exports.citation(ROOT)["references"][0]
        assert (config["paper"]["title"], config["codechecker"]) == (paper["title"], [])
        assert config["paper"]["reference"] == f"https://doi.org/{paper['doi']}"

    def test_every_output_exists_and_names_its_result(self, built_book, built_ledger, config):
        comments = {entry["file"]: entry["comment"] for entry in config["manifest"]}
        assert len(comments) == len(config["manifest"]) == 12
        for file in comments:
            assert (built_book / file).is_file()
        for claim in built_ledger["claims"]:
            for file in (f"executed/notebooks/{claim['chapter']}.ipynb", f"evidence/{claim['chapter']}.json"):
                assert f"{claim['id']} of the abstract, in this book's words: {claim['title']}" in comments[file]
                for side in ("prediction", "premise"):
                    assert f"{side.capitalize()}: {words(claim, side)}." in comments[file]


class TestSchemaOrg:
    def described(self, page: Path) -> list[dict]:
        found = re.findall(
            r'<script type="application/ld\+json">(.*?)</script>', page.read_text(encoding="utf-8"), re.S
        )
        return [json.loads(text) for text in found]

    def test_the_first_page_describes_the_ledger(self, built_book, built_ledger):
        [about] = self.described(built_book / "html" / "book" / "index.html")
        assert about["@context"] == "https://schema.org"
        assert about["@type"] == "Dataset"
        assert about["isBasedOn"][0]["@type"] == "ScholarlyArticle"
        assert about["isBasedOn"][0]["@id"] == "https://doi.org/10.1084/jem.20191212"
        said = [(one["name"], one["measurementTechnique"], one["description"]) for one in about["variableMeasured"]]
        assert said == [
            (f"{claim['id']} {claim['title']}", side, words(claim, side))
            for claim in built_ledger["claims"]
            for side in ("prediction", "premise")
        ]
        for download in about["distribution"]:
            assert (built_book / "html" / download["contentUrl"].rsplit("/", 1)[1]).is_file()

    def test_other_pages_do_not(self, built_book):
        assert self.described(built_book / "html" / "book" / "methods.html") == []

    def test_it_says_that_simulated_numbers_are_assumed(self, built_ledger):
        about = exports.schema_org(built_ledger, exports.citation(ROOT), "https://a.example/")
        assert "numbers are assumed" in about["description"]
        assert about["url"] == "https://a.example/book/index.html"


class TestWriting:
    def test_the_same_build_gives_the_same_bytes(self, built_book, built_ledger, tmp_path, monkeypatch):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
        written = []
        for name in ("a", "b"):
            build = tmp_path / name
            for part in ("evidence", "executed"):
                shutil.copytree(built_book / part, build / part)
            shutil.copy(built_book / "ledger.json", build)
            exports.write(ROOT, build, built_ledger)
            written.append({file: (build / file).read_bytes() for file in workflow.LEDGER})
        assert written[0] == written[1]
        assert b'"datePublished": "1970-01-02"' in written[0]["ro-crate-metadata.json"]

    @pytest.mark.parametrize("text", [None, "references: [", "title: x\n", "references:\n  - title: x\n"])
    def test_a_citation_file_without_the_paper_is_named(self, tmp_path, text):
        if text is not None:
            (tmp_path / "CITATION.cff").write_text(text)
        with pytest.raises(BuildError, match=r"CITATION\.cff .*expected"):
            exports.citation(tmp_path)
