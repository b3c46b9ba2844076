"""Drawing the tables of one cohort from a world, all but the two of gene expression.

Each table has a random stream of its own, so that a change to one leaves the others as they are. The same seed in two
worlds uses the same random numbers: cohorts of two worlds differ only by what the worlds say.
"""

import zlib
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from endomtor.worlds.parameters import Design
from endomtor.worlds.world import GROUPS, World

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
# Orthonormal: row 0 is the balance of myeloid against B and T, row 1 that of B against T.
BALANCES = np.array([[2, -1, -1], [0, 1, -1]]) / np.sqrt([[6], [2]])


def stream(seed: int, table: str) -> np.random.Generator:
    """Return the random stream of one table of one cohort."""
    return np.random.default_rng([seed, zlib.crc32(table.encode())])


@cache
def _animals(experiment: str, groups: tuple[str, ...], n: int, aging: str, ecko: str) -> pd.DataFrame:
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
    frame = pd.DataFrame(rows, columns=["animal", "group", "sex", "batch"])
    frame["group_index"] = frame["group"].map(GROUPS.index)
    return frame


def animals(world: World, experiment: str, groups: tuple[str, ...], n: int, *, has_sex: bool = True) -> pd.DataFrame:
    """Return animal, group, sex, batch and the index of the group, one row an animal.

    Where a table has no sex, what the world aligns with sex is aligned with batch.
    """
    aligned = world.confounding
    if aligned is None:
        return _animals(experiment, groups, n, "", "")
    aging, ecko = (key if has_sex else "batch" for key in (aligned.aging, aligned.ecko))
    return _animals(experiment, groups, n, aging, ecko)


def deviations(world: World, rng: np.random.Generator, frame: pd.DataFrame, count: int) -> np.ndarray:
    """Return batch, sex and animal deviations in units of sd, shape (animals, count).

    Endpoints of one animal are correlated through a common factor; each endpoint of a cohort has one difference
    between the sexes.
    """
    spread = world.endpoints.spread
    batch = rng.normal(0, spread.batch, (BATCHES, count))
    sex = rng.normal(0, spread.sex, count)
    common = rng.normal(size=(len(frame), 1))
    own = rng.normal(size=(len(frame), count))
    male = (frame["sex"].to_numpy() == "M") - 0.5
    level = frame["batch"].str[-1].to_numpy(int) - 1
    animal = np.sqrt(spread.correlation) * common + np.sqrt(1 - spread.correlation) * own
    return batch[level] + np.outer(male, sex) + animal


def endpoint_values(world: World, rng, section: str, names: list[str], frame: pd.DataFrame) -> np.ndarray:
    """Return the values of several endpoints on their scales in the four groups, shape (animals, endpoints)."""
    parameters = [getattr(world.endpoints, section)[name] for name in names]
    baseline, sd = np.array([(one.baseline, one.sd) for one in parameters]).T
    shifts = np.array([world.shifts(f"{section}.{name}") for name in names]).T
    return baseline + shifts[frame["group_index"]] + sd * deviations(world, rng, frame, len(names))


def lineages(balances: np.ndarray, share: np.ndarray | float = 1.0) -> np.ndarray:
    """Return myeloid, B and T in per cent of all white cells from the two ILR balances, shape (..., 3).

    `share` is the part of white cells that these three make up. The balances are those of Egozcue et al. 2003
    (doi 10.1023/A:1023818214614).
    """
    parts = np.exp(balances @ BALANCES)
    return 100 * np.asarray(share)[..., None] * parts / parts.sum(axis=-1, keepdims=True)


def _long(frame: pd.DataFrame, key: str, names: list[str], values: np.ndarray, value: str = "value") -> pd.DataFrame:
    """One row an animal and endpoint, animal by animal."""
    rows = frame.drop(columns="group_index", errors="ignore").loc[frame.index.repeat(len(names))].reset_index(drop=True)
    rows[key] = np.tile(names, len(frame))
    rows[value] = values.ravel()
    return rows


def bmec_signaling(world: World, seed: int) -> pd.DataFrame:
    """MFI of each marker in young and aged animals, with each animal's own background tube inside it."""
    rng = stream(seed, "bmec_signaling")
    endpoints = world.endpoints
    names = list(endpoints.signaling)
    frame = animals(world, "bmec", ("young", "aged"), endpoints.design.signaling_animals)
    baseline, sd = np.array([(one.baseline, one.sd) for one in endpoints.signaling.values()]).T
    effect = np.array([world.marker_effect(name) for name in names])
    aged = (frame["group"] == "aged").to_numpy()
    log_signal = baseline + np.outer(aged, effect) + sd * deviations(world, rng, frame, len(names))
    log_background = rng.normal(endpoints.background.baseline, endpoints.background.sd, log_signal.shape)
    rows = _long(frame, "marker", names, 2**log_signal + 2**log_background, "mfi")
    rows["fmo_mfi"] = (2**log_background).ravel()
    rows["background_type"] = "FMO"
    rows["statistic"] = "median"
    return rows


@cache
def _treated(n: int, aging: str, treatment: str) -> pd.DataFrame:
    rows = []
    for age in ("young", "aged"):
        for given in ("vehicle", "rapamycin"):
            for i in range(n):
                batch, sex = i % 2, (i // 2) % 2
                if aging or treatment:
                    old, drug = age == "aged", given == "rapamycin"
                    batch = int(old and aging == "batch") + 2 * int(drug and treatment == "batch")
                    sex = int((old and aging == "sex") or (drug and treatment == "sex"))
                name = f"sim-rapamycin-{age}-{given}-{i + 1:02d}"
                rows.append((name, age, given, "FM"[sex], f"batch-{batch + 1}"))
    return pd.DataFrame(rows, columns=["animal", "age_group", "treatment", "sex", "batch"])


def treated(world: World) -> pd.DataFrame:
    """Return the animals of the 2 x 2 rapamycin experiment, one row an animal."""
    aligned = world.confounding
    n = world.endpoints.design.rapamycin_animals
    return _treated(n, aligned.aging if aligned else "", aligned.treatment if aligned else "")


def _drug(
    world: World, section: str, names: list[str], frame: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean before the drug and full effect of the drug, each (animals, endpoints), and sd, (endpoints,)."""
    parameters = [getattr(world.endpoints, section)[name] for name in names]
    baseline, sd, harm = np.array([(one.baseline, one.sd, one.rapamycin) for one in parameters]).T
    aged = (frame["age_group"] == "aged").to_numpy()
    given = (frame["treatment"] == "rapamycin").to_numpy()
    aging = np.array([world.aging_effect(f"{section}.{name}") for name in names])
    strength = world.rapamycin * np.where(aged, world.endpoints.drug.aged_ratio, 1.0) * given
    return baseline + np.outer(aged, aging), np.outer(strength, harm), sd


def rapamycin_blood(world: World, seed: int) -> pd.DataFrame:
    """Blood counts over days: each animal has its own level, and the effect builds up with dosing."""
    rng = stream(seed, "rapamycin_blood")
    frame = treated(world)
    names = ["neutrophils", "lymphocytes", "other_leukocytes", "platelets", "RBC", "hemoglobin"]
    level, effect, sd = _drug(world, "blood", names, frame)
    level = level + sd * deviations(world, rng, frame, len(names))
    days = np.array(world.endpoints.design.rapamycin_days)
    drug = world.endpoints.drug
    reached = 1 - np.exp(-np.maximum(days, 0) / drug.days_to_act)
    noise = drug.day_sd * sd * rng.normal(size=(len(frame), len(days), len(names)))
    amounts = 2 ** (level[:, None] + reached[:, None] * effect[:, None] + noise)
    # White cells are the sum of their parts; the third part has no row of its own.
    amounts[:, :, 2] = amounts[:, :, :3].sum(axis=2)
    names[2] = "WBC"
    rows = frame.loc[frame.index.repeat(len(days) * len(names))].reset_index(drop=True)
    rows["day"] = np.tile(np.repeat(days, len(names)), len(frame))
    rows["analyte"] = np.tile(names, len(frame) * len(days))
    rows["value"] = amounts.ravel()
    rows["unit"] = np.tile([UNITS[name] for name in names], len(frame) * len(days))
    return rows


def _marrow_unit(names: list[str]) -> list[str]:
    return ["colonies per 20000 cells" if name == "CFU" else "cells per femur" for name in names]


def rapamycin_marrow(world: World, seed: int) -> pd.DataFrame:
    """Marrow at the end of dosing: the full effect."""
    rng = stream(seed, "rapamycin_marrow")
    frame = treated(world)
    names = list(world.endpoints.marrow)
    level, effect, sd = _drug(world, "marrow", names, frame)
    values = level + effect + sd * deviations(world, rng, frame, len(names))
    rows = _long(frame, "population", names, _whole(values))
    rows["unit"] = np.tile(_marrow_unit(names), len(frame))
    return rows


def _whole(log2_values: np.ndarray) -> np.ndarray:
    """Cells and colonies are counted: whole numbers, at least one."""
    return np.maximum(np.rint(2**log2_values), 1)


def ecko_blood(world: World, seed: int) -> pd.DataFrame:
    """Lineages that add to 100 per cent, and counts."""
    rng = stream(seed, "ecko_blood")
    frame = animals(world, "ecko", GROUPS, world.endpoints.design.blood_animals)
    names = ["myeloid_balance", "lymphoid_balance", "nk_logit", "other_logit", "WBC", "platelets", "hemoglobin"]
    values = endpoint_values(world, rng, "blood", names, frame)
    rest = np.round(100 * expit(values[:, 2:4]), 2)
    parts = np.round(lineages(values[:, :2], 1 - rest.sum(axis=1) / 100), 2)
    rows = frame.drop(columns="group_index")
    # Rounding must not break the sum: what it left goes to T cells.
    rows["myeloid_pct"], rows["b_pct"] = parts[:, 0], parts[:, 1]
    rows["t_pct"] = np.round(100 - rest.sum(axis=1) - parts[:, :2].sum(axis=1), 2)
    rows["nk_pct"], rows["other_pct"] = rest.T
    for column, name in enumerate(names[4:], start=4):
        rows[name] = 2 ** values[:, column]
    return rows


def ecko_marrow(world: World, seed: int) -> pd.DataFrame:
    """Marrow populations; the animals are those of the blood."""
    rng = stream(seed, "ecko_marrow")
    frame = animals(world, "ecko", GROUPS, world.endpoints.design.marrow_animals)
    names = list(world.endpoints.marrow)
    values = endpoint_values(world, rng, "marrow", names, frame)
    rows = _long(frame, "population", names, _whole(values))
    rows["unit"] = np.tile(_marrow_unit(names), len(frame))
    colonies = rows["population"] == "CFU"
    rows["colony_type"] = np.where(colonies, "total", "")
    rows["plated_cells"] = np.where(colonies, 20000.0, np.nan)
    return rows


def ecko_cells(world: World, seed: int) -> pd.DataFrame:
    """Cells within mice: Bernoulli around an animal's logit, negative binomial around an animal's mean."""
    rng = stream(seed, "ecko_cells")
    design = world.endpoints.design
    frame = animals(world, "ecko", GROUPS, design.cells_animals, has_sex=False)
    values = endpoint_values(world, rng, "cells", ["polarity", "gH2AX_foci"], frame)
    shape = (len(frame), design.cells_per_animal)
    polarised = rng.random(shape) < expit(values[:, :1])
    size = 1 / world.endpoints.cells_within.foci_dispersion
    foci = rng.poisson(np.exp(values[:, 1:]) * rng.gamma(size, 1 / size, shape))
    rows = frame[["animal", "group", "batch"]].loc[frame.index.repeat(2 * shape[1])].reset_index(drop=True)
    rows["cell"] = [f"sim-cell-{i + 1:03d}" for i in range(shape[1])] * (2 * len(frame))
    rows["assay"] = np.tile(np.repeat(["polarity", "gH2AX_foci"], shape[1]), len(frame))
    rows["value"] = np.stack([polarised, foci], axis=1).ravel()
    rows["population"] = "HSC"
    rows["blinded"] = "true"
    return rows


def ecko_limiting_dilution(world: World, seed: int) -> pd.DataFrame:
    """Positive recipients under the single-hit Poisson model, around the log frequency of each donor."""
    rng = stream(seed, "ecko_limiting_dilution")
    design = world.endpoints.design
    donors = design.dilution_donors
    blocks = []
    for cell_type, one in world.endpoints.limiting_dilution.items():
        shifts = np.repeat(world.shifts(f"limiting_dilution.{cell_type}"), donors)
        log_frequency = one.baseline + shifts + rng.normal(0, one.sd, len(shifts))
        doses = np.array(one.doses)
        # 20 recipients among 3 donors: 7, 7 and 6.
        tested = design.dilution_recipients // donors + (np.arange(donors) < design.dilution_recipients % donors)
        tested = np.repeat(np.tile(tested, len(GROUPS)), len(doses))
        hit = -np.expm1(-np.exp(log_frequency)[:, None] * doses).ravel()
        blocks.append(
            pd.DataFrame(
                {
                    "group": np.repeat(GROUPS, donors * len(doses)),
                    "donor": np.repeat(
                        [f"sim-dilution-{group}-{i + 1}" for group in GROUPS for i in range(donors)], len(doses)
                    ),
                    "cell_type": cell_type,
                    "dose": np.tile(doses, len(shifts)),
                    "tested": tested,
                    "positive": rng.binomial(tested, hit),
                    "week": 16,
                }
            )
        )
    return pd.concat(blocks, ignore_index=True)


def ecko_verification(world: World, seed: int) -> pd.DataFrame:
    """How far mTOR is gone, by cell type; RNA, protein and pS6 fall with the share of alleles recombined."""
    rng = stream(seed, "ecko_verification")
    one = world.endpoints.verification
    frame = animals(world, "ecko", ("control", "ecko"), world.endpoints.design.verification_animals)
    types = ("BMEC", "other_EC", "stroma", "HSPC")
    measures = ("recombined_allele_pct", "Mtor_mRNA", "mTOR_protein", "pS6")
    share = np.array([getattr(one, cell_type) for cell_type in types])
    ecko = (frame["group"] == "ecko").to_numpy()
    mean = np.where(ecko[:, None], share, one.background)
    recombined = expit(logit(mean) + rng.normal(0, one.logit_sd, mean.shape))
    left = (1 - recombined)[:, :, None] * np.exp(rng.normal(0, one.measure_sd, (*mean.shape, 3)))
    values = np.concatenate([100 * recombined[:, :, None], left], axis=2)
    rows = frame[["animal", "group"]].loc[frame.index.repeat(16)].reset_index(drop=True)
    rows["cell_type"] = np.tile(np.repeat(types, 4), len(frame))
    rows["measure"] = np.tile(measures, 4 * len(frame))
    rows["value"] = values.ravel()
    rows["unit"] = np.tile(["%", "relative to control", "relative to control", "relative to control"], 4 * len(frame))
    return rows


@cache
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


def _grafts(world: World, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Plan, read-outs (recipients, weeks, 3) on their scales, and the week of death (infinite for survivors)."""
    rng = stream(seed, "serial_transplants")
    design, spread = world.endpoints.design, world.endpoints.spread
    plan = _transplant_plan(design, world.confounding is not None)
    weeks = np.array(design.transplant_weeks, float)
    last = weeks[-1]
    group, exposed, passage = (plan[name].to_numpy() for name in ("group_index", "exposed_index", "passage"))
    values = []
    for name in ("chimerism", "myeloid_balance", "lymphoid_balance"):
        one = world.endpoints.transplant[name]
        effect = np.array(one.by_passage)[passage - 1] * world.shifts(f"transplant.{name}")[group]
        level = (
            one.baseline
            + one.step * (passage - 1)
            + effect
            + rng.normal(0, one.donor_sd, design.transplant_pools)[plan["pool"]]
            + rng.normal(0, spread.batch * one.sd, BATCHES)[plan["batch_index"]]
            + rng.normal(0, one.sd, exposed.max() + 1)[exposed]
            + rng.normal(0, one.recipient_sd, len(plan))
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
    lost = plan["exposed_index"][(plan["passage"] == 1) & np.isfinite(death)]
    return ((plan["passage"] == 1) | ~plan["exposed_index"].isin(lost)).to_numpy()


def serial_transplants(world: World, seed: int) -> pd.DataFrame:
    """Wild-type cells through a niche and on: pools feed every niche, later recipients descend from exposed animals."""
    plan, values, death = _grafts(world, seed)
    weeks = np.array(world.endpoints.design.transplant_weeks)
    chimerism = 100 * expit(values[:, :, 0])
    parts = np.round(lineages(values[:, :, 1:]), 2)
    parts[:, :, 2] = 100 - parts[:, :, :2].sum(axis=2)
    first = (plan["passage"] == 1).to_numpy()
    niche = np.array(GROUPS)[plan["group_index"]]
    count = len(weeks)
    rows = pd.DataFrame(
        {
            "recipient": np.repeat(plan["recipient"].to_numpy(), count),
            "exposed_animal": np.repeat(plan["exposed_animal"].to_numpy(), count),
            "donor": np.repeat([f"sim-pool-{i + 1}" for i in plan["pool"]], count),
            "niche": np.repeat(niche, count),
            "host_niche": np.repeat(np.where(first, niche, "wildtype"), count),
            "passage": np.repeat(plan["passage"].to_numpy(), count),
            "week": np.tile(weeks, len(plan)),
            "tissue": "PB",
            "readout": "CD45",
            "donor_chimerism_pct": chimerism.ravel(),
            "myeloid_pct": parts[:, :, 0].ravel(),
            "b_pct": parts[:, :, 1].ravel(),
            "t_pct": np.round(parts[:, :, 2], 2).ravel(),
            "batch": np.repeat([f"batch-{i + 1}" for i in plan["batch_index"]], count),
        }
    )
    # Week by week until death; the first bleed that was missed says "died" and has no read-out.
    missed = (weeks >= death[:, None]).ravel()
    earlier = (np.roll(weeks, 1) >= death[:, None]) & (np.arange(count) > 0)
    rows["status"] = np.where(missed, "died", "alive")
    rows.loc[missed, ["donor_chimerism_pct", "myeloid_pct", "b_pct", "t_pct"]] = np.nan
    keep = ~earlier.ravel() & np.repeat(_made(plan, death), count)
    return rows[keep].reset_index(drop=True)


def survival(world: World, seed: int) -> pd.DataFrame:
    """Survival after 5-fluorouracil in the four groups, and of every recipient of the serial transplants."""
    rng = stream(seed, "survival")
    design = world.endpoints.design
    one = world.endpoints.challenge["survival"]
    frame = animals(world, "challenge", GROUPS, design.challenge_animals)
    log_hazard = world.shifts("challenge.survival")[frame["group_index"]]
    days = one.scale_days * (rng.exponential(size=len(frame)) / np.exp(log_hazard)) ** (1 / one.shape)
    challenged = frame[["animal", "group"]].assign(
        experiment="ecko",
        day=np.minimum(np.ceil(days), one.last_day).astype(int),
        event=np.where(days <= one.last_day, "died", "censored"),
        challenge="5FU",
    )
    plan, _, death = _grafts(world, seed)
    last = 7 * max(design.transplant_weeks)
    recipients = pd.DataFrame(
        {
            "animal": plan["recipient"],
            "group": np.array(GROUPS)[plan["group_index"]],
            "experiment": "transplant",
            "day": np.where(np.isfinite(death), np.ceil(7 * np.minimum(death, last)), last).astype(int),
            "event": np.where(np.isfinite(death), "died", "censored"),
            "challenge": "irradiation_lethal",
        }
    )[_made(plan, death)]
    columns = ["animal", "experiment", "group", "day", "event", "challenge"]
    return pd.concat([challenged, recipients], ignore_index=True)[columns]


def exclusions(world: World, seed: int) -> pd.DataFrame:
    """One animal whose blood clotted: which one is chance, not its value."""
    rng = stream(seed, "exclusions")
    frame = animals(world, "ecko", GROUPS, world.endpoints.design.blood_animals)
    animal = frame["animal"].iloc[rng.integers(len(frame))]
    return pd.DataFrame({"table": ["ecko_blood"], "animal": [animal], "reason": ["blood clotted (simulated)"]})
