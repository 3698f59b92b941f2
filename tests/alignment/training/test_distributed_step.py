"""Steps under DistributedDataParallel, with the loss inside the wrapped module or around it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from distributed_step import LOSS, step
from tiny_training import batch, network


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """The weights of both processes after their steps."""
    folder = tmp_path_factory.mktemp("states")
    script = Path(__file__).with_name("distributed_step.py")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run = subprocess.run(
        [*launch, script, folder],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


WAYS = [f"{rows}, {loss}" for rows in ("mixed", "apart") for loss in ("inside", "outside")]


@pytest.mark.parametrize("way", WAYS)
def test_both_processes_have_the_same_weights(states, way):
    torch.testing.assert_close(states[0][way], states[1][way], rtol=0, atol=0)


@pytest.mark.parametrize("way", WAYS)
def test_they_are_those_of_one_process_on_the_joint_batch(states, way):
    model = network()
    expected = step(model, model, batch(8), LOSS)
    torch.testing.assert_close(states[0][way], expected, rtol=0, atol=1e-6)
    moved = (expected["0.weight"] - network()[0].weight).abs().max()
    assert moved > 1e-3
