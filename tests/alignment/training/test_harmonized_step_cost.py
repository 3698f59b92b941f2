"""The benchmark of a step's cost measures, prints and saves."""

import pytest
import torch

from benchmarks import harmonized_step
from benchmarks.results import Report


@pytest.fixture(autouse=True)
def same_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_small_run_prints_and_saves(tmp_path, capsys):
    path = tmp_path / "harmonized_step.json"
    harmonized_step.main(["--quick", "--repeats", "1", "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    (table,) = report.tables
    for row in table.rows:
        numbers = dict(zip(table.columns, row, strict=True))
        ratio = numbers["harmonized step, s"] / numbers["plain step, s"]
        assert numbers["ratio of medians"] == pytest.approx(ratio)
        assert numbers["at most 4"] == ("yes" if ratio <= 4 else "no")
