"""The benchmark of the metrics measures, prints and saves."""

import numpy as np
import pytest
import torch

from benchmarks import alignment_speed
from benchmarks.alignment_speed import COLUMNS, SpearmanTimes, spearman_ratio, spearman_row
from benchmarks.results import Report


def test_ratios_are_taken_within_each_repeat():
    by_clock = np.array([(6.0, 3.0), (8.0, 1.0), (9.0, 2.0)])
    of_processor = np.array([(5.0, 2.5), (4.0, 1.0), (3.0, 1.0)])
    times = SpearmanTimes(np.stack([by_clock, of_processor], axis=2), 2.5e-16)
    assert times.ratios.tolist() == [[2, 2], [8, 4], [4.5, 3]]
    row = spearman_row("some", 4, 8, times)
    assert row == ["some", 4, "8×8", 2000, 500, 4.5, 2, 3, "2.5e-16"]


@pytest.mark.parametrize("rectified", [False, True])
def test_both_compute_the_same(rectified):
    threads = torch.get_num_threads()
    times = spearman_ratio(60, 10, 2, np.random.default_rng(0), rectified=rectified)
    assert times.seconds.shape == (2, 2, 2)
    assert (times.seconds > 0).all()
    assert 0 <= times.largest_difference <= 1e-14
    assert torch.get_num_threads() == threads


def test_a_wrong_result_would_show(monkeypatch):
    monkeypatch.setattr(alignment_speed, "spearman_correlation", lambda a, _: torch.ones(len(a)))
    assert spearman_ratio(3, 10, 1, np.random.default_rng(0)).largest_difference > 0.5


def test_a_small_run_prints_and_saves(tmp_path, capsys):
    path = tmp_path / "alignment_speed.json"
    words = ["--maps", "2", "--side", "8", "--repeats", "1"]
    alignment_speed.main([*words, "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    (table,) = report.tables
    assert table.columns == COLUMNS
    assert [row[0] for row in table.rows] == list(alignment_speed.KINDS)
