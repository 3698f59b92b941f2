"""How a neuron's activations lie inside and outside a concept, as smooth curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

_BINS = 256
# A value that so many samples share exactly is no part of a density: it is an atom.
_ATOM_SHARE = 0.05


@dataclass(frozen=True)
class Densities:
    """The activations of one neuron inside and outside a concept.

    Attributes:
        low: The lowest activation, where the curves begin.
        high: The highest, where they end.
        grid: Activations (g,) at which the curves are given.
        inside: Density (g,) of the samples with the concept, without those at the atom; its area
            is the share of samples that it stands for.
        outside: The same of the samples without the concept.
        atom: A value that many samples share exactly (0 after a ReLU), or None.
        atom_inside: The share of samples with the concept at that value, in [0, 1].
        atom_outside: The share of samples without the concept there.
    """

    low: float
    high: float
    grid: Vector
    inside: Vector
    outside: Vector
    atom: float | None
    atom_inside: float
    atom_outside: float


def densities(values: npt.ArrayLike, members: npt.NDArray[np.bool_]) -> Densities:
    """Return the densities of ``values`` (n,) where ``members`` (n,) is true and where it is not.

    Histograms on one grid, smoothed by a Gaussian of Silverman's width and mirrored at the ends,
    so that no mass leaves the range of the values.
    """
    numbers = np.asarray(values, dtype=np.float64)
    atom = _atom(numbers)
    at_atom = np.zeros(len(numbers), dtype=bool) if atom is None else numbers == atom
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    curves = [
        _curve(numbers[part & ~at_atom], int(part.sum()), edges) for part in (members, ~members)
    ]
    return Densities(
        low=low,
        high=high,
        grid=(edges[:-1] + edges[1:]) / 2,
        inside=curves[0],
        outside=curves[1],
        atom=atom,
        atom_inside=_share(at_atom[members]),
        atom_outside=_share(at_atom[~members]),
    )


def _atom(numbers: Vector) -> float | None:
    distinct, counts = np.unique(numbers, return_counts=True)
    most = int(counts.argmax())
    is_atom = counts[most] > 1 and counts[most] >= _ATOM_SHARE * len(numbers)
    return float(distinct[most]) if is_atom else None


def _curve(numbers: Vector, total: int, edges: Vector) -> Vector:
    counts, _ = np.histogram(numbers, edges)
    width = edges[1] - edges[0]
    if len(numbers) == 0:
        return np.zeros(_BINS)
    spread = min(numbers.std(), np.subtract(*np.percentile(numbers, [75, 25])) / 1.349)
    bandwidth = 0.9 * (spread or numbers.std()) * len(numbers) ** -0.2
    smooth = gaussian_filter1d(
        counts / (total * width), max(bandwidth / width, 2.0), mode="reflect", truncate=6
    )
    return np.asarray(smooth, dtype=np.float64)


def _share(mask: npt.NDArray[np.bool_]) -> float:
    return float(mask.mean()) if len(mask) else 0.0
