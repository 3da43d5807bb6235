"""The Jaccard family written out with loops and dense arrays, straight from the definitions.

Slow on purpose and independent of vireid: the oracle of test_jaccard.py. Everything in float64.
"""

import numpy as np


def unit(x):
    x = np.asarray(x, dtype=np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def rank(score, i, allowed):
    """Members of ``allowed`` by descending score, ties by index, i itself first if allowed."""
    others = sorted((j for j in allowed if j != i), key=lambda j: (-score[i, j], j))
    return ([i] if i in allowed else []) + others


def reciprocal(lists, i, m):
    return {j for j in lists[i][:m] if i in lists[j][:m]}


def expand(r, half_sets, i):
    e = set(r[i])
    for c in r[i]:
        h = half_sets[c]
        if h and 3 * len(h & r[i]) > 2 * len(h):
            e |= h
    return e or {i}


def weights(sets, s):
    v = np.zeros_like(s, dtype=np.float64)
    for i, members in enumerate(sets):
        total = sum(np.exp(-(2 - 2 * s[i, j])) for j in members)
        for j in members:
            v[i, j] = np.exp(-(2 - 2 * s[i, j])) / total
    return v


def average(v, groups_of):
    """Mean over the non-empty groups of the mean over each group's rows."""
    out = np.zeros_like(v)
    for i in range(len(v)):
        means = [np.mean([v[j] for j in group], axis=0) for group in groups_of(i) if group]
        out[i] = np.mean(means, axis=0)
    return out


def distance(v):
    n = len(v)
    d = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i != j:
                s = np.minimum(v[i], v[j]).sum()
                d[i, j] = max(0.0, 1 - s / (2 - s))
    return d


def weighted(lists, half_lists, m1, mh, s):
    n = len(s)
    r = [reciprocal(lists, i, m1) for i in range(n)]
    half = [reciprocal(half_lists, i, mh) for i in range(n)]
    return weights([expand(r, half, i) for i in range(n)], s)


def global_lists(score, width):
    n = len(score)
    return [rank(score, i, range(n))[:width] for i in range(n)]


def vanilla(s, k1, k2, *, list_width=None, score=None):
    lists = global_lists(s if score is None else score, list_width or k1)
    v = weighted(lists, lists, k1 + 1, round(k1 / 2) + 1, s)
    return v if k2 == 1 else average(v, lambda i: [lists[i][:k2]])


def lqe(s, k1, k2, modality, *, list_width=None):
    lists = global_lists(s, list_width or k1)
    v = weighted(lists, lists, k1 + 1, round(k1 / 2) + 1, s)
    if k2 == 1:
        return v
    return average(v, lambda i: [[j for j in lists[i][:k2] if modality[j] == m] for m in (0, 1)])


def modality_aware(s, k1, k2, modality, *, lqe_per_modality=None, half_list="merged"):
    n, h = len(s), k1 // 2
    quota = {}
    size = {m: sum(1 for x in modality if x == m) for m in (0, 1)}
    for m in (0, 1):
        quota[m] = min(size[m], h + max(0, h - size[1 - m]))
    of = {
        m: [rank(s, i, {j for j in range(n) if modality[j] == m})[: quota[m]] for i in range(n)]
        for m in (0, 1)
    }
    merged = [sorted(of[0][i] + of[1][i], key=lambda j: (-s[i, j], j)) for i in range(n)]
    mh = round(k1 / 2) + 1
    half = [merged[i][:mh] for i in range(n)]
    if half_list == "balanced":
        own = [of[modality[i]][i] for i in range(n)]
        other = [of[1 - modality[i]][i] for i in range(n)]
        half = [own[i][: mh - mh // 2] + other[i][: mh // 2] for i in range(n)]
    v = weighted(merged, half, k1 + 1, mh, s)
    if k2 == 1 and lqe_per_modality is None:
        return v
    alone = min(size.values()) == 0
    take = {m: lqe_per_modality or min(k2, quota[m] if alone else h) for m in (0, 1)}
    return average(v, lambda i: [of[m][i][: take[m]] for m in (0, 1)])


def camera_aware(  # noqa: PLR0913
    s, k1, k2, camera, *, k1_intra=5, k1_inter=20, k2_intra=3, k2_inter=3, rectify="both"
):
    n = len(s)
    intra = [rank(s, i, {j for j in range(n) if camera[j] == camera[i]}) for i in range(n)]
    inter = [rank(s, i, {j for j in range(n) if camera[j] != camera[i]}) for i in range(n)]
    overall = global_lists(s, k1 + 1)
    if rectify == "lqe":
        v = weighted(overall, overall, k1 + 1, round(k1 / 2) + 1, s)
    else:
        v = weights(
            [
                reciprocal(intra, i, k1_intra + 1) | reciprocal(inter, i, k1_inter + 1) or {i}
                for i in range(n)
            ],
            s,
        )
    if rectify == "sets":
        return v if k2 == 1 else average(v, lambda i: [overall[i][:k2]])
    return average(v, lambda i: [intra[i][:k2_intra] + inter[i][:k2_inter] or [i]])


def binary(s, k1):
    """Distances, not encodings."""
    lists = global_lists(s, k1)
    r = [reciprocal(lists, i, k1) for i in range(len(s))]
    return np.array([[1 - len(a & b) / len(a | b) for b in r] for a in r])


def dbscan(d, eps, min_samples):
    """Textbook DBSCAN on a dense distance; border images go to the first cluster found."""
    n = len(d)
    near = [[j for j in range(n) if d[i, j] <= eps or i == j] for i in range(n)]
    label, cluster = [-1] * n, 0
    for i in range(n):
        if label[i] != -1 or len(near[i]) < min_samples:
            continue
        label[i], stack = cluster, [i]
        while stack:
            p = stack.pop()
            if len(near[p]) < min_samples:
                continue
            for q in near[p]:
                if label[q] == -1:
                    label[q] = cluster
                    stack.append(q)
        cluster += 1
    return np.array(label)
