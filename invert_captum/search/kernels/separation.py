"""The samples inside and outside found formulas, counted by activation: one sort per neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel
from invert_captum.search.kernels.keys import ZERO_KEY, write_keys
from invert_captum.search.kernels.rank_sums import KEY_SHIFT, SAMPLE, sort_other_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.block_search import Activations
    from invert_captum.search.kernels.label_arrays import LabelArrays

# The example of the group of zeros, which need not be stored.
ZEROS = -1


@kernel
def separate(
    activations: Activations, labels: LabelArrays, members: NDArray[np.uint8], neuron: int,
    part: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
    """Count the samples of one part by activation, in all and inside some sets of patterns.

    Args:
        activations: Of some neurons.
        labels: The labels.
        members: uint8, shape (t, g): 1 for the patterns that are in a set.
        neuron: Which neuron.
        part: 0 for the searched samples, 1 for those held out.

    Returns:
        For v different activations, ascending: an example of each, its sample or `ZEROS`, int64 of
        shape (v,); how many samples have it, int64 of shape (v,); and how many of those are in
        each set, int64 of shape (t, v).
    """
    n_patterns, n_sets = labels.weights.shape[1], len(members)
    ordered, part_size = _sorted_words(activations, labels, neuron, part)
    examples = np.empty(len(ordered) + 1, np.int64)
    sizes = np.zeros(len(ordered) + 1, np.int64)
    inside = np.zeros((n_sets, len(ordered) + 1), np.int64)
    zeros = part_size - len(ordered)
    group, at_zero = -1, -1
    last = ZERO_KEY
    for word in ordered:
        key = np.uint32(word >> KEY_SHIFT)
        if zeros > 0 and at_zero < 0 and key > ZERO_KEY:
            group += 1
            at_zero = group
        if key != last:
            group += 1
            last = key
            examples[group] = np.int64(word & SAMPLE)
        pattern = labels.slots[np.int64(word & SAMPLE)] - part * n_patterns
        sizes[group] += 1
        for number in range(n_sets):
            inside[number, group] += members[number, pattern]
    if zeros > 0 and at_zero < 0:
        group += 1
        at_zero = group
    if at_zero >= 0:
        examples[at_zero], sizes[at_zero] = ZEROS, zeros
        for number in range(n_sets):
            size = np.int64(0)
            for pattern in range(n_patterns):
                size += members[number, pattern] * labels.weights[part, pattern]
            inside[number, at_zero] = size - inside[number].sum()
    return examples[: group + 1], sizes[: group + 1], inside[:, : group + 1].copy()


@compiled
def _sorted_words(
    activations: Activations, labels: LabelArrays, neuron: int, part: int
) -> tuple[NDArray[np.uint64], int]:
    """Return the sorted words of a part's activations but for zeros, and the part's size."""
    n_patterns = labels.weights.shape[1]
    start, stop = activations.starts[neuron], activations.starts[neuron + 1]
    listed = activations.samples[start:stop]
    keys = np.empty(stop - start, np.uint32)
    write_keys(activations.values[start:stop], listed, keys)
    samples = np.empty(stop - start, np.int64)
    count = 0
    for index in range(len(keys)):
        sample = listed[index] if len(listed) > 0 else index
        keys[count], samples[count] = keys[index], sample
        count += np.int64((labels.slots[sample] >= n_patterns) == (part == 1))
    packed, spare = np.empty(count, np.uint64), np.empty(count, np.uint64)
    numbers = np.empty((3, 2048), np.int64)
    ordered, n_others = sort_other_keys(
        keys[:count], samples[:count], labels.slots, n_patterns, packed, spare, numbers
    )
    part_size = np.int64(0)
    for pattern in range(n_patterns):
        part_size += labels.weights[part, pattern]
    return ordered[:n_others], part_size
