import hashlib
import json
import pickle
import struct
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.alignment.clickme.tf_records import (
    DamagedRecords,
    count_records,
    framed,
    masked_checksum,
    read_payload,
    read_records,
    record_spans,
)

REFERENCE = Path(__file__).parents[2] / "data" / "harmonization"
FACTS = json.loads((REFERENCE / "fixtures.json").read_text())["tfrecord"]
WHOLE = (REFERENCE / "clickme.tfrecord").read_bytes()


def read_until_damage(path):
    """The payloads before the damage, and the error."""
    payloads = []
    with pytest.raises(DamagedRecords) as caught:  # noqa: PT012 - reading is the statement
        for payload in read_records(path):
            payloads.append(payload)  # noqa: PERF402 - kept when the loop raises
    return payloads, caught.value


def test_records_are_those_tensorflow_wrote():
    payloads = list(read_records(REFERENCE / "clickme.tfrecord"))
    assert [len(payload) for payload in payloads] == FACTS["record_payload_bytes"]
    digests = [hashlib.sha256(payload).hexdigest() for payload in payloads]
    assert digests == FACTS["record_payload_sha256"]
    assert b"".join(framed(payload) for payload in payloads) == WHOLE


def test_spans_are_found_without_reading_payloads():
    with (REFERENCE / "clickme_corrupt_payload.tfrecord").open("rb") as file:
        spans = list(record_spans(file, "corrupt"))
    assert [span.offset - 12 for span in spans] == FACTS["record_offsets"]
    assert [span.length for span in spans] == FACTS["record_payload_bytes"]
    assert count_records(REFERENCE / "clickme_edge.tfrecord") == 19


def damaged_content(name):
    """The damage that ``damaged_derivable`` describes in words."""
    start, length = FACTS["record_offsets"][2], FACTS["record_payload_bytes"][2]
    inverted = {
        "corrupt_length": start + 1,
        "corrupt_length_crc": start + 8 + 1,
        "corrupt_payload_crc": start + 12 + length + 1,
    }
    content = bytearray(WHOLE)
    if name in inverted:
        content[inverted[name]] ^= 0xFF
        return bytes(content)
    if name == "trailing_garbage":
        return WHOLE + bytes(7)
    return WHOLE[: FACTS["damaged_derivable"][name]["bytes"]]


REFUSALS = {
    "corrupt_length": "the checksum of its length",
    "corrupt_length_crc": "the checksum of its length",
    "corrupt_payload_crc": "the checksum of its payload",
    "cut_in_header": "truncated: 5 bytes are left for its header of 12",
    "cut_in_footer": "truncated: 13,352 bytes are left for its payload of 13,350",
    "empty": "the file is empty",
    "trailing_garbage": "truncated: 7 bytes are left for its header of 12",
}


@pytest.mark.parametrize("name", FACTS["damaged_derivable"])
def test_good_records_come_before_the_refusal(name, tmp_path):
    path = tmp_path / "damaged.tfrecord"
    path.write_bytes(damaged_content(name))
    facts = FACTS["damaged_derivable"][name]
    assert path.stat().st_size == facts["bytes"]
    n_good = facts["records_read_before_error"]
    good = list(read_records(REFERENCE / "clickme.tfrecord"))[:n_good]
    if name == "cut_at_boundary":
        assert list(read_records(path)) == good
        return
    payloads, error = read_until_damage(path)
    assert payloads == good
    assert (error.path, error.record) == (str(path), n_good)
    assert f"{path}: record {n_good} (from 0): {REFUSALS[name]}" in str(error)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("clickme_truncated.tfrecord", "truncated: 6,675 bytes are left for its payload of 13,350"),
        ("clickme_corrupt_payload.tfrecord", "the checksum of its payload does not match"),
    ],
)
def test_stored_damaged_files_are_refused(name, problem):
    n_good = FACTS["damaged_files"][name]["records_read_before_error"]
    payloads, error = read_until_damage(REFERENCE / name)
    assert len(payloads) == n_good
    assert error.record == n_good
    assert problem in str(error)


def test_impossible_length_is_refused_before_memory_is_taken():
    length = struct.pack("<Q", 2**62)
    header = length + struct.pack("<I", masked_checksum(length))
    tracemalloc.start()
    with pytest.raises(DamagedRecords, match="truncated"):
        list(record_spans(BytesIO(header + b"few"), "huge"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_file_that_shrinks_while_it_is_read_is_refused():
    file = BytesIO(framed(b"first") + framed(b"second"))
    spans = list(record_spans(file, "shrinking"))
    file.truncate(30)
    assert read_payload(file, "shrinking", spans[0]) == b"first"
    with pytest.raises(DamagedRecords, match="became shorter"):
        read_payload(file, "shrinking", spans[1])


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_any_inverted_byte_is_noticed_in_its_record(payloads, data):
    frames = [framed(payload) for payload in payloads]
    content = bytearray(b"".join(frames))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    record, end = 0, len(frames[0])
    while place >= end:
        record += 1
        end += len(frames[record])
    file = BytesIO(bytes(content))
    with pytest.raises(DamagedRecords) as caught:  # noqa: PT012 - reading is the statement
        for span in record_spans(file, "inverted"):
            assert read_payload(file, "inverted", span) == payloads[span.number]
    assert caught.value.record == record


def test_tensorboard_reads_our_frames_and_we_read_its(tmp_path):
    writers = pytest.importorskip("tensorboard.summary.writer.record_writer")
    readers = pytest.importorskip("tensorboard.compat.tensorflow_stub.pywrap_tensorflow")
    payloads = [b"", b"one", bytes(range(256)) * 40]
    theirs = tmp_path / "theirs"
    with theirs.open("wb") as file:
        writer = writers.RecordWriter(file)
        for payload in payloads:
            writer.write(payload)
        writer.flush()
    assert list(read_records(theirs)) == payloads
    ours = tmp_path / "ours"
    ours.write_bytes(b"".join(framed(payload) for payload in payloads))
    assert ours.read_bytes() == theirs.read_bytes()
    reader = readers.PyRecordReader_New(str(ours))
    for payload in payloads:
        reader.GetNext()
        assert reader.record() == payload


def test_damage_survives_pickling():
    _, error = read_until_damage(REFERENCE / "clickme_truncated.tfrecord")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(copy), copy.path, copy.record) == (str(error), error.path, error.record)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        list(read_records(tmp_path / "absent"))
