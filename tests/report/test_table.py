from __future__ import annotations

import csv
import math

import numpy as np
import pytest

import invert_captum as ic
from invert_captum.report import best_keys, format_best, write_csv
from invert_captum.report.table import describe_best
from invert_captum.result import Explanation
from invert_captum.result.packed_mask import pack_mask

SETTINGS = {
    "concepts": [],
    "sign": "positive",
    "significance": "holdout",
    "correction": "holm",
    "alpha": 0.05,
    "n_samples": 100,
    "heldout": pack_mask(np.arange(100) % 2 == 0),
    "folds": None,
}


def explanation(neuron: int, label: str | None, heldout: float, **fields: object) -> Explanation:
    formula = None if label is None else ic.Formula.parse(label)
    values = {"layer": None, "rank": 0, "auc": 0.5, "n_positive": 3, "significant": True, **fields}
    return Explanation(neuron=neuron, formula=formula, heldout_auc=heldout, **values)


def result_of(*explanations: Explanation, **settings: object) -> ic.LabelingResult:
    several = len({one.layer for one in explanations}) > 1
    return ic.LabelingResult(explanations, {**SETTINGS, **settings}, keyed_by_layer=several)


@pytest.fixture
def result() -> ic.LabelingResult:
    return result_of(
        explanation(0, "dog", 0.7),
        explanation(1, "cat & ~dog", 0.9),
        explanation(2, None, math.nan, significant=None),
        explanation(3, "dog | red", 0.8),
        explanation(4, "house", 0.95, significant=False),
        explanation(5, "~tree", 0.05),
    )


def test_best_are_significant_ones_by_heldout_auc_in_the_direction_of_the_sign(result):
    assert best_keys(result, 10) == [1, 3, 0, 4, 5]
    assert best_keys(result, 2) == [1, 3]
    negative = ic.LabelingResult(result.explanations, {**SETTINGS, "sign": "negative"})
    assert best_keys(negative, 10) == [5, 0, 3, 1, 4]


def test_distinct_prefers_concepts_not_told_and_fills_up_with_other_labels(result):
    assert best_keys(result, 3, distinct=True) == [1, 3, 4]
    assert best_keys(result, 10, distinct=True) == [1, 3, 0, 4, 5]
    twice = result_of(explanation(0, "dog", 0.7), explanation(1, "dog", 0.8))
    assert best_keys(twice, 10, distinct=True) == [1]


def test_labels_that_could_not_be_tested_come_last():
    result = result_of(
        explanation(0, "a", math.nan, auc=0.9), explanation(1, "b", 0.6), explanation(2, "c", 0.3)
    )
    assert best_keys(result, 10) == [1, 2, 0]


def test_without_heldout_samples_the_auc_orders():
    result = result_of(
        explanation(0, "a", math.nan, auc=0.6),
        explanation(1, "b", math.nan, auc=0.8),
        heldout=None,
    )
    assert best_keys(result, 10) == [1, 0]


def test_several_layers_give_keys_with_layers():
    result = result_of(explanation(0, "a", 0.6, layer="conv"), explanation(0, "b", 0.8, layer="fc"))
    assert best_keys(result, 10) == [("fc", 0), ("conv", 0)]
    assert "fc[0]" in format_best(result)


def test_table_lines_up_and_shows_missing_numbers_as_dashes(result):
    lines = format_best(result, 5).splitlines()
    assert len(lines) == 6
    starts = [lines[0].index("label")] * 5
    labels = ["cat & ~dog", "dog | red", "dog", "house", "~tree"]
    assert [line.index(label) for line, label in zip(lines[1:], labels, strict=True)] == starts
    assert " – " in lines[1]


def test_long_labels_are_cut_and_control_characters_do_not_reach_the_terminal():
    name = "\u009b31m" + "x" * 100
    line = format_best(result_of(explanation(0, f'"{name}"', 0.9))).splitlines()[1]
    assert "\u009b" not in line
    assert line.endswith("…")


def test_summary_counts_significant_neurons(result):
    assert "6 neurons, 4 with a significant label (holdout, holm, alpha 0.05)" in describe_best(
        result, 3
    )


@pytest.mark.parametrize("name", ["-cmd", "=1+1", "+1", "@SUM(A1)"])
def test_text_that_a_spreadsheet_would_run_is_neutralised(tmp_path, name):
    quoted = ic.Formula.concept(name)
    result = ic.LabelingResult(
        (Explanation("=layer()", 0, 0, quoted, 1, 0.25, log10_p=-12.5),), SETTINGS
    )
    write_csv(result, tmp_path / "labels.csv")
    (row,) = csv.DictReader((tmp_path / "labels.csv").open(encoding="utf-8"))
    assert row["layer"] == "'=layer()"
    assert not row["formula"].startswith(("=", "+", "-", "@"))
    assert row["formula"].removeprefix("'") == str(quoted)
    assert float(row["log10_p"]) == -12.5


def test_csv_keeps_every_number_and_column(tmp_path, result):
    write_csv(result, tmp_path / "labels.csv")
    rows = list(csv.DictReader((tmp_path / "labels.csv").open(encoding="utf-8")))
    frame = result.to_frame()
    assert list(rows[0]) == list(frame.columns)
    assert [float(row["heldout_auc"] or "nan") for row in rows] == pytest.approx(
        frame["heldout_auc"], nan_ok=True
    )
    assert [row["formula"] for row in rows] == [
        "dog",
        "cat & ~dog",
        "",
        "dog | red",
        "house",
        "~tree",
    ]
    assert [row["significant"] for row in rows] == ["True", "True", "", "True", "False", "True"]
