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

# %% tags=["imports"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from endomtor import analyses, figures, public, stats
from endomtor.chapter import open_chapter
from endomtor.contract import vocabulary
from endomtor.errors import NotTestable
from endomtor.figures import style
from endomtor.markup import plain_in_markdown
from endomtor.public import aging_cohorts
from endomtor.public import blood as do_blood
from endomtor.reporting import (
    alt_text,
    by_contrast,
    endpoint_text,
    forest_rows,
    n_text,
    number,
    p_text,
    result_text,
    units_text,
)
from endomtor.stats import allows_phi, amounts, difference, holm, meta, pairs, phi

# %% tags=["plumbing"]
chapter = open_chapter("03_ecko_phenotypes", data_dir, world, seed)

# %%
mice, of_mice = public.table("aging_blood")
over = {trait: aging_cohorts.over_cohorts(mice, trait) for trait in ("granulocytes", "T_cells", "hemoglobin")}
rise, fall = (np.exp(over[trait].estimate) for trait in ("granulocytes", "T_cells"))
chapter.lead(
    f"Old male mice have {rise:.1f} times the odds of a granulocyte in the blood, {fall:.1f} times those of a T cell and "
    f"{100 - 100 * 2 ** over['hemoglobin'].estimate:.0f} % less hemoglobin than young ones, on average over "
    f"{over['T_cells'].n['cohorts']} cohorts of one laboratory; in young mice with less mTOR in every cell (inferred) "
    "the share of T cells moves the other way, and granulocytes and hemoglobin are open.",
    of_mice,
)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# Deleting mTOR in endothelium alone, in young mice, gives {term}`HSPCs <HSPC>` attributes of an aged hematopoietic system {cite}`ramalingam2020`.
#
# **What would count as an answer.**
# We ask how far the knock-out moves each trait along the road from young to old: {term}`phi` = (ECKO − control) / (aged − young).
# Phi is 0 where ECKO mice are like their controls and 1 where they have gone as far as old mice from young ones.
# An endpoint counts when old mice differ from young ones in the declared direction **and** the 95 % interval of phi lies above 0.25.
# A difference between ECKO and control alone is too little: a sick mouse differs too.
#
# Claim C3 needs three of four primary endpoints: lineage balance of the blood, number of {term}`HSCs <HSC>`, HSC {term}`polarity` and {term}`gamma-H2AX foci`.
# Where a laboratory has competitive transplants, the donor {term}`chimerism` is a fifth; a data set without them is judged by the four ({ref}`claim-rule`).
# The abstract speaks of attributes and names none, so these are the book's choice, from what others saw in aged mice.
# A 95 % interval of phi that lies below 0, or a 90 % interval that fits between −0.25 and 0.25, would contradict an endpoint; two of the four, or three of the five, would contradict the claim.

# %% [markdown] tags=["result:C3.premise"]
# ## Real mice: what age does to blood
#
# Before any knock-out: does age do to blood what claim C3 counts as an attribute of age?
# Xie et al. measured the blood of male C57BL/6J mice in four independent cohorts {cite}`xie2022`; of each we take the young and the old mice without mutation or diet (3 against 26 months in one cohort; for the other three the file gives no ages).
# The file has no mouse ids; only in two of the cohorts do the shares of a row add up to a whole, so that the balance of lineages can be formed there.
# The premise asks both sides of that balance in all four instead: more granulocytes **and** fewer T cells.
# Shares of cells are analysed as log odds and amounts as log2, in the column `relative` against the young of the same cohort.

# %%
untreated = mice[(mice["arm"] == "untreated") & mice["group"].isin(["young", "aged"])]
untreated.groupby(["trait", "cohort", "group"], sort=False)["mouse"].nunique().unstack([1, 2]).astype("Int64")

# %%
ages = {"young": figures.colour("young"), "aged": figures.colour("aged")}
cohorts = untreated["cohort"].unique()
np.random.seed(1)  # the jitter is the same in each build
with figures.house():
    figure = figures.page(9)
    panels = figure.subplots(4, 2, sharey=True).flat
    for axes, (trait, rows) in zip(panels, untreated.groupby("trait", sort=False), strict=True):
        points = {"hue": "group", "palette": ages, "dodge": True, "size": 3, "legend": trait == "granulocytes"}
        sns.stripplot(rows, x="relative", y="cohort", order=list(cohorts), ax=axes, **points)
        axes.axvline(0, **style.DOTTED)
        axes.set(title=endpoint_text(trait), ylabel="", xlabel="log odds" if "logit" in set(rows["scale"]) else "log₂")
    figures.legend_above(figure, figure.axes[0])
n_mice = untreated.groupby(["trait", "group"])["mouse"].size().groupby("group").agg(["min", "max"])
chapter.show(
    (figure, untreated),
    caption="Blood of untreated mice in four cohorts, every mouse a point, against the mean of the young of its cohort. "
    f"Unit: mouse; n over the cohorts: young {n_mice.at['young', 'min']} to {n_mice.at['young', 'max']}, "
    f"aged {n_mice.at['aged', 'min']} to {n_mice.at['aged', 'max']}.",
    alt="Strips of young and old mice in four cohorts, for eight traits of the blood.",
    name="fig-cohorts",
    provenance=of_mice,
)

# %% [markdown]
# Within a cohort old and young are compared mouse by mouse (Welch).
# Over the cohorts **the unit is the cohort**: the mean of effects that may differ, with the interval of Hartung and Knapp over k cohorts.
# Four repeats are few, so the intervals are wide, and they are of the *mean* over such cohorts, all of one laboratory; a fifth may lie further off.
# More granulocytes and fewer T cells are shares of one whole, hence not two independent findings.
# Direction and smallest difference of interest are those of `claims.toml`; standardised effects of these cohorts were known when they were written down, so the declaration is not blind.

# %%
of_cohorts, of_age = {}, {}
compared = {"value": "relative", "group": "group", "a": "aged", "b": "young", "unit": "mouse"}
for trait, rows in untreated.groupby("trait", sort=False):
    one = {cohort: difference(own, **compared) for cohort, own in rows.groupby("cohort", sort=False)}
    of_cohorts[trait], of_age[trait] = one, stats.random_effects(one)
    without = {k: stats.random_effects({name: one[name] for name in one if name != k}) for k in one}
    name = f"C3.premise.{trait}"
    chapter.record(name, of_age[trait], family="C3.premise", provenance=of_mice, left_out=without)

# %%
forest = forest_rows({endpoint_text(trait): one for trait, one in of_age.items()})
each = [(endpoint_text(trait), one.estimate) for trait, found in of_cohorts.items() for one in found.values()]
dots = pd.DataFrame(each, columns=["label", "value"])
xlabel = "old − young: log odds (shares of cells), log₂ (counts, hemoglobin)"
chapter.show(
    figures.forest(forest, dots=dots, xlabel=xlabel, references={0.0: "no change"}),
    caption="What age does to blood: mean over cohorts with its 95 % interval; each dot one cohort. Unit: cohort; "
    f"{n_text(of_age.values())}.",
    alt=alt_text("Effect of age on blood over cohorts", {endpoint_text(trait): one for trait, one in of_age.items()}),
    name="fig-premise",
    provenance=of_mice,
)

# %%
lines = []
for trait in ("granulocytes", "T_cells"):
    low, high = meta.prediction(of_cohorts[trait])
    lines.append(
        f"- {endpoint_text(trait)}: the true effect of one more cohort may lie from {number(low)} to {number(high)}"
    )
Markdown("\n".join(lines))

# %%
chapter.results("C3.premise", caption="Age and blood, over cohorts of individual C57BL/6J mice.")

# %% [markdown]
# ### How many mice would show it?
#
# What a sample size is made of: how far single mice of one age lie apart, and how far age moves them, in the last column as a multiple of the former.
# A trait that age moves by one or two SDs is seen in a group of eight by chance as often as not, and a knock-out that goes half of the way far more seldom ({ref}`power`).
# The worlds of this book take spread and effect of age in blood from this table.

# %%
balances, _ = public.table("aging_balances")
apart = aging_cohorts.spread(pd.concat([mice, balances])).rename(endpoint_text)
names = {
    "sd_young": "SD, young",
    "sd_aged": "SD, aged",
    "aging": "aged − young",
    "in_sd": "aged − young, in SD of the young",
}
chapter.show_table(
    apart.rename(columns=names),
    caption="Spread between single mice within cohorts, and the effect of age as the mean over cohorts; log₂, log odds, or "
    "isometric log-ratio (balances). Unit: mouse; n in the table.",
    provenance=of_mice,
)

# %% [markdown]
# ### A comparison: less mTOR in every cell
#
# One of the cohorts has mutants, young and old.
# **That they are mTOR hypomorphs is inferred**, not stated in the file: from the order of the authors' code, and from small bodies, spleens and testes as such mice have.
# They are no {term}`ECKO` mice: less mTOR in every cell, blood cells included, from conception on.
# But with young, old and young mutant mice they have the very layout of this chapter, so its question can be put to real mice: does less mTOR make young blood old?
# {term}`Phi` is 0 where young mutants are like young wild type, 1 where they have gone as far as old ones; young wild-type mice serve both differences.
# `phi` calls the manipulated group `ecko`.

# %%
less = (mice["cohort"] == "mTOR") & (mice["group"] != "between")
less = mice[less & ((mice["arm"] == "untreated") | (mice["group"] == "young"))]
less = less.assign(group=less["group"].mask(less["arm"] == "mutant", "ecko"))
of_less = {}
for trait, rows in less.groupby("trait", sort=False):
    rule = chapter.rule(f"C3.context.hypomorph.{trait}")
    asked = {"direction": rule.direction, "smallest": rule.smallest}
    of_less[trait] = phi(rows, value="relative", group="group", unit="mouse", **asked)
    chapter.record(f"C3.context.hypomorph.{trait}", of_less[trait], provenance=of_mice)

# %%
bounded = {trait: one for trait, one in of_less.items() if one.interval_kind == "bounded"}
unbounded = [endpoint_text(trait) for trait in of_less if trait not in bounded]
shown = {endpoint_text(trait): one for trait, one in bounded.items()}
chapter.show(
    figures.forest(forest_rows(shown), xlabel="phi of mTOR hypomorphs", references={0.0: "young", 1.0: "aged"}),
    caption="How far less mTOR in every cell (inferred) moves young blood towards old, with the 95 % interval by Fieller. "
    f"Unbounded, since old and young are not told apart there: {', '.join(unbounded)}. Unit: mouse; "
    f"{n_text(bounded.values())} (ecko: the mutants).",
    alt=alt_text("Phi of mTOR hypomorphs", shown),
    name="fig-hypomorph",
    provenance=of_mice,
)

# %% [markdown]
# The shares of monocytes and T cells lie on the side away from age; they are parts of one composition.
# For granulocytes, hemoglobin and red cells the interval holds 0 as well as a clear move towards age, so nothing is settled.
# Published hypomorphs have *fewer* T cells and a small spleen: cells that find no room in the spleen may stay in the blood, or these are other mutants.
# None of it says anything of a knock-out in endothelium.

# %% [markdown]
# ### Outbred mice, both sexes
#
# Does the same hold in females and in outbred mice?
# Public are how blood changes with age in Diversity Outbred mice of 7, 13 and 19 months {cite}`deighan_do`,
# and the slopes of females on five diets {cite}`deighan_diet`.
# It is **context**: summary effects rather than animals, so it tells in which direction blood ages.

# %%
effects, provenance = do_blood.effects("age")
traits = {trait: do_blood.TRAITS[trait] for trait in ("n.neut", "n.lymph", "nlr", "wbc", "plt", "rbc", "hgb")}
of_outbred = {name: do_blood.estimate(effects, trait) for trait, name in traits.items()}
for name, one in of_outbred.items():
    chapter.record(f"C3.context.{name.replace(' ', '_')}", one, provenance=provenance)

# %%
slopes, of_slopes = public.table("do_slopes")
in_females = {f"{row.name}, females": do_blood.estimate(slopes, row.trait) for row in slopes.itertuples(index=False)}
for name, one in zip(slopes["name"], in_females.values(), strict=True):
    chapter.record(f"C3.context.slope.{name.replace(' ', '_')}", one, provenance=of_slopes)

# %%
forest = forest_rows(of_outbred | in_females)
forest["note"] = [" to ".join(number(one, 3) for one in (row.low, row.high)) for row in forest.itertuples()]
xlabel = "change per month, in SDs of the trait, 95 % interval"
chapter.show(
    figures.forest(forest, xlabel=xlabel, references={0.0: "no change"}),
    caption="Blood of DO mice: effect of age, in both sexes and in females of another study. Unit: mouse; "
    f"{n_text([*of_outbred.values(), *in_females.values()])}.",
    alt=alt_text("Change of blood traits per month of age in DO mice, in SDs", of_outbred | in_females),
    name="fig-do-mice",
    provenance=provenance,
)

# %% [markdown]
# The interval comes from the published standard error, the authors' p from their bootstrap of the whole model.
# For white blood cells, lymphocytes and their ratio to neutrophils the two disagree, so these rows settle nothing.

# %%
shown = effects.set_index("trait").loc[list(traits), ["name", "effect", "ci_low", "ci_high", "p_authors"]]
shown.insert(4, "p of the interval", [one.p for one in of_outbred.values()])
names = {"effect": "change per month", "ci_low": "95 % from", "ci_high": "to", "p_authors": "authors' p"}
chapter.show_table(
    shown.rename(columns=names),
    caption="Blood of DO mice: published mixed-model effect of age, in each trait's own unit. Unit: mouse. Context.",
    provenance=provenance,
)

# %% [markdown]
# ## The prediction, tested
#
# What follows is the analysis of the chapter's own data, which may be a laboratory's or simulated.

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ### Three steps for every endpoint
#
# Blood, marrow, single cells, limiting dilution and competitive transplants each end in one value per mouse, and then the same three steps follow.
#
# 1. Two differences on the scale of analysis: aged − young, and ECKO − control, for which young mice stand in where there is no control.
# 2. Phi, their ratio, with an interval by Fieller's method {cite}`fieller1954`: every phi at which a test does not reject (ECKO − control) − phi · (aged − young) = 0.
# 3. The record: phi goes to the ledger under the name of its endpoint.
#
# Animals are compared within a batch, and within a sex, where there are several; where one of them cannot be told from the group there is no verdict.
# The rule of each endpoint, its direction and smallest phi of interest, was written down before any data were read: `chapter.rule` looks it up.
# Without ECKO mice there is no phi; what the claim takes for granted of age goes on record instead, as `….aging`.
# `differences` and `phis` collect the answers of this page by their names in the ledger, such as `C3.blood.myeloid_balance`.

# %%
differences, phis = {}, {}
taken_for_granted = ["myeloid_balance", "HSC", "polarity", "gH2AX_foci"]


def three_steps(table, family, **about):
    about |= {"value": "value", "group": "group"}
    for endpoint, rows in table.groupby("endpoint", sort=False):
        name, compared = f"{family}.{endpoint}", pairs(rows["group"])
        differences[name] = {(a, b): difference(rows, a=a, b=b, **about) for a, b in compared}
        if allows_phi(rows["group"]):
            rule = chapter.rule(name)
            phis[name] = phi(rows, direction=rule.direction, smallest=rule.smallest, **about)
            chapter.record(name, phis[name], family=family)
        elif ("aged", "young") in compared and endpoint in taken_for_granted:
            chapter.record(f"{name}.aging", differences[name]["aged", "young"], family=family)


# %% [markdown]
# What the comparisons and the figures of this page share:

# %%
per_mouse = {"unit": "animal", "block": ["batch", "sex"]}
groups = ["young", "aged", "control", "ecko"]
drawing = {"value": "value", "group": "group", "animal": "animal", "endpoint": "endpoint", "order": groups}
palette = {figures.named(group): figures.colour(group) for group in groups}

# %% [markdown]
# ## Blood

# %% tags=["needs:ecko_blood"]
blood = chapter.table("ecko_blood")
blood.head()

# %% [markdown]
# Percentages of lineages add to 100: when one rises the others must fall, even if no cell of theirs has changed.
# So they are compared as a {term}`composition <compositional data>` {cite}`buttner2021`, through one balance named beforehand: myeloid against B and T cells, the isometric log-ratio ({term}`ILR`) √(2/3) ln(myeloid / √(B · T)) {cite}`egozcue2003`.
# Counts of white cells, platelets and hemoglobin are compared as logarithms; no direction was declared for them.

# %% tags=["needs:ecko_blood"]
blood["myeloid_balance"] = stats.lineage_balance(blood)
counts = [count for count in ("WBC", "platelets", "hemoglobin") if count in blood]
blood[counts] = np.log2(blood[counts])

# %% [markdown]
# Where an animal was bled more than once, the latest week common to all animals gives its one value.

# %% tags=["needs:ecko_blood"]
endpoints = ["myeloid_balance", *counts]
about = [column for column in blood if column not in endpoints]
values = blood.melt(about, endpoints, var_name="endpoint").dropna(subset="value")
if "week" in values:
    weeks = {name: stats.latest_common(rows, "week", "animal").time for name, rows in values.groupby("endpoint")}
    latest = values["endpoint"].map(weeks)
    values = values[latest.isna() | (values["week"] == latest)]
by = [column for column in ("endpoint", "week", "group") if column in values]
values.groupby(by, dropna=False)["animal"].nunique().unstack()

# %% [markdown] tags=["result:C3.blood"]
# ### Lineages
#
# The three steps, for the balance and each count.

# %% tags=["needs:ecko_blood"]
three_steps(values, "C3.blood", **per_mouse)

# %% [markdown]
# Every animal's lineages, and below them the balance that is tested:

# %% tags=["needs:ecko_blood", "needs:lineages"]
lineages = values[values["endpoint"] == "myeloid_balance"].fillna({"nk_pct": 0.0, "other_pct": 0.0})
if lineages.empty:
    raise NotTestable("These data hold no lineages.")
names = {"myeloid_pct": "myeloid", "b_pct": "B", "t_pct": "T", "nk_pct": "NK", "other_pct": "other"}
balance = differences["C3.blood.myeloid_balance"]
parts = {column: words for column, words in names.items() if column in lineages}
about = {"animal": "animal", "group": "group", "order": groups, "balance": "value"}
about["balance_label"] = "balance of myeloid against B and T (ILR)"
chapter.show(
    figures.composition(lineages, parts=parts, estimates=balance, **about),
    caption="Blood lineages of every animal, per cent, and the balance on which the test is made. "
    f"Unit: animal; {n_text(balance.values())}.",
    alt=alt_text("Stacked lineages per animal; balance of myeloid against lymphoid", by_contrast({"balance": balance})),
    name="fig-lineages",
)

# %% [markdown]
# Which lineage moves the balance?
# Each is compared with the geometric mean of the three (centred log-ratio), Holm's p over the three.

# %% tags=["needs:ecko_blood", "needs:lineages"]
if not balance:
    raise NotTestable("These data hold no two groups whose lineages could be compared.")
three = {"parts": ["myeloid_pct", "b_pct", "t_pct"], "group": "group", **per_mouse}
each = {f"{figures.named(a)} − {b}": stats.part_contrasts(lineages, a=a, b=b, **three) for a, b in balance}
table = pd.concat(each, names=["contrast"]).reset_index("contrast").replace({"part": names})
heads = {"part": "lineage", "estimate": "difference", "ci_low": "95 % from", "ci_high": "to", "p_holm": "p (Holm)"}
chapter.show_table(
    table[["contrast", *heads]].rename(columns=heads),
    caption=f"Each lineage, difference of natural logarithms. Unit: animal; {n_text(balance.values())}. Descriptive.",
)

# %% [markdown]
# A balance says that lineages moved against each other, not which of them has more or fewer cells: myeloid cells doubled and lymphoid cells halved look the same.
# Where white cells were counted, the numbers tell: white cells times share, as log₂.

# %% tags=["needs:ecko_blood", "needs:lineages", "needs:white_cells"]
white_cells = values[values["endpoint"] == "WBC"].set_index("animal")["value"]
if white_cells.empty or not balance:
    raise NotTestable("White cells were not counted, so shares cannot be turned into numbers of cells.")
absolute = {}
for part in three["parts"]:
    cells = lineages["animal"].map(white_cells) + np.log2(lineages[part].clip(lower=0.01) / 100)
    rows = lineages.assign(cells=cells).dropna(subset="cells")
    about = {"value": "cells", "group": "group", **per_mouse}
    absolute[names[part]] = {(a, b): difference(rows, a=a, b=b, **about) for a, b in balance}
moved = {True: "more", False: "fewer"}
told = [
    f"- {name} cells: {moved[one.estimate > 0]}, log₂ {result_text(one).rstrip('.')}"
    for name, one in by_contrast(absolute).items()
    if not one.withheld and one.ci_low * one.ci_high > 0
]
Markdown("Numbers of cells that moved:\n\n" + ("\n".join(told) or "- none clearly"))

# %% [markdown]
# ### Counts

# %% tags=["needs:ecko_blood", "needs:counts"]
if not counts:
    raise NotTestable("These data have no blood counts.")
units = {"WBC": "WBC, 10^3/uL", "platelets": "platelets, 10^3/uL", "hemoglobin": "hemoglobin, g/dL"}
found = {count: differences[f"C3.blood.{count}"] for count in counts}
compared = by_contrast(found)
chapter.show(
    figures.estimation_grid(values, **drawing, estimates=found, titles=units, scale="log2"),
    caption="Blood counts, every animal a point; ratios with 95 % intervals. "
    f"Unit: animal; {n_text(compared.values())}.",
    alt=alt_text("Blood counts, differences of log2", compared),
    name="fig-counts",
)

# %% tags=["needs:ecko_blood"]
chapter.results("C3.blood", caption="Blood: phi of the lineage balance (ILR) and of log2 counts.")

# %% [markdown] tags=["result:C3.marrow"]
# ## Marrow
#
# Numbers of cells multiply, so they are compared as logarithms.

# %% tags=["needs:ecko_marrow"]
marrow = chapter.table("ecko_marrow").dropna(subset="value")
marrow.head()

# %% [markdown]
# The same population may come in several units, and a frequency and an absolute number can disagree: both are shown.
# The rule for the verdict was fixed beforehand: an absolute number goes before a share of other cells, whatever the values say.
# Stem cells come first.

# %% tags=["needs:ecko_marrow"]
marrow = amounts.endpoints(marrow)
marrow["value"] = marrow["log2"]
stem_first = ["HSC", "LSK", "MPP1", "MPP2", "MPP3", "MPP4", *vocabulary().populations]
order = list(dict.fromkeys([*stem_first, *sorted(set(marrow["population"]))]))
marrow["place"] = marrow["population"].map(order.index)
marrow = marrow.sort_values(["place", "endpoint"], kind="stable")
marrow.groupby(["endpoint", "unit", "group"], sort=False)["animal"].nunique().unstack()

# %% [markdown]
# The three steps, then every animal and both differences, which are ratios on this axis:

# %% tags=["needs:ecko_marrow"]
three_steps(marrow, "C3.marrow", **per_mouse)

# %% tags=["needs:ecko_marrow"]
first = marrow.drop_duplicates("endpoint").set_index("endpoint")
titles = first["population"].map(endpoint_text) + ", " + first["unit"]
found = {endpoint: differences[f"C3.marrow.{endpoint}"] for endpoint in first.index}
compared = by_contrast(found)
chapter.show(
    figures.estimation_grid(marrow, **drawing, estimates=found, titles=titles, scale="log2"),
    caption="Marrow, stem cells first, every animal a point; ratios with 95 % intervals. "
    f"Unit: animal; {n_text(compared.values())}.",
    alt=alt_text("Marrow populations, differences of log2 amounts", compared),
    name="fig-stem",
)

# %% tags=["needs:ecko_marrow"]
chapter.results("C3.marrow", caption="Marrow: phi of the log2 amount of each population.")

# %% [markdown]
# ## Single HSCs
#
# Cells of one mouse share its age, its marrow and its slide, so the mouse is the unit {cite}`aarts2014`.

# %% tags=["needs:ecko_cells"]
readings = chapter.table("ecko_cells").dropna(subset="value")
readings.head()

# %% [markdown]
# Where populations are named the HSCs are taken; the table is one of sorted HSCs, so a blank counts as HSC.

# %% tags=["needs:ecko_cells"]
cells = readings.copy()
if "population" in cells and "HSC" in set(cells["population"]):
    cells = cells[cells["population"].isin(["HSC", ""])].copy()
blind = f"{cells['blinded'].eq(True).sum():,} of them" if "blinded" in cells else "not stated"
Markdown(
    f"{len(cells):,} readings of {cells['animal'].nunique()} animals; read blind: {blind}. "
    f"{len(readings) - len(cells):,} cells of other populations are left out."
)

# %% [markdown]
# ### From cells to mice
#
# The cells of a mouse are added up first.
# Its polarity is then the empirical {term}`logit` of the polarised fraction, ln((k + ½) / (m − k + ½)) of k polarised among m cells; its gamma-H2AX is the logarithm of the mean number of foci + ½.
# The halves keep a mouse without any polarised cell, or without any focus, in the analysis.
# Below, `sum` is the number of polarised cells or of foci, `count` the number of cells, `value` what is tested.

# %% tags=["needs:ecko_cells"]
cells["batch"] = cells.groupby(["assay", "animal"])["batch"].transform(lambda days: "+".join(sorted(set(days))))
one_row = ["assay", "animal", "group", "batch"]
mice = cells.groupby(one_row, sort=False)["value"].agg(["sum", "count"]).reset_index()
mice["value"] = np.log(mice["sum"] / mice["count"] + 0.5)
polar = mice[mice["assay"] == "polarity"]
mice.loc[polar.index, "value"] = np.log((polar["sum"] + 0.5) / (polar["count"] - polar["sum"] + 0.5))
mice.head()

# %% [markdown]
# The three steps; an assay is an endpoint here.

# %% tags=["needs:ecko_cells"]
three_steps(mice.rename(columns={"assay": "endpoint"}), "C3.cells", unit="animal", block="batch")

# %% [markdown] tags=["result:C3.cells"]
# ### Polarity and gamma-H2AX
#
# In a {term}`SuperPlot` cells are small and mice large {cite}`lord2020`.
# Above each pair stands the p of its difference between mice, {term}`Holm's <Holm adjustment>` over the pairs shown.

# %% tags=["needs:ecko_cells"]
labels = {"polarity": "polarised (1) or not (0)", "gH2AX_foci": "gamma-H2AX foci"}
for assay, rows in cells.groupby("assay", sort=False):
    found = {pair: one for pair, one in differences[f"C3.cells.{assay}"].items() if not one.withheld}
    about = {"value": "value", "animal": "animal", "group": "group", "ylabel": labels[assay]}
    about["order"] = [group for group in groups if group in set(rows["group"])]
    about["pvalues"] = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
    chapter.show(
        figures.superplot(rows, **about),
        caption=f"HSCs, {endpoint_text(assay)}: small points are cells, large ones mice (mean of their cells). "
        f"Unit: animal; {units_text(rows)}. p compares mice, Holm over the pairs shown.",
        alt=alt_text(f"{endpoint_text(assay)} per cell and mouse", by_contrast({assay: found})),
        name=f"fig-superplot-{assay}",
    )

# %% tags=["needs:ecko_cells"]
chapter.results("C3.cells", caption="Single HSCs, one value per mouse: phi per assay.")

# %% [markdown]
# ### Wrong on purpose: cells as n
#
# A common mistake, shown so that it can be recognised: every cell counted as a mouse.
# Both tests below take plain means of the same readings; only the unit differs.

# %% tags=["needs:ecko_cells"]
lines = []
for assay, every in cells.assign(cell=cells["animal"] + " " + cells["cell"]).groupby("assay", sort=False):
    means = every.groupby(["animal", "group"], as_index=False)["value"].mean()
    for a, b in [pair for pair in pairs(every["group"]) if pair[0] == "ecko"]:
        right = difference(means, value="value", group="group", a=a, b=b, unit="animal")
        wrong = difference(every, value="value", group="group", a=a, b=b, unit="cell")
        lines.append(
            f"- {endpoint_text(assay)}: **wrong**, {sum(wrong.n.values()):,} cells as n give {p_text(wrong.p)}; "
            f"**right**, their {sum(right.n.values())} mice give {p_text(right.p)}."
        )
Markdown("\n".join(lines) or "ECKO mice or their controls are not in these data.")

# %% [markdown] tags=["result:C3.limiting_dilution"]
# ## Limiting dilution
#
# Marrow of a donor is diluted over many recipients, and the share of recipients without a graft tells how rare repopulating cells are.

# %% tags=["needs:ecko_limiting_dilution"]
dilution = chapter.table("ecko_limiting_dilution")
dilution["cell_type"] = dilution["cell_type"].replace("", "unstated") if "cell_type" in dilution else "unstated"
dilution.head()

# %% [markdown]
# Donors, and the recipients of their cells, by the cells that were injected:

# %% tags=["needs:ecko_limiting_dilution"]
sums = [column for column in ("tested", "positive", "died_before_readout") if column in dilution]
arms = dilution.groupby(["cell_type", "group"])
arms[sums].sum().assign(donors=arms["donor"].nunique())

# %% [markdown]
# ### Donors as n
#
# The knock-out was made in the donor, so each donor gives one value: the logarithm of the frequency that fits its own recipients best under the single-hit model.
# Frequencies are printed per a power of ten of cells (`per`), which makes them readable and moves no difference.

# %% tags=["needs:ecko_limiting_dilution"]
words = {"WBM": "whole marrow cells", "HSC": "sorted HSCs", "LSK": "LSK cells", "Lin-": "Lin- cells"}
words |= {"unstated": "cells of an unstated type"}
present = [name for name in words if name in set(dilution["cell_type"])]
parts = {name: stats.donor_log_frequency(dilution[dilution["cell_type"] == name]) for name in present}
donors = pd.concat(parts, names=["endpoint"]).reset_index("endpoint")
typical = donors.groupby("endpoint")["log_frequency"].transform("median")
donors["per"] = 10 ** np.ceil(-typical / np.log(10)).clip(lower=0)
donors["value"] = donors["log_frequency"] + np.log(donors["per"])
donors.head()

# %% [markdown]
# What age does to the frequency depends on the cells injected.
# Most reports say that whole marrow of old mice holds more repopulating cells, and that a sorted HSC of an old mouse is less often one.
# For these two the direction was declared accordingly; for other cells an aging effect in either direction counts.

# %% tags=["needs:ecko_limiting_dilution"]
three_steps(donors, "C3.limiting_dilution", unit="donor")

# %% tags=["needs:ecko_limiting_dilution"]
per = donors.groupby("endpoint")["per"].first()
titles = {name: f"repopulating cells per {per[name]:,.0f} {words[name]}" for name in present}
found = {name: differences[f"C3.limiting_dilution.{name}"] for name in present}
compared = by_contrast(found)
extreme = ", ".join(donors.loc[donors["extreme"] != "", "donor"]) or "none"
chapter.show(
    figures.estimation_grid(donors, **drawing | {"animal": "donor"}, estimates=found, titles=titles, scale="ln"),
    caption="Repopulating cells, every donor a point; ratios with 95 % intervals. "
    f"Unit: donor; {n_text(compared.values())}. Donors with no or only positive recipients: {extreme}.",
    alt=alt_text("Repopulating frequency per donor, differences of logarithms", compared),
    name="fig-donors",
)

# %% tags=["needs:ecko_limiting_dilution"]
chapter.results("C3.limiting_dilution", caption="Limiting dilution, donors as n: phi per cell type.")

# %% [markdown]
# ### Dilution plots
#
# Under the single-hit model the logarithm of the share without a graft falls in a straight line with the dose {cite}`hu2009`.
# The dotted level is 37 %, where a recipient got one repopulating cell on average.
# Lines and bands come from {term}`ELDA`, the field's usual analysis, which pools the recipients of all donors of a group.

# %% tags=["needs:ecko_limiting_dilution"]
pooled = {name: stats.elda(dilution[dilution["cell_type"] == name]) for name in present}
for place, (name, fits) in enumerate(pooled.items(), start=1):
    rows = dilution[dilution["cell_type"] == name]
    single_hit = {fit.group: (fit.frequency, fit.lower, fit.upper) for fit in fits.itertuples()}
    about = {"group": "group", "donor": "donor", "order": groups, "xlabel": f"{words[name]} injected"}
    chapter.show(
        figures.limiting_dilution(rows, **about, frequencies=single_hit),
        caption=f"Limiting dilution of {words[name]}: a point is a donor at one dose, a line the single-hit model "
        f"over all recipients of a group with its 95 % band (recipients as n). Unit: donor; {units_text(rows, 'donor')}.",
        alt="Recipients without a graft against dose. Repopulating cells per million injected: "
        + "; ".join(f"{group} {1e6 * line[0]:,.0f}" for group, line in single_hit.items()),
        name=f"fig-dilution-{place}",
    )

# %% [markdown]
# Does one cell suffice for a graft?
# Then the slope of the complementary log-log of the response on the logarithm of the dose is 1.

# %% tags=["needs:ecko_limiting_dilution"]
lines = []
for name in present:
    fit = stats.single_hit_tests(dilution[dilution["cell_type"] == name]).set_index("test")
    slope = f"slope {number(fit.loc['wald', 'estimate'])}, likelihood ratio {p_text(fit.loc['lr', 'p'])}"
    lines.append(f"- {words[name]}: {fit.loc['lr', 'withheld'].rstrip('.') or slope}.")
Markdown("\n".join(lines))

# %% [markdown]
# ### Wrong on purpose: recipients as n
#
# ELDA's frequencies are good descriptions {cite}`hu2009`.
# Its intervals and p values count recipients, and so leave out that donors differ.

# %% tags=["needs:ecko_limiting_dilution"]
table = pd.concat(pooled, names=["cells"]).reset_index("cells").replace({"cells": words, "group": {"ecko": "ECKO"}})
table[["one in", "95 % from", "to"]] = 1 / table[["frequency", "upper", "lower"]]
chapter.show_table(
    table[["cells", "group", "positive", "tested", "one in", "95 % from", "to"]].round(0),
    caption="ELDA: one repopulating cell in so many, with recipients as n. The unit of the verdict is the donor.",
)

# %% tags=["needs:ecko_limiting_dilution"]
lines = []
for name in present:
    own = dilution[dilution["cell_type"] == name]
    for (a, b), right in differences[f"C3.limiting_dilution.{name}"].items():
        two = own[own["group"].isin([a, b])]
        wrong = stats.elda_difference(two)["p"].iat[0]
        lines.append(
            f"- {words[name]}, {figures.named(a)} against {b}: **wrong**, {two['tested'].sum()} recipients as n give "
            f"{p_text(wrong)}; **right**, their {two['donor'].nunique()} donors give {p_text(right.p)}."
        )
Markdown("\n".join(lines))

# %% [markdown] tags=["result:C3.competitive"]
# ## Competitive transplants
#
# Have the stem cells themselves aged, so that they keep it outside the niche that made them so?
# The standard test takes them out: marrow of a donor goes into irradiated wild-type hosts together with competitor marrow, and the share of blood that comes from the donor is read for months.
# Here the donors are the young, aged, control and ECKO mice, and all hosts are alike, so what differs came with the cells.

# %% tags=["needs:competitive_transplants"]
hosts = chapter.table("competitive_transplants").rename(columns={"donor_group": "group"})
hosts.head()

# %% [markdown]
# Donors, and the hosts that their marrow went into, by the cells that a host got where they are given.
# All groups need one ratio of donor to competitor cells, because that moves the chimerism by itself.

# %% tags=["needs:competitive_transplants"]
given = [column for column in ("cells_injected", "competitor_cells") if column in hosts]
hosts.groupby(["group", *given], dropna=False)[["donor", "recipient"]].nunique()

# %% [markdown]
# ### One value for each donor
#
# The knock-out was made in the donor, and its hosts all got the same marrow.
# They tell how well that marrow was measured, not how donors differ: ten more hosts of one mouse are not ten more ECKO mice, so hosts are subsamples and the **donor** is the unit {cite}`lazic2018`.
# Chimerism is averaged as a {term}`logit`, lineages as the balance of above, in blood.
# A donor whose hosts belong to several batches has these together as its batch.

# %% tags=["needs:competitive_transplants"]
if "tissue" in hosts:
    hosts = hosts[hosts["tissue"].isin(["PB", ""])].copy()
known = [column for column in ("batch", "sex") if column in hosts]
if "batch" in hosts:
    hosts["batch"] = hosts.groupby("donor")["batch"].transform(lambda days: "+".join(sorted(set(days))))
hosts["chimerism"] = stats.logit_percent(hosts["donor_chimerism_pct"])
hosts["myeloid_balance"] = stats.lineage_balance(hosts)

# %% [markdown]
# All are read in one week, the latest that all hosts have in common.
# Where an early death keeps that below 16 weeks, when short-lived progenitors still feed the blood, it is one from then on that all donors have.

# %% tags=["needs:competitive_transplants", "needs:grafts"]
parts = {}
for readout in ("chimerism", "myeloid_balance"):
    seen = hosts.dropna(subset=readout)
    common = [stats.latest_common(seen, "week", unit) for unit in ("recipient", "donor")]
    week = next((one for one in common if one.reached), common[0]).time
    read = seen[seen["week"] == week].groupby(["donor", "group", *known, "week"], as_index=False)
    parts[readout] = read.agg(value=(readout, "mean"), hosts=("recipient", "nunique"))
grafts = pd.concat(parts, names=["endpoint"]).reset_index("endpoint")
if grafts.empty:
    raise NotTestable("These data hold neither donor chimerism nor lineages in blood.")
grafts.groupby(["endpoint", "week", "group"]).agg(donors=("donor", "nunique"), hosts=("hosts", "sum")).unstack()

# %% [markdown]
# What age does to whole marrow in competition is not agreed on.
# Marrow of old C57BL/6 mice held twice as many repopulating units, which reached the marrow of the host three times less often {cite}`liang2005`, and an old HSC makes fewer cells {cite}`dykstra2011`; the first raises the chimerism, the others lower it.
# **That less is the direction of age is a choice of this book**; where old donors engraft better in these data, no aging effect is seen and no phi is read.

# %% tags=["needs:competitive_transplants", "needs:grafts"]
three_steps(grafts, "C3.competitive", unit="donor", block=known)

# %% tags=["needs:competitive_transplants", "needs:grafts"]
scales = {"chimerism": ("donor chimerism, %", "logit"), "myeloid_balance": ("myeloid against B and T (ILR)", "linear")}
for endpoint, rows in grafts.groupby("endpoint", sort=False):
    (title, scale), found = scales[endpoint], {endpoint: differences[f"C3.competitive.{endpoint}"]}
    compared, titles = by_contrast(found), {endpoint: f"week {rows['week'].iat[0]:g}: {title}"}
    chapter.show(
        figures.estimation_grid(rows, **drawing | {"animal": "donor"}, estimates=found, titles=titles, scale=scale),
        caption=f"Competitive transplants, {endpoint_text(endpoint)}: every donor a point, the mean of its hosts; "
        f"contrasts with 95 % intervals. Unit: donor; {n_text(compared.values())}.",
        alt=alt_text(f"{endpoint_text(endpoint)} of donor marrow in competition, per donor", compared),
        name=f"fig-competitive-{endpoint.replace('_', '-')}",
    )

# %% tags=["needs:competitive_transplants", "needs:grafts"]
chapter.results("C3.competitive", caption="Competitive transplants, donors as n: phi per read-out.")

# %% [markdown]
# Chimerism is read in hosts that live: where poor grafts kill, donors look better than they were.
# Donor marrow carries whatever Cre has done to blood cells themselves, which the verification below has to rule out.

# %% [markdown]
# ## How far from young to aged
#
# Every endpoint of this page on the one scale, primary ones first.
# A filled arrowhead means that an interval has no end on that side, an open one that it ends beyond the axis: where young and old mice do not differ, no phi can be told from any other.

# %% tags=["needs:phi"]
if not phis:
    raise NotTestable("Phi needs ECKO, young and old mice of the same endpoint, and these data hold none.")
phis = dict(sorted(phis.items(), key=lambda item: chapter.rule(item[0]).role != "primary"))
forest = forest_rows(phis)
forest["label"] = [endpoint_text(name.removeprefix("C3.")).replace(".", ", ") for name in phis]
forest.loc[[chapter.rule(name).role == "primary" for name in phis], "label"] += " (primary)"

# %% [markdown]
# Where no aging effect is seen phi is a ratio to nothing: its interval is drawn, its estimate is not.

# %% tags=["needs:phi"]
unread = {"withheld": "no verdict", "no aging effect": "no aging effect seen"}
forest["note"] = [unread.get(chapter.records[name].reason, "") for name in phis]
forest.loc[forest["note"] != "", "estimate"] = np.nan
read = {label: one for label, note, one in zip(forest["label"], forest["note"], phis.values(), strict=True) if not note}
about = {"xlabel": "phi: share of the way from young to aged, 95 % set", "references": {0.0: "young", 1.0: "aged"}}
chapter.show(
    figures.forest(forest, smallest=chapter.rule("C3.blood.myeloid_balance").smallest, **about),
    caption="How far ECKO went from young (0) to aged (1), by endpoint; dotted: the smallest phi of interest. "
    f"Unit: animal, in transplants and limiting dilution the donor; {n_text(phis.values())}. "
    f"In {len(phis) - len(read)} of {len(phis)} endpoints no phi can be read.",
    alt=alt_text("Forest plot of phi", read),
    name="fig-phi",
)

# %% [markdown]
# ### Caveats
#
# What the tests of this page gave as warnings, and the endpoints that each concerns:

# %%
remarks = []
for name, found in differences.items():
    answers = [*found.values(), phis[name]] if name in phis else [*found.values()]
    texts = {text for one in answers for text in (*one.warnings, one.withheld) if text}
    texts |= set() if name in phis else {"No aging reference in these data, or no ECKO: there is no phi."}
    remarks += [(text, endpoint_text(name.split(".", 2)[2])) for text in sorted(texts)]
by_text = pd.DataFrame(remarks, columns=["text", "endpoint"]).groupby("text", sort=False)["endpoint"].agg(", ".join)
Markdown(
    "\n".join(f"- {plain_in_markdown(text)} ({names})" for text, names in by_text.items()) or "No test gave a warning."
)

# %% [markdown]
# ### Age, or illness?
#
# An inflamed mouse has more cells in the gate of HSCs, more gamma-H2AX, less hemoglobin and more myeloid cells, as an old one has: phi cannot tell which of the two moved them.
# Genes of interferon and inflammation can, where HSPCs of such mice were sequenced; chapter {doc}`04 <04_transcriptome_resemblance>` shows this inflammation score, in log₂, for every animal.
# Where its interval lies above 0, or where it was not measured, the verdict below carries the caution *inflammation not excluded*.

# %%
of_illness = analyses.answers(chapter.dataset.tables, {"C4.transcriptome.inflammation"})
lines = [f"Beyond what age does, ECKO raises it by {result_text(one.estimate)}." for one in of_illness.values()]
Markdown("\n".join(lines) or "Inflammation was **not measured** in these data, and so is not excluded.")

# %% [markdown]
# ## Was the knock-out where it should be?
#
# A phenotype speaks for the endothelium only if mTOR is gone there and still present in blood-forming and stromal cells.
# These numbers are descriptive and enter no verdict.

# %% tags=["needs:ecko_verification"]
knockout = chapter.table("ecko_verification")
knockout.head()

# %% tags=["needs:ecko_verification", "needs:recombination"]
measures = ("recombined_allele_pct", "Mtor_mRNA", "mTOR_protein", "pS6")
measures = [measure for measure in measures if measure in set(knockout["measure"])]
if not measures:
    raise NotTestable("These data do not say how far mTOR is gone.")
recombined = knockout[knockout["measure"].isin(measures)]
in_words = recombined.assign(mice=recombined["group"].map(figures.named))
in_words["cells"] = in_words["cell_type"].map(endpoint_text)
strips = {"x": "cells", "y": "value", "hue": "mice", "palette": palette, "dodge": True, "jitter": False, "size": 6}
strips["order"] = [cell for cell in ("BMEC", "other EC", "stroma", "HSPC") if cell in set(in_words["cells"])]
with figures.house():
    figure, panels = plt.subplots(len(measures), 1, figsize=(5, 1.75 * len(measures)), sharex=True, squeeze=False)
    for axes, measure in zip(panels.flat, measures, strict=True):
        rows = in_words[in_words["measure"] == measure]
        sns.stripplot(rows, **strips, ax=axes, legend=measure == measures[0])
        title, floor = endpoint_text(measure.removesuffix("_pct")), -0.05 * rows["value"].max()
        axes.set(title=title, xlabel="", ylabel=rows["unit"].iat[0], ylim=(floor, None))
    sns.move_legend(panels[0, 0], "upper right", ncols=2, title=None)

# %% tags=["needs:ecko_verification", "needs:recombination"]
chapter.show(
    (figure, recombined),
    caption="How far mTOR is gone, and in which cells: every animal a point, controls at the left of ECKO mice. "
    f"Unit: animal; {units_text(recombined)}.",
    alt="Recombined alleles, mRNA, protein and signal of mTOR per animal and cell type, ECKO mice beside controls.",
    name="fig-recombined-allele-pct",
)

# %% [markdown]
# What is left of mTOR in ECKO mice, as a ratio to their controls:

# %% tags=["needs:ecko_verification", "needs:recombination"]
left = recombined[recombined["measure"] != "recombined_allele_pct"].assign(log2=lambda rows: np.log2(rows["value"]))
ratios = {}
for kind, rows in left.groupby(["measure", "cell_type"]):
    for a, b in [pair for pair in pairs(rows["group"]) if pair[0] == "ecko"]:
        one = difference(rows, value="log2", group="group", a=a, b=b, unit="animal")
        ratios[kind] = np.exp2([one.estimate, one.ci_low, one.ci_high])
pd.DataFrame(ratios, index=["ratio", "95 % from", "to"]).T.rename(endpoint_text).round(2)

# %% [markdown]
# ### Is the endothelium alive?
#
# Endothelium that dies or leaks without mTOR would change the blood by itself, whatever signals it no longer gives.
# Density and leakage of vessels are compared as logarithms, the share of dying cells as log odds.

# %% tags=["needs:ecko_verification", "needs:vessels"]
scales = {"vessel_density": "log2", "leakage": "log2", "apoptosis_pct": "logit"}
vessels = knockout[knockout["measure"].isin(list(scales))].assign(scale=knockout["measure"].map(scales))
if vessels.empty:
    raise NotTestable("These data have no density, leakage or apoptosis of vessels.")
amount = vessels["scale"] == "log2"
vessels["endpoint"] = vessels["measure"] + " " + vessels["cell_type"]
vessels["scaled"] = np.log2(vessels["value"].where(amount)).fillna(stats.logit_percent(vessels["value"].mask(amount)))

# %% tags=["needs:ecko_verification", "needs:vessels"]
named = vessels["measure"].str.removesuffix("_pct").map(endpoint_text) + ", " + vessels["cell_type"].map(endpoint_text)
titles = dict(zip(vessels["endpoint"], named + ", " + vessels["unit"], strict=True))
for scale, every in vessels.groupby("scale", sort=False):
    found = {}
    for endpoint, rows in every.groupby("endpoint", sort=False):
        about = {"value": "scaled", "group": "group", "unit": "animal"}
        found[endpoint] = {(a, b): difference(rows, a=a, b=b, **about) for a, b in pairs(rows["group"])}
    compared = by_contrast(found)
    about = {"estimates": found, "titles": {name: titles[name] for name in found}, "scale": scale}
    chapter.show(
        figures.estimation_grid(every, **drawing | {"value": "scaled"}, **about),
        caption="Is the endothelium alive? Every animal a point; ratios, of a share those of odds, with 95 % intervals. "
        f"Unit: animal; {n_text(compared.values())}. Descriptive.",
        alt=alt_text(f"Vessels per animal, differences on the {scale} scale", compared),
        name=f"fig-vessels-{scale}",
    )

# %% [markdown]
# ## Survival
#
# Death before a read-out takes animals out of the tables above, and perhaps not at random.
# Died and euthanised animals count as deaths.
# A challenge is what the animals were put through, for example irradiation; groups are compared within one challenge only.

# %% tags=["needs:survival", "needs:survival_of_ecko"]
survival = chapter.table("survival").query("experiment == 'ecko'")
if survival.empty:
    raise NotTestable("The survival table of these data has no ECKO experiment.")
survival = survival.assign(died=(survival["event"] != "censored").astype(int))
challenge = survival["challenge"].replace("", "none") if "challenge" in survival else "none"
survival["panel"] = "challenge: " + challenge
fates = survival.groupby(["panel", "group"])["died"].agg(animals="size", died="sum")
fates.assign(censored=fates["animals"] - fates["died"])

# %% [markdown]
# The Kaplan-Meier estimate gives the share alive after each day on which an animal died.

# %% tags=["needs:survival", "needs:survival_of_ecko"]
curves = stats.survival_curves(survival, time="day", died="died", by=["panel", "group"])
curves["group"] = curves["group"].map(figures.named)
at_end = curves.groupby(["panel", "group"])["alive, %"].last()

# %% tags=["needs:survival", "needs:survival_of_ecko"]
order = [name for name in palette if name in set(curves["group"])]
steps = {"x": "day", "y": "alive, %", "hue": "group", "hue_order": order, "palette": palette, "drawstyle": "steps-post"}
panels = curves.groupby("panel", sort=False)
with figures.house():
    figure, every = plt.subplots(len(panels), 1, figsize=(5, 2.8 * len(panels)), squeeze=False)
    for axes, (panel, rows) in zip(every.flat, panels, strict=True):
        sns.lineplot(rows, **steps, estimator=None, sort=False, ax=axes)
        axes.set(title=panel, ylim=(0, 103), xlim=(0, None))
        sns.move_legend(axes, "lower left", title=None)

# %% tags=["needs:survival", "needs:survival_of_ecko"]
chapter.show(
    (figure, curves),
    caption=f"Survival of the ECKO experiment (Kaplan-Meier). Unit: animal; {units_text(survival)}. Descriptive.",
    alt="Kaplan-Meier curves. Alive at the end, %: "
    + ", ".join(f"{' '.join(arm)} {share:.0f}" for arm, share in at_end.items())
    + ".",
    name="fig-survival",
)

# %% [markdown]
# The log-rank test compares whole curves, within sexes and batches where these vary within a group; p is not adjusted.

# %% tags=["needs:survival", "needs:survival_of_ecko"]
about = {"time": "day", "died": "died", "group": "group", "unit": "animal", "strata": ["sex", "batch"]}
lines = []
for panel, rows in survival.groupby("panel"):
    for a, b in pairs(rows["group"]):
        test = stats.log_rank(rows, a=a, b=b, **about)
        within = f" within {' and '.join(test.strata)}" if test.strata else ""
        answer = test.withheld or f"log-rank χ²{within} {number(test.statistic)}, {p_text(test.p)}"
        lines.append(f"- {plain_in_markdown(panel)}, {figures.named(a)} against {b}: {answer}")
Markdown("\n".join(lines))

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one mouse or donor less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other test is phi with one variance for all groups.

# %%
chapter.show_robustness(chapter.robustness())

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C3")

# %% [markdown]
# ## What could be wrong
#
# - A knock-out can make mice ill, and illness looks like age in blood counts and in gamma-H2AX; neither phi on one endpoint nor several of them can tell the two apart (page {ref}`world-grid`).
# - The knock-out takes nearly all mTOR, aging a part of it: what cells without mTOR do need not be what cells with less of it do; and it takes mTORC1 and mTORC2 together ({ref}`against-c6`).
# - Recombination outside the endothelium would make the phenotype somebody else's; see the verification above.
# - Phi divides by the difference of aged and young mice: if these were bred, housed or sorted elsewhere than ECKO and control, that difference holds more than age.
# - A larger pool of phenotypic HSCs is not more function: markers shift with age, and the two may disagree {cite}`dykstra2011`.
# - With a few donors in each group a limiting dilution or a competitive transplant rests on these few, however many recipients there are.
# - Endpoints of the same animals are correlated; the rule of the claim allows for any dependence, the eye on the forest plot does not.
#
# ## Key takeaways
#
# - Phi asks "how far towards aged", which "different from control" does not answer.
# - Lineages are one composition, cells belong to mice, recipients belong to donors.
# - Without an aging effect in the same data there is nothing to resemble, and no phi is read.
# - Public blood data show how mice age; they do not test the knock-out.
#
# ## Further reading
#
# - What age does to HSCs, cell by cell: {cite:t}`dykstra2011`.
# - Homing and engraftment of old cells: {cite:t}`liang2005`.
# - Figures that show animals and cells together: {cite:t}`lord2020`.
# - Limiting dilution and its usual program: {cite:t}`hu2009`.

# %% tags=["plumbing"]
chapter.write()
