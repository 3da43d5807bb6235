"""iMCA: one label space for both modalities, by nearest prototypes in turns of direction."""

import torch

from vireid.association.rows import images, like, pair
from vireid.association.shared import cross_label
from vireid.clustering import prototypes
from vireid.neighbours import nearest


def imca(visible, infrared, *, epoch: int):
    r"""Give each cluster of one modality the number of its most similar cluster in the other.

    .. math:: j^*(i) = \arg\max_j \phi^v_i \cdot \phi^r_j \;(e \text{ even}), \qquad
              i^*(j) = \arg\max_i \phi^v_i \cdot \phi^r_j \;(e \text{ odd})

    In even epochs visible clusters are renamed and the label space is the infrared one; in odd
    epochs the reverse. Several clusters may take one number and thereby merge; nobody is left out,
    and a number that nobody chose keeps images of its own modality only. Ties fall to the smallest.

    Parameters
    ----------
    visible, infrared : (K_v, d) and (K_r, d) prototypes, normalised inside
    epoch : 0-based epoch of stage 2

    Returns (label_of_visible_cluster (K_v,), label_of_infrared_cluster (K_r,), label space), where
    the label space is "visible" or "infrared", the modality whose numbers stay as they are.
    Raises ValueError for an empty side, bad rows, different widths, a bad epoch.
    Source: DMDL (arXiv 2512.03745) eq. 2. Differs: the released sort breaks ties at random.
    """
    renamed_visible = _visible_is_renamed(epoch)
    v, r = pair(visible, infrared)
    source, target = (v, r) if renamed_visible else (r, v)
    label = nearest(source, 1, among=target)[0][:, 0]
    kept = torch.arange(len(target), device=target.device)
    return _ordered(label, kept, renamed_visible, visible)


def imca_samples(x_visible, x_infrared, labels_visible, labels_infrared, *, epoch: int):
    r"""Give each *image* of one modality the label of its most similar image in the other.

    .. math:: \hat y_i = y_{\arg\max_j f_i \cdot f_j}

    Outliers may gain a label that way, and clustered images lose theirs to an outlier's -1.

    Parameters
    ----------
    x_visible, x_infrared : (n_v, d) and (n_r, d) features, normalised inside
    labels_visible, labels_infrared : own labels, -1 outlier
    epoch : 0-based; even renames visible images, odd infrared ones

    Returns (labels_visible, labels_infrared, label space) in one label space.
    Raises ValueError as ``imca``, and for labels that do not fit the features.
    Source: DMDL's released code for RegDB; not in the paper.
    """
    renamed_visible = _visible_is_renamed(epoch)
    v, r, y_v, y_r = images(x_visible, x_infrared, labels_visible, labels_infrared)
    source, target, kept = (v, r, y_r) if renamed_visible else (r, v, y_v)
    label = kept[nearest(source, 1, among=target)[0][:, 0]]
    return _ordered(label, kept, renamed_visible, labels_visible)


def imca_labels(
    x_visible, x_infrared, labels_visible, labels_infrared, *, epoch: int, matching: str = "cluster"
):
    """Labels of all images in one label space, -1 where an image has none.

    Parameters
    ----------
    x_visible, x_infrared, labels_visible, labels_infrared, epoch : as ``imca_samples``
    matching : "cluster" renames whole clusters by ``imca`` (outliers stay -1), "sample" single
        images by ``imca_samples``, "regdb_mix" takes turns as ``regdb_mix`` says

    Returns (labels_visible, labels_infrared, label space); the label space's clusters are numbered
    without gaps, the other modality may lack some of them.
    Raises NoClustersError (a ValueError) when a modality has outliers only; ValueError as ``imca``.
    Source: DMDL (arXiv 2512.03745), label propagation after eq. 2.
    """
    if matching == "regdb_mix":
        matching = regdb_mix(epoch)
    if matching not in ("cluster", "sample"):
        raise ValueError(f"matching={matching!r}; known: cluster, sample, regdb_mix")
    if matching == "sample":
        return imca_samples(x_visible, x_infrared, labels_visible, labels_infrared, epoch=epoch)
    v, r, y_v, y_r = images(x_visible, x_infrared, labels_visible, labels_infrared)
    of_visible, of_infrared, space = imca(prototypes(v, y_v), prototypes(r, y_r), epoch=epoch)
    unified = cross_label(y_v, of_visible), cross_label(y_r, of_infrared)
    return *(like(y, labels_visible) for y in unified), space


def regdb_mix(epoch: int) -> str:
    """Matching that the released RegDB run uses in an epoch: two by "cluster", three by "sample".

    Source: DMDL's released code (e mod 5 < 2); the paper matches clusters on all data sets.
    """
    _visible_is_renamed(epoch)
    return "cluster" if epoch % 5 < 2 else "sample"


def _visible_is_renamed(epoch: int) -> bool:
    if epoch != int(epoch) or epoch < 0:
        raise ValueError(f"epoch={epoch}; give the 0-based number of the epoch in its stage")
    return epoch % 2 == 0


def _ordered(label, kept, renamed_visible: bool, given):
    pairs = (label, kept) if renamed_visible else (kept, label)
    return *(like(y, given) for y in pairs), "infrared" if renamed_visible else "visible"
