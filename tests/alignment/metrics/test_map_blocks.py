"""What holds for every score of pairs of maps: blocks, layouts, refusals."""

import numpy as np
import pytest
import torch

from invert_captum.alignment.metrics import map_blocks
from invert_captum.alignment.metrics.map_blocks import blocks
from invert_captum.alignment.metrics.spearman import spearman_correlation
from invert_captum.alignment.metrics.top_pixels import dice, intersection_over_union

METRICS = [spearman_correlation, dice, intersection_over_union]


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(7, 9, 5, generator=generator)
    b = (a + torch.randn(7, 9, 5, generator=generator)).relu()
    b[3] = 0.5
    a[5, 2, 2] = torch.nan
    return a, b


def same(first, second):
    return torch.equal(first.nan_to_num(7), second.nan_to_num(7))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("limit", [1, 45, 90, 134, 10_000])
def test_several_blocks_equal_one_map_at_a_time(metric, limit, pair, monkeypatch):
    expected = torch.cat([metric(a[None], b[None]) for a, b in zip(*pair, strict=True)])
    assert expected[:3].ne(0).all()
    monkeypatch.setattr(map_blocks, "PIXELS_IN_CACHE", limit)
    assert same(metric(*pair), expected)


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("n_maps", [0, 1, 5, 1000])
@pytest.mark.parametrize("n_pixels", [1, 49, 224**2, 10**8])
def test_blocks_hold_every_map_once_and_are_bounded(device, n_maps, n_pixels):
    taken = [range(n_maps)[block] for block in blocks(n_maps, n_pixels, torch.device(device))]
    assert [number for block in taken for number in block] == list(range(n_maps))
    assert all(len(block) == 1 or len(block) * n_pixels <= 2**24 for block in taken)


@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_batch_has_no_scores(metric):
    got = metric(torch.zeros(0, 4, 4), torch.zeros(0, 4, 4))
    assert got.shape == (0,)
    assert got.dtype == torch.float64


@pytest.mark.parametrize("metric", METRICS)
def test_layouts_and_kinds_of_tensors_do_not_matter(metric, pair):
    a, b = pair
    expected = metric(a, b)
    turned = a.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    every_other = a.repeat_interleave(2, dim=2)[..., ::2]
    wants_gradient = a.clone().requires_grad_()
    for other in (turned, every_other, wants_gradient, a.double()):
        got = metric(other, b)
        assert same(got, expected)
        assert not got.requires_grad
    flipped = metric(a.flip(1), b.flip(1))
    assert same(flipped, expected)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        assert same(metric(a, b), expected)


@pytest.mark.parametrize("metric", METRICS)
def test_the_maps_stay_as_they_were(metric, pair):
    before = [maps.clone() for maps in pair]
    metric(*pair)
    assert all(same(*maps) for maps in zip(before, pair, strict=True))


@pytest.mark.parametrize("metric", METRICS)
def test_a_single_position_is_constant(metric):
    got = metric(torch.ones(2, 1, 1), torch.ones(2, 1, 1))
    assert same(got, torch.full((2,), torch.nan if metric is spearman_correlation else 0).double())


MAPS = torch.rand(2, 4, 4)
REFUSED = {
    "rank 2": (MAPS[0], ValueError, r"must have shape \(N, H, W\), got \(4, 4\)"),
    "rank 4": (
        MAPS[..., None],
        ValueError,
        r"must have shape \(N, H, W\), got .*; squeeze the channel",
    ),
    "no positions": (MAPS[:, :0], ValueError, r"must have shape \(N, H, W\), got \(2, 0, 4\)"),
    "integers": (MAPS.long(), TypeError, "must be floating point, got torch.int64"),
    "booleans": (MAPS > 0.5, TypeError, "must be floating point, got torch.bool"),
    "complex": (MAPS + 0j, TypeError, "must be floating point, got torch.complex64"),
    "array": (MAPS.numpy(), TypeError, "must be a torch tensor"),
    "list": (MAPS.tolist(), TypeError, "must be a torch tensor"),
    "nothing": (None, TypeError, "must be a torch tensor"),
}
MISMATCHED = {
    "number": (MAPS[:1], r"a has shape \(2, 4, 4\), but b \(1, 4, 4\)"),
    "size": (MAPS[:, :3], r"a has shape \(2, 4, 4\), but b \(2, 3, 4\)"),
    "device": (MAPS.to("meta"), "a is on cpu, but b on meta"),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("maps", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_refuse_what_are_no_maps(metric, maps, error, message):
    with pytest.raises(error, match=f"^a {message}"):
        metric(maps, MAPS)
    with pytest.raises(error, match=f"^b {message}"):
        metric(MAPS, maps)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("maps", "message"), MISMATCHED.values(), ids=MISMATCHED)
def test_refuse_maps_that_do_not_match(metric, maps, message):
    with pytest.raises(ValueError, match=message):
        metric(MAPS, maps)


def test_the_order_of_many_maps_does_not_matter(pair):
    a, b = (maps[:3].repeat(1500, 1, 1) for maps in pair)
    order = np.random.default_rng(0).permutation(len(a))
    for metric in METRICS:
        assert torch.equal(metric(a[order], b[order]), metric(a, b)[order])
