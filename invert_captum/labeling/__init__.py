"""Labelling: activations and concepts in, search, then significance, then the result."""

from invert_captum.labeling.auc import concept_auc
from invert_captum.labeling.label import check_arguments, label_neurons
from invert_captum.labeling.settings import LabelingSettings

__all__ = ["LabelingSettings", "check_arguments", "concept_auc", "label_neurons"]
