"""Beam search for the formula whose samples a neuron's activations separate best.

Level 1 scores all literals; each further level joins every formula of the beam with every literal
by AND and by OR. The beam keeps the best of the old beam and the new formulas together, so that
shorter ones survive (Bykov et al., NeurIPS 2023, arXiv 2311.13594: the search of INVERT).

Unlike the published code, which lets copies of one explanation fill the beam, two formulas with the
same set of samples are one here: the shorter stays, then the alphabetically first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.search.reference.candidates import joined_candidates, literal_candidates
from invert_captum.search.reference.redundancy import without_redundant_parts
from invert_captum.search.reference.selection import select

if TYPE_CHECKING:
    from invert_captum.search.reference.candidates import Found
    from invert_captum.search.reference.labels import ReferenceLabels
    from invert_captum.search.reference.ranks import Ranks
    from invert_captum.search.settings import SearchSettings


def beam_search(
    ranks: Ranks, labels: ReferenceLabels, settings: SearchSettings
) -> list[list[Found]]:
    """Search the best formulas of every neuron.

    Args:
        ranks: The ranks of d neurons over n samples.
        labels: The labels of the same samples.
        settings: Limits and score.

    Returns:
        *list* of d *list[Found]*, best first: the higher score, then the shorter formula, then the
        alphabetically first. At most ``beam_width`` each, no two with the same set of samples (or,
        under a symmetric score, with complementary ones), none with a part that could be dropped
        without changing its samples. Empty if no literal is within the limits.
    """
    width, symmetric = settings.beam_width, settings.score.symmetric
    all_found = []
    all_rank_sums = labels.matrix.rank_sums(ranks.doubled)
    for doubled, rank_sums in zip(ranks.doubled, all_rank_sums, strict=True):
        literals = literal_candidates(rank_sums, labels, settings)
        beam = select(literals, width, symmetric=symmetric)
        for _ in range(1, settings.max_length):
            if beam:
                candidates = joined_candidates(beam, doubled, rank_sums, labels, settings)
                beam = select(candidates, width, symmetric=symmetric)
        # A join of two literals with the samples of one of them was no candidate.
        beam = [
            without_redundant_parts(found, labels) if found.formula.length > 2 else found
            for found in beam
        ]
        # Shorter than they were found, formulas of equal score may change places.
        all_found.append(sorted(beam, key=_order))
    return all_found


def _order(found: Found) -> tuple[float, int, str]:
    return -found.score, found.formula.length, str(found.formula)
