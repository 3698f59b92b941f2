"""What the tests of stored extraction share: a model that notes its calls, and small chunks."""

from __future__ import annotations

import functools
import re
from collections import OrderedDict
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from invert_captum.activations import extract_activations, extract_to_store, resolve_layers

N = 50
X = torch.randn(N, 6, generator=torch.Generator().manual_seed(0))
X[:, 0] = torch.arange(N)


class Noting(nn.Module):
    """Notes which rows it sees, in a list that all models share."""

    rows: ClassVar[list[int]] = []

    def forward(self, x):
        self.rows.extend(int(one) for one in x[:, 0])
        return x


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = OrderedDict(
        note=Noting(), first=nn.Linear(6, 10), act=nn.Tanh(), last=nn.Linear(10, 3)
    )
    return nn.Sequential(layers)


class Rows(Dataset):
    """Rows of X, with ids if asked for."""

    def __init__(self, n: int = N, *, ids: bool = False) -> None:
        self.n, self.ids = n, ids

    def __len__(self):
        return self.n

    def __getitem__(self, row):
        return (X[row], {"sample_ids": f"row{row}"}) if self.ids else X[row]


class Stream(IterableDataset):
    def __init__(self, n: int = N) -> None:
        self.n = n

    def __iter__(self):
        return iter(X[: self.n])


def double(output: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    return 2 * scale * output


def stored(path, inputs=X, layer="first", *, model=None, **options):
    """Extract into a store; return it and which rows the model saw."""
    model = model or network()
    Noting.rows.clear()
    layers = resolve_layers(model, layer)
    options = {"batch_size": 4, "keyed_by_layer": isinstance(layer, list), **options}
    store = extract_to_store(model, layers, inputs, path, **options)
    return store, list(Noting.rows)


@functools.cache
def in_memory(layer="first", **options):
    model = network()
    options = {"batch_size": 4, **options}
    found = extract_activations(model, resolve_layers(model, layer), X, **options)
    return found.activations[layer]


def files(folder) -> dict[str, bytes]:
    """Return everything below a folder that is the same in every store of the same activations."""
    root = Path(folder)
    return {
        path.relative_to(root).as_posix(): without_id(path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".tmp"
    }


def without_id(content: bytes) -> bytes:
    """Return a file without what depends on the id of the store."""
    return re.sub(rb'"(store_id|crc32c|content_sha256)": ("\w+"|\d+)', rb'"\1": 0', content)
