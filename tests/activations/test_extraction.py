from __future__ import annotations

import logging
from collections import OrderedDict

import pytest
import torch
from captum.attr import LayerActivation
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from invert_captum.activations import extract_activations, resolve_layers


def conv_net(*, inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 5, 3),
            norm=nn.BatchNorm2d(5),
            relu1=nn.ReLU(inplace=inplace),
            conv2=nn.Conv2d(5, 4, 3),
            relu2=nn.ReLU(inplace=inplace),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            drop=nn.Dropout(0.5),
            head=nn.Linear(4, 2),
        )
    )


def outputs_of(model, name, *args, **kwargs):
    """What a layer gives, by a plain hook that copies at once."""
    kept = []
    model.eval()
    handle = model.get_submodule(name).register_forward_hook(
        lambda _, __, output: kept.append(output.clone())
    )
    with torch.no_grad():
        model(*args, **kwargs)
    handle.remove()
    (output,) = kept
    return output


def extract(model, layer, inputs, **options):
    return extract_activations(model, resolve_layers(model, layer), inputs, **options).activations


IMAGES = torch.randn(11, 3, 9, 9, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("batch_size", [4, 64])
def test_activations_are_what_a_plain_hook_sees(inplace, batch_size):
    model = conv_net(inplace=inplace)
    names = [name for name, _ in model.named_children()]
    expected = {name: outputs_of(model, name, IMAGES) for name in names}
    model.train()
    activations = extract(model, names, IMAGES, batch_size=batch_size)
    assert list(activations) == names
    for name in names:
        rows = expected[name] if expected[name].ndim == 2 else expected[name].mean((2, 3))
        torch.testing.assert_close(activations[name], rows)
    assert (activations["norm"] < 0).any()


def test_activations_are_captums_own():
    model = conv_net(inplace=True).eval()
    layers = [model.conv1, model.conv2]
    for layer, rows in zip(
        layers, extract(model, layers, IMAGES, reduce="max").values(), strict=True
    ):
        captum = LayerActivation(model, layer).attribute(IMAGES)
        assert torch.equal(rows, captum.amax((2, 3)))


def test_all_layers_share_one_forward_pass():
    model = conv_net()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    extract(model, ["conv1", "relu1", "conv2", "head"], IMAGES, batch_size=4)
    assert len(calls) == 3


def test_inputs_of_layers_are_taken_before_the_layer_changes_them():
    model = conv_net(inplace=True)
    activations = extract(model, ["relu1", "norm"], IMAGES, attribute_to_layer_input=True)
    torch.testing.assert_close(activations["relu1"], outputs_of(model, "norm", IMAGES).mean((2, 3)))
    torch.testing.assert_close(activations["norm"], outputs_of(model, "conv1", IMAGES).mean((2, 3)))


def test_the_model_itself_is_a_layer():
    model = conv_net().eval()
    with torch.no_grad():
        torch.testing.assert_close(extract(model, model, IMAGES)[""], model(IMAGES))


@pytest.mark.parametrize(
    "dtype", [None, torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
def test_dtype_is_that_of_the_kept_activations(dtype):
    plain = extract(conv_net(), "conv1", IMAGES)["conv1"]
    rows = extract(conv_net(), "conv1", IMAGES, dtype=dtype)["conv1"]
    assert torch.equal(rows, plain.to(dtype or torch.float32))
    assert rows.dtype == (dtype or torch.float32)


class Encoder(nn.Module):
    """Takes several inputs, by name or position, and gives a mapping, as text models do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.lstm = nn.LSTM(8, 6, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, input_ids, attention_mask=None, *, scale=1.0):
        padding = None if attention_mask is None else attention_mask == 0
        hidden = self.encoder(self.embed(input_ids) * scale, src_key_padding_mask=padding)
        attended, _ = self.attention(query=hidden, key=hidden, value=hidden, need_weights=False)
        sequence, _ = self.lstm(attended)
        return {"last_hidden_state": sequence, "extras": None}


IDS = torch.randint(20, (7, 5), generator=torch.Generator().manual_seed(2))
MASK = torch.ones(7, 5, dtype=torch.long)
MASK[::2, 3:] = 0


def test_transformers_and_models_that_give_mappings():
    model = Encoder()
    names = ["embed", "encoder.layers.0", "encoder.layers.1.linear1", "encoder"]
    for name, rows in extract(model, names, IDS, reduce="first", batch_size=3).items():
        torch.testing.assert_close(rows, outputs_of(model, name, IDS)[:, 0])


def test_tuples_of_inputs_further_arguments_and_keyword_batches_agree():
    model = Encoder()
    name = "encoder.layers.1"
    expected = outputs_of(model, name, IDS, MASK).mean(1)
    samples = [{"input_ids": i, "attention_mask": m} for i, m in zip(IDS, MASK, strict=True)]
    ways = [
        extract(model, name, (IDS, MASK), batch_size=3),
        extract(model, name, IDS, additional_forward_args=MASK, batch_size=3),
        extract(model, name, IDS, additional_forward_args=(MASK,), batch_size=3),
        extract(model, name, DataLoader(samples, batch_size=3)),
    ]
    for way in ways:
        torch.testing.assert_close(way[name], expected)


def test_keyword_batches_may_hold_other_things_than_tensors():
    model = Encoder()
    loader = DataLoader([{"input_ids": IDS, "attention_mask": None, "scale": 2.0}], batch_size=None)
    expected = outputs_of(model, "embed", IDS).mean(1)
    torch.testing.assert_close(extract(model, "embed", loader)["embed"], expected)
    expected = outputs_of(model, "encoder", IDS, scale=2.0).mean(1)
    torch.testing.assert_close(extract(model, "encoder", loader)["encoder"], expected)


def test_layers_that_give_tuples():
    model = Encoder().eval()
    captured = {}
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: captured.update({name: output})
        )
        for name in ("lstm", "attention")
    ]
    with torch.no_grad():
        model(IDS)
    for handle in handles:
        handle.remove()
    attended = extract(model, "attention", IDS, reduce="last")["attention"]
    torch.testing.assert_close(attended, captured["attention"][0][:, -1])
    with pytest.raises(ValueError, match=r"layer 'lstm' gives a tuple of 2 items.*callable"):
        extract(model, "lstm", IDS)
    final = extract(model, "lstm", IDS, reduce=lambda output: output[1][0][-1])["lstm"]
    torch.testing.assert_close(final, captured["lstm"][1][0][-1])


def test_loaders_give_the_same_as_tensors():
    model = conv_net()
    loader = DataLoader(TensorDataset(IMAGES, torch.zeros(11)), batch_size=4)
    assert torch.equal(
        extract(model, "conv2", loader)["conv2"],
        extract(model, "conv2", IMAGES, batch_size=4)["conv2"],
    )


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(IMAGES)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_loaders_of_unknown_length(batch_size):
    rows = extract(conv_net(), "conv2", DataLoader(Stream(), batch_size=batch_size))["conv2"]
    torch.testing.assert_close(rows, extract(conv_net(), "conv2", IMAGES)["conv2"])


def test_a_loader_that_leaves_samples_out_gives_fewer_rows():
    kept = DataLoader(
        IMAGES, batch_size=4, collate_fn=lambda images: torch.stack(images)[: len(images) - 1]
    )
    assert extract(conv_net(), "conv1", kept)["conv1"].shape == (8, 5)


def test_shuffled_rows_come_with_their_ids():
    model = conv_net()
    samples = [(image, {"sample_ids": index}) for index, image in enumerate(IMAGES)]
    loader = DataLoader(samples, batch_size=4, shuffle=True)
    extraction = extract_activations(model, {"conv1": model.conv1}, loader)
    order = [int(one) for one in extraction.sample_ids]
    expected = extract(model, "conv1", IMAGES)["conv1"][order]
    torch.testing.assert_close(extraction.activations["conv1"], expected)
    assert sorted(order) == list(range(11))


def test_results_need_no_gradients_and_have_memory_of_their_own():
    rows = extract(conv_net(), ["head", "conv1"], IMAGES.clone().requires_grad_())
    assert not any(one.requires_grad for one in rows.values())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_refused_with_the_remedy():
    model = Encoder()
    model.encoder.enable_nested_tensor = True
    model.encoder.use_nested_tensor = True
    with pytest.raises(ValueError, match="enable_nested_tensor=False"):
        extract(model, "encoder.layers.0", (IDS, MASK))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"reduce": "median"}, ValueError, "reduce is 'median'"),
        ({"neuron_dim": 7}, ValueError, "neuron_dim is 7"),
        ({"batch_size": 0}, ValueError, "batch_size is 0; expected an integer of at least 1"),
        ({"batch_size": 2.5}, TypeError, "batch_size is 2.5"),
        ({"dtype": torch.int8}, TypeError, "dtype is torch.int8; expected None or one of torch.f"),
        ({"dtype": "float16"}, TypeError, "dtype is 'float16'"),
        ({"reduce": lambda output: output[0]}, ValueError, "two axes"),
        ({"reduce": lambda output: output[:2, :, 0, 0]}, ValueError, "2 rows for a batch of 11"),
    ],
)
def test_arguments_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        extract(conv_net(), "conv1", IMAGES, **options)


def test_neuron_counts_that_change_are_refused():
    loader = DataLoader([torch.ones(2, 3), torch.ones(2, 4)], batch_size=None)
    with pytest.raises(ValueError, match="'0' has 4 neurons after row 2 and 3 before"):
        extract(nn.Sequential(nn.ReLU()), "0", loader)


def test_loaders_without_samples_are_refused():
    with pytest.raises(ValueError, match="no samples"):
        extract(nn.Sequential(nn.ReLU()), "0", DataLoader([], batch_size=2))


def hooks_of(model):
    kinds = [kind for kind in vars(nn.Module()) if "_hooks" in kind]
    assert "_forward_pre_hooks_with_kwargs" in kinds
    return [
        [list(getattr(module, kind) or ()) for kind in kinds if hasattr(module, kind)]
        for module in model.modules()
    ]


def model_state(model):
    flags = [module.training for module in model.modules()]
    weights = [(id(w.grad), w.requires_grad) for w in model.parameters()]
    buffers = [buffer.clone().tolist() for buffer in model.buffers()]
    return hooks_of(model), flags, weights, buffers


class Failing(nn.Module):
    def forward(self, x):
        if len(x) < 4:
            raise RuntimeError("broken sample")
        return x


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, None),
        ({"batch_size": 4}, "broken sample"),
        ({"reduce": lambda _: 1 / 0}, "division"),
        ({"neuron_dim": 9}, "neuron_dim"),
    ],
)
def test_the_model_is_as_before_also_after_an_error(options, message):
    model = nn.Sequential(OrderedDict(net=conv_net(), failing=Failing())).train()
    model.net.norm.eval()
    model.net.conv1.weight.requires_grad_(False)
    model.net.head.weight.grad = torch.ones_like(model.net.head.weight)
    model.net.conv2.register_forward_hook(lambda *_: None)
    before = model_state(model)
    if message is None:
        extract(model, ["net.conv1", "net.conv2"], IMAGES, **options)
    else:
        with pytest.raises((RuntimeError, ValueError, ZeroDivisionError), match=message):
            extract(model, ["net.conv1", "net.conv2"], IMAGES, **options)
    assert model_state(model) == before


def test_one_line_in_the_log_and_a_bar_on_request(caplog, capsys):
    caplog.set_level(logging.INFO, logger="invert_captum")
    extract(conv_net(), "conv1", IMAGES, show_progress=True)
    (record,) = caplog.records
    assert "'conv1': 11 x 5" in record.getMessage()
    assert "activations" in capsys.readouterr().err
    extract(conv_net(), "conv1", IMAGES)
    assert not capsys.readouterr().err


def test_the_model_is_as_before_while_the_error_is_still_there():
    model = nn.Sequential(nn.Identity()).train()
    loader = DataLoader([torch.ones(2, 3), torch.ones(2, 4)], batch_size=None)
    with pytest.raises(ValueError, match="4 neurons") as held:
        extract_activations(model, {"0": model[0]}, loader)
    assert held.tb is not None
    assert model.training
    assert not model[0]._forward_hooks
    assert not model[0]._forward_pre_hooks


@pytest.mark.parametrize("sign", [1, -1])
def test_activations_that_leave_the_range_of_the_dtype_are_refused(sign):
    model = nn.Sequential(nn.Identity())
    inputs = sign * 1e6 * torch.ones(3, 2)
    message = (
        "dtype is torch.float16, but layer '0' gives 1e[+]06, which is infinite in it; expected "
        "one of torch.bfloat16, torch.float32, torch.float64"
    )
    with pytest.raises(ValueError, match=message):
        extract_activations(model, {"0": model[0]}, inputs, dtype=torch.float16)
    infinite = torch.full((3, 2), torch.inf)
    kept = extract_activations(model, {"0": model[0]}, infinite, dtype=torch.float16)
    assert kept.activations["0"].isinf().all()
