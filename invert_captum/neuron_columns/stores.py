"""Activations in an `ActivationStore`, layer by layer."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from invert_captum.search import ActivationRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.activations.store import ActivationStore
    from invert_captum.concepts import ConceptSet


def is_store(activations: object) -> TypeGuard[ActivationStore]:
    """Return whether these activations are a store, without loading what stores need."""
    module = sys.modules.get("invert_captum.activations.store")
    return module is not None and isinstance(activations, module.ActivationStore)


@dataclass(frozen=True)
class StoredMatrix:
    """The activations of one layer of a store."""

    store: ActivationStore
    layer: str

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of samples and of neurons."""
        return self.store.n_samples, self.store.n_neurons(self.layer)

    @property
    def neurons_at_once(self) -> int | None:
        """How many neurons a chunk of the store holds."""
        return self.store.chunk_neurons(self.layer)

    def rows(self, neurons: Sequence[int]) -> ActivationRows:
        """Return the activations of some neurons."""
        return ActivationRows.dense(self.store.read(self.layer, neurons))


def concepts_of_store(
    activations: object, concepts: ConceptSet, groups: Sequence[object] | None
) -> tuple[ConceptSet, Sequence[object] | None]:
    """Bring concepts and groups into the order of a store's samples, if both have sample ids.

    Args:
        activations: A store, or anything else, for which nothing changes.
        concepts: The concepts.
        groups: One per sample of ``concepts``, or None.

    Raises:
        ValueError: If the concepts lack samples of the store; or have no sample ids, though the
            store's samples came shuffled.
    """
    if not is_store(activations):
        return concepts, groups
    sample_ids = activations.sample_ids
    if sample_ids is None or concepts.sample_ids is None:
        if activations.in_order is False:
            raise ValueError(
                "activations is a store of samples that came shuffled, and concepts has no "
                "sample_ids to find them by; expected concepts with sample_ids"
            )
        return concepts, groups
    if tuple(sample_ids) == tuple(concepts.sample_ids):
        return concepts, groups
    joined = concepts.join(sample_ids)
    if groups is None:
        return joined, None
    if len(groups) != concepts.n_samples:
        raise ValueError(
            f"groups has {len(groups):,} labels for {concepts.n_samples:,} samples of concepts"
        )
    position = {one: row for row, one in enumerate(concepts.sample_ids)}
    return joined, [groups[position[one]] for one in sample_ids]
