"""Chapter 06: what chapters 01 to 05 say together.

Phi of every endpoint on one axis, the test of whether the assays share one phi, and the conclusion of the ledger, a
sentence for each kind of data. All of it follows from the evidence of the same build; only the joint test goes back to
the units' values, through the functions of the chapters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from IPython.utils.capture import capture_output

from endomtor import figures, paths, public, reporting, worlds
from endomtor.analyses import ecko_phenotypes, transcriptome, transplants
from endomtor.chapter import Chapter
from endomtor.claims import catalogue, evidence, ledger, verdicts
from endomtor.claims.evidence import Record
from endomtor.errors import BuildError
from endomtor.figures import style
from endomtor.public import blood as public_blood
from endomtor.stats import JointPhi, JointTable, arrange, joint_phi
from endomtor.stats.resemblance import GROUPS

ASSAYS = {
    "blood": ("blood", "ecko_blood"),
    "marrow": ("marrow", "ecko_marrow"),
    "cells": ("single HSCs", "ecko_cells"),
    "limiting_dilution": ("limiting dilution", "ecko_limiting_dilution"),
    "transcriptome": ("transcriptome", "hspc_samples"),
    "transplant": ("serial transplants", "serial_transplants"),
}
"""Second part of an evidence id to the assay as it is printed and its table, in the order in which they are shown."""

BOOTSTRAP = 2000

_NAMES = {"phi": "score on the published axis", "phi_genes": "all expressed genes"}
_ANALOGUE = "C4.premise.HSC"
_DO_MICE = "C3.context."
_UNSETTLED = "unsettled"
_ALPHA = 0.05


# --- The evidence -----------------------------------------------------------------------------------------------------


def gather(chapter: Chapter) -> list[Record]:
    """Return the evidence of the other chapters in the same build.

    Raises
    ------
    BuildError
        A chapter has left no evidence, or its evidence comes from other data than this chapter's.
    """
    folder = paths.build_dir() / "evidence"
    names = sorted({claim.chapter for claim in catalogue.load().claims})
    missing = [name for name in names if not (folder / f"{name}.json").is_file()]
    if missing:
        raise BuildError(
            f"the evidence of {_listed(missing)} is not in {folder}, which this chapter reads: run `endomtor build` "
            "with the same data first."
        )
    records = [record for name in names for record in evidence.read(folder / f"{name}.json")]
    own = chapter.provenance.as_dict()
    for record in records:
        if record.kind == "prediction" and record.provenance != own:
            raise BuildError(
                f"the evidence {record.id} in {folder} comes from {_origin(record.provenance)}, expected "
                f"{_origin(own)} as it is now: run `endomtor build` with the same data first."
            )
    return records


def _origin(provenance: Mapping) -> str:
    seed = "" if provenance["seed"] is None else f", seed {provenance['seed']}"
    return f"“{provenance['title']}”{seed}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def show_evidence(records: Sequence[Record]) -> None:
    """Show how many records each chapter has left, by kind, and how many are not testable."""
    names = sorted({claim.chapter for claim in catalogue.load().claims})
    rows = []
    for name in names:
        own = [record for record in records if record.notebook == name]
        counts = {kind: sum(record.kind == kind for record in own) for kind in catalogue.KINDS}
        withheld = sum(record.verdict == verdicts.NOT_TESTABLE for record in own)
        rows.append({"chapter": name[:2]} | counts | {"of these withheld": withheld})
    figures.table(
        pd.DataFrame(rows),
        caption="The evidence that this page reads: records by chapter and kind. A chapter without predictions had no "
        "table, or no groups, to test them on.",
    )


# --- One axis for everything ------------------------------------------------------------------------------------------


def phi_rows(records: Sequence[Record]) -> pd.DataFrame:
    """Return the rows of the forest plot, by assay, in each the primary endpoints first.

    Returns
    -------
    DataFrame
        id, assay, label, estimate, low, high (infinite where unbounded), interval_kind, n (text), unit, note, group. An
        endpoint without an aging effect keeps its set but not its estimate, which is a ratio to nothing.
    """
    rules = catalogue.load()
    rows = []
    for record in records:
        rule = rules.rule(record.id)
        if record.kind != "prediction" or rule.rule != "phi":
            continue
        section, name = record.id.split(".")[1:3]
        withheld = record.verdict == verdicts.NOT_TESTABLE
        silent = withheld or record.reason == verdicts.NO_AGING
        rows.append(
            {
                "id": record.id,
                "assay": section,
                "primary": rule.role == "primary",
                "label": f"{ASSAYS[section][0]}: {_endpoint(record.id)}" + (" (primary)" * (rule.role == "primary")),
                "estimate": np.nan if silent or record.estimate is None else record.estimate,
                "low": -np.inf if record.ci_low is None else record.ci_low,
                "high": np.inf if record.ci_high is None else record.ci_high,
                "interval_kind": record.interval_kind,
                "n": _n_text(record.n),
                "unit": record.unit,
                "note": "no verdict" if withheld else "no aging effect seen" if silent else None,
                "group": "ecko",
            }
        )
    if not rows:
        return pd.DataFrame()
    frame = pd.DataFrame(rows)
    order = list(ASSAYS)
    return frame.sort_values(
        ["assay", "primary"],
        key=lambda column: column.map(order.index) if column.name == "assay" else ~column.astype(bool),
        kind="stable",
        ignore_index=True,
    )


def _endpoint(evidence_id: str) -> str:
    """Return the endpoint of an id as it is printed: `C5.transplant.chimerism.p1` is chimerism, passage 1."""
    name, *rest = evidence_id.split(".", 2)[2].split(".")
    parts = [
        _NAMES.get(name, name),
        *(f"passage {one[1:]}" if one[:1] == "p" and one[1:].isdigit() else one for one in rest),
    ]
    return reporting.endpoint_text(", ".join(parts))


def _n_text(n: Mapping[str, int]) -> str:
    counts = [n[group] for group in GROUPS if group in n]
    if len(set(counts)) == 1:
        return f"n {counts[0]}"
    return f"n {'/'.join(map(str, counts))}"


def show_forest(chapter: Chapter, records: Sequence[Record]) -> None:
    """Draw phi of every endpoint of chapters 03 to 05 on one axis, or say that there is none."""
    rows = phi_rows(records)
    if rows.empty:
        reporting.say(
            "No endpoint of these data has a phi: it needs young, aged and ECKO units in at least one table of "
            "chapters 03 to 05."
        )
        return
    seen = rows[rows["note"].isna()]
    numbers = "; ".join(
        f"{row.label} {reporting.number(row.estimate)}, {reporting.number(row.low)} to {reporting.number(row.high)}"
        for row in seen.itertuples()
    )
    units = rows.drop_duplicates(["assay", "unit"]).groupby("unit", sort=False)["assay"].agg(list)
    words = "; ".join(f"{unit} in {_listed([ASSAYS[one][0] for one in assays])}" for unit, assays in units.items())
    groups = [style.named(group) for group in GROUPS if any(group in record.n for record in _phis(records))]
    about = {
        "xlabel": "phi: share of the way from young to aged, 95 % set",
        "references": {0.0: "young", 1.0: "aged"},
        "smallest": catalogue.load().rule(ecko_phenotypes.BALANCE).smallest,
    }
    figures.show(
        figures.forest(rows, **about),
        caption="Phi of every endpoint, by assay: how far ECKO went from young (0) to aged (1). Dotted: the smallest "
        "phi of interest. Filled arrowheads: the set has no end there; open ones: it ends beyond the axis. Two pieces "
        "with a gap between them are one set. "
        f"Unit: {words}. n: units in each group, where they differ in the order {', '.join(groups)}. "
        f"In {len(rows) - len(seen)} of {len(rows)} endpoints no phi can be read.",
        alt=f"Forest plot of phi, {len(rows)} endpoints. {numbers or 'No endpoint with a readable phi'}.",
        provenance=chapter.provenance,
        data=figures.drawn.forest(rows, **about),
        name="fig-phi",
    )


def _phis(records: Sequence[Record]) -> list[Record]:
    return [one for one in records if one.kind == "prediction" and catalogue.load().rule(one.id).rule == "phi"]


def show_analogue(records: Sequence[Record]) -> None:
    """Draw the public analogue of the transcriptome: concordance of real old HSCs with the published signature."""
    rows = [
        {
            "label": "old HSCs (premise)"
            if one.id == _ANALOGUE
            else f"old {reporting.endpoint_text(one.id.split('.')[2])}",
            "estimate": one.estimate,
            "low": one.ci_low,
            "high": one.ci_high,
            "interval_kind": one.interval_kind,
        }
        for one in _analogues(records)
    ]
    if not rows:
        reporting.say("The evidence holds no public analogue of the transcriptome.")
        return
    frame = pd.DataFrame(rows)
    about = {
        "xlabel": "concordance: slope on the published signature, 95 % interval",
        "references": {0.0: "not seen", 1.0: "as published"},
    }
    figures.show(
        figures.forest(frame, **about),
        caption="The public analogue of the transcriptome: concordance of aged, unmanipulated cells with the published "
        "signature. It is not phi: there is no knock-out and no control in it. "
        f"Unit: {_analogues(records)[0].unit}; {reporting.n_text(_analogues(records))}.",
        alt="Forest plot of concordance. "
        + "; ".join(
            f"{row['label']} {reporting.number(row['estimate'])}, {reporting.number(row['low'])} to "
            f"{reporting.number(row['high'])}"
            for row in rows
        )
        + ".",
        provenance=public.table("hsc_aging_lfc")[1],
        data=figures.drawn.forest(frame, **about),
        name="fig-concordance",
    )


def _analogues(records: Sequence[Record]) -> list[Record]:
    own = [one for one in records if one.id == _ANALOGUE or one.id.startswith("C4.context.")]
    return sorted(own, key=lambda one: one.id != _ANALOGUE)


def say_do_mice(records: Sequence[Record]) -> None:
    """Say what age does to the blood of DO mice: context, no phi and no knock-out.

    A trait whose interval and whose authors' p disagree is unsettled, as chapter 03 says below its table of them.
    """
    own = [one for one in records if one.id.startswith(_DO_MICE)]
    if not own:
        return
    effects = public_blood.effects("age")[0].set_index("name")
    moved = {"rises": [], "falls": [], "shows no clear change": [], _UNSETTLED: []}
    for one in own:
        name = reporting.endpoint_text(one.id.removeprefix(_DO_MICE))
        seen = one.ci_low > 0 or one.ci_high < 0
        if seen != (effects.at[name, "p_authors"] < _ALPHA):
            word = _UNSETTLED
        else:
            word = "shows no clear change" if not seen else "rises" if one.ci_low > 0 else "falls"
        limits = f"{_per_month(one.ci_low)} to {_per_month(one.ci_high)}"
        moved[word].append(f"{name} ({_per_month(one.estimate)}, {limits})")
    unsettled = moved.pop(_UNSETTLED)
    parts = [f"{_listed(names)} {word if len(names) == 1 else _plural(word)}" for word, names in moved.items() if names]
    sentences = [f"With age {'; '.join(parts)}."] if parts else []
    if unsettled:
        sentences.append(
            f"Unsettled, since the interval and the authors' bootstrap disagree on whether there is a change: "
            f"{_listed(unsettled)}."
        )
    reporting.say(
        f"**Blood of DO mice** (public, context only). {' '.join(sentences)} Numbers are SDs of the trait per month "
        f"with their 95 % interval; unit: {own[0].unit}, {reporting.n_text(own)}. No phi follows: nothing was knocked "
        "out, and the lineage balance was not measured."
    )


def _per_month(value: float) -> str:
    """Return a change per month with so many digits that its sign is seen."""
    digits = 3 if abs(value) >= 0.001 or value == 0 else 1 - int(np.floor(np.log10(abs(value))))
    return reporting.number(value, digits)


def _plural(word: str) -> str:
    return {"rises": "rise", "falls": "fall", "shows no clear change": "show no clear change"}[word]


# --- One phi? ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Agreement:
    """The joint test, and why endpoints take no part in it.

    Attributes
    ----------
    answer : JointPhi or None
        None without any table for it.
    left_out : dict[str, str]
        Evidence id to a sentence.
    """

    answer: JointPhi | None
    left_out: dict[str, str]


def primary_phis() -> dict[str, catalogue.Rule]:
    """Return the primary predictions that are a phi: the endpoints of the joint test, fixed in claims.toml."""
    rules = [rule for claim in catalogue.load().claims for rule in claim.evidence]
    return {rule.id: rule for rule in rules if (rule.kind, rule.role, rule.rule) == ("prediction", "primary", "phi")}


def unit_values(chapter: Chapter) -> tuple[dict[str, JointTable], dict[str, str]]:
    """Return the units' values of the primary endpoints, from the functions of chapters 03 to 05.

    Returns
    -------
    tables : dict[str, JointTable]
        One for each table of the contract (transplants: one for each unit that its donors demand, see
        `endomtor.stats.arrange`). Columns of the frames: id, value, group, the unit, the block.
    left_out : dict[str, str]
        Endpoint to the reason why its values are not among them, a sentence.
    """
    tables, left_out = {}, {}
    for section, (_, table) in ASSAYS.items():
        wanted = [one for one in primary_phis() if one.split(".")[1] == section]
        # Sections say on their own pages what they lack; said again here it would be about another section.
        with capture_output():
            parts = {} if chapter.dataset.get(table) is None else _VALUES[section](chapter)
        seen = {one for part in parts.values() for one in part.frame["id"]} & set(wanted)
        left_out |= {one: f"These data hold no values of it ({table})." for one in wanted if one not in seen}
        for name, part in parts.items():
            kept = part.frame["id"].isin(wanted) & part.frame["group"].isin(GROUPS)
            frame = part.frame[kept]
            if frame.empty:
                continue
            reason = chapter.dataset.withheld(table, *frame["group"].unique())
            if reason:
                left_out |= dict.fromkeys(frame["id"].unique(), f"{reason.rstrip('.')}.")
            else:
                tables[name] = JointTable(frame, part.unit, part.block)
    return tables, left_out


def _blood(chapter: Chapter) -> dict[str, JointTable]:
    return {"ecko_blood": JointTable(ecko_phenotypes.blood(chapter), "animal", "batch")}


def _marrow(chapter: Chapter) -> dict[str, JointTable]:
    return {"ecko_marrow": JointTable(ecko_phenotypes.marrow(chapter), "animal", "batch")}


def _cells(chapter: Chapter) -> dict[str, JointTable]:
    values = ecko_phenotypes.per_animal(ecko_phenotypes.cells(chapter))
    return {"ecko_cells": JointTable(values, "animal", "batch")}


def _dilution(chapter: Chapter) -> dict[str, JointTable]:
    values = ecko_phenotypes.donors(ecko_phenotypes.dilution(chapter))
    return {"ecko_limiting_dilution": JointTable(values, "donor")}


def _transcriptome(chapter: Chapter) -> dict[str, JointTable]:
    scores = transcriptome.scores(transcriptome.transcriptomes(chapter))
    if scores is None:
        return {}
    frame = scores.assign(id="C4.transcriptome.phi", value=scores["score"])
    return {"hspc_counts": JointTable(frame, "animal", "batch")}


def _transplants(chapter: Chapter) -> dict[str, JointTable]:
    scratch = Chapter(chapter.name, chapter.dataset)
    parts: dict[tuple, list[pd.DataFrame]] = {}
    for readout, passages in transplants.compare(scratch, transplants.recipients(scratch)).items():
        final = transplants.final_passage(passages)
        if final is None:
            continue
        units = passages[final].units.dropna(subset=["value"])
        how = arrange(
            units, value="value", group="niche", unit=transplants.UNIT, block="donor", also=("batch",), check=()
        )
        frame = how.frame.rename(columns={"niche": "group"}).assign(id=f"{transplants.FAMILY}.{readout}")
        parts.setdefault((how.unit, how.blocks[0] if how.blocks else None), []).append(frame)
    return {
        f"serial_transplants, {unit} as unit" if len(parts) > 1 else "serial_transplants": JointTable(
            pd.concat(frames, ignore_index=True), unit, block
        )
        for (unit, block), frames in parts.items()
    }


_VALUES = {
    "blood": _blood,
    "marrow": _marrow,
    "cells": _cells,
    "limiting_dilution": _dilution,
    "transcriptome": _transcriptome,
    "transplant": _transplants,
}


def agreement(chapter: Chapter, *, bootstrap: int = BOOTSTRAP, seed: int = 1) -> Agreement:
    """Test whether the primary endpoints of chapters 03 to 05 share one phi; see `endomtor.stats.joint_phi`."""
    tables, left_out = unit_values(chapter)
    if not tables:
        return Agreement(None, left_out)
    direction = {one: rule.direction for one, rule in primary_phis().items()}
    answer = joint_phi(tables, direction=direction, bootstrap=bootstrap, seed=seed)
    return Agreement(answer, dict(sorted((left_out | answer.left_out).items())))


def joint_text(found: Agreement) -> str:
    """Return the answer of the joint test as sentences."""
    answer = found.answer
    if answer is None:
        return (
            "**Whether the assays share one phi cannot be asked:** these data hold no values of a primary endpoint "
            "that could enter the test."
        )
    if answer.withheld:
        alone = ""
        if answer.endpoints:
            alone = f" Alone it has a phi of {reporting.number(answer.phi)} ({_set_text(answer)})."
        return f"**Whether the assays share one phi cannot be asked:** {_lower(answer.withheld)}{alone}"
    about = (
        f"{len(answer.endpoints)} endpoints of {len({_assay(one) for one in answer.endpoints})} assays, "
        f"{reporting.p_text(answer.p)}"
    )
    if answer.p < 1 - answer.level:
        pull = _pulls(answer)
        far = max(pull, key=lambda one: abs(pull[one]))
        side = f", on the {'aged' if pull[far] > 0 else 'young'} side" if _declared(far) else ""
        return (
            f"**They do not agree** ({about}): no single phi describes these endpoints. Furthest from the rest lies "
            f"{_named(far)}{side}."
        )
    return (
        f"**A common phi of {reporting.number(answer.phi)}** ({_set_text(answer)}) describes them all as far as can be "
        f"seen ({about}). A large p does not show that they agree, only that no disagreement is seen."
    )


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _set_text(answer: JointPhi) -> str:
    if np.isinf(answer.ci_low):
        return f"its {100 * answer.level:.0f} % set has no bound"
    return f"{100 * answer.level:.0f} % set {reporting.number(answer.ci_low)} to {reporting.number(answer.ci_high)}"


def _assay(evidence_id: str) -> str:
    return ASSAYS[evidence_id.split(".")[1]][0]


def _named(evidence_id: str) -> str:
    return f"{_assay(evidence_id)}: {_endpoint(evidence_id)}"


def _pulls(answer: JointPhi) -> dict[str, float]:
    """Return each endpoint's distance from the common phi in standard errors, positive towards aged.

    Without a sign where no direction of aging is declared: then nothing says which side is the aged one.
    """
    sign = {"greater": 1.0, "less": -1.0}
    rules = primary_phis()
    return {
        one: sign[rules[one].direction] * residual if _declared(one) else abs(residual)
        for one, residual in answer.residuals.items()
    }


def _declared(evidence_id: str) -> bool:
    return primary_phis()[evidence_id].direction != "either"


def say_joint(found: Agreement) -> None:
    """Say the answer of the joint test, and what to know beside it."""
    reporting.say(joint_text(found))
    if found.answer is not None:
        for remark in found.answer.warnings:
            reporting.say(f"Note: {remark}.")


def show_joint(chapter: Chapter, found: Agreement) -> None:
    """Show the endpoints of the joint test with their distance from the common phi, or nothing without a test."""
    answer = found.answer
    if answer is None or answer.withheld:
        return
    pull = _pulls(answer)
    used = [one for one in primary_phis() if one in pull]
    unsigned = "" if all(map(_declared, used)) else ", without a sign where no direction of aging is declared"
    figures.table(
        pd.DataFrame({"endpoint": [_named(one) for one in used], "distance, SE": [pull[one] for one in used]}),
        caption="How far each endpoint lies from the common phi, in standard errors: above 0 towards aged, below 0 "
        f"towards young{unsigned}. Unit and n: {_units_text(answer)}. Method: {answer.method}, {answer.bootstrap:,} "
        "replicates.",
        provenance=chapter.provenance,
        formats={"distance, SE": ".2f"},
    )


def _units_text(answer: JointPhi) -> str:
    return "; ".join(
        f"{table}: {answer.unit[table]}, " + ", ".join(f"{style.named(group)} {count}" for group, count in n.items())
        for table, n in answer.n.items()
    )


def show_left_out(found: Agreement) -> None:
    """Name the primary endpoints that take no part in the joint test, each with its reason."""
    if not found.left_out:
        reporting.say("No primary endpoint is left out of the test.")
        return
    figures.table(
        pd.DataFrame({"left out": [_named(one) for one in found.left_out], "why": list(found.left_out.values())}),
        caption="Primary endpoints that take no part in the test of one phi.",
    )


# --- The ledger at this point -----------------------------------------------------------------------------------------

_SIMULATED = {
    verdicts.RECOVERED: "recovers the planted effects of",
    verdicts.MISSED: "misses the planted effects of",
    verdicts.FALSE_ALARM: "raises a false alarm for",
    verdicts.RIGHTLY_SILENT: "is rightly silent on",
    verdicts.NOT_TESTABLE: "gives no verdict on",
}
_TESTED = {
    verdicts.SUPPORTED: "support what follows from",
    verdicts.CONTRADICTED: "contradict what follows from",
    verdicts.INCONCLUSIVE: "are inconclusive on",
    verdicts.NOT_TESTABLE: "cannot test",
}


def whole_ledger(chapter: Chapter, records: Sequence[Record]) -> dict:
    """Return the ledger of all the evidence read, as the build will have it."""
    own = chapter.provenance
    truth = worlds.load(own.world).truth if own.kind == "simulated" else None
    return ledger.build(list(records), own, catalogue.load(), truth)


def conclusions(whole: dict) -> dict[str, str]:
    """Return one sentence of conclusion for each kind of data: the data set's own, and public data for the premises.

    Parameters
    ----------
    whole : dict
        A ledger.

    Returns
    -------
    dict[str, str]
        Heading to sentence. Words of a simulated world say only what the analysis did.
    """
    dataset = whole["dataset"]
    by = _by_verdict(whole, "prediction")
    if dataset["provenance"] == "simulated":
        heading = "Simulated data"
        sentence = (
            f"In this simulated world (“{dataset['world']}”, seed {dataset['seed']}, numbers assumed) the analysis "
            f"{_clauses(by, _SIMULATED)}: this says nothing about mice."
        )
    elif dataset["example"]:
        heading = "Example data"
        words = _listed([f"“{verdict}” for {_listed(claims)}" for verdict, claims in by.items()])
        sentence = (
            f"The data “{dataset['title']}” were invented to show the format; the rules would read {words}, and this "
            "says nothing about mice."
        )
    else:
        heading = f"{dataset['provenance'].capitalize()} data"
        sentence = f"The {dataset['provenance']} data “{dataset['title']}” {_clauses(by, _TESTED)}."
    return {heading: sentence, "Premises, on public data": _premises(whole)}


def _premises(whole: dict) -> str:
    by = _by_verdict(whole, "premise")
    without = by.pop(verdicts.NOT_TESTABLE, [])
    parts = [f"Others' published data {_clauses(by, _PREMISES)}."] if by else []
    if without:
        parts.append(f"No public data at hand test a premise of {_listed(without)}.")
    if by:
        parts.append("A premise that holds is not the claim: no public data hold a knock-out.")
    return " ".join(parts)


_PREMISES = {
    verdicts.SUPPORTED: "support the premise of",
    verdicts.CONTRADICTED: "contradict the premise of",
    verdicts.INCONCLUSIVE: "are inconclusive on the premise of",
}


def _by_verdict(whole: dict, side: str) -> dict[str, list[str]]:
    by: dict[str, list[str]] = {}
    for claim in whole["claims"]:
        by.setdefault(claim[side]["verdict"], []).append(claim["id"])
    return by


def _clauses(by: Mapping[str, list[str]], words: Mapping[str, str]) -> str:
    return _listed([f"{text} {_listed(by[verdict])}" for verdict, text in words.items() if verdict in by])


def say_conclusions(whole: dict) -> None:
    """Say the conclusions, one paragraph for each kind of data."""
    for heading, sentence in conclusions(whole).items():
        reporting.say(f"**{heading}.** {sentence}")
