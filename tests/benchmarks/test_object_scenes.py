from collections import Counter
from itertools import islice

import numpy as np
import pytest
from drawn_stamps import BLUE, GREEN, GREY, RED, ColourNetwork, photograph, stamp

from benchmarks.localization_of_objects.object_scenes import (
    LENGTHS,
    Query,
    Scene,
    deal,
    describe,
    make_scenes,
    queries_of,
    top_classes,
)

STAMPS = [
    stamp("red", 0, RED),
    stamp("rose", 0, RED, (30, 40)),
    stamp("green", 1, GREEN, (60, 20)),
    stamp("blue", 2, BLUE),
    stamp("unseen", 9, GREY),
]
GROUNDS = [photograph("grey"), photograph("red wall", colour=RED), photograph("sky", (2,))]


@pytest.fixture(scope="module")
def scenes():
    return make_scenes(ColourNetwork(), STAMPS, GROUNDS, alone=20, beside=30)


def scene_of(*classes, ground="ground"):
    masks = np.zeros((len(classes), 224, 224), dtype=bool)
    for row, mask in enumerate(masks):
        mask[: 112 * (row + 1) // len(classes)] = True
    names = tuple(map(str, classes))
    return Scene(np.zeros((224, 224, 3), np.uint8), masks, classes, names, ground)


def test_there_are_as_many_queries_as_asked_for(scenes):
    queries = queries_of(ColourNetwork(), scenes)
    counts = Counter(len(scenes[query.scene].classes) for query in queries)
    assert counts[1] >= 20
    assert counts[2] >= 30


def test_scenes_depend_on_the_seed_alone(scenes):
    again = make_scenes(ColourNetwork(), STAMPS, GROUNDS, alone=20, beside=30)
    other = make_scenes(ColourNetwork(), STAMPS, GROUNDS, alone=20, beside=30, seed=1)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(scenes, again, strict=True))
    assert any(not np.array_equal(a.pixels, b.pixels) for a, b in zip(scenes, other, strict=False))


def test_objects_have_their_colour_where_the_masks_are(scenes):
    colours = {0: RED, 1: GREEN, 2: BLUE, 9: GREY}
    for scene in scenes:
        assert scene.masks.sum(axis=0).max() == 1
        for mask, target in zip(scene.masks, scene.classes, strict=True):
            assert mask.any()
            # Half covered edges have half the colour.
            assert (np.abs(scene.pixels[mask].mean(axis=0) - colours[target]) < 15).all()


def test_objects_have_the_promised_length(scenes):
    for scene in scenes:
        shortest, longest = LENGTHS[len(scene.classes)]
        for mask in scene.masks:
            length = max(np.ptp(np.argwhere(mask), axis=0)) + 1
            assert shortest - 2 <= length <= longest  # the resized edge may be less than half full


def test_no_photograph_shows_the_class_of_an_object(scenes):
    grounds = Counter(scene.ground for scene in scenes)
    assert grounds.keys() == {"grey", "red wall", "sky"}
    assert not [s for s in scenes if s.ground == "red wall" and 0 in s.classes]  # by the network
    assert not [s for s in scenes if s.ground == "sky" and 2 in s.classes]  # by the label


def test_stamps_are_dealt_equally_often(rng):
    hands = list(islice(deal(STAMPS, 2, rng), 100))
    counts = Counter(one.name for hand in hands for one in hand)
    assert max(counts.values()) - min(counts.values()) <= 2
    assert all(first.target != second.target for first, second in hands)


def test_a_query_is_an_object_in_the_top_five(scenes):
    queries = set(queries_of(ColourNetwork(), scenes))
    for row, scene in enumerate(scenes):
        for asked, target in enumerate(scene.classes):
            assert (Query(row, target, asked) in queries) == (target != 9)


def test_the_top_classes_are_the_five_highest_logits_best_first():
    tops = top_classes(ColourNetwork(), [photograph(colour=RED), photograph(colour=BLUE)] * 5)
    assert tops.shape == (10, 5)
    assert tops[:, 0].tolist() == [0, 2] * 5
    assert set(tops[:, 1:].ravel()) <= set(range(3, 9))


def test_a_network_that_sees_nothing_ends_with_an_error():
    with pytest.raises(RuntimeError, match="does not see the objects"):
        make_scenes(ColourNetwork(), STAMPS[-1:], GROUNDS[:1], alone=1, beside=0)


def test_a_class_that_every_photograph_shows_is_refused():
    with pytest.raises(ValueError, match=r"each of the 1 photographs shows .* \(0,\)"):
        make_scenes(ColourNetwork(), STAMPS[:1], GROUNDS[1:2], alone=1, beside=0)


def test_pairs_need_two_classes(rng):
    with pytest.raises(ValueError, match="has 1 classes; expected 2 or more"):
        next(deal(STAMPS[:2], 2, rng))


def test_the_description_counts():
    scenes = [scene_of(3), scene_of(4), scene_of(3, 5), scene_of(5, 4, ground="other")]
    queries = [Query(0, 3, 0), Query(2, 3, 0), Query(2, 5, 1), Query(3, 4, 1)]
    assert describe(scenes, queries) == [
        "2 pictures with one object, 1 queries",
        "2 pictures with 2 objects, 3 queries; 1 pictures have a query for each object",
        "queries ask for 3 different objects of 3 classes on 2 photographs; an object covers 25.0% "
        "to 50.0% of its picture, the median is 50.0%",
    ]
    assert describe(scenes[:1], []) == ["1 pictures with one object, 0 queries"]
