"""What a user can do wrong, and the words that the answer must hold: the advice fits the cause."""

import re

import numpy as np
import pytest
import torch
import toy

from vireid import cli, data, methods, models
from vireid.association import hungarian
from vireid.clustering import dbscan, prototypes
from vireid.data import sampler
from vireid.evaluation import evaluate
from vireid.experiment import prepare
from vireid.jaccard import jaccard_distance
from vireid.neighbours import nearest
from vireid.plots import project
from vireid.training import fit
from vireid.types import Embeddings, Images

TOY = {"iterations": 2, "k1": 6, "k2": 2, "min_samples": 2, "identities": 3, "instances": 2}

COMMANDS = [
    ("train --data foo", "'foo' is unknown; known: synthvi"),
    ("train --method foo", "'foo' is unknown; known: .*dcl"),
    ("train --row M99", "'M99' of bmil is unknown; known: M1"),
    ("train --set foo=1", "no switch foo; known: .*eps"),
    ("train --set k1", "write FIELD=VALUE"),
    ("train --preset foo", "SynthVI has tiny, small, full"),
    ("train --data-preset foo", "SynthVI has tiny, small, full"),
    ("train --absent-seed 3", "--absent-seed changes nothing without --absent SHARE"),
    ("train --absent-side visible", "--absent-side changes nothing without --absent SHARE"),
    ("train --labels-epochs 2", "--labels-epochs changes nothing without --labels FILE"),
    ("train --select-by mAP", "--select-by changes nothing without --select best_test"),
    ("train --world-set modality_gap=wide", "modality_gap='wide': give a number"),
    ("train --world-set shots=5", "shots=5: give 2 whole numbers"),
    ("train --world-set seed=3", "--world-set seed: no dial .* modality_gap, visible_only, shots"),
    ("train --world-set absent=0.9", "--world-set absent: no dial of the world"),
    ("train --data sysu --world-set modality_gap=0.5", "turns SynthVI, not sysu"),
    ("train --set row=M2", r"--set row=M2: no field; --row \(--rows\) tells it"),
    ("compare --rows M1 --seeds 1 --out runs --set row=M5", "--set row=M5: no field"),
    ("train --set preset=paper", "--set preset=paper: no field; --method-preset tells it"),
    ("train --network-set width=wide", "width='wide': give a whole number"),
    ("train --network foo", "known: .*small"),
    ("train --network agw", "belong to the network 'small', not to AGW; give --weights imagenet"),
    ("train --weights none.pth", r"no weights at this path \(none\.pth\)"),
    ("train --device gpu", "no device; use auto, cpu"),
    ("train --select best_test", "give --evaluate-every 1"),
    ("train --data sysu --trial 1 --root {}", r"all its 10 gallery draws .*leave trial"),
    ("train --data llcm --trial 3 --root {}", r"leave trial \(--trial\) out"),
    ("train --data regdb --trial 11 --root {}", r"trial=11: .* choose one of 1\.\.10"),
    ("train --data regdb --trial 0 --root {}", r"trial=0: .* choose one of 1\.\.10"),
    ("train --data regdb --root {}", "no RegDB in .*data/README.md.*--root"),
    ("compare --rows nope --out {}/o", "'nope' of bmil is unknown; known: M1"),
    ("sweep --over foo=1 --out {}/o", "no hyperparameter foo; known: .*eps"),
    ("evaluate --weights {}", "it is a folder .* Give the file itself"),
    ("data m3svd {} --out {}/o", "CLONE must be a clone of Linfeng-Tang/M3SVD"),
    ("cost --networks foo", "known: .*small"),
    ("cost --batch 0", "at least 2 pictures"),
    ("figures --only foo", "no figure is called foo; known: "),
    ("workbook --only 99", "fits no notebook; there are: 00_start_here"),
]


@pytest.mark.parametrize("workers", ["0", "-1", "two"])
def test_a_number_of_threads_counts_from_1(capsys, workers):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", f"--workers={workers}"])
    assert f"argument --workers: {workers!r}; give a whole number >= 1" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--weights", "--out", "--set"])
def test_an_unset_variable_of_the_shell_is_no_value(capsys, option):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", option, ""])
    assert "an argument is empty (an unset variable of the shell?)" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "words"), COMMANDS, ids=[c for c, _ in COMMANDS])
def test_commands(capsys, tmp_path, monkeypatch, command, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main([part.replace("{}", str(tmp_path)) for part in command.split()]) == 2
    said = capsys.readouterr().err
    last = said.strip().splitlines()[-1]
    assert last.startswith("vireid: ") and "Traceback" not in said
    assert re.search(words, last), last
    assert not list(tmp_path.iterdir()), "a refused command leaves nothing behind"


def train(name="dcl", table=None, **settings):
    return fit(
        toy.net(), methods.build(name, **(TOY | {"epochs": (1, 0)} | settings)),
        toy.images() if table is None else table, seed=0,
    )  # fmt: skip


def few():
    label = np.array([0] * 4 + [-1] * 30)
    return sampler.draw(
        label, None, identities=2, instances=2, iterations=1, camera_aware=False,
        rng=np.random.default_rng(0),
    )  # fmt: skip


CALLS = {
    "one cluster swallows all": (
        lambda: train(eps=0.999, k1=40, k2=1),
        r"swallowed 36 of 72 images: lower eps",
    ),
    "all are noise": (lambda: train(eps=1e-6, min_samples=30), "larger eps|raise eps"),
    "few are clustered": (lambda: few(), "4 of 34 images are in a cluster: raise eps"),
    "one modality": (
        lambda: train(table=toy.images().rows(np.arange(36))), "visible and infrared pictures",
    ),
    "only outliers": (lambda: prototypes(np.eye(3), [-1, -1, -1]), "raise eps or lower"),
    "eps of 1 on a sparse graph": (
        lambda: dbscan(jaccard_distance(np.eye(9), k1=3, k2=1), eps=1), "eps must be below 1",
    ),
    "negative eps": (lambda: dbscan(np.zeros((3, 3)), eps=-1), "give a radius > 0"),
    "no neighbours": (lambda: nearest(np.eye(3), 0), "at least 1"),
    "a NaN row": (lambda: nearest([[1, 2], [np.nan, 1]], 1), r"row 1 \(1 in all\).*NaN"),
    "a zero row": (lambda: nearest([[1, 2], [0, 0]], 1), r"row 1 \(1 in all\) .*are zero"),
    "three rows on a map": (lambda: project(np.eye(3)), "at least 4 rows"),
    "nothing to match": (lambda: hungarian(np.empty((0, 4)), np.eye(4)), "raise eps"),
    "nobody to find": (
        lambda: evaluate(np.ones((1, 1)), [1], [2], [3], [1]), "none of the 1 queries has a true",
    ),
    "an unknown rule": (lambda: jaccard_distance(np.eye(5), rule="foo"), "known: .*vanilla"),
    "an unknown data set": (lambda: data.load("market"), "known: synthvi"),
    "an unknown split": (lambda: data.load("synthvi", split="test"), "known: train, query"),
    "trials of SYSU": (lambda: prepare("sysu", trial=1), r"leave trial \(--trial\) out"),
    "a network by another name": (lambda: models.build("resnet"), "known: .*agw"),
    "lengths of a table": (
        lambda: Images(np.zeros((2, 4, 4, 3), np.uint8), [0], [1, 1], None, (4, 4)),
        "modality has shape .* for 2 images",
    ),
    "lengths of features": (
        lambda: Embeddings(torch.eye(3), [0, 1], [1, 1, 1]), "modality has shape .* for 3 rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_calls(case):
    call, words = CALLS[case]
    with pytest.raises((ValueError, TypeError), match=words):
        call()
