"""Activations in an `ActivationStore`, layer by layer."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from invert_captum.search import ActivationRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.activations.store import ActivationStore


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
