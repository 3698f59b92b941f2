"""The reference of these tests against other people's code and against finite differences."""

from __future__ import annotations

import pytest
import torch
from hand_set_network import HandSetNetwork, equations, noise, squares
from reference_inversion import adam, blurred, invert, upsampled
from torch.nn import functional
from torchvision.transforms.functional import gaussian_blur

PICTURES = noise(3).double()


def test_upsampling_is_torchs_bilinear_one():
    grid = torch.rand(7, 5, dtype=torch.float64)
    torch.testing.assert_close(
        upsampled(grid, (32, 24)),
        functional.interpolate(grid[None, None], (32, 24), mode="bilinear")[0, 0],
    )


def test_blur_is_torchvisions():
    picture = torch.rand(3, 48, 40, dtype=torch.float64)
    torch.testing.assert_close(blurred(picture), gaussian_blur(picture, [67, 67], [11.0, 11.0]))


def test_steps_are_those_of_torchs_adam():
    def loss(weights):
        return (weights - torch.tensor([0.3, -0.2, 0.1])).pow(4).sum()

    rates = [0.01] * 5 + [0.005] * 5
    ours, _, _ = adam(loss, torch.zeros(3, dtype=torch.float64), rates, float("inf"))
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weights])
    for rate, expected in zip(rates, ours, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss(weights).backward()
        optimizer.step()
        with torch.no_grad():
            weights.clamp_(min=0)
        torch.testing.assert_close(weights.detach(), expected)


@pytest.mark.parametrize("target", [None, 0, 1])
@pytest.mark.parametrize("free", [False, True])
def test_first_step_goes_down_the_finite_differences(target, free):
    stated = equations(HandSetNetwork(), PICTURES[0], target, gamma=2.0, delta=0.1, free=free)
    loss = stated.inversion_loss if target is None else stated.target_loss
    start = stated.start((2, 2)) + 0.02 * torch.rand(1, dtype=torch.float64)
    start = start + torch.linspace(0, 0.01, start.numel(), dtype=torch.float64).view_as(start)
    slope = torch.empty_like(start)
    for index in range(start.numel()):
        nudge = torch.zeros_like(start)
        nudge.view(-1)[index] = 1e-6
        slope.view(-1)[index] = (loss(start + nudge) - loss(start - nudge)) / 2e-6
    (after,), (value,), _ = adam(loss, start, [0.01], 1.0)
    assert slope.abs().min() > 1e-4
    # Adam's first step has the length of its rate in every weight, whatever the slope.
    torch.testing.assert_close(after, start - 0.01 * slope.sign(), atol=1e-6, rtol=0)
    assert value == loss(start)


def test_losses_by_hand():
    """Two squares of 2 × 2 cells on grey, and both weights alike."""
    network = HandSetNetwork(gain=10.0)
    stated = equations(network, squares(), 0, background=torch.full((3, 32, 32), 0.4))
    equal = torch.tensor([0.1, 0.1], dtype=torch.float64)
    # Redness and blueness of the squares are 10 · (1 − 0.1) = 9; nothing else has any colour. The
    # mask is 1 on them, and bilinear up-sampling rounds their rims by 1/8 and 3/8 of a cell.
    inner = torch.tensor([0.625, 0.875, 1.0, 1.0, 1.0, 1.0, 0.875, 0.625], dtype=torch.float64)
    mask = torch.outer(inner, inner)
    torch.testing.assert_close(stated.mask(equal)[4:12, 4:12], mask)
    cells = 9 * mask.unflatten(0, (2, 4)).unflatten(2, (2, 4)).mean((1, 3))
    lost = 2 * (9 - cells).square().sum()
    torch.testing.assert_close(stated.inversion_loss(equal), lost + 10 * 0.2)
    # As much of either colour is left: both classes have probability one half.
    torch.testing.assert_close(stated.target_loss(equal), torch.tensor(0.2, dtype=torch.float64))
    red = stated.mask(torch.tensor([0.1, 0.0], dtype=torch.float64))
    assert red[20:28, 20:28].abs().max() == 0


def test_both_stages_go_down():
    network = HandSetNetwork()
    run = invert(equations(network, PICTURES[1], 1))
    assert run.target_loss[-1] < run.target_loss[0] - 0.3
    assert len(run.weights) == 81
    assert invert(equations(network, PICTURES[1])).target_loss.shape == (0,)
