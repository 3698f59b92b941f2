"""Outputs of the TensorFlow reference (see tests/data/harmonization/README.md)."""

import json
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parents[1] / "data" / "harmonization"


@pytest.fixture(scope="session")
def golden():
    """The reference's arrays by their key."""
    with np.load(DATA / "fixtures.npz") as arrays:
        return {key: arrays[key] for key in arrays}


@pytest.fixture(scope="session")
def golden_facts():
    """The reference's scalars, outcomes and statistics."""
    return json.loads((DATA / "fixtures.json").read_text())
