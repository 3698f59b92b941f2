from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_text import HOSTILE_NAMES, assert_readable, axes_of, told
from matplotlib.colors import to_hex

import invert_captum as ic
from invert_captum.report.concept_counts import ConceptCounts
from invert_captum.report.overview import plot_overview
from invert_captum.report.theme import DARK, LIGHT
from invert_captum.result import Explanation

SETTINGS = {"significance": "holdout", "correction": "holm", "alpha": 0.05}


def result_of(n_neurons=120, layers=(None,), names="abcdefgh", seed=0, **settings):
    rng = np.random.default_rng(seed)
    explanations = []
    for neuron in range(n_neurons):
        formula = ic.Formula.concept(str(rng.choice(list(names))))
        if rng.random() < 0.5:
            formula = formula & ~ic.Formula.concept("z")
        auc = float(rng.uniform(0.3, 1))
        explanations.append(
            Explanation(
                layers[neuron % len(layers)],
                neuron,
                0,
                formula,
                formula.length,
                auc=min(auc + 0.05, 1.0),
                heldout_auc=auc,
                significant=auc > 0.7,
            )
        )
    return ic.LabelingResult(
        tuple(explanations), {**SETTINGS, **settings}, keyed_by_layer=layers != (None,)
    )


def bars(axes):
    """The lengths of the bars, one row for each shade."""
    return np.array([[bar.get_width() for bar in group] for group in axes.containers])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_is_told_and_can_be_read(theme):
    result = result_of()
    figure = plot_overview(result, theme=theme)
    significant = sum(one.significant for one in result.explanations)
    words = told(figure)
    assert f"{significant} of 120 neurons have a significant label; 8 concepts" in words
    assert "correction: holm, alpha 0.05" in words
    assert_readable(figure)
    ground = {"light": LIGHT, "dark": DARK}[theme].ground
    assert to_hex(figure.get_facecolor()).lower() == ground.lower()


def test_bars_are_the_counts():
    result = result_of()
    axes = axes_of(plot_overview(result, top=5), "concepts 0")
    counts = ConceptCounts.of(result, pooled=False)
    expected = [part[:5, 0] for part in (counts.alone, counts.combined, counts.doubtful)]
    assert np.array_equal(bars(axes), expected)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(counts.names[:5])


def test_the_histogram_holds_every_label_once_and_parts_them_at_a_half():
    result = result_of()
    axes = axes_of(plot_overview(result), "fits 0")
    sure, doubtful = ([bar.get_height() for bar in group] for group in axes.containers)
    significant = [bool(one.significant) for one in result.explanations]
    assert (sum(sure), sum(doubtful)) == (sum(significant), 120 - sum(significant))
    edges = [bar.get_x() for bar in axes.containers[0]]
    below = [bar.get_height() for bar in axes.containers[1] if bar.get_x() < 0.5 - 1e-9]
    assert min(abs(edge - 0.5) for edge in edges) < 1e-12
    assert sum(below) == sum(one.heldout_auc < 0.5 for one in result.explanations)


@pytest.mark.parametrize("count", [2, 4])
def test_layers_stand_side_by_side(count):
    layers = tuple(f"features.{layer}.conv.block.expansion" for layer in range(count))
    result = result_of(layers=layers)
    figure = plot_overview(result)
    counts = ConceptCounts.of(result, pooled=False)
    for column in range(count):
        axes = axes_of(figure, f"concepts {column}")
        expected = [part[:, column] for part in (counts.alone, counts.combined, counts.doubtful)]
        assert np.array_equal(bars(axes), expected)
        heights = [bar.get_height() for bar in axes_of(figure, f"fits {column}").patches]
        assert sum(heights) == sum(one.layer == layers[column] for one in result.explanations)
    assert_readable(figure)


def test_more_layers_are_taken_together():
    figure = plot_overview(result_of(layers=tuple("vwxyz")))
    assert "5 layers taken together" in told(figure)
    assert len(figure.axes) == 2
    assert_readable(figure)


def test_labels_that_held_out_samples_cannot_test_are_left_out_of_the_histogram():
    result = result_of(40)
    untried = [
        replace(one, auc=0.99, heldout_auc=np.nan, significant=False) if place < 3 else one
        for place, one in enumerate(result.explanations)
    ]
    figure = plot_overview(replace(result, explanations=tuple(untried)))
    axes = axes_of(figure, "fits 0")
    assert sum(bar.get_height() for bar in axes.patches) == 37
    assert "3 without an AUC on held-out samples" in told(figure)
    assert "without an AUC" not in told(plot_overview(result))


def test_untested_labels_are_not_called_doubtful():
    result = result_of(significance=None)
    untested = tuple(replace(one, significant=None) for one in result.explanations)
    figure = plot_overview(replace(result, explanations=untested))
    words = told(figure)
    assert "120 of 120 neurons have a label; 8 concepts" in words
    assert "not tested" in words
    assert "significant" not in words
    assert_readable(figure)


def test_in_sample_significance_is_no_evidence(activations, concepts):
    figure = plot_overview(ic.label_neurons(activations, concepts, significance="in_sample"))
    assert "significant in-sample" in told(figure)
    assert "no valid evidence" in told(figure)
    assert "AUC on the searched samples" in told(figure)


def test_what_the_bars_leave_out_is_said():
    result = result_of()
    negated = Explanation(
        None, 200, 0, ic.Formula.parse("~a"), 1, auc=0.9, heldout_auc=0.9, significant=True
    )
    more = (*result.explanations, negated, Explanation(None, 201, 0, None))
    words = told(plot_overview(replace(result, explanations=more)))
    assert "1 set aside" in words
    assert "labels that only negate concepts: 1" in words


def test_one_neuron_and_no_asserted_concept():
    result = result_of(1)
    assert "0 of 1 neuron has a significant label; 0 concepts" in told(plot_overview(result))
    sure = replace(result.explanations[0], significant=True)
    result = replace(result, explanations=(sure,))
    assert "1 of 1 neuron has a significant label; 1 concept" in told(plot_overview(result))
    negated = replace(result.explanations[0], formula=ic.Formula.parse("~a"), length=1)
    figure = plot_overview(replace(result, explanations=(negated,)))
    assert "no label asserts a concept" in told(figure)
    assert_readable(figure)


@pytest.mark.parametrize("auc", [0.0, 0.5, 1.0])
def test_labels_of_the_same_auc(auc):
    result = result_of(3)
    same = tuple(replace(one, heldout_auc=auc) for one in result.explanations)
    figure = plot_overview(replace(result, explanations=same))
    axes = axes_of(figure, "fits 0")
    assert sum(bar.get_height() for bar in axes.patches) == 3
    assert_readable(figure)


def test_hostile_names_and_layers_are_text(tmp_path):
    figure = plot_overview(result_of(names=HOSTILE_NAMES, layers=("$l$", "שכבה", "🐶", "<b>" * 40)))
    figure.savefig(tmp_path / "figure.png")
    assert_readable(figure)
    assert "$x^2$ & $y" in told(figure)


def test_the_method_of_the_result_draws_the_same():
    assert told(result_of().plot_overview(top=3)) == told(plot_overview(result_of(), top=3))


def test_refusals():
    with pytest.raises(ValueError, match="top is 0"):
        plot_overview(result_of(), top=0)
    with pytest.raises(ValueError, match="theme is 'grey'"):
        plot_overview(result_of(), theme="grey")
    nothing = ic.LabelingResult((Explanation(None, 0, 0, None),), SETTINGS)
    with pytest.raises(ValueError, match="result has no label: all neurons were set aside"):
        plot_overview(nothing)
