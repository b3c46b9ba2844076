"""Chapter 05: does passage through an ECKO niche leave a lasting mark on wild-type HSPCs?

The exposed animal is the unit, its later recipients are subsamples of it, and the donor of the cells is a block.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import expit

from endomtor import figures, reporting
from endomtor.analyses import alternatives
from endomtor.chapter import Chapter, needs
from endomtor.claims import catalogue
from endomtor.errors import EndomtorError
from endomtor.figures import style
from endomtor.stats import Estimate, MixedFit, composition, groups, holm, mixed_model, nested
from endomtor.stats.resemblance import GROUPS as NICHES
from endomtor.stats.resemblance import NoAgingReference

TABLE = "serial_transplants"
FAMILY = "C5.transplant"
UNIT = "exposed animal"
"""Name of the unit's column here, as it is printed."""

PRIMARY = {"tissue": "PB", "readout": "CD45"}
LINEAGES = {"myeloid_pct": "myeloid", "b_pct": "B", "t_pct": "T"}
_DESIGN = {"value": "value", "group": "niche", "unit": UNIT, "block": "donor", "also": ("batch",)}
_COURSE_ORDER = ("aged", "ecko", "control", "young")
"""Niches so that of two that are compared the first comes earlier."""

LONG_TERM = 16
"""Weeks from which a graft counts as long-term (Nat Commun 2023;14:2018 read its limiting dilutions at 16 weeks)."""

Contrast = tuple[str, str]


@dataclass(frozen=True)
class Readout:
    """What is read from a recipient: its printed name with its unit, and its analysis scale (`figures.scales`)."""

    title: str
    scale: str


READOUTS = {
    "chimerism": Readout("donor chimerism of CD45+ cells, %", "logit"),
    "myeloid_balance": Readout("myeloid-lymphoid balance, ILR", "linear"),
}


@dataclass(frozen=True)
class Passage:
    """One read-out in one passage.

    Attributes
    ----------
    week : float
        Week of the read-out.
    units : DataFrame
        One row per exposed animal: exposed animal, niche, donor, batch, value (analysis scale), n_subsamples.
    contrasts : dict[tuple[str, str], Estimate]
        (aged, young) and (ecko, reference), of the niches that are there.
    phi : Estimate or None
        None without an aging reference or without ECKO.
    """

    week: float
    units: pd.DataFrame
    contrasts: dict[Contrast, Estimate]
    phi: Estimate | None


Answers = Mapping[str, Mapping[int, Passage]]


@needs(TABLE)
def recipients(chapter: Chapter) -> pd.DataFrame | None:
    """Return the primary read-outs: CD45+ blood cells of recipients that are no niche of interest themselves.

    Returns
    -------
    DataFrame
        One row per recipient and week: recipient, exposed animal, donor, niche, batch, passage, week, status ("" where
        not given), chimerism (logit), myeloid_balance (ILR), and the lineages in per cent. None without such rows.

    Notes
    -----
    A later recipient that is itself aged or ECKO (`host_niche`) adds a present environment to a past one: it is left
    out, and `show_hosts` counts it. Where tissue or readout are not given at all, the rows are taken for CD45+ cells of
    blood.
    """
    table = chapter.dataset.get(TABLE)
    rows = _tidy(table[_is_primary(table) & ~_exposed_again(table)])
    return None if rows.empty else rows


def _is_primary(table: pd.DataFrame) -> pd.Series:
    kept = pd.Series(True, index=table.index)
    for column, level in PRIMARY.items():
        if column in table:
            kept &= table[column] == level
    return kept


def _exposed_again(table: pd.DataFrame) -> pd.Series:
    if "host_niche" not in table:
        return pd.Series(False, index=table.index)
    return (table["passage"] > 1) & table["host_niche"].isin(["aged", "ecko"])


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    rows = table.rename(columns={"exposed_animal": UNIT})
    # Cells of two donors in one exposed animal are a pool, whatever the sheet calls it.
    for column in ("donor", "batch"):
        rows[column] = _pooled(rows, column)
    rows["status"] = rows.get("status", "")
    rows["chimerism"] = nested.logit_percent(rows["donor_chimerism_pct"])
    rows["myeloid_balance"] = composition.lineage_balance(rows)
    columns = ["recipient", UNIT, "donor", "niche", "batch", "passage", "week", "status", *READOUTS, *LINEAGES]
    return rows[columns].sort_values(["passage", UNIT, "recipient", "week"], ignore_index=True)


def _pooled(rows: pd.DataFrame, column: str) -> list[str]:
    """Return the labels of an exposed animal in a passage as one, for each row."""
    places = list(zip(rows[UNIT], rows["passage"], strict=True))
    labels: dict[tuple, set[str]] = {}
    for place, label in zip(places, rows[column], strict=True):
        labels.setdefault(place, set()).add(label)
    words = {place: " + ".join(sorted(several)) for place, several in labels.items()}
    return [words[place] for place in places]


def readout_week(rows: pd.DataFrame, readout: str) -> nested.CommonTime:
    """Return the week of one passage at which exposed animals are compared.

    It is the latest week common to all. Where a death keeps that below `LONG_TERM`, it is the latest week common to
    those alive: otherwise one early death would move every animal's read-out to the weeks before it. `losses` counts
    the deaths.
    """
    seen = rows[rows[readout].notna()]
    common = nested.latest_common(seen, "week", UNIT, minimum=LONG_TERM)
    if common.reached:
        return common
    gone = rows.loc[rows["status"].isin(["died", "culled"]), "recipient"]
    living = nested.latest_common(seen[~seen["recipient"].isin(gone)], "week", UNIT, minimum=LONG_TERM)
    return living if living.reached else common


def exposed_animals(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the recipients of each exposed animal, on the analysis scale.

    Parameters
    ----------
    rows : DataFrame
        One row per recipient, with `value`: one passage at one week.

    Returns
    -------
    DataFrame
        One row per exposed animal: exposed animal, niche, donor, batch, value, n_subsamples.
    """
    return nested.one_value_per_unit(rows, value="value", unit=UNIT, carry=["niche", "donor", "batch"])


def compare(chapter: Chapter, rows: pd.DataFrame | None) -> dict[str, dict[int, Passage]]:
    """Estimate the niche contrasts and phi of each read-out in each passage, and record the evidence.

    The latest passage that has every niche is primary; the others are descriptive. Passage 1 is never primary: its
    cells are read in the animal whose niche exposes them, so that nothing is lasting yet.

    Returns
    -------
    dict[str, dict[int, Passage]]
        Read-out to passage; empty without rows.
    """
    if rows is None:
        return {}
    answers = {}
    by_passage = list(rows.groupby("passage"))
    for readout in READOUTS:
        passages = {}
        for passage, own in by_passage:
            week = readout_week(own, readout).time
            units = exposed_animals(own[own["week"] == week].rename(columns={readout: "value"}))
            if len(units):
                passages[int(passage)] = Passage(week, units, _contrasts(units), _phi(units, readout))
        answers[readout] = passages
        _record(chapter, readout, passages)
    return answers


def _contrasts(units: pd.DataFrame) -> dict[Contrast, Estimate]:
    niches = set(units["niche"])
    pairs = [("aged", "young"), ("ecko", "control" if "control" in niches else "young")]
    return {(a, b): nested.blocked_difference(units, a=a, b=b, **_DESIGN) for a, b in pairs if {a, b} <= niches}


def _phi(units: pd.DataFrame, readout: str) -> Estimate | None:
    if "ecko" not in set(units["niche"]):
        return None
    rule = catalogue.load().rule(f"{FAMILY}.{readout}")
    try:
        return nested.blocked_phi(units, direction=rule.direction, smallest=rule.smallest, **_DESIGN)
    except NoAgingReference:
        return None


def final_passage(passages: Mapping[int, Passage]) -> int | None:
    """Return the latest passage after the first that has every niche of the data, or None.

    Passages with at least two exposed animals of each niche go first. A passage without control counts where none has
    all niches: young stands in.
    """
    counts = {number: Counter(one.units["niche"]) for number, one in passages.items()}
    everyone = set().union(*counts.values())
    for least, niches in product((2, 1), (everyone, everyone - {"control"})):
        whole = [number for number, n in counts.items() if number > 1 and all(n[niche] >= least for niche in niches)]
        if whole:
            return max(whole)
    return None


def _record(chapter: Chapter, readout: str, passages: Mapping[int, Passage]) -> None:
    final = final_passage(passages)
    for number, one in passages.items():
        if one.phi is not None:
            name = f"{FAMILY}.{readout}" if number == final else f"{FAMILY}.{readout}.p{number}"
            chapter.record(name, one.phi, table=TABLE, family=FAMILY, others=partial(_others, one.units, readout))
    first = passages.get(1)
    if final is None and first is not None and first.phi is not None:
        reason = "No later passage has every niche, and cells of passage 1 are still in the niche that exposes them."
        chapter.record(f"{FAMILY}.{readout}", replace(first.phi, withheld=first.phi.withheld or reason), table=TABLE)


def _others(units: pd.DataFrame, readout: str) -> dict[str, Estimate]:
    """Return phi by the other tests, with the unit and the blocks of the primary one."""
    compared = units[units["niche"].isin(NICHES)].dropna(subset=["value"])
    how = nested.arrange(compared, **_DESIGN)
    about = {"value": "value", "group": "niche", "unit": how.unit, "block": how.blocks}
    return alternatives.of_phi(how.frame, catalogue.load().rule(f"{FAMILY}.{readout}"), **about)


def evidence(chapter: Chapter) -> None:
    """Run the recorded analyses of both read-outs in every passage, without figures."""
    compare(chapter, recipients(chapter))


def over_weeks(rows: pd.DataFrame, readouts: Sequence[str] = tuple(READOUTS)) -> pd.DataFrame:
    """Compare the niches over all weeks, one passage at a time: the secondary analysis, a linear mixed model.

    value ~ niche * week + (1 | exposed animal) + (1 | recipient) + (1 | donor) + (1 | batch), REML, Kenward-Roger. The
    course is a straight line in each niche. Animals differ in its level, not in its slope: where they do, p and
    interval of a difference between slopes are too sharp.

    Parameters
    ----------
    rows : DataFrame
        As from `recipients`.
    readouts : sequence of str
        Keys of `READOUTS`.

    Returns
    -------
    DataFrame
        One row per readout, passage, contrast (a, b: the niches of `Passage.contrasts`) and `what`: "mean over weeks"
        (at the mean of the weeks seen, each with equal weight) or "slope per week". Columns estimate (a - b), low, high
        (95 %), df, p, p_holm (over the rows of a passage and read-out), n_a, n_b (exposed animals with a value),
        singular, notes (what was left out of the model, or estimated as zero), withheld (why there is no estimate).

    Notes
    -----
    A contrast that the primary analysis would withhold over the same rows (donor or batch that cannot be told from the
    niche, one animal in a niche) is withheld here too. A donor is a random effect whether it crosses niches or not:
    where each feeds one niche, niches are then judged by donors. Rows without a value are taken as missing at random.
    """
    parts = []
    for readout in readouts:
        seen_at_all = rows.assign(value=rows[readout]).dropna(subset=["value"])
        for passage, seen in seen_at_all.groupby("passage"):
            parts.append(_course(seen).assign(readout=readout, passage=int(passage)))
    columns = ["readout", "passage", "a", "b", "what", "estimate", "low", "high", "df", "p", "p_holm", "n_a", "n_b"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.reindex(columns=[*columns, "singular", "notes", "withheld"])


def _course(seen: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `over_weeks` for one passage and read-out."""
    units = exposed_animals(seen)
    contrasts, n = _contrasts(units), units["niche"].value_counts()
    many = seen.groupby("niche").agg(weeks=("week", "nunique"), animals=(UNIT, "nunique"))
    kept = [niche for niche in _COURSE_ORDER if niche in many.index and many.loc[niche].min() > 1]
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
        f"{style.named(niche)} ({'one exposed animal' if many.at[niche, 'animals'] < 2 else 'one week'})"
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


def losses(rows: pd.DataFrame, passages: Mapping[int, Passage]) -> pd.DataFrame:
    """Count, per passage and niche, recipients that died before the read-out and exposed animals without a value.

    Returns
    -------
    DataFrame
        passage, niche, recipients, died (before the read-out), not_read (for another or no stated reason),
        exposed_animals, without_value.
    """
    counts = []
    for passage, own in rows[rows["passage"].isin(list(passages))].groupby("passage"):
        one = passages[int(passage)]
        unread = _unread(own, one.week)
        dead = _dead(own) & unread
        for niche in (name for name in NICHES if (own["niche"] == name).any()):
            here = own[own["niche"] == niche]
            everyone = set(here["recipient"])
            exposed = set(here[UNIT])
            counts.append(
                {
                    "passage": int(passage),
                    "niche": niche,
                    "recipients": len(everyone),
                    "died": len(everyone & dead),
                    "not_read": len(everyone & unread - dead),
                    "exposed_animals": len(exposed),
                    "without_value": len(exposed - set(one.units[UNIT])),
                }
            )
    return pd.DataFrame(counts)


def _unread(own: pd.DataFrame, week: float) -> set[str]:
    read = own.loc[(own["week"] == week) & own["chimerism"].notna(), "recipient"]
    return set(own["recipient"]) - set(read)


def _dead(own: pd.DataFrame) -> set[str]:
    return set(own.loc[own["status"] == "died", "recipient"])


def with_dead_at_the_lowest(rows: pd.DataFrame, passages: Mapping[int, Passage]) -> Passage | None:
    """Return the final passage's chimerism as it would be had the dead shown the lowest value that was seen.

    A sensitivity analysis, not an estimate: where poor grafts kill, survivors look better than the grafts were, and the
    dead may have been lower still. A recipient that died before its read-out gets the lowest value of its passage; so
    does an exposed animal that has no recipient there because one of its line died in an earlier passage. None without
    a final passage or when nobody died.
    """
    final = final_passage(passages)
    if final is None:
        return None
    own = rows[rows["passage"] == final]
    one = passages[final]
    seen = own[own["week"] == one.week].assign(value=lambda frame: frame["chimerism"]).dropna(subset=["value"])
    lost = own[own["recipient"].isin(_dead(own) & _unread(own, one.week))].drop_duplicates("recipient")
    earlier = rows[(rows["passage"] < final) & (rows["status"] == "died")]
    never = earlier[~earlier[UNIT].isin(own[UNIT])].drop_duplicates(UNIT)
    dead = pd.concat([lost, never]).assign(value=seen["value"].min())
    if dead.empty:
        return None
    units = exposed_animals(pd.concat([seen, dead]))
    return Passage(one.week, units, _contrasts(units), _phi(units, "chimerism"))


def recipients_as_n(rows: pd.DataFrame, passages: Mapping[int, Passage]) -> dict[str, Estimate]:
    """Estimate ECKO - reference of the final chimerism twice: over exposed animals and, wrongly, over recipients.

    Only the unit differs; a batch, or a donor that crosses the niches, is a block in both.

    Returns
    -------
    dict[str, Estimate]
        Keys "right" and "wrong"; empty without a final passage that has both niches.
    """
    final = final_passage(passages)
    pair = next((pair for pair in passages[final].contrasts if pair[0] == "ecko"), None) if final else None
    if pair is None or passages[final].contrasts[pair].withheld:
        return {}
    own = rows[(rows["passage"] == final) & (rows["week"] == passages[final].week) & rows["niche"].isin(pair)]
    own = own[own["chimerism"].notna()].rename(columns={"chimerism": "value"})
    blocks = nested.arrange(exposed_animals(own), **_DESIGN).blocks
    about = {"value": "value", "group": "niche", "unit": "recipient", "block": blocks}
    wrong = groups.difference(own, a=pair[0], b=pair[1], **about)
    return {"right": passages[final].contrasts[pair], "wrong": wrong}


def show_values(chapter: Chapter, answers: Answers) -> None:
    """Show the first rows of the values that are tested."""
    units = _long(answers, "chimerism")
    if units is None:
        return
    shown = units[[UNIT, "niche", "donor", "passage", "week", "value", "n_subsamples"]]
    figures.table(
        shown.rename(columns={"value": "logit", "n_subsamples": "recipients"}).head(8),
        caption=f"The first {min(8, len(shown))} of {len(shown)} values: donor chimerism, logit, a row per exposed "
        "animal and passage. "
        "Unit: exposed animal.",
        provenance=chapter.provenance,
        formats={"week": "g"},
    )


def _long(answers: Answers, readout: str) -> pd.DataFrame | None:
    parts = [one.units.assign(passage=number, week=one.week) for number, one in answers.get(readout, {}).items()]
    return pd.concat(parts, ignore_index=True) if parts else None


def show_hosts(chapter: Chapter) -> None:
    """Say which rows are not primary: later hosts that are a niche of interest, no blood read-out at all."""
    table = chapter.dataset.get(TABLE)
    if table is None:
        return
    again = table[_exposed_again(table)]
    if len(again):
        hosts = again.groupby("host_niche")["recipient"].nunique()
        counts = ", ".join(f"{niche} {count}" for niche, count in hosts.items())
        reporting.say(
            f"Later recipients that were aged or ECKO themselves were left out ({counts}): "
            "in them a present niche cannot be told from a past one."
        )
    if not _is_primary(table).any():
        reporting.say("These data have no chimerism of CD45+ blood cells: the primary read-outs are not testable here.")


def show_courses(chapter: Chapter, rows: pd.DataFrame | None, readout: str) -> None:
    """Draw every recipient over the weeks, a panel per passage, with each niche's mean over exposed animals."""
    if rows is None or rows[readout].isna().all():
        return
    seen = rows.dropna(subset=[readout])
    passages = sorted(seen["passage"].unique())
    counts = seen.groupby("niche")[["recipient", UNIT]].nunique()
    shown = [niche for niche in NICHES if niche in counts.index]
    about = {
        "time": "week",
        "value": readout,
        "animal": "recipient",
        "unit": UNIT,
        "group": "niche",
        "order": NICHES,
        "xlabel": "week after the transplant",
        "ylabel": {"chimerism": "donor chimerism (%)", "myeloid_balance": "ILR balance"}[readout],
        "facet": "passage",
        "titles": {passage: f"passage {passage}" for passage in passages},
        "scale": READOUTS[readout].scale,
    }
    table = figures.drawn.courses(seen, **about)
    figures.show(
        figures.courses(seen, **about),
        caption=f"{_upper(READOUTS[readout].title)}. Thin lines: recipients ("
        + ", ".join(f"{style.named(niche)} {counts.at[niche, 'recipient']}" for niche in shown)
        + "), which are subsamples; bold: mean over exposed animals, the unit; n in the legend counts those.",
        alt=f"{_upper(READOUTS[readout].title)}, over weeks. Means in the last week: {_last_means(seen, readout)}.",
        provenance=chapter.provenance,
        data=table,
        interactive=figures.interactive.courses(table, **about).to_dict(),
        name=f"fig-courses-{readout.replace('_', '-')}",
    )


def _last_means(seen: pd.DataFrame, readout: str) -> str:
    """Return each niche's mean over exposed animals in the last week of each passage, in words."""
    last = seen[seen["week"] == seen.groupby(["niche", "passage"])["week"].transform("max")]
    means = last.groupby(["passage", "niche", UNIT])[readout].mean().groupby(["passage", "niche"]).mean()
    percent = READOUTS[readout].scale == "logit"
    return "; ".join(
        f"passage {passage}, {niche} {f'{100 * expit(mean):.0f} %' if percent else reporting.number(mean)}"
        for (passage, niche), mean in means.items()
    )


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def show_exposed(chapter: Chapter, answers: Answers, readout: str) -> None:
    """Draw every exposed animal in each passage with the niche contrasts."""
    passages = answers.get(readout, {})
    if not passages:
        return
    estimates = {str(number): one.contrasts for number, one in passages.items()}
    weeks = ", ".join(f"passage {number}: week {one.week:g}" for number, one in passages.items())
    units = _long(answers, readout).assign(passage=lambda frame: frame["passage"].astype(str))
    about = {
        "value": "value",
        "group": "niche",
        "animal": UNIT,
        "endpoint": "passage",
        "order": NICHES,
        "estimates": {name: _drawable(contrasts) for name, contrasts in estimates.items()},
        "titles": {
            str(number): f"passage {number}, week {one.week:g}: {READOUTS[readout].title}"
            for number, one in passages.items()
        },
        "scale": READOUTS[readout].scale,
    }
    figures.show(
        figures.estimation_grid(units, **about),
        caption=f"Every exposed animal a point, the mean of its recipients ({weeks}); "
        f"{_contrast_words(passages)} with 95 % intervals. {_unit_words(passages)}",
        alt=reporting.alt_text(
            f"{_upper(READOUTS[readout].title)}, per exposed animal",
            {
                f"passage {number}, {a} − {b}": one
                for number, contrasts in estimates.items()
                for (a, b), one in contrasts.items()
            },
        ),
        provenance=chapter.provenance,
        data=figures.drawn.estimation_grid(units, **about),
        name=f"fig-exposed-{readout.replace('_', '-')}",
    )


def _drawable(contrasts: Mapping[Contrast, Estimate]) -> dict[Contrast, Estimate | None]:
    return {pair: None if one.withheld else one for pair, one in contrasts.items()}


def _contrast_words(passages: Mapping[int, Passage]) -> str:
    pairs = dict.fromkeys(pair for one in passages.values() for pair in one.contrasts)
    return " and ".join(f"{a} − {b}".replace("ecko", "ECKO") for a, b in pairs) or "no contrast"


def _unit_words(passages: Mapping[int, Passage]) -> str:
    """Return the unit and n of all contrasts, and what the design made of the donors."""
    estimates = [estimate for one in passages.values() for estimate in one.contrasts.values()]
    units = " or ".join(dict.fromkeys(estimate.unit for estimate in estimates)) or UNIT
    warnings = " ".join(dict.fromkeys(warning for estimate in estimates for warning in estimate.warnings))
    return f"Unit: {units}; {reporting.n_text(estimates)}. {warnings}".strip()


def show_over_weeks(chapter: Chapter, rows: pd.DataFrame | None, readout: str) -> None:
    """Show the secondary analysis of a read-out, the mixed model over weeks, or say why there is none."""
    if rows is None:
        return
    table = over_weeks(rows, [readout])
    if table.empty:
        return
    pairs = [f"{style.named(a)} − {style.named(b)}" for a, b in zip(table["a"], table["b"], strict=True)]
    by_design = [chapter.dataset.withheld(TABLE, a, b) for a, b in zip(table["a"], table["b"], strict=True)]
    # The sentence on the course comes first: without one there is nothing to be confounded.
    table = table.assign(contrast=pairs, withheld=table["withheld"].where(table["withheld"] != "", by_design))
    withheld = _withheld_words(table)
    shown = table[table["withheld"] == ""]
    if shown.empty:
        reporting.say(f"Secondary analysis, the mixed model over weeks: nothing is estimated. {withheld}")
        return
    passages = shown["passage"].unique()
    n = {niche: _range(_animals(shown, niche)) for niche in NICHES if len(_animals(shown, niche))}
    notes = " ".join(
        f"Passage {number}: {note}" for number, note in shown.groupby("passage")["notes"].first().items() if note
    )
    unit = {"chimerism": "logit", "myeloid_balance": "ILR"}[readout]
    figures.table(
        pd.DataFrame(
            {
                "passage": [str(number) for number in shown["passage"]],
                "contrast": shown["contrast"],
                "what": shown["what"],
                f"difference, {unit}": shown["estimate"],
                "95 %": [
                    f"{reporting.number(low, 3)} to {reporting.number(high, 3)}"
                    for low, high in zip(shown["low"], shown["high"], strict=True)
                ],
                "df": shown["df"],
                "p": shown["p"],
                "p (Holm)": shown["p_holm"],
            }
        ),
        caption=f"Secondary, no verdict rests on it: {READOUTS[readout].title.rpartition(',')[0]} over all weeks, "
        f"{'each passage by itself' if len(passages) > 1 else f'passage {passages[0]}'}. "
        "Mean over weeks: the difference between two niches in the middle of the weeks seen; slope per week: how much "
        "the difference grows each week, judged by the scatter of single bleeds, which is too sharp where animals "
        "differ in their slope. "
        "Method: linear mixed model, REML, Kenward-Roger (niche, week as a straight line, and their product; random "
        "exposed animal and, where there are several to tell apart, recipient, donor and batch); "
        "p adjusted within a passage. "
        f"Unit: {UNIT}; n: {', '.join(f'{style.named(niche)} {count}' for niche, count in n.items())}. "
        "Rows without a value (deaths, missed bleeds) drop out: the model takes them as missing at random. "
        f"{notes} {withheld}".strip(),
        provenance=chapter.provenance,
        formats={"df": ".1f", f"difference, {unit}": partial(reporting.number, digits=3)},
    )


def _animals(shown: pd.DataFrame, niche: str) -> pd.Series:
    return pd.concat([shown.loc[shown[side] == niche, f"n_{side}"] for side in ("a", "b")])


def _range(counts: pd.Series) -> str:
    return f"{counts.min()}" + (f" to {counts.max()}" if counts.max() > counts.min() else "")


def _withheld_words(table: pd.DataFrame) -> str:
    """Return, for each reason to withhold a contrast, the contrasts and passages that have it."""
    sentences = []
    for reason, same in table[table["withheld"] != ""].groupby("withheld", sort=False):
        contrasts = ", ".join(dict.fromkeys(same["contrast"]))
        passages = list(dict.fromkeys(same["passage"].astype(str)))
        where = f"passage{'s' * (len(passages) > 1)} {', '.join(passages)}"
        sentences.append(f"Withheld: {contrasts} in {where}. {reason[:1].upper()}{reason[1:].rstrip('.')}.")
    return " ".join(sentences)


def show_lineages(chapter: Chapter, rows: pd.DataFrame | None, answers: Answers) -> None:
    """Draw the lineages of donor-derived cells in the final passage: each exposed animal a bar, its balance a point."""
    passages = answers.get("myeloid_balance", {})
    if not passages:
        return
    number = final_passage(passages) or max(passages)
    one = passages[number]
    seen = rows[(rows["passage"] == number) & (rows["week"] == one.week)]
    bars = one.units.join(seen.groupby(UNIT)[list(LINEAGES)].mean(), on=UNIT)
    about = {
        "parts": LINEAGES,
        "animal": UNIT,
        "group": "niche",
        "order": [niche for niche in NICHES if (bars["niche"] == niche).any()],
        "balance": "value",
        "balance_label": "myeloid against B and T, ILR balance",
        "estimates": _drawable(one.contrasts),
    }
    figures.show(
        figures.composition(bars, **about),
        caption=f"Donor-derived white cells in passage {number}, week {one.week:g}. Above: lineages, each bar an "
        "exposed animal (mean of its recipients); what is missing to 100 % are other cells. Below: the balance tested, "
        f"{_contrast_words({number: one})} with 95 % intervals. {_unit_words({number: one})}",
        alt=reporting.alt_text(
            f"Lineages of donor-derived cells in passage {number}",
            {f"balance, {a} − {b}": estimate for (a, b), estimate in one.contrasts.items()},
        ),
        provenance=chapter.provenance,
        data=figures.drawn.composition(bars, **about),
        name="fig-lineages",
    )


def show_phi(chapter: Chapter, answers: Answers) -> None:
    """Draw phi of each read-out and passage, or say why there is none."""
    rows, shown = [], {}
    for readout, passages in answers.items():
        final = final_passage(passages)
        for number, one in passages.items():
            if one.phi is None:
                continue
            label = f"{readout.replace('_', ' ')}, passage {number}{' (primary)' if number == final else ''}"
            shown[label] = one.phi
            rows.append(
                {
                    "label": label,
                    "estimate": one.phi.estimate,
                    "low": one.phi.ci_low,
                    "high": one.phi.ci_high,
                    "interval_kind": one.phi.interval_kind,
                    "group": "ecko",
                    "note": "no verdict" if one.phi.withheld else None,
                }
            )
    if not rows:
        if answers:
            reporting.say(
                "Phi needs young, aged and ECKO niches in one passage. These data have none "
                "(no aging reference, or no ECKO niche), so no phi is shown; contrasts that exist are shown above."
            )
        return
    frame = pd.DataFrame(rows)
    about = {
        "xlabel": "phi: how far an ECKO niche moves cells from young to aged",
        "references": {0: "young", 1: "aged"},
        "smallest": catalogue.load().rule(f"{FAMILY}.chimerism").smallest,
    }
    figures.show(
        figures.forest(frame, **about),
        caption="Phi of each read-out and passage with its 95 % set; the dotted line is the smallest phi of interest. "
        f"Unit: {' or '.join(dict.fromkeys(one.unit for one in shown.values()))}; {reporting.n_text(shown.values())}.",
        alt=reporting.alt_text("Phi of serial transplants", shown),
        provenance=chapter.provenance,
        data=figures.drawn.forest(frame, **about),
        name="fig-phi",
    )


def say_withheld(answers: Answers) -> None:
    """Say which phi has no answer, and why, and what was noted beside those that have one."""
    for readout, passages in answers.items():
        for number, one in passages.items():
            if one.phi is not None and one.phi.withheld:
                reporting.say(f"{_upper(readout.replace('_', ' '))}, passage {number}: no verdict. {one.phi.withheld}")
    notes = [note for passages in answers.values() for one in passages.values() if one.phi for note in one.phi.warnings]
    for note in dict.fromkeys(notes):
        reporting.say(f"Noted for phi: {note.rstrip('.')}.")


def show_recipients_as_n(chapter: Chapter, rows: pd.DataFrame | None, answers: Answers) -> None:
    """Draw the wrong answer, recipients as n, beside the right one, and say how much narrower it is."""
    found = recipients_as_n(rows, answers.get("chimerism", {})) if rows is not None else {}
    if not found:
        return
    right, wrong = found["right"], found["wrong"]
    labels = {f"right: {right.unit}s as n": right, "WRONG: recipients as n": wrong}
    frame = pd.DataFrame(
        {
            "label": label,
            "estimate": one.estimate,
            "low": one.ci_low,
            "high": one.ci_high,
            "interval_kind": one.interval_kind,
            "n": reporting.n_text([one]),
        }
        for label, one in labels.items()
    )
    about = {"xlabel": "ECKO − reference, logit of donor chimerism", "references": {0: "no difference"}}
    figures.show(
        figures.forest(frame, **about),
        caption=f"The same contrast of the final passage ({' − '.join(map(style.named, right.n))}), 95 % intervals: "
        f"over {right.unit}s ({reporting.n_text([right])}) and, wrongly, recipients ({reporting.n_text([wrong])}).",
        alt=reporting.alt_text("Right and wrong unit", labels),
        provenance=chapter.provenance,
        data=figures.drawn.forest(frame, **about),
        name="fig-wrong-unit",
    )


def say_narrower(rows: pd.DataFrame | None, answers: Answers) -> None:
    """Say in numbers what taking recipients for n does to the interval and to p."""
    found = recipients_as_n(rows, answers.get("chimerism", {})) if rows is not None else {}
    if not found or found["wrong"].withheld:
        return
    right, wrong = found["right"], found["wrong"]
    share = (wrong.ci_high - wrong.ci_low) / (right.ci_high - right.ci_low)
    change = f"{100 * (1 - share):.0f} % narrower" if share < 1 else "not narrower this time, and wrong all the same"
    reporting.say(
        f"**Wrong: recipients as n.** {reporting.result_text(wrong)}. "
        f"Right: {reporting.result_text(right)}. The wrong interval is {change}."
    )


def show_losses(chapter: Chapter, rows: pd.DataFrame | None, answers: Answers) -> None:
    """Show deaths before the read-out per niche and passage."""
    passages = answers.get("chimerism", {})
    if not passages:
        return
    names = {
        "died": "died",
        "not_read": "not read",
        "exposed_animals": "exposed animals",
        "without_value": "without a value",
    }
    unknown = " Status is not given in these data, so that deaths cannot be told from other gaps."
    figures.table(
        losses(rows, passages).rename(columns=names),
        caption="Recipients per passage and niche, those that died before the read-out or were not read for another "
        "reason, and the exposed animals that so have no value." + (unknown if (rows["status"] == "").all() else ""),
        provenance=chapter.provenance,
    )


def show_sensitivity(chapter: Chapter, rows: pd.DataFrame | None, answers: Answers) -> None:
    """Show what the final passage would say had the dead had the lowest chimerism seen: never the estimate."""
    passages = answers.get("chimerism", {})
    filled = with_dead_at_the_lowest(rows, passages) if rows is not None else None
    if filled is None:
        if passages:
            reporting.say("No death before the read-out of the final passage is on record, so none is filled in.")
        return
    final = passages[final_passage(passages)]
    pairs = {f"{a} − {b}, logit": (final.contrasts[a, b], filled.contrasts[a, b]) for a, b in final.contrasts}
    if final.phi is not None and filled.phi is not None:
        pairs["phi"] = (final.phi, filled.phi)
    figures.table(
        pd.DataFrame(
            {
                "": name.replace("ecko", "ECKO"),
                "survivors": f"{reporting.number(one.estimate)} ({reporting.limits_text(one)})",
                "dead at the lowest": f"{reporting.number(other.estimate)} ({reporting.limits_text(other)})",
            }
            for name, (one, other) in pairs.items()
        ),
        caption="Donor chimerism of the final passage (95 % interval) as read in survivors, which is the "
        "analysis, and with the lowest value seen put in for "
        "every recipient that died before. A sensitivity analysis, descriptive only: the dead may have been lower "
        f"still. Exposed animals then: {_counts(filled.units)}.",
        provenance=chapter.provenance,
    )


def _counts(units: pd.DataFrame) -> str:
    counts = units["niche"].value_counts()
    return ", ".join(f"{style.named(niche)} {counts[niche]}" for niche in NICHES if niche in counts)


@needs(TABLE)
def show_other_readouts(chapter: Chapter) -> None:
    """Show other tissues and populations, one mean per niche over exposed animals: descriptive, without a test."""
    table = chapter.dataset.get(TABLE)
    table = table[~_is_primary(table) & ~_exposed_again(table)]
    by = [column for column in PRIMARY if column in table]
    lines = []
    for key, own in table.groupby([*by, "passage"]) if len(table) else ():
        rows = _tidy(own)
        week = readout_week(rows, "chimerism").time
        seen = rows[rows["week"] == week].assign(value=lambda frame: frame["chimerism"])
        units = exposed_animals(seen)
        for niche in (name for name in NICHES if (units["niche"] == name).any()):
            values = units.loc[units["niche"] == niche, "value"]
            line = dict(zip([*by, "passage"], key, strict=True)) | {"week": week, "niche": niche}
            lines.append(line | {"donor chimerism, %": 100 * expit(values.mean()), "exposed animals": len(values)})
    if not lines:
        reporting.say("These data hold no other tissue or population than CD45+ cells of blood.")
        return
    figures.table(
        pd.DataFrame(lines).replace({"": np.nan}),
        caption="Other read-outs: mean over exposed animals on the logit scale, printed in per cent. Descriptive only.",
        provenance=chapter.provenance,
        formats={"week": "g"},
    )
