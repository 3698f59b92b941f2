"""Permutation p-values, for each neuron by itself: p = (1 + #{null ≥ score}) / (1 + P)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import check_choice, check_fraction, check_integer
from invert_captum.significance.corrections import CORRECTIONS, correct_p_values

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Max-T, with standardised scores or as they are.
_MAX_T = ("westfall_young", "westfall_young_raw")
# Products such as 1,280 / 0.05 are meant as decimals; this absorbs their rounding.
_ROUNDING = 1e-12


def permutation_p(score: float, null: ArrayLike) -> float:
    """Return the share of the permutations, the observed order counted as one, that do as well.

    p = (1 + #{null ≥ score}) / (1 + P), exact for exchangeable samples because the observed order
    is one of the P + 1 (Phipson and Smyth 2010, "Permutation p-values should never be zero",
    *Stat. Appl. Genet. Mol. Biol.* 9:39).

    Args:
        score: The score of the search on the samples as they are; NaN if it found nothing.
        null: Shape (P,): the scores of the searches on permuted samples. NaN, a search that found
            nothing, does not count.

    Returns:
        *float*: in (0, 1], or NaN for a NaN score.

    Raises:
        ValueError: If ``null`` is not one-dimensional.

    Examples:
        >>> permutation_p(0.7, [0.6, 0.7, 0.65, float("nan")])
        0.4
    """
    return float(shared_null_p(np.array([score]), null)[0])


def shared_null_p(scores: ArrayLike, null: ArrayLike) -> NDArray[np.float64]:
    """Return the permutation p-values of neurons that have one null distribution in common.

    Args:
        scores: Shape (d,), one a neuron; NaN where the search found nothing.
        null: Shape (P,), the scores of the searches on permuted samples, as in `permutation_p`.

    Returns:
        *numpy.ndarray* of float64, shape (d,): in (0, 1], NaN where the score is.

    Raises:
        ValueError: If ``scores`` or ``null`` is not one-dimensional.

    Examples:
        >>> shared_null_p([0.9, 0.6, float("nan")], [0.5, 0.6, 0.7, 0.8])
        array([0.2, 0.8, nan])
    """
    observed = _vector("scores", scores)
    permuted = _vector("null", null)
    n_permutations = len(permuted)
    found = np.sort(permuted[~np.isnan(permuted)])
    exceeding = len(found) - np.searchsorted(found, observed, side="left")
    p_values = (1.0 + exceeding) / (1.0 + n_permutations)
    return np.where(np.isnan(observed), np.nan, p_values)


class ExceedanceCounts:
    """How often permuted searches did as well as each neuron's own, stopped early if hopeless.

    The permutations come in chunks. A neuron stops at its h-th exceedance, at the l-th
    permutation: p = h / l. One that gets through all P permutations with g < h exceedances has
    p = (1 + g) / (1 + P). Both are exact (Besag and Clifford 1991, "Sequential Monte Carlo
    p-values", *Biometrika* 78:301–304): p ≤ h / l exactly if the observed score is among the h
    highest of itself and the first l − 1 permuted ones. How the permutations are cut into chunks
    changes nothing, because what follows the h-th exceedance in its chunk is not looked at.

    Args:
        scores: Shape (d,), one a neuron; NaN where the search found nothing: such a neuron is
            never active and its p-value is NaN.
        n_permutations: P, at least 1.
        stop_after: h, at least 1; None to run all P permutations for every neuron.

    Examples:
        >>> counts = ExceedanceCounts([0.9, 0.5], n_permutations=4, stop_after=2)
        >>> counts.add([[0.6, 0.7], [0.6, 0.7]])
        >>> counts.active
        array([0])
        >>> counts.add([[0.6, 0.95]])
        >>> counts.p_values()
        array([0.4, 1. ])
        >>> counts.n_used
        array([4, 2])
    """

    def __init__(
        self, scores: ArrayLike, n_permutations: int, *, stop_after: int | None = 20
    ) -> None:
        self._scores = _vector("scores", scores)
        self._n_permutations = check_integer("n_permutations", n_permutations, minimum=1)
        if stop_after is not None:
            stop_after = check_integer("stop_after", stop_after, minimum=1)
        self._stop_after = stop_after
        self._n_seen = 0
        self._counts = np.zeros(len(self._scores), dtype=np.int64)
        self._used = np.zeros(len(self._scores), dtype=np.int64)
        self._running = ~np.isnan(self._scores)

    @property
    def active(self) -> NDArray[np.int64]:
        """int64: the neurons that need more permutations, ascending; empty when all is done."""
        if self._n_seen == self._n_permutations:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(self._running)

    @property
    def n_used(self) -> NDArray[np.int64]:
        """int64, shape (d,): the permutations that each neuron's p-value rests on."""
        return self._used.copy()

    def add(self, null: ArrayLike) -> None:
        """Count the next permutations.

        Args:
            null: Shape (a, c): the scores of the next c permutations for each of the a neurons of
                `active`, in that order. NaN, a search that found nothing, does not count.

        Raises:
            ValueError: If the rows are not as many as active neurons, or there are more than P
                permutations.
        """
        active = self.active
        permuted = np.asarray(null, dtype=np.float64)
        if permuted.ndim != 2 or len(permuted) != len(active):
            raise ValueError(
                f"null has shape {permuted.shape}; expected a row for each of the "
                f"{len(active):,} active neurons"
            )
        n_new = permuted.shape[1]
        left = self._n_permutations - self._n_seen
        if n_new > left:
            raise ValueError(f"null has {n_new:,} permutations, but only {left:,} are left")
        if n_new == 0:
            return
        hits = permuted >= self._scores[active, None]
        counts = self._counts[active, None] + np.cumsum(hits, axis=1)
        last = np.full(len(active), n_new - 1)
        if self._stop_after is not None:
            stopped = counts[:, -1] >= self._stop_after
            last[stopped] = np.argmax(counts[stopped] >= self._stop_after, axis=1)
            self._running[active[stopped]] = False
        self._counts[active] = counts[np.arange(len(active)), last]
        self._used[active] = self._n_seen + last + 1
        self._n_seen += n_new

    def p_values(self) -> NDArray[np.float64]:
        """Return the p-values, float64 of shape (d,), NaN where the score is.

        Raises:
            RuntimeError: If neurons are still active: the permutations so far are not P.
        """
        if len(self.active):
            raise RuntimeError(
                f"{len(self.active):,} neurons have had {self._n_seen:,} permutations; expected "
                f"{self._n_permutations:,} before their p-values are asked for"
            )
        p_values = (1.0 + self._counts) / (1.0 + self._used)
        stopped = ~self._running & ~np.isnan(self._scores)
        p_values[stopped] = self._counts[stopped] / self._used[stopped]
        p_values[np.isnan(self._scores)] = np.nan
        return p_values


def needed_permutations(correction: str | None, alpha: float, n_neurons: int) -> int:
    """Return the least P with which one neuron can be found significant, the others at p = 1.

    The least p-value of P permutations is 1 / (1 + P). Most corrections over m neurons ask for
    p ≤ α / m of a single neuron, thus for P = m / α − 1. Sidak's ask for a little less;
    ``"fdr_by"`` for (1 + 1/2 + … + 1/m) times as many, ``"fdr_tsbky"`` for 1 + α times as many,
    and ``"fdr_gbs"`` for p strictly below α / m. Where many neurons are significant the ``fdr_``
    methods can do with fewer; max-T needs only 1 / α − 1 (see `westfall_young`).

    Args:
        correction: One of `CORRECTIONS`, ``"westfall_young"`` or ``"westfall_young_raw"``, or None
            for no correction.
        alpha: The level of the whole family, in (0, 1).
        n_neurons: The number of neurons in the family, m, at least 1.

    Returns:
        *int*: P, at least 1.

    Raises:
        TypeError: If ``n_neurons`` is not an integer, or ``alpha`` not a number.
        ValueError: If ``correction`` is none of these, or a number is out of range.

    Examples:
        >>> needed_permutations("holm", 0.05, 1280)
        25599
        >>> needed_permutations("westfall_young", 0.05, 1280)
        19
    """
    check_choice("correction", correction, [*CORRECTIONS, *_MAX_T, None])
    level = check_fraction("alpha", alpha, open_interval=True)
    n_neurons = check_integer("n_neurons", n_neurons, minimum=1)
    if correction is None or correction in _MAX_T:
        return max(math.ceil(1.0 / level * (1.0 - _ROUNDING)) - 1, 1)
    factor = {"fdr_by": _harmonic(n_neurons), "fdr_tsbky": 1.0 + level}.get(correction, 1.0)
    inverse = n_neurons * factor / level
    if correction in ("sidak", "holm-sidak"):
        inverse = -1.0 / math.expm1(math.log1p(-level) / n_neurons)
    needed = max(math.ceil(inverse * (1.0 - _ROUNDING)) - 1, 1)
    # statsmodels compares in floating point, where p = α/m itself may come out on either side.
    while not _rejects_one(needed, correction, level, n_neurons):
        needed += 1
    return needed


def _rejects_one(n_permutations: int, correction: str, alpha: float, n_neurons: int) -> bool:
    p_values = np.ones(n_neurons)
    p_values[0] = 1.0 / (1.0 + n_permutations)
    # Hommel's takes m² steps and asks of a single neuron what Holm's does.
    method = "holm" if correction == "hommel" else correction
    _, significant = correct_p_values(p_values, method=method, alpha=alpha)
    return bool(significant[0])


def _harmonic(count: int) -> float:
    return math.fsum(1.0 / rank for rank in range(1, count + 1))


def _vector(name: str, value: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected one dimension")
    return array
