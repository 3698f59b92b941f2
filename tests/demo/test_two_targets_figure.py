from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from invert_captum.demo.two_targets import Views
from invert_captum.demo.two_targets_figure import draw_two_targets
from invert_captum.report.theme import LIGHT

NAMES = ["cat", "dog", "fox", "elk", "cow", "ox"]
CREDIT = "Drawn by hand."


def views_of(**changed):
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(3, 1, 32, 32)
    masks[0, :, :, :16], masks[1, :, :, 16:], masks[2] = 1, 1, 0.5
    on_picture = torch.tensor([0.3, 0.05, 0.2, 0.15, 0.1, 0.2])
    made = {
        "picture": torch.rand(3, 32, 32, generator=generator),
        "masks": masks,
        "kept": torch.rand(3, 3, 32, 32, generator=generator),
        "on_picture": on_picture,
        "on_kept": torch.eye(6)[[2, 3, 0]],
        "on_rest": torch.eye(6)[[3, 2, 1]],
    }
    return Views(**(made | changed))


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def pixels_of(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3]


def test_figure_names_classes_guesses_and_credit():
    texts = texts_of(draw_two_targets(views_of(), [2, 3], NAMES, CREDIT))
    assert "What in this picture says “fox”, and what “elk”?" in texts
    assert CREDIT in texts
    assert {"cat", "fox", "ox", "elk", "cow"} <= set(texts)
    assert "dog" not in texts
    assert texts.count("kept") == 4  # three columns, and the scale


def test_probabilities_stand_behind_their_bars():
    texts = texts_of(draw_two_targets(views_of(), [2, 3], NAMES, CREDIT))
    shares = [text for text in texts if text.endswith(" %")]
    guesses = ["30 %", "20 %", "20 %", "15 %", "10 %"]
    columns = [["100 %", "0 %", "0 %", "100 %"], ["0 %", "100 %", "100 %", "0 %"], ["0 %"] * 4]
    expected = guesses + [one for rest in columns for one in ["20 %", "15 %", *rest]]
    assert shares == expected


def test_bars_are_as_long_as_their_probabilities_and_coloured_by_class():
    figure = draw_two_targets(views_of(), [2, 3], NAMES, CREDIT)
    bars = [one for one in figure.get_children() if isinstance(one, Rectangle)]
    bars.remove(figure.patch)
    widths = [bar.get_width() for bar in bars]
    assert widths[:5] == pytest.approx(
        [widths[0] * share / 0.3 for share in (0.3, 0.2, 0.2, 0.15, 0.1)]
    )
    colours = [bar.get_facecolor()[:3] for bar in bars[:5]]
    assert colours.count(to_rgb(LIGHT.inside)) == colours.count(to_rgb(LIGHT.outside)) == 1


def test_tiles_show_what_is_kept_and_the_masks_in_their_order():
    views = views_of()
    figure = draw_two_targets(views, [2, 3], NAMES, CREDIT)
    shown = [image.get_array() for axes in figure.axes for image in axes.images]
    masks = [one for one in shown if one.shape == (32, 32) and set(np.unique(one)) <= {0, 0.5, 1}]
    assert len(masks) == 3
    for mask, expected in zip(masks, views.masks[:, 0].numpy(), strict=True):
        np.testing.assert_array_equal(mask, expected)
    kept = [one for one in shown if one.shape == (32, 32, 3)][1:]
    for one, expected in zip(kept, views.kept.permute(0, 2, 3, 1).numpy(), strict=True):
        np.testing.assert_allclose(one, expected)


@pytest.mark.parametrize("names", [NAMES, ["a class with a very long name, " * 8] * 6])
def test_nothing_is_cut_off_at_the_edges(names):
    pixels = pixels_of(draw_two_targets(views_of(), [2, 3], names, CREDIT))
    edge = 8
    inner = np.zeros(pixels.shape[:2], dtype=bool)
    inner[edge:-edge, edge:-edge] = True
    assert (pixels[~inner] == 255).all()
    assert (pixels[inner] != 255).any()


def test_a_dollar_in_a_name_is_no_formula():
    names = ["$x$"] * 6
    assert pixels_of(draw_two_targets(views_of(), [2, 3], names, CREDIT)).size
    assert "$x$" in texts_of(draw_two_targets(views_of(), [2, 3], names, CREDIT))


def test_other_numbers_of_targets_are_refused():
    with pytest.raises(ValueError, match="targets has 1 classes and views 3 masks; expected 2"):
        draw_two_targets(views_of(), [2], NAMES, CREDIT)
    with pytest.raises(ValueError, match="targets has 2 classes and views 2 masks; expected 2"):
        draw_two_targets(views_of(masks=torch.zeros(2, 1, 32, 32)), [2, 3], NAMES, CREDIT)
