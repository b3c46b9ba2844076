"""Subsamples within units: cells of an animal, recipients of an exposed animal. They are summarised to one value per
unit first.

Aarts et al. 2014 (doi 10.1038/nn.3648): subsamples taken for n give up to 80 % false positives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from endomtor.errors import UnitError
from endomtor.stats.estimate import Estimate
from endomtor.stats.groups import difference
from endomtor.stats.resemblance import GROUPS, phi
from endomtor.stats.units import block_levels, one_row_per_unit, text


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
        A unit is blank, or a carried column varies within a unit (the sentence names both).
    ValueError
        The summary is unknown, or empirical_logit meets a value other than 0 and 1.
    """
    if summary not in SUMMARIES:
        raise ValueError(f"summary is '{summary}', expected one of {', '.join(SUMMARIES)}")
    blank = [not one.strip() for one in text(frame[unit])]
    if any(blank):
        raise UnitError(f"The column '{unit}' is blank in {sum(blank)} of {len(frame)} rows.")
    about = frame[[unit, *carry]].drop_duplicates()
    if about[unit].duplicated().any():
        _refuse_varying(frame, unit, carry)
    rows = frame[frame[value].notna()]
    if summary == "empirical_logit" and not rows[value].isin([0, 1]).all():
        raise ValueError("an empirical logit needs values of 0 or 1")
    grouped = rows[value].groupby(rows[unit], sort=True)
    sizes = grouped.size()
    table = about.set_index(unit).loc[sizes.index]
    table[value] = SUMMARIES[summary](grouped.sum().astype(float), sizes)
    table["n_subsamples"] = sizes
    return table.reset_index()


def _refuse_varying(frame: pd.DataFrame, unit: str, carry: Sequence[str]) -> None:
    for column in carry:
        levels = frame.groupby(unit)[column].nunique(dropna=False)
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

    Raises
    ------
    UnitError
        A unit occurs in several rows.
    """
    one_row_per_unit(frame, unit, design="blocked comparison")
    used = frame[frame[group].isin([a, b]) & frame[value].notna()]
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

    Raises
    ------
    NoAgingReference, UnitError, EndomtorError
        As in `endomtor.stats.phi`.
    """
    one_row_per_unit(frame, unit, design="blocked comparison")
    used = frame[frame[group].isin(GROUPS) & frame[value].notna()]
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


@dataclass(frozen=True)
class Arrangement:
    """What a block of units (a donor of cells) is in a design: a block, the unit, or nothing.

    Where at least one block feeds several groups, it is a `block` of an additive model. Where each feeds one group only
    but several units, its units share what it brings: the blocks are averaged and are the n (`unit` is then the block,
    and a warning says so). A blank, constant or one-to-one block plays no part.

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
    """
    levels = block_levels(frame[block])
    fed: dict[str, set[str]] = {}
    for level, name in zip(levels, text(frame[group]), strict=True):
        fed.setdefault(level, set()).add(name)
    if not 1 < len(fed) < len(levels):
        return Arrangement(frame, unit, tuple(also), tuple(check))
    if any(len(names) > 1 for names in fed.values()):
        return Arrangement(frame, unit, (block, *also), tuple(check))
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
    """
    seen = frame.dropna(subset=[time, unit]).groupby(time)[unit].agg(lambda units: frozenset(map(str, units)))
    if seen.empty:
        return CommonTime(float("nan"), reached=False)
    everyone = frozenset().union(*seen)
    most = seen.map(len).max()
    best = max(moment for moment, units in seen.items() if len(units) == most)
    missing = tuple(sorted(everyone - seen[best]))
    return CommonTime(float(best), reached=not missing and best >= minimum, missing=missing)


def logit_percent(values: pd.Series, *, delta: float = 0.1) -> pd.Series:
    """Return ln(p / (100 - p)) of percentages; 0 and 100 are first drawn in by `delta`.

    `delta` is in per cent: the smallest fraction of donor cells that a blood sample of some thousand events can show
    (an assumption; donor chimerism below 0.5 to 1 % is usually called negative). Missing stays missing.

    Raises
    ------
    ValueError
        A value lies outside 0 to 100.
    """
    if ((values < 0) | (values > 100)).any():
        raise ValueError(
            f"the percentages '{values.name}' range from {values.min()} to {values.max()}, expected 0 to 100"
        )
    inside = values.astype(float).clip(delta, 100 - delta)
    return np.log(inside / (100 - inside))
