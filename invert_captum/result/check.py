"""The check of a result against scikit-learn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import roc_auc_score

from invert_captum._log import progress
from invert_captum.neuron_columns import columns_by_layer, concepts_of_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations, NeuronColumns
    from invert_captum.result import Explanation, LabelingResult
    from invert_captum.search import Formula

_TOLERANCE = 1e-12


def validate(
    result: LabelingResult,
    activations: Activations,
    concepts: ConceptSet,
    *,
    show_progress: bool = False,
) -> None:
    """Recompute every AUC with scikit-learn; see `LabelingResult.validate`."""
    layers, concepts = labeled_columns(result, activations, concepts)
    check_same_data(result, layers, concepts)
    heldout, folds = result.heldout, result.folds
    searched = np.ones(concepts.n_samples, dtype=np.bool_) if heldout is None else ~heldout
    for key in progress(result.keys(), show=show_progress, description="checking"):
        for explanation in result[key]:
            if explanation.formula is None:
                continue
            values = layers[explanation.layer].values(explanation.neuron)
            mask = explanation.formula.evaluate(concepts)
            _compare(explanation, "auc", mask, values, searched)
            if heldout is not None:
                _compare(explanation, "heldout_auc", mask, values, heldout)
            elif folds is not None and explanation.fold_formulas is not None:
                _compare_folds(result, explanation, values, concepts, folds)


def labeled_columns(
    result: LabelingResult, activations: Activations, concepts: ConceptSet
) -> tuple[dict[str | None, NeuronColumns], ConceptSet]:
    """Return the activations by the result's layers, and the concepts in their order.

    Raises:
        TypeError: If they are no activations, or no `ConceptSet`.
    """
    # This package may not import the class: no arrow runs upward between packages.
    if not hasattr(concepts, "n_concepts"):
        raise TypeError(f"concepts is a {type(concepts).__name__}; expected a ConceptSet")
    layers = columns_by_layer(activations)
    concepts, _ = concepts_of_store(activations, concepts, None)
    if len(layers) == 1 and len(result.layers) == 1:
        layers = dict(zip(result.layers, layers.values(), strict=True))
    return layers, concepts


def check_same_data(
    result: LabelingResult, layers: dict[str | None, NeuronColumns], concepts: ConceptSet
) -> None:
    """Raise `ValueError` unless the data have the samples, neurons and concepts of a result."""
    n_samples = result.settings["n_samples"]
    for name, size in [
        ("concepts", concepts.n_samples),
        *(("activations", columns.n_samples) for columns in layers.values()),
    ]:
        if size != n_samples:
            raise ValueError(f"{name} has {size:,} samples; the result is of {n_samples:,}")
    for layer, neuron in {(one.layer, one.neuron) for one in result.explanations}:
        if layer in layers and neuron >= layers[layer].n_neurons:
            raise ValueError(
                f"activations has {layers[layer].n_neurons:,} neurons; the result has {neuron}"
            )
    missing = [layer for layer in result.layers if layer not in layers]
    if missing:
        raise ValueError(f"activations has no layer {missing[0]!r}, which the result is of")
    unknown = sorted(set(result.settings["concepts"]) - set(concepts.names))
    if unknown:
        raise ValueError(f"concepts has no {unknown[0]!r}, which the result was searched with")


def _compare(
    explanation: Explanation,
    score: str,
    mask: NDArray[np.bool_],
    values: NDArray[Any],
    part: NDArray[np.bool_],
) -> None:
    _compare_number(explanation, score, _roc_auc(mask[part], values[part]))


def _compare_folds(
    result: LabelingResult,
    explanation: Explanation,
    values: NDArray[Any],
    concepts: ConceptSet,
    folds: NDArray[np.int64],
) -> None:
    """Recompute the mean of the folds' AUCs, each fold's formula on that fold."""
    aucs = []
    for part, searched, formula in fold_parts(result, explanation, folds):
        mask = formula.evaluate(concepts)
        auc = _roc_auc(mask[part], values[part])
        # Under "absolute_value" folds may find a formula or its complement.
        on_searched = _roc_auc(mask[searched], values[searched])
        same_side = (on_searched >= 0.5) == (explanation.auc >= 0.5)
        aucs.append(auc if same_side else 1.0 - auc)
    known = [auc for auc in aucs if not math.isnan(auc)]
    mean = math.fsum(known) / len(known) if known else math.nan
    _compare_number(explanation, "heldout_auc", mean)


def fold_parts(
    result: LabelingResult, explanation: Explanation, folds: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], Formula]]:
    """Yield the samples of every fold, those that were searched for it, and what was found."""
    forward = result.settings["fold_combination"] == "forward_stouffer"
    for fold, formula in enumerate(explanation.fold_formulas or (), start=int(forward)):
        if formula is not None:
            yield folds == fold, folds < fold if forward else folds != fold, formula


def _roc_auc(inside: NDArray[np.bool_], values: NDArray[Any]) -> float:
    if inside.all() or not inside.any():
        return math.nan
    return float(roc_auc_score(inside, values))


def _compare_number(explanation: Explanation, score: str, computed: float) -> None:
    stored = getattr(explanation, score)
    if math.isnan(stored) and math.isnan(computed):
        return
    if not abs(stored - computed) <= _TOLERANCE:
        raise ValueError(
            f"neuron {explanation.neuron}, rank {explanation.rank}: {score} of "
            f"{str(explanation.formula)!r} is {stored!r} in the result, but {computed!r} on these "
            "activations and concepts"
        )
