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
# # Serial transplants
#
# **Does passage through an endothelium without mTOR leave a lasting mark on wild-type {term}`HSPCs <HSPC>`?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %%
from endomtor.analyses import transplants
from endomtor.chapter import open_chapter

chapter = open_chapter("05_serial_transplants", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# Wild-type HSPCs that passed through an mTOR {term}`ECKO` environment show aging phenotypes in serial transplants, so that signals of the endothelium instruct them {cite}`ramalingam2020`.
#
# **What would count as an answer.**
# The mark must be seen in *later* hosts, when the cells have left the {term}`niche` that exposed them.
# {term}`Phi` says how far an ECKO niche moved the cells from those that passed through a young niche (0) to those that passed through an aged one (1); its interval comes from Fieller's method {cite}`fieller1954`.
# Claim C5 needs one of two read-outs in the latest passage that has every niche: donor {term}`chimerism` (lower after an aged niche) or the myeloid-lymphoid balance of donor cells (higher after an aged niche).
# A read-out counts when the aged niche itself left a mark in the declared direction **and** the interval of phi lies above 0.25.
# That ECKO differs from control is not enough, and where the aged niche leaves no mark there is nothing to resemble.
# A 95 % interval of phi that lies below 0, or a 90 % interval that fits between −0.25 and 0.25, would contradict a read-out; both would have to be contradicted for the claim.
#
# **Which data this page used.**

# %%
chapter.data_box("serial_transplants")

# %% [markdown]
# ## Who is the unit?
#
# The treatment, a niche, was given to the first host: the **exposed animal**.
# Its cells go on into later recipients, which share that one exposure, so they are subsamples of the exposed animal and not new evidence {cite}`lazic2018`.
# The **donor** of the wild-type cells is a block where it feeds several niches: then niches are compared within donors.
# Where each donor feeds one niche only, its exposed animals share what it brings, and the donor is the unit.
#
# One value stands for each exposed animal and passage: the latest week common to all, from week 16 on where reached, and the mean over its recipients.
# Chimerism is averaged and compared as a {term}`logit`, because a percentage has walls at 0 and 100.
# This primary analysis needs no model for how the bleeds of one mouse hang together.
# A mixed model over all weeks does, and is shown beside it as a secondary analysis.

# %%
recipients = transplants.recipients(chapter)
transplants.show_hosts(chapter)

# %%
answers = transplants.compare(chapter, recipients)
transplants.show_values(chapter, answers)

# %% [markdown] tags=["result:C5.transplant.chimerism"]
# ## Donor chimerism
#
# Every recipient is a thin line.
# Bold lines are means over exposed animals.
# Where recipients die, a bold line may rise only because poor grafts have left it.

# %%
transplants.show_courses(chapter, recipients, "chimerism")

# %% [markdown]
# ### Every exposed animal
#
# The contrasts stand beside the animals: what an aged niche does, and what an ECKO niche does.
# Passage 1 is read in the exposed animal itself, where the niche still acts.

# %%
transplants.show_exposed(chapter, answers, "chimerism")

# %%
chapter.results(
    "C5.transplant.chimerism",
    caption="Donor chimerism: phi. The row without a number is the latest passage, which is primary.",
)

# %% [markdown]
# ### All weeks: secondary
#
# A linear mixed model takes every bleed of a passage and lets each donor, each exposed animal and each recipient have a level of its own, with the allowance for few animals of Kenward and Roger {cite}`kenward1997`.
# It asks whether niches differ on average over the weeks, and whether they grow apart; where it and the read-out week disagree, the read-out week is primary.

# %%
transplants.show_over_weeks(chapter, recipients, "chimerism")

# %% [markdown] tags=["result:C5.transplant.myeloid_balance"]
# ## Lineage output
#
# Myeloid, B and T cells add to a whole, so a rise of one is a fall of the others {cite}`buttner2021`.
# One balance was named beforehand: myeloid against B and T cells, an isometric log-ratio ({term}`ILR`) {cite}`egozcue2003`.

# %%
transplants.show_courses(chapter, recipients, "myeloid_balance")

# %%
transplants.show_lineages(chapter, recipients, answers)

# %%
transplants.show_exposed(chapter, answers, "myeloid_balance")

# %%
chapter.results(
    "C5.transplant.myeloid_balance",
    caption="Lineages: phi. The row without a number is the latest passage, which is primary.",
)

# %% [markdown]
# The same secondary model over all weeks, for the balance:

# %%
transplants.show_over_weeks(chapter, recipients, "myeloid_balance")

# %% [markdown]
# ## How far towards aged?

# %%
transplants.show_phi(chapter, answers)

# %%
transplants.say_withheld(answers)

# %% [markdown]
# ## Wrong on purpose: recipients as n
#
# The next figure holds an analysis that is wrong, and is shown so that it can be recognised: it takes every later recipient for an experiment of its own.
# Two recipients of one exposed animal share its niche, its graft and its luck; counting both only says twice what was seen once.
# Taking subsamples for n can give up to 80 % false positives {cite}`aarts2014`.

# %%
transplants.show_recipients_as_n(chapter, recipients, answers)

# %%
transplants.say_narrower(recipients, answers)

# %% [markdown]
# ## Deaths before the read-out
#
# A recipient with a poor graft may die before it is bled for the last time, and an exposed animal that dies early has no later recipients.
# What is then read are the survivors, whose grafts may have been better.
# Deaths are counted here for each niche, because a bias arises above all where they differ between niches.

# %%
transplants.show_losses(chapter, recipients, answers)

# %% [markdown]
# How much could the dead have changed?
# The next table puts the lowest chimerism that was seen in the place of every death.
# This is a **sensitivity analysis** and no estimate, nor a bound, for the dead may have been lower still; it enters no verdict.

# %%
transplants.show_sensitivity(chapter, recipients, answers)

# %% [markdown]
# ## Other tissues and populations
#
# The primary read-out is CD45+ cells of blood.
# Marrow, or chimerism within {term}`HSCs <HSC>` or {term}`LSK` cells, is described here without a test.

# %%
transplants.show_other_readouts(chapter)

# %% [markdown]
# ## Real data
#
# No public data of this experiment are known: wild-type cells through young, aged and ECKO niches, read in later hosts animal by animal.
# What the literature says about the premise points both ways.
# In a study of another question, young blood and young niches did not rejuvenate old HSCs {cite}`ho2021`.
# Young endothelial cells restored the repopulating capacity of old HSCs, but not their myeloid bias {cite}`poulos2017`.
# So a prediction on chimerism can hold while that on lineages fails, and this page keeps them apart.

# %% [markdown]
# ## How fragile is it?
#
# Would the verdict be the same with one exposed animal less, and so without any of its recipients, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant is run by the functions of this page; the {term}`fragility` of the verdict is the number of them that leave it as it is ({ref}`how-fragile`).
# The other test is phi with one variance for all niches; donor and batch stay in the model.

# %%
fragile = chapter.fragility(transplants.evidence)
chapter.say_fragility(fragile)

# %%
chapter.show_fragility(fragile)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C5")

# %% [markdown]
# ## What could be wrong
#
# - Fewer cells may have lodged in the first host: they then divide more, and what is read later is proliferative stress and not instruction.
# - A niche may select clones rather than change cells; chimerism cannot tell the two apart.
# - The number of cells passed on is rarely matched between niches, and a smaller graft stays smaller without any memory.
# - Deaths before the read-out, if poor grafts kill, make the worse niche look better than it was.
# - Donor and batch enter differently: the donor is a block, the batch is only checked, and withholds the verdict where it cannot be told from the niche.
#
# ## Key takeaways
#
# - The exposed animal is the unit; later recipients are subsamples of it, however many there are.
# - A donor that feeds all niches is a block and makes the comparison sharper; a donor that feeds one is the unit and makes n smaller.
# - A mark is lasting only if it is seen in a later host, and resembles aging only if the aged niche leaves one too.
#
# ## Further reading
#
# - Young endothelial cells given to old mice: {cite:t}`poulos2017`.
# - Old HSCs that young surroundings did not rejuvenate: {cite:t}`ho2021`.
# - A later study of the same laboratory on restoring the niche: {cite:t}`ramalingam2023`.
# - What n is in an experiment with animals: {cite:t}`lazic2018`.

# %%
chapter.write()
