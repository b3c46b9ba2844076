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
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from endomtor import figures, public
from endomtor.chapter import open_chapter
from endomtor.errors import EndomtorError, NotTestable
from endomtor.figures import scales, style
from endomtor.public import lifespans
from endomtor.reporting import alt_text, describe, endpoint_text, forest_rows, n_text, result_text, units_text
from endomtor.stats import amounts, difference, mixed_model, treatment_within_age

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
# Pharmacological inhibition of mTOR with rapamycin is deleterious to hematopoiesis {cite}`ramalingam2020`.
# The abstract gives no dose, route, age or number of mice, and names no read-out.
#
# We judge harm by platelets, hemoglobin, {term}`HSCs <HSC>` and colonies ({term}`CFU`), in young and in aged mice **each by itself**: a mean of the two would hide that rapamycin harms the ones and helps the others.
# Two of the four must fall in one age for claim C2 to hold; three that rise, or stay within the {term}`smallest effects of interest <smallest effect of interest>`, in both ages would contradict it.
# Lymphocytes do not count: rapamycin is meant to lower them.
# In old mice fewer HSCs or platelets may be harm or a step back towards young; only a transplant of treated marrow tells.
# If counts recover when dosing stops, the harm is reversible: these data do not tell.
#
# Rapamycin reaches every cell of the mouse, so no result here is about the endothelium.

# %% [markdown]
# ## Real mice: lifespan
#
# **Not found:** blood counts, marrow or HSCs of single mice under rapamycin.
# What others published points both ways, without a dose that could be compared ([what others found](../book/against-the-paper.md)): rapamycin *restored* the function of old HSCs {cite}`chen2009`, and expanded the myeloid lineage through stromal G-CSF {cite}`li2022`; with mTOR deleted in blood cells too, HSCs are exhausted {cite}`guo2013`.
#
# Public, mouse by mouse, is the lifespan: the Interventions Testing Program gave rapamycin in the food to UM-HET3 mice at three sites {cite}`itp1`.
# It tests nothing of the claim: a drug that ruined hematopoiesis would be unlikely to lengthen life, but one that harms it a little may, and fewer tumors could hide a harm.
# The hazard of death is that of a Cox model stratified by site, from the first dose on; removed mice are censored, which is doubtful where more were removed from one arm than from the other.

# %%
hazards = lifespans.hazards(arms)
for name, answer in hazards.items():
    chapter.record(f"C2.context.lifespan.{name}", answer, family="C2.context.lifespan", provenance=of_lifespans)
labels = {name: endpoint_text(name.replace(".female", ", female").replace(".male", ", male")) for name in hazards}
forest = forest_rows({labels[name]: one for name, one in hazards.items()})
forest["note"] = [f"{2**row.estimate:.2f} [{2**row.low:.2f}, {2**row.high:.2f}]" for row in forest.itertuples()]
chapter.show(
    figures.forest(forest, xlabel="log₂ hazard ratio of death, rapamycin / control", references={0.0: "no effect"}),
    caption="Hazard of death under rapamycin, each dose, start and sex against the controls of its cohort, which arms "
    f"share; printed: hazard ratio. Unit: mouse; {n_text(hazards.values())}.",
    alt=alt_text("Hazard ratio of death under rapamycin, log2", {labels[name]: one for name, one in hazards.items()}),
    name="fig-lifespan",
    provenance=of_lifespans,
)

# %% tags=["folded"]
numbers = ["hazard_ratio", "low", "high", "n_treated", "removed_treated", "n_control", "removed_control"]
chapter.show_table(
    arms[["cohort", "ppm", "start", "cycled", "sex", *numbers]],
    caption="Hazard of death, rapamycin / control, and mice removed from each arm. Unit: mouse; n in the table.",
    provenance=of_lifespans,
)

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
# ## Real mice: less mTOR in every cell
#
# One cohort of Xie et al. has mutants beside wild type, young and old {cite}`xie2022`.
# **That they are mTOR hypomorphs is inferred**, not stated in the file: from the order of the authors' code, and from small bodies, spleens and testes as such mice have.
# They show what less mTOR from conception on may do to blood; they are no rapamycin, and a small spleen alone raises white cells.

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
    figure = figures.page(4.4)
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

# %% tags=["folded"]
chapter.results("C2.context.hypomorph", caption="mTOR hypomorphs (inferred) − wild type, young and aged. Context.")

# %% [markdown]
# ## The prediction, tested

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ## Blood
#
# Each animal was bled several times; counts are compared as logarithms, so that −1 on the log2 scale is a count halved.
# Platelets and hemoglobin, on which the claim rests, are drawn day by day.

# %% tags=["needs:rapamycin_blood"]
blood = chapter.table("rapamycin_blood")
analytes = ["platelets", "hemoglobin", "RBC", "WBC", "neutrophils", "lymphocytes"]
blood["analyte"] = pd.Categorical(blood["analyte"], analytes).remove_unused_categories()
blood["log2"] = np.log2(blood["value"])
blood["arm"] = blood["age_group"] + " " + blood["treatment"]

# %% tags=["needs:rapamycin_blood"]
units = blood.drop_duplicates("analyte").set_index("analyte")["unit"]
followed = blood["analyte"].cat.categories[:2]
ages = [age for age in ("young", "aged") if age in set(blood["age_group"])]
mean = {"errorbar": None, "linewidth": 2.6, "style": "treatment", "markers": style.MARKERS, "dashes": False}
with figures.house():
    figure = figures.page(1.6 * len(followed) + 0.5)
    panels = figure.subplots(len(followed), len(ages), sharex=True, sharey="row", squeeze=False)
    for analyte, row in zip(followed, panels, strict=True):
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
followed = blood[blood["analyte"].isin(followed)]
chapter.show(
    (figure, followed[["analyte", "age_group", "treatment", "animal", "day", "value", "unit"]]),
    caption="Blood over days: every animal a thin line, the mean of each treatment bold. "
    f"Unit: animal; {units_text(followed, group='arm')}.",
    alt=f"{' and '.join(followed['analyte'].unique())} over days {blood['day'].min():g} to {blood['day'].max():g}.",
    name="fig-blood",
)

# %% [markdown]
# ### One number per mouse
#
# Repeated bleeds of one mouse are one mouse, so each course becomes the mean of its logarithms after the first dose, over the days on which every mouse was bled (all days where none is common).
# The animal's own value before the first dose is subtracted, unless a single mouse lacks it: half a correction would compare unlike numbers.

# %% tags=["needs:rapamycin_blood"]
after = blood[blood["day"] > 0]
all_mice = after.groupby("analyte", observed=True)["animal"].transform("nunique")
shared = after.groupby(["analyte", "day"], observed=True)["animal"].transform("nunique") == all_mice
shared |= ~shared.groupby(after["analyte"], observed=True).transform("any")
key = ["analyte", "animal"]
changes = blood.groupby(key, observed=True)[["age_group", "treatment", "arm", "sex", "batch"]].first()
changes["after"] = after[shared].groupby(key, observed=True)["log2"].mean()
changes["before"] = blood[blood["day"] <= 0].groupby(key, observed=True)["log2"].mean()
changes = changes.dropna(subset="after").reset_index()
complete = changes["before"].notna().groupby(changes["analyte"], observed=True).transform("all")
changes["value"] = changes["after"] - changes["before"].where(complete, 0)
days = (
    after[shared].groupby("analyte", observed=True)["day"].agg(lambda own: ", ".join(map("{:g}".format, own.unique())))
)
Markdown(f"Days that count: {'; '.join(f'{analyte} {own}' for analyte, own in days.items())}.")

# %% [markdown] tags=["result:C2.blood"]
# ### Rapamycin against vehicle
#
# The test runs within young and within aged mice; each of the four arms keeps its own variance, and batches and sexes are in the model where there are several.
# Where a sex cannot be told from the treatment (`check`), no verdict is given.
# The ages, and for description their mean, are two families under {term}`Holm's method <Holm adjustment>`.


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


def of_age(answers):
    between = {endpoint_text(endpoint): found["interaction"] for endpoint, found in answers.items()}
    told = [f"{name} {result_text(one)}" for name, one in between.items() if one.ci_low * one.ci_high > 0]
    describe(
        f"Does age change the effect (aged − young, log2, p not adjusted)? {'; '.join(told) or 'Nowhere clearly'}."
    )


# %% tags=["needs:rapamycin_blood"]
changes["endpoint"] = changes["analyte"].astype(str)
answers = against_vehicle(changes, "C2.blood", value="value")
of_age(answers)


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
    caption=f"Mean log2 count after the first dose, {baseline}: every animal a point; rapamycin / vehicle within each "
    f"age, 95 % interval. Unit: animal; {n_text(averaged.values())}.",
    alt=alt_text("Rapamycin - vehicle, log2, mean of the ages", averaged),
    name="fig-changes",
)

# %% tags=["needs:rapamycin_blood", "folded"]
chapter.results("C2.blood", caption="Rapamycin against vehicle in blood: each age, and the mean of both.")

# %% [markdown]
# ### Day by day
#
# Secondary: does harm build up over the days?
# A linear mixed model keeps them apart, with the allowance for few animals of Kenward and Roger {cite}`kenward1997`.
# The verdict rests on the one number per animal.

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

# %% tags=["needs:rapamycin_blood", "needs:over_days", "folded"]
names = {"analyte": "", "age_group": "age", "estimate": "difference, log2", "lower": "95 % from", "upper": "to"}
names |= {"df": "df", "p": "p", "changing": "p, change over days"}
over_days = pd.concat(courses).reindex(columns=list(names)).rename(columns=names)
chapter.show_table(
    over_days.dropna(axis="columns", how="all"),
    caption="Rapamycin − vehicle, mean over the days, and the type III test of treatment × day. Linear mixed model, "
    f"REML; p not adjusted. Unit: animal; {n_text(averaged[analyte] for analyte in models)}.",
    formats={"df": ".1f"},
)

# %% [markdown] tags=["result:C2.marrow"]
# ## Marrow
#
# A mouse gives its marrow once, so the test is that of blood on the logarithm of the amount.
# Where a population comes as a frequency and as an absolute number, the number speaks: a frequency also moves when other cells come or go.

# %% tags=["needs:rapamycin_marrow"]
marrow = amounts.endpoints(chapter.table("rapamycin_marrow"))
marrow["arm"] = marrow["age_group"] + " " + marrow["treatment"]
answers = against_vehicle(marrow, "C2.marrow", value="log2")
of_age(answers)

# %% [markdown]
# HSCs and colonies, on which the claim rests, animal by animal; the other populations stand in the table below.

# %% tags=["needs:rapamycin_marrow"]
averaged = {endpoint: found["averaged"] for endpoint, found in answers.items()}
claimed = [endpoint for endpoint in answers if endpoint in ("HSC", "CFU")] or list(answers)
titles = {endpoint: endpoint_text(endpoint) for endpoint in claimed}
contrasts = {endpoint: within_ages(answers[endpoint]) for endpoint in claimed}
chapter.show(
    figures.estimation_grid(marrow, value="log2", estimates=contrasts, titles=titles, **drawing),
    caption="Marrow, every animal a point; rapamycin / vehicle within each age with its 95 % interval. "
    f"Unit: animal; {n_text(averaged[endpoint] for endpoint in claimed)}.",
    alt=alt_text("Rapamycin - vehicle, log2, mean of the ages", {name: averaged[name] for name in claimed}),
    name="fig-marrow",
)

# %% tags=["needs:rapamycin_marrow", "folded"]
chapter.results("C2.marrow", caption="Rapamycin against vehicle in marrow: each age, and the mean of both.")

# %% [markdown]
# ## Survival
#
# Do mice under rapamycin die sooner, by themselves or after 5-fluorouracil, which kills dividing cells of the marrow?
# Died and euthanised animals count as deaths; each age and each challenge stands by itself.

# %% tags=["needs:survival", "needs:survival_of_rapamycin"]
survival = chapter.table("survival").query("experiment == 'rapamycin'").copy()
if survival.empty:
    raise NotTestable("The survival table of these data has no rapamycin experiment.")
for column, blank in {"age_group": "age not stated", "challenge": "none"}.items():
    survival[column] = survival[column].replace("", blank) if column in survival else blank
survival["panel"] = survival["age_group"] + ", challenge: " + survival["challenge"]
chapter.show_survival(survival, of="the rapamycin experiment")

# %% [markdown]
# The log-rank test compares whole curves {cite}`mantel1966`, within sexes and batches where these vary within a group; p is not adjusted.

# %% tags=["needs:survival", "needs:survival_of_rapamycin"]
chapter.log_ranks(survival, contrasts=[("rapamycin", "vehicle")])

# %% [markdown]
# ## How robust is it?
#
# Each variant of the analysis is a mark: one mouse left out, no batch, half or twice the smallest effect of interest, or another test, here an analysis of variance ({ref}`how-robust`).

# %%
found = chapter.robustness()

# %% tags=["folded"]
chapter.show_robustness(found)

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
# - Even a clear harm would leave the endothelium untested.
#
# ## Further reading
#
# - mTOR deleted in mice, and what becomes of their stem cells: {cite:t}`guo2013`.

# %% tags=["plumbing"]
chapter.write()
