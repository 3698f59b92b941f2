"""Densities and ROC curves as bytes, small enough for ten thousand neurons on one page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.report.roc import RocCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.report.density import Densities

DENSITY_POINTS = 48
"""How many values a density curve has, at equal steps from the lowest activation to the highest."""

ROC_POINTS = 33
"""How many values a ROC curve has, at false-positive rates 0, 1/32 … 1."""

_LARGEST = 255
_RATES = np.linspace(0, 1, ROC_POINTS)


def density_bytes(curves: Densities) -> bytes:
    """Return the curve inside the concept, then that outside, 48 bytes each.

    Args:
        curves: The densities of one neuron.

    Returns:
        *bytes*: 255 is the peak of the curve itself; all 0 for a curve without any sample.
    """
    places = np.linspace(curves.low, curves.high, DENSITY_POINTS)
    parts = [np.interp(places, curves.grid, one) for one in (curves.inside, curves.outside)]
    return b"".join(as_bytes(one / (one.max() or 1.0)) for one in parts)


def roc_curve(
    values: NDArray[np.float64], members: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """Return a ROC curve at fixed false-positive rates, and the area under the exact one.

    Args:
        values: Activations (n,), high where the concept is expected.
        members: Which samples have the concept (n,).

    Returns:
        *tuple*: the true-positive rates (33,), where the exact curve rises straight up those at its
        upper end; and the ROC-AUC. Zeros and NaN if one of the two classes is empty.
    """
    if members.all() or not members.any():
        return np.zeros(ROC_POINTS), math.nan
    curve = RocCurve.of(values, members)
    return curve.at(_RATES), curve.auc


def as_bytes(shares: NDArray[np.float64]) -> bytes:
    """Return numbers in [0, 1] as bytes, 255 for 1."""
    return np.rint(shares * _LARGEST).astype(np.uint8).tobytes()
