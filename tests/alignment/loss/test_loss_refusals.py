"""Batches and models that the loss refuses, or warns of."""

import pytest
import torch
from torch import nn

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss, harmonization_loss

NAN, INF = float("nan"), float("inf")


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.SiLU(), nn.Flatten(), nn.Linear(32, 3))


def rows(**changed):
    batch = {
        "images": torch.rand(2, 3, 4, 4),
        "labels": torch.tensor([0, 2]),
        "heatmaps": torch.rand(2, 4, 4),
        "tokens": torch.ones(2),
    }
    return batch | changed


def with_value(tensor, value):
    tensor = tensor.clone()
    tensor.view(-1)[-1] = value
    return tensor


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"images": torch.zeros(2, 3, 4, 4, dtype=torch.uint8)},
            TypeError,
            "images .* torch.uint8",
        ),
        ({"images": [[1.0]]}, TypeError, "images must be a floating torch tensor"),
        ({"images": torch.rand(3, 4, 4)}, ValueError, r"images must have shape .* got \(3, 4, 4\)"),
        ({"images": torch.rand(0, 3, 4, 4)}, ValueError, "images must have shape"),
        ({"heatmaps": torch.rand(2, 4, 5)}, ValueError, r"\(2, 4, 5\).*expected \(2, 4, 4\)"),
        ({"heatmaps": torch.rand(1, 4, 4)}, ValueError, r"\(1, 4, 4\).*expected \(2, 4, 4\)"),
        ({"heatmaps": torch.rand(2, 4, 4, 1)}, ValueError, "squeeze the channel"),
        ({"heatmaps": torch.rand(2, 1, 4, 4)}, ValueError, "squeeze the channel"),
        ({"heatmaps": torch.ones(2, 4, 4).int()}, TypeError, "heatmaps must be floating"),
        ({"heatmaps": with_value(torch.rand(2, 4, 4), NAN)}, ValueError, "heatmaps .* rows 1 of 2"),
        ({"heatmaps": with_value(torch.rand(2, 4, 4), INF)}, ValueError, "heatmaps .* rows 1 of 2"),
        ({"heatmaps": with_value(torch.rand(2, 4, 4), -1)}, ValueError, "heatmaps .* rows 1 of 2"),
        (
            {"heatmaps": torch.rand(2, 8, 8), "images": torch.rand(2, 8, 8, 3)},
            ValueError,
            r"images are \(N, C, H, W\): move the channels first",
        ),
        (
            {"images": with_value(torch.rand(2, 3, 4, 4), NAN)},
            ValueError,
            "images must be finite, but rows 1 of 2",
        ),
        (
            {"images": with_value(torch.rand(2, 3, 4, 4), -INF)},
            ValueError,
            "images must be finite, but rows 1 of 2",
        ),
        ({"tokens": torch.tensor([1.0, -1.0])}, ValueError, "tokens .* rows 1 of 2"),
        ({"tokens": torch.tensor([NAN, 1.0])}, ValueError, "tokens .* rows 0 of 2"),
        ({"tokens": torch.ones(3)}, ValueError, r"tokens has shape \(3,\), expected \(2,\)"),
        ({"tokens": [1, 1]}, TypeError, "tokens must be a torch tensor"),
        ({"labels": [0, 1]}, TypeError, "labels must be a torch tensor"),
        (
            {"labels": torch.tensor([0, 3])},
            ValueError,
            "labels hold 3, but the model has 3 classes",
        ),
        ({"labels": torch.tensor([-1, 2])}, ValueError, "labels hold -1"),
        ({"labels": torch.tensor([0.0, 1.0])}, TypeError, "must be integers, got torch.float32"),
        ({"labels": torch.zeros(2, 4)}, ValueError, r"labels has shape \(2, 4\)"),
        ({"labels": torch.full((2, 3), NAN)}, ValueError, "labels must be finite, but rows 0, 1"),
    ],
)
def test_bad_rows_are_refused_and_named(changed, error, message):
    with pytest.raises(error, match=message):
        harmonization_loss(model(), **rows(**changed))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"lambda_harmonization": -1.0},
            ValueError,
            "lambda_harmonization is -1.0; expected a fin",
        ),
        ({"lambda_harmonization": "1"}, TypeError, "lambda_harmonization is '1'"),
        ({"lambda_weights": NAN}, ValueError, "lambda_weights is nan; expected a finite number"),
        ({"lambda_weights": True}, TypeError, "lambda_weights is True"),
        ({"label_smoothing": 1.5}, ValueError, "label_smoothing is 1.5"),
    ],
)
def test_bad_factors_are_refused_by_both_forms(settings, error, message):
    with pytest.raises(error, match=message):
        harmonization_loss(model(), **rows(), **settings)
    with pytest.raises(error, match=message):
        HarmonizationLoss(**settings)


class Answers(nn.Module):
    """Whatever is made of the logits."""

    def __init__(self, made):
        super().__init__()
        self.model, self.made = model(), made

    def forward(self, images):
        return self.made(self.model(images))


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda logits: {"logits": logits}, TypeError, "tensor of logits, got dict"),
        (lambda logits: logits[:, 0], ValueError, r"shape \(2, K\), got \(2,\)"),
        (lambda logits: logits[:1], ValueError, r"shape \(2, K\), got \(1, 3\)"),
        (lambda logits: logits.detach(), ValueError, "do not depend on images by a gradient"),
    ],
)
def test_models_that_are_no_classifiers_are_refused(made, error, message):
    with pytest.raises(error, match=message):
        harmonization_loss(Answers(made), **rows())


class Rounding(nn.Module):
    def forward(self, images):
        return images.detach().round()


def test_a_model_without_a_gradient_to_its_input_is_refused():
    with pytest.raises(ValueError, match="detach or quantise its input"):
        harmonization_loss(nn.Sequential(Rounding(), model()), **rows())


def test_what_is_no_module_and_inference_mode_are_refused():
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module"):
        harmonization_loss(lambda images: images, **rows())
    with torch.inference_mode(), pytest.raises(ValueError, match=r"use torch\.no_grad"):
        harmonization_loss(model(), **rows())


def test_hardsigmoid_is_refused_by_its_place_and_the_remedy_works():
    broken = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.Hardsigmoid(), *model()[2:])
    with pytest.raises(ValueError, match=r"Hardsigmoid at 1\).*relu6\(x \+ 3\) / 6"):
        harmonization_loss(broken, **rows())
    harmonization_loss(broken, **rows(), lambda_harmonization=0).total.backward()

    class SameFunction(nn.Module):
        def forward(self, values):
            return nn.functional.relu6(values + 3) / 6

    mended = nn.Sequential(broken[0], SameFunction(), *broken[2:])
    images = rows()["images"]
    torch.testing.assert_close(mended(images), broken(images))
    harmonization_loss(mended, **rows()).total.backward()
    assert torch.isfinite(mended[0].weight.grad).all()


def test_mobilenet_v3_is_refused():
    from torchvision.models import mobilenet_v3_small

    batch = rows(images=torch.rand(2, 3, 32, 32), heatmaps=torch.rand(2, 32, 32))
    with pytest.raises(ValueError, match=r"Hardsigmoid at features\.1\.block\.1\.scale_activation"):
        harmonization_loss(mobilenet_v3_small(num_classes=3), **batch)


def test_other_operations_without_a_second_derivative_are_refused():
    class Flash(nn.Module):
        def forward(self, images):
            heads = images.flatten(2)[:, None]
            attended, _ = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                heads, heads, heads
            )
            return attended.sum(dim=(1, 2))[:, :3] + 0 * images.sum()

    with pytest.raises(ValueError, match="operations without a second derivative"):
        harmonization_loss(Flash(), **rows())


def test_compiled_through_aotautograd_is_refused_and_eager_is_not():
    compiled = torch.compile(model(), backend="aot_eager")
    with pytest.raises(ValueError, match=r"AOTAutograd.*compiled\._orig_mod"):
        harmonization_loss(compiled, **rows())
    harmonization_loss(compiled._orig_mod, **rows()).total.backward()
    eager = torch.compile(model(), backend="eager")
    harmonization_loss(eager, **rows()).total.backward()


def test_a_function_that_is_differentiable_once_is_refused():
    class Sigmoid(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values):
            ctx.save_for_backward(values.sigmoid())
            return values.sigmoid()

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, slopes):
            (values,) = ctx.saved_tensors
            return slopes * values * (1 - values)

    class Once(nn.Module):
        def forward(self, values):
            return Sigmoid.apply(values)

    once = nn.Sequential(model()[0], Once(), *model()[2:])
    with pytest.raises(ValueError, match="once_differentiable"):
        harmonization_loss(once, **rows())
    harmonization_loss(once, **rows(), lambda_harmonization=0).total.backward()


def test_a_model_that_is_changed_after_a_first_step_is_examined_again():
    changed = model()
    harmonization_loss(changed, **rows()).total.backward()
    activation, changed[1] = changed[1], nn.Hardsigmoid()
    with pytest.raises(ValueError, match="Hardsigmoid at 1"):
        harmonization_loss(changed, **rows())
    changed[1] = activation
    changed.compile(backend="aot_eager")
    if torch.__version__.startswith("2.5."):
        # It leaves a model that has run once as it is, which differentiates twice.
        harmonization_loss(changed, **rows()).total.backward()
        return
    with pytest.raises(ValueError, match=r"model\.compile\(\)"):
        harmonization_loss(changed, **rows())


def test_rows_that_do_not_sum_to_one_are_told_of():
    labels = torch.tensor([[1.0, 0, 0], [1, 1, 0]])
    with pytest.warns(InvertCaptumWarning, match="rows of labels do not sum to 1"):
        harmonization_loss(model(), **rows(labels=labels))


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_constant_map_with_a_token_is_told_of(value):
    heatmaps = torch.rand(2, 4, 4)
    heatmaps[1] = value
    with pytest.warns(InvertCaptumWarning, match="that have a token are the same everywhere"):
        terms = harmonization_loss(model(), **rows(heatmaps=heatmaps))
    assert torch.isfinite(terms.total)
    harmonization_loss(model(), **rows(heatmaps=heatmaps, tokens=torch.tensor([1.0, 0.0])))


@pytest.mark.parametrize("value", [NAN, INF, -1.0])
def test_what_stands_where_the_token_is_0_does_not_matter(value):
    batch = rows(tokens=torch.tensor([1.0, 0.0]))
    expected = harmonization_loss(model(), **batch)
    heatmaps = batch["heatmaps"].clone()
    heatmaps[1, 2:] = value
    found = harmonization_loss(model(), **(batch | {"heatmaps": heatmaps}))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert torch.isnan(heatmaps[1, 2:]).all() == (value != value)  # the caller's are left alone


@pytest.mark.parametrize("labels", [torch.tensor([0, 2]), torch.eye(3)[:2]])
def test_a_softmax_is_told_of(labels):
    batch = rows(labels=labels)
    with pytest.warns(InvertCaptumWarning, match="Expected a model without the softmax"):
        harmonization_loss(Answers(lambda logits: logits.softmax(1)), **batch)
    # One row that is none of probabilities clears the model; so does a single class.
    mixed = Answers(lambda logits: torch.stack([logits[0].softmax(0), logits[1]]))
    harmonization_loss(mixed, **batch)
    one = Answers(lambda logits: logits[:, :1] * 0 + 1)
    harmonization_loss(one, **rows(labels=torch.zeros(2, dtype=torch.int64)))
