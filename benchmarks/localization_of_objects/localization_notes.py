"""The sentences that explain the numbers of `benchmarks.localization`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.localization_of_objects import faithfulness
from benchmarks.localization_of_objects.localization_tables import paired_difference
from benchmarks.localization_of_objects.object_methods import (
    INVERSION,
    LAST_BLOCK,
    N_STEPS,
    SMOOTHING,
    STRIDE,
    WINDOW,
)
from benchmarks.localization_of_objects.paired_bootstrap import N_RESAMPLES
from benchmarks.results import show

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from benchmarks.localization_of_objects.gallery import Gallery
    from benchmarks.localization_of_objects.method_scores import MethodScores, Sizes

_EXPECTED_AHEAD = ("LayerGradCam", "Occlusion")


def notes_of(
    gallery: Gallery, scores: Sequence[MethodScores], sizes: Sizes, arguments: argparse.Namespace
) -> list[str]:
    """Return what explains the numbers."""
    return [
        "EfficientNet-lite0. Cut-outs of tuxpaint-stamps-default in photographs of foolbox, "
        "scikit-image and scikit-learn; a query asks for an object whose class is in the network's "
        f"top 5 of its picture. Seed {arguments.seed}.",
        *gallery.notes,
        *_on_methods(sizes),
        *_on_measures(sizes),
        _on_those_ahead(scores),
    ]


def _on_methods(sizes: Sizes) -> list[str]:
    return [
        f"{INVERSION}: l0 = the output of {LAST_BLOCK}, absolute loss, all constants as they are "
        f"by default; l1 = the input of _avg_pooling, or the output of {LAST_BLOCK} where it says "
        "so; stage 1 alone knows no class. It explains the class's probability, all others its "
        "logit unless they say so. These are Captum's, but "
        "for the centre, a map that falls off from the middle of the picture, and the blurred "
        "Saliency (Gaussian, σ = "
        f"{SMOOTHING:.0f} pixels), which is no bar: it shows how much of Saliency's loss is due to "
        "single pixels. Guided methods run on a copy in which every ReLU6 is a ReLU after a clamp, "
        "because Captum's leave ReLU6 untouched.",
        f"IntegratedGradients: {N_STEPS} steps from grey. Grad-CAM and Guided Grad-CAM: at "
        f"{LAST_BLOCK}, up-sampled bilinearly. Occlusion: grey squares of {WINDOW} pixels in steps "
        f"of {STRIDE}. Maps are sums over the colours.",
        f"Methods that take many passes see up to {sizes.slow} queries of each kind, but for the "
        f"first row, which sees all; differences are over the queries that both saw.",
    ]


def _on_measures(sizes: Sizes) -> list[str]:
    n_curve, n_squares = faithfulness.N_STEPS, faithfulness.N_SQUARES
    return [
        "Time: the median for a picture in batches of 8, and in forward-backward passes, timed "
        "between them in the same batches.",
        "Pointing: the highest point is within 15 pixels of the object. Localisation error: the "
        "box around all that exceeds 1.5 times the map's mean overlaps the object's tightest box "
        "by at most one half, one object. Inside: the share of the positive map on the object, "
        "one object. Class share: mean positive map on the asked-for object over the sum of both "
        "objects' means, two objects, ½ where there is none on either; ahead: it is above ½.",
        f"Insertion and deletion: area under the class's probability in {n_curve} steps, from the "
        f"blurred picture (σ = {faithfulness.BLUR:.0f}) to the picture and back, highest values "
        f"first. Infidelity: captum.metrics, normalised, {n_squares} squares of an eighth to a "
        "half of the side are blurred, and what the map sums up on them is held against the fall "
        "of the probability. Sensitivity: captum.metrics.sensitivity_max, "
        f"{faithfulness.N_NOISY} draws of its default noise. For insertion more is better, for the "
        f"others less. Up to {sizes.faithful} queries with one and as many with two objects, for "
        f"sensitivity {sizes.sensitive}; the same for all methods. The blur is also "
        f"{INVERSION}'s own background, as grey is Occlusion's.",
        "Intervals: 95 %, percentile bootstrap over pictures with all their queries, "
        f"{N_RESAMPLES:,} draws. They are about these objects, of which many are in several "
        "pictures. A bar on a difference is met if the interval lies above zero.",
        "Few pictures have a query for each object, so that the asked-for object is mostly the one "
        "that the network sees anyway: hold class share and ahead against stage 1, which is not "
        "told the class, and not against ½.",
        "Costs: medians over repeats in one process, parts in turns; passes have frozen "
        "parameters. Mask differences: float32, the batch beside single runs of the same pictures; "
        "the optimisation amplifies rounding.",
    ]


def _on_those_ahead(scores: Sequence[MethodScores]) -> str:
    """Return whether Grad-CAM and Occlusion win, as they are expected to."""
    by_name = {one.name: one for one in scores}
    found = []
    for name in [name for name in _EXPECTED_AHEAD if name in by_name]:
        for measure, words in (("pointing", "in pointing"), ("share", "in class share")):
            interval, _, _ = paired_difference(scores[0], by_name[name], measure)
            word = "ahead" if interval.high < 0 else "behind" if interval.low > 0 else "level"
            found.append(f"{name} is {word} {words} ({_signed(-interval.mean)})")
    return (
        "Grad-CAM, whose map is made of the class's own gradient at the last block, and Occlusion, "
        "which asks the network about every place, were expected to win. "
        f"By the intervals of their differences to {scores[0].name}: "
        f"{'; '.join(found) or 'not measured here'}."
    )


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "−") + show(abs(value))
