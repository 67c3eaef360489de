# SPDX-License-Identifier: Apache-2.0
"""What captures need of Open vSwitch and of the kernel, made of the ovsdb probe's client and two system calls."""

import fcntl
import socket
import struct
from collections.abc import Sequence
from typing import Final

from netsonde.errors import Unsupported, WireError
from netsonde.model.elements import Json
from netsonde.probes.ovsdb.address import credentials
from netsonde.probes.ovsdb.jsonrpc import JsonRpc
from netsonde.probes.ovsdb.settings import OvsdbSettings
from netsonde.probes.ovsdb.switch import DATABASE

_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_IFREQ: Final = struct.Struct("16sH22x")
"""linux/if.h: a name and, of its union, the flags."""


class OvsDatabase:
    """Implements captures' Database: one connection a transaction, which are few."""

    def __init__(self, address: str, settings: OvsdbSettings) -> None:
        self._address = address
        self._settings = settings

    async def transact(self, operations: Sequence[Json]) -> list[Json]:
        async with await JsonRpc.connect(self._address, tls=credentials(self._settings)) as server:
            if not server.is_here(self._settings, self._address):
                raise Unsupported("the switch is another host's, from where nothing could be captured here")
            results = await server.call("transact", [DATABASE, *operations])
        if not isinstance(results, list):
            raise WireError(f"ovsdb-server answered a transaction with {results!r:.60}")
        for result in results:
            # The operation that failed says why; those behind it are null (RFC 7047 §4.1.3).
            if isinstance(result, dict) and "error" in result:
                raise WireError(f"{result['error']}: {result.get('details', '')}")
        return results


class KernelDevices:
    """Implements captures' Devices."""

    def bring_up(self, name: str) -> int | None:
        try:
            ifindex = socket.if_nametoindex(name)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
                flags = _IFREQ.unpack(answer)[1] | _IFF_UP
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _IFREQ.pack(name.encode(), flags))
        except OSError:
            return None
        return ifindex
