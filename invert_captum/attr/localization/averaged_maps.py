"""Attributions as one map of finite numbers per picture."""

from __future__ import annotations

import torch
from torch import Tensor

from invert_captum._validation import listed

_EXPECTED = "a tensor (n, channels, height, width), (n, height, width) or (height, width)"


def averaged_maps(argument: str, values: Tensor) -> Tensor:
    """Average maps over their channels, in double precision.

    Args:
        argument: What error messages call them.
        values: Real numbers, shape (n, C, H, W), (n, H, W) or (H, W).

    Returns:
        float64, shape (n, H, W), detached, on the device of ``values`` or, where that has no
        float64, on the CPU.

    Raises:
        TypeError: ``values`` is no tensor, or of complex numbers.
        ValueError: it has another shape, no pixels, or NaN or infinite values.

    Examples:
        >>> averaged_maps("mask", torch.tensor([[1, 2]])).tolist()
        [[[1.0, 2.0]]]
    """
    if not isinstance(values, Tensor):
        raise TypeError(f"{argument} is of type {type(values).__name__}; expected {_EXPECTED}")
    if values.is_complex():
        raise TypeError(f"{argument} is of {values.dtype}; expected real numbers")
    shape = tuple(values.shape)
    if values.ndim not in (2, 3, 4) or 0 in (*shape[1:], *shape[-2:]):
        raise ValueError(f"{argument} has shape {shape}; expected {_EXPECTED}, with pixels")
    plain = values.detach()
    plain = plain.cpu() if plain.device.type == "mps" else plain
    if plain.ndim == 4:
        plain = plain.mean(1, dtype=torch.float64)
    maps = (plain.unsqueeze(0) if plain.ndim == 2 else plain).double()
    infinite = (~maps.isfinite()).any(2).any(1).nonzero().flatten().tolist()
    if infinite:
        raise ValueError(
            f"{argument} has NaN or infinite values in rows {listed(infinite)}; expected finite "
            "ones"
        )
    return maps
