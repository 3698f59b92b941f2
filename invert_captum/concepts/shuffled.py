"""The label-shuffled control: the same concepts, on the wrong samples."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import as_list, check_integer
from invert_captum.concepts.concept_set import ConceptSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def shuffled(
    concepts: ConceptSet, seed: int = 0, *, groups: Sequence[object] | None = None
) -> ConceptSet:
    """Return a concept set whose labels were dealt to the samples at random.

    The rows of the label matrix are permuted as wholes: every concept keeps its number of samples,
    and concepts that occur together still do. Names, descriptions and sample ids stay in place. A
    label that is found significant on the shuffled set is a false alarm, whatever the activations
    are, so that a method which finds many of them finds too many elsewhere, too.

    Args:
        concepts: A set of n samples.
        seed: Of the permutation, at least 0.
        groups: n labels; samples of one group (near-duplicates, frames of one film) keep together:
            a group exchanges its rows, in their order, with a group of the same size. The
            only group of its size keeps its labels. What the size of a group alone tells of its
            labels stays, so that labels may then be found without a false alarm. None to exchange
            single samples.

    Returns:
        *ConceptSet* of the same shape.

    Raises:
        TypeError: If ``concepts`` is not a `ConceptSet`, or ``seed`` or ``groups`` has a wrong
            type.
        ValueError: If ``seed`` is negative, a group is missing (None or NaN), or there are more or
            fewer groups than samples.

    Examples:
        >>> import numpy as np
        >>> from invert_captum import ConceptSet
        >>> concepts = ConceptSet(np.eye(4, dtype=bool), ["dog", "cat", "cow", "owl"])
        >>> shuffled(concepts, seed=0)["dog"].tolist()
        [False, True, False, False]
        >>> shuffled(concepts, seed=0).counts.tolist()
        [1, 1, 1, 1]
    """
    if not isinstance(concepts, ConceptSet):
        raise TypeError(f"concepts is a {type(concepts).__name__}; expected a ConceptSet")
    rng = np.random.default_rng(check_integer("seed", seed, minimum=0))
    if groups is None:
        rows = rng.permutation(concepts.n_samples)
    else:
        rows = _rows_by_group(_numbered(groups, concepts.n_samples), rng)
    return ConceptSet(
        concepts.labels[rows], concepts.names, concepts.descriptions, concepts.sample_ids
    )


def _numbered(groups: Sequence[object], n_samples: int) -> NDArray[np.int64]:
    """Return the number of each sample's group, in order of appearance."""
    names = as_list("groups", groups)
    if len(names) != n_samples:
        raise ValueError(f"groups has {len(names):,} labels for {n_samples:,} samples")
    numbers: dict[object, int] = {}
    codes = np.empty(n_samples, dtype=np.int64)
    for sample, name in enumerate(names):
        # NaN is the only label that is not equal to itself.
        if name is None or name != name:
            raise ValueError(
                f"groups has a missing label at sample {sample}; every sample needs one"
            )
        if not isinstance(name, Hashable):
            raise TypeError(
                f"groups has a label of type {type(name).__name__} at sample {sample}; expected "
                "labels such as strings or integers"
            )
        codes[sample] = numbers.setdefault(name, len(numbers))
    return codes


def _rows_by_group(codes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return for each sample whose row it gets: that of its place in a group of equal size."""
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    members = np.argsort(codes, kind="stable")
    rows = np.empty(len(codes), dtype=np.intp)
    for size in np.unique(sizes):
        receivers = np.flatnonzero(sizes == size)
        givers = rng.permutation(receivers)
        places = np.arange(size)
        rows[members[starts[receivers][:, np.newaxis] + places]] = members[
            starts[givers][:, np.newaxis] + places
        ]
    return rows
