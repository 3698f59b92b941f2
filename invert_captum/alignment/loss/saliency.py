"""The saliency that the loss trains: the gradient of the target logits at the images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from invert_captum.alignment.loss.second_derivatives import (
    refuse_compiled,
    refuse_single_derivatives,
)

if TYPE_CHECKING:
    from torch import nn

# Where the largest value of a gradient in float16 is put: far below the largest number that
# float16 has, 2¹⁶, and far above 2⁻¹⁴, under which it loses bits.
_EXPONENT = -10
_LARGEST_SCALE = 2.0**15


def signed_saliency(
    model: nn.Module,
    images: torch.Tensor,
    logits: torch.Tensor,
    weights: torch.Tensor,
    *,
    create_graph: bool,
    float16: bool,
) -> torch.Tensor:
    """Return the mean over channels of the gradient of the target logits at the images.

    Args:
        model: What made the logits, for error messages.
        images: Of shape (N, C, H, W), requiring gradients.
        logits: Of shape (N, K).
        weights: Labels as weights of the classes, of shape (N, K).
        create_graph: Whether the saliency is to be differentiated further.
        float16: Whether the model computes in float16, in which the small gradients of images
            become 0. The logits are then multiplied by a power of two, and the gradient divided.

    Returns:
        The saliency, of shape (N, H, W) and the type of ``weights``.

    Raises:
        ValueError: If there is no gradient, or it cannot be differentiated further.
    """
    gradient = None
    scale = 1.0
    if logits.requires_grad:
        if create_graph:
            refuse_compiled(logits)
        scale = _scale(logits, images, weights) if float16 else 1.0
        gradient = _gradient(logits, images, weights * scale, create_graph=create_graph)
    if gradient is None:
        raise ValueError(
            "the model's logits do not depend on images by a gradient, so that there is no "
            "saliency to compare with heatmaps; it may run under torch.no_grad or detach or "
            "quantise its input"
        )
    if create_graph:
        refuse_single_derivatives(model, gradient)
    return gradient.to(weights.dtype).mean(dim=1) / scale


def _gradient(
    logits: torch.Tensor, images: torch.Tensor, weights: torch.Tensor, *, create_graph: bool
) -> torch.Tensor | None:
    (gradient,) = torch.autograd.grad(
        logits,
        images,
        weights.to(logits),
        create_graph=create_graph,
        retain_graph=True,
        allow_unused=True,
    )
    return gradient


def _scale(logits: torch.Tensor, images: torch.Tensor, weights: torch.Tensor) -> float:
    """Return the power of two that brings the largest gradient near 2⁻¹⁰; 1 if it is above."""
    for tried in (1.0, _LARGEST_SCALE):
        gradient = _gradient(logits, images, weights * tried, create_graph=False)
        if gradient is None:
            return 1.0
        largest = float(gradient.abs().max())
        if largest > 0:
            break
    if largest == 0 or not math.isfinite(largest):
        return 1.0
    scale = tried * 2.0 ** (_EXPONENT - math.floor(math.log2(largest)))
    return min(max(scale, 1.0), _LARGEST_SCALE)
