"""Chapter 05: does passage through an ECKO niche leave a mark on wild-type HSPCs, and does it last?

The exposed animal is the unit, its later recipients are subsamples of it, and the donor of the cells is a block.
"""

from collections.abc import Container, Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from endomtor.analyses import alternatives
from endomtor.analyses.answer import Answer
from endomtor.claims import catalogue
from endomtor.stats import Estimate, allows_phi, composition, groups, nested, pairs, transplants
from endomtor.stats.resemblance import GROUPS as NICHES
from endomtor.stats.transplants import UNIT

TABLE = "serial_transplants"
FAMILY, LASTING = "C5.transplant", "C5b.transplant"
"""The first passage after the exposure that has every niche, and the last such one, where it is another."""

READOUTS = ("chimerism", "myeloid_balance")
"""Columns of `recipients`: the logit of donor chimerism, the ILR balance of myeloid against B and T cells."""

NOT_LATER = "No later passage has every niche, and cells of passage 1 are still in the niche that exposes them."

PRIMARY = {"tissue": "PB", "readout": "CD45"}
DESIGN = {"value": "value", **transplants.DESIGN}


def answers(tables: Mapping[str, object], wanted: Container[str] | None = None) -> dict[str, Answer]:
    """Return phi of each read-out in its first later passage (`C5.transplant.READOUT`) and in its last (`C5b.…`).

    Later passages that have every niche count; the others are descriptive (`C5.transplant.READOUT.pN`). Passage 1 is
    never primary: its cells are read in the animal whose niche exposes them. Where no later passage has every niche,
    the answer is that of passage 1, withheld.

    Parameters
    ----------
    tables : mapping of str to DataFrame or AnnData
        `serial_transplants`, which may be absent.
    wanted : container of str, optional
        Ids to answer.
    """
    animals = exposed_animals(tables)
    found = {}
    for readout in READOUTS:
        main = f"{FAMILY}.{readout}"
        own = {name: one for name, one in animals.items() if name.split(".")[2] == readout and allows_phi(one["niche"])}
        found |= {name: _answer(one, readout) for name, one in own.items() if wanted is None or name in wanted}
        first = f"{main}.p1"
        if main not in animals and first in own and (wanted is None or main in wanted):
            phi = _phi(own[first], readout)
            found[main] = Answer(replace(phi, withheld=phi.withheld or NOT_LATER))
    return found


def _answer(animals: pd.DataFrame, readout: str) -> Answer:
    # The prediction is about ECKO: aging is what it is measured by.
    contrasts = {
        (a, b): nested.blocked_difference(animals, a=a, b=b, **DESIGN) for a, b in reversed(pairs(animals["niche"]))
    }
    return Answer(_phi(animals, readout), contrasts, partial(_alternatives, animals, readout))


def _phi(animals: pd.DataFrame, readout: str) -> Estimate:
    rule = catalogue.load().rule(f"{FAMILY}.{readout}")
    return nested.blocked_phi(animals, direction=rule.direction, smallest=rule.smallest, **DESIGN)


def _alternatives(animals: pd.DataFrame, readout: str) -> dict[str, Estimate]:
    """Return phi by the other tests, with the unit and the blocks of the primary one."""
    how = nested.arrange(animals[animals["niche"].isin(NICHES)].dropna(subset=["value"]), **DESIGN)
    kwargs = {"value": "value", "group": "niche", "unit": how.unit, "block": how.blocks}
    return alternatives.of_phi(how.frame, catalogue.load().rule(f"{FAMILY}.{readout}"), **kwargs)


def exposed_animals(tables: Mapping[str, object]) -> dict[str, pd.DataFrame]:
    """Return what is compared, by evidence id, read-out by read-out and passage by passage.

    Returns
    -------
    dict[str, DataFrame]
        One row per exposed animal: exposed animal, niche, donor, batch, value (analysis scale), n_subsamples, passage,
        week. `C5.transplant.READOUT` is the first later passage with every niche, `C5b.transplant.READOUT` the last,
        where it is another; each is absent where there is none.
    """
    rows = recipients(tables)
    found = {}
    for readout in READOUTS:
        passages = []
        for passage, own in rows.groupby("passage"):
            week = transplants.readout_week(own, readout).time
            animals = _averaged(own[own["week"] == week].rename(columns={readout: "value"}))
            if len(animals):
                passages.append(animals.assign(passage=int(passage), week=week))
        later = transplants.later_passages(pd.concat(passages)) if passages else []
        ids = {later[-1]: f"{LASTING}.{readout}", later[0]: f"{FAMILY}.{readout}"} if later else {}
        for one in passages:
            number = one["passage"].iat[0]
            found[ids.get(number, f"{FAMILY}.{readout}.p{number}")] = one
    return found


def _averaged(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the recipients of each exposed animal in one passage at one week, on the analysis scale."""
    return nested.one_value_per_unit(rows, value="value", unit=UNIT, carry=["niche", "donor", "batch"])


def recipients(tables: Mapping[str, object]) -> pd.DataFrame:
    """Return the primary read-outs: CD45+ blood cells of recipients that are no niche of interest themselves.

    Returns
    -------
    DataFrame
        One row per recipient and week: recipient, exposed animal, donor, niche, batch, passage, week, status ("" where
        not given), chimerism (logit), myeloid_balance (ILR). Empty without such rows.

    Notes
    -----
    A later recipient that is itself aged or ECKO (`host_niche`) adds a present environment to a past one: it is left
    out. Where tissue or readout are not given at all, the rows are taken for CD45+ cells of blood.
    """
    columns = ["recipient", UNIT, "donor", "niche", "batch", "passage", "week", "status", *READOUTS]
    if TABLE not in tables:
        return pd.DataFrame(columns=columns)
    table = tables[TABLE]
    kept = pd.Series(True, index=table.index)
    for column, level in PRIMARY.items():
        if column in table:
            kept &= table[column] == level
    if "host_niche" in table:
        kept &= (table["passage"] == 1) | ~table["host_niche"].isin(["aged", "ecko"])
    rows = table[kept].rename(columns={"exposed_animal": UNIT})
    for column in ("donor", "batch"):
        rows[column] = transplants.pooled(rows, column)
    rows["status"] = rows.get("status", "")
    rows["chimerism"] = nested.logit_percent(rows["donor_chimerism_pct"])
    rows["myeloid_balance"] = composition.lineage_balance(rows)
    return rows[columns].sort_values(["passage", UNIT, "recipient", "week"], ignore_index=True)


def over_weeks(tables: Mapping[str, object]) -> pd.DataFrame:
    """Compare the niches over all weeks: the secondary analysis, see `endomtor.stats.transplants.over_weeks`.

    Returns
    -------
    DataFrame
        Its columns after `readout`, rows read-out by read-out.
    """
    rows = recipients(tables)
    table = pd.concat([transplants.over_weeks(rows, one).assign(readout=one) for one in READOUTS], ignore_index=True)
    return table[["readout", *(column for column in table if column != "readout")]]


def recipients_as_n(tables: Mapping[str, object]) -> dict[str, Estimate]:
    """Estimate ECKO - reference of the later chimerism twice: over exposed animals and, wrongly, over recipients.

    Only the unit differs; a batch, or a donor that crosses the niches, is a block in both.

    Returns
    -------
    dict[str, Estimate]
        Keys "right" and "wrong"; empty without a later passage that has both niches.
    """
    animals = exposed_animals(tables).get(f"{FAMILY}.chimerism")
    pair = None if animals is None else next((pair for pair in pairs(animals["niche"]) if pair[0] == "ecko"), None)
    if pair is None:
        return {}
    right = nested.blocked_difference(animals, a=pair[0], b=pair[1], **DESIGN)
    if right.withheld:
        return {}
    rows = recipients(tables)
    own = rows.merge(animals[["passage", "week"]].drop_duplicates()).query("niche in @pair").dropna(subset="chimerism")
    blocks = nested.arrange(animals[animals["niche"].isin(pair)], **DESIGN).blocks
    kwargs = {"value": "chimerism", "group": "niche", "unit": "recipient", "block": blocks}
    return {"right": right, "wrong": groups.difference(own, a=pair[0], b=pair[1], **kwargs)}
