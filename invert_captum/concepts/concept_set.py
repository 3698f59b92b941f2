"""The concept set: which samples show which human concept."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import as_list, check_fraction, check_integer
from invert_captum.concepts import content as contents
from invert_captum.concepts import readers
from invert_captum.concepts.files import read_concept_file, write_concept_file
from invert_captum.concepts.labels import shared_csr
from invert_captum.concepts.names import unknown_concept

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    import torch
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csc_array

    from invert_captum.concepts.labels import BooleanCSR, BooleanMatrix


class ConceptSet:
    """Which of n samples show which of k concepts; immutable.

    Args:
        labels: Boolean matrix (n, k): numpy, torch (dense or sparse, on any device) or
            scipy.sparse. It is copied, and kept sparse.
        names: k unique names, not empty and without control characters.
        descriptions: k texts that say more than the names do, or None.
        sample_ids: n unique strings or integers (kept as strings), or None.

    Raises:
        TypeError: If ``labels`` is not boolean, or a name, description or id has a wrong type.
        ValueError: If a shape or count is wrong, or a name or id is empty or comes twice.

    Examples:
        >>> import numpy as np
        >>> labels = np.array([[True, False], [True, True], [False, False]])
        >>> concepts = ConceptSet(labels, ["dog", "puppy"], sample_ids=["a", "b", "c"])
        >>> concepts
        ConceptSet(3 samples, 2 concepts, 3 labels)
        >>> concepts["dog"].tolist(), list(concepts), "cat" in concepts
        ([True, True, False], ['dog', 'puppy'], False)
        >>> concepts.names, concepts.descriptions, concepts.sample_ids, concepts.fingerprint[:8]
        (('dog', 'puppy'), None, ('a', 'b', 'c'), '975c8b61')
        >>> concepts.n_samples, concepts.n_concepts, concepts.counts.tolist(), concepts.labels.shape
        (3, 2, [2, 1], (3, 2))
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     concepts.save(f"{folder}/animals.npz")
        ...     ConceptSet.load(f"{folder}/animals.npz") == concepts
        True
    """

    from_dataframe = staticmethod(readers.from_dataframe)
    from_csv = staticmethod(readers.from_csv)
    from_image_folder = staticmethod(readers.from_image_folder)
    from_captum = staticmethod(readers.from_captum)

    def __init__(
        self,
        labels: BooleanMatrix,
        names: Iterable[str],
        descriptions: Iterable[str] | None = None,
        sample_ids: Iterable[str | int] | None = None,
    ) -> None:
        self._content = contents.checked_content(labels, names, descriptions, sample_ids)

    @property
    def labels(self) -> BooleanCSR:
        """The labels (n, k) as a boolean ``scipy.sparse.csr_array`` over read-only buffers."""
        return shared_csr(self._content.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """The k names, in the order of the columns."""
        return self._content.names

    @property
    def descriptions(self) -> tuple[str, ...] | None:
        """The k descriptions, or None."""
        return self._content.descriptions

    @property
    def sample_ids(self) -> tuple[str, ...] | None:
        """The n sample ids, in the order of the rows, or None."""
        return self._content.sample_ids

    @property
    def n_samples(self) -> int:
        """The number of samples n."""
        return int(self._content.labels.shape[0])

    @property
    def n_concepts(self) -> int:
        """The number of concepts k, also ``len(concepts)``."""
        return int(self._content.labels.shape[1])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many samples show each concept, shape (k,)."""
        counts = np.bincount(self._content.labels.indices, minlength=self.n_concepts)
        counts = counts.astype(np.int64)
        counts.setflags(write=False)
        return counts

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of shape, names and labels, the same on every machine."""
        return contents.fingerprint(self._content)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self._content.names)}

    @cached_property
    def _columns(self) -> csc_array[np.bool_]:
        return self._content.labels.tocsc()

    def _column_of(self, name: object) -> int:
        if not isinstance(name, str):
            raise TypeError(f"name is {name!r} ({type(name).__name__}); expected a concept name")
        if name not in self._position:
            raise unknown_concept(name, self.names)
        return self._position[name]

    def __len__(self) -> int:
        return self.n_concepts

    def __iter__(self) -> Iterator[str]:
        return iter(self._content.names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._position

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        position = self._column_of(name)
        first, last = self._columns.indptr[position : position + 2]
        present = np.zeros(self.n_samples, dtype=np.bool_)
        present[self._columns.indices[first:last]] = True
        return present

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConceptSet):
            return NotImplemented
        return contents.same(self._content, other._content)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"ConceptSet({self.n_samples} samples, {self.n_concepts} concepts, "
            f"{self._content.labels.nnz} labels)"
        )

    def select(self, names: Iterable[str]) -> ConceptSet:
        """Return the set of some concepts only, in the order given.

        Args:
            names: Names of concepts of the set, each once.

        Returns:
            *ConceptSet* of the same samples.

        Raises:
            TypeError: If ``names`` is a single string, or holds something else than strings.
            ValueError: If a name comes twice.
            UnknownConceptError: If the set lacks one of them (a `KeyError` and a `ValueError`).

        Examples:
            >>> concepts = ConceptSet(np.eye(3, dtype=bool), ["dog", "cat", "cow"])
            >>> concepts.select(["cow", "dog"]).names
            ('cow', 'dog')
        """
        positions = [self._column_of(name) for name in as_list("names", names)]
        return ConceptSet(*contents.columns_at(self._content, positions))

    def filter(self, *, min_positives: int = 0, max_fraction: float = 1.0) -> ConceptSet:
        """Return the set of the concepts that are neither too rare nor too common.

        Args:
            min_positives: The fewest samples that may show a concept.
            max_fraction: The largest fraction of samples that may show it, in [0, 1].

        Returns:
            *ConceptSet* of the same samples; both limits are inclusive.

        Raises:
            TypeError: If a limit is not a number of its kind.
            ValueError: If a limit is out of its range.

        Examples:
            >>> labels = np.array([[True, False], [True, True]])
            >>> ConceptSet(labels, ["dog", "puppy"]).filter(max_fraction=0.5).names
            ('puppy',)
        """
        fewest = check_integer("min_positives", min_positives, minimum=0)
        # The product may round below a whole number that it stands for, as 0.29 * 100 does.
        most = (check_fraction("max_fraction", max_fraction) + 1e-9) * self.n_samples
        positions = np.flatnonzero((self.counts >= fewest) & (self.counts <= most))
        return ConceptSet(*contents.columns_at(self._content, positions))

    def take(self, sample_indices: ArrayLike | torch.Tensor) -> ConceptSet:
        """Return the set of some samples, by their rows.

        Args:
            sample_indices: Row numbers in the order wanted, or a boolean mask of shape (n,).

        Returns:
            *ConceptSet* with the same concepts.

        Raises:
            TypeError: If ``sample_indices`` holds neither integers nor booleans.
            ValueError: If a row is out of range or, in a set with sample ids, taken twice, or a
                mask does not have length n.

        Examples:
            >>> concepts = ConceptSet(np.eye(3, dtype=bool), ["dog", "cat", "cow"])
            >>> concepts.take([2, 0])["cow"].tolist()
            [True, False]
        """
        return ConceptSet(*contents.taken(self._content, sample_indices))

    def join(self, sample_ids: Iterable[str | int]) -> ConceptSet:
        """Return the set of some samples, by their ids.

        Args:
            sample_ids: Ids of samples of the set, in the order wanted.

        Returns:
            *ConceptSet* with the same concepts.

        Raises:
            TypeError: If an id is neither a string nor an integer.
            ValueError: If the set has no sample ids or lacks some of these, or one comes twice.

        Examples:
            >>> labels = np.array([[True], [False], [False]])
            >>> ConceptSet(labels, ["dog"], sample_ids=[7, 8, 9]).join([9, 7])["dog"].tolist()
            [False, True]
        """
        return ConceptSet(*contents.joined(self._content, sample_ids))

    def merge(self, other: ConceptSet) -> ConceptSet:
        """Return the set with the concepts of both, over the same samples.

        If both sets have sample ids, the rows of ``other`` are matched by them; otherwise the rows
        are taken as they stand. Where one set has no descriptions, its concepts get empty ones.

        Args:
            other: Further concepts of the same samples.

        Returns:
            *ConceptSet*: the concepts of this set, then those of ``other``.

        Raises:
            TypeError: If ``other`` is not a `ConceptSet`.
            ValueError: If the samples are not the same, or a concept is in both sets.

        Examples:
            >>> dog = ConceptSet(np.array([[True], [False]]), ["dog"])
            >>> dog.merge(ConceptSet(np.array([[True], [True]]), ["animal"])).names
            ('dog', 'animal')
        """
        if not isinstance(other, ConceptSet):
            raise TypeError(f"other is a {type(other).__name__}; expected a ConceptSet")
        return ConceptSet(*contents.merged(self._content, other._content))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the set to a file, without pickle; equal sets give equal bytes.

        Args:
            path: The file, usually ``.npz``; one of this name is replaced.

        Raises:
            OSError: If it cannot be written.
        """
        write_concept_file(path, self._content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ConceptSet:
        """Read a set that `save` has written.

        Args:
            path: The file.

        Returns:
            *ConceptSet* equal to the one that was saved.

        Raises:
            OSError: If it cannot be opened.
            ValueError: If it is damaged or something else.
        """
        return cls(*read_concept_file(path))
