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
# **Does passage through an endothelium without mTOR leave a lasting mark on wild-type {term}`HSPCs <HSPC>`?**

# %% tags=["parameters"]
data_dir = ""  # a folder in the data contract; empty: the simulated world below
world = "paper"
seed = 1

# %% tags=["imports"]
from dataclasses import replace

import pandas as pd
from IPython.display import Markdown
from scipy.special import expit

from endomtor import figures
from endomtor.chapter import open_chapter
from endomtor.errors import NotTestable
from endomtor.reporting import alt_text, limits_text, n_text, number, result_text
from endomtor.stats import (
    allows_phi,
    arrange,
    blocked_difference,
    blocked_phi,
    difference,
    lineage_balance,
    logit_percent,
    one_value_per_unit,
    pairs,
    transplants,
)

# %% tags=["plumbing"]
chapter = open_chapter("05_serial_transplants", data_dir, world, seed)

# %% [markdown]
# ## The question
#
# **What the abstract says.**
# Wild-type HSPCs that passed through an mTOR {term}`ECKO` environment show aging phenotypes in serial transplants, so that signals of the endothelium instruct them {cite}`ramalingam2020`.
#
# **What would count as an answer.**
# The mark must be seen in *later* hosts, when the cells have left the {term}`niche` that exposed them.
# {term}`Phi` says how far an ECKO niche moved the cells from those that passed through a young niche (0) to those that passed through an aged one (1); its interval comes from Fieller's method {cite}`fieller1954`.
# Claim C5 needs one of two read-outs in the latest passage that has every niche: donor {term}`chimerism` (lower after an aged niche) or the myeloid-lymphoid balance of donor cells (higher after an aged niche).
# A read-out counts when the aged niche itself left a mark in the declared direction **and** the interval of phi lies above 0.25.
# That ECKO differs from control is not enough, and where the aged niche leaves no mark there is nothing to resemble.
# A 95 % interval of phi that lies below 0, or a 90 % interval that fits between −0.25 and 0.25, would contradict a read-out; both would have to be contradicted for the claim.
#
# **Which data this page used.**

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
# Myeloid, B and T cells add to a whole, so a rise of one is a fall of the others {cite}`buttner2021`.
# One balance was named beforehand: myeloid against B and T cells, an isometric log-ratio ({term}`ILR`) {cite}`egozcue2003`.

# %% tags=["needs:serial_transplants"]
grafts["chimerism"] = logit_percent(grafts["donor_chimerism_pct"])
grafts["myeloid_balance"] = lineage_balance(grafts, myeloid="myeloid_pct", b="b_pct", t="t_pct")
grafts["status"] = grafts.get("status", "")

# %% [markdown]
# ### Which rows are read
#
# The primary read-out is CD45+ cells of blood.
# A later recipient that is itself aged or ECKO adds a present niche to the past one, and is left out.
# Cells of two donors in one exposed animal are a pool.

# %% tags=["needs:serial_transplants"]
primary = pd.Series(True, index=grafts.index)
for column, level in {"tissue": "PB", "readout": "CD45"}.items():
    if column in grafts:
        primary &= grafts[column] == level
hosts = grafts.get("host_niche", pd.Series("wildtype", index=grafts.index))
exposed_again = (grafts["passage"] > 1) & hosts.isin(["aged", "ecko"])

# %% tags=["needs:serial_transplants", "needs:recipients"]
recipients = grafts[primary & ~exposed_again].copy()
if recipients[["chimerism", "myeloid_balance"]].isna().all(axis=None):
    raise NotTestable(
        "These data have no donor cells in CD45+ blood cells: the primary read-outs are not testable here."
    )
for label in ("donor", "batch"):
    recipients[label] = transplants.pooled(recipients, label)
left_out = grafts.loc[exposed_again, "recipient"].nunique()
Markdown(f"{recipients['recipient'].nunique()} recipients are read; {left_out} that were aged or ECKO are left out.")

# %% [markdown]
# ### One value for each exposed animal
#
# In each passage it is the mean over the animal's recipients in the latest week that all have in common, from week 16 on where reached.
# Where an early death would move every animal's read-out to the weeks before it, those alive decide the week.

# %% tags=["needs:serial_transplants", "needs:recipients"]
values = []
for readout in ("chimerism", "myeloid_balance"):
    for _, own in recipients.groupby("passage"):
        week = transplants.readout_week(own, readout).time
        read = own[own["week"] == week].rename(columns={readout: "value"})
        carry = ["passage", "week", "niche", "donor", "batch"]
        each = one_value_per_unit(read, value="value", unit="exposed animal", carry=carry)
        values.append(each.assign(readout=readout))
exposed = pd.concat([each for each in values if len(each)])
exposed.groupby(["readout", "passage", "week", "niche"]).size().unstack()

# %% [markdown]
# The latest passage that has every niche is primary.
# Passage 1 never is: its cells are read in the animal whose niche exposes them, so that nothing is lasting yet.

# %% tags=["needs:serial_transplants", "needs:recipients"]
final = {
    readout: transplants.final_passage({passage: own["niche"] for passage, own in rows.groupby("passage")})
    for readout, rows in exposed.groupby("readout")
}
pd.Series(final, name="primary passage").to_frame()

# %% [markdown]
# ## Two contrasts and their ratio
#
# What does an aged niche do (aged − young), and what does an ECKO niche do (ECKO − control)?
# Phi is the second divided by the first.
# Each niche keeps a variance of its own; donor and batch stand in the model as blocks.
# This primary analysis takes one week and needs no model for how the bleeds of one mouse hang together.

# %% tags=["needs:serial_transplants", "needs:recipients"]
design = {"value": "value", "group": "niche", "unit": "exposed animal", "block": "donor", "also": ["batch"]}
contrasts, phis = {readout: {} for readout in final}, {readout: {} for readout in final}
for (readout, passage), own in exposed.groupby(["readout", "passage"]):
    contrasts[readout][passage] = {(a, b): blocked_difference(own, a=a, b=b, **design) for a, b in pairs(own["niche"])}
    if allows_phi(own["niche"]):
        rule = chapter.rule(f"C5.transplant.{readout}")
        direction = {"direction": rule.direction, "smallest": rule.smallest}
        phis[readout][passage] = blocked_phi(own, **direction, **design)

# %% [markdown]
# Each phi goes on record, where the ledger finds it.
# Without a later passage that has every niche, the record says that no answer can be given.

# %% tags=["needs:serial_transplants", "needs:recipients"]
not_lasting = "No later passage has every niche, and cells of passage 1 are still in the niche that exposes them."
for readout, passages in phis.items():
    name = f"C5.transplant.{readout}"
    for passage, phi in passages.items():
        chapter.record(name if passage == final[readout] else f"{name}.p{passage}", phi, family="C5.transplant")
    if final[readout] is None and 1 in passages:
        chapter.record(name, replace(passages[1], withheld=passages[1].withheld or not_lasting))

# %% [markdown]
# What the design made of the donors, and how each contrast is called in the figures:

# %% tags=["needs:serial_transplants", "needs:recipients"]
named = {readout: {} for readout in final}
for readout, passages in contrasts.items():
    for passage, own in passages.items():
        named[readout] |= {f"passage {passage}, {a} − {b}": one for (a, b), one in own.items()}
estimates = [one for own in named.values() for one in own.values()]
unit = " or ".join(dict.fromkeys(one.unit for one in estimates)) or "exposed animal"
notes = dict.fromkeys(note for one in estimates for note in one.warnings)
Markdown(f"The unit of these contrasts is the {unit}. {' '.join(notes)}")

# %% [markdown] tags=["result:C5.transplant.chimerism"]
# ## Donor chimerism
#
# Every recipient is a thin line.
# Bold lines are means over exposed animals.
# Where recipients die, a bold line may rise only because poor grafts have left it.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
chimerism = exposed[exposed["readout"] == "chimerism"]
if chimerism.empty:
    raise NotTestable("These data have no donor chimerism: it is not testable here.")
means = 100 * expit(chimerism.groupby(["passage", "niche"])["value"].mean())
levels = "; ".join(f"passage {passage}, {niche} {mean:.0f} %" for (passage, niche), mean in means.items())

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
niches = ["young", "aged", "control", "ecko"]
course = {"time": "week", "animal": "recipient", "unit": "exposed animal", "group": "niche", "order": niches}
course |= {"facet": "passage", "xlabel": "week after the transplant"}
course["titles"] = {passage: f"passage {passage}" for passage in sorted(recipients["passage"].unique())}
chapter.show(
    figures.courses(recipients, value="chimerism", ylabel="donor chimerism (%)", scale="logit", **course),
    caption="Donor chimerism of CD45+ blood cells. Thin lines: recipients, which are subsamples; bold: mean over "
    "exposed animals, the unit, whose n is in the legend.",
    alt=f"Donor chimerism over weeks. Means at the read-out: {levels}.",
    name="fig-courses-chimerism",
)

# %% [markdown]
# ### Every exposed animal
#
# The contrasts stand beside the animals.
# Passage 1 is read in the exposed animal itself, where the niche still acts.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
animals = {"value": "value", "group": "niche", "animal": "exposed animal", "endpoint": "passage", "order": niches}
weeks = chimerism.groupby("passage")["week"].first()
drawn = figures.estimation_grid(
    chimerism,
    estimates={
        passage: {pair: None if one.withheld else one for pair, one in own.items()}
        for passage, own in contrasts["chimerism"].items()
    },
    titles={passage: f"passage {passage}, week {week:g}: donor chimerism, %" for passage, week in weeks.items()},
    scale="logit",
    **animals,
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
chapter.show(
    drawn,
    caption="Every exposed animal a point, the mean of its recipients; contrasts are ratios of odds with 95 % "
    f"intervals. Unit: {unit}; {n_text(named['chimerism'].values())}.",
    alt=alt_text("Donor chimerism per exposed animal, differences of logits", named["chimerism"]),
    name="fig-exposed-chimerism",
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
chapter.results("C5.transplant.chimerism", caption="Donor chimerism: phi. The row without a number is primary.")

# %% [markdown] tags=["result:C5.transplant.myeloid_balance"]
# ## Lineage output
#
# The same steps for the balance of myeloid against B and T cells.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
balance = exposed[exposed["readout"] == "myeloid_balance"]
if balance.empty:
    raise NotTestable("These data have no lineages of donor cells: they are not testable here.")
means = balance.groupby(["passage", "niche"])["value"].mean()
levels = "; ".join(f"passage {passage}, {niche} {number(mean)}" for (passage, niche), mean in means.items())

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
chapter.show(
    figures.courses(recipients, value="myeloid_balance", ylabel="ILR balance", **course),
    caption="Myeloid-lymphoid balance of donor cells. Thin lines: recipients; bold: mean over exposed animals, the "
    "unit, whose n is in the legend.",
    alt=f"Myeloid-lymphoid balance over weeks. Means at the read-out: {levels}.",
    name="fig-courses-myeloid-balance",
)

# %% [markdown]
# The cells themselves, in the primary passage (or the last one, where none is):

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
lineages = {"myeloid_pct": "myeloid", "b_pct": "B", "t_pct": "T"}
last = balance[balance["passage"] == (final["myeloid_balance"] or balance["passage"].max())]
passage, week = last[["passage", "week"]].iloc[0]
read = recipients[(recipients["passage"] == passage) & (recipients["week"] == week)]
last = last.join(read.groupby("exposed animal")[list(lineages)].mean(), on="exposed animal")
about = {
    "animal": "exposed animal",
    "group": "niche",
    "order": [niche for niche in niches if niche in set(last["niche"])],
}
drawn = figures.composition(
    last,
    parts=lineages,
    balance="value",
    balance_label="myeloid against B and T, ILR balance",
    estimates={pair: one for pair, one in contrasts["myeloid_balance"][passage].items() if not one.withheld},
    **about,
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
own = {f"balance, {a} − {b}": one for (a, b), one in contrasts["myeloid_balance"][passage].items()}
chapter.show(
    drawn,
    caption=f"Donor-derived white cells in passage {passage:g}, week {week:g}. Above: lineages, each bar an exposed "
    "animal (mean of its recipients); what is missing to 100 % are other cells. Below: the balance tested, with 95 % "
    f"intervals. Unit: {unit}; {n_text(own.values())}.",
    alt=alt_text(f"Lineages of donor-derived cells in passage {passage:g}", own),
    name="fig-lineages",
)

# %% [markdown]
# The balance in each passage:

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
weeks = balance.groupby("passage")["week"].first()
drawn = figures.estimation_grid(
    balance,
    estimates={
        passage: {pair: None if one.withheld else one for pair, one in own.items()}
        for passage, own in contrasts["myeloid_balance"].items()
    },
    titles={passage: f"passage {passage}, week {week:g}: myeloid balance, ILR" for passage, week in weeks.items()},
    **animals,
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
chapter.show(
    drawn,
    caption="Every exposed animal a point, the mean of its recipients; contrasts with 95 % intervals. "
    f"Unit: {unit}; {n_text(named['myeloid_balance'].values())}.",
    alt=alt_text("Myeloid-lymphoid balance per exposed animal", named["myeloid_balance"]),
    name="fig-exposed-myeloid-balance",
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:lineages"]
chapter.results("C5.transplant.myeloid_balance", caption="Lineages: phi. The row without a number is primary.")

# %% [markdown]
# ## How far towards aged?
#
# Every phi on one axis, from cells of a young niche (0) to cells of an aged niche (1):

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:phi"]
rows, reasons = [], []
for readout, passages in phis.items():
    for passage, phi in passages.items():
        label = f"{readout.replace('_', ' ')}, passage {passage}"
        label += " (primary)" if passage == final[readout] else ""
        limits = {"low": phi.ci_low, "high": phi.ci_high, "interval_kind": phi.interval_kind}
        note = "no verdict" if phi.withheld else None
        rows.append({"label": label, "estimate": phi.estimate, "group": "ecko", "note": note, **limits})
        reasons += [f"- {label}: no verdict. {phi.withheld}"] * bool(phi.withheld)
        reasons += [f"- {label}: {warning}" for warning in phi.warnings]
if not rows:
    raise NotTestable(
        "Phi needs young, aged and ECKO niches in one passage, and these data have none: see the contrasts."
    )

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:phi"]
everyone = {f"{readout}, passage {n}": phi for readout, own in phis.items() for n, phi in own.items()}
chapter.show(
    figures.forest(
        pd.DataFrame(rows),
        xlabel="phi: how far an ECKO niche moves cells from young to aged",
        references={0: "young", 1: "aged"},
        smallest=rule.smallest,
    ),
    caption="Phi of each read-out and passage with its 95 % set; dotted: the smallest phi of interest. "
    f"Unit: {unit}; {n_text(everyone.values())}.",
    alt=alt_text("Phi of serial transplants", everyone),
    name="fig-phi",
)
Markdown("\n".join(reasons))

# %% [markdown]
# ## All weeks: secondary
#
# A linear mixed model takes every bleed of a passage: niche × week as fixed effects, the week as a straight line, and a level of its own for each donor, batch, exposed animal and recipient, with the allowance for few animals of Kenward and Roger {cite}`kenward1997`.
# It asks whether niches differ on average over the weeks (in the middle of those seen), and whether they grow apart (the slope).
# Missed bleeds and deaths are taken as missing at random, and a slope is judged by the scatter of single bleeds, which is too sharp where animals differ in their slope.
# Where model and read-out week disagree, the read-out week is primary.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:weeks"]
weekly = pd.concat([transplants.over_weeks(recipients, readout).assign(readout=readout) for readout in final])
compared = list(zip(weekly["a"], weekly["b"], strict=True))
by_design = [chapter.dataset.withheld("serial_transplants", a, b) for a, b in compared]
weekly["withheld"] = weekly["withheld"].where(weekly["withheld"] != "", by_design)
weekly["contrast"] = [f"{figures.named(a)} − {figures.named(b)}" for a, b in compared]
estimated = weekly[weekly["withheld"] == ""]
reasons = " ".join(dict.fromkeys([*weekly["withheld"], *estimated["notes"]])).strip()
if estimated.empty:
    raise NotTestable(f"The mixed model over weeks estimates nothing here. {reasons}")

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:weeks"]
for readout, own in estimated.groupby("readout"):
    limits = [f"{number(low, 3)} to {number(high, 3)}" for low, high in zip(own["low"], own["high"], strict=True)]
    table = own[["passage", "contrast", "what", "estimate"]].assign(**{"95 %": limits})
    table[["df", "p", "p (Holm)"]] = own[["df", "p", "p_holm"]]
    n = pd.concat([own["n_a"], own["n_b"]])
    chapter.show_table(
        table.astype({"passage": str}),
        caption=f"Secondary, no verdict rests on it: {readout.replace('_', ' ')} over all weeks, linear mixed model, "
        f"REML, Kenward-Roger; p adjusted within a passage. Unit: exposed animal, {n.min()} to {n.max()} in a niche. "
        f"{reasons}",
        formats={"df": ".1f"},
    )

# %% [markdown]
# ## Wrong on purpose: recipients as n
#
# A common mistake, shown so that it can be recognised: every later recipient counted as an experiment of its own.
# Two recipients of one exposed animal share its niche, its graft and its luck; counting both says twice what was seen once.
# Taking subsamples for n can give up to 80 % false positives {cite}`aarts2014`.
# Here only the unit differs; the blocks stay.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism", "needs:recipients_as_n"]
passage = final.get("chimerism")
own = contrasts["chimerism"][passage] if passage else {}
pair = next((pair for pair in own if pair[0] == "ecko" and not own[pair].withheld), None)
if pair is None:
    raise NotTestable("No later passage compares ECKO with a reference: nothing can be counted wrongly here.")
right = own[pair]
averaged = chimerism[(chimerism["passage"] == passage) & chimerism["niche"].isin(pair)]
read = recipients[(recipients["passage"] == passage) & (recipients["week"] == averaged["week"].iloc[0])]
each = read[read["niche"].isin(pair)].dropna(subset=["chimerism"])
blocks = arrange(averaged, **design).blocks
about = {"group": "niche", "a": pair[0], "b": pair[1]}
wrong = difference(each, value="chimerism", unit="recipient", block=blocks, **about)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism", "needs:recipients_as_n"]
both = {f"right: {right.unit}s as n": right, "WRONG: recipients as n": wrong}
rows = [
    {"label": label, "estimate": one.estimate, "low": one.ci_low, "high": one.ci_high, "n": n_text([one])}
    for label, one in both.items()
]
drawn = figures.forest(
    pd.DataFrame(rows).assign(interval_kind="bounded"),
    xlabel="ECKO − reference, logit of donor chimerism",
    references={0: "no difference"},
)

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism", "needs:recipients_as_n"]
chapter.show(
    drawn,
    caption=f"The same contrast of passage {passage}, {' − '.join(map(figures.named, pair))}, with 95 % intervals: over "
    f"{right.unit}s ({n_text([right])}) and, wrongly, over recipients ({n_text([wrong])}).",
    alt=alt_text("Right and wrong unit", both),
    name="fig-wrong-unit",
)
share = (wrong.ci_high - wrong.ci_low) / (right.ci_high - right.ci_low)
change = f"{100 * (1 - share):.0f} % narrower" if share < 1 else "not narrower this time, and wrong all the same"
Markdown(f"**Wrong:** {result_text(wrong)}. **Right:** {result_text(right)}. The wrong interval is {change}.")

# %% [markdown]
# ## Deaths before the read-out
#
# A recipient with a poor graft may die before it is bled for the last time, and an exposed animal that dies early has no later recipients.
# What is then read are the survivors, whose grafts may have been better.
# A bias arises above all where deaths differ between niches.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism"]
lost = (
    recipients.groupby(["passage", "niche", "recipient"])["status"].agg(lambda own: "died" in set(own)).rename("died")
)
lost = lost.reset_index()
at_week = recipients["week"] == recipients["passage"].map(chimerism.groupby("passage")["week"].first())
read = recipients.loc[at_week & recipients["chimerism"].notna(), "recipient"]
lost["fate"] = lost["died"].map({True: "died", False: "not read"}).mask(lost["recipient"].isin(read), "read")
fates = pd.crosstab([lost["passage"], lost["niche"]], lost["fate"])
fates["exposed animals with a value"] = chimerism.groupby(["passage", "niche"]).size()
unknown = " Status is not given: deaths cannot be told from other gaps." if (recipients["status"] == "").all() else ""
chapter.show_table(
    fates.reset_index(),
    caption="Recipients in each passage and niche: read, died before the read-out, or not read for another reason; "
    f"and the exposed animals that have a value.{unknown}",
)

# %% [markdown]
# How much could the dead have changed?
# The next table puts the lowest chimerism that was seen in the place of every death.
# This is a **sensitivity analysis**: the dead may have been lower still, and it enters no verdict.

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism", "needs:deaths"]
passage = final.get("chimerism")
if passage is None:
    raise NotTestable("No later passage has every niche: there is no read-out that the dead could change.")
week = chimerism.loc[chimerism["passage"] == passage, "week"].iloc[0]
dead = transplants.dead_at_the_lowest(recipients, "chimerism", passage=passage, week=week)
if dead.empty:
    raise NotTestable("No death before the read-out of the final passage is on record, so none is filled in.")
read = recipients[(recipients["passage"] == passage) & (recipients["week"] == week)]
filled = pd.concat([read, dead]).rename(columns={"chimerism": "value"})
filled = one_value_per_unit(filled, value="value", unit="exposed animal", carry=["niche", "donor", "batch"])

# %% tags=["needs:serial_transplants", "needs:recipients", "needs:chimerism", "needs:deaths"]
rows = {
    f"{a} − {b}, logit": (one, blocked_difference(filled, a=a, b=b, **design))
    for (a, b), one in contrasts["chimerism"][passage].items()
}
if passage in phis["chimerism"]:
    rule = chapter.rule("C5.transplant.chimerism")
    phi = blocked_phi(filled, direction=rule.direction, smallest=rule.smallest, **design)
    rows["phi"] = (phis["chimerism"][passage], phi)
words = {name: [f"{number(one.estimate)} ({limits_text(one)})" for one in both] for name, both in rows.items()}
chapter.show_table(
    pd.DataFrame(words, index=["survivors", "dead at the lowest"]).T.reset_index(names=""),
    caption=f"Donor chimerism of passage {passage} (95 % interval) in survivors, which is the analysis, and with the "
    "lowest value seen put in for every recipient that died before. Descriptive only. "
    f"{n_text(both[1] for both in rows.values())}.",
)

# %% [markdown]
# ## Other tissues and populations
#
# Marrow, or chimerism within {term}`HSCs <HSC>` or {term}`LSK` cells, is described here without a test: the mean over exposed animals on the logit scale, printed in per cent.

# %% tags=["needs:serial_transplants", "needs:other_readouts"]
others = grafts[~primary & ~exposed_again]
if others.empty:
    raise NotTestable("These data hold no other tissue or population than CD45+ cells of blood.")
labels = [column for column in ("tissue", "readout", "passage") if column in others]
values = []
for _, own in others.groupby(labels):
    read = own[own["week"] == transplants.readout_week(own, "chimerism").time]
    carry = [*labels, "week", "niche"]
    values.append(one_value_per_unit(read, value="chimerism", unit="exposed animal", carry=carry))
described = pd.concat(values).groupby([*labels, "week", "niche"])["chimerism"].agg(["mean", "size"])
described["mean"] = 100 * expit(described["mean"])
described.set_axis(["donor chimerism, %", "exposed animals"], axis=1).round(1)

# %% [markdown]
# ## Real data
#
# No public data of this experiment are known: wild-type cells through young, aged and ECKO niches, read in later hosts animal by animal.
# What the literature says about the premise points both ways.
# In a study of another question, young blood and young niches did not rejuvenate old HSCs {cite}`ho2021`.
# Young endothelial cells restored the repopulating capacity of old HSCs, but not their myeloid bias {cite}`poulos2017`.
# So a prediction on chimerism can hold while that on lineages fails, and this page keeps them apart.

# %% [markdown]
# ## How robust is it?
#
# Would the verdict be the same with one exposed animal less, and so without any of its recipients, without the batch, by another defensible test, or with half or twice the smallest effect of interest as the threshold?
# Each variant runs the analysis of this page anew; the {term}`robustness` of the verdict is the number of them that leave it as it is ({ref}`how-robust`).
# The other test is phi with one variance for all niches; donor and batch stay in the model.

# %%
robust = chapter.robustness()

# %%
chapter.show_robustness(robust)

# %% [markdown]
# ## The verdict

# %%
chapter.verdict("C5")

# %% [markdown]
# ## What could be wrong
#
# - Fewer cells may have lodged in the first host: they then divide more, and what is read later is proliferative stress and not instruction.
# - A niche may select clones rather than change cells; chimerism cannot tell the two apart.
# - The number of cells passed on is rarely matched between niches, and a smaller graft stays smaller without any memory.
# - Deaths before the read-out, if poor grafts kill, make the worse niche look better than it was.
# - Donor and batch enter differently: the donor is a block, the batch is only checked, and withholds the verdict where it cannot be told from the niche.
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
