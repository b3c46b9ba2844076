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
    f"Old CD49b+ stem cells engraft in more recipients than young ones: donor HSCs in {words['HSC']}. "
    f"For lymphoid progenitors the counts do not tell ({words['CLP']}). The number of donors is not stated.",
    of_shares,
)

# %% [markdown]
# ## The question
#
# Wild-type HSPCs that passed through an mTOR {term}`ECKO` environment show aging phenotypes in serial transplants, says the abstract: signals of the endothelium instruct them {cite}`ramalingam2020`.
# We ask for the mark in *later* hosts, when the cells have left the {term}`niche` that exposed them; the abstract does not tell whether later hosts were wild type.
# {term}`Phi` says how far an ECKO niche moved the cells from those of a young niche (0) to those of an aged one (1), with Fieller's interval {cite}`fieller1954`.
#
# Claim C5 needs one of two read-outs in the first passage after the exposure that has every niche: donor {term}`chimerism` (lower after an aged niche) or the myeloid-lymphoid balance of donor cells (higher after it).
# The abstract names no read-outs, so these two are our choice.
# A read-out counts when the aged niche itself left a mark **and** the interval of phi lies above 0.25.
# An interval below 0, or a 90 % interval between −0.25 and 0.25, contradicts a read-out; both would have to be contradicted for the claim.
# That the mark *lasts*, into the latest passage, is more than the abstract says: claim C5b.

# %% [markdown]
# ## Real mice: young and old donors
#
# **Not found:** serial transplants of wild-type cells through a manipulated niche, animal by animal.
# What is public is what old stem cells do in young hosts: Su et al. transplanted {term}`HSCs <HSC>`, with and without CD49b, of young and old donors, and once more into secondary recipients {cite}`su2024`.
# **The number of donors is not stated, so the recipients are no units**: shares are shown, no interval, and no verdict.

# %%
long = shares.melt(["transplant", "subset", "readout"], ["share_young", "share_aged"], "donors", "share")
long["donors"] = long["donors"].str.removeprefix("share_")
long["hosts"] = long["transplant"].map({1: "1st", 2: "2nd"}) + ", " + long["subset"]

# %%
tested = shares[["tested_young", "tested_aged"]]
points = {"palette": {age: figures.colour(age) for age in ("young", "aged")}, "markers": ["o", "s"], "dodge": 0.3}
points |= {"hue": "donors", "linestyles": "none", "errorbar": None}
with figures.house():
    figure = figures.page(4.4)
    panels = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[5, 2]).flat
    for axes, (hosts, rows) in zip(panels, long.groupby("hosts", sort=False), strict=True):
        sns.pointplot(rows, x="share", y="readout", ax=axes, legend=hosts == long["hosts"].iloc[0], **points)
        axes.set(title=hosts, xlabel="positive, %", ylabel="", xlim=(-5, 105))
    figures.legend_above(figure, figure.axes[0])
chapter.show(
    (figure, shares),
    caption="Recipients with donor cells of each population after the first and the second transplant. Unit: none, for "
    f"donors are not stated; recipients tested: {tested.min(axis=None)} to {tested.max(axis=None)} a group.",
    alt="; ".join(
        f"{row.readout}, {row.subset}, transplant {row.transplant}: young {row.share_young:.0f} %, "
        f"aged {row.share_aged:.0f} %"
        for row in shares.itertuples()
    ),
    name="fig-recipients",
    provenance=of_shares,
)

# %% tags=["folded"]
chapter.show_table(
    shares.rename(columns=lambda name: name.replace("_", " ")),
    caption="Recipients positive of tested. Fisher's exact p, two-sided, over recipients: for the eye only. Context.",
    provenance=of_shares,
)

# %% [markdown]
# More recipients of old HSCs hold donor HSCs; for the lymphoid side (CLP, LMPP) these counts show no clear change, so engraftment cannot stand for lymphoid output.
# If secondary hosts were drawn from primaries that engrafted, they are a selected set.
# On the niche the literature disagrees: young blood and young niches did not rejuvenate old HSCs {cite}`ho2021`, whereas young endothelial cells restored their repopulating capacity, though not their myeloid bias {cite}`poulos2017`.

# %% [markdown]
# ## The prediction, tested

# %% tags=["plumbing-shown"]
chapter.data_box()

# %% [markdown]
# ## Who is the unit?
#
# The first host got the treatment, a niche: it is the **exposed animal**, and later recipients of its cells are subsamples of it {cite}`lazic2018`.
# When one donor's cells go into several niches, we compare the niches within that donor.
# When each donor feeds one niche only, the donor is the unit.
#
# Chimerism is compared as a {term}`logit`, because a percentage has walls at 0 and 100.
# Myeloid, B and T cells add to a whole {cite}`buttner2021`, so we take one balance of them, myeloid against B and T: an isometric log-ratio ({term}`ILR`) {cite}`egozcue2003`.

# %% tags=["needs:serial_transplants"]
grafts = chapter.table("serial_transplants").rename(columns={"exposed_animal": "exposed animal"})
grafts["chimerism"] = stats.logit_percent(grafts["donor_chimerism_pct"])
grafts["myeloid_balance"] = stats.lineage_balance(grafts, myeloid="myeloid_pct", b="b_pct", t="t_pct")

# %% [markdown]
# Read are CD45+ cells of blood.
# A later recipient that is itself aged or ECKO adds a present niche to the past one, and is left out.
# Cells of two donors in one exposed animal are a pool, and so are its batches.

# %% tags=["needs:serial_transplants", "needs:recipients"]
usual = {"tissue": "PB", "readout": "CD45", "host_niche": "wildtype", "status": ""}
for column, level in usual.items():
    grafts[column] = grafts.get(column, level)
primary = (grafts["tissue"] == "PB") & (grafts["readout"] == "CD45")
exposed_again = (grafts["passage"] > 1) & grafts["host_niche"].isin(["aged", "ecko"])
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
        caption=f"{endpoint_text(readout).capitalize()} of donor cells in blood. Thin lines: recipients; bold: mean over "
        "exposed animals, the unit, whose n is in the legend.",
        alt=f"{endpoint_text(readout).capitalize()} over weeks. Means of all bleeds, {scale} scale: {levels}.",
        name=f"fig-courses-{readout.replace('_', '-')}",
    )

# %% [markdown]
# ### One value for each exposed animal
#
# It is the mean over the animal's recipients in the latest week that all have in common, from week 16 on where reached; where early deaths would move it before that, those alive decide.
# The first later passage that has every niche is primary for C5, the latest for C5b, where it is another.
# Passage 1 never is: its cells are still in the niche that exposes them.

# %% tags=["needs:serial_transplants", "needs:recipients", "folded"]
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

# %% tags=["needs:serial_transplants", "needs:recipients", "folded"]
later = {readout: transplants.later_passages(rows) for readout, rows in exposed.groupby("readout")}
first = {readout: passages[0] if passages else None for readout, passages in later.items()}
pd.DataFrame({"later passages with every niche": later, "primary for C5": first})

# %% [markdown]
# ## Two contrasts and their ratio
#
# Phi is what an ECKO niche does (ECKO − control) divided by what an aged niche does (aged − young).
# Each niche keeps a variance of its own; donor and batch stand in the model as blocks.
# Each phi goes on record; without a later passage that has every niche, the record says that no answer can be given.

# %% tags=["needs:serial_transplants", "needs:recipients"]
design = {"value": "value", "group": "niche", "unit": "exposed animal", "block": "donor", "also": ["batch"]}
rules = {readout: chapter.rule(f"C5.transplant.{readout}") for readout in later}
aims = {readout: {"direction": rule.direction, "smallest": rule.smallest} for readout, rule in rules.items()}
contrasts, phis = {readout: {} for readout in later}, {}
for (readout, passage, panel), own in exposed.groupby(["readout", "passage", "panel"]):
    contrasts[readout][panel] = {(a, b): blocked_difference(own, a=a, b=b, **design) for a, b in pairs(own["niche"])}
    if allows_phi(own["niche"]):
        phis[readout, passage] = blocked_phi(own, **aims[readout], **design)

# %% tags=["needs:serial_transplants", "needs:recipients"]
why = "No later passage has every niche, and cells of passage 1 are still in the niche that exposes them."
for (readout, passage), phi in phis.items():
    ids = {later[readout][-1]: f"C5b.transplant.{readout}"} if later[readout] else {}
    ids |= {first[readout]: f"C5.transplant.{readout}"}
    name = ids.get(passage, f"C5.transplant.{readout}.p{passage}")
    chapter.record(name, phi, family=f"{name.partition('.')[0]}.transplant")
    if passage == 1 and not later[readout]:
        chapter.record(f"C5.transplant.{readout}", replace(phi, withheld=phi.withheld or why))
tested = [one for panels in contrasts.values() for found in panels.values() for one in found.values()]
unit = " or ".join(dict.fromkeys(one.unit for one in tested)) or "exposed animal"
panels = {"value": "value", "group": "niche", "animal": "exposed animal", "endpoint": "panel", "order": niches}
notes = dict.fromkeys(note for one in [*tested, *phis.values()] for note in (*one.warnings, one.withheld) if note)
Markdown("\n".join([f"- The unit of every test is the {unit}.", *(f"- {plain_in_markdown(note)}" for note in notes)]))

# %% [markdown] tags=["result:C5.transplant.chimerism"]
# ## Donor chimerism
#
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

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism", "folded"]
chapter.results("C5.transplant.chimerism", caption="Primary for C5 is the row without a number.")

# %% [markdown] tags=["result:C5.transplant.myeloid_balance"]
# ## Lineage output
#
# The donor cells of each exposed animal in the primary passage (or the last, where none is); the other passages stand in the next section.

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
    caption=f"Donor-derived white cells, {panel}. Above: each bar an exposed animal; what is missing to 100 % are other "
    "cells. Below: the balance tested, with 95 % intervals. "
    f"Unit: {unit}; {n_text(found.values())}.",
    alt=alt_text(f"Lineages of donor-derived cells, {panel}", by_contrast({"balance": found})),
    name="fig-lineages",
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages", "folded"]
chapter.results("C5.transplant.myeloid_balance", caption="Primary for C5 is the row without a number.")
chapter.results("C5b.transplant", caption="Primary for C5b.")

# %% [markdown]
# ## How far towards aged?

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
# ## All weeks
#
# A linear mixed model takes every bleed of a passage: niche × week as fixed effects, and a level of its own for each donor, batch, exposed animal and recipient, with the allowance for few animals of Kenward and Roger {cite}`kenward1997`.
# It asks whether niches differ on average over the weeks, and whether they grow apart (the slope).
# Missed bleeds and deaths are taken as missing at random, and the slope is judged too sharply where animals differ in theirs.
# It is secondary: where model and read-out week disagree, the read-out week counts.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:weeks"]
weekly = pd.concat([transplants.over_weeks(recipients, readout).assign(readout=readout) for readout in later])
estimated = weekly[weekly["withheld"] == ""]
reasons = " ".join(dict.fromkeys([*weekly["withheld"], *estimated["notes"]])).strip()
if estimated.empty:
    raise NotTestable(f"The mixed model over weeks estimates nothing here. {reasons}")

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:weeks", "folded"]
table = estimated.rename(columns={"low": "95 % from", "high": "to", "p_holm": "p (Holm)"})
table["contrast"] = table["a"].map(figures.named) + " − " + table["b"].map(figures.named)
table["n"] = table["n_a"].astype(str) + " v " + table["n_b"].astype(str)
for readout, own in table.groupby("readout"):
    chapter.show_table(
        own[["passage", "contrast", "what", "n", "estimate", "95 % from", "to", "df", "p", "p (Holm)"]],
        caption=f"{endpoint_text(readout).capitalize()} over all weeks, secondary: mixed model, REML, Kenward-Roger; p adjusted "
        f"within a passage. Unit: exposed animal. {reasons}",
        formats={"df": ".1f"},
    )

# %% [markdown]
# ## Wrong on purpose: recipients as n
#
# A common mistake: every later recipient counted as an experiment of its own.
# Two recipients of one exposed animal share its niche, its graft and its luck.
# Taking subsamples for n can give up to 80 % false positives {cite}`aarts2014`.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:later"]
last = exposed[(exposed["readout"] == "chimerism") & (exposed["passage"] == first.get("chimerism"))]
if last.empty:
    raise NotTestable("No later passage has the chimerism of every niche: no recipients of it could be counted.")
passage, week, panel = last[["passage", "week", "panel"]].iloc[0]
read = recipients[(recipients["passage"] == passage) & (recipients["week"] == week)].dropna(subset="chimerism")
found = contrasts["chimerism"][panel]

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
# What the mistake costs is how often it finds a difference where none was planted, at the usual level of one in twenty, counted over simulated cohorts:

# %%
rate = calibration.frozen().table.query("id == 'recipients as n: chimerism'").set_index("measure")["rate"]
Markdown(
    f"Recipients as n: {reporting.percent(rate['wrong'])}. Exposed animals as n: {reporting.percent(rate['right'])}."
)

# %% [markdown]
# ## Deaths before the read-out
#
# What is read are the survivors, whose grafts may have been better; a bias arises above all where deaths differ between niches.
# How much could the dead have changed?
# As a **sensitivity analysis** the lowest chimerism that was seen is put in the place of every death; the dead may have been lower still, and it enters no verdict.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism", "folded"]
at_readout = recipients["week"] == recipients["passage"].map(chimerism.groupby("passage")["week"].first())
has_value = recipients.loc[at_readout & recipients["chimerism"].notna(), "recipient"]
died = recipients.loc[recipients["status"] == "died", "recipient"]
each = recipients.drop_duplicates("recipient")
fate = np.select([each["recipient"].isin(has_value), each["recipient"].isin(died)], ["read", "died before"], "not read")
fates = pd.crosstab([each["passage"], each["niche"]], fate, colnames=["recipients"])
fates["exposed animals with a value"] = chimerism.groupby(["passage", "niche"]).size()
fates.fillna(0).astype(int)

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

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:later", "needs:deaths", "folded"]
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
# ## Other tissues
#
# Marrow, or chimerism within {term}`HSCs <HSC>` or {term}`LSK` cells, without a test: means over exposed animals.

# %% tags=["needs:serial_transplants", "folded"]
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
# One unit less is an exposed animal with all of its recipients.
# The other test is phi with one variance for all niches ({ref}`how-robust`).

# %%
chapter.show_robustness(chapter.robustness())

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C5")
chapter.verdict("C5b")

# %% [markdown]
# ## What could be wrong
#
# - Irradiation injures the marrow's vessels; if endothelium without mTOR regrows worse, the graft suffers from failed repair, which is not an aged niche.
#   Hosts conditioned without irradiation, or vessels counted at the time of grafting, tell the two apart.
# - Fewer cells may have lodged in the first host: they then divide more, and what is read later is proliferative stress and not instruction.
# - A niche may select clones rather than change cells; chimerism cannot tell the two apart.
# - The number of cells passed on is rarely matched between niches, and a smaller graft stays smaller without any memory.
# - Deaths before the read-out, if poor grafts kill, make the worse niche look better than it was.
#
# ## Key takeaways
#
# - The exposed animal is the unit; later recipients are subsamples of it, however many there are.
# - A donor that feeds all niches makes the comparison sharper; a donor that feeds one is the unit and makes n smaller.
# - A mark is lasting only if it is seen in a later host, and resembles aging only if the aged niche leaves one too.
#
# ## Further reading
#
# - Young endothelial cells given to old mice: {cite:t}`poulos2017`; young surroundings that did not rejuvenate: {cite:t}`ho2021`.
# - A later study of the same laboratory on restoring the niche: {cite:t}`ramalingam2023`.

# %% tags=["plumbing"]
chapter.write()
