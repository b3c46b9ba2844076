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

# %% tags=["imports"]
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import seaborn as sns
import statsmodels.api as sm
from IPython.display import Markdown
from pydeseq2.ds import DeseqStats
from scipy import stats

from endomtor import calibration, figures, public
from endomtor.chapter import open_chapter
from endomtor.errors import NotTestable
from endomtor.figures import style
from endomtor.public import hsc_aging, hsc_animals, originals, single_cells
from endomtor.reporting import (
    alt_text,
    by_contrast,
    endpoint_text,
    forest_rows,
    limits_text,
    n_text,
    number,
    result_text,
)
from endomtor.stats import allows_phi, contrast, difference, expression, pairs, phi, resemblance, rrho
from endomtor.stats.negative_binomial import AllGenes, GeneFit

# %% tags=["plumbing"]
chapter = open_chapter("04_transcriptome_resemblance", data_dir, world, seed)

# %%
scores, of_scores = public.table("signature_scores")
lt_hscs = scores[scores["laboratory"] == "LT_HSC"]
pools = scores[scores["laboratory"] == "GSE162607"]
mixture, of_mixture = public.table("lsk_mixture")
gates = mixture.set_index("ages")["slope"]
apart = hsc_animals.aged_minus_young(lt_hscs).estimate
mep = hsc_animals.aged_minus_young(pools[pools["population"] == "MEP"]).estimate
chapter.lead(
    f"A published signature sets old and young LT-HSCs of females apart mouse by mouse, by {apart:.2f} of the published "
    "difference, though age goes with the sequencing lane there; by the same score old MEP, which are no stem cells, "
    f"move as far ({mep:.2f}, pooled mice); and in a mixed LSK sample a shift of composition alone, with no cell changed, "
    f"gives a slope of {gates['composition']:.2f} of {gates['both']:.2f} (assumed proportions).",
    of_scores,
    of_mixture,
)

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
# That ECKO differs from control in many genes is no answer: a sick mouse differs in many genes too.
# An interval of phi below 0, or a 90 % interval within ±0.25, would contradict the claim.
# An inflamed mouse resembles an old one too, so a score of inflammation stands beside phi, further down.

# %% [markdown] tags=["result:C4.premise"]
# ## Real mice: is the signature a sound ruler?
#
# **Not found:** counts of ECKO HSPCs, so no public data can test the claim itself.
# Its **premise** can be tested: that a signature published by others separates old from young HSCs in another laboratory, **animal by animal**.
# One data set is at hand mouse by mouse: LT-HSCs of three young and three old females {cite}`artsvendsen_phd`, none of the signature's twelve studies.
# There **age goes with the sequencing lane**, so what separates the ages may in part be the lane; its verdict stands with that caution.
# GSE162607 holds two sorts an age of **pooled** marrow of females, of 10 weeks and 20 months {cite}`itokawa2022`: no animal can be told, so it is context.

# %% [markdown]
# The published signature has a row for each gene: its log2 fold change, old against young, in each of twelve studies, and their `average`.
# The same six genes are named in every figure: those that most of the studies report, and among equals the largest average.

# %%
signature, _ = hsc_aging.signature()
average = signature["average"]
studies = signature[list(originals.STUDIES)].notna().sum(axis=1)
ranking = pd.DataFrame({"studies": studies, "size": average.abs()}).sort_values(["studies", "size"], ascending=False)
six_genes = list(ranking.index[:6])
signature.loc[six_genes].round(2)

# %% [markdown]
# The score of a sample is its place along the signature, as this chapter scores a laboratory's mice below: 1 more means as far apart as old and young were in the published studies.

# %%
compared = {"value": "score", "group": "group", "a": "aged", "b": "young", "unit": "mouse"}
answer = difference(lt_hscs, **compared)
answer = replace(answer, warnings=(*answer.warnings, hsc_animals.LANES))
left_out = {mouse: difference(lt_hscs[lt_hscs["mouse"] != mouse], **compared) for mouse in lt_hscs["mouse"]}
premise = chapter.record("C4.premise.LT_HSC", answer, provenance=of_scores, left_out=left_out)

# %%
chapter.show(
    figures.estimation(
        lt_hscs,
        value="score",
        group="group",
        animal="mouse",
        estimates={("aged", "young"): answer},
        order=("young", "aged"),
        ylabel="score on the published signature",
    ),
    caption="LT-HSCs on the published signature, every mouse a point; age goes with the sequencing lane. Unit: mouse; "
    f"{n_text([answer])}.",
    alt=alt_text("Score on the aging signature", {"aged − young": answer}),
    name="fig-laboratory",
    provenance=of_scores,
)

# %%
chapter.results("C4.premise", caption="The premise, mouse by mouse.")

# %% [markdown]
# ### The same score in cells that are no stem cells
#
# Is a high score a sign of old *HSCs*?
# In the pools of GSE162607 the score can be taken of eight populations; two sorts of one pool differ by less than two mice would, so the intervals are too narrow, and no verdict rests on them.

# %%
by_score = {}
for name, rows in pools.groupby("population", sort=False):
    by_score[name] = hsc_animals.aged_minus_young(rows)
    chapter.record(f"C4.context.pools.{name}", by_score[name], family="C4.context.pools", provenance=of_scores)
chapter.show(
    figures.forest(forest_rows(by_score), xlabel="score on the signature, old − young", references={0.0: "no change"}),
    caption=f"The score in all populations of GSE162607. Unit: pool; {n_text(by_score.values())}.",
    alt=alt_text("Score on the aging signature, old − young", by_score),
    name="fig-score-populations",
    provenance=of_scores,
)
Markdown(
    f"MEP ({number(by_score['MEP'].estimate)}) and MPP4 ({number(by_score['MPP4'].estimate)}), which hold no long-term "
    "stem cells, move as well: a high score alone does not say that an *HSC* has aged."
)

# %% [markdown]
# ### The noise floor
#
# Another way to look asks gene by gene: the slope of the fold changes in GSE162607 on those of each of the twelve studies.
# Its trap is that the twelve slopes share **one** contrast of two pools against two: a p over studies knows nothing of other mice.
# To see what chance gives, one young and one old pool stand against the other two, so that age cancels: two such fake contrasts in each of eight populations.

# %%
floor, of_floor = public.table("signature_floor")
means = floor.groupby(["contrast", "population"])["slope"].mean().unstack("contrast")
fakes = floor[floor["contrast"] != "real"].groupby(["contrast", "population"])["slope"]
over_studies = fakes.apply(lambda slopes: stats.ttest_1samp(slopes, 0).pvalue)
Markdown(
    f"Of {len(over_studies)} contrasts without a difference {(over_studies < 0.05).sum()} give p < 0.05 over studies. "
    f"The largest of their slopes is {means.drop(columns='real').abs().max(axis=None):.2f}; "
    f"that of old against young HSCs is {means.at['HSC', 'real']:.2f}."
)

# %%
order = list(originals.POPULATIONS)
with figures.house():
    figure = figures.page(4)
    axes = figure.subplots()
    rows = floor.groupby(["contrast", "population"], as_index=False)["slope"].mean()
    rows["kind"] = np.where(rows["contrast"] == "real", "old against young", "no difference")
    points = {"hue": "kind", "style": "kind", "markers": {"old against young": "o", "no difference": "X"}, "s": 40}
    rows["population"] = pd.Categorical(rows["population"], order, ordered=True)
    points["palette"] = {"old against young": figures.colour("aged"), "no difference": figures.colour("control")}
    sns.scatterplot(rows.sort_values("population"), x="slope", y="population", ax=axes, **points)
    figures.legend_above(figure, axes)
    axes.axvline(0, **style.DOTTED)
    axes.set(xlabel="slope on the signature, mean of twelve studies", ylabel="")
chapter.show(
    (figure, rows),
    caption="The real contrast of each population of GSE162607, and two contrasts without a difference: the noise floor. "
    "Unit: a contrast of two pools against two.",
    alt="; ".join(f"{name}: real {means.at[name, 'real']:.2f}" for name in order) + "; fake ones near 0.",
    name="fig-floor",
    provenance=of_floor,
)

# %% [markdown]
# ### Where the signature is seen
#
# The slope is largest in HSCs and fades through {term}`MPP1 <MPP>` and MPP2, but it is not absent elsewhere.
# The intervals are over the twelve studies, **given** the four pools of a population: they say which study is believed, not how other mice would differ.
# These rows are context and get no verdict.

# %%
public_changes, gse162607 = public.table("hsc_aging_lfc")
slopes = hsc_aging.signature_slopes(public_changes, signature)
by_population = hsc_aging.population_slopes(slopes)
for name, answer in by_population.items():
    chapter.record(f"C4.context.{name}", answer, family="C4.context", provenance=gse162607)
slopes.head().round(2)

# %% [markdown]
# The slope in each population, and the twelve studies that it averages:

# %%
labels = {name: f"{name} (negative control)" if name in hsc_aging.CONTROLS else name for name in by_population}
dots = slopes[list(labels)].rename(columns=labels).melt(var_name="label")
about = {"xlabel": "slope on the published log₂ fold changes", "references": {0.0: "not seen"}}
forest = forest_rows({labels[name]: one for name, one in by_population.items()})
chapter.show(
    figures.forest(forest, dots=dots, **about),
    caption="The published aging signature in eight populations: mean slope with its 95 % interval; each dot is one of "
    f"the published studies. Unit: study ({n_text(by_population.values())}), given two young and two old pools a "
    "population.",
    alt=alt_text("Slope on the published signature, by population", by_population),
    name="fig-populations",
    provenance=gse162607,
)

# %% [markdown]
# The populations without long-term stem cells are negative controls.
# By this slope they lie well below HSCs, though most above zero; by the score above, and with an intercept below, MEP and MPP4 do not.
#
# The slope on a published signature is *concordance*, not phi: there is no ECKO in it.
# Its size is not to be read as "as strong as published", for published fold changes carry noise and were chosen for being significant.
# The studies share genes and these mice, so that the interval is narrower than one over new mice would be.
#
# The genes behind the slope in HSCs:

# %%
of_signature = public_changes.set_index("gene").join(average, how="inner")
in_hsc = {"x": "average", "y": "lfc_HSC", "slope": by_population["HSC"], "label": six_genes}
titles = {"xlabel": "log₂ fold change, mean of twelve studies", "ylabel": "log₂ fold change, old − young HSC here"}
chapter.show(
    figures.lfc_scatter(of_signature[["average", "lfc_HSC"]], **in_hsc, **titles),
    caption="Each point a gene of the signature: published average against GSE162607. Line: mean slope over the "
    f"studies with its interval. Unit: study; {n_text([by_population['HSC']])}.",
    alt=alt_text(f"Scatter of {len(of_signature)} signature genes in HSCs", {"mean slope": by_population["HSC"]}),
    name="fig-signature",
    provenance=gse162607,
)

# %% [markdown]
# ### What carries a slope, and a wrong interval
#
# A line through the origin is carried by the genes that change most, and a few of those rise in other old cells as well.
# Without the ten genes that add most, little is left in the controls and most in HSCs; and the share of up genes that rise at all stays near one half or below in the controls.
# The column **NOT over genes** is wrong on purpose: weighted least squares over genes gives narrow intervals, because it takes genes that rise and fall together for independent witnesses.

# %%
rows = {}
x = of_signature["average"]
for name, one in by_population.items():
    y = of_signature[f"lfc_{name}"]
    weights = 1 / (of_signature[f"se_{name}"] ** 2 + hsc_aging.SCATTER**2)
    low, high = sm.WLS(y, x, weights=weights).fit().conf_int().loc["average"]
    rest = (weights * x * y).sort_values().index[:-10]  # without the ten genes that add most
    without = sm.WLS(y[rest], x[rest], weights=weights[rest]).fit().params["average"]
    rise = 100 * (y[x > 0] > 0).mean()
    rows[name] = one.estimate, limits_text(one), f"{number(low)} to {number(high)}", rise, without

# %%
heads = ["slope", "95 % over studies", "NOT over genes", "up genes that rise, %", "without 10 genes"]
chapter.show_table(
    pd.DataFrame.from_dict(rows, orient="index", columns=heads).rename_axis("population").reset_index(),
    caption="The signature in eight populations, two young and two old pools each. Unit: study (12). The interval over "
    "genes is not for inference.",
    provenance=gse162607,
    formats={"slope": ".2f", "up genes that rise, %": ".0f", "without 10 genes": ".2f"},
)

# %% [markdown]
# The slope in HSCs, and how far it lies above the controls, under other ways to draw the line.
# The first row is used; the others weigh all genes equally, let the line leave the origin, or both.

# %%
hsc_aging.slope_choices(public_changes, signature).round(2)

# %% [markdown]
# ### Part of it is arithmetic of gates
#
# {term}`LSK` cells are a mixture of {term}`HSCs <HSC>` and {term}`MPPs <MPP>`, and with age the share of HSCs grows.
# What would an "aged LSK transcriptome" show if **no cell changed at all**?
# The counts of GSE162607 can be mixed, with young or with old cells, in proportions of young and of old marrow, which are **assumptions of this book**, in per cent:

# %%
pd.DataFrame(hsc_animals.PROPORTIONS, index=list(hsc_animals.LSK)).transpose()

# %%
by_cause = mixture.set_index("ages")["slope"]
chapter.show_table(
    mixture.rename(columns={"ages": "what ages in the mixture", "slope": "slope on the signature"}),
    caption="Mixtures of LSK cells of GSE162607, two mice an age; the proportions are assumed. Context.",
    provenance=of_mixture,
    formats={"slope on the signature": ".2f"},
)
Markdown(
    f"A shift of composition alone gives a slope of {by_cause['composition']:.2f}, aged cells in the young proportions "
    f"{by_cause['cells']:.2f}, both together {by_cause['both']:.2f}: part of an aged LSK transcriptome may be arithmetic."
)

# %% [markdown]
# ### What two or three mice an arm cannot show
#
# Renders et al. sequenced HSCs with a gene trap in neogenin-1, the receptor of a signal of the niche {cite}`renders2021`.
# Old mice are female there and young ones male, so only mutant against wild type within an age is clean.

# %%
neo1, of_neo1 = public.table("neo1_scores")
of_ages = {}
for age in ("young", "aged"):
    of_ages[age] = hsc_animals.neo1_difference(neo1, age)
    chapter.record(f"C4.context.Neo1gt.{age}", of_ages[age], family="C4.context.Neo1gt", provenance=of_neo1)
r = neo1.groupby("group")["r"].first()
Markdown(
    "On the signature mutant − wild type is "
    + " and ".join(f"{number(one.estimate)} ({limits_text(one)}) in {age} mice" for age, one in of_ages.items())
    + f"; over its genes mutant − wild type correlates with it by {r['young']:.2f} and {r['aged']:.2f}. "
    f"Unit: mouse; {n_text(of_ages.values())}. "
    f"{sum(one.ci_low > 0 or one.ci_high < 0 for one in of_ages.values())} of {len(of_ages)} intervals exclude zero."
)

# %% [markdown]
# ### The rival: inflammation
#
# Inflammation of the marrow is the published rival of every phenocopy (page {ref}`against-the-paper`).
# Interferon and inflammatory hallmarks {cite}`msigdb,liberzon2015` in old HSCs of both laboratories, and in old endothelium of three organs:

# %%
hallmarks, of_hallmarks = public.table("hallmark_scores")
rival = hallmarks[hallmarks["hallmark"] != "mTORC1"]
of_rival = {}
for (cells, hallmark), rows in rival.groupby(["cells", "hallmark"], sort=False):
    of_rival[f"{endpoint_text(cells)}: {hallmark}"] = hsc_animals.aged_minus_young(rows)
chapter.show(
    figures.forest(forest_rows(of_rival), xlabel="score, old − young, log₂", references={0.0: "no change"}),
    caption="Inflammation with age in sorted cells: "
    f"{sum(one.ci_low > 0 or one.ci_high < 0 for one in of_rival.values())} of {len(of_rival)} intervals exclude zero, "
    f"unadjusted. Unit: mouse, in GSE162607 pools; {n_text(of_rival.values())}. Context.",
    alt=alt_text("Hallmarks of inflammation, old − young", of_rival),
    name="fig-inflammation",
    provenance=of_hallmarks,
)

# %% [markdown]
# ### Single cells, for the eye only
#
# GSE87631 holds single HSCs of 4 and 18 months {cite}`kirschner2017`, embedded and scored with scanpy {cite}`wolf2018`.
# Two things forbid any test.
# The cells carry no animal ids, and cells of one mouse are not replicates: nobody can tell from this table whether two mice or twenty are behind it.
# And these cells are probably one of the signature's twelve studies, so the score uses a signature made without that study.
# `kept` marks the cells that passed quality control, `score` is their place on that signature.

# %%
cells, gse87631 = public.table("single_hscs")
cells.groupby("months")["kept"].agg(["sum", "size"]).set_axis(["kept", "cells"], axis="columns")

# %%
kept = cells[cells["kept"] == 1].assign(group=lambda table: table["months"].map({4: "young", 18: "aged"}))
young, old = (kept.loc[kept["group"] == group, "score"] for group in ("young", "aged"))
higher = stats.mannwhitneyu(old, young).statistic / (len(old) * len(young))
Markdown(
    f"The signature without its own study holds {len(single_cells.signature_without(signature))} genes. "
    f"An old cell scores above a young one in {100 * higher:.0f} % of all pairs (50 %: no difference)."
)

# %%
look = {"hue": "group", "palette": figures.COLOURS, "legend": False}
with figures.house():
    figure = figures.page(3)
    left, right = figure.subplots(1, 2)
    sns.scatterplot(kept, x="pc1", y="pc2", style="group", markers={"young": "o", "aged": "s"}, s=18, ax=left, **look)
    sns.swarmplot(kept, x="group", y="score", order=["young", "aged"], size=4, ax=right, **look)
    left.set(xlabel="PC 1", ylabel="PC 2")
    right.set(xlabel="", ylabel="signature score")
chapter.show(
    (figure, kept[["cell", "group", "score", "pc1", "pc2"]]),
    caption="Single HSCs of 4 months (young) and 18 months (aged): principal components, and the score of a signature "
    f"made without their study. For the eye only: cells are not replicates; {len(young)} and {len(old)} cells of an "
    "unknown number of mice.",
    alt=f"Single HSCs by age. Mean score {number(young.mean())} in young, {number(old.mean())} in old cells.",
    name="fig-cells",
    provenance=gse87631,
)

# %% [markdown]
# ## The prediction, tested
#
# What follows is the analysis of the chapter's own data, which may be a laboratory's or simulated.

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ## The libraries
#
# A table of raw counts, a row a gene, comes with a sheet that says which animal each column is from.

# %% tags=["needs:hspc_samples", "needs:hspc_counts"]
samples = chapter.table("hspc_samples")
counts = chapter.table("hspc_counts")
samples.head()

# %% [markdown]
# One sorted population is analysed: the one sequenced in most groups and, among equals, HSC, for which the signature was made.

# %% tags=["needs:hspc_counts"]
if "population" not in samples:
    samples["population"] = ""
populations = samples.groupby("population").agg(groups=("group", "nunique"), animals=("animal", "nunique"))
populations["HSC"] = populations.index == "HSC"
populations = populations.sort_values(["groups", "HSC", "animals"], ascending=False)
samples = samples[samples["population"] == populations.index[0]]
populations.head()

# %% [markdown]
# Then each animal becomes one library: its lanes are added, because two lanes of one mouse are one mouse.
# From here on `animals` has a row for each mouse, and `counts` a row for each gene and a column for each mouse.

# %% tags=["needs:hspc_counts"]
by_animal = samples.groupby("animal", sort=False)
animals = by_animal[["group"]].first()
for column in ("sex", "batch"):  # lanes of two days belong to both: "day 1+day 2"
    animals[column] = by_animal[column].agg(lambda labels: "+".join(sorted(set(labels))))
animals = animals.assign(samples=by_animal.size()).reset_index()
counts = counts[samples["sample"]].T.groupby(samples["animal"].to_numpy(), sort=False).sum().T
animals.assign(reads=counts.sum().to_numpy(), genes=(counts > 0).sum().to_numpy()).head()

# %% [markdown]
# How many mice there are in each group, `n`, decides which contrasts can be drawn.
# `pairs(n)` names them: aged − young, and ECKO − control, for which young stands in where there is no control.
# `comparison` says how mice are compared on this page: by group, a mouse the unit, batch and sex blocks.

# %% tags=["needs:hspc_counts"]
n = animals["group"].value_counts().to_dict()
comparison = {"group": "group", "unit": "animal", "block": ["batch", "sex"]}
pd.crosstab(animals["batch"], animals["group"])

# %% [markdown]
# A library that was sequenced twice as deep has twice the counts.
# DESeq2's median of ratios takes that out: among genes seen in every library, a library's typical ratio to the geometric mean is its size factor.
# Genes with a mean of at least 10 counts are kept, a threshold of ours.
# That choice looks at no group, so it cannot favour one.
# `logs` holds log2 counts, with half a count added, of the genes that are kept; all scores below are made from it.

# %% tags=["needs:hspc_counts"]
logs = np.log(counts[(counts > 0).all(axis=1)])
if logs.empty:
    raise NotTestable("No gene has a count in every library, so that they cannot be compared.")
size_factors = np.exp(logs.sub(logs.mean(axis=1), axis=0).median())
expressed = (counts / size_factors).mean(axis=1) >= 10
if expressed.sum() < 2:
    raise NotTestable(f"{expressed.sum()} of {len(counts)} genes have a mean count of 10: too few to compare.")
logs = np.log2(counts[expressed] / size_factors + 0.5)
logs.iloc[:5, :6].round(2)

# %% [markdown]
# ## Genes, one by one
#
# DESeq2 {cite}`love2014`, in Python {cite}`muzellec2023`, is fitted once to all animals, so that every comparison uses the same estimate of how much a gene varies between animals.
# Batch joins the design where the animals can tell it from the groups, that is, where no column of the layout is the sum of others (full rank).
# Each group has a mean of its own (`0 +`); contrasts are those of `~batch + group`.

# %% tags=["needs:hspc_counts", "needs:deseq"]
batches = animals["batch"].nunique()
layout = pd.get_dummies(animals[["group", "batch"]], dtype=float)
separable = np.linalg.matrix_rank(layout) == len(n) + batches - 1 < len(animals)
design = "~0 + group + batch" if batches > 1 and separable else "~0 + group"
if not pairs(n) or len(animals) <= len(n):
    raise NotTestable("DESeq2 needs two groups to compare, and animals enough to see how they vary within a group.")

# %% [markdown]
# `inference` says who solves the equations: pydeseq2 asks an optimiser gene by gene, `AllGenes` solves the same equations for all genes at once, some thirty times as fast.
# It also keeps fitted means at half a count or more in the standard error and the dispersion, as R does.
# `GeneFit` is pydeseq2's `DeseqDataSet` with Cook's filter by R's rule: pydeseq2 spares an outlier that three other animals exceed, R does so only where two groups are all there is.

# %% tags=["needs:hspc_counts", "needs:deseq"]
warnings.filterwarnings("ignore", module="pydeseq2")  # what a reader must know is named below
mice = animals.set_index("animal")[["group", "batch"]]
sparing = {"inference": AllGenes(), "quiet": True, "low_memory": True}  # large matrices go once they are used
fit = GeneFit(counts=counts.T, metadata=mice, design=design, **sparing)
fit.fit_genewise_dispersions()
if not (fit.var["genewise_dispersions"] >= 1e-6).any():
    raise NotTestable("No gene varies more than counting alone would: DESeq2 has no trend to fit.")
fit.deseq2()
note = " (batch cannot be told from the groups)" if batches > 1 and not separable else ""
said = f"Design `{design}`{note}; trend of dispersion over mean: {fit.uns['disp_function_type']}."
Markdown(" ".join([said, *fit.caveats()]))

# %% [markdown]
# Then each contrast is tested by Wald's test, `alpha=0.1` as in R; `results` keeps one table of genes for each, and the last of them is shown.
# Two steps follow R, where pydeseq2 goes another way.
# A gene without a count in either group has a fold change of 0 and a p of 1.
# And genes with too few counts to be found are left out of the adjustment by R's rule (`independent_filter`): pydeseq2 smooths the same curve in another way and can draw the line elsewhere, here and there a hundred genes apart.

# %% tags=["needs:hspc_counts", "needs:deseq"]
wanted = dict.fromkeys([*pairs(n), ("ecko", "young"), ("control", "young")])  # the last two for the trap below
about = {"alpha": 0.1, "independent_filter": False, "inference": AllGenes(), "quiet": True}
results, named = {}, [fit.marked().get(gene, gene) for gene in six_genes]
for a, b in (pair for pair in wanted if set(pair) <= set(n)):
    test = DeseqStats(fit, contrast=["group", a, b], **about)
    test.summary()
    table = test.results_df
    silent = (counts.loc[:, animals["group"].isin([a, b]).to_numpy()] == 0).all(axis=1) & table["pvalue"].notna()
    table.loc[silent, ["log2FoldChange", "stat", "pvalue"]] = 0.0, 0.0, 1.0
    table["padj"] = expression.independent_filter(table["baseMean"], table["pvalue"], alpha=0.1)
    results[a, b] = table.rename(index=fit.marked())  # an asterisk where the fit did not converge
results[a, b].head()

# %% [markdown]
# A gene drops out for one of three reasons: no animal has a count; one animal's count is an outlier by Cook's distance; or its counts are so few that testing it would only cost the others.

# %% tags=["needs:hspc_counts", "needs:deseq"]
reasons_by_contrast = {}
for (a, b), table in results.items():
    reasons = [table["baseMean"] == 0, table["pvalue"].isna(), table["padj"].isna(), table["padj"] <= 0.05]
    words = ["no count", "outlier", "too few counts", "adjusted p ≤ 0.05"]
    counted = pd.Series(np.select(reasons, words, "adjusted p > 0.05")).value_counts()
    reasons_by_contrast[f"{figures.named(a)} − {figures.named(b)}"] = counted
pd.DataFrame(reasons_by_contrast).fillna(0).astype(int)

# %% [markdown]
# Every gene in a volcano plot, one for each contrast:

# %% tags=["needs:hspc_counts", "needs:deseq"]
starred = " An asterisk: the fit of this gene did not converge." if fit.marked() else ""
for a, b in pairs(n):
    table = results[a, b].rename(columns={"log2FoldChange": "log2fc", "padj": "p_adjusted"})
    words = f"{figures.named(a)} against {figures.named(b)}"
    chapter.show(
        figures.volcano(table, contrast=(a, b), n=n, label=named),
        caption=f"DESeq2, {words}. Points are genes; unit: animal; n: {a} {n[a]}, {b} {n[b]}. "
        f"Named: genes of the published aging signature on which most studies agree.{starred}",
        alt=f"Volcano plot of {words}: {(table['p_adjusted'] <= 0.05).sum()} genes at adjusted p 0.05.",
        name="fig-volcano-aging" if a == "aged" else "fig-volcano-ecko",
    )

# %% [markdown]
# Two lists of called genes, and how much they overlap, do not answer the question.
# Their lengths depend on the number of animals as much as on the biology, and a gene just below the line counts as unchanged.

# %% [markdown] tags=["result:C4.transcriptome.phi"]
# ## Every animal on the aging axis
#
# The score of an animal is its position along the twelve-study signature: genes weigh as their published {term}`log2 fold change` (old against young), averaged over the studies.
# The projection is a least-squares slope: 1 more means as far apart as old and young were in the published studies.
# Beside it stands the same signature with equal weights: the up genes against all others, minus the down genes against all others.

# %% tags=["needs:hspc_counts", "needs:signature"]
up, down = logs.index.isin(average.index[average > 0]), logs.index.isin(average.index[average < 0])
if min(up.sum(), (~up).sum(), down.sum(), (~down).sum()) < 2:
    raise NotTestable(f"{(up | down).sum()} of the signature's {len(average)} genes are expressed here: too few.")
animals["score"] = animals["animal"].map(resemblance.project(logs, average))  # decides
equal_weights = logs[up].mean() - logs[~up].mean() - (logs[down].mean() - logs[~down].mean())
animals["up_down"] = animals["animal"].map(equal_weights)
Markdown(f"{(up | down).sum()} of the signature's {len(average)} genes are among the {len(logs):,} expressed here.")

# %% [markdown]
# The score of every animal, and the two differences that phi will divide:

# %% tags=["needs:hspc_counts", "needs:signature"]
question = {"value": "score", **comparison}
differences = {(a, b): difference(animals, a=a, b=b, **question) for a, b in pairs(n)}
compared = by_contrast({"score": differences})
if not allows_phi(n) and ("aged", "young") in differences:  # without ECKO: does age do here what C4 takes for granted?
    chapter.record("C4.transcriptome.phi.aging", differences["aged", "young"])
shape = {"value": "score", "group": "group", "animal": "animal", "ylabel": "aging score, 1 = the published old − young"}
shape["order"] = [group for group in ("young", "aged", "control", "ecko") if group in n]
chapter.show(
    figures.estimation(animals, estimates=differences, **shape),
    caption="Score on the twelve-study aging signature, every animal a point. "
    + "; ".join(f"{name}: {number(one.estimate)} ({limits_text(one)})" for name, one in compared.items())
    + f". Unit: animal; {n_text(differences.values())}.",
    alt=alt_text("Score on the aging signature, every animal a point", compared),
    name="fig-score",
)

# %% [markdown]
# ### Phi, and what it needs
#
# Phi divides *ECKO − control* by *aged − young*; where there is no control, young stands in for it.
# Its interval is Fieller's {cite}`fieller1954`, which takes the uncertainty of the denominator into account.
# Where aged and young cannot be told apart it is unbounded, as it should be ({ref}`methods-transcriptome-phi`).
# The direction of aging and the smallest phi of interest were written down before any data were read; `chapter.rule` looks them up.
# The phi of the published weights goes on record; that of equal weights is for comparison.

# %% tags=["needs:hspc_counts", "needs:phi"]
if not allows_phi(n):
    raise NotTestable("Phi needs ECKO mice and, as its yardstick, young and aged ones: it is not testable here.")
rule = chapter.rule("C4.transcriptome.phi")

# %% tags=["needs:hspc_counts", "needs:phi", "needs:signature"]
question = {"direction": rule.direction, "smallest": rule.smallest, **comparison}
by_score, by_equal_weights = (phi(animals, value=score, **question) for score in ("score", "up_down"))
record = chapter.record("C4.transcriptome.phi", by_score)

# %% tags=["needs:hspc_counts", "needs:phi", "needs:signature", "needs:phi_of_scores"]
if record.reason == "withheld":
    raise NotTestable(f"No verdict: {by_score.withheld or 'sex or batch cannot be told from the groups.'}")
read = f"phi = {result_text(by_score)}" if record.reason != "no aging effect" else "No aging effect is seen here"
Markdown(f"{read}. With equal weights: {number(by_equal_weights.estimate)} ({limits_text(by_equal_weights)}).")

# %% [markdown] tags=["result:C4.transcriptome.inflammation"]
# ## Age, or illness?
#
# Phi says how far ECKO mice have gone, not why: what illness and age both move looks the same by phi.
# Genes of interferon and inflammation can tell the two apart.
# The score of an animal is the mean log2 expression of the two hallmark sets of above minus that of all other expressed genes.
# Old HSCs are a little inflamed themselves, so the question is whether the knock-out raises the score **beyond** what age does: (ECKO − control) − (aged − young).
# Where its 95 % interval lies above 0, or where no score can be had, claims C3 and C4 carry the caution *inflammation not excluded*; the words of their verdicts stay.

# %% tags=["needs:hspc_counts", "needs:phi", "needs:inflammation"]
inflammatory = set().union(*originals.inflammation_hallmarks().values())
inside = logs.index.isin(inflammatory)
if inside.sum() < 10:
    raise NotTestable(f"{inside.sum()} genes of inflammation are expressed here, fewer than ten: it is not excluded.")
animals["inflammation"] = animals["animal"].map(logs[inside].mean() - logs[~inside].mean())
question = {"value": "inflammation", **comparison}
each = {(a, b): difference(animals, a=a, b=b, **question) for a, b in pairs(n)}
control = {"control": -1, "young": 1} if "control" in n else {}  # young, where it is the control, drops out
beyond_age = contrast(animals, weights={"ecko": 1, "aged": -1, **control}, **question)
record_of_illness = chapter.record("C4.transcriptome.inflammation", beyond_age)

# %% [markdown]
# Every animal at its place between young and old, and its inflammation above it:

# %% tags=["needs:hspc_counts", "needs:phi", "needs:signature", "needs:inflammation"]
order = {figures.named(group): group for group in ("young", "aged", "control", "ecko") if group in n}
points = {"hue": "mice", "style": "mice", "hue_order": list(order), "style_order": list(order), "s": 40}
points["palette"] = {mice: figures.colour(group) for mice, group in order.items()}
points["markers"] = {mice: style.marker(group) for mice, group in order.items()}
with figures.house():
    figure = figures.page(3.2)
    axes = figure.subplots()
    shown = animals.assign(mice=animals["group"].map(figures.named))
    sns.scatterplot(shown, x="score", y="inflammation", ax=axes, **points)
    figures.legend_above(figure, axes)
    axes.set(xlabel="aging score, 1 = the published old − young", ylabel="inflammation score, log₂")

# %% tags=["needs:hspc_counts", "needs:phi", "needs:signature", "needs:inflammation"]
compared = by_contrast({"inflammation": each}) | {"ECKO beyond age": beyond_age}
chapter.show(
    (figure, animals[["animal", "group", "score", "inflammation"]]),
    caption=f"Aging score and inflammation score ({inside.sum()} genes), every animal a point. Inflammation, log₂: "
    + "; ".join(f"{name}: {number(one.estimate)} ({limits_text(one)})" for name, one in compared.items())
    + f". Unit: animal; {n_text(each.values())}.",
    alt=alt_text("Inflammation score against aging score, every animal a point", compared),
    name="fig-illness",
)

# %% [markdown] tags=["result:C4.transcriptome.phi_genes"]
# ## All expressed genes
#
# The signature looks at its own genes only.
# As a description, phi is also computed over all expressed genes of these animals.
# Chance makes fold changes look larger than they are, and so phi smaller; the estimate takes off what the spread between animals explains.
# Genes are not independent, so the interval leaves out one animal at a time, not one gene.

# %% tags=["needs:hspc_counts", "needs:phi"]
over_genes = {"sample": "animal", "min_mean": 10, "smallest": rule.smallest, **comparison}
by_genes = resemblance.transcriptome_phi_genes(counts, animals, **over_genes)
record_of_genes = chapter.record("C4.transcriptome.phi_genes", by_genes)

# %% [markdown]
# This estimate lies too far from 0, by how much is counted over simulated cohorts, here those with the invented effects of the abstract's story:

# %% tags=["needs:hspc_counts", "needs:phi"]
counted = calibration.frozen().bias.set_index(["scenario", "id"]).loc[("paper", "C4.transcriptome.phi_genes")]
Markdown(f"Planted: {number(counted['planted'])}; median of the estimates: {number(counted['median'])}.")

# %% [markdown]
# For the eye, DESeq2's fold changes of both contrasts, gene by gene, in `changes`; `reference` is the group that ECKO is compared with.

# %% tags=["needs:hspc_counts", "needs:phi", "needs:deseq"]
reference = pairs(n)[1][1]
changes = pd.DataFrame({f"{a} - {b}": table["log2FoldChange"] for (a, b), table in results.items()})
changes = changes[results["aged", "young"]["baseMean"] >= 10].dropna()
changes.head().round(2)

# %% tags=["needs:hspc_counts", "needs:phi", "needs:deseq", "needs:phi_of_genes"]
if record_of_genes.reason == "withheld":
    raise NotTestable(f"No slope: {by_genes.withheld or 'sex or batch cannot be told from the groups.'}")
axes = {"x": "aged - young", "y": f"ecko - {reference}"}
titles = {"xlabel": "log₂ fold change, aged − young", "ylabel": f"log₂ fold change, ECKO − {reference}"}
chapter.show(
    figures.lfc_scatter(changes, slope=by_genes, label=named, **axes, **titles),
    caption="Each point a gene, fold changes by DESeq2; line: phi over genes by moments, with its jackknife interval. "
    f"Unit: animal; {n_text([by_genes])}.{starred}",
    alt=alt_text(f"Scatter of {len(changes)} genes, ECKO against aging fold changes", {"slope": by_genes}),
    name="fig-scatter",
)

# %% [markdown]
# Phi by its three ways; the first decides, the others describe.
# Where old mice do not differ from young ones (one-sided p above 2.5 %), the interval is drawn and the estimate is not.

# %% tags=["needs:hspc_counts", "needs:phi", "needs:signature", "needs:phi_of_scores"]
ways = {"signature, primary": by_score, "signature, equal weights": by_equal_weights, "all expressed genes": by_genes}
ways = {label: one for label, one in ways.items() if not one.withheld}
read = {label: one for label, one in ways.items() if one.aging_p <= 0.025 and one.interval_kind == "bounded"}
forest = forest_rows(ways).assign(group="ecko", note="")
forest.loc[~forest["label"].isin(read), ["estimate", "note"]] = np.nan, "no aging effect seen"
about = {"xlabel": "phi: share of the way from young to aged, 95 % set", "references": {0.0: "young", 1.0: "aged"}}
chapter.show(
    figures.forest(forest, smallest=rule.smallest, **about),
    caption="Phi of the HSPC transcriptome by three ways; the first decides. Dotted: the smallest phi of interest. "
    f"Unit: animal; {n_text(ways.values())}.",
    alt=alt_text("Forest plot of phi", read),
    name="fig-phi",
)

# %% [markdown]
# ### A map of both rankings
#
# {term}`Rank-rank overlap <RRHO>` {cite}`plaisier2010` orders the genes by each contrast, from most up to most down, and asks at every pair of ranks whether the tops of the two lists share more genes than chance would give; each quadrant is counted from its own corner {cite}`cahill2018`.
# Dark along the diagonal: the knock-out acts like age.
# Dark in the other corners: it acts against it.
# Pale everywhere: unrelated.
# The map is a picture: its p values treat genes as independent and search the whole map, so none of them enters a verdict ({ref}`methods-rrho`).
#
# The quadrants in numbers of genes, and in brackets what chance would give:

# %% tags=["needs:hspc_counts", "needs:phi", "needs:deseq"]
stat = pd.DataFrame({"aging": results["aged", "young"]["stat"], "ECKO": results["ecko", reference]["stat"]}).dropna()
ranks = rrho(stat["aging"], stat["ECKO"], step=max(1, len(stat) // 60))
ecko, aging = (np.where(stat[name] > 0, f"{name} up", f"{name} down") for name in ("ECKO", "aging"))
quadrants = pd.crosstab(ecko, aging, rownames=[""], colnames=[""])
chance = stats.contingency.expected_freq(quadrants).round().astype(int).astype(str)
quadrants.astype(str) + " (" + chance + ")"

# %% tags=["needs:hspc_counts", "needs:phi", "needs:deseq"]
titles = {"xlabel": "genes by aged − young", "ylabel": f"genes by ECKO − {reference}"}
score = "−ln p, counted from each corner (a picture, not a test)"
chapter.show(
    figures.rrho_map(ranks.corrected.T, genes=ranks.genes, value_label=score, **titles),
    caption="Rank-rank overlap of the two contrasts, counted from the corner of each quadrant: the darker, the more "
    f"genes are shared beyond chance. A picture of {ranks.genes:,} genes, not a test. Unit behind both lists: animal; "
    f"{n_text([by_genes])}.",
    alt=f"Rank-rank overlap map of {ranks.genes} genes; the table above counts its quadrants.",
    name="fig-overlap",
)

# %% [markdown]
# ### A trap: correlating fold changes
#
# The tempting analysis correlates the fold changes of ECKO with those of aging.
# It goes wrong where both are taken against the *same* young animals.
# A gene that happens to be low in those animals is then high in both contrasts, and with equal group sizes chance alone gives a correlation near one half.
# **The next table shows the wrong analysis on purpose**, beside phi over genes, from which the part that the shared animals cause has been taken off.
# Control against young is the telling row: both are young mice with mTOR, so nothing in it can be aging.
# For the last two rows phi is computed again: once without the control mice, so that young ones stand in, once with control mice in the place of ECKO.

# %% tags=["needs:hspc_counts", "needs:phi", "needs:deseq"]
right = {f"ecko - {reference}": by_genes}
if reference == "control":
    no_control = animals[animals["group"] != "control"]
    control_as_ecko = animals[animals["group"] != "ecko"].replace({"group": {"control": "ecko"}})
    right["ecko - young"] = resemblance.transcriptome_phi_genes(counts, no_control, **over_genes)
    right["control - young"] = resemblance.transcriptome_phi_genes(counts, control_as_ecko, **over_genes)
trap = pd.DataFrame({"naive r (wrong)": changes.corrwith(changes["aged - young"]).loc[list(right)]})
trap["shared group"] = ["young" if name.endswith("young") else "none" for name in right]
trap["phi over genes"] = [one.estimate for one in right.values()]
trap["95 % over animals"] = ["no interval" if one.withheld else limits_text(one) for one in right.values()]
chapter.show_table(
    trap.rename_axis("against aged − young").reset_index(),
    caption="The naive correlation of fold changes, wrong on purpose, beside phi with the shared noise taken off. "
    f"Unit: animal; {n_text(right.values())}.",
)

# %% [markdown]
# A correlation without shared animals is free of this fault, yet it is no answer: it has no interval over animals, it falls with the noise of the counts, and it is blind to *how far* ECKO has gone.
#
# What went on record:

# %% tags=["needs:hspc_counts", "needs:phi"]
chapter.results(
    "C4.transcriptome",
    caption="Resemblance of the ECKO transcriptome: on the signature (phi), over all expressed genes (phi genes); and "
    "its inflammation beyond age.",
)

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one mouse less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other tests are phi of the same score with one variance for all groups, and phi of the score that gives each gene of the signature equal weight.
# For the premise one mouse is left out where there are three an age.

# %%
chapter.show_robustness(chapter.robustness())

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C4")

# %% [markdown]
# ## What could be wrong
#
# - A shared stress response of sorted cells would move ECKO and aged cells alike without any aging; the inflammation score sees one kind of it.
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
# - By its slope the signature is largest in old HSCs and small in most of their progeny; by the score that judges animals old MEP move as far, so a high score alone is no proof of an aged HSC.
#
# ## Further reading
#
# - The signature of HSC aging from twelve studies: {cite:t}`svendsen2021`.
# - The public mice on which it is tried here: {cite:t}`itokawa2022`.
# - Single HSCs of young and old mice: {cite:t}`kirschner2017`.

# %% tags=["plumbing"]
chapter.write()
