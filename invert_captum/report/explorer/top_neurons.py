"""The neurons that get heat maps and class effects, and the samples that these are made on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from invert_captum.report.table import best_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invert_captum.report.explorer.neuron_activity import NeuronActivity
    from invert_captum.result import Explanation, Key, LabelingResult


@dataclass(frozen=True)
class TopNeuron:
    """A neuron with its best label and its top samples.

    Attributes:
        row: Its place in the page's table.
        explanation: Its best label.
        samples: Its top samples, best first.
        activations: Their activations.
    """

    row: int
    explanation: Explanation
    samples: list[int]
    activations: list[float | None] = field(default_factory=list)


def neurons_by_evidence(
    result: LabelingResult, activities: Mapping[Key, NeuronActivity]
) -> list[TopNeuron]:
    """Return all labelled neurons, the best-supported labels first; see `report.best_keys`."""
    rows = {key: row for row, key in enumerate(result)}
    return [
        TopNeuron(rows[key], result[key][0], activities[key].top, activities[key].activations)
        for key in best_keys(result, len(result))
    ]
