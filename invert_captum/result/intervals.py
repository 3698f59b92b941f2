"""Intervals of the formulas of a result, and comparisons of two formulas on one neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import check_fraction
from invert_captum.result.check import check_same_data, labeled_columns
from invert_captum.search import Formula
from invert_captum.significance import Separation, auc_difference, auc_interval

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations, NeuronColumns
    from invert_captum.result.labeled_neurons import Key
    from invert_captum.result.labeling_result import LabelingResult
    from invert_captum.significance import Difference


def auc_intervals(
    result: LabelingResult,
    activations: Activations,
    concepts: ConceptSet,
    *,
    level: float,
    simultaneous: bool,
    in_sample: bool,
) -> pd.DataFrame:
    """Return an interval for every neuron; see `LabelingResult.auc_intervals`."""
    import pandas as pd

    level = check_fraction("level", level, open_interval=True)
    layers, concepts = _checked(result, activations, concepts)
    heldout = result.heldout
    if heldout is None and not in_sample:
        raise ValueError(
            "nothing was held out as one part, so that there are only in-sample intervals: "
            "set in_sample=True, or label with significance='holdout' and no n_folds"
        )
    everything = np.ones(concepts.n_samples, np.bool_)
    part = everything if heldout is None else ~heldout if in_sample else heldout
    best = [one for one in result.explanations if one.rank == 0]
    n_labeled = sum(one.formula is not None for one in best)
    each = 1.0 - (1.0 - level) / max(n_labeled, 1) if simultaneous else level
    prefix, name = ("in_sample_", "auc") if in_sample else ("", "heldout_auc")
    rows: list[dict[str, Any]] = []
    for one in best:
        row: dict[str, Any] = {"layer": one.layer, "neuron": one.neuron, "formula": None}
        if one.formula is not None:
            values = layers[one.layer].values(one.neuron)[part]
            separation = Separation.of(values, one.formula.evaluate(concepts)[part])
            interval = auc_interval(separation, level=each)
            row |= {
                "formula": str(one.formula),
                name: separation.auc,
                f"{prefix}auc_low": interval.low,
                f"{prefix}auc_high": interval.high,
                "interval": interval.method,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def compare(
    result: LabelingResult,
    activations: Activations,
    concepts: ConceptSet,
    key: Key,
    formula: Formula | str,
    other: Formula | str,
    *,
    level: float,
) -> Difference:
    """Compare two formulas on a neuron; see `LabelingResult.compare`."""
    layers, concepts = _checked(result, activations, concepts)
    neuron = result[key][0]
    heldout = result.heldout
    part: NDArray[np.bool_] = np.ones(concepts.n_samples, np.bool_) if heldout is None else heldout
    masks = [
        (Formula.parse(one) if isinstance(one, str) else one).evaluate(concepts)[part]
        for one in (formula, other)
    ]
    values = layers[neuron.layer].values(neuron.neuron)[part]
    return auc_difference(values, masks[0], masks[1], level=level)


def _checked(
    result: LabelingResult, activations: Activations, concepts: ConceptSet
) -> tuple[dict[str | None, NeuronColumns], ConceptSet]:
    layers, concepts = labeled_columns(result, activations, concepts)
    check_same_data(result, layers, concepts)
    return layers, concepts
