from __future__ import annotations

import torch
from captum import attr
from small_network import SmallNetwork

from benchmarks import contribution_gap
from benchmarks.contribution_gap import COLUMNS, METHODS, Run, gap_row
from benchmarks.results import Report
from invert_captum.attr.contribution.contributions import Contributions


def one(parts, change, remainder):
    single = torch.ones(1, dtype=torch.float64)
    return Contributions(
        single[None] * parts, (0,), (), single * remainder, single * change, 0 * single
    )


def test_a_row_sums_up_the_gaps():
    run = Run("fc", attr.LayerDeepLift, 50, 3)
    parts = [one(3.0, 4.0, 1.5), one(-2.0, -2.0, 0.0), one(5.0, 2.0, -1.0)]
    assert gap_row(run, parts, 6.0) == [
        *("fc", "LayerDeepLift", "–", 3),
        *(0.125, (0.125 + 0.0 + 1.0) / 3, 1.0),
        *(2.5 / 8, 0.5 / 4, 2.0),
    ]


def test_a_small_run_prints_and_saves(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(contribution_gap, "load_network", lambda: SmallNetwork().eval())
    monkeypatch.setattr(contribution_gap, "read_emoji", every_fifth(contribution_gap.read_emoji))
    path = tmp_path / "contribution_gap.json"
    words = ["--pictures", "3", "--steps", "10", "--more-steps", "80", "--more-pictures", "2"]
    contribution_gap.main([*words, "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    (table,) = report.tables
    assert table.columns == COLUMNS
    assert len(table.rows) == 2 * len(METHODS) + 1
    ratio = {tuple(row[:3]): row[COLUMNS.index("max")] for row in table.rows}
    exact = [("_avg_pooling", name, "–") for name in ("LayerDeepLift", "LayerGradientXActivation")]
    assert all(ratio[key] < 1e-3 for key in exact)
    assert ratio["_blocks.10", "LayerDeepLift", "–"] < 1e-3


def every_fifth(read):
    emoji = read()[::5]
    return lambda: emoji
