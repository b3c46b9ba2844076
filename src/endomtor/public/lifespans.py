"""Lifespans under rapamycin: the Interventions Testing Program, UM-HET3 mice at three sites (context of chapter 02).

No licence is stated for the file, so what is bundled are survival curves and hazard ratios.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight

from endomtor.estimate import Estimate
from endomtor.public.originals import itp_lifespans

CONTROL = "Control"
# Two drugs at once (C2011) say nothing of one of them.
ARMS = ("Rapa", "Rapa_lo", "Rapa_mid", "Rapa_hi", "Rapa_hi_continuous", "Rapa_hi_cycle")
CYCLED = "Rapa_hi_cycle"
SEXES = {"f": "female", "m": "male"}


def _compared(path: Path) -> dict[tuple, pd.DataFrame]:
    """Return each arm and sex with the controls of its cohort: `treated` is 1 or 0."""
    mice = itp_lifespans(path)
    arms = mice[mice["arm"].isin(ARMS)].groupby(["cohort", "start", "ppm", "arm", "sex"], sort=True)
    found = {}
    for (cohort, start, ppm, arm, sex), treated in arms:
        controls = mice[(mice["cohort"] == cohort) & (mice["arm"] == CONTROL) & (mice["sex"] == sex)]
        both = pd.concat([controls.assign(treated=0), treated.assign(treated=1)], ignore_index=True)
        found[cohort, float(ppm), start, arm == CYCLED, SEXES[sex]] = both
    return found


def hazard_table(path: Path) -> pd.DataFrame:
    """Compare each dose and start of rapamycin with the controls of its cohort, each sex by itself.

    Returns
    -------
    DataFrame
        One row an arm and sex: cohort, ppm (in food), start (months), cycled (0 or 1), sex; hazard_ratio, low, high, p
        (Cox over mice alive at the first dose, Efron ties, stratified by site); over all mice: median_control,
        median_treated (Kaplan-Meier, days), plain_control, plain_treated (the median age in the file, which takes
        removal for death), n_control, n_treated, removed_control, removed_treated (removed, or alive at the end).
    """
    rows = []
    for (cohort, ppm, start, cycled, sex), both in _compared(path).items():
        # Deaths before the first dose say nothing of the drug.
        alive = both[both["days"] > start * 365.25 / 12]
        fit = PHReg(alive["days"], alive[["treated"]], status=alive["died"], strata=alive["site"], ties="efron").fit()
        effect, error = float(fit.params[0]), float(fit.bse[0])
        half = float(stats.norm.ppf(0.975)) * error
        row = {"cohort": cohort, "ppm": ppm, "start": start, "cycled": int(cycled), "sex": sex}
        row |= {"hazard_ratio": np.exp(effect), "low": np.exp(effect - half), "high": np.exp(effect + half)}
        row["p"] = 2 * stats.norm.sf(abs(effect) / error)
        arms = {"control": both[both["treated"] == 0], "treated": both[both["treated"] == 1]}
        row |= {f"median_{name}": SurvfuncRight(own["days"], own["died"]).quantile(0.5) for name, own in arms.items()}
        row |= {f"plain_{name}": own["days"].median() for name, own in arms.items()}
        row |= {f"n_{name}": len(own) for name, own in arms.items()}
        row |= {f"removed_{name}": int((~own["died"]).sum()) for name, own in arms.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def curve_table(path: Path) -> pd.DataFrame:
    """Return the Kaplan-Meier curve of each arm, and of its controls, at steps of 30 days.

    Returns
    -------
    DataFrame
        cohort, ppm, start, cycled, sex, arm (control, rapamycin), day, alive (share), at_risk (mice).
    """
    parts = []
    for (cohort, ppm, start, cycled, sex), both in _compared(path).items():
        for treated, own in both.groupby("treated"):
            days = np.arange(0, 30 * (own["days"].max() // 30 + 2), 30)
            curve = SurvfuncRight(own["days"], own["died"])
            place = np.searchsorted(curve.surv_times, days, side="right")
            about = {"cohort": cohort, "ppm": ppm, "start": start, "cycled": int(cycled), "sex": sex}
            about |= {"arm": "rapamycin" if treated else "control", "day": days}
            alive, at_risk = np.r_[1.0, curve.surv_prob][place], (own["days"].to_numpy() >= days[:, None]).sum(axis=1)
            parts.append(pd.DataFrame({**about, "alive": alive, "at_risk": at_risk}))
    return pd.concat(parts, ignore_index=True)


def hazards(table: pd.DataFrame) -> dict[str, Estimate]:
    """Return the log2 hazard ratio of each arm and sex, by a name such as `14_ppm_from_20_months.female`.

    Parameters
    ----------
    table : DataFrame
        From `hazard_table`.
    """
    found = {}
    for row in table.itertuples():
        name = f"{row.ppm:g}_ppm_from_{row.start:g}_months{'_in_cycles' if row.cycled else ''}_{row.cohort}.{row.sex}"
        center, low, high = (float(np.log2(one)) for one in (row.hazard_ratio, row.low, row.high))
        half = (high - low) / 2 * float(stats.norm.ppf(0.95) / stats.norm.ppf(0.975))
        found[name] = Estimate(
            estimate=center,
            ci_low=low,
            ci_high=high,
            inner=(center - half, center + half),
            p=float(row.p),
            n={"rapamycin": row.n_treated, "control": row.n_control},
            unit="mouse",
            method="Cox regression from the first dose on, Efron ties, stratified by site",
        )
    return found
