"""How many units in each group a study would need, counted in simulated cohorts of several n.

Two questions: how often a prediction or claim is supported where it is true (world `paper`), and how often it is
ruled out, that is contradicted, where nothing follows from knock-out or drug (world `bystander`). The second one is
asked of predictions to which a rival explanation of the page "What others found" answers "no change": that support is
missing does not show it. The effects are those of the worlds, which are invented: a sample size of this module is right
only for mice like these.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.stats import beta

from endomtor import contract, figures, files, ledger, paths, reporting, worlds
from endomtor.analyses.judge import Judge
from endomtor.calibration import jobs as processes
from endomtor.calibration.cohorts import TABLES, tables_of
from endomtor.claims import catalogue, verdicts
from endomtor.errors import BuildError
from endomtor.provenance import Provenance

FILE, ABOUT = "sample_sizes.csv", "sample_sizes.json"
SUPPORTED, RULED_OUT = "supported", "ruled out"
WORLDS = {SUPPORTED: "paper", RULED_OUT: "bystander"}
GRIDS = {SUPPORTED: (3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32), RULED_OUT: (12, 16, 20, 24, 32, 48, 64, 96, 128)}
"""Units in each group of every table. To show that nothing changes takes more of them than to show a change."""

SEED = 2_000_000
"""Cohort i has seed SEED + i at each n: far from the seeds of the book and of the calibration."""

COHORTS = 100
POWER = 0.8

RECIPIENTS = 7
"""Recipients of each donor at each dose of a limiting dilution: 20 of 3 donors, as in the worlds."""

DESCRIPTIVE = (
    "C2.marrow.HSC",
    "C3.limiting_dilution.WBM",
    "C3.limiting_dilution.HSC",
    "C5.transplant.chimerism.p1",
    "C5.transplant.myeloid_balance.p1",
)
"""Predictions that decide no claim here, but that an experiment on a rival explanation would read."""

NOTHING = (
    "C2.marrow.HSC",
    "C3.limiting_dilution.HSC",
    "C5.transplant.chimerism",
    "C5.transplant.chimerism.p1",
    "C5.transplant.myeloid_balance",
    "C5.transplant.myeloid_balance.p1",
)
"""Predictions to which a rival explanation answers that nothing changes."""

HOSTS = {
    "limiting_dilution": "ecko_limiting_dilution",
    "competitive": "competitive_transplants",
    "transplant": "serial_transplants",
}
"""Tables whose unit, a donor or an exposed animal, is read in other mice, which are irradiated for it."""

_TABLES = {
    SUPPORTED: (*TABLES, *tables_of("expression")),
    RULED_OUT: ("rapamycin_marrow", "ecko_limiting_dilution", "serial_transplants"),
}
_CHUNK = 10
_COLUMNS = ["question", "id", "n", "count", "cohorts"]
# How an answer to each question is called on the data.
_WORDS = {SUPPORTED: verdicts.SUPPORTED, RULED_OUT: verdicts.CONTRADICTED}


@dataclass(frozen=True)
class SampleSizes:
    """Counts of cohorts.

    Attributes
    ----------
    table : DataFrame
        One row per question, id (a prediction or a claim) and n: question, id, n, count, cohorts. A cohort without a
        verdict counts as one that did not answer.
    about : dict
        worlds (by question), seed, cohorts; frozen (date) where it was read.
    """

    table: pd.DataFrame
    about: dict


@cache
def world_of(n: int, question: str = SUPPORTED) -> worlds.World:
    """Return the world of a question with n units in each group of every table.

    Two exposed animals of each niche share a pool of donors, as in the world itself.
    """
    design = {table.size: n for table in contract.TABLES.values() if table.size}
    design |= {"dilution_recipients": RECIPIENTS * n, "transplant_pools": -(-n // 2)}
    return worlds.load(WORLDS[question], {"endpoints": {"design": design}})


def ids(question: str = SUPPORTED) -> tuple[str, ...]:
    """Return what is counted, by claim: each claim that has predictions, its primary predictions, then others.

    Of ruling out: `NOTHING`.
    """
    if question == RULED_OUT:
        return NOTHING
    found = []
    for claim in catalogue.load().claims:
        primary = [rule.id for rule in claim.primaries]
        if primary:
            found += [claim.id, *primary, *(one for one in DESCRIPTIVE if one.split(".")[0] == claim.id)]
    return tuple(found)


def answered(question: str, n: int, seed: int) -> set[str]:
    """Draw one cohort, analyse it, and return which `ids` it answers so."""
    world, wanted = world_of(n, question), set(ids(question))
    drawn = worlds.simulate_tables(world, seed, _TABLES[question])
    # With the predictions that nobody asks for here it would take twice the time.
    records = Judge(worlds.dataset(world, seed, tables=drawn)).records(wanted)
    word = _WORDS[question]
    found = {one.id for one in records if verdicts.data_word(one.verdict, one.reason) == word}
    for claim in catalogue.load().claims:
        side = ledger.side(claim, records, "prediction")
        if claim.id in wanted and verdicts.data_word(side["verdict"], side["reason"]) == word:
            found.add(claim.id)
    return found & wanted


def count(
    cohorts: int = COHORTS,
    *,
    grids: Mapping[str, Sequence[int]] = GRIDS,
    seed: int = SEED,
    jobs: int = 1,
    progress: bool = False,
) -> SampleSizes:
    """Draw cohorts at each n and count how many answer each question with each of its `ids`.

    Parameters
    ----------
    cohorts : int
        At each question and n.
    grids : mapping of question to sequence of int
        Units in each group.
    seed : int
        Of the first cohort.
    jobs : int
        Processes.
    progress : bool
        Show a bar for each question.
    """
    tasks = [(question, n, seed + i) for question, own in grids.items() for n in own for i in range(cohorts)]
    totals = {question: len(own) * cohorts for question, own in grids.items()}
    hits: Counter = Counter()
    found = processes.run(answered, tasks, jobs=jobs, chunk=_CHUNK)
    with closing(found), processes.bars(totals, progress=progress) as advance:
        for (question, n, _), answers in zip(tasks, found, strict=True):
            hits.update((question, one, n) for one in answers)
            advance(question, 1)
    rows = [
        (question, one, n, hits[question, one, n], cohorts)
        for question, own in grids.items()
        for one in ids(question)
        for n in own
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS).sort_values(_COLUMNS[:3], ascending=[False, True, True])
    about = {"worlds": WORLDS, "seed": seed, "cohorts": cohorts}
    return SampleSizes(table.reset_index(drop=True), about)


def hosts(evidence_id: str, n: int, question: str = SUPPORTED) -> int:
    """Return how many irradiated mice n units in each group take, all groups together; 0 where none are needed.

    Of serial transplants the passages up to the one that is read: the first for `.p1`, all for C5b, else the second.
    """
    claim, family, *rest = evidence_id.split(".")
    if family not in HOSTS:
        return 0
    [(_, table)] = worlds.simulate_tables(world_of(n, question), SEED, (HOSTS[family],)).items()
    if family == "limiting_dilution":
        return int(table.loc[table["cell_type"] == rest[0], "tested"].sum())
    if family == "transplant" and claim != "C5b":
        table = table[table["passage"] <= (1 if rest[-1] == "p1" else 2)]
    return table["recipient"].nunique()


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\n")


def freeze(found: SampleSizes) -> None:
    """Write the counts to `data/derived/sample_sizes.csv`, and how they were made to the JSON file beside it."""
    folder = paths.data() / "derived"
    files.write_text(folder / FILE, _csv(found.table))
    about = {"frozen": f"{datetime.now(UTC):%Y-%m-%d}"} | found.about
    files.write_text(folder / ABOUT, json.dumps(about, indent=1) + "\n")


def frozen() -> SampleSizes:
    """Read the frozen counts.

    `BuildError`: they are not there, or cannot be read.
    """
    folder = paths.data() / "derived"
    try:
        table = pd.read_csv(folder / FILE)[_COLUMNS]
        return SampleSizes(table, json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise BuildError(f"{folder / FILE}: cannot be read ({error}): run `make frozen`.") from error


def needed(table: pd.DataFrame, power: float = POWER) -> pd.DataFrame:
    """Return the smallest n of the grid at which a question is answered with this power.

    More units never make an analysis less powerful, so the rates are made monotone in n (isotonic regression) before
    they are read. Of each fitted rate the 95 % Clopper-Pearson limits are taken: `low` is the first n at which the
    upper limit reaches the power, `high` the first at which the lower one does.

    Parameters
    ----------
    table : DataFrame
        As `SampleSizes.table`.
    power : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        Index question and id; n, low, high (NaN where the grid does not reach it), power (monotone rate at n), smallest
        and largest (of the grid).
    """
    rows = {}
    for one, own in table.groupby(["question", "id"]):
        own = own.sort_values("n")
        n, hits, of = (own[name].to_numpy(float) for name in ("n", "count", "cohorts"))
        rate = isotonic_regression(hits / of, weights=of).x
        hits = rate * of
        lower = np.where(rate == 0, 0.0, beta.ppf(0.025, hits, of - hits + 1))
        upper = np.where(rate == 1, 1.0, beta.ppf(0.975, hits + 1, of - hits))
        at, low, high = (_first(rates >= power) for rates in (rate, upper, lower))
        places = {"n": at, "low": low, "high": high}
        rows[one] = {name: np.nan if place is None else n[place] for name, place in places.items()}
        rows[one]["power"] = np.nan if at is None else rate[at]
        rows[one] |= {"smallest": n[0], "largest": n[-1]}
    return pd.DataFrame.from_dict(rows, orient="index")


def _first(reached: np.ndarray) -> int | None:
    return int(np.argmax(reached)) if reached.any() else None


def provenance(found: SampleSizes, question: str = SUPPORTED) -> Provenance:
    """Return the provenance of the counts that answer a question."""
    world = found.about["worlds"][question]
    return Provenance(
        kind="simulated",
        title="sample sizes",
        source=f"Drawn by endomtor from the invented numbers of data/worlds/{world}.toml, at several n",
        sha256=hashlib.sha256(_csv(found.table).encode()).hexdigest(),
        world=world,
        seed=found.about["seed"],
        frozen=True,
    )


def text(what: str, found: SampleSizes | None = None) -> str:
    """Return a sample size for a sentence, with its unit and limits.

    `BuildError`: nothing was counted for an id, the ids have different units, or there are no frozen counts.

    Parameters
    ----------
    what : str
        A prediction or claim, and "ruled out" after it where that is the question; of several, with commas between
        them, the largest n is returned.
    """
    found = frozen() if found is None else found
    rows = needed(found.table)
    question = RULED_OUT if what.endswith(f" {RULED_OUT}") else SUPPORTED
    rows = rows.loc[question] if question in rows.index.get_level_values(0) else rows.iloc[:0]
    names = [one.strip() for one in what.removesuffix(f" {RULED_OUT}").split(",")]
    for one in names:
        if one not in rows.index:
            raise BuildError(
                f"No sample size was counted for {one!r} to be {question}, expected one of {', '.join(rows.index)}."
            )
    units = sorted({_unit(one) for one in names})
    if len(units) > 1:
        raise BuildError(f"The sample sizes of {', '.join(names)} are in {' and '.join(units)}, expected one unit.")
    # Each limit by itself: a study of all of them needs the largest, whichever it is of.
    row = rows.loc[names].max(skipna=False)
    n, limits = _n_text(row), _limits_text(row)
    said = f"{n} {units[0]} in each group ({'the same' if limits == n else limits} within the 95 % limits)"
    mice = _hosts_text(names, row, question)
    return f"{said}, which take {mice} irradiated recipients" if mice else said


def _unit(evidence_id: str) -> str:
    return f"{catalogue.load().rule(evidence_id).unit}s" if "." in evidence_id else "units"


def _n_text(row: pd.Series) -> str:
    if np.isnan(row["n"]):
        return f"more than {row['largest']:.0f}"
    return f"{row['n']:.0f}{' or fewer' if row['n'] == row['smallest'] else ''}"


def _limits_text(row: pd.Series) -> str:
    """Return the limits; one that is at an end of the grid may lie beyond it."""
    low, high = row["low"], row["high"]
    if np.isnan(low):
        return f"more than {row['largest']:.0f}"
    if np.isnan(high):
        return "any number" if low == row["smallest"] else f"{low:.0f} or more"
    if high == row["smallest"]:
        return f"{high:.0f} or fewer"
    if low == row["smallest"]:
        return f"up to {high:.0f}"
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def show_table(kind: str = "simulated") -> None:
    """Show the sample sizes of both questions; a sentence where there are no frozen counts.

    `kind` is the provenance of the page's own data: beside a laboratory's, no simulated number is shown.
    """
    if kind != "simulated":
        reporting.describe(
            "These numbers are left out here: they come from simulated mice, and this book was built on a laboratory's "
            "data. `endomtor check` says which effect these data can show, and chapter 07 counts a few cohorts in "
            "their design."
        )
        return
    try:
        found = frozen()
    except BuildError:
        reporting.describe(
            "The frozen sample sizes are not here (`data/derived/sample_sizes.csv`, written by `make frozen`)."
        )
        return
    _show(
        found,
        SUPPORTED,
        "to support a claim or prediction where it is true; for a claim, in every one of its tables.",
    )
    _show(
        found,
        RULED_OUT,
        "to rule a prediction out where nothing changes, by an interval inside the smallest effects of interest.",
    )
    about = found.about
    reporting.describe(
        f"Both were counted on {about['frozen']} in {about['cohorts']:,} cohorts at each n; limits are from the 95 % "
        "intervals of the rates."
    )


def _show(found: SampleSizes, question: str, aim: str) -> None:
    rows = needed(found.table).loc[question]
    order = [one for one in ids(question) if one in rows.index]
    tried = found.table.loc[found.table["question"] == question, "n"]
    own = rows.loc[order]
    figures.table(
        pd.DataFrame(
            {
                "claim or prediction": [_name(one) for one in order],
                "n": [_n_text(row) for _, row in own.iterrows()],
                "95 % limits": [_limits_text(row) for _, row in own.iterrows()],
                "irradiated": [_hosts_text([one], row, question) for one, row in own.iterrows()],
            }
        ),
        caption=f"Units in each group for a power of {100 * POWER:.0f} % {aim} Tried: {tried.min()} to {tried.max()}. "
        f"Unit: {_units_text(order)}. Irradiated: recipients of all groups together; more than a facility houses says "
        "that the question is put wrongly.",
        provenance=provenance(found, question),
    )


def _hosts_text(names: Sequence[str], row: pd.Series, question: str) -> str:
    """Return the irradiated mice of an answer; where no n of the grid reaches it, what the largest would take."""
    reached = not np.isnan(row["n"])
    n = int(row["n"] if reached else row["largest"])
    mice = max(hosts(one, n, question) if "." in one else 0 for one in names)
    return f"{'' if reached else 'more than '}{mice:,}" if mice else ""


def _units_text(order: Sequence[str]) -> str:
    """Return the unit of each kind of data; a column of them would be too wide for a phone."""
    kinds: dict[str, dict[str, None]] = {}
    for one in order:
        if "." in one:
            kinds.setdefault(catalogue.load().rule(one).unit, {})[reporting.endpoint_text(one.split(".")[1])] = None
    return "; ".join(f"{unit} in {', '.join(own)}" for unit, own in kinds.items())


def _name(one: str) -> str:
    claim, *rest = one.split(".")
    return reporting.endpoint_text(", ".join([claim, *rest])) if rest else f"Claim {claim}"
