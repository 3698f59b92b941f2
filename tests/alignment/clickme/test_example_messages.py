from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.alignment.clickme.example_messages import (
    BytesList,
    FloatList,
    Int64List,
    encode_example,
    parse_example,
)
from invert_captum.alignment.clickme.tf_records import read_records

REFERENCE = Path(__file__).parents[2] / "data" / "harmonization"
int64 = st.integers(-(2**63), 2**63 - 1)
features = st.dictionaries(
    st.text(max_size=4),
    st.none()
    | st.builds(BytesList, st.lists(st.binary(max_size=5)).map(tuple))
    | st.builds(FloatList, st.lists(st.floats(width=32, allow_nan=False)).map(tuple))
    | st.builds(Int64List, st.lists(int64).map(tuple)),
    max_size=4,
)
LISTS = {"bytes_list": BytesList, "float_list": FloatList, "int64_list": Int64List}


@pytest.fixture(scope="module", params=["packed", "unpacked"])
def example_class(request):
    """Google's own reader and writer of tf.train.Example, by its published definition."""
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    from google.protobuf import descriptor_pool, message_factory, text_format

    packed = request.param == "packed"
    definition = """
        name: "%(name)s.proto" package: "%(name)s" syntax: "proto3"
        message_type { name: "BytesList" field {
            name: "value" number: 1 label: LABEL_REPEATED type: TYPE_BYTES } }
        message_type { name: "FloatList" field { name: "value" number: 1 label: LABEL_REPEATED
            type: TYPE_FLOAT options { packed: %(packed)s } } }
        message_type { name: "Int64List" field { name: "value" number: 1 label: LABEL_REPEATED
            type: TYPE_INT64 options { packed: %(packed)s } } }
        message_type { name: "Feature" oneof_decl { name: "kind" }
            field { name: "bytes_list" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE
                type_name: ".%(name)s.BytesList" oneof_index: 0 }
            field { name: "float_list" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE
                type_name: ".%(name)s.FloatList" oneof_index: 0 }
            field { name: "int64_list" number: 3 label: LABEL_OPTIONAL type: TYPE_MESSAGE
                type_name: ".%(name)s.Int64List" oneof_index: 0 } }
        message_type { name: "Features"
            field { name: "feature" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE
                type_name: ".%(name)s.Features.FeatureEntry" }
            nested_type { name: "FeatureEntry" options { map_entry: true }
                field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
                field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE
                    type_name: ".%(name)s.Feature" } } }
        message_type { name: "Example" field { name: "features" number: 1 label: LABEL_OPTIONAL
            type: TYPE_MESSAGE type_name: ".%(name)s.Features" } }
    """ % {"name": f"{request.param}_example", "packed": str(packed).lower()}  # noqa: UP031
    file = text_format.Parse(definition, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName(f"{file.package}.Example")
    return message_factory.GetMessageClass(found)


def in_our_words(example):
    found = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = LISTS[kind](tuple(getattr(feature, kind).value)) if kind else None
    return found


def in_googles_words(example_class, named):
    example = example_class()
    example.features.SetInParent()
    for name, feature in named.items():
        entry = example.features.feature[name]
        for kind, cls in LISTS.items():
            if isinstance(feature, cls):
                getattr(entry, kind).SetInParent()
                getattr(entry, kind).value.extend(feature.values)
    return example


@given(named=features)
def test_google_reads_what_we_write(example_class, named):
    assert in_our_words(example_class.FromString(encode_example(named))) == named


@given(named=features)
def test_we_read_what_google_writes(example_class, named):
    assert parse_example(in_googles_words(example_class, named).SerializeToString()) == named


def varint(value):
    content = bytearray()
    while value >= 0x80:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])


def field(number, wire_type, content):
    return bytes([number << 3 | wire_type]) + content


def delimited(number, content):
    return field(number, 2, varint(len(content)) + content)


# Fields of every number and type, in and out of place.
stray = st.one_of(
    st.builds(field, st.integers(1, 4), st.just(0), st.integers(0, 2**64 - 1).map(varint)),
    st.builds(field, st.integers(1, 4), st.just(5), st.binary(min_size=4, max_size=4)),
    st.builds(field, st.integers(4, 5), st.just(1), st.binary(min_size=8, max_size=8)),
    st.builds(delimited, st.integers(1, 4), st.binary(max_size=4)),
)


def message(*parts):
    """Some of the parts, in any order and number."""
    return st.lists(st.one_of(*parts), min_size=1, max_size=4).map(b"".join)


values = message(
    st.integers(0, 2**64 - 1).map(lambda value: field(1, 0, varint(value))),
    st.binary(max_size=8).map(lambda content: delimited(1, content)),
    stray,
)
lists = message(st.builds(delimited, st.integers(1, 3), values), stray)
# Google's Python reader sets a whole entry aside for one stray field, which no format asks for.
names = st.sampled_from([b"", b"a", b"\xc3\xa9"]).map(lambda name: delimited(1, name))
entries = message(names, lists.map(lambda content: delimited(2, content)))
maps = message(entries.map(lambda entry: delimited(1, entry)), stray)
examples = message(maps.map(lambda content: delimited(1, content)), stray)


def accepted_by_us(example):
    try:
        return parse_example(example)
    except ValueError:
        return None


def in_googles_eyes(example_class, example):
    from google.protobuf.message import DecodeError

    try:
        return in_our_words(example_class.FromString(example))
    except DecodeError:
        return None


@given(example=examples)
def test_what_we_accept_google_reads_in_the_same_way(example_class, example):
    ours = accepted_by_us(example)
    if ours is not None:
        theirs = in_googles_eyes(example_class, example)
        assert theirs is not None
        # NaN differs from itself.
        assert repr(sorted(ours.items())) == repr(sorted(theirs.items()))


@given(example=examples, data=st.data())
def test_what_google_refuses_we_refuse(example_class, example, data):
    damaged = bytearray(example)
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] = data.draw(st.integers(0, 255))
    if in_googles_eyes(example_class, bytes(damaged)) is None:
        assert accepted_by_us(bytes(damaged)) is None


def test_records_of_the_reference_are_read_and_written_alike():
    for payload in read_records(REFERENCE / "clickme.tfrecord"):
        found = parse_example(payload)
        assert set(found) == {"image", "heatmap", "label"}
        assert encode_example(found) == payload


def feature_message(content):
    return delimited(1, delimited(1, delimited(1, b"a") + delimited(2, content)))


def test_lists_join_and_another_kind_replaces_them():
    floats = delimited(2, delimited(1, bytes(4)))
    packed, single = delimited(3, delimited(1, b"\x05\x06")), delimited(3, field(1, 0, b"\x07"))
    assert parse_example(feature_message(packed + single)) == {"a": Int64List((5, 6, 7))}
    assert parse_example(feature_message(floats + single)) == {"a": Int64List((7,))}


def test_lists_of_one_value_each_take_time_and_memory_in_proportion():
    """50,000 lists that are copied for each that is joined take minutes."""
    found = parse_example(feature_message(delimited(3, field(1, 0, b"\x07")) * 50_000))
    assert found == {"a": Int64List((7,) * 50_000)}


def test_unknown_fields_of_every_type_are_skipped():
    unknown = delimited(9, b"x") + field(9, 0, b"\x01") + field(9, 1, bytes(8))
    unknown += field(9, 5, bytes(4))
    label = delimited(3, unknown + delimited(1, b"\x05"))
    assert parse_example(unknown + feature_message(unknown + label)) == {"a": Int64List((5,))}


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"\x0a", "ends inside a number"),
        (b"\x0a\x80", "ends inside a number"),
        (b"\x0a\x05abc", "field 1 has 5 bytes; 3 are left"),
        (b"\x0d\x00\x00", "field 1 has 4 bytes; 2 are left"),
        (b"\x09" + bytes(7), "field 1 has 8 bytes; 7 are left"),
        (b"\x02\x00", "number 0"),
        (b"\xfa\xff\xff\xff\xff\x01\x00", "number"),
        (b"\x0b\x0c", "wire type 3"),
        (b"\x0c", "wire type 4"),
        (b"\x0e", "wire type 6"),
        (b"\x48" + b"\x80" * 10 + b"\x00", "more than 64 bits"),
        (b"\x48" + b"\xff" * 9 + b"\x02", "more than 64 bits"),
        (feature_message(delimited(2, delimited(1, bytes(6)))), "packed floats take 6 bytes"),
        (feature_message(delimited(3, delimited(1, b"\x80"))), "ends inside a number"),
        (delimited(1, delimited(1, delimited(1, b"\xff"))), "not UTF-8"),
    ],
)
def test_malformed_messages_are_refused(message, problem):
    with pytest.raises(ValueError, match=problem):
        parse_example(message)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_numbers_beyond_64_bits_are_not_written(value):
    with pytest.raises(ValueError, match=f"'label' has {value}"):
        encode_example({"label": Int64List((value,))})


def test_what_is_no_feature_is_not_written():
    with pytest.raises(ValueError, match="'x' has a number too large"):
        encode_example({"x": FloatList((1e300,))})
    with pytest.raises(TypeError, match="'x' is of type list"):
        encode_example({"x": [1]})
