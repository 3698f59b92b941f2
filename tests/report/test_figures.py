from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import invert_captum as ic
from invert_captum.report import plot_neurons, showcase_keys
from invert_captum.report.neuron_card import INSIDE, NeuronCard

CREDIT = "Emoji artwork: Twemoji © Twitter, Inc and other contributors, CC-BY 4.0"


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, min_positives=5)


def picture(index: int) -> Image.Image:
    return Image.new("RGBA", (20 + index % 7, 30), (index % 256, 10, 200, 128))


def texts(figure) -> str:
    drawn = [text.get_text() for text in figure.texts]
    drawn += [text.get_text() for axes in figure.axes for text in axes.texts]
    return "\n".join(drawn)


def test_cards_tell_label_scores_and_credit(result, activations, concepts):
    figure = plot_neurons(result, activations, concepts, picture, [0, 1], CREDIT, caption="chosen")
    told = texts(figure)
    for key in (0, 1):
        best = result[key][0]
        assert str(best.formula) in told
        assert f"AUC {best.auc:.3f}, held out {best.heldout_auc:.3f}" in told
        assert f"{best.n_positive} positives" in told
    assert CREDIT in told
    assert "chosen" in told
    assert "not significant" not in told
    assert len(figure.axes) == 2 * (1 + 8)


def test_share_at_zero_is_written_out(result, activations, concepts):
    told = texts(plot_neurons(result, activations, concepts, picture, [1]))
    members = result[1][0].formula.evaluate(concepts)
    at_zero = activations[:, 1] == 0
    assert f"exactly 0:\n{at_zero[members].mean():.0%}\n{at_zero[~members].mean():.0%}" in told


def test_doubtful_labels_say_so(result, activations, concepts):
    assert result[5][0].significant is False
    assert "not significant" in texts(plot_neurons(result, activations, concepts, picture, [5]))


def test_figure_is_written_without_pyplot(tmp_path, result, activations, concepts):
    sys.modules.pop("matplotlib.pyplot", None)
    plot_neurons(result, activations, concepts, picture, result.keys()).savefig(tmp_path / "a.png")
    assert "matplotlib.pyplot" not in sys.modules
    assert Image.open(tmp_path / "a.png").width > 1500


def test_text_stays_on_the_figure_and_dollars_are_text(tmp_path, rng):
    names = ["cost $5$ & $x", "A-name-without-a-single-space-that-is-wider-than-any-card-could-be"]
    labels = rng.random((300, 2)) < 0.4
    concepts = ic.ConceptSet(labels, names)
    activations = rng.normal(size=(300, 2)) + 3 * labels
    result = ic.label_neurons(activations, concepts)
    figure = plot_neurons(result, activations, concepts, picture, [0, 1], "credit " * 60)
    figure.savefig(tmp_path / "figure.png")
    assert '"cost $5$ & $x"' in texts(figure)
    right = figure.bbox.x1
    assert all(text.get_window_extent().x0 >= 0 for text in figure.texts)
    assert all(text.get_window_extent().x1 <= right for text in figure.texts)


def test_nearly_constant_and_huge_neurons_are_drawn(tmp_path, rng):
    labels = rng.random((200, 2)) < 0.4
    concepts = ic.ConceptSet(labels, ["a", "b"])
    activations = np.zeros((200, 3))
    activations[:1, 0] = 1
    activations[:, 1] = np.where(labels[:, 0], 1e30, -1e30)
    activations[:, 2] = 5 + 1e-9 * rng.random(200)
    result = ic.label_neurons(activations, concepts, significance=None)
    plot_neurons(result, activations, concepts, picture, [0, 1, 2]).savefig(tmp_path / "f.png")


def test_torch_activations_of_layers_by_name(concepts, activations):
    layers = {name: torch.tensor(activations).bfloat16() for name in ("conv", "fc")}
    result = ic.label_neurons(layers, concepts)
    told = texts(plot_neurons(result, layers, concepts, picture, [("fc", 0), ("conv", 1)]))
    assert "neuron fc[0]" in told
    assert "neuron conv[1]" in told


def test_samples_of_a_store_are_found_by_their_names(tmp_path, activations, concepts, rng):
    names = [f"sample {row}" for row in range(600)]
    named = ic.ConceptSet(concepts.labels, concepts.names, sample_ids=names)
    rows = torch.tensor(activations)
    samples = [(row, {"sample_ids": name}) for row, name in zip(rows, names, strict=True)]
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(torch.nn.Identity()), "0")
    store = labeler.extract(DataLoader(samples, batch_size=100), store=tmp_path / "store")
    result = ic.label_neurons(store, named)
    other = named.take(rng.permutation(600))
    assert showcase_keys(result, store, other, 2) == showcase_keys(result, rows, concepts, 2)
    told = texts(plot_neurons(result, store, other, picture, [1]))
    assert told == texts(plot_neurons(result, rows, concepts, picture, [1]))


def test_arrays_are_pictures_too(result, activations, concepts, rng):
    plot_neurons(result, activations, concepts, lambda _: rng.random((4, 5)), [0])
    plot_neurons(result, activations, concepts, lambda _: rng.random((4, 5, 3)), [0])


def drawn_pictures(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_pictures_are_drawn_alike_as_images_arrays_and_tensors(
    result, activations, concepts, rng, scale
):
    pixels = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    pixels[0, 0], pixels[0, 1] = 0, 255
    numbers = torch.tensor(pixels.transpose(2, 0, 1) / 255 * scale)
    for picture in (Image.fromarray(pixels), pixels, numbers, numbers.movedim(0, 2).numpy()):
        figure = plot_neurons(result, activations, concepts, lambda _, one=picture: one, [0])
        drawn = drawn_pictures(figure)
        assert len(drawn) == 8
        assert all(np.allclose(one, pixels / 255) for one in drawn)


def test_transparent_pictures_are_drawn_on_white(result, activations, concepts):
    clear = Image.new("RGBA", (4, 5), (200, 0, 0, 0))
    for one in drawn_pictures(plot_neurons(result, activations, concepts, lambda _: clear, [0])):
        assert (one == 1).all()


def test_top_samples_follow_the_direction_of_the_label(activations, concepts):
    high = ic.label_neurons(activations, concepts)[0][0]
    low = ic.label_neurons(activations, concepts, sign="negative")[0][0]
    values, members = activations[:, 0], np.zeros(600, dtype=bool)
    order = np.argsort(values)
    assert NeuronCard("", high, values, members).top_samples(3).tolist() == order[:-4:-1].tolist()
    assert NeuronCard("", low, values, members).top_samples(3).tolist() == order[:3].tolist()


def test_frames_are_coloured_where_the_label_holds(result, activations, concepts):
    figure = plot_neurons(result, activations, concepts, picture, [0])
    coloured = [
        patch
        for patch in figure.patches + figure.artists
        if hasattr(patch, "get_linewidth") and patch.get_linewidth() == 2.2
    ]
    top = np.argsort(-activations[:, 0], kind="stable")[:8]
    assert len(coloured) == result[0][0].formula.evaluate(concepts)[top].sum()
    assert INSIDE == "#D55E00"


def test_refusals(result, activations, concepts):
    with pytest.raises(ValueError, match="keys is empty"):
        plot_neurons(result, activations, concepts, picture, [])
    with pytest.raises(KeyError, match="99"):
        plot_neurons(result, activations, concepts, picture, [99])
    with pytest.raises(ValueError, match="activations has 599 samples; the result is of 600"):
        plot_neurons(result, activations[1:], concepts, picture, [0])
    with pytest.raises(ValueError, match="activations has 5 neurons; the result has 5"):
        plot_neurons(result, activations[:, :5], concepts, picture, [5])
    with pytest.raises(ValueError, match="columns is 0"):
        plot_neurons(result, activations, concepts, picture, [0], columns=0)
    with pytest.raises(TypeError, match="concepts is a str; expected a ConceptSet"):
        plot_neurons(result, activations, "dog", picture, [0])


def test_other_data_of_the_same_size_are_refused(result, activations, concepts, rng):
    order = rng.permutation(600)
    for others in (
        (activations, concepts.take(order)),
        (activations[order], concepts),
        (activations, ic.ConceptSet(rng.random((600, 8)) < 0.3, concepts.names)),
    ):
        with pytest.raises(ValueError, match=r"AUC 0.* held-out samples, but result has 0"):
            plot_neurons(result, *others, picture, [0])
    fewer = concepts.select([name for name in concepts.names if name != "rare"])
    with pytest.raises(ValueError, match="concepts has no 'rare', which the result was searched"):
        plot_neurons(result, activations, fewer, picture, [0])


def test_every_drawn_neuron_is_checked(result, activations, concepts, rng):
    activations[:, 1] = rng.permutation(activations[:, 1])
    assert plot_neurons(result, activations, concepts, picture, [0])
    with pytest.raises(ValueError, match="of neuron 1 the AUC"):
        plot_neurons(result, activations, concepts, picture, [0, 1])


@pytest.mark.parametrize("significance", ["holdout", "in_sample"])
@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_the_data_of_the_labelling_pass_in_less_precision(
    activations, concepts, significance, sign
):
    result = ic.label_neurons(activations, concepts, significance=significance, sign=sign)
    kept = activations.astype(np.float16)
    assert plot_neurons(result, kept, concepts, picture, result.keys()).axes


@pytest.mark.parametrize(
    ("given", "came"),
    [
        ("x", r"shape \(\) and dtype <U1; expected numbers"),
        (None, r"shape \(\) and dtype object; expected numbers"),
        (np.zeros(4), r"shape \(4,\) and dtype float64; expected numbers"),
        (torch.zeros(2, 4, 5), r"shape \(2, 4, 5\); expected 1, 3 or 4 channels"),
        (np.zeros((0, 4)), r"shape \(0, 4\) and dtype float64; expected numbers"),
        (np.array([["a"]]), r"shape \(1, 1\) and dtype <U1; expected numbers"),
        (np.full((4, 5), np.nan), "NaN or infinite values; expected finite ones"),
    ],
)
def test_what_is_no_picture_is_refused(result, activations, concepts, given, came):
    first = int(activations[:, 0].argmax())
    with pytest.raises(ValueError, match=rf"pictures has one .*{came}.* \(sample {first}\)"):
        plot_neurons(result, activations, concepts, lambda _: given, [0])


def test_pictures_that_are_no_function_are_refused(result, activations, concepts):
    with pytest.raises(TypeError, match="pictures is a list; expected a function from a sample"):
        plot_neurons(result, activations, concepts, [picture(i) for i in range(600)], [0])


def test_neuron_without_label_is_refused(activations, concepts):
    activations[:, 3] = 1
    with pytest.warns(ic.InvertCaptumWarning):
        result = ic.label_neurons(activations, concepts)
    with pytest.raises(ValueError, match="3, which has no label"):
        plot_neurons(result, activations, concepts, picture, [3])


def test_missing_layer_is_refused(activations, concepts):
    layers = {"conv": activations, "fc": activations}
    result = ic.label_neurons(layers, concepts)
    with pytest.raises(ValueError, match="activations has no layer 'fc'"):
        plot_neurons(
            result, {"conv": activations, "x": activations}, concepts, picture, [("fc", 0)]
        )
