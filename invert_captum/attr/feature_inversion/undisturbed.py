"""What the model does with the pictures themselves, looked at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from invert_captum._validation import listed
from invert_captum.attr.feature_inversion.mask_layer import channel_maps, tensor_of

if TYPE_CHECKING:
    from invert_captum.attr.feature_inversion.goals import Goal
    from invert_captum.attr.feature_inversion.model_runs import ModelRuns
    from invert_captum.attr.feature_inversion.watched_layers import WatchedLayer


@dataclass(frozen=True)
class Undisturbed:
    """One forward pass of n pictures.

    Attributes:
        features: What the inversion layer gives, n rows.
        maps: The channels of the mask layer, shape (n, k, h, w).
        goal: What stage 2 is about; None for stage 1 alone.
        values: Its values, shape (n,).
    """

    features: Tensor
    maps: Tensor
    goal: Goal | None
    values: Tensor | None

    @classmethod
    def of(
        cls,
        runs: ModelRuns,
        pictures: Tensor,
        layers: tuple[WatchedLayer, WatchedLayer],
        goal: Goal | None,
        channel_dim: int | None,
    ) -> Undisturbed:
        """Run the model.

        Args:
            runs: The model.
            pictures: Shape (n, channels, height, width).
            layers: Inversion layer and mask layer.
            goal: What stage 2 is about, or None.
            channel_dim: Axis of the mask layer's channels, or None.

        Raises:
            ValueError: the model answers with NaN or infinity, or has no such target, or a layer
                gives nothing that can be used.
        """
        inversion, mask = layers
        further = () if goal is None or goal.layer is None else (goal.layer,)
        with torch.no_grad():
            # To the end, so that layers that run twice are noticed; on a copy, because a model may
            # work in place on its inputs, and x is needed again.
            output, seen = runs(pictures.clone(), (inversion, mask, *further), to_end=True)
            at_goal = seen[-1] if further else output
            goal = None if goal is None else goal.settled(at_goal)
            values = None if goal is None else in_full(goal.values(at_goal), pictures)
        features = in_full(tensor_of(seen[0], inversion.name), pictures)
        size = (pictures.shape[2], pictures.shape[3])
        maps = channel_maps(
            in_full(tensor_of(seen[1], mask.name), pictures), size, channel_dim, mask.name
        )
        for name, rows in ((inversion.name, features), (mask.name, maps)):
            check_rows(rows, len(pictures), f"layer {name!r}")
            check_finite(rows, f"layer {name!r} gives")
        if values is not None:
            check_rows(values, len(pictures), "the target")
            check_finite(values, "the target has")
        return cls(features, maps, goal, values)


def in_full(values: Tensor, pictures: Tensor) -> Tensor:
    """Return values in at least single precision, and in double precision if pictures have it.

    Raises:
        TypeError: they are complex numbers.
    """
    if values.is_complex():
        raise TypeError(
            f"forward_func or one of its layers gives {values.dtype}; expected real numbers"
        )
    return values.to(torch.promote_types(pictures.dtype, torch.float32))


def check_rows(values: Tensor, n_pictures: int, what: str) -> None:
    """Raise `ValueError` unless there is one row per picture."""
    if values.ndim < 1 or len(values) != n_pictures:
        raise ValueError(
            f"{what} has shape {tuple(values.shape)} for {n_pictures} pictures; expected one row "
            "per picture"
        )


def check_finite(values: Tensor, what: str) -> None:
    """Raise `ValueError` that names the rows of ``values`` with NaN or infinity."""
    bad = ~values.isfinite().flatten(1).all(1) if values.ndim > 1 else ~values.isfinite()
    if rows := bad.nonzero().flatten().tolist():
        raise ValueError(
            f"{what} NaN or infinity for the pictures in rows {listed(rows)} (of {len(values)}); "
            "expected finite numbers"
        )
