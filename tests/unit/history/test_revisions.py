# SPDX-License-Identifier: Apache-2.0
"""Which rows topology batches make."""

import pytest

from netsonde.history.revisions import RevisionRow, Revisions, Rows, amendments, epoch_of
from netsonde.model.elements import Edge, Node
from netsonde.model.topology import Change, EdgeChange, NodeChange, TopologyBatch, TopologySnapshot


def node(name: str, at: int, state: str = "UP", revision: int = 1) -> Node:
    return Node(name, {"State": state}, "h", "agent.h", 1000, at, revision=revision)


def edge(name: str, at: int, child: str = "B") -> Edge:
    return Edge(name, {}, "h", "agent.h", 1000, at, parent="A", child=child)


def batch(sequence: int, *changes: Change, epoch: str = "e", at: int = 2000) -> TopologyBatch:
    return TopologyBatch("h", epoch, sequence, at * 1_000_000, list(changes))


def put(element: Node) -> NodeChange:
    return NodeChange("updated", element)


def told(rows: Rows) -> list[tuple[str, int, int, int]]:
    return [(row.id, row.valid_from, row.revision, row.deleted) for row in (*rows.nodes, *rows.edges)]


def recorded(*elements: Node) -> Revisions:
    revisions = Revisions()
    revisions.batch(batch(1, *map(put, elements)))
    return revisions


def test_change_makes_a_row_and_repetition_none() -> None:
    revisions = Revisions()

    assert told(revisions.batch(batch(1, put(node("A", 1000))))) == [("A", 1000, 1, 0)]
    assert told(revisions.batch(batch(2, put(node("A", 1010))))) == []
    assert told(revisions.batch(batch(3, put(node("A", 1020, "DOWN", 2))))) == [("A", 1020, 2, 0)]


def test_restarted_agent_repeats_itself_without_new_rows() -> None:
    revisions = recorded(node("A", 1000), node("B", 1000))

    rows = revisions.batch(batch(1, put(node("A", 9000)), put(node("B", 9000, "DOWN")), epoch="second"))

    assert told(rows) == [("B", 9000, 2, 0)]
    assert rows.nodes[0].created == 1000
    assert revisions.unsettled == ["h"]


def test_snapshot_ends_what_it_lacks() -> None:
    revisions = recorded(node("A", 1000), node("B", 1000))

    rows = revisions.snapshot(TopologySnapshot("h", "second", 7, [node("B", 9000)], []), now_ms=9500)

    assert told(rows) == [("A", 9500, 1, 1)]
    assert revisions.unsettled == []


def test_snapshot_leaves_other_publishers_alone() -> None:
    revisions = recorded(node("A", 1000))

    assert told(revisions.snapshot(TopologySnapshot("other", "e", 1, [], []), now_ms=2000)) == []


def test_batches_older_than_the_snapshot_do_not_undo_it() -> None:
    revisions = recorded(node("A", 1000))
    revisions.snapshot(TopologySnapshot("h", "e", 5, [node("A", 3000, "DOWN", 3)], []), now_ms=3500)

    rows = revisions.batch(batch(2, put(node("A", 2000, "TESTING", 2))))

    assert told(rows) == [("A", 2000, 2, 0)]
    assert revisions.known["node"]["A"].valid_from == 3000


def test_batch_that_is_recorded_twice_makes_the_same_rows() -> None:
    batches = [
        batch(1, put(node("A", 1000)), put(node("B", 1000))),
        batch(2, put(node("A", 1010, "DOWN", 2)), at=2010),
        batch(3, NodeChange("deleted", node("A", 1010)), at=2020),
    ]
    revisions = Revisions()
    keys = {(row.id, row.valid_from, row.recorded) for each in batches for row in revisions.batch(each).nodes}

    again = {(row.id, row.valid_from, row.recorded) for each in batches for row in revisions.batch(each).nodes}

    assert again <= keys
    assert set(revisions.known["node"]) == {"B"}


def test_clock_ahead_of_ours_does_not_keep_anything_alive() -> None:
    revisions = recorded(node("A", 9000))

    assert told(revisions.snapshot(TopologySnapshot("h", "e", 1, [], []), now_ms=5000)) == [("A", 9000, 1, 1)]


def test_gap_makes_a_publisher_unsettled() -> None:
    revisions = Revisions()
    revisions.snapshot(TopologySnapshot("h", "e", 5, [], []), now_ms=1)

    revisions.batch(batch(6))
    assert revisions.unsettled == []
    revisions.batch(batch(8))
    assert revisions.unsettled == ["h"]


def test_deletion_makes_one_row_at_its_time() -> None:
    revisions = recorded(node("A", 1000))
    gone = NodeChange("deleted", Node("A", {}, "h", "agent.h", 1000, 1000, deleted_at=1500))

    assert told(revisions.batch(batch(2, gone))) == [("A", 1500, 1, 1)]
    assert told(revisions.batch(batch(3, gone))) == []


def test_element_deleted_and_made_again_at_once_is_there() -> None:
    revisions = recorded(node("A", 1000))
    gone = NodeChange("deleted", node("A", 1000), "probe")

    rows = revisions.batch(batch(2, gone, put(node("A", 2000))))

    assert told(rows) == [("A", 2000, 1, 1), ("A", 2000, 1, 0)]
    assert rows.nodes[0].recorded < rows.nodes[1].recorded


def test_edge_that_gets_another_end_is_a_new_revision() -> None:
    revisions = Revisions()
    revisions.batch(batch(1, EdgeChange("added", edge("E", 1000))))

    rows = revisions.batch(batch(2, EdgeChange("updated", edge("E", 1010, "C"))))

    assert told(rows) == [("E", 1010, 2, 0)]


def test_publisher_that_went_away_takes_everything_along() -> None:
    revisions = recorded(node("A", 1000))

    assert told(revisions.gone("h", 5000)) == [("A", 5000, 1, 1)]
    assert revisions.unsettled == ["h"]


def row(valid_from: int) -> RevisionRow:
    return RevisionRow("node", "A", valid_from, valid_from, 1, 1, 1, "h", "o", "h", "{}")


def test_late_row_is_added_to_the_keyframes_after_it() -> None:
    copies = list(amendments([row(150)], [100, 200, 300]))

    assert [(copy.at, copy.epoch, copy.valid_from, copy.keyframe) for copy in copies] == [
        (200, 200, 150, 1),
        (300, 300, 150, 1),
    ]


@pytest.mark.parametrize(("at", "epoch"), [(99, 0), (100, 100), (199, 100), (10_000, 300)])
def test_row_belongs_to_the_keyframe_before_it(at: int, epoch: int) -> None:
    assert epoch_of(at, [100, 200, 300]) == epoch
