"""How far a label is trusted, and what it becomes: mixtures of losses, labels before and after."""

from itertools import pairwise

import ipywidgets as W
import numpy as np
import torch

from vireid.arguments import as_array
from vireid.data.benchmarks.files import choose
from vireid.losses import adaptive_momentum, label_certainty, label_loss, refined_targets
from vireid.losses.refine import KINDS
from vireid.plots import beliefs, canvas, histogram, trust
from vireid.plots.pictures import caption, modality_frame, sheet, thumbnail
from vireid.types import Images
from vireid.widgets.panel import Drawing, Panel

SCOPES = ("cluster", "global")
WORDS = {"neg_prob": "loss -p(label | x)", "ce": "loss -log p(label | x) (nats)"}


def right_labels(label, identity) -> np.ndarray:
    """(n,) bool: the image's person is the one that most images of its label show.

    Images with label -1 are not right. The truth is for evaluation and pictures only. Raises
    ValueError for unknown people (-1): whether their labels are right cannot be told.
    """
    label, identity = as_array(label), as_array(identity)
    if (identity == -1).any():
        raise ValueError(
            "some images are of unknown people (-1), whose labels nobody can judge; leave them "
            "out, or give identity=None where the truth is not known"
        )
    right = np.zeros(len(label), bool)
    for k in np.unique(label[label >= 0]):
        rows = np.flatnonzero(label == k)
        names, counts = np.unique(identity[rows], return_counts=True)
        right[rows] = identity[rows] == names[counts.argmax()]
    return right


class Certainties:
    """Losses and certainties of all labelled images, by each kind of loss and scope of a mixture.

    Parameters
    ----------
    x : (n, d) features ; label : (n,) unified labels, -1 left out ; prototypes : (K, d) shared
    identity : (n,) the truth, or None

    Attributes
    ----------
    rows : (m,) labelled images; label, right : (m,) theirs; loss : kind -> (m,);
    certainty : (kind, scope) -> (m,)
    """

    def __init__(self, x, label, prototypes, identity=None, *, temperature: float = 0.05):
        whole = as_array(label)
        self.rows = np.flatnonzero(whole >= 0)
        self.label = torch.as_tensor(whole[self.rows])
        self.right = None if identity is None else right_labels(whole, identity)[self.rows]
        x = torch.as_tensor(as_array(x))[self.rows]
        self.loss = {
            kind: label_loss(x, self.label, prototypes, temperature=temperature, kind=kind).cpu()
            for kind in KINDS
        }
        groups = {"cluster": self.label, "global": None}
        self.certainty = {
            (kind, scope): label_certainty(loss, groups=groups[scope])
            for kind, loss in self.loss.items()
            for scope in SCOPES
        }

    def separation(self, kind: str, scope: str) -> float:
        """Chance that a right label is trusted more than a wrong one (0.5: certainty is blind)."""
        from sklearn.metrics import roc_auc_score

        if self.right is None or self.right.all() or not self.right.any():
            return float("nan")
        return float(roc_auc_score(self.right, self.certainty[kind, scope].numpy()))


def certainties(table: Certainties, *, kind: str = "neg_prob", scope: str = "cluster") -> Panel:
    """Choices of loss and scope, and a slider over clusters: the losses and their two Gaussians.

    On the right the certainty of all labels, right ones against wrong ones.
    """
    choose(kind, KINDS, "kind")
    choose(scope, SCOPES, "scope")

    def draw(kind: str, scope: str, cluster: int) -> Drawing:
        return _draw_trust(table, kind, scope, cluster)

    wide = {"layout": W.Layout(width="280px")}
    sizes = np.bincount(table.label)
    mixture = W.Dropdown(options=list(SCOPES), value=scope, description="mixture", **wide)
    which = W.IntSlider(int(sizes.argmax()), 0, len(sizes) - 1, description="cluster", **wide)
    W.dlink((mixture, "value"), (which, "disabled"), lambda scope: scope == "global")
    losses = W.Dropdown(options=list(KINDS), value=kind, description="loss", **wide)
    return Panel(draw, {"kind": losses, "scope": mixture, "cluster": which})


def _draw_trust(table: Certainties, kind: str, scope: str, cluster: int) -> Drawing:
    margins = {"left": 0.06, "right": 0.98, "bottom": 0.33, "top": 0.9, "wspace": 0.3}
    figure, (left, right) = canvas(2, width=9.8, height=3.7, ratios=[1.4, 1], margins=margins)
    loss, w = table.loss[kind].numpy(), table.certainty[kind, scope].numpy()
    mine = table.label.numpy() == cluster if scope == "cluster" else np.ones(len(loss), bool)
    where = f"cluster {cluster}" if scope == "cluster" else "all labels, one mixture"
    truth = None if table.right is None else table.right[mine]
    trust(loss[mine], w[mine], left, right=truth, xlabel=WORDS[kind], title=where)
    auc = table.separation(kind, scope)
    known = "" if np.isnan(auc) else f"right above wrong: {auc:.0%}"
    unsaid = "the truth is not known" if table.right is None else "all labels are right, or none is"
    _spread(table.right, w, right, known)
    return figure, (
        f"Losses ({kind}) of {int(mine.sum())} labels ({where}), split into two Gaussians; mean "
        f"certainty {w[mine].mean():.2f}. Over all labels, mixture per {scope}: mean certainty "
        f"{w.mean():.2f}; {known or unsaid}."
    )


def _spread(right, w: np.ndarray, ax, title: str) -> None:
    if right is None:
        histogram(w, ax, xlabel="certainty w, all labels", bins=np.linspace(0, 1, 11))
        return
    edges = np.linspace(0, 1, 6)
    parts = {
        word: np.histogram(w[rows], edges)[0] / max(1, rows.sum())
        for word, rows in (("right labels", right), ("wrong labels", ~right))
    }
    names = [f"{a:.1f}-{b:.1f}" for a, b in pairwise(edges)]
    beliefs(parts, ax, names=names, ylabel="share of labels", title=title)
    ax.set_xlabel("certainty w, all labels", fontsize=9)


def refined_labels(
    images: Images, label, certainty, views, *, start: float = 0.5, shown: int = 6,
    delta: float = 0.2,
) -> Panel:  # fmt: skip
    """A slider over images from doubted to trusted: the label before and after eq. 8.

    Parameters
    ----------
    images, label, certainty : (n,) the labelled images, their labels and how far they are trusted
    views : two (n, K) predictions, of the pictures and of their augmented views
    start : where to begin, 0 the most doubted image, 1 the most trusted one
    shown : labels drawn ; delta : of eq. 13
    """
    order = np.argsort(as_array(certainty), kind="stable")

    def draw(place: int, exchange: bool) -> Drawing:
        return _draw_label(images, label, certainty, views, (order[place], exchange, shown, delta))

    wide = {"layout": W.Layout(width="420px")}
    at, last = round(start * (len(order) - 1)), len(order) - 1
    return Panel(
        draw,
        {
            "place": W.IntSlider(at, 0, last, description="doubted to trusted", **wide),
            "exchange": W.Checkbox(True, description="exchange predictions"),
        },
    )


def _draw_label(images: Images, label, certainty, views, setting) -> Drawing:
    row, exchange, shown, delta = setting
    mine, w = torch.as_tensor(label)[row : row + 1], torch.as_tensor(certainty)[row : row + 1]
    own, augmented = (torch.as_tensor(v)[row : row + 1] for v in views)
    told = augmented if exchange else own
    after = refined_targets(mine, w, own, told if exchange else own)[0][0]
    best = torch.maximum(told[0], after)
    best[mine[0]] = 2.0
    order = best.argsort(descending=True, stable=True)[:shown].tolist()
    keep = float(adaptive_momentum(after[None], mine, delta=delta)[0])
    margins = {"left": 0.02, "right": 0.99, "bottom": 0.2, "top": 0.88, "wspace": 0.22}
    figure, axes = canvas(4, width=10.0, height=3.2, ratios=[0.5, 1, 1, 1], margins=margins)
    place = sheet(axes[0], [[thumbnail(images, int(row))]], above=12)[0][0]
    modality_frame(axes[0], place, images.modality[row])
    caption(axes[0], place, f"w = {float(w[0]):.2f}")
    names, hard = [str(k) for k in order], np.eye(len(order))[0]
    source = "the other view" if exchange else "the same view"
    for ax, title, part in (
        (axes[1], "before: pseudo-label", hard),
        (axes[2], f"predicted from {source}", told[0][order]),
        (axes[3], f"after: moves its prototype by {1 - keep:.0%}", after[order]),
    ):
        said = "p(label)" if ax is axes[1] else ""
        beliefs({"p(label)": part}, ax, names=names, right=0, ylabel=said, title=title)
        ax.set_xlabel("label", fontsize=9)
    p = float(after[mine[0]])
    return figure, (
        f"Image {row} with label {int(mine[0])}, certainty {float(w[0]):.2f}: {source} gives its "
        f"label {float(told[0][mine[0]]):.2f}, the refined label {p:.2f}; the old prototype keeps "
        f"the weight {keep:.2f}."
    )
