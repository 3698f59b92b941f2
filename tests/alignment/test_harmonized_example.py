"""The example under torchrun, with two processes on the CPU."""

import argparse
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "train_harmonized.py"
TINY = ["--model", "squeezenet1_1", "--classes", "3", "--size", "32", "--batch-size", "4"]


def started(*command, **settings):
    """Run the example, and return how it ended."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def torchrun(*arguments):
    """Run it in two processes."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return started(*launch, EXAMPLE, *arguments)


def alone(*arguments):
    """Run it in the one process that torchrun would start, which saves the time of torchrun."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}
    return started(EXAMPLE, *arguments, RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", **address)


def scalars(folder):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    read = events.EventAccumulator(str(folder))
    read.Reload()
    return {tag: [event.step for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def test_one_process_writes_events_and_a_checkpoint_from_which_two_go_on(tmp_path):
    folder = tmp_path / "run"
    given = ["--folder", folder, "--precision", "bfloat16", *TINY]
    run = alone("--synthetic", 16, "--steps", 2, "--epochs", 1, *given)
    assert run.returncode == 0, run.stderr
    first = torch.load(folder / "last.pt", weights_only=True)
    assert first["done"] == {"epoch": 1, "step": 2}
    # Of 9 records the first process has 5, and the other 4: one batch that both have.
    drawn = np.random.default_rng(0)
    images, maps = drawn.integers(0, 255, (9, 32, 32, 3), dtype=np.uint8), drawn.random((9, 32, 32))
    np.savez(tmp_path / "own.npz", images=images, heatmaps=maps, labels=np.arange(9) % 3)
    run = torchrun("--data", tmp_path / "own.npz", "--epochs", 3, *given)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count(f"3 epochs are done; checkpoint and events: {folder}") == 1
    second = torch.load(folder / "last.pt", weights_only=True)
    assert second["done"] == {"epoch": 3, "step": 4}
    moved = [
        not torch.equal(value, second["model"][name]) for name, value in first["model"].items()
    ]
    assert all(moved)
    steps = scalars(folder)
    assert set(steps) == {
        "learning_rate",
        "loss/total",
        "loss/cross_entropy",
        "loss/weight_decay",
        "loss/harmonization",
    }
    assert all(found == [1, 2, 3, 4] for found in steps.values())


def test_without_torchrun_it_says_how_to_start_it(monkeypatch, capsys):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--synthetic", "--folder", "none"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "torchrun --standalone --nproc-per-node" in capsys.readouterr().err


def test_help_needs_no_torchrun(monkeypatch, capsys):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "--synthetic" in capsys.readouterr().out


def test_too_few_drawn_pictures_are_named(tmp_path):
    run = alone("--synthetic", 3, "--folder", tmp_path / "run", *TINY)
    assert run.returncode != 0
    assert "--synthetic has too few records for one --batch-size" in run.stderr


def test_trained_weights_keep_their_head_or_get_one_of_other_classes(monkeypatch):
    from torchvision.models import _api, mnasnet0_5

    trained = mnasnet0_5().state_dict()
    monkeypatch.setattr(_api, "load_state_dict_from_url", lambda *_, **__: trained)
    network_of = runpy.run_path(str(EXAMPLE))["network_of"]
    for classes in (1000, 3):
        args = argparse.Namespace(model="mnasnet0_5", weights="DEFAULT", classes=classes)
        found = network_of(args).state_dict()
        assert len(found["classifier.1.weight"]) == len(found["classifier.1.bias"]) == classes
        same = [name for name, value in trained.items() if torch.equal(found[name], value)]
        head = ["classifier.1.weight", "classifier.1.bias"]
        assert same == [name for name in trained if classes == 1000 or name not in head]
