"""Running a plan on all processors, freezing what came out, and comparing other counts with what is frozen."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice

import numpy as np
import pandas as pd
from scipy import stats

from endomtor import files, paths
from endomtor.calibration import cohorts as one_by_one
from endomtor.calibration import jobs as processes
from endomtor.calibration import plan as plans
from endomtor.calibration import rates
from endomtor.claims import cautions
from endomtor.errors import BuildError
from endomtor.provenance import Provenance

FILE, SLICE, ABOUT = "calibration.csv", "calibration_slice.csv", "calibration.json"
SLICE_SCENARIO, SLICE_COHORTS = "edge", 4
"""The answers of these cohorts are kept beside the rates: where the code counts others, the rates are older than it."""

_SLICED = ["seed", "id", "estimate", "low", "high", "word"]
_CHUNK = 10
_TEXTS = ("kind", "reason", "word", "world_word")


@dataclass(frozen=True)
class Calibration:
    """Rates of many cohorts.

    Attributes
    ----------
    table : DataFrame
        Columns `rates.COLUMNS`; measures of rules, and "wrong" and "right" for the tempting mistakes.
    bias : DataFrame
        scenario, id, planted, median, bias.
    grid : DataFrame
        scenario, claim, word, count: how the verdicts on each claim fell.
    slice : DataFrame
        seed, id, estimate, low, high, word: the answers of the first cohorts of `SLICE_SCENARIO`, where it was drawn.
    about : dict
        plan (version), date of the plan, seed, cohorts (all of each part), joint; frozen (date) where it was read.
    """

    table: pd.DataFrame
    bias: pd.DataFrame
    grid: pd.DataFrame
    slice: pd.DataFrame
    about: dict

    @cached_property
    def provenance(self) -> Provenance:
        """Simulated, from the scenarios of the table."""
        return Provenance(
            kind="simulated",
            title="calibration",
            source=f"Drawn by endomtor by the plan in data/calibration.toml, version {self.about['plan']}",
            sha256=hashlib.sha256(_csv(self.table).encode()).hexdigest(),
            world=f"{self.table['scenario'].nunique()} scenarios",
            seed=self.about["seed"],
            frozen=True,
        )


def calibrate(
    cohorts: int | None = None,
    *,
    scenarios: Sequence[str] | None = None,
    parts: Sequence[str] = plans.PARTS,
    jobs: int = 1,
    progress: bool = False,
) -> Calibration:
    """Draw cohorts of each scenario, analyse them with the chapters' functions, and count.

    `WorldError`: a scenario is not in the plan.

    Parameters
    ----------
    cohorts : int, optional
        Cohorts per scenario and part; those of the plan where it is left out.
    scenarios, parts : sequence of str, optional
        Which of the plan's; all where left out.
    jobs : int
        Processes.
    progress : bool
        Show a bar for each scenario.
    """
    plan = plans.load()
    chosen = plan.scenarios if scenarios is None else [plan.scenario(name) for name in scenarios]
    work = [(one, part, cohorts or plan.count(one, part)) for part in parts for one in chosen if part in one.parts]
    tasks = [(one.name, plan.seed + i, part) for one, part, count in work for i in range(count)]
    totals = {f"{one.name}, {part}": count for one, part, count in work}
    tables, biases, grids, kept = [], [], [], pd.DataFrame(columns=_SLICED)
    of_illness: dict[str, list[pd.DataFrame]] = {one.name: [] for one in chosen}
    drawn = processes.run(_cohort, tasks, jobs=jobs, chunk=_CHUNK)
    with closing(drawn), processes.bars(totals, progress=progress) as advance:
        for scenario, part, count in work:
            answers, mistakes = [], []
            for one, wrong in islice(drawn, count):
                answers += one
                mistakes += wrong
                advance(f"{scenario.name}, {part}", 1)
            told, tempting = one_by_one.frames(answers, mistakes)
            tables.append(rates.tabulate(told, plan, scenario, part))
            tables.append(rates.tabulate_mistakes(tempting, scenario, part))
            biases.append(rates.errors_of_estimates(told, scenario))
            grids.append(rates.grid(told, scenario))
            of_illness[scenario.name].append(told[told["id"].isin([*cautions.CLAIMS, cautions.INFLAMMATION])])
            if (scenario.name, part) == (SLICE_SCENARIO, "tables"):
                kept = told.loc[told["seed"] < plan.seed + SLICE_COHORTS, _SLICED].reset_index(drop=True)
    tables += [rates.uncautioned(pd.concat(own), plan.scenario(name)) for name, own in of_illness.items() if own]
    about = {
        "plan": plan.version,
        "date": plan.date.isoformat(),
        "seed": plan.seed,
        "cohorts": {part: sum(count for _, own, count in work if own == part) for part in parts},
        "joint": plan.joint,
    }
    table = rates.judged(_joined(tables), plan)
    return Calibration(table, _joined(biases), pd.concat(grids, ignore_index=True), kept, about)


def _cohort(scenario: str, seed: int, part: str) -> tuple[list[dict], list[dict]]:
    """Draw a cohort of a scenario by its name: a process then loads its world once, and not with each cohort."""
    return one_by_one.cohort(plans.load().scenario(scenario), seed, part)


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    kinds = dict.fromkeys(("planted", "nominal"), float) | dict.fromkeys(_TEXTS, object)
    same = [table.astype({k: v for k, v in kinds.items() if k in table}) for table in tables if len(table)]
    return pd.concat(same, ignore_index=True)


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def freeze(calibration: Calibration) -> None:
    """Write a calibration to `data/derived/`: table and slice as CSV; about, grid and bias as JSON beside them."""
    folder = paths.data() / "derived"
    files.write_text(folder / FILE, _csv(calibration.table))
    # More digits than in the rates: a slice is compared number by number.
    kept = calibration.slice.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    files.write_text(folder / SLICE, kept)
    # A table that was read and is written again keeps its date.
    about = {"frozen": f"{datetime.now(UTC):%Y-%m-%d}"} | calibration.about
    for name in ("grid", "bias"):
        about[name] = json.loads(getattr(calibration, name).to_json(orient="records", double_precision=6))
    files.write_text(folder / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")


def frozen() -> Calibration:
    """Read the frozen calibration.

    `BuildError`: it is not there, or cannot be read.
    """
    folder = paths.data() / "derived"
    try:
        table, kept = (pd.read_csv(folder / name, keep_default_na=False, na_values=[""]) for name in (FILE, SLICE))
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return Calibration(table, pd.DataFrame(about.pop("bias")), pd.DataFrame(about.pop("grid")), kept, about)
    except (OSError, ValueError, KeyError) as error:
        raise BuildError(f"{folder / FILE}: cannot be read ({error}): run `make frozen`.") from error


def moved(answers: pd.DataFrame, kept: pd.DataFrame, *, tolerance: float = 1e-6) -> pd.DataFrame:
    """Compare answers of cohorts that were drawn anew with those that were frozen.

    Parameters
    ----------
    answers, kept : DataFrame
        seed, id, estimate, low, high, word; of `kept` the seeds of `answers` only are compared.
    tolerance : float
        Absolute and relative; the frozen numbers have nine digits.

    Returns
    -------
    DataFrame
        The rows that differ, or that one of the two lacks: seed, id, then each column "… then" and "… now". Empty where
        the rates belong to the code.
    """
    same = kept[kept["seed"].isin(answers["seed"])]
    both = same.merge(answers[_SLICED], on=["seed", "id"], how="outer", suffixes=(" then", " now"))
    close = [
        np.isclose(both[f"{one} then"], both[f"{one} now"], rtol=tolerance, atol=tolerance, equal_nan=True)
        for one in ("estimate", "low", "high")
    ]
    return both[~np.all([*close, both["word then"] == both["word now"]], axis=0)]


def disagreements(small: Calibration, large: Calibration, *, joint: float = 0.999) -> pd.DataFrame:
    """Compare the counts of two calibrations: are they draws of one rate?

    Returns
    -------
    DataFrame
        The rows of `small` (with `count_large`, `of_large`, `p`) whose exact test of equal rates (Fisher's) gives a p
        below (1 - joint) / rows, and those that `large` lacks. Empty where the two agree. The cohorts of a smaller run
        with the same seed are among those of the larger one; that makes the comparison milder, never harsher.
    """
    key = ["part", "scenario", "id", "measure"]
    both = small.table.merge(large.table[[*key, "count", "of"]], on=key, how="left", suffixes=("", "_large"))
    lacking = both["of_large"].isna()
    counts = both[["count", "of", "count_large", "of_large"]].fillna(0).astype(int)
    both["p"] = np.where(lacking, 0.0, [_equal_rates(*row) for row in counts.itertuples(index=False)])
    return both[lacking | (both["p"] < (1 - joint) / max(1, len(both)))]


def _equal_rates(count: int, of: int, other: int, other_of: int) -> float:
    return float(stats.fisher_exact([[count, of - count], [other, other_of - other]])[1])
