# ---
# jupyter:
#   jupytext:
#     notebook_metadata_filter: vireid
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   vireid:
#     budget_s: 60
# ---

# %% [markdown]
# # 16 · Results: what does every method do on equal terms?
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/16_results.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/16_results.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/16_results.py)
#
# **Objective.** Read the whole evidence of this workbook: which run is kept, what each method adds
# over an honest control, which of the papers' steps are seen again, and what stays open.
#
# **Before this.** Notebooks 07 and 14; the methods are those of 06 and 08 to 12.
#
# **Time.** 30 minutes to read; runs in under 60 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - trace every number of a results table to the run that made it;
# - tell a gain from chance with a handful of seeds;
# - say in two sentences what this store does *not* show.
#
# **Sections.** 1 · 4 min, 2 · 8 min, 3 · 5 min, 4 · 5 min, 5 · 5 min, 6 · 3 min, 7 · 2 min; the
# exercises take as long again.
#
# **On the map.** evaluation (framed below; the whole map is in [00](00_start_here.ipynb)). Terms
# are in the [glossary](../docs/glossary.md).
#
# ← [15 Add your own](15_add_your_own.ipynb) ·
# [README](../README.md) →

# %% tags=["colab"]
import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    # %pip install -q git+https://github.com/vireid/vireid
    from google.colab import output

    output.enable_custom_widget_manager()

# %% [markdown]
# The one dial chooses whose rows section 1 lists; the tables on equal terms are of SynthVI, and are
# read from records: nothing is trained here.

# %% tags=["parameters"]
DATA, PRESET = "synthvi", "tiny"

# %%
import numpy as np
import pandas as pd
from IPython.display import display

from vireid import checks, evidence, figures, plots, runs, widgets

plan = evidence.read()
states = evidence.states(plan.cells)
found = evidence.found(states)
print(f"{len(states)} runs are planned, {sum(s.verdict == 'kept' for s in states)} are kept")

# %%
plots.show(plots.pipeline_map("evaluation"), "The map of the workbook; here: evaluation.")

# %% [markdown]
# ## 1 · What is kept
#
# A *plan* (`data/evidence.toml`) lists every run: method, row, data set, seed. A *store*
# (`data/runs`) keeps a small record of each: its settings, curves, scores and everything that
# decides it. `vireid evidence` trains what is missing; a record whose identity is no longer the
# plan's (another setting, other pictures, another version of the numbers) counts as *another* and
# is never shown. "CPU minutes left" is what the missing runs would take on one core.

# %%
covered = evidence.coverage(states)
begun = covered["kept"] > 0
display(covered[begun])
print(f"{sum(~begun)} studies more, {covered['planned'][~begun].sum()} runs, are not begun")

# %%
plain = [study.name for study in plan.studies if study.data == DATA and not study.options]
for name in dict.fromkeys(plain):
    if name in found:
        print(name)
        plots.table(evidence.rows(found[name]))

# %% [markdown]
# Rows for which people or a dial of the world were changed come in section 5. Any number can be
# traced: `vireid evidence --show` names the records, and `vireid replay RUN` trains one again and
# compares curve by curve.
#
# ## 2 · Equal terms
#
# No published table compares these methods with one network, one schedule and one evaluation. Here
# everybody gets the same people, the same starting weights and 680 optimiser steps, stage 1
# included. What differs is what *is* the method: pictures of a step, losses, labels, and for MCF
# the regions. Gains are over **stage 1, prolonged**: as many steps, nothing learnt across.
#
# **Predict first.** Of the published methods with at least three seeds in the table, how many are
# ahead of the control in *every* seed?

# %%
guess = widgets.predict(
    "16-ahead",
    "How many methods are ahead of the control in every seed?",
    high=8,
    unit="methods",
)
guess.show()

# %%
plots.table(evidence.equal_terms(plan.equal, found))

# %%
scores, base = figures.evidence.scores_on_equal_terms()
drawn = figures.evidence.equal_terms()
gains = plots.gains_over(base, scores) if base in scores else {}
if drawn is None:
    print("No pair of rows has been trained yet: vireid evidence")
else:
    told = "; ".join(f"{name} {np.mean(values):+.1f}" for name, values in gains.items() if values)
    plots.show(drawn, f"Mean gain in rank-1 over {base}: {told}.")

# %%
CONTROLS = {row["title"] for row in plan.equal if row.get("control")}
methods = {name: v for name, v in gains.items() if name not in CONTROLS and len(v) >= 3}
guess.reveal(sum(min(values) > 0 for values in methods.values()))

# %% [markdown]
# "95 % of the mean" is a bootstrap over seeds: of so few of them it is too narrow (of five it holds
# the true mean in some 83 of 100 cases, of three in 75); "95 % of the gain", by Student's t, is
# not. Rows called *part* are a method without what its paper adds on top: where they stand above
# it by more than chance (section 4), that addition costs here. "Best on the test set" shows what
# choosing the epoch on the test people would have added, which is what released codes do; no other
# number here uses it. A gain with † is between a run on a CPU and one on a GPU (section 4).
#
# ## 3 · Who is written last
#
# Most memories keep 10 to 20 % of the old prototype when a new feature comes (notebook 06; MCF's
# shared ones keep 80 % in phase 2), so of the views that a batch writes, the last one owns the
# prototype. Which view that is, is a choice that
# no paper discusses. The same trainings with the order changed, in both stages, and nothing else (r
# infrared, a augmented visible, v plain visible):

# %%
drawn, gained = figures.evidence.written_last(), evidence.order_gains(plan, found)
if drawn is None:
    print("Not trained in two orders yet: vireid evidence --only order_mult order_mcf order_dmdl")
else:
    told = [f"{name} {np.mean([*gains.values()]):+.1f}" for name, gains in gained.items()]
    plots.show(drawn, f"Mean gain over the released order: {'; '.join(told)}.")

# %% [markdown]
# A part of a method can be worth its weight in one order and cost points in the other. MULT's OCLR,
# in both orders, in the schedule of the tables and in one of ten times the steps:

# %%
ORDERS = {
    "r, a, v (released)": "synthvi_small_mult",
    "v, a, r": "order_mult",
    "r, a, v, ten times the steps": "slow_mult",
    "v, a, r, ten times the steps": "slow_order_mult",
}
lines = {}
for name, study in ORDERS.items():
    without, whole = (found.get(study, {}).get(row, []) for row in ("3", "7"))
    if added := runs.gained(whole, without):
        scores = runs.rank1({"without OCLR (row 3)": without, "with OCLR (row 7)": whole})
        lines[name] = {row: f"{np.mean(values):.1f}" for row, values in scores.items()}
        lines[name]["OCLR adds, by seed"] = " / ".join(f"{gain:+.1f}" for gain in added)
display(pd.DataFrame.from_dict(lines, orient="index"))

# %% [markdown]
# The sign follows the order, not the length: ten times the steps lift every row by 10 to 27 points,
# and what OCLR adds or costs grows with them. The row "oracle" in the picture above ends 14 to 27
# points higher, too: better labels do not make up for the order. How much of it all is there after
# stage 1 already, where infrared has a memory of its own and the order decides between plain and
# augmented visible pictures?

# %%
columns = ["row", "another order", "seeds", "after stage 1", "gain by seed"]
plots.table(evidence.orders(plan, found).set_index("method")[columns])

# %% [markdown] tags=["synthvi"]
# Much of it: 14 to 19 of MULT's points, and nearly all of MCF's (R1). The lines of one stage alone
# take the stages apart (their stage 1 is another training, so 4 points in the mean are chance).
# Turned in stage 1 alone, the order is worth 17 to 29 points to MULT without OCLR (row 3) and 5 to
# 10 to the whole method (row 7); turned in stage 2 alone, 4 to 15 and nothing. Two things turn at
# once in stage 2, and the last two lines take them apart: infrared last is worth nothing, the
# augmented view after the plain one is all of it. So in either stage a memory that ends on the
# augmented view teaches more than one that ends on the plain view, and it is not whether infrared
# owns the shared prototypes; where OCLR teaches, stage 2's order matters little.

# %% [markdown]
# ## 4 · The papers' steps
#
# How far apart are two trainings that are the *same*? On one core of one processor not at all,
# number by number. On another processor, on a GPU with other versions of the packages, or by two
# threads in place of one, sums are added in another order, and rank-1 differs by so many points,
# from the same weights with the same settings and seed (most when the training is a whole one, with
# a stage 1 of its own):

# %%
twice = evidence.chance(plan, found)
display(pd.DataFrame(twice).T.round(1).rename(columns=lambda seed: f"seed {seed}"))

# %% [markdown]
# A step of that size in one seed has shown nothing. Each line below is one step: of a paper's
# ablation where *paper* has a number (what it adds on SYSU-MM01) or a bare sign (told in words or
# in a picture), and composed by us elsewhere. *agrees* compares signs alone, another world has
# other sizes: all seeds have the paper's (yes), all the other one (no), or not all the same
# (mixed). *Level* is a mean that chance alone may have made: within two standard errors of the
# differences above, for rows that began from one stage 1 of those that did, for rows with a stage 1
# each of the larger ones.

# %%
plots.table(evidence.against_paper(plan, found), index=False)

# %% [markdown]
# ## 5 · When people are missing on one side
#
# All of the above trains on people who are seen in both modalities. In a street many are not: a
# person passes the visible camera by day and never comes back at night. `--absent 0.5` takes from
# half of the training people the pictures of one modality, visible from one half of them and
# infrared from the other; the test stays as it is. There is less to learn from, and some images
# have no partner to be found.
#
# **Predict first.** Matching looks for a partner for each cluster, clustering over both modalities
# asks who is near. Which of them loses more when half of the partners are not there? (Below:
# matching is ADCA, PGM, N-ULC, DMDL, MULT and MCF, clustering over both is BMIL. Look whether the
# gap between them is larger than that between seeds. *largest over least*: what the largest share
# that was trained adds to none missing, seed by seed, with the share where it is less than the
# table's. *lone linked*: of the images without a partner, how many share a label across all the
# same, at that share. *steps*: of the row's own run.)

# %%
drawn, by_data = figures.sensitivity.people_missing(), evidence.turned(found, "absent")
for data, lines in by_data.items():
    print(f"{data}: rank-1 by {evidence.DIALS['absent']}, per cent")
    plots.table(evidence.over(lines))
if drawn is None:
    print("Not trained yet: vireid evidence --only synthvi_small_bmil_absent_0.5")
else:
    told = evidence.missing(found, plan.equal)
    plots.show(drawn, told or "Rank-1 and lone images linked over absence.")

# %% [markdown]
# A row that trains longer than stage 1 alone gains by that already. What is the *pairing* worth
# where fewer and fewer people can be paired? MULT with each association in its place, beside MULT's
# stage 1 prolonged on the same pictures, in which nobody is paired (*ahead* and *behind*: all seeds
# say so, and the mean is beyond chance, section 4):

# %%
drawn = figures.sensitivity.pairing_worth()
if drawn is not None:
    plots.show(drawn, "Rank-1 that each association adds to nobody paired, over absence.")
for title, gains in evidence.beside(plan, found).items():
    print(f"{title}: mean gain (by seed), by share of people missing")
    plots.table(gains)

# %% [markdown] tags=["synthvi"]
# The pairing does what it should: MULT's own is worth 6 to 7 points while at least half of the
# people have a partner, and nothing where nobody has. Wrong pairs alone cost 2.6 points at most.
# Nearly all of MULT's gain is OCLR's: without the losses on transferred labels (IM, CM) it adds 14
# to 16 points while a quarter of the people can be paired, and 7 where nobody can. IM and CM add
# 2.7 to that where all can be paired, and nothing sure elsewhere. More than half of what OCLR adds
# needs no right pair: with partners drawn at random it adds 8 / 11 / 9 points of 12 / 17 / 18
# (`docs/log.md`; all this in the released order of writing).

# %% [markdown]
# People are not all that can be missing. On SynthVI three dials of the *world* can be turned, each
# with everything else as it is: `modality_gap` (how much of a cloth's infrared look no colour
# tells), how many pictures a person has in each modality, and the share of people whose patterns
# and bags infrared does not show. (n on the axes is the number of seeds: a line of one seed shows a
# direction, no size.)

# %%
drawn = figures.sensitivity.world_dials()
if drawn is None:
    print("No dial of the world has been turned in a kept training yet.")
else:
    plots.show(drawn, "Rank-1 as one dial of the world is turned and nothing else.")

# %% [markdown] tags=["synthvi"]
# What sets methods apart needs a look that infrared keeps: at a gap of 1 all end within 4 points
# (16 to 19; stage 1 alone 14). Cues that infrared lacks cost them 34 to 44 points, stage 1 23.
# Infrared pictures are missed less: a third of them costs 2 to 5 points, a sixth 10 to 17, DMDL
# most. Seed 1 but for MULT's gap: directions, no sizes.

# %% [markdown]
# ## 6 · On real people
#
# The same table for M3SVD-Persons: 30 people from public videos, each in *one* scene, trained and
# scored on the same unlabelled people (chance 3.3 %). Within a modality their clusters are nearly
# perfect; across, hardly any feature says who is who. No claim about other cameras can be made.
#
# **Predict first.** On drawn people most methods beat the control. All of them begin with features
# whose neighbours cross the gap now and then. What is left of their gains where hardly any do?

# %%
plots.table(evidence.equal_terms(plan.real, found))

# %% [markdown]
# Only true identities move much, and not in every run: the seed that stays far behind is a training
# whose loss rose half-way; the very same training, run again on the same GPU, which repeats no sum
# exactly, ended 30 points higher (`docs/log.md`). SqueezeNet has no batch norm to calm it. Do not
# read a mean with such a spread.
#
# Can such features be bridged without a pair? Three *looks* that both modalities can share
# ([notebook 01](01_two_modalities.ipynb)) as half of the second visible and of the infrared views,
# a stage 1 of three times the epochs, and neighbours voted over looks (`votes`) in BMIL's joint
# clusters, each tried on the development seed alone, everything else as it is:

# %%
tried = found.get("m3svd_bridges", {})
if tried:
    shown = evidence.rows(tried)
    pairs = {row: runs[0].curve("global/cross_precision")[1] for row, runs in tried.items()}
    for name, epoch in (("first", 0), ("last", -1)):
        shown[f"right pairs across, {name} epoch"] = [
            f"{100 * pairs[row][epoch]:.0f}" if pairs[row] else "" for row in shown.index
        ]
    display(shown.drop(columns=["seeds", "rank-1 by seed"]))
else:
    print("Not trained yet: vireid evidence --only m3svd_bridges --root FOLDER")

# %% [markdown]
# **What to doubt.** One seed tells what is worth a second look, and no more; another seed of real
# data has the same people, so what is chosen on seed 0 has seen them all. And is it the person
# that was found, or the place? Each person stands in front of one background in both modalities.
# `vireid evaluate --data m3svd` asks: of what was scored so (stage 1, PGM, MULT, DMDL, MCF) the
# best answer is from the right one of nine *scenes* for 17 to 44 % of the queries, and told the
# scene, features choose the right person for 40 to 60 % (a random picture of that scene: 30 %).
# What BMIL with edges had over stage 1 prolonged it had by scenes (`docs/log.md`). Look into a gain
# before you believe it.
#
# ## 7 · What the records say
#
# Which method to start from: the largest mean gain over stage 1 prolonged among those that are
# ahead of it in every seed and beyond chance. The sentences below the table are its evidence. Both
# are made from the records, not written by hand; `docs/results.md` has them too.

# %%
plots.table(evidence.start_from(plan, found))

# %%
for sentence in evidence.guide(plan, found):
    print("-", sentence)
print("On real people:")
for sentence in evidence.on_equal_terms(plan.real, found, evidence.size_of_chance(plan, found)):
    print("-", sentence)

# %% [markdown]
# **What to doubt.** Drawn people, small pictures, a small network and minutes of training: an order
# of methods here is not their order on SYSU-MM01. What carries over is of another kind: controls
# that are missing in papers can be run, an order of writing can decide a comparison, and three
# seeds do not carry a gain of two points.
#
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("16-way-up")` helps in steps,
# `print(checks.source("16-way-up"))` shows a solution. What you have solved is kept on this machine
# only.
#
# **1.** Write `way_up(base, method, top)`: the mean gain of a method over its base as a share of
# what true identities gain, from one score per seed each.


# %% tags=["exercise"]
def way_up(base, method, top): ...


checks.check("16-way-up", way_up)

# %% [markdown]
# **2.** A step of a ladder does nothing at all, and each of five seeds is a coin's throw. How
# likely do all five have the *same* sign? (Three decimals.)

# %% tags=["exercise"]
checks.check("16-all-five", ...)

# %% [markdown]
# **3.** What is *not* equal in the table on equal terms? (a) the people; (b) the number of
# optimiser steps; (c) the pictures shown in a step; (d) the evaluation.

# %% tags=["exercise"]
checks.check("16-equal", ...)

# %% [markdown]
# ### Exercise
#
# Choose a step of section 4 whose sign differs from its paper's or is mixed. Which *one* thing
# would you change to find out why: the flow, the setting, the length of training, the world? How
# many runs does that take, and what would each outcome say?
#
# <details><summary>Answer</summary>
#
# Begin with what costs nothing: does the flow's test (`tests/flows`) cover this step? Then the
# length: twice the steps for both rows on a development seed (0), two runs. Only then the world
# (`--world`, its gap) and the setting, on the development seed as well; the seeds of the table stay
# untouched until the change is chosen, or they are no longer a test. If the sign follows the
# length, the paper's 10,000 steps are the likely reason; if it follows the world, the step answers
# to something that this world lacks.
# </details>
