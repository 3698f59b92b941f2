"""Writing one's own pictures and heat maps as ClickMe records."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from invert_captum._files import replacing
from invert_captum._validation import check_integer, shown
from invert_captum.alignment.clickme.decoding import STORED_SIZE, checked_label
from invert_captum.alignment.clickme.example_messages import BytesList, Int64List, encode_example
from invert_captum.alignment.clickme.finished_pictures import checked_map, finished_image
from invert_captum.alignment.clickme.resizing import resized
from invert_captum.alignment.clickme.tf_records import framed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from invert_captum.alignment.clickme.example_messages import Feature
    from invert_captum.alignment.clickme.source_paths import AnyPath


def write_clickme(
    path: AnyPath,
    records: Iterable[tuple[Any, Any, int]],
    *,
    quality: int = 95,
    n_classes: int = 1000,
) -> int:
    """Write pictures and heat maps as a TFRecord file, like ClickMe's published ones.

    Pictures and maps are brought to 256 by 256 pixels and stored as JPEG, which changes values by
    a few grey levels. A map is scaled so that its maximum becomes 255; an all-zero map stays zero.
    Readers blur the map (see `parse_heatmap`), so give it unblurred, as clicks are.

    Args:
        path: The file. It is replaced only after the last record was written.
        records: Tuples of an image, uint8, shape (H, W, 3), or (H, W) for grey levels; a heat map,
            real and not negative, shape (H, W); and a label, an integer. Arrays of NumPy or
            PyTorch; a label may be one without axes.
        quality: JPEG's quality, from 1 to 100.
        n_classes: The number of classes; labels must be below it. The reference reads 1,000.

    Returns:
        The number of records.

    Raises:
        TypeError: A record is no such tuple, or an array or a label is of another type.
        ValueError: An array has another shape, the heat map another height and width than its
            image, or NaN, infinite or negative values; a label is no class; there is no record.
        OSError: The file cannot be written.

    Examples:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from invert_captum.alignment import ClickMeDataset
        >>> clicks = np.zeros((256, 256))
        >>> clicks[100:120, 40:60] = 3
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "own-0.tfrecords")
        ...     n_records = write_clickme(path, [(np.zeros((256, 256, 3), np.uint8), clicks, 7)])
        ...     item = next(iter(ClickMeDataset(path)))
        >>> n_records, item.label, item.heatmap.shape
        (1, 7, torch.Size([224, 224]))
    """
    quality = check_integer("quality", quality, minimum=1)
    if quality > 100:
        raise ValueError(f"quality is {quality}; expected an integer from 1 to 100")
    n_classes = check_integer("n_classes", n_classes, minimum=1)
    n_records = 0
    with replacing(path) as file:
        for record in records:
            try:
                payload = _payload(record, quality, n_classes)
            except (TypeError, ValueError) as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"record {n_records} (from 0): {error}") from error
            file.write(framed(payload))
            n_records += 1
        if n_records == 0:
            raise ValueError("records is empty; expected at least one record")
    return n_records


def _payload(record: object, quality: int, n_classes: int) -> bytes:
    if not isinstance(record, (tuple, list)) or len(record) != 3:
        entries = f" of {len(record)}" if isinstance(record, (tuple, list)) else ""
        came = f"{type(record).__name__}{entries}"
        raise TypeError(f"it is a {came}; expected a tuple (image, heatmap, label)")
    image, heatmap = _array("image", record[0]), checked_map(_array("heatmap", record[1]))
    label = checked_label(record[2], n_classes)
    stored = finished_image(image, STORED_SIZE)
    if heatmap.shape != image.shape[:2]:
        raise ValueError(
            f"heatmap has shape {heatmap.shape}, but its image {image.shape}; expected "
            f"{image.shape[:2]}"
        )
    features: dict[str, Feature | None] = {
        "image": BytesList((_jpeg(stored.permute(1, 2, 0).numpy(), quality),)),
        "heatmap": BytesList((_jpeg(_grey_levels(heatmap), quality),)),
        "label": Int64List((label,)),
    }
    return encode_example(features)


def _grey_levels(heatmap: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the map at its stored size, from 0 to 255."""
    highest = float(heatmap.max())
    # Divided first, so that no sum over pixels overflows.
    relative = torch.tensor(heatmap / highest if highest > 0 else heatmap)
    stored = resized(relative[None], STORED_SIZE, STORED_SIZE, smooth=True)[0]
    scale = float(stored.max())
    levels = stored * (255 / scale) if scale > 0 else stored
    return levels.numpy()


def _jpeg(levels: NDArray[np.float32], quality: int) -> bytes:
    content = io.BytesIO()
    rounded = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    Image.fromarray(rounded).save(content, "JPEG", quality=quality)
    return content.getvalue()


def _array(name: str, values: object) -> NDArray[Any]:
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().numpy()
    if not isinstance(values, np.ndarray):
        raise TypeError(f"{name} is {shown(values)}; expected an array of NumPy or PyTorch")
    return values
