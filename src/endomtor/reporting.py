"""Estimates as words, for captions, alt texts and sentences: no number in a chapter's text is typed."""

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from endomtor.estimate import Estimate

_RATIOS = {"log2(": 2.0, "log2 hazard ratio": 2.0, "difference of log odds": math.e}
"""Beginnings of estimands that are logarithms of a ratio, with the base."""

NAMES = {"ecko": "ECKO"}
"""Groups that are printed otherwise than the data contract spells them."""


def number(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign, never minus zero; infinite limits are named."""
    if np.isnan(value):
        return "not estimated"
    if np.isinf(value):
        return "unbounded"
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")


def change_base(estimand: str) -> float | None:
    """Return the base of the logarithm of a ratio that an estimand is, None where it is anything else."""
    return next((base for beginning, base in _RATIOS.items() if estimand.startswith(beginning)), None)


def estimand_text(estimand: str) -> str:
    """Return an estimand beside its number: a ratio goes without its logarithm, since `shown` gives it in per cent."""
    plain = re.sub(r"^log2\(([^)]*)\)", r"\1", estimand).replace("log2 hazard ratio", "hazard")
    return plain.replace("difference of log odds, old - young", "odds, old / young")


def shown(
    value: float | None, low: float | None, high: float | None, base: float | None = None
) -> tuple[str, str, str]:
    """Return an estimate and the limits of its set as they are printed everywhere.

    The width of the set has two significant digits, and decides how many are shown; a limit beside zero never reads as
    zero, unless four decimals do not tell them apart. A ratio is a change in per cent: −0.5 on the log2 scale is −29 %.

    Parameters
    ----------
    value : float or None
        None or NaN where there is no estimate.
    low, high : float or None
        None, NaN or infinite where the set has no end.
    base : float, optional
        Of the logarithm, where the three are logarithms of a ratio (`change_base`).

    Returns
    -------
    tuple[str, str, str]
        Estimate with its unit, limits without; `none` and `unbounded` for what is not there.
    """
    value, *ends = (None if one is None or not math.isfinite(one) else float(one) for one in (value, low, high))
    if value is None:
        # Limits without an estimate are those of a set that holds every number.
        return "none", "unbounded", "unbounded"
    if base:
        value, *ends = (None if one is None else 100 * (base**one - 1) for one in (value, *ends))
    decimals = _decimals(value, [one for one in ends if one is not None])
    said = ("unbounded" if one is None else _signed(one, _beside_zero(one, decimals), base) for one in ends)
    return (_signed(value, decimals, base) + (" %" if base else ""), *said)


def _decimals(value: float, ends: list[float]) -> int:
    """Two digits of the width of the set; of its half where only one end is there, of the value where none is."""
    width = abs(ends[-1] - (ends[0] if len(ends) == 2 else value)) if ends else abs(value)
    return min(4, max(0, 1 - math.floor(math.log10(width)))) if width else 2


def _beside_zero(end: float, decimals: int) -> int:
    return next((more for more in range(decimals, 5) if round(end, more)), decimals)


def _signed(value: float, decimals: int, base: float | None) -> str:
    return f"{round(value, decimals) + 0.0:{'+' if base else ''}.{decimals}f}".replace("-", "−")


def percent(share: float) -> str:
    """Return a share of 1 in per cent, with a decimal where it has one."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def p_text(p: float) -> str:
    """Return `p = …` with three decimals, `p < 0.001` below that."""
    if np.isnan(p):
        return "no p"
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def interval_text(estimate: Estimate, base: float | None = None) -> str:
    """Return the confidence set with its level, in words that fit all its forms; `base` as in `shown`."""
    limits, level = limits_text(estimate, base), f"{100 * estimate.level:.0f} %"
    if estimate.withheld and np.isnan(estimate.ci_low):
        return limits
    if estimate.interval_kind in ("two_piece", "whole_line"):
        return f"{level} set: {limits}"
    return f"{level} interval {limits}"


def limits_text(estimate: Estimate, base: float | None = None) -> str:
    """Return the confidence set alone, for a table whose heading names the level; `base` as in `shown`."""
    if estimate.withheld and np.isnan(estimate.ci_low):
        return "no interval"
    _, low, high = shown(estimate.estimate, estimate.ci_low, estimate.ci_high, base)
    if estimate.interval_kind == "two_piece":
        return f"at most {low} or at least {high}"
    if estimate.interval_kind == "whole_line":
        return "any value"
    return f"{low} to {high}"


def endpoint_text(name: str) -> str:
    """Return a name of the contract as it is printed: spaces, and a slash between two sites of one protein."""
    return re.sub(r"(?<=[STY]\d)(\d*)_(?=\d)", r"\1/", name).replace("_", " ")


def named(group: str) -> str:
    """Return a group's name as it is printed."""
    return NAMES.get(group, group)


def n_text(estimates: Iterable) -> str:
    """Return the units per group of several results as `n: aged 8, young 8`, with the range where they differ.

    Parameters
    ----------
    estimates : iterable of Estimate or endomtor.claims.evidence.Record
    """
    counts: dict[str, list[int]] = {}
    for estimate in estimates:
        for group, n in estimate.n.items():
            counts.setdefault(group, []).append(n)
    shown = (f"{named(group)} {min(n)}" + (f" to {max(n)}" if max(n) > min(n) else "") for group, n in counts.items())
    return f"n: {', '.join(shown)}"


def units_text(frame: pd.DataFrame, unit: str = "animal", group: str = "group") -> str:
    """Return the units per group of a table as `n: aged 8, young 8`, for what is drawn without an estimate.

    Parameters
    ----------
    frame : DataFrame
        Any number of rows per unit.
    unit, group : str
        Columns.
    """
    counts = frame.groupby(group, observed=True)[unit].nunique()
    return f"n: {', '.join(f'{named(name)} {n}' for name, n in counts.items())}"


def forest_rows(estimates: Mapping[str, Estimate]) -> pd.DataFrame:
    """Return estimates as the rows of `endomtor.figures.forest`, by their labels, in their order."""
    return pd.DataFrame(
        {
            "label": label,
            "estimate": one.estimate,
            "low": one.ci_low,
            "high": one.ci_high,
            "interval_kind": one.interval_kind,
        }
        for label, one in estimates.items()
    )


def result_text(estimate: Estimate, base: float | None = None) -> str:
    """Return one result: estimate, interval, unit, n, method, p; or why there is none. `base` as in `shown`."""
    if estimate.withheld:
        return f"no verdict: {estimate.withheld}"
    return (
        f"{_value(estimate, base)} ({interval_text(estimate, base)}; unit {estimate.unit}, {n_text([estimate])}; "
        f"{estimate.method}; {p_text(estimate.p)})"
    )


def alt_text(subject: str, estimates: Mapping[str, Estimate], base: float | None = None) -> str:
    """Return an alt text: what is drawn, then each estimate with its interval; `base` as in `shown`."""
    parts = [f"{name} {_value(one, base)}, {interval_text(one, base)}" for name, one in estimates.items()]
    return f"{subject}. {'; '.join(parts)}."


def _value(estimate: Estimate, base: float | None) -> str:
    if np.isnan(estimate.estimate):
        return "not estimated"
    return shown(estimate.estimate, estimate.ci_low, estimate.ci_high, base)[0]


def by_contrast(differences: Mapping[str, Mapping[tuple[str, str], Estimate]]) -> dict[str, Estimate]:
    """Return the differences of several endpoints under one name each, `HSC, aged − young`, for an alt text."""
    return {
        f"{endpoint_text(name)}, {named(a)} − {named(b)}": one
        for name, found in differences.items()
        for (a, b), one in found.items()
    }


def describe(text: str) -> None:
    """Show a sentence that holds computed numbers."""
    display(Markdown(text))
