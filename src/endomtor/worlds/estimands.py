"""Expected values of what the analyses compute, where that is not the scale on which the worlds draw.

Expectations over animals or donors are means over the points of a scrambled Sobol sequence (Owen 1998,
doi 10.1006/jcom.1998.0487), pushed through the quantile functions of what is drawn and through the summary that the
analysis itself uses. They are right to about 0.003; `aged` says whether the animals or donors are.
"""

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri
from scipy.stats import binom, nbinom, qmc

from endomtor.stats.limiting_dilution import donor_log_frequency
from endomtor.stats.nested import one_value_per_unit
from endomtor.worlds.parameters import CellsWithin, Dilution, Drug, Endpoint, Spread

kept = lru_cache(maxsize=256)


@cache
def _points(dimensions: int, log2: int = 11) -> np.ndarray:
    """Return points of the unit cube, shape (2^log2, dimensions)."""
    return qmc.Sobol(dimensions, scramble=True, seed=20191212).random_base2(log2)


def _mean_summary(values: np.ndarray, subsamples: Callable[[float], np.ndarray], summary: str) -> float:
    """Return the mean of the analysis's summary of an animal over values of which many are equal.

    `subsamples` turns a value into cells of an animal that has it.
    """
    found, counts = np.unique(values, return_counts=True)
    cells = pd.concat([pd.DataFrame({"value": subsamples(one), "animal": i}) for i, one in enumerate(found)])
    summaries = one_value_per_unit(cells, value="value", unit="animal", summary=summary)
    return float(np.average(summaries["value"], weights=counts))


def _batch_and_sex(spread: Spread) -> float:
    """Return the sd of what batch and sex add to an animal, in units of an endpoint's sd."""
    return float(np.hypot(spread.batch, spread.sex / 2))


def _animals(one: Endpoint, shift: float, aged: bool, spread: Spread, points: np.ndarray) -> np.ndarray:
    around = _batch_and_sex(spread) * ndtri(points[:, 0])
    return one.baseline + shift + one.sd * (around + spread.between(ndtri(points[:, 1]), aged, one.aged_sd))


@kept
def polarity(one: Endpoint, shift: float, aged: bool, spread: Spread, cells: int) -> float:
    """Return the expected empirical logit of an animal's polarised cells, `shift` away from young mice."""
    points = _points(3)
    polarised = binom.ppf(points[:, 2], cells, expit(_animals(one, shift, aged, spread, points)))
    return _mean_summary(polarised, lambda k: (np.arange(cells) < k).astype(int), "empirical_logit")


@kept
def foci(one: Endpoint, shift: float, aged: bool, spread: Spread, cells: int, within: CellsWithin) -> float:
    """Return the expected ln(mean foci + 1/2) of an animal, `shift` away from young mice."""
    points = _points(3)
    mean = np.exp(_animals(one, shift, aged, spread, points))
    # The foci of all cells of an animal together are negative binomial again.
    total = nbinom.ppf(points[:, 2], cells / within.foci_dispersion, 1 / (1 + within.foci_dispersion * mean))
    return _mean_summary(total, lambda count: np.array([count / cells]), "log_mean")


@kept
def dilution(one: Dilution, shift: float, aged: bool, spread: Spread, tested: tuple[int, ...]) -> float:
    """Return the expected bias-reduced ln frequency of a donor, `shift` away from young ones.

    `tested` are the recipients at each dose of each donor of a group.
    """
    # Each fit costs most of a millisecond: few points, and what is linear in the draws, whose mean is known, taken out.
    points, doses = _points(1 + len(one.doses), 9), np.array(one.doses)
    deviation = one.sd * spread.between(ndtri(points[:, 0]), aged)
    recipients = np.resize(tested, len(points))[:, None]
    hit = -np.expm1(-np.exp(one.baseline + shift + deviation)[:, None] * doses)
    positive = binom.ppf(points[:, 1:], recipients, hit)
    outcomes, place = np.unique(np.hstack([recipients, positive]).astype(int), axis=0, return_inverse=True)
    rows = pd.DataFrame(
        {
            "donor": np.repeat(np.arange(len(outcomes)), len(doses)),
            "dose": np.tile(doses, len(outcomes)),
            "tested": np.repeat(outcomes[:, 0], len(doses)),
            "positive": outcomes[:, 1:].ravel(),
        }
    )
    fitted = donor_log_frequency(rows, carry=())["log_frequency"].to_numpy()[place]
    linear = np.column_stack([np.ones(len(points)), deviation, positive - recipients * hit])
    return float(np.linalg.lstsq(linear, fitted, rcond=None)[0][0])


@kept
def white_cells(
    parts: tuple[Endpoint, ...], shifts: tuple[float, ...], aged: bool, spread: Spread, drug: Drug
) -> float:
    """Return the expected log2 of the sum of several kinds of cells of an animal on one day, each with its shift."""
    points = ndtri(_points(1 + 2 * len(parts)))
    common, own, other = points[:, :1], points[:, 1 : 1 + len(parts)], points[:, 1 + len(parts) :]
    baseline, sd, aged_sd = np.array([(part.baseline, part.sd, part.aged_sd) for part in parts]).T
    normal = np.sqrt(spread.correlation) * common + np.sqrt(1 - spread.correlation) * own
    animal = spread.between(normal, aged, aged_sd)
    around = np.hypot(_batch_and_sex(spread), drug.day_sd) * other
    return float(np.log2((2 ** (baseline + np.array(shifts) + sd * (animal + around))).sum(axis=1)).mean())
