# SPDX-License-Identifier: Apache-2.0
"""Answers the verb `openflow`: the rules or groups that bridges of this host have at the moment of the question.

Source: the bridges, asked by ovs-ofctl; the agent's graph tells which bridge is meant. Nothing is kept or written.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from netsonde.agent.bridges import AgentGraph, Bridge, place_of
from netsonde.errors import SourceLost, UserError, WireError
from netsonde.model.elements import Metadata
from netsonde.model.openflow import OpenFlowPart, OpenFlowRequest
from netsonde.probes.ovsdb.ofctl import ask
from netsonde.probes.ovsdb.rules import (
    GroupCounts,
    OfPort,
    counted,
    mentions,
    parse_group,
    parse_group_counts,
    parse_rule,
    ports_of,
    ports_of_group,
)

T = TypeVar("T")
READ_WITHIN: Final = 3.0
"""Seconds for all bridges of one call; the query behind it has `analyzer.query_timeout`, 5 s."""
AT_ONCE: Final = 2
"""Bridges asked at the same time: ovs-vswitchd answers in the thread that also changes rules."""
MOST_NODES: Final = 10_000
"""Nodes of one call."""
MOST_FOUND: Final = 100_000
"""Rules of one node, whatever the call allows."""
_FEW_PORTS: Final = 8
_NOT_ASKED: Final = "{}: not asked, since other bridges took all the time that there is for one call"
_ITEM: Final = 500
"""Rules in one message, some 250 kB."""


@dataclass(slots=True)
class Asked:
    """What one node is told of its bridge."""

    node_id: str
    ports: frozenset[OfPort] | None
    """What concerns these ports; None = everything."""
    limit: int
    found: list[Metadata] = field(default_factory=list)
    left_out: int = 0

    @property
    def only_counts(self) -> bool:
        return len(self.found) >= self.limit

    def offer(self, one: Metadata) -> None:
        """Take a rule or group in; beyond the limit it is counted only."""
        if self.only_counts:
            self.left_out += 1
        else:
            self.found.append(one)


class OpenFlowReader:
    """Answers calls. A bridge is read once for all nodes of a call that are on it."""

    def __init__(self, graph: AgentGraph, addresses: Mapping[str, str]) -> None:
        """`addresses`: of databases, by the probe that reads each."""
        self._graph = graph
        self._addresses = addresses
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def handle(self, request: bytes) -> AsyncIterator[bytes]:
        """Yield OpenFlowParts; for a node whose bridge cannot be read, one that says why."""
        wanted = _decode(request)
        end = asyncio.get_running_loop().time() + READ_WITHIN
        bridges: dict[Bridge, list[Asked]] = {}
        for node_id in wanted.node_ids[:MOST_NODES]:
            try:
                bridge, ports = place_of(self._graph, node_id, self._addresses)
            except UserError as refused:
                yield _encoded(OpenFlowPart(node_id, problem=str(refused)))
                continue
            asked = Asked(node_id, ports, max(0, min(wanted.limit, MOST_FOUND)))
            bridges.setdefault(bridge, []).append(asked)
        for bridge, nodes in bridges.items():
            problem = await self._read(bridge, nodes, wanted, end)
            for asked in nodes:
                for begin in range(0, len(asked.found), _ITEM):
                    yield _encoded(OpenFlowPart(asked.node_id, asked.found[begin : begin + _ITEM]))
                yield _encoded(OpenFlowPart(asked.node_id, [], asked.left_out, problem))

    async def _read(self, bridge: Bridge, nodes: Sequence[Asked], wanted: OpenFlowRequest, end: float) -> str:
        """Fill in what the nodes are told; return why it is not all, "" when it is."""
        try:
            async with asyncio.timeout_at(end):
                await self._turns.acquire()
        except TimeoutError:
            return _NOT_ASKED.format(bridge.name)
        try:
            if asyncio.get_running_loop().time() >= end:
                return _NOT_ASKED.format(bridge.name)
            reading = _Reading(bridge, nodes, end)
            await (reading.rules(wanted.table) if wanted.kind == "rules" else reading.groups())
        except (UserError, SourceLost, WireError) as failed:
            return f"{bridge.name}: {failed}"
        finally:
            self._turns.release()
        return f"{bridge.name}: {reading.unread} lines were not understood" if reading.unread else ""


class _Reading:
    """One reading of one bridge."""

    def __init__(self, bridge: Bridge, nodes: Sequence[Asked], end: float) -> None:
        self._bridge = bridge
        self._end = end
        self._told: Metadata = {"Bridge": bridge.name}
        self._whole = [asked for asked in nodes if asked.ports is None]
        self._by_port: dict[OfPort, list[Asked]] = {}
        for asked in nodes:
            for port in asked.ports or ():
                self._by_port.setdefault(port, []).append(asked)
        # Of many ports it is cheaper to understand each line.
        self._mentions = mentions(self._by_port) if len(self._by_port) <= _FEW_PORTS else None
        self.unread = 0
        """Lines that were not understood."""

    async def rules(self, table: int | None) -> None:
        match = () if table is None else (f"table={table}",)
        await self._ask("dump-flows", self._take_rules, *match)

    async def groups(self) -> None:
        counts: dict[int, GroupCounts] = {}

        def take_counts(lines: bytes) -> None:
            for line in _telling(lines):
                found = self._parsed(parse_group_counts, line)
                if found is not None:
                    counts[found.group_id] = found

        def take_groups(lines: bytes) -> None:
            for line in _telling(lines):
                group = self._parsed(parse_group, line)
                if group is not None:
                    self._offer(self._told | counted(group, counts), ports_of_group(group))

        await self._ask("dump-group-stats", take_counts)
        await self._ask("dump-groups", take_groups)

    async def _ask(self, command: str, take: Callable[[bytes], None], *match: str) -> None:
        # In a thread, for the loop has the kernel to follow: a thousand rules take some 30 ms.
        left = max(0.1, self._end - asyncio.get_running_loop().time())
        await ask(command, self._bridge.socket, *match, within=left, take=lambda lines: asyncio.to_thread(take, lines))

    def _take_rules(self, lines: bytes) -> None:
        for line in _telling(lines):
            # Understanding costs most, and of a hundred thousand rules a port has some, a limit leaves some.
            if all(asked.only_counts for asked in self._whole) and not self._may_concern_ports(line):
                for asked in self._whole:
                    asked.left_out += 1
                continue
            rule = self._parsed(parse_rule, line)
            if rule is not None:
                self._offer(self._told | rule, ports_of(rule))

    def _may_concern_ports(self, line: bytes) -> bool:
        return self._mentions is None or any(map(line.__contains__, self._mentions))

    def _offer(self, one: Metadata, ports: Iterable[OfPort]) -> None:
        """Tell the bridge's nodes of it, and those of its ports, each once."""
        meant = {id(asked): asked for port in ports for asked in self._by_port.get(port, ())}
        for asked in (*self._whole, *meant.values()):
            asked.offer(one)

    def _parsed(self, parse: Callable[[str], T], line: bytes) -> T | None:
        try:
            return parse(line.decode(errors="replace"))
        except WireError:
            self.unread += 1
            return None


def _telling(lines: bytes) -> Iterator[bytes]:
    """Yield the lines that tell something: they begin with a space, headings do not."""
    return (line for line in lines.split(b"\n") if line.startswith(b" "))


def _encoded(part: OpenFlowPart) -> bytes:
    return msgspec.json.encode(part)


def _decode(request: bytes) -> OpenFlowRequest:
    try:
        return msgspec.json.decode(request, type=OpenFlowRequest)
    except msgspec.MsgspecError as bad:
        raise UserError(f"no OpenFlowRequest: {bad}") from bad
