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
    describe,
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
# Deleting mTOR in endothelium alone, in young mice, gives {term}`HSPCs <HSPC>` attributes of an aged hematopoietic system {cite}`ramalingam2020`.
# We ask how far the knock-out moves each trait along the road from young (0) to old (1): {term}`phi` = (ECKO − control) / (aged − young).
# An endpoint counts when old mice differ from young ones in the declared direction **and** the 95 % interval of phi lies above 0.25; a difference between ECKO and control alone is too little, since a sick mouse differs too.
#
# Claim C3 needs three of four: lineage balance of the blood, number of {term}`HSCs <HSC>`, HSC {term}`polarity`, {term}`gamma-H2AX foci`; donor {term}`chimerism` in competition is a fifth where it was measured ({ref}`claim-rule`).
# The abstract names no attribute: these are our choice, from what others saw in aged mice.
# A 95 % interval of phi below 0, or a 90 % interval within −0.25 and 0.25, would contradict an endpoint; two of the four, or three of the five, would contradict the claim.

# %% [markdown] tags=["result:C3.premise"]
# ## Real mice: blood and age
#
# Does age do to blood what claim C3 counts as an attribute of age: more granulocytes **and** fewer T cells?
# Xie et al. measured the blood of male C57BL/6J mice in four cohorts {cite}`xie2022`; we take the young and the old without mutation or diet (3 against 26 months in one cohort; for the others the file gives no ages).

# %%
untreated = mice[(mice["arm"] == "untreated") & mice["group"].isin(["young", "aged"])]
ages = {"young": figures.colour("young"), "aged": figures.colour("aged")}
drawn = untreated[untreated["trait"].isin(["granulocytes", "T_cells", "white_cells", "hemoglobin"])]
np.random.seed(1)  # the jitter is the same in each build
with figures.house():
    figure = figures.page(3.8)
    panels = figure.subplots(2, 2, sharey=True).flat
    for axes, (trait, rows) in zip(panels, drawn.groupby("trait", sort=False), strict=True):
        points = {"hue": "group", "palette": ages, "dodge": True, "size": 3, "legend": trait == "granulocytes"}
        sns.stripplot(rows, x="relative", y="cohort", order=list(untreated["cohort"].unique()), ax=axes, **points)
        axes.axvline(0, **style.DOTTED)
        axes.set(title=endpoint_text(trait), ylabel="", xlabel="log odds" if "logit" in set(rows["scale"]) else "log₂")
    figures.legend_above(figure, figure.axes[0])
n_mice = drawn.groupby(["trait", "group"])["mouse"].size().groupby("group").agg(["min", "max"])
chapter.show(
    (figure, drawn),
    caption="Blood of untreated mice in four cohorts, every mouse a point, against the mean of the young of its cohort. "
    f"Unit: mouse; n over the cohorts: young {n_mice.at['young', 'min']} to {n_mice.at['young', 'max']}, "
    f"aged {n_mice.at['aged', 'min']} to {n_mice.at['aged', 'max']}.",
    alt="Strips of young and old mice in four cohorts: granulocytes, T cells, white cells, hemoglobin.",
    name="fig-cohorts",
    provenance=of_mice,
)

# %% [markdown]
# Over the cohorts **the cohort is the unit**: the mean of effects that may differ, with the interval of Hartung and Knapp; a fifth cohort may lie further off.
# Granulocytes and T cells are shares of one whole, hence not two independent findings; effects of these cohorts were known when the rule was written, so it is not blind.

# %%
of_cohorts, of_age = {}, {}
compared = {"value": "relative", "group": "group", "a": "aged", "b": "young", "unit": "mouse"}
for trait, rows in untreated.groupby("trait", sort=False):
    one = {cohort: difference(own, **compared) for cohort, own in rows.groupby("cohort", sort=False)}
    of_cohorts[trait], of_age[trait] = one, stats.random_effects(one)
    without = {k: stats.random_effects({name: one[name] for name in one if name != k}) for k in one}
    name = f"C3.premise.{trait}"
    chapter.record(name, of_age[trait], family="C3.premise", provenance=of_mice, left_out=without)
above = {endpoint_text(trait): of_age[trait] for trait in drawn["trait"].unique()}
forest = forest_rows(above)
each = [(endpoint_text(trait), one.estimate) for trait in of_age for one in of_cohorts[trait].values()]
dots = pd.DataFrame([one for one in each if one[0] in above], columns=["label", "value"])
xlabel = "old − young: log odds (shares of cells), log₂ (counts, hemoglobin)"
chapter.show(
    figures.forest(forest, dots=dots, xlabel=xlabel, references={0.0: "no change"}),
    caption="What age does to blood: mean over cohorts with its 95 % interval; each dot one cohort. Unit: cohort; "
    f"{n_text(above.values())}.",
    alt=alt_text("Effect of age on blood over cohorts", above),
    name="fig-premise",
    provenance=of_mice,
)

# %% tags=["folded"]
lines = []
for trait in ("granulocytes", "T_cells"):
    low, high = meta.prediction(of_cohorts[trait])
    lines.append(
        f"- {endpoint_text(trait)}: the true effect of one more cohort may lie from {number(low)} to {number(high)}"
    )
describe("\n".join(lines))
chapter.results("C3.premise", caption="Age and blood, over cohorts of individual C57BL/6J mice.")

# %% [markdown]
# How many mice would show it?
# A trait that age moves by one or two SDs of single mice is seen in a group of eight by chance as often as not, and a knock-out that goes half of the way far more seldom ({ref}`power`).

# %% tags=["folded"]
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
    caption="Spread between single mice within cohorts, and the mean effect of age; log₂, log odds, or isometric log-ratio "
    "(balances). Unit: mouse; n in the table.",
    provenance=of_mice,
)

# %% [markdown]
# ### Less mTOR in every cell
#
# One cohort has mutants, young and old.
# **That they are mTOR hypomorphs is inferred**, not stated in the file: from the order of the authors' code, and from small bodies, spleens and testes.
# They are no {term}`ECKO` mice, but put this chapter's question to real ones: does less mTOR, in every cell and from conception on, make young blood old?

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
    caption="How far less mTOR in every cell (inferred) moves young blood towards old, 95 % interval. "
    f"Old and young are not told apart in {', '.join(unbounded) or 'no trait'}. Unit: mouse; "
    f"{n_text(bounded.values())} (the mutants).",
    alt=alt_text("Phi of mTOR hypomorphs", shown),
    name="fig-hypomorph",
    provenance=of_mice,
)

# %% [markdown]
# The shares of monocytes and T cells lie on the side away from age; for granulocytes, hemoglobin and red cells nothing is settled.
# Published hypomorphs have *fewer* T cells: cells that find no room in a small spleen may stay in the blood, or these are other mutants.

# %% [markdown]
# ### Outbred mice
#
# **Context**: effects of age on the blood of Diversity Outbred mice {cite}`deighan_do`, and of females on five diets {cite}`deighan_diet`.
# For white cells, lymphocytes and their ratio to neutrophils the authors' p and their standard error disagree, so these rows settle nothing.

# %% tags=["folded"]
effects, provenance = do_blood.effects("age")
traits = {trait: do_blood.TRAITS[trait] for trait in ("n.neut", "n.lymph", "nlr", "wbc", "plt", "rbc", "hgb")}
of_outbred = {name: do_blood.estimate(effects, trait) for trait, name in traits.items()}
for name, one in of_outbred.items():
    chapter.record(f"C3.context.{name.replace(' ', '_')}", one, provenance=provenance)

slopes, of_slopes = public.table("do_slopes")
for row in slopes.itertuples(index=False):
    one = do_blood.estimate(slopes, row.trait)
    chapter.record(f"C3.context.slope.{row.name.replace(' ', '_')}", one, provenance=of_slopes)
forest = forest_rows(of_outbred)
forest["note"] = [" to ".join(number(one, 3) for one in (row.low, row.high)) for row in forest.itertuples()]
xlabel = "change per month, in SDs of the trait, 95 % interval"
chapter.show(
    figures.forest(forest, xlabel=xlabel, references={0.0: "no change"}),
    caption=f"Blood of DO mice of both sexes: effect of age. Unit: mouse; {n_text(of_outbred.values())}.",
    alt=alt_text("Change of blood traits per month of age in DO mice, in SDs", of_outbred),
    name="fig-do-mice",
    provenance=provenance,
)

# %% tags=["folded"]
shown = effects.set_index("trait").loc[list(traits), ["name", "effect", "ci_low", "ci_high", "p_authors"]]
shown.insert(4, "p of the interval", [one.p for one in of_outbred.values()])
names = {"effect": "change per month", "ci_low": "95 % from", "ci_high": "to", "p_authors": "authors' p"}
chapter.show_table(
    shown.rename(columns=names),
    caption="Blood of DO mice: published mixed-model effect of age, in each trait's own unit. Unit: mouse. Context.",
    provenance=provenance,
)
chapter.results("C3.context.slope", caption="Blood of DO females on five diets, slope over age. Context.")

# %% [markdown]
# ## The prediction, tested

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# Every assay ends in one value per mouse, from which come two differences, aged − young and ECKO − control (young mice stand in where there is no control), and their ratio phi with an interval by Fieller's method {cite}`fieller1954`.
# The rule that judges it was written before any data were read; without ECKO mice, what the claim takes for granted of age goes on record.
# Animals are compared within a batch and a sex where there are several; where one cannot be told from the group there is no verdict.

# %%
per_mouse = {"unit": "animal", "block": ["batch", "sex"]}
groups = ["young", "aged", "control", "ecko"]
drawing = {"value": "value", "group": "group", "animal": "animal", "endpoint": "endpoint", "order": groups}
palette = {figures.named(group): figures.colour(group) for group in groups}
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


# %% [markdown] tags=["result:C3.blood"]
# ## Blood
#
# Lineages add to a whole: when one rises the others must fall, even if no cell of theirs has changed.
# So they are compared as a {term}`composition <compositional data>` {cite}`buttner2021`, through one balance named beforehand, myeloid against B and T cells: the isometric log-ratio ({term}`ILR`) √(2/3) ln(myeloid / √(B · T)) {cite}`egozcue2003`.
# Counts are compared as logarithms, without a declared direction, in the latest week common to all animals.

# %% tags=["needs:ecko_blood"]
blood = chapter.table("ecko_blood")
blood["myeloid_balance"] = stats.lineage_balance(blood)
counts = [count for count in ("WBC", "platelets", "hemoglobin") if count in blood]
blood[counts] = np.log2(blood[counts])
endpoints = ["myeloid_balance", *counts]
about = [column for column in blood if column not in endpoints]
values = blood.melt(about, endpoints, var_name="endpoint").dropna(subset="value")
if "week" in values:
    weeks = {name: stats.latest_common(rows, "week", "animal").time for name, rows in values.groupby("endpoint")}
    latest = values["endpoint"].map(weeks)
    values = values[latest.isna() | (values["week"] == latest)]
three_steps(values, "C3.blood", **per_mouse)

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
    caption="Blood lineages of every animal, per cent, and the balance that is tested. "
    f"Unit: animal; {n_text(balance.values())}.",
    alt=alt_text("Stacked lineages per animal; balance of myeloid against lymphoid", by_contrast({"balance": balance})),
    name="fig-lineages",
)

# %% tags=["needs:ecko_blood", "needs:lineages", "folded"]
if not balance:
    raise NotTestable("These data hold no two groups whose lineages could be compared.")
three = {"parts": ["myeloid_pct", "b_pct", "t_pct"], "group": "group", **per_mouse}
each = {f"{figures.named(a)} − {b}": stats.part_contrasts(lineages, a=a, b=b, **three) for a, b in balance}
table = pd.concat(each, names=["contrast"]).reset_index("contrast").replace({"part": names})
heads = {"part": "lineage", "estimate": "difference", "ci_low": "95 % from", "ci_high": "to", "p_holm": "p (Holm)"}
chapter.show_table(
    table[["contrast", *heads]].rename(columns=heads),
    caption=f"Each lineage against the geometric mean of the three (centred log-ratio), difference of natural logarithms. Unit: animal; {n_text(balance.values())}. Descriptive.",
)

# %% [markdown]
# A balance does not say which lineage has more or fewer cells; white cells times share do.

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

# %% tags=["needs:ecko_blood", "needs:counts", "folded"]
if not counts:
    raise NotTestable("These data have no blood counts.")
units = {"WBC": "WBC, 10^3/uL", "platelets": "platelets, 10^3/uL", "hemoglobin": "hemoglobin, g/dL"}
found = {count: differences[f"C3.blood.{count}"] for count in counts}
compared = by_contrast(found)
chapter.show(
    figures.estimation_grid(values, **drawing, estimates=found, titles=units, scale="log2"),
    caption=f"Blood counts, every animal a point; ratios with 95 % intervals. Unit: animal; {n_text(compared.values())}.",
    alt=alt_text("Blood counts, differences of log2", compared),
    name="fig-counts",
)

# %% tags=["needs:ecko_blood", "folded"]
chapter.results("C3.blood", caption="Blood: phi of the lineage balance (ILR) and of log2 counts.")

# %% [markdown] tags=["result:C3.marrow"]
# ## Marrow
#
# Numbers of cells multiply, so they are compared as logarithms.
# Where a population comes in several units, the verdict rests on the absolute number, whatever the values say.
# HSCs and {term}`LSK` cells are drawn; the other populations stand in the table.

# %% tags=["needs:ecko_marrow"]
marrow = amounts.endpoints(chapter.table("ecko_marrow").dropna(subset="value"))
marrow["value"] = marrow["log2"]
stem_first = list(dict.fromkeys(["HSC", "LSK", *vocabulary().populations, *sorted(set(marrow["population"]))]))
marrow["place"] = marrow["population"].map(stem_first.index)
marrow = marrow.sort_values(["place", "endpoint"], kind="stable")
three_steps(marrow, "C3.marrow", **per_mouse)

# %% tags=["needs:ecko_marrow"]
first = marrow.drop_duplicates("endpoint").set_index("endpoint")
stem = first[first["population"].isin(["HSC", "LSK"])]
titles = (stem if len(stem) else first)["population"].map(endpoint_text) + ", " + first["unit"]
found = {endpoint: differences[f"C3.marrow.{endpoint}"] for endpoint in titles.dropna().index}
compared = by_contrast(found)
chapter.show(
    figures.estimation_grid(marrow, **drawing, estimates=found, titles=titles, scale="log2"),
    caption=f"HSCs and LSK, every animal a point; ratios with 95 % intervals. Unit: animal; {n_text(compared.values())}.",
    alt=alt_text("HSCs and LSK, differences of log2 amounts", compared),
    name="fig-stem",
)

# %% tags=["needs:ecko_marrow", "folded"]
chapter.results("C3.marrow", caption="Marrow: phi of the log2 amount of each population.")

# %% [markdown] tags=["result:C3.cells"]
# ## Single HSCs
#
# Cells of one mouse share its age, its marrow and its slide, so the mouse is the unit {cite}`aarts2014`, and its cells are added up first.
# Polarity is the empirical {term}`logit` of the polarised fraction, ln((k + ½) / (m − k + ½)) of k polarised among m cells; gamma-H2AX the logarithm of the mean number of foci + ½.

# %% tags=["needs:ecko_cells"]
cells = chapter.table("ecko_cells").dropna(subset="value")
if "population" in cells and "HSC" in set(cells["population"]):
    cells = cells[cells["population"].isin(["HSC", ""])].copy()  # a blank: the table is one of sorted HSCs
cells["batch"] = cells.groupby(["assay", "animal"])["batch"].transform(lambda days: "+".join(sorted(set(days))))
one_row = ["assay", "animal", "group", "batch"]
mice = cells.groupby(one_row, sort=False)["value"].agg(["sum", "count"]).reset_index()
mice["value"] = np.log(mice["sum"] / mice["count"] + 0.5)
polar = mice[mice["assay"] == "polarity"]
mice.loc[polar.index, "value"] = np.log((polar["sum"] + 0.5) / (polar["count"] - polar["sum"] + 0.5))
three_steps(mice.rename(columns={"assay": "endpoint"}), "C3.cells", unit="animal", block="batch")
blind = f"{cells['blinded'].eq(True).sum():,} of them" if "blinded" in cells else "not stated"
Markdown(f"{len(cells):,} readings of HSCs of {cells['animal'].nunique()} animals; read blind: {blind}.")

# %% [markdown]
# In a {term}`SuperPlot` cells are small and mice large {cite}`lord2020`; above each pair stands the p of its difference between mice, {term}`Holm's <Holm adjustment>` over the pairs shown.

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

# %% tags=["needs:ecko_cells", "folded"]
chapter.results("C3.cells", caption="Single HSCs, one value per mouse: phi per assay.")

# %% [markdown]
# **Cells as n: wrong on purpose.**
# A common mistake, shown so that it can be recognised: every cell counted as a mouse, in a test of the same plain means.

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
# The knock-out was made in the donor, so each donor gives one value: the frequency that fits its own recipients best under the single-hit model.
# Most reports say that whole marrow of old mice holds more repopulating cells, and that a sorted HSC of an old mouse is less often one: so the directions were declared.

# %% tags=["needs:ecko_limiting_dilution"]
dilution = chapter.table("ecko_limiting_dilution")
dilution["cell_type"] = dilution["cell_type"].replace("", "unstated") if "cell_type" in dilution else "unstated"
words = {"WBM": "whole marrow cells", "HSC": "sorted HSCs", "LSK": "LSK cells", "Lin-": "Lin- cells"}
words |= {"unstated": "cells of an unstated type"}
present = [name for name in words if name in set(dilution["cell_type"])]
parts = {name: stats.donor_log_frequency(dilution[dilution["cell_type"] == name]) for name in present}
donors = pd.concat(parts, names=["endpoint"]).reset_index("endpoint")
typical = donors.groupby("endpoint")["log_frequency"].transform("median")
donors["per"] = 10 ** np.ceil(-typical / np.log(10)).clip(lower=0)
donors["value"] = donors["log_frequency"] + np.log(donors["per"])
three_steps(donors, "C3.limiting_dilution", unit="donor")

# %% tags=["needs:ecko_limiting_dilution", "folded"]
per = donors.groupby("endpoint")["per"].first()
titles = {name: f"repopulating cells per {per[name]:,.0f} {words[name]}" for name in present}
found = {name: differences[f"C3.limiting_dilution.{name}"] for name in present}
compared = by_contrast(found)
extreme = ", ".join(donors.loc[donors["extreme"] != "", "donor"]) or "none"
chapter.show(
    figures.estimation_grid(donors, **drawing | {"animal": "donor"}, estimates=found, titles=titles, scale="ln"),
    caption="Repopulating cells, every donor a point; ratios with 95 % intervals. Donors with no or only positive "
    f"recipients: {extreme}. Unit: donor; {n_text(compared.values())}.",
    alt=alt_text("Repopulating frequency per donor, differences of logarithms", compared),
    name="fig-donors",
)

# %% tags=["needs:ecko_limiting_dilution", "folded"]
chapter.results("C3.limiting_dilution", caption="Limiting dilution, donors as n: phi per cell type.")

# %% [markdown]
# Under the single-hit model the logarithm of the share without a graft falls in a straight line with the dose {cite}`hu2009`; at 37 % (dotted) a recipient got one repopulating cell on average.
# Lines and bands come from {term}`ELDA`, a good description whose intervals and p values count recipients and leave out that donors differ.

# %% tags=["needs:ecko_limiting_dilution", "folded"]
pooled = {name: stats.elda(dilution[dilution["cell_type"] == name]) for name in present}
for place, (name, fits) in enumerate(pooled.items(), start=1):
    rows = dilution[dilution["cell_type"] == name]
    single_hit = {fit.group: (fit.frequency, fit.lower, fit.upper) for fit in fits.itertuples()}
    about = {"group": "group", "donor": "donor", "order": groups, "xlabel": f"{words[name]} injected"}
    chapter.show(
        figures.limiting_dilution(rows, **about, frequencies=single_hit),
        caption=f"Limiting dilution of {words[name]}: a point is a donor at one dose, a line the single-hit model over all "
        f"recipients of a group, 95 % band with recipients as n. Unit: donor; {units_text(rows, 'donor')}.",
        alt="Recipients without a graft against dose. Repopulating cells per million injected: "
        + "; ".join(f"{group} {1e6 * line[0]:,.0f}" for group, line in single_hit.items()),
        name=f"fig-dilution-{place}",
    )

# %% [markdown]
# If one cell suffices for a graft, the complementary log-log of the response has a slope of 1 on the logarithm of the dose.

# %% tags=["needs:ecko_limiting_dilution", "folded"]
lines = []
for name in present:
    fit = stats.single_hit_tests(dilution[dilution["cell_type"] == name]).set_index("test")
    slope = f"slope {number(fit.loc['wald', 'estimate'])}, likelihood ratio {p_text(fit.loc['lr', 'p'])}"
    lines.append(f"- {words[name]}: {fit.loc['lr', 'withheld'].rstrip('.') or slope}.")
describe("\n".join(lines))
table = pd.concat(pooled, names=["cells"]).reset_index("cells").replace({"cells": words, "group": {"ecko": "ECKO"}})
table[["one in", "95 % from", "to"]] = 1 / table[["frequency", "upper", "lower"]]
chapter.show_table(
    table[["cells", "group", "positive", "tested", "one in", "95 % from", "to"]].round(0),
    caption="ELDA: one repopulating cell in so many, with recipients as n. The unit of the verdict is the donor.",
)

# %% [markdown]
# **Recipients as n: wrong on purpose.**

# %% tags=["needs:ecko_limiting_dilution"]
lines = []
for name in present:
    own = dilution[dilution["cell_type"] == name]
    for (a, b), right in differences[f"C3.limiting_dilution.{name}"].items():
        if a == "ecko":
            two = own[own["group"].isin([a, b])]
            wrong = stats.elda_difference(two)["p"].iat[0]
            lines.append(
                f"- {words[name]}: **wrong**, {two['tested'].sum()} recipients as n give {p_text(wrong)}; **right**, "
                f"their {two['donor'].nunique()} donors give {p_text(right.p)}."
            )
Markdown("\n".join(lines) or "ECKO mice or their controls are not in these data.")

# %% [markdown] tags=["result:C3.competitive"]
# ## Competitive transplants
#
# Have the stem cells themselves aged, so that they keep it outside the niche that made them so?
# Marrow of each donor goes into irradiated wild-type hosts together with competitor marrow, and the share of blood that comes from the donor is read for months.
# Ten more hosts of one mouse are not ten more ECKO mice, so the **donor** is the unit {cite}`lazic2018`, and its hosts are averaged, chimerism as a {term}`logit`.
# The week is the latest that all hosts have in common; where an early death keeps that below 16 weeks, a later one that all donors have.

# %% tags=["needs:competitive_transplants"]
hosts = chapter.table("competitive_transplants").rename(columns={"donor_group": "group"})
if "tissue" in hosts:
    hosts = hosts[hosts["tissue"].isin(["PB", ""])].copy()
known = [column for column in ("batch", "sex") if column in hosts]
if "batch" in hosts:
    hosts["batch"] = hosts.groupby("donor")["batch"].transform(lambda days: "+".join(sorted(set(days))))
hosts["chimerism"] = stats.logit_percent(hosts["donor_chimerism_pct"])
hosts["myeloid_balance"] = stats.lineage_balance(hosts)

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
three_steps(grafts, "C3.competitive", unit="donor", block=known)

# %% [markdown]
# What age does to whole marrow in competition is not agreed on.
# Marrow of old C57BL/6 mice held twice as many repopulating units, which reached the host's marrow three times less often {cite}`liang2005`, and an old HSC makes fewer cells {cite}`dykstra2011`.
# **That less is the direction of age is our choice**; where old donors engraft better, no phi is read.

# %% tags=["needs:competitive_transplants", "needs:grafts", "needs:chimerism"]
rows = grafts[grafts["endpoint"] == "chimerism"]
if rows.empty:
    raise NotTestable("These data hold no donor chimerism in blood.")
found = {"chimerism": differences["C3.competitive.chimerism"]}
compared, titles = by_contrast(found), {"chimerism": f"week {rows['week'].iat[0]:g}: donor chimerism, %"}
chapter.show(
    figures.estimation_grid(rows, **drawing | {"animal": "donor"}, estimates=found, titles=titles, scale="logit"),
    caption="Donor chimerism in competition: every donor a point, the mean of its hosts; contrasts with 95 % intervals. "
    f"Unit: donor; {n_text(compared.values())}.",
    alt=alt_text("Chimerism of donor marrow in competition, per donor", compared),
    name="fig-competitive-chimerism",
)

# %% tags=["needs:competitive_transplants", "needs:grafts", "folded"]
chapter.results("C3.competitive", caption="Competitive transplants, donors as n: phi per read-out.")

# %% [markdown]
# Chimerism is read in hosts that live: where poor grafts kill, donors look better than they were.
# Donor marrow carries whatever Cre has done to blood cells themselves, which the verification below has to rule out.

# %% [markdown]
# ## How far from young to aged
#
# The endpoints of the claim on one scale; chapter {doc}`06 <06_synthesis>` draws all others beside them.
# Where no aging effect is seen phi is a ratio to nothing: its interval is drawn, its estimate is not.

# %% tags=["needs:phi"]
claimed = {name: one for name, one in phis.items() if chapter.rule(name).role == "primary"}
if not claimed:
    raise NotTestable("Phi needs ECKO, young and old mice of the same endpoint, and these data hold none of the claim.")
forest = forest_rows({endpoint_text(name.removeprefix("C3.")).replace(".", ", "): one for name, one in claimed.items()})
unread = {"withheld": "no verdict", "no aging effect": "no aging effect seen"}
forest["note"] = [unread.get(chapter.records[name].reason, "") for name in claimed]
forest.loc[forest["note"] != "", "estimate"] = np.nan
printed = zip(forest["label"], forest["note"], claimed.values(), strict=True)
about = {"xlabel": "phi: share of the way from young to aged, 95 % set", "references": {0.0: "young", 1.0: "aged"}}
chapter.show(
    figures.forest(forest, smallest=chapter.rule("C3.blood.myeloid_balance").smallest, **about),
    caption="How far ECKO went from young (0) to aged (1); dotted: the smallest phi of interest. "
    f"Unit: animal, in transplants the donor; {n_text(claimed.values())}.",
    alt=alt_text("Forest plot of phi", {label: one for label, note, one in printed if not note}),
    name="fig-phi",
)

# %% [markdown]
# ### Caveats

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
# An inflamed mouse has more HSCs in the gate, more gamma-H2AX, less hemoglobin and more myeloid cells, as an old one has: phi cannot tell the two apart, the inflammation score of HSPCs can (chapter {doc}`04 <04_transcriptome_resemblance>`).
# Where its interval lies above 0, or it was not measured, the verdict carries the caution *inflammation not excluded*.

# %%
of_illness = analyses.answers(chapter.dataset.tables, {"C4.transcriptome.inflammation"})
lines = [f"Beyond what age does, ECKO raises it by {result_text(one.estimate)}." for one in of_illness.values()]
Markdown("\n".join(lines) or "Inflammation was **not measured** in these data, and so is not excluded.")

# %% [markdown]
# ## Was the knock-out where it should be?
#
# A phenotype speaks for the endothelium only if mTOR is gone there, present in blood-forming and stromal cells, and the vessels neither die nor leak.
# These numbers enter no verdict.

# %% tags=["needs:ecko_verification"]
knockout = chapter.table("ecko_verification")
wanted = ("recombined_allele_pct", "Mtor_mRNA", "mTOR_protein", "pS6", "vessel_density", "leakage", "apoptosis_pct")
measures = [measure for measure in wanted if measure in set(knockout["measure"])]
in_words = knockout.assign(mice=knockout["group"].map(figures.named), cells=knockout["cell_type"].map(endpoint_text))
strips = {"x": "cells", "y": "value", "hue": "mice", "palette": palette, "dodge": True, "jitter": False, "size": 4}
with figures.house():
    figure = figures.page(1.4 * -(-len(measures) // 2) + 0.4)
    panels = figure.subplots(-(-len(measures) // 2), 2, squeeze=False).flat
    for measure, axes in zip(measures, panels, strict=False):
        rows = in_words[in_words["measure"] == measure]
        order = [cell for cell in ("BMEC", "other EC", "stroma", "HSPC") if cell in set(rows["cells"])]
        sns.stripplot(rows, **strips, order=order, ax=axes, legend=measure == measures[0])
        floor, name = -0.05 * rows["value"].max(), endpoint_text(measure.removesuffix("_pct"))
        axes.set(title=name, xlabel="", ylabel=rows["unit"].iat[0], ylim=(floor, None))
    for axes in panels:
        axes.set_axis_off()
    figures.legend_above(figure, figure.axes[0])

# %% tags=["needs:ecko_verification", "needs:ratios"]
ratios = {}
compared = knockout[knockout["measure"] != "recombined_allele_pct"]  # controls have none, so no ratio
for (measure, cell), rows in compared.groupby(["measure", "cell_type"]):
    odds = stats.logit_percent(rows["value"]) if measure.endswith("_pct") else np.log(rows["value"])
    for a, b in [pair for pair in pairs(rows["group"]) if pair[0] == "ecko"]:
        one = difference(rows.assign(odds=odds), value="odds", group="group", a=a, b=b, unit="animal")
        ratios[endpoint_text(measure.removesuffix("_pct")), endpoint_text(cell)] = np.exp(
            [one.estimate, one.ci_low, one.ci_high]
        )
if not ratios:
    raise NotTestable("These data hold no ECKO mice beside controls.")
table = pd.DataFrame(ratios, index=["ratio", "95 % from", "to"]).T.rename_axis(["measure", "cells"]).reset_index()
inside = table[table["cells"] == "BMEC"].itertuples(index=False, name=None)
told = [f"{measure} {number(ratio)} ({number(low)} to {number(high)})" for measure, _, ratio, low, high in inside]
describe(f"BMECs, ECKO / control: {'; '.join(told) or 'not measured'}.")

# %% tags=["needs:ecko_verification", "needs:ratios", "folded"]
caption = f"ECKO / control; of a share, the ratio of odds. Unit: animal; {units_text(knockout)}. Descriptive."
chapter.show_table(table, caption=caption)

# %% tags=["needs:ecko_verification", "folded"]
chapter.show(
    (figure, knockout),
    caption="mTOR in ECKO mice and their controls, cell by cell type, and the state of the vessels: every animal a point. "
    f"Unit: animal; {units_text(knockout)}.",
    alt=f"{', '.join(map(endpoint_text, measures))} per animal and cell type, ECKO mice beside controls.",
    name="fig-knock-out",
)

# %% [markdown]
# ## Survival
#
# Death before a read-out takes animals out of the tables above, perhaps not at random; died and euthanised animals count.
# The log-rank test compares whole curves within one challenge, and within sexes and batches where these vary within a group; p is not adjusted.

# %% tags=["needs:survival", "needs:survival_of_ecko", "folded"]
survival = chapter.table("survival").query("experiment == 'ecko'").copy()
if survival.empty:
    raise NotTestable("The survival table of these data has no ECKO experiment.")
challenge = survival["challenge"].replace("", "none") if "challenge" in survival else "none"
survival["panel"] = "challenge: " + challenge
chapter.show_survival(survival, of="the ECKO experiment")

# %% tags=["needs:survival", "needs:survival_of_ecko"]
chapter.log_ranks(survival)

# %% [markdown]
# ## How robust is it?
#
# One mouse or donor less, no batch, another threshold, or phi with one variance for all groups ({ref}`how-robust`):

# %%
found = chapter.robustness()

# %% tags=["folded"]
chapter.show_robustness(found)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C3")

# %% [markdown]
# ## What could be wrong
#
# - A knock-out can make mice ill, and illness looks like age (page {ref}`world-grid`).
# - The knock-out takes nearly all mTOR, aging a part of it; and it takes mTORC1 and mTORC2 together ({ref}`against-c6`).
# - Recombination outside the endothelium would make the phenotype somebody else's.
# - If aged and young mice were bred, housed or sorted elsewhere than ECKO and control, their difference holds more than age.
# - A larger pool of phenotypic HSCs is not more function: markers shift with age {cite}`dykstra2011`.
# - A few donors in each group are few, however many recipients there are.
# - Endpoints of the same animals are correlated; the rule allows for that, the eye does not.
#
# ## Key takeaways
#
# - Phi asks "how far towards aged", which "different from control" does not answer.
# - Without an aging effect in the same data there is nothing to resemble, and no phi is read.
# - Public blood data show how mice age; they do not test the knock-out.
#
# ## Further reading
#
# - What age does to HSCs, cell by cell: {cite:t}`dykstra2011`.

# %% tags=["plumbing"]
chapter.write()
