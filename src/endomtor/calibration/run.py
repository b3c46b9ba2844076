"""Running a plan on all processors, freezing what came out, and comparing a smaller run with what is frozen."""

import ast
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from endomtor import files, paths
from endomtor.calibration import plan as plans
from endomtor.calibration import rates
from endomtor.errors import BuildError

FILE = "calibration.csv"
ABOUT = "calibration.json"
CHUNK = 25
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
# What the answers depend on; figures and pages do not change a rate.
_CODE = ("estimate.py", "stats", "worlds", "claims", "analyses", "calibration")
_DATA = ("claims.toml", "calibration.toml", "worlds")
# What shows, exports or varies what was found, and words.
_PAGES = (
    "analyses/alternatives.py", "analyses/calibration.py", "analyses/reporting.py", "analyses/sample_size.py",
    "analyses/synthesis.py", "calibration/grid.py", "claims/boxes.py", "claims/changes.py", "claims/fragility.py",
    "claims/headings.py", "claims/pages.py", "claims/premises.py", "claims/terminal.py",
)  # fmt: skip
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
    about : dict
        plan version, seed, cohorts (all of each part), code (hash), date of the plan.
    """

    table: pd.DataFrame
    bias: pd.DataFrame
    grid: pd.DataFrame
    about: dict


def calibrate(
    cohorts: int | None = None,
    *,
    scenarios: Sequence[str] | None = None,
    parts: Sequence[str] = plans.PARTS,
    jobs: int = 1,
    progress: bool = False,
) -> Calibration:
    """Draw cohorts of each scenario, analyse them with the chapters' functions, and count.

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

    Raises
    ------
    WorldError
        A scenario is not in the plan.
    """
    plan, code = plans.load(), code_print()
    chosen = plan.scenarios if scenarios is None else [plan.scenario(name) for name in scenarios]
    work = [(one, part) for part in parts for one in chosen if part in one.parts]
    tables, biases, grids = [], [], []
    with _pool(jobs) as pool, _bar(progress, work, plan, cohorts) as advance:
        for scenario, part in work:
            count = cohorts or plan.count(scenario, part)
            seeds = range(plan.seed, plan.seed + count)
            chunks = [seeds[i : i + CHUNK] for i in range(0, count, CHUNK)]
            tasks = [(scenario.name, part, list(chunk)) for chunk in chunks]
            found = []
            for one in pool.map(_chunk, tasks) if pool else map(_chunk, tasks):
                found.append(one)
                advance(scenario.name, part, len(one[2]))
            answers = _joined([one[0] for one in found])
            mistakes = pd.concat([one[1] for one in found], ignore_index=True)
            tables.append(rates.tabulate(answers, plan, scenario, part))
            tables.append(rates.tabulate_mistakes(mistakes, scenario, part))
            biases.append(rates.errors_of_estimates(answers, scenario))
            grids.append(rates.grid(answers, scenario))
    table = rates.judged(_joined(tables), plan)
    about = {
        "plan": plan.version,
        "date": plan.date.isoformat(),
        "seed": plan.seed,
        "cohorts": {part: sum(cohorts or plan.count(one, part) for one, own in work if own == part) for part in parts},
        "joint": plan.joint,
        "code": code,
    }
    return Calibration(table, _joined(biases), pd.concat(grids, ignore_index=True), about)


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    kinds = dict.fromkeys(("planted", "promised"), float) | dict.fromkeys(_TEXTS, object)
    same = [table.astype({k: v for k, v in kinds.items() if k in table}) for table in tables if len(table)]
    return pd.concat(same, ignore_index=True)


def _chunk(task: tuple[str, str, list[int]]) -> tuple[pd.DataFrame, pd.DataFrame, list[int]]:
    """Run some cohorts of one scenario; a function of the module, so that another process can be sent it."""
    from endomtor.calibration import cohorts

    name, part, seeds = task
    scenario = plans.load().scenario(name)
    answers, mistakes = [], []
    for seed in seeds:
        one = cohorts.cohort(scenario, seed, part)
        answers += one[0]
        mistakes += one[1]
    return *cohorts.frames(answers, mistakes), seeds


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes with one thread each for linear algebra: two would wait for each other on matrices this small."""
    if jobs == 1:
        yield None
        return
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        # Spawned, not forked: a library that is loaded already has its threads.
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            yield pool
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


@contextmanager
def _bar(
    progress: bool, work: list, plan: plans.Plan, cohorts: int | None
) -> Iterator[Callable[[str, str, int], None]]:
    if not progress:
        yield lambda scenario, part, done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bars:
        tasks = {
            (one.name, part): bars.add_task(f"{one.name}, {part}", total=cohorts or plan.count(one, part))
            for one, part in work
        }
        yield lambda scenario, part, done: bars.advance(tasks[scenario, part], done)


@cache
def code_print() -> str:
    """Return a sha256 over the code and rules that the rates depend on.

    Of Python only what runs enters, not comments, docstrings or layout, and not the functions that show or say.
    """
    whole = hashlib.sha256()
    source = Path(__file__).resolve().parents[1]
    for path in sorted(file for name in _CODE for file in _files(source / name) if file.suffix == ".py"):
        if path.relative_to(source).as_posix() in _PAGES:
            continue
        whole.update(f"{path.relative_to(source)}\n{_running(path.read_text(encoding='utf-8'))}\n".encode())
    for path in sorted(file for name in _DATA for file in _files(paths.data() / name)):
        whole.update(f"{path.relative_to(paths.data())}\n".encode() + path.read_bytes())
    return whole.hexdigest()


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def _running(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        kept = [one for one in body if not _is_text(one) and not _shows(one)]
        node.body = kept or [ast.Pass()]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _shows(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith(("show_", "say_", "_show"))


def freeze(calibration: Calibration) -> None:
    """Write a calibration to `data/derived/`: the table as CSV; about, grid and bias as JSON beside it."""
    folder = paths.data() / "derived"
    files.write_text(folder / FILE, calibration.table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    # A table that was read and is written again keeps its date.
    about = {"frozen": f"{datetime.now(UTC):%Y-%m-%d}"} | calibration.about
    for name in ("grid", "bias"):
        about[name] = json.loads(getattr(calibration, name).to_json(orient="records", double_precision=6))
    files.write_text(folder / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")


def frozen() -> Calibration:
    """Read the frozen calibration.

    Raises
    ------
    BuildError
        It is not there, or cannot be read.
    """
    folder = paths.data() / "derived"
    try:
        table = pd.read_csv(folder / FILE, keep_default_na=False, na_values=[""])
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return Calibration(table, pd.DataFrame(about.pop("bias")), pd.DataFrame(about.pop("grid")), about)
    except (OSError, ValueError, KeyError) as error:
        raise BuildError(f"{folder / FILE}: cannot be read ({error}): run `make frozen`.") from error


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
