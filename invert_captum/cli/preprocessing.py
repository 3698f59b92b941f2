"""The preprocessing that a command line names, or that of its model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from PIL import Image

from invert_captum.cli.imports import import_function
from invert_captum.cli.model import TORCHVISION

if TYPE_CHECKING:
    from typing import Any

Preprocess = Callable[[Image.Image], torch.Tensor]

_PLAIN_SIZE = 224
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_REMEDY = "expected --preprocess package.module:function"


def choose_preprocess(spec: str, model: str, image_size: int | None) -> Preprocess:
    """Return what turns an RGB picture into the input of a model.

    Args:
        spec: ``package.module:function``, which is imported; empty for that of the model.
        model: The model as given to `load_model`: a torchvision model brings the preprocessing of
            its published weights (none of which is downloaded).
        image_size: Side in pixels in place of the preprocessing's own.

    Raises:
        TypeError: If ``spec`` names something else than a function.
        ValueError: If there is no such function, the model's preprocessing takes no size or no
            single picture, or both ``spec`` and ``image_size`` are given.
    """
    if spec:
        if image_size is not None:
            raise ValueError("--image-size and --preprocess exclude each other; expected one")
        chosen: Preprocess = import_function(spec, "--preprocess")
        return chosen
    if model.startswith(TORCHVISION):
        return _torchvision_preprocess(model, image_size)
    return _plain_preprocess(image_size or _PLAIN_SIZE)


def assumed_preprocess(spec: str, model: str, image_size: int | None) -> str | None:
    """Return in words what `choose_preprocess` assumes of a model that does not say; or None.

    Args:
        spec: As there.
        model: As there.
        image_size: As there.

    Examples:
        >>> assumed_preprocess("", "my_code:make_model", 64)  # doctest: +ELLIPSIS
        "preprocessing: cut square at 64 pixels, normalised by ImageNet's means and deviations ..."
    """
    if spec or model.startswith(TORCHVISION):
        return None
    return (
        f"preprocessing: cut square at {image_size or _PLAIN_SIZE} pixels, normalised by "
        "ImageNet's means and deviations (another one: --preprocess)"
    )


def _torchvision_preprocess(model: str, image_size: int | None) -> Preprocess:
    from torchvision import models

    make = models.get_model_weights(model.removeprefix(TORCHVISION)).DEFAULT.transforms
    if image_size is None:
        own: Preprocess = make()
        _check_single_pictures(own, model)
        return own
    try:
        sized: Preprocess = make(crop_size=image_size, resize_size=image_size)
    # Only the preprocessing of classifiers of pictures is made from one side in pixels.
    except TypeError as error:
        raise ValueError(
            f"--image-size is {image_size}, but the preprocessing of {model} takes no size; "
            f"{_REMEDY} instead"
        ) from error
    return sized


def _check_single_pictures(preprocess: Callable[..., Any], model: str) -> None:
    """Raise unless ``preprocess`` takes one picture and gives one tensor."""
    try:
        given = preprocess(Image.new("RGB", (_PLAIN_SIZE, _PLAIN_SIZE)))
    # Models of video ask the picture for its frames, models of optical flow for a second one.
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{model} does not take single pictures; {_REMEDY}") from error
    if not isinstance(given, torch.Tensor):
        came = type(given).__name__
        raise ValueError(f"the preprocessing of {model} gives a {came}, not a tensor; {_REMEDY}")


def _plain_preprocess(size: int) -> Preprocess:
    from torchvision import transforms

    plain: Preprocess = transforms.Compose(
        [
            transforms.Resize(size, antialias=True),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(_IMAGENET_MEAN, _IMAGENET_STD),
        ]
    )
    return plain


def as_seen(preprocess: Preprocess, tensor: torch.Tensor) -> torch.Tensor | None:
    """Return a model's input as a picture: what the model sees of it, cut and scaled as it is.

    Args:
        preprocess: What has made the input.
        tensor: The input.

    Returns:
        Shape (1 or 3, height, width) with values in [0, 1] if the normalisation is known; the input
        itself if it is not; None if the input is no picture.
    """
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3):
        return None
    last = getattr(preprocess, "transforms", [preprocess])[-1]
    mean, std = getattr(last, "mean", None), getattr(last, "std", None)
    if mean is None or std is None or len(mean) != len(tensor):
        return tensor
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (mean, std))
    return (tensor * std + mean).clamp(0, 1)
