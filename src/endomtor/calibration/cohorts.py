"""One cohort: drawn, and put through the very functions that the book's records are compared with."""

from collections.abc import Mapping

import pandas as pd

from endomtor import analyses, ledger, worlds
from endomtor.analyses import rapamycin, transplants
from endomtor.analyses.judge import Judge
from endomtor.calibration import wrong
from endomtor.calibration.plan import Scenario
from endomtor.claims import catalogue, verdicts
from endomtor.claims.evidence import Record
from endomtor.worlds.world import GROUPS

TABLES = tuple(name for name in worlds.TABULAR if name not in ("survival", "ecko_verification", "exclusions"))
"""Tables with a decision rule."""


def tables_of(part: str) -> tuple[str, ...]:
    """Return the tables that a part draws."""
    return {
        "tables": TABLES,
        "courses": ("rapamycin_blood", "serial_transplants"),
        "expression": ("hspc_counts", "hspc_samples"),
    }[part]


def draw(scenario: Scenario, seed: int, part: str = "tables") -> dict[str, pd.DataFrame]:
    """Return the tables of one cohort, by their names in the contract."""
    tables = worlds.simulate_tables(scenario.drawn_from(), seed, tables_of(part))
    if scenario.keep:
        tables = worlds.thin(tables, scenario.keep, seed)
    if scenario.without:
        tables = worlds.without(tables, *scenario.without)
    return tables


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
    dataset = worlds.dataset(world, seed, tables=draw(scenario, seed, part))
    if part == "courses":
        return [{"seed": seed, **one} for one in courses(dataset.tables, world)], []
    found, judge = analyses.answers(dataset.tables), Judge(dataset)
    records = [judge.record(name, answer.estimate) for name, answer in found.items()]
    mistakes = wrong.mistakes(dataset.tables, found) if scenario.mistakes else []
    return _answers(records, world, seed), [{"seed": seed, **one} for one in mistakes]


def courses(tables: Mapping[str, pd.DataFrame], world: worlds.World) -> list[dict]:
    """Fit the mixed models of chapters 02 and 05 and return their contrasts with what was planted."""
    rows = []
    for one in rapamycin.over_days(tables).to_dict("records"):
        name = f"C2.blood.{one['analyte']}" + ("" if one["contrast"] == "averaged" else f".{one['contrast']}")
        rows.append(_course(one, name, "over days", world.value(name)))
    for one in transplants.over_weeks(tables).to_dict("records"):
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


def _answers(records: list[Record], world: worlds.World, seed: int) -> list[dict]:
    rows = []
    for record in records:
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
        side = ledger.side(claim, records, "prediction", truths)
        if side["primary"]:
            word = verdicts.data_word(side["verdict"], side["reason"])
            answer = {"word": word, "reason": side["reason"], "world_word": side["verdict"]}
            rows.append({"seed": seed, "id": claim.id, **answer})
    return rows


def frames(answers: list[dict], mistakes: list[dict]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both lists as tables, with numbers as numbers."""
    table = pd.DataFrame(
        answers, columns=["seed", "id", "estimate", "low", "high", "kind", "word", "reason", "planted", "world_word"]
    )
    numbers = ["estimate", "low", "high", "planted"]
    table[numbers] = table[numbers].astype(float)
    return table, pd.DataFrame(mistakes, columns=["seed", "name", "p_wrong", "p_right"])
