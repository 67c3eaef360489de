# SPDX-License-Identifier: Apache-2.0
"""Which interface is that of the hardware whose virtual functions others are, in whatever namespaces they are. Pure."""

from collections.abc import Callable

from netsonde.probes.netlink.translate import Key


class PhysicalFunctions:
    """Interfaces of hardware by bus address; those that asked for one are marked when it comes or goes."""

    def __init__(self, mark: Callable[[Key], None]) -> None:
        self._mark = mark
        self._at: dict[str, Key] = {}
        self._address_of: dict[Key, str] = {}
        self._virtual: dict[str, set[Key]] = {}
        self._physical_of: dict[Key, str] = {}

    def seen(self, key: Key, bus: str) -> None:
        """Note that an interface has virtual functions, and where its hardware is; "": it has none."""
        if self._address_of.get(key, "") == bus:
            return
        self._forget_address(key)
        if bus:
            # Representors share the address of their hardware; only its own interface has functions.
            self._at[bus] = key
            self._address_of[key] = bus
            self._mark_all(bus)

    def of(self, key: Key, physical: str) -> Key | None:
        """Return the interface of the hardware whose virtual function this one is, None until it is known."""
        if self._physical_of.get(key) != physical:
            self._forget_virtual(key)
            self._physical_of[key] = physical
            self._virtual.setdefault(physical, set()).add(key)
        return self._at.get(physical)

    def removed(self, key: Key) -> None:
        """An interface is gone."""
        self._forget_address(key)
        self._forget_virtual(key)

    def _forget_address(self, key: Key) -> None:
        bus = self._address_of.pop(key, "")
        if bus and self._at.get(bus) == key:
            del self._at[bus]
            self._mark_all(bus)

    def _forget_virtual(self, key: Key) -> None:
        physical = self._physical_of.pop(key, "")
        virtual = self._virtual.get(physical, set())
        virtual.discard(key)
        if not virtual:
            self._virtual.pop(physical, None)

    def _mark_all(self, bus: str) -> None:
        for key in self._virtual.get(bus, ()):
            self._mark(key)
