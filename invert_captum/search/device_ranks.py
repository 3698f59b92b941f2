"""Ranks on a device: one sort of a block, whole numbers after that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from invert_captum.search.kernels.rank_sums import TIE_SHIFT

if TYPE_CHECKING:
    from invert_captum.search.device_labels import DeviceLabels

_NARROW = (
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.bool,
    torch.int8,
    torch.uint8,
    torch.int16,
)


@dataclass(frozen=True, slots=True)
class RankedTensor:
    """What is known of d neurons after ranking.

    Attributes:
        usable: bool, shape (d,): finite, and not constant on the searched samples.
        digests: int64, shape (d,): the bits of a number that depends on every activation.
        pattern_sums: int64, shape (d, 2, g): the sums of doubled mid-ranks by part and pattern.
        ties: int64, shape (d, 2, 2): Σ(t³ − t) by part, as high · 2²⁶ + low.
    """

    usable: torch.Tensor
    digests: torch.Tensor
    pattern_sums: torch.Tensor
    ties: torch.Tensor

    def tie_sums(self) -> list[tuple[int, int]]:
        """Return Σ(t³ − t) of every neuron and part."""
        return [
            ((searched[0] << TIE_SHIFT) + searched[1], (heldout[0] << TIE_SHIFT) + heldout[1])
            for searched, heldout in self.ties.tolist()
        ]


def rank_tensor(values: torch.Tensor, labels: DeviceLabels) -> RankedTensor:
    """Rank a block of neurons, the searched and the held-out samples each on their own.

    Args:
        values: The activations, shape (d, n), of any real type.
        labels: The labels on the same device.
    """
    wide, digests = _widened(values, labels)
    finite = (
        torch.isfinite(wide).all(dim=1)
        if wide.is_floating_point()
        else torch.ones(len(wide), dtype=torch.bool, device=wide.device)
    )
    ordered, order = torch.sort(wide, dim=1)
    n_samples = wide.shape[1]
    places = torch.arange(n_samples, device=wide.device).expand_as(order)
    is_first = torch.ones_like(order, dtype=torch.bool)
    torch.ne(ordered[:, 1:], ordered[:, :-1], out=is_first[:, 1:])
    is_last = torch.ones_like(is_first)
    is_last[:, :-1] = is_first[:, 1:]
    # Where the group of equals begins and ends, at every place.
    start = torch.where(is_first, places, 0).cummax(dim=1).values
    stop = torch.where(is_last, places, n_samples).flip(1).cummin(dim=1).values.flip(1)
    is_heldout = labels.slots >= labels.n_patterns
    after = is_heldout.long()[order].cumsum(dim=1)
    after_searched = places + 1 - after
    sums = torch.zeros(len(wide), 2 * labels.n_patterns, dtype=torch.int64, device=wide.device)
    ranks = torch.zeros_like(order)
    ties, n_values = [], []
    for part, through in enumerate((after_searched, after)):
        last = through.gather(1, stop)
        before = through.gather(1, (start - 1).clamp(min=0)).where(start > 0, 0)
        # Doubled mid-rank: the first place of the group plus its last, from 1.
        of_part = is_heldout[order] == bool(part)
        ranks = torch.where(of_part, before + last + 1, ranks)
        size = torch.where(is_last, last - before, 0)
        ties.append(_tie_sum(size))
        n_values.append((size > 0).sum(dim=1))
    by_sample = torch.empty_like(ranks).scatter_(1, order, ranks)
    sums.index_add_(1, labels.slots, by_sample)
    return RankedTensor(
        finite & (n_values[0] > 1),
        digests,
        sums.reshape(len(wide), 2, labels.n_patterns),
        torch.stack(ties, dim=1),
    )


def _widened(values: torch.Tensor, labels: DeviceLabels) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values as float32, float64 or int64, without −0.0, and the neurons' digests."""
    if values.dtype in _NARROW:
        wide = values.to(torch.float32) + 0.0
        bits = wide.view(torch.int32).long() & 0xFFFFFFFF
    elif values.is_floating_point():
        wide = values.to(torch.float64) + 0.0
        bits = wide.view(torch.int64)
    else:
        wide = bits = values.to(torch.int64)
    low, high = bits & 0xFFFFFFFF, (bits >> 32) & 0xFFFFFFFF
    of_low, of_high = labels.digest_factors
    return wide, (low * of_low + high * of_high).sum(dim=1)


def _tie_sum(size: torch.Tensor) -> torch.Tensor:
    """Return Σ(t³ − t) of every row as high · 2²⁶ + low, shape (d, 2)."""
    squared = (size * size - 1).clamp(min=0)
    low = squared & ((1 << TIE_SHIFT) - 1)
    return torch.stack([((squared >> TIE_SHIFT) * size).sum(1), (low * size).sum(1)], dim=1)
