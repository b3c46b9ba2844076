"""Fragility: in how many variants of an analysis does its verdict hold?

A variant leaves out one unit, leaves the batch out of the model, uses another defensible test or another smallest
effect of interest. It is run by the functions of the chapter. The count describes the data at hand; it is no test, and
no error rate follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from IPython.utils.capture import capture_output

from endomtor.claims import catalogue, ledger, verdicts
from endomtor.claims.evidence import Record
from endomtor.contract import TABLES, Dataset
from endomtor.contract.dataset import Confounding
from endomtor.contract.reading import Sheet
from endomtor.contract.rules import design_warnings
from endomtor.errors import ClaimsError

if TYPE_CHECKING:
    from endomtor.chapter import Chapter

UNIT, BATCH, TEST, THRESHOLD = "unit", "batch", "test", "threshold"
KINDS = {UNIT: "one unit left out", BATCH: "without batch", TEST: "another test", THRESHOLD: "another threshold"}

FACTORS = {"half the threshold": 0.5, "twice the threshold": 2.0}
"""The other thresholds, as shares of the smallest effect of interest.

Where an estimate's p is that of the threshold, as for phi, `others` of its record holds it under these names too.
"""

NO_PHI, NOTHING = "no phi can be read", "nothing to test"
"""What a figure says in place of an estimate."""

LEFT_OUT = 60
"""Units of a kind that are left out, one at a time, at most: with more the verdict hangs on none of them alone."""

_NAMED = 4
"""Variants that a sentence names; more are counted."""


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
class Fragility:
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
        """Return the count as a sentence, with the variants that change the verdict; `name` is what it is on."""
        words = f"The verdict on {name} holds in {self.holds} of {self.of} variants"
        changed = self.table.loc[~self.table["holds"], "label"].tolist()
        if not changed:
            return f"{words}."
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        return f"{words}; it changes with: {', '.join(changed[:_NAMED])}{more}."

    def estimates_text(self) -> str:
        """Return the count and the range of the estimates, for an alt text."""
        read = self.table.loc[self.table["reason"] != verdicts.NO_AGING, "estimate"].dropna()
        low, high = (f"{value:.2f}".replace("-", "−") for value in read.agg(["min", "max"]))
        return f"holds in {self.holds} of {self.of}, {f'estimates {low} to {high}' if len(read) else NO_PHI}"


def of_chapter(chapter: Chapter, analyse: Callable[[Chapter], object]) -> dict[str, Fragility]:
    """Count for each record that `analyse` makes, each premise and each claim in how many variants its verdict holds.

    Parameters
    ----------
    chapter : Chapter
        With its evidence recorded.
    analyse : callable
        Runs the recorded analyses on a chapter that holds some or all of the tables.

    Returns
    -------
    dict[str, Fragility]
        By id. A verdict that is withheld has no variants: what the design does not allow, no animal less allows.

    Raises
    ------
    ClaimsError
        `analyse` makes another record from the same data than the chapter holds.
    """
    full = {record.id: record for record in chapter.records if record.kind != "context"}
    again = _run(chapter, analyse, chapter.dataset)
    for name, record in again.items():
        # The cell of a notebook in which it was computed is no part of the answer.
        if name not in full or replace(record, fragility=full[name].fragility, cell=full[name].cell) != full[name]:
            raise ClaimsError(f"fragility of {name}: analysed again, the record differs, expected the chapter's own")
    judged = {name: one for name, one in full.items() if name in again or one.kind == "premise"}
    judged = {name: one for name, one in judged.items() if _word(one) != verdicts.NOT_TESTABLE}
    others = {name: chapter.sources[name].others() for name in judged}
    found = [
        *_left_out(chapter, analyse, judged),
        *_without_batch(chapter, analyse, judged),
        *_other_estimates(chapter, judged, others),
        *_other_thresholds(chapter, judged, others),
    ]
    counted = {name: _of_record(record, found) for name, record in judged.items()}
    for claim in catalogue.load().claims:
        one = _of_claim(claim, full, found)
        if one is not None:
            counted[claim.id] = one
    return counted


def as_frame(found: Mapping[str, Fragility], records: Mapping[str, Record]) -> pd.DataFrame:
    """Return what `figures.fragility` draws: per variant and for all data the estimate of each prediction.

    Where there is no aging effect phi is a ratio to nothing, and no estimate is drawn.

    Parameters
    ----------
    found : mapping of str to Fragility
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


def _run(chapter: Chapter, analyse: Callable, dataset: Dataset) -> dict[str, Record]:
    """Analyse another data set as the chapter's own; what the analyses say for a page is not shown."""
    variant = type(chapter)(chapter.name, dataset)
    with capture_output():
        analyse(variant)
    # They hold the chapter that holds them: with hundreds of samples the variants would fill the memory.
    variant.sources.clear()
    return {record.id: record for record in variant.records}


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


def _tables(chapter: Chapter, judged: Iterable[str]) -> list[tuple[str, str]]:
    """Return each table with the units of its records."""
    records = {record.id: record for record in chapter.records}
    pairs = [(chapter.sources[name].table, records[name].unit) for name in judged if chapter.sources[name].table]
    return list(dict.fromkeys(pairs))


def _units(table: pd.DataFrame, name: str, unit: str) -> pd.Series:
    """Return the unit of each row; where donors are the units of exposed animals, each animal's donors as one label."""
    column = TABLES[name].unit
    if unit.replace(" ", "_") == column:
        return table[column].astype(str)
    return table.groupby(column)[unit].transform(lambda own: " + ".join(sorted(set(own.astype(str)))))


def _left_out(chapter: Chapter, analyse: Callable, judged: Mapping[str, Record]) -> list[Variant]:
    tables = chapter.dataset.tables
    # Labels are unique within a kind of unit: donor 1 and animal 1 are two mice.
    rows: dict[tuple[str, str], dict[str, pd.Series]] = {}
    for name, unit in _tables(chapter, judged):
        units = _units(tables[name], name, unit)
        for label in units.unique():
            rows.setdefault((unit, label), {})[name] = units != label
    found = []
    for unit, label in _some(sorted(rows)):
        kept = rows[unit, label]
        changed = {name: tables[name][keep].reset_index(drop=True) for name, keep in kept.items() if keep.any()}
        if "hspc_samples" in changed:
            changed["hspc_counts"] = tables["hspc_counts"][list(changed["hspc_samples"]["sample"])]
        answers = _run(chapter, analyse, _with_tables(chapter.dataset, changed))
        # A unit without which nothing changes is none of the record's data. Its n alone does not tell: without one unit
        # another week may be the latest that all have.
        own = {
            name: answers.get(name)
            for name, record in judged.items()
            if record.unit == unit
            and chapter.sources[name].table in kept
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


def _without_batch(chapter: Chapter, analyse: Callable, judged: Mapping[str, Record]) -> list[Variant]:
    names = {name for name, _ in _tables(chapter, judged)}
    tables = {name: chapter.dataset.tables[name] for name in names}
    blank = {name: table.assign(batch="") for name, table in tables.items() if "batch" in table}
    if not blank:
        return []
    if "hspc_samples" in blank:
        blank["hspc_counts"] = chapter.dataset.tables["hspc_counts"]
    answers = _run(chapter, analyse, _with_tables(chapter.dataset, blank))
    # Where the batch was in no model its absence changes nothing.
    own = {name: answers[name] for name, one in judged.items() if name in answers and not _same(answers[name], one)}
    return [Variant(BATCH, "without batch", own)]


def _same(one: Record, other: Record) -> bool:
    known = ("estimate", "ci_low", "ci_high", "p", "n", "method")
    return all(getattr(one, what) == getattr(other, what) for what in known)


def _other_estimates(chapter: Chapter, judged: Iterable[str], others: Mapping[str, Mapping]) -> list[Variant]:
    rules = catalogue.load()
    found: dict[tuple[str, str], dict[str, Record]] = {}
    for name in judged:
        source = chapter.sources[name]
        asked = {(UNIT, f"{unit} left out"): one for unit, one in source.left_out().items()}
        asked |= {(TEST, test): one for test, one in others[name].items() if test not in FACTORS}
        for key, estimate in asked.items():
            found.setdefault(key, {})[name] = chapter.judged(rules.rule(name), replace(source, estimate=estimate))
    return [Variant(kind, label, records) for (kind, label), records in found.items()]


def _other_thresholds(chapter: Chapter, judged: Mapping[str, Record], others: Mapping[str, Mapping]) -> list[Variant]:
    found = {label: {} for label in FACTORS}
    for name, record in judged.items():
        rule, source = catalogue.load().rule(name), chapter.sources[name]
        if record.reason in (verdicts.NO_AGING, verdicts.OPPOSITE):
            continue
        for label, factor in FACTORS.items():
            if _hangs_on(_word(record), factor):
                there = replace(source, estimate=others[name].get(label, source.estimate))
                found[label][name] = chapter.judged(replace(rule, smallest=factor * rule.smallest), there)
    return [Variant(THRESHOLD, label, records) for label, records in found.items()]


def _hangs_on(word: str, factor: float) -> bool:
    """Return whether this threshold can change a verdict: a smaller one only raises it, a larger one only lowers it."""
    return word != (verdicts.SUPPORTED if factor < 1 else verdicts.CONTRADICTED)


def _of_record(record: Record, variants: Iterable[Variant]) -> Fragility:
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
    return Fragility(record.id, record.kind, rule.role == "primary", _table(rows))


def _of_claim(claim: catalogue.Claim, full: Mapping[str, Record], variants: Iterable[Variant]) -> Fragility | None:
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
            about = {"kind": one.kind, "label": one.label, "estimate": None, "reason": other["reason"]}
            rows.append({**about, "word": other["verdict"], "holds": other["verdict"] == word})
    return Fragility(claim.id, "claim", True, _table(rows)) if rows else None


def _claim_side(claim: catalogue.Claim, records: Mapping[str, Record]) -> dict:
    return ledger.side(claim, list(records.values()), "prediction")


def _table(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["kind", "label", "estimate", "word", "reason", "holds"])
    return table.astype({"estimate": float, "holds": bool})
