# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of WireGuard's interfaces, composed and rubbish; and that no secret outlives its arrival."""

import errno
import struct
from base64 import b64encode
from contextlib import suppress
from socket import socket
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import SourceLost, WireError
from netsonde.probes import netlink_wire as wire
from netsonde.probes.wireguard.kernel import read_devices
from netsonde.probes.wireguard.messages import Device, Peer, decode, device_metadata
from netsonde.probes.wireguard.secrets import blank_secrets
from netsonde.schema import unlisted
from unit.probes.wireguard.kernel import (
    DONE,
    PRESHARED,
    PRIVATE,
    Kernel,
    allowed,
    continued,
    device,
    endpoint,
    error,
    key,
    message,
    peer,
)

FIRST = peer(
    1, "10.1.0.0/16", "2001:db8:1::/48", at=endpoint("192.0.2.9", 51820), keepalive=25, handshake=1_700_000_000
)
SECOND = peer(2, at=endpoint("2001:db8::9", 7))


def read(kernel: Kernel, *ifindexes: int) -> dict[int, Device]:
    return read_devices(cast("socket", kernel), list(ifindexes))


def text(number: int) -> str:
    return b64encode(key(number)).decode()


def test_interface_and_its_peers_are_told_as_wg_shows_them() -> None:
    (found,) = read(Kernel({5: [device(5, FIRST, SECOND, mark=7), DONE]}), 5).values()
    first, second = found.peers.values()
    assert (found.ifindex, found.public_key, found.listen_port, found.mark) == (5, text(200), 51820, 7)
    assert first == Peer(text(1), "192.0.2.9:51820", 25, 1_700_000_000_500, ("10.1.0.0/16", "2001:db8:1::/48"))
    assert second == Peer(text(2), "[2001:db8::9]:7")


def test_peers_that_go_on_in_the_next_message_are_put_together() -> None:
    rest = wire.attribute(0x8000, wire.attribute(1, key(1)) + allowed("10.2.0.0/16"))
    (found,) = read(Kernel({5: [device(5, FIRST), continued(rest, SECOND), DONE]}), 5).values()
    assert list(found.peers) == [text(1), text(2)]
    assert found.peers[text(1)].allowed == ("10.1.0.0/16", "2001:db8:1::/48", "10.2.0.0/16")
    assert found.peers[text(1)].endpoint == "192.0.2.9:51820"


def test_secrets_are_nowhere_once_a_datagram_is_read() -> None:
    kernel = Kernel({5: [device(5, FIRST, SECOND), continued(peer(3)), DONE]})
    found = read(kernel, 5)
    seen = [*map(bytes, kernel.buffers), repr(found).encode()]
    for secret in (PRIVATE, PRESHARED, b64encode(PRIVATE), b64encode(PRESHARED)):
        assert not any(secret in each for each in seen)


@given(st.integers(0, 600))
def test_secrets_are_blanked_in_a_datagram_that_is_cut_too(length: int) -> None:
    cut = bytearray(device(5, FIRST, SECOND)[:length])
    blank_secrets(memoryview(cut))
    assert not any(secret[:1] * 4 in cut for secret in (PRIVATE, PRESHARED))


@given(st.binary(max_size=300))
def test_rubbish_is_blanked_without_an_error_and_keeps_its_length(data: bytes) -> None:
    datagram = bytearray(data)
    blank_secrets(memoryview(datagram))
    assert len(datagram) == len(data)


def test_interface_that_is_gone_is_left_out_and_a_kernel_without_wireguard_tells_nothing() -> None:
    assert read(Kernel({5: [device(5), DONE]}), 4, 5).keys() == {5}
    assert read(Kernel({5: [device(5), DONE]}, family=error(errno.ENOENT)), 5) == {}


BROKEN = message(wire.NLMSG_DONE, struct.pack("=i", -errno.EMSGSIZE))


@pytest.mark.parametrize(
    "answers",
    [[error(errno.EPERM)], [device(5)], [device(5), BROKEN]],
    ids=["refuses", "falls silent", "breaks off"],
)
def test_kernel_that_refuses_or_falls_silent_is_a_lost_source(answers: list[bytes]) -> None:
    with pytest.raises(SourceLost, match="WireGuard"):
        read(Kernel({5: answers}), 5)


def test_metadata_is_bounded_and_says_what_is_left_out() -> None:
    (found,) = read(Kernel({5: [device(5, SECOND, FIRST, peer(3)), DONE]}), 5).values()
    metadata = device_metadata(found, 1)
    shown = {"PublicKey": text(1), "Endpoint": "192.0.2.9:51820", "AllowedIPs": ["10.1.0.0/16"], "AllowedIPsOmitted": 1}
    assert metadata == {
        "WireGuard": {
            **{"PublicKey": text(200), "ListenPort": 51820, "PeersOmitted": 2},
            "Peers": [{**shown, "Keepalive": 25, "LastHandshake": 1_700_000_000_500}],
        }
    }
    assert unlisted({"Type": "wireguard", "Name": "wg0", **metadata}) == []
    assert device_metadata(Device(5), 1) == {"WireGuard": {}}


@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_tells_something(data: bytes) -> None:
    with suppress(WireError):
        assert decode(wire.Message(31, 0, 0, data, 0, len(data))).ifindex >= 0
