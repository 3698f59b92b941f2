"""Files that are damaged or hostile are refused, and the model stays as it was."""

import shutil
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from narrow_vgg16 import changed, check_refused, narrow_vgg, replaced

from invert_captum.alignment.weights.loading import load_keras_weights


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full(5, np.nan, "float32"), "NaN or infinite values in predictions/bias"),
        (np.full(5, np.inf, "float32"), "NaN or infinite values in predictions/bias"),
        (np.full(5, 1e300), "predictions/bias that are too large for model.classifier.6.bias"),
        (np.zeros(5, "int32"), "predictions/bias with the numbers int32; expected floats"),
        (np.zeros(7, "float32"), r"predictions/bias \(7,\), but model.classifier.6.bias is \(5,\)"),
        (np.zeros((5, 1), "float32"), r"predictions/bias \(5, 1\), but model.classifier.6.bias"),
    ],
)
def test_bad_numbers_are_refused(narrow, values, message):
    changed(narrow, lambda group: replaced(group, "predictions", "bias", values))
    check_refused(narrow, message)


def test_absurd_shapes_are_refused_before_anything_is_read(narrow):
    def grow(group):
        del group["fc2"]["fc2/kernel"]
        grown = group["fc2"].create_dataset("fc2/kernel", (10**7, 10**7), "f4", chunks=(1, 1))
        grown[0, 0] = 1

    check_refused(changed(narrow, grow), r"fc2/kernel \(10000000, 10000000\)")


def test_a_missing_and_a_surplus_weight_are_named(narrow, tmp_path):
    surplus = shutil.copy(narrow, tmp_path / "surplus.h5")

    def remove(group):
        group["fc2"].attrs["weight_names"] = ["fc2/kernel"]

    def add(group):
        group.create_group("fc3").attrs["weight_names"] = ["fc3/kernel"]
        group["fc3"]["fc3/kernel"] = np.zeros((3, 3), "float32")
        group.attrs["layer_names"] = [*group.attrs["layer_names"], "fc3"]

    check_refused(changed(narrow, remove), "no weights 'fc2/bias', which the model has")
    check_refused(changed(surplus, add), "weights 'fc3/kernel', which have no place in the model")


def test_a_weight_listed_twice_is_refused(narrow):
    def double(group):
        group.attrs["layer_names"] = [*group.attrs["layer_names"], "fc2"]

    check_refused(changed(narrow, double), "several weights named 'fc2/kernel', 'fc2/bias'")


@pytest.mark.parametrize("name", ["square.h5", "square.weights.h5"])
def test_links_are_not_followed(keras_files, tmp_path, name):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["numbers"] = np.zeros(5, "float32")
    top, inner = {
        "square.h5": ("model_weights/predictions", "predictions/bias"),
        "square.weights.h5": ("layers/dense_2/vars", "1"),
    }[name]
    links = {
        "external": h5py.ExternalLink(str(secret), "numbers"),
        "soft": h5py.SoftLink(f"/{top}/{inner}"),
    }
    for kind, link in links.items():
        path = shutil.copy(keras_files / name, tmp_path / f"{kind}-{name}")
        with h5py.File(path, "r+") as file:
            del file[top][inner]
            file[top][inner] = link
        check_refused(path, "soft or external link")


def test_arrays_stored_in_other_files_are_refused(narrow, tmp_path):
    raw = tmp_path / "secret.bin"
    np.arange(5, dtype="float32").tofile(raw)
    virtual = shutil.copy(narrow, tmp_path / "virtual.h5")

    def external(group):
        del group["predictions"]["predictions/bias"]
        layer = group["predictions"]["predictions"]
        layer.create_dataset("bias", (5,), "f4", external=[(str(raw), 0, 20)])

    def elsewhere(group):
        del group["predictions"]["predictions/bias"]
        layout = h5py.VirtualLayout((5,), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "numbers", shape=(5,))
        group["predictions"]["predictions"].create_virtual_dataset("bias", layout)

    check_refused(changed(narrow, external), "'predictions/bias' in another file")
    check_refused(changed(virtual, elsewhere), "'predictions/bias' in another file")


def test_arrays_that_were_never_written_are_refused(narrow):
    """HDF5 gives zeros for them."""

    def forget(group):
        del group["fc2"]["fc2/kernel"]
        group["fc2"].create_dataset("fc2/kernel", (11, 10), "f4")

    check_refused(changed(narrow, forget), "'fc2/kernel' that was never written")


def test_chunks_beyond_their_array_are_refused(narrow):
    """HDF5 unpacks a whole chunk: here 400 MB from 400 KB, for five numbers."""

    def pack(group):
        del group["predictions"]["predictions/bias"]
        settings = {"chunks": (10**8,), "maxshape": (None,), "compression": "gzip"}
        layer = group["predictions"]["predictions"]
        bias = layer.create_dataset("bias", (5,), "f4", fillvalue=0, **settings)
        # Packed already, so that the test has not to hold the chunk.
        bias.id.write_direct_chunk((0,), zlib.compress(bytes(20)))

    check_refused(changed(narrow, pack), r"of shape \(5,\) in chunks of \(100000000,\)")


def test_compressed_files_are_read(narrow):
    def pack(group):
        values = group["fc1"]["fc1/kernel"][()]
        del group["fc1"]["fc1/kernel"]
        group["fc1"].create_dataset("fc1/kernel", data=values, compression="gzip")

    model, packed = narrow_vgg((2, 2)), narrow_vgg((2, 2))
    load_keras_weights(model, narrow)
    load_keras_weights(packed, changed(narrow, pack))
    assert torch.equal(model.classifier[0].weight, packed.classifier[0].weight)


@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_cut_files_are_refused(narrow, kept):
    content = Path(narrow).read_bytes()
    Path(narrow).write_bytes(content[: int(len(content) * kept)])
    check_refused(narrow, "cannot be read as HDF5, at .*truncated")


def test_damage_is_refused_in_our_words_or_changes_numbers_alone(keras_files, tmp_path, rng):
    """HDF5 keeps no checksums of numbers, so that those may change; h5py raises many errors."""
    whole = np.fromfile(keras_files / "square.weights.h5", "uint8")
    path = tmp_path / "damaged.weights.h5"
    model, messages = narrow_vgg((2, 2)), []
    for _ in range(30):
        content = whole.copy()
        content[rng.integers(0, len(whole), 4)] = rng.integers(0, 256, 4)
        content.tofile(path)
        try:
            load_keras_weights(model, path)
        except ValueError as error:
            messages.append(str(error))
    assert 5 < len(messages) < 30
    assert all(message.startswith("path ") for message in messages)
    assert any("cannot be read as HDF5" in message for message in messages)


def test_files_that_keras_did_not_write_are_refused(tmp_path):
    text, other = tmp_path / "text.h5", tmp_path / "other.h5"
    text.write_text("weights")
    with h5py.File(other, "w") as file:
        file["numbers"] = np.zeros(3)
    check_refused(text, "not an HDF5 file")
    check_refused(other, "holds 'numbers'; expected a model or weights that Keras saved")
    check_refused(tmp_path / "none.h5", "there is no file", error=FileNotFoundError)
    check_refused(tmp_path, "there is no file", error=FileNotFoundError)


@pytest.mark.parametrize("text", ["{", "[1]", '{"config": {}}', "[" * 100_000, 7])
def test_a_description_that_is_none_is_refused(narrow, text):
    with h5py.File(narrow, "r+") as file:
        del file.attrs["model_config"]
        # Larger than an attribute may be in the oldest format.
        file.attrs["model_config"] = text[:60_000] if isinstance(text, str) else text
    check_refused(narrow, "model_config")


def test_missing_names_are_refused(narrow):
    def forget(group):
        del group["fc2"].attrs["weight_names"]

    check_refused(changed(narrow, forget), "fc2' without the attribute 'weight_names'")


def test_early_keras_3_without_names_of_layers_is_refused(keras_files, tmp_path):
    path = shutil.copy(keras_files / "square.weights.h5", tmp_path / "early.weights.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d/vars"].attrs["name"]
    check_refused(path, "does not tell the name of the layer 'conv2d'")


def test_weights_outside_of_layers_are_refused(narrow):
    def add(group):
        group["top_level_model_weights"].attrs["weight_names"] = ["scale"]
        group["top_level_model_weights"]["scale"] = np.zeros(3, "float32")

    check_refused(changed(narrow, add), "'top_level_model_weights/scale', which have no place")


def test_missing_h5py_is_told(narrow, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    check_refused(narrow, r"pip install 'invert-captum\[alignment\]'", error=ImportError)


def test_the_size_of_maps_that_are_not_square_must_be_known(keras_files):
    message = "size unknown .no square gives that number"
    check_refused(keras_files / "narrow.weights.h5", message, model=narrow_vgg((2, 3)))
