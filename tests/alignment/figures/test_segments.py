"""Lines cut what a fine walk along them meets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.alignment.figures.segments import cut_boxes, cut_each_other, distances_of_points

SEEDS = st.integers(0, 2**32 - 1)
ALONG = np.linspace(0, 1, 4001)[:, None]


def drawn(seed):
    """A start, the ends of 4 lines, and 3 other lines or corners of boxes."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, 2), *(rng.uniform(-1, 1, (n, 2)) for n in (4, 3, 3))


def walk(start, end):
    return start + ALONG * (end - start)


def deepest(points, low, high):
    """How far inside of a box the best of the points is; negative outside."""
    return np.minimum(points - low, high - points).min(1).max()


@given(SEEDS)
def test_lines_cut_the_boxes_that_a_walk_enters(seed):
    start, ends, one, other = drawn(seed)
    low, high = np.minimum(one, other), np.maximum(one, other)
    cut = cut_boxes(start, ends, low, high)
    turned = cut_boxes(low, high, low[:, None], high[:, None])
    assert turned.shape == (3, 3)
    assert turned.diagonal().all()
    for line, end in enumerate(ends):
        for box in range(3):
            inside = deepest(walk(start, end), low[box], high[box])
            if abs(inside) > 1e-3:
                assert cut[line, box] == (inside > 0)


def test_lines_along_an_axis_and_of_no_length():
    low, high = np.array([[1.0, 1.0]]), np.array([[2.0, 2.0]])
    ends = np.array([[1.5, 9.0], [1.5, 0.5], [9.0, 0.0], [1.5, 0.0]])
    assert cut_boxes(np.array([1.5, 0.0]), ends, low, high)[:, 0].tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert cut_boxes(np.array([1.5, 1.5]), np.array([[1.5, 1.5]]), low, high).all()


@given(SEEDS)
def test_lines_cross_where_both_have_the_other_on_two_sides(seed):
    start, ends, starts, other_ends = drawn(seed)
    crossed = cut_each_other(start, ends, starts, other_ends)
    for line, end in enumerate(ends):
        for other in range(3):
            # Both lines as start + t * direction: two equations for both t.
            directions = np.column_stack([end - start, starts[other] - other_ends[other]])
            where = np.linalg.solve(directions, starts[other] - start)
            if np.abs(where * (1 - where)).min() > 1e-6:
                assert crossed[line, other] == ((where > 0) & (where < 1)).all()


@given(SEEDS)
def test_distances_are_those_of_the_nearest_step(seed):
    start, ends, points, _ = drawn(seed)
    found = distances_of_points(points, start, ends)
    for line, end in enumerate(ends):
        for point in range(3):
            nearest = np.linalg.norm(walk(start, end) - points[point], axis=1).min()
            assert found[line, point] == pytest.approx(nearest, abs=1e-3)
