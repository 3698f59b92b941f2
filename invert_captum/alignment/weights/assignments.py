"""Which weights of a Keras file belong to which parameter or buffer of a PyTorch model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum.alignment.weights.weight_layouts import CONVOLUTION, DENSE, DEPTHWISE, SAME

if TYPE_CHECKING:
    from invert_captum.alignment.weights.weight_layouts import WeightLayout


@dataclass(frozen=True)
class Source:
    """A weight of the file: alternatives for its layer's name and for its own."""

    layers: tuple[str, ...]
    variables: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in messages."""
        return f"{' or '.join(self.layers)}/{' or '.join(self.variables)}"


@dataclass(frozen=True)
class Assignment:
    """What ``target``, a name in the model's ``state_dict``, is made of: the sources in a row."""

    target: str
    sources: tuple[Source, ...]
    layout: WeightLayout


def assign(
    target: str, layer: str | tuple[str, ...], variable: str | tuple[str, ...], layout: WeightLayout
) -> Assignment:
    """Return the assignment of one weight to one target."""
    layers = (layer,) if isinstance(layer, str) else layer
    variables = (variable,) if isinstance(variable, str) else variable
    return Assignment(target, (Source(layers, variables),), layout)


def convolution(module: str, layer: str, *, bias: bool = True) -> list[Assignment]:
    """Return the assignments of a convolution."""
    kernel = assign(f"{module}.weight", layer, "kernel", CONVOLUTION)
    return [kernel, *_bias(module, layer, bias=bias)]


def depthwise(module: str, layer: str, *, bias: bool = True) -> list[Assignment]:
    """Return the assignments of a depthwise convolution."""
    # Keras 2 and Keras 3 name it differently.
    names = ("depthwise_kernel", "kernel")
    kernel = assign(f"{module}.weight", layer, names, DEPTHWISE)
    return [kernel, *_bias(module, layer, bias=bias)]


def dense(
    module: str, layer: str | tuple[str, ...], *, layout: WeightLayout = DENSE, bias: bool = True
) -> list[Assignment]:
    """Return the assignments of a dense layer."""
    kernel = assign(f"{module}.weight", layer, "kernel", layout)
    return [kernel, *_bias(module, layer, bias=bias)]


def layer_norm(module: str, layer: str, *, scope: str = "") -> list[Assignment]:
    """Return the assignments of a layer normalisation."""
    return [
        assign(f"{module}.weight", layer, f"{scope}gamma", SAME),
        assign(f"{module}.bias", layer, f"{scope}beta", SAME),
    ]


def batch_norm(module: str, layer: str) -> list[Assignment]:
    """Return the assignments of a batch normalisation and its statistics."""
    return [
        *layer_norm(module, layer),
        assign(f"{module}.running_mean", layer, "moving_mean", SAME),
        assign(f"{module}.running_var", layer, "moving_variance", SAME),
    ]


def _bias(module: str, layer: str | tuple[str, ...], *, bias: bool) -> list[Assignment]:
    return [assign(f"{module}.bias", layer, "bias", SAME)] if bias else []
