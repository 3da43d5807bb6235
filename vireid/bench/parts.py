"""What is measured: pairs of calls that compute the same, and how far their results differ."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vireid.bench import reference, worlds

EPS = 0.6
SYSU_PER_IDENTITY = 86  # SYSU-MM01: 34,167 training images of 395 people
SAMPLE = 64  # rows of a large matrix that are compared


@dataclass(frozen=True)
class Part:
    """Two calls and what to expect of them.

    Parameters
    ----------
    name, size : for the table
    goal : ratio of times to reach
    plain, ours : the reference and the library
    digest : what to keep of (both) results
    difference : of two digests, in words
    by : "cpu" or "wall" time
    """

    name: str
    size: str
    goal: float | None
    plain: Callable
    ours: Callable
    digest: Callable = np.asarray
    difference: Callable = lambda a, b: f"max {np.abs(a - b).max():.0e}"
    by: str = "cpu"


class Given:
    """Neighbours that were found before."""

    def __init__(self, x, index, similarity):
        from vireid.neighbours import Features

        self.features, self.n = Features(x), len(x)
        self.lists = index, similarity

    def nearest(self, k):
        """The lists."""
        import torch

        return tuple(torch.as_tensor(a[:, :k]) for a in self.lists)

    def pairs(self, i, j):
        """Similarities of pairs outside the lists."""
        return self.features.pairs(i, j)


def labels(n: int, goal: float = 6) -> Part:
    """Features to cluster labels, the step that opens every epoch."""
    from vireid.clustering import dbscan
    from vireid.jaccard import jaccard_distance

    x, _, _ = worlds.features(n)
    return Part(
        "features to DBSCAN labels",
        f"{n:,}",
        goal,
        lambda: reference.labels(x, EPS),
        lambda: dbscan(jaccard_distance(x, eps=EPS), eps=EPS),
        difference=_labels,
    )


def search(n: int) -> Part:
    """Nearest neighbours alone."""
    from vireid.neighbours import nearest

    x, _, _ = worlds.features(n)
    return Part(
        "30 nearest neighbours (peer: faiss flat)",
        f"{n:,}",
        2.5,
        lambda: reference.nearest(x, 30),
        lambda: nearest(x, 30),
        digest=lambda found: found,
        difference=_lists,
    )


def distances(n: int) -> list[Part]:
    """The Jaccard distance when the neighbours are known, by either backend."""
    from vireid.jaccard import encoding_distance, encoding_of_lists
    from vireid.jaccard.lists import lists_of

    x, _, _ = worlds.features(n)
    index, similarity = reference.nearest(x, 30)
    given = Given(x, index, similarity)

    def plain():
        return reference.jaccard(x, index)

    def ours(backend):
        lists = lists_of(given, "vanilla", 30, 6, {}, {})
        v = encoding_of_lists(given, lists, backend=backend)
        return encoding_distance(v, backend=backend)

    return [
        Part(
            f"Jaccard distance of given lists, {words}",
            f"{n:,}",
            goal,
            plain,
            lambda backend=backend: ours(backend),
            digest=_rows,
        )
        for backend, words, goal in (("compiled", "numba", 15), ("plain", "scipy only", 2))
    ]


def rules(n: int) -> list[Part]:
    """What the rules with two lists cost more than vanilla."""
    from vireid.jaccard import jaccard_distance

    x, camera, modality = worlds.features(n)
    return [
        Part(
            f"rule {rule} (peer: our vanilla)",
            f"{n:,}",
            round(1 / 1.2, 2),
            lambda: jaccard_distance(x),
            lambda rule=rule: jaccard_distance(x, rule=rule, modality=modality, camera=camera),
            digest=lambda graph: graph.nnz,
            difference=lambda a, b: "not the same distance",
        )
        for rule in ("modality", "camera")
    ]


def evaluation(protocol: str, queries: int, gallery: int) -> Part:
    """Scores of one protocol."""
    from vireid.evaluation import evaluate

    cameras = {"sysu": ((3, 6), (1, 2, 4, 5))}.get(protocol, (range(1, 10), range(1, 10)))
    people = {"sysu": 96, "regdb": 206}.get(protocol, 351)
    world = worlds.retrieval(queries, gallery, people, cameras)

    def ours():
        found = evaluate(*world, protocol=protocol)
        return [*found.cmc[[0, 4, 9, 19]], found.mAP, found.mINP]

    return Part(
        f"evaluate, {protocol} (peer: numpy, one query at a time)",
        f"{queries:,} x {gallery:,}",
        15,
        lambda: reference.evaluate(*world, protocol),
        ours,
    )


def transport(n: int, m: int, steps: int = 100) -> Part:
    """Sinkhorn with a fixed number of steps."""
    from vireid.association import sinkhorn

    cost = worlds.cost(n, m)
    single = cost.astype(np.float32)

    def ours():
        with warnings.catch_warnings():  # it says that it was stopped early, as it was asked to
            warnings.simplefilter("ignore", RuntimeWarning)
            return sinkhorn(single, lam=25, stop="code", tol=0, max_steps=steps)[0]

    def difference(a, b):
        return f"max {np.abs(a - b).max() * n:.0e} of a row's mass"

    return Part(
        f"Sinkhorn, {steps} steps (peer: POT, float64)",
        f"{n:,} x {m:,}",
        4,
        lambda: reference.sinkhorn(cost, 25, steps),
        ours,
        difference=difference,
    )


def label_transfer(n: int, m: int) -> Part:
    """MULT's labels of n visible and m infrared images, distances given."""
    from vireid.association import mult
    from vireid.clustering import dbscan
    from vireid.jaccard import jaccard_distance

    x, _, _ = worlds.features(n + m)
    sides = x[:n], x[n:]
    graphs = [jaccard_distance(side) for side in sides]
    labels = [dbscan(graph, eps=EPS) for graph in graphs]
    full = [_dense(graph) for graph in graphs]

    return Part(
        "MULT labels, distances given",
        f"{n:,} + {m:,}",
        2.5,
        lambda: reference.mult(*sides, *labels, *full),
        lambda: _tables(mult(*sides, *labels, distances=graphs)),
        digest=lambda tables: tables,
        difference=_soft,
    )


def epoch(n: int, m: int) -> Part:
    """All of MULT's labels of an epoch, from features."""
    from vireid.association import mult
    from vireid.clustering import dbscan
    from vireid.jaccard import jaccard_distance

    x, _, _ = worlds.features(n + m, per_identity=SYSU_PER_IDENTITY)
    sides = x[:n], x[n:]

    def ours():
        graphs = [jaccard_distance(side) for side in sides]
        labels = [dbscan(graph, eps=EPS) for graph in graphs]
        with warnings.catch_warnings():  # Sinkhorn meets its cap of 500 steps, as it may
            warnings.simplefilter("ignore", RuntimeWarning)
            return _tables(mult(*sides, *labels, distances=graphs)), 0.0

    def difference(a, b):
        return f"{_soft(a[0], b[0])}; {a[1]:.3g} s of the reference are diagonal products"

    return Part(
        "MULT, features to labels (peer: by diagonal matrices)",
        f"{n:,} + {m:,}",
        5,
        lambda: reference.mult_epoch(*sides, EPS),
        ours,
        digest=lambda found: found,
        difference=difference,
    )


def _tables(found) -> list[np.ndarray]:
    order = (found.visible_in_v, found.infrared_in_v, found.infrared_in_r, found.visible_in_r)
    return [np.asarray(table) for table in order]


def _soft(a, b) -> str:
    """Largest difference of soft labels, if both sides have the same clusters."""
    clusters = [[table.shape[1] for table in tables] for tables in (a, b)]
    if clusters[0] != clusters[1]:
        return f"{clusters[0]} and {clusters[1]} clusters"
    return f"max {max(np.abs(p - q).max() for p, q in zip(a, b, strict=True)):.0e}"


def _dense(graph) -> np.ndarray:
    full = np.ones(graph.shape, dtype=np.float32)
    pairs = graph.tocoo()
    full[pairs.coords] = pairs.data
    return full


def _rows(distance) -> np.ndarray:
    """Some rows of a dense or sparse distance, dense."""
    rows = np.linspace(0, distance.shape[0] - 1, min(SAMPLE, distance.shape[0])).astype(int)
    if isinstance(distance, np.ndarray):
        return distance[rows]
    picked = distance[rows]
    full = np.ones(picked.shape, dtype=np.float32)
    full[picked.tocoo().coords] = picked.data
    return full


def _labels(a, b) -> str:
    return "identical" if (a == b).all() else f"{(a != b).sum()} of {len(a)} labels differ"


def _lists(a, b) -> str:
    """Entries that differ, and by how much similarity at most (ties)."""
    differ = a[0] != b[0]
    if not differ.any():
        return "identical"
    gap = np.abs(a[1] - b[1])[differ].max()
    return f"{differ.sum()} of {differ.size:,} entries differ, by {gap:.0e}"
