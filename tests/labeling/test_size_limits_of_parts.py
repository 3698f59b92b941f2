"""What limits on a formula's size mean where the search sees a part of the samples."""

import numpy as np
import pytest

import invert_captum as ic


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("folds", [None, 3])
def test_two_classes_of_the_same_size_are_both_labels_however_the_split_falls(seed, folds):
    rng = np.random.default_rng(seed)
    cat = rng.permutation(np.arange(110) % 2 == 0)
    activations = rng.normal(size=(110, 2)) + 3 * np.c_[cat, ~cat]
    concepts = ic.ConceptSet(np.c_[cat, ~cat], ["cat", "dog"])
    result = ic.label_neurons(activations, concepts, min_positives=5, n_folds=folds, seed=seed)
    assert [str(result[neuron][0].formula) for neuron in (0, 1)] == ["cat", "dog"]
    assert result[0][0].significant
    assert result[1][0].significant


def test_a_concept_that_is_too_common_is_no_label():
    rng = np.random.default_rng(0)
    common = rng.permutation(np.arange(400) < 236)
    rare = rng.permutation(np.arange(400) < 40)
    activations = rng.normal(size=(400, 1)) + 3 * common[:, None]
    concepts = ic.ConceptSet(np.c_[common, rare], ["common", "rare"])
    for seed in range(8):
        result = ic.label_neurons(activations, concepts, max_length=1, seed=seed)
        assert str(result[0][0].formula) != "common"
    result = ic.label_neurons(activations, concepts, max_length=1, max_fraction=0.6)
    assert str(result[0][0].formula) == "common"


def test_without_a_concept_near_the_limit_it_is_that_of_the_searched_part():
    rng = np.random.default_rng(1)
    labels = rng.random((300, 6)) < 0.3
    activations = rng.normal(size=(300, 20))
    result = ic.label_neurons(activations, ic.ConceptSet(labels, list("abcdef")), max_fraction=0.6)
    searched = ~result.heldout
    for explanation in result.explanations:
        holds = explanation.formula.evaluate(ic.ConceptSet(labels, list("abcdef")))
        assert holds[searched].sum() <= 0.6 * searched.sum()
