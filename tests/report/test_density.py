from __future__ import annotations

import numpy as np
import pytest

from invert_captum.report.density import densities


def area(curve, grid):
    return float(curve.sum() * (grid[1] - grid[0]))


def test_areas_and_atom_shares_are_the_samples(rng):
    values = np.maximum(rng.normal(size=1000) - 0.5, 0)
    members = rng.random(1000) < 0.2
    curves = densities(values, members)
    assert curves.atom == 0
    assert curves.atom_inside == pytest.approx((values[members] == 0).mean())
    assert curves.atom_outside == pytest.approx((values[~members] == 0).mean())
    assert area(curves.inside, curves.grid) == pytest.approx(1 - curves.atom_inside)
    assert area(curves.outside, curves.grid) == pytest.approx(1 - curves.atom_outside)


def test_continuous_activations_have_no_atom(rng):
    values = rng.normal(size=500)
    curves = densities(values, values > 1)
    assert curves.atom is None
    assert curves.grid[curves.inside.argmax()] > curves.grid[curves.outside.argmax()]
    assert (curves.low, curves.high) == (values.min(), values.max())


@pytest.mark.parametrize("values", [np.full(50, 3.0), np.r_[np.zeros(49), 1.0]])
def test_constant_and_nearly_constant_neurons_have_finite_curves(values):
    members = np.arange(50) < 10
    curves = densities(values, members)
    assert np.isfinite(curves.inside).all()
    assert np.isfinite(curves.outside).all()
    assert curves.low < curves.high


def test_an_empty_side_is_flat():
    curves = densities(np.arange(20.0), np.zeros(20, dtype=bool))
    assert not curves.inside.any()
    assert area(curves.outside, curves.grid) == pytest.approx(1)
