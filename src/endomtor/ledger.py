"""The one ledger: each claim with the verdicts of its premise and its prediction, from the evidence of all chapters."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from endomtor import files
from endomtor.claims import catalogue, cautions, evidence, premises, verdicts
from endomtor.claims.catalogue import Catalogue, Claim, Rule
from endomtor.claims.evidence import Record
from endomtor.errors import BuildError, ClaimsError
from endomtor.provenance import Provenance

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).with_name("ledger.schema.json")


def side(claim: Claim, records: list[Record], kind: str, truths: dict[str, bool | None] | None = None) -> dict:
    """Return one side of a claim's entry: `{verdict, reason, evidence, primary, p, k, needed}` and, if any, `parts`.

    Parameters
    ----------
    kind : {"prediction", "premise"}
        All primary premises must hold; of the primary predictions, `claim.needed`.
    truths : dict[str, bool or None], optional
        For a simulated world: whether each primary prediction holds there.
    """
    rules = {rule.id: rule for rule in claim.evidence if rule.kind == kind and rule.role == "primary"}
    parts = claim.parts if kind == "prediction" else {"": tuple(rules.values())}
    needed = claim.needed if kind == "prediction" else len(rules)
    mine = [record for record in records if record.claim == claim.id and record.kind == kind]
    primary = [record for record in mine if record.id in rules]
    tested = {record.id for record in primary if record.verdict != verdicts.NOT_TESTABLE}
    entry = {"evidence": [r.id for r in mine], "primary": [r.id for r in primary], "needed": needed}
    if any(record.changed for record in mine):
        entry["changed"] = True
    if not primary:
        return {"verdict": verdicts.NOT_TESTABLE, "reason": "no data", **entry, "p": None, "k": 0}
    found = {}
    for name, own in parts.items():
        words = [_as_primary(record, rules[record.id]) for record in primary if rules[record.id] in own]
        # Read-outs of one thing stand for each other: those that were not taken say nothing that is missing.
        counted = [rule for rule in own if not rule.where_given or rule.id in tested]
        listed = len(words) if kind == "prediction" and claim.interchangeable else len(counted)
        found[name] = verdicts.combine(words, needed, listed)
    combined = found[""] if "" in found else verdicts.either(list(found.values()))
    told = {name: verdicts.Verdict(one.word, one.reason) for name, one in {**found, "": combined}.items()}
    if truths is not None:
        recorded = {record.id for record in primary}
        true = {name: _enough(own, truths, needed, recorded) for name, own in parts.items()}
        true[""] = None if None in true.values() else any(true.values())
        told = {name: verdicts.in_world(one, true[name]) for name, one in told.items()}
    if claim.apart and kind == "prediction":
        entry["parts"] = {
            name: {"verdict": told[name].word, "reason": told[name].reason, "p": one.p, "k": one.k}
            for name, one in found.items()
        }
    # Too few primaries were recorded at all: nothing was withheld, data are missing.
    lacking = combined.word == verdicts.NOT_TESTABLE and combined.k == len(primary)
    reason = "no data" if lacking else told[""].reason
    return {"verdict": told[""].word, "reason": reason, **entry, "p": combined.p, "k": combined.k}


def _enough(own: Sequence[Rule], truths: Mapping[str, bool | None], needed: int, among: Collection[str]) -> bool | None:
    """Return whether enough primaries among some are true; None where nobody could tell of one."""
    known = [truths[rule.id] for rule in own if rule.id in among]
    return None if None in known else sum(known) >= needed


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
            truths = {rule.id: truth(rule.id) for rule in claim.primaries}
        prediction = side(claim, records, "prediction", truths)
        entries.append(
            {
                "id": claim.id,
                "title": claim.title,
                "text": claim.text,
                "caution": _caution(claim, records, prediction["verdict"]),
                "chapter": claim.chapter,
                "premise": side(claim, records, "premise"),
                "prediction": prediction,
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


def _caution(claim: Claim, records: list[Record], verdict: str) -> str:
    """Return what must be said beside the verdicts on a claim: as its rules have it, and of rivals not excluded."""
    rival = claim.id in cautions.CLAIMS and verdict != verdicts.NOT_TESTABLE
    return f"{claim.caution} {cautions.of_inflammation(records) if rival else ''}".strip()


def write(build_dir: Path, dataset_dir: Path) -> dict:
    """Write `build_dir/ledger.json` from `build_dir/evidence/*.json` and return it.

    Raises
    ------
    ClaimsError
        An id occurs in two chapters, a record was made from other data than this build's, or the ledger does not keep
        its schema.
    """
    from endomtor import contract

    records = _recorded(build_dir)
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
    ledger = build(records, dataset, catalogue.load(), _truth(dataset))
    if fault := schema_fault(ledger):
        raise ClaimsError(f"the ledger does not keep its schema: {fault}")
    files.write_text(
        Path(build_dir) / "ledger.json", json.dumps(ledger, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    return ledger


def _recorded(build_dir: Path) -> list[Record]:
    """Return the records of all chapters.

    Raises
    ------
    ClaimsError
        A file is not a list of records, or an id stands in two chapters.
    """
    records: list[Record] = []
    for path in sorted((Path(build_dir) / "evidence").glob("*.json")):
        records += evidence.read(path)
    ids = [record.id for record in records]
    for doubled in sorted({one for one in ids if ids.count(one) > 1}):
        raise ClaimsError(f"evidence {doubled!r} stands in two chapters, expected one")
    return records


def _truth(dataset: Provenance):
    # Not with the module, here and below: what only reads a ledger need not wait for pandas.
    from endomtor import worlds

    return worlds.truth_of(dataset)


def read(build_dir: Path) -> dict:
    """Read the ledger of the last build.

    Raises
    ------
    BuildError
        There is none yet, it cannot be read, it does not keep its schema, or it says other than the evidence and the
        rules beside it: somebody edited it, or the rules have changed since.
    """
    path = Path(build_dir) / "ledger.json"
    if not path.is_file():
        raise BuildError(f"no ledger at {path}: run `endomtor build` first")
    try:
        ledger = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BuildError(f"{path} is not JSON ({error}): run `endomtor build` again") from error
    if fault := schema_fault(ledger):
        raise BuildError(f"{path} does not keep its schema ({fault}): run `endomtor build` again")
    if fault := _unlike_evidence(Path(build_dir), ledger):
        raise BuildError(f"{path} does not follow from the evidence of its build ({fault}): run `endomtor build` again")
    return ledger


def _unlike_evidence(build_dir: Path, ledger: dict) -> str:
    """Return which part of a ledger is not what evidence and rules make of it, empty where none is."""
    recorded = _recorded(build_dir)
    # Records that do not keep the schema cannot be judged.
    if fault := schema_fault({**ledger, "evidence": [asdict(record) for record in recorded]}):
        return fault
    about = ledger["dataset"]
    dataset = Provenance(
        about["provenance"], about["title"], "", "", **{k: about[k] for k in ("world", "seed", "example")}
    )
    again = build(recorded, dataset, catalogue.load(), _truth(dataset))
    for part in ("claims", "evidence"):
        found, expected = ({one["id"]: one for one in each[part]} for each in (ledger, again))
        for name in sorted({*found, *expected}):
            if found.get(name) != expected.get(name):
                return name if name in found and name in expected else f"{name} stands in one of the two only"
    return ""


def schema_fault(ledger: dict) -> str:
    """Return where and how a ledger breaks `ledger.schema.json`; empty when it keeps it."""
    # On import jsonschema compiles the grammar of international addresses where it finds this package: seconds, for a
    # format that the schema does not use.
    sys.modules.setdefault("rfc3987_syntax", None)
    import jsonschema

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    fault = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(ledger))
    return f"{fault.json_path}: {fault.message[:200]}" if fault else ""


def strict_faults(ledger: dict) -> list[str]:
    """Return a sentence for each verdict that differs from what the world or the frozen public result demands.

    In a simulated world a claim that is true must be recovered, one that is false rightly silent; where its design
    lets nobody tell, and where the claim has no predictions, it must be not testable. Premises must have the verdicts
    that the frozen public tables gave, whatever the data set.
    """
    faults = premises.faults(ledger)
    dataset = ledger["dataset"]
    if dataset["provenance"] != "simulated":
        return faults
    from endomtor import worlds

    truth = worlds.load(dataset["world"]).truth
    for claim in ledger["claims"]:
        found = claim["prediction"]
        wanted = demanded(catalogue.load().claim(claim["id"]), truth)
        if found["verdict"] != wanted:
            faults.append(
                f"{claim['id']}: {found['verdict']} ({found['reason']}), "
                f"but world {dataset['world']!r} demands {wanted!r}"
            )
    return faults


def holds(claim: Claim, truth) -> bool | None:
    """Return whether a claim is true in a world: enough of its primary predictions are; None: nobody could tell.

    Parameters
    ----------
    truth : callable(str) -> bool or None
        `World.truth`.
    """
    truths = {rule.id: truth(rule.id) for rule in claim.primaries}
    if not truths:
        return None
    parts = [_enough(own, truths, claim.needed, truths) for own in claim.parts.values()]
    return None if None in parts else any(parts)


def demanded(claim: Claim, truth) -> str:
    """Return the verdict that a world demands on a claim; parameters as for `holds`."""
    words = {True: verdicts.RECOVERED, False: verdicts.RIGHTLY_SILENT, None: verdicts.NOT_TESTABLE}
    return words[holds(claim, truth)]
