"""Samples with the same labels, found by hashing rows and then compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def hash_rows(
    row_starts: NDArray[np.int64], concepts: NDArray[np.int32], factors: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Return a number for every row that equal rows share: the sum of its concepts' factors."""
    hashes = np.zeros(len(row_starts) - 1, np.uint64)
    for row in range(len(hashes)):
        for at in range(row_starts[row], row_starts[row + 1]):
            hashes[row] += factors[concepts[at]]
    return hashes


@kernel
def are_equal_rows(
    row_starts: NDArray[np.int64], concepts: NDArray[np.int32], twins: NDArray[np.int64]
) -> bool:
    """Return whether every row has the same concepts, in the same order, as its twin."""
    for row in range(len(twins)):
        start, other = row_starts[row], row_starts[twins[row]]
        length = row_starts[row + 1] - start
        if row_starts[twins[row] + 1] - other != length:
            return False
        for step in range(length):
            if concepts[start + step] != concepts[other + step]:
                return False
    return True
