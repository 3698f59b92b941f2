from collections import Counter
from pathlib import PurePosixPath

from benchmarks.localization_of_objects.stamp_classes import CLASS_OF_STAMP


def test_there_are_enough_stamps_and_no_class_prevails():
    counts = Counter(CLASS_OF_STAMP.values())
    assert len(CLASS_OF_STAMP) >= 60
    assert max(counts.values()) <= 4


def test_classes_are_indices_of_imagenet():
    assert all(0 <= target < 1000 for target in CLASS_OF_STAMP.values())


def test_paths_are_relative_pictures():
    for path in map(PurePosixPath, CLASS_OF_STAMP):
        assert not path.is_absolute()
        assert path.suffix == ".png"


def test_drawings_and_mirrored_copies_are_left_out():
    assert not [path for path in CLASS_OF_STAMP if "cartoon" in path or "mirror" in path]
