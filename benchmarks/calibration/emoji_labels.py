"""The real labels of all studies: what Unicode says about the emoji of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from invert_captum.demo.emoji import read_emoji
from invert_captum.demo.near_duplicates import emoji_groups
from invert_captum.demo.run import testable
from invert_captum.demo.unicode_concepts import emoji_concepts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    import invert_captum as ic
    from invert_captum.demo.emoji import Emoji


@dataclass(frozen=True)
class EmojiLabels:
    """The demo's emoji, n of them.

    Attributes:
        emoji: The emoji.
        concepts: The concepts of the demo.
        groups: int64, shape (n,): the group of near-duplicates of each.
    """

    emoji: list[Emoji]
    concepts: ic.ConceptSet
    groups: NDArray[np.int64]


@cache
def read_labels() -> EmojiLabels:
    """Return emoji, concepts and groups as the demo makes them."""
    emoji = read_emoji()
    groups = emoji_groups(emoji)
    return EmojiLabels(emoji, testable(emoji_concepts(emoji), groups), groups)
