"""How often the analyses would be right in a laboratory's own design: simulated cohorts with its numbers of units."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from math import ceil, floor

import pandas as pd
from scipy import stats

from endomtor import calibration, paths, worlds
from endomtor.analyses.judge import Judge
from endomtor.calibration import cohorts
from endomtor.calibration.plan import Scenario
from endomtor.claims import verdicts
from endomtor.contract.dataset import Dataset
from endomtor.contract.tables import MATRICES, TABLES
from endomtor.own_data.prospects import allowed
from endomtor.provenance import Provenance

NULL, TRUE = "edge", "paper"
"""Scenarios of the plan: where false support is likeliest, and where every effect is planted."""

COHORTS = 8
"""Of each scenario: with every table at hand at most 10 seconds in all."""


def sizes(dataset: Dataset) -> dict[str, dict[tuple[str, ...], int]]:
    """Return the units in each arm of each table that a cohort can be drawn of, by table and arm.

    An arm is (group,), in the rapamycin tables (age, treatment).
    """
    return {
        name: {arm: rows[table.unit].nunique() for arm, rows in dataset.tables[name].groupby(table.arms, observed=True)}
        for name, table in TABLES.items()
        if table.size and name in dataset.tables
    }


def changes(dataset: Dataset) -> dict:
    """Return what makes a world's design that of a data set, as `endomtor.worlds.load` takes it.

    Each group gets as many units as the largest of its table; `as_in` then takes units away where groups are unequal.
    Copied beside them: cells of an animal, recipients and doses of a limiting dilution, days after the first dose,
    passages, weeks, pools and recipients of transplants. Sex and batch are laid out as the world lays them out.
    """
    design: dict[str, object] = {}
    for name, arms in sizes(dataset).items():
        key = TABLES[name].size
        design[key] = max(design.get(key, 1), *arms.values())
    found: dict[str, object] = {"design": design}
    if (cells := dataset.get("ecko_cells")) is not None:
        design["cells_per_animal"] = max(1, round(cells.groupby(["animal", "assay"]).size().median()))
    if (dilution := dataset.get("ecko_limiting_dilution")) is not None:
        by = ["group", "dose", *(["cell_type"] if "cell_type" in dilution else [])]
        recipients = round(dilution.groupby(by)["tested"].sum().median())
        design["dilution_recipients"] = max(recipients, design["dilution_donors"])
        if "cell_type" in dilution:
            doses = dilution.groupby("cell_type")["dose"].unique()
            known = worlds.load(TRUE).endpoints.limiting_dilution
            found["limiting_dilution"] = {one: {"doses": sorted(doses[one].tolist())} for one in known if one in doses}
    if (hosts := dataset.get("competitive_transplants")) is not None:
        design["competitive_weeks"] = _whole(hosts["week"])
        mean = hosts.groupby("donor")["recipient"].nunique().mean()
        design["competitive_recipients"] = sorted({floor(mean), ceil(mean)})
    if (blood := dataset.get("rapamycin_blood")) is not None:
        design["rapamycin_days"] = _whole(blood["day"])
    if (grafts := dataset.get("serial_transplants")) is not None:
        # The worlds say how much of an effect is seen in each passage, and know no more of them.
        known = min(len(one.by_passage) for one in worlds.load(TRUE).endpoints.transplant.values())
        design["transplant_passages"] = min(int(grafts["passage"].max()), known)
        design["transplant_weeks"] = _whole(grafts["week"])
        design["transplant_pools"] = grafts["donor"].nunique()
        later = grafts[grafts["passage"] > 1]
        if len(later):
            mean = later.groupby(["exposed_animal", "passage"])["recipient"].nunique().mean()
            design["transplant_recipients"] = sorted({floor(mean), ceil(mean)})
    return {"endpoints": found}


def _whole(times: pd.Series) -> list[int]:
    return sorted({round(time) for time in times.dropna()})


def as_in(dataset: Dataset, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return drawn tables with as many units in each arm as a data set has, none where it lacks the arm.

    The first of an arm stay, which keeps its sexes, batches and pools in balance. `worlds.thin` cannot do this: it
    knows shares that are the same in all tables, and leaves two units at least.
    """
    wanted = sizes(dataset)
    kept = {}
    for name, frame in tables.items():
        table = TABLES[name]
        if table.sheet:
            continue
        parts = [
            rows[rows[table.unit].isin(rows[table.unit].unique()[: wanted[name].get(arm, 0)])]
            for arm, rows in frame.groupby(table.arms, observed=True, sort=False)
        ]
        kept[name] = pd.concat(parts).sort_index().reset_index(drop=True)
    for name, listing in MATRICES.items():
        if name in tables:
            kept[name] = tables[name][["gene", *kept[listing]["sample"]]]
    return kept


def support(dataset: Dataset, count: int = COHORTS) -> pd.DataFrame:
    """Count how often each primary prediction that a data set can test is supported in cohorts of its design.

    Parameters
    ----------
    count : int
        Cohorts of each scenario; their seeds are the first of the frozen calibration.

    Returns
    -------
    DataFrame
        id, scenario (`NULL` or `TRUE`), planted (whether the prediction holds there), supported, of (cohorts with a
        verdict), low, high (95 % limits of the rate by Clopper and Pearson). Empty where nothing can be tested.
    """
    testable = [one.rule for one in allowed(dataset) if one.rule.role == "primary" and not one.why_not]
    plan, design = calibration.load(), changes(dataset)
    rows = []
    for name in (NULL, TRUE) if testable else ():
        scenario = plan.scenario(name)
        scenario = replace(scenario, changes=_over(scenario.changes, design))
        world, words = scenario.drawn_from(), []
        for seed in range(plan.seed, plan.seed + count):
            words.append(_words(dataset, scenario, seed, {rule.id for rule in testable}))
        for rule in testable:
            tested = [one[rule.id] for one in words if one.get(rule.id, verdicts.NOT_TESTABLE) != verdicts.NOT_TESTABLE]
            if tested:
                supported = tested.count(verdicts.SUPPORTED)
                limits = stats.binomtest(supported, len(tested)).proportion_ci()
                rows.append((rule.id, name, world.truth(rule.id), supported, len(tested), limits.low, limits.high))
    return pd.DataFrame(rows, columns=["id", "scenario", "planted", "supported", "of", "low", "high"])


def _words(dataset: Dataset, scenario: Scenario, seed: int, wanted: set[str]) -> dict[str, str]:
    """Draw one cohort in the design of a data set, analyse it, and return the word on the data of each prediction."""
    world = scenario.drawn_from()
    known = (*cohorts.tables_of("tables"), *cohorts.tables_of("expression"))
    drawn = as_in(dataset, worlds.simulate_tables(world, seed, [one for one in known if one in dataset.tables]))
    records = Judge(worlds.dataset(world, seed, tables=drawn)).records(wanted)
    return {one.id: verdicts.data_word(one.verdict, one.reason) for one in records}


def _over(below: Mapping, above: Mapping) -> dict:
    """Return `below` with `above` laid over it, table by table."""
    both = {key: _over(below[key], above[key]) for key in above if isinstance(below.get(key), Mapping)}
    return {**below, **above, **both}


def provenance() -> Provenance:
    """Return the provenance of what `support` counts: simulated, whoever's design it is."""
    plan = calibration.load()
    return Provenance(
        kind="simulated",
        title="calibration in the design of the data at hand",
        source=f"Drawn by endomtor in scenarios of data/calibration.toml, version {plan.version}",
        sha256=hashlib.sha256((paths.data() / "calibration.toml").read_bytes()).hexdigest(),
        world=f"scenarios {NULL} and {TRUE}, in the design of these data",
        seed=plan.seed,
    )
