from pathlib import Path

import pytest
import torch
from tiny_training import StopHereError, Stopping, batch, loader, network, run, stop
from torch import nn

from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss
from invert_captum.alignment.training.harmonize import harmonize

LOSS = HarmonizationLoss(lambda_harmonization=2.0)


def cosine(optimizer, n):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n)


def wider():
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.Softplus(), nn.Flatten(), nn.Linear(500, 3))


def attempt(path, *, model=None, optimizer=None, scheduler=None, n_data=2, **arguments):
    model = network() if model is None else model
    make = optimizer or (lambda weights: torch.optim.SGD(weights, lr=0.1))
    made = make(model.parameters())
    given = {"n_epochs": 2, "loss": LOSS, **arguments}
    given["scheduler"] = None if scheduler is None else scheduler(made)
    harmonize(model, [batch()] * n_data, made, checkpoint=path, **given)
    return model


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"accumulate": 2}, "accumulate is 2, in the checkpoint 1"),
        ({"max_grad_norm": 1.0}, "max_grad_norm is 1.0, in the checkpoint None"),
        ({"autocast_dtype": torch.bfloat16}, "autocast_dtype is torch.bfloat16"),
        ({"loss": HarmonizationLoss()}, "loss.lambda_harmonization is 1.0, in the checkpoint 2.0"),
        ({"n_data": 3}, r"len\(data\) is 3, in the checkpoint 2"),
        ({"n_epochs": 1}, "n_epochs is 1, but 2 are done"),
        ({"optimizer": lambda w: torch.optim.SGD(w, lr=0.2)}, r"groups\[0\].lr is 0.2"),
        (
            {"optimizer": lambda w: torch.optim.Adam(w, lr=0.1)},
            "optimizer is Adam, in the .* SGD",
        ),
        ({"optimizer": lambda w: torch.optim.SGD([*w][:2], lr=0.1)}, "shapes is"),
        ({"scheduler": lambda o: cosine(o, 9)}, "scheduler is CosineAnnealingLR"),
        ({"model": wider()}, r"model's '0.weight' is \(5, 3, 3, 3\) torch.float32"),
        ({"model": network(dtype=torch.float64)}, "torch.float64, in the checkpoint"),
    ],
)
def test_another_run_is_refused_by_what_differs(tmp_path, other, message):
    path = tmp_path / "run.pt"
    attempt(path)
    content = path.read_bytes()
    model = other.get("model", network(1))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with pytest.raises(ValueError, match=message):
        attempt(path, **{**other, "model": model})
    assert path.read_bytes() == content
    assert all(map(torch.equal, model.parameters(), before))


def test_another_schedule_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    attempt(path, scheduler=lambda optimizer: cosine(optimizer, 9))
    with pytest.raises(ValueError, match=r"scheduler.T_max is 8, in the checkpoint 9"):
        attempt(path, scheduler=lambda optimizer: cosine(optimizer, 8))


def test_the_log_of_another_run_is_not_overwritten(tmp_path):
    run(tmp_path, n_epochs=1)
    for content in ("mine", (tmp_path / "run.csv").read_text().replace("1,2,", "1,2,9", 1)):
        (tmp_path / "run.csv").write_text(content)
        with pytest.raises(ValueError, match="is not the log of the run in the checkpoint"):
            run(tmp_path)
        assert (tmp_path / "run.csv").read_text() == content


def test_less_data_than_was_done_is_refused(tmp_path):
    class Short(Stopping):
        def __iter__(self):
            return iter(list(self.loader)[:2])

    with pytest.raises(StopHereError):
        run(tmp_path, data=Stopping(loader(), 6, stop))
    with pytest.raises(ValueError, match="2 batches in epoch 1, of which the checkpoint has done"):
        run(tmp_path, data=Short(loader(), 0, stop))


def test_damaged_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.pt"
    model = attempt(path)
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[content.index(model[4].weight.detach().numpy().tobytes())] ^= 1
    for damaged in (content[: len(content) // 2], b"", b"not a checkpoint", bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint '.*run.pt'"):
            attempt(path)
        assert path.read_bytes() == damaged


def test_other_files_of_pytorch_are_refused(tmp_path):
    path = tmp_path / "run.pt"
    torch.save(network().state_dict(), path)
    with pytest.raises(ValueError, match="is not of the format"):
        attempt(path)


def test_a_checkpoint_in_no_folder_is_refused_before_the_first_step(tmp_path):
    model = network()
    with pytest.raises(FileNotFoundError, match="folder does not exist"):
        attempt(tmp_path / "no" / "run.pt", model=model)
    torch.testing.assert_close(model.state_dict(), network().state_dict(), rtol=0, atol=0)


class Odd(nn.Module):
    """With a state that only running code could read."""

    def get_extra_state(self):
        return Path("here")

    def set_extra_state(self, state):
        pass

    def forward(self, images):
        return images


def test_a_state_that_cannot_be_read_back_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(TypeError, match="weights_only=True"):
        attempt(tmp_path / "run.pt", model=nn.Sequential(Odd(), *network()))
    assert not list(tmp_path.iterdir())


def test_only_the_last_checkpoint_is_kept_and_no_unfinished_file(tmp_path):
    run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv", "run.pt"]
