"""`NeuronColumns`: the activations of one layer, read some neurons at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard, cast

import numpy as np
import scipy.sparse

from invert_captum.neuron_columns.matrices import (
    DenseMatrix,
    DeviceMatrix,
    SparseMatrix,
    dense_from_torch,
)
from invert_captum.neuron_columns.stores import StoredMatrix, is_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from invert_captum.activations.store import ActivationStore
    from invert_captum.search import ActivationRows

Matrix: TypeAlias = "torch.Tensor | NDArray[Any] | scipy.sparse.sparray | scipy.sparse.spmatrix"
Activations: TypeAlias = "Matrix | Mapping[str, Matrix] | ActivationStore"


class _Source(Protocol):
    """What holds the activations of a layer."""

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and of neurons."""

    @property
    def neurons_at_once(self) -> int | None:
        """How many neurons are best read at a time, if the source has a say in it."""

    def rows(self, neurons: Sequence[int]) -> ActivationRows:
        """Return the activations of some neurons."""


class NeuronColumns:
    """The activations of one layer, (n samples × d neurons).

    Args:
        activations: numpy array, torch tensor (dense on any device, or sparse), scipy.sparse
            matrix of shape (n, d), real numbers, or a store of one layer. Sparse activations are
            never made dense.
        name: What the argument is called in messages.

    Raises:
        TypeError: If ``activations`` is none of these, or holds no real numbers.
        ValueError: If it does not have two dimensions or has no samples or neurons.
    """

    def __init__(self, activations: Matrix | ActivationStore, name: str = "activations") -> None:
        self._source = _source(activations, name)
        self.n_samples, self.n_neurons = self._source.shape
        if self.n_samples == 0 or self.n_neurons == 0:
            raise ValueError(
                f"{name} is empty: {self.n_samples} samples × {self.n_neurons} neurons"
            )

    @property
    def neurons_at_once(self) -> int | None:
        """How many neurons are best read at a time; None if that makes no difference."""
        return self._source.neurons_at_once

    @property
    def stored(self) -> StoredMatrix | None:
        """The activations as another process can open them; None if they are not in a store."""
        return self._source if isinstance(self._source, StoredMatrix) else None

    def block(self, neurons: Sequence[int]) -> ActivationRows | torch.Tensor:
        """Return the activations of some neurons where a search of them is fastest.

        Returns:
            A tensor of shape (len(neurons), n) on the GPU that holds the activations, if one does;
            else what `rows` returns.
        """
        if isinstance(self._source, DeviceMatrix) and self._source.can_be_searched_there:
            return self._source.columns(neurons)
        return self._source.rows(neurons)

    def rows(self, neurons: Sequence[int]) -> ActivationRows:
        """Return the activations of some neurons in main memory."""
        return self._source.rows(neurons)

    def values(self, neuron: int) -> NDArray[Any]:
        """Return the activations of one neuron, shape (n,).

        bfloat16, which NumPy does not know, comes as float32, which holds it exactly.
        """
        dense: NDArray[Any] = self.rows([neuron]).to_dense(self.n_samples)[0]
        return dense


def _source(activations: Any, name: str) -> _Source:
    if isinstance(activations, (StoredMatrix, DenseMatrix, DeviceMatrix, SparseMatrix)):
        return activations
    if is_store(activations):
        if len(activations.layers) > 1:
            raise ValueError(f"{name} is a store of the layers {activations.layers}; expected one")
        return StoredMatrix(activations, activations.layers[0])
    if isinstance(activations, np.ndarray):
        return DenseMatrix.from_numpy(activations, name)
    if scipy.sparse.issparse(activations):
        return SparseMatrix.from_scipy(activations, name)
    import torch

    if not isinstance(activations, torch.Tensor):
        came = type(activations).__name__
        raise TypeError(
            f"{name} is a {came}; expected a numpy array, a torch tensor, a scipy.sparse matrix "
            "or an ActivationStore"
        )
    if activations.layout == torch.strided:
        return dense_from_torch(activations, name)
    return SparseMatrix.from_torch(activations, name)


def has_named_layers(activations: Activations) -> bool:
    """Return whether the activations are those of layers with names."""
    if is_store(activations):
        return bool(activations.keyed_by_layer)
    return _is_mapping(activations)


def _is_mapping(activations: object) -> TypeGuard[Mapping[str, Matrix]]:
    # SciPy's dictionary of keys is a mapping, too.
    return isinstance(activations, Mapping) and not scipy.sparse.issparse(activations)


def columns_by_layer(activations: Activations) -> dict[str | None, NeuronColumns]:
    """Return the activations of every layer by its name; one matrix alone has the name None.

    Raises:
        TypeError: If a layer's name is not a string or its activations are no matrix.
        ValueError: If there are no layers, or layers differ in their number of samples.
    """
    if is_store(activations):
        stored: dict[str, Any] = {
            layer: StoredMatrix(activations, layer) for layer in activations.layers
        }
        if not activations.keyed_by_layer:
            return {None: NeuronColumns(next(iter(stored.values())))}
        return {layer: NeuronColumns(matrix) for layer, matrix in stored.items()}
    if not _is_mapping(activations):
        return {None: NeuronColumns(cast("Matrix", activations))}
    if not activations:
        raise ValueError("activations is an empty mapping; expected at least one layer")
    layers: dict[str | None, NeuronColumns] = {}
    for layer, matrix in activations.items():
        if not isinstance(layer, str):
            raise TypeError(f"activations has the key {layer!r}; expected names of layers (str)")
        layers[layer] = NeuronColumns(matrix, f"activations[{layer!r}]")
    sizes = {layer: columns.n_samples for layer, columns in layers.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"layers of activations differ in their number of samples: {sizes}")
    return layers
