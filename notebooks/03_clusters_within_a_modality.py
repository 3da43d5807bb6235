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
# # 03 · Clusters within a modality: groups instead of names
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/03_clusters_within_a_modality.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/03_clusters_within_a_modality.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/03_clusters_within_a_modality.py)
#
# **Objective.** Group the pictures of one modality by similarity, judge the groups against the
# truth, and see what the three dials of the grouping do.
#
# **Before this.** Notebooks 00 to 02.
#
# **Time.** 35 minutes to read; runs in under 90 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - compute reciprocal neighbours, Jaccard distances and DBSCAN's cores by hand;
# - judge clusters by ARI, pair precision and recall;
# - write the loss that learns from clusters.
#
# **Sections.** 1 · 4 min, 2 · 3 min, 3 · 8 min, 4 · 4 min, 5 · 11 min, 6 · 5 min; the exercises
# take as long again.
#
# **On the map.** neighbours, clusters (framed below; the whole map is in
# [00](00_start_here.ipynb)). Terms are in the [glossary](../docs/glossary.md).
#
# ← [02 Features](02_features.ipynb) ·
# [04 Modality bias](04_modality_bias.ipynb) →

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
import numpy as np

from vireid import methods, plots, widgets
from vireid.clustering import dbscan
from vireid.evaluation import cluster_scores
from vireid.experiment import prepare
from vireid.features import extract
from vireid.jaccard import jaccard_distance
from vireid.types import Modality

# %%
plots.show(
    plots.pipeline_map("neighbours", "clusters"),
    "The map of the workbook; here: neighbours, clusters.",
)

# %%
world = prepare(DATA, preset=PRESET, trials=1)
train = world.train
features = extract(world.model(), train)
setting = methods.build("dcl", preset=world.method_preset)
K1, K2, EPS, MIN_SAMPLES = setting.k1, setting.k2, setting.eps, setting.min_samples
print(f"{train.name}: k1 = {K1}, k2 = {K2}, eps = {EPS}, min_samples = {MIN_SAMPLES}")

# %% [markdown]
# ## 1 · Tell me your neighbours and I tell you who you are
#
# Grouping needs a distance. The cosine of notebook 02 treats every direction alike. The *Jaccard
# distance* asks instead how many neighbours two pictures share: take the pictures that are each
# other's `k1` nearest, describe a picture by them (its *encoding*, smoothed over `k2` pictures),
# and compare encodings. With $N_k(i)$ the k nearest of i, itself included, and $\delta_{ij}$ the
# squared distance of unit features,
#
# $$R(i) = \{j : j \in N_{k_1}(i),\ i \in N_{k_1}(j)\}, \qquad
# V_{ij} \propto e^{-\delta_{ij}} \text{ on } R(i), \qquad
# J_{ij} = 1 - \frac{\sum_g \min(V_{ig}, V_{jg})}{\sum_g \max(V_{ig}, V_{jg})}.$$
#
# R(i) are the *k-reciprocal* neighbours. Neighbours of neighbours may join them; section 5 has the
# rule, and all of this on six pictures.
#
# **Predict first.** Will the Jaccard distance bring more of the same person into the first 16, or
# only spread the distances?

# %%
visible = train.of(Modality.VISIBLE)
x = features.of(Modality.VISIBLE).x
views = widgets.views(x, ("cosine", "vanilla"), k=16, k1=K1, k2=K2)
panel = widgets.explorer(visible, views, start=12)
panel.controls["rule"].value = "vanilla"
panel.show()

# %%
if world.knows("train"):
    for rule, seen in views.items():
        there = seen.nearest >= 0  # by Jaccard, fewer than 16 may have anything in common
        hit = (visible.identity[seen.nearest] == visible.identity[:, None]) & there
        print(f"{rule}: {there.sum(1).mean():.1f} neighbours", end=", ")
        print(f"{hit.sum() / there.sum():.0%} same person", end=": ")
        print(f"{hit.sum(1).mean():.1f} right ones a picture")

# %% [markdown] tags=["synthvi"]
# Compare the last numbers: Jaccard does not bring more of the same person, it names fewer others.
# A pair without a common neighbour is at distance 1, as far as can be.

# %% [markdown]
# **What to doubt.** A shorter list is purer by itself. What counts is what clusters make of it.

# %% [markdown]
# ## 2 · Dense spots become clusters
#
# DBSCAN needs no number of clusters. A picture with at least `min_samples` pictures within `eps`
# is a *core*; cores within `eps` of each other share a cluster; who is near no core is an
# *outlier* (-1) and sits out this round of training. With $\varepsilon$ for `eps` and m for
# `min_samples`,
#
# $$i \text{ is a core} \iff |\{j : J_{ij} \le \varepsilon\}| \ge m.$$
#
# **Predict first.** How do the number of clusters and of outliers change as `eps` grows from 0.1
# to 0.95?

# %%
distances = {m: jaccard_distance(features.of(m).x, rule="vanilla", k1=K1, k2=K2) for m in Modality}
widgets.clusters(
    visible, distances[Modality.VISIBLE], min_samples=MIN_SAMPLES, eps=EPS, cluster=2
).show()

# %% [markdown]
# Small `eps`: many pictures stay alone. Large `eps`: people melt into each other, and at the end
# into a few crowds.
#
# **What to doubt.** In between there may be about as many clusters as people, which says nothing
# yet about *whom* they hold: leaf through them with the second slider.

# %% [markdown]
# ## 3 · Are they the right groups?
#
# The adjusted Rand index (ARI) compares groups with identities over all pairs of pictures: 1 is
# perfect, 0 is what random groups of these sizes would get. Of all n pairs, let a be in one
# cluster, b of one person and c both; by chance $ab / n$ would be both:
#
# $$ARI = \frac{c - ab / n}{(a + b) / 2 - ab / n}.$$
#
# Only we can compute it: a method never sees an identity.
#
# **Predict first.** Which modality clusters better, and is the best `eps` the same for both?

# %%
if world.knows("train"):
    found = {
        m: widgets.Clusterings(train.of(m), distances[m], min_samples=MIN_SAMPLES) for m in Modality
    }
    grid = list(found[Modality.VISIBLE].labels)
    figure, ax = plots.canvas(width=5.6, height=3.4)
    plots.sweep(
        grid, {f"{m.word} ARI": found[m].ari for m in Modality}, ax,
        xlabel="eps (Jaccard distance)", ylabel="agreement with the truth (ARI)", chosen=EPS,
    )  # fmt: skip
    plots.show(figure, "Agreement of the clusters with the identities over eps, for each modality.")

# %%
for m in Modality:
    label = dbscan(distances[m], eps=EPS, min_samples=MIN_SAMPLES)
    print(f"{m.word}: {label.max() + 1} clusters, {(label < 0).sum()} outliers", end=", ")
    if world.knows("train"):
        score = cluster_scores(label, train.of(m).identity)
        pairs = f"pair precision {score['precision']:.2f}, recall {score['recall']:.2f}"
        print(f"ARI {score['ari']:.2f}, {pairs}")

# %% [markdown]
# *Precision*: of two pictures in one cluster, how often are they one person? *Recall*: of two
# pictures of one person, how often do they share a cluster? A person split in two costs recall,
# and contrast pushes the halves apart, as each is a wrong answer to the other; two people in one
# cluster teach the network that they are one.
#
# Infrared shows less of a person, and yet its clusters need not be worse: look at the peaks of
# the two lines and at where they stand. The best `eps` of each, if we were allowed to see it, among
# those that leave few pictures alone:

# %%
if world.knows("train"):
    for m in Modality:
        alone = [(found[m].labels[eps] < 0).mean() for eps in grid]
        ari = {e: a for e, a, few in zip(grid, found[m].ari, alone, strict=True) if few <= 0.2}
        best = max(ari, key=ari.get)
        print(f"{m.word}: with at most a fifth of outliers ARI is best, {ari[best]:.2f},", end=" ")
        print(f"at eps {best:.2f}; at {EPS} it is {found[m].ari[grid.index(EPS)]:.2f}")

# %% [markdown]
# **What to doubt.** ARI leaves outliers out, so a clustering may look good by giving up on the
# hard pictures: always read it beside their number. And choosing `eps` by ARI would be cheating:
# it uses the truth.

# %% [markdown]
# ## 4 · Both modalities at once?
#
# Nothing stops us from clustering all pictures together. **Predict first:** which share of the
# clusters will hold both modalities?

# %%
both = widgets.predict("03-mixed", "Which share of the joint clusters holds both modalities?")
both.show()

# %%
together = jaccard_distance(features.x, rule="vanilla", k1=K1, k2=K2)
label = dbscan(together, eps=EPS, min_samples=MIN_SAMPLES)
kinds = [np.unique(train.modality[label == c]) for c in range(label.max() + 1)]
mixed = np.array([c for c, kind in enumerate(kinds) if len(kind) == 2])
if world.knows("train"):
    print(len(np.unique(train.identity)), "people", end=", ")
print(f"{len(kinds)} clusters; {len(mixed)} of them hold both modalities")

# %%
both.reveal(100 * len(mixed) / max(len(kinds), 1))

# %%
sizes = np.bincount(label[label >= 0])
largest = np.argsort(-sizes, kind="stable")[:4]
rows = np.concatenate([np.flatnonzero(label == c)[:8] for c in largest])
names = [f"cluster {label[i]}" * (j % 8 == 0) for j, i in enumerate(rows)]
figure, ax = plots.canvas(width=4.9, height=4.2)
plots.contact_sheet(train, ax, rows=rows, columns=8, captions=names)
plots.show(
    figure, "Pictures of the four largest clusters of the joint clustering, framed by modality."
)

# %% [markdown] tags=["synthvi"]
# Mostly, each person gets one cluster per modality.

# %% [markdown]
# Why, and what can be done about it, is the matter of notebooks 04 and 05.
#
# **What to doubt.** A mixed cluster is not yet a right one: it may hold two strangers.

# %% [markdown]
# ## 5 · By hand: six pictures
#
# Six pictures on a circle, so that every number can be checked with a pocket calculator. First the
# **Jaccard distance** of section 1, with lists of $k_1 = 4$ (oneself included). Let M mark who is
# in whose list. Reciprocal neighbours are $R = M \wedge M^\top$; the reciprocal sets H of the
# shorter half lists join where more than two thirds of them lie in R already. With $E_i$, row i of
# R and what has joined it, and the cosine $c_{ij}$,
#
# $$V_{ij} = \frac{e^{-(2 - 2 c_{ij})}}{\sum_{l \in E_i} e^{-(2 - 2 c_{il})}}\ (j \in E_i), \qquad
# s_{ij} = \sum_g \min(V_{ig}, V_{jg}), \qquad J_{ij} = 1 - \frac{s_{ij}}{2 - s_{ij}},$$
#
# for rows of V sum to 1, and so minima and maxima to 2.

# %%
import torch

degrees = torch.tensor([0.0, 8, 60, 22, 30, 84], dtype=torch.float64).deg2rad()
six = torch.stack([degrees.cos(), degrees.sin()], 1)  # three visible pictures, then three infrared
kind, who = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 1, 0, 0, 1])

# %%
s = six @ six.T
order = s.argsort(1, descending=True)
inside = [torch.zeros(6, 6).scatter(1, order[:, :width], 1) for width in (4, 4 // 2 + 1)]
R, H = (m * m.T for m in inside)  # reciprocal: each in the other's list
joins = (R @ H.T > 2 / 3 * H.sum(1)) * R  # (i, c): does the half set of c join i's?
E = (R + joins @ H) > 0
V = torch.exp(2 * s - 2) * E
V = V / V.sum(1, keepdim=True)
shared = torch.minimum(V[:, None], V[None]).sum(2)
J = 1 - shared / (2 - shared)
stored = jaccard_distance(six, rule="vanilla", k1=4, k2=1).tocoo()
library = np.ones((6, 6))
library[stored.row, stored.col] = stored.data  # absent pairs are at distance 1
np.testing.assert_allclose(J, library, atol=1e-6)
print(np.round(J.numpy(), 2))

# %% [markdown]
# **DBSCAN** on it: a cluster grows from core to core.

# %%
near, by_hand, clusters_found = J <= 0.6, torch.full((6,), -1), 0
cores = near.sum(1) >= 3
for i in range(6):
    if cores[i] and by_hand[i] < 0:
        waiting = [i]
        while waiting:
            j = waiting.pop()
            if by_hand[j] < 0:
                by_hand[j] = clusters_found
                waiting += near[j].nonzero().flatten().tolist() if cores[j] else []
        clusters_found += 1
np.testing.assert_array_equal(by_hand, dbscan(library, eps=0.6, min_samples=3))
print("cores:", cores.int().tolist(), "labels:", by_hand.tolist())

# %% [markdown]
# **ARI** compares such labels with identities; a, b, c and n as in section 3.

# %%
guess = torch.tensor([0, 0, 1, 2, 2, 1])  # person 0 is split over two clusters
pairs = torch.ones(6, 6).triu(1).bool()
one_cluster, one_person = ((v[:, None] == v[None]) & pairs for v in (guess, who))
a, b, c, n = one_cluster.sum(), one_person.sum(), (one_cluster & one_person).sum(), pairs.sum()
ari_by_hand = float((c - a * b / n) / ((a + b) / 2 - a * b / n))
np.testing.assert_allclose(ari_by_hand, cluster_scores(guess, who)["ari"], atol=1e-6)
print(f"ARI {ari_by_hand:.4f}: {a} pairs in one cluster, {b} of one person, {c} both, {n} in all")

# %% [markdown]
# ## 6 · What a network learns from clusters
#
# **Stage 1** of every method here clusters each modality, then takes some steps of *contrast with a
# memory* (ClusterNCE). The memory holds a prototype $\phi_k$ per cluster; a picture's feature $f$
# with label $y$ is pulled to its prototype and pushed from all others, and then the picture moves
# its prototype, at $\mu$ = 0.1 (ADCA, BMIL, MULT; the others 0.2) nearly all the way:
#
# $$\ell = -\log \frac{e^{f \cdot \phi_y / \tau}}{\sum_k e^{f \cdot \phi_k / \tau}}, \qquad
# \phi_y \leftarrow \operatorname{norm}(\mu \phi_y + (1 - \mu) f).$$
#
# $\tau$ is the *temperature* (0.05), $\mu$ the *momentum*, the weight of the old prototype. A
# visible picture comes twice: as it is, and as a *second view* whose colours are jittered before
# one channel is copied into all three (*channel exchange*), so that colour is no clue. With the six
# pictures and their persons as clusters:

# %%
from vireid.clustering import prototypes
from vireid.losses import cluster_contrast
from vireid.memory import Memory

phi = torch.stack([six[who == k].mean(0) for k in (0, 1)])
phi = phi / phi.norm(dim=1, keepdim=True)
logits = six @ phi.T / 0.5
loss = -(logits - logits.logsumexp(1, keepdim=True))[torch.arange(6), who].mean()
np.testing.assert_allclose(phi, prototypes(six, who))
np.testing.assert_allclose(loss, cluster_contrast(six, who, phi, temperature=0.5))
moved = 0.1 * phi[0] + 0.9 * six[3]
bank = Memory(phi, momentum=0.1)
bank.update(six[3:4], who[3:4])
np.testing.assert_allclose(moved / moved.norm(), bank.prototypes[0])
print(f"loss {loss:.4f} nats at temperature 0.5; picture 3 turns its prototype")

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("03-reciprocal")` helps in
# steps, `print(checks.source("03-reciprocal"))` shows a solution. What you have solved is kept on
# this machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Write the **reciprocal neighbours** $R_{ij} = 1$ if i and j stand in each other's list.
# `nearest` (n, k) holds each picture's k nearest (itself first); return an (n, n) table of true
# and false.


# %% tags=["exercise"]
def reciprocal(nearest): ...


checks.check("03-reciprocal", reciprocal)

# %% [markdown]
# **2.** **DBSCAN's core rule**: a picture is a core when at least `min_samples` pictures, itself
# included, lie within `eps`: $|\{j : d_{ij} \le \varepsilon\}| \ge m$. `distance` is (n, n);
# return (n,) true and false.


# %% tags=["exercise"]
def core(distance, eps, min_samples): ...


checks.check("03-core", core)

# %% [markdown]
# **3.** A cluster's **prototype** is the mean of its rows, brought back to length 1. Write
# `prototypes(x, label)`, (K, d); label -1 marks outliers, who belong to nobody.


# %% tags=["exercise"]
def prototypes(x, label): ...


checks.check("03-prototypes", prototypes)

# %% [markdown]
# **4.** Write **pair precision and recall** as one tensor of two numbers: over all pairs of two
# different pictures, the share of pairs in one cluster that are one person, and the share of
# pairs of one person that are in one cluster.


# %% tags=["exercise"]
def pair_scores(label, identity): ...


checks.check("03-pair-scores", pair_scores)

# %% [markdown]
# **5.** A person has 8 pictures. They fall into two pure clusters of 4 each. What is the *recall*
# of this person's pairs? (To two digits.)

# %% tags=["exercise"]
checks.check("03-splits", ...)

# %% [markdown]
# **6.** `eps` grows from 0.1 to 0.95 on a Jaccard distance. The number of clusters... (a) only
# rises; (b) only falls; (c) rises, then falls; (d) stays.

# %% tags=["exercise"]
checks.check("03-eps", ...)

# %% [markdown]
# **7.** **Find the slip.** (a) `s = x @ x.T`; (b) `near = s.argsort(1)[:, :k]`; (c) `listed =
# zeros.scatter(1, near, True)`. The rows of `x` are units, `near` is to hold the k most similar.

# %% tags=["exercise"]
checks.check("03-find-the-slip", ...)

# %% [markdown]
# ### Exercise
#
# Before section 1 set `K1 = 40`, far more pictures than a person has in one modality. What happens
# to the clusters, and to ARI?
#
# <details><summary>Answer</summary>
#
# Now every picture's list must be filled with other people, whatever they look like. Encodings
# overlap between people, distances between them shrink, clusters melt together at an `eps` that
# was fine before, and ARI falls. `k1` should stay near the number of pictures a person has in the
# table, which on real data nobody knows: it is a guess that every method makes.
# </details>
