"""What a chapter's pure function returns for each of its records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from endomtor.estimate import Estimate

Contrast = tuple[str, str]
"""(group, reference): the estimate is group minus reference."""


@dataclass(frozen=True)
class Answer:
    """One estimate with what stands behind it.

    Attributes
    ----------
    estimate : Estimate
        What is recorded and judged.
    contrasts : mapping of (group, reference) to Estimate
        The differences that the estimate is about, on the scale of analysis, the prediction's own first.
    alternatives : callable
        Returns the same quantity by other defensible tests, and at other thresholds (`alternatives.FACTORS`), by
        name; only robustness calls it.
    """

    estimate: Estimate
    contrasts: Mapping[Contrast, Estimate] = field(default_factory=dict)
    alternatives: Callable[[], Mapping[str, Estimate]] = dict
