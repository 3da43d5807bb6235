"""Inputs of the benchmark: features with the structure of a re-identification set, no pictures."""

import numpy as np

PER_IDENTITY = 56  # SYSU-MM01's training set has 34,167 images of 395 people, 86 each


def features(
    n: int, d: int = 2048, seed: int = 0, *, per_identity: int = PER_IDENTITY
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit rows (n, d) as in the middle of a training, their cameras (0-3) and modalities.

    Identity, camera, a pose of 16 dimensions and noise add up; cameras 2 and 3 are infrared.
    """
    rng = np.random.default_rng(seed)
    people = -(-n // per_identity)
    identity, camera = np.arange(n) % people, rng.integers(0, 4, n)
    x = rng.normal(size=(people, d)).astype(np.float32)[identity]
    x += 0.5 * rng.normal(size=(4, d)).astype(np.float32)[camera]
    pose = rng.normal(size=(n, 16)) @ rng.normal(size=(16, d)) / 4
    x += pose.astype(np.float32)
    x += rng.standard_normal((n, d), dtype=np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x, camera, (camera > 1).astype(int)


def retrieval(queries: int, gallery: int, people: int, cameras, seed: int = 0):
    """Similarity (q, g), identities and cameras of queries and gallery."""
    rng = np.random.default_rng(seed)
    identity = [rng.permutation(np.arange(n) % people) for n in (queries, gallery)]
    camera = [rng.choice(c, n) for c, n in zip(cameras, (queries, gallery), strict=True)]
    same = identity[0][:, None] == identity[1]
    return (rng.normal(size=same.shape) + 1.5 * same, *identity, *camera)


def cost(n: int, m: int, d: int = 64, seed: int = 0) -> np.ndarray:
    """Squared distances (n, m) of unit rows, in [0, 4]."""
    rng = np.random.default_rng(seed)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True)
            for x in (rng.normal(size=(n, d)), rng.normal(size=(m, d))))  # fmt: skip
    return 2 - 2 * a @ b.T
