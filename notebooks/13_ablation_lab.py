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
# # 13 · Ablation lab: what does each switch bring?
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/13_ablation_lab.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/13_ablation_lab.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/13_ablation_lab.py)
#
# **Objective.** Take all methods apart switch by switch, read gains in pairs with their spread, and
# train what nobody has trained yet.
#
# **Before this.** Notebook 07, and 08 to 12 for the method that you take apart.
#
# **Time.** 35 minutes to read; runs in under 60 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - plan an ablation: which rows, which controls, which seeds;
# - read a gain with its spread, and tell a part from an interaction of parts;
# - say when a table has too few runs to say anything.
#
# **Sections.** 1 · 7 min, 2 · 8 min, 3 · 15 min, 4 · 6 min; the exercises take as long again.
#
# **On the map.** neighbours, association, memory, losses (framed below; the whole map is in
# [00](00_start_here.ipynb)). Terms are in the [glossary](../docs/glossary.md).
#
# ← [12 Regions and attention](12_regions_and_attention.ipynb) ·
# [14 Evaluate honestly](14_evaluate_honestly.ipynb) →

# %% tags=["colab"]
import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    # %pip install -q git+https://github.com/vireid/vireid
    from google.colab import output

    output.enable_custom_widget_manager()

# %% [markdown]
# The one dial: `"synthvi"` is drawn by the computer; `"m3svd"`, `"sysu"`, `"regdb"`, `"llcm"` are
# real (`data/README.md`), with `PRESET = None` for their usual setting. This notebook reads run
# records of all data sets, whatever the dial says.

# %% tags=["parameters"]
DATA, PRESET = "synthvi", "tiny"

# %%
from itertools import combinations
from statistics import mean, stdev

import pandas as pd

from vireid import methods, plots, widgets
from vireid.experiment import lookup
from vireid.runs import load_all

plots.show(
    plots.pipeline_map("neighbours", "association", "memory", "losses"),
    "The map of the workbook; here: neighbours, association, memory, losses.",
)

# %% [markdown]
# ## 1 · What an ablation asks
#
# A method is a set of switches. Three kinds of settings are worth a training:
#
# - the **rows of its table**: the paper's, in the paper's order, so that both can be compared line
#   by line, and between them some of ours (other associations, other values of a weight);
# - **every single change** of a switch from the method as it is: what does it cost to leave this
#   out?
# - the **controls**, the same for every method: `prolonged` goes on within the modalities for as
#   many steps, `centred` subtracts each modality's mean before modalities are compared, and
#   `oracle` is told the true identities. A method that does not beat the first two has shown
#   nothing, and the third says how much is left to win.
#
# With k switches of two values there are $2^k$ combinations, but only $1 + k$ of them are the
# method and its single changes. The others tell about **interactions**, and cost $2^k - 1 - k$
# trainings more.

# %%
rows = {}
for name in ("bmil", "mult", "dmdl", "mcf"):
    asked = lookup.settings(name)
    kinds = [one.kind for one in asked]
    every = 1
    for values in methods.kind(name).switches.values():
        every *= len(values)
    rows[methods.kind(name).title] = {
        "rows of its table": kinds.count("paper"),
        "controls": kinds.count("control"),
        "single changes": sum(len(v) - 1 for v in methods.kind(name).switches.values()),
        "all combinations": every,
    }
plots.table(pd.DataFrame(rows).T)

# %%
asked = [one for one in lookup.settings("bmil") if one.kind in ("paper", "control")]
words = {one.name: {"from": one.kind, "what it is": one.words} for one in asked}
plots.table(pd.DataFrame(words).T.rename_axis("BMIL's row"))

# %% [markdown]
# ## 2 · Gains in pairs
#
# Records are found by **what they say of their settings**, not by the name of a folder: every
# hyperparameter must be as asked. Two settings are then compared seed by seed, $g_s = a_s - b_s$,
# and the spread of a gain is that of the pairs,
#
# $$\bar g = \frac1n \sum_s g_s, \qquad s_g = \sqrt{\frac{1}{n-1} \sum_s (g_s - \bar g)^2}.$$
#
# Where seeds that are hard for one setting are hard for the other, that cancels in the difference;
# where they are not, pairs spread *more* than scores.
#
# **Predict first.** BMIL's full setting against `prolonged` on SynthVI small: is the spread of the
# gain larger or smaller than the spread of the scores?

# %%
gain = widgets.predict(
    "13-gain", "By how many points of rank-1 does BMIL beat `prolonged`?", low=-10, high=30,
    unit="points",
)  # fmt: skip
gain.show()

# %%
records, world = load_all(), "synthvi small train"
here = [run for run in records if run.data["name"] == world]
scores = {}
for row in ("prolonged", "M2", "centred", "M3+MIRL", "oracle"):
    config = lookup.wanted("bmil", {"row": row}, preset="light")
    scores[row] = lookup.answer(here, "bmil", config).scores("rank1")
base = scores["prolonged"]
pairs = {row: [own[k] - base[k] for k in own if k in base] for row, own in scores.items()}
for row, gains in pairs.items():
    if row != "prolonged" and len(gains) > 1:
        own = stdev(scores[row].values())
        print(f"{row:8s} {mean(gains):+5.1f} ± {stdev(gains):.1f} in pairs;", end=" ")
        print(f"its own spread over seeds is {own:.1f}")

# %%
figure, ax = plots.canvas(width=6.6, height=3.0)
plots.gains(scores, ax, base="prolonged", chosen="M3+MIRL")
shown = {row: gains for row, gains in pairs.items() if row != "prolonged"}
words = "; ".join(f"{row} {mean(g):+.1f} (n = {len(g)})" for row, g in shown.items() if g)
plots.show(figure, f"Gains of BMIL's rows over stage 1 prolonged, in pairs of seeds: {words}.")
gain.reveal(mean(pairs["M3+MIRL"]) if pairs["M3+MIRL"] else float("nan"))

# %%
spreads = {row: stdev(gains) for row, gains in shown.items() if len(gains) > 1}
unclear = [
    f"{a} and {b}"
    for a, b in combinations(spreads, 2)
    if abs(mean(pairs[a]) - mean(pairs[b])) < max(spreads[a], spreads[b])
]
print("closer to each other than their spread:", ", ".join(unclear) or "none")

# %% [markdown]
# **What to doubt.** Three to five pairs are few: the standard deviation of so few numbers is itself
# off by a third or more. And `centred` is a training as well, on naive joint clusters of centred
# features: it ends *below* `prolonged`, so to cross the gap somehow is not enough. The subtraction
# that costs nothing (notebook 04) is another number, `rank1_centred` in every record.

# %% [markdown]
# ## 3 · The lab
#
# Choose a method, a row to **start from**, and move its switches. The line above the picture says
# what the choice is called and what the records say of it; ▶ marks it in the picture. Left, scores
# (diamonds: the paper's own row on SYSU-MM01; compare the order, never the height). Right, gains in
# pairs over the setting that you choose under *gain over*. A lone seed's bar is hollow and says so.
#
# **What has no record can be trained here**: *train it now* takes the tiny synthetic world and one
# seed, a minute or two. You see steps and time left, can cancel, and *go on* later from the last
# whole epoch. The result is kept in your own folder and shown whenever you come back. Settings that
# read the same in stage 1 share it, so that they can be compared in pairs: train `prolonged` once,
# and every other has something to be compared with.
#
# **Predict first.** In DMDL, which costs more to leave out, `refine` or `alignment`? (`data` at
# `none` has no record yet; train it here, on the tiny world.)

# %%
widgets.ablations(records).show()

# %% [markdown]
# **What to doubt.** A line that says *records of an older version* means that the run was made
# before a setting existed, and is taken to have had its default. Records of two versions are never
# put into one pair.

# %% [markdown]
# ## 4 · Parts and interactions
#
# Leaving out A alone costs $c_A$, B alone $c_B$, both together $c_{AB}$. Then
# $c_{AB} - c_A - c_B$ is their **interaction**. Zero: two parts that add up. Positive: each does
# some of the other's work, and a table that leaves out one at a time makes **both look useless**.
# Negative: they need each other, and the same table counts their joint gain twice. (Printed below
# are changes of the score: a cost of 6 points is -6.0.)
#
# BMIL's Table 2 allows the test for balanced lists (A) and a prototype per modality (B), all on
# half of the visible pictures; the paper's numbers:

# %%
where = {"paper": "BMIL", "setting": "ablation", "mode": "all", "metric": "rank1"}
paper = {row["method"]: row["value"] for row in plots.paper_table(**where)}
whole, without_a, without_b, neither = (paper[row] for row in ("M6", "M5", "M4", "M2"))
print(f"without balanced lists {without_a - whole:+.1f}, without split prototypes", end=" ")
print(f"{without_b - whole:+.1f}, without both (and on all pictures) {neither - whole:+.1f} points")

# %% [markdown]
# **What to doubt.** The row without both, M2, differs from M6 in a third thing as well, the share
# of the pictures. The paper has one run a row. Whether the two parts interact cannot be told from
# it; the lab can train the missing row: start from M5 and switch `split prototypes` off.

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("13-gain")` helps in steps,
# `print(checks.source("13-gain"))` shows a solution. What you have solved is kept on this
# machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Write `gains(method_seeds, method, base_seeds, base)`: scores of a method and of its base
# come with their seeds, in any order and not always the same ones. Give the gains of the seeds that
# both have, in the order of `method_seeds`.


# %% tags=["exercise"]
def gains(method_seeds, method, base_seeds, base): ...


checks.check("13-gain", gains)

# %% [markdown]
# **2.** A method has 6 switches of two values. How many settings are the method as it is and every
# change of one switch?

# %% tags=["exercise"]
checks.check("13-settings", ...)

# %% [markdown]
# **3.** Leaving out A costs nothing, leaving out B costs nothing, leaving out both costs 8 points.
# What does that say? (a) A and B are both useless; (b) each does the other's work, and one of them
# would do; (c) the runs are wrong; (d) A and B need each other.

# %% tags=["exercise"]
checks.check("13-interaction", ...)

# %% [markdown]
# **4.** A row has one seed and lies 3 points above the base. Gains of other rows have a standard
# deviation of 2 to 4 points over seeds. What do you write? (a) +3.0; (b) +3.0, significant; (c) one
# seed, no statement; (d) 0.

# %% tags=["exercise"]
checks.check("13-lone-seed", ...)

# %% [markdown]
# **5.** `prolonged` has rank-1 61.4, the method 75.8, the `oracle` 85.2. Which share of what could
# be won at most has the method won? (A fraction, two decimals.)

# %% tags=["exercise"]
checks.check("13-ceiling", ...)

# %% [markdown]
# ### Exercise
#
# Plan the ablation of a method with five switches of two values: you have 60 trainings. Which
# settings, which controls, how many seeds? Defend it against somebody who wants all combinations.
#
# <details><summary>Answer</summary>
#
# All combinations are 32 settings: with 60 trainings not even two seeds each, so no row would have
# a spread. The method and its five single changes, `prolonged`, `centred` and `oracle` are nine
# settings; with five seeds, 45 trainings. The 15 that are left go to the one interaction that the
# idea claims: both parts left out together, five seeds, and two more settings that the single
# changes make doubtful. Decide the main comparison, its score and the last epoch before you look;
# and train all seeds of a setting before you judge the first.
# </details>
