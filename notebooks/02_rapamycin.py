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
# # Rapamycin and hematopoiesis
#
# **Does inhibiting mTOR with rapamycin harm blood formation, in young and in aged mice?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %%
from endomtor.analyses import rapamycin
from endomtor.chapter import open_chapter

chapter = open_chapter("02_rapamycin", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# Pharmacological inhibition of mTOR with rapamycin is deleterious to hematopoiesis {cite}`ramalingam2020`.
# The abstract gives no dose, route, age or number of mice.
#
# **What would count as an answer.**
# Rapamycin against vehicle, one number per animal; the verdict takes the mean of the two ages, each with equal weight, and each age is shown.
# Claim C2 has four primary predictions: fewer {term}`HSCs <HSC>`, fewer colony-forming cells ({term}`CFU`), fewer platelets, less hemoglobin.
# At least two of them must hold together.
# Lymphocytes are shown and do not count: suppressing them is what the drug is given for.
#
# **What would make "deleterious" false.**
# Three of the four that stay within the {term}`smallest effects of interest <smallest effect of interest>`, or that rise under rapamycin.
# A fall that is gone as soon as dosing stops would narrow the word to "while it is given"; these tables do not say when dosing ended and cannot show it.
#
# **What this cannot say.**
# Rapamycin reaches every cell of the mouse, so that no result of this chapter is about the endothelium.
#
# **Which data this page used.**

# %%
chapter.data_box("rapamycin_blood", "rapamycin_marrow")

# %% [markdown]
# ## Blood over days
#
# Each animal was bled several times.
# Its counts are not independent of one another, so the days are not replicates.

# %%
blood = rapamycin.blood(chapter)
rapamycin.show_blood(chapter, blood)

# %% [markdown]
# ### One number per animal
#
# Each course becomes one number: the mean of the logarithm after the first dose, minus the animal's own value before it.
# Where all animals were bled on the same days, this gives the same difference between rapamycin and vehicle as a model of all bleeds that lets each animal have a level of its own (a mixed model).
# Where an animal has no value before the first dose, no baseline is subtracted for that analyte, and the figure says so.

# %%
changes = rapamycin.change_from_baseline(blood)
rapamycin.show_values(chapter, changes)

# %% [markdown] tags=["result:C2.blood"]
# ### Rapamycin against vehicle, within each age

# %%
blood_answers = rapamycin.compare_blood(chapter, changes)
rapamycin.show_changes(chapter, changes, blood_answers)

# %%
chapter.results("C2.blood", caption="Rapamycin against vehicle in blood: mean of the ages, then each age.")

# %%
rapamycin.show_interactions(chapter, blood_answers)

# %% [markdown]
# ### Day by day: secondary
#
# A linear mixed model keeps the days apart and lets each animal have a level of its own, with the allowance for few animals of Kenward and Roger {cite}`kenward1997`.
# It can say whether the effect changes over the days, as it would where harm builds up.
# No verdict rests on it; where it and the one number per animal disagree, the one number is primary.

# %%
rapamycin.show_over_days(chapter, blood, blood_answers)

# %% [markdown] tags=["result:C2.marrow"]
# ## Marrow
#
# Populations are compared as logarithms of amounts.
# A frequency and an absolute number can disagree, because a frequency also moves when other cells come or go; where a table has both, both are shown.

# %%
marrow = rapamycin.marrow(chapter)
marrow_answers = rapamycin.compare_marrow(chapter, marrow)
rapamycin.show_marrow(chapter, marrow, marrow_answers)

# %%
chapter.results("C2.marrow", caption="Rapamycin against vehicle in marrow: mean of the ages, then each age.")

# %%
rapamycin.show_interactions(chapter, marrow_answers)

# %% [markdown]
# ## Real data: none that we know of
#
# No public table with blood counts of single rapamycin-treated mice was found.
# What the literature says, without a dose that could be compared, points both ways:
#
# - mTOR activity is *higher* in old HSCs, and rapamycin *restored* the function of old HSCs {cite}`chen2009`.
# - Rapamycin expands the myeloid lineage through G-CSF from stroma {cite}`li2022`.
# - With mTOR deleted in blood cells too, HSCs rise for a while, are then exhausted, and fail to engraft {cite}`guo2013`.
#
# So "deleterious" may hold for young mice, or for one dose, and fail for another; the page [against the paper](../book/against-the-paper.md) tells more.

# %% [markdown]
# ## How fragile is it?
#
# Would the verdict be the same with one mouse less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant is run by the functions of this page; the {term}`fragility` of the verdict is the number of them that leave it as it is ({ref}`how-fragile`).
# The other test is an analysis of variance, which takes one variance for all four arms; there is no exact test for the mean of two ages.

# %%
fragile = chapter.fragility(rapamycin.evidence)
chapter.say_fragility(fragile)

# %%
chapter.show_fragility(fragile)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C2")

# %% [markdown]
# ## What could be wrong
#
# - Vehicle, injections and weight loss can lower counts; the vehicle group carries the first two, not the third.
# - A mean over days hides an early fall that recovers, or a late one that has only begun.
# - Fewer cells in marrow is not worse function; only a transplant would tell.
# - Cytopenia under a drug that slows all growing cells says nothing of a niche.
#
# ## Key takeaways
#
# - Repeated bleeds of one mouse are one mouse.
# - Harm is asked of four read-outs together, and lymphocytes are none of them.
# - Even a clear harm would leave the endothelium untested.
#
# ## Further reading
#
# - Rapamycin and old HSCs: {cite:t}`chen2009`.
# - Rapamycin, stroma and the myeloid lineage: {cite:t}`li2022`.
# - mTOR deleted in mice, and what becomes of their stem cells: {cite:t}`guo2013`.

# %%
chapter.write()
