"""Effects of age and sex on blood traits of Diversity Outbred mice (context for chapter 03)."""

from pathlib import Path

import pandas as pd
from scipy import stats

from endomtor.provenance import Provenance
from endomtor.public.download import original
from endomtor.public.originals import blood_effects, slopes_of_age
from endomtor.stats import Estimate

# Mice of the study, from its description; the tables do not say how many had each trait.
N_MICE = 521
TRAITS = {
    "rbc": "red blood cells",
    "ch": "cell hemoglobin content",
    "chcm": "cell hemoglobin concentration",
    "hdw": "hemoglobin distribution width",
    "mcv": "mean corpuscular volume",
    "rdw": "red cell distribution width",
    "hct": "hematocrit",
    "hgb": "hemoglobin",
    "wbc": "white blood cells",
    "nlr": "neutrophil-to-lymphocyte ratio",
    "n.lymph": "lymphocytes",
    "n.neut": "neutrophils",
    "n.mono": "monocytes",
    "n.eos": "eosinophils",
    "plt": "platelets",
    "mpv": "mean platelet volume",
    "mpm": "mean platelet mass",
}


SLOPES = {
    "Myeloid_PercViable": "myeloid cells",
    "T_PercViable": "T cells",
    "B_PercViable": "B cells",
    "Neut_PercViable": "neutrophils",
    "Mono_PercViable": "monocytes",
    "Hgb": "hemoglobin",
    "NumRBC": "red blood cells",
    "NumPlt": "platelets",
    "NumWBC": "white blood cells",
}
"""Traits of the females of the diet study that are shown, shares of viable cells before counts."""


def effects(of: str = "age") -> tuple[pd.DataFrame, Provenance]:
    """Return effects on the blood traits with 95 % intervals.

    Parameters
    ----------
    of : {"age", "sex"}
        Age: change per month. Sex: as the authors coded it (the table does not name the reference).

    Returns
    -------
    DataFrame
        One row a trait: trait, name, effect, se, ci_low, ci_high (in the trait's unit, which the table does not state),
        effect_sd, se_sd, sd_low, sd_high (the same in units of the trait's SD), p_authors (their bootstrap of the
        model; it need not agree with the interval: white blood cells have 0.89 with an interval above 0).
    Provenance
    """
    path, provenance = original(f"do-{of}-effects", f"blood of DO mice, effect of {of}")
    frame = blood_effects(path)
    half = stats.norm.ppf(0.975) * frame["se"]
    result = frame.assign(
        name=frame["trait"].map(TRAITS), ci_low=frame["effect"] - half, ci_high=frame["effect"] + half
    )
    result = result[["trait", "name", "effect", "se", "ci_low", "ci_high"]]
    scaled = result[["effect", "se", "ci_low", "ci_high"]].div(frame["trait_sd"], axis=0)
    scaled.columns = ["effect_sd", "se_sd", "sd_low", "sd_high"]
    return pd.concat([result, scaled], axis=1).assign(p_authors=frame["p"]), provenance


def estimate(table: pd.DataFrame, trait: str) -> Estimate:
    """Return one trait's effect in units of its SD, as an `Estimate` (normal interval from the published SE).

    Parameters
    ----------
    table : DataFrame
        From `effects` or `slope_table`.
    trait : str
        Of its column `trait`.
    """
    row = table.set_index("trait").loc[trait]
    effect, error = float(row["effect_sd"]), float(row["se_sd"])

    def limits(coverage: float) -> tuple[float, float]:
        half = float(stats.norm.ppf(0.5 + coverage / 2)) * error
        return effect - half, effect + half

    low, high = limits(0.95)
    return Estimate(
        estimate=effect,
        ci_low=low,
        ci_high=high,
        inner=limits(0.90),
        p=float(2 * stats.norm.sf(abs(effect / error))),
        n={"mice": int(row.get("mice", N_MICE))},
        unit="mouse",
        method="published mixed-model effect and standard error, normal interval",
    )


def slope_table(facs: Path, facs_scales: Path, counts: Path, counts_scales: Path) -> pd.DataFrame:
    """Return slopes of age in Diversity Outbred females on five diets, in SDs of the trait on the authors' scale.

    Returns
    -------
    DataFrame
        One row a trait: trait, name, mice (at the first age), slope, se (a month, on the authors' scale: log odds of
        shares, log of counts but for hemoglobin and red cells), effect_sd, se_sd.
    """
    slopes = pd.concat([slopes_of_age(facs), slopes_of_age(counts)]).set_index("Phenotype").loc[list(SLOPES)]
    scales = pd.concat([slopes_of_age(facs_scales), slopes_of_age(counts_scales)]).set_index("Phenotype")
    scales = scales.loc[list(SLOPES)]
    mice = scales["NAll_05months"].fillna(scales["NAll_11months"]).astype(int)
    table = pd.DataFrame(
        {"name": pd.Series(SLOPES), "mice": mice, "slope": slopes["Age_Slope"], "se": slopes["Age_SE"]}
    )
    table["effect_sd"], table["se_sd"] = table["slope"] / scales["SD"], table["se"] / scales["SD"]
    return table.rename_axis(index="trait").reset_index()
