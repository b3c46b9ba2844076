"""Chapter 02: does rapamycin harm hematopoiesis, in young and in aged mice?

Blood over days and marrow at the end, as a two-by-two of age and treatment; the animal is the unit throughout.
"""

from collections.abc import Container, Iterable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from endomtor import public
from endomtor.analyses import alternatives
from endomtor.analyses.answer import Answer
from endomtor.errors import EndomtorError
from endomtor.public import aging_cohorts, lifespans
from endomtor.stats import Estimate, amounts, mixed_model, treatment_within_age

AGES = ("young", "aged")
COMPARED = ("rapamycin", "vehicle")
BLOCKS = ("batch", "sex")
ANALYTES = ("platelets", "hemoglobin", "RBC", "WBC", "neutrophils", "lymphocytes")


def answers(tables: Mapping[str, object], wanted: Container[str] | None = None) -> dict[str, Answer]:
    """Return rapamycin - vehicle of each read-out, in the mean of the ages and (`.young`, `.aged`) within each.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `rapamycin_blood` (`C2.blood.ANALYTE`), `rapamycin_marrow` (`C2.marrow.ENDPOINT`); each may be absent.
    wanted : container of str, optional
        Ids to answer.
    """
    found = {}
    if "rapamycin_blood" in tables:
        rows = change_from_baseline(_logs(tables["rapamycin_blood"]))
        found |= _answers(rows, "analyte", "C2.blood", ANALYTES, wanted)
    if "rapamycin_marrow" in tables:
        rows = amounts.endpoints(tables["rapamycin_marrow"])
        rows = _with_arm(rows.rename(columns={"value": "amount", "log2": "value"}))
        found |= _answers(rows, "endpoint", "C2.marrow", list(dict.fromkeys(rows["endpoint"])), wanted)
    return found


def from_public() -> dict[str, Estimate]:
    """Return what rapamycin does to the lifespan, and less mTOR to the blood counts, of other mice.

    log2 hazard ratios (`C2.context.lifespan.ARM.SEX`), and mutant - wild type (`C2.context.hypomorph.TRAIT.AGE`).
    """
    table, _ = public.table("lifespan_hazards")
    found = {f"C2.context.lifespan.{name}": one for name, one in lifespans.hazards(table).items()}
    mice, _ = public.table("aging_blood")
    for trait in aging_cohorts.COUNTS:
        for age in AGES:
            found[f"C2.context.hypomorph.{trait}.{age}"] = aging_cohorts.hypomorph_difference(mice, trait, age)
    return found


def _answers(
    frame: pd.DataFrame, endpoint: str, prefix: str, order: Iterable[str], wanted: Container[str] | None
) -> dict[str, Answer]:
    # The columns needed: a copy of fewer is faster, and calibration makes many.
    frame = frame[[endpoint, "animal", "age_group", "treatment", "arm", "sex", "batch", "value"]]
    by_name = dict(list(frame.groupby(endpoint, sort=False)))
    found = {}
    for name in (one for one in order if one in by_name):
        rows, main = by_name[name], f"{prefix}.{name}"
        studied = [age for age in AGES if age in set(rows["age_group"])]
        ids = {main: "averaged"} | {f"{main}.{age}": age for age in studied}
        if wanted is not None and not any(one in wanted for one in ids):
            continue
        effects = _effects(rows, studied)
        for one, which in ids.items():
            if wanted is None or one in wanted:
                ages = studied if which == "averaged" else [which]
                found[one] = Answer(effects[which], {COMPARED: effects[which]}, partial(_others, rows, ages))
    return found


def _effects(rows: pd.DataFrame, studied: list[str]) -> dict[str, Estimate]:
    """Return the treatment within each age, averaged over ages, and the interaction; one age alone is its average."""
    found = treatment_within_age(rows, value="value", unit="animal", batch=BLOCKS, check=("sex",))
    return {**found, "averaged": found[studied[0]]} if len(studied) == 1 else found


def _others(rows: pd.DataFrame, ages: list[str]) -> dict[str, Estimate]:
    """Return the treatment in the mean of these ages by the other test."""
    signs = zip(COMPARED, (1.0, -1.0), strict=True)
    weights = {f"{age} {given}": sign / len(ages) for given, sign in signs for age in ages}
    known = rows.dropna(subset=["value"])
    kwargs = {"value": "value", "group": "arm", "weights": weights, "unit": "animal", "block": BLOCKS}
    return {alternatives.POOLED: alternatives.pooled(known, **kwargs)}


def _logs(table: pd.DataFrame) -> pd.DataFrame:
    return _with_arm(table.assign(log2=np.log2(table["value"])))


def _with_arm(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(arm=table["age_group"] + " " + table["treatment"])


def change_from_baseline(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise each animal's course in one number: mean log2 after the first dose minus its own log2 before it.

    The days after the first dose are those on which every animal of the analyte was measured (all days, if there is
    none), so that no animal stands for an earlier or later stretch than another. Where an animal has no value before
    the first dose, no animal of that analyte has its baseline subtracted. In a balanced design the treatment contrast
    of these numbers is the one of a mixed model with a random animal.

    Parameters
    ----------
    table : DataFrame
        `rapamycin_blood` with `log2` and `arm` (age and treatment).

    Returns
    -------
    DataFrame
        animal, age_group, treatment, arm, sex, batch, analyte, value, days (text), baseline (subtracted or not).
    """
    days = _shared_days(table[table["day"] > 0])
    used = [day in days.get(analyte, ()) for analyte, day in zip(table["analyte"], table["day"], strict=True)]
    place = table.groupby(["analyte", "animal"]).ngroup().to_numpy()
    value, before = (table["log2"].where(where).groupby(place).mean().to_numpy() for where in (used, table["day"] <= 0))
    first = np.unique(place, return_index=True)[1]
    rows = table[["animal", "age_group", "treatment", "arm", "sex", "batch", "analyte"]].iloc[first]
    analyte, known = rows["analyte"], ~np.isnan(value)
    subtracted = ~analyte.isin(analyte[known & np.isnan(before)]).to_numpy()
    rows = rows.assign(
        value=np.where(subtracted, value - before, value),
        days=[", ".join(str(int(day)) for day in days.get(name, ())) for name in analyte],
        baseline=subtracted,
    )
    return rows[known].reset_index(drop=True)


def _shared_days(after: pd.DataFrame) -> dict[str, list[float]]:
    """Return for each analyte the days on which every animal was measured; all days, if there is none."""
    seen: dict[str, dict[float, set[str]]] = {}
    for analyte, day, animal in zip(after["analyte"], after["day"], after["animal"], strict=True):
        seen.setdefault(analyte, {}).setdefault(day, set()).add(animal)
    return {
        analyte: sorted(day for day, animals in on.items() if animals == set().union(*on.values())) or sorted(on)
        for analyte, on in seen.items()
    }


def over_days(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare rapamycin and vehicle over the days after the first dose: the secondary analysis, a linear mixed model.

    log2 ~ age * treatment * day + baseline + (1 | animal) + (1 | batch), REML, Kenward-Roger. Day is a category. The
    baseline (the animal's mean log2 before the first dose) is a covariate where every animal has one; the primary
    analysis subtracts it instead.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `rapamycin_blood`. An age without both treatments is left out, and a day on which an arm was not measured. What
        the primary analysis withholds is withheld here.

    Returns
    -------
    DataFrame
        One row per analyte and contrast ("young", "aged" and, where both were studied, "averaged"): estimate
        (rapamycin - vehicle, log2, mean over the days), low, high (95 %), df, p, then f, numdf, dendf, p_course (type
        III test of treatment x day, whether the effect changes over the days; in the last row of an analyte only),
        days, baseline (in the model or not), notes, withheld (why there is no estimate).
    """
    table = _logs(tables["rapamycin_blood"])
    changes = dict(list(change_from_baseline(table).groupby("analyte")))
    lines = []
    for analyte in (one for one in ANALYTES if one in changes):
        studied = [age for age in AGES if age in set(changes[analyte]["age_group"])]
        lines += _over_days(table[table["analyte"] == analyte], analyte, _effects(changes[analyte], studied))
    columns = ["analyte", "contrast", "estimate", "low", "high", "df", "p", "f", "numdf", "dendf", "p_course"]
    return pd.DataFrame(lines, columns=[*columns, "days", "baseline", "notes", "withheld"])


def _over_days(rows: pd.DataFrame, analyte: str, found: Mapping[str, Estimate]) -> list[dict]:
    before = rows[rows["day"] <= 0].groupby("animal")["log2"].mean()
    after = rows[rows["day"] > 0]
    arms = after.groupby("age_group")["treatment"].nunique()
    ages = [age for age in AGES if arms.get(age) == len(COMPARED)]
    after = after[after["age_group"].isin(ages)]
    after = after[after.groupby("day")["arm"].transform("nunique") == after["arm"].nunique()]
    after = after.assign(baseline=after["animal"].map(before))
    covariates = ["baseline"] if after["baseline"].notna().all() else []
    contrasts = [*ages, "averaged"] if len(ages) > 1 else ages
    model, why = None, ""
    if after["day"].nunique() < 2:
        why = "Fewer than two days after the first dose, no course to model."
    elif not all(found[contrast].withheld for contrast in contrasts):
        try:
            model = mixed_model(
                after,
                value="log2",
                fixed=["age_group", "treatment", "day"] if len(ages) > 1 else ["treatment", "day"],
                covariates=covariates,
                categorical=["day"],
                unit="animal",
                block="batch" if 1 < after["batch"].nunique() < after["animal"].nunique() else None,
                levels={"age_group": ages, "treatment": COMPARED} if len(ages) > 1 else {"treatment": COMPARED},
            )
        except EndomtorError as error:
            why = str(error)
    common = {
        "analyte": analyte,
        "days": ", ".join(f"{day:g}" for day in sorted(after["day"].unique())),
        "baseline": bool(covariates),
        "notes": " ".join(model.warnings) if model else "",
    }
    lines = [common | {"contrast": contrast, "withheld": why or found[contrast].withheld} for contrast in contrasts]
    for line in lines:
        if not line["withheld"]:
            by = "age_group" if len(ages) > 1 and line["contrast"] in ages else None
            table = model.contrasts("treatment", by=by, adjust=None)
            one = (table[table[by] == line["contrast"]] if by else table).iloc[0]
            line |= {"estimate": one["estimate"], "low": one["lower"], "high": one["upper"]}
            line |= {"df": one["df"], "p": one["p"]}
    if lines and not lines[-1]["withheld"]:
        course = model.anova().set_index("term").loc["treatment:day"]
        lines[-1] |= {"f": course["F"], "numdf": course["numdf"], "dendf": course["dendf"], "p_course": course["p"]}
    return lines
