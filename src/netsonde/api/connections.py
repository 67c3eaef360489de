# SPDX-License-Identifier: Apache-2.0
"""Who is connected by WebSocket, for /api/status."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec


class Connection(msgspec.Struct, frozen=True):
    """One client, in the shape of the reference."""

    service_type: str = msgspec.field(name="ServiceType")
    client_protocol: str = msgspec.field(name="ClientProtocol")
    address: str = msgspec.field(name="Addr")
    port: int = msgspec.field(name="Port")
    connect_time: str = msgspec.field(name="ConnectTime")
    """RFC 3339, UTC."""
    is_connected: bool = msgspec.field(name="IsConnected", default=True)
    endpoint: str = msgspec.field(name="Endpoint", default="")
    dropped: int = msgspec.field(name="Dropped", default=0)
    """Messages that this client was too slow for."""


class Resumption(msgspec.Struct, rename="pascal"):
    """What became of subscribers that were cut off, counted since the start."""

    waiting: int = 0
    """Kept now for clients that may come back."""
    resumed: int = 0
    """Came back and got what they had missed."""
    refused: int = 0
    """Came back too late, or after too much, and got the whole state."""
    expired: int = 0
    """Were given up: time was over, too much had happened, or too many waited."""


@dataclass(slots=True)
class Connections:
    """The clients of one server; two clients may use the same name."""

    resumption: Resumption = field(default_factory=Resumption)
    _open: dict[str, Connection] = field(default_factory=dict)

    def all(self) -> Sequence[tuple[str, Connection]]:
        return list(self._open.items())

    @contextlib.contextmanager
    def registered(self, name: str, connection: Connection) -> Iterator[str]:
        """List a client while it is connected; yields the name under which it is listed."""
        chosen, number = name, 2
        while chosen in self._open:
            chosen, number = f"{name}#{number}", number + 1
        self._open[chosen] = connection
        try:
            yield chosen
        finally:
            del self._open[chosen]

    def count_dropped(self, name: str, dropped: int) -> None:
        """Record how many messages the client missed since it connected."""
        self._open[name] = msgspec.structs.replace(self._open[name], dropped=dropped)
