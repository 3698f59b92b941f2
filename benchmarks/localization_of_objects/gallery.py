"""The queries of `benchmarks.localization`, by kind, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.localization_of_objects.method_scores import MOSAICS, ONE, TWO
from benchmarks.localization_of_objects.mosaics import make_mosaics
from benchmarks.localization_of_objects.object_scenes import describe, make_scenes, queries_of
from benchmarks.localization_of_objects.photographs import read_labelled, read_photographs
from benchmarks.localization_of_objects.query_pictures import by_number, evenly
from benchmarks.localization_of_objects.stamps import read_stamps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from benchmarks.localization_of_objects.query_pictures import QueryPictures

_KIND = {1: ONE, 2: TWO, 4: MOSAICS}


@dataclass(frozen=True)
class Gallery:
    """Queries and words about them.

    Attributes:
        queries: By kind: one object, two objects, mosaics.
        notes: Sentences on the pictures.
    """

    queries: Mapping[str, QueryPictures]
    notes: list[str]

    def at_most(self, count: int) -> Gallery:
        """Return up to ``count`` queries of each kind, evenly chosen."""
        kept = {kind: one.take(evenly(len(one), count)) for kind, one in self.queries.items()}
        sizes = ", ".join(f"{len(one)} of {kind}" for kind, one in kept.items())
        return replace(self, queries=kept, notes=[*self.notes, f"Looked at, evenly: {sizes}."])


def read_gallery(network: nn.Module, *, alone: int, beside: int, rounds: int, seed: int) -> Gallery:
    """Make pictures and ask for what the network sees in them.

    Args:
        network: EfficientNet-lite0 or one that takes the same pictures.
        alone: At least so many queries from pictures of one object.
        beside: At least so many from pictures of two; none for 0.
        rounds: How often each labelled photograph is in a mosaic; none for 0.
        seed: Of all draws.
    """
    scenes = make_scenes(
        network, read_stamps(), read_photographs(), alone=alone, beside=beside, seed=seed
    )
    asked = queries_of(network, scenes)
    parts = {_KIND[k]: one for k, one in by_number(scenes, asked).items()}
    notes = [line[0].upper() + line[1:] + "." for line in describe(scenes, asked)]
    if rounds:
        mosaics = make_mosaics(read_labelled(), rounds=rounds, seed=seed)
        tiles = queries_of(network, mosaics)
        parts |= {_KIND[k]: one for k, one in by_number(mosaics, tiles).items()}
        notes.append(
            f"{len(mosaics)} mosaics of four of foolbox's 20 ImageNet photographs, {len(tiles)} "
            "queries; a tile is a quarter of the picture, so that chance is .25 and somewhat more "
            "with the tolerance of the pointing game."
        )
    return Gallery(parts, notes)
