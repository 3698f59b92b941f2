import os

import numpy as np
import pytest
from hypothesis import settings

import invert_captum as ic

# No deadlines, because machines are noisy; the same examples in every run of CI.
settings.register_profile("package", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("package")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def concepts(rng):
    """Eight concepts on 600 samples, the first ones nested."""
    labels = rng.random((600, 8)) < [0.4, 0.3, 0.2, 0.15, 0.3, 0.5, 0.1, 0.25]
    labels[:, 1] &= labels[:, 0]
    names = ["animal", "dog", "red", "pencil box", "box", "big", "rare", "=1+1"]
    return ic.ConceptSet(labels, names)


@pytest.fixture
def activations(rng, concepts):
    """Six neurons: dog, box & ~red (with zeros, as after a ReLU), ~big, rare, and two of noise."""
    noise = rng.normal(size=(600, 6))
    noise[:, 0] += 2 * concepts["dog"]
    noise[:, 1] = np.maximum(noise[:, 1] + 3 * (concepts["box"] & ~concepts["red"]) - 1, 0)
    noise[:, 2] -= 2 * concepts["big"]
    noise[:, 3] += 2 * concepts["rare"]
    return noise
