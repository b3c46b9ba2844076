"""The unit of analysis: what the treatment was assigned to. Subsamples are refused, never counted as n."""

import difflib
from collections.abc import Mapping, Sequence
from math import comb, frexp
from typing import NoReturn

import numpy as np
import pandas as pd

from endomtor.errors import UnitError


def one_row_per_unit(frame: pd.DataFrame, unit: str, *, design: str = "") -> None:
    """Refuse a frame in which an experimental unit occurs in more than one row.

    Raises `UnitError`: the column is missing, an id is blank, or an id repeats. The sentence says which column
    repeats, how many subsamples a unit has, and what to do instead.

    Parameters
    ----------
    frame : DataFrame
        One row per experimental unit is expected, whatever its other columns.
    unit : str
        Column with the id of what the treatment was assigned to (animal, donor, exposed animal).
    design : str
        Names the analysis in the message, for example "Welch t test".

    Notes
    -----
    ARRIVE 2.0, item 1b; Lazic et al. 2018 (doi 10.1371/journal.pbio.2005282).

    Examples
    --------
    >>> mice = pd.DataFrame({"animal": ["m1", "m2"]})
    >>> one_row_per_unit(mice, "animal")
    >>> cells = pd.DataFrame({"animal": ["m1", "m1", "m2", "m2"]})
    >>> one_row_per_unit(cells, "animal")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    endomtor.errors.UnitError: The column 'animal' repeats: 2 units ...
    """
    purpose = f" for the {design}" if design else ""
    if unit not in frame.columns:
        _refuse_unit(frame, unit, purpose)
    ids = text(frame[unit])
    # Most calls end here; the rest of the function words the refusal.
    if len(set(ids)) == len(ids) and not any(one.strip() == "" for one in ids):
        return
    blank = is_blank(frame[unit])
    if blank.any():
        raise UnitError(
            f"The column '{unit}' is blank in {int(blank.sum())} of {len(frame)} rows, "
            f"expected the id of the experimental unit{purpose} in each."
        )
    rows = frame[unit].value_counts()
    if (rows <= 1).all():
        return
    low, high = int(rows.min()), int(rows.max())
    counted = f"{low} rows" if low == high else f"{low} to {high} rows"
    raise UnitError(
        f"The column '{unit}' repeats: {len(rows)} units have {counted} each, and n would be {len(frame)} "
        f"where {len(rows)} is right{purpose}; take one value per unit first (endomtor.stats.one_value_per_unit)."
    )


def is_blank(column: pd.Series) -> pd.Series:
    """Return, for each element, whether it is missing or text of nothing but spaces."""
    return column.isna() | (column.astype("string").str.strip() == "").fillna(True).astype(bool)


def n_per_group(frame: pd.DataFrame, group: str, unit: str, levels: Sequence[str] = ()) -> dict[str, int]:
    """Return the number of units in each group, in the order of `levels` (else sorted); absent ones count 0.

    Rows without a group or without a unit do not count.

    Raises `ValueError`: a column is missing.

    Examples
    --------
    >>> cells = pd.DataFrame({"animal": ["m1", "m1", "m2", "m3"], "group": ["ecko", "ecko", "ecko", "control"]})
    >>> levels = ["control", "ecko", "aged"]
    >>> n_per_group(cells, "group", "animal", levels)
    {'control': 1, 'ecko': 2, 'aged': 0}
    """
    columns(frame, group, unit)
    rows = frame[(block_levels(frame[group]) != "") & (block_levels(frame[unit]) != "")]
    counts = rows.groupby(rows[group].astype(str), sort=True)[unit].nunique()
    return {str(level): int(counts.get(str(level), 0)) for level in (levels or counts.index)}


def smallest_attainable_p(n_a: int, n_b: int) -> float:
    """Return the smallest two-sided p that an exact permutation test of `n_a` against `n_b` units can give.

    2 / C(n_a + n_b, n_a): without ties the two most extreme allocations are equally far from what is expected.
    3 v 3: 0.1; 4 v 4: 0.029; 5 v 5: 0.0079. A permutation test on means with unequal n may reach half of this, where
    one tail is longer than the other; rank sums never do.

    Examples
    --------
    >>> [round(smallest_attainable_p(n, n), 4) for n in (3, 4, 5)]
    [0.1, 0.0286, 0.0079]
    """
    if n_a < 1 or n_b < 1:
        return 1.0
    return min(1.0, 2 / comb(n_a + n_b, n_a))


def lopsided(n: Mapping[str, int]) -> tuple[str, ...]:
    """Return a warning where the smallest group has at most 3 units and another at least half as many again.

    Welch's t test keeps its level only while the few vary no more than the others. Counted in 40,000 draws with three
    times the standard deviation in the few: 3 against 8 differ on one side in 3.4 %, 2 against 8 in 5.5 %, where 2.5 %
    is promised; with 4 against 8 it is 2.9 %. Where a claim takes the best of several tests the excess is larger.

    Examples
    --------
    >>> lopsided({"aged": 3, "young": 8})
    ('aged has 3 and young 8: if the fewer vary more, chance announces an effect more often than promised',)
    >>> lopsided({"aged": 7, "young": 8})
    ()
    """
    few, many = min(n, key=n.get), max(n, key=n.get)
    if n[few] > 3 or n[many] < 1.5 * n[few]:
        return ()
    effect = "chance announces an effect more often than promised"
    return (f"{few} has {n[few]} and {many} {n[many]}: if the fewer vary more, {effect}",)


def block_levels(column: pd.Series) -> np.ndarray:
    """Return a column of batch, sex or donor labels as text, in which every blank is the level ''.

    A blank is a level wherever the column is a nuisance to allow for; where it is the unit itself a blank is refused.
    """
    return np.array([one.strip() for one in text(column)], dtype=str)


def usable_block(levels: Sequence[str]) -> bool:
    """Return whether a block can enter a model: it has several levels, and not one for each unit."""
    return 1 < len(set(levels)) < len(levels)


def block_names(block: str | Sequence[str] | None) -> list[str]:
    """Return the columns of no, one or several blocks."""
    return [block] if isinstance(block, str) else list(block or ())


def usable_blocks(
    frame: pd.DataFrame, block: str | Sequence[str] | None, *, own_level: bool = False
) -> dict[str, np.ndarray]:
    """Return the levels of each block but those that are constant, blank or (unless `own_level`) different in all."""
    found = {name: block_levels(frame[name]) for name in block_names(block)}
    return {name: levels for name, levels in found.items() if 1 < len(set(levels)) < len(levels) + own_level}


def text(column: pd.Series) -> list[str]:
    """Return a column as text, missing as ''. (pandas' own conversion costs more than a test on 30 animals.)"""
    return ["" if one is None or one is pd.NA or one != one else str(one) for one in column.to_numpy(dtype=object)]


def columns(frame: pd.DataFrame, *names: str, unit: str | None = None) -> None:
    """Refuse a frame that lacks a column or has it twice (ValueError), or lacks that of its `unit` (UnitError)."""
    known = frame.columns
    if unit is not None and unit not in known:
        _refuse_unit(frame, unit)
    for name in names:
        if name not in known:
            raise ValueError(f"the column '{name}' is not in the table{_suggestion(frame, name)}")
    if not known.is_unique:
        for name in names:
            if (count := int((known == name).sum())) > 1:
                raise ValueError(f"the column '{name}' is {count} times in the table, expected it once")


def _refuse_unit(frame: pd.DataFrame, unit: str, purpose: str = "") -> NoReturn:
    raise UnitError(
        f"The column '{unit}' that names the experimental unit{purpose} is not in the table{_suggestion(frame, unit)}."
    )


def _suggestion(frame: pd.DataFrame, name: str) -> str:
    known = [str(one) for one in frame.columns]
    near = difflib.get_close_matches(str(name), known, n=1)
    return f", did you mean '{near[0]}'?" if near else f", which has {', '.join(known) or 'no columns'}"


def numbers(column: pd.Series) -> np.ndarray:
    """Return a column as floats, missing as NaN, or refuse what is no number (ValueError)."""
    values = column.to_numpy()
    if values.dtype.kind in "fiub":
        return values.astype(float, copy=False)
    if values.dtype.kind in "mMc":
        raise ValueError(f"the column '{column.name}' holds {values.dtype}, expected numbers")
    missing = pd.isna(values)
    found = np.full(len(values), np.nan)
    for place in np.flatnonzero(~missing):
        try:
            found[place] = float(values[place])
        except (TypeError, ValueError):
            found_here = f"{_kind(values[place])} in row {column.index[place]}"
            raise ValueError(f"the column '{column.name}' holds {found_here}, expected numbers") from None
    return found


def _kind(one: object) -> str:
    return f"text ('{one}')" if isinstance(one, str) else f"{type(one).__name__} ({one})"


def power_of_two(values: np.ndarray) -> float:
    """Return a power of two of the size of the largest value: divided by it no digit changes, no square overflows."""
    largest = float(np.abs(values).max(initial=0.0))
    return 2.0 ** (frexp(largest)[1] - 1) if largest else 1.0


def check_level(level: float) -> None:
    """Refuse a coverage that is no number between 0 and 1 (95 for 0.95)."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a number between 0 and 1, such as 0.95")
