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
# # Rapamycin and hematopoiesis
#
# **Does inhibiting mTOR with rapamycin harm blood formation, in young and in aged mice?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %% tags=["imports"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from endomtor import figures, public
from endomtor.chapter import open_chapter
from endomtor.errors import EndomtorError, NotTestable
from endomtor.figures import scales, style
from endomtor.markup import plain_in_markdown
from endomtor.public import lifespans
from endomtor.reporting import alt_text, describe, endpoint_text, forest_rows, n_text, number, p_text, units_text
from endomtor.stats import amounts, difference, log_rank, mixed_model, survival_curves, treatment_within_age

# %% tags=["plumbing"]
chapter = open_chapter("02_rapamycin", data_dir, world, seed)

# %%
arms, of_lifespans = public.table("lifespan_hazards")
late = 100 - 100 * arms.loc[(arms["start"] == 20) & (arms["cycled"] == 0), "hazard_ratio"]
mice, of_mice = public.table("aging_blood")
young = mice[(mice["cohort"] == "mTOR") & (mice["group"] == "young")].groupby(["trait", "arm"])["relative"].mean()
chapter.lead(
    f"Among mice alive at 20 months rapamycin in the food lowers the hazard of death by {late.min():.0f} to "
    f"{late.max():.0f} % (two doses, both sexes); and young mice with less mTOR in every cell (inferred) have "
    f"{2 ** young['white_cells', 'mutant']:.1f} times the white cells of wild type and "
    f"{100 * 2 ** young['hemoglobin', 'mutant']:.0f} % of its hemoglobin.",
    of_lifespans,
    of_mice,
)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# Pharmacological inhibition of mTOR with rapamycin is deleterious to hematopoiesis {cite}`ramalingam2020`.
# The abstract gives no dose, route, age or number of mice.
#
# **What would count as an answer.**
# Rapamycin against vehicle, one number per animal, in young and in aged mice **each by itself**: a mean of the two would hide that it harms the ones and helps the others.
# We judge harm by four read-outs, which the abstract does not name: {term}`HSCs <HSC>`, colony-forming cells ({term}`CFU`), platelets and hemoglobin.
# At least two of them must fall in young mice, or two in aged ones, for claim C2 to hold; the p of the two ages are adjusted with {term}`Holm's method <Holm adjustment>`.
# In old mice a fall of HSCs or of platelets is ambiguous: chapter 03 counts more HSCs as an attribute of age, and platelets tend to be higher in its old mice, so fewer may be harm or a step back towards young; only a transplant tells what fewer HSCs mean.
# Lymphocytes do not count: rapamycin is given to suppress their proliferation, so fewer of them would not show harm to blood formation.
#
# **What would make "deleterious" false.**
# In both ages three of the four that stay within the {term}`smallest effects of interest <smallest effect of interest>`, or that rise under rapamycin; for hemoglobin that is a tenth.
# If counts recover when dosing stops, the harm is reversible: days after the last dose are not told apart in these tables.
# What would settle it for HSCs is a transplant of treated marrow into untreated hosts; no table of chapter 02 holds one.
#
# **What this cannot say.**
# Rapamycin reaches every cell of the mouse, so no result here is about the endothelium.

# %% [markdown]
# ## Real mice: rapamycin and the lifespan
#
# **Not found:** blood counts of single mice under rapamycin, and marrow or HSCs of such mice.
# What others published, without a dose that could be compared, points both ways; the page [what others found](../book/against-the-paper.md) tells more.
#
# - mTOR activity is *higher* in old HSCs, and rapamycin *restored* the function of old HSCs {cite}`chen2009`.
# - Rapamycin expands the myeloid lineage through G-CSF from stroma {cite}`li2022`.
# - With mTOR deleted in blood cells too, HSCs rise for a while, are then exhausted, and fail to engraft {cite}`guo2013`.
#
# What is public, mouse by mouse, is the lifespan: the Interventions Testing Program gave rapamycin in the food to UM-HET3 mice at three sites {cite}`itp1`.
# It tests nothing of the claim: a drug that ruined hematopoiesis would be unlikely to lengthen life, but one that harms it a little may, and fewer tumors could hide a harm.
#
# `hazard_ratio` is the hazard of death under rapamycin over that of the controls of the same cohort and sex, from the first dose on, by a Cox model stratified by site; arms of one cohort share their controls.
# Mice that were removed are censored, as if they would have died like the others; where removal was unequal between arms, as the columns `removed` show, this is doubtful.

# %%
numbers = ["hazard_ratio", "low", "high", "n_treated", "removed_treated", "n_control", "removed_control"]
arms.set_index(["cohort", "ppm", "start", "cycled", "sex"])[numbers].round(2)

# %%
hazards = lifespans.hazards(arms)
for name, answer in hazards.items():
    chapter.record(f"C2.context.lifespan.{name}", answer, family="C2.context.lifespan", provenance=of_lifespans)

# %%
labels = {name: endpoint_text(name.replace(".female", ", female").replace(".male", ", male")) for name in hazards}
forest = forest_rows({labels[name]: one for name, one in hazards.items()})
forest["note"] = [f"{2**row.estimate:.2f} [{2**row.low:.2f}, {2**row.high:.2f}]" for row in forest.itertuples()]
chapter.show(
    figures.forest(forest, xlabel="log₂ hazard ratio of death, rapamycin / control", references={0.0: "no effect"}),
    caption="Hazard of death under rapamycin, from the first dose on, each dose, start and sex against the controls of its cohort; printed: hazard "
    f"ratio. Unit: mouse; {n_text(hazards.values())}.",
    alt=alt_text("Hazard ratio of death under rapamycin, log2", {labels[name]: one for name, one in hazards.items()}),
    name="fig-lifespan",
    provenance=of_lifespans,
)

# %% [markdown]
# Survival by Kaplan and Meier at 42 ppm from 9 months, and a trap: the plain median age in the file takes a removed mouse for a dead one.

# %%
curves, _ = public.table("lifespan_curves")
curves = curves[(curves["ppm"] == 42) & (curves["start"] == 9)]
palette = {"control": figures.colour("control"), "rapamycin": figures.colour("rapamycin")}
with figures.house():
    figure = figures.page(3)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (sex, rows) in zip(panels, curves.groupby("sex"), strict=True):
        line = {"hue": "arm", "style": "arm", "drawstyle": "steps-post", "legend": sex == "female"}
        sns.lineplot(rows, x="day", y="alive", palette=palette, ax=axes, **line)
        axes.set(title=sex, xlabel="days", ylabel="alive, share")
    figures.legend_above(figure, panels[0])
medians = arms[(arms["ppm"] == 42) & (arms["start"] == 9)].set_index("sex")
longer = {kind: medians[f"{kind}_treated"] / medians[f"{kind}_control"] - 1 for kind in ("median", "plain")}
chapter.show(
    (figure, curves),
    caption="Survival at 42 ppm from 9 months. Median lifespan "
    + ", ".join(f"{sex} +{100 * longer['median'][sex]:.0f} %" for sex in medians.index)
    + "; by the plain median, which ignores removal, "
    + ", ".join(f"{sex} +{100 * longer['plain'][sex]:.0f} %" for sex in medians.index)
    + ". Unit: mouse.",
    alt="Survival curves of both sexes: rapamycin lies to the right of control.",
    name="fig-survival",
    provenance=of_lifespans,
)

# %% [markdown]
# ## Real mice: blood with less mTOR in every cell
#
# One cohort of Xie et al. has mutants beside wild type, young and old {cite}`xie2022`.
# **That they are mTOR hypomorphs is inferred**, not stated in the file: from the order of the authors' code, and from small bodies, spleens and testes as such mice have.
# A small spleen alone raises white cells in the blood.
# They have less mTOR in every cell from conception on, so they show what less mTOR may do to blood in the long run; they are no rapamycin.

# %%
hypomorphs = mice[(mice["cohort"] == "mTOR") & (mice["scale"] == "log2")]
of_less = {}
for (trait, age), rows in hypomorphs.groupby(["trait", "group"], sort=False):
    answer = difference(rows, value="relative", group="arm", a="mutant", b="untreated", unit="mouse")
    of_less[f"{endpoint_text(trait)}, {age}"] = answer
    chapter.record(f"C2.context.hypomorph.{trait}.{age}", answer, family="C2.context.hypomorph", provenance=of_mice)

# %%
palette = {"wild type": figures.colour("control"), "mutant": figures.colour("rapamycin")}
np.random.seed(1)  # the jitter is the same in each build
with figures.house():
    figure = figures.page(5.4)
    panels = figure.subplots(2, 2).flat
    for axes, (trait, rows) in zip(panels, hypomorphs.groupby("trait", sort=False), strict=True):
        shown = rows.assign(arm=rows["arm"].replace("untreated", "wild type"))
        points = {"hue": "arm", "palette": palette, "dodge": True, "size": 3, "legend": trait == "hemoglobin"}
        sns.stripplot(shown, x="group", y="relative", hue_order=["wild type", "mutant"], ax=axes, **points)
        axes.axhline(0, **style.DOTTED)
        axes.set(title=endpoint_text(trait), xlabel="", ylabel="log₂, to young wild type")
    figures.legend_above(figure, figure.axes[0])
chapter.show(
    (figure, hypomorphs),
    caption="Blood of mTOR hypomorphs (inferred) and wild type, every mouse a point. White cells are "
    + " and ".join(f"{2 ** of_less[f'white cells, {age}'].estimate:.1f} times ({age})" for age in ("young", "aged"))
    + f" those of wild type. Unit: mouse; {n_text(of_less.values())}.",
    alt=alt_text("Blood of mutants, mutant − wild type, log2", of_less),
    name="fig-hypomorph",
    provenance=of_mice,
)

# %%
chapter.results("C2.context.hypomorph", caption="mTOR hypomorphs (inferred) − wild type, young and aged. Context.")

# %% [markdown]
# ## The prediction, tested
#
# What follows is the analysis of the chapter's own data, which may be a laboratory's or simulated.

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ## Blood over days
#
# Each animal was bled several times.

# %% tags=["needs:rapamycin_blood"]
blood = chapter.table("rapamycin_blood")
blood.head()

# %% [markdown]
# How many animals there are in each arm:

# %% tags=["needs:rapamycin_blood"]
blood.groupby(["age_group", "treatment"])["animal"].nunique().unstack()

# %% [markdown]
# Counts multiply rather than add, so they are compared as logarithms: −1 on the log2 scale is a count halved.
# An arm is an age with a treatment.

# %% tags=["needs:rapamycin_blood"]
analytes = ["platelets", "hemoglobin", "RBC", "WBC", "neutrophils", "lymphocytes"]
blood["analyte"] = pd.Categorical(blood["analyte"], analytes).remove_unused_categories()
blood["log2"] = np.log2(blood["value"])
blood["arm"] = blood["age_group"] + " " + blood["treatment"]

# %% [markdown]
# Every mouse is a thin line, the mean of its arm a bold one; the axes are logarithmic and print the units of the count.

# %% tags=["needs:rapamycin_blood"]
units = blood.drop_duplicates("analyte").set_index("analyte")["unit"]
ages = [age for age in ("young", "aged") if age in set(blood["age_group"])]
mean = {"errorbar": None, "linewidth": 2.6, "style": "treatment", "markers": style.MARKERS, "dashes": False}
with figures.house():
    figure = figures.page(1.2 * len(units) + 0.5)
    panels = figure.subplots(len(units), len(ages), sharex=True, sharey="row", squeeze=False)
    for analyte, row in zip(blood["analyte"].cat.categories, panels, strict=True):
        for age, axes in zip(ages, row, strict=True):
            rows = blood[(blood["analyte"] == analyte) & (blood["age_group"] == age)]
            shape = {"data": rows, "x": "day", "y": "log2", "hue": "treatment", "ax": axes, "legend": False}
            sns.lineplot(**shape, palette=figures.COLOURS, units="animal", estimator=None, linewidth=0.7, alpha=0.5)
            sns.lineplot(**shape, palette=figures.COLOURS, **mean)
            axes.set(title=f"{analyte}, {age}", xlabel="day after the first dose", ylabel=units[analyte])
            scales.read_values(axes.yaxis, scales.find("log2"), most=5)
    mice = blood.groupby("treatment")["animal"].nunique().sort_index(ascending=False)
    style.legend(figure, list(mice.index), mice.to_dict(), line=True)

# %% tags=["needs:rapamycin_blood"]
chapter.show(
    (figure, blood[["analyte", "age_group", "treatment", "animal", "day", "value", "unit"]]),
    caption="Blood counts over days: every animal a thin line, the mean of each treatment bold. "
    f"Unit: animal; {units_text(blood, group='arm')}.",
    alt=f"Courses of {', '.join(units.index)} over days {blood['day'].min():g} to {blood['day'].max():g}.",
    name="fig-blood",
)

# %% [markdown]
# ### One number per animal
#
# Repeated bleeds of one mouse are one mouse: the days are not replicates.
# So each course becomes one number, the mean of the logarithm after the first dose.
# It is taken over the days on which every mouse was bled, so that no mouse stands for an earlier or later stretch than another; where no day is common to all, every day counts.

# %% tags=["needs:rapamycin_blood"]
after = blood[blood["day"] > 0]
all_mice = after.groupby("analyte", observed=True)["animal"].transform("nunique")
shared = after.groupby(["analyte", "day"], observed=True)["animal"].transform("nunique") == all_mice
shared |= ~shared.groupby(after["analyte"], observed=True).transform("any")
days = (
    after[shared]
    .groupby("analyte", observed=True)["day"]
    .agg(lambda days: ", ".join(f"{day:g}" for day in sorted(set(days))))
)
days.rename("days that count").to_frame()

# %% [markdown]
# The animal's own value before the first dose is subtracted, which takes out how animals differed before.
# Where a single mouse has no such value, none is subtracted from any mouse for that analyte: half a correction would compare unlike numbers.
# `changes` has a row for each animal and analyte, and its column `value` is what is tested.

# %% tags=["needs:rapamycin_blood"]
key = ["analyte", "animal"]
changes = blood.groupby(key, observed=True)[["age_group", "treatment", "arm", "sex", "batch"]].first()
changes["after"] = after[shared].groupby(key, observed=True)["log2"].mean()
changes["before"] = blood[blood["day"] <= 0].groupby(key, observed=True)["log2"].mean()
changes = changes.dropna(subset="after").reset_index()

complete = changes["before"].notna().groupby(changes["analyte"], observed=True).transform("all")
changes["value"] = changes["after"] - changes["before"].where(complete, 0)
changes.drop(columns=["sex", "batch"]).round(2).head()

# %% [markdown]
# Where all animals were bled on the same days, these numbers give the same difference between rapamycin and vehicle as a model of all bleeds that lets each animal have a level of its own (a mixed model).

# %% [markdown] tags=["result:C2.blood"]
# ### Rapamycin against vehicle, within each age
#
# The difference is taken within young and within aged mice; that of the one age minus that of the other is the interaction.
# Each of the four arms keeps its own variance; where there are several batches, or both sexes, they are in the model.
# Where a sex cannot be told from the treatment (`check`), no verdict is given.
# Each age goes on record for the claim, and the mean of both, with equal weight, for description; the p values of each of these two families are adjusted with {term}`Holm's method <Holm adjustment>`.
#
# Blood and marrow are tested alike, so the test is written once, for any table with a row per animal and endpoint (an analyte or a population).


# %%
def against_vehicle(table, family, *, value):
    answers = {}
    for endpoint, rows in table.groupby("endpoint", sort=False, observed=True):
        found = treatment_within_age(rows, value=value, unit="animal", batch=["batch", "sex"], check=["sex"])
        studied = [age for age in ("young", "aged") if age in set(rows["age_group"])]
        if len(studied) == 1:
            found["averaged"] = found[studied[0]]
        for age in studied:
            chapter.record(f"{family}.{endpoint}.{age}", found[age], family=family)
        chapter.record(f"{family}.{endpoint}", found["averaged"], family=f"{family}, mean of the ages")
        answers[endpoint] = found
    return answers


# %% tags=["needs:rapamycin_blood"]
changes["endpoint"] = changes["analyte"].astype(str)
answers = against_vehicle(changes, "C2.blood", value="value")

# %% [markdown]
# Does age change the effect?
# The effect in aged minus that in young mice, log2; p not adjusted.

# %% tags=["needs:rapamycin_blood"]
between = pd.DataFrame({analyte: vars(found["interaction"]) for analyte, found in answers.items()}).T
between[["estimate", "ci_low", "ci_high", "p"]].astype(float).dropna().round(3)

# %% [markdown]
# For the figure, rapamycin against vehicle within each age, where it was not withheld:


# %%
def within_ages(found):
    ages = [age for age in ("young", "aged") if not found[age].withheld]
    return {(f"{age} rapamycin", f"{age} vehicle"): found[age] for age in ages}


arms = [f"{age} {given}" for age in ("young", "aged") for given in ("vehicle", "rapamycin")]
drawing = {"endpoint": "endpoint", "group": "arm", "animal": "animal", "order": arms, "scale": "log2"}

# %% tags=["needs:rapamycin_blood"]
averaged = {analyte: found["averaged"] for analyte, found in answers.items()}
contrasts = {analyte: within_ages(found) for analyte, found in answers.items()}
titles = {analyte: analyte for analyte in answers}
baseline = "minus the animal's own baseline" if complete.all() else "baseline not subtracted everywhere"
chapter.show(
    figures.estimation_grid(changes, value="value", estimates=contrasts, titles=titles, **drawing),
    caption=f"Mean log2 count after the first dose, {baseline}. Every animal a point; rapamycin / vehicle within each "
    f"age with its 95 % interval. Unit: animal; {n_text(averaged.values())}.",
    alt=alt_text("Rapamycin - vehicle, log2, mean of the ages", averaged),
    name="fig-changes",
)

# %% tags=["needs:rapamycin_blood"]
chapter.results("C2.blood", caption="Rapamycin against vehicle in blood: each age, and the mean of both.")

# %% [markdown]
# ### Day by day: secondary
#
# A linear mixed model keeps the days apart and lets each animal have a level of its own, with the allowance for few animals of Kenward and Roger {cite}`kenward1997`.
# It can say whether the effect changes over the days, as it would where harm builds up.
# No verdict rests on it; where it and the one number per animal disagree, the one number is primary.
#
# A day enters where every arm was bled, and an analyte where the verdict above was not withheld.
# The value before the first dose is a covariate here, where every animal has one.

# %% tags=["needs:rapamycin_blood", "needs:over_days"]
before = blood[blood["day"] <= 0].groupby(key, observed=True)["log2"].mean().rename("before")
after = after.join(before, on=key)
whole = [age for age, rows in after.groupby("age_group") if rows["treatment"].nunique() == 2]
after = after[after["age_group"].isin(whole)]
all_arms = after.groupby("analyte", observed=True)["arm"].transform("nunique")
after = after[after.groupby(["analyte", "day"], observed=True)["arm"].transform("nunique") == all_arms]
alone = f".{whole[0]}" if len(whole) == 1 else ""  # one age only: its own verdict decides
verdicts = {analyte: chapter.records[f"C2.blood.{analyte}{alone}"].verdict for analyte in answers}
tested = [analyte for analyte, verdict in verdicts.items() if verdict != "not testable here"]
after = after[after["analyte"].isin(tested)]
after = after[after.groupby("analyte", observed=True)["day"].transform("nunique") > 1]
if after.empty:
    raise NotTestable("No course can be modelled: fewer than two days after the first dose, or no verdict above.")

# %% tags=["needs:rapamycin_blood", "needs:over_days"]
models = {}
for analyte, rows in after.groupby("analyte", observed=True):
    known = [age for age in ages if age in set(rows["age_group"])]
    levels = ({"age_group": known} if len(known) > 1 else {}) | {"treatment": ["rapamycin", "vehicle"]}
    design = {"fixed": [*levels, "day"], "categorical": ["day"], "levels": levels, "unit": "animal", "block": "batch"}
    design["covariates"] = ["before"] if rows["before"].notna().all() else []
    try:
        models[analyte] = mixed_model(rows, value="log2", **design)
    except EndomtorError as error:
        reason = f"{analyte} cannot be modelled: {error}"
        describe(reason)
if not models:
    raise NotTestable(reason)

# %% tags=["needs:rapamycin_blood", "needs:over_days"]
courses = []
for analyte, model in models.items():
    effect = model.contrasts("treatment", adjust=None)
    if after.loc[after["analyte"] == analyte, "age_group"].nunique() > 1:
        within = model.contrasts("treatment", by="age_group", adjust=None)
        effect = pd.concat([within, effect.assign(age_group="mean of both")])
    changing = model.anova().set_index("term").loc["treatment:day", "p"]
    courses.append(effect.assign(analyte=analyte, changing=[*[np.nan] * (len(effect) - 1), changing]))

# %% tags=["needs:rapamycin_blood", "needs:over_days"]
names = {"analyte": "", "age_group": "age", "estimate": "difference, log2", "lower": "95 % from", "upper": "to"}
names |= {"df": "df", "p": "p", "changing": "p, change over days"}
over_days = pd.concat(courses).reindex(columns=list(names)).rename(columns=names)
chapter.show_table(
    over_days.dropna(axis="columns", how="all"),
    caption="Secondary: rapamycin − vehicle, mean over the days, and the type III test of treatment × day. "
    "Linear mixed model, REML, Kenward-Roger; p not adjusted for the number of analytes. A missing bleed "
    f"drops out. Unit: animal; {n_text(averaged[analyte] for analyte in models)}.",
    formats={"df": ".1f"},
)

# %% [markdown] tags=["result:C2.marrow"]
# ## Marrow
#
# Populations are compared as logarithms of amounts.
# A frequency and an absolute number can disagree, because a frequency also moves when other cells come or go; where a table has both, both are shown, and the absolute number speaks for the population.
# An endpoint is a population in one unit, and `log2` is its amount as a logarithm.

# %% tags=["needs:rapamycin_marrow"]
marrow = amounts.endpoints(chapter.table("rapamycin_marrow"))
marrow["arm"] = marrow["age_group"] + " " + marrow["treatment"]
marrow.drop(columns=["sex", "batch"]).head()

# %% tags=["needs:rapamycin_marrow"]
marrow.groupby(["endpoint", "age_group", "treatment"], sort=False)["animal"].nunique().unstack([1, 2])

# %% [markdown]
# The same test as in blood, on the amount itself: a mouse gives its marrow once.

# %% tags=["needs:rapamycin_marrow"]
answers = against_vehicle(marrow, "C2.marrow", value="log2")

# %% [markdown]
# The effect in aged minus that in young mice, log2; p not adjusted.

# %% tags=["needs:rapamycin_marrow"]
between = pd.DataFrame({endpoint: vars(found["interaction"]) for endpoint, found in answers.items()}).T
between[["estimate", "ci_low", "ci_high", "p"]].astype(float).dropna().rename(endpoint_text).round(3)

# %% [markdown]
# Every animal, and the differences:

# %% tags=["needs:rapamycin_marrow"]
averaged = {endpoint: found["averaged"] for endpoint, found in answers.items()}
contrasts = {endpoint: within_ages(found) for endpoint, found in answers.items()}
titles = {endpoint: endpoint_text(endpoint) for endpoint in answers}
chapter.show(
    figures.estimation_grid(marrow, value="log2", estimates=contrasts, titles=titles, **drawing),
    caption="Marrow populations, every animal a point; rapamycin / vehicle within each age with its 95 % interval. "
    f"Unit: animal; {n_text(averaged.values())}.",
    alt=alt_text("Rapamycin - vehicle, log2, mean of the ages", averaged),
    name="fig-marrow",
)

# %% tags=["needs:rapamycin_marrow"]
chapter.results("C2.marrow", caption="Rapamycin against vehicle in marrow: each age, and the mean of both.")

# %% [markdown]
# ## Survival
#
# Do mice under rapamycin die sooner, by themselves or after a challenge such as 5-fluorouracil, which kills dividing cells of the marrow?
# Died and euthanised animals count as deaths; the others are censored on the last day on which they were seen alive.
# Each age and each challenge is looked at by itself.
# All of it is descriptive.

# %% tags=["needs:survival", "needs:survival_of_rapamycin"]
survival = chapter.table("survival").query("experiment == 'rapamycin'")
if survival.empty:
    raise NotTestable("The survival table of these data has no rapamycin experiment.")
survival = survival.assign(died=(survival["event"] != "censored").astype(int))
for column, blank in {"age_group": "age not stated", "challenge": "none"}.items():
    survival[column] = survival[column].replace("", blank) if column in survival else blank
survival["panel"] = survival["age_group"] + ", challenge: " + survival["challenge"]
fates = survival.groupby(["panel", "group"])["died"].agg(animals="size", died="sum")
fates.assign(censored=fates["animals"] - fates["died"])

# %% [markdown]
# The Kaplan-Meier estimate gives the share alive after each day on which an animal died {cite}`kaplan1958`.

# %% tags=["needs:survival", "needs:survival_of_rapamycin"]
curves = survival_curves(survival, time="day", died="died", by=["panel", "group"])
curves["group"] = curves["group"].map(figures.named)
at_end = curves.groupby(["panel", "group"])["alive, %"].last()

# %% tags=["needs:survival", "needs:survival_of_rapamycin"]
palette = {figures.named(group): colour for group, colour in figures.COLOURS.items()}
order = [name for name in palette if name in set(curves["group"])]
steps = {"x": "day", "y": "alive, %", "hue": "group", "hue_order": order, "palette": palette, "drawstyle": "steps-post"}
panels = curves.groupby("panel", sort=False)
with figures.house():
    figure, every = plt.subplots(len(panels), 1, figsize=(5, 2.8 * len(panels)), squeeze=False)
    for axes, (panel, rows) in zip(every.flat, panels, strict=True):
        sns.lineplot(rows, **steps, estimator=None, sort=False, ax=axes)
        axes.set(title=panel, ylim=(0, 103), xlim=(0, None))
        sns.move_legend(axes, "lower left", title=None)

# %% tags=["needs:survival", "needs:survival_of_rapamycin"]
n = [f"{panel}: {units_text(rows)}" for panel, rows in survival.groupby("panel")]
chapter.show(
    (figure, curves),
    caption=f"Survival of the rapamycin experiment (Kaplan-Meier). Unit: animal; {'; '.join(n)}. Descriptive.",
    alt="Kaplan-Meier curves. Alive at the end, %: "
    + ", ".join(f"{' '.join(arm)} {share:.0f}" for arm, share in at_end.items())
    + ".",
    name="fig-kaplan-meier",
)

# %% [markdown]
# The log-rank test compares whole curves {cite}`mantel1966`, within sexes and batches where these vary within a group; p is not adjusted.

# %% tags=["needs:survival", "needs:survival_of_rapamycin"]
about = {"time": "day", "died": "died", "group": "group", "unit": "animal", "strata": ["sex", "batch"]}
lines = []
for panel, rows in survival.groupby("panel"):
    test = log_rank(rows, a="rapamycin", b="vehicle", **about)
    within = f" within {' and '.join(test.strata)}" if test.strata else ""
    answer = test.withheld or f"log-rank χ²{within} {number(test.statistic)}, {p_text(test.p)}"
    lines.append(f"- {plain_in_markdown(panel)}, rapamycin against vehicle: {answer}")
Markdown("\n".join(lines))

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one mouse less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other test is an analysis of variance, which takes one variance for all four arms.

# %%
chapter.show_robustness(chapter.robustness())

# %% [markdown]
# ## The verdict

# %% tags=["plumbing-shown"]
chapter.verdict("C2")

# %% [markdown]
# ## What could be wrong
#
# - Vehicle, injections and weight loss can lower counts; the vehicle group carries the first two, not the third.
# - A mean over days hides an early fall that recovers, or a late one that has only begun.
# - Fewer cells in marrow is not worse function; only a transplant would tell.
# - Rapamycin slows all growing cells: low counts under it say nothing of a niche.
#
# ## Key takeaways
#
# - Repeated bleeds of one mouse are one mouse.
# - We judge harm by platelets, hemoglobin, HSCs and colonies together.
# - Even a clear harm would leave the endothelium untested.
#
# ## Further reading
#
# - Rapamycin and old HSCs: {cite:t}`chen2009`.
# - Rapamycin, stroma and the myeloid lineage: {cite:t}`li2022`.
# - mTOR deleted in mice, and what becomes of their stem cells: {cite:t}`guo2013`.

# %% tags=["plumbing"]
chapter.write()
