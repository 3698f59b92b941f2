"""What must not matter to any score or search."""

import json

import numpy as np
import pytest
import scipy.sparse
import torch

import invert_captum as ic

SIGNS = ["positive", "negative", "absolute_value"]


def table(result, tmp_path):
    """The bytes of the saved table, its settings aside."""
    result.save(tmp_path / "result.json")
    return json.dumps(json.loads((tmp_path / "result.json").read_text())["table"])


def label(activations, concepts, sign="positive", **changes):
    return ic.label_neurons(activations, concepts, top_k=5, sign=sign, **changes)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("block_size", [1, 2, 5, 100])
def test_the_block_size(activations, concepts, sign, block_size, tmp_path):
    whole = label(activations, concepts, sign)
    blocks = label(activations, concepts, sign, block_size=block_size)
    assert table(whole, tmp_path) == table(blocks, tmp_path)
    assert whole.settings == blocks.settings


@pytest.mark.parametrize("sign", SIGNS)
def test_rising_functions_of_the_activations(activations, concepts, sign, tmp_path):
    expected = table(label(activations, concepts, sign), tmp_path)
    wide = activations.astype(np.float64)
    for changed in (1e6 * wide - 3e7, np.exp(wide), wide**3, np.arctan(wide)):
        assert table(label(changed, concepts, sign), tmp_path) == expected


@pytest.mark.parametrize("sign", SIGNS)
def test_the_kind_of_array(activations, concepts, sign, tmp_path):
    halves = activations.astype(np.float16)
    expected = table(label(halves, concepts, sign), tmp_path)
    tensor = torch.from_numpy(halves)
    for same in (
        tensor,
        tensor.float(),
        tensor.double().requires_grad_(),
        halves.astype(np.float64),
        np.asfortranarray(halves),
        halves.astype(">f8"),
        np.repeat(halves, 2, axis=1)[:, ::2],
    ):
        assert table(label(same, concepts, sign), tmp_path) == expected


def test_the_kind_of_labels(activations, concepts, tmp_path):
    expected = label(activations, concepts)
    dense = concepts.labels.toarray()
    for labels in (dense, torch.from_numpy(dense), scipy.sparse.coo_array(dense)):
        same = label(activations, ic.ConceptSet(labels, concepts.names))
        assert table(same, tmp_path) == table(expected, tmp_path)
        assert same.settings == expected.settings


@pytest.mark.parametrize("sign", SIGNS)
def test_the_order_of_the_concepts(activations, concepts, sign, tmp_path):
    expected = table(label(activations, concepts, sign), tmp_path)
    backwards = concepts.select(concepts.names[::-1])
    assert table(label(activations, backwards, sign), tmp_path) == expected


@pytest.mark.parametrize("sign", SIGNS)
def test_the_order_of_the_samples_without_a_split(activations, concepts, sign, rng, tmp_path):
    order = rng.permutation(600)
    expected = label(activations, concepts, sign, significance="in_sample")
    shuffled = label(activations[order], concepts.take(order), sign, significance="in_sample")
    assert table(shuffled, tmp_path) == table(expected, tmp_path)
    assert np.array_equal(
        ic.concept_auc(activations[order], concepts.take(order)),
        ic.concept_auc(activations, concepts),
    )


def test_negated_activations_turn_positive_into_negative(activations, concepts):
    positive = label(activations, concepts, "positive").to_frame()
    negative = label(-activations, concepts, "negative").to_frame()
    assert positive["formula"].equals(negative["formula"])
    assert positive["p_value"].equals(negative["p_value"])
    assert np.abs(positive["auc"] + negative["auc"] - 1).max() <= 1e-15


def test_other_neurons_do_not_matter_to_the_search(activations, concepts):
    alone = [label(activations[:, [neuron]], concepts)[0] for neuron in range(6)]
    together = label(activations, concepts)
    for neuron in range(6):
        for one, other in zip(alone[neuron], together[neuron], strict=True):
            assert (one.formula, one.auc, one.p_value) == (other.formula, other.auc, other.p_value)


def test_the_arguments_are_left_as_they_were(activations, concepts):
    before = activations.copy()
    fingerprint = concepts.fingerprint
    label(activations, concepts)
    ic.concept_auc(activations, concepts)
    assert np.array_equal(activations, before)
    assert concepts.fingerprint == fingerprint


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("sign", SIGNS)
def test_the_device(activations, concepts, sign, tmp_path):
    tensor = torch.from_numpy(activations)
    expected = table(label(tensor, concepts, sign), tmp_path)
    assert table(label(tensor.cuda(), concepts, sign), tmp_path) == expected
