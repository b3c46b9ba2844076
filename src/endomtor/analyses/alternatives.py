"""Other defensible tests of the same quantities: what `fragility` puts beside the primary ones.

None of them enters a verdict, and none is called unless fragility is asked for.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from endomtor.claims.catalogue import Rule
from endomtor.stats import Estimate, permutation_test_means, phi
from endomtor.stats.resemblance import GROUPS, contrasts_of_phi
from endomtor.stats.units import block_levels, one_row_per_unit, usable_block

EXACT = "exact permutation test, which knows no batch"
POOLED = "one variance for all groups"
RANKS = "normal scores of ranks"

LARGEST_EXACT = 30
"""Units up to which the permutation test is inverted: about a tenth of a second for each endpoint."""

OUTER, INNER = 0.05, 0.10
"""Alpha of the interval and of `Estimate.inner`."""

_STEPS = 12
"""Halvings of a bracket: limits are then exact to a few thousandths of a standard error."""


def of_difference(
    rows: pd.DataFrame, *, value: str, group: str, a: str, b: str, unit: str, block: str
) -> dict[str, Estimate]:
    """Return a difference of two groups by the other tests, by name.

    Parameters
    ----------
    rows : DataFrame
        One row per unit.
    value, group, a, b, unit, block : str
        As in `endomtor.stats.difference`.
    """
    rows = rows[rows[group].isin([a, b])].dropna(subset=[value])
    answers = {POOLED: pooled(rows, value=value, group=group, weights={a: 1.0, b: -1.0}, unit=unit, block=block)}
    if len(rows) <= LARGEST_EXACT:
        answers[EXACT] = permutation(rows, value=value, group=group, a=a, b=b, unit=unit)
    return answers


def of_phi(
    rows: pd.DataFrame,
    rule: Rule,
    *,
    value: str,
    group: str,
    unit: str,
    block: str | Iterable[str] | None,
) -> dict[str, Estimate]:
    """Return phi by the other tests, by name.

    Parameters
    ----------
    rows : DataFrame
        One row per unit.
    rule : Rule
        Its direction and smallest phi.
    value, group, unit, block
        As in `endomtor.stats.phi`.
    """
    rows = rows[rows[group].isin(GROUPS)].dropna(subset=[value])
    about = {"value": value, "group": group, "unit": unit, "block": block}
    scores = rows.assign(**{value: normal_scores(rows[value])})
    return {
        POOLED: pooled_phi(rows, rule, **about),
        RANKS: phi(scores, direction=rule.direction, smallest=rule.smallest, **about),
    }


def normal_scores(values: pd.Series) -> pd.Series:
    """Return the normal scores of values: quantiles at (rank - 3/8) / (n + 1/4) (Blom 1958), ties share their midrank.

    One extreme animal then counts for no more than the last of the row.
    """
    return pd.Series(stats.norm.ppf((values.rank() - 0.375) / (values.count() + 0.25)), index=values.index)


def permutation(rows: pd.DataFrame, *, value: str, group: str, a: str, b: str, unit: str) -> Estimate:
    """Estimate `a` - `b` with the interval that inverts the exact permutation test on means.

    A limit is the shift of `a` at which the two-sided p crosses alpha; it is infinite where so few units allow no
    such p. The estimate is the difference of means.

    Raises
    ------
    UnitError
        A unit occurs in several rows.
    """
    about = {"value": value, "group": group, "a": a, "b": b, "unit": unit}
    raw = permutation_test_means(rows, **about)
    in_a = (rows[group] == a).to_numpy()
    # Far outside any limit: no allocation but the observed one is as extreme.
    width = float(np.ptp(rows[value])) * 2 + 1e-9

    def p_of(shift: float) -> float:
        return permutation_test_means(rows.assign(**{value: rows[value] - shift * in_a}), **about).p

    def limit(sign: float, alpha: float) -> float:
        if raw.smallest_p > alpha:
            return sign * np.inf
        inside, outside = 0.0, width
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if p_of(raw.estimate + sign * middle) > alpha else (inside, middle)
        return raw.estimate + sign * outside

    return Estimate(
        estimate=raw.estimate,
        ci_low=limit(-1.0, OUTER),
        ci_high=limit(1.0, OUTER),
        inner=(limit(-1.0, INNER), limit(1.0, INNER)),
        p=raw.p,
        n=raw.n,
        unit=unit,
        method=f"{raw.method}, inverted",
        interval_kind="bounded" if raw.smallest_p <= OUTER else "whole_line",
    )


def pooled(
    rows: pd.DataFrame,
    *,
    value: str,
    group: str,
    weights: Mapping[str, float],
    unit: str,
    block: str | Iterable[str] | None,
) -> Estimate:
    """Estimate a contrast of group means as an analysis of variance does: blocks additive, one variance for all groups.

    The estimate is that of the primary analysis; only its error differs. It is right where groups vary alike.

    Raises
    ------
    UnitError
        A unit occurs in several rows.
    """
    one_row_per_unit(rows, unit, design="analysis of variance")
    names = list(dict.fromkeys(rows[group]))
    fit = _fit(rows, value, group, names, block)
    answer = fit.t_test(_padded(np.array([[weights.get(name, 0.0) for name in names]]), fit))
    outer, inner = (answer.conf_int(alpha=alpha)[0] for alpha in (OUTER, INNER))
    return Estimate(
        estimate=float(answer.effect[0]),
        ci_low=float(outer[0]),
        ci_high=float(outer[1]),
        inner=(float(inner[0]), float(inner[1])),
        p=float(answer.pvalue.item()),
        n={name: int((rows[group] == name).sum()) for name in weights},
        unit=unit,
        method="analysis of variance, one variance for all groups",
        df=float(fit.df_resid),
    )


def pooled_phi(
    rows: pd.DataFrame, rule: Rule, *, value: str, group: str, unit: str, block: str | Iterable[str] | None
) -> Estimate:
    """Estimate phi with one variance for all groups: Fieller's set with the residual degrees of freedom.

    Raises
    ------
    UnitError
        A unit occurs in several rows.
    """
    one_row_per_unit(rows, unit, design="phi")
    names, contrasts = contrasts_of_phi("control" if "control" in set(rows[group]) else "young")
    rows = rows[rows[group].isin(names)]
    fit = _fit(rows, value, group, names, block)
    wanted = _padded(contrasts, fit)
    (n, d), cov, df = wanted @ fit.params, wanted @ fit.cov_params() @ wanted.T, fit.df_resid
    sign = {"greater": 1.0, "less": -1.0, "either": float(np.sign(d)) or 1.0}[rule.direction]
    aging = float(stats.t.sf(sign * d / np.sqrt(cov[1, 1]), df)) * (2 if rule.direction == "either" else 1)
    w = n - rule.smallest * d
    error = np.sqrt(cov[0, 0] - 2 * rule.smallest * cov[0, 1] + rule.smallest**2 * cov[1, 1])
    exceeds = float(stats.t.sf(sign * w / error, df))
    kind, low, high = _fieller(n, d, cov, float(stats.t.isf(OUTER / 2, df)))
    inner_kind, *inner = _fieller(n, d, cov, float(stats.t.isf(INNER / 2, df)))
    return Estimate(
        estimate=float(n / d),
        ci_low=low,
        ci_high=high,
        inner=tuple(inner) if inner_kind == "bounded" else (-np.inf, np.inf),
        p=min(1.0, max(aging if rule.direction == "either" else 2 * aging, 2 * exceeds)),
        n={name: int((rows[group] == name).sum()) for name in names},
        unit=unit,
        method="phi by Fieller's method, one variance for all groups",
        interval_kind=kind,
        df=float(df),
        aging_p=aging,
    )


def _fieller(n: float, d: float, cov: np.ndarray, t: float) -> tuple[str, float, float]:
    """Solve (n - phi d)^2 <= t^2 var(n - phi d) for phi."""
    a = d * d - t * t * cov[1, 1]
    b = n * d - t * t * cov[0, 1]
    c = n * n - t * t * cov[0, 0]
    root = b * b - a * c
    if a == 0 or root < 0:
        return "whole_line", -np.inf, np.inf
    low, high = sorted(((b - np.sqrt(root)) / a, (b + np.sqrt(root)) / a))
    return ("bounded" if a > 0 else "two_piece"), float(low), float(high)


def _fit(rows: pd.DataFrame, value: str, group: str, names: list[str], block: str | Iterable[str] | None):
    blocks = [block] if isinstance(block, str) else list(block or ())
    design = pd.get_dummies(pd.Categorical(rows[group], names), dtype=float).to_numpy()
    for levels in (block_levels(rows[name]) for name in blocks):
        for column in pd.get_dummies(pd.Series(levels), dtype=float).to_numpy().T if usable_block(levels) else ():
            wider = np.column_stack([design, column])
            # What groups and earlier levels add up to is no further parameter.
            if np.linalg.matrix_rank(wider) == wider.shape[1]:
                design = wider
    return sm.OLS(rows[value].to_numpy(float), design).fit()


def _padded(contrasts: np.ndarray, fit) -> np.ndarray:
    """Contrasts of groups as contrasts of all columns of the model."""
    return np.pad(contrasts, ((0, 0), (0, len(fit.params) - contrasts.shape[1])))
