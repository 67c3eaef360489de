# SPDX-License-Identifier: Apache-2.0
"""Dotted paths: what they find, what is absent, how dots in keys are spelt."""

import pytest

from netsonde.errors import UserError
from netsonde.graph.paths import MISSING, is_present, parse_path, quote_key, values_at
from netsonde.model.elements import Edge, Json, Node

METADATA: dict[str, Json] = {
    "Name": "eth0",
    "Nil": None,
    "None": [],
    "Vlans": [10, 20],
    "IPV4": ["10.0.0.1/24"],
    "ExtID": {"vm-id": "vm-1"},
    "FDB": [{"MAC": "aa", "Tags": ["x"]}, {"MAC": "bb", "Tags": ["y", "z"]}],
    "Labels": {"app": "shop", "app.kubernetes.io/name": "web", "it's": 1},
    "RoutingTables": [{"Routes": [{"NextHops": [{"IP": "192.168.0.1"}, {"IfIndex": 2}]}]}],
}
NODE = Node("n", METADATA, "h1", "agent.h1", 1, 2)
EDGE = Edge("e", {"Parent": "shadowed", "RelationType": "layer2"}, "h1", "agent.h1", 1, 2, parent="a", child="b")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("Name", "eth0"),
        ("Nil", None),
        ("None", []),
        ("ExtID.vm-id", "vm-1"),
        ("Metadata.ExtID.vm-id", "vm-1"),
        ("FDB.MAC", ["aa", "bb"]),
        ("FDB.Tags", ["x", "y", "z"]),
        ("RoutingTables.Routes.NextHops.IP", ["192.168.0.1"]),
        ("Labels.app", "shop"),
        ("Labels.app.kubernetes.io/name", "web"),
        ("Labels['app.kubernetes.io/name']", "web"),
        ('Labels["it\'s"]', 1),
        ("['Labels']['app']", "shop"),
        ("@ID", "n"),
        ("@UpdatedAt", 2),
        ("@Revision", 1),
    ],
)
def test_a_path_finds_the_value(path: str, found: Json) -> None:
    assert parse_path(path).get(NODE) == found


@pytest.mark.parametrize(
    "path",
    [
        "Nope",
        "Name.foo",
        "FDB.Nope",
        "IPV4.foo",
        "ExtID",
        "Parent",
        "@DeletedAt",
        "Labels['app.kubernetes']",
        "@Parent",
    ],
)
def test_nothing_is_there(path: str) -> None:
    bare = Node("n", {k: v for k, v in METADATA.items() if k != "ExtID"}, "h1", "agent.h1", 1, 2)
    assert parse_path(path).get(bare) is MISSING
    assert not is_present(bare, parse_path(path))


def test_ends_of_an_edge_shadow_its_metadata() -> None:
    assert [parse_path(path).get(EDGE) for path in ("Parent", "@Parent", "Child")] == ["a", "a", "b"]


def test_values_of_a_list_are_its_members() -> None:
    assert values_at(NODE, parse_path("Vlans")) == [10, 20]
    assert values_at(NODE, parse_path("Name")) == ("eth0",)
    assert values_at(NODE, parse_path("Nil")) == (None,)
    assert values_at(NODE, parse_path("Nope")) == ()


def test_a_path_is_touched_through_any_key_it_may_begin_with() -> None:
    path = parse_path("a.b.c")
    assert path.touched_by({"a"})
    assert path.touched_by({"a.b"})
    assert not path.touched_by({"b"})
    assert parse_path("@UpdatedAt").touched_by(frozenset())


@pytest.mark.parametrize(
    ("text", "start"), [("", 0), ("a..b", 2), ("a.", 1), (".a", 0), ("a[b]", 1), ("a['b']c", 6), ("a['b", 1)]
)
def test_a_bad_path_is_refused_with_its_place(text: str, start: int) -> None:
    with pytest.raises(UserError) as caught:
        parse_path(text)
    assert caught.value.span is not None
    assert caught.value.span.start == start
    assert caught.value.hint


@pytest.mark.parametrize("key", ["plain", "a.b/c", "it's", "x[0]"])
def test_a_quoted_key_is_found_again(key: str) -> None:
    node = Node("n", {"L": {key: 7, "a": {"b/c": 8}}}, "h", "agent.h", 1, 1)
    assert parse_path(f"L{'' if quote_key(key) != key else '.'}{quote_key(key)}").get(node) == 7
