from __future__ import annotations

import pytest

from invert_captum.report.explorer.page_options import PageOptions


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("top", -1, ValueError),
        ("n_shown", 0, ValueError),
        ("thumbnail", 9.5, TypeError),
        ("batch_size", True, TypeError),
        ("max_megabytes", "20", TypeError),
        ("max_megabytes", -1, ValueError),
        ("max_megabytes", float("nan"), ValueError),
    ],
)
def test_impossible_values_are_refused(name, value, error):
    with pytest.raises(error, match=f"{name} is "):
        PageOptions(**{name: value})


def test_no_heat_maps_and_no_limit_are_possible():
    assert PageOptions(top=0, max_megabytes=float("inf")).top == 0
