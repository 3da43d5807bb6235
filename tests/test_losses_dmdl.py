"""DMDL's causal loss, label refinement, alignment: the spec's numbers, theorems, broken input."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, normalize, one_hot

from vireid.arguments import LabelError
from vireid.losses import (
    adaptive_momentum,
    cai,
    cluster_contrast,
    feature_alignment,
    label_certainty,
    label_loss,
    likelihood,
    log_mixture,
    modality_prior,
    nwgm,
    refined_targets,
    shared_prediction,
    triplet_weight,
    truncated_softmax,
)
from vireid.memory import Memory

F64 = torch.float64
SEEDS = st.integers(0, 9999)


def rows(*values):
    return torch.tensor(values, dtype=F64)


def label(*values):
    return torch.tensor(values)


def normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=F64)


def unit(n, d, seed):
    return normalize(normal(n, d, seed))


def banks(seed, k=4, d=3, lost=()):
    """Two memories; the infrared one lacks some ids."""
    ids = [torch.arange(k), torch.tensor([i for i in range(k) if i not in lost])]
    return [(i, unit(len(i), d, seed + n)) for n, i in enumerate(ids)]


# T1.4: the triplet's weight


@pytest.mark.parametrize(
    ("stage", "epochs", "weights"),
    [
        (1, (0, 15, 16, 25, 26, 35, 36, 49), (0, 0, 0.25, 0.25, 0.5, 0.5, 1, 1)),
        (2, (0, 10, 11, 20, 21, 49), (0, 0, 0.5, 0.5, 1, 1)),
    ],
)
def test_t1_4_schedule(stage, epochs, weights):
    assert [triplet_weight(e, stage=stage) for e in epochs] == list(weights)


def test_t1_4_outside_the_stages():
    for epoch, stage in ((0, 3), (0, 0), (-1, 1)):
        with pytest.raises(ValueError, match=f"epoch={epoch}, stage={stage}"):
            triplet_weight(epoch, stage=stage)


# T4: the causal loss

TWO = [(label(0, 1), rows((1, 0), (0, 1))), (label(0), rows((0.6, 0.8)))]
PRIOR = torch.tensor([0.6, 0.4], dtype=F64)


def test_t4_1_numbers():
    x, options = rows((1, 0)), {"prior": PRIOR, "temperature": 1}
    mixture = log_mixture(x, TWO, weight=PRIOR, temperature=1).exp()
    torch.testing.assert_close(mixture, rows((0.838635, 0.161365)), atol=1e-6, rtol=0)
    for y, expected in ((0, 0.175979), (1, 1.824088)):
        assert float(cai(x, label(y), TWO, **options)) == pytest.approx(expected, abs=1e-6)
    soft = cai(x, rows((0.8, 0.2)), TWO, **options)
    assert float(soft) == pytest.approx(0.505601, abs=1e-6)
    assert abs(float(cai(x, label(0), TWO, **options)) - 0.187957) > 0.01  # sum of logs


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, lost=st.sets(st.integers(0, 3), max_size=3), share=st.floats(0.05, 0.95))
def test_t4_2_mixture_is_a_distribution_between_the_modalities(seed, lost, share):
    x, memories = unit(5, 3, seed), banks(seed, lost=lost)
    prior = torch.tensor([share, 1 - share], dtype=F64)
    mixture = log_mixture(x, memories, weight=prior, temperature=0.2).exp()
    torch.testing.assert_close(mixture.sum(1), torch.ones(5, dtype=F64))
    parts = torch.zeros(2, 5, 4, dtype=F64)
    for m, (ids, prototypes) in enumerate(memories):  # eq. 5-6 written out
        for i in range(5):
            e = [math.exp(float(x[i] @ p) / 0.2) for p in prototypes]
            for k, value in zip(ids.tolist(), e, strict=True):
                parts[m, i, k] = value / sum(e)
    torch.testing.assert_close(mixture, share * parts[0] + (1 - share) * parts[1])
    assert (mixture <= parts.amax(0) + 1e-12).all() and (mixture >= parts.amin(0) - 1e-12).all()


def test_t4_3_equal_memories_or_a_sure_prior_give_cross_entropy():
    x, target = unit(6, 3, 0), torch.arange(6) % 4
    same = banks(3)[0]
    for prior in ([0.5, 0.5], [0.9, 0.1], [1.0, 0.0]):
        loss = cai(x, target, [same, same], prior=prior, temperature=0.05)
        plain = cluster_contrast(x, target, same[1], temperature=0.05)
        torch.testing.assert_close(loss, plain)
    visible, infrared = banks(7)
    for prior, bank in (([1.0, 0.0], visible), ([0.0, 1.0], infrared)):
        loss = cai(x, target, [visible, infrared], prior=prior, temperature=0.05)
        torch.testing.assert_close(loss, cluster_contrast(x, target, bank[1], temperature=0.05))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, share=st.floats(0.05, 0.95))
def test_t4_4_jensen(seed, share):
    x, memories, y = unit(1, 3, seed), banks(seed), label(seed % 4)
    loss = float(cai(x, y, memories, prior=[share, 1 - share], temperature=0.1))
    ce = [float(cluster_contrast(x, y, p, temperature=0.1)) for _, p in memories]
    assert min(ce) - 1e-6 <= loss <= share * ce[0] + (1 - share) * ce[1] + 1e-6


def test_t4_5_names_do_not_matter_and_heat_forgets():
    x, y, (visible, infrared) = unit(5, 3, 0), torch.arange(5) % 4, banks(1, lost=(2,))
    one = cai(x, y, [visible, infrared], prior=[0.7, 0.3], temperature=0.05)
    two = cai(x, y, [infrared, visible], prior=[0.3, 0.7], temperature=0.05)
    torch.testing.assert_close(one, two)
    hot = cai(x, y, banks(1), prior=[0.7, 0.3], temperature=1e7)
    assert float(hot) == pytest.approx(math.log(4), abs=1e-6)


def test_t4_6_far_from_every_prototype_is_finite():
    memories = [(label(0, 1), rows((1, 0), (0, 1))), (label(0, 1), rows((0.8, 0.6), (-0.6, 0.8)))]
    x = rows((1, 0)).requires_grad_()
    loss = cai(x, label(1), memories, prior=[0.65, 0.35], temperature=0.05)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(20.430602, abs=1e-5)
    assert x.grad.isfinite().all()


def test_t4_7_gradient_is_the_closed_form_and_memories_get_none():
    f, y, prior, tau = unit(1, 3, 0), 1, PRIOR, 0.3
    memories = [(ids, p.clone().requires_grad_()) for ids, p in banks(5)]
    x = f.clone().requires_grad_()
    cai(x, label(y), memories, prior=prior, temperature=tau).backward()
    assert all(p.grad is None for _, p in memories)
    p = [(f @ bank.detach().T / tau).softmax(1)[0] for _, bank in memories]
    r = torch.stack([prior[m] * p[m][y] for m in range(2)])
    r = r / r.sum()
    step = sum(
        r[m] * (memories[m][1].detach()[y] - p[m] @ memories[m][1].detach()) for m in range(2)
    )
    closed = -step / tau  # with respect to the normalised f ...
    closed = closed - (closed @ f[0]) * f[0]  # ... and through the normalisation at |x| = 1
    torch.testing.assert_close(x.grad[0], closed)
    assert torch.autograd.gradcheck(
        lambda z: cai(z, label(0, 3), banks(5), prior=prior, temperature=tau),
        unit(2, 3, 1).requires_grad_(),
    )


def test_an_id_that_one_memory_lacks_leaves_the_gradient_finite():
    x = unit(3, 3, 0).requires_grad_()
    memories = banks(2, lost=(3,))
    for prior in ([0.5, 0.5], [0.0, 1.0]):  # with the second prior, id 3 has probability 0
        loss = cai(x, label(0, 1, 2), memories, prior=prior, temperature=0.05)
        (gradient,) = torch.autograd.grad(loss, x)
        assert loss.isfinite() and gradient.isfinite().all()
    soft = torch.tensor([[0.5, 0.5, 0, 0]]).repeat(3, 1)
    loss = cai(x, soft, memories, prior=[0.0, 1.0], temperature=0.05)
    assert loss.isfinite() and torch.autograd.grad(loss, x)[0].isfinite().all()


def test_both_views_in_one_call_are_eq_9():
    x, x_hat, memories = unit(3, 3, 0), unit(3, 3, 1), banks(2)
    soft, soft_hat = (normal(3, 4, s).softmax(1) for s in (3, 4))
    options = {"prior": PRIOR, "temperature": 0.1}
    joint = cai(torch.cat([x, x_hat]), torch.cat([soft, soft_hat]), memories, **options)
    log_p, log_p_hat = (log_mixture(z, memories, weight=PRIOR, temperature=0.1) for z in (x, x_hat))
    expected = -((soft * log_p).sum() + (soft_hat * log_p_hat).sum()) / 6
    torch.testing.assert_close(joint, expected)


def test_t6_8_one_hot_targets_are_hard_targets_and_targets_get_no_gradient():
    x, y, memories = unit(4, 3, 0), label(0, 1, 2, 3), banks(2, lost=(1,))
    options = {"prior": PRIOR, "temperature": 0.05}
    hard, soft = cai(x, y, memories, **options), cai(x, one_hot(y, 4).double(), memories, **options)
    torch.testing.assert_close(hard, soft)
    target = normal(4, 4, 1).softmax(1).requires_grad_()
    loss = cai(x.requires_grad_(), target, memories, **options)
    loss.backward()
    assert target.grad is None and x.grad is not None


def test_prior_counts_labelled_images():
    found = modality_prior(label(0, 1, -1, 1, 0), label(0, 0, 0, 1, 0))
    torch.testing.assert_close(found, torch.tensor([0.75, 0.25]))
    sysu = torch.cat([torch.zeros(22_258), torch.ones(11_909)]).long()
    expected = torch.tensor([0.6514, 0.3486])
    found = modality_prior(torch.zeros_like(sysu), sysu)
    torch.testing.assert_close(found, expected, atol=5e-5, rtol=0)
    assert modality_prior(label(0, 0, 0), label(0, 0, 1), kind="uniform").tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="label holds -3; labels count from 0"):
        modality_prior(label(0, -3), label(0, 1))
    with pytest.raises(ValueError, match=r"modality holds \{7\}; 0 is visible, 1 infrared"):
        modality_prior(label(0, 1), label(7, 7))
    for arguments in ((label(-1, -1), label(0, 1)), (label(0), label(0, 1))):
        with pytest.raises(ValueError, match="labelled image"):
            modality_prior(*arguments)
    with pytest.raises(ValueError, match="known: count, uniform"):
        modality_prior(label(0), label(0), kind="equal")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prior": [0.6, 0.6]}, "sum to 1"),
        ({"prior": [1.5, -0.5]}, ">= 0"),
        ({"prior": [0.2, 0.3, 0.5]}, r"shape \(3,\)"),
        ({"prior": [float("nan"), 1.0]}, "a distribution"),
        ({"temperature": 0}, "temperature=0"),
        ({"target": label(-1)}, "outliers"),
        ({"target": label(2)}, "reaches 2"),
        ({"target": label(0, 1)}, "target has shape"),
        ({"target": rows((0.8, 0.1))}, "sum to 1"),
        ({"target": rows((0.8, 0.1, 0.1))}, r"expected \(1, 2\)"),
        ({"x": rows((1, float("nan")))}, "x holds NaN"),
        ({"x": rows((1, 0, 0))}, r"x has shape \(1, 3\)"),
        ({"memories": [TWO[0]]}, "memories: got 1"),
        ({"memories": [TWO[1], TWO[1]]}, "reaches 1"),
        ({"memories": [(label(0, 2), TWO[0][1]), TWO[1]]}, r"ids \[1\] are in neither"),
        ({"memories": [(label(0, 0), TWO[0][1]), TWO[1]]}, "repeated"),
        ({"memories": [(label(0, -1), TWO[0][1]), TWO[1]]}, "memories: ids"),
        ({"memories": [(label(0), TWO[0][1]), TWO[1]]}, "memories: ids has shape"),
        ({"prior": [0.0, 1.0]}, "row 0 has label 1, which only a modality of weight 0 knows"),
    ],
)
def test_cai_bad_input(change, words):
    good = {
        "x": rows((1, 0)),
        "target": label(1),
        "memories": TWO,
        "prior": PRIOR,
        "temperature": 0.05,
    }
    with pytest.raises(ValueError, match=words):
        cai(**good | change)


# T5: likelihood, geometric mean, predictions


def test_t5_1_nwgm_is_the_geometric_mean_not_the_mixture():
    z, weight = (rows((2, 0, 1)), rows((0, 1, 3))), torch.tensor([0.7, 0.3], dtype=F64)
    found = nwgm(z, weight)
    expected = rows((0.391501, 0.130319, 0.478180))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    product = z[0].softmax(1) ** 0.7 * z[1].softmax(1) ** 0.3
    torch.testing.assert_close(found, product / product.sum())
    memories = [(torch.arange(3), v.T @ rows((1, 0))) for v in z]  # x = (1, 0) has logits z
    mixture = log_mixture(rows((1, 0)), memories, weight=weight[None], temperature=1).exp()
    expected = rows((0.478272, 0.097280, 0.424448))
    torch.testing.assert_close(mixture, expected, atol=1e-6, rtol=0)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, share=st.floats(0, 1))
def test_t5_1_for_any_logits(seed, share):
    z, weight = (normal(3, 4, seed), normal(3, 4, seed + 1)), [share, 1 - share]
    product = z[0].softmax(1) ** share * z[1].softmax(1) ** (1 - share)
    torch.testing.assert_close(nwgm(z, weight), product / product.sum(1, keepdim=True))


def test_t5_2_equal_memories_coincide():
    x, bank = unit(3, 4, 0), banks(0, d=4)[0]
    logits = x @ bank[1].T / 0.1
    weight = torch.tensor([[0.2, 0.8], [0.5, 0.5], [1, 0]], dtype=F64)
    mixture = log_mixture(x, [bank, bank], weight=weight, temperature=0.1).exp()
    torch.testing.assert_close(mixture, nwgm([logits, logits], weight))


def test_t5_3_and_t5_4_truncated_softmax():
    logits = rows((3, 2, 1, 0))
    expected = rows((0.731059, 0.268941, 0, 0))
    torch.testing.assert_close(truncated_softmax(logits, 2), expected, atol=1e-6, rtol=0)
    for keep in (4, 9, None):
        torch.testing.assert_close(truncated_softmax(logits, keep), logits.softmax(1))
    with pytest.raises(ValueError, match="keep=0"):
        truncated_softmax(logits, 0)


def test_t5_5_a_sure_modality_is_the_cross_entropy_of_its_memory():
    x, y, memories = unit(2, 3, 0), label(3, 1), banks(4)
    sure = torch.eye(2, dtype=F64)  # the first image is visible, the second infrared
    loss = likelihood(x, y, memories, modality_given_x=sure, temperature=0.1)
    parts = [cluster_contrast(x[[i]], y[[i]], memories[i][1], temperature=0.1) for i in range(2)]
    torch.testing.assert_close(loss, sum(parts) / 2)


def test_likelihood_with_the_prior_for_everyone_is_cai():
    x, y, memories = unit(5, 3, 0), torch.arange(5) % 4, banks(4)
    biased = likelihood(x, y, memories, modality_given_x=PRIOR.expand(5, 2), temperature=0.1)
    torch.testing.assert_close(biased, cai(x, y, memories, prior=PRIOR, temperature=0.1))
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        likelihood(x, y, memories, modality_given_x=PRIOR.expand(3, 2), temperature=0.1)


def test_nwgm_bad_input():
    with pytest.raises(ValueError, match="need equal ones"):
        nwgm([rows((1, 2)), rows((1, 2, 3))], [0.5, 0.5])
    with pytest.raises(ValueError, match="sum to 1"):
        nwgm([rows((1, 2)), rows((1, 2))], [0.5, 0.6])
    with pytest.raises(ValueError, match="logits holds NaN"):
        nwgm([rows((1, float("nan"))), rows((1, 2))], [0.5, 0.5])


def test_shared_prediction_is_eq_11_without_gradient():
    x, prototypes = 3 * normal(3, 4, 0).requires_grad_(), unit(6, 4, 1)
    found = shared_prediction(x, prototypes, temperature=0.05)
    torch.testing.assert_close(found, (normalize(x) @ prototypes.T / 0.05).softmax(1).detach())
    assert not found.requires_grad
    best = shared_prediction(x, prototypes, temperature=0.05, keep=2)
    assert ((best > 0).sum(1) == 2).all() and (best.argmax(1) == found.argmax(1)).all()
    torch.testing.assert_close(best.sum(1), torch.ones(3, dtype=F64))


def test_label_loss():
    x, prototypes, y = unit(3, 4, 0), unit(5, 4, 1), label(0, 4, 2)
    ce = label_loss(x, y, prototypes, temperature=0.1, kind="ce")
    torch.testing.assert_close(ce, cross_entropy(x @ prototypes.T / 0.1, y, reduction="none"))
    torch.testing.assert_close(label_loss(x, y, prototypes, temperature=0.1), -(-ce).exp())
    with pytest.raises(ValueError, match="known: neg_prob, ce"):
        label_loss(x, y, prototypes, temperature=0.1, kind="mse")
    with pytest.raises(LabelError, match="outliers"):
        label_loss(x, label(0, -1, 2), prototypes, temperature=0.1)


# T6.5 to T6.8: refined labels


def test_t6_5_views_are_told_each_others_prediction():
    prediction, prediction_hat = rows((0.9, 0.1)), rows((0.3, 0.7))
    told, told_hat = refined_targets(label(0), torch.tensor([0.75]), prediction, prediction_hat)
    torch.testing.assert_close(told, rows((0.825, 0.175)))
    torch.testing.assert_close(told_hat, rows((0.975, 0.025)))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_t6_5_for_any_predictions(seed):
    y, w = label(0, 2, 1), torch.rand(3, generator=torch.Generator().manual_seed(seed))
    p, p_hat = (normal(3, 3, seed + i).softmax(1) for i in range(2))
    told, told_hat = refined_targets(y, w, p, p_hat)
    swapped = refined_targets(y, w, p_hat, p)
    assert torch.equal(told, swapped[1]) and torch.equal(told_hat, swapped[0])
    torch.testing.assert_close(told.sum(1), torch.ones(3, dtype=F64))
    sure, unsure = (refined_targets(y, torch.full((3,), v), p, p_hat) for v in (1.0, 0.0))
    assert torch.equal(sure[0], one_hot(y, 3).double()) and torch.equal(sure[0], sure[1])
    assert torch.equal(unsure[0], p_hat) and torch.equal(unsure[1], p)


def test_t6_8_refined_targets_carry_no_gradient():
    p = normal(2, 3, 0).requires_grad_()
    w = torch.tensor([0.5, 0.5], requires_grad=True)
    told, told_hat = refined_targets(label(0, 1), w, p.softmax(1), p.softmax(1))
    assert not told.requires_grad and not told_hat.requires_grad


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": label(-1)}, "outliers"),
        ({"label": label(2)}, "reaches 2"),
        ({"certainty": torch.tensor([1.5])}, r"in \[0, 1\]"),
        ({"certainty": torch.tensor([float("nan")])}, r"in \[0, 1\]"),
        ({"certainty": torch.tensor([0.5, 0.5])}, r"shape \(2,\)"),
        ({"prediction": rows((0.5, 0.4))}, "sum to 1"),
        ({"prediction_augmented": rows((0.5, 0.25, 0.25))}, "need equal"),
    ],
)
def test_refined_targets_bad_input(change, words):
    good = {
        "label": label(0),
        "certainty": torch.tensor([0.5]),
        "prediction": rows((0.5, 0.5)),
        "prediction_augmented": rows((0.5, 0.5)),
    }
    with pytest.raises(ValueError, match=words):
        refined_targets(**good | change)


@pytest.mark.parametrize(
    ("confidence", "momentum", "moved"),
    [
        (1, 0.2, (0.2425, 0.9701)),
        (0.5, 0.4, (0.5547, 0.8321)),
        (0.25, 0.8, (0.9701, 0.2425)),
        (0.2, 1, (1, 0)),
        (0.1, 1, (1, 0)),
    ],
)
def test_t6_6_adaptive_momentum(confidence, momentum, moved):
    found = adaptive_momentum(rows((confidence, 1 - confidence)), label(0))
    torch.testing.assert_close(found, torch.tensor([momentum], dtype=F64))
    memory = Memory(rows((1, 0), (-1, 0)), momentum=0.2)
    memory.update(rows((0, 1)), label(0), momentum=found)
    torch.testing.assert_close(memory.prototypes[0], rows(moved)[0], atol=1e-4, rtol=0)
    assert torch.equal(memory.prototypes[1], rows((-1, 0))[0])
    assert float(memory.prototypes[0].norm()) == pytest.approx(1)


def test_t6_6_momentum_falls_with_confidence_and_checks_its_input():
    confidence = torch.linspace(0, 1, 50)
    target = torch.stack([confidence, 1 - confidence], 1)
    found = adaptive_momentum(target, torch.zeros(50, dtype=torch.int64), delta=0.3)
    assert (found.diff() <= 0).all() and float(found.min()) == pytest.approx(0.3)
    assert float(found.max()) == 1
    for delta in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match=f"delta={delta}"):
            adaptive_momentum(target, torch.zeros(50, dtype=torch.int64), delta=delta)
    with pytest.raises(LabelError):
        adaptive_momentum(target[:1], label(-1))


WELL_APART = (0, 0.02, 0.01, 0.03, 0.9, 0.92, 0.95, 1)


@pytest.mark.parametrize(
    ("loss", "expected", "atol"),
    [
        (WELL_APART, (1, 1, 1, 1, 0, 0, 0, 0), 1e-3),
        ((0.1, 0.12, 0.11, 0.6), (1, 1, 1, 0), 1e-3),
        (np.linspace(0.1, 0.2, 8), (1, 1, 0.98, 0.78, 0.22, 0.02, 0, 0), 6e-3),
        (np.linspace(0.1, 2.0, 8), (1, 1, 0.98, 0.78, 0.22, 0.02, 0, 0), 6e-3),
    ],
)
def test_t6_7_numbers(loss, expected, atol):
    found = label_certainty(torch.tensor(loss, dtype=F64))
    torch.testing.assert_close(found, torch.tensor(expected, dtype=F64), atol=atol, rtol=0)


def test_t6_7_monotone_and_blind_to_scale():
    loss = torch.cat([0.05 * normal(20, 1, 0), 2 + 0.05 * normal(20, 1, 1)])[:, 0]
    found = label_certainty(loss)
    assert (found[loss.argsort()].diff() <= 1e-9).all()
    torch.testing.assert_close(label_certainty(7 * loss - 3), found, atol=1e-3, rtol=0)
    assert torch.equal(label_certainty(loss), label_certainty(loss))


def test_the_seed_decides_only_between_equal_starts():
    symmetric, skewed = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.0, 0.1, 1.0])
    middle = {round(float(label_certainty(symmetric, seed=s)[1])) for s in range(10)}
    assert middle == {0, 1}
    assert {float(label_certainty(skewed, seed=s)[1]) > 0.99 for s in range(10)} == {True}


def test_t6_7_equal_losses_are_trusted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn would complain about one distinct point
        assert label_certainty(torch.full((5,), 0.7)).tolist() == [1] * 5
        assert label_certainty(torch.tensor([0.7])).tolist() == [1]
        assert label_certainty(torch.tensor([])).tolist() == []


def test_rounding_tells_no_images_apart():
    loss = torch.tensor([0.1, 0.1 + 1e-9, 0.1, 0.1 + 1e-9, 0.1, 0.0, 1.0], dtype=F64)
    groups = label(0, 0, 0, 0, 0, 1, 1)
    assert label_certainty(loss, groups=groups).tolist() == [1] * 6 + [0]
    assert label_certainty(loss[:5]).tolist() == [1] * 5
    assert 0 in label_certainty(torch.tensor([0.1, 0.1002, 0.1])).round()  # small, but no rounding


def test_groups_are_split_each_by_itself():
    loss = torch.tensor([*WELL_APART, 0.5, 0.1, 0.1], dtype=F64)
    groups = torch.tensor([3] * 8 + [7] + [1] * 2)
    found = label_certainty(loss, groups=groups)
    torch.testing.assert_close(
        found, torch.tensor([1] * 4 + [0] * 4 + [1] * 3, dtype=F64), atol=1e-3, rtol=0
    )
    # a clean group of one heap is split all the same, which is worth teaching
    heap = label_certainty(0.1 * normal(60, 1, 0)[:, 0])
    assert 0.2 < float((heap > 0.5).double().mean()) < 0.8


def test_outliers_are_left_out_and_get_zero():
    loss = torch.tensor([*WELL_APART, 1e9], dtype=F64)
    groups = torch.tensor([0] * 8 + [-1])
    found = label_certainty(loss, groups=groups)
    assert found[-1] == 0
    torch.testing.assert_close(found[:-1], label_certainty(loss[:-1]))
    assert label_certainty(loss, groups=torch.full((9,), -1)).tolist() == [0] * 9


def test_certainty_bad_input():
    for loss, words in (
        (torch.tensor([0.1, float("nan")]), "loss holds NaN .* first in row 1"),
        (torch.ones(2, 2), r"loss has shape \(2, 2\)"),
    ):
        with pytest.raises(ValueError, match=words):
            label_certainty(loss)
    for groups in (label(0), label(0, -2)):
        with pytest.raises(ValueError, match="groups has shape"):
            label_certainty(torch.tensor([0.1, 0.2]), groups=groups)
    with pytest.raises(ValueError, match=r"groups holds .* give whole numbers"):
        label_certainty(torch.tensor([0.1, 0.2]), groups=torch.tensor([0, 0.7]))
    with pytest.raises(ValueError, match="seed=-1; give a whole number"):
        label_certainty(torch.tensor([0.1, 0.2]), seed=-1)


# T6.9 to T6.13: alignment


def written_out(f, g, estimator):
    z, b = torch.cat([f, g]), len(f)
    n = 2 * b
    square = [[float(((p - q) ** 2).sum()) for q in z] for p in z]
    b0 = sum(map(sum, square)) / (n * n - n) / 4
    k = [[sum(math.exp(-s / (2**u * b0)) for u in range(5)) for s in row] for row in square]
    total = {"ff": 0.0, "gg": 0.0, "fg": 0.0}
    for i in range(b):
        for j in range(b):
            if estimator == "biased" or i != j:
                total["ff"] += k[i][j]
                total["gg"] += k[b + i][b + j]
            total["fg"] += k[i][b + j]
    within = b * b if estimator == "biased" else b * (b - 1)
    return (total["ff"] + total["gg"]) / within - 2 * total["fg"] / b**2


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, b=st.integers(2, 5), estimator=st.sampled_from(["official", "biased"]))
def test_alignment_equals_the_loop(seed, b, estimator):
    f, g = normal(b, 3, seed), 1 + normal(b, 3, seed + 1)
    found = feature_alignment(f, g, estimator=estimator)
    assert float(found) == pytest.approx(written_out(f, g, estimator), abs=1e-9)


@pytest.mark.parametrize("points", [((0.0,), (1.0,)), ((3.0, 1.0), (-2.0, 5.0))])
def test_t6_9_equal_sets(points):
    f = rows(*points)
    assert float(feature_alignment(f, f)) == pytest.approx(-3.564948, abs=1e-6)
    assert float(feature_alignment(f, f, estimator="biased")) == pytest.approx(0, abs=1e-9)
    # closed form: of the 12 ordered pairs of different rows, 8 are at one distance, 4 at none
    kernels = 2 * sum(math.exp(-12 / 8 * 4 / 2**u) for u in range(5))
    assert kernels == pytest.approx(2.870104, abs=1e-6)
    assert 2 * kernels / (4 * 1) - 10 / 2 == pytest.approx(-3.564948, abs=1e-6)


@pytest.mark.parametrize(
    ("f", "g", "official", "biased"),
    [
        (((0,), (1,)), ((10,), (11,)), 6.865210, 6.977998),
        (((0, 0), (1, 0)), ((0, 1), (1, 1)), 0.826550, None),
    ],
)
def test_t6_10_numbers(f, g, official, biased):
    f, g = rows(*f), rows(*g)
    assert float(feature_alignment(f, g)) == pytest.approx(official, abs=1e-6)
    assert float(feature_alignment(f.float(), g.float())) == pytest.approx(official, abs=1e-4)
    if biased:
        found = feature_alignment(f, g, estimator="biased")
        assert float(found) == pytest.approx(biased, abs=1e-6)


@pytest.mark.parametrize("estimator", ["official", "biased"])
def test_t6_11_what_changes_nothing(estimator):
    f, g = normal(6, 3, 0), 1 + normal(6, 3, 1)
    turn = torch.linalg.qr(normal(3, 3, 2)).Q
    base = feature_alignment(f, g, estimator=estimator)
    for one, two in (
        (g, f),
        (f[torch.randperm(6)], g),
        (f, g[torch.randperm(6)]),
        (f + 50, g + 50),
        (f @ turn, g @ turn),
        (0.01 * f, 0.01 * g),
    ):
        torch.testing.assert_close(feature_alignment(one, two, estimator=estimator), base)
    assert abs(float(feature_alignment(2 * f, g, estimator=estimator) - base)) > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 123.456])
def test_t6_12_copies_of_one_point_give_zero_not_nan(dtype, value):
    x = torch.full((5, 7), value, dtype=dtype).requires_grad_()
    y = torch.full((5, 7), value, dtype=dtype).requires_grad_()
    loss = feature_alignment(x, y)
    loss.backward()
    assert float(loss.detach()) == 0 and not x.grad.any() and not y.grad.any()


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, scale=st.floats(1e-3, 1e3))
def test_t6_13_biased_is_not_negative(seed, scale):
    f, g = (scale * normal(6, 4, seed + i).float() for i in range(2))
    assert float(feature_alignment(f, g, estimator="biased")) >= -1e-6


def test_t6_13_no_gradient_through_the_bandwidth():
    f, g = normal(3, 2, 0).requires_grad_(), normal(3, 2, 1)
    feature_alignment(f, g).backward()
    with torch.no_grad():
        z = torch.cat([f, g])
        b0 = float(torch.cdist(z, z).square().sum() / 30 / 4)

    def frozen(f):
        z = torch.cat([f, g])
        square = (z[:, None] - z[None]).square().sum(2)
        k = sum((-square / (2**u * b0)).exp() for u in range(5))
        off = 1 - torch.eye(3, dtype=F64)
        return ((k[:3, :3] + k[3:, 3:]) * off).sum() / 6 - 2 * k[:3, 3:].mean()

    (expected,) = torch.autograd.grad(frozen(f), f)
    torch.testing.assert_close(f.grad, expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": rows((1, 0))}, r"x has shape \(1, 2\)"),
        ({"x": rows((1, 0)), "x_augmented": rows((1, 0))}, "at least 2 rows"),
        ({"x": rows((1, 0), (float("nan"), 0))}, "x holds NaN"),
        ({"x_augmented": rows((1, 0), (float("inf"), 0))}, "x_augmented holds NaN"),
        ({"estimator": "unbiased"}, "known: official, biased"),
    ],
)
def test_alignment_bad_input(arguments, words):
    good = {"x": rows((1, 0), (0, 1)), "x_augmented": rows((1, 0), (0, 1))}
    with pytest.raises(ValueError, match=words):
        feature_alignment(**good | arguments)
