# SPDX-License-Identifier: Apache-2.0
"""eBPF programs that are attached to interfaces without tc: by tcx, netkit and XDP, in whatever namespaces they are.

Source: bpf(2) and rtnetlink in each namespace (bpf/kernel.py, bpf/xdp.py), looked at every `probes.bpf.interval`, since
        the kernel tells nobody of programs that links attach; when the `netlink` probe sees that XDP changed, at once.
Writes: `BPFPrograms` on the nodes of interfaces.
Needs:  the `netlink` probe for the interfaces; CAP_SYS_ADMIN to list programs and to enter namespaces; CAP_NET_ADMIN.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from netsonde.graph.events import Event
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.bpf.kernel import (
    BPF_PROG_TYPE_SCHED_CLS,
    BPF_PROG_TYPE_XDP,
    Attached,
    Place,
    Program,
    XdpLink,
    read_programs,
    read_xdp_links,
)
from netsonde.probes.bpf.reader import HookReader
from netsonde.probes.bpf.translate import attached_metadata, xdp_attached
from netsonde.probes.notes import Notes

PAUSE: Final = 0.1
"""Least seconds between two looks: many interfaces may change together."""
INTERFACES_A_SECOND: Final = 400
"""Interfaces that are looked at, so that it takes a hundredth of a core; where there are thousands, less often."""
_ALL: Final = frozenset({BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_XDP})


class BpfProbe:
    """Keeps what is shown equal to the kernel's, one look late at most; `run` may be called again."""

    name = "bpf"
    needs = ("netlink",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.bpf
        self._programs: dict[int, Program] = {}
        self._notes: Notes[int] = Notes(self.name, context.graph)
        """On nodes of interfaces, by the inode of their namespace."""
        self._lacking: set[str] = set()
        self._wanted = asyncio.Event()
        context.graph.subscribe(self._graph_changed)

    async def run(self, health: Health) -> None:
        """Look at all interfaces again and again until cancelled."""
        while True:
            self._wanted.clear()
            self._lacking = set()
            looked_at = await self._look()
            health.count("looks")
            health.gauge("objects", len(self._notes))
            health.gauge("programs", len(self._programs))
            health.running("; ".join(sorted(self._lacking)))
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_after(looked_at, self._settings.interval)):
                    await self._wanted.wait()

    def _graph_changed(self, events: Sequence[Event]) -> None:
        self._notes.forget(events)
        if any("XDP" in event.touched for event in events if event.kind != "deleted"):
            self._wanted.set()

    async def _look(self) -> int:
        """Read and publish, and return how many interfaces were looked at.

        A namespace is entered only if something is loaded that could be attached there.
        """
        kinds = await self._list_programs()
        reader = HookReader(self._context.namespaces)
        hooks = await reader.read_hooks() if BPF_PROG_TYPE_SCHED_CLS in kinds else {}
        xdp: dict[Place, list[Attached]] = {}
        if BPF_PROG_TYPE_XDP in kinds and (found := await reader.read_xdp()):
            xdp = xdp_attached(found, await self._xdp_links())
        if reader.unread:
            self._lacking.add(
                f"the programs of {len(reader.unread)} namespaces could not be read; without root none can be"
            )
        places = {*hooks, *xdp}
        self._publish({place: [*xdp.get(place, ()), *hooks.get(place, ())] for place in places}, reader.unread)
        return len(self._context.graph.nodes_having("IfIndex")) * len(kinds & _ALL)

    async def _list_programs(self) -> set[int]:
        """List what is loaded; return the types of programs that there may be."""
        try:
            self._programs = await asyncio.to_thread(read_programs, self._programs)
        except OSError as refused:
            self._lacking.add(
                f"eBPF programs cannot be listed ({refused.strerror}), so they have no names: run as root"
            )
            return set(_ALL)
        return {program.kind for program in self._programs.values()}

    async def _xdp_links(self) -> list[XdpLink]:
        try:
            return await asyncio.to_thread(read_xdp_links)
        except OSError as refused:
            self._lacking.add(f"links of eBPF programs cannot be listed ({refused.strerror})")
            return []

    def _publish(self, found: dict[Place, list[Attached]], unread: set[int]) -> None:
        wanted = {
            self._node_of(place): (place[0], attached_metadata(attached, self._programs))
            for place, attached in found.items()
        }
        self._notes.publish(wanted, unread)

    def _node_of(self, place: Place) -> str:
        inode, ifindex = place
        return self._context.identity.interface(None if inode == self._context.namespaces.own.inode else inode, ifindex)


def pause_after(looked_at: int, interval: float) -> float:
    """Return the seconds until the next look, after one at that many interfaces."""
    return max(PAUSE, interval, looked_at / INTERFACES_A_SECOND)
