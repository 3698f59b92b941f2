"""Both stages of Guided Feature Inversion, for a batch of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from invert_captum._log import progress
from invert_captum.attr.feature_inversion.backgrounds import background_of
from invert_captum.attr.feature_inversion.inversion_settings import HALVE_EVERY
from invert_captum.attr.feature_inversion.mask_layer import tensor_of
from invert_captum.attr.feature_inversion.mask_parameters import ChannelWeights, FreeValues
from invert_captum.attr.feature_inversion.optimization import Optimum, minimise
from invert_captum.attr.feature_inversion.undisturbed import Undisturbed, in_full

if TYPE_CHECKING:
    from collections.abc import Callable

    from invert_captum.attr.feature_inversion.goals import Goal
    from invert_captum.attr.feature_inversion.inversion_settings import InversionSettings
    from invert_captum.attr.feature_inversion.mask_parameters import MaskParameters
    from invert_captum.attr.feature_inversion.model_runs import ModelRuns
    from invert_captum.attr.feature_inversion.watched_layers import WatchedLayer

# Pictures that differ from their background by rounding only: of sums in full precision, and of
# the result in the pictures' own.
_SAME, _SAME_OF_OWN = 64, 2


@dataclass(frozen=True)
class Inversion:
    """The losses of both stages as functions of the mask's parameters (n, k).

    Attributes:
        runs: The model.
        pictures: x, shape (n, channels, height, width).
        background: p, the same shape.
        inversion_layer: The layer whose features are kept.
        undisturbed: What the model does with x.
        mask: What the mask is made of.
        settings: The constants.
    """

    runs: ModelRuns
    pictures: Tensor
    background: Tensor
    inversion_layer: WatchedLayer
    undisturbed: Undisturbed
    mask: MaskParameters
    settings: InversionSettings

    @classmethod
    def of(
        cls,
        runs: ModelRuns,
        pictures: Tensor,
        layers: tuple[WatchedLayer, WatchedLayer],
        goal: Goal | None,
        settings: InversionSettings,
        channel_dim: int | None,
    ) -> Inversion:
        """Look at the undisturbed pictures, and lay out the mask.

        Args:
            runs: The model.
            pictures: Shape (n, channels, height, width).
            layers: Inversion layer and mask layer.
            goal: What stage 2 is about, or None.
            settings: The constants.
            channel_dim: Axis of the mask layer's channels, or None.
        """
        background = background_of(pictures, settings.background)
        undisturbed = Undisturbed.of(runs, pictures, layers, goal, channel_dim)
        mask: MaskParameters = ChannelWeights(undisturbed.maps)
        if settings.mask == "free":
            height, width = undisturbed.maps.shape[2:]
            mask = FreeValues(undisturbed.maps, (height, width))
        return cls(runs, pictures, background, layers[0], undisturbed, mask, settings)

    def neutral(self) -> dict[str, Tensor]:
        """Return for which pictures there is nothing to decide between, bool (n,) by the cause."""
        causes = {
            "the background is the picture": _are_same(self.pictures, self.background),
            "the mask layer's channels, added up, are the same everywhere (as after a LayerNorm; "
            "take another mask_layer)": self.mask.are_flat(self.mask.start()),
        }
        if self.settings.inversion_loss == "relative":
            causes["the inversion layer is zero"] = _squares(self.undisturbed.features) == 0
        goal, values = self.undisturbed.goal, self.undisturbed.values
        if goal is not None and goal.relative and values is not None:
            causes["the neuron is silent, exactly zero"] = values == 0
        return causes

    def masks(self, parameters: Tensor) -> Tensor:
        """Return the masks m, shape (n, 1, height, width)."""
        return self.mask.masks(parameters, (self.pictures.shape[2], self.pictures.shape[3]))

    def kept(self, masks: Tensor) -> Tensor:
        """Return Φ(m) = x⊙m + p⊙(1−m)."""
        share = masks.to(self.pictures.dtype)
        return self.pictures * share + self.background * (1 - share)

    def left_over(self, masks: Tensor) -> Tensor:
        """Return Φ_bg(m) = x⊙(1−m) + p⊙m."""
        return self.kept(1 - masks)

    def invert(self, *, show_progress: bool) -> Optimum:
        """Return stage 1: ‖f(Φ) − f(x)‖² and γ of the penalty."""
        gamma, _ = self.settings.penalties(self.undisturbed.maps.shape[1])
        steps = self.settings.n_inversion_steps
        return minimise(
            self.mask.start(),
            [self._distance, lambda ω: gamma * self.mask.penalty(ω)],
            self.mask,
            progress(range(steps), show=show_progress, description="feature inversion"),
            self.settings.learning_rate,
        )

    def pursue(self, goal: Goal, start: Tensor, *, show_progress: bool) -> Optimum:
        """Return stage 2: −f_c(Φ) + λ f_c(Φ_bg) and δ of the penalty."""
        _, delta = self.settings.penalties(self.undisturbed.maps.shape[1])
        weight = self.settings.background_weight
        scale = self._scale(goal)
        terms: list[Callable[[Tensor], Tensor]] = [
            lambda ω: -self.goal_values(goal, self.kept(self.masks(ω))) / scale,
            lambda ω: delta * self.mask.penalty(ω),
        ]
        if weight:
            terms.append(
                lambda ω: weight * self.goal_values(goal, self.left_over(self.masks(ω))) / scale
            )
        return minimise(
            start,
            terms,
            self.mask,
            progress(range(self.settings.n_target_steps), show=show_progress, description="target"),
            self.settings.learning_rate,
            halve_every=HALVE_EVERY,
        )

    def goal_values(self, goal: Goal, pictures: Tensor) -> Tensor:
        """Return the goal's values on other pictures, shape (n,)."""
        layers = () if goal.layer is None else (goal.layer,)
        output, seen = self.runs(pictures, layers, to_end=goal.layer is None)
        return in_full(goal.values(output if goal.layer is None else seen[0]), self.pictures)

    def _distance(self, parameters: Tensor) -> Tensor:
        layers = (self.inversion_layer,)
        _, (seen,) = self.runs(self.kept(self.masks(parameters)), layers, to_end=False)
        features = in_full(tensor_of(seen, self.inversion_layer.name), self.pictures)
        before = self.undisturbed.features
        distance = _squares(features - before)
        if self.settings.inversion_loss == "absolute":
            return distance
        norm = _squares(before)
        return distance / torch.where(norm > 0, norm, 1)

    def _scale(self, goal: Goal) -> Tensor:
        values = self.undisturbed.values
        if not goal.relative or values is None:
            return torch.ones((), dtype=self.undisturbed.maps.dtype, device=self.pictures.device)
        return torch.where(values != 0, values, 1)


def _are_same(pictures: Tensor, background: Tensor) -> Tensor:
    """Return which pictures are their background but for rounding, bool of shape (n,)."""
    full = torch.promote_types(pictures.dtype, torch.float32)
    tolerance = max(_SAME * torch.finfo(full).eps, _SAME_OF_OWN * torch.finfo(pictures.dtype).eps)
    reach = (pictures - background).abs().flatten(1).amax(1)
    size = pictures.abs().flatten(1).amax(1)
    return reach.to(full) <= tolerance * size.to(full)


def _squares(values: Tensor) -> Tensor:
    """Return the sum of the squares of each row, shape (n,)."""
    return values.square().reshape(len(values), -1).sum(1)
