# SPDX-License-Identifier: Apache-2.0
"""`netsonde rule`, and the reference's spelling of it."""

import json
from collections.abc import Iterator

import pytest

from unit.api.fakes import Fakes
from unit.cli.conftest import Command, Server
from unit.declared.memory import Analyzer, memory_stores, node

DEVICES = "G.V().Has('Type', 'device')"
A, B = "G.V().Has('Name', 'a')", "G.V().Has('Name', 'b')"


@pytest.fixture
def analyzer() -> Analyzer:
    made = Analyzer(memory_stores())
    made.agent_says(node("a", origin="agent.h1"), node("b", origin="agent.h1"))
    return made


@pytest.fixture
def server(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    fakes = Fakes.new()
    fakes.stated, fakes.merged = analyzer, analyzer.graph
    server = Server(fakes)
    monkeypatch.setenv("NETSONDE_URL", server.url)
    yield server
    server.stop()


def test_a_preview_says_what_a_rule_would_do_and_does_nothing(
    netsonde: Command, server: Server, analyzer: Analyzer
) -> None:
    done = netsonde("rule", "node", "create", "--query", DEVICES, "--metadata", "Owner=net", "--preview")
    assert (done.status, done.err) == (0, "2 nodes would be created or updated\n")
    assert "a@h1" in done.out
    done = netsonde("rule", "edge", "create", "--src", A, "--dst", B, "--preview", "-o", "json")
    assert json.loads(done.out)["Matching"] == 1
    assert ("Owner" in analyzer.shown("a"), analyzer.graph.edge_count()) == (False, 0)
    assert json.loads(netsonde("rule", "list", "-o", "json").out) == []


def test_rules_of_both_kinds_are_made_listed_changed_and_undone(
    netsonde: Command, server: Server, analyzer: Analyzer
) -> None:
    made = netsonde(
        *("rule", "node", "create", "--query", DEVICES, "--metadata", "Place.Room=7", "-s", "Rack=3"),
        *("-n", "places", "--ttl", "1h", "-o", "json"),
    )
    assert json.loads(made.out)["ExpiresAt"] > 0
    assert (analyzer.shown("a")["Place"], analyzer.shown("a")["Rack"]) == ({"Room": "7"}, 3)
    netsonde("rule", "edge", "create", "--src", A, "--dst", B, "--relationtype", "layer2", "-n", "link")
    listed = netsonde("rule", "list").out
    assert ("places" in listed, "link" in listed, f"{A} -> {B}" in listed) == (True, True, True)
    netsonde("rule", "node", "update", "places", "-s", "Rack=4")
    assert (analyzer.shown("a")["Rack"], analyzer.shown("a")["Place"]) == (4, {"Room": "7"})
    netsonde("rule", "edge", "update", "link", "--relationtype", "ownership")
    assert next(iter(analyzer.graph.edges())).metadata["RelationType"] == "ownership"
    assert "link" in netsonde("rule", "get", "link").out
    assert netsonde("rule", "delete", "places", "link") == (0, "", "")
    assert ("Rack" in analyzer.shown("a"), analyzer.graph.edge_count()) == (False, 0)
    assert "no rule is called 'link'" in netsonde("rule", "get", "link").err


def test_a_change_of_nothing_is_wrong_usage(netsonde: Command, server: Server) -> None:
    assert netsonde("rule", "node", "update", "x").status == 2
    assert netsonde("rule", "edge", "update", "x").status == 2


def test_the_reference_s_spelling_works(netsonde: Command, server: Server, analyzer: Analyzer) -> None:
    client = ("client", "--analyzer", server.url.removeprefix("http://"))
    rack = ("--action", "create", "--node-name", "r1", "--node-type", "rack", "--metadata", "Row=2")
    preview = netsonde(*client, "node-rule", "create", *rack, "--preview")
    assert (json.loads(preview.out)["Matching"], analyzer.graph.node_count()) == (1, 2)
    made = json.loads(netsonde(*client, "node-rule", "create", *rack).out)
    assert (made["Metadata"], analyzer.graph.node_count()) == ({"Row": "2", "Name": "r1", "Type": "rack"}, 3)
    assert list(json.loads(netsonde(*client, "node-rule", "list").out)) == [made["UUID"]]
    link = ("--src", A, "--dst", B, "--relationtype", "layer2", "--name", "l")
    edge = json.loads(netsonde(*client, "edge-rule", "create", *link).out)
    assert json.loads(netsonde(*client, "edge-rule", "get", edge["UUID"]).out)["Name"] == "l"
    assert list(json.loads(netsonde(*client, "edge-rule", "list").out)) == [edge["UUID"]]
    assert netsonde(*client, "node-rule", "delete", made["UUID"]).status == 0
    assert netsonde(*client, "edge-rule", "delete", edge["UUID"]).status == 0
    assert (analyzer.graph.node_count(), analyzer.graph.edge_count()) == (2, 0)
    assert netsonde(*client, "edge-rule", "create", "--src", A, "--dst", B).status == 2
