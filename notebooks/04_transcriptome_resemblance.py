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
    f"Old LT-HSCs of another laboratory show the published aging signature, mouse by mouse ({apart:.2f} of the published "
    f"difference; age goes with the sequencing lane). So do old MEP, no stem cells ({mep:.2f}, pooled mice). In LSK cells a shift of proportions alone gives a slope of {gates['composition']:.2f} of "
    f"{gates['both']:.2f} (assumed proportions).",
    of_scores,
    of_mixture,
)

# %% [markdown]
# ## The question
#
# The transcriptome of HSPCs from mTOR ECKO mice resembles that of aged HSPCs, says the abstract {cite}`ramalingam2020`: claim C4.
# We ask how far the knock-out moves each animal along the road from young (0) to aged (1): {term}`phi`, by a published signature of {term}`HSC` aging from twelve studies {cite}`svendsen2021`.
# C4 needs aged animals that score higher than young ones, and a 95 % interval of phi that lies above 0.25.
# An interval of phi below 0, or a 90 % interval within ±0.25, would contradict it.
# That ECKO differs from control in many genes is no answer: a sick mouse does too, so a score of inflammation stands beside phi.

# %% [markdown] tags=["result:C4.premise"]
# ## Real mice: a sound ruler?
#
# **Not found:** counts of ECKO HSPCs, so no public data can test the claim itself.
# Its **premise** can be tested: a published signature separates old from young HSCs of another laboratory, mouse by mouse.
# LT-HSCs of three young and three old females {cite}`artsvendsen_phd` are none of the twelve studies; their **age goes with the sequencing lane**, and the verdict stands with that caution.
# The signature holds the {term}`log2 fold change` of each gene, old against young, in each study, and their `average`; a mouse's score is its place along it, 1 as far apart as old and young were there.

# %%
signature, _ = hsc_aging.signature()
average = signature["average"]
studies = signature[list(originals.STUDIES)].notna().sum(axis=1)
ranking = pd.DataFrame({"studies": studies, "size": average.abs()}).sort_values(["studies", "size"], ascending=False)
six_genes = list(ranking.index[:6])  # named in every figure
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

# %% tags=["folded"]
chapter.results("C4.premise", caption="The premise, mouse by mouse.")

# %% [markdown]
# ### Populations, and the noise floor
#
# Is a high score a sign of old *HSCs*?
# GSE162607 holds eight populations of **pooled** females of 10 weeks and 20 months, two sorts an age {cite}`itokawa2022`: context, for sorts of a pool differ by less than mice would.
# Another way to look is the slope of their fold changes on those of each of the twelve studies.
# The twelve slopes share **one** contrast of two pools against two, so a p over studies knows nothing of other mice.
# To see what chance gives, one young and one old pool stand against the other two, so that age cancels.

# %%
public_changes, gse162607 = public.table("hsc_aging_lfc")
slopes = hsc_aging.signature_slopes(public_changes, signature)
by_population, by_score = hsc_aging.population_slopes(slopes), {}
for name, answer in by_population.items():
    by_score[name] = hsc_animals.aged_minus_young(pools[pools["population"] == name])
    chapter.record(f"C4.context.pools.{name}", by_score[name], family="C4.context.pools", provenance=of_scores)
    chapter.record(f"C4.context.{name}", answer, family="C4.context", provenance=gse162607)

# %%
floor, _ = public.table("signature_floor")
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
rows = floor.groupby(["contrast", "population"], as_index=False)["slope"].mean()
rows["kind"] = np.where(rows["contrast"] == "real", "old against young", "no difference")
rows["place"] = rows["population"].map(order.index)
palette = {"old against young": figures.colour("aged"), "no difference": figures.colour("control")}
points = {"hue": "kind", "palette": palette, "style": "kind", "markers": dict(zip(palette, "oX", strict=True)), "s": 40}
scored = forest_rows({name: by_score[name] for name in order})
with figures.house():
    figure = figures.page(2.8)
    left, right = figure.subplots(1, 2, sharey=True)
    left.hlines(range(8), scored["low"], scored["high"], color=figures.colour("aged"), linewidth=2)
    left.plot(scored["estimate"], range(8), "o", color=figures.colour("aged"))
    sns.scatterplot(rows, x="slope", y="place", ax=right, **points)
    figures.legend_above(figure, right)
    for axes in (left, right):
        axes.axvline(0, **style.DOTTED)
    left.set(xlabel="score, old − young, 95 %", yticks=range(8), yticklabels=order, ylim=(7.5, -0.5))
    right.set(xlabel="slope, mean of twelve studies", ylabel="")

# %%
chapter.show(
    (
        figure,
        pd.concat([rows.drop(columns="place"), scored.rename(columns={"label": "population", "estimate": "score"})]),
    ),
    caption="The signature in GSE162607. Left: the score, old − young. Right: the slope; crosses: two contrasts without a "
    "difference. From MPP3 down there are no long-term stem cells: negative controls. Unit: pool; "
    f"{n_text(by_score.values())}.",
    alt=alt_text("Score on the aging signature, old − young", by_score)
    + f" Slope: {'; '.join(f'{name} {by_population[name].estimate:.2f}' for name in order)}.",
    name="fig-populations",
    provenance=gse162607,
)

# %% [markdown]
# By the score, MEP and {term}`MPP4 <MPP>`, which hold no long-term stem cells, move as far as HSCs: a high score alone does not say that an *HSC* has aged.
# The slope is largest in HSCs, fades through MPP1 and MPP2, and is small elsewhere, though mostly above zero; with an intercept MEP and MPP4 keep up here as well.
# It is *concordance*, not phi, for there is no ECKO in it, and says nothing of strength: published fold changes carry noise and were chosen for being significant.

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
# The line is carried by the genes that change most; without ten of them most is left in HSCs and little in the controls.
# The numbers below hold the slopes with and without these ten, and under other ways to draw the line.
# Their column **NOT over genes** is wrong on purpose: it takes genes that rise and fall together for independent witnesses.

# %% tags=["folded"]
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
heads = ["slope", "95 % over studies", "NOT over genes", "up genes that rise, %", "without 10 genes"]
chapter.show_table(
    pd.DataFrame.from_dict(rows, orient="index", columns=heads).rename_axis("population").reset_index(),
    caption="The signature in eight populations, two young and two old pools each. Unit: study (12). The interval over "
    "genes is not for inference.",
    provenance=gse162607,
    formats={"slope": ".2f", "up genes that rise, %": ".0f", "without 10 genes": ".2f"},
)
hsc_aging.slope_choices(public_changes, signature).round(2)

# %% [markdown]
# ### Arithmetic of gates
#
# {term}`LSK` cells are a mixture of {term}`HSCs <HSC>` and {term}`MPPs <MPP>`, and with age the share of HSCs grows.
# What would an "aged LSK transcriptome" show if **no cell changed at all**?
# We mixed the counts of GSE162607 in proportions of young and of old marrow, which are assumptions of this book.

# %%
by_cause = mixture.set_index("ages")["slope"]
Markdown(
    f"A shift of composition alone gives a slope of {by_cause['composition']:.2f}, aged cells in the young proportions "
    f"{by_cause['cells']:.2f}, both together {by_cause['both']:.2f}: part of an aged LSK transcriptome may be arithmetic."
)

# %% tags=["folded"]
chapter.show_table(
    mixture.rename(columns={"ages": "what ages in the mixture", "slope": "slope on the signature"}),
    caption="Mixtures of LSK cells of GSE162607, two pools an age. Context. Below: the assumed proportions, per cent.",
    provenance=of_mixture,
    formats={"slope on the signature": ".2f"},
)
pd.DataFrame(hsc_animals.PROPORTIONS, index=list(hsc_animals.LSK)).transpose()

# %% [markdown]
# ### The rival: inflammation
#
# Inflammation of the marrow is the published rival of every phenocopy ({ref}`against-the-paper`).
# These are {term}`hallmarks <hallmark set>` of interferon and inflammation {cite}`msigdb,liberzon2015` in old HSCs of both laboratories; the numbers below add old endothelium of three organs.

# %%
hallmarks, of_hallmarks = public.table("hallmark_scores")
rival = hallmarks[hallmarks["hallmark"] != "mTORC1"].groupby(["cells", "hallmark"], sort=False)
of_rival = {(endpoint_text(cells), hallmark): hsc_animals.aged_minus_young(rows) for (cells, hallmark), rows in rival}
in_hscs = {": ".join(name): one for name, one in of_rival.items() if "HSC" in name[0]}
chapter.show(
    figures.forest(forest_rows(in_hscs), xlabel="score, old − young, log₂", references={0.0: "no change"}),
    caption="Inflammation with age in HSCs: "
    f"{sum(one.ci_low > 0 or one.ci_high < 0 for one in in_hscs.values())} of {len(in_hscs)} intervals exclude zero, "
    f"unadjusted. Unit: mouse, in GSE162607 pools; {n_text(in_hscs.values())}. Context.",
    alt=alt_text("Hallmarks of inflammation, old − young", in_hscs),
    name="fig-inflammation",
    provenance=of_hallmarks,
)

# %% tags=["folded"]
table = pd.DataFrame([(*name, one.estimate, limits_text(one)) for name, one in of_rival.items()])
chapter.show_table(
    table.set_axis(["cells", "hallmark", "old − young, log₂", "95 %"], axis="columns"),
    caption=f"Inflammation with age in HSCs and endothelium. Unit: mouse, in GSE162607 pools; {n_text(of_rival.values())}.",
    provenance=of_hallmarks,
)

# %% [markdown]
# ### Other old HSCs
#
# Single HSCs of 4 and 18 months {cite}`kirschner2017`, scored with scanpy {cite}`wolf2018` on a signature made without this study, allow no test: no cell has the id of its animal.
# HSCs with a gene trap in neogenin-1, the receptor of a signal of the niche, are compared with wild type within an age, since old mice are female there and young ones male {cite}`renders2021`.

# %%
cells, gse87631 = public.table("single_hscs")
kept = cells[cells["kept"] == 1]
young, old = (kept.loc[kept["months"] == months, "score"] for months in (4, 18))
higher = stats.mannwhitneyu(old, young).statistic / (len(old) * len(young))
Markdown(
    f"An old cell scores above a young one in {100 * higher:.0f} % of all pairs of {len(old)} old and {len(young)} young "
    f"cells (50 %: no difference), on {len(single_cells.signature_without(signature))} genes. {gse87631.label}."
)

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
# ## The prediction, tested

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ## The libraries
#
# One sorted population is analysed: the one sequenced in most groups and, among equals, HSC.
# Each animal is one library: lanes of one mouse are added, because two lanes of one mouse are one mouse.
# Library size is taken out by DESeq2's median of ratios, and genes with a mean of at least 10 counts are kept, a choice that looks at no group.

# %% tags=["needs:hspc_samples", "needs:hspc_counts"]
samples = chapter.table("hspc_samples")
counts = chapter.table("hspc_counts")
if "population" not in samples:
    samples["population"] = ""
populations = samples.groupby("population").agg(groups=("group", "nunique"), animals=("animal", "nunique"))
populations["HSC"] = populations.index == "HSC"
populations = populations.sort_values(["groups", "HSC", "animals"], ascending=False)
samples = samples[samples["population"] == populations.index[0]]
by_animal = samples.groupby("animal", sort=False)
animals = by_animal[["group"]].first()
for column in ("sex", "batch"):  # lanes of two days belong to both: "day 1+day 2"
    animals[column] = by_animal[column].agg(lambda labels: "+".join(sorted(set(labels))))
animals = animals.assign(samples=by_animal.size()).reset_index()
counts = counts[samples["sample"]].T.groupby(samples["animal"].to_numpy(), sort=False).sum().T

# %% tags=["needs:hspc_counts", "folded"]
n = animals["group"].value_counts().to_dict()  # mice in each group
comparison = {"group": "group", "unit": "animal", "block": ["batch", "sex"]}
pd.crosstab(animals["batch"], animals["group"])

# %% tags=["needs:hspc_counts"]
logs = np.log(counts[(counts > 0).all(axis=1)])
if logs.empty:
    raise NotTestable("No gene has a count in every library, so that they cannot be compared.")
size_factors = np.exp(logs.sub(logs.mean(axis=1), axis=0).median())
expressed = (counts / size_factors).mean(axis=1) >= 10
if expressed.sum() < 2:
    raise NotTestable(f"{expressed.sum()} of {len(counts)} genes have a mean count of 10: too few to compare.")
logs = np.log2(counts[expressed] / size_factors + 0.5)

# %% [markdown]
# ## Genes, one by one
#
# DESeq2 {cite}`love2014`, in Python {cite}`muzellec2023`, is fitted once to all animals, with batch in the design where the animals can tell it from the groups.
# `AllGenes` solves the equations of all genes at once, and `GeneFit` filters outliers by R's rule.
# A list of called genes does not answer the question: its length depends on the number of animals as much as on the biology.

# %% tags=["needs:hspc_counts", "needs:deseq"]
batches = animals["batch"].nunique()
layout = pd.get_dummies(animals[["group", "batch"]], dtype=float)
# Full rank: no column of the layout is the sum of others.
separable = np.linalg.matrix_rank(layout) == len(n) + batches - 1 < len(animals)
design = "~0 + group + batch" if batches > 1 and separable else "~0 + group"
if not pairs(n) or len(animals) <= len(n):
    raise NotTestable("DESeq2 needs two groups to compare, and animals enough to see how they vary within a group.")
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

# %% tags=["needs:hspc_counts", "needs:deseq"]
starred = " An asterisk: the fit of this gene did not converge." if fit.marked() else ""
a, b = pairs(n)[-1]
table = results[a, b].rename(columns={"log2FoldChange": "log2fc", "padj": "p_adjusted"})
words = f"{figures.named(a)} against {figures.named(b)}"
chapter.show(
    figures.volcano(table, contrast=(a, b), n=n, label=named),
    caption=f"DESeq2, {words}. Points are genes; unit: animal; n: {figures.named(a)} {n[a]}, {figures.named(b)} {n[b]}. "
    f"Named: genes of the published aging signature on which most studies agree.{starred}",
    alt=f"Volcano plot of {words}: {(table['p_adjusted'] <= 0.05).sum()} genes at adjusted p 0.05.",
    name="fig-volcano",
)

# %% [markdown] tags=["result:C4.transcriptome.phi"]
# ## Every animal on the aging axis
#
# An animal's score is the least-squares slope of its genes on the published fold changes, averaged over the studies.
# Beside it stands the same signature with equal weights: the up genes against all others, minus the down genes against all others.

# %% tags=["needs:hspc_counts", "needs:signature"]
up, down = logs.index.isin(average.index[average > 0]), logs.index.isin(average.index[average < 0])
if min(up.sum(), (~up).sum(), down.sum(), (~down).sum()) < 2:
    raise NotTestable(f"{(up | down).sum()} of the signature's {len(average)} genes are expressed here: too few.")
animals["score"] = animals["animal"].map(resemblance.project(logs, average))  # decides
equal_weights = logs[up].mean() - logs[~up].mean() - (logs[down].mean() - logs[~down].mean())
animals["up_down"] = animals["animal"].map(equal_weights)
Markdown(f"{(up | down).sum()} of the signature's {len(average)} genes are among the {len(logs):,} expressed here.")

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
# Phi divides *ECKO − control* by *aged − young*; where there is no control, young stands in for it.
# Its interval is Fieller's {cite}`fieller1954`, unbounded where aged and young cannot be told apart ({ref}`methods-transcriptome-phi`).
# The phi of the published weights decides; that of equal weights is for comparison.

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
read = (
    f"phi = {number(by_score.estimate)} ({limits_text(by_score)})"
    if record.reason != "no aging effect"
    else "No aging effect is seen here"
)
Markdown(f"{read}. With equal weights: {number(by_equal_weights.estimate)} ({limits_text(by_equal_weights)}).")

# %% [markdown] tags=["result:C4.transcriptome.inflammation"]
# ## Age, or illness?
#
# Phi says how far ECKO mice have gone, not why.
# Genes of interferon and inflammation can tell illness from age: the score is the mean log2 expression of the two hallmarks minus that of all other genes.
# Old HSCs are a little inflamed themselves, so we ask whether the knock-out raises it **beyond** what age does: (ECKO − control) − (aged − young).
# Where its 95 % interval lies above 0, or where no score can be had, claims C3 and C4 carry the caution *inflammation not excluded*.

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
inflamed = chapter.record("C4.transcriptome.inflammation", beyond_age)

# %% tags=["needs:hspc_counts", "needs:phi", "needs:signature", "needs:inflammation"]
order = {figures.named(group): group for group in ("young", "aged", "control", "ecko") if group in n}
points = {"hue": "mice", "style": "mice", "hue_order": list(order), "style_order": list(order), "s": 40}
points["palette"] = {mice: figures.colour(group) for mice, group in order.items()}
points["markers"] = {mice: style.marker(group) for mice, group in order.items()}
with figures.house():
    figure = figures.page(2.5)
    axes = figure.subplots()
    shown = animals.assign(mice=animals["group"].map(figures.named))
    sns.scatterplot(shown, x="score", y="inflammation", ax=axes, **points)
    figures.legend_above(figure, axes)
    axes.set(xlabel="aging score, 1 = the published old − young", ylabel="inflammation score, log₂")

# %% tags=["needs:hspc_counts", "needs:phi", "needs:signature", "needs:inflammation"]
compared = by_contrast({"inflammation": each}) | {"ECKO beyond age": beyond_age}
chapter.show(
    (figure, animals[["animal", "group", "score", "inflammation"]]),
    caption=f"Every animal by aging score and inflammation score ({inside.sum()} genes). ECKO beyond age: "
    f"{number(beyond_age.estimate)} ({limits_text(beyond_age)}), log₂. Unit: animal; {n_text(each.values())}.",
    alt=alt_text("Inflammation score against aging score, every animal a point", compared),
    name="fig-illness",
)

# %% [markdown] tags=["result:C4.transcriptome.phi_genes"]
# ## All expressed genes
#
# As a description, phi is also computed over all expressed genes.
# Chance makes fold changes look larger than they are, and so phi smaller; the estimate takes off what the spread between animals explains.
# Genes are not independent, so the interval leaves out one animal at a time.
# This estimate still lies too far from 0, by how much is counted over simulated cohorts with the invented effects of the abstract's story:

# %% tags=["needs:hspc_counts", "needs:phi"]
over_genes = {"sample": "animal", "min_mean": 10, "smallest": rule.smallest, **comparison}
by_genes = resemblance.transcriptome_phi_genes(counts, animals, **over_genes)
chapter.record("C4.transcriptome.phi_genes", by_genes)
counted = calibration.frozen().bias.set_index(["scenario", "id"]).loc[("paper", "C4.transcriptome.phi_genes")]
Markdown(f"Planted: {number(counted['planted'])}; median of the estimates: {number(counted['median'])}.")

# %% [markdown]
# Phi in three ways; the first decides.
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
# ### Both rankings
#
# {term}`Rank-rank overlap <RRHO>` {cite}`plaisier2010` orders the genes by each contrast and asks at every pair of ranks whether the tops of the two lists share more genes than chance would give, counted from each corner {cite}`cahill2018`.
# Dark along the diagonal: the knock-out acts like age.
# Dark in the other corners: it acts against it.
# Pale everywhere: unrelated.
# The map is a picture, and no p of it enters a verdict, since genes are not independent ({ref}`methods-rrho`).

# %% tags=["needs:hspc_counts", "needs:phi", "needs:deseq", "folded"]
reference = pairs(n)[1][1]  # ECKO is compared with it
changes = pd.DataFrame({f"{a} - {b}": table["log2FoldChange"] for (a, b), table in results.items()})
changes = changes[results["aged", "young"]["baseMean"] >= 10].dropna()
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
    caption=f"Rank-rank overlap of {ranks.genes:,} genes, counted from each corner: the darker, the more are shared beyond "
    f"chance. Unit behind both lists: animal; {n_text([by_genes])}.",
    alt=f"Rank-rank overlap map of {ranks.genes} genes; the table above counts its quadrants.",
    name="fig-overlap",
)

# %% [markdown]
# ### A trap: correlated fold changes
#
# **Wrong on purpose:** correlating the fold changes of ECKO with those of aging where both are taken against the *same* young animals.
# A gene that happens to be low in those animals is high in both contrasts, and chance alone gives a correlation near one half, even for control against young, where nothing can be aging.
# Even without shared animals a correlation is no answer: it falls with the noise of the counts, and is blind to *how far* ECKO has gone.

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
told = "; ".join(f"{row.Index}: r = {number(row[1])}, phi {number(row[3])}" for row in trap.itertuples())
Markdown(f"Correlation with aged − young (wrong), and phi over genes with the shared noise taken off: {told}.")

# %% tags=["needs:hspc_counts", "needs:phi", "needs:deseq", "folded"]
chapter.show_table(
    trap.rename_axis("against aged − young").reset_index(),
    caption="The naive correlation of fold changes, wrong on purpose, beside phi with the shared noise taken off. "
    f"Unit: animal; {n_text(right.values())}.",
)

# %% tags=["needs:hspc_counts", "needs:phi", "folded"]
chapter.results("C4.transcriptome", caption="ECKO HSPCs.")

# %% [markdown]
# ## How robust is it?
#
# The other tests are phi with one variance for all groups, and phi with equal weights ({ref}`how-robust`).

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
# - Aged and ECKO marrow may fill a gate with other proportions of the same cells; in a gate wider than HSC ({term}`LSK`, HSPC) the score counts HSCs as well.
# - Twelve studies that agree say nothing about mice of another strain, sex or diet.
# - Cage and litter can act on several animals together and are in no model here.
#
# ## Key takeaways
#
# - Resemblance is a slope between animals on an axis that others published, not an overlap of gene lists.
# - A high score alone is no proof of an aged HSC: old MEP move as far.
#
# ## Further reading
#
# - The signature: {cite:t}`svendsen2021`; single HSCs of young and old mice: {cite:t}`kirschner2017`.

# %% tags=["plumbing"]
chapter.write()
