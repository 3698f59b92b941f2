"""The ImageNet-shaped problem: 1,000 classes × 50 samples and the WordNet hypernyms of the classes.

A concept is a class or a synset above at least two classes: one above a single class would repeat
that class, and ``entity``, above all of them, tells nothing apart. That leaves 1,471 concepts (with
``entity`` it would be 1,472, and one label more for every sample).

Two sets of labels, because a program may save time where many samples have the same labels:

- **by class**: the 50 samples of a class have the same labels, so that 1,000 rows are different;
- **by sample**: concepts that hold for the same classes are one (1,395 remain), and each sample has
  three of 78 attributes besides, drawn at random, so that practically all rows are different.

Samples come in the order of their classes, as from a folder of pictures, unless shuffled.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

import invert_captum as ic
from benchmarks.wordnet import imagenet_offsets, read_nouns, with_hypernyms

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_ATTRIBUTES, ATTRIBUTES_PER_SAMPLE = 78, 3


@cache
def class_concepts() -> tuple[NDArray[np.bool_], list[str]]:
    """Return which concept holds for which class, shape (1,000, 1,471), and the concepts' names.

    The classes come first, in the order of their index, then the hypernyms by offset.

    Raises:
        RuntimeError: If WordNet or the list of classes is not installed.
    """
    classes, nouns = imagenet_offsets(), read_nouns()
    closures = [with_hypernyms(offset, nouns) for offset in classes]
    n_classes_below = Counter(offset for closure in closures for offset in closure)
    hypernyms = sorted(
        offset for offset, count in n_classes_below.items() if 1 < count < len(classes)
    )
    offsets = [*classes, *hypernyms]
    membership = np.array([[offset in closure for offset in offsets] for closure in closures])
    membership.flags.writeable = False
    return membership, _unique_names(offsets, [nouns[offset].lemma for offset in offsets])


def _unique_names(offsets: list[str], lemmas: list[str]) -> list[str]:
    counts = Counter(lemmas)
    return [
        lemma if counts[lemma] == 1 else f"{lemma}_{offset}"
        for offset, lemma in zip(offsets, lemmas, strict=True)
    ]


def merge_equal(
    membership: NDArray[np.bool_], names: list[str]
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return the concepts without those that hold for the same classes as an earlier one."""
    _, first = np.unique(membership, axis=1, return_index=True)
    kept = np.sort(first)
    return membership[:, kept], [names[i] for i in kept]


def random_attributes(n_samples: int, rng: np.random.Generator) -> scipy.sparse.csr_array:
    """Return labels (n, 78) of which every row has three, chosen at random."""
    order = rng.random((n_samples, N_ATTRIBUTES), dtype=np.float32).argsort(axis=1)
    columns = np.sort(order[:, :ATTRIBUTES_PER_SAMPLE], axis=1).ravel()
    starts = np.arange(n_samples + 1) * ATTRIBUTES_PER_SAMPLE
    values = np.ones(len(columns), dtype=np.bool_)
    return scipy.sparse.csr_array((values, columns, starts), shape=(n_samples, N_ATTRIBUTES))


def imagenet_concepts(
    *, by_sample: bool, per_class: int = 50, shuffled: bool = False, seed: int = 0
) -> ic.ConceptSet:
    """Return the concepts of 1,000 × ``per_class`` samples.

    Args:
        by_sample: Whether samples of a class differ in their labels.
        per_class: How many samples a class has.
        shuffled: Whether samples come in random order, not in that of their classes.
        seed: Of the attributes and the order.
    """
    rng = np.random.default_rng(seed)
    membership, names = class_concepts()
    classes = np.repeat(np.arange(len(membership)), per_class)
    if shuffled:
        rng.shuffle(classes)
    if not by_sample:
        return ic.ConceptSet(scipy.sparse.csr_array(membership)[classes], names)
    membership, names = merge_equal(membership, names)
    attributes = random_attributes(len(classes), rng)
    labels = scipy.sparse.hstack([scipy.sparse.csr_array(membership)[classes], attributes])
    attribute_names = [f"attribute_{number:02}" for number in range(N_ATTRIBUTES)]
    return ic.ConceptSet(scipy.sparse.csr_array(labels), [*names, *attribute_names])
