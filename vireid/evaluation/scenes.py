"""The person or the place? Answers told apart by the scene in which a picture was taken."""

import numpy as np

from vireid.arguments import whole_numbers
from vireid.evaluation.given import table


def scene_scores(
    similarity, query_identity, gallery_identity, query_scene, gallery_scene
) -> dict[str, float]:
    """How often the best answer is from the right scene, and who is found when the scene is given.

    Features can find a place by its background. In data where a scene shows in both modalities, a
    rank-1 says nothing about people before these have been seen.

    Parameters
    ----------
    similarity : (q, g), larger is nearer; ties fall to the first of the gallery
    query_identity, gallery_identity : (q,), (g,)
    query_scene, gallery_scene : (q,), (g,) whole numbers, the same number for the same place

    Returns
    -------
    Fractions in [0, 1]. ``right_scene``: queries whose best answer is from their own scene;
    ``rank1_in_scene``: rank-1 when only pictures of the query's scene are in its gallery;
    ``chance_in_scene``: what a random picture of that scene would reach. Each over the queries
    whose person is in the gallery's part of their scene.

    Raises ValueError for wrong shapes, unknown people (-1), or when no such query is there.
    Source: ours.
    """
    similarity, query, gallery = table(similarity, query_identity, gallery_identity)
    places = [whole_numbers(v, n) for v, n in ((query_scene, "query"), (gallery_scene, "gallery"))]
    if places[0].shape != query.shape or places[1].shape != gallery.shape:
        raise ValueError(f"scenes of shape {places[0].shape} and {places[1].shape}; one a picture")
    here = places[0][:, None] == places[1]  # (q, g)
    right = (query[:, None] == gallery) & here
    counted = right.any(1)
    if not counted.any():
        raise ValueError("no query's person is in the gallery in the query's own scene")
    similarity, here, right = similarity[counted], here[counted], right[counted]
    row = np.arange(len(similarity))
    best, within = (s.argmax(1) for s in (similarity, np.where(here, similarity, -np.inf)))
    return {
        "right_scene": float(here[row, best].mean()),
        "rank1_in_scene": float(right[row, within].mean()),
        "chance_in_scene": float((right.sum(1) / here.sum(1)).mean()),
    }
