"""Heat maps of ``report`` by Guided Feature Inversion."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from invert_captum.attr import NeuronGuidedFeatureInversion
from invert_captum.cli import app
from invert_captum.cli.heat_map_choice import HeatMapChoice
from invert_captum.demo import page as demo_page

MODEL = """
import torch
from torch import nn


def colours():
    model = nn.Sequential(nn.Conv2d(3, 3, 2, 2, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    weight = torch.eye(3) - 0.5 * (1 - torch.eye(3))
    model[0].weight.data = weight[:, :, None, None].expand(3, 3, 2, 2).clone()
    return model
"""
OPTIONS = {"heat_maps": True, "top": 3, "inversion_layer": None, "mask_layer": None}
OWN_CODE = ["--model", "colour_squares:colours", "--top", "3", "--no-progress"]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A labelling of three pooled neurons on pictures with a square of red, green or blue."""
    folder = tmp_path_factory.mktemp("labelled")
    rng = np.random.default_rng(0)
    for name, channel in (("red", 0), ("green", 1), ("blue", 2)):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(90, 110, size=(16, 16, 3), dtype=np.uint8)
            row, column = rng.integers(0, 8, size=2)
            pixels[row : row + 8, column : column + 8, channel] = 250
            Image.fromarray(pixels).save(folder / "images" / name / f"{number}.png")
    (folder / "colour_squares.py").write_text(MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        outcome = run(
            "label", *OWN_CODE[:2], "--layer", "2", "--images", "images", "--concepts", "folders",
            "--image-size", "16", "--min-positives", "4", "--out", "out", "--no-page",
            "--no-progress",
        )  # fmt: skip
        assert outcome.exit_code == 0, outcome.output
        yield folder / "out"
    sys.modules.pop("colour_squares", None)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(outcome) -> str:
    """Return the one line on standard error of a command that ends with exit code 1."""
    assert outcome.exit_code == 1, outcome.output
    (error,) = outcome.stderr.splitlines()
    assert error.startswith("error: ")
    return error


def heat_maps_of(path):
    page = path.read_text(encoding="utf-8")
    (block,) = re.findall(r'<script type="application/json" id="heatmaps"[^>]*>([^<]*)<', page)
    return json.loads(block)


def test_maps_of_a_labelling_are_made_by_inversion(labelled):
    page = labelled.parent / "inverted.html"
    outcome = run(
        "report", labelled, *OWN_CODE, "--out", page, "--inversion-layer", 1, "--mask-layer", 2
    )
    assert outcome.exit_code == 0, outcome.output
    maps = heat_maps_of(page)
    expected = "NeuronGuidedFeatureInversion (inversion layer 1, mask from what 2 gets)"
    assert maps.pop("method") == expected
    assert len(maps) == 3


def test_mask_layer_may_be_left_out_and_maps_are_else_as_before(labelled):
    page = labelled.parent / "other.html"
    outcome = run("report", labelled, *OWN_CODE, "--out", page, "--inversion-layer", 1)
    assert outcome.exit_code == 0, outcome.output
    expected = "NeuronGuidedFeatureInversion (inversion layer 1)"
    assert heat_maps_of(page)["method"] == expected
    assert run("report", labelled, *OWN_CODE, "--out", page).exit_code == 0
    assert heat_maps_of(page)["method"] == "LayerActivation of what the layer gets"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--mask-layer", "1"], "--mask-layer is '1', but there is no --inversion-layer"),
        (["--inversion-layer", "1", "--no-heat-maps"], "'1' with --no-heat-maps; expected heat"),
        (["--inversion-layer", "1", "--top", "0"], "'1' with --top 0; expected heat maps"),
        (["--inversion-layer", "11"], "inversion_layer is .*does not have; nearest names: '1'"),
        (["--inversion-layer", "1", "--mask-layer", "22"], "mask_layer is .*nearest names: '2'"),
    ],
)
def test_layers_are_checked_before_the_page_is_begun(labelled, monkeypatch, options, told):
    monkeypatch.setattr("invert_captum.report.explorer.write.gather", None)
    page = labelled.parent / "none.html"
    assert re.search(told, refused(run("report", labelled, *OWN_CODE, "--out", page, *options)))
    assert not page.exists()


def test_layers_of_a_model_that_is_not_known_are_refused(labelled, tmp_path):
    for file in labelled.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    saved = tmp_path / "result.json"
    content = json.loads(saved.read_text(encoding="utf-8"))
    content["settings"]["command"]["name"] = "mine"
    saved.write_text(json.dumps(content), encoding="utf-8")
    told = refused(run("report", tmp_path, "--inversion-layer", 1))
    assert "--inversion-layer: only for what invert-captum demo or label has written" in told


def test_help_tells_the_cost_and_where_the_mask_comes_from():
    told = " ".join(run("report", "--help").output.split())
    assert "150 forward and backward passes a picture" in told
    assert "what it gives or, if only that has positions (a pooling layer), what it gets" in told


def test_choice_becomes_arguments_of_the_page():
    assert HeatMapChoice.of(**OPTIONS).arguments == {}
    alone = HeatMapChoice.of(**{**OPTIONS, "inversion_layer": "a"})
    assert alone.arguments == {"method": NeuronGuidedFeatureInversion, "inversion_layer": "a"}
    both = HeatMapChoice.of(**{**OPTIONS, "inversion_layer": "a", "mask_layer": "b"})
    assert both.arguments == {**alone.arguments, "mask_layer": "b"}
    assert both.top == 3
    assert HeatMapChoice.of(**{**OPTIONS, "heat_maps": False}).top == 0


def test_demo_hands_the_choice_on(monkeypatch, labelled):
    calls = []
    monkeypatch.setattr(demo_page, "write_explorer", lambda *_, **more: calls.append(more))
    monkeypatch.setattr("invert_captum.cli.report.model_fingerprint", lambda _: "same")
    result = json.loads((labelled / "result.json").read_text(encoding="utf-8"))
    result["settings"]["command"] = {"name": "demo"}
    result["settings"]["model"]["sha256"] = "same"
    folder = labelled.parent / "demo"
    folder.mkdir()
    for file in labelled.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    layers = ["--inversion-layer", "_blocks.15", "--mask-layer", "_avg_pooling"]
    for more in (layers, []):
        outcome = run("report", folder, "--top", 2, *more)
        assert outcome.exit_code == 0, outcome.output
    inverted, plain = calls
    assert inverted["method"] is NeuronGuidedFeatureInversion
    assert inverted["inversion_layer"] == "_blocks.15"
    assert inverted["mask_layer"] == "_avg_pooling"
    assert inverted["top"] == plain["top"] == 2
    assert not {"method", "inversion_layer", "mask_layer"} & set(plain)
