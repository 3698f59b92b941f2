"""The activations of some neurons, as a search takes them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.search.kernels.block_search import Activations
from invert_captum.search.kernels.gathering import gather_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Float32 holds all integers up to here.
_FLOAT32_INTEGERS = 2**24
_NARROW = ("f2", "f4", "i1", "i2", "u1", "u2", "b1")
_LOW, _HIGH = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_WIDE = {"f": np.float64, "i": np.int64, "u": np.uint64}


@dataclass(frozen=True, slots=True)
class ActivationRows:
    """Activations of d neurons, a row each, all stored or only those that are not zero.

    Attributes:
        values: All stored values, row after row; any real dtype that NumPy knows.
        starts: int64, shape (d + 1,): where each row's values begin.
        samples: int64: the sample of every value, ascending within a row; None if all are stored.
    """

    values: NDArray[Any]
    starts: NDArray[np.int64]
    samples: NDArray[np.int64] | None = None

    @classmethod
    def dense(cls, values: NDArray[Any]) -> ActivationRows:
        """Take activations of shape (d, n)."""
        n_neurons, n_samples = values.shape
        return cls(values.reshape(-1), np.arange(n_neurons + 1, dtype=np.int64) * n_samples)

    @classmethod
    def of_columns(cls, matrix: NDArray[Any], neurons: Sequence[int]) -> ActivationRows:
        """Take some columns of activations of shape (n, d)."""
        if not matrix.flags.c_contiguous:
            return cls.dense(np.ascontiguousarray(matrix[:, list(neurons)].T))
        values = np.empty((len(neurons), len(matrix)), matrix.dtype)
        # As unsigned integers, so that there is one kernel for all types of a width.
        bits = np.dtype(f"u{matrix.dtype.itemsize}")
        columns = np.asarray(neurons, dtype=np.int64)
        gather_columns(matrix.view(bits), columns, values.view(bits))
        return cls.dense(values)

    @property
    def n_neurons(self) -> int:
        """The number of neurons, d."""
        return len(self.starts) - 1

    def to_dense(self, n_samples: int) -> NDArray[Any]:
        """Return all activations, shape (d, n)."""
        if self.samples is None:
            return self.values.reshape(self.n_neurons, n_samples)
        dense = np.zeros((self.n_neurons, n_samples), self.values.dtype)
        neurons = np.repeat(np.arange(self.n_neurons), np.diff(self.starts))
        dense[neurons, self.samples] = self.values
        return dense

    def take(self, samples: NDArray[np.int64]) -> ActivationRows:
        """Return the activations of some samples, ascending, renumbered from 0."""
        if self.samples is None:
            return ActivationRows.dense(
                np.ascontiguousarray(self.values.reshape(self.n_neurons, -1)[:, samples])
            )
        at = np.searchsorted(samples, self.samples)
        kept = at < len(samples)
        kept[kept] = samples[at[kept]] == self.samples[kept]
        before = np.concatenate([[0], np.cumsum(kept)])
        return ActivationRows(self.values[kept], before[self.starts], at[kept])

    def take_neurons(self, neurons: NDArray[np.int64]) -> ActivationRows:
        """Return the activations of some neurons, given by their places."""
        pieces = [slice(self.starts[one], self.starts[one + 1]) for one in neurons]
        starts = np.cumsum([0, *(piece.stop - piece.start for piece in pieces)])
        values = np.concatenate([self.values[piece] for piece in pieces])
        if self.samples is None:
            return ActivationRows(values, starts)
        listed = np.concatenate([self.samples[piece] for piece in pieces])
        return ActivationRows(values, starts, listed)

    def as_float32(self) -> tuple[Activations, NDArray[np.uint64] | None]:
        """Return float32 values of the same order with the same ties.

        Returns:
            The values; and the neurons' digests, or None for types that float32 holds whole, whose
            digests are those of the values.
        """
        samples = np.empty(0, np.int64) if self.samples is None else _writable(self.samples)
        starts = _writable(self.starts)
        if self.is_narrow:
            narrow = _writable(self.values.astype(np.float32, copy=False))
            return Activations(narrow, samples, starts), None
        exact = _exact_float32(self.values)
        if exact is None:
            pieces = np.split(self.values, self.starts[1:-1])
            exact = np.concatenate([_order_codes(piece) for piece in pieces])
        return Activations(exact, samples, starts), self.wide_digests()

    @property
    def is_narrow(self) -> bool:
        """Whether float32 holds all values of the type of ``values``."""
        return self.values.dtype.str[1:] in _NARROW

    def wide_digests(self) -> NDArray[np.uint64]:
        """Return the neurons' digests if the values are not narrow, uint64 of shape (d,).

        A digest is a sum modulo 2⁶⁴ over the samples: each half of the 64 bits of a value times an
        odd number for the sample and the half (`digest_factors`). Zeros add nothing.
        """
        wide = self.values.astype(_WIDE[self.values.dtype.kind])
        # −0.0 + 0.0 is 0.0.
        bits = (wide + wide.dtype.type(0)).view(np.uint64)
        low, high = bits & np.uint64(0xFFFFFFFF), bits >> np.uint64(32)
        digests = np.empty(self.n_neurons, np.uint64)
        for neuron, (start, stop) in enumerate(pairwise(self.starts)):
            samples = np.arange(stop - start) if self.samples is None else self.samples[start:stop]
            of_low, of_high = digest_factors(samples)
            terms = low[start:stop] * of_low + high[start:stop] * of_high
            digests[neuron] = terms.sum(dtype=np.uint64)
        return digests


def _writable(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that can be written: for others numba compiles the kernels once more."""
    return np.require(array, requirements=["C", "W"])


def digest_factors(
    samples: NDArray[np.int64],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return what the lower and the upper 32 bits of the samples' values are multiplied with.

    The first is `kernels.keys.sample_factor`; the second is made likewise.
    """
    odd = (2 * samples + 1).astype(np.uint64)
    return _mixed(odd * _LOW), _mixed(odd * _HIGH)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(31))) | np.uint64(1)
    return result


def _exact_float32(values: NDArray[Any]) -> NDArray[np.float32] | None:
    """Return ``values`` as float32 if that holds each of them exactly, else None."""
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = values.astype(np.float32)
        return narrow if np.array_equal(narrow, values, equal_nan=True) else None
    fits = len(values) == 0 or (
        int(values.max()) <= _FLOAT32_INTEGERS and int(values.min()) >= -_FLOAT32_INTEGERS
    )
    return values.astype(np.float32) if fits else None


def _order_codes(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return floats that sort and tie as ``values`` do, with zero for zero; inf where not finite.

    The codes are counted from zero, up and down, and their bits taken as those of floats: IEEE 754
    sorts them as the whole numbers they are.
    """
    if not np.isfinite(values).all():
        return np.full(len(values), np.inf, np.float32)
    different, inverse = np.unique(values, return_inverse=True)
    codes = np.arange(len(different)) - np.searchsorted(different, 0)
    if 0 not in different:
        codes[codes >= 0] += 1
    floats = np.abs(codes).astype(np.uint32).view(np.float32)
    result: NDArray[np.float32] = np.where(codes < 0, -floats, floats)[inverse]
    return result
