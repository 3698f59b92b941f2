import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny_training import StopHereError, Stopping, batch, loader, network, run, stop
from torch.utils.data import DataLoader

from invert_captum.alignment.training.harmonize import harmonize


def assert_same_run(one, other, folders):
    """Weights, buffers, table and file, to the last bit, apart from the time."""
    torch.testing.assert_close(one[0].state_dict(), other[0].state_dict(), rtol=0, atol=0)
    tables = [one[1], other[1], *(pd.read_csv(folder / "run.csv") for folder in folders)]
    texts = [table.drop(columns="seconds").to_csv() for table in tables[:2]]
    assert texts[0] == texts[1]
    lines = [
        [line.split(",")[:8] for line in (folder / "run.csv").read_text().splitlines()]
        for folder in folders
    ]
    assert lines[0] == lines[1]


@pytest.fixture
def folders(tmp_path):
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    return tmp_path / "whole", tmp_path / "stopped"


# Seven batches an epoch: before the first, inside each epoch, and at an epoch's first and last.
@pytest.mark.parametrize("at", [1, 4, 7, 8, 13, 21])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(folders, at, accumulate):
    whole = run(folders[0], data=loader(), accumulate=accumulate)
    with pytest.raises(StopHereError):
        run(folders[1], data=Stopping(loader(), at, stop), accumulate=accumulate)
    assert_same_run(whole, run(folders[1], data=loader(), accumulate=accumulate), folders)


def test_a_run_killed_in_the_middle_goes_on_as_if_it_had_not_stopped(folders):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = run(folders[0])
        script = Path(__file__).with_name("tiny_training.py")
        killed = subprocess.run([sys.executable, script, folders[1], "12"], check=False)
        assert killed.returncode == -signal.SIGKILL
        rows = pd.read_csv(folders[1] / "run.csv")
        assert rows["step"].max() == 11  # one more than the checkpoint has
        with (folders[1] / "run.csv").open("a") as file:
            file.write("2,12,0.7")  # as if it had been killed while it wrote
        assert_same_run(whole, run(folders[1]), folders)
    finally:
        torch.set_num_threads(threads)


def test_stopped_twice_with_workers_and_a_generator_of_its_own(folders):
    def data():
        return loader(num_workers=1, generator=torch.Generator().manual_seed(8))

    whole = run(folders[0], data=data(), n_epochs=2)
    for at in (5, 6):
        with pytest.raises(StopHereError):
            run(folders[1], data=Stopping(data(), at, stop), n_epochs=2)
    assert_same_run(whole, run(folders[1], data=data(), n_epochs=2), folders)


def test_a_finished_run_gives_its_log_and_weights_again(tmp_path):
    first = run(tmp_path)
    content = (tmp_path / "run.csv").read_bytes()
    again = run(tmp_path, data=loader())
    pd.testing.assert_frame_equal(first[1], again[1], check_exact=True)
    torch.testing.assert_close(first[0].state_dict(), again[0].state_dict(), rtol=0, atol=0)
    assert (tmp_path / "run.csv").read_bytes() == content


def test_more_epochs_go_on_from_the_end(folders):
    whole = run(folders[0], n_epochs=3)
    run(folders[1], n_epochs=2)
    assert_same_run(whole, run(folders[1], n_epochs=3), folders)


def test_a_lost_log_is_written_again(folders):
    whole = run(folders[0])
    with pytest.raises(StopHereError):
        run(folders[1], data=Stopping(loader(), 12, stop))
    (folders[1] / "run.csv").unlink()
    assert_same_run(whole, run(folders[1]), folders)


def test_the_scaler_goes_on(folders):
    half = {"autocast_dtype": torch.float16}
    whole = run(folders[0], **half)
    with pytest.raises(StopHereError):
        run(folders[1], data=Stopping(loader(), 12, stop), **half)
    assert_same_run(whole, run(folders[1], **half), folders)


def scheduled(optimizer, n):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n)


SCHEDULERS = {
    "cosine": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 9),
    "steps": lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4]),
    "plateau": lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
    "sequence": lambda optimizer: torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=2),
            torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
        ],
        [2],
    ),
    "warm restarts": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, 2
    ),
}


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_any_scheduler_goes_on(tmp_path, name, interval):
    def train(path, n_epochs):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        log = harmonize(
            model,
            [batch(), batch(seed=1)],
            optimizer,
            n_epochs=n_epochs,
            scheduler=SCHEDULERS[name](optimizer),
            scheduler_interval=interval,
            checkpoint=tmp_path / path,
        )
        return log.drop(columns="seconds")

    train("stopped", 3)
    pd.testing.assert_frame_equal(train("whole", 6), train("stopped", 6), check_exact=True)


def test_the_same_objects_can_go_on_after_an_interruption(folders):
    def train(folder, data, model, optimizer, scheduler):
        files = {"checkpoint": folder / "run.pt", "log": folder / "run.csv"}
        log = harmonize(
            model, data, optimizer, n_epochs=2, scheduler=scheduler, checkpoint_every=2, **files
        )
        return model, log

    def objects():
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return model, optimizer, scheduled(optimizer, 20)

    torch.manual_seed(1)
    state = torch.get_rng_state()
    batches = [batch(seed=seed) for seed in range(4)]
    whole = train(folders[0], batches, *objects())
    torch.set_rng_state(state)
    live = objects()
    stopping = Stopping(DataLoader(batches, batch_size=None), 4, stop)
    stopping.sampler = None
    with pytest.raises(StopHereError):
        train(folders[1], stopping, *live)
    assert_same_run(whole, train(folders[1], batches, *live), folders)
