"""``docs/results.md``: the store's numbers in words and tables, written by nobody's hand."""

from collections import Counter
from pathlib import Path

import pandas as pd

from vireid.data.synthvi import WORLD
from vireid.evidence.dials import DIALS, beside, over, turned
from vireid.evidence.guide import guide, on_equal_terms, start_from
from vireid.evidence.pairs import Found, orders, size_of_chance
from vireid.evidence.plan import Evidence, read
from vireid.evidence.store import STORE, found, states
from vireid.evidence.tables import against_paper, coverage, equal_terms, rows

HEAD = """# Results: what every method does here
Generated from the records in `data/runs` by `vireid evidence --page FILE`; the plan is
`data/evidence.toml`. Rank-1, mAP and mINP in per cent, mean (sample standard deviation) over seeds;
every seed of SynthVI is a world with other people. "Not run" means just that. A row's records lie
in `data/runs/STUDY/seedK/ROW.json`, with everything that decides the run. A table's gain with † is
between a run on a CPU and one on a GPU; what equal trainings on these differ by is told below.
"""
EQUAL = """## On equal terms
SynthVI small, the same people, starting weights, evaluation and 680 optimiser steps for everybody
(batches differ: what a method shows in a step is part of it). The gain is that over stage 1
prolonged, seed by seed; "way to the top" is its share of what true identities gain. "95 % of the
mean" is a bootstrap over seeds, and too narrow for so few: of normal numbers, that of five seeds
holds the true mean in some 83 of 100 cases, that of three (their least and their largest) in 75.
"95 % of the gain" is Student's for the mean of gains in pairs. "Best on the test set" is rank-1 of
the epoch that the test set would choose, of every second one of the last stage; no other column
uses it. True identities are BMIL's, no ceiling: other labels may end above them. CPU minutes are of
the seeds that a CPU trained, scoring included: of every second epoch, or of the last one alone
where "best on the test set" is empty.
"""
STEPS = """## The papers' steps
What each step of a paper's ablation adds in rank-1 here, seed by seed, beside what it adds on
SYSU-MM01 (all search; a bare sign is one that the paper tells in words or in a picture). "Agrees"
compares signs, and only where three seeds or more all have the same: of three coins, too, all fall
as the paper's in one case of eight, and where "95 % of the gain" (Student's) holds 0 the mean is
not sure. "Level": the mean is within two standard errors of what two equal trainings differ by
({same:.1f} points, root mean square, where both rows go on from the same stage 1, {whole} where
they do not, or train it within their run). The steps of ADCA, PGM and N-ULC are composed by us: no
paper's number stands beside them.
"""
GUIDE = """## Which method to start from
What the records allow to say, for data like SynthVI small: drawn people, all of them seen in both
modalities unless a sentence says otherwise, a gap of colour. It says nothing about real benchmarks;
for these the papers' numbers are in `data/papers.csv`. "Beyond chance": the mean gain is more than
two standard errors of what two equal trainings differ by: {same} points over three and over
five seeds where both go on from the same stage 1, {whole} where they do not, as most methods
here have a stage 1 of their own (measured on SynthVI; those on real people differ by more). "Start
from": the largest mean gain of rank-1 over stage 1 prolonged among those that are ahead of it in
every seed and beyond chance; "as good" are those of them that are not behind it in every seed and
beyond chance.
"""
SENTENCES = """The evidence, sentence by sentence, made from the records:
"""
REAL = """## On real people
M3SVD-Persons: 30 people from public videos, each in one scene (17 are cut by `vireid data m3svd`;
13 more are from a repository without a licence, cannot be passed on, and this table cannot be made
again without them), trained and scored on the same unlabelled people (visible pictures from the
first half of their tracks, infrared ones from the second); chance is 3.3 %. It shows what happens
when features hardly cross the gap, and says nothing about other cameras. All seeds have the same
people: the spread is that of training alone. 340 optimiser steps for everybody; columns as in the
table on equal terms, empty where a row has a stage 1 of its own that is not kept. The bridge (edges
as views) is the best of six on seed 0, chosen by rank-1 on these very people; what it gains is the
scene, not the person (`docs/log.md`).
"""
ORDERS = """## Who is written last
Most memories keep little of an old prototype, so of the views that a batch writes into one the last
counts most: r infrared, a augmented visible, v plain visible. What another order adds to the
released one in rank-1, seed by seed, in both stages unless it names one; "after stage 1" is what it
adds to the network that stage 2 began with, empty where a row trains its stage 1 within one run.
"""
MISSING = """## When people are missing on one side
A share of the training people loses its visible or its infrared pictures, half of them each
(`--absent`); nobody is missing from the test. Columns are shares: rank-1, then what the largest
adds to none, seed by seed, "(at 0.5)" where a row's largest is less than the table's: compare rows
of one end. "Steps" are those of the row's own run, stage 1 not counted. "Lone linked": of the
images whose person has no picture in the other modality, how many per cent share a label with one
of it all the same, in the last epoch at the largest share. Rows of one share may
have begun from two trainings of one stage 1 (‡ under "Every row"): beside each other they are as
unlike by chance as trainings with a stage 1 of their own.
"""
BESIDE = """{title},
by share of people missing on one side: the mean gain in rank-1 and, in brackets, that of each
seed; "ahead" or "behind" where three seeds or more all say so and the mean is more than chance
makes of such pairs:

{table}"""
TURNED = """## The world's dials
Rank-1 as one dial of SynthVI is turned and nothing else; columns are the dial's values (as drawn:
a gap of {gap}, no pattern that infrared lacks, as many infrared pictures as visible ones). "Largest
over least" is what the largest value adds to the least, for the pictures the world as drawn to the
fewest. A number without a spread in brackets is of one seed; "steps" are those of the row's own
run, stage 1 not counted.
"""
STUDIES = """## Every row
"Steps" are those of the row's own run. Rows of a stage 2 go on from a stage 1 with their own
settings: their study's "stage1" where it has the same, else another, which `source.weights` of the
record names. ‡: the kept "stage1" is another training of that setting, on another machine or by a
new start; such a row and one without the mark have no stage 1 in common.
"""
KEPT = "## What is kept\n"
MACHINES = """
Trained on: {machines}. CPU minutes in the tables are of runs on a CPU alone.
"""


def page(plan: Evidence | None = None, store: Path = STORE) -> str:
    """The page, the same for the same records."""
    plan = read() if plan is None else plan
    known = states(plan.cells, store)
    runs = found(known)
    parts = [HEAD]
    size = size_of_chance(plan, runs)
    if plan.equal:
        parts += [
            GUIDE.format(same=_beyond(size.same), whole=_beyond(size.whole)),
            _table(start_from(plan, runs), "data"),
            SENTENCES,
            _list(guide(plan, runs)),
            EQUAL,
            _table(equal_terms(plan.equal, runs), "row"),
        ]
    parts += _real(plan, runs)
    if plan.ladders:
        steps = against_paper(plan, runs).set_index("method")
        whole = f"{size.whole:.1f}" if size.whole else "more"
        parts += [STEPS.format(same=size.same, whole=whole), _table(steps, "method")]
    if len(written := orders(plan, runs)):
        parts += [ORDERS, _table(written.set_index("method"), "method")]
    parts += [MISSING, *_dial(runs, "absent")]
    for title, gains in beside(plan, runs).items():
        parts.append(BESIDE.format(title=title, table=_table(gains, "row")))
    parts.append(TURNED.format(gap=WORLD.modality_gap))
    parts += [text for dial in DIALS if dial != "absent" for text in _dial(runs, dial)]
    parts.append(STUDIES)
    for name, kept in runs.items():
        parts.append(f"### {name}\n\n{_table(rows(kept), 'row')}")
    parts += [KEPT, _table(coverage(known), "study")]
    if runs:
        parts.append(MACHINES.format(machines=_machines(runs)))
    return "\n".join(parts)


def _beyond(size: float) -> str:
    """What a mean gain must be over three and over five seeds."""
    return " and ".join(f"{2 * size / n**0.5:.1f}" for n in (3, 5)) if size else "more"


def _real(plan: Evidence, runs: Found) -> list[str]:
    """Sentences and table about real people, once one of the rows has been trained."""
    if not any(runs.get(row["study"], {}).get(row["row"]) for row in plan.real):
        return []
    return [
        REAL,
        _list(on_equal_terms(plan.real, runs, size_of_chance(plan, runs))),
        _table(equal_terms(plan.real, runs), "row"),
    ]


def _machines(runs: Found) -> str:
    """Kept records by the device and the torch that made them."""
    kept = [run for study in runs.values() for row in study.values() for run in row]
    made = Counter(f"{run.identity['device']} (torch {run.versions['torch']})" for run in kept)
    return ", ".join(f"{machine} {n} runs" for machine, n in sorted(made.items()))


def _list(sentences: list[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences) + "\n"


def _dial(runs: Found, dial: str) -> list[str]:
    """A table for each data set with records of a dial, or the word that there is none."""
    tables = [
        f"{data}, by {DIALS[dial]}:\n\n{_table(over(lines), 'row')}"
        for data, lines in turned(runs, dial).items()
    ]
    return tables or [f"By {DIALS[dial]}: not run.\n"]


def _table(frame: pd.DataFrame, corner: str) -> str:
    """A Markdown table."""
    head = [corner, *map(str, frame.columns)]
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for name, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        lines.append("| " + " | ".join([str(name), *map(str, row)]) + " |")
    return "\n".join(lines) + "\n"
