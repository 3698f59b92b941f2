"""TFRecord files: their frames, read and written without TensorFlow.

A record is its length (8 bytes, little-endian), the checksum of these 8 bytes (4), the payload and
the checksum of the payload (4). A checksum is CRC-32C, rotated right by 15 bits, plus 0xA282EAD8.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import google_crc32c

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


class DamagedRecords(ValueError):  # noqa: N818 - it says what the file holds
    """A file's record that cannot be read; the records before it are good.

    ``path`` and ``record`` are attributes, too. Both are None on the copy that a `DataLoader`
    raises for an error in one of its workers; the message, which names both, stays whole.

    Args:
        message: What is wrong, with file and record.
        path: The file.
        record: The record's number in it, from 0.

    Examples:
        >>> import pathlib, tempfile
        >>> from invert_captum.alignment import ClickMeDataset
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "val-0.tfrecords")
        ...     _ = path.write_bytes(b"cut off")
        ...     try:
        ...         list(ClickMeDataset(path))
        ...     except DamagedRecords as damage:
        ...         print(damage.record, "|", str(damage).partition("tfrecords: ")[2])
        0 | record 0 (from 0): truncated: 7 bytes are left for its header of 12
    """

    # A DataLoader rebuilds its workers' errors from one string.
    def __init__(self, message: str, *, path: str | None = None, record: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.record = record


def damaged(path: str | os.PathLike[str], record: int, problem: str) -> DamagedRecords:
    """Return the error that says what is wrong with a file's record.

    Args:
        path: The file.
        record: The record's number, from 0.
        problem: What is wrong, for the end of the message.

    Returns:
        The error, to be raised.

    Examples:
        >>> damaged("val-3.tfrecords", 7, "it has no label")
        DamagedRecords('val-3.tfrecords: record 7 (from 0): it has no label')
    """
    text = os.fspath(path)
    return DamagedRecords(f"{text}: record {record} (from 0): {problem}", path=text, record=record)


class RecordSpan(NamedTuple):
    """Where a record's payload lies.

    Attributes:
        number: The record's number in its file, from 0.
        offset: The byte at which the payload begins.
        length: The payload's bytes.
    """

    number: int
    offset: int
    length: int


def record_spans(file: BinaryIO, path: str | os.PathLike[str]) -> Iterator[RecordSpan]:
    """Find a file's records by their headers alone, without reading a payload.

    The file may be read and moved in between. Memory does not grow with the file.

    Args:
        file: The file, opened for reading bytes; it must be seekable.
        path: What error messages call it.

    Yields:
        The records' places, in the file's order.

    Raises:
        DamagedRecords: After the good records: the file is empty, a length does not fit its
            checksum, or the file ends inside a record. TensorFlow takes an empty file, a cut inside
            a header and spare bytes at the end for the end of the data. A file that was cut exactly
            between two records shows no trace of it.

    Examples:
        >>> import io
        >>> file = io.BytesIO(framed(b"first") + framed(b"second"))
        >>> [span.length for span in record_spans(file, "two records")]
        [5, 6]
    """
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise damaged(path, 0, "the file is empty; expected at least one record")
    start = number = 0
    while start < size:
        file.seek(start)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            problem = f"truncated: {len(header)} bytes are left for its header of {_HEADER.size}"
            raise damaged(path, number, problem)
        length, checksum = _HEADER.unpack(header)
        if checksum != masked_checksum(header[: _LENGTH.size]):
            raise damaged(path, number, "the checksum of its length does not match")
        offset = start + _HEADER.size
        left = size - offset
        if length + _CHECKSUM.size > left:
            problem = (
                f"truncated: {left:,} bytes are left for its payload of {length:,} and a checksum "
                f"of {_CHECKSUM.size}"
            )
            raise damaged(path, number, problem)
        yield RecordSpan(number, offset, length)
        start = offset + length + _CHECKSUM.size
        number += 1


def read_payload(file: BinaryIO, path: str | os.PathLike[str], span: RecordSpan) -> bytes:
    """Read one record's payload and check it.

    Args:
        file: The file, opened for reading bytes.
        path: What error messages call it.
        span: The record's place, from `record_spans`.

    Returns:
        The payload.

    Raises:
        DamagedRecords: The payload does not fit its checksum, or is no longer there.

    Examples:
        >>> import io
        >>> file = io.BytesIO(framed(b"first") + framed(b"second"))
        >>> [read_payload(file, "two records", span) for span in record_spans(file, "two records")]
        [b'first', b'second']
    """
    file.seek(span.offset)
    content = file.read(span.length + _CHECKSUM.size)
    if len(content) < span.length + _CHECKSUM.size:
        raise damaged(path, span.number, "truncated: the file became shorter while it was read")
    payload = content[: span.length]
    if masked_checksum(payload) != _CHECKSUM.unpack_from(content, span.length)[0]:
        raise damaged(path, span.number, "the checksum of its payload does not match")
    return payload


def read_records(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Read a TFRecord file, one record at a time.

    Args:
        path: The file. It is not compressed.

    Yields:
        The records' payloads, in the file's order.

    Raises:
        DamagedRecords: After the good records: see `record_spans` and `read_payload`.
        OSError: The file cannot be opened.

    Examples:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "two.tfrecord")
        ...     _ = path.write_bytes(framed(b"first") + framed(b"second"))
        ...     list(read_records(path))
        [b'first', b'second']
    """
    with Path(path).open("rb") as file:
        for span in record_spans(file, path):
            yield read_payload(file, path, span)


def count_records(path: str | os.PathLike[str]) -> int:
    """Count a TFRecord file's records, reading their headers only.

    Args:
        path: The file.

    Returns:
        The number of records. Their payloads are not checked.

    Raises:
        DamagedRecords: A header is damaged, the file is empty, or ends inside a record.
        OSError: The file cannot be opened.

    Examples:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "two.tfrecord")
        ...     _ = path.write_bytes(framed(b"first") + framed(b"second"))
        ...     count_records(path)
        2
    """
    with Path(path).open("rb") as file:
        return sum(1 for _ in record_spans(file, path))


def framed(payload: bytes) -> bytes:
    """Return a payload as a TFRecord file holds it: with its length and both checksums.

    Args:
        payload: What the record holds.

    Returns:
        The payload and 16 bytes more.

    Examples:
        >>> len(framed(b"four"))
        20
    """
    length = _LENGTH.pack(len(payload))
    return b"".join(
        (
            length,
            _CHECKSUM.pack(masked_checksum(length)),
            payload,
            _CHECKSUM.pack(masked_checksum(payload)),
        )
    )


def masked_checksum(content: bytes) -> int:
    """Return the checksum that TFRecord files keep of ``content``.

    Args:
        content: The checked bytes.

    Returns:
        CRC-32C, rotated right by 15 bits, plus 0xA282EAD8, modulo 2**32.

    Examples:
        >>> hex(masked_checksum(b""))
        '0xa282ead8'
    """
    checksum = int(google_crc32c.value(content))
    rotated = (checksum >> 15) | (checksum << 17)
    return (rotated + 0xA282EAD8) & 0xFFFFFFFF
