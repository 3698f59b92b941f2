"""The double saddlepoint of a rank sum, for draws whose exact distribution costs too much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.special

from invert_captum.significance.draws import log_choices
from invert_captum.significance.kernels.groups import pool_groups
from invert_captum.significance.kernels.saddlepoint_tail import normal_values
from invert_captum.significance.kernels.tilting import solve_tilt
from invert_captum.significance.separation import weighted_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.significance.draws import Draw

# The positives of a group are counted one by one where it holds at least this share of all.
DOMINANT_SHARE = 0.1
# More groups than this are pooled, into so many pools of two points each.
MAX_GROUPS, N_POOLS = 2_000, 256
# One sample more in the dominant group is not seen if the other deficits vary by so many of its.
_SMOOTH = 1.0
# Counts that lie further off than this many standard deviations have no weight.
_REACH = 8.0


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups of equal ranks, highest first: their sizes, deficits, and the deficits' divisor."""

    sizes: NDArray[np.float64]
    deficits: NDArray[np.float64]
    step: int


def saddlepoint_log_tail(draw: Draw) -> float:
    """Return log P(D ≤ most) of a draw, approximately.

    The double saddlepoint (Skovgaard 1987; Booth and Butler 1990) for the deficit of a draw given
    its size, in the form Φ(−r*) of Barndorff-Nielsen, with a correction for the lattice of the
    deficits. It does not see that the positives of a large group of ties are a whole number, so
    the number in the largest group is fixed at each value in turn, and the tails are averaged with
    its hypergeometric probabilities, if that group holds a tenth of the samples.

    Args:
        draw: A draw above its mean, but not the highest one.

    Returns:
        *float*: the natural logarithm.

    Examples:
        >>> from invert_captum.significance.draws import Draw
        >>> from invert_captum.significance.separation import Separation
        >>> separation = Separation.of([1.0, 2.0, 3.0, 4.0, 5.0], [False, False, True, False, True])
        >>> round(math.exp(saddlepoint_log_tail(Draw.of(separation, upper=True))), 2)
        0.2
    """
    dominant = draw.largest
    counts, stride = np.empty(0, np.int64), 1
    if draw.sizes[dominant] >= DOMINANT_SHARE * draw.n_samples:
        groups, a, b = _tilted_groups(draw, dominant)
        counts, stride = _counts(draw, groups, dominant, a, b)
    if not len(counts):
        groups, a, b = _tilted_groups(draw, -1)
        n_drawn, most = np.array([draw.n_drawn]), np.array([draw.most])
        return float(_log_tails(groups, n_drawn, most, a, b)[0])
    size = int(draw.sizes[dominant])
    log_weights = (
        log_choices(draw.n_samples - size, counts)
        + log_choices(size, draw.n_drawn - counts)
        - log_choices(draw.n_samples, draw.n_drawn)
    )
    most = draw.most - (draw.n_drawn - counts) * int(draw.deficits[dominant])
    log_tails = _log_tails(groups, counts, most, a, b)
    return float(scipy.special.logsumexp(log_weights + log_tails) + math.log(stride))


def _tilted_groups(draw: Draw, without: int) -> tuple[_Groups, float, float]:
    """Return the groups but one, −1 for none, and the tilt under which the draw is expected."""
    groups, widest = _groups(draw, without, pooled=len(draw.sizes) > MAX_GROUPS)
    a, b = _tilt(draw, groups, without)
    if b * widest > 0.5:
        # So far out the samples of one pool differ too much.
        groups, _ = _groups(draw, without, pooled=False)
        a, b = _tilt(draw, groups, without)
    return groups, a, b


def _groups(draw: Draw, without: int, *, pooled: bool) -> tuple[_Groups, float]:
    """Return the groups but one, and the widest difference of deficits within a pool."""
    if pooled:
        sizes, deficits, widest = pool_groups(draw.sizes, draw.deficits, without, N_POOLS)
        return _Groups(sizes, deficits, 2 if len(draw.sizes) == draw.n_samples else 1), widest
    kept = np.arange(len(draw.sizes)) != without
    whole = draw.deficits[kept]
    step = int(np.gcd.reduce(whole - whole[0])) or 1
    return _Groups(draw.sizes[kept].astype(np.float64), whole.astype(np.float64), step), 0.0


def _tilt(draw: Draw, groups: _Groups, dominant: int) -> tuple[float, float]:
    """Return the tilt under which the draw is expected; the dominant group is not in groups."""
    sizes, deficits = groups.sizes, groups.deficits
    if dominant >= 0:
        sizes = np.append(sizes, draw.sizes[dominant])
        deficits = np.append(deficits, draw.deficits[dominant])
    scale = 2.0 * draw.n_samples
    start = math.log(draw.n_drawn / (draw.n_samples - draw.n_drawn))
    a, b, _ = solve_tilt(
        sizes, deficits / scale, float(draw.n_drawn), draw.most / scale, start, 0.0
    )
    return a, b / scale


def _counts(
    draw: Draw, groups: _Groups, dominant: int, a: float, b: float
) -> tuple[NDArray[np.int64], int]:
    """Return how many samples may be drawn outside the dominant group, and in which stride.

    The terms of a sum over many counts are as smooth as a normal density, of which a sum in
    strides below its standard deviation is as good as the whole. No counts are
    returned where the dominant group may be treated like any other: where the deficits of the
    others are spread so wide, given their number, that one sample more in that group is not seen.
    """
    shares = scipy.special.expit(a - b * groups.deficits)
    variances = groups.sizes * shares * (1.0 - shares)
    share = float(scipy.special.expit(a - b * draw.deficits[dominant]))
    size = int(draw.sizes[dominant])
    variance, rest = size * share * (1.0 - share), float(variances.sum())
    # How much deeper the others lie than the dominant group; its mean and its variance.
    relative = groups.deficits - draw.deficits[dominant]
    mean = weighted_sum(variances, relative) / rest if rest > 0.0 else 0.0
    own = weighted_sum(variances, (relative - mean) ** 2)
    if own > (_SMOOTH * mean) ** 2:
        return np.empty(0, np.int64), 1
    # The variance of the count given how many are drawn, and given their deficit, too.
    free = variance * rest / (variance + rest) if rest > 0.0 else 0.0
    of_deficit = own + free * mean**2
    given = free * own / of_deficit if of_deficit > 0.0 else 0.0
    # In the tail the deficit varies as an exponential variable does, at the rate b.
    rate = max(b, 0.0)
    varied = 1.0 / max(1.0, rate * rate * of_deficit)
    reach = _REACH * math.sqrt(given + (free - given) * varied) + 4.0
    stride = max(1, int(0.8 * math.sqrt(given)))
    center = round(draw.n_drawn - size * share)
    steps = int(reach) // stride
    counts = center + stride * np.arange(-steps, steps + 1)
    lowest, highest = max(0, draw.n_drawn - size), min(draw.n_drawn, draw.n_samples - size)
    return counts[(counts >= lowest) & (counts <= highest)], stride


def _log_tails(
    groups: _Groups, n_drawn: NDArray[np.int64], most: NDArray[np.int64], a: float, b: float
) -> NDArray[np.float64]:
    """Return log P(D ≤ most) of draws of several sizes from the same groups.

    Args:
        groups: The groups.
        n_drawn: Shape (m,): how many samples are drawn.
        most: Shape (m,): the deficit of each.
        a: A tilt close to that of the first draw, by which a sample has the odds
        b: exp(a − b·deficit).
    """
    filled = np.concatenate([[0.0], np.cumsum(groups.sizes)])
    sums = np.concatenate([[0.0], np.cumsum(groups.sizes * groups.deficits)])
    least = np.interp(n_drawn, filled, sums)
    largest = sums[-1] - np.interp(filled[-1] - n_drawn, filled, sums)
    base = int(groups.deficits[0])
    lattice = n_drawn * base + (most - n_drawn * base) // groups.step * groups.step
    log_tails = np.where(lattice >= largest, 0.0, -np.inf)
    log_tails[lattice == least] = _log_least(groups, filled, n_drawn[lattice == least])
    between = (lattice > least) & (lattice < largest)
    if between.any():
        scale = 2.0 * filled[-1]
        values = normal_values(
            groups.sizes,
            groups.deficits / scale,
            n_drawn[between].astype(np.float64),
            (lattice[between] + groups.step / 2) / scale,
            groups.step / scale,
            a,
            b * scale,
        )
        log_tails[between] = scipy.special.log_ndtr(-values)
    return log_tails


def _log_least(
    groups: _Groups, filled: NDArray[np.float64], n_drawn: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the log probability that the highest samples are drawn."""
    last = np.maximum(np.searchsorted(filled, n_drawn) - 1, 0)
    log_ways = log_choices(groups.sizes[last], n_drawn - filled[last])
    return log_ways - log_choices(filled[-1], n_drawn)
