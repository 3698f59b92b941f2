"""What the images have to be before a network with Keras weights sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from invert_captum._log import warn
from invert_captum._validation import as_list, check_choice, shown

PreprocessingName = Literal["torch", "caffe", "tf", "none"]
_ImageChannels = tuple[float, float, float]


@dataclass(frozen=True)
class KerasPreprocessing:
    """Turns RGB pictures with values 0 to 255 into what a network expects.

    Each value is multiplied by ``scale``, the channels are put in the order ``channels``, and then
    ``mean`` is subtracted and the rest divided by ``std``.

    Args:
        scale: Factor of the values 0 to 255.
        mean: One number for each channel, in the order ``channels``.
        std: Likewise.
        channels: ``"RGB"`` or ``"BGR"``.

    Examples:
        >>> import torch
        >>> from invert_captum.alignment import keras_preprocessing
        >>> preprocess = keras_preprocessing("tf")
        >>> preprocess(torch.tensor([0.0, 127.5, 255.0]).reshape(1, 3, 1, 1)).flatten()
        tensor([-1.,  0.,  1.])
    """

    scale: float
    mean: _ImageChannels
    std: _ImageChannels
    channels: Literal["RGB", "BGR"] = "RGB"

    def __call__(self, images: Tensor) -> Tensor:
        """Return what the network expects, differentiable.

        Args:
            images: RGB, shape (N, 3, H, W), values 0 to 255, of floats or whole numbers.

        Returns:
            *Tensor*: shape (N, 3, H, W), of the same floats, or float32 for whole numbers.

        Raises:
            TypeError: ``images`` is not a tensor of real numbers.
            ValueError: ``images`` has another shape, or values outside 0 to 255.

        Warns:
            InvertCaptumWarning: No value exceeds 1, as if the scale were 0 to 1.

        Examples:
            >>> orange = torch.tensor([255.0, 128.0, 0.0]).reshape(1, 3, 1, 1)
            >>> keras_preprocessing("caffe")(orange).flatten()  # blue, green, red
            tensor([-103.9390,   11.2210,  131.3200])
        """
        pixels = _checked(images)
        if self.channels == "BGR":
            pixels = pixels.flip(1)
        mean, std = (pixels.new_tensor(numbers)[:, None, None] for numbers in (self.mean, self.std))
        return (pixels * self.scale - mean) / std

    def followed_by(self, factor: _ImageChannels, offset: _ImageChannels) -> KerasPreprocessing:
        """Return this preprocessing with ``x * factor + offset`` applied to its result.

        Args:
            factor: One number for each channel, none of them 0.
            offset: Likewise, with 0 allowed.

        Returns:
            *KerasPreprocessing*: both steps in one.

        Raises:
            TypeError: ``factor`` or ``offset`` is no sequence.
            ValueError: One of them is not three finite numbers, or a factor is 0.

        Examples:
            >>> scaled = keras_preprocessing("tf").followed_by((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
            >>> scaled(torch.tensor([0.0, 127.5, 255.0]).reshape(1, 3, 1, 1)).flatten()
            tensor([0.0000, 0.5000, 1.0000])
        """
        factors, offsets = _triple("factor", factor), _triple("offset", offset)
        if 0 in factors:
            raise ValueError(f"factor is {shown(factor)}; expected none to be 0")
        triples = list(zip(self.mean, self.std, factors, offsets, strict=True))
        mean = [mean - shift * std / times for mean, std, times, shift in triples]
        std = [std / times for _, std, times, _ in triples]
        return KerasPreprocessing(
            self.scale, (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), self.channels
        )


_NAMED = {
    "torch": KerasPreprocessing(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": KerasPreprocessing(1.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "BGR"),
    "tf": KerasPreprocessing(1 / 255, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": KerasPreprocessing(1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def keras_preprocessing(name: PreprocessingName) -> KerasPreprocessing:
    """Return the preprocessing that Keras knows by a name.

    Args:
        name: As the ``mode`` of ``keras.applications.imagenet_utils.preprocess_input``: ``"torch"``
            scales to 0 to 1 and standardises with ImageNet's mean and deviation, as Harmonization's
            released ``preprocess_input`` does; ``"caffe"`` takes blue, green, red and subtracts
            ImageNet's mean; ``"tf"`` scales to -1 to 1. ``"none"`` leaves 0 to 255.

    Returns:
        *KerasPreprocessing*: to be called with images.

    Raises:
        ValueError: ``name`` is another one.

    Examples:
        >>> keras_preprocessing("caffe").channels
        'BGR'
    """
    check_choice("preprocessing", name, get_args(PreprocessingName))
    return _NAMED[name]


def _triple(argument: str, given: object) -> list[float]:
    numbers = as_list(argument, given)
    plain = [
        float(number)
        for number in numbers
        if isinstance(number, (int, float)) and not isinstance(number, bool)
    ]
    if len(numbers) != 3 or len(plain) != 3 or not all(map(math.isfinite, plain)):
        raise ValueError(
            f"{argument} is {shown(given)}; expected three finite numbers, one for each channel"
        )
    return plain


def _checked(images: object) -> Tensor:
    if not isinstance(images, Tensor) or images.is_complex() or images.dtype == torch.bool:
        raise TypeError(f"images is {shown(images)}; expected a tensor of numbers 0 to 255")
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images has shape {tuple(images.shape)}; expected (N, 3, H, W)")
    pixels = images if images.is_floating_point() else images.float()
    if not images.numel():
        return pixels
    lowest, highest = (float(bound) for bound in pixels.detach().aminmax())
    if not 0 <= lowest <= highest <= 255:
        raise ValueError(f"images has values from {lowest:g} to {highest:g}; expected 0 to 255")
    if images.is_floating_point() and 0 < highest <= 1:
        warn(f"images has no value above {highest:g}; expected 0 to 255, not 0 to 1")
    return pixels
