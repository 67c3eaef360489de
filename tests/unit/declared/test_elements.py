# SPDX-License-Identifier: Apache-2.0
"""What users state is stored, shown by every analyzer, and survives whatever probes do."""

import asyncio

import pytest

from netsonde.declared import DeclaredSettings
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.model.elements import Element
from unit.captures.fakes import until
from unit.declared.memory import AllStores, Analyzer, edge, memory_stores, node, running


async def test_a_created_node_is_shown_just_as_it_was_stated(analyzer: Analyzer) -> None:
    wanted = node("rack1", Owner="net team")
    await analyzer.declared.create(wanted)
    assert analyzer.graph.node("rack1") == wanted


async def test_another_analyzer_and_a_later_one_show_it_too(stores: AllStores, analyzer: Analyzer) -> None:
    async with running(Analyzer(stores, host="a2")) as other:
        await analyzer.declared.create(node("rack1"))
        await until(lambda: other.shown("rack1") != {})
        await analyzer.declared.delete_node("rack1")
        await until(lambda: other.shown("rack1") == {})
        await analyzer.declared.import_elements("dc", [node("n1"), node("n2")])
    async with running(Analyzer(stores, host="a3")) as later:
        assert later.graph.node("n1") == analyzer.graph.node("n1")
        assert later.graph.node_count() == 2


async def test_an_edge_waits_for_its_ends(analyzer: Analyzer) -> None:
    await analyzer.declared.create(edge("rack1", "eth0"))
    await analyzer.declared.create(node("rack1"))
    assert [waiting.id for waiting in analyzer.declared.waiting_edges()] == ["rack1-eth0-layer2"]
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    assert analyzer.graph.edge("rack1-eth0-layer2") is not None
    assert analyzer.declared.waiting_edges() == []


async def test_an_edge_comes_back_with_the_probes_node(analyzer: Analyzer) -> None:
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    await analyzer.declared.create(node("rack1"))
    # Its origin is the analyzer's own, which the graph would drop for good.
    await analyzer.declared.create(edge("rack1", "eth0", origin="analyzer.a1"))
    analyzer.agent_says()
    assert analyzer.graph.edge_count() == 0
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    assert analyzer.graph.edge_count() == 1


async def test_a_node_takes_its_declared_edges_with_it(analyzer: Analyzer) -> None:
    await analyzer.declared.create(node("a"))
    await analyzer.declared.create(edge("a", "b"))
    await analyzer.declared.import_elements("dc", [node("b"), edge("b", "a")])
    await analyzer.declared.delete_node("a")
    assert analyzer.declared.edge("a-b-layer2") is None
    assert analyzer.declared.edge("b-a-layer2") is None
    assert analyzer.declared.node("b") is not None


async def test_an_id_can_be_declared_once(analyzer: Analyzer) -> None:
    await analyzer.declared.create(node("rack1"))
    with pytest.raises(Conflict, match="Node ID conflict: rack1: it is declared through the API"):
        await analyzer.declared.create(node("rack1"))
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    with pytest.raises(Conflict, match=r"agent\.h1 shows it now"):
        await analyzer.declared.create(node("eth0"))


async def test_a_change_of_what_was_changed_meanwhile_is_refused(analyzer: Analyzer) -> None:
    first = node("rack1")
    await analyzer.declared.create(first)
    await analyzer.declared.replace(first, node("rack1", Row=2))
    with pytest.raises(Conflict, match="changed meanwhile"):
        await analyzer.declared.replace(first, node("rack1", Row=3))
    assert analyzer.shown("rack1")["Row"] == 2


async def test_ownership_is_never_taken_from_a_probe(analyzer: Analyzer) -> None:
    theirs = edge("host", "eth0", "ownership", origin="agent.h1")
    probes = [node("host", origin="agent.h1"), node("eth0", origin="agent.h1")]
    await analyzer.declared.create(node("rack1"))
    await analyzer.declared.create(edge("rack1", "eth0", "ownership"))
    analyzer.agent_says(*probes)
    assert analyzer.graph.edge("rack1-eth0-ownership") is not None
    analyzer.agent_says(*probes, theirs)
    assert [owner.id for owner in analyzer.graph.in_edges("eth0")] == [theirs.id]
    analyzer.agent_says(*probes)
    assert [owner.id for owner in analyzer.graph.in_edges("eth0")] == ["rack1-eth0-ownership"]


async def test_ownership_that_a_probe_had_first_waits_after_a_restart(stores: AllStores) -> None:
    async with running(Analyzer(stores)) as first:
        await first.declared.create(node("rack1"))
        await first.declared.create(edge("rack1", "eth0", "ownership"))
    later = Analyzer(stores)
    theirs = edge("host", "eth0", "ownership", origin="agent.h1")
    later.agent_says(node("host", origin="agent.h1"), node("eth0", origin="agent.h1"), theirs)
    async with running(later):
        assert [owner.id for owner in later.graph.in_edges("eth0")] == [theirs.id]


async def test_a_second_owner_and_a_ring_of_owners_are_refused(analyzer: Analyzer) -> None:
    for name in ("a", "b", "c"):
        await analyzer.declared.create(node(name))
    await analyzer.declared.create(edge("a", "b", "ownership"))
    await analyzer.declared.create(edge("b", "c", "ownership"))
    with pytest.raises(UserError, match="c has an owner already"):
        await analyzer.declared.create(edge("a", "c", "ownership"))
    with pytest.raises(UserError, match="a owns c"):
        await analyzer.declared.create(edge("c", "a", "ownership"))
    with pytest.raises(UserError, match="cannot own itself"):
        await analyzer.declared.create(edge("a", "a", "ownership"))


async def test_owners_are_not_stacked_without_end(analyzer: Analyzer) -> None:
    chain = [edge(f"n{number}", f"n{number + 1}", "ownership") for number in range(100)]
    report = await analyzer.declared.import_elements("dc", [*(node(f"n{number}") for number in range(101)), *chain])
    assert report.refused == 1
    assert report.refusals[0].reason == "more than 64 owners lie above n65"


async def test_an_annotation_survives_updates_restarts_and_absence(stores: AllStores, analyzer: Analyzer) -> None:
    analyzer.agent_says(node("eth0", origin="agent.h1", MTU=1500))
    await analyzer.declared.annotate("eth0", {"Owner": "me", "MTU": 9000}, {})
    assert analyzer.shown("eth0")["Owner"] == "me"
    analyzer.agent_says(node("eth0", origin="agent.h1", MTU=1400, State="UP"))
    assert analyzer.shown("eth0") == {"Name": "eth0", "Type": "device", "MTU": 9000, "State": "UP", "Owner": "me"}
    analyzer.agent_says()
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    assert analyzer.shown("eth0")["Owner"] == "me"
    async with running(Analyzer(stores)) as later:
        later.agent_says(node("eth0", origin="agent.h1"))
        assert later.shown("eth0")["MTU"] == 9000
    await analyzer.declared.annotate("eth0", {}, {"Owner": "me", "MTU": 9000})
    assert analyzer.shown("eth0") == {"Name": "eth0", "Type": "device"}


async def test_limits_are_told_with_their_setting() -> None:
    settings = DeclaredSettings(max_elements=2, max_single=1, max_element_bytes=100)
    async with running(Analyzer(memory_stores(), settings)) as analyzer:
        await analyzer.declared.create(node("a"))
        with pytest.raises(UserError, match="stored one by one already"):
            await analyzer.declared.create(node("b"))
        with pytest.raises(UserError, match=r"bytes as JSON, more than 100"):
            await analyzer.declared.annotate("a", {"Text": "x" * 200}, {})
        report = await analyzer.declared.import_elements("dc", [node("b"), node("c")])
    assert (report.added, report.refused) == (1, 1)
    assert "max_elements" in report.refusals[0].hint


async def test_an_import_is_idempotent_and_told_element_by_element(analyzer: Analyzer) -> None:
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    await analyzer.declared.create(node("mine"))
    batch: list[Element] = [node("a"), node("b"), edge("a", "gone"), node("eth0"), node("mine"), node("")]
    dry = await analyzer.declared.import_elements("dc", batch, dry_run=True)
    assert analyzer.declared.imports() == []
    first = await analyzer.declared.import_elements("dc", batch)
    assert (dry.added, first.added, first.waiting, first.refused) == (3, 3, 1, 3)
    assert [(refused.id, refused.reason) for refused in first.refusals] == [
        ("eth0", "agent.h1 shows it now"),
        ("mine", "it is declared through the API"),
        ("", "ID is missing or empty"),
    ]
    again = await analyzer.declared.import_elements("dc", [node("a"), node("b", Row=1), edge("a", "gone")])
    assert (again.added, again.updated, again.unchanged) == (0, 1, 2)
    assert analyzer.shown("b")["Row"] == 1
    assert [(one.name, one.nodes, one.edges) for one in analyzer.declared.imports()] == [("dc", 2, 1)]


async def test_a_finished_run_takes_back_what_it_did_not_have(analyzer: Analyzer) -> None:
    await analyzer.declared.import_elements("dc", [node("a"), node("b"), node("c")], run="r1")
    await analyzer.declared.import_elements("dc", [node("a")], run="r2")
    await analyzer.declared.import_elements("dc", [node("c")], run="r2")
    assert await analyzer.declared.finish_import("dc", "r2") == 1
    assert (analyzer.shown("b"), analyzer.graph.node_count()) == ({}, 2)
    with pytest.raises(Conflict, match="knows of no run"):
        await analyzer.declared.finish_import("dc", "r2")


async def test_an_import_can_be_taken_back(analyzer: Analyzer) -> None:
    await analyzer.declared.import_elements("dc", [node(f"n{number}") for number in range(2500)])
    assert len(analyzer.declared.catalogue.sources_of("dc")) == 2
    assert await analyzer.declared.drop_import("dc") == 2500
    assert analyzer.graph.node_count() == 0
    with pytest.raises(NotFound, match="no import 'dc'"):
        await analyzer.declared.drop_import("dc")


async def test_one_element_of_an_import_can_be_changed_and_deleted(analyzer: Analyzer) -> None:
    await analyzer.declared.import_elements("dc", [node("a"), node("b")])
    await analyzer.declared.replace(node("a"), node("a", Row=7))
    await analyzer.declared.delete_node("b")
    assert (analyzer.shown("a")["Row"], analyzer.shown("b")) == (7, {})


async def test_what_a_probe_says_of_an_imported_node_wins_while_it_says_it(analyzer: Analyzer) -> None:
    await analyzer.declared.import_elements("dc", [node("eth0", State="DOWN", Rack="r1")])
    analyzer.agent_says(node("eth0", origin="agent.h1", State="UP"))
    assert (analyzer.shown("eth0")["State"], analyzer.shown("eth0")["Rack"]) == ("UP", "r1")
    analyzer.agent_says()
    assert analyzer.shown("eth0")["State"] == "DOWN"


async def test_two_analyzers_that_import_the_same_at_once_agree(stores: AllStores, analyzer: Analyzer) -> None:
    other = Analyzer(stores, host="a2")
    await other.declared.import_elements("theirs", [node("a", Row=2)])
    await analyzer.declared.import_elements("mine", [node("a", Row=1)])
    async with running(other):
        await until(lambda: analyzer.declared.imports() == other.declared.imports())
        assert analyzer.shown("a") == other.shown("a")
        await analyzer.declared.drop_import("mine")
        await until(lambda: other.shown("a").get("Row") == 2)
    assert analyzer.shown("a")["Row"] == 2


async def test_what_is_not_read_yet_is_withdrawn_too(stores: AllStores) -> None:
    await stores.nodes.create("n1", node("n1", origin="script.a"))
    analyzer = Analyzer(stores)
    async with asyncio.TaskGroup() as group:
        withdrawal = group.create_task(analyzer.declared.withdraw("script.a"))
        await asyncio.sleep(0)
        async with running(analyzer):
            await withdrawal
            assert analyzer.declared.published("script.a") == []
            assert analyzer.shown("n1") == {}
