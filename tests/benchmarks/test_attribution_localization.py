import dataclasses

import numpy as np
import pytest
import scipy.stats
from PIL import Image
from small_network import SmallNetwork

import invert_captum as ic
from benchmarks import attribution_localization
from benchmarks.localization_of_neurons.canvas import draw_corners, paste
from benchmarks.localization_of_neurons.measures import Scores, area_ratio, concept_share
from benchmarks.localization_of_neurons.methods import METHODS, WITH_GOAL, baselines, check_colour
from benchmarks.localization_of_neurons.scenes import Scene, evenly, score
from benchmarks.localization_of_neurons.selection import (
    Subject,
    best_labelled,
    draw_pairs,
    draw_random_neurons,
    emoji_with_and_without,
    positive_concepts,
)
from benchmarks.results import Report, Table

METHOD = {method.name: method for method in METHODS}


def masks_of(*boxes, side=8):
    """One picture's masks from (top, left, height, width)."""
    masks = np.zeros((1, len(boxes), side, side), dtype=bool)
    for mask, (top, left, height, width) in zip(masks[0], boxes, strict=True):
        mask[top : top + height, left : left + width] = True
    return masks


def subject_of(neuron, shown=(), other=()):
    return Subject(neuron, ic.Formula.concept("a"), 0.9, np.array(shown), np.array(other))


def test_an_even_map_has_ratio_one_and_share_one_half():
    masks = masks_of((1, 1, 2, 3), (4, 4, 4, 4))
    maps = np.full((1, 8, 8), 0.3)
    assert area_ratio(maps, masks) == pytest.approx([1.0])
    assert concept_share(maps, masks) == pytest.approx([0.5])


def test_a_map_on_the_object_alone_has_the_greatest_ratio():
    masks = masks_of((1, 1, 2, 4), (4, 4, 4, 4))
    maps = masks[:, 0].astype(float)
    assert area_ratio(maps, masks) == pytest.approx([8.0])
    assert concept_share(maps, masks) == pytest.approx([1.0])


def test_measures_of_a_map_made_by_hand():
    """The object has 6 of 9 positive parts on 4 of 64 pixels; the other has 2 on 16."""
    masks = masks_of((0, 0, 2, 2), (4, 4, 4, 4))
    maps = np.zeros((1, 8, 8))
    maps[0, 0, 0], maps[0, 5, 5], maps[0, 0, 7] = 6, 2, 1
    assert area_ratio(maps, masks) == pytest.approx([6 / 9 * 16])
    assert concept_share(maps, masks) == pytest.approx([(6 / 4) / (6 / 4 + 2 / 16)])
    maps[0, 1, 1], maps[0, 4, 4] = -50, -50
    assert area_ratio(maps, masks) == pytest.approx([6 / 9 * 16])


@pytest.mark.parametrize("measure", [area_ratio, concept_share])
def test_measures_do_not_depend_on_the_scale(measure, rng):
    maps = rng.normal(size=(5, 8, 8))
    masks = np.repeat(masks_of((1, 0, 3, 3), (4, 5, 3, 2)), 5, axis=0)
    assert measure(7e-9 * maps, masks) == pytest.approx(measure(maps, masks))


def test_maps_that_are_nowhere_positive_are_silent():
    masks = np.repeat(masks_of((0, 0, 2, 2), (4, 4, 4, 4)), 3, axis=0)
    maps = np.zeros((3, 8, 8))
    maps[1] = -1
    maps[2, 3, 3] = 1  # on neither object
    np.testing.assert_array_equal(area_ratio(maps, masks), [np.nan, np.nan, 0])
    np.testing.assert_array_equal(concept_share(maps, masks), [np.nan, np.nan, np.nan])


def test_the_mask_is_where_the_drawing_is_opaque():
    drawing = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    drawing.paste((255, 0, 0, 255), (10, 5, 30, 25))
    drawing.paste((0, 0, 255, 60), (0, 30, 40, 40))  # a shadow
    canvas = paste([drawing], [(100, 50)], "white")
    expected = np.zeros((224, 224), dtype=bool)
    expected[55:75, 110:130] = True
    np.testing.assert_array_equal(canvas.masks, [expected])
    assert (canvas.pixels[expected] == [255, 0, 0]).all()
    outside = np.ones((224, 224), dtype=bool)
    outside[50:90, 100:140] = False
    assert (canvas.pixels[outside] == 255).all()
    assert np.asarray(canvas.picture()).shape == (224, 224, 3)


@pytest.mark.parametrize("size", [96, 110, 1])
def test_two_squares_lie_apart_on_the_canvas(size):
    rng = np.random.default_rng(0)
    placements = np.array([draw_corners(2, size, rng) for _ in range(50)])
    assert placements.min() >= 0
    assert placements.max() + size <= 224
    assert (np.abs(placements[:, 0] - placements[:, 1]).max(axis=1) >= size).all()
    assert len(np.unique(placements.reshape(50, -1), axis=0)) > 20


@pytest.mark.parametrize(("k", "size"), [(2, 113), (1, 225), (1, 0), (0, 50), (3, 50)])
def test_squares_without_room_are_refused(k, size, rng):
    with pytest.raises(ValueError, match=f"k is {k} and size is {size}; expected 1 square"):
        draw_corners(k, size, rng)


def test_one_square_may_be_anywhere(rng):
    corners = {draw_corners(1, 222, rng)[0] for _ in range(200)}
    assert corners == {(left, top) for left in range(3) for top in range(3)}


def test_the_other_emoji_have_nothing_of_the_label():
    labels = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 1], [1, 0, 0]], bool)
    concepts = ic.ConceptSet(labels, ["a", "b", "c"])
    formula = ic.Formula.parse("a & ~c | b")
    heldout = np.array([True, True, True, True, True, False])
    assert positive_concepts(formula) == ["a", "b"]
    shown, other = emoji_with_and_without(formula, concepts, heldout)
    # Sample 2 has a, although the formula fails; 5 is not held out.
    assert shown.tolist() == [0, 1]
    assert other.tolist() == [3, 4]


def test_pairs_are_drawn_without_repetition(rng):
    subject = subject_of(0, shown=range(10), other=range(20, 40))
    pairs = np.array(draw_pairs(subject, 6, rng))
    assert pairs.shape == (6, 2)
    assert set(pairs[:, 0]) <= set(range(10))
    assert set(pairs[:, 1]) <= set(range(20, 40))
    assert all(len(set(column)) == 6 for column in pairs.T)
    assert len(draw_pairs(subject_of(0, shown=[3, 4], other=range(9)), 6, rng)) == 2


def test_random_neurons_are_others(rng):
    subjects = [subject_of(neuron) for neuron in (0, 3, 4, 7)]
    for _ in range(20):
        drawn = draw_random_neurons(subjects, 9, rng)
        assert len(set(drawn)) == 4
        assert set(drawn) <= {1, 2, 5, 6, 8}


def test_the_best_neurons_are_significant_and_have_a_positive_literal(rng):
    """Neurons 0 and 1 follow a concept, 2 avoids one, 3 is noise."""
    labels = rng.random((600, 3)) < 0.3
    noise = rng.normal(size=(600, 4))
    effects = np.stack([3 * labels[:, 0], 2 * labels[:, 1], -3 * labels[:, 2], 0 * labels[:, 0]])
    concepts = ic.ConceptSet(labels, ["a", "b", "c"])
    result = ic.label_neurons(
        noise + effects.T, concepts, max_length=1, significance="holdout", max_fraction=1.0
    )
    assert str(result[2][0].formula) == "~c"
    subjects = best_labelled(result, concepts, 10)
    assert [(one.neuron, str(one.formula)) for one in subjects] == [(0, "a"), (1, "b")]
    heldout = result.heldout
    np.testing.assert_array_equal(subjects[0].shown, np.flatnonzero(heldout & labels[:, 0]))
    np.testing.assert_array_equal(subjects[0].other, np.flatnonzero(heldout & ~labels[:, 0]))
    assert [one.neuron for one in best_labelled(result, concepts, 1)] == [0]


def test_neurons_without_hold_out_are_refused(rng):
    concepts = ic.ConceptSet(rng.random((60, 2)) < 0.5, ["a", "b"])
    result = ic.label_neurons(rng.normal(size=(60, 2)), concepts, max_length=1, significance=None)
    with pytest.raises(ValueError, match="no held-out samples"):
        best_labelled(result, concepts, 1)


def test_scores_leave_out_silent_pictures():
    scores = Scores(
        subject=np.array([4, 4, 9, 9, 9]),
        labelled=np.array([0.9, np.nan, 0.8, 0.5, 0.6]),
        random=np.array([0.5, 0.4, np.nan, np.nan, 0.7]),
    )
    assert scores.silent() == pytest.approx((0.2, 0.4))
    assert scores.medians() == pytest.approx((0.7, 0.5))
    assert scores.means() == pytest.approx((0.7, 1.6 / 3))
    assert scores.differences() == pytest.approx([0.4, -0.1])


def test_p_values_are_those_of_scipy(rng):
    labelled, random = rng.normal(0.4, 1, 40), rng.normal(size=40)
    subject = np.repeat(np.arange(10), 4)
    scores = Scores(subject, labelled, random)
    expected = scipy.stats.wilcoxon(labelled, random, alternative="greater").pvalue
    assert scores.p_by_picture() == pytest.approx(expected)
    means = (labelled - random).reshape(10, 4).mean(axis=1)
    expected = scipy.stats.wilcoxon(means, alternative="greater").pvalue
    assert scores.p_by_neuron() == pytest.approx(expected)


def test_scores_without_any_pair_show_nothing():
    silent = Scores(np.arange(3), np.full(3, np.nan), np.arange(3.0))
    assert silent.p_by_picture() == silent.p_by_neuron() == 1
    assert np.isnan(silent.medians()[0])


def test_the_goal_is_checked_only_where_there_is_one():
    scores = Scores(np.arange(40), np.linspace(2.5, 3, 40), np.linspace(1, 1.2, 40))
    low = Scores(scores.subject, scores.labelled - 1, scores.random)
    for method in METHODS:
        expected = ["yes", "no"] if method.name in WITH_GOAL else ["–", "–"]
        rows = [attribution_localization.alone_row(method, one) for one in (scores, low)]
        assert [row[-1] for row in rows] == expected


@pytest.mark.parametrize(
    ("share", "random", "met"), [(0.7, 0.5, "yes"), (0.64, 0.5, "no"), (0.7, 0.75, "no")]
)
def test_the_layer_map_needs_a_share_and_a_difference(share, random, met):
    spread = np.linspace(-0.01, 0.01, 40)
    scores = Scores(np.arange(40), share + spread, random - spread)
    row_of = attribution_localization.beside_row
    assert row_of(METHOD["up-sampled layer map"], scores)[-1] == met
    assert row_of(METHOD["NeuronGradient"], scores)[-1] == "–"


def test_no_baseline_is_the_canvas():
    white = (1 - 127 / 255) / (128 / 255)
    for kind in ("grey", "noise"):
        assert (baselines(kind) < white).any(dim=1).all()


@pytest.mark.parametrize("colour", ["grey", "#7f7f7f", "rgb(140, 120, 110)"])
def test_a_canvas_like_the_baseline_is_refused(colour):
    with pytest.raises(ValueError, match=r"expected one that differs by 32 from the grey baseline"):
        check_colour(colour)


@pytest.mark.parametrize("colour", ["white", "black", "red", "lightgrey"])
def test_a_canvas_of_another_colour_is_taken(colour):
    check_colour(colour)


class TwoNeurons:
    """Stands in for a labeler: neuron 0 sees red, neuron 1 blue; the gradients are the colours."""

    def extract(self, inputs):
        return inputs[:, [0, 2]].clamp(min=0).mean(dim=(2, 3))

    def attribute(self, inputs, neuron, method):  # noqa: ARG002
        seen = inputs.clone()
        seen[:, [1, 2 - 2 * neuron]] = 0
        return seen


def coloured(colour):
    drawing = Image.new("RGBA", (50, 50), colour)
    return paste([drawing], [(20, 30)], "black")


def test_silent_neurons_and_neurons_that_fire_are_scored():
    """On a red square the labelled neuron fires inside only, and the blue one not at all."""
    canvases = [coloured("red"), coloured("black")]
    scene = Scene.of(TwoNeurons(), subject_of(0), 1, canvases)
    np.testing.assert_array_equal(scene.active, [[True, False], [False, False]])
    scores = score(TwoNeurons(), METHOD["NeuronGradient"], [scene], area_ratio)
    np.testing.assert_allclose(scores.labelled, [224**2 / 50**2, np.nan])
    np.testing.assert_array_equal(scores.random, [np.nan, np.nan])
    np.testing.assert_array_equal(scores.subject, [0, 0])


def test_slow_methods_see_the_first_picture_of_some_neurons():
    canvases = [coloured("red"), coloured("blue")]
    scenes = [Scene.of(TwoNeurons(), subject_of(i), 1, canvases) for i in range(10)]
    chosen = evenly(scenes, 4)
    assert [scene.subject.neuron for scene in chosen] == [0, 3, 6, 9]
    assert all(scene.canvases == canvases[:1] for scene in chosen)
    assert len(evenly(scenes, 50)) == 10


def test_the_report_names_what_was_measured(monkeypatch, tmp_path, capsys):
    report = Report("title", "command", {"cores": "2"}, ["note"], [Table(["a"], [[1]])], [])
    monkeypatch.setattr(attribution_localization, "measure", lambda _: report)
    path = tmp_path / "attribution_localization.json"
    attribution_localization.main(["--neurons", "3", "--output", str(path)])
    assert Report.load(path) == report
    assert report.text() in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:Setting")
def test_a_small_run_goes_through_every_method(monkeypatch, tmp_path, capsys):
    """With a random network: all tables and the figure are made, and silence is consistent."""
    labels = attribution_localization.read_labels()
    some = list(range(0, len(labels.emoji), 5))
    fewer = dataclasses.replace(
        labels,
        emoji=[labels.emoji[i] for i in some],
        concepts=labels.concepts.take(some),
        groups=labels.groups[some],
    )
    monkeypatch.setattr(attribution_localization, "read_labels", lambda: fewer)
    monkeypatch.setattr(attribution_localization, "load_network", lambda: SmallNetwork().eval())
    monkeypatch.setattr(attribution_localization, "DRAWN", 1)
    path, image = tmp_path / "attribution_localization.json", tmp_path / "figure.png"
    words = ["--neurons", "2", "--slow-neurons", "1", "--pictures", "2", "--image", str(image)]
    attribution_localization.main([*words, "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    alone, beside = report.tables
    for table in (alone, beside):
        assert [row[0] for row in table.rows] == list(METHOD)
        n_pictures = {row[0]: row[1] for row in table.rows}
        assert {n_pictures[name] for name, one in METHOD.items() if not one.slow} == {4}
        assert {n_pictures[name] for name, one in METHOD.items() if one.slow} == {1}
    assert [row[-1] == "–" for row in alone.rows] == [name not in WITH_GOAL for name in METHOD]
    with Image.open(image) as drawn:
        assert drawn.width > drawn.height
