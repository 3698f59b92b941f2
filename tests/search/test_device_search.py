"""The search on a device against the kernels: the same to the bit, on the CPU and on a GPU."""

from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_captum.search import (
    SIGNS,
    ActivationRows,
    AucScore,
    SearchLabels,
    SearchSettings,
    device_labels,
    search_block,
)
from invert_captum.search.block_search import concept_rank_sums
from invert_captum.search.device_search import DeviceSearch
from invert_captum.search.device_search import concept_rank_sums as concept_rank_sums_on_device

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not available"),
    ),
]
DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int32, np.int64, np.bool_]


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples, n_concepts = rng.integers(8, 150), rng.integers(1, 9)
    labels = rng.random((n_samples, n_concepts)) < rng.uniform(0.05, 0.9, n_concepts)
    values = rng.integers(-3, rng.choice([3, 6, 1000]), (7, n_samples))
    values = values.astype(draw(st.sampled_from(DTYPES)))
    if draw(st.booleans()):
        values = np.maximum(values, values.dtype.type(0))
    if values.dtype.kind == "f":
        values[0, 0] = np.nan
        values[1] = values[1] * values.dtype.type(1.1)
        values[3, :2] = -0.0, 0.0
    values[2] = 1
    heldout = rng.random(n_samples) < 0.4 if draw(st.booleans()) else None
    if heldout is not None:
        heldout[:3] = False
    names = [f"c{index}" for index in range(n_concepts)]
    return values, SearchLabels.from_labels(scipy.sparse.csr_array(labels), names, heldout)


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=60)
@given(problems(), st.integers(1, 4), st.integers(1, 4), st.sampled_from(SIGNS), st.booleans())
def test_finds_the_same_to_the_bit(device, problem, max_length, width, sign, as_sparse):
    values, labels = problem
    limits = SearchSettings(max_length, width, 1, labels.n_searched - 1, AucScore(sign))
    expected = search_block(ActivationRows.dense(values), labels, limits, top_k=3)
    tensor = torch.from_numpy(values).to(device)
    layout = {"_DENSE_ENTRIES": 0, "_DENSE_SHARE": 2} if as_sparse else {}
    with patch.multiple(device_labels, **layout) if layout else nullcontext():
        search = DeviceSearch(labels, limits, tensor.device, top_k=3)
    found = search.search(tensor)
    assert np.array_equal(found.usable, expected.usable)
    assert np.array_equal(found.digests, expected.digests)
    assert found.found == expected.found
    used = np.flatnonzero(expected.usable)
    assert [found.tie_sums[i] for i in used] == [expected.tie_sums[i] for i in used]


@pytest.mark.parametrize("device", DEVICES)
@given(problems())
def test_rank_sums_of_concepts_are_the_same(device, problem):
    values, labels = problem
    usable, sums = concept_rank_sums(ActivationRows.dense(values), labels)
    tensor = torch.from_numpy(values).to(device)
    on_device = device_labels.DeviceLabels(labels.arrays, tensor.device)
    usable_there, sums_there = concept_rank_sums_on_device(tensor, on_device)
    assert np.array_equal(usable, usable_there)
    assert np.array_equal(sums[usable], sums_there[usable])


@pytest.mark.parametrize("device", DEVICES)
def test_bfloat16_is_ranked_as_it_is(device):
    values = torch.randn(4, 200, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = SearchLabels.from_labels(
        scipy.sparse.csr_array(np.arange(200)[:, np.newaxis] % [2, 3, 5] == 0), ["a", "b", "c"]
    )
    limits = SearchSettings(3, 3, 1, 199, AucScore("positive"))
    expected = search_block(ActivationRows.dense(values.float().numpy()), labels, limits, top_k=1)
    tensor = values.to(device)
    found = DeviceSearch(labels, limits, tensor.device, top_k=1).search(tensor)
    assert found.found == expected.found
    assert np.array_equal(found.digests, expected.digests)
