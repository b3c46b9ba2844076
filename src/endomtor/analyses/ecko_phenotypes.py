"""Chapter 03: do young mTOR ECKO mice show aged attributes?

Blood lineages, marrow populations, HSC polarity and gamma-H2AX, limiting dilution: one value per animal or donor, and
phi, how far ECKO went from young to aged. Verification of the knock-out and survival; blood of DO mice as context.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from endomtor import contract, figures, reporting
from endomtor.analyses import alternatives
from endomtor.chapter import Chapter, needs
from endomtor.claims import catalogue, verdicts
from endomtor.claims.evidence import Record
from endomtor.contract.tables import GROUPS, LINEAGES
from endomtor.figures import style
from endomtor.public import blood as do_blood
from endomtor.stats import Estimate, amounts, composition, groups, holm, limiting_dilution, nested, resemblance

Contrast = tuple[str, str]

LINEAGE_NAMES = {"myeloid_pct": "myeloid", "b_pct": "B", "t_pct": "T", "nk_pct": "NK", "other_pct": "other"}
COUNTS = {"WBC": "10^3/uL", "platelets": "10^3/uL", "hemoglobin": "g/dL"}
BALANCE = "C3.blood.myeloid_balance"
STEM = ("HSC", "LSK", "MPP1", "MPP2", "MPP3", "MPP4")
"""Populations of the first marrow figure; all others are drawn in the second."""

ASSAYS = {
    "polarity": ("empirical_logit", "logit", "polarised HSCs, % of an animal's cells"),
    "gH2AX_foci": ("log_mean", "ln", "gamma-H2AX foci per HSC, an animal's mean + 0.5"),
}
"""Assay to its summary per animal (`stats.nested.SUMMARIES`), the scale of that summary, its axis label."""

CELL_TYPES = {
    "WBM": "whole marrow cells",
    "HSC": "sorted HSCs",
    "LSK": "LSK cells",
    "Lin-": "Lin- cells",
    "unstated": "cells of an unstated type",
}
"""Injected cells and their printed names, in the order in which they are shown; `unstated` where none is given."""

MEASURES = ("recombined_allele_pct", "Mtor_mRNA", "mTOR_protein", "pS6")
KNOCKED_OUT = ("BMEC", "other_EC", "stroma", "HSPC")
"""Cell types in which mTOR should be gone (the first two) and still there (the others)."""

DO_TRAITS = ("n.neut", "n.lymph", "nlr", "wbc", "plt", "rbc", "hgb")


@dataclass(frozen=True)
class Answer:
    """What was found for one endpoint.

    Attributes
    ----------
    name : str
        As printed, without its unit.
    contrasts : dict[tuple[str, str], Estimate]
        Aged - young and ECKO - control (or - young) on the scale of analysis; those whose groups are in the data.
    phi : Estimate or None
        None where the data have no young, aged or ECKO units.
    record : Record or None
        The evidence that was recorded for phi.
    """

    name: str
    contrasts: dict[Contrast, Estimate]
    phi: Estimate | None
    record: Record | None


def pairs(present: Iterable[str]) -> list[Contrast]:
    """Return the contrasts that groups allow: aged - young, and ECKO - control, for which young may stand in."""
    present = set(present)
    wanted = [("aged", "young"), ("ecko", "control" if "control" in present else "young")]
    return [pair for pair in wanted if set(pair) <= present]


def compare(chapter: Chapter, values: pd.DataFrame | None, table: str) -> dict[str, Answer]:
    """Estimate both contrasts and phi of each endpoint, and record phi.

    Parameters
    ----------
    values : DataFrame or None
        One row per unit and endpoint: id, name, the table's unit column, group, value (on the scale of analysis), and
        batch where the table has one; it then enters the model.
    table : str
        The table of the contract that the values come from.

    Returns
    -------
    dict[str, Answer]
        Evidence id to answer, in the order of `values`; empty without values.

    Raises
    ------
    UnitError
        A unit has several rows in one endpoint.
    """
    if values is None:
        return {}
    unit, rules = contract.TABLES[table].unit, catalogue.load()
    block = "batch" if "batch" in values else None
    check = ("sex",) if "sex" in values else ()
    about = {"value": "value", "group": "group", "unit": unit, "block": block}
    needed = [name for name in ("id", "name", unit, "group", "batch", "sex", "value") if name in values]
    answers = {}
    for evidence_id, rows in values[needed].groupby("id", sort=False):
        contrasts = {(a, b): groups.difference(rows, a=a, b=b, check=check, **about) for a, b in pairs(rows["group"])}
        rule = rules.rule(evidence_id)
        phi, record = _phi(rows, rule, about), None
        if phi is not None:
            family = ".".join(evidence_id.split(".")[:2])
            others = partial(alternatives.of_phi, rows, rule, **about)
            record = chapter.record(evidence_id, phi, table=table, family=family, others=others)
        answers[evidence_id] = Answer(rows["name"].iat[0], contrasts, phi, record)
    return answers


def _phi(rows: pd.DataFrame, rule: catalogue.Rule, about: dict) -> Estimate | None:
    if "ecko" not in set(rows["group"]):
        return None
    try:
        return resemblance.phi(rows, direction=rule.direction, smallest=rule.smallest, **about)
    except resemblance.NoAgingReference:
        return None


def evidence(chapter: Chapter) -> None:
    """Run the recorded analyses of blood, marrow, single cells and limiting dilution, without figures."""
    compare(chapter, blood(chapter), "ecko_blood")
    compare(chapter, marrow(chapter), "ecko_marrow")
    compare(chapter, per_animal(cells(chapter)), "ecko_cells")
    compare(chapter, donors(dilution(chapter)), "ecko_limiting_dilution")


def show_values(chapter: Chapter, values: pd.DataFrame | None, table: str, scale: str) -> None:
    """Show the first rows of the values that are tested."""
    if values is None:
        return
    unit = contract.TABLES[table].unit
    shown = [column for column in (unit, "group", "batch", "name", "value") if column in values]
    figures.table(
        values[shown].rename(columns={"name": "endpoint", "value": scale}).head(8),
        caption=f"The first {min(8, len(values))} of {len(values)} values, one per {unit} and endpoint. Unit: {unit}.",
        provenance=chapter.provenance,
    )


def show_remarks(*several: Mapping[str, Answer]) -> None:
    """Show what a reader must know beside the numbers: warnings and reasons for withholding, by endpoint."""
    remarks: dict[str, list[str]] = {}
    for answer in (one for answers in several for one in answers.values()):
        estimates = [*answer.contrasts.values(), *([answer.phi] if answer.phi else [])]
        texts = [text for estimate in estimates for text in (*estimate.warnings, estimate.withheld) if text]
        for text in dict.fromkeys(texts):
            remarks.setdefault(text, []).append(answer.name)
    if remarks:
        rows = [{"remark": text, "endpoints": ", ".join(names)} for text, names in remarks.items()]
        figures.table(pd.DataFrame(rows), caption="What to know beside the numbers of this page.")


def n_text(rows: pd.DataFrame, unit: str) -> str:
    """Return the units per group as `n: young 8, aged 8`, the range where endpoints differ."""
    by = rows.groupby(["id", "group"])[unit].nunique().groupby("group").agg(["min", "max"])
    shown = [(group, *by.loc[group]) for group in GROUPS if group in by.index]
    return "n: " + ", ".join(
        style.named(group) + (f" {low}" if low == high else f" {low} to {high}") for group, low, high in shown
    )


def _n(estimate: Estimate) -> str:
    """Return the units per group of one estimate, for a table."""
    return ", ".join(f"{style.named(group)} {count}" for group, count in estimate.n.items())


def _against(a: str, b: str) -> str:
    """Return a contrast as it is printed in a table."""
    return f"{style.named(a)} − {style.named(b)}"


def _drawn(answer: Answer) -> dict[Contrast, Estimate | None]:
    """Return the contrasts for a figure; None where one is not testable."""
    return {pair: None if one.withheld else one for pair, one in answer.contrasts.items()}


def _named(answers: Mapping[str, Answer]) -> dict[str, Estimate]:
    """Return every contrast under a name for an alt text."""
    several = len(answers) > 1
    return {
        f"{answer.name + ', ' if several else ''}{a} - {b}": one
        for answer in answers.values()
        for (a, b), one in answer.contrasts.items()
    }


def _show_grid(
    chapter: Chapter,
    values: pd.DataFrame,
    answers: Mapping[str, Answer],
    *,
    unit: str,
    scale: str,
    subject: str,
    name: str,
) -> None:
    """Draw every unit of several endpoints with both contrasts."""
    if not answers:
        return
    rows = values[values["id"].isin(answers)]
    titles = rows.drop_duplicates("id").set_index("id")["title"]
    about = {
        "value": "value",
        "group": "group",
        "animal": unit,
        "endpoint": "id",
        "order": GROUPS,
        "estimates": {one: _drawn(answer) for one, answer in answers.items()},
        "titles": titles.to_dict(),
        "scale": scale,
    }
    figures.show(
        figures.estimation_grid(rows, **about),
        caption=f"{subject}, every {unit} a point; ratios, 95 % intervals. Unit: {unit}; {n_text(rows, unit)}.",
        alt=reporting.alt_text(f"{subject}, ratios on the log scale", _named(answers)),
        provenance=chapter.provenance,
        data=figures.drawn.estimation_grid(rows, **about),
        name=name,
    )


# --- Blood ------------------------------------------------------------------------------------------------------------


def at_latest_week(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the rows of the latest week in which every animal has a value of `column`: one row per animal.

    Where no week is common to all, the one with most animals is taken. Tables without weeks are returned whole.
    """
    rows = table[table[column].notna()]
    if "week" not in rows or rows["week"].isna().all():
        return rows
    return rows[rows["week"] == nested.latest_common(rows, "week", "animal").time]


@needs("ecko_blood")
def blood(chapter: Chapter) -> pd.DataFrame:
    """Return one row per animal and blood endpoint: the lineage balance (ILR), then counts on the log2 scale.

    Columns: id, name, title, animal, group, sex, batch, value, the lineages in per cent, and week where it is given.
    """
    table = chapter.dataset.get("ecko_blood")
    values = {(BALANCE, "myeloid balance", "myeloid against B and T"): composition.lineage_balance(table)}
    for column, amount in COUNTS.items():
        if column in table:
            values[f"C3.blood.{column}", column, f"{column}, {amount}"] = np.log2(table[column])
    columns = ["animal", "group", "sex", "batch", "value", *LINEAGE_NAMES, "week"]
    about = table[[column for column in columns if column in table]]
    parts = []
    for value in values.values():
        rows = about.copy(deep=False)
        rows.insert(4, "value", value)
        parts.append(at_latest_week(rows, "value"))
    whole = pd.concat(parts, ignore_index=True)
    lengths = [len(rows) for rows in parts]
    for place, column in enumerate(("id", "name", "title")):
        whole.insert(place, column, np.repeat(np.array([named[place] for named in values], dtype=object), lengths))
    return whole


def show_weeks(chapter: Chapter, values: pd.DataFrame | None) -> None:
    """Show in which week each blood endpoint was read, and which animals had no value then."""
    if values is None or "week" not in values:
        return
    everyone = set(chapter.dataset.get("ecko_blood")["animal"])
    rows = [
        {
            "endpoint": own["name"].iat[0],
            "week": own["week"].iat[0],
            "n": own["animal"].nunique(),
            "without a value then": ", ".join(sorted(everyone - set(own["animal"]))) or "none",
        }
        for _, own in values.groupby("id", sort=False)
    ]
    figures.table(pd.DataFrame(rows), caption="The week of each endpoint. Unit: animal.", provenance=chapter.provenance)


def show_composition(chapter: Chapter, values: pd.DataFrame | None, answers: Mapping[str, Answer]) -> None:
    """Draw each animal's lineages and, below, the balance with both contrasts."""
    if BALANCE not in answers:
        return
    rows, answer = values[values["id"] == BALANCE], answers[BALANCE]
    parts = {column: name for column, name in LINEAGE_NAMES.items() if column in rows}
    whole = rows.fillna(dict.fromkeys(parts, 0.0))
    about = {
        "parts": parts,
        "animal": "animal",
        "group": "group",
        "order": GROUPS,
        "balance": "value",
        "balance_label": "balance of myeloid against B and T (ILR)",
        "estimates": _drawn(answer),
    }
    figures.show(
        figures.composition(whole, **about),
        caption="Blood lineages of every animal, per cent, and their balance √(2/3) ln(myeloid / √(B·T)), on which the "
        f"test is made. Unit: animal; {n_text(rows, 'animal')}.",
        alt=reporting.alt_text(
            "Stacked lineages per animal; balance of myeloid against lymphoid", _named({BALANCE: answer})
        ),
        provenance=chapter.provenance,
        data=figures.drawn.composition(whole, **about),
        name="fig-lineages",
    )


def show_lineages(chapter: Chapter, values: pd.DataFrame | None) -> None:
    """Show each lineage against the others (centred log-ratio), Holm over the three, as a table."""
    if values is None:
        return
    rows = values[values["id"] == BALANCE]
    tables = []
    for a, b in pairs(rows["group"].unique()):
        contrasts = composition.part_contrasts(
            rows, parts=LINEAGES, group="group", a=a, b=b, unit="animal", block="batch"
        )
        contrasts.insert(0, "contrast", _against(a, b))
        tables.append(contrasts)
    if not tables:
        return
    whole = pd.concat(tables, ignore_index=True)
    whole["part"] = whole["part"].map(LINEAGE_NAMES)
    names = {"part": "lineage", "ci_low": "95 % from", "ci_high": "to", "p_holm": "p (Holm)"}
    figures.table(
        whole[["contrast", "part", "estimate", "ci_low", "ci_high", "p_holm"]].rename(columns=names),
        caption="Each lineage relative to the geometric mean of the three, difference of natural logarithms. "
        f"Unit: animal; {n_text(rows, 'animal')}. Descriptive.",
        provenance=chapter.provenance,
    )


def show_counts(chapter: Chapter, values: pd.DataFrame | None, answers: Mapping[str, Answer]) -> None:
    """Draw the blood counts."""
    counts = {one: answer for one, answer in answers.items() if one != BALANCE}
    _show_grid(chapter, values, counts, unit="animal", scale="log2", subject="Blood counts", name="fig-counts")


# --- Marrow -----------------------------------------------------------------------------------------------------------


@needs("ecko_marrow")
def marrow(chapter: Chapter) -> pd.DataFrame:
    """Return one row per animal, population and unit of measurement, log2.

    Returns
    -------
    DataFrame
        id, name, title, animal, group, sex, batch, population, value. Of several units of a population the first
        absolute number (else the first unit), in alphabetical order, is `C3.marrow.<population>`; the others add their
        unit to the id and are descriptive. The rule looks at the unit's words (`amounts.is_relative`), never at the
        values.
    """
    table = chapter.dataset.get("ecko_marrow")
    known = dict.fromkeys([*STEM, *contract.vocabulary().populations])
    order = {name: place for place, name in enumerate(known)}
    units: dict[str, list[str]] = {}
    for population, unit in dict.fromkeys(zip(table["population"], table["unit"], strict=True)):
        units.setdefault(population, []).append(unit)
    about, number = {}, {}
    for population in sorted(units, key=lambda name: (order.get(name, len(order)), name)):
        words, several = population.replace("_", " "), len(units[population]) > 1
        for evidence_id, amount in marrow_ids(population, units[population]).items():
            name = f"{words} ({amount})" if several else words
            number[population, amount] = len(about)
            about[evidence_id] = (name, f"{words}, {amount}")
    place = np.array([number[key] for key in zip(table["population"], table["unit"], strict=True)])
    rows = np.argsort(place, kind="stable")
    ids = np.array(list(about), dtype=object)[place[rows]]
    whole = table[["animal", "group", "sex", "batch", "population"]].iloc[rows].reset_index(drop=True)
    whole.insert(0, "id", ids)
    whole.insert(1, "name", [about[one][0] for one in ids])
    whole.insert(2, "title", [about[one][1] for one in ids])
    whole["value"] = np.log2(table["value"].to_numpy()[rows])
    return whole


def marrow_ids(population: str, units: Iterable[str]) -> dict[str, str]:
    """Return evidence id to unit of measurement, the primary one first (see `marrow`)."""
    first, *rest = sorted(units, key=lambda unit: (amounts.is_relative(unit), unit))
    ids = {f"C3.marrow.{population}": first}
    for unit in rest:
        slug = amounts.slug(unit)
        # Two spellings of one unit would give one id.
        while f"C3.marrow.{population}.{slug}" in ids:
            slug += "_"
        ids[f"C3.marrow.{population}.{slug}"] = unit
    return ids


def show_marrow(chapter: Chapter, values: pd.DataFrame | None, answers: Mapping[str, Answer], *, stem: bool) -> None:
    """Draw the stem and multipotent populations, or all others."""
    if values is None:
        return
    wanted = set(values.loc[values["population"].isin(STEM) == stem, "id"])
    shown = {one: answer for one, answer in answers.items() if one in wanted}
    subject = "Marrow: HSCs and multipotent cells" if stem else "Marrow: whole, committed and colony-forming cells"
    name = "fig-stem" if stem else "fig-committed"
    _show_grid(chapter, values, shown, unit="animal", scale="log2", subject=subject, name=name)


# --- Single HSCs ------------------------------------------------------------------------------------------------------


@needs("ecko_cells")
def cells(chapter: Chapter) -> pd.DataFrame:
    """Return the cells that are tested, one row a cell: HSCs where the table names populations, else all.

    The table is one of sorted HSCs, so a blank population counts as HSC.
    """
    table = chapter.dataset.get("ecko_cells")
    if "population" not in table or "HSC" not in set(table["population"]):
        return table
    return table[table["population"].isin(["HSC", ""])]


def say_cells(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Say how many cells are used, how many of another population are not, and how many were read blind."""
    if table is None:
        return
    others = len(chapter.dataset.get("ecko_cells")) - len(table)
    blind = f"{int(table['blinded'].eq(True).sum())} of {len(table)}" if "blinded" in table else "not stated"
    left_out = f" {others} cells of other populations are left out." if others else ""
    reporting.say(f"{len(table)} readings of {table['animal'].nunique()} animals; read blind: {blind}.{left_out}")


def per_animal(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return one row per animal and assay: empirical logit of its polarised fraction, log of its mean foci + 0.5.

    Columns: id, name, title, animal, group, batch, value, cells (how many).
    """
    if table is None:
        return None
    parts = []
    for assay, (summary, _, title) in ASSAYS.items():
        rows = table.loc[table["assay"] == assay, ["animal", "group", "batch", "value"]]
        if rows.empty:
            continue
        # Cells of one animal may have been stained on several days; together these are its batch.
        days: dict[str, list[str]] = {}
        for animal, day in sorted(set(zip(rows["animal"], rows["batch"], strict=True))):
            days.setdefault(animal, []).append(day)
        rows = rows.assign(batch=["+".join(days[animal]) for animal in rows["animal"]])
        animals = nested.one_value_per_unit(
            rows, value="value", unit="animal", carry=["group", "batch"], summary=summary
        )
        parts.append(animals.assign(id=f"C3.cells.{assay}", name=_cell_name(assay), title=title))
    whole = pd.concat(parts, ignore_index=True).rename(columns={"n_subsamples": "cells"})
    return whole[["id", "name", "title", "animal", "group", "batch", "value", "cells"]]


def _cell_name(assay: str) -> str:
    return {"polarity": "HSC polarity", "gH2AX_foci": "gamma-H2AX foci"}[assay]


def show_superplot(chapter: Chapter, table: pd.DataFrame | None, answers: Mapping[str, Answer], assay: str) -> None:
    """Draw cells small and animals large, with Holm's p of the two contrasts between animals."""
    answer = answers.get(f"C3.cells.{assay}")
    if answer is None:
        return
    rows = table[table["assay"] == assay]
    tested = {pair: one.p for pair, one in answer.contrasts.items() if not np.isnan(one.p)}
    adjusted = holm(list(tested.values()))
    label = {"polarity": "polarised (1) or not (0)", "gH2AX_foci": "gamma-H2AX foci"}[assay]
    animals = rows.groupby("group")["animal"].nunique()
    n = ", ".join(f"{style.named(group)} {animals[group]}" for group in GROUPS if group in animals.index)
    about = {
        "value": "value",
        "animal": "animal",
        "group": "group",
        "order": [group for group in GROUPS if group in animals.index],
        "ylabel": label,
        "pvalues": dict(zip(tested, map(float, adjusted), strict=True)),
    }
    figures.show(
        figures.superplot(rows, **about),
        caption=f"{answer.name}: small points are cells, large ones animals (mean of their cells). Unit: animal; "
        f"n: {n}. p compares animals, Holm over the contrasts shown.",
        alt=reporting.alt_text(f"{answer.name} per cell and animal; contrasts between animals", _named({"": answer})),
        provenance=chapter.provenance,
        data=figures.drawn.superplot(rows, **about),
        name=f"fig-superplot-{assay}",
    )


def show_animals(chapter: Chapter, values: pd.DataFrame | None, answers: Mapping[str, Answer], assay: str) -> None:
    """Draw the animals' values of one assay with both contrasts."""
    evidence_id = f"C3.cells.{assay}"
    if evidence_id not in answers:
        return
    rows, answer = values[values["id"] == evidence_id], answers[evidence_id]
    _, scale, label = ASSAYS[assay]
    about = {
        "value": "value",
        "group": "group",
        "animal": "animal",
        "order": GROUPS,
        "estimates": _drawn(answer),
        "ylabel": label,
        "scale": scale,
    }
    figures.show(
        figures.estimation(rows, **about),
        caption=f"{answer.name}, one value per animal. Unit: animal; {n_text(rows, 'animal')}.",
        alt=reporting.alt_text(f"{answer.name} per animal, {scale} scale", _named({evidence_id: answer})),
        provenance=chapter.provenance,
        data=figures.drawn.estimation(rows, **about),
        name=f"fig-animals-{assay}",
    )


def cells_as_n(table: pd.DataFrame, assay: str) -> tuple[Estimate, Estimate] | None:
    """Return ECKO - control of the plain mean over animals, and over cells taken for animals (wrong), or None.

    Plain means, not the scale of the verdict, so that the two answer one question.
    """
    rows = table[table["assay"] == assay]
    a, b = next((pair for pair in pairs(rows["group"].unique()) if pair[0] == "ecko"), (None, None))
    if a is None:
        return None
    animals = nested.one_value_per_unit(rows, value="value", unit="animal", carry=["group"])
    every = rows.assign(cell=rows["animal"] + " " + rows["cell"])
    about = {"value": "value", "group": "group", "a": a, "b": b}
    return groups.difference(animals, unit="animal", **about), groups.difference(every, unit="cell", **about)


def show_cells_as_n(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Show what the tempting, wrong analysis would have said: every cell taken for an animal."""
    if table is None:
        return
    rows = []
    for assay in ASSAYS:
        answer = cells_as_n(table, assay)
        if answer is None or any(one.withheld for one in answer):
            continue
        rows += [
            {"": _cell_name(assay), "unit": words, "difference": one.estimate}
            | {"95 %": reporting.limits_text(one), "p": one.p, "n": " and ".join(map(str, one.n.values()))}
            for words, one in zip(("animals", "WRONG: cells"), answer, strict=True)
        ]
    if rows:
        figures.table(
            pd.DataFrame(rows),
            caption="Animals as n and, wrong on purpose, cells as n. Mean per cell, ECKO minus its reference, with n "
            "of both.",
            provenance=chapter.provenance,
        )


# --- Limiting dilution ------------------------------------------------------------------------------------------------


@needs("ecko_limiting_dilution")
def dilution(chapter: Chapter) -> pd.DataFrame:
    """Return the table of limiting dilution with `cell_type` filled in: `unstated` where it is absent or blank."""
    table = chapter.dataset.get("ecko_limiting_dilution")
    stated = table["cell_type"].replace("", "unstated") if "cell_type" in table else "unstated"
    return table.assign(cell_type=stated)


def cell_types(table: pd.DataFrame | None) -> list[str]:
    """Return the injected cell types of the table in the order of `CELL_TYPES`."""
    present = set() if table is None else set(table["cell_type"])
    return [name for name in CELL_TYPES if name in present]


def donors(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return one row per donor and cell type: ln of the frequency of repopulating cells.

    Returns
    -------
    DataFrame
        id, name, title, donor, group, value, SE, extreme. `value` is per so many cells (a power of ten named in
        `title`) that the numbers are readable, which moves no difference.
    """
    if table is None:
        return None
    parts = []
    for cell_type in cell_types(table):
        rows = limiting_dilution.donor_log_frequency(table[table["cell_type"] == cell_type])
        zeros = max(0, int(np.ceil(-np.median(rows["log_frequency"]) / np.log(10))))
        words = CELL_TYPES[cell_type]
        parts.append(
            rows.assign(
                id=f"C3.limiting_dilution.{cell_type}",
                name=f"repopulating frequency, {words}",
                title=f"repopulating cells per {10**zeros:,} {words}",
                value=rows["log_frequency"] + zeros * np.log(10),
            )
        )
    return pd.concat(parts, ignore_index=True)[["id", "name", "title", "donor", "group", "value", "SE", "extreme"]]


def show_donors(chapter: Chapter, values: pd.DataFrame | None, answers: Mapping[str, Answer]) -> None:
    """Draw the donors' frequencies with both contrasts, for every cell type."""
    _show_grid(chapter, values, answers, unit="donor", scale="ln", subject="Repopulating cells", name="fig-donors")


def show_extremes(chapter: Chapter, values: pd.DataFrame | None) -> None:
    """Show the donors without a positive or without a negative recipient: their value hangs on the doses alone."""
    rows = pd.DataFrame() if values is None else values[values["extreme"] != ""]
    if rows.empty:
        return
    rows = rows[["donor", "group", "name", "extreme"]].rename(columns={"name": "endpoint", "extreme": "positive"})
    figures.table(
        rows,
        caption="Donors with no or only positive recipients: the frequency depends on the doses given. Unit: donor.",
        provenance=chapter.provenance,
    )


def show_dilution(chapter: Chapter, table: pd.DataFrame | None, place: int) -> None:
    """Draw the dilution plot of the first (0), second (1) … cell type of the data; nothing where there are fewer."""
    names = cell_types(table)
    if place >= len(names):
        return
    rows = _in_order(table[table["cell_type"] == names[place]])
    fits = limiting_dilution.elda(rows).set_index("group")
    n = rows.groupby("group", sort=False)["donor"].nunique()
    recipients, donors = (
        ", ".join(f"{style.named(group)} {count}" for group, count in counts.items()) for counts in (fits["tested"], n)
    )
    weeks = (
        f" read at week {', '.join(f'{week:g}' for week in sorted(rows['week'].dropna().unique()))}"
        if "week" in rows
        else ""
    )
    lines = "; ".join(f"{group} {_one_in(fit.frequency)}" for group, fit in fits.iterrows())
    words = CELL_TYPES[names[place]]
    about = {
        "group": "group",
        "donor": "donor",
        "order": list(fits.index),
        "frequencies": {group: (fit.frequency, fit.lower, fit.upper) for group, fit in fits.iterrows()},
        "xlabel": f"{words} injected",
    }
    figures.show(
        figures.limiting_dilution(rows, **about),
        caption=f"Limiting dilution of {words}{weeks}: a point is a donor at one dose, a line the single-hit model "
        "over all recipients of a group with its 95 % band (recipients as n). "
        f"Unit: donor; n: {donors}; recipients: {recipients}.",
        alt=f"Fraction of recipients without a graft against dose. Single-hit frequencies: {lines}.",
        provenance=chapter.provenance,
        data=figures.drawn.limiting_dilution(rows, **about),
        name=f"fig-dilution-{place + 1}",
    )


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the groups in the book's order, in which `elda` reports them."""
    return rows.sort_values("group", key=lambda column: column.map(GROUPS.index), kind="stable")


def _one_in(frequency: float) -> str:
    return "no positive recipient" if frequency == 0 else f"1 in {1 / frequency:,.0f}"


def show_elda(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Show ELDA's frequencies (recipients as n) per group, with the recipients that died before they were read."""
    rows = []
    for cell_type in cell_types(table):
        own = _in_order(table[table["cell_type"] == cell_type])
        for fit in limiting_dilution.elda(own).itertuples():
            members = own[own["group"] == fit.group]
            row = {
                "cells": CELL_TYPES[cell_type],
                "group": style.named(fit.group),
                "donors": members["donor"].nunique(),
                "positive": f"{fit.positive} of {fit.tested}",
                "frequency": _one_in(fit.frequency),
                "95 %": f"{_one_in(fit.lower)} to {_one_in(fit.upper).removeprefix('1 in ')}",
            }
            if "died_before_readout" in own:
                row["died before"] = int(members["died_before_readout"].sum())
            rows.append(row)
    if rows:
        figures.table(
            pd.DataFrame(rows),
            caption="ELDA, the field's habit: frequency and 95 % interval with recipients as n, and those positive. "
            "Unit: recipient; the unit of the verdict is the donor.",
            provenance=chapter.provenance,
        )


def say_single_hit(table: pd.DataFrame | None) -> None:
    """Say for each cell type whether the single-hit model fits: is the slope on ln dose 1?"""
    for cell_type in cell_types(table):
        tests = limiting_dilution.single_hit_tests(table[table["cell_type"] == cell_type]).set_index("test")
        slope, fits = reporting.number(tests.loc["wald", "estimate"]), reporting.p_text(tests.loc["lr", "p"])
        found = tests.loc["lr", "withheld"] or f"slope {slope} (1 = single hit), likelihood ratio {fits}."
        reporting.say(f"- {CELL_TYPES[cell_type]}: {found}")


def show_recipients_as_n(chapter: Chapter, table: pd.DataFrame | None, answers: Mapping[str, Answer]) -> None:
    """Show the p over donors beside the p that takes recipients of one donor for independent (wrong)."""
    rows = []
    for cell_type in cell_types(table):
        own = table[table["cell_type"] == cell_type]
        tests = limiting_dilution.elda_difference(own).set_index(["a", "b"])["p"]
        for (a, b), right in answers[f"C3.limiting_dilution.{cell_type}"].contrasts.items():
            recipients = own.groupby("group")["tested"].sum()
            rows.append(
                {
                    "cells": CELL_TYPES[cell_type],
                    "contrast": f"{style.named(a)} / {style.named(b)}",
                    "ratio": reporting.number(np.exp(right.estimate)),
                    "p": right.p,
                    "donors": f"{right.n[a]} and {right.n[b]}",
                    "WRONG p": tests[(a, b) if (a, b) in tests.index else (b, a)],
                    "recipients": f"{recipients[a]} and {recipients[b]}",
                }
            )
    if rows:
        figures.table(
            pd.DataFrame(rows),
            caption="Ratio of frequencies with p over donors and, wrong on purpose, over recipients (ELDA). n of both "
            "groups beside each p.",
            provenance=chapter.provenance,
        )


# --- How far from young to aged ---------------------------------------------------------------------------------------


def say_phi(answers: Mapping[str, Answer]) -> None:
    """Say phi of the primary endpoints of a section in words."""
    for evidence_id, answer in answers.items():
        if answer.record is None or catalogue.load().rule(evidence_id).role != "primary":
            continue
        if answer.record.verdict == verdicts.NOT_TESTABLE:
            why = answer.phi.withheld or "the design does not allow one"
            reporting.say(f"**{answer.name}**: no verdict ({why.rstrip('.')}).")
        elif answer.record.reason == verdicts.NO_AGING:
            reporting.say(
                f"**{answer.name}**: no aging effect in the declared direction is seen, so phi has no meaning."
            )
        else:
            reporting.say(f"**{answer.name}**: phi = {reporting.result_text(answer.phi)}.")


def phi_rows(*several: Mapping[str, Answer]) -> pd.DataFrame:
    """Return the rows of the forest plot: label, estimate, low, high, interval_kind, note, primary; primary first.

    An endpoint without an aging effect keeps its set but not its estimate, which is a ratio to nothing.
    """
    rows = []
    for evidence_id, answer in ((key, one) for answers in several for key, one in answers.items()):
        if answer.record is None:
            continue
        primary = catalogue.load().rule(evidence_id).role == "primary"
        withheld = answer.record.verdict == verdicts.NOT_TESTABLE
        silent = withheld or answer.record.reason == verdicts.NO_AGING
        rows.append(
            {
                "id": evidence_id,
                "label": answer.name + (" (primary)" if primary else ""),
                "estimate": np.nan if silent else answer.phi.estimate,
                "low": answer.phi.ci_low,
                "high": answer.phi.ci_high,
                "interval_kind": answer.phi.interval_kind,
                "note": "no verdict" if withheld else "no aging effect seen" if silent else None,
                "primary": primary,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.sort_values("primary", ascending=False, kind="stable", ignore_index=True) if rows else frame


def show_phi(chapter: Chapter, *several: Mapping[str, Answer]) -> None:
    """Draw phi of every endpoint of the chapter on one axis."""
    rows = phi_rows(*several)
    if rows.empty:
        return
    seen = rows[rows["note"].isna()]
    numbers = "; ".join(
        f"{row.label} {reporting.number(row.estimate)}, {reporting.number(row.low)} to {reporting.number(row.high)}"
        for row in seen.itertuples()
    )
    phis = [one.phi for answers in several for one in answers.values() if one.phi is not None]
    about = {
        "xlabel": "phi: share of the way from young to aged, 95 % set",
        "references": {0.0: "young", 1.0: "aged"},
        "smallest": catalogue.load().rule(BALANCE).smallest,
    }
    figures.show(
        figures.forest(rows, **about),
        caption="How far ECKO went from young (0) to aged (1), by endpoint; dotted: the smallest phi of interest. "
        f"Unit: animal, in limiting dilution the donor; {reporting.n_text(phis)}. "
        f"In {len(rows) - len(seen)} of {len(rows)} endpoints no phi can be read.",
        alt=f"Forest plot of phi. {numbers or 'No endpoint with a readable phi'}.",
        provenance=chapter.provenance,
        data=figures.drawn.forest(rows, **about),
        name="fig-phi",
    )


def show_without_reference(chapter: Chapter, *several: Mapping[str, Answer]) -> None:
    """Show ECKO - control of endpoints that have no phi in a table of its own, or say why there is nothing to show."""
    answers = [one for part in several for one in part.values() if one.phi is None]
    if not answers:
        return
    rows = [
        {"endpoint": answer.name, "contrast": _against(a, b), "difference": one.estimate}
        | {"95 %": reporting.limits_text(one), "p": one.p, "n": _n(one)}
        for answer in answers
        for (a, b), one in answer.contrasts.items()
        if a == "ecko"
    ]
    if rows:
        figures.table(
            pd.DataFrame(rows),
            caption="No aging reference in these data: ECKO against its reference, each on its scale of analysis.",
            provenance=chapter.provenance,
        )
    else:
        names = ", ".join(answer.name for answer in answers)
        reporting.say(f"ECKO or what it is compared with is not in these data: no phi for {names}.")


# --- Knock-out and survival -------------------------------------------------------------------------------------------


@needs("ecko_verification")
def verification(chapter: Chapter) -> pd.DataFrame:
    """Return one row per animal, cell type and measure: logit of recombined alleles, log2 of amounts.

    Columns: id (measure and cell type), title, animal, group, cell_type, measure, value.
    """
    table = chapter.dataset.get("ecko_verification").copy()
    share = table["measure"] == "recombined_allele_pct"
    value = pd.Series(np.nan, index=table.index)
    value[share] = nested.logit_percent(table.loc[share, "value"])
    value[~share] = np.log2(table.loc[~share, "value"])
    measure = table["measure"].str.replace("_", " ")
    whole = table.assign(
        value=value,
        id=table["measure"] + " " + table["cell_type"],
        title=table["cell_type"].str.replace("_", " ") + ", " + measure.str.removesuffix(" pct") + ", " + table["unit"],
    )
    order = {level: place for place, level in enumerate((*MEASURES, *KNOCKED_OUT))}
    return whole.sort_values(["measure", "cell_type"], key=lambda column: column.map(order), kind="stable")


def compare_verification(table: pd.DataFrame | None) -> dict[str, Answer]:
    """Estimate ECKO - control for each measure and cell type; descriptive, nothing is recorded."""
    if table is None:
        return {}
    answers = {}
    for one, rows in table.groupby("id", sort=False):
        about = {"value": "value", "group": "group", "unit": "animal"}
        contrasts = {
            (a, b): groups.difference(rows, a=a, b=b, **about) for a, b in pairs(rows["group"].unique()) if a == "ecko"
        }
        answers[one] = Answer(rows["title"].iat[0], contrasts, None, None)
    return answers


def show_verification(
    chapter: Chapter, table: pd.DataFrame | None, answers: Mapping[str, Answer], measure: str
) -> None:
    """Draw one measure in every cell type."""
    if table is None:
        return
    wanted = set(table.loc[table["measure"] == measure, "id"])
    scale, subject = {
        "recombined_allele_pct": ("logit", "Recombined alleles (odds ratios)"),
        "Mtor_mRNA": ("log2", "Mtor mRNA"),
    }[measure]
    shown = {one: answer for one, answer in answers.items() if one in wanted}
    _show_grid(
        chapter, table, shown, unit="animal", scale=scale, subject=subject, name=f"fig-{measure.replace('_', '-')}"
    )


def show_verification_table(chapter: Chapter, answers: Mapping[str, Answer]) -> None:
    """Show every measure and cell type: ECKO against control."""
    rows = []
    for one, answer in answers.items():
        odds = one.startswith("recombined_allele_pct")
        for (a, b), estimate in answer.contrasts.items():
            limits = (estimate.estimate, estimate.ci_low, estimate.ci_high)
            ratio, low, high = np.exp(limits) if odds else np.exp2(limits)
            row = {"": answer.name.removesuffix(", relative to control"), "ratio": ratio, "95 % from": low, "to": high}
            rows.append(row | {"p": estimate.p, "n": f"{estimate.n[a]} and {estimate.n[b]}"})
    if rows:
        figures.table(
            pd.DataFrame(rows),
            caption="How far mTOR is gone, and where: ratio of ECKO to its reference, with n of both; of odds for the "
            "recombined allele, of amounts for all else. Unit: animal. Descriptive.",
            provenance=chapter.provenance,
        )


@needs("survival")
def survival(chapter: Chapter) -> pd.DataFrame | None:
    """Return the ECKO experiment of the survival table with a challenge named in every row; None where it has none."""
    table = chapter.dataset.get("survival")
    rows = table[table["experiment"] == "ecko"]
    if rows.empty:
        reporting.say("The survival table of these data has no ECKO experiment.")
        return None
    challenge = rows["challenge"].replace("", "none") if "challenge" in rows else "none"
    return rows.assign(challenge=challenge, died=(rows["event"] != "censored").astype(int))


def survival_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return the Kaplan-Meier summary per challenge and group: n, deaths, median day, alive at the last day.

    Died and euthanised animals count as deaths. The median is missing where more than half survive (statsmodels).
    """
    rows = []
    for (challenge, group), own in table.groupby(["challenge", "group"], sort=True):
        curve = SurvfuncRight(own["day"], own["died"]) if own["died"].any() else None
        rows.append(
            {
                "challenge": challenge,
                "group": group,
                "n": len(own),
                "deaths": int(own["died"].sum()),
                "median day": curve.quantile(0.5) if curve else np.nan,
                "alive at the end, %": 100 * curve.surv_prob[-1] if curve else 100.0,
            }
        )
    order = [GROUPS.index(row["group"]) for row in rows]
    return pd.DataFrame(rows).assign(order=order).sort_values(["challenge", "order"]).drop(columns="order")


def log_rank(table: pd.DataFrame) -> pd.DataFrame:
    """Return the log-rank test of each contrast within each challenge: challenge, contrast, chi-square, p.

    From statsmodels; chi-square and p are missing where nobody died.
    """
    rows = []
    for challenge, own in table.groupby("challenge", sort=True):
        for a, b in pairs(own["group"].unique()):
            two = own[own["group"].isin([a, b])]
            chi_square, p = survdiff(two["day"], two["died"], two["group"]) if two["died"].any() else (np.nan, np.nan)
            rows.append({"challenge": challenge, "contrast": f"{a} against {b}", "chi-square": chi_square, "p": p})
    return pd.DataFrame(rows, columns=["challenge", "contrast", "chi-square", "p"])


def show_survival(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Show the Kaplan-Meier summary."""
    if table is None:
        return
    figures.table(
        survival_summary(table),
        caption="Survival of the ECKO experiment (Kaplan-Meier). Unit: animal. Descriptive.",
        provenance=chapter.provenance,
    )


def show_log_rank(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Show the log-rank tests."""
    tests = None if table is None else log_rank(table)
    if tests is None or tests.empty:
        return
    figures.table(
        tests, caption="Log-rank tests within each challenge. Unit: animal. Descriptive.", provenance=chapter.provenance
    )


# --- Public context ---------------------------------------------------------------------------------------------------


def do_mice(chapter: Chapter) -> dict[str, Estimate]:
    """Return the effect of age on blood traits of DO mice, per month in SDs of the trait, and record it as context."""
    table, provenance = do_blood.effects("age")
    answers = {}
    for trait in DO_TRAITS:
        name = do_blood.TRAITS[trait]
        answers[name] = do_blood.estimate(table, trait)
        chapter.record(f"C3.context.{name.replace(' ', '_')}", answers[name], provenance=provenance)
    return answers


def show_do_mice(answers: Mapping[str, Estimate]) -> None:
    """Draw the effects of age on the blood traits of DO mice."""
    _, provenance = do_blood.effects("age")
    rows = pd.DataFrame(
        {
            "label": name,
            "estimate": one.estimate,
            "low": one.ci_low,
            "high": one.ci_high,
            "interval_kind": one.interval_kind,
            # Two digits are too few for changes per month.
            "note": f"{reporting.number(one.estimate, 3)}  [{reporting.number(one.ci_low, 3)}, "
            f"{reporting.number(one.ci_high, 3)}]",
        }
        for name, one in answers.items()
    )
    about = {"xlabel": "change per month, in SDs of the trait, 95 % interval", "references": {0.0: "no change"}}
    figures.show(
        figures.forest(rows, **about),
        caption=f"Blood of DO mice: effect of age. Unit: mouse; {reporting.n_text(answers.values())} in the study.",
        alt=reporting.alt_text("Change of blood traits per month of age in DO mice, in SDs", answers),
        provenance=provenance,
        data=figures.drawn.forest(rows, **about),
        name="fig-do-mice",
    )


def show_do_table() -> None:
    """Show effect, interval and the authors' own p, which need not agree."""
    table, provenance = do_blood.effects("age")
    rows = table.set_index("trait").loc[list(DO_TRAITS)]
    figures.table(
        pd.DataFrame(
            {
                "trait": rows["name"],
                "change per month (own unit)": rows["effect"],
                "95 % from": rows["ci_low"],
                "to": rows["ci_high"],
                "authors' p (bootstrap)": rows["p_authors"],
            }
        ),
        caption="Blood of DO mice: published mixed-model effect of age. Unit: mouse.",
        provenance=provenance,
    )
