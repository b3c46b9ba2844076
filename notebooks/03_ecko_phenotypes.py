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
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from endomtor import figures
from endomtor.chapter import open_chapter
from endomtor.contract import vocabulary
from endomtor.errors import NotTestable
from endomtor.public import blood as do_blood
from endomtor.reporting import alt_text, by_contrast, endpoint_text, n_text, number, p_text
from endomtor.stats import (
    allows_phi,
    amounts,
    difference,
    donor_log_frequency,
    elda,
    elda_difference,
    holm,
    latest_common,
    lineage_balance,
    pairs,
    part_contrasts,
    phi,
    single_hit_tests,
)

# %% tags=["plumbing"]
chapter = open_chapter("03_ecko_phenotypes", data_dir, world, seed)

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
# Claim C3 needs three of five primary endpoints: lineage balance of the blood, number of {term}`HSCs <HSC>`, HSC {term}`polarity`, {term}`gamma-H2AX foci`, and repopulating cells in whole marrow.
# A 95 % interval of phi that lies below 0, or a 90 % interval that fits between −0.25 and 0.25, would contradict an endpoint; three of the five would contradict the claim.
#
# **Which data this page used.**

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ### Three steps for every endpoint
#
# Blood, marrow, single cells and limiting dilution each end in one value per mouse, and then the same three steps follow.
#
# 1. Two differences on the scale of analysis: aged − young, and ECKO − control, for which young mice stand in where there is no control.
# 2. Phi, their ratio. Its interval is found by Fieller's method {cite}`fieller1954`: all values of phi that a test of (ECKO − control) − phi · (aged − young) = 0 does not reject.
# 3. The record: phi goes to the ledger under the name of its endpoint.
#
# Animals are compared within a batch where there are several.
# The rule of each endpoint, its direction and smallest phi of interest, was written down before any data were read: `chapter.rule` looks it up.

# %%
groups = ["young", "aged", "control", "ecko"]
differences, phis = {}, {}  # of every endpoint on this page, by its name in the ledger

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
blood["myeloid_balance"] = lineage_balance(blood)
counts = [count for count in ("WBC", "platelets", "hemoglobin") if count in blood]
blood[counts] = np.log2(blood[counts])

# %% [markdown]
# Where an animal was bled more than once, the latest week common to all animals gives its one value.

# %% tags=["needs:ecko_blood"]
endpoints = ["myeloid_balance", *counts]
about = [column for column in blood if column not in endpoints]
values = blood.melt(about, endpoints, var_name="endpoint").dropna(subset="value")
if "week" in values:
    weeks = {name: latest_common(rows, "week", "animal").time for name, rows in values.groupby("endpoint")}
    latest = values["endpoint"].map(weeks)
    values = values[latest.isna() | (values["week"] == latest)]
by = [column for column in ("endpoint", "week", "group") if column in values]
values.groupby(by, dropna=False)["animal"].nunique().unstack()

# %% [markdown] tags=["result:C3.blood"]
# ### Lineages
#
# The three steps, for the balance and each count:

# %% tags=["needs:ecko_blood"]
columns = {"value": "value", "group": "group", "unit": "animal", "block": "batch"}
for endpoint, rows in values.groupby("endpoint", sort=False):
    name = f"C3.blood.{endpoint}"
    compared = pairs(rows["group"])
    differences[name] = {(a, b): difference(rows, a=a, b=b, check=("sex",), **columns) for a, b in compared}
    if allows_phi(rows["group"]):
        rule = chapter.rule(name)
        phis[name] = phi(rows, direction=rule.direction, smallest=rule.smallest, **columns)
        chapter.record(name, phis[name], family="C3.blood")

# %% [markdown]
# Every animal's lineages, and below them the balance that is tested:

# %% tags=["needs:ecko_blood"]
lineages = values[values["endpoint"] == "myeloid_balance"].fillna({"nk_pct": 0.0, "other_pct": 0.0})
names = {"myeloid_pct": "myeloid", "b_pct": "B", "t_pct": "T", "nk_pct": "NK", "other_pct": "other"}
balance = differences["C3.blood.myeloid_balance"]
drawn = figures.composition(
    lineages,
    parts={column: words for column, words in names.items() if column in lineages},
    animal="animal",
    group="group",
    order=groups,
    balance="value",
    balance_label="balance of myeloid against B and T (ILR)",
    estimates=balance,
)

# %% tags=["needs:ecko_blood"]
chapter.show(
    drawn,
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
parts = {"parts": ["myeloid_pct", "b_pct", "t_pct"], "group": "group", "unit": "animal", "block": "batch"}
each = {f"{figures.named(a)} − {b}": part_contrasts(lineages, a=a, b=b, **parts) for a, b in balance}
each = pd.concat(each, names=["contrast"]).reset_index("contrast").replace({"part": names})
each = each[["contrast", "part", "estimate", "ci_low", "ci_high", "p_holm"]]
chapter.show_table(
    each.rename(columns={"part": "lineage", "ci_low": "95 % from", "ci_high": "to", "p_holm": "p (Holm)"}),
    caption=f"Each lineage, difference of natural logarithms. Unit: animal; {n_text(balance.values())}. Descriptive.",
)

# %% [markdown]
# ### Counts

# %% tags=["needs:ecko_blood", "needs:counts"]
if not counts:
    raise NotTestable("These data have no blood counts.")
units = {"WBC": "10^3/uL", "platelets": "10^3/uL", "hemoglobin": "g/dL"}
found = {count: differences[f"C3.blood.{count}"] for count in counts}
drawn = figures.estimation_grid(
    values,
    value="value",
    group="group",
    animal="animal",
    endpoint="endpoint",
    order=groups,
    estimates=found,
    titles={count: f"{count}, {units[count]}" for count in counts},
    scale="log2",
)

# %% tags=["needs:ecko_blood", "needs:counts"]
chapter.show(
    drawn,
    caption="Blood counts, every animal a point; ratios with 95 % intervals. "
    f"Unit: animal; {n_text(one for each in found.values() for one in each.values())}.",
    alt=alt_text("Blood counts, differences of log2", by_contrast(found)),
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
stem_first = ["HSC", "LSK", "MPP1", "MPP2", "MPP3", "MPP4", *vocabulary().populations]
order = list(dict.fromkeys([*stem_first, *sorted(set(marrow["population"]))]))
marrow["place"] = marrow["population"].map(order.index)
marrow = marrow.sort_values(["place", "endpoint"], kind="stable")
marrow.groupby(["endpoint", "unit", "group"], sort=False)["animal"].nunique().unstack()

# %% tags=["needs:ecko_marrow"]
columns = {"value": "log2", "group": "group", "unit": "animal", "block": "batch"}
found = {}
for endpoint, rows in marrow.groupby("endpoint", sort=False):
    name = f"C3.marrow.{endpoint}"
    compared = pairs(rows["group"])
    found[endpoint] = {(a, b): difference(rows, a=a, b=b, check=("sex",), **columns) for a, b in compared}
    differences[name] = found[endpoint]
    if allows_phi(rows["group"]):
        rule = chapter.rule(name)
        phis[name] = phi(rows, direction=rule.direction, smallest=rule.smallest, **columns)
        chapter.record(name, phis[name], family="C3.marrow")

# %% [markdown]
# Every animal and both differences, which are ratios on this axis:

# %% tags=["needs:ecko_marrow"]
titles = marrow.drop_duplicates("endpoint").set_index("endpoint")
titles = titles["population"].map(endpoint_text) + ", " + titles["unit"]
drawn = figures.estimation_grid(
    marrow,
    value="log2",
    group="group",
    animal="animal",
    endpoint="endpoint",
    order=groups,
    estimates=found,
    titles=titles.to_dict(),
    scale="log2",
)

# %% tags=["needs:ecko_marrow"]
chapter.show(
    drawn,
    caption="Marrow, stem cells first, every animal a point; ratios with 95 % intervals. "
    f"Unit: animal; {n_text(one for each in found.values() for one in each.values())}.",
    alt=alt_text("Marrow populations, differences of log2 amounts", by_contrast(found)),
    name="fig-stem",
)

# %% tags=["needs:ecko_marrow"]
chapter.results("C3.marrow", caption="Marrow: phi of the log2 amount of each population.")

# %% [markdown]
# ## Single HSCs
#
# Cells of one mouse share its age, its marrow and its slide, so the mouse is the unit {cite}`aarts2014`.

# %% tags=["needs:ecko_cells"]
cells = chapter.table("ecko_cells").dropna(subset="value")
if "population" in cells and "HSC" in set(cells["population"]):
    cells = cells[cells["population"].isin(["HSC", ""])]  # the table is one of sorted HSCs: blank counts as HSC
cells.head()

# %% tags=["needs:ecko_cells"]
left_out = chapter.table("ecko_cells")["value"].notna().sum() - len(cells)
blind = f"{cells['blinded'].eq(True).sum():,} of them" if "blinded" in cells else "not stated"
Markdown(
    f"{len(cells):,} readings of {cells['animal'].nunique()} animals; read blind: {blind}. "
    + (f"{left_out:,} cells of other populations are left out." if left_out else "")
)

# %% [markdown]
# ### From cells to mice
#
# The cells of a mouse are added up first.
# Its polarity is then the empirical {term}`logit` of the polarised fraction, ln((k + ½) / (m − k + ½)) of k polarised among m cells; its gamma-H2AX is the logarithm of the mean number of foci + ½.
# The halves keep a mouse without any polarised cell, or without any focus, in the analysis.

# %% tags=["needs:ecko_cells"]
cells["batch"] = cells.groupby(["assay", "animal"])["batch"].transform(lambda days: "+".join(sorted(set(days))))
mice = cells.groupby(["assay", "animal", "group", "batch"])["value"].agg(["sum", "count"]).reset_index()
logit = np.log((mice["sum"] + 0.5) / (mice["count"] - mice["sum"] + 0.5))
log_mean = np.log(mice["sum"] / mice["count"] + 0.5)
mice["value"] = logit.where(mice["assay"] == "polarity", log_mean)
mice.head()

# %% tags=["needs:ecko_cells"]
columns = {"value": "value", "group": "group", "unit": "animal", "block": "batch"}
found = {}
for assay, rows in mice.groupby("assay", sort=False):
    name = f"C3.cells.{assay}"
    found[assay] = {(a, b): difference(rows, a=a, b=b, **columns) for a, b in pairs(rows["group"])}
    differences[name] = found[assay]
    if allows_phi(rows["group"]):
        rule = chapter.rule(name)
        phis[name] = phi(rows, direction=rule.direction, smallest=rule.smallest, **columns)
        chapter.record(name, phis[name], family="C3.cells")

# %% [markdown]
# The two differences of each assay, between mice.
# The last column holds {term}`Holm's p <Holm adjustment>` over the two; the figures below print it.

# %% tags=["needs:ecko_cells"]
tests = pd.DataFrame(
    [
        (assay, *pair, one.estimate, one.ci_low, one.ci_high, one.p)
        for assay in found
        for pair, one in found[assay].items()
    ],
    columns=["assay", "group", "against", "difference", "95 % from", "to", "p"],
)
tested = tests["p"].notna()
tests.loc[tested, "p (Holm)"] = tests[tested].groupby("assay")["p"].transform(holm)
tests.round(4)

# %% [markdown] tags=["result:C3.cells.polarity"]
# ### Polarity
#
# A {term}`SuperPlot` shows cells small and mice large {cite}`lord2020`.

# %% tags=["needs:ecko_cells", "needs:polarity"]
assay = "polarity"
if assay not in found:
    raise NotTestable("These data hold no readings of polarity.")
own = tests[tested & (tests["assay"] == assay)]
drawn = figures.superplot(
    cells[cells["assay"] == assay],
    value="value",
    animal="animal",
    group="group",
    order=[group for group in groups if group in set(mice.loc[mice["assay"] == assay, "group"])],
    ylabel="polarised (1) or not (0)",
    pvalues=dict(zip(zip(own["group"], own["against"], strict=True), own["p (Holm)"], strict=True)),
)
chapter.show(
    drawn,
    caption="Polarity of HSCs: small points are cells, large ones mice (the fraction of their cells). "
    f"Unit: animal; {n_text(found[assay].values())}. p compares mice, Holm over the contrasts shown.",
    alt=alt_text("Polarity per cell and mouse; differences of logits", by_contrast({assay: found[assay]})),
    name="fig-superplot-polarity",
)

# %% [markdown] tags=["result:C3.cells.gH2AX_foci"]
# ### Gamma-H2AX
#
# Foci of gamma-H2AX mark breaks of DNA; more of them are expected in old HSCs.

# %% tags=["needs:ecko_cells", "needs:foci"]
assay = "gH2AX_foci"
if assay not in found:
    raise NotTestable("These data hold no counts of gamma-H2AX foci.")
own = tests[tested & (tests["assay"] == assay)]
drawn = figures.superplot(
    cells[cells["assay"] == assay],
    value="value",
    animal="animal",
    group="group",
    order=[group for group in groups if group in set(mice.loc[mice["assay"] == assay, "group"])],
    ylabel="gamma-H2AX foci",
    pvalues=dict(zip(zip(own["group"], own["against"], strict=True), own["p (Holm)"], strict=True)),
)
chapter.show(
    drawn,
    caption="Gamma-H2AX foci in HSCs: small points are cells, large ones mice (the mean of their cells). "
    f"Unit: animal; {n_text(found[assay].values())}. p compares mice, Holm over the contrasts shown.",
    alt=alt_text("Foci per cell and mouse; differences of logarithms", by_contrast({assay: found[assay]})),
    name="fig-superplot-gH2AX_foci",
)

# %% tags=["needs:ecko_cells"]
chapter.results("C3.cells", caption="Single HSCs, one value per mouse: phi per assay.")

# %% [markdown]
# ### Wrong on purpose: cells as n
#
# A common mistake, shown so that it can be recognised: every cell counted as a mouse.
# Both tests below take plain means of the same readings; only the unit differs.

# %% tags=["needs:ecko_cells", "needs:ecko_cells_compared"]
plain = {"value": "value", "group": "group"}
rows = []
for assay, every in cells.assign(cell=cells["animal"] + " " + cells["cell"]).groupby("assay", sort=False):
    means = every.groupby(["animal", "group"], as_index=False)["value"].mean()
    for a, b in [pair for pair in pairs(every["group"]) if pair[0] == "ecko"]:
        right = difference(means, a=a, b=b, unit="animal", **plain)
        wrong = difference(every, a=a, b=b, unit="cell", **plain)
        rows.append(
            f"- {endpoint_text(assay)}: **wrong**, {sum(wrong.n.values()):,} cells as n give {p_text(wrong.p)}; "
            f"**right**, their {sum(right.n.values())} mice give {p_text(right.p)}."
        )
Markdown("\n".join(rows) or "ECKO mice or their controls are not in these data.")

# %% [markdown] tags=["result:C3.limiting_dilution"]
# ## Limiting dilution
#
# Marrow of a donor is diluted over many recipients, and the share of recipients without a graft tells how rare repopulating cells are.

# %% tags=["needs:ecko_limiting_dilution"]
dilution = chapter.table("ecko_limiting_dilution")
dilution["cell_type"] = dilution["cell_type"].replace("", "unstated") if "cell_type" in dilution else "unstated"
dilution.head()

# %% [markdown]
# ### Donors as n
#
# The knock-out was made in the donor, so each donor gives one value: the logarithm of the frequency that fits its own recipients best under the single-hit model.
# Frequencies are printed per a power of ten of cells, which makes them readable and moves no difference.

# %% tags=["needs:ecko_limiting_dilution"]
words = {"WBM": "whole marrow cells", "HSC": "sorted HSCs", "LSK": "LSK cells", "Lin-": "Lin- cells"}
words |= {"unstated": "cells of an unstated type"}
present = [name for name in words if name in set(dilution["cell_type"])]
donors = pd.concat(
    donor_log_frequency(dilution[dilution["cell_type"] == name]).assign(cell_type=name) for name in present
)
typical = donors.groupby("cell_type")["log_frequency"].transform("median")
donors["per"] = 10 ** np.ceil(-typical / np.log(10)).clip(lower=0)
donors["value"] = donors["log_frequency"] + np.log(donors["per"])
donors.head()

# %% [markdown]
# What age does to the frequency depends on the cells injected.
# Most reports say that whole marrow of old mice holds more repopulating cells, and that a sorted HSC of an old mouse is less often one.
# For these two the direction was declared accordingly; for other cells an aging effect in either direction counts.

# %% tags=["needs:ecko_limiting_dilution"]
columns = {"value": "value", "group": "group", "unit": "donor"}
found = {}
for cell_type, rows in donors.groupby("cell_type", sort=False):
    name = f"C3.limiting_dilution.{cell_type}"
    found[cell_type] = {(a, b): difference(rows, a=a, b=b, **columns) for a, b in pairs(rows["group"])}
    differences[name] = found[cell_type]
    if allows_phi(rows["group"]):
        rule = chapter.rule(name)
        phis[name] = phi(rows, direction=rule.direction, smallest=rule.smallest, **columns)
        chapter.record(name, phis[name], family="C3.limiting_dilution")

# %% tags=["needs:ecko_limiting_dilution"]
per = donors.groupby("cell_type")["per"].first()
drawn = figures.estimation_grid(
    donors,
    value="value",
    group="group",
    animal="donor",
    endpoint="cell_type",
    order=groups,
    estimates=found,
    titles={name: f"repopulating cells per {per[name]:,.0f} {words[name]}" for name in present},
    scale="ln",
)

# %% tags=["needs:ecko_limiting_dilution"]
extreme = donors.loc[donors["extreme"] != "", "donor"].tolist()
chapter.show(
    drawn,
    caption="Repopulating cells, every donor a point; ratios with 95 % intervals. "
    f"Unit: donor; {n_text(one for each in found.values() for one in each.values())}."
    + (f" With no or only positive recipients, so that doses set the value: {', '.join(extreme)}." if extreme else ""),
    alt=alt_text("Repopulating frequency per donor, differences of logarithms", by_contrast(found)),
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
pooled = {}
for place, (cell_type, rows) in enumerate(dilution.groupby("cell_type"), start=1):
    fits = pooled[cell_type] = elda(rows).set_index("group")
    drawn = figures.limiting_dilution(
        rows,
        group="group",
        donor="donor",
        order=groups,
        frequencies={group: (fit.frequency, fit.lower, fit.upper) for group, fit in fits.iterrows()},
        xlabel=f"{words[cell_type]} injected",
    )
    n = ", ".join(
        f"{figures.named(group)} {donors}" for group, donors in rows.groupby("group")["donor"].nunique().items()
    )
    chapter.show(
        drawn,
        caption=f"Limiting dilution of {words[cell_type]}: a point is a donor at one dose, a line the single-hit model "
        f"over all recipients of a group with its 95 % band (recipients as n). Unit: donor; n: {n}.",
        alt="Recipients without a graft against dose. Repopulating cells per million injected: "
        + ", ".join(f"{group} {number(1e6 * fit.frequency, 0)}" for group, fit in fits.iterrows())
        + ".",
        name=f"fig-dilution-{place}",
    )

# %% [markdown]
# Does one cell suffice for a graft?
# Then the slope of the complementary log-log of the response on the logarithm of the dose is 1.

# %% tags=["needs:ecko_limiting_dilution"]
lines = []
for cell_type, rows in dilution.groupby("cell_type"):
    fit = single_hit_tests(rows).set_index("test")
    slope = f"slope {number(fit.loc['wald', 'estimate'])}, likelihood ratio {p_text(fit.loc['lr', 'p'])}"
    lines.append(f"- {words[cell_type]}: {fit.loc['lr', 'withheld'] or slope}.")
Markdown("\n".join(lines))

# %% [markdown]
# ### Wrong on purpose: recipients as n
#
# ELDA's frequencies are good descriptions {cite}`hu2009`.
# Its intervals and p values count recipients, and so leave out that donors differ.

# %% tags=["needs:ecko_limiting_dilution"]
table = pd.concat(pooled, names=["cell_type"]).reset_index()
table["positive"] = table["positive"].astype(str) + " of " + table["tested"].astype(str)
for column in ("frequency", "lower", "upper"):
    table[column] = [f"1 in {1 / rate:,.0f}" if rate > 0 else "none seen" for rate in table[column]]
table["died before"] = table.merge(
    dilution.assign(died=dilution.get("died_before_readout", 0))
    .groupby(["cell_type", "group"], as_index=False)["died"]
    .sum()
)["died"]
chapter.show_table(
    table.drop(columns=["tested", "unit"]).replace({"cell_type": words, "group": {"ecko": "ECKO"}}),
    caption="ELDA: frequency of repopulating cells and its 95 % limits. Unit: recipient; the verdict's is the donor.",
)

# %% tags=["needs:ecko_limiting_dilution"]
lines = []
for cell_type, rows in dilution.groupby("cell_type"):
    p = {frozenset((row.a, row.b)): row.p for row in elda_difference(rows).itertuples()}
    recipients = rows.groupby("group")["tested"].sum()
    lines += [
        f"- {words[cell_type]}, {figures.named(a)} against {b}: **wrong**, {recipients[a] + recipients[b]} recipients as "
        f"n give {p_text(p[frozenset((a, b))])}; **right**, {sum(one.n.values())} donors give {p_text(one.p)}."
        for (a, b), one in found[cell_type].items()
    ]
Markdown("\n".join(lines))

# %% [markdown]
# ## How far from young to aged
#
# Every endpoint of this page on the one scale, primary ones first.
# A filled arrowhead means that an interval has no end on that side, an open one that it ends beyond the axis: where young and old mice do not differ, no phi can be told from any other.

# %% tags=["needs:phi"]
if not phis:
    raise NotTestable("Phi needs ECKO, young and old mice of the same endpoint, and these data hold none.")
forest = pd.DataFrame(
    {
        "label": [endpoint_text(name.removeprefix("C3.")).replace(".", ", ") for name in phis],
        "estimate": [one.estimate for one in phis.values()],
        "low": [one.ci_low for one in phis.values()],
        "high": [one.ci_high for one in phis.values()],
        "interval_kind": [one.interval_kind for one in phis.values()],
        "reason": [chapter.records[name].reason for name in phis],
        "role": [chapter.rule(name).role for name in phis],
    }
).sort_values("role", ascending=False, kind="stable")

# %% [markdown]
# Where no aging effect is seen phi is a ratio to nothing: its interval is drawn, its estimate is not.

# %% tags=["needs:phi"]
unread = {"withheld": "no verdict", "no aging effect": "no aging effect seen"}
forest["note"] = forest["reason"].map(unread)
forest.loc[forest["note"].notna(), "estimate"] = np.nan
forest["note"] = forest["note"].where(forest["note"].notna(), None)
forest.loc[forest["role"] == "primary", "label"] += " (primary)"
smallest = chapter.rule("C3.blood.myeloid_balance").smallest
xlabel = "phi: share of the way from young to aged, 95 % set"
drawn = figures.forest(forest, xlabel=xlabel, references={0.0: "young", 1.0: "aged"}, smallest=smallest)

# %% tags=["needs:phi"]
read = {name: one for name, one in phis.items() if chapter.records[name].reason not in unread}
chapter.show(
    drawn,
    caption="How far ECKO went from young (0) to aged (1), by endpoint; dotted: the smallest phi of interest. "
    f"Unit: animal, in limiting dilution the donor; {n_text(phis.values())}. "
    f"In {len(phis) - len(read)} of {len(phis)} endpoints no phi can be read.",
    alt=alt_text("Forest plot of phi", {endpoint_text(name): one for name, one in read.items()}),
    name="fig-phi",
)

# %% [markdown]
# ### What to know beside the numbers

# %%
remarks = {}
for name in differences:
    tests = [*differences[name].values(), *([phis[name]] if name in phis else [])]
    texts = {text for one in tests for text in (*one.warnings, one.withheld) if text}
    texts |= set() if name in phis else {"No aging reference in these data, or no ECKO: there is no phi."}
    for text in sorted(texts):
        remarks.setdefault(text, []).append(endpoint_text(name.split(".", 2)[2]))
Markdown("\n".join(f"- {text} ({', '.join(names)})" for text, names in remarks.items()) or "There are no remarks.")

# %% [markdown]
# ## Was the knock-out where it should be?
#
# A phenotype speaks for the endothelium only if mTOR is gone there and still present in blood-forming and stromal cells.
# These numbers are descriptive and enter no verdict.

# %% tags=["needs:ecko_verification"]
knockout = chapter.table("ecko_verification")
knockout.head()

# %% tags=["needs:ecko_verification"]
measures = [
    name for name in ("recombined_allele_pct", "Mtor_mRNA", "mTOR_protein", "pS6") if name in set(knockout["measure"])
]
order = [name for name in ("BMEC", "other_EC", "stroma", "HSPC") if name in set(knockout["cell_type"])]
hue = {"hue": "group", "hue_order": [group for group in groups if group in set(knockout["group"])]}
with figures.house():
    figure, panels = plt.subplots(len(measures), 1, figsize=(5, 0.6 + 1.6 * len(measures)), sharex=True, squeeze=False)
    for axes, measure in zip(panels.flat, measures, strict=True):
        rows = knockout[knockout["measure"] == measure]
        sns.stripplot(
            rows,
            x="cell_type",
            y="value",
            order=order,
            **hue,
            palette=figures.COLOURS,
            dodge=True,
            jitter=False,
            ax=axes,
        )
        axes.set(title=f"{endpoint_text(measure.removesuffix('_pct'))}, {rows['unit'].iat[0]}", xlabel="", ylabel="")
        axes.set_yscale("linear" if measure == "recombined_allele_pct" else "log")
        axes.get_legend().set_visible(axes is panels.flat[0])

# %% tags=["needs:ecko_verification"]
n = ", ".join(f"{figures.named(group)} {len(set(rows['animal']))}" for group, rows in knockout.groupby("group"))
chapter.show(
    (figure, knockout[["animal", "group", "cell_type", "measure", "value", "unit"]]),
    caption=f"How far mTOR is gone, and in which cells: every animal a point. Unit: animal; n: {n}. Descriptive.",
    alt="Recombined alleles and amounts of mTOR per animal, by cell type, of ECKO mice and their controls.",
    name="fig-recombined-allele-pct",
)

# %% [markdown]
# What is left of mTOR in ECKO mice, as a ratio to their controls:

# %% tags=["needs:ecko_verification"]
left = knockout[knockout["measure"] != "recombined_allele_pct"].assign(log2=lambda rows: np.log2(rows["value"]))
ratios = {}
for kind, rows in left.groupby(["measure", "cell_type"]):
    for a, b in [pair for pair in pairs(rows["group"]) if pair[0] == "ecko"]:
        one = difference(rows, value="log2", group="group", a=a, b=b, unit="animal")
        ratios[kind] = np.exp2([one.estimate, one.ci_low, one.ci_high])
pd.DataFrame(ratios, index=["ratio", "95 % from", "to"]).T.round(2)

# %% [markdown]
# ## Survival
#
# Death before a read-out takes animals out of the tables above, and perhaps not at random.
# Died and euthanised animals count as deaths; groups are compared within one challenge only.

# %% tags=["needs:survival", "needs:survival_of_ecko"]
survival = chapter.table("survival").query("experiment == 'ecko'")
if survival.empty:
    raise NotTestable("The survival table of these data has no ECKO experiment.")
survival = survival.assign(died=(survival["event"] != "censored").astype(int))
survival["challenge"] = survival["challenge"].replace("", "none") if "challenge" in survival else "none"
survival.groupby(["challenge", "group"])["died"].agg(animals="size", deaths="sum")

# %% [markdown]
# The Kaplan-Meier estimate gives the share alive after each day on which an animal died.

# %% tags=["needs:survival", "needs:survival_of_ecko"]
curves = {}
for arm, rows in survival.groupby(["challenge", "group"]):
    curve = SurvfuncRight(rows["day"], rows["died"])
    alive = [1.0, *curve.surv_prob]
    days = [0, *curve.surv_times, rows["day"].max()]
    curves[arm] = pd.DataFrame({"day": days, "alive, %": 100 * np.array([*alive, alive[-1]])})
curves = pd.concat(curves, names=["challenge", "group"]).reset_index(["challenge", "group"])

# %% tags=["needs:survival", "needs:survival_of_ecko"]
with figures.house():
    challenges = list(curves["challenge"].unique())
    figure, panels = plt.subplots(len(challenges), 1, figsize=(5, 0.4 + 2.6 * len(challenges)), squeeze=False)
    for axes, challenge in zip(panels.flat, challenges, strict=True):
        own = curves[curves["challenge"] == challenge]
        steps = {"drawstyle": "steps-post", "estimator": None, "sort": False, "palette": figures.COLOURS}
        shown = [group for group in groups if group in set(own["group"])]
        sns.lineplot(own, x="day", y="alive, %", hue="group", hue_order=shown, ax=axes, **steps)
        axes.set(title=f"challenge: {challenge}", ylim=(0, 103), xlim=(0, None))
        axes.legend(title=None)

# %% tags=["needs:survival", "needs:survival_of_ecko"]
n = ", ".join(f"{figures.named(group)} {len(rows)}" for group, rows in survival.groupby("group"))
chapter.show(
    (figure, curves),
    caption=f"Survival of the ECKO experiment (Kaplan-Meier). Unit: animal; n: {n}. Descriptive.",
    alt="Kaplan-Meier curves. Alive at the end, %: "
    + ", ".join(
        f"{' '.join(arm)} {rows.iat[-1]:.0f}" for arm, rows in curves.groupby(["challenge", "group"])["alive, %"]
    )
    + ".",
    name="fig-survival",
)

# %% tags=["needs:survival", "needs:survival_of_ecko"]
lines = []
for challenge, rows in survival.groupby("challenge"):
    for a, b in pairs(rows["group"]):
        two = rows[rows["group"].isin([a, b])]
        statistic, p = survdiff(two["day"], two["died"], two["group"]) if two["died"].any() else (np.nan, np.nan)
        lines.append(f"- {challenge}, {figures.named(a)} against {b}: log-rank χ² {number(statistic)}, {p_text(p)}")
Markdown("\n".join(lines))

# %% [markdown]
# ## Real data: what age does to the blood of DO mice
#
# We know of no public data of ECKO mice with one value per animal.
# What is public is how blood changes with age in Diversity Outbred mice of 7, 13 and 19 months {cite}`deighan_do`.
# It is **context**: other mice, no knock-out, and summary effects rather than animals, so it tells in which direction blood ages and nothing about ECKO.

# %%
effects, provenance = do_blood.effects("age")
effects[["trait", "name", "effect", "se", "p_authors"]].head()

# %%
traits = {trait: do_blood.TRAITS[trait] for trait in ("n.neut", "n.lymph", "nlr", "wbc", "plt", "rbc", "hgb")}
of_age = {name: do_blood.estimate(effects, trait) for trait, name in traits.items()}
for name, one in of_age.items():
    chapter.record(f"C3.context.{name.replace(' ', '_')}", one, provenance=provenance)

# %%
forest = pd.DataFrame(
    {"label": name, "estimate": one.estimate, "low": one.ci_low, "high": one.ci_high, "interval_kind": "bounded"}
    for name, one in of_age.items()
)
forest["note"] = [f"{row.estimate:+.3f}  [{row.low:+.3f}, {row.high:+.3f}]" for row in forest.itertuples()]
xlabel = "change per month, in SDs of the trait, 95 % interval"
chapter.show(
    figures.forest(forest, xlabel=xlabel, references={0.0: "no change"}),
    caption=f"Blood of DO mice: effect of age. Unit: mouse; {n_text(of_age.values())} in the study.",
    alt=alt_text("Change of blood traits per month of age in DO mice, in SDs", of_age),
    name="fig-do-mice",
    provenance=provenance,
)

# %% [markdown]
# The interval comes from the published standard error, the authors' p from their bootstrap of the whole model.
# For white blood cells, lymphocytes and their ratio to neutrophils the two disagree, so these rows settle nothing.

# %%
shown = effects.set_index("trait").loc[list(traits), ["name", "effect", "ci_low", "ci_high", "p_authors"]]
shown.insert(4, "p of the interval", [one.p for one in of_age.values()])
chapter.show_table(
    shown.rename(
        columns={"effect": "change per month", "ci_low": "95 % from", "ci_high": "to", "p_authors": "authors' p"}
    ),
    caption="Blood of DO mice: published mixed-model effect of age, in each trait's own unit. Unit: mouse. Context.",
    provenance=provenance,
)

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one mouse or donor less, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other test is phi with one variance for all groups.

# %%
robust = chapter.robustness()

# %%
chapter.show_robustness(robust)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C3")

# %% [markdown]
# ## What could be wrong
#
# - A knock-out can make mice ill, and illness looks like age in blood counts and in gamma-H2AX; phi on one endpoint cannot tell them apart, a pattern over endpoints can.
# - Recombination outside the endothelium would make the phenotype somebody else's; see the verification above.
# - Phi divides by the difference of aged and young mice: if these were bred, housed or sorted elsewhere than ECKO and control, that difference holds more than age.
# - A larger pool of phenotypic HSCs is not more function: markers shift with age, and the two may disagree {cite}`dykstra2011`.
# - With a few donors in each group a limiting dilution rests on these few, however many recipients there are.
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
