"""The page "Power": how often claims are supported over units in a group and phi, from the frozen sweep."""

from html import escape
from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

from endomtor import ledger, markup, paths, sweep, worlds
from endomtor.claims import catalogue, verdicts
from endomtor.reporting import percent

FILE = "power.parquet"
GRID = "data/sweeps/power.toml"
ROW, COLUMN = "n", "phenocopy"
POWER = 0.8
LEFT_OUT = (
    "These numbers are left out here: they come from simulated mice, and this book was built on a laboratory's data. "
    "`endomtor check` says which effect these data can show."
)


def frozen() -> Path:
    """Return the frozen result of the grid of this page."""
    return paths.data() / "derived" / FILE


def text(built: dict | None) -> str:
    """Return the page's contents as Markdown with HTML; beside the ledger of a laboratory no simulated number.

    Raises
    ------
    BuildError
        The frozen result cannot be read.
    """
    if built is not None and built["dataset"]["provenance"] != "simulated":
        return LEFT_OUT
    table, about = sweep.result(frozen())
    said = "\n".join(f"- {sentence}" for sentence in sentences(table, about))
    return f"{html(table)}\n\n{said}\n"


def surface(table: pd.DataFrame) -> pd.DataFrame:
    """Count the cohorts that support a claim in each cell.

    Parameters
    ----------
    table : DataFrame
        As `sweep.sweep` returns it, with the parameters `ROW` and `COLUMN`.

    Returns
    -------
    DataFrame
        id, `ROW`, `COLUMN`, supported, cohorts, rate, low, high (95 % Clopper-Pearson limits), true (whether the claim
        holds there), sorted.
    """
    hit = table.assign(hit=table["word"] == verdicts.SUPPORTED)
    counts = hit.groupby(["id", ROW, COLUMN])["hit"].agg(supported="sum", cohorts="count").reset_index()
    limits = [
        binomtest(int(row.supported), int(row.cohorts)).proportion_ci(method="exact") for row in counts.itertuples()
    ]
    [world] = table["world"].unique()
    claim_of = catalogue.load().claim
    truth_at = {phi: worlds.load(world, {COLUMN: float(phi)}).truth for phi in counts[COLUMN].unique()}
    return counts.assign(
        rate=counts["supported"] / counts["cohorts"],
        low=[one.low for one in limits],
        high=[one.high for one in limits],
        true=[ledger.holds(claim_of(row.id), truth_at[getattr(row, COLUMN)]) for row in counts.itertuples()],
    )


def html(table: pd.DataFrame) -> str:
    """Return the surface as one table: a group of rows for each claim, a row for each n, a column for each phi."""
    found = surface(table)
    shares = sorted(found[COLUMN].unique())
    heads = ("units", *(f"φ = {share:g}" for share in shares))
    groups = []
    for claim, own in found.groupby("id"):
        title = catalogue.load().claim(claim).title
        rows = "".join(
            f'<tr><th scope="row">n = {n}</th>'
            + "".join(_cell(row) for row in of_n.sort_values(COLUMN).itertuples())
            + "</tr>"
            for n, of_n in own.groupby(ROW)
        )
        groups.append(
            f'<tbody><tr><th scope="rowgroup" colspan="{len(shares) + 1}"><strong>{claim}</strong> '
            f"{escape(title)}</th></tr>{rows}</tbody>"
        )
    [world] = table["world"].unique()
    return (
        '<figure class="endomtor-table-figure"><figcaption><p><span class="endomtor-mark-simulated">SIMULATED</span> '
        f"Share of cohorts in which a claim is supported, with its 95 % interval (world “{world}” with other phi, "
        "numbers assumed). n is the number of units in each group of every table. In italics: the claim does not hold "
        f"there, so support is a false alarm. In bold: it holds, and {percent(POWER)} or more find it.</p></figcaption>"
        f'<div class="endomtor-table" tabindex="0">{markup.table(heads, groups, "endomtor-grid", bodies=True)}</div>'
        "</figure>"
    )


def _cell(row) -> str:
    wanted = " endomtor-wanted" if row.rate >= POWER and row.true else ""
    limits = f"{100 * row.low:.0f} to {100 * row.high:.0f}"
    quiet = "" if row.true else ' class="endomtor-caution"'
    return (
        f'<td{quiet}><span class="endomtor-count{wanted}">{percent(row.rate)}</span>'
        f'<span class="endomtor-count">{limits}</span></td>'
    )


def sentences(table: pd.DataFrame, about: dict) -> list[str]:
    """Return how the numbers were counted, and whether that was today's grid."""
    found = surface(table)
    false = found[~found["true"]]
    worst = false.loc[false["rate"].idxmax()]
    current = about["grid"] == sweep.read(paths.root() / GRID).hash
    return [
        f"Each cell counts {about['cohorts']:,} cohorts, with seeds from {about['first']:,} on, by the chapters' own "
        "functions and the ledger's own rule. " + ("" if current else "The grid has changed since: run it again."),
        f"Where a claim does not hold it was announced in at most {percent(worst['rate'])} of cohorts ({worst['id']}, "
        f"n = {worst[ROW]}, φ = {worst[COLUMN]:g}). So few cohorts cannot tell that from the nominal level: "
        "the calibration counts more of them.",
    ]
