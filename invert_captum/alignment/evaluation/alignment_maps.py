"""`alignment_maps`: the maps of a model that an evaluation compares with those of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from invert_captum._validation import check_choice, shown
from invert_captum.activations import evaluating
from invert_captum.alignment.evaluation.attribution_maps import (
    CHANNEL_REDUCTIONS,
    AttributionMethod,
    ChannelReduction,
    map_function,
    single_maps,
)
from invert_captum.alignment.evaluation.evaluated_model import check_evaluable, device_of
from invert_captum.alignment.evaluation.mapped_images import mapped_images

if TYPE_CHECKING:
    from collections.abc import Mapping


def alignment_maps(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    attribution: AttributionMethod = None,
    *,
    channel_reduction: ChannelReduction = "max_absolute",
    attribution_arguments: Mapping[str, Any] | None = None,
) -> Tensor:
    """Return the maps that `evaluate_alignment` compares with human ones, such as to draw them.

    Args:
        model: Gives logits (N, classes) for images. It is in eval mode while it runs and
            afterwards as it was.
        images: Shape (N, C, H, W), explained at once, on the device of the model's first parameter.
        labels: What is explained, class indices (N,) or one-hot (N, classes).
        attribution: What explains; see `evaluate_alignment`.
        channel_reduction: What makes one map of attributions with channels: ``"max_absolute"``,
            ``"mean"`` or ``"sum"``.
        attribution_arguments: Further arguments of Captum's ``attribute``.

    Returns:
        *Tensor*: Maps (N, H, W), detached, on the model's device.

    Raises:
        TypeError: An argument has a wrong type.
        ValueError: An argument has no valid value, sizes do not fit, `torch.inference_mode` is on,
            or an attribution is of another size, NaN or infinite.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.arange(8.0).reshape(2, 4))
        >>> alignment_maps(model, torch.rand(1, 1, 2, 2), torch.tensor([1])).tolist()
        [[[4.0, 5.0], [6.0, 7.0]]]
    """
    check_evaluable(model, "alignment_maps")
    check_choice("channel_reduction", channel_reduction, CHANNEL_REDUCTIONS)
    if not isinstance(images, Tensor) or images.ndim != 4:
        came = tuple(images.shape) if isinstance(images, Tensor) else shown(images)
        raise TypeError(f"images is {came}; expected a tensor (N, C, H, W)")
    explain, _ = map_function(model, attribution, attribution_arguments)
    # The checks of images and labels are those of an evaluation, which has human maps, too.
    unused = images.new_zeros((len(images), *images.shape[2:]))
    (batch,) = mapped_images([(images, labels, unused)], device_of(model))
    with evaluating(model), torch.enable_grad():
        attributions = explain(batch.images, batch.labels)
    return single_maps(attributions, batch.images, channel_reduction, "images")
