"""Activations as a matrix that is read neuron by neuron, whatever holds them."""

from invert_captum.neuron_columns.choice import check_neurons, choose_neurons
from invert_captum.neuron_columns.columns import (
    Activations,
    Matrix,
    NeuronColumns,
    columns_by_layer,
    has_named_layers,
)

__all__ = [
    "Activations",
    "Matrix",
    "NeuronColumns",
    "check_neurons",
    "choose_neurons",
    "columns_by_layer",
    "has_named_layers",
]
