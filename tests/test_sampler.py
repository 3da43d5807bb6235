"""P x K batches: who is drawn, from which camera, and what happens when there is too little."""

import warnings

import numpy as np
import pytest

from vireid.data.sampler import draw


def rng(seed=0):
    return np.random.default_rng(seed)


def world(clusters=20, size=40, cameras=4, outliers=30, seed=0):
    """Labels and cameras in random row order, with outliers between them."""
    label = np.repeat(np.arange(-1, clusters), [outliers] + [size] * clusters)
    label = rng(seed).permutation(label)
    return label, rng(seed + 1).integers(0, cameras, len(label))


def groups(rows, instances=16):
    return rows.reshape(-1, instances)


def test_batches_have_eight_labels_of_sixteen_and_mates_from_other_cameras():  # T1.8
    label, camera = world()
    batches = list(draw(label, camera, iterations=25, rng=rng()))
    assert len(batches) == 25
    for rows in batches:
        assert rows.shape == (128,) and rows.dtype == np.int64
        assert len(set(label[rows])) == 8
        for group in groups(rows):
            assert len(set(label[group])) == 1 and label[group[0]] >= 0
            assert camera[group[0]] not in camera[group[1:]]
            assert len(set(group)) == 16, "40 images: no need to draw one twice"


def test_camera_unaware_mates_come_from_the_whole_cluster():
    label, camera = world(clusters=3, cameras=2)
    same = total = 0
    for rows in draw(label, None, identities=3, iterations=60, camera_aware=False, rng=rng()):
        for group in groups(rows):
            assert len(set(group)) == 16
            same += (camera[group[1:]] == camera[group[0]]).sum()
            total += 15
    assert 0.4 < same / total < 0.6


def test_a_cluster_of_one_camera_is_drawn_from_itself():
    label = np.repeat([0, 1], 20)
    camera = np.r_[np.zeros(20, int), np.arange(20) % 3]
    for rows in draw(label, camera, identities=2, iterations=10, rng=rng()):
        for group in groups(rows):
            if label[group[0]] == 0:
                assert len(set(group)) == 16
            else:
                assert camera[group[0]] not in camera[group[1:]]


@pytest.mark.parametrize(("elsewhere", "replaced"), [(16, False), (15, True), (2, True)])
def test_mates_repeat_only_with_fewer_than_sixteen_candidates(elsewhere, replaced):
    label = np.r_[np.zeros(elsewhere + 1, int), np.ones(elsewhere + 1, int)]
    camera = np.tile(np.r_[0, np.ones(elsewhere, int)], 2)
    repeated = False
    for rows in draw(label, camera, identities=2, iterations=80, rng=rng()):
        for group in groups(rows):
            mates = group[1:]
            if camera[group[0]] == 0:
                assert set(camera[mates]) == {1}
                repeated |= len(set(mates)) < 15
            else:
                assert set(mates) == set(np.flatnonzero((label == label[group[0]]) & (camera == 0)))
    assert repeated == replaced


def test_a_cluster_of_one_picture_repeats_it():
    label, camera = np.array([0, 1, 1, 1, -1]), np.array([0, 0, 1, 2, 0])
    for rows in draw(label, camera, identities=2, instances=4, iterations=10, rng=rng()):
        by_label = {label[group[0]]: group for group in groups(rows, 4)}
        assert by_label[0].tolist() == [0, 0, 0, 0]
        assert set(label[by_label[1]]) == {1}


def test_clusters_take_turns_and_the_rest_of_a_round_is_dropped():
    label, camera = world(clusters=10, size=6)
    batches = list(draw(label, camera, identities=4, instances=2, iterations=40, rng=rng()))
    for first, second in zip(batches[::2], batches[1::2], strict=True):
        assert len(set(label[first]) | set(label[second])) == 8, "no cluster twice in a round"
    counts = np.bincount(label[np.concatenate(batches)], minlength=10) / 2
    assert counts.sum() == 160 and counts.min() > 0
    orders = {tuple(label[rows[::2]]) for rows in batches}
    assert len(orders) > 30, "every round has a fresh order"


def test_outliers_are_never_drawn_and_every_member_is():
    label, camera = world(clusters=4, size=12)
    drawn = np.concatenate(list(draw(label, camera, identities=4, iterations=60, rng=rng())))
    assert set(drawn) == set(np.flatnonzero(label >= 0))


def test_labels_need_not_be_consecutive():
    label = np.array([7, 7, 3, 3, -1, 9, 9])
    rows = next(draw(label, None, identities=3, instances=2, iterations=1, camera_aware=False,
                     rng=rng()))  # fmt: skip
    assert set(label[rows]) == {3, 7, 9}


def test_same_seed_same_batches():
    label, camera = world()
    first, second, other = (
        np.stack(list(draw(label, camera, iterations=5, rng=rng(seed)))) for seed in (3, 3, 4)
    )
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_too_few_clusters_shrink_the_batch_with_one_warning():
    label, camera = world(clusters=5)
    with pytest.warns(UserWarning, match="only 5 clusters for batches of 8.*80 images") as seen:
        batches = list(draw(label, camera, iterations=6, rng=rng()))
    assert len(seen) == 1
    assert [len(rows) for rows in batches] == [80] * 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(draw(label, camera, identities=5, iterations=1, rng=rng()))


@pytest.mark.parametrize(
    ("label", "changes", "says"),
    [
        ([-1, -1, -1], {}, r"0 cluster\(s\) in 3 images.*raise eps"),
        ([0, 0, -1], {}, r"1 cluster\(s\) in 3 images"),
        ([0, 1, -2], {}, "numbers >= -1"),
        ([[0, 1]], {}, "one row"),
        ([0, 0, 1], {"camera": [0, 1]}, r"camera has shape \(2,\) for 3 labels"),
        ([0, 0, 1], {"camera": None}, "camera is missing.*camera_aware=False"),
        ([0, 0, 1], {"identities": 0}, "identities=0"),
        ([0, 0, 1], {"instances": 0}, "instances=0"),
    ],
)
def test_bad_input_is_refused_at_once(label, changes, says):
    arguments = {"camera": [0, 1, 0], "identities": 2, "instances": 2} | changes
    with pytest.raises(ValueError, match=says):
        draw(np.array(label), arguments.pop("camera"), iterations=1, rng=rng(), **arguments)
