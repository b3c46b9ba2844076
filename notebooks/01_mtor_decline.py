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

# %% tags=["imports"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scanpy as sc
import seaborn as sns
from IPython.display import Markdown
from scipy import stats
from statannotations.Annotator import Annotator

from endomtor import figures, public
from endomtor.cells import StoredCells, passing, sample
from endomtor.chapter import open_chapter
from endomtor.contract import shared_backgrounds, vocabulary
from endomtor.errors import NotTestable
from endomtor.figures import style
from endomtor.public import aging_cohorts, hsc_animals, originals
from endomtor.reporting import alt_text, describe, endpoint_text, n_text, p_text, result_text
from endomtor.stats import difference, expression, holm

# %% tags=["plumbing"]
chapter = open_chapter("01_mtor_decline", data_dir, world, seed)

# %%
blots, of_blots = public.table("aging_blots")
at_26 = {tissue: aging_cohorts.blot_difference(blots, tissue, "p-S6") for tissue in ("brain", "spleen", "lung")}
in_percent = {
    tissue: f"{100 * 2**one.estimate:.0f} % ({100 * 2**one.ci_low:.0f} to {100 * 2**one.ci_high:.0f})"
    for tissue, one in at_26.items()
}
chapter.lead(
    f"In whole brain of mice of 26 months phosphorylated S6 is at {in_percent['brain']} of its level at 3 months, in "
    f"spleen at {in_percent['spleen']} and in lung at {in_percent['lung']}, four mice an age; the other arm of mTORC1, "
    "4E-BP1, shows no fall in brain or spleen.",
    of_blots,
)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# With age, mTOR signalling goes down in the endothelial cells of the bone marrow ({term}`BMECs <BMEC>`), which *potentially* explains why the niche declines {cite}`ramalingam2020`.
# The hedge is the authors', and this book keeps it: the fall is claim C1, the explanation is claim C1b.
#
# **What would count as an answer.**
# One value per animal and marker, old against young, on the log2 scale.
# Claim C1 needs at least one {term}`mTORC1` read-out (pS6 at S240/244, p4EBP1 or pS6K) that is lower in old mice by at least 20 %, with an interval that excludes no change.
# pS6 at S235/236 is described only: RSK, a kinase of the ERK pathway, phosphorylates that site as well.
# Several chances to succeed need a stricter test, so the p of the claim is corrected for all read-outs that were measured ({ref}`claim-rule`).
# A marker of {term}`mTORC2` (pAKT S473) is a prediction of its own: a fall of mTORC1 says nothing about it.
# A 95 % interval on the other side of zero, or a 90 % interval that fits between −20 % and +25 %, would contradict the prediction.
#
# **How the code of this page is laid out.**
# `chapter` stands for this page and its data: `chapter.table` reads a table, `chapter.record` judges an answer by the rule written down beforehand and enters it in the ledger, `chapter.show` prints a figure with its label.
# Names such as `C1.signaling` are entries of the ledger.

# %% [markdown] tags=["result:C1.context.brain", "result:C1.context.heart", "result:C1.context.kidney"]
# ## Real mice: endothelium of brain, heart and kidney
#
# **Not found:** young and old *marrow* endothelium, mouse by mouse.
# GSE227145 (a later study of the same laboratory, 3 against 18 months), GSE169162 and E-MTAB-15073 are what to fetch: `endomtor fetch --geo GSE227145` drafts a data directory from the series, and this page then runs on it.
# What is public are sorted endothelial cells of three other organs, three young and three old mice each.
# They are **context**: another organ's vessels cannot test a claim about the marrow.
# One heart and one kidney were sequenced in two lanes, which are added first, because two lanes of one mouse are one mouse.
# Each mouse has its score from the counts, in the column `relative`: mean log2 counts per million of the hallmark genes minus that of all other genes.
# `provenance` says where the numbers come from, and labels each figure of this section as public.

# %%
organs, provenance = public.table("endothelium_scores")
organs.groupby(["tissue", "group"])["mouse"].nunique().unstack()

# %% [markdown]
# Welch's test in each organ; the answers go on record as context: they enter no claim.

# %%
of_organs = {}
for tissue, rows in organs.groupby("tissue"):
    of_organs[tissue] = difference(rows, value="relative", group="group", a="aged", b="young", unit="mouse")
    chapter.record(f"C1.context.{tissue}", of_organs[tissue], family="C1.context", provenance=provenance)

# %%
contrasts = {tissue: {("aged", "young"): one} for tissue, one in of_organs.items()}
titles = {tissue: f"{tissue}, mTORC1 hallmark score, log2" for tissue in of_organs}
about = {"value": "relative", "group": "group", "animal": "mouse", "endpoint": "tissue", "order": ("young", "aged")}
chapter.show(
    figures.estimation_grid(organs, estimates=contrasts, titles=titles, **about),
    caption=f"Sorted endothelium of three organs, every mouse a point. Unit: mouse; {n_text(of_organs.values())}.",
    alt=alt_text("mTORC1 hallmark, aged - young", of_organs),
    name="fig-endothelium",
    provenance=provenance,
)

# %% [markdown]
# ### A p value to distrust
#
# The same data, tested over genes, give for one of the organs a p value that would be called overwhelming.
# It treats the genes of one pathway as independent witnesses, but they rise and fall together in each mouse: a p over genes says that the set moved in *these* six mice, not that it moves with age.
# Over mice, three against three are few: no exact test could give a small p here ({ref}`methods-units`).
#
# `genes` has a row for each gene and organ: its log2 fold change `lfc`, aged − young, and whether it is in the hallmark set (`mtorc1`).

# %%
genes, _ = public.table("endothelium_genes")
table = pd.DataFrame(map(vars, of_organs.values())).assign(organ=list(of_organs))[["organ", "estimate", "p"]]
for place, organ in enumerate(table["organ"]):
    in_set, others = (genes.loc[(genes["tissue"] == organ) & (genes["mtorc1"] == member), "lfc"] for member in (1, 0))
    table.loc[place, "p over genes (wrong)"] = stats.ttest_ind(in_set, others, equal_var=False).pvalue
chapter.show_table(
    table.rename(columns={"estimate": "aged − young", "p": "p over mice (3 v 3)"}),
    caption="The same difference, tested over mice and, wrongly, over genes.",
    provenance=provenance,
)

# %% [markdown]
# ## Real mice: the two arms of mTORC1 in whole tissue
#
# mTORC1 speaks through two arms: S6 kinase, read as phosphorylated S6 (S240/244), and 4E-BP1 (T37/46).
# Xie et al. blotted both, and Akt (S473), which {term}`mTORC2` phosphorylates, in spleen, brain and lung of male C57BL/6J mice at six ages, four mice each {cite}`xie2022`.
# `relative` is the logarithm of phosphorylated over total protein, against the mean at three months.
# Whole tissue is mostly not endothelium: this is **context**.

# %%
blots.groupby(["tissue", "protein", "months"])["relative"].mean().unstack().round(2)

# %%
ends = blots[blots["months"].isin([3, 26])].assign(age=blots["months"].map({3: "young", 26: "aged"}))
compared = {"value": "relative", "group": "age", "a": "aged", "b": "young", "unit": "mouse"}
of_tissues = {}
for (tissue, protein), rows in ends.groupby(["tissue", "protein"], sort=False):
    of_tissues[f"{tissue}, {protein}"] = difference(rows, **compared)
    name = f"C1.context.tissue.{tissue}.{protein}"
    chapter.record(name, of_tissues[f"{tissue}, {protein}"], family="C1.context.tissue", provenance=of_blots)

# %%
palette = dict(zip(blots["protein"].unique(), map(figures.colour, ("rapamycin", "vehicle", "control")), strict=True))
with figures.house():
    figure = figures.page(3.4)
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    for axes, (tissue, rows) in zip(panels, blots.groupby("tissue", sort=False), strict=True):
        lines = {"hue": "protein", "style": "protein", "markers": ["o", "s", "^"], "legend": tissue == "spleen"}
        sns.lineplot(rows, x="months", y="relative", dashes=False, errorbar=None, palette=palette, ax=axes, **lines)
        sns.scatterplot(rows, x="months", y="relative", hue="protein", palette=palette, s=9, legend=False, ax=axes)
        axes.axhline(0, **style.DOTTED)
        axes.set(title=tissue, xlabel="months", ylabel="log₂, against 3 months")
    figures.legend_above(figure, panels[0])
chapter.show(
    (figure, blots),
    caption="Phosphorylated over total protein, every mouse a small point, means joined; whether the arms differ is not "
    f"tested, for the file pairs no proteins of a mouse. Unit: mouse; {n_text(of_tissues.values())} at the ends.",
    alt=alt_text("Phosphorylated over total protein in three tissues, 26 − 3 months, log2", of_tissues),
    name="fig-blots",
    provenance=of_blots,
)

# %% [markdown]
# Is mTORC1 higher in old {term}`HSCs <HSC>`, as reported {cite}`chen2009`?
# The hallmark of transcripts settles it in neither of two laboratories: one sorted pooled mice, in the other age goes with the sequencing lane, and a set of transcripts is no kinase activity.

# %%
hallmarks, of_hscs = public.table("hallmark_scores")
hscs = hallmarks[hallmarks["cells"].str.startswith("HSC") & (hallmarks["hallmark"] == "mTORC1")]
for cells, rows in hscs.groupby("cells", sort=False):
    laboratory = cells.removeprefix("HSC, ")
    answer = hsc_animals.aged_minus_young(rows)
    chapter.record(f"C1.context.HSC.mTORC1_{laboratory}", answer, family="C1.context.HSC", provenance=of_hscs)
    describe(f"- {endpoint_text(laboratory)}, old − young: {result_text(answer)}")

# %%
chapter.results("C1.context", caption="Context, aged − young: hallmark in other endothelium and in HSCs, whole tissue.")

# %% [markdown]
# ## The prediction, tested
#
# What follows is the analysis of the chapter's own data, which may be a laboratory's or simulated.

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown] tags=["result:C1.signaling"]
# ## Phospho-flow, one value per animal
#
# Each animal has one fluorescence intensity ({term}`MFI`) per marker, in the column `mfi`.
# Its background, where one was measured, is in `fmo_mfi`.

# %% tags=["needs:bmec_signaling"]
signal = chapter.table("bmec_signaling")
signal.head()

# %% [markdown]
# How many animals there are for each marker:

# %% tags=["needs:bmec_signaling"]
signal.groupby(["marker", "group"])["animal"].nunique().unstack()

# %% [markdown]
# ### The background, and the logarithm
#
# Intensities multiply rather than add, so they are compared as logarithms: a difference of 1 on the log2 scale is a factor of two.
# When to subtract the background is our choice, in three parts:
#
# - Every animal has a background of its own ({term}`FMO`) below its signal: it is subtracted first.
# - One tube served a whole group and day: the marker stays as it was read, because subtracting would move all its animals together and lend the comparison a precision that it does not have.
# - Some animal has no background, or one above its signal: the marker stays as it was read.
#
# The column `log2_mfi` holds the outcome, one scale for all animals of a marker.

# %% tags=["needs:bmec_signaling"]
background = signal["fmo_mfi"] if "fmo_mfi" in signal else pd.Series(np.nan, index=signal.index)
signal["as read"] = np.log2(signal["mfi"])
signal["subtracted"] = np.log2((signal["mfi"] - background).where(signal["mfi"] > background))

incomplete = set(signal.loc[signal["subtracted"].isna(), "marker"])
stays_as_read = signal["marker"].isin(incomplete | shared_backgrounds(signal))
signal["log2_mfi"] = signal["as read"].where(stays_as_read, signal["subtracted"])
corrected = signal.loc[~stays_as_read, "marker"].unique()
Markdown(f"Background subtracted: {', '.join(map(endpoint_text, corrected)) or 'from no marker'}.")

# %% [markdown]
# ### Old against young
#
# One value per animal enters Welch's test, which lets the groups vary differently.
# Where there are several batches, or both sexes, they are in the model (`block`), so that animals are compared within a batch and a sex.
# Where a batch or a sex cannot be told from a group, no verdict is given.
# `comparison` says all this once, for each test of old against young marrow on this page.

# %% tags=["needs:bmec_signaling"]
comparison = {"group": "group", "a": "aged", "b": "young", "unit": "animal", "block": ["batch", "sex"]}
answers = {marker: difference(rows, value="log2_mfi", **comparison) for marker, rows in signal.groupby("marker")}

# %% [markdown]
# All markers of the panel form one family, and their p values are adjusted with {term}`Holm's method <Holm adjustment>`.
# `estimate` is aged − young on the log2 scale; a fall by 20 % is `log2(0.8)`, about a third of a unit.

# %% tags=["needs:bmec_signaling"]
results = pd.DataFrame(map(vars, answers.values()), index=list(answers))[["estimate", "ci_low", "ci_high", "p"]]
tested = results["p"].notna()
results.loc[tested, "p (Holm)"] = holm(results.loc[tested, "p"])
results.rename(endpoint_text).map("{:.2g}".format)

# %% [markdown]
# Each answer goes on record, and the rule of its marker turns it into a verdict.

# %% tags=["needs:bmec_signaling"]
for marker, answer in answers.items():
    chapter.record(f"C1.signaling.{marker}", answer, family="C1.signaling")

# %% [markdown]
# Every animal and the difference of each marker, mTORC1 read-outs first:

# %% tags=["needs:bmec_signaling"]
complexes = {marker: vocabulary().markers.get(marker, "other") for marker in answers}
order = sorted(answers, key=complexes.get)  # mTORC1, mTORC2, other
contrasts = {marker: {("aged", "young"): answers[marker]} for marker in order}
titles = {marker: f"{endpoint_text(marker)} ({complexes[marker]}), MFI" for marker in order}
about = {"value": "log2_mfi", "group": "group", "animal": "animal", "endpoint": "marker", "order": ("young", "aged")}
chapter.show(
    figures.estimation_grid(signal, estimates=contrasts, titles=titles, scale="log2", **about),
    caption="Phospho-flow of BMECs: every animal a point; aged / young with its 95 % interval. "
    f"Unit: animal; {n_text(answers.values())}.",
    alt=alt_text("Aged against young BMECs, log2 MFI", answers),
    name="fig-markers",
)

# %% tags=["needs:bmec_signaling"]
chapter.results("C1.signaling", caption="Aged against young, per marker.")

# %% [markdown]
# Would the answer be another with the background left in, or taken off everywhere?
# Both log2 ratios of each marker for which a background was measured:

# %% tags=["needs:bmec_signaling"]
both = {
    marker: {scale: difference(rows, value=scale, **comparison).estimate for scale in ("as read", "subtracted")}
    for marker, rows in signal.dropna(subset="subtracted").groupby("marker")
}
pd.DataFrame(both).T.rename(endpoint_text).round(3)

# %% [markdown] tags=["result:C1.cells"]
# ## Single cells, one value per animal
#
# Cells of one mouse are not independent mice: they share its age, its cage and its day.
# So the single cells are drawn for the eye only, and the test runs on the sum over the cells of each animal ({term}`pseudobulk`) {cite}`squair2021`.
# `cells` is an AnnData object: counts, a row a cell, and in `cells.obs` the animal and group of each.

# %% tags=["needs:bmec_cells"]
cells = chapter.table("bmec_cells")
cells.obs.groupby(["group", "animal"], observed=True).size().rename("cells").reset_index()

# %% [markdown]
# Quality control drops cells in which fewer than 200 genes are seen and genes seen in fewer than three cells, as the scanpy tutorials do {cite}`wolf2018`.
# Then the counts of an animal's cells are added: `counts` has a row for each gene, a column for each animal.

# %% tags=["needs:bmec_cells"]
if isinstance(cells, StoredCells):  # more counts than memory holds: the same steps, chunk by chunk
    cells = passing(cells, min_genes=200, min_cells=3)
    counts, _ = expression.pseudobulk(cells, animal="animal")
else:
    sc.pp.filter_cells(cells, min_genes=200)
    sc.pp.filter_genes(cells, min_cells=3)
    sums = sc.get.aggregate(cells, by="animal", func="sum")
    counts = pd.DataFrame(sums.layers["sum"].T, index=sums.var_names, columns=sums.obs_names)

# %% [markdown]
# The score of an animal is the mean log2 expression of the mTORC1 {term}`hallmark <hallmark set>` genes minus that of all other genes, so that a deeper sequenced animal scores no higher.
# We ask for at least ten measured genes of the set.
# `animals` has one row per animal, and goes into the same test as the phospho-flow.

# %% tags=["needs:bmec_cells"]
hallmark = originals.mtor_hallmarks()[originals.MTORC1]
measured = counts.index.isin(hallmark).sum()
if not len(counts):
    raise NotTestable("No cell shows 200 genes: the score is not testable here.")
if measured < 10:
    raise NotTestable(f"Only {measured} mTORC1 hallmark genes were measured: the score is not testable here.")
score = expression.set_score(expression.log_counts(counts), hallmark, statistic="difference")
animals = cells.obs.groupby("animal", observed=True)[["group", "sex", "batch"]].first().astype(str)
animals = animals.assign(score=score).rename_axis("animal").reset_index()
animals.round(2).head()

# %% tags=["needs:bmec_cells"]
answer = difference(animals, value="score", **comparison)
chapter.record("C1.cells.mTORC1_hallmark", answer)
Markdown(f"Aged − young: {result_text(answer).rstrip('.')}.")

# %% [markdown]
# Every animal, with the p of the test above:

# %% tags=["needs:bmec_cells"]
shape = {"data": animals, "x": "group", "y": "score", "order": ["young", "aged"]}
with figures.house():
    figure, axes = plt.subplots(figsize=(5, 3.2))
    sns.swarmplot(**shape, hue="group", palette=figures.COLOURS, size=7, ax=axes, legend=False)
    if not answer.withheld:
        annotator = Annotator(axes, [("young", "aged")], plot="swarmplot", **shape)
        annotator.configure(test=None, text_format="simple", show_test_name=False, verbose=0)
        annotator.set_pvalues([answer.p]).annotate()
    axes.set(xlim=(-0.6, 1.6), xlabel="", ylabel="mTORC1 hallmark score, log2")
chapter.show(
    (figure, animals[["animal", "group", "score"]]),
    caption=f"mTORC1 hallmark of pseudobulked BMECs, every animal a point. Aged − young: {result_text(answer)}.",
    alt=alt_text("mTORC1 hallmark score per animal", {"aged - young": answer}),
    name="fig-hallmark",
)

# %% [markdown]
# ### The cells, for the eye
#
# `shown` holds at most 4,000 cells, drawn at random.
# They are normalised to 10,000 counts a cell, on the log scale, in 20 principal components and their t-SNE.
# None of these settings moves a number of this page except those of the next section.

# %% tags=["needs:bmec_cells", "needs:map"]
shown = sample(cells, 4000)
if shown.n_obs < 100:
    raise NotTestable(f"A map of {shown.n_obs} cells would show nothing: none is drawn.")
sc.pp.normalize_total(shown, target_sum=1e4)
sc.pp.log1p(shown)
sc.pp.pca(shown, n_comps=20, random_state=0)
sc.tl.tsne(shown, n_pcs=20, random_state=0)

# %% tags=["needs:bmec_cells", "needs:map"]
palette = {group: figures.colour(group) for group in ("young", "aged")}
with figures.house():
    figure, panels = plt.subplots(1, 2, figsize=(5, 2.9), sharex=True, sharey=True)
    for axes, group in zip(panels, palette, strict=True):
        axes.scatter(*shown.obsm["X_tsne"].T, s=2, color="lightgrey", linewidth=0, rasterized=True)
        own = shown[shown.obs["group"] == group].copy()
        sc.pl.tsne(own, color="group", palette=palette, size=10, ax=axes, show=False, legend_loc=None)
        axes.set(title=f"{group}: {own.n_obs:,} cells,\n{own.obs['animal'].nunique()} animals")
points = shown.obs[["animal", "group"]].copy()
points[["t-SNE 1", "t-SNE 2"]] = shown.obsm["X_tsne"]

# %% tags=["needs:bmec_cells", "needs:map"]
chapter.show(
    (figure, points),
    caption=f"{shown.n_obs:,} of the {cells.n_obs:,} BMECs that passed quality control, each group over all cells in "
    "grey. For the eye only: the unit of any test is the animal.",
    alt=f"t-SNE of {shown.n_obs} single BMECs; young and aged cells drawn in separate panels.",
    name="fig-cells",
)

# %% [markdown]
# ### Wrong on purpose: cells as n
#
# A common mistake, shown so that it can be recognised: every cell counted as a mouse.
# Beside it stand the same cells averaged per animal, so that only the unit differs.
# Both are Welch's test of the hallmark score on the drawn cells; the test that counts is the one above, on summed counts.

# %% tags=["needs:bmec_cells", "needs:map"]
in_set = shown.var_names.isin(hallmark)
scores = shown.obs[["animal", "group"]].astype(str).reset_index(drop=True).rename_axis("cell").reset_index()
scores["score"] = np.ravel(shown.X[:, in_set].mean(axis=1)) - np.ravel(shown.X[:, ~in_set].mean(axis=1))
of_mice = scores.groupby(["animal", "group"], as_index=False)["score"].mean()
plain = {"value": "score", "group": "group", "a": "aged", "b": "young"}
wrong, right = difference(scores, unit="cell", **plain), difference(of_mice, unit="animal", **plain)
Markdown(
    f"**Wrong:** {len(scores):,} cells as n give {p_text(wrong.p)}. "
    f"**Right:** the same scores of {len(of_mice)} animals give {p_text(right.p)}."
)

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one mouse less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other test is an analysis of variance, which takes one variance for both groups; where no batch is in the model there is the exact permutation test too, which deals the animals anew into two groups in every possible way.

# %%
chapter.show_robustness(chapter.robustness())

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C1")

# %%
chapter.verdict("C1b")

# %% [markdown]
# ## What could be wrong
#
# - Digestion and warming change phospho-epitopes within minutes, in aged marrow perhaps otherwise than in young: an aliquot treated with rapamycin or Torin is the floor to ask for, and cells fixed at once the control.
# - The mTORC1 {term}`hallmark <hallmark set>` is a set of transcripts, not the activity of a kinase: it may move with translation, metabolism or stress.
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

# %% tags=["plumbing"]
chapter.write()
