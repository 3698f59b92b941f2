from __future__ import annotations

import numpy as np
import pytest

import invert_captum as ic
from invert_captum.report import best_keys
from invert_captum.report.explorer.neuron_activity import NeuronActivity
from invert_captum.report.explorer.top_neurons import neurons_by_evidence


def test_the_best_supported_come_first_with_their_rows_and_samples(activations, concepts):
    activations[:, 0] = np.inf
    with pytest.warns(ic.InvertCaptumWarning):
        result = ic.label_neurons(activations, concepts, neurons=[4, 0, 3, 1], max_length=1)
    activities = {key: NeuronActivity(top=[key]) for key in result}
    ranked = neurons_by_evidence(result, activities)
    keys = list(result)
    assert [keys[one.row] for one in ranked] == best_keys(result, 10)
    assert [one.samples for one in ranked] == [[keys[one.row]] for one in ranked]
    assert 0 not in [one.explanation.neuron for one in ranked]
