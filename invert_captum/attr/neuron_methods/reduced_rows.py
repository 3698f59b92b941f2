"""A layer that gives more than tensors, as a module for Captum that gives its activations."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from invert_captum.activations.probes import LayerProbe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from invert_captum.attr.layer_shape import ReducedLayer


@contextmanager
def rows_of(layer: ReducedLayer) -> Iterator[nn.Module]:
    """Give a module that runs whenever ``layer`` does and gives its activations, shape (n, d).

    Captum copies all that a layer gives, which it can do with tensors only; attention modules and
    recurrent ones give None or tuples beside them. Inside the ``with`` block the layer has a hook.

    Args:
        layer: The layer, which runs once in a forward pass, and its reduction.

    Examples:
        >>> import torch
        >>> from captum.attr import NeuronGradient
        >>> from invert_captum.attr.layer_shape import ReducedLayer
        >>> model = torch.nn.Sequential(torch.nn.LSTM(3, 4, batch_first=True))
        >>> layer = ReducedLayer(model, model[0], reduce=lambda output: output[0].mean(1))
        >>> tokens = torch.rand(2, 5, 3, requires_grad=True)
        >>> with rows_of(layer) as rows:
        ...     NeuronGradient(model, rows).attribute(tokens, 1).shape
        torch.Size([2, 5, 3])
    """
    probe = LayerProbe(layer.name, layer.reduce, layer.neuron_dim)

    def see(output: object) -> None:
        probe(output)

    def see_input(_: object, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        given = args or tuple(kwargs.values())
        see(given[0] if len(given) == 1 else given)

    if layer.at_input:
        handle = layer.layer.register_forward_pre_hook(see_input, with_kwargs=True)
    else:
        handle = layer.layer.register_forward_hook(lambda _, __, output: see(output))
    try:
        yield probe
    finally:
        handle.remove()
