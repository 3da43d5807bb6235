"""OCLR: what one memory says about an image teaches what another says, in one label space."""

from torch import Tensor
from torch.nn.functional import log_softmax, softmax

from vireid.arguments import check_rows, tensor_of


def oclr(
    source_logits: Tensor, target_logits: Tensor, *, sharpen: float = 0.2, detach: bool = False
) -> Tensor:
    r"""Cross-entropy of the source's prediction under the target's sharpened prediction.

    .. math:: \ell = -\tfrac1b \sum_i \sum_k \operatorname{softmax}(t_i / \rho)_k
              \log \operatorname{softmax}(p_i)_k

    Parameters
    ----------
    source_logits, target_logits : (b, K) similarities to prototypes, already divided by tau
    sharpen : rho in (0, inf); 0.2 makes the target's temperature a fifth of the source's
    detach : True stops the gradient through the target

    Returns the batch mean in nats, never below the mean entropy of the sharpened targets.
    Raises ValueError for shapes that differ, an empty batch, NaN, sharpen <= 0.
    Source: MULT (arXiv 2402.00672) eq. 19. Differs: the paper is silent on the target's gradient,
    the released code lets it flow (default).
    """
    source_logits, target_logits = map(tensor_of, (source_logits, target_logits))
    if source_logits.shape != target_logits.shape or source_logits.ndim != 2:
        raise ValueError(
            f"source_logits {tuple(source_logits.shape)} and target_logits "
            f"{tuple(target_logits.shape)} must both be (b, K): same images, same label space"
        )
    if not source_logits.numel():
        raise ValueError(
            "source_logits is empty; skip this stream when the batch has no image of it"
        )
    source_logits = check_rows(source_logits, "source_logits")
    target_logits = check_rows(target_logits, "target_logits")
    if not sharpen > 0:
        raise ValueError(f"sharpen={sharpen}; give a ratio > 0, the paper's is 0.2")
    target = softmax((target_logits.detach() if detach else target_logits) / sharpen, 1)  # (b, K)
    return -(target * log_softmax(source_logits, 1)).sum(1).mean()
