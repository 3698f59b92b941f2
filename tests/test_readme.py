"""The code of the README runs as it is written."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import invert_captum as ic

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer4 = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        return self.layer4(images).mean((2, 3))


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
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    lines = [line for line in code.splitlines() if line and not line.startswith("import")]
    assert len(lines) == 5
    names = {"model": Model(), "images": pictures}
    exec(code, names)  # noqa: S102 - the README's own code
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


def test_every_local_link_and_module_exists():
    root = Path(__file__).parents[1]
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("https://") or (root / link).exists(), link
    for module in re.findall(r"`(invert_captum[a-z._]*)`", README):
        path = root / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), module
    for module in re.findall(r"python -m (benchmarks\.\w+)", README):
        path = root / module.replace(".", "/")
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists(), module
