"""`ablation_effect`: what it does to a model to switch off the neurons of a concept."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._log import warn
from invert_captum._validation import check_integer, listed
from invert_captum.activations.batches import (
    check_inputs,
    count_batches,
    count_samples,
    input_batches,
    keeps_order,
)
from invert_captum.activations.reducers import REDUCER_NAMES, Reducer
from invert_captum.attr.layer_neurons import NamedLayer, extraction_of
from invert_captum.attr.switching_off.ablation import Replacement, Value
from invert_captum.attr.switching_off.ablation_runs import Columns, batch_scores
from invert_captum.attr.switching_off.concept_neurons import draw_others, neurons_by_concept
from invert_captum.attr.switching_off.effect_table import Plan, effect_frame, mean_scores
from invert_captum.attr.switching_off.prediction_scores import Classes, PredictionScore, Score
from invert_captum.concepts import ConceptSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from torch import nn

    from invert_captum.activations import Inputs
    from invert_captum.activations.batch import Batch
    from invert_captum.neuron_columns import Activations
    from invert_captum.result import LabelingResult


def ablation_effect(
    model: nn.Module,
    layer: nn.Module | str,
    result: LabelingResult,
    inputs: Inputs,
    *,
    target: Classes = "predicted",
    concepts: ConceptSet | None = None,
    names: Sequence[str] | None = None,
    value: Value = "zero",
    score: Score = "accuracy",
    activations: Activations | None = None,
    min_heldout_auc: float = 0.5,
    n_random: int = 0,
    seed: int = 0,
    batch_size: int = 64,
    additional_forward_args: object = None,
    reduce: Reducer | None = None,
    neuron_dim: int | None = None,
    attribute_to_layer_input: bool | None = None,
    show_progress: bool = False,
) -> pd.DataFrame:
    """Measure for each concept what switching off its neurons does to a model's predictions.

    The neurons of a concept are those of the layer whose label of rank 0 is significant and has the
    concept as a literal that is not negated. They are switched off together, as `ablate` does. The
    model runs in eval mode and is afterwards as it was; it runs once undisturbed, and once for each
    different set of neurons, on every batch.

    Args:
        model: Gives (n, classes), or with ``score="target_score"`` one number a sample.
        layer: A module of it, or its dotted name.
        result: The labels of the layer's neurons.
        inputs: A tensor, a tuple of tensors, a map-style data set, or a loader in order.
        target: The class of every sample, or one for all; ``"predicted"`` for the class that the
            undisturbed model predicts, by which accuracy is the share of predictions that stay;
            None for a model that gives one number a sample.
        concepts: Which sample shows which concept, for scores with and without it; its rows are
            those of ``inputs``.
        names: Concepts; None for all that a significant label of the layer has, in the order of
            the result.
        value: ``"zero"`` or ``"mean"``, as in `ablate`.
        score: ``"accuracy"``, or ``"target_score"``: the mean of the model's output at the target,
            as the model gives it.
        activations: For ``value="mean"``, as in `ablate`.
        min_heldout_auc: Least AUC of a label, in its direction, in [0, 1]; on held-out samples if
            the result has any.
        n_random: How many times as many other neurons that have a label are switched off instead.
        seed: Of these draws. A concept's draws do not depend on ``names``.
        batch_size: How many samples of tensors and data sets go through the model at once.
        additional_forward_args: Further arguments of the model by position, after the inputs.
        reduce: As in `ablate`. None: as in the extraction of the result, else ``"mean"``.
        neuron_dim: As in `ablate`. None: as in the extraction of the result.
        attribute_to_layer_input: As in `ablate`. None: as in the extraction of the result.
        show_progress: Whether to draw a progress bar on standard error.

    Returns:
        *pandas.DataFrame*, a row a concept: ``concept``, ``n_neurons``, ``neurons`` (a tuple),
        ``before`` (the undisturbed score), ``after``, ``change`` (after − before; NaN without
        neurons, and where the model gives NaN). With ``n_random``, ``random_change`` and
        ``random_std``: the mean change of the draws and their standard deviation (NaN for one draw,
        or where fewer neurons remain than are to be drawn). With ``concepts``, for the samples with
        the concept ``n_with``, ``before_with``, ``after_with``, ``change_with``
        (``random_change_with``, ``random_std_with``), and the same for those without it, ending in
        ``_without``.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument has no valid value, the rows of ``inputs``, ``target`` and
            ``concepts`` differ, the layer is never called, or its neurons cannot be found in its
            output (see `ablate`).

    Warns:
        InvertCaptumWarning: for some concepts there are too few other neurons to draw.

    Examples:
        >>> import invert_captum as ic
        >>> import torch
        >>> from torch import nn
        >>> labels = torch.rand(400, 2, generator=torch.Generator().manual_seed(0)) < 0.4
        >>> inputs = labels.float()
        >>> model = nn.Sequential(nn.Identity(), nn.Linear(2, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> result = ic.label_neurons(inputs, concepts, max_length=1)
        >>> effect = ablation_effect(
        ...     model, "0", result, inputs, target=1, concepts=concepts, score="target_score"
        ... )
        >>> effect[["concept", "neurons", "change_with", "change_without"]]
          concept neurons  change_with  change_without
        0     dog    (0,)          0.0             0.0
        1     cat    (1,)         -2.0             0.0
    """
    where = NamedLayer.of(model, layer)
    neurons = neurons_by_concept(result, where, names, min_heldout_auc=min_heldout_auc)
    scorer = PredictionScore.of(score, target)
    _check_samples(inputs, scorer, concepts, list(neurons))
    made_reduce, made_dim, made_at_input = extraction_of(result)
    if reduce is None:
        reduce = _known_reduction(made_reduce)
    if neuron_dim is None:
        neuron_dim = made_dim
    if attribute_to_layer_input is None:
        attribute_to_layer_input = made_at_input
    n_random = check_integer("n_random", n_random, minimum=0)
    plans = _plans(result, where, neurons, n_random, check_integer("seed", seed, minimum=0))
    sets = list(dict.fromkeys(columns for plan in plans for columns in plan.runs()))
    union = tuple(sorted(set().union(*sets)))
    # The activations of a neuron are read once, however many sets it is in.
    all_of_them = Replacement.of(where, union, value, activations, reduce, neuron_dim)
    runs = {columns: all_of_them.only(columns) for columns in sets}
    size = check_integer("batch_size", batch_size, minimum=1)
    scores = batch_scores(
        model,
        where,
        _in_order(input_batches(inputs, size, additional_forward_args), concepts),
        runs,
        scorer,
        n_batches=count_batches(inputs, size),
        at_input=attribute_to_layer_input,
        show_progress=show_progress,
    )
    # Closed at once, because the model is in eval mode as long as the scores are open.
    with closing(scores):
        means = mean_scores(scores, plans, concepts)
    _check_counts(int(means.sizes[0, 0]), scorer, concepts)
    return effect_frame(plans, means)


def _plans(
    result: LabelingResult,
    layer: NamedLayer,
    neurons: dict[str, Columns],
    n_random: int,
    seed: int,
) -> list[Plan]:
    among = [one.neuron for one in layer.explanations_of(result) if one.formula is not None]
    place = {name: position for position, name in enumerate(result.settings["concepts"])}
    plans = []
    for concept, columns in neurons.items():
        rng = np.random.default_rng([seed, place[concept]])
        draws = draw_others(columns, among, n_random, rng)
        plans.append(Plan(concept, columns, draws, n_random))
    few = [plan.concept for plan in plans if plan.neurons and len(plan.draws) < n_random]
    if few:
        warn(f"too few other labelled neurons to draw as many for {listed(few)}")
    return plans


def _known_reduction(name: str) -> Reducer:
    for known in REDUCER_NAMES:
        if name == known:
            return known
    raise ValueError(
        f"reduce is None, and result was extracted with the callable {name!r}, which does not tell "
        "where in the layer's output a neuron is; expected a result extracted with one of "
        f"{', '.join(map(repr, REDUCER_NAMES))}, or one of these as reduce"
    )


def _check_samples(
    inputs: Inputs, scorer: PredictionScore, concepts: ConceptSet | None, names: list[str]
) -> None:
    """Raise as far as it is known before the model runs that rows differ."""
    check_inputs(inputs)
    if not keeps_order(inputs):
        raise ValueError(
            "inputs is a DataLoader that does not read its dataset in order, so that its rows "
            "cannot be matched; expected shuffle=False"
        )
    if concepts is not None:
        if not isinstance(concepts, ConceptSet):
            raise TypeError(f"concepts is of type {type(concepts).__name__}; expected a ConceptSet")
        known = set(concepts)
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"concepts lacks {listed(missing)}; expected the concepts of result")
    if (n_samples := count_samples(inputs)) is not None:
        _check_counts(n_samples, scorer, concepts)


def _check_counts(n_samples: int, scorer: PredictionScore, concepts: ConceptSet | None) -> None:
    if not n_samples:
        raise ValueError("inputs has no samples; expected at least one")
    scorer.check_samples(n_samples)
    if concepts is not None and concepts.n_samples != n_samples:
        raise ValueError(
            f"concepts has {concepts.n_samples:,} samples, inputs has {n_samples:,}: the rows must "
            "be the same inputs in the same order"
        )


def _in_order(batches: Iterator[Batch], concepts: ConceptSet | None) -> Iterator[Batch]:
    """Raise `ValueError` where the sample ids of inputs and concepts differ."""
    start = 0
    for batch in batches:
        stop = start + batch.n_samples
        if concepts is not None and stop > concepts.n_samples:
            raise ValueError(
                f"concepts has {concepts.n_samples:,} samples, inputs has at least {stop:,}: the "
                "rows must be the same inputs in the same order"
            )
        if batch.sample_ids is not None and concepts is not None and concepts.sample_ids:
            for came, expected in zip(
                batch.sample_ids, concepts.sample_ids[start:stop], strict=True
            ):
                if came != expected:
                    raise ValueError(
                        f"inputs has sample {came!r} where concepts has {expected!r}: the rows "
                        "must be the same inputs in the same order"
                    )
        yield batch
        start = stop
