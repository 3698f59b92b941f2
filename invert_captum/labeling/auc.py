"""`concept_auc`: neurons against single concepts."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.labeling.preparation import (
    check_concept_set,
    check_concepts,
    report_set_aside,
    varying_concepts,
)
from invert_captum.labeling.units import Unit, cut_into_units, run_on_threads
from invert_captum.neuron_columns import NeuronColumns, concepts_of_store
from invert_captum.search import ActivationRows, SearchLabels, auc, concept_rank_sums

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from invert_captum.activations import ActivationStore
    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Matrix
    from invert_captum.search.device_labels import DeviceLabels


def concept_auc(
    activations: Matrix | ActivationStore, concepts: ConceptSet, *, show_progress: bool = False
) -> NDArray[np.float64]:
    """Return the ROC-AUC of every neuron with every single concept.

    Args:
        activations: Shape (n, d): a torch tensor, a numpy array, a scipy.sparse matrix, or an
            `ActivationStore` of one layer.
        concepts: A `ConceptSet` of k concepts on the same n samples in the same order.
        show_progress: Whether to draw a progress bar on standard error.

    Returns:
        *numpy.ndarray* of float64, shape (d, k), in [0, 1]: the share of pairs of a sample with and
        one without the concept in which the one with it has the higher activation, ties counting
        one half. NaN for concepts with no positives or no negatives, and for neurons that are
        constant or have NaN or infinite values; one warning each counts them.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the numbers of samples differ, or no neuron or no concept remains.

    Source:
        Bykov et al., NeurIPS 2023, arXiv 2311.13594 (the AUC similarity); computed from mid-ranks.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> concepts = ic.ConceptSet(np.array([[True], [True], [False], [False]]), ["dog"])
        >>> ic.concept_auc(np.array([[3.0], [1.0], [1.0], [0.0]]), concepts)
        array([[0.875]])
    """
    columns = NeuronColumns(activations)
    layers: dict[str | None, NeuronColumns] = {None: columns}
    check_concept_set(concepts)
    concepts, _ = concepts_of_store(activations, concepts, None)
    check_concepts(layers, concepts)
    usable = varying_concepts(concepts)
    labels = SearchLabels.from_labels(usable.labels, usable.names)
    kept = np.flatnonzero(np.isin(concepts.names, usable.names))
    result = np.full((columns.n_neurons, concepts.n_concepts), np.nan)
    scored = 0
    units = cut_into_units(layers, {None: list(range(columns.n_neurons))}, None)

    on_device: dict[torch.device, DeviceLabels] = {}
    moving_labels = Lock()

    def work(unit: Unit) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        block = columns.block(unit.neurons)
        if isinstance(block, ActivationRows):
            return concept_rank_sums(block, labels)
        from invert_captum.search import device_labels, device_search

        with moving_labels:
            if block.device not in on_device:
                on_device[block.device] = device_labels.DeviceLabels(labels.arrays, block.device)
        return device_search.concept_rank_sums(block, on_device[block.device])

    for unit, (varies, sums) in run_on_threads(work, units, show=show_progress):
        neurons = np.asarray(unit.neurons)[varies]
        scored += len(neurons)
        aucs = auc(labels.counts, labels.of_concepts(sums[varies]), concepts.n_samples)
        result[np.ix_(neurons, kept)] = aucs
    report_set_aside(columns.n_neurons - scored, columns.n_neurons)
    return result
