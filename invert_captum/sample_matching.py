"""Matching the rows of inputs with the rows of concepts: same samples, same order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

from invert_captum.activations.batches import check_inputs, count_samples, keeps_order
from invert_captum.concepts import ConceptSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.activations import ActivationStore, Inputs

    Matrices: TypeAlias = dict[str, Tensor] | ActivationStore


def check_same_samples(
    inputs: Inputs, concepts: ConceptSet, groups: Sequence[object] | None = None
) -> None:
    """Raise if inputs and concepts cannot be the same samples, before any input is read.

    Args:
        inputs: Tensors, a loader or a data set.
        concepts: The concepts.
        groups: One per sample of ``concepts``, or None.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: the numbers of samples differ, or their order cannot be known.
    """
    check_inputs(inputs)
    if not isinstance(concepts, ConceptSet):
        raise TypeError(f"concepts is of type {type(concepts).__name__}; expected a ConceptSet")
    if groups is not None and len(groups) != concepts.n_samples:
        raise ValueError(
            f"groups has {len(groups):,} entries, concepts has {concepts.n_samples:,} samples; "
            "expected one each"
        )
    if concepts.sample_ids is None and not keeps_order(inputs):
        raise ValueError(
            "inputs is a DataLoader that does not read its dataset in order, and concepts has no "
            "sample_ids to join its rows on; expected shuffle=False, or concepts with sample_ids"
        )
    n_samples = count_samples(inputs)
    may_join = not isinstance(inputs, (Tensor, tuple)) and concepts.sample_ids is not None
    if n_samples is not None and n_samples != concepts.n_samples and not may_join:
        raise ValueError(
            f"concepts has {concepts.n_samples:,} samples, inputs has {n_samples:,}: the rows must "
            "be the same inputs in the same order"
        )


def match_rows(
    activations: Matrices,
    sample_ids: Sequence[str],
    concepts: ConceptSet,
    groups: Sequence[object] | None,
) -> tuple[Matrices, ConceptSet, list[object] | None]:
    """Match activations and concepts by sample id.

    Args:
        activations: By layer name, shape (n, d), or a store.
        sample_ids: Which sample each row of the activations is.
        concepts: Concepts with sample ids; they may hold more samples.
        groups: One per sample of ``concepts``, or None.

    Returns:
        Activations, concepts and groups with the same rows: those in memory in the order of the
        concepts, a store as it is.

    Raises:
        ValueError: the concepts lack some of the samples.
    """
    if isinstance(activations, dict):
        rows, concepts, groups = join_on_ids(sample_ids, concepts, groups)
        return {name: layer[rows] for name, layer in activations.items()}, concepts, groups
    joined = concepts.join(sample_ids)
    if groups is None:
        return activations, joined, None
    position = {one: row for row, one in enumerate(concepts.sample_ids or ())}
    return activations, joined, [groups[position[one]] for one in sample_ids]


def join_on_ids(
    sample_ids: Sequence[str], concepts: ConceptSet, groups: Sequence[object] | None = None
) -> tuple[list[int], ConceptSet, list[object] | None]:
    """Match rows by sample id, in the order of the concepts.

    Args:
        sample_ids: Which sample each row of the activations is.
        concepts: Concepts with sample ids; they may hold more samples.
        groups: One per sample of ``concepts``, or None.

    Returns:
        The rows of the activations in the order of the concepts; the concepts of these samples
        only; their groups.

    Raises:
        ValueError: the concepts have no sample ids or lack some of these.

    Examples:
        >>> import numpy as np
        >>> names = ["dog", "cat", "cow"]
        >>> concepts = ConceptSet(np.eye(3, dtype=bool), names, sample_ids=["a", "b", "c"])
        >>> rows, joined, groups = join_on_ids(["c", "a"], concepts, [7, 8, 9])
        >>> rows, joined.sample_ids, groups
        ([1, 0], ('a', 'c'), [7, 9])
    """
    position = {one: row for row, one in enumerate(concepts.sample_ids or ())}
    rows = sorted(range(len(sample_ids)), key=lambda row: position.get(sample_ids[row], -1))
    ordered = [sample_ids[row] for row in rows]
    joined = concepts.join(ordered)
    return rows, joined, None if groups is None else [groups[position[one]] for one in ordered]
