"""`label_neurons`: activations and concepts in, search, then significance, then the result."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from invert_captum._log import InvertCaptumWarning
from invert_captum._validation import as_list, nearest_names
from invert_captum.labeling.announcement import (
    announce_cost,
    permutation_count,
    report_untestable,
)
from invert_captum.labeling.block import BlockLabeler
from invert_captum.labeling.checkpoint import Checkpoint
from invert_captum.labeling.correction import PermutationEvidence, corrected
from invert_captum.labeling.identity import fingerprints, run_identity
from invert_captum.labeling.label_units import UnitLabeling
from invert_captum.labeling.null_tables import table_key
from invert_captum.labeling.preparation import (
    check_concept_set,
    check_concepts,
    report_set_aside,
    varying_concepts,
)
from invert_captum.labeling.settings import LabelingSettings, check_run_arguments, describe
from invert_captum.labeling.split import Split
from invert_captum.labeling.units import cut, unit_sizes
from invert_captum.neuron_columns import (
    check_neurons,
    choose_neurons,
    columns_by_layer,
    concepts_of_store,
    has_named_layers,
)
from invert_captum.result import LabelingResult

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.settings import FoldCombination, Significance, TiedNeurons
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
    n_folds: int | None = None,
    fold_combination: FoldCombination | None = None,
    n_permutations: int | None = None,
    tied_neurons: TiedNeurons = "own_null",
    scores: Sequence[str] = (),
    seed: int = 0,
    block_size: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    null_cache: str | os.PathLike[str] | None = None,
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
        min_fraction: The smallest share of the samples that a formula may hold for, in [0, 1].
        max_fraction: The largest share that it may hold for.
        min_positives: The fewest samples that it may hold for. These three limits are inclusive.
            Under hold-out they are scaled to the part that is searched and hold there, with room
            for every concept that is within ``max_fraction`` of all samples; over all samples a
            formula may then be somewhat rarer or more common.
        sign: ``"positive"``: high activation where the formula holds (maximises AUC);
            ``"negative"``: low activation (minimises AUC); ``"absolute_value"``: either (maximises
            ``|AUC − ½|``).
        significance: What the p-values rest on: ``"holdout"``, samples that the search did not see;
            ``"permutation"``, the whole search rerun on permuted samples; ``"in_sample"``, the
            published test on the samples that chose the formula, which calls noise significant;
            or None for no test. See Notes.
        alternative: None for a one-sided test in the direction of ``sign`` (for
            ``"absolute_value"``: two-sided in-sample, in the direction found on held-out samples),
            or ``"two-sided"``.
        correction: A method of `statsmodels.stats.multitest.multipletests`, over all neurons; with
            permutations also ``"westfall_young"``, step-down max-T of scores standardised by each
            neuron's own permuted ones, or ``"westfall_young_raw"`` of the scores as they are: both
            keep P scores of every neuron in memory.
        alpha: The level of the corrected test and of one neuron's interval, in (0, 1).
        groups: n labels, or None; samples with the same label (near-duplicates, frames of one
            film) count once. Hold-out keeps them on one side and tests with a cluster-robust
            variance; permutations exchange whole groups of the same size.
        holdout_fraction: The share of samples (of groups) held out, in (0, 1), without folds.
        n_folds: K ≥ 2: each fold's formula, searched on the other folds, is tested on that fold.
            The label is then that of a search of all samples; ``heldout_auc`` is the mean over
            folds. None for one split.
        fold_combination: How the folds' p-values become one: ``"minimum"`` (K times the least, the
            default), ``"mean"``, ``"median"`` (twice either), or ``"forward_stouffer"`` of folds
            each searched on those before it. With permutations, which calibrate it,
            ``"stouffer"`` (the default), ``"minimum"``, ``"mean"`` or ``"median"``.
        n_permutations: P; None for as many as ``correction`` needs to be able to reject a single
            neuron, at least 999.
        tied_neurons: Which permuted searches a neuron with ties is compared with:
            ``"own_null"``, its own, stopped early where it is hopeless; ``"random_tie_breaks"``,
            those of neurons without ties, after its ties are broken at random and it is searched
            again (exact and cheap, but another seed may decide otherwise); or
            ``"untied_approximation"``, those without breaking its ties, which is nearly always
            conservative, but not provably so.
        scores: Further scores as columns: ``"average_precision"``, ``"f1"``, ``"jaccard"``,
            ``"correlation"``, ``"standardised_mean_difference"``.
        seed: Of the split, the permutations and the tie-breaks, from 0 to 2³² − 1.
        block_size: How many neurons are worked on at a time; changes memory, not the result.
        checkpoint: A folder, made if need be, in which every finished block of neurons is kept at
            once. The same call with the same folder goes on where an earlier one ended, however
            that ended, with the same result; the folder stays. It has to be the same call but for
            ``block_size`` (the earlier one holds), ``executor`` and ``show_progress``.
        null_cache: A folder in which the permuted searches that neurons without ties share are
            kept for later calls; None to keep them in this process only.
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

    Notes:
        Held-out p-values are those of the Mann-Whitney test by its exact conditional distribution,
        ties included, while that is affordable, then by a double saddlepoint
        (`significance.rank_sum_log10_p`). In-sample ones are SciPy's. A permutation p-value is
        (1 + #{permuted scores ≥ the neuron's}) / (1 + P), or h / l for a neuron that is stopped at
        permutation l because h = 20 permuted scores have reached its own; it says that the neuron
        is not exchangeable with respect to all concepts, not which literal matters. With folds,
        explanations of rank above 0 have no p-value and no held-out AUC.

    Source:
        Bykov et al., *Labeling Neural Representations with Inverse Recognition*, NeurIPS 2023,
        arXiv 2311.13594; the tests are ours, those that they are made of are cited where they are.

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
        n_folds=n_folds,
        fold_combination=fold_combination,
        n_permutations=n_permutations,
        tied_neurons=tied_neurons,
        scores=scores,
        seed=seed,
    )
    check_run_arguments(block_size, checkpoint, null_cache, executor)
    layers = columns_by_layer(activations)
    groups = None if groups is None else as_list("groups", groups)
    check_concept_set(concepts)
    concepts, groups = concepts_of_store(activations, concepts, groups)
    check_concepts(layers, concepts)
    neurons = None if neurons is None else check_neurons(neurons)
    chosen = {name: choose_neurons(neurons, layer.n_neurons) for name, layer in layers.items()}
    split = Split.of(concepts.n_samples, groups, settings)
    n_neurons = sum(len(of_layer) for of_layer in chosen.values())
    n_permuted = permutation_count(settings, n_neurons)
    labeler = BlockLabeler(varying_concepts(concepts), split, settings, n_permuted)
    stored = {name: layer.stored for name, layer in layers.items() if layer.stored is not None}
    sizes, kept = unit_sizes(layers, block_size), None
    if checkpoint is not None:
        identity = run_identity(
            settings, concepts, split=split, neurons=neurons, layers=layers, stored=stored
        )
        kept = Checkpoint(checkpoint, identity, sizes, concepts)
        sizes = kept.sizes
    units = cut(chosen, sizes)
    labeling = UnitLabeling(labeler, layers, stored, kept, executor)
    if labeler.permutation_test is not None and labeler.permutation_test.searches_neurons:
        announce_cost(labeler.permutation_test, settings, layers, chosen)
    blocks = labeling.label(units, show=show_progress)
    explanations = [one for block in blocks for one in block.explanations]
    searched = "" if split.heldout is None else " on the searched samples"
    set_aside = sum(one.formula is None for one in explanations)
    report_set_aside(set_aside, n_neurons, searched=searched)
    n_untestable = report_untestable(blocks, settings)
    evidence = None
    if labeler.permutation_test is not None:
        key = table_key(concepts, split, settings)
        evidence = PermutationEvidence.gather(
            labeler.permutation_test, blocks, key, null_cache, show=show_progress
        )
        explanations = evidence.added_to(explanations)
    description = describe(
        settings,
        concepts,
        neurons=neurons,
        groups=groups,
        split=split,
        fingerprints=fingerprints(units, blocks),
        n_untestable=n_untestable,
        n_permutations=n_permuted,
    )
    keyed_by_layer = has_named_layers(activations)
    null = None if evidence is None else evidence.null_scores()
    labels = corrected(explanations, settings, evidence)
    return LabelingResult(labels, description, keyed_by_layer, null)


def check_arguments(
    concepts: ConceptSet, *, groups: Sequence[object] | None = None, **arguments: Any
) -> None:
    """Raise what `label_neurons` would raise, as far as that does not depend on activations.

    Args:
        concepts: The concepts of all samples.
        groups: As for `label_neurons`.
        **arguments: Other arguments of `label_neurons`.
    """
    settings = checked_settings(**arguments)
    run = ("block_size", "checkpoint", "null_cache", "executor")
    check_run_arguments(*(arguments.get(name) for name in run))
    if arguments.get("neurons") is not None:
        check_neurons(arguments["neurons"])
    split = Split.of(concepts.n_samples, groups, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvertCaptumWarning)
        BlockLabeler(varying_concepts(concepts), split, settings, settings.n_permutations or 1)


def checked_settings(**arguments: Any) -> LabelingSettings:
    """Return the settings of a call of `label_neurons` with these arguments, checked."""
    parameters = inspect.signature(label_neurons).parameters
    unknown = sorted(set(arguments) - set(parameters))
    if unknown:
        near = nearest_names(unknown[0], parameters)
        raise TypeError(f"label_neurons has no argument {unknown[0]!r}; nearest: {near}")
    given = {name: arguments.get(name, one.default) for name, one in parameters.items()}
    return LabelingSettings(**{one.name: given[one.name] for one in fields(LabelingSettings)})
