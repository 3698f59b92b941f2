from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from stored_extraction import N, Noting, Rows, X, files, in_memory, network, stored
from torch import nn
from torch.utils.data import DataLoader

from invert_captum.activations import extract_activations, resolve_layers
from invert_captum.activations.store import layout


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Blocks of 8 rows and chunks of 4 neurons, for float32."""
    monkeypatch.setattr(layout, "_CHUNK_BYTES", 128)
    monkeypatch.setattr(layout, "_CHUNK_NEURONS", 4)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(3) as executor:
        yield executor


class Pickling:
    """Runs everything at once, but sends it through pickle, as other machines do."""

    def submit(self, function, *arguments):
        future = Future()
        try:
            content = pickle.dumps((function, arguments))
            self.sizes = [*getattr(self, "sizes", []), len(content)]
            called, given = pickle.loads(content)  # noqa: S301
            future.set_result(pickle.loads(pickle.dumps(called(*given))))  # noqa: S301
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(params=["processes", "threads", "pickling"])
def executor(request):
    if request.param == "pickling":
        return Pickling()
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("inputs", [X, Rows(), Rows(ids=True)], ids=["tensor", "rows", "ids"])
def test_every_executor_writes_the_same_store(tmp_path, executor, inputs):
    store, _ = stored(tmp_path / "store", inputs, executor=executor)
    stored(tmp_path / "alone", inputs)
    assert files(tmp_path / "store") == files(tmp_path / "alone")
    assert torch.equal(store.load(), in_memory())
    assert (store.sample_ids == [f"row{row}" for row in range(N)]) == getattr(inputs, "ids", False)


@pytest.mark.parametrize("inputs", [X, Rows(), Rows(ids=True)], ids=["tensor", "rows", "ids"])
def test_without_a_store_the_rows_come_back(executor, inputs):
    model = network()
    layers = resolve_layers(model, ["first", "last"])
    options = {"batch_size": 4, "dtype": torch.bfloat16}
    found = extract_activations(model, layers, inputs, executor=executor, **options)
    alone = extract_activations(model, layers, inputs, **options)
    assert found.sample_ids == alone.sample_ids
    for name, rows in alone.activations.items():
        assert torch.equal(found.activations[name], rows)


class Adding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x, aligned, fixed, factor):
        return self.layer(factor * x + aligned + fixed.sum())


def test_further_arguments_are_cut_along(tmp_path):
    # As long as a row block, but not one per sample.
    aligned, fixed = torch.rand(N, 1), torch.rand(8)
    options = {"additional_forward_args": (aligned, fixed, 2.0), "layer": "layer"}
    store, _ = stored(tmp_path / "one", model=Adding(), executor=Pickling(), **options)
    alone, _ = stored(tmp_path / "other", model=Adding(), **options)
    torch.testing.assert_close(store.load(), 2 * X + aligned + fixed.sum())
    assert torch.equal(store.load(), alone.load())


def test_units_bring_only_their_own_rows(tmp_path):
    inputs = torch.rand(N, 600)

    def largest_unit(n):
        executor = Pickling()
        model = nn.Sequential(nn.Linear(600, 1))
        stored(tmp_path / str(n), inputs[:n], layer="0", model=model, executor=executor)
        return max(executor.sizes)

    assert largest_unit(50) < largest_unit(20) + 1000


def test_only_missing_blocks_are_computed_and_finished_ones_are_checked(tmp_path, threads):
    path = tmp_path / "store"
    stored(path)
    whole = files(path)
    for block in (1, 4, 6):
        Path(path, f"records/0000000{block}.json").unlink()
    other = X.clone()
    other[40, 1] += 1
    with pytest.raises(ValueError, match="rows 40 to 47 had inputs with SHA-256"):
        stored(path, other, executor=threads)
    assert not Noting.rows
    _, rows = stored(path, executor=threads)
    assert sorted(rows) == [*range(8, 16), *range(32, 40), 48, 49]
    assert files(path) == whole
    assert stored(path, executor=threads)[1] == []


def test_stores_begun_by_a_loader_go_on_with_an_executor_and_back(tmp_path, threads):
    path = tmp_path / "store"
    stored(path, DataLoader(Rows(), batch_size=4))
    for block in (1, 6):
        Path(path, f"records/0000000{block}.json").unlink()
    _, rows = stored(path, Rows(), executor=threads)
    assert sorted(rows) == [*range(8, 16), 48, 49]
    Path(path, "records/00000003.json").unlink()
    assert stored(path, DataLoader(Rows(), batch_size=4))[1] == list(range(24, 32))
    with pytest.raises(ValueError, match=r"it had 50 samples \(now 30\)"):
        stored(path, Rows(30), executor=threads)


class Deadly(Rows):
    """Kills the process that comes to row 20, unless a file is there."""

    def __init__(self, pardon: Path, **options) -> None:
        super().__init__(**options)
        self.pardon = pardon

    def __getitem__(self, row):
        if row == 20 and not self.pardon.exists():
            os._exit(9)
        return super().__getitem__(row)


def test_a_dead_worker_costs_its_unit_and_not_what_was_finished(tmp_path):
    inputs = Deadly(tmp_path / "pardon")
    context = multiprocessing.get_context("spawn")
    message = r"a worker of the executor died .*; the same call goes on with the store at '.*store'"
    with (
        ProcessPoolExecutor(1, mp_context=context) as executor,
        pytest.raises(RuntimeError, match=message),
    ):
        stored(tmp_path / "store", inputs, executor=executor)
    assert len(list((tmp_path / "store/records").iterdir())) == 2
    (tmp_path / "pardon").touch()
    store, rows = stored(tmp_path / "store", inputs)
    assert rows == list(range(16, 50))
    assert torch.equal(store.load(), in_memory())


def test_an_executor_of_dask_gets_the_job_once(tmp_path):
    class Client:
        """Keeps what its workers share, and gives it to them by reference."""

        kept: list[object] = []  # noqa: RUF012

        def submit(self, function, value):
            self.kept.append(function(value))
            return len(self.kept) - 1

    class Dask(Pickling):
        _client = Client()

        def submit(self, function, *arguments):
            first, *rest = arguments
            return super().submit(function, self._client.kept[first], *rest)

    store, _ = stored(tmp_path / "store", executor=Dask())
    assert len(Client.kept) == 1
    assert torch.equal(store.load(), in_memory())


class Broken(nn.Module):
    def forward(self, x):
        if 20 in x[:, 0]:
            raise ZeroDivisionError("broken sample")
        return x


class Repeated(Rows):
    def __getitem__(self, row):
        return X[row], {"sample_ids": f"row{row % 40}"}


class Sometimes(Rows):
    def __getitem__(self, row):
        return (X[row], {"sample_ids": f"row{row}"}) if row < 16 else X[row]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": DataLoader(X)}, TypeError, "inputs is a DataLoader.* with executor expected"),
        ({"model": nn.Sequential(Broken()), "layer": "0"}, ZeroDivisionError, "broken sample"),
        ({"inputs": Repeated()}, ValueError, "sample_ids holds 'row0' twice"),
        ({"inputs": Sometimes()}, (TypeError, ValueError), "for some samples only"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
    ],
)
def test_what_is_refused(tmp_path, threads, options, error, message):
    with pytest.raises(error, match=message):
        stored(tmp_path / "store", executor=threads, **options)
    if not isinstance(options.get("inputs"), Sometimes):
        options = {"inputs": X, "layer": "first", "model": network(), **options}
        model, inputs = options.pop("model"), options.pop("inputs")
        layers = resolve_layers(model, options.pop("layer"))
        with pytest.raises(error, match=message):
            extract_activations(model, layers, inputs, executor=threads, **options)


def test_models_that_cannot_be_sent_are_refused(tmp_path, threads):
    model = network()
    model.first.register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match=r"executor needs a model, .* that can be pickled"):
        stored(tmp_path / "store", model=model, executor=threads)


def test_reductions_that_cannot_be_sent_are_refused(tmp_path, threads):
    options = {"executor": threads, "reduce": lambda output: output}
    with pytest.raises(ValueError, match=r"reduce is .*with a store expected a named"):
        stored(tmp_path / "store", **options)
    model = network()
    with pytest.raises(TypeError, match=r"executor needs a model, a reduction .* can be pickled"):
        extract_activations(model, {"first": model.first}, X, **options)


class DeadlyOnce(Rows):
    """Kills the process that comes to row 20, once."""

    def __init__(self, note: Path) -> None:
        super().__init__()
        self.note = note

    def __getitem__(self, row):
        if row == 20 and not self.note.exists():
            self.note.touch()
            os._exit(9)
        return super().__getitem__(row)


def test_a_killed_worker_of_dask_costs_nothing_but_its_block(tmp_path, monkeypatch):
    # Workers import this module, too.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        inputs = DeadlyOnce(tmp_path / "note")
        store, _ = stored(tmp_path / "store", inputs, executor=client.get_executor())
    assert inputs.note.exists()
    assert store.complete
    assert torch.equal(store.load(), in_memory())


def test_progress_counts_row_blocks(tmp_path, threads, capsys):
    stored(tmp_path / "store", executor=threads, show_progress=True)
    assert "row blocks" in capsys.readouterr().err
    stored(tmp_path / "other", show_progress=True)
    assert "activations" in capsys.readouterr().err


FORKED = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import torch

from invert_captum import NeuronConceptLabeler

if __name__ == "__main__":
    torch.set_num_threads(2)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3), torch.nn.ReLU())
    images = torch.rand(300, 3, 32, 32)
    labeler = NeuronConceptLabeler(model, "1")
    direct = labeler.extract(images)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        print(torch.allclose(labeler.extract(images, executor=pool), direct, atol=1e-6))
"""


def test_forked_processes_do_not_wait_for_threads_that_are_gone(tmp_path):
    script = tmp_path / "forked.py"
    script.write_text(FORKED)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "True"
