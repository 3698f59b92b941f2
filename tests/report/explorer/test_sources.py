from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import invert_captum as ic
from invert_captum.report.explorer.sources import Sources


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons({"fc": activations[:, :2]}, concepts, max_length=1)


def sources(result, activations=None, concepts=None, labeler=None, sample_names=None):
    return Sources.of(result, activations, concepts, labeler, sample_names)


def test_one_matrix_is_the_one_layer(result, activations, concepts):
    found = sources(result, activations, concepts)
    assert list(found.layers) == ["fc"]
    assert np.array_equal(found.layers["fc"].values(1), activations[:, 1])
    assert found.names is None


def test_nothing_is_needed(result):
    assert sources(result) == Sources(None, None, None)


def test_what_the_labeler_knows_is_taken(result, activations, concepts):
    extracted = SimpleNamespace(reference={"fc": activations + 1}, labelled=None)
    assert sources(result, labeler=extracted).layers["fc"].values(0)[0] == activations[0, 0] + 1
    assert sources(result, labeler=extracted).concepts is None
    labelled = {"fc": activations}, concepts
    labeler = SimpleNamespace(reference={"fc": activations[:5]}, labelled=labelled)
    found = sources(result, labeler=labeler)
    assert found.concepts is concepts
    assert found.layers["fc"].n_neurons == 6
    other = activations + 1
    assert sources(result, other, labeler=labeler).layers["fc"].values(0)[0] == other[0, 0]


def test_samples_are_called_by_their_ids_unless_names_are_given(result, concepts):
    labelled = ic.ConceptSet(concepts.labels, concepts.names, sample_ids=range(600))
    assert sources(result, concepts=labelled).names[17] == "17"
    named = sources(result, concepts=labelled, sample_names=["a"] * 600)
    assert named.names[17] == "a"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("activations", lambda data: data[:500], "has 500 samples; the result is of 600"),
        ("activations", lambda data: data[:, :1], "has 1 neurons; the result has neuron 1"),
        ("activations", lambda data: {"a": data, "b": data}, "has no layer 'fc'"),
        ("concepts", lambda data: data.take([0, 1]), "has 2 samples; the result is of 600"),
        ("concepts", lambda data: data.select(["animal", "dog"]), "has no 'red'"),
        ("sample_names", lambda _: ["a"], "has 1 names; the result is of 600 samples"),
    ],
)
def test_data_of_another_labelling_is_refused(result, activations, concepts, name, change, message):
    given = {"activations": activations, "concepts": concepts, "sample_names": None}
    with pytest.raises(ValueError, match=f"{name} {message}"):
        sources(result, **{name: change(given[name])})
