"""`label_neurons` and `concept_auc`."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from invert_captum._log import progress, warn
from invert_captum._validation import check_integer
from invert_captum.concepts import ConceptSet
from invert_captum.labeling.block import BlockLabeler, rank_usable
from invert_captum.labeling.settings import LabelingSettings, describe
from invert_captum.neuron_columns import NeuronColumns, check_neurons, columns_by_layer
from invert_captum.result import Explanation, LabelingResult
from invert_captum.search import LabelMatrix, auc
from invert_captum.significance import correct_p_values, split_samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from invert_captum.labeling.settings import Significance
    from invert_captum.neuron_columns import Activations, Matrix
    from invert_captum.search import Sign

# A block's ranks and what is made of them take about 32 bytes a value: 128 MB.
_VALUES_PER_BLOCK = 2**22
_MAX_BLOCK = 256


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
    show_progress: bool = False,
) -> LabelingResult:
    """Label neurons with formulas of concepts, and say how sure each label is.

    For every neuron a beam search finds the formula whose presence or absence the activation
    separates best, by ROC-AUC. With hold-out, the default, it sees only one part of the samples;
    the p-value is that of the found formula on the other part, so that it stays honest however many
    formulas were tried. It is then corrected for the number of neurons.

    Args:
        activations: Shape (n, d): a torch tensor, a numpy array, or a mapping from a layer's name
            to one (all with the same n).
        concepts: A `ConceptSet` of the same n samples in the same order.
        neurons: Which columns, in which order; None for all. The same for every layer.
        max_length: The number of literals of a formula at most (L in the paper).
        beam_width: How many formulas the search goes on with from each length (B in the paper).
        top_k: How many explanations to return per neuron, at most ``beam_width``.
        min_fraction: A formula holds for at least this share of the samples, in [0, 1],
        max_fraction: for at most this share,
        min_positives: and for at least so many samples. All inclusive; under hold-out they are
            scaled to the part that is searched.
        sign: ``"positive"``: high activation where the formula holds (maximises AUC);
            ``"negative"``: low activation (minimises AUC); ``"absolute_value"``: either (maximises
            |AUC − ½|).
        significance: ``"holdout"``; ``"in_sample"``, the published test on the samples that chose
            the formula, which calls noise significant; or None for no test. Both are Mann-Whitney
            tests in the normal approximation with tie correction. Where more than half of a
            neuron's activations tie and the formula has few held-out positives, small p-values
            come out too small, the smallest by many orders of magnitude.
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
        show_progress: Whether to draw a progress bar on standard error.

    Returns:
        *LabelingResult*: ``top_k`` explanations of every neuron. A neuron that is constant on the
        searched samples, or has NaN or infinite values, is set aside: it has one row without a
        formula, and one warning counts such neurons.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument's value is not possible, the numbers of samples differ, no
            concept or negated concept is within the limits, or no neuron can be scored.

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
    layers = columns_by_layer(activations)
    _check_concepts(layers, concepts)
    if block_size is not None:
        check_integer("block_size", block_size, minimum=1)
    chosen = {name: check_neurons(neurons, layer.n_neurons) for name, layer in layers.items()}
    heldout = _split(concepts.n_samples, groups, settings)
    labeler = BlockLabeler(_usable(concepts), heldout, settings)
    digests = {name: hashlib.sha256() for name in layers}
    explanations: list[Explanation] = []
    for name, block in _blocks(layers, chosen, block_size, show=show_progress):
        values = layers[name].block(block)
        digests[name].update(values.data)
        explanations += labeler.label(name, block, values)
    n_neurons = sum(len(block) for block in chosen.values())
    _warn_set_aside(sum(one.formula is None for one in explanations), n_neurons)
    description = describe(
        settings,
        concepts,
        neurons=neurons,
        groups=groups,
        heldout=heldout,
        fingerprints={name or "": digest.hexdigest() for name, digest in digests.items()},
    )
    return LabelingResult(_corrected(explanations, settings), description)


def concept_auc(activations: Matrix, concepts: ConceptSet) -> NDArray[np.float64]:
    """Return the ROC-AUC of every neuron with every single concept.

    Args:
        activations: Shape (n, d): a torch tensor or a numpy array.
        concepts: A `ConceptSet` of k concepts on the same n samples in the same order.

    Returns:
        *numpy.ndarray* of float64, shape (d, k), in [0, 1]: the share of pairs of a sample with and
        one without the concept in which the one with it has the higher activation, ties counting
        one half. NaN for concepts with no positives or no negatives, and for neurons that are
        constant or have NaN or infinite values; one warning each counts them.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the numbers of samples differ, or no neuron or no concept remains.

    Source:
        Bykov et al., NeurIPS 2023, arXiv 2311.13594 (the AUC similarity); computed from mid-ranks.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> concepts = ic.ConceptSet(np.array([[True], [True], [False], [False]]), ["dog"])
        >>> ic.concept_auc(np.array([[3.0], [1.0], [1.0], [0.0]]), concepts)
        array([[0.875]])
    """
    columns = NeuronColumns(activations)
    layers: dict[str | None, NeuronColumns] = {None: columns}
    _check_concepts(layers, concepts)
    usable = _usable(concepts)
    matrix = LabelMatrix(usable.labels)
    kept = np.flatnonzero(np.isin(concepts.names, usable.names))
    result = np.full((columns.n_neurons, concepts.n_concepts), np.nan)
    scored = 0
    for _, block in _blocks(layers, {None: list(range(columns.n_neurons))}, None, show=False):
        rows, ranks = rank_usable(columns.block(block))
        scored += len(rows)
        sums = matrix.rank_sums(ranks.doubled)
        neurons = np.asarray(block)[rows]
        result[np.ix_(neurons, kept)] = auc(matrix.counts, sums, concepts.n_samples)
    _warn_set_aside(columns.n_neurons - scored, columns.n_neurons)
    return result


def _check_concepts(layers: dict[str | None, NeuronColumns], concepts: object) -> None:
    if not isinstance(concepts, ConceptSet):
        raise TypeError(f"concepts is a {type(concepts).__name__}; expected a ConceptSet")
    n_samples = next(iter(layers.values())).n_samples
    if concepts.n_samples != n_samples:
        raise ValueError(
            f"concepts has {concepts.n_samples:,} samples, activations have {n_samples:,}: the "
            "rows must be the same inputs in the same order"
        )


def _usable(concepts: ConceptSet) -> ConceptSet:
    """Leave out the concepts with no positives or no negatives, with one warning."""
    varies = (concepts.counts > 0) & (concepts.counts < concepts.n_samples)
    if varies.all():
        return concepts
    left_out = [name for name, keep in zip(concepts.names, varies, strict=True) if not keep]
    shown = ", ".join(repr(name) for name in left_out[:3]) + (", …" if len(left_out) > 3 else "")
    message = f"{len(left_out):,} of {len(concepts):,} concepts have no positives or no negatives"
    if len(left_out) == len(concepts):
        raise ValueError(f"concepts: {message} ({shown}); none remains")
    warn(f"{message} and are left out: {shown}")
    return concepts.select(
        [name for name, keep in zip(concepts.names, varies, strict=True) if keep]
    )


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


def _blocks(
    layers: dict[str | None, NeuronColumns],
    chosen: dict[str | None, list[int]],
    block_size: int | None,
    *,
    show: bool,
) -> Iterator[tuple[str | None, list[int]]]:
    n_samples = next(iter(layers.values())).n_samples
    size = block_size or max(1, min(_MAX_BLOCK, _VALUES_PER_BLOCK // n_samples))
    blocks = [
        (name, neurons[start : start + size])
        for name, neurons in chosen.items()
        for start in range(0, len(neurons), size)
    ]
    yield from progress(blocks, show=show, description="labelling")


def _warn_set_aside(count: int, total: int) -> None:
    if count == 0:
        return
    why = "constant on the searched samples, or have NaN or infinite values"
    if count == total:
        raise ValueError(f"activations: all {total:,} neurons are {why}; none remains")
    warn(f"{count:,} of {total:,} neurons are set aside: they are {why}")


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
