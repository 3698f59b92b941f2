"""Synthetic neurons: half of them continuous, half as after a ReLU, each with a formula in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse
    from numpy.typing import NDArray


def synthetic_activations(
    labels: scipy.sparse.csr_array, n_neurons: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return activations of neurons that respond, more or less, to formulas over the labels.

    Every neuron is standard normal noise plus between 0 and 2 where its formula holds, which is
    ``a | b`` or ``a & ~b`` of two concepts that hold for at most half of the samples. Neurons with
    an even number stay so; the others are cut off below 0 and below 1 in turn, which leaves about
    a half and about a sixth of their samples above zero.

    Args:
        labels: Bool, shape (n, k).
        n_neurons: How many neurons, d.
        rng: Where chance comes from.

    Returns:
        *numpy.ndarray* of float32, shape (n, d).
    """
    n_samples = labels.shape[0]
    by_concept = labels.tocsc()
    sizes = np.diff(by_concept.indptr)
    usable = np.flatnonzero((sizes > 0) & (sizes <= n_samples / 2))
    activations = rng.standard_normal((n_samples, n_neurons), dtype=np.float32)
    for neuron in range(n_neurons):
        first, second = (holds(by_concept, one) for one in rng.choice(usable, 2))
        formula = first | second if rng.random() < 0.5 else first & ~second
        values = activations[:, neuron]
        values[formula] += np.float32(rng.uniform(0, 2))
        if neuron % 2:
            np.maximum(values - np.float32(neuron // 2 % 2), 0, out=values)
    return activations


def holds(by_concept: scipy.sparse.csc_array, concept: int) -> NDArray[np.bool_]:
    """Return for which samples a concept holds, bool of shape (n,)."""
    mask = np.zeros(by_concept.shape[0], dtype=np.bool_)
    start, stop = by_concept.indptr[concept : concept + 2]
    mask[by_concept.indices[start:stop]] = True
    return mask
