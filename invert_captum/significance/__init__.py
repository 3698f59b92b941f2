"""How sure a label is: tests, intervals, permutations, corrections. It knows numbers only."""

from invert_captum.significance.clusters import (
    cluster_estimate,
    cluster_interval,
    cluster_log10_p,
    cluster_variance,
)
from invert_captum.significance.conditional import least_log10_p, rank_sum_log10_p
from invert_captum.significance.corrections import CORRECTIONS, correct_p_values
from invert_captum.significance.delong import delong_variance
from invert_captum.significance.difference import Difference, auc_difference
from invert_captum.significance.fold_combinations import (
    FOLD_COMBINATIONS,
    FOLD_STATISTICS,
    combine_folds,
    fold_statistic,
)
from invert_captum.significance.folds import assign_folds
from invert_captum.significance.hold_out import group_codes, split_samples
from invert_captum.significance.intervals import NO_INTERVAL, AucEstimate, Interval, auc_interval
from invert_captum.significance.mann_whitney import (
    Alternative,
    mann_whitney_log10_p,
    rank_sum_z,
)
from invert_captum.significance.max_t import westfall_young
from invert_captum.significance.permutation import (
    ExceedanceCounts,
    needed_permutations,
    permutation_p,
    shared_null_p,
)
from invert_captum.significance.power import required_positives
from invert_captum.significance.scores import SCORES, score_separation
from invert_captum.significance.separation import Separation
from invert_captum.significance.tail import (
    ENOUGH_EXCEEDANCES,
    Extrapolated,
    ParetoTail,
    extrapolated_p,
)

__all__ = [
    "CORRECTIONS",
    "ENOUGH_EXCEEDANCES",
    "FOLD_COMBINATIONS",
    "FOLD_STATISTICS",
    "NO_INTERVAL",
    "SCORES",
    "Alternative",
    "AucEstimate",
    "Difference",
    "ExceedanceCounts",
    "Extrapolated",
    "Interval",
    "ParetoTail",
    "Separation",
    "assign_folds",
    "auc_difference",
    "auc_interval",
    "cluster_estimate",
    "cluster_interval",
    "cluster_log10_p",
    "cluster_variance",
    "combine_folds",
    "correct_p_values",
    "delong_variance",
    "extrapolated_p",
    "fold_statistic",
    "group_codes",
    "least_log10_p",
    "mann_whitney_log10_p",
    "needed_permutations",
    "permutation_p",
    "rank_sum_log10_p",
    "rank_sum_z",
    "required_positives",
    "score_separation",
    "shared_null_p",
    "split_samples",
    "westfall_young",
]
