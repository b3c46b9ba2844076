# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Synthesis
#
# **What do chapters 01 to 05 say together, and do their assays agree?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %% tags=["imports"]
from dataclasses import asdict

import numpy as np
import pandas as pd
from IPython.display import Markdown

from endomtor import figures, ledger, public, worlds
from endomtor.calibration import sample_size
from endomtor.chapter import open_chapter
from endomtor.claims import catalogue, evidence, verdicts
from endomtor.errors import NotTestable
from endomtor.markup import plain_in_markdown
from endomtor.reporting import endpoint_text, n_text, number, p_text
from endomtor.stats import joint_phi
from endomtor.views.conclusions import conclusions

# %% tags=["plumbing"]
chapter = open_chapter("06_synthesis", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# A young marrow whose endothelium lacks mTOR makes blood like an old one, in its cells, its genes and its grafts, says the abstract {cite}`ramalingam2020`.
# If that is one process, it should have gone equally far in every assay.
# {term}`Phi` is one number for every assay: how far {term}`ECKO` went from young (0) to aged (1).
# Here all of them stand on one axis, and a joint test asks whether the primary endpoints share one phi ({ref}`methods-joint`).
# The verdicts are those of the chapters; none is judged anew.

# %% tags=["plumbing-shown"]
chapter.data_box()

# %%
records = evidence.of_build(chapter.provenance)
found = pd.DataFrame(asdict(record) for record in records).set_index("id")

# %% [markdown]
# ## Real mice: premises, and a comparison
#
# A premise is what a claim takes for granted of age; it can fail, and then the claim has nothing to stand on.

# %% tags=["needs:premises"]
premises = found[(found["kind"] == "premise") & [chapter.rule(one).role == "primary" for one in found.index]]
if premises.empty:
    raise NotTestable("The evidence holds no premise: chapters 03 and 04 leave them.")
shown = premises[["estimate", "ci_low", "ci_high", "unit", "verdict"]].reset_index(drop=True)
shown.insert(0, "premise", [chapter.rule(one).statement for one in premises.index])
shown["source"] = [origin["title"] for origin in premises["provenance"]]
chapter.show_table(
    shown.rename(columns={"ci_low": "95 % from", "ci_high": "to"}),
    caption="Premises of the claims, each tested on public data of its source.",
    provenance=public.table("aging_blood")[1],
)

# %% [markdown]
# We found no published {term}`phi` of an {term}`ECKO` mouse, nor these mice one by one.
# The nearest comparison on real mice is mTOR hypomorphs, with less mTOR in every cell (inferred, chapter 03).
# It is no bound on endothelium: two shares of cells move away from age, and the other traits are undecided.

# %% tags=["needs:hypomorphs"]
bound = found[found.index.str.startswith("C3.context.hypomorph.") & (found["interval_kind"] == "bounded")]
if bound.empty:
    raise NotTestable("The evidence holds no phi of hypomorphs: chapter 03 leaves it.")
rows = bound.rename(columns={"ci_low": "low", "ci_high": "high"}).drop(columns="n")
rows["label"] = [endpoint_text(one.rpartition(".")[2]) for one in rows.index]
numbers = [f"{one.label} {number(one.estimate)}, {number(one.low)} to {number(one.high)}" for one in rows.itertuples()]
chapter.show(
    figures.forest(rows, xlabel="phi of mTOR hypomorphs", references={0.0: "young", 1.0: "aged"}),
    caption="How far less mTOR in every cell (inferred) moves young blood towards old. "
    f"Unit: mouse; {n_text(record for record in records if record.id in bound.index)} (ecko: the mutants).",
    alt=f"Forest plot of phi of mTOR hypomorphs. {'; '.join(numbers)}.",
    name="fig-bound",
    provenance=public.table("aging_blood")[1],
)

# %% [markdown]
# ## Phi, assay by assay
#
# Each assay keeps the {term}`unit of analysis` of its chapter: the animal, the donor, the exposed animal of a transplant.

# %% tags=["needs:phi"]
assays = {"blood": "blood", "marrow": "marrow", "cells": "single HSCs", "limiting_dilution": "limiting dilution"}
assays |= {"competitive": "competitive transplants", "transcriptome": "transcriptome"}
assays["transplant"] = "serial transplants"
predictions = found[found["kind"] == "prediction"]
phis = predictions[[chapter.rule(one).rule == "phi" for one in predictions.index]].copy()
if phis.empty:
    raise NotTestable("No endpoint of these data has a phi: it needs young, aged and ECKO units in one table.")

phis["assay"] = phis.index.str.split(".").str[1].map(assays)
phis["place"] = phis["assay"].map(list(assays.values()).index)
phis["secondary"] = [chapter.rule(one).role != "primary" for one in phis.index]
phis = phis.sort_values(["place", "secondary"], kind="stable")

# %% tags=["needs:phi"]
names = {"phi": "score on the published axis", "phi_genes": "all expressed genes"}
endpoint = phis.index.str.split(".", n=2).str[2].to_series(index=phis.index).replace(names)
endpoint = endpoint.str.replace(r"\.p(\d+)$", r", passage \1", regex=True).str.replace(".", ", ").map(endpoint_text)
phis["label"] = phis["assay"] + ": " + endpoint + np.where(phis["secondary"], "", " (primary)")

order = [group for group in ("young", "aged", "control", "ecko") if any(group in n for n in phis["n"])]
counts = [[n[group] for group in order if group in n] for n in phis["n"]]
phis["n"] = ["n " + "/".join(map(str, one if len(set(one)) > 1 else one[:1])) for one in counts]

# %% [markdown]
# Where no aging effect is seen in the declared direction, no phi can be read: its set is drawn, its estimate is not.

# %% tags=["needs:phi"]
withheld = phis["verdict"] == verdicts.NOT_TESTABLE
silent = withheld | (phis["reason"] == verdicts.NO_AGING)
phis["note"] = np.select([withheld, silent], ["no verdict", "no aging effect seen"], "")
phis["estimate"] = phis["estimate"].astype(float).mask(silent)
phis["low"] = phis["ci_low"].astype(float).fillna(-np.inf)
phis["high"] = phis["ci_high"].astype(float).fillna(np.inf)

# %% tags=["needs:phi"]
drawn = figures.forest(
    phis.assign(group="ecko"),
    xlabel="phi: share of the way from young to aged, 95 % set",
    references={0.0: "young", 1.0: "aged"},
    smallest=chapter.rule("C3.blood.myeloid_balance").smallest,
)
units = "; ".join(
    f"{unit} in {', '.join(own)}" for unit, own in phis.groupby("unit", sort=False)["assay"].unique().items()
)
shown = [
    f"{one.label} {number(one.estimate)}, {number(one.low)} to {number(one.high)}" for one in phis[~silent].itertuples()
]

# %% tags=["needs:phi"]
chapter.show(
    drawn,
    caption="How far ECKO went from young (0) to aged (1). Dotted: smallest phi of interest. Filled arrowhead: no end "
    f"there; open: it ends beyond the axis. Unit: {units}. n: units a group, or {', '.join(map(figures.named, order))}.",
    alt=f"Forest plot of phi, {len(phis)} endpoints. {'; '.join(shown) or 'No endpoint with a readable phi'}.",
    name="fig-phi",
)

# %% [markdown]
# ## Do the assays share one phi?
#
# Only the primary endpoints enter, fixed before any data were read; with every marrow population in it, it would be a test of marrow.
# One phi for all means that ECKO − control is phi times aged − young for each of them.
# The test asks how far the endpoints are from the phi that fits best, in standard errors that know which endpoints were read in the same animals.
# An endpoint whose aging contrast is not seen in the declared direction is left out; the test enters no verdict.

# %% tags=["needs:values"]
tables, left_out = chapter.unit_values()
if not tables:
    raise NotTestable("These data hold no values of a primary endpoint, so a common phi cannot be tested.")
values = pd.concat(
    {name: one.frame.rename(columns={one.unit: "unit"}) for name, one in tables.items()}, names=["table"]
)

# %% tags=["needs:values", "folded"]
values.groupby(["table", "id", "group"])["unit"].nunique().unstack().fillna(0).astype(int)

# %% tags=["needs:values"]
direction = {one: chapter.rule(one).direction for one in values["id"].unique()}
joint = joint_phi(tables, direction=direction, bootstrap=2000, seed=1)

# %% tags=["needs:values"]
common = f"{number(joint.phi)}, {100 * joint.level:.0f} % set {number(joint.ci_low)} to {number(joint.ci_high)}"
if joint.withheld:
    answer = f"**Whether the assays share one phi cannot be asked.** {joint.withheld}"
elif joint.p < 1 - joint.level:
    answer = (
        f"**They do not agree:** no single phi describes these {len(joint.endpoints)} endpoints ({p_text(joint.p)})."
    )
else:
    answer = (
        f"**All {len(joint.endpoints)} read-outs are compatible with one value:** ECKO moves them the same share of the "
        f"way to old ({common}; {p_text(joint.p)}). A large p does not show that they agree, only no disagreement."
    )
Markdown(" ".join([answer, *(f"Note: {plain_in_markdown(remark)}." for remark in joint.warnings)]))

# %% tags=["needs:values", "needs:common_phi", "folded"]
if joint.withheld:
    raise NotTestable("Without a joint test there is no distance from a common phi.")
sign = {"greater": 1, "less": -1, "either": np.nan}
distance = pd.Series({one: sign[direction[one]] * far for one, far in joint.residuals.items()})
distance = distance.sort_values(key=abs, ascending=False)
chapter.show_table(
    pd.DataFrame(
        {"endpoint": distance.index.map(phis["label"]).str.removesuffix(" (primary)"), "distance, SE": distance}
    ),
    caption="Distance of each endpoint from the common phi: above 0 towards aged, below 0 towards young. "
    f"Unit: {', '.join(dict.fromkeys(joint.unit.values()))}; {joint.bootstrap:,} replicates.",
    formats={"distance, SE": ".2f"},
)

# %% [markdown]
# Left out of it:

# %% tags=["needs:values"]
reasons = dict(sorted((left_out | joint.left_out).items()))
Markdown(
    "\n".join(f"- {endpoint_text(one)}: {plain_in_markdown(why)}" for one, why in reasons.items())
    or "None is left out."
)

# %% [markdown] tags=["result:claims"]
# ## The ledger
#
# The claims themselves stand on the {ref}`first page <ledger>`.

# %%
truth = worlds.truth_of(chapter.provenance)
whole = ledger.build(records, chapter.provenance, catalogue.load(), truth)
Markdown(
    "\n\n".join(f"**{heading}.** {plain_in_markdown(sentence)}" for heading, sentence in conclusions(whole).items())
)

# %% [markdown]
# ## The title
#
# It claims more than the statements do: that endothelial mTOR *maintains* hematopoiesis during aging.

# %%
chapter.verdict("C6")

# %% [markdown]
# ## How many animals would a study need?
#
# We put simulated cohorts of several sizes through the chapters' analyses: of the world `paper`, to support a claim that is true, and of the world `bystander`, to rule a prediction out where nothing changes.
# The effects of these worlds are invented, so the numbers are right only for mice like theirs; the page {ref}`against-the-paper` uses them for the experiments that would separate rival explanations.

# %%
sample_size.show_table(chapter.provenance.kind)

# %% [markdown]
# ## What could be wrong
#
# - One phi for all assays would not prove one cause: two causes can be equally strong.
# - Different phis would not disprove the claims, which promise attributes of age and not the same share of each.
# - Endpoints whose aging contrast just passes are overestimated in it, which draws the common phi towards 0.
# - The joint test takes values for nearly normal on their scale of analysis.
#
# ## Key takeaways
#
# - Agreement is never shown by a large p, only disagreement by a small one.
# - What an analysis finds in a simulated {term}`world` is a statement about the analysis.
#
# ## Further reading
#
# - What others have published against the claims: {ref}`against-the-paper`.
# - A published rival for how an old niche ages its stem cells: {cite:t}`young2021`.
# - Why an estimate with its interval says more than a p value: {cite:t}`ho2019`.

# %% tags=["plumbing"]
chapter.write()
