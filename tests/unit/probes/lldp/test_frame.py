# SPDX-License-Identifier: Apache-2.0
"""What is read of a frame: recorded, complete, cut, wrong and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.probes.lldp.frame import read_frame
from netsonde.probes.lldp.translate import neighbourhood
from netsonde.schema import unlisted
from unit.probes.lldp.frames import frame, recorded, special, tlv

IEEE_8021, IEEE_8023, MED = "0080c2", "00120f", "0012bb"


def test_frame_of_lldpd_is_read() -> None:
    said = read_frame(recorded())
    assert (said.ttl, said.mtu, said.unreadable) == (2, 0, 0)
    assert said.chassis == {
        "ChassisID": "6e:0d:09:ba:0c:e2",
        "ChassisIDType": "MAC Address",
        "SysName": "leaf-3",
        "Description": "Test switch",
        "Capabilities": ["Bridge", "WLAN", "Router", "Station"],
        "EnabledCapabilities": ["Station"],
        "MgmtAddress": "192.0.2.7",
        "MgmtAddresses": ["192.0.2.7", "fe80::6c0d:9ff:feba:ce2"],
    }
    assert said.port == {
        "PortID": "6e:0d:09:ba:0c:e2",
        "PortIDType": "MAC Address",
        "Description": "v1",
        "LinkAggregation": {"Supported": True, "Enabled": False, "PortID": 0},
        "MACPHY": {"AutoNegotiationSupported": False, "AutoNegotiationEnabled": False, "OperationalMAUType": 54},
    }


def test_everything_that_a_switch_may_say_is_read_and_listed() -> None:
    said = read_frame(
        frame(
            tlv(4, b"to rack 12"),
            tlv(5, b"leaf-3"),
            special(IEEE_8021, 1, b"\x00\x64"),
            special(IEEE_8021, 2, b"\x06\x00\x07"),
            special(IEEE_8021, 3, b"\x00\x64\x07servers"),
            special(IEEE_8021, 3, b"\x00\x65\x05guest"),
            special(IEEE_8021, 5, b"\xca\xfe\xba\xbe"),
            special(IEEE_8021, 6, b"\x00\x0a"),
            special(IEEE_8021, 7, b"\x03\x00\x00\x03\xe9"),
            special(IEEE_8023, 1, b"\x03\x6c\x01\x00\x1e"),
            special(IEEE_8023, 2, b"\x07\x01\x05"),
            special(IEEE_8023, 4, b"\x23\xfe"),
            special(MED, 2, b"\x01\x40\xc9\x6e"),
            special(MED, 8, b"SN-1"),
            special(MED, 10, b"X7"),
        )
    )
    assert said.unreadable == 0
    assert said.mtu == 9214
    assert said.chassis["Inventory"] == {"SerialNumber": "SN-1", "Model": "X7"}
    assert said.port == {
        "PortID": "Ethernet7",
        "PortIDType": "Interface Name",
        "Description": "to rack 12",
        "PVID": 100,
        "PPVIDs": [{"ID": 7, "Supported": True, "Enabled": True}],
        "VLANNames": [{"ID": 100, "Name": "servers"}, {"ID": 101, "Name": "guest"}],
        "VIDUsageDigest": 0xCAFEBABE,
        "ManagementVID": 10,
        "LinkAggregation": {"Supported": True, "Enabled": True, "PortID": 1001},
        "MACPHY": {"AutoNegotiationSupported": True, "AutoNegotiationEnabled": True, "OperationalMAUType": 30},
        "Power": {"PSE": True, "Supported": True, "Enabled": True, "Class": 4},
        "NetworkPolicies": [
            {"Application": 1, "Unknown": False, "Tagged": True, "VLAN": 100, "Priority": 5, "DSCP": 46}
        ],
    }
    nodes = neighbourhood([("eth0", said)]).nodes.values()
    assert [problem for node in nodes for problem in unlisted(node)] == []


@pytest.mark.parametrize(
    ("chassis", "kind", "shown"),
    [
        (b"\x05\x01\xc0\x00\x02\x03", "Network Address", "192.0.2.3"),
        (b"\x05\x02" + bytes(15) + b"\x01", "Network Address", "::1"),
        (b"\x07rack 3", "Local", "rack 3"),
        (b"\x01\x31\x00\x00", "Chassis Component", "1"),
        (b"\x63id", "99", "id"),
        (b"\x04short", "MAC Address", "short"),
    ],
)
def test_id_is_shown_as_what_it_is(chassis: bytes, kind: str, shown: str) -> None:
    said = read_frame(frame(chassis=chassis))
    assert (said.chassis_type, said.chassis_id) == (kind, shown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        recorded()[:14],
        recorded()[:12] + b"\x08\x00" + recorded()[14:],
        recorded()[:20],
        frame(chassis=b"\x04"),
        frame(port=b""),
        frame(chassis=b"\x07\x00\x00"),
        recorded()[:14] + tlv(2, b"\x05x") + tlv(1, b"\x07x") + tlv(3, b"\x00\x01"),
        recorded()[:14] + tlv(1, b"\x07x") + tlv(2, b"\x05x") + tlv(3, b"\x01"),
    ],
)
def test_frame_without_what_is_mandatory_says_nothing(data: bytes) -> None:
    with pytest.raises(WireError):
        read_frame(data)


def test_what_cannot_be_understood_is_counted_and_the_rest_is_read() -> None:
    broken = [special(IEEE_8021, 1, b"\x00"), tlv(7, b"\x00\x04"), tlv(8, b""), special(MED, 2, b""), tlv(127, b"\x00")]
    unknown = [special("ffffff", 1, b"xyz"), tlv(99, b"?"), special(IEEE_8021, 200, b"")]
    said = read_frame(frame(*broken, *unknown, tlv(5, b"leaf-3")))
    assert said.unreadable == len(broken)
    assert said.chassis["SysName"] == "leaf-3"


def test_nothing_after_the_end_is_read() -> None:
    assert "SysName" not in read_frame(frame(tlv(0, b""), tlv(5, b"late"))).chassis


def test_hostile_names_are_shown_as_text_without_control_characters() -> None:
    said = read_frame(frame(tlv(5, b"<script>\x1b[31m\n\xff\x00\x00"), tlv(4, b"x" * 511)))
    assert said.chassis["SysName"] == "<script>\ufffd[31m\ufffd\ufffd"
    assert len(str(said.port["Description"])) == 255


def test_lists_have_an_end() -> None:
    names = [special(IEEE_8021, 3, number.to_bytes(2, "big") + b"\x00") for number in range(1000)]
    assert len(read_frame(frame(*names)).port["VLANNames"]) == 256  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    said = read_frame(frame(data))
    assert said.chassis_id == "00:1c:73:aa:bb:cc"


@given(st.integers(0, 130), st.integers(0, 255))
def test_no_changed_byte_of_a_real_frame_breaks_the_reader(at: int, value: int) -> None:
    changed = bytearray(recorded())
    changed[at % len(changed)] = value
    try:
        said = read_frame(bytes(changed))
    except WireError:
        return
    assert said.chassis_id
