"""The search: ranks, one pass over the labels, a beam, and the formulas that come out.

It knows arrays only: no model, no file, no Captum.
"""

from invert_captum.search.beam import beam_search
from invert_captum.search.candidates import Found
from invert_captum.search.formula import Formula
from invert_captum.search.kernels import LabelMatrix
from invert_captum.search.ranks import Ranks, rank_neurons
from invert_captum.search.redundancy import without_redundant_parts
from invert_captum.search.scores import SIGNS, AucScore, Score, Sign, auc
from invert_captum.search.settings import SearchLabels, SearchSettings, size_limits

__all__ = [
    "SIGNS",
    "AucScore",
    "Formula",
    "Found",
    "LabelMatrix",
    "Ranks",
    "Score",
    "SearchLabels",
    "SearchSettings",
    "Sign",
    "auc",
    "beam_search",
    "rank_neurons",
    "size_limits",
    "without_redundant_parts",
]
