"""Many tests at once, within a family."""

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> np.ndarray:
    """Return p adjusted by Holm's step-down method, for the family that all tests given form.

    Parameters
    ----------
    p : sequence of float, n
        Unadjusted p; may be empty. A p that is NaN stays NaN, and yet its test counts among the n: leave out tests that
        were not made, as R's `p.adjust` does by itself.

    Returns
    -------
    ndarray, n
        Adjusted p in the order given, at most 1.

    References
    ----------
    Holm S (1979) Scand J Stat 6:65-70. Own code, five lines: statsmodels' `multipletests`, with which the tests compare
    it, collects garbage at each call, which takes longer than a chapter's statistics.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3)
    array([0.03, 0.06, 0.06])
    >>> holm([0.01, np.nan, 0.03]).round(3)
    array([0.03,  nan, 0.06])
    """
    p = np.asarray(p, float)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted
