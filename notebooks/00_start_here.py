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
# # 00 · Start here: the same person, visible and infrared
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/00_start_here.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/00_start_here.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/00_start_here.py)
#
# **Objective.** Know the task and the map, play one round, and see how far plain pixels get.
#
# **Before this.** A little Python; no deep learning yet.
#
# **Time.** 25 minutes to read; runs in under 60 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - say what is given and what is asked in unsupervised visible-infrared re-identification;
# - read rank-1, mAP and mINP, and compute them for one query by hand;
# - choose your route through the workbook.
#
# **Sections.** 0 · 9 min, 1 · 2 min, 2 · 8 min, 3 · 5 min, 4 · 1 min; the exercises take as long
# again.
#
# **On the map.** evaluation, pictures (the picture is below). Terms are in the
# [glossary](../docs/glossary.md).
#
# ← [README](../README.md) ·
# [01 Two modalities](01_two_modalities.ipynb) →
#
# A camera saw somebody at noon. At night another camera, which lights the street with infrared
# lamps, sees somebody. Is it the same person? That is *visible-infrared person re-identification*.
# We learn it **unsupervised**: a collection of pictures, each known to be visible or infrared, and
# no names at all.

# %% tags=["colab"]
import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    # %pip install -q git+https://github.com/vireid/vireid
    from google.colab import output

    output.enable_custom_widget_manager()

# %% [markdown]
# ## 0 · The map
#
# Pictures become **features**; features have **neighbours**; neighbours make **clusters**, one set
# for each modality; an **association** says which visible cluster is which infrared one; a
# **memory** keeps a prototype of each cluster; **losses** pull every picture to its prototype. Then
# the features are better, and it begins anew. Identities are read by the **evaluation** alone.
#
# Four recent papers change different boxes of it.
#
# - **BMIL** (2026) finds that neighbour lists are filled by the own modality, and takes half of
#   each list from either one. It keeps two prototypes for a cluster, one per modality, and asks
#   every picture to be near both.
# - **MULT** (2024) moves labels from picture to picture, across the gap by optimal transport and
#   within a modality along neighbours, until they agree. The labels stay soft, and memories of both
#   modalities refine each other's predictions.
# - **DMDL** (2026) reads the modality as a confounder of picture and label and adjusts for it, by
#   asking both modalities' memories about every picture. Infrared pictures get pseudo-colours, and
#   labels are trusted as far as they fit.
# - **MCF** looks at a picture region by region, with attention on channels and places. Clusters are
#   matched greedily and merged where they share a partner, while features play against a classifier
#   of the modality.

# %%
from vireid import plots

told = "The pipeline: pictures, features, neighbours, clusters, association, memory, losses, and"
plots.show(
    plots.pipeline_map("pictures", "evaluation"),
    f"{told} evaluation, each with its notebooks and with what each of the four papers changes.",
)

# %% [markdown]
# **Choose a route.**
#
# - **90 minutes**, a first look: 00; 02 section 1; 03 sections 1 and 2; 04 sections 1, 2 and 6; 05
#   sections 1 and 4; 07 section 3.
# - **One day** of six hours without the exercises, for those who know re-identification: 00, 03 to
#   07, then the paper that you came for: 08 and 09 (DMDL, after 01 section 1), 10 and 11 (MULT) or
#   12 (MCF); 14 before you report a number.
# - **A term**, for a class of 13 weeks: one notebook a week, 00 to 12, the exercises that answer as
#   homework, the open exercise at the end for the discussion; 13 to 16 for a project of one's own.
#
# Words of the field are in the [glossary](../docs/glossary.md), in English and Chinese; letters of
# the papers in the [notation](../docs/notation.md).

# %% [markdown]
# The next cell is the one dial. Everything in this workbook runs on `synthvi`, people that the
# computer draws, and just as well on the real benchmarks once you have them (`data/README.md`
# says how): `"sysu"`, `"regdb"`, `"llcm"`, `"m3svd"`, with `PRESET = None` for their usual
# setting.

# %% tags=["parameters"]
DATA, PRESET = "synthvi", "tiny"

# %%
import numpy as np

from vireid import widgets
from vireid.experiment import prepare
from vireid.types import Embeddings

world = prepare(DATA, preset=PRESET, trials=1)
train = world.train
print(f"{train.name}: {len(train)} pictures to learn from, without names")
if world.knows("test"):
    query, gallery = world.test.query, world.test.gallery
    print(f"test: {len(query)} queries, {len(gallery)} gallery pictures", end=", people ")
    both = world.knows("train") and np.isin(query.identity, train.identity).any()
    print("also" if both else "not", "in training")

# %% [markdown]
# ## 1 · What the computer is given
#
# Six people, in visible light (blue frame) and in infrared (dashed vermillion frame). The rows
# are sorted by person to make it easy for *you*. Training sees the same pictures shuffled.

# %%
rows = np.linspace(0, len(train) - 1, 60).astype(int)
if world.knows("train"):
    people = np.unique(train.identity)[:6]
    one = [(train.identity == p) & (train.modality == m) for p in people for m in (0, 1)]
    rows = np.concatenate([np.flatnonzero(keep)[:5] for keep in one])
figure, ax = plots.canvas(width=5.4, height=5.6)
plots.contact_sheet(train, ax, rows=rows, columns=10)
plots.show(figure, "Six people, one to a row: five visible and five infrared pictures of each.")

# %% [markdown]
# ## 2 · A round of the game
#
# **Predict first.** Below are six of the infrared queries and, for each, the eight gallery pictures
# that look most alike when one simply compares grey pixels. For what share of *all* queries will
# the first one be right? There are as many people in the gallery as the next line says, so a blind
# guess is right once in that many.

# %%
first_right = widgets.predict(
    "00-rank1", "By grey pixels, for what share of the queries is the first picture right?"
)
first_right.show()

# %%
if world.knows("test"):
    print(len(np.unique(gallery.identity)), "people in the gallery")
    tables = (query, gallery)
    grey = [np.stack([t.resized(i).mean(axis=-1).ravel() for i in range(len(t))]) for t in tables]
    grey = [x - x.mean(axis=1, keepdims=True) for x in grey]  # brightness taken out
    q, g = (
        Embeddings(x / np.linalg.norm(x, axis=1, keepdims=True), t.modality, t.camera, t.identity)
        for x, t in zip(grey, tables, strict=True)
    )
    order = plots.best_answers(world.test, q, g)

# %%
if world.knows("test"):
    shown = [np.flatnonzero(query.identity == p)[0] for p in np.unique(query.identity)[:6]]
    figure, ax = plots.canvas(width=4.8, height=5.6)
    plots.retrieval_sheet(query, gallery, order, ax, rows=shown)
    plots.show(
        figure,
        "Six infrared queries and the eight visible gallery pictures nearest in grey pixels.",
    )

# %%
if world.knows("test"):
    score = world.test.score(q, g)
    chance = np.mean([np.mean(gallery.identity == p) for p in query.identity])
    print(f"pixels: rank-1 {score['rank1']:.0%} of the queries, chance {chance:.0%}")

# %%
if world.knows("test"):
    first_right.reveal(100 * score["rank1"])

# %% [markdown]
# The score `rank-1` is the share of queries whose first-ranked gallery picture is right. `mAP`
# (mean average precision) also asks whether *all* pictures of the person come early. Both are
# explained with the protocols in `vireid.evaluation`, and wherever a network is tested, both are
# reported.
#
# **What to doubt.** Six queries prove nothing: the score above is over all of them, and even
# they are few. Pixels may also profit from what has nothing to do with the person: the
# pose, the wall.

# %% [markdown]
# ### By hand: one query, six gallery pictures
#
# Let $h_k = 1$ when the gallery picture at rank k shows the query's person. With the best first,
#
# $$CMC_k = \Big[\sum_{l \le k} h_l > 0\Big], \quad
# AP = \frac{1}{\sum_k h_k} \sum_k h_k \frac{\sum_{l \le k} h_l}{k}, \quad
# INP = \frac{\sum_k h_k}{\max\{k : h_k = 1\}};$$
#
# $[\,\cdot\,]$ is 1 where what it holds is true, else 0; rank-1, mAP and mINP are the means over
# queries. Below, ranks 2, 3 and 6 are right:

# %%
from vireid.evaluation import evaluate

h = np.array([0, 1, 1, 0, 0, 1])  # by rank
rank, hits = np.arange(1, 7), h.cumsum()
cmc_by_hand = hits > 0
ap = (h * hits / rank).sum() / h.sum()  # (1/2 + 2/3 + 3/6) / 3
inp = h.sum() / rank[h == 1].max()  # 3 of the first 6
found = evaluate(-rank[None], [7], np.where(h, 7, 0), [1], [4] * 6, protocol="regdb")
print(f"CMC {cmc_by_hand.astype(int)}, AP {ap:.4f}, INP {inp:.4f}")
np.testing.assert_allclose([ap, inp], [found.mAP, found.mINP])
np.testing.assert_allclose(cmc_by_hand, found.cmc)

# %% [markdown]
# ## 3 · How to read this workbook
#
# | box of the map | question | notebook |
# | --- | --- | --- |
# | pictures | What does infrared keep of a person, what not? | [01] two modalities |
# | features | What does a network make of a picture? | [02] features |
# | neighbours, clusters | Can clusters stand in for names? | [03] clusters within a modality |
# | neighbours | Why are neighbours of the own modality? | [04] modality bias |
# | neighbours | Which distance lets neighbours cross the gap? | [05] the Jaccard family |
# | memory, losses | What is a prototype per modality worth? | [06] prototypes, invariance |
# | losses, evaluation | What does each part of a method bring? | [07] train and compare |
# | memory, losses | What ties a label to the modality? | [08] causal adjustment |
# | pictures, losses | Can pictures, labels and memories be freed of it? | [09] bias-free training |
# | association | Who is matched to whom? | [10] associations |
# | association | Do neighbours know better? | [11] label transfer |
# | all of them | What do regions, attention and a lost game add? | [12] regions and attention |
# | all of them | What does each switch of a method bring? | [13] ablation lab |
# | evaluation | What is your number worth? | [14] evaluate honestly |
# | association, losses | How do you add a method or pictures? | [15] add your own |
# | evaluation | What does every method do on equal terms? | [16] results |
#
# [01]: 01_two_modalities.ipynb
# [02]: 02_features.ipynb
# [03]: 03_clusters_within_a_modality.ipynb
# [04]: 04_modality_bias.ipynb
# [05]: 05_jaccard_family.ipynb
# [06]: 06_prototypes_and_invariance.ipynb
# [07]: 07_train_and_compare.ipynb
# [08]: 08_causal_adjustment.ipynb
# [09]: 09_bias_free_training.ipynb
# [10]: 10_associations.ipynb
# [11]: 11_label_transfer.ipynb
# [12]: 12_regions_and_attention.ipynb
# [13]: 13_ablation_lab.ipynb
# [14]: 14_evaluate_honestly.ipynb
# [15]: 15_add_your_own.ipynb
# [16]: 16_results.ipynb
#
# In most sections: a **question**, a **prediction** that you write down before you run the cell, a
# **picture**, and **what to doubt**; sections *by hand* check the equations instead. Then exercises
# that answer, and an open one with its answer folded in.

# %% [markdown]
# ## 4 · What you have guessed and solved
#
# Guesses and solved exercises are kept in one file on this machine, and nowhere else. Run the cell
# again, or press *Look again*, whenever you like; *Reset* forgets everything.

# %%
from vireid import checks

widgets.Progress(checks.exercises()).show()

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("00-chance")` helps in steps,
# `print(checks.source("00-chance"))` shows a solution. What you have solved is kept on this
# machine only.

# %% [markdown]
# **1.** A gallery holds 40 pictures of 10 people, 4 of each. With answers in a random order, what
# is rank-1 on average? (A fraction.)

# %% tags=["exercise"]
checks.check("00-chance", ...)

# %% [markdown]
# **2.** Write **average precision**. `right` says of each answer, best first, whether it shows
# the person; at least one does. With $h_k \in \{0, 1\}$ for rank $k$, $$AP = \frac{1}{\sum_k h_k}
# \sum_k h_k \frac{\sum_{l \le k} h_l}{k}.$$


# %% tags=["exercise"]
def average_precision(right): ...


checks.check("00-average-precision", average_precision)

# %% [markdown]
# **3.** Write the **inverse negative penalty** of one query, $INP = \sum_k h_k / \max\{k : h_k =
# 1\}$: it asks how far down the *last* right answer stands. `right` is as above.


# %% tags=["exercise"]
def inverse_penalty(right): ...


checks.check("00-mINP", inverse_penalty)

# %% [markdown]
# **4.** Which of these is a method given in *unsupervised* training here? (a) who is in each
# picture; (b) which pictures are visible and which infrared; (c) which visible person is which
# infrared one; (d) pictures only, not even their modality.

# %% tags=["exercise"]
checks.check("00-given", ...)

# %% [markdown]
# ### Exercise
#
# Instead of raw pixels, compare how *bright on average* each horizontal stripe of a picture is
# (hair, jacket, trousers, shoes). Is that better or worse than all pixels? Change one line in
# section 2.
#
# <details><summary>Answer</summary>
#
# Replace `.ravel()` by `.mean(axis=1)`: a picture becomes a column of stripe means. It forgets
# where in a stripe something is, so pose matters less, but a dark jacket need not be dark in
# infrared: the ranking changes. On SynthVI tiny rank-1 stays where it is and mAP falls by some
# points, so little is lost with the pose, and nothing is won. No fixed rule on pixels knows
# that cloth has another brightness in infrared. That has to be learned, and notebook 01 shows
# why.
# </details>
