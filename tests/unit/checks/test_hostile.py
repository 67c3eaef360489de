# SPDX-License-Identifier: Apache-2.0
"""Whatever packets say, judges give an outcome."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.checks.facts import Dhcp, Dns, Echo, Neighbour, Packet
from netsonde.checks.steps._registry import STEPS
from unit.checks.fakes import ADDRESS, GATEWAY, GUEST, ROUTER, scene

PARAMETERS: dict[str, dict[str, Any]] = {
    "dhcp": {"server": ROUTER},
    "gateway": {"mac": GATEWAY},
    "icmp": {"targets": [ROUTER], "max_rtt": 1.0},
    "dns": {"name": "a"},
    "tcp": {"target": "10.0.0.1:80"},
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
    tcp_flags=st.integers(0, 255),
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
