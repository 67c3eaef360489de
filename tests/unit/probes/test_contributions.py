# SPDX-License-Identifier: Apache-2.0
"""Contributions written as differences."""

from netsonde.graph.batch import Annotate, Batch, DeleteEdge, DropLayer, PutEdge
from netsonde.model.elements import Json
from netsonde.probes.contributions import Contribution, ContributionPublisher

KEY = ("Interface", "u1")


def note(node: str, ofport: int) -> Contribution:
    found = Contribution(notes={node: {"OfPort": ofport}})
    found.link("port", node, "layer2")
    return found


def test_repeated_contribution_writes_nothing() -> None:
    publisher, batch = ContributionPublisher[tuple[str, str]]("ovsdb"), Batch()
    publisher.put(Batch(), KEY, note("n1", 1))
    publisher.put(batch, KEY, note("n1", 1))
    assert not batch.operations


def test_note_that_moves_leaves_nothing_on_the_old_node() -> None:
    publisher, batch = ContributionPublisher[tuple[str, str]]("ovsdb"), Batch()
    publisher.put(Batch(), KEY, note("n1", 1))
    publisher.put(batch, KEY, note("n2", 1))
    kinds = [type(operation) for operation in batch.operations]
    assert kinds == [DeleteEdge, DropLayer, Annotate, PutEdge]
    assert batch.operations[1] == DropLayer("n1", "ovsdb")


def test_lost_node_is_written_again_when_it_is_back() -> None:
    publisher, batch = ContributionPublisher[tuple[str, str]]("ovsdb"), Batch()
    publisher.put(Batch(), KEY, note("n1", 1))
    assert publisher.node_lost("n1") == {KEY}
    publisher.put(batch, KEY, note("n1", 1))
    assert [type(operation) for operation in batch.operations] == [Annotate, PutEdge]


def test_row_that_contributes_nothing_is_forgotten() -> None:
    publisher = ContributionPublisher[tuple[str, str]]("ovsdb")
    publisher.put(Batch(), KEY, note("n1", 1))
    publisher.put(Batch(), KEY, Contribution())
    assert len(publisher) == 0


def holds(pid: int, **more: Json) -> Contribution:
    """What a process that holds a tap says of it."""
    found = Contribution(notes={"tap": {"Processes": [pid], **more}})
    found.link("tap", "machine", "vlayer2")
    return found


def test_node_of_two_objects_keeps_what_the_one_that_stays_says() -> None:
    publisher, batch = ContributionPublisher[int]("qemu"), Batch()
    publisher.put(Batch(), 1, holds(1))
    publisher.put(Batch(), 2, holds(2, VM="web"))
    publisher.forget(batch, 1)
    publisher.put(batch, 2, holds(2, VM="web"))
    assert batch.operations == [Annotate("tap", "qemu", {"Processes": [2], "VM": "web"})]


def test_objects_that_share_a_node_say_together_what_they_know() -> None:
    publisher, batch = ContributionPublisher[int]("qemu"), Batch()
    publisher.put(Batch(), 1, holds(1, VM="web"))
    publisher.put(batch, 2, holds(2))
    assert batch.operations[0] == Annotate("tap", "qemu", {"Processes": [1, 2], "VM": "web"})


def test_edge_of_two_objects_goes_with_the_last() -> None:
    publisher, batch = ContributionPublisher[int]("qemu"), Batch()
    for pid in (1, 2):
        publisher.put(Batch(), pid, holds(pid))
    publisher.forget(Batch(), 1)
    publisher.forget(batch, 2)
    assert {type(operation) for operation in batch.operations} == {DeleteEdge, DropLayer}


def test_nodes_that_come_and_go_for_ever_leave_nothing_behind() -> None:
    publisher = ContributionPublisher[int]("lldp")
    sizes = []
    for number in range(64):
        found = Contribution(nodes={f"switch-{number}": {"Name": "x"}})
        found.link(f"switch-{number}", f"port-{number}", "ownership")
        publisher.put(Batch(), 1, found)
        publisher.node_lost(f"port-{number}")
        publisher.put(Batch(), 1, found)
        sizes.append(len(publisher.mentioned))
    assert sizes == [2] * 64
    publisher.forget(Batch(), 1)
    assert publisher.mentioned == set()
