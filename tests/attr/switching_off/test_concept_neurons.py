from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from torch import nn

import invert_captum as ic
from invert_captum.attr.layer_neurons import NamedLayer
from invert_captum.attr.switching_off.concept_neurons import draw_others, neurons_by_concept

LAYER = NamedLayer.of(nn.Sequential(nn.Identity()), "0")


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, max_length=2, top_k=2)


def with_labels(result, formulas, *, significant=True):
    """The result with the first neurons' best labels exchanged, no other one significant."""
    changed = [
        dataclasses.replace(
            one,
            formula=ic.Formula.parse(formulas.get(one.neuron, "animal")),
            significant=significant and one.rank == 0 and one.neuron in formulas,
            heldout_auc=0.9,
        )
        for one in result.explanations
    ]
    return dataclasses.replace(result, explanations=tuple(changed))


def test_positive_literals_of_significant_labels_count(result):
    changed = with_labels(result, {0: "dog & ~red", 1: "box | (dog & big)", 3: "~dog"})
    found = neurons_by_concept(changed, LAYER)
    assert found == {"dog": (0, 1), "box": (1,), "big": (1,)}
    # In the order of the result's concepts.
    assert list(found) == ["dog", "box", "big"]
    assert neurons_by_concept(changed, LAYER, ["red", "box"]) == {"red": (), "box": (1,)}


def test_they_are_those_that_the_result_finds(result):
    for concept, neurons in neurons_by_concept(result, LAYER).items():
        found = [one for one in result.find(concept) if one.rank == 0 and one.significant]
        assert neurons == tuple(sorted(one.neuron for one in found))


def test_nothing_significant_is_refused(result):
    changed = with_labels(result, {}, significant=False)
    with pytest.raises(ValueError, match="result has no significant label of layer '0'"):
        neurons_by_concept(changed, LAYER)
    assert neurons_by_concept(changed, LAYER, ["dog"]) == {"dog": ()}


def test_draws_are_other_neurons_each_once():
    draws = draw_others([2, 5], range(8), 50, np.random.default_rng(0))
    assert len(draws) == 50
    for draw in draws:
        assert len(set(draw)) == 2
        assert list(draw) == sorted(draw)
    assert {one for draw in draws for one in draw} == {0, 1, 3, 4, 6, 7}


@pytest.mark.parametrize("neurons", [[], [0, 1, 2]])
def test_too_few_others_give_no_draws(neurons):
    assert draw_others(neurons, range(5), 3, np.random.default_rng(0)) == []
