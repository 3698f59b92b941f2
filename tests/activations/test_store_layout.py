from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.activations.store.layout import BITS, plan_layout

MB = 2**20


def test_a_block_of_neurons_of_a_million_rows_takes_a_hundred_or_so_chunks():
    layout = plan_layout([("fc", 512, "float32")], 64, 1_000_000)
    (layer,) = layout.layers
    assert layer.chunk_neurons == 64
    assert 100 <= layout.n_blocks(1_000_000) <= 150
    assert layout.block_rows % 64 == 0
    assert layout.chunk_bytes(layer) == pytest.approx(2 * MB, rel=0.05)


sizes = st.integers(1, 3000)
layers = st.lists(
    st.tuples(st.just("x"), sizes, st.sampled_from(sorted(BITS))), min_size=1, max_size=3
)


@given(layers, st.integers(1, 5000), st.none() | st.integers(1, 10**7))
def test_layouts_hold_every_value_once_within_bounds(shapes, batch_size, n_samples):
    layout = plan_layout(shapes, batch_size, n_samples)
    rows = layout.block_rows
    row_bytes = sum(n * np.dtype(BITS[dtype]).itemsize for _, n, dtype in shapes)
    assert rows % batch_size == 0 or rows == n_samples
    assert rows == batch_size or rows * row_bytes <= 128 * MB or rows == n_samples < batch_size
    for layer, (_, n_neurons, _) in zip(layout.layers, shapes, strict=True):
        columns = [layer.columns(chunk) for chunk in range(layer.n_chunks)]
        assert columns[0].start == 0
        assert columns[-1].stop == n_neurons
        assert all(a.stop == b.start for a, b in pairwise(columns))
        assert layer.chunk_neurons <= n_neurons
        if rows > batch_size:
            assert layout.chunk_bytes(layer) <= 2 * MB + 4
    if n_samples is not None:
        n_blocks = layout.n_blocks(n_samples)
        # The last block is filled up with less than one batch a block.
        assert n_blocks * rows - n_samples < n_blocks * batch_size
        assert n_blocks <= math.ceil(n_samples / batch_size)
    assert len({layer.array for layer in layout.layers}) == len(layout.layers)


def test_small_stores_are_one_chunk():
    layout = plan_layout([("fc", 500, "float32")], 64, 600)
    assert layout.n_blocks(600) == 1
    assert layout.block_rows == 600
    assert layout.layers[0].n_chunks == 1
