"""Masks and what they are made of: weights of channels, or free values on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from captum.attr import LayerAttribution
from torch import Tensor

CHANNEL_START = 0.1
"""Where the weights of channels begin (Du et al. 2018)."""

FREE_START = 0.5
"""Where free masks begin: half picture, half background."""

# A mask of the same value everywhere, but for rounding, divides nothing.
_FLAT = 64
# A thousandth of the start. Ten of Adam's steps of 0.01 end beside zero, and what is left of the
# weights then is how much their slopes differed, not what the network keeps.
_GONE = 1e-4


class MaskParameters(Protocol):
    """What a mask is a function of: parameters of shape (n, k), one row per picture."""

    def start(self) -> Tensor:
        """Return the parameters with which the optimisation begins, shape (n, k)."""

    def masks(self, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Return masks in [0, 1] of shape (n, 1, height, width)."""

    def penalty(self, parameters: Tensor) -> Tensor:
        """Return what the loss charges, before its weight, shape (n,)."""

    def clipped(self, parameters: Tensor) -> Tensor:
        """Return the nearest valid parameters."""

    def are_flat(self, parameters: Tensor) -> Tensor:
        """Return for which pictures there is no mask, bool of shape (n,)."""


@dataclass(frozen=True)
class ChannelWeights:
    """Non-negative weights ω of the channels of a layer: m = Σ ω_k f_k, scaled to [0, 1].

    Du et al. (2018), equations 5 and 6 and their loss's ‖ω‖₁.

    Attributes:
        maps: The channels f on the undisturbed pictures, shape (n, k, h, w).
    """

    maps: Tensor

    def start(self) -> Tensor:
        """Return ω = 0.1."""
        return self.maps.new_full(self.maps.shape[:2], CHANNEL_START)

    def masks(self, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the weighted sum of the maps, from 0 to 1 in each picture, up-sampled."""
        sums = self._sums(parameters)
        lowest = sums.amin(dim=(1, 2), keepdim=True)
        range_ = sums.amax(dim=(1, 2), keepdim=True) - lowest
        # Where it is flat the row is left alone, and must only not be NaN.
        scaled = (sums - lowest) / torch.where(range_ > 0, range_, 1)
        return upsampled(scaled, size)

    def penalty(self, parameters: Tensor) -> Tensor:
        """Return ‖ω‖₁."""
        return parameters.abs().sum(1)

    def clipped(self, parameters: Tensor) -> Tensor:
        """Return ω without negative weights."""
        return parameters.clamp(min=0)

    def are_flat(self, parameters: Tensor) -> Tensor:
        """Return where Σ ω_k f_k is the same everywhere, or all ω are zero, but for rounding."""
        sums = self._sums(parameters).flatten(1)
        # What sums are rounded by goes by their terms, which may cancel, as after a LayerNorm.
        size = (parameters * self._peaks).sum(1)
        flat = sums.amax(1) - sums.amin(1) <= _FLAT * torch.finfo(sums.dtype).eps * size
        return flat | (parameters.amax(1) <= _GONE)

    @cached_property
    def _peaks(self) -> Tensor:
        """The largest magnitude of each channel, shape (n, k)."""
        return torch.maximum(self.maps.amax((2, 3)), -self.maps.amin((2, 3)))

    def _sums(self, parameters: Tensor) -> Tensor:
        sums = torch.bmm(parameters.unsqueeze(1), self.maps.flatten(2))
        return sums.view(len(sums), *self.maps.shape[2:])


@dataclass(frozen=True)
class FreeValues:
    """A mask of its own on the grid of a layer, charged by its mean.

    Du et al. (2018), equation 2.

    Attributes:
        like: Any tensor of n rows, for type and device.
        grid: Height and width of the grid.
    """

    like: Tensor
    grid: tuple[int, int]

    def start(self) -> Tensor:
        """Return ½ everywhere."""
        return self.like.new_full((len(self.like), self.grid[0] * self.grid[1]), FREE_START)

    def masks(self, parameters: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the values, up-sampled."""
        return upsampled(parameters.view(-1, *self.grid), size)

    def penalty(self, parameters: Tensor) -> Tensor:
        """Return the mean."""
        return parameters.mean(1)

    def clipped(self, parameters: Tensor) -> Tensor:
        """Return the values cut off at 0 and 1."""
        return parameters.clamp(0, 1)

    def are_flat(self, parameters: Tensor) -> Tensor:
        """Return that there always is a mask."""
        return torch.zeros(len(parameters), dtype=torch.bool, device=parameters.device)


def upsampled(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Return masks (n, h, w) up-sampled bilinearly to (n, 1, height, width)."""
    larger: Tensor = LayerAttribution.interpolate(masks.unsqueeze(1), size, "bilinear")
    return larger
