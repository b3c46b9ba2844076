"""Which comparisons the groups of a table allow."""

from collections.abc import Iterable


def pairs(groups: Iterable[str]) -> list[tuple[str, str]]:
    """Return the contrasts that groups allow, as (group, reference).

    Aged - young, and ECKO - control, for which young stands in where there is no control.
    """
    present = set(groups)
    wanted = [("aged", "young"), ("ecko", "control" if "control" in present else "young")]
    return [pair for pair in wanted if set(pair) <= present]


def allows_phi(groups: Iterable[str]) -> bool:
    """Return whether phi can be asked: ECKO, and young and aged for what it is measured by."""
    return {"ecko", "young", "aged"} <= set(groups)
