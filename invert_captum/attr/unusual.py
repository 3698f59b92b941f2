"""`unusual_neurons`: which labelled neurons fire unlike themselves on a handful of inputs."""

from __future__ import annotations

import numbers
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._log import warn
from invert_captum._validation import check_integer
from invert_captum.attr.neuron_blocks import neuron_blocks
from invert_captum.neuron_columns import columns_by_layer

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.neuron_columns import Activations, NeuronColumns
    from invert_captum.result import LabelingResult
    from invert_captum.result.explanation import Explanation

_COLUMNS = (
    *("sample", "layer", "neuron", "formula", "activation", "percentile"),
    *("auc", "heldout_auc", "p_adjusted", "significant"),
)


def unusual_neurons(
    activations: Activations,
    result: LabelingResult,
    reference: Activations,
    *,
    top: int = 10,
    min_percentile: float = 95.0,
    significant_only: bool = True,
) -> pd.DataFrame:
    """Return which labelled neurons fire unusually high on a handful of inputs.

    "Unusually" is by the percentile of the activation among those of the labelled data set:
    100 · (the share of them that is lower + half the share that is equal). A neuron whose label
    stands for low activations (a result of ``sign="negative"``, or of ``"absolute_value"`` with an
    AUC below ½) counts if it fires unusually low; its percentile is that of the negated values.

    Args:
        activations: Activations of k inputs, shape (k, d), or by layer.
        result: The labels.
        reference: Activations of the data set with the same layers, in any form that
            `label_neurons` takes; read some neurons at a time.
        top: At most so many neurons for each input.
        min_percentile: Lowest percentile that is unusual, in [0, 100].
        significant_only: Whether only neurons with a significant label count.

    Returns:
        *pandas.DataFrame*, a row for each input and neuron that is unusual on it: ``sample`` (row
        of the activations), ``layer``, ``neuron``, ``formula`` (text), ``activation``,
        ``percentile`` and, as in `LabelingResult.to_frame`, ``auc``, ``heldout_auc``,
        ``p_adjusted`` and ``significant``. For every sample the highest percentile comes first,
        then the greatest `LabelingResult.evidence`.

    Raises:
        TypeError: activations are no matrices, or an argument has the wrong type.
        ValueError: layers or neurons are missing, ``top`` or ``min_percentile`` is no possible
            number, or ``significant_only`` is True and the result has no test.

    Warns:
        InvertCaptumWarning: some activations are NaN; these are left out, and neurons with a NaN
            in the reference altogether.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 2)) < 0.3
        >>> reference = rng.normal(size=(400, 2)) + 3 * labels
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> result = ic.label_neurons(reference, concepts, max_length=1)
        >>> inputs = np.array([[5.0, 0.0], [0.0, 0.0], [9.0, 9.5]])
        >>> table = unusual_neurons(inputs, result, reference)
        >>> table[["sample", "neuron", "formula", "percentile"]]
           sample  neuron formula  percentile
        0       0       0     dog       99.75
        1       2       0     dog      100.00
        2       2       1     cat      100.00
    """
    check_integer("top", top, minimum=1)
    _check_percentile(min_percentile)
    explanations = _candidates(result, significant_only=significant_only)
    ours, theirs = columns_by_layer(activations), columns_by_layer(reference)
    by_layer: dict[str | None, list[Explanation]] = defaultdict(list)
    for one in explanations:
        by_layer[one.layer].append(one)
    parts = [
        _Ranks.of(
            _of_layer(ours, layer, result, "activations"),
            _of_layer(theirs, layer, result, "reference"),
            labelled,
            result,
        )
        for layer, labelled in by_layer.items()
    ]
    _warn_of_nan(parts)
    return _frame(parts, result, top, min_percentile)


@dataclass(frozen=True)
class _Ranks:
    """Where k inputs lie among the reference, for m neurons of a layer.

    Attributes:
        explanations: The neurons' labels, m of them.
        activations: (m, k).
        percentiles: float64 of shape (m, k); NaN where unknown.
        nan_neurons: How many neurons have a NaN in the reference,
        nan_activations: and how many other activations of the inputs are NaN.
    """

    explanations: list[Explanation]
    activations: NDArray[Any]
    percentiles: NDArray[np.float64]
    nan_neurons: int
    nan_activations: int

    @classmethod
    def of(
        cls,
        ours: NeuronColumns,
        theirs: NeuronColumns,
        labelled: list[Explanation],
        result: LabelingResult,
    ) -> _Ranks:
        """Compare the activations of the labelled neurons with their reference."""
        labelled = sorted(labelled, key=lambda one: one.neuron)
        _check_neurons(ours, theirs, labelled)
        low = np.array([result.is_about_low_activation(one) for one in labelled], dtype=bool)
        values, percentiles, unknown, start = [], [], 0, 0
        for neurons, among in neuron_blocks(theirs, [one.neuron for one in labelled]):
            block = ours.rows(neurons).to_dense(ours.n_samples)
            ranks = mid_rank_percentiles(block, among)
            part = low[start : start + len(neurons)]
            ranks[part] = 100.0 - ranks[part]
            incomplete = np.isnan(among).any(axis=1)
            ranks[incomplete] = np.nan
            unknown += int(incomplete.sum())
            values.append(block)
            percentiles.append(ranks)
            start += len(neurons)
        ranks = np.concatenate(percentiles)
        missing = int(np.isnan(ranks).sum()) - unknown * ours.n_samples
        return cls(labelled, np.concatenate(values), ranks, unknown, missing)


def mid_rank_percentiles(values: NDArray[Any], among: NDArray[Any]) -> NDArray[np.float64]:
    """Return where values lie among others of the same neuron.

    Args:
        values: Shape (b, k).
        among: Shape (b, n).

    Returns:
        100 · (share of ``among`` below + half the share equal), float64 of shape (b, k); NaN for a
        value that is NaN.

    Examples:
        >>> mid_rank_percentiles(np.array([[0.0, 2.0, 9.0]]), np.array([[0.0, 0.0, 1.0, 2.0]]))
        array([[ 25. ,  87.5, 100. ]])
    """
    percentiles = np.empty(values.shape)
    # Counting needs no sorting: for a handful of values it is faster.
    for place in range(values.shape[1]):
        value = values[:, place, None]
        below = np.count_nonzero(among < value, axis=1)
        equal = np.count_nonzero(among == value, axis=1)
        percentiles[:, place] = 100.0 * (below + equal / 2) / among.shape[1]
    percentiles[np.isnan(values)] = np.nan
    return percentiles


def _check_percentile(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"min_percentile is {value!r}; expected a number in [0, 100]")
    if not 0.0 <= float(value) <= 100.0:
        raise ValueError(f"min_percentile is {value}; expected a number in [0, 100]")


def _candidates(result: LabelingResult, *, significant_only: bool) -> list[Explanation]:
    best = [one for one in result.explanations if one.rank == 0 and one.formula is not None]
    if not significant_only:
        return best
    if best and all(one.significant is None for one in best):
        raise ValueError(
            "significant_only is True, but result was made with significance=None and tested "
            "nothing; expected significant_only=False, or a result with a test"
        )
    return [one for one in best if one.significant]


def _of_layer(
    layers: dict[str | None, NeuronColumns], layer: str | None, result: LabelingResult, name: str
) -> NeuronColumns:
    """Return a layer's activations; where there is one layer, names are not needed."""
    if layer in layers:
        return layers[layer]
    if len(result.layers) == 1 and len(layers) == 1 and (layer is None or None in layers):
        return next(iter(layers.values()))
    raise ValueError(
        f"{name} has the layers {list(layers)}; expected {layer!r}, which result has labels of"
    )


def _check_neurons(ours: NeuronColumns, theirs: NeuronColumns, labelled: list[Explanation]) -> None:
    layer, last = labelled[-1].layer, labelled[-1].neuron
    if ours.n_neurons != theirs.n_neurons:
        raise ValueError(
            f"activations has {ours.n_neurons:,} neurons of layer {layer!r}, reference has "
            f"{theirs.n_neurons:,}; expected the same"
        )
    if last >= ours.n_neurons:
        raise ValueError(
            f"activations has {ours.n_neurons:,} neurons of layer {layer!r}, but result has a "
            f"label of neuron {last}; expected the activations of the labelled layer"
        )


def _warn_of_nan(parts: list[_Ranks]) -> None:
    neurons = sum(part.nan_neurons for part in parts)
    if neurons:
        warn(f"{neurons:,} labelled neurons have NaN in the reference and are left out")
    single = sum(part.nan_activations for part in parts)
    if single:
        warn(f"{single:,} activations of labelled neurons are NaN and are left out")


def _frame(
    parts: list[_Ranks], result: LabelingResult, top: int, min_percentile: float
) -> pd.DataFrame:
    import pandas as pd

    explanations = [one for part in parts for one in part.explanations]
    rows: list[tuple[Any, ...]] = []
    if parts:
        percentiles = np.concatenate([part.percentiles for part in parts])
        values = np.concatenate([part.activations for part in parts])
        evidence = np.array([result.evidence(one) for one in explanations])
        place = {layer: position for position, layer in enumerate(result.layers)}
        layers = np.array([place[one.layer] for one in explanations])
        neurons = np.array([one.neuron for one in explanations])
        for sample in range(percentiles.shape[1]):
            of_sample = percentiles[:, sample]
            chosen = np.flatnonzero(of_sample >= min_percentile)
            keys = (neurons, layers, -evidence, -of_sample)
            order = np.lexsort([key[chosen] for key in keys])[:top]
            for index in chosen[order]:
                one = explanations[index]
                found = (float(values[index, sample]), float(of_sample[index]))
                about = (one.auc, one.heldout_auc, one.p_adjusted, one.significant)
                rows.append((sample, one.layer, one.neuron, str(one.formula), *found, *about))
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    types: dict[str, Any] = dict.fromkeys(("layer", "formula"), object)
    types |= dict.fromkeys(("sample", "neuron"), "int64") | {"significant": "boolean"}
    measured = ("activation", "percentile", "auc", "heldout_auc", "p_adjusted")
    return frame.astype(types | dict.fromkeys(measured, "float64"))
