"""A network with the names of the demo's, for runs of benchmarks that take seconds."""

from __future__ import annotations

import torch
from torch import nn


class SmallNetwork(nn.Module):
    """Two layers with the names of the demo's: one inside, one before a linear head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        first = nn.Sequential(nn.Conv2d(3, 6, 9, stride=8), nn.ReLU6())
        self._blocks = nn.ModuleList([nn.Identity() for _ in range(10)])
        self._blocks.append(first)
        self.upper = nn.Sequential(nn.Conv2d(6, 8, 5, stride=4), nn.ReLU6())
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(8, 5)

    def forward(self, pictures):
        maps = self.upper(self._blocks[10](pictures))
        return self.head(self._avg_pooling(maps).flatten(1))
