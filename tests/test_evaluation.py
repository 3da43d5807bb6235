"""Retrieval scores against the spec's numbers, a query-by-query loop, and properties."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vireid.arguments import whole_numbers
from vireid.evaluation import evaluate, kept_pairs, mean_over_trials, roc

# multimodule 11.6 (1): gallery by descending score
IDENTITY, CAMERA, SCORE = [2, 1, 3, 1, 1], [1, 1, 2, 2, 4], [[0.9, 0.8, 0.7, 0.6, 0.5]]


def one_query(protocol, camera, identity=1, gallery=IDENTITY, cameras=CAMERA, score=None):
    score = SCORE if score is None else score
    return evaluate(score, [identity], gallery, [camera], cameras, protocol=protocol)


@pytest.mark.parametrize(
    ("protocol", "camera", "cmc", "precision", "penalty"),
    [
        ("sysu", 6, [0, 1, 1], 0.53333, 0.6),
        ("sysu", 3, [0, 1], 0.58333, 0.66667),  # camera 2 (positions 3, 4) dropped
        ("regdb", 6, [0, 1, 1, 1, 1], 0.53333, 0.6),
        ("llcm", 1, [0, 0, 1], 0.41667, 0.5),  # position 2 dropped
    ],
)
def test_numbers(protocol, camera, cmc, precision, penalty):
    found = one_query(protocol, camera)
    np.testing.assert_array_equal(found.cmc, cmc)
    assert found.mAP == pytest.approx(precision, abs=5e-6)
    assert found.mINP == pytest.approx(penalty, abs=5e-6)
    assert found.n_valid == 1


def test_cmc_with_and_without_deletion():  # 11.6 (2)
    score = [[4, 3, 2, 1]]
    for protocol, expected in (("sysu", [0, 0, 1]), ("regdb", [0, 0, 0, 1])):
        found = one_query(protocol, 6, gallery=[2, 2, 3, 1], cameras=[1] * 4, score=score)
        np.testing.assert_array_equal(found.cmc, expected)


@pytest.mark.parametrize("protocol", ["sysu", "regdb", "llcm"])
def test_a_perfect_ranking_scores_one(protocol):  # 11.6 (3)
    query, gallery = np.arange(4), np.repeat(np.arange(4), 3)
    found = evaluate(
        query[:, None] == gallery, query, gallery, [9] * 4, [1] * 12, protocol=protocol
    )
    assert (found.cmc == 1).all() and found.mAP == found.mINP == 1 and found.n_valid == 4


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_single_match_at_the_end_scores_one_over_n(n):  # 11.6 (3)
    found = one_query(
        "regdb", 6, gallery=[*range(2, n + 1), 1], cameras=[1] * n, score=[np.arange(n)[::-1]]
    )
    assert found.mAP == found.mINP == pytest.approx(1 / n)


def world(seed, q=12, g=20, ids=5):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, 6, (q, g)) / 5,  # few values, so that there are ties
        rng.integers(0, ids, q),
        rng.integers(0, ids, g),
        rng.choice([3, 6], q),
        rng.choice([1, 2, 3, 4, 6], g),
    )


def by_hand(similarity, query, gallery, query_camera, gallery_camera, protocol):
    """One query after the other, as the protocols are told."""
    rows, precisions, penalties = [], [], []
    for i in range(len(query)):
        ranked = sorted(range(len(gallery)), key=lambda j: -similarity[i][j])
        if protocol == "sysu" and query_camera[i] == 3:
            ranked = [j for j in ranked if gallery_camera[j] != 2]
        if protocol == "llcm":
            twin = (query[i], query_camera[i])
            ranked = [j for j in ranked if (gallery[j], gallery_camera[j]) != twin]
        ids = [gallery[j] for j in ranked]
        at = [k for k, y in enumerate(ids, 1) if y == query[i]]
        if not at:
            continue
        shown = ids if protocol == "regdb" else list(dict.fromkeys(ids))
        rank = shown.index(query[i])
        rows.append([0] * rank + [1] * (len(shown) - rank))
        precisions.append(np.mean([(n + 1) / k for n, k in enumerate(at)]))
        penalties.append(len(at) / at[-1])
    width = max(map(len, rows))
    cmc = np.mean([row + [1] * (width - len(row)) for row in rows], axis=0)
    return cmc, np.mean(precisions), np.mean(penalties), len(rows)


@pytest.mark.parametrize("backend", ["plain", "compiled"])
@pytest.mark.parametrize("protocol", ["sysu", "regdb", "llcm"])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), ids=st.integers(2, 30))
def test_equals_the_loop(protocol, backend, seed, ids):
    data = world(seed, ids=ids)
    try:
        cmc, precision, penalty, n = by_hand(*data, protocol)
    except ValueError:  # max() of nothing: no valid query
        with pytest.raises(ValueError, match="none of the 12 queries"):
            evaluate(*data, protocol=protocol, backend=backend)
        return
    found = evaluate(*data, protocol=protocol, backend=backend)
    np.testing.assert_allclose(found.cmc, cmc)
    assert (found.mAP, found.mINP) == pytest.approx((precision, penalty))
    assert found.n_valid == n


@pytest.mark.parametrize(
    ("protocol", "cameras", "said"),
    [
        ("llcm", ([1, 1], [1, 1]), "people of 2, .* own camera, which protocol='llcm' leaves out"),
        ("vcm", ([1, 1], [1, 1]), "people of 2, .* own camera, .*; number the cameras of the two"),
        ("sysu", ([3, 3], [2, 2]), "people of 2, .* camera 2, for queries of camera 3, which"),
    ],
)
def test_not_in_the_gallery_is_told_from_left_out(protocol, cameras, said):
    similarity = np.eye(2)
    with pytest.raises(ValueError, match=f"none of the 2 queries has a true match .*{said}"):
        evaluate(similarity, [4, 5], [4, 5], *cameras, protocol=protocol)
    for other in ("regdb", protocol):
        with pytest.raises(ValueError, match="gallery: it has no picture of their people; take"):
            evaluate(similarity, [4, 5], [6, 7], [3, 3], [1, 1], protocol=other)


@pytest.mark.parametrize("protocol", ["sysu", "regdb", "llcm"])
def test_blocks_of_queries_change_nothing(protocol, monkeypatch):
    whole = evaluate(*world(1), protocol=protocol)
    monkeypatch.setattr("vireid.evaluation.retrieval.BLOCK", 50)
    cut = evaluate(*world(1), protocol=protocol)
    assert (whole.cmc == cut.cmc).all() and (whole.mAP, whole.mINP) == (cut.mAP, cut.mINP)


@pytest.mark.parametrize("protocol", ["sysu", "regdb", "llcm"])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_both_backends_agree_to_the_last_digits(protocol, kind):
    similarity, *rest = world(7, q=200, g=150, ids=40)
    similarity = np.round(similarity + np.random.default_rng(1).normal(size=(200, 150)), 1)
    similarity = similarity.astype(kind)  # some ties
    plain = evaluate(similarity, *rest, protocol=protocol, backend="plain")
    for table in (similarity, np.asfortranarray(similarity)):
        fast = evaluate(table, *rest, protocol=protocol, backend="compiled")
        np.testing.assert_array_equal(fast.cmc, plain.cmc)
        assert fast.mAP == pytest.approx(plain.mAP, abs=1e-14)
        assert fast.mINP == pytest.approx(plain.mINP, abs=1e-14)
        assert fast.n_valid == plain.n_valid


def test_large_tables_take_the_compiled_loops_and_threads_change_nothing(monkeypatch):
    data = world(2, q=40, g=30)
    plain = evaluate(*data)
    monkeypatch.setattr("vireid.evaluation.retrieval.COMPILED_FROM", 1200)
    monkeypatch.setattr("vireid.evaluation.retrieval._sorted", None)
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        fast = evaluate(*data)
        assert (fast.cmc == plain.cmc).all() and fast.mAP == pytest.approx(plain.mAP, abs=1e-14)


@pytest.mark.parametrize("protocol", ["sysu", "regdb", "llcm"])
def test_what_changes_nothing(protocol):  # 11.6 (4)
    similarity, query, gallery, query_camera, gallery_camera = world(3)
    base = evaluate(similarity, query, gallery, query_camera, gallery_camera, protocol=protocol)
    rename = np.random.default_rng(0).permutation(100)
    stranger = np.vstack([similarity, np.ones(20)])
    for changed in (
        evaluate(
            np.exp(3 * similarity) - 7, query, gallery, query_camera, gallery_camera,
            protocol=protocol,
        ),
        evaluate(
            similarity, rename[query], rename[gallery], query_camera, gallery_camera,
            protocol=protocol,
        ),
        evaluate(
            stranger, [*query, 999], gallery, [*query_camera, 6], gallery_camera,
            protocol=protocol,
        ),
    ):  # fmt: skip
        np.testing.assert_array_equal(changed.cmc, base.cmc)
        assert (changed.mAP, changed.mINP) == (base.mAP, base.mINP)
        assert changed.n_valid == base.n_valid


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999))
def test_inp_is_one_iff_all_matches_come_first(seed):  # 11.6 (3)
    rng = np.random.default_rng(seed)
    gallery, score = rng.integers(0, 2, 6), rng.random((1, 6))
    gallery[0] = 1
    found = one_query("regdb", 6, gallery=gallery, cameras=[1] * 6, score=score)
    ranked = gallery[np.argsort(-score[0])]
    assert found.mINP <= 1
    assert (found.mINP == 1) == (np.diff(ranked) <= 0).all()


def test_ties_keep_the_gallery_order():
    found = one_query("regdb", 6, gallery=[2, 1, 1], cameras=[1] * 3, score=[[1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(found.cmc, [0, 1, 1])


def test_the_first_rank_is_one():
    found = evaluate(np.eye(2), [0, 1], [0, 1], [0, 0], [1, 1], protocol="regdb")
    assert found.rank(1) == 1
    with pytest.raises(ValueError, match="k=0: the first answer has rank 1"):
        found.rank(0)


def test_torch_and_numpy_agree_and_rank_pads():
    data = world(5)
    numpy_found = evaluate(*data)
    torch_found = evaluate(*map(torch.as_tensor, data))
    np.testing.assert_array_equal(numpy_found.cmc, torch_found.cmc)
    assert numpy_found.rank(1) == numpy_found.cmc[0]
    assert numpy_found.rank(20) == numpy_found.cmc[-1] == 1  # fewer than 20 identities


def test_kept_pairs():
    query, gallery = [1, 2], [1, 1, 2]
    kept = kept_pairs(query, gallery, [3, 6], [2, 3, 2], protocol="sysu")
    np.testing.assert_array_equal(kept, [[0, 1, 0], [1, 1, 1]])
    kept = kept_pairs(query, gallery, [3, 6], [2, 3, 2], protocol="llcm")
    np.testing.assert_array_equal(kept, [[1, 0, 1], [1, 1, 1]])
    assert kept_pairs(query, gallery, [3, 6], [2, 3, 2], protocol="regdb").all()


def test_mean_over_trials():
    first, second = one_query("sysu", 6), one_query("sysu", 3)
    mean = mean_over_trials([first, second])
    np.testing.assert_allclose(mean.cmc, [0, 1, 1])  # the shorter row goes on at its last value
    assert mean.mAP == pytest.approx((0.53333 + 0.58333) / 2, abs=5e-6)
    assert mean.mAP_std == pytest.approx((7 / 12 - 8 / 15) / np.sqrt(2))
    assert mean.mINP_std == pytest.approx((2 / 3 - 0.6) / np.sqrt(2))
    assert mean.trials == 2 and mean.rank(20) == 1 and list(mean.n_valid) == [1, 1]
    single = mean_over_trials([first])
    assert single.mAP == first.mAP and single.mAP_std == 0 and (single.cmc_std == 0).all()
    with pytest.raises(ValueError, match="records is empty"):
        mean_over_trials([])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"similarity": [[0.1, 0.2]]}, r"shape \(1, 2\)"),
        ({"similarity": [[0.1, float("nan"), 0.3]]}, "1 NaN or infinite"),
        ({"similarity": [[0.1, float("-inf"), 0.3]]}, "1 NaN or infinite"),
        ({"query_identity": [1, 2]}, "queries x gallery"),
        ({"query_identity": [[1]]}, "queries x gallery"),
        ({"query_camera": [6, 6]}, "query_camera has shape"),
        ({"gallery_camera": [1]}, "gallery_camera has shape"),
        ({"query_identity": [7]}, "none of the 1 queries"),
        ({"protocol": "market"}, "known: sysu, regdb, llcm"),
        ({"backend": "fast"}, "known: auto, plain, compiled"),
        ({"similarity": np.empty((0, 3)), "query_identity": []}, "nothing to rank"),
        ({"similarity": np.empty((1, 0)), "gallery_identity": []}, "nothing to rank"),
    ],
)
def test_bad_input(change, words):
    good = {
        "similarity": [[0.1, 0.2, 0.3]],
        "query_identity": [1],
        "gallery_identity": [1, 2, 3],
        "query_camera": [6],
        "gallery_camera": [1, 1, 1],
        "protocol": "sysu",
    }
    with pytest.raises(ValueError, match=words):
        evaluate(**good | change)


# roc


@pytest.mark.parametrize(
    ("score", "same", "auc"),
    [
        ((0.9, 0.8, 0.7, 0.6, 0.5), (0, 1, 0, 1, 1), 1 / 6),  # 11.6 (5)
        ((0.9, 0.8, 0.8, 0.3), (1, 1, 0, 0), 0.875),
    ],
)
def test_roc_numbers(score, same, auc):
    curve = roc([score], [1], np.where(same, 1, 2))
    assert curve.auc == pytest.approx(auc)
    assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
    assert (np.diff(curve.fpr) >= 0).all() and (np.diff(curve.tpr) >= 0).all()
    assert len(curve.fpr) == len(set(score)) + 1  # a threshold at every distinct score


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999))
def test_area_is_the_chance_of_a_right_comparison(seed):
    similarity, query, gallery, *_ = world(seed, ids=3)
    same = query[:, None] == gallery
    won = [(a > b) + (a == b) / 2 for a in similarity[same] for b in similarity[~same]]
    curve = roc(similarity, query, gallery)
    assert curve.auc == pytest.approx(np.mean(won))
    assert roc(-similarity, query, gallery).auc == pytest.approx(1 - curve.auc)  # 11.6 (5)


def test_random_scores_have_half_the_area():  # 11.6 (5)
    rng = np.random.default_rng(0)
    curve = roc(rng.random((200, 200)), rng.integers(0, 5, 200), rng.integers(0, 5, 200))
    assert curve.auc == pytest.approx(0.5, abs=0.02)


def test_roc_counts_only_kept_pairs():
    similarity, query, gallery, query_camera, gallery_camera = world(4)
    keep = kept_pairs(query, gallery, query_camera, gallery_camera)
    same = query[:, None] == gallery
    expected = np.mean(
        [(a > b) + (a == b) / 2
         for a in similarity[same & keep] for b in similarity[~same & keep]]
    )  # fmt: skip
    assert roc(similarity, query, gallery, keep=keep).auc == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([[1, 2]], [1], [1, 1]), "2 of 2 pairs are true"),
        (([[1, 2]], [1], [2, 2]), "0 of 2 pairs are true"),
        (([[1, float("nan")]], [1], [1, 2]), "NaN"),
        (([[1, 2, 3]], [1], [1, 2]), "queries x gallery"),
    ],
)
def test_roc_bad_input(arguments, words):
    with pytest.raises(ValueError, match=words):
        roc(*arguments)
    with pytest.raises(ValueError, match="keep has shape"):
        roc([[1, 2]], [1], [1, 2], keep=[True, True])


def test_the_size_of_sysu_is_scored_within_a_second():
    rng = np.random.default_rng(0)
    query, gallery = rng.integers(0, 96, 3803), np.repeat(np.arange(96), 4)[:301]
    similarity = torch.as_tensor(rng.random((3803, 301)), dtype=torch.float32)
    rest = query, gallery, rng.choice([3, 6], 3803), rng.choice([1, 2, 4, 5], 301)
    evaluate(similarity, *rest, backend="compiled")  # compiles, the first time on a machine
    for backend in ("plain", "compiled"):
        start = time.process_time()
        evaluate(similarity, *rest, backend=backend)
        assert time.process_time() - start < 1


# ---- Numbers that would give a wrong score without a word


GOOD = {
    "query_identity": [1, 2],
    "gallery_identity": [1, 2, 3],
    "query_camera": [3, 6],
    "gallery_camera": [1, 2, 4],
}


@pytest.mark.parametrize("protocol", ["sysu", "llcm", "regdb"])
@pytest.mark.parametrize("name", ["query_camera", "gallery_camera"])
@pytest.mark.parametrize("bad", ["text", "fraction", "nan", "none", "flags"])
def test_cameras_that_are_no_numbers_are_refused(protocol, name, bad):
    values = {
        "text": ["3", "6", "1"], "fraction": [1.5, 2, 3], "nan": [np.nan, 2, 3],
        "none": [None, 1, 2], "flags": [True, False, True],
    }[bad][: len(GOOD[name])]  # fmt: skip
    with pytest.raises(ValueError, match=rf"{name} holds .* give whole numbers"):
        evaluate(np.ones((2, 3)), **(GOOD | {name: values}), protocol=protocol)


def test_cameras_counted_from_0_are_refused_where_their_numbers_matter():
    shifted = {k: np.array(GOOD[k]) - 1 for k in ("query_camera", "gallery_camera")}
    with pytest.raises(ValueError, match=r"gallery_camera holds 0: .*add 1"):
        evaluate(np.ones((2, 3)), **(GOOD | shifted), protocol="sysu")
    scores = [
        evaluate(np.eye(2, 3), **(GOOD | cameras), protocol="llcm").mAP for cameras in ({}, shifted)
    ]
    assert scores[0] == scores[1] == 1.0


@pytest.mark.parametrize("side", ["query", "gallery"])
def test_unknown_people_do_not_match_each_other(side):
    name = f"{side}_identity"
    with pytest.raises(ValueError, match=rf"{name} is -1, unknown, 1 times"):
        evaluate(np.ones((2, 3)), **(GOOD | {name: [-1, *GOOD[name][1:]]}))


def test_whole_numbers_of_any_kind_give_the_same_scores():
    rng = np.random.default_rng(0)
    similarity = rng.random((2, 3))
    plain = evaluate(similarity, **GOOD)
    for kind in (np.uint8, np.float64, np.int32):
        found = evaluate(similarity, **{k: np.array(v, kind) for k, v in GOOD.items()})
        assert found.mAP == plain.mAP
    found = evaluate(torch.tensor(similarity), **{k: torch.tensor(v) for k, v in GOOD.items()})
    assert found.mAP == plain.mAP


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("kind", ["U", "S"])
@pytest.mark.parametrize("mark", ["-1", ""])
def test_unknown_people_among_names_do_not_match_each_other(side, kind, mark):
    people, cameras = [np.array(["ann", "5"], kind) for _ in "qg"], ([3, 6], [1, 4])
    assert evaluate(np.eye(2), *people, *cameras).mAP == 1
    people[side][0] = mark
    words = rf"{('query', 'gallery')[side]}_identity is b?'{mark}', unknown, 1 times.* a name of"
    with pytest.raises(ValueError, match=words):
        evaluate(np.eye(2), *people, *cameras)
    with pytest.raises(ValueError, match=words):
        roc(np.eye(2), *people)


def test_numbers_and_names_are_not_compared():
    words = "query_identity is int64, gallery_identity <U1: .*both as numbers or both as names"
    with pytest.raises(ValueError, match=words):
        evaluate(np.eye(2), [4, 5], ["4", "5"], [3, 6], [1, 4])
    with pytest.raises(ValueError, match=words):
        roc(np.eye(2), [4, 5], ["4", "5"])
    with pytest.raises(ValueError, match=r"is \|S1, gallery_identity <U1"):
        roc(np.eye(2), [b"4", b"5"], ["4", "5"])
    with pytest.raises(ValueError, match=words):
        kept_pairs([1, 2], ["1", "2"], [1, 1], [2, 2], protocol="llcm")
    with pytest.raises(ValueError, match="query_identity"):
        kept_pairs([1.5, 2.0], [1, 2], [1, 1], [2, 2], protocol="llcm")
    assert kept_pairs([7, -1], [-1, 7], [1, 1], [1, 2], protocol="llcm").tolist() == [
        [True, True],
        [False, True],
    ], "an unknown person of the same camera is left out, as the rule says"


@pytest.mark.parametrize(
    "values",
    [
        [1e300, 1e301], [0.0, -1e19], [2.0**63], np.array([2**63], np.uint64),
        torch.tensor([1e30]), np.array([1, 2**64 - 1], np.uint64),
    ],
)  # fmt: skip
def test_numbers_that_would_become_one_are_refused(values):
    with pytest.raises(ValueError, match=r"x holds [\d.e+]+; give whole numbers below 2\^63"):
        whole_numbers(values, "x")


def test_the_largest_whole_numbers_stay_themselves():
    for kind in (np.int64, np.uint64):
        assert whole_numbers(np.array([2**63 - 1], kind), "x").tolist() == [2**63 - 1]
    assert whole_numbers(np.array([-(2**63)]), "x").tolist() == [-(2**63)]
    assert whole_numbers([2.0**62, -3.0], "x").tolist() == [2**62, -3]
    assert whole_numbers(np.array([3], np.float16), "x").tolist() == [3]
    assert whole_numbers([], "x").tolist() == []


def test_names_in_an_array_of_objects_are_names():
    similarity, cameras = np.array([[0.1, 0.9, 0.5], [0.8, 0.1, 0.2]]), ([1, 1], [2, 2, 2])
    lists = ["anna", "bert"], ["bert", "anna", "carl"]
    objects = [np.array(names, object) for names in lists]
    one, other = (evaluate(similarity, *who, *cameras, protocol="llcm") for who in (lists, objects))
    assert one.mAP == other.mAP == 1.0
    with pytest.raises(ValueError, match="give whole numbers"):
        evaluate(
            similarity, np.array(["anna", None], object), *lists[1:], *cameras, protocol="llcm"
        )
