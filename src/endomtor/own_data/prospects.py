"""What a data directory allows: which predictions, with how many units, and how large an effect they would show.

The chapters' analyses are run on the tables, so that what is said here to be testable is what they test.
No estimate and no verdict is shown: sizes come from n and from the spread within groups.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt

from scipy import special, stats

from endomtor import analyses
from endomtor.analyses.answer import Answer
from endomtor.analyses.judge import Judge
from endomtor.claims import catalogue, verdicts
from endomtor.claims.catalogue import Rule
from endomtor.contract import CHAPTERS, TABLES, Dataset
from endomtor.contract.problems import listed
from endomtor.errors import EndomtorError
from endomtor.stats import Estimate, n_per_group, smallest_attainable_p

POWER, LEVEL = 0.8, 0.05
WIDTH = 80


@dataclass(frozen=True)
class Contrast:
    """One comparison of units.

    Attributes
    ----------
    name : str
        For example "ecko - control".
    n : dict[str, int]
        Units in each group or arm.
    smallest_p : float
        The smallest two-sided p that a permutation of these units can give.
    effect_sd : float
        Detectable at 80 % power (two-sided 5 %), in standard deviations between units, from n alone.
    effect : float or None
        The same on the scale of analysis, from the standard error in these data; None where there is none.
    """

    name: str
    n: dict[str, int]
    smallest_p: float
    effect_sd: float
    effect: float | None


@dataclass(frozen=True)
class Prospect:
    """What is to be expected of one prediction.

    Attributes
    ----------
    why_not : str
        Why it is not testable here, empty where it is.
    contrasts : tuple[Contrast, ...]
        First the one that the prediction is about.
    """

    rule: Rule
    table: str
    why_not: str
    contrasts: tuple[Contrast, ...] = field(default=())


def allowed(dataset: Dataset) -> list[Prospect]:
    """Return each prediction of the catalogue, and each endpoint of its families that is in the data, in its order."""
    # To prepare the single cells takes too long for a check.
    tables = {name: table for name, table in dataset.tables.items() if name != "bmec_cells"}
    found: dict[str, Answer] = {}
    refused: dict[str, str] = {}
    for chapter in analyses.CHAPTERS.values():
        try:
            found |= chapter.answers(tables)
        except EndomtorError as fault:
            refused |= dict.fromkeys(chapter.tables, str(fault))
    judge, prospects = Judge(dataset), []
    for claim in catalogue.load().claims:
        named = [rule for rule in claim.evidence if rule.kind == "prediction" and not rule.id.endswith(("*", ".aging"))]
        known = {rule.id for rule in named}
        others = [catalogue.load().rule(one) for one in found if one.startswith(f"{claim.id}.") and one not in known]
        for rule in [*named, *others]:
            prospects.append(_prospect(judge, rule, found.get(rule.id), refused))
    return prospects


def _prospect(judge: Judge, rule: Rule, answer: Answer | None, refused: Mapping[str, str]) -> Prospect:
    dataset = judge.dataset
    table = analyses.table_of(rule.id)
    if table not in dataset.tables:
        return Prospect(rule, table, f"no {TABLES[table].file}")
    if rule.id == "C1.cells.mTORC1_hallmark":
        return _of_cells(dataset, rule, table)
    if answer is None:
        return Prospect(rule, table, refused.get(table, "").rstrip(".") or _missing(dataset, rule, table))
    record = judge.record(rule.id, answer.estimate)
    withheld = judge.withheld(rule.id, answer.estimate).withheld
    reason = withheld or record.reason if record.verdict == verdicts.NOT_TESTABLE else ""
    sizes = tuple(_contrast(f"{a} - {b}", one) for (a, b), one in answer.contrasts.items())
    return Prospect(rule, table, reason.rstrip("."), sizes)


def _missing(dataset: Dataset, rule: Rule, table: str) -> str:
    """Say what a prediction that no analysis recorded lacks: its groups, or its endpoint."""
    frame = dataset.tables[table]
    present = set(frame[TABLES[table].group])
    needed = ("young", "aged", "ecko") if rule.rule == "phi" else ("rapamycin", "vehicle")
    needed = ("aged", "young") if rule.claim == "C1" else needed
    absent = [group for group in needed if group not in present]
    if absent:
        return f"no {listed(absent, 'and no')} units in {TABLES[table].file}"
    return f"nothing of it in {TABLES[table].file}"


def _of_cells(dataset: Dataset, rule: Rule, table: str) -> Prospect:
    """Judge the score of single cells by its animals: preparing the cells takes too long for a check."""
    counts = n_per_group(dataset.tables[table].obs, "group", "animal", ("aged", "young"))
    few = [f"{count} {group}" for group, count in counts.items() if count < 2]
    reason = f"{listed(few, 'and')} with cells, at least two are needed" if few else ""
    reason = reason or dataset.withheld(table, *counts)
    return Prospect(rule, table, reason, () if few else (_of_groups("aged - young", counts),))


def _contrast(name: str, estimate: Estimate) -> Contrast:
    contrast = _of_groups(name, estimate.n)
    if estimate.withheld or estimate.df is None or estimate.interval_kind != "bounded":
        return contrast
    half = (estimate.ci_high - estimate.ci_low) / 2
    se = half / stats.t.ppf((1 + estimate.level) / 2, estimate.df)
    return Contrast(contrast.name, contrast.n, contrast.smallest_p, contrast.effect_sd, detectable(se, estimate.df))


def _of_groups(name: str, n: Mapping[str, int]) -> Contrast:
    """Return what follows from n: two groups, or two groups in each of several strata that are averaged."""
    counts = list(n.values())
    if len(counts) < 2 or min(counts) < 2:
        return Contrast(name, dict(n), 1.0, float("inf"), None)
    strata = len(counts) // 2
    variances = [1 / (strata**2 * count) for count in counts]
    df = sum(variances) ** 2 / sum(one**2 / (count - 1) for one, count in zip(variances, counts, strict=True))
    # Units are permuted within strata, so that the allocations multiply.
    smallest = 2.0
    for first, second in zip(counts[::2], counts[1::2], strict=True):
        smallest *= smallest_attainable_p(first, second) / 2
    return Contrast(name, dict(n), smallest, detectable(sqrt(sum(variances)), df), None)


def detectable(se: float, df: float, *, power: float = POWER, level: float = LEVEL) -> float:
    """Return the difference that a two-sided t test finds with this power.

    Parameters
    ----------
    se : float
        Standard error of the difference, above 0.
    df : float
        Degrees of freedom (Welch-Satterthwaite).

    Notes
    -----
    The square of a noncentral t is a noncentral F (Cohen 1988), whose noncentrality scipy inverts. For groups of equal
    size this is `statsmodels.stats.power.TTestIndPower`, which takes pooled degrees of freedom where sizes differ.

    Examples
    --------
    >>> from math import sqrt
    >>> from endomtor.own_data.prospects import detectable
    >>> round(detectable(sqrt(2 / 6), df=10), 2)
    1.8
    """
    limit = stats.t.ppf(1 - level / 2, df)
    return float(se * sqrt(special.ncfdtrinc(1, df, 1 - power, limit**2)))


# --- in words ---------------------------------------------------------------------------------------------------------


def report(found: list[Prospect], dataset: Dataset) -> str:
    """Return the prospects as text: chapters, then each primary prediction, then the descriptive ones by name."""
    chapters = {claim.id: claim.chapter for claim in catalogue.load().claims}
    lines = ["WHAT THE DATA ALLOW"]
    for name, tables in CHAPTERS.items():
        own = [one for one in found if chapters[one.rule.claim] == name]
        present = [TABLES[table].file for table in tables if table in dataset.tables]
        if not present:
            lines += ["", f"{name}: not testable, none of its tables is here"]
            continue
        primary = [one for one in own if one.rule.role == "primary"]
        testable = sum(not one.why_not for one in primary)
        lines += ["", f"{name}: {testable} of {len(primary)} primary predictions testable ({', '.join(present)})"]
        for one in primary:
            lines += _primary(one)
        lines += _descriptive([one for one in own if one.rule.role != "primary"])
    ending = (
        f"Detectable: at {POWER:.0%} power and a two-sided level of {LEVEL:.0%}, in SDs between units from n alone, "
        "and on the scale of analysis with the spread of these data. Estimates and verdicts are in the book, not here."
    )
    return "\n".join([*lines, "", *textwrap.wrap(ending, WIDTH)])


def _primary(one: Prospect) -> Iterator[str]:
    if one.why_not:
        yield f"  {one.rule.id}: not testable, {one.why_not}"
        return
    yield f"  {one.rule.id}: {one.rule.estimand}"
    for contrast in one.contrasts:
        n = ", ".join(f"{group} {count}" for group, count in contrast.n.items())
        effect = "" if contrast.effect is None else f", here {contrast.effect:.2g}"
        sizes = f"smallest p {contrast.smallest_p:.2g}; detectable {contrast.effect_sd:.1f} SD{effect}"
        yield f"      {contrast.name}: n {n}; {sizes}"


def _descriptive(own: list[Prospect]) -> Iterator[str]:
    by_assay: dict[str, list[str]] = {}
    for one in own:
        claim, assay, rest = one.rule.id.split(".", 2)
        if one.why_not:
            yield f"  {one.rule.id} (descriptive): not testable, {one.why_not}"
        else:
            by_assay.setdefault(f"{claim}.{assay}", []).append(rest)
    for assay, names in by_assay.items():
        text = f"descriptive, {assay}: {', '.join(names)}"
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
