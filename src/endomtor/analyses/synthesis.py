"""Chapter 06: the units' values behind the primary phis. It records nothing of its own."""

from collections.abc import Callable, Mapping

import pandas as pd

from endomtor.analyses import ecko_phenotypes, transcriptome, transplants
from endomtor.claims import catalogue
from endomtor.contract import TABLES, Dataset
from endomtor.errors import EndomtorError
from endomtor.stats import JointTable, nested
from endomtor.stats.resemblance import GROUPS

Parts = dict[str, JointTable]


def primary_phis() -> dict[str, catalogue.Rule]:
    """Return the primary predictions that are a phi: the endpoints of the joint test, fixed in claims.toml.

    That a mark lasts (C5b) is no endpoint of its own.
    """
    rules = [rule for claim in catalogue.load().claims for rule in claim.primaries if rule.rule == "phi"]
    return {rule.id: rule for rule in rules if rule.id.rpartition(".")[0] in _VALUES}


def unit_values(dataset: Dataset) -> tuple[Parts, dict[str, str]]:
    """Return the units' values of the primary endpoints that are a phi, as chapters 03 to 05 test them.

    Returns
    -------
    tables : dict[str, JointTable]
        One for each table of the contract (transplants: one for each unit that its donors demand, see
        `endomtor.stats.arrange`). Columns of the frames: id, value, group, the unit, the block.
    left_out : dict[str, str]
        Endpoint to the reason why its values are not among them, a sentence.
    """
    tables, left_out = {}, {}
    for beginning, (table, values) in _VALUES.items():
        wanted = [one for one in primary_phis() if one.startswith(f"{beginning}.")]
        parts = {} if dataset.get(table) is None else values(dataset.tables)
        seen = {one for part in parts.values() for one in part.frame["id"]}
        left_out |= {one: f"These data hold no values of it ({table})." for one in wanted if one not in seen}
        for name, part in parts.items():
            frame = part.frame[part.frame["id"].isin(wanted) & part.frame["group"].isin(GROUPS)]
            if frame.empty:
                continue
            reason = dataset.withheld(table, *frame["group"].unique())
            if reason:
                left_out |= dict.fromkeys(frame["id"].unique(), f"{reason.rstrip('.')}.")
            else:
                tables[name] = JointTable(frame, part.unit, part.block)
    return tables, left_out


def _of_table(
    name: str, values: Callable[[pd.DataFrame], pd.DataFrame]
) -> tuple[str, Callable[[Mapping[str, pd.DataFrame]], Parts]]:
    def parts(tables: Mapping[str, pd.DataFrame]) -> Parts:
        frame = values(tables[name])
        blocks = [column for column in ("batch", "sex") if column in frame]
        return {name: JointTable(frame, TABLES[name].unit, blocks)}

    return name, parts


def _scores(tables: Mapping[str, pd.DataFrame]) -> Parts:
    try:
        scores = transcriptome.scores(transcriptome.transcriptomes(tables))
    except EndomtorError:
        return {}
    frame = scores.assign(id=transcriptome.PHI, value=scores["score"])
    return {"hspc_counts": JointTable(frame, "animal", transcriptome.COMPARED["block"])}


def _exposed(tables: Mapping[str, pd.DataFrame]) -> Parts:
    parts: dict[tuple, list[pd.DataFrame]] = {}
    for name, animals in transplants.exposed_animals(tables).items():
        if name not in primary_phis():
            continue
        how = nested.arrange(animals.dropna(subset=["value"]), check=(), **transplants.DESIGN)
        frame = how.frame.rename(columns={"niche": "group"}).assign(id=name)
        parts.setdefault((how.unit, how.blocks[0] if how.blocks else None), []).append(frame)
    return {
        f"serial_transplants, {unit} as unit" if len(parts) > 1 else "serial_transplants": JointTable(
            pd.concat(frames, ignore_index=True), unit, block
        )
        for (unit, block), frames in parts.items()
    }


_VALUES = {
    "C3.blood": _of_table("ecko_blood", ecko_phenotypes.blood),
    "C3.marrow": _of_table("ecko_marrow", ecko_phenotypes.marrow),
    "C3.cells": _of_table("ecko_cells", ecko_phenotypes.per_animal),
    "C3.limiting_dilution": _of_table("ecko_limiting_dilution", ecko_phenotypes.donors),
    "C3.competitive": _of_table("competitive_transplants", ecko_phenotypes.grafts),
    "C4.transcriptome": ("hspc_samples", _scores),
    "C5.transplant": ("serial_transplants", _exposed),
}
"""Beginning of an evidence id to the table of its values and what reads them."""
