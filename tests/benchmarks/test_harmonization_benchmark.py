import dataclasses
import json

import numpy as np
import pytest
import scipy.stats
import torch
from flat_photographs import flat_photographs

from benchmarks import harmonization
from benchmarks.harmonized_emoji import figure, run_folder, training, uninformed_maps
from benchmarks.harmonized_emoji.comparison_tables import (
    CHANGE_COLUMNS,
    Change,
    bar_lines,
    best_lambda,
    changes_of,
    time_line,
)
from benchmarks.harmonized_emoji.emoji_classes import CLASSES, read_members
from benchmarks.harmonized_emoji.grounds import make_grounds
from benchmarks.harmonized_emoji.networks import RECIPES, make_network
from benchmarks.harmonized_emoji.run_folder import perform_all, read_scores
from benchmarks.harmonized_emoji.scenes import draw_scenes
from benchmarks.harmonized_emoji.sprites import draw_sprites
from benchmarks.harmonized_emoji.training import PictureScores, Run, look_at, perform
from benchmarks.harmonized_emoji.uninformed_maps import spot, uninformed_table
from benchmarks.results import FOLDER, Report
from invert_captum.alignment import dice, spearman_correlation

SIDES = (12, 20)
RUN = Run("spurious", 0.5, 0, 1, "small", 2, 20)


@pytest.fixture(scope="module")
def sprites():
    return draw_sprites(read_members()["test"], 32, 1, SIDES)


@pytest.fixture(scope="module")
def grounds():
    return make_grounds(flat_photographs(), len(CLASSES), 32, 1)


@pytest.fixture
def without_packages(monkeypatch):
    """No photographs of foolbox and scikit-image, and emoji of two sizes."""
    small = dataclasses.replace(RECIPES["small"], sides=SIDES)
    monkeypatch.setitem(RECIPES, "small", small)
    monkeypatch.setattr(training, "read_photographs", flat_photographs)
    training.read_material.cache_clear()
    yield
    training.read_material.cache_clear()


def draw(sprites, grounds, n=400):
    return draw_scenes(sprites, grounds, n, None, np.random.default_rng(0))


def test_the_weights_are_those_of_the_seed():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, same, other = (make_network("small", 1, 10, seed) for seed in (0, 0, 1))
    assert torch.rand(1) == expected  # the global generator is left as it was
    assert torch.equal(first[0].weight, same[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)
    assert first(torch.rand(2, 1, 32, 32)).shape == (2, 10)


def test_the_pretrained_network_gets_a_last_layer_for_our_classes():
    network = make_network("EfficientNet-lite0", 3, 10, 0)
    assert network(torch.rand(1, 3, 32, 32)).shape == (1, 10)
    with pytest.raises(ValueError, match="channels is 1; EfficientNet-lite0 takes 3"):
        make_network("EfficientNet-lite0", 1, 10, 0)


def test_a_linear_network_has_its_weights_as_saliency(sprites, grounds):
    """Closed form: the gradient of the class is its row of weights."""
    scenes = draw(sprites, grounds, n=8)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, len(CLASSES)))
    found = look_at(network, scenes.images, scenes)
    weights = network[1].weight.detach().double().numpy()[scenes.labels.numpy()]
    for row in range(8):
        human = scenes.heatmaps[row].double().numpy().ravel()
        for name, values in (("spearman", np.abs(weights[row])), ("signed_spearman", weights[row])):
            expected = scipy.stats.spearmanr(values, human).statistic
            assert found[name][row] == pytest.approx(expected, abs=1e-5)
    with torch.no_grad():
        predicted = network(scenes.images).argmax(dim=1)
    np.testing.assert_array_equal(found["correct"], (predicted == scenes.labels).double())


def test_a_run_is_reproducible_and_lambda_changes_it(without_packages):
    first, same = perform(RUN), perform(RUN)
    plain = perform(dataclasses.replace(RUN, lambda_harmonization=0.0))
    for name in ("spearman", "correct", "series", "saliency"):
        np.testing.assert_array_equal(getattr(first, name), getattr(same, name))
    assert (first.series == plain.series).all()
    assert (first.saliency != plain.saliency).any()


def test_a_kept_run_is_not_made_again(without_packages, tmp_path, monkeypatch):
    found = perform_all([RUN], tmp_path, workers=1)[RUN]
    (path,) = tmp_path.glob(f"{RUN.name}-*.npz")
    np.testing.assert_array_equal(read_scores(path).spearman, found.spearman)
    monkeypatch.setattr(run_folder, "perform", None)
    again = perform_all([RUN], tmp_path, workers=1)[RUN]
    np.testing.assert_array_equal(again.saliency, found.saliency)
    monkeypatch.setattr(run_folder, "_code", lambda: "other")
    with pytest.raises(TypeError):
        perform_all([RUN], tmp_path, workers=1)


def scores_of(spearman, correct, n=40):
    ones = np.ones(n)
    wave = 0.01 * np.sin(np.arange(n))
    return PictureScores(
        spearman=spearman + wave,
        signed_spearman=0.5 * spearman * ones,
        dice=ones,
        iou=ones,
        correct=(np.arange(n) < correct * n).astype(float),
        series=np.arange(n) // 4,
        saliency=np.zeros((n, 2, 2), np.float16),
        seconds=np.array(1.0),
    )


@pytest.mark.parametrize(
    ("backgrounds", "rise", "accuracy", "met"),
    [
        ("spurious", 0.16, 0.5, True),
        ("spurious", 0.14, 0.5, False),
        ("spurious", 0.16, 0.45, True),
        ("spurious", 0.16, 0.4, False),
        ("unrelated", 0.01, 0.4, True),
        ("unrelated", -0.01, 0.5, False),
        ("unrelated", 0.0, 0.5, False),
    ],
)
def test_a_bar_is_met_by_what_was_promised(backgrounds, rise, accuracy, met):
    run = dataclasses.replace(RUN, backgrounds=backgrounds)
    change = Change.between(run, scores_of(0.2 + rise, accuracy), scores_of(0.2, 0.5))
    assert change.spearman.mean == pytest.approx(rise, abs=1e-9)
    assert change.accuracy.mean == pytest.approx(accuracy - 0.5)
    assert change.is_met is met
    assert bar_lines([change])[0].startswith("PASS" if met else "FAIL")
    assert change.row()[CHANGE_COLUMNS.index("met")] == ("yes" if met else "NO")


def test_one_missed_seed_fails_the_bar_and_colour_has_none():
    plain = dataclasses.replace(RUN, lambda_harmonization=0.0)
    second, colour = (
        dataclasses.replace(RUN, **{key: at}) for key, at in (("seed", 1), ("channels", 3))
    )
    scores = {
        RUN: scores_of(0.5, 0.5),
        second: scores_of(0.3, 0.5),
        colour: scores_of(0.2, 0.5),
        plain: scores_of(0.2, 0.5),
        dataclasses.replace(plain, seed=1): scores_of(0.2, 0.5),
        dataclasses.replace(plain, channels=3): scores_of(0.2, 0.5),
    }
    changes = changes_of(scores)
    assert [change.run for change in changes] == [RUN, second, colour]
    assert len(bar_lines(changes)) == 1
    assert bar_lines(changes)[0].startswith("FAIL")
    assert "met in 1 of 2 seeds" in bar_lines(changes)[0]
    assert changes[2].row()[CHANGE_COLUMNS.index("met")] == "–"


def test_the_time_is_that_of_the_runs_that_have_a_bar():
    slow = scores_of(0.2, 0.5)._replace(seconds=np.array(1500.0))
    colour = dataclasses.replace(RUN, channels=3)
    assert time_line({RUN: slow, colour: slow}, 1).startswith("FAIL: 1 trainings")
    assert time_line({RUN: slow, colour: slow}, 2).startswith("PASS: 1 trainings")


def test_only_photographs_that_may_be_shown_are_shown(sprites):
    photographs = [dataclasses.replace(one) for one in flat_photographs(20)]
    shown = sorted(figure.SHOWABLE)
    names = [*["imagenet_00_1"] * (20 - len(shown)), *shown]
    photographs = [
        dataclasses.replace(one, name=name) for one, name in zip(photographs, names, strict=True)
    ]
    grounds = make_grounds(photographs, len(CLASSES), 32, 1)
    scenes = draw(sprites, grounds)
    rows = figure.shown_rows(scenes, grounds)
    assert len(rows) == len(CLASSES) == len(set(scenes.labels[rows].tolist()))
    assert {grounds.names[scenes.grounds[row]] for row in rows} <= figure.SHOWABLE


def test_quick_measures_draws_and_saves(without_packages, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(figure, "SHOWABLE", {f"photograph {i}" for i in range(20)})
    monkeypatch.setitem(harmonization.QUICK, "tuning_steps", 0)
    output, image = tmp_path / "found.json", tmp_path / "found.png"
    words = ["--quick", "--workers", "1", "--output", str(output), "--image", str(image)]
    harmonization.main(words)
    report = Report.load(output)
    assert json.loads(output.read_text())["images"] == ["images/found.png"]
    # Of each data set two maps that know nothing, one that knows all, and four runs.
    assert [len(table.rows) for table in report.tables] == [4, 8, 14]
    assert sum(note.startswith(("PASS", "FAIL")) for note in report.notes) == 3
    assert image.stat().st_size > 10_000
    assert "λ" in capsys.readouterr().out


def test_maps_that_know_nothing_agree_with_either_human_map_alike(without_packages, monkeypatch):
    splits, read = [], uninformed_maps.read_material
    monkeypatch.setattr(
        uninformed_maps, "read_material", lambda *words: splits.append(words[-1]) or read(*words)
    )
    plain = dataclasses.replace(RUN, n_pictures=300)
    human = training.held_out_scenes(plain).heatmaps
    # A network that knows all: its map is the human map.
    knows = scores_of(0.5, 0.5, n=300)._replace(saliency=human.numpy())
    table = uninformed_table({plain: knows})
    assert splits == ["train"]  # of the mean map; no held-out emoji
    rows = {row[2]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert [row["Spearman"] > 0.2 for row in rows.values()] == [True] * 4
    for name in ("a spot in the middle", "the mean human map of training"):
        own, another = rows[name]["Spearman"], rows[name]["with another's human map"]
        # The same human maps in another order.
        assert own == pytest.approx(another, abs=1e-6)
        assert rows[name]["beyond another's"] == pytest.approx(0, abs=1e-9)
    network = rows["small, 1 channel"]
    assert network["Spearman"] == pytest.approx(1, abs=0.01)
    ceiling = rows["the human map itself"]
    assert [network[key] == ceiling[key] for key in ("Spearman", "Dice", "IoU")] == [True] * 3
    assert ceiling["Dice"] > rows["a spot in the middle"]["Dice"]
    assert network["with another's human map"] < 0.7
    gap = network["Spearman"] - network["with another's human map"]
    assert network["beyond another's"] == pytest.approx(gap)
    in_the_middle = dice(spot(32).expand_as(human), human).double().mean().item()
    assert rows["a spot in the middle"]["Dice"] == pytest.approx(in_the_middle)
    assert in_the_middle > rows["a spot in the middle"]["IoU"] > 0
    ranks = scipy.stats.spearmanr(spot(32).ravel(), human[0].ravel()).statistic
    middle = uninformed_table(
        {plain: knows._replace(saliency=spot(32).expand(300, -1, -1).numpy())}
    )
    assert middle.rows[3][5:] == pytest.approx(middle.rows[0][5:], abs=1e-6)
    assert spearman_correlation(spot(32)[None], human[:1]).item() == pytest.approx(ranks, abs=1e-6)


def test_the_choice_sees_validation_emoji_and_other_seeds():
    arguments = harmonization.parse(["--choose"])
    chosen = harmonization.choice_runs(arguments)
    reported = harmonization.planned_runs(arguments)
    assert {run.split for run in chosen} == {"validation"}
    assert {run.split for run in reported} == {"test"}
    assert not {run.seed for run in chosen} & {run.seed for run in reported}
    assert 0.3 <= harmonization.LAMBDA <= 1
    assert harmonization.LAMBDA in harmonization.CANDIDATES


def chosen_from(table):
    runs = {
        dataclasses.replace(RUN, lambda_harmonization=strength, backgrounds=backgrounds): scores
        for (strength, backgrounds), scores in table.items()
    }
    return best_lambda(runs)


def test_the_rule_takes_the_greatest_spearman_that_costs_little_accuracy():
    table = {
        (0.0, "unrelated"): scores_of(0.9, 0.5),
        (0.0, "spurious"): scores_of(0.9, 0.5),
        (0.3, "unrelated"): scores_of(0.3, 0.5),
        (0.3, "spurious"): scores_of(0.3, 0.5),
        (0.5, "unrelated"): scores_of(0.2, 0.5),
        (0.5, "spurious"): scores_of(0.5, 0.6),
        (1.0, "unrelated"): scores_of(0.8, 0.4),
        (1.0, "spurious"): scores_of(0.8, 0.5),
    }
    assert chosen_from(table) == 0.5
    del table[0.3, "unrelated"], table[0.3, "spurious"]
    del table[0.5, "unrelated"], table[0.5, "spurious"]
    assert chosen_from(table) is None


@pytest.mark.parametrize(
    ("accuracy", "told"), [(0.47, "and none would have"), (0.49, "and λ = 0.5 would have")]
)
def test_the_notes_say_what_the_first_rule_would_have_given(accuracy, told):
    runs = {
        dataclasses.replace(RUN, lambda_harmonization=strength): scores_of(strength, correct)
        for strength, correct in ((0.0, 0.5), (0.5, accuracy))
    }
    rule, first_rule = harmonization.choice_notes(runs)[1:]
    assert "It gives λ = 0.5;" in rule
    assert told in first_rule


def test_the_notes_that_were_saved_are_those_of_the_table():
    report = Report.load(FOLDER / "harmonization_choice.json")
    rows = [dict(zip(report.tables[0].columns, row, strict=True)) for row in report.tables[0].rows]
    runs = {
        dataclasses.replace(
            RUN,
            backgrounds=row["photographs"],
            lambda_harmonization=float(row["λ"]),
            n_pictures=400,
            n_steps=500,
            seed=100,
        ): scores_of(row["Spearman"], row["accuracy"], n=400)
        for row in rows
    }
    assert report.notes == harmonization.choice_notes(runs)


def test_three_seeds_of_each_and_one_of_the_others_are_planned():
    runs = harmonization.planned_runs(harmonization.parse([]))
    small = [run for run in runs if run.network == "small" and run.channels == 1]
    assert len(small) == 12
    assert {run.seed for run in small} == {1, 2, 3}
    assert len(runs) == len(set(runs)) == 20


def test_impossible_numbers_end_the_program(capsys):
    with pytest.raises(SystemExit):
        harmonization.parse(["--pictures", "1"])
    assert "--pictures is 1; expected 2 or more" in capsys.readouterr().err
