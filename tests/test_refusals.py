"""Bad input to `label_neurons` and `concept_auc`: the message names the argument."""

import re

import numpy as np
import pytest
import torch

import invert_captum as ic


def refused(error, message, activations, concepts, **arguments):
    with pytest.raises(error, match=re.escape(message)):
        ic.label_neurons(activations, concepts, **arguments)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda a: a[:, 0], ValueError, "activations has shape (600,); expected (n samples, d"),
        (lambda a: a[None], ValueError, "activations has shape (1, 600, 6)"),
        (lambda a: a[:0], ValueError, "activations is empty: 0 samples × 6 neurons"),
        (lambda a: a[:, :0], ValueError, "activations is empty: 600 samples × 0 neurons"),
        (
            lambda a: a.tolist(),
            TypeError,
            "activations is a list; expected a numpy array, a torch tensor",
        ),
        (lambda a: a.astype(complex), TypeError, "activations has dtype complex128; expected real"),
        (lambda a: a.astype(str), TypeError, "activations has dtype <U"),
        (lambda a: a.astype(object), TypeError, "activations has dtype object"),
        (lambda a: torch.tensor(a, dtype=torch.complex64), TypeError, "dtype torch.complex64"),
        (
            lambda a: torch.tensor(a).to(torch.float8_e4m3fn),
            TypeError,
            "activations has dtype torch.float8_e4m3fn",
        ),
        (
            lambda a: torch.tensor(a).to_sparse(1),
            ValueError,
            "activations is a sparse tensor with dense dimensions; expected none",
        ),
        (lambda a: np.ma.masked_less(a, 0), TypeError, "activations is a masked array"),
        (
            lambda a: torch.quantize_per_tensor(torch.tensor(a).float(), 0.1, 0, torch.quint8),
            TypeError,
            "activations has dtype torch.quint8; expected real",
        ),
        (lambda a: torch.tensor(a).to("meta"), TypeError, "activations is a meta tensor; expected"),
        (
            lambda a: torch.nested.nested_tensor([torch.tensor(a)]),
            TypeError,
            "activations is a nested tensor; expected",
        ),
        (lambda _: {}, ValueError, "activations is an empty mapping"),
        (lambda a: {3: a}, TypeError, "activations has the key 3; expected names of layers"),
        (lambda a: {"fc": a[0]}, ValueError, "activations['fc'] has shape (6,)"),
        (lambda a: {"a": a, "b": a[1:]}, ValueError, "{'a': 600, 'b': 599}"),
        (
            lambda a: a[1:],
            ValueError,
            "concepts has 600 samples, activations have 599: the rows must be the same inputs",
        ),
        (lambda a: a * np.nan, ValueError, "activations: all 6 neurons are constant"),
    ],
)
def test_activations(activations, concepts, make, error, message):
    refused(error, message, make(activations), concepts)


@pytest.mark.parametrize("function", [ic.label_neurons, ic.concept_auc])
def test_concepts(activations, concepts, function):
    with pytest.raises(TypeError, match="concepts is a ndarray; expected a ConceptSet"):
        function(activations, concepts.labels.toarray())
    never = ic.ConceptSet(np.zeros((600, 2), bool), ["a", "b"])
    with pytest.raises(ValueError, match=r"2 of 2 concepts have no .* \('a', 'b'\); none remains"):
        function(activations, never)
    with pytest.raises(ValueError, match="concepts has 599 samples, activations have 600"):
        function(activations, concepts.take(range(599)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sign": "pos"}, ValueError, "sign is 'pos'; expected one of 'positive', 'negative'"),
        ({"significance": "permute"}, ValueError, "significance is 'permute'; expected one of"),
        ({"significance": True}, ValueError, "significance is True; expected one of 'holdout'"),
        ({"alternative": "greater"}, ValueError, "alternative is 'greater'; expected one of None"),
        ({"correction": "holms"}, ValueError, "correction is 'holms'; expected one of 'holm', "),
        ({"correction": "lfdr"}, ValueError, "correction is 'lfdr'; expected one of 'holm', "),
        ({"correction": None}, ValueError, "correction is None; expected one of 'holm', "),
        ({"max_length": 0}, ValueError, "max_length is 0; expected an integer of at least 1"),
        ({"max_length": 2.0}, TypeError, "max_length is 2.0; expected an integer"),
        ({"beam_width": True}, TypeError, "beam_width is True; expected an integer"),
        ({"top_k": 6}, ValueError, "top_k is 6, but the search keeps beam_width=5 formulas"),
        ({"min_positives": -1}, ValueError, "min_positives is -1"),
        ({"min_fraction": 1.1}, ValueError, "min_fraction is 1.1; expected a number in [0, 1]"),
        ({"max_fraction": "0.5"}, TypeError, "max_fraction is '0.5'; expected a number"),
        ({"max_fraction": float("nan")}, ValueError, "max_fraction is nan"),
        (
            {"min_fraction": 0.4, "max_fraction": 0.3},
            ValueError,
            "min_fraction=0.4 is above max_fraction=0.3",
        ),
        ({"alpha": 0.0}, ValueError, "alpha is 0.0; expected a number in (0, 1)"),
        ({"holdout_fraction": 1}, ValueError, "holdout_fraction is 1; expected a number in (0"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 2**32}, ValueError, "seed is 4294967296; expected at most 4294967295"),
        ({"seed": None}, TypeError, "seed is None; expected an integer"),
        ({"block_size": 0}, ValueError, "block_size is 0"),
        ({"neurons": [0, 6]}, ValueError, "neurons has 6; expected column indices below 6"),
        ({"neurons": [-1]}, ValueError, "neurons is -1"),
        ({"neurons": [0, 1, 0]}, ValueError, "neurons has 0 more than once"),
        ({"neurons": []}, ValueError, "neurons is empty"),
        ({"neurons": 3}, TypeError, "neurons is 3 (int); expected a sequence of entries"),
        ({"neurons": ["a"]}, TypeError, "neurons is 'a'; expected an integer"),
        ({"groups": [1, 2]}, ValueError, "groups has 2 labels for 600 samples"),
        (
            {"groups": [object() for _ in range(600)]},
            TypeError,
            "groups has a label of type object at sample 0; expected labels that are equal by",
        ),
        (
            {"groups": [0] * 600},
            ValueError,
            "holdout_fraction=0.5 of 1 groups leaves one part empty; hold-out needs at least two",
        ),
        ({"groups": 3}, TypeError, "groups is 3 (int); expected a sequence of entries"),
        (
            {"groups": list(range(600)), "significance": None},
            ValueError,
            "groups is given, but significance=None does not use it",
        ),
        (
            {"min_positives": 550},
            ValueError,
            "no concept and no negated concept holds for at least 275 and at most 150 of the 300",
        ),
    ],
)
def test_arguments(activations, concepts, arguments, error, message):
    refused(error, message, activations, concepts, **arguments)


def test_too_few_samples_to_split():
    concepts = ic.ConceptSet(np.array([[True], [False], [True]]), ["a"])
    refused(ValueError, "too few samples for hold-out", np.arange(3.0)[:, None], concepts)


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="module 'invert_captum' has no attribute 'label'"):
        _ = ic.label
