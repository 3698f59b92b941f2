from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.localization_of_objects.query_pictures import QueryPictures, by_number, evenly


@dataclass(frozen=True)
class Drawing:
    """What a query needs of a scene."""

    grey: int
    masks: np.ndarray

    def picture(self):
        return Image.new("RGB", (224, 224), (self.grey,) * 3)


@dataclass(frozen=True)
class Asked:
    scene: int
    target: int
    asked: int


def drawing(grey, k):
    masks = np.zeros((k, 224, 224), dtype=bool)
    for i in range(k):
        masks[i, i] = True  # Object i is row i.
    return Drawing(grey, masks)


SCENES = [drawing(0, 1), drawing(127, 2), drawing(255, 2)]


def test_the_asked_for_object_comes_first():
    queries = [Asked(2, 7, 1), Asked(1, 9, 0), Asked(2, 8, 0)]
    found = QueryPictures.of(SCENES, queries)
    assert len(found) == 3
    assert found.targets.tolist() == [7, 9, 8]
    assert found.pictures.tolist() == [2, 1, 2]
    assert found.inputs.shape == (3, 3, 224, 224)
    torch.testing.assert_close(found.inputs[:, 0, 0, 0], torch.tensor([1, 0, 1.0]))
    assert found.masks.int().argmax(dim=2)[..., 0].tolist() == [[1, 0], [0, 1], [0, 1]]


def test_some_queries_are_taken():
    found = QueryPictures.of(SCENES, [Asked(2, 7, 1), Asked(1, 9, 0), Asked(2, 8, 0)])
    some = found.take(np.array([2, 0]))
    assert some.targets.tolist() == [8, 7]
    assert some.pictures.tolist() == [2, 2]
    torch.testing.assert_close(some.inputs, found.inputs[[2, 0]])
    torch.testing.assert_close(some.masks, found.masks[[2, 0]])


def test_scenes_are_parted_by_their_number_of_objects():
    parts = by_number(SCENES, [Asked(0, 5, 0), Asked(1, 9, 0), Asked(2, 8, 0)])
    assert {k: one.targets.tolist() for k, one in parts.items()} == {1: [5], 2: [9, 8]}


@pytest.mark.parametrize("queries", [[], [Asked(0, 5, 0), Asked(1, 9, 0)]])
def test_queries_without_one_number_of_objects_are_refused(queries):
    with pytest.raises(ValueError, match=r"scenes have \[.*\] objects; expected one number"):
        QueryPictures.of(SCENES, queries)


@pytest.mark.parametrize(
    ("count", "wanted", "rows"),
    [(10, 4, [0, 3, 6, 9]), (3, 9, [0, 1, 2]), (5, 1, [0]), (5, 0, []), (0, 4, [])],
)
def test_rows_are_chosen_from_the_first_to_the_last(count, wanted, rows):
    assert evenly(count, wanted).tolist() == rows
