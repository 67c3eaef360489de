# SPDX-License-Identifier: Apache-2.0
"""Each step's judge: what it takes for a success, what for a failure, and the sentence it says."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from netsonde.checks.facts import ACK, RST, SYN, Error, Neighbour, Packet
from netsonde.checks.steps._api import SETTLE_NS, Outcome, Whereabouts
from netsonde.checks.steps._registry import STEPS
from unit.checks.fakes import ADDRESS, GATEWAY, GUEST, NS, OTHER, ROUTER, Packets, scene

LOST = Whereabouts(("br-int",), "qdhcp-1", 2, 2, ("n1",))
METADATA: dict[str, Any] = {"target": "169.254.169.254:80"}


def judged(
    step: str, packets: Iterable[Packet], *, now: float = 60.0, over: bool = True, where: Any = None, **given: Any
) -> Outcome:
    kind = STEPS[step]
    judge = kind.judge(kind.parameters(**given), scene(where=where))
    for packet in packets:
        judge.packet(packet, own=packet.mac_source == GUEST)
    return judge.outcome(int(now * NS), over=over)


def told(outcome: Outcome) -> tuple[str, str]:
    return outcome.verdict, outcome.sentence


@pytest.mark.parametrize("step", [name for name in STEPS if name != "unexpected"])
def test_nothing_is_decided_before_there_is_a_packet(step: str) -> None:
    given: dict[str, Any] = {"tcp": METADATA, "path": {"through": "G.V()"}}.get(step, {})
    assert judged(step, [], over=False, **given).verdict == "waiting"
    assert judged(step, [], **given).verdict in ("fail", "unknown")


def test_a_lease_is_told_with_its_server_and_time() -> None:
    outcome = judged("dhcp", Packets().lease(1.2), over=False, server=ROUTER)
    assert told(outcome) == ("pass", f"tap1 got {ADDRESS} from {ROUTER} after 1.200 s")
    assert [packet.number for packet in outcome.packets] == [0, 1, 3]


def test_a_lease_of_another_server_fails() -> None:
    outcome = judged("dhcp", Packets().lease(), over=False, server="10.0.0.2")
    assert told(outcome) == ("fail", f"tap1 got {ADDRESS} from {ROUTER}, which is not the expected 10.0.0.2")


def test_a_lease_that_comes_too_late_fails() -> None:
    assert judged("dhcp", Packets().lease(12.5)).sentence.endswith("only after 12.500 s, later than 10 s")


def test_a_discover_that_got_lost_is_told_with_the_place() -> None:
    outcome = judged("dhcp", [Packets().dhcp(1.5, "Discover")], where=LOST)
    assert told(outcome) == (
        "fail",
        "DHCP discover left tap1 at 00:00:01.500 UTC, reached br-int, was not seen on qdhcp-1: "
        "no relay or wrong VLAN 2",
    )
    assert outcome.nodes == ("n1",)


def test_a_discover_that_arrived_blames_the_server() -> None:
    arrived = Whereabouts(("br-int", "qdhcp-1"), "", 0, 2)
    sentence = judged("dhcp", [Packets().dhcp(0, "Discover")], where=arrived).sentence
    assert sentence.endswith("reached br-int and qdhcp-1: no server answered")


def test_a_refused_lease_is_told_in_the_servers_words() -> None:
    make = Packets()
    refusal = make.dhcp(1, "NAK", address="", message="wrong network")
    outcome = judged("dhcp", [make.dhcp(0, "Request"), refusal])
    assert told(outcome) == ("fail", f"{ROUTER} refused a lease at 00:00:01.000 UTC: wrong network")


def test_an_offer_without_a_lease_is_told() -> None:
    make = Packets()
    outcome = judged("dhcp", [make.dhcp(0, "Discover"), make.dhcp(1, "Offer")])
    assert told(outcome)[1].startswith(
        f"DHCP offer of {ROUTER} reached tap1 at 00:00:01.000 UTC, but no lease followed"
    )


def test_a_silent_guest_fails_with_what_it_sent() -> None:
    assert judged("dhcp", []).sentence == "tap1 asked for no lease within 10 s; it sent nothing at all"
    assert judged("dhcp", [Packets().asks(1)]).sentence.endswith("it sent 1 other packet")


def test_leases_of_others_on_the_same_link_do_not_count() -> None:
    make = Packets()
    theirs = make.dhcp(0.1, "ACK", xid=99)
    assert judged("dhcp", [make.dhcp(0, "Discover"), theirs], over=False).verdict == "waiting"


def test_an_address_that_the_guest_forms_itself_counts() -> None:
    make = Packets()
    router = make.make(0.5, "ICMPv6RouterAdvertisement", source="fe80::1", prefixes=["2001:db8::/64"])
    claim = Neighbour(True, "2001:db8::42", "", "")
    dad = make.make(0.6, "ICMPv6NeighborSolicitation", mac_source=GUEST, neighbour=claim)
    outcome = judged("dhcp", [router, dad], family="v6")
    assert told(outcome) == ("pass", "tap1 got 2001:db8::42 from fe80::1 after 0.600 s")


def test_prefixes_beyond_the_first_ones_are_not_compared_with() -> None:
    make = Packets()
    flood = [
        make.make(0.1, "ICMPv6RouterAdvertisement", source="fe80::66", prefixes=[f"2001:db8:{at:x}:{own:x}::/64"])
        for at in range(40)
        for own in range(2)
    ]
    claims = [Neighbour(True, address, "", "") for address in ("2001:db8:27:1::5", "2001:db8:1f:1::5")]
    *_, late, early = [
        make.make(1 + at, "ICMPv6NeighborSolicitation", mac_source=GUEST, neighbour=claim)
        for at, claim in enumerate(claims)
    ]
    assert judged("dhcp", [*flood, late], family="v6").verdict == "fail"
    assert judged("dhcp", [*flood, early], family="v6").verdict == "pass"


def test_the_gateway_of_the_lease_is_found_once_it_is_quiet() -> None:
    make = Packets()
    packets = [*make.lease(), make.asks(0.5), make.claims(0.6)]
    assert judged("gateway", packets, over=False, now=0.7).verdict == "waiting"
    outcome = judged("gateway", packets, over=False, now=0.6 + SETTLE_NS / NS)
    assert told(outcome) == ("pass", f"the gateway {ROUTER} is {GATEWAY} (qr-1), after 0.600 s")


def test_a_second_owner_of_the_gateways_address_is_an_impostor() -> None:
    make = Packets()
    outcome = judged("gateway", [make.asks(0.5), make.claims(0.6), make.claims(0.7, OTHER)], over=False, address=ROUTER)
    assert outcome.verdict == "fail"
    assert outcome.sentence == (
        f"the gateway's address {ROUTER} is claimed by 2: {GATEWAY} (qr-1) and {OTHER}; one is an impostor"
    )


def test_a_gateway_with_another_mac_than_expected_fails() -> None:
    make = Packets()
    outcome = judged("gateway", [make.asks(0), make.claims(0.1, OTHER)], address=ROUTER, mac=GATEWAY.upper())
    assert outcome.sentence == f"{ROUTER} is answered by {OTHER}, not by the expected {GATEWAY}"


def test_an_unanswered_question_for_the_gateway_is_told_with_the_place() -> None:
    outcome = judged("gateway", [Packets().asks(1)], address=ROUTER, where=LOST)
    assert outcome.sentence == (
        f"ARP question for {ROUTER} left tap1 at 00:00:01.000 UTC, reached br-int, was not seen on qdhcp-1: "
        "wrong VLAN 2 or no link"
    )


def test_what_was_not_asked_cannot_be_judged() -> None:
    assert told(judged("gateway", [])) == ("unknown", "no gateway is known: no lease of tap1 named a router")
    assert judged("gateway", [], address=ROUTER).verdict == "unknown"
    assert told(judged("tcp", [], **METADATA)) == ("unknown", "tap1 did not connect to 169.254.169.254:80")
    assert told(judged("dns", [], server="10.0.0.2")) == ("unknown", "tap1 asked nothing of 10.0.0.2")
    assert told(judged("icmp", [])) == ("unknown", "tap1 pinged nothing")


def test_pings_are_paired_and_the_slowest_is_told() -> None:
    make = Packets()
    packets = [make.ping(0, 1), make.ping(0.02, 1, reply=True), make.ping(1, 2), make.ping(1.03, 2, reply=True)]
    outcome = judged("icmp", packets, over=False, targets=[ROUTER], count=2)
    assert told(outcome) == ("pass", f"{ROUTER} answered 2 of 2 pings, the slowest in 30.0 ms")


def test_a_lost_ping_fails_unless_it_is_allowed() -> None:
    make = Packets()
    packets = [make.ping(0, 1), make.ping(1, 2), make.ping(1.1, 2, reply=True)]
    assert judged("icmp", packets).sentence == f"1 of 2 pings of {ROUTER} were answered, 0 % may be lost"
    assert judged("icmp", packets, max_loss=50).verdict == "pass"


def test_a_slow_reply_fails_when_a_limit_is_set() -> None:
    make = Packets()
    packets = [make.ping(0, 1), make.ping(0.1, 1, reply=True), make.ping(1, 2), make.ping(1.2, 2, reply=True)]
    outcome = judged("icmp", packets, max_rtt=150)
    assert outcome.sentence == f"a reply of {ROUTER} took 200.0 ms, more than 150 ms"
    assert (outcome.time_ns, outcome.packets) == (packets[3].time_ns, (packets[3],))


def test_a_ping_without_any_reply_is_told_with_the_place() -> None:
    sentence = judged("icmp", [Packets().ping(0, 1)], targets=[ROUTER]).sentence
    assert sentence == f"ping of {ROUTER} left tap1 at 00:00:00.000 UTC: nothing came back"


def test_a_resolver_that_answers_passes_even_for_an_absent_name() -> None:
    make = Packets()
    outcome = judged("dns", [make.dns(1), make.dns(1.01, code="Non-Existent Domain", records=0)], over=False)
    assert told(outcome) == ("pass", f"{ROUTER} answered vm.example.org after 1.010 s")


def test_a_name_that_must_be_found_has_to_have_records() -> None:
    make = Packets()
    packets = [make.dns(1), make.dns(1.01, code="No Error", records=0)]
    outcome = judged("dns", packets, name="VM.example.org.")
    assert told(outcome) == ("fail", f"{ROUTER} answered vm.example.org with: no record")


def test_a_resolver_that_fails_is_told_with_its_code() -> None:
    make = Packets()
    outcome = judged("dns", [make.dns(1), make.dns(1.01, code="Server Failure")])
    assert outcome.sentence == f"{ROUTER} answered vm.example.org with: Server Failure"


def test_an_unanswered_question_for_a_name_is_told() -> None:
    sentence = judged("dns", [Packets().dns(1)]).sentence
    assert sentence.endswith(f"for vm.example.org to {ROUTER} left tap1 at 00:00:01.000 UTC: no answer came back")


def test_a_handshake_passes_at_the_second_syn() -> None:
    make = Packets()
    outcome = judged("tcp", [make.tcp(1, SYN), make.tcp(1.1, SYN | ACK, back=True)], over=False, **METADATA)
    assert told(outcome) == ("pass", "169.254.169.254:80 answered after 1.100 s")


def test_a_refused_connection_says_that_nothing_listens() -> None:
    make = Packets()
    packets = [make.tcp(1, SYN), make.tcp(1.1, RST | ACK, back=True)]
    assert judged("tcp", packets, over=False, **METADATA).verdict == "waiting"
    outcome = judged("tcp", packets, **METADATA)
    assert outcome.sentence == (
        "169.254.169.254:80 refused the connection of tap1 at 00:00:01.100 UTC: nothing listens there"
    )
    assert outcome.time_ns == packets[1].time_ns


def test_an_unanswered_connection_is_told() -> None:
    sentence = judged("tcp", [Packets().tcp(1, SYN)], **METADATA).sentence
    assert sentence == "connection to 169.254.169.254:80 left tap1 at 00:00:01.000 UTC: nothing came back"


def test_a_path_passes_when_every_interface_was_reached() -> None:
    whole = Whereabouts(("br-int", "qdhcp-1"), "", 0, 2, ("n1", "n2"))
    outcome = judged("path", [Packets().asks(0.5)], over=False, where=whole, through="G.V()")
    assert told(outcome) == ("pass", "packets of tap1 reached br-int and qdhcp-1, the first after 0.500 s")


def test_a_path_names_the_first_interface_that_was_not_reached() -> None:
    outcome = judged("path", [Packets().asks(0.5)], where=LOST, through="G.V()")
    assert told(outcome) == (
        "fail",
        "ARP left tap1 at 00:00:00.500 UTC, reached br-int, was not seen on qdhcp-1",
    )


def test_a_path_of_nothing_is_unknown() -> None:
    assert judged("path", [Packets().asks(0.5)], through="G.V()").sentence.startswith("no interface of the path")
    assert judged("path", [], through="G.V()", protocol="DNS").sentence.startswith("tap1 sent no packet of DNS")


def test_an_unexpected_protocol_or_peer_fails_at_once() -> None:
    make = Packets()
    outcome = judged("unexpected", [make.asks(0.1), make.tcp(0.2, SYN)], over=False, protocols=["arp", "dns"])
    assert told(outcome) == ("fail", "tap1 sent unexpected TCP at 00:00:00.200 UTC")
    outcome = judged("unexpected", [make.tcp(0.3, SYN)], over=False, peers=["10.0.0.0/24"])
    assert told(outcome)[1] == "tap1 sent unexpected TCP to 169.254.169.254 at 00:00:00.300 UTC"


def test_only_the_end_acquits_a_guest_of_the_unexpected() -> None:
    packets = [Packets().asks(0.1), Packets().claims(0.2, OTHER)]
    assert judged("unexpected", packets, over=False, protocols=["ARP"]).verdict == "waiting"
    outcome = judged("unexpected", packets, protocols=["ARP"])
    assert told(outcome) == ("pass", "nothing unexpected among 1 packet of tap1")


def segment(make: Packets, at: float, length: int, sequence: int, **more: Any) -> Packet:
    facts = {"source": ADDRESS, "destination": ROUTER, "tcp_flags": ACK, "length": length, "tcp_payload": length - 40}
    sent = make.make(at, "TCP", mac_source=GUEST, tcp_sequence=sequence, **facts, **more)
    return replace(sent, flow="f1")


def test_a_router_that_says_too_big_is_quoted_unless_enough_passes() -> None:
    error = Error("192.0.2.9", 5, 80, 1400)
    packet = Packets().make(1.5, "ICMPv4", mac_source=GATEWAY, source=ROUTER, error=error)
    assert told(judged("mtu", [packet], over=False)) == (
        "fail",
        f"{ROUTER} says at 00:00:01.500 UTC that packets of more than 1400 bytes to 192.0.2.9 do not fit",
    )
    assert judged("mtu", [packet], least=1400).verdict == "unknown"


def test_segments_that_the_interface_cannot_carry_are_told() -> None:
    syn = replace(Packets().tcp(1, SYN), tcp_segment_size=8960)
    assert told(judged("mtu", [syn])) == (
        "fail",
        "the guest offers 169.254.169.254 to take segments of 8960 bytes, more than tap1 carries: its MTU is 1500, "
        "the guest's must be greater",
    )
    assert judged("mtu", [replace(syn, tcp_segment_size=1460)]).verdict == "unknown"


def test_large_segments_that_are_sent_again_and_again_are_told() -> None:
    make = Packets()
    small, large = ([segment(make, at, size, size) for at in (1, 2, 3)] for size in (500, 1500))
    assert told(judged("mtu", large)) == (
        "fail",
        f"a segment of 1500 bytes to {ROUTER} was sent 3 times until 00:00:03.000 UTC, and no small one was: "
        "such packets seem to get lost on the way",
    )
    # A path on which nothing passes has another trouble than its MTU.
    assert judged("mtu", [*small, *large]).verdict == "unknown"
