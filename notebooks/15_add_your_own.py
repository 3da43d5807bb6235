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
# # 15 · Add your own: a method in forty lines, a data set in five
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/15_add_your_own.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/15_add_your_own.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/15_add_your_own.py)
#
# **Objective.** Write a method of your own by inheriting from one that is there, train and compare
# it beside the controls, keep it in a file outside the package, and read your own pictures.
#
# **Before this.** Notebooks 07 and 10.
#
# **Time.** 40 minutes to read; runs in under 90 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - say which hook of a method does what, and inherit the rest;
# - train, score and replay a class that lies in a file of yours;
# - read a folder of your own pictures.
#
# **Sections.** 1 · 7 min, 2 · 10 min, 3 · 10 min, 4 · 8 min, 5 · 7 min; the exercises take as long
# again.
#
# **On the map.** association, losses (framed below; the whole map is in
# [00](00_start_here.ipynb)). Terms are in the [glossary](../docs/glossary.md).
#
# ← [14 Evaluate honestly](14_evaluate_honestly.ipynb) ·
# [16 Results](16_results.ipynb) →

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
import contextlib
import tempfile
from pathlib import Path

import pandas as pd
from IPython.utils.capture import capture_output

from vireid import methods, plots, widgets
from vireid.cli import main
from vireid.experiment import compare, plan, prepare, preset_for
from vireid.runs import table
from vireid.warm_start import length

plots.show(
    plots.pipeline_map("association", "losses"),
    "The map of the workbook; here: association, losses.",
)

# %% [markdown]
# ## 1 · What a method is
#
# A dataclass: its fields are the hyperparameters. Training asks it three things per epoch.
#
# | hook | gets | gives |
# | --- | --- | --- |
# | `relabel` | all training features, no identities | pseudo-labels; memories are built here |
# | `batches` | the pseudo-labels | which pictures to show together |
# | `losses` | a batch | one `yield` is one optimiser step; what follows it runs after the step |
#
# You seldom write all three. **Inherit** from the method that is nearest, change one thing, and
# everything else stays what it was, so that the difference is your idea and nothing else. A copy
# of a file would drift away from its original; a subclass cannot.
#
# | your idea | inherit from | and write |
# | --- | --- | --- |
# | other neighbours or clusters within a modality | `DCL` | `distance` or `cluster_own` |
# | other joint clusters | `BMIL` | `cluster_jointly` |
# | other partners across the gap | `PGM` | `find_partners` |
# | another loss on DMDL's labels | `DMDL` | `losses` |
#
# **Predict first.** The method below pairs a visible with an infrared cluster when **each is the
# other's nearest**. Of two sides with 10 clusters each, how many pairs can that give at most? At
# least?
#
# $$v \leftrightarrow r \iff r = \arg\max_{r'} \phi_v \cdot \phi_{r'} \;\text{ and }\;
# v = \arg\max_{v'} \phi_{v'} \cdot \phi_r$$

# %% tags=["exercise"]
# my_method.py
"""A method of one's own: PGM's training with other partners."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from vireid.clustering import prototypes
from vireid.methods.controls import controls
from vireid.methods.pgm import PGM


@dataclass(kw_only=True)
class Mutual(PGM):
    """Partners are each other's nearest clusters, at least ``least`` alike (cosine)."""

    least: float = 0.0
    rounds: ClassVar[None] = None  # PGM's; nothing here reads it, so it is no setting

    title = "Mutual"
    presets = PGM.presets | {"tiny": PGM.presets["tiny"] | {"epochs": (2, 1)}}
    rows = {"mutual": {}, "strict": {"least": 0.6}} | controls(
        prolonged={"pairs": "none"}, oracle={"pairs": "oracle"}
    )
    switches = {"least": (0.0, 0.6), "cross": ("alternate", "both"), "centring": (False, True)}
    ranges = (("least", lambda v: -1 <= v <= 1, "a cosine lies in [-1, 1]"),)
    stage2_fields = PGM.stage2_fields - {"rounds"} | {"least"}
    sources = PGM.sources | {"least": "ours"}

    def find_partners(self, own):
        """(v2r, r2v): each cluster's partner, -1 for nobody."""
        if self.pairs == "oracle":
            return super().find_partners(own)
        visible, infrared = (prototypes(s.x, torch.as_tensor(y)) for s, y in own.values())
        best = (visible @ infrared.T).max(1), (infrared @ visible.T).max(1)
        return tuple(
            torch.where(
                (other.indices[one.indices] == torch.arange(len(one.indices)))
                & (one.values >= self.least),
                one.indices,
                -1,
            ).numpy()
            for one, other in (best, best[::-1])
        )


# %% [markdown]
# Ten clusters on each side can give ten such pairs at most, and one at least: the nearest pair of
# all is always mutual. What each part is for:
#
# - `least: float = 0.0` is a new hyperparameter with its default; `--set least=0.4` works at once,
#   and `ranges` refuses what makes no sense.
# - `rounds` of PGM means nothing here. As a `ClassVar` it is no setting any more: **a setting that
#   changes nothing is a lie in the record.**
# - `stage2_fields` says that stage 1 does not read `least`: rows that differ in it share one stage
#   1 and are compared in pairs.
# - `presets` are PGM's; the tiny one has one epoch of stage 2 in place of three, for a quick look.
# - `rows` and `switches` are what `vireid compare` and the ablation lab offer. `controls` adds the
#   three that every method must face.

# %% [markdown]
# ## 2 · Look before you train
#
# A class has no name in the package's table. It is called by where it is, `module:Class`; in this
# notebook the module is `__main__`. Every function and command that takes a method's name takes
# that.

# %%
NAME = "__main__:Mutual"
method = methods.build(NAME, preset="tiny", least=0.2)
made = plan(NAME, "synthvi", preset="tiny", row="strict")
print(made.method.title, "by", made.method.source, "| steps", made.method.steps)
shown = [one for one in made.lines if one.name in ("least", "pairs", "cross", "optimiser steps")]
lines = [(one.part, one.name, str(one.value), one.source) for one in shown]
columns = ["part", "name", "value", "source"]
plots.table(pd.DataFrame(lines, columns=columns), index=False)

# %%
for wrong in ({"least": 2}, {"leest": 0.2}, {"row": "strictest"}, {"name": "my_metod:Mutual"}):
    try:
        methods.build(**{"name": NAME, "preset": "tiny"} | wrong)
    except ValueError as error:
        print(f"{wrong}\n    {str(error)[:150]}")

# %% [markdown]
# ## 3 · Train it beside the controls
#
# `compare` builds every row before it trains anything: a slip in the last row does not cost a
# night. Rows share the stage 1.
#
# **Predict first.** Three rows from one stage 1: stage 1 prolonged, mutual partners, and true
# partners (the oracle).

# %%
ceiling = widgets.predict(
    "15-ceiling", "How far above `mutual` will the oracle end in rank-1?", high=40, unit="points"
)
ceiling.show()

# %%
world = prepare(DATA, preset=PRESET, method=NAME)
shelf = Path(tempfile.mkdtemp())
ladder = ["prolonged", "mutual"] + ["oracle"] * world.knows("train")
usual = methods.build(NAME, preset=preset_for(world, NAME))
short = length(world, usual)  # on real pictures a few steps, on SynthVI the preset's
found = compare(world, NAME, ladder, seed=0, out=shelf / "ladder", switches=short)
kept = ["seeds", "steps", "unsupervised", "rank1", "mAP", "rank1 gain by seed"]
if world.knows("test"):
    plots.table(table({row: [run] for row, run in found.items()})[kept])

# %%
if world.knows("test"):
    scores = {row: [100 * run.result["rank1"]] for row, run in found.items()}
    figure, ax = plots.canvas(width=6.4, height=2.6)
    plots.bars(scores, ax, title=f"{method.title} on {world.train.name}, one seed")
    words = ", ".join(f"{row} {value:.1f}" for row, (value,) in scores.items())
    plots.show(figure, f"Rank-1 of the rows, one seed each: {words}.")
    ceiling.reveal(scores["oracle"][0] - scores["mutual"][0])

# %%
for row in [row for row in ("mutual", "oracle") if world.knows("train")]:
    told = found[row].curves[-1]
    print(f"{row}: of the pairs that it puts together across the gap,", end=" ")
    print(f"{told['global/cross_precision']:.0%} are right")
assert found["mutual"].unsupervised
assert found["mutual"].method == NAME

# %% [markdown]
# And in the lab of notebook 13: its switches are yours.

# %%
widgets.ablation(found.values(), NAME).show()

# %% [markdown]
# **What to doubt.** One seed, one epoch, eight test people: the picture shows that the parts work
# together, and nothing about the idea. `vireid compare --method my_method:Mutual --data synthvi
# --preset small --rows prolonged mutual oracle --seeds 1 2 3 --out runs/mutual` is the least that
# says something.

# %% [markdown]
# ## 4 · From a file, on the command line
#
# Save the cell as `my_method.py` in any folder, and from there every command finds it. A terminal
# would say `vireid train --method my_method:Mutual --data synthvi ...`; `main` does the same.

# %%
import linecache  # knows the text of every cell that has run

written = linecache.getlines(Mutual.find_partners.__code__.co_filename)
(shelf / "my_method.py").write_text("".join(written))
SHORT = ["--set", "epochs=(1, 1)", "--set", "iterations=3", "--set", "stage2_iterations=3"]
common = ["--method", "my_method:Mutual", "--data", "synthvi", "--preset", "tiny"]
with contextlib.chdir(shelf), capture_output() as said:  # without the progress bar
    main(["train", *common, *SHORT, "--row", "strict", "--set", "least=0.3", "--out", "runs/mine"])
print(said.stdout)

# %% [markdown]
# The record knows the class, so scoring and repeating need no more than the folder. A **replay**
# trains again from the record alone and compares every curve; it finds the method where the record
# says.

# %%
with contextlib.chdir(shelf), capture_output() as said:
    main(["replay", "runs/mine"])
print(said.stdout)

# %% [markdown]
# To bring it into the package: the file into `vireid/methods/`, `name = "mutual"` in the class, one
# line in the table of `vireid/methods/__init__.py`, and a written-out test for every new equation.
# `CONTRIBUTING.md` has the list; the tests then try your method, too.

# %% [markdown]
# ## 5 · Pictures of your own
#
# A table with a line a picture is all. `vireid data template FOLDER` writes an example with drawn
# people in it; replace them by yours.

# %%
from vireid.data import check
from vireid.data.template import template

folder = template(shelf / "mine", size=(64, 32))
lines = (folder / "pictures.csv").read_text().splitlines()
print("\n".join(lines[:3]), f"... {len(lines) - 1} pictures in all", sep="\n")
print(check.report(folder).text.replace(str(folder), "mine"))

# %%
own = prepare("files", root=folder, network="small", size=(64, 32))
model = own.model()
score = own.test.score(*own.test.embed(model))
print(f"{own.train.name}: {len(own.train)} to train on, {len(own.test.query)} queries", end=", ")
print(f"{len(own.test.gallery)} gallery pictures; rank-1 before training {score['rank1']:.0%}")
print("(no chance: the starting weights have seen drawn people, and these are drawn, too)")

# %%
figure, ax = plots.canvas(width=5.4, height=2.4)
plots.contact_sheet(own.test.gallery, ax, rows=range(20), columns=10)
plots.show(figure, "The first gallery pictures of the example: drawn people, two cameras each.")

# %% [markdown]
# Then `vireid train --method bmil --data files --root mine`. Without identities it trains all the
# same and is not scored; without cameras nothing is left out in scoring.
#
# **What to doubt.** A few people of your own say whether the reading works, not which method is
# better. And people in your pictures must have agreed: `docs/responsible_use.md`.

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("15-mutual")` helps in steps,
# `print(checks.source("15-mutual"))` shows a solution. What you have solved is kept on this
# machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** `similarity` (K_v, K_r) compares visible with infrared clusters. Write
# `mutual(similarity)`: for each visible cluster its infrared partner where **each is the other's
# most similar**, -1 where it has none.


# %% tags=["exercise"]
def mutual(similarity): ...


checks.check("15-mutual", mutual)

# %% [markdown]
# **2.** A method like PGM takes one optimiser step a batch. Its preset says `epochs=(2, 3)`,
# `iterations=10`, `stage2_iterations=20`. How many steps does it take in all?

# %% tags=["exercise"]
checks.check("15-steps", ...)

# %% [markdown]
# **3.** You add a hyperparameter that only stage 2 reads and forget to put it into `stage2_fields`.
# What happens in `compare`? (a) it is ignored; (b) rows that differ in it get a stage 1 each, which
# takes longer, and are no longer compared from one start; (c) stage 1 becomes wrong; (d) the method
# cannot be built.

# %% tags=["exercise"]
checks.check("15-stage2-fields", ...)

# %% [markdown]
# **4.** In `losses`, a line that moves a memory stands *after* the `yield`. When does it run? (a)
# before the loss is computed; (b) after backward, before the optimiser's step; (c) after the
# optimiser's step; (d) at the end of the epoch.

# %% tags=["exercise"]
checks.check("15-yield", ...)

# %% [markdown]
# **5.** Your class `Mutual` lies in `my_method.py`. Under which name do its run records keep it?
# (a) pgm, the class it inherits from; (b) Mutual; (c) my_method:Mutual; (d) the path of the file.

# %% tags=["exercise"]
checks.check("15-name", ...)

# %% [markdown]
# ### Exercise
#
# Give `Mutual` a second idea: a cluster without a partner today keeps yesterday's. Where would you
# keep yesterday's partners, given that clusters are numbered anew every epoch? What else must
# change so that a run that was stopped goes on as if it had not been?
#
# <details><summary>Answer</summary>
#
# Numbers mean nothing from one epoch to the next, so keep *pictures*: after pairing, write for
# every picture the prototype of its partner cluster, and in the next epoch let a single cluster
# take the cluster nearest to the mean of its pictures' kept prototypes. That table is state beyond
# the network: `state()` must give it and `load_state()` take it back, or a resumed run differs from
# an uninterrupted one (`tests/test_survive.py` kills every method of the table to see). And because
# the first epoch has no yesterday, the control is the same method without memory: a row of its own.
# </details>
