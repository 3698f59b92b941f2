"""The model that a command line names."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from invert_captum._log import warn
from invert_captum._validation import nearest_names
from invert_captum.cli.imports import import_function
from invert_captum.cli.weights import load_state, read_state

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

TORCHVISION = "torchvision:"


def load_model(spec: str, weights: Path | None) -> nn.Module:
    """Return the model that ``spec`` names, with the state dict in the file ``weights``.

    Args:
        spec: ``torchvision:NAME``, or ``package.module:function``, which is imported and called.
        weights: A safetensors or PyTorch file; None leaves the model as it is made.

    Raises:
        TypeError: If the function does not return a module.
        ValueError: If there is no such model, or ``weights`` cannot be read or does not fit it.
        OSError: If ``weights`` cannot be opened.
    """
    if spec.startswith(TORCHVISION):
        model = _torchvision_model(spec.removeprefix(TORCHVISION))
        if weights is None:
            warn(f"--model {spec} without --weights has random weights: its labels mean nothing")
    else:
        model = _called_model(spec)
    if weights is not None:
        load_state(model, read_state(weights), weights)
    return model.eval()


def _torchvision_model(name: str) -> nn.Module:
    from torchvision import models

    known = models.list_models()
    if name not in known:
        near = nearest_names(name, known)
        raise ValueError(f"--model names {name!r}; torchvision has no such model; nearest: {near}")
    choices = {"weights": None}
    # Models of parts of a picture would download the weights of a classifier otherwise.
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        choices["weights_backbone"] = None
    model: nn.Module = models.get_model(name, **choices)
    return model


def _called_model(spec: str) -> nn.Module:
    from torch import nn

    model = import_function(spec, "--model")()
    if not isinstance(model, nn.Module):
        came = type(model).__name__
        raise TypeError(f"--model {spec} returned a {came}; expected a torch.nn.Module")
    return model
