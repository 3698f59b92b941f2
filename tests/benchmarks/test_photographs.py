import numpy as np
import pytest
from PIL import Image

from benchmarks.localization_of_objects.photographs import (
    _OF_SCIKIT_LEARN,
    Photograph,
    data_folder,
    read_labelled,
    read_named,
)


def test_the_class_stands_at_the_end_of_the_name(tmp_path):
    for name in ("imagenet_01_559.jpg", "imagenet_00_7.jpg", "cifar10_00_3.png"):
        Image.new("RGB", (30, 30)).save(tmp_path / name)
    found = read_labelled(tmp_path)
    assert [(one.name, one.shows) for one in found] == [
        ("imagenet_00_7", {7}),
        ("imagenet_01_559", {559}),
    ]


def test_the_central_square_is_kept(tmp_path):
    picture = Image.new("RGB", (400, 200), "blue")
    picture.paste("red", (100, 0, 300, 200))
    picture.save(tmp_path / "a.png")
    pixels = Photograph.read(tmp_path / "a.png", frozenset()).pixels
    assert pixels.shape == (224, 224, 3)
    np.testing.assert_array_equal(np.unique(pixels[:, 2:-2].reshape(-1, 3), axis=0), [[255, 0, 0]])


def test_a_grey_photograph_gets_equal_channels(tmp_path):
    Image.linear_gradient("L").save(tmp_path / "a.png")
    pixels = Photograph.read(tmp_path / "a.png", frozenset()).pixels
    assert len(np.unique(pixels)) > 100
    assert (pixels == pixels[..., :1]).all()


def test_the_picture_has_the_pixels(tmp_path):
    Image.effect_noise((224, 224), 50).convert("RGB").save(tmp_path / "a.png")
    one = Photograph.read(tmp_path / "a.png", frozenset())
    np.testing.assert_array_equal(np.asarray(one.picture()), one.pixels)


def test_those_of_scikit_learn_are_found():
    found = read_named(data_folder("scikit-learn", "sklearn/datasets/images"), _OF_SCIKIT_LEARN)
    assert [one.name for one in found] == ["china", "flower"]
    assert all(one.pixels.std() > 20 for one in found)


def test_a_missing_package_says_what_to_install():
    with pytest.raises(RuntimeError, match="pip install no-such-package"):
        data_folder("no-such-package", "none/data")
    with pytest.raises(RuntimeError, match="pip install scikit-learn"):
        data_folder("scikit-learn", "sklearn/no_such_folder")


def test_a_folder_without_labelled_photographs_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="has no imagenet_NUMBER_CLASS"):
        read_labelled(tmp_path)
