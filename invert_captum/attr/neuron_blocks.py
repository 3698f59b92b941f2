"""Activations of some neurons, read a block at a time."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from invert_captum.neuron_columns import NeuronColumns

# 32 MB of float64.
_VALUES_AT_ONCE = 2**22


def neuron_blocks(
    columns: NeuronColumns, neurons: Iterable[int]
) -> Iterator[tuple[list[int], NDArray[Any]]]:
    """Yield the activations of some neurons, so that memory does not grow with their number.

    Args:
        columns: The activations of a layer on n samples.
        neurons: Which neurons, each once.

    Yields:
        Some of the neurons, b of them, ascending; and their activations, shape (b, n). A store's
        chunk is read once.

    Examples:
        >>> import numpy as np
        >>> from invert_captum.neuron_columns import NeuronColumns
        >>> columns = NeuronColumns(np.arange(6.0).reshape(2, 3))
        >>> [(block, values.tolist()) for block, values in neuron_blocks(columns, [2, 0])]
        [([0, 2], [[0.0, 3.0], [2.0, 5.0]])]
    """
    size = columns.neurons_at_once or max(1, _VALUES_AT_ONCE // columns.n_samples)
    for _, group in groupby(sorted(neurons), key=lambda neuron: neuron // size):
        block = list(group)
        yield block, columns.rows(block).to_dense(columns.n_samples)
