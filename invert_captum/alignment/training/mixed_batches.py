"""Batches with and without human maps, joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING

import torch

from invert_captum._validation import shown

if TYPE_CHECKING:
    from torch import Tensor


class MixedBatches:
    """Joins a batch that has human maps with one that has none, for each step of the training.

    An epoch goes once through ``with_maps``; ``without_maps`` goes on where it ran out from its
    start, and what it has left at the end of an epoch is not seen in it. The parts of a step are
    those of its two batches: batch sizes say how many images of each kind there are.

    Args:
        with_maps: Batches (images, labels, heatmaps) or (images, labels, heatmaps, tokens), such as
            a DataLoader of `ClickMeDataset`.
        without_maps: Batches (images, labels, heatmaps, tokens), such as a DataLoader of
            `WithoutHumanMaps`.

    Raises:
        TypeError: If one of them is no iterable of batches or can be gone through only once.
        ValueError: While iterating, if ``without_maps`` has no batches, or if the images of the two
            differ in shape.

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
        for batch in self.with_maps:
            yield _joined(_four(batch, "with_maps"), _four(next(plain), "without_maps"))


def _again_and_again(batches: Iterable[object]) -> Iterator[object]:
    while True:
        found = False
        for batch in batches:
            found = True
            yield batch
        if not found:
            raise ValueError("without_maps has no batches; expected at least one")


def _four(batch: object, name: str) -> tuple[Tensor, ...]:
    entries = tuple(batch) if isinstance(batch, (tuple, list)) else ()
    if len(entries) == 3 and isinstance(entries[0], torch.Tensor):
        entries = (*entries, torch.ones(len(entries[0])))
    if len(entries) != 4 or not all(isinstance(entry, torch.Tensor) for entry in entries):
        raise TypeError(
            f"{name} gave {shown(batch)}; expected (images, labels, heatmaps) or (images, labels, "
            "heatmaps, tokens), tensors"
        )
    return entries


def _joined(
    first: tuple[Tensor, ...], second: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    for name, one, other in zip(("images", "labels", "heatmaps"), first, second, strict=False):
        if one.shape[1:] != other.shape[1:]:
            raise ValueError(
                f"with_maps has {name} of shape {tuple(one.shape)}, without_maps of shape "
                f"{tuple(other.shape)}; expected the same but for the number of rows"
            )
    images, labels, heatmaps, tokens = (
        torch.cat([one, other.to(one.dtype)]) for one, other in zip(first, second, strict=True)
    )
    return images, labels, heatmaps, tokens
