"""Chapter 04: does the transcriptome of ECKO HSPCs resemble the aged one?

Animals scored on a published aging signature, and, as descriptions, phi over all expressed genes and inflammation.
"""

from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pandas as pd

from endomtor import public
from endomtor.analyses import alternatives, ecko_phenotypes
from endomtor.analyses.answer import Answer
from endomtor.analyses.mtor_decline import HALLMARK_MINIMUM
from endomtor.claims import catalogue
from endomtor.claims.cautions import INFLAMMATION
from endomtor.errors import EndomtorError
from endomtor.public import hsc_aging, hsc_animals
from endomtor.public.originals import STUDIES, inflammation_hallmarks
from endomtor.stats import (
    Estimate,
    allows_phi,
    contrast,
    difference,
    expression,
    pairs,
    phi,
    resemblance,
    transcriptome_phi_genes,
)

PHI, PHI_GENES, AGING = "C4.transcriptome.phi", "C4.transcriptome.phi_genes", "C4.transcriptome.phi.aging"

MIN_MEAN = 10.0
"""Mean normalised count from which a gene is used (an assumption): the choice looks at no contrast."""

NAMED_GENES = 6
"""Signature genes that are named in figures: those that most of the twelve studies agree on."""

BEYOND_AGE = {"ecko": 1, "control": -1, "aged": -1, "young": 1}
"""(ECKO - control) - (aged - young); where young is the control too, ECKO - aged is left of it."""

COMPARED = {"group": "group", "unit": "animal", "block": ("batch", "sex")}


@dataclass(frozen=True)
class Transcriptomes:
    """RNA-seq of one population, one library an animal.

    Attributes
    ----------
    counts : DataFrame, genes x animals
        Raw integers; lanes and repeated samples of one animal are added.
    animals : DataFrame
        One row an animal, in the order of the counts' columns: animal, group, sex, batch, samples (how many were
        added), pooled (mice in a pool, 1 where not stated).
    population : str
        "" where the sample sheet names none.
    left_out : tuple[str, ...]
        Other populations in the sample sheet.
    """

    counts: pd.DataFrame
    animals: pd.DataFrame
    population: str
    left_out: tuple[str, ...]


def answers(tables: Mapping[str, object], wanted: Container[str] | None = None) -> dict[str, Answer]:
    """Return phi of the animals' scores on the published signature, phi over all expressed genes, and inflammation.

    Without ECKO it is aged - young of the scores (`AGING`); without an aging reference there is no answer, nor where
    libraries cannot be normalised or the signature, or the hallmarks of inflammation, cannot be scored.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `hspc_counts` and `hspc_samples`; both may be absent.
    wanted : container of str, optional
        Ids to answer; phi over genes takes longest.
    """
    asked = [name for name in (*_ANSWERS, *_WITHOUT_ECKO) if wanted is None or name in wanted]
    if not asked or not {"hspc_counts", "hspc_samples"} <= set(tables):
        return {}
    data = transcriptomes(tables)
    groups = set(data.animals["group"])
    possible = _ANSWERS if allows_phi(groups) else _WITHOUT_ECKO if {"young", "aged"} <= groups else {}
    found = {}
    for name in asked:
        with suppress(EndomtorError):
            if name in possible:
                found[name] = possible[name](data)
    return found


def from_public() -> dict[str, Estimate]:
    """Return how the published signature is seen in HSCs of other laboratories.

    `C4.premise.LT_HSC`: old - young of the score of animals. Context: the same in the pools of each population of
    GSE162607 (`C4.context.pools.POPULATION`), the mean slope over the signature's studies there
    (`C4.context.POPULATION`), and HSCs without neogenin-1 (`C4.context.Neo1gt.AGE`).
    """
    scores, _ = public.table("signature_scores")
    changes, _ = public.table("hsc_aging_lfc")
    neo1, _ = public.table("neo1_scores")
    slopes = hsc_aging.signature_slopes(changes, hsc_aging.signature()[0])
    laboratories = dict(list(scores.groupby("laboratory")))
    pools = laboratories[hsc_animals.GSE162607].groupby("population")
    return {
        "C4.premise.LT_HSC": hsc_animals.aged_minus_young(laboratories[hsc_animals.LT_HSC]),
        **{f"C4.context.pools.{name}": hsc_animals.aged_minus_young(rows) for name, rows in pools},
        **{f"C4.context.{name}": one for name, one in hsc_aging.population_slopes(slopes).items()},
        **{f"C4.context.Neo1gt.{age}": hsc_animals.neo1_difference(neo1, age) for age in ("young", "aged")},
    }


def _of_scores(data: Transcriptomes) -> Answer:
    """Return phi of the scores. What it keeps for later is a row an animal, not the counts."""
    frame, rule = scores(data), catalogue.load().rule(PHI)
    kwargs = {"direction": rule.direction, "smallest": rule.smallest, **COMPARED}
    return Answer(
        phi(frame, value="score", **kwargs),
        # The prediction's own contrast first.
        {(a, b): difference(frame, value="score", a=a, b=b, **COMPARED) for a, b in pairs(frame["group"])[::-1]},
        partial(_alternatives, frame),
    )


def _alternatives(frame: pd.DataFrame) -> dict[str, Estimate]:
    """Return phi of the same score by the other tests, and phi of the score with equal weights."""
    rule = catalogue.load().rule(PHI)
    equal = phi(frame, value="up_down", direction=rule.direction, smallest=rule.smallest, **COMPARED)
    return {
        **alternatives.of_phi(frame, rule, value="score", **COMPARED),
        "equal weights of the signature's genes": equal,
    }


def _of_genes(data: Transcriptomes) -> Answer:
    smallest = catalogue.load().rule(PHI_GENES).smallest
    kwargs = {"sample": "animal", "min_mean": MIN_MEAN, "smallest": smallest}
    return Answer(transcriptome_phi_genes(data.counts, data.animals, **kwargs, **COMPARED))


def inflammation(data: Transcriptomes) -> Answer:
    """Return how far ECKO raises the inflammation score beyond what age does.

    The score of an animal is the mean log2 expression of the genes of the interferon and inflammatory hallmarks minus
    that of all other expressed genes; the estimate is (ECKO - control) - (aged - young), young in both where there is
    no control.

    Raises
    ------
    EndomtorError
        Libraries cannot be normalised, or too few genes of the hallmarks are expressed.
    """
    logs = expression.log_counts(data.counts, min_mean=MIN_MEAN)
    genes = set().union(*inflammation_hallmarks().values())
    if (found := logs.index.isin(genes).sum()) < HALLMARK_MINIMUM:
        raise EndomtorError(f"{found} genes of inflammation are expressed, expected at least {HALLMARK_MINIMUM}.")
    score = expression.set_score(logs, genes, statistic="difference")
    frame = data.animals.assign(score=data.animals["animal"].map(score))
    weights = BEYOND_AGE if "control" in set(frame["group"]) else {"ecko": 1, "aged": -1}
    about = {"value": "score", **COMPARED}
    return Answer(
        contrast(frame, weights=weights, **about),
        {(a, b): difference(frame, a=a, b=b, **about) for a, b in pairs(frame["group"])[::-1]},
    )


def _of_age(data: Transcriptomes) -> Answer:
    return ecko_phenotypes.of_aging(scores(data), value="score", **COMPARED)


_ANSWERS = {PHI: _of_scores, PHI_GENES: _of_genes, INFLAMMATION: inflammation}
_WITHOUT_ECKO = {AGING: _of_age}


def transcriptomes(tables: Mapping[str, object]) -> Transcriptomes:
    """Choose one population and add the samples of one animal: two samples of one animal are not two animals.

    The population is the one in which most groups were sequenced; among equals HSC, for which the signature was made,
    then the one with most animals.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `hspc_counts`, genes x samples, and `hspc_samples`.
    """
    samples, counts = tables["hspc_samples"].copy(), tables["hspc_counts"]
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
    own = counts[list(samples["sample"])].set_axis(list(samples["animal"]), axis="columns")
    if len(animals) < len(samples):
        own = own.T.groupby(level=0, sort=False).sum().T
    return Transcriptomes(own, animals, ranked[0], tuple(ranked[1:]))


def _joined(values: pd.Series) -> str:
    return "+".join(sorted(set(values)))


def named_genes() -> list[str]:
    """Return the signature's genes that most studies call, the stronger first among equals."""
    signature, _ = hsc_aging.signature()
    order = pd.DataFrame({"studies": signature[list(STUDIES)].notna().sum(axis=1), "size": signature["average"].abs()})
    return list(order.sort_values(["studies", "size"], ascending=False).index[:NAMED_GENES])


def scores(data: Transcriptomes) -> pd.DataFrame:
    """Score every animal on the published signature.

    Returns
    -------
    DataFrame
        animal, group, sex, batch; `score`: projection on the signature's average log2 fold change over twelve studies
        (`stats.resemblance.project`; 1 = as far apart as the published groups); `up_down`: the same genes with equal
        weights, mean log2 expression of the up genes against all others, minus that of the down genes.

    Raises
    ------
    EndomtorError
        Libraries cannot be normalised, or too few genes of the signature are expressed.
    """
    average = hsc_aging.signature()[0]["average"]
    logs = expression.log_counts(data.counts, min_mean=MIN_MEAN)
    up, down = (
        expression.set_score(logs, average.index[side], statistic="difference") for side in (average > 0, average < 0)
    )
    order = data.animals["animal"]
    return data.animals[["animal", "group", "sex", "batch"]].assign(
        score=resemblance.project(logs, average).loc[order].to_numpy(), up_down=(up - down).loc[order].to_numpy()
    )
