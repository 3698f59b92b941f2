"""The whole search on permuted samples: what the best score is when nothing is to be found.

A permutation π moves the activation of sample i to sample π(i); the labels stay. T(π) is the best
score of the whole search then. If activations and labels have nothing to do with each other, every
T(π) is as likely as the T that was observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import check_integer
from invert_captum.search.activation_rows import ActivationRows
from invert_captum.search.block_search import kernel_limits
from invert_captum.search.kernels import permuted_search as kernels
from invert_captum.search.kernels import tie_breaking
from invert_captum.search.kernels.block_search import digest_block
from invert_captum.search.kernels.rank_sums import TIE_SHIFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.labels import SearchLabels
    from invert_captum.search.settings import SearchSettings

# Float32 holds all whole numbers up to here.
_FLOAT32_INTEGERS = 2**24


@dataclass(frozen=True, slots=True, eq=False)
class PermutedSearches:
    """What the searches of d neurons found under P permutations.

    The held-out fields are those of the best formula, that is the first that `search_block` would
    return; they are zero if no sample is held out or nothing was found.

    Attributes:
        usable: bool, shape (d,): finite and not constant over all samples.
        scores: float64, shape (d, P): the best score T(π). NaN if nothing was found, the neuron is
            not usable, or the activations of the searched part are constant under π.
        heldout_sizes: int64, shape (d, P): for how many held-out samples the best formula holds.
        heldout_rank_sums: int64, shape (d, P): the sum of these samples' doubled mid-ranks.
        heldout_tie_sums: float64, shape (d, P): Σ(t³ − t) over the groups of t equal activations of
            the held-out part under π, rounded to the nearest float64.
    """

    usable: NDArray[np.bool_]
    scores: NDArray[np.float64]
    heldout_sizes: NDArray[np.int64]
    heldout_rank_sums: NDArray[np.int64]
    heldout_tie_sums: NDArray[np.float64]


def search_permuted(
    rows: ActivationRows,
    labels: SearchLabels,
    settings: SearchSettings,
    permutations: NDArray[np.int32],
) -> PermutedSearches:
    """Search every neuron of a block under every permutation, on the thread that calls.

    Scores and held-out sums equal, to the bit, those that `search_block` finds for activations that
    were really permuted.

    Args:
        rows: The activations of d neurons over all samples.
        labels: The labels of the same samples.
        settings: Limits and score.
        permutations: int32, shape (P, n): each row holds every sample once; where the sample's
            activation goes. From `Permutations.draw`.

    Raises:
        ValueError: If ``permutations`` has another shape or numbers that no sample has.

    Examples:
        >>> from scipy.sparse import csr_array
        >>> from invert_captum.search import AucScore, Permutations, SearchLabels, SearchSettings
        >>> labels = SearchLabels.from_labels(csr_array(np.eye(6, dtype=bool)), list("abcdef"))
        >>> settings = SearchSettings(1, 3, 1, 5, AucScore("positive"))
        >>> permutations = Permutations(6, seed=0).draw(0, 4)
        >>> search_permuted(untied_row(6), labels, settings, permutations).scores
        array([[1., 1., 1., 1.]])
    """
    n_samples = len(labels.arrays.slots)
    if permutations.ndim != 2 or permutations.shape[1] != n_samples:
        raise ValueError(
            f"permutations has shape {permutations.shape}; expected (P, {n_samples:,}), a column "
            "for every sample of the labels"
        )
    # Arrays that cannot be written would make numba compile the kernel once more.
    moves = np.require(permutations, np.int32, ["C", "W"])
    # As unsigned numbers negative ones are the highest. The kernel would read anywhere.
    if moves.size and moves.view(np.uint32).max() >= n_samples:
        raise ValueError(
            f"permutations holds {moves.min()} to {moves.max()}; expected 0 to {n_samples - 1:,}"
        )
    activations, _ = rows.as_float32()
    shape = (rows.n_neurons, len(permutations))
    found = kernels.PermutedFound(
        usable=np.zeros(rows.n_neurons, np.bool_),
        scores=np.full(shape, np.nan),
        sizes=np.zeros(shape, np.int64),
        rank_sums=np.zeros(shape, np.int64),
        ties=np.zeros((*shape, 2), np.int64),
    )
    kernels.search_permuted(
        activations, labels.arrays, kernel_limits(labels, settings), moves, found
    )
    # Both products are exact, so that the sum is the only rounding.
    high, low = found.ties[..., 0].astype(np.float64), found.ties[..., 1].astype(np.float64)
    ties: NDArray[np.float64] = high * (1 << TIE_SHIFT) + low
    ties[np.isnan(found.scores)] = 0
    return PermutedSearches(found.usable, found.scores, found.sizes, found.rank_sums, ties)


def break_ties(rows: ActivationRows, n_samples: int, *, seed: int) -> ActivationRows:
    """Put equal activations of every neuron in random order.

    Searched again, a neuron without ties has the null distribution of `untied_row`. The random
    order depends on the seed and on the neuron's own activations only.

    Args:
        rows: The activations of d neurons.
        n_samples: The number of samples, n.
        seed: Of the random order, from 0 to 2⁶⁴ − 1.

    Returns:
        *ActivationRows*, all stored: 0 … n − 1 in the order of each neuron's activations; NaN for a
        neuron that is not finite. A constant neuron comes in random order, too.

    Examples:
        >>> rows = ActivationRows.dense(np.array([[0.0, 2.0, 0.0, -1.0]]))
        >>> broken = break_ties(rows, 4, seed=0).to_dense(4)
        >>> broken[0, [1, 3]], sorted(broken[0].tolist())
        (array([3., 0.], dtype=float32), [0.0, 1.0, 2.0, 3.0])
    """
    check_integer("seed", seed, minimum=0)
    activations, _ = rows.as_float32()
    # Of the float32 values, so that float64 activations that are the same come in the same order.
    digests = np.empty(rows.n_neurons, np.uint64)
    digest_block(activations, digests)
    places = np.empty((rows.n_neurons, n_samples), np.int32)
    tie_breaking.break_ties(activations, digests, np.uint64(seed), places)
    values = places.astype(_exact(n_samples))
    values[places < 0] = np.nan
    return ActivationRows.dense(values)


def untied_row(n_samples: int) -> ActivationRows:
    """Return one neuron without ties: all such neurons have its null distribution.

    Args:
        n_samples: The number of samples, n.

    Examples:
        >>> untied_row(3).to_dense(3)
        array([[1., 2., 3.]], dtype=float32)
    """
    values = np.arange(1, n_samples + 1).astype(_exact(n_samples))
    return ActivationRows.dense(values[np.newaxis])


def _exact(n_samples: int) -> type[np.float32 | np.float64]:
    """Return the smaller type that holds 1 … n exactly."""
    return np.float32 if n_samples <= _FLOAT32_INTEGERS else np.float64
