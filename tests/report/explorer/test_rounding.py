from __future__ import annotations

import math

import pytest

from invert_captum.report.explorer.rounding import rounded


@pytest.mark.parametrize(
    ("number", "digits", "expected"),
    [(1234567.0, 6, 1234570.0), (-1.23456e-300, 4, -1.235e-300), (0.0, 6, 0.0)],
)
def test_significant_digits_are_kept(number, digits, expected):
    assert rounded(number, digits) == expected


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_none(number):
    assert rounded(number) is None
