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
from endomtor.stats import difference, expression

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
# With age, mTOR signalling goes down in the endothelial cells of the bone marrow ({term}`BMECs <BMEC>`), which *potentially* explains why the niche declines {cite}`ramalingam2020`.
# The fall is claim C1, the explanation claim C1b.
#
# We compare old with young mice, one value per animal and marker.
# C1 needs one {term}`mTORC1` read-out (pS6 at S240/244, p4EBP1 or pS6K) that is lower in old mice by at least 20 %, with an interval that excludes no change; a 95 % interval on the other side of zero, or a 90 % interval that fits between −20 % and +25 %, would contradict it.
# Three chances to succeed need a stricter test, so the p value is corrected for all markers measured ({ref}`claim-rule`).
# pS6 at S235/236 is described only, since RSK phosphorylates that site as well; pAKT at S473 reports {term}`mTORC2` and is a prediction of its own.

# %% [markdown] tags=["result:C1.context.brain", "result:C1.context.heart", "result:C1.context.kidney"]
# ## Real mice: endothelium of other organs
#
# **Not found:** young and old *marrow* endothelium, mouse by mouse.
# `endomtor fetch --geo GSE227145` drafts a data directory from a later study of the same laboratory, and this page then runs on it.
# Public are sorted endothelial cells of brain, heart and kidney, three young and three old mice each: **context**, since another organ's vessels cannot test a claim about the marrow.
# A mouse's score is the mean log2 expression of the mTORC1 {term}`hallmark <hallmark set>` genes minus that of all other genes.

# %%
organs, provenance = public.table("endothelium_scores")
of_organs = {}
for tissue, rows in organs.groupby("tissue"):
    of_organs[tissue] = difference(rows, value="relative", group="group", a="aged", b="young", unit="mouse")
    chapter.record(f"C1.context.{tissue}", of_organs[tissue], family="C1.context", provenance=provenance)
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
# **Genes as n: wrong on purpose.**
# The genes of a pathway rise and fall together in each mouse, so a test over genes says that the set moved in *these* six mice, not that it moves with age ({ref}`methods-units`).

# %%
genes, _ = public.table("endothelium_genes")
for organ, rows in genes.groupby("tissue"):
    of_genes = stats.ttest_ind(*(rows.loc[rows["mtorc1"] == member, "lfc"] for member in (1, 0)), equal_var=False)
    over_mice, over_genes = p_text(of_organs[organ].p), p_text(of_genes.pvalue)
    describe(f"- {organ}: **wrong**, genes as n give {over_genes}; **right**, the six mice give {over_mice}.")

# %% [markdown]
# ## Real mice: whole tissue
#
# mTORC1 speaks through two arms: S6 kinase, read as phosphorylated S6 (S240/244), and 4E-BP1 (T37/46).
# Xie et al. blotted both, and Akt (S473), in spleen, brain and lung of male C57BL/6J mice at six ages, four mice each {cite}`xie2022`.
# Whole tissue is mostly not endothelium: this is **context**.

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
# Transcripts settle it in neither of two laboratories: one sorted pooled mice, in the other age goes with the sequencing lane, and a set of transcripts is no kinase activity.

# %%
hallmarks, of_hscs = public.table("hallmark_scores")
hscs = hallmarks[hallmarks["cells"].str.startswith("HSC") & (hallmarks["hallmark"] == "mTORC1")]
for cells, rows in hscs.groupby("cells", sort=False):
    laboratory = cells.removeprefix("HSC, ")
    answer = hsc_animals.aged_minus_young(rows)
    chapter.record(f"C1.context.HSC.mTORC1_{laboratory}", answer, family="C1.context.HSC", provenance=of_hscs)
    describe(f"- {endpoint_text(laboratory)}, old − young: {result_text(answer)}")

# %% tags=["folded"]
chapter.results("C1.context", caption="Context, aged − young: hallmark in other endothelium and in HSCs, whole tissue.")

# %% [markdown]
# ## The prediction, tested

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown] tags=["result:C1.signaling"]
# ## Phospho-flow
#
# Each animal has one fluorescence intensity ({term}`MFI`) per marker, compared as a logarithm: a difference of 1 on the log2 scale is a factor of two.
# The background ({term}`FMO`) is subtracted first where every animal has one of its own below its signal.
# Where one tube served a whole group and day, or an animal has none, the marker stays as it was read: subtracting would move a group together, or some animals only.

# %% tags=["needs:bmec_signaling"]
signal = chapter.table("bmec_signaling")
background = signal["fmo_mfi"] if "fmo_mfi" in signal else pd.Series(np.nan, index=signal.index)
signal["as read"] = np.log2(signal["mfi"])
signal["subtracted"] = np.log2((signal["mfi"] - background).where(signal["mfi"] > background))

incomplete = set(signal.loc[signal["subtracted"].isna(), "marker"])
stays_as_read = signal["marker"].isin(incomplete | shared_backgrounds(signal))
signal["log2_mfi"] = signal["as read"].where(stays_as_read, signal["subtracted"])
corrected = signal.loc[~stays_as_read, "marker"].unique()
Markdown(f"Background subtracted: {', '.join(map(endpoint_text, corrected)) or 'from no marker'}.")

# %% [markdown]
# Welch's test compares old with young animals; batches and sexes, where there are several, are in the model (`block`).
# Where a batch or a sex cannot be told from a group there is no verdict.
# The p values of the panel are adjusted with {term}`Holm's method <Holm adjustment>`.

# %% tags=["needs:bmec_signaling"]
comparison = {"group": "group", "a": "aged", "b": "young", "unit": "animal", "block": ["batch", "sex"]}
answers = {marker: difference(rows, value="log2_mfi", **comparison) for marker, rows in signal.groupby("marker")}
for marker, answer in answers.items():
    chapter.record(f"C1.signaling.{marker}", answer, family="C1.signaling")

# %% tags=["needs:bmec_signaling"]
complexes = {marker: vocabulary().markers.get(marker, "other") for marker in answers}
order = sorted(answers, key=complexes.get)  # mTORC1, mTORC2, other
contrasts = {marker: {("aged", "young"): answers[marker]} for marker in order}
titles = {marker: f"{endpoint_text(marker)} ({complexes[marker]}), MFI" for marker in order}
about = {"value": "log2_mfi", "group": "group", "animal": "animal", "endpoint": "marker", "order": ("young", "aged")}
chapter.show(
    figures.estimation_grid(signal, estimates=contrasts, titles=titles, scale="log2", **about),
    caption="Phospho-flow of BMECs, mTORC1 read-outs first: every animal a point; aged / young with its 95 % interval. "
    f"Unit: animal; {n_text(answers.values())}.",
    alt=alt_text("Aged against young BMECs, log2 MFI", answers),
    name="fig-markers",
)

# %% tags=["needs:bmec_signaling", "folded"]
chapter.results("C1.signaling", caption="Aged against young, per marker.")

# %% [markdown]
# Would the answer be another with the background left in, or taken off everywhere?

# %% tags=["needs:bmec_signaling", "folded"]
both = {
    marker: {scale: difference(rows, value=scale, **comparison).estimate for scale in ("as read", "subtracted")}
    for marker, rows in signal.dropna(subset="subtracted").groupby("marker")
}
chapter.show_table(
    pd.DataFrame(both).T.rename(endpoint_text).rename_axis("").reset_index(),
    caption=f"Aged − young, log2, with the background as read and subtracted. Unit: animal; {n_text(answers.values())}.",
)

# %% [markdown] tags=["result:C1.cells"]
# ## Single cells
#
# Cells of one mouse share its age, its cage and its day, so the test runs on the sum over the cells of each animal ({term}`pseudobulk`) {cite}`squair2021`.
# Cells in which fewer than 200 genes are seen, and genes seen in fewer than three cells, are dropped first {cite}`wolf2018`.

# %% tags=["needs:bmec_cells"]
cells = chapter.table("bmec_cells")
if isinstance(cells, StoredCells):  # more counts than memory holds: the same steps, chunk by chunk
    cells = passing(cells, min_genes=200, min_cells=3)
    counts, _ = expression.pseudobulk(cells, animal="animal")
else:
    sc.pp.filter_cells(cells, min_genes=200)
    sc.pp.filter_genes(cells, min_cells=3)
    sums = sc.get.aggregate(cells, by="animal", func="sum")
    counts = pd.DataFrame(sums.layers["sum"].T, index=sums.var_names, columns=sums.obs_names)

# %% [markdown]
# The score of an animal is that of the section on other organs; at least ten genes of the set have to be measured.

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
answer = difference(animals, value="score", **comparison)
chapter.record("C1.cells.mTORC1_hallmark", answer)
shape = {"data": animals, "x": "group", "y": "score", "order": ["young", "aged"]}

# %% tags=["needs:bmec_cells"]
with figures.house():
    figure, axes = plt.subplots(figsize=(5, 2.6))
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
# **Cells as n: wrong on purpose.**
# A common mistake, shown so that it can be recognised: at most 4,000 cells drawn at random, each counted as a mouse, beside the same scores averaged per animal.

# %% tags=["needs:bmec_cells"]
drawn = sample(cells, 4000)
sc.pp.normalize_total(drawn, target_sum=1e4)
sc.pp.log1p(drawn)
in_set = drawn.var_names.isin(hallmark)
scores = drawn.obs[["animal", "group"]].astype(str).reset_index(drop=True).rename_axis("cell").reset_index()
scores["score"] = np.ravel(drawn.X[:, in_set].mean(axis=1)) - np.ravel(drawn.X[:, ~in_set].mean(axis=1))
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
# Each variant of the analysis is a mark: one mouse left out, no batch, half or twice the smallest effect of interest, or another test, here an analysis of variance and, without a batch, the exact permutation test ({ref}`how-robust`).

# %%
found = chapter.robustness()

# %% tags=["folded"]
chapter.show_robustness(found)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C1")

# %%
chapter.verdict("C1b")

# %% [markdown]
# ## What could be wrong
#
# - Digestion and warming change phospho-epitopes within minutes, perhaps otherwise in aged marrow: an aliquot with rapamycin or Torin is the floor, cells fixed at once the control.
# - A phospho-epitope's fluorescence depends on the stain, the day and the cell's size; without total protein a fall of pS6 may be a fall of S6.
# - The mTORC1 {term}`hallmark <hallmark set>` is a set of transcripts, and may move with translation, metabolism or stress.
# - Aged marrow may hold another mixture of sinusoidal and arteriolar cells; the mean then falls although no cell changed.
# - Vessels of other organs age in their own way: in arteries p-S6K *rises* with age {cite}`pmc5242306`.
# - We cannot test C1b: two things that decline together need not cause each other.
#
# ## Key takeaways
#
# - The animal is the unit, whether its cells went through a cytometer or a sequencer.
# - Public mice of other organs show no clear change of the mTORC1 hallmark; over genes, one organ misleads.
#
# ## Further reading
#
# - What the same laboratory had reported before: {cite:t}`ramalingam2018`.

# %% tags=["plumbing"]
chapter.write()
