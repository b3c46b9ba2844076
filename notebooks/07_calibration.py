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

# %% tags=["imports"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from endomtor import analyses, calibration, figures, worlds
from endomtor.analyses.judge import Judge
from endomtor.calibration import cohorts, report
from endomtor.chapter import open_chapter, show_data
from endomtor.claims import catalogue, verdicts
from endomtor.own_data import design
from endomtor.reporting import endpoint_text, percent
from endomtor.stats import power_of_phi

# %% tags=["plumbing"]
chapter = open_chapter("07_calibration", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# The book calls an interval a 95 % interval, and says that a claim whose effects do not exist is supported by chance in at most 2.5 % of studies ({ref}`claim-rule`).
# Both rest on assumptions: normal spread, enough animals, the right {term}`unit of analysis`.
# So we drew many {term}`simulated` studies in which it is known what is true, put each through the analyses of chapters 01 to 05, and counted how often the verdict is wrong; also where the assumptions fail, with three animals in a group, unequal groups, heavy tails.
# A rule that is wrong more often than its **nominal level** allows is named on this page, and not to be trusted in such a design.
# No value of a mouse is here: in real data nobody knows what is true.

# %% tags=["plumbing-shown"]
found = calibration.frozen()
show_data(found.provenance, report.sources(found, chapter.provenance))

# %% [markdown]
# ## Who is the unit?
#
# The **cohort**: one simulated study with all its tables, drawn with a seed of its own, which gives one answer for each rule.
# A cohort whose verdict is withheld counts for no rate.

# %% [markdown]
# ## One cohort
#
# The {term}`worlds <world>` of the book come first among the scenarios; the others strain one assumption each.
# In `edge` nothing, or a {term}`phi` just at the {term}`smallest effect of interest`, is planted: there a false support is likeliest.

# %% tags=["folded"]
plan = calibration.load()
scenarios = pd.DataFrame([(one.name, one.title, one.world) for one in plan.scenarios], columns=["", "drawn", "world"])
chapter.show_table(
    scenarios,
    caption=f"The scenarios, fixed in data/calibration.toml (version {plan.version} of {plan.date}) before the run. "
    "Most change some numbers of their world.",
    provenance=found.provenance,
)

# %% [markdown]
# The first cohort of `edge`, analysed as in the chapters; beside each answer stands what was planted, and whether the interval holds it.

# %%
edge = plan.scenario("edge").drawn_from()
cohort = worlds.simulate_tables(edge, plan.seed, cohorts.TABLES)
dataset = worlds.dataset(edge, plan.seed, tables=cohort)
answers = analyses.answers(dataset.tables)
bounded = {name: one.estimate for name, one in answers.items() if one.estimate.interval_kind == "bounded"}
one = pd.DataFrame(
    {name: (edge.value(name), e.estimate, e.ci_low, e.ci_high) for name, e in bounded.items()},
    index=["planted", "estimate", "95 % from", "to"],
).T
one["held"] = one["planted"].between(one["95 % from"], one["to"])
Markdown(f"Of {len(one)} intervals {one['held'].sum()} hold what was planted.")

# %% [markdown]
# The judge holds each answer against its rule; here nothing is planted that would make a prediction true, so each “supported” is wrong.

# %% tags=["folded"]
judge = Judge(dataset)
records = [judge.record(name, answer.estimate) for name, answer in answers.items()]
pd.Series([verdicts.data_word(one.verdict, one.reason) for one in records]).value_counts()

# %% [markdown]
# ## From cohorts to rates
#
# A rate is how often that came out in so many cohorts with a verdict.
#
# - *False support*: a prediction is supported although nothing of it was planted, or for phi no more than the smallest effect of interest; a claim is supported although fewer of its effects exist than it needs.
# - *False contradiction*: a prediction is contradicted although at least the smallest effect was planted, or said to go the other way although a smaller one was; a claim is contradicted although it has the effects that it needs.
# - *Coverage*: the 95 % interval holds the planted value.
# - *Power*: a true effect is supported; it has no nominal level.
#
# Between nothing and the smallest effect of interest, neither support nor "too small to matter" is called wrong.
# The interval of a rate is the exact one of Clopper and Pearson.

# %%
rates = report.described(found.table)
order = report.order(rates)
rates["rate"] = rates["count"] / rates["of"]
rates["low"], rates["high"] = proportion_confint(rates["count"], rates["of"], alpha=0.05, method="beta")

# %% [markdown]
# ### Nominal levels
#
# The levels were fixed before the run, so that none could be fitted to its rate.
# Some rates lie above their level by chance alone, since cohorts are drawn at random.
# So each has a **Monte Carlo limit**: how far chance may carry a rule that just keeps its level, shared out among all rules by Bonferroni's method.

# %%
has_level, coverage = rates["nominal"].notna(), rates["measure"] == "coverage"
tail = (1 - plan.joint) / (2 * has_level.sum())
upper = stats.binom.isf(tail, rates["of"], rates["nominal"]) / rates["of"]
lower = stats.binom.ppf(tail, rates["of"], rates["nominal"]) / rates["of"]
# An interval is wrong where it holds the truth too seldom, a verdict where it is false too often.
rates["limit"] = np.where(coverage, lower, upper)
beyond = np.where(coverage, rates["rate"] < lower, rates["rate"] > upper)
careful = np.where(coverage, rates["rate"] > upper, rates["rate"] < lower)
rates["judgement"] = np.select([~has_level, beyond, careful], ["no level", "beyond its limit", "conservative"], "holds")

# %% tags=["folded"]
levels = rates[has_level].groupby(["measure", "nominal"])
summary = levels.agg(rates=("id", "size"), nearest=("limit", "min"), farthest=("limit", "max")).reset_index()
summary["beyond"] = levels["judgement"].agg(lambda own: (own == "beyond its limit").sum()).to_numpy()
chapter.show_table(
    summary.rename(columns={"nearest": "limits from", "farthest": "to"}),
    caption="Nominal levels and how far chance may carry a rate that just keeps its own: Monte Carlo limits, "
    f"{percent(plan.joint)} jointly. They differ with the number of cohorts that gave a verdict.",
    provenance=found.provenance,
)

# %% [markdown]
# ## The rates
#
# Each mark is a rule in a scenario; dashed: nominal level; grey: Monte Carlo limits.
#
# ### False support

# %%
support = rates[(rates["measure"] == "false support") & (rates["part"] != "courses")]
declared, either = support[~support["either"]], support[support["either"]]
chapter.show(
    figures.error_rates(declared, rows=order, xlabel="% of cohorts: supported, though not true"),
    **report.words("False support", declared),
    name="fig-false-support",
    provenance=found.provenance,
)
Markdown(
    "Predictions that declare no direction may be supported on either side, so their level is twice as high. "
    f"{report.facts(either)}"
)

# %% [markdown]
# ### False contradiction

# %%
contradicted = rates[rates["measure"] == "false contradiction"]
chapter.show(
    figures.error_rates(contradicted, rows=order, xlabel="% of cohorts: contradicted, though true"),
    **report.words("False contradiction", contradicted),
    name="fig-false-contradiction",
    provenance=found.provenance,
)

# %% [markdown]
# ### Coverage

# %%
covered = rates[coverage & (rates["part"] != "courses")]
chapter.show(
    figures.error_rates(covered, rows=order, xlabel="% of cohorts: 95 % interval holds what was planted"),
    **report.words("Coverage", covered),
    name="fig-coverage",
    provenance=found.provenance,
)

# %% [markdown]
# ### The worst of each scenario

# %% tags=["folded"]
decided = rates[has_level & rates["measure"].isin(["false support", "false contradiction", "coverage"])]
worst = decided.pivot_table(index="scenario", columns="measure", values="rate", aggfunc="max")
worst["coverage"] = decided[decided["measure"] == "coverage"].groupby("scenario")["rate"].min()
worst["withheld"] = (1 - decided["of"] / decided["drawn"]).groupby(decided["scenario"]).max()
chapter.show_table(
    (100 * worst).reindex(order).dropna(how="all").reset_index(),
    caption="Per cent: the highest false support and false contradiction, the lowest coverage, and the largest share "
    "of cohorts with a withheld verdict. In “confounded” every verdict is withheld, and “survivor” has no level.",
    provenance=found.provenance,
    formats=dict.fromkeys(worst.columns, ".1f"),
)

# %% [markdown] tags=["result:rates"]
# ## Which rates miss their level?

# %%
missed = rates[rates["judgement"] == "beyond its limit"]
named = "; ".join(f"{one.id} in `{one.scenario}`" for one in missed.itertuples())
Markdown(
    f"**{len(missed)} of the {has_level.sum():,} rates lie beyond their limit.** "
    + (
        f"Such a rule is wrong more often than it says, and not to be trusted in such a design: {named}."
        if named
        else ""
    )
)

# %% [markdown]
# ## Which are kept with care to spare?
#
# A careful rule is not wrong too often, but finds less than it might.
#
# - *Support of a difference* asks for an interval on the predicted side and for an estimate that reaches the smallest effect of interest; for precise data that is the harder of the two.
# - *Support of phi* asks for a visible aging difference and for a whole interval above the smallest phi; where age changes nothing, chance must do both at once.
# - *Support of a claim* may need several predictions at once, and the partial conjunction pays for the worst dependence between them.
# - *Contradiction* takes an interval wholly on the other side or wholly inside the smallest effects; a wide interval rarely gives either.
# - *Coverage*: with few animals the estimated degrees of freedom come out too small and the interval too wide; in mixed models because a variance estimated as zero cannot fall below it.

# %% tags=["folded"]
kept = rates[has_level].assign(careful=rates["judgement"] == "conservative").groupby(["measure", "kind"])
spare = kept.agg(
    rates=("id", "size"), careful=("careful", "sum"), median=("rate", "median"), nominal=("nominal", "min")
)
chapter.show_table(
    spare.reset_index(),
    caption="How many rates lie on the good side of their limits, by kind of rule, and the median of all. Unit: cohort.",
    provenance=found.provenance,
    formats={"median": ".3f", "nominal": ".3f"},
)

# %% [markdown]
# ## Mixed models
#
# The mixed models over days (chapter 02) and weeks (chapter 05) are secondary and enter no verdict, so only the coverage of their intervals counts {cite}`kenward1997`.
# They give all groups one variance between units, which costs coverage where aged units vary more (`spread`); there the analysis of one value per unit is the one to read.

# %%
courses = rates[rates["part"] == "courses"]
chapter.show(
    figures.error_rates(courses, rows=order, xlabel="% of cohorts: 95 % interval holds what was planted"),
    **report.words("Coverage, contrasts and slopes of the mixed models", courses),
    name="fig-courses",
    provenance=found.provenance,
)

# %% [markdown]
# ## The transcriptome
#
# The simulated counts hold a programme of correlated genes, partly along the aging axis, which differs between animals and has nothing to do with the knock-out.
# A test that took genes for units would mistake it for an effect.

# %% tags=["folded"]
expression = rates[(rates["part"] == "expression") & rates["id"].str.startswith("C4.")]
shown = expression.pivot(index=["scenario", "id", "planted"], columns="measure", values="rate")
chapter.show_table(
    shown.reset_index(),
    caption="The transcriptome: phi of the animals' scores, which is primary, and phi over genes, a description. "
    f"{report.n_text(expression)}.",
    provenance=found.provenance,
)

# %% [markdown]
# ## Power
#
# An analysis that never says anything is never wrong, so the share of true effects that it finds belongs beside its errors.
# In the world `paper` the effects are large, because they were invented so.
# At the smallest effect of interest little can be found, by the rule itself: a difference is supported only if its *estimate* reaches that size, a phi only if its whole *interval* lies above.
# So a study that is to support a claim needs effects well above the smallest of interest.
#
# Those numbers are the world's; a standard deviation needs none.
# The curves draw four groups of normal values that spread alike, in which the knock-out does three quarters of what age does, and ask for support of {term}`phi`.

# %%
sizes, ages, share = (4, 6, 8, 12, 16, 24, 32), (1, 2, 4), 0.75
curves = pd.DataFrame([(n, f"{age} SD", power_of_phi(n, age, share)) for age in ages for n in sizes])
curves = curves.set_axis(["animals a group", "aged - young", "power"], axis="columns")
curves["supported, % of studies"] = 100 * curves["power"]
with figures.house():
    figure, axes = plt.subplots(figsize=(5, 3))
    about = {"x": "animals a group", "y": "supported, % of studies", "style": "aged - young", "markers": True}
    sns.lineplot(curves, **about, color="black", ax=axes)
    axes.set(ylim=(0, 103), xlim=(0, None))
    sns.move_legend(axes, "upper left", bbox_to_anchor=(1, 1))

# %%
drawn = replace(found.provenance, title="normal values", world="four normal groups", seed=1, frozen=False)
told = "; ".join(f"{one[2]:.0%} at n = {one[0]} and {one[1]}" for one in curves.itertuples(index=False, name=None))
chapter.show(
    (figure, curves),
    caption=f"Share of 1,000 simulated studies that support a phi of {share:g}, over the animals in each of four groups "
    "and what age does in standard deviations between animals. One endpoint, no blocks. Unit: study.",
    alt=f"Power rises with the animals and with what age does. {told}.",
    name="fig-power-sd",
    provenance=drawn,
)

# %% [markdown]
# In the scenarios of the plan:

# %% tags=["folded"]
rules = catalogue.load()
primary = {rule.id for claim in rules.claims for rule in claim.primaries} | {claim.id for claim in rules.claims}
power = rates[(rates["measure"] == "power") & rates["id"].isin(primary)].set_index(["scenario", "id"])
shown = power.loc["paper", ["rate", "low", "high", "planted"]].join(
    found.bias.query("scenario == 'paper'").set_index("id")["bias"]
)
shown["at the smallest"] = power.loc["smallest", "rate"]
chapter.show_table(
    shown.sort_index().reset_index(),
    caption="Share of cohorts that find a planted effect, with its 95 % interval, and bias of the median estimate in the "
    "scenario “paper”; last, the share where every effect is just at the smallest of interest (“smallest”). A claim has "
    f"no estimate. {report.n_text(power)}.",
    provenance=found.provenance,
    formats=dict.fromkeys(["rate", "low", "high", "at the smallest"], ".3f") | {"bias": "+.3f"},
)

# %% [markdown]
# ## Wrong on purpose
#
# Analyses that are wrong, each beside its right twin, in cohorts in which there is nothing to find:
#
# - **Cells as n.** A hundred cells of five mice are five animals {cite}`aarts2014`.
# - **Recipients as n.** Recipients of one exposed animal repeat one exposure {cite}`lazic2018`.
# - **ELDA, recipients as n.** The program takes all recipients of a group for independent {cite}`hu2009`, but those of one donor share its marrow.
# - **Raw per cent.** Only B and T cells trade places, yet the per cent of myeloid cells moves, because parts must add to 100 {cite}`buttner2021`.
# - **Any marker, not corrected.** Each has its own chance of a small p, and the best of them is reported.
# - **Naive correlation with a shared young group.** Both fold changes contain the same young mice, whose luck enters both.

# %%
twins = rates[rates["measure"].isin(["wrong", "right"])]
wide = twins.pivot(index=["scenario", "id"], columns="measure", values=["rate", "low", "high"])
wide.columns = [measure if what == "rate" else f"{measure}_{what}" for what, measure in wide.columns]
wide = wide.reset_index().sort_values("wrong", ascending=False)
wide["label"] = [f"{endpoint_text(one.id)} (“{one.scenario}”)" for one in wide.itertuples()]

# %%
told = "; ".join(f"{one.label}: {100 * one.wrong:.0f} % against {100 * one.right:.1f} %" for one in wide.itertuples())
label = "p < 0.05, % of cohorts in which there is nothing to find"
chapter.show(
    figures.pairs(wide, xlabel=label, line=0.05, words=("wrong analysis", "right analysis")),
    caption="**Wrong on purpose.** How often p lies below 0.05 where there is nothing to find; bars: 95 % intervals. "
    f"{report.n_text(twins)}.",
    alt=f"Share of cohorts with p below 0.05 where there is nothing to find, wrong against right. {told}.",
    name="fig-mistakes",
    provenance=found.provenance,
)

# %% [markdown]
# ## A slice, drawn again
#
# Do the frozen rates still belong to the analyses?
# The first cohorts of `edge` are drawn and analysed anew.

# %%
scenario = plan.scenario("edge")
seeds = sorted(found.slice["seed"].unique())
again = pd.DataFrame([row for seed in seeds for row in cohorts.cohort(scenario, int(seed), "tables")[0]])
moved = calibration.moved(again, found.slice)
Markdown(
    f"Of the {len(found.slice)} answers in {len(seeds)} cohorts **{len(moved)} differ** from the frozen ones: "
    + ("the rates are **older than the analyses** and must be counted again." if len(moved) else "the rates stand.")
)

# %% [markdown]
# ## In the design of these data
#
# All rates above are about the book's own design.
# Where the book is built on a laboratory's data, a few cohorts are drawn with exactly its tables and {term}`units <unit of analysis>` in each group: once where nothing, or no more than a phi at the smallest of interest, is planted (`edge`), once with the effects of the world `paper`.

# %%
if chapter.provenance.kind == "simulated":
    own, said = pd.DataFrame(), "The data set of this build is simulated: no laboratory's design is at hand."
else:
    own, said = design.support(chapter.dataset), "These data can test no primary prediction: nothing can be counted."

# %%
if len(own):
    chapter.show_table(
        own,
        caption=f"Primary predictions that are supported in {design.COHORTS} cohorts a scenario, drawn with the numbers of "
        f"units of “{chapter.provenance.title}”, with the 95 % interval of the rate (Clopper and Pearson). Where nothing is "
        f"planted, the nominal level is {percent(plan.false_support)}. Unit: cohort.",
        provenance=design.provenance(),
        formats={"low": ".2f", "high": ".2f"},
    )

# %%
if len(own):
    said = (
        f"**{design.COHORTS} cohorts are few:** an interval this wide shows a gross fault or a study that is far too small, "
        "and no more. The effects planted in `paper` are invented, so `supported` there is not the chance that these data "
        "had to find a true effect. The spread between units is the world's, and so is the layout of sex and batch."
    )
Markdown(said)

# %% [markdown]
# ## What could be wrong
#
# - Where real mice vary more than the worlds, or in other ways than those tried, the rates are others; a real study may be small, unequal and heavy-tailed at once.
# - Counts, cells and grafts are drawn from models that resemble those of the analyses, which flatters the analyses.
# - In the scenario `survivor` poor grafts die before the read-out, so the estimates are biased by design, and its rates are shown without a level.
# - A rule within its limit may still be wrong a little more often than its level: the limit says only that chance could explain it.
# - Rates of the same cohorts hang together, since the rules read the same animals.
#
# ## Key takeaways
#
# - A calibration says how analyses behave where the truth is known; it says nothing about mice.
# - A rate beyond its Monte Carlo limit is named with its rule and its design.
# - Whoever is tempted to take more for n than was treated finds the price in the figure of wrong analyses.
#
# ## Further reading
#
# - What n is in an experiment with animals: {cite:t}`lazic2018`; what it costs to take cells for animals: {cite:t}`aarts2014`.
# - The rule by which several results support one claim: {cite:t}`benjamini2008`.

# %% tags=["plumbing"]
chapter.write()
