"""Individual male C57BL/6J mice by age, in four cohorts, and mTOR hypomorphs.

Xie et al. 2022, doi 10.1038/s41467-022-34515-y. No licence is stated for the file, so what is bundled are computed
numbers: each value relative to the mean of the young mice of its cohort.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from endomtor.errors import FetchError
from endomtor.public.originals import aging_mice
from endomtor.stats import Estimate, difference, lineage_balance, phi, random_effects

COHORTS = {
    "Figure2_phenotypes": "six ages",
    "Figure3_phenotypes": "growth hormone",
    "Figure4_phenotypes": "mTOR",
    "Figure5_phenotypes": "fasting",
}
"""What each cohort was made for. Their young and old mice without mutation or diet are four repeats of aging."""

HYPOMORPH = "mTOR"
"""The cohort whose mutants are mTOR hypomorphs. Inferred: the file does not say so (see `data/README.md`)."""

YOUNGEST, OLDEST = 3, 26
"""Months that stand for young and aged in the cohort of six ages."""

UNTREATED = "untreated"
"""The arm of mice without mutation or diet, which the file calls wildtype or control, or not at all."""


SCALES = {
    "granulocytes": "logit",
    "T_cells": "logit",
    "monocytes": "logit",
    "B2_cells": "logit",
    "hemoglobin": "log2",
    "red_cells": "log2",
    "platelets": "log2",
    "white_cells": "log2",
}
"""Traits of the blood with the scale on which they are analysed: percentages as log odds, amounts as log2."""

PHENOTYPES = dict(zip(("G", "T", "Monocytes", "B2", "HGB", "RBC", "PLT", "WBC"), SCALES, strict=True))
"""Traits by their name in the file."""

COUNTS = tuple(trait for trait, scale in SCALES.items() if scale == "log2")
"""The amounts among them."""

SHARES_OF_WHITE_CELLS = ("G", "Monocytes", "B1", "B2", "T", "NK")
"""What the file gives of white cells, per cent, by its own names."""

ADDED_UP = (85.0, 101.0)
"""Per cent that all shares of one mouse add up to: shuffled between mice they spread by 12 to 14, as they are by 2."""

TISSUES = ("Spleen", "Brain", "Lung")
BLOTS = {
    "p-Rps6_S240_244__total Rps6": "p-S6",
    "p-4Ebp1_T37_46__total 4Ebp1": "p-4E-BP1",
    "p-Akt_S473__total Akt": "p-Akt",
}
"""Phosphorylated over total protein: two arms of mTORC1, and mTORC2's site."""


COLUMNS = ["cohort", "trait", "scale", "arm", "group", "months", "mouse", "relative"]


def _about(mice: pd.DataFrame) -> pd.DataFrame:
    """Return cohort, arm, group and months of rows of the file."""
    months = pd.to_numeric(mice["age"].str.extract(r"^(\d+)_mo$")[0])
    ages = {"young": "young", "old": "aged", f"{YOUNGEST}_mo": "young", f"{OLDEST}_mo": "aged"}
    return pd.DataFrame(
        {
            "cohort": mice["dataset"].map(COHORTS),
            "arm": mice["arm"].replace(["", "wildtype", "control"], UNTREATED),
            "group": mice["age"].map(ages).fillna("between"),
            "months": months,
        }
    )


def _scaled(values: pd.Series, scale: str) -> pd.Series:
    share = values / 100
    return np.log2(values) if scale == "log2" else np.log(share / (1 - share))


def blood_table(path: Path) -> pd.DataFrame:
    """Return the blood of each mouse, relative to the young untreated mice of its cohort.

    Returns
    -------
    DataFrame
        One row a mouse and trait: cohort, trait, scale, arm (untreated, or "mutant" or "restricted"), group
        (young, aged, or "between"), months (3 to 26; missing where the file says young or
        old), mouse (its place in the file within cohort and trait: no two traits share one), relative (log2 fold change
        or difference of log odds from the mean of the young untreated).
    """
    mice = aging_mice(path, PHENOTYPES)
    rows = mice[mice["dataset"].isin(COHORTS)].dropna(subset="value")
    rows = _about(rows).assign(value=rows["value"], trait=rows["phenotype"].map(PHENOTYPES))
    rows["scale"] = rows["trait"].map(SCALES)
    parts = []
    for (_, trait), own in rows.groupby(["cohort", "trait"]):
        values = _scaled(own["value"], SCALES[trait])
        if not np.isfinite(values).all():
            raise FetchError(f"{path}: {trait} has a value without a logarithm, expected amounts above 0.")
        young = values[(own["group"] == "young") & (own["arm"] == UNTREATED)].mean()
        parts.append(own.assign(relative=values - young, mouse=np.arange(1, len(own) + 1)))
    table = pd.concat(parts)[COLUMNS]
    order = {"cohort": list(COHORTS.values()), "trait": list(SCALES)}
    keys = [table[key].map(known.index) for key, known in order.items()]
    return table.iloc[np.lexsort([table["mouse"], *keys[::-1]])].reset_index(drop=True)


def balance_table(path: Path) -> pd.DataFrame:
    """Return the two lineage balances of each mouse, where the shares of a row of the file add up to a whole.

    The file names no mice, but in two of its cohorts the n-th values of all shares are evidently one mouse's: together
    they make 90 to 99 %. The other two lack monocytes or some values.

    Returns
    -------
    DataFrame
        Columns as those of `blood_table`; trait is myeloid_balance or lymphoid_balance, scale is ILR, and relative is
        the balance itself (`endomtor.stats.composition`).
    """
    parts = []
    for dataset, own in aging_mice(path, SHARES_OF_WHITE_CELLS).groupby("dataset"):
        shares = [own[own["phenotype"] == name].reset_index(drop=True) for name in SHARES_OF_WHITE_CELLS]
        if dataset not in COHORTS or len({len(one) for one in shares}) > 1:
            continue
        values = pd.DataFrame({name: one["value"] for name, one in zip(SHARES_OF_WHITE_CELLS, shares, strict=True)})
        if not values.sum(axis=1).between(*ADDED_UP).all():
            continue
        myeloid, b_cells = values["G"] + values["Monocytes"], values["B1"] + values["B2"]
        balances = {
            "myeloid_balance": lineage_balance(
                values.assign(myeloid=myeloid, b_cells=b_cells), myeloid="myeloid", b="b_cells", t="T"
            ),
            "lymphoid_balance": np.sqrt(1 / 2) * np.log(b_cells / values["T"]),
        }
        about = _about(shares[0]).assign(scale="ILR", mouse=np.arange(1, len(values) + 1))
        parts += [about.assign(trait=trait, relative=balance) for trait, balance in balances.items()]
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """Return how far single mice of one age lie apart, and how far age moves them: what a sample size is made of.

    Parameters
    ----------
    table : DataFrame
        Rows of `blood_table` and `balance_table`.

    Returns
    -------
    DataFrame
        One row a trait: sd_young and sd_aged (within cohorts, pooled), aging (aged - young, mean over cohorts), in_sd
        (aging over sd_young), cohorts, young and aged (mice).
    """
    own = table[(table["arm"] == UNTREATED) & table["group"].isin(["young", "aged"])]
    cells = own.groupby(["trait", "cohort", "group"], sort=False)["relative"].agg(["size", "mean", "var"]).unstack()
    free = cells["size"] - 1
    within = np.sqrt((cells["var"] * free).groupby("trait", sort=False).sum() / free.groupby("trait", sort=False).sum())
    change = (cells["mean"]["aged"] - cells["mean"]["young"]).groupby("trait", sort=False)
    result = pd.DataFrame({"sd_young": within["young"], "sd_aged": within["aged"], "aging": change.mean()})
    result["in_sd"], result["cohorts"] = result["aging"] / result["sd_young"], change.size()
    return result.join(cells["size"].groupby("trait", sort=False).sum())


def blot_table(path: Path) -> pd.DataFrame:
    """Return phosphorylated over total protein of whole tissues at six ages, relative to three months.

    Returns
    -------
    DataFrame
        One row a mouse, tissue and protein: tissue, protein, months, mouse, relative (log2 of the ratio to the mean at
        three months).
    """
    names = [f"{tissue}_{name}" for tissue in TISSUES for name in BLOTS]
    mice = aging_mice(path, names).dropna(subset="value")
    parts = []
    for tissue in TISSUES:
        for name, protein in BLOTS.items():
            own = mice[mice["phenotype"] == f"{tissue}_{name}"]
            months = pd.to_numeric(own["age"].str.extract(r"^(\d+)_mo$")[0])
            relative = np.log2(own["value"] / own.loc[months == YOUNGEST, "value"].mean())
            about = {"tissue": tissue.lower(), "protein": protein, "months": months, "relative": relative}
            parts.append(pd.DataFrame(about).sort_values("months", kind="stable").assign(mouse=range(1, len(own) + 1)))
    return pd.concat(parts, ignore_index=True)[["tissue", "protein", "months", "mouse", "relative"]]


def by_cohort(table: pd.DataFrame, trait: str) -> dict[str, Estimate]:
    """Return aged - young of one trait in the untreated mice of each cohort (Welch), by cohort.

    Parameters
    ----------
    table : DataFrame
        From `blood_table`.
    trait : str
        Of `SCALES`.
    """
    rows = table[(table["trait"] == trait) & (table["arm"] == UNTREATED)]
    compared = {"value": "relative", "group": "group", "a": "aged", "b": "young", "unit": "mouse"}
    return {cohort: difference(own, **compared) for cohort, own in rows.groupby("cohort", sort=False)}


def over_cohorts(table: pd.DataFrame, trait: str) -> Estimate:
    """Return aged - young of one trait over the cohorts, see `endomtor.stats.random_effects`."""
    return random_effects(by_cohort(table, trait))


def hypomorph_phi(table: pd.DataFrame, trait: str, *, direction: str, smallest: float) -> Estimate:
    """Return how far mTOR hypomorphs went, as young mice, from young to aged wild type: chapter 03's phi.

    Young wild-type mice are the reference of both differences.

    Parameters
    ----------
    table : DataFrame
        From `blood_table`.
    trait : str
        Of `SCALES`.
    direction, smallest : str, float
        As for `endomtor.stats.phi`.
    """
    rows = table[(table["cohort"] == HYPOMORPH) & (table["trait"] == trait)]
    rows = rows[(rows["arm"] == UNTREATED) | (rows["group"] == "young")]
    group = rows["group"].where(rows["arm"] == UNTREATED, "ecko")
    about = {"value": "relative", "group": "group", "unit": "mouse"}
    return phi(rows.assign(group=group), direction=direction, smallest=smallest, **about)


def hypomorph_difference(table: pd.DataFrame, trait: str, age: str) -> Estimate:
    """Return mTOR hypomorph - wild type of one trait at one age (Welch).

    Parameters
    ----------
    table : DataFrame
        From `blood_table`.
    trait, age : str
        Of `SCALES`; young or aged.
    """
    rows = table[(table["cohort"] == HYPOMORPH) & (table["trait"] == trait) & (table["group"] == age)]
    return difference(rows, value="relative", group="arm", a="mutant", b=UNTREATED, unit="mouse")


def blot_difference(table: pd.DataFrame, tissue: str, protein: str) -> Estimate:
    """Return 26 - 3 months of one phosphorylation in one tissue (Welch), of a table from `blot_table`."""
    rows = table[(table["tissue"] == tissue) & (table["protein"] == protein)]
    rows = rows.assign(age=rows["months"].map({YOUNGEST: "young", OLDEST: "aged"}).fillna("between"))
    return difference(rows, value="relative", group="age", a="aged", b="young", unit="mouse")
