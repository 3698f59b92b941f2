"""ClickMe records decoded into arrays, and the arrays into what a network is given."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image

from invert_captum._validation import check_integer, listed, shown
from invert_captum.alignment.clickme.example_messages import BytesList, Int64List, parse_example
from invert_captum.alignment.clickme.resizing import resized
from invert_captum.alignment.maps.gaussian_blurring import gaussian_blur

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from invert_captum.alignment.clickme.example_messages import Feature

# As published. Clicks are blurred at BLURRED_SIZE, and shown to networks at NETWORK_SIZE.
STORED_SIZE, BLURRED_SIZE, NETWORK_SIZE = 256, 64, 224
# What Pillow's decoders raise for content that is no picture or not a whole one.
PICTURE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    # Where warnings are turned into errors.
    Image.DecompressionBombWarning,
)
_ORIENTATION, _UPRIGHT = 0x0112, 1


class DecodedRecord(NamedTuple):
    """A record as it is stored, decoded.

    Attributes:
        image: uint8, shape (256, 256, 3), red, green and blue.
        heatmap: uint8, shape (256, 256).
        label: The class, from 0.
    """

    image: NDArray[np.uint8]
    heatmap: NDArray[np.uint8]
    label: int


def decode_record(payload: bytes, *, n_classes: int = 1000) -> DecodedRecord:
    """Decode a ClickMe record: a ``tf.train.Example`` with ``image``, ``heatmap`` and ``label``.

    Other features are passed over, and pictures may be JPEG or PNG, as in the reference. Refused
    here, though the reference reads them: a record without a label (class 0 there), a label that is
    no class (a target of zeros there, and labels are cut to 32 bits) and pictures that have the
    right number of pixels in another shape (rearranged there). JPEG is decoded with the accurate
    cosine transform; TensorFlow has a faster one, whose grey levels differ by a few.

    Args:
        payload: The record.
        n_classes: The number of classes.

    Returns:
        The record's picture, heat map and label.

    Raises:
        ValueError: The record is no Example, has a feature missing, of another kind or with more
            than one value, a label outside 0 to ``n_classes`` - 1, or a picture that cannot be
            decoded, has another size than 256 by 256 or other channels.

    Examples:
        >>> decode_record(b"")
        Traceback (most recent call last):
        ...
        ValueError: it has no feature 'image'; its features are none
    """
    features = parse_example(payload)
    side = STORED_SIZE
    image = decode_picture(_only_bytes(features, "image"), "image", "RGB", side=side)
    heatmap = decode_picture(_only_bytes(features, "heatmap"), "heatmap", "L", side=side)
    label = checked_label(_only_label(features), n_classes)
    return DecodedRecord(
        image.astype(np.uint8, copy=False), heatmap.astype(np.uint8, copy=False), label
    )


def decode_picture(
    content: bytes, name: str, *modes: str, side: int | None = None, upright: bool = False
) -> NDArray[np.uint8 | np.uint16]:
    """Decode a JPEG or PNG picture of a given kind.

    A picture of another kind or size is refused by its header, so that a small file that claims
    to be a huge picture costs no memory.

    Args:
        content: The file's bytes.
        name: What error messages call the picture.
        *modes: The kinds allowed, as Pillow calls them: "RGB" for colours, "L" for grey levels of
            8 bits, "I;16" for grey levels of 16 bits.
        side: The height and width that it must have; by default any.
        upright: Refuse a picture whose EXIF data ask viewers to turn it.

    Returns:
        Shape (H, W, 3) for colours and (H, W) for grey levels; uint8, or uint16 for "I;16".

    Raises:
        ValueError: The content is no whole JPEG or PNG picture, or one of another kind, size or
            orientation.

    Examples:
        >>> decode_picture(b"no picture", "image", "RGB")
        Traceback (most recent call last):
        ...
        ValueError: image cannot be decoded as JPEG or PNG: cannot identify image file ...
    """
    if not content:
        raise ValueError(f"{name} is empty; expected a JPEG or PNG picture")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            mode, (width, height) = picture.mode, picture.size
            fits = mode in modes and (side is None or height == width == side)
            array = np.array(picture) if fits else None
            turn = picture.getexif().get(_ORIENTATION, _UPRIGHT) if fits and upright else _UPRIGHT
    except PICTURE_ERRORS as error:
        raise ValueError(f"{name} cannot be decoded as JPEG or PNG: {error}") from error
    if mode not in modes:
        raise ValueError(f"{name} is a picture of mode {mode}; expected {' or '.join(modes)}")
    if array is None:
        raise ValueError(f"{name} has {height} x {width} pixels; expected {side} x {side}")
    if turn != _UPRIGHT:
        raise ValueError(
            f"{name} is stored turned (EXIF orientation {turn}), and whether its counterpart is "
            "cannot be known; expected upright pixels, as PIL.ImageOps.exif_transpose makes"
        )
    return array


def checked_label(label: object, n_classes: int) -> int:
    """Return ``label``, an integer or a tensor or array of one without axes, as an `int`.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is no class, from 0 to ``n_classes`` - 1.

    Examples:
        >>> checked_label(999, 1000)
        999
    """
    if isinstance(label, (torch.Tensor, np.ndarray)) and label.ndim == 0:
        label = label.item()
    number = check_integer("label", label, minimum=0)
    if number >= n_classes:
        raise ValueError(
            f"label is {number}; expected a class from 0 to {n_classes - 1}, because n_classes is "
            f"{n_classes}"
        )
    return number


def parse_image(decoded: NDArray[np.uint8], size: int = NETWORK_SIZE) -> Tensor:
    """Resize a decoded ClickMe picture as the reference does.

    Args:
        decoded: uint8, shape (256, 256, 3).
        size: The side of the result, in pixels.

    Returns:
        float32, shape (3, size, size), from 0 to 255: not normalised.

    Raises:
        TypeError: ``decoded`` is not of type uint8.
        ValueError: ``decoded`` has another shape.

    Source: the released code of Fel et al., NeurIPS 2022.

    Examples:
        >>> parse_image(np.full((256, 256, 3), 120, np.uint8)).shape
        torch.Size([3, 224, 224])
    """
    _check_decoded(decoded, (STORED_SIZE, STORED_SIZE, 3))
    channels = torch.tensor(np.ascontiguousarray(decoded)).permute(2, 0, 1).float()
    return resized(channels, size, size)


def parse_heatmap(decoded: NDArray[np.uint8], size: int = NETWORK_SIZE) -> Tensor:
    """Resize and blur a decoded ClickMe heat map as the reference does.

    The map is brought to 64 by 64 pixels, blurred by `gaussian_blur` and brought to ``size``.

    Args:
        decoded: uint8, shape (256, 256).
        size: The side of the result, in pixels.

    Returns:
        float32, shape (size, size), from 0 to 255: not normalised.

    Raises:
        TypeError: ``decoded`` is not of type uint8.
        ValueError: ``decoded`` has another shape.

    Source: the released code of Fel et al., NeurIPS 2022.

    Examples:
        >>> parse_heatmap(np.zeros((256, 256), np.uint8)).shape
        torch.Size([224, 224])
    """
    _check_decoded(decoded, (STORED_SIZE, STORED_SIZE))
    clicks = torch.tensor(np.ascontiguousarray(decoded))[None].float()
    blurred = gaussian_blur(resized(clicks, BLURRED_SIZE, BLURRED_SIZE))
    return resized(blurred, size, size)[0]


def _check_decoded(decoded: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    if not isinstance(decoded, np.ndarray) or decoded.dtype != np.uint8:
        came = decoded.dtype if isinstance(decoded, np.ndarray) else shown(decoded)
        raise TypeError(f"decoded is of {came}; expected a NumPy array of uint8")
    if decoded.shape != shape:
        raise ValueError(f"decoded has shape {decoded.shape}; expected {shape}")


def _only_bytes(features: Mapping[str, Feature | None], name: str) -> bytes:
    feature = _present(features, name)
    if not isinstance(feature, BytesList) or len(feature.values) != 1:
        raise ValueError(f"{name} is {_described(feature)}; expected one byte string")
    return feature.values[0]


def _only_label(features: Mapping[str, Feature | None]) -> int:
    feature = _present(features, "label")
    if not isinstance(feature, Int64List) or len(feature.values) != 1:
        raise ValueError(f"label is {_described(feature)}; expected one integer")
    return feature.values[0]


def _present(features: Mapping[str, Feature | None], name: str) -> Feature:
    feature = features.get(name)
    if feature is None:
        names = listed(sorted(features)) if features else "none"
        raise ValueError(f"it has no feature {name!r}; its features are {names}")
    return feature


def _described(feature: Feature) -> str:
    return f"a {type(feature).__name__} of {len(feature.values)}"
