"""The search: ranks, one pass over the labels, a beam, and the formulas that come out.

It knows arrays only: no model, no file, no Captum.
"""

from invert_captum.search.activation_rows import ActivationRows
from invert_captum.search.block_search import (
    Found,
    SearchedBlock,
    concept_rank_sums,
    search_block,
)
from invert_captum.search.formula import Formula
from invert_captum.search.labels import SearchLabels
from invert_captum.search.permutations import Permutations
from invert_captum.search.permuted_search import (
    PermutedSearches,
    break_ties,
    search_permuted,
    untied_row,
)
from invert_captum.search.scores import SIGNS, AucScore, Score, Sign, auc
from invert_captum.search.separations import (
    ActivationCounts,
    BlockSeparations,
    PatternColumns,
)
from invert_captum.search.settings import SearchSettings, size_limits

__all__ = [
    "SIGNS",
    "ActivationCounts",
    "ActivationRows",
    "AucScore",
    "BlockSeparations",
    "Formula",
    "Found",
    "PatternColumns",
    "Permutations",
    "PermutedSearches",
    "Score",
    "SearchLabels",
    "SearchSettings",
    "SearchedBlock",
    "Sign",
    "auc",
    "break_ties",
    "concept_rank_sums",
    "search_block",
    "search_permuted",
    "size_limits",
    "untied_row",
]
