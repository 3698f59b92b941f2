"""Stamps, photographs and a network for tests that need neither Tux Paint nor foolbox."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import nn

from benchmarks.localization_of_objects.photographs import Photograph
from benchmarks.localization_of_objects.stamps import Stamp

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (99, 99, 99)


def disc(colour, size=(40, 40), hidden=(0, 0, 0)):
    """An ellipse of one colour; what is transparent has another."""
    width, height = size
    across, down = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    inside = (2 * across / width - 1) ** 2 + (2 * down / height - 1) ** 2 <= 1
    pixels = np.zeros((height, width, 4), dtype=np.uint8)
    pixels[..., :3] = np.where(inside[..., None], colour, hidden)
    pixels[..., 3] = 255 * inside
    return Image.fromarray(pixels, "RGBA")


def stamp(name, target, colour, size=(40, 40)):
    return Stamp(name, target, disc(colour, size))


def photograph(name="plain", shows=(), colour=GREY):
    return Photograph(name, np.full((224, 224, 3), colour, dtype=np.uint8), frozenset(shows))


class ColourNetwork(nn.Module):
    """Ten classes; the logit of 0, 1 and 2 is how much of a picture is red, green and blue.

    Classes 3 to 8 get more than a colour that is not there, and less than one that is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.others = nn.Parameter(torch.tensor([1e-3] * 6 + [-1.0]))

    def forward(self, pictures):
        strongest = pictures.argmax(dim=1)
        differs = pictures.amax(dim=1) - pictures.amin(dim=1) > 1
        shares = [(differs & (strongest == c)).float().mean(dim=(1, 2)) for c in range(3)]
        return torch.cat([torch.stack(shares, 1), self.others.expand(len(pictures), -1)], 1)
