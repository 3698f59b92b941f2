"""Which parameters the weight decay of the harmonization loss holds."""

from __future__ import annotations

import torch
from torch import nn

_LEFT_OUT_KINDS = (
    nn.modules.batchnorm._NormBase,  # noqa: SLF001 - the base of batch and instance norms
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.Embedding,
    nn.EmbeddingBag,
)
_LEFT_OUT = ("embed", "norm", "class_token", "cls_token", "dist_token")


def decayed_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the trainable parameters that weight decay holds, by their dotted name.

    Left out are the parameters of normalization layers and embeddings: those of torch's
    normalization modules and ``torch.nn.Embedding``, and all whose dotted name has a part that
    contains "norm", "embed", "class_token", "cls_token" or "dist_token", in whatever case.
    Biases are decayed, and so is the head. The reference decides by the names of Keras, which
    its users gave as they liked; here the kind of the layer comes first.

    Args:
        model: The model.

    Returns:
        *dict[str, Parameter]*, in the order of ``model.named_parameters()``.

    Source: the released code of Fel et al., NeurIPS 2022.

    Examples:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten())
        >>> list(decayed_parameters(model))
        ['0.weight', '0.bias']
    """
    left_out = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, _LEFT_OUT_KINDS)
        for parameter in module.parameters(recurse=False)
    }
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
        and id(parameter) not in left_out
        and not any(word in name.lower() for word in _LEFT_OUT)
    }


def half_squared_norm(parameters: dict[str, nn.Parameter], like: torch.Tensor) -> torch.Tensor:
    """Return half the sum of all squares, in at least float32, on the device of ``like``."""
    total = like.new_zeros(())
    for parameter in parameters.values():
        weights = parameter.to(torch.promote_types(parameter.dtype, torch.float32))
        total = total + weights.square().sum().to(total)
    return total / 2
