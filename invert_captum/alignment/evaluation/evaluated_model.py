"""Whether a model can be evaluated here, and where it is."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn

from invert_captum._validation import shown


def check_evaluable(model: object, caller: str) -> None:
    """Raise unless ``model`` is a module and gradients are possible.

    Args:
        model: What is to be evaluated.
        caller: The function that was called, for the message.

    Raises:
        TypeError: The model is no module.
        ValueError: `torch.inference_mode` is on.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {shown(model)}; expected a torch.nn.Module")
    if torch.is_inference_mode_enabled():
        raise ValueError(
            f"{caller} is called under torch.inference_mode, in which nothing has "
            "gradients; expected a call outside, or torch.no_grad, which it lifts where it must"
        )


def device_of(model: nn.Module) -> torch.device | str:
    """Return where the first parameter or buffer of a model is, the CPU without any.

    Examples:
        >>> str(device_of(nn.Linear(2, 3)))
        'cpu'
    """
    tensor = next(chain(model.parameters(), model.buffers()), None)
    return "cpu" if tensor is None else tensor.device
