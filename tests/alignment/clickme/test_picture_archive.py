import zipfile

import numpy as np
import pytest

from invert_captum._log import InvertCaptumWarning
from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
from invert_captum.alignment.clickme.tf_records import DamagedRecords


@pytest.fixture
def arrays(rng):
    return {
        "images": rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8),
        "heatmaps": rng.random((5, 32, 32)),
        "labels": np.array([4, 0, 999, 1, 2]),
    }


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_archives_are_read_in_their_order(arrays, tmp_path, write):
    write(tmp_path / "own.npz", **arrays)
    dataset = ClickMeDataset(tmp_path / "own.npz", size=32)
    assert dataset.count_records() == 5
    for item, image, heatmap, label in zip(dataset, *arrays.values(), strict=True):
        np.testing.assert_array_equal(item.image.permute(1, 2, 0), image)
        np.testing.assert_array_equal(item.heatmap, heatmap.astype(np.float32))
        assert (item.label, item.token.item()) == (label, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.zeros((5, 3, 32, 32), np.uint8)},
        {"images": np.zeros((5, 32, 32, 3))},
        {"images": np.zeros((4, 32, 32, 3), np.uint8)},
        {"heatmaps": np.ones((5, 30, 32))},
        {"heatmaps": np.ones((5, 32, 32), complex)},
        {"labels": np.zeros(4, int)},
        {"labels": np.zeros(5)},
        {"labels": np.array([None] * 5)},
        {
            name: np.zeros((0, *shape), kind)
            for name, shape, kind in [
                ("images", (4, 4, 3), np.uint8),
                ("heatmaps", (4, 4), float),
                ("labels", (), int),
            ]
        },
    ],
)
def test_archives_of_another_layout_are_refused(arrays, tmp_path, change):
    np.savez(tmp_path / "own.npz", **{**arrays, **change})
    with pytest.raises(ValueError, match=r"own\.npz holds images .*expected images \(n, H, W, 3\)"):
        ClickMeDataset(tmp_path / "own.npz")


def test_files_that_are_no_archive_are_refused(arrays, tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, images=arrays["images"], maps=arrays["heatmaps"])
    with pytest.raises(
        ValueError, match="lacks 'heatmaps', 'labels'; its arrays are 'images', 'maps'"
    ):
        ClickMeDataset(path)
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"own\.npz cannot be read"):
        ClickMeDataset(path)
    np.savez_compressed(path, **arrays)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        packed = archive.getinfo("images.npy")
    start = packed.header_offset + 30 + len("images.npy") + 20
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"own\.npz cannot be read"):
        ClickMeDataset(path)


def test_bad_rows_are_refused_or_left_out(arrays, tmp_path):
    arrays["heatmaps"][3, 0, 0] = np.nan
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(DamagedRecords, match=r"record 3 \(from 0\): heatmap has NaN"):
        list(ClickMeDataset(tmp_path / "own.npz", size=8))
    with pytest.raises(DamagedRecords, match=r"record 2 .*label is 999; expected a class"):
        list(ClickMeDataset(tmp_path / "own.npz", size=8, n_classes=10))
    with pytest.warns(InvertCaptumWarning, match="record 3 .*it is left out"):
        items = list(ClickMeDataset(tmp_path / "own.npz", size=8, on_damage="warn"))
    assert [item.label for item in items] == [4, 0, 999, 2]


def test_archive_with_a_damaged_array_is_refused(arrays, tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("heatmaps.npy").header_offset
    content = bytearray(path.read_bytes())
    content[start + 5000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DamagedRecords, match="the archive cannot be read"):
        list(ClickMeDataset(path))
