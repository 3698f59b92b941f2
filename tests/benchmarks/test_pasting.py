import numpy as np
import pytest
from drawn_stamps import GREEN, GREY, RED, disc, photograph
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.localization_of_objects.pasting import draw_corners, paste

sides = st.integers(1, 112)
boxes = st.tuples(sides, sides)


def test_an_object_is_where_its_mask_says():
    drawings = [disc(RED, (40, 30)), disc(GREEN, (20, 60))]
    pixels, masks = paste(drawings, [(3, 5), (150, 100)], photograph())
    for mask, colour, drawing in zip(masks, (RED, GREEN), drawings, strict=True):
        assert (pixels[mask] == colour).all()
        assert mask.sum() == (np.asarray(drawing)[..., 3] == 255).sum()
    assert (pixels[~masks.any(axis=0)] == GREY).all()
    assert np.argwhere(masks[1]).min(axis=0).tolist() == [100, 150]


def test_a_pixel_is_the_object_s_if_half_covered():
    drawing = Image.new("RGBA", (2, 1), (255, 255, 255, 127))
    drawing.putpixel((1, 0), (255, 255, 255, 128))
    pixels, masks = paste([drawing], [(10, 20)], photograph(colour=(0, 0, 0)))
    assert np.argwhere(masks[0]).tolist() == [[20, 11]]
    assert pixels[20, 10:12, 0].tolist() == [127, 128]


def test_the_photograph_stays_as_it_is():
    ground = photograph()
    paste([disc(RED)], [(0, 0)], ground)
    assert (ground.pixels == GREY).all()


@given(st.lists(boxes, min_size=1, max_size=2), st.integers(0, 99))
def test_boxes_lie_on_the_picture_and_do_not_overlap(sizes, seed):
    covered = np.zeros((224, 224), dtype=int)
    for (left, top), (width, height) in zip(
        draw_corners(sizes, np.random.default_rng(seed)), sizes, strict=True
    ):
        box = covered[top : top + height, left : left + width]
        assert box.shape == (height, width)
        box += 1
    assert covered.max() == 1


def test_every_place_is_drawn(rng):
    drawn = {draw_corners([(222, 223)], rng)[0] for _ in range(200)}
    assert drawn == {(left, top) for left in range(3) for top in range(2)}


@pytest.mark.parametrize("sizes", [[(225, 1)], [(113, 120), (112, 120)], [(9, 9)] * 3])
def test_boxes_without_room_are_refused(sizes, rng):
    with pytest.raises(ValueError, match="expected one box, or two that fit"):
        draw_corners(sizes, rng)
