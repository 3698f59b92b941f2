"""A classifier with the layer names of EfficientNet-lite0 that runs in a millisecond."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.localization_of_objects.query_pictures import QueryPictures


class TinyClassifier(nn.Module):
    """Two convolutions that share one ReLU6, pooled before a linear head."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self._blocks = nn.ModuleList([nn.Identity() for _ in range(15)])
        self._blocks[10] = nn.Conv2d(3, 6, 16, stride=16)
        self._blocks.append(nn.Conv2d(6, 8, 2, stride=2))
        self._swish = nn.ReLU6()
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self._fc = nn.Linear(8, 5)
        for weight in self.parameters():
            scale = 1 / weight[0].numel() ** 0.5
            weight.data = 3 * scale * torch.randn(weight.shape, generator=generator)
        self.eval().requires_grad_(False)

    def forward(self, pictures):
        maps = self._blocks[15](self._swish(self._blocks[10](pictures)))
        return self._fc(self._avg_pooling(self._swish(maps)).flatten(1))


def random_queries(count, k, first_picture=0):
    """Random pictures with k square objects each."""
    generator = torch.Generator().manual_seed(k)
    masks = torch.zeros(count, k, 224, 224, dtype=torch.bool)
    for i in range(k):
        left = 112 * (i % 2) + 10
        top = 112 * (i // 2) + 10
        masks[:, i, top : top + 90, left : left + 90] = True
    return QueryPictures(
        torch.rand(count, 3, 224, 224, generator=generator) * 2 - 1,
        torch.arange(count) % 5,
        masks,
        np.arange(count) // 2 + first_picture,
    )
