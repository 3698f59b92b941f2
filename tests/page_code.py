"""Code blocks of Markdown pages, and what the pages presuppose: a small network, labelled."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import invert_captum as ic

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(`{3,})([^\n`]*)\n(.*?)^\1$", flags=re.DOTALL | re.MULTILINE)


def code_blocks(text: str, language: str) -> list[str]:
    """Return the blocks of a page that are fenced with exactly this word, such as ``python``."""
    return [code for _, word, code in _FENCE.findall(text) if word.strip() == language]


def run_block(code: str, names: dict[str, Any], where: str) -> None:
    """Run a block as it is written; one of prompts must print what it says."""
    if not code.startswith(">>> "):
        exec(compile(code, where, "exec"), names)  # noqa: S102 - the page's own code
        return
    examples = doctest.DocTestParser().get_doctest(code, names, where, None, 0)
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    outcome = doctest.DocTestRunner(optionflags=options).run(examples)
    assert outcome.failed == 0, f"{where} prints something else"


class SmallNetwork(nn.Module):
    """A classifier of two classes whose four neurons in ``layer4`` tell red, green and shades."""

    def __init__(self) -> None:
        super().__init__()
        self.layer3 = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
        self.layer4 = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 2)
        with torch.no_grad():
            self.layer3[0].weight[..., 0, 0] = torch.eye(3)
            self.layer3[0].bias.zero_()
            signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
            self.layer4[0].weight[:, :2] = signs[:, :, None, None] / 9

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.avgpool(self.layer4(self.layer3(images))).flatten(1))


def write_pictures(folder: Path, kinds: dict[str, tuple[int, int]], count: int, size: int) -> None:
    """Write pictures that are one colour channel, up to a brightness, and noise in the others.

    Args:
        folder: Where to.
        kinds: For a folder inside, such as ``red/bright``, the channel and its highest value.
        count: How many pictures of each kind.
        size: Their height and width in pixels.
    """
    rng = np.random.default_rng(0)
    for kind, (channel, high) in kinds.items():
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 50, (size, size, 3), dtype=np.uint8)
            pixels[..., channel] = rng.integers(high - 100, high, (size, size))
            Image.fromarray(pixels).save(folder / kind / f"{number}.png")


def read_pictures(folder: Path) -> Tensor:
    """Return the pictures of a folder in the order of their paths, with values in [0, 1]."""
    pictures = [np.asarray(Image.open(file)) for file in sorted(folder.rglob("*.png"))]
    return torch.tensor(np.stack(pictures).transpose(0, 3, 1, 2) / 255, dtype=torch.float32)


RED_AND_GREEN = {
    "red/bright": (0, 250),
    "red/dark": (0, 120),
    "green/bright": (1, 250),
    "green/dark": (1, 120),
}


def labelled(folder: Path, size: int = 12) -> dict[str, Any]:
    """Return what the README's five lines leave, of forty pictures written into ``pictures``.

    Beside these names there are ``torch``, ``activations``, and ``targets``, a class for each
    picture.
    """
    write_pictures(folder / "pictures", RED_AND_GREEN, count=10, size=size)
    torch.manual_seed(0)
    model, images = SmallNetwork(), read_pictures(folder / "pictures")
    _, concepts = ic.ConceptSet.from_image_folder(folder / "pictures")
    labeler = ic.NeuronConceptLabeler(model, "layer4")
    result = labeler.interpret(images, concepts, min_positives=10)
    return {
        "ic": ic,
        "torch": torch,
        "model": model,
        "images": images,
        "concepts": concepts,
        "labeler": labeler,
        "result": result,
        "activations": labeler.reference["layer4"],
        "targets": torch.arange(len(images)) % 2,
    }


def with_human_maps(names: dict[str, Any]) -> dict[str, Any]:
    """Add batches to train and to measure on, whose human map is the lower half of a picture.

    ``rows_of_held_out`` says which pictures the latter are.
    """
    images, targets = names["images"], names["targets"]
    heatmaps = torch.rand(len(images), *images.shape[2:])
    heatmaps[:, images.shape[2] // 2 :] += 1
    rows = torch.arange(32).reshape(4, 8).T  # of each colour and shade in every batch
    batches = [(images[some], targets[some], heatmaps[some]) for some in rows]
    optimizer = torch.optim.SGD(names["model"].parameters(), lr=1e-3)
    return {
        **names,
        "optimizer": optimizer,
        "data": batches[:4],
        "held_out": batches[4:],
        "rows_of_held_out": rows[4:].flatten(),
    }
