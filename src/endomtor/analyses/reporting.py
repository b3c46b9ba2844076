"""Estimates as words, for captions, alt texts and sentences: no number in a chapter's text is typed."""

from collections.abc import Iterable, Mapping

import numpy as np
from IPython.display import Markdown, display

from endomtor.stats import Estimate


def number(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign, never minus zero; infinite limits are named."""
    if np.isnan(value):
        return "not estimated"
    if np.isinf(value):
        return "unbounded"
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")


def p_text(p: float) -> str:
    """Return `p = …`, never p = 0."""
    if np.isnan(p):
        return "no p"
    return f"p = {p:.3f}" if p >= 0.001 else f"p = {p:.1e}"


def interval_text(estimate: Estimate) -> str:
    """Return the confidence set in words that fit all its forms."""
    level, low, high = f"{100 * estimate.level:.0f} %", number(estimate.ci_low), number(estimate.ci_high)
    if estimate.withheld and np.isnan(estimate.ci_low):
        return "no interval"
    if estimate.interval_kind == "two_piece":
        return f"{level} set: at most {low} or at least {high}"
    if estimate.interval_kind == "whole_line":
        return f"{level} set: any value"
    return f"{level} interval {low} to {high}"


def n_text(estimates: Iterable[Estimate]) -> str:
    """Return the units per group of several estimates as `n: aged 8, young 8`, with the range where they differ."""
    counts: dict[str, list[int]] = {}
    for estimate in estimates:
        for group, n in estimate.n.items():
            counts.setdefault(group, []).append(n)
    shown = (
        f"{group} {min(n)}" if min(n) == max(n) else f"{group} {min(n)} to {max(n)}" for group, n in counts.items()
    )
    return f"n: {', '.join(shown)}"


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


def say(text: str) -> None:
    """Show a sentence that holds computed numbers."""
    display(Markdown(text))
