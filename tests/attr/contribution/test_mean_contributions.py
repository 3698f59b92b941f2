from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from invert_captum.attr.contribution.mean_contributions import RunningMean, mean_contributions


@pytest.mark.parametrize("block", [1, 3, 7, 20])
def test_blocks_give_the_mean_and_standard_error_of_all_rows(block, rng):
    rows = rng.normal(1e6, 1e-2, size=(20, 3))
    running = RunningMean()
    for part in torch.tensor(rows).split(block):
        running.add(part)
    assert running.mean.numpy() == pytest.approx(rows.mean(0), rel=1e-14)
    assert running.standard_error().numpy() == pytest.approx(scipy.stats.sem(rows), rel=1e-6)


def test_one_row_has_no_standard_error():
    running = RunningMean()
    running.add(torch.ones(1, 2))
    assert np.isnan(running.standard_error().numpy()).all()


def test_a_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="inputs has no samples"):
        mean_contributions([], 0)
