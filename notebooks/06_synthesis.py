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

# %%
from endomtor.calibration import sample_size
from endomtor.analyses import synthesis
from endomtor.chapter import open_chapter

chapter = open_chapter("06_synthesis", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# A young marrow whose endothelium lacks mTOR makes blood like an old one, in its cells, its genes and its grafts {cite}`ramalingam2020`.
# If that is one process, it should have gone equally far in every assay.
#
# **What would count as an answer.**
# {term}`Phi` is one number for every assay: how far {term}`ECKO` went from young (0) to aged (1).
# This page puts all of them on one axis, and asks whether the primary endpoints share one phi ({ref}`methods-joint`).
# It judges no claim anew and records no evidence: the verdicts are those of the chapters, gathered in the ledger.
#
# **Which data this page used.**

# %%
chapter.data_box(*(table for _, table in synthesis.ASSAYS.values()))

# %% [markdown]
# The evidence comes from the other chapters of the same build; where one of them is missing, or was made from other data, this page stops and says which.

# %%
records = synthesis.gather(chapter)
synthesis.show_evidence(records)

# %% [markdown]
# ## Who is the unit?
#
# Each assay keeps the {term}`unit of analysis` of its chapter: the animal, the donor of a limiting dilution, the exposed animal of a transplant.
# No unit is counted twice: endpoints that were read in the same animals are correlated, and the joint test takes them as one experiment.

# %% [markdown]
# ## Phi, assay by assay
#
# An endpoint without an aging effect in the declared direction has no phi that could be read; its set is drawn, its estimate is not.

# %%
synthesis.show_forest(chapter, records)

# %% [markdown] tags=["result:C4.premise"]
# ### Beside it: what public data have
#
# Nobody has published a phi, because nobody has published these mice.
# The nearest thing is the transcriptome of old, unmanipulated cells (GSE162607) {cite}`itokawa2022` on the published signature of {term}`HSC` aging {cite}`svendsen2021`.
# Its slope is called *concordance* here, and it is a premise of claim C4, not a result about ECKO.

# %%
synthesis.show_analogue(records)

# %%
synthesis.say_do_mice(records)

# %% [markdown]
# ## Do the assays share one phi?
#
# Only the primary endpoints enter, which were fixed in `data/claims.toml` before any data were read; with every marrow population in it, it would be a test of marrow.
# An endpoint whose aging contrast is not seen in the declared direction is left out and named.
# The test enters no verdict.

# %%
agreement = synthesis.agreement(chapter)
synthesis.say_joint(agreement)

# %%
synthesis.show_joint(chapter, agreement)

# %%
synthesis.show_left_out(agreement)

# %% [markdown] tags=["result:claims"]
# ## The ledger at this point
#
# One sentence for each kind of data, made from the ledger; the claims themselves stand on the {ref}`first page <ledger>`.

# %%
synthesis.say_conclusions(synthesis.whole_ledger(chapter, records))

# %% [markdown]
# ## How many animals would a real study need?
#
# Cohorts of several sizes were drawn and put through the functions of the chapters: of the world `paper`, to see how many animals support a claim that is true, and of the world `bystander`, to see how many rule a prediction out where nothing changes.
# The effects of these worlds are invented, so the numbers are right only for mice like theirs; a study should put its own expected effects in their place.
# The page {ref}`against-the-paper` uses them for the experiments that would separate rival explanations.

# %%
sample_size.show_table(chapter.provenance.kind)

# %% [markdown]
# ## Real data
#
# None of the paper's own numbers are at hand, and no public data hold the knock-out.
# What others have published against the claims, and what was not reproduced here and why, is told on the page {ref}`against-the-paper`.

# %% [markdown]
# ## What could be wrong
#
# - One phi for all assays would not prove one cause: two causes can be equally strong.
# - Different phis would not disprove the claims, which promise attributes of age and not the same share of each.
# - The aging contrast is the denominator of every phi; endpoints with a weak one are left out, and those that just pass are overestimated, which draws the common phi towards 0.
# - The joint test takes values for nearly normal on their scale of analysis.
#
# ## Key takeaways
#
# - The ledger judges claims one by one; this page shows whether they tell one story.
# - Agreement is never shown by a large p, only disagreement by a small one.
# - What an analysis recovers in a simulated {term}`world` is a statement about the analysis.
#
# ## Further reading
#
# - The paper: {cite:t}`ramalingam2020`.
# - A published rival for how an old niche ages its stem cells: {cite:t}`young2021`.
# - Why an estimate with its interval says more than a p value: {cite:t}`ho2019`.

# %%
chapter.write()
