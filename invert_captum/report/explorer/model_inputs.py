"""The inputs of a model, looked up by their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from invert_captum.activations.batches import check_inputs, count_samples, further_arguments
from invert_captum.report.explorer.shown_samples import first_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.utils.data import Dataset


@dataclass(frozen=True)
class ModelInputs:
    """What a model takes for n samples.

    Attributes:
        source: A tensor or a tuple of tensors, n rows each, or a map-style data set of n tensors.
        further: Arguments of the model after these; tensors of n rows are cut along.
        n_samples: The number n.
    """

    source: Tensor | tuple[Tensor, ...] | Dataset[Any]
    further: tuple[object, ...]
    n_samples: int

    @classmethod
    def of(cls, inputs: Any, additional_forward_args: object, n_samples: int) -> ModelInputs:
        """Check the inputs of a model.

        Raises:
            TypeError: If they are of another type.
            ValueError: If there are not n samples.
        """
        if isinstance(inputs, DataLoader):
            raise TypeError(
                "inputs is a DataLoader, whose samples cannot be looked up; expected a tensor, a "
                "tuple of tensors, or a map-style data set, such as the loader's own"
            )
        check_inputs(inputs)
        size = count_samples(inputs)
        if size != n_samples:
            raise ValueError(
                f"inputs has {size:,} samples; the result is of {n_samples:,}: they must be the "
                "same samples in the same order"
            )
        return cls(inputs, further_arguments(additional_forward_args), n_samples)

    def take(self, rows: Sequence[int]) -> tuple[Tensor, ...]:
        """Return the inputs of some samples, copied.

        Raises:
            TypeError: If an item of a data set is no tensor.
        """
        index = torch.tensor(list(rows), dtype=torch.int64)
        if isinstance(self.source, Tensor):
            return (_rows_of(self.source, index),)
        if isinstance(self.source, tuple):
            return tuple(_rows_of(tensor, index) for tensor in self.source)
        return (default_collate([self._item(row) for row in rows]),)

    def take_further(self, rows: Sequence[int]) -> tuple[object, ...]:
        """Return the further arguments for some samples."""
        index = torch.tensor(list(rows), dtype=torch.int64)
        along = [
            isinstance(one, Tensor) and one.ndim > 0 and len(one) == self.n_samples
            for one in self.further
        ]
        pairs = zip(self.further, along, strict=True)
        return tuple(_rows_of(one, index) if is_along else one for one, is_along in pairs)

    def _item(self, row: int) -> Tensor:
        item = first_of(self.source[row])
        if not isinstance(item, Tensor):
            kind = "mapping" if isinstance(item, Mapping) else type(item).__name__
            raise TypeError(
                f"inputs gives a {kind} for sample {row}; expected a tensor, or a tuple whose "
                "first item is one"
            )
        return item


def _rows_of(tensor: Any, index: Tensor) -> Tensor:
    taken: Tensor = tensor.detach()[index.to(tensor.device)]
    return taken
