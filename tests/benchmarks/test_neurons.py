import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import roc_auc_score

import invert_captum as ic
from benchmarks.neurons import holds, synthetic_activations


def test_half_of_the_neurons_are_continuous_and_half_mostly_zero(rng):
    labels = scipy.sparse.csr_array(rng.random((2_000, 5)) < 0.2)
    activations = synthetic_activations(labels, 12, rng)
    assert activations.shape == (2_000, 12)
    assert activations.dtype == np.float32
    zeros = (activations == 0).mean(axis=0)
    assert (zeros[::2] == 0).all()
    assert (zeros[1::4] > 0.3).all()  # cut off below 0
    assert (zeros[3::4] > 0.5).all()  # cut off below 1
    assert (activations[:, 1::2] >= 0).all()


def test_a_neuron_has_a_formula_in_it(rng):
    labels = scipy.sparse.csr_array(rng.random((4_000, 3)) < 0.3)
    activations = synthetic_activations(labels, 40, rng)
    concepts = ic.ConceptSet(labels, ["a", "b", "c"])
    result = ic.label_neurons(activations, concepts, significance=None, max_length=2)
    aucs = [result[neuron][0].auc for neuron in range(40)]
    assert np.median(aucs) > 0.6
    mask = result[0][0].formula.evaluate(concepts)
    assert roc_auc_score(mask, activations[:, 0]) == pytest.approx(aucs[0], abs=1e-12)


def test_holds_is_the_column(rng):
    labels = rng.random((50, 4)) < 0.3
    for concept in range(4):
        column = holds(scipy.sparse.csc_array(labels), concept)
        np.testing.assert_array_equal(column, labels[:, concept])
