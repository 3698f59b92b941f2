import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.significance.folds import assign_folds


@given(st.integers(4, 300), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_folds_are_even_and_all_used(n_samples, n_folds, seed):
    if n_samples < 2 * n_folds:
        with pytest.raises(ValueError, match="n_folds"):
            assign_folds(n_samples, n_folds=n_folds, groups=None, seed=seed)
        return
    folds = assign_folds(n_samples, n_folds=n_folds, groups=None, seed=seed)
    sizes = np.bincount(folds)
    assert folds.dtype == np.int64
    assert len(sizes) == n_folds
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(folds, assign_folds(n_samples, n_folds=n_folds, groups=None, seed=seed))


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_groups_stay_whole_and_the_numbers_of_groups_are_even(seed, n_folds):
    # Codes with gaps, which a part of the samples can have.
    groups = 3 * np.random.default_rng(seed).integers(0, 40, 200)
    folds = assign_folds(200, n_folds=n_folds, groups=groups, seed=seed)
    fold_of_group = {group: set(folds[groups == group]) for group in np.unique(groups)}
    assert all(len(one) == 1 for one in fold_of_group.values())
    sizes = np.bincount([one.pop() for one in fold_of_group.values()])
    assert len(sizes) == n_folds
    assert sizes.max() - sizes.min() <= 1


def test_every_sample_is_as_likely_in_every_fold():
    folds = np.array([assign_folds(7, n_folds=2, groups=None, seed=seed) for seed in range(2000)])
    # Fold 0 has four of the seven samples.
    assert np.abs((folds == 0).mean(axis=0) - 4 / 7).max() < 4 * np.sqrt(4 / 7 * 3 / 7 / 2000)


def test_singleton_groups_are_samples():
    single = assign_folds(20, n_folds=3, groups=None, seed=4)
    assert np.array_equal(assign_folds(20, n_folds=3, groups=np.arange(20), seed=4), single)


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="n_folds is 1; expected an integer of at least 2"):
        assign_folds(10, n_folds=1, groups=None, seed=0)
    with pytest.raises(ValueError, match="n_folds=11 is more than the 10 samples"):
        assign_folds(10, n_folds=11, groups=None, seed=0)
    with pytest.raises(ValueError, match="n_folds=3 is more than the 2 groups"):
        assign_folds(10, n_folds=3, groups=np.repeat([0, 1], 5), seed=0)
    with pytest.raises(ValueError, match="leaves a fold of 1, fewer than 2"):
        assign_folds(3, n_folds=2, groups=None, seed=0)
    with pytest.raises(ValueError, match=r"groups has shape \(9,\); expected \(10,\)"):
        assign_folds(10, n_folds=2, groups=np.zeros(9, dtype=np.int64), seed=0)
