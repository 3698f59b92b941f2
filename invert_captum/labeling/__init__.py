"""Labelling: activations and concepts in, search, then significance, then the result."""

from invert_captum.labeling.label import concept_auc, label_neurons
from invert_captum.labeling.settings import LabelingSettings

__all__ = ["LabelingSettings", "concept_auc", "label_neurons"]
