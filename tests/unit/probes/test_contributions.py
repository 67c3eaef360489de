# SPDX-License-Identifier: Apache-2.0
"""Contributions written as differences."""

from netsonde.graph.batch import Annotate, Batch, DeleteEdge, DropLayer, PutEdge
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
