"""Batches whose hash is known before the model sees them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from invert_captum.activations.batch import batch_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from invert_captum.activations.batch import Batch


class HashedBatch:
    """A batch that is run when its activations are asked for, and hashed before.

    Args:
        batch: The batch.
        run: From a batch to the activations of all layers; it may work in place.
    """

    def __init__(self, batch: Batch, run: Callable[[Batch], Sequence[Tensor]]) -> None:
        self.n_samples = batch.n_samples
        self.sample_ids = batch.sample_ids
        self.digest = batch_digest(batch)
        self._batch, self._run = batch, run

    @cached_property
    def activations(self) -> Sequence[Tensor]:
        """The activations of all layers, (n, d) each."""
        return self._run(self._batch)
