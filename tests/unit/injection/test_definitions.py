# SPDX-License-Identifier: Apache-2.0
"""What an injection may say."""

import msgspec
import pytest

from netsonde.errors import UserError
from netsonde.injection.definitions import checked
from netsonde.injection.settings import InjectSettings
from netsonde.model.injections import Injection

SETTINGS = InjectSettings()
PING = Injection(src="G.V()", dst_ip="10.0.0.2", type="icmp4")


def test_what_is_left_out_gets_what_suits() -> None:
    found = checked(Injection(src="G.V()", type="ICMP4", ttl=0, mode=""), SETTINGS)
    assert (found.type, found.count, found.ttl, found.mode) == ("icmp4", 1, 64, "unique")


def test_a_packet_file_is_sent_whole_whatever_type_is_said() -> None:
    found = checked(Injection(src="G.V()", type="icmp4", pcap=b"x"), SETTINGS)
    assert (found.type, found.count) == ("pcap", 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"src": " "}, "Src is empty"),
        ({"type": "icmp5"}, "Type must be one of"),
        ({"mode": "some"}, "Mode must be unique or random"),
        ({"dst_ip": "10.0.0"}, "DstIP must be an IP address"),
        ({"src_ip": "fd00::1/64"}, "SrcIP must be an IPv4 address"),
        ({"dst_mac": "02:00"}, "DstMAC must be a MAC address"),
        ({"src_port": 65536}, "SrcPort must be between 0 and 65535"),
        ({"interval_ms": -1}, "Interval must be between"),
        ({"count": 1_000_001}, "inject.max_count"),
        ({"vlan": 4095}, "VLAN must be between 0 and 4094"),
        ({"dscp": 64}, "DSCP must be between 0 and 63"),
        ({"ttl": 256}, "TTL must be between"),
        ({"time_scale": -1.0}, "TimeScale must be between"),
        ({"count": 1000, "increment_payload": 100}, "Payload would grow"),
        ({"type": "raw", "frame": b"short"}, "Frame must be a whole Ethernet frame"),
        ({"type": "pcap"}, "Pcap is empty"),
        ({"type": "dns4"}, "DNSName must be a name"),
        ({"type": "dns4", "dns_name": "a" * 64 + ".org"}, "a label of more than 63"),
        ({"type": "dns4", "dns_name": "a.org", "dns_type": "AXFR"}, "DNSType must be one of"),
    ],
)
def test_a_mistake_names_its_field(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        checked(msgspec.structs.replace(PING, **changes), SETTINGS)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(UserError, match=r"TTL.*DSCP.*Mode.*DstIP"):
        checked(msgspec.structs.replace(PING, ttl=300, dscp=70, mode="x", dst_ip="y"), SETTINGS)


def test_nothing_is_injected_where_that_is_switched_off() -> None:
    with pytest.raises(UserError, match="switched off"):
        checked(PING, InjectSettings(enabled=False))


def test_targets_are_restricted_by_network() -> None:
    settings = InjectSettings(targets=("10.0.0.0/24", "fd00::/8"))
    assert checked(PING, settings).dst_ip == "10.0.0.2"
    with pytest.raises(UserError, match=r"DstIP 10\.0\.1\.2 is outside"):
        checked(msgspec.structs.replace(PING, dst_ip="10.0.1.2/24"), settings)
    with pytest.raises(UserError, match="Type raw is refused"):
        checked(Injection(src="G.V()", type="raw", frame=bytes(60)), settings)
    assert not settings.allows("")


@pytest.mark.parametrize("wrong", [{"max_rate": 0}, {"keep": 0.0}, {"targets": ("10.0.0.300/8",)}])
def test_senseless_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|greater than 0|10\.0\.0\.300"):
        InjectSettings(**wrong)  # type: ignore[arg-type]
