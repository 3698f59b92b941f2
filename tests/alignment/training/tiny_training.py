"""A small network, drawn batches, and a run that draws from every random generator."""

import random
import sys

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from invert_captum.alignment.training.harmonize import harmonize

SIDE = 12


def network(seed=0, dtype=torch.float32):
    """Without batch norm, so that a joint batch is the mean of its parts."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.Softplus(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    ).to(dtype)


def batch(n=4, seed=0, dtype=torch.float32, tokens=True):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, 3, SIDE, SIDE, generator=generator, dtype=dtype)
    labels = torch.randint(3, (n,), generator=generator)
    heatmaps = torch.rand(n, SIDE, SIDE, generator=generator, dtype=dtype)
    given = (torch.arange(n) % 3 > 0).to(dtype)
    return (images, labels, heatmaps, given) if tokens else (images, labels, heatmaps)


class NoisyData(Dataset):
    """Twenty images to which PyTorch's, NumPy's and Python's generators add noise."""

    def __init__(self):
        self.images, self.labels, self.heatmaps, self.tokens = batch(20)
        self.epochs = []

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        noise = random.random() + np.random.rand() + torch.rand(())  # noqa: NPY002, S311
        return self.images[row] + noise, self.labels[row], self.heatmaps[row], self.tokens[row]

    def set_epoch(self, epoch):
        self.epochs.append(epoch)


class Stopping:
    """Batches of a loader, with something happening before one of them."""

    def __init__(self, loader, at, happens):
        self.loader, self.at, self.happens = loader, at, happens
        self.asked = 0
        self.sampler, self.dataset = loader.sampler, loader.dataset

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for one in self.loader:
            self.asked += 1
            if self.asked == self.at:
                self.happens()
            yield one


class StopHereError(Exception):
    pass


def stop():
    raise StopHereError


def loader(**settings):
    return DataLoader(NoisyData(), batch_size=3, shuffle=True, **settings)


def run(folder, *, data=None, **arguments):
    """Train with dropout, batch norm, noise and shuffling; return the model and its log."""
    torch.manual_seed(3)
    random.seed(4)
    np.random.seed(5)  # noqa: NPY002
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.Softplus(),
        nn.Dropout(0.3),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
    if data is None:
        data = loader()
    given = {
        "n_epochs": 3,
        "scheduler": torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=30),
        "max_grad_norm": 1.0,
        "checkpoint": folder / "run.pt",
        "checkpoint_every": 2,
        "log": folder / "run.csv",
        "validate": lambda model: {"norm": sum(p.norm().item() for p in model.parameters())},
    }
    log = harmonize(model, data, optimizer, **{**given, **arguments})
    return model, log


if __name__ == "__main__":
    import os
    import signal
    from pathlib import Path

    torch.set_num_threads(1)
    run(
        Path(sys.argv[1]),
        data=Stopping(loader(), int(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)),
    )
