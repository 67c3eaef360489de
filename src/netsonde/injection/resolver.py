# SPDX-License-Identifier: Apache-2.0
"""What an injection asks of each agent: its queries run, addresses, ports and ids filled in."""

import random
from collections.abc import Awaitable, Callable, Sequence

from netsonde.errors import UserError
from netsonde.graph import GraphReader, locate
from netsonde.injection.addresses import ends_of
from netsonde.injection.definitions import FRAMES
from netsonde.injection.settings import InjectSettings
from netsonde.model.elements import Node
from netsonde.model.injections import Injection, InjectRequest

FindNodes = Callable[[str], Awaitable[Sequence[Node]]]
"""Runs a query that gives nodes; raises UserError for any other."""

_MOST_SOURCES = 64
_EPHEMERAL = (32768, 60999)


class Resolver:
    """Makes requests out of definitions, by the graph of the moment."""

    def __init__(self, graph: GraphReader, find_nodes: FindNodes, settings: InjectSettings) -> None:
        self._graph = graph
        self._find_nodes = find_nodes
        self._settings = settings

    async def requests(self, injection: Injection) -> list[tuple[str, str, InjectRequest]]:
        """Return host, interface name and request of each source; raises UserError that names the field."""
        sources = [node for node in await self._nodes("Src", injection.src) if locate(self._graph, node) is not None]
        if not sources:
            raise UserError("No source node found: Src gives no interface", hint="try the query in /api/topology")
        if len(sources) > _MOST_SOURCES:
            raise UserError(f"Src gives {len(sources)} interfaces; at most {_MOST_SOURCES} may inject at once")
        targets = await self._nodes("Dst", injection.dst) if injection.dst.strip() else []
        if injection.dst.strip() and not targets and not injection.dst_ip:
            raise UserError("No destination node found: Dst gives no node", hint="give DstIP, or another query")
        target = targets[0] if targets else None
        numbers = _Numbers(injection)
        return [self._request(injection, node, target, numbers, place) for place, node in enumerate(sources)]

    async def _nodes(self, field: str, query: str) -> Sequence[Node]:
        try:
            return await self._find_nodes(query)
        except UserError as wrong:
            raise UserError(f"{field}: {wrong.message}", hint=wrong.hint, span=wrong.span, text=wrong.text) from wrong

    def _request(
        self, injection: Injection, node: Node, target: Node | None, numbers: "_Numbers", place: int
    ) -> tuple[str, str, InjectRequest]:
        ends = ends_of(injection, node, target)
        if injection.type not in FRAMES and not self._settings.allows(ends.target):
            raise UserError(f"Dst {ends.target} is outside of the networks that inject.targets allows")
        request = InjectRequest(
            injection,
            node.id,
            ends.source,
            ends.target,
            ends.source_mac,
            ends.target_mac,
            ends.next_hop,
            source_port=numbers.source_port(place),
            target_port=numbers.target_port,
            icmp_id=numbers.icmp_id(place),
        )
        return node.host, str(node.metadata.get("Name", node.id)), request


class _Numbers:
    """Ports and ids of an injection's sources: in mode `unique` each source has the next one."""

    def __init__(self, injection: Injection) -> None:
        self._port = injection.src_port or random.randint(*_EPHEMERAL)
        self._id = injection.icmp_id or random.randint(1, 0xFFFF)
        self._is_dhcp = injection.type == "dhcp4"
        suiting = {"dns4": 53, "dns6": 53, "udp4": 33434, "udp6": 33434, "dhcp4": 67}
        self.target_port = injection.dst_port or suiting.get(injection.type) or random.randint(1024, 65534)

    def source_port(self, place: int) -> int:
        return 68 if self._is_dhcp else (self._port + place - 1) % 0xFFFF + 1

    def icmp_id(self, place: int) -> int:
        return (self._id + place) & 0xFFFF
