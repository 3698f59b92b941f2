"""Harmonization: does a model look where people look, and how to train it so that it does.

`evaluate_alignment` measures how a model's attributions agree with human maps of importance,
`compare_alignment` holds two models against each other, and `alignment_by_concept` says for which
concepts they agree. `harmonization_loss` and `harmonize` train a model towards the maps,
`ClickMeDataset` reads them, and `load_keras_weights` brings in published weights.

Names are resolved when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
    from invert_captum.alignment.clickme.tf_records import DamagedRecords
    from invert_captum.alignment.clickme.without_maps import WithoutHumanMaps
    from invert_captum.alignment.clickme.writing import write_clickme
    from invert_captum.alignment.evaluation.alignment_maps import alignment_maps
    from invert_captum.alignment.evaluation.alignment_scores import AlignmentScores
    from invert_captum.alignment.evaluation.by_concept import alignment_by_concept
    from invert_captum.alignment.evaluation.compare import (
        AlignmentDifference,
        PairedDifference,
        compare_alignment,
    )
    from invert_captum.alignment.evaluation.evaluate import HUMAN_CEILING, evaluate_alignment
    from invert_captum.alignment.figures.accuracy_and_alignment import plot_accuracy_and_alignment
    from invert_captum.alignment.figures.map_grid import plot_maps
    from invert_captum.alignment.loss.decayed_parameters import decayed_parameters
    from invert_captum.alignment.loss.harmonization_loss import (
        HarmonizationLoss,
        HarmonizationTerms,
        harmonization_loss,
    )
    from invert_captum.alignment.maps.gaussian_blurring import gaussian_blur, gaussian_kernel
    from invert_captum.alignment.maps.map_pyramid import pyramid, pyramidal_mse
    from invert_captum.alignment.maps.standardizing import standardize_cut
    from invert_captum.alignment.metrics.spearman import spearman_correlation
    from invert_captum.alignment.metrics.top_pixels import dice, intersection_over_union
    from invert_captum.alignment.training.harmonization_step import harmonization_step
    from invert_captum.alignment.training.harmonize import harmonize
    from invert_captum.alignment.training.mixed_batches import MixedBatches
    from invert_captum.alignment.weights.loading import LoadedKerasWeights, load_keras_weights
    from invert_captum.alignment.weights.preprocessing import (
        KerasPreprocessing,
        keras_preprocessing,
    )

__all__ = [
    "HUMAN_CEILING",
    "AlignmentDifference",
    "AlignmentScores",
    "ClickMeDataset",
    "DamagedRecords",
    "HarmonizationLoss",
    "HarmonizationTerms",
    "KerasPreprocessing",
    "LoadedKerasWeights",
    "MixedBatches",
    "PairedDifference",
    "WithoutHumanMaps",
    "alignment_by_concept",
    "alignment_maps",
    "compare_alignment",
    "decayed_parameters",
    "dice",
    "evaluate_alignment",
    "gaussian_blur",
    "gaussian_kernel",
    "harmonization_loss",
    "harmonization_step",
    "harmonize",
    "intersection_over_union",
    "keras_preprocessing",
    "load_keras_weights",
    "plot_accuracy_and_alignment",
    "plot_maps",
    "pyramid",
    "pyramidal_mse",
    "spearman_correlation",
    "standardize_cut",
    "write_clickme",
]

_HOME = {
    "AlignmentDifference": "evaluation.compare",
    "AlignmentScores": "evaluation.alignment_scores",
    "ClickMeDataset": "clickme.clickme_dataset",
    "DamagedRecords": "clickme.tf_records",
    "HUMAN_CEILING": "evaluation.evaluate",
    "HarmonizationLoss": "loss.harmonization_loss",
    "HarmonizationTerms": "loss.harmonization_loss",
    "KerasPreprocessing": "weights.preprocessing",
    "LoadedKerasWeights": "weights.loading",
    "MixedBatches": "training.mixed_batches",
    "PairedDifference": "evaluation.compare",
    "WithoutHumanMaps": "clickme.without_maps",
    "alignment_by_concept": "evaluation.by_concept",
    "alignment_maps": "evaluation.alignment_maps",
    "compare_alignment": "evaluation.compare",
    "decayed_parameters": "loss.decayed_parameters",
    "dice": "metrics.top_pixels",
    "evaluate_alignment": "evaluation.evaluate",
    "gaussian_blur": "maps.gaussian_blurring",
    "gaussian_kernel": "maps.gaussian_blurring",
    "harmonization_loss": "loss.harmonization_loss",
    "harmonization_step": "training.harmonization_step",
    "harmonize": "training.harmonize",
    "intersection_over_union": "metrics.top_pixels",
    "keras_preprocessing": "weights.preprocessing",
    "load_keras_weights": "weights.loading",
    "plot_accuracy_and_alignment": "figures.accuracy_and_alignment",
    "plot_maps": "figures.map_grid",
    "pyramid": "maps.map_pyramid",
    "pyramidal_mse": "maps.map_pyramid",
    "spearman_correlation": "metrics.spearman",
    "standardize_cut": "maps.standardizing",
    "write_clickme": "clickme.writing",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
