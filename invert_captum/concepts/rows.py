"""Which rows of a set are meant: by position, by mask, or by sample id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import listed
from invert_captum.concepts.labels import is_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def rows_at(sample_indices: object, n_samples: int) -> NDArray[np.intp]:
    """Return the row numbers that ``sample_indices`` stands for: positions, or a boolean mask.

    Raises:
        TypeError: If the entries are neither integers nor booleans.
        ValueError: If there is not one dimension, a mask has the wrong length, or a position is
            out of range.
    """
    if is_tensor(sample_indices):
        sample_indices = sample_indices.detach().cpu().numpy()
    rows = np.asarray(sample_indices)
    if rows.ndim != 1:
        raise ValueError(
            f"sample_indices has shape {rows.shape}; expected one dimension: "
            "row numbers, or a boolean mask"
        )
    if rows.dtype == np.bool_:
        if len(rows) != n_samples:
            raise ValueError(
                f"sample_indices is a mask of length {len(rows):,}; "
                f"expected one entry for each of the {n_samples:,} samples"
            )
        return np.flatnonzero(rows)
    if rows.size == 0:
        return np.empty(0, dtype=np.intp)
    if rows.dtype.kind not in "iu":
        raise TypeError(f"sample_indices has dtype {rows.dtype}; expected integers or booleans")
    outside = rows[(rows < 0) | (rows >= n_samples)]
    if outside.size:
        raise ValueError(
            f"sample_indices has {listed(outside.tolist())}, out of range; "
            f"expected row numbers from 0 to {n_samples - 1:,}"
        )
    return rows.astype(np.intp)


def rows_of(wanted: Sequence[str], known: Sequence[str]) -> NDArray[np.intp]:
    """Return the rows of ``known`` sample ids at which the ``wanted`` ones stand, in their order.

    Raises:
        ValueError: If some wanted ids are unknown; the message counts them and names a few.
    """
    position = {sample_id: row for row, sample_id in enumerate(known)}
    unknown = [sample_id for sample_id in wanted if sample_id not in position]
    if unknown:
        raise ValueError(
            f"{len(unknown):,} of {len(wanted):,} sample ids are not in the concept set: "
            f"{listed(unknown)}; its own ids look like {listed(known[:2])}"
        )
    return np.array([position[sample_id] for sample_id in wanted], dtype=np.intp)
