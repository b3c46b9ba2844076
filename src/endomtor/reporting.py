"""Estimates as words, for captions, alt texts and sentences: no number in a chapter's text is typed."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from endomtor.estimate import Estimate

NAMES = {"ecko": "ECKO"}
"""Groups that are printed otherwise than the data contract spells them."""


def number(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign, never minus zero; infinite limits are named."""
    if np.isnan(value):
        return "not estimated"
    if np.isinf(value):
        return "unbounded"
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """Return a share of 1 in per cent, with a decimal where it has one."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def p_text(p: float) -> str:
    """Return `p = …`, never p = 0."""
    if np.isnan(p):
        return "no p"
    return f"p = {p:.3f}" if p >= 0.001 else f"p = {p:.1e}"


def interval_text(estimate: Estimate) -> str:
    """Return the confidence set with its level, in words that fit all its forms."""
    limits, level = limits_text(estimate), f"{100 * estimate.level:.0f} %"
    if estimate.withheld and np.isnan(estimate.ci_low):
        return limits
    if estimate.interval_kind in ("two_piece", "whole_line"):
        return f"{level} set: {limits}"
    return f"{level} interval {limits}"


def limits_text(estimate: Estimate) -> str:
    """Return the confidence set alone, for a table whose heading names the level."""
    low, high = number(estimate.ci_low), number(estimate.ci_high)
    if estimate.withheld and np.isnan(estimate.ci_low):
        return "no interval"
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


def result_text(estimate: Estimate) -> str:
    """Return one result: estimate, interval, unit, n, method, p; or why there is none."""
    if estimate.withheld:
        return f"no verdict: {estimate.withheld}"
    return (
        f"{number(estimate.estimate)} ({interval_text(estimate)}; unit {estimate.unit}, {n_text([estimate])}; "
        f"{estimate.method}; {p_text(estimate.p)})"
    )


def alt_text(subject: str, estimates: Mapping[str, Estimate]) -> str:
    """Return an alt text: what is drawn, then each estimate with its interval."""
    parts = [f"{name} {number(one.estimate)}, {interval_text(one)}" for name, one in estimates.items()]
    return f"{subject}. {'; '.join(parts)}."


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
