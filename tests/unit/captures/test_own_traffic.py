# SPDX-License-Identifier: Apache-2.0
"""A capture does not see its own reports."""

import pytest

from netsonde._native import check_bpf
from netsonde.captures.engines.own_traffic import OwnTraffic, own_servers, without_own_traffic

BUS = OwnTraffic("127.0.0.1", 4222)
FAR = OwnTraffic("192.0.2.7", 4222)


def test_only_numeric_addresses_with_a_port_are_left_out() -> None:
    urls = ["nats://127.0.0.1:4222", "tls://[2001:db8::1]:4222", "nats://bus.example:4222", "192.0.2.7:8082", "x", ""]
    assert own_servers(urls) == [BUS, OwnTraffic("2001:db8::1", 4222), OwnTraffic("192.0.2.7", 8082)]


@pytest.mark.parametrize(
    ("text", "ifname", "expected"),
    [
        ("", "lo", "not (host 127.0.0.1 and tcp port 4222)"),
        ("udp or icmp", "lo", "(udp or icmp) and not (host 127.0.0.1 and tcp port 4222)"),
        ("udp", "eth0", "(udp) and not (host 192.0.2.7 and tcp port 4222)"),
    ],
)
def test_the_filter_leaves_out_what_passes_this_interface(text: str, ifname: str, expected: str) -> None:
    found = without_own_traffic(text, ifname, [BUS, FAR])
    assert found == expected
    check_bpf(found)


def test_without_servers_the_filter_stays_as_it_is() -> None:
    assert without_own_traffic(" tcp ", "lo", []) == "tcp"
    assert without_own_traffic("", "lo", [FAR]) == ""
