from __future__ import annotations

import numpy as np
import pytest
from drawn_text import HOSTILE_NAMES, assert_inside, assert_readable, axes_of, told
from matplotlib.colors import to_hex
from PIL import Image
from test_waterfall import contributions_of

import invert_captum as ic
from invert_captum.report.contributions import plot_contributions
from invert_captum.report.theme import DARK, LIGHT
from invert_captum.report.waterfall import waterfall


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_is_told_and_can_be_read(theme):
    contributions = contributions_of([f"concept-{i % 17}" for i in range(40)])
    picture = Image.new("RGB", (30, 20), "red")
    figure = plot_contributions(
        contributions, 1, top=6, target_name="mosque", picture=picture, theme=theme
    )
    words = told(figure)
    steps = waterfall(contributions, 1, 6)
    assert len(steps) == 11
    for step in steps:
        assert step.name in words
        assert step.text in words
    assert "mosque: " in words
    assert "40 labelled neurons, 17 labels" in words
    assert_readable(figure)
    ground = {"light": LIGHT, "dark": DARK}[theme].ground
    assert to_hex(figure.get_facecolor()).lower() == ground.lower()


def test_bars_are_the_steps_in_the_colours_of_their_signs():
    contributions = contributions_of("abcdef")
    axes = axes_of(plot_contributions(contributions), "waterfall")
    steps = [step for step in waterfall(contributions, 0, 10) if step.kind != "total"]
    assert len(axes.patches) == len(steps)
    for bar, step in zip(axes.patches, steps, strict=True):
        ends = sorted((bar.get_x(), bar.get_x() + bar.get_width()))
        assert ends == pytest.approx(sorted((step.begin, step.end)))
        colour = LIGHT.inside if step.end >= step.begin else LIGHT.outside
        assert to_hex(bar.get_facecolor()).lower() == colour.lower()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_numbers_stay_beside_their_bars_and_on_the_axes(seed, scale):
    contributions = contributions_of([f"c{i}" for i in range(9)], seed=seed, scale=scale)
    assert_readable(plot_contributions(contributions))


def test_a_change_of_nothing_is_drawn():
    contributions = contributions_of("ab", scale=0.0)
    figure = plot_contributions(contributions)
    assert "+0.00" in told(figure)
    assert_readable(figure)


def test_means_say_so():
    figure = plot_contributions(contributions_of("abc", n_samples=4).mean())
    assert "mean of 4" in told(figure)
    assert "± standard error" in told(figure)
    assert_readable(figure)
    long = plot_contributions(
        contributions_of("abc", n_samples=9).mean(), target_name="mosque " * 9
    )
    assert_inside(long, 60)


@pytest.mark.parametrize("shape", [(300, 3), (3, 300), (9, 9)])
def test_pictures_of_any_shape(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    figure = plot_contributions(contributions_of("abc"), picture=picture)
    assert_readable(figure)


def test_hostile_names_are_text(tmp_path):
    for target in HOSTILE_NAMES[2::3]:
        figure = plot_contributions(contributions_of(HOSTILE_NAMES), target_name=target)
        assert_readable(figure)
    figure.savefig(tmp_path / "figure.png")
    assert '"$x^2$ & $y"' in told(figure)


def test_the_method_of_the_result_draws_the_same(activations, concepts):
    result = ic.label_neurons(activations, concepts)
    contributions = contributions_of("ab")
    by_method = result.plot_contributions(contributions, 1, top=1)
    assert told(by_method) == told(plot_contributions(contributions, 1, top=1))


def test_refusals():
    with pytest.raises(ValueError, match="top is 0"):
        plot_contributions(contributions_of("ab"), top=0)
    with pytest.raises(ValueError, match="theme is 'grey'"):
        plot_contributions(contributions_of("ab"), theme="grey")
    with pytest.raises(ValueError, match="sample is 5"):
        plot_contributions(contributions_of("ab"), 5)
