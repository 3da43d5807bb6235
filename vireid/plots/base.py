"""What all figures share: colours and shapes, an empty canvas, axes in house style, PNG output."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from vireid.arguments import as_array
from vireid.plots import lecture
from vireid.types import Modality

# Okabe and Ito's palette and two of Tol's, safe for colour-blind readers; the first two are the
# modalities'.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#B8A500",
    "#882255", "#332288",
)  # fmt: skip
MODALITY_COLOUR = {Modality.VISIBLE: PALETTE[0], Modality.INFRARED: PALETTE[1]}
COLOURS = PALETTE[2:]  # for anything that is not a modality
MODALITY_MARKER = {Modality.VISIBLE: "o", Modality.INFRARED: "^"}
MODALITY_LINE = {Modality.VISIBLE: "-", Modality.INFRARED: "--"}
INK, FAINT = "#222222", "#D8D8D8"
DPI = 100


def canvas(
    columns: int = 1,
    rows: int = 1,
    *,
    width: float = 7.0,
    height: float = 3.2,
    ratios: Sequence[float] | None = None,
    margins: Mapping[str, float] | None = None,
) -> tuple[Figure, Axes | np.ndarray]:
    """An empty figure of width x height inches; returns (figure, Axes or an array of them).

    Like ``pyplot.subplots`` without pyplot's global state: nothing is drawn until ``show`` is
    called. ``ratios`` are the relative widths of the columns. ``margins``, as in
    ``Figure.subplots_adjust``, fix the layout instead of having it computed, which saves a third of
    the time where a figure is redrawn at every move of a slider.
    """
    layout = "constrained" if margins is None else "none"
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")
    if margins is not None:
        figure.subplots_adjust(**margins)
    axes = figure.subplots(rows, columns, gridspec_kw={"width_ratios": ratios} if ratios else None)
    return figure, axes


def dress(ax: Axes, *, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """Labels and the house style: no box, a faint horizontal grid below the data."""
    ax.set_title(title, loc="left", fontsize=10, color=INK, y=1.0)
    ax.set_xlabel(xlabel, fontsize=9)
    ax.set_ylabel(ylabel, fontsize=9)
    ax.tick_params(labelsize=8, length=3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def legend(ax: Axes, **options) -> None:
    """A legend without a frame; call it after the data has been drawn."""
    ax.legend(**{"fontsize": 8, "frameon": False, **options})


def legend_below(ax: Axes, *, columns: int = 2, drop: float = 0.18, **options) -> None:
    """A legend under the axes, where it hides no data; ``drop`` leaves room for the x label."""
    legend(
        ax, loc="upper center", bbox_to_anchor=(0.5, -drop * lecture.larger()), ncols=columns,
        handletextpad=0.5, columnspacing=1.2, **options,
    )  # fmt: skip


def _colour(handle) -> str | None:
    """A line's colour; None for other marks."""
    return to_hex(handle.get_color()) if isinstance(handle, Line2D) else None


def share_legend(figure: Figure, *, columns: int = 4) -> None:
    """One legend under the whole figure in place of those of its axes; equal labels count once.

    Raises ValueError when a line's label means another colour in another panel.
    """
    entries = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            kept = entries.setdefault(label, handle)
            if _colour(kept) != _colour(handle):
                raise ValueError(f"{label!r} has two colours; give all panels the same names=")
        if ax.get_legend():
            ax.get_legend().remove()
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=columns, fontsize=8,
        frameon=False,
    )  # fmt: skip


def share_limits(axes: Iterable[Axes], *, x: bool = False, y: bool = True) -> None:
    """Give panels of one quantity the same limits, wide enough for all of them."""
    axes = list(axes)
    for wanted, get, put in ((x, Axes.get_xlim, Axes.set_xlim), (y, Axes.get_ylim, Axes.set_ylim)):
        if wanted:
            ends = np.array([get(ax) for ax in axes])
            for ax in axes:
                put(ax, ends.min(), ends.max())


def png(figure: Figure, *, dpi: int | None = None) -> bytes:
    """The figure as PNG bytes: the same figure gives the same bytes (no date, no version).

    ``dpi`` is the present ``lecture.mode``'s by default; a lecture's type and lines are larger, and
    its picture grows where they reach beyond the canvas.
    """
    buffer, box = io.BytesIO(), None
    lecture.enlarge(figure)
    if lecture.mode() == "lecture":
        figure.draw_without_rendering()
        whole, reach = figure.bbox_inches, figure.get_tightbbox()
        grown = Bbox.union([whole, reach.padded(0.02)])  # extents differ a little by dpi
        if (grown.extents != whole.extents).any():
            box = Bbox.union([whole, reach.padded(0.08)])
    figure.savefig(
        buffer, format="png", dpi=dpi or lecture.dpi(), bbox_inches=box,
        metadata={"Software": None},
    )  # fmt: skip
    return buffer.getvalue()


def smaller(picture: bytes) -> bytes:
    """A PNG in its 256 best colours: a third of the bytes, hardly a visible difference.

    The palette is found on every other pixel; on photographs that is ten times faster than on all.
    """
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as file:
        image = file.convert("RGB")
    pixels = np.asarray(image)
    sample = Image.fromarray(pixels[::2, ::2])
    palette = sample.quantize(255, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    index = np.array(image.quantize(palette=palette, dither=Image.Dither.NONE))
    index[(pixels == 255).all(axis=-1)] = 255  # the nearest of the palette may be off-white
    reduced = Image.fromarray(index, mode="P")
    colours = palette.getpalette()[: 3 * 255]
    reduced.putpalette([*colours, *[255] * (3 * 256 - len(colours))])
    reduced.save(buffer, format="PNG", optimize=True)
    return min(buffer.getvalue(), picture, key=len)


def bundle(figure: Figure, alt: str) -> tuple[dict, dict]:
    """(data, metadata) of one notebook output: the picture, and its alt text for those who cannot
    see it or whose viewer shows text only.

    Raises ValueError when the alt text is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what the figure shows")
    picture = base64.b64encode(smaller(png(figure))).decode()
    return {"image/png": picture, "text/plain": alt}, {"image/png": {"alt": alt}}


def show(figure: Figure, alt: str) -> None:
    """Display a finished figure in a notebook with its alt text (see ``bundle``)."""
    from IPython.display import display

    data, metadata = bundle(figure, alt)
    display(data, raw=True, metadata=metadata)


def same_length(**columns: Sequence) -> int:
    """Their common length; raises ValueError naming the two that differ."""
    (first, reference), *rest = columns.items()
    for name, column in rest:
        if len(column) != len(reference):
            raise ValueError(
                f"{name} has {len(column)} entries and {first} {len(reference)}; "
                "give one of each per image"
            )
    return len(reference)


def finite(**columns) -> None:
    """Raises ValueError naming the column that has NaN or infinite entries, and how many."""
    for name, column in columns.items():
        if bad := int((~np.isfinite(column)).sum()):
            raise ValueError(f"{name} has {bad} NaN or infinite entries of {np.size(column)}")


def filled(**columns: Sequence) -> None:
    """Raises ValueError naming the column that has no entry."""
    for name, column in columns.items():
        if not np.size(column):
            raise ValueError(f"{name} is empty; there is nothing to draw")


def modality_groups(modality) -> list[tuple[Modality, np.ndarray]]:
    """(modality, its row numbers), visible first, empty ones left out."""
    modality = as_array(modality)
    groups = [(m, np.flatnonzero(modality == m)) for m in Modality]
    return [(m, rows) for m, rows in groups if len(rows)]
