# SPDX-License-Identifier: Apache-2.0
"""CDP frames as switches send them, cut ones, and rubbish; and who speaks both protocols."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.probes.lldp.cdp import GROUP, SNAP, is_cdp, read_cdp
from netsonde.probes.lldp.frame import read_frame
from netsonde.probes.lldp.translate import neighbourhood
from netsonde.schema import unlisted
from unit.probes.lldp.frames import frame as lldp_frame
from unit.probes.lldp.frames import tlv as lldp_tlv

IDS = ((0x01, b"leaf-3.example.org(FDO1234567A)"), (0x03, b"Ethernet1/7"))


def tlv(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + (len(value) + 4).to_bytes(2, "big") + value


def frame(*tlvs: tuple[int, bytes], ttl: int = 180, padding: bytes = b"") -> bytes:
    body = SNAP + bytes([2, ttl, 0, 0]) + b"".join(tlv(*each) for each in tlvs)
    return GROUP + bytes.fromhex("001c73aabbcc") + len(body).to_bytes(2, "big") + body + padding


def addresses(*texts: str) -> bytes:
    found = len(texts).to_bytes(4, "big")
    for text in texts:
        packed = ip_address(text).packed
        protocol = b"\x01\x01\xcc" if len(packed) == 4 else b"\x02\x08" + bytes.fromhex("aaaa0300000086dd")
        found += protocol + len(packed).to_bytes(2, "big") + packed
    return found


def test_everything_that_a_switch_says_is_read_and_listed() -> None:
    said = read_cdp(
        frame(
            *IDS,
            (0x02, addresses("192.0.2.3", "2001:db8::3")),
            (0x04, (0x29).to_bytes(4, "big")),
            (0x05, b"NX-OS"),
            (0x06, b"N9K"),
            (0x09, b"campus"),
            (0x0A, b"\x00\x64"),
            (0x0B, b"\x01"),
            (0x0E, b"\x01\x00\x6e"),
            (0x11, (9216).to_bytes(4, "big")),
            (0x14, b"leaf-3"),
            (0x16, addresses("192.0.2.4")),
            (0x1A, b"power"),
        )
    )
    assert said.chassis == {
        "DeviceID": "leaf-3.example.org(FDO1234567A)",
        "Addresses": ["192.0.2.3", "2001:db8::3"],
        "Capabilities": ["Router", "Switch", "IGMP"],
        "SoftwareVersion": "NX-OS",
        "Platform": "N9K",
        "VTPDomain": "campus",
        "SysName": "leaf-3",
        "MgmtAddresses": ["192.0.2.4"],
    }
    assert said.port == {"PortID": "Ethernet1/7", "NativeVLAN": 100, "Duplex": "full", "VoiceVLAN": 110}
    assert (said.ttl, said.mtu, said.unreadable) == (180, 9216, 0)
    for metadata in neighbourhood([("if", said)]).nodes.values():
        assert unlisted(metadata) == []
        assert "LLDP" not in metadata


def test_padding_of_a_short_frame_says_nothing() -> None:
    assert read_cdp(frame(*IDS, padding=tlv(0x14, b"padding"))).chassis.keys() == {"DeviceID"}


@pytest.mark.parametrize(
    "odd",
    [(0x02, b"\0\0\0\x05\x01"), (0x0A, b"\x01"), (0x04, b""), (0x0B, b""), (0x02, addresses("192.0.2.3")[:-1])],
)
def test_what_cannot_be_understood_is_counted_and_left_out(odd: tuple[int, bytes]) -> None:
    said = read_cdp(frame(*IDS, odd, (0x06, b"N9K")))
    assert (said.unreadable, said.chassis["Platform"]) == (1, "N9K")
    assert "Addresses" not in said.chassis


def test_address_of_another_protocol_is_passed_over() -> None:
    other = b"\0\0\0\x02\x01\x01\x81\x00\x03abc" + addresses("192.0.2.3")[4:]
    assert read_cdp(frame(*IDS, (0x02, other))).chassis["Addresses"] == ["192.0.2.3"]


@pytest.mark.parametrize("tlvs", [(), IDS[:1], IDS[1:], ((0x01, b"\0"), IDS[1])])
def test_frame_that_names_no_device_or_port_says_nothing(tlvs: tuple[tuple[int, bytes], ...]) -> None:
    with pytest.raises(WireError, match="missing"):
        read_cdp(frame(*tlvs))


def test_frames_of_other_protocols_are_not_cdp() -> None:
    assert is_cdp(frame(*IDS))
    assert not is_cdp(lldp_frame())
    assert not is_cdp(frame(*IDS).replace(SNAP, bytes.fromhex("aaaa0300000c2003")))
    with pytest.raises(WireError):
        read_cdp(lldp_frame())


def test_device_that_speaks_both_is_one_switch_with_one_port() -> None:
    lldp = read_frame(lldp_frame(lldp_tlv(5, b"LEAF-3.example.org")))
    cdp = read_cdp(frame(*IDS, (0x11, (9216).to_bytes(4, "big"))))
    for heard in ([("if", cdp), ("if", lldp)], [("if", lldp), ("if", cdp)]):
        found = neighbourhood(heard)
        switch, port = found.nodes.values()
        assert (switch["Name"], switch["CDP"], switch["LLDP"]) == ("LEAF-3.example.org", cdp.chassis, lldp.chassis)
        assert (port["CDP"], port["LLDP"], port["MTU"]) == (cdp.port, lldp.port, 9216)
        assert len(found.edges) == 3


def test_devices_of_different_names_or_on_different_cables_are_two() -> None:
    lldp = read_frame(lldp_frame(lldp_tlv(5, b"leaf-4")))
    assert len(neighbourhood([("if", lldp), ("if", read_cdp(frame(*IDS)))]).nodes) == 4
    same = read_frame(lldp_frame(lldp_tlv(5, b"leaf-3")))
    assert len(neighbourhood([("if", same), ("other", read_cdp(frame(*IDS)))]).nodes) == 4
    assert len(neighbourhood([("if", read_cdp(frame(*IDS))), ("other", read_cdp(frame(*IDS)))]).nodes) == 2


@given(st.binary(max_size=300))
def test_any_bytes_are_a_neighbour_or_a_wire_error(data: bytes) -> None:
    for whole in (data, frame()[:26] + data, frame(*IDS) + data, frame(*IDS, (0x02, data), (0x16, data))):
        try:
            said = read_cdp(whole)
        except WireError:
            continue
        assert said.chassis_id.isprintable()
        assert said.port_id


@given(st.lists(st.tuples(st.integers(0, 0x20), st.binary(max_size=40)), max_size=8))
def test_any_tlvs_beside_the_ids_are_read_or_counted(tlvs: list[tuple[int, bytes]]) -> None:
    said = read_cdp(frame(*((kind, value) for kind, value in tlvs if kind not in (1, 3)), *IDS))
    assert said.port_id == "Ethernet1/7"
    assert said.unreadable <= len(tlvs)
    for metadata in neighbourhood([("if", said)]).nodes.values():
        assert unlisted(metadata) == []
