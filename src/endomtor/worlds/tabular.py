"""Drawing the tables of one cohort from a world, all but the two of gene expression.

Each table has a random stream of its own, so that a change to one leaves the others as they are. The same seed in two
worlds uses the same random numbers: cohorts of two worlds differ only by what the worlds say.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from endomtor.worlds.parameters import Design
from endomtor.worlds.world import AGES, GROUPS, WHITE_CELLS, World

UNITS = {
    "neutrophils": "10^3/uL",
    "lymphocytes": "10^3/uL",
    "WBC": "10^3/uL",
    "platelets": "10^3/uL",
    "RBC": "10^6/uL",
    "hemoglobin": "g/dL",
}
# The largest number of levels of batch that any design here has.
BATCHES = 4
# NK and other cells together, per cent of white cells.
MOST_REST = 80
GRAFTED = ("donor_chimerism_pct", "myeloid_pct", "b_pct", "t_pct")
# Designs whose rows are kept: what no seed changes is laid out once, and a cohort fills in its values.
design_cache = lru_cache(maxsize=64)
# Orthonormal: row 0 is the balance of myeloid against B and T, row 1 that of B against T.
BALANCES = np.array([[2, -1, -1], [0, 1, -1]]) / np.sqrt([[6], [2]])


def stream(seed: int, table: str) -> np.random.Generator:
    """Return the random stream of one table of one cohort."""
    return np.random.default_rng([seed, zlib.crc32(table.encode())])


@dataclass(frozen=True, eq=False)
class Units:
    """The animals of one experiment.

    Attributes
    ----------
    frame : DataFrame
        One row an animal: animal, group (or age_group and treatment), sex, batch.
    group : ndarray of int
        Place of the group in `GROUPS`; empty in the rapamycin experiment.
    """

    frame: pd.DataFrame
    group: np.ndarray
    batch: np.ndarray
    male: np.ndarray
    aged: np.ndarray


def _units(rows: list[tuple], columns: list[str]) -> Units:
    frame = pd.DataFrame(rows, columns=columns)
    return Units(
        frame=frame,
        group=np.array([GROUPS.index(group) for group in frame.get("group", ())], dtype=int),
        batch=frame["batch"].str[-1].to_numpy(int) - 1,
        male=(frame["sex"] == "M").to_numpy(),
        aged=(frame["age_group" if "age_group" in frame else "group"] == "aged").to_numpy(),
    )


@design_cache
def _animals(experiment: str, groups: tuple[str, ...], n: int, aging: str, ecko: str) -> Units:
    """Animals of the four-group experiments: batches and sexes balanced over groups, or aligned with them.

    `aging` and `ecko` say what the aged and the ecko mice are aligned with ("batch", "sex" or "").
    """
    rows = []
    for group in groups:
        for i in range(n):
            batch, sex = i % 2, (i // 2) % 2
            if aging or ecko:
                batch = int(group == "aged" and aging == "batch") + 2 * (group == "ecko" and ecko == "batch")
                sex = int((group == "aged" and aging == "sex") or (group == "ecko" and ecko == "sex"))
            rows.append((f"sim-{experiment}-{group}-{i + 1:02d}", group, "FM"[sex], f"batch-{batch + 1}"))
    return _units(rows, ["animal", "group", "sex", "batch"])


def animals(world: World, experiment: str, groups: tuple[str, ...], n: int, *, has_sex: bool = True) -> Units:
    """Return the animals of a four-group experiment.

    Where a table has no sex, what the world aligns with sex is aligned with batch.
    """
    aligned = world.confounding
    if aligned is None:
        return _animals(experiment, groups, n, "", "")
    aging, ecko = (key if has_sex else "batch" for key in (aligned.aging, aligned.ecko))
    return _animals(experiment, groups, n, aging, ecko)


def deviations(world: World, rng: np.random.Generator, units: Units, aged_sd: Sequence[float]) -> np.ndarray:
    """Return batch, sex and animal deviations in units of sd, shape (animals, endpoints).

    `aged_sd` says for each endpoint how many times as far as others aged animals lie apart.

    Endpoints of one animal are correlated through a common factor; each endpoint of a cohort has one difference
    between the sexes.
    """
    spread, count = world.endpoints.spread, len(aged_sd)
    batch = rng.normal(0, spread.batch, (BATCHES, count))
    sex = rng.normal(0, spread.sex, count)
    common = rng.normal(size=(len(units.frame), 1))
    own = rng.normal(size=(len(units.frame), count))
    animal = np.sqrt(spread.correlation) * common + np.sqrt(1 - spread.correlation) * own
    return (
        batch[units.batch]
        + np.outer(units.male - 0.5, sex)
        + spread.between(animal, units.aged[:, None], np.array(aged_sd))
    )


def endpoint_values(world: World, rng, section: str, names: list[str], units: Units) -> np.ndarray:
    """Return the values of several endpoints on their scales in the four groups, shape (animals, endpoints)."""
    baseline, sd, aged_sd = _young(world, section, names, units)
    shifts = np.array([world.shifts(f"{section}.{name}") for name in names]).T
    return baseline + shifts[units.group] + sd * deviations(world, rng, units, aged_sd)


def _young(world: World, section: str, names: Sequence[str], units: Units) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean of young mice of each one's sex, (animals, endpoints), sd and aged_sd, each (endpoints,)."""
    parameters = [getattr(world.endpoints, section)[name] for name in names]
    baseline, sex, sd, aged_sd = np.array([(one.baseline, one.sex, one.sd, one.aged_sd) for one in parameters]).T
    return baseline + np.outer(units.male - 0.5, sex), sd, aged_sd


def lineages(balances: np.ndarray, share: np.ndarray | float = 1.0) -> np.ndarray:
    """Return myeloid, B and T in per cent of all white cells from the two ILR balances, shape (..., 3).

    `share` is the part of white cells that these three make up. The balances are those of Egozcue et al. 2003
    (doi 10.1023/A:1023818214614).
    """
    parts = np.exp(balances @ BALANCES)
    return 100 * np.asarray(share)[..., None] * parts / parts.sum(axis=-1, keepdims=True)


def graft_percentages(values: np.ndarray) -> np.ndarray:
    """Return donor chimerism, myeloid, B and T cells in per cent, shape (..., 4).

    `values`, shape (..., 3), are the logit of the chimerism and the two ILR balances of donor-derived cells.
    """
    parts = np.round(lineages(values[..., 1:]), 2)
    # Rounding must not break the sum: what it left goes to T cells.
    parts[..., 2] = np.maximum(np.round(100 - parts[..., :2].sum(axis=-1), 2), 0)
    return np.concatenate([100 * expit(values[..., :1]), parts], axis=-1)


@design_cache
def _layout(units: Units, key: str, names: tuple[str, ...], *values: str) -> pd.DataFrame:
    """One row an animal and endpoint, animal by animal, with empty columns for `values`."""
    rows = units.frame.loc[units.frame.index.repeat(len(names))].reset_index(drop=True)
    rows[key] = np.tile(names, len(units.frame))
    return rows.assign(**dict.fromkeys(values, np.nan))


def _filled(layout: pd.DataFrame, **columns: np.ndarray) -> pd.DataFrame:
    """Return a copy of a layout with its values; columns keep their places."""
    rows = layout.copy()
    for name, values in columns.items():
        rows[name] = values.ravel()
    return rows


def bmec_signaling(world: World, seed: int) -> pd.DataFrame:
    """MFI of each marker in young and aged animals, with each animal's own background tube inside it."""
    rng = stream(seed, "bmec_signaling")
    endpoints = world.endpoints
    names = tuple(endpoints.signaling)
    units = animals(world, "bmec", ("young", "aged"), endpoints.design.signaling_animals)
    baseline, sd = np.array([(one.baseline, one.sd) for one in endpoints.signaling.values()]).T
    effect = np.array([world.marker_effect(name) for name in names])
    log_signal = baseline + np.outer(units.aged, effect) + sd * deviations(world, rng, units, np.ones(len(names)))
    log_background = rng.normal(endpoints.background.baseline, endpoints.background.sd, log_signal.shape)
    return _filled(_signaling_layout(units, names), mfi=2**log_signal + 2**log_background, fmo_mfi=2**log_background)


@design_cache
def _signaling_layout(units: Units, names: tuple[str, ...]) -> pd.DataFrame:
    layout = _layout(units, "marker", names, "mfi", "fmo_mfi")
    return layout.assign(background_type="FMO", statistic="median")


@design_cache
def _treated(experiment: str, n: int, aging: str, treatment: str) -> Units:
    rows = []
    for age in ("young", "aged"):
        for given in ("vehicle", "rapamycin"):
            for i in range(n):
                batch, sex = i % 2, (i // 2) % 2
                if aging or treatment:
                    old, drug = age == "aged", given == "rapamycin"
                    batch = int(old and aging == "batch") + 2 * int(drug and treatment == "batch")
                    sex = int((old and aging == "sex") or (drug and treatment == "sex"))
                name = f"sim-{experiment}-{age}-{given}-{i + 1:02d}"
                rows.append((name, age, given, "FM"[sex], f"batch-{batch + 1}"))
    return _units(rows, ["animal", "age_group", "treatment", "sex", "batch"])


def treated(world: World, experiment: str, n: int) -> Units:
    """Return the animals of a 2 x 2 rapamycin experiment, `n` in each arm."""
    aligned = world.confounding
    return _treated(experiment, n, aligned.aging if aligned else "", aligned.treatment if aligned else "")


def _drug(
    world: World, section: str, names: tuple[str, ...], units: Units
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean before the drug and its full effect, each (animals, endpoints); sd and aged_sd, each (endpoints,)."""
    baseline, sd, aged_sd = _young(world, section, names, units)
    given = (units.frame["treatment"] == "rapamycin").to_numpy()
    aging = np.array([world.aging_effect(f"{section}.{name}") for name in names])
    effect = np.array([[world.drug_effect(section, name, age) for name in names] for age in AGES])
    return baseline + np.outer(units.aged, aging), given[:, None] * effect[units.aged.astype(int)], sd, aged_sd


def rapamycin_blood(world: World, seed: int) -> pd.DataFrame:
    """Blood counts over days: each animal has its own level, and the effect builds up with dosing."""
    rng = stream(seed, "rapamycin_blood")
    units = treated(world, "rapamycin", world.endpoints.design.rapamycin_animals)
    names = (*WHITE_CELLS, "platelets", "RBC", "hemoglobin")
    level, effect, sd, aged_sd = _drug(world, "blood", names, units)
    level = level + sd * deviations(world, rng, units, aged_sd)
    days = world.endpoints.design.rapamycin_days
    drug = world.endpoints.drug
    noise = drug.day_sd * sd * rng.normal(size=(len(level), len(days), len(names)))
    amounts = 2 ** (level[:, None] + drug.reached(days)[:, None] * effect[:, None] + noise)
    # White cells are the sum of their parts; the third part has no row of its own.
    amounts[:, :, 2] = amounts[:, :, :3].sum(axis=2)
    return _filled(_blood_layout(units, days, (*names[:2], "WBC", *names[3:])), value=amounts)


@design_cache
def _blood_layout(units: Units, days: tuple[int, ...], names: tuple[str, ...]) -> pd.DataFrame:
    rows = units.frame.loc[units.frame.index.repeat(len(days) * len(names))].reset_index(drop=True)
    rows["day"] = np.tile(np.repeat(days, len(names)), len(units.frame))
    rows["analyte"] = np.tile(names, len(units.frame) * len(days))
    rows["value"] = np.nan
    rows["unit"] = np.tile([UNITS[name] for name in names], len(units.frame) * len(days))
    return rows


@design_cache
def _marrow_layout(units: Units, names: tuple[str, ...]) -> pd.DataFrame:
    layout = _layout(units, "population", names, "value")
    colonies = layout["population"] == "CFU"
    return layout.assign(unit=np.where(colonies, "colonies per 20000 cells", "cells per femur"))


def rapamycin_marrow(world: World, seed: int) -> pd.DataFrame:
    """Marrow at the end of dosing: the full effect."""
    rng = stream(seed, "rapamycin_marrow")
    units = treated(world, "rapamycin", world.endpoints.design.rapamycin_animals)
    names = tuple(world.endpoints.marrow)
    level, effect, sd, aged_sd = _drug(world, "marrow", names, units)
    values = level + effect + sd * deviations(world, rng, units, aged_sd)
    return _filled(_marrow_layout(units, names), value=_whole(values))


def _whole(log2_values: np.ndarray) -> np.ndarray:
    """Cells and colonies are counted: whole numbers, at least one."""
    return np.maximum(np.rint(2**log2_values), 1)


def ecko_blood(world: World, seed: int) -> pd.DataFrame:
    """Lineages that add to 100 per cent, and counts."""
    rng = stream(seed, "ecko_blood")
    units = animals(world, "ecko", GROUPS, world.endpoints.design.blood_animals)
    names = ["myeloid_balance", "lymphoid_balance", "nk_logit", "other_logit", "WBC", "platelets", "hemoglobin"]
    values = endpoint_values(world, rng, "blood", names, units)
    rest = 100 * expit(values[:, 2:4])
    # With heavy tails the two could pass 100 per cent together, and some cells are always left for the lineages.
    rest = np.round(rest * np.minimum(1, MOST_REST / rest.sum(axis=1, keepdims=True)), 2)
    parts = np.round(lineages(values[:, :2], 1 - rest.sum(axis=1) / 100), 2)
    # Rounding must not break the sum: what it left goes to T cells.
    t_cells = np.maximum(np.round(100 - rest.sum(axis=1) - parts[:, :2].sum(axis=1), 2), 0)
    columns = {"myeloid_pct": parts[:, 0], "b_pct": parts[:, 1], "t_pct": t_cells}
    columns |= {"nk_pct": rest[:, 0], "other_pct": rest[:, 1]}
    columns |= {name: 2 ** values[:, column] for column, name in enumerate(names[4:], start=4)}
    return pd.concat([units.frame, pd.DataFrame(columns)], axis=1)


def ecko_marrow(world: World, seed: int) -> pd.DataFrame:
    """Marrow populations; the animals are those of the blood."""
    rng = stream(seed, "ecko_marrow")
    units = animals(world, "ecko", GROUPS, world.endpoints.design.marrow_animals)
    names = tuple(world.endpoints.marrow)
    values = endpoint_values(world, rng, "marrow", names, units)
    return _filled(_colony_layout(units, names), value=_whole(values))


@design_cache
def _colony_layout(units: Units, names: tuple[str, ...]) -> pd.DataFrame:
    layout = _marrow_layout(units, names)
    colonies = layout["population"] == "CFU"
    return layout.assign(colony_type=np.where(colonies, "total", ""), plated_cells=np.where(colonies, 20000.0, np.nan))


def ecko_cells(world: World, seed: int) -> pd.DataFrame:
    """Cells within mice: Bernoulli around an animal's logit, negative binomial around an animal's mean."""
    rng = stream(seed, "ecko_cells")
    design = world.endpoints.design
    units = animals(world, "ecko", GROUPS, design.cells_animals, has_sex=False)
    values = endpoint_values(world, rng, "cells", ["polarity", "gH2AX_foci"], units)
    shape = (len(units.frame), design.cells_per_animal)
    polarised = rng.random(shape) < expit(values[:, :1])
    size = 1 / world.endpoints.cells_within.foci_dispersion
    foci = rng.poisson(np.exp(values[:, 1:]) * rng.gamma(size, 1 / size, shape))
    return _filled(_cells_layout(units, shape[1]), value=np.stack([polarised, foci], axis=1))


@design_cache
def _cells_layout(units: Units, cells: int) -> pd.DataFrame:
    count = len(units.frame)
    rows = units.frame[["animal", "group", "batch"]]
    rows = rows.loc[rows.index.repeat(2 * cells)].reset_index(drop=True)
    rows["cell"] = [f"sim-cell-{i + 1:03d}" for i in range(cells)] * (2 * count)
    rows["assay"] = np.tile(np.repeat(["polarity", "gH2AX_foci"], cells), count)
    return rows.assign(value=np.nan, population="HSC", blinded="true")


def ecko_limiting_dilution(world: World, seed: int) -> pd.DataFrame:
    """Positive recipients under the single-hit Poisson model, around the log frequency of each donor."""
    rng = stream(seed, "ecko_limiting_dilution")
    design = world.endpoints.design
    donors = design.dilution_donors
    positive = []
    for cell_type, one in world.endpoints.limiting_dilution.items():
        shifts = np.repeat(world.shifts(f"limiting_dilution.{cell_type}"), donors)
        aged = np.repeat(np.array(GROUPS) == "aged", donors)
        deviation = one.sd * world.endpoints.spread.between(rng.normal(size=len(shifts)), aged)
        log_frequency = one.baseline + shifts + deviation
        hit = -np.expm1(-np.exp(log_frequency)[:, None] * np.array(one.doses)).ravel()
        tested = np.repeat(np.tile(design.recipients_of_donors(), len(GROUPS)), len(one.doses))
        positive.append(rng.binomial(tested, hit))
    doses = tuple((cell_type, one.doses) for cell_type, one in world.endpoints.limiting_dilution.items())
    return _filled(_dilution_layout(design, doses), positive=np.concatenate(positive))


@design_cache
def _dilution_layout(design: Design, doses: tuple[tuple[str, tuple[float, ...]], ...]) -> pd.DataFrame:
    donors = [f"sim-dilution-{group}-{i + 1}" for group in GROUPS for i in range(design.dilution_donors)]
    blocks = [
        pd.DataFrame(
            {
                "group": np.repeat(GROUPS, design.dilution_donors * len(given)),
                "donor": np.repeat(donors, len(given)),
                "cell_type": cell_type,
                "dose": np.tile(given, len(donors)),
                "tested": np.repeat(np.tile(design.recipients_of_donors(), len(GROUPS)), len(given)),
                "positive": 0,
                "week": 16,
            }
        )
        for cell_type, given in doses
    ]
    return pd.concat(blocks, ignore_index=True)


def competitive_transplants(world: World, seed: int) -> pd.DataFrame:
    """Marrow of each donor beside as many competitor cells in a few hosts, read over weeks."""
    rng = stream(seed, "competitive_transplants")
    design = world.endpoints.design
    names = ["chimerism", "myeloid_balance", "lymphoid_balance"]
    parameters = [world.endpoints.competitive[name] for name in names]
    units = animals(world, "competitive", GROUPS, design.competitive_donors)
    layout = _competitive_layout(units, design)
    weeks = np.array(design.competitive_weeks)
    place = pd.factorize(layout["donor"][:: len(weeks)])[0]
    baseline, sd = np.array([(one.baseline, one.sd) for one in parameters]).T
    recipient_sd, week_sd, per_week = np.array([(one.recipient_sd, one.week_sd, one.per_week) for one in parameters]).T
    shifts = np.array([world.shifts(f"competitive.{name}") for name in names]).T
    level = (baseline + shifts[units.group] + sd * deviations(world, rng, units, np.ones(len(names))))[place]
    level = level + recipient_sd * world.endpoints.spread.between(rng.normal(size=level.shape))
    noise = week_sd * rng.normal(size=(len(level), len(weeks), len(names)))
    read = graft_percentages(level[:, None] + np.multiply.outer(weeks - weeks[-1], per_week) + noise)
    return _filled(layout, **dict(zip(GRAFTED, np.moveaxis(read, -1, 0), strict=True)))


@design_cache
def _competitive_layout(units: Units, design: Design) -> pd.DataFrame:
    donors = units.frame.rename(columns={"animal": "donor", "group": "donor_group"})
    each = np.resize(design.competitive_recipients, design.competitive_donors)
    each = np.tile(each, len(donors) // len(each))
    rows = donors.loc[donors.index.repeat(each)].reset_index(drop=True)
    host = rows.groupby("donor").cumcount() + 1
    rows.insert(0, "recipient", rows["donor"] + "-r" + host.astype(str))
    rows.insert(3, "week", 0)
    for place, name in enumerate(GRAFTED, start=4):
        rows.insert(place, name, np.nan)
    rows = rows.assign(cells_injected=design.competitive_cells, competitor_cells=design.competitive_cells, tissue="PB")
    rows = rows.loc[rows.index.repeat(len(design.competitive_weeks))].reset_index(drop=True)
    return rows.assign(week=np.resize(design.competitive_weeks, len(rows)))


def ecko_verification(world: World, seed: int) -> pd.DataFrame:
    """How far mTOR is gone, by cell type, and the vessels; RNA, protein and pS6 fall with the alleles recombined."""
    rng = stream(seed, "ecko_verification")
    one = world.endpoints.verification
    units = animals(world, "ecko", ("control", "ecko"), world.endpoints.design.verification_animals)
    types = ("BMEC", "other_EC", "stroma", "HSPC")
    share = np.array([getattr(one, cell_type) for cell_type in types])
    ecko = units.group == GROUPS.index("ecko")
    mean = np.where(ecko[:, None], share, one.background)
    recombined = expit(logit(mean) + rng.normal(0, one.logit_sd, mean.shape))
    left = (1 - recombined)[:, :, None] * np.exp(rng.normal(0, one.measure_sd, (*mean.shape, 3)))
    values = np.concatenate([100 * recombined[:, :, None], left], axis=2)
    recombination = _filled(_verification_layout(units, types), value=values)
    # A stream of their own: vessels were added later, and the rest stayed as it was.
    rng = stream(seed, "vessels")
    names = tuple(world.endpoints.vessels)
    baseline, sd = np.array([(one.baseline, one.sd) for one in world.endpoints.vessels.values()]).T
    drawn = baseline + sd * world.endpoints.spread.between(rng.normal(size=(len(units.frame), len(names))))
    percent = np.char.endswith(names, "_pct")
    vessels = _filled(_vessels_layout(units, names), value=np.where(percent, 100 * expit(drawn), 2**drawn))
    return pd.concat([recombination, vessels], ignore_index=True)


@design_cache
def _vessels_layout(units: Units, names: tuple[str, ...]) -> pd.DataFrame:
    rows = _layout(units, "measure", names, "value").assign(cell_type="BMEC")
    rows["unit"] = rows["measure"].map({"vessel_density": "vessels/mm2", "leakage": "ug dye/g", "apoptosis_pct": "%"})
    return rows[["animal", "group", "cell_type", "measure", "value", "unit"]]


@design_cache
def _verification_layout(units: Units, types: tuple[str, ...]) -> pd.DataFrame:
    measures = ("recombined_allele_pct", "Mtor_mRNA", "mTOR_protein", "pS6")
    each, count = len(types) * len(measures), len(units.frame)
    rows = units.frame[["animal", "group"]]
    rows = rows.loc[rows.index.repeat(each)].reset_index(drop=True)
    rows["cell_type"] = np.tile(np.repeat(types, len(measures)), count)
    rows["measure"] = np.tile(measures, len(types) * count)
    rows["value"] = np.nan
    percent = rows["measure"] == "recombined_allele_pct"
    return rows.assign(unit=np.where(percent, "%", "relative to control"))


@design_cache
def _transplant_plan(design: Design, confounded: bool) -> pd.DataFrame:
    """Who descends from whom: one row a recipient, an exposed animal (passage 1) before its descendants."""
    rows = []
    for g, niche in enumerate(GROUPS):
        for i in range(design.transplant_exposed):
            exposed = f"sim-exposed-{niche}-{i + 1:02d}"
            pool = i % design.transplant_pools
            batch = (i // design.transplant_pools) % 2
            if confounded:
                batch = {"aged": 1, "ecko": 2}.get(niche, 0)
            rows.append((exposed, exposed, pool, g, 1, batch))
            for passage in range(2, design.transplant_passages + 1):
                # The number of recipients alternates, so that groups have the same.
                for k in range(design.transplant_recipients[(i + passage) % len(design.transplant_recipients)]):
                    rows.append((f"{exposed}-p{passage}-{k + 1}", exposed, pool, g, passage, batch))
    frame = pd.DataFrame(rows, columns=["recipient", "exposed_animal", "pool", "group_index", "passage", "batch_index"])
    frame["exposed_index"] = pd.factorize(frame["exposed_animal"])[0]
    return frame


# Two tables of a cohort are read from the same grafts.
@lru_cache(maxsize=1)
def _grafts(world: World, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Plan, read-outs (recipients, weeks, 3) on their scales, and the week of death (infinite for survivors)."""
    rng = stream(seed, "serial_transplants")
    design, spread = world.endpoints.design, world.endpoints.spread
    plan = _transplant_plan(design, world.confounding is not None)
    weeks = np.array(design.transplant_weeks, float)
    last = weeks[-1]
    group, exposed, passage, pool, batch = (
        plan[name].to_numpy() for name in ("group_index", "exposed_index", "passage", "pool", "batch_index")
    )
    aged = group[passage == 1] == GROUPS.index("aged")
    values = []
    for name in ("chimerism", "myeloid_balance", "lymphoid_balance"):
        one = world.endpoints.transplant[name]
        effect = np.array(one.by_passage)[passage - 1] * world.shifts(f"transplant.{name}")[group]
        level = (
            one.baseline
            + one.step * (passage - 1)
            + effect
            + one.donor_sd * spread.between(rng.normal(size=design.transplant_pools))[pool]
            + rng.normal(0, spread.batch * one.sd, BATCHES)[batch]
            + one.sd * spread.between(rng.normal(size=len(aged)), aged)[exposed]
            + one.recipient_sd * spread.between(rng.normal(size=len(plan)))
        )
        noise = rng.normal(0, one.week_sd, (len(plan), len(weeks)))
        values.append(level[:, None] + one.per_week * (weeks - last) + noise)
    values = np.stack(values, axis=2)
    deaths = world.endpoints.recipient_deaths
    poor = expit(deaths.steepness * (deaths.threshold - values[:, -1, 0]))
    risk = 1 - (1 - deaths.deaths) * (1 - deaths.weight * poor)
    dies, when = rng.random(len(plan)) < risk, rng.uniform(0, last, len(plan))
    return plan, values, np.where(dies, when, np.inf)


def _made(plan: pd.DataFrame, death: np.ndarray) -> np.ndarray:
    """Recipients that came to be: an exposed animal that died before its last read-out has no descendants."""
    exposed, first = plan["exposed_index"].to_numpy(), plan["passage"].to_numpy() == 1
    # Exposed animals are numbered in the order of their own rows.
    return first | ~np.isfinite(death[first])[exposed]


def serial_transplants(world: World, seed: int) -> pd.DataFrame:
    """Wild-type cells through a niche and on: pools feed every niche, later recipients descend from exposed animals."""
    plan, values, death = _grafts(world, seed)
    design = world.endpoints.design
    weeks = np.array(design.transplant_weeks)
    read = graft_percentages(values).reshape(-1, 4)
    # Week by week until death; the first bleed that was missed says "died" and has no read-out.
    missed = (weeks >= death[:, None]).ravel()
    earlier = (np.roll(weeks, 1) >= death[:, None]) & (np.arange(len(weeks)) > 0)
    read[missed] = np.nan
    keep = np.flatnonzero(~earlier.ravel() & np.repeat(_made(plan, death), len(weeks)))
    rows = _transplant_layout(design, world.confounding is not None).take(keep).reset_index(drop=True)
    columns = {name: read[keep, column] for column, name in enumerate(GRAFTED)}
    return _filled(rows, **columns, status=np.where(missed[keep], "died", "alive"))


@design_cache
def _transplant_layout(design: Design, confounded: bool) -> pd.DataFrame:
    plan, weeks = _transplant_plan(design, confounded), design.transplant_weeks
    niche = np.array(GROUPS)[plan["group_index"]]
    rows = pd.DataFrame(
        {
            "recipient": plan["recipient"],
            "exposed_animal": plan["exposed_animal"],
            "donor": [f"sim-pool-{i + 1}" for i in plan["pool"]],
            "niche": niche,
            "host_niche": np.where(plan["passage"] == 1, niche, "wildtype"),
            "passage": plan["passage"],
            "week": 0,
            "tissue": "PB",
            "readout": "CD45",
            "donor_chimerism_pct": np.nan,
            "myeloid_pct": np.nan,
            "b_pct": np.nan,
            "t_pct": np.nan,
            "batch": [f"batch-{i + 1}" for i in plan["batch_index"]],
            "status": "",
        }
    )
    rows = rows.loc[rows.index.repeat(len(weeks))].reset_index(drop=True)
    rows["week"] = np.tile(weeks, len(plan))
    return rows


def survival(world: World, seed: int) -> pd.DataFrame:
    """Survival after 5-fluorouracil in the four groups and under rapamycin, and of every recipient of transplants."""
    rng = stream(seed, "survival")
    design = world.endpoints.design
    one = world.endpoints.challenge["survival"]
    units = animals(world, "challenge", GROUPS, design.challenge_animals)
    drugged = treated(world, "challenged", design.challenge_animals)
    log_hazard = world.shifts("challenge.survival")[units.group]
    of_drug = (drugged.frame["treatment"] == "rapamycin").to_numpy() * np.log(one.rapamycin_hazard_ratio)
    log_hazard = np.append(log_hazard, drugged.aged * world.aging_effect("challenge.survival") + of_drug)
    # The rapamycin experiment was added later; with a stream of its own the rest stayed as it was.
    other = stream(seed, "survival under rapamycin")
    time = np.append(rng.exponential(size=len(units.frame)), other.exponential(size=len(drugged.frame)))
    days = one.scale_days * (time / np.exp(log_hazard)) ** (1 / one.shape)
    plan, _, death = _grafts(world, seed)
    last = 7 * max(design.transplant_weeks)
    day = np.append(np.minimum(np.ceil(days), one.last_day), np.minimum(np.ceil(7 * death), last))
    died = np.append(days <= one.last_day, np.isfinite(death))
    kept = np.flatnonzero(np.append(np.full(len(days), True), _made(plan, death)))
    layout = _survival_layout(units, drugged, design, world.confounding is not None)
    rows = layout.take(kept).reset_index(drop=True)
    rows["day"] = day[kept].astype(int)
    rows["event"] = np.where(died[kept], "died", "censored")
    return rows


@design_cache
def _survival_layout(units: Units, drugged: Units, design: Design, confounded: bool) -> pd.DataFrame:
    plan = _transplant_plan(design, confounded)
    challenged = units.frame.assign(experiment="ecko", challenge="5FU")
    drugged = drugged.frame.rename(columns={"treatment": "group"}).assign(experiment="rapamycin", challenge="5FU")
    recipients = plan.rename(columns={"recipient": "animal"})[["animal", "exposed_animal"]].assign(
        group=np.array(GROUPS)[plan["group_index"]],
        batch=[f"batch-{i + 1}" for i in plan["batch_index"]],
        experiment="transplant",
        challenge="irradiation_lethal",
    )
    rows = pd.concat([challenged, drugged, recipients], ignore_index=True).assign(day=0, event="")
    columns = ["animal", "experiment", "group", "day", "event", "challenge", "age_group", "exposed_animal"]
    return rows[[*columns, "sex", "batch"]].fillna("")


def exclusions(world: World, seed: int) -> pd.DataFrame:
    """One animal whose blood clotted: which one is chance, not its value."""
    rng = stream(seed, "exclusions")
    frame = animals(world, "ecko", GROUPS, world.endpoints.design.blood_animals).frame
    animal = frame["animal"].iloc[rng.integers(len(frame))]
    return pd.DataFrame({"table": ["ecko_blood"], "animal": [animal], "reason": ["blood clotted (simulated)"]})
