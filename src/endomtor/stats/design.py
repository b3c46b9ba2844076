"""Which comparisons the groups of a table allow."""

from collections.abc import Iterable


def pairs(groups: Iterable[str]) -> list[tuple[str, str]]:
    """Return the contrasts that groups allow, as (group, reference).

    Aged - young, and ECKO - control, for which young stands in where there is no control.

    Examples
    --------
    >>> from endomtor.stats import pairs
    >>> pairs(["young", "aged", "ecko"])
    [('aged', 'young'), ('ecko', 'young')]
    """
    present = set(groups)
    wanted = [("aged", "young"), ("ecko", "control" if "control" in present else "young")]
    return [pair for pair in wanted if set(pair) <= present]


def allows_phi(groups: Iterable[str]) -> bool:
    """Return whether phi can be asked: ECKO, and young and aged for what it is measured by.

    Examples
    --------
    >>> from endomtor.stats import allows_phi
    >>> allows_phi(["young", "control", "ecko"])
    False
    """
    return {"ecko", "young", "aged"} <= set(groups)
