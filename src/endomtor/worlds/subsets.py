"""Smaller cohorts from a drawn one: fewer units in some groups, or without some groups."""

from collections.abc import Callable, Mapping
from math import ceil

import numpy as np
import pandas as pd

from endomtor.contract import rules
from endomtor.contract.tables import TABLES
from endomtor.errors import WorldError
from endomtor.worlds.parameters import nearest
from endomtor.worlds.tabular import stream
from endomtor.worlds.world import GROUPS

KNOWN = (*GROUPS, "vehicle", "rapamycin")


def thin(tables: Mapping, share: Mapping[str, float], seed: int) -> dict:
    """Return the tables with a share of the units of some groups, so that groups are unequal.

    Whole units are kept or left out, with all their rows: an animal, a donor, an exposed animal with its recipients
    (their lines in `survival` too). Of each group of a table the share
    is rounded up and at least 2. Which units stay is chance, and the same in every table that they are in as far as the
    numbers allow. Lines of `exclusions` for units that are gone are left out.

    `WorldError`: an unknown group (with the nearest name), a share out of range.

    Parameters
    ----------
    tables : mapping of str to DataFrame or AnnData
        As `simulate_tables` gives them; they are not changed.
    share : mapping of str to float
        Group to the share that stays, above 0 and at most 1. In the rapamycin tables `aged`, `rapamycin` and so on name
        an age or a treatment; an arm that is named twice keeps the product.
    seed : int
        At least 0.
    """
    _refuse_unknown(share)
    for group, value in share.items():
        if not 0 < value <= 1:
            raise WorldError(f"The share of {group!r} is {value!r}, expected a number above 0 and at most 1.")

    def stays(units: pd.Series, levels: tuple[str, ...]) -> pd.Series:
        part = np.prod([share.get(level, 1.0) for level in levels])
        if part == 1:
            return pd.Series(True, index=units.index)
        names = np.sort(units.unique())
        # A little is taken off before rounding up: 0.55 of 20 is 11, though its product is above 11.
        count = max(2, ceil(part * len(names) - 1e-9))
        # The stream goes by the first unit: tables that share units rank them alike.
        rank = stream(seed, f"thin {names[0]}").random(len(names))
        return units.isin(names[np.argsort(rank)[:count]])

    return _kept(tables, stays)


def without(tables: Mapping, *groups: str) -> dict:
    """Return the tables without the units of some groups, for example `"control"`; a table left empty is left out.

    Parameters and errors are those of `thin`.
    """
    _refuse_unknown(groups)
    return _kept(tables, lambda units, levels: pd.Series(not set(levels) & set(groups), index=units.index))


def _refuse_unknown(groups) -> None:
    for group in groups:
        if group not in KNOWN:
            raise WorldError(f"There is no group {group!r}{nearest(group, KNOWN)}: expected one of {', '.join(KNOWN)}.")


def _rows(content) -> pd.DataFrame:
    """Return the rows of a table: of single cells their `obs`."""
    return content if isinstance(content, pd.DataFrame) else content.obs


def _kept(tables: Mapping, stays: Callable[[pd.Series, tuple[str, ...]], pd.Series]) -> dict:
    """Return the tables with the rows of units that stay; `stays` is asked about the units of one group of a table."""
    found = {}
    for name, content in tables.items():
        table = TABLES[name]
        if not table.group:
            continue
        frame = _rows(content)
        units = rules.units(table, frame).astype(str)
        named = [column for column in (table.stratum, table.group) if column]
        # Mice of one group in two experiments are two groups, of one name.
        by = named + [column for column in ("experiment",) if column in frame]
        keep = pd.Series(False, index=frame.index)
        for levels, rows in frame.groupby(by, observed=True):
            keep[rows.index] = stays(units[rows.index], levels[: len(named)])
        if keep.all():
            found[name] = content
        elif keep.any():
            kept = content[keep.to_numpy()]
            found[name] = kept.reset_index(drop=True) if content is frame else kept.copy()
    return _matched(tables, found)


def _matched(tables: Mapping, found: dict) -> dict:
    """Return `tables` in their order as far as found, with the counts and exclusions of what is still there."""
    if "hspc_counts" in tables and ("hspc_samples" in found or "hspc_samples" not in tables):
        samples = found["hspc_samples"]["sample"] if "hspc_samples" in found else tables["hspc_counts"].columns[1:]
        found["hspc_counts"] = tables["hspc_counts"][["gene", *samples]]
    if "exclusions" in tables:
        lines = tables["exclusions"]
        there = [
            name not in tables
            or (name in found and _rows(found[name])[list(TABLES[name].animals)].eq(animal).any(axis=None))
            for name, animal in zip(lines["table"].replace("hspc_counts", "hspc_samples"), lines["animal"], strict=True)
        ]
        if any(there):
            found["exclusions"] = lines[there].reset_index(drop=True)
    return {name: found[name] for name in tables if name in found}
