"""The labels of a search as the arrays that its kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LabelArrays(NamedTuple):
    """Labels by pattern and by concept.

    The patterns that the searched part has, g₀ of g, come first; passes of a search see only them.

    Attributes:
        slots: int32, shape (n,): part · g + pattern of every sample.
        weights: int64, shape (2, g): how many samples of a part have a pattern.
        n_searched: How many patterns the searched part has, g₀.
        row_starts: int64, shape (g + 1,): where a pattern's concepts begin,
        concepts: int32: the concepts, pattern by pattern.
        column_starts: int64, shape (k + 1,): where a concept's patterns begin,
        column_stops: int64, shape (k,): where those that the searched part has end,
        rows: int32: the patterns, concept by concept, ascending.
        counts: int64, shape (k,): how many searched samples have a concept.
        order: int32, shape (2k + 1,): the alphabetical places of literals; see `formula_codes`.
    """

    slots: NDArray[np.int32]
    weights: NDArray[np.int64]
    n_searched: int
    row_starts: NDArray[np.int64]
    concepts: NDArray[np.int32]
    column_starts: NDArray[np.int64]
    column_stops: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.int64]
    order: NDArray[np.int32]
