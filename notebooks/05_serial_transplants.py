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
# # Serial transplants
#
# **Does passage through an endothelium without mTOR leave a mark on wild-type {term}`HSPCs <HSPC>`?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %% tags=["imports"]
from dataclasses import replace

import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from scipy.special import expit

from endomtor import calibration, figures, public, reporting, stats
from endomtor.chapter import open_chapter
from endomtor.errors import NotTestable
from endomtor.markup import plain_in_markdown
from endomtor.reporting import (
    alt_text,
    by_contrast,
    endpoint_text,
    limits_text,
    n_text,
    number,
    result_text,
)
from endomtor.stats import allows_phi, blocked_difference, blocked_phi, one_value_per_unit, pairs, transplants

# %% tags=["plumbing"]
chapter = open_chapter("05_serial_transplants", data_dir, world, seed)

# %%
shares, of_shares = public.table("recipient_shares")
first = shares[(shares["transplant"] == 1) & (shares["subset"] == "CD49b+")].set_index("readout")
words = {
    readout: f"{first.at[readout, 'positive_aged']} of {first.at[readout, 'tested_aged']} recipients against "
    f"{first.at[readout, 'positive_young']} of {first.at[readout, 'tested_young']}"
    for readout in ("HSC", "CLP")
}
chapter.lead(
    f"Donor HSCs were found in more recipients of old CD49b+ stem cells than of young ones ({words['HSC']}); of their "
    f"lymphoid progenitors ({words['CLP']}) the counts do not tell; how many donors stand behind them is not stated.",
    of_shares,
)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# Wild-type HSPCs that passed through an mTOR {term}`ECKO` environment show aging phenotypes in serial transplants, so that signals of the endothelium instruct them {cite}`ramalingam2020`.
#
# **What would count as an answer.**
# The abstract does not tell whether later hosts were wild type; here the mark must be seen in *later* hosts, when the cells have left the {term}`niche` that exposed them.
# {term}`Phi` says how far an ECKO niche moved the cells from those that passed through a young niche (0) to those that passed through an aged one (1); its interval comes from Fieller's method {cite}`fieller1954`.
# Claim C5 needs one of two read-outs in the first passage after the exposure that has every niche: donor {term}`chimerism` (lower after an aged niche) or the myeloid-lymphoid balance of donor cells (higher after an aged niche).
# That the mark *lasts*, into the latest passage, is more than the abstract says: it is asked by itself, as claim C5b.
# The abstract names no read-outs, so these two are the book's choice.
# A read-out counts when the aged niche itself left a mark in the declared direction **and** the interval of phi lies above 0.25.
# That ECKO differs from control is not enough, and where the aged niche leaves no mark there is nothing to resemble.
# A 95 % interval of phi that lies below 0, or a 90 % interval that fits between −0.25 and 0.25, would contradict a read-out; both would have to be contradicted for the claim.

# %% [markdown]
# ## Real mice: recipients of young and of old stem cells
#
# **Not found:** serial transplants of wild-type cells through a manipulated niche, animal by animal.
# What is public is what old stem cells do in young hosts: Su et al. transplanted two subsets of {term}`HSCs <HSC>`, by CD49b, from young and old donors, and once more into secondary recipients {cite}`su2024`.
# A recipient counts as positive for a population where donor cells of it were found.
# **How many donors stand behind the recipients is not stated, so the recipients are no units**: shares are shown, no interval, and no verdict; Fisher's p over recipients is for the eye.

# %%
counted = ["positive_young", "tested_young", "positive_aged", "tested_aged"]
shares.set_index(["transplant", "subset", "readout"])[counted]

# %%
long = shares.melt(["transplant", "subset", "readout"], ["share_young", "share_aged"], "donors", "share")
long["donors"] = long["donors"].str.removeprefix("share_")
long["hosts"] = long["transplant"].map({1: "1st", 2: "2nd"}) + ", " + long["subset"]
long.head()

# %%
ages = {age: figures.colour(age) for age in ("young", "aged")}
tested = shares[["tested_young", "tested_aged"]]
with figures.house():
    figure = figures.page(6)
    panels = figure.subplots(2, 2, sharex=True).flat
    for axes, (hosts, rows) in zip(panels, long.groupby("hosts", sort=False), strict=True):
        points = {
            "hue": "donors",
            "palette": ages,
            "markers": ["o", "s"],
            "linestyles": "none",
            "errorbar": None,
            "dodge": 0.3,
        }
        sns.pointplot(rows, x="share", y="readout", ax=axes, legend=hosts == long["hosts"].iloc[0], **points)
        axes.set(title=hosts, xlabel="positive, %", ylabel="", xlim=(-5, 105))
    figures.legend_above(figure, figure.axes[0])
chapter.show(
    (figure, shares),
    caption="Recipients with donor cells after the first and the second transplant, by age of the donors and subset. Unit: none, for donors are not "
    f"stated; recipients tested: {tested.min(axis=None)} to {tested.max(axis=None)} a group.",
    alt="; ".join(
        f"{row.readout}, {row.subset}, transplant {row.transplant}: young {row.share_young:.0f} %, "
        f"aged {row.share_aged:.0f} %"
        for row in shares.itertuples()
    ),
    name="fig-recipients",
    provenance=of_shares,
)

# %%
chapter.show_table(
    shares.rename(columns=lambda name: name.replace("_", " ")),
    caption="Recipients positive of tested. Fisher's exact p, two-sided, over recipients: not for inference. Context.",
    provenance=of_shares,
)

# %% [markdown]
# More recipients of old HSCs hold donor HSCs, in the primary hosts and, of the CD49b+ subset, in secondary ones; for the lymphoid side (CLP, LMPP) these counts show no clear change.
# If secondary hosts were drawn from primaries that engrafted, they are a selected set.
# So engraftment cannot stand for lymphoid output, which is why this page keeps chimerism and lineages apart.
# On the niche the literature disagrees: young blood and young niches did not rejuvenate old HSCs {cite}`ho2021`, whereas young endothelial cells restored their repopulating capacity, though not their myeloid bias {cite}`poulos2017`.

# %% [markdown]
# ## The prediction, tested
#
# What follows is the analysis of the chapter's own data, which may be a laboratory's or simulated.

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ## Who is the unit?
#
# The treatment, a niche, was given to the first host: the **exposed animal**.
# Its cells go on into later recipients, which share that one exposure, so they are subsamples of the exposed animal {cite}`lazic2018`.
# When one donor's cells go into several niches, the niches are compared within that donor: the **donor** is a block.
# When each donor feeds one niche only, its exposed animals share what it brings, and the donor is the unit.

# %% tags=["needs:serial_transplants"]
grafts = chapter.table("serial_transplants").rename(columns={"exposed_animal": "exposed animal"})
grafts.head()

# %% [markdown]
# Exposed animals, and the recipients that their cells went into:

# %% tags=["needs:serial_transplants"]
grafts.groupby(["passage", "niche"])[["exposed animal", "recipient"]].nunique().unstack()

# %% [markdown]
# ### Two scales
#
# Chimerism is averaged and compared as a {term}`logit`, because a percentage has walls at 0 and 100.
# Myeloid, B and T cells add to a whole, so when one rises the others fall {cite}`buttner2021`.
# One balance was named beforehand: myeloid against B and T cells, an isometric log-ratio ({term}`ILR`) {cite}`egozcue2003`.

# %% tags=["needs:serial_transplants"]
grafts["chimerism"] = stats.logit_percent(grafts["donor_chimerism_pct"])
grafts["myeloid_balance"] = stats.lineage_balance(grafts, myeloid="myeloid_pct", b="b_pct", t="t_pct")

# %% [markdown]
# ### Which rows are read
#
# The primary read-out is CD45+ cells of blood.
# A later recipient that is itself aged or ECKO adds a present niche to the past one, and is left out.
# A column that the table does not have is taken as the usual case.

# %% tags=["needs:serial_transplants"]
usual = {"tissue": "PB", "readout": "CD45", "host_niche": "wildtype", "status": ""}
for column, level in usual.items():
    grafts[column] = grafts.get(column, level)
primary = (grafts["tissue"] == "PB") & (grafts["readout"] == "CD45")
exposed_again = (grafts["passage"] > 1) & grafts["host_niche"].isin(["aged", "ecko"])

# %% [markdown]
# Cells of two donors in one exposed animal are a pool, and so are its batches.

# %% tags=["needs:serial_transplants", "needs:recipients"]
recipients = grafts[primary & ~exposed_again].copy()
if recipients[["chimerism", "myeloid_balance"]].isna().all(axis=None):
    raise NotTestable("These data have no donor cells among CD45+ blood cells: the primary read-outs are not testable.")
recipients["donor"] = transplants.pooled(recipients, "donor")
recipients["batch"] = transplants.pooled(recipients, "batch")
left_out = grafts.loc[exposed_again, "recipient"].nunique()
Markdown(f"{recipients['recipient'].nunique()} recipients are read; {left_out} that were aged or ECKO are left out.")

# %% [markdown]
# ### Every recipient, week by week
#
# Every recipient is a thin line.
# Bold lines are means over exposed animals.
# Where recipients die, a bold line may rise only because poor grafts have left it.

# %% tags=["needs:serial_transplants", "needs:recipients"]
niches = ["young", "aged", "control", "ecko"]
course = {"time": "week", "animal": "recipient", "unit": "exposed animal", "group": "niche", "order": niches}
course |= {"facet": "passage", "xlabel": "week after the transplant"}
scales = {"chimerism": ("donor chimerism (%)", "logit"), "myeloid_balance": ("ILR balance", "linear")}

# %% tags=["needs:serial_transplants", "needs:recipients"]
for readout, (ylabel, scale) in scales.items():
    seen = recipients.dropna(subset=readout)
    if seen.empty:
        continue
    titles = {passage: f"passage {passage}" for passage in sorted(seen["passage"].unique())}
    means = seen.groupby(["passage", "niche"])[readout].mean().items()
    levels = "; ".join(f"passage {passage}, {figures.named(niche)} {number(mean)}" for (passage, niche), mean in means)
    chapter.show(
        figures.courses(seen, value=readout, ylabel=ylabel, scale=scale, titles=titles, **course),
        caption=f"{endpoint_text(readout).capitalize()} of donor cells in blood. Thin lines: recipients, which are "
        "subsamples; bold: mean over exposed animals, the unit, whose n is in the legend.",
        alt=f"{endpoint_text(readout).capitalize()} over weeks. Means of all bleeds, {scale} scale: {levels}.",
        name=f"fig-courses-{readout.replace('_', '-')}",
    )

# %% [markdown]
# ### One value for each exposed animal
#
# In each passage it is the mean over the animal's recipients in the latest week that all have in common, from week 16 on where reached.
# Where an early death would move every animal's read-out to the weeks before it, those alive decide the week.

# %% tags=["needs:serial_transplants", "needs:recipients"]
values = []
for readout in ("chimerism", "myeloid_balance"):
    for passage, own in recipients.groupby("passage"):
        week = transplants.readout_week(own, readout).time
        read = own[own["week"] == week].rename(columns={readout: "value"})
        carry = ["passage", "week", "niche", "donor", "batch"]
        each = one_value_per_unit(read, value="value", unit="exposed animal", carry=carry)
        values.append(each.assign(readout=readout, panel=f"passage {passage}, week {week:g}"))
exposed = pd.concat([each for each in values if len(each)])
exposed.groupby(["readout", "panel", "niche"]).size().unstack()

# %% [markdown]
# The first passage after the exposure that has every niche is primary for C5, the latest such one for C5b, where it is another.
# Passage 1 never is: its cells are read in the animal whose niche exposes them.

# %% tags=["needs:serial_transplants", "needs:recipients"]
later = {readout: transplants.later_passages(rows) for readout, rows in exposed.groupby("readout")}
first = {readout: passages[0] if passages else None for readout, passages in later.items()}
pd.DataFrame({"later passages with every niche": later, "primary for C5": first})

# %% [markdown]
# ## Two contrasts and their ratio
#
# What does an aged niche do (aged − young), and what does an ECKO niche do (ECKO − control)?
# Phi is the second divided by the first.
# Each niche keeps a variance of its own; donor and batch stand in the model as blocks.
# This primary analysis takes one week and needs no model for how the bleeds of one mouse hang together.
# The direction of each read-out and the smallest phi of interest were written down before any data were read: `chapter.rule` looks them up.

# %% tags=["needs:serial_transplants", "needs:recipients"]
design = {"value": "value", "group": "niche", "unit": "exposed animal", "block": "donor", "also": ["batch"]}
rules = {readout: chapter.rule(f"C5.transplant.{readout}") for readout in later}
aims = {readout: {"direction": rule.direction, "smallest": rule.smallest} for readout, rule in rules.items()}
contrasts, phis = {readout: {} for readout in later}, {}
for (readout, passage, panel), own in exposed.groupby(["readout", "passage", "panel"]):
    contrasts[readout][panel] = {(a, b): blocked_difference(own, a=a, b=b, **design) for a, b in pairs(own["niche"])}
    if allows_phi(own["niche"]):
        phis[readout, passage] = blocked_phi(own, **aims[readout], **design)

# %% [markdown]
# Each phi goes on record, where the ledger finds it.
# Without a later passage that has every niche, the record says that no answer can be given.

# %% tags=["needs:serial_transplants", "needs:recipients"]
why = "No later passage has every niche, and cells of passage 1 are still in the niche that exposes them."
for (readout, passage), phi in phis.items():
    ids = {later[readout][-1]: f"C5b.transplant.{readout}"} if later[readout] else {}
    ids |= {first[readout]: f"C5.transplant.{readout}"}
    name = ids.get(passage, f"C5.transplant.{readout}.p{passage}")
    chapter.record(name, phi, family=f"{name.partition('.')[0]}.transplant")
    if passage == 1 and not later[readout]:
        chapter.record(f"C5.transplant.{readout}", replace(phi, withheld=phi.withheld or why))

# %% [markdown]
# What the design made of the donors, and what to know beside the numbers:

# %% tags=["needs:serial_transplants", "needs:recipients"]
tested = [one for panels in contrasts.values() for found in panels.values() for one in found.values()]
unit = " or ".join(dict.fromkeys(one.unit for one in tested)) or "exposed animal"
panels = {"value": "value", "group": "niche", "animal": "exposed animal", "endpoint": "panel", "order": niches}
notes = dict.fromkeys(note for one in [*tested, *phis.values()] for note in (*one.warnings, one.withheld) if note)
Markdown("\n".join([f"- The unit of every test is the {unit}.", *(f"- {plain_in_markdown(note)}" for note in notes)]))

# %% [markdown] tags=["result:C5.transplant.chimerism"]
# ## Donor chimerism
#
# The contrasts stand beside the animals.
# Passage 1 is read in the exposed animal itself, where the niche still acts.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
if "chimerism" not in later:
    raise NotTestable("These data have no donor chimerism: it is not testable here.")
chimerism = exposed[exposed["readout"] == "chimerism"]
titles = {panel: f"{panel}: donor chimerism, %" for panel in contrasts["chimerism"]}
compared = by_contrast(contrasts["chimerism"])
chapter.show(
    figures.estimation_grid(chimerism, estimates=contrasts["chimerism"], titles=titles, scale="logit", **panels),
    caption="Every exposed animal a point, the mean of its recipients; contrasts are ratios of odds with 95 % "
    f"intervals. Unit: {unit}; {n_text(compared.values())}.",
    alt=alt_text("Donor chimerism per exposed animal, differences of logits", compared),
    name="fig-exposed-chimerism",
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
chapter.results(
    "C5.transplant.chimerism",
    caption="Donor chimerism: phi. The row without a number is the first passage after the exposure, primary for C5.",
)

# %% [markdown] tags=["result:C5.transplant.myeloid_balance"]
# ## Lineage output
#
# The donor cells of each exposed animal in the primary passage (or the last, where none is):

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
if "myeloid_balance" not in later:
    raise NotTestable("These data have no lineages of donor cells: they are not testable here.")
balance = exposed[exposed["readout"] == "myeloid_balance"]
last = balance[balance["passage"] == (first["myeloid_balance"] or balance["passage"].max())]
passage, week, panel = last[["passage", "week", "panel"]].iloc[0]
read = recipients[(recipients["passage"] == passage) & (recipients["week"] == week)]
lineages = {"myeloid_pct": "myeloid", "b_pct": "B", "t_pct": "T"}
last = last.join(read.groupby("exposed animal")[list(lineages)].mean(), on="exposed animal")

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
found = contrasts["myeloid_balance"][panel]
bars = {"animal": "exposed animal", "group": "niche", "order": niches, "balance": "value"}
bars["balance_label"] = "myeloid against B and T, ILR balance"
chapter.show(
    figures.composition(last, parts=lineages, estimates=found, **bars),
    caption=f"Donor-derived white cells, {panel}. Above: each bar an exposed animal (mean of its recipients); what is "
    "missing to 100 % are other cells. Below: the balance tested, with 95 % intervals. "
    f"Unit: {unit}; {n_text(found.values())}.",
    alt=alt_text(f"Lineages of donor-derived cells, {panel}", by_contrast({"balance": found})),
    name="fig-lineages",
)

# %% [markdown]
# The balance in each passage:

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
titles = {panel: f"{panel}: myeloid balance, ILR" for panel in contrasts["myeloid_balance"]}
compared = by_contrast(contrasts["myeloid_balance"])
chapter.show(
    figures.estimation_grid(balance, estimates=contrasts["myeloid_balance"], titles=titles, **panels),
    caption="Every exposed animal a point, the mean of its recipients; contrasts with 95 % intervals. "
    f"Unit: {unit}; {n_text(compared.values())}.",
    alt=alt_text("Myeloid-lymphoid balance per exposed animal", compared),
    name="fig-exposed-myeloid-balance",
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
chapter.results("C5b.transplant", caption="The latest passage, primary for C5b: phi.")
chapter.results(
    "C5.transplant.myeloid_balance",
    caption="Lineages: phi. The row without a number is the first passage after the exposure, primary for C5.",
)

# %% [markdown]
# ## How far towards aged?
#
# Every phi on one axis, from cells of a young niche (0) to cells of an aged niche (1):

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:phi"]
if not phis:
    raise NotTestable("Phi needs young, aged and ECKO niches in one passage, and these data have none.")
forest = reporting.forest_rows(phis).assign(
    group="ecko", note=["no verdict" if phi.withheld else "" for phi in phis.values()]
)
forest["label"] = [f"{endpoint_text(readout)}, passage {passage}" for readout, passage in phis]
forest.loc[[passage == first[readout] for readout, passage in phis], "label"] += " (primary)"
xlabel = "phi: how far an ECKO niche moves cells from young to aged"
smallest = chapter.rule("C5.transplant.chimerism").smallest
chapter.show(
    figures.forest(forest, xlabel=xlabel, references={0: "young", 1: "aged"}, smallest=smallest),
    caption="Phi of each read-out and passage with its 95 % set; dotted: the smallest phi of interest. "
    f"Unit: {unit}; {n_text(phis.values())}.",
    alt=alt_text("Phi of serial transplants", dict(zip(forest["label"], phis.values(), strict=True))),
    name="fig-phi",
)

# %% [markdown]
# ## All weeks: secondary
#
# A linear mixed model takes every bleed of a passage: niche × week as fixed effects, the week as a straight line, and a level of its own for each donor, batch, exposed animal and recipient, with the allowance for few animals of Kenward and Roger {cite}`kenward1997`.
# It asks whether niches differ on average over the weeks (in the middle of those seen), and whether they grow apart (the slope).
# Missed bleeds and deaths are taken as missing at random, and a slope is judged by the scatter of single bleeds, which is too sharp where animals differ in their slope.
# Where model and read-out week disagree, the read-out week is primary.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:weeks"]
weekly = pd.concat([transplants.over_weeks(recipients, readout).assign(readout=readout) for readout in later])
estimated = weekly[weekly["withheld"] == ""]
reasons = " ".join(dict.fromkeys([*weekly["withheld"], *estimated["notes"]])).strip()
if estimated.empty:
    raise NotTestable(f"The mixed model over weeks estimates nothing here. {reasons}")

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:weeks"]
table = estimated.rename(columns={"low": "95 % from", "high": "to", "p_holm": "p (Holm)"})
table["contrast"] = table["a"].map(figures.named) + " − " + table["b"].map(figures.named)
table["n"] = table["n_a"].astype(str) + " v " + table["n_b"].astype(str)
for readout, own in table.groupby("readout"):
    chapter.show_table(
        own[["passage", "contrast", "what", "n", "estimate", "95 % from", "to", "df", "p", "p (Holm)"]],
        caption=f"Secondary, no verdict rests on it: {endpoint_text(readout)} over all weeks, linear mixed model, REML, "
        f"Kenward-Roger; p adjusted within a passage. Unit: exposed animal. {reasons}",
        formats={"df": ".1f"},
    )

# %% [markdown]
# ## Wrong on purpose: recipients as n
#
# A common mistake, shown so that it can be recognised: every later recipient counted as an experiment of its own.
# Two recipients of one exposed animal share its niche, its graft and its luck; counting both says twice what was seen once.
# Taking subsamples for n can give up to 80 % false positives {cite}`aarts2014`.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:later"]
last = exposed[(exposed["readout"] == "chimerism") & (exposed["passage"] == first.get("chimerism"))]
if last.empty:
    raise NotTestable("No later passage has the chimerism of every niche: no recipients of it could be counted.")
passage, week, panel = last[["passage", "week", "panel"]].iloc[0]
read = recipients[(recipients["passage"] == passage) & (recipients["week"] == week)].dropna(subset="chimerism")
found = contrasts["chimerism"][panel]

# %% [markdown]
# Only the unit differs; the blocks stay.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:later", "needs:reference"]
pair = next((pair for pair, one in found.items() if pair[0] == "ecko" and not one.withheld), None)
if pair is None:
    raise NotTestable("ECKO cannot be compared with a reference here, neither rightly nor wrongly.")
right = found[pair]
blocks = stats.arrange(last[last["niche"].isin(pair)], **design).blocks
a, b = pair
wrong = stats.difference(read, value="chimerism", group="niche", a=a, b=b, unit="recipient", block=blocks)
share = (wrong.ci_high - wrong.ci_low) / (right.ci_high - right.ci_low)
change = f"{100 * (1 - share):.0f} % narrower" if share < 1 else "not narrower this time, and wrong all the same"
Markdown(f"**Wrong:** {result_text(wrong)}. **Right:** {result_text(right)}. The wrong interval is {change}.")

# %% [markdown]
# One pair of intervals shows little; what the mistake costs is how often, at the usual level of one in twenty, it finds a difference where none was planted, counted over simulated cohorts:

# %%
rate = calibration.frozen().table.query("id == 'recipients as n: chimerism'").set_index("measure")["rate"]
Markdown(
    f"Recipients as n: {reporting.percent(rate['wrong'])}. Exposed animals as n: {reporting.percent(rate['right'])}."
)

# %% [markdown]
# ## Deaths before the read-out
#
# A recipient with a poor graft may die before it is bled for the last time, and an exposed animal that dies early has no later recipients.
# What is then read are the survivors, whose grafts may have been better.
# A bias arises above all where deaths differ between niches, so they are counted for each.
# Where the table has no status, a death counts as not read.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
at_readout = recipients["week"] == recipients["passage"].map(chimerism.groupby("passage")["week"].first())
has_value = recipients.loc[at_readout & recipients["chimerism"].notna(), "recipient"]
died = recipients.loc[recipients["status"] == "died", "recipient"]
each = recipients.drop_duplicates("recipient")
fate = np.select([each["recipient"].isin(has_value), each["recipient"].isin(died)], ["read", "died before"], "not read")
fates = pd.crosstab([each["passage"], each["niche"]], fate, colnames=["recipients"])
fates["exposed animals with a value"] = chimerism.groupby(["passage", "niche"]).size()
fates.fillna(0).astype(int)

# %% [markdown]
# How much could the dead have changed?
# The lowest chimerism that was seen is put in the place of every death.
# This is a **sensitivity analysis**: the dead may have been lower still, and it enters no verdict.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:later", "needs:deaths"]
dead = transplants.dead_at_the_lowest(recipients, "chimerism", passage=passage, week=week)
if dead.empty or not found:
    raise NotTestable("No death before the read-out of the primary passage could change a contrast: none is filled in.")
everyone = pd.concat([read, dead]).rename(columns={"chimerism": "value"})
filled = one_value_per_unit(everyone, value="value", unit="exposed animal", carry=["niche", "donor", "batch"])
both = {}
for (a, b), one in found.items():
    both[f"{figures.named(a)} − {b}, logit"] = (one, blocked_difference(filled, a=a, b=b, **design))
if ("chimerism", passage) in phis:
    both["phi"] = (phis["chimerism", passage], blocked_phi(filled, **aims["chimerism"], **design))

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:later", "needs:deaths"]
words = {name: [f"{number(one.estimate)} ({limits_text(one)})" for one in two] for name, two in both.items()}
table = pd.DataFrame(words, index=["survivors", "dead at the lowest"]).T.rename_axis("").reset_index()
chapter.show_table(
    table,
    caption=f"Donor chimerism, {panel} (95 % interval): in survivors, which is the analysis, and with the lowest value "
    f"seen for every recipient that died before. Descriptive only. Then {n_text(two[1] for two in both.values())}.",
)

# %% [markdown]
# ## Survival
#
# The survival table has a line for each recipient.
# In passage 1 the recipient is the exposed animal itself, so the line is that of a unit.
# **Later recipients of one exposed animal share its graft, and n is the number of exposed animals behind them, not that of recipients.**
# All of it is descriptive.

# %% tags=["needs:survival", "needs:survival_of_transplants"]
survival = chapter.table("survival").query("experiment == 'transplant'").copy()
if survival.empty:
    raise NotTestable("The survival table of these data has no transplants.")
for column, blank in {"exposed_animal": np.nan, "challenge": "no challenge"}.items():
    survival[column] = survival[column].replace("", blank) if column in survival else blank
itself, unknown = survival["exposed_animal"] == survival["animal"], survival["exposed_animal"].isna()
who = np.select([itself, unknown], ["exposed animals", "exposed animal unknown"], "later recipients")
survival["panel"] = pd.Series(who, survival.index) + ", " + survival["challenge"].str.replace("_", " ")
chapter.show_survival(survival, of="the recipients, by the niche that exposed their cells", unit="exposed_animal")

# %% [markdown]
# Only exposed animals are tested, by the log-rank test, within sexes and batches where these vary within a niche; p is not adjusted.
# For later recipients there is no test: one that takes each for an experiment of its own is wrong, and a Cox model with errors clustered by exposed animal makes them too small where exposed animals are few.

# %% tags=["needs:survival", "needs:survival_of_transplants"]
chapter.log_ranks(survival[itself], unit="exposed_animal")

# %% [markdown]
# ## Other tissues and populations
#
# Marrow, or chimerism within {term}`HSCs <HSC>` or {term}`LSK` cells, is described here without a test: the mean over exposed animals on the logit scale, printed in per cent.

# %% tags=["needs:serial_transplants"]
others = grafts[~primary & ~exposed_again]
labels = ["tissue", "readout", "passage"]
carry = [*labels, "week", "niche"]
values = [others.reindex(columns=[*carry, "chimerism"]).head(0)]
for _, own in others.groupby(labels):
    read = own[own["week"] == transplants.readout_week(own, "chimerism").time]
    values.append(one_value_per_unit(read, value="chimerism", unit="exposed animal", carry=carry))
described = pd.concat(values).groupby(carry)["chimerism"].agg(["mean", "size"])
described["mean"] = 100 * expit(described["mean"])
described = described.rename(columns={"mean": "donor chimerism, %", "size": "exposed animals"}).round(1)
described if len(described) else Markdown("These data hold no other tissue or population than CD45+ cells of blood.")

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one exposed animal less, and so without any of its recipients, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other test is phi with one variance for all niches; donor and batch stay in the model.

# %%
chapter.show_robustness(chapter.robustness())

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C5")

# %%
chapter.verdict("C5b")

# %% [markdown]
# ## What could be wrong
#
# - Conditioning by irradiation injures the marrow's vessels; if endothelium without mTOR regrows worse, the graft suffers from failed repair, which is not an aged niche.
#   Hosts conditioned without irradiation, or vessels counted at the time of grafting, tell the two apart.
# - Fewer cells may have lodged in the first host: they then divide more, and what is read later is proliferative stress and not instruction.
# - A niche may select clones rather than change cells; chimerism cannot tell the two apart.
# - The number of cells passed on is rarely matched between niches, and a smaller graft stays smaller without any memory.
# - Deaths before the read-out, if poor grafts kill, make the worse niche look better than it was.
# - Donor and batch are both blocks; where either cannot be told from the niche, no verdict is given.
#
# ## Key takeaways
#
# - The exposed animal is the unit; later recipients are subsamples of it, however many there are.
# - A donor that feeds all niches is a block and makes the comparison sharper; a donor that feeds one is the unit and makes n smaller.
# - A mark is lasting only if it is seen in a later host, and resembles aging only if the aged niche leaves one too.
#
# ## Further reading
#
# - Young endothelial cells given to old mice: {cite:t}`poulos2017`.
# - Old HSCs that young surroundings did not rejuvenate: {cite:t}`ho2021`.
# - A later study of the same laboratory on restoring the niche: {cite:t}`ramalingam2023`.
# - What n is in an experiment with animals: {cite:t}`lazic2018`.

# %% tags=["plumbing"]
chapter.write()
