"""What is said of a labelling's evidence: its cost before, its reach before and after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._log import logger, warn
from invert_captum.search import untied_row
from invert_captum.significance import correct_p_values, needed_permutations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from invert_captum.labeling.block import LabeledBlock
    from invert_captum.labeling.permutation_test import PermutationTest
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.neuron_columns import NeuronColumns

# One neuron and max-T need no more than 1/alpha permutations; fewer than these make it a lottery.
_LEAST_PERMUTATIONS = 999
# How many neurons of a layer are looked at for ties.
_LOOKED_AT = 4
_TIMED = 16
_WORTH_A_WARNING = 30.0


def permutation_count(settings: LabelingSettings, n_neurons: int) -> int | None:
    """Return how many permutations to make; None if there are none.

    A number that the correction cannot reject with is accepted, with a warning.

    Args:
        settings: The checked arguments.
        n_neurons: How many neurons the correction is over.
    """
    if settings.significance != "permutation":
        return None
    needed = needed_permutations(settings.correction, settings.alpha, n_neurons)
    if settings.n_permutations is None:
        return max(needed, _LEAST_PERMUTATIONS)
    if settings.n_permutations < needed:
        advice = "" if settings.is_joint else "; correction='westfall_young' needs fewer"
        warn(
            f"n_permutations={settings.n_permutations:,} is too few for "
            f"correction={settings.correction!r} over {n_neurons:,} neurons to find one "
            f"significant at alpha={settings.alpha} if no other is: that takes {needed:,}{advice}"
        )
    return settings.n_permutations


def announce_cost(
    test: PermutationTest,
    settings: LabelingSettings,
    layers: Mapping[str | None, NeuronColumns],
    chosen: Mapping[str | None, Sequence[int]],
) -> None:
    """Say what the permuted searches of all neurons will cost, from timing a few.

    It is logged, and a warning where it is more than half a minute.

    Args:
        test: The test.
        settings: The checked arguments.
        layers: The activations of every layer.
        chosen: The neurons of every layer that are labelled.
    """
    n_neurons = _count_searched(settings, layers, chosen)
    import torch

    row, drawn = untied_row(test.permutations.n_samples), test.permutations.draw(0, _TIMED)
    # The first call compiles.
    test.procedure.permuted(row, drawn[:1])
    start = time.perf_counter()
    test.procedure.permuted(row, drawn)
    each = (time.perf_counter() - start) / _TIMED
    n_searches = test.n_permutations * n_neurons
    seconds = each * n_searches / torch.get_num_threads()
    at_most = "" if settings.is_joint else "at most, where no neuron stops early, "
    message = (
        f"{test.n_permutations:,} permutations for each of {n_neurons:,} neurons are {at_most}"
        f"{n_searches:,} searches of {each * 1e3:.2g} ms: about {_duration(seconds)} here"
    )
    if seconds > _WORTH_A_WARNING:
        cheaper = "; tied_neurons='random_tie_breaks' needs far fewer" if at_most else ""
        warn(message + cheaper)
    else:
        logger.info(message)


def _count_searched(
    settings: LabelingSettings,
    layers: Mapping[str | None, NeuronColumns],
    chosen: Mapping[str | None, Sequence[int]],
) -> int:
    """Return for how many neurons permuted samples are searched, judged by a few of each layer."""
    total = 0.0
    for name, neurons in chosen.items():
        share = 1.0
        if not settings.is_joint and neurons:
            few = [layers[name].values(neuron) for neuron in neurons[:_LOOKED_AT]]
            share = float(np.mean([len(np.unique(values)) < len(values) for values in few]))
        total += share * len(neurons)
    return round(total)


def _duration(seconds: float) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.2g} seconds"


def report_untestable(blocks: Sequence[LabeledBlock], settings: LabelingSettings) -> int:
    """Warn if most neurons could not have been found significant, and return how many.

    They are those that would not be significant if every label had AUC 1 on the held-out samples:
    those have too few positives for that.
    """
    least = np.concatenate([block.least_log10_p for block in blocks])
    least = least[~np.isnan(least)]
    if not len(least):
        return 0
    _, testable = correct_p_values(10.0**least, method=settings.correction, alpha=settings.alpha)
    count = int(np.count_nonzero(~testable))
    if 2 * count > len(least):
        warn(
            f"{count:,} of {len(least):,} neurons could not have been found significant: their "
            "labels have so few held-out positives that even an AUC of 1 for every neuron would "
            f"not do at alpha={settings.alpha}; raise min_positives, or see "
            "invert_captum.required_positives"
        )
    return count
