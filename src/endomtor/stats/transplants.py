"""Serial transplants: the exposed animal is the unit, its later recipients are subsamples of it, the donor a block.

Tables here have one row per recipient and week, with the columns recipient, exposed animal, donor, niche, batch,
passage, week, status ("" where not given) and read-outs on the scale of analysis.
"""

from collections import Counter
from itertools import product

import numpy as np
import pandas as pd

from endomtor.errors import EndomtorError
from endomtor.stats.design import pairs
from endomtor.stats.mixed import MixedFit
from endomtor.stats.mixed import fit as mixed_model
from endomtor.stats.multiplicity import holm
from endomtor.stats.nested import CommonTime, blocked_difference, latest_common, one_value_per_unit

UNIT = "exposed animal"
"""Name of the unit's column here, as it is printed."""

DESIGN = {"group": "niche", "unit": UNIT, "block": "donor", "also": ("batch",)}
"""What `blocked_difference` and `blocked_phi` are told of transplants."""

LONG_TERM = 16
"""Weeks from which a graft counts as long-term (Nat Commun 2023;14:2018 read its limiting dilutions at 16 weeks)."""

_ORDER = ("aged", "ecko", "control", "young")
"""Niches so that of two that are compared the first comes earlier."""


def pooled(rows: pd.DataFrame, column: str) -> list[str]:
    """Return the labels of `column` that an exposed animal has in a passage as one, for each row.

    Cells of two donors in one exposed animal are a pool, whatever the sheet calls it.

    Examples
    --------
    >>> rows = pd.DataFrame({"exposed animal": ["e1", "e1", "e2"], "passage": [2, 2, 2], "donor": ["d2", "d1", "d1"]})
    >>> pooled(rows, "donor")
    ['d1 + d2', 'd1 + d2', 'd1']
    """
    places = list(zip(rows[UNIT], rows["passage"], strict=True))
    labels: dict[tuple, set[str]] = {}
    for place, label in zip(places, rows[column], strict=True):
        labels.setdefault(place, set()).add(label)
    words = {place: " + ".join(sorted(several)) for place, several in labels.items()}
    return [words[place] for place in places]


def readout_week(rows: pd.DataFrame, value: str) -> CommonTime:
    """Return the week of one passage at which exposed animals are compared.

    It is the latest week common to all. Where a death keeps that below `LONG_TERM`, it is the latest week common to
    those alive: otherwise one early death would move every animal's read-out to the weeks before it.

    Parameters
    ----------
    rows : DataFrame
        One passage: recipient, exposed animal, week, status ("died" or "culled" for a recipient that was lost).
    value : str
        Column of the read-out; a week counts where it has a value.

    Examples
    --------
    The second animal dies after week 8 and does not move the first one's read-out:

    >>> rows = pd.DataFrame({"exposed animal": ["e1", "e1", "e2", "e2"], "recipient": ["r1", "r1", "r2", "r2"],
    ...     "week": [8, 16, 8, 16], "logit": [0.4, 0.6, -0.2, None], "status": ["alive", "alive", "alive", "died"]})
    >>> readout_week(rows, "logit").time
    16.0
    >>> readout_week(rows.assign(status=""), "logit").time
    8.0
    """
    seen = rows[rows[value].notna()]
    common = latest_common(seen, "week", UNIT, minimum=LONG_TERM)
    if common.reached:
        return common
    gone = rows.loc[rows["status"].isin(["died", "culled"]), "recipient"]
    living = latest_common(seen[~seen["recipient"].isin(gone)], "week", UNIT, minimum=LONG_TERM)
    return living if living.reached else common


def later_passages(animals: pd.DataFrame) -> list[int]:
    """Return the passages after the first that have every niche of the data, in order.

    Passages with at least two exposed animals of each niche go first. A passage without control counts where none has
    all niches: young stands in.

    Parameters
    ----------
    animals : DataFrame
        passage, niche; one row per passage and exposed animal with a value.

    Examples
    --------
    Nobody of an aged niche is read in passage 3:

    >>> animals = pd.DataFrame({"passage": [1, 1, 1, 1, 2, 2, 2, 2, 3, 3],
    ...     "niche": ["young", "young", "aged", "aged"] * 2 + ["young", "young"]})
    >>> later_passages(animals)
    [2]
    """
    niches: dict[int, Counter] = {}
    for passage, niche in zip(animals["passage"], animals["niche"], strict=True):
        niches.setdefault(int(passage), Counter())[niche] += 1
    everyone = set(animals["niche"])
    for least, wanted in product((2, 1), (everyone, everyone - {"control"})):
        whole = [number for number, n in niches.items() if number > 1 and all(n[niche] >= least for niche in wanted)]
        if whole:
            return sorted(whole)
    return []


def dead_at_the_lowest(rows: pd.DataFrame, value: str, *, passage: int, week: float) -> pd.DataFrame:
    """Return those who died before the read-out of a passage, a row each, with the lowest value that was seen there.

    For a sensitivity analysis, not an estimate: where poor grafts kill, survivors look better than the grafts were, and
    the dead may have been lower still. A recipient that died before its read-out gets the lowest value of its passage;
    so does an exposed animal that has no recipient there because one of its line died in an earlier passage.

    Parameters
    ----------
    rows : DataFrame
        All passages.
    value : str
        Column of the read-out.
    passage : int
    week : float
        Week of the passage's read-out.

    Examples
    --------
    >>> rows = pd.DataFrame({"exposed animal": ["e1", "e2", "e3"], "recipient": ["r1", "r2", "r3"],
    ...     "passage": [2, 2, 2], "week": [16, 16, 8], "logit": [0.6, -0.2, None],
    ...     "status": ["alive", "alive", "died"]})
    >>> dead = dead_at_the_lowest(rows, "logit", passage=2, week=16)
    >>> dead[["recipient", "logit"]]
      recipient  logit
    2        r3   -0.2
    """
    own = rows[rows["passage"] == passage]
    seen = own[(own["week"] == week) & own[value].notna()]
    died = own.loc[own["status"] == "died", "recipient"]
    lost = own[own["recipient"].isin(set(died) - set(seen["recipient"]))].drop_duplicates("recipient")
    earlier = rows[(rows["passage"] < passage) & (rows["status"] == "died")]
    never = earlier[~earlier[UNIT].isin(own[UNIT])].drop_duplicates(UNIT)
    return pd.concat([lost, never]).assign(**{value: seen[value].min()})


def over_weeks(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Compare the niches over all weeks, one passage at a time: the secondary analysis, a linear mixed model.

    value ~ niche * week + (1 | exposed animal) + (1 | recipient) + (1 | donor) + (1 | batch), REML, Kenward-Roger. The
    course is a straight line in each niche. Animals differ in its level, not in its slope: where they do, p and
    interval of a difference between slopes are too sharp.

    Parameters
    ----------
    rows : DataFrame
    value : str
        Column of the read-out.

    Returns
    -------
    DataFrame
        One row per passage, contrast (a, b: as `endomtor.stats.pairs` has them) and `what`: "mean over weeks" (at the
        mean of the weeks seen, each with equal weight) or "slope per week". Columns estimate (a - b), low, high (95 %),
        df, p, p_holm (over the rows of a passage), n_a, n_b (exposed animals with a value), singular, notes (what was
        left out of the model, or estimated as zero), withheld (why there is no estimate).

    Notes
    -----
    A contrast that the primary analysis would withhold over the same rows (donor or batch that cannot be told from the
    niche, one animal in a niche) is withheld here too. A donor is a random effect whether it crosses niches or not:
    where each feeds one niche, niches are then judged by donors. Rows without a value are taken as missing at random.

    Examples
    --------
    Four exposed animals of each niche, each read in itself:

    >>> animals = np.repeat([f"e{i}" for i in range(8)], 3)
    >>> rows = pd.DataFrame({"exposed animal": animals, "recipient": animals, "niche": ["young"] * 12 + ["aged"] * 12,
    ...     "donor": "", "batch": "", "passage": 1, "week": [4, 8, 16] * 8,
    ...     "logit": [1.2, 1.5, 1.9, 0.9, 1.4, 1.5, 1.4, 1.6, 2.2, 1.1, 1.3, 1.8] + [0.7, 0.8, 0.6, 0.9, 1.2, 1.1, 0.5,
    ...     0.4, 0.6, 0.8, 0.9, 1.2]})
    >>> table = over_weeks(rows, "logit")
    >>> kept = ["a", "b", "what", "estimate", "low", "high", "df"]
    >>> table[kept].round(2)
          a      b             what  estimate   low  high    df
    0  aged  young  mean over weeks     -0.67 -1.07 -0.28   6.0
    1  aged  young   slope per week     -0.05 -0.07 -0.02  14.0
    """
    parts = []
    for passage, seen in rows.assign(value=rows[value]).dropna(subset=["value"]).groupby("passage"):
        parts.append(_course(seen).assign(passage=int(passage)))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    columns = ["passage", "a", "b", "what", "estimate", "low", "high", "df", "p", "p_holm", "n_a", "n_b"]
    return table.reindex(columns=[*columns, "singular", "notes", "withheld"])


def _course(seen: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `over_weeks` for one passage."""
    units = one_value_per_unit(seen, value="value", unit=UNIT, carry=["niche", "donor", "batch"])
    contrasts = {(a, b): blocked_difference(units, value="value", a=a, b=b, **DESIGN) for a, b in pairs(units["niche"])}
    n = units["niche"].value_counts()
    many = seen.groupby("niche").agg(weeks=("week", "nunique"), animals=(UNIT, "nunique"))
    kept = [niche for niche in _ORDER if niche in many.index and many.loc[niche].min() > 1]
    modelled = seen[seen["niche"].isin(kept)]
    model, why = None, ""
    if seen["week"].nunique() < 2:
        why = "One week only, no course to model."
    elif len(kept) > 1:
        try:
            model = _course_model(modelled, kept)
        except EndomtorError as error:
            why = str(error)
    left_out = [
        f"{niche.replace('ecko', 'ECKO')} ({'one exposed animal' if many.at[niche, 'animals'] < 2 else 'one week'})"
        for niche in many.index.difference(kept)
    ]
    notes = [f"Not in the model: {', '.join(left_out)}."] * bool(left_out) + list(model.warnings if model else ())
    answers = {}
    if model:
        middle = {"week": float(np.mean(modelled["week"].unique()))}
        found = {
            "mean over weeks": model.contrasts("niche", at=middle, adjust=None),
            "slope per week": model.slope_contrasts("week", between="niche", adjust=None),
        }
        answers = {what: table.set_index("contrast") for what, table in found.items()}
    lines = []
    for (a, b), primary in contrasts.items():
        reason = why or primary.withheld or ("" if {a, b} <= set(kept) else notes[0])
        for what in ("mean over weeks", "slope per week"):
            line = {"a": a, "b": b, "what": what, "n_a": n[a], "n_b": n[b], "withheld": reason}
            if not reason:
                one = answers[what].loc[f"{a} - {b}"]
                line |= {"estimate": one["estimate"], "low": one["lower"], "high": one["upper"]}
                line |= {"df": one["df"], "p": one["p"]}
            lines.append(line | {"singular": bool(model and model.singular), "notes": " ".join(notes)})
    table = pd.DataFrame(lines)
    if "p" in table:
        tested = table["p"].notna()
        table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy())
    return table


def _course_model(rows: pd.DataFrame, niches: list[str]) -> MixedFit:
    animals = rows[UNIT].nunique()
    # In passage 1 the recipient is the exposed animal, and a donor of one animal is no more than that animal.
    return mixed_model(
        rows,
        value="value",
        fixed=["niche", "week"],
        unit=UNIT,
        subunit="recipient" if rows["recipient"].nunique() > animals else None,
        block=[column for column in ("donor", "batch") if 1 < rows[column].nunique() < animals],
        levels={"niche": niches},
    )
