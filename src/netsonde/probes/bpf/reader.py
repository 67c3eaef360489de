# SPDX-License-Identifier: Apache-2.0
"""What is attached to interfaces of all known namespaces, read visit by visit."""

import asyncio
import socket
from functools import partial
from typing import Final

from netsonde.errors import SourceLost, WireError
from netsonde.probes.bpf.kernel import Attached, Place, Reading, read_attached
from netsonde.probes.bpf.xdp import open_socket, read_xdp
from netsonde.probes.namespaces import Namespace, NamespaceRegistry

NAMESPACES_AT_ONCE: Final = 8
"""Namespaces that are entered in one visit: others wait for the thread that does so."""


class HookReader:
    """One look; `unread` are the namespaces that could not be read, by inode."""

    def __init__(self, namespaces: NamespaceRegistry) -> None:
        self._namespaces = namespaces
        self.unread: set[int] = set()

    async def read_hooks(self) -> dict[Place, list[Attached]]:
        """Return what tcx and netkit run."""
        found: dict[Place, list[Attached]] = {}
        for some in self._groups():
            answers = await self._namespaces.enter_each(some, read_attached)
            for namespace, answer in zip(some, answers, strict=True):
                read = await self._rest(namespace, answer)
                if read is None:
                    self._missed(namespace)
                else:
                    found |= {(namespace.inode, ifindex): attached for ifindex, attached in read.items()}
        return found

    async def read_xdp(self) -> dict[Place, list[int]]:
        """Return the numbers of XDP programs."""
        found: dict[Place, list[int]] = {}
        for some in self._groups():
            sources = await self._namespaces.enter_each(some, open_socket, socket.socket.close)
            try:
                for namespace, source in zip(some, sources, strict=True):
                    read = None if isinstance(source, OSError) else await _read_xdp(source)
                    if read is None:
                        self._missed(namespace)
                    else:
                        found |= {(namespace.inode, ifindex): programs for ifindex, programs in read.items()}
            finally:
                # Open, they would keep alive a namespace that nobody uses any more.
                for source in sources:
                    if not isinstance(source, OSError):
                        source.close()
        return found

    def _groups(self) -> list[list[Namespace]]:
        known = self._namespaces.all()
        return [known[first : first + NAMESPACES_AT_ONCE] for first in range(0, len(known), NAMESPACES_AT_ONCE)]

    async def _rest(self, namespace: Namespace, answer: Reading | OSError) -> dict[int, list[Attached]] | None:
        """Return what is attached by ifindex, visit by visit; None when the namespace cannot be read."""
        found: dict[int, list[Attached]] = {}
        # The descriptor of a namespace that was removed may be that of another one by now.
        while not isinstance(answer, OSError) and self._namespaces.get(namespace.inode) is namespace:
            found |= answer.attached
            if not answer.rest:
                return found
            (answer,) = await self._namespaces.enter_each([namespace], partial(read_attached, answer.rest))
        return None

    def _missed(self, namespace: Namespace) -> None:
        if self._namespaces.get(namespace.inode) is namespace:
            self.unread.add(namespace.inode)


async def _read_xdp(source: socket.socket) -> dict[int, list[int]] | None:
    try:
        return await asyncio.to_thread(read_xdp, source)
    except (SourceLost, WireError):
        return None
