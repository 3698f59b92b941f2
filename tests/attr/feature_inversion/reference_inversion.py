"""Guided Feature Inversion of one picture in float64: the equations of Du et al. (2018), plainly.

A picture is (C, H, W); maps are (K, h, w). Nothing here is shared with the package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy import ndimage
from torch import Tensor

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Inversion:
    """Weights before the first step and after each; the loss before each step."""

    mask: Tensor
    weights: list[Tensor]
    inversion_loss: Tensor
    target_loss: Tensor
    collapsed: bool


@dataclass(frozen=True)
class Equations:
    """Both losses of one picture as functions of the weights.

    Args:
        picture: x, shape (C, H, W).
        background: p, of the same shape.
        representation: f^l0, of a picture.
        maps: f^l1(x), shape (K, h, w); None for a free mask.
        score: f_c of a picture, a number; None without a target.
    """

    picture: Tensor
    background: Tensor
    representation: Function
    maps: Tensor | None
    score: Function | None = None
    gamma: float = 10.0
    delta: float = 1.0
    background_weight: float = 1.0
    relative: bool = False

    def mask(self, weights: Tensor) -> Tensor:
        """m, shape (H, W)."""
        grid = weights
        if self.maps is not None:
            grid = torch.einsum("k,khw->hw", weights, self.maps)
            grid = (grid - grid.min()) / (grid.max() - grid.min())
        return upsampled(grid, self.picture.shape[1:])

    def penalty(self, weights: Tensor) -> Tensor:
        """‖ω‖₁, or the mean of a free mask. At zero the slope of ‖ω‖₁ is 0, as torch has it."""
        return weights.mean() if self.maps is None else weights.abs().sum()

    def kept(self, weights: Tensor) -> Tensor:
        """Φ: the picture where the mask is."""
        mask = self.mask(weights)
        return self.picture * mask + self.background * (1 - mask)

    def removed(self, weights: Tensor) -> Tensor:
        """Φ_bg: the picture where the mask is not."""
        mask = self.mask(weights)
        return self.picture * (1 - mask) + self.background * mask

    def inversion_loss(self, weights: Tensor) -> Tensor:
        """Stage 1."""
        whole = self.representation(self.picture)
        distance = (self.representation(self.kept(weights)) - whole).square().sum()
        scale = whole.square().sum() if self.relative else 1.0
        return distance / scale + self.gamma * self.penalty(weights)

    def target_loss(self, weights: Tensor) -> Tensor:
        """Stage 2."""
        kept, removed = self.score(self.kept(weights)), self.score(self.removed(weights))
        return -kept + self.background_weight * removed + self.delta * self.penalty(weights)

    def start(self, grid: tuple[int, int]) -> Tensor:
        """The weights before the first step; ``grid`` is the size of a free mask."""
        if self.maps is None:
            return torch.full(grid, 0.5, dtype=torch.float64)
        return torch.full((len(self.maps),), 0.1, dtype=torch.float64)


def invert(
    equations: Equations,
    n_inversion_steps: int = 10,
    n_target_steps: int = 70,
    learning_rate: float = 1e-2,
    grid: tuple[int, int] = (0, 0),
) -> Inversion:
    """Both stages, or the first alone where there is no score."""
    top = 1.0 if equations.maps is None else float("inf")
    weights, curves, any_left_out = [equations.start(grid)], [], False
    for loss, rates in (
        (equations.inversion_loss, [learning_rate] * n_inversion_steps),
        (equations.target_loss, [learning_rate * 0.5 ** (i // 10) for i in range(n_target_steps)]),
    ):
        steps = [] if loss == equations.target_loss and equations.score is None else rates
        after, curve, left_out = adam(loss, weights[-1], steps, top)
        weights += after
        curves.append(curve)
        any_left_out |= left_out
    return Inversion(equations.mask(weights[-1]), weights, *curves, any_left_out)


def adam(
    loss: Function, weights: Tensor, rates: list[float], top: float
) -> tuple[list[Tensor], Tensor, bool]:
    """Algorithm 1 of Kingma & Ba (2015), with the weights clipped to [0, top] after each step.

    A step that would leave no weight above 1e-4 is left out; the last value says whether one was.
    """
    first, second = torch.zeros_like(weights), torch.zeros_like(weights)
    after, curve, left_out = [], [], False
    for step, rate in enumerate(rates, start=1):
        point = weights.clone().requires_grad_()
        value = loss(point)
        (slope,) = torch.autograd.grad(value, point)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        unbiased, scale = first / (1 - 0.9**step), (second / (1 - 0.999**step)).sqrt()
        stepped = (weights - rate * unbiased / (scale + 1e-8)).clamp(0.0, top)
        none_left = top > 1 and bool((stepped <= 1e-4).all())
        left_out |= none_left
        weights = weights if none_left else stepped
        after.append(weights)
        curve.append(value.detach())
    losses = torch.stack(curve) if curve else torch.empty(0, dtype=torch.float64)
    return after, losses, left_out


def upsampled(grid: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear up-sampling between the centres of pixels, as two products of matrices."""
    rows, columns = (_hats(small, large) for small, large in zip(grid.shape, size, strict=True))
    return rows @ grid @ columns.T


def _hats(small: int, large: int) -> Tensor:
    """Weights of linear interpolation, shape (large, small); constant beyond the outer centres."""
    place = (torch.arange(large, dtype=torch.float64) + 0.5) * small / large - 0.5
    place = place.clamp(0, small - 1)
    return (1 - (place[:, None] - torch.arange(small)).abs()).clamp(min=0)


def blurred(picture: Tensor) -> Tensor:
    """Gaussian of σ = 11 pixels, kernel 67, reflected without repeating the edge."""
    smooth = [ndimage.gaussian_filter(one, 11.0, mode="mirror", radius=33) for one in picture]
    return torch.stack([torch.from_numpy(one) for one in smooth])
