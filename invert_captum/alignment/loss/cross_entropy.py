"""Cross-entropy of smoothed labels, with the reference's gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def smoothed_cross_entropy(
    logits: torch.Tensor, weights: torch.Tensor, label_smoothing: float
) -> torch.Tensor:
    """Return the mean over rows of ``-sum(weights * log_softmax(logits))``, smoothed.

    The gradient is ``softmax - weights`` over the number of rows, also where the weights of a row
    do not sum to one, as TensorFlow has it; the value is the formula's.

    Args:
        logits: Of shape (N, K).
        weights: Labels as weights of the classes, of shape (N, K).
        label_smoothing: The share of each row that is spread over all classes, in [0, 1].
    """
    # Small numbers: the difference of large ones would lose its digits. The loss stays the same.
    logits = logits - logits.detach().amax(dim=1, keepdim=True)
    weights = weights * (1 - label_smoothing) + label_smoothing / logits.shape[1]
    normalisers = logits.logsumexp(dim=1)
    matched = (weights * logits).sum(dim=1)
    surplus = (weights.sum(dim=1) - 1) * normalisers.detach()
    return (normalisers - matched + surplus).mean()
