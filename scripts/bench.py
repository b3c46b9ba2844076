"""Measure the speed of the analyses, each beside what a user would write instead with scipy, statsmodels or pydeseq2.

Run by `make bench`: `.venv/bin/python scripts/bench.py [--quick] [--keep [DIR]]`. Both sides of a row get the same data
in the same process, in turns; a row counts only if their answers agree. Numbers are medians of five rounds, with one
thread for linear algebra. Seconds are of processor time: on idle cores a clock on the wall shows the same, and other
programs cannot change it by taking their share. The ratio is ours / alternative: below 1 ours is the faster one.
"""

import argparse
import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import product
from math import comb
from multiprocessing import get_context
from statistics import mean, median

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from scipy import stats as scipy_stats
from threadpoolctl import threadpool_limits

from endomtor import calibration, public, stats, worlds
from endomtor.analyses import ecko_phenotypes, mtor_decline, rapamycin, transcriptome, transplants
from endomtor.building import performance
from endomtor.building.performance import Row, amount
from endomtor.calibration import cohorts
from endomtor.stats import amounts, expression

SCENARIO = "edge"
"""The scenario of `data/calibration.toml` that is drawn: the one that has every part."""

PROCESSES = 2
COHORTS = 1000
TRANSCRIPTOMES = 50
UNIT = "s CPU"
LEAST = 0.05
"""Seconds that a timing lasts at least; what is quicker is repeated in it."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    processes: int
    cohorts: int
    genes: int
    ranked: int
    grid: int


FULL = Size(rounds=5, processes=PROCESSES, cohorts=2, genes=2000, ranked=15_000, grid=2000)
QUICK = Size(rounds=1, processes=1, cohorts=1, genes=200, ranked=1500, grid=200)


def compared(what: str, ours: float, alternative: float, note: str, target: float | None = None) -> Row:
    """Return one comparison: seconds of both sides, and the most that ours may take."""
    beside = f"{amount(alternative, UNIT)}; ratio {ours / alternative:.2g}"
    return Row(what, ours, UNIT, target, beside, note)


class Disagreement(Exception):
    """Both sides of a row gave different answers, so that their times compare nothing."""


def agree(what: str, ours, other, tolerance) -> None:
    """Raise `Disagreement` where two answers differ by more than `tolerance`."""
    apart = np.abs(np.asarray(ours, float) - np.asarray(other, float))
    # Written so that a NaN disagrees.
    if apart.size == 0 or not np.all(apart <= tolerance):
        raise Disagreement(f"{what}: the answers differ by up to {np.max(apart, initial=0):.3g}, so times say nothing.")


def seconds(call: Callable[[], object]) -> float:
    """Return the seconds that one call takes, over as many calls as fill `LEAST`."""
    calls, start = 0, time.process_time()
    while (passed := time.process_time() - start) < LEAST or not calls:
        call()
        calls += 1
    return passed / calls


def in_turns(size: Size, ours: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Return the median seconds of both, measured in turns so that a busy machine slows both."""
    ours(), other()
    rounds = [(seconds(ours), seconds(other)) for _ in range(size.rounds)]
    return median(one for one, _ in rounds), median(other for _, other in rounds)


# --- Many cohorts -----------------------------------------------------------------------------------------------------


def ols_contrasts(rows: pd.DataFrame, cell: str, contrasts: Sequence[dict], blocks: Sequence[str]) -> tuple:
    """Estimate contrasts of cell means by statsmodels, with additive blocks; return estimates and covariance."""
    formula = f"value ~ 0 + C(Q('{cell}'))" + "".join(f" + C({block})" for block in blocks)
    model = smf.ols(formula, rows).fit()
    weights = np.zeros((len(contrasts), len(model.params)))
    for line, contrast in zip(weights, contrasts, strict=True):
        for name, weight in contrast.items():
            line[sorted(rows[cell].unique()).index(name)] = weight
    answer = model.t_test(weights)
    answer.conf_int()
    return answer.effect, weights @ model.cov_params().to_numpy() @ weights.T, model.df_resid


def plain_difference(rows: pd.DataFrame, cell: str, a: str, b: str, blocks: Sequence[str]) -> float:
    """Estimate a - b with its interval: Welch's t test by scipy, or least squares with blocks by statsmodels."""
    used = rows[rows[cell].isin([a, b])]
    varying = [block for block in blocks if used[block].nunique() > 1]
    if varying:
        return float(ols_contrasts(used, cell, [{a: 1, b: -1}], varying)[0][0])
    values = [used.loc[used[cell] == name, "value"] for name in (a, b)]
    scipy_stats.ttest_ind(*values, equal_var=False).confidence_interval()
    return float(values[0].mean() - values[1].mean())


def plain_phi(rows: pd.DataFrame, cell: str, blocks: Sequence[str]) -> float:
    """Estimate phi with Fieller's closed formula from one fit with a pooled variance."""
    varying = [block for block in blocks if rows[block].nunique() > 1]
    contrasts = [{"ecko": 1, "control": -1}, {"aged": 1, "young": -1}]
    (above, below), covariance, df = ols_contrasts(rows, cell, contrasts, varying)
    t2 = scipy_stats.t.ppf(0.975, df) ** 2
    np.roots(
        [
            below**2 - t2 * covariance[1, 1],
            -2 * (above * below - t2 * covariance[0, 1]),
            above**2 - t2 * covariance[0, 0],
        ]
    )
    return float(above / below)


def plain_tables(prepared: dict) -> dict[str, float]:
    """Analyse the prepared values of one cohort in plain loops; return the estimates by their evidence id."""
    found = {}
    for name, rows in prepared["markers"].items():
        found[name] = plain_difference(rows, "group", "aged", "young", ["batch"])
    young, aged = ({f"{age} rapamycin": 1, f"{age} vehicle": -1} for age in ("young", "aged"))
    averaged = {name: weight / 2 for name, weight in (young | aged).items()}
    interaction = aged | {name: -weight for name, weight in young.items()}
    for name, rows in prepared["rapamycin"].items():
        effects = ols_contrasts(rows, "arm", [young, aged, averaged, interaction], ["batch"])[0]
        found |= dict(zip([f"{name}.young", f"{name}.aged", name], effects, strict=False))
    for name, (rows, cell, blocks) in prepared["phi"].items():
        for a, b in (("aged", "young"), ("ecko", "control")):
            plain_difference(rows, cell, a, b, blocks)
        found[name] = plain_phi(rows, cell, blocks)
    return found


def prepare_tables(tables: dict[str, pd.DataFrame]) -> dict:
    """Return the values that the chapters test: evidence id to rows."""
    changes = rapamycin.change_from_baseline(in_arms(tables["rapamycin_blood"]))
    marrow = amounts.endpoints(in_arms(tables["rapamycin_marrow"]))
    marrow = marrow.assign(value=marrow["log2"])
    of_phi = {}
    for values in (
        ecko_phenotypes.blood(tables["ecko_blood"]),
        ecko_phenotypes.marrow(tables["ecko_marrow"]),
        ecko_phenotypes.per_animal(tables["ecko_cells"]),
        ecko_phenotypes.donors(tables["ecko_limiting_dilution"]),
    ):
        blocks = ["batch"] if "batch" in values else []
        of_phi |= {name: (rows, "group", blocks) for name, rows in values.groupby("id")}
    for name, rows in transplants.exposed_animals(tables).items():
        of_phi[name] = (rows, "niche", ["donor", "batch"])
    signals = mtor_decline.log2_signals(tables["bmec_signaling"])
    return {
        "markers": {f"C1.signaling.{name}": rows for name, rows in signals.groupby("marker")},
        "rapamycin": {f"C2.blood.{name}": rows for name, rows in changes.groupby("analyte")}
        | {f"C2.marrow.{name}": rows for name, rows in marrow.groupby("endpoint")},
        "phi": of_phi,
    }


def in_arms(table: pd.DataFrame) -> pd.DataFrame:
    """Add the logarithm and the arm, age and treatment."""
    return table.assign(log2=np.log2(table["value"]), arm=table["age_group"] + " " + table["treatment"])


def crossed(rows: pd.DataFrame, formula: str, random: Sequence[str]):
    """Fit random intercepts by statsmodels; crossed ones need one group for all rows."""
    components = {name: f"0 + C(Q('{name}'))" for name in random}
    model = smf.mixedlm(formula, rows.assign(everything=1), groups="everything", re_formula="0", vc_formula=components)
    return model.fit(reml=True)


def cell_mean(fit, rows: pd.DataFrame, over: str, **cell: str) -> np.ndarray:
    """Return what the fixed effects of a cell are weighted with, each level of `over` alike."""
    own = (rows[list(cell)] == pd.Series(cell)).all(axis=1).to_numpy()
    design = pd.DataFrame(fit.model.exog[own]).groupby(rows.loc[own, over].to_numpy()).first()
    return design.mean().to_numpy()


def z_tests(fit, weights: np.ndarray) -> np.ndarray:
    """Test linear combinations of the fixed effects, as statsmodels does it for a mixed model: by z."""
    answer = fit.t_test(weights)
    answer.conf_int()
    return answer.effect


def niche_course(rows: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """Fit niche * week with every random intercept of chapter 05; return the contrasts at the middle and the slopes."""
    random = ["exposed animal", "donor", "batch"]
    random += ["recipient"] * (rows["recipient"].nunique() > rows["exposed animal"].nunique())
    fit = crossed(rows, "value ~ C(niche) * week", random)
    slope = np.array([":week" in name or name == "week" for name in fit.model.exog_names])
    middle, weights = rows["week"].unique().mean(), {}
    for a, b in (("aged", "young"), ("ecko", "control")):
        level = cell_mean(fit, rows, "week", niche=a) - cell_mean(fit, rows, "week", niche=b)
        weights[a, b, "over weeks"], weights[a, b, "slope"] = level, np.where(slope, level / middle, 0)
    return dict(zip(weights, z_tests(fit, np.array(list(weights.values()))), strict=True))


def plain_courses(prepared: dict) -> dict[str, float]:
    """Fit the mixed models of one cohort with statsmodels; return the estimates by their names in the calibration."""
    found = {}
    for analyte, rows in prepared["blood"].items():
        fit = crossed(rows, "log2 ~ C(age_group) * C(treatment) * C(day) + baseline", ["animal", "batch"])
        weights = {}
        for age in ("young", "aged"):
            cells = [
                cell_mean(fit, rows, "day", age_group=age, treatment=treatment)
                for treatment in ("rapamycin", "vehicle")
            ]
            weights[f".{age}"] = cells[0] - cells[1]
            # Each animal has its own baseline, but the treatments are compared at one.
            weights[f".{age}"][fit.model.exog_names.index("baseline")] = 0
        weights[""] = (weights[".young"] + weights[".aged"]) / 2
        effects = z_tests(fit, np.array(list(weights.values())))
        fit.wald_test_terms(scalar=True)
        found |= {f"C2.blood.{analyte}{name} over days": one for name, one in zip(weights, effects, strict=True)}
    for (readout, passage), rows in prepared["transplants"].items():
        for (a, b, what), effect in niche_course(rows).items():
            found[f"C5.transplant.{readout}.p{passage}.{a}-{b} {what}"] = effect
    return found


def prepare_courses(tables: dict[str, pd.DataFrame]) -> dict:
    """Return the rows of each mixed model."""
    blood = {}
    for analyte, rows in in_arms(tables["rapamycin_blood"]).groupby("analyte"):
        before = rows[rows["day"] <= 0].groupby("animal")["log2"].mean()
        after = rows[(rows["day"] > 0) & rows["log2"].notna()]
        blood[analyte] = after.assign(baseline=after["animal"].map(before))
    recipients = transplants.recipients(tables)
    grafts = {
        (readout, passage): rows.assign(value=rows[readout]).dropna(subset=["value"])
        for readout in transplants.READOUTS
        for passage, rows in recipients.groupby("passage")
    }
    return {"blood": blood, "transplants": grafts}


def drawn(seed: int, part: str) -> dict[str, pd.DataFrame]:
    """Draw one cohort."""
    scenario = calibration.load().scenario(SCENARIO)
    return worlds.dataset(scenario.drawn_from(), seed, tables=cohorts.draw(scenario, seed, part)).tables


def time_cohorts(part: str, seeds: Sequence[int], genes: int) -> tuple[float, float]:
    """Return the seconds per cohort of both sides, in turns over cohorts, having compared their answers."""
    if part == "expression":
        pairs = [transcriptome_pair(seed, genes) for seed in seeds]
    else:
        pairs = [table_pair(seed, part) for seed in seeds]
    return mean(one for one, _ in pairs), mean(other for _, other in pairs)


def once(call: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds of one call, and its answer."""
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def table_pair(seed: int, part: str) -> tuple[float, float]:
    """Time one cohort: ours with drawing and verdicts, the other side on values that are prepared before the clock."""
    prepare, plain = {"tables": (prepare_tables, plain_tables), "courses": (prepare_courses, plain_courses)}[part]
    prepared = prepare(drawn(seed, part))
    other, estimates = once(lambda: plain(prepared))
    ours, (answers, _) = once(lambda: cohorts.cohort(calibration.load().scenario(SCENARIO), seed, part))
    mine = pd.DataFrame(answers).drop_duplicates("id").set_index("id").loc[list(estimates)]
    # Least squares must agree to rounding; two optimisers of a REML likelihood to a part of the interval.
    tolerance = 1e-6 if part == "tables" else 0.02 * (mine["high"] - mine["low"])
    agree(f"cohort {seed}, {part}", mine["estimate"], list(estimates.values()), tolerance)
    return ours, other


def transcriptome_pair(seed: int, genes: int) -> tuple[float, float]:
    """Time the genes of one cohort: DESeq2 of two contrasts and both phi, against pydeseq2 twice and a correlation."""
    data = transcriptome.transcriptomes(drawn(seed, "expression"))
    signature, _ = public.hsc_aging.signature()
    counts, animals = data.counts.iloc[:genes], data.animals
    pairs = {f"{a} - {b}": (a, b) for a, b in stats.pairs(animals["group"])}
    from pydeseq2.ds import DeseqStats

    from endomtor.stats.negative_binomial import AllGenes, GeneFit
    from endomtor.stats.resemblance import project

    about = {"sample": "animal", "min_mean": transcriptome.MIN_MEAN, "block": "batch"}

    def ours():
        mice = animals.set_index("animal")[["group", "batch"]]
        how = {"inference": AllGenes(), "quiet": True}
        design = "~0 + group + batch" if mice["batch"].nunique() > 1 else "~0 + group"
        fit = GeneFit(counts=counts[mice.index].T, metadata=mice, design=design, low_memory=True, **how)
        fit.deseq2()
        tables = {}
        for name, (a, b) in pairs.items():
            test = DeseqStats(fit, contrast=["group", a, b], alpha=0.1, independent_filter=False, **how)
            test.summary()
            table = tables[name] = test.results_df
            table["padj"] = expression.independent_filter(table["baseMean"], table["pvalue"], alpha=0.1)
        logs = expression.log_counts(counts[mice.index], min_mean=transcriptome.MIN_MEAN)
        scores = animals.assign(score=project(logs, signature["average"]).to_numpy())
        stats.phi(scores, value="score", group="group", unit="animal", direction="greater", block="batch")
        stats.transcriptome_phi_genes(counts, animals, **about)
        return tables

    mine, tables = once(ours)
    other, plain = once(lambda: plain_transcriptome(counts, animals, pairs))
    for name in pairs:
        both = tables[name].join(plain[name], rsuffix="_other").dropna()
        both = both[both["baseMean"] >= transcriptome.MIN_MEAN]
        r = np.corrcoef(both["log2FoldChange"], both["log2FoldChange_other"])[0, 1]
        agree(f"transcriptome {seed}, {name}: correlation of fold changes", 1.0, r, 0.05)
    return mine, other


def plain_transcriptome(counts: pd.DataFrame, animals: pd.DataFrame, pairs: dict) -> dict[str, pd.DataFrame]:
    """Fit pydeseq2 once per contrast and correlate the fold changes: the usual recipe."""
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    found, inference = {}, DefaultInference(n_cpus=1)
    with redirect_stdout(io.StringIO()):
        for name, (a, b) in pairs.items():
            own = animals[animals["group"].isin([a, b])].set_index("animal")
            design = "~batch + group" if own["batch"].nunique() > 1 else "~group"
            dataset = DeseqDataSet(
                counts=counts[own.index].T, metadata=own, design=design, inference=inference, quiet=True
            )
            dataset.deseq2()
            tested = DeseqStats(dataset, contrast=["group", a, b], inference=inference, quiet=True)
            tested.summary()
            found[name] = tested.results_df
    first, second = (table["log2FoldChange"].fillna(0.0) for table in found.values())
    scipy_stats.pearsonr(first, second)
    return found


def prepare_process() -> None:
    """Give a process one thread for linear algebra, and silence what both sides warn of in every round."""
    threadpool_limits(1)
    # Fits at the boundary are ordinary here; whether an answer is right is looked at, not guessed from warnings.
    warnings.simplefilter("ignore")


@contextmanager
def workers(size: Size) -> Iterator[Callable]:
    """Processes as `calibrate` starts them; `run(part, chunks, genes)` times chunks of seeds."""
    if size.processes == 1:
        yield lambda part, chunks, genes: [time_cohorts(part, chunk, genes) for chunk in chunks]
        return
    with ProcessPoolExecutor(size.processes, mp_context=get_context("spawn"), initializer=prepare_process) as pool:

        def run(part: str, chunks: list, genes: int) -> list[tuple[float, float]]:
            return [one.result() for one in [pool.submit(time_cohorts, part, chunk, genes) for chunk in chunks]]

        yield run


def time_part(size: Size, run: Callable, part: str, each: int) -> tuple[float, float]:
    """Return the median over rounds of the seconds per cohort; each round has cohorts of its own."""
    seed, rounds = calibration.load().seed, []
    if size.processes > 1:
        # New processes import and fill caches first; a long run does so once.
        run(part, [range(seed, seed + 1)] * size.processes, QUICK.genes)
    for _ in range(size.rounds):
        chunks = [range(seed + each * place, seed + each * (place + 1)) for place in range(size.processes)]
        seed = chunks[-1].stop
        rounds.append([mean(side) for side in zip(*run(part, chunks, size.genes), strict=True)])
    return median(one for one, _ in rounds), median(other for _, other in rounds)


def many_cohorts(size: Size) -> list[Row]:
    """Time calibration: tables, courses, both with the start of the processes, and transcriptomes."""
    with workers(size) as run:
        few = max(1, size.cohorts // 2)
        tables, courses = time_part(size, run, "tables", size.cohorts), time_part(size, run, "courses", few)
        genes = time_part(size, run, "expression", 1)
    start = 0.0
    if size.processes > 1:
        before = os.times()
        own, _ = once(lambda: calibration.calibrate(2, scenarios=[SCENARIO], parts=["tables"], jobs=size.processes))
        after = os.times()
        theirs = sum(getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
        # Both cohorts went to one process, and the others started beside it.
        start = own + (theirs - 2 * tables[0]) / size.processes
    per = [COHORTS / PROCESSES * np.array(part) for part in (tables, courses)]

    def scaled(each: int) -> str:
        return f"Measured on {size.rounds * size.processes * each} cohorts, processes: {size.processes}; scaled to two"

    return [
        compared(
            f"{COHORTS:,} cohorts: every test of the tables",
            *per[0].tolist(),
            f"{scaled(size.cohorts)}. Ours draws, checks, tests, inverts Fieller's test, adjusts, "
            "gives verdicts, and does the tempting wrong analyses too; "
            "alternative: a loop of scipy's Welch test, or statsmodels OLS with blocks and t_test, and Fieller's "
            "formula with a pooled variance, on values prepared before the clock.",
        ),
        compared(
            f"{COHORTS:,} cohorts: mixed models over time",
            *per[1].tolist(),
            f"{scaled(few)}. Ours with Kenward-Roger; alternative: statsmodels MixedLM of the same model, z tests "
            "only, on values prepared before the clock.",
        ),
        compared(
            f"{COHORTS:,} cohorts: both together",
            *(start + sum(per)).tolist(),
            f"The two rows above and, once on either side, the start of `calibrate` and its counting ({start:.1f} s).",
            60.0,
        ),
        compared(
            f"{TRANSCRIPTOMES} transcriptomes of {size.genes:,} genes, phi",
            *(TRANSCRIPTOMES / PROCESSES * np.array(genes)).tolist(),
            f"{scaled(1)}; the first genes of each cohort. Ours: DESeq2 of both contrasts from one fit, phi over "
            "animals and over genes; alternative: "
            "pydeseq2 fitted once per contrast, then the correlation of fold changes, which has no interval over "
            "animals. Not Welch tests per gene: they answer another question for counts.",
            180.0,
        ),
    ]


# --- Single functions -------------------------------------------------------------------------------------------------


def mixed(size: Size) -> list[Row]:
    """Time one course of chapter 05."""
    rows = prepare_courses(drawn(calibration.load().seed, "courses"))["transplants"]["chimerism", 2]

    def ours() -> list[float]:
        fit = stats.mixed_model(
            rows,
            value="value",
            fixed=["niche", "week"],
            unit="exposed animal",
            subunit="recipient",
            block=["donor", "batch"],
            levels={"niche": ["aged", "ecko", "control", "young"]},
        )
        middle = {"week": float(np.mean(rows["week"].unique()))}
        tables = fit.contrasts("niche", at=middle, adjust=None), fit.slope_contrasts("week", between="niche")
        found = [table.set_index("contrast")["estimate"] for table in tables]
        return [table[pair] for pair in ("aged - young", "ecko - control") for table in found]

    answer = list(niche_course(rows).values())
    agree("mixed model", ours(), answer, 0.02 * np.ptp(answer))
    return [
        compared(
            "mixed model, Kenward-Roger",
            *in_turns(size, ours, lambda: niche_course(rows)),
            f"{len(rows)} rows of a simulated transplant course, four crossed or nested random intercepts. "
            "Alternative: statsmodels MixedLM of the same model; it has z tests only.",
        )
    ]


def rank_overlap(size: Size) -> list[Row]:
    """Time the rank-rank map against the double loop over its cells."""
    rng = np.random.default_rng(1)
    genes = [f"gene{place}" for place in range(size.ranked)]
    x = pd.Series(rng.normal(size=size.ranked), genes)
    y = 0.3 * x + rng.normal(size=size.ranked)
    coarse = size.ranked // 10
    # Sorted before the clock: what is measured on a few cells is scaled by their number, and sorting happens once.
    first, second = (list(series.sort_values(ascending=False).index) for series in (x, y))

    def naive() -> list[float]:
        cells = []
        for a, b in product(range(coarse, size.ranked + 1, coarse), repeat=2):
            overlap = len(set(first[:a]) & set(second[:b]))
            cells.append(-scipy_stats.hypergeom.logsf(overlap - 1, size.ranked, a, b))
        return cells

    found = stats.rrho(x, y)
    every = coarse // 50
    agree("rank-rank map", found.log_up[every - 1 :: every, every - 1 :: every].ravel(), naive(), 1e-5)
    ours, hundred = in_turns(size, lambda: stats.rrho(x, y), naive)
    cells = found.count.size
    return [
        compared(
            f"rank-rank map of {size.ranked:,} genes",
            ours,
            hundred / 100 * cells,
            f"{cells:,} cells, both directions. Alternative: a double loop with scipy.stats.hypergeom.logsf in one "
            "direction, measured on 10 x 10 cells and scaled by the number of cells.",
            1.0,
        )
    ]


def phi(size: Size) -> list[Row]:
    """Time phi with its Fieller set against a search over a grid of phi."""
    rng = np.random.default_rng(2)
    shift = {"young": 0.0, "aged": 1.5, "control": 0.0, "ecko": 0.8}
    frame = pd.DataFrame([(name, mu + rng.normal(scale=0.4)) for name, mu in shift.items() for _ in range(8)])
    frame = frame.set_axis(["group", "value"], axis=1).assign(animal=[f"mouse {place}" for place in range(32)])
    grid = np.linspace(-5, 5, size.grid)

    def ours():
        return stats.phi(frame, value="value", group="group", unit="animal", direction="greater")

    def tests() -> Callable:
        """The t test of N - phi D with Welch's degrees of freedom, at one phi or many."""
        groups = {name: rows.to_numpy() for name, rows in frame.groupby("group")["value"]}
        means = {name: values.mean() for name, values in groups.items()}
        errors = {name: values.var(ddof=1) / len(values) for name, values in groups.items()}

        def tested(at):
            weight = {"ecko": 1.0, "control": -1.0, "aged": -at, "young": at}
            terms = {name: weight[name] ** 2 * errors[name] for name in weight}
            variance = sum(terms.values())
            df = variance**2 / sum(term**2 / (len(groups[name]) - 1) for name, term in terms.items())
            distance = sum(weight[name] * means[name] for name in weight)
            return 2 * scipy_stats.t.sf(np.abs(distance) / np.sqrt(variance), df)

        return tested

    def limits(p) -> list[float]:
        kept = grid[np.asarray(p) >= 0.05]
        return [kept.min(), kept.max()]

    def loop() -> list[float]:
        tested = tests()
        return limits([tested(at) for at in grid])

    def at_once() -> list[float]:
        return limits(tests()(grid))

    answer = ours()
    for name, other in (("loop", loop), ("array", at_once)):
        agree(f"phi, {name}", [answer.ci_low, answer.ci_high], other(), grid[1] - grid[0])
    note = f"The t test at {size.grid:,} phi from -5 to 5: limits no finer than the grid, none beyond it"
    return [
        compared(
            "phi with its Fieller set", *in_turns(size, ours, loop), f"{note}; a loop with one scipy t test per phi."
        ),
        compared(
            "phi, against a grid in one array", *in_turns(size, ours, at_once), f"{note}; all in one numpy array."
        ),
    ]


def ranks(size: Size) -> list[Row]:
    """Time the exact Mann-Whitney test with ties."""
    rng = np.random.default_rng(3)
    values = np.r_[rng.poisson(6, 15), rng.poisson(8, 15)]
    frame = pd.DataFrame({"value": values, "group": ["a"] * 15 + ["b"] * 15, "animal": np.arange(30).astype(str)})

    def ours():
        return stats.mann_whitney_exact(frame, value="value", group="group", a="a", b="b", unit="animal")

    def resampled():
        ranked = scipy_stats.rankdata(values)
        return scipy_stats.permutation_test(
            (ranked[:15], ranked[15:]),
            lambda x, y, axis: x.sum(axis=axis),
            vectorized=True,
            n_resamples=10_000,
            rng=np.random.default_rng(4),
        )

    p = ours().p
    agree("Mann-Whitney", p, resampled().pvalue, 5 * np.sqrt(2 * p / 10_000))
    mine, other = in_turns(size, ours, resampled)
    every = comb(30, 15)
    return [
        compared(
            "exact Mann-Whitney, ties, 15 v 15",
            mine,
            other,
            f"Ours counts all {every:,} allocations. Alternative: scipy.stats.permutation_test with 10,000 resamples, "
            f"whose p has a sampling error; as many as there are allocations would take {other * every / 6e5:.0f} min.",
        )
    ]


def dilution(size: Size) -> list[Row]:
    """Time ELDA's frequencies and intervals."""
    table = drawn(calibration.load().seed, "tables")["ecko_limiting_dilution"]
    rows = table[table["cell_type"] == "WBM"]
    names = list(rows["group"].unique())

    def plain():
        dummies = np.array([rows["group"] == name for name in names], float).T
        counts = np.c_[rows["positive"], rows["tested"] - rows["positive"]]
        family = sm.families.Binomial(sm.families.links.CLogLog())
        fit = sm.GLM(counts, dummies, family=family, offset=np.log(rows["dose"].to_numpy(float))).fit()
        return np.c_[fit.params, fit.conf_int()]

    found = stats.elda(rows)
    agree("ELDA", np.log(found[["frequency", "lower", "upper"]]), plain(), 1e-4)
    return [
        compared(
            "limiting dilution (ELDA)",
            *in_turns(size, lambda: stats.elda(rows), plain),
            f"{len(names)} groups, {len(rows)} rows. Alternative: statsmodels GLM, binomial, cloglog, offset ln dose; "
            "it fails where no or every recipient is positive.",
        )
    ]


BENCHES = {
    "cohorts and transcriptomes": many_cohorts,
    "mixed model": mixed,
    "rank-rank map": rank_overlap,
    "phi": phi,
    "Mann-Whitney": ranks,
    "limiting dilution": dilution,
}


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of small data, to see that it runs")
    performance.keep_option(parser)
    chosen = parser.parse_args()
    size = QUICK if chosen.quick else FULL
    prepare_process()
    rows = []
    columns = TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("", total=len(BENCHES))
        for name, bench in BENCHES.items():
            bars.update(task, description=name)
            try:
                rows += bench(size)
            except Disagreement as error:
                print(error, file=sys.stderr)
                return 1
            bars.advance(task)
    if size is QUICK:
        print("Quick: one round of small data, to see that it runs; the numbers mean nothing.")
    performance.report("analyses", "Analyses", rows, chosen.keep)
    rounds = f"median{'s' * (size.rounds > 1)} of {size.rounds}"
    print(f"ratio = ours / alternative; {rounds}, in turns on the same data, one thread; processor time.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
