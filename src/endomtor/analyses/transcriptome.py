"""Chapter 04: does the transcriptome of ECKO HSPCs resemble the aged one?

Animals scored on a published aging signature; phi over genes and the rank-rank map as descriptions; eight public
populations as the premise, public single cells as a description.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import statsmodels.api as sm

from endomtor import figures, public, reporting
from endomtor.analyses import alternatives
from endomtor.chapter import Chapter, needs
from endomtor.claims import catalogue, verdicts
from endomtor.contract.tables import GROUPS
from endomtor.errors import EndomtorError
from endomtor.provenance import Provenance
from endomtor.public import hsc_aging, single_cells
from endomtor.public.originals import STUDIES
from endomtor.stats import Estimate, expression, groups, resemblance

MIN_MEAN = 10.0
"""Mean normalised count from which a gene is used (an assumption): the choice looks at no contrast."""

NAMED_GENES = 6
"""Signature genes that are named in figures: those that most of the twelve studies agree on."""

MAP_CELLS = 60
"""Rows and columns of the rank-rank map."""

LEADING = 10
"""Genes that are left out to see how much a population's slope hangs on a few."""


@dataclass(frozen=True)
class Transcriptomes:
    """RNA-seq of one population, one library an animal.

    Attributes
    ----------
    counts : DataFrame, genes x animals
        Raw integers; lanes and repeated samples of one animal are added.
    animals : DataFrame
        One row an animal: animal, group, sex, batch, samples (how many were added), pooled (mice in a pool, 1 where not
        stated).
    population : str
        "" where the sample sheet names none.
    left_out : tuple[str, ...]
        Other populations in the sample sheet.
    """

    counts: pd.DataFrame
    animals: pd.DataFrame
    population: str
    left_out: tuple[str, ...]

    @property
    def present(self) -> set[str]:
        """The groups that hold an animal."""
        return set(self.animals["group"])

    @property
    def reference(self) -> str:
        """What ECKO is compared with: `control`, or `young` where there is no control."""
        return "control" if "control" in self.present else "young"

    @property
    def contrasts(self) -> dict[str, tuple[str, str]]:
        """Return the two contrasts that the groups allow, as (group, reference)."""
        wanted = {"aging": ("aged", "young"), "ecko": ("ecko", self.reference)}
        return {name: pair for name, pair in wanted.items() if set(pair) <= self.present}

    def n(self, *names: str) -> dict[str, int]:
        """Return the animals in each of these groups."""
        return {name: int((self.animals["group"] == name).sum()) for name in names}


@needs("hspc_counts", "hspc_samples")
def transcriptomes(chapter: Chapter) -> Transcriptomes:
    """Choose one population and add the samples of one animal: two samples of one animal are not two animals.

    The population is the one in which most groups were sequenced; among equals HSC, for which the signature was made,
    then the one with most animals.
    """
    samples, counts = chapter.dataset.get("hspc_samples").copy(), chapter.dataset.get("hspc_counts")
    if "population" not in samples:
        samples["population"] = ""
    by = samples.groupby("population").agg(groups=("group", "nunique"), animals=("animal", "nunique"))
    ranked = sorted(by.index, key=lambda name: (-by.at[name, "groups"], name != "HSC", -by.at[name, "animals"], name))
    samples = samples[samples["population"] == ranked[0]]
    if "n_animals_pooled" not in samples:
        samples = samples.assign(n_animals_pooled=1)
    animals = samples.groupby("animal", sort=False, as_index=False).agg(
        group=("group", "first"),
        sex=("sex", _joined),
        batch=("batch", _joined),
        samples=("sample", "size"),
        pooled=("n_animals_pooled", "max"),
    )
    owner = samples.set_index("sample")["animal"]
    added = counts[list(owner.index)].T.groupby(owner.to_numpy(), sort=False).sum().T
    return Transcriptomes(added[list(animals["animal"])], animals, ranked[0], tuple(ranked[1:]))


def _joined(values: pd.Series) -> str:
    return "+".join(sorted(set(values)))


def show_values(chapter: Chapter, data: Transcriptomes | None) -> None:
    """Show what was sequenced: the first libraries, the population, what was added, pooled or left out."""
    if data is None:
        return
    libraries = data.animals[["animal", "group", "batch"]].assign(
        reads=data.counts.sum().to_numpy() / 1e6, genes=(data.counts > 0).sum().to_numpy()
    )
    figures.table(
        libraries.rename(columns={"reads": "counts, millions", "genes": "genes with a count"}).head(10),
        caption=f"The first {min(10, len(libraries))} of {len(libraries)} libraries over {len(data.counts):,} genes. "
        "Unit: animal.",
        provenance=chapter.provenance,
    )
    for remark in _remarks(data):
        reporting.say(remark)


def _remarks(data: Transcriptomes) -> list[str]:
    remarks = []
    if data.population:
        others = f" ({', '.join(data.left_out)} left out)" if data.left_out else ""
        remarks.append(f"Population analysed: {data.population}{others}.")
    added, pooled = (data.animals["samples"] > 1).sum(), data.animals["pooled"] > 1
    if added:
        remarks.append(f"{added} animals have several samples, which were added: they are one animal's.")
    if pooled.any():
        remarks.append(f"{pooled.sum()} libraries are pools of mice; a pool counts as one unit.")
    missing = [name for name in GROUPS if name not in data.present]
    if missing:
        remarks.append(f"Not in these data: {', '.join(missing)}.")
    return remarks


# --- Genes, one by one ------------------------------------------------------------------------------------------------


def differential(data: Transcriptomes | None) -> dict[str, pd.DataFrame]:
    """Fit DESeq2 once to all animals, with the batch in the design where it can be, and take every contrast from that.

    Returns
    -------
    dict[str, DataFrame]
        "aging", "ecko" and, where both control and young are there, "ecko_young" and "control_young" for the trap; as
        `stats.expression.deseq` gives them. Empty where nothing can be fitted; the page then says why.
    """
    if data is None or not data.contrasts:
        return {}
    pairs = dict(data.contrasts)
    if data.reference == "control" and "young" in data.present:
        pairs |= {"ecko_young": ("ecko", "young")} if "ecko" in pairs else {}
        pairs["control_young"] = ("control", "young")
    try:
        return expression.deseq(
            data.counts,
            data.animals,
            contrasts={name: ("group", *pair) for name, pair in pairs.items()},
            sample="animal",
            block="batch",
        )
    except EndomtorError as error:
        reporting.say(f"DESeq2 cannot be fitted to these data. {error}")
        return {}


def called(table: pd.DataFrame, alpha: float) -> tuple[int, int]:
    """Return how many genes are called at an adjusted p of at most `alpha`: higher, lower."""
    hits = table.loc[table["padj"] <= alpha, "log2FoldChange"]
    return int((hits > 0).sum()), int((hits < 0).sum())


def say_called(data: Transcriptomes | None, results: dict[str, pd.DataFrame]) -> None:
    """Say how many genes each contrast calls at two levels."""
    if data is None:
        return
    for name, (a, b) in data.contrasts.items():
        if name not in results:
            continue
        table = results[name]
        parts = [
            f"{sum(called(table, alpha)):,} ({called(table, alpha)[0]:,} higher, {called(table, alpha)[1]:,} lower) "
            f"at adjusted p ≤ {alpha:g}"
            for alpha in (0.05, 0.1)
        ]
        notes = "".join(f"; {note}" for note in table.attrs["warnings"])
        reporting.say(
            f"**DESeq2, {_words(a)} against {_words(b)}:** of {table['padj'].notna().sum():,} genes "
            f"{' and '.join(parts)} (design `{table.attrs['design']}`, {_counted(data.n(a, b))}{notes})."
        )


def _words(group: str) -> str:
    return "ECKO" if group == "ecko" else group


def _counted(n: dict[str, int]) -> str:
    return "n: " + ", ".join(f"{_words(group)} {count}" for group, count in n.items())


def named_genes() -> list[str]:
    """Return the signature's genes that most studies call, the stronger first among equals."""
    signature, _ = hsc_aging.signature()
    order = pd.DataFrame({"studies": signature[list(STUDIES)].notna().sum(axis=1), "size": signature["average"].abs()})
    return list(order.sort_values(["studies", "size"], ascending=False).index[:NAMED_GENES])


def show_volcano(chapter: Chapter, data: Transcriptomes | None, results: dict[str, pd.DataFrame], name: str) -> None:
    """Draw the volcano of one contrast; the same signature genes are named in each."""
    if name not in results:
        return
    a, b = data.contrasts[name]
    frame = results[name].rename(columns={"log2FoldChange": "log2fc", "padj": "p_adjusted"})
    up, down = called(results[name], 0.05)
    about = {"contrast": (a, b), "n": data.n(a, b), "label": named_genes()}
    table = figures.drawn.volcano(frame, **about)
    figures.show(
        figures.volcano(frame, **about),
        caption=f"DESeq2, {_words(a)} against {_words(b)}. Points are genes; the unit is the animal "
        f"({_counted(data.n(a, b))}). Named: genes of the published aging signature on which most studies agree.",
        alt=f"Volcano plot of {_words(a)} against {_words(b)}: {up} genes higher and {down} lower at adjusted p 0.05.",
        provenance=chapter.provenance,
        data=table,
        interactive=figures.interactive.volcano(table, **about).to_dict(),
        name=f"fig-volcano-{name}",
    )


# --- Animals on the published axis ------------------------------------------------------------------------------------


def scores(data: Transcriptomes | None) -> pd.DataFrame | None:
    """Score every animal on the published signature.

    Returns
    -------
    DataFrame
        animal, group, sex, batch; `score`: projection on the signature's average log2 fold change over twelve studies
        (`stats.resemblance.project`; 1 = as far apart as the published groups); `up_down`: the same genes with equal
        weights, mean log2 expression of the up genes against all others, minus that of the down genes. None where the
        signature cannot be scored; the page says why.
    """
    if data is None:
        return None
    signature, _ = hsc_aging.signature()
    average = signature["average"]
    try:
        logs = expression.log_counts(data.counts, min_mean=MIN_MEAN)
        projected = resemblance.project(logs, average)
        up, down = (
            expression.set_score(logs, average.index[side], statistic="difference")
            for side in (average > 0, average < 0)
        )
    except EndomtorError as error:
        reporting.say(f"The signature cannot be scored in these data. {error}")
        return None
    reporting.say(
        f"{logs.index.isin(average.index).sum()} of the signature's {len(average)} genes are expressed here, "
        f"among {len(logs):,} genes with a mean normalised count of at least {MIN_MEAN:g}."
    )
    order = data.animals["animal"]
    return data.animals[["animal", "group", "sex", "batch"]].assign(
        score=projected.loc[order].to_numpy(), up_down=(up - down).loc[order].to_numpy()
    )


def compare(data: Transcriptomes | None, frame: pd.DataFrame | None, value: str = "score") -> dict[str, Estimate]:
    """Estimate aged - young and ECKO - control of a score, with the batch in the model; descriptive."""
    if frame is None:
        return {}
    about = {"value": value, "group": "group", "unit": "animal", "block": "batch", "check": ("sex",)}
    return {name: groups.difference(frame, a=a, b=b, **about) for name, (a, b) in data.contrasts.items()}


def phi(chapter: Chapter, data: Transcriptomes | None, frame: pd.DataFrame | None) -> Estimate | None:
    """Estimate phi of the animals' scores and record it: the primary prediction of claim C4.

    Returns
    -------
    Estimate or None
        None without ECKO or without an aging reference; the page says which.
    """
    if frame is None:
        return None
    signature, _ = hsc_aging.signature()
    return _recorded(
        chapter,
        data,
        "C4.transcriptome.phi",
        lambda about: resemblance.transcriptome_phi(data.counts, data.animals, signature["average"], **about),
        others=partial(_others, chapter, data, frame),
    )


def _others(chapter: Chapter, data: Transcriptomes, frame: pd.DataFrame) -> dict[str, Estimate]:
    """Return phi of the same score by the other tests, and phi of the score with equal weights."""
    about = {"value": "score", "group": "group", "unit": "animal", "block": "batch"}
    answers = alternatives.of_phi(frame, catalogue.load().rule("C4.transcriptome.phi"), **about)
    return answers | {"equal weights of the signature's genes": equal_weights(chapter, data, frame)}


def evidence(chapter: Chapter) -> None:
    """Run the recorded analyses of the chapter's own animals, without figures; what they say they still say."""
    data = transcriptomes(chapter)
    phi(chapter, data, scores(data))
    phi_genes(chapter, data)


def phi_genes(chapter: Chapter, data: Transcriptomes | None) -> Estimate | None:
    """Estimate phi over all expressed genes by moments and record it as a description."""
    if data is None:
        return None
    return _recorded(
        chapter,
        data,
        "C4.transcriptome.phi_genes",
        lambda about: resemblance.transcriptome_phi_genes(data.counts, data.animals, **about),
    )


def _recorded(
    chapter: Chapter, data: Transcriptomes, evidence_id: str, estimate, others: Callable[[], dict[str, Estimate]] = dict
) -> Estimate | None:
    if "ecko" not in data.present:
        reporting.say("No ECKO animals in these data: phi is not testable here.")
        return None
    smallest = catalogue.load().rule(evidence_id).smallest
    try:
        answer = estimate({"sample": "animal", "min_mean": MIN_MEAN, "smallest": smallest, "block": "batch"})
    except resemblance.NoAgingReference:
        reporting.say("No aging reference in these data: there is no phi.")
        return None
    except EndomtorError as error:
        reporting.say(f"Phi cannot be estimated from these data. {error}")
        return None
    record = chapter.record(evidence_id, answer, table="hspc_samples", others=others)
    answer = _withheld_like_its_record(chapter, answer)
    for remark in answer.warnings:
        reporting.say(f"Note: {remark}.")
    if answer.withheld:
        reporting.say(f"No verdict: {answer.withheld.rstrip('.')}.")
    elif record.reason == verdicts.NO_AGING:
        reporting.say("No aging effect is seen in these animals, so that phi is a ratio to nothing.")
    else:
        reporting.say(f"phi = {reporting.result_text(answer)}.")
    return answer


def _withheld_like_its_record(chapter: Chapter, answer: Estimate) -> Estimate:
    """Withhold an estimate where sex or batch cannot be told from its groups, so that figures and verdict agree."""
    return replace(answer, withheld=answer.withheld or chapter.dataset.withheld("hspc_samples", *answer.n))


def show_scores(
    chapter: Chapter,
    data: Transcriptomes | None,
    frame: pd.DataFrame | None,
    answer: Estimate | None,
    value: str = "score",
) -> None:
    """Draw every animal's score and the contrasts; without phi, ECKO against its reference in this panel of its own."""
    if frame is None:
        return
    contrasts = compare(data, frame, value)
    shown = {pair: contrasts[name] for name, pair in data.contrasts.items()}
    named = {f"{_words(a)} − {_words(b)}": one for (a, b), one in shown.items()}
    seen = {name: one for name, one in named.items() if not one.withheld}
    label, subject = {
        "score": ("aging score, 1 = the published old − young", "Score on the twelve-study aging signature"),
        "up_down": ("up − down genes of the signature, log₂", "Signature score with equal weights"),
    }[value]
    about = f"{subject}, every animal a point ({_counted(data.n(*sorted(data.present)))})"
    words = "; ".join(f"{name} {reporting.result_text(one).rstrip('.')}" for name, one in named.items())
    words = f" {words}." if words else ""
    readable = answer is not None and not answer.withheld and not _no_aging(answer)
    phi_words = f" Phi {reporting.number(answer.estimate)}, {reporting.interval_text(answer)}." if readable else ""
    shape = {
        "value": value,
        "group": "group",
        "animal": "animal",
        "order": [name for name in GROUPS if name in data.present],
        "estimates": {pair: None if one.withheld else one for pair, one in shown.items()},
        "ylabel": label,
    }
    figures.show(
        figures.estimation(frame, **shape),
        caption=f"{about}.{words}{phi_words}",
        alt=reporting.alt_text(about, seen) if seen else f"{about}; no contrast can be estimated.",
        provenance=chapter.provenance,
        data=figures.drawn.estimation(frame, **shape),
        name=f"fig-{value.replace('_', '-')}",
    )


def equal_weights(chapter: Chapter, data: Transcriptomes | None, frame: pd.DataFrame | None) -> Estimate | None:
    """Estimate phi of the up-minus-down score: the primary answer with other weights, not recorded."""
    if frame is None or not {"young", "aged", "ecko"} <= data.present:
        return None
    rule = catalogue.load().rule("C4.transcriptome.phi")
    answer = resemblance.phi(
        frame,
        value="up_down",
        group="group",
        unit="animal",
        direction=rule.direction,
        smallest=rule.smallest,
        block="batch",
    )
    return _withheld_like_its_record(chapter, answer)


def _no_aging(answer: Estimate) -> bool:
    return verdicts.judge(answer, catalogue.load().rule("C4.transcriptome.phi")).reason == verdicts.NO_AGING


def show_phi(chapter: Chapter, answers: dict[str, Estimate | None]) -> None:
    """Draw phi by each way of computing it, the primary one first."""
    rule = catalogue.load().rule("C4.transcriptome.phi")
    known = {label: one for label, one in answers.items() if one is not None and not one.withheld}
    if not known:
        return
    unseen = [_no_aging(one) for one in known.values()]
    seen = {label: one for (label, one), silent in zip(known.items(), unseen, strict=True) if not silent}
    rows = pd.DataFrame(
        {
            "label": label,
            "estimate": np.nan if silent else one.estimate,
            "low": one.ci_low,
            "high": one.ci_high,
            "interval_kind": one.interval_kind,
            "group": "ecko",
            "note": "no aging effect seen" if silent else None,
        }
        for (label, one), silent in zip(known.items(), unseen, strict=True)
    )
    about = {
        "xlabel": "phi: share of the way from young to aged, 95 % set",
        "references": {0.0: "young", 1.0: "aged"},
        "smallest": rule.smallest,
    }
    figures.show(
        figures.forest(rows, **about),
        caption="Phi of the HSPC transcriptome by three ways; the first decides, the others describe. "
        f"Dotted: the smallest phi of interest. Unit: animal; {reporting.n_text(known.values())}.",
        alt=reporting.alt_text("Forest plot of phi", seen) if seen else "Forest plot of phi: no aging effect is seen.",
        provenance=chapter.provenance,
        data=figures.drawn.forest(rows, **about),
        name="fig-phi",
    )


# --- All genes: pictures ----------------------------------------------------------------------------------------------


def fold_changes(results: dict[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Return log2 fold changes (DESeq2) of expressed genes, a column a contrast; None without aging and ECKO."""
    if not {"aging", "ecko"} <= set(results):
        return None
    expressed = results["aging"]["baseMean"] >= MIN_MEAN
    return pd.DataFrame({name: table.loc[expressed, "log2FoldChange"] for name, table in results.items()}).dropna()


def show_scatter(
    chapter: Chapter, data: Transcriptomes | None, results: dict[str, pd.DataFrame], slope: Estimate | None
) -> None:
    """Draw the two fold changes of each gene with the moment slope and its band over animals."""
    frame = fold_changes(results)
    if frame is None or slope is None or slope.withheld:
        return
    about = {
        "x": "aging",
        "y": "ecko",
        "xlabel": "log₂ fold change, aged − young",
        "ylabel": f"log₂ fold change, ECKO − {data.reference}",
        "slope": slope,
        "label": named_genes(),
    }
    table = figures.drawn.lfc_scatter(frame, **about)
    figures.show(
        figures.lfc_scatter(frame, **about),
        caption="Each point a gene, fold changes by DESeq2; line: phi over genes by moments, with its jackknife "
        f"interval. Unit: animal; {reporting.n_text([slope])}.",
        alt=reporting.alt_text(f"Scatter of {len(frame)} genes, ECKO against aging fold changes", {"slope": slope}),
        provenance=chapter.provenance,
        data=table,
        interactive=figures.interactive.lfc_scatter(table, **about).to_dict(),
        name="fig-scatter",
    )


def overlap(results: dict[str, pd.DataFrame]) -> resemblance.RankOverlap | None:
    """Return the rank-rank overlap of the two contrasts' Wald statistics; None without both."""
    if not {"aging", "ecko"} <= set(results):
        return None
    x, y = (results[name]["stat"].dropna() for name in ("aging", "ecko"))
    return resemblance.rrho(x, y, step=max(1, len(x.index.intersection(y.index)) // MAP_CELLS))


def show_overlap(chapter: Chapter, data: Transcriptomes | None, ranks: resemblance.RankOverlap | None) -> None:
    """Draw the rank-rank overlap map."""
    if ranks is None:
        return
    table = quadrants(ranks)
    about = {
        "xlabel": "genes by aged − young",
        "ylabel": f"genes by ECKO − {data.reference}",
        "genes": ranks.genes,
        "value_label": "−ln p, counted from each corner (a picture, not a test)",
    }
    squares = figures.drawn.rrho_map(ranks.corrected.T, **about)
    figures.show(
        figures.rrho_map(ranks.corrected.T, **about),
        caption="Rank-rank overlap of the two contrasts, counted from the corner of each quadrant: the darker, the "
        f"more genes are shared beyond chance. A picture of {ranks.genes:,} genes, not a test. Unit behind both lists: "
        f"animal; {_counted(data.n(*sorted(data.present)))}.",
        alt="Rank-rank overlap map. "
        + "; ".join(f"{row.quadrant}: {row.genes} genes, {row.expected:.0f} expected" for row in table.itertuples())
        + ".",
        provenance=chapter.provenance,
        data=squares,
        interactive=figures.interactive.rrho_map(squares, **about).to_dict(),
        name="fig-overlap",
    )


def quadrants(ranks: resemblance.RankOverlap) -> pd.DataFrame:
    """Return the four corners of the map: genes in them, what chance would give, and the strongest overlap.

    Returns
    -------
    DataFrame
        quadrant; genes and expected, both counted at the grid point nearest to where the signs change; peak (largest
        -ln p of the corrected map in the quadrant; 0 for a quadrant without a grid point).
    """
    up = [int(np.searchsorted(ranks.ranks, split, side="right")) for split in ranks.split]
    # The count of the first quadrant and the margins give the other three.
    at = [max(0, place - 1) for place in up]
    a, b = (float(ranks.ranks[place]) for place in at)
    both, n = float(ranks.count[at[0], at[1]]), float(ranks.genes)
    masks = [slice(None, up[0]), slice(up[0], None)], [slice(None, up[1]), slice(up[1], None)]
    rows = [
        ("up with age, up in ECKO", both, a * b / n, (0, 0)),
        ("down with age, down in ECKO", n - a - b + both, (n - a) * (n - b) / n, (1, 1)),
        ("up with age, down in ECKO", a - both, a * (n - b) / n, (0, 1)),
        ("down with age, up in ECKO", b - both, (n - a) * b / n, (1, 0)),
    ]
    return pd.DataFrame(
        {
            "quadrant": name,
            "genes": int(genes),
            "expected": expected,
            "peak": float(ranks.corrected[masks[0][i], masks[1][j]].max(initial=0.0)),
        }
        for name, genes, expected, (i, j) in rows
    )


def show_quadrants(chapter: Chapter, ranks: resemblance.RankOverlap | None) -> None:
    """Show the four corners of the map in numbers."""
    if ranks is None:
        return
    figures.table(
        quadrants(ranks).rename(columns={"expected": "expected by chance", "peak": "largest −ln p (a picture)"}),
        caption="The four corners of the rank-rank map. Genes are not independent and the map is searched: "
        "no p of it enters a verdict.",
        provenance=chapter.provenance,
        formats={"expected by chance": ",.0f", "largest −ln p (a picture)": ".1f"},
    )


# --- The trap ---------------------------------------------------------------------------------------------------------


def trap(data: Transcriptomes | None, results: dict[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Correlate fold changes naively, with and without a shared reference, beside phi by moments of the same contrasts.

    Returns
    -------
    DataFrame
        contrast (compared with aged - young), shared (the group in both contrasts, or "none"), r (Pearson's over genes,
        the wrong analysis), phi (Estimate). None without the contrasts.

    Notes
    -----
    control - young is a contrast in which nothing can resemble age: both are young mice with mTOR.
    """
    frame = fold_changes(results)
    if frame is None:
        return None
    rows = [(f"ECKO - {data.reference}", "ecko", data.animals)]
    if "ecko_young" in frame:
        without = data.animals[data.animals["group"] != "control"]
        rows.append(("ECKO - young", "ecko_young", without))
        stand_in = data.animals[data.animals["group"] != "ecko"]
        rows.append(("control - young", "control_young", stand_in.replace({"group": {"control": "ecko"}})))
    about = {"sample": "animal", "min_mean": MIN_MEAN, "block": "batch"}
    return pd.DataFrame(
        {
            "contrast": contrast,
            "shared": "young" if contrast.endswith("young") else "none",
            "r": float(frame["aging"].corr(frame[column])),
            "phi": resemblance.transcriptome_phi_genes(data.counts, animals, **about),
        }
        for contrast, column, animals in rows
    )


def show_trap(chapter: Chapter, table: pd.DataFrame | None) -> None:
    """Show the naive correlations beside phi, and say what the shared reference does."""
    if table is None:
        return
    figures.table(
        pd.DataFrame(
            {
                "against aged − young": table["contrast"].str.replace(" - ", " − "),
                "shared group": table["shared"],
                "naive r (wrong)": table["r"],
                "phi over genes": [one.estimate for one in table["phi"]],
                "95 % over animals": [
                    "no interval" if one.withheld else reporting.limits_text(one) for one in table["phi"]
                ],
            }
        ),
        caption="The naive correlation of fold changes, wrong on purpose, beside phi with the shared noise taken off. "
        f"Unit: animal; {reporting.n_text(table['phi'])}.",
        provenance=chapter.provenance,
    )
    rows = table.set_index("contrast")
    if "control - young" in rows.index:
        reporting.say(
            "Control and young mice are both young: control - young cannot be aging. "
            f"Its r of {reporting.number(rows.at['control - young', 'r'])} is made of the noise of the young animals, "
            "which sits in both contrasts, and of how far the two groups of young mice differ by chance."
        )
    else:
        reporting.say(
            "In these data young stands in for control, so the trap is real: "
            f"r = {reporting.number(table['r'].iat[0])} holds the noise of the young animals twice."
        )


# --- Public data: eight populations -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Populations:
    """The published signature in the eight populations of GSE162607: one slope per study and population."""

    table: pd.DataFrame
    slopes: pd.DataFrame
    estimates: dict[str, Estimate]
    specificity: Estimate
    provenance: Provenance


def populations(chapter: Chapter) -> Populations:
    """Estimate the premises (transfer to HSCs, specificity) and the other populations, and record them."""
    table, provenance = public.table("hsc_aging_lfc")
    signature, _ = hsc_aging.signature()
    slopes = hsc_aging.signature_slopes(table, signature)
    found = Populations(table, slopes, hsc_aging.population_slopes(slopes), hsc_aging.specificity(slopes), provenance)
    about = {"provenance": provenance}
    for name, premise in (("HSC", hsc_aging.transfer), ("specificity", hsc_aging.specificity)):
        left_out = partial(_without_a_study, premise, slopes)
        chapter.record(f"C4.premise.{name}", premise(slopes), family="C4.premise", left_out=left_out, **about)
    for population, estimate in found.estimates.items():
        if population != "HSC":
            chapter.record(f"C4.context.{population}", estimate, family="C4.context", **about)
    return found


def _without_a_study(premise: Callable[[pd.DataFrame], Estimate], slopes: pd.DataFrame) -> dict[str, Estimate]:
    return {study: premise(slopes.drop(index=study)) for study in slopes.index}


def show_populations(found: Populations) -> None:
    """Draw the mean slope of each population with its interval over studies, and every study as a dot."""
    rows = pd.DataFrame(
        {
            "label": population + (" (negative control)" if population in hsc_aging.CONTROLS else ""),
            "estimate": one.estimate,
            "low": one.ci_low,
            "high": one.ci_high,
            "interval_kind": one.interval_kind,
        }
        for population, one in found.estimates.items()
    )
    dots = pd.DataFrame(
        {"label": label, "value": value}
        for label, population in zip(rows["label"], found.estimates, strict=True)
        for value in found.slopes[population]
    )
    about = {
        "dots": dots,
        "xlabel": "slope on the published log₂ fold changes",
        "references": {0.0: "not seen", 1.0: "as published"},
        "smallest": catalogue.load().rule("C4.premise.HSC").smallest,
    }
    figures.show(
        figures.forest(rows, **about),
        caption="The published aging signature in eight populations: mean slope with its 95 % interval; each dot below "
        f"is one of the published studies. Unit: study ({reporting.n_text(found.estimates.values())}), given these two "
        "young and two old mice a population. Dotted: the smallest slope of interest.",
        alt=reporting.alt_text("Slope on the published signature, by population", found.estimates),
        provenance=found.provenance,
        data=figures.drawn.forest(rows, **about),
        name="fig-populations",
    )


def say_premises(found: Populations) -> None:
    """Say both premises in words."""
    reporting.say(f"**Transfer to HSCs:** {reporting.result_text(found.estimates['HSC'])}.")
    reporting.say(f"**Specificity:** {reporting.result_text(found.specificity)}.")


def show_signature(found: Populations) -> None:
    """Draw each gene's published average fold change against that in HSCs, with the mean slope of the studies."""
    signature, _ = hsc_aging.signature()
    frame = found.table.set_index("gene")[["lfc_HSC"]].join(signature["average"], how="inner")
    slope = found.estimates["HSC"]
    about = {
        "x": "average",
        "y": "lfc_HSC",
        "xlabel": "log₂ fold change, mean of twelve studies",
        "ylabel": "log₂ fold change, old − young HSC here",
        "slope": slope,
        "label": named_genes(),
    }
    table = figures.drawn.lfc_scatter(frame, **about)
    figures.show(
        figures.lfc_scatter(frame, **about),
        caption="Each point a gene of the signature: published average against GSE162607. Line: mean slope over the "
        f"studies with its interval. Unit: study; {reporting.n_text([slope])}.",
        alt=reporting.alt_text(f"Scatter of {len(frame)} signature genes in HSCs", {"mean slope": slope}),
        provenance=found.provenance,
        data=table,
        interactive=figures.interactive.lfc_scatter(table, **about).to_dict(),
        name="fig-signature",
    )


def gene_level_slopes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the slope on the signature's average with an interval that takes genes for independent: not for inference.

    Parameters
    ----------
    table : DataFrame
        `hsc_aging_lfc`.

    Returns
    -------
    DataFrame
        Index population; slope, low, high (95 %), by weighted least squares through the origin with the weights of
        `hsc_aging.signature_slopes`; `rest`, the slope without the `LEADING` genes that add most to it.
    """
    signature, _ = hsc_aging.signature()
    ours = table.set_index("gene").join(signature["average"], how="inner")
    rows = {}
    for population in hsc_aging.POPULATIONS:
        weights = 1 / (ours[f"se_{population}"] ** 2 + hsc_aging.SCATTER**2)
        x, y = ours["average"], ours[f"lfc_{population}"]
        fit = sm.WLS(y, ours[["average"]], weights=weights).fit()
        adds = weights * x * y
        rest = adds.sort_values().index[:-LEADING]
        slope = adds[rest].sum() / (weights * x**2)[rest].sum()
        rows[population] = (fit.params["average"], *fit.conf_int().loc["average"], slope)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["slope", "low", "high", "rest"])


def show_population_table(found: Populations) -> None:
    """Show each population in numbers, with the share of rising genes and the interval over genes, marked as wrong."""
    signature, _ = hsc_aging.signature()
    rising, genes = hsc_aging.rising(found.table, signature), gene_level_slopes(found.table)
    figures.table(
        pd.DataFrame(
            {
                "population": population,
                "slope": one.estimate,
                "95 % over studies": reporting.limits_text(one),
                "range of studies": f"{reporting.number(found.slopes[population].min())} to "
                f"{reporting.number(found.slopes[population].max())}",
                "NOT over genes": f"{reporting.number(genes.at[population, 'low'])} to "
                f"{reporting.number(genes.at[population, 'high'])}",
                "up genes that rise, %": 100 * rising[population],
                f"without {LEADING} genes": genes.at[population, "rest"],
            }
            for population, one in found.estimates.items()
        ),
        caption=f"The signature in eight populations, two young and two old mice each. Unit: study ({len(STUDIES)}). "
        "Range: lowest and highest study. The 95 % interval over genes takes them for independent witnesses and is not "
        "for inference. The last column is the slope on the studies' average without the genes that add most to "
        "it.",
        provenance=found.provenance,
        formats={
            "slope": ".2f",
            "up genes that rise, %": ".0f",
            f"without {LEADING} genes": ".2f",
        },
    )


def show_choices(found: Populations) -> None:
    """Show both premises under each way to draw the line."""
    signature, _ = hsc_aging.signature()
    choices = hsc_aging.slope_choices(found.table, signature)
    figures.table(
        pd.DataFrame(
            {"line": choices["choice"]}
            | {
                name: [
                    f"{reporting.number(row[name])} ({reporting.number(row[f'{name}_low'])} to "
                    f"{reporting.number(row[f'{name}_high'])})"
                    for row in choices.to_dict("records")
                ]
                for name in ("transfer", "specificity")
            }
        ),
        caption=f"Both premises under other ways to draw the line; the first is used. Unit: study ({len(STUDIES)}).",
        provenance=found.provenance,
    )


# --- Public data: single cells ----------------------------------------------------------------------------------------


def single_hscs() -> tuple[pd.DataFrame, Provenance]:
    """Return the cells of GSE87631 that passed quality control, with `group` young (4 months) or aged (18 months)."""
    cells, provenance = public.table("single_hscs")
    kept = cells[cells["kept"] == 1]
    return kept.assign(group=kept["months"].map({4: "young", 18: "aged"})), provenance


def say_cells() -> None:
    """Say how many cells were kept and how often an old cell scores above a young one; a description."""
    cells, _ = public.table("single_hscs")
    signature, _ = hsc_aging.signature()
    kept = cells.groupby("months")["kept"].agg(["sum", "size"])
    counts = " and ".join(f"{row['sum']} of {row['size']} cells of {months} months" for months, row in kept.iterrows())
    reporting.say(
        f"{counts} passed quality control. The signature without its own study holds "
        f"{len(single_cells.signature_without(signature))} genes. An old cell scores above a young one in "
        f"{100 * single_cells.share_higher(cells):.0f} % of all pairs (50 %: no difference)."
    )


def show_cells(by: str) -> None:
    """Draw the cells in the first two principal components, by age (`group`) or by signature score (`score`)."""
    cells, provenance = single_hscs()
    counts = cells["group"].value_counts()
    n = f"{counts['young']} cells of 4 months, {counts['aged']} of 18 months, an unknown number of mice"
    what = {"group": "by age (young: 4 months, aged: 18 months)", "score": "by signature score"}[by]
    frame = cells.set_index("cell").rename(columns={"pc1": "PC 1", "pc2": "PC 2"})
    about = {"x": "PC 1", "y": "PC 2", "by": by, "by_label": "signature score, made without these cells’ study"}
    figures.show(
        figures.embedding(frame, **about),
        caption=f"Single HSCs {what}, scanpy. For the eye only: cells are not replicates; {n}.",
        alt=f"First two principal components of {len(cells)} single HSCs, {what}: mean score "
        + ", ".join(
            f"{name} {reporting.number(cells.loc[cells['group'] == name, 'score'].mean())}" for name in counts.index
        )
        + ".",
        provenance=provenance,
        data=figures.drawn.embedding(frame, **about),
        name=f"fig-cells-{by}",
    )
