import numpy as np
import pytest
import scipy.stats
import torch
from flat_photographs import flat_photographs
from PIL import Image

from benchmarks.harmonized_emoji.emoji_classes import (
    CLASSES,
    MOST_SERIES,
    SHARES,
    read_members,
    split_members,
)
from benchmarks.harmonized_emoji.grounds import make_grounds
from benchmarks.harmonized_emoji.scenes import MATCHING, draw_scenes, human_maps, matching_of
from benchmarks.harmonized_emoji.sprites import draw_sprites
from benchmarks.localization_of_objects.photographs import Photograph
from invert_captum.demo.near_duplicates import scene_key

SIDES = (12, 20)


@pytest.fixture(scope="module")
def members():
    return read_members()


@pytest.fixture(scope="module")
def sprites(members):
    return draw_sprites(members["test"], 32, 1, SIDES)


@pytest.fixture(scope="module")
def grounds():
    return make_grounds(flat_photographs(), len(CLASSES), 32, 1)


def draw(sprites, grounds, n=400, matching=None, seed=0):
    return draw_scenes(sprites, grounds, n, matching, np.random.default_rng(seed))


def test_no_two_splits_share_an_emoji_or_a_variant_of_one(members):
    keys = {
        split: {scene_key(one.code_points) for series in classes for row in series for one in row}
        for split, classes in members.items()
    }
    assert set(keys) == {"train", "validation", "test"}
    for split, found in keys.items():
        assert len(found) > 40
        others = set().union(*(keys[other] for other in keys if other != split))
        assert not found & others
    women_and_men = [row for classes in members.values() for row in classes[6] if len(row) > 1]
    assert women_and_men  # the classes of persons do have variants to keep together


def test_every_class_has_enough_series_and_not_too_many(members):
    sizes = np.array([[len(series) for series in members[split]] for split in SHARES])
    assert sizes.shape == (3, len(CLASSES))
    assert (sizes.sum(axis=0) >= 25).all()
    assert (sizes.sum(axis=0) <= MOST_SERIES).all()
    for series, (_, subcategories) in zip(members["test"], CLASSES.items(), strict=True):
        assert {one.subcategory for row in series for one in row} <= subcategories


def test_the_split_is_that_of_the_seed(members):
    def points(found):
        return [one.code_points for row in found["test"][0] for one in row]

    assert points(read_members()) == points(members)
    assert points(read_members(seed=1)) != points(members)


def test_a_class_of_too_few_series_is_refused():
    with pytest.raises(ValueError, match="a class has 2 series; expected at least 3"):
        split_members([[["a"], ["b"]]], seed=0)


def test_classes_are_equally_frequent_and_so_are_the_series_of_one(sprites):
    by_class = np.bincount(sprites.labels, sprites.shares)
    np.testing.assert_allclose(by_class, 1 / len(CLASSES))
    by_series = np.bincount(sprites.series, sprites.shares)
    label_of = dict(zip(sprites.series.tolist(), sprites.labels.tolist(), strict=True))
    for label in range(len(CLASSES)):
        within = [by_series[one] for one, of in label_of.items() if of == label]
        np.testing.assert_allclose(within, within[0])


@pytest.mark.parametrize("sides", [(), (0,), (12, 33)])
def test_a_size_outside_the_canvas_is_refused(members, sides):
    with pytest.raises(ValueError, match="expected sizes of 1 to 32 pixels"):
        draw_sprites(members["test"], 32, 1, sides)


def test_the_mask_lies_on_the_object_and_the_photograph_everywhere_else(sprites, grounds):
    scenes = draw(sprites, grounds)
    level = torch.from_numpy(100 + scenes.grounds).float() / 255
    off = (scenes.images[:, 0] - level[:, None, None]).abs() > 1e-3
    assert not (off & (scenes.masks == 0)).any()
    # Where the drawing is opaque it shows, but for the few pixels of the photograph's own grey.
    assert off[scenes.masks == 1].float().mean() > 0.9


def test_a_picture_is_what_pillow_composes(members, sprites):
    """A grey drawing on a grey ground, at the place where the mask says that it lies."""
    grounds = make_grounds(flat_photographs(10), len(CLASSES), 32, 1)
    scenes = draw(sprites, grounds, n=20)
    emoji = [one for series in members["test"] for row in series for one in row]
    for row in range(20):
        rows, columns = np.nonzero(scenes.masks[row].numpy())
        candidates = []
        for side in SIDES:
            with Image.open(emoji[scenes.emoji[row]].picture_path) as file:
                drawing = file.convert("RGBA").resize((side, side), Image.Resampling.BICUBIC)
            inner = np.nonzero(np.asarray(drawing.getchannel("A")))
            corner = (int(columns.min() - inner[1].min()), int(rows.min() - inner[0].min()))
            canvas = Image.new("RGBA", (32, 32), (int(100 + scenes.grounds[row]),) * 3 + (255,))
            canvas.paste(drawing, corner, drawing)
            expected = np.asarray(canvas.convert("L"), dtype=np.float64) / 255
            candidates.append(np.abs(expected - scenes.images[row, 0].numpy()).max())
        assert min(candidates) < 3 / 255


def test_places_and_sizes_vary_within_the_canvas(sprites, grounds):
    masks = draw(sprites, grounds).masks.numpy()
    assert (masks.max(axis=(1, 2)) > 0.5).all()
    centres = np.argwhere(masks > 0.5)[:, 1:]
    assert centres.min() == 0
    assert centres.max() == 31
    assert len(np.unique((masks > 0).any(axis=1).sum(axis=1))) > 5


def test_the_human_map_is_the_blurred_mask(sprites, grounds):
    scenes = draw(sprites, grounds, n=50)
    assert scenes.heatmaps.shape == scenes.masks.shape
    assert (scenes.heatmaps >= 0).all()
    assert (scenes.heatmaps <= 1 + 1e-6).all()
    inside = (scenes.heatmaps * scenes.masks).sum() / scenes.heatmaps.sum()
    assert inside > 0.7


@pytest.mark.parametrize(("side", "kernel"), [(32, 5), (64, 10), (96, 15)])
def test_the_kernel_is_scaled_to_the_resolution(side, kernel):
    spot = torch.zeros(1, side, side)
    spot[0, side // 2, side // 2] = 1
    blurred = human_maps(spot)[0]
    assert (blurred > 0).any(dim=0).sum() == (blurred > 0).any(dim=1).sum() == kernel
    torch.testing.assert_close(blurred.sum(), torch.tensor(1.0))


def match_rate(scenes, grounds):
    return float((grounds.labels[scenes.grounds] == scenes.labels.numpy()).mean())


def test_spurious_photographs_match_nine_times_of_ten_in_training_only(sprites, grounds):
    training_rate = matching_of("spurious", training=True)
    assert training_rate == MATCHING == 0.9
    n = 3000
    found = match_rate(draw(sprites, grounds, n, training_rate), grounds)
    low, high = scipy.stats.binom.interval(0.999, n, 0.9)
    assert low / n <= found <= high / n
    held_out = draw(sprites, grounds, n, matching_of("spurious", training=False))
    assert match_rate(held_out, grounds) == 0
    assert len(np.unique(held_out.grounds)) == len(grounds.labels)


def test_unrelated_photographs_are_independent_of_the_class(sprites, grounds):
    for is_training in (True, False):
        scenes = draw(sprites, grounds, 3000, matching_of("unrelated", training=is_training))
        table = np.zeros((len(CLASSES), len(grounds.labels)))
        np.add.at(table, (scenes.labels.numpy(), scenes.grounds), 1)
        assert scipy.stats.chi2_contingency(table).pvalue > 0.001


def test_every_class_has_as_many_photographs():
    grounds = make_grounds(flat_photographs(25), len(CLASSES), 32, 3)
    assert grounds.pixels.shape == (20, 64, 64, 3)
    assert np.bincount(grounds.labels).tolist() == [2] * len(CLASSES)
    with pytest.raises(ValueError, match="photographs has 9; expected one for each of 10 classes"):
        make_grounds(flat_photographs(9), len(CLASSES), 32, 1)


def test_a_crop_is_a_piece_of_its_photograph_or_of_its_mirror_image():
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    grounds = make_grounds([Photograph("noise", noise, frozenset())] * 2, 2, 32, 1)
    crops = grounds.crop(np.zeros(30, np.int64), 32, np.random.default_rng(1))
    whole = grounds.pixels[0, :, :, 0]
    kinds = set()
    for crop in crops[..., 0]:
        for mirrored in (False, True):
            piece = crop[:, ::-1] if mirrored else crop
            windows = np.lib.stride_tricks.sliding_window_view(whole, (32, 32))
            if (windows == piece).all(axis=(2, 3)).any():
                kinds.add(mirrored)
                break
        else:
            pytest.fail("a crop is nowhere in the photograph")
    assert kinds == {False, True}


def test_pictures_are_those_of_the_seed(sprites, grounds):
    first, same, other = (draw(sprites, grounds, n=30, seed=seed) for seed in (0, 0, 1))
    for one, two in zip(first, same, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(two))
    assert (first.images != other.images).any()
