"""Survival: curves, and whole curves compared within strata of sex and batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from endomtor.stats.units import columns, n_per_group, one_row_per_unit, usable_blocks

UNTOLD = {"", "mixed", "unknown"}
"""Levels that tell nothing of a unit."""


@dataclass(frozen=True)
class LogRank:
    """One log-rank test.

    Attributes
    ----------
    statistic, p : float
        Chi-square with one degree of freedom and its p; NaN where `withheld`.
    n, deaths : dict[str, int]
        Units of each group, and how many of them died.
    strata : tuple[str, ...]
        The factors within whose levels the groups were compared.
    withheld : str
        Why there is no p (a sentence), empty otherwise.
    """

    statistic: float
    p: float
    n: dict[str, int]
    deaths: dict[str, int]
    strata: tuple[str, ...]
    withheld: str = ""


def survival_curves(frame: pd.DataFrame, *, time: str, died: str, by: Sequence[str]) -> pd.DataFrame:
    """Return the Kaplan-Meier estimate of each group as the corners of its steps, by statsmodels' `SurvfuncRight`.

    Raises `ValueError`: a column is missing.

    Parameters
    ----------
    frame : DataFrame
        One row an animal.
    time, died : str
        Time to the death or to the end of the observation; true or 1 where it was a death.
    by : sequence of str
        Columns whose combinations are the groups.

    Returns
    -------
    DataFrame
        The columns `by`, `time` (0, each time of a death, the last one seen) and "alive, %" from then on.

    Examples
    --------
    >>> mice = pd.DataFrame({"group": ["ecko"] * 4, "day": [9, 11, 12, 16], "died": [1, 0, 1, 0]})
    >>> survival_curves(mice, time="day", died="died", by=["group"])
      group  day  alive, %
    0  ecko    0     100.0
    1  ecko    9      75.0
    2  ecko   12      37.5
    3  ecko   16      37.5
    """
    columns(frame, time, died, *by)
    curves = []
    for names, rows in frame.groupby(list(by)):
        curve = SurvfuncRight(rows[time], rows[died])
        alive = [1.0, *curve.surv_prob]
        steps = {time: [0, *curve.surv_times, rows[time].max()], "alive, %": 100 * np.array([*alive, alive[-1]])}
        curves.append(pd.DataFrame({**dict(zip(by, names, strict=True)), **steps}))
    return pd.concat(curves, ignore_index=True)


def log_rank(
    frame: pd.DataFrame,
    *,
    time: str,
    died: str,
    group: str,
    a: str,
    b: str,
    unit: str,
    strata: Sequence[str] = (),
) -> LogRank:
    """Compare the survival of two groups by the log-rank test, within strata where these vary within a group.

    A factor that varies within neither group, or differs in all units, is no stratum. Where it varies within neither
    and differs between them the test is withheld, since the factor cannot be told from the group. Several factors are
    crossed; a stratum adds nothing unless somebody dies in it while both groups are at risk, and where none adds
    anything there is no p.

    Parameters
    ----------
    frame : DataFrame
        One row a unit; rows of other groups are left out.
    time, died : str
        Time to the death or to the end of the observation, in any unit, at least 0; true or 1 where it was a death.
    group : str
    a, b : str
        Levels of `group`.
    unit : str
        What the treatment was assigned to.
    strata : sequence of str
        Factors such as sex and batch; those that the frame lacks are left out. A blank is a level of its own.

    Returns
    -------
    LogRank

    Raises
    ------
    UnitError
        The unit's column is missing, blank or repeats: recipients of one exposed animal are no units.
    ValueError
        A column is missing.

    Notes
    -----
    Mantel 1966. Observed minus expected deaths and their hypergeometric variances are summed over strata by
    statsmodels' `survdiff`.

    Examples
    --------
    >>> mice = pd.DataFrame({
    ...     "animal": list("abcdefgh"),
    ...     "group": ["control"] * 4 + ["ecko"] * 4,
    ...     "sex": list("FFMM") * 2,
    ...     "day": [14, 20, 25, 30, 9, 11, 12, 16],
    ...     "died": [1, 1, 1, 0, 1, 1, 1, 1],
    ... })
    >>> answer = log_rank(
    ...     mice, time="day", died="died", group="group", a="ecko", b="control",
    ...     unit="animal", strata=["sex"],
    ... )
    >>> print(f"chi-square {answer.statistic:.2f}, p {answer.p:.3f}")
    chi-square 5.76, p 0.016
    >>> answer.n, answer.strata
    ({'ecko': 4, 'control': 4}, ('sex',))
    """
    columns(frame, time, died, group, unit=unit)
    two = frame[frame[group].isin([a, b])]
    one_row_per_unit(two, unit, design="log-rank test")
    n, deaths = (n_per_group(rows, group, unit, (a, b)) for rows in (two, two[two[died].astype(bool)]))

    levels = usable_blocks(two, [name for name in strata if name in two])
    own = {name: [set(found[two[group] == side]) - UNTOLD for side in (a, b)] for name, found in levels.items()}
    varying = tuple(name for name, sides in own.items() if max(map(len, sides)) > 1)
    unlike = [name for name, sides in own.items() if name not in varying and len(set.union(*sides)) > 1]

    withheld = ""
    if not all(n.values()):
        withheld = f"There are no units in {' or '.join(side for side in (a, b) if not n[side])}."
    elif unlike:
        withheld = f"The {' and the '.join(unlike)} of {a} cannot be told from {a}."
    crossed = pd.Series(list(zip(*(levels[name] for name in varying), strict=True)), dtype=object)
    by = pd.factorize(crossed)[0] if varying else np.zeros(len(two), dtype=int)
    statistic = nan
    if not withheld:
        try:
            statistic = float(survdiff(two[time], two[died].astype(int), two[group], strata=by)[0])
        # No variance in any stratum.
        except np.linalg.LinAlgError:
            withheld = f"Nobody died while both groups{' of a stratum' * bool(varying)} were at risk."
    return LogRank(statistic, float(stats.chi2.sf(statistic, 1)), n, deaths, varying, withheld)
