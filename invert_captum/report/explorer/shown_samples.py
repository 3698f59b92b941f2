"""What a person sees of a sample: a picture, a text, its tokens, or a row of numbers."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from invert_captum._validation import shown as shown_value
from invert_captum.report.explorer.pictures import is_picture, thumbnail_uri
from invert_captum.report.explorer.rounding import rounded

Entry: TypeAlias = dict[str, Any]

_EXPECTED = (
    "expected a picture (a PIL image, or an array of two axes, or of three with 1, 3 or 4 "
    "colours), a text, a sequence of tokens (str) or of numbers, or a mapping from names to numbers"
)


@dataclass(frozen=True)
class ShownSamples:
    """What is seen of n samples, read one at a time.

    Attributes:
        item: Gives the item of the sample with an index.
        feature_names: Names of the numbers of arrays of one axis; None: ``x0``, ``x1`` …
    """

    item: Callable[[int], Any]
    feature_names: Sequence[str] | None = None

    @classmethod
    def of(
        cls,
        shown: Any,
        inputs: Any,
        n_samples: int,
        feature_names: Sequence[str] | None = None,
    ) -> ShownSamples | None:
        """Return what is seen of the samples, or None if nothing is.

        Args:
            shown: A function from an index to an item, n items, or a data frame of n rows; None:
                taken from ``inputs``.
            inputs: What the model takes, or n items; None if it is not at hand.
            n_samples: The number n.
            feature_names: As above.

        Raises:
            TypeError: If ``shown`` is neither.
            ValueError: If there are not n items.
        """
        if callable(shown) and not isinstance(shown, Dataset):
            return cls(shown, feature_names)
        if hasattr(shown, "iloc"):
            # A data frame, which is not indexed by rows.
            frame = shown
            _check_sequence("shown", range(len(frame)), n_samples)
            return cls(lambda index: frame.iloc[index].to_dict(), feature_names)
        if shown is not None:
            _check_sequence("shown", shown, n_samples)
            return cls(lambda index: first_of(shown[index]), feature_names)
        if inputs is None:
            return None
        first = inputs[0] if isinstance(inputs, tuple) and isinstance(inputs[0], Tensor) else inputs
        _check_sequence("inputs", first, n_samples)
        if not _can_be_seen(first):
            return None
        return cls(lambda index: first_of(first[index]), feature_names)

    def entry(self, index: int, side: int) -> Entry:
        """Return what a page embeds of a sample.

        Args:
            index: Which sample.
            side: The longer side of a picture, in pixels.

        Raises:
            TypeError: If the item is nothing that can be shown, or a row holds more than numbers.
            ValueError: If a row of numbers does not have as many as there are names.
        """
        item = self.item(index)
        if isinstance(item, str):
            return {"text": item}
        if isinstance(item, Mapping):
            return {"numbers": [[str(name), _number(item[name])] for name in item]}
        if is_picture(item):
            return {"image": thumbnail_uri(item, side)}
        if isinstance(item, (np.ndarray, Tensor)) and item.ndim == 1:
            return {"numbers": self._named(item.tolist())}
        if isinstance(item, Sequence) and item and _is_row(item):
            is_text = _all_are(item, str)
            return {"tokens": list(item)} if is_text else {"numbers": self._named(list(item))}
        raise TypeError(f"sample {index} is shown as {_described(item)}; {_EXPECTED}")

    def _named(self, row: list[Any]) -> list[list[Any]]:
        names = self.feature_names
        if names is None:
            names = [f"x{place}" for place in range(len(row))]
        if len(names) != len(row):
            raise ValueError(
                f"feature_names has {len(names)} names, but a sample has {len(row)} numbers"
            )
        return [[str(name), _number(value)] for name, value in zip(names, row, strict=True)]


def first_of(item: Any) -> Any:
    """Return the input of an item of a data set, which may come with a target."""
    is_several = isinstance(item, (tuple, list)) and item and not _is_row(item)
    return item[0] if is_several else item


def _is_row(item: Sequence[Any]) -> bool:
    return _all_are(item, str) or _all_are(item, numbers.Real)


def _all_are(item: Sequence[Any], kind: type) -> bool:
    return all(isinstance(part, kind) for part in item)


def _check_sequence(name: str, items: Any, n_samples: int) -> None:
    is_readable = hasattr(items, "__len__") and hasattr(items, "__getitem__")
    if isinstance(items, (str, bytes, Mapping, DataLoader)) or not is_readable:
        raise TypeError(
            f"{name} is {_described(items)}; expected {n_samples:,} samples that can be looked up "
            "by their index: a tensor, a sequence or a map-style data set"
        )
    if len(items) != n_samples:
        raise ValueError(
            f"{name} has {len(items):,} samples; the result is of {n_samples:,}: they must be the "
            "same samples in the same order"
        )


def _can_be_seen(inputs: Any) -> bool:
    """Return whether the inputs of a model can be shown as they are."""
    item = first_of(inputs[0])
    if isinstance(item, (str, Image.Image)):
        return True
    if isinstance(item, (list, tuple)):
        return _is_row(item)
    if isinstance(item, Mapping):
        return all(isinstance(value, numbers.Real) for value in item.values())
    if not isinstance(item, (Tensor, np.ndarray)):
        return False
    if isinstance(item, Tensor):
        is_picture_of_model = item.ndim == 3 and item.shape[0] in (1, 3)
        return is_picture_of_model or (item.ndim == 1 and item.is_floating_point())
    return is_picture(item) or (item.ndim == 1 and item.dtype.kind == "f")


def _described(item: Any) -> str:
    if isinstance(item, (np.ndarray, Tensor)):
        return f"an array of shape {tuple(item.shape)}"
    return shown_value(item)


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor):
        value = value.item()
    if not isinstance(value, numbers.Real):
        raise TypeError(f"a row of numbers holds {shown_value(value)}; expected numbers alone")
    return rounded(float(value))
