"""The cluster explorer: turn DBSCAN's radius, leaf through the clusters it finds."""

import ipywidgets as W
import numpy as np

from vireid.clustering import dbscan
from vireid.evaluation import cluster_scores
from vireid.plots import canvas, contact_sheet, sweep
from vireid.types import Images
from vireid.widgets.panel import Drawing, Panel, people_told

SHOWN = 24  # pictures of a cluster
GRID = tuple(np.round(np.arange(0.1, 0.96, 0.05), 2).tolist())


class Clusterings:
    """DBSCAN at every radius of a grid, done beforehand so that the slider answers at once.

    Parameters
    ----------
    images : the table; with everybody's identity, the agreement with them is known too
    distance : (n, n) Jaccard distance of it; min_samples : of DBSCAN

    Attributes
    ----------
    labels : radius -> (n,) labels, the largest cluster first; clusters, outliers : (radii,) counts;
    ari : (radii,) adjusted Rand index of the clustered images with the truth; None unless the
        identity of all is known (-1 is unknown)
    """

    def __init__(self, images: Images, distance, *, min_samples: int = 4):
        self.images = images
        found = [dbscan(distance, eps=eps, min_samples=min_samples) for eps in GRID]
        self.labels = {e: by_size(np.asarray(f)) for e, f in zip(GRID, found, strict=True)}
        self.clusters = [int(f.max(initial=-1)) + 1 for f in self.labels.values()]
        self.outliers = [int((f < 0).sum()) for f in self.labels.values()]
        self.ari = None
        if everybody_known(images):
            scored = [cluster_scores(f, images.identity)["ari"] for f in self.labels.values()]
            self.ari = [np.nan if k < 2 else s for k, s in zip(self.clusters, scored, strict=True)]

    @property
    def best(self) -> float:
        """The radius of the largest ARI: known to us, who have the truth, and to no method.

        Raises ValueError where identities are hidden or unknown, and where no radius gives two
        clusters.
        """
        if self.ari is None or np.isnan(self.ari).all():
            lack = "no radius gives two clusters"
            if self.ari is None:
                hidden = self.images.identity is None
                lack = f"identities are {'hidden' if hidden else 'unknown (-1) for some images'}"
            raise ValueError(f"there is no best radius: {lack}")
        return GRID[int(np.nanargmax(self.ari))]


def everybody_known(images: Images) -> bool:
    """Whether the identity of every picture is known: not hidden, and none of them -1."""
    return images.identity is not None and bool((images.identity != -1).all())


def by_size(label: np.ndarray) -> np.ndarray:
    """The same clusters, renumbered so that 0 is the largest; outliers stay -1."""
    if (label < 0).all():
        return label
    order = np.argsort(-np.bincount(label[label >= 0]), kind="stable")
    return np.where(label < 0, -1, np.argsort(order)[label])


def clusters(
    images: Images, distance, *, min_samples: int = 4, eps: float = 0.55, cluster: int = 0
) -> Panel:
    """A slider over DBSCAN's radius and one over the clusters; the pictures of that cluster.

    Parameters
    ----------
    images : the table; distance : (n, n) Jaccard distance of it
    eps : the radius to begin with (the nearest of the grid); cluster : the cluster, 0 the largest
    """
    table = Clusterings(images, distance, min_samples=min_samples)
    start = min(GRID, key=lambda value: abs(value - eps))

    def draw(eps: float, cluster: int) -> Drawing:
        return _draw(table, eps, cluster)

    wide = {"layout": W.Layout(width="380px")}
    radius = W.SelectionSlider(options=list(GRID), value=start, description="eps", **wide)
    last = {eps: max(0, found - 1) for eps, found in zip(GRID, table.clusters, strict=True)}
    which = W.IntSlider(min(cluster, last[start]), 0, last[start], description="cluster", **wide)
    radius.observe(lambda change: setattr(which, "max", last[change["new"]]), names="value")
    return Panel(draw, {"eps": radius, "cluster": which})


def _draw(table: Clusterings, eps: float, cluster: int) -> Drawing:
    images, label, at = table.images, table.labels[eps], GRID.index(eps)
    margins = {"left": 0.06, "right": 0.99, "bottom": 0.26, "top": 0.9, "wspace": 0.1}
    figure, (left, right) = canvas(2, width=9.4, height=3.6, ratios=[1, 1.35], margins=margins)
    lines = {"clusters": table.clusters, "outliers": table.outliers}
    truth = {"people": len(np.unique(images.identity))} if everybody_known(images) else None
    found = f"eps {eps:g}: {table.clusters[at]} clusters, {table.outliers[at]} outliers"
    if table.ari is not None:
        found += f", ARI {table.ari[at]:.2f}"
    sweep(
        GRID, lines, left, xlabel="eps (Jaccard distance)", ylabel="count", chosen=eps,
        reference=truth, title=found,
    )  # fmt: skip
    if not table.clusters[at]:
        right.set_axis_off()
        return figure, f"At {found}. Every image is an outlier."
    cluster = min(cluster, table.clusters[at] - 1)
    rows = np.flatnonzero(label == cluster)
    told = f"cluster {cluster}: {len(rows)} images"
    if images.identity is not None:
        told += f", {people_told(images.identity[rows])}"
    told += f" ({SHOWN} shown)" if len(rows) > SHOWN else ""
    contact_sheet(images, right, rows=rows[:SHOWN], columns=8, title=told)
    return figure, f"At {found}. Pictures of {told}."
