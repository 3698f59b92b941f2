"""What a labelling found: one object per explanation, one table, files, a check of every AUC."""

from invert_captum.result.explanation import COLUMNS, Explanation
from invert_captum.result.labeled_neurons import Key
from invert_captum.result.labeling_result import LabelingResult
from invert_captum.result.null_scores import NullScores

__all__ = ["COLUMNS", "Explanation", "Key", "LabelingResult", "NullScores"]
