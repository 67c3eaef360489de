# SPDX-License-Identifier: Apache-2.0
"""Request bodies: what is accepted, and how mistakes are told."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.api.bodies import convert, decode
from netsonde.errors import UserError
from netsonde.model.captures import Capture


def refusal(body: bytes, content_type: str = "") -> UserError:
    with pytest.raises(UserError) as refused:
        convert(decode(body, content_type), Capture, ignored=("Count",))
    return refused.value


def test_names_match_in_any_case_as_the_reference_decoded_them() -> None:
    assert convert({"gremlinquery": "G", "BPFFILTER": "tcp"}, Capture).bpf_filter == "tcp"


def test_names_that_the_server_sets_are_dropped_in_any_case() -> None:
    assert convert({"count": 3, "Name": "x"}, Capture, ignored=("Count",)).name == "x"


def test_an_unknown_member_is_refused_with_the_nearest_name() -> None:
    wrong = refusal(b'{"GremlinQuerry": "G"}')
    assert wrong.message == "unknown member 'GremlinQuerry'"
    assert wrong.hint == "did you mean GremlinQuery?"


def test_all_unknown_members_are_named_at_once() -> None:
    assert refusal(b'{"Aaaa": 1, "Bbbb": 2}').message == "unknown members 'Aaaa', 'Bbbb'"


def test_a_wrong_type_is_told_with_its_place_and_in_words() -> None:
    assert refusal(b'{"Port": "eighty"}').message == "Port: expected a whole number, got text"


def test_a_body_that_is_no_object_is_refused() -> None:
    assert refusal(b"[]").message == "the body must be a JSON object, got a list"
    assert refusal(b"null").message == "the body must be a JSON object, got null"
    assert refusal(b"true").message == "the body must be a JSON object, got true or false"


def test_malformed_json_is_marked_at_its_place() -> None:
    wrong = refusal(b'{"Name": "x",\n "Port": 1,}')
    assert wrong.message == "the body is not JSON, line 2, offset 25: trailing comma in object"
    assert wrong.explain().splitlines()[1:3] == ['   "Port": 1,}', "             ^ column 12"]


def test_the_mark_counts_characters_and_not_bytes() -> None:
    wrong = refusal('{"Name": "ééé" x}'.encode())
    assert wrong.span is not None
    assert wrong.text[wrong.span.start] == "x"


def test_bad_utf8_is_named_by_its_first_byte() -> None:
    assert refusal(b'{"Name": "\xff"}').message == "the body is not UTF-8: byte 0xff at offset 10"


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"Name":' + b"[" * 5000 + b"]" * 5000 + b"}"])
def test_deep_nesting_is_refused_and_not_followed(body: bytes) -> None:
    assert refusal(body).message


def test_a_long_line_is_cut_around_the_mistake() -> None:
    wrong = refusal(b'{"Name": "' + b"x" * 1_000_000 + b'" "Port": 1}')
    assert len(wrong.text) < 200


def test_yaml_is_accepted_with_any_parameter_of_its_type() -> None:
    body = b"GremlinQuery: G.V()\nPort: 6343\n"
    assert convert(decode(body, "application/yaml; charset=utf-8"), Capture).port == 6343


def test_yaml_aliases_are_refused_since_a_few_of_them_fill_the_memory() -> None:
    bomb = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert refusal(bomb, "application/yaml").message == "aliases are not accepted in YAML bodies"


def test_an_ampersand_in_yaml_text_is_no_alias() -> None:
    body = b"BPFFilter: tcp[0] &0x3 != 0\n"
    assert convert(decode(body, "application/yaml"), Capture).bpf_filter == "tcp[0] &0x3 != 0"


@pytest.mark.parametrize("body", [b"?", b"1: a", b"Name: {null: x}", b"Name: [{true: x}]"])
def test_yaml_names_that_are_no_text_are_refused(body: bytes) -> None:
    with pytest.raises(UserError, match="cannot be the name of a member"):
        decode(body, "application/yaml")


def test_yaml_gives_nothing_that_json_does_not_have() -> None:
    body = b"Since: 2020-01-02\nTags: !!set {a}\nKey: !!binary aGVsbG8=\nShare: .nan\n"
    assert decode(body, "application/yaml") == {"Since": "2020-01-02", "Tags": ["a"], "Key": "aGVsbG8=", "Share": None}


@given(st.binary(max_size=300), st.sampled_from(["", "application/yaml"]))
def test_any_bytes_are_decoded_or_refused(body: bytes, content_type: str) -> None:
    with suppress(UserError):
        assert isinstance(convert(decode(body, content_type), Capture), Capture)


def test_every_definition_survives_its_own_json() -> None:
    capture = Capture(uuid="u", gremlin_query="G.V()", max_bytes=2**60, paused=True)
    assert convert(decode(msgspec.json.encode(capture)), Capture) == capture
