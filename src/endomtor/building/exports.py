"""What a build leaves for other programs: the ledger as CSV, RO-Crate, CODECHECK, schema.org.

All of it is drawn from `ledger.json`, `CITATION.cff` and the files of the build. RO-Crate is written here and not with
the library `rocrate`, which copies every file into a folder of its own and would bring more packages into the lock for
one JSON file; the tests hold the file against the rules of RO-Crate 1.1.
"""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import yaml

from endomtor import files
from endomtor.building.workflow import build_date
from endomtor.claims.evidence import Record
from endomtor.errors import BuildError
from endomtor.provenance import Provenance
from endomtor.views import boxes, pages

CITATION = "CITATION.cff"
EVIDENCE_TABLE, CLAIMS_TABLE = "ledger.csv", "claims.csv"
DOWNLOADS = ("ledger.json", EVIDENCE_TABLE, CLAIMS_TABLE)
"""Files of the build that the site offers."""

_CODECHECK = "https://codecheck.org.uk/spec/config/1.0/"
_CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
_FORMATS = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".yml": "application/yaml",
    ".ipynb": "application/x-ipynb+json",
}
_SIDES = ("prediction", "premise")
_NESTED = ("n", "provenance", "fragility")
_EVIDENCE_COLUMNS = (
    *(field.name for field in dataclasses.fields(Record) if field.name not in _NESTED),
    *("verdict_in_words", "n", "fragility_holds", "fragility_of", "cell_page", "method_page"),
    *(f"provenance_{field.name}" for field in dataclasses.fields(Provenance) if field.name != "frozen"),
)


def write(root: Path, build: Path, ledger: dict) -> None:
    """Write every export into the build folder.

    Raises
    ------
    BuildError
        There is no citation file, or it lacks the paper.
    """
    about = citation(root)
    files.write_text(build / EVIDENCE_TABLE, evidence_csv(ledger))
    files.write_text(build / CLAIMS_TABLE, claims_csv(ledger))
    files.write_text(build / "codecheck.yml", codecheck(build, ledger, about))
    # Last, since it lists the others.
    crate = ro_crate(build, ledger, about)
    files.write_text(build / "ro-crate-metadata.json", json.dumps(crate, indent=2, ensure_ascii=False) + "\n")


def citation(root: Path) -> dict:
    """Return `CITATION.cff`, with the paper as its first reference.

    Raises
    ------
    BuildError
        The file is missing, is not YAML or has no reference.
    """
    path = root / CITATION
    try:
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
        if about["references"][0]["doi"]:
            return about
    # The reader of YAML recurses into nested lists.
    except (OSError, yaml.YAMLError, ValueError, LookupError, TypeError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise BuildError(f"{path} cannot be read ({why}), expected a citation file with the paper's DOI") from error
    raise BuildError(f"{path} has no DOI of the paper, expected one in its first reference")


def evidence_csv(ledger: dict) -> str:
    """Return the evidence as CSV, one row for each record; unknown and unbounded numbers are empty."""
    rows = []
    for record in ledger["evidence"]:
        origin, tried = record["provenance"], record["fragility"] or {}
        plain = {key: value for key, value in record.items() if key not in _NESTED}
        rows.append(
            {
                **plain,
                "verdict_in_words": _words(record),
                "n": boxes.counts(record),
                **{f"provenance_{key}": value for key, value in origin.items()},
                "fragility_holds": tried.get("holds"),
                "fragility_of": tried.get("of"),
                "cell_page": pages.cell_link(record),
                "method_page": pages.method_link(record),
            }
        )
    return _csv(rows, _EVIDENCE_COLUMNS)


def claims_csv(ledger: dict) -> str:
    """Return the claims as CSV, one row for each side (prediction, premise) of a claim."""
    dataset = ledger["dataset"]
    rows = []
    for claim in ledger["claims"]:
        for side in _SIDES:
            found = claim[side]
            rows.append(
                {
                    **{key: claim[key] for key in ("id", "title", "text", "caution", "chapter")},
                    "side": side,
                    "data": boxes.dataset_kind(dataset) if side == "prediction" else "public",
                    "verdict": found["verdict"],
                    "verdict_in_words": boxes.side_phrase(claim, side, dataset),
                    **{key: found[key] for key in ("reason", "p", "k", "needed")},
                    "primary": "; ".join(found["primary"]),
                }
            )
    return _csv(rows, rows[0])


def codecheck(build: Path, ledger: dict, about: dict) -> str:
    """Return a CODECHECK configuration: each output and the result of the paper that it belongs to.

    Only the abstract of the paper is at hand, so a result is a claim of the abstract. The codechecker is left open.
    """
    dataset = ledger["dataset"]
    paper = about["references"][0]
    manifest = []
    for chapter in sorted({claim["chapter"] for claim in ledger["claims"]}):
        claims = [claim for claim in ledger["claims"] if claim["chapter"] == chapter]
        results = " ".join(
            f"{claim['id']} of the abstract, in this book's words: {claim['title']}. "
            f"Prediction: {boxes.side_phrase(claim, 'prediction', dataset)}. "
            f"Premise: {boxes.side_phrase(claim, 'premise', dataset)}."
            for claim in claims
        )
        outputs = {f"executed/notebooks/{chapter}.ipynb": "Executed notebook", f"evidence/{chapter}.json": "Evidence"}
        manifest += [
            {"file": file, "comment": f"{what}. {results}"}
            for file, what in outputs.items()
            if (build / file).is_file()
        ]
    content = {
        "version": _CODECHECK,
        "paper": {
            "title": paper["title"],
            "authors": [{"name": _name(author)} for author in paper["authors"]],
            "reference": _doi(paper),
        },
        "manifest": manifest,
        "codechecker": [],
        "summary": f"{about['title']}. {boxes.dataset_sentence(dataset)} The paper's own numbers are not at hand.",
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def ro_crate(build: Path, ledger: dict, about: dict) -> dict:
    """Return the build folder as an RO-Crate 1.1 (https://w3id.org/ro/crate/1.1), flattened JSON-LD.

    The files are those that the site and the ledger are made of; a laboratory's own tables are named, never included.
    """
    names = [*DOWNLOADS, "codecheck.yml"]
    names += [path.relative_to(build).as_posix() for path in sorted((build / "executed" / "notebooks").glob("*.ipynb"))]
    names += [path.relative_to(build).as_posix() for path in sorted((build / "evidence").glob("*.json"))]
    sources = _sources(ledger)
    parts = [_file(build, name, [_ref(source) for source in sources]) for name in names]
    paper = about["references"][0]
    people = [
        {"@id": f"#{re.sub(r'[^A-Za-z]+', '-', _name(author)).strip('-')}", "@type": "Person", "name": _name(author)}
        for author in paper["authors"]
    ]
    makers = [{"@id": "#contributors", "@type": "Organization", "name": _name(author)} for author in about["authors"]]
    licences = [
        {"@id": f"https://spdx.org/licenses/{licence}", "@type": "CreativeWork", "name": licence}
        for licence in _licences(about)
    ]
    article = {"@id": _doi(paper), "@type": "ScholarlyArticle", "name": paper["title"]}
    article["author"] = [_ref(one) for one in people]
    software = {"@id": "#endomtor", "@type": "SoftwareApplication", "name": "endomtor"}
    software["softwareVersion"] = version("endomtor")
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": about["title"],
        "description": f"{boxes.dataset_sentence(ledger['dataset'])} {' '.join(about['abstract'].split())}",
        "datePublished": build_date().strftime("%Y-%m-%d"),
        "license": [_ref(one) for one in licences],
        "author": [_ref(one) for one in makers],
        "isBasedOn": [_ref(article), *(_ref(source) for source in sources)],
        "mentions": [_ref(software)],
        "hasPart": [_ref(part) for part in parts],
    }
    descriptor = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork"}
    descriptor |= {"conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}, "about": _ref(root)}
    graph = [descriptor, root, *parts, *sources, article, *people, *makers, *licences, software]
    return {"@context": _CONTEXT, "@graph": graph}


def schema_org(ledger: dict, about: dict, site: str) -> dict:
    """Return the ledger as a schema.org Dataset for search engines; the site's address ends with a slash."""
    paper = about["references"][0]
    return {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "@id": f"{site}book/index.html",
        "url": f"{site}book/index.html",
        "name": f"Ledger of {about['title']}",
        "description": f"{boxes.dataset_sentence(ledger['dataset'])} {' '.join(about['abstract'].split())}",
        "version": str(about["version"]),
        "license": [f"https://spdx.org/licenses/{licence}" for licence in _licences(about)],
        "keywords": about["keywords"],
        "isAccessibleForFree": True,
        "creator": [{"@type": "Organization", "name": _name(author)} for author in about["authors"]],
        "isBasedOn": [
            {
                "@type": "ScholarlyArticle",
                "@id": _doi(paper),
                "name": paper["title"],
                "author": [{"@type": "Person", "name": _name(author)} for author in paper["authors"]],
                "isPartOf": {"@type": "Periodical", "name": paper["journal"]},
                "datePublished": str(paper["year"]),
            },
            *(
                {key: value for key, value in source.items() if key not in ("@id", "sha256")}
                for source in _sources(ledger)
            ),
        ],
        "variableMeasured": [
            {
                "@type": "PropertyValue",
                "name": f"{claim['id']} {claim['title']}",
                "description": boxes.side_phrase(claim, side, ledger["dataset"]),
                "measurementTechnique": side,
            }
            for claim in ledger["claims"]
            for side in _SIDES
        ],
        "distribution": [
            {"@type": "DataDownload", "contentUrl": f"{site}{name}", "encodingFormat": _FORMATS[Path(name).suffix]}
            for name in DOWNLOADS
        ],
    }


def _csv(rows: list[dict], columns: Iterable[str]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, list(columns), lineterminator="\n")
    table.writeheader()
    table.writerows({key: files.inert(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _words(record: dict) -> str:
    if record["kind"] == "context":
        return "context: enters no verdict"
    origin = record["provenance"]
    return boxes.phrase(origin["kind"], record["verdict"], example=origin["example"])


def _sources(ledger: dict) -> list[dict]:
    """Return the data behind the evidence, each once, by the order in which it is used."""
    found = {record["provenance"]["sha256"]: record["provenance"] for record in ledger["evidence"]}
    return [
        {
            "@id": f"#data-{sha256[:16]}",
            "@type": "CreativeWork",
            "name": Provenance(**origin).label,
            "description": origin["source"] or origin["title"],
            "sha256": sha256,
        }
        for sha256, origin in found.items()
    ]


def _file(build: Path, name: str, sources: list[dict]) -> dict:
    path = build / name
    return {
        "@id": name,
        "@type": "File",
        "name": path.name,
        "encodingFormat": _FORMATS[path.suffix],
        "contentSize": str(path.stat().st_size),
        "sha256": files.sha256_of(path),
        "isBasedOn": sources,
    }


def _ref(entity: dict) -> dict:
    return {"@id": entity["@id"]}


def _name(author: dict) -> str:
    return author.get("name") or f"{author['given-names']} {author['family-names']}"


def _doi(paper: dict) -> str:
    return f"https://doi.org/{paper['doi']}"


def _licences(about: dict) -> list[str]:
    licence = about["license"]
    return licence if isinstance(licence, list) else [licence]
