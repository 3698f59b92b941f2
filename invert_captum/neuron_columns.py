"""Activations as a matrix that is read neuron by neuron, whatever holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from invert_captum._validation import as_list, check_integer

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Matrix: TypeAlias = "torch.Tensor | NDArray[Any]"
    Activations: TypeAlias = Matrix | Mapping[str, Matrix]

_DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
_EXPECTED = "expected real numbers (float16, bfloat16, float32, float64, integers or bool)"


class NeuronColumns:
    """The activations of one layer, (n samples × d neurons).

    Args:
        activations: numpy array or dense torch tensor on any device, shape (n, d), real numbers.
        name: What the argument is called in messages.

    Raises:
        TypeError: If ``activations`` is neither, or holds no real numbers.
        ValueError: If it does not have two dimensions or has no samples or neurons.
    """

    def __init__(self, activations: Matrix, name: str = "activations") -> None:
        if isinstance(activations, np.ma.MaskedArray):
            raise TypeError(f"{name} is a masked array; expected values for all samples")
        is_array = isinstance(activations, np.ndarray)
        self._matrix = np.asarray(activations) if is_array else _dense(activations, name)
        if self._matrix.ndim != 2:
            shape = tuple(self._matrix.shape)
            raise ValueError(f"{name} has shape {shape}; expected (n samples, d neurons)")
        self.n_samples, self.n_neurons = (int(size) for size in self._matrix.shape)
        if self.n_samples == 0 or self.n_neurons == 0:
            raise ValueError(
                f"{name} is empty: {self.n_samples} samples × {self.n_neurons} neurons"
            )
        _check_dtype(self._matrix, name)

    def block(self, neurons: Sequence[int]) -> NDArray[Any]:
        """Return the activations of some neurons, a row each: shape (len(neurons), n).

        bfloat16, which NumPy does not know, comes as float32, which holds it exactly.
        """
        if isinstance(self._matrix, np.ndarray):
            return np.ascontiguousarray(self._matrix[:, list(neurons)].T)
        columns = self._matrix[:, list(neurons)].T.contiguous().cpu()
        if columns.is_floating_point() and columns.element_size() == 2:
            columns = columns.float()
        return np.asarray(columns.numpy())


def _dense(activations: object, name: str) -> torch.Tensor:
    import torch

    if not isinstance(activations, torch.Tensor):
        came = type(activations).__name__
        raise TypeError(f"{name} is a {came}; expected a numpy array or a torch tensor")
    if activations.is_nested or activations.is_meta:
        kind = "nested" if activations.is_nested else "meta"
        raise TypeError(f"{name} is a {kind} tensor; expected a dense one with values")
    if activations.layout != torch.strided:
        raise TypeError(f"{name} is a sparse tensor; expected a dense one ({name}.to_dense())")
    return activations.detach()


def _check_dtype(matrix: Matrix, name: str) -> None:
    if isinstance(matrix, np.ndarray):
        real = matrix.dtype.str[1:] in _DTYPES
    else:
        # The smaller floats of torch have no ranks of their own in NumPy.
        real = not matrix.is_complex() and matrix.element_size() * 8 >= _min_bits(matrix)
        real = real and not matrix.is_quantized
    if not real:
        raise TypeError(f"{name} has dtype {matrix.dtype}; {_EXPECTED}")


def _min_bits(tensor: torch.Tensor) -> int:
    return 16 if tensor.is_floating_point() else 8


def columns_by_layer(activations: Activations) -> dict[str | None, NeuronColumns]:
    """Return the activations of every layer by its name; one matrix alone has the name None.

    Raises:
        TypeError: If a layer's name is not a string or its activations are no matrix.
        ValueError: If there are no layers, or layers differ in their number of samples.
    """
    if not isinstance(activations, Mapping):
        return {None: NeuronColumns(activations)}
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


def check_neurons(neurons: Sequence[int]) -> list[int]:
    """Return the columns ``neurons`` as a list of Python's own integers.

    Raises:
        TypeError: If a neuron is not an integer.
        ValueError: If there are none, one is repeated, or one is negative.
    """
    entries = as_list("neurons", neurons)
    chosen = [check_integer("neurons", neuron, minimum=0) for neuron in entries]
    if not chosen:
        raise ValueError("neurons is empty; expected at least one column index")
    if len(set(chosen)) < len(chosen):
        twice = next(neuron for neuron in chosen if chosen.count(neuron) > 1)
        raise ValueError(f"neurons has {twice} more than once")
    return chosen


def choose_neurons(neurons: Sequence[int] | None, n_neurons: int) -> list[int]:
    """Return the columns to work on, all if ``neurons`` is None.

    Raises:
        ValueError: If one is not below ``n_neurons``.
    """
    if neurons is None:
        return list(range(n_neurons))
    if max(neurons) >= n_neurons:
        raise ValueError(f"neurons has {max(neurons)}; expected column indices below {n_neurons}")
    return list(neurons)
