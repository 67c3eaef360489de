# SPDX-License-Identifier: Apache-2.0
"""L3 tracking ids as history computes them, against those of the meter."""

import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import netsonde
from capture_files import pcap
from netsonde.history.l3_tracking import COLUMNS, L3_TRACKING, mixed
from traces import TO_A, TO_B, echo, ethernet, ipv4, ipv6, udp

Packet = Callable[[tuple[str, str], int, bytes], bytes]


def tcp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHIIBBHHH", source, destination, 1, 0, 0x50, 2, 8192, 0, 0) + payload


def sctp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHII", source, destination, 1, 0) + payload


def metered(directory: Path, *frames: bytes) -> dict[str, pa.Array]:
    (directory / "trace.pcap").write_bytes(pcap(frames))
    table = pa.table(netsonde.meter(directory / "trace.pcap"))
    return {name: table[name].combine_chunks() for name in COLUMNS}


@pytest.mark.parametrize(("kind", "packet"), [(0x0800, ipv4), (0x86DD, ipv6)])
@pytest.mark.parametrize(("protocol", "segment"), [(6, tcp), (17, udp), (132, sctp)])
@pytest.mark.parametrize("ends", [TO_B, TO_A])
def test_ids_are_those_of_the_meter(
    tmp_path: Path,
    kind: int,
    packet: Packet,
    protocol: int,
    segment: Callable[[int, int, bytes], bytes],
    ends: tuple[str, str],
) -> None:
    columns = metered(
        tmp_path,
        *(
            ethernet(ends, kind, packet(ends, protocol, segment(*ports, b"x" * 20)))
            for ports in ((7, 900), (51234, 80))
        ),
    )

    assert columns["transport_b"].to_pylist() == [900, 80]
    assert mixed(columns).to_pylist() == [0, 0]


def test_id_of_what_has_no_ports_stays_as_it_is(tmp_path: Path) -> None:
    columns = metered(tmp_path, ethernet(TO_B, 0x0800, ipv4(TO_B, 1, echo(TO_B))))

    assert mixed(columns).equals(columns[L3_TRACKING])


PLACES = st.sampled_from(
    ["10.0.0.1", "255.255.255.255", "10.0.0.01", "fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0", "", "é"]
)
PORTS = st.integers(0, 65535)
IDS = st.integers(0, 2**64 - 1)


@given(
    st.sampled_from(["IPV4", "IPV6", "", "IPX"]),
    st.sampled_from(["TCP", "SCTP", "", "DCCP"]),
    PLACES,
    PORTS,
    PLACES,
    PORTS,
    IDS,
)
def test_any_row_comes_back_and_sides_change_nothing(
    network: str, transport: str, a: str, a_port: int, b: str, b_port: int, number: int
) -> None:
    def columns(stored: int, *ends: tuple[str, int], binary: bool) -> dict[str, pa.Array]:
        text = pa.binary() if binary else pa.utf8()
        (one, one_port), (other, other_port) = ends
        values = (network, one, other, transport, one_port, other_port, stored)
        kinds = (text, text, text, text, pa.uint16(), pa.uint16(), pa.uint64())
        return {name: pa.array([value], kind) for name, value, kind in zip(COLUMNS, values, kinds, strict=True)}

    (kept,) = mixed(columns(number, (a, a_port), (b, b_port), binary=False)).to_pylist()

    assert mixed(columns(kept, (a, a_port), (b, b_port), binary=True)).to_pylist() == [number]
    assert mixed(columns(kept, (b, b_port), (a, a_port), binary=True)).to_pylist() == [number]
