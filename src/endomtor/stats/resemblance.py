"""How far an ECKO niche moves a trait from young to aged: phi, its confidence sets, and pictures of resemblance.

`phi = (ecko - control) / (aged - young)` on the scale of analysis: 0 is "like young", 1 "like aged".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import gammaln, stdtr, stdtrit

from endomtor.errors import EndomtorError
from endomtor.estimate import Estimate, unanswered
from endomtor.stats import linear
from endomtor.stats.expression import columns_of, finite_expression, log_counts
from endomtor.stats.units import block_names, columns, lopsided, numbers, one_row_per_unit, power_of_two, usable_blocks

GROUPS = ("young", "aged", "control", "ecko")
DIRECTIONS = ("greater", "less", "either")
SHARED = "young stands in for control: both contrasts share its animals, and their covariance is used"
# Beyond this multiple of the natural scale of phi, rounding can no longer tell a limit from the point at infinity.
_INFINITE = 1e9
_TINY = 1e-300
_GRID = np.linspace(-np.pi / 2, np.pi / 2, 129)[:-1]


class NoAgingReference(EndomtorError):
    """Young or aged units are missing, so that phi has no denominator; ECKO - control can still be estimated."""


@dataclass(frozen=True)
class Ratio:
    """Two contrasts of one endpoint, N = ecko - control and D = aged - young, and the variance of N - phi D.

    Everything is evaluated at homogeneous coordinates phi = p / q, so that phi = infinity is an ordinary point:
    `variance` holds the coefficients of q^2, pq and p^2 in the variance of q N - p D, `expected` those of its
    expectation, and `spread` those of q^4 to p^4 in the sum that its degrees of freedom divide by
    (`linear.Layout.moments`).
    """

    numerator: float
    denominator: float
    variance: tuple[float, float, float]
    expected: tuple[float, float, float]
    spread: tuple[float, float, float, float, float]

    @classmethod
    def of(cls, model: linear.Layout, values: np.ndarray) -> "Ratio":
        n_d = model.weights @ values
        v, e, s = model.moments(model.ratio_products, model.variances(values - values.mean()))
        powers = (s[0, 0], 2 * s[0, 1], 2 * s[0, 2] + s[1, 1], 2 * s[1, 2], s[2, 2])
        return cls(float(n_d[0]), float(n_d[1]), tuple(v.tolist()), tuple(e.tolist()), tuple(map(float, powers)))

    @property
    def estimate(self) -> float:
        return self.numerator / self.denominator if self.denominator else float("nan")

    def at(self, p, q):
        """W = q N - p D, its variance and its Welch-Satterthwaite df at phi = p / q (scalars or arrays)."""
        pp, pq, qq = p * p, p * q, q * q
        v, e, s = self.variance, self.expected, self.spread
        variance = v[0] * qq + v[1] * pq + v[2] * pp
        expected = e[0] * qq + e[1] * pq + e[2] * pp
        spread = s[0] * qq * qq + s[1] * qq * pq + s[2] * pq * pq + s[3] * pq * pp + s[4] * pp * pp
        # The tiny terms give a variance of exactly 0 one degree of freedom instead of 0 / 0.
        return q * self.numerator - p * self.denominator, variance, (expected**2 + _TINY) / (spread + _TINY)

    def upper_p(self, p: float, q: float, sign: float) -> float:
        """One-sided p of sign * (q N - p D) > 0."""
        w, variance, df = self.at(p, q)
        if variance <= 0:
            return 0.0 if sign * w > 0 else 1.0
        return float(stdtr(df, -sign * w / np.sqrt(variance)))


@dataclass(frozen=True)
class ConfidenceSet:
    """All phi that a test does not reject.

    Attributes
    ----------
    kind : str
        One of `endomtor.estimate.INTERVAL_KINDS`.
    low, high : float
        Limits; for `two_piece` the set is phi <= low or phi >= high.
    filled : bool
        True if the exact set has further gaps, which are counted as part of it here (only possible because the degrees
        of freedom change with phi; the set shown is then the larger one).
    """

    kind: str
    low: float
    high: float
    filled: bool = False

    def __contains__(self, phi: float) -> bool:
        return (phi <= self.low or phi >= self.high) if self.kind == "two_piece" else self.low <= phi <= self.high


def _excess(ratio: Ratio, theta, scale: float, tail: float):
    """W^2 - t^2 V at phi = scale * tan(theta): positive where the test rejects phi. Its period is pi."""
    w, variance, df = ratio.at(scale * np.sin(theta), np.cos(theta))
    return w * w - stdtrit(df, tail) ** 2 * variance


def _invert(ratio: Ratio, level: float) -> ConfidenceSet:
    """Invert |T(phi)| <= t: Fieller's set, with degrees of freedom that depend on phi.

    The line of phi, closed at infinity, is a circle of angles; on it the excess is smooth and periodic, and every
    change of sign is a limit. The grid holds the estimate (always inside) and the phi with the largest fixed-df T
    (outside if anything is), so that neither a narrow set nor a narrow gap slips between two grid points.
    """
    v_numerator, c1, v_denominator = ratio.variance
    size = (ratio.numerator**2 + v_numerator) / (ratio.denominator**2 + v_denominator)
    scale = np.sqrt(size) if size > 0 else 1.0
    tail = (1 + level) / 2
    # The direction of largest T solves V u = (N, -D); the adjugate avoids dividing by a determinant that may be 0.
    most_q = v_denominator * ratio.numerator + 0.5 * c1 * ratio.denominator
    most_p = -v_numerator * ratio.denominator - 0.5 * c1 * ratio.numerator
    extra = np.arctan2([ratio.numerator / scale, most_p / scale], [ratio.denominator, most_q])
    theta = np.unique(np.concatenate([_GRID, (extra + np.pi / 2) % np.pi - np.pi / 2]))
    outside = _excess(ratio, theta, scale, tail) > 0
    ring = np.append(theta, theta[0] + np.pi)
    changes = np.flatnonzero(outside != np.roll(outside, -1))
    if changes.size == 0:
        # Either nothing is rejected, or the set is narrower than floating-point angles can tell: a point.
        if outside.any():
            return ConfidenceSet("bounded", ratio.estimate, ratio.estimate)
        return ConfidenceSet("whole_line", -np.inf, np.inf)

    def excess(angle: float) -> float:
        return float(_excess(ratio, angle, scale, tail))

    roots = [_root(excess, ring[i], ring[i + 1]) for i in changes]
    limits = [_tangent(root, scale) for root in roots]
    if outside[0]:  # theta[0] is -pi/2, that is phi = infinity
        low, high, filled = limits[0], limits[-1], len(roots) > 2
        pieces = "bounded"
    else:
        widths = np.diff(roots)[::2]
        first = 2 * int(np.argmax(widths))
        low, high, filled = limits[first], limits[first + 1], len(roots) > 2
        pieces = "two_piece"
    if np.isfinite(low) and np.isfinite(high):
        return ConfidenceSet(pieces, low, high, filled)
    # A limit at infinity: an interval that reaches it, or two pieces of which one has gone.
    start, end = (low, high) if pieces == "bounded" else (high, low)
    if np.isfinite(start):
        return ConfidenceSet("upper_unbounded", start, np.inf, filled)
    if np.isfinite(end):
        return ConfidenceSet("lower_unbounded", -np.inf, end, filled)
    return ConfidenceSet("whole_line", -np.inf, np.inf, filled)


def _root(function, low: float, high: float) -> float:
    """Root between two grid points at which the sign changes (where rounding alone made the change, one of them)."""
    at_low, at_high = function(low), function(high)
    if at_low * at_high > 0:
        return low if abs(at_low) < abs(at_high) else high
    return brentq(function, low, high, xtol=1e-15, rtol=1e-14)


def _tangent(theta: float, scale: float) -> float:
    value = np.tan(theta)
    return float(np.copysign(np.inf, theta)) if abs(value) > _INFINITE else float(scale * value)


def _direction(ratio: Ratio, direction: str) -> tuple[float, float]:
    """Sign of the declared direction and the p of the aging contrast in it (two-sided where none is declared)."""
    sign = {"greater": 1.0, "less": -1.0, "either": float(np.sign(ratio.denominator)) or 1.0}[direction]
    p = ratio.upper_p(-1.0, 0.0, sign)
    return sign, min(1.0, 2 * p) if direction == "either" else p


def fieller_estimate(ratio: Ratio, *, n, unit, method, smallest, direction, level, warnings) -> Estimate:
    """Return phi with Fieller's set and the p of the declared direction; parameters as in `phi` and `Estimate`."""
    aging_p, p = _tested(ratio, smallest, direction)
    outer, inner = _invert(ratio, level), _invert(ratio, 0.90)
    if outer.filled:
        warnings = (*warnings, "the exact confidence set has further gaps, which are counted as part of it")
    centre = ratio.estimate if np.isfinite(ratio.estimate) else 0.0
    return Estimate(
        estimate=ratio.estimate,
        ci_low=outer.low,
        ci_high=outer.high,
        inner=(inner.low, inner.high) if inner.kind == "bounded" else (-np.inf, np.inf),
        p=p,
        n=n,
        unit=unit,
        method=method,
        interval_kind=outer.kind,
        df=float(ratio.at(centre, 1.0)[2]),
        level=level,
        aging_p=aging_p,
        warnings=tuple(warnings),
    )


def _tested(ratio: Ratio, smallest: float, direction: str) -> tuple[float, float]:
    """Return the p of the aging contrast, and that of "aging, and phi above the smallest of interest" (two-sided)."""
    sign, aging_p = _direction(ratio, direction)
    # Without a declared direction the aging contrast is tested two-sidedly already.
    two_sided_aging = aging_p if direction == "either" else 2 * aging_p
    return aging_p, min(1.0, max(two_sided_aging, 2 * ratio.upper_p(smallest, 1.0, sign)))


def _check_options(direction: str, level: float, smallest: float) -> None:
    if direction not in DIRECTIONS:
        raise EndomtorError(f"direction is {direction!r}; expected one of {', '.join(DIRECTIONS)}.")
    if not 0 < level < 1:
        raise EndomtorError(f"level is {level!r}; expected a number between 0 and 1.")
    if not np.isfinite(smallest):
        raise EndomtorError(f"smallest is {smallest!r}; expected a finite number.")


def reference_of(present: Iterable[str], column: str) -> str:
    """The group that ECKO is compared with, `control` or the shared `young`; raises where phi has no meaning."""
    present = set(present)
    missing = [name for name in ("young", "aged") if name not in present]
    if missing:
        raise NoAgingReference(f"No aging reference in these data: column {column} has no {' and no '.join(missing)}.")
    if "ecko" not in present:
        raise EndomtorError(f"Column {column} has no ecko units; phi compares ecko with control.")
    return "control" if "control" in present else "young"


def contrasts_of_phi(reference: str) -> tuple[list[str], np.ndarray]:
    """Groups in use, and their coefficients in N = ecko - reference (row 0) and D = aged - young (row 1)."""
    names = [name for name in GROUPS if name != "control" or reference == "control"]
    contrasts = np.zeros((2, len(names)))
    for row, (up, down) in enumerate((("ecko", reference), ("aged", "young"))):
        contrasts[row, names.index(up)] += 1
        contrasts[row, names.index(down)] -= 1
    return names, contrasts


def _linear_model(
    labels: Sequence[str], blocks: Mapping[str, Sequence[str]], names: list[str], contrasts: np.ndarray
) -> linear.Layout | str:
    """Group means with additive blocks and one variance a group; or why N and D cannot be had."""
    numbers = tuple(map(names.index, labels))
    rows = tuple(map(tuple, contrasts.tolist()))
    model = linear.layout(numbers, tuple(map(linear.codes, blocks.values())), rows)
    called = " and ".join(blocks)
    for estimable, words in zip(model.estimable, ("ecko - {reference}", "aged - young"), strict=True):
        if not estimable:
            return f"{called} is confounded with group: {words} cannot be told from a difference between blocks."
    if not model.spread_known(model.ratio_products):
        return f"No residual degree of freedom is left after group and {called}."
    return model


def phi(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    unit: str,
    direction: str,
    smallest: float = 0.25,
    level: float = 0.95,
    block: str | Sequence[str] | None = None,
) -> Estimate:
    """Phi of one endpoint, with the confidence set that inverts Fieller's test.

    The set holds every phi that `T(phi) = (N - phi D) / sqrt(var(N - phi D))` does not reject at `level`, with
    N = ecko - control, D = aged - young, one variance a group and the Welch-Satterthwaite degrees of freedom *at phi*.
    Without `control` the young units serve both contrasts and enter the variance with (1 - phi)^2. The set can be an
    interval, the whole line, or two pieces; it is bounded exactly where the aging contrast itself differs from 0 at
    `level`. That 0 lies outside the set says only that ecko differs from control; resemblance needs the aging
    contrast as well.

    With `block` (batch, a donor that feeds several niches, or both) the group means are those of the additive linear
    model value ~ group + block, still with a variance for each group (`endomtor.stats.linear`); a block that is
    constant, blank or different in every unit leaves the model, and blanks among labels are one level. Written here
    because no library inverts the test with degrees of freedom that depend on phi.

    Parameters
    ----------
    frame : DataFrame
        One row a unit. Rows of other groups are ignored; rows without a value are left out with a warning.
    value, group, unit : str
        Columns: a number on the scale of analysis; young, aged, control, ecko; the experimental unit.
    block : str or sequence of str, optional
        Columns of additive blocks.
    direction : {"greater", "less", "either"}
        The declared direction of aging. "either" tests the aging contrast two-sidedly.
    smallest : float
        Smallest phi of interest: the null of `Estimate.p` is "no aging effect in the declared direction, or phi at most
        this" (an intersection-union test: the larger of two one-sided p, doubled to read as two-sided; with "either"
        the aging contrast's is two-sided already).
    level : float
        Coverage of the set; `Estimate.inner` is the 90 % set.

    Returns
    -------
    Estimate
        `withheld` says why there is no answer (one unit in a group, no variation, a confounded block); `p` is then NaN.

    Raises
    ------
    NoAgingReference
        No young or no aged unit.
    UnitError
        A unit is blank or occurs in several rows, or its column is missing.
    EndomtorError
        No ecko unit, a value that is not finite, or a wrong option.
    ValueError
        Another column is missing, or a value is text.

    References
    ----------
    Fieller EC (1954) J R Stat Soc B 16:175-185; Welch BL (1947) Biometrika 34:28-35.

    Examples
    --------
    >>> mice = pd.DataFrame({"animal": list("abcdefghijkl"), "group": ["young"] * 4 + ["aged"] * 4 + ["ecko"] * 4,
    ...     "lt_hsc": [2.1, 2.4, 1.8, 2.2, 4.0, 4.4, 3.7, 4.2, 3.1, 2.8, 3.4, 3.0]})
    >>> answer = phi(mice, value="lt_hsc", group="group", unit="animal", direction="greater")
    >>> print(f"{answer.estimate:.2f}, {answer.ci_low:.2f} to {answer.ci_high:.2f}")
    0.49, 0.29 to 0.69

    Without control mice the young ones serve both contrasts:

    >>> answer.n
    {'young': 4, 'aged': 4, 'ecko': 4}
    """
    _check_options(direction, level, smallest)
    columns(frame, value, group, *block_names(block), unit=unit)
    frame = frame[frame[group].isin(GROUPS)]
    values = numbers(frame[value])
    warnings: list[str] = []
    known = ~np.isnan(values)
    if not known.all():
        lost = int((~known).sum())
        warnings.append(f"{lost} row{'s' * (lost > 1)} without {value} left out")
        frame, values = frame[known], values[known]
    if np.isinf(values).any():
        raise EndomtorError(
            f"Column {value} holds an infinite value; expected finite numbers on the scale of analysis."
        )
    one_row_per_unit(frame, unit)
    # Phi has no unit, and its degrees of freedom hold eighth powers of the values.
    values = values / power_of_two(values)
    labels = frame[group].to_numpy(object)
    reference = reference_of(labels, group)
    names, contrasts = contrasts_of_phi(reference)
    if reference == "young":
        warnings.append(SHARED)
    members = [values[labels == name] for name in names]
    n = {name: int(rows.size) for name, rows in zip(names, members, strict=True)}
    # The mean of equal numbers need not equal them in floating point; a constant group must not look like an effect.
    means = np.array([rows[0] if np.ptp(rows) == 0 else rows.mean() for rows in members])
    blocks = usable_blocks(frame, block)
    method = "phi by Fieller's method, Welch-Satterthwaite degrees of freedom"
    if blocks:
        method += f", {' and '.join(blocks)} additive, a variance for each group"
    raw = contrasts @ means
    common = {"n": n, "unit": unit, "method": method, "level": level, "warnings": tuple(warnings)}

    def withhold(reason: str) -> Estimate:
        return unanswered(reason, raw[0] / raw[1] if raw[1] else np.nan, aging_p=np.nan, **common)

    alone = [name for name in names if n[name] == 1]
    if alone:
        return withhold(f"Group {' and group '.join(alone)} has one {unit}: its spread is unknown.")
    if all(np.ptp(rows) == 0 for rows in members):
        same = "All groups have the same value" if np.ptp(means) == 0 else "No group has any spread"
        return withhold(f"{same} in {value}: there is nothing to test against.")

    model = _linear_model(labels, blocks, names, contrasts)
    if isinstance(model, str):
        return withhold(model.format(reference=reference))
    ratio = Ratio.of(model, values)
    spread = values - values.mean()
    rounding = 1e-24 * (spread @ spread)
    if ratio.variance[0] + ratio.variance[2] <= rounding:
        called = " and ".join(["Group", *blocks])
        return withhold(f"{called} leave no residual spread in {value}: there is nothing to test against.")
    if max(ratio.denominator**2, ratio.variance[2]) <= rounding:
        return withhold(f"Aged and young have the same {value} without any spread: phi has no denominator.")
    lone = int(model.taken_up.sum()) if blocks else 0
    common["warnings"] = (*warnings, *lopsided(n), *linear.alone(lone, unit, blocks))
    return fieller_estimate(ratio, smallest=smallest, direction=direction, **common)


def power_of_phi(
    units: int, aging: float, share: float, *, smallest: float = 0.25, cohorts: int = 1000, seed: int = 1
) -> float:
    """Return the share of simulated studies in which `phi` is supported: p < 0.05 in the declared direction.

    A study has `units` in each of the four groups, normal with standard deviation 1, the aged ones shifted by `aging`
    and the ECKO ones by `share` of it: power in standard deviations instead of in the numbers of a world. At `share`
    equal to `smallest` it is the false support.

    Raises `EndomtorError`: fewer than two units a group.

    Parameters
    ----------
    units : int
        In each group.
    aging : float
        Aged - young, in standard deviations between units.
    share : float
        The true phi.
    cohorts, seed : int
        Studies, and the seed of the generator that draws them.

    Examples
    --------
    >>> [round(power_of_phi(8, aging, 0.75, cohorts=400), 1) for aging in (4, 2)]
    [1.0, 0.4]
    """
    if units < 2:
        raise EndomtorError(f"units is {units}; expected at least 2 in each group.")
    names, contrasts = contrasts_of_phi("control")
    labels = np.repeat(names, units)
    model = _linear_model(labels, {}, names, contrasts)
    shift = np.select([labels == "aged", labels == "ecko"], [aging, share * aging], 0.0)
    drawn = shift + np.random.default_rng(seed).normal(size=(cohorts, labels.size))
    return float(np.mean([_tested(Ratio.of(model, one), smallest, "greater")[1] < 0.05 for one in drawn]))


def project(log_expression: pd.DataFrame, weights: pd.Series) -> pd.Series:
    """Score of each sample along an axis of genes: its least-squares slope on the weights.

    score = sum (w - mean w)(x - mean x) / sum (w - mean w)^2 over the genes in both, where a gene's mean over
    samples is taken off x first. If the weights are log2 fold changes (old / young), the difference of two scores is
    the share of those fold changes that separates the two samples: 1 means as far apart as the published groups.
    Centring the weights makes the score blind to a shift of a whole sample (an error of its size factor).

    Raises `EndomtorError`: a gene occurs twice, fewer than two genes with different weights are shared, or a weight or
    an expression is no finite number.

    Parameters
    ----------
    log_expression : DataFrame, genes x samples
        Log2 scale.
    weights : Series, gene -> weight
        Independent of these data, or the contrast of the scores is biased (its own noise is projected on itself).

    Returns
    -------
    Series
        Sample -> score.

    Examples
    --------
    >>> logs = pd.DataFrame({"young": [5, 6, 4], "aged": [6, 5.5, 4.5]}, index=["Sell", "Vwf", "Actb"])
    >>> weights = pd.Series({"Sell": 2.0, "Vwf": -1.0, "Actb": 0.0})
    >>> project(logs, weights).round(2)
    young   -0.23
    aged     0.23
    Name: score, dtype: float64
    """
    for name, index in (("log_expression", log_expression.index), ("weights", weights.index)):
        if not index.is_unique:
            raise EndomtorError(
                f"Gene {index[index.duplicated()][0]!r} occurs twice in {name}; expected one row a gene."
            )
    weights = weights.dropna()
    shared = log_expression.index.intersection(weights.index)
    w = numbers(weights.loc[shared])
    if not np.isfinite(w).all():
        raise EndomtorError(f"The weight of gene {shared[~np.isfinite(w)][0]!r} is infinite; expected finite weights.")
    if len(shared) < 2 or np.ptp(w) == 0:
        raise EndomtorError(
            f"{len(shared)} of {len(weights)} weighted genes are in the expression table; "
            "expected at least two with different weights."
        )
    x = finite_expression(log_expression.loc[shared])
    x = x - x.mean(axis=1, keepdims=True)
    w = w - w.mean()
    return pd.Series(w @ x / (w @ w), index=log_expression.columns, name="score")


def transcriptome_phi_genes(
    counts: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    sample: str = "sample",
    group: str = "group",
    unit: str = "animal",
    smallest: float = 0.25,
    level: float = 0.95,
    min_mean: float = 10.0,
    block: str | Sequence[str] | None = None,
) -> Estimate:
    """Phi over all expressed genes by moments: sum(x y - cov_xy) / sum(x^2 - var_x), with an interval from animals.

    x and y are a gene's log2 fold changes aged - young and ecko - control. Sampling noise adds var_x to x^2 and,
    where young serves both contrasts, cov_xy = var(young mean) > 0 to x y (the reason why naive correlations of fold
    changes with a shared control are positive when nothing is alike); both are estimated gene by gene from the
    animals and taken off. Errors-in-variables lines (Deming, York) assume that the true effects lie on the line and
    are biased when they scatter about it.

    Genes are chosen by mean normalised count only and weigh the same. They are not independent, so the interval is
    over animals: each is left out in turn (variances and covariances are estimated again without it), the stratified
    jackknife gives the standard error, and t has Welch-Satterthwaite degrees of freedom over the groups (n - 1
    each). Where the denominator is not positive, with all animals or without one of them, phi has no interval over
    genes: the whole line is returned, with a warning.

    `Estimate.aging_p` is the jackknife's one-sided p of sum(x^2 - var_x) > 0. Three animals a group are needed; with
    fewer the answer is withheld.

    Raises `NoAgingReference`, `UnitError`, `EndomtorError`, `ValueError` as `phi` and `project`; also for a sample
    without counts or in two columns of them.

    Parameters
    ----------
    counts : DataFrame, genes x samples
        Raw integers, normalised here (median of ratios).
    samples : DataFrame
        One row a sample, with the columns `sample`, `group`, `unit` and, if given, `block`. Choose one population
        first.
    smallest, level, block
        As in `phi`; the direction is "greater" by construction.
    min_mean : float
        Least mean normalised count of a gene over all samples of the four groups (never significance).

    References
    ----------
    Fuller WA (1987) Measurement Error Models, section 1.2 (moments); Arvesen JN (1969) Ann Math Stat 40:2076
    (jackknife of several samples).

    Examples
    --------
    >>> mice = pd.DataFrame({"sample": list("abcdefghijkl")})
    >>> mice["animal"] = [f"mouse {s}" for s in mice["sample"]]
    >>> mice["group"] = np.repeat(["young", "aged", "control", "ecko"], 3)
    >>> weights = pd.Series(np.cos(np.arange(60)))
    >>> share = np.repeat([0, 1, 0, 0.5], 3)
    >>> noise = 0.3 * np.sin(np.outer(np.arange(60) + 1, np.arange(12) + 1))
    >>> logs = 8 + np.outer(weights, share) + noise
    >>> counts = pd.DataFrame((2**logs).astype(int), columns=mice["sample"])

    The true phi is 0.5:

    >>> answer = transcriptome_phi_genes(counts, mice)
    >>> print(f"{answer.estimate:.2f}, {answer.ci_low:.2f} to {answer.ci_high:.2f}")
    0.55, 0.33 to 0.77
    """
    _check_options("greater", level, smallest)
    columns(samples, sample, group, *block_names(block), unit=unit)
    samples = samples[samples[group].isin(GROUPS)]
    if samples.empty:
        raise NoAgingReference(f"No aging reference in these data: column {group} has no young and no aged.")
    log_expression = log_counts(columns_of(counts, samples[sample], "counts"), min_mean=min_mean)
    one_row_per_unit(samples, unit)
    labels = samples[group].to_numpy(object)
    reference = reference_of(labels, group)
    names, contrasts = contrasts_of_phi(reference)
    used = np.isin(labels, names)
    labels = labels[used]
    values = log_expression.to_numpy(float)[:, used]
    blocks = usable_blocks(samples[used], block, own_level=True)
    n = {name: int((labels == name).sum()) for name in names}
    common = {
        "n": n,
        "unit": unit,
        "method": f"phi over {len(log_expression)} genes by moments, leave-one-{unit}-out jackknife, t over groups",
        "level": level,
        "warnings": (SHARED,) if reference == "young" else (),
    }
    few = [name for name in names if n[name] < 3]
    if few:
        reason = f"Group {' and group '.join(few)} has fewer than three {unit}s: leaving one out leaves no spread."
        return unanswered(reason, aging_p=np.nan, **common)

    # What is summed over genes are products of two animals' values: so no animal left out goes through all genes.
    centred = values - values.mean(axis=1, keepdims=True)
    pairs = centred.T @ centred

    def sums(keep: np.ndarray) -> np.ndarray | str:
        left = {name: levels[keep] for name, levels in blocks.items() if len(set(levels[keep])) > 1}
        model = _linear_model(labels[keep], left, names, contrasts)
        if isinstance(model, str):
            return model.format(reference=reference)
        own = pairs[np.ix_(keep, keep)]
        moments = model.weights @ own @ model.weights.T - model.products @ model.summed_variances(own)
        return moments[[0, 1], [1, 1]]

    everyone = np.ones(labels.size, bool)
    full = sums(everyone)
    if isinstance(full, str):
        return unanswered(full, aging_p=np.nan, **common)
    left_out = []
    for animal in range(labels.size):
        keep = everyone.copy()
        keep[animal] = False
        without = sums(keep)
        if isinstance(without, str):
            reason = f"Without one {unit} of group {labels[animal]} the model cannot be fitted: {without}"
            return unanswered(reason, full[0] / full[1], aging_p=np.nan, **common)
        left_out.append(without)
    left_out = np.array(left_out)
    estimate, aging_p, exceeds_p, outer, inner, df = _jackknife(full, left_out, labels, names, smallest, level)
    if not np.isfinite(outer[0]):
        common["warnings"] += ("aged and young differ over genes by no more than animals do: phi has no interval",)
    return Estimate(
        estimate=estimate,
        ci_low=outer[0],
        ci_high=outer[1],
        inner=inner,
        p=min(1.0, 2 * max(aging_p, exceeds_p)),
        interval_kind="bounded" if np.isfinite(outer[0]) else "whole_line",
        df=df,
        aging_p=aging_p,
        **common,
    )


def _jackknife(full, left_out, labels, names, smallest, level):
    """Jackknife of A / B by group: estimate, p of B > 0, p of A / B > smallest, limits at `level` and 90 %, df of t."""

    def spread(replicates: np.ndarray) -> tuple[float, float]:
        parts, dfs = [], []
        for name in names:
            members = replicates[labels == name]
            parts.append((members.size - 1) * members.var())
            dfs.append(members.size - 1)
        total = float(np.sum(parts))
        df = total**2 / np.sum(np.square(parts) / dfs) if total > 0 else float(np.sum(dfs))
        return np.sqrt(total), float(df)

    def upper_p(distance: float, se: float, df: float) -> float:
        return float(stdtr(df, -distance / se)) if se > 0 else float(distance <= 0)

    se_b, df_b = spread(left_out[:, 1])
    aging_p = upper_p(full[1], se_b, df_b)
    whole = (-np.inf, np.inf)
    if full[1] <= 0 or (left_out[:, 1] <= 0).any():
        return (float(full[0] / full[1]) if full[1] > 0 else float("nan")), aging_p, 1.0, whole, whole, None
    estimate = float(full[0] / full[1])
    se, df = spread(left_out[:, 0] / left_out[:, 1])
    limits = [
        (float(estimate - half), float(estimate + half))
        for half in (stdtrit(df, (1 + c) / 2) * se for c in (level, 0.90))
    ]
    return estimate, aging_p, upper_p(estimate - smallest, se, df), *limits, df


@dataclass(frozen=True)
class RankOverlap:
    """Rank-rank hypergeometric overlap of two gene lists on a grid of ranks.

    Attributes
    ----------
    ranks : array (k,)
        Grid: step, 2 step, ... genes from the top (largest value) of each list.
    count, expected : array (k, k)
        Genes among the top ranks[i] of x and the top ranks[j] of y; what chance would give.
    log_up, log_down : array (k, k)
        -ln P(X >= count) and -ln P(X <= count).
    signed : array (k, k)
        `log_up` where count >= expected, else -`log_down`: the original map (RRHO).
    corrected : array (k, k)
        -ln p of the overlap counted from the corner of the quadrant in which the cell lies (RRHO2): up-up and down-down
        for concordance, up-down and down-up for discordance; quadrants split where each list changes sign.
    split : tuple[int, int]
        Number of values above zero in x and in y.
    genes : int
    """

    ranks: np.ndarray
    count: np.ndarray
    expected: np.ndarray
    log_up: np.ndarray
    log_down: np.ndarray
    signed: np.ndarray
    corrected: np.ndarray
    split: tuple[int, int]
    genes: int


def rrho(x: pd.Series, y: pd.Series, *, step: int = 50) -> RankOverlap:
    """Rank-rank hypergeometric overlap of two contrasts, with the corrected quadrants. A picture, not a test.

    Genes are not independent and the grid is searched, so no p of this map enters a verdict.

    Parameters
    ----------
    x, y : Series, gene -> statistic
        Signed, for example Wald statistics. Genes missing in either are left out; ties keep the order of sorted gene
        names.
    step : int
        Ranks between grid points.

    Raises
    ------
    EndomtorError
        A gene occurs twice, or fewer than `step` genes are shared.
    ValueError
        A statistic is text.

    References
    ----------
    Plaisier SB et al. (2010) Nucleic Acids Res 38:e169; Cahill KM et al. (2018) Sci Rep 8:9588 (quadrants).

    Examples
    --------
    >>> genes = [f"g{i:02}" for i in range(20)]
    >>> aging = pd.Series(np.arange(20) - 9.5, index=genes)
    >>> opposite = rrho(aging, -aging, step=5)

    The five genes highest in one list are the lowest in the other:

    >>> opposite.count[:3, :3]
    array([[ 0,  0,  0],
           [ 0,  0,  5],
           [ 0,  5, 10]])
    >>> round(float(opposite.corrected[0, 2]), 2)
    9.65
    """
    for name, series in (("x", x), ("y", y)):
        if not series.index.is_unique:
            raise EndomtorError(
                f"Gene {series.index[series.index.duplicated()][0]!r} occurs twice in {name}; expected once."
            )
    x, y = (pd.Series(numbers(one.rename(name)), index=one.index, name=name) for name, one in (("x", x), ("y", y)))
    both = pd.concat([x, y], axis=1, join="inner").dropna().sort_index()
    n = len(both)
    if step < 1 or n < step:
        raise EndomtorError(
            f"{n} genes are shared and step is {step}; expected a positive step of at most that many genes."
        )
    k = n // step
    ranks = step * np.arange(1, k + 1)
    bins = []
    for column in ("x", "y"):
        order = np.argsort(-both[column].to_numpy(float), kind="stable")
        rank = np.empty(n, int)
        rank[order] = np.arange(n)
        bins.append(rank // step)
    inside = (bins[0] < k) & (bins[1] < k)
    cells = np.bincount(bins[0][inside] * k + bins[1][inside], minlength=k * k).reshape(k, k)
    count = cells.cumsum(axis=0).cumsum(axis=1)
    a, b = (grid.astype(float) for grid in np.meshgrid(ranks, ranks, indexing="ij"))
    log_up, log_down = -hypergeometric_logsf(count, n, a, b), -hypergeometric_logsf(a - count, n, a, n - b)
    expected = a * b / n
    split = int((both["x"] > 0).sum()), int((both["y"] > 0).sum())
    # An overlap from the opposite corner of one list is large exactly where the overlap from the top is small.
    concordant = (a <= split[0]) == (b <= split[1])
    return RankOverlap(
        ranks=ranks,
        count=count,
        expected=expected,
        log_up=log_up,
        log_down=log_down,
        signed=np.where(count >= expected, log_up, -log_down),
        corrected=np.where(concordant, log_up, log_down),
        split=split,
        genes=n,
    )


def hypergeometric_logsf(k, n, a, b) -> np.ndarray:
    """ln P(X >= k) for the overlap X of two sets of a and b genes out of n; exact in the far tail, vectorised.

    The smaller tail is summed term by term from k outwards (each term from the last by its ratio), so that neither
    tail is lost to rounding: scipy's `hypergeom.logsf` agrees but takes a Python loop over elements, too slow for a
    map.

    Parameters
    ----------
    k, n, a, b : array_like of whole numbers
        Broadcast together.
    """
    k, n, a, b = (np.atleast_1d(v).astype(float) for v in np.broadcast_arrays(k, n, a, b))
    shape = k.shape
    k, n, a, b = (v.ravel() for v in (k, n, a, b))
    low, high = np.maximum(0, a + b - n), np.minimum(a, b)
    result = np.zeros(k.size)
    result[k > high] = -np.inf
    open_ = (k > low) & (k <= high)
    upper = open_ & (k > a * b / n)
    lower = open_ & ~upper
    result[upper] = _log_tail(k[upper], n[upper], a[upper], b[upper])
    # P(X <= k - 1) is the upper tail of a - X, the overlap of a with the complement of b.
    below = _log_tail(a[lower] - k[lower] + 1, n[lower], a[lower], n[lower] - b[lower])
    result[lower] = np.log1p(-np.exp(below))
    return result.reshape(shape)


def _log_tail(k, n, a, b) -> np.ndarray:
    """ln P(X >= k) by summing terms from k upwards; k at or above the mean, so that the terms fall."""
    log_first = (
        gammaln(a + 1) - gammaln(k + 1) - gammaln(a - k + 1)
        + gammaln(n - a + 1) - gammaln(b - k + 1) - gammaln(n - a - b + k + 1)
        - gammaln(n + 1) + gammaln(b + 1) + gammaln(n - b + 1)
    )  # fmt: skip
    total, term, j = np.ones(k.size), np.ones(k.size), k.copy()
    active = np.arange(k.size)
    while active.size:
        i = j[active]
        step = (a[active] - i) * (b[active] - i) / ((i + 1) * (n[active] - a[active] - b[active] + i + 1))
        term[active] *= np.maximum(step, 0)
        total[active] += term[active]
        j[active] += 1
        active = active[term[active] > 1e-17 * total[active]]
    return log_first + np.log(total)
