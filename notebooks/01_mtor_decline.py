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
# # mTOR in aged marrow endothelium
#
# **Is mTOR signalling lower in the marrow endothelial cells of old mice?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %%
from endomtor.analyses import mtor_decline
from endomtor.chapter import open_chapter

chapter = open_chapter("01_mtor_decline", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# With age, mTOR signalling goes down in the endothelial cells of the bone marrow ({term}`BMECs <BMEC>`), which *potentially* explains why the niche declines {cite}`ramalingam2020`.
# The hedge is the authors', and this book keeps it: the fall is claim C1, the explanation is claim C1b.
#
# **What would count as an answer.**
# One value per animal and marker, old against young, on the log2 scale.
# Claim C1 needs at least one {term}`mTORC1` read-out (pS6 or p4EBP1) that is lower in old mice by at least 20 %, with an interval that excludes no change.
# Having several read-outs to choose from is paid for: the p of the claim counts all that were measured ({ref}`claim-rule`).
# A marker of {term}`mTORC2` (pAKT S473) is a prediction of its own: a fall of mTORC1 says nothing about it.
# A 95 % interval on the other side of zero, or a 90 % interval that fits between −20 % and +25 %, would contradict the prediction.
#
# **Which data this page used.**

# %%
chapter.data_box("bmec_signaling", "bmec_cells")

# %% [markdown] tags=["result:C1.signaling"]
# ## Phospho-flow, one value per animal
#
# Each animal has one fluorescence intensity ({term}`MFI`) per marker.
# Intensities multiply rather than add, so they are compared as logarithms.
# Where every animal has a background of its own ({term}`FMO`) below its signal, that is subtracted first.
# Where one tube served a whole group and day, subtracting it would move all its animals together, so the raw logarithm is primary and both are listed.

# %%
markers = mtor_decline.markers(chapter)
mtor_decline.show_values(chapter, markers)

# %% [markdown]
# ### Old against young
#
# Where there are several batches they are in the model, so that animals are compared within a batch.
# All markers of the panel form one family, and their p values are adjusted with {term}`Holm's method <Holm adjustment>`.

# %%
answers = mtor_decline.compare_markers(chapter, markers)
mtor_decline.show_markers(chapter, markers, answers)

# %%
chapter.results("C1.signaling", caption="Aged against young, per marker.")

# %%
mtor_decline.show_backgrounds(chapter, markers)

# %% [markdown] tags=["result:C1.cells"]
# ## Single cells, one value per animal
#
# Cells of one mouse are not independent mice: they share its age, its cage and its day.
# So the single cells are drawn for the eye only, and the test runs on the sum over the cells of each animal ({term}`pseudobulk`) {cite}`squair2021`.

# %%
cells = mtor_decline.cells(chapter)
shown = mtor_decline.drawn(cells)
mtor_decline.show_cells(chapter, cells, shown)

# %% [markdown]
# The score of an animal is the mean log2 expression of the mTORC1 {term}`hallmark <hallmark set>` genes minus that of all other genes.

# %%
scores = mtor_decline.hallmark_scores(chapter, cells)
answer = mtor_decline.compare_scores(chapter, scores)
mtor_decline.show_scores(chapter, scores, answer)

# %% [markdown]
# The next number is wrong, and is shown so that it can be recognised: it takes every cell for an animal.
# Beside it stand the same cells averaged per animal, so that only the unit differs.

# %%
mtor_decline.show_cells_as_n(cells, shown, answer)

# %% [markdown] tags=["result:C1.context"]
# ## Real data: endothelium of brain, heart and kidney
#
# No public data of young and old *marrow* endothelium with animal identities could be bundled here.
# What is public are sorted endothelial cells of three other organs, three young and three old mice each.
# They are **context**: another organ's vessels cannot test a claim about the marrow.
# One heart and one kidney were sequenced in two lanes, which are added first, because two lanes of one mouse are one mouse.

# %%
tissues = mtor_decline.other_endothelium(chapter)
mtor_decline.show_other_endothelium(tissues)

# %%
chapter.results("C1.context", caption="mTORC1 hallmark, aged − young, in other organs' endothelium.")

# %% [markdown]
# ### A p value to distrust
#
# The same data, tested over genes, give for one of the organs a p value that would be called overwhelming.
# It treats the genes of one pathway as independent witnesses, but they rise and fall together in each mouse: a p over genes says that the set moved in *these* six mice, not that it moves with age.
# Over mice, three against three are few: no exact test could give a small p here ({ref}`methods-units`).

# %%
mtor_decline.show_wrong_gene_level(tissues)

# %% [markdown]
# ## How fragile is it?
#
# Would the verdict be the same with one mouse less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant is run by the functions of this page; the {term}`fragility` of the verdict is the number of them that leave it as it is ({ref}`how-fragile`).
# The other test is an analysis of variance, which takes one variance for both groups; where no batch is in the model there is the exact permutation test too, which deals the animals anew into two groups in every possible way.

# %%
fragile = chapter.fragility(mtor_decline.evidence)
chapter.say_fragility(fragile)

# %%
chapter.show_fragility(fragile)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C1")

# %%
chapter.verdict("C1b")

# %% [markdown]
# ## What could be wrong
#
# - Fluorescence of a phospho-epitope depends on the stain, the day and the cell's size; without total protein a fall of pS6 may be a fall of S6.
# - Aged marrow may hold another mixture of sinusoidal and arteriolar cells; a mean over the mixture then falls although no cell changed.
# - Vessels of other organs age in their own way: in arteries p-S6K *rises* with age {cite}`pmc5242306`.
# - That endothelial mTOR falls while the niche declines does not say that the one causes the other; this is why C1b stays untested.
#
# ## Key takeaways
#
# - The animal is the unit, whether its cells went through a cytometer or a sequencer.
# - mTORC1 and mTORC2 are asked separately.
# - Public data of other organs show no clear change of the mTORC1 hallmark at the level of mice, and in one organ a misleading one at the level of genes.
#
# ## Further reading
#
# - The claim itself, in the authors' words: {cite:t}`ramalingam2020`; what the same laboratory had reported before: {cite:t}`ramalingam2018`.
# - mTOR in old {term}`HSCs <HSC>`, where it goes the other way: {cite:t}`chen2009`.
# - Why cells of one mouse are not many mice, in single-cell data: {cite:t}`squair2021`.

# %%
chapter.write()
