"""What the activations say of every neuron: its top samples, its densities, its ROC curve."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._log import progress
from invert_captum.report.auc_check import check_auc
from invert_captum.report.density import densities
from invert_captum.report.explorer.curves import (
    DENSITY_POINTS,
    ROC_POINTS,
    as_bytes,
    density_bytes,
    roc_curve,
)
from invert_captum.report.explorer.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import NeuronColumns
    from invert_captum.result import Explanation, Key, LabelingResult

# How many neurons are read at a time, and of how many values at most.
_NEURONS, _VALUES = 64, 2**22

_NO_DENSITY = bytes(2 * DENSITY_POINTS)
_NO_ROC = bytes(ROC_POINTS)


@dataclass(frozen=True)
class NeuronActivity:
    """What is shown of one neuron's activations.

    Attributes:
        top: The samples that it tells apart most, best first: those with the highest activation,
            or the lowest if its label is about low activation. Empty if it was set aside.
        activations: Their activations.
        members: Whether the label holds for them; empty without concepts.
        range: Lowest and highest activation, where its density curves begin and end.
        atom: A value that many samples share exactly, or None.
        atom_shares: The shares of samples there, inside the label and outside.
        density: The density curves, as `density_bytes` makes them.
        roc: True-positive rates as bytes.
    """

    top: list[int] = field(default_factory=list)
    activations: list[float | None] = field(default_factory=list)
    members: list[int] = field(default_factory=list)
    range: tuple[float | None, float | None] = (None, None)
    atom: float | None = None
    atom_shares: tuple[float | None, float | None] = (None, None)
    density: bytes = _NO_DENSITY
    roc: bytes = _NO_ROC


def activity_by_neuron(
    result: LabelingResult,
    layers: Mapping[str | None, NeuronColumns],
    concepts: ConceptSet | None,
    *,
    n_shown: int,
    show_progress: bool = False,
) -> dict[Key, NeuronActivity]:
    """Return what is shown of the activations of every neuron, in the order of the result.

    Activations are read some neurons at a time.

    Args:
        result: The labels.
        layers: The activations of its layers, by name.
        concepts: What they are labelled with; without it there are top samples only.
        n_shown: How many top samples a neuron has.
        show_progress: Draw a progress bar.

    Raises:
        ValueError: If activations and concepts give another AUC than the result has.
    """
    heldout = result.heldout
    found: dict[Key, NeuronActivity] = {}
    for key, values in progress(
        _values_by_neuron(result, layers),
        show=show_progress,
        description="densities and ROC curves",
        total=len(result),
    ):
        best = result[key][0]
        is_low = result.is_about_low_activation(best)
        found[key] = _activity(best, values, concepts, heldout, is_low=is_low, n_shown=n_shown)
    return {key: found[key] for key in result}


def activity_columns(activities: list[NeuronActivity], *, has_members: bool) -> dict[str, Any]:
    """Return the columns of the page's table that hold the top samples and the densities."""
    columns: dict[str, Any] = {
        "top": [one.top for one in activities],
        "top_activation": [one.activations for one in activities],
        "top_member": [one.members for one in activities] if has_members else None,
        "density": None,
    }
    if has_members:
        columns["density"] = {
            "low": [one.range[0] for one in activities],
            "high": [one.range[1] for one in activities],
            "atom": [one.atom for one in activities],
            "atom_inside": [one.atom_shares[0] for one in activities],
            "atom_outside": [one.atom_shares[1] for one in activities],
            "points": DENSITY_POINTS,
            "curves": _base64(one.density for one in activities),
        }
    return columns


def roc_columns(activities: list[NeuronActivity], *, heldout: bool) -> dict[str, Any]:
    """Return the page's ROC curves.

    Args:
        activities: Of all neurons.
        heldout: Whether the curves are of the samples that the search did not see.
    """
    curves = _base64(one.roc for one in activities)
    return {"points": ROC_POINTS, "curves": curves, "heldout": heldout}


def _values_by_neuron(
    result: LabelingResult, layers: Mapping[str | None, NeuronColumns]
) -> Iterator[tuple[Key, NDArray[np.float64]]]:
    keys_of: dict[str | None, list[Key]] = {layer: [] for layer in result.layers}
    for key in result:
        keys_of[result[key][0].layer].append(key)
    for layer, keys in keys_of.items():
        columns = layers[layer]
        most = max(1, _VALUES // columns.n_samples)
        size = min(columns.neurons_at_once or _NEURONS, most)
        for start in range(0, len(keys), size):
            block = keys[start : start + size]
            rows = columns.rows([result[key][0].neuron for key in block])
            for place, key in enumerate(block):
                one = rows.take_neurons(np.array([place])).to_dense(columns.n_samples)[0]
                yield key, one.astype(np.float64)


def _activity(
    best: Explanation,
    values: NDArray[np.float64],
    concepts: ConceptSet | None,
    heldout: NDArray[np.bool_] | None,
    *,
    is_low: bool,
    n_shown: int,
) -> NeuronActivity:
    if best.formula is None:
        return NeuronActivity()
    ascending = np.argsort(values, kind="stable")
    top = ascending[:n_shown] if is_low else _highest(values, ascending, n_shown)
    activations = [rounded(value) for value in values[top].tolist()]
    if concepts is None:
        return NeuronActivity(top.tolist(), activations)
    members = best.formula.evaluate(concepts)
    curves = densities(values, members)
    tested = slice(None) if heldout is None else heldout
    # The curve rises above the diagonal for a label that keeps what it claims.
    rates, area = roc_curve((-values if is_low else values)[tested], members[tested])
    check_auc(best, 1 - area if is_low else area, heldout=heldout is not None)
    return NeuronActivity(
        top=top.tolist(),
        activations=activations,
        members=members[top].astype(int).tolist(),
        range=(rounded(curves.low), rounded(curves.high)),
        atom=None if curves.atom is None else rounded(curves.atom),
        atom_shares=(rounded(curves.atom_inside), rounded(curves.atom_outside)),
        density=density_bytes(curves),
        roc=as_bytes(rates),
    )


def _highest(
    values: NDArray[np.float64], ascending: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """Return the samples of the highest values; of equal ones, the first in the data."""
    threshold = values[ascending[-min(count, len(values))]]
    candidates = np.flatnonzero(values >= threshold)
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]


def _base64(parts: Iterator[bytes]) -> str:
    return base64.b64encode(b"".join(parts)).decode("ascii")
