"""What the site's panels show: six small worlds, each made anew from a fixed seed at build time."""

import warnings
from functools import cache

import numpy as np
import torch
from matplotlib.axes import Axes

from vireid.association import hungarian, pgm, sinkhorn
from vireid.clustering import dbscan
from vireid.jaccard import jaccard_distance
from vireid.losses import label_certainty
from vireid.memory import Memory
from vireid.plots import MODALITY_COLOUR, MODALITY_MARKER, PALETTE, bipartite, canvas, sweep
from vireid.plots.base import FAINT, INK, dress, legend, legend_below
from vireid.plots.circle import beacons, points
from vireid.plots.refinement import trust
from vireid.site.panels import Drawn, Panel
from vireid.types import Modality

MARGINS = {"left": 0.07, "right": 0.98, "bottom": 0.22, "top": 0.9, "wspace": 0.25}
VISIBLE, INFRARED = Modality


# --- a prototype and who writes it last -------------------------------------------------------
VIEWS = {"plain visible": (VISIBLE, (28, 34, 40)), "augmented": (VISIBLE, (46, 52, 58)),
         "infrared": (INFRARED, (74, 82, 90))}  # fmt: skip
ORDERS = {"infrared last": ("plain visible", "augmented", "infrared"),
          "plain visible last": ("infrared", "augmented", "plain visible")}  # fmt: skip


def writing(order: str, momentum: float, written: int) -> Drawn:
    """Nine pictures of one person write her prototype, one after another (Memory's rule)."""
    batch = [(name, angle) for name in ORDERS[order] for angle in VIEWS[name][1]]
    memory, walked = Memory(torch.as_tensor(points([10])), momentum=momentum), [10.0]
    for _, angle in batch[:written]:
        memory.update(torch.as_tensor(points([angle])), torch.tensor([0]))
        at = memory.prototypes[0]
        walked.append(float(torch.rad2deg(torch.atan2(at[1], at[0]))))
    figure, (arc, walk) = canvas(2, width=8.4, height=3.3, margins=MARGINS, ratios=[1, 1.2])
    _arc(batch, written, walked[-1], arc)
    walk.plot(range(len(walked)), walked, "D-", color=PALETTE[2], mec=INK, ms=6, label="prototype")
    for i, (name, angle) in enumerate(batch, 1):
        _mark(walk, i, angle, VIEWS[name][0], name, i <= written)
    dress(walk, xlabel="pictures written", ylabel="angle (degrees)", title=order)
    walk.set(xlim=(-0.4, 9.4), ylim=(0, 95))
    names = {name: plot for plot, name in zip(*walk.get_legend_handles_labels(), strict=True)}
    legend_below(walk, columns=4, handles=names.values(), labels=names)
    last = f", the last one {batch[written - 1][0]}" if written else ""
    return figure, (
        f"Momentum {momentum:g}, {order}: after {written} of 9 pictures{last}, the prototype "
        f"stands at {walked[-1]:.0f} degrees."
    )


def _arc(batch, written: int, angle: float, ax: Axes) -> None:
    ax.plot(*points(np.linspace(0, 95, 96)).T, color=FAINT, lw=1.2, zorder=0)
    for i, (name, at) in enumerate(batch):
        _mark(ax, *points([at])[0], VIEWS[name][0], name, i < written)
    beacons(points([angle]), [-1], ax)
    ax.set(xlim=(-0.15, 1.15), ylim=(-0.05, 1.15), aspect="equal", title="features on a circle")
    ax.title.set_fontsize(10)
    ax.set_axis_off()


def _mark(ax: Axes, x: float, y: float, modality: Modality, name: str, there: bool) -> None:
    """One picture, filled once it has been written; an augmented one has a dark rim."""
    colour = MODALITY_COLOUR[modality]
    rim = INK if name == "augmented" else colour
    face = colour if there else "white"
    look = {"ms": 8, "mfc": face, "mec": rim, "mew": 1.6, "ls": "", "zorder": 4, "label": name}
    ax.plot(x, y, MODALITY_MARKER[modality], **look)


# --- DBSCAN over eps ---------------------------------------------------------------------------
@cache
def crowd() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four people with eight pictures in each modality: (places, modality, person)."""
    rng = np.random.default_rng(3)
    person, modality = np.repeat(np.arange(4), 16), np.tile(np.repeat([0, 1], 8), 4)
    centre = np.stack([1.5 * person, 2.3 * modality + 0.25 * (person % 2)], 1)
    return centre + rng.normal(size=centre.shape) * 0.17, modality, person


def densities(eps: float) -> Drawn:
    """Pictures within eps joined by lines, in the colours of DBSCAN's clusters."""
    places, modality, person = crowd()
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    label = dbscan(distance, eps=eps, min_samples=4)
    edges = {"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 0.99}
    figure, ax = canvas(width=7.2, height=4.2, margins=edges)
    for i, j in zip(*np.nonzero(np.triu(distance <= eps, 1)), strict=True):
        if label[i] == label[j] >= 0:
            colour = PALETTE[2 + label[i] % 8]
            ax.plot(*places[[i, j]].T, color=colour, lw=1.4, alpha=0.5, zorder=1)
    for m in Modality:
        rows = places[modality == m]
        ax.plot(*rows.T, MODALITY_MARKER[m], color=MODALITY_COLOUR[m], ms=6, label=m.word)
    angle = np.linspace(0, 2 * np.pi, 60)
    rim = places[0][:, None] + eps * np.stack([np.cos(angle), np.sin(angle)])
    ax.plot(*rim, color=INK, lw=1.2, ls=":", label="eps around one picture")
    ax.set(xlim=(-2.3, 5.3), ylim=(-1.5, 3.2), aspect="equal")
    ax.set_axis_off()
    legend(ax, loc="upper left")
    clusters = range(label.max() + 1)
    strangers = sum(len(np.unique(person[label == c])) > 1 for c in clusters)
    both = sum(len(np.unique(modality[label == c])) > 1 for c in clusters)
    return figure, (
        f"eps {eps:g}: {len(clusters)} clusters of 4 people in two modalities, "
        f"{(label < 0).sum()} outliers; {both} hold both modalities, {strangers} hold strangers."
    )


# --- progressive graph matching ----------------------------------------------------------------
@cache
def sides() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Prototypes of nine visible clusters of four people, and of four infrared ones."""
    rng = np.random.default_rng(5)
    people = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3]), np.arange(4)
    centre = np.linalg.qr(rng.normal(size=(12, 12)))[0][:4]
    visible, infrared = (centre[p] + 0.17 * rng.normal(size=(len(p), 12)) for p in people)
    return visible, infrared, *people


def rounds(played: int) -> Drawn:
    """PGM after some rounds; the first one is the Hungarian matching."""
    visible, infrared, v, r = sides()
    nobody = np.full(len(v), -1), np.full(len(r), -1)
    v2r, r2v = pgm(visible, infrared, rounds=played) if played else nobody
    assert played != 1 or (v2r == hungarian(visible, infrared)[0]).all()
    forth, back = (np.eye(k)[m] * (m >= 0)[:, None] for m, k in ((v2r, len(r)), (r2v, len(v))))
    figure, (left, right) = canvas(2, width=8.4, height=3.8, margins=MARGINS, ratios=[1, 0.9])
    bipartite(v, r, forth, back, left, title=f"round {played}")
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (visible, infrared)]
    right.imshow(unit[0] @ unit[1].T, cmap="cividis", aspect="auto")
    taken = np.flatnonzero(v2r >= 0)
    right.plot(v2r[taken], taken, "o", ms=9, color=PALETTE[4], mec=INK)
    dress(right, title="cosine of prototypes", xlabel="infrared cluster", ylabel="visible cluster")
    right.grid(visible=False)
    right.set_xticks(range(len(r)))
    hits = int((r[v2r] == v)[v2r >= 0].sum())
    return figure, (
        f"Round {played} of PGM: {len(taken)} of {len(v)} visible clusters have a partner, {hits} "
        f"the right one; {(v2r < 0).sum()} still single." + " This is Hungarian." * (played == 1)
    )


# --- Sinkhorn's plan ---------------------------------------------------------------------------
@cache
def costs() -> np.ndarray:
    """Squared distances of ten visible and ten infrared pictures of five people, two each."""
    rng = np.random.default_rng(1)
    angle = np.repeat(np.arange(5) * 72.0, 2)
    x, y = (points(angle + shift + rng.normal(size=10) * 14) for shift in (0, 22))
    return ((x[:, None] - y[None]) ** 2).sum(2)


def plan(lam: float, steps: int) -> Drawn:
    """The transport plan after some sweeps, and the mass that each row then sends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it is stopped early on purpose
        p, info = sinkhorn(costs(), lam=lam, stop="converged", max_steps=steps, tol=0.0)
    figure, (left, right) = canvas(2, width=8.4, height=3.6, margins=MARGINS, ratios=[1, 1.3])
    left.imshow(10 * p, cmap="cividis", vmin=0, vmax=0.8, aspect="auto")
    dress(left, title=f"plan, lambda {lam:g}", xlabel="infrared picture", ylabel="visible picture")
    left.grid(visible=False)
    right.bar(range(10), 10 * p.sum(1), color=MODALITY_COLOUR[VISIBLE], label="sent by row")
    right.axhline(1, color=INK, ls=":", label="to be sent")
    dress(right, title=f"after {steps} sweeps", xlabel="visible picture", ylabel="mass (of 1/10)")
    right.set_ylim(0, 2)
    legend(right, ncols=2, loc="upper right")
    person = np.repeat(np.arange(5), 2)
    right_mass = p[person[:, None] == person[None]].sum()
    return figure, (
        f"Lambda {lam:g}, {steps} sweeps: rows are off by {info.residual:.3f} in all; "
        f"{right_mass:.0%} of the mass goes to the right person."
    )


# --- modality-aware lists ----------------------------------------------------------------------
@cache
def shifted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eight people with six pictures in each modality, one common gap: (x, modality, person)."""
    rng = np.random.default_rng(0)
    centre, gap = rng.normal(size=(8, 32)), rng.normal(size=32)
    person, modality = np.tile(np.repeat(np.arange(8), 6), 2), np.repeat([0, 1], 48)
    x = centre[person] + 0.5 * rng.normal(size=(96, 32)) + np.outer(2 * modality - 1, 0.7 * gap)
    return x / np.linalg.norm(x, axis=1, keepdims=True), modality, person


WIDTHS = (4, 8, 12, 16, 24, 32, 48, 64)


@cache
def overlaps(rule: str, k1: int) -> tuple[np.ndarray, float, float]:
    """1 - J of all pairs; means of J across the gap within a person and between people."""
    x, modality, person = shifted()
    found = jaccard_distance(x, rule=rule, k1=k1, k2=2, modality=modality).tocoo()
    distance = np.ones((96, 96))
    distance[found.row, found.col] = found.data
    across, same = np.not_equal.outer(modality, modality), np.equal.outer(person, person)
    return 1 - distance, distance[across & same].mean(), distance[across & ~same].mean()


def lists(rule: str, k1: int) -> Drawn:
    """What a Jaccard rule finds in common, and what it says across the gap over k1."""
    shared, own, others = overlaps(rule, k1)
    figure, (left, right) = canvas(2, width=8.4, height=3.7, margins=MARGINS, ratios=[1, 1.3])
    left.imshow(shared, cmap="cividis", vmin=0, vmax=0.8)
    for at in (left.axhline, left.axvline):
        at(47.5, color="white", lw=1)
    dress(left, title=f"{rule}, k1 = {k1}: 1 - J")
    left.grid(visible=False)
    left.set(xticks=(24, 72), xticklabels=("visible", "infrared"), yticks=(24, 72))
    left.set_yticklabels(("visible", "infrared"), rotation=90, va="center")
    each = [overlaps(rule, k)[1:] for k in WIDTHS]
    lines = dict(zip(("one person", "two people"), map(list, zip(*each, strict=True)), strict=True))
    sweep(WIDTHS, lines, right, xlabel="k1", ylabel="mean J across the gap", chosen=k1)
    right.set_ylim(0, 1.05)
    return figure, (
        f"Rule {rule}, k1 = {k1}: across the gap the mean Jaccard distance is {own:.2f} within a "
        f"person and {others:.2f} between people."
    )


# --- label certainty ---------------------------------------------------------------------------
def certainty(gap: float) -> Drawn:
    """A mixture of two Gaussians splits losses of right and wrong labels (DMDL eq. 10)."""
    rng = np.random.default_rng(2)
    right = np.arange(200) < 150
    loss = np.where(right, 1.0, 1.0 + gap) + rng.normal(size=200) * np.where(right, 0.35, 0.5)
    w = label_certainty(loss)
    margins = MARGINS | {"bottom": 0.3, "right": 0.9, "left": 0.1}
    figure, ax = canvas(width=6.4, height=3.9, margins=margins)
    trust(loss, w, ax, right=right, xlabel="loss (nats)")
    told = np.mean(w[right][:, None] > w[~right][None])
    return figure, (
        f"Wrong labels lie {gap:g} nats above right ones: mean certainty {w[right].mean():.2f} of "
        f"right labels, {w[~right].mean():.2f} of wrong ones; right above wrong in {told:.0%}."
    )


PANELS = {
    "writing": Panel(
        "A prototype is whoever wrote it last",
        {"order": list(ORDERS), "momentum": (0.1, 0.8), "written": range(10)},
        ("infrared last", 0.1, 0), writing,
    ),
    "dbscan": Panel(
        "DBSCAN over eps", {"eps": (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)}, (0.4,),
        densities,
    ),
    "pgm": Panel("Matching clusters round by round", {"round": range(4)}, (1,), rounds),
    "sinkhorn": Panel(
        "Sinkhorn's plan", {"lambda": (1, 5, 25), "sweeps": (1, 2, 3, 5, 10, 25, 100)}, (5, 1), plan
    ),
    "jaccard": Panel(
        "Whose lists cross the gap", {"rule": ("vanilla", "modality"), "k1": WIDTHS},
        ("vanilla", 12), lists,
    ),
    "certainty": Panel(
        "How certain is a label?", {"gap": (0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)}, (1.0,),
        certainty,
    ),
}  # fmt: skip
