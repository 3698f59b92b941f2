from __future__ import annotations

import contextlib
import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import invert_captum as ic
from invert_captum._log import InvertCaptumWarning
from invert_captum.attr.switching_off.ablation_effect import ablation_effect

NAMES = ["dog", "cat", "red", "noise"]


@functools.cache
def scene():
    """Nine neurons: three of dog, two of cat, one of red & ~dog, three of none; five classes."""
    rng = np.random.default_rng(0)
    labels = rng.random((300, 4)) < [0.3, 0.4, 0.35, 0.3]
    rows = rng.normal(size=(300, 9))
    rows[:, :3] += 3 * labels[:, [0]]
    rows[:, 3:5] += 3 * labels[:, [1]]
    rows[:, 5] += 4 * (labels[:, 2] & ~labels[:, 0])
    concepts = ic.ConceptSet(labels, NAMES)
    result = ic.label_neurons(rows, concepts, max_length=2, min_positives=10)
    return torch.tensor(rows, dtype=torch.float32), concepts, result


@pytest.fixture
def rows():
    return scene()[0]


@pytest.fixture
def concepts():
    return scene()[1]


@pytest.fixture
def result():
    return scene()[2]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Identity(), nn.Linear(9, 5))


@pytest.fixture
def target(rng):
    return rng.integers(5, size=300)


def logits_without(model, rows, columns, value):
    """Closed form for a linear head."""
    weight = model[1].weight.detach()[:, columns]
    change = rows[:, columns] - (0 if value == "zero" else rows[:, columns].mean(0))
    return (model(rows) - change @ weight.T).detach().numpy()


def scored(logits, target, score):
    if score == "accuracy":
        return (logits.argmax(1) == target).astype(float)
    return logits[np.arange(len(target)), target].astype(float)


def test_the_scene_has_the_labels_that_the_tests_assume(result):
    texts = [str(result[neuron][0].formula) for neuron in range(6)]
    assert texts == ["dog"] * 3 + ["cat"] * 2 + ["red & ~dog"]
    assert [one.significant for one in result.explanations] == [True] * 6 + [False] * 3


@pytest.mark.parametrize("value", ["zero", "mean"])
@pytest.mark.parametrize("score", ["accuracy", "target_score"])
@pytest.mark.parametrize("batch_size", [64, 300])
def test_a_linear_head_by_its_closed_form(
    model, rows, concepts, result, target, value, score, batch_size
):
    table = ablation_effect(
        *(model, "0", result, rows),
        target=target,
        concepts=concepts,
        value=value,
        score=score,
        activations=rows,
        batch_size=batch_size,
    )
    assert table["concept"].tolist() == ["dog", "cat", "red"]
    assert table["neurons"].tolist() == [(0, 1, 2), (3, 4), (5,)]
    assert table["n_neurons"].tolist() == [3, 2, 1]
    before = scored(model(rows).detach().numpy(), target, score)
    for row in table.itertuples():
        after = scored(logits_without(model, rows, list(row.neurons), value), target, score)
        shown = concepts[row.concept]
        for suffix, group in {"": slice(None), "_with": shown, "_without": ~shown}.items():
            got = [getattr(row, name + suffix) for name in ("before", "after", "change")]
            means = before[group].mean(), after[group].mean()
            np.testing.assert_allclose(got, [*means, means[1] - means[0]], atol=1e-6)
        assert (row.n_with, row.n_without) == (shown.sum(), (~shown).sum())


def test_without_a_target_predictions_that_stay_are_counted(model, rows, result):
    table = ablation_effect(model, "0", result, rows)
    predicted = model(rows).argmax(1).numpy()
    assert table["before"].tolist() == [1.0, 1.0, 1.0]
    for row in table.itertuples():
        stayed = logits_without(model, rows, list(row.neurons), "zero").argmax(1) == predicted
        assert row.after == pytest.approx(stayed.mean())
    assert list(table) == ["concept", "n_neurons", "neurons", "before", "after", "change"]


def test_one_target_is_that_of_every_sample(model, rows, result):
    one = ablation_effect(model, "0", result, rows, target=3, score="target_score")
    every = ablation_effect(model, "0", result, rows, target=[3] * 300, score="target_score")
    pd.testing.assert_frame_equal(one, every)


def test_random_neurons_by_brute_force(model, rows, concepts, result, target):
    table = ablation_effect(
        *(model, "0", result, rows), target=target, score="target_score", n_random=400
    )
    before = scored(model(rows).detach().numpy(), target, "target_score").mean()
    # A single neuron's draws come from the eight others, evenly.
    alone = [
        scored(logits_without(model, rows, [other], "zero"), target, "target_score").mean() - before
        for other in range(9)
        if other != 5
    ]
    red = table.set_index("concept").loc["red"]
    error = np.std(alone) / np.sqrt(400)
    assert red["random_change"] == pytest.approx(np.mean(alone), abs=4 * error)
    assert red["random_std"] == pytest.approx(np.std(alone), rel=0.2)


def test_draws_depend_on_the_seed_and_not_on_the_names(model, rows, concepts, result):
    options = {"n_random": 3, "concepts": concepts, "score": "target_score"}
    every = ablation_effect(model, "0", result, rows, **options)
    some = ablation_effect(model, "0", result, rows, names=["cat"], **options)
    pd.testing.assert_series_equal(some.iloc[0], every.iloc[1], check_names=False)
    other = ablation_effect(model, "0", result, rows, seed=1, **options)
    assert not np.isclose(other["random_change_with"], every["random_change_with"]).any()
    assert other["change"].tolist() == every["change"].tolist()
    single = ablation_effect(model, "0", result, rows, **{**options, "n_random": 1})
    assert single["random_std"].isna().all()
    assert single["random_change"].notna().all()


def test_too_few_other_neurons_leave_no_draws(model, rows, concepts):
    result = ic.label_neurons(rows, concepts, neurons=[0, 1, 2, 3], max_length=1)
    with pytest.warns(InvertCaptumWarning, match="too few other labelled neurons .* 'dog'"):
        table = ablation_effect(model, "0", result, rows, n_random=2)
    assert table["concept"].tolist() == ["dog", "cat"]
    assert table["random_change"].isna().tolist() == [True, False]
    assert table["change"].notna().all()


def test_concepts_without_neurons_have_no_change(model, rows, result):
    table = ablation_effect(model, "0", result, rows, names=["noise", "dog"], n_random=1)
    assert table["neurons"].tolist() == [(), (0, 1, 2)]
    assert table["change"].isna().tolist() == [True, False]
    assert table["before"].tolist() == [1, 1]
    alone = ablation_effect(
        model, "0", result, rows, names=["noise"], value="mean", activations=rows
    )
    assert alone["change"].isna().all()


def test_labels_below_the_bound_do_not_count(model, rows, result):
    scores = {one.neuron: one.heldout_auc for one in result.explanations}
    least = sorted(scores[neuron] for neuron in range(3))[1]
    table = ablation_effect(
        model, "0", result, rows, names=["dog"], min_heldout_auc=least
    ).set_index("concept")
    kept = tuple(neuron for neuron in range(3) if scores[neuron] >= least)
    assert len(kept) == 2
    assert table.loc["dog", "neurons"] == kept
    with pytest.raises(ValueError, match="no significant label of layer '0' with an AUC of at l"):
        ablation_effect(model, "0", result, rows, min_heldout_auc=1.0)


def test_labels_of_low_activations_count_by_their_direction(model, rows, concepts):
    result = ic.label_neurons(-rows, concepts, sign="negative", max_length=1)
    assert max(one.heldout_auc for one in result.explanations if one.significant) < 0.3
    table = ablation_effect(model, "0", result, -rows, min_heldout_auc=0.7)
    assert table["neurons"].tolist()[0] == (0, 1, 2)


class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def test_forms_of_inputs_give_the_same_table(model, rows, concepts, result, target):
    forms = [rows, (rows,), Rows(rows), DataLoader(TensorDataset(rows), batch_size=70)]
    tables = [
        ablation_effect(model, "0", result, form, target=target, concepts=concepts, n_random=2)
        for form in forms
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


def test_a_loader_is_read_once(model, rows, result):
    class Counted(Rows):
        reads = 0

        def __getitem__(self, index):
            type(self).reads += 1
            return super().__getitem__(index)

    ablation_effect(model, "0", result, DataLoader(Counted(rows), batch_size=50), n_random=3)
    assert Counted.reads == 300


def test_the_model_runs_once_for_every_set_of_neurons(model, rows, concepts, result):
    runs = []
    model.register_forward_hook(lambda *_: runs.append(1))
    both = ic.ConceptSet(
        np.column_stack([concepts.labels.toarray(), concepts["dog"]]), [*NAMES, "hound"]
    )
    twice = [
        dataclasses.replace(one, formula=ic.Formula.parse("dog & hound"))
        if str(one.formula) == "dog"
        else one
        for one in result.explanations
    ]
    settings = {**result.settings, "concepts": [*NAMES, "hound"]}
    same = dataclasses.replace(result, explanations=tuple(twice), settings=settings)
    table = ablation_effect(model, "0", same, rows, concepts=both, batch_size=300)
    assert table["concept"].tolist() == ["dog", "cat", "red", "hound"]
    assert len(runs) == 1 + 3


def test_models_that_work_in_place_get_copies(rows, result):
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x, shift):
            x += shift
            shift += 1
            return self.layer(x.clone())

    kept, shift = rows.clone(), torch.zeros(1)
    table = ablation_effect(
        *(InPlace(), "layer", result, rows),
        target=8,
        score="target_score",
        additional_forward_args=shift,
        batch_size=100,
    )
    assert torch.equal(rows, kept)
    assert shift.item() == 0
    assert table["change"].tolist() == [0, 0, 0]
    assert table["before"].tolist() == pytest.approx([rows[:, 8].mean().item()] * 3)


def test_models_with_one_number_a_sample(rows, result):
    model = nn.Sequential(nn.Identity(), nn.Linear(9, 1), nn.Flatten(0))
    for target in ("predicted", None):
        table = ablation_effect(model, "0", result, rows, target=target, score="target_score")
        assert table["before"].tolist() == pytest.approx([model(rows).mean().item()] * 3)
    with pytest.raises(ValueError, match="score is 'accuracy', but the model gives one number"):
        ablation_effect(model, "0", result, rows)


def test_the_extraction_of_the_result_tells_where_neurons_are(concepts):
    """Neurons of tokens: only the last position of a channel is the neuron."""
    rng = np.random.default_rng(1)
    tokens = rng.normal(size=(300, 4, 3))
    tokens[:, -1] += 3 * concepts.labels.toarray()[:, :3]
    inputs = torch.tensor(tokens, dtype=torch.float32)

    class Sums(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Identity()

        def forward(self, x):
            return self.block(x).sum(1)

    model = Sums()
    labeler = ic.NeuronConceptLabeler(model, "block")
    result = labeler.interpret(inputs, concepts, reduce="last", max_length=1)
    options = {"target": 1, "score": "target_score", "names": ["cat"]}
    change = ablation_effect(model, "block", result, inputs, **options)["change"][0]
    assert change == pytest.approx(-tokens[:, -1, 1].mean(), abs=1e-5)
    change = ablation_effect(model, "block", result, inputs, reduce="mean", **options)["change"][0]
    assert change == pytest.approx(-tokens[:, :, 1].sum(1).mean(), abs=1e-5)
    flipped = ablation_effect(
        *(model, "block", result, inputs), reduce="mean", neuron_dim=1, **options
    )
    assert flipped["change"][0] == pytest.approx(-tokens[:, 1, 1].mean(), abs=1e-5)


def test_the_axis_of_the_neurons_is_that_of_the_extraction(concepts):
    """Channels of three axes are the last one unless the extraction says otherwise."""
    rng = np.random.default_rng(1)
    channels = rng.normal(size=(300, 3, 5)) + 3 * concepts.labels.toarray()[:, :3, None]
    inputs = torch.tensor(channels, dtype=torch.float32)
    model = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(15, 1, bias=False))
    model[2].weight.data.fill_(1.0)
    labeler = ic.NeuronConceptLabeler(model, "0")
    result = labeler.interpret(inputs, concepts, neuron_dim=1, max_length=1)
    table = ablation_effect(model, "0", result, inputs, score="target_score", names=["cat"])
    assert table["neurons"][0] == (1,)
    assert table["change"][0] == pytest.approx(-channels[:, 1].sum(1).mean(), abs=1e-4)


def test_a_callable_reduction_needs_another_one(concepts, rows):
    model = nn.Sequential(nn.Identity())
    labeler = ic.NeuronConceptLabeler(model, "0")
    result = labeler.interpret(rows, concepts, reduce=lambda output: output, max_length=1)
    with pytest.raises(ValueError, match=r"reduce is None, and result .* callable .*<lambda>"):
        ablation_effect(model, "0", result, rows)
    ablation_effect(model, "0", result, rows, reduce="mean")


def test_the_input_of_a_layer(concepts, rows):
    model = nn.Sequential(nn.Identity(), nn.Hardtanh(-0.5, 100))
    labeler = ic.NeuronConceptLabeler(model, "1")
    result = labeler.interpret(rows, concepts, attribute_to_layer_input=True, max_length=1)
    options = {"target": 0, "score": "target_score", "names": ["dog"]}
    table = ablation_effect(model, "1", result, rows, **options)
    assert table["before"][0] == pytest.approx(rows[:, 0].clamp(min=-0.5).mean().item())
    assert table["after"][0] == 0
    shifted = nn.Sequential(nn.Identity(), nn.Hardtanh(0.25, 100))
    assert ablation_effect(shifted, "1", result, rows, **options)["after"][0] == 0.25
    outside = ablation_effect(shifted, "1", result, rows, attribute_to_layer_input=False, **options)
    assert outside["after"][0] == 0


def test_layers_are_told_apart(model, rows, concepts):
    result = ic.label_neurons({"a": rows.flip(1), "0": rows}, concepts, max_length=1)
    assert ablation_effect(model, "0", result, rows)["neurons"].tolist()[0] == (0, 1, 2)
    with pytest.raises(ValueError, match=r"result has the layers \['a', '0'\]; expected '1'"):
        ablation_effect(model, "1", result, rows)


@pytest.mark.parametrize("fail", [False, True])
def test_the_model_is_afterwards_as_before(rows, result, fail):
    model = nn.Sequential(nn.Identity(), nn.BatchNorm1d(9), nn.Dropout(), nn.Linear(9, 5))
    model[1].eval()
    flags = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    target = [0] * 290 + [7] * 10 if fail else "predicted"
    with (
        pytest.raises(ValueError, match="target has class 7") if fail else contextlib.nullcontext()
    ):
        first = ablation_effect(model, "0", result, rows, target=target)
    if not fail:
        again = ablation_effect(model, "0", result, rows)
        pd.testing.assert_frame_equal(first, again)
    assert [module.training for module in model.modules()] == flags
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(weight.grad is None and weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"score": "loss"}, ValueError, "score is 'loss'; expected one of 'accuracy', 'target_"),
        ({"value": "median"}, ValueError, "value is 'median'"),
        ({"value": "mean"}, ValueError, "activations is None, but value is 'mean'"),
        ({"target": [1, 2]}, ValueError, "target has 2 classes, inputs has 300 samples"),
        ({"target": -1}, ValueError, "target is -1"),
        ({"target": [0.5] * 300}, TypeError, "target is 0.5"),
        ({"target": None}, ValueError, "target is None, but score is 'accuracy'"),
        (
            {"target": None, "score": "target_score"},
            ValueError,
            "target is None, but the model gives 5 numbers a sample",
        ),
        ({"target": 5}, ValueError, "class 5, but the model gives 5 .*; expected 0 to 4"),
        ({"names": ["dgo"]}, ValueError, "names has 'dgo', which was not searched; nearest: 'dog'"),
        ({"names": []}, ValueError, "names is empty"),
        ({"names": "dog"}, TypeError, "names is 'dog'"),
        ({"n_random": -1}, ValueError, "n_random is -1"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"min_heldout_auc": 70}, ValueError, r"min_heldout_auc is 70; .* in \[0, 1\]"),
        ({"concepts": [1]}, TypeError, "concepts is of type list; expected a ConceptSet"),
        ({"layer": "7"}, ValueError, "layer is '7'"),
        ({"inputs": [1]}, TypeError, "inputs is list"),
    ],
)
def test_refusals(model, rows, result, arguments, error, message):
    given = {"model": model, "layer": "0", "result": result, "inputs": rows, **arguments}
    with pytest.raises(error, match=message):
        ablation_effect(**given)


def test_rows_must_be_the_same(model, rows, concepts, result):
    fewer = concepts.take(range(299))
    message = r"concepts has 299 samples, inputs has .*300: the rows must be the same inputs"
    with pytest.raises(ValueError, match=message):
        ablation_effect(model, "0", result, rows, concepts=fewer)
    loader = DataLoader(TensorDataset(rows), batch_size=64, shuffle=True)
    with pytest.raises(ValueError, match="does not read its dataset in order"):
        ablation_effect(model, "0", result, loader, concepts=concepts)

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(rows)

    stream = DataLoader(Stream(), batch_size=64)
    with pytest.raises(ValueError, match=message):
        ablation_effect(model, "0", result, stream, concepts=fewer)
    with pytest.raises(ValueError, match="target has 299 classes"):
        ablation_effect(model, "0", result, stream, target=[0] * 299)
    with pytest.raises(ValueError, match="target has 301 classes, inputs has 300 samples"):
        ablation_effect(model, "0", result, stream, target=[0] * 301)
    with pytest.raises(ValueError, match=r"concepts lacks 'red'; expected the concepts of result"):
        ablation_effect(model, "0", result, rows, concepts=concepts.select(["dog", "cat"]))


def test_sample_ids_must_agree(model, rows, concepts, result):
    ids = [f"s{row}" for row in range(300)]
    named = ic.ConceptSet(concepts.labels, NAMES, sample_ids=ids)

    class WithIds(Rows):
        def __getitem__(self, index):
            return self.rows[index], {"sample_ids": ids[index]}

    loader = DataLoader(WithIds(rows), batch_size=64)
    ablation_effect(model, "0", result, loader, concepts=named)
    turned = ic.ConceptSet(concepts.labels, NAMES, sample_ids=ids[::-1])
    with pytest.raises(ValueError, match="inputs has sample 's0' where concepts has 's299'"):
        ablation_effect(model, "0", result, loader, concepts=turned)


def test_outputs_that_are_no_classes_are_refused(rows, result):
    class Answer(nn.Module):
        def __init__(self, answer):
            super().__init__()
            self.layer, self.answer = nn.Identity(), answer

        def forward(self, x):
            return self.answer(self.layer(x))

    for answer, error, message in [
        (lambda x: {"logits": x}, TypeError, "model gives dict; expected a tensor"),
        (lambda x: x[:, None], ValueError, r"model gives shape \(64, 1, 9\) for 64 samples"),
        (lambda x: x[:3], ValueError, r"model gives shape \(3, 9\) for 64 samples"),
    ]:
        with pytest.raises(error, match=message):
            ablation_effect(Answer(answer), "layer", result, rows)


def test_a_layer_that_does_not_run_is_refused(rows, result):
    class Bypassed(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(9, 9)

        def forward(self, x):
            return nn.functional.linear(x, self.head.weight)

    with pytest.raises(ValueError, match="layer 'head' is not called in the forward pass"):
        ablation_effect(Bypassed(), "head", result, rows)


def test_a_result_without_a_test_is_refused(model, rows, concepts):
    result = ic.label_neurons(rows, concepts, max_length=1, significance=None)
    with pytest.raises(ValueError, match="significance=None and tested nothing"):
        ablation_effect(model, "0", result, rows)


def test_a_result_may_not_know_its_extraction(model, rows, result):
    unknown = dataclasses.replace(result, settings={**result.settings, "extraction": None})
    pd.testing.assert_frame_equal(
        ablation_effect(model, "0", unknown, rows), ablation_effect(model, "0", result, rows)
    )


def test_outputs_that_are_nan_are_no_predictions(model, rows, concepts, result):
    """Their greatest output has an index, too, which would look like a prediction that stays."""
    broken = rows.clone()
    broken[concepts["dog"]] = torch.nan
    table = ablation_effect(model, "0", result, broken, concepts=concepts).set_index("concept")
    assert np.isnan(table.loc["dog", ["before", "after", "change", "before_with"]].tolist()).all()
    assert table.loc["dog", "before_without"] == 1.0


def test_progress_counts_every_run(model, rows, result, capsys):
    ablation_effect(model, "0", result, rows, batch_size=100, show_progress=True)
    assert "12/12" in capsys.readouterr().err
