"""The embedding map: every image a point; hover to see it, draw a lasso to see a group."""

import base64
import io
import time

import ipywidgets as W
import numpy as np
from PIL import Image

from vireid.plots import (
    MODALITY_COLOUR,
    canvas,
    contact_sheet,
    thumbnail,
)
from vireid.plots import (
    embedding_map as plot_map,
)
from vireid.plots.base import as_array
from vireid.types import Images, Modality
from vireid.widgets.panel import Drawing, Picture, show


class EmbeddingMap:
    """A map on the left, the pictures of the selection on the right.

    A lasso selects with the mouse; with the keyboard, the slider selects an image and the images
    around it on the map.

    Parameters
    ----------
    images : the table; points : (n, 2) its layout, from ``plots.project``
    labels : (n,) pseudo-labels to colour by instead of by modality, or None
    axis : what the map is, e.g. "UMAP"
    start : the image to begin with
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
        self.labels = None if labels is None else as_array(labels)
        self.picture = Picture()
        self.slider = W.IntSlider(
            start, 0, len(images) - 1, description="around", layout=W.Layout(width="380px")
        )
        self.scatter = self._scatter()
        self.slider.observe(self._slid, names="value")
        self.scatter.widget.observe(self._lassoed, names="selection")
        right = W.VBox([self.slider, self.picture], layout=W.Layout(width="490px"))
        left = W.Box([self.scatter.show()], layout=W.Layout(width="480px"))
        self.widget = W.HBox([left, right], layout=W.Layout(flex_flow="row wrap"))
        self.widget.add_class("vireid-map")
        self.select(self.near(start))

    def near(self, image: int) -> np.ndarray:
        """The image and those around it on the map, nearest first."""
        gap = np.linalg.norm(self.points - self.points[image], axis=1)
        return np.argsort(gap, kind="stable")[: self.around]

    def select(self, rows) -> None:
        """Mark these rows on the map and show their pictures."""
        start = time.perf_counter()
        self.selection = np.asarray(rows, dtype=int)
        self.scatter.selection(self.selection)
        if len(self.selection):
            self.picture.put(*self.sheet())
        else:
            self.picture.say(
                "Nothing selected: draw a lasso around some points, or use the slider."
            )
        self.seconds = time.perf_counter() - start

    def sheet(self) -> Drawing:
        """The selected pictures and what they are."""
        rows, images = self.selection, self.images
        counts = ", ".join(f"{int((images.modality[rows] == m).sum())} {m.word}" for m in Modality)
        hidden = f" ({self.largest} shown)" if len(rows) > self.largest else ""
        title = f"{len(rows)} selected{hidden}: {counts}"
        if images.identity is not None:
            title += f"; {len(np.unique(images.identity[rows]))} people"
        shown = rows[: self.largest]
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
        shown = self.selection[: self.largest]
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
        rows = [] if change["new"] is None else np.asarray(change["new"])
        if not np.array_equal(np.sort(rows), np.sort(self.selection)):
            self.select(rows)

    def _scatter(self):
        import jscatter
        import pandas as pd

        images = self.images
        words = np.array([m.word for m in Modality])[images.modality]
        table = pd.DataFrame({"x": self.points[:, 0], "y": self.points[:, 1], "modality": words})
        table["camera"] = [str(c) for c in images.camera]
        if images.identity is not None:
            table["person"] = [str(p) for p in images.identity]
        if self.labels is not None:
            table["cluster"] = ["none" if c < 0 else str(c) for c in self.labels]
        table["picture"] = [_data_url(thumbnail(images, i, 128)) for i in range(len(images))]
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        middle, reach = (low + high) / 2, 0.58 * (high - low).max()
        (left, right), (bottom, top) = [(m - reach, m + reach) for m in middle.tolist()]
        scatter = jscatter.Scatter(data=table, x="x", y="y", width=440, height=420)
        scatter.x(scale=(left, right)).y(scale=(bottom, top))
        scatter.mouse("lasso")
        scatter.color(by="modality", map={m.word: MODALITY_COLOUR[m] for m in Modality})
        scatter.size(by="modality", map={Modality.VISIBLE.word: 7, Modality.INFRARED.word: 5})
        scatter.axes(False)
        told = [c for c in ("modality", "camera", "person", "cluster") if c in table]
        scatter.tooltip(
            True, properties=told, preview="picture", preview_type="image",
            preview_image_height=128, size="small",
        )  # fmt: skip
        return scatter


def _data_url(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def embedding_map(images: Images, points, **options) -> EmbeddingMap:
    """An ``EmbeddingMap`` of a table and its layout; see there."""
    return EmbeddingMap(images, points, **options)
