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
# # Aged attributes in young ECKO mice
#
# **Do young mice without endothelial mTOR (mTOR {term}`ECKO`) show attributes of old ones?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %%
from endomtor.analyses import ecko_phenotypes as ecko
from endomtor.chapter import open_chapter

chapter = open_chapter("03_ecko_phenotypes", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# Deleting mTOR in endothelium alone, in young mice, gives {term}`HSPCs <HSPC>` attributes of an aged hematopoietic system {cite}`ramalingam2020`.
#
# **What would count as an answer.**
# "Like aged" is a place between young and old mice, so each endpoint is put on one scale: {term}`phi` = (ECKO − control) / (aged − young).
# Phi is 0 where ECKO mice are like their controls and 1 where they have gone as far as aged mice from young ones; its interval comes from Fieller's method {cite}`fieller1954`.
# An endpoint counts when old mice differ from young ones in the declared direction **and** the interval of phi lies above 0.25.
# That ECKO differs from control is not enough: a sick mouse differs too.
# Claim C3 needs three of five primary endpoints: lineage balance of the blood, number of {term}`HSCs <HSC>`, HSC {term}`polarity`, {term}`gamma-H2AX foci`, and repopulating cells in whole marrow.
# A 95 % interval of phi that lies below 0, or a 90 % interval that fits between −0.25 and 0.25, would contradict an endpoint; three of the five would contradict the claim.
#
# **Which data this page used.**

# %%
chapter.data_box("ecko_blood", "ecko_marrow", "ecko_cells", "ecko_limiting_dilution", "ecko_verification", "survival")

# %% [markdown]
# ## Blood
#
# Percentages of lineages add to 100: when one rises the others must fall, without any cell having changed its mind.
# So they are compared as a {term}`composition <compositional data>` {cite}`buttner2021`, through one balance named beforehand: myeloid against B and T cells, an isometric log-ratio ({term}`ILR`) {cite}`egozcue2003`.
# Where an animal was bled more than once, the latest week common to all animals gives its one value.

# %%
blood = ecko.blood(chapter)
ecko.show_values(chapter, blood, "ecko_blood", "balance (ILR) or log2 amount")

# %%
ecko.show_weeks(chapter, blood)

# %% [markdown] tags=["result:C3.blood"]
# ### Lineages

# %%
blood_answers = ecko.compare(chapter, blood, "ecko_blood")
ecko.show_composition(chapter, blood, blood_answers)

# %%
ecko.say_phi(blood_answers)

# %%
ecko.show_lineages(chapter, blood)

# %% [markdown]
# ### Counts
#
# White cells, platelets and hemoglobin are descriptive: no direction was declared for them.

# %%
ecko.show_counts(chapter, blood, blood_answers)

# %%
chapter.results("C3.blood", caption="Blood: phi per endpoint, of the lineage balance (ILR) or of log2 counts.")

# %% [markdown] tags=["result:C3.marrow"]
# ## Marrow
#
# Numbers of cells multiply, so they are compared as logarithms.
# The same population may come in several units, and a frequency and an absolute number can disagree: both are shown.
# The rule for the verdict was fixed beforehand: an absolute number goes before a share of other cells, whatever the values say.

# %%
marrow = ecko.marrow(chapter)
ecko.show_values(chapter, marrow, "ecko_marrow", "log2 amount")

# %%
marrow_answers = ecko.compare(chapter, marrow, "ecko_marrow")
ecko.show_marrow(chapter, marrow, marrow_answers, stem=True)

# %%
ecko.say_phi(marrow_answers)

# %%
ecko.show_marrow(chapter, marrow, marrow_answers, stem=False)

# %%
chapter.results("C3.marrow", caption="Marrow: phi of the log2 amount of each population.")

# %% [markdown]
# ## Single HSCs
#
# Cells of one mouse share its age, its marrow and its slide, so the mouse is the unit {cite}`aarts2014`.
# A {term}`SuperPlot` shows both: cells small, mice large {cite}`lord2020`.
# A mouse's polarity is the empirical {term}`logit` of its polarised fraction, its gamma-H2AX the logarithm of its mean number of foci + 0.5.

# %%
cells = ecko.cells(chapter)
ecko.say_cells(chapter, cells)

# %%
animals = ecko.per_animal(cells)
ecko.show_values(chapter, animals, "ecko_cells", "logit or log")

# %% [markdown] tags=["result:C3.cells.polarity"]
# ### Polarity

# %%
cell_answers = ecko.compare(chapter, animals, "ecko_cells")
ecko.show_superplot(chapter, cells, cell_answers, "polarity")

# %%
ecko.show_animals(chapter, animals, cell_answers, "polarity")

# %% [markdown] tags=["result:C3.cells.gH2AX_foci"]
# ### Gamma-H2AX

# %%
ecko.show_superplot(chapter, cells, cell_answers, "gH2AX_foci")

# %%
ecko.show_animals(chapter, animals, cell_answers, "gH2AX_foci")

# %%
ecko.say_phi(cell_answers)

# %%
chapter.results("C3.cells", caption="Single HSCs, one value per animal: phi per assay.")

# %% [markdown]
# ### Wrong on purpose: cells as n
#
# The next table holds an analysis that is wrong, and is shown so that it can be recognised: it takes every cell for an animal.

# %%
ecko.show_cells_as_n(chapter, cells)

# %% [markdown] tags=["result:C3.limiting_dilution"]
# ## Limiting dilution
#
# Marrow of a donor is diluted over many recipients, and the share of recipients without a graft tells how rare repopulating cells are.
# The treatment was assigned to the donor, so each donor gives one log frequency, and donors are compared.
# What age does to the frequency depends on the cells injected: most reports say that whole marrow of old mice holds more repopulating cells, and that a sorted HSC of an old mouse is less often one.
# For these two the direction was declared accordingly; for other cells none was, so that an aging effect in either direction counts.

# %%
dilution = ecko.dilution(chapter)
donors = ecko.donors(dilution)
ecko.show_values(chapter, donors, "ecko_limiting_dilution", "ln frequency")

# %%
dilution_answers = ecko.compare(chapter, donors, "ecko_limiting_dilution")
ecko.show_donors(chapter, donors, dilution_answers)

# %%
ecko.say_phi(dilution_answers)
ecko.show_extremes(chapter, donors)

# %%
chapter.results("C3.limiting_dilution", caption="Limiting dilution, donors as n: phi per cell type.")

# %% [markdown]
# ### Dilution plots
#
# Under the single-hit model the logarithm of the share without a graft falls in a straight line with the dose {cite}`hu2009`.
# The dotted level is 37 %, where a recipient got one repopulating cell on average.

# %%
ecko.show_dilution(chapter, dilution, 0)

# %%
ecko.show_dilution(chapter, dilution, 1)

# %%
ecko.say_single_hit(dilution)

# %% [markdown]
# ### Wrong on purpose: recipients as n
#
# {term}`ELDA`, the field's habit, pools the recipients of all donors of a group {cite}`hu2009`.
# Its frequencies are good descriptions; its intervals and p values count recipients and so leave out that donors differ.

# %%
ecko.show_elda(chapter, dilution)

# %%
ecko.show_recipients_as_n(chapter, dilution, dilution_answers)

# %% [markdown]
# ## How far from young to aged
#
# Every endpoint of this page on the one scale.
# A filled arrowhead means that an interval has no end on that side, an open one that it ends beyond the axis: where young and old mice do not differ, no phi can be told from any other.

# %%
parts = (blood_answers, marrow_answers, cell_answers, dilution_answers)
ecko.show_phi(chapter, *parts)

# %%
ecko.show_without_reference(chapter, *parts)

# %%
ecko.show_remarks(*parts)

# %% [markdown]
# ## Was the knock-out where it should be?
#
# A phenotype speaks for the endothelium only if mTOR is gone there and still present in blood-forming and stromal cells.
# These numbers are descriptive and enter no verdict.

# %%
knockout = ecko.verification(chapter)
knockout_answers = ecko.compare_verification(knockout)
ecko.show_verification(chapter, knockout, knockout_answers, "recombined_allele_pct")

# %%
ecko.show_verification(chapter, knockout, knockout_answers, "Mtor_mRNA")

# %%
ecko.show_verification_table(chapter, knockout_answers)

# %% [markdown]
# ## Survival
#
# Death before a read-out takes animals out of the tables above, and perhaps not at random.
# Died and euthanised animals count as deaths; groups are compared within one challenge only.

# %%
survival = ecko.survival(chapter)
ecko.show_survival(chapter, survival)

# %%
ecko.show_log_rank(chapter, survival)

# %% [markdown]
# ## Real data: what age does to the blood of DO mice
#
# No public data of ECKO mice with one value per animal are known to this book.
# What is public is how blood changes with age in Diversity Outbred mice of 7, 13 and 19 months {cite}`deighan_do`.
# It is **context**: other mice, no knock-out, and summary effects rather than animals, so it can tell in which direction blood ages and nothing about ECKO.

# %%
do_mice = ecko.do_mice(chapter)
ecko.show_do_mice(do_mice)

# %%
ecko.show_do_table()

# %% [markdown]
# The interval here comes from the published standard error, the p from the authors' bootstrap of the whole model.
# For white blood cells, lymphocytes and their ratio to neutrophils the two disagree, so these rows settle nothing.

# %%
chapter.results("C3.context", caption="DO mice: effect of age, context without a verdict.")

# %% [markdown]
# ## How fragile is it?
#
# Would the verdict be the same with one mouse or donor less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant is run by the functions of this page; the {term}`fragility` of the verdict is the number of them that leave it as it is ({ref}`how-fragile`).
# The other test is phi with one variance for all groups.

# %%
fragile = chapter.fragility(ecko.evidence)
chapter.say_fragility(fragile)

# %%
chapter.show_fragility(fragile)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C3")

# %% [markdown]
# ## What could be wrong
#
# - A knock-out can make mice ill, and illness looks like age in blood counts and in gamma-H2AX; phi on one endpoint cannot tell them apart, a pattern over endpoints can.
# - Recombination outside the endothelium would make the phenotype somebody else's; see the verification above.
# - Phi divides by the difference of aged and young mice: if these were bred, housed or sorted elsewhere than ECKO and control, that difference holds more than age.
# - A larger pool of phenotypic HSCs is not more function: markers shift with age, and the two may disagree {cite}`dykstra2011`.
# - With a few donors in each group a limiting dilution rests on these few, however many recipients there are.
# - Endpoints of the same animals are correlated; the rule of the claim allows for any dependence, the eye on the forest plot does not.
#
# ## Key takeaways
#
# - Phi asks "how far towards aged", which "different from control" does not answer.
# - Lineages are one composition, cells belong to mice, recipients belong to donors.
# - Without an aging effect in the same data there is nothing to resemble, and the page says so instead of dividing by it.
# - Public blood data show how mice age; they do not test the knock-out.
#
# ## Further reading
#
# - What age does to HSCs, cell by cell: {cite:t}`dykstra2011`.
# - Homing and engraftment of old cells: {cite:t}`liang2005`.
# - Figures that show animals and cells together: {cite:t}`lord2020`.
# - Limiting dilution and its usual program: {cite:t}`hu2009`.

# %%
chapter.write()
