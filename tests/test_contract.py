"""The public contract: names, argument names, defaults, kinds of results, and promised errors.

More arguments may follow, keyword-only or with defaults; none of those here may be missing.
"""

import importlib
import inspect
import warnings

import numpy as np
import pytest
import torch
import toy
from scipy.sparse import csr_array

from vireid import association, clustering, data, evaluation, features, jaccard, losses, methods
from vireid.neighbours import nearest
from vireid.training import fit
from vireid.types import Embeddings

# (room, signature); what stands after * is keyword-only, before it may be given by position
CONTRACT = """
neighbours      nearest(x, k, *, among=None, backend="auto")
jaccard         jaccard_distance(x, *, rule="vanilla", k1=30, k2=6, modality=None, camera=None)
clustering      dbscan(distance, *, eps, min_samples=4)
clustering      prototypes(x, labels)
association     hungarian(visible, infrared)
association     pgm(visible, infrared)
association     bccm(visible, infrared)
association     mbccm(visible, infrared)
association     imca(visible, infrared, *, epoch)
association     greedy_regions(similarity, *, max_matches=3)
association     sinkhorn(cost, *, lam=25, stop="code")
association     label_transfer(y0, r0, s_intra, s_cross, s_ir, s_ri, *, alpha=0.2, \
schedule="code", tol=1e-2, max_rounds=20)
association     mult(x_visible, x_infrared, labels_visible, labels_infrared, *, k1=30, k2=6, \
alpha=0.2, beta=0.7, temperature=0.05, lam=25)
losses          cluster_contrast(x, target, prototypes, *, temperature)
losses          batch_hard_triplet(x, label, *, margin=0.3)
losses          cai(x, target, memories, *, prior, temperature)
losses          label_certainty(loss, *, groups=None, seed=0)
losses          feature_alignment(x, x_augmented, *, estimator="official")
losses          multi_positive(x, target_cluster, proxies, proxy_cluster, *, temperature, keep=50)
losses          oclr(source_logits, target_logits, *, sharpen=0.2, detach=False)
losses          identity_consistency(attention, label, *, mode="ratio")
losses          neighbour(x, bank, neighbour_sets, *, temperature)
data            load(name, *, root=None, preset=None, split="train", trial=0)
methods         build(name, *, preset="official")
training        fit(model, method, images, *, seed, epochs=None, device="auto", out=None, \
resume=False, on_epoch=None)
features        extract(model, images, *, flip=True, batch=64, device="auto")
evaluation      evaluate(similarity, query_identity, gallery_identity, query_camera, \
gallery_camera, *, protocol="sysu")
evaluation      roc(similarity, query_identity, gallery_identity)
evaluation      cmrr(query, gallery, *, k=15, eta=0.1)
""".strip().splitlines()

# trial=None stands for the first one: 0, but 1 in RegDB, whose splits count from 1 and where the
# specification wants trial=0 refused (test_the_first_trial_is_the_default)
OTHER_DEFAULTS = {("load", "trial"): None}


def reversed_array(values) -> np.ndarray:
    """The values in an array whose strides are negative, which torch cannot share."""
    return np.flip(np.flip(np.asarray(values)).copy())


def locked(values) -> np.ndarray:
    """The values in an array that may not be written to, as a memory map's."""
    found = np.array(values)
    found.flags.writeable = False
    return found


KINDS = pytest.mark.parametrize(
    "kind",
    [np.asarray, torch.as_tensor, reversed_array, locked],
    ids=["numpy", "torch", "reversed", "read-only"],
)


def promised(text: str) -> tuple[str, dict]:
    """Name and parameters of a line of the contract, as python reads them."""
    space = {}
    exec(f"def {text}: ...", space)
    name = text.split("(")[0]
    return name, dict(inspect.signature(space[name]).parameters)


@pytest.mark.parametrize("line", CONTRACT, ids=lambda line: line.split()[1].split("(")[0])
def test_signature(line):
    room, text = line.split(maxsplit=1)
    name, wanted = promised(text)
    found = inspect.signature(getattr(importlib.import_module(f"vireid.{room}"), name)).parameters
    for p in wanted.values():
        assert p.name in found, f"{room}.{name} lost its argument {p.name}"
        assert found[p.name].kind is p.kind
        if p.default is not p.empty:
            assert found[p.name].default == OTHER_DEFAULTS.get((name, p.name), p.default)
        elif p.kind is p.KEYWORD_ONLY:
            assert found[p.name].default is p.empty
    by_position = [n for n, p in found.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == [n for n, p in wanted.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    extra = [p for n, p in found.items() if n not in wanted and p.kind is p.KEYWORD_ONLY]
    assert all(p.default is not p.empty for p in extra), "a further argument needs a default"


def rows(n: int, d: int = 6, seed: int = 0) -> np.ndarray:
    """Unit rows, float32."""
    x = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def crowd(kind, people: int = 3, per: int = 6):
    """(rows of so many tight clusters, their labels) in the given kind."""
    x = np.repeat(rows(people), per, 0) + 0.02 * rows(people * per, seed=1)
    return kind(x), kind(np.repeat(np.arange(people), per))


def same_kind(value, given, shape: tuple, dtype: str) -> None:
    assert type(value) is type(given)
    assert tuple(value.shape) == shape
    assert str(value.dtype).removeprefix("torch.") == dtype


@KINDS
def test_neighbours_distance_clusters_prototypes(kind):
    x, y = crowd(kind)
    index, similarity = nearest(x, 4)
    same_kind(index, x, (18, 4), "int64")
    same_kind(similarity, x, (18, 4), "float32")
    assert index[:, 0].tolist() == list(range(18))
    assert (np.diff(np.asarray(similarity)) <= 0).all()
    modality = kind(np.tile([0, 1], 9))
    for rule, more in {
        "vanilla": {},
        "modality": {"modality": modality},
        "camera": {"camera": modality},
        "lqe": {"modality": modality},
        "binary": {},
    }.items():
        distance = jaccard.jaccard_distance(x, rule=rule, k1=6, k2=2, **more)
        assert isinstance(distance, csr_array) and distance.shape == (18, 18)
        assert distance.data.min() >= 0 and distance.data.max() < 1
        dense = np.ones(distance.shape)
        where = np.repeat(np.arange(18), np.diff(distance.indptr)), distance.indices
        dense[where] = distance.data
        assert (np.diag(dense) == 0).all()
        stored = set(zip(*(a.tolist() for a in where), strict=True))
        assert all((i, i) in stored for i in range(18))
        sparse_labels = clustering.dbscan(distance, eps=0.5)
        dense_labels = clustering.dbscan(kind(dense), eps=0.5)
        assert isinstance(sparse_labels, np.ndarray)
        same_kind(dense_labels, x, (18,), "int64")
        assert sparse_labels.tolist() == dense_labels.tolist()
    centres = clustering.prototypes(x, y)
    same_kind(centres, x, (3, 6), "float32")
    np.testing.assert_allclose(np.linalg.norm(np.asarray(centres), axis=1), 1, rtol=1e-6)


@KINDS
@pytest.mark.parametrize("sizes", [(3, 5), (5, 3)])
def test_matching(kind, sizes):
    visible, infrared = kind(rows(sizes[0])), kind(rows(sizes[1], seed=1))
    for match in (association.hungarian, association.pgm, association.bccm):
        v2r, r2v = match(visible, infrared)
        same_kind(v2r, visible, sizes[:1], "int64")
        same_kind(r2v, visible, sizes[1:], "int64")
        assert -1 <= min(v2r) and max(v2r) < sizes[1] and -1 <= min(r2v) and max(r2v) < sizes[0]
    same_kind(association.mbccm(visible, infrared), visible, sizes, "bool")
    for epoch, space in ((0, "infrared"), (1, "visible")):
        v, r, found = association.imca(visible, infrared, epoch=epoch)
        same_kind(v, visible, sizes[:1], "int64")
        same_kind(r, visible, sizes[1:], "int64")
        assert found == space
    v2r, r2v = association.greedy_regions(visible @ infrared.T)
    same_kind(v2r, visible, sizes[:1], "int64")
    assert isinstance(r2v, list) and all(isinstance(own, list) for own in r2v)
    assert len(r2v) == sizes[1]


@KINDS
def test_transport_and_transfer(kind):
    cost = kind(np.random.default_rng(0).random((4, 6)))
    for stop in ("code", "converged"):
        plan, info = association.sinkhorn(cost, lam=5, stop=stop)
        same_kind(plan, cost, (4, 6), "float64")
        np.testing.assert_allclose(np.asarray(plan).sum(0), 1 / 6, rtol=1e-6)
    assert info.converged
    y0, r0 = kind(np.eye(4)[:, :2] * 0 + 0.5), kind(np.eye(2)[[0, 1, 0, 1, 0, 1]])
    own, other = kind(np.eye(4)), kind(np.eye(6))
    y, r, played = association.label_transfer(y0, r0, own, other, plan, plan.T)
    same_kind(y, y0, (4, 2), "float64")
    same_kind(r, y0, (6, 2), "float64")
    assert isinstance(played, int) and 1 <= played <= 20


@KINDS
def test_mult(kind):
    x, y = crowd(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "not converged" on so few images
        found = association.mult(x, x, y, y, k1=6, k2=2)
    for name in ("visible_in_v", "infrared_in_v", "infrared_in_r", "visible_in_r"):
        soft = getattr(found, name)
        same_kind(soft, x, (18, 3), "float32")
        np.testing.assert_allclose(np.asarray(soft).sum(1), 1, rtol=1e-5)


@KINDS
def test_losses(kind):
    """Scalars are tensors, so that a gradient can flow; a table of numbers is like its input."""
    x, y = crowd(kind)
    centres = clustering.prototypes(x, y)
    memories = [(kind(np.arange(3)), centres)] * 2
    soft = kind(np.eye(3, dtype=np.float32)[np.asarray(y)])
    sets = [[i] for i in range(18)]
    scalars = [
        losses.cluster_contrast(x, y, centres, temperature=0.05),
        losses.batch_hard_triplet(x, y),
        *(
            losses.cai(x, t, memories, prior=kind(np.full(2, 0.5)), temperature=0.05)
            for t in (y, soft)
        ),
        *(losses.feature_alignment(x, x * 2, estimator=e) for e in ("official", "biased")),
        losses.multi_positive(x, y, centres, kind(np.arange(3)), temperature=0.05),
        losses.oclr(x, x),
        *(losses.identity_consistency(abs(x), y, mode=m) for m in ("ratio", "difference")),
        losses.neighbour(x, x, sets, temperature=0.05),
    ]
    for value in scalars:
        assert torch.is_tensor(value) and value.shape == () and value.isfinite()
    certainty = losses.label_certainty(abs(x[:, 0]))
    same_kind(certainty, x, (18,), "float32")
    assert min(certainty) >= 0 and max(certainty) <= 1


def test_losses_have_gradients():
    x, y = crowd(torch.as_tensor)
    centres = clustering.prototypes(x, y)
    x.requires_grad_()
    bank = [(torch.arange(3), centres)] * 2
    for value in (
        losses.cluster_contrast(x, y, centres, temperature=0.05),
        losses.batch_hard_triplet(x, y, margin=3),
        losses.cai(x, y, bank, prior=torch.full((2,), 0.5), temperature=0.05),
        losses.feature_alignment(x, x.detach() + 0.3),
        losses.multi_positive(x, y, centres, torch.arange(3), temperature=0.05),
        losses.oclr(x, x.detach().flip(0)),
        losses.identity_consistency(x, y),
        losses.neighbour(x, x.detach(), [[0, 17]] * 18, temperature=0.05),
    ):
        (gradient,) = torch.autograd.grad(value, x)
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


@KINDS
def test_evaluation(kind):
    query, gallery = kind(rows(6)), kind(rows(9, seed=1))
    asked, answers = kind(np.arange(6) % 3), kind(np.arange(9) % 3)
    cameras = kind(np.full(6, 3)), kind(np.full(9, 1))
    for protocol in ("sysu", "regdb", "llcm"):
        found = evaluation.evaluate(query @ gallery.T, asked, answers, *cameras, protocol=protocol)
        assert isinstance(found.cmc, np.ndarray) and found.cmc[-1] == 1
        assert (np.diff(found.cmc) >= 0).all()
        assert 0 < found.mAP <= 1 and 0 < found.mINP <= 1 and found.n_valid == 6
    curve = evaluation.roc(query @ gallery.T, asked, answers)
    assert curve.fpr[0] == curve.tpr[0] == 0 and curve.fpr[-1] == curve.tpr[-1] == 1
    assert 0 <= curve.auc <= 1
    same_kind(evaluation.cmrr(query, gallery, k=3), query, (6, 9), "float32")


def test_training_and_features():
    table, model = toy.images(people=3, per=4), toy.net()
    seen, method = [], methods.build("dcl", preset="tiny", iterations=1, identities=2, instances=2)
    run = fit(model, method, table, seed=0, epochs=1, device="cpu", on_epoch=seen.append)
    assert len(run.curves) == len(seen) == 1 and run.config and run.seed == 0
    with pytest.raises(ValueError, match="epochs=10000: this method's schedule has"):
        fit(model, method, table, seed=0, epochs=10_000, device="cpu")
    found = features.extract(model, table, device="cpu")
    assert isinstance(found, Embeddings) and len(found) == len(table)
    assert found.identity is not None and found.blind().identity is None
    np.testing.assert_allclose(found.x.norm(dim=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", methods.TABLE)
def test_methods_are_built_by_preset(name):
    papers = {"bmil", "mult", "dmdl", "mcf"}  # of the others the code alone was read
    for preset in {"official", "light"} | ({"paper"} if name in papers else set()):
        method = methods.build(name, preset=preset)
        assert all(hasattr(method, hook) for hook in ("relabel", "batches", "losses"))
    with pytest.raises(ValueError, match=r"no_such_switch; known: .*k1"):
        methods.build(name, no_such_switch=1)


def test_the_first_trial_is_the_default():
    shown = data.load("synthvi", preset="tiny", split="gallery")
    assert shown.fingerprint == data.load("synthvi", split="gallery", trial=0).fingerprint
    assert shown.fingerprint != data.load("synthvi", split="gallery", trial=1).fingerprint


def wrong_calls():
    """(what the message must name, call)."""
    x, bad = rows(6), rows(6).copy()
    bad[2] = np.nan
    y = np.arange(6) % 3
    t = torch.as_tensor(x)
    return [
        ("k=0", lambda: nearest(x, 0)),
        ("row 2", lambda: nearest(bad, 2)),
        ("backend='no'", lambda: nearest(x, 2, backend="no")),
        ("rule='no'", lambda: jaccard.jaccard_distance(x, rule="no")),
        ("modality", lambda: jaccard.jaccard_distance(x, rule="modality", k1=3, k2=2)),
        ("camera", lambda: jaccard.jaccard_distance(x, rule="camera", k1=3, k2=2)),
        ("eps=0", lambda: clustering.dbscan(x @ x.T, eps=0)),
        ("eps=1", lambda: clustering.dbscan(csr_array((3, 3)), eps=1)),
        ("all 6 images are outliers", lambda: clustering.prototypes(x, y * 0 - 1)),
        ("row 2", lambda: association.hungarian(x, bad)),
        ("epoch=-1", lambda: association.imca(x, x, epoch=-1)),
        ("max_matches=0", lambda: association.greedy_regions(x, max_matches=0)),
        ("lam=0", lambda: association.sinkhorn(x, lam=0)),
        ("stop='no'", lambda: association.sinkhorn(x, stop="no")),
        ("temperature=0", lambda: losses.cluster_contrast(t, y, t[:3], temperature=0)),
        ("margin=-1", lambda: losses.batch_hard_triplet(t, y, margin=-1)),
        ("estimator='no'", lambda: losses.feature_alignment(t, t, estimator="no")),
        ("sharpen=0", lambda: losses.oclr(t, t, sharpen=0)),
        ("mode|no", lambda: losses.identity_consistency(t, y, mode="no")),
        ("neighbour_sets", lambda: losses.neighbour(t, t, [], temperature=0.05)),
        ("name='no'", lambda: data.load("no")),
        ("split='no'", lambda: data.load("synthvi", split="no")),
        ("'no' is unknown", lambda: methods.build("no")),
        ("protocol='no'", lambda: evaluation.evaluate(x @ x.T, y, y, y, y, protocol="no")),
        ("need both", lambda: evaluation.roc(x @ x.T, y * 0, y * 0)),
        ("eta=2", lambda: evaluation.cmrr(x, x, eta=2)),
        ("batch=0", lambda: features.extract(toy.net(), toy.images(1, 1), batch=0)),
    ]


@pytest.mark.parametrize(
    ("named", "call"), wrong_calls(), ids=lambda v: v if type(v) is str else ""
)
def test_wrong_arguments_are_named(named, call):
    with pytest.raises(ValueError, match=named):
        call()


def test_missing_folder_is_named(tmp_path):
    for name in ("sysu", "regdb", "llcm", "m3svd"):
        with pytest.raises(FileNotFoundError, match=tmp_path.name):
            data.load(name, root=tmp_path / "nowhere")
