"""What an analysis returns: an estimate with its interval, its unit and its n."""

from dataclasses import dataclass, field

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
        One of `INTERVAL_KINDS`.
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
