"""Robustness: in how many variants of an analysis does its verdict hold?

A variant leaves out one unit, leaves the batch out of the model, uses another defensible test or another smallest
effect of interest. It is run by the chapter's own function. The count describes the data at hand; it is no test, and
no error rate follows from it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import pandas as pd

from endomtor import analyses, ledger
from endomtor.analyses import Analysis, Answer
from endomtor.analyses.alternatives import FACTORS
from endomtor.analyses.judge import Judge
from endomtor.claims import catalogue, verdicts
from endomtor.claims.evidence import Record
from endomtor.contract import TABLES, Dataset
from endomtor.contract.dataset import Confounding
from endomtor.contract.reading import Sheet
from endomtor.contract.rules import design_warnings
from endomtor.estimate import Estimate
from endomtor.markup import plain_in_markdown
from endomtor.provenance import Provenance

UNIT, BATCH, TEST, THRESHOLD = "unit", "batch", "test", "threshold"
KINDS = {UNIT: "one unit left out", BATCH: "without batch", TEST: "another test", THRESHOLD: "another threshold"}

NO_PHI, NOTHING = "no phi can be read", "nothing to test"
"""What a figure says in place of an estimate."""

LEFT_OUT = 60
"""Units of a kind that are left out, one at a time, at most: with more the verdict hangs on none of them alone."""

_NAMED = 4
"""Variants that a sentence names; more are counted."""


class Source(NamedTuple):
    """What a record was made from.

    Attributes
    ----------
    estimate : Estimate
    provenance : Provenance or None
        Of public data; None for the chapter's own data set.
    left_out : mapping of str to Estimate
        For public data, which are no table of the data set: the estimate without each unit, by its name.
    """

    estimate: Estimate
    provenance: Provenance | None = None
    left_out: Mapping[str, Estimate] = {}


@dataclass(frozen=True)
class Variant:
    """One other way to analyse a chapter.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    label : str
        As printed.
    records : dict[str, Record or None]
        The records on which the variant bears; None where it leaves nothing to estimate.
    """

    kind: str
    label: str
    records: Mapping[str, Record | None]


@dataclass(frozen=True)
class Robustness:
    """How a verdict fares over the variants.

    Attributes
    ----------
    id : str
        Of the evidence or the claim.
    kind : str
        "claim", "prediction" or "premise".
    primary : bool
        Whether a claim rests on it; a claim itself is.
    table : DataFrame
        One row per variant: kind, label, estimate (NaN for a claim, or where there is none), word (on the data, also in
        a simulated world), reason, holds.
    """

    id: str
    kind: str
    primary: bool
    table: pd.DataFrame

    @property
    def holds(self) -> int:
        """Variants with the word of the full data."""
        return int(self.table["holds"].sum())

    @property
    def of(self) -> int:
        """All variants."""
        return len(self.table)

    @property
    def counts(self) -> dict[str, int]:
        """What a record carries."""
        return {"holds": self.holds, "of": self.of}

    def sentence(self, name: str) -> str:
        """Return the count as a sentence of Markdown, with the variants that change the verdict on `name`."""
        words = f"The verdict on {name} holds in {self.holds} of {self.of} variants"
        changed = [plain_in_markdown(one) for one in self.table.loc[~self.table["holds"], "label"]]
        if not changed:
            return f"{words}."
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        return f"{words}; it changes with: {', '.join(changed[:_NAMED])}{more}."

    def estimates_text(self) -> str:
        """Return the count and the range of the estimates, for an alt text."""
        read = self.table.loc[self.table["reason"] != verdicts.NO_AGING, "estimate"].dropna()
        low, high = (f"{value:.2f}".replace("-", "−") for value in read.agg(["min", "max"]))
        return f"holds in {self.holds} of {self.of}, {f'estimates {low} to {high}' if len(read) else NO_PHI}"


def of_chapter(
    judge: Judge,
    analysis: Analysis,
    answers: Mapping[str, Answer],
    records: Mapping[str, Record],
    sources: Mapping[str, Source],
) -> dict[str, Robustness]:
    """Count for each answer, each premise and each claim in how many variants its verdict holds.

    Parameters
    ----------
    judge : Judge
        Of the chapter's data set.
    analysis : Analysis
    answers : mapping of str to Answer
        What `analysis` gives for the data set.
    records : mapping of str to Record
        What the chapter has recorded, by id. One that is not the calibrated analysis has no variants.
    sources : mapping of str to Source
        What each record was made from.

    Returns
    -------
    dict[str, Robustness]
        By id. A verdict that is withheld has no variants: what the design does not allow, no animal less allows.
    """
    full = {name: one for name, one in records.items() if one.kind != "context"}
    judged = {name: one for name, one in full.items() if (name in answers and not one.changed) or one.kind == "premise"}
    # Single cells take long to prepare, and their score is descriptive: they are not varied.
    varied = {
        name for name in judged if not isinstance(judge.dataset.get(analyses.table_of(name)), pd.DataFrame | None)
    }
    judged = {name: one for name, one in judged.items() if _word(one) != verdicts.NOT_TESTABLE and name not in varied}
    others = {name: answers[name].alternatives() if name in answers else {} for name in judged}
    found = [
        *_left_out(judge, analysis, judged),
        *_without_batch(judge, analysis, judged),
        *_other_estimates(judge, judged, others, sources),
        *_other_thresholds(judge, judged, others, sources),
    ]
    counted = {name: _of_record(record, found) for name, record in judged.items()}
    for claim in catalogue.load().claims:
        one = _of_claim(claim, full, found)
        if one is not None:
            counted[claim.id] = one
    return counted


def as_frame(found: Mapping[str, Robustness], records: Mapping[str, Record]) -> pd.DataFrame:
    """Return what `figures.robustness` draws: per variant and for all data the estimate of each prediction.

    Where there is no aging effect phi is a ratio to nothing, and no estimate is drawn.

    Parameters
    ----------
    found : mapping of str to Robustness
        By the name that is printed, from top to bottom.
    records : mapping of str to Record
        By id.
    """
    rows = []
    for name, one in found.items():
        record, rule = records[one.id], catalogue.load().rule(one.id)
        side = -1.0 if (rule.rule, rule.direction) == ("difference", "less") else 1.0
        note = f"stays “{record.verdict}” in {one.holds} of {one.of}"
        limits = {"low": record.ci_low, "high": record.ci_high, "interval_kind": record.interval_kind}
        full = {"kind": "full", "choice": "all data", "note": note, "holds": True, **limits}
        for row in [{**full, **_read(record.estimate, record.reason)}] + [
            {"kind": each.kind, "choice": each.label, "holds": each.holds, **_read(each.estimate, each.reason)}
            for each in one.table.itertuples()
        ]:
            factor = FACTORS.get(row["choice"], 1.0)
            rows.append({"label": name, "smallest": factor * side * rule.smallest, **row})
    return pd.DataFrame(rows)


def _read(estimate: float | None, reason: str) -> dict:
    """Return an estimate with the words that stand in its place where it means nothing."""
    if reason == verdicts.NO_AGING:
        return {"estimate": float("nan"), "unread": NO_PHI}
    return {"estimate": estimate, "unread": NOTHING if pd.isna(estimate) else ""}


def _word(record: Record | None) -> str:
    return verdicts.NOT_TESTABLE if record is None else verdicts.data_word(record.verdict, record.reason)


def _run(judge: Judge, analysis: Analysis, tables: Mapping[str, pd.DataFrame]) -> dict[str, Record]:
    """Analyse other tables as the chapter's own."""
    variant = Judge(_with_tables(judge.dataset, tables))
    return {name: variant.record(name, one.estimate) for name, one in analysis.answers(tables).items()}


def _with_tables(dataset: Dataset, changed: Mapping[str, pd.DataFrame]) -> Dataset:
    """Return the data set that holds only `changed` tables, each judged anew for confounding."""
    confounding = []
    for name, table in changed.items():
        if name == "hspc_counts":
            continue
        # Rows that differ in nothing that a design consists of (cells, weeks) would only be counted again.
        kept = {TABLES[name].unit, TABLES[name].group, TABLES[name].stratum, "sex", "batch"} & set(table)
        rows = table[[column for column in table if column in kept]].drop_duplicates()
        for problem, pair in design_warnings(Sheet(TABLES[name], TABLES[name].file, rows, rows)):
            if pair:
                confounding.append(Confounding(name, pair, f"{problem.column}: {problem.value}"))
    return replace(dataset, tables=dict(changed), confounding=confounding)


def _tables(judged: Mapping[str, Record]) -> list[tuple[str, str]]:
    """Return each table with the units of its records."""
    pairs = [(table, one.unit) for name, one in judged.items() if (table := analyses.table_of(name))]
    return list(dict.fromkeys(pairs))


def _units(table: pd.DataFrame, name: str, unit: str) -> pd.Series:
    """Return the unit of each row; where donors are the units of exposed animals, each animal's donors as one label."""
    column = TABLES[name].unit
    if unit.replace(" ", "_") == column:
        return table[column].astype(str)
    return table.groupby(column)[unit].transform(lambda own: " + ".join(sorted(set(own.astype(str)))))


def _left_out(judge: Judge, analysis: Analysis, judged: Mapping[str, Record]) -> list[Variant]:
    tables = judge.dataset.tables
    # Labels are unique within a kind of unit: donor 1 and animal 1 are two mice.
    rows: dict[tuple[str, str], dict[str, pd.Series]] = {}
    for name, unit in _tables(judged):
        units = _units(tables[name], name, unit)
        for label in units.unique():
            rows.setdefault((unit, label), {})[name] = units != label
    found = []
    for unit, label in _some(sorted(rows)):
        kept = rows[unit, label]
        changed = {name: tables[name][keep].reset_index(drop=True) for name, keep in kept.items() if keep.any()}
        if "hspc_samples" in changed:
            changed["hspc_counts"] = tables["hspc_counts"][list(changed["hspc_samples"]["sample"])]
        answers = _run(judge, analysis, changed)
        # A unit without which nothing changes is none of the record's data. Its n alone does not tell: without one unit
        # another week may be the latest that all have.
        own = {
            name: answers.get(name)
            for name, record in judged.items()
            if record.unit == unit
            and analyses.table_of(name) in kept
            and not (name in answers and _same(answers[name], record))
        }
        found.append(Variant(UNIT, f"{unit} {label} left out", own))
    return found


def _some(units: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the units of each kind, a seeded sample of `LEFT_OUT` where they are more."""
    chosen = []
    for _, own in groupby(units, key=itemgetter(0)):
        own = list(own)
        if len(own) > LEFT_OUT:
            own = [own[place] for place in sorted(np.random.default_rng(0).choice(len(own), LEFT_OUT, replace=False))]
        chosen += own
    return chosen


def _without_batch(judge: Judge, analysis: Analysis, judged: Mapping[str, Record]) -> list[Variant]:
    names = {name for name, _ in _tables(judged)}
    tables = {name: judge.dataset.tables[name] for name in names}
    blank = {name: table.assign(batch="") for name, table in tables.items() if "batch" in table}
    if not blank:
        return []
    if "hspc_samples" in blank:
        blank["hspc_counts"] = judge.dataset.tables["hspc_counts"]
    answers = _run(judge, analysis, blank)
    # Where the batch was in no model its absence changes nothing.
    own = {name: answers[name] for name, one in judged.items() if name in answers and not _same(answers[name], one)}
    return [Variant(BATCH, "without batch", own)]


def _same(one: Record, other: Record) -> bool:
    known = ("estimate", "ci_low", "ci_high", "p", "n", "method")
    return all(getattr(one, what) == getattr(other, what) for what in known)


def _other_estimates(
    judge: Judge,
    judged: Mapping[str, Record],
    others: Mapping[str, Mapping[str, Estimate]],
    sources: Mapping[str, Source],
) -> list[Variant]:
    found: dict[tuple[str, str], dict[str, Record]] = {}
    for name in judged:
        asked = {(UNIT, f"{unit} left out"): one for unit, one in sources[name].left_out.items()}
        asked |= {(TEST, test): one for test, one in others[name].items() if test not in FACTORS}
        for key, estimate in asked.items():
            found.setdefault(key, {})[name] = judge.record(name, estimate, provenance=sources[name].provenance)
    return [Variant(kind, label, records) for (kind, label), records in found.items()]


def _other_thresholds(
    judge: Judge,
    judged: Mapping[str, Record],
    others: Mapping[str, Mapping[str, Estimate]],
    sources: Mapping[str, Source],
) -> list[Variant]:
    found = {label: {} for label in FACTORS}
    for name, record in judged.items():
        if record.reason in (verdicts.NO_AGING, verdicts.OPPOSITE):
            continue
        for label, factor in FACTORS.items():
            if _hangs_on(_word(record), factor):
                there, origin = others[name].get(label, sources[name].estimate), sources[name].provenance
                found[label][name] = judge.record(name, there, provenance=origin, factor=factor)
    return [Variant(THRESHOLD, label, records) for label, records in found.items()]


def _hangs_on(word: str, factor: float) -> bool:
    """Return whether this threshold can change a verdict: a smaller one only raises it, a larger one only lowers it."""
    return word != (verdicts.SUPPORTED if factor < 1 else verdicts.CONTRADICTED)


def _of_record(record: Record, variants: Iterable[Variant]) -> Robustness:
    word = _word(record)
    rows = [
        {
            "kind": one.kind,
            "label": one.label,
            "estimate": other.estimate if (other := one.records[record.id]) is not None else None,
            "word": _word(other),
            "reason": verdicts.WITHHELD if other is None else other.reason,
            "holds": _word(other) == word,
        }
        for one in variants
        if record.id in one.records
    ]
    rule = catalogue.load().rule(record.id)
    return Robustness(record.id, record.kind, rule.role == "primary", _table(rows))


def _of_claim(claim: catalogue.Claim, full: Mapping[str, Record], variants: Iterable[Variant]) -> Robustness | None:
    """Judge the claim over the variants that bear on a primary prediction of it; None where it has no verdict."""
    word = _claim_side(claim, full)["verdict"]
    if word == verdicts.NOT_TESTABLE:
        return None
    primary = {rule.id for rule in claim.primaries}
    rows = []
    for one in variants:
        if primary & set(one.records) and (one.kind != THRESHOLD or _hangs_on(word, FACTORS[one.label])):
            records = {name: record for name, record in {**full, **one.records}.items() if record is not None}
            other = _claim_side(claim, records)
            variant = {"kind": one.kind, "label": one.label, "estimate": None, "reason": other["reason"]}
            rows.append({**variant, "word": other["verdict"], "holds": other["verdict"] == word})
    return Robustness(claim.id, "claim", True, _table(rows)) if rows else None


def _claim_side(claim: catalogue.Claim, records: Mapping[str, Record]) -> dict:
    return ledger.side(claim, list(records.values()), "prediction")


def _table(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["kind", "label", "estimate", "word", "reason", "holds"])
    return table.astype({"estimate": float, "holds": bool})
