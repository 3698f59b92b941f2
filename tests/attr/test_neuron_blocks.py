from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

from invert_captum.attr import neuron_blocks as module
from invert_captum.attr.neuron_blocks import neuron_blocks
from invert_captum.neuron_columns import NeuronColumns


@pytest.mark.parametrize("form", [np.asarray, torch.tensor, scipy.sparse.csr_array])
@pytest.mark.parametrize("values_at_once", [1, 60, 2**22])
def test_every_neuron_comes_once_with_its_column(rng, form, values_at_once, monkeypatch):
    monkeypatch.setattr(module, "_VALUES_AT_ONCE", values_at_once)
    matrix = np.maximum(rng.normal(size=(20, 9)), 0)
    found = {}
    for neurons, values in neuron_blocks(NeuronColumns(form(matrix)), iter([8, 2, 5, 3])):
        assert values.shape == (len(neurons), 20)
        assert values.size <= max(values_at_once, 20)
        found |= dict(zip(neurons, values, strict=True))
    assert list(found) == [2, 3, 5, 8]
    for neuron, values in found.items():
        assert np.array_equal(values, matrix[:, neuron])


def test_chunks_of_a_source_are_read_once(monkeypatch):
    columns = NeuronColumns(np.zeros((3, 20)))
    monkeypatch.setattr(type(columns), "neurons_at_once", 8)
    blocks = [neurons for neurons, _ in neuron_blocks(columns, [1, 17, 7, 8, 15])]
    assert blocks == [[1, 7], [8, 15], [17]]
