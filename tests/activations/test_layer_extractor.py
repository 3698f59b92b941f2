"""Layers of a model, and how their activations were last extracted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from invert_captum.activations.layer_extractor import LayerExtractor

X = torch.rand(5, 3, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def extractor():
    return LayerExtractor(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), ["0", "1"])


def test_the_last_extraction_is_remembered(extractor):
    assert extractor.reference is None
    assert extractor.sample_ids is None
    activations = extractor.extract(X, reduce="max", dtype=torch.float64)
    assert extractor.reference is activations
    assert list(activations) == extractor.extraction["layers"] == ["0", "1"]
    told = extractor.extraction
    assert (told["reduce"], told["dtype"], told["neuron_dim"]) == ("max", "torch.float64", None)
    torch.testing.assert_close(activations["1"], extractor.model(X).amax((2, 3)).double())


def test_an_extraction_that_fails_is_not_remembered(extractor):
    activations = extractor.extract(X, reduce="max")
    for options in ({"reduce": "median"}, {"batch_size": 0}, {"reduce": lambda maps: maps}):
        with pytest.raises(ValueError, match=r"reduce|batch_size"):
            extractor.extract(X[:2], **options)
    assert extractor.reference is activations
    assert extractor.extraction["reduce"] == "max"


def test_a_store_is_remembered_as_memory_is(extractor, tmp_path):
    store = extractor.extract(X, reduce="l2", store=tmp_path / "store")
    assert extractor.reference is store
    assert extractor.extraction["reduce"] == "l2"
