"""Many tests at once, within a family."""

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> np.ndarray:
    """Return p of any number of tests, adjusted by Holm's step-down method (Holm 1979); NaN spoils all.

    Own code, five lines: statsmodels' `multipletests`, with which the tests compare it, collects garbage at each call,
    which takes longer than a chapter's statistics.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3)
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p, float)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted
