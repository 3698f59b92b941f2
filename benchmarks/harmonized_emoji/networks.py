"""The networks of `benchmarks.harmonization`: a small one, and a pretrained one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from invert_captum.demo.network import load_network

if TYPE_CHECKING:
    from torch import Tensor

NetworkName = Literal["small", "EfficientNet-lite0"]


@dataclass(frozen=True)
class Recipe:
    """What a network sees and how it is trained.

    Attributes:
        canvas: The side of its pictures, in pixels.
        sides: The sizes of the emoji on them, in pixels.
        mean: Subtracted from pictures of 0 to 1.
        std: Divides them.
        learning_rate: The largest of the schedule.
        batch_size: Pictures in a step.
    """

    canvas: int
    sides: tuple[int, ...]
    mean: float
    std: float
    learning_rate: float
    batch_size: int

    def inputs(self, images: Tensor) -> Tensor:
        """Return pictures as the network takes them."""
        return (images - self.mean) / self.std


# The loss is in units of the gradient at the inputs, so that λ means something else for inputs of
# another scale. Pictures of 0 to 1 go into the small network as they are.
RECIPES: dict[NetworkName, Recipe] = {
    "small": Recipe(32, tuple(range(12, 25)), 0.0, 1.0, 4e-3, 64),
    "EfficientNet-lite0": Recipe(64, (24, 32, 40, 48), 127 / 255, 128 / 255, 1e-3, 16),
}

# Softplus is the smooth relative of ReLU; a gradient that jumps is hard to train on.
_SHARPNESS = 5
_WIDTH = 16


def make_network(name: NetworkName, channels: int, n_classes: int, seed: int) -> nn.Module:
    """Return a network with logits for ``n_classes``.

    Args:
        name: ``small`` begins with random weights, the other with those of ImageNet and a random
            last layer.
        channels: Of the pictures; 3 for the pretrained one.
        n_classes: How many classes there are.
        seed: Of the random weights.

    Raises:
        ValueError: If the pretrained network is asked for other than three channels.
    """
    if name == "EfficientNet-lite0" and channels != 3:
        raise ValueError(f"channels is {channels}; EfficientNet-lite0 takes 3")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "small":
            return small_network(channels, n_classes)
        # Second derivatives of depthwise convolutions are faster in the usual memory format.
        network = load_network().to(memory_format=torch.contiguous_format)
        # Its last layer is named so by the package.
        network._fc = nn.Linear(network._fc.in_features, n_classes)  # type: ignore[union-attr, arg-type]  # noqa: SLF001
        return network


def small_network(channels: int, n_classes: int) -> nn.Sequential:
    """Return four convolutions with batch norm and softplus, two of them with stride 2."""
    layers: list[nn.Module] = []
    before = channels
    for factor, stride in ((1, 1), (2, 2), (4, 2), (4, 1)):
        after = factor * _WIDTH
        layers += [
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.Softplus(_SHARPNESS),
        ]
        before = after
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, n_classes)
    )
