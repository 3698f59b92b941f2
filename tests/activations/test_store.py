from __future__ import annotations

import functools
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
import zarr
from stored_extraction import N, Rows, Stream, X, double, files, in_memory, stored
from torch.utils.data import DataLoader

import invert_captum as ic
from invert_captum.activations.store import layout


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Blocks of 8 rows and chunks of 4 neurons, for float32."""
    monkeypatch.setattr(layout, "_CHUNK_BYTES", 128)
    monkeypatch.setattr(layout, "_CHUNK_NEURONS", 4)


def bytes_of(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize(
    "dtype", [None, torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
def test_a_store_holds_the_same_bits_as_memory(tmp_path, dtype):
    expected = in_memory(dtype=dtype)
    store, _ = stored(tmp_path / "store", dtype=dtype)
    assert store.complete
    assert store.n_samples == N
    assert store.n_neurons() == 10
    assert store.layers == ("first",)
    assert store.dtype("first") == str(expected.dtype).removeprefix("torch.")
    assert store.load().dtype == expected.dtype
    assert bytes_of(store.load()) == bytes_of(expected)
    wide = expected.float() if dtype == torch.bfloat16 else expected
    for neurons in ([0], [9, 3, 4], range(10), [2, 2], np.array([7, 1]), torch.tensor([5])):
        rows = store.read("first", neurons)
        assert rows.flags.c_contiguous
        assert rows.dtype == wide.numpy().dtype
        assert np.array_equal(rows, wide.numpy().T[list(neurons)])
    assert store.read(None, []).shape == (0, N)


def ten_times(output, dtype):
    return (10 * output).abs().to(dtype)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_outputs_that_are_no_floats_are_kept_as_they_are(tmp_path, dtype):
    reduce = functools.partial(ten_times, dtype=dtype)
    store, _ = stored(tmp_path / "store", reduce=reduce)
    expected = (10 * in_memory()).abs().to(dtype)
    assert torch.equal(store.load(), expected)
    assert np.array_equal(store.read(None, [3, 1]), expected.T[[3, 1]].numpy())
    assert np.array_equal(zarr.open_array(tmp_path / "store/layer_0")[:], expected.numpy())


def test_zarr_itself_reads_the_same(tmp_path):
    stored(tmp_path / "store", layer=["first", "last"], dtype=torch.bfloat16)
    group = zarr.open_group(tmp_path / "store", mode="r")
    assert dict(group.attrs) == {"layers": {"layer_0": "first", "layer_1": "last"}}
    array = group["layer_0"]
    assert dict(array.attrs) == {"layer": "first", "dtype": "bfloat16"}
    assert array.shape == (N, 10)
    bits = in_memory(dtype=torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    assert np.array_equal(array[:], bits)


def test_several_layers_share_one_store(tmp_path):
    store, rows = stored(tmp_path / "store", layer=["first", "last"])
    assert store.layers == ("first", "last")
    assert store.keyed_by_layer
    assert rows == list(range(N))
    for name in store.layers:
        assert torch.equal(store.load(name), in_memory(name))
    assert [store.n_neurons(name) for name in store.layers] == [10, 3]
    assert not stored(tmp_path / "one")[0].keyed_by_layer
    with pytest.raises(ValueError, match=r"layer is None; expected one of \['first', 'last'\]"):
        store.load()
    with pytest.raises(ValueError, match="layer is 'act'"):
        store.read("act", [0])


def test_inputs_of_all_kinds_give_the_same_store(tmp_path):
    kinds = {
        "tensor": X,
        "dataset": Rows(),
        "loader": DataLoader(Rows(), batch_size=4),
        "stream": DataLoader(Stream(), batch_size=4),
    }
    for name, inputs in kinds.items():
        store, rows = stored(tmp_path / name, inputs)
        assert rows == list(range(N))
        assert torch.equal(store.load(), in_memory())
        assert np.array_equal(zarr.open_array(tmp_path / name / "layer_0")[:], in_memory())
    assert files(tmp_path / "tensor") == files(tmp_path / "dataset")


def test_batches_of_any_sizes_may_cross_row_blocks(tmp_path):
    sizes = [5, 1, 30, 2, 12]
    loader = DataLoader(list(X.split(sizes)), batch_size=None)
    store, rows = stored(tmp_path / "store", loader)
    assert rows == list(range(N))
    torch.testing.assert_close(store.load(), in_memory())
    assert store.manifest["block_rows"] == 5


def test_each_chunk_is_read_once_and_others_not_at_all(tmp_path, monkeypatch):
    store, _ = stored(tmp_path / "store")
    width, n_blocks = store.chunk_neurons(), -(-N // 8)
    assert width == 4
    read = []
    original = type(store._folder).read
    monkeypatch.setattr(
        type(store._folder), "read", lambda self, key: read.append(key) or original(self, key)
    )
    store.read(None, [1, 9, 0, 8])
    chunks = [key for key in read if "/c/" in key]
    assert chunks == [f"layer_0/c/{block}/{chunk}" for block in range(n_blocks) for chunk in (0, 2)]


def test_a_store_pickles_as_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store, _ = stored("store")
    content = pickle.dumps(store)
    assert len(content) < 300
    assert str(tmp_path) in repr(store)
    monkeypatch.chdir("/")
    sent = pickle.loads(content)  # noqa: S301
    assert np.array_equal(sent.read(None, [1]), store.read(None, [1]))


def test_fingerprints_tell_activations_apart(tmp_path):
    store, _ = stored(tmp_path / "store", layer=["first", "last"])
    again, _ = stored(tmp_path / "again", layer=["first", "last"])
    changed = X.clone()
    changed[N - 1, 3] += 1
    other, _ = stored(tmp_path / "other", changed, layer=["first", "last"])
    for name in store.layers:
        assert store.fingerprint(name) == again.fingerprint(name)
        assert store.fingerprint(name) != other.fingerprint(name)
    assert store.fingerprint("first") != store.fingerprint("last")


def test_the_manifest_tells_where_the_activations_come_from(tmp_path):
    store, _ = stored(tmp_path / "store", reduce=double, dtype=torch.float16)
    manifest = ic.ActivationStore.open(tmp_path / "store").manifest
    assert manifest == store.manifest
    hashes = {"model_sha256", "architecture_sha256"}
    assert manifest["origin"] | dict.fromkeys(hashes) == {
        "model_module": "torch.nn.modules.container",
        "model_class": "Sequential",
        **dict.fromkeys(hashes),
        "layers": ["first"],
        "keyed_by_layer": False,
        "reduce": "stored_extraction.double",
        "neuron_dim": None,
        "attribute_to_layer_input": False,
        "dtype": "torch.float16",
        "batch_size": 4,
    }
    assert len(manifest["origin"]["model_sha256"]) == 64
    assert {"torch", "captum", "zarr", "invert_captum"} <= set(manifest["versions"])
    assert store.sample_ids is None


CHUNK = "layer_0/c/3/1"


def damage(path, how):
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(content[:-1])
    elif how == "of other rows":
        path.write_bytes(path.with_name("0").read_bytes())
    else:
        flipped = bytearray(content)
        flipped[how] ^= 1
        path.write_bytes(bytes(flipped))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "is missing"),
        ("cut short", "has 131 bytes; expected 132"),
        ("of other rows", "is not the one that was written for these rows"),
        (0, "does not match its checksum"),
        (77, "does not match its checksum"),
        (-1, "does not match its checksum"),
    ],
)
def test_a_damaged_chunk_is_named_and_the_others_are_read(tmp_path, how, message):
    store, _ = stored(tmp_path / "store")
    expected = store.read(None, range(10))
    damage(tmp_path / "store" / CHUNK, how)
    where = r"\(layer 'first', rows 24 to 31, neurons 4 to 7\); delete 'records/00000003.json'"
    for read in (lambda: store.read(None, [0, 5]), store.load):
        with pytest.raises(ValueError, match=f"chunk '{CHUNK}' of '.*' {message}.*{where}"):
            read()
    assert np.array_equal(store.read(None, [0, 9, 3]), expected[[0, 9, 3]])
    (tmp_path / "store/records/00000003.json").unlink()
    again, rows = stored(tmp_path / "store")
    assert rows == list(range(24, 32))
    assert np.array_equal(again.read(None, range(10)), expected)


def test_other_errors_of_reading_name_the_chunk_as_well(tmp_path):
    store, _ = stored(tmp_path / "store")
    (tmp_path / "store" / CHUNK).unlink()
    (tmp_path / "store" / CHUNK).mkdir()
    with pytest.raises(OSError, match=f"chunk '{CHUNK}' of .* cannot be read: .*directory"):
        store.load()


@pytest.mark.parametrize(
    ("name", "message"),
    [("records/00000002.json", "1 of its 7 row blocks are missing"), ("manifest.json", "manifest")],
)
def test_any_flipped_byte_of_a_record_or_the_manifest_is_noticed(tmp_path, name, message):
    stored(tmp_path / "store", DataLoader(Rows(ids=True), batch_size=4))
    path = tmp_path / "store" / name
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(ValueError, match=message):
            ic.ActivationStore.open(tmp_path / "store").sample_ids  # noqa: B018


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("nothing", FileNotFoundError, "there is no activation store at '.*nothing'"),
        ("empty", FileNotFoundError, "there is no activation store"),
        (3, TypeError, "path is 3; expected a path or an fsspec URL"),
        ("", TypeError, "expected a path or an fsspec URL"),
        ("memory://nothing", FileNotFoundError, "no activation store at 'memory://nothing'"),
    ],
)
def test_places_without_a_store_are_refused(tmp_path, monkeypatch, path, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message):
        ic.ActivationStore.open(path)


@pytest.mark.parametrize(
    ("neurons", "error", "message"),
    [
        ([10], ValueError, "neurons has 10; expected column indices below 10"),
        ([-1], ValueError, "neurons is -1"),
        ([1.5], TypeError, "neurons is 1.5"),
        ("1", TypeError, "neurons is '1'"),
        (1, TypeError, "neurons is 1"),
    ],
)
def test_neurons_that_are_refused(tmp_path, neurons, error, message):
    store, _ = stored(tmp_path / "store")
    with pytest.raises(error, match=message):
        store.read(None, neurons)


def test_opening_and_reading_load_neither_torch_nor_zarr(tmp_path):
    stored(tmp_path / "store")
    code = (
        "import invert_captum as ic, sys\n"
        f"ic.ActivationStore.open({str(tmp_path / 'store')!r}).read(None, [0, 1])\n"
        "print(*{'torch', 'captum', 'zarr', 'fsspec', 'pandas'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not run.stdout.strip()
