# SPDX-License-Identifier: Apache-2.0
"""What history is told: agents' batches with annotations, and declared elements as those of one more host."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from netsonde.analyzer.recorded import PUBLISHER, RecordedTopology
from netsonde.bus.topology import LoggedBatches
from netsonde.history.recording import Batches
from netsonde.model.elements import Json
from netsonde.model.rules import EdgeRule, NodeRule
from netsonde.model.topology import NodeChange, TopologyBatch, TopologySnapshot
from netsonde.openstack import OWNER as OPENSTACK
from unit.declared.memory import Analyzer, memory_stores, node, running


class Log:
    """A topology log that a test fills."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[LoggedBatches] = asyncio.Queue()

    async def batches(self, after: int) -> AsyncGenerator[LoggedBatches, None]:
        while True:
            yield await self.queue.get()


async def test_history_hears_of_declared_elements_and_annotations() -> None:
    theirs = node("eth0", origin="agent.h1")
    log = Log()

    async def fetch(host: str) -> TopologySnapshot:
        return TopologySnapshot(host, "e", 1, [theirs], [])

    async with running(Analyzer(memory_stores())) as analyzer:
        analyzer.agent_says(theirs)
        await analyzer.declared.annotate("eth0", {"Owner": "me"}, {})
        recorded = RecordedTopology(log, fetch, analyzer.graph, analyzer.declared)
        async with aclosing(recorded.batches(5)) as found:
            first = await anext(found)
            assert (first.position, [(one.host, one.sequence) for one in first.batches]) == (5, [(PUBLISHER, 1)])
            await analyzer.declared.create(node("rack1"))
            second = (await anext(found)).batches[0]
            assert (second.host, second.sequence, len(second.changes)) == (PUBLISHER, 2, 1)
            log.queue.put_nowait(
                LoggedBatches([TopologyBatch("h1", "e", 1, 1, [NodeChange("updated", theirs, "netlink")])], 6)
            )
            third = await anext(found)
            changes = [change for one in third.batches for change in one.changes]
            owners = [change.node.metadata["Owner"] for change in changes if isinstance(change, NodeChange)]
            # The agent's batch, then the annotation itself under the same number, which does not count as another.
            assert ([(one.host, one.sequence) for one in third.batches], owners) == ([("h1", 1)] * 2, ["me", "me"])
        assert [one.id for one in (await recorded.fetch(PUBLISHER)).nodes] == ["rack1"]
        assert (await recorded.fetch("h1")).nodes[0].metadata["Owner"] == "me"


async def test_history_hears_of_what_rules_do() -> None:
    theirs = [node(name, origin="agent.h1") for name in ("eth0", "eth1")]
    update = NodeRule(action="update", query="G.V().Has('Name', 'eth0')", metadata={"Owner": "us"})
    link = EdgeRule(src="G.V('eth0')", dst="G.V('eth1')", metadata={"RelationType": "cable"})

    async def fetch(host: str) -> TopologySnapshot:
        return TopologySnapshot(host, "e", 1, list(theirs), [])

    async with running(Analyzer(memory_stores())) as analyzer:
        analyzer.agent_says(*theirs)
        recorded = RecordedTopology(Log(), fetch, analyzer.graph, analyzer.declared)
        async with aclosing(recorded.batches(0)) as found:
            await anext(found)
            await analyzer.node_rules.create(update)
            made = await analyzer.edge_rules.create(link)
            (batch,) = (await anext(found)).batches
            assert [change.kind for change in batch.changes] == ["added"]
            assert len((await recorded.fetch(PUBLISHER)).edges) == 1
            assert (await recorded.fetch("h1")).nodes[0].metadata["Owner"] == "us"
            await analyzer.edge_rules.delete(made.uuid)
            (batch,) = (await anext(found)).batches
            assert [change.kind for change in batch.changes] == ["deleted"]


async def test_history_hears_of_what_clouds_say() -> None:
    tap = node("tap0", origin="agent.h1")

    async def fetch(host: str) -> TopologySnapshot:
        return TopologySnapshot(host, "e", 1, [tap], [])

    async with running(Analyzer(memory_stores())) as analyzer:
        analyzer.agent_says(tap)
        log = Log()
        recorded = RecordedTopology(log, fetch, analyzer.graph, analyzer.declared)
        async with aclosing(recorded.batches(0)) as found:
            await anext(found)
            analyzer.declared.note(OPENSTACK, {"tap0": {"Neutron": {"PortName": "web"}}})
            said = NodeChange("updated", tap, "netlink")
            log.queue.put_nowait(LoggedBatches([TopologyBatch("h1", "e", 1, 1, [said])], 6))
            assert await _told(found) == [{"PortName": "web"}] * 2
            assert (await recorded.fetch("h1")).nodes[0].metadata["Neutron"] == {"PortName": "web"}
            analyzer.declared.note(OPENSTACK, {"tap0": None})
            assert await _told(found) == [None]


async def _told(found: AsyncGenerator[Batches, None]) -> list[Json]:
    """Return what the next batches say of a cloud."""
    changes = [change for batch in (await anext(found)).batches for change in batch.changes]
    return [change.node.metadata.get("Neutron") for change in changes if isinstance(change, NodeChange)]
