"""The labels of a reference search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from invert_captum.search.formula import Formula
from invert_captum.search.reference.label_matrix import LabelMatrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import scipy.sparse
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ReferenceLabels:
    """The labels of a search with the literals that it may use; ``[name]`` gives a column.

    Attributes:
        matrix: The labels, n samples × k concepts.
        literals: 2k formulas: the k concepts, then their negations.
    """

    matrix: LabelMatrix
    literals: tuple[Formula, ...] = field(repr=False)
    _index: dict[str | None, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        positive = self.literals[: self.matrix.n_concepts]
        index = {literal.name: concept for concept, literal in enumerate(positive)}
        object.__setattr__(self, "_index", index)

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        return self.matrix.column(self._index[name])

    @classmethod
    def from_labels(cls, labels: scipy.sparse.csr_array, names: Sequence[str]) -> ReferenceLabels:
        """Prepare boolean ``labels`` of shape (n, k) whose concepts are called ``names``."""
        positive = [Formula.concept(name) for name in names]
        return cls(LabelMatrix(labels), (*positive, *(~literal for literal in positive)))
