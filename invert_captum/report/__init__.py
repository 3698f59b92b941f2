"""Results to look at: figures, tables, and the explorer page.

Names are resolved when first used, so that a table needs no matplotlib and a figure no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.report.contributions import plot_contributions
    from invert_captum.report.explorer import write_explorer
    from invert_captum.report.figures import plot_neurons
    from invert_captum.report.neuron_figure import plot_neuron
    from invert_captum.report.overview import plot_overview
    from invert_captum.report.showcase import showcase_keys
    from invert_captum.report.significance import plot_significance
    from invert_captum.report.table import best_keys, format_best, write_csv

__all__ = [
    "best_keys",
    "format_best",
    "plot_contributions",
    "plot_neuron",
    "plot_neurons",
    "plot_overview",
    "plot_significance",
    "showcase_keys",
    "write_csv",
    "write_explorer",
]

_HOME = {
    "best_keys": "table",
    "format_best": "table",
    "plot_contributions": "contributions",
    "plot_neuron": "neuron_figure",
    "plot_neurons": "figures",
    "plot_overview": "overview",
    "plot_significance": "significance",
    "showcase_keys": "showcase",
    "write_csv": "table",
    "write_explorer": "explorer",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
