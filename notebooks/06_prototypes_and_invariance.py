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
#     budget_s: 75
# ---

# %% [markdown]
# # 06 · Prototypes and invariance: one cluster, a prototype per modality
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/06_prototypes_and_invariance.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/06_prototypes_and_invariance.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/06_prototypes_and_invariance.py)
#
# **Objective.** Take BMIL's second stage apart: clusters of both modalities, a prototype for each
# modality, the loss with several right answers, memories that move, and two steps per iteration.
#
# **Before this.** Notebooks 03 to 05.
#
# **Time.** 45 minutes to read; runs in under 75 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - derive what a prototype per modality changes;
# - write the multi-positive loss and a memory update;
# - follow one iteration with two optimiser steps.
#
# **Sections.** 1 · 8 min, 2 · 9 min, 3 · 5 min, 4 · 9 min, 5 · 9 min, 6 · 5 min; the exercises
# take as long again.
#
# **On the map.** memory, losses (framed below; the whole map is in [00](00_start_here.ipynb)).
# Terms are in the [glossary](../docs/glossary.md).
#
# ← [05 The Jaccard family](05_jaccard_family.ipynb) ·
# [07 Train and compare](07_train_and_compare.ipynb) →

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
import torch

from vireid import clustering, methods, plots, widgets
from vireid.clustering import split_proxies
from vireid.data.augment import to_input
from vireid.experiment import prepare
from vireid.features import extract
from vireid.losses import cluster_contrast, multi_positive
from vireid.runs import table
from vireid.warm_start import stage_one, trained

# %%
plots.show(plots.pipeline_map("memory", "losses"), "The map of the workbook; here: memory, losses.")

# %%
world = prepare(DATA, preset=PRESET)
train = world.train
model, run = stage_one(world, seed=0)
features = extract(model, train)
bmil = methods.build("bmil", preset=world.method_preset, row="M3+MIRL", epochs=(0, 1))
bmil.start(model, 0)
print(f"{train.name} after stage 1; BMIL goes on from here")

# %% [markdown]
# ## 1 · Where should a cluster's prototype stand?
#
# Cluster all pictures together with the balanced lists of notebook 05. Take the clusters that hold
# most of both modalities. A prototype is the mean direction of its members: one per cluster (left,
# diamond), or one per cluster *and modality* (right).
#
# **Predict first.** Which pictures are near the diamond: the visible ones, the infrared ones, or
# none?

# %%
label = bmil.cluster_jointly(features, 0)
kept, many = label >= 0, label.max() + 1
counts = [np.bincount(label[kept & (train.modality == m)], minlength=many) for m in (0, 1)]
largest = np.argsort(-np.minimum(*counts), kind="stable")[:4]
members = np.isin(label, largest)
modality, cluster = train.modality[members], np.searchsorted(np.sort(largest), label[members])
x = features.x[members]
proxies = {}
for name, part in (("one", np.zeros_like(modality)), ("split", modality)):
    proxy, of_cluster = split_proxies(cluster, part)
    proxies[name] = proxy, of_cluster, clustering.prototypes(x, proxy)

# %%
points = plots.project(x, "pca")  # linear: a mean of features is the mean of their points
figure, axes = plots.canvas(2, width=9.4, height=4.2)
kinds = {"one": "one per cluster", "split": "one per cluster and modality"}
for ax, (name, title) in zip(axes, kinds.items(), strict=True):
    proxy, of_cluster, _ = proxies[name]
    own = None if name == "one" else [modality[proxy == p][0] for p in range(len(of_cluster))]
    places = np.stack([points[proxy == p].mean(0) for p in range(len(of_cluster))])
    plots.prototypes(
        points, modality, cluster, places, of_cluster, ax, proxy_modality=own, title=title
    )
plots.show(
    figure, "Members of four clusters of both modalities with one prototype each, and with two."
)

# %%
for name, (proxy, _, bank) in proxies.items():
    near = (x * bank[proxy]).sum(1).numpy()
    sides = {"visible": near[modality == 0], "infrared": near[modality == 1]}
    apart = [f"{side} {1 - found.mean():.2f}" for side, found in sides.items() if len(found)]
    print(f"{name}: mean distance to the prototype, {', '.join(apart)}")

# %% [markdown]
# The mean of two groups stands between them, where no picture is; and if one group is larger,
# nearer to that one. Split prototypes stand among their own pictures, and it is left to the loss to
# bring the two together.
#
# **What to doubt.** A plane shows two of many directions. And these are the four *best* clusters;
# others may hold one modality only, where both ways are the same.

# %% [markdown]
# ## 2 · A loss with two right answers
#
# Contrast with one prototype asks: which of the prototypes is mine? With two prototypes per
# cluster there are two right answers, and the *multi-positive* loss (BMIL, eq. 7) wants both:
#
# $$\ell = -\frac{1}{|P|} \sum_{p \in P} \log \frac{e^{f \cdot k_p / \tau}}
# {\sum_{j \in S} e^{f \cdot k_j / \tau}}$$
#
# with P the prototypes of the own cluster, S those and the strongest others. Below, features have
# two numbers and live on a circle. Dots are the pictures of one cluster, arrows which way and how
# hard the loss turns them (the other clusters' prototypes stand below, out of sight).
#
# **Predict first.** The cluster is 80 % visible. Which pictures does the left loss move, which the
# right one? Then move the sliders: what does the temperature do?

# %%
widgets.multi_positive_toy().show()

# %% [markdown]
# Left: the majority stands at the prototype and rests; it learns nothing about the other modality.
# Right: every picture is pulled through its own prototype towards the *other modality's*. That pull
# is what "invariance" means here. A higher temperature weakens every pull, about in proportion.
#
# In numbers, a picture with similarity 0.8 to its own modality's prototype, 0.6 to the other one of
# its cluster, and 0.5 to a stranger's:

# %%
similarity = torch.tensor([0.8, 0.6, 0.5])
bank = torch.stack([similarity, (1 - similarity**2).sqrt()], dim=1)  # unit rows at these angles
picture, mine = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
plain = cluster_contrast(picture, mine, bank, temperature=0.05)
both = multi_positive(picture, mine, bank, torch.tensor([0, 0, 1]), temperature=0.05)
print(f"only the own modality's prototype is right: {plain:.4f} nats; both are: {both:.4f} nats")
np.testing.assert_allclose([plain, both], [0.020581, 2.020581], atol=1e-5)

# %% [markdown]
# The first loss is content, the second is all about the farther prototype. It never reaches 0: two
# answers that share the softmax leave at least ln 2 = 0.69 nats, so do not read its height as a
# failure.
#
# **What to doubt.** The pull is only as good as the cluster. If the infrared half is a stranger,
# the split loss pulls at full strength towards a stranger.

# %% [markdown]
# ## 3 · Prototypes that move
#
# After every step the batch moves its prototypes: $\phi \leftarrow \mathrm{norm}(\mu \phi
# + (1 - \mu) f)$. The *momentum* $\mu$ weighs the old prototype; BMIL and MULT take 0.1, DMDL
# and MCF 0.2 in the memories of one modality, so a new picture weighs nine or four times as much!
# (MCF's shared memories take 0.8, DMDL's adapts.) A single bank takes the
# pictures one by one; BMIL's code keeps two, one moved by the batch's mean, one by its *hardest*
# picture, the least like the prototype.
#
# **Predict first.** A cluster lies around 40 degrees, its prototype starts at 0. How will the three
# run at momentum 0.1, how at 0.9?

# %%
widgets.memory_walk().show()

# %% [markdown]
# At 0.1 a bank forgets everything but the last batch, and the hard one jumps between outliers: it
# shows the network the edge of the cluster, not its middle. At 0.9 all follow slowly; the single
# bank, which moves once a *picture* and not once a batch, follows fastest.
#
# **What to doubt.** Jumps are not bad as such: they are noise against settling too early. Whether
# that helps is a question for an ablation, not for a picture.

# %% [markdown]
# ## 4 · One iteration, two steps
#
# Stage 2 does not add the two losses. Each iteration draws two batches: one with the labels of the
# single modalities (as in stage 1), then, *after* the optimiser has stepped, one with the joint
# labels. In code `losses` is a generator: each `yield` is one optimiser step, and what stands after
# a `yield` runs when that step is done. So the memory's update stands in plain sight. The second
# step's loss is section 2's, averaged over the modalities (BMIL eq. 8):
#
# $$\mathcal L_{global} = \tfrac12 (\ell^v + \ell^r),$$
#
# $\ell^v$ over the batch's visible and $\ell^r$ over its infrared pictures. The two terms printed
# below are $\tfrac12 \ell^v$ and $\tfrac12 \ell^r$ already, each the mean over BMIL's two banks
# (section 3), so their floor is $\tfrac12 \ln 2 = 0.35$. The first step's loss is, per modality,
# half the sum of the hard bank's and of what the mean bank's exceeds 0.2 nats by.
#
# **Predict first.** We ask for the first step, then for the second, then for the end. When does
# the bank of the first loss move?

# %%
labels = bmil.relabel(features.blind(), 0)  # clusters; memories start at their centroids
pair = next(iter(bmil.batches(labels, 0)))
batches = {id(b): to_input(np.stack([train.resized(i) for i in b.rows])) for b in pair}
with torch.no_grad():
    seen = {id(b): model.eval()(batches[id(b)], torch.as_tensor(b.modality)) for b in pair}
start = {"visible": bmil.memories[0].mean, "joint": bmil.global_memory.mean}
steps = bmil.losses(pair, lambda batch: seen[id(batch)], 0)
for when in ("step 1", "step 2", "the end"):
    terms = next(steps, {})
    now = {"visible": bmil.memories[0].mean, "joint": bmil.global_memory.mean}
    moved = {name: int((now[name] != start[name]).any(1).sum()) for name in start}
    print(f"{when}:", ", ".join(f"{k} {float(v):.3f}" for k, v in terms.items()) or "no more loss")
    print(
        "   prototypes moved so far:", ", ".join(f"{n} in the {k} bank" for k, n in moved.items())
    )

# %% [markdown]
# A loss never writes; it reads the banks as they were before its step. Released code of this field
# moves memories inside the backward pass, where a second loss of the same step sees them already
# moved (`moves="during"`). The two ways give different numbers, and only the first can be followed
# line by line. *Who is written last* matters more. BMIL's double bank takes the mean and the
# hardest picture of a batch and has no such order; a single bank has.
#
# **Predict first.** Below, one batch writes its three views into one bank, sample by sample. Which
# view is nearest to the prototypes at momentum 0.1? Which momentum makes the order harmless?

# %%
drawn = pair[1]  # of the joint clusters
recipe = bmil.augmentation(0)
with torch.no_grad():
    shown = recipe.batch(
        np.stack([train.resized(i) for i in drawn.rows]),
        modality=drawn.modality,
        view=drawn.view,
        generator=torch.Generator().manual_seed(0),
    )
    told = model.eval()(shown, torch.as_tensor(drawn.modality)).x

# %%
both = labels["global"].label
kept = torch.as_tensor(both >= 0)
start = clustering.prototypes(features.x[kept], torch.as_tensor(both)[kept])
views = {
    letter: (told[at], torch.as_tensor(both[drawn.rows[at.numpy()]]))
    for letter, at in bmil.written(drawn)
}
widgets.writing_order(start, views).show()

# %% [markdown]
# At momentum 0.1 a prototype *is* the last picture that was written. So a bank that ends on the
# augmented picture, whose colours are exchanged, is a bridge to infrared, and one that ends on the
# plain visible picture is not.

# %% [markdown] tags=["synthvi"]
# On SynthVI small, over three seeds, the baseline of MCF's ladder (notebook 12) gained 20 to 24
# points of rank-1 when augmented pictures were written last in place of plain ones, and MULT
# without its OCLR (notebook 11) lost 22 to 31 when plain ones were, in place of augmented ones in
# stage 1 and of infrared in stage 2 (docs/log.md).

# %% [markdown]
# No paper mentions it.
#
# **What to doubt.** Two steps per iteration are twice as many steps as stage 1 takes. A fair
# control must be trained for as many: the row `prolonged` in notebook 07.

# %% [markdown]
# ## 5 · What does each part change?
#
# From one and the same stage 1, three continuations with equally many steps:
#
# | row | clusters of the second step | prototypes |
# | --- | --- | --- |
# | M2 | plain Jaccard (naive) | one per cluster |
# | M3 | balanced lists | one per cluster |
# | M3+MIRL | balanced lists | one per cluster and modality |
#
# **Predict first.** Order the three by the own-modality share of the neighbours in the end.

# %%
share_after = widgets.predict(
    "06-own-share", "After M3+MIRL, which share of the neighbours is of the own modality?"
)
share_after.show()

# %%
rows = {"stage 1": run} | {row: trained(world, row)[1] for row in ("M2", "M3", "M3+MIRL")}
share = "own_share_k" if world.knows("train") else "own_share_30"
shares = {name: 100 * record.result[share] for name, record in rows.items()}
print("own-modality share %:", ", ".join(f"{n} {value:.1f}" for n, value in shares.items()))
if world.knows("test"):
    shown = table({name: [record] for name, record in rows.items()})
    plots.table(shown[["steps", "rank1", "mAP"]])

# %%
share_after.reveal(shares["M3+MIRL"])
assert DATA != "synthvi" or min(shares["M3"], shares["M3+MIRL"]) < shares["M2"], (
    "balanced clusters moved nothing"
)

# %%
if world.knows("train"):
    figure, axes = plots.canvas(2, width=9.4, height=3.2)
    for ax, key in zip(axes, ("recall", "precision"), strict=True):
        lines = {
            row: [[100 * (r[f"global/cross_{key}"] or 0) for r in record.curves]]
            for row, record in rows.items()
            if row != "stage 1"
        }
        plots.curve(lines, ax, ylabel=f"{key} of crossing pairs (%)")
    plots.show(figure, "Recall and precision of crossing pairs in the joint clusters over stage 2.")

# %% [markdown]
# The own-modality share tells whether a part does what it is meant to: bring the modalities
# together. Rank-1 and mAP tell whether that helps to find people. The two need not agree. Two rows
# with the same share can be far apart in rank-1: with wrong joint clusters a pull to *both*
# prototypes (MIRL) brings the wrong people together, and how many clusters are wrong is the second
# picture. A high precision says little there where recall is near 0: it is counted on a few pairs.
#
# **What to doubt.** One seed, a handful of test people, a few epochs. No order of rows on this
# table is a result. Notebook 07 shows them on a larger world over several seeds.

# %% [markdown]
# ## 6 · By hand: six pictures, four prototypes
#
# Two persons in two modalities have four prototypes. The multi-positive loss (BMIL eq. 7) averages
# the log over the two of the own person, and eq. 8 takes the mean of both modalities' losses; the
# memory then moves as in section 3.

# %%
degrees = torch.tensor([0.0, 8, 60, 22, 30, 84], dtype=torch.float64).deg2rad()
six = torch.stack([degrees.cos(), degrees.sin()], 1)  # three visible pictures, then three infrared
kind, who = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 1, 0, 0, 1])

# %%
from vireid.memory import Memory

proxy6, of_person = 2 * who + kind, torch.tensor([0, 0, 1, 1])  # person 0 v, 0 r, 1 v, 1 r
phi = torch.stack([six[proxy6 == p].mean(0) for p in range(4)])
phi = phi / phi.norm(dim=1, keepdim=True)
logits = six @ phi.T / 0.2
log_p = logits - logits.logsumexp(1, keepdim=True)
positive = of_person[None] == who[:, None]
each = -(log_p * positive).sum(1) / positive.sum(1)
by_hand = (each[kind == 0].mean() + each[kind == 1].mean()) / 2  # eq. 8
sides = [
    multi_positive(six[at], who[at], phi, of_person, temperature=0.2)
    for at in (kind == 0, kind == 1)
]
np.testing.assert_allclose(by_hand, sum(sides) / 2)

# %%
bank6 = Memory(phi, momentum=0.1)
bank6.update(six[:1], proxy6[:1])
moved = 0.1 * phi[0] + 0.9 * six[0]
np.testing.assert_allclose(moved / moved.norm(), bank6.prototypes[0])
print(f"multi-positive loss of six pictures: {by_hand:.4f} nats, by hand and by the library")

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("06-contrast")` helps in steps,
# `print(checks.source("06-contrast"))` shows a solution. What you have solved is kept on this
# machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Write **contrast with a memory** (ClusterNCE): $\ell = -\frac1b \sum_i \log
# \operatorname{softmax}(x_i \Phi^\top / \tau)_{y_i}$. Bring the rows of `x` (b, d) to length 1
# first; `prototypes` (K, d) are units already. The gradient to `x` is checked, too.


# %% tags=["exercise"]
def contrast(x, target, prototypes, temperature): ...


checks.check("06-contrast", contrast)

# %% [markdown]
# **2.** Write BMIL's **multi-positive** loss (eq. 7): $\ell_i = -\frac{1}{|P_i|} \sum_{p \in P_i}
# \log \operatorname{softmax}(x_i K^\top / \tau)_p$, mean over i. `positive` (b, P) is true at the
# proxies of the own cluster; all proxies are in the softmax. Again bring the rows of `x` to
# length 1.


# %% tags=["exercise"]
def multi_positive(x, positive, proxies, temperature): ...


checks.check("06-multi-positive", multi_positive)

# %% [markdown]
# **3.** Write one **memory update**: $\phi \leftarrow \operatorname{norm}(\mu \phi + (1 - \mu)
# x)$.


# %% tags=["exercise"]
def moved(prototype, x, momentum): ...


checks.check("06-momentum", moved)

# %% [markdown]
# **4.** Two proxies are both right and share the softmax. What is the smallest value (nats, to
# two digits) that the multi-positive loss can reach?

# %% tags=["exercise"]
checks.check("06-floor", ...)

# %% [markdown]
# **5.** A joint cluster is 90 % visible and has one prototype. Which pictures does the contrast
# move most? (a) the visible ones; (b) the infrared ones; (c) all alike; (d) none.

# %% tags=["exercise"]
checks.check("06-one-prototype", ...)

# %% [markdown]
# **6.** **Find the slip.** After the step: (a) `x = normalize(x.detach())`; (b) `phi[y] = mu * x
# + (1 - mu) * phi[y]`; (c) `phi[y] = normalize(phi[y])`, where `mu` = 0.1 is the momentum of the
# papers.

# %% tags=["exercise"]
checks.check("06-find-the-slip", ...)

# %% [markdown]
# ### Exercise
#
# The loss of section 2 keeps the own prototypes and the *strongest* 48 or 49 others. What should
# happen with `keep=2`? Try it on the three similarities of section 2, then think about a batch.
#
# <details><summary>Answer</summary>
#
# With `keep=2` only the two positives are left in the softmax: the stranger is out of the race. The
# loss hardly falls (2.018 after 2.021), for the stranger weighed next to nothing; what remains is
# what the two positives differ by, and ln 2 if they were equal. Nothing pushes away from anybody,
# so all pictures could collapse into one point at no cost. With many prototypes the far ones
# hardly weigh in the softmax anyway (at temperature 0.05, a similarity lower by 0.2 counts e^4 = 55
# times less), so dropping them saves work and changes little; dropping the near ones changes
# everything.
# </details>
