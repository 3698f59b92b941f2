"""Photographs for tests that need neither foolbox nor scikit-image."""

import numpy as np

from benchmarks.localization_of_objects.photographs import Photograph


def flat_photographs(n=20):
    """Photographs of one grey level each, 100 for the first and one more for each after it."""
    return [
        Photograph(f"photograph {i}", np.full((224, 224, 3), 100 + i, np.uint8), frozenset())
        for i in range(n)
    ]
