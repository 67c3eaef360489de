# SPDX-License-Identifier: Apache-2.0
"""Steps judged by injected packets: what is asked, in whose name, and what the answers say."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from netsonde.checks.asking import Asking, inquire, remember
from netsonde.checks.definitions import PlannedStep
from netsonde.checks.facts import Echo, Packet
from netsonde.checks.guest import Guest
from netsonde.checks.inquiry import Inquiry
from netsonde.checks.marks import Marks
from netsonde.checks.mishaps import Mishaps
from netsonde.checks.steps._api import WAITING, Outcome, Scene, Whereabouts
from netsonde.checks.steps._registry import STEPS
from netsonde.checks.subjects import Speaker
from netsonde.graph import Batch, Graph
from netsonde.model.injections import Injection, InjectionStatus, InjectionView, NodeInjection, ProbeResult, seed_of
from netsonde.observe import Health
from unit.checks.fakes import ADDRESS, GATEWAY, GUEST, NS, OTHER, ROUTER, HeldInjector, Packets

TARGET = "169.254.169.254:80"


def reply(note: str = "", *, number: int = 0, source: str = ROUTER, verdict: str = "reply") -> ProbeResult:
    return ProbeResult(number, 5 * NS, 2_000_000, verdict, source, note)


class Case:
    """A tap whose guest is known, and an injector that gives the answers of a test."""

    def __init__(self, *packets: Packet, attached: str = GUEST) -> None:
        graph = Graph("a1", "analyzer.a1", lambda: 0)
        batch = Batch()
        batch.put_node("n1", "test", {"Name": "tap1", "Type": "tuntap", "ExtID": {"attached-mac": attached}})
        graph.apply(batch)
        self.guest = Guest(graph, "n1", Speaker(graph, "n1"))
        for packet in packets:
            self.guest.learn(packet, own=packet.mac_source == GUEST)
        self.injector = HeldInjector(answers={"arp": [reply(GATEWAY)]})
        self.marks = Marks()
        self.turn = asyncio.Semaphore(1)
        self.health = Health("checks")
        self.scene = Scene(
            "tap1",
            0,
            10 * NS,
            lambda flow: Whereabouts(),
            lambda mac: {GATEWAY: "qr-1", OTHER: "tap9"}.get(mac, ""),
            self.guest,
            lambda: 1500,
            lambda mac, mtu: ("patch-1", 1400),
        )

    async def judged(self, step: str, **given: Any) -> Outcome:
        kind = STEPS[step]
        inquiry = Inquiry(PlannedStep(kind, kind.parameters(**given), 1000), self.scene, WAITING)
        return await inquire(inquiry, "n1", self.asking())

    def asking(self) -> Asking:
        return Asking("check vms", self.injector, self.marks, self.turn, lambda: 7_000, Mishaps(self.health))

    @property
    def asked(self) -> list[str]:
        return [one.type for one in self.injector.asked]


@pytest.fixture
def leased() -> Case:
    return Case(Packets().dhcp(0.1, "ACK", prefix_length=24, dns_servers=["10.0.0.2"]))


async def test_the_gateway_is_pinged_as_if_the_guest_did(leased: Case) -> None:
    leased.injector.answers["icmp4"] = [reply(number=number) for number in range(3)]
    outcome = await leased.judged("icmp")
    assert (outcome.verdict, outcome.sentence) == (
        "pass",
        f"{ROUTER} answered 3 of 3 injected pings, the slowest in 2.0 ms",
    )
    ping = leased.injector.asked[-1]
    assert (ping.src, ping.inbound, ping.created_by) == ("G.V('n1')", True, "check vms")
    assert (ping.src_ip, ping.dst_ip, ping.src_mac, ping.dst_mac) == (ADDRESS, ROUTER, GUEST, GATEWAY)
    assert [(one.uuid, one.sent, len(one.replies)) for one in outcome.injections][-1] == (ping.uuid, 3, 3)


async def test_a_mac_that_was_claimed_is_not_asked_for() -> None:
    case = Case(Packets().dhcp(0.1, "ACK"), Packets().claims(0.2))
    await case.judged("icmp")
    assert case.asked == ["icmp4"]


async def test_a_lost_ping_of_some_fails_with_the_loss(leased: Case) -> None:
    leased.injector.answers["icmp4"] = [reply(), reply(number=1), ProbeResult(2, 5 * NS, -1, "lost")]
    outcome = await leased.judged("icmp", max_loss=10)
    assert outcome.sentence.endswith("answered 2 of 3 injected pings, the slowest in 2.0 ms; 10 % may be lost")


async def test_pings_without_any_answer_are_told_with_their_place_later(leased: Case) -> None:
    outcome = await leased.judged("icmp")
    assert (outcome.verdict, outcome.lost) == ("fail", "nothing came back")
    assert outcome.sentence == f"ping of {ROUTER}, injected at tap1 at 00:00:05.000 UTC"


async def test_a_router_that_refuses_is_quoted(leased: Case) -> None:
    leased.injector.answers["icmp4"] = [reply("code 1", source="10.0.0.254", verdict="unreachable")]
    outcome = await leased.judged("icmp", targets=["192.0.2.1"])
    assert outcome.sentence.endswith(": 10.0.0.254 says that it is unreachable (code 1)")


async def test_what_is_beyond_the_link_goes_to_the_router(leased: Case) -> None:
    leased.injector.answers["tcp4"] = [reply("open", source="169.254.169.254")]
    outcome = await leased.judged("tcp", target=TARGET)
    assert (outcome.verdict, outcome.sentence) == ("pass", f"{TARGET} granted an injected connection in 2.0 ms")
    question, syn = leased.injector.asked
    assert (question.type, question.dst_ip, syn.dst_ip, syn.dst_mac) == ("arp", ROUTER, "169.254.169.254", GATEWAY)
    assert (syn.dst_port, syn.size, 20_000 <= syn.src_port <= 32_000) == (80, 0, True)


async def test_a_refused_connection_fails(leased: Case) -> None:
    leased.injector.answers["tcp4"] = [reply("closed", verdict="reset")]
    outcome = await leased.judged("tcp", target=TARGET)
    assert (outcome.verdict, outcome.sentence) == (
        "fail",
        f"{TARGET} refused a connection injected at tap1 at 00:00:05.002 UTC: nothing listens there",
    )


async def test_a_next_hop_that_is_silent_is_the_failure(leased: Case) -> None:
    leased.injector.answers.clear()
    outcome = await leased.judged("tcp", target=TARGET)
    assert leased.asked == ["arp"] * 3
    assert (outcome.verdict, outcome.lost) == ("fail", "nobody answered")
    assert outcome.sentence == f"ARP question for {ROUTER}, the next hop to 169.254.169.254, injected at tap1"


async def test_steps_that_need_the_same_next_hop_ask_for_it_once(leased: Case) -> None:
    leased.injector = Unhurried(answers={"arp": [reply(GATEWAY)], "icmp4": [reply()], "tcp4": [reply("open")]})
    await together(leased.judged("gateway"), leased.judged("icmp"), leased.judged("tcp", target=TARGET))
    assert sorted(leased.asked) == ["arp", "icmp4", "tcp4"]


async def test_a_next_hop_that_was_silent_for_one_step_is_so_for_those_that_waited(leased: Case) -> None:
    leased.injector = Unhurried()
    gateway, ping, again = await together(leased.judged("gateway"), leased.judged("icmp"), leased.judged("icmp"))
    assert leased.asked == ["arp"]
    for outcome in (gateway, ping, again):
        assert (outcome.verdict, outcome.lost, outcome.time_ns) == ("fail", "nobody answered", gateway.time_ns)
        assert outcome.injections == gateway.injections
    await leased.judged("icmp")
    assert leased.asked == ["arp"] * 4


async def test_the_first_answer_lets_others_go_on_while_more_are_waited_for(leased: Case) -> None:
    leased.turn = asyncio.Semaphore(2)
    leased.injector = Unhurried(answers={"arp": [reply(GATEWAY)] * 9, "icmp4": [reply()]})
    done: list[str] = []

    async def noted(step: str) -> Outcome:
        outcome = await leased.judged(step)
        done.append(step)
        return outcome

    await together(noted("gateway"), noted("icmp"))
    assert done == ["icmp", "gateway"]


async def test_a_step_that_waits_for_another_holds_no_turn(leased: Case) -> None:
    async with AsyncExitStack() as held:
        await held.enter_async_context(leased.guest.asking.turn())
        await together(leased.judged("icmp"), first(leased.judged("dhcp"), held))
    assert leased.asked == ["dhcp4", "arp", "icmp4"]


async def test_a_check_that_ended_while_a_question_waited_for_its_turn_asks_nothing(leased: Case) -> None:
    await leased.turn.acquire()
    kind = STEPS["dhcp"]
    inquiry = Inquiry(PlannedStep(kind, kind.parameters(), 1000), leased.scene, WAITING)

    async def ended() -> Outcome:
        inquiry.is_void = True
        leased.turn.release()
        return WAITING

    outcome, _ = await together(inquire(inquiry, "n1", leased.asking()), ended())
    assert (outcome.verdict, leased.asked) == ("unknown", [])


async def test_an_injection_says_until_when_it_is_listed(leased: Case) -> None:
    await leased.judged("dhcp")
    assert [one.expires_at for one in leased.injector.asked] == [7_000]


class Unhurried(HeldInjector):
    """Lets others have their turn before it answers, as agents do."""

    async def inject(self, injection: Injection, who: str) -> Any:
        async for result in super().inject(injection, who):
            await asyncio.sleep(0)
            yield result


async def first(judged: Coroutine[Any, Any, Outcome], held: AsyncExitStack) -> Outcome:
    """Judge a step, and let those go on that wait."""
    outcome = await judged
    await held.aclose()
    return outcome


async def together(*judged: Coroutine[Any, Any, Outcome]) -> list[Outcome]:
    """Judge steps of one interface at once, as they are when its time is over."""
    return [*await asyncio.gather(*judged)]


async def test_the_gateway_is_named_with_its_interface(leased: Case) -> None:
    outcome = await leased.judged("gateway")
    assert outcome.sentence == (
        f"the gateway {ROUTER} is {GATEWAY} (qr-1): it answered an injected ARP question in 2.0 ms"
    )


async def test_a_second_answer_of_the_same_owner_is_none(leased: Case) -> None:
    leased.injector.answers["arp"] = [reply(GATEWAY), reply(GATEWAY, verdict="another")]
    outcome = await leased.judged("gateway")
    assert (outcome.verdict, len(outcome.injections[0].replies)) == ("pass", 1)


async def test_a_second_answer_is_an_impostor(leased: Case) -> None:
    leased.injector.answers["arp"] = [reply(GATEWAY), reply(OTHER, verdict="another")]
    outcome = await leased.judged("gateway")
    assert (outcome.verdict, outcome.sentence) == (
        "fail",
        f"the gateway's address {ROUTER} is claimed by 2: {OTHER} (tap9) and {GATEWAY} (qr-1); one is an impostor",
    )


async def test_without_an_address_of_its_own_it_asks_from_none() -> None:
    case = Case()
    assert (await case.judged("gateway", address=ROUTER)).verdict == "pass"
    assert case.injector.asked[0].src_ip == "0.0.0.0"


@pytest.mark.parametrize(
    ("step", "given", "why"),
    [
        ("gateway", {}, "neither a lease nor the graph names a gateway"),
        ("icmp", {"targets": ["10.0.0.9"]}, "no IPv4 address of the guest behind tap1 is known"),
        ("dns", {}, "no resolver is known: no lease of tap1 named one; give the step a Server"),
        ("dhcp", {"family": "v6"}, "only DHCPv4 can be asked by injection, and the guest asked for no address itself"),
    ],
)
async def test_what_is_not_known_is_the_reason(step: str, given: dict[str, Any], why: str) -> None:
    outcome = await Case().judged(step, **given)
    assert (outcome.verdict, outcome.sentence) == ("unknown", f"nothing could be injected: {why}")


async def test_a_guest_without_a_known_mac_is_the_reason() -> None:
    outcome = await Case(attached="").judged("dhcp")
    assert outcome.sentence.endswith(
        "the guest behind tap1 has not spoken, and the graph does not know its MAC address"
    )


async def test_a_refused_injection_is_the_reason(leased: Case) -> None:
    leased.injector.refuse = "packet injection is switched off here"
    outcome = await leased.judged("dhcp")
    assert (outcome.verdict, outcome.sentence) == (
        "unknown",
        "nothing could be injected: packet injection is switched off here",
    )


async def test_an_offer_is_enough_for_dhcp(leased: Case) -> None:
    leased.injector.answers["dhcp4"] = [reply("Offer of 10.0.0.7")]
    outcome = await leased.judged("dhcp", server=ROUTER)
    assert (outcome.verdict, outcome.sentence) == (
        "pass",
        f"{ROUTER} offers 10.0.0.7 to an injected discover, in 2.0 ms; the guest asked for no lease itself",
    )


async def test_an_offer_of_somebody_else_fails(leased: Case) -> None:
    leased.injector.answers["dhcp4"] = [reply("Offer of 10.0.0.7"), reply("Offer of 10.9.0.7", source="10.0.0.66")]
    outcome = await leased.judged("dhcp", server=ROUTER)
    assert outcome.sentence == (
        f"10.0.0.66 made an offer of 10.9.0.7 to an injected discover; it is not the expected {ROUTER}"
    )


@pytest.mark.parametrize(
    ("name", "note", "verdict"),
    [
        ("", "NXDOMAIN, 0 answers", "pass"),
        ("vm.example.org", "NOERROR, 1 answers", "pass"),
        ("vm.example.org", "NXDOMAIN, 0 answers", "fail"),
        ("", "SERVFAIL, 0 answers", "fail"),
    ],
)
async def test_a_resolver_is_judged_by_what_it_says(leased: Case, name: str, note: str, verdict: str) -> None:
    leased.injector.answers["dns4"] = [reply(note, source="10.0.0.2")]
    outcome = await leased.judged("dns", name=name)
    assert (outcome.verdict, leased.injector.asked[-1].dst_ip) == (verdict, "10.0.0.2")


async def test_a_resolver_that_refuses_first_and_answers_then_works(leased: Case) -> None:
    leased.injector.answers["dns4"] = [reply("SERVFAIL, 0 answers"), reply("NOERROR, 1 answers", number=1)]
    outcome = await leased.judged("dns", name="vm.example.org")
    assert (outcome.verdict, "NOERROR" in outcome.sentence) == ("pass", True)


async def test_injected_packets_are_known_again(leased: Case) -> None:
    await leased.judged("tcp", target=TARGET)
    await leased.judged("dns", name="a")
    syn, question = (next(one for one in leased.injector.asked if one.type == kind) for kind in ("tcp4", "dns4"))
    make = Packets()
    sent = make.make(5, "TCP", destination="169.254.169.254", port_source=syn.src_port, port_destination=80)
    granted = make.make(5, "TCP", source="169.254.169.254", port_source=80, port_destination=syn.src_port)
    facts = {"destination": "10.0.0.2", "port_source": question.src_port, "port_destination": 53}
    found = [
        leased.marks.injection("n1", packet)
        for packet in (
            *(msgspec.structs.replace(packet, tcp_flags=2) for packet in (sent, granted)),
            make.make(6, "DNS", **facts),
            make.tcp(6, 2),
        )
    ]
    assert found == [syn.uuid, syn.uuid, question.uuid, ""]


async def test_who_takes_over_knows_what_was_injected_before(leased: Case) -> None:
    leased.injector.answers["dhcp4"] = [reply("Offer of 10.0.0.7")]
    for step in ("dhcp", "icmp", "dns"):
        await leased.judged(step)
    later, others = Marks(), Marks()
    remember(listed(leased.injector.asked), later)
    remember(listed(msgspec.structs.replace(one, created_by="192.0.2.7") for one in leased.injector.asked), others)
    discover, question, ping, _, name = leased.injector.asked
    make = Packets()
    packets = [
        make.dhcp(1, "Discover", xid=seed_of(discover.uuid, "n1") & 0xFFFF_FFFF),
        make.asks(2),
        make.make(3, "ICMPv4", destination=ROUTER, echo=Echo(True, ping.icmp_id, 0)),
        make.make(4, "DNS", destination="10.0.0.2", port_source=name.src_port, port_destination=53),
        make.dhcp(5, "Discover"),
    ]
    assert [later.injection("n1", one) for one in packets] == [discover.uuid, question.uuid, ping.uuid, name.uuid, ""]
    assert {others.injection("n1", one) for one in packets} == {""}


def listed(injections: Iterable[Injection]) -> list[InjectionView]:
    """Return injections as an analyzer lists them that has read of them."""
    node = NodeInjection("n1", "tap1", "h1", ADDRESS, ROUTER)
    status = InjectionStatus("a2", "finished", 0, 0, nodes=[node])
    return [InjectionView(**msgspec.structs.asdict(one), status=status) for one in injections]


class Narrow(HeldInjector):
    """A path that carries packets up to a size; a router may say so."""

    def __init__(self, size: int, note: str = "", *, but: Sequence[int] = ()) -> None:
        super().__init__()
        self.size, self.note, self.but = size, note, {*but}

    async def inject(self, injection: Injection, who: str) -> Any:
        self.asked.append(injection)
        for number in range(injection.count):
            size = 28 + injection.size + number * injection.increment_payload
            if injection.type == "arp":
                yield reply(GATEWAY)
            elif size <= self.size and size not in self.but:
                yield reply(number=number)
            elif self.note:
                yield reply(self.note, number=number, source="10.0.0.254", verdict="too-big")
            else:
                yield ProbeResult(number, 5 * NS, -1, "lost")
            self.but.discard(size)


@pytest.mark.parametrize("size", [576, 577, 1000, 1400, 1498, 1499])
async def test_the_largest_size_that_passes_is_found(leased: Case, size: int) -> None:
    leased.injector = Narrow(size)
    outcome = await leased.judged("mtu")
    assert (outcome.verdict, outcome.sentence) == (
        "fail",
        f"packets of {size} bytes pass from tap1 to {ROUTER}, of {size + 1} bytes do not: "
        "patch-1 on the way has an MTU of 1400",
    )
    assert all(one.dont_fragment for one in leased.injector.asked if one.type == "icmp4")
    assert len(leased.injector.asked) <= 9


async def test_a_path_as_wide_as_the_interface_passes(leased: Case) -> None:
    leased.injector = Narrow(1500)
    outcome = await leased.judged("mtu")
    assert (outcome.verdict, outcome.sentence) == ("pass", f"packets of 1500 bytes pass from tap1 to {ROUTER}")


async def test_what_a_router_says_of_the_mtu_is_tried_first(leased: Case) -> None:
    leased.injector = Narrow(1400, "MTU 1400")
    outcome = await leased.judged("mtu")
    assert outcome.sentence.endswith("patch-1 on the way has an MTU of 1400; 10.0.0.254 says so (MTU 1400)")
    assert len(leased.injector.asked) == 5


async def test_a_size_that_was_lost_once_is_tried_again(leased: Case) -> None:
    leased.injector = Narrow(1400, but=[1350])
    assert "packets of 1400 bytes pass" in (await leased.judged("mtu")).sentence


async def test_a_target_that_answers_no_ping_tells_nothing_of_the_mtu(leased: Case) -> None:
    leased.injector = Narrow(0)
    outcome = await leased.judged("mtu")
    assert outcome.verdict == "unknown"
    assert outcome.sentence.endswith("was not answered either, so it tells nothing of the MTU")
