from functools import partial

import numpy as np
import pytest
from tiny_classifier import TinyClassifier, random_queries

from benchmarks import localization, localization_variants
from benchmarks.localization_of_objects import faithfulness, inversion_cost, object_methods
from benchmarks.localization_of_objects.gallery import Gallery
from benchmarks.localization_of_objects.inversion_cost import Cost, Rounding
from benchmarks.localization_of_objects.localization_notes import notes_of
from benchmarks.localization_of_objects.localization_tables import (
    BAR_COLUMNS,
    DIFFERENCE_COLUMNS,
    METHOD_COLUMNS,
    bar_table,
    difference_table,
    method_row,
    rounding_table,
)
from benchmarks.localization_of_objects.method_scores import (
    MOSAICS,
    ONE,
    TWO,
    MethodScores,
    Scores,
    Sizes,
)
from benchmarks.localization_of_objects.object_methods import AT_LAST_BLOCK, INVERSION, METHODS
from benchmarks.results import Report

COST = Cost(8, 4.0, 8.0, 60.0, 2.0, 0.9, (Rounding("stage 1", 1e-3, 1e-4, 1e-5),))


def scores_of(name, pointing, share=0.5, rows=40):
    """The same value everywhere, with two queries for a picture."""
    at, ones = np.arange(rows), np.ones(rows)
    one = {"pointing": pointing * ones, "error": 0 * ones, "inside": 0.5 * ones}
    two = {"pointing": pointing * ones, "share": share * ones, "ahead": ones * (share > 0.5)}
    kinds = {ONE: one, TWO: two, MOSAICS: {"pointing": ones}}
    return MethodScores(
        name,
        {kind: Scores(at, at // 2, values, [0.2, 0.4], [0.1]) for kind, values in kinds.items()},
    )


def test_a_row_has_the_means_of_all_kinds():
    found = dict(zip(METHOD_COLUMNS, method_row(scores_of("a", 0.25, 0.75)), strict=True))
    assert found["method"] == "a"
    assert found["queries"] == 120
    assert found["s per picture"] == pytest.approx(0.3)
    assert found["passes per picture"] == pytest.approx(3)
    assert found["pointing, one object"] == found["pointing, two objects"] == 0.25
    assert (found["pointing, mosaics"], found["localisation error"], found["inside"]) == (1, 0, 0.5)
    assert (found["class share"], found["asked-for ahead"]) == (0.75, 1)
    assert found["insertion"] == found["sensitivity"] == "–"


def test_a_difference_is_that_of_the_queries_that_both_saw():
    """Mosaics stay out; the bar is met where the whole interval is above zero."""
    scores = [scores_of(method.name, 0.5, 0.5) for method in METHODS[1:]]
    scores = [
        scores_of(INVERSION, 0.75, 0.5),
        *scores[:-1],
        scores_of("Occlusion", 1, 0.75, rows=10),
    ]
    rows = difference_table(scores).rows
    assert len(rows) == 2 * (len(METHODS) - 1)
    found = {(row[0], row[1]): dict(zip(DIFFERENCE_COLUMNS, row, strict=True)) for row in rows}
    pointing, share = "pointing, one and two objects", "class share"
    saliency = found[pointing, "Saliency"]
    assert (saliency["queries"], saliency["pictures"], saliency["difference"]) == (80, 20, 0.25)
    assert saliency["bar met"] == "yes"
    assert found[share, "Saliency"]["bar met"] == "no"
    occlusion = found[pointing, "Occlusion"]
    assert (occlusion["queries"], occlusion["difference"], occlusion["bar met"]) == (20, -0.25, "–")
    bars = {key for key, row in found.items() if row["bar met"] != "–"}
    assert bars == {
        *((pointing, name) for name in ("centre", "Saliency", "InputXGradient")),
        (share, "Saliency"),
    }


@pytest.mark.parametrize(("share", "met"), [(0.66, "yes"), (0.64, "no")])
def test_bars_are_met_or_not(share, met):
    rows = bar_table([scores_of(INVERSION, 1, share)], COST).rows
    assert all(len(row) == len(BAR_COLUMNS) for row in rows)
    assert [row[-1] for row in rows] == [met, "yes", "yes", "yes"]
    slow = Cost(8, 4.0, 14.0, 160.0, 3.5, 1.2, COST.rounding)
    rows = bar_table([scores_of(INVERSION, 1, 0.4)], slow).rows
    assert [row[-1] for row in rows] == ["no"] * 4


def test_rounding_is_shown_with_its_power_of_ten():
    assert rounding_table(COST).rows == [["stage 1", "1.0e-03", "1.0e-04", "1.0e-05"]]


def test_the_notes_say_who_wins():
    methods = {one.name: 0.5 for one in METHODS} | {"LayerGradCam": 0.9, "Occlusion": 0.1}
    scores = [scores_of(name, value) for name, value in methods.items()]
    arguments = localization.parse([])
    last = notes_of(Gallery({}, ["pictures"]), scores, Sizes(1, 2, 3), arguments)[-1]
    assert "LayerGradCam is ahead in pointing (+0.400)" in last
    assert "LayerGradCam is level in class share (+0.00)" in last
    assert "Occlusion is behind in pointing (−0.400)" in last


def test_a_gallery_is_cut_down_evenly():
    gallery = Gallery({ONE: random_queries(9, 1), TWO: random_queries(2, 2)}, ["a"]).at_most(3)
    assert gallery.queries[ONE].pictures.tolist() == [0, 2, 4]
    assert len(gallery.queries[TWO]) == 2
    assert gallery.notes[1] == "Looked at, evenly: 3 of one object, 2 of two objects."


def test_a_quick_run_has_few_of_all():
    arguments = localization.parse(["--quick"])
    assert {name: getattr(arguments, name) for name in localization.QUICK} == localization.QUICK


@pytest.mark.parametrize("name", localization.LEAST)
def test_too_few_to_measure_are_refused_at_once(name, capsys):
    option, least = "--" + name.replace("_", "-"), localization.LEAST[name]
    modules = [localization] + [localization_variants] * (name in ("alone", "beside"))
    for module in modules:
        with pytest.raises(SystemExit):
            module.parse([option, str(least - 1)])
        told = f"{option} is {least - 1}; expected {least} or more"
        assert told in capsys.readouterr().err
        assert module.parse([option, str(least)])


@pytest.fixture
def small(monkeypatch):
    """A tiny network, pictures of noise, and few steps of everything."""
    queries = {ONE: random_queries(4, 1), TWO: random_queries(4, 2, first_picture=10)}

    def gallery(network, *, rounds, **numbers):
        mosaics = {MOSAICS: random_queries(4, 4, first_picture=20)} if rounds else {}
        return Gallery(queries | mosaics, ["noise"])

    few = partial(object_methods.inverted, n_inversion_steps=1, n_target_steps=1)
    monkeypatch.setattr(object_methods, "inverted", few)
    monkeypatch.setattr(inversion_cost, "inverted", few)
    monkeypatch.setattr(inversion_cost, "N_PASSES", 2)
    monkeypatch.setattr(object_methods, "N_STEPS", 2)
    monkeypatch.setattr(faithfulness, "N_STEPS", 2)
    monkeypatch.setattr(faithfulness, "N_SQUARES", 8)
    for module in (localization, localization_variants):
        monkeypatch.setattr(module, "frozen_network", TinyClassifier)
        monkeypatch.setattr(module, "read_gallery", gallery)


SHORT = ["--slow-queries", "2", "--faithful", "1", "--sensitive", "1", "--repeats", "1"]


@pytest.mark.filterwarnings("ignore:Setting", "ignore:Input Tensor", "ignore:picture")
def test_a_small_run_makes_all_tables(small, tmp_path, capsys):
    path = tmp_path / "localization.json"
    localization.main([*SHORT, "--queries", "4", "--output", str(path)])
    report = Report.load(path)
    printed = capsys.readouterr()
    assert report.text() in printed.out
    assert all(method.name in printed.err for method in METHODS)
    methods, differences, bars, costs, rounding = report.tables
    assert [row[0] for row in methods.rows] == [one.name for one in METHODS]
    queries = {row[0]: row[1] for row in methods.rows}
    # The first is slow, too, but what all others are held against.
    assert {queries[one.name] for one in METHODS[1:] if one.slow} == {6}
    assert {queries[one.name] for one in METHODS[1:] if not one.slow} == {12}
    assert queries[METHODS[0].name] == 12
    assert not any("–" in row for row in methods.rows)
    assert len(differences.rows) == 2 * (len(METHODS) - 1)
    assert len(bars.rows) == 8
    assert costs.rows[0][0] == 4
    assert [row[0] for row in rounding.rows] == ["stage 1", "stage 2"]


@pytest.mark.filterwarnings("ignore:picture")
def test_variants_stand_beside_the_method_as_it_is(small, monkeypatch, tmp_path, capsys):
    all_of_them = localization_variants.variants()
    fewer = {"–": all_of_them["–"], "background": all_of_them["background"][:1]}
    monkeypatch.setattr(localization_variants, "variants", lambda: fewer)
    path = tmp_path / "localization_variants.json"
    localization_variants.main(["--alone", "2", "--beside", "3", "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    assert "Looked at, evenly: 3 of one object, 3 of two objects." in report.notes
    (table,) = report.tables
    assert [row[1] for row in table.rows] == ["as it is", "mean", "LayerGradCam", "centre"]
    differences = [i for i, name in enumerate(table.columns) if name in ("difference", "to")]
    assert all(table.rows[0][i] == 0 for i in differences)
    assert any(table.rows[3][i] != 0 for i in differences)
    assert localization.parse([]).seed != localization_variants.SEED


def test_variants_can_be_chosen_and_the_method_as_it_is_stays():
    arguments = localization_variants.parse(["--only", "free, learning rate .05", "logit"])
    names = [one.name for _, one in localization_variants.chosen(arguments.only)]
    assert names == ["as it is", "logit", "free, learning rate .05"]
    with pytest.raises(SystemExit):
        localization_variants.parse(["--only", "lodgit"])


@pytest.mark.filterwarnings("ignore:picture")
def test_another_inversion_can_be_held_against_some_methods(small, tmp_path):
    path = tmp_path / "localization.json"
    words = ["--subject", AT_LAST_BLOCK, "--methods", "centre", "--rounds", "0", "--repeats", "0"]
    localization.main([*SHORT[:-2], *words, "--output", str(path)])
    report = Report.load(path)
    assert report.title.endswith(AT_LAST_BLOCK)
    methods, differences, bars = report.tables
    assert [row[0] for row in methods.rows] == [AT_LAST_BLOCK, "centre"]
    assert {row[1] for row in differences.rows} == {"centre"}
    assert {row[0].partition(": ")[2] for row in bars.rows} == {AT_LAST_BLOCK}
