"""Intervals of the formulas of a result, and comparisons of two formulas on one neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import check_fraction
from invert_captum.result.check import check_same_data, fold_parts, labeled_columns
from invert_captum.result.groups import check_groups
from invert_captum.search import Formula
from invert_captum.significance import (
    NO_INTERVAL,
    AucEstimate,
    Separation,
    auc_difference,
    cluster_estimate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations, NeuronColumns
    from invert_captum.result.explanation import Explanation
    from invert_captum.result.labeled_neurons import Key
    from invert_captum.result.labeling_result import LabelingResult
    from invert_captum.significance import Difference


def auc_intervals(
    result: LabelingResult,
    activations: Activations,
    concepts: ConceptSet,
    *,
    groups: Sequence[object] | None,
    level: float | None,
    simultaneous: bool,
    in_sample: bool,
) -> pd.DataFrame:
    """Return an interval for every neuron; see `LabelingResult.auc_intervals`."""
    import pandas as pd

    level = _level(result, level)
    data = _Data(result, activations, concepts, groups)
    if not in_sample and result.heldout is None and result.folds is None:
        raise ValueError(
            "nothing was held out, so that there are only in-sample intervals: set in_sample=True, "
            "or label with significance='holdout'"
        )
    best = [one for one in result.explanations if one.rank == 0]
    n_labeled = sum(one.formula is not None for one in best)
    each = 1.0 - (1.0 - level) / max(n_labeled, 1) if simultaneous else level
    prefix, name = ("in_sample_", "auc") if in_sample else ("", "heldout_auc")
    rows: list[dict[str, Any]] = []
    for one in best:
        estimate = data.estimate(one, in_sample=in_sample)
        interval = NO_INTERVAL if estimate is None else estimate.interval(each)
        rows.append(
            {
                "layer": one.layer,
                "neuron": one.neuron,
                "formula": None if one.formula is None else str(one.formula),
                name: np.nan if estimate is None else estimate.auc,
                f"{prefix}auc_low": interval.low,
                f"{prefix}auc_high": interval.high,
                "interval": None if estimate is None else interval.method,
            }
        )
    return pd.DataFrame(rows)


def compare(
    result: LabelingResult,
    activations: Activations,
    concepts: ConceptSet,
    key: Key,
    formula: Formula | str,
    other: Formula | str,
    *,
    groups: Sequence[object] | None,
    level: float | None,
    in_sample: bool,
) -> Difference:
    """Compare two formulas on a neuron; see `LabelingResult.compare`."""
    data = _Data(result, activations, concepts, groups)
    neuron = result[key][0]
    if neuron.formula is None:
        raise ValueError(f"neuron {key!r} was set aside: it has no scores to compare")
    heldout = result.heldout
    if not in_sample and heldout is None:
        raise ValueError(
            "there is no part of the samples that no search saw, only an in-sample comparison: set "
            "in_sample=True, or label with significance='holdout' and no n_folds"
        )
    part: NDArray[np.bool_] = np.ones(data.concepts.n_samples, np.bool_)
    if heldout is not None:
        part = ~heldout if in_sample else heldout
    masks = [
        (Formula.parse(one) if isinstance(one, str) else one).evaluate(data.concepts)[part]
        for one in (formula, other)
    ]
    values = data.layers[neuron.layer].values(neuron.neuron)[part]
    of_part = None if data.groups is None else data.groups[part]
    return auc_difference(values, masks[0], masks[1], groups=of_part, level=_level(result, level))


def _level(result: LabelingResult, level: float | None) -> float:
    if level is None:
        return 1.0 - float(result.settings["alpha"])
    return check_fraction("level", level, open_interval=True)


class _Data:
    """The data of a result, checked to be those that it was made of."""

    def __init__(
        self,
        result: LabelingResult,
        activations: Activations,
        concepts: ConceptSet,
        groups: Sequence[object] | None,
    ) -> None:
        layers, concepts = labeled_columns(result, activations, concepts)
        check_same_data(result, layers, concepts)
        self.layers: dict[str | None, NeuronColumns] = layers
        self.concepts = concepts
        self.groups = check_groups(result.settings, groups, concepts.n_samples)
        self._result = result

    def estimate(self, one: Explanation, *, in_sample: bool) -> AucEstimate | None:
        """Return the AUC of an explanation, as an interval needs it."""
        if one.formula is None:
            return None
        values = self.layers[one.layer].values(one.neuron)
        heldout, folds = self._result.heldout, self._result.folds
        if in_sample or folds is None:
            everything = np.ones(len(values), np.bool_)
            part = everything if heldout is None else ~heldout if in_sample else heldout
            return self._of_part(values, one.formula, part)
        estimates = []
        for part, searched, formula in fold_parts(self._result, one, folds):
            estimate = self._of_part(values, formula, part)
            if estimate is None:
                continue
            mask = formula.evaluate(self.concepts)[searched]
            above = Separation.of(values[searched], mask).auc >= 0.5
            estimates.append(estimate if above == (one.auc >= 0.5) else estimate.mirrored())
        return AucEstimate.mean(estimates) if estimates else None

    def _of_part(
        self, values: NDArray[Any], formula: Formula, part: NDArray[np.bool_]
    ) -> AucEstimate | None:
        mask = formula.evaluate(self.concepts)[part]
        if mask.all() or not mask.any():
            return None
        if self.groups is None:
            return AucEstimate.of(Separation.of(values[part], mask))
        return cluster_estimate(values[part].astype(np.float64), mask, self.groups[part])
