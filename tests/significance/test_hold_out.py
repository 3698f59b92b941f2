import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.significance import group_codes, split_samples


@given(st.integers(4, 200), st.floats(0.2, 0.8), st.integers(0, 2**32 - 1))
def test_holds_out_the_share_rounded_up(n_samples, fraction, seed):
    split = {"holdout_fraction": fraction, "groups": None, "seed": seed}
    expected = int(np.ceil(fraction * n_samples))
    if min(expected, n_samples - expected) < 2:
        with pytest.raises(ValueError, match="leaves"):
            split_samples(n_samples, **split)
        return
    heldout = split_samples(n_samples, **split)
    assert heldout.dtype == np.bool_
    assert heldout.sum() == expected
    assert np.array_equal(heldout, split_samples(n_samples, **split))


def test_the_seed_changes_the_split():
    splits = [split_samples(100, holdout_fraction=0.5, groups=None, seed=seed) for seed in range(3)]
    assert len({split.tobytes() for split in splits}) == 3


@given(st.integers(0, 2**32 - 1))
def test_groups_stay_on_one_side(seed):
    groups = np.random.default_rng(seed).integers(0, 20, 100)
    heldout = split_samples(100, holdout_fraction=0.5, groups=groups, seed=seed)
    assert heldout.any()
    assert not heldout.all()
    assert not set(groups[heldout]) & set(groups[~heldout])


@pytest.mark.parametrize("groups", [None, [0, 0, 1]])
def test_too_few_samples_are_refused(groups):
    with pytest.raises(ValueError, match=r"holdout_fraction=0\.5 of 3 samples.*fewer than 2"):
        split_samples(3, holdout_fraction=0.5, groups=groups, seed=0)


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match=r"holdout_fraction=0\.5 of 1 groups leaves one part"):
        split_samples(10, holdout_fraction=0.5, groups=["a"] * 10, seed=0)
    with pytest.raises(ValueError, match=r"holdout_fraction=0\.95 of 10 samples leaves one part"):
        split_samples(10, holdout_fraction=0.95, groups=None, seed=0)


def test_group_codes_number_any_labels():
    assert group_codes(["b", "a", "b", 3, (1, 2)], 5).tolist() == [0, 1, 0, 2, 3]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_group_is_refused(missing):
    with pytest.raises(ValueError, match="groups has a missing label at sample 1"):
        group_codes(["a", missing, "b"], 3)


def test_a_wrong_number_of_groups_is_refused():
    with pytest.raises(ValueError, match="groups has 2 labels for 3 samples"):
        group_codes(["a", "b"], 3)
