import numpy as np
import pytest

import invert_captum as ic
from invert_captum.report import best_keys, showcase_keys


@pytest.fixture
def problem(rng):
    """Two neurons for `rare`: the first has the higher AUC, the second the purer top samples."""
    rare = np.arange(1000) % 25 == 0
    common = np.arange(1000) % 4 == 1
    concepts = ic.ConceptSet(np.column_stack([rare, common]), ["rare", "common"])
    noise = rng.random(1000)
    shifted = np.where(rare, rng.uniform(0.93, 0.97, 1000), noise)
    pure = np.where(rare & (np.arange(1000) % 10 != 0), 1 + noise, noise)
    broad = np.where(common, 0.6 + noise, noise)
    return concepts, np.column_stack([shifted, pure, broad])


def test_prefers_labels_that_name_the_top_samples(problem):
    concepts, activations = problem
    result = ic.label_neurons(activations, concepts, max_length=1)
    assert [str(result[neuron][0].formula) for neuron in range(3)] == ["rare", "rare", "common"]
    assert best_keys(result, 3)[0] == 0
    assert result[0][0].heldout_auc > result[1][0].heldout_auc
    keys = showcase_keys(result, activations, concepts, 3)
    assert sorted(keys) == [1, 2]
    assert showcase_keys(result, {"fc": activations}, concepts, 1) == keys[:1]


@pytest.mark.parametrize("significance", ["holdout", None])
def test_negative_labels_are_about_the_lowest_activations(problem, significance):
    concepts, activations = problem
    positive = ic.label_neurons(activations, concepts, max_length=1, significance=significance)
    negative = ic.label_neurons(
        -activations, concepts, max_length=1, significance=significance, sign="negative"
    )
    assert showcase_keys(negative, -activations, concepts, 2) == showcase_keys(
        positive, activations, concepts, 2
    )
