"""Two memories asked about one image: what each believes, their mixture, and who pulls."""

from collections.abc import Sequence

import ipywidgets as W
import numpy as np
import torch

from vireid.arguments import as_array
from vireid.losses import cai
from vireid.losses.causal import Bank, log_mixture
from vireid.plots import adjustment, beacons, beliefs, canvas, mixed_surprise, points, sweep
from vireid.plots.base import FAINT, INK
from vireid.plots.pictures import caption, modality_frame, sheet, thumbnail
from vireid.types import Images, Modality
from vireid.widgets.panel import Drawing, Panel

MISSING = {"nowhere": None, "visible": Modality.VISIBLE, "infrared": Modality.INFRARED}
TEMPERATURES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0)


def responsibility(x, label, banks: Sequence[Bank], *, prior, temperature: float = 0.05):
    r"""Each memory's share of CAI's gradient, (n, 2): r_m = p(m) p(y | x, m) / sum of both.

    Parameters
    ----------
    x : (n, d) features ; label : (n,) labels, no outliers
    banks, prior, temperature : as in ``losses.cai``

    Rows sum to 1. Source: DMDL eq. 4-6, whose gradient is -1/tau sum_m r_m (phi_y - mean of phi).
    """
    return weighed(
        memory_beliefs(x, label, banks, temperature=temperature), torch.as_tensor(prior)
    ).softmax(1)


def memory_beliefs(x, label, banks: Sequence[Bank], *, temperature: float = 0.05) -> torch.Tensor:
    """(n, 2) log p(y | x, m) of each image's label in either memory; -inf where one lacks it."""
    found = []
    for own in torch.eye(2, dtype=torch.as_tensor(x).dtype):
        log_p = log_mixture(x, banks, weight=own, temperature=temperature)
        found.append(log_p.gather(1, torch.as_tensor(label)[:, None])[:, 0])
    return torch.stack(found, 1)


def weighed(log_p: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """Log p(m) + log p(y | x, m)."""
    return log_p + prior.to(log_p).log()


def without(banks: Sequence[Bank], own: Modality | None, label: int) -> list[Bank]:
    """The memories, one of them robbed of a label; unchanged when the other lacks it too."""
    banks = [tuple(torch.as_tensor(part) for part in bank) for bank in banks]
    if own is None or not (banks[own.other][0] == label).any():
        return banks
    ids, rows = banks[own]
    banks[own] = ids[ids != label], rows[ids != label]
    return banks


def two_memories(
    images: Images, x, label, banks: Sequence[Bank], *, prior, start: int = 0, shown: int = 7
) -> Panel:
    """A slider over images: both memories' predictions, and the mixture with a prior to choose.

    Parameters
    ----------
    images, x : the table and its features (n, d)
    label : (n,) unified pseudo-labels, -1 outliers, which are left out
    banks : visible and infrared (ids, prototypes), as in ``losses.cai``; prior : (2,) p(m)
    start : which labelled image to begin with ; shown : labels drawn, the likeliest ones

    Raises ValueError when all images are outliers.
    """
    label, x = as_array(label), torch.as_tensor(as_array(x))
    rows, share = np.flatnonzero(label >= 0), round(float(prior[0]), 2)
    if not len(rows):
        raise ValueError(
            f"all {len(label)} images are outliers (-1), and an outlier is asked nothing; cluster "
            "with a larger eps"
        )

    def draw(image: int, visible: float, temperature: float, missing: str) -> Drawing:
        row = rows[image]
        known = without(banks, MISSING[missing], int(label[row]))
        return _draw(images, row, x, label, known, (visible, temperature), shown)

    wide = {"layout": W.Layout(width="320px")}
    return Panel(
        draw,
        {
            "image": W.IntSlider(start, 0, len(rows) - 1, description="image", **wide),
            "visible": W.FloatSlider(
                share, min=0, max=1, step=0.01, description="p(visible)", **wide
            ),
            "temperature": W.SelectionSlider(
                options=TEMPERATURES, value=0.05, description="temperature", **wide
            ),
            "missing": W.Dropdown(
                options=list(MISSING), value="nowhere", description="label missing", **wide
            ),
        },
    )


def _draw(images: Images, row: int, x, label, banks, setting, shown: int) -> Drawing:
    visible, temperature = setting
    prior, mine = torch.tensor([visible, 1 - visible]), int(label[row])
    ask = {"temperature": temperature}
    each = [log_mixture(x[row : row + 1], banks, weight=m, **ask)[0].exp() for m in torch.eye(2)]
    mixed = [float(p) * belief for p, belief in zip(prior, each, strict=True)]
    best = torch.stack(each).amax(0)
    best[mine] = 2.0  # always shown, first
    order = best.argsort(descending=True, stable=True)[:shown].tolist()
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.2, "top": 0.88, "wspace": 0.25}
    figure, axes = canvas(4, width=10.4, height=3.2, ratios=[1.15, 1, 1, 1.1], margins=margins)
    favourites = [int(belief.argmax()) for belief in each]
    _faces(images, row, x, label, banks, favourites, axes[0])
    names, words = [str(k) for k in order], [m.word for m in Modality]
    for ax, word, belief in zip(axes[1:3], words, each, strict=True):
        beliefs({f"{word} memory": belief[order]}, ax, names=names, right=0, ylabel="",
                title=f"p(label | x, {word})")  # fmt: skip
    parts = {f"{w} part": part[order] for w, part in zip(words, mixed, strict=True)}
    total = float(mixed[0][mine] + mixed[1][mine])
    loss = f"loss {abs(np.log(total)):.2f} nats" if total > 0 else "the label is impossible"
    beliefs(parts, axes[3], names=names, right=0, stacked=True, ylabel="",
            title=f"p(label | do(x)), {loss}")  # fmt: skip
    word = Modality(int(images.modality[row])).word
    own = [f"{w} {float(belief[mine]):.2f}" for w, belief in zip(words, each, strict=True)]
    return figure, (
        f"Image {row} ({word}) with label {mine}: p of its label by memory, {', '.join(own)}; "
        f"mixture with p(visible) = {visible:.2f} at temperature {temperature:g}: {total:.2f}, "
        f"{loss}."
    )


def _faces(images: Images, row: int, x, label, banks, favourites: list[int], ax) -> None:
    """The asked image, and the picture nearest to the prototype of each memory's favourite."""
    cells, modalities, words = [thumbnail(images, row)], [images.modality[row]], ["asked"]
    for own, (ids, bank), k in zip(Modality, banks, favourites, strict=True):
        of = np.flatnonzero((as_array(images.modality) == own) & (label == k))
        near = x[of] @ bank[ids == k][0].to(x)
        cells.append(thumbnail(images, int(of[int(near.argmax())])))
        modalities.append(own)
        words.append(f"label {k}")
    for place, m, word in zip(
        sheet(ax, [cells], above=14, lead=16)[0], modalities, words, strict=True
    ):
        modality_frame(ax, place, m)
        caption(ax, place, word, size=7)
    ax.set_title("image, each memory's guess", loc="left", fontsize=9, color=INK)


def toy_banks(gap: float) -> list[Bank]:
    """Two labels 90 degrees apart in a visible memory, and turned by ``gap`` in an infrared one."""
    angles = (np.array([0.0, 90.0]), np.array([0.0, 90.0]) + gap)
    return [(torch.arange(2), torch.as_tensor(points(a))) for a in angles]


def turning(angles, banks: Sequence[Bank], *, prior: float, temperature: float) -> dict:
    """How losses of label 0 turn images at these angles: name -> (n,) nats per radian.

    Negative is clockwise, towards label 0 of the visible memory. The visible memory alone, the
    infrared one alone, and CAI with p(visible) = prior.
    """
    weights = {"visible memory": 1.0, "infrared memory": 0.0, "CAI": prior}
    x = torch.as_tensor(points(angles))
    tangent = torch.stack([-x[:, 1], x[:, 0]], 1)
    found = {}
    for name, p in weights.items():
        at = x.clone().requires_grad_()
        weight = torch.tensor([p, 1 - p], dtype=x.dtype)
        zero = torch.zeros(len(x), dtype=torch.long)
        loss = len(x) * cai(at, zero, banks, prior=weight, temperature=temperature)
        (gradient,) = torch.autograd.grad(loss, at)
        found[name] = -(gradient * tangent).sum(1).numpy()
    return found


def cai_limits() -> Panel:
    """Sliders over a toy of two labels: CAI's loss over the prior, and how it turns an image."""
    wide = {"layout": W.Layout(width="300px")}
    return Panel(
        _draw_limits,
        {
            "angle": W.IntSlider(50, -20, 140, 5, description="image (degrees)", **wide),
            "gap": W.IntSlider(40, 0, 80, 5, description="gap (degrees)", **wide),
            "visible": W.FloatSlider(
                0.65, min=0, max=1, step=0.05, description="p(visible)", **wide
            ),
            "temperature": W.SelectionSlider(
                options=TEMPERATURES, value=0.1, description="temperature", **wide
            ),
        },
    )


def _draw_limits(angle: int, gap: int, visible: float, temperature: float) -> Drawing:
    banks, label = toy_banks(gap), torch.zeros(1, dtype=torch.long)
    image = torch.as_tensor(points([angle]))
    surprise = -memory_beliefs(image, label, banks, temperature=temperature)[0].numpy()
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.27, "top": 0.9, "wspace": 0.22}
    figure, (circle, losses, turns) = canvas(
        3, width=10.4, height=3.6, ratios=[0.8, 1, 1], margins=margins
    )
    _arc(banks, image, circle)
    loss = max(0.0, float(mixed_surprise(*surprise, np.array([visible]))[0]))  # rounding: -1e-16
    adjustment(surprise, losses, prior=visible, title=f"label 0: CAI {loss:.2f} nats")
    grid = np.arange(-20, 141, 5)
    lines = turning(grid, banks, prior=visible, temperature=temperature)
    sweep(grid, lines, turns, xlabel="image (degrees)", ylabel="turn (nats per radian)",
          chosen=angle, title="which way the loss turns it")  # fmt: skip
    turns.axhline(0, color=INK, lw=0.8)
    return figure, (
        f"An image at {angle} degrees with label 0, which stands at 0 degrees in the visible and "
        f"at {gap} in the infrared memory; temperature {temperature:g}. Loss in the visible memory "
        f"{surprise[0]:.2f}, in the infrared one {surprise[1]:.2f}, CAI with p(visible) = "
        f"{visible:.2f}: {loss:.2f} nats."
    )


def _arc(banks: Sequence[Bank], image: torch.Tensor, ax) -> None:
    ax.plot(*points(np.linspace(-25, 180, 206)).T, color=FAINT, lw=1.2, zorder=0)
    for own, (ids, bank) in zip(Modality, banks, strict=True):
        beacons(bank.numpy(), np.full(len(bank), own), ax)
        for k, place in zip(ids.tolist(), bank.numpy(), strict=True):
            ax.annotate(f"{k}", 1.2 * place, ha="center", va="center")
    ax.plot(*image[0].numpy(), "*", ms=15, color=INK, zorder=6)
    ax.set(xlim=(-1.1, 1.4), ylim=(-0.5, 1.4), aspect="equal")
    ax.set_axis_off()
    ax.set_title("image ★ and prototypes of labels 0, 1", loc="left", fontsize=9, color=INK)
