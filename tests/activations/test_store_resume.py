from __future__ import annotations

import errno
import functools
import json
import logging
import os
import random
import re
import shutil
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from stored_extraction import N, Noting, Rows, Stream, X, double, files, in_memory, network, stored
from torch.utils.data import DataLoader

import invert_captum as ic
from invert_captum.activations.store import layout
from invert_captum.activations.store.folder import LocalFolder, RemoteFolder
from invert_captum.activations.store.manifest import read_manifest
from invert_captum.activations.store.sealed_json import sealed


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Blocks of 8 rows and chunks of 4 neurons, for float32."""
    monkeypatch.setattr(layout, "_CHUNK_BYTES", 128)
    monkeypatch.setattr(layout, "_CHUNK_NEURONS", 4)


@pytest.fixture
def undisturbed(tmp_path):
    stored(tmp_path / "undisturbed")
    return files(tmp_path / "undisturbed")


def finished_rows(path):
    names = [one.stem for one in Path(path, "records").glob("*.json")]
    return {row for name in names for row in range(8 * int(name), min(8 * int(name) + 8, N))}


class Failing(torch.nn.Module):
    """Stops the run when it sees a row."""

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = row

    def forward(self, x):
        if self.row in x[:, 0]:
            raise KeyboardInterrupt
        return x


def stop_at(row, path, inputs=X, **options):
    """Begin or go on with a store, and stop when the model comes to a row."""
    model = network()
    model.note.register_forward_pre_hook(lambda _, args: Failing(row)(*args))
    with pytest.raises(KeyboardInterrupt):
        stored(path, inputs, model=model, **options)


def test_a_stopped_run_goes_on_with_the_missing_blocks_only(tmp_path, undisturbed, caplog):
    path = tmp_path / "store"
    for row in (3, 0, 9, 30, 31, 49):
        finished = finished_rows(path)
        stop_at(row, path)
        assert not finished & set(Noting.rows)
        if row > 8:
            with pytest.raises(ValueError, match=r"not complete: .* of its 7 row blocks are miss"):
                ic.ActivationStore.open(path).load()
    assert not ic.ActivationStore.open(path).complete
    caplog.set_level(logging.INFO, logger="invert_captum")
    store, rows = stored(path)
    assert rows == [48, 49]
    assert "6 row blocks are finished" in caplog.text
    assert files(path) == undisturbed
    assert torch.equal(store.load(), in_memory())


@pytest.mark.parametrize("make", [Rows, Stream])
def test_loaders_go_on_as_well(tmp_path, make):
    stored(tmp_path / "whole", DataLoader(make(), batch_size=4))
    path = tmp_path / "store"
    for row in (20, 45):
        stop_at(row, path, DataLoader(make(), batch_size=4))
        with pytest.raises(ValueError, match=r"\d row blocks are there, and it is not known"):
            ic.ActivationStore.open(path).n_samples  # noqa: B018
    _, rows = stored(path, DataLoader(make(), batch_size=4))
    assert rows == list(range(40, 50))
    assert files(path) == files(tmp_path / "whole")


def test_batches_across_blocks_go_on_as_well(tmp_path):
    def loader():
        return DataLoader(list(X.split([5, 1, 30, 2, 12])), batch_size=None)

    stored(tmp_path / "whole", loader())
    stop_at(40, tmp_path / "store", loader())
    _, rows = stored(tmp_path / "store", loader())
    # Rows 35 to 39 are a block, and the batch of rows 6 to 35 begins it.
    assert rows == list(range(6, 50))
    assert files(tmp_path / "store") == files(tmp_path / "whole")


def test_a_complete_store_is_returned_without_running_the_model(tmp_path, undisturbed):
    stored(tmp_path / "store")
    store, rows = stored(tmp_path / "store")
    assert not rows
    assert store.complete
    assert files(tmp_path / "store") == undisturbed


@pytest.mark.parametrize("kind", [LocalFolder, RemoteFolder])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_gives_a_clear_error_and_a_store_that_goes_on(
    tmp_path, monkeypatch, kind, code, undisturbed
):
    path = tmp_path / "store" if kind is LocalFolder else f"memory://full{code}"
    original, left, errors = kind.write, [0], []

    def write(self, key, content):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(code, os.strerror(code))
        original(self, key, content)

    monkeypatch.setattr(kind, "write", write)
    generator = random.Random(0)  # noqa: S311
    while True:
        left[0] = generator.randrange(12)
        try:
            store, _ = stored(path)
        except OSError as error:
            errors.append(error)
        else:
            break
    assert len(errors) > 3
    message = "cannot be written: .* row blocks are finished and stay; the same call goes on with"
    assert all(re.search(message, str(error)) for error in errors)
    assert {error.errno for error in errors} == {code}
    assert torch.equal(store.load(), in_memory())
    if kind is LocalFolder:
        assert files(path) == undisturbed


def test_files_that_may_not_grow_further_are_a_clear_error(tmp_path):
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from stored_extraction import stored
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    stored({str(tmp_path / "store")!r})
except OSError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written: File too large. 0 of 1 row blocks are finished" in run.stdout
    assert not [name for name in files(tmp_path / "store") if "/c/" in name]


def other_rows(row):
    changed = X.clone()
    changed[row, 1] += 1
    return changed


def changed_layer():
    model = network()
    model.last.weight.data[0, 0] += 1
    return model


class Network(torch.nn.Sequential):
    pass


BEGUN = r"the activation store at '.*store' was begun with "
REFUSED = {
    "weights": ({"model": changed_layer()}, r"model_sha256 '\w{64}' \(now '\w{64}'\); expected"),
    "class": (
        {"model": Network(OrderedDict(network().named_children()))},
        r"model_class 'Sequential' \(now 'Network'\)",
    ),
    "layer": ({"layer": "act"}, r"layers \['first'\] \(now \['act'\]\)"),
    "list": ({"layer": ["first"]}, r"keyed_by_layer False \(now True\)"),
    "layers": ({"layer": ["first", "act"]}, r"layers \['first'\] \(now \['first', 'act'\]\)"),
    "reduce": ({"reduce": "max"}, r"reduce 'mean' \(now 'max'\)"),
    "function": ({"reduce": double}, r"reduce 'mean' \(now 'stored_extraction.double'\)"),
    "neuron_dim": ({"neuron_dim": 1}, r"neuron_dim None \(now 1\)"),
    "input": (
        {"attribute_to_layer_input": True},
        r"attribute_to_layer_input False \(now True\)",
    ),
    "dtype": ({"dtype": torch.float16}, r"dtype None \(now 'torch.float16'\)"),
    "batches": ({"batch_size": 8}, r"batch_size 4 \(now 8\)"),
    "loader": ({"inputs": DataLoader(X, 5)}, r"batch_size 4 \(now 5\)"),
    "fewer": ({"inputs": X[:-1]}, r"another data set: it had 50 samples \(now 49\)"),
    "more": ({"inputs": torch.cat([X, X])}, r"another data set: it had 50 samples \(now 100\)"),
    "fewer in a loader": (
        {"inputs": DataLoader(X[:30], 4)},
        r"another data set: it had 50 samples \(now 30\)",
    ),
    "more in a loader": (
        {"inputs": DataLoader(torch.cat([X, X]), 4)},
        r"another data set: it had 50 samples \(now 100\)",
    ),
    "first row": (
        {"inputs": other_rows(0)},
        r"another data set: rows 0 to 7 had inputs with SHA-256 '\w{64}' \(now '\w{64}'\); expec",
    ),
    "last row": ({"inputs": other_rows(N - 1)}, "another data set: rows 48 to 49 had inputs"),
    "further arguments": ({"additional_forward_args": 3}, "another data set: rows 0 to 7 had"),
    "ids": (
        {"inputs": Rows(ids=True)},
        r"rows 0 to 7 had sample ids None \(now \('row0', .*, 'row7'\)\); expected",
    ),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("complete", [True, False])
def test_a_store_goes_on_only_with_what_it_was_begun_with(tmp_path, complete, options, message):
    path = tmp_path / "store"
    stored(path)
    if not complete:
        Path(path, "records/00000002.json").unlink()
        Path(path, "layer_0/c/4/0").unlink()
    before = files(path)
    with pytest.raises(ValueError, match=BEGUN + ".*" + message):
        stored(path, **options)
    after = files(path)
    if complete:
        assert after == before
        assert not Noting.rows
    assert not complete or ic.ActivationStore.open(path).complete
    assert complete or not ic.ActivationStore.open(path).complete
    assert torch.equal(stored(path)[0].load(), in_memory())


def test_all_differences_are_said_at_once(tmp_path):
    stored(tmp_path / "store")
    message = r"reduce 'mean' \(now 'max'\), dtype None \(now 'torch.float16'\); expected the same"
    with pytest.raises(ValueError, match=message):
        stored(tmp_path / "store", reduce="max", dtype=torch.float16)


def test_a_store_never_becomes_complete_out_of_two_data_sets(tmp_path):
    path = tmp_path / "store"
    stop_at(49, path)
    for block in (1, 3):
        Path(path, f"records/0000000{block}.json").unlink()
    changed = X.clone()
    changed[8:, 1] += 1
    with pytest.raises(ValueError, match="rows 16 to 23 had inputs"):
        stored(path, changed)
    assert len(list(Path(path, "records").iterdir())) == 4
    store, rows = stored(path)
    assert rows == [*range(8, 16), *range(24, 32), 48, 49]
    assert torch.equal(store.load(), in_memory())


def test_two_extractions_at_once_into_one_store_are_noticed(tmp_path):
    path, other, changed = tmp_path / "store", tmp_path / "other", X.clone()
    changed[16:, 1] += 1
    other_id = stored(other, changed)[0].manifest["store_id"]
    other_record = (other / "records/00000003.json").read_text()
    folder = LocalFolder(path)

    def meanwhile(_, args):
        # As a process does that began when the store was empty, and is slower.
        if 40 in args[0][:, 0]:
            shutil.copytree(other / "layer_0/c/3", path / "layer_0/c/3", dirs_exist_ok=True)
            kept = other_record.replace(other_id, read_manifest(folder).store_id)
            document = json.loads(kept)
            del document["crc32c"]
            folder.write("records/00000003.json", sealed(document))

    model = network()
    model.note.register_forward_pre_hook(meanwhile)
    with pytest.raises(RuntimeError, match="another process writes other activations there"):
        stored(path, model=model)
    with pytest.raises(ValueError, match="not complete: its row blocks were not checked together"):
        ic.ActivationStore.open(path).load()


def test_chunks_that_are_missing_or_cut_short_are_computed_again(tmp_path, undisturbed, caplog):
    path = tmp_path / "store"
    stored(path)
    Path(path, "layer_0/c/2/1").unlink()
    short = Path(path, "layer_0/c/5/0")
    short.write_bytes(short.read_bytes()[:50])
    _, rows = stored(path)
    assert rows == [*range(16, 24), *range(40, 48)]
    assert "chunk layer_0/c/2/1" in caplog.text
    assert files(path) == undisturbed


def test_damaged_records_and_unfinished_files_are_replaced(tmp_path, undisturbed):
    path = tmp_path / "store"
    stored(path)
    Path(path, "records/00000002.json").write_text("{")
    for place in (".aa.tmp", "records/.bb.tmp", "layer_0/c/1/.cc.tmp"):
        Path(path, place).write_text("half")
        os.utime(path / place, (0, 0))
    Path(path, ".living.tmp").touch()
    Path(path, "layer_0/zarr.json").unlink()
    _, rows = stored(path)
    assert rows == list(range(16, 24))
    assert files(path) == undisturbed
    assert [one.name for one in path.rglob("*.tmp")] == [".living.tmp"]


def test_models_that_work_in_place_go_on_as_well(tmp_path):
    class InPlace(torch.nn.Module):
        def forward(self, x):
            return x.sub_(1.0)

    one = torch.nn.Sequential(InPlace(), torch.nn.Linear(6, 4))
    before = X.clone()
    store, _ = stored(tmp_path / "store", layer="1", model=one)
    again, _ = stored(tmp_path / "store", layer="1", model=one)
    assert torch.equal(X, before)
    assert torch.equal(again.load(), store.load())


def closure(scale):
    def times(output):
        return scale * output

    return times


@pytest.mark.parametrize(
    "value", [torch.ones(1), torch.nn.ReLU(), object(), np.float32(0.1), (1, [2]), Path("x")]
)
def test_partial_functions_hold_plain_data_only(tmp_path, value):
    for reduce, place in (
        (functools.partial(double, value), "argument 0"),
        (functools.partial(double, scale=value), "argument 'scale'"),
    ):
        with pytest.raises(ValueError, match=f"reduce is a functools.partial whose {place} is of"):
            stored(tmp_path / "store", reduce=reduce)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("reduce", "named"),
    [
        (lambda output: output, None),
        (functools.partial(lambda output, scale: scale * output, scale=2), None),
        (network().first.forward, None),
        (torch.rand(3).add, None),
        (closure(2), None),
        (torch.nn.Identity(), None),
        (double, "stored_extraction.double"),
        (functools.partial(torch.clamp, min=0), "min=0"),
        (functools.partial(double, -0.1), "(stored_extraction.double, -0.1)"),
    ],
)
def test_reductions_need_a_name(tmp_path, reduce, named):
    def begin():
        return stored(tmp_path / "store", reduce=reduce)

    if named is None:
        with pytest.raises(ValueError, match=r"reduce is .*expected a named reduction, or a named"):
            begin()
        assert not Noting.rows
        assert not (tmp_path / "store").exists()
    else:
        assert named in begin()[0].manifest["origin"]["reduce"]


def test_functions_of_the_same_name_in_other_modules_differ(tmp_path):
    def copy_of(module):
        namespace = {"__name__": module}
        exec("def highest(output): return output", namespace)  # noqa: S102
        return namespace["highest"]

    stored(tmp_path / "store", reduce=copy_of("one"))
    stored(tmp_path / "store", reduce=copy_of("one"))
    with pytest.raises(ValueError, match=r"reduce 'one.highest' \(now 'two.highest'\)"):
        stored(tmp_path / "store", reduce=copy_of("two"))


def test_shuffled_loaders_keep_their_ids_and_go_on_in_the_same_order_only(tmp_path):
    def loader(seed):
        generator = torch.Generator().manual_seed(seed)
        return DataLoader(Rows(ids=True), batch_size=4, shuffle=True, generator=generator)

    store, rows = stored(tmp_path / "store", loader(0))
    assert store.sample_ids == [f"row{row}" for row in rows]
    torch.testing.assert_close(store.load(), in_memory()[rows])
    stored(tmp_path / "store", loader(0))
    with pytest.raises(ValueError, match=r"rows 0 to 7 had sample ids \('row.*\(now \('row"):
        stored(tmp_path / "store", loader(1))
    with pytest.raises(ValueError, match="does not read its dataset in order"):
        stored(tmp_path / "other", DataLoader(Rows(), batch_size=4, shuffle=True))


def test_places_that_hold_something_else_are_refused(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds 'notes.txt' and no activation store; expec"):
        stored(tmp_path / "store")
    assert files(tmp_path / "store") == {"notes.txt": b"mine"}
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file/store"):
        with pytest.raises(FileExistsError, match=r"store is '.*', which is a file; expected"):
            stored(place)
    assert not Noting.rows
    (tmp_path / "empty").mkdir()
    assert stored(tmp_path / "empty")[0].complete
    assert stored(tmp_path / "new/folders")[0].complete


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"reduce": lambda output: output[:, :0]}, ValueError, "reduce is"),
        ({"layer": "first", "dtype": torch.int8}, TypeError, "dtype is torch.int8"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"inputs": X[:0]}, ValueError, "no samples"),
        ({"inputs": DataLoader(X[:0])}, ValueError, "no samples"),
        ({"inputs": Stream()}, TypeError, "inputs is Stream, a data set without random access"),
        ({"inputs": [X]}, TypeError, "inputs is list"),
    ],
)
def test_wrong_arguments_leave_no_store(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        stored(tmp_path / "store", **options)
    assert not (tmp_path / "store").exists()


def test_layers_that_change_are_refused(tmp_path):
    layer = torch.nn.Sequential(torch.nn.Identity())

    def extract(*batches):
        return stored(
            tmp_path / "store", DataLoader(list(batches), batch_size=None), layer="0", model=layer
        )

    with pytest.raises(ValueError, match="'0' has 4 neurons after row 2 and 3 before"):
        extract(torch.ones(2, 3), torch.ones(2, 4))
    (tmp_path / "store/manifest.json").unlink()
    with pytest.raises(ValueError, match=r"'0' gives torch.float64 after row 2 and float32 before"):
        extract(torch.ones(2, 3), torch.ones(2, 3).double())
