"""The embedded default: a real pretrained network on real pictures, from installed packages.

`run_demo` is the whole demo; the other names are its parts, for notebooks: `load_network`,
`read_emoji` and `PictureDataset` give model and inputs, `emoji_concepts` what Unicode says about
each picture, `emoji_groups` which pictures are near-duplicates. Whatever shows the pictures must
show `CREDIT`, too. Names are resolved when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.demo.emoji import CREDIT, Emoji, PictureDataset, read_emoji
    from invert_captum.demo.near_duplicates import emoji_groups
    from invert_captum.demo.network import load_network
    from invert_captum.demo.run import run_demo
    from invert_captum.demo.unicode_concepts import emoji_concepts

__all__ = [
    "CREDIT",
    "Emoji",
    "PictureDataset",
    "emoji_concepts",
    "emoji_groups",
    "load_network",
    "read_emoji",
    "run_demo",
]

_HOME = {
    "CREDIT": "emoji",
    "Emoji": "emoji",
    "PictureDataset": "emoji",
    "emoji_concepts": "unicode_concepts",
    "emoji_groups": "near_duplicates",
    "load_network": "network",
    "read_emoji": "emoji",
    "run_demo": "run",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
