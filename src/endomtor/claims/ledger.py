"""The one ledger: each claim with the verdicts of its premise and its prediction, from the evidence of all chapters."""

import json
from dataclasses import asdict
from pathlib import Path

from endomtor import files
from endomtor.claims import catalogue, evidence, verdicts
from endomtor.claims.catalogue import Catalogue, Claim
from endomtor.claims.evidence import Record
from endomtor.errors import BuildError, ClaimsError
from endomtor.provenance import Provenance

SCHEMA_VERSION = 1


def side(claim: Claim, records: list[Record], kind: str, truths: dict[str, bool | None] | None = None) -> dict:
    """Return one side of a claim's entry: `{verdict, reason, evidence, primary, p, k, needed}`.

    Parameters
    ----------
    kind : {"prediction", "premise"}
        All primary premises must hold; of the primary predictions, `claim.needed`.
    truths : dict[str, bool or None], optional
        For a simulated world: whether each primary prediction holds there.
    """
    rules = {rule.id: rule for rule in claim.evidence}
    mine = [record for record in records if record.claim == claim.id and record.kind == kind]
    primary = [record for record in mine if record.id in rules and rules[record.id].role == "primary"]
    named = sum(rule.kind == kind and rule.role == "primary" for rule in claim.evidence)
    needed = claim.needed if kind == "prediction" else named
    entry = {"evidence": [r.id for r in mine], "primary": [r.id for r in primary], "needed": needed}
    if not primary:
        return {"verdict": verdicts.NOT_TESTABLE, "reason": "no data", **entry, "p": None, "k": 0}
    combined = verdicts.combine([_as_primary(record, rules[record.id]) for record in primary], needed)
    verdict = verdicts.Verdict(combined.word, combined.reason)
    if truths is not None:
        known = [truths[record.id] for record in primary]
        truth = None if None in known else sum(known) >= needed
        verdict = verdicts.in_world(verdict, truth)
    # Too few primaries were recorded at all: nothing was withheld, data are missing.
    lacking = combined.k < needed and combined.k == len(primary)
    reason = "no data" if lacking else verdict.reason
    return {"verdict": verdict.word, "reason": reason, **entry, "p": combined.p, "k": combined.k}


def _as_primary(record: Record, rule: catalogue.Rule) -> tuple[str, str, float]:
    word = verdicts.data_word(record.verdict, record.reason)
    if record.p is None or record.estimate is None:
        return word, record.reason, 1.0
    return word, record.reason, verdicts.one_sided(record.p, record.estimate, rule.rule, rule.direction)


def build(records: list[Record], dataset: Provenance, claims: Catalogue, truth=None) -> dict:
    """Return the ledger of these records.

    Parameters
    ----------
    truth : callable(str) -> bool or None, optional
        Whether a prediction holds in the simulated world; needed when the data set is simulated.
    """
    entries = []
    for claim in claims.claims:
        truths = None
        if dataset.kind == "simulated":
            primary = [rule.id for rule in claim.evidence if rule.kind == "prediction" and rule.role == "primary"]
            truths = {one: truth(one) for one in primary}
        entries.append(
            {
                "id": claim.id,
                "title": claim.title,
                "text": claim.text,
                "caution": claim.caution,
                "chapter": claim.chapter,
                "premise": side(claim, records, "premise"),
                "prediction": side(claim, records, "prediction", truths),
            }
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "rules": {"version": claims.version, "date": claims.date.isoformat()},
        "dataset": {
            "title": dataset.title,
            "provenance": dataset.kind,
            "world": dataset.world,
            "seed": dataset.seed,
            "example": dataset.example,
        },
        "claims": entries,
        "evidence": [asdict(record) for record in records],
    }


def write(build_dir: Path, dataset_dir: Path) -> dict:
    """Write `build_dir/ledger.json` from `build_dir/evidence/*.json` and return it.

    Raises
    ------
    ClaimsError
        An id occurs in two chapters, or a record was made from other data than this build's.
    """
    from endomtor import contract, worlds

    records: list[Record] = []
    for path in sorted((Path(build_dir) / "evidence").glob("*.json")):
        records += evidence.read(path)
    ids = [record.id for record in records]
    for doubled in sorted({one for one in ids if ids.count(one) > 1}):
        raise ClaimsError(f"evidence {doubled!r} stands in two chapters, expected one")
    dataset = contract.provenance_of(dataset_dir)
    for record in records:
        own = record.provenance
        if record.kind == "prediction" and (own["kind"], own["world"], own["seed"]) != (
            dataset.kind,
            dataset.world,
            dataset.seed,
        ):
            raise ClaimsError(
                f"evidence {record.id} comes from {own['title']!r}, expected {dataset.title!r}: build again"
            )
    truth = worlds.load(dataset.world).truth if dataset.kind == "simulated" else None
    ledger = build(records, dataset, catalogue.load(), truth)
    files.write_text(
        Path(build_dir) / "ledger.json", json.dumps(ledger, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    return ledger


def read(build_dir: Path) -> dict:
    """Read the ledger of the last build.

    Raises
    ------
    BuildError
        There is none yet, or it cannot be read.
    """
    path = Path(build_dir) / "ledger.json"
    if not path.is_file():
        raise BuildError(f"no ledger at {path}: run `endomtor build` first")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BuildError(f"{path} is not JSON ({error}): run `endomtor build` again") from error


def strict_faults(ledger: dict) -> list[str]:
    """Return a sentence for each verdict that differs from what the world of the build demands.

    In a simulated world a claim must not be missed and must not be a false alarm.
    """
    if ledger["dataset"]["provenance"] != "simulated":
        return []
    bad = (verdicts.MISSED, verdicts.FALSE_ALARM)
    demanded = {verdicts.MISSED: verdicts.RECOVERED, verdicts.FALSE_ALARM: verdicts.RIGHTLY_SILENT}
    return [
        f"{claim['id']}: {claim['prediction']['verdict']} ({claim['prediction']['reason']}), "
        f"but world {ledger['dataset']['world']!r} demands {demanded[claim['prediction']['verdict']]!r}"
        for claim in ledger["claims"]
        if claim["prediction"]["verdict"] in bad
    ]
