"""One ROC over all gallery draws: areas by trial, the curve of the pool."""

import numpy as np
import pytest
import torch
import toy

from vireid.evaluation import kept_pairs, roc, roc_over_trials
from vireid.retrieval_task import RetrievalTask
from vireid.types import Embeddings

LOW, HIGH = ([0.4, 0.3, 0.2, 0.1],), ([0.9, 0.8, 0.8, 0.3],)
FIRST, SECOND = (LOW, [1], [1, 2, 1, 2], None), (HIGH, [1], [1, 1, 2, 2], None)


def trial(values, *rest):
    return (np.array(values), *map(np.array, rest[:2]), rest[2])


def test_areas_are_of_trials_and_the_curve_is_of_the_pool():
    found = roc_over_trials([trial(*FIRST), trial(*SECOND)])
    assert found.areas == pytest.approx([0.75, 0.875])  # 3 of 4 pairs right; 11.6 (5)
    assert found.auc == pytest.approx(0.8125)
    assert found.auc_std == pytest.approx(0.125 / np.sqrt(2))
    assert (found.pairs, found.same) == (8, 4)
    assert (found.fpr[0], found.tpr[0], found.fpr[-1], found.tpr[-1]) == (0, 0, 1, 1)
    assert found.tpr[np.searchsorted(found.fpr, 0.0, side="right") - 1] == 0.25  # 0.9 comes first


def test_one_trial_is_plain_roc():
    found = roc_over_trials([trial(*SECOND)])
    alone = roc(*map(np.array, SECOND[:3]))
    assert found.auc == alone.auc and found.auc_std == 0
    assert np.trapezoid(found.tpr, found.fpr) == pytest.approx(alone.auc)


def test_struck_pairs_count_nowhere():
    keep = np.array([[True, True, False, True]])
    found = roc_over_trials([(*trial(*SECOND)[:3], keep)])
    assert found.auc == 1 and found.pairs == 3


def test_no_trial_and_one_kind_of_pair_are_refused():
    with pytest.raises(ValueError, match="trials is empty"):
        roc_over_trials([])
    with pytest.raises(ValueError, match="need both"):
        roc_over_trials([(np.ones((1, 2)), np.array([1]), np.array([1, 1]), None)])


def test_a_test_set_counts_the_pairs_of_its_protocol():
    table = toy.images()
    query, gallery = table.rows(table.modality == 1), table.rows(table.modality == 0)
    rng = np.random.default_rng(0)
    x = torch.nn.functional.normalize(torch.tensor(rng.normal(size=(len(table), 5))))
    whole = Embeddings(x, table.modality, table.camera, table.identity)
    asked, known = whole.rows(table.modality == 1), whole.rows(table.modality == 0)
    rows = np.arange(len(gallery))
    test = RetrievalTask(query, gallery, (rows[::2], rows), "sysu")
    found = test.roc(asked, known)
    keep = kept_pairs(asked.identity, known.identity, asked.camera, known.camera, protocol="sysu")
    assert not keep.all() and found.pairs == keep.sum() + keep[:, ::2].sum()
    one = roc(asked.x @ known.x.T, asked.identity, known.identity, keep=keep)
    assert found.areas[1] == pytest.approx(one.auc)
