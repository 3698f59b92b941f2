"""The exact conditional distribution of a rank sum, where it can be afforded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.significance.draws import log_choices
from invert_captum.significance.kernels.enumeration import sum_choices
from invert_captum.significance.kernels.exact_tail import count_operations, sum_tail
from invert_captum.significance.kernels.groups import longest_run
from invert_captum.significance.kernels.tilting import cumulants, solve_tilt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.significance.draws import Draw

    # Run of untied samples (length, deficit), other groups (sizes, deficits), base and step.
    Problem = tuple[int, int, NDArray[np.int64], NDArray[np.int64], int, int]

# Additions: a few milliseconds of them.
BUDGET = 8_000_000
# What a row costs at each group, however short it is.
_PER_ROW = 20
# More groups than this are never enumerated.
_MAX_DEPTH = 40


def exact_log_tail(draw: Draw, *, budget: int = BUDGET) -> float | None:
    """Return log P(D ≤ most) of a draw from the exact distribution, if that can be afforded.

    The distribution of the deficit given the number of samples drawn, where every choice of them
    is as likely. Choices are not counted but weighed: each sample is drawn with the odds
    exp(a − b·deficit) under which ``most`` is the expected deficit, so that the tail, however
    small, is a sum of ordinary numbers.

    Args:
        draw: A draw above its mean, but not the highest one.
        budget: How many additions it may cost.

    Returns:
        *float* or *None*: the natural logarithm, to about 1e-11 or, far out, 1e-11 of its size;
        None if the budget does not suffice.

    Examples:
        >>> from invert_captum.significance.draws import Draw
        >>> from invert_captum.significance.separation import Separation
        >>> separation = Separation.of([1.0, 2.0, 3.0, 4.0, 5.0], [False, False, True, False, True])
        >>> round(math.exp(exact_log_tail(Draw.of(separation, upper=True))), 6)
        0.2
    """
    scale = 2.0 * draw.n_samples
    problem = _arrange(draw, budget)
    work = math.inf
    if problem is not None:
        work = count_operations(*problem, draw.n_drawn, draw.most, budget)
    work_of_all = _work_of_enumeration(draw, budget)
    if min(work, work_of_all) > budget:
        return None
    sizes, places, most = draw.sizes.astype(np.float64), draw.deficits / scale, draw.most / scale
    start = math.log(draw.n_drawn / (draw.n_samples - draw.n_drawn))
    a, b, _ = solve_tilt(sizes, places, float(draw.n_drawn), most, start, 0.0)
    # The choices are weighed by exp(a − b·deficit), so this bounds the log of their number.
    log_bound = cumulants(sizes, places, a, b) - a * draw.n_drawn + b * most
    if problem is None or work_of_all < work:
        order = _largest_last(draw.sizes)
        groups = (draw.sizes[order], draw.deficits[order])
        tail = sum_choices(*groups, draw.n_drawn, draw.most, log_bound)
    else:
        tail = sum_tail(*problem, draw.n_drawn, draw.most, a, b / scale)
    return math.log(tail) + log_bound - float(log_choices(draw.n_samples, draw.n_drawn))


def _work_of_enumeration(draw: Draw, budget: int) -> float:
    """Return what it costs, in additions, to go through all ways to share out the positives."""
    depth = len(draw.sizes) - 2
    table = 60.0 * draw.n_drawn**2
    if depth > _MAX_DEPTH or table > budget:
        return math.inf
    return table + 30.0 * math.comb(draw.n_drawn + depth, depth)


def _largest_last(sizes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the groups' order with the two largest last, each part by ascending deficit."""
    largest = np.argpartition(sizes, len(sizes) - 2)[-2:]
    return np.append(np.delete(np.arange(len(sizes)), largest), np.sort(largest))


def _arrange(draw: Draw, budget: int) -> Problem | None:
    """Put the groups into the order in which they are cheapest, or give up on too many of them."""
    sizes, deficits = draw.sizes, draw.deficits
    # The largest group last: of that one only sums are needed. Without ties, any end of the run.
    closing = draw.largest if sizes[draw.largest] > 1 else len(sizes) - 1
    untied = sizes[draw.largest] == 1
    first, length = (0, closing) if untied else longest_run(sizes, closing)
    if (len(sizes) - length) * _PER_ROW * (draw.n_drawn + 1) > budget:
        return None
    others = np.ones(len(sizes), np.bool_)
    others[first : first + length] = False
    others[closing] = False
    order = np.flatnonzero(others)
    ends = deficits[np.concatenate([order, np.arange(first, first + min(length, 2))])]
    base = int(ends.min()) if len(ends) else 0
    step = int(np.gcd.reduce(ends - base)) or 1
    order = np.append(order, closing)
    return length, int(deficits[first]), sizes[order], deficits[order], base, step
