"""A VGG16 of a few channels, and what the tests do with it and its file."""

import json
import math

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import VGG
from torchvision.models.vgg import make_layers

from invert_captum.alignment.weights.loading import load_keras_weights

WIDTHS = [4, 4, "M", 5, 5, "M", 6, 6, 6, "M", 7, 7, 7, "M", 8, 8, 8, "M"]


def narrow_vgg(grid, classes=5, pooling=None):
    # On the meta device, because the dense layers that are replaced take 400 MB.
    with torch.device("meta"):
        model = VGG(nn.Identity(), init_weights=False)
    model.features = make_layers(WIDTHS)
    model.avgpool = nn.AdaptiveAvgPool2d(grid) if pooling is None else pooling
    inner = [nn.Linear(8 * math.prod(grid), 11), nn.ReLU(), nn.Dropout(), nn.Linear(11, 10)]
    model.classifier = nn.Sequential(*inner, nn.ReLU(), nn.Dropout(), nn.Linear(10, classes))
    return model


def arrays_of(folder, name):
    with np.load(folder / "outputs.npz") as arrays:
        return torch.from_numpy(arrays[f"{name}/images"]), arrays[f"{name}/outputs"]


def outputs(model, pixels, *, softmax):
    with torch.no_grad():
        logits = model.eval()(pixels)
    return (logits.softmax(1) if softmax else logits).numpy()


def check_equal(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * abs(theirs).max())
    # Networks that ignore their input would agree as well.
    assert theirs.std(axis=0).max() > 1e-3 * abs(theirs).max()


def changed(path, edit):
    with h5py.File(path, "r+") as file:
        edit(file["model_weights"])
    return path


def replaced(group, layer, variable, values):
    name = next(key for key in group[layer].attrs["weight_names"] if key.endswith(variable))
    del group[layer][name]
    group[layer][name] = values


def edited_layers(path, edit):
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        edit(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)
    return path


def check_refused(path, message, *, error=ValueError, model=None, **arguments):
    model = narrow_vgg((2, 2)) if model is None else model
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(error, match=message):
        load_keras_weights(model, path, **arguments)
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(value, before[key]) for key, value in after.items())
