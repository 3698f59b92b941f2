"""What a result can be looked at as: figures and a page, drawn by `invert_captum.report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum.result.labeled_neurons import LabeledNeurons

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class ResultViews(LabeledNeurons):
    """The part of `LabelingResult` that draws; see there."""

    def plot_significance(self) -> Figure:
        """Draw the evidence: effect against p-value, the p-values, and the permutation null.

        Returns:
            *matplotlib.figure.Figure*: see `report.plot_significance`.

        Raises:
            ValueError: If no neuron was tested.
        """
        from invert_captum.report.significance import plot_significance

        return plot_significance(self)  # type: ignore[arg-type]
