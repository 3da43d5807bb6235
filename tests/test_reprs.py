"""What a notebook shows of a record is a line, not its arrays."""

import numpy as np
import pytest
import torch

from vireid import data
from vireid.retrieval_task import retrieval_task
from vireid.runs import Run
from vireid.types import Batch, Embeddings, Images, PseudoLabels

FLAGS = torch.tensor([False, True])
BLACK = np.zeros((2, 4, 2, 3), np.uint8)
PEOPLE = "2 visible + 1 infrared, 2 identities, 3 cameras"


@pytest.mark.parametrize(
    "made, words",
    [
        (lambda: PseudoLabels([0.9, 1.7]), "label holds .0.9, 1.7. .*give whole numbers"),
        (lambda: PseudoLabels(["0", "1"]), "label holds .*give whole numbers"),
        (lambda: PseudoLabels([0, float("nan")]), "label holds .*nan.* give whole numbers"),
        (lambda: Images(BLACK, [0, 7], [1, 2], [1, 1], (4, 2)), "holds .7.;"),
        (lambda: Images(BLACK, [0, 1], [1, 1.5], [1, 1], (4, 2)), "camera holds .* give whole"),
        (lambda: Embeddings(np.eye(2), [0, 2], [1, 1]), "holds .2.; 0 is visible"),
        (lambda: Embeddings(np.eye(2), [0, 1], [1, 1.5]), "camera holds .* give whole numbers"),
        (lambda: Embeddings(np.eye(2), FLAGS, [1, 1]), "modality holds .*bool.* give"),
        (lambda: Embeddings(np.eye(2), FLAGS.numpy(), [1, 1]), "modality holds .*bool.* give"),
        (lambda: Batch([0, 1], [0, 0], [0, 1], [0.2, 1.7]), "label holds .0.2, 1.7. .*give whole"),
    ],
)
def test_numbers_that_would_be_changed_are_refused(made, words):
    with pytest.raises(ValueError, match=words):
        made()


@pytest.fixture
def features():
    return Embeddings(np.eye(3, 4, dtype=np.float32), [0, 0, 1], [1, 2, 3], [7, 7, 8])


def test_features_tell_their_people(features):
    assert repr(features) == f"Embeddings(3 x 4: {PEOPLE}, cpu)"
    assert "identities hidden" in repr(features.blind())


def test_unknown_people_are_nobody():
    some = Embeddings(np.eye(3, 4, dtype=np.float32), [0, 0, 1], [1, 2, 3], [7, -1, -1])
    assert "2 visible + 1 infrared, 1 identities, 3 cameras" in repr(some)
    assert " 1 identities" in repr(Images(BLACK, [0, 1], [1, 2], [-1, 5], (4, 2)))


def test_pictures_and_a_task_take_a_line():
    query, gallery, images = (
        data.load("synthvi", preset="tiny", split=split) for split in ("query", "gallery", "train")
    )
    task = retrieval_task(query, [gallery], "sysu")
    for record in (task, images, images.blind()):
        assert "\n" not in repr(record) and len(repr(record)) < 400
    height, width = images.size
    assert repr(images).endswith(f"cameras, {height} x {width} pixels)")
    assert f"{len(task.trials)} galleries of {len(gallery)} from" in repr(task)


def test_labels_and_a_run_tell_their_sums():
    assert repr(PseudoLabels([0, 1, 1, -1])) == "PseudoLabels(4 images: 2 clusters, 1 outliers)"
    run = Run("bmil", {}, 3, row="M1", data={"name": "drawn"})
    assert repr(run) == "Run(bmil M1, seed 3, 'drawn': 0 epochs, not scored)"
    run.result, run.curves = {"rank1": 0.25}, [{}]
    assert repr(run) == "Run(bmil M1, seed 3, 'drawn': 1 epochs, rank-1 0.250)"
