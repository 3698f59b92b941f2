from __future__ import annotations

import numpy as np
import pytest
import torch

from invert_captum.demo import packages
from invert_captum.demo.emoji import Emoji, PictureDataset, read_emoji


@pytest.fixture(scope="module")
def emoji() -> list[Emoji]:
    return read_emoji()


def named(emoji: list[Emoji], name: str) -> Emoji:
    return next(one for one in emoji if one.name == name)


def test_join_finds_the_1889_emoji_of_both_packages(emoji):
    assert len(emoji) == 1889
    assert len({one.code_points for one in emoji}) == 1889
    assert all(one.picture_path.is_file() for one in emoji)
    assert not any("fe0f" in one.code_points for one in emoji)


def test_every_emoji_has_the_picture_of_its_own_code_points(emoji):
    assert all(one.picture_path.stem.replace("-fe0f", "") == one.code_points for one in emoji)


def test_titles_are_readable(emoji):
    assert named(emoji, "ALARM CLOCK").title == "Alarm clock"
    assert named(emoji, "Norway Flag").title == "Norway Flag"


def test_transparent_ground_becomes_white(emoji):
    picture = np.asarray(named(emoji, "RED APPLE").picture())
    assert picture.shape == (72, 72, 3)
    assert (picture[0, 0] == 255).all()
    red, green, blue = picture[45, 36].astype(int)
    assert red > green + 50
    assert red > blue + 50


def test_inputs_are_normalised_as_the_network_was_trained(emoji):
    inputs = PictureDataset([named(emoji, "BLACK LARGE SQUARE"), named(emoji, "RED APPLE")])
    assert len(inputs) == 2
    assert inputs[0].shape == (3, 224, 224)
    assert inputs[0].dtype == torch.float32
    white = (1 - 127 / 255) / (128 / 255)
    assert inputs[1][:, 0, 0].tolist() == pytest.approx([white] * 3)


def test_missing_package_says_how_to_install_the_extra():
    with pytest.raises(ModuleNotFoundError, match=r'no-such-package.*pip install -e "\.\[demo\]"'):
        packages.package_folder("no_such_package")
