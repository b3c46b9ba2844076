"""Limiting dilution: frequencies of repopulating cells from counts of positive recipients.

Single-hit Poisson model: a recipient of d cells is negative with probability exp(-f d), f the frequency; as a binomial
GLM, link cloglog, offset ln d, intercept ln f. Hu and Smyth 2009 (doi 10.1016/j.jim.2009.06.008). Own code: no Python
package handles groups in which no or every recipient is positive. The donor of the diluted marrow is the unit: verdicts
come from `donor_log_frequency`; `elda` and its tests count recipients as n, the field's habit, and are shown beside it.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import optimize, stats

from endomtor.errors import UnitError
from endomtor.stats.units import block_levels, check_level, columns, numbers

RECIPIENTS = "recipient"
"""What the tests of this module that pool recipients take for n."""

_COUNTED = ("dose", "tested", "positive")

STEEPEST = 30.0
"""Slopes beyond this are taken as infinite: no and every recipient positive on either side of a dose."""


@np.errstate(over="ignore")
def elda(frame: pd.DataFrame, *, group: str = "group", level: float = 0.95) -> pd.DataFrame:
    """Estimate the frequency of each group with its interval, recipients as n.

    Raises `ValueError`: a column is missing, a number is missing, text or infinite, a dose is not above 0, positives
    are not between 0 and tested, or no recipient of a group was tested.

    Parameters
    ----------
    frame : DataFrame
        One row per dose (and donor) of a group: dose (cells given), tested and positive (recipients). Rows without a
        group are left out.
    group : str
        Column of groups.
    level : float
        Coverage of the interval.

    Returns
    -------
    DataFrame
        One row per group, in order of appearance: group, tested, positive, frequency, lower, upper (per cell, at most
        1), unit ("recipient"). Wald interval on ln f with the expected information. Where no recipient is positive the
        frequency is 0 and the interval runs from 0 to the f at which this has probability 1 - level; where all are, the
        frequency is 1 and the interval runs from the like f to 1 (exact, one-sided).

    Examples
    --------
    >>> recipients = pd.DataFrame({"group": ["young"] * 3 + ["aged"] * 3, "dose": [1000, 4000, 16000] * 2,
    ...     "tested": [8] * 6, "positive": [1, 3, 7, 2, 6, 8]})

    Per million cells:

    >>> found = elda(recipients).set_index("group")
    >>> (found[["frequency", "lower", "upper"]] * 1e6).round(1)
           frequency  lower  upper
    group
    young      125.9   65.6  241.7
    aged       337.0  171.6  661.8
    """
    check_level(level)
    rows = []
    for name, (d, n, r) in _groups(frame, group):
        low, rate, high = _rate_interval(d, n, r, level)
        frequency, lower, upper = np.minimum([rate, low, high], 1.0)
        rows.append((name, int(n.sum()), int(r.sum()), frequency, lower, upper, RECIPIENTS))
    return pd.DataFrame(rows, columns=[group, "tested", "positive", "frequency", "lower", "upper", "unit"])


@np.errstate(over="ignore")
def elda_difference(frame: pd.DataFrame) -> pd.DataFrame:
    """Test whether groups differ in frequency: all together, then each pair; likelihood ratio, recipients as n.

    Parameters and errors are those of `elda`.

    Returns
    -------
    DataFrame
        Columns a, b, chisq, df, p, unit. The first row has a = "all", b = "" and df = groups - 1; the p of the pairs
        are not adjusted. Empty where there is one group.

    Examples
    --------
    >>> recipients = pd.DataFrame({"group": ["young"] * 3 + ["aged"] * 3, "dose": [1000, 4000, 16000] * 2,
    ...     "tested": [8] * 6, "positive": [1, 3, 7, 2, 6, 8]})
    >>> elda_difference(recipients).round(4)
           a     b   chisq  df       p       unit
    0    all        4.2141   1  0.0401  recipient
    1  young  aged  4.2141   1  0.0401  recipient
    """
    parts = dict(_groups(frame))
    single = {name: _log_likelihood(*part) for name, part in parts.items()}

    def compare(names: Sequence[str]) -> tuple[float, int, float]:
        pooled = _log_likelihood(*(np.concatenate(columns) for columns in zip(*(parts[n] for n in names), strict=True)))
        chisq = max(0.0, 2 * (sum(single[n] for n in names) - pooled))
        return chisq, len(names) - 1, float(stats.chi2.sf(chisq, len(names) - 1))

    rows = [("all", "", *compare(list(parts)), RECIPIENTS)] if len(parts) > 1 else []
    rows += [(a, b, *compare([a, b]), RECIPIENTS) for a, b in combinations(parts, 2)]
    return pd.DataFrame(rows, columns=["a", "b", "chisq", "df", "p", "unit"])


@np.errstate(over="ignore")
def single_hit_tests(frame: pd.DataFrame) -> pd.DataFrame:
    """Test the single-hit model: is the slope on ln dose 1, in all groups together?

    A slope above 1 speaks for several cells needed together, below 1 for interference or for frequencies that vary
    between recipients or donors. Give one group's rows to ask about that group. Parameters and errors are those of
    `elda`.

    Returns
    -------
    DataFrame
        Rows wald, lr (signed root); columns test, estimate (the slope, for wald only), SE, z, p, unit, withheld. Groups
        with no or only positive recipients, or with one dose, say nothing. Without information z is missing; where the
        likelihood rises for ever the slope is infinite and Wald's z is missing. The p is then 1, as statmod gives it,
        and `withheld` says why it is no answer (else empty).

    Examples
    --------
    >>> recipients = pd.DataFrame({"group": ["young"] * 3 + ["aged"] * 3, "dose": [1000, 4000, 16000] * 2,
    ...     "tested": [8] * 6, "positive": [1, 3, 7, 2, 6, 8]})
    >>> single_hit_tests(recipients).round(3)
       test  estimate     SE      z      p       unit withheld
    0  wald     1.069  0.285  0.242  0.809  recipient
    1    lr       NaN    NaN  0.244  0.807  recipient
    """
    informative = [p for _, p in _groups(frame) if 0 < p[2].sum() < p[1].sum()]
    wald = lr = slope = error = np.nan
    withheld = "No group has positive and negative recipients at several doses, so the slope cannot be judged."
    if sum(_score(*part, np.log(part[0]))[1] for part in informative) > 1e-15:
        slope = _slope(informative)
        gain = sum(_log_likelihood(d, n, r, slope) - _log_likelihood(d, n, r) for d, n, r in informative)
        lr = np.sign(slope - 1) * np.sqrt(max(0.0, 2 * gain))
        if abs(slope) < STEEPEST:
            error = 1 / np.sqrt(sum(_score(d, n, r, np.log(d), slope)[1] for d, n, r in informative))
            wald = (slope - 1) / error
        else:
            slope = np.copysign(np.inf, slope)
            withheld = "The likelihood rises for ever with the slope, so its standard error is unknown."
    rows = [
        (name, estimate, se, z, 1.0, RECIPIENTS, withheld)
        if np.isnan(z)
        else (name, estimate, se, z, float(2 * stats.norm.sf(abs(z))), RECIPIENTS, "")
        for name, estimate, se, z in (("wald", slope, error, wald), ("lr", np.nan, np.nan, lr))
    ]
    return pd.DataFrame(rows, columns=["test", "estimate", "SE", "z", "p", "unit", "withheld"])


@np.errstate(over="ignore")
def donor_log_frequency(
    frame: pd.DataFrame, *, donor: str = "donor", carry: Sequence[str] = ("group",)
) -> pd.DataFrame:
    """Estimate ln frequency for each donor: the input of comparisons in which the donor is the unit.

    The estimate solves the bias-reducing score equation (Firth 1993, doi 10.1093/biomet/80.1.27; for GLMs Kosmidis and
    Firth 2009, doi 10.1093/biomet/asp055), here sum(r m/(exp(m) - 1) - (n - r) m) + (1 - sum(h m))/2 = 0 with m = f d
    and h the leverages. Two reasons: the maximum-likelihood ln f is biased at some 20 recipients a donor, and infinite
    where no or every recipient is positive. The equation's left side is positive for f near 0 and negative for large f
    whatever the positives, so every donor gets a finite value. For donors with no or only positive recipients it
    depends on the doses alone, so groups should be given the same doses; `extreme` marks them.

    Parameters
    ----------
    frame : DataFrame
        One row per donor and dose, of one cell type, with dose, tested and positive as in `elda`.
    donor : str
        Column of the donor.
    carry : sequence of str
        Columns to keep (group, batch), constant within a donor.

    Returns
    -------
    DataFrame
        One row per donor, sorted: donor, `carry`, log_frequency (natural log, per cell), SE, tested, positive, extreme
        ("none", "all" or ""). A log_frequency above 0 is not cut off: it is an estimate with error like any other.

    Raises
    ------
    UnitError
        The donors' column is missing or blank in a row, a dose occurs twice for a donor (two cell types or weeks in one
        frame), or a carried column varies within one.
    ValueError
        As for `elda`, with donors for groups.

    Examples
    --------
    >>> recipients = pd.DataFrame({"donor": ["d1", "d1", "d2", "d2"], "group": ["young", "young", "aged", "aged"],
    ...     "dose": [1000, 8000] * 2, "tested": [6] * 4, "positive": [0, 0, 2, 5]})
    >>> donors = donor_log_frequency(recipients)
    >>> donors[["donor", "log_frequency", "SE", "extreme"]].round(2)
      donor  log_frequency    SE extreme
    0    d1         -11.65  1.48    none
    1    d2          -8.28  0.44
    """
    carry = list(carry)
    columns(frame, *_COUNTED, *carry, unit=donor)
    if blank := int((block_levels(frame[donor]) == "").sum()):
        raise UnitError(f"The column '{donor}' is blank in {blank} of {len(frame)} rows, expected its id in each.")
    counts = _numbers(frame)
    if len(set(zip(frame[donor], frame["dose"], strict=True))) < len(frame):
        first = frame[frame.duplicated([donor, "dose"], keep=False)].iloc[0]
        raise UnitError(
            f"The dose {first['dose']} occurs more than once for {donor} '{first[donor]}', "
            "expected one row per donor and dose: take one cell type and week at a time."
        )
    places = frame.groupby(donor, sort=True, observed=True).indices
    about = frame[[donor, *carry]].drop_duplicates()
    if len(about) > len(places):
        name = about.loc[about[donor].duplicated(), donor].iloc[0]
        column = next(c for c in carry if about.loc[about[donor] == name, c].nunique(dropna=False) > 1)
        raise UnitError(f"The column '{column}' has several values within {donor} '{name}', expected one.")
    kept = frame[carry].to_numpy()
    rows = []
    for name, place in places.items():
        carried = kept[place[0]]
        d, n, r = _counts(*(column[place] for column in counts), f"{donor} '{name}'")
        theta = _bias_reduced(d, n, r)
        extreme = "none" if r.sum() == 0 else "all" if r.sum() == n.sum() else ""
        error = 1 / np.sqrt(_information(np.exp(theta) * d, n).sum())
        rows.append((name, *carried, theta, error, int(n.sum()), int(r.sum()), extreme))
    names = [donor, *carry, "log_frequency", "SE", "tested", "positive", "extreme"]
    return pd.DataFrame(rows, columns=names)


def _numbers(frame: pd.DataFrame) -> list[np.ndarray]:
    # As floats: products of integer doses and numbers overflow without a word in other implementations.
    found = [numbers(frame[name]) for name in _COUNTED]
    for name, values in zip(_COUNTED, found, strict=True):
        if bad := int((~np.isfinite(values)).sum()):
            raise ValueError(
                f"the column '{name}' is missing or infinite in {bad} of {len(frame)} rows, expected a number in each"
            )
    return found


def _counts(d: np.ndarray, n: np.ndarray, r: np.ndarray, whose: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check doses, recipients tested and positive, and leave out doses that nobody received."""
    if not (d > 0).all():
        raise ValueError(f"the column 'dose' holds {np.min(d):g}, expected doses above 0")
    if not ((r >= 0) & (r <= n)).all():
        raise ValueError("the column 'positive' must lie between 0 and the number tested in every row")
    if not n.any():
        raise ValueError(f"no recipient of {whose} was tested, expected at least one")
    return d[n > 0], n[n > 0], r[n > 0]


def _groups(frame: pd.DataFrame, group: str = "group"):
    columns(frame, group, *_COUNTED)
    names = block_levels(frame[group]).astype(object)
    counts = _numbers(frame)
    for name in dict.fromkeys(names[names != ""]):
        yield name, _counts(*(column[names == name] for column in counts), f"{group} '{name}'")


def _negative_odds(m: np.ndarray) -> np.ndarray:
    """Return exp(-m) / (1 - exp(-m)), 0 where exp overflows (of which the callers' callers ask not to be told)."""
    return 1 / np.expm1(m)


def _rate(d: np.ndarray, n: np.ndarray, r: np.ndarray) -> float:
    """Return the maximum-likelihood rate; 0 or infinity where no or every recipient is positive."""
    if r.sum() == 0:
        return 0.0
    if r.sum() == n.sum():
        return float("inf")
    # The score in the rate is convex and falling, and the start lies left of its root: Newton's steps never overshoot.
    rate = -np.log1p(-r.sum() / n.sum()) / d.max()
    for _ in range(500):
        odds = _negative_odds(rate * d)
        step = (r * d * odds - (n - r) * d).sum() / (r * d**2 * odds * (1 + odds)).sum()
        rate += step
        if abs(step) <= 1e-14 * rate:
            break
    return float(rate)


def _information(m: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return each row's expected information on ln rate."""
    return n * m**2 * _negative_odds(m)


def _rate_interval(d: np.ndarray, n: np.ndarray, r: np.ndarray, level: float) -> tuple[float, float, float]:
    rate = _rate(d, n, r)
    if rate == 0:
        return 0.0, 0.0, float(-np.log1p(-level) / (n * d).sum())
    if np.isinf(rate):
        # Between the answers for a single dose: all recipients at the largest, all at the smallest.
        single = -np.log1p(-((1 - level) ** (1 / n.sum())))
        low = optimize.brentq(
            lambda x: (n * np.log(-np.expm1(-np.exp(x) * d))).sum() - np.log1p(-level),
            np.log(single / d.max()) - 1e-9,
            np.log(single / d.min()) + 1e-9,
            xtol=1e-13,
        )
        return float(np.exp(low)), rate, rate
    width = stats.norm.ppf((1 + level) / 2) / np.sqrt(_information(rate * d, n).sum())
    return float(rate * np.exp(-width)), rate, float(rate * np.exp(width))


def _log_likelihood(d: np.ndarray, n: np.ndarray, r: np.ndarray, slope: float = 1.0) -> float:
    """Return the log-likelihood at its maximum over the rate, the slope on ln dose given."""
    scaled = _scaled(d, slope)
    rate = _rate(scaled, n, r)
    if rate == 0 or np.isinf(rate):
        return 0.0
    m = rate * scaled
    hit = r > 0
    return float((r[hit] * np.log(-np.expm1(-m[hit]))).sum() - ((n - r) * m).sum())


def _scaled(d: np.ndarray, slope: float) -> np.ndarray:
    # Divided by the largest power, which only moves the rate and keeps steep slopes within a float's range.
    powers = slope * np.log(d)
    return np.exp(powers - powers.max())


def _score(d: np.ndarray, n: np.ndarray, r: np.ndarray, x: np.ndarray, slope: float = 1.0) -> tuple[float, float]:
    """Return score and information of a further covariate `x`, with the rate at its maximum and projected out."""
    m = _scaled(d, slope)
    m = _rate(m, n, r) * m
    weight = _information(m, n)
    centred = x - (weight * x).sum() / weight.sum()
    return float((centred * (r * m * _negative_odds(m) - (n - r) * m)).sum()), float((weight * centred**2).sum())


def _slope(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """Return the common slope on ln dose, each group with its own rate; +-STEEPEST where the likelihood rises for
    ever."""

    def score(slope: float) -> float:
        return sum(_score(d, n, r, np.log(d), slope)[0] for d, n, r in parts)

    # The likelihood is concave: one root at most.
    if score(STEEPEST) > 0:
        return STEEPEST
    if score(-STEEPEST) < 0:
        return -STEEPEST
    return float(optimize.brentq(score, -STEEPEST, STEEPEST, xtol=1e-12))


def _bias_reduced(d: np.ndarray, n: np.ndarray, r: np.ndarray) -> float:
    def adjusted(theta: float) -> float:
        m = np.exp(theta) * d
        odds = _negative_odds(m)
        weight = n * m * m * odds
        return (r * odds - (n - r)) @ m + (1 - weight @ m / weight.sum()) / 2

    # At the ends m is tiny for all doses, or a few (n = 1) to a few dozen for the smallest: the signs differ there.
    low, high = np.log(1e-4 / (n * d).sum()), np.log((5 + np.log(n.sum())) / d.min())
    return float(optimize.brentq(adjusted, low, high, xtol=1e-13))
