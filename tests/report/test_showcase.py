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


def test_where_the_best_share_a_label_others_follow_that_no_test_refuses(rng):
    flag, face = rng.random((2, 600)) < 0.3
    concepts = ic.ConceptSet(np.column_stack([flag, face]), ["flag", "face"])
    noise = rng.normal(size=(600, 62))
    noise[:, :60] += 5 * flag[:, None]
    noise[:, 60] += face
    result = ic.label_neurons(noise, concepts, max_length=1, alpha=1e-4)
    assert [result[neuron][0].significant for neuron in (0, 60, 61)] == [True, True, False]
    assert str(result[60][0].formula) == "face"
    keys = showcase_keys(result, noise, concepts, 3)
    assert len(keys) == 2
    assert keys[0] < 60
    assert keys[1] == 60


def test_refusals(problem):
    concepts, activations = problem
    result = ic.label_neurons(activations, concepts, max_length=1)
    for few in (activations[:10], {"fc": activations[:10]}):
        with pytest.raises(ValueError, match="activations has 10 samples; the result is of 1,000"):
            showcase_keys(result, few, concepts, 2)
    with pytest.raises(ValueError, match="concepts has 10 samples; the result is of 1,000"):
        showcase_keys(result, activations, concepts.take(range(10)), 2)
    with pytest.raises(ValueError, match="activations has 2 neurons; the result has 2"):
        showcase_keys(result, activations[:, :2], concepts, 2)
    with pytest.raises(ValueError, match="concepts has no 'common', which the result was"):
        showcase_keys(result, activations, concepts.select(["rare"]), 2)
    with pytest.raises(ValueError, match="count is 0; expected an integer of at least 1"):
        showcase_keys(result, activations, concepts, 0)
    with pytest.raises(TypeError, match="count is '2'; expected an integer of at least 1"):
        showcase_keys(result, activations, concepts, "2")


def test_missing_layer_is_refused(problem):
    concepts, activations = problem
    layers = {"conv": activations, "fc": activations}
    result = ic.label_neurons(layers, concepts, max_length=1)
    with pytest.raises(ValueError, match="activations has no layer 'fc', which the result is of"):
        showcase_keys(result, {"conv": activations}, concepts, 2)
