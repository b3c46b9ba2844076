"""What a plot function returns: the figure, and the table of what it draws.

A table has one row per mark. Where a mark has one value, the column `quantity` says what that is, with its unit, as the
figure prints it, and the value's column names the scale; where a mark has several values, each column's name says it.
Estimates come first: a long table is cut on the page.
"""

from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from endomtor.figures import scales


class Drawn(NamedTuple):
    """A figure in house style with its data.

    Attributes
    ----------
    figure : Figure
    table : DataFrame
        One row per mark; the fold-out below the figure and its CSV.
    interactive : dict or None
        How the interactive part below the figure draws the table (`figures.interactive`); None where there is none.
    """

    figure: Figure
    table: pd.DataFrame
    interactive: dict | None = None


def on_scale(table: pd.DataFrame, scale: str) -> pd.DataFrame:
    """Name the columns of numbers after the scale, and drop what the axis prints where it prints the same."""
    if scale == "linear":
        return table.rename(columns={"low": "95 % from", "high": "95 % to"}).drop(columns="read")
    names = {"value": f"value, {scale}", "low": f"95 % from, {scale}", "high": f"95 % to, {scale}"}
    return table.rename(columns=names | {"read": "value on the axis"})


def differences(estimates, quantity: str, scale: str) -> list[dict]:
    """Return a row for each contrast; one that is not testable (None) has no numbers."""
    rows = []
    for (one, reference), estimate in estimates.items():
        row = {"mark": "difference", "quantity": quantity, "group": one, "against": reference}
        if estimate is not None:
            row |= {"value": estimate.estimate, "low": estimate.ci_low, "high": estimate.ci_high}
            row |= {"interval": estimate.interval_kind}
            row |= {"read": scales.find(scale).difference_shown(estimate.estimate)}
        rows.append(row)
    return rows


def units(frame: pd.DataFrame, value: str, group: str, animal: str, order, quantity: str, scale: str) -> list[dict]:
    """Return a row for each unit that is drawn, group by group."""
    shown = scales.find(scale).shown
    return [
        {"mark": animal, "quantity": quantity, animal: unit, "group": name, "value": number, "read": shown(number)}
        for name in order
        for unit, number in frame.loc[frame[group] == name, [animal, value]].dropna(subset=[value]).to_numpy()
    ]


def table_of(rows: list[dict], animal: str, scale: str) -> pd.DataFrame:
    """Return rows of `differences` and `units` as a table.

    Returns
    -------
    DataFrame
        mark ("difference" or the name of the column `animal`), quantity, that column, group, against, value with its
        limits (95 %) on the scale of analysis, interval (its kind), and, where the axis prints other numbers, the value
        as it prints it (a difference of logarithms is a ratio there).
    """
    columns = ["mark", "quantity", animal, "group", "against", "value", "low", "high", "interval", "read"]
    table = pd.DataFrame(rows, columns=columns)
    for column in ("value", "low", "high", "read"):
        table[column] = table[column].astype(float)
    return on_scale(table, scale)
