"""Sheets of pictures: contact sheets, and ranked answers with right and wrong marked."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from vireid.arguments import as_array
from vireid.plots.base import INK, MODALITY_COLOUR, MODALITY_LINE, PALETTE
from vireid.types import Images, Modality

RIGHT = PALETTE[2]


def thumbnail(images: Images, i: int, height: int = 96) -> np.ndarray:
    """Picture i as uint8 RGB, ``height`` pixels high, at the table's own width to height ratio."""
    picture = Image.fromarray(images.picture(i))
    width = max(1, round(height * images.size[1] / images.size[0]))
    if picture.size == (width, height):
        return np.asarray(picture)
    whole = height % picture.height == 0 and width % picture.width == 0
    kind = Image.Resampling.NEAREST if whole else Image.Resampling.BICUBIC
    return np.asarray(picture.resize((width, height), kind))


def sheet(
    ax: Axes,
    cells: Sequence[Sequence[np.ndarray | None]],
    *,
    gap: int = 10,
    above: int = 0,
    lead: int = 0,
) -> list[list[tuple[int, int, int, int]]]:
    """Draw rows of equally large pictures as one image; returns (left, top, width, height) of each.

    Parameters
    ----------
    cells : None leaves a place empty
    gap : white pixels between pictures
    above : extra ones over each row, for captions
    lead : extra ones after the first picture of each row, to set a question apart from its answers
    """
    height, width = next(c for row in cells for c in row if c is not None).shape[:2]
    columns = max(map(len, cells))
    step_x, step_y = width + gap, height + gap + above
    paper = np.full((len(cells) * step_y + gap, columns * step_x + gap + lead, 3), 255, np.uint8)
    places = []
    for r, row in enumerate(cells):
        places.append([])
        for c, cell in enumerate(row):
            top, left = gap + above + r * step_y, gap + c * step_x + lead * (c > 0)
            if cell is not None:
                paper[top : top + height, left : left + width] = cell
            places[-1].append((left, top, width, height))
    ax.imshow(paper, interpolation="antialiased", aspect="equal")
    ax.set_axis_off()
    return places


def frame(ax: Axes, place, colour: str, *, line: str = "-", width: float = 2.0) -> None:
    """A rectangle just outside a picture of a sheet."""
    left, top, w, h = place
    ax.add_patch(
        Rectangle(
            (left - 2.5, top - 2.5), w + 4, h + 4, fill=False, ec=colour, ls=line, lw=width,
            clip_on=False,
        )
    )  # fmt: skip


def modality_frame(ax: Axes, place, modality: int) -> None:
    """The frame that says which modality: solid blue visible, dashed vermillion infrared."""
    modality = Modality(int(modality))
    frame(ax, place, MODALITY_COLOUR[modality], line=MODALITY_LINE[modality], width=1.6)


def caption(ax: Axes, place, text: str, *, colour: str = INK, size: float = 8) -> None:
    """A short text centred over a picture of a sheet."""
    left, top, width, _ = place
    ax.text(left + width / 2, top - 5, text, ha="center", va="bottom", fontsize=size, color=colour)


def twins(shots: Sequence, ax: Axes, *, size: tuple[int, int] = (96, 48), title: str = "") -> Axes:
    """Shots of SynthVI as they are in visible light (above) and with only the modality changed.

    Parameters
    ----------
    shots : ``vireid.data.synthvi.Shot`` each; pose, camera place and noise stay the same
    size : (height, width) of each picture in pixels
    """
    from vireid.data.synthvi import render

    lines = [[render(shot.do(modality=m), size) for shot in shots] for m in Modality]
    for modality, line in zip(Modality, sheet(ax, lines), strict=True):
        for place in line:
            modality_frame(ax, place, modality)
    ax.set_title(title, loc="left", fontsize=10, color=INK)
    return ax


def contact_sheet(
    images: Images,
    ax: Axes,
    *,
    rows: Sequence[int] | None = None,
    columns: int = 12,
    captions: Sequence[str] | None = None,
    title: str | None = None,
) -> Axes:
    """The pictures of the given rows (default all), framed by modality, ``columns`` to a line.

    Captions stand over the pictures; the title says how many pictures of each modality are shown.
    """
    rows = np.arange(len(images)) if rows is None else as_array(rows)
    if not len(rows):
        raise ValueError("rows is empty; a contact sheet needs at least one picture")
    cells = [thumbnail(images, int(i)) for i in rows]
    lines = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    places = sheet(ax, lines, above=14 if captions is not None else 0)
    flat = [place for line in places for place in line]
    for j, i in enumerate(rows):
        modality_frame(ax, flat[j], images.modality[i])
        if captions is not None:
            caption(ax, flat[j], str(captions[j]), size=7)
    if title is None:
        shown = images.modality[rows]
        title = ", ".join(f"{int((shown == m).sum())} {m.word}" for m in Modality if m in shown)
    ax.set_title(title, loc="left", fontsize=10, color=INK)
    return ax


def retrieval_sheet(
    query: Images,
    gallery: Images,
    order,
    ax: Axes,
    *,
    rows: Sequence[int] | None = None,
    answers: int = 8,
) -> Axes:
    """Questions on the left, their best answers in order; right ones framed with a tick.

    Parameters
    ----------
    query, gallery : tables with identities (this is evaluation: the truth is needed)
    order : (queries, at least ``answers``) gallery rows, best first
    rows : the queries to show (default the first six)

    Raises ValueError when an identity is missing or order is too narrow.
    """
    if query.identity is None or gallery.identity is None:
        raise ValueError("identity is None; a retrieval sheet marks right answers and needs it")
    order = as_array(order)
    if order.ndim != 2 or order.shape[1] < answers:
        raise ValueError(f"order has shape {order.shape}; {answers} answers need as many columns")
    rows = np.arange(min(6, len(query))) if rows is None else as_array(rows)
    lines = [
        [thumbnail(query, int(q)), *(thumbnail(gallery, int(g)) for g in order[q, :answers])]
        for q in rows
    ]
    places = sheet(ax, lines, above=14, lead=24)
    hits = 0
    for q, line in zip(rows, places, strict=True):
        modality_frame(ax, line[0], query.modality[q])
        caption(ax, line[0], f"person {query.identity[q]}", size=7)
        for rank, place in enumerate(line[1:], 1):
            right = gallery.identity[order[q, rank - 1]] == query.identity[q] != -1
            hits += right and rank == 1
            mark_answer(ax, place, rank, right)
    title = f"first answer right in {hits} of {len(rows)}"
    ax.set_title(title, loc="left", fontsize=10, color=INK)
    return ax


def same_person(images: Images, a: int, b: int) -> bool:
    """Whether two rows are known to show one person; identity -1 is unknown and equals nobody's."""
    identity = images.identity
    return identity is not None and identity[a] == identity[b] != -1


def best_answers(test, query, gallery, k: int = 8) -> np.ndarray:
    """Gallery rows (queries, k), best first, of a test's first trial, by cosine similarity.

    Parameters
    ----------
    test : ``retrieval_task.RetrievalTask``; gallery pictures that its protocol leaves out for a
        query come last
    query, gallery : Embeddings of its two tables
    """
    from vireid.evaluation import kept_pairs

    rows = test.trials[0]
    keep = kept_pairs(
        test.query.identity, test.gallery.identity[rows],
        test.query.camera, test.gallery.camera[rows], protocol=test.protocol,
    )  # fmt: skip
    similarity = as_array(query.x) @ as_array(gallery.x)[rows].T  # (q, g)
    similarity = np.where(keep, similarity, -np.inf)
    return rows[np.argsort(-similarity, axis=1, kind="stable")[:, :k]]


def mark_answer(ax: Axes, place, rank: int, right: bool) -> None:
    """Frame and tick for a right answer, a cross for a wrong one, with its rank."""
    if right:
        frame(ax, place, RIGHT, width=2.6)
    caption(ax, place, f"{rank} {'✓' if right else '✗'}", colour=RIGHT if right else INK)
