"""Ranks of the positions of many maps, from one sort."""

from __future__ import annotations

import torch
from torch import Tensor

_ALL_BUT_SIGN = 0x7FFFFFFF


def centred_mid_ranks(maps: Tensor) -> Tensor:
    """Rank the values of each map, equal ones by their average rank, doubled and centred.

    Average ranks and their mean are whole or half numbers. Twice their difference is whole, so
    that sums of products can be exact.

    Args:
        maps: Values, float32 of shape (n, p): p positions each. -0.0 equals 0.0, and infinite
            values are the lowest and highest. There must be no NaN, for it has no rank.

    Returns:
        *Tensor*: 2·rank - (p + 1) for ranks from 1, int64 of shape (n, p), between 1 - p and
        p - 1. Each row sums to 0.

    Examples:
        >>> centred_mid_ranks(torch.tensor([[0.3, 0.1, 0.2, 0.1], [5.0, 6.0, 7.0, 8.0]]))
        tensor([[ 3, -2,  1, -2],
                [-3, -1,  1,  3]])
    """
    n_maps, n_pixels = maps.shape
    # One sort of a long row is much faster than several, and no run of equal keys spans two maps.
    keys, position = _keys(maps).flatten().sort()
    _, run, lengths = torch.unique_consecutive(keys, return_inverse=True, return_counts=True)
    # Counted from 1 over all maps, the ranks of a run are end - length + 1 ... end.
    of_runs = lengths.cumsum(0).mul_(2).sub_(lengths)
    ranks = torch.empty_like(position).scatter_(0, position, of_runs[run])
    centre = n_pixels * (2 * torch.arange(n_maps, device=maps.device) + 1)
    return ranks.view(n_maps, n_pixels).sub_(centre[:, None])


def _keys(maps: Tensor) -> Tensor:
    """Return integers that sort by map, then by value, and are equal only where both are.

    Read as whole numbers, the bits of positive floats are in the floats' order, those of negative
    ones in the opposite order, which inverting all but the sign turns round.
    """
    bits = (maps + 0.0).view(torch.int32)  # -0.0 + 0.0 is 0.0
    bits ^= (bits >> 31).bitwise_and_(_ALL_BUT_SIGN)
    if len(maps) == 1:
        return bits  # which sort faster than 64 bits
    numbers = torch.arange(len(maps), device=maps.device) << 32
    return bits.long().add_(numbers[:, None])
