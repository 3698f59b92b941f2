from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import invert_captum as ic
from invert_captum._log import InvertCaptumWarning
from invert_captum.attr import neuron_blocks as blocks_module
from invert_captum.attr.unusual import mid_rank_percentiles, unusual_neurons
from invert_captum.result.explanation import COLUMNS

LEVELS = st.integers(-3, 3).map(float)


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, max_length=2, seed=0)


def loop(activations, result, reference, *, sign=1):
    """Every labelled neuron's percentile by SciPy, one at a time."""
    found = []
    for one in result.explanations:
        for sample, row in enumerate(activations):
            if one.significant:
                percentile = scipy.stats.percentileofscore(
                    sign * reference[:, one.neuron], sign * row[one.neuron], kind="mean"
                )
                key = (sample, -percentile, -result.evidence(one), one.neuron)
                found.append((key, str(one.formula), row[one.neuron], one))
    return sorted(found, key=lambda item: item[0])


def as_rows(table):
    names = ["sample", "neuron", "formula", "activation"]
    return table[names].to_numpy().tolist()


@given(arrays(np.float64, (2, 3), elements=LEVELS), arrays(np.float64, (2, 7), elements=LEVELS))
def test_percentiles_are_scipys(values, among):
    ours = mid_rank_percentiles(values, among)
    for neuron in range(2):
        theirs = scipy.stats.percentileofscore(among[neuron], values[neuron], kind="mean")
        np.testing.assert_allclose(ours[neuron], theirs, atol=1e-12)


@pytest.mark.parametrize("form", [np.asarray, torch.tensor, scipy.sparse.csr_array])
@pytest.mark.parametrize("values_at_once", [1, 1300, 2**22])
def test_the_table_by_brute_force(
    activations, result, rng, form, values_at_once, monkeypatch, concepts
):
    monkeypatch.setattr(blocks_module, "_VALUES_AT_ONCE", values_at_once)
    inputs = np.maximum(rng.normal(1, 3, size=(5, 6)), 0)
    table = unusual_neurons(form(inputs), result, form(activations), min_percentile=0, top=100)
    expected = loop(inputs, result, activations)
    assert as_rows(table) == [[k[0], one.neuron, f, v] for k, f, v, one in expected]
    np.testing.assert_allclose(table["percentile"], [-k[1] for k, *_ in expected], atol=1e-9)
    for name in ("auc", "heldout_auc", "p_adjusted", "significant"):
        assert table[name].tolist() == [getattr(one, name) for *_, one in expected]
    assert set(table["neuron"]) == {one.neuron for one in result.explanations if one.significant}
    assert set(table.columns) - {"sample", "activation", "percentile"} <= set(COLUMNS)


def test_only_the_highest_percentiles_and_the_first_of_them(activations, result, rng):
    inputs = rng.normal(1, 3, size=(5, 6))
    everything = unusual_neurons(inputs, result, activations, min_percentile=0, top=100)
    high = unusual_neurons(inputs, result, activations, min_percentile=60.0, top=2)
    expected = everything[everything["percentile"] >= 60].groupby("sample").head(2)
    assert 0 < len(expected) < len(everything)
    pd.testing.assert_frame_equal(high, expected.reset_index(drop=True))


def test_the_bound_itself_counts(result):
    # Of 600 reference values 570 are below.
    reference = np.repeat(np.arange(600.0)[:, None], 6, axis=1)
    inputs = np.full((1, 6), 569.5)
    assert len(unusual_neurons(inputs, result, reference))
    assert not len(unusual_neurons(inputs - 1, result, reference))


@pytest.mark.parametrize("bound", [60, np.int64(60), np.float32(60)])
def test_the_bound_may_be_any_number(activations, result, rng, bound):
    inputs = rng.normal(1, 3, size=(5, 6))
    expected = unusual_neurons(inputs, result, activations, min_percentile=60.0)
    found = unusual_neurons(inputs, result, activations, min_percentile=bound)
    pd.testing.assert_frame_equal(found, expected)


def test_ties_go_to_the_greater_evidence(result):
    reference, inputs = np.zeros((10, 6)), np.ones((1, 6))
    table = unusual_neurons(inputs, result, reference)
    evidence = [result.evidence(result[neuron][0]) for neuron in table["neuron"]]
    assert set(table["percentile"]) == {100.0}
    assert len(evidence) > 2
    assert evidence == sorted(evidence, reverse=True)


@pytest.mark.parametrize("sign", ["negative", "absolute_value"])
@pytest.mark.parametrize("values_at_once", [1, 2**22])
def test_labels_of_low_activations_look_for_low_ones(
    activations, concepts, rng, sign, values_at_once, monkeypatch
):
    monkeypatch.setattr(blocks_module, "_VALUES_AT_ONCE", values_at_once)
    result = ic.label_neurons(-activations, concepts, sign=sign, max_length=1)
    low = [one.neuron for one in result.explanations if one.significant and one.auc < 0.5]
    high = [one.neuron for one in result.explanations if one.significant and one.auc > 0.5]
    assert low
    assert bool(high) == (sign == "absolute_value")
    inputs = rng.normal(size=(4, 6)) * 2
    table = unusual_neurons(inputs, result, -activations, min_percentile=0, top=100)
    for row in table.itertuples():
        direction = -1 if row.neuron in low else 1
        expected = scipy.stats.percentileofscore(
            -direction * activations[:, row.neuron], direction * row.activation, kind="mean"
        )
        assert row.percentile == pytest.approx(expected, abs=1e-9)
    assert set(table["neuron"]) == {*low, *high}


def test_layers_are_told_apart(activations, concepts, rng):
    layers = {"b": activations, "a": -activations[:, ::-1]}
    result = ic.label_neurons(layers, concepts, max_length=1)
    inputs = {"a": np.full((1, 6), 99.0), "b": np.full((1, 6), 99.0)}
    table = unusual_neurons(inputs, result, layers, top=100)
    expected = [(one.layer, one.neuron) for one in result.explanations if one.significant]
    assert sorted(zip(table["layer"], table["neuron"], strict=True)) == sorted(expected)
    assert set(table["layer"]) == {"a", "b"}
    same = [dataclasses.replace(one, auc=0.9, heldout_auc=0.9) for one in result.explanations]
    tied = dataclasses.replace(result, explanations=tuple(same))
    order = unusual_neurons(inputs, tied, layers, top=100)
    assert list(zip(order["layer"], order["neuron"], strict=True)) == sorted(
        expected, key=lambda key: (key[0] != "b", key[1])
    )
    with pytest.raises(ValueError, match=r"reference has the layers \['a'\]; expected 'b'"):
        unusual_neurons(inputs, result, {"a": layers["a"]})
    with pytest.raises(ValueError, match=r"activations has the layers \[None\]; expected 'b'"):
        unusual_neurons(activations[:2], result, layers)


def test_one_layer_needs_no_name(activations, concepts):
    plain = ic.label_neurons(activations, concepts, max_length=1)
    named = ic.label_neurons({"x": activations}, concepts, max_length=1)
    tables = [
        unusual_neurons(inputs, result, reference)
        for inputs in (activations[:3], {"x": activations[:3]})
        for result in (plain, named)
        for reference in (activations, {"x": activations})
    ]
    for one in tables[1:]:
        assert as_rows(one) == as_rows(tables[0])
    with pytest.raises(ValueError, match=r"activations has the layers \['y'\]; expected 'x'"):
        unusual_neurons({"y": activations[:3]}, named, activations)


def test_neurons_without_a_significant_label(activations, concepts):
    result = ic.label_neurons(activations, concepts, max_length=1)
    noise = [one.neuron for one in result.explanations if not one.significant]
    inputs = np.full((1, 6), 99.0)
    assert noise
    assert not set(unusual_neurons(inputs, result, activations)["neuron"]) & set(noise)
    everything = unusual_neurons(inputs, result, activations, significant_only=False)
    assert set(everything["neuron"]) == set(range(6))
    untested = ic.label_neurons(activations, concepts, max_length=1, significance=None)
    with pytest.raises(ValueError, match="significance=None and tested nothing"):
        unusual_neurons(inputs, untested, activations)
    table = unusual_neurons(inputs, untested, activations, significant_only=False)
    assert len(table) == 6
    assert table["significant"].isna().all()


def test_nothing_unusual_is_an_empty_table_of_the_same_types(activations, result):
    empty = unusual_neurons(np.full((2, 6), -99.0), result, activations)
    full = unusual_neurons(np.full((2, 6), 99.0), result, activations)
    assert len(empty) == 0
    assert empty.dtypes.equals(full.dtypes)


def test_nan_is_left_out_with_a_warning(activations, result):
    inputs = np.full((2, 6), 99.0)
    inputs[1, 0] = np.nan
    with pytest.warns(InvertCaptumWarning, match="1 activations of labelled neurons are NaN"):
        table = unusual_neurons(inputs, result, activations)
    assert [0 in of_sample["neuron"].tolist() for _, of_sample in table.groupby("sample")] == [
        True,
        False,
    ]
    reference = activations.copy()
    reference[3, 0] = np.nan
    with pytest.warns(InvertCaptumWarning, match="1 labelled neurons have NaN in the ref") as seen:
        table = unusual_neurons(inputs, result, reference)
    assert 0 not in table["neuron"].tolist()
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unusual_neurons(np.full((1, 6), np.inf), result, activations)


def test_a_store_is_a_reference(activations, result, tmp_path):
    model = torch.nn.Sequential(torch.nn.Identity())
    labeler = ic.NeuronConceptLabeler(model, "0")
    rows = torch.tensor(activations)
    store = labeler.extract(rows, store=tmp_path / "kept")
    pd.testing.assert_frame_equal(
        unusual_neurons(activations[:4], result, store),
        unusual_neurons(activations[:4], result, activations),
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"top": 0}, ValueError, "top is 0; expected an integer of at least 1"),
        ({"min_percentile": 101}, ValueError, r"min_percentile is 101; .* in \[0, 100\]"),
        ({"min_percentile": float("nan")}, ValueError, "min_percentile is nan"),
        ({"min_percentile": "95"}, TypeError, "min_percentile is '95'"),
        (
            {"activations": np.ones((2, 5))},
            ValueError,
            "activations has 5 neurons of layer None, reference has 6; expected the same",
        ),
        (
            {"activations": np.ones((2, 1)), "reference": np.ones((9, 1))},
            ValueError,
            "activations has 1 neurons of layer None, but result has a label of neuron",
        ),
        ({"reference": [[1.0]]}, TypeError, "expected a numpy array"),
    ],
)
def test_refusals(activations, result, arguments, error, message):
    arguments = {"activations": activations[:2], "reference": activations, **arguments}
    with pytest.raises(error, match=message):
        unusual_neurons(result=result, **arguments)
