"""The classes of `benchmarks.harmonization`, and which emoji train, choose and test."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from invert_captum.demo.emoji import read_emoji
from invert_captum.demo.near_duplicates import emoji_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from invert_captum.demo.emoji import Emoji

Split = Literal["train", "validation", "test"]

# Each is made of whole subcategories of Unicode, and has at least 25 series of emoji.
CLASSES: dict[str, frozenset[str]] = {
    "mammal": frozenset({"animal-mammal"}),
    "vehicle": frozenset({"transport-ground"}),
    "clothing": frozenset({"clothing"}),
    "flag": frozenset({"country-flag"}),
    "dish": frozenset({"food-prepared"}),
    "fruit": frozenset({"food-fruit", "food-vegetable"}),
    "person": frozenset({"person-role"}),
    "building": frozenset({"place-building"}),
    "face": frozenset({"face-concerned"}),
    "sign": frozenset({"alphanum"}),
}

SHARES: dict[Split, float] = {"train": 0.6, "validation": 0.15, "test": 0.25}

# So that the many flags do not have more drawings of their own than any other class.
MOST_SERIES = 60

# Near-duplicates of one emoji; then the series of every class, in the order of CLASSES.
Series = list["Emoji"]
Members = list[list[Series]]


@cache
def read_members(seed: int = 0) -> dict[Split, Members]:
    """Return the emoji of every split, by class and by series.

    A series is what `emoji_groups` takes for near-duplicates: a man and a woman of one trade. The
    series of a class are shuffled and dealt out whole, so that no two splits share one.

    Args:
        seed: Of the shuffling.

    Returns:
        *dict*: For each split a list with an entry for each class, which lists its series.
    """
    return split_members(_series_by_class(), seed)


def split_members(series: Members, seed: int) -> dict[Split, Members]:
    """Deal out the series of every class; each split gets at least one.

    Args:
        series: The series of every class.
        seed: Of the shuffling.

    Raises:
        ValueError: If a class has fewer series than there are splits.
    """
    rng = np.random.default_rng(seed)
    split: dict[Split, Members] = {name: [] for name in SHARES}
    for one in series:
        if len(one) < len(SHARES):
            raise ValueError(f"a class has {len(one)} series; expected at least {len(SHARES)}")
        kept = rng.permutation(len(one))[:MOST_SERIES]
        for name, rows in zip(SHARES, _shares_of(kept), strict=True):
            split[name].append([one[row] for row in rows])
    return split


def _shares_of(rows: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
    inner = [max(1, round(share * len(rows))) for share in list(SHARES.values())[1:]]
    ends = np.cumsum([len(rows) - sum(inner), *inner])[:-1]
    return np.split(rows, ends)


@cache
def _series_by_class() -> Members:
    emoji = read_emoji()
    groups = emoji_groups(emoji)
    members: list[defaultdict[int, Series]] = [defaultdict(list) for _ in CLASSES]
    for one, group in zip(emoji, groups.tolist(), strict=True):
        for found, subcategories in zip(members, CLASSES.values(), strict=True):
            if one.subcategory in subcategories:
                found[group].append(one)
    return [list(found.values()) for found in members]
