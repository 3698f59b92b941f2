"""What a labelling found: one object per explanation, one table, files, a check of every AUC."""

from invert_captum.result.explanation import COLUMNS, Explanation
from invert_captum.result.labeling_result import Key, LabelingResult

__all__ = ["COLUMNS", "Explanation", "Key", "LabelingResult"]
