"""Maps made comparable: the part above the mean, in standard deviations."""

from __future__ import annotations

import torch
from torch.nn import functional

from invert_captum.alignment.maps.map_checks import at_least_float32, check_maps, check_number


def standardize_cut(maps: torch.Tensor, epsilon: float = 1e-5) -> torch.Tensor:
    r"""Standardise each map over its positions and cut what is below its mean.

    .. math:: z(h) = \max\left(0, \frac{h - \mathrm{mean}(h)}{\mathrm{std}(h) + \epsilon}\right)

    with the population standard deviation. A constant map becomes 0 with a gradient of 0; a map
    whose standard deviation is near ``epsilon`` is shrunk by it.

    Args:
        maps: Maps of shape (N, H, W), floating.
        epsilon: What is added to the standard deviation, positive.

    Returns:
        Maps of the same shape and type, at least 0, computed in at least float32. Differentiable
        twice.

    Raises:
        TypeError: If ``maps`` are not a floating tensor, or ``epsilon`` is no number.
        ValueError: If their shape is another, or ``epsilon`` is not positive and finite.

    Source: Fel et al., NeurIPS 2022, section 4 (z), constants of the released code.

    Examples:
        >>> import torch
        >>> standardize_cut(torch.tensor([[[0.0, 2.0]], [[5.0, 5.0]]]), epsilon=1.0)
        tensor([[[0.0000, 0.5000]],
        <BLANKLINE>
                [[0.0000, 0.0000]]])
    """
    maps = check_maps("maps", maps)
    epsilon = check_number("epsilon", epsilon, zero_allowed=False)
    dtype, maps = maps.dtype, at_least_float32(maps)
    centred = maps - maps.mean(dim=(1, 2), keepdim=True)
    # The rounding of a mean would leave a constant map a little above or below zero everywhere.
    varies = maps.amax(dim=(1, 2), keepdim=True) > maps.amin(dim=(1, 2), keepdim=True)
    variance = torch.where(varies, centred, 0.0).square().mean(dim=(1, 2), keepdim=True)
    # The square root of 0 has no slope, and a variance may be 0 by underflow.
    positive = variance > 0
    deviation = torch.where(positive, variance, 1.0).sqrt()
    deviation = torch.where(positive, deviation, 0.0)
    return torch.where(varies, functional.relu(centred) / (deviation + epsilon), 0.0).to(dtype)
