import gc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from invert_captum.significance import CORRECTIONS, correct_p_values

p_values = st.lists(st.floats(0, 1) | st.just(1.0) | st.just(np.nan), min_size=1, max_size=30)


@pytest.mark.parametrize("method", CORRECTIONS)
@settings(max_examples=30)
@given(p_values=p_values, alpha=st.sampled_from([0.001, 0.05, 0.2]))
def test_is_statsmodels_on_the_tests_that_were_made(method, p_values, alpha):
    values = np.array(p_values)
    tested = ~np.isnan(values)
    adjusted, significant = correct_p_values(values, method=method, alpha=alpha)
    assert np.isnan(adjusted[~tested]).all()
    assert not significant[~tested].any()
    if tested.any():
        with np.errstate(all="ignore"):
            rejected, corrected, _, _ = multipletests(values[tested], alpha=alpha, method=method)
        assert np.array_equal(adjusted[tested], corrected)
        assert np.array_equal(significant[tested], rejected)


@pytest.mark.parametrize("method", CORRECTIONS)
def test_p_values_of_zero_and_one_pass_without_warnings(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adjusted, significant = correct_p_values(
            np.array([0.0, 1.0, 1e-300]), method=method, alpha=0.05
        )
    assert np.isfinite(adjusted).all()
    assert significant.tolist() == [True, False, True]


def test_what_somebody_else_froze_stays_frozen():
    p_values = np.array([0.01, 0.2])
    correct_p_values(p_values, method="holm", alpha=0.05)
    assert gc.get_freeze_count() == 0
    gc.freeze()
    try:
        correct_p_values(p_values, method="holm", alpha=0.05)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
