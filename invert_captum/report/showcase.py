"""Which neurons a figure shows: sure labels that also name what excites the neuron most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import average_precision_score

from invert_captum._validation import check_integer
from invert_captum.report.table import best_keys, distinct_keys
from invert_captum.result.check import check_same_data, labeled_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.result import Explanation, Key, LabelingResult

# How many neurons are looked at: a share of all, and never so few that there is no choice.
_SHARE, _TIMES = 0.1, 4


def showcase_keys(
    result: LabelingResult, activations: Activations, concepts: ConceptSet, count: int
) -> list[Key]:
    """Return the keys of neurons worth a picture, best first.

    Of the tenth of the neurons whose labels `best_keys` puts first (at least four times ``count``),
    those with the highest average precision on the held-out samples, or on all where none were held
    out, as far as possible each with concepts of its own. Where these have fewer labels than
    ``count``, the best neurons with other labels follow, if these are not refused by a test. AUC
    alone lets a rare label score high
    that is not among what excites the neuron most; average precision does not.

    Args:
        result: The labels.
        activations: What was labelled: shape (n, d), a mapping from a layer's name to that, or an
            `ActivationStore`.
        concepts: What it was labelled with, n samples.
        count: How many keys to return at most.

    Returns:
        *list*: keys for ``result[key]``.

    Raises:
        TypeError: If ``activations`` is no matrix of activations, ``concepts`` no `ConceptSet`, or
            ``count`` no integer.
        ValueError: If ``activations`` or ``concepts`` have another number of samples than the
            result, a layer, neuron or concept of it is missing, or ``count`` is below 1.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 2)) < 0.3
        >>> activations = rng.normal(size=(400, 3)) + labels[:, [0, 0, 1]] * [3, 2, 1]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> showcase_keys(result, activations, concepts, 2)
        [0, 2]
    """
    check_integer("count", count, minimum=1)
    layers, concepts = labeled_columns(result, activations, concepts)
    check_same_data(result, layers, concepts)
    looked_at = max(int(_SHARE * len(result)), _TIMES * count)
    precision = {}
    for key in best_keys(result, looked_at):
        best = result[key][0]
        values = layers[best.layer].values(best.neuron).astype(np.float64)
        precision[key] = _precision(best, values, concepts, result.heldout)
    ordered = sorted(precision, key=lambda key: -precision[key])
    chosen = distinct_keys(result, ordered, count)
    if len(chosen) == count:
        return chosen
    others = [
        key
        for key in best_keys(result, len(result))
        if key not in precision and result[key][0].significant is not False
    ]
    return distinct_keys(result, ordered + others, count)


def _precision(
    explanation: Explanation,
    values: NDArray[np.float64],
    concepts: ConceptSet,
    heldout: NDArray[np.bool_] | None,
) -> float:
    if explanation.formula is None:
        return 0.0
    mask = explanation.formula.evaluate(concepts)
    if heldout is not None:
        mask, values = mask[heldout], values[heldout]
    if not mask.any():
        return 0.0
    # A label of AUC < ½ is about the lowest activations.
    return float(average_precision_score(mask, values if explanation.auc >= 0.5 else -values))
