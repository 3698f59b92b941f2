"""Batches with and without human maps, joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING

import torch

from invert_captum._log import warn
from invert_captum._validation import shown

if TYPE_CHECKING:
    from torch import Tensor

_FOUR = "(images, labels, heatmaps, tokens)"


class MixedBatches:
    """Joins a batch that has human maps with one that has none, for each step of the training.

    An epoch goes once through ``with_maps``. Where ``without_maps`` runs out, it starts again; what
    it has left at the end of an epoch is not seen in that epoch, nor in any if its order is always
    the same, so shuffle it. The parts of a step are those of its two batches: batch sizes say how
    many images of each kind there are.

    The images of both must have gone through the same steps: those of `ClickMeDataset` go up to
    255, those of torchvision's ``ToTensor`` up to 1.

    Args:
        with_maps: Batches (images, labels, heatmaps) or (images, labels, heatmaps, tokens), such as
            a DataLoader of `ClickMeDataset`.
        without_maps: Batches (images, labels, heatmaps, tokens), such as a DataLoader of
            `WithoutHumanMaps`.

    Raises:
        TypeError: If one of them is no iterable of batches or can be gone through only once.
        ValueError: While iterating, if ``without_maps`` has no batches, or if the two differ in the
            shape of their images, labels or heat maps, or one has floats for images or labels and
            the other whole numbers; or if a batch has not as many rows of each.

    Warns:
        InvertCaptumWarning: At an epoch's first step, if the images of one are within 0 to 1 and
            those of the other are not.

    Examples:
        >>> import torch
        >>> maps = [(torch.rand(2, 3, 8, 8), torch.tensor([0, 1]), torch.rand(2, 8, 8))]
        >>> plain = [(torch.rand(1, 3, 8, 8), torch.tensor([1]), torch.zeros(1, 8, 8), torch.zeros(1))]
        >>> images, labels, heatmaps, tokens = next(iter(MixedBatches(maps, plain)))
        >>> labels.tolist(), tokens.tolist()
        ([0, 1, 1], [1.0, 1.0, 0.0])
    """  # noqa: E501 - a batch is one line

    def __init__(self, with_maps: Iterable[object], without_maps: Iterable[object]) -> None:
        for name, batches in (("with_maps", with_maps), ("without_maps", without_maps)):
            if not isinstance(batches, Iterable) or isinstance(batches, Iterator):
                raise TypeError(
                    f"{name} is {shown(batches)}; expected batches that can be gone through again, "
                    "such as a DataLoader or a list"
                )
        self.with_maps, self.without_maps = with_maps, without_maps
        # Where `harmonize` looks for samplers, generators and `set_epoch`.
        self.datasets = [with_maps, without_maps]

    def __len__(self) -> int:
        if not isinstance(self.with_maps, Sized):
            raise TypeError("with_maps has no length")
        return len(self.with_maps)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        plain = _again_and_again(self.without_maps)
        for step, batch in enumerate(self.with_maps):
            first, second = _with_maps(batch), _four(next(plain), "without_maps", _FOUR)
            _check_alike(first, second)
            if step == 0:
                _compare_scales(first[0], second[0])
            images, labels, heatmaps, tokens = (
                # Of two precisions, `torch.cat` takes the higher.
                torch.cat(pair)
                for pair in zip(first, second, strict=True)
            )
            yield images, labels, heatmaps, tokens


def _again_and_again(batches: Iterable[object]) -> Iterator[object]:
    while True:
        found = False
        for batch in batches:
            found = True
            yield batch
        if not found:
            raise ValueError("without_maps has no batches; expected at least one")


def _with_maps(batch: object) -> tuple[Tensor, ...]:
    if isinstance(batch, (tuple, list)) and len(batch) == 3 and isinstance(batch[0], torch.Tensor):
        batch = (*batch, torch.ones(len(batch[0]), device=batch[0].device))
    return _four(batch, "with_maps", f"(images, labels, heatmaps) or {_FOUR}")


def _four(batch: object, name: str, expected: str) -> tuple[Tensor, ...]:
    entries = tuple(batch) if isinstance(batch, (tuple, list)) else ()
    if len(entries) != 4 or not all(isinstance(entry, torch.Tensor) for entry in entries):
        raise TypeError(f"{name} gave {shown(batch)}; expected {expected}, tensors")
    if len({entry.shape[:1] for entry in entries}) > 1:
        shapes = ", ".join(str(tuple(entry.shape)) for entry in entries)
        raise ValueError(f"{name} gave shapes {shapes}; expected the same number of rows")
    return entries


def _check_alike(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> None:
    for name, one, other in zip(("images", "labels", "heatmaps"), first, second, strict=False):
        if one.shape[1:] != other.shape[1:]:
            raise ValueError(
                f"with_maps has {name} of shape {tuple(one.shape)}, without_maps of shape "
                f"{tuple(other.shape)}; expected the same but for the number of rows"
            )
        # Whole numbers would join with floats, and labels be none that the loss knows.
        if name != "heatmaps" and one.is_floating_point() != other.is_floating_point():
            raise ValueError(
                f"with_maps has {name} of {one.dtype}, without_maps of {other.dtype}; expected "
                "both of floats or both of whole numbers"
            )


def _compare_scales(first: Tensor, second: Tensor) -> None:
    ranges = [tuple(map(float, part.aminmax())) for part in (first, second) if part.numel()]
    # Black pictures are so on any scale.
    from_0_to_1 = [0 <= low <= high <= 1 for low, high in ranges if high > 0]
    if len(ranges) == len(from_0_to_1) == 2 and from_0_to_1[0] != from_0_to_1[1]:
        (low, high), (other_low, other_high) = ranges
        warn(
            f"with_maps has images from {low:g} to {high:g}, without_maps from {other_low:g} to "
            f"{other_high:g}: they seem not to be scaled alike"
        )
