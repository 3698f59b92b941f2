"""Activations as a matrix that is read neuron by neuron, whatever holds them."""

from invert_captum.neuron_columns.choice import check_neurons, choose_neurons
from invert_captum.neuron_columns.columns import (
    Activations,
    Matrix,
    NeuronColumns,
    columns_by_layer,
    has_named_layers,
)
from invert_captum.neuron_columns.matrices import rows_of_tensor
from invert_captum.neuron_columns.stores import concepts_of_store

__all__ = [
    "Activations",
    "Matrix",
    "NeuronColumns",
    "check_neurons",
    "choose_neurons",
    "columns_by_layer",
    "concepts_of_store",
    "has_named_layers",
    "rows_of_tensor",
]
