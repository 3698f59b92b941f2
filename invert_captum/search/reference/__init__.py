"""The same search in plain NumPy, neuron by neuron: what the tests compare the kernels with."""

from invert_captum.search.reference.beam import beam_search
from invert_captum.search.reference.candidates import Found
from invert_captum.search.reference.label_matrix import LabelMatrix
from invert_captum.search.reference.labels import ReferenceLabels
from invert_captum.search.reference.ranks import Ranks, rank_neurons

__all__ = [
    "Found",
    "LabelMatrix",
    "Ranks",
    "ReferenceLabels",
    "beam_search",
    "rank_neurons",
]
