import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import invert_captum as ic

# No deadlines, because machines are noisy; the same examples in every run of CI.
settings.register_profile("package", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("package")


# These benchmarks read WordNet, which no Python package brings along.
NEED_WORDNET = {
    Path(__file__).parent / "benchmarks" / name
    for name in ("test_engine.py", "test_imagenet.py", "test_scale.py")
}


def pytest_collection_modifyitems(items):
    if Path("/usr/share/wordnet/data.noun").exists():
        return
    # CI installs it, and fails where this is skipped.
    missing = pytest.mark.skip(reason="WordNet is not installed: apt-get install wordnet-base")
    for item in items:
        if item.path in NEED_WORDNET:
            item.add_marker(missing)


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
