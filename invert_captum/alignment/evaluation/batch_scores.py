"""The scores of one batch: its maps, its predictions, and how far they agree with people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from invert_captum._validation import listed
from invert_captum.alignment.evaluation.attribution_maps import single_maps
from invert_captum.alignment.metrics.spearman import spearman_correlation
from invert_captum.alignment.metrics.top_pixels import dice, intersection_over_union

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from invert_captum.alignment.evaluation.alignment_scores import EvaluationSettings
    from invert_captum.alignment.evaluation.attribution_maps import MapFunction
    from invert_captum.alignment.evaluation.mapped_images import MappedImages


class BatchScores(NamedTuple):
    """The scores of the n rows of a batch that have a human map, each of shape (n,)."""

    spearman: npt.NDArray[np.float64]
    dice: npt.NDArray[np.float64]
    iou: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]


def score_batch(
    model: nn.Module, explain: MapFunction, batch: MappedImages, settings: EvaluationSettings
) -> BatchScores:
    """Score the rows of a batch, of which there is at least one.

    Args:
        model: In eval mode.
        explain: From images and class indices to attributions.
        batch: On the model's device.
        settings: How they are scored.

    Raises:
        TypeError: The model gives no tensor, or the attributions are none.
        ValueError: The model gives another shape than (n, classes), it has not the classes of the
            labels, or attributions are of another size, NaN or infinite.
    """
    predicted = _predictions(model, batch)
    with torch.enable_grad():
        attributions = explain(batch.images, batch.labels)
    maps = single_maps(
        attributions, batch.images, settings.channel_reduction, f"batch {batch.number}"
    )
    maps, heatmaps = _of_one_type(maps, batch.heatmaps)
    return BatchScores(
        _numbers(spearman_correlation(heatmaps, maps)),
        _numbers(dice(heatmaps, maps, settings.percentile)),
        _numbers(intersection_over_union(heatmaps, maps, settings.percentile)),
        batch.labels.cpu().numpy(),
        predicted.cpu().numpy(),
    )


def check_input_gradient(model: nn.Module, images: Tensor) -> None:
    """Raise `ValueError` unless the logits of ``model`` depend on images by a gradient.

    Examples:
        >>> from torch import nn
        >>> class Rounding(nn.Module):
        ...     def forward(self, images):
        ...         return images.flatten(1).detach()
        >>> check_input_gradient(Rounding(), torch.rand(1, 1, 2, 2))
        Traceback (most recent call last):
            ...
        ValueError: model has no gradient from its logits to its images, so that ...
    """
    own = images.clone().requires_grad_()
    gradient = None
    with torch.enable_grad():
        total = model(own).sum()
        if total.requires_grad:
            (gradient,) = torch.autograd.grad(total, own, allow_unused=True)
    if gradient is None:
        raise ValueError(
            "model has no gradient from its logits to its images, so that there is no saliency; "
            "expected one without detach or no_grad on the way, or an attribution without "
            "gradients, such as captum.attr.Occlusion"
        )


def _predictions(model: nn.Module, batch: MappedImages) -> Tensor:
    """Return the predicted classes, int64 (n,), after a check of logits and labels."""
    with torch.no_grad():
        # A copy, because a model may work in place on what it is given.
        logits: Any = model(batch.images.clone())
    n = len(batch.images)
    if not isinstance(logits, Tensor):
        raise TypeError(
            f"model gives a {type(logits).__name__} for batch {batch.number}; expected logits, a "
            f"tensor ({n}, classes), from a module that returns only these"
        )
    if logits.ndim != 2 or len(logits) != n:
        raise ValueError(
            f"model gives shape {tuple(logits.shape)} for the {n} images with a human map of batch "
            f"{batch.number}; expected logits ({n}, classes)"
        )
    n_classes = logits.shape[1]
    if batch.n_label_classes not in (None, n_classes):
        raise ValueError(
            f"labels of batch {batch.number} are one-hot of {batch.n_label_classes} classes, but "
            f"the model gives {n_classes}; expected as many"
        )
    wrong = (batch.labels < 0) | (batch.labels >= n_classes)
    if wrong.any():
        raise ValueError(
            f"labels of batch {batch.number} has {listed(batch.labels[wrong].tolist())}, but the "
            f"model gives {n_classes} classes; expected indices from 0 to {n_classes - 1}"
        )
    return logits.argmax(1)


def _of_one_type(maps: Tensor, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in the wider of their types and on one device, at least in float32."""
    dtype = torch.promote_types(torch.promote_types(maps.dtype, heatmaps.dtype), torch.float32)
    return maps.to(heatmaps.device, dtype), heatmaps.to(dtype)


def _numbers(scores: Tensor) -> npt.NDArray[np.float64]:
    # Not every device has float64.
    return scores.detach().cpu().double().numpy()
