from __future__ import annotations

import pytest
from matplotlib.font_manager import FontProperties

from invert_captum.report.text_fit import text_width, wrap

FONT = FontProperties(family="DejaVu Sans", size=12)


@pytest.mark.parametrize("text", ["a & b", "word " * 40, "x" * 300, "cost $5$ & ~$x$ | y", ""])
def test_no_line_is_wider_than_asked(text):
    lines = wrap(text, 2.0, FONT, lines=3)
    assert 1 <= len(lines) <= 3
    assert all(text_width(line, FONT) <= 2.0 for line in lines)


def test_text_that_fits_is_kept():
    assert wrap("dog & ~cat", 5.0, FONT, lines=2) == ["dog & ~cat"]
    assert " ".join(wrap("dog & ~cat & ~red", 1.0, FONT, lines=9)) == "dog & ~cat & ~red"


def test_what_is_left_out_shows_as_an_ellipsis():
    assert wrap("word " * 40, 1.0, FONT, lines=2)[-1].endswith("…")
    assert wrap("x" * 300, 1.0, FONT, lines=2)[0].endswith("…")


def test_dollars_are_not_mathematics():
    assert text_width("$x^2$", FONT) == pytest.approx(text_width("Sx^2S", FONT), rel=0.1)
