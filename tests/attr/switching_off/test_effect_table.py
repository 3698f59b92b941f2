from __future__ import annotations

import numpy as np
import pytest

import invert_captum as ic
from invert_captum.attr.switching_off.effect_table import Plan, effect_frame, mean_scores

SCORES = {
    (): np.array([1.0, 2.0, 3.0, 4.0]),
    (0,): np.array([0.0, 2.0, 1.0, 4.0]),
    (1,): np.array([1.0, 1.0, 3.0, 4.0]),
    (2,): np.array([1.0, 2.0, 3.0, 0.0]),
}


def in_batches(*bounds):
    for start, stop in zip((0, *bounds), (*bounds, 4), strict=True):
        yield {columns: values[start:stop] for columns, values in SCORES.items()}


@pytest.mark.parametrize("bounds", [(), (1,), (2, 3)])
def test_means_by_hand(bounds):
    concepts = ic.ConceptSet(np.array([[1, 0], [0, 0], [1, 0], [0, 0]], bool), ["a", "b"])
    plans = [Plan("a", (0,), [(1,), (2,)], 2), Plan("b", (), [], 2)]
    table = effect_frame(plans, mean_scores(in_batches(*bounds), plans, concepts))
    one = table.iloc[0]
    assert (one["before"], one["after"], one["change"]) == (2.5, 1.75, -0.75)
    assert (one["n_with"], one["before_with"], one["change_with"]) == (2, 2.0, -1.5)
    assert (one["n_without"], one["after_without"], one["change_without"]) == (2, 3.0, 0.0)
    # The draws change the mean by −1/4 and −1.
    assert one["random_change"] == -0.625
    assert one["random_std"] == pytest.approx(0.75 / np.sqrt(2))
    assert (one["random_change_with"], one["random_change_without"]) == (0, -1.25)
    other = table.iloc[1]
    assert other["before"] == 2.5
    assert np.isnan([other["after"], other["change"], other["random_change"]]).all()
    assert other["n_with"] == 0
    assert np.isnan(other["before_with"])


@pytest.mark.parametrize("odd", [np.inf, np.nan])
def test_a_score_that_is_not_finite_stays_in_its_group(odd):
    concepts = ic.ConceptSet(np.array([[1], [0], [1], [0]], bool), ["a"])
    plans = [Plan("a", (0,), [], 0)]
    scores = {columns: values.copy() for columns, values in SCORES.items()}
    scores[()][1] = odd
    one = effect_frame(plans, mean_scores([scores], plans, concepts)).iloc[0]
    assert (one["before_with"], one["change_with"]) == (2.0, -1.5)
    assert not np.isfinite(one["before_without"])


def test_columns_without_concepts_and_draws():
    plans = [Plan("a", (0,), [], 0)]
    table = effect_frame(plans, mean_scores(in_batches(2), plans, None))
    assert list(table) == ["concept", "n_neurons", "neurons", "before", "after", "change"]
