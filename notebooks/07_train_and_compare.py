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
# # 07 · Train and compare: what does each part of a method bring?
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/07_train_and_compare.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/07_train_and_compare.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/07_train_and_compare.py)
#
# **Objective.** Train both stages, read their curves, look at right and wrong rankings, and judge a
# method against honest controls over several seeds.
#
# **Before this.** Notebooks 03 to 06.
#
# **Time.** 40 minutes to read; runs in under 60 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - read training curves without being fooled by the loss;
# - compare methods in pairs over seeds, against controls and a ceiling;
# - name what a result on a drawn world does not say.
#
# **Sections.** 1 · 9 min, 2 · 9 min, 3 · 13 min, 4 · 3 min, 5 · 2 min, 6 · 4 min; the exercises
# take as long again.
#
# **On the map.** losses, evaluation (framed below; the whole map is in
# [00](00_start_here.ipynb)). Terms are in the [glossary](../docs/glossary.md).
#
# ← [06 Prototypes and invariance](06_prototypes_and_invariance.ipynb) ·
# [08 Causal adjustment](08_causal_adjustment.ipynb) →

# %% tags=["colab"]
import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    # %pip install -q git+https://github.com/vireid/vireid
    from google.colab import output

    output.enable_custom_widget_manager()

# %% [markdown]
# The one dial: `"synthvi"` is drawn by the computer; `"m3svd"`, `"sysu"`, `"regdb"`, `"llcm"` are
# real (`data/README.md`), with `PRESET = None` for their usual setting.

# %% tags=["parameters"]
DATA, PRESET = "synthvi", "tiny"

# %%
from itertools import combinations

import numpy as np

from vireid import plots, widgets
from vireid.evidence import unturned
from vireid.experiment import prepare
from vireid.runs import ladders, load_all, rank1, same_seeds, table
from vireid.warm_start import stage_one, trained

world = prepare(DATA, preset=PRESET)
print(f"{world.train.name}: {len(world.train)} pictures to learn from", end=", ")
if world.knows("train"):
    print(len(np.unique(world.train.identity)), "people")
if world.knows("test"):
    print(f"test: {len(world.test.query)} queries, {len(world.test.trials)} galleries")

# %%
plots.show(
    plots.pipeline_map("losses", "evaluation"), "The map of the workbook; here: losses, evaluation."
)

# %% [markdown]
# ## 1 · Two stages and a control
#
# **Stage 1** clusters each modality by itself. **BMIL** goes on from there: per iteration a step
# within the modalities and a step on joint clusters of balanced neighbours, with a prototype for
# each modality (notebook 06). The **control** goes on from the same stage 1 with two steps *within*
# the modalities, so that it takes as many steps and learns nothing across.

# %% [markdown] tags=["synthvi"]
# From a terminal that is `vireid compare --method bmil --data synthvi --preset tiny --rows
# prolonged M3+MIRL --seeds 0 --world 11 --out runs/tiny`; here `trained` does the same, or reads
# what it did before on this machine.

# %%
model, first = stage_one(world, seed=0)
bmil, with_bridge = trained(world, "M3+MIRL", seed=0)
_, prolonged = trained(world, "prolonged", seed=0)
curves = {
    "stage 1, prolonged": first.curves + prolonged.curves,
    "BMIL": first.curves + with_bridge.curves,
}
BEGINS = len(first.curves)  # the first epoch of stage 2

# %% [markdown]
# **Predict first.** Up, down or flat in stage 2: clusters, ARI, own-modality share, rank-1, loss?
# And in which of them will BMIL and the control part ways?

# %%
keys = {
    "visible/clusters": "visible clusters",
    "visible/ari": "ARI, visible clusters",
    "infrared/ari": "ARI, infrared clusters",
    "own_share_k": "own-modality share of neighbours",
    "rank1": "rank-1 on the test people",
}
terms = {f"{m}, within": f"loss/{m} contrast" for m in ("visible", "infrared")}
terms |= {f"{m}, joint": f"loss/{m} global" for m in ("visible", "infrared")}

# %%
figure, axes = plots.canvas(3, 2, width=10.4, height=5.2)
measured = {key: words for key, words in keys.items() if first.curve(key)[1]}
for ax, (key, words) in zip(axes.flat, measured.items(), strict=False):
    lines = {name: [[row.get(key) for row in rows]] for name, rows in curves.items()}
    plots.curve(lines, ax, ylabel=words, stage2=BEGINS)
losses = {name: [[row.get(key) for row in curves["BMIL"]]] for name, key in terms.items()}
plots.curve(losses, axes[1, 2], ylabel="losses of BMIL (nats)", stage2=BEGINS)
plots.show(figure, "Clusters, ARI, own-modality share, rank-1 and losses over the epochs.")

# %%
if world.knows("train"):
    figure, axes = plots.canvas(3, width=10.4, height=2.6)
    for ax, key in zip(axes, ("clusters", "cross_recall", "cross_precision"), strict=True):
        values = [row.get(f"global/{key}") for row in with_bridge.curves]
        words = f"joint {key.replace('_', ' ')}"
        plots.curve({"BMIL": [values]}, ax, ylabel=words)
    plots.share_legend(figure)
    plots.show(
        figure, "BMIL's joint clusters: their number, recall and precision of crossing pairs."
    )

# %%
of = "own_share_k" if world.knows("train") else "own_share_30"
share = {name: rows[-1][of] for name, rows in curves.items()}
told = ", ".join(f"{name} {value:.0%}" for name, value in share.items())
print("own-modality share at the start of the last epoch:", told)
loss = [row["loss/visible contrast"] for row in curves["BMIL"]]
print(f"BMIL's loss within visible went from {loss[0]:.2f} to {loss[-1]:.2f} nats")
if world.knows("test"):
    ends = [f"{name} {100 * rows[-1]['rank1']:.1f}" for name, rows in curves.items()]
    print("rank-1 in the last epoch:", ", ".join(ends))
assert DATA != "synthvi" or share["BMIL"] < share["stage 1, prolonged"], (
    "the second stage did not bring modalities together"
)

# %% [markdown]
# Clusters and the own-modality share are measured at the *start* of an epoch, on what it learns
# from; rank-1 and losses are of its end.
#
# Read the loss last. It falls whenever the labels are easy to satisfy, right or wrong; the labels
# change every epoch, so its height in one epoch cannot be compared with another. What counts for
# the method is the second figure (its epochs count from the start of stage 2): do the joint
# clusters find more crossing pairs, and are they right?

# %% [markdown] tags=["synthvi"]
# And do not be surprised when the control ends above the method here: with one seed, 20 people and
# three epochs of stage 2 this shows how to look, not who is better.

# %% [markdown]
# **What to doubt.** The curves use identities that no method is given. On unlabelled pictures one
# sees the losses, the number of clusters and the own-modality share, and nothing else.

# %% [markdown]
# ## 2 · Look at the rankings
#
# Five infrared queries, the six best visible gallery pictures; right ones are framed green. On the
# left after stage 1, on the right after BMIL.
#
# **Predict first.** What do wrong gallery pictures share with the query?

# %%
if world.knows("test"):
    test = world.test
    asked = [
        np.flatnonzero(test.query.identity == p)[0] for p in np.unique(test.query.identity)[:5]
    ]
    figure, axes = plots.canvas(2, width=8.8, height=4.9)
    for ax, (name, network) in zip(axes, {"stage 1": model, "BMIL": bmil}.items(), strict=True):
        order = plots.best_answers(test, *test.embed(network), k=6)
        plots.retrieval_sheet(test.query, test.gallery, order, ax, rows=asked, answers=6)
        ax.set_title(f"{name}: {ax.get_title(loc='left')}", loc="left", fontsize=10)
    plots.show(
        figure,
        "Five infrared queries with their six best gallery pictures, after stage 1 and BMIL.",
    )

# %%
if world.knows("test"):
    results = {"stage 1": first, "stage 1, prolonged": prolonged, "BMIL": with_bridge}
    for name, run in results.items():
        plain, centred = (run.result["rank1" + tail] for tail in ("", "_centred"))
        sd = run.result["rank1_over_trials_sd"]
        print(f"{name}: rank-1 {plain:.1%} (sd over galleries {sd:.1%}), centred {centred:.1%}")

# %% [markdown]
# Cover the colours of a wrong picture and compare outlines: look whether it shares build, view or
# stride with the query, or how dark its clothes are against each other. These survive the
# modality, so a network may well lean on them; who it *is* does not follow.
#
# **What to doubt.** One run on a world of this size is an anecdote: another seed may turn the
# order round. The number to distrust most is the one you hoped for.

# %% [markdown]
# ### The same pairs as yes or no
#
# Say "same person" to every pair whose similarity is above a threshold, and turn the threshold from
# high to low: that draws a ROC curve (after MCF, Fig. 5). Its *area* is the chance that a pair of
# one person is more alike than a pair of two people. The curve pools the pairs of all galleries,
# the area is the mean over galleries.
#
# **Predict first.** Rank-1 is printed above. Will the areas be below or above it?

# %%
area = widgets.predict(
    "07-area", "How large is the area under BMIL's ROC curve?", low=50, high=100, unit="%"
)
area.show()

# %%
if world.knows("test"):
    accepted = {
        name: test.roc(*test.embed(n)) for name, n in {"stage 1": model, "BMIL": bmil}.items()
    }
    pairs = next(iter(accepted.values()))
    figure, ax = plots.canvas(width=4.6, height=3.6)
    plots.roc(accepted, ax, title=f"{pairs.pairs:,} pairs, {pairs.same:,} of one person")
    told = ", ".join(f"{name} {found.auc:.3f}" for name, found in accepted.items())
    plots.show(figure, f"ROC curves of all pairs the protocol compares; mean areas: {told}.")

# %%
if world.knows("test"):
    for name, found in accepted.items():
        print(f"{name}: area {found.auc:.1%} (sd over galleries {found.auc_std:.1%})", end=", ")
        print(f"rank-1 {results[name].result['rank1']:.1%}")
    published = plots.paper_table(paper="MCF", dataset="SYSU-MM01", metric="AUC")
    print(
        "MCF's on SYSU-MM01:", ", ".join(f"{row['mode']} {row['value']:.1f} %" for row in published)
    )

# %%
if world.knows("test"):
    area.reveal(100 * accepted["BMIL"].auc)
    assert DATA != "synthvi" or all(
        found.auc > results[name].result["rank1"] for name, found in accepted.items()
    )

# %% [markdown]
# **What to doubt.** An area near 1 sounds like a solved problem. But most pairs are two people, and
# most of those are easy; rank-1 asks whether *the one best* picture is right, with a whole gallery
# of strangers against it. Two methods can have equal areas and very different rank-1. And
# an area judges the far end of the curve as much as the near one, where all use is.

# %% [markdown]
# ## 3 · The ladder, over seeds
#
# `data/runs/` holds run records of larger comparisons that were trained beforehand. On SynthVI each
# seed has *new people and a new training seed* (on real data only the latter), and all rows of a
# seed share one stage 1, so rows are compared **in pairs**.
#
# | row | second step of stage 2 | kind |
# | --- | --- | --- |
# | stage1 | stage 2 is not begun | where all begin |
# | M1 | none: stage 1 goes on | the paper's baseline, as many epochs |
# | prolonged | within each modality once more | control: as many steps |
# | M2 | joint clusters by plain Jaccard, one prototype | naive |
# | centred | as M2, after centring | control: joint clusters after the cheap repair |
# | M3 | balanced lists, one prototype | part of BMIL |
# | M4 | as M3, on half of the visible pictures | part of BMIL |
# | M5 | plain Jaccard, a prototype for each modality, half of the visible pictures | part of BMIL |
# | M6 | as M3+MIRL, on half of the visible pictures | BMIL with subsets |
# | M3+MIRL | balanced lists, a prototype for each modality | BMIL |
# | oracle | the true identities as clusters | upper bound, **not** unsupervised |
#
# SynthVI comes first; some rows have three seeds, some five. Training sets with people missing on
# one side are [notebook 16](16_results.ipynb)'s subject. If `m3svd_bmil` is listed, that is real: a
# few dozen people from public videos, the same ones for every seed.
#
# **Predict first.** Put the rows in order of rank-1. How far below the oracle will BMIL end? And
# which two rows will you *not* be able to tell apart with this many seeds?

# %%
ORDER = ["stage1", "M1", "prolonged", "M2", "centred", "M3", "M4", "M5", "M6", "M3+MIRL", "oracle"]
found = {
    name: {row: rows[row] for row in ORDER if row in rows}
    for name, rows in sorted(ladders().items(), key=lambda item: "synthvi" not in item[0])
    if rows.keys() <= set(ORDER)
    and all(run.method == "bmil" and unturned(run) for runs in rows.values() for run in runs)
}
if not found:
    print("data/runs holds no comparison: make one with `vireid compare --out data/runs/NAME`")
listed = plots.paper_table(paper="BMIL", table="Table 2", mode="all", metric="rank1")
paper = {row["method"]: row["value"] for row in listed}

# %%
for name, rows in found.items():
    shown = table(rows)
    for base in ("stage1", "prolonged"):
        if base in rows:
            shown[f"gain over {base}"] = table(rows, base=base)["rank1 gain by seed"]
    shown["paper"] = [paper.get(row, float("nan")) for row in rows]
    kept = ["seeds", "steps", "rank1", "rank1 sd", "mAP", "mAP sd"]
    kept += [c for c in shown if c.startswith("gain over")] + ["paper"]
    print(f"{name} (per cent; gains in rank-1, seed by seed)")
    plots.table(shown[kept], na="")

# %%
for name, rows in found.items():
    scores = rank1(same_seeds(rows))  # of the seeds that all rows have
    if not scores:
        continue
    figure, ax = plots.canvas(width=7.2, height=1.2 + 0.5 * len(rows))
    plots.bars(scores, ax, title=name, paper={row: paper[row] for row in rows if row in paper})
    words = "; ".join(f"{row} {np.mean(values):.1f}" for row, values in scores.items())
    plots.show(
        figure, f"Rank-1 on {name}, mean over the seeds that all have: {words}. Diamonds: Table 2."
    )

# %%
for name, rows in found.items():
    for base in ("stage1", "prolonged", "M2", "centred"):
        both = {b.seed: b.result["rank1"] for b in rows.get(base, ())}
        gains = [
            run.result["rank1"] - both[run.seed]
            for run in rows.get("M3+MIRL", ())
            if run.seed in both
        ]
        if gains:
            won = sum(gain > 0 for gain in gains)
            print(f"{name}: M3+MIRL beats {base} in {won} of {len(gains)} seeds", end=", ")
            print(f"by {100 * np.mean(gains):+.1f} points on average")

# %%
for name, rows in found.items():
    by = {row: {run.seed: run.result["rank1"] for run in runs} for row, runs in rows.items()}
    unclear = [
        f"{a} and {b}"
        for a, b in combinations(by, 2)
        if len({by[a][s] > by[b][s] for s in by[a].keys() & by[b].keys()}) == 2
    ]
    print(f"{name}: no order in common over the seeds: {', '.join(unclear) or 'none'}")

# %% [markdown]
# The column *paper* and the diamonds are BMIL's Table 2 on SYSU-MM01: another data set, network and
# schedule. Compare the **order** of rows and the sign of a step, never the heights. Where our order
# differs from the paper's, that is a finding about *this world*, to be explained, not an error of
# either side. The paper's baseline M1 trains within the modalities for all 100 epochs; it is not
# our stage 1, which ends after half of them. No row of the paper that stays within the modalities
# takes as many *steps* as BMIL, as `prolonged` does (`steps` counts those after stage 1, whose own
# stand in its row); how much they alone would have brought cannot be read from its table.
#
# **What to doubt.** Three to five seeds give a rough mean and next to no idea of its spread. A gain
# that is smaller than the spread of its own pairs is no gain yet, whatever the means say.

# %% [markdown]
# ## 4 · Where along the way is it lost?
#
# The labels' agreement with the truth over the epochs, from the same records: within visible,
# within infrared, and across the gap (after BMIL's Fig. 4).
#
# **Predict first.** Which of the three is the bottleneck, and does training mend it?

# %%
names = {"visible/ari": "visible ARI", "infrared/ari": "infrared ARI"}
names["global/cross_ari"] = "pair-ARI across the gap"
for name, rows in found.items():
    joint = {r: runs for r, runs in rows.items() if runs[0].curve("global/cross_ari")[1]}
    joint.pop("oracle", None)
    if not joint:
        continue
    figure, axes = plots.canvas(3, width=10.4, height=3.2)
    for ax, (key, words) in zip(axes, names.items(), strict=True):
        lines = {r: [[e.get(key) for e in run.curves] for run in runs] for r, runs in joint.items()}
        plots.curve(lines, ax, ylabel=words, title=name)
    plots.share_legend(figure)
    plots.show(figure, f"Agreement of the labels with the truth over stage 2 on {name}.")

# %% [markdown]
# Within a modality the labels are good from the start. Across the gap is where it is lost, and
# training mends it where the labels cross to begin with: on SynthVI small balanced lists on all
# pictures begin at .43 and end above .7, on half of the visible ones (M4, M6; pictures left out
# count as missed) they go from .29 to .49. Plain ones end near .2 (M2, M5), centred ones at .3. On
# real people balanced lists stay below .06 in the mean and centred ones at 0.
#
# **What to doubt.** Agreement and rank-1 need not rise together: the oracle's labels are perfect,
# and still its rank-1 has a ceiling, which the network and the pictures set. What a better
# association could win at most is the distance to the oracle.

# %% [markdown]
# ## 5 · Take the methods apart yourself
#
# Choose a method and a row to start from, and move its switches. Left are the scores of all rows
# with records on the chosen data (diamonds: the paper's), right their gains in pairs over one of
# them; your combination is marked. One without a record can be trained here on the tiny world.
# [Notebook 13](13_ablation_lab.ipynb) is about this lab and takes all methods apart in it.
#
# **Predict first.** `global_clusters = vanilla` with `split_prototypes` in BMIL: do split
# prototypes help when the clusters do not cross? (The nearest record is the row M5, on half of the
# visible pictures: two switches have moved there.)

# %%
live = [first, prolonged, with_bridge]
panel = widgets.ablations([*load_all(), *live])
panel.method.value = "bmil"
panel.show()

# %% [markdown]
# ## 6 · What this says about real data, and what not
#
# - SynthVI is a **drawn** world with a gap that *we* set. It shows that a mechanism exists and how
#   to test for it. It says nothing about which method is best on SYSU-MM01, RegDB or LLCM.
# - Its starting weights have seen people from the *same generator*. ImageNet's have not seen
#   SYSU-MM01's, so stage 1 starts nearer to its goal here.
# - The size of a step (naive over stage 1, say) depends on the gap: with another `style_gap` the
#   naive way may gain much or nothing.
# - Real people are in the tables above as well (M3SVD-Persons, chance 3.3 %): there BMIL is behind
#   stage 1 prolonged in four seeds of five, by less than the seeds differ. Of the pairs across that
#   its joint clusters make, most are wrong from the start, and training does not mend them
#   ([notebook 16](16_results.ipynb)).
# - The paper reports the best epoch **on the test set**, we the last. The exercise asks what that
#   is worth.
# - What does carry over is the way of judging: equal steps, a cheap repair as control, an oracle as
#   ceiling, pairs over seeds, and the labels' quality beside the score.

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("07-paired")` helps in steps,
# `print(checks.source("07-paired"))` shows a solution. What you have solved is kept on this
# machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Rows of a ladder share a stage 1 seed by seed, so they are compared in pairs. Write
# `paired_gain(base, method)`: the mean of the gains and their sample standard deviation, as one
# tensor.


# %% tags=["exercise"]
def paired_gain(base, method): ...


checks.check("07-paired", paired_gain)

# %% [markdown]
# **2.** A useless method is compared with its base over 3 seeds; each seed is a coin's throw. How
# likely is it to win in all three? (Three decimals.)

# %% tags=["exercise"]
checks.check("07-lucky", ...)

# %% [markdown]
# **3.** BMIL takes two steps per iteration in stage 2. What must a fair control do? (a) stop
# after stage 1; (b) go on within the modalities for as many steps; (c) train half as long; (d)
# use the identities.

# %% tags=["exercise"]
checks.check("07-control", ...)

# %% [markdown]
# **4.** Reporting the best epoch *on the test set* instead of the last one... (a) is fair if all
# do it; (b) helps noisy curves most; (c) changes nothing; (d) helps only good methods.

# %% tags=["exercise"]
checks.check("07-best-epoch", ...)

# %% [markdown]
# **5.** **Read the plot** of section 1: BMIL's loss within infrared ends about where it began,
# while rank-1 has risen. That says: (a) nothing was learned from infrared pictures; (b) the loss
# says how easily the present labels are met, not how well people are found; (c) training has
# diverged.

# %% tags=["exercise"]
checks.check("07-read-the-plot", ...)

# %% [markdown]
# ### Exercise
#
# How much is it worth to choose the epoch on the test set? Take
# `max(row["rank1"] for row in with_bridge.curves)` against `with_bridge.curves[-1]["rank1"]`, and
# the same for `prolonged`.
#
# <details><summary>Answer</summary>
#
# The maximum over epochs can only be larger or equal, for a good method and a useless one alike,
# and the more the curve jumps the more it is worth: noise is turned into score. A run that happens
# to end at its best epoch gains nothing by it; another seed of the same run may gain more than the
# whole difference between two methods. `fit(..., select="best_test")` does what
# released code does, and writes into the record that it did; the default is `last`.
# </details>
