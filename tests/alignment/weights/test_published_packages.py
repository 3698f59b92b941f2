"""Files of the packages that Harmonization's released code names, and those packages' outputs."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import timm
import torch
from timm.models.levit import Levit
from torchvision.models import VisionTransformer
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

from invert_captum.alignment.weights.loading import load_keras_weights

DATA = Path(__file__).parent / "data"


def convnext():
    widths = [(8, 12, 1), (12, 16, 2), (16, 20, 1), (20, None, 1)]
    return ConvNeXt([CNBlockConfig(*width) for width in widths], num_classes=5)


def vit(heads=2):
    return VisionTransformer(
        image_size=16,
        patch_size=8,
        num_layers=2,
        num_heads=heads,
        hidden_dim=16,
        mlp_dim=32,
        num_classes=5,
    )


def levit():
    return Levit(
        img_size=48,
        embed_dim=(16, 24, 32),
        num_heads=(2, 3, 4),
        depth=(2, 1, 1),
        key_dim=8,
        num_classes=5,
    )


def maxvit():
    return timm.create_model(
        "maxvit_tiny_tf_224",
        img_size=64,
        num_classes=5,
        embed_dim=(32, 64),
        depths=(1, 1),
        stem_width=8,
        head_hidden_size=64,
    )


BUILDERS = {"convnext": convnext, "vit": vit, "levit": levit, "maxvit": maxvit}
NAMES = {"convnext": "ConvNeXt-T", "vit": "ViT-B16", "levit": "LeViT", "maxvit": "MaxViT-T"}


def outputs(model, name):
    with np.load(DATA / "outputs.npz") as arrays:
        images, expected = arrays[f"{name}/images"], arrays[f"{name}/outputs"]
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 128 - 1
    with torch.no_grad():
        return model.eval()(pixels).numpy(), expected


def check_equal(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * abs(theirs).max())
    # Networks that ignore their input would agree as well.
    assert theirs.std(axis=0).max() > 0.05 * abs(theirs).max()


def weights_only(name, path):
    """Write the layout of Keras 2's `save_weights`: what a whole model has in `model_weights`."""
    with h5py.File(DATA / f"{name}.h5") as whole, h5py.File(path, "w") as file:
        group = whole["model_weights"]
        for key in group:
            group.copy(key, file)
        for key, value in group.attrs.items():
            file.attrs[key] = value
    return path


@pytest.mark.parametrize("name", BUILDERS)
def test_outputs_are_those_of_the_keras_network(name):
    model = BUILDERS[name]()
    loaded = load_keras_weights(model, DATA / f"{name}.h5")
    ours, theirs = outputs(model, name)
    check_equal(ours, theirs)
    assert loaded.architecture == NAMES[name]
    assert loaded.layout == "whole model"
    size = {"convnext": 32, "vit": 16, "levit": 48, "maxvit": 64}[name]
    assert loaded.image_size == (size, size)
    assert loaded.head_activation == "linear"
    assert loaded.ignored == ()
    counted = [key for key in model.state_dict() if not key.endswith("num_batches_tracked")]
    assert loaded.n_assigned == len(counted)


@pytest.mark.parametrize("name", ["convnext", "levit", "maxvit"])
def test_weights_alone_give_the_same_outputs(name, tmp_path):
    model = BUILDERS[name]()
    loaded = load_keras_weights(model, weights_only(name, tmp_path / "weights.h5"))
    ours, theirs = outputs(model, name)
    check_equal(ours, theirs)
    assert (loaded.layout, loaded.image_size, loaded.head_activation) == ("weights", None, None)


def test_a_wrong_number_of_attention_heads_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"model has 4 attention heads, .* has 2"):
        load_keras_weights(vit(heads=4), DATA / "vit.h5")
    # Without the description heads are of 64 numbers, as in ViT-B.
    with pytest.raises(ValueError, match=r"2 heads for 16 numbers .* expected one for each 64"):
        load_keras_weights(vit(), weights_only("vit", tmp_path / "weights.h5"))


@pytest.mark.parametrize("name", BUILDERS)
def test_a_network_of_another_depth_is_refused_unchanged(name, tmp_path):
    path = tmp_path / "less.h5"
    shutil.copy(DATA / f"{name}.h5", path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        names = list(group.attrs["layer_names"])
        weighty = [key for key in names if len(group[key].attrs["weight_names"])]
        group.attrs["layer_names"] = [key for key in names if key != weighty[-1]]
    model = BUILDERS[name]()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="path has no weights"):
        load_keras_weights(model, path)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_distilled_levit_is_refused():
    with pytest.raises(ValueError, match=r"LevitDistilled; expected .*distilled=False"):
        load_keras_weights(timm.create_model("levit_128s", num_classes=5), DATA / "levit.h5")


def test_full_size_models_ask_for_the_published_shapes():
    """The first mismatch is the narrow file's, not one of kind, name or epsilon."""
    with pytest.raises(ValueError, match=r"path has no weights|expected the same shape"):
        load_keras_weights(timm.create_model("maxvit_tiny_tf_224"), DATA / "maxvit.h5")
    with pytest.raises(ValueError, match=r"path has no weights|expected the same shape"):
        load_keras_weights(timm.create_model("levit_128", distilled=False), DATA / "levit.h5")


def test_another_epsilon_is_refused_and_named():
    model = levit()
    model.stages[0].blocks[0].mlp.ln1.bn.eps = 1e-3
    with pytest.raises(ValueError, match=r"stages.0.blocks.0.mlp.ln1.bn has eps 0.001.* 1e-05"):
        load_keras_weights(model, DATA / "levit.h5")
