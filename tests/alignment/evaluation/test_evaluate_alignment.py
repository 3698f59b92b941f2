"""The evaluation equals the reference's, leaves the model alone, refuses what it cannot score."""

import numpy as np
import pytest
import torch
from captum.attr import (
    InputXGradient,
    LayerGradCam,
    NeuronGradient,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from scipy import stats
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, SubsetRandomSampler, TensorDataset

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.evaluation.compare import compare_alignment
from invert_captum.alignment.evaluation.evaluate import HUMAN_CEILING, evaluate_alignment


class Scaled(nn.Module):
    """The reference's little network, with its preprocessing of pictures from 0 to 255."""

    def __init__(self, golden, variant):
        super().__init__()
        act = {"relu": nn.ReLU, "softplus": nn.Softplus}[variant]
        self.conv1 = nn.Conv2d(3, 6, 3, padding="same")
        self.conv2 = nn.Conv2d(6, 8, 3, padding="same")
        self.head = nn.Linear(8, 5)
        self.body = nn.Sequential(self.conv1, act(), self.conv2, act())
        for name, kernel in (("conv1", "oihw"), ("conv2", "oihw"), ("head", "oi")):
            layer = getattr(self, name)
            layer.weight.data = torch.from_numpy(golden[f"eval/{variant}/{name}_kernel_{kernel}"])
            layer.bias.data = torch.from_numpy(golden[f"eval/{variant}/{name}_bias"])

    def forward(self, images):
        return self.head(self.body(images).mean((2, 3)))


@pytest.fixture(params=["relu", "softplus"])
def variant(request):
    return request.param


@pytest.fixture
def reference(golden, variant):
    """The model and its batch: pictures from 0 to 1, one-hot labels, human maps."""
    images = torch.from_numpy(golden[f"eval/{variant}/images_nhwc_0_255"]).permute(0, 3, 1, 2) / 255
    labels = torch.from_numpy(golden[f"eval/{variant}/labels_onehot"])
    heatmaps = torch.from_numpy(golden[f"eval/{variant}/heatmaps_nhw1"])[..., 0]
    return Scaled(golden, variant), (images, labels, heatmaps)


def always(maps):
    return lambda *_: maps


def halves(batch):
    return [tuple(part[:2] for part in batch), tuple(part[2:] for part in batch)]


def test_scores_are_those_of_the_reference(reference, golden, golden_facts, variant):
    model, batch = reference
    scores = evaluate_alignment(model, halves(batch))
    for name in ("spearman", "dice", "iou"):
        expected = golden[f"eval/{variant}/{name}"]
        np.testing.assert_allclose(getattr(scores, name), expected, atol=5e-6, err_msg=name)
    facts = golden_facts["evaluation"]
    assert scores.alignment == pytest.approx(facts[variant]["alignment_score"], abs=5e-6)
    assert facts["human_spearman_ceiling"] == HUMAN_CEILING
    assert scores.labels.tolist() == batch[1].argmax(1).tolist()


def test_the_default_attribution_is_the_saliency_of_the_reference(reference, golden, variant):
    model, batch = reference
    theirs = torch.from_numpy(golden[f"eval/{variant}/saliency"])
    seen = []

    def saliency(images, labels):
        seen.append(Saliency(model).attribute(images, labels))
        return seen[-1]

    own = evaluate_alignment(model, [batch], saliency)
    torch.testing.assert_close(seen[0].amax(1), theirs, rtol=1e-4, atol=1e-6)
    given = evaluate_alignment(model, [batch], always(theirs))
    np.testing.assert_allclose(own.spearman, given.spearman, atol=5e-6)


def test_labels_as_indices_and_one_hot_give_the_same(reference):
    model, (images, labels, heatmaps) = reference
    one_hot = evaluate_alignment(model, [(images, labels, heatmaps)])
    indices = evaluate_alignment(model, [(images, labels.argmax(1), heatmaps)])
    assert one_hot.spearman.tolist() == indices.spearman.tolist()


def test_an_empty_human_map_is_left_out_of_the_mean_with_a_warning(
    reference, golden_facts, variant
):
    model, (images, labels, heatmaps) = reference
    heatmaps = heatmaps.clone()
    heatmaps[2] = 0
    with pytest.warns(InvertCaptumWarning, match=r"spearman is NaN for 1 of 4 images \(rows 2\)"):
        scores = evaluate_alignment(model, [(images, labels, heatmaps)])
    facts = golden_facts["evaluation"][variant]["with_empty_heatmap_for_image2"]
    assert np.isnan(scores.spearman).tolist() == facts["spearman_is_nan"]
    np.testing.assert_allclose(scores.dice, facts["dice"], atol=1e-6)
    np.testing.assert_allclose(scores.iou, facts["iou"], atol=1e-6)
    assert scores.alignment == pytest.approx(np.nanmean(scores.spearman) / HUMAN_CEILING)
    assert scores.summary().loc["spearman", "n"] == 3


# Below here on a small model of its own.


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.Softplus(),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(6, 3, 8, 9, generator=generator)
    return images, torch.tensor([0, 1, 2, 2, 1, 0]), torch.rand(6, 8, 9, generator=generator)


def test_scores_by_hand(model, batch):
    images, labels, heatmaps = batch
    scores = evaluate_alignment(model, [batch])
    model.eval()
    own = images.clone().requires_grad_()
    logits = model(own)
    (gradient,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), own)
    maps = gradient.abs().amax(1)
    expected = [
        stats.spearmanr(a.flatten(), b.flatten()).statistic
        for a, b in zip(heatmaps, maps, strict=True)
    ]
    np.testing.assert_allclose(scores.spearman, expected, atol=1e-9)
    assert scores.predicted.tolist() == logits.argmax(1).tolist()
    assert scores.accuracy == (logits.argmax(1) == labels).double().mean().item()


def test_the_way_of_batching_does_not_matter(model, batch):
    whole = evaluate_alignment(model, [batch])
    loader = DataLoader(TensorDataset(*batch), batch_size=4)
    parted = evaluate_alignment(model, loader, show_progress=True)
    np.testing.assert_allclose(parted.spearman, whole.spearman, atol=1e-4)
    assert parted.rows.tolist() == list(range(6))


def test_rows_without_a_human_map_are_left_out(model, batch):
    images, labels, heatmaps = batch
    without = heatmaps.clone()
    without[[1, 4]] = torch.nan
    tokens = torch.tensor([1.0, 0.0, 1.0, 0.5, 0.0, 1.0])
    other_labels = labels.clone()
    other_labels[1] = 99
    scores = evaluate_alignment(model, [(images, other_labels, without, tokens)])
    whole = evaluate_alignment(model, [batch])
    assert scores.rows.tolist() == [0, 2, 3, 5]
    assert scores.n_left_out == 2
    np.testing.assert_allclose(scores.spearman, whole.spearman[scores.rows], atol=1e-4)


def test_a_batch_without_human_maps_among_others_is_passed_over(model, batch):
    empty = tuple(part[:0] for part in batch)
    none = (*batch, torch.zeros(6))
    scores = evaluate_alignment(model, [none, empty, batch])
    assert scores.rows.tolist() == list(range(6, 12))
    assert scores.n_left_out == 6


def test_the_model_and_the_data_are_as_before(model, batch):
    model[1].eval()
    model[0].weight.requires_grad_(False)
    model[6].weight.grad = torch.ones(3, 16)
    before = [module.training for module in model.modules()]
    images = batch[0].clone()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="labels of batch 1 has 3"):
        evaluate_alignment(model, [batch, (batch[0], batch[1] + 1, batch[2])])
    evaluate_alignment(model, [batch])
    assert [module.training for module in model.modules()] == before
    assert not model[0].weight.requires_grad
    assert model[0].bias.grad is None
    assert torch.equal(model[6].weight.grad, torch.ones(3, 16))
    assert torch.equal(batch[0], images)
    assert not batch[0].requires_grad
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_class_an_instance_and_a_function_of_captum_are_the_same(model, batch, recwarn):
    model.eval()
    method = InputXGradient(model)
    by_class = evaluate_alignment(model, [batch], InputXGradient)
    by_instance = evaluate_alignment(model, [batch], method)
    by_function = evaluate_alignment(
        model, [batch], lambda images, labels: method.attribute(images, labels)
    )
    assert by_class.spearman.tolist() == by_instance.spearman.tolist()
    assert by_class.spearman.tolist() == by_function.spearman.tolist()
    assert by_class.settings.attribution == by_instance.settings.attribution == "InputXGradient"
    assert not any("gradient" in str(one.message).lower() for one in recwarn)


@pytest.mark.parametrize("reduction", ["max_absolute", "mean", "sum"])
def test_channels_become_one_map_as_asked(model, batch, reduction):
    signed = torch.randn(6, 3, 8, 9, generator=torch.Generator().manual_seed(2))
    by_hand = {
        "max_absolute": signed.abs().max(1).values,
        "mean": signed.mean(1),
        "sum": signed.sum(1),
    }[reduction]
    own = evaluate_alignment(model, [batch], always(signed), channel_reduction=reduction)
    given = evaluate_alignment(model, [batch], always(by_hand))
    assert own.spearman.tolist() == given.spearman.tolist()


def test_arguments_reach_captum(model, batch):
    windows = {"sliding_window_shapes": (3, 2, 2), "strides": (3, 2, 2)}
    scores = evaluate_alignment(model, [batch], Occlusion, attribution_arguments=windows)
    model.eval()
    maps = Occlusion(model).attribute(batch[0], target=batch[1], **windows)
    given = evaluate_alignment(model, [batch], always(maps))
    assert scores.spearman.tolist() == given.spearman.tolist()


def test_a_noise_tunnel_gets_the_label(model, batch):
    tunnel = NoiseTunnel(Saliency(model))
    arguments = {"stdevs": 0.0, "nt_samples": 2}
    scores = evaluate_alignment(model, [batch], tunnel, attribution_arguments=arguments)
    plain = evaluate_alignment(model, [batch])
    np.testing.assert_allclose(scores.spearman, plain.spearman, atol=1e-3)


def test_gradients_are_there_under_no_grad(model, batch):
    plain = evaluate_alignment(model, [batch], lambda images, _: images[:, 0] ** 2)

    def gradient(images, labels):
        own = images.clone().requires_grad_()
        return torch.autograd.grad((own**3).sum(), own)[0][:, 0]

    with torch.no_grad():
        scores = evaluate_alignment(model, [batch], gradient)
    np.testing.assert_allclose(scores.spearman, plain.spearman, atol=1e-3)


def test_inference_mode_is_refused(model, batch):
    with torch.inference_mode(), pytest.raises(ValueError, match=r"torch.inference_mode"):
        evaluate_alignment(model, [batch])


def test_a_float64_model_is_scored(model, batch):
    images, labels, heatmaps = batch
    double = evaluate_alignment(model.double(), [(images.double(), labels, heatmaps)])
    single = evaluate_alignment(model.float(), [batch])
    np.testing.assert_allclose(double.spearman, single.spearman, atol=1e-3)


def changed(batch, **parts):
    names = ("images", "labels", "heatmaps", "tokens")
    values = dict(zip(names, batch, strict=False)) | parts
    return tuple(values[name] for name in names if name in values)


NAN_MAP = torch.rand(6, 8, 9)
NAN_MAP[3, 0, 0] = torch.nan
REFUSED = {
    "one channel last": ({"heatmaps": torch.rand(6, 8, 9, 1)}, r"heatmaps.reshape\(6, 8, 9\)"),
    "one channel first": ({"heatmaps": torch.rand(6, 1, 8, 9)}, r"heatmaps.reshape\(6, 8, 9\)"),
    "another size": ({"heatmaps": torch.rand(6, 8, 8)}, r"images are \(6, 3, 8, 9\); expected"),
    "fewer maps": ({"heatmaps": torch.rand(5, 8, 9)}, r"\(5, 8, 9\)"),
    "NaN map": ({"heatmaps": NAN_MAP}, "NaN, infinite or negative values in rows 3"),
    "negative map": ({"heatmaps": -torch.rand(6, 8, 9)}, "heatmaps of batch 1 has NaN, infinite"),
    "NaN token": ({"tokens": torch.full((6,), torch.nan)}, "tokens of batch 1 has NaN"),
    "negative token": ({"tokens": -torch.ones(6)}, "tokens of batch 1 has NaN"),
    "token shape": ({"tokens": torch.ones(6, 1)}, r"tokens of batch 1 has shape \(6, 1\)"),
    "label out of range": ({"labels": torch.full((6,), 3)}, "labels of batch 1 has 3"),
    "negative label": ({"labels": torch.full((6,), -1)}, "labels of batch 1 has -1"),
    "fewer labels": ({"labels": torch.zeros(5, dtype=torch.int64)}, r"shape \(5,\), but there"),
    "soft labels": ({"labels": torch.full((6, 3), 1 / 3)}, "not one-hot in rows 0, 1, 2, 3, 4 and"),
    "two ones": ({"labels": torch.tensor([[1, 1, 0]]).repeat(6, 1)}, "not one-hot"),
    "other classes": ({"labels": torch.eye(6)}, "one-hot of 6 classes, but the model gives 3"),
    "single images": ({"images": torch.rand(3, 8, 9)}, "a DataLoader of it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_data_is_refused_with_the_number_of_the_batch(model, batch, case):
    parts, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as error:
        evaluate_alignment(model, [batch, changed(batch, **parts)])
    assert "batch 1" in str(error.value)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (torch.rand(6, 3, 8, 9), "data gives a Tensor as batch 0"),
        ((torch.rand(6, 3, 8, 9),) * 2, "data gives a tuple of 2 as batch 0"),
        ((torch.rand(6, 3, 8, 9), [0] * 6, torch.rand(6, 8, 9)), "labels of batch 0 is"),
        ((torch.ones(6, 3, 8, 9).byte(), torch.ones(6), torch.rand(6, 8, 9)), "images of batch 0"),
        ((torch.rand(6, 3, 8, 9), torch.ones(6), torch.rand(6, 8, 9)), "labels of batch 0 is"),
        ((torch.rand(6, 3, 8, 9), torch.ones(6).long(), torch.ones(6, 8, 9).int()), "heatmaps of"),
    ],
)
def test_wrong_types_are_refused(model, item, message):
    with pytest.raises(TypeError, match=message):
        evaluate_alignment(model, [item])


def test_data_without_anything_to_score_is_refused(model, batch):
    with pytest.raises(ValueError, match="data has no rows"):
        evaluate_alignment(model, [])
    with pytest.raises(ValueError, match="6 rows, none with a human map"):
        evaluate_alignment(model, [(*batch, torch.zeros(6))])
    with pytest.raises(TypeError, match="data is 3"):
        evaluate_alignment(model, 3)


def test_models_that_cannot_be_explained_are_refused(model, batch):
    class Cut(nn.Module):
        def forward(self, images):
            return model(images.detach())

    class Named(nn.Module):
        def forward(self, images):
            return {"logits": model(images)}

    with pytest.raises(ValueError, match="no gradient from its logits to its images"):
        evaluate_alignment(Cut(), [batch])
    assert len(evaluate_alignment(Cut(), [batch], lambda images, _: images)) == 6
    for attribution in (None, lambda images, _: images):
        with pytest.raises(TypeError, match="model gives a dict for batch 0"):
            evaluate_alignment(Named(), [batch], attribution)
    with pytest.raises(ValueError, match=r"model gives shape \(1, 4, 8, 9\)"):
        evaluate_alignment(model[0], [batch])
    with pytest.raises(TypeError, match="model is"):
        evaluate_alignment(lambda images: images, [batch])


def test_a_model_that_gives_nan_is_refused_with_the_rows(model, batch):
    images = batch[0].clone()
    images[4, 0, 0, 0] = torch.nan
    tokens = torch.tensor([0.0, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="model gives NaN for batch 0, in rows 4,"):
        evaluate_alignment(model, [(images, *batch[1:], tokens)], always(torch.rand(5, 8, 9)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_probabilities_in_place_of_logits_are_warned_of(model, batch, dtype):
    images, *others = batch
    given = [(images.to(dtype), *others)]
    with pytest.warns(InvertCaptumWarning, match="as a softmax does"):
        evaluate_alignment(nn.Sequential(model, nn.Softmax(1)).to(dtype), given)
    evaluate_alignment(nn.Sequential(model, nn.Sigmoid()).to(dtype), given)


def test_data_that_shuffles_is_warned_of(model, batch):
    dataset = TensorDataset(*batch)
    by_batch = BatchSampler(SubsetRandomSampler(range(6)), 3, drop_last=False)
    for loader in (
        DataLoader(dataset, batch_size=3, shuffle=True),
        DataLoader(dataset, batch_sampler=by_batch),
    ):
        with pytest.warns(InvertCaptumWarning, match="data shuffles"):
            evaluate_alignment(model, loader)


def test_the_warning_of_nan_says_whose_map_is_constant(model, batch):
    images, labels, heatmaps = batch
    people, own = heatmaps.clone(), heatmaps.clone()
    people[[1, 2]] = 0.5
    own[2] = own[4] = own[5] = 0
    with pytest.warns(InvertCaptumWarning) as caught:
        evaluate_alignment(model, [(images, labels, people)], always(own))
    (message,) = (str(one.message) for one in caught)
    assert "NaN for 4 of 6 images (rows 1, 2, 4, 5)" in message
    assert "human map is constant for 2 and the model's for 3; a head of zeros" in message
    with pytest.warns(InvertCaptumWarning, match="for 2 and the model's for 0. They are"):
        evaluate_alignment(model, [(images, labels, people)], always(heatmaps))


def test_fingerprints_are_of_the_human_maps_alone(model, batch):
    images, labels, heatmaps = batch
    scores = evaluate_alignment(model, [batch])
    assert len(set(scores.fingerprints.tolist())) == 6
    order = [1, 0, 2, 3, 4, 5]
    others = evaluate_alignment(model, [(images * 2, labels, heatmaps[order].double())])
    assert others.fingerprints.tolist() == scores.fingerprints[order].tolist()
    assert "fingerprint" not in repr(scores)
    with pytest.raises(ValueError, match="other human maps at places 0, 1: images in another"):
        compare_alignment(scores, others)


def test_an_attribution_of_another_model_is_refused(model, batch):
    other = nn.Sequential(nn.Flatten(), nn.Linear(216, 3))
    for method in (InputXGradient(other), NoiseTunnel(Saliency(other)), Saliency(other.forward)):
        with pytest.raises(ValueError, match="of another Sequential than model"):
            evaluate_alignment(model, [batch], method)
    of_part = Saliency(nn.Sequential(model, nn.Identity()))
    for method in (of_part, Saliency(model.forward), Saliency(lambda images: model(images))):
        evaluate_alignment(model, [batch], method)


def test_human_maps_of_any_type_give_the_same(model, batch):
    images, labels, heatmaps = batch
    heatmaps = heatmaps.half()
    plain = evaluate_alignment(model, [(images, labels, heatmaps.float())])
    for dtype in (torch.float64, torch.float16):
        scores = evaluate_alignment(model, [(images, labels, heatmaps.to(dtype))])
        assert scores.spearman.tolist() == plain.spearman.tolist()


def test_maps_that_cannot_be_scored_are_refused(model, batch):
    def evaluate(attribution, **arguments):
        return evaluate_alignment(model, [batch], attribution, **arguments)

    with pytest.raises(ValueError, match=r"shape \(6, 1, 4, 3\) for batch 0.*interpolate"):
        evaluate(LayerGradCam(nn.Sequential(nn.AvgPool2d(2, (2, 3)), *model), model[0]))
    with pytest.raises(ValueError, match="NaN or infinite values for batch 0, in rows 3"):
        evaluate(always(NAN_MAP))
    with pytest.raises(TypeError, match="gives <class 'tuple'> for batch 0"):
        evaluate(lambda images, _: (images, images))
    with pytest.raises(ValueError, match=r"gives shape \(6,\)"):
        evaluate(lambda _, labels: labels)


def test_attributions_that_cannot_be_called_are_refused(model, batch):
    def evaluate(attribution, **arguments):
        return evaluate_alignment(model, [batch], attribution, **arguments)

    with pytest.raises(TypeError, match="attribution is 'saliency'"):
        evaluate("saliency")
    with pytest.raises(TypeError, match="needs 'layer' besides the model"):
        evaluate(LayerGradCam)
    with pytest.raises(TypeError, match=r"such as NoiseTunnel\(Saliency\(model\)\)"):
        evaluate(NoiseTunnel)
    with pytest.raises(TypeError, match="needs neuron_selector"):
        evaluate(NeuronGradient(model, model[0]))
    with pytest.raises(TypeError, match="needs sliding_window_shapes"):
        evaluate(Occlusion)
    with pytest.raises(TypeError, match="attribution_arguments has 'target'"):
        evaluate(None, attribution_arguments={"target": 0})
    with pytest.raises(TypeError, match="attribution is a function"):
        evaluate(lambda images, _: images, attribution_arguments={"abs": False})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"human_ceiling": 0}, ValueError, "human_ceiling is 0"),
        ({"human_ceiling": float("nan")}, ValueError, "human_ceiling is nan"),
        ({"human_ceiling": "high"}, TypeError, "human_ceiling is 'high'"),
        ({"channel_reduction": "max"}, ValueError, "channel_reduction is 'max'"),
        ({"percentile": 0}, ValueError, "percentile is 0"),
        ({"percentile": "10"}, TypeError, "percentile is '10'"),
        ({"confidence_level": 95}, ValueError, "confidence_level is 95"),
        ({"n_resamples": 0}, ValueError, "n_resamples is 0"),
        ({"seed": -1}, ValueError, "seed is -1"),
    ],
)
def test_arguments_without_a_valid_value_are_refused(model, batch, arguments, error, message):
    with pytest.raises(error, match=message):
        evaluate_alignment(model, [batch], **arguments)


def test_the_percentile_reaches_dice(model, batch):
    ten, half = (evaluate_alignment(model, [batch], percentile=p) for p in (10, 50))
    assert half.dice.mean() > ten.dice.mean()
    assert half.settings.percentile == 50
