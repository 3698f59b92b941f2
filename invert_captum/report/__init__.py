"""Results to look at: figures and tables."""

from __future__ import annotations

from invert_captum.report.figures import plot_neurons
from invert_captum.report.showcase import showcase_keys
from invert_captum.report.significance import plot_significance
from invert_captum.report.table import best_keys, format_best, write_csv

__all__ = [
    "best_keys",
    "format_best",
    "plot_neurons",
    "plot_significance",
    "showcase_keys",
    "write_csv",
]
