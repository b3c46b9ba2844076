"""How many units in each group a study would need: cohorts of the world `paper` at several n, and how often each
prediction and claim is supported.

The effects are those of the world, which are invented: a sample size of this module is right only for mice like these.
"""

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.stats import beta

from endomtor import calibration, figures, files, paths, worlds
from endomtor.analyses import ecko_phenotypes, mtor_decline, rapamycin, reporting, transcriptome, transplants
from endomtor.chapter import Chapter
from endomtor.claims import catalogue, ledger, verdicts
from endomtor.errors import BuildError
from endomtor.provenance import Provenance

FILE, ABOUT = "sample_sizes.csv", "sample_sizes.json"
WORLD = "paper"
GRID = (3, 4, 5, 6, 8, 10, 12, 16, 20, 24)
"""Units in each group of every table."""

SEED = 2_000_000
"""Cohort i has seed SEED + i at each n: far from the seeds of the book and of the calibration."""

COHORTS = 100
POWER = 0.8

RECIPIENTS = 7
"""Recipients of each donor at each dose of a limiting dilution: 20 of 3 donors, as in the worlds."""

DESCRIPTIVE = (
    "C2.marrow.HSC.young",
    "C2.marrow.HSC.aged",
    "C3.limiting_dilution.HSC",
    "C5.transplant.chimerism.p1",
    "C5.transplant.myeloid_balance.p1",
)
"""Predictions that decide no claim here, but that an experiment on a rival explanation would read."""

_TABLES = (
    "bmec_signaling",
    "rapamycin_blood",
    "rapamycin_marrow",
    "ecko_blood",
    "ecko_marrow",
    "ecko_cells",
    "ecko_limiting_dilution",
    "serial_transplants",
    "hspc_counts",
    "hspc_samples",
)


@dataclass(frozen=True)
class SampleSizes:
    """Counts of cohorts.

    Attributes
    ----------
    table : DataFrame
        One row per id (a prediction or a claim) and n: id, n, supported, cohorts. A cohort without a verdict counts as
        not supported.
    about : dict
        world, seed, cohorts, code (hash); frozen (date) where it was read.
    """

    table: pd.DataFrame
    about: dict


def world_of(n: int) -> worlds.World:
    """Return the world `paper` with n units in each group of every table.

    Two exposed animals of each niche share a pool of donors, as in the world itself.
    """
    design = dict.fromkeys(
        (
            "signaling_animals",
            "rapamycin_animals",
            "blood_animals",
            "marrow_animals",
            "cells_animals",
            "dilution_donors",
            "transplant_exposed",
            "transcriptome_animals",
        ),
        n,
    )
    design |= {"dilution_recipients": RECIPIENTS * n, "transplant_pools": -(-n // 2)}
    return worlds.load(WORLD, {"endpoints": {"design": design}})


def ids() -> tuple[str, ...]:
    """Return what is counted: the primary predictions, `DESCRIPTIVE`, and the claims that have predictions."""
    claims = catalogue.load().claims
    primary = [rule.id for claim in claims for rule in claim.evidence if _decides(rule)]
    return (*primary, *DESCRIPTIVE, *(claim.id for claim in claims if any(map(_decides, claim.evidence))))


def _decides(rule: catalogue.Rule) -> bool:
    return rule.kind == "prediction" and rule.role == "primary"


def supported(world: worlds.World, seed: int) -> set[str]:
    """Draw one cohort, put it through the functions that the chapters call, and return what it supports, of `ids`."""
    drawn = worlds.simulate_tables(world, seed, _TABLES)
    chapter = Chapter("06_synthesis", worlds.dataset(world, seed, tables=drawn))
    wanted = set(ids())
    # Analyses may say sentences for their page; here nobody reads them.
    with redirect_stdout(io.StringIO()):
        _analyse(chapter, wanted)
    found = {
        record.id
        for record in chapter.records
        if verdicts.data_word(record.verdict, record.reason) == verdicts.SUPPORTED
    }
    for claim in catalogue.load().claims:
        if ledger.side(claim, chapter.records, "prediction")["verdict"] == verdicts.SUPPORTED:
            found.add(claim.id)
    return found & wanted


def _analyse(chapter: Chapter, wanted: set[str]) -> None:
    """Record the predictions that are wanted; others of the same tables would only take time."""
    markers = mtor_decline.markers(chapter)
    mtor_decline.compare_markers(chapter, markers[("C1.signaling." + markers["marker"]).isin(wanted)])
    blood = rapamycin.blood(chapter)
    blood = blood[("C2.blood." + blood["analyte"]).isin(wanted)]
    rapamycin.compare_blood(chapter, rapamycin.change_from_baseline(blood))
    marrow = rapamycin.marrow(chapter)
    rapamycin.compare_marrow(chapter, marrow[("C2.marrow." + marrow["endpoint"]).isin(wanted)])
    for table, values in {
        "ecko_blood": ecko_phenotypes.blood(chapter),
        "ecko_marrow": ecko_phenotypes.marrow(chapter),
        "ecko_cells": ecko_phenotypes.per_animal(ecko_phenotypes.cells(chapter)),
        "ecko_limiting_dilution": ecko_phenotypes.donors(ecko_phenotypes.dilution(chapter)),
    }.items():
        ecko_phenotypes.compare(chapter, values[values["id"].isin(wanted)], table)
    data = transcriptome.transcriptomes(chapter)
    transcriptome.phi(chapter, data, transcriptome.scores(data))
    transplants.compare(chapter, transplants.recipients(chapter))


def count(cohorts: int = COHORTS, *, grid: Sequence[int] = GRID, seed: int = SEED) -> SampleSizes:
    """Draw cohorts at each n and count how many support each of `ids`."""
    # The code that runs, also where files change while it does.
    code, rows = calibration.code_print(), []
    for n in grid:
        world = world_of(n)
        found = [supported(world, seed + i) for i in range(cohorts)]
        rows += [(one, n, sum(one in each for each in found), cohorts) for one in ids()]
    table = pd.DataFrame(rows, columns=["id", "n", "supported", "cohorts"])
    about = {"world": WORLD, "seed": seed, "cohorts": cohorts, "code": code}
    return SampleSizes(table.sort_values(["id", "n"], ignore_index=True), about)


def freeze(found: SampleSizes) -> None:
    """Write the counts to `data/derived/sample_sizes.csv`, and how they were made to the JSON file beside it."""
    folder = paths.data() / "derived"
    files.write_text(folder / FILE, found.table.to_csv(index=False, lineterminator="\n"))
    about = {"frozen": f"{datetime.now(UTC):%Y-%m-%d}"} | found.about
    files.write_text(folder / ABOUT, json.dumps(about, indent=1) + "\n")


def frozen() -> SampleSizes:
    """Read the frozen counts.

    Raises
    ------
    BuildError
        They are not there, or cannot be read.
    """
    folder = paths.data() / "derived"
    try:
        return SampleSizes(pd.read_csv(folder / FILE), json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BuildError(f"{folder / FILE}: cannot be read ({error}): run `make frozen`.") from error


def needed(table: pd.DataFrame, power: float = POWER) -> pd.DataFrame:
    """Return the smallest n of the grid at which a prediction or claim is supported with this power.

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
        Index id; n, low, high (NaN where the grid does not reach it), power (monotone rate at n), smallest and largest
        (of the grid).
    """
    rows = {}
    for one, own in table.groupby("id"):
        own = own.sort_values("n")
        n, hits, of = (own[name].to_numpy(float) for name in ("n", "supported", "cohorts"))
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


def provenance(found: SampleSizes) -> Provenance:
    """Return the provenance of the counts."""
    return Provenance(
        kind="simulated",
        title="sample sizes",
        source=f"Drawn by endomtor from the invented numbers of data/worlds/{found.about['world']}.toml, at several n",
        sha256=found.about["code"],
        world=found.about["world"],
        seed=found.about["seed"],
        frozen=True,
    )


def text(evidence_id: str, found: SampleSizes | None = None) -> str:
    """Return the sample size of one prediction or claim for a sentence, with its unit and limits.

    Raises
    ------
    BuildError
        Nothing was counted for the id, or there are no frozen counts.
    """
    found = frozen() if found is None else found
    rows = needed(found.table)
    if evidence_id not in rows.index:
        raise BuildError(f"No sample size was counted for {evidence_id!r}, expected one of {', '.join(rows.index)}.")
    row = rows.loc[evidence_id]
    return f"{_n_text(row)} {_unit(evidence_id)} in each group (95 % limits: {_limits_text(row)})"


def _unit(evidence_id: str) -> str:
    return f"{catalogue.load().rule(evidence_id).unit}s" if "." in evidence_id else "units"


def _n_text(row: pd.Series) -> str:
    if np.isnan(row["n"]):
        return f"more than {row['largest']:.0f}"
    return f"{'at most ' if row['n'] == row['smallest'] else ''}{row['n']:.0f}"


def _limits_text(row: pd.Series) -> str:
    high = f"above {row['largest']:.0f}" if np.isnan(row["high"]) else f"{row['high']:.0f}"
    low = f"above {row['largest']:.0f}" if np.isnan(row["low"]) else f"{row['low']:.0f}"
    return low if low == high else f"{low} to {high}"


def show_table(kind: str = "simulated") -> None:
    """Show the sample size of every primary prediction and claim; a sentence where there are no frozen counts.

    `kind` is the provenance of the page's own data: beside a laboratory's, no simulated number is shown.
    """
    if kind != "simulated":
        reporting.say(
            "These numbers are left out here: they come from simulated mice, and this book was built on a laboratory's "
            "data. `endomtor check` says which effect these data can show, and chapter 07 counts a few cohorts in "
            "their design."
        )
        return
    try:
        found = frozen()
    except BuildError:
        reporting.say(
            "The frozen sample sizes are not here (`data/derived/sample_sizes.csv`, written by `make frozen`)."
        )
        return
    rows = needed(found.table)
    order = [one for one in ids() if one in rows.index]
    own = rows.loc[order]
    figures.table(
        pd.DataFrame(
            {
                "prediction or claim": [reporting.endpoint_text(one.replace(".", ", ")) for one in order],
                "n": [_n_text(row) for _, row in own.iterrows()],
                "limits": [_limits_text(row) for _, row in own.iterrows()],
                "unit": [_unit(one) for one in order],
            }
        ),
        caption=f"Units in each group for a power of {100 * POWER:.0f} %, the first of "
        f"{', '.join(map(str, sorted(found.table['n'].unique())))} that reaches it, with limits from the 95 % "
        f"intervals of the rates. Counted in {found.about['cohorts']} cohorts at each n (world "
        f"“{found.about['world']}”, whose effects are invented), on {found.about['frozen']}. For a claim the n holds "
        "in every one of its tables.",
        provenance=provenance(found),
    )
