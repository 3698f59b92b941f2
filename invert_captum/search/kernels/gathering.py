"""Columns of a matrix as rows, read tile by tile so that no cache line is fetched twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invert_captum._compiling import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TILE = 64


@kernel
def gather_columns(matrix: NDArray[Any], columns: NDArray[np.int64], out: NDArray[Any]) -> None:
    """Write the ``columns`` of a matrix (n, d) to the rows of ``out``, (len(columns), n)."""
    n_rows = matrix.shape[0]
    for first in range(0, n_rows, _TILE):
        last = min(first + _TILE, n_rows)
        for place in range(len(columns)):
            column = columns[place]
            for row in range(first, last):
                out[place, row] = matrix[row, column]
