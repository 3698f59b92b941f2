"""A copy of a network on whose activation functions Captum's guided methods act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.activations.evaluation import evaluating
from invert_captum.attr.activation_functions.activation_modules import (
    copy_with_shared_weights,
    is_clamp,
    substitute,
)
from invert_captum.attr.activation_functions.activation_trace import trace_before

if TYPE_CHECKING:
    from torch import Tensor, nn


def guided_copy(network: nn.Module, inputs: Tensor) -> nn.Module:
    """Return a copy with the same weights in which every ReLU6 is a ReLU after a clamp.

    Captum's guided backpropagation knows modules of `torch.nn.ReLU` only, leaves ReLU6 untouched,
    and remembers for each module the last call only, where EfficientNet-lite0 calls one ReLU6
    several times: each call gets a module of its own.

    Args:
        network: A network with modules of `torch.nn.ReLU6`, in eval mode.
        inputs: One picture or more, to see how often each module runs.

    Returns:
        *nn.Module*: Gives what ``network`` gives.

    Raises:
        ValueError: If no ReLU6 runs.
    """
    with evaluating(network):
        n_calls = trace_before(network, network, inputs).n_calls
    clamps = {module: n for module, n in n_calls.items() if is_clamp(module)}
    if not clamps:
        raise ValueError(
            f"network is a {type(network).__name__} without a ReLU6 that runs; expected one to "
            "be replaced, or the network itself where its activations are ReLU"
        )
    copied = copy_with_shared_weights(network)
    substitute(copied, clamps, guided=True)
    return copied[network]
