"""Pairs of maps, scored a block at a time, so that memory does not grow with their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from invert_captum.alignment.maps.map_checks import check_same_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    Score = Callable[[Tensor, Tensor], Tensor]

# On a processor, what sorting a block reads and writes should stay in its cache.
PIXELS_IN_CACHE = 2**16
PIXELS_ON_ACCELERATOR = 2**24


def score_pairs(a: Tensor, b: Tensor, score: Score) -> Tensor:
    """Return one score for each pair of maps, computed block by block.

    Args:
        a: Maps, shape (N, H, W), of any floating type.
        b: As many maps of the same shape on the same device.
        score: Called with the maps of a block as float32, shape (n, H·W); returns float64 of
            shape (n,).

    Returns:
        *Tensor*: The scores, shape (N,), on the device of ``a``: float64, or float32 where the
        device has no float64 (MPS). There the scores are computed on the CPU.

    Raises:
        TypeError: ``a`` or ``b`` is no tensor, or not one of floating-point numbers.
        ValueError: ``a`` or ``b`` has not the shape (N, H, W) or no positions, or they differ in
            shape or device.
    """
    check_same_shape("a", a, "b", b)
    without_float64 = a.device.type == "mps"
    device = torch.device("cpu") if without_float64 else a.device
    scores = torch.empty(len(a), dtype=torch.float64, device=device)
    for block in blocks(len(a), a.shape[1] * a.shape[2], device):
        pair = (_flat(maps[block].detach().to(device, torch.float32)) for maps in (a, b))
        scores[block] = score(*pair)
    return scores.float().to(a.device) if without_float64 else scores


def blocks(n_maps: int, n_pixels: int, device: torch.device) -> Iterator[slice]:
    """Yield the blocks in which ``n_maps`` maps of ``n_pixels`` positions are scored, in order."""
    limit = PIXELS_IN_CACHE if device.type == "cpu" else PIXELS_ON_ACCELERATOR
    maps_of_block = max(1, limit // n_pixels)
    for start in range(0, n_maps, maps_of_block):
        yield slice(start, start + maps_of_block)


def _flat(maps: Tensor) -> Tensor:
    return maps.flatten(1).contiguous()
