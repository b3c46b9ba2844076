"""Evidence records: what one analysis found, on which data, and the word that follows."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from endomtor import files, paths
from endomtor.claims import catalogue, verdicts
from endomtor.claims.catalogue import Rule
from endomtor.errors import BuildError, ClaimsError
from endomtor.estimate import Estimate
from endomtor.provenance import Provenance


@dataclass(frozen=True)
class Record:
    """One piece of evidence, as `_build/evidence/*.json` holds it.

    Numbers that are unknown or unbounded are None. `p` is two-sided; for phi it is twice the one-sided p of "no aging
    effect, or phi at most the smallest phi of interest". `p_adjusted` is Holm's within `family`. `cell` is the
    execution count of the notebook's cell that computed the record, None outside a notebook. `changed` marks a record
    that a reader's own analysis has made, which is not the calibrated one.
    """

    id: str
    prediction: str
    claim: str
    kind: str
    estimand: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    interval_kind: str
    level: float
    p: float | None
    p_adjusted: float | None
    family: str | None
    n: dict[str, int]
    unit: str
    method: str
    verdict: str
    reason: str
    provenance: dict
    notebook: str
    fragility: dict | None = None
    cell: int | None = None
    changed: bool = False


def make(
    rule: Rule, estimate: Estimate, *, provenance: Provenance, truth: bool | None, notebook: str, family: str | None
) -> Record:
    """Judge an estimate under its rule and return the record.

    Parameters
    ----------
    truth : bool or None
        Whether the prediction holds in the simulated world; not used for measured and public data.
    family : str or None
        Records of one family are adjusted together by `adjusted`.

    Raises
    ------
    ClaimsError
        A premise or context row on data that are not public.
    """
    if rule.kind != "prediction" and provenance.kind != "public":
        raise ClaimsError(f"evidence {rule.id} is a {rule.kind}, which {provenance.kind} data cannot test")
    verdict = verdicts.judge(estimate, rule)
    if provenance.kind == "simulated":
        verdict = verdicts.in_world(verdict, truth)
    return Record(
        id=rule.id,
        prediction=rule.statement,
        claim=rule.claim,
        kind=rule.kind,
        estimand=rule.estimand,
        estimate=_finite(estimate.estimate),
        ci_low=_finite(estimate.ci_low),
        ci_high=_finite(estimate.ci_high),
        interval_kind=estimate.interval_kind,
        level=estimate.level,
        p=_finite(estimate.p),
        p_adjusted=None,
        family=family,
        n={str(group): int(count) for group, count in estimate.n.items()},
        unit=estimate.unit,
        method=estimate.method,
        verdict=verdict.word,
        reason=verdict.reason,
        provenance=provenance.as_dict(),
        notebook=notebook,
    )


def adjusted(records: Iterable[Record]) -> list[Record]:
    """Return the records with `p_adjusted` filled: Holm within each family."""
    # Readers of a ledger adjust nothing, and need not wait for the statistics to be imported.
    from endomtor.stats import holm

    records = list(records)
    families: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        if record.family is not None and record.p is not None:
            families.setdefault(record.family, []).append(index)
    for indices in families.values():
        for index, value in zip(indices, holm([records[index].p for index in indices]), strict=True):
            records[index] = replace(records[index], p_adjusted=float(value))
    return records


def write(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON, atomically; NaN and infinity cannot be written.

    Raises
    ------
    ClaimsError
        Two records have one id.
    """
    rows = [asdict(record) for record in records]
    ids = [row["id"] for row in rows]
    for doubled in sorted({one for one in ids if ids.count(one) > 1}):
        raise ClaimsError(f"{path}: evidence {doubled!r} was recorded twice, expected once")
    files.write_text(path, json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read(path: Path) -> list[Record]:
    """Read the records of one chapter.

    Raises
    ------
    ClaimsError
        The file is not JSON or a record lacks a field.
    """
    try:
        return [Record(**row) for row in json.loads(Path(path).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ClaimsError(f"{path}: is not a list of evidence records ({error})") from error


def of_build(own: Provenance) -> list[Record]:
    """Return the evidence that the chapters with a claim have left in this build.

    Parameters
    ----------
    own : Provenance
        Of the data set that they must have been run on.

    Raises
    ------
    BuildError
        A chapter has left no evidence, or its evidence comes from other data.
    """
    folder = paths.build_dir() / "evidence"
    names = sorted({claim.chapter for claim in catalogue.load().claims if claim.evidence})
    missing = [name for name in names if not (folder / f"{name}.json").is_file()]
    if missing:
        raise BuildError(
            f"the evidence of {' and '.join(missing)} is not in {folder}, which this chapter reads: run "
            "`endomtor build` with the same data first."
        )
    records = [record for name in names for record in read(folder / f"{name}.json")]
    for record in records:
        if record.kind == "prediction" and record.provenance != own.as_dict():
            raise BuildError(
                f"the evidence {record.id} in {folder} comes from {_origin(record.provenance)}, expected "
                f"{_origin(own.as_dict())} as it is now: run `endomtor build` with the same data first."
            )
    return records


def _origin(provenance: dict) -> str:
    seed = "" if provenance["seed"] is None else f", seed {provenance['seed']}"
    return f"“{provenance['title']}”{seed}"


def _finite(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(value)
