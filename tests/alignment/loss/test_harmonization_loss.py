"""The loss against the TensorFlow reference, and what it does with models and batches."""

import contextlib
import copy

import pytest
import torch
from reference_networks import PARAMETERS, batch, gradient, network
from torch import nn
from torch.utils.checkpoint import checkpoint

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.loss.cross_entropy import smoothed_cross_entropy
from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss, harmonization_loss
from invert_captum.alignment.maps.map_pyramid import pyramidal_mse
from invert_captum.alignment.maps.standardizing import standardize_cut
from invert_captum.alignment.training.harmonization_step import harmonization_step

VARIANTS = [
    "relu",
    "softplus",
    "softplus_rect",
    "softplus_smallgrad",
    "softplus_softlabels",
    "softplus_notokens",
    "softplus_unnormalised_labels",
    "relu_dead_image",
]


def told_of(variant):
    of = {
        "softplus_unnormalised_labels": "do not sum to 1",
        "softplus_softlabels": "heatmaps that have a token are the same everywhere",
    }
    if variant not in of:
        return contextlib.nullcontext()
    return pytest.warns(InvertCaptumWarning, match=of[variant])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_terms_and_gradients_of_the_reference(golden, golden_facts, variant, dtype):
    facts = golden_facts["loss"][variant]
    model = network(golden, variant, facts["activation"], dtype)
    suffix, key = ("_f64", "f64") if dtype == torch.float64 else ("", "f32")
    tolerance, slopes = (1e-10, 1e-10) if dtype == torch.float64 else (1e-5, 1e-4)
    for number, case in enumerate(facts["cases"]):
        with told_of(variant):
            terms = harmonization_loss(
                model,
                *batch(golden, variant, dtype),
                lambda_harmonization=case["lambda_harmonization"],
                lambda_weights=case["lambda_weights"],
            )
        expected = [case[key][name] for name in ("total", "cce", "weight", "harmonization")]
        assert [float(term.detach()) for term in terms] == pytest.approx(expected, rel=tolerance)
        model.zero_grad()
        terms.total.backward()
        for name, parameter in model.named_parameters():
            wanted = gradient(golden, variant, number, name, suffix)
            atol = slopes * float(wanted.abs().max())
            torch.testing.assert_close(parameter.grad, wanted, rtol=0, atol=atol)


def test_all_variants_and_gradients_of_the_reference_are_compared(golden, golden_facts):
    assert {name for name in golden_facts["loss"] if not name.startswith("_")} == set(VARIANTS)
    stored = [key for key in golden if "/grad_f64_" in key]
    cases = sum(len(golden_facts["loss"][variant]["cases"]) for variant in VARIANTS)
    assert len(stored) == cases * len(PARAMETERS)


@pytest.fixture
def small():
    """A network of smooth layers and a batch, in float64."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 2, 3, padding=1), nn.Softplus(), nn.Flatten(), nn.Linear(2 * 6 * 5, 3)
    ).double()
    images = torch.rand(4, 3, 6, 5, dtype=torch.float64)
    heatmaps = torch.rand(4, 6, 5, dtype=torch.float64)
    return model, images, torch.tensor([0, 2, 1, 1]), heatmaps


def test_class_indices_are_one_hot_rows(small):
    model, images, labels, heatmaps = small
    rows = nn.functional.one_hot(labels, 3)
    for kind in (rows, rows.bool(), rows.float()):
        assert harmonization_loss(model, images, kind, heatmaps) == harmonization_loss(
            model, images, labels, heatmaps
        )


def test_no_tokens_are_ones(small):
    ones = torch.ones(4)
    assert harmonization_loss(*small) == harmonization_loss(*small, ones)
    assert harmonization_loss(*small) == harmonization_loss(*small, ones.int())


def test_a_token_of_zero_hides_its_map(small):
    model, images, labels, heatmaps = small
    tokens = torch.tensor([1.0, 0.0, 1.0, 1.0])
    other = heatmaps.clone()
    other[1] = 0
    assert harmonization_loss(model, images, labels, other, tokens) == harmonization_loss(
        model, images, labels, heatmaps, tokens
    )


class Held(nn.Module):
    """A model whose first kernel is a tensor from outside."""

    def __init__(self, model, kernel):
        super().__init__()
        self.values = {name: value.detach() for name, value in model.named_parameters()}
        self.values["0.weight"] = kernel
        self.model = [model]

    def forward(self, images):
        return torch.func.functional_call(self.model[0], self.values, (images,))


def test_second_derivatives_are_right(small):
    """Of the disagreement with maps of a given scale, which torch's own check can differentiate."""
    model, images, labels, heatmaps = small

    def disagreement(kernel):
        pictures = images.clone().requires_grad_()
        logits = Held(model, kernel)(pictures)[range(4), labels]
        (slope,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
        return pyramidal_mse(heatmaps, standardize_cut(slope.mean(dim=1)), torch.ones(4))

    kernel = model[0].weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(disagreement, kernel)
    assert torch.autograd.gradgradcheck(disagreement, kernel)


def test_second_derivatives_of_the_whole_loss_are_right(small):
    """With human maps of zeros nothing is held constant, and the loss is its plain derivative."""
    model, images, labels, heatmaps = small

    def total(kernel):
        with pytest.warns(
            InvertCaptumWarning, match="heatmaps that have a token are the same everywhere"
        ):
            return harmonization_loss(
                Held(model, kernel), images, labels, 0 * heatmaps, lambda_weights=0.1
            ).total

    kernel = model[0].weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(total, kernel)
    assert torch.autograd.gradgradcheck(total, kernel)


def test_the_gradient_is_that_of_the_signed_mean_over_channels(small):
    """By hand for a linear model, whose input gradient is its weight row."""
    _, images, labels, _ = small
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 5, 3)).double()
    weights = model[1].weight.detach().reshape(3, 3, 6, 5)
    saliency = weights[labels].mean(dim=1)
    deviation = saliency.std(dim=(1, 2), correction=0, keepdim=True)
    standard = ((saliency - saliency.mean(dim=(1, 2), keepdim=True)) / (deviation + 1e-5)).relu()
    # A human map that is the model's own, up to scale and offset, leaves what the guards leave.
    terms = harmonization_loss(model, images, labels, saliency - saliency.min() + 3)
    assert float(terms.harmonization.detach()) < 1e-9
    opposite = harmonization_loss(model, images, labels, -saliency + saliency.max())
    assert float(opposite.harmonization.detach()) > 0.1 * float(standard.square().mean())


def test_without_gradients_the_value_is_the_same_without_a_graph(small):
    expected = harmonization_loss(*small)
    with torch.no_grad():
        terms = harmonization_loss(*small)
    assert not any(term.requires_grad for term in terms)
    assert [float(term) for term in terms] == [float(term.detach()) for term in expected]
    assert small[1].requires_grad is False
    assert small[1].grad is None


def test_lambda_zero_measures_without_training(small):
    model = small[0]
    terms = harmonization_loss(*small, lambda_harmonization=0)
    assert not terms.harmonization.requires_grad
    assert float(terms.harmonization) == float(harmonization_loss(*small).harmonization.detach())
    terms.total.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_batch_without_tokens_needs_no_gradient_of_the_images(small):
    model, images, labels, heatmaps = small
    rounded = nn.Sequential(Rounds(), *model)
    terms = harmonization_loss(rounded, images, labels, heatmaps, torch.zeros(4))
    assert float(terms.harmonization) == 0


class Rounds(nn.Module):
    def forward(self, images):
        return images.detach().round()


def test_constant_saliency_gives_finite_slopes():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    images, heatmaps = torch.rand(2, 3, 6, 6), torch.rand(2, 6, 6)
    terms = harmonization_loss(model, images, torch.tensor([0, 1]), heatmaps)
    terms.total.backward()
    assert torch.isfinite(terms.total)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_accumulated_halves_are_the_whole(small):
    model, *rows = small
    loss = HarmonizationLoss()
    loss(model, *rows).total.backward()
    whole = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    for half in (slice(0, 2), slice(2, 4)):
        (loss(model, *(row[half] for row in rows)).total / 2).backward()
    for parameter, expected in zip(model.parameters(), whole, strict=True):
        torch.testing.assert_close(parameter.grad, expected)


def test_autocast_casts_the_model_and_not_the_loss(small):
    model, images, labels, heatmaps = small
    model, images = model.float(), images.float()
    exact = harmonization_loss(model, images, labels, heatmaps)
    with torch.autocast("cpu", torch.bfloat16):
        cast = harmonization_loss(model, images, labels, heatmaps)
        cast.total.backward()
    assert {term.dtype for term in cast} == {torch.float32}
    assert float(cast.total.detach()) == pytest.approx(float(exact.total.detach()), rel=0.05)
    assert float(cast.total.detach()) != float(exact.total.detach())
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("slope", [1.0, 1e-4])
@pytest.mark.parametrize("autocast", [True, False])
def test_in_float16_small_gradients_of_images_do_not_become_zero(slope, autocast):
    """With the smaller slope, all are below what float16 holds."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    with torch.no_grad():
        model[-1].weight *= slope
    images, heatmaps, labels = torch.rand(2, 3, 32, 32), torch.rand(2, 32, 32), torch.arange(2)
    exact = harmonization_loss(model, images, labels, heatmaps).harmonization
    if autocast:
        with torch.autocast("cpu", torch.float16):
            found = harmonization_loss(model, images, labels, heatmaps).harmonization
    else:
        found = harmonization_loss(model.half(), images.half(), labels, heatmaps).harmonization
    assert float(exact.detach()) > 0
    assert float(found.detach()) == pytest.approx(float(exact.detach()), rel=0.02)


def test_in_float16_large_gradients_of_images_stay_as_they_are():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, 3))
    with torch.no_grad():
        model[-1].weight *= 1e5  # up to 10⁴, and float16 ends at 6.5 · 10⁴
    images, heatmaps, labels = 1e-4 * torch.rand(2, 3, 6, 6), torch.rand(2, 6, 6), torch.arange(2)
    exact = harmonization_loss(model, images, labels, heatmaps)
    with torch.autocast("cpu", torch.float16):
        found = harmonization_loss(model, images, labels, heatmaps)
    assert float(found.harmonization.detach()) == pytest.approx(
        float(exact.harmonization.detach()), rel=0.02
    )


def test_attention_in_checkpointed_parts_can_be_harmonized():
    class Attention(nn.Module):
        def __init__(self, checkpointed):
            super().__init__()
            self.first, self.head = nn.Linear(3, 16), nn.Linear(16, 3)
            self.checkpointed = checkpointed

        def attend(self, pixels):
            heads = self.first(pixels).unflatten(2, (2, 8)).transpose(1, 2)
            attended = nn.functional.scaled_dot_product_attention(heads, heads, heads)
            return attended.transpose(1, 2).flatten(2)

        def forward(self, images):
            pixels = images.flatten(2).transpose(1, 2)
            if self.checkpointed:
                return self.head(checkpoint(self.attend, pixels, use_reentrant=False).mean(1))
            return self.head(self.attend(pixels).mean(1))

    rows = torch.rand(2, 3, 6, 6), torch.arange(2), torch.rand(2, 6, 6)
    found = []
    for checkpointed in (False, True):
        torch.manual_seed(0)
        model = Attention(checkpointed)
        harmonization_step(model, torch.optim.SGD(model.parameters(), lr=0.1), *rows)
        found.append(model.state_dict())
    torch.testing.assert_close(*found)


def test_batch_norm_in_training_sees_the_batch_once():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 2))
    images, heatmaps = torch.rand(3, 3, 6, 6), torch.rand(3, 6, 6)
    harmonization_loss(model, images, torch.tensor([0, 1, 1]), heatmaps).total.backward()
    assert int(model[1].num_batches_tracked) == 1
    assert model.training


@pytest.mark.parametrize("name", ["vit", "efficientnet", "resnet18", "densenet"])
def test_models_of_torchvision_can_be_harmonized(name):
    from torchvision import models

    torch.manual_seed(0)
    model, side = {
        "vit": lambda: (models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=3), 32),
        "efficientnet": lambda: (models.efficientnet_b0(num_classes=3), 32),
        "resnet18": lambda: (models.resnet18(num_classes=3), 32),
        "densenet": lambda: (models.DenseNet(4, (2, 2), 8, num_classes=3), 32),
    }[name]()
    for parameter in model.parameters():
        if not parameter.any():
            # The heads of some start at zero, where no gradient reaches what is below.
            nn.init.normal_(parameter, std=0.1)
    images, heatmaps = torch.rand(2, 3, side, side), torch.rand(2, side, side)
    plain = copy.deepcopy(model)
    harmonization_loss(
        model, images, torch.tensor([0, 2]), heatmaps, lambda_weights=0
    ).total.backward()
    harmonization_loss(
        plain, images, torch.tensor([0, 2]), heatmaps, lambda_weights=0, lambda_harmonization=0
    ).total.backward()
    first = next(iter(model.parameters())).grad
    assert torch.isfinite(first).all()
    assert not torch.equal(first, next(iter(plain.parameters())).grad)


def test_the_fast_kernel_of_attention_would_fail():
    """The reason for the MATH kernel: without it torch has no second derivative."""
    query = torch.rand(1, 2, 8, 16, requires_grad=True)
    attended = nn.functional.scaled_dot_product_attention(query, query, query)
    (slope,) = torch.autograd.grad(attended.sum(), query, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        slope.sum().backward()


def test_a_large_offset_of_the_logits_does_not_blur_the_loss():
    logits = torch.tensor([[0.0, 1.5, -1.0], [2.0, 0.25, 0.5]])
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    expected = nn.functional.cross_entropy(logits, weights, label_smoothing=0.1)
    found = smoothed_cross_entropy(logits + 2.0**17, weights, 0.1)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_the_module_form_is_the_function(small):
    loss = HarmonizationLoss(lambda_harmonization=0.3, lambda_weights=0.1, label_smoothing=0.0)
    expected = harmonization_loss(
        *small, lambda_harmonization=0.3, lambda_weights=0.1, label_smoothing=0.0
    )
    assert loss(*small) == expected
    assert repr(loss) == (
        "HarmonizationLoss(lambda_harmonization=0.3, lambda_weights=0.1, label_smoothing=0.0)"
    )
    assert float(expected.total.detach()) == pytest.approx(
        float((expected[1] + 0.1 * expected[2] + 0.3 * expected[3]).detach())
    )
