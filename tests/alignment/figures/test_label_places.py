"""Names stand inside, near their points, and cover neither each other nor a point."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_captum.alignment.figures.label_places import place_labels
from invert_captum.alignment.figures.segments import cut_each_other

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


def test_a_label_is_not_beside_another_point_where_there_is_room():
    # At the right of the first point its label would stand as near to the second.
    anchors, size = np.array([[400.0, 300.0], [510.0, 300.0]]), np.array([80.0, 20.0])
    low = place_labels(anchors, np.stack([size] * 2), anchors, WIDTH, HEIGHT, GAP)
    nearest = np.clip(anchors[:, None], low, low + size)
    apart = np.linalg.norm(nearest - anchors[:, None], axis=2)
    assert apart[0, 0] < 1.5 * GAP < apart[1, 0]
    assert apart[1, 1] < 1.5 * GAP < apart[0, 1]


def test_lines_to_labels_do_not_cross():
    rng = np.random.default_rng(3)
    anchors = rng.normal([500, 350], 35, (10, 2))
    sizes = np.tile([100.0, 25.0], (10, 1))
    low = place_labels(anchors, sizes, anchors, WIDTH, HEIGHT, GAP)
    ends = np.clip(anchors, low, low + sizes)
    for anchor, end in zip(anchors, ends, strict=True):
        assert not cut_each_other(anchor, end[None], anchors, ends).any()


def test_places_are_the_same_each_time():
    anchors = np.random.default_rng(5).uniform(200, 400, (12, 2))
    sizes = np.tile([90.0, 20.0], (12, 1))
    first, second = (place_labels(anchors, sizes, anchors, WIDTH, HEIGHT, GAP) for _ in range(2))
    np.testing.assert_array_equal(first, second)
