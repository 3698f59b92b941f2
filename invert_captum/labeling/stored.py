"""Activations in a store, as workers are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.neuron_columns.stores import StoredMatrix, is_store

if TYPE_CHECKING:
    from invert_captum.neuron_columns import Activations


def stored_layers(activations: Activations) -> dict[str | None, StoredMatrix]:
    """Return the layers of a store, named as `columns_by_layer` does; none if it is no store."""
    if not is_store(activations):
        return {}
    matrices = [StoredMatrix(activations, layer) for layer in activations.layers]
    if not activations.keyed_by_layer:
        return {None: matrices[0]}
    return {matrix.layer: matrix for matrix in matrices}
