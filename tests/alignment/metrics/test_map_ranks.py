"""Centred mid-ranks against SciPy's, one map or many at a time."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.stats import rankdata

from invert_captum.alignment.metrics.map_ranks import centred_mid_ranks

FEW = [-np.inf, -3e38, -1.5, -1e-40, -0.0, 0.0, 1e-45, 1e-40, 0.1, 2.0, 3e38, np.inf]
VALUES = st.one_of(st.sampled_from(FEW), st.floats(width=32, allow_nan=False))
MAPS = npst.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=VALUES)


def by_scipy(maps):
    ranks = rankdata(maps.astype(np.float64), axis=1)
    return (2 * ranks - (maps.shape[1] + 1)).astype(np.int64)


@given(MAPS)
def test_equals_scipy(maps):
    got = centred_mid_ranks(torch.from_numpy(maps))
    assert got.dtype == torch.int64
    np.testing.assert_array_equal(got.numpy(), by_scipy(maps))


@given(MAPS)
def test_each_map_alone_has_the_same_ranks(maps):
    tensor = torch.from_numpy(maps)
    alone = [centred_mid_ranks(row[None]) for row in tensor]
    assert torch.equal(torch.cat(alone), centred_mid_ranks(tensor))


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3]))
def test_equals_scipy_where_the_sort_is_another(seed, n_maps):
    """From 32,768 numbers on, torch sorts integers by their digits."""
    rng = np.random.default_rng(seed)
    maps = np.round(rng.normal(size=(n_maps, 40_000)), int(rng.integers(0, 7))).astype(np.float32)
    got = centred_mid_ranks(torch.from_numpy(maps))
    np.testing.assert_array_equal(got.numpy(), by_scipy(maps))


def test_the_maps_stay_as_they_were():
    maps = torch.tensor([[-0.0, -1.0, 2.0]])
    centred_mid_ranks(maps)
    assert maps.view(torch.int32).tolist() == [[-(2**31), -0x40800000, 0x40000000]]
