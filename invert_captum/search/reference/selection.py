"""Which of a level's candidates go on: the best, each set of samples once."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from invert_captum.search.reference.candidates import Candidates, Found


def select(candidates: Candidates, width: int, *, symmetric: bool) -> list[Found]:
    """Return the best candidates.

    Best is the higher score, then the shorter formula, then the alphabetically first. Of formulas
    with the same samples (or, if ``symmetric``, with complementary ones) only the first stays.

    Args:
        candidates: The old beam and the new formulas.
        width: How many to return.
        symmetric: Whether a set of samples and its complement are one explanation.

    Returns:
        *list[Found]*: at most ``width``, best first; fewer if there are no more different ones.
    """
    # Nearly always the first shortlist holds enough different sets of samples.
    shortlist = 4 * width
    while True:
        best_first = _best_first(candidates.score, shortlist)
        chosen: list[int] = []
        for _, tied in groupby(best_first.tolist(), key=candidates.score.__getitem__):
            chosen += _distinct(list(tied), candidates, symmetric=symmetric)
            if len(chosen) >= width:
                break
        if len(chosen) >= width or len(best_first) == len(candidates.score):
            return [candidates.found(index) for index in chosen[:width]]
        shortlist *= 8


def _best_first(score: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the indices of the ``count`` highest scores, and of all that tie with the last."""
    if count >= len(score):
        return np.argsort(-score, kind="stable")
    least = np.partition(score, len(score) - count)[len(score) - count]
    indices = np.flatnonzero(score >= least)
    return indices[np.argsort(-score[indices], kind="stable")]


def _distinct(tied: Sequence[int], candidates: Candidates, *, symmetric: bool) -> list[int]:
    """Order candidates of equal score and leave out those whose samples came before.

    Sets of samples with different scores differ, so duplicates always stand in one tie.
    """
    if len(tied) == 1:
        return list(tied)
    formulas = {index: candidates.formula(index) for index in tied}
    ordered = sorted(tied, key=lambda index: (formulas[index].length, str(formulas[index])))
    seen: set[bytes] = set()
    distinct = []
    for index in ordered:
        mask = candidates.mask(index)
        # Of a set and its complement, compare the one that holds the first sample.
        samples = np.packbits(~mask if symmetric and not mask[0] else mask).tobytes()
        if samples not in seen:
            seen.add(samples)
            distinct.append(index)
    return distinct
