"""The scores of one batch: its maps, its predictions, and how far they agree with people."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from invert_captum._validation import listed
from invert_captum.alignment.evaluation.attribution_maps import single_maps
from invert_captum.alignment.metrics.spearman import spearman_correlation
from invert_captum.alignment.metrics.top_pixels import dice, intersection_over_union
from invert_captum.alignment.probabilities import warn_of_probabilities

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    from invert_captum.alignment.evaluation.attribution_maps import MapFunction
    from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings
    from invert_captum.alignment.evaluation.mapped_images import MappedImages

# How far rounding takes a sum of probabilities from 1, in bfloat16 too.
_ROUNDED = 0.02


class BatchScores(NamedTuple):
    """The scores of the n rows of a batch that have a human map, each of shape (n,).

    The last two say which human maps and which maps of the model are constant.
    """

    spearman: npt.NDArray[np.float64]
    dice: npt.NDArray[np.float64]
    iou: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    fingerprints: npt.NDArray[np.uint64]
    constant_human: npt.NDArray[np.bool_]
    constant_model: npt.NDArray[np.bool_]


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
        ValueError: The model gives another shape than (n, classes), or NaN, it has not the classes
            of the labels, or attributions are of another size, NaN or infinite.
    """
    predicted = _predictions(model, batch)
    with torch.enable_grad():
        attributions = explain(batch.images, batch.labels)
    maps = single_maps(
        attributions, batch.images, settings.channel_reduction, f"batch {batch.number}"
    )
    maps = maps.to(batch.heatmaps.device)
    return BatchScores(
        _numbers(spearman_correlation(batch.heatmaps, maps)),
        _numbers(dice(batch.heatmaps, maps, settings.percentile)),
        _numbers(intersection_over_union(batch.heatmaps, maps, settings.percentile)),
        batch.labels.cpu().numpy(),
        predicted.cpu().numpy(),
        map_fingerprints(batch.heatmaps),
        _is_constant(batch.heatmaps),
        _is_constant(maps),
    )


def map_fingerprints(heatmaps: Tensor) -> npt.NDArray[np.uint64]:
    """Return a checksum of the float32 values of each map, the same on every machine.

    Args:
        heatmaps: Shape (n, H, W).

    Returns:
        64 bits of BLAKE2b, uint64, shape (n,).

    Examples:
        >>> one, other, again = map_fingerprints(torch.tensor([[[0.0]], [[1.0]], [[0.0]]]))
        >>> bool(one == again), bool(one == other)
        (True, False)
    """
    values = heatmaps.detach().cpu().float().numpy().astype("<f4", copy=False)
    digests = (hashlib.blake2b(own.tobytes(), digest_size=8).digest() for own in values)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def check_model(model: nn.Module, batch: MappedImages, *, gradient: bool) -> None:
    """Check on the first image of a batch whether a model can be explained.

    Args:
        model: In eval mode.
        batch: On its device, of at least one row.
        gradient: Whether its logits must depend on images by a gradient.

    Raises:
        TypeError: The model gives no tensor.
        ValueError: It gives another shape than (1, classes), or has no gradient.

    Warns:
        InvertCaptumWarning: What it gives looks like probabilities.

    Examples:
        >>> from torch import nn
        >>> from invert_captum.alignment.evaluation.mapped_images import mapped_images
        >>> class Rounding(nn.Module):
        ...     def forward(self, images):
        ...         return images.flatten(1).detach()
        >>> data = [(torch.rand(1, 1, 2, 2), torch.tensor([0]), torch.rand(1, 2, 2))]
        >>> check_model(Rounding(), next(mapped_images(data, "cpu")), gradient=True)
        Traceback (most recent call last):
            ...
        ValueError: model has no gradient from its logits to its images, so that ...
    """
    own = batch.images[:1].clone().requires_grad_(gradient)
    with torch.set_grad_enabled(gradient):
        logits = _logits(model, own, batch.number)
        found = None
        if logits.requires_grad:
            (found,) = torch.autograd.grad(logits.sum(), own, allow_unused=True)
    _warn_of_probabilities(logits.detach())
    if gradient and found is None:
        raise ValueError(
            "model has no gradient from its logits to its images, so that there is no saliency; "
            "expected one without detach or no_grad on the way, or an attribution without "
            "gradients, such as captum.attr.Occlusion"
        )


def _logits(model: nn.Module, images: Tensor, number: int) -> Tensor:
    """Return what the model gives for images of a batch, if it is of the shape (n, classes)."""
    logits: Any = model(images)
    n = len(images)
    if not isinstance(logits, Tensor):
        raise TypeError(
            f"model gives a {type(logits).__name__} for batch {number}; expected logits, a tensor "
            f"({n}, classes), from a module that returns only these"
        )
    if logits.ndim != 2 or len(logits) != n:
        raise ValueError(
            f"model gives shape {tuple(logits.shape)} for images {tuple(images.shape)} of batch "
            f"{number}; expected logits ({n}, classes)"
        )
    return logits


def _warn_of_probabilities(logits: Tensor) -> None:
    is_share = ((logits >= 0) & (logits <= 1)).all()
    if logits.shape[1] > 1 and is_share and abs(float(logits.sum()) - 1) < _ROUNDED:
        warn_of_probabilities()


def _predictions(model: nn.Module, batch: MappedImages) -> Tensor:
    """Return the predicted classes, int64 (n,), after a check of logits and labels."""
    with torch.no_grad():
        # A copy, because a model may work in place on what it is given.
        logits = _logits(model, batch.images.clone(), batch.number)
    without = logits.isnan().any(1).cpu()
    if without.any():
        raise ValueError(
            f"model gives NaN for batch {batch.number}, in rows "
            f"{listed(batch.rows[without].tolist())}, so that it predicts no class; expected logits"
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


def _numbers(scores: Tensor) -> npt.NDArray[np.float64]:
    # Not every device has float64.
    return scores.detach().cpu().double().numpy()


def _is_constant(maps: Tensor) -> npt.NDArray[np.bool_]:
    flat = maps.flatten(1)
    return (flat == flat[:, :1]).all(1).cpu().numpy()
