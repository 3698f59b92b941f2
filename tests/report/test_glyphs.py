from __future__ import annotations

import warnings

from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from invert_captum.report.glyphs import drawable, in_reading_order

EVERYTHING = st.characters()


@given(st.text(EVERYTHING, max_size=30))
def test_any_text_is_drawn_on_one_line_without_a_warning(text):
    figure = Figure(figsize=(4, 1))
    FigureCanvasAgg(figure)
    style = {"parse_math": False, "family": "DejaVu Sans"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = figure.text(0, 0.5, drawable(text), **style)
        drawn.get_window_extent()
    assert "\n" not in drawn.get_text()


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"])))
def test_plain_text_stays(text):
    assert drawable(text) == text


def test_what_the_font_lacks_leaves_a_mark():
    assert drawable("dog 🐶") == "dog □"
    assert drawable("犬") == "□"
    # Joined with an invisible character: two pictures.
    assert drawable("👩\u200d🚀") == "□□"
    assert drawable("\ud800") == "□"


def test_names_from_right_to_left_are_closed_off_from_the_formula():
    mark = "\u200e"
    assert drawable('"שלום" & ~"عالم"') == f'{mark}"שלום"{mark} & ~{mark}"عالم"{mark}'
    assert drawable('"a \\" b" & c') == '"a \\" b" & c'
    assert in_reading_order("שלום") == f"{mark}שלום{mark}"
    assert in_reading_order("dog & ~cat") == "dog & ~cat"
