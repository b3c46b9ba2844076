"""One cohort: drawn, and put through the very functions that the chapters call."""

import io
from contextlib import redirect_stdout

import pandas as pd

from endomtor import ledger, worlds
from endomtor.analyses import ecko_phenotypes, mtor_decline, rapamycin, transcriptome, transplants
from endomtor.calibration import wrong
from endomtor.calibration.plan import Scenario
from endomtor.chapter import Chapter
from endomtor.claims import catalogue, verdicts
from endomtor.worlds.world import GROUPS

CHAPTER = "07_calibration"
TABLES = tuple(name for name in worlds.TABULAR if name not in ("survival", "ecko_verification", "exclusions"))
"""Tables with a decision rule."""


def tables_of(part: str) -> tuple[str, ...]:
    """Return the tables that a part draws."""
    return {
        "tables": TABLES,
        "courses": ("rapamycin_blood", "serial_transplants"),
        "expression": ("hspc_counts", "hspc_samples"),
    }[part]


def cohort(scenario: Scenario, seed: int, part: str) -> tuple[list[dict], list[dict]]:
    """Draw one cohort and analyse it.

    Returns
    -------
    answers : list of dict
        One per record and claim: seed, id, estimate, low, high, kind (of the interval), word (`verdicts.DATA_WORDS`),
        reason. A claim has no numbers, but also its word in the world (`verdicts.WORLD_WORDS`). Of courses: their id,
        numbers and planted value.
    mistakes : list of dict
        One per tempting wrong analysis and its right twin: seed, name, p_wrong, p_right (see `wrong`).
    """
    world = scenario.drawn_from()
    tables = worlds.simulate_tables(world, seed, tables_of(part))
    if scenario.keep:
        tables = worlds.thin(tables, scenario.keep, seed)
    if scenario.without:
        tables = worlds.without(tables, *scenario.without)
    chapter = Chapter(CHAPTER, worlds.dataset(world, seed, tables=tables))
    if part == "courses":
        return [{"seed": seed, **one} for one in courses(chapter, world)], []
    # Analyses may say sentences for their page; here nobody reads them.
    with redirect_stdout(io.StringIO()):
        mistakes = analyse(chapter, part, mistakes=bool(scenario.mistakes))
    return _answers(chapter, world, seed), [{"seed": seed, **one} for one in mistakes]


def analyse(chapter: Chapter, part: str, *, mistakes: bool = False) -> list[dict]:
    """Call what the notebooks call, in their order: the evidence is then in `chapter.records`. Return the mistakes."""
    if part == "expression":
        data = transcriptome.transcriptomes(chapter)
        transcriptome.phi(chapter, data, transcriptome.scores(data))
        transcriptome.phi_genes(chapter, data)
        return wrong.in_expression(data) if mistakes else []
    markers = mtor_decline.markers(chapter)
    marker_answers = mtor_decline.compare_markers(chapter, markers)
    rapamycin.compare_blood(chapter, rapamycin.change_from_baseline(rapamycin.blood(chapter)))
    rapamycin.compare_marrow(chapter, rapamycin.marrow(chapter))
    blood = ecko_phenotypes.blood(chapter)
    blood_answers = ecko_phenotypes.compare(chapter, blood, "ecko_blood")
    ecko_phenotypes.compare(chapter, ecko_phenotypes.marrow(chapter), "ecko_marrow")
    cells = ecko_phenotypes.cells(chapter)
    ecko_phenotypes.compare(chapter, ecko_phenotypes.per_animal(cells), "ecko_cells")
    dilution = ecko_phenotypes.dilution(chapter)
    dilution_answers = ecko_phenotypes.compare(chapter, ecko_phenotypes.donors(dilution), "ecko_limiting_dilution")
    recipients = transplants.recipients(chapter)
    transplant_answers = transplants.compare(chapter, recipients)
    if not mistakes:
        return []
    return [
        *wrong.cells_as_n(cells),
        *wrong.recipients_as_n(recipients, transplant_answers),
        *wrong.elda(dilution, dilution_answers),
        *wrong.raw_percentages(blood_answers, chapter.dataset.get("ecko_blood")),
        *wrong.uncorrected_markers(marker_answers),
    ]


def courses(chapter: Chapter, world: worlds.World) -> list[dict]:
    """Fit the mixed models of chapters 02 and 05 and return their contrasts with what was planted."""
    rows = []
    blood = rapamycin.blood(chapter)
    answers = rapamycin.compare_blood(chapter, rapamycin.change_from_baseline(blood))
    for one in rapamycin.over_days(blood, answers).to_dict("records"):
        name = f"C2.blood.{one['analyte']}" + ("" if one["contrast"] == "averaged" else f".{one['contrast']}")
        rows.append(_course(one, name, "over days", world.value(name)))
    for one in transplants.over_weeks(transplants.recipients(chapter)).to_dict("records"):
        endpoint = f"transplant.{one['readout']}"
        share = world.endpoints.transplant[one["readout"]].by_passage[one["passage"] - 1]
        planted = dict(zip(GROUPS, share * world.shifts(endpoint), strict=True))
        slope = one["what"] == "slope per week"
        name = f"C5.{endpoint}.p{one['passage']}.{one['a']}-{one['b']}"
        effect = 0.0 if slope else planted[one["a"]] - planted[one["b"]]
        rows.append(_course(one, name, "slope" if slope else "over weeks", effect))
    return rows


def _course(one: dict, name: str, what: str, planted: float | None) -> dict:
    word = verdicts.NOT_TESTABLE if one["withheld"] or planted is None else ""
    numbers = {"estimate": one["estimate"], "low": one["low"], "high": one["high"], "kind": "bounded"}
    return {"id": f"{name} {what}", **numbers, "word": word, "reason": "", "planted": planted}


def _answers(chapter: Chapter, world: worlds.World, seed: int) -> list[dict]:
    rows = []
    for record in chapter.records:
        rows.append(
            {
                "seed": seed,
                "id": record.id,
                "estimate": record.estimate,
                "low": record.ci_low,
                "high": record.ci_high,
                "kind": record.interval_kind,
                "word": verdicts.data_word(record.verdict, record.reason),
                "reason": record.reason,
            }
        )
    for claim in catalogue.load().claims:
        truths = {rule.id: world.truth(rule.id) for rule in claim.primaries}
        side = ledger.side(claim, chapter.records, "prediction", truths)
        if side["primary"]:
            word = verdicts.data_word(side["verdict"], side["reason"])
            about = {"word": word, "reason": side["reason"], "world_word": side["verdict"]}
            rows.append({"seed": seed, "id": claim.id, **about})
    return rows


def frames(answers: list[dict], mistakes: list[dict]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both lists as tables, with numbers as numbers."""
    table = pd.DataFrame(
        answers, columns=["seed", "id", "estimate", "low", "high", "kind", "word", "reason", "planted", "world_word"]
    )
    numbers = ["estimate", "low", "high", "planted"]
    table[numbers] = table[numbers].astype(float)
    return table, pd.DataFrame(mistakes, columns=["seed", "name", "p_wrong", "p_right"])
