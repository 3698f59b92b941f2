"""What each page with code presupposes, and what must hold when its code has run.

A page is a function of an empty folder, which is the current one, and pytest's monkeypatch. It
yields the names that the page takes for given; when all blocks have run in them, it goes on and
checks what they left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from page_code import labelled, with_human_maps, write_pictures
from PIL import Image
from torch import nn
from torchvision import models

import invert_captum as ic

Names = dict[str, Any]
Page = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Names]]

PAGES: dict[str, Page] = {}


def page(name: str) -> Callable[[Callable[..., Iterator[Names]]], Page]:
    """Register the page of docs/ with this path."""

    def register(function: Callable[..., Iterator[Names]]) -> Page:
        PAGES[name] = contextmanager(function)
        return PAGES[name]

    return register


@page("index.md")
def index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    del names["ic"], names["concepts"], names["labeler"], names["result"]
    yield names
    assert len(names["files"]) == names["concepts"].n_samples == 40
    assert len(names["result"]) == 4
    assert names["where"].shape == (8, 3, 12, 12)


@page("getting_started/install.md")
def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names: Names = {}
    yield names
    result = names["ic"].label_neurons(names["activations"], names["concepts"])
    assert str(result[0][0].formula) == "box & ~mailbox"
    assert [result[neuron][0].significant for neuron in (0, 1)] == [True, False]


@page("getting_started/your_model.md")
def your_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    kinds = ["animal/dog", "animal/bird", "vehicle/car", "vehicle/boat", "plant/tree", "plant/rose"]
    colours = {kind: (number // 2, 120 + 120 * (number % 2)) for number, kind in enumerate(kinds)}
    write_pictures(folder / "pictures", colours, count=16, size=40)
    transparent = Image.new("RGBA", (40, 40), (200, 0, 0, 0))
    transparent.save(folder / "pictures" / "animal" / "bird" / "0.png")
    torch.manual_seed(0)
    untrained = models.resnet18().state_dict()
    torch.save(models.resnet18(num_classes=4).state_dict(), folder / "my_resnet18.pth")
    weights = models.ResNet18_Weights.DEFAULT
    as_published = weights.transforms()
    # The page downloads weights; nothing is downloaded here, and smaller pictures are quick.
    monkeypatch.setattr(models.ResNet18_Weights, "get_state_dict", lambda *_, **__: untrained)
    small = partial(weights.transforms, resize_size=72, crop_size=64)
    monkeypatch.setattr(weights.value, "transforms", small)
    names: Names = {}
    yield names
    assert len(names["result"]) == 512
    assert set(names["concepts"]) == {part for kind in kinds for part in kind.split("/")}
    assert len(pd.read_csv("labels.csv")) == 512
    report = Path("report.html").read_text(encoding="utf-8")
    assert any(f'"{name}"' in report for name in weights.meta["categories"])
    assert names["images"].shape == (96, 3, 224, 224)  # of the preprocessing that is spelt out
    assert not any(names["control"][key][0].significant for key in names["control"])
    assert len(ic.LabelingResult.load("result.json")) == 512
    assert names["files"][0] == Path("pictures/animal/bird/0.png")
    white = names["preprocess"](Image.new("RGB", (40, 40), "white"))
    assert torch.equal(names["images"][0], white)  # not the red below the transparency
    assert len(names["class_names"]) == names["model"].fc.out_features
    assert names["make_model"]().state_dict().keys() == names["model"].state_dict().keys()
    with Image.open(names["files"][1]) as picture:
        own, published = names["preprocess"](picture), as_published(picture)
    assert torch.allclose(own, published, atol=0.02)


@page("how_to/bring_your_labels.md")
def bring_your_labels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    ids = names["concepts"].sample_ids
    in_another_order = names["concepts"].take(np.arange(len(ids))[::-1])
    activations = names.pop("activations")
    del names["result"], names["labeler"]
    names |= {"names_of_images": ids, "named_concepts": in_another_order}
    yield names
    assert names["concepts"].names == ("bright", "green", "red")
    assert names["above"].keys() == {"dog", "cat"}
    assert names["is_a"].tolist() == [[1, 0], [1, 0], [0, 1], [1, 0]]
    assert names["sure"].tolist() == [True, False, True, True]
    # Whatever the order of the loader, the same rows came together.
    in_order = ic.label_neurons(activations.flip(0), in_another_order, min_positives=10)
    found, expected = (
        [(str(result[neuron][0].formula), result[neuron][0].heldout_auc) for neuron in range(4)]
        for result in (names["result"], in_order)
    )
    assert found == expected


@page("how_to/choose_layer_and_reduction.md")
def choose_layer_and_reduction(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    del names["result"], names["labeler"]
    yield names
    assert {name: rows.shape[1] for name, rows in names["by_layer"].items()} == {
        "layer3": 3,
        "layer4": 4,
    }
    maps = names["model"].layer4(names["model"].layer3(names["images"])).detach()
    assert torch.equal(names["maximal"], maps.amax((2, 3)))
    assert torch.equal(names["high"], maps.flatten(2).quantile(0.9, dim=2))
    assert torch.equal(names["corners"], maps[:, :, 0, 0])
    assert names["result"].settings["sign"] == "negative"


@page("how_to/label_a_vision_transformer.md")
def label_a_vision_transformer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder, size=32)
    torch.manual_seed(0)
    vit = models.VisionTransformer(32, 8, num_layers=12, num_heads=2, hidden_dim=16, mlp_dim=32)
    del names["result"], names["labeler"], names["model"]
    names["vit"] = vit
    yield names
    assert names["patches"].shape == (2, 1, 32, 32)
    assert names["pixels"].shape == (2, 3, 32, 32)
    assert names["activations"].shape == (40, 32)  # as wide as the Swin's layer
    assert names["small"].num_prefix_tokens == 1
    assert len(names["result"]) == 768


@page("how_to/choose_significance.md")
def choose_significance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    rng = np.random.default_rng(0)
    labels = rng.random((600, 4)) < [0.3, 0.4, 0.2, 0.25]
    activations = rng.normal(size=(600, 6))
    activations[:, :4] += 1.5 * labels
    concepts = ic.ConceptSet(labels, ["red", "bright", "dog", "cat"])
    names = {
        "ic": ic,
        "labeler": SimpleNamespace(labelled=({"layer4": activations}, concepts)),
        "concepts": concepts,
    }
    yield names
    found = [names["result"][neuron][0].significant for neuron in range(6)]
    assert found == [True] * 4 + [False] * 2
    assert not any(names["control"][neuron][0].significant for neuron in range(6))
    assert names["difference"].low > 0  # red, and not bright, is what neuron 0 was made of
    assert len(names["table"]) == 6
    assert len(names["figure"].axes) > 1


@page("how_to/resume_a_killed_run.md")
def resume_a_killed_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    del names["result"], names["labeler"], names["activations"]
    yield names
    assert Path("activations/manifest.json").is_file()
    assert list(Path("labels.checkpoint").glob("unit-*.json"))
    in_memory = ic.NeuronConceptLabeler(names["model"], ["layer3", "layer4"])
    again = in_memory.interpret(names["images"], names["concepts"], min_positives=10)
    assert names["result"].to_frame().equals(again.to_frame())


@page("how_to/run_on_a_cluster.md")
def run_on_a_cluster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names: Names = {}
    yield names
    # tests/labeling/test_large_runs.py runs the script as one.
    assert callable(names["main"])
    assert names["dask"].config.get("distributed.scheduler.allowed-failures") == 20
    names["dask"].config.set({"distributed.scheduler.allowed-failures": 3})


@page("how_to/make_the_explorer.md")
def make_the_explorer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    del names["activations"]
    yield names
    for file in ("report.html", "tokens.html", "pictures.html", "gradients.html"):
        assert Path(file).stat().st_size > 50_000
    pictures = Path("pictures.html").read_text(encoding="utf-8")
    assert "second class" in pictures
    assert "Pictures: our own" in pictures
    assert "NeuronGuidedBackprop" in Path("gradients.html").read_text(encoding="utf-8")
    assert Path("overview.png").is_file()
    assert Path("neurons.png").is_file()
    shown = names["shown"](0)
    assert shown.shape == (12, 12, 3)
    assert 0 <= shown.min() <= shown.max() <= 1


@page("how_to/debug_a_prediction.md")
def debug_a_prediction(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    del names["activations"]
    yield names
    assert len(names["unusual"])
    assert names["where"].shape == (2, 3, 12, 12)
    assert names["map_of_layer"].shape == (2, 1, 12, 12)
    parts = names["parts"]
    assert len(parts.prediction) == 2
    expected = names["activations"][:2].clone()
    expected[:, names["best"]] = 0
    assert torch.allclose(names["without"], names["model"].head(expected))
    assert len(names["table"])
    assert Path("neuron.png").is_file()


@page("how_to/use_an_attribution_method.md")
def use_an_attribution_method(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    yield names
    for name in ("pixels", "shap", "through", "guided", "smooth"):
        assert names[name].shape == (4, 3, 12, 12), name
    for name in ("regions", "part", "before_pooling", "energy"):
        assert names[name].shape == (4, 1, 12, 12), name
    assert names["hits"].shape == (4,)
    # Without noise the mean over copies is the gradient itself.
    labeler, best, images = names["labeler"], names["best"], names["images"][:4]
    plain = labeler.attribute(images, best, names["NeuronSmoothGrad"], n_samples=1, std=0.0)
    assert torch.allclose(plain, names["pixels"])


@page("how_to/invert_features.md")
def invert_features(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = labelled(folder)
    yield names
    for name in ("mask", "other", "free", "quick", "small", "of_neuron"):
        assert names[name].shape == (2, 3, 12, 12), name
        assert 0 <= names[name].min() <= names[name].max() <= 1, name
    assert names["boxes"].shape == (2, 4)
    assert names["details"].masked_output.shape == (2,)
    assert names["hits"].shape == (2,)


@page("how_to/evaluate_alignment.md")
def evaluate_alignment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = with_human_maps(labelled(folder))
    Path("clickme").mkdir()
    record = (np.full((256, 256, 3), 90, np.uint8), np.eye(256), 7)
    ic.alignment.write_clickme("clickme/val-0.tfrecords", [record] * 2)
    torch.manual_seed(1)
    names["other_model"] = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 2))
    names["concepts"] = names["concepts"].take(names.pop("rows_of_held_out"))
    del names["images"]
    yield names
    assert names["images"].shape == (2, 3, 224, 224)
    assert next(iter(names["own"])).label == 7
    assert len(names["scores"]) == 16
    assert names["integrated"].settings.attribution == "IntegratedGradients"
    assert names["difference"].spearman.n == 16
    assert set(names["by_concept"]["concept"]) == set(names["concepts"])
    assert np.array_equal(names["again"].spearman, names["scores"].spearman)


@page("how_to/train_with_human_maps.md")
def train_with_human_maps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = with_human_maps(labelled(folder))
    before = names["model"].head.weight.detach().clone()
    yield names
    assert len(pd.read_csv("run.csv")) == 8
    assert Path("run.pt").is_file()
    assert len(names["log"]) == 4
    assert not torch.equal(before, names["model"].head.weight)
    assert names["terms"].harmonization > 0


@page("reference/api/index.md")
def python_api(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names: Names = {}
    yield names
    assert names["ic"].alignment.harmonize
    assert names["ic"].attr.GuidedFeatureInversion
