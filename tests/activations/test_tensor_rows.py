from __future__ import annotations

import pickle

import torch

from invert_captum.activations.tensor_rows import TensorRows

X, ALIGNED, FIXED = torch.rand(10, 2), torch.rand(10), torch.rand(4)


def test_ranges_of_rows_are_cut_into_the_batches_of_the_whole():
    rows = TensorRows.of((X, X + 1), (ALIGNED, FIXED, "flag"))
    whole = [batch.positional for batch in rows.batches(2)]
    for start, stop in ((0, 4), (4, 8), (8, 12)):
        part = rows.between(start, stop)
        sent = pickle.loads(pickle.dumps(part))  # noqa: S301
        for one in (part, sent):
            batches = [batch.positional for batch in one.batches(2)]
            expected = whole[start // 2 : stop // 2]
            for batch, other in zip(batches, expected, strict=True):
                assert all(torch.equal(a, b) for a, b in zip(batch[:4], other[:4], strict=True))
                assert len(batch[3]) == 4
                assert batch[4] == "flag"


def test_pickles_hold_their_own_rows_only():
    large = TensorRows.of(torch.rand(1000, 100), ())
    assert len(pickle.dumps(large.between(0, 2))) < 3000
