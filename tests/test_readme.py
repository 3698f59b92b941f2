"""The code of the README runs as it is written."""

import re
from pathlib import Path

import pytest
from page_code import ROOT, code_blocks, labelled, run_block, with_human_maps

import invert_captum as ic

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES, TO_THE_PICTURE, INVERSION, ALIGNMENT = code_blocks(README, "python")


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the README presupposes and its five lines leave; pictures lie in the current folder."""
    monkeypatch.chdir(tmp_path)
    names = labelled(tmp_path)
    del names["concepts"], names["labeler"], names["result"]
    run_block(LINES, names, "README, five lines")
    return names


def test_the_five_lines(capsys, names):
    lines = [line for line in LINES.splitlines() if line and not line.startswith("import")]
    assert len(lines) == 5
    assert set(names["concepts"].names) == {"bright", "dark", "green", "red"}
    assert len(names["files"]) == len(names["images"]) == 40
    assert names["result"].keys() == [0, 1, 2, 3]
    assert names["where"].shape == (8, 3, 12, 12)
    assert "4 neurons" in capsys.readouterr().out
    figure = ic.report.plot_neurons(
        names["result"],
        names["activations"],
        names["concepts"],
        lambda i: names["images"][i].permute(1, 2, 0).numpy(),
        [0],
    )
    assert figure.axes


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.filterwarnings("ignore:Input Tensor")
def test_the_lines_from_a_label_to_the_picture(names, capsys):
    run_block(TO_THE_PICTURE, names, "README, from a label to the picture")
    assert Path("report.html").stat().st_size > 50_000
    assert "because of" in capsys.readouterr().out


# A network with random weights may keep nothing that the penalties leave.
@pytest.mark.filterwarnings("ignore:pictures:invert_captum.InvertCaptumWarning")
def test_the_lines_about_what_carries_a_prediction(names):
    names["best"] = 0
    run_block(INVERSION, names, "README, inversion")
    assert names["mask"].shape == (8, 3, 12, 12)
    assert names["boxes"].shape == (8, 4)


def test_the_lines_about_where_people_look(names, capsys):
    run_block(ALIGNMENT, with_human_maps(names), "README, alignment")
    assert {"alignment", "accuracy"} <= set(capsys.readouterr().out.split())
    assert Path("harmonized.pt").is_file()


def test_every_local_link_and_module_exists():
    root = ROOT
    for link in re.findall(r"\]\(([^)# ]+)", README):
        assert link.startswith("https://") or (root / link).exists(), link
    for module in re.findall(r"`(invert_captum[a-z._]*)`", README):
        path = root / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), module
    for module in re.findall(r"python -m (benchmarks\.\w+)", README):
        path = root / module.replace(".", "/")
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists(), module
