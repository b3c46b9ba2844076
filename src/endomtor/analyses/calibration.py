"""Chapter 07: how often would each analysis of this book be wrong?

The rates were counted once over many cohorts and are frozen; the page counts a few cohorts again and compares.
"""

from collections.abc import Sequence

import pandas as pd

from endomtor import calibration, figures
from endomtor.analyses import reporting
from endomtor.calibration import Calibration, rates
from endomtor.claims import catalogue
from endomtor.provenance import Provenance

SLICE_SCENARIO = "edge"
SLICE_COHORTS = 8
"""Cohorts that the page draws again: a few seconds."""

TITLES = {
    rates.FALSE_SUPPORT: "False support: supported, though not true",
    rates.FALSE_CONTRADICTION: "False contradiction: contradicted, though true",
    rates.COVERAGE: "Coverage: the 95 % interval holds what was planted",
}


def frozen() -> Calibration:
    """Return the frozen calibration of the book."""
    return calibration.frozen()


def provenance(found: Calibration) -> Provenance:
    """Return the provenance of the rates: simulated, from every scenario of the plan."""
    about = found.about
    return Provenance(
        kind="simulated",
        title=f"calibration, {len(calibration.load().scenarios)} scenarios",
        source=f"Drawn by endomtor by the plan in data/calibration.toml, version {about['plan']}",
        sha256=about["code"],
        world=f"{len(calibration.load().scenarios)} scenarios",
        seed=about["seed"],
        example=False,
    )


def say_about(found: Calibration) -> None:
    """Say when, with which seed and code, and on how many cohorts the frozen rates were counted."""
    about = found.about
    same = about["code"] == calibration.code_print()
    code = "the code of this page" if same else "an earlier version of the code, so the comparison below matters"
    counts = " and ".join(f"{count:,} ({part})" for part, count in about["cohorts"].items())
    reporting.say(
        f"Frozen rates: {counts} cohorts in each of {found.table['scenario'].nunique()} scenarios, "
        f"seeds from {about['seed']:,} on, plan version {about['plan']} of {about['date']}, "
        f"code {about['code'][:12]} ({code})."
    )


def slice_again(cohorts: int = SLICE_COHORTS) -> Calibration:
    """Draw a few cohorts of one scenario again, in this process."""
    return calibration.calibrate(cohorts, scenarios=[SLICE_SCENARIO], parts=["tables"])


def say_slice(small: Calibration, large: Calibration) -> None:
    """Say whether the cohorts drawn on this page agree with the frozen rates."""
    odd = calibration.disagreements(small, large)
    count = small.about["cohorts"]["tables"]
    verdict = (
        f"none of its {len(small.table)} counts disagrees with the frozen rates"
        if odd.empty
        else f"{len(odd)} of {len(small.table)} counts disagree with the frozen rates ({', '.join(odd['id'].head(5))})"
    )
    reporting.say(
        f"Drawn again while this page was made: {count} cohorts of the scenario “{SLICE_SCENARIO}”; {verdict} "
        "(exact tests, 0.1 % jointly)."
    )


def _words() -> dict[str, str]:
    return {one.name: one.title for one in calibration.load().scenarios}


def _short() -> dict[str, str]:
    return {one.name: one.name for one in calibration.load().scenarios}


def show_scenarios() -> None:
    """Show what each scenario is."""
    rows = [{"scenario": name, "what is drawn": words} for name, words in _words().items()]
    figures.table(pd.DataFrame(rows), caption="The scenarios, fixed in data/calibration.toml.", row_header="scenario")


def show_bands(found: Calibration, measures: Sequence[str], name: str) -> None:
    """Draw every rule's rate of error, by measure and scenario, with promise and band."""
    panels = {one: found.table[found.table["measure"] == one] for one in measures}
    promised = pd.concat(panels.values()).dropna(subset=["promised"])
    beyond = promised[promised["judgement"] == rates.BEYOND]
    facts = "; ".join(f"{one}: {_extreme(panels[one])}" for one in measures)
    figures.show(
        figures.bands(panels, titles=TITLES, scenarios=_short()),
        caption="Every dot is one prediction or claim in one scenario, at the share of its cohorts. Dashed: what is "
        "promised; grey: how far chance may carry a rule that just keeps its promise "
        f"({100 * found.about['joint']:.0f} % jointly over all {_promises(found)} promises). "
        f"Beyond their band here: {len(beyond)} of {len(promised)}. Unit: cohort.",
        alt=f"Rates of error by scenario. {facts}. {len(beyond)} of {len(promised)} lie beyond their band.",
        provenance=provenance(found),
        name=name,
    )


def _promises(found: Calibration) -> int:
    return int(found.table["promised"].notna().sum())


def _extreme(frame: pd.DataFrame) -> str:
    """Say which promised rate lies farthest to the bad side."""
    kept = frame.dropna(subset=["promised"])
    high = (kept["measure"] != rates.COVERAGE).all()
    row = kept.loc[(kept["rate"] - kept["promised"]).idxmax() if high else (kept["rate"] - kept["promised"]).idxmin()]
    return f"{'highest' if high else 'lowest'} {100 * row['rate']:.1f} % ({row['id']} in “{row['scenario']}”)"


def show_beyond(found: Calibration) -> None:
    """Show the rules that lie beyond their band, or say that none does."""
    rows = found.table[found.table["judgement"] == rates.BEYOND]
    if rows.empty:
        reporting.say(f"None of the {_promises(found)} promises is broken.")
        return
    figures.table(
        pd.DataFrame(
            {
                "prediction": rows["id"],
                "scenario": rows["scenario"],
                "what": rows["measure"],
                "%": 100 * rows["rate"],
                "promised %": 100 * rows["promised"],
                "limit %": 100 * rows["limit"],
                "cohorts": rows["of"],
            }
        ),
        caption="Beyond their band: these verdicts are wrong more often than promised in these scenarios.",
        provenance=provenance(found),
        formats={"%": ".1f", "promised %": ".1f", "limit %": ".1f"},
    )


def show_summary(found: Calibration) -> None:
    """Show, per scenario, the worst rate of each measure and how many promises are broken or kept with care."""
    rows = []
    for name in _words():
        own = found.table[(found.table["scenario"] == name) & found.table["promised"].notna()]
        if own.empty:
            continue
        row = {"scenario": name, "promises": len(own)}
        for measure, worst, words in (
            (rates.FALSE_SUPPORT, "max", "false support, at most %"),
            (rates.FALSE_CONTRADICTION, "max", "false contradiction, at most %"),
            (rates.COVERAGE, "min", "coverage, at least %"),
        ):
            values = own.loc[own["measure"] == measure, "rate"]
            row[words] = 100 * values.agg(worst) if len(values) else None
        row["beyond"] = int((own["judgement"] == rates.BEYOND).sum())
        row["careful"] = int((own["judgement"] == rates.CONSERVATIVE).sum())
        rows.append(row)
    figures.table(
        pd.DataFrame(rows),
        caption="Worst rates per scenario over all predictions and claims, the number of promises beyond their band, "
        "and of those kept with more care than promised. Unit: cohort.",
        provenance=provenance(found),
        formats=dict.fromkeys(
            ("false support, at most %", "false contradiction, at most %", "coverage, at least %"), ".1f"
        ),
    )


def show_power(found: Calibration, scenario: str) -> None:
    """Show how often a planted effect is found: claims and primary predictions in one scenario."""
    rules = catalogue.load()
    own = found.table[(found.table["scenario"] == scenario) & (found.table["measure"] == rates.POWER)]
    primary = {one.id for claim in rules.claims for one in claim.evidence if one.role == "primary"}
    own = own[own["id"].isin(primary | {claim.id for claim in rules.claims})].sort_values("id")
    bias = found.bias[found.bias["scenario"] == scenario].set_index("id")
    figures.table(
        pd.DataFrame(
            {
                "": own["id"],
                "found in %": 100 * own["rate"],
                "95 %": [
                    f"{100 * low:.1f} to {100 * high:.1f}" for low, high in zip(own["low"], own["high"], strict=True)
                ],
                "planted": own["planted"],
                "median estimate": [bias["median"].get(one) for one in own["id"]],
            }
        ),
        caption=f"Power in the scenario “{scenario}”, with the sample sizes of a real study: how often a planted "
        "effect is found. Claims have no single estimate. Unit: cohort.",
        provenance=provenance(found),
        formats={"found in %": ".1f"},
    )


def show_mistakes(found: Calibration) -> None:
    """Draw how often the tempting wrong analyses see an effect where there is none, beside their right twins."""
    own = found.table[found.table["measure"].isin(["wrong", "right"])]
    wide = own.pivot(index="id", columns="measure", values=["rate", "low", "high", "of"])
    frame = pd.DataFrame(
        {
            "label": wide.index,
            "wrong": wide["rate", "wrong"],
            "right": wide["rate", "right"],
            **{f"{key}_{end}": wide[end, key] for key in ("wrong", "right") for end in ("low", "high")},
        }
    ).sort_values("wrong", ascending=False)
    facts = "; ".join(
        f"{row.label}: {100 * row.wrong:.0f} % against {100 * row.right:.1f} %" for row in frame.itertuples()
    )
    figures.show(
        figures.pairs(
            frame,
            xlabel="p < 0.05, % of cohorts in which nothing differs",
            line=0.05,
            words=("the wrong analysis", "the right one"),
        ),
        caption="How often p lies below 0.05 where there is nothing to find: crosses, the tempting wrong analysis; "
        f"dots, the right one (95 % intervals). {facts}. Unit: cohort.",
        alt=f"Share of cohorts with p below 0.05 where nothing differs, wrong against right analysis. {facts}.",
        provenance=provenance(found),
        name="fig-mistakes",
    )
