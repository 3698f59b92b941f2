from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import captum.concept
import numpy as np
import pandas as pd
import pytest
import torch
from captum import attr
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from invert_captum import ActivationStore, ConceptSet, NeuronConceptLabeler, label_neurons

N = 240
MIXING = torch.tensor([[2.0, 0.0, -1.0], [0.0, 3.0, -1.0], [1.0, 1.0, 1.0]])
pytestmark = [
    pytest.mark.filterwarnings("ignore::invert_captum.InvertCaptumWarning"),
    pytest.mark.filterwarnings("ignore:Input Tensor"),
]


class Net(nn.Module):
    """Neuron i of ``hidden`` mixes three known cues of the image, neuron by neuron."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(3, 3, 1, bias=False)
        self.hidden.weight.data = MIXING.T[:, :, None, None].clone()
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.relu(self.hidden(x))).mean((2, 3))


rng = np.random.default_rng(0)
LABELS = rng.random((N, 3)) < 0.3
NOISE = rng.normal(scale=0.3, size=(N, 3, 4, 4))
IMAGES = torch.tensor(LABELS[:, :, None, None] + NOISE, dtype=torch.float32)
NAMES = ["red", "green", "blue"]
IDS = [f"image{i}" for i in rng.permutation(N)]
SETTINGS = {"max_length": 2, "min_positives": 5}


@pytest.fixture
def concepts():
    return ConceptSet(LABELS, NAMES)


@pytest.fixture
def named():
    return ConceptSet(LABELS, NAMES, sample_ids=IDS)


@pytest.fixture
def labeler():
    return NeuronConceptLabeler(Net(), "hidden")


def with_ids(order=range(N)):
    return [(IMAGES[i], {"sample_ids": IDS[i]}) for i in order]


def test_it_is_a_concept_interpreter_of_captum(labeler):
    assert isinstance(labeler, captum.concept.ConceptInterpreter)
    assert isinstance(labeler.model, Net)
    assert labeler.layer == "hidden"


def test_extraction_of_one_layer_is_a_tensor_and_of_a_list_a_dict(labeler):
    expected = (IMAGES.flatten(2).mean(2) @ MIXING)[:50]
    torch.testing.assert_close(labeler.extract(IMAGES[:50]), expected)
    several = NeuronConceptLabeler(labeler.model, ["hidden"]).extract(IMAGES[:50])
    torch.testing.assert_close(several["hidden"], expected)


def test_interpreting_is_extracting_then_labelling(labeler, concepts):
    result = labeler.interpret(IMAGES, concepts, reduce="max", batch_size=50, **SETTINGS)
    direct = label_neurons(labeler.extract(IMAGES, reduce="max"), concepts, **SETTINGS)
    layer = result.to_frame().pop("layer")
    columns = [name for name in direct.to_frame() if name != "layer"]
    assert result.to_frame()[columns].equals(direct.to_frame()[columns])
    assert set(layer.dropna()) <= {"hidden"}
    assert str(result[0][0].formula) == "red"
    assert str(result[1][0].formula) == "green"


def test_several_layers_are_one_result(concepts):
    result = NeuronConceptLabeler(Net(), ["hidden", "relu"]).interpret(IMAGES, concepts, **SETTINGS)
    assert set(result) == {(layer, i) for layer in ("hidden", "relu") for i in range(3)}


def test_the_model_itself_may_be_the_layer(concepts):
    model = Net()
    result = NeuronConceptLabeler(model, model).interpret(IMAGES, concepts, **SETTINGS)
    assert str(result[1][0].formula) == "green"
    assert result.settings["extraction"]["layers"] == [""]


def test_the_result_tells_model_and_extraction(labeler, concepts, tmp_path):
    def highest(output):
        return output.amax((2, 3))

    first = labeler.interpret(IMAGES, concepts, reduce=highest, dtype=torch.float16, **SETTINGS)
    assert first.settings["extraction"] == {
        "layers": ["hidden"],
        "reduce": "test_the_result_tells_model_and_extraction.<locals>.highest",
        "neuron_dim": None,
        "batch_size": 64,
        "dtype": "torch.float16",
        "attribute_to_layer_input": False,
    }
    assert first.settings["model"]["class"] == "Net"
    labeler.model.hidden.weight.data[0] += 1
    second = labeler.interpret(IMAGES, concepts, **SETTINGS)
    assert first.settings["model"]["sha256"] != second.settings["model"]["sha256"]
    second.save(tmp_path / "result.json")
    assert type(second).load(tmp_path / "result.json").settings == second.settings


def test_shuffling_with_ids_changes_nothing(labeler, named):
    ordered = labeler.interpret(IMAGES, named, **SETTINGS).to_frame()
    assert labeler.sample_ids is None
    loader = DataLoader(with_ids(), batch_size=32, shuffle=True)
    shuffled = labeler.interpret(loader, named, **SETTINGS).to_frame()
    assert shuffled.drop(columns="layer").equals(ordered.drop(columns="layer"))
    assert sorted(labeler.sample_ids) == sorted(IDS)
    assert labeler.sample_ids != IDS


def test_a_subset_of_the_samples_is_joined_and_so_are_its_groups(labeler, named):
    kept = sorted(rng.choice(N, 180, replace=False))
    groups = [int(i) // 4 for i in range(N)]
    loader = DataLoader(with_ids(kept[::-1]), batch_size=32)
    joined = labeler.interpret(loader, named, groups=groups, **SETTINGS)
    direct = label_neurons(
        labeler.extract(IMAGES[kept]),
        named.take(kept),
        groups=[groups[i] for i in kept],
        **SETTINGS,
    )
    assert joined.settings["groups_sha256"] == direct.settings["groups_sha256"]
    assert joined.settings["heldout"] == direct.settings["heldout"]
    columns = ["formula", "auc", "heldout_auc"]
    assert joined.to_frame()[columns].equals(direct.to_frame()[columns])


def test_ordered_loaders_with_ids_do_with_concepts_without(labeler, concepts):
    loader = DataLoader(with_ids(), batch_size=32)
    result = labeler.interpret(loader, concepts, **SETTINGS)
    direct = labeler.interpret(IMAGES, concepts, **SETTINGS)
    assert result.to_frame().equals(direct.to_frame())


def test_progress_is_shown_for_both(labeler, concepts, capsys):
    labeler.interpret(IMAGES, concepts, show_progress=True, **SETTINGS)
    assert "activations" in capsys.readouterr().err


def loader_of(data, **options):
    return DataLoader(data, batch_size=32, **options)


@pytest.mark.parametrize(
    ("inputs", "arguments", "error", "message"),
    [
        (IMAGES, {"beam_widht": 3}, TypeError, "unexpected argument 'beam_widht'.*'beam_width'"),
        (IMAGES, {"activations": 3}, TypeError, "unexpected argument 'activations'"),
        (IMAGES, {"max_length": 0}, ValueError, "max_length is 0"),
        (IMAGES, {"sign": "up"}, ValueError, "sign is 'up'"),
        (IMAGES, {"reduce": "median"}, ValueError, "reduce is 'median'"),
        (IMAGES, {"groups": [1, 2]}, ValueError, "groups has 2 entries, concepts has 240 samples"),
        (IMAGES[1:], {}, ValueError, "concepts has 240 samples, inputs has 239: the rows must be"),
        (loader_of(IMAGES[1:]), {}, ValueError, "concepts has 240 samples, inputs has 239"),
        (loader_of(IMAGES, drop_last=True), {}, ValueError, "inputs has 224"),
        (loader_of(with_ids(), shuffle=True), {}, ValueError, "concepts has no sample_ids to join"),
        (list(IMAGES), {}, TypeError, "inputs is list"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_runs(
    labeler, concepts, inputs, arguments, error, message
):
    calls = []
    labeler.model.register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(error, match=message):
        labeler.interpret(inputs, concepts, **arguments)
    assert not calls


def test_other_mismatches_are_refused(labeler, concepts, named):
    with pytest.raises(TypeError, match="concepts is of type list; expected a ConceptSet"):
        labeler.interpret(IMAGES, [concepts])
    with pytest.raises(ValueError, match="does not read its dataset in order"):
        labeler.interpret(loader_of(TensorDataset(IMAGES), shuffle=True), named)
    strange = [(image, {"sample_ids": f"other{i}"}) for i, image in enumerate(IMAGES)]
    with pytest.raises(ValueError, match="not in the concept set"):
        labeler.interpret(loader_of(strange), named)
    with pytest.raises(ValueError, match="239"):
        labeler.interpret(loader_of(TensorDataset(IMAGES[1:])), named, **SETTINGS)
    with pytest.raises(ValueError, match=r"layer is 'hiden'.*'hidden'"):
        NeuronConceptLabeler(Net(), "hiden")


def test_attribution_uses_the_reduction_of_the_last_extraction(labeler):
    images = IMAGES[:3]
    where = images.flatten(2).clone()

    def gradient(**options):
        return labeler.attribute(images, 1, attr.NeuronGradient, **options)

    mean = MIXING[:, 1].reshape(1, 3, 1, 1) / 16
    torch.testing.assert_close(gradient(), mean.expand(3, 3, 4, 4))
    labeler.extract(images, reduce="max")
    highest = (where * MIXING[:, 1].reshape(1, 3, 1)).sum(1).argmax(1)
    expected = torch.zeros(3, 3, 16)
    for i, place in enumerate(highest):
        expected[i, :, place] = MIXING[:, 1]
    torch.testing.assert_close(gradient(), expected.reshape(3, 3, 4, 4))
    torch.testing.assert_close(gradient(reduce="mean"), mean.expand(3, 3, 4, 4))
    labeler.extract(images, reduce="first", neuron_dim=2)
    torch.testing.assert_close(
        gradient(),
        attr.NeuronGradient(labeler.model, labeler.model.hidden).attribute(images, (0, 1, 0)),
    )
    labeler.extract(images, reduce=lambda maps: maps.sum((2, 3)))
    torch.testing.assert_close(gradient(), 16 * mean.expand(3, 3, 4, 4))


def test_attribution_is_at_the_input_of_the_layer_if_the_extraction_was():
    model = Net()
    at_relu, at_hidden = (NeuronConceptLabeler(model, name) for name in ("relu", "hidden"))
    before = at_hidden.attribute(IMAGES[:3], 2)
    assert not torch.allclose(at_relu.attribute(IMAGES[:3], 2), before)
    at_relu.extract(IMAGES[:3], attribute_to_layer_input=True)
    torch.testing.assert_close(at_relu.attribute(IMAGES[:3], 2), before)
    after = at_relu.attribute(IMAGES[:3], 2, attribute_to_neuron_input=False)
    assert not torch.allclose(after, before)


def test_layer_maps_follow_the_extraction():
    labeler = NeuronConceptLabeler(Net(), "relu")
    images = IMAGES[:3]
    labeler.extract(images, reduce="l2", attribute_to_layer_input=True)
    ours = labeler.attribute(images, 2, attr.LayerActivation)
    hidden = labeler.model.hidden(images)[:, 2].detach()
    shares = hidden.square() / hidden.flatten(1).norm(dim=1).reshape(3, 1, 1)
    torch.testing.assert_close(ours, shares.unsqueeze(1))
    after = labeler.attribute(images, 2, attr.LayerActivation, attribute_to_layer_input=False)
    assert not torch.allclose(after, ours)


def test_neurons_of_several_layers_go_by_name():
    model = Net()
    several = NeuronConceptLabeler(model, ["hidden", model.relu])
    for name in ("hidden", "relu"):
        alone = NeuronConceptLabeler(model, name)
        expected = alone.attribute(IMAGES[:2], 1)
        torch.testing.assert_close(several.attribute(IMAGES[:2], (name, 1)), expected)
        torch.testing.assert_close(alone.attribute(IMAGES[:2], (name, 1)), expected)
    with pytest.raises(TypeError, match="expected a layer name and a neuron, such as"):
        several.attribute(IMAGES[:2], 1)
    with pytest.raises(ValueError, match="names layer 'drop'; expected one of"):
        several.attribute(IMAGES[:2], ("drop", 1))
    with pytest.raises(ValueError, match="neuron_selector is 3, but layer 'relu' has 3 neurons"):
        several.attribute(IMAGES[:2], ("relu", 3))


def test_the_model_stays_in_training_mode(labeler, concepts):
    labeler.model.train()
    labeler.interpret(IMAGES, concepts, **SETTINGS)
    labeler.attribute(IMAGES[:2], 0)
    assert all(module.training for module in labeler.model.modules())
    assert all(weight.grad is None for weight in labeler.model.parameters())


def test_a_list_of_one_layer_gives_keys_with_the_layer(concepts):
    several = NeuronConceptLabeler(Net(), ["hidden"]).interpret(IMAGES, concepts, **SETTINGS)
    alone = NeuronConceptLabeler(Net(), "hidden").interpret(IMAGES, concepts, **SETTINGS)
    assert several.keys() == [("hidden", 0), ("hidden", 1), ("hidden", 2)]
    assert alone.keys() == [0, 1, 2]
    assert several[1] == alone[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"neurons": "x"}, "neurons is 'x'"),
        ({"block_size": 0}, "block_size is 0"),
        ({"groups": [1] * N, "significance": None}, "groups is given"),
        ({"groups": [1] * N}, "leaves one part empty"),
        ({"min_positives": 200}, "no concept and no negated concept"),
        ({"max_length": 0}, "max_length is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_refusals_come_before_the_model_runs(concepts, arguments, message):
    model = Net()
    model.forward = None
    with pytest.raises((TypeError, ValueError), match=message):
        NeuronConceptLabeler(model, "hidden").interpret(IMAGES, concepts, **arguments)


def test_groups_of_a_series_are_taken_by_position(named):
    groups = np.arange(N) // 3
    order = rng.permutation(N)
    loader = DataLoader(with_ids(order), batch_size=16)
    labeler = NeuronConceptLabeler(Net(), "hidden")
    results = [
        labeler.interpret(loader, named, groups=same, **SETTINGS)
        for same in (groups.tolist(), pd.Series(groups, index=order), torch.from_numpy(groups))
    ]
    assert results[0] == results[1] == results[2]
    heldout = results[0].heldout
    assert not set(groups[heldout]) & set(groups[~heldout])


def test_a_model_that_works_in_place_leaves_the_inputs_alone():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            x -= 1.0
            return self.layer(x)

    images = torch.rand(5, 2)
    before = images.clone()
    labeler = NeuronConceptLabeler(InPlace(), "layer")
    torch.testing.assert_close(labeler.extract(images), before - 1)
    assert torch.equal(images, before)


def test_settings_name_functions_without_their_addresses(concepts):
    reduce = functools.partial(torch.amax, dim=(2, 3))
    result = NeuronConceptLabeler(Net(), "hidden").interpret(
        IMAGES, concepts, reduce=reduce, batch_size=np.int64(50), **SETTINGS
    )
    assert "0x" not in str(result.settings["extraction"])
    assert type(result.settings["extraction"]["batch_size"]) is int


def test_a_store_holds_what_memory_holds(labeler, tmp_path):
    store = labeler.extract(IMAGES, reduce="max", store=tmp_path / "one")
    assert isinstance(store, ActivationStore)
    assert torch.equal(store.load(), labeler.extract(IMAGES, reduce="max"))
    assert not store.keyed_by_layer
    several = NeuronConceptLabeler(labeler.model, ["hidden", "relu"])
    store = several.extract(IMAGES, store=str(tmp_path / "two"))
    assert store.keyed_by_layer
    expected = several.extract(IMAGES)
    assert all(torch.equal(store.load(name), expected[name]) for name in ("hidden", "relu"))


def test_a_store_is_begun_by_one_model_only(labeler, tmp_path):
    labeler.extract(IMAGES, store=tmp_path / "store")
    labeler.model.hidden.weight.data[0] += 1
    with pytest.raises(ValueError, match="was begun with model_sha256"):
        labeler.extract(IMAGES, store=tmp_path / "store")


class Pictures(torch.utils.data.Dataset):
    def __init__(self, order=range(N)) -> None:
        self.order = list(order)

    def __len__(self):
        return len(self.order)

    def __getitem__(self, index):
        sample = self.order[index]
        return IMAGES[sample], {"sample_ids": IDS[sample]}


def test_interpreting_from_a_store_gives_the_same_labels(labeler, concepts, tmp_path):
    direct = labeler.interpret(IMAGES, concepts, **SETTINGS)
    kept = labeler.interpret(IMAGES, concepts, store=tmp_path / "store", **SETTINGS)
    assert kept == direct
    several = NeuronConceptLabeler(labeler.model, ["hidden", "relu"])
    kept = several.interpret(IMAGES, concepts, store=tmp_path / "two", **SETTINGS)
    assert kept == several.interpret(IMAGES, concepts, **SETTINGS)


@pytest.mark.parametrize("shuffled", [False, True])
def test_rows_of_a_store_are_joined_on_their_ids(labeler, named, tmp_path, shuffled):
    order = rng.permutation(N)[:200] if shuffled else range(N)
    groups = [int(i) // 3 for i in range(N)]
    for executor in (None, ThreadPoolExecutor(2)):
        result = labeler.interpret(
            Pictures(order),
            named,
            store=tmp_path / f"store{executor is None}",
            executor=executor,
            groups=groups,
            **SETTINGS,
        )
        assert labeler.sample_ids == [IDS[i] for i in order]
        direct = label_neurons(
            labeler.extract(Pictures(order)),
            named.take(list(order)),
            groups=[groups[i] for i in order],
            **SETTINGS,
        )
        assert result.settings["heldout"] == direct.settings["heldout"]
        columns = ["formula", "auc", "heldout_auc", "p_value"]
        assert result.to_frame()[columns].equals(direct.to_frame()[columns])


def test_a_data_set_is_an_input_as_a_loader_is(labeler, named):
    loader = DataLoader(Pictures(), batch_size=64)
    assert torch.equal(labeler.extract(Pictures()), labeler.extract(loader))
    assert labeler.sample_ids == IDS
    frame = labeler.interpret(Pictures(), named, **SETTINGS).to_frame()
    assert frame.equals(labeler.interpret(loader, named, **SETTINGS).to_frame())


def test_executors_need_inputs_with_random_access(labeler, concepts):
    with ThreadPoolExecutor(2) as executor:
        assert torch.equal(labeler.extract(IMAGES, executor=executor), labeler.extract(IMAGES))
        with pytest.raises(TypeError, match="with executor expected a map-style"):
            labeler.extract(loader_of(IMAGES), executor=executor)


def unusual(labeler, result, **options):
    images = IMAGES[:4]
    table = labeler.explain(
        images, result, min_percentile=0, significant_only=False, top=100, **options
    )
    return table.sort_values(["sample", "neuron"]).reset_index(drop=True)


def test_inputs_are_explained_by_their_percentile_among_the_labelled(labeler, concepts):
    result = labeler.interpret(IMAGES, concepts, reduce="max", **SETTINGS)
    values = labeler.labelled[0]["hidden"].double().numpy()
    table = unusual(labeler, result)
    assert set(table["sample"]) == {0, 1, 2, 3}
    for row in table.itertuples():
        column = values[:, row.neuron]
        lower, equal = (column < column[row.sample]).mean(), (column == column[row.sample]).mean()
        assert row.activation == pytest.approx(column[row.sample])
        assert row.percentile == pytest.approx(100 * (lower + equal / 2))


def test_the_reference_is_that_of_the_result_whatever_was_extracted_since(labeler, concepts):
    result = labeler.interpret(IMAGES, concepts, **SETTINGS)
    expected = unusual(labeler, result)
    for others in (IMAGES.flip(0) ** 3, IMAGES[:7]):
        labeler.extract(others, reduce="max")
        assert unusual(labeler, result).equals(expected)


def test_the_last_extraction_is_the_reference_of_other_results(labeler, concepts):
    half = concepts.take(range(120))
    other = NeuronConceptLabeler(labeler.model, "hidden")
    result = other.interpret(IMAGES[:120], half, **SETTINGS)
    expected = unusual(other, result)
    labeler.interpret(IMAGES, concepts, **SETTINGS)
    with pytest.raises(ValueError, match=r"labeler has those of 240 samples.* result is of 120"):
        unusual(labeler, result)
    reference = labeler.extract(IMAGES[:120])
    assert unusual(labeler, result).equals(expected)
    fresh = NeuronConceptLabeler(labeler.model, "hidden")
    assert unusual(fresh, result, reference=reference).equals(expected)
    with pytest.raises(ValueError, match="labeler has no activations, but the result is of 120"):
        unusual(fresh, result)


def mean(maps):
    return -maps.mean((2, 3))


def test_a_function_of_the_name_of_a_reduction_is_not_taken_for_it(labeler, concepts):
    result = labeler.interpret(IMAGES, concepts, reduce=mean, **SETTINGS)
    table = unusual(labeler, result)
    values = labeler.labelled[0]["hidden"]
    for row in table.itertuples():
        assert row.activation == pytest.approx(float(values[row.sample, row.neuron]))
    with pytest.raises(
        ValueError, match=r"by the function '.*\.mean', which this labeler does not"
    ):
        unusual(NeuronConceptLabeler(labeler.model, "hidden"), result, reference=values)
