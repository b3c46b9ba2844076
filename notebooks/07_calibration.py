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
# # Calibration
#
# **How often would each analysis of this book be wrong?**

# %% tags=["parameters"]
data_dir = ""  # of these data only the numbers of units play a part here; the rates come from many simulated cohorts
world = "paper"
seed = 1

# %%
from endomtor.calibration import report as calibration
from endomtor.chapter import open_chapter

chapter = open_chapter("07_calibration", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the book says elsewhere.**
# An interval is called a 95 % interval, and a claim whose effects do not exist is said to be supported by chance in at most 2.5 % of studies ({ref}`claim-rule`).
# These are statements about analyses, not about mice, and they rest on assumptions: normal spread, enough animals, the right {term}`unit of analysis`.
#
# **What would count as an answer.**
# Draw many {term}`simulated` studies in which it is known what is true, put each through the very functions that chapters 01 to 05 call, and count how often the verdict is wrong.
# Do the same where the assumptions fail: three animals in a group, unequal groups, heavy tails.
# A rule that is wrong more often than promised is named on this page, and its verdict is then not to be trusted in such a design.
#
# **Which data this page used.**

# %%
found = calibration.frozen()
calibration.show_box(found, chapter)

# %% [markdown]
# ## Who is the unit?
#
# The unit is the **cohort**: one simulated study with all its tables, drawn with a seed of its own.
# Within a cohort the chapters take their own units, as always; here each cohort gives one answer for each rule.
# A rate is the share of cohorts, and its 95 % interval is the exact one of Clopper and Pearson.
# A cohort whose verdict is withheld counts for no rate.

# %% [markdown]
# ## What is promised
#
# Plan, seeds and promises were fixed in `data/calibration.toml` before the run, so that no promise could be fitted to its rate.
# Among so many rates some lie above their promise by chance alone.
# Each therefore has a **band**: how far chance may carry a rule that just keeps its promise.
# The bands hold jointly: the chance that any rule leaves its own is shared out among all promises by Bonferroni's method.
# A rate on the bad side of its band breaks its promise; one on the good side is more careful than promised.

# %%
calibration.show_promises(found)

# %% [markdown]
# *False support*: a prediction is supported although nothing of it was planted, or for {term}`phi` no more than the {term}`smallest effect of interest`; a claim is supported although fewer of its effects exist than it needs.
# *False contradiction*: a prediction is contradicted although at least the smallest effect was planted, or said to go the other way although a smaller one was; a claim is contradicted although it has the effects that it needs.
# *Coverage*: the 95 % interval holds the planted value.
# Where the effect lies between nothing and the smallest of interest, neither support nor "too small to matter" is called wrong.

# %% [markdown]
# ## What is drawn
#
# The eight {term}`worlds <world>` of the book come first.
# The others ask where false support is likeliest, no effect at all or a phi just at the smallest of interest, and then strain one assumption each.

# %%
calibration.show_scenarios()

# %% [markdown]
# ## The rates
#
# ### False support

# %%
calibration.show_rates(found, "false support")

# %% [markdown]
# Descriptive predictions that declare no direction may be supported on either side, so they are promised twice as much.

# %%
calibration.show_rates(found, "false support", either=True)

# %% [markdown]
# ### False contradiction

# %%
calibration.show_rates(found, "false contradiction")

# %% [markdown]
# ### Coverage

# %%
calibration.show_rates(found, "coverage")

# %% [markdown]
# ### The worst of each scenario

# %%
calibration.show_summary(found)

# %% [markdown] tags=["result:promises"]
# ## Which promises are broken?

# %%
calibration.show_beyond(found)

# %% [markdown]
# ## Which are kept with care to spare, and why?

# %%
calibration.say_careful(found)

# %% [markdown]
# ## Mixed models: secondary
#
# The mixed models over days (chapter 02) and weeks (chapter 05) enter no verdict, so only the coverage of their intervals counts.
# Their standard errors and degrees of freedom are those of Kenward and Roger {cite}`kenward1997`.
# They give all niches, or all arms, one variance between units, which costs coverage where aged units vary more (`spread`).

# %%
calibration.show_courses(found)

# %% [markdown]
# ## The transcriptome
#
# Chapter 04 scores each animal on the published aging axis and takes phi of these scores.
# The simulated counts hold a programme of correlated genes, partly along that axis, which differs between animals and has nothing to do with the knock-out.
# A test that took genes for units would mistake it for an effect.

# %%
calibration.show_expression(found)

# %% [markdown]
# ## Power: how often a true effect is found
#
# An analysis that never says anything is never wrong, so its power, the share of true effects that it finds, belongs beside its errors.
# In the world `paper` the effects are large, because they were invented so.

# %%
calibration.show_power(found, "paper")

# %% [markdown]
# At the smallest effect of interest little can be found, by the rule itself.
# A difference is supported only if its *estimate* reaches that size, which at best every second cohort does, however many animals it has.
# A phi is supported only if its whole *interval* lies above, which at this point is the false support that was promised to be rare.
# So a study that is to support a claim needs effects well above the smallest of interest.

# %%
calibration.show_power(found, "smallest")

# %% [markdown]
# ## Wrong on purpose: the tempting analyses
#
# The next figure holds analyses that are wrong, each beside its right twin, in cohorts in which there is nothing to find.
#
# - **Cells as n.** Cells of one mouse resemble each other, so a hundred cells of five mice are five animals {cite}`aarts2014`.
# - **Recipients as n.** Recipients of one exposed animal share its niche and its graft, so they repeat one exposure {cite}`lazic2018`.
# - **ELDA, recipients as n.** The program takes all recipients of a group for independent {cite}`hu2009`, but those of one donor share its marrow.
# - **Raw per cent.** Here only B and T cells trade places; the balance of myeloid cells is as it was, yet their per cent moves, because parts of a whole must add to 100 {cite}`buttner2021`.
# - **Any marker, not corrected.** With several markers each has its own chance of a small p, and the best of them is reported.
# - **Naive correlation with a shared young group.** Both fold changes contain the same young mice, whose luck enters both, and thousands of genes are taken for as many animals.

# %%
calibration.show_mistakes(found)

# %% [markdown]
# ## A slice, drawn again
#
# Counting everything takes long, so the rates above were read from a frozen table.
# A few cohorts are counted anew each time that the page is made, as a check that the table still belongs to the code.

# %%
again = calibration.slice_again(found)
calibration.say_slice(found, again)

# %% [markdown]
# ## In the design of these data
#
# All rates above are about the book's own design: so many animals as its worlds draw.
# A laboratory has other numbers of animals, and its own question: how often would these analyses be wrong, and how often right, in *my* study?
# So, where the book is built on a laboratory's data, a few cohorts are drawn with exactly its tables and {term}`units <unit of analysis>` in each group.
# They are drawn twice: once where nothing, or no more than a {term}`phi` at the smallest of interest, is planted (`edge`), once with the effects of the world `paper`.

# %%
calibration.show_own_design(chapter)

# %% [markdown]
# ## Real data
#
# No value of a mouse is on this page, and none could be: in real data nobody knows what is true, so nobody can count what is wrong.
# Nor does this page record evidence for or against a claim.

# %% [markdown]
# ## What could be wrong
#
# - The worlds have assumed numbers: where real mice vary more, or in other ways than those tried, the rates are others.
# - Each strained scenario strains one thing; a real study may be small, unequal and heavy-tailed at once.
# - Counts, cells and grafts are drawn from models that resemble those of the analyses, which flatters the analyses.
# - In the scenario `survivor` poor grafts die before the read-out, so the estimates are biased by design; no rule promises to see through that, and its rates are shown without a promise.
# - A rule within its band may still be wrong a little more often than promised: the band says only that chance could explain it.
# - Rates of the same cohorts hang together, since the rules read the same animals.
#
# ## Key takeaways
#
# - A calibration says how analyses behave where the truth is known; it says nothing about mice.
# - What is promised is fixed before the count, and a broken promise is named with its rule and its design.
# - Whoever is tempted to take more for n than was treated finds the price in the figure of wrong analyses.
#
# ## Further reading
#
# - What n is in an experiment with animals: {cite:t}`lazic2018`.
# - What it costs to take cells for animals: {cite:t}`aarts2014`.
# - The rule by which several results support one claim: {cite:t}`benjamini2008`.
# - Standard errors of mixed models with few animals: {cite:t}`kenward1997`.

# %%
chapter.write()
