"""The embedding map: every image a point; hover to see it, draw a lasso to see a group."""

import time

import ipywidgets as W
import numpy as np

from vireid.arguments import as_array
from vireid.plots import canvas, contact_sheet
from vireid.plots import embedding_map as plot_map
from vireid.plots.base import modality_groups
from vireid.types import Images, Modality
from vireid.widgets.panel import Drawing, Picture, people_told, show
from vireid.widgets.scatter import scatter


class EmbeddingMap:
    """A map on the left, the pictures of the selection on the right.

    A lasso selects with the mouse; with the keyboard, the slider selects an image and the images
    around it on the map.

    Parameters
    ----------
    images : the table; points : (n, 2) its layout, from ``plots.project``
    labels : (n,) pseudo-labels to name on hover, or None
    axis : what the map is, e.g. "UMAP"
    start : the image to begin with, the last one where there are fewer
    around : how many images the slider selects
    largest : at most this many pictures are drawn of a selection

    Attributes
    ----------
    widget : the whole thing; selection : row numbers; seconds : how long the last update took
    """

    def __init__(
        self, images: Images, points, *, labels=None, axis="map", start=0, around=12, largest=24
    ):  # fmt: skip
        self.images, self.points, self.axis = images, as_array(points), axis
        if self.points.shape != (len(images), 2):
            raise ValueError(
                f"points has shape {self.points.shape} for {len(images)} images; "
                "give plots.project(x) of the same table"
            )
        self.around, self.largest, self.seconds = around, largest, 0.0
        self.picture = Picture()
        self.slider = W.IntSlider(
            start, 0, len(images) - 1, description="around", layout=W.Layout(width="380px")
        )
        labels = None if labels is None else as_array(labels)
        self.scatter = scatter(images, self.points, labels=labels, axis=axis)
        self.slider.observe(self._slid, names="value")
        self.scatter.observe(self._lassoed, names="selection")
        right = W.VBox([self.slider, self.picture], layout=W.Layout(width="490px"))
        left = W.Box([self.scatter], layout=W.Layout(width="480px"))
        self.widget = W.HBox([left, right], layout=W.Layout(flex_flow="row wrap"))
        self.widget.add_class("vireid-map")
        self.select(self.near(self.slider.value))

    def near(self, image: int) -> np.ndarray:
        """The image and those around it on the map, nearest first."""
        gap = np.linalg.norm(self.points - self.points[image], axis=1)
        return np.argsort(gap, kind="stable")[: self.around]

    def select(self, rows) -> None:
        """Mark these rows on the map and show their pictures."""
        start = time.perf_counter()
        self.selection = np.asarray(rows, dtype=int)
        self.scatter.selection = self.selection.tolist()
        if len(self.selection):
            self.picture.put(*self.sheet())
        else:
            self.picture.say(
                "Nothing selected: draw a lasso around some points, or use the slider."
            )
        self.seconds = time.perf_counter() - start

    def shown(self) -> np.ndarray:
        """The selected rows that are drawn: of many, either modality gets its share of places."""
        rows = self.selection
        if len(rows) <= self.largest:
            return rows
        groups = [rows[at] for _, at in modality_groups(self.images.modality[rows])]
        places = [round(self.largest * len(group) / len(rows)) for group in groups]
        most = self.largest - len(groups) + 1
        places = [min(max(1, place), most) for place in places]
        spread = [
            g[np.linspace(0, len(g) - 1, k).round().astype(int)]
            for g, k in zip(groups, places, strict=True)
        ]
        return np.concatenate(spread)

    def sheet(self) -> Drawing:
        """The selected pictures and what they are."""
        rows, images = self.selection, self.images
        counts = ", ".join(f"{int((images.modality[rows] == m).sum())} {m.word}" for m in Modality)
        shown = self.shown()
        hidden = f" ({len(shown)} shown)" if len(rows) > len(shown) else ""
        title = f"{len(rows)} selected{hidden}: {counts}"
        if images.identity is not None:
            title += f"; {people_told(images.identity[rows])}"
        figure, ax = canvas(width=4.8, height=0.4 + 1.25 * -(-len(shown) // 6))
        contact_sheet(images, ax, rows=shown, columns=6, title=title)
        return figure, f"Pictures of the selection. {title}."

    def still(self) -> Drawing:
        """The map as a plot, beside the selected pictures."""
        figure, (left, right) = canvas(2, width=9.4, height=4.2, ratios=[1.2, 1])
        plot_map(self.points, self.images.modality, left, axis=self.axis)
        left.plot(
            *self.points[self.selection].T, "o", ms=10, mfc="none", mec="#222222", mew=0.8, ls=""
        )
        shown = self.shown()
        contact_sheet(self.images, right, rows=shown, columns=6)
        right.set_title(f"the {len(shown)} circled images", loc="left", fontsize=10)
        own = ", ".join(f"{int((self.images.modality == m).sum())} {m.word}" for m in Modality)
        return figure, (
            f"{self.axis} map of {len(self.images)} images ({own}); {len(shown)} circled ones are "
            "shown as pictures beside it."
        )

    def show(self) -> None:
        """Display the live map with a still of it."""
        show(self.widget, *self.still())

    def _slid(self, change) -> None:
        self.select(self.near(change["new"]))

    def _lassoed(self, change) -> None:
        if not np.array_equal(np.sort(change["new"]), np.sort(self.selection)):
            self.select(change["new"])


def embedding_map(images: Images, points, **options) -> EmbeddingMap:
    """An ``EmbeddingMap`` of a table and its layout; see there."""
    return EmbeddingMap(images, points, **options)
