# SPDX-License-Identifier: Apache-2.0
"""Routing rules from composed messages."""

import struct
from ipaddress import ip_address

import pytest

from netsonde.errors import WireError
from netsonde.model.elements import Json
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.routing import NO_INTERFACE
from netsonde.probes.netlink.rules import decode_rule, routing_rules
from netsonde.probes.netlink.state import NamespaceState
from netsonde.query.routes import best_hop, hops_of
from unit.probes.netlink.traffic import message, play, u32


def rule(priority: int, table: int, *, family: int = wire.AF_INET, new: bool = True, **more: bytes | int) -> bytes:
    """Compose a rule; `more` are attributes by number (`a17`), `src` and `dst` lengths, `action`, `flags`."""
    lengths = [int(more.pop(name, 0)) for name in ("dst", "src")]
    action, flags = int(more.pop("action", 1)), int(more.pop("flags", 0))
    body = struct.pack("=BBBBBBBBI", family, *lengths, 0, min(table, 255), 0, 0, action, flags)
    body += wire.attribute(6, u32(priority)) + wire.attribute(15, u32(table))
    for name, value in more.items():
        body += wire.attribute(int(name[1:]), value if isinstance(value, bytes) else u32(value))
    return message(wire.RTM_NEWRULE if new else wire.RTM_DELRULE, body)


STANDARD = [rule(0, 255), rule(32766, 254), rule(32767, 253)]
OF_IPV6 = [rule(0, 255, family=wire.AF_INET6), rule(32766, 254, family=wire.AF_INET6)]


def shown(*messages: bytes) -> list[Json]:
    state = NamespaceState(100)
    play(state, list(messages))
    found = routing_rules(state.rules.of(NO_INTERFACE), state.rules.omitted(NO_INTERFACE)).get("RoutingRules", [])
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("rules", [[], STANDARD, [*STANDARD, *OF_IPV6]])
def test_standard_rules_are_nothing_to_tell(rules: list[bytes]) -> None:
    assert shown(*rules) == []


def test_rules_are_shown_in_the_order_in_which_they_are_asked() -> None:
    mine = rule(100, 1077, a2=ip_address("10.0.0.0").packed, src=8, a10=1, a16=255, a17=b"eth1\0")
    drop = rule(50, 0, action=6, a1=ip_address("198.51.100.0").packed, dst=24, flags=2)
    assert shown(*STANDARD, mine, drop)[1:3] == [
        {"Priority": 50, "Table": 0, "Family": "IPv4", "Dst": "198.51.100.0/24", "Action": "blackhole", "Not": True},
        {"Priority": 100, "Table": 1077, "Family": "IPv4", "Src": "10.0.0.0/8", "OIF": "eth1", "Mark": "0x1/0xff"},
    ]


def test_standard_rule_that_was_deleted_is_missed() -> None:
    found = shown(*STANDARD, rule(32766, 254, new=False))
    assert [one["Table"] for one in found if isinstance(one, dict)] == [255, 253]


def test_rule_of_one_family_does_not_lead_packets_of_the_other() -> None:
    rules: Json = shown(*STANDARD, *OF_IPV6, rule(10, 77, family=wire.AF_INET6))
    tables: Json = [
        {
            "ID": table,
            "Src": None,
            "Routes": [{"Protocol": 3, "Prefix": prefix, "NextHops": [{"IP": hop, "IfIndex": 1}]}],
        }
        for table, prefix, hop in (
            *((77, "0.0.0.0/0", "10.0.0.77"), (254, "0.0.0.0/0", "10.0.0.254")),
            *((77, "::/0", "fe80::77"), (254, "::/0", "fe80::254")),
        )
    ]
    hops = [best_hop(hops_of(tables), rules, ip_address(to)) for to in ("192.0.2.1", "2001:db8::1")]
    assert [hop.gateway for hop in hops if hop is not None] == ["10.0.0.254", "fe80::77"]


def test_rules_beyond_the_limit_are_counted() -> None:
    state = NamespaceState(limit=2)
    for (one,) in (wire.messages(data) for data in (rule(1, 10), rule(2, 20), rule(3, 30))):
        state.take(one)
    found = routing_rules(state.rules.of(NO_INTERFACE), state.rules.omitted(NO_INTERFACE))
    assert found["RoutingRulesOmitted"] == 1
    assert [one["Table"] for one in found["RoutingRules"]] == [10, 20]  # type: ignore[union-attr,index,call-overload]


def test_other_families_are_passed_over_and_a_cut_message_is_refused() -> None:
    assert shown(rule(1, 2, family=128)) == []
    (cut,) = wire.messages(message(wire.RTM_NEWRULE, b"\2\0"))
    with pytest.raises(WireError):
        decode_rule(cut)
