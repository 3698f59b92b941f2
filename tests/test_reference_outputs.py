"""Against recorded outputs of the reference implementation, v1.1 (see tests/data/invert_v1_1)."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import invert_captum as ic

DATA = Path(__file__).parent / "data" / "invert_v1_1"
RUNS = json.loads((DATA / "small_expected.json").read_text())["runs"]
OPTIMA = json.loads((DATA / "small_expected.json").read_text())["optimum"]
NEURONS = sorted({run["neuron"] for run in RUNS})


@pytest.fixture(scope="module")
def activations():
    return np.load(DATA / "small.npz")["activations"]


@pytest.fixture(scope="module")
def concepts():
    names = [concept["id"] for concept in json.loads((DATA / "small_concepts.json").read_text())]
    return ic.ConceptSet(np.load(DATA / "small.npz")["labels"], names)


def search(activations, concepts, run, **changes):
    arguments = {
        "neurons": [run["neuron"]],
        "max_length": run["L"],
        "beam_width": run["B"],
        "top_k": run["B"],
        "min_fraction": run["min_fraction"],
        "max_fraction": run["max_fraction"],
        "min_positives": 1,
        "sign": run["mode"],
        "significance": "in_sample",
        "correction": "bonferroni",  # holm collects garbage at every call
    }
    return ic.label_neurons(activations, concepts, **arguments | changes)[run["neuron"]]


@pytest.mark.parametrize("neuron", NEURONS)
def test_best_auc_is_at_least_the_references(activations, concepts, neuron):
    """In at least 99 % of the recorded searches of every neuron."""
    reached = []
    for run in (run for run in RUNS if run["neuron"] == neuron):
        direction = 1 if run["mode"] == "positive" else -1
        best = max(direction * entry["auc"] for entry in run["beam"])
        found = search(activations, concepts, run)
        assert 1 <= len(found) <= run["B"]
        reached.append(direction * found[0].auc >= best - 1e-12)

        masks = [explanation.formula.evaluate(concepts) for explanation in found]
        assert len({mask.tobytes() for mask in masks}) == len(masks)
        for explanation, mask in zip(found, masks, strict=True):
            expected = roc_auc_score(mask, activations[:, neuron])
            assert explanation.auc == pytest.approx(expected, abs=1e-12)
            assert explanation.n_positive == mask.sum()
            literals = str(explanation.formula).replace("(", "").replace(")", "")
            assert explanation.length == len(literals.replace("&", "|").split("|"))
            assert explanation.length <= run["L"]
            low, high = run["min_fraction"], run["max_fraction"]
            assert low - 1e-9 <= explanation.fraction <= high + 1e-9
    assert len(reached) == 54
    assert np.mean(reached) >= 0.99


def test_beam_never_exceeds_the_exhaustive_optimum(activations, concepts):
    optima = [one for one in OPTIMA if one["constraint"] == "every_level"]
    assert len(optima) > 100
    for optimum in optima:
        direction = 1 if optimum["mode"] == "positive" else -1
        found = search(activations, concepts, optimum | {"B": 3})[0]
        assert direction * found.auc <= direction * optimum["auc"] + 1e-12


def test_a_wide_beam_reaches_the_exhaustive_optimum_at_length_2(activations, concepts):
    optima = [one for one in OPTIMA if one["constraint"] == "every_level" and one["L"] == 2]
    for optimum in optima:
        found = search(activations, concepts, optimum | {"B": 120})[0]
        assert found.auc == pytest.approx(optimum["auc"], abs=1e-12)
        assert found.length == optimum["length"]


def test_p_values_of_the_references_formulas_are_scipys(activations, concepts):
    """The recorded two-sided p-values, on the formulas for which both searches agree."""
    compared = 0
    for run in (run for run in RUNS if run["B"] == 1):
        found = search(activations, concepts, run, alternative="two-sided")[0]
        reference = run["beam"][0]
        mask = ic.Formula.parse(reference["formula"]).evaluate(concepts)
        if (found.formula.evaluate(concepts) == mask).all():
            assert found.p_value == pytest.approx(reference["p_two_sided"], rel=1e-9)
            compared += 1
    assert compared > 100
