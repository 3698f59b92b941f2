"""Whether a PyTorch model computes what the Keras network does, beside its weights."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from torch import nn

from invert_captum._validation import listed

if TYPE_CHECKING:
    from collections.abc import Iterable


def timm_class(module: str, name: str) -> type:
    """Return a class of timm, or raise `ImportError` that tells how to install it."""
    try:
        found: type = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ImportError(
            "this architecture's counterpart is in timm: pip install 'invert-captum[alignment]'"
        ) from error
    return found


def check_model_type(model: nn.Module, expected: type, recipe: str) -> None:
    """Raise unless ``model`` is exactly of the class that ``recipe`` builds."""
    if type(model) is not expected:
        raise ValueError(
            f"model is a {type(model).__module__}.{type(model).__qualname__}; expected the model "
            f"that {recipe} builds"
        )


def check_kinds(model: nn.Module, kinds: Iterable[str], recipe: str) -> None:
    """Raise if ``model`` has layers of a class that is not in ``kinds``."""
    found = {type(module).__name__ for module in model.modules() if not any(module.children())}
    if other := sorted(found - set(kinds)):
        raise ValueError(
            f"model has layers of the kinds {listed(other)}, which the Keras network has not; "
            f"expected the model that {recipe} builds"
        )


def check_same_padding(model: nn.Module, recipe: str) -> None:
    """Raise if a convolution with a stride pads the same on both sides.

    TensorFlow pads an even length by one more after it than before it, and where the padding goes
    decides which pixels a strided convolution meets.
    """
    for name, module in model.named_modules():
        strided = isinstance(module, nn.Conv2d) and max(module.stride) > 1
        if strided and max(module.kernel_size) > 1 and type(module).__name__ != "Conv2dSame":
            raise ValueError(
                f"model.{name} pads both sides alike, but Keras pads more after than before; "
                f"expected the model that {recipe} builds"
            )
