from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks import ablation
from benchmarks.ablation import comparison_row, rank_biserial
from benchmarks.linear_probes import Probe, auc, balanced_accuracy, fit_probe
from benchmarks.probe_ablations import Ablations, Case, Drops, Halves, cases_of
from benchmarks.results import Report
from invert_captum import label_neurons
from invert_captum.attr.switching_off.ablation import ablate


@pytest.fixture
def halves(rng, concepts):
    """Neurons 0 to 2 are of dog, 3 to 5 of rare, the other six of nothing."""
    activations = np.abs(rng.normal(size=(600, 12)))
    activations[:, :3] += 2 * concepts["dog"][:, None]
    activations[:, 3:6] += 3 * concepts["rare"][:, None]
    result = label_neurons(activations, concepts, max_length=1)
    present = {name: concepts[name] for name in concepts}
    return Halves(activations, present, result.heldout, result)


def probes_of(halves):
    seen = ~halves.heldout
    return {
        name: fit_probe(halves.activations[seen], mask[seen], 1.0)
        for name, mask in halves.present.items()
    }


def test_a_probe_is_scikit_learns_pipeline(rng):
    activations = rng.normal(3, 2, size=(200, 5))
    activations[:, 4] = 7.0
    present = activations[:, 0] + rng.normal(size=200) > 4
    ours = fit_probe(activations, present, 0.5).decisions(activations)
    model = LogisticRegression(C=0.5, class_weight="balanced", max_iter=5_000)
    theirs = make_pipeline(StandardScaler(), model).fit(activations, present)
    np.testing.assert_allclose(ours, theirs.decision_function(activations), atol=1e-9)
    assert balanced_accuracy(ours, present) == pytest.approx(
        balanced_accuracy_score(present, ours > 0)
    )
    rounded = np.round(ours)
    assert auc(rounded, present) == pytest.approx(roc_auc_score(present, rounded))


@pytest.mark.parametrize("value", ["zero", "mean"])
def test_lost_decisions_are_those_of_ablate(rng, value):
    activations = rng.normal(size=(30, 6))
    probe, neurons = Probe(rng.normal(size=6), 0.3), [1, 4]
    model = nn.Sequential(nn.Identity(), nn.Linear(6, 1, dtype=torch.float64))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor(probe.weights))
        model[1].bias.fill_(probe.intercept)
        with ablate(model, "0", neurons, value, activations=activations):
            ablated = model(torch.tensor(activations))[:, 0].numpy()
    values = np.zeros(2) if value == "zero" else activations[:, neurons].mean(axis=0)
    lost = probe.lost(activations, neurons, values)
    np.testing.assert_allclose(probe.decisions(activations) - lost, ablated, atol=1e-12)


def test_neurons_of_concepts_that_count(halves):
    assert halves.neurons_by_concept("held-out")["dog"] == [0, 1, 2]
    assert set(halves.neurons_by_concept("held-out")) == {"dog", "rare"}
    few = halves.present["rare"] & ~halves.heldout
    few[np.flatnonzero(halves.present["rare"] & halves.heldout)[:7]] = True
    fewer = Halves(
        halves.activations, {**halves.present, "rare": few}, halves.heldout, halves.result
    )
    assert set(fewer.neurons_by_concept("held-out")) == {"dog"}


def test_disjoint_concepts_share_no_sample(halves):
    assert halves.disjoint("dog") == []
    apart = halves.present["red"] & ~halves.present["dog"]
    present = {**halves.present, "red": apart}
    assert Halves(halves.activations, present, halves.heldout, halves.result).disjoint("dog") == [
        "red"
    ]


def test_cases_by_scikit_learn(halves):
    """Drops against a loop that sets columns of a copy."""
    apart = {name: mask & ~halves.present["dog"] for name, mask in halves.present.items()}
    apart["dog"] = halves.present["dog"]
    halves = Halves(halves.activations, apart, halves.heldout, halves.result)
    probes = probes_of(halves)
    ablations = Ablations(halves, probes)
    draws = [[6, 7, 8], [9, 10, 11]]
    case = ablations.case("dog", [0, 1, 2], draws, ["red", "big"])
    held = halves.activations[halves.heldout]
    means = halves.activations[~halves.heldout].mean(axis=0)

    def drop(concept, neurons, value):
        copied, present = held.copy(), apart[concept][halves.heldout]
        copied[:, neurons] = 0 if value == "zero" else means[neurons]
        before, after = (probes[concept].decisions(one) for one in (held, copied))
        return np.array(
            [
                balanced_accuracy_score(present, before > 0)
                - balanced_accuracy_score(present, after > 0),
                roc_auc_score(present, before) - roc_auc_score(present, after),
            ]
        )

    for value in ("zero", "mean"):
        own = drop("dog", [0, 1, 2], value)
        random = np.mean([drop("dog", draw, value) for draw in draws], axis=0)
        disjoint = np.mean([drop(name, [0, 1, 2], value) for name in ("red", "big")], axis=0)
        got = case.accuracy_drops[value]
        np.testing.assert_allclose(
            [got.own, got.random, got.disjoint], [own[0], random[0], disjoint[0]], atol=1e-12
        )
        got = case.auc_drops
        np.testing.assert_allclose(
            [got.own, got.random, got.disjoint], [own[1], random[1], disjoint[1]], atol=1e-12
        )
    assert case.accuracy_drops["zero"].own > 0.1
    assert (case.n_neurons, case.n_disjoint) == (3, 2)


def test_random_neurons_are_others(halves, monkeypatch):
    drawn = []
    ablations = Ablations(halves, probes_of(halves))

    def case(concept, neurons, draws, disjoint):
        drawn.append((neurons, draws))

    monkeypatch.setattr(ablations, "case", case)
    cases_of(halves, ablations, "held-out", 5, seed=0)
    cases_of(halves, ablations, "held-out", 5, seed=0)
    assert drawn[:2] == drawn[2:]
    for neurons, draws in drawn:
        assert [len(set(draw)) for draw in draws] == [3] * 5
        assert not set(neurons) & {one for draw in draws for one in draw}


def test_the_effect_size_is_the_share_of_ranks():
    # Ranks 1, 2 and 3.5 twice: (1 + 3.5 + 3.5 − 2) / 10.
    assert rank_biserial(np.array([0.1, -0.2, 0.5, 0.5, 0.0])) == pytest.approx(0.6)
    assert rank_biserial(np.zeros(3)) == 0.0


def cases_with(own, other):
    drops = [Drops(one, two, np.nan if at == 0 else two) for at, (one, two) in enumerate(other)]
    return [Case("x", 3, 8, 1, 0.8, 0.9, {"zero": one, "mean": one}, one) for one in drops[:own]]


def test_the_goal_needs_a_small_p_value_and_twenty_concepts(rng):
    pairs = [(0.1 + 0.01 * at, 0.0) for at in range(21)]
    met = comparison_row(cases_with(21, pairs), "held-out", "zero", "random")
    assert met[3:5] == [21, pytest.approx(0.2)]
    assert met[6:8] == ["21 of 21", 1.0]
    assert met[-1] == "yes"
    # The first concept has no disjoint one.
    assert comparison_row(cases_with(20, pairs), "held-out", "zero", "disjoint")[3] == 19
    assert comparison_row(cases_with(20, pairs), "held-out", "zero", "disjoint")[-1] == "no"
    noise = [(one, 0.0) for one in rng.normal(size=30)]
    assert comparison_row(cases_with(30, noise), "held-out", "mean", "random")[-1] == "no"
    backward = [(-one, 0.0) for one, _ in pairs]
    assert comparison_row(cases_with(21, backward), "held-out", "mean", "random")[-1] == "no"


def test_a_small_run_prints_and_saves(tmp_path, capsys):
    path = tmp_path / "ablation.json"
    ablation.main(["--synthetic", "--neurons", "60", "--draws", "2", "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    tests, scores, concepts = report.tables
    assert len(tests.rows) == 8
    assert len(scores.rows) == 2
    assert len(concepts.rows) == scores.rows[0][1]
    assert {row[-1] for row in tests.rows} <= {"yes", "no"}
