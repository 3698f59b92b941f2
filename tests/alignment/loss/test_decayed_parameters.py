"""Which parameters weight decay holds."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from invert_captum.alignment.loss.decayed_parameters import decayed_parameters, half_squared_norm


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(2),
        nn.LayerNorm(2),
        nn.GroupNorm(1, 2),
        nn.InstanceNorm1d(2, affine=True),
        nn.Embedding(3, 2),
        nn.SyncBatchNorm(2),
    ],
)
def test_normalization_and_embeddings_are_left_out_whatever_their_name(layer):
    assert list(decayed_parameters(nn.Sequential(layer, nn.Linear(2, 2)))) == ["1.weight", "1.bias"]


@pytest.mark.parametrize(
    "name", ["pos_embed", "class_token", "cls_token", "pos_embedding", "LayerNorm", "dist_token"]
)
def test_names_of_tokens_embeddings_and_norms_are_left_out(name):
    model = nn.Module()
    model.kept = nn.Linear(2, 2, bias=False)
    model.register_parameter(name, nn.Parameter(torch.ones(2)))
    assert list(decayed_parameters(model)) == ["kept.weight"]


def test_of_a_vision_transformer_only_tokens_positions_and_norms_are_left_out():
    from torchvision.models import VisionTransformer

    model = VisionTransformer(32, 8, 1, 2, 16, 32, num_classes=3)
    left_out = {name for name, _ in model.named_parameters()} - set(decayed_parameters(model))
    layers = ("encoder.layers.encoder_layer_0.ln_1", "encoder.layers.encoder_layer_0.ln_2")
    norms = {f"{layer}.{kind}" for layer in (*layers, "encoder.ln") for kind in ("weight", "bias")}
    assert left_out == {"class_token", "encoder.pos_embedding"} | norms


def test_of_resnet_as_many_as_the_reference_decays(golden_facts):
    """ResNet50 of Keras has a bias in its 53 convolutions, torchvision's none."""
    from torchvision.models import resnet50

    fact = golden_facts["weight_decay_applications"]["ResNet50"]
    assert len(decayed_parameters(resnet50())) == fact["decayed_variables"] - 53


def test_of_vgg_all_as_in_the_reference(golden_facts):
    from torchvision.models import vgg16

    fact = golden_facts["weight_decay_applications"]["VGG16"]
    with torch.device("meta"):
        decayed = decayed_parameters(vgg16())
    assert len(decayed) == fact["decayed_variables"]
    assert sum(parameter.numel() for parameter in decayed.values()) == fact["decayed_parameters"]


def test_frozen_parameters_are_left_out_and_shared_ones_count_once():
    shared = nn.Linear(2, 2, bias=False)
    frozen = nn.Linear(2, 2).requires_grad_(False)
    model = nn.Sequential(OrderedDict(first=shared, frozen=frozen, again=shared))
    assert list(decayed_parameters(model)) == ["first.weight"]


def test_half_the_sum_of_squares_in_at_least_float32():
    parameters = {
        "half": nn.Parameter(torch.full((1000,), 300.0, dtype=torch.float16)),
        "double": nn.Parameter(torch.tensor([2.0], dtype=torch.float64)),
    }
    norm = half_squared_norm(parameters, like=torch.zeros(1, dtype=torch.float64))
    assert float(norm.detach()) == (1000 * 300.0**2 + 4) / 2
    norm.backward()
    assert float(parameters["double"].grad) == 2
