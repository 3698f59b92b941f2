"""Equal outputs with what Keras wrote."""

import shutil

import h5py
import numpy as np
import pytest
import timm
import torch
from narrow_vgg16 import arrays_of, changed, check_equal, narrow_vgg, outputs, replaced
from torch import nn

from invert_captum.alignment.weights.loading import load_keras_weights
from invert_captum.alignment.weights.preprocessing import keras_preprocessing

# The second layer of this kind in the process that writes the files.
NORMALIZATION = "normalization_1"


def test_vgg16_of_keras_applications(keras_files):
    model = narrow_vgg((2, 2))
    loaded = load_keras_weights(model, keras_files / "square.h5", preprocessing="caffe")
    images, theirs = arrays_of(keras_files, "square")
    ours = outputs(model, images.permute(0, 3, 1, 2) / 128, softmax=False)
    check_equal(ours, theirs)
    assert (loaded.architecture, loaded.n_assigned) == ("VGG16", 32)
    assert (loaded.image_size, loaded.head_activation) == ((64, 64), "linear")
    assert loaded.preprocessing == keras_preprocessing("caffe")


@pytest.mark.parametrize("pooling", [None, nn.Identity()])
def test_dense_kernels_follow_the_flattening_of_maps_that_are_not_square(keras_files, pooling):
    model = narrow_vgg((2, 3), pooling=pooling)
    loaded = load_keras_weights(model, keras_files / "narrow.h5")
    assert (loaded.image_size, loaded.head_activation) == ((64, 96), "softmax")
    images, theirs = arrays_of(keras_files, "narrow")
    check_equal(outputs(model, images.permute(0, 3, 1, 2) / 128, softmax=True), theirs)


def test_the_three_layouts_give_the_same_weights(keras_files, tmp_path):
    with h5py.File(keras_files / "square.h5") as whole, h5py.File(tmp_path / "w.h5", "w") as file:
        for key in whole["model_weights"]:
            whole["model_weights"].copy(key, file)
        names = whole["model_weights"].attrs["layer_names"]
        # Long lists are kept in pieces.
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:9], names[9:]
    paths = [keras_files / "square.h5", tmp_path / "w.h5", keras_files / "square.weights.h5"]
    models = [narrow_vgg((2, 2)) for _ in paths]
    loaded = [load_keras_weights(*pair) for pair in zip(models, paths, strict=True)]
    assert [one.layout for one in loaded] == ["whole model", "weights", "Keras 3 weights"]
    assert [one.head_activation for one in loaded] == ["linear", None, None]
    states = [model.state_dict() for model in models]
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key])
        assert torch.equal(value, states[2][key])
    images, theirs = arrays_of(keras_files, "square")
    check_equal(outputs(models[2], images.permute(0, 3, 1, 2) / 128, softmax=False), theirs)


def test_efficientnet_of_keras_applications_with_its_normalising_layers(keras_files):
    model = timm.create_model("tf_efficientnet_b0", num_classes=5)
    loaded = load_keras_weights(model, keras_files / "efficientnet.h5")
    images, theirs = arrays_of(keras_files, "efficientnet")
    pixels = loaded.preprocessing(images.permute(0, 3, 1, 2))
    check_equal(outputs(model, pixels, softmax=True), theirs)
    variables = ("mean", "variance", "count")
    assert loaded.ignored == tuple(f"{NORMALIZATION}/{variable}" for variable in variables)
    assert (loaded.architecture, loaded.image_size) == ("EfficientNetB0", (37, 50))


def test_efficientnet_of_the_package_efficientnet(keras_files, tmp_path):
    """That one has another name for the head, and no normalising layers."""
    path = shutil.copy(keras_files / "efficientnet.h5", tmp_path / "package.h5")

    def rename(group):
        kernel, bias = (group["predictions"]["predictions"][key][()] for key in ("kernel", "bias"))
        del group["predictions"], group[NORMALIZATION]
        group.create_group("probs").attrs["weight_names"] = ["probs/kernel:0", "probs/bias:0"]
        group["probs"]["probs/kernel:0"], group["probs"]["probs/bias:0"] = kernel, bias
        names = [name for name in group.attrs["layer_names"] if name != NORMALIZATION]
        group.attrs["layer_names"] = ["probs" if name == "predictions" else name for name in names]

    changed(path, rename)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"].replace('"predictions"', '"probs"')
        for kind in ("Rescaling", "Normalization"):
            text = text.replace(f'"class_name": "{kind}"', '"class_name": "Identity"')
        file.attrs["model_config"] = text
    model = timm.create_model("tf_efficientnet_b0", num_classes=5)
    loaded = load_keras_weights(model, path)
    assert loaded.preprocessing == keras_preprocessing("torch")
    assert loaded.head_activation == "softmax"
    whole = timm.create_model("tf_efficientnet_b0", num_classes=5)
    load_keras_weights(whole, keras_files / "efficientnet.h5")
    for ours, theirs in zip(model.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_rescaling_layers_become_preprocessing(keras_files):
    model = narrow_vgg((1, 1))
    loaded = load_keras_weights(model, keras_files / "rescaled.h5")
    images, theirs = arrays_of(keras_files, "rescaled")
    pixels = loaded.preprocessing(images.permute(0, 3, 1, 2))
    check_equal(outputs(model, pixels, softmax=True), theirs)
    before = load_keras_weights(model, keras_files / "rescaled.h5", preprocessing="caffe")
    caffe = keras_preprocessing("caffe")(images.permute(0, 3, 1, 2))
    raw = loaded.preprocessing
    expected = (caffe * raw.scale - torch.tensor(raw.mean)[:, None, None]) / torch.tensor(raw.std)[
        :, None, None
    ]
    torch.testing.assert_close(before.preprocessing(images.permute(0, 3, 1, 2)), expected)


def test_preprocessing_is_that_of_the_released_code_by_default(keras_files):
    loaded = load_keras_weights(narrow_vgg((2, 2)), keras_files / "square.h5")
    assert loaded.preprocessing == keras_preprocessing("torch")
    assert loaded.ignored == ()


def test_training_flags_gradients_and_precision_stay(narrow):
    model = narrow_vgg((2, 2)).double()
    model.features[0].eval()
    model.features[0].weight.requires_grad_(False)
    flags = [module.training for module in model.modules()]
    parameters = {name: id(parameter) for name, parameter in model.named_parameters()}
    load_keras_weights(model, narrow)
    assert [module.training for module in model.modules()] == flags
    assert {name: id(parameter) for name, parameter in model.named_parameters()} == parameters
    assert not model.features[0].weight.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.features[2].weight.dtype == torch.float64


@pytest.mark.parametrize("kind", ["float16", "float64"])
def test_other_floats_are_converted(narrow, kind):
    values = np.linspace(-1, 1, 5).astype(kind)
    changed(narrow, lambda group: replaced(group, "predictions", "bias", values))
    model = narrow_vgg((2, 2))
    load_keras_weights(model, narrow)
    np.testing.assert_array_equal(model.classifier[6].bias.detach(), values.astype("float32"))
