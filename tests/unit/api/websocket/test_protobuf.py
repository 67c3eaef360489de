# SPDX-License-Identifier: Apache-2.0
"""Envelopes as Protocol Buffers: as protoc would write them, and never more than a refusal for what is none."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.api.websocket.envelope import read, write
from netsonde.api.websocket.protobuf import from_protobuf, to_protobuf
from netsonde.errors import WireError

# protoc --encode=StructMessage: Namespace "Graph", Type "SyncReply", UUID "u1", Status 200, Obj "{}".
KNOWN = bytes.fromhex("0a05477261706812 0953796e635265706c79 1a027531 20c801 32027b7d".replace(" ", ""))


def test_it_is_written_as_others_write_it() -> None:
    assert to_protobuf(write("Graph", "SyncReply", {}, uuid="u1", status=200)) == KNOWN


def test_it_is_read_as_others_write_it() -> None:
    message = read(from_protobuf(KNOWN))
    assert (message.namespace, message.type, message.uuid, bytes(message.obj)) == ("Graph", "SyncReply", "u1", b"{}")


def test_fields_that_are_not_known_are_skipped() -> None:
    unknown = b"\x38\x05" + b"\x42\x02hi" + b"\x4d\0\0\0\0" + b"\x51" + bytes(8)
    assert from_protobuf(unknown + KNOWN) == from_protobuf(KNOWN)


@given(st.text(), st.text(min_size=1), st.integers(0, 1 << 62), st.dictionaries(st.text(), st.integers(-9, 9)))
def test_what_is_written_can_be_read(namespace: str, uuid: str, status: int, obj: dict[str, int]) -> None:
    encoded = write(namespace, "T", obj, uuid=uuid, status=status)
    decoded = json.loads(from_protobuf(to_protobuf(encoded)))
    assert (decoded.get("Namespace", ""), decoded["UUID"], decoded["Obj"]) == (namespace, uuid, obj)


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_or_read(frame: bytes) -> None:
    with suppress(WireError):
        assert from_protobuf(frame).startswith(b"{")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"\x0a\x05Gra", "a field of 5 bytes has 3"),
        (b"\x0a", "ends within a number"),
        (b"\x80" * 11, "more than ten bytes"),
        (b"\x0a\x01\xff", "not UTF-8"),
        (b"\x0b", "wire type 3"),
        (b"\x28\x01" + KNOWN, "Format 0"),
    ],
)
def test_a_refusal_says_what_is_wrong(frame: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        from_protobuf(frame)
