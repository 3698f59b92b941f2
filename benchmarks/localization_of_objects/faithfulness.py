"""How well maps say what a prediction rests on, whatever the object is.

Insertion and deletion are those of Petsiuk et al. 2018 (*RISE*, arXiv 1806.07421), infidelity and
sensitivity those of Yeh et al. 2019 (*On the (In)fidelity and Sensitivity of Explanations*, arXiv
1901.09392) as Captum has them. What is removed from a picture is replaced by the blurred picture,
and the prediction is the probability of the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from captum.metrics import infidelity, sensitivity_max

from benchmarks.localization_of_objects.object_methods import blurred
from invert_captum.demo.network import BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

N_STEPS = 28
N_SQUARES = 40
N_NOISY = 3

BLUR = 11.0
_SMALLEST, _LARGEST = 1 / 8, 1 / 2  # Sides of the squares, as shares of the picture's.


def probabilities(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the probability of each picture's class, shape (n,)."""
    chunks = zip(inputs.split(BATCH_SIZE), targets.split(BATCH_SIZE), strict=True)
    with torch.no_grad():
        found = [torch.softmax(network(x), dim=1).gather(1, t[:, None])[:, 0] for x, t in chunks]
    return torch.cat(found)


def insertion(
    network: nn.Module, inputs: Tensor, targets: Tensor, maps: Tensor
) -> NDArray[np.float64]:
    """Return the area under the probability as pixels come into the blurred picture.

    Args:
        network: Gives logits.
        inputs: Shape (n, 3, height, width).
        targets: The classes, shape (n,).
        maps: Shape (n, height, width); the pixels of the highest values come first.

    Returns:
        Shape (n,), from 0 to 1; the greater the better.
    """
    return _area(network, blurred(inputs, BLUR), inputs, targets, maps)


def deletion(
    network: nn.Module, inputs: Tensor, targets: Tensor, maps: Tensor
) -> NDArray[np.float64]:
    """Return the area under the probability as pixels give way to the blurred picture.

    Arguments as for `insertion`. The smaller the better.
    """
    return _area(network, inputs, blurred(inputs, BLUR), targets, maps)


def pixel_ranks(pixels: Tensor) -> Tensor:
    """Return the place of each pixel of one map from the highest value, 0, to the lowest.

    Equal values come in an order that is drawn, the same for every map.
    """
    draw = torch.randperm(pixels.numel(), generator=torch.Generator().manual_seed(0))
    order = draw[pixels.flatten()[draw].argsort(descending=True, stable=True)]
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order))
    return ranks.reshape(pixels.shape)


def _area(
    network: nn.Module, start: Tensor, goal: Tensor, targets: Tensor, maps: Tensor
) -> NDArray[np.float64]:
    """Return the mean probability, by the trapezoid rule, on the way from start to goal."""
    areas = []
    for first, last, target, pixels in zip(start, goal, targets, maps, strict=True):
        limits = torch.linspace(0, pixels.numel(), N_STEPS + 1)[:, None, None, None]
        steps = torch.where(pixel_ranks(pixels) < limits, last, first)
        curve = probabilities(network, steps, target.expand(len(steps)))
        areas.append(torch.trapezoid(curve).item() / N_STEPS)
    return np.array(areas)


def infidelity_of(
    network: nn.Module, inputs: Tensor, targets: Tensor, maps: Tensor
) -> NDArray[np.float64]:
    """Return Captum's infidelity for squares of the picture that are blurred.

    How far the sum of the map over a square is from what the probability falls by when the square
    is blurred, squared, mean over random squares. Since a mask has no unit, maps are scaled by the
    factor that `captum.metrics.infidelity` calls ``normalize``. The squares are the same for all
    maps.

    Args:
        network: Gives logits.
        inputs: Shape (n, 3, height, width).
        targets: The classes, shape (n,).
        maps: Shape (n, height, width).

    Returns:
        Shape (n,); the smaller the better.
    """
    found = []
    for picture, target, pixels in zip(inputs, targets, maps, strict=True):
        generator = torch.Generator().manual_seed(0)
        ground = blurred(picture[None], BLUR)

        def blur_squares(
            pictures: Tensor, ground: Tensor = ground, generator: torch.Generator = generator
        ) -> tuple[Tensor, Tensor]:
            squares = draw_squares(len(pictures), pictures.shape[-1], generator)[:, None]
            # In units of pixels, not of colours: what a map sums up is how much each pixel matters.
            return squares.to(pictures.dtype).expand_as(pictures), torch.where(
                squares, ground, pictures
            )

        spread = (pixels / len(picture)).expand_as(picture)
        found.append(
            infidelity(
                lambda x, t=target: probabilities(network, x, t.expand(len(x))),
                blur_squares,
                picture[None],
                spread[None],
                n_perturb_samples=N_SQUARES,
                max_examples_per_batch=BATCH_SIZE,
                normalize=True,
            ).item()
        )
    return np.array(found)


def draw_squares(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Draw squares inside of pictures, as booleans (count, side, side)."""
    sides = torch.empty(count).uniform_(_SMALLEST, _LARGEST, generator=generator) * side
    sides = sides.round().clamp(min=1)
    corners = (torch.rand(2, count, generator=generator) * (side - sides + 1)).floor()
    places = torch.arange(side)
    down, right = (
        (places >= corner[:, None]) & (places < (corner + sides)[:, None]) for corner in corners
    )
    return down[:, :, None] & right[:, None, :]


def sensitivity(
    explain: Callable[[Tensor, Tensor], Tensor], inputs: Tensor, targets: Tensor
) -> NDArray[np.float64]:
    """Return Captum's maximal change of a map under noise, relative to the map's norm.

    Args:
        explain: Maps pictures and classes to maps (n, height, width).
        inputs: Shape (n, 3, height, width).
        targets: The classes, shape (n,).

    Returns:
        Shape (n,); 0 for a map that does not change with the picture.
    """
    torch.manual_seed(0)  # The noise is drawn from the global generator.

    def maps_of(pictures: Tensor | tuple[Tensor, ...], target: Tensor) -> tuple[Tensor]:
        # Captum hands over a tuple for the picture and a tensor for its noisy copies.
        (one,) = pictures if isinstance(pictures, tuple) else (pictures,)
        # A target that is one number is not repeated for the copies.
        return (explain(one, target.expand(len(one))),)

    # One picture after the other, since noisy copies are explained all at once.
    found = [
        sensitivity_max(maps_of, inputs[i : i + 1], n_perturb_samples=N_NOISY, target=targets[[i]])
        for i in range(len(inputs))
    ]
    return torch.cat(found).double().numpy()
