"""Three modalities on one map: visible, infrared, and the channel-augmented copies between them."""

from matplotlib.axes import Axes

from vireid.arguments import as_array
from vireid.plots.base import COLOURS, INK, MODALITY_COLOUR, MODALITY_MARKER, dress, legend_below
from vireid.types import Modality

AUGMENTED = 2
LOOKS = {m: (m.word, MODALITY_COLOUR[m], MODALITY_MARKER[m]) for m in Modality}
LOOKS |= {AUGMENTED: ("augmented", COLOURS[0], "s")}


def three_modalities(
    points, modality, ax: Axes, *, limits=None, title: str = "", axis="map"
) -> Axes:
    """Every picture a mark by its modality, and each modality's mean a large one.

    Parameters
    ----------
    points : (n, 2); modality : (n,) 0 visible, 1 infrared, 2 channel-augmented
    limits : ((left, right), (bottom, top)), the same for maps that are compared
    """
    points, modality = as_array(points), as_array(modality)
    if points.shape != (len(modality), 2):
        raise ValueError(
            f"points has shape {points.shape} for {len(modality)} modalities; give (n, 2)"
        )
    for kind, (word, colour, marker) in LOOKS.items():
        own = points[modality == kind]
        if len(own):
            ax.plot(
                *own.T, marker, ms=3.2, color=colour, alpha=0.5, mew=0, ls="",
                label=f"{word} (n = {len(own)})",
            )  # fmt: skip
            ax.plot(*own.mean(0), marker, ms=11, color=colour, mec=INK, mew=1.4, zorder=3)
    dress(ax, title=title, xlabel=f"{axis} 1 (no unit)", ylabel=f"{axis} 2 (no unit)")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    if limits is not None:
        ax.set_xlim(limits[0])
        ax.set_ylim(limits[1])
    legend_below(ax, columns=3, drop=0.08)
    return ax
