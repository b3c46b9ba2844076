"""Many estimates with their intervals on one axis."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd

from endomtor.figures import intervals, style
from endomtor.figures.drawing import Drawn


def forest(
    frame: pd.DataFrame,
    *,
    xlabel: str,
    references: Mapping[float, str],
    dots: pd.DataFrame | None = None,
    smallest: float | None = None,
) -> Drawn:
    """Draw one row per estimate: its name and numbers above, its interval below, reference lines through all.

    Parameters
    ----------
    frame : DataFrame
        Columns `label`, `estimate`, `low`, `high` (infinite or missing where unbounded), `interval_kind`; optional
        `group` (colour and marker), `n` (text printed after the label), `note` (printed instead of the numbers, for
        example "no aging effect"). Rows from top to bottom. A row with a note whose set is not bounded cannot be read:
        it has words and no interval, which would be the longest of all.
    references : mapping of float to str
        Vertical lines and their words, for example {0: "young", 1: "aged"}.
    dots : DataFrame, optional
        Columns `label`, `value`: what an estimate summarises (the studies of a signature), drawn in its row.
    smallest : float, optional
        The smallest effect of interest, drawn as a dotted line.

    Raises
    ------
    ValueError
        A dot's label is not in `frame`.
    """
    if dots is not None and not set(dots["label"]) <= set(frame["label"]):
        unknown = sorted(set(dots["label"]) - set(frame["label"]))
        raise ValueError(f"dots hold the label {unknown[0]!r}, expected one of the labels of the frame.")
    records = frame.to_dict("records")
    drawn = [not (row.get("note") and row["interval_kind"] != "bounded") for row in records]
    values, seen = [] if dots is None else dots["value"].tolist(), frame[drawn]
    limits = intervals.limits_of(
        [*seen["estimate"], *values], [*seen["low"], *seen["high"]], [*references, *([smallest] if smallest else [])]
    )
    names = [_name(row) for row in records]
    # Positions count lines of text from the top: a name may take several, and its interval stands below it.
    below = 1.3 if dots is None else 1.8
    heights = [0.9 * name.count("\n") + 1.1 + below * one for name, one in zip(names, drawn, strict=True)]
    tops = np.cumsum([0.4, *heights])
    # The middle of each interval, in line below the last line of its name.
    places = [top + 0.9 * name.count("\n") + 1.6 for top, name in zip(tops, names, strict=False)]
    lanes = [(at - 0.55, at + below - 0.75) for at, one in zip(places, drawn, strict=True) if one]
    with style.house():
        figure = style.page(0.9 + _LINE_INCHES * tops[-1])
        axes = figure.add_subplot()
        axes.set(xlim=limits, ylim=(tops[-1], 0), xlabel=xlabel, yticks=[])
        axes.spines["left"].set_visible(False)
        style.references(axes, references, lanes)
        if smallest:
            style.upright(axes, smallest, lanes, style.DOTTED)
        for top, at, name, row, one in zip(tops, places, names, records, drawn, strict=False):
            colour, marker = style.colour(row.get("group", "")), style.marker(row.get("group", ""))
            axes.annotate(name, (0, top), va="top", **style.BESIDE)
            ink = style.INK if one else style.QUIET
            axes.annotate(_result(row), (1, top), ha="right", va="top", color=ink, **style.BESIDE)
            if not one:
                continue
            numbers = (row[key] for key in ("estimate", "low", "high", "interval_kind"))
            intervals.draw(axes, at, *numbers, limits=limits, colour=colour, marker=marker)
            if dots is not None:
                own = dots.loc[dots["label"] == row["label"], "value"]
                axes.scatter(own, [at + 0.7] * len(own), s=20, alpha=0.5, color=colour, linewidth=0)
    columns = {"estimate": "value", "low": "95 % from", "high": "95 % to", "interval_kind": "interval"}
    table = frame.rename(columns=columns).assign(mark="estimate")
    if dots is not None:
        table = pd.concat([table, dots.assign(mark="dot")], ignore_index=True)
    printed = [column for column in ("n", "note") if column in table]
    return Drawn(figure, table.assign(quantity=xlabel)[["label", "mark", "quantity", *columns.values(), *printed]])


_LINE_INCHES = 0.185
_LINE_CHARACTERS = 60
NBSP = "\N{NO-BREAK SPACE}"


def _name(row: dict) -> str:
    """Return the label with its n, broken so that the numbers fit beside its first line."""
    name = f"{row['label']} ({row['n'].replace(' ', NBSP)})" if row.get("n") else row["label"]
    return textwrap.fill(name, max(20, _LINE_CHARACTERS - len(_result(row))), break_on_hyphens=False)


def _result(row: dict) -> str:
    return row.get("note") or _numbers(row)


def _numbers(row: dict) -> str:
    """Return the estimate and its set in words that fit all its forms."""
    estimate, low, high = (f"{row[key]:.2f}".replace("-", "−") for key in ("estimate", "low", "high"))
    forms = {
        "bounded": f"[{low}, {high}]",
        "lower_unbounded": f"up to {high}",
        "upper_unbounded": f"from {low}",
        "whole_line": "any value",
        "two_piece": f"≤ {low} or ≥ {high}",
    }
    return f"{estimate}  {forms[row['interval_kind']]}"
