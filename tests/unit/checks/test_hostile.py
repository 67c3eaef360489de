# SPDX-License-Identifier: Apache-2.0
"""Whatever packets say, judges give an outcome."""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.checks.facts import Dhcp, Dns, Echo, Error, Neighbour, Packet
from netsonde.checks.marks import Marks
from netsonde.checks.steps._registry import STEPS
from unit.checks.fakes import ADDRESS, GATEWAY, GUEST, ROUTER, scene

PARAMETERS: dict[str, dict[str, Any]] = {
    "dhcp": {"server": ROUTER},
    "gateway": {"mac": GATEWAY},
    "icmp": {"targets": [ROUTER], "max_rtt": 1.0},
    "dns": {"name": "a"},
    "tcp": {"target": "10.0.0.1:80"},
    "mtu": {"least": 1400},
    "path": {"through": "G.V()"},
    "unexpected": {"peers": ["10.0.0.0/8"], "protocols": ["ARP"]},
}
TIMES = st.integers(-(2**63), 2**63 - 1)
WORDS = st.sampled_from(["", ADDRESS, ROUTER, "::1", "not an address", "\x00", "a", "169.254.169.254"])
MACS = st.sampled_from(["", GUEST, GATEWAY, "ff:ff:ff:ff:ff:ff"])
PORTS = st.none() | st.sampled_from([0, 53, 80, 65535])
KINDS = st.sampled_from(["Discover", "Offer", "ACK", "NAK", "Reply", "Advertise", "Unknown", ""])
LISTS = st.lists(WORDS, max_size=2)
MESSAGES = st.builds(
    Dhcp, st.sampled_from([4, 6]), KINDS, st.just(7), MACS, st.booleans(), WORDS, WORDS, LISTS, LISTS, WORDS
)
PACKETS = st.builds(
    Packet,
    capture_id=st.just("c"),
    node_tid=st.just("t"),
    number=st.integers(0, 5),
    time_ns=TIMES,
    flow=st.sampled_from(["0", "f1"]),
    protocol=st.sampled_from(["ARP", "DHCPv4", "TCP", "\x1b[31m"]),
    mac_source=MACS,
    source=WORDS,
    destination=WORDS,
    port_source=PORTS,
    port_destination=PORTS,
    length=st.integers(0, 2000),
    tcp_flags=st.integers(0, 255),
    tcp_sequence=st.integers(0, 2),
    tcp_payload=st.integers(0, 2000),
    tcp_segment_size=st.integers(0, 65535),
    error=st.none() | st.builds(Error, WORDS, PORTS, PORTS, st.none() | st.integers(0, 2**32 - 1)),
    prefixes=st.lists(st.sampled_from(["2001:db8::/64", "x/y", "::/0"]), max_size=2),
    echo=st.none() | st.builds(Echo, st.booleans(), st.integers(0, 2), st.integers(0, 2)),
    neighbour=st.none() | st.builds(Neighbour, st.booleans(), WORDS, WORDS, MACS),
    dhcp=st.none() | MESSAGES,
    dns=st.none() | st.builds(Dns, st.integers(0, 1), st.booleans(), WORDS, KINDS, st.integers(0, 1)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PACKETS, st.booleans()), max_size=12), TIMES)
def test_judges_never_raise_and_decide_in_the_end(packets: list[tuple[Packet, bool]], now_ns: int) -> None:
    for name, step in STEPS.items():
        judge = step.judge(step.parameters(**PARAMETERS[name]), scene())
        for packet, own in packets:
            judge.packet(packet, own=own)
        assert judge.outcome(now_ns, over=False).verdict in ("waiting", "pass", "fail", "unknown")
        assert judge.outcome(now_ns, over=True).verdict != "waiting"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PACKETS, st.booleans()), max_size=12), WORDS)
def test_what_is_known_of_a_guest_stands_any_packet(packets: list[tuple[Packet, bool]], target: str) -> None:
    guest, marks = scene().guest, Marks()
    marks.add("n1", ("icmp", 1, ROUTER), "i1")
    for packet, own in packets:
        guest.learn(packet, own=own)
        assert marks.injection("n1", packet) in ("", "i1")
    for address in (IPv4Address("10.0.0.9"), IPv6Address("2001:db8::9")):
        assert guest.next_hop(address).version == address.version
        assert guest.source(address) is None or guest.mac_of(target) is not None
