"""What a picture is replaced by where the mask takes it away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

if TYPE_CHECKING:
    from collections.abc import Callable

BackgroundName = Literal["blur", "mean", "noise"]
Background: TypeAlias = "BackgroundName | Tensor | Callable[[Tensor], Tensor]"

BLUR_SIGMA = 11.0
"""Standard deviation of the blur in pixels (Du et al. 2018 call it the radius)."""

BLUR_KERNEL = 67
"""Pixels that the blur reaches over: three standard deviations to either side."""

_SEED = 0
_EXPECTED = (
    'expected "blur", "mean", "noise", a tensor that broadcasts to the inputs, or a function of '
    "them that returns one"
)


def background_of(inputs: Tensor, background: Background) -> Tensor:
    """Return the background of every picture.

    Args:
        inputs: Pictures, shape (n, channels, height, width).
        background: ``"blur"``: the picture under a Gaussian of 11 pixels, reflected at its edges;
            ``"mean"``: its mean colour; ``"noise"``: Gaussian noise with the mean and standard
            deviation of each of its channels, the same draw in every call and for every picture;
            a tensor that broadcasts to the inputs; or a function from the inputs to one.

    Returns:
        Shape (n, channels, height, width).

    Raises:
        TypeError: ``background`` is none of these, the function returns no tensor, or the tensor is
            of complex numbers.
        ValueError: the tensor does not broadcast to the inputs, or has values that are not finite.

    Examples:
        >>> background_of(torch.arange(4.0).reshape(1, 1, 2, 2), "mean")
        tensor([[[[1.5000, 1.5000],
                  [1.5000, 1.5000]]]])
    """
    if isinstance(background, str):
        return _named(inputs, background)
    if not isinstance(background, Tensor) and not callable(background):
        raise TypeError(f"background is of type {type(background).__name__}; {_EXPECTED}")
    # A function may change its argument in place.
    made = background if isinstance(background, Tensor) else background(inputs.clone())
    if not isinstance(made, Tensor):
        raise TypeError(f"background returned {type(made).__name__}; expected a tensor")
    if made.is_complex():
        raise TypeError(f"background is of {made.dtype}; expected real numbers")
    own = made.detach().clone().to(inputs)
    try:
        spread = own.expand_as(inputs)
    except RuntimeError:
        raise ValueError(
            f"background has shape {tuple(made.shape)}, but inputs has {tuple(inputs.shape)}; "
            "expected a shape that broadcasts to it"
        ) from None
    if not bool(own.isfinite().all()):
        raise ValueError("background has values that are NaN or infinite; expected finite ones")
    return spread


def _named(inputs: Tensor, name: str) -> Tensor:
    if name == "blur":
        return _blurred(inputs)
    if name not in ("mean", "noise"):
        raise ValueError(f"background is {name!r}; {_EXPECTED}")
    wide = _wide(inputs)
    mean = wide.mean(dim=(2, 3), keepdim=True)
    if name == "mean":
        return mean.to(inputs).expand_as(inputs)
    deviation = wide.std(dim=(2, 3), keepdim=True, correction=0)
    # Drawn on the CPU, so that all devices have the same noise.
    generator = torch.Generator("cpu").manual_seed(_SEED)
    noise = torch.randn(inputs.shape[1:], generator=generator, dtype=torch.float64, device="cpu")
    return (mean + deviation * noise.to(wide)).to(inputs)


def _blurred(inputs: Tensor) -> Tensor:
    down = _blurred_across(_wide(inputs).transpose(2, 3)).transpose(2, 3)
    return _blurred_across(down).to(inputs)


def _blurred_across(pictures: Tensor) -> Tensor:
    """Blur along the last axis."""
    width, reach = pictures.shape[3], BLUR_KERNEL // 2
    if width == 1:
        return pictures
    padded, left = pictures, 0
    # A mirror shows each pixel once, so that small pictures need several.
    while left < reach:
        further = min(reach - left, padded.shape[3] - 1)
        padded = torch.nn.functional.pad(padded, (further, further, 0, 0), mode="reflect")
        left += further
    blurred: Tensor = gaussian_blur(padded, [BLUR_KERNEL, 1], [BLUR_SIGMA, BLUR_SIGMA])
    return blurred[..., left : left + width]


def _wide(pictures: Tensor) -> Tensor:
    """Return pictures in a type that has all operations on every device.

    On a GPU convolutions of single precision are rounded to ten bits, in which a picture of one
    colour would not be its own background.
    """
    if pictures.is_cuda:
        return pictures.double()
    return pictures if pictures.dtype == torch.float64 else pictures.float()
