"""Chapter 03: do young mTOR ECKO mice show aged attributes?

Blood lineages and counts, marrow populations, HSC polarity and gamma-H2AX, limiting dilution, competitive transplants:
one value per animal or donor, and phi, how far ECKO went from young to aged.
"""

from collections.abc import Container, Mapping
from functools import partial

import numpy as np
import pandas as pd

from endomtor import contract, public
from endomtor.analyses import alternatives
from endomtor.analyses.answer import Answer
from endomtor.claims import catalogue
from endomtor.public import aging_cohorts
from endomtor.public import blood as public_blood
from endomtor.stats import (
    Estimate,
    allows_phi,
    amounts,
    difference,
    donor_log_frequency,
    latest_common,
    lineage_balance,
    logit_percent,
    one_value_per_unit,
    pairs,
    phi,
)

BALANCE = "C3.blood.myeloid_balance"
COUNTS = ("WBC", "platelets", "hemoglobin")
STEM = ("HSC", "LSK", "MPP1", "MPP2", "MPP3", "MPP4")
"""Populations that come first."""

SUMMARIES = {"polarity": "empirical_logit", "gH2AX_foci": "log_mean"}
"""Assay to what becomes of the cells of an animal (`stats.nested.SUMMARIES`)."""

AGED_ELSEWHERE = ("n.neut", "n.lymph", "nlr", "wbc", "plt", "rbc", "hgb")
"""Traits of the blood of Diversity Outbred mice that are shown (`public.blood.TRAITS`)."""

CELL_TYPES = ("WBM", "HSC", "LSK", "Lin-", "unstated")
"""Injected cells in the order in which they are shown; `unstated` where none is given."""


AGING = tuple(
    f"C3.{name}.aging" for name in ("blood.myeloid_balance", "marrow.HSC", "cells.polarity", "cells.gH2AX_foci")
)
"""What is recorded of age alone where there are no ECKO mice: does it do here what the claim takes for granted?"""


def answers(tables: Mapping[str, object], wanted: Container[str] | None = None) -> dict[str, Answer]:
    """Return phi of each endpoint of which young, aged and ECKO units were measured; without ECKO, `AGING`.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `ecko_blood`, `ecko_marrow`, `ecko_cells`, `ecko_limiting_dilution`, `competitive_transplants`; each may be
        absent.
    wanted : container of str, optional
        Ids to answer: `C3.blood.myeloid_balance`, `C3.marrow.HSC`, `C3.cells.polarity`, `C3.limiting_dilution.WBM` …

    Raises
    ------
    UnitError
        A unit has several rows in one endpoint.
    """
    values = {"ecko_blood": blood, "ecko_marrow": marrow, "ecko_cells": per_animal, "ecko_limiting_dilution": donors}
    values["competitive_transplants"] = grafts
    found = {}
    for name, prepared in values.items():
        if name in tables:
            found |= _compared(prepared(tables[name]), contract.TABLES[name].unit, wanted)
    return found


def from_public() -> dict[str, Estimate]:
    """Return what age and less mTOR do to the blood of other mice.

    Old - young over four cohorts of C57BL/6J mice (`C3.premise.TRAIT`), phi of mTOR hypomorphs
    (`C3.context.hypomorph.TRAIT`), and the effect of a month in Diversity Outbred mice, in SD (`C3.context.TRAIT`,
    females of another study `C3.context.slope.TRAIT`).
    """
    mice, _ = public.table("aging_blood")
    found = {}
    for trait in aging_cohorts.SCALES:
        found[f"C3.premise.{trait}"] = aging_cohorts.over_cohorts(mice, trait)
        rule = catalogue.load().rule(f"C3.context.hypomorph.{trait}")
        asked = {"direction": rule.direction, "smallest": rule.smallest}
        found[rule.id] = aging_cohorts.hypomorph_phi(mice, trait, **asked)
    effects, _ = public_blood.effects("age")
    names = {trait: public_blood.TRAITS[trait].replace(" ", "_") for trait in AGED_ELSEWHERE}
    found |= {f"C3.context.{name}": public_blood.estimate(effects, trait) for trait, name in names.items()}
    slopes, _ = public.table("do_slopes")
    return found | {
        f"C3.context.slope.{name.replace(' ', '_')}": public_blood.estimate(slopes, trait)
        for trait, name in public_blood.SLOPES.items()
    }


def _compared(values: pd.DataFrame, unit: str, wanted: Container[str] | None) -> dict[str, Answer]:
    blocks = [column for column in ("batch", "sex") if column in values]
    columns = {"value": "value", "group": "group", "unit": unit, "block": blocks}
    found = {}
    for name, rows in values.groupby("id", sort=False):
        phi_is_asked = allows_phi(rows["group"])
        asked = name if phi_is_asked else f"{name}.aging"
        if wanted is not None and asked not in wanted:
            continue
        if not phi_is_asked:
            if asked in AGING and {"young", "aged"} <= set(rows["group"]):
                found[asked] = of_aging(rows, **columns)
        else:
            rule = catalogue.load().rule(name)
            estimate = phi(rows, direction=rule.direction, smallest=rule.smallest, **columns)
            contrasts = {(a, b): difference(rows, a=a, b=b, **columns) for a, b in reversed(pairs(rows["group"]))}
            found[name] = Answer(estimate, contrasts, partial(alternatives.of_phi, rows, rule, **columns))
    return found


def of_aging(rows: pd.DataFrame, **columns) -> Answer:
    """Return aged - young of an endpoint of which no ECKO unit was measured; columns as of `phi`."""
    compared = {**columns, "a": "aged", "b": "young"}
    estimate = difference(rows, **compared)
    others = partial(alternatives.of_difference, rows, **compared)
    return Answer(estimate, {("aged", "young"): estimate}, others)


def blood(table: pd.DataFrame) -> pd.DataFrame:
    """Return the lineage balance (ILR) and log2 counts of `ecko_blood`, each at its latest week common to all animals.

    Returns
    -------
    DataFrame
        One row per animal and endpoint: id, animal, group, sex, batch, value. Where no week is common to all animals,
        the one with most is taken.
    """
    values = {BALANCE: lineage_balance(table)}
    values |= {f"C3.blood.{count}": np.log2(table[count]) for count in COUNTS if count in table}
    about = table[[column for column in ("animal", "group", "sex", "batch", "week") if column in table]]
    parts = []
    for name, value in values.items():
        rows = about.assign(id=name, value=value)[value.notna()]
        if "week" in rows and rows["week"].notna().any():
            rows = rows[rows["week"] == latest_common(rows, "week", "animal").time]
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)[["id", "animal", "group", "sex", "batch", "value"]]


def marrow(table: pd.DataFrame) -> pd.DataFrame:
    """Return the log2 amounts of `ecko_marrow`, stem cells first.

    Returns
    -------
    DataFrame
        One row per animal, population and unit of measurement: id, animal, group, sex, batch, value. Which unit of a
        population goes without its name in the id: `endomtor.stats.amounts.endpoints`.
    """
    rows = amounts.endpoints(table.dropna(subset=["value"]))
    known = dict.fromkeys([*STEM, *contract.vocabulary().populations, *sorted(set(rows["population"]))])
    places = {name: place for place, name in enumerate(known)}
    rows = rows.assign(id="C3.marrow." + rows["endpoint"], value=rows["log2"], place=rows["population"].map(places))
    rows = rows.sort_values(["place", "endpoint"], kind="stable", ignore_index=True)
    return rows[["id", "animal", "group", "sex", "batch", "value"]]


def hscs(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of `ecko_cells` that are tested: HSCs where the table names populations, else all.

    The table is one of sorted HSCs, so a blank population counts as HSC.
    """
    if "population" not in table or "HSC" not in set(table["population"]):
        return table
    return table[table["population"].isin(["HSC", ""])]


def per_animal(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per animal and assay of `ecko_cells`: id, animal, group, batch, value.

    The value is the empirical logit of the polarised fraction of an animal's HSCs, or the log of their mean foci + 0.5.
    """
    table = hscs(table)
    parts = []
    for assay, summary in SUMMARIES.items():
        rows = table.loc[table["assay"] == assay, ["animal", "group", "batch", "value"]]
        rows = rows.assign(batch=_batches(rows, "animal"))
        one = one_value_per_unit(rows, value="value", unit="animal", carry=["group", "batch"], summary=summary)
        parts.append(one.assign(id=f"C3.cells.{assay}"))
    return pd.concat(parts, ignore_index=True)[["id", "animal", "group", "batch", "value"]]


def _batches(rows: pd.DataFrame, unit: str) -> list[str]:
    """Return the batch of the unit of each row: subsamples of several days are of one batch, these days together."""
    days: dict[str, list[str]] = {}
    for one, day in sorted(set(zip(rows[unit], rows["batch"], strict=True))):
        days.setdefault(one, []).append(day)
    return ["+".join(days[one]) for one in rows[unit]]


def cells_as_n(table: pd.DataFrame, assay: str) -> tuple[Estimate, Estimate] | None:
    """Return ECKO - control of the plain mean over animals, and over cells taken for animals (wrong), or None.

    Plain means, not the scale of the verdict, so that the two answer one question.

    Parameters
    ----------
    table : DataFrame
        `ecko_cells`.
    assay : {"polarity", "gH2AX_foci"}
    """
    rows = hscs(table)
    rows = rows[rows["assay"] == assay]
    a, b = next((pair for pair in pairs(rows["group"]) if pair[0] == "ecko"), (None, None))
    if a is None:
        return None
    animals = one_value_per_unit(rows, value="value", unit="animal", carry=["group"])
    every = rows.assign(cell=rows["animal"] + " " + rows["cell"])
    kwargs = {"value": "value", "group": "group", "a": a, "b": b}
    return difference(animals, unit="animal", **kwargs), difference(every, unit="cell", **kwargs)


def stated(table: pd.DataFrame) -> pd.DataFrame:
    """Return `ecko_limiting_dilution` with `cell_type` filled in: `unstated` where it is absent or blank."""
    return table.assign(cell_type=table["cell_type"].replace("", "unstated") if "cell_type" in table else "unstated")


def cell_types(table: pd.DataFrame) -> list[str]:
    """Return the injected cell types of `ecko_limiting_dilution` in the order of `CELL_TYPES`."""
    present = set(stated(table)["cell_type"])
    return [name for name in CELL_TYPES if name in present]


def donors(table: pd.DataFrame) -> pd.DataFrame:
    """Return the ln frequency of repopulating cells of each donor of `ecko_limiting_dilution`.

    Returns
    -------
    DataFrame
        One row per donor and cell type: id, donor, group, value (ln of the frequency per cell).
    """
    table = stated(table)
    parts = [
        donor_log_frequency(table[table["cell_type"] == name]).assign(id=f"C3.limiting_dilution.{name}")
        for name in cell_types(table)
    ]
    whole = pd.concat(parts, ignore_index=True).rename(columns={"log_frequency": "value"})
    return whole[["id", "donor", "group", "value"]]


def grafts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean graft of each donor of `competitive_transplants`, in blood where the tissue is given.

    The logit of the chimerism and the lineage balance (ILR) are averaged over the donor's recipients in one week: the
    latest that all recipients have in common or, where that is before week 16, one from then on that all donors have.

    Returns
    -------
    DataFrame
        One row per donor and read-out: id, donor, group, sex and batch (where given), value.
    """
    about = ["donor", "donor_group", *(column for column in ("sex", "batch") if column in table)]
    table = table[table["tissue"].isin(["PB", ""])] if "tissue" in table else table
    if "batch" in table:
        table = table.assign(batch=_batches(table, "donor"))
    values = {"chimerism": logit_percent(table["donor_chimerism_pct"]), "myeloid_balance": lineage_balance(table)}
    parts = []
    for name, value in values.items():
        rows = table[[*about, "recipient", "week"]].assign(value=value)[value.notna()]
        # One early death would move every donor's read-out to the weeks before it.
        common = [latest_common(rows, "week", unit) for unit in ("recipient", "donor")]
        week = next((one for one in common if one.reached), common[0]).time
        one = one_value_per_unit(rows[rows["week"] == week], value="value", unit="donor", carry=about[1:])
        parts.append(one.assign(id=f"C3.competitive.{name}"))
    whole = pd.concat(parts, ignore_index=True)[["id", *about, "value"]]
    return whole.rename(columns={"donor_group": "group"})
