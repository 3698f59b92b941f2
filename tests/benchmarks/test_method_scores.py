import numpy as np
import pytest
import torch
from tiny_classifier import TinyClassifier, random_queries

from benchmarks.localization_of_objects import inversion_cost, method_scores
from benchmarks.localization_of_objects.inversion_cost import N_PASSES, Rounding, measure_cost
from benchmarks.localization_of_objects.method_scores import (
    MOSAICS,
    ONE,
    TWO,
    Sizes,
    input_gradient,
    score_method,
    timed_maps,
)
from benchmarks.localization_of_objects.object_methods import Method

SIZES = Sizes(slow=5, faithful=3, sensitive=2)


def brightness(network, inputs, targets):
    return inputs.sum(dim=1)


@pytest.fixture
def queries():
    return {ONE: random_queries(9, 1), TWO: random_queries(12, 2), MOSAICS: random_queries(4, 4)}


@pytest.fixture
def asked(monkeypatch):
    """Which targets each measure of faithfulness saw."""
    seen = []

    def measure(network, inputs, targets, maps):
        torch.testing.assert_close(maps, inputs.sum(dim=1))
        seen.append(targets.tolist())
        return np.zeros(len(inputs))

    def sensitivity(explain, inputs, targets):
        seen.append(targets.tolist())
        return np.ones(len(inputs))

    monkeypatch.setattr(method_scores, "FAITHFULNESS", {"insertion": measure})
    monkeypatch.setattr(method_scores, "sensitivity", sensitivity)
    return seen


def test_a_fast_method_sees_all_and_a_slow_one_some(queries, asked):
    fast = score_method(TinyClassifier(), Method("a", brightness), queries, SIZES)
    slow = score_method(TinyClassifier(), Method("b", brightness, slow=True), queries, SIZES)
    assert {kind: len(one.rows) for kind, one in fast.kinds.items()} == {
        ONE: 9,
        TWO: 12,
        MOSAICS: 4,
    }
    assert {kind: len(one.rows) for kind, one in slow.kinds.items()} == {ONE: 5, TWO: 5, MOSAICS: 4}
    for kind, one in slow.kinds.items():
        all_of_kind = fast.kinds[kind]
        np.testing.assert_array_equal(one.pictures, queries[kind].pictures[one.rows])
        for name in method_scores.MEASURES[kind]:
            np.testing.assert_array_equal(one.values[name], all_of_kind.values[name][one.rows])


def test_faithfulness_is_measured_on_the_same_queries_for_all(queries, asked):
    for slow in (False, True):
        score_method(TinyClassifier(), Method("a", brightness, slow=slow), queries, SIZES)
    assert asked[:4] == asked[4:]
    assert [len(targets) for targets in asked[:4]] == [3, 2, 3, 2]
    assert queries[ONE].targets[[0, 4, 8]].tolist() == asked[0]


def test_values_of_all_kinds_come_together(queries, asked):
    scores = score_method(TinyClassifier(), Method("a", brightness), queries, SIZES)
    assert len(scores.all("pointing")) == 25
    assert len(scores.all("insertion")) == 6
    assert scores.all("sensitivity").tolist() == [1, 1, 1, 1]
    assert len(scores.all("nothing")) == 0
    assert scores.seconds() > 0
    assert scores.passes() > 0


def test_maps_come_in_the_order_of_the_queries():
    queries = random_queries(19, 1)
    sizes = []

    def explain(inputs, targets):
        sizes.append(len(inputs))
        return inputs[:, 0] * targets[:, None, None]

    maps, seconds, pass_seconds = timed_maps(TinyClassifier(), explain, queries)
    torch.testing.assert_close(maps, queries.inputs[:, 0] * queries.targets[:, None, None])
    assert sizes == [8, 8, 3]
    assert len(seconds) == len(pass_seconds) == 3


def test_a_pass_is_the_gradient_of_the_probability():
    network, queries = TinyClassifier().double(), random_queries(2, 1)
    inputs, step = queries.inputs.double(), 1e-5
    gradient = input_gradient(network, inputs, queries.targets)
    direction = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(0)).double()

    def probability(pictures):
        return torch.softmax(network(pictures), 1).gather(1, queries.targets[:, None])[:, 0]

    rise = probability(inputs + step * direction) - probability(inputs - step * direction)
    torch.testing.assert_close((gradient * direction).sum(dim=(1, 2, 3)), rise / (2 * step))
    assert not inputs.requires_grad


def test_rounding_is_the_difference_of_masks():
    batch = torch.zeros(3, 2, 2)
    singles = batch.clone()
    singles[0, 0, 0], singles[1, 1, 1] = 0.3, -0.1
    found = Rounding.of("stage 1", batch, singles)
    assert found.stage == "stage 1"
    assert found.largest == pytest.approx(0.3)
    assert found.median == pytest.approx(0.1)
    assert found.mean == pytest.approx(0.4 / 12)


def test_a_batch_is_timed_beside_single_runs(monkeypatch):
    """The stand-in's mask tells how large its batch was; time is what the stand-ins say."""
    clock, calls = [0.0], []

    def inverted(network, inputs, targets):
        clock[0] += 3.0 * len(inputs)
        calls.append((len(inputs), None if targets is None else targets.tolist()))
        stage = 0.1 if targets is None else 0.5
        return inputs[:, 0] * 0 + stage * len(inputs)

    def gradient(network, inputs, targets):
        clock[0] += 0.01
        return inputs

    monkeypatch.setattr(inversion_cost, "inverted", inverted)
    monkeypatch.setattr(inversion_cost, "input_gradient", gradient)
    monkeypatch.setattr(inversion_cost.time, "perf_counter", lambda: clock[0])
    queries = random_queries(10, 2)
    cost = measure_cost(None, queries.inputs, queries.targets, repeats=2)
    assert (cost.n, cost.passes) == (8, pytest.approx(0.01 * N_PASSES))
    assert (cost.single, cost.batch) == pytest.approx((3, 24))
    assert (cost.single_ratio, cost.batch_ratio) == pytest.approx((3 / (0.01 * N_PASSES), 1))
    assert [one.stage for one in cost.rounding] == ["stage 1", "stage 2"]
    assert [one.largest for one in cost.rounding] == pytest.approx([0.7, 3.5])
    batches = [targets for n, targets in calls if n == 8 and targets]
    assert batches == [queries.targets[:8].tolist()] * 2
    assert sum(n == 1 and targets is not None for n, targets in calls) == 16
