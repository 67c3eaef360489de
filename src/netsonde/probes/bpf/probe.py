# SPDX-License-Identifier: Apache-2.0
"""eBPF programs that are attached to interfaces without tc: by tcx, netkit and XDP, in whatever namespaces they are.

Source: bpf(2) in each namespace (bpf/kernel.py), looked at every `probes.bpf.interval`, since the kernel tells nobody
        of programs that come and go; for XDP what the `netlink` probe saw, whose changes are looked at when they come.
Writes: `BPFPrograms` on the nodes of interfaces.
Needs:  the `netlink` probe for the interfaces; CAP_SYS_ADMIN to list programs and to enter namespaces; CAP_NET_ADMIN.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.model.elements import Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.bpf.kernel import (
    BPF_PROG_TYPE_SCHED_CLS,
    Attached,
    Program,
    Reading,
    XdpLink,
    read_attached,
    read_programs,
    read_xdp_links,
)
from netsonde.probes.bpf.translate import attached_metadata, xdp_attached
from netsonde.probes.namespaces import Namespace

PAUSE: Final = 0.1
"""Least seconds between two looks: many interfaces may change together."""
NAMESPACES_AT_ONCE: Final = 8
"""Namespaces that are entered in one visit: others wait for the thread that does so."""


class BpfProbe:
    """Keeps what is shown equal to the kernel's, one look late at most; `run` may be called again."""

    name = "bpf"
    needs = ("netlink",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.bpf
        self._programs: dict[int, Program] = {}
        self._stated: dict[str, tuple[int, Metadata]] = {}
        """What was stated, by the interface's node, and the inode of its namespace; 0 where only XDP is known."""
        self._lacking: set[str] = set()
        self._wanted = asyncio.Event()
        context.graph.subscribe(self._graph_changed)

    async def run(self, health: Health) -> None:
        """Look at all interfaces again and again until cancelled."""
        while True:
            self._wanted.clear()
            self._lacking = set()
            await self._look()
            health.count("looks")
            health.gauge("objects", len(self._stated))
            health.gauge("programs", len(self._programs))
            health.running("; ".join(sorted(self._lacking)))
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(PAUSE, self._settings.interval)):
                    await self._wanted.wait()

    def _graph_changed(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind == "deleted":
                # Its notes go with the node, so they have to be stated anew on one that comes back.
                self._stated.pop(event.element.id, None)
            elif "XDP" in event.touched:
                self._wanted.set()

    async def _look(self) -> None:
        """Read and publish."""
        unread: set[int] = set()
        found: dict[str, tuple[int, list[Attached]]] = {}
        if await self._list_programs():
            found, unread = await self._attached()
        for node, attached in (await self._xdp_programs()).items():
            inode, others = found.get(node, (0, []))
            found[node] = (inode, [attached, *others])
        self._publish(found, unread)

    async def _list_programs(self) -> bool:
        """List what is loaded; return whether anything may be attached to tcx or netkit."""
        try:
            self._programs = await asyncio.to_thread(read_programs, self._programs)
        except OSError as refused:
            self._lacking.add(
                f"eBPF programs cannot be listed ({refused.strerror}), so they have no names: run as root"
            )
            return True
        return any(program.kind == BPF_PROG_TYPE_SCHED_CLS for program in self._programs.values())

    async def _attached(self) -> tuple[dict[str, tuple[int, list[Attached]]], set[int]]:
        """Return what is attached by interface's node, and the namespaces that could not be read."""
        known = self._context.namespaces.all()
        found: dict[str, tuple[int, list[Attached]]] = {}
        unread: set[int] = set()
        for first in range(0, len(known), NAMESPACES_AT_ONCE):
            some = known[first : first + NAMESPACES_AT_ONCE]
            answers = await self._context.namespaces.enter_each(some, read_attached)
            for namespace, answer in zip(some, answers, strict=True):
                read = await self._read_rest(namespace, answer)
                if read is not None:
                    found |= {self._node_of(namespace, at): (namespace.inode, each) for at, each in read.items()}
                elif self._context.namespaces.get(namespace.inode) is namespace:
                    unread.add(namespace.inode)
        if unread:
            self._lacking.add(f"the programs of {len(unread)} namespaces cannot be read: run as root")
        return found, unread

    async def _read_rest(self, namespace: Namespace, answer: Reading | OSError) -> dict[int, list[Attached]] | None:
        """Return what is attached by ifindex, visit by visit; None when the namespace cannot be read."""
        found: dict[int, list[Attached]] = {}
        # The descriptor of a namespace that was removed may be that of another one by now.
        while not isinstance(answer, OSError) and self._context.namespaces.get(namespace.inode) is namespace:
            found |= answer.attached
            if not answer.rest:
                return found
            (answer,) = await self._context.namespaces.enter_each([namespace], partial(read_attached, answer.rest))
        return None

    def _node_of(self, namespace: Namespace, ifindex: int) -> str:
        return self._context.identity.interface(None if namespace.own else namespace.inode, ifindex)

    async def _xdp_programs(self) -> dict[str, Attached]:
        """Return the XDP programs by interface's node."""
        interfaces: dict[str, tuple[int, int]] = {}
        for node in self._context.graph.nodes_having("XDP"):
            shown = node.metadata["XDP"]
            program = shown.get("ProgID") if isinstance(shown, dict) else None
            ifindex = node.metadata.get("IfIndex")
            if isinstance(program, int) and program and isinstance(ifindex, int):
                interfaces[node.id] = (program, ifindex)
        return xdp_attached(interfaces, await self._xdp_links()) if interfaces else {}

    async def _xdp_links(self) -> list[XdpLink]:
        try:
            return await asyncio.to_thread(read_xdp_links)
        except OSError as refused:
            self._lacking.add(f"links of eBPF programs cannot be listed ({refused.strerror})")
            return []

    def _publish(self, found: dict[str, tuple[int, list[Attached]]], unread: set[int]) -> None:
        batch = Batch()
        for node, (inode, _) in list(self._stated.items()):
            if node not in found and inode not in unread:
                del self._stated[node]
                batch.drop_layer(node, self.name)
        for node, (inode, attached) in found.items():
            metadata = attached_metadata(attached, self._programs)
            before, said = self._stated.get(node, (0, {}))
            if before in unread or (before, said) == (inode, metadata) or self._context.graph.node(node) is None:
                continue
            self._stated[node] = (inode, metadata)
            batch.annotate(node, self.name, metadata)
        if len(batch):
            self._context.graph.apply(batch)
