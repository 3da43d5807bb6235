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
# # 01 · Two modalities: what infrared keeps of a person
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/01_two_modalities.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/01_two_modalities.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/01_two_modalities.py)
#
# **Objective.** See what changes when only the modality changes, and split the gap into a part that
# a network can learn and a part that nobody can.
#
# **Before this.** Notebook 00.
#
# **Time.** 25 minutes to read; runs in under 75 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - say which cues survive in infrared and which are lost;
# - tell a systematic change from one that no method can undo;
# - judge how far one number gives the modality away.
#
# **Sections.** 1 · 4 min, 2 · 7 min, 3 · 5 min, 4 · 4 min, 5 · 5 min; the exercises take as long
# again.
#
# **On the map.** pictures (framed below; the whole map is in [00](00_start_here.ipynb)). Terms
# are in the [glossary](../docs/glossary.md).
#
# ← [00 Start here](00_start_here.ipynb) ·
# [02 Features](02_features.ipynb) →

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

from vireid import plots, widgets
from vireid.data import looks
from vireid.data.synthvi import WORLD, render
from vireid.experiment import prepare
from vireid.figures import worlds

world = prepare(DATA, preset=PRESET, trials=1)
train = world.train
print(f"{train.name}: {len(train)} pictures", end=", ")
if world.knows("train"):
    print(len(np.unique(train.identity)), "people")

# %%
plots.show(plots.pipeline_map("pictures"), "The map of the workbook; here: pictures.")

# %% [markdown]
# ## 1 · Change the modality and nothing else
#
# In the real world one cannot photograph the same instant twice, so it stays open whether two
# pictures differ by the modality, by pose or the place. A drawn world can do it: SynthVI is a
# *causal model*, and `do(modality=infrared)` sets one variable and leaves all others, even the
# dice, as they were.
#
# **Predict first.** Which of these survive: the colour of a jacket, its pattern, a bag, the build
# of the body, the way of walking, the look of the skin? Then move the sliders. `style_gap` is
# what infrared does to everybody alike; `modality_gap` is how much of a cloth's infrared
# brightness has nothing to do with its colour (at 0.3 the part that its colour tells has weight
# 0.7, and about half of the variance is drawn anew; at 1 all of it).

# %%
widgets.twins().show()

# %% [markdown]
# Shape, pose, bag and most patterns stay. Colour is gone, and brightness is not simply kept. Skin
# turns nearly white in everybody, so its tone is lost too. Of the way of walking one picture shows
# one moment, the same in both modalities.
#
# **What to doubt.** Real cameras of the two kinds do not hang in one place, so real pairs also
# differ in view. And drawn people have fewer ways to look than real ones.

# %% [markdown]
# ## 2 · Does a bright jacket stay bright?
#
# Take the brightness of the torso in every picture of `DATA`, subtract the camera's mean (cameras
# are set differently), and average per person: one number in visible light, one in infrared.
#
# **Predict first.** If infrared were a grey copy, what would the correlation r be? What do you
# expect?

# %%
bright = widgets.predict(
    "01-r",
    "How strongly do torso brightness in visible and in infrared correlate?",
    low=-1,
    high=1,
    unit="r",
)
bright.show()

# %%
if world.knows("train"):
    high, wide = train.size
    body = np.s_[high // 4 : high // 2, 3 * wide // 10 : 7 * wide // 10]
    colour = np.array(
        [train.resized(i)[body].mean(axis=(0, 1)) for i in range(len(train))]
    )  # (n, 3)
    torso, warmth = colour.mean(axis=1), colour[:, 0] - colour[:, 2]
    for camera in np.unique(train.camera):
        for value in (torso, warmth):
            value[train.camera == camera] -= value[train.camera == camera].mean()
    people = np.intersect1d(*(train.of(m).identity for m in (0, 1)))
    seen = [[(train.identity == p) & (train.modality == m) for p in people] for m in (0, 1)]
    mean = [[torso[rows].mean() for rows in persons] for persons in seen]

# %%
if world.knows("train"):
    figure, ax = plots.canvas(width=4.6, height=3.8)
    axis = dict(xlabel="visible (grey levels from mean)", ylabel="infrared (grey levels from mean)")
    plots.paired(*mean, ax, **axis, title=f"torso brightness, {train.name}")
    plots.show(figure, "Torso brightness of each person, visible against infrared, with r.")

# %%
if world.knows("train"):
    r = np.corrcoef(mean)[0, 1]
    how = "largely" if abs(r) > 0.6 else "weakly" if abs(r) > 0.2 else "not noticeably"
    verdict = f"{how} {'kept' if r > 0 else 'turned round'}"
    print(f"r = {r:+.2f}: brightness is {verdict}; it predicts {r**2:.0%} of the variance")
    hints = np.stack([mean[0], [warmth[rows].mean() for rows in seen[0]], np.ones(len(people))], 1)
    left = mean[1] - hints @ np.linalg.lstsq(hints, np.array(mean[1]), rcond=None)[0]
    print(f"brightness and red - blue together predict {1 - left.var() / np.var(mean[1]):.0%}")

# %%
if world.knows("train"):
    bright.reveal(r)

# %% [markdown]
# A strong r of either sign is good news: a rule like "swap dark and bright" is the same for
# everybody, and a network can learn it. What is left over, 1 - r², is what *brightness alone*
# cannot tell; the rest of the colour may tell it, as the second line shows. Only what no colour
# tells is lost for good.
#
# **What to doubt.** Few people make a shaky r: with 20, even unrelated numbers reach |r| = 0.44
# one time in twenty, and two hints together explain 11 % of unrelated numbers.

# %% [markdown]
# ## 3 · The part that nobody can learn
#
# Back to the drawn world, with twins as in section 1, 80 people, and `modality_gap` set to 0, 0.5
# and 1. The systematic part, `style_gap`, stays as it is.
#
# **Predict first.** Sketch the three clouds.

# %%
figure, axes = plots.canvas(3, width=8.4, height=3.4)
for ax, gap in zip(axes, (0.0, 0.5, 1.0), strict=True):
    drawn = WORLD.do(modality_gap=gap)
    shots = [drawn.shot(drawn.person(p, seed=1), drawn.camera(1), (1, p)) for p in range(80)]
    lit = [[render(s.do(modality=m), (64, 32)) for s in shots] for m in (0, 1)]
    brightness = [[picture[16:32, 10:22].mean() for picture in pictures] for pictures in lit]
    ax.set(xlim=(0, 255), ylim=(0, 255))
    axis = dict(xlabel="visible (grey levels)", ylabel="infrared (grey levels)")
    plots.paired(*brightness, ax, **axis, title=f"modality_gap {gap:g}")
plots.show(figure, "Torso brightness of 80 twins in both modalities, at modality_gap 0, 0.5 and 1.")

# %% [markdown]
# At 0 one rule binds infrared to *colour* for everybody, and brightness is a part of colour; at 1
# the two have little to do with each other, and *no method whatever* can get that cue back. What
# remains then is shape, pattern, gait and bag.
#
# **What to doubt.** Even at 0 the cloud is no line: the rule also listens to red against blue,
# which these axes do not show, and arms, prints and shadows fall into the box too. How large the
# gap of real cloth is, a drawn world cannot say; it only lets us turn the dial.

# %% [markdown]
# ## 4 · How easily is the modality itself recognised?
#
# Turn all pictures grey. **Predict first:** from two numbers per picture, its brightness and its
# graininess, can one tell the modality?

# %%
grey = np.stack([train.resized(i).mean(axis=-1) for i in range(len(train))])  # (n, high, wide)
grain = np.abs(np.diff(grey, n=2, axis=2)).mean(axis=(1, 2))
clues = {"mean brightness": grey.mean(axis=(1, 2)), "graininess": grain}
figure, axes = plots.canvas(2, width=8.4, height=3.2)
for ax, (name, values) in zip(axes, clues.items(), strict=True):
    plots.histogram(values, ax, modality=train.modality, xlabel=f"{name} (grey levels)")
plots.show(figure, "Brightness and graininess of the grey pictures, one histogram per modality.")

# %%
for name, values in clues.items():
    right = [((values > cut) == train.modality).mean() for cut in values]
    print(f"one threshold on {name} tells the modality of {max(*right, 1 - min(right)):.0%}")
commoner = np.bincount(train.modality).max() / len(train)
print(f"to say the commoner modality of every picture is right for {commoner:.0%}")

# %% [markdown]
# Chance is the share of the commoner modality, and the best of all cuts reaches more than that even
# on numbers that know nothing.

# %% [markdown] tags=["synthvi"]
# Here some 55 % are reached by nothing at all: brightness tells something, graininess hardly.

# %% [markdown]
# (Neither is free of the person: a striped shirt is grainy in both modalities.) And a network sees
# far more than two numbers. Remember that when we group pictures by similarity without names (03)
# and find them grouped by modality (04).
#
# **What to doubt.** The threshold was chosen on the pictures it is judged on: with few pictures
# that alone is worth some points, and more where there are more numbers to choose from.

# %% [markdown]
# ## 5 · Looks that both modalities can share
#
# What is bright in visible light may be dark in infrared: not everything, but a jacket here, skin
# there. One can show pictures so that it matters less: as a *negative*, as *edges*, which do not
# ask which side is the bright one, or in *pseudo-colour* that changes from picture to picture (the
# figure shows one of its maps).
# Trained on such views a network may learn what is left, without ever seeing a pair. They are
# recipes here: `pgm_negative`, `pgm_edges`, `pgm_pseudo_colour`.
#
# **Predict first.** Take 40 people in one pose of their own, and for each infrared picture the
# visible one whose *pixels* correlate best (chance: 2.5 %). Will more find their twin by grey
# pictures or by edges?

# %%
plots.show(
    worlds.shared_looks(), "Three people in both modalities: plain, negative, edges, pseudo-colour."
)

# %%
shots = [WORLD.shot(WORLD.person(p, seed=1), WORLD.camera(1), (1, p)) for p in range(40)]
pairs = [[render(s.do(modality=m), (64, 32)) for s in shots] for m in (0, 1)]
for name, look in {"grey": looks.grey, "edges": looks.edges}.items():
    flat = [np.stack([look(picture).ravel() for picture in side]) for side in pairs]
    r = np.corrcoef(*flat)[len(shots) :, : len(shots)]  # infrared rows, visible columns
    found = (r.argmax(axis=1) == np.arange(len(shots))).mean()
    print(f"{name}: mean r of twins {np.diag(r).mean():+.2f}, {found:.0%} find their twin")

# %% [markdown]
# (Negatives of both sides would correlate as the pictures do; they help a network that must not
# rely on bright and dark.) Twins share the pose, which edges keep; that is most of what is found
# here. Two pictures of one person from two cameras share less, and people share poses: what a look
# is worth, only a training tells ([16 Results](16_results.ipynb) has some on real people).
#
# **What to doubt.** A look that takes away what differs takes away what tells people apart, too: of
# a plain shirt the edges leave an outline.

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("01-explained")` helps in steps,
# `print(checks.source("01-explained"))` shows a solution. What you have solved is kept on this
# machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Brightness of the torso in infrared and in visible light correlate with r = -0.6 over
# people. Which share of the infrared variance does visible brightness predict (by a straight
# line)?

# %% tags=["exercise"]
checks.check("01-explained", ...)

# %% [markdown]
# **2.** SynthVI draws `shot.do(modality=infrared)`. How does that differ from picking an infrared
# picture of the same person from the data? (a) not at all; (b) everything but the modality stays
# as it was, pose and place included; (c) it is another person drawn at random; (d) it is the
# visible picture turned grey.

# %% tags=["exercise"]
checks.check("01-do", ...)

# %% [markdown]
# **3.** Cameras are set differently. Write `without_camera(value, camera)`: from each picture's
# value subtract the mean over the pictures of its camera. The argument must stay as it was.


# %% tags=["exercise"]
def without_camera(value, camera): ...


checks.check("01-camera-mean", without_camera)

# %% [markdown]
# **4.** A rule says *infrared* above `cut`, or the other way round, whichever is better. Write
# `two_way_accuracy(value, modality, cut)`: the share it gets right (modality 0 visible, 1
# infrared).


# %% tags=["exercise"]
def two_way_accuracy(value, modality, cut): ...


checks.check("01-threshold", two_way_accuracy)

# %% [markdown]
# ### Exercise
#
# In section 1 choose `style = thermal` and move `style_gap` to 1 (below that, heat and near
# infrared are mixed). Which clues survive in heat that near infrared destroys, and the other way
# round? Then repeat section 3 with `WORLD.do(modality_gap=gap, style="thermal", style_gap=1.0)`.
#
# <details><summary>Answer</summary>
#
# Heat shows bare skin bright and cloth darker, the thicker the darker, so sleeves, skirts and
# hair length stand out whatever their colour, while prints and stripes fade: they are the same
# cloth. The clouds of section 3 are loose even at `modality_gap = 0`, for warmth does not follow
# colour.
# </details>
