from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from labelled_by_hand import labelled

from invert_captum.attr.contribution.contributions import Contributions
from invert_captum.search import Formula

TEXTS = ["dog & ~cat", "red", "dog & ~cat", "big", "red"]
NEURONS = torch.tensor(
    [[1.0, -3.0, 2.0, 0.5, 0.25], [0.0, 1.0, -1.0, 0.5, 4.0], [2.0, 0.0, 0.0, 8.0, 0.0]],
    dtype=torch.float64,
)


@pytest.fixture
def contributions():
    explanations = labelled(TEXTS, layer="fc").explanations
    return Contributions(
        NEURONS,
        (0, 1, 2, 3, 4),
        explanations,
        remainder=torch.tensor([0.5, -1.0, 0.0], dtype=torch.float64),
        prediction=torch.tensor([3.0, 4.0, 12.0], dtype=torch.float64),
        baseline_prediction=torch.tensor([2.0, 1.0, 1.0], dtype=torch.float64),
        target=[5, 7, 5],
    )


def test_change_and_delta(contributions):
    assert contributions.change.tolist() == [1.0, 3.0, 11.0]
    assert contributions.delta.tolist() == [0.25, 0.5, -1.0]


def test_equal_labels_are_summed(contributions):
    table = contributions.by_label()
    assert table.index.tolist() == ["big", "dog & ~cat", "red"]
    assert table.loc["dog & ~cat"].tolist() == [3.0, -1.0, 2.0]
    assert table.loc["red"].tolist() == [-2.75, 5.0, 0.0]
    assert contributions.labels[0] == Formula.parse("~cat & dog")
    every = table.sum().to_numpy() + (contributions.remainder - contributions.delta).numpy()
    assert every.tolist() == contributions.change.tolist()


def test_the_table_of_a_sample(contributions):
    table = contributions.to_frame(0)
    assert table.kind.tolist() == ["label"] * 3 + ["remainder", "delta"]
    assert table.label.tolist() == ["dog & ~cat", "red", "big", "remainder", "missed by the method"]
    assert table.contribution.tolist() == [3.0, -2.75, 0.5, 0.5, -0.25]
    assert table.n_neurons.tolist() == [2, 2, 1, 0, 0]
    assert table.neurons.tolist() == [[0, 2], [1, 4], [3], [], []]
    assert table.heldout_auc[:3].tolist() == pytest.approx([0.82, 0.84, 0.83])
    assert table.standard_error.isna().all()
    assert contributions.to_frame(2).label[0] == "big"


def test_the_best_held_out_auc_is_in_the_direction_of_the_label(contributions):
    low = [dataclasses.replace(one, auc=0.1) for one in contributions.explanations]
    low = dataclasses.replace(contributions, explanations=tuple(low))
    assert low.to_frame().heldout_auc[:3].tolist() == pytest.approx([0.80, 0.81, 0.83])


def test_the_mean_over_samples(contributions):
    mean = contributions.mean()
    assert mean.n_samples == 3
    assert mean.neurons.tolist() == [NEURONS.mean(0).tolist()]
    assert mean.change.tolist() == [5.0]
    assert mean.delta.tolist() == pytest.approx([-0.25 / 3])
    assert mean.target == [5, 7, 5]
    of_label = np.array([3.0, -1.0, 2.0])
    table = mean.to_frame().set_index("label")
    assert table.contribution["dog & ~cat"] == pytest.approx(of_label.mean())
    assert table.standard_error["dog & ~cat"] == pytest.approx(of_label.std(ddof=1) / 3**0.5)
    assert table.standard_error["missed by the method"] == pytest.approx(
        contributions.delta.numpy().std(ddof=1) / 3**0.5
    )
    assert mean.mean() is mean
    # The classes of its samples differ: it is of none of them.
    assert mean.describe().startswith("each sample's own class: +5.00 over the baseline, mean of 3")
    alike = dataclasses.replace(contributions, target=torch.tensor([7, 7, 7])).mean()
    assert alike.describe().startswith("class 7: +5.00")


def test_a_sample_that_is_not_there_is_refused(contributions):
    for refused in (contributions.to_frame, contributions.describe):
        with pytest.raises(ValueError, match="sample is 3, but there are 3; expected 0 to 2"):
            refused(3)


def test_at_least_one_label_is_named(contributions):
    with pytest.raises(ValueError, match="top is 0"):
        contributions.describe(top=0)
