# SPDX-License-Identifier: Apache-2.0
"""The Community ID of flows with ports, computed in Python and in SQL, since it follows from other columns. Pure.

Source of truth: github.com/corelight/community-id-spec, version 1, seed 0.
"""

import base64
import hashlib
import socket
from collections.abc import Mapping
from typing import Final

import pyarrow as pa

COMMUNITY: Final = "community_id"
WITH_PORTS: Final = ("TCP", "UDP", "SCTP")
HAS_PORTS_SQL: Final = f"transport_protocol IN {WITH_PORTS}"


def _end(side: str) -> str:
    """Return the SQL of address and port of a side, as the Community ID takes them."""
    address = f"substring(IPv6StringToNumOrDefault(network_{side}), if(network_protocol = 'IPV4', 13, 1))"
    return f"concat({address}, char(intDiv(transport_{side}, 256), transport_{side} % 256))"


def _community_id() -> str:
    """Return the SQL of the Community ID, version 1, seed 0 (github.com/corelight/community-id-spec)."""
    ordered = f"arraySort([{_end('a')}, {_end('b')}])"
    address, port = "arrayStringConcat(arrayMap(e -> substring(e, 1, length(e) - 2), {0}))", "right({0}[{1}], 2)"
    protocol = "char(multiIf(transport_protocol = 'TCP', 6, transport_protocol = 'UDP', 17, 132), 0)"
    ports = f"{port.format(ordered, 1)}, {port.format(ordered, 2)}"
    digest = f"SHA1(concat(char(0, 0), {address.format(ordered)}, {protocol}, {ports}))"
    # The small build of the engine has neither base64Encode nor shifts: 27 times six bits of 20 octets and a zero.
    octets = f"arrayMap(i -> reinterpretAsUInt8(substring(concat({digest}, char(0)), i, 1)), range(1, 22))"
    pair = "256 * o[intDiv(6 * i, 8) + 1] + o[intDiv(6 * i, 8) + 2]"
    letter = f"substring('{_BASE64}', 1 + intDiv({pair}, [1024, 16, 64, 256][i % 4 + 1]) % 64, 1)"
    return f"concat('1:', arrayStringConcat(arrayMap(i -> arrayMap(o -> {letter}, [{octets}])[1], range(27))), '=')"


def community_ids(columns: Mapping[str, "pa.ChunkedArray"], kept: "pa.ChunkedArray") -> "pa.Array":
    """Return the Community IDs of rows whose text is binary: computed where there are ports, else as kept."""
    names = ("transport_protocol", "network_a", "transport_a", "network_b", "transport_b")
    ends = zip(*(columns[name].to_pylist() for name in names), kept.to_pylist(), strict=True)
    found = [
        community_id(protocol, (a, a_port), (b, b_port)) if protocol in _NUMBERS else stored
        for protocol, a, a_port, b, b_port, stored in ends
    ]
    return pa.array(found, pa.binary())


def community_id(protocol: bytes, *ends: tuple[bytes, int]) -> bytes:
    """Return the Community ID of two addresses, as text, with their ports."""
    (a, a_port), (b, b_port) = sorted((_packed(address), port.to_bytes(2, "big")) for address, port in ends)
    hashed = b"".join((b"\0\0", a, b, bytes((_NUMBERS[protocol], 0)), a_port, b_port))
    digest = hashlib.sha1(hashed, usedforsecurity=False)
    return b"1:" + base64.b64encode(digest.digest())


def _packed(address: bytes) -> bytes:
    text = address.decode("ascii", "replace")
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_pton(family, text)
    except OSError:
        return b""


_NUMBERS: Final = {b"TCP": 6, b"UDP": 17, b"SCTP": 132}
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
COMMUNITY_SQL: Final = _community_id()
