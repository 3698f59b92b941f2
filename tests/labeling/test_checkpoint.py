"""A run that ends in any way goes on where it ended, with the same table."""

import errno
import json
import logging
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import killed_run
import numpy as np
import pytest
import torch

import invert_captum as ic
from invert_captum._files import replacing
from invert_captum.labeling import checkpoint as checkpoints
from invert_captum.labeling.block import BlockLabeler


def units_in(folder):
    """Every unit's file with what changes when it is written again."""
    return {path.name: path.stat().st_ino for path in Path(folder).glob("unit-*.json")}


def saved(result, path):
    result.save(path)
    return path.read_bytes()


@pytest.fixture
def labelled(monkeypatch):
    """How often each unit was labelled, and where to set a failure."""
    counts, fails = Counter(), {"after": None}
    label = BlockLabeler.label

    def counting(self, layer, neurons, rows):
        if fails["after"] is not None and sum(counts.values()) >= fails["after"]:
            raise RuntimeError("the lights went out")
        block = label(self, layer, neurons, rows)
        counts[layer, tuple(neurons)] += 1
        return block

    monkeypatch.setattr(BlockLabeler, "label", counting)
    return counts, fails


def finish_what_runs(pool):
    """Wait until both threads of a pool are free: units that were begun are still counted."""
    both = Barrier(2)
    list(pool.map(lambda _: both.wait(60), range(2)))


@pytest.mark.parametrize("on_executor", [False, True])
def test_finished_units_are_not_computed_again(
    activations, concepts, tmp_path, labelled, on_executor
):
    counts, fails = labelled
    layers = {"early": np.tile(activations, 3), "late": activations}
    expected = saved(ic.label_neurons(layers, concepts, top_k=2), tmp_path / "expected.json")
    counts.clear()
    folder = tmp_path / "new" / "units"
    generator = random.Random(0)  # noqa: S311 - no secret
    with ThreadPoolExecutor(2) as pool:
        arguments = {"top_k": 2, "checkpoint": folder, "executor": pool if on_executor else None}
        for size in (1, 2, None, 5):
            # The size of the first call holds for the others.
            kept = len(units_in(folder))
            before = Counter(counts)
            fails["after"] = sum(counts.values()) + generator.randint(1, 6)
            with pytest.raises(RuntimeError, match="the lights went out"):
                ic.label_neurons(layers, concepts, block_size=size, **arguments)
            finish_what_runs(pool)
            computed = sum((counts - before).values())
            if on_executor:
                assert kept <= len(units_in(folder)) <= kept + computed
            else:
                assert len(units_in(folder)) == kept + computed
        kept, before = units_in(folder), Counter(counts)
        fails["after"] = None
        result = ic.label_neurons(layers, concepts, **arguments)
        assert saved(result, tmp_path / "resumed.json") == expected
        assert sum((counts - before).values()) == 24 - len(kept)
        assert kept.items() <= units_in(folder).items()
        if not on_executor:
            assert list(counts.values()) == [1] * 24
        fails["after"] = 0
        again = ic.label_neurons(layers, concepts, **arguments)
        assert saved(again, tmp_path / "again.json") == expected


@contextmanager
def running(context, folder):
    process = context.Process(target=killed_run.label, args=(folder,))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def test_kill_minus_nine_ten_times(tmp_path, monkeypatch):
    """At random moments of the labelling; afterwards the folder is as if nothing had happened."""
    expected = saved(killed_run.label(None), tmp_path / "expected.json")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_run"])
    generator = random.Random(1)  # noqa: S311 - no secret
    folder, kept = tmp_path / "units", {}
    for _ in range(10):
        wanted = len(kept) + generator.randint(1, 4)
        with running(context, folder) as process:
            while process.is_alive() and len(units_in(folder)) < wanted:
                time.sleep(0.001)
            time.sleep(generator.random() * 0.02)
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            assert process.exitcode == -signal.SIGKILL
        now = units_in(folder)
        assert kept.items() <= now.items()
        kept = now
    assert 10 <= len(kept) < killed_run.N_UNITS
    assert saved(killed_run.label(folder), tmp_path / "resumed.json") == expected
    assert kept.items() <= units_in(folder).items()
    assert len(units_in(folder)) == killed_run.N_UNITS


def regrouped(n_samples):
    return {"groups": (np.arange(n_samples) // 2).tolist()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_length": 2}, "max_length is 2, in the checkpoint 3"),
        ({"seed": 7}, "seed is 7, in the checkpoint 0;"),
        (
            {"sign": "negative", "alpha": 0.01},
            "sign is 'negative', in the checkpoint 'positive'; a",
        ),
        ({"significance": None}, "significance is None, in the checkpoint 'holdout'"),
        (regrouped(600), "groups differ"),
        ({"neurons": [0, 1, 2]}, "neurons differ"),
    ],
)
def test_other_arguments_are_refused(activations, concepts, tmp_path, change, message):
    ic.label_neurons(activations, concepts, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="is of another run: ") as caught:
        ic.label_neurons(activations, concepts, checkpoint=tmp_path, **change)
    assert f"{str(tmp_path)!r} is of another run: {message}" in str(caught.value)
    assert str(caught.value).endswith("expected the arguments of that run, or another folder")


def test_other_data_are_refused(activations, concepts, tmp_path, monkeypatch):
    def refused(message, activations, concepts):
        with pytest.raises(ValueError, match=f"is of another run: .*{message}"):
            ic.label_neurons(activations, concepts, checkpoint=tmp_path)

    ic.label_neurons(activations, concepts, checkpoint=tmp_path)
    labels = concepts.labels.toarray()
    labels[0, 0] ^= True
    refused("concepts differ", activations, ic.ConceptSet(labels, concepts.names))
    refused("the number of samples differs", activations[1:], concepts.take(range(1, 600)))
    refused(r"layers \['fc'\], in the checkpoint \[None\]", {"fc": activations}, concepts)
    refused("activations differ", activations[:, :5], concepts)
    changed = activations.copy()
    changed[3, 4] += 1e-9
    refused(r"activations differ, among them those of neurons 0, 1", changed, concepts)
    monkeypatch.setattr("invert_captum.labeling.identity.__version__", "9.9")
    refused("invert-captum is 9.9, in the checkpoint", activations, concepts)


def test_other_activations_of_a_layer_are_refused(activations, concepts, tmp_path):
    ic.label_neurons({"a": activations, "b": activations}, concepts, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"activations\['b'\] differ, among them"):
        ic.label_neurons({"a": activations, "b": 2 * activations}, concepts, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"run: activations\['b'\] differ; expected"):
        ic.label_neurons({"a": activations, "b": activations[:, :2]}, concepts, checkpoint=tmp_path)


def test_a_folder_that_is_none_is_refused(activations, concepts, tmp_path):
    (tmp_path / "thesis").write_text("")
    with pytest.raises(ValueError, match="holds no checkpoint, but 'thesis'; expected a new"):
        ic.label_neurons(activations, concepts, checkpoint=tmp_path)
    store = tmp_path / "store"
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(torch.nn.Identity()), "0")
    labeler.extract(torch.rand(4, 2), store=store)
    with pytest.raises(ValueError, match="an activation store is given as activations"):
        ic.label_neurons(activations, concepts, checkpoint=store)
    with pytest.raises(NotADirectoryError, match="thesis' is no folder"):
        ic.label_neurons(activations, concepts, checkpoint=str(tmp_path / "thesis"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:100], "manifest.json' cannot be used: "),
        (
            lambda text: text.replace('"beam_width":5', '"beam_width":4'),
            "does not have the SHA-256",
        ),
        (lambda _: "[]", "holds no JSON object"),
    ],
)
def test_a_damaged_manifest_is_refused(activations, concepts, tmp_path, damage, message):
    ic.label_neurons(activations, concepts, checkpoint=tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(damage(manifest.read_text()))
    with pytest.raises(ValueError, match=message):
        ic.label_neurons(activations, concepts, checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "shopping list"}, "its format is not 'invert-captum labeling checkpoint'"),
        ({"version": 1}, "its version is 1; this release reads version 2"),
        ({"unit_sizes": [0]}, "its units have no size"),
    ],
)
def test_another_manifest_is_refused(activations, concepts, tmp_path, change, message):
    ic.label_neurons(activations, concepts, checkpoint=tmp_path)
    manifest = tmp_path / "manifest.json"
    content = {**json.loads(manifest.read_text()), **change}
    del content["sha256"]
    manifest.write_bytes(checkpoints._as_json(checkpoints._sealed(content)))
    with pytest.raises(ValueError, match=message):
        ic.label_neurons(activations, concepts, checkpoint=tmp_path)


def resealed(path, change):
    """Change a unit's file as somebody would who knows the format."""
    content = json.loads(path.read_text())
    del content["sha256"]
    change(content)
    path.write_bytes(checkpoints._as_json(checkpoints._sealed(content)))


DAMAGES = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "empty": lambda path: path.write_bytes(b""),
    "not UTF-8": lambda path: path.write_bytes(b"\xff" * 100),
    "another number": lambda path: path.write_text(path.read_text().replace("[0,1]", "[1,0]")),
    "another unit": lambda path: path.write_bytes(path.with_stem("unit-00000001").read_bytes()),
    "another run": lambda path: resealed(path, lambda unit: unit.update(run="0")),
    "other neurons": lambda path: resealed(path, lambda unit: unit["table"].update(neuron=[5, 1])),
    "a digest less": lambda path: resealed(path, lambda unit: unit["digests"].pop()),
    "no such concept": lambda path: resealed(path, lambda u: u["table"].update(formula=["x", "y"])),
    "no table": lambda path: resealed(path, lambda unit: unit.pop("table")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_unit_is_computed_again(
    activations, concepts, tmp_path, labelled, caplog, damage
):
    counts, _ = labelled
    arguments = {"checkpoint": tmp_path / "units", "block_size": 2}
    expected = saved(ic.label_neurons(activations, concepts, **arguments), tmp_path / "a.json")
    whole = units_in(tmp_path / "units")
    counts.clear()
    DAMAGES[damage](tmp_path / "units" / "unit-00000000.json")
    with caplog.at_level(logging.WARNING, "invert_captum"):
        result = ic.label_neurons(activations, concepts, **arguments)
    assert saved(result, tmp_path / "b.json") == expected
    assert counts == {(None, (0, 1)): 1}
    assert "unit-00000000.json is damaged, its unit is computed again" in caplog.text
    mended = units_in(tmp_path / "units")
    assert [name for name in whole if whole[name] != mended[name]] == ["unit-00000000.json"]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "cannot be written: the disk is full; the units finished so far are kept"),
        (errno.EDQUOT, "cannot be written: the disk is full; "),
        (errno.EROFS, "cannot be written: Read-only file system; "),
    ],
)
@pytest.mark.parametrize("on_executor", [False, True])
def test_a_full_disk(activations, concepts, tmp_path, monkeypatch, number, message, on_executor):
    free = [3]

    @contextmanager
    def filling(path):
        with replacing(path) as file:
            if not free[0]:
                file.write(b"{")
                raise OSError(number, os.strerror(number))
            free[0] -= 1
            yield file

    monkeypatch.setattr(checkpoints, "replacing", filling)
    arguments = {"checkpoint": tmp_path / "units", "block_size": 1}
    with ThreadPoolExecutor(2) as pool:
        arguments["executor"] = pool if on_executor else None
        with pytest.raises(OSError, match=message) as caught:
            ic.label_neurons(activations, concepts, **arguments)
        assert caught.value.errno == number
        assert str(tmp_path / "units") in str(caught.value)
        assert "the same call goes on from there" in str(caught.value)
        # The manifest and two units; nothing is left half written.
        assert len(list((tmp_path / "units").iterdir())) == 3
        kept = units_in(tmp_path / "units")
        free[0] = 100
        result = ic.label_neurons(activations, concepts, **arguments)
    assert kept.items() <= units_in(tmp_path / "units").items()
    expected = ic.label_neurons(activations, concepts)
    assert saved(result, tmp_path / "a.json") == saved(expected, tmp_path / "b.json")


def test_set_aside_neurons_come_back(rng, concepts, tmp_path):
    activations = rng.normal(size=(600, 5))
    activations[:, 1] = 2.0
    activations[0, 3] = np.nan
    for name in ("first", "again"):
        with pytest.warns(ic.InvertCaptumWarning, match="2 of 5 neurons are set aside"):
            result = ic.label_neurons(activations, concepts, checkpoint=tmp_path / "units")
        result.save(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
