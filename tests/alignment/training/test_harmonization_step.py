import copy
import math

import pytest
import torch
from tiny_training import batch, network
from torch import nn

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss, HarmonizationTerms
from invert_captum.alignment.training.harmonization_step import harmonization_step


def sgd(model, lr=0.1, **settings):
    return torch.optim.SGD(model.parameters(), lr=lr, **settings)


def gradients(model, *tensors, **settings):
    """By the loss alone, on a copy."""
    copied = copy.deepcopy(model)
    terms = HarmonizationLoss(**settings)(copied, *tensors)
    return terms, torch.autograd.grad(terms.total, list(copied.parameters()))


def times(factor):
    """A loss multiplied by a factor."""

    def loss(*batch):
        return HarmonizationTerms(*(term * factor for term in HarmonizationLoss()(*batch)))

    return loss


def state(model, optimizer):
    return copy.deepcopy((model.state_dict(), optimizer.state_dict()))


def assert_same_state(model, optimizer, before):
    torch.testing.assert_close(state(model, optimizer), before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("tokens", [True, False])
def test_a_step_is_gradient_descent_by_hand(tokens):
    model, tensors = network(dtype=torch.float64), batch(dtype=torch.float64, tokens=tokens)
    terms, grads = gradients(model, *tensors)
    expected = [p.detach() - 0.1 * g for p, g in zip(model.parameters(), grads, strict=True)]
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 7)  # left over
    found = harmonization_step(model, sgd(model), *tensors)
    for parameter, value in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach(), value)
    torch.testing.assert_close(found, HarmonizationTerms(*(term.detach() for term in terms)))
    assert not any(term.requires_grad for term in found)


def test_momentum_is_carried_from_step_to_step():
    model, tensors = network(dtype=torch.float64), batch(dtype=torch.float64)
    by_hand = [p.detach().clone() for p in model.parameters()]
    velocity = [torch.zeros_like(p) for p in by_hand]
    optimizer = sgd(model, momentum=0.9)
    for _ in range(3):
        _, grads = gradients(model, *tensors)
        velocity = [0.9 * v + g for v, g in zip(velocity, grads, strict=True)]
        by_hand = [p - 0.1 * v for p, v in zip(by_hand, velocity, strict=True)]
        harmonization_step(model, optimizer, *tensors)
    for parameter, value in zip(model.parameters(), by_hand, strict=True):
        torch.testing.assert_close(parameter.detach(), value)


def test_the_loss_given_is_the_loss_used():
    model, tensors = network(), batch()
    terms, _ = gradients(model, *tensors, lambda_harmonization=3.0)
    found = harmonization_step(
        model, sgd(model), *tensors, loss=HarmonizationLoss(lambda_harmonization=3.0)
    )
    assert found.total.item() == terms.total.item()


def test_clipping_makes_the_norm_of_all_gradients_the_largest_allowed():
    model, tensors = network(dtype=torch.float64), batch(dtype=torch.float64)
    _, grads = gradients(model, *tensors)
    norm = math.sqrt(sum(float((g**2).sum()) for g in grads))
    before = [p.detach().clone() for p in model.parameters()]
    harmonization_step(model, sgd(model), *tensors, max_grad_norm=norm / 10)
    for parameter, value, grad in zip(model.parameters(), before, grads, strict=True):
        # PyTorch adds 1e-6 to the norm that it divides by.
        torch.testing.assert_close(parameter.detach(), value - 0.01 * grad, rtol=1e-5, atol=1e-8)


def test_clipping_leaves_small_gradients_alone():
    one, other, tensors = network(), network(), batch()
    harmonization_step(one, sgd(one), *tensors)
    harmonization_step(other, sgd(other), *tensors, max_grad_norm=1e6)
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0, atol=0)


def test_schedulers_step_after_the_optimizer():
    model = network()
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    harmonization_step(model, optimizer, *batch(), scheduler=scheduler)
    assert optimizer.param_groups[0]["lr"] == 0.05


def test_a_plateau_scheduler_is_given_the_total():
    model = network()
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    terms = harmonization_step(model, optimizer, *batch(), scheduler=scheduler)
    assert scheduler.best == float(terms.total)


def test_autocast_casts_the_model_and_not_the_loss():
    dtypes = []
    model = network()
    model[0].register_forward_hook(lambda *call: dtypes.append(call[-1].dtype))
    terms = harmonization_step(model, sgd(model), *batch(), autocast_dtype=torch.bfloat16)
    assert dtypes == [torch.bfloat16]
    assert terms.total.dtype == torch.float32
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("scaler", [None, torch.amp.GradScaler("cpu", enabled=False)])
def test_float16_without_a_scaler_is_told_of(scaler):
    model = network()
    with pytest.warns(InvertCaptumWarning, match=r"small gradients become 0; .*GradScaler"):
        harmonization_step(model, sgd(model), *batch(), autocast_dtype=torch.float16, scaler=scaler)


def test_a_scaler_does_not_change_the_step():
    scaled, plain, tensors = network(), network(), batch()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    harmonization_step(scaled, sgd(scaled), *tensors, scaler=scaler, max_grad_norm=0.1)
    harmonization_step(plain, sgd(plain), *tensors, max_grad_norm=0.1)
    torch.testing.assert_close(scaled.state_dict(), plain.state_dict())


def test_a_scaler_leaves_a_step_out_where_gradients_overflow():
    model = network()
    optimizer = sgd(model, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=1e38)
    before = state(model, optimizer)
    harmonization_step(
        model, optimizer, *batch(), scaler=scaler, scheduler=scheduler, loss=times(1e3)
    )
    assert_same_state(model, optimizer, before)
    assert scaler.get_scale() == pytest.approx(5e37)


def test_a_loss_that_is_not_finite_changes_nothing():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Softplus(), nn.Flatten())
    model.append(nn.Linear(400, 3))
    optimizer = sgd(model, momentum=0.9)
    images, labels, heatmaps, tokens = batch()
    harmonization_step(model, optimizer, images, labels, heatmaps, tokens)
    before = state(model, optimizer)
    images[:] = 3e38  # finite, but the mean of what is made of them is not
    with pytest.raises(FloatingPointError, match="cross_entropy is nan"):
        harmonization_step(model, optimizer, images, labels, heatmaps, tokens)
    assert_same_state(model, optimizer, before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gradients_that_are_not_finite_change_nothing():
    class Root(nn.Module):
        def forward(self, logits):
            return logits + (logits * 0).sum().sqrt()  # of which the derivative at 0 is infinite

    model = nn.Sequential(*network(), Root())
    optimizer = sgd(model)
    before = state(model, optimizer)
    loss = HarmonizationLoss(lambda_harmonization=0)
    images, labels, heatmaps, tokens = batch()
    with pytest.raises(FloatingPointError, match="gradients' norm is nan"):
        harmonization_step(
            model, optimizer, images, labels, heatmaps, torch.zeros_like(tokens), loss=loss
        )
    assert_same_state(model, optimizer, before)


def test_what_the_loss_refuses_changes_nothing():
    model = network()
    optimizer = sgd(model)
    before = state(model, optimizer)
    images, labels, heatmaps, _ = batch()
    with pytest.raises(ValueError, match="heatmaps"):
        harmonization_step(model, optimizer, images, labels, heatmaps[:, 1:])
    assert_same_state(model, optimizer, before)


def test_frozen_parameters_outside_the_optimizer_get_no_step():
    model = network()
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model[4].parameters(), lr=0.1)
    for _ in range(2):
        harmonization_step(model, optimizer, *batch())
    torch.testing.assert_close(model[0].weight.detach(), before["0.weight"], rtol=0, atol=0)
    assert not torch.equal(model[4].weight, before["4.weight"])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"max_grad_norm": 0.0}, ValueError, "max_grad_norm is 0.0"),
        ({"max_grad_norm": math.nan}, ValueError, "max_grad_norm is nan"),
        ({"max_grad_norm": "1"}, TypeError, "max_grad_norm is '1'"),
        ({"loss": 0.3}, TypeError, r"loss=HarmonizationLoss\(lambda_harmonization=0.3\)"),
        ({"loss": HarmonizationLoss}, TypeError, r"loss=HarmonizationLoss\(lambda_harm"),
        ({"autocast_dtype": "bfloat16"}, TypeError, "autocast_dtype is 'bfloat16'"),
    ],
)
def test_settings_are_refused(settings, error, message):
    model = network()
    with pytest.raises(error, match=message):
        harmonization_step(model, sgd(model), *batch(), **settings)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (lambda terms: terms.total, TypeError, "loss returned Tensor; expected HarmonizationTerms"),
        (
            lambda terms: HarmonizationTerms(*(term[None] for term in terms)),
            ValueError,
            r"total of shape \(1,\); .* DataParallel",
        ),
    ],
)
def test_what_is_no_loss_is_refused(returned, error, message):
    model = network()
    with pytest.raises(error, match=message):
        harmonization_step(
            model, sgd(model), *batch(), loss=lambda *rows: returned(HarmonizationLoss()(*rows))
        )


def test_optimizers_of_another_model_are_refused():
    with pytest.raises(ValueError, match="optimizer has none of model's parameters"):
        harmonization_step(network(), sgd(network()), *batch())


@pytest.mark.parametrize("max_grad_norm", [None, 1.0])
def test_a_step_that_would_train_nothing_is_refused(max_grad_norm):
    frozen = network().requires_grad_(False)
    with pytest.raises(ValueError, match="none of optimizer's parameters got a gradient"):
        harmonization_step(frozen, sgd(frozen), *batch(), max_grad_norm=max_grad_norm)


def test_schedulers_of_another_optimizer_are_refused():
    model = network()
    scheduler = torch.optim.lr_scheduler.StepLR(sgd(model), 1)
    with pytest.raises(ValueError, match="scheduler is of another optimizer"):
        harmonization_step(model, sgd(model), *batch(), scheduler=scheduler)


def test_optimizers_that_need_a_closure_are_refused():
    model = network()
    with pytest.raises(TypeError, match="LBFGS"):
        harmonization_step(model, torch.optim.LBFGS(model.parameters()), *batch())
