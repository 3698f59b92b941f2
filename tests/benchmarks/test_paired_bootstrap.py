import numpy as np
import pytest

from benchmarks.localization_of_objects.paired_bootstrap import (
    Interval,
    mean_interval,
    paired_interval,
)


def test_agrees_with_drawing_pictures_one_by_one(rng):
    pictures = np.repeat(np.arange(30), rng.integers(1, 4, 30))
    values = rng.normal(size=len(pictures)) + rng.normal(size=30)[pictures]
    interval = mean_interval(values, pictures)
    draws = []
    for _ in range(10_000):
        drawn = rng.integers(0, 30, 30)
        together = np.concatenate([values[pictures == one] for one in drawn])
        draws.append(together.mean())
    low, high = np.quantile(draws, [0.025, 0.975])
    assert interval.mean == values.mean()
    assert interval.low == pytest.approx(low, abs=0.05 * (high - low))
    assert interval.high == pytest.approx(high, abs=0.05 * (high - low))


def test_asking_a_picture_again_tells_nothing_new(rng):
    values, pictures = rng.normal(size=20), np.arange(20)
    once = mean_interval(values, pictures)
    thrice = mean_interval(np.repeat(values, 3), np.repeat(pictures, 3))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    apart = mean_interval(np.repeat(values, 3), np.arange(60))
    assert apart.high - apart.low < 0.8 * (once.high - once.low)


def test_names_and_order_of_pictures_do_not_matter(rng):
    values, pictures = rng.normal(size=20), np.repeat(np.arange(10), 2)
    order = rng.permutation(20)
    shuffled = mean_interval(values[order], pictures[order] * 7 + 3)
    expected = mean_interval(values, pictures)
    assert (shuffled.low, shuffled.high) == pytest.approx((expected.low, expected.high))


def test_a_difference_that_is_always_the_same_is_certain(rng):
    values, pictures = rng.normal(size=20), np.repeat(np.arange(10), 2)
    interval = paired_interval(values + 0.25, values, pictures)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((0.25,) * 3)
    assert interval.excludes_zero


def test_a_difference_has_the_opposite_sign_the_other_way_round(rng):
    values, others, pictures = rng.normal(size=20), rng.normal(size=20), np.arange(20)
    one, other = (paired_interval(*pair, pictures) for pair in ((values, others), (others, values)))
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low))


@pytest.mark.parametrize(
    ("low", "high", "excludes"), [(0.1, 0.2, True), (-2, -1, True), (-1, 1, False), (0, 1, False)]
)
def test_zero_on_a_bound_is_not_excluded(low, high, excludes):
    assert Interval((low + high) / 2, low, high).excludes_zero == excludes


def test_the_seed_decides(rng):
    values, pictures = rng.normal(size=20), np.arange(20)
    assert mean_interval(values, pictures, seed=1) == mean_interval(values, pictures, seed=1)
    assert mean_interval(values, pictures, seed=1) != mean_interval(values, pictures, seed=2)


def test_what_cannot_be_drawn_from_is_refused():
    with pytest.raises(ValueError, match=r"values has shape \(3,\), pictures \(2,\)"):
        mean_interval(np.zeros(3), np.arange(2))
    with pytest.raises(ValueError, match="values has 1 NaN; expected none"):
        mean_interval(np.array([0, np.nan]), np.arange(2))
    with pytest.raises(ValueError, match="pictures has 1 pictures; expected at least 2"):
        mean_interval(np.zeros(3), np.zeros(3, dtype=int))
    with pytest.raises(ValueError, match=r"values has shape \(3,\), others \(1,\)"):
        paired_interval(np.zeros(3), np.zeros(1), np.arange(3))
