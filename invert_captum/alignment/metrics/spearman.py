"""Spearman's rank correlation of maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from invert_captum.alignment.metrics.map_blocks import score_pairs
from invert_captum.alignment.metrics.map_ranks import centred_mid_ranks

if TYPE_CHECKING:
    from torch import Tensor


def spearman_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Correlate the ranks of the positions of each pair of maps.

    Spearman's correlation over the H·W positions, equal ones with their average rank: the score
    behind the alignment of Fel et al., NeurIPS 2022 (arXiv 2211.04533), as their released code
    has it. It is the same for any strictly rising function of either map.

    The maps are rounded to float32 first, so that values which differ by less become ties, and
    -0.0 equals 0.0. Infinite values (also those beyond the range of float32) are ranked as the
    lowest or highest. Sums of ranks are exact integers up to 3,024,616 positions a map, about
    1,739 × 1,739, and float64 above. The result has no gradient.

    Args:
        a: Maps, shape (N, H, W), of any floating type, on any device.
        b: As many maps of the same shape on the same device.

    Returns:
        *Tensor*: float64 in [-1, 1], shape (N,), on the device of ``a``; float32 where the device
        has no float64 (MPS, for which the ranks are made on the CPU). NaN where either map is
        constant or has a NaN. Exactly 1 for two identical maps that are not constant.

    Raises:
        TypeError: ``a`` or ``b`` is no tensor, or not one of floating-point numbers.
        ValueError: ``a`` or ``b`` has not the shape (N, H, W) or no positions, or they differ in
            shape or device.

    Examples:
        >>> import torch
        >>> human = torch.tensor([[[0.0, 1.0], [2.0, 3.0]]]).repeat(3, 1, 1)
        >>> model = torch.tensor([[[0.0, 1.0], [4.0, 9.0]], [[3.0, 2.0], [1.0, 0.0]]])
        >>> model = torch.cat([model, torch.ones(1, 2, 2)])
        >>> spearman_correlation(human, model)
        tensor([ 1., -1., nan], dtype=torch.float64)
    """
    return score_pairs(a, b, _correlation)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Return the correlations of the ranks of float32 maps, (n, p) x 2 -> (n,)."""
    ranks_a, ranks_b = centred_mid_ranks(a), centred_mid_ranks(b)
    covariance = _sum_of_products(ranks_a, ranks_b)
    variances = _sum_of_products(ranks_a, ranks_a) * _sum_of_products(ranks_b, ranks_b)
    # 0 / 0 where a map is constant. Above 2⁵³ sums are rounded, and a quotient could pass 1.
    correlation = (covariance / variances.sqrt()).clamp(-1, 1)
    # The maximum with a NaN is NaN.
    return correlation.masked_fill(a.amax(1).isnan() | b.amax(1).isnan(), torch.nan)


def _sum_of_products(a: Tensor, b: Tensor) -> Tensor:
    """Return the sum over each row as float64, of centred doubled ranks."""
    if not sums_fit(a.shape[1]):
        return (a.double() * b.double()).sum(1)
    return (a * b).sum(1).double()


def sums_fit(n_pixels: int) -> bool:
    """Tell whether sums of products of centred doubled ranks fit 64 bits.

    Squared, the ranks of p different values sum to p(p² - 1) / 3. By Cauchy and Schwarz no sum of
    products, complete or partial, is larger.
    """
    return n_pixels * (n_pixels**2 - 1) // 3 <= torch.iinfo(torch.int64).max
