"""Neighbours region by region: each line one stripe of the picture, the last what they agree on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from vireid.arguments import as_array
from vireid.plots.base import INK
from vireid.plots.pictures import (
    RIGHT,
    caption,
    frame,
    modality_frame,
    same_person,
    sheet,
    thumbnail,
)
from vireid.types import Images

HEIGHT = 72  # pixels of a picture in the sheet
FADE = 0.25  # of the ink that stays outside the region a line is about


def in_stripe(picture: np.ndarray, region: int, regions: int) -> np.ndarray:
    """A picture that is pale but for one of its horizontal stripes, counted from the top."""
    rows = np.arange(len(picture)) * regions // len(picture)
    ink = np.where(rows == region, 1.0, FADE)[:, None, None]
    return np.round(255 - ink * (255.0 - picture)).astype(np.uint8)


def region_neighbours(
    images: Images,
    question: int,
    similarity,
    chosen,
    ax: Axes,
    *,
    agreed: Sequence[int],
    columns: int = 10,
    title: str = "",
) -> Axes:
    """A line per region with its nearest pictures, and a last line with those that agree.

    Parameters
    ----------
    images : the table; question : the picture that asks, its row
    similarity : (regions, n) of the question to every picture, -inf for those not asked
    chosen : (regions, n) bool: who is close enough in each region; framed, green for the same
        person, grey for another (for any, when it is not known who they are)
    agreed : rows of those chosen in enough regions
    columns : neighbours to a line, most similar first

    The question's stripe stands at the head of each line. Raises ValueError for tables that do not
    fit one another.
    """
    similarity, chosen = as_array(similarity), as_array(chosen)
    regions = len(similarity)
    if similarity.shape != (regions, len(images)) or chosen.shape != similarity.shape:
        raise ValueError(
            f"similarity {similarity.shape} and chosen {chosen.shape} for {len(images)} images: "
            "both are (regions, n)"
        )
    near = [_best(row, columns) for row in similarity]
    last = _best(np.where(np.isin(np.arange(len(images)), agreed), similarity.sum(0), -np.inf), 99)
    cells = [
        [in_stripe(thumbnail(images, int(i), HEIGHT), r, regions) for i in (question, *near[r])]
        for r in range(regions)
    ]
    cells.append([thumbnail(images, int(i), HEIGHT) for i in (question, *last[:columns])])
    places = sheet(ax, cells, above=10, lead=16)
    for r, (line, rows) in enumerate(zip(places, [*near, last[:columns]], strict=True)):
        modality_frame(ax, line[0], images.modality[question])
        head = f"region {r + 1}" if r < regions else "agreed"
        caption(ax, line[0], head, size=7)
        for place, i in zip(line[1:], rows, strict=False):
            inside = r == regions or chosen[r, i]
            value = similarity[r, i] if r < regions else similarity[:, i].sum()
            _mark(ax, place, f"{value:.2f}", inside, same_person(images, question, i))
    more = len(last) - columns
    tail = f" ({more} more agreed)" if more > 0 else ""
    ax.set_title(title + tail, loc="left", fontsize=10, color=INK)
    return ax


def _best(row: np.ndarray, k: int) -> np.ndarray:
    order = np.argsort(-row, kind="stable")[:k]
    return order[np.isfinite(row[order])]


def _mark(ax: Axes, place, text: str, inside: bool, same: bool) -> None:
    colour = RIGHT if same else INK
    if inside:
        frame(ax, place, RIGHT if same else "#999999", width=2.2, line="-" if same else ":")
    caption(ax, place, f"{text}{' ✓' if same else ''}", colour=colour, size=7)
