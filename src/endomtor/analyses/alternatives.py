"""Other defensible tests of the same quantities: what `robustness` puts beside the primary ones.

None of them enters a verdict, and none is called unless robustness is asked for.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.claims.catalogue import Rule
from endomtor.stats import Estimate, linear, permutation_test_means, resemblance
from endomtor.stats.units import one_row_per_unit, power_of_two, usable_blocks

FACTORS = {"half the threshold": 0.5, "twice the threshold": 2.0}
"""The other thresholds, as shares of the smallest effect of interest.

Where an estimate's p is that of the threshold, as for phi, `Answer.alternatives` holds it under these names too.
"""

EXACT = "exact permutation test"
POOLED = "one variance for all groups"

LARGEST_EXACT = 30
"""Units up to which the permutation test is inverted: about a tenth of a second for each endpoint."""

OUTER, INNER = 0.05, 0.10
"""Alpha of the interval and of `Estimate.inner`."""

_STEPS = 12
"""Halvings of a bracket: limits are then exact to a few thousandths of a standard error."""


def of_difference(
    rows: pd.DataFrame, *, value: str, group: str, a: str, b: str, unit: str, block: str | Iterable[str]
) -> dict[str, Estimate]:
    """Return a difference of two groups by the other tests, by name.

    The permutation test knows no batch: it is left out where the batch is in the model.

    Parameters
    ----------
    rows : DataFrame
        One row per unit.
    value, group, a, b, unit, block : str
        As in `endomtor.stats.difference`.
    """
    rows = rows[rows[group].isin([a, b])].dropna(subset=[value])
    answers = {POOLED: pooled(rows, value=value, group=group, weights={a: 1.0, b: -1.0}, unit=unit, block=block)}
    if len(rows) <= LARGEST_EXACT and not usable_blocks(rows, block):
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
    """Return phi by the other tests, and for other smallest phi, by name.

    Ranks are none of them: no ratio of contrasts survives a scale on which a large aging effect has no size.

    Parameters
    ----------
    rows : DataFrame
        One row per unit.
    rule : Rule
        Its direction and smallest phi.
    value, group, unit, block
        As in `endomtor.stats.phi`.
    """
    kwargs = {"value": value, "group": group, "unit": unit, "block": block}
    thresholds = {
        label: resemblance.phi(rows, direction=rule.direction, smallest=factor * rule.smallest, **kwargs)
        for label, factor in FACTORS.items()
    }
    return {POOLED: pooled_phi(rows, rule, **kwargs), **thresholds}


def permutation(rows: pd.DataFrame, *, value: str, group: str, a: str, b: str, unit: str) -> Estimate:
    """Estimate `a` - `b` with the interval that inverts the exact permutation test on means.

    A limit is the shift of `a` at which the two-sided p crosses alpha; it is infinite where so few units allow no
    such p. The estimate is the difference of means.

    Raises
    ------
    UnitError
        A unit occurs in several rows.
    """
    kwargs = {"value": value, "group": group, "a": a, "b": b, "unit": unit}
    raw = permutation_test_means(rows, **kwargs)
    in_a = (rows[group] == a).to_numpy()
    # Far outside any limit: no allocation but the observed one is as extreme.
    width = float(np.ptp(rows[value])) * 2 + 1e-9

    def p_of(shift: float) -> float:
        return permutation_test_means(rows.assign(**{value: rows[value] - shift * in_a}), **kwargs).p

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

    The estimate is that of the primary analysis, which must not withhold it; only its error differs. It is right where
    groups vary alike.

    Raises
    ------
    UnitError
        A unit occurs in several rows.
    """
    one_row_per_unit(rows, unit, design="analysis of variance")
    names = list(dict.fromkeys(rows[group]))
    model = _layout(rows, group, names, [[weights.get(name, 0.0) for name in names]], block)
    values = rows[value].to_numpy(float)
    variance, df = _common_variance(model, values)
    estimate, error = float(model.weights[0] @ values), float(np.sqrt(model.products[0, 0].sum() * variance))
    outer, inner = (stats.t.interval(1 - alpha, df, estimate, error) for alpha in (OUTER, INNER))
    return Estimate(
        estimate=estimate,
        ci_low=float(outer[0]),
        ci_high=float(outer[1]),
        inner=(float(inner[0]), float(inner[1])),
        p=float(2 * stats.t.sf(abs(estimate) / error, df)),
        n={name: int((rows[group] == name).sum()) for name in weights},
        unit=unit,
        method="analysis of variance, one variance for all groups",
        df=df,
    )


def pooled_phi(
    rows: pd.DataFrame, rule: Rule, *, value: str, group: str, unit: str, block: str | Iterable[str] | None
) -> Estimate:
    """Estimate phi with one variance for all groups: Fieller's set with the residual degrees of freedom.

    The estimate is that of the primary analysis, which must not withhold it.

    Raises
    ------
    UnitError
        A unit occurs in several rows.
    """
    rows = rows[rows[group].isin(resemblance.GROUPS)].dropna(subset=[value])
    one_row_per_unit(rows, unit, design="phi")
    names, contrasts = resemblance.contrasts_of_phi(resemblance.reference_of(rows[group], group))
    model = _layout(rows, group, names, contrasts.tolist(), block)
    values = rows[value].to_numpy(float)
    values = values / power_of_two(values)
    variance, df = _common_variance(model, values)
    terms = variance * model.ratio_products.sum(axis=1)
    # A spread of terms^2 / df is one number of degrees of freedom at every phi.
    ratio = resemblance.Ratio(*(model.weights @ values), terms, terms, np.convolve(terms, terms) / df)
    return resemblance.fieller_estimate(
        ratio,
        n={name: int((rows[group] == name).sum()) for name in names},
        unit=unit,
        method="phi by Fieller's method, one variance for all groups",
        smallest=rule.smallest,
        direction=rule.direction,
        level=1 - OUTER,
        warnings=(),
    )


def _layout(
    rows: pd.DataFrame, group: str, names: list[str], contrasts: list[list[float]], block: str | Iterable[str] | None
) -> linear.Layout:
    blocks = usable_blocks(rows, block)
    return linear.layout(
        tuple(map(names.index, rows[group])), tuple(map(linear.codes, blocks.values())), tuple(map(tuple, contrasts))
    )


def _common_variance(model: linear.Layout, values: np.ndarray) -> tuple[float, float]:
    """Return the variance of all residuals together and its degrees of freedom."""
    residuals = model.residual_maker @ (values - values.mean())
    df = float(np.trace(model.residual_maker))
    return float(residuals @ residuals) / df, df
