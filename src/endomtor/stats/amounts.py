"""Amounts of marrow populations, which may come in several units."""

import re

import numpy as np
import pandas as pd

RELATIVE_UNIT = re.compile(r"%|per\s?cent|freq|fraction|proportion|(per|/)\s*[\d,.^ ]*(\w+ )?cells", re.IGNORECASE)
"""What marks a unit as a share of other cells (% of LSK, per 10^5 cells); any other is an absolute number."""


def endpoints(table: pd.DataFrame) -> pd.DataFrame:
    """Return a marrow table with `log2` and `endpoint`, one row per animal and endpoint.

    The endpoint is the population. Where a population comes in several units, an absolute number is the population's
    endpoint (a frequency moves when other cells move), the first in the alphabet if there are several; each other unit
    is an endpoint of its own, `HSC.percent_of_WBM`. The values play no part in it.

    Parameters
    ----------
    table : DataFrame
        `rapamycin_marrow` or `ecko_marrow` of the data contract.

    Examples
    --------
    >>> marrow = pd.DataFrame({"population": ["HSC", "HSC"], "unit": ["% of LSK", "cells per femur"],
    ...     "value": [4.0, 1024.0]})
    >>> endpoints(marrow)[["endpoint", "unit", "log2"]]
                 endpoint             unit  log2
    0  HSC.percent_of_LSK         % of LSK   2.0
    1                 HSC  cells per femur  10.0
    """
    measured = list(zip(table["population"], table["unit"], strict=True))
    names: dict[tuple[str, str], str] = {}
    for population, unit in sorted(set(measured), key=lambda kind: (is_relative(kind[1]), kind[1])):
        name = population
        if name in names.values():
            name = f"{population}.{slug(unit)}"
        # Two spellings of one unit would give one name.
        while name in names.values():
            name += "_"
        names[population, unit] = name
    return table.assign(log2=np.log2(table["value"]), endpoint=[names[kind] for kind in measured])


def is_relative(unit: str) -> bool:
    """Return whether a unit is a share of other cells, by its words (`RELATIVE_UNIT`).

    Examples
    --------
    >>> from endomtor.stats import amounts
    >>> amounts.is_relative("% of LSK"), amounts.is_relative("cells per femur")
    (True, False)
    """
    return bool(RELATIVE_UNIT.search(unit))


def slug(unit: str) -> str:
    """Return a unit as part of an id: letters, digits and underscores.

    Examples
    --------
    >>> from endomtor.stats import amounts
    >>> amounts.slug("% of LSK")
    'percent_of_LSK'
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", unit.replace("%", "percent")).strip("_") or "unit"
