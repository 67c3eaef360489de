# SPDX-License-Identifier: Apache-2.0
"""The calls that the probe makes of libvirt, typed.

Source: libvirt, src/remote/remote_protocol.x: procedure numbers and structures, which never change once released;
https://libvirt.org/html/libvirt-libvirt-domain.html for states, events and flags.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from netsonde.errors import SourceLost
from netsonde.probes.libvirt.rpc import CallRefused, LibvirtRpc
from netsonde.probes.libvirt.xdr import Unpacker, optional_string, signed, string, unsigned

CONNECT_OPEN: Final = 1
DOMAIN_GET_XML_DESC: Final = 14
AUTH_LIST: Final = 66
CONNECT_GET_LIB_VERSION: Final = 157
DOMAIN_GET_STATE: Final = 212
CONNECT_LIST_ALL_DOMAINS: Final = 273
CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY: Final = 316
DOMAIN_INTERFACE_ADDRESSES: Final = 353

LIFECYCLE, DEVICE_REMOVED, AGENT_LIFECYCLE, DEVICE_ADDED, METADATA_CHANGE = 0, 15, 18, 19, 23
EVENTS: Final = (LIFECYCLE, DEVICE_REMOVED, AGENT_LIFECYCLE, DEVICE_ADDED, METADATA_CHANGE)
"""virDomainEventID of those that are followed; each begins with the callback's number and the domain."""
NO_DOMAIN: Final = 42
FORBIDDEN: Final = 29
"""VIR_ERR_NO_DOMAIN; VIR_ERR_OPERATION_DENIED: not over a read-only socket."""
BY_LEASE, BY_AGENT = 0, 1
"""virDomainInterfaceAddressesSource."""

STATES: Final = ("UNDEFINED", "UP", "BLOCKED", "PAUSED", "DOWN", "DOWN", "CRASHED", "PMSUSPENDED")
"""Names of virDomainState: none, running, blocked, paused, shutting down, shut off, crashed, suspended by the guest."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What names a domain; `id` is -1 while it does not run."""

    name: str
    uuid: UUID
    id: int

    def pack(self) -> bytes:
        return string(self.name) + self.uuid.bytes + signed(self.id)


@dataclass(frozen=True, slots=True)
class GuestInterface:
    """An interface as the guest calls it, and its addresses as `address/prefix`."""

    name: str
    mac: str
    addresses: tuple[str, ...]


class Libvirt:
    """One daemon's domains, over an open connection."""

    def __init__(self, rpc: LibvirtRpc, uri: str) -> None:
        self.rpc = rpc
        self._uri = uri

    async def meet(self) -> str:
        """Open the connection, ask to be told of changes, and return the version; SourceLost when we may not."""
        kinds = await self.rpc.call(AUTH_LIST)
        if any(kinds.list_of(kinds.signed)):
            raise SourceLost("libvirt wants a password or polkit's leave; name a socket that this user may use")
        await self.rpc.call(CONNECT_OPEN, optional_string(self._uri) + unsigned(0))
        for event in EVENTS:
            await self._register(event)
        return await self.version()

    async def _register(self, event: int) -> None:
        """Ask for events of one kind; older daemons do not have them all."""
        try:
            await self.rpc.call(CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, signed(event) + unsigned(0))
        except CallRefused:
            if event == LIFECYCLE:
                raise

    async def version(self) -> str:
        number = (await self.rpc.call(CONNECT_GET_LIB_VERSION)).opaque(8)
        value = int.from_bytes(number, "big")
        return f"{value // 1_000_000}.{value // 1000 % 1000}.{value % 1000}"

    async def domains(self) -> list[Domain]:
        """Return all domains, running or not."""
        found = await self.rpc.call(CONNECT_LIST_ALL_DOMAINS, signed(1) + unsigned(0))
        return found.list_of(lambda: _domain(found))

    async def touched(self) -> Domain:
        """Return the domain that the next event is about."""
        event = await self.rpc.next_event()
        event.signed()  # the callback's number
        return _domain(event)

    async def state(self, domain: Domain) -> str:
        number = (await self.rpc.call(DOMAIN_GET_STATE, domain.pack() + unsigned(0))).signed()
        return STATES[number] if 0 <= number < len(STATES) else STATES[0]

    async def xml(self, domain: Domain) -> str:
        """Return the description of a domain, without secrets."""
        return (await self.rpc.call(DOMAIN_GET_XML_DESC, domain.pack() + unsigned(0))).string()

    async def addresses(self, domain: Domain, source: int) -> list[GuestInterface]:
        """Return the addresses of a running domain as one source knows them."""
        found = await self.rpc.call(DOMAIN_INTERFACE_ADDRESSES, domain.pack() + unsigned(source, 0))
        return found.list_of(lambda: _interface(found))


def _domain(message: Unpacker) -> Domain:
    return Domain(message.string(), UUID(bytes=message.opaque(16)), message.signed())


def _interface(message: Unpacker) -> GuestInterface:
    name, mac = message.string(), message.optional_string()
    return GuestInterface(name, mac.lower(), tuple(message.list_of(lambda: _address(message))))


def _address(message: Unpacker) -> str:
    message.signed()  # the family, which the address shows
    return f"{message.string()}/{message.unsigned()}"
