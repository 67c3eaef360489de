# SPDX-License-Identifier: Apache-2.0
"""`client.rules` of both clients."""

from collections.abc import Iterator

import msgspec
import pytest

from netsonde.client.rule_calls import EdgeRuleUpdate, NodeRuleUpdate
from netsonde.errors import NotFound
from netsonde.model.rules import EdgeRule, NodeRule
from unit.api.fakes import Fakes
from unit.api.served import Server
from unit.client.conftest import Ask
from unit.declared.memory import Analyzer, memory_stores, node

DEVICES = "G.V().Has('Type', 'device')"
A, B = "G.V().Has('Name', 'a')", "G.V().Has('Name', 'b')"


@pytest.fixture
def analyzer() -> Analyzer:
    made = Analyzer(memory_stores())
    made.agent_says(node("a", origin="agent.h1"), node("b", origin="agent.h1"))
    return made


@pytest.fixture
def server(analyzer: Analyzer) -> Iterator[Server]:
    fakes = Fakes.new()
    fakes.stated, fakes.merged = analyzer, analyzer.graph
    server = Server(fakes)
    yield server
    server.stop()


@pytest.mark.parametrize(("rule", "given"), [(NodeRule, NodeRuleUpdate), (EdgeRule, EdgeRuleUpdate)])
def test_fields_of_a_rule_can_be_given_but_for_those_that_the_server_sets(
    rule: type[msgspec.Struct], given: type
) -> None:
    every = {field.name for field in msgspec.structs.fields(rule)}
    names = {name for kind in given.__mro__ for name in getattr(kind, "__annotations__", {})}
    assert every - names == {"uuid", "created_at", "expires_at"}


def test_a_node_rule_is_previewed_made_changed_and_undone(ask: Ask, analyzer: Analyzer) -> None:
    rule = {"query": DEVICES, "metadata": {"Owner": "net"}}
    preview = ask(lambda client: client.rules.nodes.preview("update", **rule))
    assert (preview.matching, "Owner" in analyzer.shown("a")) == (2, False)
    made = ask(lambda client: client.rules.nodes.create("update", name="owners", ttl="1h", **rule))
    assert (made.count, analyzer.shown("a")["Owner"]) == (2, "net")
    ask(lambda client: client.rules.nodes.update("owners", metadata={"Owner": "ops"}))
    assert analyzer.shown("b")["Owner"] == "ops"
    assert ask(lambda client: client.rules.nodes.get(made.uuid)).name == "owners"
    ask(lambda client: client.rules.nodes.delete("owners"))
    assert "Owner" not in analyzer.shown("a")
    with pytest.raises(NotFound, match="no node rule is called 'owners'"):
        ask(lambda client: client.rules.nodes.get("owners"))


def test_an_edge_rule_is_previewed_made_and_undone(ask: Ask, analyzer: Analyzer) -> None:
    link = {"RelationType": "layer2"}
    preview = ask(lambda client: client.rules.edges.preview(A, B, link))
    assert [(pair.parent.name, pair.child.name) for pair in preview.edges] == [("a", "b")]
    made = ask(lambda client: client.rules.edges.create(A, B, link, name="link"))
    assert (made.count, analyzer.graph.edge_count()) == (1, 1)
    assert ask(lambda client: client.rules.edges.update("link", description="x")).description == "x"
    assert [one.uuid for one in ask(lambda client: client.rules.edges.all())] == [made.uuid]
    ask(lambda client: client.rules.edges.delete(made.uuid))
    assert analyzer.graph.edge_count() == 0
