from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from captum.attr import NeuronGradient
from page_elements import Page
from torch import nn

import invert_captum as ic
from invert_captum.report import best_keys
from invert_captum.report.explorer import write_explorer

HOSTILE = [
    "<script>alert(1)</script>",
    "quo\"ted' & back\\slash",
    "\u202eright to left كلب",
    "O'Brien=1+1",
    "🐶 dog",
    "</script><!--",
    "]]>",
    "plain",
]


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, max_length=2, top_k=2)


@pytest.fixture
def write(tmp_path):
    def written(*arguments, **options):
        path = write_explorer(arguments[0], tmp_path / "page.html", *arguments[1:], **options)
        return Page(path.read_text(encoding="utf-8"))

    return written


def pictures(n_samples=600):
    grey = np.linspace(0, 255, n_samples).astype(np.uint8)
    return [np.full((20, 30), level) for level in grey]


def test_the_result_alone_makes_a_page(result, write):
    page = write(result)
    report = page.block("report")
    assert report["neurons"]["key"] == [f"layer/{key}" for key in result]
    assert [report["neurons"][name] for name in ("top", "density", "roc")] == [None] * 3
    assert page.block("samples") == page.block("heatmaps") == report["neurons"]["classes"] == {}


def test_the_blocks_fit_together(result, activations, concepts, write):
    page = write(result, activations, concepts, shown=pictures(), title="A & B", credit="by me")
    report, samples = page.block("report"), page.block("samples")
    neurons = report["neurons"]
    shown = {str(sample) for top in neurons["top"] for sample in top}
    assert set(samples) == shown
    assert samples[next(iter(samples))]["image"].startswith("data:image/webp;base64,")
    assert {len(top) for top in neurons["top"]} == {8}
    assert all(
        len(column) == len(result)
        for name, column in neurons.items()
        if name not in ("density", "roc", "classes")
    )
    sizes = {"density": 2 * neurons["density"]["points"], "roc": neurons["roc"]["points"]}
    for name, size in sizes.items():
        assert len(base64.b64decode(neurons[name]["curves"])) == size * len(result)
    assert neurons["roc"]["heldout"] is True
    assert (report["title"], report["credit"]) == ("A & B", "by me")
    assert report["version"] == 1
    assert report["n_samples"] == 600
    assert page.texts("title") == ["A & B"]


def test_each_picture_is_there_once(result, activations, concepts, tmp_path):
    same = np.arange(600) % 7 == 0
    twin = np.where(same[:, None], activations[:, :1] + 9, activations)
    labelled = ic.label_neurons(twin, concepts, max_length=1)
    calls = []

    def shown(index):
        calls.append(index)
        return pictures()[index]

    write_explorer(labelled, tmp_path / "page.html", twin, concepts, shown=shown)
    assert len(calls) == len(set(calls)) < 6 * 8


def test_the_limit_keeps_the_samples_of_the_best_supported(result, activations, concepts, write):
    with pytest.warns(ic.InvertCaptumWarning, match="max_megabytes"):
        page = write(result, activations, concepts, shown=pictures(), max_megabytes=0.002)
    report, samples = page.block("report"), page.block("samples")
    neurons = report["neurons"]
    wanted = {sample for top in neurons["top"] for sample in top}
    assert report["pictures_left_out"] == len(wanted) - len(samples) > 0
    best = list(result).index(best_keys(result, 1)[0])
    assert set(map(str, neurons["top"][best])) & set(samples)


def test_the_policy_is_that_of_the_scripts_and_nothing_is_loaded(
    result, activations, concepts, tmp_path
):
    path = write_explorer(
        result, tmp_path / "page.html", activations, concepts, shown=pictures(), title="T"
    )
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    run = [*page.texts("style"), *page.texts("script")]
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in run
    }
    assert hashes == set(re.findall(r"'sha256-[^']*'", page.policy))
    assert "default-src 'none'" in page.policy
    outside = re.sub(r'(<script type="application/json"[^>]*>)[^<]*', r"\1", html)
    outside = outside.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|url\(|@import|\bsrc=|[\"'(]//", outside)
    assert not re.search(r"\son\w+=|\sstyle=", outside.split("<script", 1)[0])


def test_hostile_names_are_text(activations, write):
    labels = np.random.default_rng(1).random((600, len(HOSTILE))) < 0.3
    values = activations.copy()
    values[:, 0] += 9 * labels[:, 0]
    described = [f"{name}\u2028" for name in HOSTILE]
    concepts = ic.ConceptSet(labels, HOSTILE, described, [f"{HOSTILE[0]}{i}" for i in range(600)])
    result = ic.label_neurons({HOSTILE[0]: values}, concepts, max_length=2)
    texts = [f'"{HOSTILE[0]}"\u2028\ud800'] * 600
    page = write(result, values, concepts, shown=texts, title=HOSTILE[5], credit=HOSTILE[1])
    clean = write(ic.label_neurons(values, concepts, max_length=2))
    assert len(page.texts("script")) == len(clean.texts("script"))
    report, samples = page.block("report"), page.block("samples")
    assert report["concepts"]["name"] == HOSTILE
    assert report["concepts"]["description"] == described
    assert report["layers"] == [HOSTILE[0]]
    assert report["title"] == HOSTILE[5]
    assert page.texts("title") == [HOSTILE[5]]
    index, sample = next(iter(samples.items()))
    assert sample == {"text": texts[0].replace("\ud800", "\ufffd"), "name": f"{HOSTILE[0]}{index}"}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("a text", {"text": "a text"}),
        (["two", " tokens"], {"tokens": ["two", " tokens"]}),
        ({"age": 3}, {"numbers": [["age", 3.0]]}),
        (np.array([0.5]), {"numbers": [["dose", 0.5]]}),
    ],
)
def test_texts_tokens_and_numbers(result, activations, concepts, write, item, expected):
    page = write(
        result, activations, concepts, inputs=[item] * 600, feature_names=["dose"], n_shown=1
    )
    index, sample = next(iter(page.block("samples").items()))
    assert sample == {**expected, "name": f"row {index}"}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


@pytest.fixture
def images(concepts):
    noise = torch.rand(600, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    noise[:, :, :4, :4] += 2 * torch.as_tensor(concepts["dog"]).float()[:, None, None, None]
    return noise


def test_heat_maps_and_classes_of_the_top_neurons_of_two_layers(network, images, concepts, write):
    labeler = ic.NeuronConceptLabeler(network, ["1", "4"])
    result = labeler.interpret(images, concepts, max_length=1)
    activations = labeler.extract(images)
    page = write(
        result,
        activations,
        concepts,
        inputs=images,
        labeler=labeler,
        top=5,
        class_names=list("abc"),
    )
    report, heat_maps = page.block("report"), page.block("heatmaps")
    assert report["layers"] == ["1", "4"]
    assert heat_maps.pop("method") == "1: LayerActivation, 4: NeuronIntegratedGradients"
    assert len(heat_maps) == 5
    assert set(report["neurons"]["classes"]) == set(heat_maps)
    for row, maps in heat_maps.items():
        assert set(maps) == set(map(str, report["neurons"]["top"][int(row)]))
        assert all(one["size"] == [10, 10] for one in maps.values())
    changed = [name for one in report["neurons"]["classes"].values() for name, _ in one]
    assert set(changed) <= set("abc")
    assert "image" in next(iter(page.block("samples").values()))
    row = report["neurons"]["key"].index("4/1")
    if str(row) in report["neurons"]["classes"]:
        # The neuron is the score of class b itself.
        top = report["neurons"]["top_activation"][row]
        change = -sum(top) / len(top)
        ((name, shown),) = report["neurons"]["classes"][str(row)]
        assert name == "b"
        assert shown == pytest.approx(change, rel=1e-4)


def test_what_the_labeler_labelled_is_enough(network, images, concepts, write):
    labeler = ic.NeuronConceptLabeler(network, "1")
    result = labeler.interpret(images, concepts, max_length=1)
    page = write(result, inputs=images, labeler=labeler, method=NeuronGradient, top=1)
    assert page.block("heatmaps")["method"] == "NeuronGradient"
    assert page.block("report")["neurons"]["top_member"]


def test_no_top_neurons_no_heat_maps(network, images, concepts, write):
    labeler = ic.NeuronConceptLabeler(network, "1")
    result = labeler.interpret(images, concepts, max_length=1)
    activations = labeler.extract(images)
    page = write(result, activations, concepts, inputs=images, labeler=labeler, top=0)
    assert page.block("heatmaps") == page.block("report")["neurons"]["classes"] == {}
    assert page.block("samples")
    with pytest.raises(ValueError, match="activations is None, but heat maps are made"):
        write(result, inputs=images, labeler=SimpleNamespace(model=network, layer="1"))


@pytest.mark.parametrize("name", ["page.pdf", "page", "page.html.gz"])
def test_another_suffix_is_refused(result, tmp_path, name):
    with pytest.raises(ValueError, match=r"path is .* ends in .html"):
        write_explorer(result, tmp_path / name)


def test_a_missing_folder_is_refused(result, tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        write_explorer(result, tmp_path / "none" / "page.html")


def test_arguments_that_nothing_takes_are_refused(result, tmp_path):
    path = tmp_path / "page.html"
    with pytest.raises(TypeError, match=r"unexpected argument 'tittle', .* nearest names: 'title'"):
        write_explorer(result, path, tittle="T")
    with pytest.raises(TypeError, match="method is given, but no labeler"):
        write_explorer(result, path, method=NeuronGradient)


def test_an_error_leaves_the_old_page(result, activations, concepts, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(TypeError, match="is shown as"):
        write_explorer(result, path, activations, concepts, shown=lambda _: None)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_loaded_result_makes_the_same_page(result, activations, concepts, write, tmp_path):
    result.save(tmp_path / "result.json")
    loaded = ic.LabelingResult.load(tmp_path / "result.json")
    named = dataclasses.replace(loaded)
    pages = [write(one, activations, concepts).block("report") for one in (result, named)]
    assert pages[0] == pages[1]
