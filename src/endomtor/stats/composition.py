"""Percentages that add to a whole (blood lineages): log-ratios, so that one part's rise is not another's fall.

Aitchison 1986; Egozcue et al. 2003 (doi 10.1023/A:1023818214614); balances: Egozcue and Pawlowsky-Glahn 2005
(doi 10.1007/s11004-005-7381-9). Own code, a few lines each.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from endomtor.stats.groups import difference
from endomtor.stats.multiplicity import holm
from endomtor.stats.units import columns, numbers

DELTA = 0.065
"""Stand-in for a zero, in per cent of the parts' sum: 65 % of a detection limit of 0.1 % (the limit is an
assumption)."""


def replace_zeros(parts: pd.DataFrame, *, delta: float = DELTA) -> pd.DataFrame:
    """Close each row to 1 and put `delta` in the place of zeros, the other parts shrinking in proportion.

    Multiplicative replacement (Martin-Fernandez et al. 2003, doi 10.1023/A:1023866030544), which keeps the ratios
    between the parts that are not 0.

    Raises `ValueError`: a part is text, infinite or negative, there is no part, or `delta` is not between 0 and 100
    divided by the number of parts.

    Parameters
    ----------
    parts : DataFrame
        One row per unit, one column per part, in any common unit.
    delta : float
        In per cent of the row's sum. `DELTA` is 0.065: 65 % of a detection limit of 0.1 %, which is an assumption.

    Returns
    -------
    DataFrame
        Shape of `parts`, rows add to 1. Rows with a missing part, or whose parts are all 0, become missing.

    Examples
    --------
    >>> blood = pd.DataFrame({"myeloid": [20, 30], "b": [50, 0], "t": [30, 70]}, index=["m1", "m2"])
    >>> replace_zeros(blood, delta=0.1)
        myeloid      b       t
    m1   0.2000  0.500  0.3000
    m2   0.2997  0.001  0.6993
    """
    if not parts.shape[1]:
        raise ValueError("the composition has no parts, expected a column for each")
    columns(parts, *parts.columns)
    values = np.column_stack([numbers(parts[part]) for part in parts.columns])
    if (values < 0).any():
        raise ValueError(f"a part of the composition is {np.nanmin(values)}, expected 0 or more")
    if np.isinf(values).any():
        raise ValueError("a part of the composition is infinite, expected a finite number")
    total = values.sum(axis=1, keepdims=True)
    closed = values / np.where(total > 0, total, np.nan)
    if not 0 < delta < 100 / parts.shape[1]:
        raise ValueError(f"delta is {delta} per cent, expected more than 0 and less than {100 / parts.shape[1]:g}")
    zero = closed == 0
    shrunk = closed * (1 - zero.sum(axis=1, keepdims=True) * delta / 100)
    return pd.DataFrame(np.where(zero, delta / 100, shrunk), index=parts.index, columns=parts.columns)


def clr(parts: pd.DataFrame, *, delta: float = DELTA) -> pd.DataFrame:
    """Return the centred log-ratios ln(part / geometric mean of the parts); same shape as `parts`, rows add to 0.

    Zeros are replaced first (`replace_zeros`, which see for `delta` and errors); rows with a missing part become
    missing.

    Examples
    --------
    >>> blood = pd.DataFrame({"myeloid": [20, 30], "b": [50, 0], "t": [30, 70]}, index=["m1", "m2"])

    The zero of m2 is replaced first:

    >>> clr(blood).round(2)
        myeloid     b     t
    m1    -0.44  0.48 -0.04
    m2     1.76 -4.37  2.61
    """
    logs = np.log(replace_zeros(parts, delta=delta))
    return logs.sub(logs.mean(axis=1, skipna=False), axis=0)


def lineage_balance(
    frame: pd.DataFrame, *, myeloid: str = "myeloid_pct", b: str = "b_pct", t: str = "t_pct", delta: float = DELTA
) -> pd.Series:
    """Return the book's primary lineage endpoint, myeloid against lymphoid: sqrt(2/3) ln(myeloid / sqrt(B T)).

    Raises `ValueError` as `replace_zeros`; also where a column is missing.

    Parameters
    ----------
    frame : DataFrame
        One row per sample; NK and other cells do not enter.
    myeloid, b, t : str
        Columns of per cent (any common unit).
    delta : float
        Stand-in for a zero, in per cent of myeloid + B + T.

    Returns
    -------
    Series
        Named "myeloid_balance", index of `frame`; missing where a lineage is missing or all three are 0.

    Examples
    --------
    >>> blood = pd.DataFrame([[20, 50, 30], [40, 35, 25]], index=["young", "aged"],
    ...     columns=["myeloid_pct", "b_pct", "t_pct"])
    >>> lineage_balance(blood).round(3)
    young   -0.540
    aged     0.246
    Name: myeloid_balance, dtype: float64
    """
    columns(frame, myeloid, b, t)
    logs = np.log(replace_zeros(frame[[myeloid, b, t]], delta=delta))
    balance = logs.to_numpy() @ (np.sqrt(2 / 3) * np.array([1, -1 / 2, -1 / 2]))
    return pd.Series(balance, index=frame.index, name="myeloid_balance")


def part_contrasts(
    frame: pd.DataFrame,
    *,
    parts: Sequence[str],
    group: str,
    a: str,
    b: str,
    unit: str,
    block: str | Sequence[str] | None = None,
    delta: float = DELTA,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare each part's centred log-ratio between two groups.

    Parameters are those of `endomtor.stats.difference`; `parts` are columns of per cent, `delta` as in `replace_zeros`.

    Raises `UnitError`, `ValueError` as `endomtor.stats.difference` and `replace_zeros`.

    Returns
    -------
    DataFrame
        One row per part: part, estimate (ln ratio to the geometric mean of the parts), ci_low, ci_high, df, p, p_holm
        (family: the parts), withheld.

    Examples
    --------
    >>> blood = pd.DataFrame({"animal": list("abcdefgh"), "group": ["control"] * 4 + ["ecko"] * 4,
    ...     "myeloid": [20, 24, 22, 19, 33, 38, 30, 36], "b": [50, 45, 49, 52, 40, 38, 41, 36],
    ...     "t": [30, 31, 29, 29, 27, 24, 29, 28]})
    >>> table = part_contrasts(blood, parts=["myeloid", "b", "t"], group="group", a="ecko", b="control", unit="animal")
    >>> kept = ["part", "estimate", "ci_low", "ci_high", "p_holm"]
    >>> table[kept].round(3)
          part  estimate  ci_low  ci_high  p_holm
    0  myeloid     0.429   0.263    0.596   0.003
    1        b    -0.282  -0.410   -0.155   0.004
    2        t    -0.147  -0.265   -0.029   0.027
    """
    parts = list(parts)
    columns(frame, *parts, unit=unit)
    logs = frame.assign(**clr(frame[parts], delta=delta))
    answers = [
        difference(logs, value=part, group=group, a=a, b=b, unit=unit, block=block, level=level) for part in parts
    ]
    kept = ("estimate", "ci_low", "ci_high", "df", "p", "withheld")
    table = pd.DataFrame([{name: getattr(answer, name) for name in kept} for answer in answers])
    table.insert(0, "part", parts)
    tested = table["p"].notna()
    table["p_holm"] = np.nan
    if tested.any():
        table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy())
    return table[["part", "estimate", "ci_low", "ci_high", "df", "p", "p_holm", "withheld"]]
