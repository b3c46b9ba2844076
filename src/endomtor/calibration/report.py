"""Chapter 07: how often would each analysis of this book be wrong?

The rates were counted once over many cohorts and are frozen; the page counts a few cohorts again and compares. They are
about the book's own design; on a laboratory's data the page also counts a few cohorts with its numbers of units.
"""

from collections.abc import Callable
from functools import wraps

import numpy as np
import pandas as pd

from endomtor import calibration, figures, reporting
from endomtor.calibration import Calibration, rates
from endomtor.chapter import Chapter, show_data
from endomtor.claims import catalogue
from endomtor.errors import BuildError
from endomtor.own_data import design
from endomtor.provenance import Provenance
from endomtor.reporting import percent

SLICE_SCENARIO = "edge"
SLICE_COHORTS = 4
"""Cohorts that the page draws again: at most 5 seconds in all."""

RIGHT, WRONG = "right", "wrong"
_PARTS = {"tables": "all tables but gene expression", "courses": "mixed models", "expression": "transcriptome"}
_SHARES = {
    rates.FALSE_SUPPORT: "supported, though not true",
    rates.FALSE_CONTRADICTION: "contradicted, though true",
    rates.COVERAGE: "95 % interval holds what was planted",
}
_REASONS = {
    (rates.FALSE_SUPPORT, "difference"): "support asks not only for an interval on the predicted side but also for an "
    "estimate that reaches the smallest effect of interest, and for precise data that is the harder of the two.",
    (rates.FALSE_SUPPORT, "phi"): "support asks for a visible aging difference and for a whole interval above the "
    "smallest phi of interest; where phi lies far below it, or age changes nothing, chance must do both at once.",
    (rates.FALSE_SUPPORT, "claim"): "a claim may need several predictions at once, and the partial conjunction holds "
    "under any dependence between them, so it pays for the worst one; each prediction is careful by itself already.",
    (rates.FALSE_CONTRADICTION, "difference"): "an effect that matters is contradicted only by an interval wholly on "
    "the other side or wholly inside the smallest effects; a large effect, or a wide interval, rarely gives either.",
    (rates.FALSE_CONTRADICTION, "phi"): "a phi that matters is contradicted only by a set below 0 or inside the "
    "smallest values; a large phi, or a wide set, rarely gives either.",
    (rates.COVERAGE, "difference"): "the degrees of freedom of Welch and Satterthwaite are estimated, and with few "
    "animals, or with equal spread in the groups, they come out too small and the interval too wide.",
    (rates.COVERAGE, "phi"): "Fieller's set takes its degrees of freedom from Welch and Satterthwaite, which with few "
    "animals, or with equal spread, come out too small and widen it.",
    (rates.COVERAGE, "mixed model"): "a variance that is estimated as zero cannot fall below it, so with few units the "
    "variances come out too large on average, and Kenward and Roger's degrees of freedom stay small.",
    (RIGHT, "twin"): "the same degrees of freedom of Welch and Satterthwaite, or Holm's adjustment, which holds under "
    "any dependence between the markers and pays for the worst one.",
}
"""Why a rule may be wrong less often than promised: by measure and kind of rule."""


def _needs_rates(section: Callable) -> Callable:
    """Decorate a section that works on frozen rates: without them it shows nothing, since `frozen` said so."""

    @wraps(section)
    def wrapped(found: Calibration | None, *args, **kwargs):
        return None if found is None else section(found, *args, **kwargs)

    return wrapped


def frozen() -> Calibration | None:
    """Return the frozen calibration of the book; where it cannot be read, say so in a sentence and return None."""
    try:
        return calibration.frozen()
    except BuildError:
        reporting.say(
            "The frozen rates are not here (`data/derived/calibration.csv` and `.json`, written by `make frozen`), so "
            "this page can show what is promised, but not whether it is kept."
        )
        return None


def provenance(found: Calibration, scenario: str = "") -> Provenance:
    """Return the provenance of the rates: simulated, from one scenario or from all of the table."""
    count = found.table["scenario"].nunique()
    return Provenance(
        kind="simulated",
        title="calibration",
        source=f"Drawn by endomtor by the plan in data/calibration.toml, version {found.about['plan']}",
        sha256=found.about["code"],
        world=f"scenario {scenario}" if scenario else f"{count} scenarios",
        seed=found.about["seed"],
        frozen=True,
    )


# --- Where the rates come from ----------------------------------------------------------------------------------------


@_needs_rates
def show_box(found: Calibration, chapter: Chapter) -> None:
    """Show where the rates come from: when, with which seeds and code, on how many cohorts they were counted."""
    about, own = found.about, provenance(found)
    counts = ", ".join(
        f"{count:,} ({_PARTS[part]}; {_drawn_text(found, part)})" for part, count in about["cohorts"].items()
    )
    sentences = [
        f"Source: {own.source} of {about['date']}, frozen on {about['frozen']}.",
        "Frozen table: data/derived/calibration.csv, counted once and not in this build.",
        f"Cohorts: {counts}.",
        f"Seeds: from {about['seed']:,} on, the same in each scenario.",
        f"Code: {about['code'][:12]} (sha256 over the code and rules that the rates depend on).",
        _code_text(found, calibration.code_print()),
        *_plan_text(found),
        "Design: the book's own, not that of any laboratory.",
        _part_text(chapter),
    ]
    show_data(own, sentences)


def _part_text(chapter: Chapter) -> str:
    own = chapter.provenance
    if own.kind == "simulated":
        return f"The data set of this build ({own.label}) plays no part on this page."
    return f"Of the data set of this build ({own.label}) only the numbers of units are used, in the section on its own."


def _drawn_text(found: Calibration, part: str) -> str:
    own = found.table[found.table["part"] == part].groupby("scenario")["drawn"].max()
    low, high = int(own.min()), int(own.max())
    return f"{low:,} in each scenario" if low == high else f"{low:,} to {high:,} in a scenario"


def _code_text(found: Calibration, now: str) -> str:
    if found.about["code"] == now:
        return "That is the code of this page."
    return "The code has changed since, so what is drawn again at the end of this page matters."


def _plan_text(found: Calibration) -> list[str]:
    now = calibration.load().version
    return [] if now == found.about["plan"] else [f"The plan has changed since: it is at version {now} now."]


def show_promises(found: Calibration | None) -> None:
    """Show what is promised and, from the rates, where each promise counts as broken."""
    plan = calibration.load()
    rows = [
        ("false support, a direction is declared", rates.FALSE_SUPPORT, plan.false_support),
        ("false support, either direction", rates.FALSE_SUPPORT, 2 * plan.false_support),
        ("false contradiction", rates.FALSE_CONTRADICTION, plan.false_contradiction),
        ("the other way, where the effect is a small one", rates.FALSE_CONTRADICTION, plan.false_support),
        ("coverage of the 95 % interval", rates.COVERAGE, plan.coverage),
        ("p < 0.05, right twin of a wrong analysis", RIGHT, 0.05),
    ]
    sides = ["at least" if measure == rates.COVERAGE else "at most" for _, measure, _ in rows]
    columns = {
        "what": [what for what, _, _ in rows],
        "promised": [f"{side} {percent(promised)}" for side, (_, _, promised) in zip(sides, rows, strict=True)],
    }
    caption = (
        f"What is promised, fixed in data/calibration.toml (version {plan.version} of {plan.date.isoformat()}) before "
        "the run."
    )
    if found is not None:
        own = [
            found.table[(found.table["measure"] == measure) & np.isclose(found.table["promised"], promised)]
            for _, measure, promised in rows
        ]
        columns["promises"] = [len(one) for one in own]
        columns["broken"] = [_limits(one, side) for one, side in zip(own, sides, strict=True)]
        caption += (
            " A rate in the last column breaks its promise. Where every promise is just kept, chance brings any of the "
            f"{_promises(found):,} rates there with a probability of at most {percent(1 - found.about['joint'])}; the "
            "limits differ with the number of cohorts that gave a verdict."
        )
    figures.table(pd.DataFrame(columns), caption=caption)


def _limits(rows: pd.DataFrame, side: str) -> str:
    if rows.empty:
        return "–"
    low, high = percent(rows["limit"].min()), percent(rows["limit"].max())
    return f"{'above' if side == 'at most' else 'below'} {low if low == high else f'{low} to {high}'}"


def show_scenarios() -> None:
    """Show what each scenario is."""
    scenarios = calibration.load().scenarios
    changed = [", changed" if one.changes or one.keep or one.without else "" for one in scenarios]
    drawn = [f"{one.title} (world {one.world}{more})" for one, more in zip(scenarios, changed, strict=True)]
    more = "; ".join(
        f"{words} in {', '.join(one.name for one in scenarios if part in one.parts)}"
        for part, words in list(_PARTS.items())[1:]
    )
    figures.table(
        pd.DataFrame({"scenario": [one.name for one in scenarios], "what is drawn": drawn}),
        caption=f"The scenarios, fixed in data/calibration.toml before the run. Analysed: {_PARTS['tables']} in each; "
        f"{more}.",
    )


# --- Rates ------------------------------------------------------------------------------------------------------------


@_needs_rates
def show_rates(found: Calibration, measure: str, *, either: bool = False) -> None:
    """Draw every prediction's and claim's rate of one measure, by scenario, with promise and band.

    `either`: of false support, those rules that declare no direction, of which twice as much is promised.
    """
    own = found.table[(found.table["measure"] == measure) & (found.table["part"] != "courses")]
    if measure == rates.FALSE_SUPPORT:
        own = own[[_either(one) == either for one in own["id"]]]
    which = "predictions that declare no direction" if either else "predictions and claims"
    _draw(found, own, which, f"fig-{measure.replace(' ', '-')}{'-either' if either else ''}")


@_needs_rates
def show_courses(found: Calibration) -> None:
    """Draw how often the intervals of the mixed models hold what was planted."""
    own = found.table[found.table["part"] == "courses"]
    _draw(found, own, "contrasts and slopes of the mixed models", "fig-courses")


def _draw(found: Calibration, own: pd.DataFrame, which: str, name: str) -> None:
    if own.empty:
        reporting.say(f"The frozen table holds nothing on the {which}.")
        return
    measure = own["measure"].iat[0]
    share = _SHARES[measure]
    facts = " ".join(filter(None, (_kept_text(own), _extreme_text(own), _heap_text(own), _free_text(own))))
    promised = " or ".join(percent(one) for one in sorted(own["promised"].dropna().unique())) or "nothing"
    frame = own.assign(claim=[_family(*one) == "claim" for one in own[["id", "measure", "part"]].to_numpy()])
    about = {"rows": _order(found), "xlabel": f"% of cohorts: {share}"}
    figures.show(
        figures.bands(frame, **about),
        caption=f"{measure.capitalize()}, {which}: each mark is one of them in one scenario. "
        f"Dashed: what is promised ({promised}); grey: how far chance may carry a rule that just keeps its promise "
        f"({percent(found.about['joint'])} jointly); ×: so many marks of one kind. "
        f"{facts} Unit: cohort; {_n_text(own)}.",
        alt=f"{measure.capitalize()}, {which}, by scenario. {facts}",
        provenance=provenance(found),
        data=figures.drawn.bands(frame, **about),
        name=name,
    )


def _kept_text(own: pd.DataFrame) -> str:
    promises = own[own["promised"].notna()]
    beyond = promises[promises["judgement"] == rates.BEYOND]
    careful = int((promises["judgement"] == rates.CONSERVATIVE).sum())
    named = "" if beyond.empty else f" ({'; '.join(_where(row) for row in beyond.head(3).to_dict('records'))}"
    named += "" if beyond.empty else (f"; and {len(beyond) - 3} more)" if len(beyond) > 3 else ")")
    return f"Beyond their band: {len(beyond)} of {len(promises):,}{named}. More careful than promised: {careful:,}."


def _extreme_text(own: pd.DataFrame) -> str:
    promises = own[own["promised"].notna()]
    if promises.empty:
        return ""
    low = (promises["measure"] == rates.COVERAGE).all()
    row = promises.loc[promises["rate"].idxmin() if low else promises["rate"].idxmax()]
    return f"The {'lowest' if low else 'highest'} rate with a promise is {_where(row)}."


def _heap_text(own: pd.DataFrame) -> str:
    """Say how many marks stand at the flawless end, where they are heaped too high to be counted."""
    best = 1.0 if (own["measure"] == rates.COVERAGE).all() else 0.0
    count = int((own["rate"] == best).sum())
    return f"At {percent(best)}: {count:,} of {len(own):,} marks." if count else ""


def _free_text(own: pd.DataFrame) -> str:
    free = own[own["promised"].isna()]
    if free.empty:
        return ""
    names = ", ".join(f"“{name}”" for name in free["scenario"].unique())
    low, high = percent(free["rate"].min()), percent(free["rate"].max())
    seen = f"are {low}" if low == high else f"go from {low} to {high} (an arrow: beyond the axis)"
    return f"Nothing is promised in {names}, where rates {seen}."


def _where(row) -> str:
    return f"{percent(row['rate'])} for {row['id']} in “{row['scenario']}”"


def _n_text(own: pd.DataFrame) -> str:
    low, high = int(own["of"].min()), int(own["of"].max())
    return f"n = {f'{low:,}' if low == high else f'{low:,} to {high:,}'} cohorts a mark (those with a verdict)"


@_needs_rates
def show_summary(found: Calibration) -> None:
    """Show, per scenario, the worst rate of each measure and how many promises are broken or kept with care."""
    rows = []
    for name in _order(found):
        own = found.table[(found.table["scenario"] == name) & found.table["measure"].isin(_SHARES)]
        either = np.array([_either(one) for one in own["id"]], bool)
        worst = {
            "false support": own[(own["measure"] == rates.FALSE_SUPPORT) & ~either]["rate"].max(),
            "either direction": own[(own["measure"] == rates.FALSE_SUPPORT) & either]["rate"].max(),
            "false contradiction": own[own["measure"] == rates.FALSE_CONTRADICTION]["rate"].max(),
            "coverage": own[own["measure"] == rates.COVERAGE]["rate"].min(),
        }
        rows.append(
            {
                "scenario": name,
                "promises": int(own["promised"].notna().sum()),
                "beyond": int((own["judgement"] == rates.BEYOND).sum()),
                "careful": int((own["judgement"] == rates.CONSERVATIVE).sum()),
                **{f"{key} %": 100 * value for key, value in worst.items()},
                "withheld %": 100 * (1 - own["of"] / own["drawn"]).max(),
            }
        )
    frame = pd.DataFrame(rows)
    figures.table(
        frame,
        caption="The worst rate of each measure, over all predictions, claims and mixed models of a scenario: the "
        "highest false support (where a direction is declared, and where none is) and false contradiction, the lowest "
        "coverage. Last, the largest share of cohorts in which a verdict was withheld; they count for no rate. "
        f"{_absent_text(found)} {_biased_text(found)} Unit: cohort.",
        provenance=provenance(found),
        formats={column: ".1f" for column in frame.columns if column.endswith("%")},
    )


def _absent_text(found: Calibration) -> str:
    absent = [one for one in calibration.load().scenarios if one.name not in _order(found)]
    return " ".join(f"“{one.name}” ({one.title}) has no rate: every verdict is withheld." for one in absent)


def _biased_text(found: Calibration) -> str:
    own = [one for one in calibration.load().scenarios if one.biased and one.name in _order(found)]
    return " ".join(f"“{one.name}” promises nothing. {one.biased}" for one in own)


@_needs_rates
def show_beyond(found: Calibration) -> None:
    """Show the rules that lie beyond their band and say what follows, or say that none does."""
    rows = found.table[found.table["judgement"] == rates.BEYOND]
    if rows.empty:
        reporting.say(f"None of the {_promises(found):,} promises is broken.")
        return
    secondary = rows["part"] == "courses"
    follows = []
    if not secondary.all():
        follows.append(
            "Rules below are wrong more often than promised, so their verdicts are not to be trusted in such designs: "
            f"{_listed(rows[~secondary])}."
        )
    if secondary.any():
        follows.append(
            f"Mixed models have intervals that are too short in {_listed(rows[secondary])}: they give all niches or "
            "arms one variance between units. They enter no verdict, and in such designs the analysis of one value per "
            "unit is the one to read."
        )
    reporting.say(
        f"**{len(rows)} of the {_promises(found):,} promises {'is' if len(rows) == 1 else 'are'} broken.** "
        + " ".join(follows)
    )
    figures.table(
        pd.DataFrame(
            {
                "rule": rows["id"].to_numpy(),
                "scenario": rows["scenario"].to_numpy(),
                "what": [f"{RIGHT} twin" if one == RIGHT else one for one in rows["measure"]],
                "%": 100 * rows["rate"].to_numpy(),
                "promised %": 100 * rows["promised"].to_numpy(),
                "limit %": 100 * rows["limit"].to_numpy(),
                "cohorts": rows["of"].to_numpy(),
            }
        ),
        caption="Beyond their band: wrong more often than promised. Unit: cohort.",
        provenance=provenance(found),
        formats={"%": ".1f", "promised %": ".1f", "limit %": ".1f"},
    )


def _listed(rows: pd.DataFrame) -> str:
    titles = {one.name: one.title for one in calibration.load().scenarios}
    return "; ".join(
        f"“{name}” ({titles[name]})" if name in titles else f"“{name}”" for name in rows["scenario"].unique()
    )


@_needs_rates
def say_careful(found: Calibration) -> None:
    """Say which kinds of rule are wrong less often than promised, and why."""
    own = found.table[found.table["promised"].notna()]
    own = own.assign(family=[_family(*one) for one in own[["id", "measure", "part"]].to_numpy()])
    items = []
    for (measure, family), reason in _REASONS.items():
        rows = own[(own["measure"] == measure) & (own["family"] == family)]
        careful = rows[rows["judgement"] == rates.CONSERVATIVE]
        if careful.empty:
            continue
        median, promised = careful["rate"].median(), " or ".join(map(percent, sorted(careful["promised"].unique())))
        what = "p of the right twins below 0.05" if measure == RIGHT else f"{measure.capitalize()} of a {family}"
        items.append(
            f"- {what}: {len(careful)} of {len(rows)} promises (median {percent(median)} of {promised} promised). "
            f"{reason[0].upper()}{reason[1:]}"
        )
    count = int((own["judgement"] == rates.CONSERVATIVE).sum())
    if not items:
        reporting.say(f"None of the {len(own):,} promises is kept with more care than chance explains.")
        return
    reporting.say(
        f"**{count:,} of the {len(own):,} promises are kept with more care than chance explains.** "
        "Such a rule is not wrong too often, but finds less than it might.\n\n" + "\n".join(items)
    )


# --- Transcriptome, power ---------------------------------------------------------------------------------------------


@_needs_rates
def show_expression(found: Calibration) -> None:
    """Show the rates of the transcriptome's two values of phi, by scenario."""
    own = found.table[(found.table["part"] == "expression") & found.table["id"].str.startswith("C4.")]
    if own.empty:
        reporting.say("The frozen table holds nothing on the transcriptome.")
        return
    bias = _bias(found)
    rows = []
    for (scenario, name), part in own.groupby(["scenario", "id"], sort=False):
        rate = part.set_index("measure")["rate"]
        rows.append(
            {
                "scenario": scenario,
                "phi of": {"C4.transcriptome.phi": "scores", "C4.transcriptome.phi_genes": "genes"}.get(name, name),
                "planted": part["planted"].iat[0],
                "median": bias["median"].get((scenario, name)),
                **{f"{one} %": 100 * rate.get(one, np.nan) for one in rates.MEASURES},
                "cohorts": int(part["of"].max()),
                "beyond": int((part["judgement"] == rates.BEYOND).sum()),
            }
        )
    frame = pd.DataFrame(rows)
    figures.table(
        frame,
        caption="The transcriptome: phi of the animals' scores, which is primary, and phi over genes, a description. "
        "The last column counts the broken promises of the row. Unit: cohort.",
        provenance=provenance(found),
        formats={
            **{column: ".1f" for column in frame.columns if column.endswith("%")},
            "planted": ".2f",
            "median": ".2f",
        },
    )


@_needs_rates
def show_power(found: Calibration, scenario: str) -> None:
    """Show how often a planted effect is found: claims and primary predictions in one scenario."""
    rules = catalogue.load()
    own = found.table[(found.table["scenario"] == scenario) & (found.table["measure"] == rates.POWER)]
    primary = {one.id for claim in rules.claims for one in claim.evidence if one.role == "primary"}
    own = own[own["id"].isin(primary | {claim.id for claim in rules.claims})].sort_values("id")
    if own.empty:
        reporting.say(f"The frozen table holds no power in the scenario “{scenario}”.")
        return
    bias = _bias(found)
    least, most = own.loc[own["rate"].idxmin()], own.loc[own["rate"].idxmax()]
    figures.table(
        pd.DataFrame(
            {
                "": own["id"].to_numpy(),
                "found %": 100 * own["rate"].to_numpy(),
                "95 %": [
                    f"{100 * low:.1f} to {100 * high:.1f}" for low, high in zip(own["low"], own["high"], strict=True)
                ],
                "planted": own["planted"].to_numpy(),
                "median": [bias["median"].get((scenario, one), np.nan) for one in own["id"]],
                "bias": [bias["bias"].get((scenario, one), np.nan) for one in own["id"]],
            }
        ),
        caption=f"Power in the scenario “{scenario}”: how often a planted effect is found, with its 95 % interval, and "
        "the median estimate with its bias (median minus planted). "
        f"Least often: {least['id']}, {percent(least['rate'])}; most often: {most['id']}, "
        f"{percent(most['rate'])}. A claim has no estimate of its own. Unit: cohort; {_n_text(own)}.",
        provenance=provenance(found, scenario),
        formats={"found %": ".1f", "planted": ".3f", "median": ".3f", "bias": "+.3f"},
    )


# --- Wrong on purpose, and drawn again --------------------------------------------------------------------------------


@_needs_rates
def show_mistakes(found: Calibration) -> None:
    """Draw how often the tempting wrong analyses see an effect where there is none, beside their right twins."""
    own = found.table[found.table["measure"].isin([WRONG, RIGHT])]
    if own.empty:
        reporting.say("The frozen table holds no wrong analyses.")
        return
    wide = own.pivot(index=["scenario", "id"], columns="measure", values=["rate", "low", "high"])
    frame = pd.DataFrame(
        {
            "label": [f"{reporting.endpoint_text(name)} (“{scenario}”)" for scenario, name in wide.index],
            "wrong": wide["rate", WRONG].to_numpy(),
            "right": wide["rate", RIGHT].to_numpy(),
            **{f"{key}_{end}": wide[end, key].to_numpy() for key in (WRONG, RIGHT) for end in ("low", "high")},
        }
    ).sort_values("wrong", ascending=False)
    facts = "; ".join(
        f"{row.label}: {100 * row.wrong:.0f} % against {100 * row.right:.1f} %" for row in frame.itertuples()
    )
    promised = own["promised"].dropna().iat[0]
    about = {
        "xlabel": "p < 0.05, % of cohorts in which there is nothing to find",
        "line": promised,
        "words": ("wrong analysis", "right analysis"),
    }
    figures.show(
        figures.pairs(frame, **about),
        caption="**Wrong on purpose.** How often p lies below 0.05 where there is nothing to find: crosses, the "
        "tempting wrong analysis; dots, the right one; bars, 95 % intervals; dashed, the promised "
        f"{percent(promised)}. Unit: cohort; {_n_text(own)}.",
        alt=f"Share of cohorts with p below 0.05 where there is nothing to find, wrong against right. {facts}.",
        provenance=provenance(found),
        data=figures.drawn.pairs(frame, **about),
        name="fig-mistakes",
    )


@_needs_rates
def slice_again(found: Calibration, cohorts: int = SLICE_COHORTS) -> Calibration:
    """Draw the first few cohorts of one scenario again, in this process."""
    return calibration.calibrate(cohorts, scenarios=[SLICE_SCENARIO], parts=["tables"])


@_needs_rates
def say_slice(found: Calibration, small: Calibration) -> None:
    """Say whether the cohorts drawn on this page agree with the frozen rates."""
    odd = calibration.disagreements(small, found)
    count, rows = small.about["cohorts"]["tables"], len(small.table)
    verdict = (
        f"none of the {rows} counts disagrees with the frozen rates"
        if odd.empty
        else f"**{len(odd)} of the {rows} counts disagree with the frozen rates** ({', '.join(odd['id'].head(5))}), so "
        "that the frozen table must be counted again"
    )
    reporting.say(
        f"Drawn again while this page was made: the first {count} cohorts of the scenario “{SLICE_SCENARIO}”; "
        f"{verdict} (exact tests of equal rates, 0.1 % jointly). {_code_text(found, small.about['code'])} "
        "So few cohorts notice only a gross change; the tests of this repository compare more."
    )


# --- In the design of the data at hand --------------------------------------------------------------------------------


def show_own_design(chapter: Chapter, count: int = design.COHORTS) -> None:
    """Show how often each primary prediction is supported in a few cohorts with as many units as the chapter's data."""
    own = chapter.provenance
    if own.kind == "simulated":
        reporting.say(
            "The data set of this build is simulated: no laboratory's design is at hand. With `--data` a few cohorts "
            "are drawn here in the design of those data."
        )
        return
    found = design.support(chapter.dataset, count)
    if found.empty:
        reporting.say("These data can test no primary prediction, so there is nothing to count in their design.")
        return
    plan = calibration.load()
    wide = found.assign(cell=[_support_text(row) for row in found.itertuples()])
    wide = wide.pivot(index="id", columns="scenario", values="cell").reindex(found["id"].unique()).fillna("no verdict")
    figures.table(
        pd.DataFrame(
            {
                "prediction": wide.index,
                f"supported falsely (“{design.NULL}”)": wide[design.NULL].to_numpy(),
                f"supported truly (“{design.TRUE}”)": wide[design.TRUE].to_numpy(),
            }
        ),
        caption=f"In the design of these data: {count} cohorts a scenario, drawn with the numbers of units of "
        f"“{own.title}” and analysed as its tables are; in brackets the 95 % interval of the rate (Clopper and "
        f"Pearson). Promised are at most {percent(plan.false_support)} of the first column. Only primary predictions "
        "that these data can test. Unit: cohort.",
        provenance=Provenance(
            kind="simulated",
            title="calibration in the design of the data at hand",
            source=f"Drawn by endomtor in scenarios of data/calibration.toml, version {plan.version}",
            sha256=calibration.code_print(),
            world=f"scenarios {design.NULL} and {design.TRUE}, in the design of these data",
            seed=plan.seed,
        ),
    )
    reporting.say(
        f"**{count} cohorts are few:** an interval this wide shows a gross fault or a study that is far too small, and "
        "no more. The effects planted in “paper” are invented, so the second column is not the chance that these data "
        "had to find a true effect. The spread between units is the world's, and so is the layout of sex and batch."
    )


def _support_text(row) -> str:
    if row.scenario == design.TRUE and not row.planted:
        return "effect below the smallest of interest"
    return f"{row.supported} of {row.of} ({100 * row.low:.0f} to {100 * row.high:.0f} %)"


# --- Words ------------------------------------------------------------------------------------------------------------


def _promises(found: Calibration) -> int:
    return int(found.table["promised"].notna().sum())


def _order(found: Calibration) -> list[str]:
    """Return the scenarios of the table, in the order of the plan; what the plan has dropped since comes last."""
    present = list(dict.fromkeys(found.table["scenario"]))
    planned = [one.name for one in calibration.load().scenarios]
    return [one for one in planned if one in present] + [one for one in present if one not in planned]


def _either(rule: str) -> bool:
    return "." in rule and catalogue.load().rule(rule).direction == "either"


def _family(rule: str, measure: str, part: str) -> str:
    if part == "courses":
        return "mixed model"
    if measure in (RIGHT, WRONG):
        return "twin"
    return catalogue.load().rule(rule).rule if "." in rule else "claim"


def _bias(found: Calibration) -> pd.DataFrame:
    return found.bias.set_index(["scenario", "id"])
