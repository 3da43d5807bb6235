"""One ROC over all gallery draws: areas by trial, the curve of the pool."""

from dataclasses import replace

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


def test_half_precision_and_lists_are_scored_as_in_roc():
    half = torch.tensor(HIGH).bfloat16()
    found = roc_over_trials([(half, torch.tensor(SECOND[1]), SECOND[2], None)])
    assert found.areas == pytest.approx([roc(half, *SECOND[1:3]).auc])
    assert (found.pairs, found.same) == (4, 2)


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


def drawn(rng, identity, own, gap: float) -> Embeddings:
    """Features near their person's, shifted by a gap; each in a camera of its own."""
    x = np.eye(4)[identity] + gap * np.ones(4) + rng.normal(0, 0.3, (len(identity), 4))
    x = torch.nn.functional.normalize(torch.as_tensor(x), dim=1)
    return Embeddings(x, np.full(len(identity), own), np.arange(len(identity)), identity)


def test_the_centred_control_takes_each_modalitys_mean_away():
    rng, identity = np.random.default_rng(0), np.arange(24) % 4
    visible, infrared = drawn(rng, identity, 0, 0.0), drawn(rng, identity, 1, 2.0)
    table = toy.images(4, 6)
    test = RetrievalTask(
        table.rows(table.modality == 1), table.rows(table.modality == 0), (np.arange(24),), "regdb"
    )
    found = test.score(infrared, visible)
    own = [normalised(part.x - part.x.mean(0)) for part in (infrared, visible)]
    parts = [replace(part, x=x) for part, x in zip((infrared, visible), own, strict=True)]
    expected = test.score(*parts)
    assert found["rank1_centred"] == expected["rank1"] != found["rank1"]
    assert found["mAP_centred"] == pytest.approx(expected["mAP"])
    half = test.score(parts[0], visible)  # of the queries' mean alone
    assert half["mAP"] != pytest.approx(expected["mAP"])


@pytest.mark.parametrize(("queries", "pictures"), [(1, 8), (8, 1), (1, 1)])
def test_one_picture_has_scores_and_no_centred_control(queries, pictures, monkeypatch):
    """Less its modality's mean it has no direction; other errors of the control are not hidden."""
    table, rng = toy.images(1, 8), np.random.default_rng(0)
    visible, infrared = (drawn(rng, np.zeros(8, int), own, 0.5) for own in (0, 1))
    rows = (np.arange(pictures),)
    parts = table.rows(np.arange(8, 8 + queries)), table.rows(np.arange(pictures))
    test, asked = RetrievalTask(*parts, rows, "regdb"), infrared.rows(range(queries))
    found = test.score(asked, visible.rows(range(pictures)))
    assert found["rank1_centred"] is found["mAP_centred"] is None
    assert found["rank1"] == found["mAP"] == 1.0 and found["trials"] == 1
    twins = infrared.rows([0, 0])  # two pictures, one place
    pair = RetrievalTask(table.rows(np.array([8, 9])), parts[1], rows, "regdb")
    assert pair.score(twins, visible.rows(range(pictures)))["rank1_centred"] is None

    def fails(_):
        raise ValueError("of another kind")

    monkeypatch.setattr("vireid.retrieval_task.centre", fails)
    whole = RetrievalTask(table.rows(np.arange(8, 16)), table.rows(np.arange(8)), rows, "llcm")
    with pytest.raises(ValueError, match="of another kind"):
        whole.score(infrared, visible)


def normalised(x):
    return torch.nn.functional.normalize(x, dim=1)


def test_the_spread_over_trials_is_that_of_rank_1():
    query = Embeddings(torch.eye(2), [1, 1], [3, 4], [0, 1])
    gallery = Embeddings(torch.eye(2)[[0, 1, 1]], [0, 0, 0], [1, 2, 3], [0, 1, 0])
    table = toy.images(2, 6)
    rows = np.array([0, 1, 2])
    test = RetrievalTask(
        table.rows(np.array([0, 6])), table.rows(rows), (rows[:2], rows[[1, 2]]), "regdb"
    )
    found = test.score(query, gallery)
    assert found["rank1"] == 0.75 and found["rank5"] == 1  # both right; one of two
    assert found["rank1_over_trials_sd"] == pytest.approx(np.std([1, 0.5], ddof=1))


@pytest.mark.parametrize("scored", ["score", "score_reranked", "roc"])
def test_rows_of_other_lengths_are_not_compared(scored):
    rng, identity = np.random.default_rng(0), np.arange(24) % 4
    visible, infrared = drawn(rng, identity, 0, 0.0), drawn(rng, identity, 1, 1.0)
    table = toy.images(4, 6)
    test = RetrievalTask(
        table.rows(table.modality == 1), table.rows(table.modality == 0), (np.arange(24),), "regdb"
    )
    long = replace(visible, x=visible.x * torch.linspace(1, 3, 24)[:, None])
    words = "23 of 24 rows of the gallery .* as much as 3, .*normalize"
    with pytest.raises(ValueError, match=words):
        getattr(test, scored)(infrared, long)
    if scored != "score_reranked":  # whose search refuses rows without a direction itself
        blank = replace(visible, x=visible.x * (torch.arange(24) > 0)[:, None])
        getattr(test, scored)(infrared, blank)
