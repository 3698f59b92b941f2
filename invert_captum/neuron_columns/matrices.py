"""Activations in memory: dense or sparse, of NumPy, SciPy or torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from invert_captum.search import ActivationRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

_DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
# Ranking a block takes about 100 bytes a value.
_VALUES_ON_DEVICE = 2**22
_MAX_ON_DEVICE = 256
_EXPECTED = "expected real numbers (float16, bfloat16, float32, float64, integers or bool)"


@dataclass(frozen=True)
class DenseMatrix:
    """A dense matrix in main memory, shape (n, d).

    Attributes:
        matrix: The activations; bfloat16, which NumPy does not know, by its bits.
        is_bfloat16: Whether ``matrix`` holds such bits.
    """

    matrix: NDArray[Any]
    is_bfloat16: bool = False
    neurons_at_once: int | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and of neurons."""
        return self.matrix.shape[0], self.matrix.shape[1]

    @classmethod
    def from_numpy(cls, matrix: NDArray[Any], name: str) -> DenseMatrix:
        """Take an array, without copying it."""
        if isinstance(matrix, np.ma.MaskedArray):
            raise TypeError(f"{name} is a masked array; expected values for all samples")
        _check_shape(matrix.shape, name)
        _check_dtype(matrix.dtype, name)
        return cls(np.asarray(matrix, dtype=matrix.dtype.newbyteorder("=")))

    def rows(self, neurons: Sequence[int]) -> ActivationRows:
        """Return the activations of some neurons."""
        rows = ActivationRows.of_columns(self.matrix, neurons)
        return ActivationRows(_widened(rows.values), rows.starts) if self.is_bfloat16 else rows


@dataclass(frozen=True)
class DeviceMatrix:
    """A dense tensor on a device that is not the CPU, shape (n, d)."""

    tensor: torch.Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and of neurons."""
        return int(self.tensor.shape[0]), int(self.tensor.shape[1])

    @property
    def neurons_at_once(self) -> int:
        """How many neurons keep a device busy without filling its memory."""
        return max(8, min(_MAX_ON_DEVICE, _VALUES_ON_DEVICE // self.shape[0]))

    @property
    def can_be_searched_there(self) -> bool:
        """Whether the device sorts such values and has 64-bit floats."""
        import torch

        unsigned = (torch.uint16, torch.uint32, torch.uint64)
        return self.tensor.device.type == "cuda" and self.tensor.dtype not in unsigned

    def columns(self, neurons: Sequence[int]) -> torch.Tensor:
        """Return the activations of some neurons where they are, shape (len(neurons), n)."""
        return self.tensor[:, list(neurons)].T.contiguous()

    def rows(self, neurons: Sequence[int]) -> ActivationRows:
        """Return the activations of some neurons, copied to the CPU."""
        return rows_of_tensor(self.columns(neurons))


def rows_of_tensor(tensor: torch.Tensor) -> ActivationRows:
    """Return activations of shape (d, n), on any device, on the CPU."""
    return ActivationRows.dense(_as_numpy(tensor.cpu()))


def dense_from_torch(tensor: torch.Tensor, name: str) -> DenseMatrix | DeviceMatrix:
    """Take a dense tensor, without copying it."""
    import torch

    if tensor.is_nested or tensor.is_meta:
        kind = "nested" if tensor.is_nested else "meta"
        raise TypeError(f"{name} is a {kind} tensor; expected a dense one with values")
    _check_shape(tuple(tensor.shape), name)
    _check_torch_dtype(tensor, name)
    tensor = tensor.detach().resolve_neg()
    if tensor.device.type != "cpu":
        return DeviceMatrix(tensor)
    if tensor.dtype == torch.bfloat16:
        return DenseMatrix(tensor.view(torch.int16).numpy(), is_bfloat16=True)
    return DenseMatrix(tensor.numpy())


@dataclass(frozen=True)
class SparseMatrix:
    """Activations of shape (n, d) of which only those are stored that may differ from zero.

    Attributes:
        columns: The same, neuron by neuron.
    """

    columns: scipy.sparse.csc_array
    neurons_at_once: int | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and of neurons."""
        n_samples, n_neurons = self.columns.shape
        return int(n_samples), int(n_neurons)

    @classmethod
    def from_scipy(cls, matrix: Any, name: str) -> SparseMatrix:
        """Take a scipy.sparse matrix or array of any format."""
        _check_shape(matrix.shape, name)
        _check_dtype(matrix.dtype, name)
        if matrix.dtype == np.float16:
            raise TypeError(
                f"{name} is a scipy.sparse matrix of float16, with which SciPy itself cannot "
                "calculate; expected float32"
            )
        kept = matrix.dtype.newbyteorder("=")
        columns = scipy.sparse.csc_array(matrix, dtype=kept)
        if not columns.has_canonical_format:
            columns = columns.copy()
            columns.sum_duplicates()
        return cls(columns)

    @classmethod
    def from_torch(cls, tensor: torch.Tensor, name: str) -> SparseMatrix:
        """Take a sparse tensor of any layout, on any device."""
        _check_shape(tuple(tensor.shape), name)
        if tensor.dense_dim() > 0:
            raise ValueError(f"{name} is a sparse tensor with dense dimensions; expected none")
        _check_torch_dtype(tensor, name)
        return cls.from_scipy(_as_scipy(tensor.detach().cpu()), name)

    def rows(self, neurons: Sequence[int]) -> ActivationRows:
        """Return the activations of some neurons."""
        columns = self.columns
        pieces = [slice(columns.indptr[neuron], columns.indptr[neuron + 1]) for neuron in neurons]
        sizes = [piece.stop - piece.start for piece in pieces]
        starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        samples = np.concatenate([columns.indices[piece] for piece in pieces])
        values = np.concatenate([columns.data[piece] for piece in pieces])
        return ActivationRows(values, starts, samples.astype(np.int64))


def _as_scipy(tensor: torch.Tensor) -> scipy.sparse.sparray:
    import torch

    shape = (int(tensor.shape[0]), int(tensor.shape[1]))
    if tensor.layout in (torch.sparse_csr, torch.sparse_csc):
        by_row = tensor.layout == torch.sparse_csr
        starts = tensor.crow_indices() if by_row else tensor.ccol_indices()
        places = tensor.col_indices() if by_row else tensor.row_indices()
        parts = (_stored_values(tensor), places.numpy(), starts.numpy())
        compressed = scipy.sparse.csr_array if by_row else scipy.sparse.csc_array
        return compressed(parts, shape=shape)
    tensor = tensor.to_sparse(layout=torch.sparse_coo).coalesce()
    rows, columns = tensor.indices().numpy()
    return scipy.sparse.coo_array((_stored_values(tensor), (rows, columns)), shape=shape)


def _stored_values(tensor: torch.Tensor) -> NDArray[Any]:
    values = tensor.values()
    # SciPy has no sparse float16.
    return _as_numpy(
        values.float() if values.element_size() == 2 and values.is_floating_point() else values
    )


def _as_numpy(values: torch.Tensor) -> NDArray[Any]:
    import torch

    return np.asarray((values.float() if values.dtype == torch.bfloat16 else values).numpy())


def _widened(bits: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return bfloat16 values, given by their bits, as float32."""
    return (bits.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    if len(shape) != 2:
        raise ValueError(f"{name} has shape {tuple(shape)}; expected (n samples, d neurons)")


def _check_dtype(dtype: np.dtype[Any], name: str) -> None:
    if dtype.str[1:] not in _DTYPES:
        raise TypeError(f"{name} has dtype {dtype}; {_EXPECTED}")


def _check_torch_dtype(tensor: torch.Tensor, name: str) -> None:
    # The smaller floats of torch have no ranks of their own in NumPy.
    least = 16 if tensor.is_floating_point() else 8
    if tensor.is_complex() or tensor.element_size() * 8 < least or tensor.is_quantized:
        raise TypeError(f"{name} has dtype {tensor.dtype}; {_EXPECTED}")
