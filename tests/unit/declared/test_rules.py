# SPDX-License-Identifier: Apache-2.0
"""Rules work on what is there and on what appears, and leave nothing behind when they go."""

import asyncio
from typing import Any

import msgspec
import pytest

from netsonde.aio import spawn
from netsonde.declared import DeclaredSettings
from netsonde.declared.rules import effects, pairs
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.graph.ids import join_id
from netsonde.model.elements import Node
from netsonde.model.rules import EdgeRule, NodeRule
from unit.captures.fakes import until
from unit.declared.memory import AllStores, Analyzer, edge, memory_stores, node, running

TAPS = "G.V().Has('Type', 'tap')"
HOSTS = "G.V().Has('Type', 'host')"


def tap(name: str, **metadata: Any) -> Node:
    return node(name, origin="agent.h1", Type="tap", **metadata)


def host(name: str, **metadata: Any) -> Node:
    return node(name, origin="agent.h1", Type="host", **metadata)


def updating(query: str = TAPS, **metadata: Any) -> NodeRule:
    return NodeRule(action="update", query=query, metadata=metadata or {"Owner": "net"})


def linking(src: str = HOSTS, dst: str = TAPS, relation: str = "layer2", join: str = "") -> EdgeRule:
    return EdgeRule(src=src, dst=dst, metadata={"RelationType": relation}, join=join)


def links(analyzer: Analyzer) -> set[tuple[str, str]]:
    return {(one.parent, one.child) for one in analyzer.graph.edges()}


def done(analyzer: Analyzer) -> list[str]:
    """Return what rules made of five taps: the linked ones, and those with an owner."""
    return [child for _, child in links(analyzer)] + [
        name for name in map("t{}".format, range(5)) if "Owner" in analyzer.shown(name)
    ]


async def test_metadata_is_laid_upon_nodes_present_and_future(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"))
    view = await analyzer.node_rules.create(updating())
    assert (view.count, analyzer.shown("t1")["Owner"]) == (1, "net")
    analyzer.agent_says(tap("t1"), tap("t2"), host("h1"))
    await until(lambda: analyzer.shown("t2").get("Owner") == "net")
    assert "Owner" not in analyzer.shown("h1")


async def test_deletion_restores_what_probes_say(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1", MTU=1500), tap("t2"))
    view = await analyzer.node_rules.create(updating(MTU=9000))
    assert (analyzer.shown("t1")["MTU"], analyzer.shown("t2")["MTU"]) == (9000, 9000)
    await analyzer.node_rules.delete(view.uuid)
    assert analyzer.shown("t1")["MTU"] == 1500
    assert "MTU" not in analyzer.shown("t2")
    with pytest.raises(NotFound):
        await analyzer.node_rules.delete(view.uuid)


async def test_a_node_that_stops_matching_is_as_it_was(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"))
    await analyzer.node_rules.create(updating())
    analyzer.agent_says(node("t1", origin="agent.h1", Type="veth"))
    await until(lambda: "Owner" not in analyzer.shown("t1"))


async def test_a_node_that_comes_back_matches_again(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"))
    await analyzer.node_rules.create(updating())
    analyzer.agent_says()
    analyzer.agent_says(tap("t1"))
    await until(lambda: analyzer.shown("t1").get("Owner") == "net")


async def test_the_later_rule_wins_and_leaves_the_earlier_one(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"))
    await analyzer.node_rules.create(updating(Owner="net", Site="s1"))
    analyzer.later_ms = 5
    later = await analyzer.node_rules.create(updating(Owner="sec"))
    assert (analyzer.shown("t1")["Owner"], analyzer.shown("t1")["Site"]) == ("sec", "s1")
    await analyzer.node_rules.delete(later.uuid)
    assert analyzer.shown("t1")["Owner"] == "net"


async def test_what_a_user_says_of_one_node_wins_over_rules(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"))
    await analyzer.node_rules.create(updating())
    await analyzer.declared.annotate("t1", {"Owner": "me"}, {})
    assert analyzer.shown("t1")["Owner"] == "me"
    assert analyzer.declared.base("t1")["Owner"] == "net"
    await analyzer.declared.annotate("t1", {}, {"Owner": "me"})
    assert analyzer.shown("t1")["Owner"] == "net"


async def test_a_created_node_has_the_id_that_the_reference_gives_it(analyzer: Analyzer) -> None:
    rule = NodeRule(action="create", metadata={"Name": "tor1", "Type": "fabric"})
    view = await analyzer.node_rules.create(rule)
    found = analyzer.graph.node(join_id("fabric", "tor1"))
    assert found is not None
    assert found.metadata == {"Name": "tor1", "Type": "fabric", "TID": found.id, "Probe": "fabric"}
    with pytest.raises(Conflict, match=view.uuid):
        await analyzer.declared.delete_node(found.id)
    again = await analyzer.node_rules.create(rule)
    await analyzer.node_rules.delete(view.uuid)
    assert analyzer.graph.node(found.id) is not None, "the second rule still says it"
    await analyzer.node_rules.delete(again.uuid)
    assert analyzer.graph.node(found.id) is None


async def test_every_pair_is_linked_as_nodes_come_and_go(analyzer: Analyzer) -> None:
    analyzer.agent_says(host("h1"), tap("t1"))
    view = await analyzer.edge_rules.create(linking())
    assert links(analyzer) == {("h1", "t1")}
    analyzer.agent_says(host("h1"), host("h2"), tap("t1"), tap("t2"))
    await until(lambda: links(analyzer) == {("h1", "t1"), ("h1", "t2"), ("h2", "t1"), ("h2", "t2")})
    analyzer.agent_says(host("h2"), tap("t2"))
    await until(lambda: links(analyzer) == {("h2", "t2")})
    await until(lambda: analyzer.edge_rules.view(view.uuid).count == 1)  # type: ignore[union-attr]
    await analyzer.edge_rules.delete(view.uuid)
    assert links(analyzer) == set()
    assert analyzer.declared.waiting_edges() == []


async def test_a_join_links_where_the_values_are_the_same(analyzer: Analyzer) -> None:
    analyzer.agent_says(host("h1", Site="a"), host("h2", Site="b"), tap("t1", Site="a"), tap("t2"))
    await analyzer.edge_rules.create(linking(join="Site"))
    assert links(analyzer) == {("h1", "t1")}
    analyzer.agent_says(host("h1", Site="a"), host("h2", Site="b"), tap("t1", Site="b"), tap("t2", Site="a"))
    await until(lambda: links(analyzer) == {("h2", "t1"), ("h1", "t2")})


async def test_an_owned_node_keeps_its_owner_until_that_goes(analyzer: Analyzer) -> None:
    owned = edge("h1", "t1", "ownership", origin="agent.h1")
    analyzer.agent_says(host("h1"), host("h2"), tap("t1"), owned)
    await analyzer.edge_rules.create(linking("G.V().Has('Name', 'h2')", relation="ownership"))
    assert links(analyzer) == {("h1", "t1")}
    analyzer.agent_says(host("h1"), host("h2"), tap("t1"))
    await until(lambda: links(analyzer) == {("h2", "t1")})


async def test_a_rule_that_wants_too_many_edges_makes_some_and_says_so(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "MOST_EDGES", 3)
    analyzer.agent_says(host("h1"), host("h2"), tap("t1"), tap("t2"))
    view = await analyzer.edge_rules.create(linking())
    assert (view.count, "more pairs" in view.reason) == (3, True)
    analyzer.agent_says(host("h1"), tap("t1"), tap("t2"))
    await until(lambda: links(analyzer) == {("h1", "t1"), ("h1", "t2")})
    await until(lambda: analyzer.edge_rules.view(view.uuid).reason == "")  # type: ignore[union-attr]


async def test_a_large_rule_is_written_in_portions(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "_PORTION", 2)
    analyzer.agent_says(host("h1"), *(tap(f"t{number}") for number in range(5)))
    made = await analyzer.node_rules.create(updating())
    linked = await analyzer.edge_rules.create(linking())
    assert (made.count, linked.count) == (2, 2)
    await until(
        lambda: len(links(analyzer)) == 5 and all("Owner" in analyzer.shown(f"t{number}") for number in range(5))
    )


async def test_nodes_are_looked_at_for_partners_in_portions_while_others_come_and_go(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "_LOOKED_AT", 2)
    analyzer.agent_says(host("h1"), *(tap(f"t{number}") for number in range(5)))
    view = await analyzer.edge_rules.create(linking())
    assert view.count < 5
    analyzer.agent_says(host("h1"), *(tap(f"t{number}") for number in range(1, 6)))
    assert (await analyzer.edge_rules.preview(linking())).matching == 5
    await until(lambda: links(analyzer) == {("h1", f"t{number}") for number in range(1, 6)})


@pytest.mark.parametrize("kind", ["node_rules", "edge_rules"])
async def test_others_have_their_turn_while_a_large_graph_is_looked_at(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(effects, "_LOOKED_AT", 2)
    monkeypatch.setattr(pairs, "_READ", 2)
    analyzer.agent_says(host("h1"), *(tap(f"t{number}") for number in range(8)))
    rules, rule = getattr(analyzer, kind), updating() if kind == "node_rules" else linking()
    had = 0

    async def count() -> None:
        nonlocal had
        while True:
            await asyncio.sleep(0)
            had += 1

    async with asyncio.TaskGroup() as group:
        other = spawn(group, count(), "other")
        assert (await rules.preview(rule)).matching == 8
        assert had >= 8 // 2 - 1
        assert (await rules.create(rule)).count < 8
        other.cancel()
    await until(lambda: rules.views()[0].count == 8)


@pytest.mark.parametrize("kind", ["node_rules", "edge_rules"])
async def test_a_large_rule_is_taken_back_in_portions(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    analyzer.agent_says(host("h1"), *(tap(f"t{number}") for number in range(5)))
    rules = getattr(analyzer, kind)
    view = await rules.create(updating() if kind == "node_rules" else linking())
    monkeypatch.setattr(effects, "_PORTION", 2)
    await rules.delete(view.uuid)
    assert len(done(analyzer)) == 3
    await until(lambda: not done(analyzer))


async def test_a_changed_large_rule_writes_when_its_former_self_is_taken_back(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyzer.agent_says(host("h1"), *(tap(f"t{number}") for number in range(5)))
    view = await analyzer.node_rules.create(updating(Owner="net"))
    monkeypatch.setattr(effects, "_PORTION", 2)
    previous = NodeRule(view.uuid, "", "", {"Owner": "net"}, "update", TAPS, view.created_at)
    changed = await analyzer.node_rules.replace(previous, msgspec.structs.replace(previous, metadata={"Owner": "ops"}))
    assert changed.count == 0
    await until(lambda: all(analyzer.shown(f"t{number}").get("Owner") == "ops" for number in range(5)))
    view = analyzer.node_rules.view(view.uuid)  # type: ignore[assignment]
    assert view.count == 5


async def test_a_rule_that_undoes_itself_is_taken_back(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"))
    view = await analyzer.node_rules.create(updating("G.V().Has('Type', 'tap').HasNot('Owner')"))
    await until(lambda: "without end" in analyzer.node_rules.view(view.uuid).reason)  # type: ignore[union-attr]
    await until(lambda: "Owner" not in analyzer.shown("t1"))


async def test_two_rules_that_undo_each_other_end_too(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1", Phase=1))
    first = await analyzer.node_rules.create(updating("G.V().Has('Phase', 1)", Next=True))
    second = await analyzer.node_rules.create(updating("G.V().Has('Next', true)", Phase=2))
    await until(lambda: any(view.reason for view in analyzer.node_rules.views()))
    await asyncio.sleep(0)
    assert {first.uuid, second.uuid} == {view.uuid for view in analyzer.node_rules.views()}


async def test_a_changed_rule_leaves_nothing_of_the_former(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"), host("h1"))
    view = await analyzer.node_rules.create(updating(Owner="net"))
    rule = NodeRule(view.uuid, action="update", query=HOSTS, metadata={"Site": "s"}, created_at=view.created_at)
    previous = NodeRule(view.uuid, "", "", {"Owner": "net"}, "update", TAPS, view.created_at)
    await analyzer.node_rules.replace(previous, rule)
    assert "Owner" not in analyzer.shown("t1")
    assert analyzer.shown("h1")["Site"] == "s"
    with pytest.raises(Conflict):
        await analyzer.node_rules.replace(previous, rule)


async def test_every_analyzer_shows_the_same(stores: AllStores, analyzer: Analyzer) -> None:
    async with running(Analyzer(stores, host="a2")) as other:
        for one in (analyzer, other):
            one.agent_says(tap("t1"), host("h1"))
        view = await analyzer.node_rules.create(updating())
        linked = await analyzer.edge_rules.create(linking())
        await until(lambda: other.shown("t1").get("Owner") == "net" and links(other) == {("h1", "t1")})
        await other.node_rules.delete(view.uuid)
        await other.edge_rules.delete(linked.uuid)
        await until(lambda: "Owner" not in analyzer.shown("t1") and links(analyzer) == set())


async def test_rules_are_there_after_a_restart(stores: AllStores, analyzer: Analyzer) -> None:
    await analyzer.node_rules.create(updating())
    async with running(Analyzer(stores)) as later:
        later.agent_says(tap("t1"))
        await until(lambda: later.shown("t1").get("Owner") == "net")


async def test_time_takes_a_rule_and_what_it_did(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1"))
    now = analyzer.graph.now_ms()
    rule = NodeRule(action="update", query=TAPS, metadata={"Owner": "net"}, expires_at=now + 20)
    await analyzer.node_rules.create(rule)
    analyzer.later_ms = 30
    await until(lambda: analyzer.node_rules.views() == [])
    assert "Owner" not in analyzer.shown("t1")


async def test_a_preview_says_what_would_happen_and_changes_nothing(analyzer: Analyzer) -> None:
    analyzer.agent_says(tap("t1", Owner="them"), tap("t2"), host("h1"))
    found = await analyzer.node_rules.preview(updating())
    assert (found.matching, [one.name for one in found.nodes]) == (2, ["t1", "t2"])
    assert found.conflicts == ["Owner of t1 is 'them' now"]
    pairs = await analyzer.edge_rules.preview(linking())
    assert [(one.parent.name, one.child.name) for one in pairs.edges] == [("h1", "t1"), ("h1", "t2")]
    assert (links(analyzer), analyzer.shown("t2").get("Owner")) == (set(), None)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (NodeRule(action="destroy"), "Action: 'destroy' is not known"),
        (NodeRule(action="create", metadata={"Name": "x"}), "Metadata.Type is missing"),
        (NodeRule(action="update", query=TAPS, metadata={"Name": "x"}), "Metadata.Name cannot be changed"),
        (NodeRule(action="update", query=TAPS), "Metadata is empty"),
        (NodeRule(action="update", metadata={"a": 1}), "Query is empty"),
        (NodeRule(action="update", query="G.V(", metadata={"a": 1}), "never closed"),
        (NodeRule(action="update", query="G.Flows()", metadata={"a": 1}), "standing query"),
        (NodeRule(action="update", query=TAPS, metadata={"a": 1}, expires_at=1), "ExpiresAt is in the past"),
    ],
)
async def test_a_wrong_node_rule_is_refused(analyzer: Analyzer, rule: NodeRule, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        await analyzer.node_rules.create(rule)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (EdgeRule(src=HOSTS, dst=TAPS), "RelationType is missing"),
        (EdgeRule(dst=TAPS, metadata={"RelationType": "x"}), "Src is empty"),
        (EdgeRule(src=HOSTS, dst="G.E()", metadata={"RelationType": "x"}), "nodes are needed"),
        (EdgeRule(src=HOSTS, dst=TAPS, metadata={"RelationType": "x"}, join_dst="A"), "JoinDst is there without"),
    ],
)
async def test_a_wrong_edge_rule_is_refused(analyzer: Analyzer, rule: EdgeRule, words: str) -> None:
    with pytest.raises(UserError, match=words):
        await analyzer.edge_rules.create(rule)


async def test_there_is_an_end_to_the_number_of_rules() -> None:
    async with running(Analyzer(memory_stores(), DeclaredSettings(max_rules=1))) as one:
        await one.node_rules.create(updating())
        with pytest.raises(UserError, match=r"declared\.max_rules|1 noderules already"):
            await one.node_rules.create(updating())
