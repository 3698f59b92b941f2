from __future__ import annotations

import warnings

import numpy as np
import pytest
from captum.attr import visualization
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from invert_captum.report.heat_maps import SHOWN, draw_heat_map, heat_colours

PICTURE = np.random.default_rng(0).random((16, 16, 3))


def drawn(heat, sign, picture=PICTURE):
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = draw_heat_map(axes, figure, picture, heat, sign)
    return axes, said


@pytest.mark.parametrize("sign", SHOWN)
def test_what_is_drawn_is_what_captum_makes_of_the_attributions(sign):
    heat = np.random.default_rng(1).normal(size=(16, 16))
    axes, said = drawn(heat, sign)
    figure = Figure()
    FigureCanvasAgg(figure)
    other = figure.add_axes((0, 0, 1, 1))
    visualization.visualize_image_attr(
        heat[:, :, None],
        PICTURE,
        "blended_heat_map",
        sign,
        plt_fig_axis=(figure, other),
        use_pyplot=False,
    )
    assert said
    assert np.allclose(axes.images[1].get_array(), other.images[1].get_array())


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_map_of_any_scale_is_the_same_map(scale):
    heat = np.random.default_rng(1).normal(size=(16, 16))
    axes, _ = drawn(scale * heat, "positive")
    assert np.allclose(axes.images[1].get_array(), drawn(heat, "positive")[0].images[1].get_array())


@pytest.mark.parametrize(
    ("sign", "heat"),
    [
        ("positive", -np.ones((4, 4))),
        ("negative", np.ones((4, 4))),
        ("all", np.zeros((4, 4))),
        ("absolute_value", np.zeros((4, 4))),
    ],
)
def test_a_map_with_nothing_of_its_sign_is_silent(sign, heat):
    axes, said = drawn(heat, sign)
    assert not said
    assert len(axes.images) == 1


@pytest.mark.parametrize(("sign", "value"), [("positive", 0.5), ("negative", 0.25), ("all", 0.25)])
def test_fine_maps_are_averaged_over_cells(sign, value):
    """Every cell has single pixels of 1 and −½, half of either; one cell has them twice as high."""
    heat = np.tile([[1.0, -0.5], [-0.5, 1.0]], (112, 112))
    heat[:4, :4] *= 2
    axes, _ = drawn(heat, sign)
    shown = np.asarray(axes.images[1].get_array())
    assert shown.shape == (56, 56)
    assert shown[0, 0] == pytest.approx(1)
    assert shown[1:, 1:] == pytest.approx(shown[1, 1])
    # Captum takes what holds the last 2 % of all attributions for the highest.
    assert shown[1, 1] == pytest.approx(1, abs=0.01)


def test_a_flat_picture_keeps_its_grey():
    axes, _ = drawn(np.eye(16), "positive", np.ones((16, 16, 3)))
    assert axes.images[0].get_clim() == (0, 255)
    assert (axes.images[0].get_array() == 255).all()


def test_no_attribution_lets_the_picture_through():
    for sign, nothing in (("positive", 0.0), ("negative", 0.0), ("all", 0.5)):
        colours = heat_colours(sign)
        assert colours(nothing)[3] < 0.2
        assert colours(1.0)[3] > 0.9


def test_one_sign_grows_lighter_all_the_way():
    shades = heat_colours("positive")(np.linspace(0, 1, 30))[:, :3]
    assert (np.diff(shades @ [0.2126, 0.7152, 0.0722]) > 0).all()
