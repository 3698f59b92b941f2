"""The grid shows the pictures, the maps and their correlations; no text covers another."""

import io
import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from invert_captum.alignment.figures.map_grid import plot_maps
from invert_captum.alignment.figures.overlays import picture_of, strength


@pytest.fixture
def images():
    return torch.rand(5, 3, 16, 20, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def people():
    return torch.rand(5, 16, 20, generator=torch.Generator().manual_seed(1))


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_a_row_a_picture_and_a_column_a_model(images, people):
    figure = plot_maps(images, people, {"before": people, "after": -people}, n=3)
    assert len(figure.axes) == 3 * 4
    assert texts(figure)[:4] == ["Picture", "Human map", "before", "after"]
    np.testing.assert_allclose(figure.axes[4].images[0].get_array(), images[1].permute(1, 2, 0))
    np.testing.assert_allclose(figure.axes[1].images[1].get_array(), strength(people[0].numpy()))
    assert texts(figure).count("Spearman 1.00") == 3
    assert texts(figure).count("Spearman −1.00") == 3


def test_correlations_are_those_of_scipy_or_as_given(images, people):
    maps = torch.rand(5, 16, 20)
    figure = plot_maps(images, people, {"model": maps}, n=9)
    for row in range(5):
        rho = stats.spearmanr(people[row].flatten(), maps[row].flatten()).statistic
        assert any(text.replace("−", "-").endswith(f" {rho:.2f}") for text in texts(figure)) or (
            abs(rho) < 0.005
        )
    given = plot_maps(images, people, {"model": maps}, scores={"model": [0.5, -0.001, *[0.1] * 3]})
    assert "Spearman 0.50" in texts(given)
    assert "Spearman 0.00" in texts(given)


def test_constant_maps_are_named(images, people):
    figure = plot_maps(images, people, {"model": torch.ones(5, 16, 20)}, n=1)
    assert "a constant map" in texts(figure)


def test_no_text_covers_another_or_a_tile(images, people):
    long = "a name that is longer than any column of a figure could ever be"
    figure = plot_maps(images, people, {long: people, "b": people}, titles=[long] * 5, n=2)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
    boxes += [axes.bbox for axes in figure.axes]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1


@pytest.mark.parametrize("size", [(20, 80), (80, 20)])
def test_tiles_are_no_higher_than_their_pictures(size):
    picture, maps = torch.rand(1, 3, *size), torch.rand(1, *size)
    figure = plot_maps(picture, maps, {"model": maps}, titles=["title"])
    figure.canvas.draw()
    (title,) = (text for text in figure.texts if text.get_text() == "title")
    drawn = figure.axes[0].get_window_extent()
    assert drawn.height / drawn.width == pytest.approx(size[0] / size[1], rel=0.01)
    assert 0 < drawn.y0 - title.get_window_extent().y1 < title.get_window_extent().height


def test_maps_may_be_coarser_than_pictures(images):
    coarse = np.random.default_rng(0).random((5, 4, 5))
    figure = plot_maps(images, coarse, {"model": coarse}, n=1)
    assert figure.axes[1].images[1].get_extent() == figure.axes[1].images[0].get_extent()
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    assert picture.getvalue()


def test_pictures_of_any_range_are_drawn():
    whole = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    np.testing.assert_allclose(picture_of(whole)[..., 0], whole[0] / 255)
    grey = picture_of(np.array([[[0.25, 0.5]]]))
    assert grey.shape == (1, 2, 3)
    assert (grey[0, 1] == 0.5).all()
    normalised = picture_of(np.array([[[-2.0, 2.0]]]))
    assert normalised[0, :, 0].tolist() == [0, 1]


def test_a_map_is_strongest_from_its_99th_percentile_on():
    values = np.arange(1000.0).reshape(10, 100)
    shown = strength(values)
    assert (shown == 1).sum() == 10
    assert shown.min() == 0
    spot = np.zeros((100, 100))
    spot[3, 4] = 2
    assert strength(spot)[3, 4] == 1
    assert strength(spot).sum() == 1


def test_bad_input_is_refused(images, people):
    def refused(error, message, *arguments, **more):
        with pytest.raises(error, match=message):
            plot_maps(*arguments, **more)

    maps = {"model": people}
    refused(ValueError, r"images has shape \(5, 16, 20\)", people, people, maps)
    refused(ValueError, r"heatmaps has shape \(5, 1, 16, 20\)", images, people[:, None], maps)
    refused(
        ValueError,
        r"maps\['model'\] has shape \(4, 16, 20\)",
        images,
        people,
        {"model": people[1:]},
    )
    refused(ValueError, "maps is empty", images, people, {})
    refused(ValueError, "heatmaps has NaN", images, people / 0 * 0, maps)
    refused(ValueError, "images have 2 channels", images[:, :2], people, maps)
    refused(TypeError, "images is of complex64", images + 0j, people, maps)
    refused(ValueError, "titles has 1 entries", images, people, maps, titles=["a"])
    refused(ValueError, "scores has 'other'", images, people, maps, scores={"other": [0.1] * 5})
    refused(
        ValueError, r"scores\['model'\] has shape", images, people, maps, scores={"model": [0.1]}
    )
    form = r"maps is a Tensor of shape \(5, 16, 20\); expected the form \{\"model\": maps\}"
    refused(TypeError, form, images, people, people)
    form = r"scores is a list; expected the form \{\"model\": scores\}"
    refused(TypeError, form, images, people, maps, scores=[0.1] * 5)
    refused(ValueError, "n is 0", images, people, maps, n=0)
