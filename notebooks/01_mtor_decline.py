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
from endomtor.public import originals
from endomtor.reporting import alt_text, endpoint_text, n_text, result_text
from endomtor.stats import difference, expression, holm

# %% tags=["plumbing"]
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
# Several chances to succeed need a stricter test, so the p of the claim is corrected for all read-outs that were measured ({ref}`claim-rule`).
# A marker of {term}`mTORC2` (pAKT S473) is a prediction of its own: a fall of mTORC1 says nothing about it.
# A 95 % interval on the other side of zero, or a 90 % interval that fits between −20 % and +25 %, would contradict the prediction.
#
# **Which data this page used.**

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown] tags=["result:C1.signaling"]
# ## Phospho-flow, one value per animal
#
# Each animal has one fluorescence intensity ({term}`MFI`) per marker.

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
# Where every animal has a background of its own ({term}`FMO`) below its signal, that is subtracted first.
# Where one tube served a whole group and day, subtracting it would move all its animals together and lend the comparison a precision that it does not have.
# Such markers stay as they were read, and so does a marker of which some animal has no background, or one above its signal.

# %% tags=["needs:bmec_signaling"]
background = signal["fmo_mfi"] if "fmo_mfi" in signal else pd.Series(np.nan, index=signal.index)
signal["as read"] = np.log2(signal["mfi"])
signal["subtracted"] = np.log2((signal["mfi"] - background).where(signal["mfi"] > background))

incomplete = set(signal.loc[signal["subtracted"].isna(), "marker"])
stays_as_read = signal["marker"].isin(incomplete | shared_backgrounds(signal))
signal["log2_mfi"] = signal["as read"].where(stays_as_read, signal["subtracted"])

# %% [markdown]
# ### Old against young
#
# One value per animal enters Welch's test, which lets the groups vary differently.
# Where there are several batches they are in the model, so that animals are compared within a batch; where a sex cannot be told from a group, no verdict is given.

# %% tags=["needs:bmec_signaling"]
columns = {"group": "group", "a": "aged", "b": "young", "unit": "animal", "block": "batch", "check": ("sex",)}
answers = {marker: difference(rows, value="log2_mfi", **columns) for marker, rows in signal.groupby("marker")}

# %% [markdown]
# All markers of the panel form one family, and their p values are adjusted with {term}`Holm's method <Holm adjustment>`.

# %% tags=["needs:bmec_signaling"]
results = pd.DataFrame(
    {marker: (one.estimate, one.ci_low, one.ci_high, one.p) for marker, one in answers.items()},
    index=["log2 ratio", "95 % from", "to", "p"],
).T
tested = results["p"].notna()
results.loc[tested, "p (Holm)"] = holm(results.loc[tested, "p"])
results.round(3)

# %% [markdown]
# Each answer goes on record, where the ledger finds it.

# %% tags=["needs:bmec_signaling"]
for marker, answer in answers.items():
    chapter.record(f"C1.signaling.{marker}", answer, family="C1.signaling")

# %% [markdown]
# Every animal and the difference of each marker, mTORC1 read-outs first:

# %% tags=["needs:bmec_signaling"]
complexes = vocabulary().markers
places = {"mTORC1": 0, "mTORC2": 1}
order = sorted(answers, key=lambda marker: places.get(complexes.get(marker), 2))
drawn = figures.estimation_grid(
    signal,
    value="log2_mfi",
    group="group",
    animal="animal",
    endpoint="marker",
    order=("young", "aged"),
    estimates={marker: {("aged", "young"): answers[marker]} for marker in order},
    titles={marker: f"{endpoint_text(marker)} ({complexes.get(marker, 'other')}), MFI" for marker in order},
    scale="log2",
)

# %% tags=["needs:bmec_signaling"]
chapter.show(
    drawn,
    caption="Phospho-flow of BMECs: every animal a point; aged / young with its 95 % interval. "
    f"Unit: animal; {n_text(answers.values())}.",
    alt=alt_text("Aged against young BMECs, log2 MFI", answers),
    name="fig-markers",
)

# %% tags=["needs:bmec_signaling"]
chapter.results("C1.signaling", caption="Aged against young, per marker.")

# %% [markdown]
# Would the answer be another with the background left in, or taken off everywhere?

# %% tags=["needs:bmec_signaling"]
both = {}
for marker, rows in signal.dropna(subset=["subtracted"]).groupby("marker"):
    raw, net = (difference(rows, value=scale, **columns) for scale in ("as read", "subtracted"))
    both[endpoint_text(marker)] = {"as read": raw.estimate, "subtracted": net.estimate}
pd.DataFrame(both).T.round(3)

# %% [markdown] tags=["result:C1.cells"]
# ## Single cells, one value per animal
#
# Cells of one mouse are not independent mice: they share its age, its cage and its day.
# So the single cells are drawn for the eye only, and the test runs on the sum over the cells of each animal ({term}`pseudobulk`) {cite}`squair2021`.

# %% tags=["needs:bmec_cells"]
cells = chapter.table("bmec_cells")
cells.obs.groupby(["group", "animal"], observed=True).size().rename("cells").reset_index().head()

# %% [markdown]
# Quality control drops cells in which fewer than 200 genes are seen and genes seen in fewer than three cells, as the scanpy tutorials do {cite}`wolf2018`; then the counts of an animal's cells are added.

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
# The score of an animal is the mean log2 expression of the mTORC1 {term}`hallmark <hallmark set>` genes minus that of all other genes.
# It is computed where at least ten genes of the set were measured.

# %% tags=["needs:bmec_cells"]
hallmark = originals.mtor_hallmarks()[originals.MTORC1]
measured = counts.index.isin(hallmark).sum()
if measured < 10:
    raise NotTestable(f"Only {measured} mTORC1 hallmark genes were measured: the score is not testable here.")
score = expression.set_score(expression.log_counts(counts), hallmark, statistic="difference")
animals = cells.obs.groupby("animal", observed=True)[["group", "sex", "batch"]].first().astype(str)
animals = animals.assign(score=score).rename_axis("animal").reset_index()

# %% tags=["needs:bmec_cells"]
answer = difference(animals, value="score", **columns)
chapter.record("C1.cells.mTORC1_hallmark", answer)

# %% [markdown]
# Every animal, with the p of the test above:

# %% tags=["needs:bmec_cells"]
with figures.house():
    figure = figures.page(3.2)
    axes = figure.subplots()
    shape = {"data": animals, "x": "group", "y": "score", "order": ["young", "aged"]}
    sns.swarmplot(**shape, hue="group", palette=figures.COLOURS, size=7, ax=axes, legend=False)
    if not answer.withheld:
        annotator = Annotator(axes, [("young", "aged")], plot="swarmplot", **shape)
        annotator.configure(test=None, text_format="simple", show_test_name=False, verbose=0)
        annotator.set_pvalues([answer.p]).annotate()
    axes.set(xlim=(-0.6, 1.6), xlabel="", ylabel="mTORC1 hallmark score, log2")

# %% tags=["needs:bmec_cells"]
chapter.show(
    (figure, animals[["animal", "group", "score"]]),
    caption=f"mTORC1 hallmark of pseudobulked BMECs, every animal a point. Aged − young: {result_text(answer)}.",
    alt=alt_text("mTORC1 hallmark score per animal", {"aged - young": answer}),
    name="fig-hallmark",
)

# %% [markdown]
# ### The cells, for the eye
#
# Normalised to 10,000 counts a cell, on the log scale, in 20 principal components and their t-SNE.
# Of more than 4,000 cells a random sample is drawn.

# %% tags=["needs:bmec_cells"]
shown = sample(cells, 4000)
sc.pp.normalize_total(shown, target_sum=1e4)
sc.pp.log1p(shown)
sc.pp.pca(shown, n_comps=20, random_state=0)
sc.tl.tsne(shown, n_pcs=20, random_state=0)

# %% tags=["needs:bmec_cells"]
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

# %% tags=["needs:bmec_cells"]
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

# %% tags=["needs:bmec_cells"]
inside = shown.var_names.isin(hallmark)
each = shown.obs[["animal", "group"]].astype(str).rename_axis("cell").reset_index()
each["score"] = np.ravel(shown.X[:, inside].mean(axis=1)) - np.ravel(shown.X[:, ~inside].mean(axis=1))
wrong = stats.ttest_ind(*(each.loc[each["group"] == group, "score"] for group in ("aged", "young")), equal_var=False)
means = each.groupby(["animal", "group"], as_index=False)["score"].mean()
right = stats.ttest_ind(*(means.loc[means["group"] == group, "score"] for group in ("aged", "young")), equal_var=False)
Markdown(
    f"**Wrong:** {len(each):,} cells as n give p = {wrong.pvalue:.1e}. "
    f"**Right:** the same scores of {len(means)} animals give p = {right.pvalue:.1e}."
)

# %% [markdown] tags=["result:C1.context"]
# ## Real data: endothelium of brain, heart and kidney
#
# No public data of young and old *marrow* endothelium with animal identities could be bundled here.
# What is public are sorted endothelial cells of three other organs, three young and three old mice each.
# They are **context**: another organ's vessels cannot test a claim about the marrow.
# One heart and one kidney were sequenced in two lanes, which are added first, because two lanes of one mouse are one mouse.
# Each mouse has its score from the counts: mean log2 counts per million of the hallmark genes minus that of all other genes.

# %%
organs, provenance = public.table("endothelium_scores")
organs.groupby(["tissue", "group"])["mouse"].nunique().unstack()

# %%
of_organs = {
    tissue: difference(rows, value="relative", group="group", a="aged", b="young", unit="mouse")
    for tissue, rows in organs.groupby("tissue")
}
for tissue, answer in of_organs.items():
    chapter.record(f"C1.context.{tissue}", answer, family="C1.context", provenance=provenance)

# %%
drawn = figures.estimation_grid(
    organs,
    value="relative",
    group="group",
    animal="mouse",
    endpoint="tissue",
    order=("young", "aged"),
    estimates={tissue: {("aged", "young"): answer} for tissue, answer in of_organs.items()},
    titles={tissue: f"{tissue}, mTORC1 hallmark score, log2" for tissue in of_organs},
)
chapter.show(
    drawn,
    caption=f"Sorted endothelium of three organs, every mouse a point. Unit: mouse; {n_text(of_organs.values())}.",
    alt=alt_text("mTORC1 hallmark, aged - young", of_organs),
    name="fig-endothelium",
    provenance=provenance,
)

# %%
chapter.results("C1.context", caption="mTORC1 hallmark, aged − young, in other organs' endothelium.")

# %% [markdown]
# ### A p value to distrust
#
# The same data, tested over genes, give for one of the organs a p value that would be called overwhelming.
# It treats the genes of one pathway as independent witnesses, but they rise and fall together in each mouse: a p over genes says that the set moved in *these* six mice, not that it moves with age.
# Over mice, three against three are few: no exact test could give a small p here ({ref}`methods-units`).

# %%
genes, _ = public.table("endothelium_genes")
over_genes = {
    tissue: stats.ttest_ind(rows.loc[rows["mtorc1"] == 1, "lfc"], rows.loc[rows["mtorc1"] == 0, "lfc"], equal_var=False)
    for tissue, rows in genes.groupby("tissue")
}
chapter.show_table(
    pd.DataFrame(
        {
            "organ": tissue,
            "aged − young": answer.estimate,
            "p over mice (3 v 3)": answer.p,
            "p over genes (wrong)": over_genes[tissue].pvalue,
        }
        for tissue, answer in of_organs.items()
    ),
    caption="The same difference, tested over mice and, wrongly, over genes.",
    provenance=provenance,
)

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one mouse less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other test is an analysis of variance, which takes one variance for both groups; where no batch is in the model there is the exact permutation test too, which deals the animals anew into two groups in every possible way.

# %%
robust = chapter.robustness()

# %%
chapter.show_robustness(robust)

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

# %% tags=["plumbing"]
chapter.write()
