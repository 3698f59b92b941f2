"""The protocol-buffer messages ``tf.train.Example``, parsed and written without TensorFlow.

An Example is a map from names to features; a feature is a list of byte strings, of floats (32 bits)
or of integers (64 bits). The wire format is that of protocol buffers, without its old groups.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = _LISTS = (1, 2, 3)
_VARINT_LIMIT = 10


@dataclass(frozen=True)
class BytesList:
    """A feature of byte strings."""

    values: tuple[bytes, ...]


@dataclass(frozen=True)
class FloatList:
    """A feature of floats; they are stored in 32 bits."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Int64List:
    """A feature of integers from -2**63 to 2**63 - 1."""

    values: tuple[int, ...]


Feature: TypeAlias = BytesList | FloatList | Int64List


def parse_example(message: bytes) -> dict[str, Feature | None]:
    """Parse a serialised ``tf.train.Example``.

    Lists may be packed or not, and unknown fields are skipped. Where a name comes twice, the last
    one counts.

    Args:
        message: The serialised message.

    Returns:
        The features by name. A feature of no kind is None.

    Raises:
        ValueError: The bytes are no such message: a number or a field runs past the end, a number
            has more than 64 bits, a field has number 0, a type of field does not exist or is a
            group, packed floats do not fill 4 bytes each, or a name is not UTF-8.

    Examples:
        >>> parse_example(encode_example({"label": Int64List((-1,))}))
        {'label': Int64List(values=(-1,))}
    """
    features: dict[str, Feature | None] = {}
    for part in _submessages(memoryview(message), 1):
        for entry in _submessages(part, 1):
            name, value = _map_entry(entry)
            features[name] = _parse_feature(value)
    return features


def encode_example(features: Mapping[str, Feature | None]) -> bytes:
    """Serialise features as a ``tf.train.Example``.

    Args:
        features: The features by name; they are written in this order, their numbers packed.

    Returns:
        The serialised message.

    Raises:
        ValueError: An integer does not fit 64 bits with a sign, or a float 32 bits.
        TypeError: A feature is none of `BytesList`, `FloatList`, `Int64List` or None.

    Examples:
        >>> encode_example({"a": BytesList((b"b",))}).hex(" ")
        '0a 0c 0a 0a 0a 01 61 12 05 0a 03 0a 01 62'
    """
    entries = (
        _field(1, _field(1, name.encode()) + _field(2, _encode_feature(name, feature)))
        for name, feature in features.items()
    )
    return _field(1, b"".join(entries))


def _map_entry(entry: memoryview) -> tuple[str, list[memoryview]]:
    """Return an entry's name, and the parts of its feature, which belong together."""
    name = ""
    for part in _submessages(entry, 1):
        try:
            name = str(part, "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"the name {bytes(part)!r} of a feature is not UTF-8") from error
    return name, list(_submessages(entry, 2))


def _parse_feature(parts: Iterable[memoryview]) -> Feature | None:
    """Join the lists of a feature: one of the same kind grows, another kind replaces it."""
    kind: int | None = None
    # Lists grow in place: a file from a stranger may have a list for each value.
    strings: list[bytes] = []
    floats: list[float] = []
    integers: list[int] = []
    for part in parts:
        for number, wire_type, value in _fields(part):
            if wire_type != _DELIMITED or isinstance(value, int) or number not in _LISTS:
                continue
            if number != kind:
                kind, strings, floats, integers = number, [], [], []
            if number == _BYTES_LIST:
                strings.extend(bytes(string) for string in _submessages(value, 1))
            elif number == _FLOAT_LIST:
                floats.extend(_floats(value))
            else:
                integers.extend(_integers(value))
    if kind is None:
        return None
    if kind == _BYTES_LIST:
        return BytesList(tuple(strings))
    return FloatList(tuple(floats)) if kind == _FLOAT_LIST else Int64List(tuple(integers))


def _floats(message: memoryview) -> Iterator[float]:
    for number, wire_type, value in _fields(message):
        if number == 1 and not isinstance(value, int) and wire_type in (_DELIMITED, _FIXED32):
            if len(value) % 4:
                raise ValueError(f"packed floats take {len(value)} bytes; expected 4 for each")
            yield from struct.unpack(f"<{len(value) // 4}f", value)


def _integers(message: memoryview) -> Iterator[int]:
    for number, wire_type, value in _fields(message):
        if number == 1 and isinstance(value, int):
            yield _signed(value)
        elif number == 1 and wire_type == _DELIMITED and not isinstance(value, int):
            position = 0
            while position < len(value):
                unsigned, position = _varint(value, position)
                yield _signed(unsigned)


def _signed(unsigned: int) -> int:
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned


def _submessages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, wire_type, value in _fields(message):
        if number == wanted and wire_type == _DELIMITED and not isinstance(value, int):
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield each field's number, wire type and value: a number for a varint, else its bytes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if number == 0 or tag >= 2**32:
            raise ValueError(f"a field has number {number}; expected 1 to {2**29 - 1}")
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, wire_type, value
            continue
        if wire_type == _DELIMITED:
            length, position = _varint(message, position)
        elif wire_type in (_FIXED32, _FIXED64):
            length = 4 if wire_type == _FIXED32 else 8
        else:
            raise ValueError(f"field {number} has wire type {wire_type}; expected 0, 1, 2 or 5")
        end = position + length
        if end > len(message):
            raise ValueError(
                f"field {number} has {length:,} bytes; {len(message) - position:,} are left"
            )
        yield number, wire_type, message[position:end]
        position = end


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Read a number of 7 bits a byte; return it and the position behind it."""
    value = 0
    for i in range(_VARINT_LIMIT):
        if position + i >= len(message):
            raise ValueError("the message ends inside a number")
        byte = message[position + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, position + i + 1
    raise ValueError("a number has more than 64 bits")


def _encode_feature(name: str, feature: Feature | None) -> bytes:
    if feature is None:
        return b""
    if isinstance(feature, BytesList):
        return _field(_BYTES_LIST, b"".join(_field(1, value) for value in feature.values))
    if isinstance(feature, FloatList):
        try:
            packed = struct.pack(f"<{len(feature.values)}f", *feature.values)
        except OverflowError as error:
            raise ValueError(f"feature {name!r} has a number too large for 32 bits") from error
        return _field(_FLOAT_LIST, _field(1, packed))
    if isinstance(feature, Int64List):
        for value in feature.values:
            if not -(2**63) <= value < 2**63:
                raise ValueError(f"feature {name!r} has {value}; expected a number of 64 bits")
        numbers = (_encode_varint(value % 2**64) for value in feature.values)
        return _field(_INT64_LIST, _field(1, b"".join(numbers)))
    raise TypeError(
        f"feature {name!r} is of type {type(feature).__name__}; expected BytesList, FloatList, "
        "Int64List or None"
    )


def _field(number: int, content: bytes) -> bytes:
    tag = number << 3 | _DELIMITED
    return _encode_varint(tag) + _encode_varint(len(content)) + content


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
