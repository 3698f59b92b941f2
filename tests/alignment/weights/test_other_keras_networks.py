"""Networks that would compute something else are refused, and the model stays as it was."""

import shutil
import sys

import h5py
import numpy as np
import pytest
import timm
import torch
from narrow_vgg16 import WIDTHS, changed, check_refused, edited_layers, narrow_vgg, replaced
from torchvision.models import resnet18, vgg16
from torchvision.models.vgg import make_layers

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.weights.loading import load_keras_weights


def of_layers(path, names):
    with h5py.File(path, "w") as file:
        for name in names:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0"]
            group[f"{name}/kernel:0"] = np.zeros((2, 2), "float32")
        file.attrs["layer_names"] = names
    return path


def test_other_models_are_refused(keras_files, narrow):
    check_refused(narrow, "ResNet; expected the model that torchvision", model=resnet18())
    with torch.device("meta"):
        empty = vgg16()
    with pytest.raises(ValueError, match="on the meta device"):
        load_keras_weights(empty, narrow)
    with pytest.raises(TypeError, match="model is 3"):
        load_keras_weights(3, narrow)
    check_refused(narrow, r"classifier.6.weight is \(9, 10\)", model=narrow_vgg((2, 2), classes=9))
    check_refused(narrow, r"averages to \(3, 3\), .* maps \(2, 2\)", model=narrow_vgg((3, 3)))
    normed = narrow_vgg((2, 2))
    normed.features = make_layers(WIDTHS, batch_norm=True)
    check_refused(narrow, "kinds 'BatchNorm2d'", model=normed)
    deeper = narrow_vgg((2, 2))
    deeper.features = make_layers([4, *WIDTHS])
    check_refused(narrow, "model has the parameters", model=deeper)


def test_efficientnets_with_other_padding_or_epsilon_are_refused(keras_files):
    path = keras_files / "efficientnet.h5"
    symmetric = timm.create_model("efficientnet_b0", num_classes=5)
    check_refused(path, "model.conv_stem pads both sides alike", model=symmetric)
    other = timm.create_model("tf_efficientnet_b0", num_classes=5, bn_eps=1e-5)
    check_refused(path, r"model.bn1 has eps 1e-05, .* stem_bn 0.001", model=other)
    relu = timm.create_model("tf_efficientnet_b0", num_classes=5, act_layer="relu")
    check_refused(path, "kinds 'ReLU'", model=relu)


def test_weights_alone_do_not_tell_the_normalising_layers(keras_files):
    path = keras_files / "rescaled.weights.h5"
    message = "normalising input layer, .* expected a whole model"
    check_refused(path, message, model=narrow_vgg((1, 1)))


def test_layers_that_cannot_be_accounted_for_are_told(keras_files, narrow, tmp_path):
    inside = shutil.copy(keras_files / "rescaled.h5", tmp_path / "inside.h5")
    edited_layers(inside, lambda layers: layers.append(layers.pop(1)))
    check_refused(inside, "scaling layers 'rescaling' inside", model=narrow_vgg((1, 1)))
    custom = {"class_name": "Lambda", "config": {"name": "mystery"}}
    edited_layers(narrow, lambda layers: layers.insert(1, custom))
    with pytest.warns(InvertCaptumWarning, match="layers 'mystery' before the first weights"):
        load_keras_weights(narrow_vgg((2, 2)), narrow)


@pytest.mark.parametrize(
    ("layer", "setting", "value", "message"),
    [
        (1, "scale", 0.0, "scale .* in the layer rescaling; expected not 0"),
        (1, "scale", "x", "scale 'x' .* in the layer rescaling; expected 1 or 3 numbers"),
        (1, "offset", [1, 2], r"offset \[1, 2\] .* expected 1 or 3 numbers"),
        (2, "invert", True, "layer normalization without a mean and a variance, or inverted"),
    ],
)
def test_scaling_that_is_not_affine_is_refused(
    keras_files, tmp_path, layer, setting, value, message
):
    path = shutil.copy(keras_files / "rescaled.h5", tmp_path / "scaled.h5")
    edited_layers(path, lambda layers: layers[layer]["config"].update({setting: value}))
    check_refused(path, message, model=narrow_vgg((1, 1)))


@pytest.mark.parametrize(
    ("variable", "values", "message"),
    [
        ("variance", np.full(3, -1, "float32"), "variance .* expected at least 0"),
        ("mean", np.zeros(4, "float32"), r"mean of shape \(4,\) .* expected 1 or 3 numbers"),
    ],
)
def test_statistics_that_are_none_are_refused(keras_files, tmp_path, variable, values, message):
    path = shutil.copy(keras_files / "rescaled.h5", tmp_path / "statistics.h5")
    changed(path, lambda group: replaced(group, "normalization", variable, values))
    check_refused(path, message, model=narrow_vgg((1, 1)))


def test_missing_timm_is_told(keras_files, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm.models.efficientnet", None)
    path = keras_files / "efficientnet.h5"
    check_refused(path, r"timm: pip install 'invert-captum\[alignment\]'", error=ImportError)


def test_another_activation_is_refused(narrow):
    with h5py.File(narrow, "r+") as file:
        text = file.attrs["model_config"]
        file.attrs["model_config"] = text.replace('"relu"', '"elu"', 1)
    check_refused(narrow, "activation 'elu' in the layer block1_conv1; expected 'relu'")


@pytest.mark.parametrize(
    ("layer", "setting", "value", "message"),
    [
        (
            "block1_pool",
            None,
            "AveragePooling2D",
            "block1_pool of the kind AveragePooling2D, which",
        ),
        ("block1_pool", "pool_size", [3, 3], r"pool_size \[3, 3\] .* in the layer block1_pool"),
        ("block2_conv1", "padding", "valid", "padding 'valid' .* in the layer block2_conv1"),
        (
            "block2_conv1",
            "strides",
            [2, 2],
            r"strides \[2, 2\] in .* model.features.5 has \[1, 1\]",
        ),
        ("block2_conv1", "dilation_rate", [2, 2], r"dilation_rate \[2, 2\] in the layer block2"),
    ],
)
def test_layers_that_compute_otherwise_with_the_same_weights_are_refused(
    narrow, layer, setting, value, message
):
    def edit(layers):
        (found,) = [entry for entry in layers if entry["config"]["name"] == layer]
        if setting is None:
            found["class_name"] = value
        else:
            found["config"][setting] = value

    check_refused(edited_layers(narrow, edit), message)


def test_architectures_without_a_counterpart_are_refused_with_the_reason(tmp_path, narrow):
    path = of_layers(tmp_path / "resnet.h5", ["conv1_conv", "post_bn"])
    check_refused(path, "ResNet50V2, which has no counterpart in PyTorch: in each stack")
    unknown = of_layers(tmp_path / "unknown.h5", ["dense"])
    check_refused(unknown, "layers 'dense', which are those of no known architecture")
    nothing = of_layers(tmp_path / "nothing.h5", [])
    check_refused(nothing, "layers none")
    check_refused(narrow, "architecture is 'LeViT', but path has .* VGG16", architecture="LeViT")
    check_refused(unknown, "layers named 'dense'", architecture="VGG16")
    check_refused(narrow, "architecture is 'VGG19'; expected one of", architecture="VGG19")
    check_refused(narrow, "preprocessing is 'bgr'; expected one of", preprocessing="bgr")
    loaded = load_keras_weights(narrow_vgg((2, 2)), narrow, architecture="VGG16")
    assert loaded.architecture == "VGG16"
