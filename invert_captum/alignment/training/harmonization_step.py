"""One optimisation step with the harmonization loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from invert_captum._log import warn
from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss
from invert_captum.alignment.training.optimization import (
    Batch,
    StepSettings,
    check_optimizer,
    check_scheduler,
    optimize,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn
    from torch.amp import GradScaler
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from invert_captum.alignment.loss.harmonization_loss import HarmonizationTerms


def harmonization_step(
    model: nn.Module,
    optimizer: Optimizer,
    images: Tensor,
    labels: Tensor,
    heatmaps: Tensor,
    tokens: Tensor | None = None,
    *,
    loss: Callable[..., HarmonizationTerms] | None = None,
    max_grad_norm: float | None = None,
    scheduler: LRScheduler | None = None,
    scaler: GradScaler | None = None,
    autocast_dtype: torch.dtype | None = None,
) -> HarmonizationTerms:
    """Train a model for one step on one batch with human maps.

    Gradients left over from before are dropped. The model keeps its mode: call ``model.train()``
    first, as the released code of Fel et al., NeurIPS 2022, does.

    Args:
        model: The network, images to logits (N, classes).
        optimizer: Any optimizer of its parameters whose ``step`` needs no closure.
        images: Shape (N, C, H, W).
        labels: Class indices, shape (N,), or one row for each image, shape (N, classes).
        heatmaps: Human maps, shape (N, H, W), at least 0.
        tokens: Shape (N,): 1 where an image has a human map, 0 where it has none. All 1 if None.
        loss: Called with the model and the four tensors; `HarmonizationLoss()` if None.
        max_grad_norm: Gradients are scaled down to this Euclidean norm, over all parameters, if
            theirs is larger.
        scheduler: Its ``step`` is called at the end, except where ``scaler`` left the step out.
            `ReduceLROnPlateau` is given the total loss.
        scaler: For training with float16. It leaves a step out if gradients are not finite.
        autocast_dtype: The loss runs under `torch.autocast` with this dtype.

    Returns:
        *HarmonizationTerms*: the terms of the loss before the step, detached.

    Raises:
        FloatingPointError: the total is not finite or, without ``scaler``, the gradients are not;
            the weights, buffers and the optimizer are as before, the gradients are None.
        TypeError: ``optimizer`` needs a closure, as L-BFGS does, or ``loss`` cannot be called or
            returns something else.
        ValueError: none of the optimizer's parameters is the model's or gets a gradient,
            ``scheduler`` is of another optimizer, ``max_grad_norm`` is not above 0, or what the
            loss refuses.

    Warns:
        InvertCaptumWarning: ``autocast_dtype`` is float16, and there is no ``scaler``.

    Examples:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> model = torch.nn.Sequential(
        ...     torch.nn.Conv2d(3, 4, 3), torch.nn.Softplus(),
        ...     torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2),
        ... )
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> images, heatmaps = torch.rand(8, 3, 16, 16), torch.rand(8, 16, 16)
        >>> labels = torch.arange(8) % 2
        >>> first = harmonization_step(model, optimizer, images, labels, heatmaps)
        >>> second = harmonization_step(model, optimizer, images, labels, heatmaps)
        >>> bool(second.total < first.total)
        True
    """
    check_optimizer(model, optimizer)
    check_scheduler(scheduler, optimizer)
    if autocast_dtype == torch.float16 and not (scaler and scaler.is_enabled()):
        warn(
            "autocast_dtype is torch.float16 without a scaler: small gradients become 0; give a "
            "torch.amp.GradScaler, or use torch.bfloat16"
        )
    settings = StepSettings(
        HarmonizationLoss() if loss is None else loss,
        max_grad_norm=max_grad_norm,
        scaler=scaler,
        autocast_dtype=autocast_dtype,
    )
    outcome = optimize(model, optimizer, [Batch(images, labels, heatmaps, tokens)], settings)
    if scheduler is not None:
        outcome.advance(scheduler)
    return outcome.terms
