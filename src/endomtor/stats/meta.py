"""Several cohorts, one question: estimates of independent cohorts joined with the cohort as unit."""

from collections.abc import Mapping
from math import sqrt

import numpy as np
from scipy import stats
from statsmodels.stats.meta_analysis import CombineResults, combine_effects

from endomtor.errors import EndomtorError
from endomtor.estimate import Estimate
from endomtor.stats.groups import INNER_LEVEL


def standard_error(estimate: Estimate) -> float:
    """Return the standard error behind a t interval (a normal one where the estimate has no df).

    Examples
    --------
    >>> from endomtor.estimate import Estimate
    >>> one = Estimate(1.0, 0.02, 1.98, (0.2, 1.8), 0.05, {"mice": 20}, "mouse", "a normal interval")
    >>> round(standard_error(one), 3)
    0.5
    """
    quantile = stats.norm.ppf if estimate.df is None else stats.t(estimate.df).ppf
    return (estimate.ci_high - estimate.ci_low) / (2 * float(quantile(0.5 + estimate.level / 2)))


def _combined(cohorts: Mapping[str, Estimate]) -> CombineResults:
    effects = np.array([one.estimate for one in cohorts.values()])
    errors = np.array([standard_error(one) for one in cohorts.values()])
    if len(cohorts) < 2 or not np.isfinite([*effects, *errors]).all() or not (errors > 0).all():
        raise EndomtorError(
            f"{', '.join(cohorts) or 'no cohort'}: expected two cohorts or more, each with an interval."
        )
    return combine_effects(effects, errors**2, method_re="pm")


def random_effects(cohorts: Mapping[str, Estimate], *, level: float = 0.95) -> Estimate:
    """Return the mean effect over cohorts that may differ, with a t interval over the cohorts.

    The variance between cohorts is that of Paule and Mandel (1982, doi 10.6028/jres.087.022), by statsmodels. The
    interval is that of Hartung and Knapp (2001, doi 10.1002/sim.1009) with k - 1 degrees of freedom. With this variance
    their factor is 1 wherever cohorts differ, and below 1 where they agree by chance, in which case it is left out, as
    Röver et al. (2015, doi 10.1186/s12874-015-0091-1) advise: three or four cohorts would else seem to know too much.

    Parameters
    ----------
    cohorts : mapping of str to Estimate
        Two or more, on one scale, each with a t or normal interval of its own.
    level : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Unit "cohort"; n says how many.

    Raises
    ------
    EndomtorError
        Fewer than two cohorts, or one without an interval.

    Examples
    --------
    >>> from endomtor.estimate import Estimate
    >>> one, two, three = (
    ...     Estimate(value, value - 0.5, value + 0.5, (0, 0), 0.01, {"mice": 20}, "mouse", "Welch")
    ...     for value in (0.8, 1.1, 1.6)
    ... )
    >>> joined = random_effects({"A": one, "B": two, "C": three})
    >>> print(f"{joined.estimate:.2f}, {joined.ci_low:.2f} to {joined.ci_high:.2f}; {joined.n}")
    1.17, 0.16 to 2.17; {'cohorts': 3}
    """
    found = _combined(cohorts)
    center, error = float(found.mean_effect_re), sqrt(found.var_eff_w_re)
    of_cohorts = stats.t(len(cohorts) - 1)

    def limits(coverage: float) -> tuple[float, float]:
        half = float(of_cohorts.ppf(0.5 + coverage / 2)) * error
        return center - half, center + half

    low, high = limits(level)
    return Estimate(
        estimate=center,
        ci_low=low,
        ci_high=high,
        inner=limits(INNER_LEVEL),
        p=float(2 * of_cohorts.sf(abs(center) / error)),
        n={"cohorts": len(cohorts)},
        unit="cohort",
        method="random effects over cohorts, Paule-Mandel variance, Hartung-Knapp interval",
        df=len(cohorts) - 1.0,
        level=level,
    )


def prediction(cohorts: Mapping[str, Estimate], *, level: float = 0.95) -> tuple[float, float]:
    """Return where the true effect of one more cohort may lie.

    A t interval with k - 1 degrees of freedom over the variance between cohorts and the error of their mean (Higgins et
    al. 2009, doi 10.1111/j.1467-985X.2008.00552.x).

    Examples
    --------
    >>> from endomtor.estimate import Estimate
    >>> one, two, three = (
    ...     Estimate(value, value - 0.5, value + 0.5, (0, 0), 0.01, {"mice": 20}, "mouse", "Welch")
    ...     for value in (0.8, 1.1, 1.6)
    ... )
    >>> print("{:.2f} to {:.2f}".format(*prediction({"A": one, "B": two, "C": three})))
    -0.51 to 2.85
    """
    found = _combined(cohorts)
    half = float(stats.t(len(cohorts) - 1).ppf(0.5 + level / 2)) * sqrt(max(found.tau2, 0.0) + found.var_eff_w_re)
    return float(found.mean_effect_re) - half, float(found.mean_effect_re) + half
