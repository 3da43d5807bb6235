"""VRNL: pull an embedding to all of its neighbours in a frozen bank of every training image."""

from collections.abc import Sequence

from torch import Tensor

from vireid.arguments import LabelError, tensor_of
from vireid.association.neighbour_sets import pairs
from vireid.losses.contrast import scores


def neighbour(
    x: Tensor,
    bank: Tensor,
    neighbour_sets: Sequence,
    *,
    temperature: float,
    reduction: str = "pair",
) -> Tensor:
    r"""Mean surprise, in nats, at picking the neighbours out of the whole bank.

    .. math:: \ell_{ij} = -\log\frac{\exp(q_i \cdot u_j / \tau)}{\sum_l \exp(q_i \cdot u_l / \tau)}

    Parameters
    ----------
    x : (b, d) features of the queries, normalised inside
    bank : (m, d) unit rows, the stored features of one modality; a constant for gradients
    neighbour_sets : b index arrays into the bank; their order does not matter
    temperature : tau > 0
    reduction : "pair" divides the sum over pairs by the number of pairs, "query" by b

    Queries without neighbours add nothing; no pair at all gives 0 with zero gradient. The
    denominator costs one logsumexp per query, not one per pair.
    Raises ValueError for a wrong length, temperature or reduction, IndexError for a neighbour
    outside the bank.
    Source: multi-module framework (VRNL loss); TokenMatcher's code takes the mean over pairs, the
    paper's text mentions the batch size, which is "query".
    """
    x = tensor_of(x)
    if len(neighbour_sets) != len(x):
        raise ValueError(
            f"neighbour_sets has {len(neighbour_sets)} sets for {len(x)} rows of x; give one each"
        )
    if reduction not in ("pair", "query"):
        raise ValueError(f"reduction={reduction!r}; known: pair, query")
    row, column = (index.to(x.device) for index in pairs(neighbour_sets))
    score = scores(x, bank, temperature)  # (b, m)
    if not len(row):
        return (score * 0).sum()
    if column.min() < 0 or column.max() >= len(bank):
        raise LabelError(
            f"neighbour_sets point at rows {int(column.min())} to {int(column.max())} of a bank "
            f"of {len(bank)}"
        )
    surprise = score.logsumexp(1)[row] - score[row, column]
    return surprise.sum() / (len(row) if reduction == "pair" else len(x))


def vrnl_terms(epoch: int, *, combine: str = "alternate") -> tuple[str, ...]:
    """Neighbour losses an epoch (from 0) adds; "vr" = visible queries, infrared bank.

    Even epochs take vv, rr and vr, odd epochs vv, rr and rv; ``combine="sum"`` takes all four
    always. Raises ValueError for an unknown ``combine`` and epochs below 0.
    Source: TokenMatcher's released code (alternate); the multi-module paper's text (sum).
    """
    if combine not in ("alternate", "sum"):
        raise ValueError(f"combine={combine!r}; known: alternate, sum")
    if epoch < 0:
        raise ValueError(f"epoch={epoch}; epochs count from 0")
    crossing = ("vr", "rv") if combine == "sum" else (("vr", "rv")[epoch % 2],)
    return ("vv", "rr", *crossing)
