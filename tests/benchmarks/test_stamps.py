import numpy as np
import pytest
from drawn_stamps import GREEN, RED, disc
from PIL import Image

from benchmarks.localization_of_objects.stamps import Stamp, read_stamps, stamps_folder


def save(folder, path, drawing):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    drawing.save(folder / path)


def test_a_stamp_is_read_with_its_class_and_without_its_margin(tmp_path):
    drawing = Image.new("RGBA", (90, 60))
    drawing.paste(disc(RED, (30, 20)), (11, 7))
    drawing.putpixel((80, 50), (0, 0, 0, 127))  # less than half covered
    save(tmp_path, "animals/newt.png", drawing)
    [one] = read_stamps(tmp_path, {"animals/newt.png": 26})
    assert (one.name, one.target, one.drawing.size) == ("animals/newt", 26, (30, 20))


def test_a_grey_stamp_keeps_its_alpha(tmp_path):
    save(tmp_path, "mug.png", disc((50, 50, 50)).convert("LA"))
    [one] = read_stamps(tmp_path, {"mug.png": 504})
    np.testing.assert_array_equal(np.asarray(one.drawing), np.asarray(disc((50, 50, 50))))


def test_what_is_transparent_leaves_no_halo():
    small = np.asarray(Stamp("a", 0, disc(RED, (80, 80), hidden=GREEN)).resized(33))
    seen = small[small[..., 3] > 0].astype(int)
    assert (seen[:, 3] < 255).any()
    assert np.abs(seen[:, :3] - RED).max() <= 8  # rounding where alpha is nearly 0


@pytest.mark.parametrize(("size", "expected"), [((80, 40), (50, 25)), ((10, 100), (5, 50))])
def test_resizing_keeps_the_aspect(size, expected):
    assert Stamp("a", 0, disc(RED, size)).resized(50).size == expected


def test_the_folder_can_be_set(tmp_path, monkeypatch):
    monkeypatch.setenv("TUXPAINT_STAMPS", str(tmp_path))
    assert stamps_folder() == tmp_path


def test_a_missing_folder_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("TUXPAINT_STAMPS", str(tmp_path / "none"))
    with pytest.raises(RuntimeError, match="apt-get install tuxpaint-stamps-default"):
        read_stamps()


def test_a_missing_stamp_is_named(tmp_path):
    save(tmp_path, "a.png", disc(RED))
    with pytest.raises(RuntimeError, match=r"lacks 1 of 2 stamps, the first is b\.png"):
        read_stamps(tmp_path, {"a.png": 1, "b.png": 2})


def test_a_stamp_with_nothing_to_see_is_refused(tmp_path):
    save(tmp_path, "a.png", Image.new("RGBA", (9, 9), (255, 0, 0, 127)))
    with pytest.raises(ValueError, match="no pixel with an alpha of 128"):
        read_stamps(tmp_path, {"a.png": 1})
