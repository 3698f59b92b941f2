import torch
from captum import attr
from torch import nn

from benchmarks import contribution_gap
from benchmarks.contribution_gap import COLUMNS, METHODS, Run, gap_row
from benchmarks.results import Report
from invert_captum.attr.contribution.contributions import Contributions


class SmallNetwork(nn.Module):
    """Two layers with the names of the demo's: one inside, one before a linear head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        first = nn.Sequential(nn.Conv2d(3, 6, 9, stride=8), nn.ReLU6())
        self._blocks = nn.ModuleList([nn.Identity() for _ in range(10)])
        self._blocks.append(first)
        self.upper = nn.Sequential(nn.Conv2d(6, 8, 5, stride=4), nn.ReLU6())
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(8, 5)

    def forward(self, pictures):
        maps = self.upper(self._blocks[10](pictures))
        return self.head(self._avg_pooling(maps).flatten(1))


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
