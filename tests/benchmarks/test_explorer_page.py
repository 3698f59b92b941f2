import json
import shutil

import numpy as np
import pytest

from benchmarks.explorer_page import _EXECUTABLES, Measured, main
from benchmarks.results import Report
from benchmarks.synthetic_page import HOSTILE, KINDS, synthetic_content


def test_percentiles_are_of_the_frames():
    row = Measured(1.5, np.array([1.0, 3.0, 2.0]), np.arange(101.0)).row("page")
    assert row == ["page", 1.5, 2.0, 3.0, 50.0, 95.0, 100.0]


def test_a_page_is_measured_beside_the_made_up_ones(tmp_path):
    if not any(map(shutil.which, _EXECUTABLES)):
        pytest.skip("no browser is installed: apt-get install chromium")
    page = synthetic_content(30, n_samples=10).write(tmp_path / "mine.html")
    output = tmp_path / "results.json"
    given = ["--neurons", "40", "--repeats", "1", "--frames", "20", "--page", str(page)]
    main([*given, "--output", str(output)])
    report = Report.load(output)
    names, megabytes, usable, *_, longest = zip(*report.tables[0].rows, strict=True)
    assert names == ("40 made-up neurons", "mine.html")
    assert megabytes[1] == page.stat().st_size / 1e6
    assert all(one > 0 for one in (*usable, *longest))


@pytest.mark.parametrize("kind", KINDS)
def test_made_up_content_is_complete_and_plain(kind):
    content = synthetic_content(50, n_samples=12, kind=kind, hostile=True)
    neurons = content.report["neurons"]
    lists = [name for name, column in neurons.items() if isinstance(column, list)]
    assert {len(neurons[name]) for name in lists} == {50}
    assert len(set(neurons["key"])) == 50
    assert set(HOSTILE) < set(content.report["concepts"]["name"])
    assert all(kind in sample for sample in content.samples.values())
    for block in (content.report, content.samples, content.heat_maps):
        json.dumps(block, allow_nan=False)
