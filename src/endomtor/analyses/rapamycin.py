"""Chapter 02: does rapamycin harm hematopoiesis, in young and in aged mice?

Blood over days and marrow at the end, as a two-by-two of age and treatment; the animal is the unit throughout.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from endomtor import figures, reporting
from endomtor.analyses import alternatives, amounts
from endomtor.chapter import Chapter, needs
from endomtor.errors import EndomtorError
from endomtor.stats import Estimate, mixed_model, treatment_within_age

AGES = ("young", "aged")
COMPARED = ("rapamycin", "vehicle")
ANALYTES = ("platelets", "hemoglobin", "RBC", "WBC", "neutrophils", "lymphocytes")


@needs("rapamycin_blood")
def blood(chapter: Chapter) -> pd.DataFrame:
    """Return the blood table with `log2`, and `arm` = age and treatment.

    Returns
    -------
    DataFrame
        One row per animal, day and analyte.
    """
    table = chapter.dataset.get("rapamycin_blood")
    return _with_arm(table.assign(log2=np.log2(table["value"])))


@needs("rapamycin_marrow")
def marrow(chapter: Chapter) -> pd.DataFrame:
    """Return the marrow table with `log2`, `arm` and `endpoint`, the population (and unit, where several).

    Returns
    -------
    DataFrame
        One row per animal and endpoint.
    """
    return _with_arm(amounts.endpoints(chapter.dataset.get("rapamycin_marrow")))


def _with_arm(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(arm=table["age_group"] + " " + table["treatment"])


def change_from_baseline(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Summarise each animal's course in one number: mean log2 after the first dose minus its own log2 before it.

    The days after the first dose are those on which every animal of the analyte was measured (all days, if there is
    none), so that no animal stands for an earlier or later stretch than another. Where an animal has no value before
    the first dose, no animal of that analyte has its baseline subtracted. In a balanced design the treatment contrast
    of these numbers is the one of a mixed model with a random animal.

    Returns
    -------
    DataFrame
        animal, age_group, treatment, arm, sex, batch, analyte, value, days (text), baseline (subtracted or not).
    """
    if table is None or table.empty:
        return None
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


def compare_blood(chapter: Chapter, changes: pd.DataFrame | None) -> dict[str, dict[str, Estimate]]:
    """Estimate rapamycin - vehicle for each analyte and record the evidence; see `_compare`."""
    return _compare(chapter, changes, "analyte", "rapamycin_blood", "C2.blood", ANALYTES)


def over_days(table: pd.DataFrame, answers: Mapping[str, Mapping[str, Estimate]]) -> pd.DataFrame:
    """Compare rapamycin and vehicle over the days after the first dose: the secondary analysis, a linear mixed model.

    log2 ~ age * treatment * day + baseline + (1 | animal) + (1 | batch), REML, Kenward-Roger. Day is a category. The
    baseline (the animal's mean log2 before the first dose) is a covariate where every animal has one; the primary
    analysis subtracts it instead.

    Parameters
    ----------
    table : DataFrame
        As from `blood`. An age without both treatments is left out, and a day on which an arm was not measured.
    answers : mapping
        As from `compare_blood`. What is withheld there is withheld here.

    Returns
    -------
    DataFrame
        One row per analyte and contrast ("young", "aged" and, where both were studied, "averaged"): estimate
        (rapamycin - vehicle, log2, mean over the days), low, high (95 %), df, p, then f, numdf, dendf, p_course (type
        III test of treatment x day, whether the effect changes over the days; in the last row of an analyte only),
        days, baseline (in the model or not), notes, withheld (why there is no estimate).
    """
    lines = []
    for analyte, found in answers.items():
        lines += _over_days(table[table["analyte"] == analyte], analyte, found)
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
    about = {
        "analyte": analyte,
        "days": ", ".join(f"{day:g}" for day in sorted(after["day"].unique())),
        "baseline": bool(covariates),
        "notes": " ".join(model.warnings) if model else "",
    }
    lines = [about | {"contrast": contrast, "withheld": why or found[contrast].withheld} for contrast in contrasts]
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


def compare_marrow(chapter: Chapter, table: pd.DataFrame | None) -> dict[str, dict[str, Estimate]]:
    """Estimate rapamycin - vehicle for each marrow endpoint and record the evidence; see `_compare`."""
    if table is None:
        return {}
    return _compare(chapter, table.assign(value=table["log2"]), "endpoint", "rapamycin_marrow", "C2.marrow")


def _compare(
    chapter: Chapter,
    frame: pd.DataFrame | None,
    endpoint: str,
    table: str,
    prefix: str,
    order: tuple[str, ...] = (),
) -> dict[str, dict[str, Estimate]]:
    """Estimate the treatment within each age, its average over ages, and the interaction; record average and ages.

    Returns
    -------
    dict[str, dict[str, Estimate]]
        Endpoint to `young`, `aged`, `averaged`, `interaction`. Where one age only was studied its contrast is the
        average.
    """
    if frame is None:
        return {}
    needed = [endpoint, "animal", "age_group", "treatment", "arm", "sex", "batch", "value"]
    by_name = dict(list(frame[needed].groupby(endpoint, sort=False)))
    answers = {}
    for name in sorted(by_name, key=lambda name: order.index(name) if name in order else len(order)):
        rows = by_name[name]
        found = treatment_within_age(rows, value="value", unit="animal", batch="batch", check=("sex",))
        studied = [age for age in AGES if age in set(rows["age_group"])]
        if len(studied) == 1:
            found = {**found, "averaged": found[studied[0]]}
        answers[name] = found
        evidence_id = f"{prefix}.{name}"
        chapter.record(
            evidence_id,
            found["averaged"],
            table=table,
            compared=COMPARED,
            family=prefix,
            others=partial(_others, rows, studied),
        )
        family = f"{prefix} by age"
        for age in studied:
            chapter.record(
                f"{evidence_id}.{age}",
                found[age],
                table=table,
                compared=COMPARED,
                family=family,
                others=partial(_others, rows, [age]),
            )
    return answers


def _others(rows: pd.DataFrame, ages: list[str]) -> dict[str, Estimate]:
    """Return the treatment in the mean of these ages by the other test."""
    signs = zip(COMPARED, (1.0, -1.0), strict=True)
    weights = {f"{age} {given}": sign / len(ages) for given, sign in signs for age in ages}
    known = rows.dropna(subset=["value"])
    about = {"value": "value", "group": "arm", "weights": weights, "unit": "animal", "block": "batch"}
    return {alternatives.POOLED: alternatives.pooled(known, **about)}


def evidence(chapter: Chapter) -> None:
    """Run the recorded analyses of blood and marrow, without figures."""
    compare_blood(chapter, change_from_baseline(blood(chapter)))
    compare_marrow(chapter, marrow(chapter))


def show_blood(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Draw each animal's course for each analyte, vehicle against rapamycin."""
    if table is None:
        return
    units = table.drop_duplicates("analyte").set_index("analyte")["unit"]
    titles = {name: f"{name}, {units[name]}" for name in ANALYTES if name in units}
    n = table.groupby(["age_group", "treatment"])["animal"].nunique()
    counts = ", ".join(f"{age} {treatment} {count}" for (age, treatment), count in n.items())
    about = {
        "time": "day",
        "value": "log2",
        "animal": "animal",
        "group": "treatment",
        "order": ("vehicle", "rapamycin"),
        "xlabel": "day after the first dose",
        "facet": "analyte",
        "titles": titles,
        "scale": "log2",
        "same_y": False,
    }
    figures.show(
        figures.courses(table, **about),
        caption="Blood counts over days: every animal a thin line, the mean of each treatment bold. "
        f"Unit: animal; n: {counts}.",
        alt=f"Courses of {', '.join(titles)} over days {table['day'].min():g} to {table['day'].max():g}, n: {counts}.",
        provenance=chapter.provenance,
        data=figures.drawn.courses(table, **about),
        name="fig-blood",
    )


def show_changes(chapter: Chapter, changes: pd.DataFrame | None, answers: dict[str, dict[str, Estimate]]) -> None:
    """Draw every animal's change from its baseline, in each arm, with the contrast within each age."""
    if changes is None:
        return
    by_days = changes.groupby("days")["analyte"].unique()
    days = "; ".join(f"{', '.join(names)}: {shared}" for shared, names in by_days.items())
    baseline = "minus the animal's own baseline" if changes["baseline"].all() else "baseline not subtracted everywhere"
    about = f"Mean log2 after the first dose, {baseline} (days {days})."
    _show_grid(chapter, changes, "analyte", answers, about, "fig-changes")


def show_over_days(chapter: Chapter, table: pd.DataFrame | None, answers: Mapping[str, Mapping[str, Estimate]]) -> None:
    """Show the secondary analysis of blood, the mixed model over days, or say why there is none."""
    if table is None or not answers:
        return
    found = over_days(table, answers)
    if found.empty:
        return
    by_design = chapter.dataset.withheld("rapamycin_blood", *COMPARED)
    found["withheld"] = found["withheld"].where(found["withheld"] != "", by_design)
    shown = found[found["withheld"] == ""]
    reasons = [
        f"Withheld: {', '.join(same['contrast'].unique())} ({', '.join(same['analyte'].unique())}). "
        f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
        for reason, same in found[found["withheld"] != ""].groupby("withheld", sort=False)
    ]
    if shown.empty:
        reporting.say(f"Secondary analysis, the mixed model over days: nothing is estimated. {' '.join(reasons)}")
        return
    days = "; ".join(f"{', '.join(one['analyte'].unique())}: {days}" for days, one in shown.groupby("days"))
    adjusted = shown[shown["baseline"]]["analyte"].unique()
    notes = [f"{', '.join(one['analyte'].unique())}: {note}" for note, one in shown.groupby("notes") if note]
    figures.table(
        pd.DataFrame(
            {
                "analyte": shown["analyte"],
                "age": shown["contrast"].replace("averaged", "mean of both"),
                "difference, log2": shown["estimate"],
                "95 %": [
                    f"{reporting.number(low)} to {reporting.number(high)}"
                    for low, high in zip(shown["low"], shown["high"], strict=True)
                ],
                "df": shown["df"],
                "p": shown["p"],
                "does it change over days?": [_course_text(one) for one in shown.itertuples()],
            }
        ),
        caption="Secondary, no verdict rests on it: where it and the change from baseline above disagree, that one is "
        f"primary. Rapamycin − vehicle, mean over the days after the first dose ({days}), and the type III test of "
        "treatment × day. "
        "Method: linear mixed model, REML, Kenward-Roger (age, treatment, day as a category and their products, "
        f"{'the baseline as a covariate' if len(adjusted) else 'no baseline'}; random animal and, where there are "
        "several, batch); p not adjusted for the number of analytes. Unit: animal; "
        f"{reporting.n_text(answers[name]['averaged'] for name in shown['analyte'].unique())}. "
        "A missing bleed drops out: the model takes it as missing at random. " + " ".join([*notes, *reasons]),
        provenance=chapter.provenance,
        formats={"df": ".1f"},
    )


def _course_text(one) -> str:
    if pd.isna(one.numdf):
        return ""
    if pd.isna(one.p_course):
        return "too few animals"
    return f"F({one.numdf:.0f}, {one.dendf:.1f}) = {one.f:.2f}, {reporting.p_text(one.p_course)}"


def show_marrow(chapter: Chapter, table: pd.DataFrame | None, answers: dict[str, dict[str, Estimate]]) -> None:
    """Draw every animal's marrow populations in each arm, with the contrast within each age."""
    if table is None:
        return
    _show_grid(chapter, table.assign(value=table["log2"]), "endpoint", answers, "Marrow populations.", "fig-marrow")


def _show_grid(chapter: Chapter, frame: pd.DataFrame, endpoint: str, answers: dict, about: str, name: str) -> None:
    order = [f"{age} {treatment}" for age in AGES for treatment in reversed(COMPARED)]
    contrasts = {
        key: {(f"{age} rapamycin", f"{age} vehicle"): found[age] for age in AGES if not found[age].withheld}
        for key, found in answers.items()
    }
    averaged = {key: found["averaged"] for key, found in answers.items()}
    shape = {
        "value": "value",
        "group": "arm",
        "animal": "animal",
        "endpoint": endpoint,
        "order": order,
        "estimates": contrasts,
        "titles": {key: key.replace("_", " ") for key in answers},
        "scale": "log2",
    }
    figures.show(
        figures.estimation_grid(frame, **shape),
        caption=f"{about} Every animal a point; rapamycin / vehicle within each age with its 95 % interval. "
        f"Unit: animal; {reporting.n_text(averaged.values())}.",
        alt=reporting.alt_text("Rapamycin - vehicle, log2, mean of the ages", averaged),
        provenance=chapter.provenance,
        data=figures.drawn.estimation_grid(frame, **shape),
        name=name,
    )


def show_interactions(chapter: Chapter, answers: dict[str, dict[str, Estimate]]) -> None:
    """Show how far the effect of rapamycin differs between the ages."""
    rows = [
        {
            "endpoint": name.replace("_", " "),
            "difference, log2": found["interaction"].estimate,
            "95 %": reporting.limits_text(found["interaction"]),
            "p": found["interaction"].p,
        }
        for name, found in answers.items()
        if not found["interaction"].withheld
    ]
    if rows:
        figures.table(
            pd.DataFrame(rows),
            caption="Does age change the effect of rapamycin? The effect in aged minus that in young mice. "
            "Descriptive; p not adjusted. Unit: animal.",
            provenance=chapter.provenance,
        )


def show_values(chapter: Chapter, changes: pd.DataFrame | None) -> None:
    """Show the first rows of the table that is tested."""
    if changes is None:
        return
    shown = changes[["animal", "age_group", "treatment", "analyte", "value"]]
    figures.table(
        shown.rename(columns={"age_group": "age", "value": "log2 change"}).head(8),
        caption=f"The first 8 of {len(changes)} values; one row per animal and analyte. Unit: animal.",
        provenance=chapter.provenance,
    )
