from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.report.input_tiles import Extremes, TileRows


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 12), st.booleans())
def test_extremes_are_no_less_extreme_than_all_others(numbers, count, highest):
    values = np.array(numbers, dtype=np.float64)
    extremes = Extremes.of(values, count, highest=highest)
    chosen, signed = extremes.samples, values if highest else -values
    assert len(set(chosen.tolist())) == len(chosen) == min(count, len(values))
    others = np.delete(signed, chosen)
    assert not len(others) or signed[chosen].min() >= others.max()
    assert (np.diff(signed[chosen]) <= 0).all()
    assert extremes.n_tied == (signed == signed.max()).sum()


def test_of_many_equal_ones_some_are_taken_at_equal_steps():
    values = np.r_[np.zeros(90), 1, 2]
    assert Extremes.of(values, 3, highest=False).samples.tolist() == [0, 30, 60]
    assert Extremes.of(values, 3, highest=True).samples.tolist() == [91, 90, 0]


@pytest.mark.parametrize("count", [1, 2, 6, 7, 8, 20])
@pytest.mark.parametrize("with_heat", [False, True])
def test_tiles_stay_in_their_room_and_off_each_other(count, with_heat):
    rows = TileRows(count, 6.45, with_heat=with_heat)
    places = rows.places(1.0, 9.0)
    assert len(places) == count
    for x, y in places:
        assert x >= 1
        assert x + rows.side <= 1 + rows.width + 1e-9
        assert 9 - rows.height <= y - (rows.side if with_heat else 0)
        assert y + rows.side <= 9 + 1e-9
    for number, (x, y) in enumerate(places):
        for other_x, other_y in places[:number]:
            apart = rows.side * (2 if with_heat and other_x == x else 1)
            assert abs(x - other_x) >= rows.side or abs(y - other_y) > apart
