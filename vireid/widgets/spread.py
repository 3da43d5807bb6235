"""MULT's label transfer, round by round, on a graph small enough to be looked at."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import ipywidgets as W
import numpy as np
import torch
from matplotlib.ticker import NullLocator

from vireid.association import affinity as as_affinity
from vireid.association import (
    aggregate,
    centroids,
    initial_labels,
    one_hot,
    sinkhorn,
    transfer_rounds,
)
from vireid.association.transport import squared_distances, transport_labels
from vireid.jaccard import jaccard_distance
from vireid.plots import affinities as plot_affinities
from vireid.plots import canvas, label_graph, right_share, sweep
from vireid.plots.base import legend_below
from vireid.types import Modality
from vireid.widgets.panel import Drawing, Panel
from vireid.widgets.scene import Scene, disturbed

ROUNDS = 20  # of the slider; the released code's cap
SPACES = {own.word: own for own in Modality}


@dataclass(frozen=True)
class Problem:
    """What ``label_transfer`` is called with, in the label space of one modality's clusters.

    Parameters
    ----------
    own : whose clusters the labels are; its images are the *intra* side
    y0, r0 : (n, K) and (m, K) initial labels of own and of other images
    s_intra, s_cross : (n, n) and (m, m) affinities; s_ir : (n, m), its transpose is s_ri
    clusters : (K,) identity each label stands for; people, people_cross : (n,), (m,) of the images
    """

    own: Modality
    y0: torch.Tensor
    r0: torch.Tensor
    s_intra: np.ndarray
    s_cross: np.ndarray
    s_ir: torch.Tensor
    clusters: np.ndarray
    people: np.ndarray
    people_cross: np.ndarray

    @property
    def arguments(self) -> tuple:
        """In the order of ``label_transfer``."""
        return self.y0, self.r0, self.s_intra, self.s_cross, self.s_ir, self.s_ir.T

    def rounds(self, count: int, **options) -> list[tuple]:
        """(y, r, change) after 0, 1, ..., ``count`` rounds; options as ``transfer_rounds``."""
        start = (self.y0, self.r0, np.nan)
        return [start, *islice(transfer_rounds(*self.arguments, **options), count)]

    def right(self, y, r) -> tuple[float, float]:
        """Share of own and of other images whose largest label stands for their person."""
        sides = ((y, self.people), (r, self.people_cross))
        return tuple(float((self.clusters[z.argmax(1)] == p).mean()) for z, p in sides)


def problem(scene: Scene, method, own: Modality = Modality.VISIBLE) -> Problem:
    """What MULT's transfer starts from in one label space, as ``association.mult`` builds it.

    ``method`` gives k1, k2, affinity, temperature, lam and stop. Transport is in double precision,
    where a sharp plan needs no logarithms: a dial answers four times as fast.
    """
    mine, theirs = scene.side(own), scene.side(own.other)
    if method.prototypes == "unit":
        c = mine.prototypes
    else:
        c = centroids(mine.x, mine.cluster)
    x = {own: mine.x.double(), own.other: theirs.x.double()}
    cost = squared_distances(x[Modality.VISIBLE], x[Modality.INFRARED])
    plan, _ = sinkhorn(cost, lam=method.lam, stop=method.stop)
    plan = (plan if own == Modality.VISIBLE else plan.T).to(c)
    received, _ = transport_labels(x[own.other], c.double(), lam=method.lam, stop=method.stop)
    setting = {"rule": method.affinity, "k1": method.k1, "k2": method.k2}
    s = [as_affinity(jaccard_distance(side.x, **setting)).toarray() for side in (mine, theirs)]
    return Problem(
        own, initial_labels(mine.x, c, temperature=method.temperature), one_hot(received, len(c)),
        *s, plan, scene.people(own), mine.identity, theirs.identity,
    )  # fmt: skip


def few(scene: Scene, *, people: int = 4, images: int = 4, skip: int = 0) -> Scene:
    """A scene of some people with some images in each modality, true people as clusters.

    Parameters
    ----------
    skip : so many people, in order of their number, are passed over; fewer where too few would
        be left

    Raises ValueError when fewer people have that many images in both modalities.
    """
    identity, modality = (getattr(scene.features, k).numpy() for k in ("identity", "modality"))
    counts = {
        p: [((identity == p) & (modality == m)).sum() for m in Modality]
        for p in np.unique(identity)
    }
    able = [p for p, count in counts.items() if min(count) >= images]
    if len(able) < people:
        raise ValueError(f"only {len(able)} people have {images} images in both modalities")
    first = min(skip, len(able) - people)
    able = able[first : first + people]
    rows = [
        np.flatnonzero((identity == p) & (modality == m))[:images] for m in Modality for p in able
    ]
    kept = scene.features.rows(np.concatenate(rows))
    return Scene(kept, np.unique(kept.identity.numpy(), return_inverse=True)[1])


def transfer(scene: Scene, method, *, start: int = 0, gap: float = 1.0) -> Panel:
    """A slider over the rounds of the transfer: rings of soft labels on a graph, curves beside it.

    Parameters
    ----------
    scene : at most six clusters in a modality, as from ``few``
    method : a ``MULT`` method; its alpha and schedule are where the dials begin
    start, gap : the round shown first, and the gap (see ``disturbed``)
    """

    @lru_cache(maxsize=32)
    def posed(space: str, gap: float) -> Problem:
        return problem(disturbed(scene, gap=gap), method, SPACES[space])

    @lru_cache(maxsize=32)
    def played(space: str, gap: float, alpha: float, schedule: str) -> list[tuple]:
        return posed(space, gap).rounds(ROUNDS, alpha=alpha, schedule=schedule)

    def draw(round, space, alpha, beta, schedule, gap) -> Drawing:
        return _draw(posed(space, gap), played(space, gap, alpha, schedule), round, beta)

    return Panel(draw, _controls(method, start, gap), player="round")


def _controls(method, start: int, gap: float) -> dict[str, W.Widget]:
    wide = {"layout": W.Layout(width="300px")}
    share = wide | {"min": 0, "max": 1, "step": 0.1}
    return {
        "round": W.IntSlider(start, 0, ROUNDS, description="round", **wide),
        "space": W.Dropdown(options=list(SPACES), description="label space", **wide),
        "alpha": W.FloatSlider(method.alpha, description="alpha", **share),
        "beta": W.FloatSlider(0, description="beta", **share),
        "schedule": W.Dropdown(
            options=("code", "paper"), value=method.transfer, description="schedule", **wide
        ),
        "gap": W.FloatSlider(gap, description="gap", **share),
    }


def _draw(of: Problem, played: list[tuple], round: int, beta: float) -> Drawing:
    own, other = of.own, of.own.other
    y, r = (aggregate(z, beta=beta) for z in played[round][:2])
    rows = max(len(of.people), len(of.people_cross))
    figure, graph, axes = _layout(max(4.8, 0.8 + 0.33 * rows))
    shares = [of.right(a, b) for a, b, _ in played]
    told = f"round {round}: {shares[round][1]:.0%} of the {other.word} images are right"
    label_graph(
        {own: y, other: r},
        {own: of.people, other: of.people_cross},
        {own: of.s_intra, other: of.s_cross},
        of.s_ir if own == Modality.VISIBLE else of.s_ir.T,
        graph,
        clusters=of.clusters,
        title=told,
    )
    moved = [change for *_, change in played]
    later = [np.nan] * (len(played) - 1 - round)  # what comes is not given away
    known = [*shares[: round + 1], *((x, x) for x in later)]
    _curves(of, known, [*moved[: round + 1], *later], round, axes)
    return figure, (
        f"Soft labels in {own.word} clusters as rings on {len(of.people)} {own.word} and "
        f"{len(of.people_cross)} {other.word} images. {told}, {shares[round][0]:.0%} of the "
        f"{own.word} ones."
    )


def _layout(height: float):
    """(figure, a tall Axes on the left, two small ones above each other on the right)."""
    margins = {"left": 0.01, "right": 0.62, "bottom": 0.03, "top": 1 - 0.3 / height}
    figure, (graph, *axes) = canvas(3, width=9.6, height=height, margins=margins)
    graph.set_position([0.01, 0.02, 0.6, 0.98 - 0.3 / height])
    for ax, floor in zip(axes, (0.64, 0.15), strict=True):
        ax.set_position([0.69, floor, 0.3, 0.32])
    return figure, graph, axes


def _curves(of: Problem, shares: list[tuple], moved: list[float], round: int, axes) -> None:
    lines = {
        f"{m.word} images": [100 * share[i] for share in shares]
        for i, m in enumerate((of.own, of.own.other))
    }
    count, look = range(len(shares)), {"xlabel": "round", "chosen": round}
    sweep(count, lines, axes[0], ylabel="right labels (%)", **look)
    axes[0].set(xlim=(-0.5, len(shares) - 0.5), ylim=(-3, 104))
    legend_below(axes[0], columns=2, drop=0.26)
    stop = {"the released code stops": 0.01}
    sweep(count, {"labels": moved}, axes[1], ylabel="share that moved", reference=stop, **look)
    axes[1].set(yscale="log", ylim=(1e-6, 2), xlim=axes[0].get_xlim())
    axes[1].yaxis.set_minor_locator(NullLocator())  # drawing them takes longer than all the rest
    axes[1].set_yticks([1, 1e-2, 1e-4, 1e-6], ["1", "$10^{-2}$", "$10^{-4}$", "$10^{-6}$"])
    legend_below(axes[1], columns=2)


def affinity_pictures(scene: Scene, method) -> Panel:
    """What labels spread along, as pictures: within visible, across the gap, within infrared.

    Dials: lam, the sharpness of the transport plan; the rule of the Jaccard distance within a
    modality; the gap of ``disturbed``.
    """

    @lru_cache(maxsize=32)
    def at(lam: float, rule: str, gap: float) -> Problem:
        return problem(disturbed(scene, gap=gap), replace(method, lam=lam, affinity=rule))

    def draw(lam: float, rule: str, gap: float) -> Drawing:
        return _draw_affinities(at(lam, rule, gap))

    wide = {"layout": W.Layout(width="300px")}
    return Panel(
        draw,
        {
            "lam": W.SelectionSlider(
                options=[1.0, 5.0, 25.0, 50.0], value=25.0, description="lam", **wide
            ),
            "rule": W.Dropdown(
                options=("vanilla", "binary"), value=method.affinity, description="within", **wide
            ),
            "gap": W.FloatSlider(1, min=0, max=1, step=0.25, description="gap", **wide),
        },
    )


def _draw_affinities(of: Problem) -> Drawing:
    margins = {"left": 0.03, "right": 0.99, "bottom": 0.09, "top": 0.92, "wspace": 0.12}
    figure, axes = canvas(3, width=10.4, height=3.6, margins=margins)
    shown = {
        "within visible": (of.s_intra, of.people, of.people, ("visible", "visible")),
        "across": (of.s_ir.numpy(), of.people, of.people_cross, ("visible", "infrared")),
        "within infrared": (of.s_cross, of.people_cross, of.people_cross, ("infrared", "infrared")),
    }
    for ax, (title, (s, rows, columns, words)) in zip(axes, shown.items(), strict=True):
        plot_affinities(s, rows, columns, ax, words=words, title=title)
    told = ", ".join(f"{k} {right_share(s, r, c):.0%}" for k, (s, r, c, _) in shown.items())
    return figure, f"Affinities as pictures; share on the right person: {told}."
