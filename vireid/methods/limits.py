"""Limits that settings of several methods share, as ``vireid.declared`` takes them.

Rows of ``ranges`` test one value, rows of ``relations`` a whole method. What a training would only
find out in stage 2 is refused here, when the method is built.
"""

from vireid.data.augment import RECIPES

TWICE = [name for name, recipe in RECIPES.items() if recipe.visible_second is not None]

RADIUS = (  # of ranges
    "eps global_eps camera_eps local_eps",
    lambda v: 0 < v < 1,
    "images with no neighbour in common are at Jaccard distance 1; give a radius in (0, 1), usual "
    "is 0.2 to 0.6",
)
LISTS = (  # of relations
    "k1 k2",
    lambda s: s.k2 <= s.k1,
    "k2 encodings are averaged out of a list of k1; give k2 from 1 to k1",
)


def _shows_twice(method) -> bool:
    """Whether the recipes have the second visible view, where batches show it."""
    names = (method.recipe, getattr(method, "stage2_recipe", None) or method.recipe)
    return "a" not in method.views or all(name in TWICE for name in names)


SECOND_VIEW = (
    "recipe stage2_recipe",
    _shows_twice,
    f"visible pictures are shown twice; give a recipe with two visible views: {', '.join(TWICE)}",
)

# of the global clustering of BMIL and of what learns from it
GLOBAL = (
    (
        "keep split_prototypes",
        lambda s: s.keep >= 2 or not s.split_prototypes or s.global_clusters in ("none", "intra"),
        "a cluster has two prototypes, one per modality, and both must be kept; give keep >= 2",
    ),
    (
        "k1 k2",
        lambda s: s.global_clusters != "modality" or s.k2 <= 2 * (s.k1 // 2),
        "balanced lists hold k1 // 2 of either modality; give k1 >= 2 and k2 from 1 to twice that",
    ),
    (
        "lqe_per_modality k1",
        lambda s: s.global_clusters != "modality" or (s.lqe_per_modality or 1) <= s.k1 // 2,
        "balanced lists hold k1 // 2 of either modality; give lqe_per_modality from 1 to that, or "
        "None",
    ),
)
