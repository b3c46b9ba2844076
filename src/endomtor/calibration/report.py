"""Words for a table of rates: what kind of rule each is of, and what a figure of them shows."""

import pandas as pd

from endomtor.calibration import rates
from endomtor.calibration.plan import load
from endomtor.calibration.run import Calibration
from endomtor.claims import catalogue
from endomtor.provenance import Provenance
from endomtor.reporting import percent

_PARTS = {"tables": "all tables but gene expression", "courses": "mixed models", "expression": "transcriptome"}


def described(table: pd.DataFrame) -> pd.DataFrame:
    """Add to rates what they are of.

    Parameters
    ----------
    table : DataFrame
        As `Calibration.table`.

    Returns
    -------
    DataFrame
        With `kind` ("difference", "phi", "claim", "mixed model", "right twin", "wrong analysis"), `claim` (whether the
        rule is that of a claim) and `either` (whether it declares no direction, so that it may be supported on either
        side).
    """
    rules = {one: catalogue.load().rule(one) for one in table.loc[_is_rule(table), "id"].unique()}
    kind = table["id"].map({name: rule.rule for name, rule in rules.items()}).fillna("claim")
    kind = kind.mask(table["part"] == "courses", "mixed model")
    kind = kind.mask(table["measure"] == "right", "right twin").mask(table["measure"] == "wrong", "wrong analysis")
    either = table["id"].isin({name for name, rule in rules.items() if rule.direction == "either"})
    return table.assign(kind=kind, claim=kind == "claim", either=either)


def _is_rule(table: pd.DataFrame) -> pd.Series:
    return (
        (table["part"] != "courses")
        & table["measure"].isin(rates.MEASURES)
        & table["id"].str.contains(".", regex=False)
    )


def order(table: pd.DataFrame) -> list[str]:
    """Return the scenarios of a table in the order of the plan; what the plan has dropped since comes last."""
    present = list(dict.fromkeys(table["scenario"]))
    planned = [one.name for one in load().scenarios]
    return [one for one in planned if one in present] + [one for one in present if one not in planned]


def words(what: str, own: pd.DataFrame) -> dict[str, str]:
    """Return `caption` and `alt` of a figure of one measure (`figures.error_rates`).

    Parameters
    ----------
    what : str
        The measure, and of which rules.
    own : DataFrame
        Rates, judged.
    """
    said = facts(own)
    return {"caption": f"{what}. {said} {n_text(own)}.", "alt": f"{what}, by scenario. {said}"}


def facts(own: pd.DataFrame) -> str:
    """Return what a figure of one measure shows, as sentences: what lies beyond, the extreme rate, the flawless ones.

    Parameters
    ----------
    own : DataFrame
        Rates of one measure, judged.
    """
    levels = own[own["nominal"].notna()]
    beyond = levels[levels["judgement"] == rates.BEYOND]
    named = "; ".join(_where(row) for row in beyond.head(3).to_dict("records"))
    named = f" ({named}{f'; and {len(beyond) - 3} more' if len(beyond) > 3 else ''})" if named else ""
    said = [f"Beyond: {len(beyond)} of {len(levels):,}{named}."]
    lowest = (own["measure"] == rates.COVERAGE).all()
    if len(levels):
        row = levels.loc[levels["rate"].idxmin() if lowest else levels["rate"].idxmax()]
        said.append(f"The {'lowest' if lowest else 'highest'} is {_where(row)}.")
    best = 1.0 if lowest else 0.0
    if flawless := int((own["rate"] == best).sum()):
        said.append(f"At {percent(best)}: {flawless:,} of {len(own):,} marks.")
    free = own[own["nominal"].isna()]
    if len(free):
        names = ", ".join(f"“{name}”" for name in free["scenario"].unique())
        low, high = percent(free["rate"].min()), percent(free["rate"].max())
        said.append(f"No level in {names}: {low if low == high else f'{low} to {high}'}.")
    return " ".join(said)


def _where(row) -> str:
    return f"{percent(row['rate'])} for {row['id']} in “{row['scenario']}”"


def n_text(own: pd.DataFrame) -> str:
    """Return the cohorts behind each rate, those with a verdict."""
    low, high = int(own["of"].min()), int(own["of"].max())
    return f"Unit: cohort; n = {f'{low:,}' if low == high else f'{low:,} to {high:,}'} with a verdict"


def sources(found: Calibration, own: Provenance) -> list[str]:
    """Return where the rates come from, as sentences for the box of the page.

    Parameters
    ----------
    own : Provenance
        Of the data set of the build, which plays hardly a part on the page.
    """
    about = found.about
    drawn = "; ".join(f"{count:,} ({_PARTS[part]})" for part, count in about["cohorts"].items())
    now = load().version
    return [
        f"Source: {found.provenance.source} of {about['date']}, frozen on {about['frozen']}.",
        "Frozen table: data/derived/calibration.csv, counted once and not in this build.",
        f"Cohorts: {drawn}.",
        f"Seeds: from {about['seed']:,} on, the same in each scenario.",
        *([] if now == about["plan"] else [f"The plan has changed since: it is at version {now} now."]),
        "Design: the book's own, not that of any laboratory.",
        f"The data set of this build ({own.label}) plays no part on this page."
        if own.kind == "simulated"
        else f"Of the data of this build ({own.label}) only the numbers of units are used, in a section of its own.",
    ]
