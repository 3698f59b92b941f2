import numpy as np
import pytest
import scipy.stats
import torch

from benchmarks import engine
from benchmarks.results import Report

TINY = ["--neurons", "4", "--repeats", "1", "--per-class", "4", "--sorted", "5"]


@pytest.fixture(autouse=True)
def same_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_tiny_run_prints_and_saves(tmp_path, capsys):
    path = tmp_path / "engine.json"
    engine.main([*TINY, "--output", str(path)])
    printed = capsys.readouterr().out
    report = Report.load(path)
    assert report.text() in printed
    assert "4,000 samples, 1,471 concepts, 11.16 labels per sample, 1,000 different" in printed
    assert "1,473 concepts, 13.04 labels per sample" in printed
    assert "36,775 formulas" in printed
    assert torch.__version__.startswith(report.machine["torch"].partition("+")[0])
    (table,) = report.tables
    assert len(table.rows) == 2 * 5
    for _, what, milliseconds, to_floor, faster in table.rows:
        assert milliseconds > 0
        assert (to_floor == 1) == (what == "floor")
        assert (faster == 1) == (what == "one sort per formula")


def test_sorting_gives_the_rank_sum(rng):
    values, mask = rng.random(100, dtype=np.float32), rng.random(100) < 0.3
    by_scipy = scipy.stats.rankdata(values)[mask].sum() - mask.sum()
    assert engine.rank_sum_by_sorting(values, mask) == by_scipy


def test_the_number_of_formulas_is_that_of_the_paper_s_settings():
    assert engine.n_formulas(n_concepts=1_473, beam_width=3, max_length=3) == 36_825
    assert engine.n_formulas(n_concepts=10, beam_width=3, max_length=1) == 10


def test_rounds_go_in_turn_and_the_least_counts():
    called = []
    timed = {name: lambda name=name: called.append(name) for name in "ab"}
    seconds = engine.best_seconds(timed, 2)
    assert called == ["a", "b", "a", "b"]
    assert set(seconds) == {"a", "b"}
