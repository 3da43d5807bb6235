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
#     budget_s: 90
# ---

# %% [markdown]
# # 02 · Features: what a network makes of a picture
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/02_features.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/02_features.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/02_features.py)
#
# **Objective.** Turn pictures into features, see which pictures lie near each other and why that
# helps in one modality more than across both.
#
# **Before this.** Notebooks 00 and 01.
#
# **Time.** 25 minutes to read; runs in under 90 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - turn pictures into unit vectors and compare them by cosine;
# - read distance histograms within and across modalities;
# - draw a CMC curve and say what random weights would do.
#
# **Sections.** 1 · 9 min, 2 · 3 min, 3 · 13 min; the exercises take as long again.
#
# **On the map.** features, evaluation (framed below; the whole map is in
# [00](00_start_here.ipynb)). Terms are in the [glossary](../docs/glossary.md).
#
# ← [01 Two modalities](01_two_modalities.ipynb) ·
# [03 Clusters within a modality](03_clusters_within_a_modality.ipynb) →

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
from dataclasses import replace

import numpy as np

from vireid import plots, widgets
from vireid.evaluation import evaluate
from vireid.experiment import prepare
from vireid.features import extract

world = prepare(DATA, preset=PRESET, trials=1)
train, model = world.train, world.model()
features = extract(model, train)
print(f"{len(features)} pictures of {train.name} -> features of {features.x.shape[1]} numbers")

# %%
plots.show(
    plots.pipeline_map("features", "evaluation"),
    "The map of the workbook; here: features, evaluation.",
)

# %% [markdown]
# ## 1 · A feature is a direction
#
# The network has one *stem* (its first layers) per modality and shares all the rest. What comes
# out is a vector of length 1, so only its direction counts, and the similarity of two pictures is
# the cosine of the angle between them. *Distance* below means 1 - cosine: 0 for the same
# direction, 1 for unrelated ones.
#
# $$c_{ij} = f_i \cdot f_j, \quad f_i = \frac{x_i}{\lVert x_i \rVert}, \qquad
# d_{ij} = 1 - c_{ij}, \qquad \lVert f_i - f_j \rVert^2 = 2 - 2 c_{ij}$$

# %% [markdown] tags=["synthvi"]
# The weights have seen other drawn people, never these, and only in visible light and random greys.

# %% [markdown]
# On real data they are ImageNet's.
#
# **Predict first.** Sort from near to far: (a) the same person in the same modality, (b) the same
# person in the other modality, (c) another person in the same modality, (d) another person in the
# other modality.

# %%
if world.knows("train"):
    similarity = (features.x @ features.x.T).numpy()  # (n, n)
    first, second = np.triu_indices(len(train), 1)  # every pair once
    distance = 1 - similarity[first, second]
    same = train.identity[first] == train.identity[second]
    crossing = train.modality[first] != train.modality[second]
    figure, axes = plots.canvas(2, width=8.6, height=3.3)
    for ax, pairs, name in ((axes[0], same, "same person"), (axes[1], ~same, "different people")):
        plots.distances(distance[pairs], crossing[pairs], ax, span=(0, 1.5), title=name)
    plots.show(figure, "Feature distances of pairs, same person and different people, by modality.")

# %%
if world.knows("train"):
    for who, of in (("the same person", same), ("different people", ~same)):
        near, far = (np.median(distance[of & way]) for way in (~crossing, crossing))
        print(f"{who}: median distance {near:.2f} in one modality, {far:.2f} across")

# %% [markdown]
# Crossing the gap costs distance, whoever is in the picture. Where (b) lies beyond (c), a stranger
# in the same modality looks nearer than oneself in another: that is the whole difficulty in one
# sentence.
#
# **What to doubt.** These are medians over all pairs. Retrieval asks only for the *nearest* few,
# so an overlap of the histograms may hurt little, or a small one a lot.

# %% [markdown]
# ## 2 · Who is near whom?
#
# Leaf through the pictures: on the left one, then its 16 nearest with their distances; a tick
# marks the same person; bars show how the 16 are spread over the modalities.
#
# **Predict first.** Of the 16 nearest pictures, which share will be of the own modality?

# %%
own_of_16 = widgets.predict(
    "02-own-share", "Of the 16 nearest pictures, which share is of the own modality?"
)
own_of_16.show()

# %%
views = widgets.views(features.x, ("cosine",), k=16)
widgets.explorer(train, views, start=5).show()

# %%
own = train.modality[views["cosine"].nearest] == train.modality[:, None]  # (n, 16)
print(f"of the 16 nearest, {own.mean():.0%} are of the own modality")
if world.knows("train"):
    hit = train.identity[views["cosine"].nearest] == train.identity[:, None]
    person_and_modality = 2 * np.unique(train.identity, return_inverse=True)[1] + train.modality
    others = np.bincount(person_and_modality)[person_and_modality] - 1  # of this person, this side
    most = np.minimum(others, own.sum(1)).sum() / own.sum()
    print(
        f"of those, {hit[own].mean():.0%} show the same person (more than {most:.0%} cannot:",
        end="",
    )
    print(" nobody has more pictures)")
    if not own.all():
        print(f"of the others, {hit[~own].mean():.0%}")

# %%
own_of_16.reveal(100 * own.mean())

# %% [markdown]
# ## 3 · What do the weights bring?
#
# As a control, the same network with *random* weights. For every training picture, take the
# nearest picture of its own modality and the nearest of the other: do they show the same person?
#
# **Predict first.** Fill in the table: random or starting weights, own or other modality.

# %%
blank = replace(world, weights=None).model(seed=0)
networks = {"random weights": blank, "starting weights": model}

# %%
if world.knows("train"):
    kin = train.modality[:, None] == train.modality[None]
    chance = np.mean([(train.identity == p).mean() for p in train.identity])
    for name, network in networks.items():
        x = extract(network, train).x
        alike = (x @ x.T).fill_diagonal_(-2).numpy()
        nearest = [np.where(keep, alike, -2).argmax(axis=1) for keep in (kin, ~kin)]
        own, other = ((train.identity[rows] == train.identity).mean() for rows in nearest)
        print(f"{name}: right in the own modality {own:.0%}, in the other {other:.0%}")
    print(f"chance: {chance:.0%}")

# %% [markdown]
# And the test of notebook 00, with features beside its grey pixels: infrared queries, a visible
# gallery, people never seen.

# %%
if world.knows("test"):
    query, gallery = world.test.query, world.test.gallery
    tables = (query, gallery)
    grey = [np.stack([t.resized(i).mean(axis=-1).ravel() for i in range(len(t))]) for t in tables]
    grey = [x - x.mean(axis=1, keepdims=True) for x in grey]  # brightness taken out
    grey = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in grey]
    compared = {"grey pixels": grey[0] @ grey[1].T}
    for name, network in networks.items():
        q, g = world.test.embed(network)
        compared[name] = q.x @ g.x.T

# %%
if world.knows("test"):
    asked = (query.identity, gallery.identity, query.camera, gallery.camera)
    protocol = world.test.protocol
    curves = {name: evaluate(s, *asked, protocol=protocol).cmc for name, s in compared.items()}
    people = len(np.unique(gallery.identity))
    curves["chance"] = np.arange(1, people + 1) / people
    figure, ax = plots.canvas(width=5, height=3.4)
    plots.cmc(curves, ax, upto=min(20, people))
    told = ", ".join(f"{name} {curve[0]:.0%}" for name, curve in curves.items())
    plots.show(figure, f"Share of queries with a right picture by each rank; at rank 1: {told}.")
    print(f"rank-1: {told}")
    if protocol == "sysu":
        print("a rank counts people, not pictures (notebook 14): chance rises by one person a rank")

# %%
if world.knows("test"):
    order = plots.best_answers(world.test, q, g, k=6)
    identity = world.test.query.identity
    shown = [np.flatnonzero(identity == p)[0] for p in np.unique(identity)[:5]]
    figure, ax = plots.canvas(width=4, height=4.8)
    plots.retrieval_sheet(world.test.query, world.test.gallery, order, ax, rows=shown, answers=6)
    plots.show(
        figure,
        "Five infrared queries and the network's six best visible gallery pictures for each.",
    )

# %% [markdown] tags=["synthvi"]
# Within a modality the weights are worth a lot, and across they lose to the grey pixels! The
# network has learned to listen to colour, which infrared has not; raw pixels at least keep pose,
# place and build, and a world as small as this one repeats them.

# %% [markdown]
# What was learned in one modality is worth much in that modality and carries over badly: a good
# description of a person *in one modality* is not yet a description of the person. This is why
# the next notebooks first group pictures within a modality, where features can be trusted, and
# cross the gap later.

# %% [markdown] tags=["synthvi"]
# **What to doubt.** On SynthVI the starting weights come from the same generator as the pictures: a
# far closer relative than ImageNet is to SYSU-MM01. And the test has few people, so one query more
# or less moves rank-1 by percents.

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("02-similarity")` helps in
# steps, `print(checks.source("02-similarity"))` shows a solution. What you have solved is kept on
# this machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Write `similarity(x, y)`: the cosine of every row of `x` (n, d) with every row of `y` (m,
# d), $c_{ij} = \frac{x_i \cdot y_j}{\lVert x_i \rVert \lVert y_j \rVert}$.


# %% tags=["exercise"]
def similarity(x, y): ...


checks.check("02-similarity", similarity)

# %% [markdown]
# **2.** Two unit vectors have cosine 0.8. What is their *squared* Euclidean distance?

# %% tags=["exercise"]
checks.check("02-squared-distance", ...)

# %% [markdown]
# **3.** `first` (q,) holds, for each query, the rank of its first right answer. Write `cmc(first,
# ranks)`: the share of queries answered within rank 1, 2, ..., `ranks`.


# %% tags=["exercise"]
def cmc(first, ranks): ...


checks.check("02-cmc", cmc)

# %% [markdown]
# **4.** The same person's distance across modalities exceeds that of strangers within one. What
# follows? (a) retrieval across is hopeless; (b) nearest neighbours over both modalities are
# mostly of the own modality; (c) features hold nothing about the person; (d) the two stems are
# different.

# %% tags=["exercise"]
checks.check("02-gap", ...)

# %% [markdown]
# ### Exercise
#
# Send *all* pictures through the visible stem: `extract(model, replace(train, modality=0 *
# train.modality))`. By how much do the features change? And why?
#
# <details><summary>Answer</summary>
#
# Not at all. The starting weights have one stem, copied into both modalities; the two only part
# when training moves them. So at this point the gap is entirely in the pictures. After the short
# training of notebook 07 the stems have parted, and the same change turns infrared features (cosine
# about 0.86 with what they were), but on SynthVI tiny four in five keep their nearest picture: what
# was learned sits mostly in the shared layers.
# </details>
