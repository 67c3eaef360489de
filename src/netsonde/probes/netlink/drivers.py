# SPDX-License-Identifier: Apache-2.0
"""Which driver, bus address, speed and offloads each hardware device has, what its PCI device is, and of which other
one it is a virtual function, asked in the background and kept.

Asked again when the name or the operational state changes, since the speed is known only once the link is up, and when
the kernel tells of the device again though nothing that its message shows has changed: so it does for offloads.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.netlink.ethtool import read_driver
from netsonde.probes.netlink.functions import physical_function
from netsonde.probes.netlink.links import Link
from netsonde.probes.netlink.pci import read_pci
from netsonde.probes.netlink.translate import IFF_LOOPBACK, Driver, Key


class DriverReader:
    """Answers from memory; what is not known yet is read and told to `known` later."""

    def __init__(
        self, namespaces: NamespaceRegistry, known: Callable[[Key], None], *, software_too: bool = False
    ) -> None:
        self._namespaces = namespaces
        self._tell = known
        self._software_too = software_too
        self._asked: dict[Key, tuple[str, int]] = {}
        self._drivers: dict[Key, Driver] = {}
        self._wanted: dict[Key, str] = {}
        self._work = asyncio.Event()

    def driver(self, key: Key, link: Link) -> Driver | None:
        """Return what is known of a device; None for software kinds, and as long as nothing is known."""
        if (link.kind and not self._software_too) or link.flags & IFF_LOOPBACK:
            return None
        asking = (link.name, link.operstate)
        if self._asked.get(key) != asking:
            self._asked[key] = asking
            self._wanted[key] = link.name
            self._work.set()
        return self._drivers.get(key)

    def look_again(self, key: Key, link: Link) -> None:
        """Ask anew for a device that was asked for."""
        if key in self._asked:
            self._wanted[key] = link.name
            self._work.set()

    def forget(self, key: Key) -> None:
        self._asked.pop(key, None)
        self._drivers.pop(key, None)
        self._wanted.pop(key, None)

    async def run(self) -> None:
        """Read what is wanted, for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._wanted:
                key = next(iter(self._wanted))
                await self._read(key, self._wanted.pop(key))

    async def _read(self, key: Key, name: str) -> None:
        namespace = self._namespaces.get(key[0])
        if namespace is None:
            return
        (found,) = await self._namespaces.enter_each([namespace], partial(_read_device, name))
        if isinstance(found, OSError):
            return  # the namespace went away meanwhile, and its interfaces with it
        if key in self._asked and self._drivers.get(key) != found:
            self._drivers[key] = found
            self._tell(key)


def _read_device(name: str) -> Driver:
    driver = read_driver(name)
    pci, numa_node = read_pci(driver.bus)
    driver = replace(driver, pci=pci, numa_node=numa_node)
    found = physical_function(driver.bus)
    return driver if found is None else replace(driver, physical=found[0], function=found[1])
