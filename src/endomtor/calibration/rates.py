"""From many cohorts to rates: false support, false contradiction, coverage, power; each beside its nominal level."""

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.calibration.plan import Plan, Scenario
from endomtor.claims import catalogue, cautions, verdicts
from endomtor.claims.catalogue import Rule
from endomtor.worlds import World

FALSE_SUPPORT, FALSE_CONTRADICTION, COVERAGE, POWER = "false support", "false contradiction", "coverage", "power"
MEASURES = (FALSE_SUPPORT, FALSE_CONTRADICTION, COVERAGE, POWER)
UNCAUTIONED = "false support without caution"
"""Of a claim that illness can feign: announced, and the inflammation score not raised in ECKO beyond age."""
HOLDS, BEYOND, CONSERVATIVE, NO_LEVEL = "holds", "beyond its limit", "conservative", "no level"
"""Of a rate against its nominal level: within its Monte Carlo limits, on their bad side, on their good one; none."""
COLUMNS = (
    "part", "scenario", "id", "measure", "planted", "count", "of", "drawn", "rate", "low", "high", "nominal", "limit",
    "typical", "judgement",
)  # fmt: skip
NULL, BETWEEN, TRUE, UNDEFINED = "null", "between", "true", "undefined"


def truth_of(world: World, rule: Rule) -> tuple[float | None, str]:
    """Return the planted value of a prediction and what it makes of the prediction.

    *null*: nothing that the rule may support (a difference of 0 or against the declared direction; phi at most the
    smallest of interest, or no aging in the declared direction). *true*: at least the smallest effect of interest.
    *between*: an effect, but a smaller one; only "the other way" is then wrong. *undefined*: the design lets nobody
    tell.
    """
    value, truth = world.value(rule.id), world.truth(rule.id)
    if truth is None:
        return None, UNDEFINED
    if truth or rule.rule == "phi":
        return value, TRUE if truth else NULL
    towards = abs(value) if rule.direction == "either" else value * (1 if rule.direction == "greater" else -1)
    return value, BETWEEN if towards > 0 else NULL


def tabulate(answers: pd.DataFrame, plan: Plan, scenario: Scenario, part: str) -> pd.DataFrame:
    """Count what the cohorts of one scenario say.

    Returns
    -------
    DataFrame
        One row per id and measure, with columns part, scenario, id, measure, planted (value), count, of (cohorts with a
        verdict), drawn (all cohorts), rate, low and high (95 % Clopper-Pearson limits of the rate), nominal (level that
        the rate should keep; NaN where there is none).
    """
    if part == "courses":
        return _with_rates(_courses(answers, plan, scenario))
    world, rules = scenario.drawn_from(), catalogue.load()
    rows = []
    known: dict[str, str] = {}
    for name, own in answers.groupby("id", sort=False):
        if "." not in name:
            continue
        rule = rules.rule(name)
        planted, truth = truth_of(world, rule)
        known[name] = truth
        tested = own[own["word"] != verdicts.NOT_TESTABLE]
        two_sided = rule.direction == "either"
        support = {NULL: FALSE_SUPPORT, TRUE: POWER}.get(truth)
        if support:
            nominal = plan.false_support * (2 if two_sided else 1) if support == FALSE_SUPPORT else np.nan
            rows.append((name, support, planted, (tested["word"] == verdicts.SUPPORTED).sum(), len(tested), nominal))
        contradicted = tested["word"] == verdicts.CONTRADICTED
        if truth == TRUE:
            rows.append((name, FALSE_CONTRADICTION, planted, contradicted.sum(), len(tested), plan.false_contradiction))
        if truth == BETWEEN:
            # That it is smaller than what matters may rightly be said, that it goes the other way may not.
            reversed_ = (contradicted & (tested["reason"] == verdicts.OPPOSITE)).sum()
            rows.append((name, FALSE_CONTRADICTION, planted, reversed_, len(tested), plan.false_support))
        if planted is not None and truth != UNDEFINED:
            rows.append((name, COVERAGE, planted, _covered(tested, planted).sum(), len(tested), plan.coverage))
    for claim in rules.claims:
        own = answers[(answers["id"] == claim.id) & (answers["word"] != verdicts.NOT_TESTABLE)]
        truths = {rule.id: known.get(rule.id, truth_of(world, rule)[1]) for rule in claim.primaries}
        if own.empty or UNDEFINED in truths.values():
            continue
        parts = [[truths[rule.id] for rule in part] for part in claim.parts.values()]
        supported = (own["word"] == verdicts.SUPPORTED).sum()
        # With fewer than the needed effects, however small, support is false.
        if all(len(part) - part.count(NULL) < claim.needed for part in parts):
            rows.append((claim.id, FALSE_SUPPORT, None, supported, len(own), plan.false_support))
        elif any(part.count(TRUE) >= claim.needed for part in parts):
            rows.append((claim.id, POWER, None, supported, len(own), np.nan))
            wrongly = (own["word"] == verdicts.CONTRADICTED).sum()
            rows.append((claim.id, FALSE_CONTRADICTION, None, wrongly, len(own), plan.false_contradiction))
    table = pd.DataFrame(rows, columns=["id", "measure", "planted", "count", "of", "nominal"])
    table.insert(0, "part", part)
    table.insert(1, "scenario", scenario.name)
    return _with_rates(table[table["of"] > 0].assign(drawn=answers["seed"].nunique()))


def _courses(answers: pd.DataFrame, plan: Plan, scenario: Scenario) -> pd.DataFrame:
    """Count how often the intervals of the mixed models hold what was planted: they decide nothing else."""
    rows = []
    for name, own in answers[answers["word"] != verdicts.NOT_TESTABLE].groupby("id", sort=False):
        planted = float(own["planted"].iat[0])
        rows.append((name, COVERAGE, planted, int(_covered(own, planted).sum()), len(own), plan.coverage))
    table = pd.DataFrame(rows, columns=["id", "measure", "planted", "count", "of", "nominal"])
    return table.assign(part="courses", scenario=scenario.name, drawn=answers["seed"].nunique())


def grid(answers: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """Count the verdicts on each claim in the words of the world.

    Returns
    -------
    DataFrame
        Columns scenario, claim, word (`verdicts.WORLD_WORDS`), count; no row where the part holds nothing of the claim.
    """
    counted = answers.dropna(subset=["world_word"]).groupby(["id", "world_word"], sort=True).size()
    table = counted.rename("count").reset_index().rename(columns={"id": "claim", "world_word": "word"})
    return table.assign(scenario=scenario.name)[["scenario", "claim", "word", "count"]]


def uncautioned(answers: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """Count how often illness passes for age: a claim is supported, and the inflammation score is not raised.

    Parameters
    ----------
    answers : DataFrame
        Of one scenario, all its parts: a seed draws the tables and the transcriptome of one cohort.

    Returns
    -------
    DataFrame
        As from `tabulate`, one row for each of `cautions.CLAIMS`, over cohorts in which claim and score were judged; no
        row in a world without inflammation.
    """
    judged = answers[answers["word"] != verdicts.NOT_TESTABLE].set_index("seed")
    score = judged.loc[judged["id"] == cautions.INFLAMMATION, "low"]
    rows = []
    for claim in cautions.CLAIMS if scenario.drawn_from().inflammation else ():
        words = judged.loc[judged["id"] == claim, "word"]
        both = words.index.intersection(score.index)
        count = ((words[both] == verdicts.SUPPORTED) & ~(score[both] > 0)).sum()
        rows.append(("expression", scenario.name, claim, UNCAUTIONED, None, int(count), len(both), np.nan))
    columns = ["part", "scenario", "id", "measure", "planted", "count", "of", "nominal"]
    table = pd.DataFrame(rows, columns=columns)
    return _with_rates(table[table["of"] > 0].assign(drawn=answers["seed"].nunique()))


def tabulate_mistakes(mistakes: pd.DataFrame, scenario: Scenario, part: str) -> pd.DataFrame:
    """Count how often p lies below 0.05 in the wrong analyses ("wrong") and in their right twins ("right").

    Returns
    -------
    DataFrame
        Columns part, scenario, id, measure, planted, count, of, drawn, rate, low, high, nominal (0.05 for the right
        ones). Only the mistakes for which the scenario is a null.
    """
    rows = []
    for name, own in mistakes.groupby("name", sort=False):
        if not name.startswith(scenario.mistakes):
            continue
        for measure, nominal in (("wrong", np.nan), ("right", 0.05)):
            p = own[f"p_{measure}"].dropna()
            rows.append((part, scenario.name, name, measure, 0.0, int((p < 0.05).sum()), len(p), nominal))
    columns = ["part", "scenario", "id", "measure", "planted", "count", "of", "nominal"]
    table = pd.DataFrame(rows, columns=columns)
    return _with_rates(table[table["of"] > 0].assign(drawn=mistakes["seed"].nunique()))


def judged(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Add the Monte Carlo limits of each nominal level and whether the rate lies beyond them.

    `limit` is the rate that is passed with probability (1 - joint) / (2 rows) where the nominal level is just kept
    (exact binomial), so that with the stated probability no row at all passes its limit; `typical` is the same on the
    side of caution. Rows of scenarios that are biased by design have no nominal level.
    """
    biased = {one.name for one in plan.scenarios if one.biased}
    table = table.copy()
    table.loc[table["scenario"].isin(biased), "nominal"] = np.nan
    nominal = table["nominal"].notna()
    tail = (1 - plan.joint) / (2 * max(1, int(nominal.sum())))
    of, share = table["of"].to_numpy(float), table["nominal"].to_numpy(float)
    upper = stats.binom.isf(tail, of, share) / of
    lower = (stats.binom.ppf(tail, of, share)) / of
    caution_is_high = (table["measure"] == COVERAGE).to_numpy()
    table["limit"] = np.where(caution_is_high, lower, upper)
    table["typical"] = np.where(caution_is_high, upper, lower)
    rate = table["rate"].to_numpy()
    beyond = np.where(caution_is_high, rate < table["limit"], rate > table["limit"])
    cautious = np.where(caution_is_high, rate > table["typical"], rate < table["typical"])
    words = np.select([~nominal, beyond, cautious], [NO_LEVEL, BEYOND, CONSERVATIVE], HOLDS)
    return table.assign(judgement=words)[list(COLUMNS)]


def errors_of_estimates(answers: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """Return, per id, the planted value, the median estimate and the bias, their difference."""
    world, rules = scenario.drawn_from(), catalogue.load()
    if "planted" in answers and answers["planted"].notna().any():
        found = answers.groupby("id", sort=False).agg(planted=("planted", "first"), median=("estimate", "median"))
        found = found.assign(bias=found["median"] - found["planted"], scenario=scenario.name).reset_index()
        return found[["scenario", "id", "planted", "median", "bias"]]
    rows = []
    for name, own in answers.dropna(subset=["estimate"]).groupby("id", sort=False):
        planted, truth = truth_of(world, rules.rule(name))
        if planted is None or truth == UNDEFINED:
            continue
        median = float(own["estimate"].median())
        rows.append((scenario.name, name, planted, median, median - planted))
    return pd.DataFrame(rows, columns=["scenario", "id", "planted", "median", "bias"])


def _covered(rows: pd.DataFrame, planted: float) -> pd.Series:
    low, high = rows["low"].fillna(-np.inf), rows["high"].fillna(np.inf)
    outside_two = (planted <= low) | (planted >= high)
    return np.where(rows["kind"] == "two_piece", outside_two, (low <= planted) & (planted <= high))


def _with_rates(table: pd.DataFrame) -> pd.DataFrame:
    count, of = table["count"].to_numpy(float), table["of"].to_numpy(float)
    low = np.where(count == 0, 0.0, stats.beta.ppf(0.025, count, of - count + 1))
    high = np.where(count == of, 1.0, stats.beta.ppf(0.975, count + 1, of - count))
    return table.assign(rate=count / of, low=low, high=high)
