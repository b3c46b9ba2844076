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
# # Does the ECKO transcriptome resemble the aged one?
#
# **Do {term}`HSPCs <HSPC>` of young mTOR {term}`ECKO` mice express their genes as HSPCs of old mice do?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %%
from endomtor.analyses import transcriptome
from endomtor.chapter import open_chapter

chapter = open_chapter("04_transcriptome_resemblance", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# The transcriptome of HSPCs from mTOR ECKO mice resembles that of aged HSPCs {cite}`ramalingam2020`.
#
# **What would count as an answer.**
# "Resembles" is made a number: {term}`phi`, the share of the way from young to aged that ECKO has gone; 0 is like young, 1 like aged.
# Each animal gets one score, on a published signature of {term}`HSC` aging from twelve studies {cite}`svendsen2021`, whose noise is not the noise of these animals.
# Claim C4 needs two things: aged animals score higher than young ones, and the 95 % interval of phi lies above 0.25.
# That ECKO differs from control in many genes is not an answer: a sick mouse differs in many genes too.
# An interval of phi below 0, or a 90 % interval within ±0.25, would contradict the claim.
#
# **Which data this page used.**

# %%
chapter.data_box("hspc_counts", "hspc_samples")

# %% [markdown]
# ## The libraries
#
# One library per animal enters: lanes of one animal are added, because they are one animal.

# %%
data = transcriptome.transcriptomes(chapter)
transcriptome.show_values(chapter, data)

# %% [markdown]
# ## Genes, one by one
#
# DESeq2 {cite}`love2014`, in Python {cite}`muzellec2023`, is fitted once to all animals, so that both comparisons use the same estimate of how much each gene varies between animals.
# The batch is taken into account where it can be told from the groups.

# %%
results = transcriptome.differential(data)
transcriptome.say_called(data, results)

# %%
transcriptome.show_volcano(chapter, data, results, "aging")

# %%
transcriptome.show_volcano(chapter, data, results, "ecko")

# %% [markdown]
# Two lists of called genes, and how much they overlap, do not answer the question.
# Their lengths depend on the number of animals as much as on the biology, and a gene just below the line counts as unchanged.

# %% [markdown] tags=["result:C4.transcriptome.phi"]
# ## Every animal on the aging axis
#
# The score of an animal is its position along the twelve-study signature: genes weigh as their published {term}`log2 fold change` (old against young).
# A score that is 1 higher means as far apart as old and young were in the published studies.

# %%
scores = transcriptome.scores(data)
phi = transcriptome.phi(chapter, data, scores)

# %%
transcriptome.show_scores(chapter, data, scores, phi)

# %% [markdown]
# The interval of phi is Fieller's {cite}`fieller1954`: it takes the uncertainty of *aged − young*, the denominator, into account.
# Where aged and young cannot be told apart it is unbounded, as it should be ({ref}`methods-transcriptome-phi`).
#
# ### Does the answer depend on the weights?
#
# The same genes with equal weights: the up genes against all others, minus the down genes against all others.

# %%
equal = transcriptome.equal_weights(chapter, data, scores)
transcriptome.show_scores(chapter, data, scores, equal, "up_down")

# %% [markdown] tags=["result:C4.transcriptome.phi_genes"]
# ## All expressed genes
#
# The signature looks at its own genes only.
# As a description, phi is also computed over all expressed genes of these animals, chosen by their mean count only.
# Chance alone makes fold changes look larger than they are, and so phi smaller; the estimate takes off what the spread between animals explains.
# Genes are not independent, so the interval leaves out one animal at a time, not one gene.

# %%
phi_genes = transcriptome.phi_genes(chapter, data)

# %%
transcriptome.show_scatter(chapter, data, results, phi_genes)

# %%
transcriptome.show_phi(
    chapter, {"signature, primary": phi, "signature, equal weights": equal, "all expressed genes": phi_genes}
)

# %% [markdown]
# ### A map of both rankings
#
# {term}`Rank-rank overlap <RRHO>` {cite}`plaisier2010` orders the genes by each contrast, from most up to most down, and asks at every pair of ranks whether the tops of the two lists share more genes than chance would give.
# It has four quadrants: lower left, up in both; upper right, down in both; the other two, up in one and down in the other.
# In each the overlap is counted from that quadrant's own corner {cite}`cahill2018`.
# Resemblance fills the diagonal, opposition the two other corners; a change off the aging axis fills none much.
# The map is a picture: its p values treat genes as independent and search the whole map, so none of them enters a verdict ({ref}`methods-rrho`).

# %%
ranks = transcriptome.overlap(results)
transcriptome.show_overlap(chapter, data, ranks)

# %%
transcriptome.show_quadrants(chapter, ranks)

# %% [markdown]
# ### A trap: correlating fold changes
#
# The tempting analysis correlates the fold changes of ECKO with those of aging.
# It goes wrong where both are taken against the *same* young animals.
# A gene that happens to be low in those animals is then high in both contrasts, and with equal group sizes chance alone gives a correlation near one half.
# **The next table shows the wrong analysis on purpose**, beside phi over genes, from which the part that the shared animals cause has been taken off.

# %%
trap = transcriptome.trap(data, results)
transcriptome.show_trap(chapter, trap)

# %% [markdown]
# A correlation without shared animals is free of this fault, but it is no answer either: it has no interval over animals, it falls with the noise of the counts, and it is blind to *how far* ECKO has gone.

# %%
chapter.results(
    "C4.transcriptome",
    caption="Resemblance of the ECKO transcriptome: on the signature (phi), over all expressed genes (phi genes).",
)

# %% [markdown] tags=["result:C4.premise"]
# ## Real data: is the signature a sound ruler?
#
# No public counts of ECKO HSPCs are known, so no public data can test the claim itself.
# What can be tested is its **premise**: that a signature published by others is seen again in old HSCs of another laboratory, and not in just any old blood cell.
# GSE162607 holds eight marrow populations of young (10 weeks) and old (20 months) mice, two of each {cite}`itokawa2022`.
# Two mice say little about how much a gene varies, so this is estimated for each gene once, over all sixteen groups.
#
# For each of the twelve studies one slope is computed: the fold changes here on the fold changes that this study published.
# **The unit is the study, and all of it is conditional on these four mice a population**: with two against two no test over animals can give a p below 1/3.
# The slope on a published signature is *concordance*, not phi: there is no ECKO in it.
# Its size is not to be read as "as strong as published": published fold changes carry noise and were chosen for being significant.
# The studies also share genes and these mice, so that the interval over studies is narrower than one over new mice would be.

# %%
populations = transcriptome.populations(chapter)
transcriptome.say_premises(populations)

# %%
transcriptome.show_populations(populations)

# %% [markdown]
# The signature is strong in HSCs and fades through {term}`MPP1 <MPP>` and MPP2.
# MPP3, MPP4, GMP, MEP and CLP hold no long-term stem cells and serve as negative controls.
# Their slopes are well below that of HSCs, but not all are near zero, and some reach the smallest slope of interest: the signature is stronger in HSCs, not absent elsewhere.
# A line through the origin is carried by the genes that change most, and a few of those rise in other old cells as well: without ten of them, in the next table, little is left in the controls and most in HSCs.
# The share of up genes that rise at all stays near one half or below in the controls.

# %%
transcriptome.show_signature(populations)

# %%
transcriptome.show_population_table(populations)

# %%
transcriptome.show_choices(populations)

# %%
chapter.results("C4.premise", caption="The premises, over published studies.")

# %% [markdown]
# ### Single cells, for the eye only
#
# GSE87631 holds single HSCs of 4 and 18 months {cite}`kirschner2017`, embedded and scored with scanpy {cite}`wolf2018`.
# Two things forbid any test.
# The cells carry no animal ids, and cells of one mouse are not replicates: nobody can tell from this table whether two mice or twenty are behind it.
# And these cells are probably one of the signature's twelve studies, so the score uses a signature made without that study.

# %%
transcriptome.say_cells()

# %%
transcriptome.show_cells("group")

# %%
transcriptome.show_cells("score")

# %% [markdown]
# ## How fragile is it?
#
# Would the verdict be the same with one mouse less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant is run by the functions of this page; the {term}`fragility` of the verdict is the number of them that leave it as it is ({ref}`how-fragile`).
# The other tests are phi of the same score with one variance for all groups, and phi of the score that gives each gene of the signature equal weight.
# For the premises one published study is left out.

# %%
fragile = chapter.fragility(transcriptome.evidence)
chapter.say_fragility(fragile)

# %%
chapter.show_fragility(fragile)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C4")

# %% [markdown]
# ## What could be wrong
#
# - A shared stress response of sorted cells would move ECKO and aged cells alike without any aging.
# - A sort gate holds a mixture; if aged and ECKO marrow fill it with other proportions of the same cells, the transcriptome shifts though no cell has changed.
# - The signature is of HSCs, so that in a wider gate ({term}`LSK`, HSPC) part of its signal is the number of HSCs in the gate.
# - That twelve studies agree says nothing about mice of another strain, sex or diet.
# - Cage and litter can act on several animals together and are in no model here.
#
# ## Key takeaways
#
# - Resemblance is a slope between animals, measured on an axis that others published, not an overlap of gene lists.
# - Genes are not independent: intervals come from animals, or from studies where there are only four mice.
# - Two contrasts against the same animals correlate without any resemblance.
# - In public data the signature returns in old HSCs of another laboratory and fades in their progeny.
#
# ## Further reading
#
# - The signature of HSC aging from twelve studies: {cite:t}`svendsen2021`.
# - The public mice on which it is tried here: {cite:t}`itokawa2022`.
# - Single HSCs of young and old mice: {cite:t}`kirschner2017`.

# %%
chapter.write()
