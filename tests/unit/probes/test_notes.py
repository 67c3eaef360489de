# SPDX-License-Identifier: Apache-2.0
"""Notes on others' nodes: differences only, kept while their source is unread, stated anew on nodes that come back."""

from collections.abc import Sequence

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.probes.notes import Notes

HERE, THERE = 1, 2


class Lab:
    def __init__(self, *, early: bool = False) -> None:
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        self.notes: Notes[int] = Notes("mine", self.graph, early=early)
        self.events: list[Event] = []
        self.graph.subscribe(self._changed)

    def put(self, *nodes: str) -> None:
        batch = Batch()
        for node in nodes:
            batch.put_node(node, "other", {"Name": node, "Type": "device"})
        self.graph.apply(batch)

    def drop(self, node: str) -> None:
        batch = Batch()
        batch.drop_layer(node, "other")
        self.graph.apply(batch)

    def said(self, node: str) -> object:
        found = self.graph.node(node)
        return None if found is None else found.metadata.get("Note")

    def _changed(self, events: Sequence[Event]) -> None:
        self.events.extend(events)
        self.notes.forget(events)


@pytest.fixture
def lab() -> Lab:
    made = Lab()
    made.put("a", "b")
    made.notes.publish({"a": (HERE, {"Note": 1}), "b": (THERE, {"Note": 2})})
    return made


def test_only_differences_are_written(lab: Lab) -> None:
    assert (lab.said("a"), lab.said("b"), len(lab.notes)) == (1, 2, 2)
    lab.events.clear()
    lab.notes.publish({"a": (HERE, {"Note": 1}), "b": (THERE, {"Note": 3})})
    assert [event.element.id for event in lab.events] == ["b"]
    lab.notes.publish({"b": (THERE, {"Note": 3})})
    assert (lab.said("a"), lab.said("b"), len(lab.notes)) == (None, 3, 1)


def test_what_an_unread_source_said_stays_as_it_was(lab: Lab) -> None:
    lab.notes.publish({"b": (THERE, {"Note": 3})}, {HERE, THERE})
    assert (lab.said("a"), lab.said("b")) == (1, 2)


def test_a_node_that_comes_back_is_noted_again(lab: Lab) -> None:
    lab.drop("a")
    lab.put("a")
    assert (lab.said("a"), len(lab.notes)) == (None, 1)
    lab.notes.publish({"a": (HERE, {"Note": 1}), "b": (THERE, {"Note": 2})})
    assert lab.said("a") == 1


@pytest.mark.parametrize("early", [False, True])
def test_a_note_comes_before_its_node_only_when_that_is_wanted(early: bool) -> None:
    lab = Lab(early=early)
    lab.notes.publish({"a": (HERE, {"Note": 1})})
    lab.put("a")
    assert (lab.said("a") == 1) is early
