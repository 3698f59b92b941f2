"""How sure a label is: tests, hold-out, corrections. It knows numbers only, no search."""

from invert_captum.significance.corrections import CORRECTIONS, correct_p_values
from invert_captum.significance.hold_out import group_codes, split_samples
from invert_captum.significance.mann_whitney import Alternative, mann_whitney_log10_p

__all__ = [
    "CORRECTIONS",
    "Alternative",
    "correct_p_values",
    "group_codes",
    "mann_whitney_log10_p",
    "split_samples",
]
