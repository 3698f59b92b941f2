"""How long labelling a neuron takes on an ImageNet-shaped problem, on one core.

``python -m benchmarks.labeling`` builds 50,000 samples of 1,000 classes with 473 groups of classes
and scattered attributes, about 608,000 labels in all; half of the neurons are continuous, half
ReLU-like. It prints milliseconds per neuron for L = 3, B = 3, and the ratio to the floor: sorting
the same activations once and multiplying the label matrix with one vector.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

import invert_captum as ic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

N_CLASSES, PER_CLASS, N_GROUPS = 1000, 50, 473
N_LABELS = 608_000


def imagenet_shaped_labels(rng: np.random.Generator) -> scipy.sparse.csr_array:
    """Return labels (50,000 × 1,473): classes, nested groups of classes, scattered attributes."""
    classes = np.repeat(np.arange(N_CLASSES), PER_CLASS)
    membership = np.zeros((N_CLASSES, N_CLASSES + N_GROUPS), dtype=np.bool_)
    membership[np.arange(N_CLASSES), np.arange(N_CLASSES)] = True
    # A few large groups, as "animal" is one of ImageNet, and many small ones.
    sizes = [450, 300, 200, *(N_CLASSES * 0.5 ** rng.uniform(3.5, 10, N_GROUPS - 3)).astype(int)]
    for group, size in enumerate(sizes):
        start = int(rng.integers(0, N_CLASSES - size))
        membership[start : start + size, N_CLASSES + group] = True
    labels = scipy.sparse.csr_array(membership)[classes].tolil()
    missing = max(N_LABELS - labels.nnz, 0)
    rows = rng.integers(0, len(classes), missing)
    labels[rows, N_CLASSES + rng.integers(0, N_GROUPS, missing)] = True
    return labels.tocsr()


def activations(
    rng: np.random.Generator, classes: NDArray[np.int64], d: int
) -> NDArray[np.float32]:
    """Return activations (n, d), the first half continuous, the others mostly zero."""
    values = rng.standard_normal((len(classes), d), dtype=np.float32)
    for neuron in range(0, d, 2):
        values[:, neuron] += 1.5 * (classes // 20 == neuron % 50)
    values[:, d // 2 :] = np.maximum(values[:, d // 2 :] - 1, 0)
    return values


def best_of(repeats: int, function: Callable[[], object]) -> float:
    """Return the seconds of the fastest of ``repeats`` calls."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Build the problem, time it, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--neurons", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rng = np.random.default_rng(0)
    labels = imagenet_shaped_labels(rng)
    values = activations(rng, np.repeat(np.arange(N_CLASSES), PER_CLASS), arguments.neurons)
    concepts = ic.ConceptSet(labels, [f"c{index:04}" for index in range(labels.shape[1])])
    print(f"{concepts}, {arguments.neurons} neurons, L = 3, B = 3, one core")

    by_concept = scipy.sparse.csr_array(labels.T.astype(np.float64))
    vector = rng.random(labels.shape[0])
    columns = np.ascontiguousarray(values.T)
    floor = best_of(
        arguments.repeats, lambda: [(np.sort(column), by_concept @ vector) for column in columns]
    )
    print(f"floor (one sort, one pass):   {1e3 * floor / arguments.neurons:6.2f} ms per neuron")
    for significance in ("in_sample", "holdout"):
        seconds = best_of(
            arguments.repeats,
            lambda significance=significance: ic.label_neurons(
                values, concepts, max_length=3, beam_width=3, significance=significance
            ),
        )
        print(
            f"label_neurons, {significance:9}:     {1e3 * seconds / arguments.neurons:6.2f} ms per "
            f"neuron, {seconds / floor:.1f} × the floor"
        )


if __name__ == "__main__":
    main()
