from collections import Counter

import numpy as np
import pytest
from drawn_stamps import photograph

from benchmarks.localization_of_objects.mosaics import PLACES, make_mosaics

# Twelve photographs, the first two of the same class.
PHOTOGRAPHS = [
    photograph(f"p{i}", (max(i, 1),), colour=(20 * i, 255 - 20 * i, 0)) for i in range(12)
]


def test_the_masks_part_the_picture_into_quarters():
    for scene in make_mosaics(PHOTOGRAPHS, rounds=1):
        np.testing.assert_array_equal(scene.masks.sum(axis=0), np.ones((224, 224)))
        assert scene.masks.mean(axis=(1, 2)).tolist() == [0.25] * 4


def test_a_tile_shows_the_photograph_of_its_name_and_class():
    by_name = {one.name: one for one in PHOTOGRAPHS}
    for scene in make_mosaics(PHOTOGRAPHS, rounds=2):
        for mask, target, name in zip(scene.masks, scene.classes, scene.names, strict=True):
            assert by_name[name].shows == {target}
            assert (scene.pixels[mask] == by_name[name].pixels[0, 0]).all()


def test_masks_are_in_the_order_of_the_places():
    [scene, *_] = make_mosaics(PHOTOGRAPHS, rounds=1)
    for mask, (left, top) in zip(scene.masks, PLACES, strict=True):
        assert np.argwhere(mask).min(axis=0).tolist() == [top, left]


def test_a_photograph_is_at_every_place_equally_often():
    scenes = make_mosaics(PHOTOGRAPHS, rounds=8)
    places = Counter((name, place) for s in scenes for place, name in enumerate(s.names))
    assert len(scenes) == 24
    assert len(places) == 12 * 4
    assert set(places.values()) == {2}


def test_classes_in_a_mosaic_differ():
    for seed in range(5):
        scenes = make_mosaics(PHOTOGRAPHS, rounds=4, seed=seed)
        assert all(len(set(scene.classes)) == 4 for scene in scenes)


def test_mosaics_depend_on_the_seed():
    names = [[s.names for s in make_mosaics(PHOTOGRAPHS, rounds=1, seed=k)] for k in (0, 0, 1)]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    "photographs", [[], PHOTOGRAPHS[:6], [*PHOTOGRAPHS[:3], photograph("two", (5, 6))]]
)
def test_photographs_that_make_no_mosaics_are_refused(photographs):
    with pytest.raises(ValueError, match="expected a multiple of 4, each of one class"):
        make_mosaics(photographs)


def test_too_few_classes_are_refused():
    with pytest.raises(ValueError, match="has 3 classes among 4 photographs"):
        make_mosaics(PHOTOGRAPHS[:4])
