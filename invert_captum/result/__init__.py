"""What a labelling found: one object per explanation, one table, files, a check of every AUC."""

from invert_captum.result.labeling_result import COLUMNS, Explanation, Key, LabelingResult

__all__ = ["COLUMNS", "Explanation", "Key", "LabelingResult"]
