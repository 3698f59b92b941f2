"""Settings of an extraction as plain data, and back."""

from __future__ import annotations

import functools
import json

import pytest
import torch

from invert_captum.activations.description import describe_extraction, settings_of

SETTINGS = {
    "reduce": "mean",
    "neuron_dim": None,
    "dtype": torch.float16,
    "attribute_to_layer_input": True,
}


def mean(output):
    return -output


class Reduction:
    def __call__(self, output):
        return output


@pytest.mark.parametrize(
    ("reduce", "named"),
    [
        ("max", "max"),
        (mean, f"{__name__}.mean"),
        (max, "builtins.max"),
        (functools.partial(mean), f"{__name__}.mean"),
        (Reduction(), "Reduction"),
        (describe_extraction, "describe_extraction"),
    ],
)
def test_no_function_has_the_name_of_a_reduction(reduce, named):
    assert describe_extraction(["x"], {**SETTINGS, "reduce": reduce})["reduce"] == named


@pytest.mark.parametrize("reduce", ["l2", mean, Reduction()])
def test_what_is_told_is_what_was_set(reduce):
    settings = {**SETTINGS, "reduce": reduce}
    told = json.loads(json.dumps(describe_extraction(["x"], settings)))
    assert settings_of(told, {**SETTINGS, "reduce": reduce}) == settings


def test_without_a_description_the_own_settings_are_taken():
    assert settings_of(None, {**SETTINGS, "batch_size": 3}) == SETTINGS


@pytest.mark.parametrize("own", ["mean", len])
def test_functions_that_are_not_at_hand_are_named(own):
    told = describe_extraction(["x"], {**SETTINGS, "reduce": mean})
    with pytest.raises(ValueError, match=r"by the function '.*test_description\.mean', which this"):
        settings_of(told, {**SETTINGS, "reduce": own})
