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
#     budget_s: 120
# ---

# %% [markdown]
# # 14 · Evaluate honestly: what is your number worth?
#
# [Open in Colab](https://colab.research.google.com/github/vireid/vireid/blob/main/notebooks/14_evaluate_honestly.ipynb)
# · [Open in Binder](https://mybinder.org/v2/gh/vireid/vireid/main?labpath=notebooks/14_evaluate_honestly.ipynb)
# · [View source](https://github.com/vireid/vireid/blob/main/notebooks/14_evaluate_honestly.py)
#
# **Objective.** Compute the three scores by hand, make six usual errors on purpose and read off
# what each is worth, and put a spread beside every number.
#
# **Before this.** Notebooks 02 and 07.
#
# **Time.** 45 minutes to read; runs in under 120 s on two CPU cores, without a GPU or a download.
#
# **Afterwards you can**
#
# - compute CMC, AP and mINP under two protocols with a pencil;
# - name six ways in which a rank-1 comes out wrong, and check a paper's code for each;
# - report a number with its protocol, its draws, its seeds and its spread.
#
# **Sections.** 1 · 8 min, 2 · 25 min, 3 · 7 min, 4 · 5 min; the exercises take as long again.
#
# **On the map.** evaluation (framed below; the whole map is in
# [00](00_start_here.ipynb)). Terms are in the [glossary](../docs/glossary.md).
#
# ← [13 Ablation lab](13_ablation_lab.ipynb) ·
# [15 Add your own](15_add_your_own.ipynb) →

# %% tags=["colab"]
import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    # %pip install -q git+https://github.com/vireid/vireid
    from google.colab import output

    output.enable_custom_widget_manager()

# %% [markdown]
# The one dial: `"synthvi"` is drawn by the computer; `"m3svd"`, `"sysu"`, `"regdb"`, `"llcm"` are
# real (`data/README.md`), with `PRESET = None` for their usual setting. The sections on RegDB and
# LLCM draw small trees of synthetic people in those layouts, whatever the dial says.

# %% tags=["parameters"]
DATA, PRESET = "synthvi", "tiny"

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from vireid import data, evaluation, plots, runs, widgets

plots.show(plots.pipeline_map("evaluation"), "The map of the workbook; here: evaluation.")

# %%
from vireid.data import check, counts, rehearsal
from vireid.evaluation import evaluate
from vireid.experiment import prepare
from vireid.features import Described, extract
from vireid.retrieval_task import retrieval_task
from vireid.types import Modality
from vireid.warm_start import stage_one, trained

# %% [markdown]
# ## 1 · Three scores with a pencil
#
# ### By hand: two queries, four gallery pictures
#
# Six pictures: person 1 asks from camera 3, person 2 from camera 6; four visible pictures answer.
# Person 1 stands in the gallery twice, once in **camera 2**, which hangs in the room of camera 3.
# SYSU-MM01's protocol does not show camera 2 to queries of camera 3, and counts ranks in
# *identities*: of each person only the first picture takes up a place. RegDB leaves nothing out
# and counts pictures. With $h_k = 1$ where the k-th *picture* that is kept is right,
#
# $$AP = \frac{1}{\sum_k h_k} \sum_k h_k \frac{\sum_{l \le k} h_l}{k}, \qquad
# INP = \frac{\sum_k h_k}{\max\{k : h_k = 1\}},$$
#
# and CMC at k is the share of queries whose first right answer has rank at most k.

# %%
person, camera = np.array([1, 2]), np.array([3, 6])  # of the queries
gallery_person, gallery_camera = np.array([1, 1, 2, 3]), np.array([2, 4, 1, 1])
similarity = np.array([[0.9, 0.4, 0.3, 0.6], [0.7, 0.6, 0.5, 0.2]])
rows = []
for i in range(2):
    order = np.argsort(-similarity[i], kind="stable")
    kept = order[~((camera[i] == 3) & (gallery_camera[order] == 2))]  # 3 never meets 2
    h = (gallery_person[kept] == person[i]).astype(int)
    seen = list(dict.fromkeys(gallery_person[kept]))  # each person once, at the first place
    k, hits = np.arange(1, len(h) + 1), h.cumsum()
    ap, inp = (h * hits / k).sum() / h.sum(), h.sum() / k[h == 1].max()
    rows.append({"rank": seen.index(person[i]) + 1, "AP": ap, "INP": inp, "h": h.tolist()})
by_hand = pd.DataFrame(rows, index=["person 1", "person 2"])
plots.table(by_hand, digits=3)

# %%
given = (similarity, person, gallery_person, camera, gallery_camera)
sysu, regdb = (evaluate(*given, protocol=name) for name in ("sysu", "regdb"))
cmc_by_hand = [(by_hand["rank"] <= k).mean() for k in range(1, len(sysu.cmc) + 1)]
np.testing.assert_allclose(sysu.cmc, cmc_by_hand)
np.testing.assert_allclose([sysu.mAP, sysu.mINP], by_hand[["AP", "INP"]].mean())
for name, found in {"SYSU-MM01's rules": sysu, "RegDB's rules": regdb}.items():
    print(f"{name}: CMC {found.cmc.round(2)}, mAP {found.mAP:.3f}, mINP {found.mINP:.3f}")

# %% [markdown]
# The same six pictures, the same similarities: rank-1 is 0 % by one protocol and 50 % by the
# other, and person 2 has rank 2 where identities count but rank 3 where pictures do. **A number
# without its protocol is no number.**
#
# **What to doubt.** mAP and mINP count pictures in both protocols. That rank-1 and mAP of one table
# follow different countings is a habit of the field, not a law.

# %% [markdown]
# ## 2 · Six ways your number is wrong
#
# One network, trained by BMIL, is scored right and wrong. Five of the six errors leave it as it is,
# the sixth takes another epoch of it; each is found in published code or tables.

# %%
world = prepare(DATA, preset=PRESET)
_, stage1 = stage_one(world, seed=0)
model, run = trained(world, "M3+MIRL", seed=0)
control_model, control = trained(world, "prolonged", seed=0)
if world.knows("test"):
    task = world.test
    q, g = task.embed(model)
    right = task.score(q, g)
    print(f"{task.protocol} protocol, {right['trials']} gallery draws:", end=" ")
    print(f"rank-1 {right['rank1']:.1%}, mAP {right['mAP']:.1%}")

# %%
WORTH = {}  # error -> rank-1 (what is right, what is reported), per cent

# %% [markdown]
# ### 2.1 · Cameras 3 and 2
#
# Camera 3 hangs in the room of camera 2: the same wall stands behind everybody in both. The
# protocol keeps them apart: a query of camera 3 is not compared with pictures of camera 2. In code
# that is one line in a loop, and a score comes out without it, too. Below every query of camera 3
# is renamed, so that nothing is left out.
#
# **Predict first.** Does it help all queries, or those of camera 3 only?

# %%
if world.knows("test"):
    similarity_of_all = q.x @ g.x.T
    unnamed = torch.where(q.camera == 3, 6, q.camera)  # a camera that meets everybody
    for words, asked in {"all queries": q.camera > 0, "queries of camera 3": q.camera == 3}.items():
        if not asked.any():
            continue
        by_rule, without = (
            evaluation.mean_over_trials(
                evaluate(similarity_of_all[asked][:, rows], q.identity[asked], g.identity[rows],
                         cameras[asked], g.camera[rows])
                for rows in map(torch.as_tensor, task.trials)
            ).rank(1)
            for cameras in (q.camera, unnamed)
        )  # fmt: skip
        WORTH[f"cameras 3 and 2, {words}"] = 100 * by_rule, 100 * without

# %%
for error, (honest, reported) in WORTH.items():
    print(f"{error}: {honest:.1f} % becomes {reported:.1f} %")

# %% [markdown]
# ### 2.2 · RegDB's splits
#
# RegDB has ten splits of the *same* 412 people into halves, and each needs a **model of its own**.
# Two errors: the best split (or the first) is reported as if it were the mean, and one model is
# tested on all ten, where half of the test people were in its training. Below, a tree in RegDB's
# layout with a dozen drawn people; our network stands in for the ten models.

# %%
shelf = Path(tempfile.mkdtemp())
tree = rehearsal.draw_tree(shelf / "RegDB", "regdb", scale=0.03, size=(64, 32))
described = Described(model)  # however many tables show a picture, it is described once
halves, splits = {}, {}
for way in ("visible_to_infrared", "infrared_to_visible"):
    for split in range(1, 11):
        ask, answer = (
            data.load("regdb", root=tree, preset=way, split=part, trial=split)
            for part in ("query", "gallery")
        )
        one = retrieval_task(ask, [answer], "regdb")
        rank1 = one.score(described(one.query), described(one.gallery))["rank1"]
        splits.setdefault(way, []).append(100 * rank1)
        halves[split] = {path.parent.name for path in ask.source}

# %%
for way, scores in splits.items():
    ten = np.array(scores)
    told = f"mean {ten.mean():.1f}, sd over splits {ten.std(ddof=1):.1f}, best {ten.max():.1f} %"
    print(f"{way.replace('_', ' ')}: {told}")
    WORTH[f"RegDB, best split, {way.split('_')[0]} asks"] = ten.mean(), ten.max()
everybody = set.union(*halves.values())
shares = [len((everybody - halves[1]) & halves[k]) / len(halves[k]) for k in range(2, 11)]
print(f"of nine test sets, {np.mean(shares):.0%} of the people were in split 1's training")

# %% [markdown]
# What is it worth to be tested on people of one's training, even without their names? Other people
# are easier or harder, and a large gallery is harder than a small one, so the scores themselves
# cannot be compared. By how much training *lifts* them can, with galleries of as many people: from
# the training set as many as there are test people are drawn, fifty times.

# %%
if world.knows("train") and world.knows("test"):
    asking, rng = Modality(int(q.modality[0])), np.random.default_rng(0)
    known, count = np.unique(world.train.identity), len(np.unique(q.identity))
    drawn = [rng.choice(known, min(count, len(known)), replace=False) for _ in range(50)]
    lifts = {"new people": [], "people of the training set": []}
    for network in (world.model(), model):  # before and after training
        features = extract(network, world.train)
        both = [features.of(m) for m in (asking, asking.other)]
        old = [[s.rows(np.flatnonzero(np.isin(s.identity, who))) for s in both] for who in drawn]
        for words, pairs in zip(lifts, ([task.embed(network)], old), strict=True):
            ids = [(a.x @ b.x.T, a.identity, b.identity, a.camera, b.camera) for a, b in pairs]
            lifts[words].append([100 * evaluate(*i, protocol="regdb").mAP for i in ids])

# %%
if world.knows("train") and world.knows("test"):
    for words, scores in lifts.items():
        before, after = map(np.array, scores)
        lift = after - before
        spread = f", sd over {len(lift)} draws {lift.std(ddof=1):.1f}" if len(lift) > 1 else ""
        print(
            f"{words}: mAP {before.mean():.1f} before, {after.mean():.1f} after training", end=" "
        )
        print(f"({lift.mean():+.1f}{spread})")

# %% [markdown]
# **What to doubt.** Hold the difference of the two lifts against the spread over draws. This is one
# training; for a claim take several seeds. What needs no measurement is the protocol: it asks about
# people whom training has not seen.

# %% [markdown]
# ### 2.3 · Ties
#
# When two answers have the *same* similarity, somebody decides who stands first. A stable sort
# takes the gallery's order; an unstable one whatever the machine does; `rank = 1 + (number of
# answers that are strictly better)` gives every tie to the right answer. With 32-bit features ties
# are rare; with similarities kept in 8 bits, or a network that has collapsed, they decide.
#
# Below the whole gallery answers at once, without draws, so "as they are" is another number than in
# 2.1.
#
# **Predict first.** A collapsed network gives every pair the similarity 1. What rank-1 can be
# reported for it, at best and at worst?

# %%
if world.knows("test"):
    same = q.identity[:, None] == g.identity[None]
    tables = {
        "as they are": similarity_of_all,
        "in 8 bits": (127 * similarity_of_all).round() / 127,
        "collapsed": torch.ones_like(similarity_of_all),
    }
    for words, table in tables.items():
        turns = {"gallery order": 0.0, "to the right answer": 1e-6, "to a wrong answer": -1e-6}
        asked = (q.identity, g.identity, q.camera, g.camera)
        found = {who: evaluate(table.double() + way * same, *asked) for who, way in turns.items()}
        print(f"{words}:", ", ".join(f"{who} {one.rank(1):.1%}" for who, one in found.items()))
        pair = [100 * found[who].rank(1) for who in ("gallery order", "to the right answer")]
        WORTH[f"ties, {words}"] = tuple(pair)

# %% [markdown]
# ### 2.4 · LLCM's direction
#
# For "visible to infrared" the official script turns the score matrix of the *other* direction
# around: a random draw of **infrared** pictures asks, **all visible** ones answer. Read as it is
# called, all visible pictures ask and a random draw of infrared ones answers. Both are in tables
# under one name.

# %%
tree = rehearsal.draw_tree(shelf / "LLCM", "llcm", scale=0.008, size=(64, 32))
ways = {}
for words, turned in {"as it is called": False, "official script": True}.items():
    options = {"preset": "visible_to_infrared", "llcm_official_v2i": turned}
    tables = {p: data.load("llcm", root=tree, split=p, **options) for p in ("query", "gallery")}
    asks = Modality(int(tables["query"].modality[0])).word
    one = retrieval_task(tables["query"], [tables["gallery"]], "llcm")
    ways[words] = one.score(described(one.query), described(one.gallery))
    print(f"{words}: {len(one.query)} {asks} pictures ask {len(one.gallery)}:", end=" ")
    print(f"rank-1 {ways[words]['rank1']:.1%}, mAP {ways[words]['mAP']:.1%}")
pair = [100 * ways[words]["rank1"] for words in ("as it is called", "official script")]
WORTH["LLCM's direction"] = tuple(pair)

# %% [markdown]
# ### 2.5 · Re-ranking that is not said
#
# CMRR (MULT) looks at **all queries at once**: who asks beside me changes my answer. That is a fair
# method for a closed set of questions, and a different task; a table must say so.

# %%
gain = widgets.predict(
    "14-reranking", "By how many points does re-ranking lift mAP here?", high=20, unit="points"
)
gain.show()

# %%
if world.knows("test"):
    again = task.score_reranked(q, g)
    WORTH["re-ranking"] = 100 * right["rank1"], 100 * again["rank1"]
    print(f"mAP {right['mAP']:.1%} becomes {again['mAP']:.1%}; rank-1 {again['rank1']:.1%}")
    some = np.flatnonzero(q.identity.numpy() % 2 == 0)  # every second person asks, nobody else
    fewer = replace(task, query=task.query.rows(some))
    for words, score in {"plain": fewer.score, "re-ranked": fewer.score_reranked}.items():
        alone = score(q.rows(some), g)
        print(f"half of the people ask alone, {words}: mAP {alone['mAP']:.1%}", end=", ")
        print(f"rank-1 {alone['rank1']:.1%}")
    gain.reveal(100 * (again["mAP"] - right["mAP"]))

# %% [markdown]
# ### 2.6 · The best epoch, chosen on the test set
#
# Released code keeps the epoch that is best on the **test** set, by rank-1 (BMIL) or by mAP (DMDL,
# MULT). Below are both stages of two runs;
# their last epochs are what we report everywhere (`select="last"`).

# %%
if world.knows("test"):
    for name, one in {"BMIL": run, "prolonged": control}.items():
        scores = [100 * row["rank1"] for row in stage1.curves + one.curves]
        print(f"{name}: {' '.join(f'{s:.1f}' for s in scores)}; last {scores[-1]:.1f}", end=", ")
        print(f"best on the test set {max(scores):.1f} %")
        WORTH[f"best epoch, {name}"] = scores[-1], max(scores)
    drawn = np.random.default_rng(0).normal(size=(10_000, 50)).max(axis=1).mean()
    print(f"50 epochs that differ by chance alone: the best lies {drawn:.1f} sd above their mean")

# %% [markdown]
# ### What the six are worth

# %%
figure, ax = plots.canvas(width=7.6, height=4.4)
plots.shifts(WORTH, ax, xlabel="rank-1 (%)", title="from right (dot) to reported (arrow)")
words = "; ".join(f"{name}: {a:.1f} becomes {b:.1f}" for name, (a, b) in WORTH.items())
plots.show(figure, f"Rank-1 in per cent as it is, and after each error. {words}.")

# %%
if world.knows("test"):
    assert DATA != "synthvi" or WORTH["ties, collapsed"][1] == 100
    large = [
        name for name, (a, b) in WORTH.items() if abs(b - a) > 100 * right["rank1_over_trials_sd"]
    ]
    print("larger than the spread over gallery draws:", ", ".join(large))

# %% [markdown] tags=["synthvi"]
# A collapsed network can be reported as perfect, and the best of ten splits lies far above their
# mean where visible pictures ask, a few points where infrared ones do. The best epoch looks small
# here, where a curve has few epochs that differ by chance; of 50 the best lies more than two
# standard deviations too high (the last line of 2.6). Re-ranking is no matter of chance: it answers
# another question, and needs a column of its own.

# %% [markdown] tags=["synthvi"]
# **What to doubt.** The sizes are those of a drawn world with few test people; none of them carries
# over to a benchmark.

# %% [markdown]
# What carries over: nearly all push upwards, whoever made the method, and two methods can be
# compared only where the same six questions were answered in the same way.

# %% [markdown]
# ## 3 · A spread beside every number
#
# Two draws of chance stand behind a score: **which gallery** was drawn, and **which seed** the
# training had (on SynthVI it also draws the people to train and to test on, so that its spread
# holds both). The first is cheap and usually averaged away in silence; the second costs a training,
# and is usually missing.
#
# **Predict first.** Which of the two is larger?

# %%
draws = {}
if world.knows("test") and len(task.trials) == 1:
    print("There is one gallery, and nothing is drawn: no spread over draws.")
elif world.test is not None:
    for name, (qx, gx) in {"BMIL": (q, g), "prolonged": task.embed(control_model)}.items():
        each = [replace(task, trials=(rows,)).score(qx, gx) for rows in task.trials]
        draws[name] = [100 * score["rank1"] for score in each]
        sd = np.std(draws[name], ddof=1)
        print(f"{name}: {np.mean(draws[name]):.1f} %, sd over draws {sd:.1f}")
    gains = np.subtract(draws["BMIL"], draws["prolonged"])
    print(f"gain in pairs: {gains.mean():+.1f}, sd {gains.std(ddof=1):.1f} points", end="; ")
    print(f"BMIL ahead in {(gains > 0).sum()} of {len(gains)} draws of one seed")

# %%
ladder = runs.ladders()["synthvi_small_bmil"]  # 60 test people
seeds = {n: [100 * r.result["rank1"] for r in ladder[n]] for n in ("M3+MIRL", "prolonged")}
over_draws = np.mean([100 * r.result["rank1_over_trials_sd"] for r in ladder["M3+MIRL"]])
over_seeds = np.std(seeds["M3+MIRL"], ddof=1)
print(f"SynthVI small, M3+MIRL: sd over draws {over_draws:.1f}, over seeds {over_seeds:.1f} points")
if draws:
    figure, axes = plots.canvas(2, width=9.4, height=2.8)
    plots.bars(draws, axes[0], title="one seed, all gallery draws", each="one draw")
    plots.bars(seeds, axes[1], title="small, other people for each seed")
    told = ["; ".join(f"{n} {np.mean(v):.1f}" for n, v in one.items()) for one in (draws, seeds)]
    plots.show(figure, f"Rank-1 over gallery draws of one seed: {told[0]}; over seeds: {told[1]}.")

# %% [markdown]
# The mean over ten draws has a smaller spread than one draw, by $\sqrt{10}$ if draws were
# independent; they are not, because all share the queries. Spread over seeds is not made smaller by
# any number of draws. So say all of it: *SYSU-MM01, all search, single shot, mean of 10 draws, last
# epoch, no re-ranking*, the number of seeds, and each seed's score.
#
# **What to doubt.** Three seeds give a standard deviation that is itself wrong by a third or more.
# And seeds are the cheap half: another data set moves a score further than any of this.

# %% [markdown]
# ## 4 · Count before you train
#
# Numbers in papers begin with a download. `vireid data check PATH` counts it. What it expects can
# be asked without any picture, and set beside what one reads.

# %%
official = {
    f"{title}: {what}": right_numbers
    for title, checks_of in {"SYSU-MM01": counts.sysu_checks, "LLCM": counts.llcm_checks}.items()
    for what, _, right_numbers in checks_of(Path())
}

# %%
READ = {  # what one finds in papers and posts -> (line of the check, what happened)
    "287,628 visible pictures": ("SYSU-MM01: training pictures, visible + infrared",
                                 "counts the optional videos, test people and all"),
    "296 training people": ("SYSU-MM01: people to train on + to test on", "val is left out"),
    "3,803 queries, indoor": ("SYSU-MM01: queries with an answer in it, indoor search",
                              "the others have no answer there and count nowhere"),
    "13,909 test pictures": ("LLCM: test pictures, visible + infrared",
                             "a slip in the paper: its own two numbers add up to 15,846"),
}  # fmt: skip
for read, (line, why) in READ.items():
    print(f"{read}: {why}\n    {line}: {' or '.join(map(counts.words, official[line]))}")

# %% [markdown]
# And on a folder. A small tree in SYSU-MM01's layout, whole; then a camera that was not unpacked,
# then a training person who slipped into the test list.

# %%
tree = rehearsal.draw_tree(shelf / "SYSU-MM01", "sysu", scale=0.008, size=(64, 32))
listed = (tree / "exp/test_id.txt").read_text()
first = (tree / "exp/train_id.txt").read_text().split(",")[0]
(tree / "cam6").rename(shelf / "cam6")
accidents = [check.report(tree, pictures=0).text]
(shelf / "cam6").rename(tree / "cam6")
(tree / "exp/test_id.txt").write_text(f"{first},{listed}")
accidents.append(check.report(tree, pictures=0).text)
for text in accidents:
    lines = dict.fromkeys(text.replace(str(tree), "SYSU-MM01").splitlines())
    print("\n".join(line for line in lines if "MISSING" in line or "BROKEN" in line), end="\n\n")

# %% [markdown]
# **What to doubt.** A right count says that the pictures are there, not that they are the right
# ones: the check also opens some (`--deep`: all) and looks for grey visible pictures, colourful
# infrared ones and test pictures that are in training, too.

# %% [markdown]
# ## Exercises that answer
#
# Write in place of the three dots and run the cell. `checks.hint("14-room")` helps in steps,
# `print(checks.source("14-room"))` shows a solution. What you have solved is kept on this
# machine only.

# %% tags=["exercise"]
from vireid import checks

# %% [markdown]
# **1.** Camera 3 hangs in the room of camera 2. Write `compared(query_camera, gallery_camera)`: a
# table (queries, gallery) of true and false, true where SYSU-MM01's protocol compares the two.


# %% tags=["exercise"]
def compared(query_camera, gallery_camera): ...


checks.check("14-room", compared)

# %% [markdown]
# **2.** SYSU-MM01's CMC counts people. `answers` holds whom each picture of a ranking shows, best
# first. Write `rank_among_people(answers, person)`: the rank of the first right answer when every
# person takes up one place, as a tensor.


# %% tags=["exercise"]
def rank_among_people(answers, person): ...


checks.check("14-rank", rank_among_people)

# %% [markdown]
# **3.** A collapsed network gives every pair the same similarity. The gallery shows 4 people in 5
# pictures each. Code sets rank = 1 + the number of answers that are *strictly* more similar than
# the right one. Which rank-1 does it report? (A fraction.)

# %% tags=["exercise"]
checks.check("14-collapsed", ...)

# %% [markdown]
# **4.** One model is trained on RegDB's split 1 and tested on the test people of all ten splits.
# The mean is (a) fair, it uses all ten splits; (b) too high, about half of the test people of nine
# splits were in training; (c) too low, the model saw one split only; (d) right, since training used
# no names.

# %% tags=["exercise"]
checks.check("14-split", ...)

# %% [markdown]
# **5.** A method that learns nothing is scored after each of 2 epochs; both scores are noise with
# standard deviation 1 point. The better one is reported. How many points above the truth does it
# lie on average? (Two decimals; the mean of the larger of two standard normal numbers is $1 /
# \sqrt{\pi}$.)

# %% tags=["exercise"]
checks.check("14-best-of", ...)

# %% [markdown]
# ### Exercise
#
# Take a paper with a table on SYSU-MM01 and its released code. Answer for it the six questions of
# section 2, each with a line number. Which of its numbers can you compare with another paper's?
#
# <details><summary>Answer</summary>
#
# Look for the string `cam3` or the number 3 in the evaluation function (2.1), the loop over trials
# and who loads which network in it (2.2), `argsort` without `kind="stable"` and half precision
# (2.3), a transposed matrix (2.4), `rerank`, `k_reciprocal` (2.5), and `best_` beside
# `save_checkpoint` (2.6). Usual findings: 2.1 is right, 2.3 is left to chance, 2.6 is the best on
# the test set. Then compare what was chosen in the same way; for the rest, say that it was not.
# </details>
