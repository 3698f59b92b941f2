"""The ways to a p-value that the studies compare, as arguments of `label_neurons`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.stats

import invert_captum as ic
from invert_captum.significance.mann_whitney import mann_whitney_log10_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEARCH: dict[str, Any] = {"max_length": 3, "beam_width": 5, "min_fraction": 0.02}
"""The search of the noise studies and of the demo."""

EXACT, VALID, NO_PROMISE = "exact", "not above", "none"


@dataclass(frozen=True)
class Method:
    """A way to a p-value.

    Attributes:
        name: For tables and figures.
        promise: What holds for noise: ``"exact"`` (p ≤ α for a share α, less where ties make p
            coarse), ``"not above"`` (for at most a share α) or ``"none"``.
        arguments: Of `label_neurons`.
    """

    name: str
    promise: str
    arguments: dict[str, Any] = field(default_factory=dict)


IN_SAMPLE = Method("in-sample (naive)", NO_PROMISE, {"significance": "in_sample"})
HOLD_OUT = Method("hold-out", EXACT)
NORMAL_NAME = "hold-out, normal approximation"
TWO_FOLDS = Method("2 folds, minimum", VALID, {"n_folds": 2})


def five_folds(combination: str) -> Method:
    """Return cross-fitting with five folds, combined without permutations."""
    names = {"forward_stouffer": "5 folds, forward Stouffer"}
    promise = EXACT if combination == "forward_stouffer" else VALID
    arguments = {"n_folds": 5, "fold_combination": combination}
    return Method(names.get(combination, f"5 folds, {combination}"), promise, arguments)


def permutation(tied_neurons: str, n_permutations: int | None) -> Method:
    """Return the permutation test with one way to treat neurons with ties."""
    name, promise = {
        "own_null": ("permutation, own null", EXACT),
        "random_tie_breaks": ("permutation, random ties", EXACT),
        "untied_approximation": ("permutation, untied approximation", NO_PROMISE),
    }[tied_neurons]
    arguments = {
        "significance": "permutation",
        "n_permutations": n_permutations,
        "tied_neurons": tied_neurons,
    }
    return Method(name, promise, arguments)


def calibrated_folds(n_permutations: int | None) -> Method:
    """Return Stouffer's combination of five folds, calibrated by permutation."""
    arguments = permutation("random_tie_breaks", n_permutations).arguments | {"n_folds": 5}
    return Method("5 folds, calibrated Stouffer", EXACT, arguments)


def label(
    activations: NDArray[Any],
    concepts: ic.ConceptSet,
    method: Method,
    seed: int = 0,
    **arguments: Any,
) -> ic.LabelingResult:
    """Label neurons by a method.

    Warnings are not shown: some studies use fewer permutations than a correction needs, on purpose,
    and label rare sets that can hardly be significant.

    Args:
        activations: Shape (n, d).
        concepts: The concepts.
        method: The method.
        seed: Of splits, folds, permutations and tie-breaks.
        **arguments: Others of `label_neurons`, before those of `SEARCH`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ic.InvertCaptumWarning)
        return ic.label_neurons(
            activations, concepts, seed=seed, **{**SEARCH, **method.arguments, **arguments}
        )


def p_values(result: ic.LabelingResult) -> NDArray[np.float64]:
    """Return every neuron's p-value, float64 of shape (d,); 1 where there is none."""
    found = np.array([one.p_value for one in result.explanations if one.rank == 0])
    return np.where(np.isnan(found), 1.0, found)


def normal_p_values(
    result: ic.LabelingResult, activations: NDArray[np.float64], concepts: ic.ConceptSet
) -> NDArray[np.float64]:
    """Return the p-values of held-out formulas by the normal approximation, shape (d,)."""
    heldout = result.heldout
    assert heldout is not None
    found = np.ones(len(result))
    for place, one in enumerate(result.explanations):
        if one.formula is None:
            continue
        inside = one.formula.evaluate(concepts)[heldout]
        values = activations[heldout, one.neuron]
        doubled = (2 * scipy.stats.rankdata(values)).astype(np.int64)
        counts = np.unique(values, return_counts=True)[1]
        found[place] = 10 ** mann_whitney_log10_p(
            int(doubled[inside].sum()),
            int(inside.sum()),
            len(inside),
            tie_sum=int((counts**3 - counts).sum()),
            alternative="greater",
        )
    return found


def heldout_positives(result: ic.LabelingResult, concepts: ic.ConceptSet) -> NDArray[np.int64]:
    """Return how many held-out samples each neuron's formula holds for, int64 of shape (d,)."""
    heldout = result.heldout
    assert heldout is not None
    masks = {one.formula: one.formula.evaluate(concepts) for one in result.explanations}  # type: ignore[union-attr]
    return np.array([int(masks[one.formula][heldout].sum()) for one in result.explanations])
