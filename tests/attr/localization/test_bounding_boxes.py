from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torchvision.ops import box_area, box_iou, masks_to_boxes

from invert_captum import InvertCaptumWarning
from invert_captum.attr.localization.bounding_boxes import localize

# Of empty boxes; what it says has a test of its own.
pytestmark = pytest.mark.filterwarnings(
    "ignore:mask is nowhere above:invert_captum.InvertCaptumWarning"
)

MASKS = torch.rand(6, 3, 9, 7, generator=torch.Generator().manual_seed(0)) ** 12


def with_rectangle(left, top, right, bottom, side=8):
    mask = torch.zeros(1, 3, side, side)
    mask[..., top:bottom, left:right] = 1
    return mask


def box_by_hand(kept):
    places = [(x, y) for y, row in enumerate(kept) for x, value in enumerate(row) if value]
    if not places:
        return [0, 0, 0, 0]
    across, down = zip(*places, strict=True)
    return [min(across), min(down), max(across) + 1, max(down) + 1]


@given(
    arrays.arrays(np.int64, (3, 5, 4), elements=st.integers(0, 9)),
    st.sampled_from([("mean", 1.5), ("mean", 1.0), ("max", 0.2), ("max", 0.9), (4, 1.5)]),
)
def test_box_is_that_of_a_loop_over_all_positions(masks, rule):
    threshold, factor = rule
    boxes = localize(torch.from_numpy(masks), threshold, factor).tolist()
    for mask, box in zip(masks, boxes, strict=True):
        measure = {"mean": mask.mean(), "max": mask.max()}.get(threshold)
        level = threshold if measure is None else factor * measure
        assert box == box_by_hand(mask > level)


def test_boxes_agree_with_torchvision():
    kept = MASKS.double().mean(1)
    kept = kept > 1.5 * kept.mean((1, 2), keepdim=True)
    expected = masks_to_boxes(kept).long() + torch.tensor([0, 0, 1, 1])
    assert torch.equal(localize(MASKS), expected)


@pytest.mark.parametrize("edges", [(2, 1, 5, 7), (0, 0, 1, 1), (7, 0, 8, 8), (0, 5, 8, 8)])
def test_a_rectangle_is_its_own_box(edges):
    mask = with_rectangle(*edges)
    (box,) = localize(mask)
    left, top, right, bottom = box.tolist()
    assert (left, top, right, bottom) == edges
    assert mask[..., top:bottom, left:right].all()
    assert mask[..., top:bottom, left:right].sum() == mask.sum()
    assert box_iou(box[None], torch.tensor([edges])).item() == 1
    assert box_area(box[None]).item() == mask[0, 0].sum()


def test_the_mean_is_that_of_the_own_mask_over_all_channels():
    """One channel alone would put the threshold elsewhere, and so would the whole batch."""
    mask = torch.zeros(2, 2, 4, 4)
    mask[0, 0, 0, 0], mask[0, 1, 3, 3], mask[0, 1, 1, 1] = 8, 8, 1
    mask[1] = 100
    mask[1, :, 2, 2] = 200
    assert localize(mask).tolist() == [[0, 0, 4, 4], [2, 2, 3, 3]]
    assert localize(mask, factor=0.4).tolist() == [[0, 0, 4, 4]] * 2


def test_a_box_does_not_depend_on_the_scale_of_its_mask():
    assert torch.equal(localize(MASKS), localize(1e-20 * MASKS))
    assert torch.equal(localize(MASKS, "max", 0.3), localize(1e20 * MASKS, "max", 0.3))


@pytest.mark.parametrize("value", [0.0, 0.1, 0.7, 1.0])
@pytest.mark.parametrize("rule", [("mean", 1.5), ("mean", 1.0), (1.0, 1.5)])
def test_a_constant_mask_has_the_empty_box(value, rule):
    assert localize(torch.full((2, 3, 223, 223), value), *rule).tolist() == [[0, 0, 0, 0]] * 2


def test_an_empty_box_is_told_by_row():
    masks = with_rectangle(1, 1, 3, 3).repeat(3, 1, 1, 1)
    masks[1] = 0.7 + 0.3 * masks[1]
    with pytest.warns(InvertCaptumWarning, match=r"rows 1 \(of 3\), whose box is empty"):
        assert localize(masks)[1].tolist() == [0, 0, 0, 0]


def test_an_empty_box_overlaps_nothing():
    empty = localize(torch.zeros(1, 3, 8, 8))
    assert box_iou(empty, torch.tensor([[0, 0, 8, 8]])).item() == 0


def test_all_shapes_of_a_mask_give_rows_of_boxes():
    one = MASKS[:1, :1]
    assert localize(one).shape == (1, 4)
    assert torch.equal(localize(one), localize(one[:, 0]))
    assert torch.equal(localize(one), localize(one[0, 0]))
    assert localize(MASKS[:0]).shape == (0, 4)
    assert localize(MASKS[:0]).dtype == localize(MASKS).dtype == torch.int64


def test_masks_from_inference_mode_and_with_gradients_are_taken():
    with torch.inference_mode():
        inference = MASKS.clone()
    assert torch.equal(localize(inference), localize(MASKS))
    assert not localize(MASKS.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("median",), ValueError, "threshold is 'median'; expected 'mean', 'max' or a number"),
        ((None,), TypeError, r"threshold is None \(NoneType\); expected 'mean', 'max'"),
        ((True,), TypeError, r"threshold is True \(bool\)"),
        ((float("nan"),), ValueError, "threshold is nan; expected 'mean', 'max' or a number, fin"),
        ((0.5, 2.0), ValueError, "factor is 2.0, but threshold is the number 0.5, which nothing"),
        (("max",), ValueError, "factor is 1.5, but no value exceeds the maximum; .*0.2"),
        (("max", 1.0), ValueError, "factor is 1.0, but no value exceeds the maximum"),
        (("mean", 0.0), ValueError, "factor is 0.0; expected a number above 0"),
        (("max", -0.5), ValueError, "factor is -0.5; expected a number above 0"),
        (("mean", float("inf")), ValueError, "factor is inf; expected a number, finite"),
        (("mean", "1.5"), TypeError, r"factor is '1.5' \(str\); expected a number"),
    ],
)
def test_rules_that_make_no_threshold_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        localize(MASKS, *arguments)


@pytest.mark.parametrize(("threshold", "factor"), [("mean", 1.5), ("max", 0.2)])
def test_masks_of_which_no_multiple_is_a_threshold_are_refused_by_row(threshold, factor):
    masks = MASKS.clone()
    masks[[1, 4]] -= 2
    with pytest.raises(ValueError, match=f"mask has a negative {threshold} in rows 1, 4, so"):
        localize(masks, threshold, factor)
    assert localize(masks, threshold=-1.5).shape == (6, 4)


def test_masks_that_are_not_finite_are_refused_by_row():
    masks = MASKS.clone()
    masks[2, 1, 3, 3] = torch.nan
    with pytest.raises(ValueError, match="mask has NaN or infinite values in rows 2;"):
        localize(masks)


def test_arrays_are_refused():
    with pytest.raises(TypeError, match="mask is of type ndarray; expected a tensor"):
        localize(MASKS.numpy())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_boxes_lie_on_the_device_of_the_mask():
    boxes = localize(MASKS.cuda())
    assert boxes.device.type == "cuda"
    assert torch.equal(boxes.cpu(), localize(MASKS))
