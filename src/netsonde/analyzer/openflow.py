# SPDX-License-Identifier: Apache-2.0
"""OpenFlow rules and groups of switches on many hosts: each agent is asked for those of its own bridges."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from netsonde.analyzer.gather import ask_each
from netsonde.analyzer.hosts import Hosts
from netsonde.bus.connection import Bus
from netsonde.model.elements import Metadata
from netsonde.model.openflow import OpenFlowAnswer, OpenFlowPart, OpenFlowRequest

MOST_FOUND: Final = 100_000
"""Rules of one answer, of all bridges together."""
MOST_NOTES: Final = 20


class LiveOpenFlow:
    """The OpenFlowSource of queries."""

    def __init__(self, bus: Bus, hosts: Hosts) -> None:
        self._bus = bus
        self._hosts = hosts

    async def openflow(self, request: OpenFlowRequest, hosts: Mapping[str, str]) -> OpenFlowAnswer:
        """Return what the agents that are there say; `hosts` has the host of each of the request's nodes."""
        there = set(self._hosts.agents())
        by_host: dict[str, list[str]] = {}
        for node_id in request.node_ids:
            by_host.setdefault(hosts[node_id], []).append(node_id)
        requests = {
            host: msgspec.json.encode(msgspec.structs.replace(request, node_ids=ids))
            for host, ids in by_host.items()
            if host in there
        }
        gathered = await ask_each(self._bus, "openflow", requests)
        missing = {*gathered.missing_hosts, *(host for host in by_host if host and host not in there)}
        notes = ["nodes that no agent reports have no rules"] if "" in by_host else []
        return merged(gathered.by_host, by_host, missing, notes)


def merged(
    items: Mapping[str, Iterable[bytes]],
    asked: Mapping[str, Collection[str]],
    missing: Iterable[str],
    notes: Iterable[str] = (),
) -> OpenFlowAnswer:
    """Make one answer of what agents said, by host, and of what is known to be missing.

    `asked` has the nodes of each host: what an agent says of others is not taken from it.
    """
    found: list[tuple[str, Metadata]] = []
    problems = dict.fromkeys(notes)
    left_out = 0
    for host, said in items.items():
        mine = set(asked.get(host, ()))
        for part in map(_part, said):
            if part.node_id in mine:
                room = MOST_FOUND - len(found)
                found += [(part.node_id, one) for one in part.found[:room]]
                left_out += part.left_out + len(part.found[room:])
            if part.problem:
                problems[f"{host}: {part.problem}"] = None
    if left_out:
        problems[f"{left_out} more were left out: ask for one table, or one port"] = None
    told = list(problems)
    if len(told) > MOST_NOTES:
        told[MOST_NOTES:] = [f"and {len(told) - MOST_NOTES} more such notes"]
    return OpenFlowAnswer(found, sorted(missing), left_out, told)


def _part(item: bytes) -> OpenFlowPart:
    try:
        return msgspec.json.decode(item, type=OpenFlowPart)
    except (msgspec.MsgspecError, UnicodeDecodeError) as bad:
        return OpenFlowPart("", problem=f"a part of its answer was not understood: {bad}")
