"""Activations of neurons that respond to nothing, and of neurons that respond to one formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
import scipy.special

from benchmarks.interval_coverage import true_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZEROS = {"ReLU, 50 % zeros": 0.5, "ReLU, 90 % zeros": 0.9, "ReLU, 98 % zeros": 0.98}
CONTINUOUS, LEVELS = "continuous", "16 levels"
KINDS = (CONTINUOUS, *ZEROS, LEVELS)
N_LEVELS = 16


def as_kind(normal: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Return standard normal numbers as activations of a kind, one of `KINDS`.

    They stay float64: of 1,889 numbers in float32 some would be equal by chance.
    """
    if kind == CONTINUOUS:
        return normal
    if kind == LEVELS:
        return np.floor(N_LEVELS * scipy.special.ndtr(normal))
    return np.maximum(normal - scipy.special.ndtri(ZEROS[kind]), 0.0)


def noise(kind: str, n_samples: int, n_neurons: int, seed: int) -> NDArray[np.float64]:
    """Return independent noise, float64 of shape (n, d)."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    return as_kind(rng.standard_normal((n_samples, n_neurons)), kind)


def grouped_noise(
    kind: str, groups: NDArray[np.int64], n_neurons: int, seed: int
) -> NDArray[np.float64]:
    """Return noise that is constant within groups, float64 of shape (n, d)."""
    return noise(kind, int(groups.max()) + 1, n_neurons, seed)[groups]


def planted(
    mask: NDArray[np.bool_], auc: float, n_neurons: int, rng: np.random.Generator, *, relu: bool
) -> NDArray[np.float64]:
    """Return activations that separate a set of samples with a given AUC.

    They are normal with variance 1, in the set around another mean than outside of it (binormal);
    with ``relu`` those below the mean outside become 0. The mean is the one that gives the AUC,
    ties counting one half.

    Args:
        mask: bool, shape (n,): the set.
        auc: The expected AUC, in [0.5, 1).
        n_neurons: How many neurons, d.
        rng: Where chance comes from.
        relu: Whether half of the activations outside of the set are 0.

    Returns:
        *numpy.ndarray* of float64, shape (n, d).
    """
    kind = "ReLU" if relu else "binormal"
    shift = scipy.optimize.brentq(lambda s: true_auc(s, kind) - auc, -1.0, 20.0)
    values = rng.standard_normal((len(mask), n_neurons)) + shift * mask[:, np.newaxis]
    return np.maximum(values, 0.0) if relu else values
