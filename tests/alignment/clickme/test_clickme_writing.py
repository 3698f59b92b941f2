import numpy as np
import pytest
import torch

from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
from invert_captum.alignment.clickme.decoding import decode_record, parse_heatmap, parse_image
from invert_captum.alignment.clickme.tf_records import count_records, read_records
from invert_captum.alignment.clickme.writing import write_clickme


def smooth_picture(height=256, width=256):
    down, across = np.mgrid[:height, :width]
    levels = [255 * down / height, 255 * across / width, 127 + 0 * down]
    return np.stack(levels, axis=-1).astype(np.uint8)


def spot(height=256, width=256, highest=3.0):
    down, across = np.mgrid[:height, :width]
    away = (down / height - 0.4) ** 2 + (across / width - 0.6) ** 2
    return highest * np.exp(-away / 0.02)


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "own-0.tfrecords"
    image, heatmap = smooth_picture(), spot()
    records = [(image, heatmap, 7), (image[::-1], np.zeros((256, 256)), 999)]
    assert write_clickme(path, records) == count_records(path) == 2
    first, second = ClickMeDataset(path)
    assert (first.label, second.label) == (7, 999)
    levels = np.rint(heatmap * 255 / heatmap.max()).astype(np.uint8)
    assert (first.image - parse_image(image)).abs().max() < 4
    assert (second.image - parse_image(image[::-1])).abs().max() < 4
    assert (first.heatmap - parse_heatmap(levels)).abs().max() < 1
    assert not second.heatmap.any()


@pytest.mark.parametrize("highest", [1e-30, 0.2, 255, 1e38])
def test_maximum_of_a_map_becomes_255(tmp_path, highest):
    write_clickme(tmp_path / "own", [(smooth_picture(), spot(highest=highest), 1)])
    (payload,) = read_records(tmp_path / "own")
    stored = decode_record(payload).heatmap
    assert stored.max() >= 254
    expected = np.rint(spot(highest=255) * 255 / spot(highest=255).max())
    assert np.abs(stored - expected).max() <= 3


def test_other_sizes_and_tensors_are_brought_to_the_published_size(tmp_path):
    image, heatmap = smooth_picture(320, 200), spot(320, 200)
    write_clickme(tmp_path / "own", [(torch.tensor(image), torch.tensor(heatmap), np.int64(3))])
    (payload,) = read_records(tmp_path / "own")
    record = decode_record(payload)
    assert record.label == 3
    assert np.abs(record.image.astype(int) - smooth_picture()).max() < 6
    expected = np.rint(spot() * 255 / spot().max())
    assert np.abs(record.heatmap - expected).max() < 6


def test_maximum_becomes_255_after_shrinking(tmp_path):
    heatmap = np.zeros((1024, 1024))
    heatmap[400:402, 600:602] = 1
    write_clickme(tmp_path / "own", [(smooth_picture(1024, 1024), heatmap, 1)], quality=100)
    (payload,) = read_records(tmp_path / "own")
    assert decode_record(payload).heatmap.max() >= 253


def test_quality_costs_bytes(tmp_path, rng):
    image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    for quality in (10, 90):
        write_clickme(tmp_path / str(quality), [(image, spot(), 1)], quality=quality)
    assert (tmp_path / "10").stat().st_size < (tmp_path / "90").stat().st_size / 2


GOOD = (smooth_picture(), spot(), 1)


@pytest.mark.parametrize(
    ("record", "error", "problem"),
    [
        ((smooth_picture() / 255, spot(), 1), TypeError, "image is of float64; expected uint8"),
        ((smooth_picture(), spot(255), 1), ValueError, r"heatmap has shape \(255, 256\), but"),
        ((smooth_picture(), spot() - 1, 1), ValueError, "goes down to"),
        ((smooth_picture(), spot() * np.nan, 1), ValueError, "NaN"),
        ((smooth_picture(), [[1]], 1), TypeError, "heatmap is .*expected an array"),
        ((smooth_picture(), spot(), 1000), ValueError, "label is 1000"),
        ((smooth_picture(), spot(), -1), ValueError, "label is -1"),
        ((smooth_picture(), spot(), 1.0), TypeError, "label is"),
        ((smooth_picture(), spot()), TypeError, "it is a tuple of 2; expected a tuple"),
        (3, TypeError, "it is a int; expected a tuple"),
    ],
)
def test_bad_record_is_named_and_the_old_file_stays(tmp_path, record, error, problem):
    path = tmp_path / "own"
    path.write_bytes(b"before")
    with pytest.raises(error, match=rf"record 1 \(from 0\): .*{problem}"):
        write_clickme(path, [GOOD, record])
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_labels_may_be_tensors_and_numbers_of_numpy(tmp_path):
    labels = [torch.tensor(3), np.uint8(4), np.array(5)]
    write_clickme(tmp_path / "own", [(smooth_picture(), spot(), label) for label in labels])
    assert [item.label for item in ClickMeDataset(tmp_path / "own", size=8)] == [3, 4, 5]
    with pytest.raises(ValueError, match=r"label is 5; .*0 to 4, because n_classes is 5"):
        list(ClickMeDataset(tmp_path / "own", size=8, n_classes=5))


def test_nothing_to_write_is_refused(tmp_path):
    with pytest.raises(ValueError, match="records is empty"):
        write_clickme(tmp_path / "own", iter([]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_has_bounds(tmp_path, quality):
    with pytest.raises(ValueError, match=f"quality is {quality}"):
        write_clickme(tmp_path / "own", [GOOD], quality=quality)


def test_number_of_classes_is_checked(tmp_path):
    with pytest.raises(ValueError, match="n_classes is 0"):
        write_clickme(tmp_path / "own", [GOOD], n_classes=0)
