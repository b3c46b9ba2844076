"""What an analysis returns: an estimate with its interval, its unit and its n."""

from dataclasses import dataclass, field
from math import inf, nan

INTERVAL_KINDS = ("bounded", "lower_unbounded", "upper_unbounded", "whole_line", "two_piece")


@dataclass(frozen=True)
class Estimate:
    """One estimated quantity.

    Attributes
    ----------
    estimate : float
        On the scale on which the endpoint is analysed.
    ci_low, ci_high : float
        Limits of the `level` confidence set; infinite where unbounded. For `two_piece` the set is
        x <= ci_low or x >= ci_high.
    interval_kind : str
        "bounded", "lower_unbounded", "upper_unbounded", "whole_line" or "two_piece".
    inner : tuple[float, float]
        The 90 % limits, for the equivalence rule; (-inf, inf) where that set is not bounded.
    p : float
        Two-sided p of the null that the verdict uses. For phi it is twice the one-sided p of "no aging effect, or phi
        at most the smallest phi of interest", at most 1; where no direction was declared, the aging part is two-sided.
    n : dict[str, int]
        Experimental units per group.
    unit : str
        What the treatment was assigned to, for example "animal".
    method : str
        Named in full, as it is printed beside the number.
    df : float or None
        Degrees of freedom, where the method has any.
    level : float
        Coverage of `ci_low`, `ci_high`.
    aging_p : float or None
        For phi only: one-sided p of the aging contrast in the declared direction, two-sided where none was declared.
    warnings : tuple[str, ...]
        What a reader must know beside the number; shown on the page.
    withheld : str
        Why no verdict may be given (a sentence), empty otherwise.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import difference
    >>> mice = pd.DataFrame({
    ...     "animal": list("abcdefgh"),
    ...     "group": ["young"] * 4 + ["aged"] * 4,
    ...     "log2_mfi": [10.1, 10.4, 9.9, 10.2, 9.4, 9.6, 9.1, 9.5],
    ... })
    >>> answer = difference(
    ...     mice, value="log2_mfi", group="group", a="aged", b="young",
    ...     unit="animal",
    ... )
    >>> print(f"{answer.ci_low:.2f} to {answer.ci_high:.2f}")
    -1.12 to -0.38
    >>> print(f"{answer.estimate:.2f}, p {answer.p:.4f}")
    -0.75, p 0.0025
    >>> answer.n, answer.unit
    ({'aged': 4, 'young': 4}, 'animal')
    """

    estimate: float
    ci_low: float
    ci_high: float
    inner: tuple[float, float]
    p: float
    n: dict[str, int]
    unit: str
    method: str
    interval_kind: str = "bounded"
    df: float | None = None
    level: float = 0.95
    aging_p: float | None = None
    warnings: tuple[str, ...] = field(default=())
    withheld: str = ""


def unanswered(sentence: str, estimate: float = nan, **kwargs) -> Estimate:
    """Return an estimate without an interval and p; `sentence` says why, `about` holds the other fields."""
    return Estimate(
        estimate=float(estimate),
        ci_low=-inf,
        ci_high=inf,
        inner=(-inf, inf),
        p=nan,
        interval_kind="whole_line",
        withheld=sentence,
        **kwargs,
    )
