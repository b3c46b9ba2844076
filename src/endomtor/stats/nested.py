"""Subsamples within units: cells of an animal, recipients of an exposed animal. They are summarised to one value per
unit first.

Aarts et al. 2014 (doi 10.1038/nn.3648): subsamples taken for n give up to 80 % false positives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from endomtor.errors import UnitError
from endomtor.estimate import Estimate
from endomtor.stats.groups import difference
from endomtor.stats.resemblance import GROUPS, phi
from endomtor.stats.units import block_levels, columns, numbers, one_row_per_unit, text, usable_block

SUMMARIES = {
    "mean": lambda total, count: total / count,
    "empirical_logit": lambda total, count: np.log((total + 0.5) / (count - total + 0.5)),
    "log_mean": lambda total, count: np.log(total / count + 0.5),
}
"""From the sum and number of a unit's subsamples to its value. mean; empirical_logit: ln((k + 1/2) / (m - k + 1/2)) of
k ones among m; log_mean: ln(mean + 1/2), for counts."""


def one_value_per_unit(
    frame: pd.DataFrame, *, value: str, unit: str, carry: Sequence[str] = (), summary: str = "mean"
) -> pd.DataFrame:
    """Summarise the subsamples of each unit to one value.

    Parameters
    ----------
    frame : DataFrame
        One row per subsample; rows without a value are left out.
    value : str
        Column to summarise.
    unit : str
        Column of the experimental unit.
    carry : sequence of str
        Columns to keep (group, sex, batch). They must not vary within a unit.
    summary : str
        A key of `SUMMARIES`.

    Returns
    -------
    DataFrame
        One row per unit with a value, sorted by unit: unit, `carry`, `value`, n_subsamples.

    Raises
    ------
    UnitError
        The unit's column is missing, a unit is blank, or a carried column varies within a unit (the sentence names
        both).
    ValueError
        Another column is missing, a value is text or infinite, the summary is unknown, empirical_logit meets a value
        other than 0 and 1, or log_mean one below 0.

    Examples
    --------
    >>> cells = pd.DataFrame({"animal": ["m1", "m1", "m1", "m2", "m2"], "group": ["young"] * 3 + ["aged"] * 2,
    ...     "polar": [1, 1, 0, 0, 0]})
    >>> one_value_per_unit(cells, value="polar", unit="animal", carry=["group"], summary="empirical_logit").round(2)
      animal  group  polar  n_subsamples
    0     m1  young   0.51             3
    1     m2   aged  -1.61             2
    """
    if summary not in SUMMARIES:
        raise ValueError(f"summary is '{summary}', expected one of {', '.join(SUMMARIES)}")
    columns(frame, value, *carry, unit=unit)
    codes, units = pd.factorize(frame[unit], sort=True)
    blank = [not one.strip() for one in text(units)]
    if any(blank) or (codes < 0).any():
        blanks = np.append(blank, True)[codes].sum()
        raise UnitError(
            f"The column '{unit}' is blank in {blanks} of {len(frame)} rows, expected the id of the unit in each."
        )
    if len(set(zip(codes, *(frame[column] for column in carry), strict=True))) > len(units):
        _refuse_varying(frame, unit, carry)
    values = numbers(frame[value])
    known = ~np.isnan(values)
    if np.isinf(values).any():
        raise ValueError(f"the column '{value}' holds infinite values, expected finite ones (was the log of 0 taken?)")
    if summary == "log_mean" and (values[known] < 0).any():
        raise ValueError(f"the column '{value}' holds {np.nanmin(values):g}, expected counts of 0 or more")
    if summary == "empirical_logit" and not np.isin(values[known], [0, 1]).all():
        other = values[known & ~np.isin(values, [0, 1])][0]
        raise ValueError(f"the column '{value}' holds {other:g}, but an empirical logit needs values of 0 or 1")
    sizes = np.bincount(codes[known], minlength=len(units))
    totals = np.bincount(codes[known], weights=values[known], minlength=len(units))
    seen = sizes > 0
    first = np.unique(codes, return_index=True)[1][seen]
    table = {column: frame[column].array[first] for column in (unit, *carry)}
    table[value] = SUMMARIES[summary](totals[seen], sizes[seen])
    return pd.DataFrame(table | {"n_subsamples": sizes[seen]})


def _refuse_varying(frame: pd.DataFrame, unit: str, carry: Sequence[str]) -> None:
    for column in carry:
        levels = frame.groupby(unit, observed=True)[column].nunique(dropna=False)
        if (levels > 1).any():
            example = levels[levels > 1].index[0]
            raise UnitError(
                f"The column '{column}' has {levels[example]} values within {unit} '{example}', expected one: "
                f"'{unit}' is then not what '{column}' was assigned to."
            )


def blocked_difference(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    a: str,
    b: str,
    unit: str,
    block: str,
    also: Sequence[str] = (),
    check: Sequence[str] = (),
    level: float = 0.95,
) -> Estimate:
    """Estimate `a` minus `b` where the units come in blocks (donors of cells) that may or may not cross the groups.

    Raises `UnitError`, `ValueError` as `endomtor.stats.difference` and `arrange`.

    Parameters
    ----------
    frame : DataFrame
        One row per unit (see `one_value_per_unit`).
    value, group, a, b, unit, check, level
        As for `endomtor.stats.difference`.
    block : str
        Column of the block, for example the donor whose cells an exposed animal received.
    also : sequence of str
        Columns of further additive blocks (batch). Where the block became the unit, those that vary within it drop out.

    Returns
    -------
    Estimate
        See `Arrangement` for what becomes of the block.

    Examples
    --------
    >>> exposed = pd.DataFrame({"niche": list("abcdef"), "donor": ["d1", "d1", "d2", "d2", "d3", "d3"],
    ...     "group": ["young", "aged"] * 3, "logit": [1.2, 0.5, 0.7, 0.1, 1.9, 1.0]})
    >>> answer = blocked_difference(exposed, value="logit", group="group", a="aged", b="young", unit="niche",
    ...     block="donor")
    >>> print(f"{answer.estimate:.2f}, p {answer.p:.3f}, {answer.method}")
    -0.73, p 0.014, additive linear model, group + donor, a variance for each group
    """
    one_row_per_unit(frame, unit, design="blocked comparison")
    used = _compared(frame, value, group, (a, b))
    how = arrange(used, value=value, group=group, unit=unit, block=block, also=also, check=check)
    answer = difference(
        how.frame, value=value, group=group, a=a, b=b, unit=how.unit, block=how.blocks, check=how.check, level=level
    )
    return replace(answer, warnings=(*answer.warnings, *how.warnings))


def blocked_phi(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    unit: str,
    block: str,
    direction: str,
    also: Sequence[str] = (),
    smallest: float = 0.25,
    level: float = 0.95,
) -> Estimate:
    """Estimate phi where the units come in blocks (donors of cells) that may or may not cross the groups.

    Parameters are those of `endomtor.stats.phi`, `block` and `also` as in `blocked_difference`; see `Arrangement` for
    what becomes of them.

    Raises `NoAgingReference`, `UnitError`, `EndomtorError`, `ValueError` as `endomtor.stats.phi` and `arrange`.

    Examples
    --------
    >>> exposed = pd.DataFrame({"niche": range(12), "donor": ["d1", "d2", "d3"] * 4,
    ...     "group": ["young"] * 3 + ["aged"] * 3 + ["control"] * 3 + ["ecko"] * 3,
    ...     "logit": [1.2, 0.7, 1.9, 0.2, -0.4, 1.0, 1.1, 0.8, 1.8, 0.6, 0.3, 1.4]})
    >>> phi = blocked_phi(exposed, value="logit", group="group", unit="niche", block="donor", direction="less")
    >>> print(f"{phi.estimate:.2f}, {phi.ci_low:.2f} to {phi.ci_high:.2f}")
    0.47, 0.25 to 0.71
    """
    one_row_per_unit(frame, unit, design="blocked comparison")
    used = _compared(frame, value, group, GROUPS)
    how = arrange(used, value=value, group=group, unit=unit, block=block, also=also)
    answer = phi(
        how.frame,
        value=value,
        group=group,
        unit=how.unit,
        direction=direction,
        smallest=smallest,
        level=level,
        block=how.blocks,
    )
    return replace(answer, warnings=(*answer.warnings, *how.warnings))


def _compared(frame: pd.DataFrame, value: str, group: str, names: Sequence[str]) -> pd.DataFrame:
    columns(frame, value, group)
    wanted = {str(name) for name in names}
    compared = np.array([name in wanted for name in text(frame[group])], dtype=bool)
    return frame[compared & ~np.isnan(numbers(frame[value]))]


@dataclass(frozen=True)
class Arrangement:
    """What a block of units (a donor of cells) is in a design: a block, the unit, or nothing.

    Where at least one block feeds several groups, it is a `block` of an additive model. Where each feeds one group only
    but several units, its units share what it brings: the blocks are averaged and are the n (`unit` is then the block,
    and a warning says so). A blank, constant or one-to-one block plays no part. Blanks among ids cannot show that a
    block feeds several groups; in an additive model they are one level, and as ids of units they are refused.

    Attributes
    ----------
    frame : DataFrame
        One row per `unit`.
    unit : str
    blocks : tuple[str, ...]
        The block, if it is one, and the further blocks.
    check : tuple[str, ...]
        Columns that can be confounded with the group at the level of `unit`.
    warnings : tuple[str, ...]
    """

    frame: pd.DataFrame
    unit: str
    blocks: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def arrange(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    unit: str,
    block: str,
    also: Sequence[str] = (),
    check: Sequence[str] = (),
) -> Arrangement:
    """Decide whether `block` is a block, the unit, or plays no part, for the rows of the groups that are compared.

    Parameters
    ----------
    frame : DataFrame
        One row per unit with a value, of the groups that are compared and no others.
    value, group, unit, block : str
        Columns.
    also : sequence of str
        Columns of further blocks.
    check : sequence of str
        Columns that may be confounded with the group.

    Raises
    ------
    UnitError
        The unit's column is missing, or the block is the unit and blank in some rows.
    ValueError
        Another column is missing.

    Examples
    --------
    >>> exposed = pd.DataFrame({"niche": list("abcdef"), "donor": ["d1", "d1", "d2", "d2", "d3", "d3"],
    ...     "group": ["young"] * 4 + ["aged"] * 2, "logit": [1.2, 1.0, 0.7, 0.9, 0.1, 0.5]})
    >>> answer = arrange(exposed, value="logit", group="group", unit="niche", block="donor")

    Each donor feeds one group, so donors become the units:

    >>> answer.unit, answer.blocks
    ('donor', ())
    >>> answer.frame
      donor  group  logit  n_subsamples
    0    d1  young    1.1             2
    1    d2  young    0.8             2
    2    d3   aged    0.3             2
    """
    columns(frame, value, group, block, *also, *check, unit=unit)
    levels = block_levels(frame[block])
    fed: dict[str, set[str]] = {}
    for level, name in zip(levels, text(frame[group]), strict=True):
        fed.setdefault(level, set()).add(name)
    if not usable_block(levels):
        return Arrangement(frame, unit, tuple(also), tuple(check))
    if any(len(names) > 1 for level, names in fed.items() if level):
        return Arrangement(frame, unit, (block, *also), tuple(check))
    if "" in fed:
        raise UnitError(
            f"The column '{block}' is blank in {(levels == '').sum()} of {len(frame)} rows, expected an id in each: no "
            f"{block} feeds several groups, so that each {block} is one unit."
        )
    # A column that varies within a block can neither be confounded with the group nor enter at the level of blocks.
    whole = {c for c in (*also, *check) if (frame.groupby(levels)[c].nunique(dropna=False) == 1).all()}
    kept = {name: tuple(c for c in columns if c in whole) for name, columns in (("also", also), ("check", check))}
    carry = list(dict.fromkeys([group, *kept["also"], *kept["check"]]))
    blocks = one_value_per_unit(frame.assign(**{block: levels}), value=value, unit=block, carry=carry)
    warning = (
        f"Each {block} feeds one group only: the {len(levels)} of '{unit}' were averaged to {len(blocks)} of '{block}'."
    )
    return Arrangement(blocks, block, kept["also"], kept["check"], (warning,))


@dataclass(frozen=True)
class CommonTime:
    """The time at which units are compared.

    Attributes
    ----------
    time : float
        Latest time at which every unit was seen, from the asked minimum on where reached; NaN for an empty frame.
    reached : bool
        Whether every unit was seen at this time and it is not before the minimum.
    missing : tuple[str, ...]
        Units not seen at this time (only where no time is common to all).
    """

    time: float
    reached: bool
    missing: tuple[str, ...] = ()


def latest_common(frame: pd.DataFrame, time: str, unit: str, minimum: float = 16) -> CommonTime:
    """Find the latest time at which all units were seen.

    Parameters
    ----------
    frame : DataFrame
        One row per visit with a value (drop missing values before), of one passage.
    time, unit : str
        Columns of the time (weeks) and of the experimental unit.
    minimum : float
        A read-out from this time on is wanted (16 weeks: long-term reconstitution).

    Returns
    -------
    CommonTime
        Where no time is common to all units, the time with most units (of these the latest), and the units it lacks.

    Raises
    ------
    UnitError
        The unit's column is missing or blank in a row.
    ValueError
        The column of times is missing, or a time is text (weeks are numbers).

    Examples
    --------
    >>> visits = pd.DataFrame({"week": [8, 16, 20, 8, 16], "animal": ["m1", "m1", "m1", "m2", "m2"]})
    >>> latest_common(visits, "week", "animal")
    CommonTime(time=16.0, reached=True, missing=())
    """
    seen: dict[float, set[str]] = {}
    columns(frame, time, unit=unit)
    moments, units = numbers(frame[time]), frame[unit].to_numpy()
    if blank := int((block_levels(frame[unit]) == "").sum()):
        raise UnitError(f"The column '{unit}' is blank in {blank} of {len(frame)} rows, expected an id in each.")
    known = ~np.isnan(moments)
    for moment, one in set(zip(moments[known].tolist(), units[known].tolist(), strict=True)):
        seen.setdefault(moment, set()).add(str(one))
    if not seen:
        return CommonTime(float("nan"), reached=False)
    everyone = set().union(*seen.values())
    best = max(seen, key=lambda moment: (len(seen[moment]), moment))
    missing = tuple(sorted(everyone - seen[best]))
    return CommonTime(float(best), reached=not missing and best >= minimum, missing=missing)


def logit_percent(values: pd.Series, *, delta: float = 0.1) -> pd.Series:
    """Return ln(p / (100 - p)) of percentages; 0 and 100 are first drawn in by `delta`.

    `delta` is in per cent: the smallest fraction of donor cells that a blood sample of some thousand events can show
    (an assumption; donor chimerism below 0.5 to 1 % is usually called negative). Missing stays missing.

    Raises `ValueError`: a value is text, or lies outside 0 to 100.

    Examples
    --------
    >>> logit_percent(pd.Series([0, 50, 90], name="donor_pct")).round(2)
    0   -6.91
    1    0.00
    2    2.20
    Name: donor_pct, dtype: float64
    """
    values = pd.Series(numbers(values), index=values.index, name=values.name)
    if ((values < 0) | (values > 100)).any():
        raise ValueError(
            f"the percentages '{values.name}' range from {values.min()} to {values.max()}, expected 0 to 100"
        )
    inside = values.clip(delta, 100 - delta)
    return np.log(inside / (100 - inside))
