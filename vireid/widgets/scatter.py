"""Points in the plane, drawn in the browser: one mark a modality, a lasso, pictures on hover."""

import base64
import io
from pathlib import Path

import anywidget
import numpy as np
import traitlets as T
from PIL import Image

from vireid.plots import MODALITY_COLOUR, MODALITY_MARKER, thumbnail
from vireid.types import Images, Modality

HEIGHT = 128  # pixels of a picture on hover


class Scatter(anywidget.AnyWidget):
    """Visible circles and infrared triangles with a legend; ``selection`` is what a lasso holds."""

    _esm = Path(__file__).with_suffix(".js")
    points = T.List().tag(sync=True)  # (n, 2) in [0, 1]
    kind = T.List().tag(sync=True)  # (n,) rows of ``kinds``
    kinds = T.List().tag(sync=True)  # word, colour, marker
    told = T.List().tag(sync=True)  # (n,) words on hover
    pictures = T.List().tag(sync=True)  # (n,) data URLs
    size = T.List([440, 420]).tag(sync=True)
    label = T.Unicode().tag(sync=True)  # for those who cannot see it
    selection = T.List().tag(sync=True)


def scatter(images: Images, points, *, labels=None, axis: str = "map") -> Scatter:
    """A ``Scatter`` of a table.

    Parameters
    ----------
    images : the table; points : (n, 2) its layout
    labels : (n,) pseudo-labels to name on hover, or None; axis : what the map is
    """
    low, reach = points.min(0), max(float(np.ptp(points, axis=0).max()), 1e-9)
    centred = (points - low - np.ptp(points, axis=0) / 2) / reach + 0.5
    counts = {m: int((images.modality == m).sum()) for m in Modality}
    return Scatter(
        points=centred.astype(float).tolist(),
        kind=[int(m) for m in images.modality],
        kinds=[
            {"word": f"{m.word} (n = {counts[m]:,})", "colour": MODALITY_COLOUR[m],
             "marker": MODALITY_MARKER[m]}
            for m in Modality
        ],
        told=[_told(images, labels, i) for i in range(len(images))],
        pictures=[_data_url(thumbnail(images, i, HEIGHT)) for i in range(len(images))],
        label=f"{axis} map of {len(images)} images: circles are visible, triangles infrared.",
    )  # fmt: skip


def _told(images: Images, labels, i: int) -> str:
    told = f"image {i}, {Modality(int(images.modality[i])).word}, camera {images.camera[i]}"
    if images.identity is not None and images.identity[i] != -1:
        told += f", person {images.identity[i]}"
    if labels is not None:
        told += ", outlier" if labels[i] < 0 else f", cluster {labels[i]}"
    return told


def _data_url(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
