"""Around a call of Captum's: its complaints said in full, and nothing left in the model."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from invert_captum.attr.layer_shape import ReducedLayer

_WITHOUT_GRADIENT = (
    "not have been used in the graph",
    "does not require grad",
    "doesn't require gradient",
    "'NoneType' object has no attribute 'device'",
)


@contextmanager
def explained(method: type[Any], at: ReducedLayer) -> Iterator[None]:
    """Say what Captum's checks of its arguments mean, and gradients that are not there."""
    try:
        yield
    except AssertionError as error:
        raise ValueError(f"{method.__name__} refuses its arguments: {error}") from error
    except (AttributeError, RuntimeError) as error:
        if not any(said in str(error) for said in _WITHOUT_GRADIENT):
            raise
        raise ValueError(
            f"method is {method.__name__}, but autograd finds no way through layer {at.name!r} "
            f"from the inputs to what is attributed ({error}); expected a model that is "
            "differentiable there, or NeuronFeatureAblation"
        ) from error


@contextmanager
def without_traces(model: nn.Module) -> Iterator[None]:
    """Remove what Captum's DeepLift and LRP leave in modules: their last tensors, and rules."""
    clean = [
        (module, trace)
        for module in model.modules()
        for trace in ("input", "output", "input_ref", "output_ref", "activations", "rule")
        if not hasattr(module, trace)
    ]
    try:
        yield
    finally:
        for module, trace in clean:
            if hasattr(module, trace):
                delattr(module, trace)
