"""The exact tail of a rank sum: dynamic programming over the groups of equal ranks.

A *row* j holds, for every deficit, the tilted probability that j positives of the groups seen so
far have it. The longest run of untied samples comes first, whose rows have a recursion of their
own; every further group convolves the rows with its binomial distribution; of the last group,
which should be the largest, only sums over the rows are needed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel
from invert_captum.significance.kernels.rows import binomial, convolve, tail_of_row
from invert_captum.significance.kernels.untied_run import log_weight_of_none, next_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOO_MANY = 2**60
# Untied doubled mid-ranks are two apart.
_UNTIED_STEP = 2


@compiled
def _least_deficits(
    sizes: NDArray[np.int64], deficits: NDArray[np.int64], first: int, n_drawn: int
) -> NDArray[np.int64]:
    """Return the least deficits of 0 … n_drawn positives of the groups from ``first`` on."""
    least = np.full(n_drawn + 1, _TOO_MANY)
    least[0] = 0
    drawn, group, closing = 0, first, len(sizes) - 1
    closed = False
    while drawn < n_drawn and not (closed and group == closing):
        # All but the last group ascend.
        if not closed and (group == closing or deficits[closing] < deficits[group]):
            current, closed = closing, True
        else:
            current, group = group, group + 1
        for _ in range(min(sizes[current], n_drawn - drawn)):
            least[drawn + 1] = least[drawn] + deficits[current]
            drawn += 1
    return least


@compiled
def _room(
    sizes: NDArray[np.int64],
    deficits: NDArray[np.int64],
    first: int,
    n_drawn: int,
    most: int,
) -> NDArray[np.int64]:
    """Return the most deficit that each row may have before group ``first``; −1 if none may."""
    least = _least_deficits(sizes, deficits, first, n_drawn)
    room = np.empty(n_drawn + 1, np.int64)
    for j in range(n_drawn + 1):
        room[j] = max(most - least[n_drawn - j], -1)
    return room


@compiled
def _lengths_in_run(
    room: NDArray[np.int64], run_length: int, run_deficit: int
) -> NDArray[np.int64]:
    """Return how many deficits of each row of the run are needed, for itself or a later row.

    Only rows of up to half of the run are made: the rows of m and of all but m samples are the
    same, and beyond the half, where they shrink, a recursion would magnify rounding.
    """
    lengths = np.zeros(min(len(room) - 1, run_length // 2) + 1, np.int64)
    later = 0
    for m in range(min(len(room) - 1, run_length), -1, -1):
        least = m * run_deficit + _UNTIED_STEP * (m * (m - 1) // 2)
        if room[m] >= least:
            later = max(later, (room[m] - least) // _UNTIED_STEP + 1)
        if m < len(lengths):
            lengths[m] = min(later, m * (run_length - m) + 1)
    return lengths


@compiled
def _width(
    run_length: int,
    run_deficit: int,
    deficits: NDArray[np.int64],
    base: int,
    step: int,
    n_drawn: int,
    most: int,
) -> int:
    """Return how many deficits the longest row may have, where more than one group is left."""
    highest = max(run_deficit + _UNTIED_STEP * run_length, base)
    for group in range(len(deficits) - 1):
        highest = max(highest, deficits[group])
    width = 1
    for j in range(n_drawn + 1):
        width = max(width, (min(most, j * highest) - j * base) // step + 1)
    return width


@kernel
def count_operations(
    run_length: int,
    run_deficit: int,
    sizes: NDArray[np.int64],
    deficits: NDArray[np.int64],
    base: int,
    step: int,
    n_drawn: int,
    most: int,
    budget: int,
) -> int:
    """Return about how many additions `sum_tail` would do, or a number above the budget."""
    room = _room(sizes, deficits, 0, n_drawn, most)
    lengths = _lengths_in_run(room, run_length, run_deficit)
    # An addition in a run waits for one before it; those of a convolution do not.
    total = 4 * lengths.sum()
    highest = run_deficit + _UNTIED_STEP * (run_length - 1) if run_length else base
    seen = run_length
    for group in range(len(sizes) - 1):
        room = _room(sizes, deficits, group + 1, n_drawn, most)
        highest = max(highest, deficits[group])
        seen += sizes[group]
        for j in range(min(n_drawn, seen) + 1):
            length = (min(room[j], j * highest) - j * base) // step + 1
            total += max(length, 0) * (min(sizes[group], j) + 1)
        # What a group costs even where its rows are empty.
        total += 20 * n_drawn
        if total > budget:
            break
    if len(sizes) > 1:
        total += (n_drawn + 1) * _width(
            run_length, run_deficit, deficits, base, step, n_drawn, most
        )
    return total


@kernel
def sum_tail(
    run_length: int,
    run_deficit: int,
    sizes: NDArray[np.int64],
    deficits: NDArray[np.int64],
    base: int,
    step: int,
    n_drawn: int,
    most: int,
    a: float,
    b: float,
) -> float:
    """Sum the tilted probabilities of all deficits of at most ``most``, each without its tilt.

    Args:
        run_length: How many samples the run of untied ones has, 0 if there is none.
        run_deficit: The deficit of the highest of them.
        sizes: Shape (g,): the sizes of the other groups, the largest last.
        deficits: Shape (g,): their deficits.
        base: The least deficit of all groups but the last.
        step: What the differences of their deficits are multiples of.
        n_drawn: The number of positives, k.
        most: The largest deficit in the tail.
        a: The tilt, by which a sample has the odds exp(a − b·deficit),
        b: at least 0.

    Returns:
        *float*: Σ P(k, d)·exp(−b·(most − d)) over all deficits d of at most ``most``.
    """
    room = _room(sizes, deficits, 0, n_drawn, most)
    lengths = _lengths_in_run(room, run_length, run_deficit)
    closing = len(sizes) - 1
    weights = binomial(sizes[closing], a - b * deficits[closing], n_drawn)
    width = _width(run_length, run_deficit, deficits, base, step, n_drawn, most)
    rows = np.empty((n_drawn + 1 if closing else 1, width if closing else 1))
    first, last = np.zeros(n_drawn + 1, np.int64), np.full(n_drawn + 1, -1)

    log_z, log_odds = -b * _UNTIED_STEP, a - b * run_deficit
    log_none, log_growth = log_weight_of_none(run_length, log_odds, log_z), 0.0
    row, new_row = np.empty(lengths.max()), np.empty(lengths.max())
    row[0] = 1.0
    length = 1
    stride = _UNTIED_STEP // step
    total = 0.0
    for fewer in range(len(lengths)):
        if fewer > 0:
            wanted = lengths[fewer]
            length, growth = next_row(row, new_row, length, fewer, run_length, log_z, wanted)
            row, new_row = new_row, row
            log_growth += growth
        for side in range(2):
            m = fewer if side == 0 else run_length - fewer
            if m > n_drawn or (side == 1 and m == fewer):
                continue
            least = m * run_deficit + _UNTIED_STEP * (m * (m - 1) // 2)
            if room[m] < least:
                continue
            kept = min(length, (room[m] - least) // _UNTIED_STEP + 1)
            weight = math.exp(log_none + log_growth + m * log_odds + m * (m - 1) / 2 * log_z)
            if closing == 0:
                given = n_drawn - m
                if given < len(weights):
                    left = most - least - given * deficits[closing]
                    tail = tail_of_row(row, 0, kept - 1, _UNTIED_STEP, left, b)
                    total += weight * weights[given] * tail
            else:
                first[m] = (least - m * base) // step
                last[m] = first[m] + stride * (kept - 1)
                rows[m, first[m] : last[m] + 1] = 0.0
                for place in range(kept):
                    rows[m, first[m] + stride * place] = weight * row[place]
    if closing == 0:
        return total
    return _sum_with_groups(rows, first, last, sizes, deficits, base, step, most, a, b)


@compiled
def _sum_with_groups(
    rows: NDArray[np.float64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    sizes: NDArray[np.int64],
    deficits: NDArray[np.int64],
    base: int,
    step: int,
    most: int,
    a: float,
    b: float,
) -> float:
    """Convolve the rows with every group but the last, and sum them over that one."""
    n_drawn = len(rows) - 1
    closing = len(sizes) - 1
    longest = np.empty(n_drawn + 1, np.int64)
    for group in range(closing):
        room = _room(sizes, deficits, group + 1, n_drawn, most)
        for j in range(n_drawn + 1):
            longest[j] = min((room[j] - j * base) // step, rows.shape[1] - 1)
        weights = binomial(sizes[group], a - b * deficits[group], n_drawn)
        convolve(rows, first, last, weights, (deficits[group] - base) // step, longest)
    weights = binomial(sizes[closing], a - b * deficits[closing], n_drawn)
    total = 0.0
    for j in range(n_drawn + 1):
        given = n_drawn - j
        if given < len(weights) and last[j] >= first[j]:
            left = most - j * base - given * deficits[closing]
            total += weights[given] * tail_of_row(rows[j], first[j], last[j], step, left, b)
    return total
