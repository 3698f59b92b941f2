"""Points, arrows and intervals stand where the numbers are; no text covers another."""

import io
import itertools

import numpy as np
import pandas as pd
import pytest

from invert_captum.alignment.evaluation.alignment_scores import AlignmentScores
from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings
from invert_captum.alignment.figures.accuracy_and_alignment import plot_accuracy_and_alignment

POINTS = {
    "VGG16": (0.672, 0.23, 0.22, 0.24),
    "VGG16 harmonized": (0.693, 0.615, 0.60, 0.63),
    "ResNet50": (0.760, 0.335, 0.32, 0.35),
    "ResNet50 harmonized": (0.772, 0.450, 0.44, 0.46),
    "EfficientNetB0": (0.777, 0.25, 0.24, 0.26),
    "EfficientNetB0 harmonized": (0.778, 0.448, 0.44, 0.456),
    "ConvNeXt": (0.82, 0.31, 0.30, 0.32),
}
PAIRS = [(name, f"{name} harmonized") for name in ("VGG16", "ResNet50", "EfficientNetB0")]


def markers(figure):
    lines = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    return np.array([np.ravel(line.get_data()) for line in lines])


def names(figure):
    return [text for text in figure.axes[0].texts if text.get_text()]


def test_points_and_intervals_are_in_percent():
    figure = plot_accuracy_and_alignment(POINTS, pairs=PAIRS)
    expected = 100 * np.array([point[:2] for point in POINTS.values()])
    np.testing.assert_allclose(markers(figure), expected)
    (interval, *_) = (line for line in figure.axes[0].lines if line.get_linewidth() == 1.6)
    np.testing.assert_allclose(interval.get_ydata(), [22, 24])
    low, high = figure.axes[0].get_xlim()
    assert low < 67.2 < 82 < high


def test_arrows_go_from_before_to_after():
    figure = plot_accuracy_and_alignment(POINTS, pairs=PAIRS)
    arrows = [text for text in figure.axes[0].texts if not text.get_text()]
    np.testing.assert_allclose(arrows[0].xy, (69.3, 61.5))
    np.testing.assert_allclose(arrows[0].xyann, (67.2, 23))
    assert len(arrows) == len(PAIRS)
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["before", "after"]
    assert plot_accuracy_and_alignment(POINTS).axes[0].get_legend() is None


def test_no_text_covers_another_and_all_is_inside():
    figure = plot_accuracy_and_alignment(POINTS, pairs=PAIRS, title="A title " * 30)
    figure.canvas.draw()
    axes = figure.axes[0]
    legend = axes.get_legend().get_texts()
    texts = [*names(figure), *legend, *figure.texts, axes.xaxis.label, axes.yaxis.label]
    boxes = [text.get_window_extent() for text in texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
    assert {text.get_text() for text in names(figure)} == set(POINTS)


def test_no_accuracy_is_marked_below_0_or_above_100():
    for accuracies in ((0.95, 1.0), (0.0, 0.01), (0.0, 1.0)):
        axes = plot_accuracy_and_alignment({str(a): (a, 0.5) for a in accuracies}).axes[0]
        low, high = axes.get_xlim()
        assert low < 0 or high > 100
        ticks = axes.get_xticks()
        assert len(ticks) >= 3
        assert max(low, 0) <= ticks.min() < ticks.max() <= min(high, 100)


def test_long_names_and_titles_take_two_lines():
    long = "a model whose name takes two lines"
    figure = plot_accuracy_and_alignment({long: (0.5, 0.5)}, title="A long title " * 6)
    (name,) = names(figure)
    assert name.get_text().split() == long.split()
    assert name.get_text().count("\n") == 1
    (title,) = figure.texts
    assert title.get_text().split() == ["A", "long", "title"] * 6
    figure.canvas.draw()
    assert figure.axes[0].bbox.y1 < title.get_window_extent().y0
    assert title.get_window_extent().y1 < figure.bbox.y1


def test_a_frame_gives_the_same_as_a_mapping():
    columns = ["accuracy", "alignment", "low", "high"]
    frame = pd.DataFrame.from_dict(POINTS, orient="index", columns=columns)
    by_frame, by_mapping = map(plot_accuracy_and_alignment, (frame, POINTS))
    np.testing.assert_allclose(markers(by_frame), markers(by_mapping))
    without = plot_accuracy_and_alignment(frame[["alignment", "accuracy"]])
    np.testing.assert_allclose(markers(without), markers(by_mapping))


def test_scores_stand_for_their_accuracy_alignment_and_interval():
    n = 8
    zeros = np.zeros(n, dtype=np.int64)
    scores = AlignmentScores(
        np.linspace(0.1, 0.5, n), np.zeros(n), np.zeros(n), zeros, np.arange(n) // 6, np.arange(n),
        n_left_out=0, human_ceiling=0.6, settings=EvaluationSettings(n_resamples=99),
    )  # fmt: skip
    figure = plot_accuracy_and_alignment({"a": scores, "b": (0.5, 0.5)})
    np.testing.assert_allclose(markers(figure)[0], [75, 50])
    (interval,) = (line for line in figure.axes[0].lines if line.get_linewidth() == 1.6)
    np.testing.assert_allclose(interval.get_ydata(), 100 * np.array(scores.interval))


def test_one_point_without_interval_is_drawn_and_saved():
    figure = plot_accuracy_and_alignment({"$a_b$": (0.5, -0.1), "nan": (0.5, 0.1, np.nan, np.nan)})
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    assert picture.getvalue()
    assert names(figure)[0].get_text() == "$a_b$"


def refused(error, message, points, **arguments):
    with pytest.raises(error, match=message):
        plot_accuracy_and_alignment(points, **arguments)


def test_bad_points_and_pairs_are_refused():
    refused(ValueError, "points is empty", {})
    refused(TypeError, "points is 3", 3)
    refused(ValueError, "has accuracy 67.2; expected a share", {"a": (67.2, 0.2)})
    refused(ValueError, "has 3 values", {"a": (0.6, 0.2, 0.1)})
    refused(ValueError, "expected finite numbers", {"a": (0.6, np.nan)})
    refused(ValueError, "interval 0.3 to 0.2", {"a": (0.6, 0.25, 0.3, 0.2)})
    refused(ValueError, "expected accuracy and alignment", pd.DataFrame({"accuracy": [0.5]}))
    twice = pd.DataFrame({"accuracy": [0.5] * 2, "alignment": [0.5] * 2}, index=["a", "a"])
    refused(ValueError, "a name twice", twice)
    refused(ValueError, "pairs has 'vgg16', which no point has", POINTS, pairs=[("vgg16", "VGG16")])
    typo = r"pairs has 'xyz', which no point has; expected names of points: 'VGG16', .* and 2 more"
    refused(ValueError, typo, POINTS, pairs=[("xyz", "VGG16")])
    refused(ValueError, "expected \\(before, after\\)", POINTS, pairs=[("VGG16",)])
    refused(TypeError, "pairs is 'VGG16'", POINTS, pairs=["VGG16"])
