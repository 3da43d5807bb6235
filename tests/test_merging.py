"""UM groups and loss (specification §6.3); cross labels and shared memories (§4.5, test 6)."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from vireid.association.shared import cross_label, first_partner, shared_prototypes
from vireid.losses.merging import merge_groups, merge_targets, merging, uniform_merging

# the matchings of §4.5 (2) and (3) at max_matches = 3, as the greedy rule gives them
S_TALL = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.7, 0.6, 0.2], [0.65, 0.2, 0.4]])
V2R_TALL, R2V_TALL = np.array([0, 0, 0, 2]), [[0, 1, 2], [2], [3]]
S_WIDE = np.array([[0.9, 0.8], [0.7, 0.1], [0.6, 0.5]])
V2R_WIDE, R2V_WIDE = np.array([0, 0, 0]), [[0, 1, 2], [0]]


def turns(label, groups, epoch):
    row, target, _ = merge_targets(torch.tensor(label), groups, epoch=epoch)
    return {r: set(target[row == r].tolist()) for r in row.tolist()}


def test_groups_and_turns():
    visible, infrared = merge_groups(V2R_TALL, R2V_TALL, S_TALL)
    assert visible == [[0, 1, 2], [3]]
    assert infrared == [[0], [1], [2]]
    label = [0, 1, 2, 3, 0]
    assert turns(label, visible, 0) == {0: {1, 2}, 4: {1, 2}}
    assert turns(label, visible, 1) == {1: {0, 2}}
    assert turns(label, visible, 2) == {2: {0, 1}}
    assert turns(label, visible, 3) == turns(label, visible, 0)


def test_infrared_groups_share_their_first_visible():
    visible, infrared = merge_groups(V2R_WIDE, R2V_WIDE, S_WIDE)
    assert visible == [[0, 1, 2]]
    assert infrared == [[0, 1]]  # most similar to visible cluster 0 first


def test_swapping_the_modalities_swaps_the_groups():
    infrared, visible = merge_groups(R2V_WIDE, V2R_WIDE, S_WIDE.T)
    assert (visible, infrared) == merge_groups(V2R_WIDE, R2V_WIDE, S_WIDE)
    torch_answer = merge_groups(torch.tensor(V2R_WIDE), R2V_WIDE, torch.tensor(S_WIDE))
    assert torch_answer == (visible, infrared)


def test_unmatched_clusters_are_in_no_group():
    groups, _ = merge_groups([0, -1, 0], [[0, 2], []], np.array([[0.5, 0], [1, 0], [0.9, 0]]))
    assert groups == [[2, 0]]
    assert merge_groups([], [], np.zeros((0, 0))) == ([], [])


def test_linked_groups_follow_every_shared_partner():
    s = np.array([[0.9, 0.1, 0.0], [0.8, 0.3, 0.0], [0.1, 0.7, 0.0], [0.0, 0.0, 0.6]])
    v2r, r2v = [0, 0, 1, 2], [[0, 1], [2, 1], [3]]
    assert merge_groups(v2r, r2v, s)[0] == [[0, 1], [2], [3]]
    assert merge_groups(v2r, r2v, s, group="linked") == ([[0, 1, 2], [3]], [[0, 1], [2]])
    alone = merge_groups([0, -1], [[0]], np.array([[0.9], [0.8]]), group="linked")
    assert alone == ([[0]], [[0]])


def test_pairs_follow_the_ancestors_rule():
    """Even epochs pull the first to the second, odd epochs the second to the first."""
    assert turns([4, 7, 4], [[4, 7]], 0) == {0: {7}, 2: {7}}
    assert turns([4, 7, 4], [[4, 7]], 1) == {1: {4}}


E2 = torch.eye(2)


def test_loss_numbers():
    x, label = E2[:1], torch.tensor([0])
    even, odd = (merging(x, label, [[0, 1]], E2, epoch=e, temperature=1.0) for e in (0, 1))
    assert even == pytest.approx(1.31326, abs=1e-5) and odd == 0
    none = merging(x, label, [[0]], E2, epoch=0, temperature=1.0)
    assert uniform_merging(even, none) == pytest.approx(0.78796, abs=1e-5)
    assert uniform_merging(even, even + 1, delta=(1, 0)) == even
    swapped = uniform_merging(none, even, delta=(0.4, 0.6))
    assert swapped == uniform_merging(even, none, delta=(0.6, 0.4))


def test_loss_is_the_written_sum():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    phi = normalize(torch.randn(5, 4, generator=generator, dtype=torch.float64))
    label, groups = torch.tensor([0, 3, 2, 0, 4, 1]), [[3, 0, 2], [1, 4]]
    total, active = 0.0, 0
    for q, y in zip(normalize(x), label.tolist(), strict=True):
        for g in groups:
            if y in g and g.index(y) == 1 % len(g):
                active += 1
                surprise = (phi @ q / 0.05).logsumexp(0) - phi @ q / 0.05
                total += sum(float(surprise[k]) for k in g if k != y) / (len(g) - 1)
    assert active == 3
    loss = merging(x, label, groups, phi, epoch=1, temperature=0.05)
    assert loss == pytest.approx(total / active)


def test_one_to_one_matching_does_nothing():
    groups, _ = merge_groups([1, 0], [[1], [0]], np.array([[0.1, 0.9], [0.8, 0.2]]))
    x = E2.clone().requires_grad_()
    loss = merging(x, torch.tensor([0, 1]), groups, E2, epoch=0, temperature=0.05)
    loss.backward()
    assert loss == 0 and x.grad.abs().max() == 0
    assert len(merge_targets(torch.tensor([0, 1]), groups, epoch=0)[0]) == 0  # nothing to update
    with pytest.raises(ValueError, match="epoch=-1; epochs count from 0"):
        merge_targets(torch.tensor([0, 1]), groups, epoch=-1)


def test_merging_closes_an_angle():
    """Two visible clusters 30 degrees apart share an infrared cluster: q turns to the other one."""
    angle = torch.tensor(torch.pi / 6)
    phi = torch.stack([torch.tensor([1.0, 0.0]), torch.stack([angle.cos(), angle.sin()])])
    q = phi[:1].clone().requires_grad_()
    start = float(q[0].detach() @ phi[1])
    for _ in range(20):
        (gradient,) = torch.autograd.grad(
            merging(q, torch.tensor([0]), [[0, 1]], phi, epoch=0, temperature=0.05), q
        )
        q = normalize(q.detach() - 0.01 * gradient).requires_grad_()
    assert float(q[0].detach() @ phi[1]) > start + 0.02


def test_merging_bad_input():
    label = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="label"):
        merging(E2, label[:1], [], E2, epoch=0, temperature=1.0)
    with pytest.raises(ValueError, match="temperature"):
        merging(E2, label, [], E2, epoch=0, temperature=0.0)
    for wrong in ([0, 2], [-1, 0]):
        with pytest.raises(IndexError, match="label"):
            merging(E2, torch.tensor(wrong), [[0, 1]], E2, epoch=0, temperature=1.0)
    with pytest.raises(IndexError):
        merging(E2, label, [[0, 5]], E2, epoch=0, temperature=1.0)
    for delta in ((-0.1, 1.0), (0.0, 0.0)):
        with pytest.raises(ValueError, match="delta"):
            uniform_merging(torch.tensor(1.0), torch.tensor(1.0), delta=delta)
    with pytest.raises(ValueError, match="partner, linked"):
        merge_groups([0], [[0]], np.ones((1, 1)), group="any")
    with pytest.raises(ValueError, match="similarity"):
        merge_groups([0], [[0]], np.ones((2, 1)))
    with pytest.raises(ValueError, match="NaN"):
        merge_groups([0], [[0]], np.full((1, 1), np.nan))


# ---- cross labels and shared memories ----


def test_cross_labels():
    label = torch.tensor([0, 3, -1, 1])
    assert cross_label(label, V2R_TALL).tolist() == [0, 2, -1, 0]
    assert cross_label(torch.tensor([0, 1, -1]), R2V_WIDE).tolist() == [0, 0, -1]
    assert cross_label(torch.tensor([0, 1]), [2, -1]).tolist() == [2, -1]
    assert first_partner([[3, 1], [], [0]]).tolist() == [3, -1, 0]
    with pytest.raises(IndexError, match="matching of 3 clusters"):
        cross_label(torch.tensor([3]), V2R_WIDE)
    with pytest.raises(ValueError, match="label holds -2; labels count from 0, outliers are -1"):
        cross_label(torch.tensor([0, -2]), V2R_WIDE)  # it would count from the end


def test_shared_memory_numbers():
    visible, infrared = E2, E2[:1]
    visible_label, infrared_label = torch.tensor([0, 1]), torch.tensor([0])
    v2r, r2v = [0, 0], [[0, 1]]
    phi_rs = shared_prototypes(
        infrared, infrared_label, visible, cross_label(visible_label, v2r), clusters=1
    )
    phi_vs = shared_prototypes(
        visible, visible_label, infrared, cross_label(infrared_label, r2v), clusters=2
    )
    torch.testing.assert_close(phi_rs, torch.tensor([[0.89443, 0.44721]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(phi_vs, E2)


def test_without_cross_images_it_is_the_own_memory():
    generator = torch.Generator().manual_seed(0)
    x, other = torch.randn(7, 3, generator=generator), torch.randn(4, 3, generator=generator)
    label = torch.tensor([0, 0, 1, 1, 1, -1, 2])
    shared = shared_prototypes(x, label, other, torch.full((4,), -1), clusters=3)
    own = normalize(torch.stack([x[label == k].mean(0) for k in range(3)]))
    torch.testing.assert_close(shared, own)


def test_shared_memory_weighs_features_before_normalising():
    phi = shared_prototypes(3 * E2[:1], torch.tensor([0]), E2[1:], torch.tensor([0]), clusters=1)
    torch.testing.assert_close(phi, normalize(torch.tensor([[3.0, 1.0]])))


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_shared_memory_of_half_precision_is_that_of_the_same_numbers(half):
    x = torch.full((600, 2), 300.0, dtype=half)  # the sum would be infinite in half precision
    label = torch.zeros(300, dtype=torch.long)
    phi = shared_prototypes(x[:300], label, x[300:], label, clusters=1)
    torch.testing.assert_close(phi, torch.full((1, 2), 0.5**0.5))


def test_shared_memory_bad_input():
    one = torch.tensor([0])
    with pytest.raises(ValueError, match="holds -5; labels count from 0"):
        shared_prototypes(E2[:1], one, E2[1:], torch.tensor([-5]), clusters=1)
    with pytest.raises(ValueError, match="NaN"):
        shared_prototypes(E2[:1] * float("nan"), one, E2[1:], one, clusters=1)
    with pytest.raises(ValueError, match="labels"):
        shared_prototypes(E2, one, E2[1:], one, clusters=1)
    with pytest.raises(IndexError, match="1 own clusters"):
        shared_prototypes(E2[:1], one, E2[1:], one + 1, clusters=1)
