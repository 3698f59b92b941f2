from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import invert_captum as ic
from invert_captum.demo import run
from invert_captum.demo.emoji import CREDIT, read_emoji
from invert_captum.demo.run import run_demo


@pytest.fixture
def few_emoji(monkeypatch):
    """The demo on every sixteenth emoji: its cost is the extraction."""
    emoji = read_emoji()[::16]
    monkeypatch.setattr(run, "read_emoji", lambda: emoji)
    few_concepts = run.emoji_concepts
    monkeypatch.setattr(run, "emoji_concepts", lambda emoji: few_concepts(emoji, 3))
    monkeypatch.setattr(run, "_MIN_POSITIVES", 3)
    return emoji


def test_demo_writes_table_result_figure_and_page(tmp_path, capsys, few_emoji):
    files = run_demo(tmp_path / "new" / "demo", neurons=8, top=2, show_progress=False)

    rows = list(csv.DictReader(files.labels.open(encoding="utf-8")))
    assert [int(row["neuron"]) for row in rows if row["rank"] == "0"] == list(range(8))
    result = ic.LabelingResult.load(files.result)
    assert result.keys() == list(range(8))
    assert result.layers == ("_avg_pooling",)
    assert result.settings["significance"] == "holdout"
    assert len(result.settings["model"]["sha256"]) == 64
    figure = Image.open(files.figure)
    assert figure.width > 1000
    page = files.page.read_text(encoding="utf-8")
    assert sum(one.title in page for one in few_emoji) >= 8
    assert CREDIT in page

    out = capsys.readouterr().out
    assert f"{len(few_emoji)} emoji" in out
    assert "8 neurons" in out
    assert str(files.labels) in out
    assert f"open {files.page} in a browser" in out
    assert CREDIT in out


def test_hold_out_keeps_near_duplicates_together(tmp_path, monkeypatch, few_emoji):
    noise = torch.rand(len(few_emoji), 1280, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(run, "extract", lambda *_, **__: noise)
    files = run_demo(tmp_path, neurons=1, page=False, show_progress=False)
    assert not files.page.exists()
    result = ic.LabelingResult.load(files.result)
    groups = run.emoji_groups(few_emoji)
    heldout = result.heldout
    assert heldout is not None
    for group in np.unique(groups):
        assert len(set(heldout[groups == group])) == 1


@pytest.mark.parametrize("neurons", [0, -1, 1281])
def test_impossible_number_of_neurons_is_refused(tmp_path, neurons):
    with pytest.raises(ValueError, match=f"neurons is {neurons:,}".replace(",", ",?")):
        run_demo(tmp_path, neurons=neurons, show_progress=False)
