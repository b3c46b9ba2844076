"""Groups of animals compared: one value per experimental unit, two groups or treatments within ages.

Each group keeps its own variance, with or without additive blocks (see `endomtor.stats.linear`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from endomtor.estimate import Estimate, unanswered
from endomtor.stats import linear
from endomtor.stats.units import (
    block_levels,
    block_names,
    check_level,
    columns,
    lopsided,
    numbers,
    one_row_per_unit,
    power_of_two,
    smallest_attainable_p,
    text,
    usable_block,
)

INNER_LEVEL = 0.90
"""Coverage of `Estimate.inner`: two one-sided tests at 5 % each."""

ROUNDING = 10 * np.finfo(float).eps
"""R's t.test draws the same line: an error below this share of the values is rounding, not biology."""

LARGEST_PERMUTATION = 44
"""Units in both groups together up to which all allocations are counted (2**22 half sums; about a second)."""

LARGEST_RANK_TEST = 200
"""Units up to which rank sums are counted: some seconds; for more the normal approximation is as good."""


@dataclass(frozen=True)
class ExactTest:
    """The answer of a test that counts allocations.

    Attributes
    ----------
    statistic : float
        As named in `method`.
    estimate : float
        Probability of superiority (Mann-Whitney) or difference of means (permutation); NaN where a group is empty.
    p : float
        Two-sided: the share of allocations at least as far from the expected statistic as the observed one.
    smallest_p : float
        What the most extreme allocation would have given without ties (see `smallest_attainable_p`).
    n : dict[str, int]
        Experimental units per group.
    unit, method : str
    """

    statistic: float
    estimate: float
    p: float
    smallest_p: float
    n: dict[str, int]
    unit: str
    method: str


def difference(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    a: str,
    b: str,
    unit: str,
    block: str | Sequence[str] | None = None,
    check: Sequence[str] = (),
    level: float = 0.95,
) -> Estimate:
    """Estimate the mean of group `a` minus the mean of group `b`.

    Parameters
    ----------
    frame : DataFrame
        One row per unit. Rows of other groups and rows without a value are left out.
    value : str
        Column to compare, on the scale of the analysis (log2 amounts, logit fractions); the estimate has its unit.
    group, a, b : str
        Column of groups and the two to compare.
    unit : str
        Column of the experimental unit.
    block : str or sequence of str, optional
        Columns (batch, donor) that enter an additive linear model. A block that is blank or constant, or in which every
        unit has a level of its own, leaves the model. A blank among labels is a level of its own.
    check : sequence of str
        Columns (sex) that stay out of the model but must not be completely confounded with the group.
    level : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Without a usable block: Welch's t (each group its own variance; Welch 1947, Satterthwaite df). With one: least
        squares on group + block, still a variance for each group (see `endomtor.stats.linear`); in a paired design
        that is the paired t test. `withheld` says why there is no verdict: a group with fewer than two units, group
        and block (or `check`) completely confounded, no residual df, or values that do not vary. A confounded contrast
        keeps its raw difference, without interval or p.

    Raises
    ------
    UnitError
        A unit is blank or occurs in several rows, or its column is missing.
    ValueError
        Another column is missing, a value is text or infinite, or both groups are the same.

    Examples
    --------
    >>> mice = pd.DataFrame({"animal": list("abcdefgh"), "group": ["young"] * 4 + ["aged"] * 4,
    ...     "log2_mfi": [10.1, 10.4, 9.9, 10.2, 9.4, 9.6, 9.1, 9.5], "batch": list("xyxyxyxy")})
    >>> answer = difference(mice, value="log2_mfi", group="group", a="aged", b="young", unit="animal", block="batch")
    >>> print(f"{answer.estimate:.2f}, {answer.ci_low:.2f} to {answer.ci_high:.2f}")
    -0.75, -0.99 to -0.51
    >>> answer.method
    'additive linear model, group + batch, a variance for each group'
    """
    a, b = _two_names(a, b)
    one_row_per_unit(frame, unit, design="comparison of two groups")
    columns(frame, group)
    answers = _contrast_answers(
        frame,
        value=value,
        cells=text(frame[group]),
        contrasts={"difference": {a: 1.0, b: -1.0}},
        unit=unit,
        block=block,
        check=check,
        level=level,
    )
    return answers["difference"]


def contrast(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    weights: Mapping[str, float],
    unit: str,
    block: str | Sequence[str] | None = None,
    check: Sequence[str] = (),
    level: float = 0.95,
) -> Estimate:
    """Estimate a weighted sum of the means of groups, such as a difference of two differences.

    Parameters
    ----------
    weights : mapping of str to float
        Group to its weight; their sum is 0. Rows of other groups are left out.
    frame, value, group, unit, block, check, level
        As for `difference`.

    Returns
    -------
    Estimate
        As from `difference`, with a variance for each group.

    Raises
    ------
    UnitError, ValueError
        As `difference`; `ValueError` also where the weights do not add to 0.

    Examples
    --------
    Does the knock-out raise a score beyond what age does to it?

    >>> mice = pd.DataFrame({"animal": list("abcdefghijkl"), "score": [0, 1, 2, 1, 2, 3, 0, 1, 2, 4, 5, 6],
    ...     "group": ["young"] * 3 + ["aged"] * 3 + ["control"] * 3 + ["ecko"] * 3})
    >>> weights = {"ecko": 1, "control": -1, "aged": -1, "young": 1}
    >>> answer = contrast(mice, value="score", group="group", weights=weights, unit="animal")
    >>> print(f"{answer.estimate:.2f}, {answer.ci_low:.2f} to {answer.ci_high:.2f}")
    3.00, 0.34 to 5.66
    """
    if sum(weights.values()) != 0:
        raise ValueError(f"The weights {dict(weights)} add to {sum(weights.values()):g}, expected 0.")
    one_row_per_unit(frame, unit, design="contrast of groups")
    columns(frame, group)
    answers = _contrast_answers(
        frame,
        value=value,
        cells=text(frame[group]),
        contrasts={"contrast": {name: float(weight) for name, weight in weights.items()}},
        unit=unit,
        block=block,
        check=check,
        level=level,
    )
    return answers["contrast"]


def treatment_within_age(
    frame: pd.DataFrame,
    *,
    value: str,
    treatment: str = "treatment",
    age_group: str = "age_group",
    unit: str = "animal",
    treated: str = "rapamycin",
    untreated: str = "vehicle",
    ages: tuple[str, str] = ("young", "aged"),
    batch: str | Sequence[str] | None = None,
    check: Sequence[str] = (),
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Estimate treated minus untreated within each age, how far that differs between ages, and its average over ages.

    Raises `UnitError`, `ValueError` as `difference`.

    Parameters
    ----------
    frame : DataFrame
        One row per unit; `value` is on the scale of the analysis.
    treatment, age_group, unit : str
        Columns.
    treated, untreated, ages : str
        Levels of `treatment` and of `age_group`.
    batch, check, level
        As `block`, `check` and `level` of `difference`.

    Returns
    -------
    dict[str, Estimate]
        One entry for each of `ages` (treated - untreated within it), `interaction` (second age's contrast minus the
        first's) and `averaged` (both ages with equal weight, whatever their n). Each of the four cells keeps its own
        variance (Welch-Satterthwaite), with an additive batch or without. A contrast whose cells are missing or
        confounded is withheld, the others are given. The p are not adjusted for one another.

    Examples
    --------
    >>> mice = pd.DataFrame({"animal": list("abcdefghijkl"), "age_group": ["young"] * 6 + ["aged"] * 6,
    ...     "treatment": (["vehicle"] * 3 + ["rapamycin"] * 3) * 2,
    ...     "log2_mfi": [10.1, 10.4, 9.9, 10.0, 10.3, 9.8] + [9.2, 9.6, 9.1, 10.1, 9.7, 10.2]})
    >>> for name, answer in treatment_within_age(mice, value="log2_mfi").items():
    ...     print(f"{name}: {answer.estimate:.2f}, p {answer.p:.3f}")
    young: -0.10, p 0.652
    aged: 0.70, p 0.032
    interaction: 0.80, p 0.028
    averaged: 0.30, p 0.079
    """
    one_row_per_unit(frame, unit, design="comparison within ages")
    columns(frame, treatment, age_group)
    cells = [f"{age} {given}" for age, given in zip(text(frame[age_group]), text(frame[treatment]), strict=True)]
    first, second = ({f"{age} {treated}": 1.0, f"{age} {untreated}": -1.0} for age in ages)
    contrasts = {
        ages[0]: first,
        ages[1]: second,
        "interaction": second | {cell: -weight for cell, weight in first.items()},
        "averaged": {cell: weight / 2 for cell, weight in (first | second).items()},
    }
    return _contrast_answers(
        frame, value=value, cells=cells, contrasts=contrasts, unit=unit, block=batch, check=check, level=level
    )


def hedges_g(
    frame: pd.DataFrame, *, value: str, group: str, a: str, b: str, unit: str, level: float = 0.95
) -> Estimate:
    """Estimate Hedges' g of `a` against `b`: the difference in pooled standard deviations, corrected for small samples.

    Parameters are those of `difference`. The correction is the exact gamma(df/2) / (sqrt(df/2) gamma((df-1)/2)) (Hedges
    1981, doi 10.3102/10769986006002107), not 1 - 3/(4 df - 1), which is 0.3 % off at n = 3. The interval inverts the
    noncentral t and is multiplied by the same factor, as R's effectsize does; p is that of Student's t with equal
    variances. Own code: no maintained Python package gives the exact factor with this interval.

    Raises `UnitError`, `ValueError` as `difference`.

    Examples
    --------
    >>> mice = pd.DataFrame({"animal": list("abcdefgh"), "group": ["young"] * 4 + ["aged"] * 4,
    ...     "log2_mfi": [10.1, 10.4, 9.9, 10.2, 9.4, 9.6, 9.1, 9.5]})
    >>> g = hedges_g(mice, value="log2_mfi", group="group", a="aged", b="young", unit="animal")
    >>> print(f"{g.estimate:.2f}, {g.ci_low:.2f} to {g.ci_high:.2f}")
    -3.07, -5.11 to -0.96
    """
    a, b = _two_names(a, b)
    check_level(level)
    values, in_a, n = _two_groups(frame, value, group, a, b, unit, "standardised difference")
    # The answer has no unit; values of any size are squared below.
    values = values / power_of_two(values)
    x, y = values[in_a], values[~in_a]
    kwargs = {"n": n, "unit": unit, "level": level, "method": "Hedges' g, exact correction, noncentral-t interval"}
    if min(n.values()) < 2:
        return unanswered(_too_few(n), **kwargs)
    df = len(x) + len(y) - 2
    pooled = sqrt((x.var(ddof=1) * (len(x) - 1) + y.var(ddof=1) * (len(y) - 1)) / df)
    if not pooled > ROUNDING * np.abs(values).max():
        return unanswered(_no_spread(n), **kwargs)
    scale = sqrt(1 / len(x) + 1 / len(y))
    t = (x.mean() - y.mean()) / (pooled * scale)
    factor = scale * np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / sqrt(df / 2)
    low, high = (factor * limit for limit in _noncentrality(t, df, level))
    inner_low, inner_high = (factor * limit for limit in _noncentrality(t, df, INNER_LEVEL))
    return Estimate(
        estimate=float(factor * t),
        ci_low=low,
        ci_high=high,
        inner=(inner_low, inner_high),
        p=float(2 * stats.t.sf(abs(t), df)),
        df=float(df),
        warnings=_design_warnings(n),
        **kwargs,
    )


def mann_whitney_exact(frame: pd.DataFrame, *, value: str, group: str, a: str, b: str, unit: str) -> ExactTest:
    """Test `a` against `b` by their ranks: the exact Mann-Whitney test conditional on the midranks.

    Parameters are those of `difference`. With W the rank sum of `a` and w the observed one, p is the share of all
    allocations, ties included, in which `|W - E(W)| >= |w - E(W)|`; this is what R's coin gives. Values are tied where
    they differ by less than `ROUNDING` of the largest, as 0.1 + 0.2 and 0.3 do. The rank sums are
    counted by dynamic programming (the shift algorithm of Streitberg and Roehmel 1986), so 20 v 20 takes milliseconds.
    Own code: scipy's exact p ignores ties.

    Raises `UnitError`, `ValueError` as `difference`; also for more than `LARGEST_RANK_TEST` units.

    Returns
    -------
    ExactTest
        `statistic` is U of `a`; `estimate` is U / (n_a n_b), the chance that a unit of `a` exceeds one of `b` (ties
        half).

    Examples
    --------
    >>> mice = pd.DataFrame({"animal": list("abcdefgh"), "group": ["young"] * 4 + ["aged"] * 4,
    ...     "log2_mfi": [10.1, 10.4, 9.9, 10.2, 9.4, 9.6, 9.1, 9.5]})
    >>> answer = mann_whitney_exact(mice, value="log2_mfi", group="group", a="aged", b="young", unit="animal")

    All aged animals lie below all young ones, and no p of 4 against 4 can be smaller:

    >>> answer.statistic, round(answer.p, 4), round(answer.smallest_p, 4)
    (0.0, 0.0286, 0.0286)

    Rounding is no difference:

    >>> sums = mice.assign(log2_mfi=[0.3] * 4 + [0.1 + 0.2] * 4)
    >>> mann_whitney_exact(sums, value="log2_mfi", group="group", a="aged", b="young", unit="animal").p
    1.0
    """
    a, b = _two_names(a, b)
    y, in_a, n = _two_groups(frame, value, group, a, b, unit, "Mann-Whitney test")
    if len(y) > LARGEST_RANK_TEST:
        raise ValueError(f"{len(y)} units are too many for the exact Mann-Whitney test, at most {LARGEST_RANK_TEST}")
    # Doubled midranks are integers; the smaller group is counted, since W_a - E = -(W_b - E).
    ranks = np.rint(2 * stats.rankdata(_places(y))).astype(int)
    counted = in_a if n[a] <= n[b] else ~in_a
    size = int(counted.sum())
    ways = np.zeros((size + 1, int(ranks.sum()) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    # Both sides times n keep the comparison in integers.
    far = np.abs(len(ranks) * np.arange(ways.shape[1]) - size * int(ranks.sum()))
    observed = abs(len(ranks) * int(ranks[counted].sum()) - size * int(ranks.sum()))
    share = ways[size, far >= observed].sum() / ways[size].sum()
    u = ranks[in_a].sum() / 2 - n[a] * (n[a] + 1) / 2
    return ExactTest(
        statistic=float(u),
        estimate=float(u / (n[a] * n[b])) if n[a] * n[b] else float("nan"),
        p=float(min(1.0, share)),
        smallest_p=smallest_attainable_p(n[a], n[b]),
        n=n,
        unit=unit,
        method="exact Mann-Whitney test (U), conditional on midranks",
    )


def permutation_test_means(frame: pd.DataFrame, *, value: str, group: str, a: str, b: str, unit: str) -> ExactTest:
    """Test `a` against `b` by all allocations of the units: the exact permutation test on means.

    Parameters are those of `difference`. p = share of the C(n_a + n_b, n_a) allocations whose difference of means is at
    least as far from 0 as the observed one (scipy's `permutation_test` doubles a tail instead); what rounding can make,
    `ROUNDING` of the values' absolute sum, is no difference. All are counted, by meeting in the middle: the subset sums
    of two halves are sorted and matched (Horowitz and Sahni 1974, doi 10.1145/321812.321823).

    Raises `UnitError`, `ValueError` as `difference`; also for more than `LARGEST_PERMUTATION` units.

    Returns
    -------
    ExactTest
        `statistic` and `estimate` are mean of `a` minus mean of `b`.

    Examples
    --------
    >>> mice = pd.DataFrame({"animal": list("abcdefgh"), "group": ["young"] * 4 + ["aged"] * 4,
    ...     "log2_mfi": [10.1, 10.4, 9.9, 10.2, 9.4, 9.6, 9.1, 9.5]})
    >>> answer = permutation_test_means(mice, value="log2_mfi", group="group", a="aged", b="young", unit="animal")
    >>> round(answer.estimate, 2), round(answer.p, 4)
    (-0.75, 0.0286)
    >>> sums = mice.assign(log2_mfi=[0.3] * 4 + [0.1 + 0.2] * 4)
    >>> permutation_test_means(sums, value="log2_mfi", group="group", a="aged", b="young", unit="animal").p
    1.0
    """
    a, b = _two_names(a, b)
    y, in_a, n = _two_groups(frame, value, group, a, b, unit, "permutation test")
    if len(y) > LARGEST_PERMUTATION:
        raise ValueError(
            f"{len(y)} units are too many to count every allocation, at most {LARGEST_PERMUTATION}: use difference()"
        )
    mean_difference = float(y[in_a].mean() - y[~in_a].mean()) if n[a] * n[b] else float("nan")
    # The difference of means grows with the sum over `a`; centred, its expectation is 0.
    centred = y - y.mean() if len(y) else y
    # Sums of the values carry the rounding of the values, however small the differences between them are.
    threshold = abs(centred[in_a].sum()) - 1e-10 * np.abs(centred).sum() - ROUNDING * np.abs(y).sum()
    if threshold <= 0:
        p = 1.0
    else:
        half = len(y) // 2
        left, right = _subset_sums(centred[:half]), _subset_sums(centred[half:])
        extreme = 0
        for k, sums in enumerate(left):
            if 0 <= n[a] - k < len(right):
                partner = right[n[a] - k]
                extreme += int((len(partner) - np.searchsorted(partner, threshold - sums, side="left")).sum())
                extreme += int(np.searchsorted(partner, -threshold - sums, side="right").sum())
        p = extreme / comb(len(y), n[a])
    return ExactTest(
        statistic=mean_difference,
        estimate=mean_difference,
        p=p,
        smallest_p=smallest_attainable_p(n[a], n[b]),
        n=n,
        unit=unit,
        method="exact permutation test on the difference of means",
    )


def _check_finite(values: np.ndarray, name: str) -> None:
    if not np.isfinite(values).all():
        raise ValueError(f"the column '{name}' holds infinite values, expected finite ones (was the log of 0 taken?)")


def _two_names(a: object, b: object) -> tuple[str, str]:
    """Return the names of two groups as text, as groups are compared."""
    if str(a) == str(b):
        raise ValueError(f"'{a}' is compared with itself, expected two groups")
    return str(a), str(b)


def _two_groups(
    frame: pd.DataFrame, value: str, group: str, a: str, b: str, unit: str, design: str
) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Return the values of both groups, which of them are of `a`, and n; rows without a value are left out."""
    one_row_per_unit(frame, unit, design=design)
    columns(frame, value, group)
    values, labels = numbers(frame[value]), np.array(text(frame[group]), dtype=object)
    keep = ~np.isnan(values) & np.isin(labels, [a, b])
    _check_finite(values[keep], value)
    in_a = labels[keep] == a
    return values[keep], in_a, {a: int(in_a.sum()), b: int((~in_a).sum())}


def _contrast_answers(
    frame: pd.DataFrame,
    *,
    value: str,
    cells: Sequence[str],
    contrasts: Mapping[str, Mapping[str, float]],
    unit: str,
    block: str | Sequence[str] | None,
    check: Sequence[str],
    level: float,
) -> dict[str, Estimate]:
    """Estimate contrasts of cell means; `cells` names the cell of each row, those of no contrast are left out."""
    check_level(level)
    blocks = block_names(block)
    columns(frame, value, *blocks, *check)
    values = numbers(frame[value])
    wanted = dict.fromkeys(cell for weights in contrasts.values() for cell in weights)
    keep = [i for i, (cell, known) in enumerate(zip(cells, ~np.isnan(values), strict=True)) if known and cell in wanted]
    y, cells = values[keep], [cells[i] for i in keep]
    _check_finite(y, value)
    size = power_of_two(y)
    y = y / size
    levels = {name: block_levels(frame[name])[keep] for name in dict.fromkeys([*blocks, *check])}
    used = [name for name in blocks if usable_block(levels[name])]
    n_all = {cell: cells.count(cell) for cell in wanted}
    present = [cell for cell, count in n_all.items() if count]
    codes = tuple(map(present.index, cells))
    rows = {name: tuple(weights.get(cell, 0.0) for cell in present) for name, weights in contrasts.items()}
    model = (
        linear.layout(codes, tuple(linear.codes(levels[name]) for name in used), tuple(rows.values())) if keep else None
    )
    variances = model.variances(y - y.mean()) if keep else np.zeros(0)
    answers = {}
    for place, (name, weights) in enumerate(contrasts.items()):
        n = {cell: n_all[cell] for cell in weights}
        method = "Welch t test"
        if used:
            method = f"additive linear model, group + {' + '.join(used)}, a variance for each group"
        kwargs = {"n": n, "unit": unit, "level": level, "method": method}
        if min(n.values()) < 2:
            answers[name] = unanswered(_too_few(n), size * _raw(y, cells, weights), **kwargs)
            continue
        clash = [column for column in used if not _estimable(cells, levels[column], weights)]
        clash += [column for column in check if not _estimable(cells, levels[column], weights, only_involved=True)]
        if not clash and not model.estimable[place]:
            clash = used
        if clash:
            culprit = " and ".join(f"'{column}'" for column in dict.fromkeys(clash))
            sentence = f"What sets {' and '.join(weights)} apart cannot be told from {culprit} in these data."
            answers[name] = unanswered(sentence, size * _raw(y, cells, weights), **kwargs)
            continue
        products = model.products[place, place][None]
        (variance,), (expected,), spread = model.moments(products, variances)
        if used and not model.spread_known(products):
            verb = "is" if len(used) == 1 else "are"
            sentence = f"No degree of freedom is left for the error once {' and '.join(used)} {verb} in the model."
            answers[name] = unanswered(sentence, size * _raw(y, cells, weights), **kwargs)
            continue
        estimate, error = float(model.weights[place] @ y), sqrt(variance)
        # What is left beside a block has been rounded more often.
        if not error > (10 if used else 1) * ROUNDING * np.abs(y).max():
            answers[name] = unanswered(_no_spread(n), size * estimate, **kwargs)
            continue
        df = float(expected**2 / spread[0, 0])
        lone = sum(cell in weights for cell, out in zip(cells, model.taken_up, strict=True) if out) if used else 0
        warnings = (*_design_warnings(n), *lopsided(n), *linear.alone(lone, unit, used))
        answers[name] = _t_answer(size * estimate, size * error, df, warnings=warnings, **kwargs)
    return answers


def _estimable(
    cells: Sequence[str], levels: Sequence[str], weights: Mapping[str, float], *, only_involved: bool = False
) -> bool:
    """Return whether a contrast of cells can be told from the levels of one block; always so where it is not usable."""
    if only_involved:
        pairs = [(cell, level) for cell, level in zip(cells, levels, strict=True) if cell in weights]
        cells, levels = zip(*pairs, strict=True)
    if not usable_block(levels):
        return True
    present = list(dict.fromkeys(cells))
    row = tuple(weights.get(cell, 0.0) for cell in present)
    return bool(linear.layout(tuple(map(present.index, cells)), (linear.codes(levels),), (row,)).estimable[0])


def _t_answer(estimate: float, error: float, df: float, *, level: float, **kwargs) -> Estimate:
    outer, inner = (float(special.stdtrit(df, (1 + cover) / 2)) * error for cover in (level, INNER_LEVEL))
    return Estimate(
        estimate=estimate,
        ci_low=estimate - outer,
        ci_high=estimate + outer,
        inner=(estimate - inner, estimate + inner),
        p=float(2 * special.stdtr(df, -abs(estimate) / error)),
        df=df,
        level=level,
        **kwargs,
    )


def _raw(y: np.ndarray, cells: Sequence[str], weights: Mapping[str, float]) -> float:
    samples = {cell: y[[one == cell for one in cells]] for cell in weights}
    if any(len(sample) == 0 for sample in samples.values()):
        return float("nan")
    return float(sum(weight * samples[cell].mean() for cell, weight in weights.items()))


def _too_few(n: Mapping[str, int]) -> str:
    few = ", ".join(f"{count} in {name}" for name, count in n.items() if count < 2)
    return f"Too few units to estimate the spread between them ({few}), expected at least 2 in each group."


def _no_spread(n: Mapping[str, int]) -> str:
    return f"The values do not vary within {' and '.join(n)}, so the error of the difference cannot be estimated."


def _design_warnings(n: Mapping[str, int]) -> tuple[str, ...]:
    counts = list(n.values())
    if len(counts) != 2:
        return ()
    smallest = smallest_attainable_p(*counts)
    if smallest <= 0.05:
        return ()
    return (
        f"With n = {counts[0]} and {counts[1]} no exact test can give p below {smallest:.2g}: "
        "a smaller p here rests on the assumption of normal values.",
    )


def _noncentrality(t: float, df: float, level: float) -> tuple[float, float]:
    """Return the noncentralities at which `t` is the upper and the lower quantile."""
    tail = (1 - level) / 2
    if abs(t) > 1000:
        # The limits are quantiles of t S - Z (S a scaled chi, Z normal), where Z no longer matters; scipy fails here.
        low, high = sorted(t * np.sqrt(stats.chi2.ppf([tail, 1 - tail], df) / df))
        return float(low), float(high)

    def solve(probability: float) -> float:
        step = 1.0 + abs(t)
        low, high = t - step, t + step
        while stats.nct.cdf(t, df, low) < probability:
            low -= step
        while stats.nct.cdf(t, df, high) > probability:
            high += step
        return float(optimize.brentq(lambda ncp: stats.nct.cdf(t, df, ncp) - probability, low, high))

    return solve(1 - tail), solve(tail)


def _places(values: np.ndarray) -> np.ndarray:
    """Return the place of each value in the order of all; values that differ by rounding only have the same one."""
    order = np.argsort(values)
    apart = np.diff(values[order], prepend=values[order][:1]) > ROUNDING * np.abs(values).max(initial=0)
    places = np.empty(len(values), int)
    places[order] = np.cumsum(apart)
    return places


def _subset_sums(values: np.ndarray) -> list[np.ndarray]:
    """Return, for k = 0 .. len(values), the sorted sums of all subsets of k values."""
    sums = [np.zeros(1)] + [np.zeros(0)] * len(values)
    for done, value in enumerate(values, start=1):
        for k in range(done, 0, -1):
            sums[k] = np.concatenate([sums[k], sums[k - 1] + value])
    return [np.sort(one) for one in sums]
