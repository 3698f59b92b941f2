"""`label_neurons`: activations and concepts in, search, then significance, then the result."""

from __future__ import annotations

import hashlib
import inspect
import math
import warnings
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from invert_captum._log import InvertCaptumWarning
from invert_captum._validation import as_list
from invert_captum.labeling.block import BlockLabeler
from invert_captum.labeling.checkpoint import Checkpoint
from invert_captum.labeling.identity import run_identity
from invert_captum.labeling.label_units import UnitLabeling
from invert_captum.labeling.preparation import (
    check_concept_set,
    check_concepts,
    report_set_aside,
    varying_concepts,
)
from invert_captum.labeling.settings import LabelingSettings, check_run_arguments, describe
from invert_captum.labeling.units import cut, unit_sizes
from invert_captum.neuron_columns import (
    check_neurons,
    choose_neurons,
    columns_by_layer,
    concepts_of_store,
    has_named_layers,
)
from invert_captum.result import Explanation, LabelingResult
from invert_captum.significance import correct_p_values, split_samples

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.block import LabeledBlock
    from invert_captum.labeling.settings import Significance
    from invert_captum.labeling.units import Unit
    from invert_captum.neuron_columns import Activations
    from invert_captum.search import Sign


def label_neurons(
    activations: Activations,
    concepts: ConceptSet,
    *,
    neurons: Sequence[int] | None = None,
    max_length: int = 3,
    beam_width: int = 5,
    top_k: int = 1,
    min_fraction: float = 0.0,
    max_fraction: float = 0.5,
    min_positives: int = 20,
    sign: Sign = "positive",
    significance: Significance | None = "holdout",
    alternative: Literal["two-sided"] | None = None,
    correction: str = "holm",
    alpha: float = 0.05,
    groups: Sequence[object] | None = None,
    holdout_fraction: float = 0.5,
    seed: int = 0,
    block_size: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    show_progress: bool = False,
) -> LabelingResult:
    """Label neurons with formulas of concepts, and say how sure each label is.

    For every neuron a beam search finds the formula whose presence or absence the activation
    separates best, by ROC-AUC. With hold-out, the default, it sees only one part of the samples;
    the p-value is that of the found formula on the other part, so that it stays honest however many
    formulas were tried. It is then corrected for the number of neurons.

    Args:
        activations: Shape (n, d): a torch tensor (on a GPU the search runs there), a numpy array,
            a sparse matrix of SciPy or torch (never made dense), or a mapping from a layer's name
            to one of these (all with the same n); or an `ActivationStore`.
        concepts: A `ConceptSet` of the same n samples in the same order; with the sample ids of a
            store in any order.
        neurons: Which columns, in which order; None for all. The same for every layer.
        max_length: The number of literals of a formula at most (L in the paper).
        beam_width: How many formulas the search goes on with from each length (B in the paper).
        top_k: How many explanations to return per neuron, at most ``beam_width``.
        min_fraction: A formula holds for at least this share of the samples, in [0, 1],
        max_fraction: for at most this share,
        min_positives: and for at least so many samples. All inclusive. Under hold-out the limits
            are scaled to the part that is searched and hold there; over all samples a formula may
            then be somewhat rarer or more common.
        sign: ``"positive"``: high activation where the formula holds (maximises AUC);
            ``"negative"``: low activation (minimises AUC); ``"absolute_value"``: either (maximises
            |AUC − ½|).
        significance: ``"holdout"``; ``"in_sample"``, the published test on the samples that chose
            the formula, which calls noise significant; or None for no test. Both are Mann-Whitney
            tests as SciPy makes them: exact where nothing ties and the formula holds, or does not,
            for at most 8 samples, else the normal approximation with tie correction. Where more
            than half of a neuron's activations tie and the formula has few held-out positives,
            small p-values come out too small, the smallest by many orders of magnitude (README,
            "Reading the result").
        alternative: None for a one-sided test in the direction of ``sign`` (for
            ``"absolute_value"``: two-sided in-sample, in the direction found on held-out samples),
            or ``"two-sided"``.
        correction: A method of `statsmodels.stats.multitest.multipletests`, over all neurons.
        alpha: The level of the corrected test, in (0, 1).
        groups: n labels, or None. Hold-out keeps samples with the same label on one side; use it
            for near-duplicates and frames of one film. The test still counts them as independent.
        holdout_fraction: The share of samples (of groups) held out, in (0, 1).
        seed: Of the split, from 0 to 2³² − 1.
        block_size: How many neurons are worked on at a time; changes memory, not the result.
        checkpoint: A folder, made if need be, in which every finished block of neurons is kept at
            once. The same call with the same folder goes on where an earlier one ended, however
            that ended, with the same result; the folder stays. It has to be the same call but for
            ``block_size`` (the earlier one holds), ``executor`` and ``show_progress``.
        executor: Where blocks are worked on, any `concurrent.futures.Executor`: a
            ``ProcessPoolExecutor``, or for a cluster that of a Dask client,
            ``client.get_executor()``. A block takes one of its threads. Labels are sent to every
            worker once, activations in memory with every block. The executor stays open. None for
            torch's number of threads of this process.
        show_progress: Whether to draw a progress bar on standard error.

    Returns:
        *LabelingResult*: ``top_k`` explanations of every neuron. Its keys are neurons, or
        (layer, neuron) if ``activations`` is a mapping. A neuron that is constant on the
        searched samples, or has NaN or infinite values, is set aside: it has one row without a
        formula, and one warning counts such neurons.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument's value is not possible, the numbers of samples differ, no
            concept or negated concept is within the limits, no neuron can be scored, or
            ``checkpoint`` is of another run.
        OSError: If ``checkpoint`` cannot be written; the same call resumes it later.
        RuntimeError: If ``executor`` cannot go on, such as a pool of which a process was killed.

    Source:
        Bykov et al., *Labeling Neural Representations with Inverse Recognition*, NeurIPS 2023,
        arXiv 2311.13594; hold-out and correction are ours.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((1000, 4)) < 0.2
        >>> planted = labels[:, 0] & ~labels[:, 1]
        >>> activations = rng.normal(size=(1000, 1)) + 2 * planted[:, np.newaxis]
        >>> concepts = ic.ConceptSet(labels, ["box", "mailbox", "red", "round"])
        >>> best = ic.label_neurons(activations, concepts, max_length=2)[0][0]
        >>> print(best.formula, best.significant)
        box & ~mailbox True
    """
    settings = LabelingSettings(
        max_length=max_length,
        beam_width=beam_width,
        top_k=top_k,
        min_fraction=min_fraction,
        max_fraction=max_fraction,
        min_positives=min_positives,
        sign=sign,
        significance=significance,
        alternative=alternative,
        correction=correction,
        alpha=alpha,
        holdout_fraction=holdout_fraction,
        seed=seed,
    )
    check_run_arguments(block_size, checkpoint, executor)
    layers = columns_by_layer(activations)
    groups = None if groups is None else as_list("groups", groups)
    check_concept_set(concepts)
    concepts, groups = concepts_of_store(activations, concepts, groups)
    check_concepts(layers, concepts)
    neurons = None if neurons is None else check_neurons(neurons)
    chosen = {name: choose_neurons(neurons, layer.n_neurons) for name, layer in layers.items()}
    heldout = _split(concepts.n_samples, groups, settings)
    labeler = BlockLabeler(varying_concepts(concepts), heldout, settings)
    stored = {name: layer.stored for name, layer in layers.items() if layer.stored is not None}
    sizes, kept = unit_sizes(layers, block_size), None
    if checkpoint is not None:
        identity = run_identity(
            settings, concepts, heldout=heldout, neurons=neurons, layers=layers, stored=stored
        )
        kept = Checkpoint(checkpoint, identity, sizes, concepts)
        sizes = kept.sizes
    units = cut(chosen, sizes)
    labeling = UnitLabeling(labeler, layers, stored, kept, executor)
    blocks = labeling.label(units, show=show_progress)
    explanations = [one for block in blocks for one in block.explanations]
    n_neurons = sum(len(unit.neurons) for unit in units)
    searched = "" if heldout is None else " on the searched samples"
    set_aside = sum(one.formula is None for one in explanations)
    report_set_aside(set_aside, n_neurons, searched=searched)
    description = describe(
        settings,
        concepts,
        neurons=neurons,
        groups=groups,
        heldout=heldout,
        fingerprints=_fingerprints(units, blocks),
    )
    keyed_by_layer = has_named_layers(activations)
    return LabelingResult(_corrected(explanations, settings), description, keyed_by_layer)


def check_arguments(
    concepts: ConceptSet, *, groups: Sequence[object] | None = None, **arguments: Any
) -> None:
    """Raise what `label_neurons` would raise, as far as that does not depend on activations.

    Args:
        concepts: The concepts of all samples.
        groups: As for `label_neurons`.
        **arguments: Other arguments of `label_neurons`.
    """
    parameters = inspect.signature(label_neurons).parameters
    given = {name: arguments.get(name, one.default) for name, one in parameters.items()}
    settings = LabelingSettings(**{one.name: given[one.name] for one in fields(LabelingSettings)})
    check_run_arguments(given["block_size"], given["checkpoint"], given["executor"])
    if given["neurons"] is not None:
        check_neurons(given["neurons"])
    heldout = _split(concepts.n_samples, groups, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvertCaptumWarning)
        BlockLabeler(varying_concepts(concepts), heldout, settings)


def _split(
    n_samples: int, groups: Sequence[object] | None, settings: LabelingSettings
) -> NDArray[np.bool_] | None:
    if settings.significance == "holdout":
        return split_samples(
            n_samples,
            holdout_fraction=settings.holdout_fraction,
            groups=groups,
            seed=settings.seed,
        )
    if groups is not None:
        raise ValueError(
            f"groups is given, but significance={settings.significance!r} does not use it"
        )
    return None


def _fingerprints(units: Sequence[Unit], blocks: Sequence[LabeledBlock]) -> dict[str, str]:
    """Return the SHA-256 of every layer's digests."""
    digests: dict[str, Any] = {}
    for unit, block in zip(units, blocks, strict=True):
        of_layer = digests.setdefault(unit.layer or "", hashlib.sha256())
        of_layer.update(np.array(block.digests, "<u8").data)
    return {name: digest.hexdigest() for name, digest in digests.items()}


def _corrected(
    explanations: list[Explanation], settings: LabelingSettings
) -> tuple[Explanation, ...]:
    """Correct the p-values of rank 0 over all neurons."""
    best = np.array([one.rank == 0 for one in explanations])
    p_values = np.array([one.p_value for one in explanations])
    p_values[~best] = np.nan
    adjusted, significant = correct_p_values(
        p_values, method=settings.correction, alpha=settings.alpha
    )
    return tuple(
        one
        if math.isnan(p_value)
        else replace(one, p_adjusted=float(corrected), significant=bool(rejected))
        for one, p_value, corrected, rejected in zip(
            explanations, p_values, adjusted, significant, strict=True
        )
    )
