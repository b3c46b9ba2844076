"""Effects of age and sex on blood traits of Diversity Outbred mice (context for chapter 03)."""

import pandas as pd
from scipy import stats

from endomtor.provenance import Provenance
from endomtor.public.download import original
from endomtor.public.originals import blood_effects
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
    """Return one trait's effect in units of its SD, as an `Estimate` (normal interval from the published SE)."""
    row = table.set_index("trait").loc[trait]
    z = row["effect_sd"] / row["se_sd"]
    half = stats.norm.ppf(0.95) * row["se_sd"]
    return Estimate(
        estimate=float(row["effect_sd"]),
        ci_low=float(row["sd_low"]),
        ci_high=float(row["sd_high"]),
        inner=(float(row["effect_sd"] - half), float(row["effect_sd"] + half)),
        p=float(2 * stats.norm.sf(abs(z))),
        n={"mice": N_MICE},
        unit="mouse",
        method="published mixed-model effect and standard error, normal interval",
    )
