from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_text import HOSTILE_NAMES, assert_inside, assert_readable, axes_of, told
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from PIL import Image
from sklearn.metrics import auc

import invert_captum as ic
from invert_captum.report.neuron_figure import plot_neuron
from invert_captum.report.theme import DARK, LIGHT
from invert_captum.result.views import ResultViews


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, min_positives=5)


def picture(index: int) -> Image.Image:
    return Image.new("RGBA", (20 + index % 7, 30), (index % 256, 10, 200, 128))


def heat(index: int) -> np.ndarray:
    return np.random.default_rng(index).normal(size=(3, 8, 8))


def draw(result, activations, concepts, *arguments, neuron=0, **options):
    options = {"n_bootstrap": 30, **options}
    return plot_neuron(result, neuron, activations, concepts, *arguments, **options)


def tiles(figure, kind):
    return [axes for axes in figure.axes if str(axes.get_gid()).startswith(kind)]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_is_told_and_can_be_read(result, activations, concepts, theme):
    figure = draw(result, activations, concepts, picture, heat, credit="© us", theme=theme)
    assert_readable(figure)
    best, words = result[0][0], told(figure)
    n_positive = best.formula.evaluate(concepts)[result.heldout].sum()
    for fact in (
        str(best.formula),
        f"AUC {best.auc:.3f}",
        f"held out {best.heldout_auc:.3f}",
        f"{best.auc_low:.3f} to {best.auc_high:.3f}",
        f"adjusted p {best.p_adjusted:.1e}",
        f"{best.n_positive} of 600 samples",
        f"on {result.heldout.sum()} held-out samples, {n_positive} positive",
        "Most excited",
        "Least excited",
        "© us",
    ):
        assert fact in words
    colours = {"light": LIGHT, "dark": DARK}[theme]
    assert to_hex(figure.get_facecolor()).lower() == colours.ground.lower()
    assert figure.get_facecolor()[3] == 1


def test_curve_and_band_are_those_of_the_view(result, activations, concepts):
    axes = axes_of(draw(result, activations, concepts), "roc")
    (curve,) = [line for line in axes.lines if line.get_gid() == "curve"]
    area = auc(curve.get_xdata(), curve.get_ydata())
    assert area == pytest.approx(result[0][0].heldout_auc, abs=1e-12)
    assert [each.get_gid() for each in axes.collections] == ["band"]
    bare = axes_of(draw(result, activations, concepts, n_bootstrap=0), "roc")
    assert not bare.collections


def test_without_pictures_the_figure_is_smaller(result, activations, concepts):
    small = draw(result, activations, concepts)
    middle = draw(result, activations, concepts, picture)
    large = draw(result, activations, concepts, picture, heat)
    heights = [figure.get_size_inches()[1] for figure in (small, middle, large)]
    assert heights == sorted(set(heights))
    assert "Most excited" not in told(small)
    assert_readable(small)
    assert_readable(middle)


def test_the_most_and_the_least_excited_inputs_are_shown_and_framed(result, activations, concepts):
    figure = draw(result, activations, concepts, picture, heat, n_inputs=4)
    order = np.argsort(activations[:, 0])
    shown = [int(axes.get_gid().split()[1]) for axes in tiles(figure, "picture")]
    assert shown == [*order[::-1][:4].tolist(), *order[:4].tolist()]
    assert [int(axes.get_gid().split()[-1]) for axes in tiles(figure, "heat map")] == shown[:4]
    frames = [artist.get_gid() for artist in figure.artists + figure.patches]
    members = result[0][0].formula.evaluate(concepts)
    assert frames.count("holds") == members[shown].sum()
    assert frames.count("does not hold") == 8 - members[shown].sum()


def test_many_inputs_of_equal_activation_are_counted(result, activations, concepts):
    figure = draw(result, activations, concepts, picture, neuron=1)
    n_zero = int((activations[:, 1] == 0).sum())
    assert f"6 of {n_zero} at exactly 0" in told(figure)
    assert "of them at exactly 0" in told(figure)


def test_maps_of_zeros_are_called_silent(result, activations, concepts):
    figure = draw(result, activations, concepts, picture, lambda _: np.zeros((8, 8)))
    assert told(figure).count("silent") == 6
    assert_readable(figure)


@pytest.mark.parametrize("sign", ["positive", "negative", "absolute_value", "all"])
def test_every_sign_of_captum_is_drawn(result, activations, concepts, sign):
    figure = draw(result, activations, concepts, picture, heat, sign=sign, n_inputs=2)
    assert len(tiles(figure, "heat map")) == 2
    assert_readable(figure)


def test_images_may_be_a_tensor_and_attributions_a_mapping(result, activations, concepts):
    images = torch.randn(600, 3, 6, 9)
    top = np.argsort(-activations[:, 0])[:2].tolist()
    maps = {index: torch.rand(6, 9) for index in top}
    figure = draw(result, activations, concepts, images, maps, n_inputs=2)
    assert len(tiles(figure, "heat map")) == 2
    channels_last = images.permute(0, 2, 3, 1).numpy()
    draw(result, activations, concepts, channels_last, n_inputs=2)


@pytest.mark.parametrize("count", [1, 8])
def test_any_number_of_inputs(result, activations, concepts, count):
    figure = draw(result, activations, concepts, picture, n_inputs=count)
    assert len(tiles(figure, "picture")) == 2 * count
    assert_readable(figure)


def test_no_more_inputs_than_there_are(rng):
    labels = np.arange(9)[:, None] % 3 == np.arange(2)
    few, activations = ic.ConceptSet(labels, ["a", "b"]), rng.normal(size=(9, 1))
    result = ic.label_neurons(activations, few, min_positives=1, significance=None)
    figure = draw(result, activations, few, picture, n_inputs=20)
    assert len(tiles(figure, "picture")) == 18


@pytest.mark.parametrize("size", [(2, 300), (300, 2), (1, 1)])
def test_pictures_of_any_shape(result, activations, concepts, size):
    shape = np.zeros((*size, 3), np.uint8)
    figure = draw(result, activations, concepts, lambda _: shape, heat, n_inputs=2)
    assert_readable(figure)


def test_hostile_names_are_text(tmp_path, rng):
    labels = rng.random((300, len(HOSTILE_NAMES))) < 0.3
    activations = {"$layer$ <b>": rng.normal(size=labels.shape) + 3 * labels}
    concepts = ic.ConceptSet(labels, HOSTILE_NAMES)
    result = ic.label_neurons(activations, concepts, max_length=1)
    for key in result:
        figure = draw(result, activations, concepts, neuron=key)
        assert_readable(figure)
        if str(result[key][0].formula) == '"$x^2$ & $y"':
            assert '"$x^2$ & $y"' in told(figure)
        assert_inside(figure, 60)
    figure.savefig(tmp_path / "figure.png")


@pytest.mark.parametrize("significance", ["permutation", "in_sample", None])
def test_results_without_held_out_samples(activations, concepts, significance):
    result = ic.label_neurons(activations, concepts, significance=significance)
    figure = draw(result, activations, concepts)
    assert "on 600 searched samples, " in told(figure)
    assert "95% bootstrap" in told(figure)
    assert "so that it lies too high" in told(figure)
    assert_readable(figure)


def test_folds_say_what_their_auc_is_of(activations, concepts):
    result = ic.label_neurons(activations, concepts, n_folds=3)
    figure = draw(result, activations, concepts)
    best, words = result[0][0], told(figure)
    assert f"held out {best.heldout_auc:.3f}" in words
    assert "on 600 searched samples, " in words
    assert "Held out: the mean over folds, each with a label of its own." in words
    assert "so that it lies too high" in words
    assert_readable(figure)
    assert_inside(figure, 60)
    split = ic.label_neurons(activations, concepts)
    assert "too high" not in told(draw(split, activations, concepts))


def test_low_labels_are_drawn_from_low_to_high(activations, concepts):
    result = ic.label_neurons(activations, concepts, sign="negative")
    figure = draw(result, activations, concepts, neuron=2)
    best = result[2][0]
    words = told(figure)
    assert f"1 − AUC {1 - best.heldout_auc:.3f}" in words
    assert f"{1 - best.auc_high:.3f} to {1 - best.auc_low:.3f}" in words
    assert "the label is about low activations" in words


def test_a_part_without_positives_says_so(activations, concepts):
    result = ic.label_neurons(activations, concepts)
    labels = concepts.labels.toarray()
    labels[result.heldout] = False
    untried = replace(result[0][0], heldout_auc=np.nan, auc_low=np.nan, auc_high=np.nan)
    result = replace(result, explanations=(untried,))
    figure = draw(result, activations, ic.ConceptSet(labels, concepts.names))
    assert "no curve" in told(figure)
    assert_readable(figure)


def test_importing_the_figures_loads_neither_pyplot_nor_captum():
    modules = ("neuron_figure", "overview", "contributions")
    imports = "; ".join(f"import invert_captum.report.{module}" for module in modules)
    code = f"{imports}; import sys; assert not {{'matplotlib.pyplot', 'captum'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_heat_maps_leave_no_figure_with_pyplot(result, activations, concepts):
    draw(result, activations, concepts, picture, heat, n_inputs=1)
    assert not plt.get_fignums()


def test_the_method_of_the_result_draws_the_same(result, activations, concepts):
    figure = result.plot_neuron(0, activations, concepts, picture, n_bootstrap=10, n_inputs=2)
    assert len(tiles(figure, "picture")) == 4
    leading = list(inspect.signature(plot_neuron).parameters)[1:6]
    assert list(inspect.signature(ResultViews.plot_neuron).parameters)[1:6] == leading


def test_refusals(result, activations, concepts):
    with pytest.raises(ValueError, match="n_inputs is 0"):
        draw(result, activations, concepts, picture, n_inputs=0)
    with pytest.raises(ValueError, match="sign is 'both'; expected one of 'positive'"):
        draw(result, activations, concepts, picture, heat, sign="both")
    with pytest.raises(ValueError, match="theme is 'grey'"):
        draw(result, activations, concepts, theme="grey")
    with pytest.raises(ValueError, match="attributions is given without images"):
        draw(result, activations, concepts, None, heat)
    with pytest.raises(ValueError, match="images has 5 pictures"):
        draw(result, activations, concepts, [picture(0)] * 5)
    with pytest.raises(TypeError, match="attributions is a ndarray"):
        draw(result, activations, concepts, picture, heat(0))
