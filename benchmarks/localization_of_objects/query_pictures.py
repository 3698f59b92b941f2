"""Queries as arrays: pictures, the class asked for, and where its object and the others lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from invert_captum.demo.emoji import PictureDataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.localization_of_objects.object_scenes import Query, Scene


@dataclass(frozen=True)
class QueryPictures:
    """The queries of scenes with as many objects each.

    Attributes:
        inputs: Shape (n, 3, 224, 224), as the network takes pictures.
        targets: int64, shape (n,): the classes asked for.
        masks: bool, shape (n, k, 224, 224): the asked-for object, then the others.
        pictures: int64, shape (n,): the row of each query's scene; queries of one scene are not
            independent.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    masks: torch.Tensor
    pictures: NDArray[np.int64]

    @classmethod
    def of(cls, scenes: Sequence[Scene], queries: Sequence[Query]) -> QueryPictures:
        """Gather the pictures of queries.

        Raises:
            ValueError: If there is no query, or the scenes differ in their number of objects.
        """
        numbers = sorted({len(scenes[query.scene].masks) for query in queries})
        if len(numbers) != 1:
            raise ValueError(f"scenes have {numbers} objects; expected one number, and queries")
        pictures = PictureDataset(scenes)
        masks = [_asked_first(scenes[query.scene].masks, query.asked) for query in queries]
        return cls(
            torch.stack([pictures[query.scene] for query in queries]),
            torch.tensor([query.target for query in queries]),
            torch.from_numpy(np.stack(masks)),
            np.array([query.scene for query in queries], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: NDArray[np.int64]) -> QueryPictures:
        """Return some of the queries."""
        kept = torch.from_numpy(rows)
        parts = (self.inputs[kept], self.targets[kept], self.masks[kept])
        return QueryPictures(*parts, self.pictures[rows])


def by_number(scenes: Sequence[Scene], queries: Sequence[Query]) -> dict[int, QueryPictures]:
    """Return the queries by the number of objects in their pictures."""
    numbers = [len(scenes[query.scene].masks) for query in queries]
    return {
        k: QueryPictures.of(scenes, [q for q, n in zip(queries, numbers, strict=True) if n == k])
        for k in sorted(set(numbers))
    }


def evenly(count: int, wanted: int) -> NDArray[np.int64]:
    """Return up to ``wanted`` of ``count`` rows, from the first to the last."""
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.int64)


def _asked_first(masks: NDArray[np.bool_], asked: int) -> NDArray[np.bool_]:
    others = [i for i in range(len(masks)) if i != asked]
    return masks[[asked, *others]]
