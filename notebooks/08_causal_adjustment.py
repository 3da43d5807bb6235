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
# # 08 · Causal adjustment: what if the modality were no clue?
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/08_causal_adjustment.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/08_causal_adjustment.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/08_causal_adjustment.py)
#
# **Objective.** See the back door through which the modality gets into a label, shut it by asking
# two memories about every picture (DMDL's CAI), and find out what that costs and where it fails.
#
# **Before this.** Notebooks 01 (the `do` of the drawn world), 04 and 06.
#
# **Time.** 45 minutes to read; runs in under 75 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - draw the backdoor and say what an intervention changes;
# - write CAI's loss and its responsibilities;
# - predict CAI's limits and where it cannot help.
#
# **Sections.** 1 · 12 min, 2 · 5 min, 3 · 6 min, 4 · 5 min, 5 · 6 min, 6 · 5 min, 7 · 4 min, 8 ·
# 3 min; the exercises take as long again.
#
# **On the map.** memory, losses (framed below; the whole map is in [00](00_start_here.ipynb)).
# Terms are in the [glossary](../docs/glossary.md).
#
# ← [07 Train and compare](07_train_and_compare.ipynb) ·
# [09 Bias-free training](09_bias_free_training.ipynb) →

# %% tags=["colab"]
import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    # %pip install -q git+https://github.com/vireid/vireid
    from google.colab import output

    output.enable_custom_widget_manager()

# %% [markdown]
# The one dial: `"synthvi"` is drawn by the computer; `"m3svd"`, `"sysu"`, `"regdb"`, `"llcm"` are
# real (`data/README.md`), with `PRESET = None` for their usual setting. Section 1 needs pictures of
# one instant in both modalities and is about SynthVI whatever the dial says.

# %% tags=["parameters"]
DATA, PRESET = "synthvi", "tiny"

# %%
import numpy as np
import pandas as pd
import torch

from vireid import methods, plots, widgets
from vireid.experiment import prepare
from vireid.features import extract
from vireid.losses import cai, nwgm, shared_prediction
from vireid.losses.causal import log_mixture
from vireid.types import Modality
from vireid.warm_start import trained

# %%
plots.show(plots.pipeline_map("memory", "losses"), "The map of the workbook; here: memory, losses.")

# %% [markdown]
# ## 1 · A back door
#
# The person decides what is in the picture X, and X should decide the label Y. But the modality M
# decides a good part of the picture too, and if some labels are mostly visible and others mostly
# infrared, then *modality alone tells something about the label*. That way X ← M → Y (purple) is a
# **back door**: what a learner reads off it is true in its sample and wrong everywhere else.
#
# P(Y|X) is what one sees by watching. P(Y|do(X)) is what X says when no arrow leads into it. The
# *back-door adjustment* (DMDL eq. 5) asks each modality by itself and takes the mean:
#
# $$P(Y \mid X) = \sum_m P(Y \mid X, m)\, P(m \mid X), \qquad
# P(Y \mid do(X)) = \sum_m P(Y \mid X, m)\, P(m).$$
#
# A picture shows which modality it is of, so $P(m \mid X)$ is 1 for that one: on the left only the
# own modality is asked. Methods without adjustment do not even do that: they keep *one* prototype
# per label for both modalities, DMDL's baseline among them (eq. 11; section 6 says what that stands
# for).

# %%
figure, axes = plots.canvas(2, width=6.4, height=2.7)
plots.causal_graph(axes[0], title="watching: P(Y|X)")
plots.causal_graph(axes[1], cut=True, title="doing: P(Y|do(X))")
plots.show(
    figure,
    "Two graphs of modality M, picture X and label Y. Watching: M points to X and to Y, X to Y. "
    "Doing: the arrow from M to X is gone.",
)

# %% [markdown]
# In the drawn world we can tie the knot ourselves. Eight people, each shot is taken in *one*
# modality. At tie 0 % everybody has as many visible pictures as infrared ones. At 100 % people 1 to
# 4 are only ever seen in visible light and 5 to 8 only in infrared. We learn from that sample and
# ask about held-out shots, of which `do(modality=...)` gives us both twins. Three learners, same
# features:
#
# | learner | what it keeps | what it answers |
# | --- | --- | --- |
# | shared memory | one prototype per person, the mean of all her pictures (DMDL eq. 11) | softmax |
# | own memory: P(Y\|X) | a prototype per person *and modality* | its modality's softmax (eq. 7) |
# | P(Y\|do(X)) | the same two memories | both softmaxes, weighed by p(modality) (eq. 5) |
#
# **Predict first.** The tie grows from 0 to 100 %. For pictures in the modality that a person is
# *rarely* seen in, which of the three curves will fall, and when? And whose answer will change most
# when nothing but the modality is changed (`curve = moved by do(modality)`)?

# %%
playground = widgets.Backdoor()
widgets.backdoor(playground).show()

# %%
rare, found = playground.rare, {tie: playground.answer(tie) for tie in (0.0, 0.5, 1.0)}
learners = {"shared memory": "observing", "own memory": "own_modality", "P(Y|do(X))": "doing"}
for name, field in learners.items():
    seen = [getattr(answer, field) for answer in found.values()]
    p = ", ".join(f"{playground.right(s)[rare].mean():4.0%}" for s in seen)
    usual = ", ".join(f"{playground.usual_mass(s).mean():4.0%}" for s in seen)
    moved = ", ".join(f"{playground.effect_of_modality(s).mean():4.0%}" for s in seen)
    print(f"{name:13s} at tie 0, 50, 100 %: right person in the rare modality {p}")
    print(f"{'':13s} on people usual in this modality {usual}; moved by do(modality) {moved}")

# %% [markdown]
# - The **shared memory** slides down the whole way. It never saw a label `M`: its prototypes
#   themselves have moved to the modality their person is mostly seen in, and drag the answer along.
# - **P(Y|do(X))** does not care about the dial, as long as every person has *some* pictures in both
#   modalities: each modality's prototype is a mean over that modality alone, however many pictures
#   there are.
# - It does **not** win everywhere. At tie 0 there is nothing to adjust for, and asking the wrong
#   modality's memory only adds noise. Adjusting makes an answer independent of how the sample was
#   drawn; that need not make it better.
# - Nor does it make an answer blind to the modality: changed by do(modality), it moves by a third
#   at tie 0 already, more than the shared memory's. It takes away the sample's tie, not the gap of
#   the features.
# - *On people usual in this modality* is the probability given to the four people who are mostly
#   seen in the picture's modality: 50 % would be no lean.
# - **Own memory**, the P(Y|X) of the formula, is the best of all until the very end, and then the
#   worst. Keep that in mind until section 5: it never looks across, so it learns nothing across
#   either.
#
# At 100 % all three break down. Half of the labels are missing in each *modality's* memory then
# (section 3), and each shared prototype is of one modality only.

# %%
half = found[0.5]
reads = {"its own modality": (0, 1), "the other modality": (1, 0)}
for name, banks in reads.items():
    asked = np.array(banks)[playground.modality[playground.test]]
    weight = torch.nn.functional.one_hot(torch.as_tensor(asked), 2).float()
    x = playground.x[playground.test]
    p = log_mixture(x, half.banks, weight=weight, temperature=0.05).exp()
    print(f"a memory asked about pictures of {name}: right person {playground.right(p).mean():.0%}")

# %% [markdown]
# **What to doubt.** The adjustment has small print: every X must be possible in every modality. No
# visible *picture* is. So "the infrared memory's opinion of a visible picture" is an extrapolation,
# and as good as the features' blindness to modality: the two lines above say how good that is here.
# The adjustment is exact in the limit that training tries to reach, and rough where it starts. And
# the tie is *ours*: in real training it comes from clustering.

# %% [markdown]
# ## 2 · The mixture, for one picture
#
# Now the labels that DMDL makes. After stage 1 each modality has clusters of its own; **iMCA**
# gives every cluster of one modality the label of the most similar one of the other modality (in
# even epochs visible clusters are renamed, in odd ones infrared):
#
# $$j^*(i) = \arg\max_j \phi^v_i \cdot \phi^r_j \ \text{(even)}, \qquad
# i^*(j) = \arg\max_i \phi^v_i \cdot \phi^r_j \ \text{(odd)}.$$
#
# Then each modality gets a memory under the *common* labels, and CAI's loss asks both:
#
# $$\ell = -\log \sum_m p(m)\, \frac{e^{f \cdot \phi^m_y / \tau}}
# {\sum_{l \in K^m} e^{f \cdot \phi^m_l / \tau}}$$

# %%
world = prepare(DATA, preset=PRESET)
train = world.train
PLAIN = {"stage1_cbt": False}  # a stage 1 without the parts of notebook 09
model, _ = trained(world, method="dmdl", switches=PLAIN)
features = extract(model, train)
dmdl = methods.build("dmdl", preset=world.method_preset, row="2", epochs=(0, 1))
dmdl.start(model, 0)
label = dmdl.relabel(features.blind(), 0)["global"].label
banks, prior = [dmdl.memories[m].bank for m in Modality], dmdl.share
print(f"{train.name}: {len(dmdl.shared)} labels, named after {dmdl.space.word} clusters")
print("p(visible) = {:.2f}, p(infrared) = {:.2f}".format(*prior.tolist()))

# %% [markdown]
# On the left a picture, and from each memory the member that is nearest to its favourite label's
# prototype. Then the two predictions, and their mixture. The tick marks the picture's own
# pseudo-label.
#
# **Predict first.** Where does `p(visible)` enter: into the bars of the two memories, or only into
# the mixture? How large can the right bar be at most when the other memory votes for somebody else?

# %%
start = np.flatnonzero((label >= 0) & (train.modality == Modality.INFRARED))[0]
first = int((label[:start] >= 0).sum())  # the widget counts labelled pictures
widgets.two_memories(train, features.x, label, banks, prior=prior, start=first).show()

# %% [markdown]
# Usually the picture's own memory is sure of the tick (it holds a mean that the picture itself is
# part of), so the mixture hardly falls below p(own modality), and the loss hardly rises above -log
# p(own modality). Whether the other memory is undecided or dead against makes little difference to
# it.
#
# **What to doubt.** The tick is a *pseudo*-label. When iMCA joined two strangers, a memory that
# "disagrees" is the only honest one.

# %% [markdown]
# ## 3 · A label that one memory does not have
#
# iMCA is no one-to-one match. Several clusters may take the same name, and then other names are
# left without pictures in that modality. Such a label has probability 0 in that memory; the softmax
# runs over the labels that are there.
#
# **Predict first.** How many of the labels will be missing in the renamed modality's memory? For
# their pictures, what is the largest p(label | do(x)) there can be, and the smallest loss?

# %%
for own, (ids, _) in zip(Modality, banks, strict=True):
    print(f"{own.word} memory: {len(ids)} of {len(dmdl.shared)} labels")
kept = torch.as_tensor(label >= 0)
x, y, modality = features.x[kept], torch.as_tensor(label)[kept], features.modality[kept]
p = log_mixture(x, banks, weight=prior, temperature=0.05).exp().gather(1, y[:, None])[:, 0]
known = torch.stack([torch.isin(y, ids) for ids, _ in banks], 1).all(1)
for name, rows in (("both memories know", known), ("one memory lacks", ~known)):
    told = f"mean p {p[rows].mean():.2f}, largest {p[rows].max():.2f}" if rows.any() else ""
    print(f"pictures whose label {name}: {int(rows.sum())}; {told}")

# %% [markdown]
# By hand, at temperature 1: visible prototypes (1, 0) and (0, 1) of labels 0 and 1, one infrared
# prototype (0.6, 0.8) of label 0, priors 0.6 and 0.4, and the picture (1, 0). The infrared memory
# knows one label only and is *certain* of it, whatever it is shown:

# %%
full, single = torch.eye(2), torch.tensor([[0.6, 0.8]])
toy = [(torch.arange(2), full), (torch.tensor([0]), single)]
picture, weights = torch.tensor([[1.0, 0.0]]), torch.tensor([0.6, 0.4])
mixture = log_mixture(picture, toy, weight=weights, temperature=1).exp()
losses = [float(cai(picture, torch.tensor([k]), toy, prior=weights, temperature=1)) for k in (0, 1)]
print(f"p = {mixture[0, 0]:.4f}, {mixture[0, 1]:.4f}; loss {losses[0]:.4f}, {losses[1]:.4f}")
np.testing.assert_allclose([*mixture[0], *losses], [0.838635, 0.161365, 0.175979, 1.824088], 1e-5)

# %% [markdown]
# A label that is missing in a memory of weight p(m) can reach 1 - p(m) at most; the rest is
# handed to whoever *is* there. Those pictures pay a loss of at least -log(1 - p(m)), always, and
# no pull comes from the other modality. In section 1 at tie 100 % every label is of this kind:
# adjusting needs overlap, and cannot invent it.
#
# **What to doubt.** Is 0 the right probability for "no pictures there"? It is DMDL's choice. One
# could as well let the other memory decide alone, with weight 1.

# %% [markdown]
# ## 4 · Five limits to predict
#
# **Predict first**, each in a word or a number; the sliders below can show you all of them.
#
# 1. Both memories are equal (`gap = 0`). What does the prior do?
# 2. p(visible) = 1. Which loss is left?
# 3. Label 0 has loss a in one memory and b in the other. Is CAI's loss above or below their
#    weighted mean? Can it be below the smaller one?
# 4. Temperature to infinity, K labels in both memories.
# 5. Both memories are quite sure of the *other* label, at temperature 0.05. Is the loss infinite?

# %%
widgets.cai_limits().show()

# %%
near, far = torch.eye(2), torch.tensor([[0.8, 0.6], [-0.6, 0.8]])
pair, same = [(torch.arange(2), near), (torch.arange(2), far)], [(torch.arange(2), near)] * 2
ONE, SURE, P = torch.tensor([1]), torch.tensor([1.0, 0.0]), torch.tensor([0.65, 0.35])
loss = {
    "1 equal memories": cai(picture, ONE, same, prior=P, temperature=0.5),
    "1 the same, prior 1, 0": cai(picture, ONE, same, prior=SURE, temperature=0.5),
    "2 visible memory alone": cai(picture, ONE, pair, prior=SURE, temperature=0.5),
    "2 infrared memory alone": cai(picture, ONE, pair, prior=1 - SURE, temperature=0.5),
    "3 the two mixed": cai(picture, ONE, pair, prior=P, temperature=0.5),
    "4 temperature 1e6": cai(picture, ONE, pair, prior=P, temperature=1e6),
    "5 both against, 0.05": cai(picture, ONE, pair, prior=P, temperature=0.05),
}
plots.table(pd.Series({k: float(v) for k, v in loss.items()}, name="nats").to_frame(), digits=4)

# %%
keys = ("a", "a1", "v", "r", "mix", "hot", "cold")
value = dict(zip(keys, map(float, loss.values()), strict=True))
assert np.isclose(value["a"], value["a1"]) and np.isclose(value["hot"], np.log(2), atol=1e-5)
assert min(value["v"], value["r"]) <= value["mix"] <= 0.65 * value["v"] + 0.35 * value["r"]
np.testing.assert_allclose(value["cold"], 20.430602, atol=1e-4)
print("all five hold: nothing; the visible one; between smaller and mean; log K; finite")

# %% [markdown]
# Limit 3 is the heart of it. CAI is the log **of a sum**, not a sum of logs. One memory that gives
# the right answer is enough to make the loss small, and the worse the other one is, the less it
# counts. Look at the right panel of the widget: where the two single losses pull in earnest, CAI
# follows the memory that is *already* content.

# %% [markdown]
# ## 5 · Who does the pulling?
#
# The gradient says it in one line: CAI pulls as both memories' losses do, each weighed by its
# **responsibility** $r_m$,
#
# $$\nabla \ell = \sum_m r_m \nabla \ell_m, \qquad
# r_m = \frac{p(m)\, p(y \mid x, m)}{\sum_{m'} p(m')\, p(y \mid x, m')}, \qquad
# \ell_m = -\log p(y \mid x, m).$$
#
# If a picture's own memory is sure of the label and the other one gives it 0.01, the other one has
# next to no say.
#
# **Predict first.** Of the pull on a picture, which share comes from the *other* modality's memory?
# Will it be larger for right matches of iMCA than for wrong ones?

# %%
across = widgets.predict(
    "08-pull", "For right matches, which share of the pull comes from the other modality's memory?"
)
across.show()

# %%
if world.knows("train"):
    share = widgets.responsibility(x, y, banks, prior=prior)
    other = share.gather(1, (1 - modality)[:, None])[:, 0].numpy()
    names = train.identity[label >= 0]
    agree = np.zeros(len(names), bool)  # is the label's other half mostly this person?
    for i, (k, m) in enumerate(zip(y.tolist(), modality.tolist(), strict=True)):
        half_of = names[(y == k).numpy() & (modality != m).numpy()]
        agree[i] = len(half_of) > 0 and np.bincount(half_of).argmax() == names[i]
    for word, rows in (("right", known.numpy() & agree), ("wrong", known.numpy() & ~agree)):
        told = f"{other[rows].mean():.0%}" if rows.any() else "-"
        weight = f"{prior[1 - modality][rows].mean():.0%}" if rows.any() else "-"
        print(
            f"{word} match, {rows.sum()} pictures: the other memory has {weight} by p(m)", end=" "
        )
        print(f"and {told} of the pull")

# %%
if world.knows("train"):
    across.reveal(100 * float(other[known.numpy() & agree].mean()))

# %% [markdown]
# So CAI has a bias of its own, and a useful one: it listens across to the extent that the other
# memory *already* agrees. A wrong match is discounted, at the price that a right match across a
# wide gap is discounted too. Compare the two extremes:
#
# - the **own memory** alone (eq. 7 when the modality is obvious): share 0 across, by construction.
#   That is why the best learner of section 1 would never learn to bridge the gap;
# - the **sum of logs**: share p(other modality), however much the two disagree. It bridges at full
#   strength, to the right person or the wrong one.
#
# **What to doubt.** The shares change as training goes on. If the two modalities come together, the
# other memory agrees more, gets more say, and brings them closer: a good circle or a vicious one,
# as the match may be.

# %% [markdown]
# ## 6 · Where the one shared memory comes from
#
# The baseline keeps one prototype per label. DMDL derives it from the likelihood: p(y|x) is a
# mixture with weights p(m|x) (eq. 7); moving the softmax *outside* the mixture (the normalised
# weighted geometric mean, NWGM) turns it into one softmax over mixed prototypes.
#
# **Predict first.** Logits (2, 0, 1) in one memory and (0, 1, 3) in the other, weights 0.7 and 0.3.
# Which label wins in the mixture, which in the geometric mean?

# %%
logits = [torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[0.0, 1.0, 3.0]])]
weight = torch.tensor([0.7, 0.3])
mean = sum(w * z.softmax(1) for w, z in zip(weight, logits, strict=True))[0]
geometric = nwgm(logits, weight)[0]
print("mixture       ", [f"{v:.4f}" for v in mean.tolist()])
print("geometric mean", [f"{v:.4f}" for v in geometric.tolist()])
np.testing.assert_allclose(geometric, [0.391501, 0.130319, 0.478180], atol=1e-5)

# %% [markdown]
# They even disagree on the winner: a geometric mean punishes whatever one side thinks impossible.
# The two agree when the memories agree, which is what training is meant to bring about. How far off
# is it on our pictures? Only labels that both memories know can be compared.

# %%
mixed = log_mixture(x, banks, weight=prior, temperature=0.05).exp()[known]
one = shared_prediction(x[known], dmdl.shared.prototypes, temperature=0.05)
pairs = [p.gather(1, y[known][:, None])[:, 0] for p in (mixed, one)]
figure, ax = plots.canvas(width=5.6, height=3.2)
more, of = pairs[1] - pairs[0], {"modality": modality[known], "bins": np.linspace(-0.7, 0.7, 29)}
axis = "p(pseudo-label): one shared prototype minus mixture"
plots.histogram(more, ax, **of, xlabel=axis, title=train.name)
plots.show(figure, "How much likelier one shared prototype finds each picture's label.")

# %%
wins = float((mixed.argmax(1) == one.argmax(1)).float().mean())
print(f"the two name the same favourite in {wins:.0%} of {len(one)} pictures")

# %% [markdown]
# Right of 0 the one prototype is surer of a label than the mixture. It stands in the middle of a
# person's two modalities, answers as if both memories agreed, and hides from the loss where they do
# not.

# %% [markdown] tags=["synthvi"]
# The favourites agree, the certainty does not: most of the mass lies right of 0.

# %% [markdown]
# **What to doubt.** The shared prototypes in use are plain means over all pictures of a label, so
# the weights are counts, not p(m|x). "Derived from" is a way of reading them.

# %% [markdown]
# ## 7 · And in training?
#
# From the same stage 1, two continuations with equally many steps: row 2 of the paper's Table 3,
# and the same with the shared memory in CAI's place. Nothing else differs. (The paper's own row 1
# also drops the loss within a modality; here it is row "1", this one "1-controlled".)
#
# **Predict first.** After sections 3 and 5: for which of the two will neighbours cross more?

# %%
pair = ("1-controlled", "2")
rows = {f"row {r}": trained(world, r, method="dmdl", switches=PLAIN)[1] for r in pair}
for name, run in rows.items():
    end = run.result
    if world.knows("test"):
        print(f"{name}: rank-1 {end['rank1']:.1%}, mAP {end['mAP']:.1%}", end=", ")
    share_of = "own_share_k" if "own_share_k" in end else "own_share_30"
    print(f"own-modality share of neighbours {end[share_of]:.0%}")
listed = plots.paper_table(paper="DMDL", table="Table 3", mode="all", metric="rank1")
told = {row["method"]: row["value"] for row in listed}
print(f"DMDL on SYSU-MM01: row 1 {told['index 1']} %, row 2 {told['index 2']} % rank-1")

# %% [markdown]
# After section 5 one would expect less crossing with CAI: both of its memories are asked, but the
# own one answers loudest. Compare the two shares. But whatever the order is here, do not take it
# home: one seed, a few dozen steps, few test people.
# Notebook 09 has the whole ladder over seeds. What you can take home is *where to look* when CAI
# brings nothing: how many labels are missing in a memory (section 3), and which share of the pull
# comes from across (section 5).

# %% [markdown]
# ## 8 · By hand: iMCA and CAI on six pictures
#
# Two persons in two modalities; each modality's memory holds a prototype of both. iMCA names each
# visible cluster after the most similar infrared one. The loss in plain lines, $-\log \sum_m p(m)\,
# p(y \mid x, m)$, and each memory's responsibility, $r_m \propto p(m)\, p(y \mid x, m)$:

# %%
degrees = torch.tensor([0.0, 8, 60, 22, 30, 84], dtype=torch.float64).deg2rad()
six = torch.stack([degrees.cos(), degrees.sin()], 1)  # three visible pictures, then three infrared
kind, who = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 1, 0, 0, 1])

# %%
from vireid.association import imca

both6 = [torch.stack([six[(kind == m) & (who == k)].mean(0) for k in (0, 1)]) for m in (0, 1)]
both6 = [phi / phi.norm(dim=1, keepdim=True) for phi in both6]
named = (both6[0] @ both6[1].T).argmax(1)  # an even epoch: visible clusters are renamed
np.testing.assert_array_equal(named, imca(*both6, epoch=0)[0])

# %%
prior6 = torch.tensor([0.5, 0.5], dtype=torch.float64)
p6 = torch.stack([(six @ phi.T / 0.2).softmax(1) for phi in both6], 1)  # (6, modality, person)
part = prior6[:, None] * p6
by_hand = -part.sum(1)[torch.arange(6), who].log().mean()
held = [(torch.arange(2), phi) for phi in both6]
np.testing.assert_allclose(by_hand, cai(six, who, held, prior=prior6, temperature=0.2))
own_part = part[torch.arange(6), :, who]
r = own_part / own_part.sum(1, keepdim=True)
np.testing.assert_allclose(r, widgets.responsibility(six, who, held, prior=prior6, temperature=0.2))
print(f"loss {by_hand:.4f} nats; the other memory's share of the pull:", end=" ")
print([round(float(r[i, 1 - kind[i]]), 2) for i in range(6)])

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("08-cai")` helps in steps,
# `print(checks.source("08-cai"))` shows a solution. What you have solved is kept on this machine
# only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Write **CAI**'s loss (DMDL eq. 5-6) from both memories' predictions `p_visible`,
# `p_infrared` (b, K): $\ell = -\frac1b \sum_i \log \sum_m p(m)\, p(y_i \mid x_i, m)$. `prior` is
# p(m) (2,).


# %% tags=["exercise"]
def cai(p_visible, p_infrared, target, prior): ...


checks.check("08-cai", cai)

# %% [markdown]
# **2.** CAI's pull comes from the memories by their **responsibility** $r_m \propto p(m)\, p(y
# \mid x, m)$. `p_visible`, `p_infrared` (b,) are the target's chances; return (b, 2), rows
# summing to 1.


# %% tags=["exercise"]
def responsibility(p_visible, p_infrared, prior): ...


checks.check("08-responsibility", responsibility)

# %% [markdown]
# **3.** Write the **normalised weighted geometric mean** of two softmax predictions from their
# logits (b, K) and weights (2,). It is one line.


# %% tags=["exercise"]
def geometric(z_visible, z_infrared, weight): ...


checks.check("08-nwgm", geometric)

# %% [markdown]
# **4.** A label is missing in the infrared memory; p(visible) = 0.6. What is the smallest CAI
# loss its pictures can have? (Nats, to two digits.)

# %% tags=["exercise"]
checks.check("08-floor", ...)

# %% [markdown]
# **5.** In section 1 a memory of the picture's own modality, asked alone, was best nearly to the
# end. Why not train with it? (a) it is slower; (b) it needs labels; (c) it never pulls across the
# gap, so nothing is learned about the other modality; (d) its loss is infinite.

# %% tags=["exercise"]
checks.check("08-own-memory", ...)

# %% [markdown]
# **6.** **Find the slip** in CAI: (a) `p = softmax(x @ phi.T / tau)` for each memory; (b) `log_p
# = prior[0] * p_v.log() + prior[1] * p_r.log()`; (c) `loss = -log_p[rows, y].mean()`.

# %% tags=["exercise"]
checks.check("08-find-the-slip", ...)

# %% [markdown]
# ### Exercise
#
# Set `prior="uniform"` in `methods.build("dmdl", ..., prior="uniform")` and repeat sections 3 and
# 5. Which pictures gain, which lose? Then think of a data set with ten visible pictures for each
# infrared one.
#
# <details><summary>Answer</summary>
#
# With counts, the rarer modality's memory weighs less: those of its pictures whose label the other
# memory lacks pay the higher floor -log p(own), and all listen more to the common modality's
# memory; pictures of the common modality hardly listen across. Uniform weights level both. At ten
# to one the count prior gives such infrared pictures a floor of log 11 = 2.4 nats and lets visible
# ones take about a tenth of their say from infrared while their own memory is sure of them (the
# surer the other memory beside it, the more). The formula wants p(m) of the population one cares
# about, which is a decision and not a fact of the sample: a network that will be asked in both
# modalities equally often has good reason to say one half. </details>
