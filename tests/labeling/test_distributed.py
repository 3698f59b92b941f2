"""Units on executors: the same table, whoever works, and whatever happens to workers."""

import json
import multiprocessing
import os
import random
import signal
import threading
from collections import OrderedDict, deque
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster

import invert_captum as ic
from invert_captum.labeling import distributed, worker
from invert_captum.labeling.block import BlockLabeler


@pytest.fixture(scope="module")
def problem():
    """A hundred units of two neurons each."""
    rng = np.random.default_rng(3)
    labels = rng.random((3000, 40)) < 0.1
    activations = rng.normal(size=(3000, 200)).astype(np.float32)
    activations[:, :40] += labels
    return activations, ic.ConceptSet(labels, [f"c{number}" for number in range(40)])


@pytest.fixture(scope="module")
def expected(problem, tmp_path_factory):
    return content(ic.label_neurons(*problem), tmp_path_factory.mktemp("expected"))


def content(result, folder):
    """The bytes of the saved result, versions and all."""
    result.save(folder / "result.json")
    return (folder / "result.json").read_bytes()


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


class Watching(Executor):
    """Passes tasks on, counts them, and does something once so many have been passed on."""

    def __init__(self, executor, after=None, action=lambda: None):
        self.executor, self.after, self.action = executor, after, action
        self.tasks, self.futures = [], []

    def submit(self, function, task):
        if len(self.tasks) == self.after:
            self.action()
        self.tasks.append(task)
        future = self.executor.submit(function, task)
        self.futures.append(future)
        return future


def test_a_pool_of_threads(problem, expected, tmp_path):
    with ThreadPoolExecutor(2) as executor:
        watching = Watching(executor)
        result = ic.label_neurons(*problem, block_size=2, executor=watching)
        assert content(result, tmp_path) == expected
        assert executor.submit(int, "3").result() == 3
    assert sum(task.shared is not None for task in watching.tasks) == 1


def test_a_pool_of_processes(problem, expected, tmp_path, pool):
    for _ in range(2):
        watching = Watching(pool)
        result = ic.label_neurons(*problem, block_size=2, executor=watching)
        assert content(result, tmp_path) == expected
        assert 1 <= sum(task.shared is not None for task in watching.tasks) <= 4


def test_two_dask_workers(problem, expected, tmp_path, client):
    watching = Watching(client.get_executor())
    layers = {"a": problem[0][:, :90], "b": torch.from_numpy(problem[0][:, 90:])}
    result = ic.label_neurons(*problem, block_size=2, executor=watching)
    assert content(result, tmp_path) == expected
    result = ic.label_neurons(layers, problem[1], executor=client.get_executor())
    assert result == ic.label_neurons(layers, problem[1])
    # Nobody asks twice for the labels, if the scheduler does as it should.
    assert 1 <= sum(task.shared is not None for task in watching.tasks) <= 4


def test_a_dask_worker_that_is_killed_costs_its_unit(problem, expected, tmp_path, client):
    pids = client.run(os.getpid)
    victim = next(iter(pids.values()))
    watching = Watching(
        client.get_executor(), after=40, action=lambda: os.kill(victim, signal.SIGKILL)
    )
    result = ic.label_neurons(
        *problem, block_size=2, executor=watching, checkpoint=tmp_path / "units"
    )
    assert content(result, tmp_path) == expected
    assert len(list((tmp_path / "units").glob("unit-*"))) == 100
    client.wait_for_workers(2, timeout=60)
    assert victim not in client.run(os.getpid).values()
    again = ic.label_neurons(*problem, block_size=2, executor=client.get_executor())
    assert content(again, tmp_path) == expected


def test_workers_read_a_store_themselves(problem, expected, tmp_path, client, pool):
    layer = torch.nn.Identity()
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(layer), layer)
    store = labeler.extract(torch.from_numpy(problem[0]), store=tmp_path / "store")
    for executor in (client.get_executor(), pool):
        watching = Watching(executor)
        result = ic.label_neurons(
            store, problem[1], block_size=3, executor=watching, checkpoint=tmp_path / "units"
        )
        assert all(task.rows is None for task in watching.tasks)
        assert content(result, tmp_path) == expected
    # The pool had nothing left to do.
    assert watching.tasks == []
    other = labeler.extract(torch.from_numpy(problem[0] + 1), store=tmp_path / "other")
    for activations in (other, problem[0]):
        with pytest.raises(ValueError, match="is of another run: activations differ; expected"):
            ic.label_neurons(activations, problem[1], checkpoint=tmp_path / "units")


def test_a_broken_pool_can_be_resumed(problem, expected, tmp_path):
    def kill_one():
        os.kill(next(iter(broken._processes)), signal.SIGKILL)

    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as broken:
        watching = Watching(broken, after=40, action=kill_one)
        with pytest.raises(RuntimeError, match="cannot go on, because a worker died") as caught:
            ic.label_neurons(
                *problem, block_size=2, executor=watching, checkpoint=tmp_path / "units"
            )
    assert "the same call" not in str(caught.value)
    advice = f"make the call again with a new one: it goes on from checkpoint '{tmp_path}/units'"
    assert str(caught.value).endswith(advice)
    kept = len(list((tmp_path / "units").glob("unit-*")))
    assert 20 < kept < 100
    with ThreadPoolExecutor(2) as executor:
        watching = Watching(executor)
        result = ic.label_neurons(
            *problem, block_size=2, executor=watching, checkpoint=tmp_path / "units"
        )
    assert content(result, tmp_path) == expected
    assert len({task.unit.number for task in watching.tasks}) == 100 - kept


def test_a_closed_executor(problem):
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        ic.label_neurons(*problem, executor=closed)


def test_an_error_on_a_worker_tells_the_neurons(problem, monkeypatch):
    def fail(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(BlockLabeler, "label", fail)
    with ThreadPoolExecutor(1) as executor, pytest.raises(MemoryError, match="no room") as caught:
        ic.label_neurons(*problem, neurons=[7, 4], executor=executor)
    assert caught.value.__notes__ == ["This came of labelling the neurons 7, 4."]


def test_a_worker_of_another_version_is_refused(problem, monkeypatch):
    monkeypatch.setattr(worker, "__version__", "9.9")
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(RuntimeError, match=r"has invert-captum 9\.9; expected .* the caller has"),
    ):
        ic.label_neurons(*problem, executor=executor)


class Idle(Executor):
    """Never does anything, but is interrupted."""

    def __init__(self):
        self.futures = []

    def submit(self, *_):
        self.futures.append(Future())
        if len(self.futures) == 2:
            raise KeyboardInterrupt
        return self.futures[-1]


def test_an_interrupt_cancels_what_is_under_way(problem):
    executor = Idle()
    with pytest.raises(KeyboardInterrupt):
        ic.label_neurons(*problem, executor=executor)
    assert executor.futures[0].cancelled()


class SimulatedCluster(Executor):
    """Processes of several threads, one task at a time, each by a random one of them.

    Tasks are taken in any order, and processes stop and start without notice.
    """

    def __init__(self, seed, monkeypatch):
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.monkeypatch = monkeypatch
        self.processes = []
        self.waiting, self.asked = deque(), threading.Condition()
        self.most_waiting = self.n_sent = self.n_shared = self.n_labelled = 0
        self.closed = False
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def submit(self, function, task):
        future = Future()
        with self.asked:
            self.waiting.append((future, function, task))
            self.most_waiting = max(self.most_waiting, len(self.waiting))
            self.n_sent += 1
            self.n_shared += task.shared is not None
            self.asked.notify()
        return future

    def work(self):
        while True:
            with self.asked:
                self.asked.wait_for(lambda: self.waiting or self.closed)
                if self.closed:
                    return
                self.waiting.rotate(self.random.randrange(len(self.waiting)))
                future, function, task = self.waiting.popleft()
            if not self.processes or (len(self.processes) < 5 and self.random.random() < 0.1):
                self.processes.append(OrderedDict())
            elif self.random.random() < 0.02:
                self.processes.pop(self.random.randrange(len(self.processes)))
                self.processes.append(OrderedDict())
            kept = self.random.choice(self.processes)
            self.monkeypatch.setattr(worker, "_kept", kept)
            self.monkeypatch.setattr(os, "getpid", partial(id, kept))
            self.monkeypatch.setattr(worker, "get_ident", lambda: self.random.randrange(2))
            answer = function(task)
            self.n_labelled += answer.block is not None
            future.set_result(answer)

    def __exit__(self, *_):
        with self.asked:
            self.closed = True
            self.asked.notify()
        self.thread.join()


@pytest.mark.parametrize("seed", range(8))
def test_every_unit_is_labelled_once_whoever_comes_and_goes(
    problem, expected, tmp_path, monkeypatch, seed
):
    with SimulatedCluster(seed, monkeypatch) as executor:
        result = ic.label_neurons(*problem, block_size=1, executor=executor)
    assert content(result, tmp_path) == expected
    assert executor.n_labelled == 200
    assert executor.n_shared < 60
    assert executor.n_sent < 400
    # Two for each thread of the processes that were there, and two to find more.
    assert executor.most_waiting <= 2 * 2 * executor.n_shared + 2


def test_rows_under_way_are_bounded(problem, expected, tmp_path, monkeypatch):
    """Were there room for all tasks, three units of 3,000 float32 would be under way at most."""
    monkeypatch.setattr(distributed, "_MOST_BYTES_OF_ROWS", 3 * 3000 * 4)
    monkeypatch.setattr(distributed, "_UNITS_BEYOND", 100)
    with SimulatedCluster(0, monkeypatch) as executor:
        result = ic.label_neurons(*problem, block_size=1, executor=executor)
    assert content(result, tmp_path) == expected
    assert executor.most_waiting <= 3
    assert json.loads(content(result, tmp_path))["settings"]["neurons"] is None
