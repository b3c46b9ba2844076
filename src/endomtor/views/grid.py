"""The claims in all worlds: how often each verdict fell, for the page of the worlds."""

from html import escape

import numpy as np
import pandas as pd

from endomtor import ledger, worlds
from endomtor.calibration import plan as plans
from endomtor.calibration import rates
from endomtor.calibration.run import Calibration
from endomtor.claims import catalogue, verdicts
from endomtor.claims.catalogue import Claim
from endomtor.markup import table
from endomtor.reporting import percent
from endomtor.views import boxes


def claims() -> list[Claim]:
    """Return the claims that data can test at all."""
    return [claim for claim in catalogue.load().claims if claim.primaries]


def counts(found: Calibration) -> pd.DataFrame:
    """Return how often each verdict fell: columns world, claim, wanted, then one for each of `verdicts.WORLD_WORDS`."""
    counted = found.grid.pivot_table(index=["scenario", "claim"], columns="word", values="count", aggfunc="sum")
    rows = []
    for name in worlds.names():
        world = worlds.load(name)
        for claim in claims():
            if (name, claim.id) not in counted.index:
                continue
            own = counted.loc[(name, claim.id)].fillna(0).astype(int)
            numbers = {word: int(own.get(word, 0)) for word in verdicts.WORLD_WORDS}
            rows.append({"world": name, "claim": claim.id, "wanted": ledger.demanded(claim, world.truth), **numbers})
    table = pd.DataFrame(rows, columns=["world", "claim", "wanted", *verdicts.WORLD_WORDS])
    # Worlds in which most claims hold come first, that in which nobody could tell last.
    rank = {verdicts.RECOVERED: -1, verdicts.RIGHTLY_SILENT: 0, verdicts.NOT_TESTABLE: 1}
    order = table["wanted"].map(rank).groupby(table["world"]).transform("sum")
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def table_html(found: Calibration) -> str:
    """Return the grid, worlds by claims: the mark of each verdict with the number of cohorts that gave it."""
    counted, ids = counts(found), [claim.id for claim in claims()]
    legend = "; ".join(f"{boxes.MARKS[word]} {escape(boxes.word('simulated', word))}" for word in verdicts.WORLD_WORDS)
    rows = []
    for name in dict.fromkeys(counted["world"]):
        own = counted[counted["world"] == name].set_index("claim")
        cells = "".join(f"<td>{_cell(own.loc[one]) if one in own.index else ''}</td>" for one in ids)
        title = escape(worlds.load(name).title)
        rows.append(f'<tr><th scope="row"><code>{name}</code><span>{title}</span></th>{cells}</tr>')
        rows += _with_score(found, name, ids)
    return (
        '<figure class="endomtor-table-figure"><figcaption><p><span class="endomtor-mark-simulated">SIMULATED</span> '
        f"Number of cohorts by verdict: {legend}. "
        "In each cell the verdict that the world demands comes first, in bold.</p></figcaption>"
        f'<div class="endomtor-table" tabindex="0">{table(("world", *ids), rows, "endomtor-grid")}</div></figure>'
    )


def _with_score(found: Calibration, world: str, ids: list[str]) -> list[str]:
    """Return a row that says what is left of false alarms where the inflammation score warns; none in most worlds."""
    own = found.table[(found.table["scenario"] == world) & (found.table["measure"] == rates.UNCAUTIONED)]
    if own.empty:
        return []
    left = {row.id: f"{row.count:,} of {row.of:,}" for row in own.itertuples()}
    cells = "".join(f"<td>{left.get(one, '')}</td>" for one in ids)
    head = f"<code>{world}</code><span>announced, and no inflammation seen</span>"
    return [f'<tr><th scope="row">{head}</th>{cells}</tr>']


def _of_illness(found: Calibration) -> list[str]:
    """Return what the claims that illness can feign say where it does, without and with the inflammation score."""
    rows = found.table.set_index(["measure", "scenario", "id"])
    said = []
    for _, world, claim in (one for one in rows.index if one[0] == rates.UNCAUTIONED):
        without, left = rows.loc[(rates.FALSE_SUPPORT, world, claim)], rows.loc[(rates.UNCAUTIONED, world, claim)]
        said.append(
            f"Where illness feigns age (`{world}`), {claim} was announced in {percent(without['rate'])} of cohorts, "
            f"and in {percent(left['rate'])} without the caution that the inflammation score is raised."
        )
    return said


def _cell(row: pd.Series) -> str:
    words = [row["wanted"], *(word for word in verdicts.WORLD_WORDS if word != row["wanted"])]
    shown = [(word, int(row[word])) for word in words if word == row["wanted"] or row[word]]
    return "".join(
        f'<span class="endomtor-count{" endomtor-wanted" if word == row["wanted"] else ""}">'
        f'<span aria-hidden="true">{boxes.MARKS[word]}</span> {count:,}'
        f'<span class="endomtor-hidden"> {escape(boxes.word("simulated", word))}</span></span>'
        for word, count in shown
    )


def sentences(found: Calibration) -> list[str]:
    """Return what the grid says: how many cohorts, false support beside its nominal level, power."""
    about, drawn = found.about, counts(found)[list(verdicts.WORLD_WORDS)].sum(axis=1)
    low, high = drawn.min(), drawn.max()
    cohorts = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    said = [
        f"A cell counts {cohorts} cohorts, with seeds from {about['seed']:,} on, by the chapters' own functions "
        f"and the ledger's own rule; frozen on {about['frozen']}.",
        *_of_illness(found),
        "C1b is *not testable here* in every world: no table of this book could test it.",
    ]
    ids = [claim.id for claim in claims()]
    own = found.table[found.table["id"].isin(ids) & found.table["scenario"].isin(worlds.names())]
    false = own[(own["measure"] == rates.FALSE_SUPPORT) & own["nominal"].notna()]
    if len(false):
        worst = false.loc[false["rate"].idxmax()]
        beyond = false[false["judgement"] == rates.BEYOND]
        named = ", ".join(f"{row.id} in `{row.scenario}` ({percent(row.rate)})" for row in beyond.itertuples())
        where = f" ({worst['id']} in `{worst['scenario']}`)" if worst["rate"] else ""
        said.append(
            f"Where a claim is false, it was announced in at most {percent(worst['rate'])} of cohorts{where}; "
            f"the nominal level is {percent(plans.load().false_support)}. "
            + (f"**Beyond what chance allows: {named}.**" if named else "No world lies beyond what chance allows.")
        )
    power = own[(own["measure"] == rates.POWER) & (own["scenario"] == "paper")].sort_values("id")
    if len(power):
        each = ", ".join(f"{row.id} {percent(row.rate)}" for row in power.itertuples())
        said.append(f"Where the claims hold (`paper`), they were found in: {each}. These effects are invented.")
    biased = [one for one in plans.load().scenarios if one.biased and one.name in worlds.names()]
    said += [f"No level is promised in `{one.name}`. {one.biased}" for one in biased]
    return said
