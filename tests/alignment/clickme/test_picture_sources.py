import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.utils import save_image

from invert_captum._log import InvertCaptumWarning
from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
from invert_captum.alignment.clickme.finished_pictures import finished_image, finished_map
from invert_captum.alignment.clickme.tf_records import DamagedRecords


def save(folder, name, array):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        Image.fromarray(array).save(path)


@pytest.fixture
def pairs(tmp_path, rng):
    """Three pictures of two classes, and what they and their maps are."""
    kept = {}
    names = {"cat/b.png": "cat/b.npy", "cat/a.png": "cat/a.png", "ant/z.png": "ant/z.png"}
    for image_name, map_name in names.items():
        image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        heatmap = rng.integers(0, 256, (32, 32), dtype=np.uint8)
        if map_name.endswith("npy"):
            heatmap = heatmap / 512
        save(tmp_path / "images", image_name, image)
        save(tmp_path / "heatmaps", map_name, heatmap)
        kept[image_name] = (image, heatmap)
    return tmp_path, kept


def test_pairs_are_read_in_the_order_of_their_names(pairs):
    folder, kept = pairs
    dataset = ClickMeDataset(folder, size=32)
    items = list(dataset)
    assert dataset.classes == {"ant": 0, "cat": 1}
    assert [item.label for item in items] == [0, 1, 1]
    assert dataset.count_records() == 3
    for item, name in zip(items, ["ant/z.png", "cat/a.png", "cat/b.png"], strict=True):
        image, heatmap = kept[name]
        np.testing.assert_array_equal(item.image.permute(1, 2, 0), image)
        np.testing.assert_array_equal(item.heatmap, heatmap.astype(np.float32))


def test_folders_named_by_numbers_give_the_labels(tmp_path, rng):
    for name in ("10", "9"):
        save(tmp_path / "images", f"{name}/a.png", np.zeros((4, 4, 3), np.uint8))
        save(tmp_path / "heatmaps", f"{name}/a.npy", np.zeros((4, 4)))
    dataset = ClickMeDataset(tmp_path, size=4)
    assert [item.label for item in dataset] == [10, 9]
    with pytest.raises(ValueError, match="labels up to 10; expected them below n_classes"):
        ClickMeDataset(tmp_path, n_classes=10)


def test_splits_of_pairs_lie_in_folders_of_their_names(pairs, tmp_path_factory):
    folder, _ = pairs
    root = tmp_path_factory.mktemp("root")
    folder.rename(root / "val")
    assert len(list(ClickMeDataset(root, "val", size=8))) == 3
    with pytest.raises(FileNotFoundError, match="holds pictures itself"):
        ClickMeDataset(root / "val", "val")


def test_grey_pictures_get_three_channels_and_16_bits_stay(tmp_path):
    save(tmp_path / "images", "a/a.png", np.full((4, 4), 9, np.uint8))
    save(tmp_path / "heatmaps", "a/a.png", np.full((4, 4), 40_000, np.uint16))
    (item,) = ClickMeDataset(tmp_path, size=4)
    assert torch.equal(item.image, torch.full((3, 4, 4), 9.0))
    assert torch.equal(item.heatmap, torch.full((4, 4), 40_000.0))


@pytest.mark.parametrize(
    ("gone", "problem"),
    [
        ("heatmaps/cat/a.png", "heatmaps lacks the counterparts of 'cat/a'"),
        ("images/cat/a.png", "images lacks the counterparts of 'cat/a'"),
    ],
)
def test_missing_counterpart_is_named(pairs, gone, problem):
    folder, _ = pairs
    (folder / gone).unlink()
    with pytest.raises(FileNotFoundError, match=problem):
        ClickMeDataset(folder)


def test_disorderly_folders_are_refused(pairs, tmp_path_factory):
    folder, kept = pairs
    image, _ = kept["cat/a.png"]
    save(folder / "images", "loose.png", image)
    with pytest.raises(ValueError, match=r"loose\.png is misplaced"):
        ClickMeDataset(folder)
    (folder / "images/loose.png").unlink()
    save(folder / "images", "cat/a.jpg", image)
    with pytest.raises(ValueError, match="have one name"):
        ClickMeDataset(folder)
    empty = tmp_path_factory.mktemp("empty")
    (empty / "images").mkdir()
    with pytest.raises(ValueError, match="holds no picture"):
        ClickMeDataset(empty)


def pair(folder, name):
    save(folder / "images", name, np.zeros((4, 4, 3), np.uint8))
    save(folder / "heatmaps", name, np.zeros((4, 4), np.uint8))


def test_splits_in_which_a_class_is_missing_are_refused(tmp_path):
    """By the names of its own folders alone, the owl of the smaller split would be a bat."""
    for name in ("train/ant", "train/bat", "train/owl", "val/ant", "val/owl"):
        split, label = name.split("/")
        pair(tmp_path / split, f"{label}/a.png")
    for split in ("train", "val"):
        with pytest.raises(ValueError, match=r"disagree on .*empty where a class has no picture"):
            ClickMeDataset(tmp_path, split)
    (tmp_path / "val/images/bat").mkdir()
    for split in ("train", "val"):
        classes = ClickMeDataset(tmp_path, split).classes
        assert classes == {"ant": 0, "bat": 1, "owl": 2}
    for split in ("train", "val"):
        for kind in ("images", "heatmaps"):
            for number, name in enumerate(("ant", "bat", "owl")):
                folder = tmp_path / split / kind / name
                if folder.exists():
                    folder.rename(folder.with_name(str(number)))
    (tmp_path / "val/images/1").rmdir()
    assert [item.label for item in ClickMeDataset(tmp_path, "val", size=4)] == [0, 2]


def test_class_folders_behind_links_are_entered(tmp_path):
    pair(tmp_path / "elsewhere", "owl/a.png")
    pair(tmp_path / "own", "ant/a.png")
    for kind in ("images", "heatmaps"):
        (tmp_path / "own" / kind / "owl").symlink_to(tmp_path / "elsewhere" / kind / "owl")
    assert [item.label for item in ClickMeDataset(tmp_path / "own", size=4)] == [0, 1]
    # A link to a folder above could lead round in circles.
    (tmp_path / "own/images/owl/up").symlink_to(tmp_path / "own/images")
    with pytest.raises(ValueError, match="is misplaced"):
        ClickMeDataset(tmp_path / "own")


def test_pictures_of_other_formats_are_not_passed_over(pairs):
    folder, kept = pairs
    for kind in ("images", "heatmaps"):
        save(folder / kind, "cat/c.tif", kept["cat/a.png"][1])
    with pytest.raises(ValueError, match=r"c\.tif is of a format that is not read; expected"):
        ClickMeDataset(folder)


def test_turned_photographs_are_refused(pairs):
    """Viewers turn them and decoders do not, so that the map may belong to either."""
    folder, kept = pairs
    (folder / "images/cat/a.png").unlink()
    for orientation in (1, 3):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(kept["cat/a.png"][0]).save(folder / "images/cat/a.jpg", exif=exif)
        read = iter(ClickMeDataset(folder, size=8))
        next(read)
        if orientation == 1:
            assert next(read).label == 1
    with pytest.raises(DamagedRecords, match=r"a\.jpg: image is stored turned .EXIF orientation 3"):
        next(read)


def test_a_map_whose_header_promises_too_much_costs_no_memory(pairs):
    folder, _ = pairs
    with (folder / "heatmaps/cat/b.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**7, 10**7)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(DamagedRecords, match=r"b\.png: .*greater than file size"):
        list(ClickMeDataset(folder, size=8))


def test_folders_whose_classes_disagree_are_refused(tmp_path):
    for folder, name in (("first", "cat"), ("second", "dog"), ("third", "cat")):
        save(tmp_path / folder / "images", f"{name}/a.png", np.zeros((4, 4, 3), np.uint8))
        save(tmp_path / folder / "heatmaps", f"{name}/a.npy", np.zeros((4, 4)))
    assert len(list(ClickMeDataset([tmp_path / "first", tmp_path / "third"], size=4))) == 2
    with pytest.raises(ValueError, match=r"different class folders.*disagree on 'dog'"):
        ClickMeDataset([tmp_path / "first", tmp_path / "second"])


@pytest.mark.parametrize(
    ("heatmap", "problem"),
    [
        (np.full((32, 32), np.nan), "NaN or infinite"),
        (np.full((32, 32), 1e39), "too large ones for 32 bits"),
        (np.full((32, 32), -0.5), "goes down to -0.5"),
        (np.ones((30, 32)), r"heatmap has shape \(30, 32\), but its image \(32, 32, 3\)"),
        (np.ones((32, 32, 1)), "expected .H, W."),
        (np.ones((32, 32), complex), "real numbers"),
        (np.array([None]), "Python objects"),
    ],
)
def test_bad_map_of_a_pair_is_refused_by_name_or_left_out(pairs, heatmap, problem):
    folder, _ = pairs
    np.save(folder / "heatmaps/cat/b.npy", heatmap, allow_pickle=True)
    read = iter(ClickMeDataset(folder, size=8))
    next(read), next(read)
    with pytest.raises(
        DamagedRecords, match=rf"record 2 \(from 0\): images/cat/b\.png: .*{problem}"
    ):
        next(read)
    with pytest.warns(InvertCaptumWarning, match=r"cat/b\.png.*it is left out"):
        assert len(list(ClickMeDataset(folder, size=8, on_damage="warn"))) == 2


def test_maps_that_torchvision_saves_are_read_and_colour_maps_are_not(pairs):
    folder, kept = pairs
    _, heatmap = kept["cat/a.png"]
    path = folder / "heatmaps/cat/a.png"
    save_image(torch.tensor(heatmap)[None] / 255, path)
    assert Image.open(path).mode == "RGB"
    _, item, _ = ClickMeDataset(folder, size=32)
    np.testing.assert_array_equal(item.heatmap, heatmap.astype(np.float32))
    coloured = np.repeat(heatmap[..., None], 3, axis=2)
    coloured[5, 6, 2] ^= 1
    Image.fromarray(coloured).save(path)
    with pytest.raises(DamagedRecords, match=r"heatmaps/cat/a\.png is in colours.*numpy\.save"):
        list(ClickMeDataset(folder, size=32))


def test_bad_picture_does_not_take_the_later_ones_along(pairs):
    folder, _ = pairs
    (folder / "images/ant/z.png").write_bytes(b"no picture")
    with pytest.warns(InvertCaptumWarning, match=r"record 0 .*cannot be decoded.*it is left out"):
        assert len(list(ClickMeDataset(folder, size=8, on_damage="warn"))) == 2


def test_shrinking_averages_over_all_pixels():
    image = np.zeros((64, 64, 3), np.uint8)
    image[::4] = 200
    # Away from the border all lines count alike; the 2 nearest alone would give 100.
    inside = finished_image(image, 8)[:, 2:-2]
    torch.testing.assert_close(inside, torch.full_like(inside, 50.0))
    inside = finished_map(image[..., 0] / 2, image, 8)[2:-2]
    torch.testing.assert_close(inside, torch.full_like(inside, 25.0))


def test_images_are_uint8_with_three_channels():
    with pytest.raises(TypeError, match="image is of float64; expected uint8"):
        finished_image(np.zeros((4, 4, 3)), 8)
    for shape in ((4, 4, 4), (4,), (0, 4, 3)):
        with pytest.raises(ValueError, match="image has shape"):
            finished_image(np.zeros(shape, np.uint8), 8)
