# SPDX-License-Identifier: Apache-2.0
"""What a publisher says of its graph: the whole first, changes after it, the whole again when there were too many."""

import json
from typing import Any

import pytest

from netsonde.client.publishing import PublisherFeed, Publishing
from netsonde.client.server import server_at
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.topology import ChangeKind


def a_node(node_id: str = "n1") -> Node:
    return Node(node_id, {"Name": node_id, "Type": "veth"}, "h", "seed.h", 1, 1, None, 7)


def a_publishing() -> tuple[Publishing, PublisherFeed]:
    feed = PublisherFeed("seed", "web-1", lambda: ([a_node()], []))
    return Publishing(server_at("http://127.0.0.1:1"), feed, headers={}), feed


def waiting(publishing: Publishing) -> list[dict[str, Any]]:
    return [json.loads(message) for message in publishing._pending]


def test_a_seed_says_who_it_is_and_that_all_goes_with_it() -> None:
    _, feed = a_publishing()
    assert feed.parameters() == {
        "x-client-type": "seed",
        "x-host-id": "web-1",
        "x-persistence-policy": "DeleteOnDisconnect",
    }
    assert json.loads(feed.greeting())["Obj"]["Nodes"][0]["ID"] == "n1"


def test_changes_are_said_in_order_and_are_part_of_the_next_whole() -> None:
    publishing, feed = a_publishing()
    edge = Edge("e1", {"RelationType": "layer2"}, "h", "seed.h", 1, 1, parent="n1", child="n2")
    changes: list[tuple[ChangeKind, Element]] = [("added", a_node("n2")), ("updated", a_node()), ("deleted", edge)]
    publishing.publish(changes)
    said = waiting(publishing)
    assert [one["Type"] for one in said] == ["NodeAdded", "NodeUpdated", "EdgeDeleted"]
    assert [one["Obj"]["Revision"] for one in said] == [0, 0, 0]
    feed.greeting()
    assert waiting(publishing) == []


def test_too_many_changes_are_the_whole_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.client.publishing._MOST_PENDING", 3)
    publishing, _ = a_publishing()
    publishing.publish([("updated", a_node())] * 4)
    assert (waiting(publishing), publishing._is_whole) == ([], True)


def test_what_is_refused_is_told() -> None:
    _, feed = a_publishing()
    assert list(feed.events('{"Namespace":"Graph","Type":"Error","Status":409,"Obj":"n1 is there"}')) == ["n1 is there"]
    assert list(feed.events('{"Namespace":"Graph","Type":"SyncReply","Status":200,"Obj":{}}')) == []
