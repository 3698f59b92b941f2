"""What every function of maps asks of them."""

from __future__ import annotations

import math
import numbers

import torch

from invert_captum._validation import shown


def check_maps(name: str, maps: object) -> torch.Tensor:
    """Return ``maps`` if they are a real floating tensor of shape (N, H, W) with positions.

    Raises:
        TypeError: If ``maps`` are no tensor, or one of integers, booleans or complex numbers.
        ValueError: If the shape is another.
    """
    if not isinstance(maps, torch.Tensor):
        raise TypeError(f"{name} must be a torch tensor of shape (N, H, W), got {shown(maps)}")
    if maps.ndim != 3 or 0 in maps.shape[1:]:
        hint = "; squeeze the channel" if maps.ndim == 4 and 1 in maps.shape[1:] else ""
        raise ValueError(f"{name} must have shape (N, H, W), got {tuple(maps.shape)}{hint}")
    if not maps.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {maps.dtype}; convert with .float()")
    return maps


def check_same_shape(first_name: str, first: object, name: str, maps: object) -> None:
    """Refuse two sets of maps that are not of one shape and on one device."""
    first, maps = check_maps(first_name, first), check_maps(name, maps)
    if first.shape != maps.shape:
        raise ValueError(
            f"{first_name} has shape {tuple(first.shape)}, but {name} {tuple(maps.shape)}; "
            "expected the same shape"
        )
    if first.device != maps.device:
        raise ValueError(
            f"{first_name} is on {first.device}, but {name} on {maps.device}; expected one device"
        )


def at_least_float32(maps: torch.Tensor) -> torch.Tensor:
    """Return maps of half precision as float32, in which squares and small sums still fit."""
    return maps.to(torch.promote_types(maps.dtype, torch.float32))


def check_number(name: str, value: object, *, zero_allowed: bool) -> float:
    """Return ``value`` as a `float`, or raise unless it is finite and positive (or zero)."""
    expected = "a finite number " + ("of at least 0" if zero_allowed else "above 0")
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {shown(value)}; expected {expected}")
    number = float(value)
    if not math.isfinite(number) or number < 0 or (number == 0 and not zero_allowed):
        raise ValueError(f"{name} is {value}; expected {expected}")
    return number
