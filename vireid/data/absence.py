"""Natural absence, made on purpose: some training people are seen in one modality only."""

from dataclasses import replace
from numbers import Real

import numpy as np

from vireid.arguments import check_seed
from vireid.types import Embeddings, Images, Modality

SIDES = ("both", "visible", "infrared")


def absent(images: Images, share: float, *, side: str = "both", seed: int = 0) -> Images:
    """A training table in which a share of the people lost the pictures of one modality.

    Parameters
    ----------
    images : a training table with identities: they say whose pictures to take away, and training
        does not see them
    share : of the people seen in both modalities, in [0, 1]; ``round(share * people)`` of them
    side : what they lose, "visible", "infrared", or "both": half of them the one, half the other
    seed : of the draw, a whole number from 0

    The name tells share, side and seed, the fingerprint changes with the rows; ``absentees`` tells
    who lost what. A smaller share's people are among a larger one's. Raises ValueError without
    identities, for a share, side or seed outside, for a share that is nobody, and when no picture
    of a modality would be left.
    """
    lost = absentees(images, share, side=side, seed=seed)
    if share and not lost:
        if share == 1:
            raise ValueError(f"share={share}: nobody is seen in both modalities; give 0")
        raise ValueError(
            f"share={share} of the people seen in both modalities is nobody; give 0 or a larger one"
        )
    if not lost:
        return images
    left = images.rows(remaining(images, lost))
    for modality in Modality:
        if not len(left.of(modality)):
            raise ValueError(f"share={share}, side={side!r} leaves no {modality.word} picture")
    return replace(left, name=f"{images.name}, {share:g} absent ({side}, seed {seed})")


def remaining(table: Images | Embeddings, lost: dict[int, Modality]) -> np.ndarray:
    """(n,) whether a row stays when these people lose these modalities."""
    rows = zip(table.identity.tolist(), table.modality.tolist(), strict=True)
    return np.array([lost.get(person) != modality for person, modality in rows])


def absentees(
    images: Images | Embeddings, share: float, *, side: str = "both", seed: int = 0
) -> dict[int, Modality]:
    """Person -> the modality whose pictures ``absent`` takes away, in the order drawn."""
    if images.identity is None:
        name = getattr(images, "name", "the table")
        raise ValueError(f"{name} has no identities; they say whose pictures to take away")
    if not isinstance(share, Real) or not 0 <= share <= 1:
        raise ValueError(f"share={share}: give a share of the people, from 0 to 1")
    if side not in SIDES:
        raise ValueError(f"side={side!r} is unknown; known: {', '.join(SIDES)}")
    seen = [set(images.of(modality).identity.tolist()) for modality in Modality]
    people = sorted(person for person in seen[0] & seen[1] if person >= 0)
    rng = np.random.default_rng(check_seed(seed))
    drawn = rng.permutation(people)[: round(share * len(people))]
    sides = tuple(Modality) if side == "both" else (Modality[side.upper()],)
    return {int(person): sides[i % len(sides)] for i, person in enumerate(drawn)}
