"""Rows of whole tensors: any range of them, in batches, also in another process."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from invert_captum.activations.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class TensorRows:
    """Arguments of the model by position for some samples.

    Args:
        arguments: The arguments; the first is a tensor with one row per sample.
        aligned: For each argument, whether it is such a tensor, too.
        n_inputs: How many arguments are inputs, of which batches get copies.
    """

    arguments: tuple[Any, ...]
    aligned: tuple[bool, ...]
    n_inputs: int

    @classmethod
    def of(cls, inputs: Tensor | tuple[Tensor, ...], extra: tuple[object, ...]) -> TensorRows:
        """Return all rows of ``inputs``; further arguments of the same length are cut along."""
        tensors = inputs if isinstance(inputs, tuple) else (inputs,)
        n_samples = len(tensors[0])
        along = (isinstance(e, Tensor) and e.ndim > 0 and len(e) == n_samples for e in extra)
        return cls((*tensors, *extra), (*(True for _ in tensors), *along), len(tensors))

    def between(self, start: int, stop: int) -> TensorRows:
        """Return some of the rows, without copying them."""
        pairs = zip(self.arguments, self.aligned, strict=True)
        cut = tuple(one[start:stop] if aligned else one for one, aligned in pairs)
        return TensorRows(cut, self.aligned, self.n_inputs)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield the rows in batches."""
        for start in range(0, len(self.arguments[0]), batch_size):
            row = self.between(start, start + batch_size).arguments
            # Copies, because a model may work in place on what it is given.
            inputs = (one.detach().clone() for one in row[: self.n_inputs])
            yield Batch((*inputs, *row[self.n_inputs :]))

    def __reduce__(self) -> tuple[Any, ...]:
        # A view would be sent with all rows of its tensor, and through shared memory.
        pairs = zip(self.arguments, self.aligned, strict=True)
        copied = tuple(one.detach().clone() if aligned else one for one, aligned in pairs)
        return _revived, (pickle.dumps((copied, self.aligned, self.n_inputs)),)


def _revived(content: bytes) -> TensorRows:
    return TensorRows(*pickle.loads(content))  # noqa: S301 - in transit to a worker
