"""A store holds one data set of one model, whoever writes where it is."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import zarr
from stored_extraction import Noting, Rows, Stream, X, files, in_memory, network, stored
from torch import nn
from torch.utils.data import DataLoader

import invert_captum as ic
from invert_captum.activations import work_units
from invert_captum.activations.store import layout, origin
from invert_captum.activations.store.folder import LocalFolder
from invert_captum.activations.store.manifest import read_manifest
from invert_captum.activations.store.records import read_record
from invert_captum.activations.store.sealed_json import sealed, unsealed


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Blocks of 8 rows and chunks of 4 neurons, for float32."""
    monkeypatch.setattr(layout, "_CHUNK_BYTES", 128)
    monkeypatch.setattr(layout, "_CHUNK_NEURONS", 4)


def changed_from(row):
    changed = X.clone()
    changed[row:, 1] += 1
    return changed


def stop_at(row, path, inputs=X):
    def stop(_, args):
        if row in args[0][:, 0]:
            raise KeyboardInterrupt

    model = network()
    model.note.register_forward_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        stored(path, inputs, model=model)


class Waiting(Rows):
    """Fails in the first row block; others take a while."""

    began = threading.Event()
    over: list[int] = []  # noqa: RUF012

    def __getitem__(self, row):
        if row == 4:
            self.began.wait(10)
            raise ZeroDivisionError("bad row")
        if row == 10:
            self.began.set()
            time.sleep(0.3)
            self.over.append(row)
        return X[row]


def test_no_unit_runs_on_after_the_call_has_failed(tmp_path):
    with ThreadPoolExecutor(2) as executor:
        with pytest.raises(ZeroDivisionError):
            stored(tmp_path / "store", Waiting(), executor=executor)
        assert Waiting.over == [10]
        before = files(tmp_path / "store")
        # What waited in the queue was cancelled.
        assert len(before) < 12
        time.sleep(0.2)
        assert files(tmp_path / "store") == before
    assert not work_units._OPENED


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(1)], ids=["alone", "executor"])
def test_nothing_is_written_into_a_store_that_took_the_place_of_another(tmp_path, executor):
    path, other = tmp_path / "store", tmp_path / "other"
    stored(other, changed_from(0))

    inputs = Replacing(path, other)
    with pytest.raises(RuntimeError, match="was deleted or replaced while it was written"):
        stored(path, inputs, executor=executor)
    assert {name: one.read_bytes() for name, one in every(path)} == {
        name: one.read_bytes() for name, one in every(other)
    }


class Replacing(Rows):
    def __init__(self, path, other):
        super().__init__()
        self.path, self.other = path, other

    def __getitem__(self, row):
        if row == 20:
            shutil.rmtree(self.path)
            shutil.copytree(self.other, self.path)
        return X[row]


def every(folder):
    return [(one.relative_to(folder), one) for one in folder.rglob("*") if one.is_file()]


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(1)], ids=["alone", "executor"])
def test_a_store_that_was_complete_takes_no_other_rows(tmp_path, executor):
    path = tmp_path / "store"
    stored(path)
    whole = files(path)
    Path(path, "records/00000006.json").unlink()
    with pytest.raises(ValueError, match="another data set: rows 48 to 49 had inputs with SHA"):
        stored(path, changed_from(48), executor=executor)
    assert not ic.ActivationStore.open(path).complete
    stored(path, executor=executor)
    assert files(path) == whole


def test_a_late_writer_cannot_replace_a_record_of_a_complete_store(tmp_path):
    path = tmp_path / "store"
    store, _ = stored(path)
    folder, manifest = LocalFolder(path), read_manifest(LocalFolder(path))
    content = unsealed(folder.read("records/00000002.json"))
    for key, value in (("inputs_sha256", "0" * 64), ("chunks_crc32c", [[1, 2, 3]])):
        folder.write("records/00000002.json", sealed({**content, key: value}))
        assert not ic.ActivationStore.open(path).complete
        with pytest.raises(ValueError, match="not complete"):
            ic.ActivationStore.open(path).load()
    with pytest.raises(ValueError, match="does not fit the store"):
        read_record(sealed({**content, "store_id": "1" * 32}), 2, manifest)
    with pytest.raises(ValueError, match="does not fit the store"):
        read_record(sealed({**content, "rows": [16, 20]}), 2, manifest, 50)
    folder.write("records/00000002.json", sealed(content))
    assert torch.equal(store.load(), ic.ActivationStore.open(path).load())


def test_the_number_of_samples_of_a_loader_is_kept(tmp_path):
    stop_at(24, tmp_path / "store", DataLoader(Rows(), batch_size=4))
    with pytest.raises(ValueError, match=r"another data set: it had 50 samples \(now 26\)"):
        stored(tmp_path / "store", DataLoader(Rows(26), batch_size=4))


def test_zarr_sees_complete_stores_only(tmp_path):
    path = tmp_path / "store"
    stop_at(24, path)
    with pytest.raises(FileNotFoundError):
        zarr.open_group(path, mode="r")
    stored(path)
    whole = files(path)
    assert zarr.open_group(path, mode="r")["layer_0"].shape == (50, 10)
    Path(path, "layer_0/c/2/1").unlink()
    stop_at(16, path)
    with pytest.raises(FileNotFoundError):
        zarr.open_array(path / "layer_0", mode="r")
    stored(path)
    assert files(path) == whole


def test_other_activation_functions_are_another_model(tmp_path):
    stored(tmp_path / "store")
    model = network()
    model.act = nn.ReLU()
    with pytest.raises(ValueError, match="was begun with architecture_sha256"):
        stored(tmp_path / "store", model=model)
    assert origin._architecture(nn.Sequential(nn.Module())) != origin._architecture(nn.Module())


def test_other_versions_are_warned_of(tmp_path, monkeypatch, caplog):
    stop_at(24, tmp_path / "store")
    now = origin.package_versions()
    monkeypatch.setattr(origin, "package_versions", lambda: {**now, "torch": "9.9"})
    caplog.set_level(logging.WARNING, logger="invert_captum")
    stored(tmp_path / "store")
    assert f"was begun with torch {now['torch']} (now 9.9)" in caplog.text
    assert "zarr" not in caplog.text


def test_an_open_store_notices_that_it_was_completed(tmp_path):
    stop_at(24, tmp_path / "store", DataLoader(Stream(), batch_size=4))
    store = ic.ActivationStore.open(tmp_path / "store")
    assert not store.complete
    stored(tmp_path / "store", DataLoader(Stream(), batch_size=4))
    assert store.complete
    torch.testing.assert_close(store.load(), in_memory())


@pytest.mark.parametrize(
    ("inputs", "in_order"),
    [
        (X, True),
        (Rows(), True),
        (DataLoader(Rows(), batch_size=4), True),
        (DataLoader(Rows(ids=True), batch_size=4, shuffle=True), False),
    ],
)
def test_stores_know_whether_their_inputs_came_in_order(tmp_path, inputs, in_order):
    stored(tmp_path / "store", inputs)
    assert ic.ActivationStore.open(tmp_path / "store").in_order is in_order


def test_inputs_that_require_gradients_are_stored(tmp_path):
    weights = torch.ones(6, requires_grad=True)
    for name, inputs in (("tensor", X.clone().requires_grad_()), ("computed", X * weights)):
        store, _ = stored(tmp_path / name, inputs)
        assert torch.equal(store.load(), in_memory())
    loader = DataLoader([(X * weights)[:4]], batch_size=None)
    assert stored(tmp_path / "loader", loader)[0].n_samples == 4


def test_unknown_arguments_are_refused_before_the_model_runs(tmp_path):
    with pytest.raises(TypeError, match="additional_forward_args holds ReLU"):
        stored(tmp_path / "store", additional_forward_args=nn.ReLU())
    assert not Noting.rows
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("manifest.json", {"layers": "x"}),
        ("manifest.json", {"n_samples": True}),
        ("manifest.json", {"counted": "50"}),
        ("manifest.json", {"block_rows": None}),
        ("manifest.json", {"inputs_sha256": ["x"]}),
        ("manifest.json", {"store_id": 3}),
        ("manifest.json", {"versions": ["x"]}),
        ("manifest.json", {"in_order": [1]}),
        ("records/00000002.json", {"rows": [16, "24"]}),
        ("records/00000002.json", {"chunks_crc32c": [["a", "b", "c"]]}),
        ("records/00000002.json", {"sample_ids": 8 * [1]}),
        ("records/00000002.json", {"layers_sha256": [None]}),
    ],
)
def test_files_with_values_of_other_types_are_refused(tmp_path, key, change):
    stored(tmp_path / "store")
    folder = LocalFolder(tmp_path / "store")
    folder.write(key, sealed({**unsealed(folder.read(key)), **change}))
    with pytest.raises(ValueError, match=r"cannot be used|row blocks are missing"):
        ic.ActivationStore.open(tmp_path / "store").load()


def test_layers_with_values_of_other_types_are_refused(tmp_path):
    stored(tmp_path / "store")
    folder = LocalFolder(tmp_path / "store")
    document = unsealed(folder.read("manifest.json"))
    for name, value in (("dtype", ["x"]), ("name", ["x"]), ("n_neurons", "10"), ("array", "../x")):
        layers = [{**document["layers"][0], name: value}]
        folder.write("manifest.json", sealed({**document, "layers": layers}))
        with pytest.raises(ValueError, match="an entry is not what it should be"):
            ic.ActivationStore.open(tmp_path / "store")
    folder.write("manifest.json", b"[" * 100_000)
    with pytest.raises(ValueError, match=r"manifest.json of .* cannot be used: .*too deeply"):
        ic.ActivationStore.open(tmp_path / "store")
