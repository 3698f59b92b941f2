"""Maps at several resolutions, and their squared difference over all of these."""

from __future__ import annotations

import torch

from invert_captum._validation import check_integer, shown
from invert_captum.alignment.maps.filtering import filtered
from invert_captum.alignment.maps.map_checks import at_least_float32, check_maps, check_same_shape

_BINOMIAL = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16]


def pyramid(maps: torch.Tensor, n_levels: int = 5) -> list[torch.Tensor]:
    """Return maps and their reductions, each half the size of the one before.

    A level is the one before, blurred by the binomial kernel ``[1, 4, 6, 4, 1]`` over rows and
    columns and taken at every second pixel, zeros around it. A side of n pixels becomes one of
    ``ceil(n / 2)``; an even side has one zero before and two after it, an odd side two and two.

    Args:
        maps: Maps of shape (N, H, W), floating.
        n_levels: How often they are reduced, at least 0.

    Returns:
        ``n_levels + 1`` tensors; the first is ``maps``.

    Raises:
        TypeError: If ``maps`` are not a floating tensor.
        ValueError: If their shape is another, or ``n_levels`` is negative.

    Source: the released code of Fel et al., NeurIPS 2022, section 4, "pyramidal representation".

    Examples:
        >>> import torch
        >>> [tuple(level.shape) for level in pyramid(torch.rand(2, 12, 9), 2)]
        [(2, 12, 9), (2, 6, 5), (2, 3, 3)]
    """
    levels = [check_maps("maps", maps)]
    for _ in range(check_integer("n_levels", n_levels, minimum=0)):
        levels.append(_reduced(levels[-1]))
    return levels


def _reduced(maps: torch.Tensor) -> torch.Tensor:
    reduced = at_least_float32(maps)
    for axis in (1, 2):
        zeros = 1 + maps.shape[axis] % 2, 2
        reduced = filtered(reduced, _BINOMIAL, axis, zeros, stride=2)
    return reduced.to(maps.dtype)


def pyramidal_mse(
    true: torch.Tensor, predicted: torch.Tensor, tokens: torch.Tensor, n_levels: int = 5
) -> torch.Tensor:
    """Return the mean squared difference of two sets of maps over the levels of their pyramids.

    The squared differences of a map are multiplied by its token and averaged over all maps and
    positions of a level, also over those of maps with token 0; the levels count equally. Level 0,
    the maps themselves, is one of the ``n_levels``.

    Args:
        true: Maps of shape (N, H, W), floating.
        predicted: Maps of the same shape.
        tokens: The weight of each map, of shape (N,): 1 for a map that counts, 0 for one that does
            not. Any other finite weight is taken as it is.
        n_levels: How many levels are averaged, at least 1.

    Returns:
        The mean, a tensor without axes, at least float32. Differentiable.

    Raises:
        TypeError: If the maps are not floating tensors.
        ValueError: If the shapes differ, or there are no maps, or ``n_levels`` is below 1.

    Source: the released code of Fel et al., NeurIPS 2022, equation 2.

    Examples:
        >>> import torch
        >>> ones, zeros = torch.ones(2, 4, 4), torch.zeros(2, 4, 4)
        >>> float(pyramidal_mse(ones, zeros, torch.tensor([1.0, 0.0]), n_levels=1))
        0.5
    """
    check_same_shape("true", true, "predicted", predicted)
    if not isinstance(tokens, torch.Tensor) or tokens.shape != true.shape[:1]:
        given = tuple(tokens.shape) if isinstance(tokens, torch.Tensor) else shown(tokens)
        raise ValueError(
            f"tokens must be a tensor of shape ({len(true)},), one for each map, got {given}"
        )
    if not len(true):
        raise ValueError("true and predicted hold no maps; expected at least one")
    n_levels = check_integer("n_levels", n_levels, minimum=1)
    # The reduction is linear: the pyramid of the difference is the difference of the pyramids.
    levels = pyramid(at_least_float32(predicted) - at_least_float32(true), n_levels - 1)
    weights = tokens.to(levels[0])[:, None, None]
    return torch.stack([(level.square() * weights).mean() for level in levels]).mean()
