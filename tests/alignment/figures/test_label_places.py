"""Names stand inside, near their points, and cover neither each other nor a point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_captum.alignment.figures.label_places import joining_line, place_labels

WIDTH, HEIGHT, GAP = 1000.0, 700.0, 15.0


def overlap(low, high, other_low, other_high):
    return bool(np.all((low < other_high) & (other_low < high)))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 10), st.floats(0.02, 0.4))
def test_labels_never_overlap_where_there_is_room(seed, n, spread):
    rng = np.random.default_rng(seed)
    anchors = [WIDTH / 2, HEIGHT / 2] + spread * HEIGHT * rng.uniform(-1, 1, (n, 2))
    sizes = np.column_stack([rng.uniform(40, 250, n), np.full(n, 25.0)])
    low = place_labels(anchors, sizes, anchors, WIDTH, HEIGHT, GAP)
    high = low + sizes
    assert (low >= 0).all()
    assert (high <= [WIDTH, HEIGHT]).all()
    for one in range(n):
        for other in range(one):
            assert not overlap(low[one], high[one], low[other], high[other])


def test_a_lone_label_is_at_the_right_of_its_point():
    (corner,) = place_labels(
        np.array([[500.0, 300.0]]), np.array([[80.0, 20.0]]), np.empty((0, 2)), WIDTH, HEIGHT, GAP
    )
    np.testing.assert_allclose(corner, [515, 290])


def test_a_label_gives_way_to_a_line_and_to_the_border():
    line = np.column_stack([np.linspace(500, 900, 60), np.full(60, 300.0)])
    anchor, size = np.array([[500.0, 300.0]]), np.array([[80.0, 20.0]])
    (low,) = place_labels(anchor, size, line, WIDTH, HEIGHT, GAP)
    assert not ((line >= low) & (line <= low + size[0])).all(1).any()
    (at_border,) = place_labels(np.array([[990.0, 300.0]]), size, anchor, WIDTH, HEIGHT, GAP)
    assert at_border[0] + 80 <= WIDTH


@pytest.mark.parametrize(("anchor", "end"), [((0.0, 0.0), (10, 10)), ((15.0, 50.0), (15, 20))])
def test_lines_end_at_the_nearest_place_of_the_label(anchor, end):
    low, high = np.array([[10.0, 10.0]]), np.array([[20.0, 20.0]])
    line = joining_line(np.array([anchor]), low, high)
    np.testing.assert_allclose(line[0, -1], end)
