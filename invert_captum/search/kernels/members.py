"""The patterns of both parts of the samples that a found formula holds for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum._compiling import compiled
from invert_captum.search.kernels.bit_sets import write_column
from invert_captum.search.kernels.formula_codes import AND_OPERATOR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Beam
    from invert_captum.search.kernels.label_arrays import LabelArrays


@compiled
def write_all_members(
    labels: LabelArrays, beam: Beam, place: int, column: NDArray[np.uint64],
    members: NDArray[np.uint64],
) -> None:  # fmt: skip
    """Write the patterns of a formula, held-out ones too, to ``members``; overwrite ``column``."""
    n_concepts, n_patterns = len(labels.counts), labels.weights.shape[1]
    for at in range(beam.lengths[place]):
        literal = beam.literals[place, at]
        concept = literal % n_concepts
        rows = labels.rows[labels.column_starts[concept] : labels.column_starts[concept + 1]]
        write_column(rows, literal >= n_concepts, n_patterns, column)
        if at == 0:
            members[:] = column
            continue
        is_and = beam.operators[place, at] == AND_OPERATOR
        for word in range(len(members)):
            if is_and:
                members[word] &= column[word]
            else:
                members[word] |= column[word]
