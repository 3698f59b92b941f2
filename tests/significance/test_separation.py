"""Separations against scikit-learn, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from invert_captum.significance import Separation


@given(
    pairs=st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=40),
)
def test_auc_is_scikit_learn_s(pairs):
    values, mask = (np.array(one) for one in zip(*pairs, strict=True))
    separation = Separation.of(values, mask)
    assert separation.n_positive + separation.n_negative == len(values)
    if mask.all() or not mask.any():
        assert np.isnan(separation.auc)
    else:
        assert separation.auc == pytest.approx(roc_auc_score(mask, values), abs=1e-12)


@pytest.mark.parametrize(
    ("values", "mask", "message"),
    [
        ([1.0, 2.0], [True], "same length"),
        ([[1.0]], [[True]], "one dimension"),
        ([1.0, 2.0], [0, 1], "expected bool"),
        ([1.0, np.nan], [True, False], "finite"),
    ],
)
def test_what_is_refused(values, mask, message):
    with pytest.raises(ValueError, match=message):
        Separation.of(values, mask)
