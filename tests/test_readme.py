"""The code of the README runs as it is written."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import invert_captum as ic

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INVERSION = (ROOT / "docs" / "feature_inversion.md").read_text(encoding="utf-8")
HARMONIZATION = (ROOT / "docs" / "harmonization.md").read_text(encoding="utf-8")
DEBUGGING = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer4 = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, images):
        return self.head(self.layer4(images).mean((2, 3)))


def python_blocks(text):
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def labelled(pictures, seed):
    """What the README's five lines leave, for a model whose neurons tell red, green and shades."""
    torch.manual_seed(seed)
    model = Model()
    with torch.no_grad():
        signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
        model.layer4[0].weight[:, :2] = signs[:, :, None, None] / 9
    names = {"model": model, "images": pictures}
    exec(python_blocks(README)[0], names)  # noqa: S102 - the README's own code
    activations = names["labeler"].extract(pictures)
    targets = torch.arange(len(pictures)) % 2
    return {**names, "activations": activations, "targets": targets}


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Forty pictures in folders red/bright, red/dark, green/bright, green/dark, as a tensor."""
    rng = np.random.default_rng(0)
    for channel, color in enumerate(["red", "green"]):
        for shade, high in [("bright", 250), ("dark", 120)]:
            folder = tmp_path / "pictures" / color / shade
            folder.mkdir(parents=True)
            for number in range(10):
                pixels = rng.integers(0, 50, (12, 12, 3), dtype=np.uint8)
                pixels[..., channel] = rng.integers(high - 100, high, (12, 12))
                Image.fromarray(pixels).save(folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    files = sorted((tmp_path / "pictures").rglob("*.png"))
    images = np.stack([np.asarray(Image.open(file)) for file in files])
    return torch.tensor(images.transpose(0, 3, 1, 2) / 255, dtype=torch.float32)


def test_the_five_lines(pictures, capsys):
    code = python_blocks(README)[0]
    lines = [line for line in code.splitlines() if line and not line.startswith("import")]
    assert len(lines) == 5
    names = labelled(pictures, 0)
    assert set(names["concepts"].names) == {"bright", "dark", "green", "red"}
    assert len(names["files"]) == len(pictures) == 40
    assert names["result"].keys() == [0, 1, 2, 3]
    assert names["where"].shape == (8, 3, 12, 12)
    assert "4 neurons" in capsys.readouterr().out
    activations = names["labeler"].extract(pictures)
    figure = ic.report.plot_neurons(
        names["result"],
        activations,
        names["concepts"],
        lambda i: pictures[i].permute(1, 2, 0).numpy(),
        [0],
    )
    assert figure.axes


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.filterwarnings("ignore:Input Tensor")
def test_the_lines_from_a_label_to_the_picture(pictures, capsys):
    exec(python_blocks(README)[1], labelled(pictures, 0))  # noqa: S102 - the README's own code
    assert Path("report.html").stat().st_size > 50_000
    assert "because of" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.filterwarnings("ignore:Input Tensor")
def test_the_page_about_debugging(pictures, capsys):
    names = labelled(pictures, 0)
    for block in python_blocks(DEBUGGING):
        exec(block, names)  # noqa: S102 - the page's own code
    assert names["page"].is_file()
    assert names["map_of_layer"].shape == (2, 1, 12, 12)
    assert names["where"].shape == (2, 3, 12, 12)
    assert names["without"].shape == (2, 2)
    assert len(names["table"])
    assert "percentile" in capsys.readouterr().out
    assert Path("neuron.png").is_file()


# A network with random weights may keep nothing that the penalties leave.
@pytest.mark.filterwarnings("ignore:pictures:invert_captum.InvertCaptumWarning")
def test_the_lines_about_what_carries_a_prediction(pictures):
    names = labelled(pictures, 0)
    names["best"] = 0
    exec(python_blocks(README)[2], names)  # noqa: S102 - the README's own code
    assert names["mask"].shape == (8, 3, 12, 12)
    assert names["boxes"].shape == (8, 4)


@pytest.mark.filterwarnings("ignore:pictures:invert_captum.InvertCaptumWarning")
def test_the_page_about_feature_inversion(pictures):
    names = labelled(pictures, 0)
    names["best"] = 0
    for block in python_blocks(INVERSION):
        exec(block, names)  # noqa: S102 - the page's own code
    assert names["free"].shape == names["other"].shape == names["of_neuron"].shape == (2, 3, 12, 12)
    assert names["hits"].shape == (2,)


def with_human_maps(pictures, labels):
    """A model and batches whose human map is the lower half of every picture."""
    names = labelled(pictures, 0)
    heatmaps = torch.rand(len(pictures), 12, 12)
    heatmaps[:, 6:] += 1
    names["optimizer"] = torch.optim.SGD(names["model"].parameters(), lr=1e-3)
    batches = [
        (pictures[i : i + 4], labels[i : i + 4], heatmaps[i : i + 4]) for i in range(0, 32, 4)
    ]
    names["data"], names["held_out"] = batches[:4], batches[4:]
    return names


def test_the_lines_about_where_people_look(pictures, capsys):
    names = with_human_maps(pictures, torch.arange(len(pictures)) % 2)
    exec(python_blocks(README)[3], names)  # noqa: S102 - the README's own code
    assert {"alignment", "accuracy"} <= set(capsys.readouterr().out.split())
    assert Path("harmonized.pt").is_file()


def test_the_page_about_harmonization(pictures):
    names = with_human_maps(pictures, torch.arange(len(pictures)) % 2) | {"torch": torch}
    Path("clickme").mkdir()
    record = (np.full((256, 256, 3), 90, np.uint8), np.eye(256), 7)
    ic.alignment.write_clickme("clickme/train-0.tfrecords", [record] * 2)
    blocks = python_blocks(HARMONIZATION)
    of_keras = [block for block in blocks if ".h5" in block]
    assert len(of_keras) == 1  # Its file is not made here; tests/alignment/weights does that.
    for block in blocks:
        if block not in of_keras:
            exec(block, names)  # noqa: S102 - the page's own code
    assert Path("run.csv").is_file()


def test_every_local_link_and_module_exists():
    root = ROOT
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("https://") or (root / link).exists(), link
    for module in re.findall(r"`(invert_captum[a-z._]*)`", README):
        path = root / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), module
    for module in re.findall(r"python -m (benchmarks\.\w+)", README):
        path = root / module.replace(".", "/")
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists(), module
