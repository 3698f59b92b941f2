from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from invert_captum.report.density import densities
from invert_captum.report.explorer.curves import (
    DENSITY_POINTS,
    ROC_POINTS,
    as_bytes,
    density_bytes,
    roc_curve,
)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60).filter(
        lambda pairs: 0 < sum(inside for _, inside in pairs) < len(pairs)
    )
)
def test_roc_is_that_of_scikit_learn_with_ties(pairs):
    values = np.array([value for value, _ in pairs], dtype=np.float64)
    members = np.array([inside for _, inside in pairs])
    rates, area = roc_curve(values, members)
    assert area == pytest.approx(roc_auc_score(members, values))
    false_rates, true_rates, _ = sklearn_roc_curve(members, values, drop_intermediate=False)
    expected = np.interp(np.linspace(0, 1, ROC_POINTS), false_rates, true_rates)
    assert np.allclose(rates, expected)
    decoded = np.frombuffer(as_bytes(rates), dtype=np.uint8) / 255
    assert np.abs(decoded - expected).max() <= 1 / 255


@pytest.mark.parametrize("inside", [True, False])
def test_roc_of_one_class_alone_is_none(inside):
    rates, area = roc_curve(np.arange(4.0), np.full(4, inside))
    assert np.isnan(area)
    assert not rates.any()


def test_density_bytes_are_the_curves_scaled_to_their_peaks(rng):
    values = np.concatenate([rng.normal(size=300), rng.normal(3, size=100)])
    curves = densities(values, np.arange(400) >= 300)
    decoded = np.frombuffer(density_bytes(curves), dtype=np.uint8).reshape(2, DENSITY_POINTS)
    places = np.linspace(values.min(), values.max(), DENSITY_POINTS)
    for row, curve in zip(decoded, (curves.inside, curves.outside), strict=True):
        assert row.max() == 255
        expected = np.interp(places, curves.grid, curve)
        assert np.abs(row / 255 - expected / expected.max()).max() <= 1 / 255
    assert decoded[0].argmax() > decoded[1].argmax()


def test_a_curve_without_samples_is_flat():
    curves = densities(np.arange(10.0), np.zeros(10, dtype=bool))
    decoded = np.frombuffer(density_bytes(curves), dtype=np.uint8).reshape(2, DENSITY_POINTS)
    assert not decoded[0].any()
    assert decoded[1].max() == 255
