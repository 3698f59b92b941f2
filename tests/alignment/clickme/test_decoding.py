import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from invert_captum.alignment.clickme.decoding import (
    checked_label,
    decode_picture,
    decode_record,
    parse_heatmap,
    parse_image,
)
from invert_captum.alignment.clickme.example_messages import (
    BytesList,
    Int64List,
    encode_example,
)
from invert_captum.alignment.clickme.resizing import resized
from invert_captum.alignment.clickme.tf_records import read_records

REFERENCE = Path(__file__).parents[2] / "data" / "harmonization"
FACTS = json.loads((REFERENCE / "fixtures.json").read_text())["tfrecord"]
RECORDS = list(enumerate(FACTS["records"]))


@pytest.fixture(scope="module")
def golden():
    with np.load(REFERENCE / "fixtures.npz") as arrays:
        return {name: arrays[name] for name in arrays if name.startswith(("tfrecord", "resize"))}


@pytest.fixture(scope="module")
def payloads():
    return list(read_records(REFERENCE / "clickme.tfrecord"))


@pytest.mark.parametrize("sizes", ["256x256_224x224", "256x256_64x64", "64x64_224x224"])
def test_resizing_is_tensorflows(golden, sizes):
    given = golden.get(f"resize/{sizes}/in")
    if given is None:
        given = golden[f"resize/{sizes}/in_32x32_repeat8"].repeat(8, axis=0).repeat(8, axis=1)
    height, width = (int(side) for side in sizes.split("_")[1].split("x"))
    found = resized(torch.tensor(given).permute(2, 0, 1), height, width).permute(1, 2, 0).numpy()
    step = 4 if height > 100 else 1
    np.testing.assert_allclose(found[::step, ::step], golden[f"resize/{sizes}/out_sub"], atol=1e-4)


def test_resizing_keeps_to_odd_and_unequal_sides(golden):
    given = torch.tensor(golden["resize/17x23_9x40/in"]).permute(2, 0, 1)
    found = resized(given, 9, 40).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, golden["resize/17x23_9x40/out_sub"], atol=1e-3)


@pytest.mark.parametrize("number", [0, 5])
def test_heat_maps_are_parsed_as_by_the_reference(golden, number):
    decoded = golden[f"tfrecord/{number}/decoded_heatmap_u8"][..., 0]
    expected = golden[f"tfrecord/{number}/heatmap"][..., 0]
    assert np.abs(parse_heatmap(decoded).numpy() - expected).max() < 1e-3


def test_images_are_parsed_as_by_the_reference(golden):
    found = parse_image(golden["tfrecord/0/decoded_image_u8"]).permute(1, 2, 0).numpy()
    assert np.abs(found[96:144, 96:144] - golden["tfrecord/0/image_crop"]).max() < 1e-3
    assert np.abs(found[::8, ::8] - golden["tfrecord/0/image_sub8"]).max() < 1e-3
    # Half of the last place of float16 below 256.
    assert np.abs(found - golden["tfrecord/0/image_f16"].astype(np.float32)).max() < 0.063
    statistics = FACTS["records"][0]["image"]
    assert found.mean(dtype=np.float64) == pytest.approx(statistics["mean"], abs=1e-3)
    assert found.std(dtype=np.float64) == pytest.approx(statistics["std"], abs=1e-3)


@pytest.mark.parametrize(("number", "facts"), RECORDS)
def test_records_through_our_decoder_differ_as_much_as_the_reference_measured(
    golden, payloads, number, facts
):
    record = decode_record(payloads[number])
    assert record.label == facts["label"] == FACTS["labels"][number]
    allowed = facts["pillow_chain_vs_reference"]
    image = parse_image(record.image).permute(1, 2, 0).numpy()[::8, ::8]
    heatmap = parse_heatmap(record.heatmap).numpy()
    off_image = np.abs(image - golden[f"tfrecord/{number}/image_sub8"])
    off_map = np.abs(heatmap[::4, ::4] - golden[f"tfrecord/{number}/heatmap_sub4"][..., 0])
    assert off_image.max() <= allowed["image_max_abs"] + 1e-3
    assert off_map.max() <= allowed["heatmap_max_abs"] + 1e-3
    # One pixel in 64, or in 16, has about the mean of all.
    assert off_image.mean() == pytest.approx(allowed["image_mean_abs"], rel=0.1)
    assert off_map.mean() == pytest.approx(allowed["heatmap_mean_abs"], rel=0.1)
    assert heatmap.min() >= 0


@pytest.mark.parametrize(("number", "facts"), RECORDS)
def test_decoded_arrays_differ_as_much_as_the_reference_measured(golden, payloads, number, facts):
    record = decode_record(payloads[number])
    pairs = [
        (record.image[::4, ::4], "image", f"tfrecord/{number}/decoded_image_sub4_u8"),
        (record.heatmap[::2, ::2, None], "heatmap", f"tfrecord/{number}/decoded_heatmap_sub2_u8"),
    ]
    for found, kind, stored in pairs:
        off = np.abs(found.astype(int) - golden[stored])
        assert off.max() <= facts[f"pillow_vs_default_{kind}"]["max_abs"]


def test_whole_record_differs_as_much_as_the_reference_measured(golden, payloads):
    record, facts = decode_record(payloads[0]), FACTS["records"][0]
    off = np.abs(record.image.astype(int) - golden["tfrecord/0/decoded_image_u8"])
    assert off.mean() == pytest.approx(facts["pillow_vs_default_image"]["mean_abs"], rel=1e-6)
    parsed = parse_heatmap(record.heatmap).numpy()
    off_map = np.abs(parsed - golden["tfrecord/0/heatmap"][..., 0])
    chain = facts["pillow_chain_vs_reference"]
    assert off_map.max() == pytest.approx(chain["heatmap_max_abs"], abs=1e-3)
    assert off_map.mean() == pytest.approx(chain["heatmap_mean_abs"], abs=1e-3)


EDGE = {
    "ok": 7,
    "missing_label": "no feature 'label'",
    "missing_heatmap": "no feature 'heatmap'",
    "missing_image": "no feature 'image'",
    "grayscale_image": "image is a picture of mode L; expected RGB",
    "rgb_heatmap": "heatmap is a picture of mode RGB; expected L",
    "small_image": "image has 128 x 128 pixels; expected 256 x 256",
    "512x128_image_same_pixel_count": "image has 512 x 128 pixels; expected 256 x 256",
    "png_image": 3,
    "label_1000": "label is 1000; expected a class from 0 to 999",
    "label_minus1": "label is -1",
    "label_2_32_plus_5": "label is 4294967301; expected a class from 0 to 999",
    "truncated_jpeg": "image cannot be decoded",
    "truncated_jpeg_textured": "image cannot be decoded",
    "empty_example": "no feature 'image'",
    "not_an_example": "wire type 4",
    "label_two_values": "label is a Int64List of 2; expected one integer",
    "label_as_float": "label is a FloatList of 1; expected one integer",
    "extra_feature": 9,
}
# The reference reads these without a word, and makes something of them that nobody meant.
STRICTER = {
    "missing_label",
    "512x128_image_same_pixel_count",
    "label_1000",
    "label_minus1",
    "label_2_32_plus_5",
}


def test_unusual_records_are_accepted_or_refused_for_what_they_are():
    found = list(read_records(REFERENCE / "clickme_edge.tfrecord"))
    assert [facts["name"] for facts in FACTS["edge_records"]] == list(EDGE)
    for payload, facts in zip(found, FACTS["edge_records"], strict=True):
        expected, name = EDGE[facts["name"]], facts["name"]
        if isinstance(expected, str):
            assert facts["outcome"] == "error" or name in STRICTER
            with pytest.raises(ValueError, match=expected):
                decode_record(payload)
            continue
        record = decode_record(payload)
        assert facts["outcome"] == "ok"
        assert record.label == facts["label_argmax"] == expected
        assert parse_image(record.image).mean().item() == pytest.approx(facts["image"]["mean"])
        mean = parse_heatmap(record.heatmap).mean().item()
        assert mean == pytest.approx(facts["heatmap"]["mean"], rel=1e-5)


def png(array):
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"image": b""}, "image is empty"),
        ({"heatmap": b"GIF89a"}, "heatmap cannot be decoded"),
        ({"heatmap": png(np.zeros((64, 64), np.uint8))}, "heatmap has 64 x 64 pixels"),
        ({"heatmap": png(np.zeros((256, 256), np.uint16))}, "mode I;16; expected L"),
        ({"image": png(np.zeros((256, 256, 4), np.uint8))}, "mode RGBA; expected RGB"),
        ({"image": png(np.zeros((256, 256, 3), np.uint8))[:-40]}, "image cannot be decoded"),
    ],
)
def test_wrong_pictures_are_refused(changes, problem):
    pictures = {
        "image": png(np.zeros((256, 256, 3), np.uint8)),
        "heatmap": png(np.zeros((256, 256), np.uint8)),
        **changes,
    }
    features = {name: BytesList((content,)) for name, content in pictures.items()}
    with pytest.raises(ValueError, match=problem):
        decode_record(encode_example({**features, "label": Int64List((1,))}))


def test_image_given_as_a_number_is_refused():
    with pytest.raises(ValueError, match="image is a Int64List of 1; expected one byte string"):
        decode_record(encode_example({"image": Int64List((1,))}))


def test_gif_is_refused_though_pillow_reads_it():
    content = io.BytesIO()
    Image.fromarray(np.zeros((256, 256), np.uint8)).save(content, "GIF")
    with pytest.raises(ValueError, match="heatmap cannot be decoded as JPEG or PNG"):
        decode_picture(content.getvalue(), "heatmap", "L")


def test_pictures_of_another_size_are_refused_before_they_are_unpacked():
    """136 KB that would take 144 MB."""
    content = png(np.broadcast_to(np.uint8(0), (8000, 9000)))
    features = {"image": BytesList((png(np.zeros((256, 256, 3), np.uint8)),))}
    features |= {"heatmap": BytesList((content,)), "label": Int64List((1,))}
    tracemalloc.start()
    with pytest.raises(ValueError, match="heatmap has 8000 x 9000 pixels; expected 256 x 256"):
        decode_record(encode_example(features))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_png_is_decoded_without_loss(rng):
    array = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode_picture(png(array), "image", "RGB"), array)


@pytest.mark.parametrize(
    ("parse", "shape"), [(parse_image, (256, 256, 3)), (parse_heatmap, (256, 256))]
)
def test_parsing_refuses_other_arrays(parse, shape):
    with pytest.raises(TypeError, match="decoded is of float64; expected a NumPy array of uint8"):
        parse(np.zeros(shape))
    with pytest.raises(TypeError, match="Tensor"):
        parse(torch.zeros(shape, dtype=torch.uint8))
    with pytest.raises(ValueError, match="decoded has shape"):
        parse(np.zeros((*shape, 1), np.uint8))


def test_parsing_takes_other_sizes():
    white = np.full((256, 256, 3), 255, np.uint8)
    assert parse_image(white, 96).shape == (3, 96, 96)
    torch.testing.assert_close(parse_image(white, 96), torch.full((3, 96, 96), 255.0))
    # Zeros around the map darken its border, and leave its middle.
    middle = parse_heatmap(white[..., 0], 96)[40:56, 40:56]
    torch.testing.assert_close(middle, torch.full((16, 16), 255.0))


def test_labels_are_integers():
    for label in (np.int32(4), np.array(4), torch.tensor(4)):
        assert checked_label(label, 5) == 4
    for label in (1.0, torch.tensor(1.0), torch.tensor(True), torch.tensor([1])):
        with pytest.raises(TypeError, match="label is"):
            checked_label(label, 5)
