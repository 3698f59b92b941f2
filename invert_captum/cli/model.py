"""The model and the preprocessing that a command line names."""

from __future__ import annotations

import importlib
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invert_captum._log import warn
from invert_captum._validation import nearest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from PIL.Image import Image
    from torch import Tensor, nn

    Preprocess = Callable[[Image], Tensor]

_TORCHVISION = "torchvision:"
_PLAIN_SIZE = 224
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SHOWN_KEYS = 3


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
    if spec.startswith(_TORCHVISION):
        model = _torchvision_model(spec.removeprefix(_TORCHVISION))
        if weights is None:
            warn(f"--model {spec} without --weights has random weights: its labels mean nothing")
    else:
        model = _called_model(spec)
    if weights is not None:
        _load_state(model, read_state(weights), weights)
    return model.eval()


def choose_preprocess(spec: str, model: str, image_size: int | None) -> Preprocess:
    """Return what turns an RGB picture into the input of a model.

    Args:
        spec: ``package.module:function``, which is imported; empty for that of the model.
        model: The model as given to `load_model`: a torchvision model brings the preprocessing of
            its published weights (none of which is downloaded).
        image_size: Side in pixels in place of the preprocessing's own.
    """
    if spec:
        if image_size is not None:
            raise ValueError("--image-size and --preprocess exclude each other; expected one")
        chosen: Preprocess = import_function(spec, "--preprocess")
        return chosen
    from torchvision import models, transforms

    if model.startswith(_TORCHVISION):
        published = models.get_model_weights(model.removeprefix(_TORCHVISION)).DEFAULT
        sizes = {} if image_size is None else {"crop_size": image_size, "resize_size": image_size}
        own: Preprocess = published.transforms(**sizes)
        return own
    size = image_size or _PLAIN_SIZE
    plain: Preprocess = transforms.Compose(
        [
            transforms.Resize(size, antialias=True),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(_IMAGENET_MEAN, _IMAGENET_STD),
        ]
    )
    return plain


def import_function(spec: str, option: str) -> Callable[..., Any]:
    """Import the function that ``package.module:function`` names, also from the current folder."""
    module_name, _, name = spec.partition(":")
    if not module_name or not name:
        raise ValueError(f"{option} is {spec!r}; expected package.module:function")
    # Last, so that a file of the current folder cannot stand in for an installed package.
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{option} is {spec!r}, which cannot be imported: {error}") from error
    finally:
        sys.path.remove(here)
    function = getattr(module, name, None)
    if function is None:
        near = nearest_names(name, [known for known in dir(module) if not known.startswith("_")])
        raise ValueError(f"{option} is {spec!r}; {module_name} has no {name!r}; nearest: {near}")
    if not callable(function):
        raise TypeError(f"{option} is {spec!r}, a {type(function).__name__}; expected a function")
    called: Callable[..., Any] = function
    return called


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a file, which is read as plain tensors and never as code.

    Raises:
        ValueError: If the file has another ending, is damaged, or holds anything but tensors.
        OSError: If it cannot be opened.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--weights is {str(path)!r}; expected a file that exists")
    if path.suffix == ".safetensors":
        state = _read_safetensors(path)
    elif path.suffix in (".pt", ".pth"):
        state = _read_torch(path)
    else:
        raise ValueError(f"--weights is {str(path)!r}; expected .safetensors, .pt or .pth")
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    return _checked_state(state, path)


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"--weights {str(path)!r} is no safetensors file: {error}") from error


def _read_torch(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        raise ValueError(
            f"--weights {str(path)!r} is not a PyTorch file of plain tensors; expected what "
            "torch.save(model.state_dict(), path) writes"
        ) from error


def _checked_state(state: Any, path: Path) -> dict[str, Tensor]:
    import torch

    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise ValueError(
            f"--weights {str(path)!r} holds no state dict; expected tensors by the names of the "
            "model's parameters"
        )
    return state


def _load_state(model: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    own = model.state_dict()
    misfits = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "of another shape": _reshaped(own, state),
    }
    told = [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in misfits.items() if keys]
    if told:
        raise ValueError(f"--weights {str(path)!r} does not fit the model: {'; '.join(told)}")
    model.load_state_dict(state, strict=True)


def _reshaped(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> list[str]:
    return [
        f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN_KEYS]) + (", …" if len(keys) > _SHOWN_KEYS else "")


def _torchvision_model(name: str) -> nn.Module:
    from torchvision import models

    known = models.list_models()
    if name not in known:
        near = nearest_names(name, known)
        raise ValueError(f"--model names {name!r}; torchvision has no such model; nearest: {near}")
    model: nn.Module = models.get_model(name, weights=None)
    return model


def _called_model(spec: str) -> nn.Module:
    from torch import nn

    model = import_function(spec, "--model")()
    if not isinstance(model, nn.Module):
        came = type(model).__name__
        raise TypeError(f"--model {spec} returned a {came}; expected a torch.nn.Module")
    return model
