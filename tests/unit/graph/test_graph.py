# SPDX-License-Identifier: Apache-2.0
"""The live graph: layers, revisions, events, ownership."""

from collections.abc import Sequence

import pytest

from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.graph.locate import owner_of
from netsonde.model.elements import Metadata, Node
from unit.graph.lab import Lab


def metadata(graph: Graph, node_id: str) -> Metadata:
    node = graph.node(node_id)
    assert node is not None
    return node.metadata


def watch(graph: Graph) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    graph.subscribe(lambda events: seen.extend((event.kind, event.element.id) for event in events))
    return seen


def test_a_batch_gives_each_element_one_revision_and_one_event(graph: Graph) -> None:
    seen = watch(graph)
    batch = Batch()
    batch.put_node("a", "netlink", {"Name": "a", "MTU": 1500})
    batch.put_node("a", "netlink", {"Name": "a", "MTU": 9000})
    batch.annotate("a", "ovsdb", {"ExtID": {"x": "1"}})
    graph.apply(batch)
    node = graph.node("a")
    assert seen == [("added", "a")]
    assert node == Node("a", {"Name": "a", "MTU": 9000, "ExtID": {"x": "1"}}, "h1", "agent.h1", 1000, 1000)


def test_a_key_that_its_probe_leaves_out_is_gone(lab: Lab) -> None:
    lab.node("a", {"Name": "a", "Master": "br0"})
    lab.annotate("a", {"Master2": "br1"})
    lab.node("a", {"Name": "a"})
    assert metadata(lab.graph, "a") == {"Name": "a", "Master2": "br1"}


def test_saying_the_same_again_is_no_revision(lab: Lab) -> None:
    lab.node("a", {"Name": "a"})
    seen = watch(lab.graph)
    lab.node("a", {"Name": "a"})
    assert seen == []
    assert lab.graph.revision == 1


def test_an_update_names_the_keys_that_changed(lab: Lab) -> None:
    lab.node("a", {"Name": "a", "MTU": 1500, "State": "UP"})
    seen: list[Event] = []
    lab.graph.subscribe(seen.extend)
    lab.node("a", {"Name": "a", "MTU": 9000, "Speed": 1})
    assert [(event.kind, sorted(event.touched), event.probe) for event in seen] == [
        ("updated", ["MTU", "Speed", "State"], "netlink")
    ]
    assert seen[0].element.revision == 2
    assert seen[0].element.created_at < seen[0].element.updated_at


def test_layers_are_merged_probes_then_user_then_computed(lab: Lab) -> None:
    lab.node("a", {"K": "probe", "Deep": {"p": 1}})
    lab.annotate("a", {"K": "computed"}, owner="computed:x")
    lab.annotate("a", {"K": "user", "Deep": {"u": 2}}, owner="user")
    assert metadata(lab.graph, "a") == {"K": "computed", "Deep": {"p": 1, "u": 2}}
    lab.annotate("a", {}, owner="computed:x")
    assert metadata(lab.graph, "a")["K"] == "user"


def test_a_users_write_survives_the_probes_next_revision(lab: Lab) -> None:
    lab.node("a", {"Name": "a"})
    lab.annotate("a", {"Site": "Lyon"}, owner="user")
    lab.node("a", {"Name": "b"})
    assert metadata(lab.graph, "a") == {"Name": "b", "Site": "Lyon"}


def test_an_annotation_waits_for_its_node_and_goes_with_it(lab: Lab) -> None:
    lab.annotate("tap", {"ExtID": {"vm-id": "1"}})
    assert lab.graph.node("tap") is None
    lab.node("tap", {"Name": "tap0"})
    assert metadata(lab.graph, "tap") == {"Name": "tap0", "ExtID": {"vm-id": "1"}}
    lab.delete("tap")
    lab.node("tap", {"Name": "tap0"})
    assert metadata(lab.graph, "tap") == {"Name": "tap0"}


def test_a_note_is_written_once_taken_away_and_not_kept_for_a_node_to_come(lab: Lab) -> None:
    lab.graph.note("a", "computed:x", {"X": 1})
    lab.node("a", {"Name": "a"})
    seen = watch(lab.graph)
    told: list[Metadata] = [{"X": 2}, {"X": 2}, {}, {}]
    for said in told:
        lab.graph.note("a", "computed:x", said)
    assert seen == [("updated", "a"), ("updated", "a")]
    assert metadata(lab.graph, "a") == {"Name": "a"}


def test_a_node_goes_with_the_last_probe_that_puts_it(lab: Lab) -> None:
    lab.node("a", {"Name": "a"}, owner="netlink")
    lab.node("a", {"UUID": "u"}, owner="ovsdb")
    batch = Batch()
    batch.drop_layer("a", "netlink")
    lab.graph.apply(batch)
    assert metadata(lab.graph, "a") == {"UUID": "u"}
    batch = Batch()
    batch.drop_layer("a", "ovsdb")
    lab.graph.apply(batch)
    assert lab.graph.node("a") is None


def test_a_deleted_node_takes_its_edges_first(lab: Lab) -> None:
    lab.node("a", {"Name": "a"})
    lab.node("b", {"Name": "b"})
    edge = lab.edge("a", "b", "layer2")
    seen: list[Event] = []
    lab.graph.subscribe(seen.extend)
    lab.delete("a")
    assert [(event.kind, event.element.id) for event in seen] == [("deleted", edge), ("deleted", "a")]
    assert all(event.element.deleted_at == 1003 for event in seen)
    assert lab.graph.in_edges("b") == ()


def test_an_edge_waits_for_both_ends(lab: Lab) -> None:
    edge = lab.edge("a", "b", "layer2")
    lab.node("b", {"Name": "b"})
    assert lab.graph.edge(edge) is None
    lab.node("a", {"Name": "a"})
    assert [found.id for found in lab.graph.out_edges("a")] == [edge]


def test_a_waiting_edge_that_is_deleted_does_not_come(lab: Lab) -> None:
    edge = lab.edge("a", "b", "layer2")
    batch = Batch()
    batch.delete_edge(edge)
    batch.put_node("a", "p", {})
    batch.put_node("b", "p", {})
    lab.graph.apply(batch)
    assert lab.graph.edge_count() == 0


def test_an_edge_of_two_stays_until_both_withdraw_it(lab: Lab) -> None:
    for name in ("a", "b"):
        lab.node(name, {"Name": name})
    edge = ""
    for owner in ("p", "q"):
        batch = Batch()
        edge = batch.put_edge(None, "a", "b", owner, {"RelationType": "ownership"})
        lab.graph.apply(batch)
    for owner, there in (("p", True), ("q", False)):
        batch = Batch()
        batch.delete_edge(edge, owner)
        lab.graph.apply(batch)
        assert (lab.graph.edge(edge) is not None) is there


def test_ownership_is_a_tree(lab: Lab) -> None:
    for name in ("a", "b", "c"):
        lab.node(name, {"Name": name})
    lab.edge("a", "c")
    lab.edge("b", "c")
    node = lab.graph.node("c")
    assert node is not None
    owner = owner_of(lab.graph, node.id)
    assert owner is not None
    assert owner.id == "b"
    assert lab.graph.edge_count() == 1


def test_owners_in_a_ring_are_broken_up_where_it_closes(lab: Lab) -> None:
    for name in ("a", "b", "c"):
        lab.node(name, {"Name": name})
    lab.edge("a", "b")
    lab.edge("b", "c")
    lab.edge("c", "a")
    owners = {edge.child: edge.parent for edge in lab.graph.edges_with("RelationType", OWNERSHIP)}
    assert owners == {"a": "c", "c": "b"}


def test_a_batch_from_a_listener_is_delivered_after_the_one_that_caused_it(lab: Lab) -> None:
    order: list[str] = []

    def react(events: Sequence[Event]) -> None:
        if events[0].element.id == "a":
            lab.node("b", {"Name": "b"})

    lab.graph.subscribe(react)
    lab.graph.subscribe(lambda events: order.extend(event.element.id for event in events))
    lab.node("a", {"Name": "a"})
    assert order == ["a", "b"]


def test_a_failing_listener_does_not_stop_the_others(lab: Lab) -> None:
    def fail(events: Sequence[Event]) -> None:
        raise RuntimeError("bug")

    lab.graph.subscribe(fail)
    seen = watch(lab.graph)
    lab.node("a", {"Name": "a"})
    assert seen == [("added", "a")]


def test_unsubscribing_twice_is_harmless(lab: Lab) -> None:
    stop = lab.graph.subscribe(lambda events: pytest.fail("called after unsubscribing"))
    stop()
    stop()
    lab.node("a", {"Name": "a"})


def test_empty_ids_are_refused_before_anything_is_applied() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Batch().put_node("", "p", {})


def test_values_in_lists_and_keys_can_be_looked_up(lab: Lab) -> None:
    lab.node("a", {"Vlans": [10, 20], "ExtID": {"vm-id": "1"}, "Up": True})
    lab.node("b", {"Vlans": 20, "One": 1, "Nil": None})
    graph = lab.graph
    assert {node.id for node in graph.nodes_with("Vlans", 20)} == {"a", "b"}
    assert {node.id for node in graph.nodes_with("Vlans", 20.0)} == {"a", "b"}
    assert {node.id for node in graph.nodes_with("Vlans", [10, 20])} == {"a"}
    assert {node.id for node in graph.nodes_having("ExtID.vm-id")} == {"a"}
    assert {node.id for node in graph.nodes_with("Up", 1)} == set()
    assert {node.id for node in graph.nodes_with("One", True)} == set()
    assert {node.id for node in graph.nodes_with("Nil", None)} == {"b"}
    assert {node.id for node in graph.nodes_with("@ID", "a")} == {"a"}


def test_true_and_one_are_different_values(lab: Lab) -> None:
    lab.node("a", {"K": True})
    seen: list[Event] = []
    lab.graph.subscribe(seen.extend)
    lab.node("a", {"K": 1})
    assert [sorted(event.touched) for event in seen] == [["K"]]
