"""Which neurons of a layer are labelled with a concept, and which others stand beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum._validation import as_list, check_fraction, nearest_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from invert_captum.attr.layer_neurons import NamedLayer
    from invert_captum.result import LabelingResult


def neurons_by_concept(
    result: LabelingResult,
    layer: NamedLayer,
    names: Sequence[str] | None = None,
    *,
    min_heldout_auc: float = 0.5,
) -> dict[str, tuple[int, ...]]:
    """Return which neurons' significant labels have each concept as a literal not negated.

    Args:
        result: The labels; only those of rank 0 count.
        layer: The layer.
        names: Concepts; None for all that such a label has, in the order of the result.
        min_heldout_auc: Least AUC, in [0, 1], in the label's direction (for labels of low
            activations 1 − AUC), on held-out samples if there are any.

    Returns:
        By concept the columns, ascending; empty for a concept of ``names`` that no neuron has.

    Raises:
        TypeError: ``names`` is no sequence.
        ValueError: a name was not searched, the result has no test or nothing of this layer, or
            no label remains.
    """
    least = check_fraction("min_heldout_auc", min_heldout_auc)
    best = [one for one in layer.explanations_of(result) if one.formula is not None]
    if best and all(one.significant is None for one in best):
        raise ValueError(
            "result was made with significance=None and tested nothing; expected a result whose "
            "labels were tested"
        )
    searched: list[str] = list(result.settings["concepts"])
    found: dict[str, set[int]] = {name: set() for name in searched}
    for one in best:
        if one.formula is None or not one.significant or result.evidence(one) < least - 0.5:
            continue
        for literal in one.formula.literals():
            if literal.name is not None and not literal.negated:
                found[literal.name].add(one.neuron)
    if names is None:
        kept = [name for name in searched if found[name]]
        if not kept:
            raise ValueError(
                f"result has no significant label of layer {layer.name!r} with an AUC of at least "
                f"{least}; expected at least one"
            )
        return {name: tuple(sorted(found[name])) for name in kept}
    if not (entries := as_list("names", names)):
        raise ValueError("names is empty; expected at least one concept")
    for name in entries:
        if name not in found:
            near = nearest_names(str(name), searched)
            raise ValueError(f"names has {name!r}, which was not searched; nearest: {near}")
    return {str(name): tuple(sorted(found[str(name)])) for name in entries}


def draw_others(
    neurons: Sequence[int], among: Sequence[int], n_draws: int, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    """Draw as many other neurons, without replacement within a draw.

    Args:
        neurons: k neurons.
        among: Neurons to draw from; those of ``neurons`` are left out.
        n_draws: How many times.
        rng: Where the draws come from.

    Returns:
        ``n_draws`` times k neurons, ascending; none if fewer than k remain or k is 0.
    """
    others = sorted(set(among) - set(neurons))
    if not neurons or len(others) < len(neurons):
        return []
    draws = (rng.choice(others, len(neurons), replace=False) for _ in range(n_draws))
    return [tuple(sorted(draw.tolist())) for draw in draws]
