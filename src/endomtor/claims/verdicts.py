"""From interval to word, from words to the verdict on a claim, and from that to the words of a simulated world.

The rules are those of the page "How to read this book". They are the only place where a verdict is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from endomtor.claims.catalogue import Rule
from endomtor.estimate import Estimate

SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
RECOVERED, MISSED, FALSE_ALARM, RIGHTLY_SILENT = "recovered", "missed", "false alarm", "rightly silent"
NOT_TESTABLE = "not testable here"
DATA_WORDS = (SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_TESTABLE)
WORLD_WORDS = (RECOVERED, MISSED, FALSE_ALARM, RIGHTLY_SILENT, NOT_TESTABLE)

EFFECT, OPPOSITE, EQUIVALENT = "effect", "opposite", "equivalent"
IMPRECISE, NO_AGING, WITHHELD = "too imprecise", "no aging effect", "withheld"
REASONS = (EFFECT, OPPOSITE, EQUIVALENT, IMPRECISE, NO_AGING, WITHHELD)

ONE_SIDED = 0.025
"""Error of one claim in the declared direction."""

TWO_SIDED = 2 * ONE_SIDED
"""The same error where no direction was declared."""


@dataclass(frozen=True)
class Verdict:
    """A word and why it was chosen."""

    word: str
    reason: str


def judge(estimate: Estimate, rule: Rule) -> Verdict:
    """Return the verdict of one estimate under its rule.

    Difference: *supported* when the 95 % interval lies on the predicted side of 0 and the estimate reaches the smallest
    effect of interest; *contradicted* when the interval lies on the other side, or the 90 % interval lies within plus
    or minus that effect. Phi: *supported* when the aging contrast is significant in the declared direction (one-sided
    at 0.025; two-sided at 0.05 where none was declared) and the lower limit lies above the smallest phi; *contradicted*
    when the bounded set lies below 0, or its 90 % counterpart within plus or minus the smallest phi. All else is
    *inconclusive*.
    """
    if estimate.withheld:
        return Verdict(NOT_TESTABLE, WITHHELD)
    if rule.rule == "phi":
        return _judge_phi(estimate, rule)
    return _judge_difference(estimate, rule)


def _judge_difference(estimate: Estimate, rule: Rule) -> Verdict:
    value, low, high = estimate.estimate, estimate.ci_low, estimate.ci_high
    if rule.direction == "less" or (rule.direction == "either" and value < 0):
        value, low, high = -value, -high, -low
    if low > 0 and value >= rule.smallest:
        return Verdict(SUPPORTED, EFFECT)
    if high < 0:
        return Verdict(CONTRADICTED, OPPOSITE)
    if _within(estimate.inner, rule.smallest):
        return Verdict(CONTRADICTED, EQUIVALENT)
    return Verdict(INCONCLUSIVE, IMPRECISE)


def _judge_phi(estimate: Estimate, rule: Rule) -> Verdict:
    # Without an aging effect phi is a ratio to nothing: no value of it means resemblance or its absence.
    alpha = TWO_SIDED if rule.direction == "either" else ONE_SIDED
    if estimate.aging_p is None or estimate.aging_p > alpha or estimate.interval_kind != "bounded":
        return Verdict(INCONCLUSIVE, NO_AGING)
    if estimate.ci_low > rule.smallest:
        return Verdict(SUPPORTED, EFFECT)
    if estimate.ci_high < 0:
        return Verdict(CONTRADICTED, OPPOSITE)
    if _within(estimate.inner, rule.smallest):
        return Verdict(CONTRADICTED, EQUIVALENT)
    return Verdict(INCONCLUSIVE, IMPRECISE)


def _within(limits: tuple[float, float], smallest: float) -> bool:
    return -smallest < limits[0] and limits[1] < smallest


def in_world(verdict: Verdict, truth: bool | None) -> Verdict:
    """Return the verdict in the words of a simulated world: was a planted effect found, was its absence respected?

    `truth` says whether the prediction holds in the world; None when the world's design lets nobody tell.
    """
    if truth is None or verdict.word == NOT_TESTABLE:
        return Verdict(NOT_TESTABLE, WITHHELD)
    if truth:
        return Verdict(RECOVERED if verdict.word == SUPPORTED else MISSED, verdict.reason)
    return Verdict(FALSE_ALARM if verdict.word == SUPPORTED else RIGHTLY_SILENT, verdict.reason)


def data_word(word: str, reason: str) -> str:
    """Return the word on the data that lies behind a word of a simulated world (or the word itself)."""
    if word in DATA_WORDS:
        return word
    if reason == EFFECT:
        return SUPPORTED
    return CONTRADICTED if reason in (OPPOSITE, EQUIVALENT) else INCONCLUSIVE


def one_sided(p: float, estimate: float, rule: str, direction: str) -> float:
    """Return the one-sided p in the declared direction from a two-sided one.

    For phi the direction is in the p already (see `Estimate.p`).
    """
    if rule == "phi" or direction == "either":
        return p / 2
    towards = estimate < 0 if direction == "less" else estimate > 0
    return p / 2 if towards else 1 - p / 2


def partial_conjunction(p: Sequence[float], needed: int) -> float:
    """Return the p of "fewer than `needed` of these effects exist", valid under any dependence.

    max over j <= needed of (k - j + 1) p(j) on ordered p: the Bonferroni form of Benjamini and Heller 2008
    (doi 10.1111/j.1541-0420.2007.00984.x), made monotone as in Holm's procedure. A maximum over j >= needed would end
    with p(k), that is, ask all k to be significant.

    Raises
    ------
    ValueError
        `needed` is not between 1 and the number of p.
    """
    if not 1 <= needed <= len(p):
        raise ValueError(f"needed is {needed}, expected 1 to {len(p)}")
    ordered = sorted(p)
    return min(1.0, max((len(ordered) - j) * ordered[j] for j in range(needed)))


@dataclass(frozen=True)
class Combined:
    """The verdict on a claim: the word on the data, its reason, p, the number k of primaries that could be tested."""

    word: str
    reason: str
    p: float | None
    k: int


def combine(primaries: Sequence[tuple[str, str, float]], needed: int, listed: int) -> Combined:
    """Combine primary predictions, each as (word on the data, reason, one-sided p), into the verdict on their claim.

    Supported: partial conjunction p at most 0.025 over the k that were tested, at least `needed` supported, none
    opposite. Contradicted: more than `listed` - needed contradicted, so that too few are left that could hold.
    Otherwise inconclusive. What was not tested may hold: it never helps to contradict a claim. Where all that are
    listed must hold, as premises must, their largest p is asked: an intersection-union test (Berger 1982, doi
    10.1080/00401706.1982.10487790) needs no more.

    Parameters
    ----------
    listed : int
        How many primary predictions the claim has, tested or not, without those `where_given` that were not tested.
    """
    tested = [primary for primary in primaries if primary[0] != NOT_TESTABLE]
    k = len(tested)
    if k < needed:
        return Combined(NOT_TESTABLE, WITHHELD, None, k)
    values = [value for _, _, value in tested]
    p = max(values) if needed == listed else partial_conjunction(values, needed)
    reasons = [reason for _, reason, _ in tested]
    supported = sum(word == SUPPORTED for word, _, _ in tested)
    contradicted = [reason for word, reason, _ in tested if word == CONTRADICTED]
    if p <= ONE_SIDED and supported >= needed and OPPOSITE not in contradicted:
        return Combined(SUPPORTED, EFFECT, p, k)
    if len(contradicted) > listed - needed:
        return Combined(CONTRADICTED, OPPOSITE if OPPOSITE in contradicted else EQUIVALENT, p, k)
    return Combined(INCONCLUSIVE, NO_AGING if reasons.count(NO_AGING) > k - needed else IMPRECISE, p, k)


def either(parts: Sequence[Combined]) -> Combined:
    """Combine the verdicts on parts of a claim that are asked apart, of which one is enough.

    Supported: a part is, with its p adjusted by Holm's method over the parts that were tested. Contradicted: each part
    is, tested or not. Otherwise inconclusive, for the reason of the part with the smallest p.
    """
    tested = sorted((part for part in parts if part.p is not None), key=lambda part: part.p)
    k = sum(part.k for part in parts)
    if not tested:
        return Combined(NOT_TESTABLE, WITHHELD, None, k)
    p = 0.0
    for place, part in enumerate(tested):
        p = max(p, min(1.0, (len(tested) - place) * part.p))
        if part.word == SUPPORTED and p <= ONE_SIDED:
            return Combined(SUPPORTED, EFFECT, p, k)
    first = Combined(INCONCLUSIVE, tested[0].reason, min(1.0, len(tested) * tested[0].p), k)
    if all(part.word == CONTRADICTED for part in parts):
        reasons = {part.reason for part in parts}
        return Combined(CONTRADICTED, OPPOSITE if OPPOSITE in reasons else EQUIVALENT, first.p, k)
    # A part that is supported by itself, or contradicted, does not decide for the whole.
    return first if tested[0].word == INCONCLUSIVE else Combined(INCONCLUSIVE, IMPRECISE, first.p, k)
