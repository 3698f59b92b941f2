import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.localization_of_objects import faithfulness
from benchmarks.localization_of_objects.faithfulness import (
    deletion,
    draw_squares,
    infidelity_of,
    insertion,
    pixel_ranks,
    probabilities,
    sensitivity,
)

SIDE = 28


class Share(nn.Module):
    """The probability of class 1 is a weighted sum of the first colour."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, pictures):
        p = (pictures[:, 0] * self.weights).sum(dim=(1, 2))
        return torch.stack([1 - p, p], dim=1).clamp(min=1e-9).log()


@pytest.fixture
def weights():
    """The prediction rests on a square of 14 x 14 of 28 x 28 pixels."""
    weights = torch.zeros(SIDE, SIDE)
    weights[4:18, 10:24] = 1 / 14**2
    return weights


@pytest.fixture(autouse=True)
def black(monkeypatch):
    monkeypatch.setattr(faithfulness, "blurred", lambda pictures, _: 0 * pictures)


WHITE, TARGETS = torch.ones(2, 3, SIDE, SIDE), torch.tensor([1, 0])


def test_probabilities_are_those_of_the_targets(weights):
    found = probabilities(Share(weights / 4), torch.ones(20, 3, SIDE, SIDE), torch.arange(20) % 2)
    torch.testing.assert_close(found, torch.tensor([0.75, 0.25]).repeat(10))


def test_the_areas_of_a_perfect_map(weights):
    """After a quarter of the pixels all of the prediction is there, or gone."""
    maps = weights.expand(2, SIDE, SIDE)
    network = Share(weights)
    assert insertion(network, WHITE, TARGETS, maps) == pytest.approx([7 / 8, 1 / 8], abs=1e-6)
    assert deletion(network, WHITE, TARGETS, maps) == pytest.approx([1 / 8, 7 / 8], abs=1e-6)
    assert insertion(network, WHITE, TARGETS, -maps) == pytest.approx([1 / 8, 7 / 8], abs=1e-6)


def test_the_area_of_an_even_map_is_one_half(weights):
    network, even = Share(weights), torch.zeros(2, SIDE, SIDE)
    assert insertion(network, WHITE, TARGETS, even) == pytest.approx([0.5, 0.5], abs=0.03)


def test_areas_are_those_of_pixels_put_in_one_step_after_the_other(weights, rng):
    pixels = torch.from_numpy(rng.random((SIDE, SIDE)).astype(np.float32))
    order = pixels.flatten().argsort(descending=True).tolist()
    curve = [weights.flatten()[order[: 28 * k]].sum().item() for k in range(29)]
    found = insertion(Share(weights), WHITE[:1], TARGETS[:1], pixels[None])
    assert found == pytest.approx([(sum(curve) - (curve[0] + curve[-1]) / 2) / 28], abs=1e-6)


def test_ranks_go_from_the_highest_to_the_lowest_value(rng):
    pixels = torch.from_numpy(rng.normal(size=(9, 7)))
    ranks = pixel_ranks(pixels)
    assert sorted(ranks.flatten().tolist()) == list(range(63))
    in_turn = pixels.flatten()[ranks.flatten().argsort()]
    assert (in_turn.diff() < 0).all()
    torch.testing.assert_close(pixel_ranks(5 * pixels + 2), ranks)


def test_equal_values_come_in_no_order_of_rows():
    ranks = pixel_ranks(torch.zeros(40, 40)).double()
    torch.testing.assert_close(pixel_ranks(torch.ones(40, 40)).double(), ranks)
    upper, lower = ranks[:20].mean().item(), ranks[20:].mean().item()
    assert upper == pytest.approx(lower, rel=0.1)


def test_squares_lie_inside_and_have_sides_of_an_eighth_to_a_half():
    squares = draw_squares(300, 64, torch.Generator().manual_seed(0))
    heights, widths = squares.any(dim=2).sum(dim=1), squares.any(dim=1).sum(dim=1)
    torch.testing.assert_close(heights, widths)
    torch.testing.assert_close(squares.sum(dim=(1, 2)), heights * widths)
    assert heights.min() >= 8
    assert heights.max() <= 32
    assert len(heights.unique()) > 15
    covered = squares.any(dim=0)
    assert all(edge.any() for edge in (covered[0], covered[-1], covered[:, 0], covered[:, -1]))


@pytest.mark.parametrize("scale", [1.0, 1000.0, 1e-3])
def test_a_map_that_adds_up_to_the_prediction_is_faithful_at_any_scale(weights, scale):
    network, maps = Share(weights), scale * weights[None]
    assert infidelity_of(network, WHITE[:1], TARGETS[:1], maps) == pytest.approx([0], abs=1e-6)


def test_a_map_elsewhere_is_unfaithful(weights):
    network, maps = Share(weights), weights.flip(0, 1)[None]
    assert infidelity_of(network, WHITE[:1], TARGETS[:1], maps) > 1e-3


def test_an_even_map_has_the_infidelity_of_the_best_multiple_of_the_area(weights):
    found = infidelity_of(Share(weights), WHITE[:1], TARGETS[:1], torch.ones(1, SIDE, SIDE))
    generator, drawn = torch.Generator().manual_seed(0), []
    while sum(map(len, drawn)) < faithfulness.N_SQUARES:
        drawn.append(draw_squares(8, SIDE, generator))
    squares = torch.cat(drawn)
    fall, area = (squares * weights).sum(dim=(1, 2)), squares.double().mean(dim=(1, 2))
    factor = (fall * area).mean() / (area * area).mean()
    assert found == pytest.approx([((factor * area - fall) ** 2).mean().item()], rel=1e-4)


def test_sensitivity_is_the_largest_change_under_noise():
    pictures = torch.ones(2, 3, SIDE, SIDE)
    assert sensitivity(lambda x, _: 0 * x[:, 0] + 1, pictures, TARGETS).tolist() == [0, 0]
    # Uniform noise of up to 0.02 on ones, as a share of the norm of ones.
    found = sensitivity(lambda x, _: x[:, 0], pictures, TARGETS)
    assert found == pytest.approx([0.02 / 3**0.5] * 2, rel=0.1)
    assert found == pytest.approx(sensitivity(lambda x, _: 5 * x[:, 0], pictures, TARGETS))


def test_sensitivity_asks_for_each_pictures_own_target():
    asked = []

    def explain(pictures, targets):
        asked.append((len(pictures), targets.tolist()))
        return pictures[:, 0]

    sensitivity(explain, WHITE, TARGETS)
    n = faithfulness.N_NOISY
    assert asked == [(1, [1]), (n, [1] * n), (1, [0]), (n, [0] * n)]
