# SPDX-License-Identifier: Apache-2.0
"""What agents say of their bridges made into one answer."""

import msgspec
import pytest

from netsonde.analyzer import openflow
from netsonde.analyzer.openflow import merged
from netsonde.model.elements import Metadata
from netsonde.model.openflow import OpenFlowPart

RULE: Metadata = {"Table": 0}


def said(*parts: OpenFlowPart) -> list[bytes]:
    return [msgspec.json.encode(part) for part in parts]


def test_rules_of_all_agents_come_with_what_is_missing_from_them() -> None:
    items = {
        "h1": said(OpenFlowPart("a", [RULE, RULE]), OpenFlowPart("a", [], 3)),
        "h2": said(OpenFlowPart("b", problem="br1: no such bridge")),
    }

    answer = merged(items, {"h1": ["a"], "h2": ["b"]}, ["h4", "h3"])

    assert list(answer.found) == [("a", RULE), ("a", RULE)]
    assert answer.missing_hosts == ["h3", "h4"]
    assert answer.left_out == 3
    assert answer.notes == ["h2: br1: no such bridge", "3 more were left out: ask for one table, or one port"]


def test_an_agent_is_not_believed_about_nodes_of_others() -> None:
    items = {"h1": said(OpenFlowPart("b", [RULE])), "h2": said(OpenFlowPart("b", [RULE]))}

    assert list(merged(items, {"h1": ["a"], "h2": ["b"]}, []).found) == [("b", RULE)]


def test_what_is_no_answer_is_told_and_the_rest_is_kept() -> None:
    items = {"h1": [b"\xff{", *said(OpenFlowPart("a", [RULE]))]}

    answer = merged(items, {"h1": ["a"]}, [])

    assert list(answer.found) == [("a", RULE)]
    assert answer.notes[0].startswith("h1: a part of its answer was not understood")


def test_an_answer_has_a_bound_whatever_agents_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openflow, "MOST_FOUND", 3)
    items = {"h1": said(OpenFlowPart("a", [RULE] * 2, 1), OpenFlowPart("a", [RULE] * 4))}

    answer = merged(items, {"h1": ["a"]}, [])

    assert (len(answer.found), answer.left_out) == (3, 4)


def test_notes_have_a_bound() -> None:
    items = {"h1": said(*(OpenFlowPart("a", problem=f"br{number}: gone") for number in range(50)))}

    notes = merged(items, {"h1": ["a"]}, []).notes

    assert len(notes) == openflow.MOST_NOTES + 1
    assert notes[-1] == "and 30 more such notes"
