from __future__ import annotations

import dataclasses

import pytest

import invert_captum as ic
from invert_captum.report.explorer.facts import default_title, facts, report_head


def labelled(activations, concepts, **arguments):
    return ic.label_neurons(activations, concepts, max_length=2, **arguments)


def test_facts_count_and_name_the_test(activations, concepts):
    result = labelled({"fc": activations}, concepts, sign="absolute_value")
    shown = dict(facts(result))
    assert [shown[name] for name in ("samples", "concepts", "neurons")] == ["600", "8", "6"]
    significant = sum(bool(result[key][0].significant) for key in result)
    assert shown["significant"] == str(significant)
    assert shown["test"] == "hold-out, Holm, alpha 0.05"
    assert shown["search"] == "length ≤ 2, beam 5, high or low activation"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"significance": None}, None),
        ({"significance": "in_sample"}, "in_sample"),
        ({"significance": "holdout"}, "holdout"),
        ({"significance": "holdout", "n_folds": 3}, "folds"),
    ],
)
def test_the_kind_of_test_is_told(activations, concepts, arguments, expected):
    result = labelled(activations, concepts, **arguments)
    head = report_head(result, "t", None)
    assert head["tested"] == expected
    assert head["layers"] == ["layer"]
    assert head["level"] == 0.95
    assert ("significant" in dict(facts(result))) == (expected is not None)


def test_the_title_is_the_model_and_its_layers(activations, concepts):
    assert default_title(labelled(activations, concepts)) == "6 labelled neurons"
    result = labelled({"fc": activations}, concepts)
    made = {**result.settings, "model": {"class": "Net", "sha256": ""}}
    assert default_title(dataclasses.replace(result, settings=made)) == "Net, fc"
    four = labelled(dict.fromkeys("abcd", activations), concepts)
    assert default_title(four) == "4 layers"
